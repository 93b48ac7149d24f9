"""Neighbours of a word in the target itself: rows of max(0, ln p(c|a) − ln(k q_c)), compared by cosine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nslab._checks import as_float, filled_table
from nslab.explain._base import (
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
    without_collisions,
)
from nslab.samplers import unigram

TOP = 10
MOST = 5000  # words
ALPHAS = linear_grid(-0.5, 1, 61)
CLOSE = Axis("cosine with the word's row", 0, 1.15, ticks={0: "0", 0.5: "0.5", 1: "1"})
LIFT = 0.04  # of a name above its dot
LETTER, LINE = 0.62, 1.3  # width of a letter and height of a line, to the size of the letters
LETTERS, OWN = 0.05, 0.07  # that size, as a part of the panel's shorter side, and that of the word itself


@dataclass(frozen=True)
class Neighbours:
    alpha: float
    k: int
    word: str
    place: int  # of the word
    cosines: NDArray[
        np.float64
    ]  # of every word's row with the anchor's; 0 where either row is empty, and for itself
    top: NDArray[np.int64]  # the TOP closest, the closest first; fewer where fewer have a cosine above 0
    kept: float  # share of all pairs of words whose score is above 0

    def often(self, counts: NDArray[np.float64]) -> float:
        """Geometric mean of how often the closest occur, 0 if there is none."""
        return float(np.exp(np.log(counts[self.top]).mean())) if len(self.top) else 0.0


class RowNeighbours(Explainer):
    """The optimum of SGNS, cut at 0, as one row of numbers per word.

    For α = 1 this is shifted positive PMI (Levy & Goldberg 2014).

    `words`: V names, more than 10; `pairs` (V, V): how often anchor a has context c, no row and no column
    of zeros; `anchor`: the word whose neighbours are shown first; a click asks for those of another. Each
    word is a dot: the higher, the closer its row; the further right, the more often the word is a context.
    """

    question = "Who are the neighbours?"
    title = "At a low α the commonest words become the neighbours"
    alpha = Control("α", "in q ∝ f^α", ALPHAS, start=0.75, play=-1)
    k = Control("k", "negatives", range(1, 61), start=1)
    word: str

    def __init__(self, words: Sequence[str], pairs: Any, anchor: str, **start: Any) -> None:
        n = as_float(pairs, "pairs").double()
        if n.shape != (len(words), len(words)) or not TOP < len(words) <= MOST:
            raise ValueError(
                f"pairs must be (V, V) with V = len(words) > {TOP}, at most {MOST:,}, "
                f"got {tuple(n.shape)} and {len(words)} words"
            )
        if len({*words}) < len(words):
            raise ValueError(f"words must differ from each other, got {len({*words})} in {len(words)}")
        if anchor not in words:
            raise ValueError(f"anchor must be one of the words, got {anchor!r}")
        filled_table(n, "pairs")
        self._row, self._column = n.numpy().nonzero()
        self._log_p = (n / n.sum(1, keepdim=True)).log().numpy()[self._row, self._column]
        self._starts = np.searchsorted(self._row, np.arange(len(words)))
        self._contexts, self.counts = n.sum(0), n.sum(0).numpy()
        self._words = list(words)
        low, high = self.counts.min() / 2, self.counts.max() * 2
        self._common = Axis("times as a context", low, high, log=True, ticks=_decades(low, high))
        self.add_traits(word=Control("", "word", self._words, start=anchor))
        super().__init__(**start)

    def _scores(self, alpha: float, k: int) -> NDArray[np.float64]:
        """The target, cut at 0, of the pairs that were seen."""
        log_q = np.log(k * unigram(self._contexts, alpha).numpy())
        return np.maximum(self._log_p - log_q[self._column], 0)

    def compute(self, alpha: float, k: int, word: str) -> Neighbours:
        scores, at = self._scores(alpha, k), self._words.index(word)
        own = np.zeros(len(self._words))
        place = slice(self._starts[at], [*self._starts, len(scores)][at + 1])
        own[self._column[place]] = scores[place]
        length = np.sqrt(np.add.reduceat(scores**2, self._starts))
        product = np.add.reduceat(scores * own[self._column], self._starts)
        both = length * length[at]
        cosines = np.divide(product, both, out=np.zeros_like(both), where=both > 0)
        cosines[at] = 0
        top = np.argsort(-cosines, kind="stable")[:TOP]
        top = top[cosines[top] > 0]
        kept = float((scores > 0).sum() / len(own) ** 2)
        return Neighbours(alpha=alpha, k=k, word=word, place=at, cosines=cosines, top=top, kept=kept)

    def top_words(self, result: Neighbours) -> list[str]:
        """The closest words, the closest first."""
        return [self._words[i] for i in result.top]

    def stage(self) -> Stage:
        most = float(self.counts.max())
        rank = {TOP - i - 0.5: str(i + 1) for i in range(TOP)}
        tips = [f"{word}: {int(count):,} times" for word, count in zip(self._words, self.counts, strict=True)]
        return Stage(
            panels={
                "words": Panel("Each dot is a word", self._common, CLOSE, share=1.6),
                "list": Panel(
                    "The closest rows, and how common",
                    Axis("times as a context", 1, most * 20, log=True, ticks=_decades(1, most)),
                    Axis("", 0, TOP, ticks=rank),
                ),
            },
            marks={
                "words": Dots("words", "faint", x=self.counts, scale=0.015, tips=tips, picks="word"),
                "closest": Dots("words", "negative", scale=0.03),
                "near": Words("words", "negative", words=self._words, scale=LETTERS),
                "here": Words("words", "focus", words=self._words, scale=OWN),
                "bars": Links("list", "negative", x=[1] * TOP, y=list(rank), y2=list(rank), width=[10] * TOP),
                **{f"rank {i}": Note("list", y=[TOP - i - 0.68]) for i in range(TOP)},
            },
            key={
                "focus": "the word; click another",
                "negative": "its neighbours: the closest rows",
                "faint": "all other words",
            },
        )

    def scene(self, result: Neighbours) -> dict[str, dict[str, Any]]:
        named, often = self._named(result), self.counts[result.top]
        closeness = result.cosines.copy()
        closeness[result.place] = 1
        more = TOP - len(often)
        texts = [*self.top_words(result), *[""] * more]
        ends = [*often * 1.3, *[1.0] * more]
        return {
            "words": {"y": closeness},
            "closest": {"x": often, "y": closeness[result.top]},
            "near": {"x": self.counts[named], "y": closeness[named] + LIFT, "which": named},
            "here": {"x": self.counts[result.place], "y": 1 + LIFT, "which": result.place},
            "bars": {"x2": [*often, *[1.0] * more]},
            **{
                f"rank {i}": {"x": [at], "text": text}
                for i, (at, text) in enumerate(zip(ends, texts, strict=True))
            },
        }

    def summary(self, result: Neighbours) -> str:
        return (
            f"α = {number(result.alpha)}, k = {result.k}: {result.kept:.1%} of the numbers lie above 0; the"
            f" closest words occur about {result.often(self.counts):,.0f} times\nclosest:"
            f" {', '.join(self.top_words(result)[:5]) or 'none'}"
        )

    def _named(self, result: Neighbours) -> list[int]:
        """Of the closest words those whose names run into none before them, nor over the edge."""
        words = np.array([result.place, *result.top])
        closeness = np.array([1, *result.cosines[result.top]])
        places = np.stack([self._common.part(self.counts[words]), CLOSE.part(closeness + LIFT)], 1)
        letters = np.array([OWN, *[LETTERS] * len(result.top)])
        halves = np.stack([letters * LETTER * [len(self._words[i]) for i in words], letters * LINE], 1) / 2
        inside = (halves[:, 0] <= places[:, 0]) & (places[:, 0] <= 1 - halves[:, 0])
        inside[0] = True
        return words[without_collisions(np.flatnonzero(inside), places, halves)[1:]].tolist()


def _decades(low: float, high: float) -> dict[float, str]:
    return {10.0**i: f"{10**i:,}" for i in range(8) if low <= 10**i <= high}
