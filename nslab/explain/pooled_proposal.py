"""Two stages: a uniform pool of pictures, then negatives drawn from the softmax over it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nslab._checks import as_float, as_mask
from nslab.explain._base import (
    Axis,
    Control,
    Explainer,
    Handle,
    Line,
    Mark,
    Note,
    Panel,
    Pictures,
    Rule,
    Stage,
    check_each,
    integer_grid,
    items,
    log_grid,
    number,
)

SIZES = integer_grid(1, 512, 97)
NODES = 200
CROWD, POOL = 100, 48  # items that are shown of all, and of the pool: those drawn most
WALK = 6  # the last that joined stand below their places in the pool, the very last at its door
GOLDEN = 0.618


@dataclass(frozen=True)
class Pooled:
    temperature: float
    m: int
    items: int
    pool: NDArray[np.int64]  # (m,) items of one pool, in the order in which they join
    shares: NDArray[np.float64]  # (N,) of the draws, from that pool
    full: NDArray[np.float64]  # (N,) of the draws, if all items are scored
    distances: NDArray[
        np.float64
    ]  # total variation of the draws over all pools from `full`, for each of SIZES
    distance: float  # the same for pools of m
    own_distance: float  # that of `shares`
    false_share: float
    full_false_share: float


class PooledProposal(Explainer):
    """What is drawn when M items are taken uniformly, with replacement, and one of them by softmax(s / T).

    `scores` (N,), N > 512: one anchor's logits; `false` (N,) marks the items that are really positives;
    `pictures` (N, height, width), in [0, 1], or else `names` show what they are, and `anchor` (height,
    width) the anchor. The picture has one pool, the curve is exact for the draws over all pools: an item
    of weight y = e^(s/T) is drawn with the chance q_M = (M / N) E[y / (y + the rest of the pool)], and 1 /
    A = ∫ e^(−t A) dt turns the pool into independent factors: one integral for every M.
    """

    title = "A small pool seldom holds the top items, and so draws others"
    m = Control("M", "items in the pool", SIZES, start=8, play=True)
    temperature = Control("T", "temperature", log_grid(0.2, 5, 81), start=1.0)

    def __init__(
        self,
        scores: Any,
        false: Any,
        *,
        pictures: Any = None,
        names: Sequence[str] | None = None,
        anchor: Any = None,
        **start: Any,
    ) -> None:
        self._scores = as_float(scores, "scores").double()
        if self._scores.dim() != 1 or len(self._scores) <= SIZES[-1]:
            raise ValueError(
                f"scores must be one row of more than 512, got shape {tuple(self._scores.shape)}"
            )
        n = len(self._scores)
        self._false = as_mask(false, "false", self._scores.shape)
        check_each(f"show each of the {n} items", n, pictures=pictures, names=names)
        self._pictures, self._anchor = pictures, anchor
        self._names = [str(i) for i in range(n)] if names is None else list(names)
        self._pool = np.random.default_rng(0).integers(n, size=SIZES[-1])
        ranked = self._scores.argsort(descending=True).numpy()
        self._crowd = ranked[:CROWD]
        self._spread = np.empty(n)  # neighbours in score stand at different heights
        self._spread[ranked] = np.arange(n) * GOLDEN % 1
        self._by_size = lru_cache(maxsize=128)(partial(self._measured, SIZES))
        super().__init__(**start)

    def compute(self, m: int, temperature: float) -> Pooled:
        full = torch.softmax(self._scores / temperature, 0)
        distances, _ = self._by_size(temperature)
        distance, false_share = self._exact(m, temperature)
        pool = self._pool[:m]
        weights = torch.softmax(self._scores[torch.from_numpy(pool)] / temperature, 0).numpy()
        shares = np.bincount(pool, weights, minlength=len(full)).astype(np.float64)
        return Pooled(
            temperature=temperature,
            m=m,
            items=len(full),
            pool=pool,
            shares=shares,
            full=full.numpy(),
            distances=distances,
            distance=distance,
            own_distance=float(np.abs(shares - full.numpy()).sum()) / 2,
            false_share=false_share,
            full_false_share=float(full @ self._false.double()),
        )

    def _exact(self, m: int, temperature: float) -> tuple[float, float]:
        """Total variation from the full proposal, and the share of false negatives among the draws.

        Both are over all pools of m.
        """
        known = m in SIZES
        rows = self._by_size(temperature) if known else self._measured([m], temperature)
        place = SIZES.index(m) if known else 0
        return float(rows[0][place]), float(rows[1][place])

    def _measured(
        self, sizes: list[int], temperature: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        rows, full = self._chances(sizes, temperature), torch.softmax(self._scores / temperature, 0).numpy()
        return np.abs(rows - full).sum(1) / 2, rows @ self._false.double().numpy()

    def stage(self) -> Stage:
        scores, crowd = self._scores.numpy(), self._crowd
        room = 0.06 * float(np.ptp(scores))
        left = float(scores.min())
        sizes = {float(n): str(n) for n in (1, 8, 64, 512)}
        marks = {
            "door": Rule("items", "faint", at=0.5),
            "names all": Note("items", x=[left], y=[0.43], text=f"top {len(crowd)} of all {len(scores)}"),
            "names pool": Note("items", x=[left], y=[0.96]),
            "all": self._points(x=scores[crowd], y=0.04 + 0.38 * self._spread[crowd], which=crowd),
            "pool": self._points(),
            "curve": Line("distance", "ink", x=SIZES),
            "here": Handle("distance", along={"x": "m"}),
            "label": Note("distance", x=[450], y=[0.92], align="end", big=True),
        }
        if self._anchor is not None:
            images = np.asarray(self._anchor)[None]
            marks["anchor"] = Pictures("items", x=[left + room], y=[0.22], images=images, scale=0.15)
            marks["names anchor"] = Note("items", x=[left + 2.2 * room], y=[0.2], text="anchor")
        return Stage(
            panels={
                "items": Panel(
                    "Area: share of the draws",
                    Axis("score s", left - room, float(scores.max()) + room),
                    share=1.3,
                ),
                "distance": Panel(
                    "Share of draws that differ, a new pool for each",
                    Axis("M, items in the pool", 1, SIZES[-1], log=True, ticks=sizes),
                    Axis("share that differs", 0, 1),
                ),
            },
            marks=marks,
            key={
                "negative": "true negative",
                "false_negative": "false negative: of the anchor's kind",
            },
        )

    def _points(self, **look: Any) -> Mark:
        look |= {"roles": ("false_negative",), "scale": 0.22, "tips": self._names, "shows": {"score": "x"}}
        return items("items", "negative", pictures=self._pictures, words=self._names, **look)

    def scene(self, result: Pooled) -> dict[str, dict[str, Any]]:
        roles = np.where(self._false.numpy(), "false_negative", "negative")
        ids, joined = np.unique(result.pool, return_index=True)
        most = np.sort(np.argsort(-result.shares[ids], kind="stable")[:POOL])
        ids, joined = ids[most], joined[most]
        inside = np.minimum((result.m - joined) / WALK, 1)
        return {
            "all": {"size": result.full[self._crowd], "role": roles[self._crowd]},
            "pool": {
                "x": self._scores.numpy()[ids],
                "y": 0.52 + inside * (0.1 + 0.3 * self._spread[ids]),
                "size": result.shares[ids],
                "role": roles[ids],
                "which": ids,
            },
            "names pool": {"text": f"pool of {result.m}"},
            "curve": {"y": result.distances},
            "here": {"y": result.distance},
            "label": {"text": f"{result.distance:.0%} differ"},
        }

    def summary(self, result: Pooled) -> str:
        return (
            f"M = {result.m} of {result.items} items scored, T = {number(result.temperature)}. Draws that"
            f" differ from those of softmax(s/T):\n{number(100 * result.distance)} % with a new pool for"
            f" each, {number(100 * result.own_distance)} % if this one is kept\nfalse negatives:"
            f" {number(100 * result.false_share)} % of the draws with new pools,"
            f" {number(100 * result.full_false_share)} % if all items are scored"
        )

    def _chances(self, sizes: list[int], temperature: float) -> NDArray[np.float64]:
        """The chance q_M of each item for each pool size, (len(sizes), N)."""
        gaps = (self._scores - self._scores.max()).numpy() / temperature
        y, m = np.exp(gaps), np.array(sizes)[:, None]
        # Nodes evenly spaced in ln t, from far below 1 / (M max y) to far above 1 / min y.
        nodes = np.linspace(-math.log(max(sizes)) - 14, 4 - gaps.min(), NODES)
        t = np.exp(nodes)
        decays = np.exp(-np.minimum(t[:, None] * y, 200))
        factors = (nodes[1] - nodes[0]) * t * decays.mean(1) ** (m - 1)
        return m / len(y) * y * (factors @ decays)
