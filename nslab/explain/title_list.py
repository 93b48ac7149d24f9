"""A user's list of films under another sampler.

It shows where training would end if only the correction for log q changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nslab._checks import as_float
from nslab.explain._base import (
    Axis,
    Control,
    Dots,
    Explainer,
    Handle,
    Line,
    Note,
    Panel,
    Stage,
    Words,
    linear_grid,
    number,
)

TOP = 20  # films of the list
ROWS = 12  # of them with their titles
SHOWN = 220  # films on the plane, about
LETTERS = 30  # of a title
WEIGHTS = linear_grid(-1, 1, 81)
ALPHAS = linear_grid(0, 1, 61)
HIGH, LOW = 0.96, 0.2  # where the first title stands, and the last
BENDS = 81  # points of the cut
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Titles:
    weight: float
    alpha: float
    user: str
    slope: float  # α (1 − λ): how many nats a film loses for each e-fold of its count
    top: NDArray[np.int64]  # the TOP films, the first first
    least: float  # the lowest score that is in the list
    typical: float  # geometric mean of the counts of the list
    hits: int  # films of the list that the user rated later


class TitleList(Explainer):
    """The films with the highest ln p − α (1 − λ) ln f, for a few users.

    This is what a model learns whose draws follow f^α.

    `scores` {user: (N,)}: ln p(film | user) up to a constant, as a model gives it that was corrected for
    log q; `counts` (N,): how often each film is rated in training; `titles` (N,); `seen` and `later`
    {user: (N,) bool}: films that the list leaves out, and films that the user rated afterwards. λ is the
    weight of log q in training: 1 is the right correction, 0 none, −1 the wrong sign.
    """

    question = "What does the list show if log q is forgotten?"
    title = "Without log q the list hides popular films; with the wrong sign even more"
    weight = Control("λ", "weight of log q", WEIGHTS, start=1.0, play=-1)
    alpha = Control("α", "draws ∝ fᵅ", ALPHAS, start=1.0)
    user: str

    def __init__(
        self,
        scores: Mapping[str, Any],
        counts: Any,
        titles: Sequence[str],
        seen: Mapping[str, Any],
        later: Mapping[str, Any],
        **start: Any,
    ) -> None:
        self._counts = as_float(counts, "counts").double().numpy()
        n = len(self._counts)
        if not (self._counts > 0).all():
            raise ValueError(f"counts must be positive, got {self._counts.min():g}")
        if len(titles) != n:
            raise ValueError(f"titles must be as many as counts, {n}, got {len(titles)}")
        if not scores:
            raise ValueError("scores must hold at least one user, got none")
        self._titles, self._log_f = list(titles), np.log(self._counts)
        self._seen, self._later, self._log_p = {}, {}, {}
        for user, values in scores.items():
            row = as_float(values, f"scores[{user!r}]").double().numpy()
            self._log_p[user] = row - row.max() - np.log(np.exp(row - row.max()).sum())
            self._seen[user], self._later[user] = (
                np.asarray(each[user], dtype=bool) for each in (seen, later)
            )
            for name, part in (("scores", row), ("seen", self._seen[user]), ("later", self._later[user])):
                if part.shape != (n,):
                    raise ValueError(
                        f"{name}[{user!r}] must be one for each of {n} films, got shape {part.shape}"
                    )
            if n - self._seen[user].sum() < TOP:
                raise ValueError(
                    f"seen[{user!r}] must leave at least {TOP} films, got {n - self._seen[user].sum()}"
                )
        users = list(self._log_p)
        self.add_traits(user=Control("", "user", users, start=users[0]))
        super().__init__(**start)

    def compute(self, weight: float, alpha: float, user: str) -> Titles:
        slope = alpha * (1 - weight)
        learnt = np.where(self._seen[user], -np.inf, self._log_p[user] - slope * self._log_f)
        top = np.argsort(-learnt, kind="stable")[:TOP]
        return Titles(
            weight=weight,
            alpha=alpha,
            user=user,
            slope=slope,
            top=top,
            least=float(learnt[top[-1]]),
            typical=float(np.exp(self._log_f[top].mean())),
            hits=int(self._later[user][top].sum()),
        )

    def stage(self) -> Stage:
        users, slopes = list(self._log_p), np.linspace(0, 2, 41)
        tops = [self.compute(1 - slope, 1.0, user).top for user in users for slope in slopes]
        self._listed = np.unique(np.concatenate([top[:ROWS] for top in tops]))
        often = np.unique(
            np.concatenate(
                [np.concatenate(tops), *(np.flatnonzero(self._later[u] & ~self._seen[u]) for u in users)]
            )
        )
        rest = np.setdiff1d(np.argsort(-self._counts, kind="stable"), often, assume_unique=True)
        spread = rest[:: max(1, len(rest) // max(1, SHOWN - len(often)))] if len(often) < SHOWN else rest[:0]
        self._plane = np.concatenate([spread, often])
        every = np.concatenate([np.where(self._seen[u], np.nan, self._log_p[u])[self._plane] for u in users])
        self._low, self._high = float(np.nanmin(every)) - 0.5, float(np.nanmax(every)) + 1.5
        most = float(self._counts.max())
        self._x = np.geomspace(self._counts.min(), most, BENDS)
        weights = {-1.0: "−1", 0.0: "0", 1.0: "1"}
        tips = self._tips(self._listed)
        return Stage(
            panels={
                "list": Panel(f"The first {ROWS} films. Size of a disc: ratings",
                    Axis("λ: 1 right, 0 forgotten, −1 wrong sign", -1.5, 1.5, ticks=weights)),
                "plane": Panel(
                    f"Above the line: the top {TOP}",
                    Axis("ratings f in training", float(self._counts.min()) * 0.8, most * 1.3, log=True),
                    Axis("ln p(film | user), learnt", self._low, self._high),
                ),
            },
            marks={
                "discs": Dots(
                    "list", "ink", roles=["positive"], x=np.full(len(self._listed), -1.36),
                    size=self._counts[self._listed] / most, scale=0.09, tips=tips,
                ),
                "names": Words(
                    "list", "ink", roles=["positive"], x=np.full(len(self._listed), 0.15),
                    words=[_cut(self._titles[film]) for film in self._listed], scale=0.05, tips=tips,
                ),
                "here": Handle("list", along={"x": "weight"}, y=[0.06]),
                "films": Dots(
                    "plane", "faint", roles=["ink", "positive"], x=self._counts[self._plane],
                    scale=0.025, tips=self._tips(self._plane), shows={"ln p": "y"},
                ),
                "cut": Line("plane", "focus", x=self._x),
                "label": Note("plane", x=[float(self._counts.min())], y=[self._high - 0.9]),
            },
            key={
                "positive": "rated later: a hit if it is in the list",
                "ink": "in the list",
                "faint": "another film not yet seen",
                "focus": "border of the list",
            },
        )  # fmt: skip

    def _tips(self, films: NDArray[np.int64]) -> list[str]:
        return [f"{self._titles[film]}, {number(float(self._counts[film]))} ratings" for film in films]

    def scene(self, result: Titles) -> dict[str, dict[str, Any]]:
        later, n = self._later[result.user], len(self._counts)
        rows, listed = np.full(n, np.nan), np.zeros(n, dtype=bool)
        rows[result.top[:ROWS]] = np.linspace(HIGH, LOW, ROWS)
        listed[result.top] = True
        role = np.where(later, "positive", np.where(listed, "ink", "faint"))
        y = np.where(self._seen[result.user], np.nan, self._log_p[result.user])
        cut = result.least + result.slope * np.log(self._x)
        inside = (cut >= self._low) & (cut <= self._high)
        title = {"y": rows[self._listed], "role": np.where(later, "positive", "ink")[self._listed]}
        return {
            "discs": title,
            "names": title,
            "films": {"y": y[self._plane], "role": role[self._plane]},
            "cut": {"y": np.where(inside, cut, np.nan)},
            "label": {"text": f"typically {result.typical:.0f} ratings"},
        }

    def summary(self, result: Titles) -> str:
        first = ", ".join(self._titles[film] for film in result.top[:3])
        return (
            f"user {result.user}, λ = {number(result.weight)}, α = {number(result.alpha)}: a score loses"
            f" {number(round(result.slope, 9))} · ln f\ntop {TOP}: typically {result.typical:.1f} ratings"
            f" (geometric mean), {result.hits} rated later\nfirst: {first}"
        )


def _cut(title: str) -> str:
    return title if len(title) <= LETTERS else title[: LETTERS - 1].rstrip() + "…"
