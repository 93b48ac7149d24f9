"""What own negatives cost, and what borrowed ones do: items to encode, scores, bytes to hold."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..diagnostics import Cost, cost_in_batch, cost_per_example
from ._controls import Control, integer_grid
from ._explainer import Explainer
from ._style import FAINT, FOCUS, INK, NEGATIVE, POSITIVE, number

BS = integer_grid(2, 65_536, 121)
KS = sorted({b - 1 for b in BS})
DIMS = sorted({*integer_grid(8, 1024, 57), 300})
UNITS = [(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")]


@dataclass(frozen=True)
class Costs:
    b: int
    k: int
    d: int
    own: Cost  # each anchor brings its own K negatives
    lent: Cost  # borrowed from the batch
    own_bytes: NDArray[np.float64]  # at each of BS
    lent_bytes: NDArray[np.float64]
    crossover: int  # own negatives take fewer bytes exactly when B is above it

    @property
    def ratios(self) -> list[float]:
        """Own over borrowed: items to encode, scores, bytes."""
        scores = self.own.flops / self.lent.flops
        return [self.own.encoder_calls / self.lent.encoder_calls, scores, self.own.bytes / self.lent.bytes]


class SchemeCost(Explainer):
    """B anchors with K negatives each, or with the other B − 1 positives, borrowed; float32 vectors of d numbers."""

    title = "Cost of own negatives and of negatives borrowed from the batch"
    b = Control("B", "anchors in a batch", BS, start=1024)
    k = Control("K", "own negatives per anchor", KS, start=1023)
    d = Control("d", "numbers in a vector", DIMS, start=128)

    def compute(self, b: int, k: int, d: int) -> Costs:
        return Costs(
            b=b,
            k=k,
            d=d,
            own=cost_per_example(b, k, d),
            lent=cost_in_batch(b, d),
            own_bytes=np.array([cost_per_example(size, k, d).bytes for size in BS], dtype=float),
            lent_bytes=np.array([cost_in_batch(size, d).bytes for size in BS], dtype=float),
            crossover=k * (d + 1) + 1,
        )

    def create(self, figure: Figure) -> SimpleNamespace:
        left, right = figure.subplots(1, 2, width_ratios=[1.15, 1])
        left.set(xscale="log", yscale="log", xlim=(2, 65_536), ylim=(1e2, 1e14))
        left.set_xticks([2, 32, 1024, 32_768], ["2", "32", "1,024", "32,768"])
        left.set_yticks([1e3, 1e6, 1e9, 1e12], ["1 kB", "1 MB", "1 GB", "1 TB"])
        left.minorticks_off()
        left.set(xlabel="B, anchors in a batch", ylabel="bytes, vectors and scores")
        left.set_title("Bytes grow like B, or in the end like B²")
        own = left.plot(BS, BS, color=NEGATIVE, label="own negatives")[0]
        lent = left.plot(BS, BS, color=POSITIVE, label="borrowed")[0]
        crossing = left.plot([1], [1], "D", ms=8, mfc="white", mec=FOCUS, mew=2, zorder=3, label="equal")[0]
        left.legend(loc="upper left")
        right.set(xscale="log", xlim=(1e-5, 1e5), ylim=(-0.5, 2.75))
        right.set_xticks([1e-4, 1e-2, 1, 1e2, 1e4], ["1/10,000", "1/100", "1", "100", "10,000"])
        right.minorticks_off()
        right.set_yticks([2, 1, 0], ["items\nto encode", "scores", "bytes"])
        right.tick_params(axis="y", length=0)
        right.set(xlabel="cost of own over cost of borrowed")
        right.set_title("Own negatives: more to encode")
        right.axvline(1, color=INK, lw=1)
        return SimpleNamespace(
            own=own,
            lent=lent,
            crossing=crossing,
            dots=left.scatter([], [], s=50, zorder=4, clip_on=False),
            bars=right.hlines([2, 1, 0], 1, 1, lw=11, color=FAINT),
            says=[right.text(1.3, y + 0.2, "", va="bottom", color=INK) for y in (2, 1, 0)],
        )

    def draw(self, artists: Any, result: Costs) -> None:
        artists.own.set_ydata(result.own_bytes)
        artists.lent.set_ydata(result.lent_bytes)
        artists.crossing.set_data([result.crossover], [cost_in_batch(result.crossover, result.d).bytes])
        artists.dots.set_offsets([(result.b, result.own.bytes), (result.b, result.lent.bytes)])
        artists.dots.set_facecolor([NEGATIVE, POSITIVE])
        artists.bars.set_segments(
            [[(1, y), (ratio, y)] for y, ratio in zip((2, 1, 0), result.ratios, strict=True)]
        )
        artists.bars.set_color([POSITIVE if ratio > 1 else NEGATIVE for ratio in result.ratios])
        for text, ratio in zip(artists.says, result.ratios, strict=True):
            text.set_text(_times(ratio))

    def summary(self, result: Costs) -> str:
        own, lent = result.own, result.lent
        return (
            f"B = {result.b:,}, K = {result.k:,}, d = {result.d:,}: own {_size(own.bytes)}, "
            f"{own.encoder_calls:,} items to encode; borrowed {_size(lent.bytes)}, {lent.encoder_calls:,} items\n"
            f"own negatives take fewer bytes exactly when B > K(d + 1) + 1 = {result.crossover:,}"
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
