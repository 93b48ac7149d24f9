"""Ways to let the noise follow the model, raced: cut or join a wire and see which of them reach the data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nslab.explain._base import (
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
from nslab.noise import nce_gradient

P_DATA = torch.tensor([0.40, 0.25, 0.20, 0.10, 0.05], dtype=torch.float64)
K = 3
STEPS = 250
TEMPERATURES = log_grid(0.5, 4, 73)
FLOOR = 1e-7
START = float((P_DATA - 0.2).abs().sum() / 2)  # how far from the data all begin
# What each arm does, and its mode.
ARMS = {
    "uniform noise": "fixed",
    "own noise, q held": "stop_grad",
    "through ln q": "log_q_only",
    "through the draws": "measure",
    "nothing subtracted": "uncorrected",
    "through both": "full",
}
MODES = list(ARMS.values())
# Which mode it takes to change one thing: where q comes from, the gradient through ln q or through the
# draws, or whether ln(Kq) is subtracted. Where no mode differs in that alone, the hand cannot change it.
NEXT = {
    "fixed": {"noise": "stop_grad"},
    "stop_grad": {"noise": "fixed", "ln q": "log_q_only", "draws": "measure", "minus": "uncorrected"},
    "log_q_only": {"noise": "fixed", "ln q": "stop_grad", "draws": "full", "minus": "uncorrected"},
    "measure": {"noise": "fixed", "ln q": "full", "draws": "stop_grad"},
    "full": {"noise": "fixed", "ln q": "measure", "draws": "log_q_only"},
    "uncorrected": {"minus": "stop_grad"},
}
# Where the wires run, from box to box: (x, y) and (x2, y2).
WIRES = {
    "s to G": (0.32, 0.10, 0.22, 0.55),
    "G to J": (0.27, 0.70, 0.42, 0.89),
    "noise": (0.44, 0.10, 0.68, 0.28),
    "ln q": (0.64, 0.43, 0.42, 0.57),
    "draws": (0.80, 0.43, 0.58, 0.89),
}
# By what a click changes: where its words stand, and for "undo" and "do" what they say and mean.
CLICKS = {
    "noise": (
        (0.78, 0.09),
        ("make q uniform", "the noise no longer comes from the model"),
        ("q = softmax(s/T)", "the noise comes from the model, and is held"),
    ),
    "ln q": (
        (0.43, 0.44),
        ("✂ ln q", "no gradient runs back through ln q then"),
        ("join ln q", "the gradient runs back through ln q then"),
    ),
    "draws": (
        (0.86, 0.72),
        ("✂ draws", "no gradient runs back through the draws then"),
        ("join draws", "the gradient runs back through the draws then"),
    ),
    "minus": (
        (0.16, 0.80),
        ("drop ln(Kq)", "nothing is subtracted from the scores then"),
        ("subtract ln(Kq)", "ln(Kq) is subtracted from the scores then"),
    ),
}
WORDS = {  # of the boxes: where, and what they may say
    "scores s": (0.40, 0.04),
    "noise q = softmax(s/T)": (0.69, 0.35),
    "noise q, uniform": (0.69, 0.35),
    "logit G = s − ln(Kq)": (0.30, 0.63),
    "logit G = s": (0.30, 0.63),
    "objective J: data or noise?": (0.50, 0.96),
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

    Every arm starts from equal probabilities and takes the same steps of size 1, on exact gradients. The
    wires show how values run from the scores to the objective J, and where its gradient runs back; a click
    changes one thing. The bars are softmax(s), which every arm has; that e^s itself sums to 1 is said only
    of those that subtract ln(Kq).
    """

    question = "Join or cut a wire: do the bars still reach the data?"
    title = "Own noise leads to the data at every T if q is held and ln(Kq) subtracted"
    step = Control("step", "of training", integer_grid(1, STEPS, 97), start=1, play=True)
    wiring = Control("", "wiring", list(ARMS), start="own noise, q held")
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
            "total variation",
            1.2,
            FLOOR,
            log=True,
            ticks={1: "1", 1e-3: "0.001", 1e-6: "1e-6"},
        )
        said = [click for _, *both in CLICKS.values() for click in both]
        return Stage(
            panels={
                "wires": Panel("How the scores reach J", share=1.2),
                "model": Panel(
                    "softmax(s), and the data",
                    Axis("state x", 0.4, 5.6, ticks={n: f"{n}" for n in range(1, 6)}),
                    Axis("probability", 0, 1),
                ),
                "race": Panel(
                    "Distance: right is nearer",
                    far,
                    Axis("", -0.6, 5.6, ticks={5.0 - i: label for i, label in enumerate(ARMS)}),
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
                    words=[word for word, _ in said],
                    tips=[tip for _, tip in said],
                    scale=0.05,
                    picks="wiring",
                ),
                "data": Bars("model", "faint", x=states, y=P_DATA, width=0.9),
                "bars": Bars("model", "anchor", x=states, width=0.45),
                "trails": Links(
                    "race",
                    "negative",
                    roles=("anchor",),
                    x=[START] * len(lanes),
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
                    tips=list(ARMS),
                    shows={"distance": "x"},
                    picks="wiring",
                ),
            },
            key={
                "anchor": "the model, wired as shown",
                "negative": "wired otherwise",
                "faint": "the data",
                "ink": "values",
                "positive": "gradient",
                "focus": "click to change",
            },
        )

    def scene(self, result: Race) -> dict[str, dict[str, Any]]:
        mode = ARMS[result.wiring]
        back = {
            "s to G": True,
            "G to J": True,
            "noise": mode in ("log_q_only", "measure", "full"),
            "ln q": mode in ("log_q_only", "full"),
            "draws": mode in ("measure", "full"),
        }
        forth = {name: True for name in WIRES} | {"noise": mode != "fixed", "ln q": mode != "uncorrected"}
        said = {
            "noise q, uniform" if mode != "fixed" else "noise q = softmax(s/T)",
            "logit G = s" if mode != "uncorrected" else "logit G = s − ln(Kq)",
        }
        cuts = np.full((3, len(MODES)), np.nan)
        for wire, other in NEXT[mode].items():
            there = {"noise": mode != "fixed", "minus": mode != "uncorrected"}.get(wire, back.get(wire))
            word = 2 * list(CLICKS).index(wire) + (not there)
            cuts[:, MODES.index(other)] = *CLICKS[wire][0], word
        role = ["anchor" if arm == result.wiring else "negative" for arm in ARMS]
        distance = np.clip(result.distances[:, result.step - 1], FLOOR, 1)
        return {
            "values": _wires(forth, 0.018),
            "gradient": _wires(back, -0.018, back=True),
            "boxes": {"size": [np.nan if word in said else 1 for word in WORDS]},
            "cuts": {"x": cuts[0], "y": cuts[1], "which": np.nan_to_num(cuts[2])},
            "bars": {"y": result.standing[MODES.index(mode)]},
            "trails": {"x2": distance, "role": role},
            "heads": {"x": distance, "role": role},
        }

    def summary(self, result: Race) -> str:
        far = [
            f"{label} {number(path[result.step - 1])}"
            for label, path in zip(ARMS, result.distances, strict=True)
        ]
        return (
            f"{result.wiring}, step {result.step}, T = {number(result.temperature)}; "
            "total variation from the data:\n" + "; ".join(far[:3]) + "\n" + "; ".join(far[3:])
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
    for arm, mode in enumerate(MODES):
        scores = uniform.log().expand(len(temperatures), -1)
        noise: Any = uniform if mode == "fixed" else lambda s: torch.softmax(s / tau, -1)
        for step in range(STEPS):
            scores = scores + nce_gradient(scores, P_DATA, noise, K, mode)
            models[arm, step] = torch.softmax(scores, -1)
    return models.numpy()
