"""Two negatives a gap apart: how fast their entropy grows, and where the plain variance misleads."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..theory import softmax_entropy, softmax_entropy_slope
from ._controls import Control, linear_grid, log_grid
from ._explainer import Explainer
from ._style import FAINT, FOCUS, INK, number

GAPS = np.linspace(0, 1, 201)
TAUS = np.geomspace(0.01, 10, 121)
TOP = 0.6  # the plain variance's speed has no bound: its curve ends here, below the legend


@dataclass(frozen=True)
class Speed:
    """Speeds are dH/d ln τ = τ dH/dτ, in nats for each e-fold of τ; slopes are dH/dτ, in nats a unit of score."""

    gap: float
    temperature: float
    speed: float
    plain_speed: float
    entropy: float
    speeds: NDArray[np.float64]
    plain_speeds: NDArray[np.float64]
    entropies: NDArray[np.float64]

    @property
    def slope(self) -> float:
        return self.speed / self.temperature

    @property
    def plain_slope(self) -> float:
        return self.plain_speed / self.temperature


class EntropySpeed(Explainer):
    """How fast the entropy of two negatives grows with τ: under p, and as the plain variance has it."""

    title = "Speed of the entropy of two negatives, against their gap"
    g = Control("g", "gap of the scores", linear_grid(0, 1, 101), start=0.05)
    tau = Control("τ", "temperature", log_grid(0.02, 0.5, 97), start=0.1)

    def compute(self, g: float, tau: float) -> Speed:
        pairs = _pairs(GAPS)
        return Speed(
            gap=g,
            temperature=tau,
            speed=tau * float(softmax_entropy_slope([g, 0.0], tau)),
            plain_speed=(g / 2 / tau) ** 2,
            entropy=float(softmax_entropy([g, 0.0], tau)),
            speeds=tau * softmax_entropy_slope(pairs, tau).numpy(),
            plain_speeds=(GAPS / 2 / tau) ** 2,
            entropies=softmax_entropy(_pairs(g / TAUS), 1.0).numpy(),
        )

    def create(self, figure: Figure) -> SimpleNamespace:
        left, right = figure.subplots(1, 2)
        left.set(xlim=(0, 1), ylim=(-0.02, 0.72), yticks=[0, 0.2, 0.4, 0.6])
        left.set(xlabel="gap g between the two scores", ylabel="speed dH/d ln τ (nats)")
        left.set_title("Wider is not always faster")
        right.set(
            xscale="log",
            xlim=(0.01, 10),
            ylim=(-0.04, 0.95),
            xlabel="temperature τ",
            ylabel="entropy H (nats)",
        )
        right.set_xticks([0.01, 0.1, 1, 10], ["0.01", "0.1", "1", "10"])
        right.set_yticks([0, 0.2, 0.4, np.log(2)], ["0", "0.2", "0.4", "ln 2"])
        right.set_title("Only one line is tangent to H(τ)")
        right.axhline(np.log(2), color=FAINT, lw=1, ls=":")
        artists = SimpleNamespace(
            gap=left.plot([], [], color=FAINT, lw=1)[0],
            true=left.plot(GAPS, GAPS, color=FOCUS, label="variance under p")[0],
            plain=left.plot(GAPS, GAPS, color=INK, ls="--", label="plain variance (np.var)")[0],
            dot=left.plot([0], [0], "o", color=FOCUS, ms=8, zorder=4, clip_on=False)[0],
            cross=left.plot([], [], "X", color=INK, ms=7, zorder=3)[0],
            curve=right.plot(TAUS, TAUS, color=INK)[0],
            wrong=right.plot([], [], color=INK, ls="--")[0],
            tangent=right.plot([], [], color=FOCUS, lw=1.5)[0],
            here=right.plot([], [], "o", color=FOCUS, ms=8, zorder=4)[0],
        )
        left.legend(
            handles=[artists.true, artists.plain],
            loc="upper center",
            ncols=2,
            handlelength=1.6,
            columnspacing=0.8,
        )
        return artists

    def draw(self, artists: Any, result: Speed) -> None:
        artists.gap.set_data([result.gap] * 2, [0, TOP])
        artists.true.set_ydata(result.speeds)
        artists.plain.set_ydata(np.where(result.plain_speeds <= TOP, result.plain_speeds, np.nan))
        artists.dot.set_data([result.gap], [result.speed])
        artists.cross.set_data([result.gap], [result.plain_speed])
        artists.curve.set_ydata(result.entropies)
        reach = np.array([-0.8, 0.8])
        taus = result.temperature * np.exp(reach)
        artists.wrong.set_data(taus, result.entropy + result.plain_speed * reach)
        artists.tangent.set_data(taus, result.entropy + result.speed * reach)
        artists.here.set_data([result.temperature], [result.entropy])

    def summary(self, result: Speed) -> str:
        return (
            f"g = {number(result.gap)}, τ = {number(result.temperature)}, g/τ = {number(result.gap / result.temperature)}: "
            f"H = {number(result.entropy)} nats\n"
            f"dH/dτ = {number(result.slope)}; with np.var it would be {number(result.plain_slope)} (nats per unit of score)"
        )


def _pairs(gaps: NDArray[np.float64]) -> torch.Tensor:
    return torch.from_numpy(np.stack([gaps, np.zeros_like(gaps)], axis=-1))
