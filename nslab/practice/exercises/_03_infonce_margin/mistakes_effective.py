"""Exercise 03: the mistakes that are known by name, of the one score for many."""

from __future__ import annotations

import math

import numpy as np

from nslab.practice._exercise import Mutant
from nslab.practice._judgements import not_finite


def _logmeanexp(s: np.ndarray, tau: float) -> float:
    top = s.max()
    return float(top + tau * np.log(np.mean(np.exp((s - top) / tau))))


def _softmax(s: np.ndarray, tau: float) -> np.ndarray:
    weight = np.exp((s - s.max()) / tau)
    return weight / weight.sum()


_HOT = (
    "Your answer does not depend on τ in the right way: the exponentials are of s/τ, and the logarithm is"
    " multiplied by τ again."
)
_SMALL_SPREAD = (
    "Mean and variance give an approximation for scores that hardly differ. At a low τ it exceeds the largest"
    " score."
)
EFFECTIVE = (
    Mutant(
        "plain mean",
        lambda s, tau: float(s.mean()),
        "The mean is a lower bound: an exponential gives the high scores more weight than it takes from the"
        " low ones.",
    ),
    Mutant(
        "the hardest",
        lambda s, tau: float(s.max()),
        "The maximum is an upper bound, reached only as τ goes to 0: it counts every negative as if it were"
        " the hardest.",
    ),
    Mutant(
        "sum for mean",
        lambda s, tau: _logmeanexp(s, tau) + tau * math.log(len(s)),
        "This is s_eff + τ ln K, the threshold. One score that stands for each of K negatives takes the mean"
        " of the exponentials, not their sum.",
    ),
    Mutant(
        "softmax-weighted mean",
        lambda s, tau: float(_softmax(s, tau) @ s),
        "You averaged the scores with their softmax weights. The sum of exponentials is to be kept, and that"
        " is another mean: of the exponentials.",
    ),
    Mutant(
        "variance correction",
        lambda s, tau: float(s.mean() + s.var() / (2 * tau)),
        _SMALL_SPREAD,
    ),
    Mutant(
        "exp overflows",
        lambda s, tau: float(tau * np.log(np.mean(np.exp(s / tau)))),
        "An exponential left the range of float64. Take one number from all scores before it and add that"
        " again at the end: s_eff moves with the scores.",
        not_finite,
    ),
    Mutant("temperature ignored", lambda s, tau: _logmeanexp(s, 1.0), _HOT),
    Mutant("temperature ignored", lambda s, tau: _logmeanexp(s / tau, 1.0), _HOT),
    Mutant(
        "wrong base",
        lambda s, tau: float(s.max() + (_logmeanexp(s, tau) - s.max()) / math.log(10)),
        "The logarithm must undo the exponential, so it is the natural one. Equal negatives hide it, others"
        " do not.",
    ),
    Mutant(
        "divided by τ",
        lambda s, tau: _logmeanexp(s, 1 / tau),
        "Divide the scores by τ before the exponential: a low τ must favour the hardest negative, yours"
        " favours none.",
    ),
    Mutant(
        "ln K without τ",
        lambda s, tau: _logmeanexp(s, tau) + (tau - 1) * math.log(len(s)),
        "You took ln K from a score. The division by K belongs inside the logarithm, so τ multiplies it too.",
    ),
    Mutant(
        "divided by K outside",
        lambda s, tau: (_logmeanexp(s, tau) + tau * math.log(len(s))) / len(s),
        "You divided the logarithm by K. The mean is taken of the exponentials, before the logarithm.",
    ),
    Mutant(
        "the largest not added back",
        lambda s, tau: _logmeanexp(s, tau) - float(s.max()),
        "You took the largest score from all, and it is still missing: s_eff moves with the scores.",
    ),
    Mutant(
        "wrong base",
        lambda s, tau: _logmeanexp(s, tau) / math.log(2),
        "The logarithm must undo the exponential, so it is the natural one: equal negatives stand for"
        " themselves.",
    ),
    Mutant(
        "variance correction",
        lambda s, tau: float(s.mean() + s.var() / tau),
        _SMALL_SPREAD,
    ),
)
