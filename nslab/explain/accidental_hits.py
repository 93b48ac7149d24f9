"""Accidental hits: where an in-batch negative is the anchor's own positive, and how many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nslab._checks import as_float
from nslab.diagnostics import in_batch_duplicates
from nslab.explain._base import (
    Axis,
    Band,
    Control,
    Dots,
    Explainer,
    Handle,
    Line,
    Links,
    Note,
    Panel,
    Rule,
    Stage,
    integer_grid,
    linear_grid,
    number,
)
from nslab.samplers import unigram

BS = integer_grid(2, 8192, 97)
ZIPF = 10_000  # items where no counts are given, the r-th of them as frequent as 1/r
TOP = 10  # the most frequent items, whose share of the hits is told
DRAWS = 8
SHOWN = 20  # rows of the first batch, those with the most frequent items
SIZES = np.geomspace(2, 8192, 25)
LOW, HIGH = 1e-4, 1e4  # hits per anchor
WORD = 8  # cells of room for the words, left of the matrix
SPREAD = 1.8  # the drawn batches stand side by side, from B / 1.8 to 1.8 B


@dataclass(frozen=True)
class Hits:
    b: int
    alpha: float
    per_pair: float  # Σ p², the chance that two rows hold the same item
    expected: float  # (B − 1) Σ p²
    drawn: NDArray[np.float64]  # hits per anchor in each drawn batch
    distinct: NDArray[np.int64]  # different items in each drawn batch
    head: float  # share of the hits by the ten most frequent items
    items: NDArray[np.int64]  # of the first batch's SHOWN rows with the most frequent items, by rank from 0


class AccidentalHits(Explainer):
    """A batch as a matrix: each anchor's positive, and where it comes again among the negatives.

    `counts` (N,) say how frequent the items are, the most frequent first; an item is drawn with
    probability ∝ f^α, so that a batch as it comes has α = 1. `names` are those of the items; what has no
    name is called by its rank.
    """

    question = "How many negatives are the anchor's own positive?"
    title = "Frequent items come back as their own negatives"
    b = Control("B", "rows in a batch", BS, start=256)
    alpha = Control("α", "exponent of the frequencies", linear_grid(0, 1, 81), start=0.0, play=True)

    def __init__(self, names: Sequence[str] = (), counts: Any = None, **start: Any) -> None:
        generator = torch.Generator().manual_seed(0)
        self._coins = torch.rand(DRAWS, BS[-1], generator=generator, dtype=torch.float64)
        self._counts = 1 / torch.arange(1, ZIPF + 1, dtype=torch.float64)
        if counts is not None:
            self._counts = as_float(counts, "counts").double()
        if self._counts.dim() != 1 or bool((self._counts.diff() > 0).any()):
            raise ValueError(
                "counts must be one row, the most frequent item first, got another order or shape"
            )
        self._names = list(names[: len(self._counts)])
        super().__init__(**start)

    def compute(self, b: int, alpha: float) -> Hits:
        p = unigram(self._counts, alpha)
        most = len(p) - 1
        items = torch.searchsorted(p.cumsum(0), self._coins[:, :b].contiguous()).clamp(max=most)
        counts = torch.stack([torch.bincount(row, minlength=len(p)) for row in items])
        hits = p.square()
        return Hits(
            b=b,
            alpha=alpha,
            per_pair=float(in_batch_duplicates(p, 2)),
            expected=float(in_batch_duplicates(p, b)),
            drawn=((counts * (counts - 1)).sum(1) / b).numpy(),
            distinct=(counts > 0).sum(1).numpy(),
            head=float(hits[:TOP].sum() / hits.sum()),
            items=items[0].sort().values[:SHOWN].numpy(),
        )

    def stage(self) -> Stage:
        size = Axis(
            "rows in a batch, B", 2, 8192, log=True, ticks={2: "2", 32: "32", 256: "256", 8192: "8,192"}
        )
        hits = {1e-4: "0.0001", 1e-2: "0.01", 1: "1", 100: "100", 1e4: "10,000"}
        rows = range(SHOWN)
        words = {f"row {i}": Note("batch", x=[WORD - 0.3], y=[SHOWN - i - 0.75], align="end") for i in rows}
        return Stage(
            panels={
                "batch": Panel(
                    f"{SHOWN} rows of the batch, the most frequent items",
                    Axis("", 0, WORD + SHOWN, ticks={}),
                    Axis("", 0, SHOWN, ticks={}),
                ),
                "count": Panel(
                    "Hits per anchor",
                    size,
                    Axis("accidental hits per anchor", LOW, HIGH, log=True, ticks=hits),
                ),
            },
            marks={
                "field": Band("batch", "negative"),
                "grid": Links("batch", "faint", **_grid(), width=[1] * (2 * SHOWN + 2)),
                "positives": Dots("batch", "positive", y=[SHOWN - i - 0.5 for i in rows], scale=0.8 / SHOWN),
                "hits": Dots("batch", "false_negative", scale=0.8 / SHOWN),
                **words,
                "all": Line("count", "faint", x=SIZES, y=np.maximum(SIZES - 1, LOW), dashed=True),
                "expected": Line("count", "ink", x=SIZES),
                "drawn": Dots("count", "false_negative", scale=0.03),
                "now": Rule("count", "focus", axis="x"),
                "here": Handle("count", along={"x": "b"}),
            },
            key={
                "positive": "positive",
                "negative": "in-batch negative",
                "false_negative": f"accidental hit, hits of {DRAWS} drawn batches",
                "ink": "expected",
                "faint": "if all were hits",
            },
        )

    def scene(self, result: Hits) -> dict[str, dict[str, Any]]:
        items = result.items
        row, column = np.nonzero((items[:, None] == items) & ~np.eye(len(items), dtype=bool))
        texts = [self._name(item) for item in items.tolist()] + [""] * (SHOWN - len(items))
        return {
            "field": {"x": [WORD, WORD + len(items)], "low": [SHOWN - len(items)] * 2, "high": [SHOWN] * 2},
            "positives": {"x": WORD + np.arange(len(items)) + 0.5},
            "hits": {"x": WORD + column + 0.5, "y": SHOWN - row - 0.5},
            **{f"row {i}": {"text": text} for i, text in enumerate(texts)},
            "expected": {"y": np.clip((SIZES - 1) * result.per_pair, LOW, HIGH)},
            "drawn": {
                "x": np.clip(result.b * SPREAD ** np.linspace(-1, 1, DRAWS), 2, BS[-1]),
                "y": np.where(result.drawn > 0, np.clip(result.drawn, LOW, HIGH), np.nan),
            },
            "now": {"at": result.b},
            "here": {"y": np.clip(result.expected, LOW, HIGH)},
        }

    def summary(self, result: Hits) -> str:
        return (
            f"B = {result.b:,}, α = {number(result.alpha)}, {len(self._counts):,} items:"
            f" {number(result.expected)} of the {result.b - 1:,} in-batch negatives repeat the positive; in"
            f" {DRAWS} drawn batches {number(result.drawn.mean())} ±"
            f" {number(result.drawn.std(ddof=1))}\ndifferent items in a batch: {result.distinct.min():,} to"
            f" {result.distinct.max():,}; share of the hits by the ten most frequent items:"
            f" {number(result.head)}"
        )

    def _name(self, item: int) -> str:
        return self._names[item] if item < len(self._names) else f"#{item + 1:,}"


def _grid() -> dict[str, Any]:
    """The borders of the cells, down and across."""
    at, ends = np.arange(SHOWN + 1), np.zeros(SHOWN + 1)
    return {
        "x": np.r_[WORD + at, WORD + ends],
        "x2": np.r_[WORD + at, WORD + SHOWN + ends],
        "y": np.r_[ends, at],
        "y2": np.r_[SHOWN + ends, at],
    }
