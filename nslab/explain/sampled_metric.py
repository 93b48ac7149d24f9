"""A hit rate measured among m random negatives instead of all items: where one item stands, and who wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nslab._checks import as_ids, as_int
from nslab.explain._base import (
    Axis,
    Control,
    Dots,
    Explainer,
    Handle,
    Links,
    Note,
    Panel,
    Rule,
    Stage,
    Words,
    integer_grid,
    number,
)

MOST = 2000  # sampled negatives
KS = list(range(1, 61))
RANKERS = 4  # at most
LINKED = 10  # items at the head of the sample whose way is drawn
APART = 0.5  # in the logarithm of ranks: nearer to the item no other is named
ALL, DRAWN = 0.4, 0.61  # where the two lists stand
BELOW, ABOVE = 0.19, 0.81  # and their names
LOWEST = 0.001  # hit rate on the axis; lower ones stand there
Floats = NDArray[np.float64]


def credit(k: int, m: int, items: int) -> Floats:
    """(k, items): the chance that an item of exact rank r counts as a hit at 1, 2 … k among m negatives.

    The m negatives are different items, drawn from the items − 1 others; r − 1 of those are better.
    """
    log_factorial = torch.lgamma(torch.arange(1, items + 1, dtype=torch.float64)).numpy()
    others, better = items - 1, np.arange(items)
    drawn = np.arange(min(k, m + 1))[:, None]  # how many of the better ones are among the m
    rest = others - better - (m - drawn)  # worse ones that are not drawn
    possible = (drawn <= better) & (rest >= 0)
    a, b = np.where(possible, better - drawn, 0), np.where(possible, rest, 0)
    log_p = log_factorial[better] - log_factorial[drawn] - log_factorial[a]
    log_p = log_p + log_factorial[others - better] - log_factorial[m - drawn] - log_factorial[b]
    log_p -= log_factorial[others] - log_factorial[m] - log_factorial[others - m]
    total = np.minimum(np.cumsum(np.exp(np.where(possible, log_p, -np.inf)), axis=0), 1.0)
    return np.pad(total, ((0, k - len(total)), (0, 0)), mode="edge")


@dataclass(frozen=True)
class Measured:
    m: int
    k: int
    rank: int  # of the item among all
    sample: NDArray[np.int64]  # ranks among all of m drawn others and the item, the best first
    place: int  # of the item in the sample
    credit: Floats  # (items,): the chance of each exact rank to count as a hit among m negatives
    here: dict[str, float]  # of each ranker: hit rate at this m
    exact: dict[str, float]  # hit rate against all items


class SampledMetric(Explainer):
    """One item's rank among all and among m drawn ones, and the hit rates that follow for several rankers.

    `ranks`: two to four rankers and the exact ranks of the items they should find; `items`: how many each
    item is ranked among; `names` (items,): what stands in the list of the picture, the best first. The
    sample of the picture is typical: its items are spread evenly, so each stands close to the place that
    it has on average. The rates and the chance of a hit are exact for all samples.
    """

    question = "A hit among all, and a hit among m: is it the same?"
    title = "A sampled hit rate pays for middling ranks: gaps between rankers change"
    m = Control("m", "sampled negatives", [1, MOST], start=1, play=True)  # the grid ends with the others
    k = Control("k", "places for a hit", KS, start=10)
    rank = Control("r", "rank of the item", [1, 10**9], start=1)  # the grid ends with the items

    def __init__(
        self, ranks: Mapping[str, Any], items: int, *, names: Sequence[str] | None = None, **start: Any
    ) -> None:
        self._others = as_int(items, "items", minimum=3) - 1
        if not 2 <= len(ranks) <= RANKERS:
            raise ValueError(f"ranks must hold 2 to {RANKERS} rankers, got {list(ranks)}")
        self._counts = {}
        for name, values in ranks.items():
            values = as_ids(values, f"ranks[{name!r}]")
            if int(values.min()) < 1 or int(values.max()) > items:
                raise ValueError(f"ranks[{name!r}] must lie in 1 to {items}, got {values.tolist()[:5]} …")
            self._counts[name] = torch.bincount(values - 1, minlength=items).double().numpy() / len(values)
        if names is not None and len(names) != items:
            raise ValueError(f"names must be as many as items, {items}, got {len(names)}")
        self._names = [f"item {i + 1}" for i in range(items)] if names is None else list(names)
        spread = (0.5 + np.arange(items) * 0.6180339887) % 1  # each beginning of it is even
        self._order = 1 + spread.argsort().argsort()  # in which items are drawn
        self._grid = np.array(integer_grid(1, items, 61))
        super().__init__(**({name: self.declared()[name].start for name in ("m", "rank")} | start))

    def declared(self) -> dict[str, Control]:
        n = self._others
        most = min(n, MOST)
        ms, ranks = sorted({*integer_grid(1, most, 81), min(100, most)}), integer_grid(1, n + 1, 161)
        high = min(ranks, key=lambda r: abs(r - n / 16))
        m = Control("m", "sampled negatives", ms, start=ms[-1], play=True)
        rank = Control("r", "rank of the item", ranks, start=high)
        m.name, rank.name = "m", "rank"
        return super().declared() | {"m": m, "rank": rank}

    def compute(self, m: int, k: int, rank: int) -> Measured:
        earned = credit(k, m, self._others + 1)[-1]
        sample = np.sort([rank, *self._order[self._order != rank][:m]])
        return Measured(
            m=m,
            k=k,
            rank=rank,
            sample=sample,
            place=1 + int((sample < rank).sum()),
            credit=earned,
            here={name: float(share @ earned) for name, share in self._counts.items()},
            exact={name: float(share[:k].sum()) for name, share in self._counts.items()},
        )

    def stage(self) -> Stage:
        items, n = self._others + 1, len(self._counts)
        rows = np.arange(n)[::-1] + 0.35
        tens = {float(10**i): f"{10**i:,}" for i in range(4) if 10**i <= items}
        called = [f"rank {r}: {self._names[r - 1]}" for r in self._grid]
        return Stage(
            panels={
                "list": Panel(
                    f"All {items:,} ranks → the item and m drawn",
                    Axis("", 0, 1, ticks={}),
                    Axis("rank", 4 * items, 0.8, log=True, ticks=tens),
                    share=1.3,
                ),
                "rates": Panel(
                    "Hit rate at k of each ranker, exact",
                    Axis("share of items that are hits", LOWEST / 2, 1, log=True,
                        ticks={LOWEST: f"≤ {LOWEST}", 0.01: "0.01", 0.1: "0.1", 1: "1"}),
                    Axis("", 0, n, ticks={}),
                ),
            },
            marks={
                "line": Rule("list", "hard"),
                "ways": Links("list", "faint", x=np.full(LINKED, ALL), x2=np.full(LINKED, DRAWN),
                    width=np.ones(LINKED)),
                "earn": Dots("list", "positive", x=np.full(len(self._grid), ALL), y=self._grid,
                    scale=0.05, tips=called, shows={"chance of a hit": "size"}),
                "all": Words("list", "ink", x=np.full(len(self._doubles), BELOW), which=self._doubles - 1,
                    words=self._names, scale=0.045),
                "drawn": Words("list", "ink", x=np.full(len(self._doubles), ABOVE), words=self._names,
                    scale=0.045),
                "way": Links("list", "focus", x=[ALL], x2=[DRAWN], width=[4]),
                "item": Words("list", "focus", x=[BELOW, ABOVE], words=self._names, scale=0.06),
                "cut": Handle("list", along={"y": "k"}, role="hard", x=[1]),
                "here": Handle("list", along={"y": "rank"}, x=[ALL]),
                "label": Note("list", x=[0.5], y=[3.4 * items], align="middle"),
                "shift": Links("rates", "ink", y=rows, y2=rows, width=np.full(n, 3)),
                **{f"name{i}": Note("rates", x=[LOWEST / 2], y=[row + 0.25]) for i, row in enumerate(rows)},
                "exact": Dots("rates", "faint", y=rows, scale=0.04,
                    tips=[f"{name}, among all" for name in self._counts], shows={"hit rate": "value"}),
                "sampled": Dots("rates", "ink", y=rows, scale=0.06,
                    tips=[f"{name}, among m" for name in self._counts], shows={"hit rate": "value"}),
            },
            key={
                "hard": "the last place that is a hit",
                "focus": "the item: drag it",
                "positive": "chance of a hit",
                "faint": "hit rate among all",
                "ink": "hit rate among m",
            },
        )  # fmt: skip

    @property
    def _doubles(self) -> NDArray[np.int64]:
        """Ranks whose items are named: 1, 2, 4, 8 …"""
        return 2 ** np.arange(int(np.log2(self._others + 1)) + 1)

    def scene(self, result: Measured) -> dict[str, dict[str, Any]]:
        doubles, head = self._doubles, result.sample[:LINKED]
        there = np.where(doubles <= len(result.sample), doubles, 1)
        here, exact = (np.array(list(rates.values())) for rates in (result.here, result.exact))
        x, x2 = np.maximum(exact, LOWEST), np.maximum(here, LOWEST)
        chance = result.credit[self._grid - 1]
        places, drawn = (1 + (rates[:, None] < rates).sum(1) for rates in (exact, here))
        hit = "a hit" if result.place <= result.k else "no hit"
        return {
            "line": {"at": np.sqrt(result.k * (result.k + 1))},
            "ways": {"y": head, "y2": 1 + np.arange(len(head))},
            "earn": {"size": np.where(chance < 0.005, np.nan, chance)},
            "all": {"y": _clear(doubles, result.rank)},
            "drawn": {
                "y": np.where(doubles <= len(result.sample), _clear(doubles, result.place), np.nan),
                "which": result.sample[there - 1] - 1,
            },
            "way": {"y": result.rank, "y2": result.place},
            "item": {"y": [result.rank, result.place], "which": [result.rank - 1] * 2},
            "label": {
                "text": (
                    f"{result.rank:,} of {self._others + 1:,} → {result.place:,} of {result.m + 1:,}: {hit}"
                )
            },
            **{
                f"name{i}": {"text": f"{name}: place {places[i]} among all, {drawn[i]} among {result.m:,}"}
                for i, name in enumerate(result.here)
            },
            "shift": {"x": x, "x2": x2},
            "exact": {"x": x, "value": exact},
            "sampled": {"x": x2, "value": here},
        }

    def summary(self, result: Measured) -> str:
        def table(rates: dict[str, float]) -> str:
            return ", ".join(f"{name} {rate:.3f}" for name, rate in rates.items())

        chance = number(round(float(result.credit[result.rank - 1]), 9))
        return (
            f"HR@{result.k} among {result.m:,} drawn: {table(result.here)}\n"
            f"HR@{result.k} among all {self._others + 1:,}: {table(result.exact)}\n"
            f"an item of rank {result.rank:,} is a hit in a share of {chance} of all samples"
        )


def _clear(ranks: NDArray[np.int64], item: int) -> Floats:
    """Ranks, NaN where the item's name would stand in the way."""
    return np.where(np.abs(np.log(ranks / item)) < APART, np.nan, ranks)
