"""Which negatives get the push: each as large as its softmax weight, and how many count.

Real negatives stand on the axis of scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nslab.explain._base import (
    Axis,
    Control,
    Explainer,
    Handle,
    Line,
    Mark,
    Note,
    Panel,
    Rule,
    Stage,
    check_each,
    decade_grid,
    heights_apart,
    integer_grid,
    items,
    number,
)
from nslab.theory import effective_negatives, softmax_entropy, softmax_entropy_slope

MOST = 256  # negatives
CURVE = np.geomspace(0.01, 10, 61)
ANCHOR = 1.0, 0.86, 0.08  # where it stands, and how large it is beside the shares of the push
HEIGHTS = np.linspace(0.12, 0.88, 16)  # at which a negative may stand
WIDTH = 1.6  # of the panel, for its height


@dataclass(frozen=True)
class Weights:
    temperature: float
    k: int
    anchor: int
    ids: NDArray[np.int64]  # which of the items are its negatives
    scores: NDArray[np.float64]
    weights: NDArray[np.float64]
    false: NDArray[np.bool_]
    entropy: float
    slope: float
    effective: float
    curve: NDArray[np.float64]

    @property
    def false_share(self) -> float:
        """Share of the softmax weight that falls on negatives of the anchor's own class."""
        return float(self.weights[self.false].sum())


class SoftmaxWeights(Explainer):
    """How τ shares the push among the first K negatives of an anchor.

    Item 0 is the anchor, the others its negatives. `scores` (N,) are the similarities of one anchor to N
    negatives, and `false` (N,) marks those that are really positives. With `scores` and `false` (N + 1, N
    + 1), of every item to every other, a click makes another item the anchor. A hand that drags a negative
    along the axis sees its weight follow, until it lets go. `pictures` (N + 1, height, width), in [0, 1],
    and `names` show what the items are.
    """

    question = "Which negatives get the push, and how many count?"
    title = "The lower τ, the fewer negatives share the push: those that look most like the anchor"
    tau = Control("τ", "temperature", decade_grid(0.01, 10), start=0.1, play=-1)
    k = Control("K", "negatives", integer_grid(4, MOST, 145), start=64)
    anchor = Control("", "anchor", range(MOST + 1), start=0)

    def __init__(
        self,
        scores: Any,
        false: Any = None,
        *,
        pictures: Any = None,
        names: Sequence[str] | None = None,
        **start: Any,
    ) -> None:
        self._scores, self._false = _tables(scores, false)
        self._pictures, self._names = pictures, names
        count = self._scores.shape[1]
        check_each(
            f"show the anchor and its negatives, {count} in all", count, pictures=pictures, names=names
        )
        self._curve = cache(lambda k, anchor: _counts(self._scores[anchor, _negatives(anchor, k)]))
        self._heights = cache(self._places)
        super().__init__(**start)

    def declared(self) -> dict[str, Control]:
        every = super().declared()
        return every if len(self._scores) > 1 else {name: every[name] for name in ("tau", "k")}

    def compute(self, tau: float, k: int, anchor: int = 0) -> Weights:
        scores = self._scores[anchor, _negatives(anchor, k)]
        return self._weights(tau, k, anchor, scores, self._curve(k, anchor))

    def pulled(
        self, mark: str, point: int, x: float, y: float, tau: float, k: int, anchor: int = 0
    ) -> Weights:
        ids = _negatives(anchor, k)
        scores = self._scores[anchor, ids].clone()
        scores[ids == point] = min(max(x, -1.0), 1.0)
        return self._weights(tau, k, anchor, scores, _counts(scores))

    def _weights(
        self, tau: float, k: int, anchor: int, scores: torch.Tensor, curve: NDArray[np.float64]
    ) -> Weights:
        ids = _negatives(anchor, k)
        return Weights(
            temperature=tau,
            k=k,
            anchor=anchor,
            ids=ids,
            scores=scores.numpy(),
            weights=torch.softmax(scores / tau, dim=0).numpy(),
            false=self._false[anchor, ids].numpy(),
            entropy=float(softmax_entropy(scores, tau)),
            slope=float(softmax_entropy_slope(scores, tau)),
            effective=float(effective_negatives(scores, tau)),
            curve=curve,
        )

    def stage(self) -> Stage:
        tau = Axis("temperature τ", CURVE[0], CURVE[-1], log=True)
        picks = "anchor" if "anchor" in self.controls else None
        anchors = range(len(self._scores))
        some_false = any(bool(self._false[a, _negatives(a, MOST)].any()) for a in anchors)
        count = {float(n): str(n) for n in (1, 4, 16, 64, 256)}
        return Stage(
            panels={
                "push": Panel(
                    "Area: each negative's share of the push",
                    Axis(
                        "score s with the anchor (cosine)",
                        -1,
                        1.2,
                        ticks={n: f"{n:g}" for n in (-1, -0.5, 0, 0.5, 1)},
                    ),
                    share=1.35,
                ),
                "count": Panel(
                    "How many count", tau, Axis("negatives that count, exp H", 1, 320, log=True, ticks=count)
                ),
            },
            marks={
                "ceiling": Rule("count", "faint"),
                "curve": Line("count", x=CURVE),
                "items": self._points(
                    "negative",
                    roles=("hard", "false_negative") if some_false else ("hard",),
                    shows={"score": "x", "share of the push": "size"},
                    picks=picks,
                    pulls="x",
                ),
                "self": self._points("anchor", x=ANCHOR[:1], y=ANCHOR[1:2], size=ANCHOR[2:]),
                "here": Handle("count", along={"x": "tau"}),
                "label": Note("count", x=[9], y=[1.25], align="end", big=True),
            },
            key={
                "negative": "negative",
                "hard": "hardest true negative",
                "false_negative": "false negative: really of the anchor's kind",
            },
        )

    def _points(self, role: str, **look: Any) -> Mark:
        look |= {"scale": 0.4, "tips": self._names}
        return items("push", role, pictures=self._pictures, words=self._names, **look)

    def scene(self, result: Weights) -> dict[str, dict[str, Any]]:
        length = int(result.ids[-1]) + 1
        x, size = np.full((2, length), np.nan)
        role = np.full(length, "negative", dtype="U16")
        x[result.ids], size[result.ids] = result.scores, result.weights
        role[result.ids[result.false]] = "false_negative"
        role[result.ids[np.where(result.false, -np.inf, result.scores).argmax()]] = "hard"
        return {
            "ceiling": {"at": result.k},
            "curve": {"y": result.curve},
            "items": {"x": x, "y": self._heights(result.anchor)[:length], "size": size, "role": role},
            "self": {"which": result.anchor},
            "here": {"y": result.effective},
            "label": {"text": f"{result.effective:.3g} of {result.k}"},
        }

    def summary(self, result: Weights) -> str:
        return (
            f"τ = {number(result.temperature)}, K = {result.k}: H = {number(result.entropy)} nats, dH/dτ ="
            f" {number(result.slope)}, effective negatives = {number(result.effective)}\nlargest weight ="
            f" {number(result.weights.max())}, on false negatives = {number(result.false_share)}"
        )

    def _places(self, anchor: int) -> NDArray[np.float64]:
        """A height for each item, far from those that stand at similar scores.

        Items are placed one after the other, so that more of them do not move the earlier ones.
        """
        x, unit = self._scores[anchor, : MOST + 1].numpy(), WIDTH / 2.2
        taken = ANCHOR[0] * unit, ANCHOR[1]
        return heights_apart(x * unit, _negatives(anchor, MOST), HEIGHTS, taken)


def _counts(scores: torch.Tensor) -> NDArray[np.float64]:
    """How many count, over the whole range of τ."""
    return softmax_entropy(scores / torch.from_numpy(CURVE)[:, None], 1.0).exp().numpy()


def _negatives(anchor: int, k: int) -> NDArray[np.int64]:
    """The first k items that are not the anchor."""
    ids = np.arange(k + 1)
    return np.delete(ids, anchor) if anchor <= k else ids[:k]


def _tables(scores: Any, false: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores and labels with a row for each possible anchor, and a column for each item."""
    table = torch.as_tensor(scores, dtype=torch.float64)
    square = table.dim() == 2 and table.shape[0] == table.shape[1]
    if not (table.dim() == 1 or square) or table.shape[-1] < MOST + square:
        raise ValueError(
            f"scores must be one row of at least {MOST} negatives, or square with the anchor, got shape"
            f" {tuple(table.shape)}"
        )
    own = torch.zeros(table.shape, dtype=torch.bool) if false is None else torch.as_tensor(false)
    if own.shape != table.shape or own.dtype != torch.bool:
        raise ValueError(f"false must be one boolean per score, got shape {tuple(own.shape)}")
    if square:
        return table, own
    itself = torch.ones(1, dtype=torch.float64), torch.ones(1, dtype=torch.bool)
    return torch.cat([itself[0], table])[None], torch.cat([itself[1], own])[None]
