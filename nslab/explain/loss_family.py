"""Triplet, N-pair, InfoNCE and sigmoid on the same negatives: what each asks of the positive, and whom it pushes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..losses import info_nce, triplet_loss
from ..theory import effective_margin, equal_negatives_loss
from ._base import (
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
    Pictures,
    Stage,
    linear_grid,
    log_grid,
    number,
)

MOST = 256  # negatives
MARGIN = 0.2  # of the triplet, in squared distance; 2 − 2s makes it 0.1 in score
BIAS = -10.0  # of the sigmoid, where SigLIP starts
ALPHAS = torch.linspace(-1, 1, 81, dtype=torch.float64)
TOP = 5.0  # of the loss in units of score
LANE = 0.93  # where the positive moves
HEIGHTS = np.linspace(0.06, 0.66, 16)  # at which a negative may stand


@dataclass(frozen=True)
class Asked:
    """What a loss asks of the positive; losses are τL, in units of score."""

    loss: str
    temperature: float  # 0 for the triplet
    alpha: float
    effective: float  # β_eff; NaN for the sigmoid
    threshold: float  # where half of the pull is left
    curve: NDArray[np.float64]  # at ALPHAS
    lower: NDArray[np.float64]  # if all negatives had the mean score
    upper: NDArray[np.float64]  # if all had the hardest
    here: float  # at α
    pull: float  # on the positive
    push: NDArray[np.float64]  # on each negative

    @property
    def margin(self) -> float:
        """By how much the threshold lies above β_eff."""
        return self.threshold - self.effective


class LossFamily(Explainer):
    """One positive against real negatives under four losses, each drawn as τL against the positive's score α.

    `scores` (K,), K from 2 to 256: similarities in [−1, 1] of one anchor to its negatives. `pictures` (1 + K, height,
    width), in [0, 1], and as many `names` show the positive and the negatives. The triplet takes the hardest negative
    and a margin of 0.2 in squared distance, N-pair has τ = 1, and the sigmoid has the bias −10.
    """

    title = "Four losses, one shape: what differs is the corner, and where it stands"
    loss = Control("", "loss", ["triplet", "N-pair", "InfoNCE", "sigmoid"], start="InfoNCE")
    tau = Control("τ", "temperature", log_grid(0.01, 1, 81), start=0.1, play=True)
    alpha = Control("α", "positive's score", linear_grid(-1, 1, 101), start=0.6)

    def __init__(
        self, scores: Any, *, pictures: Any = None, names: Sequence[str] | None = None, **start: Any
    ) -> None:
        self._scores = torch.as_tensor(scores, dtype=torch.float64)
        row = self._scores.dim() == 1 and 2 <= len(self._scores) <= MOST
        if not row or not bool((self._scores.abs() <= 1).all()):
            raise ValueError(f"scores must be one row of 2 to {MOST} cosines, got {scores!r}")
        self._pictures, self._names = pictures, names
        for argument, given in (("pictures", pictures), ("names", names)):
            if given is not None and len(given) != 1 + len(self._scores):
                raise ValueError(
                    f"{argument} must show the positive and the negatives, {1 + len(self._scores)} in all, got {len(given)}"
                )
        self._mean, self._hardest = float(self._scores.mean()), float(self._scores.max())
        self._curves = cache(self._curves_at)
        super().__init__(**start)

    def compute(self, loss: str, tau: float, alpha: float) -> Asked:
        if loss == "triplet":
            return self._triplet(alpha)
        if loss == "sigmoid":
            return self._sigmoid(tau, alpha)
        return self._softmax(loss, 1.0 if loss == "N-pair" else tau, alpha)

    def _triplet(self, alpha: float) -> Asked:
        def hinge(s: Any) -> NDArray[np.float64]:
            d_ap = 2 - 2 * torch.as_tensor(s, dtype=torch.float64)
            d_an = torch.full_like(d_ap, 2 - 2 * self._hardest)
            return (triplet_loss(d_ap, d_an, margin=MARGIN, reduction="none") / 2).numpy()

        pull = float(hinge(alpha) > 0)
        hardest = (self._scores == self._hardest).double()
        return Asked(
            loss="triplet",
            temperature=0.0,
            alpha=alpha,
            effective=self._hardest,
            threshold=self._hardest + MARGIN / 2,
            curve=hinge(ALPHAS),
            lower=np.full(len(ALPHAS), np.nan),
            upper=np.full(len(ALPHAS), np.nan),
            here=float(hinge(alpha)),
            pull=pull,
            push=(pull * hardest / hardest.sum()).numpy(),
        )

    def _softmax(self, loss: str, tau: float, alpha: float) -> Asked:
        scores, k = self._scores, len(self._scores)
        effective = float(tau * ((scores / tau).logsumexp(0) - math.log(k)))
        curve, lower, upper = self._curves(tau)
        here = float(info_nce(alpha, scores, temperature=tau))
        pull = -math.expm1(-here)
        return Asked(
            loss=loss,
            temperature=tau,
            alpha=alpha,
            effective=effective,
            threshold=float(effective_margin(k, tau, effective)),
            curve=curve,
            lower=lower,
            upper=upper,
            here=tau * here,
            pull=pull,
            push=(pull * torch.softmax(scores / tau, 0)).numpy(),
        )

    def _curves_at(self, tau: float) -> list[NDArray[np.float64]]:
        """τL of the scores as they are, and if all were the mean or the hardest: α does not move these curves."""
        k = len(self._scores)
        exact = info_nce(ALPHAS, self._scores.expand(len(ALPHAS), k), temperature=tau, reduction="none")
        bounds = (equal_negatives_loss(ALPHAS, beta, tau, k) for beta in (self._mean, self._hardest))
        return [(tau * torch.as_tensor(loss)).numpy() for loss in (exact, *bounds)]

    def _sigmoid(self, tau: float, alpha: float) -> Asked:
        """The positive's term; those of the negatives do not depend on α."""

        def term(s: Any) -> torch.Tensor:
            logit = torch.as_tensor(s, dtype=torch.float64) / tau + BIAS
            return torch.logaddexp(-logit, torch.zeros_like(logit))

        return Asked(
            loss="sigmoid",
            temperature=tau,
            alpha=alpha,
            effective=math.nan,
            threshold=-tau * BIAS,
            curve=(tau * term(ALPHAS)).numpy(),
            lower=np.full(len(ALPHAS), np.nan),
            upper=np.full(len(ALPHAS), np.nan),
            here=float(tau * term(alpha)),
            pull=-math.expm1(-float(term(alpha))),
            push=torch.sigmoid(self._scores / tau + BIAS).numpy(),
        )

    def stage(self) -> Stage:
        score = Axis(
            "score with the anchor (cosine)", -1, 1.1, ticks={t: f"{t:g}" for t in (-1, -0.5, 0, 0.5, 1)}
        )
        shown = {"tips": self._names, "shows": {"score": "x", "push": "size"}, "scale": 0.35}
        k = len(self._scores)
        line: dict[str, Any] = {"y2": [0.86], "width": [1.5]}
        return Stage(
            panels={
                "push": Panel(
                    "Area: how hard each digit is pushed", score, Axis("", -0.26, 1.02, ticks={}), share=1.15
                ),
                "loss": Panel("The loss of the positive", score, Axis("τ · loss, in units of score", 0, TOP)),
            },
            marks={
                "mean": Links("push", "negative", x=[self._mean], y=[-0.08], x2=[self._mean], **line),
                "effective": Links("push", "ink", y=[-0.16], **line),
                "edge": Links("push", "focus", y=[-0.08], **line),
                "margin": Arrows("push", "focus", y=[0.84], y2=[0.84], width=[2]),
                "negatives": self._points(
                    "negative",
                    x=self._scores,
                    y=_heights(self._scores.numpy()),
                    which=np.arange(1, 1 + k),
                    roles=("hard",),
                    **shown,
                ),
                "positive": self._points(
                    "positive", y=[LANE], size=[0.08], which=[0], tips=self._names, scale=0.35
                ),
                "move": Handle("push", "positive", along={"x": "alpha"}, y=[LANE - 0.12]),
                "says_mean": Note("push", "negative", x=[self._mean], y=[-0.15], text="mean", align="middle"),
                "says_effective": Note("push", y=[-0.24], align="middle"),
                "upper": Line("loss", "hard", x=ALPHAS, dashed=True),
                "lower": Line("loss", "negative", x=ALPHAS, dashed=True),
                "curve": Line("loss", x=ALPHAS),
                "here": Handle("loss", "positive", along={"x": "alpha"}),
                "asks": Note("loss", "focus", x=[1.1], align="end"),
                "says": Note("loss", "positive", x=[1.1], align="end", big=True),
            },
            key={
                "negative": "negatives, and their mean",
                "hard": "hardest",
                "ink": "the loss, and β_eff",
                "focus": "threshold",
            },
        )

    def _points(self, role: str, **look: Any) -> Pictures | Dots:
        if self._pictures is None:
            return Dots("push", role, **look)
        return Pictures("push", role, images=self._pictures, **look)

    def scene(self, result: Asked) -> dict[str, dict[str, Any]]:
        edge = result.threshold if result.threshold <= 1.1 else math.nan
        effective = result.effective
        free = 0.1 if result.curve[-1] > TOP / 3 else 0.8  # height where no curve is
        return {
            "effective": {"x": effective, "x2": effective},
            "edge": {"x": edge, "x2": edge},
            "margin": {"x": effective, "x2": edge},
            "negatives": {
                "size": np.round(result.push, 3),
                "role": np.where(self._scores == self._hardest, "hard", "negative"),
            },
            "positive": {"x": result.alpha},
            "says_effective": {
                "x": 0 if math.isnan(effective) else effective,
                "text": "" if math.isnan(effective) else "β_eff",
            },
            **{name: {"y": _within(getattr(result, name))} for name in ("upper", "lower", "curve")},
            "here": {"y": min(result.here, TOP)},
            "asks": {"y": TOP * (free + 0.11), "text": self._asks(result)},
            "says": {"y": TOP * free, "text": f"pull {result.pull:.3g}"},
        }

    def _asks(self, result: Asked) -> str:
        k = len(self._scores)
        return {
            "triplet": f"the hardest of {k}, margin m/2 = {MARGIN / 2:g}",
            "N-pair": f"all {k}, margin ln K = {result.margin:.3g}",
            "InfoNCE": f"all {k}, margin τ ln K = {result.margin:.3g}",
            "sigmoid": f"each for itself, threshold −τ b = {result.threshold:.3g}",
        }[result.loss]

    def summary(self, result: Asked) -> str:
        effective = "none" if math.isnan(result.effective) else number(result.effective)
        return (
            f"{result.loss}, τ = {number(result.temperature)}: mean = {number(self._mean)}, "
            f"β_eff = {effective}, hardest = {number(self._hardest)}\n"
            f"threshold = {number(result.threshold)}; at α = {number(result.alpha)}: "
            f"τ · loss = {number(result.here)}, pull = {number(result.pull)}"
        )


def _within(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(curve <= TOP, np.round(curve, 3), np.nan)


def _heights(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """A height for each negative, far from those at like scores; the hardest first."""
    heights = np.full(len(scores), np.nan)
    for i in np.argsort(-scores, kind="stable"):
        known = np.isfinite(heights)
        gaps = np.hypot(scores[known] - scores[i], HEIGHTS[:, None] - heights[known])
        heights[i] = HEIGHTS[gaps.min(1, initial=np.inf).argmax()]
    return heights
