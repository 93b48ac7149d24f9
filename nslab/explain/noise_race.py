"""Five ways to let the noise follow the model, raced: which of them reach the data?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..noise import nce_gradient
from ._controls import Control, integer_grid, log_grid
from ._explainer import Explainer
from ._style import ANCHOR, FAINT, FALSE_NEGATIVE, FOCUS, HARD, INK, SEMI_HARD, number

P_DATA = torch.tensor([0.40, 0.25, 0.20, 0.10, 0.05], dtype=torch.float64)
K = 3
STEPS = 250
TEMPERATURES = log_grid(0.5, 4, 73)
FLOOR = 1e-7
# mode, colour, line, label; the fixed noise is uniform
ARMS = [
    ("fixed", INK, ":", "fixed, uniform"),
    ("stop_grad", ANCHOR, "-", "own, gradient stopped"),
    ("uncorrected", FALSE_NEGATIVE, "-", "own, nothing subtracted"),
    ("full", HARD, "-", "own, gradient through all"),
    ("log_q_only", SEMI_HARD, "--", "own, gradient through ln q"),
]


@dataclass(frozen=True)
class Race:
    step: int
    temperature: float
    distances: NDArray[np.float64]  # (arms, STEPS): total variation from the data after each step
    standing: NDArray[np.float64]  # (arms, states): the models at `step`


class NoiseRace(Explainer):
    """Gradient ascent on five states with K = 3: the noise is uniform, or the model's own softmax(s/T).

    Every arm starts from equal probabilities and takes the same steps of size 1, on exact gradients.
    """

    title = "Distance from the data against steps of training, by how the noise follows the model"
    size = (8.4, 3.8)
    step = Control("step", "steps of training", integer_grid(1, STEPS, 97), start=25)
    temperature = Control("T", "temperature of the proposals", TEMPERATURES, start=2.0)

    def compute(self, step: int, temperature: float) -> Race:
        on_grid = temperature in TEMPERATURES
        models = _race(tuple(TEMPERATURES) if on_grid else (temperature,))
        models = models[:, :, TEMPERATURES.index(temperature) if on_grid else 0]
        distances = np.abs(models - P_DATA.numpy()).sum(-1) / 2
        return Race(step, temperature, distances, models[:, step - 1])

    def create(self, figure: Figure) -> SimpleNamespace:
        left, right = figure.subplots(1, 2, width_ratios=[5, 4])
        left.set(xscale="log", yscale="log", xlim=(1, STEPS), ylim=(FLOOR, 1.5))
        left.set(xlabel="steps of training", ylabel="total variation from the data")
        left.set_xticks([1, 10, 100], ["1", "10", "100"])
        left.set_title("Subtracted and stopped leads to the data")
        right.set(xlim=(-0.6, 4.6), ylim=(0, 1.03), xlabel="state x", ylabel="probability")
        right.set_xticks(range(5), ["1", "2", "3", "4", "5"])
        right.set_title("Nothing subtracted: always too flat")
        right.bar(range(5), P_DATA.numpy(), width=0.86, color=FAINT, alpha=0.7, label="the data")
        right.legend(loc="upper center")
        artists = SimpleNamespace(
            now=left.axvline(1, color=FOCUS, lw=1, ls=":"),
            paths=[left.plot([], [], color=c, ls=ls, label=label)[0] for _, c, ls, label in ARMS],
            heads=[left.plot([], [], "o", color=c, ms=6, clip_on=False)[0] for _, c, *_ in ARMS],
            models=[right.plot([], [], "o", color=c, ms=6, clip_on=False)[0] for _, c, *_ in ARMS],
        )
        left.legend(handles=artists.paths, loc="lower left", handlelength=1.8)
        return artists

    def draw(self, artists: Any, result: Race) -> None:
        steps = np.arange(1, result.step + 1)
        artists.now.set_xdata([result.step] * 2)
        for i, path in enumerate(result.distances):
            artists.paths[i].set_data(steps, path[: result.step])
            artists.heads[i].set_data([result.step], [path[result.step - 1]])
            artists.models[i].set_data(np.arange(5) + (i - 2) * 0.15, result.standing[i])

    def summary(self, result: Race) -> str:
        fixed, stopped, uncorrected, full, log_q = (
            number(path[result.step - 1]) for path in result.distances
        )
        return (
            f"step {result.step}, T = {number(result.temperature)}: total variation from the data: "
            f"fixed {fixed}; own, stopped {stopped};\n"
            f"own, nothing subtracted {uncorrected}; through all {full}; through ln q {log_q}"
        )


@lru_cache(maxsize=64)
def _race(temperatures: tuple[float, ...]) -> NDArray[np.float64]:
    """Probabilities (arms, STEPS, temperatures, states) after each step, all temperatures side by side."""
    tau = torch.tensor(temperatures, dtype=torch.float64).unsqueeze(-1)
    uniform = torch.full_like(P_DATA, 1 / len(P_DATA))
    models = torch.empty(len(ARMS), STEPS, len(temperatures), len(P_DATA), dtype=torch.float64)
    for arm, (mode, *_) in enumerate(ARMS):
        scores = uniform.log().expand(len(temperatures), -1)
        noise: Any = uniform if mode == "fixed" else lambda s: torch.softmax(s / tau, -1)
        for step in range(STEPS):
            scores = scores + nce_gradient(scores, P_DATA, noise, K, mode)
            models[arm, step] = torch.softmax(scores, -1)
    return models.numpy()
