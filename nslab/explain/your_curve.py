"""A learner's own function as a scene."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nslab.explain._base import Axis, Control, Explainer, Handle, Line, Mark, Panel, Rule, Stage, number

AXES = "x", "y"


@dataclass(frozen=True)
class Curves:
    x: NDArray[np.float64]
    values: dict[str, NDArray[np.float64]]
    at: dict[str, Any]


def your_curve(
    fn: Callable[..., Mapping[str, Any]],
    x: Any,
    controls: Mapping[str, Control],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    ylim: tuple[float, float],
    roles: Sequence[str] = ("anchor", "hard", "positive"),
    xscale: str = "linear",
    yscale: str = "linear",
    handle: Mapping[str, str] | None = None,
) -> Explainer:
    """An explainer that draws what `fn` returns: curves over `x` (N,), by label, for the controls by name.

    `fn(**controls)` gives one curve of shape (N,) for each of the `roles` or fewer, the same labels each
    time; a curve has a gap where it is NaN or outside `ylim`. With `handle={"y": "q"}` a level that a hand
    drags stands at the value of the control q, which is then one of the units of that axis; "x" likewise.
    ValueError for another number of curves, for one that has not the shape of `x`, and for an unknown
    scale or axis.

    >>> tau = Control("τ", "temperature", [0.1, 0.2, 0.5], start=0.1)
    >>> lines = {"xlabel": "gap", "ylabel": "weight", "ylim": (0, 1)}
    >>> your_curve(lambda tau: {"e": np.exp([0, -1 / tau])}, [0, 1], {"tau": tau}, title="Decay", **lines)
    e: 1 at 0, 4.54e-05 at 1, largest 1 at 0
    """
    grid, heading, dragged = np.asarray(x, dtype=np.float64), title, dict(handle or {})
    for name, scale in (("xscale", xscale), ("yscale", yscale)):
        if scale not in ("linear", "log"):
            raise ValueError(f"{name} must be linear or log, got {scale!r}")
    if len(dragged) > 1 or not set(dragged) <= set(AXES):
        raise ValueError(f"handle must name one axis, x or y, got {handle!r}")

    class YourCurve(Explainer):
        title = heading

        def compute(self, **at: Any) -> Curves:
            curves = {label: np.asarray(y, dtype=np.float64) for label, y in fn(**at).items()}
            if not 1 <= len(curves) <= len(roles):
                raise ValueError(f"fn must return 1 to {len(roles)} curves, got {list(curves)}")
            for label, y in curves.items():
                if y.shape != grid.shape:
                    raise ValueError(
                        f"fn must return curves of shape {grid.shape}, got {y.shape} for {label!r}"
                    )
            return Curves(grid, curves, at)

        def stage(self) -> Stage:
            axes = Axis(xlabel, grid[0], grid[-1], xscale == "log"), Axis(ylabel, *ylim, yscale == "log")
            key = dict(zip(roles, self.at().values, strict=False))
            lines: dict[str, Mark] = {role: Line("curves", role, x=grid) for role in key}
            return Stage({"curves": Panel("", *axes)}, lines | _level(dragged, grid[-1], ylim[0]), key)

        def scene(self, result: Curves) -> dict[str, dict[str, Any]]:
            moves: dict[str, dict[str, Any]] = {
                role: {"y": np.where((y >= ylim[0]) & (y <= ylim[1]), y, np.nan)}
                for role, y in zip(roles, result.values.values(), strict=False)
            }
            for name in dragged.values():
                moves["level"] = {"at": result.at[name]}
            return moves

        def summary(self, result: Curves) -> str:
            return "\n".join(_told(label, result.x, y) for label, y in result.values.items())

    for name, control in controls.items():
        setattr(YourCurve, name, control)
        control.class_init(YourCurve, name)
    return YourCurve()


def _level(dragged: dict[str, str], right: float, bottom: float) -> dict[str, Mark]:
    """A line across the panel at the value of a control, with a knob at its end."""
    marks: dict[str, Mark] = {}
    for axis in dragged:
        ends = {"x": None, "y": [bottom]} if axis == "x" else {"x": [right], "y": None}
        marks |= {
            "level": Rule("curves", "focus", axis=axis),
            "here": Handle("curves", along=dragged, **ends),
        }
    return marks


def _told(label: str, x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    drawn = [(float(at), float(value)) for at, value in zip(x, y, strict=True) if not np.isnan(value)]
    if not drawn:
        return f"{label}: nothing to draw"
    top = max(drawn, key=lambda point: point[1])
    first, last, top = (f"{number(value)} at {number(at)}" for at, value in (drawn[0], drawn[-1], top))
    return f"{label}: {first}, {last}, largest {top}"
