"""Real digits on a circle while a small encoder trains, from pull alone to pull and push."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from numpy.typing import NDArray
from torch import Tensor

from .._checks import as_float, as_ids, first_bad
from ._controls import Control, linear_grid
from ._explainer import Explainer
from ._style import ANCHOR, FAINT, FALSE_NEGATIVE, FOCUS, INK, NEGATIVE, POSITIVE, number

TRAIN, SHOWN, STEPS, HIDDEN = 80, 60, 100, 16
TEMPERATURE, RATE = 0.2, 0.4
ERROR = 0.01  # with which a coordinate is known when neighbours are looked up
PUSHES = linear_grid(0, 1, 101)


@dataclass(frozen=True)
class Contrast:
    step: int
    push: float
    points: NDArray[np.float64]  # (SHOWN, 2), the encoded digits at this step; the first is the anchor
    positive: NDArray[np.float64]  # (2,), the anchor's moved copy
    pairs: NDArray[np.float64]  # mean cosine of each digit and its moved copy, at each step
    others: NDArray[np.float64]  # mean cosine of two different digits, at each step
    accuracy: NDArray[np.float64]  # share whose 5 nearest neighbours vote for the right digit, at each step


class PullAndPush(Explainer):
    """Held-out digits as unit vectors in the plane, while an encoder is trained on pairs of moved copies.

    `images` (140, 64): 8 × 8 pixels, `labels` (140,). The encoder (64 → 16 → 2, its first layer started
    at the principal components) learns from the first 80, without labels; the other 60 are shown. An anchor with scores s⁺ and s_j has the loss −s⁺/τ + λ ln Σ e^(s/τ): λ = 0 only
    pulls, λ = 1 is InfoNCE with the batch as negatives. Neighbours are looked up with an error of 0.01 a coordinate.
    """

    title = "Held-out digits on a circle while an encoder trains with pull and push"
    size = (8.4, 4.0)
    step = Control("t", "training step", list(range(STEPS + 1)), start=0)
    push = Control("λ", "weight of the push", PUSHES, start=0.0)

    def __init__(self, images: Any, labels: Any, **start: Any) -> None:
        pixels, digits = as_float(images, "images").double(), as_ids(labels, "labels", size=10)
        if pixels.shape != (TRAIN + SHOWN, 64):
            raise ValueError(f"images must be ({TRAIN + SHOWN}, 64), got {tuple(pixels.shape)}")
        if digits.shape != pixels.shape[:1]:
            raise ValueError(f"labels must be one per image, got shape {tuple(digits.shape)}")
        first_bad(pixels, (pixels < 0) | (pixels > 1), "images must lie in [0, 1]")
        self._labels = digits[TRAIN:]
        generator = torch.Generator().manual_seed(0)
        shown = torch.cat([pixels[TRAIN:], moved(pixels[TRAIN:], generator)])
        error = ERROR * torch.randn(SHOWN, 2, generator=generator, dtype=torch.float64)
        self._paths = trained(pixels[:TRAIN], shown, PUSHES, generator)
        known = self._paths[:, :, :SHOWN] + error
        self._accuracy = torch.stack([accuracy(path, self._labels) for path in known])
        super().__init__(**start)

    def compute(self, step: int, push: float) -> Contrast:
        row = self.controls["push"].nearest(push)
        path = self._paths[row]
        points, copies = path[:, :SHOWN], path[:, SHOWN:]
        total = points.sum(1).square().sum(-1)
        return Contrast(
            step=step,
            push=push,
            points=points[step].numpy(),
            positive=copies[step, 0].numpy(),
            pairs=(points * copies).sum(-1).mean(-1).numpy(),
            others=((total - SHOWN) / (SHOWN * (SHOWN - 1))).numpy(),
            accuracy=self._accuracy[row].numpy(),
        )

    def create(self, figure: Figure) -> SimpleNamespace:
        circle, curves = figure.subplots(1, 2, width_ratios=[1, 1.3])
        circle.set(xlim=(-1.2, 1.2), ylim=(-1.2, 1.2), xticks=[], yticks=[], aspect="equal")
        circle.spines[:].set_visible(False)
        circle.set_title(f"{SHOWN} digits it never trained on")
        angle = np.linspace(0, 2 * np.pi, 181)
        circle.plot(np.cos(angle), np.sin(angle), color=FAINT, lw=1, zorder=0)
        names = ["anchor", "its moved copy", "others of its digit", "other digits"]
        colours = [ANCHOR, POSITIVE, FALSE_NEGATIVE, NEGATIVE]
        keys = [Line2D([], [], marker="o", ls="", color=colour) for colour in colours]
        figure.legend(keys, names, loc="outside lower left", ncols=4, handletextpad=0.1, columnspacing=0.9)
        curves.set(xlim=(0, STEPS), ylim=(-0.12, 1.06), yticks=[0, 0.5, 1], xlabel="training step")
        curves.set_ylabel("mean cosine, or share")
        curves.set_title("Pull brings pairs together; push keeps the rest apart")
        steps = np.arange(STEPS + 1)
        whole = [curves.plot(steps, steps, color=colour, lw=0.8)[0] for colour in (POSITIVE, NEGATIVE, INK)]
        pairs = curves.plot([], [], color=POSITIVE, lw=4, label="pair")[0]
        others = curves.plot([], [], color=NEGATIVE, label="two digits")[0]
        votes = curves.plot([], [], color=INK, label="5-NN accuracy")[0]
        figure.legend(handles=[pairs, others, votes], loc="outside lower right", ncols=3, columnspacing=0.9)
        classes = [int(label) for label in self._labels.unique()]
        return SimpleNamespace(
            here=curves.axvline(0, color=FOCUS, lw=1.5),
            whole=whole,
            past=[pairs, others, votes],
            now=curves.scatter(
                [0] * 3, [0] * 3, s=40, color=[POSITIVE, NEGATIVE, INK], zorder=4, clip_on=False
            ),
            digits={c: circle.scatter([], [], marker=glyph(c), s=70, lw=0) for c in classes},
            positive=circle.scatter([], [], marker=glyph(self._labels[0]), s=260, color=POSITIVE, lw=0),
            anchor=circle.scatter([], [], marker=glyph(self._labels[0]), s=260, color=ANCHOR, lw=0),
        )

    def draw(self, artists: Any, result: Contrast) -> None:
        labels = self._labels.numpy()
        for label, dots in artists.digits.items():
            dots.set_offsets(result.points[1:][labels[1:] == label])
            dots.set_facecolor(FALSE_NEGATIVE if label == labels[0] else NEGATIVE)
        artists.anchor.set_offsets(result.points[:1])
        artists.positive.set_offsets(result.positive)
        artists.here.set_xdata([result.step] * 2)
        curves = [result.pairs, result.others, result.accuracy]
        for whole, past, curve in zip(artists.whole, artists.past, curves, strict=True):
            whole.set_ydata(curve)
            past.set_data(range(result.step + 1), curve[: result.step + 1])
        artists.now.set_offsets([(result.step, curve[result.step]) for curve in curves])

    def summary(self, result: Contrast) -> str:
        t = result.step
        return (
            f"λ = {number(result.push)}, step {t}: 5-NN accuracy = {number(result.accuracy[t])}\n"
            f"mean cosine: digit and moved copy {number(result.pairs[t])}, two digits {number(result.others[t])}"
        )


def moved(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each 8 × 8 image moved by −1, 0 or 1 pixel down and across; what leaves the frame is lost."""
    n = len(images)
    padded = F.pad(images.view(n, 8, 8), (1, 1, 1, 1))
    corner = torch.randint(0, 3, (2, n, 1), generator=generator) + torch.arange(8)
    return padded[torch.arange(n)[:, None, None], corner[0][:, :, None], corner[1][:, None, :]].view(n, 64)


def trained(images: Tensor, shown: Tensor, pushes: list[float], generator: torch.Generator) -> Tensor:
    """Where `shown` lies after each step of training, for each weight of the push: (pushes, steps + 1, shown, 2)."""
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


def accuracy(points: Tensor, labels: Tensor) -> Tensor:
    """Share of the points (..., n, 2) whose 5 nearest others vote for their own label."""
    near = torch.cdist(points, points)
    near.diagonal(dim1=-2, dim2=-1).fill_(torch.inf)
    votes = labels[near.topk(5, largest=False).indices].mode(-1).values
    return (votes == labels).double().mean(-1)


def glyph(digit: Any) -> Path:
    """A digit's outline, centred, as a marker."""
    outline = TextPath((0, 0), str(int(digit)), size=1)
    return Path(outline.vertices - outline.get_extents().get_points().mean(0), outline.codes)
