"""Exercise 06: taming imbalance with α."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from nslab import diagnostics, samplers
from nslab.practice import _mistakes_06, _mistakes_06_alpha, _mistakes_06_share
from nslab.practice._exercise import Case, Exercise, Question

# The specification: class by class, thirty decimal digits, any exponent of ten.


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
    if not 0 < target < _share(f, c, peak):
        raise ValueError(f"class {c} never gets the share {target}")
    zero = -end if f[c] == seen[-1] else end
    return _halve(lambda alpha: _share(f, c, alpha) < target, zero, peak)


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


def _share(f: np.ndarray, c: int, alpha: float) -> float:
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


def _unigram_cases(seed: int) -> list[Case]:
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
        Case((np.array([1000.0, 999.0]), 120.0), _RANGE),
        Case((np.array([1000.0, 998.0, 997.0]), -400.0), _RANGE),
        Case((np.array([0.0, 0.0]), 0.75), _NOTHING),
        Case((np.array([3.0, -1.0]), 0.75), _NEGATIVE),
        Case((np.array([3.0, 2.0, -1.0]), 1.0), _NEGATIVE),
    ]
    rng = np.random.default_rng(seed)
    drawn = [(_counts(rng, size), round(float(rng.uniform(-1, 1.4)), 2)) for size in (3, 4, 6, 8, 12, 40)]
    return edges + [Case(args) for args in drawn]


def _share_cases(seed: int) -> list[Case]:
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
        Case((np.array([0.0, 0.0]), np.zeros(2), 0.75), _NOTHING),
        Case((np.array([3.0, -1.0]), np.zeros(2), 0.75), _NEGATIVE),
    ]
    rng = np.random.default_rng(seed)
    drawn = []
    for size in (2, 3, 4, 6, 8, 12, 20):
        scores = rng.normal(-1, 2, size).round(2)
        drawn.append(Case((_counts(rng, size), scores, round(float(rng.uniform(-0.5, 1)), 2))))
    return edges + drawn


def _alpha_cases(seed: int) -> list[Case]:
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
        drawn.append(Case((f, c, round(_share(f, c, float(rng.uniform(-0.8, 1.6))), 6))))
    return edges + drawn


def _logit_cases(seed: int) -> list[Case]:
    even = np.array([0.5, 0.5])
    edges = [
        Case((even, PAIR, 1, 0.0), "p is q and K = 1: nothing to tell apart"),
        Case((even, PAIR, 5, 0.75)),
        Case((even, PAIR, 5, 0.0), "α = 0 shifts all logits alike"),
        Case((PAIR / 1001, PAIR, 5, 1.0), "at α = 1 popularity is gone: −ln K for both"),
        Case((np.array([0.7, 0.3, 0.0]), np.array([9.0, 5.0, 2.0]), 10, 0.75), "never seen with this anchor"),
        Case((np.array([0.2, 0.8]), np.array([3.0, 1.0]), 1, -1.0), "below 0"),
    ]
    rng = np.random.default_rng(seed)
    drawn = []
    for size in (3, 5, 8, 20):
        f, p = _counts(rng, size), rng.dirichlet(np.ones(size))
        drawn.append(Case((p, f, int(rng.integers(2, 30)), round(float(rng.uniform(-0.5, 1)), 2))))
    return edges + drawn


# How an exponent is judged, and what a wrong answer looks like.


def _measure(args: tuple[Any, ...], value: Any) -> dict[str, float]:
    """The share that an exponent gives: where two give the same, both are right."""
    alpha = np.asarray(value, dtype=np.float64)
    if alpha.ndim or not np.isfinite(alpha):
        raise ValueError(f"one finite number is asked for, got {value!r}")
    f, c, _ = args
    return {"α that gives the share": _share(f, c, float(alpha))}


def _alpha_picture(args: tuple[Any, ...], value: Any) -> Figure:
    f, c, target = args
    from nslab.explain import COLORS

    alpha = float(value)
    reach = 1.2 * max(2.0, min(abs(alpha), 1000.0), 4 / np.ptp(np.log(f[f > 0])))
    grid = np.linspace(-reach, reach, 201)
    figure = Figure(figsize=(6.4, 2.2))
    axes = figure.add_axes((0.1, 0.23, 0.62, 0.62))
    axes.plot(grid, [_share(f, c, a) for a in grid], color=COLORS["anchor"], label=f"share of class {c}")
    axes.axhline(target, color=COLORS["ink"], ls=":", lw=1.2, label="target")
    axes.plot(
        [np.clip(alpha, -reach, reach)], [_share(f, c, alpha)], "o", color=COLORS["hard"], label="yours"
    )
    axes.set(xlabel="exponent α", ylabel="share of the draws", ylim=(-0.05, 1.05), xlim=(-reach, reach))
    axes.set(xticks=(-reach / 1.2, 0, reach / 1.2), yticks=(0, 0.5, 1))
    axes.xaxis.set_major_formatter("{x:.4g}")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
    figure.suptitle("The share at every exponent, the target, and where your α lands", fontsize=9)
    return figure


EXERCISE = Exercise(
    "06",
    "taming imbalance with α",
    (
        Question(
            "unigram_probs(f, alpha)",
            unigram_probs,
            samplers.unigram,
            "nslab.unigram",
            _unigram_cases,
            _mistakes_06.UNIGRAM,
            (
                "Two steps: a weight for each class, then weights that sum to 1. In which of the two does α appear?",
                "What is 0 ** 0 in Python, and what should a class that never occurred get? Then try α = −0.5 "
                "on the same counts.",
                "Work on the classes that occurred and leave the others at 0. For large exponents take logarithms: the "
                "logarithm of a power is a product, and taking one number away from all logarithms changes no ratio.",
            ),
        ),
        Question(
            "gradient_share(f, scores, alpha)",
            gradient_share,
            diagnostics.gradient_share,
            "nslab.diagnostics.gradient_share",
            _share_cases,
            _mistakes_06_share.SHARE,
            (
                "A class takes part twice: by how often it is drawn and by how hard one draw pushes. What combines the "
                "two, a sum or a product?",
                "A negative with score s costs −ln σ(−s). Differentiate that in s. Is the push large or small where the "
                "score is far below 0?",
                "Divide by the total at the very end. If all pushes are too small for a float, add logarithms instead of "
                "multiplying, and make the largest of them 0 before the exponential; `np.logaddexp` helps with ln σ.",
            ),
        ),
        Question(
            "alpha_for_share(f, c, target)",
            alpha_for_share,
            None,
            "",
            _alpha_cases,
            _mistakes_06_alpha.ALPHA,
            (
                "Your first function gives the share of c at any exponent. Plot it over α for the rarest class, for the most "
                "frequent, and for one in between.",
                "With two classes the answer is a formula. With more, search: the share of the rarest class falls as α rises, "
                "that of the most frequent rises, and any other has one peak. What is the share at both ends?",
                "The slope of ln q_c is ln f_c minus the mean of ln f under q, and that mean grows with α: halving finds "
                "the peak. If the target is below the peak, halve again between the peak and an end where the share is 0. "
                "How far out the ends must be depends on how close the logarithms of the counts are.",
            ),
            rtol=1e-6,
            measure=_measure,
            picture=_alpha_picture,
        ),
        Question(
            "optimal_logits(p, f, K, alpha)",
            optimal_logits,
            None,
            "",
            _logit_cases,
            _mistakes_06_share.LOGITS,
            (
                "For each pair, positives come in proportion to p_c and negatives in proportion to what? Both push the same "
                "score, in opposite directions.",
                "Set the pull of the positives, with σ(−s), against the push of the negatives, with σ(s). The ratio of the two "
                "sigmoids is a single exponential of s.",
                "Solve for s: a logarithm of a ratio, with the expected number of draws of c below. A class that is never a "
                "positive has no finite logit.",
            ),
            stretch=True,
        ),
    ),
)
