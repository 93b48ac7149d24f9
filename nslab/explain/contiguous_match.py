"""How picky must a detector be? The chance of a match by r contiguous letters, and what deleting the matchers leaves."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..theory import hit_probability
from ._controls import Control, integer_grid
from ._explainer import Explainer
from ._style import FAINT, FOCUS, HARD, INK, POSITIVE, number

RS = np.arange(1, 29)


@dataclass(frozen=True)
class Match:
    length: int
    m: int
    n_self: int
    exact: NDArray[np.float64]  # P(match) at RS, 0 where r > l
    formula: NDArray[np.float64]  # of Percus, Percus & Perelson 1993 at RS, NaN where r > l
    survive: NDArray[np.float64]  # (1 − P)^N_S at RS
    useful: NDArray[np.float64]  # P (1 − P)^N_S over the best that any P could do
    best: int  # the r with the largest useful

    @property
    def off(self) -> int:
        """The largest r where the formula is more than 1 % too high, 0 if there is none."""
        wrong = RS[: self.length][self.formula[: self.length] > 1.01 * self.exact[: self.length]]
        return int(wrong.max()) if len(wrong) else 0


class ContiguousMatch(Explainer):
    """Strings of l letters from an alphabet of m match if they agree in r positions in a row; N_S self strings veto."""

    title = "Match by r contiguous letters: how often, and which detectors survive and are of use"
    length = Control("l", "length of a string", range(8, 65), start=32)
    m = Control("m", "letters in the alphabet", range(2, 61), start=2)
    n_self = Control("Nₛ", "self strings", integer_grid(1, 1_000_000, 91), start=1)

    def compute(self, length: int, m: int, n_self: int) -> Match:
        exact = _match_probability(length, m)
        formula = np.where(length >= RS, m ** (-1.0 * RS) * ((length - RS) * (m - 1) / m + 1), np.nan)
        survive = 1 - np.asarray(hit_probability(exact, n_self))
        top = (n_self / (n_self + 1)) ** n_self / (n_self + 1)  # P (1 − P)^N_S at its peak, P = 1/(N_S + 1)
        useful = exact * survive / top
        best = int(RS[useful.argmax()])
        return Match(length, m, n_self, exact, formula, survive, useful, best)

    def create(self, figure: Figure) -> SimpleNamespace:
        left, right = figure.subplots(1, 2)
        for axes in (left, right):
            axes.set(
                xlim=(0, 29),
                xlabel="r, letters in a row that must agree",
                xticks=[1, 4, 8, 12, 16, 20, 24, 28],
            )
        left.set(yscale="log", ylim=(1e-9, 300), ylabel="P(match)")
        left.set_yticks([1e-8, 1e-6, 1e-4, 1e-2, 1], ["10⁻⁸", "10⁻⁶", "10⁻⁴", "0.01", "1"])
        left.minorticks_off()
        left.axhline(1, color=FAINT, lw=1, zorder=0)
        left.set_title("The formula counts too much")
        right.set(ylim=(-0.02, 1.3), ylabel="share", yticks=[0, 0.25, 0.5, 0.75, 1])
        right.set_title("Few r leave useful detectors")
        artists = SimpleNamespace(
            formula=left.plot(RS, RS, color=HARD, ls="--", marker=".", label="formula (Percus 1993)")[0],
            exact=left.plot(RS, RS, color=INK, marker="o", ms=4, label="exact")[0],
            survive=right.plot(RS, RS, color=POSITIVE, marker=".", label="detectors left")[0],
            useful=right.plot(RS, RS, color=FOCUS, marker="o", ms=4, label="use (1 = best possible)")[0],
            lines=[axes.axvline(0, ymax=0.8, color=FAINT, lw=1, ls=":", zorder=0) for axes in (left, right)],
        )
        left.legend(loc="upper right", ncols=2)
        right.legend(loc="upper right", ncols=2)
        return artists

    def draw(self, artists: Any, result: Match) -> None:
        for name in ("formula", "survive", "useful"):
            getattr(artists, name).set_ydata(getattr(result, name))
        artists.exact.set_ydata(np.where(result.length >= RS, result.exact, np.nan))
        for line in artists.lines:
            line.set_xdata([result.best] * 2)

    def summary(self, result: Match) -> str:
        i = result.best - 1
        return (
            f"l = {result.length}, m = {result.m}, Nₛ = {result.n_self:,}: of most use r = {result.best}, there "
            f"P(match) = {number(result.exact[i])} (formula {number(result.formula[i])}), left {number(result.survive[i])}\n"
            f"the formula is more than 1 % too high up to r = {result.off}, exact from r = {-(-result.length // 2)}"
        )


def _match_probability(length: int, m: int) -> NDArray[np.float64]:
    """P(two random strings agree in r positions in a row) for every r of RS: only sums of positive terms."""
    agree, rs = 1 / m, RS.tolist()
    start = (1 - agree) * agree ** RS.astype(float)
    hit = np.zeros((length + 1, len(rs)))
    for n in range(1, length + 1):
        earlier = hit[np.maximum(n - RS - 1, 0), np.arange(len(rs))]
        grown = hit[n - 1] + start * (1 - earlier)
        hit[n] = np.where(n > RS, grown, np.where(n == RS, agree ** RS.astype(float), 0))
    return hit[length]
