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
    Links,
    Note,
    Panel,
    Rule,
    Stage,
    Words,
    linear_grid,
    number,
    without_collisions,
)

SHOWN = 40  # held-out links, and as many negatives
NAMED = 3  # of the best-connected nodes
COLORS = ("ink", "semi_hard", "false_negative")  # of the methods
APART = 0.055  # of their names, on the axis of the AUC
BELOW = 0.26  # the foot of that axis, where the knob stands
ALPHAS = np.linspace(-0.5, 1.5, 21)  # where the lines bend
ROUNDS = 300  # of the layout


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
    AUC is the mean over all draws and splits; the graph shows some of the first split's links, and one
    draw.
    """

    question = "Which method wins if the negatives change?"
    title = "The negatives of the test decide which method wins"
    alpha = Control("α", "weight (d_i d_j)^α", linear_grid(-0.5, 1.5, 81), start=0.0, play=True)
    pair = Control("", "pair", range(2 * SHOWN), start=32)
    h = Control("h", "share drawn only two steps apart", linear_grid(0, 1, 61), start=0.0)

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
        if names is not None and len(names) != n:
            raise ValueError(f"names must name the {n} nodes, got {len(names)}")
        self._names = [f"node {i}" for i in range(n)] if names is None else list(names)
        self._methods = list(scores)
        i, j = torch.triu_indices(n, n, 1)
        free = links[i, j] == 0
        i, j = i[free], j[free]
        self._free, self._degrees = torch.stack([i, j], 1).numpy(), links.sum(1)
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
        self._places = _layout(links.numpy())
        self._heroes = self._labelled(self._degrees.numpy())
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

    def compute(self, alpha: float, pair: int, h: float) -> Evaluation:
        path = np.append(np.clip(ALPHAS, min(alpha, 0), max(alpha, 0)), alpha)
        auc = self._auc(path, h)
        pairs = np.concatenate([self._held, self._draw(alpha, h)])
        one, other = pairs[pair]
        return Evaluation(
            alpha=alpha,
            h=h,
            pair=pair,
            auc=auc[..., -1].mean(1).numpy(),
            spread=auc[..., -1].std(1).numpy(),
            pairs=pairs,
            path=auc[..., :-1].mean(1).numpy(),
            common=np.flatnonzero(self._known[one] * self._known[other]),
        )

    def stage(self) -> Stage:
        x, y = self._places.T
        degrees = self._degrees.numpy()
        best, known, held = self._heroes, np.argwhere(np.triu(self._known)), self._held
        colors = dict(zip(self._methods, COLORS, strict=False))
        lines = {f"line {name}": Line("auc", role) for name, role in colors.items()}
        ends = {
            f"end {name}": Dots("auc", role, scale=0.045, shows={"AUC": "y"}) for name, role in colors.items()
        }
        labels = {f"name {name}": Note("auc", role, text=name) for name, role in colors.items()}
        return Stage(
            panels={
                "graph": Panel("40 hidden links, 40 drawn negatives; known links grey", share=1.3),
                "auc": Panel(
                    "AUC, mean of all draws and splits",
                    Axis("α", -0.5, 3.3, ticks={x: f"{x:g}" for x in (-0.5, 0.0, 0.5, 1.0, 1.5)}),
                    Axis("AUC", BELOW, 1),
                ),
            },
            marks={
                "known": Links("graph", "faint", **_ends(self._places, known), width=[0.4] * len(known)),
                "negatives": Links("graph", "negative", width=[1.3] * SHOWN),
                "held": Links("graph", "positive", **_ends(self._places, held), width=[2.2] * SHOWN),
                "triangle": Links("graph", "focus", width=[2.4] * (2 * len(x))),
                "nodes": Dots(
                    "graph",
                    "faint",
                    x=x,
                    y=y,
                    size=degrees / degrees.max(),
                    scale=0.075,
                    tips=[f"{name}: {int(d)} links" for name, d in zip(self._names, degrees, strict=True)],
                ),
                "pairs": Dots("graph", "negative", roles=("positive",), scale=0.022, picks="pair"),
                "names": Words(
                    "graph", words=[self._names[i] for i in best], x=x[best], y=y[best] + 0.045, scale=0.04
                ),
                "one": Note("graph", "focus", align="middle"),
                "other": Note("graph", "focus", align="middle"),
                "toss": Rule("auc", "faint", at=[0.5]),
                "coin": Note("auc", "faint", x=[-0.47], y=[0.515], text="coin toss"),
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
        one, other = result.pairs[result.pair]
        triangle = np.array([(one, other)] + [(end, node) for node in result.common for end in (one, other)])
        middles = self._places[result.pairs].mean(1)
        near = np.abs(self._places[self._heroes][:, None] - self._places[[one, other]])
        hidden = ((near[..., 0] < 0.17) & (near[..., 1] < 0.07)).any(1)  # the picked pair's names come first
        along = np.clip(ALPHAS, min(result.alpha, 0), max(result.alpha, 0))
        drawn = zip(self._methods, result.path, result.auc, strict=True)
        lines: dict[str, dict[str, Any]] = {}
        for name, y in zip(self._methods, _spread(result.auc), strict=True):
            lines[f"name {name}"] = {"x": result.alpha + 0.09, "y": y - 0.012}
        for name, path, auc in drawn:
            lines[f"line {name}"] = {"x": along, "y": path.round(4)}
            lines[f"end {name}"] = {"x": result.alpha, "y": auc}
        ends = {
            name: {
                "x": np.clip(self._places[node, 0], 0.12, 0.88),
                "y": max(self._places[node, 1] + lift, 0),
                "text": self._names[node],
            }
            for name, node, lift in self._labels(one, other)
        }
        return {
            "negatives": _ends(self._places, result.pairs[SHOWN:]),
            "triangle": _ends(self._places, triangle),
            "pairs": {
                "x": middles[:, 0],
                "y": middles[:, 1],
                "role": ["positive"] * SHOWN + ["negative"] * SHOWN,
            },
            "names": {"size": np.where(hidden, np.nan, 1)},
            **ends,
            "now": {"at": result.alpha},
            **lines,
        }

    def _labels(self, one: int, other: int) -> list[tuple[str, int, float]]:
        """Names of a pair's ends: the upper one's above its dot, the lower one's below."""
        up = 0.04 if self._places[one, 1] >= self._places[other, 1] else -0.07
        return [("one", one, up), ("other", other, -0.03 - up)]

    def summary(self, result: Evaluation) -> str:
        found = (
            f"{name} {auc:.3f} ± {sd:.3f}"
            for name, auc, sd in zip(self._methods, result.auc, result.spread, strict=True)
        )
        one, other = (self._names[node] for node in result.pairs[result.pair])
        kind = "a hidden link" if result.pair < SHOWN else "no link"
        return (
            f"negatives ∝ (d_i d_j)^{number(round(result.alpha, 9))}: a share {number(round(result.h, 9))}"
            f" drawn only from pairs two steps apart, the rest from all\nAUC: {'; '.join(found)}\n{one} –"
            f" {other}, {kind}; common neighbours: {len(result.common)}"
        )

    def _labelled(self, degrees: NDArray[np.float64]) -> list[int]:
        """The best-connected nodes whose names do not run into each other."""
        order = np.argsort(-degrees, kind="stable")
        return without_collisions(order, self._places, np.full((len(order), 2), [0.085, 0.035]), NAMED)


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


def _ends(places: NDArray[np.float64], pairs: NDArray[np.int64]) -> dict[str, Any]:
    (x, y), (x2, y2) = places[pairs[:, 0]].T, places[pairs[:, 1]].T
    return {"x": x, "y": y, "x2": x2, "y2": y2}


def _layout(links: NDArray[np.float64]) -> NDArray[np.float64]:
    """Places (n, 2) in the unit square, by stress majorization of the steps between the nodes.

    They are spread out evenly afterwards.
    """
    n = len(links)
    steps = np.full((n, n), np.inf)
    reach = np.eye(n, dtype=bool)
    steps[reach] = 0
    for step in range(1, n):
        new = (reach @ (links + np.eye(n)) > 0) & ~reach
        if not new.any():
            break
        steps[new] = step
        reach |= new
    steps[np.isinf(steps)] = steps[np.isfinite(steps)].max() + 1
    weight = np.where(steps > 0, 1 / np.maximum(steps, 1) ** 2, 0)
    inverse = np.linalg.pinv(np.diag(weight.sum(1)) - weight)
    turn = np.arange(n) * np.pi * (3 - 5**0.5)
    places = np.sqrt(np.arange(n))[:, None] * np.stack([np.cos(turn), np.sin(turn)], 1)
    for _ in range(ROUNDS):
        far = np.linalg.norm(places[:, None] - places, axis=2)
        pull = weight * steps / np.maximum(far, 1e-9)
        places = inverse @ (pull.sum(1)[:, None] * places - pull @ places)
    _, _, axes = np.linalg.svd(places - places.mean(0), full_matrices=False)
    places = places @ (axes * np.sign(axes.sum(1))[:, None]).T
    order = places.argsort(0, kind="stable").argsort(0, kind="stable") / max(n - 1, 1)
    low, high = places.min(0), places.max(0)
    even = 0.6 * order + 0.4 * (places - low) / np.where(
        high > low, high - low, 1
    )  # so that they fill the panel
    return 0.05 + 0.88 * even


def _share_above(held: Tensor, rest: Tensor) -> Tensor:
    """For every other pair, the share of the held-out links that score higher; a tie counts half."""
    held, rest = held[:, :, None], rest[:, None, :]
    return (held > rest).double().mean(1) + (held == rest).double().mean(1) / 2
