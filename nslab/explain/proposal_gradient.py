"""Negatives drawn from softmax(s / T): where the draws land, and how far their gradient is from the full softmax's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from .._checks import as_float, as_mask, positive, whole
from ._controls import Control, integer_grid, log_grid
from ._explainer import Explainer
from ._style import FALSE_NEGATIVE, FOCUS, INK, NEGATIVE, POSITIVE, number

TEMPERATURES = log_grid(0.1, 10, 81)
KS = integer_grid(1, 256, 145)
NODES = 160
NOISE = (0.03, 30)  # the ends of the noise axis


class Estimate(NamedTuple):
    """The gradient of the sampled loss over all its draws; nothing here is sampled."""

    angle: float  # degrees between its mean and the full softmax gradient
    noise: float  # its standard deviation over the length of its mean
    length: float  # length of its mean over that of the full gradient
    false_push: float  # the share of the negatives' push that falls on false negatives


@dataclass(frozen=True)
class Proposal:
    temperature: float
    k: int
    drawn: NDArray[np.float64]  # (3, bins): share of the draws: the positive, false negatives, true negatives
    corrected: Estimate
    uncorrected: Estimate
    curves: NDArray[np.float64]  # (2, 2, T): angle and noise at TEMPERATURES, corrected and not

    @property
    def false_drawn(self) -> float:
        """Share of the draws that are false negatives."""
        return float(self.drawn[1].sum())


class _Laplace(NamedTuple):
    """Averages over one draw with e^(−t y) in them, at nodes t that are evenly spaced in ln t."""

    step: Tensor  # between two nodes, in ln t
    t: Tensor  # (P,)
    decay: Tensor  # (P,) E e^(−t y)
    first: Tensor  # (P, d + 2) E y e^(−t y) of v − v⁺, of "is false" and of "is true"
    second: Tensor  # (P,) E y² e^(−t y) |v − v⁺|²


def doubling_bins(scores: Tensor) -> Tensor:
    """The bin of each item by its rank, the highest score first: ranks 1, 2–3, 4–7, … are bins 0, 1, 2, …"""
    rank = scores.argsort(descending=True, stable=True).argsort() + 1
    return rank.double().log2().long()


def name_doubling_bins(axes: Axes, bins: int) -> None:
    axes.set_xticks(range(0, bins, 2), [f"{2**i:,}" for i in range(0, bins, 2)])
    axes.set_xlabel("rank by score, doubling from bar to bar")


class ProposalGradient(Explainer):
    """The gradient at one anchor whose K negatives come from softmax(s / T), against the full softmax gradient.

    `items` (N, d): the candidates' vectors; `anchor` (d,): the anchor's, so that the logits are
    s = items @ anchor; `target`: the positive's row; `false` (N,) marks the other candidates that are really
    positives. Draws are with replacement from all N, the positive included. The gradient is the one for the
    anchor's vector, Σ w (v − v⁺) over the draws, where w are softmax weights of K + 1 logits: s − ln q
    if corrected, else s.

    How it is exact: with y = e^logit of a draw over that of the positive, w = y ∫ e^(−t (1 + Σ y)) dt. Under
    the integral the K draws are independent factors, so that averages over one draw are all it takes.
    """

    title = "Negatives from the model: where the draws land, the bias and the noise of the gradient"
    size = (8.4, 3.8)
    temperature = Control("T", "temperature", TEMPERATURES, start=1.0)
    k = Control("K", "negatives", KS, start=1)

    def __init__(self, items: Any, anchor: Any, target: int, false: Any, **start: Any) -> None:
        vectors, point = as_float(items, "items").double(), as_float(anchor, "anchor").double()
        if vectors.dim() != 2 or point.shape != vectors.shape[1:]:
            got = f"{tuple(vectors.shape)} and {tuple(point.shape)}"
            raise ValueError(f"items and anchor must be (N, d) and (d,), got {got}")
        if whole(target, "target", minimum=0) >= len(vectors):
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
        self._bins = doubling_bins(self._scores)
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
        row = self._estimates(self._laplace(temperature, corrected), whole(k, "k", minimum=1))
        return Estimate(*row.tolist())

    def compute(self, temperature: float, k: int) -> Proposal:
        return Proposal(
            temperature=temperature,
            k=k,
            drawn=self._drawn(temperature).numpy(),
            corrected=self.estimate(temperature, k),
            uncorrected=self.estimate(temperature, k, corrected=False),
            curves=torch.stack([self._estimates(curve, k)[:, :2].T for curve in self._curves]).numpy(),
        )

    def create(self, figure: Figure) -> SimpleNamespace:
        grid = figure.add_gridspec(2, 2, width_ratios=[1, 1.1])
        left, above, below = (figure.add_subplot(place) for place in (grid[:, 0], grid[0, 1], grid[1, 1]))
        bins = int(self._bins.max()) + 1
        tallest = max(float(self._drawn(t).sum(0).max()) for t in TEMPERATURES)
        left.set(xlim=(-0.6, bins - 0.4), ylim=(0, 1.1 * tallest), ylabel="share of the draws")
        name_doubling_bins(left, bins)
        left.set_title("A low T draws the top ranks")
        roles = [
            (NEGATIVE, "true negatives"),
            (FALSE_NEGATIVE, "false negatives"),
            (POSITIVE, "the positive"),
        ]
        bars = [
            left.stairs(np.zeros(bins), np.arange(bins + 1) - 0.5, fill=True, color=color, label=label)
            for color, label in roles
        ]
        left.legend(loc="upper right")
        ticks = [0.1, 1, 10]
        for axes in (above, below):
            axes.set(xscale="log", xlim=(0.1, 10))
            axes.set_xticks(ticks, [])
            axes.axvline(1, color=INK, lw=0.8, ls=":")
        above.set(ylim=(-0.05 * self._widest, 1.1 * self._widest), ylabel="bias, degrees")
        above.set_title("Corrected, T = 1 has no bias")
        below.set(yscale="log", ylim=NOISE, ylabel="noise / signal", xlabel="temperature T of the proposal")
        below.set_xticks(ticks, ["0.1", "1", "10"])
        below.set_yticks([0.1, 1, 10], ["0.1", "1", "10"])
        lines = [
            axes.plot(TEMPERATURES, TEMPERATURES, color=INK, ls=look, lw=width, label=label)[0]
            for look, width, label in (("-", 2, "corrected"), ("--", 1.5, "raw"))
            for axes in (above, below)
        ]
        below.legend(loc="upper right", bbox_to_anchor=(1.02, 1.1))
        dots = [
            axes.plot([1], [1], "o", color=FOCUS, mfc=face, ms=8, zorder=4, clip_on=False)[0]
            for face in (FOCUS, "white")
            for axes in (above, below)
        ]
        return SimpleNamespace(bars=bars, lines=lines, dots=dots)

    def draw(self, artists: Any, result: Proposal) -> None:
        own, false, true = result.drawn
        for bar, top in zip(artists.bars, (own + false + true, own + false, own), strict=True):
            bar.set_data(top)
        for line, curve in zip(artists.lines, result.curves.reshape(4, -1), strict=True):
            line.set_ydata(curve)
        ways = (result.corrected, result.uncorrected)
        here = [height for way in ways for height in (way.angle, min(way.noise, NOISE[1]))]
        for dot, height in zip(artists.dots, here, strict=True):
            dot.set_data([result.temperature], [height])

    def summary(self, result: Proposal) -> str:
        lines = [
            f"T = {number(result.temperature)}, K = {result.k}: "
            f"{number(result.false_drawn)} of the draws are false negatives"
        ]
        for name, one in (("corrected", result.corrected), ("raw", result.uncorrected)):
            angle = f"{number(round(one.angle, 4))}° off"
            push = f"push on false negatives {number(one.false_push)}"
            lines.append(f"{name}: {angle}, noise / signal {number(one.noise)}, {push}")
        return "\n".join(lines)

    def _drawn(self, temperature: float) -> Tensor:
        """(3, bins): the share of the draws by kind and by rank."""
        drawn = torch.zeros(3, int(self._bins.max()) + 1, dtype=torch.float64)
        return drawn.index_add(1, self._bins, self._kinds * self.proposal(temperature))

    @property
    def _widest(self) -> float:
        """The largest angle that a curve shows at either end of K."""
        ends = [self._estimates(curve, k)[:, 0].max() for curve in self._curves for k in (KS[0], KS[-1])]
        return float(max(ends))

    @cached_property
    def _curves(self) -> list[_Laplace]:
        """Corrected and not, each at all TEMPERATURES at once."""
        rows = [[self._laplace(t, corrected) for t in TEMPERATURES] for corrected in (True, False)]
        return [_Laplace(*map(torch.stack, zip(*row, strict=True))) for row in rows]

    def _averages(self, temperature: float, corrected: bool) -> _Laplace:
        q = self.proposal(temperature)
        log_y = self._gaps * (1 - 1 / temperature) if corrected else self._gaps
        y = log_y.exp()
        # e^-14 of the mass lies below the first node, and e^(-e^4) beyond the last.
        nodes = torch.linspace(-math.log1p(KS[-1] * float(y.max())) - 14, 4, NODES, dtype=torch.float64)
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
