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
USUAL = 0.75  # the α that the map is drawn for
LANDMARKS = 16  # words that always have their names on the map
LIFT = 0.03  # of a name above its dot
LETTER, LINE = 0.54, 1.3  # width of a letter and height of a line, to the size of the letters
LETTERS = {"landmarks": 0.04, "near": 0.05, "here": 0.07}  # their sizes, as parts of the map's side


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
    of zeros; `anchor`: the word whose neighbours are shown first; a click asks for those of another. The
    map puts words with similar rows at α = ¾ near each other; the larger a dot, the more often the word is
    a context.
    """

    question = "Who are the neighbours?"
    title = "At a low α the commonest words become the neighbours"
    alpha = Control("α", "in q ∝ f^α", ALPHAS, start=USUAL, play=True)
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
        self._places = self._map()
        frequent = np.argsort(-self.counts, kind="stable")[len(words) // 10 :]  # but not the most frequent
        apart = self._apart([(i, "near") for i in frequent.tolist()])
        self._landmarks = [i for i, _ in apart[:LANDMARKS]]
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
        x, y = self._places.T
        most = float(self.counts.max())
        decades = {10.0**i: f"{10**i:,}" for i in range(8) if 10**i <= most}
        rank = {TOP - i - 0.5: str(i + 1) for i in range(TOP)}
        marks = self._landmarks
        tips = [f"{word}: {int(count):,} times" for word, count in zip(self._words, self.counts, strict=True)]
        return Stage(
            panels={
                "map": Panel("Map at α = ¾: similar rows tend to be near", share=1.6),
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
                    "map",
                    words=[self._words[i] for i in marks],
                    x=x[marks],
                    y=y[marks] + LIFT,
                    scale=LETTERS["landmarks"],
                ),
                "links": Links("map", "negative", width=[1.5] * TOP),
                "closest": Dots("map", "negative", scale=0.08, tips=tips, picks="word"),
                "near": Words("map", "negative", words=self._words, scale=LETTERS["near"]),
                "here": Words("map", "focus", words=self._words, scale=LETTERS["here"]),
                "bars": Links("list", "negative", x=[1] * TOP, y=list(rank), y2=list(rank), width=[10] * TOP),
                **{f"rank {i}": Note("list", y=[TOP - i - 0.68]) for i in range(TOP)},
            },
            key={
                "focus": "the word; click another",
                "negative": "its neighbours",
                "faint": "all words; larger: more common",
            },
        )

    def scene(self, result: Neighbours) -> dict[str, dict[str, Any]]:
        x, y = self._places[result.top].T
        own, named = self._places[result.place], self._named(result)
        near = [i for i, kind in named if kind == "near"]
        often = self.counts[result.top]
        more = TOP - len(often)
        texts = [*self.top_words(result), *[""] * more]
        ends = [*often * 1.3, *[1.0] * more]
        return {
            "links": {"x": np.full(len(x), own[0]), "y": np.full(len(x), own[1]), "x2": x, "y2": y},
            "landmarks": {"size": [1 if (i, "landmarks") in named else np.nan for i in self._landmarks]},
            "closest": {
                "x": x,
                "y": y,
                "size": np.maximum(often / self.counts.max(), 0.02),
                "which": result.top,
            },
            "near": {"x": self._places[near, 0], "y": self._places[near, 1] + LIFT, "which": near},
            "here": {"x": own[:1], "y": own[1:] + LIFT, "which": result.place},
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

    def _named(self, result: Neighbours) -> list[tuple[int, str]]:
        """The names on the map and their kinds: the word, its neighbours, and landmarks that fit."""
        near = [(int(i), "near") for i in result.top]
        return self._apart([(result.place, "here"), *near, *((i, "landmarks") for i in self._landmarks)])

    def _map(self) -> NDArray[np.float64]:
        """Places (V, 2) in the unit square, from the graph of closest rows.

        They are its two slowest directions, spread out evenly.
        """
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

    def _apart(self, names: list[tuple[int, str]]) -> list[tuple[int, str]]:
        """Of words and their kinds those that run into none before them, nor over the map's edge."""
        places = self._places[[i for i, _ in names]]
        halves = np.array(
            [
                [LETTERS[kind] * LETTER * len(self._words[i]) / 2, LETTERS[kind] * LINE / 2]
                for i, kind in names
            ]
        )
        (x, _), (width, _) = places.T, halves.T
        inside = (width <= x) & (x <= 1 - width) | np.array([kind == "here" for _, kind in names])
        return [names[n] for n in without_collisions(np.flatnonzero(inside), places, halves)]
