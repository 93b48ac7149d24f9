"""Neighbours of a word in the target itself: rows of max(0, ln p(c|a) − ln(k q_c)), compared by cosine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .._checks import as_float, filled_table
from ..samplers import unigram
from ._controls import Control, linear_grid
from ._explainer import Explainer
from ._style import FAINT, FOCUS, INK, number

TOP = 10
ALPHAS = linear_grid(-0.5, 1.25, 71)


@dataclass(frozen=True)
class Neighbours:
    alpha: float
    k: int
    cosines: NDArray[np.float64]  # of every other word's row with the anchor's; 0 where either row is empty
    top: NDArray[np.int64]  # the TOP closest, the closest first; fewer where fewer have a cosine above 0
    kept: float  # share of all pairs of words whose score is above 0

    def often(self, counts: NDArray[np.float64]) -> float:
        """Geometric mean of how often the closest occur, 0 if there is none."""
        return float(np.exp(np.log(counts[self.top]).mean())) if len(self.top) else 0.0


class RowNeighbours(Explainer):
    """The optimum of SGNS, cut at 0, as one row of numbers a word (for α = 1: shifted positive PMI, Levy & Goldberg 2014).

    `words`: V names, more than 10; `pairs` (V, V): how often anchor a has context c, no row and no column of zeros;
    `anchor`: the word whose neighbours are shown.
    """

    title = "Neighbours in the target, without any training"
    alpha = Control("α", "exponent of q ∝ f^α", ALPHAS, start=0.75)
    k = Control("k", "negatives", range(1, 61), start=1)

    def __init__(self, words: Sequence[str], pairs: Any, anchor: str, **start: Any) -> None:
        n = as_float(pairs, "pairs").double()
        if n.shape != (len(words), len(words)) or len(words) <= TOP:
            raise ValueError(
                f"pairs must be (V, V) with V = len(words) > {TOP}, got {tuple(n.shape)} and {len(words)} words"
            )
        if anchor not in words:
            raise ValueError(f"anchor must be one of the words, got {anchor!r}")
        filled_table(n, "pairs")
        row, self._column = n.numpy().nonzero()
        self._log_p = (n / n.sum(1, keepdim=True)).log().numpy()[row, self._column]
        self._starts = np.searchsorted(row, np.arange(len(words)))
        self._contexts, self._counts = n.sum(0), n.sum(0).numpy()
        self._anchor = list(words).index(anchor)
        self._others = np.delete(np.arange(len(words)), self._anchor)
        self._words = np.array(words)[self._others]
        super().__init__(**start)

    @property
    def counts(self) -> NDArray[np.float64]:
        """How often each of the other words is a context."""
        return self._counts[self._others]

    def compute(self, alpha: float, k: int) -> Neighbours:
        log_q = np.log(k * unigram(self._contexts, alpha).numpy())
        scores = np.maximum(self._log_p - log_q[self._column], 0)
        own = np.zeros(len(log_q))
        place = slice(self._starts[self._anchor], [*self._starts, len(scores)][self._anchor + 1])
        own[self._column[place]] = scores[place]
        length = np.sqrt(np.add.reduceat(scores**2, self._starts))
        product = np.add.reduceat(scores * own[self._column], self._starts)
        both = length * length[self._anchor]
        cosines = np.divide(product, both, out=np.zeros_like(both), where=both > 0)[self._others]
        top = np.argsort(-cosines, kind="stable")[:TOP]
        top = top[cosines[top] > 0]
        kept = float((scores > 0).sum() / len(log_q) ** 2)
        return Neighbours(alpha=alpha, k=k, cosines=cosines, top=top, kept=kept)

    def top_words(self, result: Neighbours) -> list[str]:
        """The closest words, the closest first."""
        return self._words[result.top].tolist()

    def create(self, figure: Figure) -> SimpleNamespace:
        left, right = figure.subplots(1, 2)
        counts = self.counts
        low, high = float(counts.min()) * 0.7, float(counts.max())
        for axes in (left, right):
            axes.set(xscale="log", xlabel="how often the word is a context")
            decades = [10**n for n in range(10) if low <= 10**n <= 10 * high]
            axes.set_xticks(decades, [f"{n:,}" for n in decades])
            axes.minorticks_off()
        left.set(xlim=(low, high * 1.5), ylim=(-0.02, 1.02), ylabel="cosine of another word's row")
        left.set_title("A low α makes words look alike")
        right.set(xlim=(low, high * 12), ylim=(TOP - 0.4, -0.6), ylabel="rank by cosine")
        right.set_yticks(range(TOP), [str(i) for i in range(1, TOP + 1)])
        right.set_title("At low α common words are closest")
        return SimpleNamespace(
            all=left.plot(counts, counts, "o", color=FAINT, ms=4)[0],
            best=left.plot([], [], "o", color=FOCUS, ms=6, zorder=3)[0],
            bars=right.hlines(range(TOP), 1, 1, color=FOCUS, lw=7),
            names=[right.text(1, i, "", color=INK, va="center", fontsize=9) for i in range(TOP)],
        )

    def draw(self, artists: Any, result: Neighbours) -> None:
        often = self.counts[result.top]
        artists.all.set_ydata(result.cosines)
        artists.best.set_data(often, result.cosines[result.top])
        artists.bars.set_segments([[(0.1, i), (count, i)] for i, count in enumerate(often)])
        words = self.top_words(result)
        for i, name in enumerate(artists.names):
            name.set_x(often[i] * 1.2 if i < len(words) else 1)
            name.set_text(words[i] if i < len(words) else "")

    def summary(self, result: Neighbours) -> str:
        return (
            f"α = {number(result.alpha)}, k = {result.k}: {number(result.kept)} of the table above 0; the closest occur "
            f"{number(result.often(self.counts))} times on average (geometric)\n"
            f"closest: {', '.join(self.top_words(result)[:5]) or 'none'}"
        )
