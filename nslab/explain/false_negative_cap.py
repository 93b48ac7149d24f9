"""What a share π of false negatives does to the best logit: it stops at ln(1/π)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .._checks import as_float, as_ids
from ..diagnostics import false_negative_cap
from ._base import (
    Axis,
    Bars,
    Control,
    Explainer,
    Handle,
    Line,
    Links,
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
LEAST = 0.005  # the foot of the bars
BARS = "positive", "negative", "false_negative"


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


class FalseNegativeCap(Explainer):
    """The optimal logit of an item that is r times likelier as a positive than as a true negative.

    Beside it 100 negatives, a share π of the anchor's own kind. `images` (N, 64): 8 × 8 pixels in [0, 1], of which the
    first is the anchor; `labels` (N,). At least 100 more are of the anchor's label, and 100 of others.
    """

    question = "How large can the best logit get?"
    title = "However likely the match, false negatives stop its logit at ln(1/π)"
    pi = Control("π", "share of false negatives", decade_grid(0.001, 1), start=0.05)
    r = Control("r", "how much likelier as a positive", decade_grid(0.01, 1e6), start=10.0, play=True)

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
                f"labels must be the anchor's {CARDS} times more, and others {CARDS} times, got {len(own)} and {len(other)}"
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
        kinds = {1.0: "a positive", 2.0: "a true negative", 3.0: "a false negative"}
        return Stage(
            panels={
                "cards": Panel("100 negatives, dealt without looking", share=0.75, square=True),
                "rates": Panel(
                    "The best logit is the log of a ratio",
                    Axis("the item turns up as …", 0.4, 3.6, ticks=kinds),
                    Axis("how often", LEAST, 2e6, log=True, ticks=often),
                    share=1.3,
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
                "rates": Bars("rates", "positive", x=[1, 2, 3], base=[LEAST] * 3, roles=BARS[1:], width=0.5),
                "noise": Line("rates", "ink", x=[1.5, 3.4], dashed=True),
                "top": Line("rates", "ink", x=[1, 1.5], dashed=True),
                "logit": Links("rates", "focus", x=[1.5], x2=[1.5], width=[8]),
                "says": Note("rates", "focus", x=[1.6], big=True),
                "r": Handle("rates", along={"y": "r"}, x=[1]),
                "pi": Handle("rates", along={"y": "pi"}, x=[3]),
            },
            key={
                "anchor": "anchor",
                "positive": "positive",
                "negative": "true negative",
                "false_negative": "false negative: of the anchor's kind",
                "focus": "logit",
            },
        )

    def scene(self, result: Cap) -> dict[str, dict[str, Any]]:
        r, noise, false = result.r, result.noise, max(result.pi * result.r, LEAST)
        return {
            "cards": {
                "which": np.arange(CARDS) + np.where(result.own, 0, CARDS),
                "role": np.where(result.own, "false_negative", "negative"),
            },
            "rates": {"y": [r, max(1 - result.pi, LEAST), false], "role": BARS},
            "noise": {"y": [noise] * 2},
            "top": {"y": [r] * 2},
            "logit": {"y": noise, "y2": r},
            "says": {
                "y": max(np.sqrt(noise * r), 1.5 * noise),
                "text": f"ln {r / noise:.4g} = {result.logit:.2f}",
            },
            "pi": {"y": false},
        }

    def summary(self, result: Cap) -> str:
        return (
            f"π = {number(result.pi)}: ln(1/π) = {number(result.cap)}\n"
            f"r = {number(result.r)}: clean {number(result.clean)}, now {number(result.logit)}; "
            f"{number(result.slope)} of a small difference is left here"
        )
