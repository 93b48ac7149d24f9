"""Triplet, BPR, N-pair, InfoNCE and sigmoid on the same negatives.

The figure shows what each asks of the positive, and what it pushes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nslab.explain._base import (
    Arrows,
    Axis,
    Control,
    Dots,
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
from nslab.losses import info_nce, triplet_loss
from nslab.theory import effective_margin

MOST = 256  # negatives
MARGIN = 0.2  # of the triplet, in squared distance; 2 − 2s makes it 0.1 in score
BIAS = -10.0  # of the sigmoid, where SigLIP starts
LOSSES = ("triplet", "BPR", "N-pair", "InfoNCE", "sigmoid")
ONE = ("triplet", "BPR")  # those that take one negative, here the hardest
TEMPERED = ("BPR", "InfoNCE", "sigmoid")  # those that the slider of τ moves
SCORES = torch.linspace(0, 1, 81, dtype=torch.float64)
# Three lines above the curves, short enough for a phone; and their heights.
LISTED = {1.79: ("triplet", "BPR"), 1.63: ("InfoNCE", "sigmoid"), 1.47: ("N-pair",)}
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
    curve: NDArray[np.float64]  # the loss at SCORES
    here: float  # at s⁺
    pull: float  # on the positive
    pulls: dict[str, NDArray[np.float64]]  # of every loss, at SCORES
    asked: dict[str, float]  # the threshold of every loss
    push: NDArray[np.float64]  # on each negative

    @property
    def threshold(self) -> float:
        """Where half of the pull is left."""
        return self.asked[self.loss]

    @property
    def margin(self) -> float:
        """By how much the threshold lies above the one score that stands for all."""
        return self.threshold - self.effective


class LossFamily(Explainer):
    """One positive against real negatives under five losses, how hard each still pulls at every score s⁺.

    `scores` (K,), K from 2 to 256: cosines of one anchor with its negatives. `pictures` (1 + K, height,
    width), in [0, 1], and as many `names` show the positive and the negatives. The triplet takes the
    hardest negative and a margin of 0.2 in squared distance. BPR is InfoNCE with K = 1 and takes the same
    negative; Rendle draws one and has no τ. N-pair has τ = 1: Sohn's is for vectors of any length, here it
    gets cosines. Of the sigmoid, with bias −10, the pull is that of the positive's own term.
    """

    question = "What does each loss ask of the positive?"
    title = "Each loss pulls the positive up to its own threshold; one above 1 is out of reach"
    loss = Control("", "loss", LOSSES, start="InfoNCE")
    tau = Control("τ", "temperature", log_grid(0.01, 1, 81), start=0.1, play=True)
    pos = Control("s⁺", "positive's score", linear_grid(0, 1, 101), start=0.6)

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
        self._order = np.argsort(
            -self._scores.numpy(), kind="stable"
        )  # small pictures are drawn over large ones
        self._curve = cache(lambda loss, tau: self._loss(loss, tau, SCORES))
        super().__init__(**start)

    def compute(self, loss: str, tau: float, pos: float) -> Asked:
        curves = {name: self._curve(name, tau if name in TEMPERED else 1.0) for name in LOSSES}
        pulls = {name: self._pull(name, tau, curves[name]) for name in LOSSES}
        asked = {name: self._threshold(name, tau) for name in LOSSES}
        here = float(self._loss(loss, tau, torch.tensor(pos, dtype=torch.float64)))
        scores, temperature = self._scores, _temperature(loss, tau)
        only = self._is_hardest.double() / self._is_hardest.sum()
        pull = float(self._pull(loss, tau, np.float64(here)))
        if loss == "sigmoid":
            push = torch.sigmoid(scores / tau + BIAS)
        else:
            push = pull * (only if loss in ONE else torch.softmax(scores / temperature, 0))
        return Asked(
            loss=loss,
            temperature=temperature,
            pos=pos,
            effective=self._effective(loss, tau),
            curve=curves[loss],
            here=here,
            pull=pull,
            pulls=pulls,
            asked=asked,
            push=push.numpy(),
        )

    def _effective(self, loss: str, tau: float) -> float:
        """The one score that stands for all negatives."""
        if loss in ("triplet", "sigmoid"):
            return self._hardest if loss == "triplet" else math.nan
        temperature, taken = _temperature(loss, tau), self._taken(loss)
        return float(temperature * ((taken / temperature).logsumexp(0) - math.log(len(taken))))

    def _threshold(self, loss: str, tau: float) -> float:
        if loss == "triplet":
            return self._hardest + MARGIN / 2
        if loss == "sigmoid":
            return -tau * BIAS
        return float(
            effective_margin(len(self._taken(loss)), _temperature(loss, tau), self._effective(loss, tau))
        )

    def _pull(self, loss: str, tau: float, height: Any) -> Any:
        """How hard the positive is pulled where the loss has a height."""
        return 1.0 * (height > 0) if loss == "triplet" else -np.expm1(-height / _temperature(loss, tau))

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
        k, order = len(self._scores), self._order
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
                    "How long each loss pulls",
                    Axis("s⁺, the positive's score", -0.02, REACH, ticks={t: f"{t:g}" for t in (0, 0.5, 1)}),
                    Axis("pull on the positive", 0, 2.05, ticks={t: f"{t:g}" for t in (0, 0.5, 1)}),
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
                "label_mean": Note(
                    "push", "negative", x=[self._mean], y=[-0.26], text="mean", align="middle"
                ),
                "label_effective": Note("push", y=[-0.35], align="middle"),
                "others": Line("loss", "faint", x=np.tile(np.append(SCORES, math.nan), len(LOSSES))),
                "curve": Line("loss", x=SCORES),
                "halves": Dots("loss", "focus", y=[0.5] * len(LOSSES), scale=0.04, tips=LOSSES),
                "list": Note("loss", x=[0], y=[1.95], text="half of the pull is gone at"),
                **{" ".join(losses): Note("loss", x=[0], y=[height]) for height, losses in LISTED.items()},
                "here": Handle("loss", "positive", along={"x": "pos"}),
                "asks": Note("loss", "focus", x=[REACH], y=[1.28], align="end"),
                "label": Note("loss", "positive", x=[0], y=[1.08], big=True),
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
        pulls = {name: np.round(pull, 3) for name, pull in result.pulls.items()}
        others = [pulls[name] if name != result.loss else np.full(len(SCORES), math.nan) for name in LOSSES]
        reached = [result.asked[name] if result.asked[name] <= 1 else math.nan for name in LOSSES]
        return {
            "effective": {"x": effective, "x2": effective},
            "edge": {"x": edge, "x2": edge},
            "margin": {"x": effective, "x2": edge},
            "negatives": {
                "size": np.round(result.push[self._order], 3),
                "role": np.where(self._is_hardest[self._order], "hard", "negative"),
            },
            "positive": {"x": result.pos, "size": round(result.pull, 3)},
            "label_effective": {
                "x": 0 if math.isnan(effective) else effective,
                "text": "" if math.isnan(effective) else "stands for all",
            },
            "others": {"y": np.concatenate([np.append(curve, math.nan) for curve in others])},
            "curve": {"y": pulls[result.loss]},
            "halves": {"x": reached},
            **{" ".join(losses): {"text": _listed(result, losses)} for losses in LISTED.values()},
            "here": {"y": result.pull},
            "asks": {"text": self._asks(result)},
            "label": {"text": f"pull {result.pull:.3g}"},
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
    return {"triplet": math.nan, "N-pair": 1.0}.get(loss, tau)


def _place(threshold: float) -> str:
    return f"{threshold:.2f}" if threshold <= 1 else "never"  # no cosine is larger


def _listed(result: Asked, losses: Sequence[str]) -> str:
    """Where the pull of each of these has fallen to a half; the chosen loss is marked."""
    marked = {result.loss: "▸ "}
    return " · ".join(f"{marked.get(name, '')}{name} {_place(result.asked[name])}" for name in losses)
