"""Captions by pictures: which pairs a loss pulls together and which it pushes apart.

Softmax stands beside sigmoid, on one batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nslab._checks import as_float, as_ids
from nslab.explain._base import (
    Axis,
    Cells,
    Control,
    Explainer,
    Handle,
    Line,
    Links,
    Note,
    Panel,
    Rule,
    Stage,
    Words,
    check_each,
    items,
    linear_grid,
    log_grid,
    number,
)

SOFTMAX, SIGMOID = "softmax", "sigmoid"
FIT = ", all that fit"
MOST = 16  # pairs
CURVE = np.linspace(-1, 1, 81)
SHADES = 48  # few enough for small pages
LEAST = 1e-4  # push or pull on the axis; weaker ones stand there
TAUS = log_grid(0.01, 1, 61)
SCORES = linear_grid(-1, 1, 81)


@dataclass(frozen=True)
class Forces:
    loss: str
    tau: float
    s: float
    scores: NDArray[np.float64]  # (B, B): captions by pictures, with the moved score
    forces: NDArray[np.float64]  # (B, B): τ ∂L/∂s, above 0 a push, below 0 a pull
    curve: NDArray[np.float64]  # the first caption's push on a wrong picture, at the scores of CURVE
    before: NDArray[np.float64]  # the same, with the marked pair at the score that the batch gives it
    mean: float  # loss a caption, nats


class PairMatrix(Explainer):
    """The forces on all pairs of a batch of captions and pictures, where each caption asks for its picture.

    `scores` (B, B): cosine of each caption to each picture, B from 3 to 16; pair i is on the diagonal.
    `kinds` (B,): what pair i shows; pairs of one kind fit each other. `s` moves the score of the first
    caption with the picture `moved`, which must be of another kind. `captions` are B texts, the first of a
    kind that occurs again; `pictures` (B, height, width), in [0, 1], or else `names` show the pictures.
    The sigmoid's `bias` stays as it is; SigLIP starts at −10.
    """

    question = "Which pairs are pulled together, and which are pushed apart?"
    title = "Softmax: a row shares its push. Sigmoid: every cell stands alone"
    loss = Control("", "loss", [SOFTMAX, SIGMOID, SOFTMAX + FIT, SIGMOID + FIT], start=SOFTMAX)
    tau = Control("τ", "temperature", TAUS, start=0.1)
    s = Control("s", "score of ◆", SCORES, start=0.0, play=True)

    def __init__(
        self,
        scores: Any,
        kinds: Any,
        captions: Sequence[str],
        *,
        moved: int,
        bias: float = -10.0,
        pictures: Any = None,
        names: Sequence[str] | None = None,
        **start: Any,
    ) -> None:
        self._scores = as_float(scores, "scores").double().numpy()
        kinds = as_ids(kinds, "kinds").numpy()
        n = len(self._scores)
        if self._scores.shape != (n, n) or not 3 <= n <= MOST or kinds.shape != (n,):
            raise ValueError(
                f"scores must be (B, B) and kinds (B,) with B from 3 to {MOST}, got {self._scores.shape} and"
                f" {kinds.shape}"
            )
        if np.abs(self._scores).max() > 1 + 1e-6:
            raise ValueError(f"scores must be cosines, got {np.abs(self._scores).max():.4g}")
        check_each(f"be one for each of the {n} pairs", n, captions=captions, pictures=pictures, names=names)
        self._fits = kinds[:, None] == kinds
        if not 0 < moved < n or self._fits[0, moved]:
            raise ValueError(f"moved must be a picture that does not fit the first caption, got {moved!r}")
        if self._fits[0].sum() < 2:
            raise ValueError(f"kinds must hold the first one twice, got {kinds.tolist()}")
        self._captions, self._moved, self._bias = list(captions), moved, float(bias)
        self._pictures = pictures
        self._names = [f"picture {i + 1}" for i in range(n)] if names is None else list(names)
        own = min(SCORES, key=lambda at: abs(at - self._scores[0, moved]))
        self._start = torch.from_numpy(self._scores[0]).clone()
        self._start[moved] = own
        super().__init__(**{"s": own, **start})

    def compute(self, loss: str, tau: float, s: float) -> Forces:
        scores = torch.from_numpy(self._scores).clone()
        scores[0, self._moved] = s
        fits = torch.from_numpy(self._fits)
        own = fits if loss.endswith(FIT) else torch.eye(len(scores), dtype=torch.bool)
        logits, at = scores / tau, torch.from_numpy(CURVE) / tau
        if loss.startswith(SOFTMAX):
            target = own.double() / own.sum(1, keepdim=True)
            each = -(target * logits.log_softmax(1)).sum(1)
            forces, curve = logits.softmax(1) - target, (at - logits[0].logsumexp(0)).exp()
            before = (at - (self._start / tau).logsumexp(0)).exp()
        else:
            logits, at = logits + self._bias, at + self._bias
            each = torch.nn.functional.softplus(torch.where(own, -logits, logits)).sum(1)
            forces, curve = logits.sigmoid() - own.double(), at.sigmoid()
            before = curve
        rows = (x.numpy() for x in (scores, forces, curve, before))
        return Forces(loss, tau, s, *rows, mean=float(each.mean()))

    def stage(self) -> Stage:
        n = len(self._captions)
        down = dict(zip((n - np.arange(n) - 0.5).tolist(), self._captions, strict=True))
        score = {at: f"{at:g}" for at in (-1, -0.5, 0, 0.5, 1)}
        force = {1: "1", 0.1: "0.1", 0.01: "0.01", 0.001: "0.001", LEAST: f"≤ {LEAST:.4f}"}
        tips = {"pictures": self._pictures, "words": self._names, "tips": self._names}
        roles = ("positive", "negative", "false_negative")
        row_items = {"scale": 0.085, "shows": {"score": "x", "pull or push": "value"}, **tips}
        row, column = np.nonzero(self._fits & ~np.eye(n, dtype=bool))
        return Stage(
            panels={
                "pairs": Panel("Shade: how hard a pair is pulled or pushed", Axis("", 0, n, ticks={}),
                    Axis("", 0, n + 1, ticks=down), share=1.1),
                "row": Panel(f"The framed row: “{self._captions[0]}”",
                    Axis("score with the caption", -1.1, 1.1, ticks=score),
                    Axis("strength of pull or push", LEAST / 2, 2, log=True, ticks=force)),
            },
            marks={
                "cells": Cells("pairs", "positive", shape=(n + 1, n), roles=roles[1:],
                    names=(["picture", *self._captions], self._names)),
                "fit": Words("pairs", "ink", x=column + 0.5, y=n - row - 0.5, words=["="] * len(row),
                    scale=0.05),
                "top": items("pairs", "ink", x=np.arange(n) + 0.5, y=np.full(n, n + 0.5),
                    scale=0.94 / (n + 1), **tips),
                "marked": Note("pairs", "focus", x=[self._moved + 0.5], y=[n - 0.7], text="◆",
                    align="middle"),
                "frame": Links("pairs", "focus", x=[0, 0, 0, n], y=[n, n - 1, n - 1, n - 1],
                    x2=[n, n, 0, n], y2=[n, n - 1, n, n], width=np.full(4, 1.5)),
                "before": Line("row", "faint", x=CURVE, dashed=True),
                "curve": Line("row", "negative", x=CURVE),
                "items": items("row", "ink", roles=roles, **row_items),
                "moved": items("row", "negative", which=[self._moved], **row_items),
                "moved one": Note("row", "focus", text="◆", align="middle"),
                "at": Rule("row", "focus", axis="x"),
                "here": Handle("row", along={"x": "s"}, y=[LEAST / 2]),
                "label": Note("row", "focus", y=[0.8]),
                "others": Note("row", "negative", y=[0.35]),
            },
            key={"positive": "pulled together", "negative": "pushed apart",
                "false_negative": "pushed although they fit (=)", "focus": "the marked pair ◆",
                "faint": "before ◆ moved"},
        )  # fmt: skip

    def scene(self, result: Forces) -> dict[str, dict[str, Any]]:
        n, force = len(result.forces), np.abs(result.forces[0])
        y = np.maximum(force, LEAST)
        still = np.arange(n) != self._moved
        push = result.forces > 0
        role = np.where(push, np.where(self._fits, "false_negative", "negative"), "positive")
        beside = -1.05 if result.s > -0.2 else result.s + 0.06  # clear of the line of ◆
        depth = np.round(np.sqrt(np.abs(result.forces)) * SHADES) / SHADES
        return {
            "cells": {
                "value": np.concatenate([np.zeros(n), depth.ravel()]),
                "role": np.concatenate([role[0], role.ravel()]),
            },
            "before": {"y": _drawn(result.before)},
            "curve": {"y": _drawn(result.curve)},
            "items": {
                "x": np.where(still, result.scores[0], np.nan),
                "y": y,
                "value": force,
                "role": role[0],
            },
            "moved": {"x": [result.s], "y": y[self._moved], "value": force[self._moved]},
            "moved one": {"x": [result.s], "y": 2 * y[self._moved]},
            "at": {"at": result.s},
            "label": {"x": beside, "text": f"push on ◆: {result.forces[0, self._moved]:.3f}"},
            "others": {"x": beside, "text": f"on the rest: {self._rest(result):.3f}"},
        }

    def _rest(self, result: Forces) -> float:
        """The first caption's push on the wrong pictures but the marked one, together."""
        wrong = ~self._fits[0]
        wrong[self._moved] = False
        return float(result.forces[0, wrong].sum())

    def summary(self, result: Forces) -> str:
        push = np.clip(result.forces[0], 0, None)
        return (
            f"{result.loss}, τ = {number(result.tau)}: loss per caption {number(result.mean)}\n"
            f"“{self._captions[0]}” pushes the marked picture (s = {number(result.s)}) with"
            f" {push[self._moved]:.3f}, those that fit with {push[self._fits[0]].sum():.3f},"
            f" the rest with {self._rest(result):.3f}"
        )


def _drawn(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    """A curve with gaps where the axis ends."""
    return np.where((curve >= LEAST) & (curve <= 1), curve, np.nan)
