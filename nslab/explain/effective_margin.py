"""InfoNCE against K equal negatives: a hinge with a round corner, whose margin over the negatives is τ ln K."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..theory import effective_margin, equal_negatives_loss
from ._base import (
    Arrows,
    Axis,
    Band,
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
    integer_grid,
    linear_grid,
    number,
)

LOW, HIGH = -0.4, 1.2  # scores
ALPHAS = torch.linspace(LOW, HIGH, 81, dtype=torch.float64)
FLOOR, TOP = -0.55, 1.6  # of the loss in units of score; below 0 stand the negatives
MOST = 0.09  # temperature at which the largest threshold is still on the axis
STRIP, GRIP = -0.2, -0.43


@dataclass(frozen=True)
class Margin:
    k: int
    alpha: float
    beta: float
    curve: NDArray[np.float64]  # τL at ALPHAS
    pulls: NDArray[np.float64]  # 1 − p₊ at ALPHAS
    threshold: float
    margin: float
    loss: float  # L of the positive at α, nats

    @property
    def pull(self) -> float:
        """1 − p₊ of the positive at α."""
        return -math.expm1(-self.loss)


class EffectiveMargin(Explainer):
    """InfoNCE at a temperature, as the positive's score α moves against K negatives that all have the score β.

    The loss is τL, in units of score, so that its straight part falls with slope −1. `pictures` (2, height, width), in
    [0, 1], show the positive and the negatives.
    """

    question = "Where does InfoNCE hide its margin?"
    title = "InfoNCE is a hinge with a round corner, and τ ln K is its margin"
    k = Control("K", "negatives", integer_grid(1, 4096, 145), start=256, play=True)
    alpha = Control("α", "positive's score", linear_grid(-0.2, 1, 121), start=0.2)
    beta = Control("β", "negatives' score", linear_grid(-0.3, 0.4, 71), start=0.1)

    def __init__(self, temperature: float = 0.07, *, pictures: Any = None, **start: Any) -> None:
        if not 0 < temperature <= MOST:
            raise ValueError(f"temperature must lie between 0 and {MOST}, got {temperature!r}")
        if pictures is not None and len(pictures) != 2:
            raise ValueError(f"pictures must show the positive and a negative, got {len(pictures)}")
        self._tau, self._pictures = temperature, pictures
        super().__init__(**start)

    def compute(self, k: int, alpha: float, beta: float) -> Margin:
        tau = self._tau
        losses = torch.as_tensor(equal_negatives_loss(ALPHAS, beta, tau, k))
        return Margin(
            k=k,
            alpha=alpha,
            beta=beta,
            curve=(tau * losses).numpy(),
            pulls=-torch.expm1(-losses).numpy(),
            threshold=float(effective_margin(k, tau, beta)),
            margin=float(effective_margin(k, tau)),
            loss=float(equal_negatives_loss(alpha, beta, tau, k)),
        )

    def stage(self) -> Stage:
        score = Axis("score", LOW, HIGH)
        loss = Axis("τ · loss, in units of score", FLOOR, TOP, ticks={t: f"{t:g}" for t in (0, 0.5, 1, 1.5)})
        pull = Axis("pull on the positive, 1 − p₊", -0.05, 1.05, ticks={t: f"{t:g}" for t in (0, 0.5, 1)})
        beyond = {"x": [1, HIGH]}
        return Stage(
            panels={
                "loss": Panel("The loss of the positive", score, loss, share=1.3),
                "pull": Panel("How hard the positive is pulled", score, pull),
            },
            marks={
                "far": Band("loss", "faint", **beyond, low=[FLOOR] * 2, high=[TOP] * 2),
                "farther": Band("pull", "faint", **beyond, low=[-0.05] * 2, high=[1.05] * 2),
                "edge": Links("loss", "focus", y=[STRIP], y2=[TOP * 0.9], width=[1]),
                "edge_too": Links("pull", "focus", y=[-0.05], y2=[0.95], width=[1]),
                "hinge": Line("loss", "focus", dashed=True),
                "curve": Line("loss", x=ALPHAS),
                "pulls": Line("pull", x=ALPHAS),
                "margin": Arrows("loss", "focus", y=[STRIP], y2=[STRIP], width=[2]),
                "negatives": self._item("negative", 1, y=[STRIP]),
                "positive": self._item("positive", 0),
                "many": Note("loss", "negative", y=[STRIP - 0.03], align="end"),
                "wide": Note("loss", "focus", y=[STRIP - 0.03]),
                "threshold": Note("loss", "focus", y=[TOP * 0.93], text="threshold", align="middle"),
                "move_beta": Handle("loss", "negative", along={"x": "beta"}, y=[GRIP]),
                "move_alpha": Handle("loss", "positive", along={"x": "alpha"}),
                "here": Handle("pull", "positive", along={"x": "alpha"}),
                "says": Note("pull", "positive", x=[1.17], y=[0.86], align="end", big=True),
            },
            key={
                "positive": "positive, at α",
                "negative": "K negatives, at β",
                "focus": "hinge with the margin τ ln K",
                "faint": "out of reach of a cosine",
            },
        )

    def _item(self, role: str, which: int, **look: Any) -> Pictures | Dots:
        if self._pictures is None:
            return Dots("loss", role, scale=0.05, **look)
        return Pictures("loss", role, images=self._pictures, which=[which], scale=0.11, **look)

    def scene(self, result: Margin) -> dict[str, dict[str, Any]]:
        edge, height = result.threshold, self._tau * result.loss
        return {
            "edge": {"x": edge, "x2": edge},
            "edge_too": {"x": edge, "x2": edge},
            "hinge": {"x": [LOW, edge, HIGH], "y": [edge - LOW, 0, 0]},
            "curve": {"y": result.curve},
            "pulls": {"y": result.pulls},
            "margin": {"x": result.beta, "x2": edge},
            "negatives": {"x": result.beta},
            "positive": {"x": result.alpha, "y": height + 0.24},
            "many": {"x": result.beta - 0.085, "text": f"{result.k:,} ×"},
            "wide": {"x": max(edge, result.beta + 0.08) + 0.03, "text": f"τ ln K = {result.margin:.3g}"},
            "threshold": {"x": edge},
            "move_alpha": {"y": height},
            "here": {"y": result.pull},
            "says": {"text": f"pull {result.pull:.3g}"},
        }

    def summary(self, result: Margin) -> str:
        return (
            f"τ = {number(self._tau)}, K = {result.k:,}, β = {number(result.beta)}: "
            f"threshold β + τ ln K = {number(result.threshold)}, margin τ ln K = {number(result.margin)}\n"
            f"positive at α = {number(result.alpha)}, a lead of {number(result.alpha - result.beta)}: "
            f"loss = {number(result.loss)} nats, pull 1 − p₊ = {number(result.pull)}"
        )
