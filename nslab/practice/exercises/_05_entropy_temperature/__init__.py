"""Exercise 05: entropy, temperature and variance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import Any

import numpy as np

from nslab import theory
from nslab.practice._exercise import Case, Exercise, Question
from nslab.practice.exercises._05_entropy_temperature import mistakes

# The specification: thirty decimal digits, one line a formula, no regard for speed.


def entropy(s: Sequence[float], tau: float, base: float = math.e) -> float:
    """H = −Σ pⱼ ln pⱼ / ln base."""
    with localcontext(prec=30):
        return float(_entropy(s, Decimal(float(tau))) / Decimal(float(base)).ln())


def dH_dtau(s: Sequence[float], tau: float) -> float:
    """dH/dτ = Var_p(s) / τ³."""
    with localcontext(prec=30):
        t = Decimal(float(tau))
        scores, p = _decimals(s), _softmax(s, t)
        mean = sum(pj * sj for pj, sj in zip(p, scores, strict=True))
        return float(sum(pj * (sj - mean) ** 2 for pj, sj in zip(p, scores, strict=True)) / t**3)


def tau_for_effective(s: Sequence[float], n_eff: float) -> float:
    """The τ at which exp H = n_eff, by halving an interval that contains it."""
    ties = sum(sj == max(s) for sj in s)
    if not ties < n_eff < len(s):
        raise ValueError(f"n_eff must lie strictly between {ties} and {len(s)}, got {n_eff:g}")
    with localcontext(prec=30):
        target = Decimal(float(n_eff)).ln()
        low = high = Decimal(float(max(s) - min(s)))
        while _entropy(s, low) > target:
            low /= 2
        while _entropy(s, high) < target:
            high *= 2
        for _ in range(45):
            middle = (low * high).sqrt()
            low, high = (middle, high) if _entropy(s, middle) < target else (low, middle)
        return float(low)


def steepest_gap(tau: float) -> float:
    """g = xτ, where x tanh(x/2) = 2: the zero of the derivative of g² p (1 − p)."""
    low, high = 2.0, 3.0
    for _ in range(60):
        x = (low + high) / 2
        low, high = (x, high) if x * math.tanh(x / 2) < 2 else (low, x)
    return low * tau


def _decimals(s: Sequence[float]) -> list[Decimal]:
    return [Decimal(float(sj)) for sj in s]


def _softmax(s: Sequence[float], tau: Decimal) -> list[Decimal]:
    scores = _decimals(s)
    weights = [((sj - max(scores)) / tau).exp() for sj in scores]
    return [w / sum(weights) for w in weights]


def _entropy(s: Sequence[float], tau: Decimal) -> Decimal:
    return -sum((p * p.ln() for p in _softmax(s, tau) if p), Decimal(0))


# The inputs.

FIVE = np.array([0.9, 0.5, 0.3, 0.0, -0.4])
_COLD = "at τ = 0.0001 the small weights are below the smallest float"
_FAR = "adding one number to every score must change nothing"


def _random_scores(seed: int, count: int) -> list[tuple[np.ndarray, float]]:
    rng = np.random.default_rng(seed)
    sizes, temperatures = (2, 3, 5, 8, 32), (0.05, 0.07, 0.1, 0.2, 0.5, 2.0)
    return [
        (rng.uniform(-1, 1, rng.choice(sizes)).round(2), float(rng.choice(temperatures)))
        for _ in range(count)
    ]


def _entropy_cases(seed: int) -> list[Case]:
    edges = [
        Case((np.array([0.3]), 0.1), "a single negative leaves no doubt"),
        Case((np.array([0.5, 0.5]), 0.1, 2), "two equal scores are one bit"),
        Case((np.array([0.3, 0.3, 0.3]), 0.1), "equal scores give ln K"),
        Case((np.array([1.0, 0.0]), 0.5)),
        Case((np.array([1.0, 0.0]), 0.5, 2), "the same in bits"),
        Case((np.array([0.0, -1.0]), 0.001), "exp(−1000) is 0 in float64"),
        Case((np.array([-0.1, -0.1, -0.9]), 0.001), "two share the top and exp(−800) is 0 in float64"),
        Case((np.array([0.0, -0.2, -0.4, -90.0]), 0.1), "exp(−900) is 0 in float64"),
        Case((FIVE - 0.9, 0.0001), _COLD),
        Case((FIVE, 0.0001), _COLD),
        Case((FIVE, 10.0)),
        Case((np.array([0.9, 0.9, -0.9]), 1e-4), "two share the top; the mean lies far below them"),
        Case((FIVE, 0.05, 10)),
        Case((FIVE + 100, 0.05), _FAR),
        Case((FIVE - 100, 0.05), _FAR),
    ]
    bases = ((), (2,), (), (10,))
    return edges + [Case((s, tau, *bases[i % 4])) for i, (s, tau) in enumerate(_random_scores(seed, 12))]


def _slope_cases(seed: int) -> list[Case]:
    edges = [
        Case((np.array([0.3]), 0.1), "a single negative keeps entropy 0 at every τ"),
        Case((np.array([0.5, 0.5]), 0.1), "equal scores keep entropy ln 2 at every τ"),
        Case((np.array([1.0, 0.0]), 0.5)),
        Case((np.array([0.0, -1.0]), 0.001), "exp(−1000) is 0 in float64"),
        Case((FIVE, 0.05)),
        Case((FIVE, 10.0)),
        Case((FIVE, 0.0001), _COLD, atol=1e-6),
        Case((FIVE + 50, 0.05), _FAR, atol=1e-7),
        Case((FIVE - 50, 0.05), _FAR, atol=1e-7),
        Case(
            (FIVE + 1e5, 0.05),
            "a difference of two large squares keeps no digit of a small variance",
            atol=1e-4,
        ),
    ]
    return edges + [Case((s, tau), atol=1e-9) for s, tau in _random_scores(seed, 12)]


def _root_cases(seed: int) -> list[Case]:
    tiny, huge = (
        "the scores are close together, so τ must be small",
        "the scores are far apart, so τ must be large",
    )
    edges = [
        Case((np.array([1.0, 0.0]), 1.5)),
        Case((FIVE, 2.0)),
        Case((FIVE, 1.01), "one negative holds nearly all the weight"),
        Case((FIVE, 4.9), "the weights are nearly equal"),
        Case((FIVE + 10, 2.0), _FAR),
        Case((FIVE * 1e-3, 2.0), tiny),
        Case((FIVE * 1e-4, 2.0), tiny),
        Case((FIVE * 1e3, 2.0), huge),
        Case((FIVE * 1e7, 2.0), huge),
        Case(
            (np.array([1e6, 1e6 - 0.001, 0.0]), 1.5),
            "two scores nearly tie: τ is a billionth of their spread",
        ),
        Case((np.array([1.0, 1 - 1e-7, 0.0]), 1.2), "nearly equal is not equal: one score is the largest"),
        Case((np.array([1.0, 0.0]), 2.0), "two negatives count as two only in the limit τ → ∞"),
        Case((np.array([1.0, 0.0]), 3.0), "two negatives never count as three"),
        Case((np.array([1.0, 0.0]), 1.0), "two negatives count as one only in the limit τ → 0"),
        Case((np.array([1.0, 0.0]), 0.5), "fewer than one is never reached"),
        Case((np.array([0.5, 0.5, 0.0]), 1.5), "two share the top, so at least two always count"),
        Case((np.array([0.5, 0.5, 0.5, 0.0]), 2.5), "three share the top, so at least three always count"),
    ]
    rng = np.random.default_rng(seed)
    drawn = [rng.uniform(-1, 1, k).round(2) for k in (3, 5, 8, 32)]
    targets = [1 + (len(s) - 1) * float(rng.uniform(0.2, 0.8)) for s in drawn]
    cases = edges + [Case((s, round(n, 2))) for s, n in zip(drawn, targets, strict=True)]
    return [Case(case.args, case.about, atol=0.0) for case in cases]


def _gap_cases(seed: int) -> list[Case]:
    drawn = np.random.default_rng(seed).uniform(0.01, 5, 6).round(3)
    return [Case((float(tau),)) for tau in (0.07, 0.1, 1.0, *drawn)]


def _library_entropy(s: np.ndarray, tau: float, base: float = math.e) -> Any:
    return theory.softmax_entropy(s, tau) / math.log(base)


EXERCISE = Exercise(
    "05",
    "entropy, temperature and variance",
    (
        Question(
            "entropy(s, tau, base=math.e)",
            entropy,
            _library_entropy,
            "nslab.theory.softmax_entropy",
            _entropy_cases,
            mistakes.ENTROPY,
            (
                "Two steps: turn the scores into weights that sum to 1, then take the entropy of the "
                "weights. Which of the two depends on τ?",
                "Before the exponential, subtract something from all scores so that none can overflow. Why "
                "is that allowed? Then think about a weight that comes out as exactly 0.",
                "Write ln p as the (shifted, scaled) score minus the logarithm of the sum of the "
                "exponentials. No logarithm of a weight is left. A change of base is one division at the "
                "end.",
            ),
        ),
        Question(
            "dH_dtau(s, tau)",
            dH_dtau,
            theory.softmax_entropy_slope,
            "nslab.theory.softmax_entropy_slope",
            _slope_cases,
            mistakes.SLOPE,
            (
                "The slope is a variance over a power of τ. Find the power from the units: H has none, τ "
                "has those of a score.",
                "Whose variance? The scores take their values with the probabilities of the softmax, not "
                "with 1/K each.",
                "Compute the mean under p first, then the mean under p of the squared distances from it. "
                "Compare with a difference quotient of your `entropy` at τ = 0.05.",
            ),
        ),
        Question(
            "tau_for_effective(s, n_eff)",
            tau_for_effective,
            lambda s, n_eff: theory.temperature_for_entropy(s, math.log(n_eff)),
            "nslab.theory.temperature_for_entropy",
            _root_cases,
            mistakes.ROOT,
            (
                "The effective number is the exponential of the entropy, and the entropy never falls as τ "
                "rises. So there is at most one answer, and halving an interval finds it.",
                "Which numbers can be reached? Think of τ → ∞ and of τ → 0, where scores that share the top "
                "place still share the weight. Refuse the rest.",
                "Start both ends at the spread of the scores; move the lower end down and the upper end up "
                "until the target lies between. Then take middles on a logarithmic scale until nothing "
                "changes.",
            ),
            rtol=1e-7,
        ),
        Question(
            "steepest_gap(tau)",
            steepest_gap,
            None,
            "",
            _gap_cases,
            mistakes.GAP,
            (
                "With two negatives a gap g apart, your `dH_dtau` is a function of g alone. Plot it at τ = "
                "0.1.",
                "Only the ratio of g and τ matters for the place of the peak. So one number, times τ, is "
                "the answer.",
                "Set the derivative of the logarithm of the slope to zero and solve by halving, or search a "
                "fine grid and refine it: four digits are enough.",
            ),
            rtol=1e-4,
            stretch=True,
        ),
    ),
)
