"""The marks that a scene is made of.

A mark has a panel, a role of the palette, and channels: rows of numbers such as `x`, `y` and `size`. A
channel that is given here stays; one that is left out moves, and the scene gives it. Places are in the
units of the panel's axes.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nslab.explain._base.palette import ROLES

Channel = Any  # what numpy turns into one row of numbers; None where the scene moves it
Row = NDArray[np.float32]
SHARED = {"images": "images", "tip_images": "images", "words": "texts", "tips": "texts"}


class Shared:
    """What several marks of a stage may show: `images`, sets of pictures, and `texts`, lists of words.

    >>> shared, names = Shared(), ["cat", "dog"]
    >>> shared.place("words", names), shared.place("tips", ["a cat"]), shared.place("tips", names)
    (0, 1, 0)
    """

    def __init__(self) -> None:
        self.images: list[Any] = []
        self.texts: list[Any] = []

    def place(self, option: str, value: Any) -> int:
        """Where the value of a mark's option stands in its list; a new one is added."""
        known = getattr(self, SHARED[option])
        for i, other in enumerate(known):
            if other is value:
                return i
        known.append(value)
        return len(known) - 1


@dataclass(frozen=True)
class Mark:
    panel: str
    role: str = "ink"

    needs: ClassVar[tuple[str, ...]] = ()  # channels without which it cannot be drawn
    takes: ClassVar[tuple[str, ...]] = ()  # channels that it can do without

    def __post_init__(self) -> None:
        for role in self.used_roles:
            if role not in ROLES:
                raise ValueError(f"role must be one of {', '.join(ROLES)}, got {role!r}")

    @property
    def used_roles(self) -> tuple[str, ...]:
        """The roles that its colors may have."""
        return tuple(dict.fromkeys((self.role, *getattr(self, "roles", ()))))

    @property
    def picked(self) -> str | None:
        """The control that a click on one of its points sets."""
        return getattr(self, "picks", None)

    @property
    def fixed(self) -> dict[str, Row]:
        """The channels that the stage gives."""
        given = {name: getattr(self, name) for name in self.needs + self.takes if name != "role"}
        return {name: row(name, values) for name, values in given.items() if values is not None}

    def spec(self, shared: Shared) -> dict[str, Any]:
        """What a browser needs to know of it.

        Pictures, words and tips go to `shared`, each set once, and are named by their place there.
        """
        channels = self.needs + self.takes
        options = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in channels}
        return {
            "kind": type(self).__name__,
            "role": self.role,
            "fixed": {name: _numbers(values) for name, values in self.fixed.items()},
            **{
                name: shared.place(name, value) if name in SHARED else _plain(value)
                for name, value in options.items()
                if value is not None
            },
        }


# --- lines and areas


@dataclass(frozen=True, kw_only=True)
class Line(Mark):
    """A curve through its points; NaN leaves a gap."""

    needs = ("x", "y")
    x: Channel = None
    y: Channel = None
    dashed: bool = False


@dataclass(frozen=True, kw_only=True)
class Steps(Line):
    """A staircase: from each point on, the height stays until the next."""


@dataclass(frozen=True, kw_only=True)
class Band(Mark):
    """The area between two curves."""

    needs = ("x", "low", "high")
    x: Channel = None
    low: Channel = None
    high: Channel = None


@dataclass(frozen=True, kw_only=True)
class Rule(Mark):
    """A line across the panel, at one place of an axis."""

    needs = ("at",)
    at: Channel = None
    axis: str = "y"
    dashed: bool = True


# --- points


@dataclass(frozen=True, kw_only=True)
class Points(Mark):
    """Something at each place, whose area shows `size`.

    `scale` is the side at size 1, as a part of the panel's shorter side.

    `roles` are those that the scene may give in `role`. `tips` says what a point is; `shows` names the
    channels whose numbers stand below that, and `picks` the control that a click on a point sets to the
    point's number. `which` is the number of the picture, word and tip that a point has; left out, it is
    the point's own. `value` is not drawn: a number for the tips. A hand may hold a point elsewhere along
    the axes that `pulls` names ("x", "y" or "xy"), as long as it does not let go: the explainer's `pulled`
    says what follows.
    """

    needs = ("x", "y")
    takes = ("size", "role", "which", "value")
    x: Channel = None
    y: Channel = None
    size: Channel = None
    which: Channel = None
    value: Channel = None
    scale: float = 0.05
    roles: Sequence[str] = ()
    tips: Sequence[str] | None = None
    tip_images: Any = None  # (N, height, width) in [0, 1], where the mark itself shows none
    shows: Mapping[str, str] | None = None
    picks: str | None = None
    pulls: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pulls not in ("", "x", "y", "xy"):
            raise ValueError(f"pulls must be x, y or xy, got {self.pulls!r}")


@dataclass(frozen=True, kw_only=True)
class Dots(Points):
    """A disc a point."""


@dataclass(frozen=True, kw_only=True)
class Pictures(Points):
    """A small image a point: `images` (N, height, width) in [0, 1], 1 is ink."""

    images: Any = None


@dataclass(frozen=True, kw_only=True)
class Words(Points):
    """A text a point."""

    words: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Stems(Mark):
    """A thin line from `base` up to each point."""

    needs = ("x", "y")
    takes = ("base", "role")
    x: Channel = None
    y: Channel = None
    base: Channel = None
    roles: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Bars(Stems):
    """A bar from `base` up to each point, `width` wide in units of the axis."""

    width: float = 0.8


# --- from here to there


@dataclass(frozen=True, kw_only=True)
class Links(Mark):
    """A line from (x, y) to (x2, y2), `width` pixels wide."""

    needs = ("x", "y", "x2", "y2")
    takes = ("width", "role")
    x: Channel = None
    y: Channel = None
    x2: Channel = None
    y2: Channel = None
    width: Channel = None
    roles: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Arrows(Links):
    """An arrow from (x, y) to (x2, y2)."""


# --- the rest


@dataclass(frozen=True, kw_only=True)
class Cells(Mark):
    """A matrix over the whole panel, row after row from the top.

    `value` in [0, 1] is how much of the color a cell has.

    `names` are those of the rows and of the columns, for the tips; `shows` and `picks` are as for points.
    """

    needs = ("value",)
    takes = ("role",)
    value: Channel = None
    shape: tuple[int, int] = (1, 1)
    roles: Sequence[str] = ()
    names: tuple[Sequence[str], Sequence[str]] | None = None
    shows: Mapping[str, str] | None = None
    picks: str | None = None


@dataclass(frozen=True, kw_only=True)
class Note(Mark):
    """A text at a place; left out, the text moves as well."""

    needs = ("x", "y")
    x: Channel = None
    y: Channel = None
    text: str | None = None
    align: str = "start"  # or "middle" or "end": which part of the text stands at x
    big: bool = False


@dataclass(frozen=True)
class Handle(Mark):
    """A knob that a learner drags: `along` says which control each axis moves, {"x": "tau"}.

    Where the scene does not say where it stands on that axis, it stands at the control's value.
    """

    needs = ("x", "y")
    role: str = "focus"
    _: KW_ONLY
    x: Channel = None
    y: Channel = None
    along: Mapping[str, str]


# --- numbers


def row(name: str, values: Any) -> Row:
    """One row of numbers; roles are numbered as they stand in the palette.

    >>> row("role", ["anchor", "hard"]).tolist(), row("at", 0.5).tolist()
    ([0.0, 3.0], [0.5])
    """
    array = np.atleast_1d(np.asarray(values))
    if array.dtype.kind == "U":
        array = np.array([ROLES.index(role) for role in array.tolist()])
    if array.ndim != 1 or array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be one row of numbers, got shape {array.shape} of {array.dtype}")
    return array.astype(np.float32)


def bytes_of(images: Any) -> NDArray[np.uint8]:
    """Images (N, height, width) in [0, 1] as bytes."""
    array = np.asarray(images)
    if array.ndim != 3:
        raise ValueError(f"images must be (N, height, width), got shape {array.shape}")
    return np.round(255 * np.clip(array, 0, 1)).astype(np.uint8)


def _numbers(values: Row) -> list[float | None]:
    return [None if np.isnan(v) else float(f"{v:.6g}") for v in values]


def image_spec(pictures: Any) -> dict[str, Any]:
    """Pictures for JSON: their size, and their bytes in base64."""
    images = bytes_of(pictures)
    _, height, width = images.shape
    return {"width": width, "height": height, "data": base64.b64encode(images.tobytes()).decode()}


def _plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, Mapping):
        return dict(value)
    return value if isinstance(value, str | int | float) else [_plain(part) for part in value]
