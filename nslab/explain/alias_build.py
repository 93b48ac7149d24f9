"""The alias table built one pour at a time: short columns filled from tall ones until all are level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray
from torch import Tensor

from .._checks import as_float
from ..samplers import unigram
from ._controls import Control, linear_grid
from ._explainer import Explainer
from ._style import FAINT, FOCUS, INK, NEGATIVE, number

MOST = 26  # columns; 3 steps for each of at most 25 pours
ALPHAS = linear_grid(0, 1.25, 126)


@dataclass(frozen=True)
class Pour:
    short: int
    tall: int
    amount: float  # in columns


@dataclass(frozen=True)
class Levelling:
    alpha: float
    step: int
    own: NDArray[np.float64]  # an id's mass in its own column, in columns: N q at the start
    alias: NDArray[np.int64]  # whose mass fills the column up to 1, the column itself where nobody's does
    done: int  # pours so far
    pours: int  # pours in all
    now: Pour | None  # the pair in hand
    picked: int  # of the pair: 1 the short one, 2 both, 3 poured

    @property
    def given(self) -> NDArray[np.float64]:
        """Another id's mass in each column."""
        return np.where(self.alias == np.arange(len(self.own)), 0, 1 - self.own)

    @property
    def level(self) -> int:
        """Columns that stand at 1, to 12 digits."""
        return int(np.isclose(self.own + self.given, 1, rtol=0, atol=1e-12).sum())


class AliasBuild(Explainer):
    """Walker's table for f^α, built in three steps a pour: pick a short column, pick a tall one, pour.

    `counts` (N,) of 2 to 26 ids, not negative, not all zero; `names` are as many labels of one or two letters.
    Short and tall columns are taken from the left; a tall column that sinks below 1 is the next short one.
    """

    title = "Columns of the alias table, levelled one pour at a time"
    size = (8.4, 3.8)
    step = Control("", "step", list(range(3 * (MOST - 1) + 1)), start=3)
    alpha = Control("α", "exponent of f", ALPHAS, start=1.0)

    def __init__(self, counts: Any, names: Sequence[str], **start: Any) -> None:
        self._counts, self._names = checked_columns(counts, names)
        super().__init__(**start)

    def compute(self, step: int, alpha: float) -> Levelling:
        heights = len(self._counts) * unigram(self._counts, alpha).numpy()
        pours = plan(heights)
        done, begun = divmod(step, 3)
        done, begun = (done, begun) if done < len(pours) else (len(pours), 0)
        own, alias = poured(heights, pours[:done])
        just = done > 0 and begun == 0 and step <= 3 * len(pours)
        return Levelling(
            alpha=alpha,
            step=step,
            own=own,
            alias=alias,
            done=done,
            pours=len(pours),
            now=pours[done] if begun else pours[done - 1] if just else None,
            picked=begun or (3 if just else 0),
        )

    def create(self, figure: Figure) -> SimpleNamespace:
        axes = figure.subplots()
        n = len(self._counts)
        tallest = n * float(unigram(self._counts, ALPHAS[-1]).max())
        top = 1.15 * tallest
        axes.set(
            xlim=(-0.6, n - 0.4), ylim=(0, top), yticks=range(1 + int(top)), ylabel="height N·q (columns)"
        )
        axes.set_xticks(range(n), [f"{name}\n" for name in self._names])  # the second line is the aliases'
        axes.tick_params(axis="x", length=0)
        axes.set_xlabel("id of the column, and below it the id that fills it up")
        axes.set_title("Each pour levels one column for good")
        axes.axhline(1, color=INK, lw=1, ls=":")
        roles = [(NEGATIVE, "its own"), (FAINT, "another id's"), (FOCUS, "poured now")]
        axes.legend(handles=[Patch(color=c, label=t) for c, t in roles], loc="upper right", ncols=3)
        own = axes.bar(range(n), np.ones(n), width=0.82, color=NEGATIVE)
        given = axes.bar(range(n), np.ones(n), width=0.82, color=FAINT)
        below = axes.get_xaxis_transform()
        return SimpleNamespace(
            own=list(own),
            given=list(given),
            piece=axes.add_patch(Rectangle((0, 0), 0.82, 0, fc=FOCUS, ec=FOCUS)),
            short=axes.add_patch(Rectangle((0, 0), 0.82, 1, fill=False, ec=FOCUS, lw=1.8, zorder=4)),
            tall=axes.add_patch(Rectangle((0, 0), 0.82, 1, fill=False, ec=FOCUS, lw=1.8, zorder=4)),
            fills=[axes.text(i, -0.115, "", transform=below, ha="center", va="center") for i in range(n)],
            says=axes.text(0.995, 0.8, "", transform=axes.transAxes, ha="right", color=FOCUS),
        )

    def draw(self, artists: Any, result: Levelling) -> None:
        for i, (own, given) in enumerate(zip(result.own, result.given, strict=True)):
            artists.own[i].set_height(own)
            artists.given[i].set(y=own, height=given)
            filled = result.alias[i] != i
            artists.fills[i].set_text(self._names[result.alias[i]] if filled else "")
            artists.fills[i].set_color(FOCUS if filled and result.now and result.now.short == i else INK)
        for artist in (artists.short, artists.tall, artists.piece):
            artist.set_visible(False)
        if result.now is not None:
            self._draw_pair(artists, result, result.now)
        artists.says.set_text(self._says(result))

    def _draw_pair(self, artists: Any, result: Levelling, now: Pour) -> None:
        own = result.own
        artists.short.set(visible=True, x=now.short - 0.41, height=1)
        if result.picked == 1:
            return
        poured = result.picked == 3
        before = own[now.tall] + (now.amount if poured else 0)
        artists.tall.set(visible=True, x=now.tall - 0.41, height=before)
        place, base = (now.short, own[now.short]) if poured else (now.tall, before - now.amount)
        artists.piece.set(visible=True, x=place - 0.41, y=base, height=now.amount)

    def _says(self, result: Levelling) -> str:
        if result.now is None:
            return (
                "all level: nothing left to pour"
                if result.done == result.pours
                else "N columns, 1 high on average"
            )
        short, tall = self._names[result.now.short], self._names[result.now.tall]
        return (
            f"{short} is short",
            f"{short} is short, {tall} is tall",
            f"{tall} has filled {short}: {short} is finished",
        )[result.picked - 1]

    def summary(self, result: Levelling) -> str:
        now = result.now
        if now is None:
            hand = f"no pair in hand; the tallest column is {number(result.own.max())} high"
        else:
            hand = f"{self._names[now.short]} is short by {number(now.amount)}"
            tall, height = self._names[now.tall], number(result.own[now.tall])
            hand += ("", f"; {tall}, {height} high, can give it", f": {tall} gave it and keeps {height}")[
                result.picked - 1
            ]
        return (
            f"α = {number(result.alpha)}, step {result.step}: {result.done} of {result.pours} pours, "
            f"{result.level} of {len(result.own)} columns level\n{hand}"
        )


def plan(heights: NDArray[np.float64]) -> list[Pour]:
    """The pours that level columns of mean height 1, each of which finishes one column.

    What rounding leaves of the last column, about 1e-15, is no pour.
    """
    height = heights.tolist()
    short = [i for i in reversed(range(len(height))) if height[i] < 1]
    tall = [i for i in reversed(range(len(height))) if height[i] > 1]
    pours = []
    while short and tall:
        pour = Pour(short.pop(), tall[-1], 0)
        amount = 1 - height[pour.short]
        height[pour.tall] -= amount
        pours.append(Pour(pour.short, pour.tall, amount))
        if height[pour.tall] < 1:
            short.append(tall.pop())
    return pours


def poured(heights: NDArray[np.float64], pours: list[Pour]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Each column's own mass after these pours, and the id that fills it up: itself where none does."""
    own, alias = heights.copy(), np.arange(len(heights))
    for pour in pours:
        own[pour.tall] -= pour.amount
        alias[pour.short] = pour.tall
    return own, alias


def checked_columns(counts: Any, names: Sequence[str]) -> tuple[Tensor, list[str]]:
    values = as_float(counts, "counts").double()
    if values.dim() != 1 or not 2 <= len(values) <= MOST:
        raise ValueError(f"counts must be one row of 2 to {MOST}, got shape {tuple(values.shape)}")
    unigram(values)  # refuses negative counts and zeros only
    if len(names) != len(values):
        raise ValueError(f"names must be as many as counts, {len(values)}, got {len(names)}")
    return values, list(names)
