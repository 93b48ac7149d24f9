"""One τ for every anchor, or one effective number of negatives for every anchor?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nslab.explain._base import (
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
    Stems,
    log_grid,
    number,
)
from nslab.theory import effective_negatives, temperature_for_entropy

MOST = 100  # negatives that may be wanted
LOW, HIGH = 0.0025, 0.65  # of the axes of τ
CURVE = np.geomspace(LOW, HIGH, 31)
TICKS = {0.003: "0.003", 0.01: "0.01", 0.03: "0.03", 0.1: "0.1", 0.3: "0.3"}
ASIDE = (
    np.array([0.67, 1.55]),
    np.array([1.7, 0.55]),
)  # of the two named curves' pictures, from where τ gives n


@dataclass(frozen=True)
class Adapted:
    temperature: float
    target: int
    effective: NDArray[np.float64]  # exp H of each anchor at the shared temperature
    own: NDArray[np.float64]  # each anchor's temperature for exp H = target
    span: NDArray[np.float64]  # from each anchor's highest score to the one of rank `target`


class AdaptiveTemperature(Explainer):
    """How many negatives count for each anchor at one τ, and each anchor's τ for a given number.

    `scores` (A, K) are similarities of A anchors, a dozen at most, to K > 100 negatives each; `labels`
    (A,) say what the anchors are, and `pictures` (A, height, width), in [0, 1], show them. Left, a line
    and a dot are an anchor; right, each anchor stands at its own τ, and a stem leads there from the shared
    one.
    """

    question = "Does one τ let the same number count for every anchor?"
    title = "For the same number to count, each anchor would need its own τ"
    tau = Control("τ", "shared temperature", log_grid(0.005, 0.5, 101), start=0.05)
    n = Control("n", "wanted number", list(range(2, MOST + 1)), start=4, play=True)

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
        self._sorted = self._scores.sort(-1, descending=True).values.numpy()
        self._counts = np.stack([effective_negatives(self._scores, tau).numpy() for tau in CURVE], axis=1)
        super().__init__(**start)

    def _calibrated(self, n: int) -> NDArray[np.float64]:
        return temperature_for_entropy(self._scores, math.log(n)).numpy()

    def compute(self, tau: float, n: int) -> Adapted:
        span = self._sorted[:, 0] - self._sorted[:, n - 1]
        return Adapted(tau, n, effective_negatives(self._scores, tau).numpy(), self._own(n), span)

    def stage(self) -> Stage:
        tau = Axis("temperature τ", LOW, HIGH, log=True, ticks=TICKS)
        own = Axis("the anchor’s own τ", LOW, HIGH, log=True, ticks=TICKS)
        ticks = {float(m): str(m) for m in (1, 3, 10, 30, 100)}
        count = Axis("negatives that count (exp H)", 0.9, 140, log=True, ticks=ticks)
        anchors = len(self._labels)
        places = (np.arange(anchors) + 1.1) / (anchors + 0.6)
        x, y = _joined(self._counts)
        tips = [f"a {label}" for label in self._labels.tolist()]
        look: dict[str, Any] = {"role": "anchor", "roles": ["semi_hard"], "tips": tips}
        return Stage(
            panels={
                "curves": Panel("The same τ for all: how many count", tau, count),
                "anchors": Panel("The same number for all: the τ that each needs", y=own),
            },
            marks={
                "lines": Line("curves", "faint", x=x, y=y),
                "ends": Line("curves", "ink", x=_joined(self._counts[:2])[0]),
                "wanted": Rule("curves", "focus"),
                "there": Rule("curves", "focus", axis="x"),
                "counts": Dots("curves", scale=0.03, tip_images=self._pictures, shows={"count": "y"}, **look),
                "named": Pictures("curves", images=self._pictures, scale=0.11, tips=tips,
                    shows={"own τ": "value"}),
                "cross": Handle("curves", along={"x": "tau", "y": "n"}),
                "shared": Rule("anchors", "focus"),
                "stems": Stems("anchors", "anchor", roles=["semi_hard"], x=places),
                "own": Pictures(
                    "anchors", images=self._pictures, x=places, scale=min(0.115, 1.15 / anchors),
                    shows={"own τ": "y", "its top n scores span": "value"}, **look,
                ),
                "share": Handle("anchors", along={"y": "tau"}, x=[0]),
            },
            key={
                "faint": "an anchor",
                "anchor": "too many count at the shared τ",
                "semi_hard": "too few",
                "focus": "shared τ, wanted n",
                "ink": "lowest and highest own τ",
            },
        )  # fmt: skip

    def scene(self, result: Adapted) -> dict[str, dict[str, Any]]:
        role = np.where(result.own > result.temperature, "semi_hard", "anchor")
        ends = np.array([result.own.argmin(), result.own.argmax()])
        here = result.own[ends]
        return {
            "ends": {"y": _joined(self._counts[ends])[1]},
            "wanted": {"at": result.target},
            "there": {"at": result.temperature},
            "counts": {"x": [result.temperature] * len(role), "y": result.effective, "role": role},
            "named": {
                "x": np.clip(ASIDE[0] * here, 0.004, 0.5),
                "y": np.clip(ASIDE[1] * result.target, 1.2, 110),
                "which": ends,
                "value": here,
            },
            "shared": {"at": result.temperature},
            "stems": {"y": result.own, "base": [result.temperature] * len(role), "role": role},
            "own": {"y": result.own, "role": role, "value": result.span},
        }

    def summary(self, result: Adapted) -> str:
        return (
            f"τ = {number(result.temperature)} for all: exp H from {number(result.effective.min())} "
            f"to {number(result.effective.max())}, median {number(np.median(result.effective))}\n"
            f"exp H = {number(result.target)} for all: τ from {number(result.own.min())} "
            f"to {number(result.own.max())}, median {number(np.median(result.own))}"
        )


def _joined(counts: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Numbers over CURVE, row after row, as one line with gaps."""
    gap = np.full((len(counts), 1), np.nan)
    return np.resize(np.append(CURVE, np.nan), counts.size + len(gap)), np.hstack([counts, gap]).ravel()
