"""Two negatives pulled apart: at which gap their entropy moves fastest with τ."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

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
    Pictures,
    Rule,
    Stage,
    Stems,
    linear_grid,
    log_grid,
    number,
)
from nslab.theory import softmax_entropy, softmax_entropy_slope

GAPS = np.linspace(0, 1, 101)
RATIO, PEAK = (
    2.39936,
    0.43923,
)  # the gap over τ at which dH/d ln τ is largest, x tanh(x / 2) = 2, and how large it is there
ASIDE = np.array(
    [-0.11, 0.11]
)  # where the pictures stand beside their places, so that neither hides the other
FOOT = -0.2  # of the handle, below the pictures


@dataclass(frozen=True)
class Speed:
    """Speeds dH/d ln τ = τ dH/dτ in nats per e-fold of τ; slopes dH/dτ in nats per unit of score."""

    gap: float
    temperature: float
    places: tuple[float, float]  # how far each stands behind the harder one's own place
    shares: NDArray[np.float64]  # of the push
    speed: float
    entropy: float
    speeds: NDArray[np.float64]  # at GAPS
    entropies: NDArray[np.float64]

    @property
    def fastest(self) -> float:
        """The gap at which dH/d ln τ is largest at this temperature."""
        return self.temperature * RATIO

    @property
    def slope(self) -> float:
        return self.speed / self.temperature


class EntropySpeed(Explainer):
    """Two negatives a gap apart: their shares of the push, their entropy H, and how fast it rises, dH/d ln τ.

    `pictures` (2, height, width), in [0, 1], are the harder negative and the easier one; `names` says what
    they show. A handle moves the easier one, and a hand can hold either of them elsewhere until it lets
    go. The curves are drawn as far as the gap goes.
    """

    question = "Does a wider gap make the entropy rise faster?"
    title = "At a given τ, the entropy of two rises fastest at a gap of 2.4 τ, not a wider one"
    tau = Control("τ", "temperature", log_grid(0.02, 0.5, 97), start=0.1)
    g = Control("g", "gap of the scores", linear_grid(0, 1, 101), start=0.1, play=True)

    def __init__(self, pictures: Any, names: tuple[str, str] | None = None, **start: Any) -> None:
        self._pictures, self._names = np.asarray(pictures, dtype=np.float64), names
        if self._pictures.ndim != 3 or len(self._pictures) != 2:
            raise ValueError(f"pictures must be (2, height, width), got shape {self._pictures.shape}")
        super().__init__(**start)

    def compute(self, tau: float, g: float) -> Speed:
        return _speed((0.0, g), tau)

    def pulled(self, mark: str, point: int, x: float, y: float, tau: float, g: float) -> Speed:
        held = min(max(x - ASIDE[point], -0.1), 1.0)
        return _speed((held, g) if point == 0 else (0.0, held), tau)

    def stage(self) -> Stage:
        places = {0.0: "0", 0.25: "0.25", 0.5: "0.5", 0.75: "0.75", 1.0: "1"}
        nats = {0.0: "0", 0.2: "0.2", 0.4: "0.4", 0.6931: "ln 2"}
        return Stage(
            panels={
                "pair": Panel(
                    "Two negatives, as high as their shares of the push",
                    Axis("gap g: how far behind the harder one", -0.25, 1.25, ticks=places),
                    Axis("share of the push", -0.32, 1.12, ticks={0: "0", 0.5: "½", 1: "1"}),
                ),
                "speed": Panel(
                    "Their entropy H, and how fast it rises with τ",
                    Axis("gap g, at this τ", 0, 1.05, ticks=places),
                    Axis("", 0, 0.8, ticks=nats),
                ),
            },
            marks={
                "floor": Rule("pair", "faint", at=0, dashed=False),
                "poles": Stems("pair", "negative", base=[0, 0]),
                "reach": Stems("pair", "negative", base=[FOOT], y=[0]),
                "pictures": Pictures(
                    "pair", "negative", images=self._pictures, scale=0.18, pulls="x",
                    tips=self._names or ("the harder one", "the easier one"),
                    shows={"share of the push": "y"},
                ),
                "pull": Handle("pair", "negative", along={"x": "g"}, y=[FOOT]),
                "label": Note("pair", x=[1.25], y=[0.95], align="end", big=True),
                "hump": Band("speed", "focus", x=GAPS, low=np.zeros_like(GAPS)),
                "entropy": Line("speed", "ink", x=GAPS),
                "speed": Line("speed", "focus", x=GAPS),
                "peak": Stems("speed", "focus", y=[PEAK], base=[0]),
                "fastest": Note("speed", "focus", y=[PEAK + 0.03]),
                "label_entropy": Note("speed", "ink", x=[1.03], y=[0.66], text="entropy H", align="end"),
                "label_speed": Note("speed", "focus", x=[1.03], y=[0.57], text="its speed, τ·dH/dτ",
                    align="end"),
                "count": Dots("speed", "ink"),
                "here": Handle("speed", along={"x": "g"}),
            },
            key={
                "negative": "negative",
                "ink": "entropy H",
                "focus": "how fast it rises when τ grows by a given factor",
            },
        )  # fmt: skip

    def scene(self, result: Speed) -> dict[str, dict[str, Any]]:
        places, wider = np.array(result.places), result.gap + 1e-9 < GAPS
        passed = result.gap > result.fastest
        return {
            "poles": {"x": places, "y": result.shares},
            "reach": {"x": places[1:]},
            "pictures": {"x": places + ASIDE, "y": result.shares},
            "pull": {"x": places[1]},
            "label": {"text": f"{np.exp(result.entropy):.3g} of 2 count"},
            "hump": {"high": np.where(wider, 0, result.speeds)},
            "entropy": {"y": np.where(wider, np.nan, result.entropies)},
            "speed": {"y": np.where(wider, np.nan, result.speeds)},
            "peak": {"x": [result.fastest if passed else np.nan]},
            "fastest": {
                "x": min(result.fastest, 0.5),
                "text": f"fastest at g = {result.fastest:.3g}" if passed else "",
            },
            "count": {"x": [result.gap], "y": [result.entropy]},
            "here": {"x": result.gap, "y": result.speed},
        }

    def summary(self, result: Speed) -> str:
        return (
            f"g = {number(result.gap)}, τ = {number(result.temperature)}, g/τ ="
            f" {number(result.gap / result.temperature)}: H = {number(result.entropy)} nats\nτ·dH/dτ ="
            f" {number(result.speed)}, dH/dτ = {number(result.slope)}"
        )


def _speed(places: tuple[float, float], tau: float) -> Speed:
    gap = abs(places[1] - places[0])
    speeds, entropies = _curves(tau)
    return Speed(
        gap=gap,
        temperature=tau,
        places=places,
        shares=torch.softmax(-torch.tensor(places, dtype=torch.float64) / tau, dim=0).numpy(),
        speed=tau * float(softmax_entropy_slope([gap, 0.0], tau)),
        entropy=float(softmax_entropy([gap, 0.0], tau)),
        speeds=speeds,
        entropies=entropies,
    )


@lru_cache(256)
def _curves(tau: float) -> tuple[NDArray[np.float64], ...]:
    """Speed and entropy at GAPS."""
    pairs = torch.from_numpy(np.stack([GAPS / tau, np.zeros_like(GAPS)], axis=-1))
    return (
        softmax_entropy_slope(pairs, 1.0).numpy(),
        softmax_entropy(pairs, 1.0).numpy(),
    )
