"""Exercise 06: the specification, class by class, thirty decimal digits, any exponent of ten."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import numpy as np


def unigram_probs(f: np.ndarray, alpha: float) -> list[float]:
    """f_c^α over the sum of these; what never occurred has no power to add."""
    with localcontext(prec=30):
        powers = _powers(f, alpha)
        return [float(power / sum(powers)) for power in powers]


def gradient_share(f: np.ndarray, scores: np.ndarray, alpha: float) -> list[float]:
    """A draw of c, f_c^α, times what it pushes with, σ(s_c) = 1 / (1 + e^(−s_c)), over the sum of these."""
    if len(f) != len(scores):
        raise ValueError(f"f and scores must have the same length, got {len(f)} and {len(scores)}")
    with localcontext(prec=30):
        sigmas = [1 / (1 + (-Decimal(float(s))).exp()) for s in scores]
        pushes = [power * sigma for power, sigma in zip(_powers(f, alpha), sigmas, strict=True)]
        return [float(push / sum(pushes)) for push in pushes]


def alpha_for_share(f: np.ndarray, c: int, target: float) -> float:
    """From the exponent at which the share of c is largest, walk to an end where it is 0, and halve."""
    seen = np.unique(f[f > 0])
    if f[c] == 0 or len(seen) == 1:
        raise ValueError(f"the share of class {c} is the same at every exponent")
    end = 800 / np.diff(np.log(seen)).min()  # where the first or the last class of `seen` has everything
    peak = _halve(lambda alpha: _mean_log(f, alpha) < np.log(f[c]), -end, end)
    if f[c] in (seen[0], seen[-1]):
        peak = end if f[c] == seen[-1] else -end
    if not 0 < target < share(f, c, peak):
        raise ValueError(f"class {c} never gets the share {target}")
    zero = -end if f[c] == seen[-1] else end
    return _halve(lambda alpha: share(f, c, alpha) < target, zero, peak)


def optimal_logits(p: np.ndarray, f: np.ndarray, K: int, alpha: float) -> list[float]:
    """ln p_c − ln(K q_c)."""
    with localcontext(prec=30):
        powers = _powers(f, alpha)
        noise = [K * power / sum(powers) for power in powers]
        return [
            float((Decimal(float(x)) / q).ln()) if x > 0 else -np.inf for x, q in zip(p, noise, strict=True)
        ]


def _powers(f: np.ndarray, alpha: float) -> list[Decimal]:
    if any(x < 0 for x in f) or not any(x > 0 for x in f):
        raise ValueError("f must have no negative entry and at least one positive one")
    return [Decimal(float(x)) ** Decimal(float(alpha)) if x > 0 else Decimal(0) for x in f]


def share(f: np.ndarray, c: int, alpha: float) -> float:
    """1 / Σ (f_i / f_c)^α, over the classes that occur."""
    if f[c] == 0:
        return 0.0
    with np.errstate(over="ignore"):
        return float(1 / np.sum(np.exp(alpha * (np.log(f[f > 0]) - np.log(f[c])))))


def _mean_log(f: np.ndarray, alpha: float) -> float:
    """The mean of ln f under q; it grows with α. The share of c grows with α while this is below ln f_c."""
    logs = np.log(f[f > 0])
    weights = np.exp(alpha * logs - np.max(alpha * logs))
    return float(weights @ logs / weights.sum())


def _halve(below: Any, low: float, high: float) -> float:
    for _ in range(70):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return high
