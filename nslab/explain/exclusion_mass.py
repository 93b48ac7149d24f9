"""An exclusion window over a sequence: the push that it bars, and what comes back later.

What comes back later are the false negatives that it misses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nslab._checks import as_float, as_ids, as_mask
from nslab.explain._base import (
    Axis,
    Band,
    Control,
    Dots,
    Explainer,
    Handle,
    Line,
    Note,
    Panel,
    Stage,
    log_grid,
    number,
)
from nslab.samplers import ExclusionWindow

ANCHORS = 64
WIDEST = 60
WIDTHS = np.arange(WIDEST + 1)
VIEW = 80  # lags on each side
LAGS = np.arange(-VIEW, VIEW + 1)
LEAST = 1e-4  # share of the push that is still drawn
LETTERS = 25  # of a text that are shown


@dataclass(frozen=True)
class Mass:
    w: int
    tau: float
    anchor: int  # its place in the sequence
    scores: NDArray[np.float64]  # at LAGS, NaN at the anchor and beyond the ends
    own: float  # the anchor's score with itself
    push: NDArray[np.float64]  # at LAGS: the share of what is left outside the window
    false: NDArray[np.bool_]  # at LAGS
    inside: float  # share of this anchor's push within the window
    allowed: float  # negatives that an anchor may draw, averaged over the anchors
    left: NDArray[np.float64]  # at WIDTHS: false negatives' share of the push that is left
    barred: NDArray[np.float64]  # at WIDTHS: share of the true negatives' push that is barred


class ExclusionMass(Explainer):
    """Who gets an anchor's push along a sequence, and what a window of w steps takes of it and leaves.

    `scores` (64, N): 64 anchors against all N items in their order; `anchors` (64,): their places; `false`
    (64, N) marks the items that belong with the anchor; `texts` (N,) say what the items are. The anchor
    itself is never a negative, whatever is marked.
    """

    question = "What does a window shut out, and what takes the push then?"
    title = "The window shuts out what is near; what comes back later is missed"
    w = Control("w", "window", WIDTHS.tolist(), start=10, play=True)
    tau = Control("τ", "temperature", log_grid(0.02, 1, 69), start=0.1)
    anchor = Control("a", "anchor, one of 64", range(1, ANCHORS + 1), start=1)

    def __init__(self, scores: Any, anchors: Any, false: Any, texts: Sequence[str], **start: Any) -> None:
        self._scores = as_float(scores, "scores").double()
        if self._scores.dim() != 2 or len(self._scores) != ANCHORS or self._scores.shape[1] <= 2 * VIEW:
            got = tuple(self._scores.shape)
            raise ValueError(f"scores must be (64, N) with N > {2 * VIEW}, got shape {got}")
        self._length = self._scores.shape[1]
        self._places = as_ids(anchors, "anchors", size=self._length)
        if self._places.shape != (ANCHORS,):
            raise ValueError(f"anchors must have shape (64,), got {tuple(self._places.shape)}")
        self._false = as_mask(false, "false", self._scores.shape)
        if len(texts) != self._length:
            raise ValueError(f"texts must say what each of the {self._length} items is, got {len(texts)}")
        self._texts = [_cut(text, LETTERS) for text in texts]
        self._lags = torch.arange(self._length) - self._places.unsqueeze(1)
        self._bins = self._lags.abs().clamp(max=len(WIDTHS))
        self._shares = lru_cache(8)(self._shared)
        super().__init__(**start)

    def compute(self, w: int, tau: float, anchor: int) -> Mass:
        push, left, barred = self._shares(tau)
        row, lags, place = push[anchor - 1], self._lags[anchor - 1].abs(), int(self._places[anchor - 1])
        outside = torch.where(lags > w, row, 0)
        shown = place + LAGS
        there = (shown >= 0) & (shown < self._length) & (LAGS != 0)
        seen = shown.clip(0, self._length - 1)
        return Mass(
            w=w,
            tau=tau,
            anchor=place,
            scores=np.where(there, self._scores[anchor - 1].numpy()[seen], np.nan),
            own=float(self._scores[anchor - 1, place]),
            push=np.where(there, (outside / outside.sum()).numpy()[seen], 0),
            false=there & self._false[anchor - 1].numpy()[seen],
            inside=float(row[lags <= w].sum()),
            allowed=float(ExclusionWindow(self._length, w).count(self._places).double().mean()),
            left=left,
            barred=barred,
        )

    def _shared(self, tau: float) -> tuple[torch.Tensor, NDArray[np.float64], NDArray[np.float64]]:
        """The push of each anchor (64, N), and what windows of WIDTHS leave and bar of it on average."""
        push = torch.softmax((self._scores / tau).masked_fill(self._lags == 0, -torch.inf), dim=1)
        total_false, near_false = self._by_width(push * self._false)
        total_true, near_true = self._by_width(push * ~self._false)
        far_false, far_true = (total_false - near_false).clamp(min=0), (total_true - near_true).clamp(min=0)
        left, barred = far_false / (far_false + far_true), near_true / total_true
        return push, left.mean(0).numpy(), barred.mean(0).numpy()

    def _by_width(self, push: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The whole push of each anchor (64, 1), and the part within each of WIDTHS (64, 61)."""
        bins = torch.zeros(ANCHORS, len(WIDTHS) + 1, dtype=torch.float64).scatter_add(1, self._bins, push)
        return push.sum(1, keepdim=True), bins.cumsum(1)[:, :-1]

    def stage(self) -> Stage:
        low, high = self._scores.min().item(), self._scores.max().item()
        line = high - low
        foot, shut = low - 0.15 * line, high + 0.12 * line
        share = {1e-4: "0.01 %", 1e-3: "0.1 %", 0.01: "1 %", 0.1: "10 %", 1: "100 %"}
        return Stage(
            panels={
                "line": Panel(
                    "Area: share of the push outside the window",
                    Axis("steps from this anchor", -VIEW - 2, VIEW + 2),
                    Axis("score with the anchor", foot, high + 0.4 * line),
                    share=1.6,
                ),
                "shares": Panel(
                    "What the false ones keep",
                    Axis("window w", 0, WIDEST),
                    Axis("share of the push left, 64 anchors", LEAST, 1, log=True, ticks=share),
                ),
            },
            marks={
                "window": Band("line", "faint", low=[foot] * 2, high=[shut] * 2),
                "items": Dots(
                    "line",
                    "negative",
                    x=LAGS,
                    scale=0.25,
                    roles=("false_negative", "faint"),
                    tips=self._texts,
                    shows={"score": "y", "share of the push": "size"},
                ),
                "self": Dots("line", "anchor", x=[0], scale=0.05),
                "anchor": Note("line", "anchor", x=[-VIEW], y=[high + 0.32 * line]),
                "most": Note("line", "ink", x=[-VIEW], y=[high + 0.2 * line]),
                "edge": Handle("line", along={"x": "w"}, y=[low - 0.05 * line]),
                "left": Line("shares", "false_negative", x=WIDTHS),
                "here": Handle("shares", along={"x": "w"}),
            },
            key={
                "anchor": "anchor",
                "negative": "true negative",
                "false_negative": "false negative",
                "faint": "true negative, shut out",
            },
        )

    def scene(self, result: Mass) -> dict[str, dict[str, Any]]:
        shut = np.abs(LAGS) <= result.w
        most = int(result.push.argmax())
        role = np.where(result.false, "false_negative", np.where(shut, "faint", "negative"))
        strongest = _cut(self._texts[result.anchor + LAGS[most]], LETTERS - 10)
        return {
            "window": {"x": [-result.w - 0.5, result.w + 0.5]},
            "items": {
                "y": result.scores,
                "size": np.where(result.push >= LEAST, result.push, 0),
                "role": role,
                "which": np.where(np.isnan(result.scores), 0, result.anchor + LAGS),
            },
            "self": {"y": result.own},
            "anchor": {"text": self._texts[result.anchor]},
            "most": {"text": f"strongest, {LAGS[most]:+d}: {strongest}"},
            "left": {"y": _drawn(result.left)},
            "here": {"y": max(result.left[result.w], LEAST)},
        }

    def summary(self, result: Mass) -> str:
        return (
            f"w = {result.w}, τ = {number(result.tau)}: the window holds {number(result.inside)} of this"
            f" anchor's push; {result.allowed:,.0f} items may be drawn on average\nfalse negatives' share of"
            f" the push: {number(result.left[0])} without a window, {number(result.left[result.w])} with it;"
            f" of the true ones' push it bars {number(result.barred[result.w])}"
        )


def _drawn(share: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(share >= LEAST, share, np.nan)


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[:letters].rstrip(' …')} …"
