"""Neighbours of a word in the target itself: rows of max(0, ln p(c|a) − ln(k q_c)), compared by cosine."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._checks import as_float, filled_table
from ..samplers import unigram
from ._base import (
    Axis,
    Control,
    Dots,
    Explainer,
    Links,
    Note,
    Panel,
    Stage,
    Words,
    linear_grid,
    number,
)

TOP = 10
MOST = 5000  # words
ALPHAS = linear_grid(-0.5, 1.25, 71)
USUAL = 0.75  # the α that the map is drawn for
LANDMARKS = 16  # words that always have their names on the map
LIFT = 0.03  # of a name above its dot
SPREAD = 0.16, 0.07  # how far from each other these stand at least, along x and y


@dataclass(frozen=True)
class Neighbours:
    alpha: float
    k: int
    word: int
    cosines: NDArray[
        np.float64
    ]  # of every word's row with the anchor's; 0 where either row is empty, and for itself
    top: NDArray[np.int64]  # the TOP closest, the closest first; fewer where fewer have a cosine above 0
    kept: float  # share of all pairs of words whose score is above 0

    def often(self, counts: NDArray[np.float64]) -> float:
        """Geometric mean of how often the closest occur, 0 if there is none."""
        return float(np.exp(np.log(counts[self.top]).mean())) if len(self.top) else 0.0


class RowNeighbours(Explainer):
    """The optimum of SGNS, cut at 0, as one row of numbers a word (for α = 1: shifted positive PMI, Levy & Goldberg 2014).

    `words`: V names, more than 10; `pairs` (V, V): how often anchor a has context c, no row and no column of zeros;
    `anchor`: the word whose neighbours are shown first; a click asks for those of another. The map puts words with similar
    rows at α = ¾ near each other; the larger a dot, the more often the word is a context.
    """

    question = "Who are the neighbours?"
    title = "The lower α, the more common the neighbours"
    alpha = Control("α", "in q ∝ f^α", ALPHAS, start=USUAL, play=True)
    k = Control("k", "negatives", range(1, 61), start=1)
    word = Control("", "word", range(MOST), start=0)

    def __init__(self, words: Sequence[str], pairs: Any, anchor: str, **start: Any) -> None:
        n = as_float(pairs, "pairs").double()
        if n.shape != (len(words), len(words)) or not TOP < len(words) <= MOST:
            raise ValueError(
                f"pairs must be (V, V) with V = len(words) > {TOP}, at most {MOST:,}, "
                f"got {tuple(n.shape)} and {len(words)} words"
            )
        if anchor not in words:
            raise ValueError(f"anchor must be one of the words, got {anchor!r}")
        filled_table(n, "pairs")
        self._row, self._column = n.numpy().nonzero()
        self._log_p = (n / n.sum(1, keepdim=True)).log().numpy()[self._row, self._column]
        self._starts = np.searchsorted(self._row, np.arange(len(words)))
        self._contexts, self.counts = n.sum(0), n.sum(0).numpy()
        self._words = list(words)
        self._places = self._map()
        self._landmarks = self._spaced()
        super().__init__(**{"word": self._words.index(anchor), **start})

    def declared(self) -> dict[str, Control]:
        every = super().declared()
        word = copy(every["word"])
        values: list[Any] = list(range(len(self._words)))
        word.values = values
        return every | {"word": word}

    def _scores(self, alpha: float, k: int) -> NDArray[np.float64]:
        """The target, cut at 0, of the pairs that were seen."""
        log_q = np.log(k * unigram(self._contexts, alpha).numpy())
        return np.maximum(self._log_p - log_q[self._column], 0)

    def compute(self, alpha: float, k: int, word: int) -> Neighbours:
        scores = self._scores(alpha, k)
        own = np.zeros(len(self._words))
        place = slice(self._starts[word], [*self._starts, len(scores)][word + 1])
        own[self._column[place]] = scores[place]
        length = np.sqrt(np.add.reduceat(scores**2, self._starts))
        product = np.add.reduceat(scores * own[self._column], self._starts)
        both = length * length[word]
        cosines = np.divide(product, both, out=np.zeros_like(both), where=both > 0)
        cosines[word] = 0
        top = np.argsort(-cosines, kind="stable")[:TOP]
        top = top[cosines[top] > 0]
        kept = float((scores > 0).sum() / len(own) ** 2)
        return Neighbours(alpha=alpha, k=k, word=word, cosines=cosines, top=top, kept=kept)

    def top_words(self, result: Neighbours) -> list[str]:
        """The closest words, the closest first."""
        return [self._words[i] for i in result.top]

    def stage(self) -> Stage:
        x, y = self._places.T
        most = float(self.counts.max())
        decades = {10.0**i: f"{10**i:,}" for i in range(8) if 10**i <= most}
        rank = {TOP - i - 0.5: str(i + 1) for i in range(TOP)}
        marks = self._landmarks
        tips = [f"{word}: {int(count):,} times" for word, count in zip(self._words, self.counts, strict=True)]
        return Stage(
            panels={
                "map": Panel("Similar rows lie near each other", share=1.6),
                "list": Panel(
                    "The closest rows, and how common",
                    Axis("times as a context", 1, most * 20, log=True, ticks=decades),
                    Axis("", 0, TOP, ticks=rank),
                ),
            },
            marks={
                "words": Dots(
                    "map",
                    "faint",
                    x=x,
                    y=y,
                    size=self.counts / most,
                    scale=0.08,
                    tips=tips,
                    picks="word",
                ),
                "landmarks": Words(
                    "map", words=[self._words[i] for i in marks], x=x[marks], y=y[marks] + LIFT, scale=0.04
                ),
                "links": Links("map", "negative", width=[1.5] * TOP),
                "near": Words("map", "negative", words=self._words, scale=0.05),
                "here": Words("map", "focus", words=self._words, scale=0.07),
                "bars": Links("list", "negative", x=[1] * TOP, y=list(rank), y2=list(rank), width=[10] * TOP),
                **{f"rank {i}": Note("list", y=[TOP - i - 0.68]) for i in range(TOP)},
            },
            key={"focus": "the word; click another", "negative": "its neighbours", "faint": "all words"},
        )

    def scene(self, result: Neighbours) -> dict[str, dict[str, Any]]:
        x, y = self._places[result.top].T
        own = self._places[result.word]
        often = self.counts[result.top]
        more = TOP - len(often)
        texts = [*self.top_words(result), *[""] * more]
        ends = [*often * 1.3, *[1.0] * more]
        return {
            "links": {"x": np.full(len(x), own[0]), "y": np.full(len(x), own[1]), "x2": x, "y2": y},
            "landmarks": {"size": np.where(self._hidden(result), np.nan, 1)},
            "near": {"x": x, "y": y + LIFT, "which": result.top},
            "here": {"x": own[:1], "y": own[1:] + LIFT, "which": result.word},
            "bars": {"x2": [*often, *[1.0] * more]},
            **{
                f"rank {i}": {"x": [at], "text": text}
                for i, (at, text) in enumerate(zip(ends, texts, strict=True))
            },
        }

    def summary(self, result: Neighbours) -> str:
        return (
            f"α = {number(result.alpha)}, k = {result.k}: {number(result.kept)} of the table above 0; the closest occur "
            f"{number(result.often(self.counts))} times on average (geometric)\n"
            f"closest: {', '.join(self.top_words(result)[:5]) or 'none'}"
        )

    def _hidden(self, result: Neighbours) -> NDArray[np.bool_]:
        """Which landmarks would run into the name of the word or of a neighbour."""
        named = self._places[[result.word, *result.top]]
        x, y = np.abs(self._places[self._landmarks][:, None] - named).transpose(2, 0, 1)
        return ((x < SPREAD[0]) & (y < SPREAD[1])).any(1)

    def _map(self) -> NDArray[np.float64]:
        """Places (V, 2) in the unit square: the graph of closest rows along its two slowest directions, spread out evenly."""
        rows = np.zeros((len(self._words),) * 2)
        rows[self._row, self._column] = self._scores(USUAL, 1)
        rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        cosines = rows @ rows.T
        np.fill_diagonal(cosines, -1)
        near = np.argsort(-cosines, axis=1, kind="stable")[:, :TOP]
        graph = np.zeros_like(rows)
        graph[np.arange(len(rows))[:, None], near] = 1
        graph += graph.T
        root = 1 / np.sqrt(graph.sum(1))
        slow = np.linalg.eigh(graph * root * root[:, None])[1][:, [-2, -3]] * root[:, None]
        slow *= np.sign(slow[np.abs(slow).argmax(0), [0, 1]])
        order = slow.argsort(0, kind="stable").argsort(0, kind="stable")
        return 0.03 + 0.92 * order / (len(rows) - 1)

    def _spaced(self) -> list[int]:
        """Frequent words, but not the most frequent, whose names do not run into each other."""
        kept: list[int] = []
        for i in np.argsort(-self.counts, kind="stable")[len(self._words) // 20 :].tolist():
            x, y = np.abs(self._places[kept] - self._places[i]).T
            if len(kept) < LANDMARKS and not ((x < SPREAD[0]) & (y < SPREAD[1])).any():
                kept.append(i)
        return kept
