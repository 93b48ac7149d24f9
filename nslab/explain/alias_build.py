"""The alias table built by hand: tall columns pour into short ones until all are level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from nslab._checks import as_float
from nslab.explain._base import (
    Arrows,
    Axis,
    Bars,
    Control,
    Dots,
    Explainer,
    Line,
    Note,
    Panel,
    Rule,
    Stage,
    Words,
    linear_grid,
    number,
)
from nslab.samplers import unigram

MOST = 26  # columns
STEPS = 8  # stops of the slider that one pour takes
ALPHAS = linear_grid(0, 1.25, 126)
COLORS = ("hard", "positive", "semi_hard", "anchor", "false_negative")  # of the tall ones, in turn


@dataclass(frozen=True)
class Pour:
    short: int
    tall: int
    amount: float  # in columns


@dataclass(frozen=True)
class Levelling:
    alpha: float
    heights: NDArray[np.float64]  # N q, before any pour
    own: NDArray[np.float64]  # an id's mass in its own column, in columns
    given: NDArray[np.float64]  # another id's mass in each column
    alias: NDArray[np.int64]  # that other id, the column itself where there is none
    done: int  # finished pours
    pours: int  # pours in all
    now: Pour | None  # the pour under way
    part: float  # of it that has been poured

    @property
    def level(self) -> int:
        """Columns that stand at 1, to 12 digits."""
        return int(np.isclose(self.own + self.given, 1, rtol=0, atol=1e-12).sum())


class AliasBuild(Explainer):
    """Walker's table for f^α, one pour after the other: a tall column fills a short one up to the level line.

    `counts` (N,) of 2 to 26 ids, not negative, not all zero; `names` are as many labels of one or two
    letters. Short and tall columns are taken from the left; a tall column that sinks below 1 is the next
    short one. A hand that drags the top of a column gives it another weight, until it lets go.
    """

    question = "How many letters must a column hold?"
    title = "Each pour finishes a column: its own letter and at most one other"
    pours = Control("", "pours", [i / STEPS for i in range(STEPS * (MOST - 1) + 1)], start=0.625, play=True)
    alpha = Control("α", "exponent of counts", ALPHAS, start=1.0)

    def __init__(self, counts: Any, names: Sequence[str], **start: Any) -> None:
        self._counts, self._names = checked_columns(counts, names)
        super().__init__(**start)

    def compute(self, pours: float, alpha: float) -> Levelling:
        return self._levelling(pours, alpha, self._heights(alpha))

    def pulled(self, mark: str, point: int, x: float, y: float, pours: float, alpha: float) -> Levelling:
        heights, n = self._heights(alpha), len(self._counts)
        rest = n - heights[point]
        if rest > 0:  # the others keep their proportions
            mine = min(max(y, 0.0), 0.999 * self._top, n - 0.001)
            heights = heights * (n - mine) / rest
            heights[point] = mine
        return self._levelling(pours, alpha, heights)

    def _heights(self, alpha: float) -> NDArray[np.float64]:
        return len(self._counts) * unigram(self._counts, alpha).numpy()

    @property
    def _top(self) -> float:
        return 1.1 * float(self._heights(ALPHAS[-1]).max())

    def _levelling(self, pours: float, alpha: float, heights: NDArray[np.float64]) -> Levelling:
        every = plan(heights)
        done = min(int(pours), len(every))
        part = pours % 1 if done < len(every) else 0.0
        own, alias = poured(heights, every[:done])
        given = np.where(alias == np.arange(len(own)), 0, 1 - own)
        now = every[done] if part else None
        if now:
            own[now.tall] -= part * now.amount
            given[now.short], alias[now.short] = part * now.amount, now.tall
        return Levelling(alpha, heights, own, given, alias, done, len(every), now, part)

    def stage(self) -> Stage:
        n, top = len(self._counts), self._top
        columns = Axis("", -0.6, n - 0.4, ticks={})
        tips = [
            f"{name}: {number(count)}" for name, count in zip(self._names, self._counts.tolist(), strict=True)
        ]
        return Stage(
            panels={
                "columns": Panel(
                    "Grey: short. The others: tall, they pour. Outline: before. Letter above: who poured",
                    columns,
                    Axis("", -0.08 * top, top, ticks={0: "0", 1: "mean"}),
                )
            },
            marks={
                "glass": Line("columns", "faint", x=np.repeat(np.arange(n + 1), 2) - 0.5),
                "own": Bars("columns", "faint", x=np.arange(n), base=np.zeros(n), width=0.84),
                "given": Bars("columns", "faint", x=np.arange(n), width=0.84),
                "level": Rule("columns", at=[0, 1], dashed=False),
                "names": Words(
                    "columns", "ink", x=np.arange(n), y=np.full(n, -0.05 * top), words=self._names, scale=0.05
                ),
                "whose": Words(
                    "columns", "faint", x=np.arange(n), y=np.full(n, 1 + 0.05 * top), words=self._names,
                    scale=0.05
                ),
                "flow": Arrows("columns", width=[4]),
                "tops": Dots(
                    "columns", "focus", x=np.arange(n), tips=tips, shows={"height": "y"}, pulls="y",
                    scale=0.03
                ),
                "label": Note("columns", x=[n - 0.6], y=[0.93 * top], align="end", big=True),
                "count": Note("columns", x=[n - 0.6], y=[0.83 * top], align="end"),
            },
        )  # fmt: skip

    def scene(self, result: Levelling) -> dict[str, dict[str, Any]]:
        ids, tops = np.arange(len(result.own)), result.own + result.given
        color = colors(result.heights)
        now = result.now or Pour(0, 0, 0)
        filled, unfinished = result.alias != ids, now.short if result.now else -1
        return {
            "glass": {"y": [0, *np.repeat(result.heights, 2), 0]},
            "own": {"y": result.own, "role": color},
            "given": {"y": tops, "base": result.own, "role": color[result.alias]},
            "whose": {
                "size": np.where(filled & (ids != unfinished), 1, np.nan),
                "role": color[result.alias],
                "which": result.alias,
            },
            "flow": {
                "x": now.tall,
                "y": tops[now.tall],
                "x2": now.short,
                "y2": tops[now.short],
                "role": color[now.tall : now.tall + 1],
            },
            "tops": {"y": result.heights},
            "label": {"text": self._label(result)},
            "count": {"text": f"{self._counted(result)}, {result.level} of {len(ids)} columns level"},
        }

    def _label(self, result: Levelling) -> str:
        if result.now:
            return f"{self._names[result.now.tall]} fills {self._names[result.now.short]}"
        return "all level" if result.done == result.pours else ""

    def _counted(self, result: Levelling) -> str:
        under_way = f"pour {result.done + 1} of {result.pours}"
        return under_way if result.now else f"{result.done} of {result.pours} pours"

    def summary(self, result: Levelling) -> str:
        now, hand = result.now, "no pour under way"
        if now:
            short, tall = self._names[now.short], self._names[now.tall]
            left = number(result.own[now.tall])
            hand = (
                f"{short} is short by {number(now.amount)}: {number(100 * result.part)} % of that is poured,"
                f" {tall} has {left} left"
            )
        return (
            f"α = {number(result.alpha)}: {self._counted(result)}, {result.level} of {len(result.own)}"
            f" columns level, the tallest {number((result.own + result.given).max())}\n{hand}"
        )


def colors(heights: NDArray[np.float64]) -> NDArray[np.str_]:
    """The role of each id: those that start tall have colors of their own.

    Neighbours among them do not share a color.
    """
    role = np.full(len(heights), "faint", dtype="U16")
    tall = np.flatnonzero(heights > 1)
    role[tall] = np.resize(COLORS, len(tall))
    return role


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
