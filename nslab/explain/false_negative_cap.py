"""What a share π of false negatives does to the best logit: the ranking stays, the top is flattened."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..diagnostics import false_negative_cap
from ._controls import Control, decade_grid
from ._explainer import Explainer
from ._style import FALSE_NEGATIVE, FOCUS, INK, number

CLEAN = np.linspace(np.log(0.01), np.log(1e6), 201)


@dataclass(frozen=True)
class Cap:
    """Logits in nats, up to a constant that all items share; slopes are d logit / d clean logit."""

    pi: float
    r: float
    cap: float
    logit: float
    slope: float
    logits: NDArray[np.float64]  # at CLEAN
    slopes: NDArray[np.float64]

    @property
    def clean(self) -> float:
        return float(np.log(self.r))


class FalseNegativeCap(Explainer):
    """The optimal logit of an item that is r times likelier as a positive than as a true negative."""

    title = "The best logit when a share of the negatives is false"
    pi = Control("π", "share of false negatives", decade_grid(0.001, 1), start=0.01)
    r = Control("r", "how much likelier as a positive", decade_grid(0.01, 1e6), start=10.0)

    def compute(self, pi: float, r: float) -> Cap:
        return Cap(
            pi=pi,
            r=r,
            cap=false_negative_cap(pi),
            logit=float(_logit(np.log(r), pi)),
            slope=float(_slope(np.log(r), pi)),
            logits=_logit(CLEAN, pi),
            slopes=_slope(CLEAN, pi),
        )

    def create(self, figure: Figure) -> SimpleNamespace:
        left, right = figure.subplots(1, 2)
        decades = np.log([0.01, 1, 100, 1e4, 1e6])
        for axes in (left, right):
            axes.set(xlim=(CLEAN[0], CLEAN[-1]), xlabel="r, positive over true negative")
            axes.set_xticks(decades, ["0.01", "1", "100", "10⁴", "10⁶"])
        left.set(ylim=(-5, 14.5), ylabel="best logit (nats)")
        left.set_title("The order stays, the top is capped")
        clean = left.plot(CLEAN, CLEAN, color=INK, ls="--", lw=1.2, label="no false negatives: ln r")[0]
        right.set(ylim=(-0.03, 1.12), yticks=[0, 0.5, 1], ylabel="part of a difference that is left")
        right.set_title("Differences at the top fade")
        artists = SimpleNamespace(
            cap=left.axhline(0, color=FOCUS, lw=1.2, ls=":", label="cap ln(1/π)"),
            curve=left.plot(CLEAN, CLEAN, color=FALSE_NEGATIVE, label="with a share π false")[0],
            lost=left.plot([], [], color=FOCUS, lw=1.5)[0],
            dot=left.plot([], [], "o", color=FOCUS, ms=8, zorder=4, clip_on=False)[0],
            slopes=right.plot(CLEAN, CLEAN, color=FALSE_NEGATIVE)[0],
            here=right.plot([], [], "o", color=FOCUS, ms=8, zorder=4, clip_on=False)[0],
        )
        left.legend(handles=[clean, artists.curve, artists.cap], loc="upper left")
        return artists

    def draw(self, artists: Any, result: Cap) -> None:
        artists.cap.set_ydata([result.cap] * 2)
        artists.curve.set_ydata(result.logits)
        artists.lost.set_data([result.clean] * 2, [result.clean, result.logit])
        artists.dot.set_data([result.clean], [result.logit])
        artists.slopes.set_ydata(result.slopes)
        artists.here.set_data([result.clean], [result.slope])

    def summary(self, result: Cap) -> str:
        return (
            f"π = {number(result.pi)}: no logit above {number(result.cap)}\n"
            f"r = {number(result.r)}: clean {number(result.clean)}, now {number(result.logit)}; "
            f"{number(result.slope)} of a small difference is left here"
        )


def _logit(clean: Any, pi: float) -> NDArray[np.float64]:
    """ln(r / ((1 − π) + π r)) at ln r = clean."""
    return clean - np.log((1 - pi) + pi * np.exp(clean))


def _slope(clean: Any, pi: float) -> NDArray[np.float64]:
    """d logit / d clean logit: the share of the noise at this item that consists of true negatives."""
    return (1 - pi) / ((1 - pi) + pi * np.exp(clean))
