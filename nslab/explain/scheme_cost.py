"""What own negatives cost, and what shared ones do: vectors to encode, scores, bytes to hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nslab.diagnostics import Cost, cost_in_batch, cost_per_example
from nslab.explain._base import (
    Axis,
    Band,
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
)

BS = integer_grid(2, 65_536, 121)
KS = sorted({b - 1 for b in BS})
DIMS = sorted({*integer_grid(8, 1024, 57), 300})
UNITS = [(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")]
SIZES = [2**i for i in range(1, 17)]


@dataclass(frozen=True)
class Costs:
    b: int
    k: int
    d: int
    own: Cost  # each anchor brings its own K negatives
    shared: Cost  # each takes the other B − 1 positives
    own_bytes: NDArray[np.float64]  # at each of SIZES
    shared_bytes: NDArray[np.float64]
    crossover: int  # own negatives take fewer bytes exactly when B is above it


class SchemeCost(Explainer):
    """B anchors with K negatives each, or with the other B − 1 positives shared.

    Vectors have d numbers in float32.

    Each way is a square whose area is the bytes that it holds, both to one scale: the larger one fills its
    panel. The colored part is vectors, the gray part scores.
    """

    question = "Own or shared: which takes more?"
    title = "Own negatives take more encoding; shared ones, in a large batch, more bytes"
    b = Control("B", "anchors in a batch", BS, start=8, play=True)
    k = Control("K", "own negatives", KS, start=7)
    d = Control("d", "numbers in a vector", DIMS, start=128)

    def compute(self, b: int, k: int, d: int) -> Costs:
        return Costs(
            b=b,
            k=k,
            d=d,
            own=cost_per_example(b, k, d),
            shared=cost_in_batch(b, d),
            own_bytes=np.array([cost_per_example(size, k, d).bytes for size in SIZES], dtype=float),
            shared_bytes=np.array([cost_in_batch(size, d).bytes for size in SIZES], dtype=float),
            crossover=k * (d + 1) + 1,
        )

    def stage(self) -> Stage:
        anchors = {2.0: "2", 32.0: "32", 1024.0: "1,024", 32_768.0: "32,768"}
        size = {1e3: "1 kB", 1e6: "1 MB", 1e9: "1 GB", 1e12: "1 TB"}
        across, down = Axis("", 0, 1, ticks={}), Axis("", -0.32, 1, ticks={})
        notes = {
            f"{panel} {line}": Note(panel, x=[0], y=[y], big=line == "bytes")
            for panel in ("own", "shared")
            for line, y in (("vectors", -0.08), ("scores", -0.18), ("bytes", -0.3))
        }
        return Stage(
            panels={
                "own": Panel("Own: area = bytes", across, down, share=0.72),
                "shared": Panel("Shared: area = bytes", across, down, share=0.72),
                "bytes": Panel(
                    "Bytes held, vectors and scores",
                    Axis("anchors in a batch, B", 2, 65_536, log=True, ticks=anchors),
                    Axis("", 1e2, 1e14, log=True, ticks=size),
                ),
            },
            marks={
                "own vector area": Band("own", "negative"),
                "own score area": Band("own", "faint"),
                "shared vector area": Band("shared", "positive"),
                "shared score area": Band("shared", "faint"),
                **notes,
                "equal": Rule("bytes", "ink", axis="x"),
                "own line": Line("bytes", "negative", x=SIZES),
                "shared line": Line("bytes", "positive", x=SIZES),
                "dot": Dots("bytes", "negative", scale=0.05),
                "here": Handle("bytes", along={"x": "b"}),
            },
            key={
                "negative": "own: vectors",
                "positive": "shared: vectors",
                "faint": "scores, one number each",
                "ink": "equal bytes",
            },
        )

    def scene(self, result: Costs) -> dict[str, dict[str, Any]]:
        own, shared = result.own, result.shared
        full = max(own.bytes, shared.bytes)
        return {
            **_square("own", own, full),
            **_square("shared", shared, full),
            "own vectors": {"text": f"{own.encoder_calls:,} vectors"},
            "own scores": {"text": f"{result.b * (result.k + 1):,} scores"},
            "own bytes": {"text": _size(own.bytes)},
            "shared vectors": {"text": f"{shared.encoder_calls:,} vectors"},
            "shared scores": {"text": f"{result.b**2:,} scores"},
            "shared bytes": {"text": _size(shared.bytes)},
            "equal": {"at": [result.crossover] if result.crossover <= BS[-1] else []},
            "own line": {"y": result.own_bytes},
            "shared line": {"y": result.shared_bytes},
            "dot": {"x": result.b, "y": own.bytes},
            "here": {"y": shared.bytes},
        }

    def summary(self, result: Costs) -> str:
        own, shared = result.own, result.shared
        more = "own negatives take more bytes" if own.bytes > shared.bytes else "both take as many bytes"
        if own.bytes < shared.bytes:
            more = f"shared negatives take more bytes, equal at B = {result.crossover:,}"
        return (
            f"B = {result.b:,}, K = {result.k:,}, d = {result.d:,}: own {_size(own.bytes)},"
            f" {own.encoder_calls:,} items to encode; shared {_size(shared.bytes)}, {shared.encoder_calls:,}"
            f" items\n{more}"
        )


def _square(name: str, cost: Cost, full: int) -> dict[str, dict[str, Any]]:
    """The square of one way, of area 1 for `full` bytes: its vectors on the left, its scores on the right."""
    side = (cost.bytes / full) ** 0.5
    edge = side * cost.embedding_bytes / cost.bytes
    height = {"low": [1 - side] * 2, "high": [1, 1]}
    return {
        f"{name} vector area": {"x": [0, edge], **height},
        f"{name} score area": {"x": [edge, side], **height},
    }


def _size(count: int) -> str:
    """Bytes at four significant digits, in powers of 1000."""
    for unit, name in UNITS:
        if count >= unit:
            return f"{count / unit:.4g} {name}"
    return f"{count} B"
