"""Real digits on two circles while an encoder trains: with pull alone, and with pull and push."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from nslab._checks import as_float, as_ids, raise_at_first
from nslab.explain._base import (
    Arrows,
    Axis,
    Control,
    Explainer,
    Line,
    Note,
    Panel,
    Pictures,
    Stage,
    linear_grid,
    number,
)

TRAIN, SHOWN, STEPS, HIDDEN = 80, 60, 100, 16
TEMPERATURE, RATE = 0.2, 0.4
ERROR = 0.01  # with which a coordinate is known when neighbours are looked up
PUSHES = linear_grid(0, 1, 61)
FORCED = 12  # digits that have arrows
WIDTHS = [2.5] * FORCED  # of their arrows, in pixels
LENGTH = 0.05  # of an arrow, for a force of 1
GRAIN = 128  # places are rounded to this part of the circle's width: a pixel or two
CIRCLE = np.linspace(0, 2 * np.pi, 91)


@dataclass(frozen=True)
class Run:
    """One encoder at one step. A force is along the circle, counter-clockwise."""

    points: NDArray[np.float64]  # (SHOWN, 2), the encoded digits
    pull: NDArray[np.float64]  # (SHOWN,) towards each digit's own moved copy
    push: NDArray[np.float64]  # (SHOWN,) away from all copies
    right: NDArray[np.bool_]  # (SHOWN,) whether the 5 nearest neighbours vote for the right digit
    exact: float  # the share of right votes if places were known without error
    pairs: float  # mean cosine of each digit and its moved copy
    others: float  # mean cosine of two different digits

    @property
    def accuracy(self) -> float:
        return float(self.right.mean())


@dataclass(frozen=True)
class Contrast:
    step: int
    weight: float  # λ, in `both`
    alone: Run
    both: Run
    forced: list[int]  # the digits whose forces are drawn


class PullAndPush(Explainer):
    """Held-out digits as unit vectors in the plane, while an encoder trains on pairs of moved copies:
    twice, side by side.

    `images` (140, 64): 8 × 8 pixels in [0, 1], `labels` (140,). The encoder (64 → 16 → 2, its first layer
    started at the principal components) learns from the first 80, without labels; the other 60 are shown.
    An anchor with scores s⁺ and s_j has the loss −s⁺/τ + λ ln Σ e^(s/τ): λ = 0 only pulls, λ = 1 is
    InfoNCE with the batch as negatives. Neighbours are looked up with an error of 0.01 a coordinate. A
    hand that holds a digit elsewhere sees the forces there.
    """

    question = "What becomes of the digits?"
    title = "Pull alone puts every digit in one place; a push of full weight keeps different digits apart"
    push = Control("λ", "weight of the push", PUSHES, start=1.0)
    step = Control("t", "training step", range(STEPS + 1), start=0, play=True)

    def __init__(self, images: Any, labels: Any, **start: Any) -> None:
        pixels, digits = as_float(images, "images").double(), as_ids(labels, "labels", size=10)
        if pixels.shape != (TRAIN + SHOWN, 64):
            raise ValueError(f"images must be ({TRAIN + SHOWN}, 64), got {tuple(pixels.shape)}")
        if digits.shape != pixels.shape[:1]:
            raise ValueError(f"labels must be one per image, got shape {tuple(digits.shape)}")
        raise_at_first(pixels, (pixels < 0) | (pixels > 1), "images must lie in [0, 1]")
        self._labels, self._pictures = digits[TRAIN:], pixels[TRAIN:].view(-1, 8, 8).numpy()
        generator = torch.Generator().manual_seed(0)
        shown = torch.cat([pixels[TRAIN:], moved(pixels[TRAIN:], generator)])
        self._error = ERROR * torch.randn(SHOWN, 2, generator=generator, dtype=torch.float64)
        self._paths = trained(pixels[:TRAIN], shown, PUSHES, generator)
        super().__init__(**start)

    def compute(self, push: float, step: int) -> Contrast:
        alone, both = (self._paths[type(self).push.nearest(weight), step] for weight in (0, push))
        return Contrast(step, push, self._run(alone, 0), self._run(both, push), list(range(FORCED)))

    def pulled(self, mark: str, point: int, x: float, y: float, push: float, step: int) -> Contrast:
        rest, name = self.compute(push, step), mark.removesuffix("_wrong")
        weight = 0 if name == "alone" else push
        held = self._paths[type(self).push.nearest(weight), step].clone()
        held[point] = F.normalize(torch.tensor([x, y], dtype=torch.float64) - 0.5, dim=0)
        forced = [point, *(i for i in rest.forced if i != point)][:FORCED]
        return replace(rest, forced=forced, **{name: self._run(held, weight)})

    def _run(self, places: Tensor, weight: float) -> Run:
        points, copies = places[:SHOWN], places[SHOWN:]
        pull, push = forces(points, copies, weight)
        return Run(
            points=points.numpy(),
            pull=pull.numpy(),
            push=push.numpy(),
            right=right(points + self._error, self._labels).numpy(),
            exact=float(right(points, self._labels).double().mean()),
            pairs=float((points * copies).sum(-1).mean()),
            others=float((points.sum(0).square().sum() - SHOWN) / (SHOWN * (SHOWN - 1))),
        )

    def stage(self) -> Stage:
        axes = Axis("", -0.12, 1.12, ticks={}), Axis("", -0.12, 1.12, ticks={})
        look = {
            "images": self._pictures,
            "scale": 0.055,
            "tips": [f"a {digit}" for digit in self._labels],
            "pulls": "xy",
        }
        marks: dict[str, Any] = {}
        for name in ("alone", "both"):
            marks |= {
                f"{name}_circle": Line(name, "faint", x=0.5 + np.cos(CIRCLE) / 2, y=0.5 + np.sin(CIRCLE) / 2),
                name: Pictures(name, "negative", **look),
                f"{name}_wrong": Pictures(name, "focus", **look),
                f"{name}_pull": Arrows(name, "positive", width=WIDTHS),
                f"{name}_accuracy": Note(name, x=[0.5], y=[0.5], align="middle", big=True),
                f"{name}_says": Note(name, x=[0.5], y=[0.42], align="middle", text="5-NN accuracy,"),
                f"{name}_error": Note(name, x=[0.5], y=[0.36], align="middle", text="places ± 0.01"),
            }
        return Stage(
            panels={
                "alone": Panel("Pull only", *axes, square=True),
                "both": Panel("Pull, and push times λ", *axes, square=True),
            },
            marks={
                **marks,
                "both_push": Arrows("both", "hard", width=WIDTHS),
            },
            key={
                "negative": "held-out digit",
                "focus": "voted wrong",
                "positive": "pull to its moved copy (12 drawn)",
                "hard": "push from all (same 12)",
            },
        )

    def scene(self, result: Contrast) -> dict[str, dict[str, Any]]:
        scene: dict[str, dict[str, Any]] = {}
        forced = result.forced
        for name, run in (("alone", result.alone), ("both", result.both)):
            x, y = _placed(run.points).T
            scene |= {
                name: {"x": x, "y": y},
                f"{name}_wrong": {"x": np.where(run.right, np.nan, x), "y": y},  # over the others
                f"{name}_pull": _arrows(run.points[forced], run.pull[forced], 0.87),
                f"{name}_accuracy": {"text": f"{run.accuracy:.0%}"},
            }
        scene["both_push"] = _arrows(result.both.points[forced], result.both.push[forced], 1.11)
        return scene

    def summary(self, result: Contrast) -> str:
        alone, both = result.alone, result.both
        return (
            f"step {result.step}, pull only: 5-NN accuracy {number(alone.accuracy)}, "
            f"cosine of a digit and its copy {number(alone.pairs)}, of two digits {number(alone.others)}\n"
            f"step {result.step}, λ = {number(result.weight)}: 5-NN accuracy {number(both.accuracy)}, "
            f"cosine of a digit and its copy {number(both.pairs)}, of two digits {number(both.others)}"
        )


def forces(points: Tensor, copies: Tensor, weight: float) -> tuple[Tensor, Tensor]:
    """Pull and push on each point (n, 2), along the unit circle.

    They are minus the slopes of the two terms of the point's loss.
    """
    along = torch.stack([-points[:, 1], points[:, 0]], -1)
    shares = torch.softmax(points @ copies.mT / TEMPERATURE, -1)
    pull = (along * copies).sum(-1) / TEMPERATURE
    return pull, -weight * (along * (shares @ copies)).sum(-1) / TEMPERATURE


def moved(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each 8 × 8 image moved by −1, 0 or 1 pixel down and across; what leaves the frame is lost."""
    n = len(images)
    padded = F.pad(images.view(n, 8, 8), (1, 1, 1, 1))
    corner = torch.randint(0, 3, (2, n, 1), generator=generator) + torch.arange(8)
    return padded[torch.arange(n)[:, None, None], corner[0][:, :, None], corner[1][:, None, :]].view(n, 64)


def trained(images: Tensor, shown: Tensor, pushes: list[float], generator: torch.Generator) -> Tensor:
    """Where `shown` lies after each step of training, for each weight of the push.

    The shape is (pushes, steps + 1, shown, 2).
    """
    mean = images.mean(0)
    principal = torch.linalg.svd(images - mean, full_matrices=False)[2][:HIDDEN].T
    largest = principal.gather(0, principal.abs().argmax(0, keepdim=True))
    start = [
        0.7 * principal * largest.sign(),  # a direction's sign is arbitrary: its largest entry is positive
        torch.zeros(1, HIDDEN).double(),
        torch.randn(HIDDEN, 2, generator=generator, dtype=torch.float64) / HIDDEN**0.5,
        torch.zeros(1, 2).double(),
    ]
    weights = [w.repeat(len(pushes), 1, 1).requires_grad_() for w in start]

    def encode(x: Tensor) -> Tensor:
        hidden = ((x - mean) @ weights[0] + weights[1]).tanh()
        return F.normalize(hidden @ weights[2] + weights[3], dim=-1)

    push = torch.tensor(pushes, dtype=torch.float64)[:, None]
    path = [encode(shown).detach()]
    for _ in range(STEPS):
        scores = encode(moved(images, generator)) @ encode(moved(images, generator)).mT / TEMPERATURE
        loss = push * scores.logsumexp(-1) - scores.diagonal(dim1=-2, dim2=-1)
        for weight, slope in zip(weights, torch.autograd.grad(loss.mean(-1).sum(), weights), strict=True):
            weight.data -= RATE * slope
        path.append(encode(shown).detach())
    return torch.stack(path, 1)


def right(points: Tensor, labels: Tensor) -> Tensor:
    """Whether the 5 nearest others of each point (..., n, 2) vote for its own label."""
    near = torch.cdist(points, points)
    near.diagonal(dim1=-2, dim2=-1).fill_(torch.inf)
    return labels[near.topk(5, largest=False).indices].mode(-1).values == labels


def _placed(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where points of the unit circle stand in a panel."""
    return np.round(GRAIN * (0.5 + points / 2)) / GRAIN


def _arrows(points: NDArray[np.float64], force: NDArray[np.float64], radius: float) -> dict[str, Any]:
    """Arrows along the circle, somewhat inside or outside it."""
    start = _placed(radius * points)
    end = start + LENGTH * np.round(8 * force)[:, None] / 8 * np.stack([-points[:, 1], points[:, 0]], -1)
    return {"x": start[:, 0], "y": start[:, 1], "x2": end[:, 0], "y2": end[:, 1]}
