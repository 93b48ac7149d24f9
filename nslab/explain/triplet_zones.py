"""One anchor, one positive, many real negatives: hard, semi-hard and easy, and the loss of each zone."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ..losses import triplet_loss
from ..mining import categorize
from ._controls import Control, linear_grid
from ._explainer import Explainer
from ._style import FAINT, HARD, INK, NEGATIVE, POSITIVE, SEMI_HARD, number

POSITIVES = 61
FARTHEST = 4.0  # the largest squared distance of two unit vectors
COLUMN = 0.08  # dots within this distance of each other are stacked
COLOURS = np.array([HARD, SEMI_HARD, NEGATIVE])
NAMES = ("hard", "semi-hard", "easy")


@dataclass(frozen=True)
class Zones:
    margin: float
    positive: int
    d_ap: float
    zone: NDArray[np.int64]
    loss: NDArray[np.float64]

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many negatives are hard, semi-hard, easy."""
        return np.bincount(self.zone, minlength=3)

    @property
    def loss_shares(self) -> NDArray[np.float64]:
        """The share of the summed loss in each zone; zeros when no negative is active."""
        sums = np.bincount(self.zone, weights=self.loss, minlength=3)
        return sums / max(sums.sum(), np.finfo(float).tiny)


class TripletZones(Explainer):
    """Which negatives of one anchor a triplet loss learns from.

    `d_ap` (61,): squared L2 distances from the anchor to its positives, taken from the nearest to the farthest;
    `d_an` (N,): to its negatives. All vectors have length 1, so distances lie in [0, 4].
    """

    title = "Hard, semi-hard and easy negatives of one anchor and one positive"
    size = (8.4, 3.8)
    m = Control("m", "margin", linear_grid(0, 1.5, 76), start=0.2)
    positive = Control("p", "rank of the positive", list(range(1, POSITIVES + 1)), start=40)

    def __init__(self, d_ap: Any, d_an: Any, **start: Any) -> None:
        self._d_ap = _distances(d_ap, "d_ap").sort().values
        self._d_an = _distances(d_an, "d_an")
        if len(self._d_ap) != POSITIVES:
            raise ValueError(f"d_ap must hold {POSITIVES} distances, got {len(self._d_ap)}")
        super().__init__(**start)

    def compute(self, m: float, positive: int) -> Zones:
        d_ap = self._d_ap[positive - 1].expand_as(self._d_an)
        return Zones(
            margin=m,
            positive=positive,
            d_ap=float(d_ap[0]),
            zone=categorize(d_ap, self._d_an, m).numpy(),
            loss=triplet_loss(d_ap, self._d_an, margin=m, reduction="none").numpy(),
        )

    def create(self, figure: Figure) -> SimpleNamespace:
        axes = figure.subplot_mosaic(
            [["dots", "bars"], ["hinge", "bars"]], width_ratios=[2, 1], height_ratios=[2, 1]
        )
        dots, hinge, bars = axes["dots"], axes["hinge"], axes["bars"]
        d_an = self._d_an.numpy()
        heights = _stacked(d_an)
        dots.set(xlim=(0, FARTHEST), ylim=(0, heights.max() * 1.08), ylabel="negatives", xticklabels=[])
        dots.set_title("Only negatives nearer than d_ap + m teach")
        hinge.set(xlim=(0, FARTHEST), ylim=(-0.15, 4.2), yticks=[0, 2, 4], ylabel="loss")
        hinge.set_xlabel("squared distance from the anchor to the negative, d_an")
        bars.set(xlim=(0, 100), ylim=(2.6, -0.6), xlabel="share, %")
        bars.set_yticks(range(3), NAMES, rotation=90, va="center")
        bars.set_title("Easy ones bring no loss")
        keys: dict[str, Any] = {n: _key("o", colour) for n, colour in zip(NAMES, COLOURS, strict=True)}
        keys |= {"positive, d_ap": _key("|", POSITIVE), "d_ap + m": _key("|", INK)}
        keys |= {"share of the negatives": _key("s", FAINT)}
        keys |= {"share of the loss": tuple(_key("s", colour) for colour in COLOURS[:2])}
        figure.legend(
            keys.values(),
            keys.keys(),
            handler_map={tuple: HandlerTuple(ndivide=None, pad=0.5)},
            loc="outside lower center",
            ncols=7,
            handletextpad=0.3,
            columnspacing=1.0,
        )
        return SimpleNamespace(
            dots=dots.scatter(d_an, heights, s=11, linewidths=0, zorder=3),
            lines=[
                [ax.axvline(0, color=POSITIVE, lw=2), ax.axvline(0, color=INK, lw=1.5, ls="--")]
                for ax in (dots, hinge)
            ],
            hinge=hinge.plot([], [], color=INK)[0],
            counts=list(bars.barh(np.arange(3) - 0.18, 0, height=0.32, color=FAINT)),
            losses=list(bars.barh(np.arange(3) + 0.18, 0, height=0.32, color=COLOURS)),
        )

    def draw(self, artists: Any, result: Zones) -> None:
        edge = result.d_ap + result.margin
        artists.dots.set_facecolor(COLOURS[result.zone].tolist())
        for positive, margin in artists.lines:
            positive.set_xdata([result.d_ap] * 2)
            margin.set_xdata([edge] * 2)
        artists.hinge.set_data([0, edge, FARTHEST], [edge, 0, 0])
        for bar, share in zip(artists.counts, result.counts / len(result.zone), strict=True):
            bar.set_width(100 * share)
        for bar, share in zip(artists.losses, result.loss_shares, strict=True):
            bar.set_width(100 * share)

    def summary(self, result: Zones) -> str:
        counts = ", ".join(f"{count} {name}" for count, name in zip(result.counts, NAMES, strict=True))
        shares = ", ".join(
            f"{name} {100 * s:.3g} %" for s, name in zip(result.loss_shares, NAMES, strict=True)
        )
        return (
            f"m = {number(result.margin)}, positive {result.positive} at d_ap = {number(result.d_ap)}: {counts}\n"
            f"mean loss = {number(result.loss.mean())}; share of it: {shares}"
        )


def _distances(values: Any, name: str) -> torch.Tensor:
    distances = torch.as_tensor(values, dtype=torch.float64)
    if distances.dim() != 1 or not bool(((distances >= 0) & (distances <= FARTHEST)).all()):
        raise ValueError(f"{name} must be one row of squared distances in [0, 4], got {values!r}")
    return distances


def _stacked(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Heights that pile up the dots of one column."""
    column = np.floor(values / COLUMN)
    return np.array([1.0 + (column[:i] == c).sum() for i, c in enumerate(column)])


def _key(marker: str, colour: str) -> Line2D:
    return Line2D([], [], marker=marker, ls="", color=colour, markeredgewidth=2 if marker == "|" else 0)
