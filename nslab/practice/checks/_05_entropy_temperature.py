"""Exercise 05: entropy, temperature and variance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import Any

import numpy as np

from nslab import theory
from nslab.practice._exercise import Case, Exercise, Question, edges
from nslab.practice._judgements import answered, is_number, lost, nearly, not_finite, wherever
from nslab.practice._mistakes import mistakes
from nslab.practice._run import Outcome

# The specification: thirty decimal digits, one line a formula, no regard for speed.


def entropy(s: Sequence[float], tau: float, base: float = math.e) -> float:
    """H = −Σ pⱼ ln pⱼ / ln base."""
    with localcontext(prec=30):
        return float(_entropy(s, Decimal(float(tau))) / Decimal(float(base)).ln())


def dH_dtau(s: Sequence[float], tau: float) -> float:
    """dH/dτ = Var_p(s) / τ³."""
    with localcontext(prec=30):
        t = Decimal(float(tau))
        scores, p = _shifted(s), _softmax(s, t)
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


def _shifted(s: Sequence[float]) -> list[Decimal]:
    """The scores less the largest, so that equal scores are exactly 0 and vary by nothing."""
    return [Decimal(float(sj)) - Decimal(float(max(s))) for sj in s]


def _softmax(s: Sequence[float], tau: Decimal) -> list[Decimal]:
    weights = [(sj / tau).exp() for sj in _shifted(s)]
    return [w / sum(weights) for w in weights]


def _entropy(s: Sequence[float], tau: Decimal) -> Decimal:
    return -sum((p * p.ln() for p in _softmax(s, tau) if p), Decimal(0))


# A right answer in named steps, and what goes wrong in each.


def right_entropy(s: np.ndarray, tau: float, base: float = math.e) -> float:
    logits = s / tau
    shifted = logits - logits.max()
    weights = np.exp(shifted)
    p = weights / weights.sum()
    positive = p[p > 0]
    nats = -(positive * np.log(positive)).sum()
    return nats / math.log(base)


ENTROPY = mistakes(
    right_entropy,
    """
0 · log 0 | positive = p | not_finite
  A weight underflowed to 0, and 0 · log 0 is NaN in floating point. In the limit it is 0: such a negative
  adds nothing.
exp overflows | shifted = logits; positive = p | not_finite
  exp(s/τ) left the range of float64: over 709 it is infinite, far below 0 every weight is 0. The softmax
  does not change when one number is taken from all scores: make the largest 0 first.
exp overflows | shifted = logits | lost
base ignored | return nats
  Your answer is in nats whatever `base` says. One nat is 1/ln 2 = 1.4427 bits.
always bits | return nats / math.log(2)
  Your answer is in bits whatever `base` says. The default base is e: nats.
multiplied by ln base | return nats * math.log(base)
  The change of base goes the wrong way: one nat is more than one bit, so the number in bits is the larger.
sign | return -nats / math.log(base)
  The sign is reversed: ln p is never positive, an entropy never negative.
temperature ignored | logits = s
  Your answer does not depend on τ: the softmax is taken of s/τ, not of s.
multiplied by τ | logits = s * tau
  Divide the scores by τ: a small τ must sharpen the weights, yours get flatter.
not normalised | p = weights
  Your weights do not sum to 1: divide by their sum before taking the entropy.
no softmax | p = s / s.sum(); positive = p
  You divided the scores by their sum. Scores can be negative or 0, and no share can: the weights are the
  exponentials of s/τ, divided by their sum.
no softmax | p = s / s.sum()
mean for sum | return nats / len(s) / math.log(base)
  You took the mean of −p ln p over the negatives: K times too little. The entropy is the sum; the p in
  front of the logarithm already makes it a mean.
effective number | return math.exp(nats)
  This is the effective number of negatives, the exponential of the entropy. Asked for is the entropy
  itself.
""",
    lost,
    not_finite,
)


def off_by_rounding(case: Case, got: Outcome, own: Outcome) -> bool:
    """Off by no more than a square of the scores loses in float64."""
    s, tau = case.args
    lost_digits = 8 * np.finfo(np.float64).eps * np.max(s * s) / tau**3
    return is_number(got) and abs(float(got.value) - dH_dtau(s, tau)) < lost_digits


def right_slope(s: np.ndarray, tau: float) -> float:
    logits = s / tau
    shifted = logits - logits.max()
    weights = np.exp(shifted)
    p = weights / weights.sum()
    mean = p @ s
    squares = (s - mean) ** 2
    variance = p @ squares
    return variance / tau**3


SLOPE = mistakes(
    right_slope,
    """
np.var | variance = np.var(s)
  Every negative counts the same in your variance, as in np.var(s). Weight the variance by p =
  softmax(s/τ): at a small τ only the few negatives at the top count.
np.var, ddof=1 | variance = np.var(s, ddof=1) if len(s) > 1 else math.nan
  This is the sample variance, with K − 1 and equal weights. Nothing is estimated here: weight the variance
  by p = softmax(s/τ), and divide by nothing else.
np.var(p·s) | variance = np.var(p * s)
  np.var(p * s) is the plain variance of the products, each with weight 1/K. Under p the values stay s and
  the weights of the mean change: subtract the sum of p·s from s, square, weight by p, sum.
mean for sum | variance = (p * squares).mean()
  A mean over the negatives divides by K, but p already sums to 1: the mean of anything under p is the sum
  of p times it, as in `(p * s).sum()`.
mean for sum | mean = (p * s).mean()
mean for sum | mean = (p * s).mean(); variance = (p * squares).mean()
τ squared | return variance / tau**2
  Check the units: H has none and τ has those of a score, so dH/dτ is one over a score. A variance is a
  score squared; two powers of τ are one too few.
sign | return -variance / tau**3
  The sign is reversed: heating spreads the weights, so the entropy never falls as τ grows.
derivative in 1/τ | return -variance / tau
  This is the derivative with respect to 1/τ. One step of the chain rule is missing: d(1/τ)/dτ = −1/τ².
divided by τ twice | return variance / tau**5
  You took the variance of s/τ, which already holds two of the powers of τ, and divided by all three again.
standard deviation | return math.sqrt(variance) / tau**3
  This is a standard deviation. The slope has the variance: check the units.
not centred | squares = s**2
  This is the mean square, not the variance: take the mean under p away first. Adding a number to every
  score must not change the slope.
difference of squares | variance = p @ s**2 - mean**2 | off_by_rounding
  You took the difference of E[s²] and E[s]². It is the variance on paper; where the scores are large
  beside their spread, the two squares agree in nearly all digits and the difference keeps few. Square the
  distances from the mean.
centred on the plain mean | mean = s.mean()
  The squares are weighted by p, but the mean that you take away is not: it must be the mean under p too.
temperature ignored | logits = s
  The weights of your variance do not depend on τ: p is the softmax of s/τ.
exp overflows | shifted = logits | not_finite
  exp(s/τ) left the range of float64: over 709 it is infinite, far below 0 every weight is 0. The softmax
  does not change when one number is taken from all scores: make the largest 0 first.
""",
    not_finite,
    off_by_rounding,
)


def right_root(s: np.ndarray, n_eff: float) -> float:
    least = (s == s.max()).sum()
    reached = least < n_eff < len(s)
    if not reached:
        raise ValueError("no such temperature")
    target = math.log(n_eff)
    low, high = 1e-12, 1e12
    tau = search(s, target, low, high)
    return tau


def search(s: np.ndarray, target: float, low: float, high: float, *, upwards: bool = True) -> float:
    """Halve [low, high] on a logarithmic scale, with no look at whether the root lies inside."""
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if (right_entropy(s, middle) < target) == upwards else (low, middle)
    return low


def at_an_end(case: Case, got: Outcome, own: Outcome) -> bool:
    """A temperature that is far from the spread of the scores."""
    spread = float(np.ptp(case.args[0]))
    return is_number(got) and not 0.01 * spread < float(got.value) < 100 * spread


ROOT = mistakes(
    right_root,
    """
refused | reached = False
  A temperature gives this number, and your function raises ValueError. A solver does so by itself where the
  answer lies outside its range: start from the spread of the scores, and widen until the target lies in
  between.
entropy instead of number | target = n_eff; reached = least < n_eff < math.log(len(s))
  You looked for H = n_eff. The effective number is exp H, so the entropy to reach is ln n_eff.
bits and nats | target = math.log(n_eff) * math.log(2)
  An entropy in bits was compared with a logarithm to base e (or the reverse). Use one base on both sides.
fixed range | low, high = 1e-2, 1e2 | wherever
  The temperature lies outside the range (or below the step) of your search. It scales with the scores:
  start from their spread, and widen until the target lies in between.
fixed range | low, high = 1e-6, 1e6 | wherever
infeasible answered | reached = True | answered
  No temperature gives this number, yet your function returned one: the end of its search. Raise
  ValueError.
ties forgotten | least = 1 | answered
  Scores that share the top keep equal weights at every τ, so the effective number never falls to their
  count. Raise ValueError there.
search runs the wrong way | tau = search(s, target, low, high, upwards=False) | at_an_end
  Your search ran to one end of its range. The entropy grows with τ: where it is too low, τ must go up.
reciprocal | return 1 / tau
  This is 1/τ, the inverse temperature.
""",
    answered,
    at_an_end,
    wherever,
)


def right_gap(tau: float) -> float:
    ratio = 2.3993572805
    return ratio * tau


GAP = mistakes(
    right_gap,
    """
τ forgotten | return ratio
  Your gap is the same at every τ. Only g/τ is a fixed number: the gap has the units of τ.
g to the power one | ratio = 1.5434046384
  You maximised g p(1 − p). The variance of two scores is g² p(1 − p).
rounded | ratio = 2.4 | nearly
  Close, but rounded, as 2.4 τ is: find the maximum to four digits.
""",
    nearly,
)

# The inputs.

FIVE = np.array([0.9, 0.5, 0.3, 0.0, -0.4])
_COLD = "at τ = 0.0001 the small weights are below the smallest float"
_FAR = "adding one number to every score must change nothing"
_TINY = "the scores are close together, so τ must be small"
_HUGE = "the scores are far apart, so τ must be large"


def _random_scores(seed: int, count: int) -> list[tuple[np.ndarray, float]]:
    rng = np.random.default_rng(seed)
    sizes, temperatures = (2, 3, 5, 8, 32), (0.05, 0.07, 0.1, 0.2, 0.5, 2.0)
    return [
        (rng.uniform(-1, 1, rng.choice(sizes)).round(2), float(rng.choice(temperatures)))
        for _ in range(count)
    ]


def _entropy_cases(seed: int) -> list[Case]:
    bases = ((), (2,), (), (10,))
    drawn = [Case((s, tau, *bases[i % 4])) for i, (s, tau) in enumerate(_random_scores(seed, 12))]
    known = edges(
        (np.array([0.3]), 0.1, "a single negative leaves no doubt"),
        (np.array([0.5, 0.5]), 0.1, 2, "two equal scores are one bit"),
        (np.array([0.3, 0.3, 0.3]), 0.1, "equal scores give ln K"),
        (np.array([1.0, 0.0]), 0.5, ""),
        (np.array([1.0, 0.0]), 0.5, 2, "the same in bits"),
        (np.array([0.0, -1.0]), 0.001, "exp(−1000) is 0 in float64"),
        (np.array([-0.1, -0.1, -0.9]), 0.001, "two share the top and exp(−800) is 0 in float64"),
        (np.array([0.0, -0.2, -0.4, -90.0]), 0.1, "exp(−900) is 0 in float64"),
        (FIVE - 0.9, 0.0001, _COLD),
        (FIVE, 0.0001, _COLD),
        (FIVE, 10.0, ""),
        (np.array([0.9, 0.9, -0.9]), 1e-4, "two share the top; the mean lies far below them"),
        (FIVE, 0.05, 10, ""),
        (FIVE + 100, 0.05, _FAR),
        (FIVE - 100, 0.05, _FAR),
    )
    return known + drawn


def _slope_cases(seed: int) -> list[Case]:
    large = "a difference of two large squares keeps no digit of a small variance"
    return [
        *edges(
            (np.array([0.3]), 0.1, "a single negative keeps entropy 0 at every τ"),
            (np.array([0.5, 0.5]), 0.1, "equal scores keep entropy ln 2 at every τ"),
            (np.array([1.0, 0.0]), 0.5, ""),
            (np.array([0.0, -1.0]), 0.001, "exp(−1000) is 0 in float64"),
            (FIVE, 0.05, ""),
            (FIVE, 10.0, ""),
        ),
        Case((FIVE, 0.0001), _COLD, atol=1e-6),
        *edges((FIVE + 50, 0.05, _FAR), (FIVE - 50, 0.05, _FAR), atol=1e-7),
        Case((FIVE + 1e5, 0.05), large, atol=1e-4),
        *[Case((s, tau), atol=1e-9) for s, tau in _random_scores(seed, 12)],
    ]


def _root_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    drawn = [rng.uniform(-1, 1, k).round(2) for k in (3, 5, 8, 32)]
    targets = [1 + (len(s) - 1) * float(rng.uniform(0.2, 0.8)) for s in drawn]
    return edges(
        (np.array([1.0, 0.0]), 1.5, ""),
        (FIVE, 2.0, ""),
        (FIVE, 1.01, "one negative holds nearly all the weight"),
        (FIVE, 4.9, "the weights are nearly equal"),
        (FIVE + 10, 2.0, _FAR),
        (FIVE * 1e-3, 2.0, _TINY),
        (FIVE * 1e-4, 2.0, _TINY),
        (FIVE * 1e3, 2.0, _HUGE),
        (FIVE * 1e7, 2.0, _HUGE),
        (np.array([1e6, 1e6 - 0.001, 0.0]), 1.5, "two scores nearly tie: τ is a billionth of their spread"),
        (np.array([1.0, 1 - 1e-7, 0.0]), 1.2, "nearly equal is not equal: one score is the largest"),
        (np.array([1.0, 0.0]), 2.0, "two negatives count as two only in the limit τ → ∞"),
        (np.array([1.0, 0.0]), 3.0, "two negatives never count as three"),
        (np.array([1.0, 0.0]), 1.0, "two negatives count as one only in the limit τ → 0"),
        (np.array([1.0, 0.0]), 0.5, "fewer than one is never reached"),
        (np.array([0.5, 0.5, 0.0]), 1.5, "two share the top, so at least two always count"),
        (np.array([0.5, 0.5, 0.5, 0.0]), 2.5, "three share the top, so at least three always count"),
        *[(s, round(n, 2), "") for s, n in zip(drawn, targets, strict=True)],
        atol=0.0,
    )


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
            ENTROPY,
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
            SLOPE,
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
            ROOT,
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
            GAP,
            (
                "With two negatives a gap g apart, your `dH_dtau` is a function of g alone. Plot it at τ = "
                "0.1.",
                "Only the ratio of g and τ matters for the place of the peak. So one number, times τ, is "
                "the answer.",
                "Set the derivative of the logarithm of the slope to zero and solve by halving, or search a "
                "fine grid and refine it: four digits are enough.",
            ),
            rtol=2e-4,
            stretch=True,
        ),
    ),
)
