"""A learner's own function under sliders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ._controls import Control
from ._explainer import Explainer
from ._style import ANCHOR, HARD, POSITIVE, number


@dataclass(frozen=True)
class Curves:
    x: NDArray[np.float64]
    values: dict[str, NDArray[np.float64]]


def your_curve(
    fn: Callable[..., Mapping[str, Any]],
    x: Any,
    controls: Mapping[str, Control],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    ylim: tuple[float, float],
    colors: Sequence[str] = (ANCHOR, HARD, POSITIVE),
    xscale: str = "linear",
    yscale: str = "linear",
) -> Explainer:
    """An explainer that draws what `fn` returns: curves over `x` (N,), by label, for the controls by name.

    `fn(**controls)` gives one to three curves of shape (N,), the same labels each time; values outside `ylim` run out of
    the picture, and a curve has a gap where it is NaN. ValueError for another number of curves, and for one that has
    not the shape of `x`.

    >>> tau = Control("τ", "temperature", [0.1, 0.2, 0.5], start=0.1)
    >>> lines = {"xlabel": "gap", "ylabel": "weight", "ylim": (0, 1)}
    >>> your_curve(lambda tau: {"e": np.exp([0, -1 / tau])}, [0, 1], {"tau": tau}, title="Decay", **lines)
    e: 1 at 0, 4.54e-05 at 1, largest 1 at 0
    """
    grid = np.asarray(x, dtype=np.float64)
    heading = title

    class YourCurve(Explainer):
        title = heading

        def compute(self, **at: Any) -> Curves:
            curves = {label: np.asarray(y, dtype=np.float64) for label, y in fn(**at).items()}
            if not 1 <= len(curves) <= len(colors):
                raise ValueError(f"fn must return 1 to {len(colors)} curves, got {list(curves)}")
            for label, y in curves.items():
                if y.shape != grid.shape:
                    raise ValueError(
                        f"fn must return curves of shape {grid.shape}, got {y.shape} for {label!r}"
                    )
            return Curves(grid, curves)

        def create(self, figure: Figure) -> SimpleNamespace:
            axes = figure.subplots()
            axes.set(xscale=xscale, yscale=yscale, xlim=(grid[0], grid[-1]), ylim=ylim)
            axes.set(xlabel=xlabel, ylabel=ylabel, title=heading)
            labels = list(self.at().values)
            lines = [
                axes.plot(grid, np.full(grid.shape, ylim[0]), color=color, label=label)[0]
                for label, color in zip(labels, colors, strict=False)
            ]
            if len(labels) > 1:
                figure.legend(handles=lines, loc="outside lower left", ncols=len(lines))
            return SimpleNamespace(lines=lines)

        def draw(self, artists: Any, result: Curves) -> None:
            for line, y in zip(artists.lines, result.values.values(), strict=True):
                line.set_ydata(y)

        def summary(self, result: Curves) -> str:
            return "\n".join(_told(label, result.x, y) for label, y in result.values.items())

    for name, control in controls.items():
        setattr(YourCurve, name, control)
        control.class_init(YourCurve, name)
    return YourCurve()


def _told(label: str, x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    drawn = [(float(at), float(value)) for at, value in zip(x, y, strict=True) if not np.isnan(value)]
    if not drawn:
        return f"{label}: nothing to draw"
    top = max(drawn, key=lambda point: point[1])
    first, last, top = (f"{number(value)} at {number(at)}" for at, value in (drawn[0], drawn[-1], top))
    return f"{label}: {first}, {last}, largest {top}"
