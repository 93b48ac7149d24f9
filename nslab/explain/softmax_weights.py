"""Softmax weights over real negatives, beside the entropy curve H(τ)."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ..theory import effective_negatives, softmax_entropy, softmax_entropy_slope
from ._controls import Control, decade_grid, integer_grid
from ._explainer import Explainer
from ._style import FAINT, FALSE_NEGATIVE, FOCUS, HARD, INK, NEGATIVE, number

CURVE = np.geomspace(0.01, 10, 121)


@dataclass(frozen=True)
class Weights:
    temperature: float
    k: int
    scores: NDArray[np.float64]
    weights: NDArray[np.float64]
    false: NDArray[np.bool_]
    entropy: float
    slope: float
    effective: float
    curve: NDArray[np.float64]

    @property
    def false_share(self) -> float:
        """Share of the softmax weight that falls on negatives of the anchor's own class."""
        return float(self.weights[self.false].sum())


class SoftmaxWeights(Explainer):
    """How τ shares the attention among the first K of the given negatives.

    `scores` (N,) are similarities of one anchor to N negatives; `false` (N,) marks those that are really positives.
    """

    title = "Softmax weights of the negatives and their entropy against temperature"
    tau = Control("τ", "temperature", decade_grid(0.01, 10), start=0.1)
    k = Control("K", "negatives", integer_grid(4, 256, 145), start=64)

    def __init__(self, scores: Any, false: Any = None, **start: Any) -> None:
        self._scores = torch.as_tensor(scores, dtype=torch.float64)
        if self._scores.dim() != 1 or len(self._scores) < 256:
            raise ValueError(
                f"scores must be one row of at least 256 negatives, got shape {tuple(self._scores.shape)}"
            )
        self._false = (
            torch.zeros(len(self._scores), dtype=torch.bool) if false is None else torch.as_tensor(false)
        )
        if self._false.shape != self._scores.shape or self._false.dtype != torch.bool:
            raise ValueError(f"false must be one boolean per score, got shape {tuple(self._false.shape)}")
        super().__init__(**start)

    def compute(self, tau: float, k: int) -> Weights:
        scores = self._scores[:k]
        return Weights(
            temperature=tau,
            k=k,
            scores=scores.numpy(),
            weights=torch.softmax(scores / tau, dim=0).numpy(),
            false=self._false[:k].numpy(),
            entropy=float(softmax_entropy(scores, tau)),
            slope=float(softmax_entropy_slope(scores, tau)),
            effective=float(effective_negatives(scores, tau)),
            curve=softmax_entropy(scores / torch.from_numpy(CURVE)[:, None], 1.0).numpy(),
        )

    def create(self, figure: Figure) -> SimpleNamespace:
        left, right = figure.subplots(1, 2)
        left.set(xlim=(-1, 1), ylim=(0, 1.4), yticks=[0, 0.5, 1])
        left.set(xlabel="score s of a negative (cosine)", ylabel="weight / largest weight")
        left.set_title("Weight falls with the gap over τ")
        roles = [(HARD, "hardest true"), (NEGATIVE, "other true"), (FALSE_NEGATIVE, "false negatives")]
        left.legend(
            handles=[_dot(*role) for role in roles],
            loc="upper center",
            ncols=3,
            handletextpad=0,
            columnspacing=0.6,
        )
        right.set(
            xscale="log",
            xlim=(0.01, 10),
            ylim=(-0.15, 5.8),
            xlabel="temperature τ",
            ylabel="entropy H (nats)",
        )
        right.set_xticks([0.01, 0.1, 1, 10], ["0.01", "0.1", "1", "10"])
        right.set_title("H rises with τ, steeply only in between")
        count = right.secondary_yaxis("right")
        count.set_yticks(np.log([1, 4, 16, 64, 256]), ["1", "4", "16", "64", "256"])
        count.set_ylabel("effective negatives exp H")
        return SimpleNamespace(
            stems=left.vlines([], 0, [], lw=1, color=FAINT),
            dots=left.scatter([], [], s=26, zorder=3),
            ceiling=right.axhline(0, color=INK, lw=1, ls=":"),
            curve=right.plot(CURVE, CURVE, color=INK)[0],
            tangent=right.plot([], [], color=FOCUS, lw=1.5)[0],
            here=right.plot([1], [1], "o", color=FOCUS, ms=8, zorder=4, clip_on=False)[0],
            says=right.text(0.97, 0.06, "", transform=right.transAxes, color=FOCUS, ha="right"),
        )

    def draw(self, artists: Any, result: Weights) -> None:
        height = result.weights / result.weights.max()
        artists.stems.set_segments([[(s, 0), (s, h)] for s, h in zip(result.scores, height, strict=True)])
        artists.dots.set_offsets(np.column_stack([result.scores, height]))
        colours = np.where(result.false, FALSE_NEGATIVE, NEGATIVE)
        colours[np.where(result.false, -np.inf, result.scores).argmax()] = HARD
        artists.dots.set_facecolor(colours.tolist())
        artists.ceiling.set_ydata([np.log(result.k)] * 2)
        artists.curve.set_ydata(result.curve)
        reach = np.array([-0.5, 0.5])
        artists.tangent.set_data(
            result.temperature * np.exp(reach), result.entropy + result.slope * result.temperature * reach
        )
        artists.here.set_data([result.temperature], [result.entropy])
        artists.says.set_text(f"as if {number(result.effective)} of {result.k} counted")

    def summary(self, result: Weights) -> str:
        return (
            f"τ = {number(result.temperature)}, K = {result.k}: H = {number(result.entropy)} nats, "
            f"dH/dτ = {number(result.slope)}, effective negatives = {number(result.effective)}\n"
            f"largest weight = {number(result.weights.max())}, on false negatives = {number(result.false_share)}"
        )


def _dot(colour: str, label: str) -> Line2D:
    return Line2D([], [], marker="o", ls="", color=colour, label=label)
