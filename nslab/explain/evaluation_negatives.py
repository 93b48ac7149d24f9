"""The same held-out links and the same scores, against other negatives: which method wins?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    Note,
    Panel,
    Rule,
    Stage,
    linear_grid,
    number,
)

SHOWN = 40  # held-out links, and as many negatives
PICKED = 32  # the pair shown first
COLORS = ("ink", "semi_hard", "false_negative")  # of the methods
DEGREES = {0.65: "0", 1: "1", 2: "2", 5: "5", 10: "10", 30: "30"}
SIDE = 0.025  # of a dot with one common neighbour
RING, LEAST = 0.5, 0.5  # how far the ring stands out, and the least radius that it surrounds
APART = 0.055  # of their names, on the axis of the AUC
BELOW = 0.26  # the foot of that axis, where the knob stands
ALONE = 0.65  # where a node without known links stands, on an axis of logarithms
APART_BY = 0.08  # how far a dot may stand beside its place, so that it hides no other
ALPHAS = np.linspace(-0.5, 1.5, 21)  # where the lines bend


@dataclass(frozen=True)
class Evaluation:
    alpha: float
    h: float
    pair: int
    auc: NDArray[np.float64]  # of each method, mean over the splits
    spread: NDArray[np.float64]  # its standard deviation over the splits
    pairs: NDArray[np.int64]  # (2 SHOWN, 2): held-out links of the first split, then negatives drawn for it
    path: NDArray[np.float64]  # (methods, 21): AUC on the way from α = 0 to the α chosen
    common: NDArray[np.int64]  # nodes linked with both ends of the picked pair


class EvaluationNegatives(Explainer):
    """AUC of up to three link predictors, negatives ∝ (d_i d_j)^α.

    `adjacency` (n, n), symmetric, of zeros and ones: all links. `held_out` (splits, m, 2) int64: the links
    to find in each split. `scores` {name: (splits, n, n)}: what a method that knows the other links gives
    every pair. `names` (n,) are those of the nodes. Negatives are pairs without a link: a share h drawn
    only from pairs two steps apart (with a common neighbour among the links known), the rest from all.
    Degrees d count the links that the split leaves known; where their product is 0, it counts as 1. The
    AUC is the mean over all draws and splits. The dots show some of the first split's links, and one draw:
    a pair stands where the degrees of its ends say, and is as large as its number of common neighbours.
    """

    question = "Which method wins if the negatives change?"
    title = "The negatives of the test decide which method wins"
    alpha = Control("α", "weight (d_i d_j)^α", linear_grid(-0.5, 1.5, 81), start=0.0, play=True)
    h = Control("h", "share drawn only two steps apart", linear_grid(0, 1, 61), start=0.0)
    pair: str

    def __init__(
        self,
        adjacency: Tensor,
        held_out: Tensor,
        scores: Mapping[str, Tensor],
        names: Sequence[str] | None = None,
        **start: Any,
    ) -> None:
        links = torch.as_tensor(adjacency, dtype=torch.float64)
        n, splits = len(links), len(held_out)
        if not 1 <= len(scores) <= len(COLORS):
            raise ValueError(f"scores must hold 1 to {len(COLORS)} methods, got {len(scores)}")
        for name, score in scores.items():
            if score.shape != (splits, n, n):
                raise ValueError(f"scores[{name!r}] must be {(splits, n, n)}, got {tuple(score.shape)}")
        if names is not None and len({*names}) != n:
            raise ValueError(f"names must name the {n} nodes, got {len({*names})}")
        self._names = [f"node {i}" for i in range(n)] if names is None else list(names)
        self._methods = list(scores)
        i, j = torch.triu_indices(n, n, 1)
        free = links[i, j] == 0
        i, j = i[free], j[free]
        self._free = torch.stack([i, j], 1).numpy()
        known = links.repeat(splits, 1, 1)
        a, b = held_out[..., 0], held_out[..., 1]
        row = torch.arange(splits)[:, None]
        known[row, a, b] = known[row, b, a] = 0
        degrees = known.sum(2)
        log_dd = (degrees[:, i] * degrees[:, j]).clamp(min=1).log()
        self._log_dd = log_dd[0].numpy()  # of the split that is shown
        self._near = (known @ known)[:, i, j] > 0
        if not self._near.any(1).all():
            raise ValueError("held_out must leave two unlinked nodes with a common neighbour in every split")
        if held_out.shape[1] < SHOWN:
            raise ValueError(f"held_out must hide at least {SHOWN} links a split, got {held_out.shape[1]}")
        above = torch.stack([_share_above(s[row, a, b], s[:, i, j]) for s in scores.values()])
        self._products, group = log_dd.unique(return_inverse=True)  # pairs of one product weigh the same
        near = self._near.double()
        self._anywhere, self._close = (
            tuple(
                torch.zeros(*x.shape[:-1], len(self._products), dtype=torch.float64).scatter_add_(
                    -1, group.expand(x.shape), x
                )
                for x in (share, above * share)
            )
            for share in (torch.ones_like(near), near)
        )
        self._known, self._held = known[0].numpy(), held_out[0, :SHOWN].numpy()
        rng = np.random.default_rng(0)
        self._noise = rng.gumbel(size=(SHOWN, len(i)))
        self._far = rng.permutation(SHOWN) / SHOWN
        self._beside = np.exp(rng.uniform(-APART_BY, APART_BY, (2 * SHOWN, 2)))
        hidden = [f"{self._names[one]} – {self._names[other]}" for one, other in self._held]
        self._picks = hidden + [f"negative {i}" for i in range(1, SHOWN + 1)]
        self.add_traits(pair=Control("", "pair", self._picks, start=self._picks[PICKED]))
        super().__init__(**start)

    def _auc(self, alphas: NDArray[np.float64], h: float) -> Tensor:
        """(methods, splits, alphas)"""
        powers = (self._products[:, None] * torch.from_numpy(alphas)).exp()
        far, near = (above @ powers / (count @ powers) for count, above in (self._anywhere, self._close))
        return (1 - h) * far + h * near

    def _draw(self, alpha: float, h: float) -> NDArray[np.int64]:
        """SHOWN draws, each the pair whose ln weight + Gumbel noise is the highest.

        A draw stays while its pair stays ahead.
        """
        logits = alpha * self._log_dd + self._noise
        near = np.where(self._near[0].numpy(), logits, -np.inf)
        return self._free[np.where(self._far < h, near.argmax(1), logits.argmax(1))]

    def compute(self, alpha: float, h: float, pair: str) -> Evaluation:
        path = np.append(np.clip(ALPHAS, min(alpha, 0), max(alpha, 0)), alpha)
        auc = self._auc(path, h)
        pairs = np.concatenate([self._held, self._draw(alpha, h)])
        picked = self._picks.index(pair)
        one, other = pairs[picked]
        return Evaluation(
            alpha=alpha,
            h=h,
            pair=picked,
            auc=auc[..., -1].mean(1).numpy(),
            spread=auc[..., -1].std(1).numpy(),
            pairs=pairs,
            path=auc[..., :-1].mean(1).numpy(),
            common=np.flatnonzero(self._known[one] * self._known[other]),
        )

    def stage(self) -> Stage:
        colors = dict(zip(self._methods, COLORS, strict=False))
        lines = {f"line {name}": Line("auc", role) for name, role in colors.items()}
        ends = {
            f"end {name}": Dots("auc", role, scale=0.045, shows={"AUC": "y"}) for name, role in colors.items()
        }
        labels = {f"name {name}": Note("auc", role, text=name) for name, role in colors.items()}
        return Stage(
            panels={
                "pairs": Panel(
                    "Each dot is a pair; larger: more common neighbours",
                    Axis("known links of its better connected end", 0.5, 45, log=True, ticks=DEGREES),
                    Axis(
                        "of its other end",
                        0.5,
                        25,
                        log=True,
                        ticks={at: text for at, text in DEGREES.items() if at < 25},
                    ),
                    share=1.3,
                ),
                "auc": Panel(
                    "AUC, mean of all draws and splits",
                    Axis("α", -0.5, 3.3, ticks={x: f"{x:g}" for x in (-0.5, 0.0, 0.5, 1.0, 1.5)}),
                    Axis(
                        "AUC",
                        BELOW,
                        1,
                        ticks={0.5: "coin toss", **{x: f"{x:g}" for x in (0.4, 0.6, 0.8, 1.0)}},
                    ),
                ),
            },
            marks={
                "pairs": Dots(
                    "pairs",
                    "negative",
                    roles=("positive",),
                    scale=SIDE,
                    tips=self._picks,
                    shows={"common neighbours": "size"},
                    picks="pair",
                ),
                "ring": Dots("pairs", "focus", scale=SIDE),
                "own": Dots("pairs", "negative", roles=("positive",), scale=SIDE),
                "picked": Note("pairs", "focus", x=[0.55], y=[20]),
                "shared": Note("pairs", "focus", x=[0.55], y=[14.5]),
                "toss": Rule("auc", "faint", at=[0.5]),
                "now": Rule("auc", "faint", axis="x"),
            }
            | lines
            | ends
            | labels
            | {"here": Handle("auc", along={"x": "alpha"}, role="faint", y=[BELOW])},
            key={
                "positive": "hidden link",
                "negative": "negative: no link",
                "focus": "picked pair",
                **{role: name for name, role in colors.items()},
            },
        )

    def scene(self, result: Evaluation) -> dict[str, dict[str, Any]]:
        degrees = np.sort(self._known.sum(1)[result.pairs])[:, ::-1]
        right, up = (np.maximum(degrees, ALONE) * self._beside).T
        shared = (self._known @ self._known)[tuple(result.pairs.T)]
        own = result.pair
        along = np.clip(ALPHAS, min(result.alpha, 0), max(result.alpha, 0))
        drawn = zip(self._methods, result.path, result.auc, strict=True)
        lines: dict[str, dict[str, Any]] = {}
        ends = result.path[:, -1] if result.alpha < 0 else result.auc  # of the lines, on the right
        for name, y in zip(self._methods, _spread(ends), strict=True):
            lines[f"name {name}"] = {"x": max(result.alpha, 0) + 0.12, "y": y - 0.012}
        for name, path, auc in drawn:
            lines[f"line {name}"] = {"x": along, "y": path.round(4)}
            lines[f"end {name}"] = {"x": result.alpha, "y": auc}
        roles = ["positive"] * SHOWN + ["negative"] * SHOWN
        picked = {"x": right[own], "y": up[own]}
        return {
            "pairs": {"x": right, "y": up, "size": shared, "role": roles},
            "ring": {**picked, "size": (max(shared[own] ** 0.5, LEAST) + RING) ** 2},
            "own": {**picked, "size": shared[own], "role": roles[own : own + 1]},
            "picked": {"text": self._named(result)},
            "shared": {"text": f"common neighbours: {len(result.common)}"},
            "now": {"at": result.alpha},
            **lines,
        }

    def _named(self, result: Evaluation) -> str:
        return " – ".join(self._names[node] for node in result.pairs[result.pair])

    def summary(self, result: Evaluation) -> str:
        found = (
            f"{name} {auc:.3f} ± {sd:.3f}"
            for name, auc, sd in zip(self._methods, result.auc, result.spread, strict=True)
        )
        shared = ", ".join(self._names[node] for node in result.common) or "none"
        kind = "a hidden link" if result.pair < SHOWN else "no link"
        return (
            f"negatives ∝ (d_i d_j)^{number(round(result.alpha, 9))}: a share {number(round(result.h, 9))}"
            f" drawn only from pairs two steps apart, the rest from all\nAUC: {'; '.join(found)}\n"
            f"{self._named(result)}, {kind}; common neighbours: {shared}"
        )


def _spread(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values, moved apart to at least APART, their order and mean kept."""
    order = np.argsort(values, kind="stable")
    places = values[order] - APART * np.arange(len(values))
    groups: list[list[float]] = []
    for place in places.tolist():
        groups.append([place])
        while len(groups) > 1 and np.mean(groups[-2]) > np.mean(groups[-1]):  # out of order: pool them
            groups[-2:] = [groups[-2] + groups[-1]]
    places = np.concatenate([np.full(len(group), np.mean(group)) for group in groups])
    found = np.empty_like(values)
    found[order] = places + APART * np.arange(len(values))
    return found


def _share_above(held: Tensor, rest: Tensor) -> Tensor:
    """For every other pair, the share of the held-out links that score higher; a tie counts half."""
    held, rest = held[:, :, None], rest[:, None, :]
    return (held > rest).double().mean(1) + (held == rest).double().mean(1) / 2
