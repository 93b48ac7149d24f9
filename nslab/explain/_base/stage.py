"""The stage of an explainer: what is set once, panels with their axes and the marks on them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nslab.explain._base.marks import Line, Mark, Note, Rule, Shared, image_spec
from nslab.explain._base.palette import ROLES, number

UNSAID = ("ink", "faint", "focus")  # roles that the key leaves out unless the stage names them


@dataclass(frozen=True)
class Axis:
    """One axis of a panel: what it measures, from where to where, in steps or in ratios (`log`).

    `ticks` are texts by place; left out, round numbers are chosen.
    """

    label: str
    low: float
    high: float
    log: bool = False
    ticks: Mapping[float, str] | None = None

    def part(self, value: Any) -> Any:
        """How far along the axis a value lies: 0 at its low end, 1 at its high end.

        >>> float(Axis("τ", 0.01, 1, log=True).part(0.1))
        0.5
        """
        if self.log:
            return np.log(np.asarray(value) / self.low) / math.log(self.high / self.low)
        return (np.asarray(value) - self.low) / (self.high - self.low)

    def spec(self) -> dict[str, Any]:
        ticks = round_ticks(self) if self.ticks is None else self.ticks
        return {
            "label": self.label,
            "low": self.low,
            "high": self.high,
            "log": self.log,
            "ticks": [[float(at), text] for at, text in ticks.items()],
        }


PLAIN = Axis("", 0, 1, ticks={})  # an axis that is not drawn


@dataclass(frozen=True)
class Panel:
    """One picture of the stage. An axis that is left out is not drawn, and its places run from 0 to 1.

    `share` is the panel's part of the width where panels stand side by side; a `square` one is as high as
    wide.
    """

    title: str
    x: Axis = PLAIN
    y: Axis = PLAIN
    share: float = 1
    square: bool = False

    def spec(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "x": self.x.spec(),
            "y": self.y.spec(),
            "share": self.share,
            "square": self.square,
        }


@dataclass(frozen=True)
class Stage:
    """Panels and marks by name.

    Marks are drawn in their order; `key` says what the roles in use stand for.
    """

    panels: Mapping[str, Panel]
    marks: Mapping[str, Mark]
    key: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, mark in self.marks.items():
            if mark.panel not in self.panels:
                raise ValueError(f"panel of {name!r} must be one of {list(self.panels)}, got {mark.panel!r}")
        for role in self.key:
            if role not in ROLES:
                raise ValueError(f"key must name roles of the palette, got {role!r}")

    @property
    def entries(self) -> dict[str, str]:
        """The key: a text for each role that a mark uses, in the palette's order."""
        used = {role for mark in self.marks.values() for role in mark.used_roles}
        return {
            role: self.key.get(role, role.replace("_", " "))
            for role in ROLES
            if role in used and (role in self.key or role not in UNSAID)
        }

    @property
    def strokes(self) -> dict[str, str]:
        """How the key draws the roles that only lines have: "dashed" if all of them are, else "stroke"."""
        lines: dict[str, set[bool]] = {}
        others = set()
        for mark in self.marks.values():
            if isinstance(mark, Line | Rule):
                lines.setdefault(mark.role, set()).add(mark.dashed)
            else:
                others.update(mark.used_roles)
        return {
            role: "dashed" if dashed == {True} else "stroke"
            for role, dashed in lines.items()
            if role not in others
        }

    @property
    def notes(self) -> list[str]:
        """The names of the marks whose text moves."""
        return [name for name, mark in self.marks.items() if isinstance(mark, Note) and mark.text is None]

    def spec(self) -> dict[str, Any]:
        """What a browser needs to draw it."""
        shared = Shared()
        strokes = self.strokes
        marks = {name: mark.spec(shared) for name, mark in self.marks.items()}
        return {
            "panels": {name: panel.spec() for name, panel in self.panels.items()},
            "marks": marks,
            "images": [image_spec(pictures) for pictures in shared.images],
            "lists": [list(texts) for texts in shared.texts],
            "key": [[role, text, strokes.get(role, "")] for role, text in self.entries.items()],
            "roles": list(ROLES),
        }


def round_ticks(axis: Axis, most: int = 6) -> dict[float, str]:
    """Round places along an axis, at most so many.

    >>> list(round_ticks(Axis("s", -1, 1)).values())
    ['-1', '-0.5', '0', '0.5', '1']
    >>> list(round_ticks(Axis("τ", 0.01, 10, log=True)).values())
    ['0.01', '0.1', '1', '10']
    """
    low, high = sorted((axis.low, axis.high))
    if axis.log and (places := _ratios(low, high)):
        return {at: number(at) for at in places[:: math.ceil(len(places) / most)]}
    rough = (high - low) / (most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return {i * step: number(float(f"{i * step:.6g}")) for i in range(first, last + 1)}


def _ratios(low: float, high: float) -> list[float]:
    """Powers of ten, and their doubles and halves where there are fewer than three.

    None if those are too few as well.
    """
    powers = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
    places = [float(f"{m}e{power}") for power in powers for m in (1, 2, 5)]
    within = [at for at in places if low * (1 - 1e-9) <= at <= high * (1 + 1e-9)]
    tens = [at for at in within if math.log10(at).is_integer()]
    return tens if len(tens) > 2 else within if len(within) > 1 else []
