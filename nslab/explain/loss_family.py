"""Triplet, BPR, N-pair, InfoNCE and sigmoid on the same negatives: what each asks of the positive, and what it pushes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..losses import info_nce, triplet_loss
from ..theory import effective_margin
from ._base import (
    Arrows,
    Axis,
    Control,
    Explainer,
    Handle,
    Line,
    Links,
    Note,
    Panel,
    Stage,
    check_each,
    heights_apart,
    items,
    linear_grid,
    log_grid,
    number,
)

MOST = 256  # negatives
MARGIN = 0.2  # of the triplet, in squared distance; 2 − 2s makes it 0.1 in score
BIAS = -10.0  # of the sigmoid, where SigLIP starts
LOSSES = ("triplet", "BPR", "N-pair", "InfoNCE", "sigmoid")
ONE = ("triplet", "BPR")  # those that take one negative, here the hardest
TEMPERED = ("BPR", "InfoNCE", "sigmoid")  # those that the slider of τ moves
SCORES = torch.linspace(-1, 1, 81, dtype=torch.float64)
TOP = 5.4  # of the loss in units of score: N-pair lies so high
APART = 0.36  # of two names beside their curves
REACH = 1.15  # of the axis of scores
LANE, SIDE = 0.84, 0.24  # where the positive moves, and its side where the whole pull is left
STRIP = -0.17  # height of the margin
HEIGHTS = np.linspace(0.05, 0.58, 16)  # at which a negative may stand


@dataclass(frozen=True)
class Asked:
    """What a loss asks of the positive; losses are τL (the triplet's L/2), in units of score."""

    loss: str
    temperature: float  # NaN for the triplet
    pos: float  # s⁺
    effective: float  # the one score that stands for all negatives; NaN for the sigmoid
    threshold: float  # where half of the pull is left
    curves: dict[str, NDArray[np.float64]]  # of every loss, at SCORES
    here: float  # at s⁺
    pull: float  # on the positive
    push: NDArray[np.float64]  # on each negative

    @property
    def curve(self) -> NDArray[np.float64]:
        """The chosen loss at SCORES."""
        return self.curves[self.loss]

    @property
    def margin(self) -> float:
        """By how much the threshold lies above the one score that stands for all."""
        return self.threshold - self.effective


class LossFamily(Explainer):
    """One positive against real negatives under five losses, each drawn in units of score against the positive's score s⁺.

    `scores` (K,), K from 2 to 256: cosines of one anchor with its negatives. `pictures` (1 + K, height, width), in [0, 1],
    and as many `names` show the positive and the negatives. The triplet takes the hardest negative and a margin of 0.2 in
    squared distance. BPR is InfoNCE with K = 1 and takes the same negative; Rendle draws one and has no τ. N-pair has τ = 1:
    Sohn's is for vectors of any length, here it gets cosines. Of the sigmoid, with bias −10, the curve is the positive's own term.
    """

    question = "What does each loss ask of the positive?"
    title = "Five losses, one shape: straight down to a threshold, then almost 0"
    loss = Control("", "loss", LOSSES, start="InfoNCE")
    tau = Control("τ", "temperature", log_grid(0.01, 1, 81), start=0.1, play=True)
    pos = Control("s⁺", "positive's score", linear_grid(-1, 1, 101), start=0.6)

    def __init__(
        self, scores: Any, *, pictures: Any = None, names: Sequence[str] | None = None, **start: Any
    ) -> None:
        self._scores = torch.as_tensor(scores, dtype=torch.float64)
        row = self._scores.dim() == 1 and 2 <= len(self._scores) <= MOST
        if not row or not bool((self._scores.abs() <= 1).all()):
            raise ValueError(f"scores must be one row of 2 to {MOST} cosines, got {scores!r}")
        self._pictures, self._names = pictures, names
        check_each(
            f"show the positive and the negatives, {1 + len(self._scores)} in all",
            1 + len(self._scores),
            pictures=pictures,
            names=names,
        )
        self._mean, self._hardest = float(self._scores.mean()), float(self._scores.max())
        self._is_hardest = self._scores == self._hardest
        self._curve = cache(lambda loss, tau: self._loss(loss, tau, SCORES))
        super().__init__(**start)

    def compute(self, loss: str, tau: float, pos: float) -> Asked:
        curves = {name: self._curve(name, tau if name in TEMPERED else 1.0) for name in LOSSES}
        here = float(self._loss(loss, tau, torch.tensor(pos, dtype=torch.float64)))
        scores, hardest = self._scores, self._hardest
        only = self._is_hardest.double() / self._is_hardest.sum()
        if loss == "triplet":
            temperature, effective, threshold = math.nan, hardest, hardest + MARGIN / 2
            pull = float(here > 0)
            push = pull * only
        elif loss == "sigmoid":
            temperature, effective, threshold = tau, math.nan, -tau * BIAS
            pull = -math.expm1(-here / tau)
            push = torch.sigmoid(scores / tau + BIAS)
        else:
            temperature, taken = _temperature(loss, tau), self._taken(loss)
            effective = float(temperature * ((taken / temperature).logsumexp(0) - math.log(len(taken))))
            threshold = float(effective_margin(len(taken), temperature, effective))
            pull = -math.expm1(-here / temperature)
            push = pull * (only if loss in ONE else torch.softmax(scores / temperature, 0))
        return Asked(loss, temperature, pos, effective, threshold, curves, here, pull, push.numpy())

    def _loss(self, loss: str, tau: float, pos: torch.Tensor) -> NDArray[np.float64]:
        """One loss at scores of the positive, in units of score."""
        if loss == "triplet":
            d_an = torch.full_like(pos, 2 - 2 * self._hardest)
            return (triplet_loss(2 - 2 * pos, d_an, margin=MARGIN, reduction="none") / 2).numpy()
        if loss == "sigmoid":
            logit = pos / tau + BIAS
            return (tau * torch.logaddexp(-logit, torch.zeros_like(logit))).numpy()
        temperature, negatives = _temperature(loss, tau), self._taken(loss).expand(*pos.shape, -1)
        return (temperature * info_nce(pos, negatives, temperature=temperature, reduction="none")).numpy()

    def _taken(self, loss: str) -> torch.Tensor:
        """The scores that a loss compares the positive with."""
        return self._scores.amax(0, keepdim=True) if loss in ONE else self._scores

    def stage(self) -> Stage:
        ticks = {t: f"{t:g}" for t in (-1, -0.5, 0, 0.5, 1)}
        k = len(self._scores)
        order = np.argsort(-self._scores.numpy(), kind="stable")  # small pictures are drawn over large ones
        shown: dict[str, Any] = {"tips": self._names, "scale": SIDE}
        return Stage(
            panels={
                "push": Panel(
                    "Area: how hard each digit is moved",
                    Axis("score with the anchor (cosine)", -1, REACH, ticks=ticks),
                    Axis("", -0.37, 1.04, ticks={}),
                    share=1.1,
                ),
                "loss": Panel(
                    "Loss against s⁺",
                    Axis("s⁺, the positive's score", -1.75, REACH, ticks=ticks),
                    Axis("τ · loss (triplet: loss / 2)", 0, TOP, ticks={t: f"{t}" for t in range(6)}),
                ),
            },
            marks={
                "negatives": items(
                    "push",
                    "negative",
                    pictures=self._pictures,
                    x=self._scores[order].numpy(),
                    y=heights_apart(self._scores.numpy(), order, HEIGHTS)[order],
                    which=1 + order,
                    roles=("hard",),
                    shows={"score": "x", "push": "size"},
                    **shown,
                ),
                "positive": items(
                    "push",
                    "positive",
                    pictures=self._pictures,
                    y=[LANE],
                    which=[0],
                    shows={"score": "x", "pull": "size"},
                    **shown,
                ),
                "mean": Links("push", "negative", x=[self._mean], y=[STRIP], x2=[self._mean], y2=[0.64]),
                "effective": Links("push", y=[STRIP], y2=[0.64]),
                "edge": Links("push", "focus", y=[STRIP], y2=[1.02]),
                "margin": Arrows("push", "focus", y=[STRIP], y2=[STRIP], width=[2]),
                "move": Handle("push", "positive", along={"x": "pos"}, y=[0.66]),
                "says_mean": Note("push", "negative", x=[self._mean], y=[-0.26], text="mean", align="middle"),
                "says_effective": Note("push", y=[-0.35], align="middle"),
                "others": Line("loss", "faint", x=np.tile(np.append(SCORES, math.nan), len(LOSSES))),
                "curve": Line("loss", x=SCORES),
                **{loss: Note("loss", x=[-1.06], align="end") for loss in LOSSES},
                "here": Handle("loss", "positive", along={"x": "pos"}),
                "asks": Note("loss", "focus", x=[REACH], y=[TOP * 0.93], align="end"),
                "says": Note("loss", "positive", x=[REACH], align="end", big=True),
            },
            key={
                "negative": f"{k} negatives",
                "hard": "hardest",
                "ink": "chosen loss",
                "faint": "other losses",
                "focus": "threshold; arrow: margin",
            },
        )

    def scene(self, result: Asked) -> dict[str, dict[str, Any]]:
        edge = result.threshold if result.threshold <= REACH else math.nan
        effective = result.effective
        within = {name: _within(curve) for name, curve in result.curves.items()}
        others = [within[name] if name != result.loss else np.full(len(SCORES), math.nan) for name in LOSSES]
        starts = _apart([result.curves[name][0] for name in LOSSES])
        order = np.argsort(-self._scores.numpy(), kind="stable")
        return {
            "effective": {"x": effective, "x2": effective},
            "edge": {"x": edge, "x2": edge},
            "margin": {"x": effective, "x2": edge},
            "negatives": {
                "size": np.round(result.push[order], 3),
                "role": np.where(self._scores[order] == self._hardest, "hard", "negative"),
            },
            "positive": {"x": result.pos, "size": round(result.pull, 3)},
            "says_effective": {
                "x": 0 if math.isnan(effective) else effective,
                "text": "" if math.isnan(effective) else "stands for all",
            },
            "others": {"y": np.concatenate([np.append(curve, math.nan) for curve in others])},
            "curve": {"y": within[result.loss]},
            **{
                name: {"y": start, "text": name if result.curves[name][0] <= TOP else f"{name} ↑"}
                for name, start in zip(LOSSES, starts, strict=True)
            },
            "here": {"y": min(result.here, TOP)},
            "asks": {"text": self._asks(result)},
            "says": {"y": TOP * 0.5, "text": f"pull {result.pull:.3g}"},
        }

    def _asks(self, result: Asked) -> str:
        return {
            "triplet": f"margin m/2 = {MARGIN / 2:g}",
            "BPR": "margin τ ln 1 = 0",
            "N-pair": f"margin ln K = {result.margin:.3g}",
            "InfoNCE": f"margin τ ln K = {result.margin:.3g}",
            "sigmoid": f"threshold −τ b = {result.threshold:.3g}",
        }[result.loss]

    def summary(self, result: Asked) -> str:
        triplet = result.loss == "triplet"
        setting = f"m = {MARGIN:g}" if triplet else f"τ = {number(result.temperature)}"
        effective = "none" if math.isnan(result.effective) else number(result.effective)
        return (
            f"{result.loss}, {setting}: mean = {number(self._mean)}, hardest = {number(self._hardest)}, "
            f"one score for all = {effective}\n"
            f"threshold = {number(result.threshold)}; at s⁺ = {number(result.pos)}: "
            f"{'loss / 2' if triplet else 'τ · loss'} = {number(result.here)}, pull = {number(result.pull)}"
        )


def _temperature(loss: str, tau: float) -> float:
    return 1.0 if loss == "N-pair" else tau


def _within(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(curve <= TOP, np.round(curve, 3), np.nan)


def _apart(heights: list[float]) -> NDArray[np.float64]:
    """Heights for names beside their curves, from the lowest up, so that none covers another."""
    places = np.array([min(height, TOP - APART) for height in heights])
    order = np.argsort(places, kind="stable")
    for below, above in pairwise(order):
        places[above] = max(places[above], places[below] + APART)
    for above, below in pairwise(order[::-1]):
        places[above] = min(places[above], TOP)
        places[below] = min(places[below], places[above] - APART)
    return places.round(2)
