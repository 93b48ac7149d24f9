"""InfoNCE against K equal negatives: a hinge with a round corner.

Its margin over the negatives is τ ln K.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nslab.explain._base import (
    Arrows,
    Axis,
    Control,
    Explainer,
    Handle,
    Line,
    Links,
    Mark,
    Note,
    Panel,
    Stage,
    check_each,
    integer_grid,
    items,
    linear_grid,
    number,
)
from nslab.theory import effective_margin, equal_negatives_loss

LOW, HIGH = -0.4, 1.2  # scores
SCORES = torch.linspace(LOW, HIGH, 81, dtype=torch.float64)
TOP, ABOVE = 1.5, 1.4  # of the loss in units of score, and of the pull
MOST = 0.09  # temperature at which the largest threshold is still on the axis
COUNTS = [255 if k == 256 else k for k in integer_grid(1, 4096, 145)]  # 255: the others of a batch of 256
STRIP = 0.14  # height at which the negatives stand


@dataclass(frozen=True)
class Margin:
    k: int
    pos: float  # s⁺
    neg: float  # s⁻
    curve: NDArray[np.float64]  # τL at SCORES
    pulls: NDArray[np.float64]  # 1 − p₊ at SCORES
    threshold: float
    margin: float
    loss: float  # L of the positive at s⁺, nats

    @property
    def pull(self) -> float:
        """1 − p₊ of the positive at s⁺."""
        return -math.expm1(-self.loss)


class EffectiveMargin(Explainer):
    """InfoNCE as the positive's score s⁺ moves against K negatives that all have the score s⁻.

    The loss is τL, in units of score, so that its straight part falls with slope −1; beside it stands a
    hinge, straight down to the threshold and 0 from there. `pictures` (2, height, width), in [0, 1], show
    the positive and the negatives.
    """

    question = "What moves the threshold, and what changes the margin?"
    title = "Moving the negatives moves the threshold, but not the margin above them, τ ln K"
    k = Control("K", "negatives", COUNTS, start=255, play=True)
    pos = Control("s⁺", "positive's score", linear_grid(-0.2, 1, 121), start=0.2)
    neg = Control("s⁻", "negatives' score", linear_grid(-0.3, 0.4, 71), start=0.1)

    def __init__(self, temperature: float = 0.07, *, pictures: Any = None, **start: Any) -> None:
        if not 0 < temperature <= MOST:
            raise ValueError(f"temperature must lie between 0 and {MOST}, got {temperature!r}")
        check_each("show the positive and a negative", 2, pictures=pictures)
        self._tau, self._pictures = temperature, pictures
        super().__init__(**start)

    def compute(self, k: int, pos: float, neg: float) -> Margin:
        tau = self._tau
        losses = torch.as_tensor(equal_negatives_loss(SCORES, neg, tau, k))
        return Margin(
            k=k,
            pos=pos,
            neg=neg,
            curve=(tau * losses).numpy(),
            pulls=-torch.expm1(-losses).numpy(),
            threshold=float(effective_margin(k, tau, neg)),
            margin=float(effective_margin(k, tau)),
            loss=float(equal_negatives_loss(pos, neg, tau, k)),
        )

    def stage(self) -> Stage:
        score = Axis("score with the anchor", LOW, HIGH)
        pull = Axis("pull on the positive, 1 − p₊", 0, ABOVE, ticks={t: f"{t:g}" for t in (0, 0.5, 1)})
        loss = Axis("τ · loss, in units of score", 0, TOP)
        return Stage(
            panels={
                "pull": Panel("How hard the positive is pulled", score, pull),
                "loss": Panel(f"The loss of the positive, τ = {number(self._tau)}", score, loss),
            },
            marks={
                "edge": Links("pull", "focus", y=[0], y2=[1.1], width=[1]),
                "edge_too": Links("loss", "focus", y=[0], y2=[TOP * 0.9], width=[1]),
                "pulls": Line("pull", x=SCORES),
                "hinge": Line("loss", "focus", dashed=True),
                "curve": Line("loss", x=SCORES),
                "margin": Arrows("pull", "focus", y=[STRIP], y2=[STRIP], width=[2]),
                "negatives": self._item("negative", 1, y=[STRIP]),
                "positive": self._item("positive", 0),
                "many": Note("pull", "negative", y=[STRIP + 0.13], align="middle"),
                "wide": Note("pull", "focus", y=[STRIP - 0.1], align="middle"),
                "move_negatives": Handle("pull", "negative", along={"x": "neg"}, y=[0]),
                "move_positive": Handle("pull", "positive", along={"x": "pos"}),
                "label": Note("pull", "positive", x=[1.18], y=[1.28], align="end", big=True),
                "threshold": Note("loss", "focus", y=[TOP * 0.93], text="threshold", align="middle"),
                "here": Handle("loss", "positive", along={"x": "pos"}),
            },
            key={
                "positive": "positive, at s⁺",
                "negative": "K negatives, at s⁻",
                "ink": "InfoNCE",
                "focus": "threshold; hinge with the same margin",
            },
        )

    def _item(self, role: str, which: int, **look: Any) -> Mark:
        return items("pull", role, pictures=self._pictures, which=[which], scale=0.11, dot=0.05, **look)

    def scene(self, result: Margin) -> dict[str, dict[str, Any]]:
        edge, height = result.threshold, self._tau * result.loss
        middle = max((result.neg + edge) / 2, result.neg + 0.16)
        return {
            "edge": {"x": edge, "x2": edge},
            "edge_too": {"x": edge, "x2": edge},
            "pulls": {"y": result.pulls},
            "hinge": {"x": [LOW, edge, HIGH], "y": [edge - LOW, 0, 0]},
            "curve": {"y": result.curve},
            "margin": {"x": result.neg, "x2": edge},
            "negatives": {"x": result.neg},
            "positive": {"x": result.pos, "y": result.pull + 0.16},
            "many": {"x": result.neg, "text": f"{result.k:,} ×"},
            "wide": {"x": middle, "text": f"{result.margin:.3g}"},
            "move_positive": {"y": result.pull},
            "label": {"text": f"pull {result.pull:.3g}"},
            "threshold": {"x": edge},
            "here": {"y": height},
        }

    def summary(self, result: Margin) -> str:
        return (
            f"τ = {number(self._tau)}, K = {result.k:,}, s⁻ = {number(result.neg)}: "
            f"threshold = {number(result.threshold)}, margin = {number(result.margin)}\n"
            f"s⁺ = {number(result.pos)}, a lead of {number(result.pos - result.neg)} over s⁻: "
            f"τ · loss = {number(self._tau * result.loss)}, pull 1 − p₊ = {number(result.pull)}"
        )
