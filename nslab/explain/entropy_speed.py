"""Two negatives pulled apart: at which τ their entropy moves fastest, and where the plain variance misleads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..theory import softmax_entropy, softmax_entropy_slope
from ._base import (
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
    Stage,
    Stems,
    linear_grid,
    log_grid,
    number,
)

TAUS = np.geomspace(0.01, 2, 81)
TOP = 0.8  # the plain variance's speed has no bound: its curve ends here
HEIGHTS = 0.74, 0.4  # of the two pictures, so that neither hides the other
GRIP = 0.1  # the handle's height below the picture that it moves


@dataclass(frozen=True)
class Speed:
    """Speeds are dH/d ln τ = τ dH/dτ, in nats for each e-fold of τ; slopes are dH/dτ, in nats a unit of score."""

    gap: float
    temperature: float
    places: tuple[float, float]  # how far each stands behind the harder one's own place
    shares: NDArray[np.float64]  # of the push
    speed: float
    plain_speed: float
    entropy: float
    speeds: NDArray[np.float64]  # at TAUS
    plain_speeds: NDArray[np.float64]
    entropies: NDArray[np.float64]

    @property
    def slope(self) -> float:
        return self.speed / self.temperature

    @property
    def plain_slope(self) -> float:
        return self.plain_speed / self.temperature


class EntropySpeed(Explainer):
    """Two negatives a gap apart, and how fast their entropy grows with τ: under p, and as the plain variance has it.

    `pictures` (2, height, width), in [0, 1], are the harder negative and the easier one; `names` says what they show. A
    handle moves the easier one, and a hand can hold either of them elsewhere until it lets go.
    """

    question = "Two negatives: does a wider gap make their entropy rise faster with τ?"
    title = "The entropy moves fastest where τ is the gap over 2.4: wider is not faster"
    tau = Control("τ", "temperature", log_grid(0.02, 0.5, 97), start=0.1)
    g = Control("g", "gap of the scores", linear_grid(0, 1, 101), start=0.36, play=True)

    def __init__(self, pictures: Any, names: tuple[str, str] | None = None, **start: Any) -> None:
        self._pictures, self._names = np.asarray(pictures, dtype=np.float64), names
        if self._pictures.ndim != 3 or len(self._pictures) != 2:
            raise ValueError(f"pictures must be (2, height, width), got shape {self._pictures.shape}")
        super().__init__(**start)

    def compute(self, tau: float, g: float) -> Speed:
        return _speed((0.0, g), tau)

    def pulled(self, mark: str, point: int, x: float, y: float, tau: float, g: float) -> Speed:
        held = min(max(x, -0.1), 1.0)
        return _speed((held, g) if point == 0 else (0.0, held), tau)

    def stage(self) -> Stage:
        return Stage(
            panels={
                "pair": Panel(
                    "Two negatives, each as large as its share of the push",
                    Axis(
                        "gap g: how far behind the harder one", 1.15, -0.25,
                        ticks={g: f"{g:g}" for g in (1, 0.75, 0.5, 0.25, 0)},
                    ),
                ),
                "speed": Panel(
                    "Their entropy, and how fast it rises",
                    Axis("temperature τ", TAUS[0], TAUS[-1], log=True),
                    Axis("nats", 0, TOP, ticks={0: "0", 0.2: "0.2", 0.4: "0.4", 0.6931: "ln 2"}),
                ),
            },
            marks={
                "stem": Stems("pair", "focus", base=[GRIP], y=HEIGHTS[1:]),
                "pictures": Pictures(
                    "pair", "negative", images=self._pictures, y=HEIGHTS, scale=0.4, pulls="x",
                    tips=self._names or ("the harder one", "the easier one"),
                    shows={"share of the push": "size"},
                ),
                "pull": Handle("pair", along={"x": "g"}, y=[GRIP]),
                "hump": Band("speed", "focus", x=TAUS, low=np.zeros_like(TAUS)),
                "plain": Line("speed", "hard", x=TAUS, dashed=True),
                "entropy": Line("speed", "ink", x=TAUS),
                "speed": Line("speed", "focus", x=TAUS),
                "count": Dots("speed", "ink"),
                "here": Handle("speed", along={"x": "tau"}),
                "says": Note("pair", x=[1.1], y=[0.88], big=True),
            },
            key={
                "ink": "entropy H",
                "focus": "its speed, dH/d ln τ",
                "hard": "the speed by np.var",
                "negative": "negative",
            },
        )  # fmt: skip

    def scene(self, result: Speed) -> dict[str, dict[str, Any]]:
        plain = np.where(result.plain_speeds <= TOP, result.plain_speeds, np.nan)
        return {
            "stem": {"x": [result.places[1]]},
            "pictures": {"x": result.places, "size": result.shares},
            "pull": {"x": result.places[1]},
            "hump": {"high": result.speeds},
            "plain": {"y": plain},
            "entropy": {"y": result.entropies},
            "speed": {"y": result.speeds},
            "count": {"x": [result.temperature], "y": [result.entropy]},
            "here": {"y": result.speed},
            "says": {"text": f"{np.exp(result.entropy):.3g} of 2 count"},
        }

    def summary(self, result: Speed) -> str:
        return (
            f"g = {number(result.gap)}, τ = {number(result.temperature)}, g/τ = {number(result.gap / result.temperature)}: "
            f"H = {number(result.entropy)} nats\n"
            f"dH/dτ = {number(result.slope)}; with np.var it would be {number(result.plain_slope)} (nats per unit of score)"
        )


def _speed(places: tuple[float, float], tau: float) -> Speed:
    gap = abs(places[1] - places[0])
    speeds, plain_speeds, entropies = _curves(gap)
    return Speed(
        gap=gap,
        temperature=tau,
        places=places,
        shares=torch.softmax(-torch.tensor(places, dtype=torch.float64) / tau, dim=0).numpy(),
        speed=tau * float(softmax_entropy_slope([gap, 0.0], tau)),
        plain_speed=(gap / 2 / tau) ** 2,
        entropy=float(softmax_entropy([gap, 0.0], tau)),
        speeds=speeds,
        plain_speeds=plain_speeds,
        entropies=entropies,
    )


@lru_cache(256)
def _curves(gap: float) -> tuple[NDArray[np.float64], ...]:
    """Speed, plain speed and entropy at TAUS."""
    pairs = torch.from_numpy(np.stack([gap / TAUS, np.zeros_like(TAUS)], axis=-1))
    return (
        softmax_entropy_slope(pairs, 1.0).numpy(),
        (gap / 2 / TAUS) ** 2,
        softmax_entropy(pairs, 1.0).numpy(),
    )
