"""Exercise 04: how many negatives."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np

from nslab import theory
from nslab.practice import _mistakes_04
from nslab.practice._exercise import Case, Exercise, Question

# The specification: numbers as they were typed, sixty digits for logarithms, and whole numbers to compare.


def p_hit(rho: float, K: int) -> float:
    """1 − (1 − ρ)^K with sixty digits."""
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


# The inputs. What is typed and the float64 beside it must lead to the same K, or both readings could not be right.

_EQUAL = (
    (0.25, 3),
    (0.25, 6),
    (0.4375, 3),
    (0.5625, 3),
    (0.65625, 2),
    (0.03125, 3),
)  # K draws reach q exactly; logarithms in float64 say K + 1
_STEP = (*((0.5, K) for K in (8, 10, 13, 16, 19)), *((0.375, K) for K in (6, 9, 12, 15)))
_NEAR = (*((0.375, K) for K in (28, 29, 31, 33, 34, 35, 37)), *((0.125, K) for K in (30, 33, 50, 59, 60)))
_FINITE_EQUAL = ((24, 1, 0.125), (44, 1, 0.75), (54, 1, 0.5), (16, 2, 0.875), (24, 1, 0.625))
_FINITE_NEAR = (
    (10, 5, 0.7777777777777778),
    (25, 7, 0.6452173913043479),
    (30, 2, 0.6873563218390805),
    (30, 3, 0.6206896551724138),
    (30, 4, 0.25287356321839083),
    (30, 7, 0.41839080459770117),
)  # q is a chance of a hit, rounded up to float64
_TYPICAL = (0.5, 0.9, 0.95, 0.99, 0.999)


def _hit_cases(seed: int) -> list[Case]:
    edges = [
        Case((0.5, 1), "a single draw hits with probability ρ"),
        Case((0.5, 3)),
        Case((0.01, 95), "95 · 0.01 is 0.95, and that is not the chance of a hit"),
        Case((0.01, 299)),
        Case((0.001, 4095)),
        Case((0.3, 0), "no draw, no hit"),
        Case((0.0, 5), "nothing is hard"),
        Case((1.0, 1), "everything is hard: one draw is sure"),
        Case((1.0, 4), "everything is hard: the first draw is sure"),
        Case((1e-10, 1), "in float64, 1 − 1e-10 has lost half of the digits of ρ"),
        Case((1e-12, 1000), "in float64, 1 − 1e-12 has lost most of the digits of ρ"),
        Case((1e-17, 1), "in float64, 1 − 1e-17 is 1"),
        Case((1e-17, 1000), "in float64, 1 − 1e-17 is 1"),
        Case((1e-15, 5000), "in float64, 1 − 1e-15 keeps one digit of ρ"),
    ]
    rng = np.random.default_rng(seed)
    drawn = [Case((int(rng.integers(2, 400)) / 1000, int(rng.integers(2, 300)))) for _ in range(7)]
    small = [Case((int(rng.integers(11, 99)) / 1e12, int(rng.integers(2, 3000)))) for _ in range(2)]
    return [Case(case.args, case.about, atol=0.0) for case in edges + drawn + small]


def _needed_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    edges = [
        Case((0.5, 0.875), "three draws reach 0.875 exactly"),
        Case((0.5, 0.75), "two draws reach 0.75 exactly"),
        Case((0.5, 0.5), "one draw reaches 0.5 exactly"),
        Case((0.01, 0.95), "298 draws reach 0.94996"),
        Case((0.001, 0.99)),
        Case((0.9, 0.5), "one draw is more than enough"),
        Case((0.3, 0.0), "q = 0 needs no draw"),
        Case((0.0, 0.0), "q = 0 needs no draw, even where nothing is hard"),
        Case((0.2, None, 1.0), "a miss is allowed for certain: no draw is needed"),
        Case((1.0, 0.5), "everything is hard: one draw is sure"),
        Case((1.0, 1.0), "everything is hard: one draw is sure"),
        Case((1.0, None, 1e-20), "everything is hard: one draw is sure"),
        Case((0.0, 0.5), "nothing is hard: no K is enough"),
        Case((0.3, 1.0), "nothing makes a hit certain while ρ < 1"),
        Case((0.3, None, 0.0), "nothing makes a hit certain while ρ < 1"),
        Case((0.0, None, 0.1), "nothing is hard: no K is enough"),
        Case((0.01, None, 0.05), "the same as q = 0.95"),
        Case((0.01, None, 1e-20), "1 − 1e-20 is 1 in float64, so q could not say this"),
        Case((0.5, None, 1e-30), "1 − 1e-30 is 1 in float64, so q could not say this"),
        Case((0.1, None, 1e-300), "1 − 1e-300 is 1 in float64, so q could not say this"),
    ]
    drawn = [Case((int(rng.integers(2, 400)) / 1000, float(rng.choice(_TYPICAL)))) for _ in range(8)]
    million = [
        Case((rho, 0.95), "more than a million draws: an exact power has tens of millions of digits")
        for rho in (2.5e-6, 2e-6)
    ]
    tiny = [
        Case((1e-12, 0.95), "1 − 1e-12 is rounded in float64"),
        Case((int(rng.integers(11, 99)) / 1e11, 0.9), "1 − ρ is rounded in float64"),
        Case((int(rng.integers(11, 99)) / 1e11, None, 0.25), "1 − ρ is rounded in float64"),
        Case((1e-17, 0.95), "1 − 1e-17 is 1 in float64", atol=3e5),
        Case((0.01, 1e-20), "q > 0 needs a draw; 1 − 1e-20 is 1 in float64"),
        Case((0.3, 1e-17), "q > 0 needs a draw; 1 − 1e-17 is 1 in float64"),
        Case((1e-17, 1e-17), "one draw reaches q = ρ exactly"),
        Case((1e-18, 5.5e-18), "1 − ρ and 1 − q are 1 in float64"),
    ]
    cases = edges + drawn + _at_the_boundary(rng) + million + tiny
    return [Case(case.args, case.about, case.atol if case.atol > 1 else 0.0) for case in cases]


def _at_the_boundary(rng: np.random.Generator) -> list[Case]:
    """Where the chance of a miss and what is allowed are equal, or as near as float64 allows."""
    equal = [Case((0.25, 0.578125), "three draws reach 0.578125 exactly")]
    for i in rng.choice(len(_EQUAL) - 1, 3, replace=False) + 1:
        rho, K = _EQUAL[i]
        missed = float((1 - Fraction(rho)) ** K)
        about = f"{K} draws miss with probability {missed}, exactly what is allowed"
        equal.append(Case((rho, None, missed) if i % 2 else (rho, 1 - missed), about))
    step = []
    for i in rng.choice(len(_STEP), 2, replace=False):
        rho, K = _STEP[i]
        below = math.nextafter(float((1 - Fraction(rho)) ** K), 0)
        step.append(
            Case(
                (rho, None, below), f"miss is one step of float64 below {1 - rho} ** {K}: {K} draws just fail"
            )
        )
    near = []
    for i in rng.choice(len(_NEAR), 4, replace=False):
        rho, K = _NEAR[i]
        nearest = float((1 - Fraction(rho)) ** K)
        near.append(
            Case(
                (rho, None, nearest), f"miss is the float64 nearest to {1 - rho} ** {K}, and smaller than it"
            )
        )
    return equal + step + near


def _finite_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    edges = [
        Case((100, 1, 0.95), "one hard item: 95 of 100 items must be looked at"),
        Case((1000, 10, 0.95), "an endless pool with this share needs 299"),
        Case((10_000, 100, 0.95), "the same share in a larger pool"),
        Case((1, 1, 0.9), "one item, and it is hard"),
        Case((50, 50, 1.0), "everything is hard: one draw is sure"),
        Case((6, 2, 1.0), "certain once the easy items are used up"),
        Case((100, 1, 1.0), "certain only when nothing is left"),
        Case((40, 25, 1.0), "certain once the easy items are used up"),
        Case((10, 3, 0.0), "q = 0 needs no draw"),
        Case((10, 0, 0.0), "q = 0 needs no draw, even where nothing is hard"),
        Case((10, 0, 0.5), "nothing is hard: no K is enough"),
        Case((10, 0, 1.0), "nothing is hard: no K is enough"),
        Case((10, 4, 1e-20), "q > 0 needs a draw; 1 − 1e-20 is 1 in float64"),
    ]
    equal = [
        Case(_FINITE_EQUAL[i], "q is reached exactly")
        for i in rng.choice(len(_FINITE_EQUAL), 4, replace=False)
    ]
    near = [
        Case(_FINITE_NEAR[i], "one draw fewer has this chance to sixteen digits, and is still below q")
        for i in rng.choice(len(_FINITE_NEAR), 4, replace=False)
    ]
    drawn: list[Case] = []
    while len(drawn) < 8:
        N = int(rng.integers(20, 400))
        M, q = int(rng.integers(2, N // 5 + 2)), float(rng.choice(_TYPICAL))
        if _finite(N, M, Fraction(q)) == _finite(N, M, Fraction(str(q))):
            drawn.append(Case((N, M, q)))
    return [Case(case.args, case.about, atol=0.0) for case in edges + equal + near + drawn]


def _average_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    edges = [
        Case((np.array([0.01]), 0.95), "one anchor: the K of part 2"),
        Case((np.array([0.02, 0.0]), 0.45), "half of the anchors have nothing to hit"),
        Case(
            (np.array([0.02, 0.0]), 0.5), "half of the anchors have nothing to hit, so 0.5 is never reached"
        ),
        Case((np.array([0.5, 0.0]), 0.7), "half of the anchors have nothing to hit"),
        Case((np.array([1.0, 0.0]), 0.5), "half of the anchors are sure of a hit at the first draw"),
        Case((np.array([1.0, 1.0]), 1.0), "all anchors are sure of a hit at the first draw"),
        Case((np.array([0.5, 1.0]), 1.0), "nothing is certain while one ρ is below 1"),
        Case((np.array([0.3, 0.0]), 0.0), "q = 0 needs no draw"),
        Case((np.array([0.5, 0.001]), 0.9), "a rich anchor and a poor one"),
        Case((np.array([0.1, 0.2, 0.3, 0.4]), 0.9)),
        Case((np.sort(rng.beta(0.5, 49.5, 60)).round(6), 0.9), "mean ρ about 0.01, most of it near 0"),
    ]
    drawn = [Case((rng.beta(1, 30, n).round(4), float(rng.choice((0.5, 0.8, 0.9))))) for n in (5, 12, 30, 60)]
    return [Case(case.args, case.about, atol=0.0) for case in edges + drawn]


# How an answer is compared and shown: K, and what it does.


class _Told(dict[str, float]):
    """Named numbers that numpy reads as a row."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array([*self.values()], dtype=dtype)


def _measure_needed(args: tuple[Any, ...], value: Any) -> dict[str, float]:
    rho, K = args[0], _one_number(value)
    missed = math.exp(K * math.log1p(-rho)) if 0 < rho < 1 and K >= 0 else float(rho == 0 or K <= 0)
    if args[1] is None:
        return _Told({"K": K, "chance of a miss": missed})
    return _Told({"K": K, "chance of a hit": 1 - missed})


def _measure_finite(args: tuple[Any, ...], value: Any) -> dict[str, float]:
    (N, M, _), K = args, _one_number(value)
    if not 0 <= K <= N:
        return _Told({"K": K, "chance of a hit": math.nan})
    return _Told({"K": K, "chance of a hit": 1 - math.prod(max(0, N - K - i) / (N - i) for i in range(M))})


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
            _hit_cases,
            _mistakes_04.P_HIT,
            (
                "At least one of K is hard: that can happen in many ways. Its opposite can happen in one.",
                "Independent draws: the chances of K misses multiply. For ρ = 1e-17 try `1 - rho` in Python, and "
                "then look for functions of `math` whose names end in 1p and in m1.",
                "A power is the exponential of K times a logarithm. Choose the two functions that never form a "
                "number near 1, and give ρ = 1 a line of its own.",
            ),
            rtol=1e-9,
        ),
        Question(
            "k_needed(rho, q=None, miss=None)",
            k_needed,
            _library_needed,
            "nslab.theory.smallest_k",
            _needed_cases,
            _mistakes_04.K_NEEDED,
            (
                "Write down what K draws may miss at most, and solve for K with logarithms. Which way does the sign "
                "turn when you divide by the logarithm of a number below 1? First of all, settle q = 0, ρ = 1, and "
                "where no K is enough.",
                "The rounded-up quotient is right but for two things: 1 − ρ loses a small ρ (you know the remedy from "
                "part 1; a tiny q needs it too), and where K draws reach q exactly, rounding may push it over the "
                "edge.",
                "Take it as a guess. While it is below ten thousand or so, compare the power of a Fraction with the "
                "miss that is allowed, for the guess and for its neighbours. A larger guess stands.",
            ),
            rtol=0.0,
            measure=_measure_needed,
        ),
        Question(
            "k_needed_finite(N, M, q)",
            k_needed_finite,
            theory.smallest_k_finite,
            "nslab.theory.smallest_k_finite",
            _finite_cases,
            _mistakes_04.FINITE,
            (
                "The first draw misses with probability (N − M)/N. What is in the pool when the second is drawn, if "
                "the first one missed?",
                "Multiply these chances, draw after draw, until little enough is left. As integers or Fractions they "
                "are exact.",
                "Turn q into a Fraction before you take it from 1. After how many draws does one factor become 0? "
                "That is the K for q = 1. With M = 0 it never happens: raise ValueError.",
            ),
            rtol=0.0,
            measure=_measure_finite,
        ),
        Question(
            "k_for_average(rhos, q)",
            k_for_average,
            None,
            "",
            _average_cases,
            _mistakes_04.AVERAGE,
            (
                "Write a helper: the mean of your `p_hit` over the anchors for a given K. It never falls as K grows.",
                "What does it come near to as K grows for ever? Refuse what lies above; think about equality.",
                "Double K until the mean is high enough. The answer then lies between the last two: halve the gap "
                "until it is 1.",
            ),
            rtol=0.0,
            stretch=True,
        ),
    ),
)
