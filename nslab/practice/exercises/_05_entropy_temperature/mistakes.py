"""Exercise 05: the mistakes that are known by name."""

from __future__ import annotations

import math

import numpy as np

from nslab.practice._exercise import Mutant
from nslab.practice._judge import answered, at_an_end, lost, nearly, not_finite, wherever


def _weights(s: np.ndarray, tau: float) -> np.ndarray:
    weights = np.exp((s - s.max()) / tau)
    return weights / weights.sum()


def _raw_weights(s: np.ndarray, tau: float) -> np.ndarray:
    weights = np.exp(s / tau)
    return weights / weights.sum()


def _nats(p: np.ndarray) -> float:
    positive = p[p > 0]
    return float(-(positive * np.log(positive)).sum())


def _careless_nats(p: np.ndarray) -> float:
    return float(-(p * np.log(p)).sum())


def _moment(p: np.ndarray, s: np.ndarray) -> float:
    return float(p @ (s - p @ s) ** 2)


def _mean_outside(s: np.ndarray, tau: float) -> float:
    return _moment(_weights(s, tau), s) / len(s) / tau**3


def _mean_inside(s: np.ndarray, tau: float) -> float:
    p = _weights(s, tau)
    return float(p @ (s - (p * s).mean()) ** 2) / tau**3


def _mean_twice(s: np.ndarray, tau: float) -> float:
    return _mean_inside(s, tau) / len(s)


def _search(s: np.ndarray, target: float, low: float, high: float, *, upwards: bool = True) -> float:
    """Halve [low, high] on a logarithmic scale, with no look at whether the root lies inside."""
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if (_nats(_weights(s, middle)) < target) == upwards else (low, middle)
    return low


def _solve(s: np.ndarray, n_eff: float, target: float, least: float) -> float:
    if not least < n_eff < len(s) or not 0 < target < math.log(len(s)):
        raise ValueError("no such temperature")
    return _search(s, target, 1e-12, 1e12)


def _in_range(s: np.ndarray, n_eff: float, low: float, high: float, *, upwards: bool = True) -> float:
    if not _top(s) < n_eff < len(s):
        raise ValueError("no such temperature")
    return _search(s, math.log(n_eff), low, high, upwards=upwards)


def _top(s: np.ndarray) -> int:
    return int((s == s.max()).sum())


_OVERFLOW = (
    "exp(s/τ) left the range of float64: over 709 it is infinite, far below 0 every weight is 0. The "
    "softmax does not change when one number is taken from all scores: make the largest 0 first."
)
_NO_SOFTMAX = (
    "You divided the scores by their sum. Scores can be negative or 0, and no share can: the weights are the "
    "exponentials of s/τ, divided by their sum."
)
ENTROPY = (
    Mutant(
        "0 · log 0",
        lambda s, tau, base=math.e: _careless_nats(_weights(s, tau)) / math.log(base),
        "A weight underflowed to 0, and 0 · log 0 is NaN in floating point. In the limit it is 0: such a "
        "negative adds nothing.",
        not_finite,
    ),
    Mutant(
        "exp overflows",
        lambda s, tau, base=math.e: _careless_nats(_raw_weights(s, tau)) / math.log(base),
        _OVERFLOW,
        not_finite,
    ),
    Mutant(
        "exp overflows",
        lambda s, tau, base=math.e: _nats(_raw_weights(s, tau)) / math.log(base),
        _OVERFLOW,
        lost,
    ),
    Mutant(
        "base ignored",
        lambda s, tau, base=math.e: _nats(_weights(s, tau)),
        "Your answer is in nats whatever `base` says. One nat is 1/ln 2 = 1.4427 bits.",
    ),
    Mutant(
        "always bits",
        lambda s, tau, base=math.e: _nats(_weights(s, tau)) / math.log(2),
        "Your answer is in bits whatever `base` says. The default base is e: nats.",
    ),
    Mutant(
        "multiplied by ln base",
        lambda s, tau, base=math.e: _nats(_weights(s, tau)) * math.log(base),
        "The change of base goes the wrong way: one nat is more than one bit, so the number in bits is the "
        "larger.",
    ),
    Mutant(
        "sign",
        lambda s, tau, base=math.e: -_nats(_weights(s, tau)) / math.log(base),
        "The sign is reversed: ln p is never positive, an entropy never negative.",
    ),
    Mutant(
        "temperature ignored",
        lambda s, tau, base=math.e: _nats(_weights(s, 1.0)) / math.log(base),
        "Your answer does not depend on τ: the softmax is taken of s/τ, not of s.",
    ),
    Mutant(
        "multiplied by τ",
        lambda s, tau, base=math.e: _nats(_weights(s, 1 / tau)) / math.log(base),
        "Divide the scores by τ: a small τ must sharpen the weights, yours get flatter.",
    ),
    Mutant(
        "not normalised",
        lambda s, tau, base=math.e: _nats(np.exp((s - s.max()) / tau)) / math.log(base),
        "Your weights do not sum to 1: divide by their sum before taking the entropy.",
    ),
    Mutant(
        "no softmax",
        lambda s, tau, base=math.e: _careless_nats(s / s.sum()) / math.log(base),
        _NO_SOFTMAX,
    ),
    Mutant("no softmax", lambda s, tau, base=math.e: _nats(s / s.sum()) / math.log(base), _NO_SOFTMAX),
    Mutant(
        "mean for sum",
        lambda s, tau, base=math.e: _nats(_weights(s, tau)) / len(s) / math.log(base),
        "You took the mean of −p ln p over the negatives: K times too little. The entropy is the sum; the p"
        " in front of the logarithm already makes it a mean.",
    ),
    Mutant(
        "effective number",
        lambda s, tau, base=math.e: math.exp(_nats(_weights(s, tau))),
        "This is the effective number of negatives, the exponential of the entropy. Asked for is the "
        "entropy itself.",
    ),
)

_MEAN_FOR_SUM = (
    "A mean over the negatives divides by K, but p already sums to 1: the mean of anything under p is the sum"
    " of p times it, as in `(p * s).sum()`."
)
SLOPE = (
    Mutant(
        "np.var",
        lambda s, tau: float(np.var(s)) / tau**3,
        "Every negative counts the same in your variance, as in np.var(s). Weight the variance by p = "
        "softmax(s/τ): at a small τ only the few negatives at the top count.",
    ),
    Mutant(
        "np.var, ddof=1",
        lambda s, tau: float(np.var(s, ddof=1)) / tau**3 if len(s) > 1 else math.nan,
        "This is the sample variance, with K − 1 and equal weights. Nothing is estimated here: weight the "
        "variance by p = softmax(s/τ), and divide by nothing else.",
    ),
    Mutant(
        "np.var(p·s)",
        lambda s, tau: float(np.var(_weights(s, tau) * s)) / tau**3,
        "np.var(p * s) is the plain variance of the products, each with weight 1/K. Under p the values stay s"
        " and the weights of the mean change: subtract the sum of p·s from s, square, weight by p, sum.",
    ),
    *(Mutant("mean for sum", wrong, _MEAN_FOR_SUM) for wrong in (_mean_outside, _mean_inside, _mean_twice)),
    Mutant(
        "τ squared",
        lambda s, tau: _moment(_weights(s, tau), s) / tau**2,
        "Check the units: H has none and τ has those of a score, so dH/dτ is one over a score. A variance "
        "is a score squared; two powers of τ are one too few.",
    ),
    Mutant(
        "sign",
        lambda s, tau: -_moment(_weights(s, tau), s) / tau**3,
        "The sign is reversed: heating spreads the weights, so the entropy never falls as τ grows.",
    ),
    Mutant(
        "derivative in 1/τ",
        lambda s, tau: -_moment(_weights(s, tau), s) / tau,
        "This is the derivative with respect to 1/τ. One step of the chain rule is missing: d(1/τ)/dτ = "
        "−1/τ².",
    ),
    Mutant(
        "divided by τ twice",
        lambda s, tau: _moment(_weights(s, tau), s / tau) / tau**3,
        "You took the variance of s/τ, which already holds two of the powers of τ, and divided by all three "
        "again.",
    ),
    Mutant(
        "standard deviation",
        lambda s, tau: math.sqrt(_moment(_weights(s, tau), s)) / tau**3,
        "This is a standard deviation. The slope has the variance: check the units.",
    ),
    Mutant(
        "not centred",
        lambda s, tau: float(_weights(s, tau) @ s**2) / tau**3,
        "This is the mean square, not the variance: take the mean under p away first. Adding a number to "
        "every score must not change the slope.",
    ),
    Mutant(
        "centred on the plain mean",
        lambda s, tau: float(_weights(s, tau) @ (s - s.mean()) ** 2) / tau**3,
        "The squares are weighted by p, but the mean that you take away is not: it must be the mean under p "
        "too.",
    ),
    Mutant(
        "temperature ignored",
        lambda s, tau: _moment(_weights(s, 1.0), s) / tau**3,
        "The weights of your variance do not depend on τ: p is the softmax of s/τ.",
    ),
    Mutant(
        "exp overflows",
        lambda s, tau: _moment(_raw_weights(s, tau), s) / tau**3,
        _OVERFLOW,
        not_finite,
    ),
)

_OUT_OF_RANGE = (
    "The temperature lies outside the range (or below the step) of your search. It scales with the "
    "scores: start from their spread, and widen until the target lies in between."
)
ROOT = (
    Mutant(
        "entropy instead of number",
        lambda s, n_eff: _solve(s, n_eff, n_eff, _top(s)),
        "You looked for H = n_eff. The effective number is exp H, so the entropy to reach is ln n_eff.",
    ),
    Mutant(
        "bits and nats",
        lambda s, n_eff: _solve(s, n_eff, math.log(n_eff) * math.log(2), _top(s)),
        "An entropy in bits was compared with a logarithm to base e (or the reverse). Use one base on both "
        "sides.",
    ),
    Mutant("fixed range", lambda s, n_eff: _in_range(s, n_eff, 1e-2, 1e2), _OUT_OF_RANGE, wherever),
    Mutant("fixed range", lambda s, n_eff: _in_range(s, n_eff, 1e-6, 1e6), _OUT_OF_RANGE, wherever),
    Mutant(
        "infeasible answered",
        lambda s, n_eff: _search(s, math.log(n_eff), 1e-12, 1e12),
        "No temperature gives this number, yet your function returned one: the end of its search. Raise "
        "ValueError.",
        answered,
    ),
    Mutant(
        "ties forgotten",
        lambda s, n_eff: _solve(s, n_eff, math.log(n_eff) if n_eff > 0 else -1.0, 1),
        "Scores that share the top keep equal weights at every τ, so the effective number never falls to "
        "their count. Raise ValueError there.",
        answered,
    ),
    Mutant(
        "search runs the wrong way",
        lambda s, n_eff: _in_range(s, n_eff, 1e-12, 1e12, upwards=False),
        "Your search ran to one end of its range. The entropy grows with τ: where it is too low, τ must go "
        "up.",
        at_an_end,
    ),
    Mutant(
        "reciprocal",
        lambda s, n_eff: 1 / _solve(s, n_eff, math.log(max(n_eff, 0.1)), _top(s)),
        "This is 1/τ, the inverse temperature.",
    ),
)

GAP = (
    Mutant(
        "τ forgotten",
        lambda tau: 2.3993572805,
        "Your gap is the same at every τ. Only g/τ is a fixed number: the gap has the units of τ.",
    ),
    Mutant(
        "g to the power one",
        lambda tau: 1.5434046384 * tau,
        "You maximised g p(1 − p). The variance of two scores is g² p(1 − p).",
    ),
    Mutant(
        "rounded",
        lambda tau: 2.4 * tau,
        "Close, but rounded, as 2.4 τ is: find the maximum to four digits.",
        nearly,
    ),
)
