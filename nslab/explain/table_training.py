"""A table of scores in training: seen pairs walk to ln p(c|a) − ln(k q_c), pairs never seen sink without end."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .._checks import as_float, filled_table
from ..samplers import unigram
from ._controls import Control, integer_grid, linear_grid
from ._explainer import Explainer
from ._style import FOCUS, INK, NEGATIVE, POSITIVE, number

SHOWN = 1200  # pairs, drawn once from the table
STEP = 0.025  # word2vec's first step size
PASSES = integer_grid(1, 100_000, 81)
EDGES = np.linspace(-14, 10, 97)


@dataclass(frozen=True)
class Trained:
    k: int
    alpha: float
    passes: int
    scores: NDArray[np.float64]  # of the shown pairs that were seen
    sunk: NDArray[np.float64]  # of the shown pairs that were never seen
    gap: float  # mean of score − PMI over the shown pairs that were seen, weighted by how often
    slope: float  # of the score on PMI, weighted alike


class TableTraining(Explainer):
    """SGNS with a score of its own for each pair, trained on expected counts in steps of 0.025, from 0.

    `pairs` (V, V): how often anchor a has context c; no row and no column of zeros. PMI = ln p(a, c) − ln p(a) − ln p(c).
    """

    title = "A table of scores in training, one for each pair of words"
    k = Control("k", "negatives", range(1, 61), start=1)
    alpha = Control("α", "exponent of q ∝ f^α", linear_grid(-0.5, 1.25, 71), start=1.0)
    passes = Control("passes", "over the corpus", PASSES, start=1000)

    def __init__(self, pairs: Any, **start: Any) -> None:
        n = as_float(pairs, "pairs").double()
        if n.dim() != 2 or n.shape[0] != n.shape[1]:
            raise ValueError(f"pairs must be a square table, got shape {tuple(n.shape)}")
        filled_table(n, "pairs")
        rows, self._contexts = n.sum(1).numpy(), n.sum(0)
        flat = np.random.default_rng(0).choice(n.numel(), min(SHOWN, n.numel()), replace=False)
        anchor, self._context = np.divmod(flat, len(rows))
        self._count, self._row = n.numpy().ravel()[flat], rows[anchor]
        self._seen = self._count > 0
        if self._seen.sum() < 2:
            raise ValueError(
                f"pairs must be > 0 for at least 2 of the {len(flat)} shown, got {self._seen.sum()}"
            )
        chance = (self._row * self._contexts.numpy()[self._context])[self._seen] / rows.sum()
        self._pmi = np.log(self._count[self._seen] / chance)
        super().__init__(**start)

    def compute(self, k: int, alpha: float, passes: int) -> Trained:
        q = unigram(self._contexts, alpha).numpy()[self._context]
        drawn, seen, time = k * self._row * q, self._seen, STEP * passes
        scores = _walk(self._count[seen], drawn[seen], time)
        weight = self._count[seen] / self._count[seen].sum()
        x = self._pmi - weight @ self._pmi
        return Trained(
            k=k,
            alpha=alpha,
            passes=passes,
            scores=scores,
            sunk=_sink(drawn[~seen], time),
            gap=float(weight @ (scores - self._pmi)),
            slope=float((weight * x) @ scores / ((weight * x) @ x)),
        )

    def create(self, figure: Figure) -> SimpleNamespace:
        left, right = figure.subplots(1, 2)
        ends = np.array([np.floor(self._pmi.min()), np.ceil(self._pmi.max())])
        left.set(xlim=ends, ylim=(-10, 6), xlabel="PMI, nats", ylabel="score")
        left.set_title("Seen pairs: PMI − ln k, if α = 1")
        right.set(
            xlim=(-14, 10),
            xticks=range(-12, 9, 4),
            ylim=(-0.02, 1.02),
            xlabel="score",
            ylabel="share with a lower score",
        )
        right.set_title("Never seen: no floor")
        artists = SimpleNamespace(
            dots=left.plot(self._pmi, self._pmi, "o", color=POSITIVE, ms=3, alpha=0.6, mew=0, zorder=3)[0],
            line=left.plot(ends, ends, color=FOCUS, lw=1.2, label="PMI − ln k")[0],
            seen=right.plot(EDGES, EDGES, color=POSITIVE, label="seen")[0],
            sunk=right.plot(EDGES, EDGES, color=NEGATIVE, label="never seen")[0],
        )
        left.plot(ends, ends, color=INK, ls=":", lw=1.2, zorder=0, label="PMI")
        left.legend(loc="lower right")
        right.legend(loc="center right")
        return artists

    def draw(self, artists: Any, result: Trained) -> None:
        artists.dots.set_ydata(result.scores)
        artists.line.set_ydata(artists.line.get_xdata() - np.log(result.k))
        for line, values in ((artists.seen, result.scores), (artists.sunk, result.sunk)):
            line.set_ydata(np.searchsorted(np.sort(values), EDGES) / max(len(values), 1))

    def summary(self, result: Trained) -> str:
        sunk = f"on average {number(result.sunk.mean())}" if len(result.sunk) else "none"
        return (
            f"k = {result.k}, α = {number(result.alpha)}, {result.passes:,} passes: seen pairs, score − PMI on average "
            f"{number(round(result.gap, 6))}, slope {number(round(result.slope, 6))}; −ln k = {number(-np.log(result.k) + 0.0)}\n"
            f"pairs never seen: {sunk}"
        )


def _walk(a: NDArray[np.float64], b: NDArray[np.float64], time: float) -> NDArray[np.float64]:
    """s with ds/dt = a σ(−s) − b σ(s) and s(0) = 0, for a > 0: bisection on the time at which s is reached."""
    end = np.log(a / b)
    end = np.where(np.abs(end) < 1e-12, 1e-12, end)  # at its optimum from the start
    low, high = np.zeros_like(end), np.ones_like(end)  # in units of the optimum
    for _ in range(40):
        middle = (low + high) / 2
        s = middle * end
        early = s / a - (1 / a + 1 / b) * np.log(np.expm1(s - end) / np.expm1(-end)) < time
        low, high = np.where(early, middle, low), np.where(early, high, middle)
    return (low + high) / 2 * end


def _sink(b: NDArray[np.float64], time: float) -> NDArray[np.float64]:
    """The same for a = 0: e^(−s) − s − 1 = b t, which is s ≈ −ln(b t) for large t."""
    low, high = np.zeros_like(b), np.log1p(b * time)
    for _ in range(40):
        middle = (low + high) / 2
        early = np.expm1(middle) + middle < b * time
        low, high = np.where(early, middle, low), np.where(early, high, middle)
    return -(low + high) / 2
