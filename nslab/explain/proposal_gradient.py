"""Negatives drawn one by one from softmax(s / T): where the mean of their gradients turns.

It is shown beside the full softmax's gradient.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nslab._checks import as_float, as_int, as_mask, positive
from nslab.explain._base import (
    Arrows,
    Axis,
    Control,
    Explainer,
    Handle,
    Line,
    Mark,
    Note,
    Panel,
    Stage,
    check_each,
    integer_grid,
    items,
    log_grid,
    number,
)

TEMPERATURES = log_grid(0.1, 10, 81)
DRAWS = integer_grid(1, 1000, 121)
LOGITS = ("s − ln q", "raw s")  # corrected, and not
MOST = 256  # draws of one loss for which the integral is laid out
NODES = 160
SHOWN = 100  # items, those with the highest scores
RECENT = 16  # draws whose arrows are shown
ANGLES = (0.5, 120)  # degrees, the ends of the axis


class Estimate(NamedTuple):
    """The gradient of the sampled loss over all its draws; nothing here is sampled."""

    angle: float  # degrees between its mean and the full softmax gradient
    noise: float  # its standard deviation over the length of its mean
    length: float  # length of its mean over that of the full gradient
    false_push: float  # the share of the negatives' push that falls on false negatives


@dataclass(frozen=True)
class Proposal:
    temperature: float
    logits: str
    ids: NDArray[np.int64]  # what was drawn, in order
    gradients: NDArray[np.float64]  # (draws, d): of the loss with each draw as its one negative
    angles: dict[str, NDArray[np.float64]]  # of the mean of the first 1, 2, … of DRAWS, by logits
    angle: float  # degrees between the mean of all draws and the full gradient
    length: float  # the mean's length over that of the full gradient
    false_drawn: float  # share of these draws that are false negatives
    endless: Estimate  # what the mean comes to

    @property
    def means(self) -> NDArray[np.float64]:
        """(draws, d): the mean of the first 1, 2, … gradients."""
        return self.gradients.cumsum(0) / np.arange(1, len(self.ids) + 1)[:, None]


class _Laplace(NamedTuple):
    """Averages over one draw with e^(−t y) in them, at nodes t that are evenly spaced in ln t."""

    step: Tensor  # between two nodes, in ln t
    t: Tensor  # (P,)
    decay: Tensor  # (P,) E e^(−t y)
    first: Tensor  # (P, d + 2) E y e^(−t y) of v − v⁺, of "is false" and of "is true"
    second: Tensor  # (P,) E y² e^(−t y) |v − v⁺|²


class ProposalGradient(Explainer):
    """The gradient at one anchor, one negative per draw, from softmax(s / T).

    Its mean is shown against the full softmax gradient.

    `items` (N, d): the candidates' vectors; `anchor` (d,): the anchor's, so that the logits are
    s = items @ anchor; `target`: the positive's row; `false` (N,) marks the other candidates that are really
    positives. `pictures` (N, height, width), in [0, 1], or else `names` show what they are. Draws are with
    replacement from all N, the positive included. The gradient is the one for the anchor's vector, w (v −
    v⁺), where w is the negative's softmax weight among two logits: s − ln q if corrected, else s. Up goes
    what of a vector lies along the full gradient, to the right the length of all the rest: so each length,
    and each angle with the full gradient, is as it is in all d dimensions.

    `estimate` has the mean and the spread over all draws of any K: with y = e^logit of a draw over that of
    the positive, w = y ∫ e^(−t (1 + Σ y)) dt. Under the integral the K draws are independent factors, so
    that averages over one draw are all it takes.
    """

    question = "Where does the mean of many draws point?"
    title = "At T = 1, corrected by − ln q, the mean of the draws points along the full gradient"
    draws = Control("", "draws", DRAWS, start=1, play=True)
    logits = Control("", "scores", LOGITS, start=LOGITS[0])
    temperature = Control("T", "temperature of q", TEMPERATURES, start=1.0)

    def __init__(
        self,
        items: Any,
        anchor: Any,
        target: int,
        false: Any,
        *,
        pictures: Any = None,
        names: Sequence[str] | None = None,
        **start: Any,
    ) -> None:
        vectors, point = as_float(items, "items").double(), as_float(anchor, "anchor").double()
        if vectors.dim() != 2 or point.shape != vectors.shape[1:]:
            got = f"{tuple(vectors.shape)} and {tuple(point.shape)}"
            raise ValueError(f"items and anchor must be (N, d) and (d,), got {got}")
        if as_int(target, "target", minimum=0) >= len(vectors):
            raise ValueError(f"target must be < {len(vectors)}, the number of items, got {target}")
        mask = as_mask(false, "false", vectors.shape[:1])
        if bool(mask[target]):
            raise ValueError(f"false must be of other items, not true at the target, got True at {target}")
        self._scores = vectors @ point
        self.target = int(target)
        own = torch.arange(len(vectors)) == target
        self._kinds = torch.stack([own, mask, ~(own | mask)]).double()
        self._apart = vectors - vectors[target]
        self._full = torch.softmax(self._scores, 0) @ self._apart
        if not bool(self._full.norm() > 0):
            raise ValueError("items must not all pull alike: the full gradient is 0")
        self._gaps = self._scores - self._scores[target]
        check_each(f"show each of the {len(vectors)} items", len(vectors), pictures=pictures, names=names)
        self._pictures = pictures
        self._names = [str(i) for i in range(len(vectors))] if names is None else list(names)
        self._ranked = self._scores.argsort(descending=True).numpy()
        self._uniform = np.random.default_rng(0).random(DRAWS[-1])
        self._laplace = lru_cache(maxsize=512)(self._averages)
        super().__init__(**start)

    def proposal(self, temperature: float) -> Tensor:
        """The chance of each item under softmax(s / T), (N,)."""
        return torch.softmax(self._scores / positive(temperature, "temperature"), 0)

    def false_drawn(self, temperature: float) -> float:
        """The share of the draws from softmax(s / T) that are false negatives."""
        return float(self.proposal(temperature) @ self._kinds[1])

    def estimate(self, temperature: float, k: int, *, corrected: bool = True) -> Estimate:
        """Mean and spread over all draws of K negatives from softmax(s / T)."""
        row = self._estimates(self._laplace(temperature, corrected), as_int(k, "k", minimum=1))
        return Estimate(*row.tolist())

    def single(self, temperature: float, *, corrected: bool = True) -> Estimate:
        """`estimate` for one negative, as plain sums over the items."""
        q, w = self.proposal(temperature), self._weights(temperature, corrected)
        mean, square = (q * w) @ self._apart, (q * w * w) @ self._apart.square().sum(1)
        length, full = mean.norm(), self._full.norm()
        cosine = (mean @ self._full / (length * full)).clamp(-1, 1)
        noise = (square - length.square()).clamp(min=0).sqrt() / length
        false, true = self._kinds[1:] @ (q * w)
        return Estimate(
            *(float(x) for x in (cosine.acos().rad2deg(), noise, length / full, false / (false + true)))
        )

    def compute(self, draws: int, logits: str, temperature: float) -> Proposal:
        chances = self.proposal(temperature).numpy()[self._ranked].cumsum()
        ids = self._ranked[np.searchsorted(chances, self._uniform[:draws] * chances[-1])]
        gradients = {
            name: self._weights(temperature, name == LOGITS[0]).numpy()[ids, None] * self._apart.numpy()[ids]
            for name in LOGITS
        }
        return Proposal(
            temperature=temperature,
            logits=logits,
            ids=ids,
            gradients=gradients[logits],
            angles={name: self._angles(rows) for name, rows in gradients.items()},
            angle=float(self._degrees(gradients[logits].sum(0))),
            length=float(np.linalg.norm(gradients[logits].mean(0))) / float(self._full.norm()),
            false_drawn=float(self._kinds[1].numpy()[ids].mean()),
            endless=self.single(temperature, corrected=logits == LOGITS[0]),
        )

    def _weights(self, temperature: float, corrected: bool) -> Tensor:
        """(N,): the softmax weight of each item, drawn as the one negative."""
        return torch.sigmoid(self._gaps * (1 - 1 / temperature) if corrected else self._gaps)

    def _angles(self, gradients: NDArray[np.float64]) -> NDArray[np.float64]:
        """Degrees between the full gradient and the mean of the first 1, 2, … of DRAWS."""
        return self._degrees(gradients.cumsum(0)[[n - 1 for n in DRAWS if n <= len(gradients)]])

    def _degrees(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Degrees between the full gradient and vectors (..., d); 90 where one is 0."""
        along = vectors @ self._full.numpy() / float(self._full.norm())
        lengths = np.linalg.norm(vectors, axis=-1)
        cosine = np.divide(along, lengths, out=np.zeros_like(along), where=lengths > 0)
        return np.rad2deg(np.arccos(np.clip(cosine, -1, 1)))

    def stage(self) -> Stage:
        places, (own, shown) = self._places(self._apart.numpy()), self._in_view
        full, (right, top) = float(self._full.norm()), self._view[:, 1]
        roles: dict[str, Any] = {"role": "negative", "roles": ("false_negative",)}
        count = {float(n): f"{n:,}" for n in (1, 10, 100, 1000)}
        return Stage(
            panels={
                "plane": Panel(
                    "Height: the part along the full gradient",
                    Axis("", *self._view[0], ticks={}),
                    Axis("", *self._view[1], ticks={}),
                    share=1.05,
                    square=True,
                ),
                "angle": Panel(
                    "Angle between the mean and the full gradient",
                    Axis("draws (drag the handle)", 1, DRAWS[-1], log=True, ticks=count),
                    Axis("degrees", *ANGLES, log=True, ticks={n: f"{n}°" for n in (1, 3, 10, 30, 90)}),
                ),
            },
            marks={
                "items": self._points(
                    shown,
                    x=places[shown, 0],
                    y=places[shown, 1],
                    shows={"share of the draws": "size"},
                    **roles,
                ),
                "own": self._points([own], role="positive", x=[0], y=[0], size=[0.08]),
                "recent": Arrows(
                    "plane", **roles, x=np.zeros(RECENT), y=np.zeros(RECENT), width=np.ones(RECENT)
                ),
                "goal": Line("plane", "ink", x=[0, 0], y=[0, top], dashed=True),
                "ray": Line("plane", "focus", dashed=True),
                "trail": Line("plane", "focus"),
                "full": Arrows("plane", "ink", x=[0], y=[0], x2=[0], y2=[full], width=[3]),
                "mean": Arrows("plane", "focus", x=[0], y=[0], width=[5]),
                "names full": Note("plane", x=[-0.02 * right], y=[full], text="full", align="end"),
                "names mean": Note("plane", "focus", x=[-0.02 * right], text="mean", align="end"),
                "label": Note("plane", x=[0.97 * right], y=[0.9 * top], align="end", big=True),
                "other": Line("angle", "faint", x=DRAWS, dashed=True),
                "path": Line("angle", "focus", x=DRAWS),
                "here": Handle("angle", along={"x": "draws"}),
            },
            key={
                "ink": "full gradient",
                "focus": "mean of the draws",
                "faint": "other scores",
                "negative": "true negative",
                "false_negative": "false negative",
                "positive": "positive",
            },
        )

    def scene(self, result: Proposal) -> dict[str, dict[str, Any]]:
        kinds = np.where(self._kinds[1].numpy() > 0, "false_negative", "negative")
        shown = self._in_view[1]
        shares = np.bincount(result.ids, minlength=len(kinds)) / len(result.ids)
        tips = self._seen(self._places(result.gradients[-RECENT:]))
        trail = self._places(result.means[[*(n - 1 for n in DRAWS if n <= len(result.ids)), -1]])
        other = next(rows for name, rows in result.angles.items() if name != result.logits)
        return {
            "items": {"size": shares[shown], "role": kinds[shown]},
            "recent": {"x2": tips[:, 0], "y2": tips[:, 1], "role": kinds[result.ids[-RECENT:]]},
            "ray": dict(zip("xy", self._ray(trail[-1]), strict=True)),
            "trail": dict(zip("xy", self._seen(trail).T, strict=True)),
            "mean": {"x2": trail[-1:, 0], "y2": trail[-1:, 1]},
            "names mean": {"y": min(trail[-1, 1], 0.85 * float(self._full.norm()))},
            "label": {"text": f"{result.angle:.1f}° off"},
            "other": {"y": np.clip(other, *ANGLES)},
            "path": {"y": np.clip(result.angles[result.logits], *ANGLES)},
            "here": {"y": np.clip(result.angle, *ANGLES)},
        }

    def _places(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """(..., 2): how far off the full gradient's line vectors (..., d) point, and how far along it."""
        direction = (self._full / self._full.norm()).numpy()
        along = vectors @ direction
        off = np.linalg.norm(vectors - along[..., None] * direction, axis=-1)
        return np.stack([off, along], -1)

    @cached_property
    def _in_view(self) -> tuple[int, list[int]]:
        """The positive, and the other items that are shown."""
        return self.target, [i for i in self._ranked.tolist() if i != self.target][:SHOWN]

    @cached_property
    def _view(self) -> NDArray[np.float64]:
        """(2, 2): the ends of both axes, a square around the items shown."""
        reach = self._places(self._apart.numpy()[self._in_view[1]]).max()
        return reach * np.array([[-0.13, 1.07], [-0.1, 1.1]])

    def _seen(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Places in the picture, NaN where they lie beyond its edges."""
        low, high = self._view.T
        return np.where(((places > low) & (places < high)).all(1, keepdims=True), places, np.nan)

    def _ray(self, through: NDArray[np.float64]) -> NDArray[np.float64]:
        """From the positive along the mean, to the edge."""
        edge = np.where(through > 0, self._view[:, 1], self._view[:, 0])
        steps = np.divide(edge, through, out=np.full(2, np.inf), where=through != 0)
        far = steps.min() if np.isfinite(steps).any() else 0.0
        return np.stack([np.zeros(2), 0.999 * far * through], 1)

    def _points(self, ids: Sequence[int], role: str, **look: Any) -> Mark:
        pictures = None if self._pictures is None else np.asarray(self._pictures)[ids]
        names = [self._names[i] for i in ids]
        return items("plane", role, pictures=pictures, words=names, scale=0.27, tips=names, **look)

    def summary(self, result: Proposal) -> str:
        n, one = len(result.ids), result.endless
        length, end = "", "let ▶ run to its end"
        if n == DRAWS[-1]:  # the length is what the first prediction asks for
            length = f", {number(result.length)} as long"
            end = f"{number(round(one.angle, 4))}° off, {number(one.length)} as long"
        return (
            f"T = {number(result.temperature)}, scores {result.logits}, {n:,} drawn: their mean is"
            f" {number(result.angle)}° off the full gradient{length}\nfalse negatives:"
            f" {number(100 * result.false_drawn)} % of these draws, {number(100 * one.false_push)} % of the"
            f" push of endless ones; noise of one draw {number(one.noise)}\nthe mean of endless draws: {end}"
        )

    def _averages(self, temperature: float, corrected: bool) -> _Laplace:
        q = self.proposal(temperature)
        log_y = self._gaps * (1 - 1 / temperature) if corrected else self._gaps
        y = log_y.exp()
        # e^-14 of the mass lies below the first node, and e^(-e^4) beyond the last.
        nodes = torch.linspace(-math.log1p(MOST * float(y.max())) - 14, 4, NODES, dtype=torch.float64)
        t = nodes.exp()
        decays = torch.exp(-(t[:, None] * y).clamp(max=200))  # no subnormal numbers, they are slow
        wanted = torch.cat([self._apart, self._kinds[1:].T], 1)
        return _Laplace(
            step=nodes[1] - nodes[0],
            t=t,
            decay=decays @ q,
            first=decays @ ((q * y)[:, None] * wanted),
            second=decays @ (q * y * y * self._apart.square().sum(1)),
        )

    def _estimates(self, laplace: _Laplace, k: int) -> Tensor:
        """(..., 4): angle, noise, length and false push, as in `Estimate`."""
        step, t, decay, first, second = laplace
        measure = step[..., None] * t * torch.exp(-t)
        mean = torch.einsum("...p,...pd->...d", measure * k * decay ** (k - 1), first)
        pairs = k * (k - 1) * decay ** max(k - 2, 0) * first[..., :-2].square().sum(-1)
        square = (measure * t * (k * decay ** (k - 1) * second + pairs)).sum(-1)
        mean, push = mean[..., :-2], mean[..., -2:]
        length, full = mean.norm(dim=-1), self._full.norm()
        cosine = (mean @ self._full / (length * full)).clamp(-1, 1)
        noise = (square - length.square()).clamp(min=0).sqrt() / length
        return torch.stack([cosine.acos().rad2deg(), noise, length / full, push[..., 0] / push.sum(-1)], -1)
