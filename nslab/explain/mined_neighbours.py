"""Which neighbours a miner takes as negatives, and which of them are false."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nslab.explain._base import (
    Axis,
    Control,
    Dots,
    Explainer,
    Handle,
    Line,
    Links,
    Note,
    Panel,
    Rule,
    Stage,
    linear_grid,
    number,
)

K = 4  # negatives that a question gets
NEAR = 40  # neighbours that are drawn
SHOWN = 12  # questions to pick, at most
LETTERS, TIP = 35, 60  # of a passage in the list, and in the tip of its dot
LOW, HIGH = 0.3, 1.7
EDGES = LOW - 0.05, HIGH + 0.1  # of the axis
HEIGHTS = np.append(0.04 + 0.22 * (np.arange(NEAR) * 0.618034 % 1), np.linspace(0.04, 0.25, K))  # of the dots
SHARES = linear_grid(LOW, HIGH, 71)
NAMED = 1.65  # where the names of the curves end
LINES = (0.66, 0.58, 0.5, 0.42)  # where the mined passages stand
NONE = "nothing: no negative is mined"


@dataclass(frozen=True)
class Mined:
    below: float
    question: int
    ids: list[int]  # of the mined passages, hardest first
    false: list[bool]  # which of them are from the question's own report
    false_share: float  # of all that is mined, over all questions
    hardness: float  # mean score of the others that are mined
    kept_false: float  # share of the false ones among the K nearest that are still mined
    kept_true: float  # the same of the others


class MinedNeighbours(Explainer):
    """The K = 4 nearest passages that score below a share of the known answer's, as negatives.

    Each question has its own.

    `scores` (Q, N): of each question with each passage. `known` (Q,): the passage that each question is
    known to ask for, its score above 0. `same` (Q, N) bool: passages that answer the question as well, the
    known one included. `questions` and `passages`: their texts. The first 12 questions can be picked; the
    curves count all of them. At the slider's upper end, 1.7, nothing is bounded: the curves end before it.
    """

    question = "Which of the nearest passages are false negatives?"
    title = "A bound sends the miner down the list, where false negatives are rarer"
    below = Control("c", "bound: a share of the known answer's score", SHARES, start=HIGH, play=-1)

    def __init__(
        self,
        scores: Tensor,
        known: Tensor,
        same: Tensor,
        questions: Sequence[str],
        passages: Sequence[str],
        **start: Any,
    ) -> None:
        s = torch.as_tensor(scores, dtype=torch.float64).numpy()
        at, own = torch.as_tensor(known).numpy(), torch.as_tensor(same).numpy().astype(bool)
        rows = np.arange(len(s))
        if s.ndim != 2 or own.shape != s.shape or at.shape != (len(s),):
            raise ValueError(
                f"scores and same must be (Q, N) and known (Q,), got {s.shape}, {own.shape}, {at.shape}"
            )
        if s.shape != (len(questions), len(passages)) or len(passages) <= NEAR:
            raise ValueError(
                f"questions and passages must name all of {s.shape} scores, more than {NEAR} passages, "
                f"got {len(questions)} and {len(passages)}"
            )
        if not (s[rows, at] > 0).all() or not own[rows, at].all():
            raise ValueError("known must be an answer with a score above 0 for every question")
        self._height = s[rows, at]
        share = s / self._height[:, None]
        share[rows, at] = -np.inf  # the known answer is never a negative
        order = np.argsort(-share, axis=1, kind="stable")
        self._share, self._order = np.take_along_axis(share, order, 1), order
        self._false = np.take_along_axis(own, order, 1)
        self._passages, self._known = list(passages), at
        picks = [str(i + 1) for i in range(min(SHOWN, len(questions)))]
        self._questions, self._picks = list(questions), picks
        self._drawn, which = np.unique(
            order[:SHOWN, :NEAR], return_inverse=True
        )  # passages that are ever drawn
        self._which = which.reshape(-1, NEAR)
        counts = np.array([self._count(share) for share in SHARES])
        self._curves = {"false": counts[:, 0], "true": counts[:, 1]}
        self.add_traits(asks=Control("", "question", picks, start=picks[0]))
        super().__init__(**start)

    def _first(self, below: float) -> NDArray[np.int64]:
        """Where in the order of each question the first passage under the bound stands."""
        return (self._share >= (below if below < HIGH else np.inf)).sum(1)

    def _count(self, below: float) -> tuple[float, float, float, float]:
        """False share of what is mined, mean score of the rest, and how many of the nearest are left.

        What is left of the K nearest is counted apart for the false ones and the others.
        """
        first, last = self._first(below), self._share.shape[1] - 1  # the known answer stands last
        slots = first[:, None] + np.arange(K)
        mined, slots = slots < last, np.minimum(slots, last)
        false = np.take_along_axis(self._false, slots, 1) & mined
        score = np.take_along_axis(self._share, slots, 1) * self._height[:, None]
        others = mined & ~false
        hardness = score[others].sum() / max(others.sum(), 1)
        nearest, still = self._false[:, :K], np.arange(K) >= first[:, None]
        kept = [float((still & group).sum() / max(group.sum(), 1)) for group in (nearest, ~nearest)]
        return float(false.sum() / max(mined.sum(), 1)), float(hardness), kept[0], kept[1]

    def compute(self, below: float, asks: str) -> Mined:
        row = self._picks.index(asks)
        first = int(self._first(below)[row])
        last = min(first + K, self._share.shape[1] - 1)
        return Mined(
            below,
            row,
            self._order[row, first:last].tolist(),
            self._false[row, first:last].tolist(),
            *self._count(below),
        )

    def stage(self) -> Stage:
        ticks = {x: f"{x:g}" for x in (0.5, 1.0, 1.5)}
        shares = Axis("score, as a share of the known answer's", *EDGES, ticks=ticks)
        texts = [_cut(self._passages[i], TIP) for i in self._drawn]
        left = [LOW - 0.02]
        return Stage(
            panels={
                "one": Panel("One question, and what is mined for it", shares, share=1.5),
                "all": Panel(
                    f"All {len(self._questions)} questions: what is mined",
                    Axis("bound c", *EDGES, ticks=ticks | {HIGH: "none"}),
                    Axis(
                        "share of false ones; mean score",
                        0,
                        max(0.5, 1.1 * float(np.max(list(self._curves.values())))),
                    ),
                ),
            },
            marks={
                "asks": Note("one", "anchor", x=left, y=[0.94]),
                "answer": Note("one", "positive", x=left, y=[0.85]),
                "mined": Note("one", "ink", x=left, y=[0.75], text="mined as negatives:"),
                **{
                    f"{role} {i}": Note("one", role, x=left, y=[y])
                    for i, y in enumerate(LINES)
                    for role in ("hard", "false_negative")
                },
                "near": Dots(
                    "one",
                    "faint",
                    y=HEIGHTS[:NEAR],
                    scale=0.03,
                    roles=("false_negative",),
                    tips=texts,
                    shows={"share of the known answer's score": "value"},
                ),
                "taken": Dots("one", "hard", scale=0.06, roles=("false_negative",)),
                "known": Dots("one", "positive", x=[1.0], y=[0.17], scale=0.09),
                "bound": Links("one", "focus", y=[0], y2=[0.31], width=[1.5]),
                "here": Handle("one", along={"x": "below"}, y=[0.31]),
                "true": Line("all", "hard", x=SHARES[:-1], y=self._curves["true"][:-1]),
                "false": Line("all", "false_negative", x=SHARES[:-1], y=self._curves["false"][:-1]),
                "at": Rule("all", "focus", axis="x"),
                "is false": Note(
                    "all",
                    "false_negative",
                    x=[NAMED],
                    y=[0.55 * self._curves["false"][-2]],
                    align="end",
                    text="false ones",
                ),
                "is hard": Note(
                    "all",
                    "hard",
                    x=[NAMED],
                    y=[self._curves["true"][-2] + 0.015],
                    align="end",
                    text="score of the others",
                ),
                "ends": Dots("all", "hard", scale=0.06, roles=("false_negative",), shows={"here": "y"}),
            },
            key={
                "anchor": "question",
                "positive": "its known answer",
                "false_negative": "false: from the same report",
                "hard": "mined, from another report",
                "faint": "not mined",
            },
        )

    def scene(self, result: Mined) -> dict[str, dict[str, Any]]:
        row, lines = result.question, {}
        for i in range(K):
            text = _cut(self._passages[result.ids[i]], LETTERS) if i < len(result.ids) else ""
            if not result.ids and i == 0:
                text = NONE
            false = i < len(result.ids) and result.false[i]
            lines[f"hard {i}"] = {"text": "" if false else text}
            lines[f"false_negative {i}"] = {"text": text if false else ""}
        first, more = int(self._first(result.below)[row]), K - len(result.ids)
        near, taken = self._share[row, :NEAR], self._share[row, first : first + len(result.ids)]
        taken_now = (np.arange(NEAR) >= first) & (np.arange(NEAR) < first + K)
        return {
            "asks": {"text": f"asks: {_cut(self._questions[row], LETTERS - 7)}"},
            "answer": {"text": f"known: {_cut(self._passages[self._known[row]], LETTERS - 7)}"},
            **lines,
            "near": {
                "x": np.where((near < LOW) | taken_now, np.nan, near.clip(max=HIGH + 0.05)).round(3),
                "value": near.round(3),
                "which": self._which[row],
                "role": np.where(self._false[row, :NEAR], "false_negative", "faint"),
            },
            "taken": {
                "x": [*taken.clip(LOW, HIGH + 0.05).round(3), *[np.nan] * more],
                "y": HEIGHTS[np.minimum(first, NEAR) + np.arange(K)],
                "role": ["false_negative" if false else "hard" for false in result.false] + ["hard"] * more,
            },
            "bound": {"x": result.below, "x2": result.below},
            "at": {"at": result.below},
            "ends": {
                "x": [result.below] * 2,
                "y": [result.hardness, result.false_share],
                "role": ["hard", "false_negative"],
            },
        }

    def summary(self, result: Mined) -> str:
        bound = f"c = {number(result.below)}" if result.below < HIGH else "no bound"
        return (
            f"{bound}: {sum(result.false)} of the {len(result.ids)} mined for this question are false\n"
            f"all {len(self._questions)} questions: {100 * result.false_share:.0f} % of what is mined is"
            f" false; mean score of the others {result.hardness:.2f}\nstill mined, of the 4 that are nearest:"
            f" {100 * result.kept_false:.0f} % of the false ones,"
            f" {100 * result.kept_true:.0f} % of the others"
        )


def _cut(text: str, letters: int) -> str:
    """The first words of a text, as many as fit."""
    words, found = text.split(), ""
    for word in words:
        if len(found) + len(word) + 1 > letters:
            return f"{found} …"
        found = f"{found} {word}".strip()
    return found
