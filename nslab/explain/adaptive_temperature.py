"""One τ for every anchor, or one effective number of negatives for every anchor?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..theory import effective_negatives, temperature_for_entropy
from ._base import (
    Axis,
    Control,
    Dots,
    Explainer,
    Handle,
    Line,
    Panel,
    Pictures,
    Rule,
    Stage,
    log_grid,
    number,
)

MOST = 100  # negatives that may be wanted
LOW, HIGH = 0.005, 0.65  # of the axis of τ
CURVE = np.geomspace(LOW, HIGH, 31)
COLUMNS = 8  # of the anchors
WIDEST = 1.35  # a ring, beside one at the shared τ
TICKS = {0.01: "0.01", 0.03: "0.03", 0.1: "0.1", 0.3: "0.3"}


@dataclass(frozen=True)
class Adapted:
    temperature: float
    target: int
    effective: NDArray[np.float64]  # exp H of each anchor at the shared temperature
    own: NDArray[np.float64]  # each anchor's temperature for exp H = target


class AdaptiveTemperature(Explainer):
    """Each anchor's effective number of negatives at one τ, and each anchor's own τ at one effective number.

    `scores` (A, K) are similarities of A anchors to K > 100 negatives each; `labels` (A,) say what the anchors are, and
    `pictures` (A, height, width), in [0, 1], show them. A dot on the left is an anchor at the shared τ; a ring on the right is as
    wide as the anchor's own τ.
    """

    title = "For the same number to count, each anchor needs its own τ"
    tau = Control("τ", "shared temperature", log_grid(0.02, 0.5, 97), start=0.1)
    n = Control("n", "wanted number", list(range(2, MOST + 1)), start=16, play=True)

    def __init__(self, scores: Any, labels: Any, pictures: Any, **start: Any) -> None:
        self._scores = torch.as_tensor(scores, dtype=torch.float64)
        if self._scores.dim() != 2 or self._scores.shape[-1] <= MOST:
            raise ValueError(
                f"scores must be (anchors, more than {MOST} negatives), got {tuple(self._scores.shape)}"
            )
        self._labels = torch.as_tensor(labels)
        if self._labels.shape != self._scores.shape[:1]:
            raise ValueError(f"labels must be one for each anchor, got shape {tuple(self._labels.shape)}")
        self._pictures = np.asarray(pictures, dtype=np.float64)
        if self._pictures.ndim != 3 or len(self._pictures) != len(self._labels):
            raise ValueError(f"pictures must be one for each anchor, got shape {self._pictures.shape}")
        self._own = cache(self._calibrated)
        super().__init__(**start)

    def _calibrated(self, n: int) -> NDArray[np.float64]:
        return temperature_for_entropy(self._scores, math.log(n)).numpy()

    def compute(self, tau: float, n: int) -> Adapted:
        return Adapted(tau, n, effective_negatives(self._scores, tau).numpy(), self._own(n))

    def stage(self) -> Stage:
        tau = Axis("temperature τ", LOW, HIGH, log=True, ticks=TICKS)
        count = Axis(
            "negatives that count, exp H", 0.9, 140, log=True, ticks={m: str(m) for m in (1, 3, 10, 30, 100)}
        )
        places, counts = self._curves()
        x, y = self._grid()
        look: dict[str, Any] = {
            "role": "anchor",
            "roles": ["semi_hard"],
            "tips": [f"a {label}" for label in self._labels.tolist()],
        }
        return Stage(
            panels={
                "curves": Panel("How many count, a line per anchor", tau, count),
                "anchors": Panel("A ring as wide as the anchor’s own τ"),
            },
            marks={
                "lines": Line("curves", "faint", x=places, y=counts),
                "wanted": Rule("curves", "focus"),
                "there": Rule("curves", "focus", axis="x"),
                "counts": Dots("curves", scale=0.03, tip_images=self._pictures, shows={"count": "y"}, **look),
                "cross": Handle("curves", along={"x": "tau", "y": "n"}),
                "rings": Dots("anchors", x=x, y=y, scale=0.145, shows={"own τ": "value"}, **look),
                "anchors": Pictures("anchors", "ink", images=self._pictures, x=x, y=y, scale=0.066),
            },
            key={
                "anchor": "too many count at the shared τ",
                "semi_hard": "too few",
                "focus": "shared τ, wanted n",
            },
        )  # fmt: skip

    def _grid(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """A place for each anchor, row after row from the top."""
        number = np.arange(len(self._labels))
        rows = number[-1] // COLUMNS + 1
        return (number % COLUMNS + 0.5) / COLUMNS, 1 - (number // COLUMNS + 0.5) / rows

    def _curves(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """All anchors' numbers over τ as one line with gaps."""
        counts = np.stack([effective_negatives(self._scores, tau).numpy() for tau in CURVE], axis=1)
        gap = np.full((len(counts), 1), np.nan)
        return np.resize(np.append(CURVE, np.nan), counts.size + len(gap)), np.hstack([counts, gap]).ravel()

    def scene(self, result: Adapted) -> dict[str, dict[str, Any]]:
        wide = np.minimum(result.own / result.temperature, WIDEST)
        role = np.where(result.own > result.temperature, "semi_hard", "anchor")
        return {
            "wanted": {"at": result.target},
            "there": {"at": result.temperature},
            "counts": {"x": [result.temperature] * len(role), "y": result.effective, "role": role},
            "rings": {"size": wide**2, "value": result.own, "role": role},
        }

    def summary(self, result: Adapted) -> str:
        return (
            f"τ = {number(result.temperature)} for all: exp H from {number(result.effective.min())} "
            f"to {number(result.effective.max())}, median {number(np.median(result.effective))}\n"
            f"exp H = {number(result.target)} for all: τ from {number(result.own.min())} "
            f"to {number(result.own.max())}, median {number(np.median(result.own))}"
        )
