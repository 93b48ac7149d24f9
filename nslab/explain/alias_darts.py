"""Darts on the levelled board: what is drawn piles up until the columns have their old heights again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nslab.explain._base import (
    Arrows,
    Axis,
    Bars,
    Control,
    Dots,
    Explainer,
    Handle,
    Line,
    Note,
    Panel,
    Rule,
    Stage,
    Words,
    integer_grid,
    number,
)
from nslab.explain.alias_build import ALPHAS, checked_columns, colors, plan, poured
from nslab.samplers import unigram

DARTS = integer_grid(1, 100_000, 121)
SHOWN = 100  # darts that stay on the board
FLOOR = 1.35  # of the piles, above the board of height 1
BETWEEN = (1 + FLOOR) / 2  # where the letters stand
PILE = 0.45  # height of a pile beside that of a column of the same mass
ROOM = 0.15  # that an alias needs in a column to be named
WIDE = 0.84  # of a column's place


@dataclass(frozen=True)
class Darts:
    alpha: float
    darts: int
    heights: NDArray[np.float64]  # N q
    keep: NDArray[np.float64]  # up to here a column is its own id's
    alias: NDArray[np.int64]
    where: NDArray[
        np.float64
    ]  # (darts, 2): place across the columns, and height; at most SHOWN, and the last one
    drawn: NDArray[np.int64]  # what these are
    frequencies: NDArray[np.float64]  # (N,) of all darts
    own: int  # darts that hit the column's own id
    distance: float  # ½ Σ |frequency − q| of these darts
    distances: NDArray[np.float64]  # the same after each of DARTS
    expected: NDArray[np.float64]  # its mean over all throws, exactly, after each of DARTS


class AliasDarts(Explainer):
    """Darts thrown at the alias table of f^α: each draws the letter on whose color it lands.

    The letters pile up.

    `counts` (N,) and `names` as in AliasBuild. For every α the same darts are thrown. The outlines have
    the heights N q, which the piles come to; an arrow says that a pile goes on above the picture. Beside
    them is the total variation distance of the frequencies from q.
    """

    question = "How fast do the piles come close to the letters' shares?"
    title = "A hundred times the darts bring the piles ten times closer to the letters' shares"
    darts = Control("", "darts", DARTS, start=10, play=True)
    alpha = Control("α", "exponent of counts", ALPHAS, start=1.0)

    def __init__(self, counts: Any, names: Sequence[str], **start: Any) -> None:
        self._counts, self._names = checked_columns(counts, names)
        self._thrown = lru_cache(maxsize=256)(self._drawn)
        super().__init__(**start)

    def compute(self, darts: int, alpha: float) -> Darts:
        q = unigram(self._counts, alpha).numpy()
        n = len(q)
        keep, alias, drawn, own, distances, expected = self._thrown(alpha)
        across, up, _ = _throws(n)
        shown = [*range(min(darts, SHOWN)), darts - 1]
        frequencies = np.bincount(drawn[:darts], minlength=n) / darts
        return Darts(
            alpha=alpha,
            darts=darts,
            heights=n * q,
            keep=keep,
            alias=alias,
            where=np.stack([across, up], 1)[shown],
            drawn=drawn[shown],
            frequencies=frequencies,
            own=int(own[:darts].sum()),
            distance=_distance(frequencies, q).item(),
            distances=distances,
            expected=expected,
        )

    def _drawn(self, alpha: float) -> tuple[NDArray[Any], ...]:
        """The table, what every dart is, the distances and their means.

        For each dart also whether its letter is its column's own.
        """
        q = unigram(self._counts, alpha).numpy()
        n = len(q)
        keep, alias = poured(n * q, plan(n * q))
        across, up, interval = _throws(n)
        column = across.astype(np.int64)
        own = up < keep[column]
        drawn = np.where(own, column, alias[column])
        in_interval = np.bincount(interval * n + drawn, minlength=len(DARTS) * n).reshape(-1, n)
        frequencies = in_interval.cumsum(0) / np.array(DARTS)[:, None]
        return keep, alias, drawn.astype(np.int8), own, _distance(frequencies, q), mean_distances(DARTS, q)

    def stage(self) -> Stage:
        n = len(self._counts)
        top = FLOOR + PILE * self._room
        middle = np.arange(n) + 0.5
        return Stage(
            panels={
                "board": Panel(
                    "Below: where darts land. Above: what they draw; outline: the shares q",
                    Axis("", 0, n, ticks={}),
                    Axis("", -0.02, top + 0.25, ticks={}),
                    share=1.6,
                ),
                "distance": Panel(
                    "Distance from q; dashed: on average",
                    Axis("darts", 1, DARTS[-1], log=True, ticks={1: "1", 100: "100", 10_000: "10,000"}),
                    Axis("distance from q", 1e-3, 2, log=True,
                        ticks={1: "1", 0.1: "0.1", 0.01: "0.01", 1e-3: "0.001"}),
                ),
            },
            marks={
                "own": Bars("board", "faint", x=middle, base=np.zeros(n), width=WIDE),
                "given": Bars("board", "faint", x=middle, y=np.ones(n), width=WIDE),
                "whose": Words("board", "ink", x=middle, words=self._names, scale=0.035),
                "pile": Bars("board", "faint", x=middle, base=np.full(n, FLOOR), width=WIDE),
                "glass": Line("board", "ink", x=np.repeat(np.arange(n + 1), 2)),
                "ground": Rule("board", "faint", at=FLOOR, dashed=False),
                "beyond": Words("board", "ink", x=middle, y=np.full(n, top + 0.12), words=["↑"] * n,
                    scale=0.05),
                "darts": Dots("board", "ink", tips=self._names, scale=0.022),
                "flight": Arrows("board", "focus", y2=[1.04], width=[2]),
                "names": Words("board", "ink", x=middle, y=np.full(n, BETWEEN), words=self._names,
                    roles=("focus",), scale=0.05),
                "expected": Line("distance", "ink", x=DARTS, dashed=True),
                "path": Line("distance", "focus", x=DARTS),
                "here": Handle("distance", along={"x": "darts"}),
                "label": Note("distance", x=[8e4], y=[0.8], align="end", big=True),
            },
        )  # fmt: skip

    def scene(self, result: Darts) -> dict[str, dict[str, Any]]:
        ids, color = np.arange(len(result.heights)), colors(result.heights)
        piles, room = len(ids) * result.frequencies, self._room
        glass = FLOOR + PILE * result.heights
        columns, heights = np.floor(result.where[:, 0]), result.where[:, 1]
        across = columns + 0.5 + WIDE * (result.where[:, 0] - columns - 0.5)
        last, thrown = int(result.drawn[-1]), np.array(DARTS) <= result.darts
        return {
            "own": {"y": result.keep, "role": color},
            "given": {"base": result.keep, "role": color[result.alias]},
            "whose": {
                "y": (1 + result.keep) / 2,
                "which": result.alias,
                "size": np.where(result.keep < 1 - ROOM, 1, np.nan),
            },
            "pile": {"y": FLOOR + PILE * np.minimum(piles, room), "role": color},
            "glass": {"y": [FLOOR, *np.repeat(glass, 2), FLOOR]},
            "beyond": {"size": np.where(piles > room, 1, np.nan)},
            "flight": {"x": across[-1], "y": heights[-1], "x2": last + 0.5},
            "darts": {"x": across, "y": heights, "which": result.drawn},
            "names": {
                "size": np.where(ids == last, 2, 1),
                "role": np.where(ids == last, "focus", "ink"),
            },
            "expected": {"y": result.expected[thrown]},
            "path": {"y": result.distances[thrown]},
            "here": {"y": max(result.distance, 1e-3)},
            "label": {"text": f"{result.distance:.3f}"},
        }

    @property
    def _room(self) -> float:
        """How high a pile may be drawn, in columns."""
        return 1.05 * len(self._counts) * float(unigram(self._counts, ALPHAS[-1]).max())

    def summary(self, result: Darts) -> str:
        return (
            f"α = {number(result.alpha)}, {result.darts:,} thrown: {result.own:,} hit the column's own id, "
            f"{result.darts - result.own:,} the alias\n"
            f"distance of the frequencies from q: {number(result.distance)}"
        )


def mean_distances(darts: Sequence[int], q: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of ½ Σ |frequency − q| over all throws, for each number of darts.

    With k = ⌊n q⌋, E |X − n q| = 2 (k + 1) C(n, k + 1) q^(k+1) (1 − q)^(n−k) for X hits of n darts (de
    Moivre).
    """
    n, p = torch.tensor(darts, dtype=torch.float64)[:, None], torch.from_numpy(q[(q > 0) & (q < 1)])
    k = (n * p).floor()
    ways = torch.lgamma(n + 1) - torch.lgamma(k + 1) - torch.lgamma(n - k)  # ln of (k + 1) C(n, k + 1)
    return ((ways + (k + 1) * p.log() + (n - k) * torch.log1p(-p)).exp() / n).sum(1).numpy()


def _distance(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Total variation distance along the last axis."""
    return np.abs(p - q).sum(-1) / 2


@lru_cache(maxsize=4)
def _throws(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Places across n columns, heights, and the interval of DARTS in which each dart is thrown."""
    across, up = np.random.default_rng(0).random((2, DARTS[-1]))
    return across * n, up, np.searchsorted(DARTS, np.arange(1, DARTS[-1] + 1))
