"""Random bits shared between the column and the coin: what too few of them do to q."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch

from nslab._alias import build_table
from nslab.explain._base import (
    Axis,
    Bars,
    Control,
    Explainer,
    Handle,
    Line,
    Note,
    Panel,
    Rule,
    Stage,
    Words,
    integer_grid,
    number,
)

BITS = list(range(8, 64))
COIN = 2**62
NAMED = {24: "float32", 32: "32-bit word", 53: "float64", 63: "nslab"}
BYTE = 8  # bits in a row
FINE = 40  # values of a coin from which on they are not told apart
R = np.random.default_rng(1).integers(0, 2, BITS[-1])  # a random integer, the column's bits first


@dataclass(frozen=True)
class Shared:
    bits: int
    n: int
    wrong: float  # total variation distance between what is drawn and q
    never: int  # ids with q > 0 that no value of r gives
    wanted: float  # the share that its own id keeps of a column, that nearest to 0.7
    values: int  # of r that fall into this column
    kept: int  # of these, those that give its own id

    @property
    def column_bits(self) -> float:
        return math.log2(self.n)

    @property
    def coin_bits(self) -> float:
        return max(self.bits - self.column_bits, 0)


class RandomBits(Explainer):
    """One random integer r of b bits for both column and coin of an alias table with N ids, q_i ∝ 1/i.

    Every value of r is accounted for in whole numbers; nothing is drawn. To the right, one column of the
    table: what its own id should keep of it, and what it keeps where so few values of r fall into it.
    """

    question = "How many random bits does one draw need?"
    title = "The column takes log₂ N bits: with too few left, the coin is coarse and draws go wrong"
    bits = Control("b", "random bits", BITS, start=12, play=True)
    n = Control("N", "ids", integer_grid(3, 1000, 145), start=1000)

    def compute(self, bits: int, n: int) -> Shared:
        return Shared(bits, n, *_exact(bits, n))

    def stage(self) -> Stage:
        tens = {1e-20: "10⁻²⁰", 1e-15: "10⁻¹⁵", 1e-10: "10⁻¹⁰", 1e-5: "10⁻⁵", 1.0: "1"}
        low = 1e-20
        names = {
            f"named{at}": Note(
                "bits",
                x=[at + (-0.5 if at > 50 else 0.5)],
                y=[0.6 / 200**i],
                text=name,
                align="end" if at > 50 else "start",
            )
            for i, (at, name) in enumerate(NAMED.items())
        }
        return Stage(
            panels={
                "integer": Panel(
                    "Random integer", Axis("", -0.5, 7.5, ticks={}), Axis("", -7.7, 0.7, ticks={}), share=0.7
                ),
                "bits": Panel(
                    "Wrong draws, q ∝ 1/i; dashed: at most N / 2ᵇ",
                    Axis("b, random bits in one draw", 0, 64,
                        ticks={float(b): str(b) for b in range(0, 65, 16)}),
                    Axis("share of wrong draws", low, 10, log=True, ticks=tens),
                    share=1.9,
                ),
                "column": Panel("One column", Axis("", 0, 1, ticks={}),
                    Axis("its own id's share", 0, 1.25, ticks={0: "0", 0.5: "0.5", 1: "1"})),
            },
            marks={
                "named": Rule("bits", "faint", at=list(NAMED), axis="x"),
                **names,
                "r": Words(
                    "integer", "negative", words=[str(bit) for bit in R], roles=("semi_hard",),
                    x=np.arange(BITS[-1]) % BYTE,
                    y=-(np.arange(BITS[-1]) // BYTE), scale=0.08,
                ),
                "bound": Line("bits", "ink", x=BITS, dashed=True),
                "here": Handle("bits", along={"x": "bits"}),
                "label": Note("bits", x=[1], y=[1e-18], big=True),
                "own": Bars("column", "anchor", x=[0.45], base=[0], width=0.5),
                "rest": Bars("column", "faint", x=[0.45], width=0.5),
                "wrong": Bars("column", "hard", x=[0.45], width=0.3),
                "values": Rule("column", "ink", dashed=False),
                "wanted": Rule("column", "focus"),
                "count": Note("column", x=[0.02], y=[1.1]),
            },
            key={
                "negative": "bits of the column",
                "semi_hard": "bits of the coin",
                "anchor": "own id",
                "faint": "alias",
                "focus": "wanted",
                "hard": "wrong",
            },
        )  # fmt: skip

    def scene(self, result: Shared) -> dict[str, dict[str, Any]]:
        places = np.arange(BITS[-1])
        kept = result.kept / result.values if result.values else 0.0
        some = float(result.values > 0)
        values = result.values if result.values <= FINE else 0
        return {
            "r": {
                "size": np.where(places < result.bits, 1, np.nan),
                "role": np.where(places + 0.5 < result.column_bits, "negative", "semi_hard"),
            },
            "bound": {"y": result.n / 2.0 ** np.array(BITS)},
            "here": {"y": max(result.wrong, 1e-20)},
            "label": {"text": self._label(result)},
            "own": {"y": kept},
            "rest": {"y": some, "base": kept},
            "wrong": {"y": max(kept, result.wanted), "base": min(kept, result.wanted)},
            "values": {"at": np.arange(values + 1)[: values and None] / max(values, 1)},
            "wanted": {"at": result.wanted},
            "count": {"text": f"coin: {_short(result.values)} values"},
        }

    def _label(self, result: Shared) -> str:
        return f"wrong: 1 in {_short(1 / result.wrong)}" if result.wrong else "no draw is wrong"

    def summary(self, result: Shared) -> str:
        one_in = f"one draw in {number(float(f'{1 / result.wrong:.4g}'))}" if result.wrong else "no draw"
        return (
            f"b = {result.bits} bits, N = {result.n:,}: {number(float(2**result.bits))} values, "
            f"{number(2**result.bits / result.n)} for each column's coin\n"
            f"{one_in} is wrong; ids that are never drawn: {result.never:,}"
        )


def _short(value: float) -> str:
    return f"{float(f'{value:.3g}'):,.0f}" if value < 10**6 else f"{value:.1e}".replace("e+", "e")


@cache
def _thresholds(n: int) -> tuple[list[int], list[int]]:
    """The table of q_i ∝ 1/i: how many of a column's 2^62 coins keep its id, and the aliases."""
    weights = 1 / torch.arange(1, n + 1, dtype=torch.float64)
    keep, alias = build_table(weights, n)
    return (keep * COIN).to(torch.int64).tolist(), alias.tolist()


def _exact(bits: int, n: int) -> tuple[float, int, float, int, int]:
    """Distance of what r in [0, 2^bits) gives from the table, and how many ids it never gives.

    The distance is from the table's own probabilities.

    Then of one column: the share that its own id should keep, how many values of r fall into it, and how
    many of these give its own id. r·n has the column in its bits from `bits` up, and the coin below; all
    in Python's whole numbers.
    """
    thresholds, aliases = _thresholds(n)
    drawn, wanted = [0] * n, [0] * n  # in values of r, and in coins
    shown = min(range(n), key=lambda i: abs(thresholds[i] / COIN - 0.7))
    values = kept = start = 0
    for i, (own, alias) in enumerate(zip(thresholds, aliases, strict=True)):
        turn = -((i * COIN + own << bits) // (-n * COIN))  # the first r whose coin falls to the alias
        end = -((i + 1 << bits) // -n)
        drawn[i] += turn - start
        drawn[alias] += end - turn
        wanted[i] += own
        wanted[alias] += COIN - own
        if i == shown:
            values, kept = end - start, turn - start
        start = end
    gaps = (abs(d * n * COIN - (w << bits)) for d, w in zip(drawn, wanted, strict=True))
    wrong = sum(gaps) / (2 * n * COIN << bits)
    return wrong, drawn.count(0), thresholds[shown] / COIN, values, kept
