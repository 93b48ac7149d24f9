"""Two classes, one R times as common: how often the rare one is drawn, and how many negatives each gets per positive."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..samplers import unigram
from ..theory import hit_probability
from ._controls import Control, integer_grid, linear_grid
from ._explainer import Explainer
from ._style import FAINT, FOCUS, INK, number

ALPHAS = np.linspace(-1, 1.25, 181)


@dataclass(frozen=True)
class Rare:
    alpha: float
    imbalance: int
    k: int
    q: float  # of the rare class
    seen: float  # P(the rare class is among K draws)
    rare: float  # negatives per positive, K q/f
    frequent: float
    qs: NDArray[np.float64]  # q of the rare class at ALPHAS
    seens: NDArray[np.float64]  # P(seen in K draws) at ALPHAS
    rares: NDArray[np.float64]  # q/f of the rare class at ALPHAS
    frequents: NDArray[np.float64]  # q/f of the frequent class at ALPHAS


class RareClass(Explainer):
    """q ∝ f^α for two classes with counts R and 1: draws of the rare one, and negatives per positive for both."""

    title = "A rare class as a negative, and the negatives per positive of each class"
    alpha = Control("α", "exponent of q ∝ f^α", linear_grid(-1, 1.25, 91), start=0.75)
    r = Control("R", "frequent : rare", integer_grid(1, 10_000, 81), start=1000)
    k = Control("K", "negatives", integer_grid(1, 1000, 91), start=10)

    def compute(self, alpha: float, r: int, k: int) -> Rare:
        share = np.array([r, 1]) / (r + 1)
        q = unigram([r, 1], alpha).numpy()
        qs = torch.sigmoid(torch.from_numpy(-ALPHAS * math.log(r))).numpy()  # 1/(1 + R^α)
        negatives = k * q / share
        return Rare(
            alpha=alpha,
            imbalance=r,
            k=k,
            q=float(q[1]),
            seen=float(hit_probability(float(q[1]), k)),
            rare=float(negatives[1]),
            frequent=float(negatives[0]),
            qs=qs,
            seens=np.asarray(hit_probability(qs, k)),
            rares=qs / share[1],
            frequents=(1 - qs) / share[0],
        )

    def create(self, figure: Figure) -> SimpleNamespace:
        left, right = figure.subplots(1, 2)
        for axes in (left, right):
            axes.set(xlim=(-1.06, 1.31), xlabel="exponent α", yscale="log")
            axes.set_xticks([-1, -0.5, 0, 0.5, 0.75, 1], ["−1", "−½", "0", "½", "¾", "1"])
        left.set(ylim=(5e-6, 3), ylabel="probability")
        _powers(left, range(-5, 1))
        left.set_title("A lower α draws the rare class more")
        right.set(ylim=(3e-5, 3e4), ylabel="negatives per positive, ÷ K")
        _powers(right, range(-4, 5))
        right.set_title("Only α = 1 gives both the same")
        right.axhline(1, color=FAINT, lw=1, zorder=0)
        right.axvline(1, color=FAINT, lw=1, zorder=0)
        artists = SimpleNamespace(
            lines=[axes.axvline(0, color=FAINT, lw=1, ls=":", zorder=0) for axes in (left, right)],
            qs=left.plot(ALPHAS, ALPHAS, color=FOCUS, label="q of the rare class")[0],
            seens=left.plot(ALPHAS, ALPHAS, color=FOCUS, ls="--", label="P(seen in K draws)")[0],
            rares=right.plot(ALPHAS, ALPHAS, color=FOCUS, label="rare class")[0],
            frequents=right.plot(ALPHAS, ALPHAS, color=INK, lw=4, zorder=1, label="frequent class")[0],
            q=left.plot([], [], "o", color=FOCUS, ms=8, zorder=4, clip_on=False)[0],
            seen=left.plot([], [], "s", color=FOCUS, ms=7, zorder=4, clip_on=False)[0],
            rare=right.plot([], [], "o", color=FOCUS, ms=8, zorder=4, clip_on=False)[0],
            frequent=right.plot([], [], "o", color=INK, ms=11, zorder=3, clip_on=False)[0],
        )
        left.legend(loc="lower left")
        right.legend(loc="lower right")
        return artists

    def draw(self, artists: Any, result: Rare) -> None:
        for name in ("qs", "seens", "rares", "frequents"):
            getattr(artists, name).set_ydata(getattr(result, name))
        for line in artists.lines:
            line.set_xdata([result.alpha] * 2)
        artists.q.set_data([result.alpha], [result.q])
        artists.seen.set_data([result.alpha], [result.seen])
        artists.rare.set_data([result.alpha], [result.rare / result.k])
        artists.frequent.set_data([result.alpha], [result.frequent / result.k])

    def summary(self, result: Rare) -> str:
        return (
            f"R = {result.imbalance:,}, α = {number(result.alpha)}: the rare class is drawn with q = {number(result.q)}; "
            f"P(seen in K = {result.k:,}) = {number(result.seen)}\n"
            f"negatives per positive: rare {_plain(result.rare)}, frequent {_plain(result.frequent)}"
        )


def _powers(axes: Axes, exponents: range) -> None:
    """Powers of ten as ticks of the vertical axis, in plain text."""
    digits = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    names = ["1" if n == 0 else "10" if n == 1 else "10" + str(n).translate(digits) for n in exponents]
    axes.set_yticks([10.0**n for n in exponents], names)
    axes.minorticks_off()


def _plain(value: float) -> str:
    return number(round(value, 9))  # 10000.000000000002 is 10,000
