"""Two classes, one R times as common: how often each name is a negative, beside which pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
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
    Words,
    integer_grid,
    linear_grid,
    number,
)
from nslab.samplers import unigram
from nslab.theory import hit_probability

ALPHAS = np.linspace(-1, 1.25, 46)
PILE = 24  # pictures of dogs, at most
WAY = np.linspace(0.33, 0.74, 13)  # of a flow, from the pictures to the names
LABEL = 4  # the point of WAY where a flow is named
BEND = np.sin(np.linspace(-np.pi / 2, np.pi / 2, len(WAY))) / 2 + 0.5
TOP, FLOOR, TALL = 0.9, 0.17, 0.6  # where dogs begin, where aardvarks begin, and the height of all draws
THIN = 0.012  # the height of a flow that is too small to be seen
TEXT = 0.06  # the height of a flow that has room for a text
BESIDE = 0.25  # how far a picture stands from its dot
LOW, FOOT = 3e-6, 1e-5  # of the axis of draws, and of the handle there
DOG = """
................
................
..##............
.####...........
######.........#
#######........#
..#####.......##
...############.
...############.
...############.
...############.
...##.##...#.##.
...#..#....#..#.
...#..#....#..#.
..##.##...##.##.
................
"""
AARDVARK = """
................
.....#..#.......
.....##.##......
.....##.##......
.....######.....
....#########...
...##.########..
..#############.
.####.##########
####..##########
##....##########
......####..####
......###...###.
......##.....##.
......##.....##.
.....###....###.
"""


@dataclass(frozen=True)
class Rare:
    alpha: float
    imbalance: int
    k: int
    q: float  # of the rare class
    seen: float  # P(the rare class is among K draws)
    rare: float  # K q/f: how often its name is drawn for each time that it is a positive
    frequent: float
    draws: NDArray[np.float64]  # (2, 2): how often a column's name is drawn for the pictures of a row's class
    rares: NDArray[np.float64]  # q/f of the rare class at ALPHAS
    frequents: NDArray[np.float64]  # q/f of the frequent class at ALPHAS


class RareClass(Explainer):
    """R pictures of dogs and one of an aardvark; for each, K names are drawn as negatives, by q ∝ f^α.

    Left, which name is drawn for which pictures: a band is as high as its share of all draws, or as high
    as can be seen. Right, how often a name is drawn for each time that it is a positive. It takes no data.
    """

    question = "Which name is drawn as a negative, and how often?"
    title = "A lower α draws “aardvark” more often, and mostly for dogs"
    alpha = Control("α", "exponent of the frequencies", linear_grid(-1, 1.25, 91), start=1.0, play=True)
    r = Control("R", "frequent : rare", integer_grid(1, 10_000, 81), start=1000)
    k = Control("K", "negatives", integer_grid(1, 1000, 91), start=10)

    def compute(self, alpha: float, r: int, k: int) -> Rare:
        share = np.array([r, 1]) / (r + 1)
        q = unigram([r, 1], alpha).numpy()
        qs = 1 / (1 + np.exp(ALPHAS * math.log(r)))
        negatives = k * q / share
        return Rare(
            alpha=alpha,
            imbalance=r,
            k=k,
            q=float(q[1]),
            seen=float(hit_probability(float(q[1]), k)),
            rare=float(negatives[1]),
            frequent=float(negatives[0]),
            draws=np.outer([float(r), 1.0], k * q),
            rares=qs / share[1],
            frequents=(1 - qs) / share[0],
        )

    def stage(self) -> Stage:
        powers = {1e-4: "÷10⁴", 1e-2: "÷100", 1.0: "K", 1e2: "×100", 1e4: "×10⁴"}
        exponent = Axis(
            "exponent α",
            -1.5,
            1.6,
            ticks={-1: "−1", -0.5: "−½", 0: "0", 0.5: "½", 0.75: "¾", 1: "1"},
        )
        x, y = _pile()
        images = [_image(DOG), _image(AARDVARK)]
        flow = {"x": WAY}
        return Stage(
            panels={
                "draws": Panel("K names for each photo. Height of a band: share of all draws", share=1.2),
                "negatives": Panel(
                    "Drawn as a negative, per time as a positive",
                    exponent,
                    Axis("draws per positive", LOW, 3e4, log=True, ticks=powers),
                ),
            },
            marks={
                "dog_dog": Band("draws", "ink", **flow),
                "dog_aardvark": Band("draws", "focus", **flow),
                "edge": Line("draws", "focus", x=np.append(WAY, WAY[::-1])),
                "aardvark_dog": Band("draws", "ink", **flow),
                "aardvark_aardvark": Band("draws", "focus", **flow),
                "dogs": Pictures(
                    "draws", "ink", images=images[:1] * PILE, x=x, y=y, scale=0.1, tips=["a dog"] * PILE
                ),
                "aardvark": Pictures(
                    "draws", "focus", images=images[1:], x=[0.25], y=[FLOOR], scale=0.14, tips=["an aardvark"]
                ),
                "names": Words(
                    "draws", words=["dog", "aardvark"], roles=["ink", "focus"], x=[0.885] * 2, scale=0.07,
                    tips=["the name “dog”", "the name “aardvark”"],
                ),
                "many": Note("draws", x=[0], y=[0.96]),
                "drawn": Note("draws", x=[1], y=[0.96], align="end", text="names drawn for them"),
                "for_dogs": Note("draws", "focus", x=[WAY[LABEL]], align="middle"),
                "one": Note("draws", "focus", x=[0], y=[FLOOR], text="and 1 →"),
                "its": Note("draws", "focus", x=[0], y=[0.03]),
                "thin": Note("draws", x=[0], y=[-0.05]),
                "even": Rule("negatives", "faint", at=1),
                "place": Rule("negatives", "focus", axis="x"),
                "frequents": Line("negatives", "ink", x=ALPHAS),
                "rares": Line("negatives", "focus", x=ALPHAS),
                "dots": Dots("negatives", "ink", roles=["focus"]),
                "animals": Pictures(
                    "negatives", "ink", images=images, roles=["focus"], scale=0.13,
                    tips=["“dog”", "“aardvark”"], shows={"draws per positive, ÷ K": "y"},
                ),
                "here": Handle("negatives", along={"x": "alpha"}, y=[FOOT]),
            },
            key={"ink": "dog, the frequent class", "focus": "aardvark, the rare one"},
        )  # fmt: skip

    def scene(self, result: Rare) -> dict[str, dict[str, Any]]:
        share = 1 / (result.imbalance + 1)  # of the aardvark's picture
        per = np.array([result.frequent, result.rare]) / result.k
        size = np.where(np.arange(PILE) < result.imbalance, 1.0, np.nan)
        flows, names = _flows(share, result.q)
        crossing = flows["dog_aardvark"]
        wide = crossing["high"][0] - crossing["low"][0] > TEXT
        thin = TALL * share * min(result.q, 1 - result.q) < THIN
        return {
            **flows,
            "dogs": {"size": size},
            "names": {"y": names, "role": ["ink", "focus"]},
            "edge": {"y": np.append(flows["dog_aardvark"]["low"], flows["dog_aardvark"]["high"][::-1])},
            "many": {"text": f"{result.imbalance:,} dog photo{'s' * (result.imbalance > 1)} →"},
            "for_dogs": {
                "y": (crossing["low"][LABEL] + crossing["high"][LABEL]) / 2 - 0.02,
                "text": "for dog photos" if wide else "",
            },
            "its": {
                "text": (
                    f"its {result.k:,} draws: {number(result.draws[1, 0])} “dog”,"
                    f" {number(result.draws[1, 1])} “aardvark”"
                )
            },
            "thin": {"text": "(hairlines: too thin to draw to scale)" if thin else ""},
            "place": {"at": result.alpha},
            "frequents": {"y": result.frequents},
            "rares": {"y": result.rares},
            "dots": {"x": [result.alpha] * 2, "y": per, "role": ["ink", "focus"]},
            "animals": {
                "x": [result.alpha - BESIDE, result.alpha + BESIDE],
                "y": per,
                "role": ["ink", "focus"],
            },
        }

    def summary(self, result: Rare) -> str:
        return (
            f"R = {result.imbalance:,}, α = {number(result.alpha)}: the rare class is drawn with q ="
            f" {number(result.q)}; P(seen in K = {result.k:,}) = {number(result.seen)}\ndrawn as a negative"
            f" per time as a positive: rare {_plain(result.rare)}, frequent {_plain(result.frequent)}"
        )


def _flows(share: float, q: float) -> tuple[dict[str, dict[str, Any]], list[float]]:
    """Four flows, stacked at both ends, and the heights of the two names.

    Each flow is as high as its share of the draws.
    """
    rows, columns = np.array([1 - share, share]), np.array([1 - q, q])
    high = np.maximum(TALL * np.outer(rows, columns), THIN)
    left = np.array([TOP - high[0].sum(), FLOOR])[:, None] + np.stack([high[:, 1], np.zeros(2)], 1)
    right = np.array([TOP - high[:, 0].sum(), FLOOR]) + np.stack([high[1], np.zeros(2)])
    flows = {}
    for i, one in enumerate(("dog", "aardvark")):
        for j, other in enumerate(("dog", "aardvark")):
            low = left[i, j] + BEND * (right[i, j] - left[i, j])
            flows[f"{one}_{other}"] = {"low": low, "high": low + high[i, j]}
    return flows, [TOP - high[:, 0].sum() / 2, FLOOR + high[:, 1].sum() / 2]


def _pile() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places of the dogs, those beside the flows first."""
    x, y = (a.ravel() for a in np.meshgrid(np.linspace(0.04, 0.265, 4), np.linspace(0.3, 0.85, 6)))
    first = np.argsort(np.hypot(x - 0.27, y - 0.78), kind="stable")
    return x[first], y[first]


def _image(drawing: str) -> NDArray[np.float64]:
    return np.array([[float(c == "#") for c in line] for line in drawing.split()])


def _plain(value: float) -> str:
    return number(round(value, 9))  # 10000.000000000002 is 10,000
