"""Why the task gets harder with K: many negatives count, and the hardest of more draws is harder."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..theory import effective_margin
from ._controls import Control, integer_grid, linear_grid
from ._explainer import Explainer
from ._style import FAINT, HARD, INK, NEGATIVE, POSITIVE, number

KS = integer_grid(1, 1024, 161)
DRAWS = 200


@dataclass(frozen=True)
class Growth:
    temperature: float
    k: int
    drawn: NDArray[np.float64]  # the K scores of one of the draws
    threshold: NDArray[np.float64]  # at each of KS, averaged over the draws
    same: NDArray[np.float64]  # K negatives that all have the mean score
    hardest: NDArray[np.float64]  # the largest of K scores, averaged over the draws
    here: NDArray[np.float64]  # threshold, same and hardest at K


class ThresholdGrowth(Explainer):
    """τ ln Σ exp(s_j/τ) over K random negatives: the score a positive needs for weight 1/2, loss ln 2.

    `scores` (N,) are an anchor's cosines with its negatives; K of them are drawn with replacement, 200 times.
    """

    title = "The score a positive needs against K random negatives"
    k = Control("K", "negatives", KS, start=8)
    tau = Control("τ", "temperature", linear_grid(0.01, 0.2, 77), start=0.2)

    def __init__(self, scores: Any, *, seed: int = 0, **start: Any) -> None:
        values = torch.as_tensor(scores, dtype=torch.float64)
        if values.dim() != 1 or len(values) < 2:
            raise ValueError(
                f"scores must be one row of at least 2 negatives, got shape {tuple(values.shape)}"
            )
        if not bool((values.abs() <= 1 + 1e-9).all()):
            raise ValueError(
                f"scores must be cosines in [-1, 1], got {values.min():.4g} to {values.max():.4g}"
            )
        picks = torch.randint(len(values), (KS[-1], DRAWS), generator=torch.Generator().manual_seed(seed))
        self._scores, self._picks, self._mean = values.numpy(), picks.numpy(), float(values.mean())
        self._hardest = np.maximum.accumulate(self._scores[self._picks]).mean(1)
        super().__init__(**start)

    def compute(self, k: int, tau: float) -> Growth:
        ks = np.union1d(KS, k)
        top = self._scores.max()
        weights = np.exp((self._scores - top) / tau)[self._picks]
        sums = np.add.reduceat(weights, np.concatenate([[0], ks[:-1]])).cumsum(0)
        threshold = top + tau * np.log(sums).mean(1)
        curves = np.stack([threshold, effective_margin(ks, tau, self._mean), self._hardest[ks - 1]])
        on_grid = np.isin(ks, KS)
        drawn = self._scores[self._picks[:k, 0]]
        return Growth(tau, k, drawn, *curves[:, on_grid], here=curves[:, np.searchsorted(ks, k)])

    def create(self, figure: Figure) -> SimpleNamespace:
        cloud, axes = figure.subplots(1, 2, width_ratios=[2, 5], sharey=True)
        cloud.set(
            xlim=(-0.6, 0.6), ylim=(-1, 1.7), xticks=[], xlabel="one draw of K", ylabel="score (cosine)"
        )
        cloud.set_title("More draws reach higher")
        axes.set(xscale="log", xlim=(0.9, 1200), xlabel="K, negatives drawn")
        axes.set_title("Two floors under the score a positive needs")
        axes.axhline(1, color=POSITIVE, lw=1.2, ls=":", label="1: the most a cosine can be")
        same = axes.plot(KS, KS, color=NEGATIVE, ls="--", label="s̄ + τ ln K: K equal negatives")[0]
        hardest = axes.plot(KS, KS, color=HARD, ls="--", label="hardest of K draws, on average")[0]
        threshold = axes.plot(KS, KS, color=INK, label="T = τ ln Σ exp(s/τ), on average")[0]
        axes.legend(loc="lower right", ncols=2)
        return SimpleNamespace(
            cloud=cloud.scatter([], [], s=12, color=NEGATIVE),
            top=cloud.scatter([], [], s=50, color=HARD, zorder=4),
            threshold=threshold,
            same=same,
            hardest=hardest,
            stem=axes.vlines([], 0, [], color=FAINT, lw=1.5),
            here=axes.scatter([], [], s=50, zorder=4),
        )

    def draw(self, artists: Any, result: Growth) -> None:
        across = np.arange(result.k) * (math.sqrt(5) - 1) / 2 % 1 - 0.5  # spread evenly, never at random
        points = np.column_stack([across, result.drawn])
        artists.cloud.set_offsets(points)
        artists.top.set_offsets(points[result.drawn.argmax()])
        artists.threshold.set_ydata(result.threshold)
        artists.same.set_ydata(result.same)
        artists.hardest.set_ydata(result.hardest)
        artists.stem.set_segments([[(result.k, result.here.min()), (result.k, result.here.max())]])
        artists.here.set_offsets([(result.k, y) for y in result.here])
        artists.here.set_facecolor([INK, NEGATIVE, HARD])

    def summary(self, result: Growth) -> str:
        needed, same, hardest = result.here
        return (
            f"K = {result.k:,}, τ = {number(result.temperature)}: T = {number(needed)}; "
            f"s̄ + τ ln K = {number(same)}; hardest of K on average {number(hardest)}\n"
            f"τ ln K = {number(result.temperature * math.log(result.k))}"
        )
