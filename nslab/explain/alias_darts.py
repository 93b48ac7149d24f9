"""Darts on the levelled board: how the frequencies of what is drawn close in on q."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..samplers import unigram
from ._controls import Control, integer_grid
from ._explainer import Explainer
from ._style import FAINT, FOCUS, INK, NEGATIVE, number
from .alias_build import ALPHAS, checked_columns, plan, poured

DARTS = integer_grid(1, 100_000, 121)
SHOWN = 400  # darts drawn on the board at most


@dataclass(frozen=True)
class Darts:
    alpha: float
    darts: int
    keep: NDArray[np.float64]  # up to here a column is its own id's
    where: NDArray[np.float64]  # (darts shown, 2): place across the columns, and height
    own: int  # darts that hit the column's own id
    distance: float  # ½ Σ |frequency − q| of these darts
    distances: NDArray[np.float64]  # the same after each of DARTS
    expected: NDArray[np.float64]  # its mean over all throws, once darts are many


class AliasDarts(Explainer):
    """Darts thrown at the alias table of f^α, and the distance of their frequencies from q.

    `counts` (N,) and `names` as in AliasBuild. For every α the same darts are thrown.
    """

    title = "Darts at the alias table, and how near their frequencies come to q"
    darts = Control("", "darts", DARTS, start=10)
    alpha = Control("α", "exponent of f", ALPHAS, start=1.0)

    def __init__(self, counts: Any, names: Sequence[str], **start: Any) -> None:
        self._counts, self._names = checked_columns(counts, names)
        super().__init__(**start)

    def compute(self, darts: int, alpha: float) -> Darts:
        q = unigram(self._counts, alpha).numpy()
        n = len(q)
        keep, alias = poured(n * q, plan(n * q))
        across, up, interval = _throws(n)
        column = across.astype(np.int64)
        own = up < keep[column]
        drawn = np.where(own, column, alias[column])
        in_interval = np.bincount(interval * n + drawn, minlength=len(DARTS) * n).reshape(-1, n)
        frequencies = in_interval.cumsum(0) / np.array(DARTS)[:, None]
        return Darts(
            alpha=alpha,
            darts=darts,
            keep=keep,
            where=np.stack([across, up], 1)[: min(darts, SHOWN)],
            own=int(own[:darts].sum()),
            distance=_distance(np.bincount(drawn[:darts], minlength=n) / darts, q).item(),
            distances=_distance(frequencies, q),
            expected=np.sqrt(2 / np.pi * q * (1 - q)).sum() / 2 / np.sqrt(DARTS),
        )

    def create(self, figure: Figure) -> SimpleNamespace:
        board, right = figure.subplots(1, 2, width_ratios=[3, 2])
        n = len(self._counts)
        board.set(xlim=(0, n), ylim=(0, 1), yticks=[0, 0.5, 1], ylabel="height in the column")
        board.set_xticks(np.arange(n) + 0.5, self._names)
        board.tick_params(axis="x", length=0)
        board.set_xlabel(f"column (first {SHOWN} darts; blue: its own id, grey: its alias)")
        board.set_title("Where a dart lands is what is drawn")
        right.set(xscale="log", yscale="log", xlim=(1, 1e5), ylim=(1e-3, 1.2))
        right.set(xlabel="darts", ylabel="distance ½ Σ |frequency − q|")
        right.set_title("100 times the darts: a tenth")
        expected = right.plot(DARTS, DARTS, color=INK, ls="--", lw=1.2, label="expected, ∝ 1/√darts")[0]
        right.legend(loc="lower left")
        board.bar(np.arange(n) + 0.5, np.ones(n), width=0.94, color=FAINT)
        return SimpleNamespace(
            keep=list(board.bar(np.arange(n) + 0.5, np.ones(n), width=0.94, color=NEGATIVE)),
            darts=board.plot([], [], ".", color=INK, ms=4)[0],
            last=board.plot([0], [0], "o", color=FOCUS, ms=6)[0],
            expected=expected,
            path=right.plot(DARTS, DARTS, color=FAINT)[0],
            so_far=right.plot([], [], color=FOCUS)[0],
            here=right.plot([1], [1], "o", color=FOCUS, ms=8, zorder=4, clip_on=False)[0],
        )

    def draw(self, artists: Any, result: Darts) -> None:
        for bar, keep in zip(artists.keep, result.keep, strict=True):
            bar.set_height(keep)
        artists.darts.set_data(*result.where.T)
        artists.last.set_data(*result.where[-1:].T)
        artists.last.set_visible(result.darts <= SHOWN)
        artists.expected.set_ydata(result.expected)
        artists.path.set_ydata(result.distances)
        thrown = np.array(DARTS) <= result.darts
        artists.so_far.set_data(np.array(DARTS)[thrown], result.distances[thrown])
        artists.here.set_data([result.darts], [result.distance])

    def summary(self, result: Darts) -> str:
        return (
            f"α = {number(result.alpha)}, {result.darts:,} thrown: {result.own:,} hit the column's own id, "
            f"{result.darts - result.own:,} the alias\n"
            f"distance of the frequencies from q: {number(result.distance)}"
        )


def _distance(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Total variation distance along the last axis."""
    return np.abs(p - q).sum(-1) / 2


@lru_cache(maxsize=4)
def _throws(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Places across n columns, heights, and the interval of DARTS in which each dart is thrown."""
    across, up = np.random.default_rng(0).random((2, DARTS[-1]))
    return across * n, up, np.searchsorted(DARTS, np.arange(1, DARTS[-1] + 1))
