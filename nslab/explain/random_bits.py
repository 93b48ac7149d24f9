"""Random bits shared between the column and the coin: what too few of them do to q."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .._alias import build_table
from ._controls import Control, integer_grid
from ._explainer import Explainer
from ._style import FAINT, FOCUS, INK, number

BITS = list(range(8, 64))
COIN = 2**62
NAMED = {24: "float32", 32: "32-bit word", 53: "float64", 63: "nslab"}


@dataclass(frozen=True)
class Shared:
    bits: int
    n: int
    wrong: float  # total variation distance between what is drawn and q
    never: int  # ids with q > 0 that no value of r gives

    @property
    def column_bits(self) -> float:
        return math.log2(self.n)

    @property
    def coin_bits(self) -> float:
        return max(self.bits - self.column_bits, 0)


class RandomBits(Explainer):
    """One random integer r of b bits for both column and coin of an alias table with N ids, q_i ∝ 1/i.

    Every value of r is accounted for in whole numbers; nothing is drawn.
    """

    title = "How many random bits one draw needs"
    bits = Control("b", "random bits", BITS, start=24)
    n = Control("N", "ids", integer_grid(3, 1000, 145), start=1000)

    def compute(self, bits: int, n: int) -> Shared:
        wrong, never = _exact(bits, n)
        return Shared(bits=bits, n=n, wrong=wrong, never=never)

    def create(self, figure: Figure) -> SimpleNamespace:
        strip, axes = figure.subplots(2, 1, height_ratios=[1, 5], sharex=True)
        strip.set(ylim=(0, 1), yticks=[])
        strip.spines[:].set_visible(False)
        strip.tick_params(axis="x", length=0, labelbottom=False)
        strip.set_title("The column takes log₂ N bits; the coin gets what is left")
        axes.set(xlim=(0, 67), xticks=range(0, 65, 8), xlabel="b, random bits in one draw")
        axes.set(yscale="log", ylim=(1e-20, 3), ylabel="share of draws that are wrong")
        axes.set_yticks([1e-20, 1e-15, 1e-10, 1e-5, 1], ["1e−20", "1e−15", "1e−10", "1e−5", "1"])
        axes.minorticks_off()
        for at, name in NAMED.items():
            axes.axvline(at, color=FAINT, lw=1, ls=":")
            axes.text(at + 0.4, 0.05, name, color=INK, fontsize=9)
        bound = axes.plot(BITS, BITS, color=INK, ls="--", lw=1.2, label="bound N / 2ᵇ")[0]
        here = axes.plot([1], [1], "o", color=FOCUS, ms=8, zorder=4, label="exact, every value of r counted")[
            0
        ]
        axes.legend(loc="lower left")
        return SimpleNamespace(
            column=strip.add_patch(Rectangle((0, 0.1), 1, 0.8, color=FAINT)),
            coin=strip.add_patch(Rectangle((0, 0.1), 1, 0.8, color=FOCUS)),
            column_says=strip.text(0.3, 0.5, "column", va="center"),
            coin_says=strip.text(0, 0.5, "coin", va="center", color="white"),
            bound=bound,
            here=here,
        )

    def draw(self, artists: Any, result: Shared) -> None:
        column = min(result.column_bits, result.bits)
        artists.column.set_width(column)
        artists.coin.set(x=column, width=result.coin_bits)
        artists.column_says.set_visible(column > 5)
        artists.coin_says.set(x=column + 0.3, visible=result.coin_bits > 3.5)
        artists.bound.set_ydata(result.n / 2.0 ** np.array(BITS))
        artists.here.set_data([result.bits], [result.wrong])

    def summary(self, result: Shared) -> str:
        one_in = f"one draw in {number(float(f'{1 / result.wrong:.4g}'))}" if result.wrong else "no draw"
        return (
            f"b = {result.bits} bits, N = {result.n:,}: {number(result.column_bits)} for the column, "
            f"{number(result.coin_bits)} for the coin\n"
            f"{one_in} is wrong; ids that are never drawn: {result.never:,}"
        )


@cache
def _thresholds(n: int) -> tuple[list[int], list[int]]:
    """The table of q_i ∝ 1/i: how many of a column's 2^62 coins keep its own id, and the alias of the others."""
    weights = 1 / torch.arange(1, n + 1, dtype=torch.float64)
    keep, alias = build_table(weights, n)
    return (keep * COIN).to(torch.int64).tolist(), alias.tolist()


def _exact(bits: int, n: int) -> tuple[float, int]:
    """Distance of what r in [0, 2^bits) gives from the table's own probabilities, and how many ids it never gives.

    r·n has the column in its bits from `bits` up, and the coin below; all in Python's whole numbers.
    """
    thresholds, aliases = _thresholds(n)
    drawn, wanted = [0] * n, [0] * n  # in values of r, and in coins
    start = 0
    for i, (own, alias) in enumerate(zip(thresholds, aliases, strict=True)):
        turn = -((i * COIN + own << bits) // (-n * COIN))  # the first r whose coin falls to the alias
        end = -((i + 1 << bits) // -n)
        drawn[i] += turn - start
        drawn[alias] += end - turn
        wanted[i] += own
        wanted[alias] += COIN - own
        start = end
    gaps = (abs(d * n * COIN - (w << bits)) for d, w in zip(drawn, wanted, strict=True))
    return sum(gaps) / (2 * n * COIN << bits), drawn.count(0)
