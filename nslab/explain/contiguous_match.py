"""How picky must a detector be? Agreement in r letters in a row, and what survives the veto.

Strings match if they agree in r letters in a row; detectors that match self are deleted.
"""

from __future__ import annotations

import string
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    Words,
    integer_grid,
    number,
)
from nslab.theory import hit_probability

RS = np.arange(1, 29)
LETTERS = string.ascii_letters + string.digits
LONGEST = 64
DRAWN = np.random.default_rng(3).random((4, LONGEST))  # a detector and three self strings, for any alphabet
ROWS = (0.86, 0.62, 0.41, 0.2)  # where they stand
BESIDE = 1.5  # its number stands so many times further right than a dot
ONE_IN = np.geomspace(1, 2e6, 121)


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

    @property
    def letters(self) -> NDArray[np.int64]:
        """(4, l): a random detector and three random self strings."""
        return (DRAWN[:, : self.length] * self.m).astype(np.int64)


class ContiguousMatch(Explainer):
    """Strings of l of m letters match if they agree in r positions in a row; N_S self strings veto."""

    question = "How picky should a detector be?"
    title = "A detector is of most use if it matches one string in Nₛ + 1"
    n_self = Control("Nₛ", "self strings", integer_grid(1, 1_000_000, 91), start=10, play=True)
    m = Control("m", "letters in the alphabet", range(2, 61), start=2)
    length = Control("l", "length of a string", range(8, LONGEST + 1), start=16)

    def compute(self, n_self: int, m: int, length: int) -> Match:
        exact = _match_probability(length, m)
        formula = np.where(length >= RS, m ** (-1.0 * RS) * ((length - RS) * (m - 1) / m + 1), np.nan)
        survive, useful = _use(exact, n_self)
        return Match(length, m, n_self, exact, formula, survive, useful, int(RS[useful.argmax()]))

    def stage(self) -> Stage:
        shows = {"one in": "x", "use": "y"}
        often = {1: "1", 100: "100", 1e4: "10,000", 1e6: "1,000,000"}
        notes = {f"run{i}": Note("strings", x=[1], y=[ROWS[i] + 0.06], align="end") for i in (1, 2, 3)}
        return Stage(
            panels={
                "strings": Panel("A detector, and three self strings under it", share=1.25),
                "use": Panel(
                    "How useful is a detector, for each r?",
                    Axis("it matches one string in …", 1, 2e6, log=True, ticks=often),
                    Axis("share", 0, 1.2, ticks={0: "0", 0.5: "0.5", 1: "1"}),
                ),
            },
            marks={
                "runs": Links("strings", "semi_hard", width=[3] * (3 * LONGEST), roles=("hard",)),
                "letters": Words(
                    "strings", "anchor", words=LETTERS[:60], scale=0.048, roles=("semi_hard", "faint", "hard")
                ),
                **notes,
                "ruler": Links("strings", "focus", x=[0], y=[0.03], y2=[0.03], width=[5]),
                "label": Note("strings", "focus", x=[0], y=[0.06]),
                "left": Line("use", "positive", x=ONE_IN),
                "hump": Line("use", "ink", x=ONE_IN),
                "dots": Dots(
                    "use", "ink", scale=0.025, roles=("focus",), tips=[f"r = {r}" for r in RS], shows=shows
                ),
                "rs": Words("use", "ink", words=[str(r) for r in RS], scale=0.045, roles=("focus",)),
                "line": Rule("use", "faint", axis="x"),
                "here": Handle("use", along={"x": "n_self"}, y=[1.14]),
            },
            key={
                "anchor": "detector",
                "hard": "agrees in r in a row: deleted",
                "semi_hard": "in fewer",
                "positive": "left after deletion",
                "ink": "left and matches (highest = 1)",
            },
        )

    def scene(self, result: Match) -> dict[str, dict[str, Any]]:
        letters, places = result.letters, (np.arange(result.length) + 0.5) / result.length
        role = np.full(letters.shape, "faint", dtype="U9")
        role[0] = "anchor"
        runs: list[tuple[float, float, float, str]] = []
        longest = [0] * 4
        for i in (1, 2, 3):
            for start, end in agreements(letters[0] == letters[i]):
                long = end - start >= result.best
                role[i, start:end] = "hard" if long else "semi_hard"
                runs.append((start / result.length, end / result.length, ROWS[i] - 0.05, role[i, start]))
                longest[i] = max(longest[i], end - start)
        x, x2, y, roles = zip(*runs, strict=True) if runs else ((np.nan,),) * 3 + (("semi_hard",),)
        left, hump = _use(1 / ONE_IN, result.n_self)
        shown = result.exact * ONE_IN[-1] > 1
        places_r = np.where(shown, 1 / np.where(shown, result.exact, 1), np.nan)
        beside = BESIDE * places_r
        best = np.where(result.best == RS, "focus", "ink")
        return {
            "runs": {"x": x, "x2": x2, "y": y, "y2": y, "role": roles},
            "letters": {
                "x": np.tile(places, 4),
                "y": np.repeat(ROWS, result.length),
                "which": letters.ravel(),
                "role": role.ravel(),
            },
            **{f"run{i}": {"text": _verdict(longest[i], result.best)} for i in (1, 2, 3)},
            "ruler": {"x2": result.best / result.length},
            "label": {"text": f"r = {result.best} in a row"},
            "left": {"y": np.round(left, 3)},
            "hump": {"y": np.round(hump, 3)},
            "dots": {"x": places_r, "y": result.useful, "role": best},
            "rs": {
                "x": np.where(
                    ((result.useful > 0.1) | (result.best == RS)) & (beside < ONE_IN[-1]), beside, np.nan
                ),
                "y": result.useful,
                "role": best,
            },
            "line": {"at": result.n_self},
        }

    def summary(self, result: Match) -> str:
        i = result.best - 1
        return (
            f"l = {result.length}, m = {result.m}, Nₛ = {result.n_self:,}: of most use r = {result.best},"
            f" there P(match) = {number(result.exact[i])} (formula {number(result.formula[i])}), left"
            f" {number(result.survive[i])}\nthe formula is more than 1 % too high up to r = {result.off},"
            f" exact from r = {-(-result.length // 2)}"
        )


def agreements(agree: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Where each run of agreeing letters starts, and where it has ended.

    >>> list(agreements(np.array([True, True, False, True])))
    [(0, 2), (3, 4)]
    """
    for same, run in groupby(range(len(agree)), key=agree.__getitem__):
        if same:
            places = list(run)
            yield places[0], places[-1] + 1


def _verdict(run: int, r: int) -> str:
    return f"longest run {run}: " + ("deletes it" if run >= r else "no match")


def _use(match: NDArray[np.float64], n_self: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share of detectors left at each chance of a match, and their use.

    Use is P (1 − P)^N_S over the best that any P has.
    """
    survive = 1 - np.asarray(hit_probability(match, n_self))
    top = (n_self / (n_self + 1)) ** n_self / (n_self + 1)  # at P = 1/(N_S + 1)
    return survive, match * survive / top


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
