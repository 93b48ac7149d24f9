"""One anchor, one positive, many real negatives around them, and the loss of each.

They lie inside two rings, between them, or outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nslab.explain._base import (
    Axis,
    Band,
    Control,
    Dots,
    Explainer,
    Handle,
    Line,
    Links,
    Mark,
    Note,
    Panel,
    Stage,
    check_each,
    items,
    linear_grid,
    number,
)
from nslab.losses import triplet_loss
from nslab.mining import categorize

EDGE = 2.2  # of the map, and the largest squared distance on it
MOST = 2.1  # loss on its axis
ROLES = np.array(["hard", "semi_hard", "negative"])
WHERE = ("inside the green ring", "between the rings", "outside both")
LANE = 0.52  # kept free on both sides of the positive
GRIP = 0.27  # how far beside the positive its ring is held
SIDE = 0.045  # of a picture: as wide as the margin at the start
TURN = np.linspace(0, 2 * np.pi, 49)  # a ring is drawn through these angles
COSINE, SINE = np.cos(TURN[:25]), np.sin(TURN[:25])  # of its upper half
PLACES = np.linspace(0, 2 * np.pi, 180, endpoint=False)  # angles at which a negative may stand


@dataclass(frozen=True)
class Zones:
    margin: float
    positive: int  # its rank among the positives, from 0 for the nearest
    d_ap: float
    zone: NDArray[np.int64]
    loss: NDArray[np.float64]

    @property
    def edge(self) -> float:
        """The distance from which on negatives are easy."""
        return self.d_ap + self.margin

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many negatives are hard, semi-hard, easy."""
        return np.bincount(self.zone, minlength=3)

    @property
    def active(self) -> int:
        """How many negatives bring loss.

        Each has slope −1 in its own distance and +1 in the positive's, whatever its loss.
        """
        return int((self.loss > 0).sum())


class TripletZones(Explainer):
    """The negatives of one anchor that a triplet loss learns from.

    They lie inside a ring that is m wider than the positive's.

    On the map a picture's centre shows its distance; the angle means nothing. `d_ap` (P,) are squared L2
    distances from the anchor to its positives, of which the one nearest to where the hand is counts;
    `d_an` (N,) to its negatives, all at most 2.2, where the map ends: a sample of the nearest undercounts
    those outside both rings. `pictures` (1 + P + N, height, width), in [0, 1], and as many `names` show
    the anchor, the positives and the negatives.
    """

    question = "Which of these digits does the triplet loss learn from?"
    title = "Only the hard (inside) and the semi-hard (between the rings) bring loss"
    d_ap = Control("d(a,p)", "to the positive", linear_grid(0, EDGE, 111), start=1.14, play=True)
    m = Control("m", "margin", linear_grid(0, 0.5, 101), start=0.2)

    def __init__(
        self, d_ap: Any, d_an: Any, *, pictures: Any = None, names: Sequence[str] | None = None, **start: Any
    ) -> None:
        self._d_ap, self._ranked = _distances(d_ap, "d_ap").sort()
        self._d_an = _distances(d_an, "d_an")
        self._pictures = pictures
        items = 1 + len(self._d_ap) + len(self._d_an)
        check_each(
            f"show the anchor, positives and negatives, {items} in all", items, pictures=pictures, names=names
        )
        distances = [0.0, *self._d_ap[self._ranked.argsort()].tolist(), *self._d_an.tolist()]
        said = [f"{name}, " for name in names] if names is not None else [""] * items
        self._tips = [f"{name}squared distance {d:.3g}" for name, d in zip(said, distances, strict=True)]
        super().__init__(**start)

    def compute(self, d_ap: float, m: float) -> Zones:
        positive = int((self._d_ap - d_ap).abs().argmin())
        reach = self._d_ap[positive].expand_as(self._d_an)
        return Zones(
            margin=m,
            positive=positive,
            d_ap=float(reach[0]),
            zone=categorize(reach, self._d_an, m).numpy(),
            loss=triplet_loss(reach, self._d_an, margin=m, reduction="none").numpy(),
        )

    def stage(self) -> Stage:
        d_an = self._d_an.numpy()
        angle = _angles(d_an)
        across = Axis("", -EDGE, EDGE, ticks={})
        distance = Axis("squared distance anchor to negative, d(a,n)", 0, EDGE)
        first = 1 + len(self._d_ap)
        those = np.arange(first, first + len(d_an))
        shown = {"tips": self._tips, "which": those, "roles": ("hard", "semi_hard")}
        label = {"x": [EDGE], "align": "end"}
        return Stage(
            panels={
                "map": Panel("Squared distances; the angle means nothing", across, across, square=True),
                "loss": Panel("Loss of each negative: slope −1, then 0", distance, Axis("loss", 0, MOST)),
            },
            marks={
                "between": Band("map", "semi_hard"),
                "inside": Band("map", "hard"),
                "reach": Links("map", "positive", x=[0], y=[0], y2=[0]),
                "margin": Links("map", "focus", y=[0], y2=[0]),
                "negatives": self._points(
                    "negative",
                    x=d_an * np.cos(angle),
                    y=d_an * np.sin(angle),
                    shows={"loss": "value"},
                    **shown,
                ),
                "inner": Line("map", "positive"),
                "outer": Line("map", "focus", dashed=True),
                "positive": self._points("positive", y=[0], tips=self._tips),
                "anchor": self._points("anchor", x=[0], y=[0], size=[2], which=[0], tips=self._tips),
                "pull": Handle("map", "positive", along={"x": "d_ap"}, y=[-GRIP]),
                "widen": Handle("map", along={"x": "m"}, y=[GRIP]),
                "hinge": Line("loss", "ink"),
                "losses": Dots(
                    "loss",
                    "negative",
                    x=d_an,
                    scale=0.03,
                    **shown,
                    tip_images=self._pictures,
                    shows={"loss": "y"},
                ),
                "corner": Handle("loss", along={"x": "m"}, y=[0]),
                **{
                    role: Note("loss", role, y=[MOST * height], **label)
                    for role, height in zip(ROLES.tolist(), (0.94, 0.86, 0.78), strict=True)
                },
            },
            key={
                "positive": "positive and its ring",
                "hard": "inside",
                "semi_hard": "between",
                "negative": "outside",
                "focus": "ring wider by m",
            },
        )

    def _points(self, role: str, **look: Any) -> Mark:
        return items("map", role, pictures=self._pictures, scale=SIDE, dot=0.03, **look)

    def scene(self, result: Zones) -> dict[str, dict[str, Any]]:
        d_ap, edge = result.d_ap, result.edge
        role, loss = ROLES[result.zone], np.round(result.loss, 3)
        return {
            "between": _disc(edge),
            "inside": _disc(d_ap),
            "inner": _ring(d_ap),
            "outer": _ring(edge),
            "reach": {"x2": d_ap},
            "margin": {"x": d_ap, "x2": min(edge, EDGE)},
            "negatives": {"role": role, "value": loss},
            "positive": {"x": d_ap, "which": 1 + int(self._ranked[result.positive])},
            "pull": {"x": _beside(d_ap)},
            "widen": {"x": _beside(edge)},
            "hinge": {
                "x": [max(edge - MOST, 0), min(edge, EDGE), EDGE],
                "y": [min(edge, MOST), max(edge - EDGE, 0), max(edge - EDGE, 0)],
            },
            "losses": {"y": loss, "role": role},
            "corner": {"x": min(edge, EDGE)},
            **{
                zone: {"text": f"{count} {place}"}
                for zone, count, place in zip(ROLES.tolist(), result.counts, WHERE, strict=True)
            },
        }

    def summary(self, result: Zones) -> str:
        counts = ", ".join(f"{count} {place}" for count, place in zip(result.counts, WHERE, strict=True))
        return (
            f"anchor to positive d(a,p) = {number(result.d_ap)}, m = {number(result.margin)}: "
            f"mean loss = {number(result.loss.mean())}; {result.active} bring loss, each with the same push\n"
            f"of the {len(result.zone)} shown: {counts}"
        )


def _distances(values: Any, name: str) -> torch.Tensor:
    distances = torch.as_tensor(values, dtype=torch.float64)
    known = distances.dim() == 1 and len(distances) > 0
    if not known or not bool(((distances >= 0) & (distances <= EDGE)).all()):
        raise ValueError(f"{name} must be one row of squared distances in [0, {EDGE}], got {values!r}")
    return distances


def _ring(radius: float) -> dict[str, NDArray[np.float64]]:
    """A circle around the anchor, as far as the map goes."""
    x, y = np.round(radius * np.cos(TURN), 2), np.round(radius * np.sin(TURN), 2)
    off = np.maximum(abs(x), abs(y)) > EDGE
    return {"x": np.where(off, np.nan, x), "y": np.where(off, np.nan, y)}


def _disc(radius: float) -> dict[str, NDArray[np.float64]]:
    """The area inside a ring, as far as the map goes."""
    high = np.round(np.clip(radius * SINE, 0, EDGE), 2)
    return {"x": np.round(np.clip(radius * COSINE, -EDGE, EDGE), 2), "high": high, "low": -high}


def _beside(radius: float) -> float:
    """Where a ring is held: beside the positive."""
    return min(max(radius**2 - GRIP**2, 0) ** 0.5, EDGE)


def _angles(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """An angle for each negative, far from those that are there already; the positive's lane stays free."""
    angle = np.full(len(distances), np.nan)
    for i in np.argsort(distances, kind="stable"):
        x, y = distances[i] * np.cos(PLACES), distances[i] * np.sin(PLACES)
        there = np.isfinite(angle)
        known = distances[there] * np.exp(1j * angle[there])
        gaps = abs(x + 1j * y - known[:, None]).min(0, initial=EDGE)
        angle[i] = PLACES[np.where((abs(y) < LANE) & (x > 0), 0, gaps).argmax()]
    return angle
