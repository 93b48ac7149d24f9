"""What one pass over N items costs when each is compared with all the others, or with K of them."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ._controls import Control, decade_grid, integer_grid
from ._explainer import Explainer
from ._style import FAINT, FOCUS, INK, NEGATIVE, number

SPEED = 1e15  # FLOP/s
ITEMS = np.geomspace(1e3, 1e10, 8)
MARKS = {
    "1 ns": 1e-9,
    "1 µs": 1e-6,
    "1 ms": 1e-3,
    "1 s": 1.0,
    "1 hour": 3600.0,
    "1 day": 86_400.0,
    "1 year": 31_557_600.0,
}


@dataclass(frozen=True)
class Costs:
    n: int
    k: int
    dim: int

    @property
    def full(self) -> int:
        """FLOP of one pass: N anchors, each scored against N items of `dim` coordinates."""
        return 2 * self.n * self.n * self.dim

    @property
    def sampled(self) -> int:
        """FLOP of one pass with the positive and K drawn negatives for each anchor."""
        return 2 * self.n * (self.k + 1) * self.dim

    @property
    def ratio(self) -> float:
        """How many times fewer scores K negatives take."""
        return self.n / (self.k + 1)

    @property
    def full_line(self) -> NDArray[np.float64]:
        """Seconds at each of ITEMS, at 10¹⁵ FLOP/s."""
        return 2 * ITEMS**2 * self.dim / SPEED

    @property
    def sampled_line(self) -> NDArray[np.float64]:
        return 2 * ITEMS * (self.k + 1) * self.dim / SPEED


class SoftmaxCost(Explainer):
    """Time for the scores of one pass over N anchors, full softmax or K negatives, at 10¹⁵ FLOP/s.

    A score is a dot product of d coordinates: d multiplications and d additions. Forward only, no encoder.
    """

    title = "Cost of a full and of a sampled softmax against the number of items"
    size = (8.4, 3.8)
    n = Control("N", "items", [int(v) for v in decade_grid(1e3, 1e10)], start=1_000_000)
    k = Control("K", "negatives", [int(v) for v in decade_grid(10, 1e5)], start=1000)
    dim = Control("d", "coordinates", integer_grid(16, 4096, 73), start=128)

    def compute(self, n: int, k: int, dim: int) -> Costs:
        return Costs(n, k, dim)

    def create(self, figure: Figure) -> SimpleNamespace:
        axes = figure.subplots()
        axes.set(xscale="log", yscale="log", xlim=(1e3, 1e10), ylim=(1e-10, 3e9))
        axes.set(xlabel="N, number of items", ylabel="time of one pass at 10¹⁵ FLOP/s")
        axes.set_xticks([1e3, 1e6, 1e9], ["a thousand", "a million", "a billion"])
        axes.set_yticks(list(MARKS.values()), list(MARKS))
        axes.minorticks_off()
        axes.grid(axis="y", color=FAINT, lw=0.6)
        axes.set_title("All against all grows with N², K negatives with N")
        full = axes.plot(ITEMS, ITEMS, color=INK, label="every item: N² scores")[0]
        sampled = axes.plot(ITEMS, ITEMS, color=NEGATIVE, label="positive and K negatives: N (K + 1) scores")[
            0
        ]
        axes.legend(loc="upper left", frameon=True, framealpha=1, edgecolor="none")
        return SimpleNamespace(
            full=full,
            sampled=sampled,
            gap=axes.plot([], [], color=FOCUS, lw=1.5)[0],
            dots=axes.scatter([1, 1], [1, 1], s=50, zorder=4, color=[INK, NEGATIVE], clip_on=False),
            says=axes.text(0.99, 0.1, "", transform=axes.transAxes, color=FOCUS, ha="right"),
        )

    def draw(self, artists: Any, result: Costs) -> None:
        ends = [result.full / SPEED, result.sampled / SPEED]
        artists.full.set_ydata(result.full_line)
        artists.sampled.set_ydata(result.sampled_line)
        artists.gap.set_data([result.n] * 2, ends)
        artists.dots.set_offsets([(result.n, end) for end in ends])
        artists.says.set_text(f"N / (K + 1) = {number(round(result.ratio, 2 if result.ratio < 100 else 0))}")

    def summary(self, result: Costs) -> str:
        return (
            f"N = {result.n:,}, d = {result.dim}: {result.full:.4g} FLOP a pass, {duration(result.full / SPEED)}\n"
            f"K = {result.k:,}: {result.sampled:.4g} FLOP, {duration(result.sampled / SPEED)}; N / (K + 1) = {number(result.ratio)}"
        )


def duration(seconds: float) -> str:
    """A time in the largest unit that it fills, at three significant digits.

    >>> duration(256_000), duration(0.00025), duration(1e-9)
    ('2.96 days', '250 µs', '1 ns')
    """
    units = [
        ("years", 31_557_600),
        ("days", 86_400),
        ("hours", 3600),
        ("s", 1),
        ("ms", 1e-3),
        ("µs", 1e-6),
        ("ns", 1e-9),
    ]
    unit, size = next(((u, s) for u, s in units if seconds >= s), units[-1])
    return f"{seconds / size:.3g} {unit}"
