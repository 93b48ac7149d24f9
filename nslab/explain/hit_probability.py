"""The chance of a hard negative among K draws, from an endless pool and from a finite one."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..theory import hit_probability, smallest_k, smallest_k_finite
from ._controls import Control, decade_grid, integer_grid, linear_grid
from ._explainer import Explainer
from ._style import FAINT, FOCUS, INK, number

KS = np.array(integer_grid(1, 10_000, 241))
WANTED = [*linear_grid(0.5, 0.95, 46), *linear_grid(0.955, 0.99, 8), *linear_grid(0.991, 0.999, 9)]


@dataclass(frozen=True)
class Hits:
    rho: float
    q: float
    pool: int
    hard: int
    endless: NDArray[np.float64]  # P at each of KS
    finite: NDArray[np.float64]  # the same; nan where K is larger than the pool
    k_endless: int
    k_finite: int | None  # None: no hard negative in the pool
    marks: NDArray[np.float64]  # (K, P) where each curve first reaches q


class HitProbability(Explainer):
    """How many draws until a hard negative is among them with probability q.

    Endless pool: independent draws, each hard with probability ρ. Finite pool: N items, round(ρN) of them hard,
    none drawn twice; where ρN rounds to 0 the pool has no hard negative and no K finds one.
    """

    title = "Chance of at least one hard negative among K draws"
    rho = Control("ρ", "share of hard negatives", decade_grid(0.001, 0.5), start=0.01)
    q = Control("q", "wanted probability", WANTED, start=0.95)
    pool = Control("N", "size of the finite pool", integer_grid(10, 10_000, 121), start=100)

    def compute(self, rho: float, q: float, pool: int) -> Hits:
        hard = round(rho * pool)
        finite = _without_replacement(pool, hard)
        k_endless = smallest_k(rho, q)
        k_finite = smallest_k_finite(pool, hard, q) if hard else None
        marks = [(k_endless, hit_probability(rho, k_endless))]
        if k_finite is not None:
            marks.append((k_finite, finite[k_finite]))
        return Hits(
            rho=rho,
            q=q,
            pool=pool,
            hard=hard,
            endless=np.asarray(hit_probability(rho, KS)),
            finite=np.where(pool >= KS, finite[np.minimum(KS, pool)], np.nan),
            k_endless=k_endless,
            k_finite=k_finite,
            marks=np.array(marks, dtype=float),
        )

    def create(self, figure: Figure) -> SimpleNamespace:
        axes, side = figure.subplots(1, 2, width_ratios=[3, 1])
        axes.set(xscale="log", xlim=(0.9, 1.1e4), ylim=(-0.03, 1.05))
        axes.set(xlabel="K, negatives drawn", ylabel="P(at least one hard negative)")
        axes.set_title("Misses multiply: an endless pool falls short of Kρ")
        side.set(xlim=(0, 1), ylim=(0, 1))
        side.axis("off")
        lines = [
            (0.94, INK, "-", "endless pool"),
            (0.64, FOCUS, "-", "finite pool,\nnothing drawn twice"),
            (0.16, FAINT, "--", "Kρ, hits to expect"),
            (0.04, INK, ":", "wanted q"),
        ]
        for y, colour, style, text in lines:
            side.plot([0, 0.14], [y, y], color=colour, ls=style)
            side.text(0.2, y, text, va="center")
        return SimpleNamespace(
            expected=axes.plot(KS, KS, color=FAINT, ls="--", lw=1.5)[0],
            wanted=axes.axhline(0, color=INK, lw=1.2, ls=":"),
            finite=axes.plot(KS, KS, color=FOCUS)[0],
            endless=axes.plot(KS, KS, color=INK)[0],
            drops=axes.vlines([], 0, [], colors=[INK, FOCUS], lw=1.2),
            dots=axes.scatter([], [], s=50, zorder=4),
            says_endless=side.text(0.2, 0.83, "", va="center", weight="bold"),
            says_finite=side.text(0.2, 0.44, "", va="center", weight="bold"),
        )

    def draw(self, artists: SimpleNamespace, result: Hits) -> None:
        artists.expected.set_ydata(np.minimum(KS * result.rho, 1))
        artists.wanted.set_ydata([result.q] * 2)
        artists.finite.set_ydata(result.finite)
        artists.endless.set_ydata(result.endless)
        artists.drops.set_segments([[(k, -0.03), (k, p)] for k, p in result.marks])
        artists.dots.set_offsets(result.marks)
        artists.dots.set_facecolor([INK, FOCUS][: len(result.marks)])
        artists.says_endless.set_text(f"K = {result.k_endless:,}")
        found = "no K" if result.k_finite is None else f"K = {result.k_finite:,}"
        artists.says_finite.set_text(f"{result.pool:,} items\n{result.hard:,} hard\n{found}")

    def summary(self, result: Hits) -> str:
        if result.k_finite is None:
            finite = f"no K: ρN = {number(result.rho * result.pool)} rounds to no hard negative at all"
        else:
            finite = f"smallest K = {result.k_finite:,}"
        return (
            f"endless pool, ρ = {number(result.rho)}: smallest K = {result.k_endless:,} for q = {number(result.q)}, "
            f"P = {number(result.marks[0, 1])} there\n"
            f"finite pool, {result.pool:,} items, {result.hard:,} hard: {finite}"
        )


def _without_replacement(pool: int, hard: int) -> NDArray[np.float64]:
    """P(at least one of `hard` among K of `pool` items) for K = 0 … pool, each draw without replacement."""
    misses = pool - hard
    left = pool - np.arange(misses)  # items left before each draw, all misses so far
    miss = np.cumprod(1 - hard / left)
    return np.concatenate([[0.0], 1 - miss, np.ones(hard)])
