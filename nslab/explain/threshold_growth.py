"""Why the task gets harder with K: many negatives count, and the hardest of more draws is harder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nslab.explain._base import (
    Axis,
    Control,
    Explainer,
    Handle,
    Line,
    Note,
    Panel,
    Rule,
    Stage,
    check_each,
    integer_grid,
    items,
    linear_grid,
    number,
)
from nslab.theory import effective_margin, effective_negatives

KS = integer_grid(1, 1024, 161)
DRAWS = 200
STEP = 2  # of KS: every second is drawn
TOP, REST = 20, 80  # of the K negatives are shown: the hardest, and some of the others
GOLDEN = (math.sqrt(5) - 1) / 2  # its multiples, less whole numbers, keep far from each other
LOW, HIGH = -1.0, 1.7


@dataclass(frozen=True)
class Growth:
    temperature: float
    k: int
    order: NDArray[np.int64]  # when each negative of one draw was drawn, the hardest first
    drawn: NDArray[np.int64]  # which negative it is
    weights: NDArray[np.float64]  # its softmax weight
    effective: float  # how many of them count, exp H
    curves: NDArray[
        np.float64
    ]  # (3, K): the threshold, K negatives of the mean score, the hardest of K; averaged over draws
    here: NDArray[np.float64]  # the same three at K


class ThresholdGrowth(Explainer):
    """τ ln Σ exp(s_j/τ) over K random negatives: the score a positive needs for weight 1/2, loss ln 2.

    `scores` (N,) are an anchor's cosines with its negatives; K of them are drawn with replacement, 200
    times, and the first draw is shown. `pictures` (N, height, width), in [0, 1], and `names` say what the
    negatives are.
    """

    title = "Two floors lift the threshold: finding a harder negative, counting more"
    tau = Control("τ", "temperature", linear_grid(0.01, 0.2, 96), start=0.07)
    k = Control("K", "negatives", KS, start=45, play=True)

    def __init__(
        self,
        scores: Any,
        *,
        pictures: Any = None,
        names: Sequence[str] | None = None,
        seed: int = 0,
        **start: Any,
    ) -> None:
        values = torch.as_tensor(scores, dtype=torch.float64)
        if values.dim() != 1 or len(values) < 2:
            raise ValueError(
                f"scores must be one row of at least 2 negatives, got shape {tuple(values.shape)}"
            )
        if not bool((values.abs() <= 1 + 1e-9).all()):
            raise ValueError(
                f"scores must be cosines in [-1, 1], got {values.min():.4g} to {values.max():.4g}"
            )
        check_each(f"be one per negative, {len(values)}", len(values), pictures=pictures, names=names)
        picks = torch.randint(len(values), (KS[-1], DRAWS), generator=torch.Generator().manual_seed(seed))
        self._scores, self._picks, self._mean = values.numpy(), picks.numpy(), float(values.mean())
        self._hardest = np.maximum.accumulate(self._scores[self._picks]).mean(1)
        self._seen = np.unique(self._picks[:, 0])
        self._pictures = None if pictures is None else np.asarray(pictures)[self._seen]
        self._names = None if names is None else [names[i] for i in self._seen]
        self._curves = cache(self._curves_at)
        super().__init__(**start)

    def compute(self, tau: float, k: int) -> Growth:
        curves = self._curves(tau)
        drawn = self._picks[:k, 0]
        scores = self._scores[drawn]
        order = np.argsort(-scores, kind="stable")
        weights = np.exp((scores - scores.max()) / tau)
        return Growth(
            temperature=tau,
            k=k,
            order=order,
            drawn=drawn[order],
            weights=(weights / weights.sum())[order],
            effective=float(effective_negatives(torch.from_numpy(scores), tau)),
            curves=curves[:, np.array(KS) - 1],
            here=curves[:, k - 1],
        )

    def _curves_at(self, tau: float) -> NDArray[np.float64]:
        """The threshold and its two floors for each K, averaged over the draws."""
        top = self._scores.max()
        sums = np.exp((self._scores - top) / tau)[self._picks].cumsum(0)
        same = effective_margin(np.arange(1, KS[-1] + 1), tau, self._mean)
        return np.stack([top + tau * np.log(sums).mean(1), same, self._hardest])

    def stage(self) -> Stage:
        score = Axis("score (cosine)", LOW, HIGH, ticks={t: f"{t:g}" for t in (-1, -0.5, 0, 0.5, 1, 1.5)})
        draws = Axis("K, negatives drawn (mean of 200 draws)", 1, KS[-1], log=True)
        return Stage(
            panels={
                "draw": Panel("One draw. Area: a negative's share of the push", y=score),
                "needed": Panel("The score a positive needs for weight ½", draws, score, share=1.3),
            },
            marks={
                "negatives": items(
                    "draw",
                    "negative",
                    pictures=self._pictures,
                    scale=0.34,
                    dot=0.3,
                    roles=("hard",),
                    tips=self._names,
                    shows={"score": "y", "share": "size"},
                ),
                "counts": Note("draw", "negative", x=[0.02], y=[1.35], big=True),
                "most": Rule("needed", "positive", at=[1]),
                "same": Line("needed", "negative", x=KS[::STEP], dashed=True),
                "hardest": Line(
                    "needed", "hard", x=KS[::STEP], y=self._hardest[np.array(KS[::STEP]) - 1], dashed=True
                ),
                "threshold": Line("needed", x=KS[::STEP]),
                "label_threshold": Note("needed", x=[1.1], y=[1.52], text="T, needed"),
                "label_hardest": Note("needed", "hard", x=[1.1], y=[1.34], text="finding: the hardest of K"),
                "label_same": Note("needed", "negative", x=[1.1], y=[1.16], text="counting: s̄ + τ ln K"),
                "here": Handle("needed", along={"x": "k"}),
            },
            key={
                "positive": "highest cosine",
                "negative": "negatives",
                "hard": "the hardest of them",
            },
        )

    def scene(self, result: Growth) -> dict[str, dict[str, Any]]:
        shown = _shown(result.k)[::-1]  # the hardest last, above the others
        order, drawn, weights = result.order[shown], result.drawn[shown], result.weights[shown]
        threshold, same, _ = result.curves[:, ::STEP]
        return {
            "negatives": {
                "x": np.round(0.16 + 0.72 * ((order + 1) * GOLDEN % 1), 3),
                "y": self._scores[drawn],
                "which": np.searchsorted(self._seen, drawn),
                "size": np.round(weights, 4),
                "role": np.where(order == result.order[0], "hard", "negative"),
            },
            "counts": {"text": f"{result.effective:.3g} of {result.k:,} count"},
            "same": {"y": same},
            "threshold": {"y": threshold},
            "here": {"y": result.here[0]},
        }

    def summary(self, result: Growth) -> str:
        needed, same, hardest = result.here
        return (
            f"K = {result.k:,}, τ = {number(result.temperature)}: T = {number(needed)}, hardest of K"
            f" {number(hardest)}, means of 200 draws; s̄ + τ ln K = {number(same)}\nτ ln K ="
            f" {number(result.temperature * math.log(result.k))}; {number(result.effective)} of the K shown"
            " count"
        )


def _shown(k: int) -> NDArray[np.int64]:
    """Which of K negatives, the hardest first, are shown."""
    rest = np.arange(min(TOP, k), k)
    return np.concatenate([np.arange(min(TOP, k)), rest[:: math.ceil(len(rest) / REST) or 1]])
