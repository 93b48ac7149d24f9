"""A table of scores in training: seen pairs walk to their optimum, the others sink.

The optimum is ln p(c|a) − ln(k q_c); pairs never seen sink without end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nslab._checks import as_float, filled_table
from nslab.explain._base import (
    Axis,
    Cells,
    Control,
    Dots,
    Explainer,
    Handle,
    Line,
    Note,
    Panel,
    Rule,
    Stage,
    integer_grid,
    linear_grid,
    number,
)
from nslab.samplers import unigram

SAMPLE = 1200  # pairs, drawn once from the table, which the summary describes
SIDE = 16  # words whose pairs are shown
DEEP, SHADES = 5.0, 16  # a score of full color, and how many shades there are below
LOW, HIGH = -14.0, 8.0
NAME = 1.5  # height that a name takes
BESIDE, ROOM = 2, 1000  # where a name starts, and what the axis leaves for it: factors of the passes
STEP = 0.025  # word2vec's first step size
PASSES = integer_grid(1, 100_000, 81)
TIMES = np.geomspace(1, 100_000, 31)


@dataclass(frozen=True)
class Trained:
    k: int
    alpha: float
    passes: int
    scores: NDArray[np.float64]  # of the sampled pairs that were seen
    sunk: NDArray[np.float64]  # of the sampled pairs that were never seen
    gap: float  # mean of score − PMI over the sampled pairs that were seen, weighted by how often
    slope: float  # of the score on PMI, weighted alike
    table: NDArray[np.float64]  # (side, side): scores of the pairs shown
    paths: NDArray[np.float64]  # (examples, TIMES): scores of a few of them, over the passes


class TableTraining(Explainer):
    """SGNS with a score of its own for each pair, trained on expected counts in steps of 0.025, from 0.

    `pairs` (V, V): how often anchor a has context c; no row and no column of zeros. `words` (V,) names
    them. The heat map shows the words of the pairs that are met most beyond chance, green above 0 and blue
    below; beside it three of the pairs, as far as they have come, the one never seen dashed. PMI = ln p(a,
    c) − ln p(a) − ln p(c).
    """

    question = "Which scores come to rest?"
    title = "Seen pairs come to rest at ln p(c|a) − ln(k q); those never seen sink without end"
    passes = Control("passes", "of training", PASSES, start=205, play=True)
    k = Control("k", "negatives", range(1, 61), start=1)
    alpha = Control("α", "in q ∝ f^α", linear_grid(-0.5, 1, 61), start=1.0)

    def __init__(self, pairs: Any, words: Sequence[str] | None = None, **start: Any) -> None:
        n = as_float(pairs, "pairs").double()
        if n.dim() != 2 or n.shape[0] != n.shape[1]:
            raise ValueError(f"pairs must be a square table, got shape {tuple(n.shape)}")
        filled_table(n, "pairs")
        if words is not None and len(words) != len(n):
            raise ValueError(f"words must name the {len(n)} rows of pairs, got {len(words)}")
        self._n, self._rows, self._contexts = n.numpy(), n.sum(1).numpy(), n.sum(0)
        flat = np.random.default_rng(0).choice(n.numel(), min(SAMPLE, n.numel()), replace=False)
        anchor, self._context = np.divmod(flat, len(n))
        self._count, self._row = self._n.ravel()[flat], self._rows[anchor]
        self._seen = self._count > 0
        if self._seen.sum() < 2:
            raise ValueError(
                f"pairs must be > 0 for at least 2 of the {len(flat)} sampled, got {self._seen.sum()}"
            )
        chance = (self._row * self._contexts.numpy()[self._context])[self._seen] / self._rows.sum()
        self._pmi = np.log(self._count[self._seen] / chance)
        self._shown = self._telling()
        names = [f"word {i}" for i in range(len(n))] if words is None else list(words)
        self._words: list[str] = [names[i] for i in self._shown.tolist()]
        self._examples = self._chosen()
        super().__init__(**start)

    def _telling(self) -> NDArray[np.int64]:
        """The words of the pairs that are met most beyond chance, the strongest first."""
        n, chance = self._n, np.outer(self._rows, self._contexts.numpy()) / self._rows.sum()
        strength = n * np.log(np.where(n > 0, n / chance, 1)) * ~np.eye(len(n), dtype=bool)
        words: dict[int, None] = {}
        for place in np.argsort(-strength, axis=None, kind="stable").tolist():
            words |= dict.fromkeys(divmod(place, len(n)))
            if len(words) >= SIDE:
                break
        return np.array(list(words)[:SIDE])

    def _chosen(self) -> list[tuple[int, int]]:
        """Pairs of the heat map: highest and lowest PMI among the seen, and one never seen.

        The one never seen is the one that is drawn most.
        """
        n = self._n[np.ix_(self._shown, self._shown)]
        drawn = np.outer(self._rows[self._shown], self._contexts.numpy()[self._shown])
        two = ~np.eye(len(n), dtype=bool)  # a pair of two words
        seen, unseen = two & (n > 0), two & (n == 0)
        found = []
        if seen.any():
            pmi = np.log(np.where(seen, n, 1) / drawn)
            found += [np.where(seen, pmi, -np.inf).argmax(), np.where(seen, pmi, np.inf).argmin()]
        if unseen.any():
            found.append(np.where(unseen, drawn, -1).argmax())
        return [divmod(int(place), len(n)) for place in found]

    def compute(self, passes: int, k: int, alpha: float) -> Trained:
        noise = k * unigram(self._contexts, alpha).numpy()
        drawn, seen, time = self._row * noise[self._context], self._seen, STEP * passes
        scores = _walk(self._count[seen], drawn[seen], time)
        weight = self._count[seen] / self._count[seen].sum()
        x = self._pmi - weight @ self._pmi
        a, b = (
            self._n[np.ix_(self._shown, self._shown)],
            np.outer(self._rows[self._shown], noise[self._shown]),
        )
        i, j = np.array(self._examples).T
        return Trained(
            k=k,
            alpha=alpha,
            passes=passes,
            scores=scores,
            sunk=_sink(drawn[~seen], time),
            gap=float(weight @ (scores - self._pmi)),
            slope=float((weight * x) @ scores / ((weight * x) @ x)),
            table=_score(a, b, np.full_like(a, time)),
            paths=_score(*np.broadcast_arrays(a[i, j, None], b[i, j, None], STEP * TIMES)),
        )

    def stage(self) -> Stage:
        side = len(self._shown)
        rows = {side - i - 0.5: word for i, word in enumerate(self._words)}
        columns = {i + 0.5: word for i, word in enumerate(self._words)}
        seen = [bool(self._n[self._shown[i], self._shown[j]]) for i, j in self._examples]
        names = [f"{self._words[i]} – {self._words[j]}" for i, j in self._examples]
        passes = {1.0: "1", 100.0: "100", 1e4: "10,000"}
        return Stage(
            panels={
                "table": Panel(
                    "Scores: anchor by context",
                    Axis("", 0, side, ticks=columns),
                    Axis("", 0, side, ticks=rows),
                    share=1.25,
                ),
                "time": Panel(
                    "Three of them; dashed: a pair never seen",
                    Axis("passes over the corpus", 1, ROOM * 100_000, log=True, ticks=passes),
                    Axis("score", LOW, HIGH),
                ),
            },
            marks={
                "cells": Cells(
                    "table",
                    "positive",
                    shape=(side, side),
                    roles=("negative",),
                    names=(self._words, self._words),
                ),
                "zero": Rule("time", "faint", at=[0]),
                **{f"path {i}": Line("time", dashed=not one) for i, one in enumerate(seen)},
                **{f"name {i}": Note("time", text=name) for i, name in enumerate(names)},
                "now": Rule("time", "focus", axis="x"),
                "dots": Dots("time", scale=0.06, tips=names, shows={"score": "y"}),
                "here": Handle("time", along={"x": "passes"}, y=[LOW]),
            },
            key={"positive": "score above 0", "negative": "score below 0"},
        )

    def scene(self, result: Trained) -> dict[str, dict[str, Any]]:
        table = result.table.ravel()
        i, j = np.array(self._examples).T
        now = np.clip(result.table[i, j], LOW, HIGH)
        names = _names(now)
        so_far = result.passes >= TIMES  # the rest of a path lies on its end
        paths: dict[str, dict[str, Any]] = {}
        for place, path in enumerate(np.clip(result.paths, LOW, HIGH)):
            y = np.where(so_far, path, now[place])
            paths |= {f"path {place}": {"x": np.minimum(TIMES, result.passes), "y": y}}
            paths |= {f"name {place}": {"x": result.passes * BESIDE, "y": names[place]}}
        return {
            "cells": {
                "value": np.round(SHADES * np.minimum(np.abs(table) / DEEP, 1)) / SHADES,
                "role": np.where(table >= 0, "positive", "negative"),
            },
            **paths,
            "now": {"at": result.passes},
            "dots": {"x": np.full(len(now), result.passes), "y": now},
        }

    def summary(self, result: Trained) -> str:
        sunk = number(result.sunk.mean()) if len(result.sunk) else "none"
        return (
            f"k = {result.k}, α = {number(result.alpha)}, {result.passes:,} passes: average score of the"
            f" pairs seen {number(round(result.scores.mean(), 6))}, of the pairs never seen {sunk}"
        )


def _names(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Heights of the names beside the scores: clear of each other and of the line at 0."""
    heights, last = np.empty(len(scores)), HIGH + 1
    for i in np.argsort(-scores, kind="stable"):
        wanted = max(scores[i] - 0.4, 0.4) if scores[i] >= 0 else scores[i] - 0.4
        wanted = min(wanted, last - NAME)
        heights[i] = last = wanted if wanted > 0.3 else min(wanted, -NAME - 0.1)
    return heights + max(0.0, LOW + 0.3 - float(last))


def _score(a: NDArray[np.float64], b: NDArray[np.float64], time: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where a score is at a time, for pairs seen (a > 0) and never seen."""
    score, seen = np.empty(a.shape), a > 0
    score[seen] = _walk(a[seen], b[seen], time[seen])
    score[~seen] = _sink(b[~seen], time[~seen])
    return score


def _walk(a: NDArray[np.float64], b: NDArray[np.float64], time: Any) -> NDArray[np.float64]:
    """s with ds/dt = a σ(−s) − b σ(s) and s(0) = 0, for a > 0.

    It is found by bisection on the time at which s is reached.
    """
    end = np.log(a / b)
    end = np.where(np.abs(end) < 1e-12, 1e-12, end)  # at its optimum from the start
    low, high = np.zeros_like(end), np.ones_like(end)  # in units of the optimum
    for _ in range(40):
        middle = (low + high) / 2
        s = middle * end
        early = s / a - (1 / a + 1 / b) * np.log(np.expm1(s - end) / np.expm1(-end)) < time
        low, high = np.where(early, middle, low), np.where(early, high, middle)
    return (low + high) / 2 * end


def _sink(b: NDArray[np.float64], time: Any) -> NDArray[np.float64]:
    """The same for a = 0: e^(−s) − s − 1 = b t, which is s ≈ −ln(b t) for large t."""
    low, high = np.zeros_like(b), np.log1p(b * time)
    for _ in range(40):
        middle = (low + high) / 2
        early = np.expm1(middle) + middle < b * time
        low, high = np.where(early, middle, low), np.where(early, high, middle)
    return -(low + high) / 2
