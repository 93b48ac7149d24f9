"""Ways to let the noise follow the model, raced: cut or join a wire and see which of them reach the data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..noise import nce_gradient
from ._base import (
    Arrows,
    Axis,
    Bars,
    Control,
    Dots,
    Explainer,
    Links,
    Panel,
    Stage,
    Words,
    integer_grid,
    log_grid,
    number,
)

P_DATA = torch.tensor([0.40, 0.25, 0.20, 0.10, 0.05], dtype=torch.float64)
K = 3
STEPS = 250
TEMPERATURES = log_grid(0.5, 4, 73)
FLOOR = 1e-7
# by mode: what it does; the fixed noise is uniform
ARMS = {
    "fixed": "uniform noise, which ignores the model",
    "stop_grad": "the model's own noise, no gradient through it",
    "log_q_only": "the gradient also flows through ln q",
    "measure": "the gradient also flows through the draws",
    "uncorrected": "the model's own noise, and nothing is subtracted",
    "full": "the gradient flows through ln q and the draws",
}
# Which mode it takes to change one wire: that of the noise, of ln q, of the draws, or what is subtracted.
NEXT = {
    "fixed": {"noise": "stop_grad"},
    "stop_grad": {"noise": "fixed", "ln q": "log_q_only", "draws": "measure", "minus": "uncorrected"},
    "log_q_only": {"noise": "fixed", "ln q": "stop_grad", "draws": "full", "minus": "uncorrected"},
    "measure": {"noise": "fixed", "ln q": "full", "draws": "stop_grad", "minus": "uncorrected"},
    "full": {"noise": "fixed", "ln q": "measure", "draws": "log_q_only", "minus": "uncorrected"},
    "uncorrected": {"noise": "fixed", "minus": "stop_grad"},
}
# Where the wires run, from box to box: (x, y) and (x2, y2).
WIRES = {
    "s to G": (0.34, 0.10, 0.20, 0.55),
    "G to J": (0.23, 0.70, 0.42, 0.89),
    "noise": (0.46, 0.10, 0.72, 0.28),
    "ln q": (0.62, 0.43, 0.36, 0.57),
    "draws": (0.80, 0.43, 0.58, 0.89),
}
CUTS = {"noise": (0.66, 0.15), "ln q": (0.47, 0.42), "draws": (0.80, 0.70), "minus": (0.14, 0.78)}
WORDS = {  # of the boxes: where, and what they may say
    "scores s": (0.40, 0.04),
    "q = softmax(s/T)": (0.74, 0.35),
    "uniform q": (0.74, 0.35),
    "G = s − ln(Kq)": (0.20, 0.63),
    "G = s": (0.20, 0.63),
    "J: data or noise?": (0.50, 0.96),
}


@dataclass(frozen=True)
class Race:
    step: int
    wiring: str
    temperature: float
    distances: NDArray[np.float64]  # (arms, STEPS): total variation from the data after each step
    standing: NDArray[np.float64]  # (arms, states): the models at `step`


class NoiseRace(Explainer):
    """Gradient ascent on five states with K = 3: the noise is uniform, or the model's own softmax(s/T).

    Every arm starts from equal probabilities and takes the same steps of size 1, on exact gradients. The wires show how
    values run from the scores to the objective J, and where its gradient runs back; a click cuts or joins one.
    """

    question = "Cut a wire: do the bars still reach the data?"
    title = "Own noise leads to the data if ln(Kq) is subtracted and q is held"
    step = Control("step", "of training", integer_grid(1, STEPS, 97), start=25, play=True)
    wiring = Control("", "wiring", list(ARMS), start="full")
    temperature = Control("T", "of the proposals", TEMPERATURES, start=2.0, play=True)

    def compute(self, step: int, wiring: str, temperature: float) -> Race:
        on_grid = temperature in TEMPERATURES
        models = _race(tuple(TEMPERATURES) if on_grid else (temperature,))
        models = models[:, :, TEMPERATURES.index(temperature) if on_grid else 0]
        distances = np.abs(models - P_DATA.numpy()).sum(-1) / 2
        return Race(step, wiring, temperature, distances, models[:, step - 1])

    def stage(self) -> Stage:
        states, lanes = np.arange(1, 6), np.arange(len(ARMS))
        far = Axis(
            "total variation from the data", 1.2, FLOOR, log=True, ticks={1: "1", 1e-3: "0.001", 1e-6: "1e-6"}
        )
        return Stage(
            panels={
                "wires": Panel("Values run up, the gradient back"),
                "model": Panel(
                    "The model's bars, the data's behind",
                    Axis("state x", 0.4, 5.6, ticks={n: f"{n}" for n in range(1, 6)}),
                    Axis("probability", 0, 1),
                ),
                "race": Panel(
                    "All six race to the data",
                    far,
                    Axis("", -0.6, 5.6, ticks={5.0 - i: mode for i, mode in enumerate(ARMS)}),
                    share=1.15,
                ),
            },
            marks={
                "values": Arrows("wires", "ink", width=[1] * len(WIRES)),
                "gradient": Arrows("wires", "positive", width=[3] * len(WIRES)),
                "boxes": Words(
                    "wires",
                    words=list(WORDS),
                    x=[x for x, _ in WORDS.values()],
                    y=[y for _, y in WORDS.values()],
                    scale=0.05,
                ),
                "cuts": Words(
                    "wires",
                    "focus",
                    words=["✂ cut", "join", "✂ ln(Kq)", "join ln(Kq)"],
                    tips=["no gradient runs back here then", "it runs here then"] * 2,
                    scale=0.055,
                    picks="wiring",
                ),
                "data": Bars("model", "faint", x=states, y=P_DATA, width=0.9),
                "bars": Bars("model", "anchor", x=states, width=0.45),
                "trails": Links(
                    "race",
                    "negative",
                    roles=("anchor",),
                    x=[1] * len(lanes),
                    y=5 - lanes,
                    y2=5 - lanes,
                    width=[3] * len(lanes),
                ),
                "heads": Dots(
                    "race",
                    "negative",
                    roles=("anchor",),
                    y=5 - lanes,
                    scale=0.06,
                    tips=list(ARMS.values()),
                    shows={"distance": "x"},
                    picks="wiring",
                ),
            },
            key={
                "anchor": "the model, wired as shown",
                "negative": "wired otherwise",
                "faint": "the data",
                "positive": "gradient",
                "focus": "click to cut or join",
            },
        )

    def scene(self, result: Race) -> dict[str, dict[str, Any]]:
        mode, at = result.wiring, list(ARMS).index(result.wiring)
        back = {
            "s to G": True,
            "G to J": True,
            "noise": mode in ("log_q_only", "measure", "full"),
            "ln q": mode in ("log_q_only", "full"),
            "draws": mode in ("measure", "full"),
        }
        forth = {name: True for name in WIRES} | {"noise": mode != "fixed", "ln q": mode != "uncorrected"}
        said = {
            "uniform q" if mode != "fixed" else "q = softmax(s/T)",
            "G = s" if mode != "uncorrected" else "G = s − ln(Kq)",
        }
        cuts = np.full((3, len(ARMS)), np.nan)
        for wire, other in NEXT[mode].items():
            there = {"noise": mode != "fixed", "minus": mode != "uncorrected"}.get(wire, back.get(wire))
            cuts[:, list(ARMS).index(other)] = *CUTS[wire], 2 * (wire == "minus") + (not there)
        role = ["anchor" if arm == mode else "negative" for arm in ARMS]
        distance = np.clip(result.distances[:, result.step - 1], FLOOR, 1)
        return {
            "values": _wires(forth, 0.018),
            "gradient": _wires(back, -0.018, back=True),
            "boxes": {"size": [np.nan if word in said else 1 for word in WORDS]},
            "cuts": {"x": cuts[0], "y": cuts[1], "which": np.nan_to_num(cuts[2])},
            "bars": {"y": result.standing[at]},
            "trails": {"x2": distance, "role": role},
            "heads": {"x": distance, "role": role},
        }

    def summary(self, result: Race) -> str:
        far = [
            f"{mode} {number(path[result.step - 1])}"
            for mode, path in zip(ARMS, result.distances, strict=True)
        ]
        return (
            f"{result.wiring}, step {result.step}, T = {number(result.temperature)}; total variation from the data:\n"
            + "; ".join(far)
        )


def _wires(there: dict[str, bool], aside: float, back: bool = False) -> dict[str, NDArray[np.float64]]:
    """Arrows along the wires that are there, a little to one side of them."""
    ends = np.array([WIRES[name] if there[name] else (np.nan,) * 4 for name in WIRES]).reshape(-1, 2, 2)
    along = ends[:, 1] - ends[:, 0]
    across = np.stack([-along[:, 1], along[:, 0]], 1) / np.linalg.norm(along, axis=1, keepdims=True)
    start, end = (ends + aside * across[:, None])[:, :: -1 if back else 1].swapaxes(0, 1)
    return {"x": start[:, 0], "y": start[:, 1], "x2": end[:, 0], "y2": end[:, 1]}


@lru_cache(maxsize=64)
def _race(temperatures: tuple[float, ...]) -> NDArray[np.float64]:
    """Probabilities (arms, STEPS, temperatures, states) after each step, all temperatures side by side."""
    tau = torch.tensor(temperatures, dtype=torch.float64).unsqueeze(-1)
    uniform = torch.full_like(P_DATA, 1 / len(P_DATA))
    models = torch.empty(len(ARMS), STEPS, len(temperatures), len(P_DATA), dtype=torch.float64)
    for arm, mode in enumerate(ARMS):
        scores = uniform.log().expand(len(temperatures), -1)
        noise: Any = uniform if mode == "fixed" else lambda s: torch.softmax(s / tau, -1)
        for step in range(STEPS):
            scores = scores + nce_gradient(scores, P_DATA, noise, K, mode)
            models[arm, step] = torch.softmax(scores, -1)
    return models.numpy()
