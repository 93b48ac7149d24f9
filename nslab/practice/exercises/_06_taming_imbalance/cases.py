"""Exercise 06: the inputs to try."""

from __future__ import annotations

import numpy as np

from nslab.practice._exercise import Case
from nslab.practice.exercises._06_taming_imbalance import specification

# The inputs.

PAIR = np.array([1000.0, 1.0])
WITH_NONE = np.array([1000.0, 1.0, 0.0])
_FREQUENCIES = "as relative frequencies: their powers do not sum to 1"
_NEVER = "the last class never occurred: nothing to draw"
_NEVER_BELOW = "below 0 a power of 0 is infinite, and a class that never occurred still has no share"
_RANGE = "the powers leave the range of float64, their ratios do not"
_SMALL = "every σ(s) is below the smallest float, their ratios are not"
_NOTHING = "nothing ever occurred: there is no distribution"
_NEGATIVE = "nothing occurs a negative number of times"


def _counts(rng: np.random.Generator, size: int) -> np.ndarray:
    """Counts that fall with the rank, as word counts do, in a random order."""
    return rng.permutation(np.round(rng.integers(50, 2000) / np.arange(1, size + 1)))


def unigram_cases(seed: int) -> list[Case]:
    edges = [
        Case((PAIR, 1.0), "α = 1 keeps the frequencies"),
        Case((PAIR, 0.75)),
        Case((PAIR, 0.5)),
        Case((PAIR, 0.0), "α = 0: equal shares"),
        Case((PAIR, -0.5), "below 0 the rare class leads"),
        Case((PAIR / 1001, 0.75), _FREQUENCIES),
        Case((np.array([0.5, 0.3, 0.2]), 0.75), _FREQUENCIES),
        Case((np.array([12, 3, 5, 1]), 0.75), "counts may be integers"),
        Case((np.array([7.0]), 0.5), "one class has everything"),
        Case((WITH_NONE, 0.75), _NEVER),
        Case((WITH_NONE, 0.0), "0 to the power 0 is 1 in Python, and the last class never occurred"),
        Case((WITH_NONE, -0.5), _NEVER_BELOW),
        Case((np.array([0.0, 3.0, 0.0, 2.0, 1.0]), 0.0), "two classes never occurred"),
        Case((np.array([0.0, 3.0, 0.0, 2.0, 1.0]), -1.0), _NEVER_BELOW),
        Case((np.array([5.0, 0.0]), 0.0), _NEVER),
        Case((np.array([0.0, 4.0, 1.0]), -0.25), _NEVER_BELOW),
        Case((np.array([1000.0, 20.0, 20.1]), -400.0), _RANGE),
        Case((np.array([1000.0, 999.0, 998.0]), 700.0), _RANGE),
        Case((np.array([0.0, 0.0]), 0.75), _NOTHING),
        Case((np.array([3.0, -1.0]), 0.75), _NEGATIVE),
        Case((np.array([3.0, 2.0, -1.0]), 1.0), _NEGATIVE),
    ]
    rng = np.random.default_rng(seed)
    drawn = [(_counts(rng, size), round(float(rng.uniform(-1, 1.4)), 2)) for size in (3, 4, 6, 8, 12, 40)]
    return edges + [Case(args) for args in drawn]


def share_cases(seed: int) -> list[Case]:
    known = np.array([-7.0, 0.0])
    three = np.array([0.0, 0.0, 5.0])
    edges = [
        Case((PAIR, np.zeros(2), 0.75), "equal scores: the share is that of the draws"),
        Case((PAIR, known, 0.75), "the model is sure that the frequent class does not belong here"),
        Case((PAIR, np.array([7.0, 0.0]), 0.0), "a high score for the frequent class: its draws push hard"),
        Case((np.array([2.0, 2.0, 2.0]), np.array([3.0, 0.0, -3.0]), 0.75), "equal counts: σ decides alone"),
        Case((np.array([5.0]), np.array([-3.0]), 0.5), "one class takes all of the push"),
        Case((WITH_NONE, three, 0.0), _NEVER),
        Case((WITH_NONE, three, -0.5), _NEVER_BELOW),
        Case((np.array([0.0, 4.0]), np.array([-1.0, 2.0]), 0.0), _NEVER),
        Case((np.array([9.0, 0.0, 4.0, 0.0]), np.array([-2.0, 1.0, 2.0, 0.0]), 0.0), _NEVER),
        Case((np.array([0.0, 4.0, 1.0]), np.array([-1.0, -2.0, 1.0]), -0.25), _NEVER_BELOW),
        Case((np.array([3.0, 2.0, 1.0]), np.array([-800.0, -801.0, -803.0]), 0.75), _SMALL),
        Case((np.array([1.0, 9.0]), np.array([-1001.0, -1000.0]), 0.5), _SMALL),
        Case((np.array([3.0, 2.0, 1.0]), np.array([800.0, 900.0, 0.0]), 1.0), "e^800 is above the largest"),
        Case((PAIR, np.zeros(3), 0.75), "a score for each class: two counts and three scores do not match"),
        Case((PAIR, np.zeros(1), 0.75), "a score for each class: one score is not one for all"),
        Case((np.array([0.0, 0.0]), np.zeros(2), 0.75), _NOTHING),
        Case((np.array([3.0, -1.0]), np.zeros(2), 0.75), _NEGATIVE),
    ]
    rng = np.random.default_rng(seed)
    drawn = []
    for size in (2, 3, 4, 6, 8, 12, 20):
        scores = rng.normal(-1, 2, size).round(2)
        drawn.append(Case((_counts(rng, size), scores, round(float(rng.uniform(-0.5, 1)), 2))))
    return edges + drawn


def alpha_cases(seed: int) -> list[Case]:
    four, steps = np.array([8.0, 4.0, 2.0, 1.0]), np.array([100.0, 10.0, 1.0])
    rise = "the most frequent class gains as α rises"
    middle = "a class in between has its largest share at one exponent and loses on both sides"
    close = "counts that are close together need a large exponent"
    tied = np.array([5.0, 1.0, 1.0])
    never = "as α falls the two rare classes share everything: each comes near to a half and stays below"
    edges = [
        Case((PAIR, 1, 0.05), "five in a hundred for the rare class"),
        Case((PAIR, 1, 0.5), "equal shares"),
        Case((PAIR, 1, 0.9), "more than an equal share: below α = 0"),
        Case((PAIR, 1, 1e-4), "less than in the data: above α = 1"),
        Case((PAIR, 0, 0.95), rise),
        Case((PAIR, 0, 0.2), "less than an equal share for the frequent class: below α = 0"),
        Case((np.array([1000.0, 999.0]), 1, 0.4), close),
        Case((np.array([500.0, 502.0, 501.0]), 0, 0.6), close),
        Case((four, 3, 0.1), "four classes: the rest does not act as one"),
        Case((four, 3, 0.6)),
        Case((four, 0, 0.7), rise),
        Case((steps, 1, 0.2), middle),
        Case((four, 1, 0.26), middle),
        Case((steps, 1, 0.4), "a class in between has a largest share, and this is more"),
        Case((WITH_NONE, 1, 0.05), "a class that never occurred is not the rarest: it is no class"),
        Case((WITH_NONE, 2, 0.05), "a class that never occurred has no share at any exponent"),
        Case((tied, 1, 0.2), "two classes tie"),
        Case((tied, 1, 0.5), never),
        Case((tied, 2, 0.7), never),
        Case((np.array([3.0, 3.0]), 0, 0.3), "equal counts: equal shares at every exponent"),
        Case((np.array([7.0]), 0, 0.5), "a single class always has everything"),
        Case((PAIR, 1, 0.0), "a share of 0 is only a limit"),
        Case((PAIR, 1, 1.0), "a share of 1 is only a limit"),
    ]
    rng = np.random.default_rng(seed)
    drawn = []
    for size in (2, 3, 5, 8):
        f = _counts(rng, size)
        c = int(rng.choice([f.argmin(), f.argmax(), rng.integers(size)]))
        drawn.append(Case((f, c, round(specification.share(f, c, float(rng.uniform(-0.8, 1.6))), 6))))
    return edges + drawn


def logit_cases(seed: int) -> list[Case]:
    even = np.array([0.5, 0.5])
    edges = [
        Case((even, PAIR, 1, 0.0), "p is q and K = 1: nothing to tell apart"),
        Case((even, PAIR, 5, 0.75)),
        Case((even, PAIR, 5, 0.0), "α = 0 shifts all logits alike"),
        Case((PAIR / 1001, PAIR, 5, 1.0), "at α = 1 popularity is gone: −ln K for both"),
        Case((np.array([0.7, 0.3, 0.0]), np.array([9.0, 5.0, 2.0]), 10, 0.75), "never seen with this anchor"),
        Case((np.array([0.2, 0.8]), np.array([3.0, 1.0]), 1, -1.0), "below 0"),
        Case((even, np.array([1000.0, 999.0]), 5, 120.0), _RANGE),
        Case((even, PAIR, 5, 120.0), "q of the rare class is below the smallest float, its logarithm is not"),
    ]
    rng = np.random.default_rng(seed)
    drawn = []
    for size in (3, 5, 8, 20):
        f, p = _counts(rng, size), rng.dirichlet(np.ones(size))
        drawn.append(Case((p, f, int(rng.integers(2, 30)), round(float(rng.uniform(-0.5, 1)), 2))))
    return edges + drawn
