"""Exercise 04: how many negatives."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np

from nslab import theory
from nslab.practice._exercise import Exercise, Question
from nslab.practice.exercises._04_how_many_negatives import (
    cases,
    mistakes,
    mistakes_average,
    mistakes_finite,
    mistakes_needed,
)

# The specification: numbers as they were typed, sixty digits for logarithms, and whole numbers to compare.


def p_hit(rho: float, K: int) -> float:
    """1 − (1 − ρ)^K with sixty digits."""
    if K == 0:
        return 0.0
    with localcontext(prec=60):
        return float(1 - (1 - Decimal(str(rho))) ** K)


def k_needed(rho: float, q: float | None = None, miss: float | None = None) -> int:
    """The smallest K with (1 − ρ)^K <= 1 − q."""
    allowed = Fraction(str(miss)) if q is None else 1 - Fraction(str(q))
    return _endless(Fraction(str(rho)), allowed)


def k_needed_finite(N: int, M: int, q: float) -> int:
    """Draw after draw: the chance that all have missed so far, until at most 1 − q is left."""
    return _finite(N, M, Fraction(str(q)))


def k_for_average(rhos: np.ndarray, q: float) -> int:
    """The smallest K at which the mean of the chances reaches q: doubled until it is enough, then halved."""
    sure, some = np.mean(rhos == 1), np.mean(rhos > 0)
    if q > sure and q >= some:
        raise ValueError(f"no K is enough: {some:g} of the anchors have a hard negative, and q = {q:g}")
    low, high = -1, 0
    while _mean_chance(rhos, high) < q:
        low, high = high, 2 * high + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _mean_chance(rhos, middle) < q else (low, middle)
    return high


def _endless(rho: Fraction, allowed: Fraction) -> int:
    if allowed == 1:
        return 0
    if rho == 1:
        return 1
    if rho == 0 or allowed == 0:
        raise ValueError(f"no K is enough: rho = {float(rho):g}, chance of a miss {float(allowed):g}")
    with localcontext(prec=60):
        x = _ln(allowed) / _ln(1 - rho)
        K = int(x.to_integral_value())
        if abs(x - K) > Decimal("1e-20"):
            return math.ceil(x)
    return K if (1 - rho) ** K <= allowed else K + 1


def _ln(x: Fraction) -> Decimal:
    return Decimal(x.numerator).ln() - Decimal(x.denominator).ln()


def _finite(N: int, M: int, q: Fraction) -> int:
    if M == 0 and q > 0:
        raise ValueError(f"no K is enough: none of the {N} items is hard")
    missed, K = Fraction(1), 0
    while missed > 1 - q:
        missed *= Fraction(N - M - K, N - K)
        K += 1
    return K


def _mean_chance(rhos: np.ndarray, K: int) -> float:
    missed = [0.0 if rho == 1 else math.exp(K * math.log1p(-rho)) for rho in rhos]
    return 1.0 if K > 0 and not any(missed) else 1 - math.fsum(missed) / len(rhos) if K > 0 else 0.0


# How an answer is compared and shown: K, and what it does.


def _measure_needed(args: tuple[Any, ...], value: Any) -> dict[str, float]:
    rho, K = args[0], _one_number(value)
    missed = math.exp(K * math.log1p(-rho)) if 0 < rho < 1 and K >= 0 else float(rho == 0 or K <= 0)
    if args[1] is None:
        return {"K": K, "chance of a miss": missed}
    return {"K": K, "chance of a hit": 1 - missed}


def _measure_finite(args: tuple[Any, ...], value: Any) -> dict[str, float]:
    (N, M, _), K = args, _one_number(value)
    if not 0 <= K <= N:
        return {"K": K, "chance of a hit": math.nan}
    return {"K": K, "chance of a hit": 1 - math.prod(max(0, N - K - i) / (N - i) for i in range(M))}


def _one_number(value: Any) -> float:
    if isinstance(value, bool | str | list | tuple | dict) or np.ndim(value) > 0:
        raise ValueError(f"one integer is asked for, got {type(value).__name__}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError("your K has more than three hundred digits") from None


def _library_hit(rho: float, K: int) -> Any:
    return theory.hit_probability(rho, K) if K else 0.0


def _library_needed(rho: float, q: float | None = None, miss: float | None = None) -> int:
    return theory.smallest_k(rho, q if miss is None else 1 - Fraction(str(miss)))


EXERCISE = Exercise(
    "04",
    "how many negatives",
    (
        Question(
            "p_hit(rho, K)",
            p_hit,
            _library_hit,
            "nslab.theory.hit_probability",
            cases.hit_cases,
            mistakes.P_HIT,
            (
                "At least one of K is hard: that can happen in many ways. Its opposite can happen in one.",
                (
                    "Independent draws: the chances of K misses multiply. For ρ = 1e-17 try `1 - rho` in"
                    " Python, and then look for functions of `math` whose names end in 1p and in m1."
                ),
                (
                    "A power is the exponential of K times a logarithm. Choose the two functions that never"
                    " form a number near 1, and give ρ = 1 a line of its own."
                ),
            ),
            rtol=1e-9,
        ),
        Question(
            "k_needed(rho, q=None, miss=None)",
            k_needed,
            _library_needed,
            "nslab.theory.smallest_k",
            cases.needed_cases,
            mistakes_needed.K_NEEDED,
            (
                (
                    "Write down what K draws may miss at most, and solve for K with logarithms. Which way"
                    " does the sign turn when you divide by the logarithm of a number below 1? First of all,"
                    " settle q = 0, ρ = 1, and where no K is enough."
                ),
                (
                    "The rounded-up quotient is right but for two things: 1 − ρ loses a small ρ (you know the"
                    " remedy from part 1; a tiny q needs it too), and where K draws reach q exactly, rounding"
                    " may push it over the edge."
                ),
                (
                    "Take it as a guess. While it is below ten thousand or so, compare the power of a"
                    " Fraction with the miss that is allowed, for the guess and for its neighbours. A larger"
                    " guess stands."
                ),
            ),
            rtol=0.0,
            measure=_measure_needed,
        ),
        Question(
            "k_needed_finite(N, M, q)",
            k_needed_finite,
            theory.smallest_k_finite,
            "nslab.theory.smallest_k_finite",
            cases.finite_cases,
            mistakes_finite.FINITE,
            (
                (
                    "The first draw misses with probability (N − M)/N. What is in the pool when the second is"
                    " drawn, if the first one missed?"
                ),
                (
                    "Multiply these chances, draw after draw, until little enough is left. As integers or"
                    " Fractions they are exact."
                ),
                (
                    "Turn q into a Fraction before you take it from 1. After how many draws does one factor"
                    " become 0? That is the K for q = 1. With M = 0 it never happens: raise ValueError."
                ),
            ),
            rtol=0.0,
            measure=_measure_finite,
        ),
        Question(
            "k_for_average(rhos, q)",
            k_for_average,
            None,
            "",
            cases.average_cases,
            mistakes_average.AVERAGE,
            (
                (
                    "Write a helper: the mean of your `p_hit` over the anchors for a given K. It never falls"
                    " as K grows."
                ),
                (
                    "What does it come near to as K grows for ever? Refuse what lies above; think about"
                    " equality."
                ),
                (
                    "Double K until the mean is high enough. The answer then lies between the last two: halve"
                    " the gap until it is 1."
                ),
            ),
            rtol=0.0,
            stretch=True,
        ),
    ),
)
