"""A hit rate measured among m random negatives instead of all items: what a rank earns, and who wins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .._checks import as_ids, whole
from ._controls import Control, integer_grid
from ._explainer import Explainer
from ._style import ANCHOR, FAINT, FOCUS, INK, NEGATIVE, POSITIVE, number

MS = sorted({*integer_grid(1, 1000, 81), 100})
KS = list(range(1, 61))
COLORS = (INK, NEGATIVE, POSITIVE, ANCHOR)
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
    credit: Floats  # what each of the drawn ranks earns among m negatives
    rates: dict[str, Floats]  # of each ranker: hit rate at each m of the grid
    here: dict[str, float]  # hit rate at this m
    exact: dict[str, float]  # hit rate against all items


class SampledMetric(Explainer):
    """`ranks`: up to four rankers and the exact ranks of the items they should find; `items`: how many each item is ranked among.

    The first ranker is the one that the others are compared with.
    """

    title = "The hit rate among m sampled negatives"
    m = Control("m", "sampled negatives", MS, start=100)
    k = Control("k", "places for a hit", KS, start=10)

    def __init__(self, ranks: Mapping[str, Any], items: int, **start: Any) -> None:
        self._others = whole(items, "items", minimum=3) - 1
        if not 2 <= len(ranks) <= len(COLORS):
            raise ValueError(f"ranks must hold 2 to {len(COLORS)} rankers, got {list(ranks)}")
        self._counts = {}
        for name, values in ranks.items():
            values = as_ids(values, f"ranks[{name!r}]")
            if int(values.min()) < 1 or int(values.max()) > items:
                raise ValueError(f"ranks[{name!r}] must lie in 1 to {items}, got {values.tolist()[:5]} …")
            self._counts[name] = torch.bincount(values - 1, minlength=items).double().numpy() / len(values)
        self._grid = np.array(integer_grid(1, self._others, 61))
        self._ranks = np.array(integer_grid(1, items, 161))
        shares = np.stack(list(self._counts.values()), axis=1)
        self._table = np.stack([credit(KS[-1], m, items) @ shares for m in self._grid.tolist()])
        super().__init__(**start)

    def compute(self, m: int, k: int) -> Measured:
        m = min(m, self._others)
        earned = credit(k, m, self._others + 1)[-1]
        return Measured(
            m=m,
            k=k,
            credit=earned[self._ranks - 1],
            rates={name: self._table[:, k - 1, i] for i, name in enumerate(self._counts)},
            here={name: float(share @ earned) for name, share in self._counts.items()},
            exact={name: float(share[:k].sum()) for name, share in self._counts.items()},
        )

    def create(self, figure: Figure) -> SimpleNamespace:
        left, right = figure.subplots(1, 2)
        for axes, end in ((left, self._others + 1), (right, self._others)):
            axes.set(xscale="log", xlim=(0.9, 1.1 * end))
            axes.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1,000"])
            axes.minorticks_off()
        left.set(ylim=(-0.02, 1.22), yticks=[0, 0.25, 0.5, 0.75, 1])
        left.set(xlabel="exact rank of the item", ylabel="chance to count as a hit")
        left.set_title("A sample pays for poorer ranks")
        base, *others = self._counts
        right.set(yscale="log", ylim=(0.2, 30))
        right.set_yticks([0.25, 0.5, 1, 2, 4, 8], ["¼", "½", "1", "2", "4", "8"])
        right.minorticks_off()
        right.set(xlabel="m, negatives in the evaluation", ylabel=f"hit rate ÷ {base}'s")
        right.set_title("Who wins depends on m")
        right.axhline(1, color=COLORS[0], lw=1.5, label=base)
        artists = SimpleNamespace(
            exact=left.plot([], [], color=FAINT, lw=4, label="all items")[0],
            credit=left.plot(self._ranks, self._ranks, color=FOCUS, label="m sampled")[0],
            here=right.axvline(1, color=FOCUS, lw=1, ls=":", zorder=0),
            lines=[
                right.plot(self._grid, self._grid, color=color, label=name)[0]
                for name, color in zip(others, COLORS[1:], strict=False)
            ],
        )
        artists.dots = right.plot([], [], "o", color=FOCUS, ms=6, zorder=4)[0]
        left.legend(loc="upper right", ncols=2)
        right.legend(loc="upper left", ncols=2, columnspacing=1, handlelength=1.5)
        return artists

    def draw(self, artists: Any, result: Measured) -> None:
        artists.exact.set_data([0.9, result.k + 0.5, result.k + 0.5, self._others + 1], [1, 1, 0, 0])
        artists.credit.set_ydata(result.credit)
        artists.here.set_xdata([result.m] * 2)
        base, *others = self._counts
        for line, name in zip(artists.lines, others, strict=True):
            line.set_ydata(result.rates[name] / np.maximum(result.rates[base], 1e-12))
        floor = max(result.here[base], 1e-12)
        artists.dots.set_data([result.m] * len(others), [result.here[name] / floor for name in others])

    def summary(self, result: Measured) -> str:
        def table(rates: dict[str, float]) -> str:
            return ", ".join(f"{name} {number(round(rate, 9))}" for name, rate in rates.items())

        return (
            f"HR@{result.k}, m = {result.m:,}: {table(result.here)}\n"
            f"HR@{result.k}, all {self._others:,}: {table(result.exact)}"
        )
