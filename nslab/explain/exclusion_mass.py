"""An exclusion window over a sequence: the push it bars, the false negatives it misses."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from .._checks import as_float, as_ids, as_mask
from ..samplers import ExclusionWindow
from ._controls import Control, log_grid
from ._explainer import Explainer
from ._style import FAINT, FALSE_NEGATIVE, FOCUS, NEGATIVE, number

ANCHORS = 64
WIDTHS = list(range(61))
VIEW = 80  # lags on each side


@dataclass(frozen=True)
class Mass:
    w: int
    tau: float
    lags: NDArray[np.int64]  # of the anchor's neighbours in view
    heights: NDArray[np.float64]  # their weights, the anchor's largest being 1
    false: NDArray[np.bool_]
    inside: float  # share of this anchor's push within the window
    allowed: float  # negatives that an anchor may draw, averaged over the anchors
    left: NDArray[np.float64]  # at WIDTHS: false negatives' share of the push that is left
    barred: NDArray[np.float64]  # at WIDTHS: share of the true negatives' push that is barred


class ExclusionMass(Explainer):
    """How the push is shared along a sequence, and what a window of w steps takes of it.

    `scores` (64, N): 64 anchors against all N items in their order; `anchors` (64,): their places; `false` (64, N)
    marks the items that belong with the anchor. The anchor itself is never a negative, whatever is marked.
    """

    title = "What an exclusion window bars, and what it misses"
    w = Control("w", "window", WIDTHS, start=0)
    tau = Control("τ", "temperature", log_grid(0.02, 1, 69), start=0.1)
    anchor = Control("a", "anchor, one of 64", list(range(1, ANCHORS + 1)), start=1)

    def __init__(self, scores: Any, anchors: Any, false: Any, **start: Any) -> None:
        self._scores = as_float(scores, "scores").double()
        if self._scores.dim() != 2 or len(self._scores) != ANCHORS or self._scores.shape[1] <= 2 * VIEW:
            got = tuple(self._scores.shape)
            raise ValueError(f"scores must be (64, N) with N > {2 * VIEW}, got shape {got}")
        self._length = self._scores.shape[1]
        self._places = as_ids(anchors, "anchors", size=self._length)
        if self._places.shape != (ANCHORS,):
            raise ValueError(f"anchors must have shape (64,), got {tuple(self._places.shape)}")
        self._false = as_mask(false, "false", self._scores.shape)
        self._lags = torch.arange(self._length) - self._places.unsqueeze(1)
        self._bins = self._lags.abs().clamp(max=WIDTHS[-1] + 1)
        super().__init__(**start)

    def compute(self, w: int, tau: float, anchor: int) -> Mass:
        push = torch.softmax((self._scores / tau).masked_fill(self._lags == 0, -torch.inf), dim=1)
        total_false, near_false = self._by_width(push * self._false)
        total_true, near_true = self._by_width(push * ~self._false)
        far_false, far_true = (total_false - near_false).clamp(min=0), (total_true - near_true).clamp(min=0)
        row, lags = push[anchor - 1], self._lags[anchor - 1]
        seen = (lags.abs() <= VIEW) & (lags != 0)
        return Mass(
            w=w,
            tau=tau,
            lags=lags[seen].numpy(),
            heights=(row[seen] / row.max()).numpy(),
            false=self._false[anchor - 1][seen].numpy(),
            inside=float(row[lags.abs() <= w].sum()),
            allowed=float(ExclusionWindow(self._length, w).count(self._places).double().mean()),
            left=(far_false / (far_false + far_true)).mean(0).numpy(),
            barred=(near_true / total_true).mean(0).numpy(),
        )

    def _by_width(self, push: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The whole push of each anchor (64, 1), and the part within each of WIDTHS (64, 61)."""
        bins = torch.zeros(ANCHORS, len(WIDTHS) + 1, dtype=torch.float64).scatter_add(1, self._bins, push)
        return push.sum(1, keepdim=True), bins.cumsum(1)[:, :-1]

    def create(self, figure: Figure) -> SimpleNamespace:
        left, right = figure.subplots(1, 2)
        left.set(xlim=(-VIEW, VIEW), ylim=(0, 1.4), yticks=[0, 0.5, 1])
        left.set(xlabel="steps from this anchor", ylabel="push / largest push")
        left.set_title("The window takes only the near ones")
        handles = [
            Line2D([], [], marker="o", ls="", color=FALSE_NEGATIVE, label="false"),
            Line2D([], [], marker="o", ls="", color=NEGATIVE, label="true"),
            Patch(color=FAINT, alpha=0.5, label="window"),
        ]
        left.legend(handles=handles, loc="upper center", ncols=3, handletextpad=0.3, columnspacing=1)
        right.set(yscale="log", xlim=(0, WIDTHS[-1]), ylim=(1e-4, 3))
        right.set(xlabel="window w, in steps", ylabel="share of push, mean of 64 anchors")
        right.set_title("Wider windows bar more, and still miss")
        artists = SimpleNamespace(
            window=left.axvspan(0, 0, ymax=0.8, color=FAINT, alpha=0.5, lw=0),
            stems=left.vlines([], 0, [], lw=1, color=FAINT),
            dots=left.scatter([], [], s=20, zorder=3),
            here=right.axvline(0, color=FOCUS, lw=1.2),
            left=right.plot(WIDTHS, WIDTHS, color=FALSE_NEGATIVE, label="false, of the push left")[0],
            barred=right.plot(WIDTHS, WIDTHS, color=NEGATIVE, label="barred, of the true ones' push")[0],
        )
        right.legend(handles=[artists.left, artists.barred], loc="upper right", borderaxespad=0.1)
        return artists

    def draw(self, artists: Any, result: Mass) -> None:
        artists.window.set_x(-result.w)
        artists.window.set_width(2 * result.w)
        artists.stems.set_segments(
            [[(x, 0), (x, y)] for x, y in zip(result.lags, result.heights, strict=True)]
        )
        order = np.argsort(result.false, kind="stable")  # the false ones on top
        artists.dots.set_offsets(np.column_stack([result.lags, result.heights])[order])
        artists.dots.set_facecolor(np.where(result.false, FALSE_NEGATIVE, NEGATIVE)[order].tolist())
        artists.here.set_xdata([result.w] * 2)
        artists.left.set_ydata(np.where(result.left > 0, result.left, np.nan))
        artists.barred.set_ydata(np.where(result.barred > 0, result.barred, np.nan))

    def summary(self, result: Mass) -> str:
        return (
            f"w = {result.w}, τ = {number(result.tau)}: the window holds {number(result.inside)} of this anchor's push; "
            f"{result.allowed:,.0f} items may be drawn on average\n"
            f"false negatives' share of the push: {number(result.left[0])} without a window, "
            f"{number(result.left[result.w])} with it; of the true ones' push {number(result.barred[result.w])} is barred"
        )
