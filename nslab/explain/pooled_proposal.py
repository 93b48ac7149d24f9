"""Two stages: a uniform pool of M, and negatives drawn from the softmax over that pool only."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from .._checks import as_float, as_mask
from ._controls import Control, integer_grid, log_grid
from ._explainer import Explainer
from ._style import FALSE_NEGATIVE, FOCUS, INK, NEGATIVE, number

SIZES = integer_grid(1, 512, 97)
NODES = 200


def doubling_bins(scores: Tensor) -> Tensor:
    """The bin of each item by its rank, the highest score first: ranks 1, 2–3, 4–7, … are bins 0, 1, 2, …"""
    rank = scores.argsort(descending=True, stable=True).argsort() + 1
    return rank.double().log2().long()


def name_doubling_bins(axes: Axes, bins: int) -> None:
    axes.set_xticks(range(0, bins, 2), [f"{2**i:,}" for i in range(0, bins, 2)])
    axes.set_xlabel("rank by score, doubling from bar to bar")


@dataclass(frozen=True)
class Pooled:
    temperature: float
    m: int
    items: int
    drawn: NDArray[np.float64]  # (2, bins): share of the draws that are false, and true, negatives
    full: NDArray[np.float64]  # (bins,) the same with all items in the pool
    distances: NDArray[np.float64]  # total variation from the full proposal, at each of SIZES
    false_shares: NDArray[np.float64]  # share of the draws that are false negatives, at each of SIZES
    distance: float
    false_share: float
    full_false_share: float


class PooledProposal(Explainer):
    """What is drawn when M items are taken uniformly, with replacement, and one of them by softmax(s / T).

    `scores` (N,), N > 512: one anchor's logits; `false` (N,) marks the items that are really positives. An item of
    weight y = e^(s/T) is drawn with the chance q_M = (M / N) E[y / (y + the rest of the pool)], and
    1 / A = ∫ e^(−t A) dt turns the pool into independent factors: one exact integral for every M.
    """

    title = "A uniform pool, then a softmax draw from it: how large must the pool be?"
    m = Control("M", "items in the pool", SIZES, start=8)
    temperature = Control("T", "temperature", log_grid(0.2, 5, 81), start=1.0)

    def __init__(self, scores: Any, false: Any, **start: Any) -> None:
        self._scores = as_float(scores, "scores").double()
        if self._scores.dim() != 1 or len(self._scores) <= SIZES[-1]:
            raise ValueError(
                f"scores must be one row of more than 512, got shape {tuple(self._scores.shape)}"
            )
        self._false = as_mask(false, "false", self._scores.shape)
        self._bins = doubling_bins(self._scores)
        super().__init__(**start)

    def compute(self, m: int, temperature: float) -> Pooled:
        full = torch.softmax(self._scores / temperature, 0)
        rows = self._chances([*SIZES, m], temperature)
        distances, false_shares = (rows - full).abs().sum(1) / 2, rows @ self._false.double()
        drawn = torch.stack([self._by_rank(rows[-1] * kind) for kind in (self._false, ~self._false)])
        return Pooled(
            temperature=temperature,
            m=m,
            items=len(full),
            drawn=drawn.numpy(),
            full=self._by_rank(full).numpy(),
            distances=distances[:-1].numpy(),
            false_shares=false_shares[:-1].numpy(),
            distance=float(distances[-1]),
            false_share=float(false_shares[-1]),
            full_false_share=float(full @ self._false.double()),
        )

    def create(self, figure: Figure) -> SimpleNamespace:
        left, right = figure.subplots(1, 2)
        bins = int(self._bins.max()) + 1
        edges = np.arange(bins + 1) - 0.5
        left.set(xlim=(-0.6, bins - 0.4), ylim=(0, 1), ylabel="share of the draws")
        name_doubling_bins(left, bins)
        left.set_title("A small pool draws lower ranks")
        true = left.stairs(np.zeros(bins), edges, fill=True, color=NEGATIVE, label="true negatives")
        false = left.stairs(np.zeros(bins), edges, fill=True, color=FALSE_NEGATIVE, label="false negatives")
        full = left.stairs(
            np.zeros(bins),
            edges,
            color=INK,
            lw=1.5,
            baseline=None,
            label="all draws, if the pool is everything",
        )
        left.legend(loc="upper center")
        right.set(xscale="log", xlim=(0.9, 600), ylim=(-0.03, 1.4), yticks=[0, 0.5, 1])
        right.set(xlabel="M, items in the pool", ylabel="share")
        right.set_xticks([1, 8, 64, 512], ["1", "8", "64", "512"])
        right.minorticks_off()
        right.set_title("A larger pool comes closer")
        distances = right.plot(SIZES, SIZES, color=INK, label="total variation from the full softmax(s/T)")[0]
        shares = right.plot(SIZES, SIZES, color=FALSE_NEGATIVE, label="false negatives among the draws")[0]
        right.legend(loc="upper left")
        dots = right.plot([1, 1], [0, 0], "o", color=FOCUS, ms=8, zorder=4, clip_on=False)[0]
        return SimpleNamespace(
            true=true, false=false, full=full, distances=distances, shares=shares, dots=dots
        )

    def draw(self, artists: Any, result: Pooled) -> None:
        artists.true.set_data(result.drawn.sum(0))
        artists.false.set_data(result.drawn[0])
        artists.full.set_data(result.full)
        artists.distances.set_ydata(result.distances)
        artists.shares.set_ydata(result.false_shares)
        artists.dots.set_data([result.m] * 2, [result.distance, result.false_share])

    def summary(self, result: Pooled) -> str:
        return (
            f"M = {result.m} of {result.items} items scored, T = {number(result.temperature)}: "
            f"total variation from softmax(s/T) = {number(result.distance)}\n"
            f"false negatives: {number(result.false_share)} of the draws; "
            f"{number(result.full_false_share)} if all items are scored"
        )

    def _by_rank(self, chances: Tensor) -> Tensor:
        return torch.zeros(int(self._bins.max()) + 1, dtype=torch.float64).index_add(0, self._bins, chances)

    def _chances(self, sizes: list[int], temperature: float) -> Tensor:
        """The chance q_M of each item for each pool size, (len(sizes), N)."""
        gaps = (self._scores - self._scores.max()) / temperature
        y, m = gaps.exp(), torch.tensor(sizes, dtype=torch.float64)[:, None]
        # Nodes evenly spaced in ln t, from far below 1 / (M max y) to far above 1 / min y.
        nodes = torch.linspace(-float(m.max().log()) - 14, 4 - float(gaps.min()), NODES, dtype=torch.float64)
        t = nodes.exp()
        decays = torch.exp(-(t[:, None] * y).clamp(max=200))
        factors = (nodes[1] - nodes[0]) * t * decays.mean(1) ** (m - 1)
        return m / len(y) * y * (factors @ decays)
