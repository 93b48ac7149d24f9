"""Exercise 06: taming imbalance with α."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nslab import diagnostics, samplers
from nslab.practice._exercise import Exercise, Question
from nslab.practice.exercises._06_taming_imbalance import (
    cases,
    mistakes,
    mistakes_alpha,
    mistakes_share,
    specification,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# How an exponent is judged, and what a wrong answer looks like.


def _measure(args: tuple[Any, ...], value: Any) -> dict[str, float]:
    """The share that an exponent gives: where two give the same, both are right."""
    alpha = np.asarray(value, dtype=np.float64)
    if alpha.ndim or not np.isfinite(alpha):
        raise ValueError(f"one finite number is asked for, got {value!r}")
    f, c, _ = args
    return {"α that gives the share": specification.share(f, c, float(alpha))}


def _alpha_picture(args: tuple[Any, ...], value: Any) -> Figure:
    from matplotlib.figure import Figure

    from nslab.explain import COLORS

    f, c, target = args
    alpha = float(value)
    reach = 1.2 * max(2.0, min(abs(alpha), 1000.0), 4 / np.ptp(np.log(f[f > 0])))
    grid = np.linspace(-reach, reach, 201)
    figure = Figure(figsize=(6.4, 2.2))
    axes = figure.add_axes((0.1, 0.23, 0.62, 0.62))
    axes.plot(
        grid,
        [specification.share(f, c, a) for a in grid],
        color=COLORS["anchor"],
        label=f"share of class {c}",
    )
    axes.axhline(target, color=COLORS["ink"], ls=":", lw=1.2, label="target")
    axes.plot(
        [np.clip(alpha, -reach, reach)],
        [specification.share(f, c, alpha)],
        "o",
        color=COLORS["hard"],
        label="yours",
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
            specification.unigram_probs,
            samplers.unigram,
            "nslab.unigram",
            cases.unigram_cases,
            mistakes.UNIGRAM,
            (
                (
                    "Two steps: a weight for each class, then weights that sum to 1. In which of the two does"
                    " α appear?"
                ),
                (
                    "What is 0 ** 0 in Python, and what should a class that never occurred get? Then try α ="
                    " −0.5 on the same counts."
                ),
                (
                    "Work on the classes that occurred and leave the others at 0. For large exponents take"
                    " logarithms: the logarithm of a power is a product, and taking one number away from all"
                    " logarithms changes no ratio."
                ),
            ),
        ),
        Question(
            "gradient_share(f, scores, alpha)",
            specification.gradient_share,
            diagnostics.gradient_share,
            "nslab.diagnostics.gradient_share",
            cases.share_cases,
            mistakes_share.SHARE,
            (
                (
                    "A class takes part twice: by how often it is drawn and by how hard one draw pushes. What"
                    " combines the two, a sum or a product?"
                ),
                (
                    "A negative with score s costs −ln σ(−s). Differentiate that in s. Is the push large or"
                    " small where the score is far below 0?"
                ),
                (
                    "Divide by the total at the very end. If all pushes are too small for a float, add"
                    " logarithms instead of multiplying, and make the largest of them 0 before the"
                    " exponential; `np.logaddexp` helps with ln σ."
                ),
            ),
        ),
        Question(
            "alpha_for_share(f, c, target)",
            specification.alpha_for_share,
            None,
            "",
            cases.alpha_cases,
            mistakes_alpha.ALPHA,
            (
                (
                    "Your first function gives the share of c at any exponent. Plot it over α for the rarest"
                    " class, for the most frequent, and for one in between."
                ),
                (
                    "With two classes the answer is a formula. With more, search: the share of the rarest"
                    " class falls as α rises, that of the most frequent rises, and any other has one peak."
                    " What is the share at both ends?"
                ),
                (
                    "The slope of ln q_c is ln f_c minus the mean of ln f under q, and that mean grows with"
                    " α: halving finds the peak. If the target is below the peak, halve again between the"
                    " peak and an end where the share is 0. How far out the ends must be depends on how close"
                    " the logarithms of the counts are."
                ),
            ),
            rtol=1e-6,
            measure=_measure,
            picture=_alpha_picture,
        ),
        Question(
            "optimal_logits(p, f, K, alpha)",
            specification.optimal_logits,
            None,
            "",
            cases.logit_cases,
            mistakes_share.LOGITS,
            (
                (
                    "For each pair, positives come in proportion to p_c and negatives in proportion to what?"
                    " Both push the same score, in opposite directions."
                ),
                (
                    "Set the pull of the positives, with σ(−s), against the push of the negatives, with σ(s)."
                    " The ratio of the two sigmoids is a single exponential of s."
                ),
                (
                    "Solve for s: a logarithm of a ratio, with the expected number of draws of c below. A"
                    " class that is never a positive has no finite logit."
                ),
            ),
            stretch=True,
        ),
    ),
)
