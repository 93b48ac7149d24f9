"""What a share π of false negatives does to the best logit: it stops at ln(1/π)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nslab._checks import as_float, as_ids
from nslab.diagnostics import false_negative_cap
from nslab.explain._base import (
    Axis,
    Control,
    Explainer,
    Handle,
    Line,
    Note,
    Panel,
    Pictures,
    Stage,
    decade_grid,
    number,
)

CARDS = 100
COLUMNS = np.arange(CARDS) % 10 / 10 + 0.05
ROWS = 0.8 - np.arange(CARDS) // 10 * 0.083
RATIOS = np.geomspace(0.01, 1e6, 33)
REACHED = 10  # times the rate at r = 1: from there on the logit is within 0.1 of its cap


@dataclass(frozen=True)
class Cap:
    """Logits in nats, up to a constant that all items share."""

    pi: float
    r: float
    own: NDArray[np.bool_]  # (CARDS,) which of the cards are of the anchor's own kind
    cap: float
    logit: float
    slope: float  # d logit / d ln r

    @property
    def clean(self) -> float:
        """The logit without false negatives."""
        return float(np.log(self.r))

    @property
    def noise(self) -> float:
        """How often the item is drawn as a negative, for once as a true one if there were no others."""
        return 1 - self.pi + self.pi * self.r

    @property
    def reached(self) -> bool:
        """Whether the cap shows: nearly all of the item's draws are false negatives."""
        return self.pi * self.r >= REACHED


class FalseNegativeCap(Explainer):
    """The optimal logit of an item that is r times likelier as a positive than as a true negative.

    On its left 100 negatives, a share π of the anchor's own kind; on its right the logit for every r so
    far. `images` (N, 64): 8 × 8 pixels in [0, 1], of which the first is the anchor; `labels` (N,). At
    least 100 more are of the anchor's label, and 100 of others.
    """

    question = "How large can the best logit get?"
    title = "However likely the match, false negatives stop its logit at ln(1/π)"
    pi = Control("π", "share false", decade_grid(0.001, 1), start=0.05)
    r = Control("r", "likelier as a positive", decade_grid(0.01, 1e6), start=10.0, play=True)

    def __init__(self, images: Any, labels: Any, **start: Any) -> None:
        pixels, kinds = as_float(images, "images"), as_ids(labels, "labels")
        if pixels.dim() != 2 or pixels.shape[1] != 64:
            raise ValueError(f"images must be (N, 64), got {tuple(pixels.shape)}")
        if kinds.shape != pixels.shape[:1]:
            raise ValueError(f"labels must be one per image, got shape {tuple(kinds.shape)}")
        own = kinds == kinds[0]
        own, other = own.nonzero().ravel()[1 : CARDS + 1], (~own).nonzero().ravel()[:CARDS]
        if min(len(own), len(other)) < CARDS:
            raise ValueError(
                f"labels must be the anchor's {CARDS} times more, and others {CARDS} times, got {len(own)}"
                f" and {len(other)}"
            )
        shown = torch.cat([own, other, torch.zeros(1, dtype=torch.int64)])
        self._pictures, self._tips = pixels[shown].view(-1, 8, 8), [f"a {kind}" for kind in kinds[shown]]
        self._turns = (np.random.default_rng(0).permutation(CARDS) + 0.5) / CARDS
        super().__init__(**start)

    def compute(self, pi: float, r: float) -> Cap:
        noise = 1 - pi + pi * r
        return Cap(
            pi=pi,
            r=r,
            own=self._turns < pi,
            cap=false_negative_cap(pi),
            logit=float(np.log(r / noise)),
            slope=(1 - pi) / noise,
        )

    def stage(self) -> Stage:
        often = {0.01: "0.01", 1: "1", 100: "100", 1e4: "10⁴", 1e6: "10⁶"}
        return Stage(
            panels={
                "cards": Panel("100 negatives, a share π false", share=0.7, square=True),
                "logits": Panel(
                    "Its best logit, for every r so far",
                    Axis("r: times likelier as a positive", 0.01, 1e6, log=True, ticks=often),
                    Axis("logit", -5, 15),
                ),
            },
            marks={
                "anchor": Pictures(
                    "cards",
                    "anchor",
                    images=self._pictures,
                    x=[0.06],
                    y=[0.94],
                    which=[2 * CARDS],
                    scale=0.11,
                ),
                "name": Note("cards", "anchor", x=[0.14], y=[0.92], text="the anchor"),
                "cards": Pictures(
                    "cards",
                    "negative",
                    images=self._pictures,
                    x=COLUMNS,
                    y=ROWS,
                    scale=0.072,
                    roles=("false_negative",),
                    tips=self._tips,
                ),
                "clean": Line("logits", "faint", x=[0.01, 1e6], y=np.log([0.01, 1e6]), dashed=True),
                "ceiling": Line("logits", "false_negative", x=[0.01, 1e6], dashed=True),
                "stops": Note("logits", "false_negative", x=[9e5], align="end"),
                "curve": Line("logits", "focus"),
                "end": Handle("logits", along={"x": "r"}),
                "label": Note("logits", "focus", x=[0.02], y=[13], big=True),
            },
            key={
                "anchor": "anchor",
                "negative": "true negative",
                "false_negative": "false negative",
                "focus": "best logit",
                "faint": "ln r, its logit if π = 0",
            },
        )

    def scene(self, result: Cap) -> dict[str, dict[str, Any]]:
        ratios = np.minimum(RATIOS, result.r)  # what is not yet reached lies on the handle
        return {
            "cards": {
                "which": np.arange(CARDS) + np.where(result.own, 0, CARDS),
                "role": np.where(result.own, "false_negative", "negative"),
            },
            "ceiling": {"y": [result.cap if result.reached else np.nan] * 2},
            "stops": {"y": result.cap - 1.4, "text": f"stops at {result.cap:.2f}" if result.reached else ""},
            "curve": {"x": ratios, "y": np.round(np.log(ratios / (1 - result.pi + result.pi * ratios)), 3)},
            "end": {"y": result.logit},
            "label": {"text": f"logit {result.logit:.2f}"},
        }

    def summary(self, result: Cap) -> str:
        return (
            f"π = {number(result.pi)}, r = {number(result.r)}: best logit {number(result.logit)}, "
            f"without false negatives {number(result.clean)}\n"
            f"slope of the logit in ln r: {number(result.slope)}, without false negatives 1"
        )
