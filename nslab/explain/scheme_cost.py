"""What own negatives cost, and what borrowed ones do: items to encode, scores, bytes to hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..diagnostics import Cost, cost_in_batch, cost_per_example
from ._base import (
    Axis,
    Control,
    Dots,
    Explainer,
    Handle,
    Line,
    Note,
    Panel,
    Pictures,
    Rule,
    Stage,
    integer_grid,
    number,
)

BS = integer_grid(2, 65_536, 121)
KS = sorted({b - 1 for b in BS})
DIMS = sorted({*integer_grid(8, 1024, 57), 300})
UNITS = [(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")]
SIZES = [2**i for i in range(1, 17)]
ROWS = {"items to encode": 0.8, "scores": 0.47, "bytes held": 0.14}  # and how high they stand
COLUMNS = {"own": 0.45, "borrowed": 0.7}


@dataclass(frozen=True)
class Costs:
    b: int
    k: int
    d: int
    own: Cost  # each anchor brings its own K negatives
    lent: Cost  # borrowed from the batch
    own_bytes: NDArray[np.float64]  # at each of SIZES
    lent_bytes: NDArray[np.float64]
    crossover: int  # own negatives take fewer bytes exactly when B is above it

    @property
    def ratios(self) -> list[float]:
        """Own over borrowed: items to encode, scores, bytes."""
        return [own / lent for own, lent in self.amounts]

    @property
    def amounts(self) -> list[tuple[int, int]]:
        """Own and borrowed: items to encode, scores, bytes."""
        return [
            (self.own.encoder_calls, self.lent.encoder_calls),
            (self.own.flops // (2 * self.d), self.lent.flops // (2 * self.d)),
            (self.own.bytes, self.lent.bytes),
        ]


class SchemeCost(Explainer):
    """B anchors with K negatives each, or with the other B − 1 positives, borrowed; float32 vectors of d numbers.

    Areas show what both ways take, in each row to the scale of the larger.
    """

    question = "Own or borrowed: which takes more?"
    title = "Own negatives take more encoding; borrowed ones, in a large batch, more bytes"
    b = Control("B", "anchors in a batch", BS, start=1024, play=True)
    k = Control("K", "own negatives", KS, start=1023)
    d = Control("d", "numbers in a vector", DIMS, start=128)

    def compute(self, b: int, k: int, d: int) -> Costs:
        return Costs(
            b=b,
            k=k,
            d=d,
            own=cost_per_example(b, k, d),
            lent=cost_in_batch(b, d),
            own_bytes=np.array([cost_per_example(size, k, d).bytes for size in SIZES], dtype=float),
            lent_bytes=np.array([cost_in_batch(size, d).bytes for size in SIZES], dtype=float),
            crossover=k * (d + 1) + 1,
        )

    def stage(self) -> Stage:
        anchors = {2.0: "2", 32.0: "32", 1024.0: "1,024", 32_768.0: "32,768"}
        size = {1e3: "1 kB", 1e6: "1 MB", 1e9: "1 GB", 1e12: "1 TB"}
        names = {f"row {name}": Note("areas", x=[0], y=[y - 0.01], text=name) for name, y in ROWS.items()}
        heads = {
            f"head {name}": Note("areas", x=[x], y=[0.99], text=name, align="middle")
            for name, x in COLUMNS.items()
        }
        heads["head ratio"] = Note("areas", x=[1], y=[0.99], text="ratio", align="end")
        ratios = {
            f"ratio {name}": Note("areas", x=[1], y=[y - 0.01], align="end") for name, y in ROWS.items()
        }
        return Stage(
            panels={
                "areas": Panel("Area: one step, each row to its own scale"),
                "bytes": Panel(
                    "Bytes held, vectors and scores",
                    Axis("anchors in a batch, B", 2, 65_536, log=True, ticks=anchors),
                    Axis("", 1e2, 1e14, log=True, ticks=size),
                ),
            },
            marks={
                "amounts": Pictures(
                    "areas",
                    "negative",
                    roles=("positive",),
                    images=np.zeros((1, 1, 1)),
                    which=[0] * 6,
                    x=[x for _ in ROWS for x in COLUMNS.values()],
                    y=[y for y in ROWS.values() for _ in COLUMNS],
                    scale=0.29,
                    shows={"amount": "value"},
                ),
                **names,
                **heads,
                **ratios,
                "equal": Rule("bytes", "faint", axis="x"),
                "own": Line("bytes", "negative", x=SIZES),
                "lent": Line("bytes", "positive", x=SIZES),
                "dot": Dots("bytes", "negative", scale=0.05),
                "here": Handle("bytes", along={"x": "b"}),
            },
            key={"negative": "own", "positive": "borrowed", "faint": "equal bytes"},
        )

    def scene(self, result: Costs) -> dict[str, dict[str, Any]]:
        amounts = np.array(result.amounts, dtype=float)
        ratios = {
            f"ratio {name}": {"text": _times(ratio)} for name, ratio in zip(ROWS, result.ratios, strict=True)
        }
        return {
            "amounts": {
                "size": (amounts / amounts.max(1, keepdims=True)).ravel(),
                "value": amounts.ravel(),
                "role": ["negative", "positive"] * len(ROWS),
            },
            **ratios,
            "equal": {"at": [result.crossover] if result.crossover <= BS[-1] else []},
            "own": {"y": result.own_bytes},
            "lent": {"y": result.lent_bytes},
            "dot": {"x": result.b, "y": result.own.bytes},
            "here": {"y": result.lent.bytes},
        }

    def summary(self, result: Costs) -> str:
        own, lent = result.own, result.lent
        more = "own negatives take more bytes" if own.bytes > lent.bytes else "both take as many bytes"
        if own.bytes < lent.bytes:
            more = f"borrowed negatives take more bytes, as many at B = {result.crossover:,}"
        return (
            f"B = {result.b:,}, K = {result.k:,}, d = {result.d:,}: own {_size(own.bytes)}, "
            f"{own.encoder_calls:,} items to encode; borrowed {_size(lent.bytes)}, {lent.encoder_calls:,} items\n{more}"
        )


def _times(ratio: float) -> str:
    """A ratio at about four significant digits; below 1 as a fraction."""
    times = max(ratio, 1 / ratio)
    shown = number(round(times)) if times >= 1000 else number(times)
    return f"× {shown}" if ratio >= 1 else f"× 1/{shown}"


def _size(count: int) -> str:
    """Bytes at four significant digits, in powers of 1000."""
    for unit, name in UNITS:
        if count >= unit:
            return f"{count / unit:.4g} {name}"
    return f"{count} B"
