"""One τ for every anchor, or one effective number of negatives for every anchor?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..theory import effective_negatives, temperature_for_entropy
from ._controls import Control, log_grid
from ._explainer import Explainer
from ._style import ANCHOR, FAINT, FOCUS, number


@dataclass(frozen=True)
class Adapted:
    temperature: float
    target: int
    effective: NDArray[np.float64]  # exp H of each anchor at the shared temperature
    own: NDArray[np.float64]  # each anchor's temperature for exp H = target


class AdaptiveTemperature(Explainer):
    """Each anchor's effective number of negatives at one τ, beside each anchor's own τ at one effective number.

    `scores` (A, K) are similarities of A anchors to K > 100 negatives each; `labels` (A,) are the anchors' digits.
    """

    title = "A shared temperature beside a temperature for each anchor"
    tau = Control("τ", "shared temperature", log_grid(0.02, 0.5, 97), start=0.1)
    n = Control("n", "wanted effective negatives", list(range(2, 101)), start=16)

    def __init__(self, scores: Any, labels: Any, **start: Any) -> None:
        self._scores = torch.as_tensor(scores, dtype=torch.float64)
        if self._scores.dim() != 2 or self._scores.shape[-1] <= 100:
            raise ValueError(
                f"scores must be (anchors, more than 100 negatives), got {tuple(self._scores.shape)}"
            )
        self._labels = torch.as_tensor(labels)
        if self._labels.shape != self._scores.shape[:1]:
            raise ValueError(f"labels must be one for each anchor, got shape {tuple(self._labels.shape)}")
        order = self._labels.argsort(stable=True)
        self._scores, self._labels = self._scores[order], self._labels[order]
        self._own = lru_cache(maxsize=None)(self._calibrated)
        super().__init__(**start)

    def _calibrated(self, n: int) -> NDArray[np.float64]:
        return temperature_for_entropy(self._scores, math.log(n)).numpy()

    def compute(self, tau: float, n: int) -> Adapted:
        return Adapted(tau, n, effective_negatives(self._scores, tau).numpy(), self._own(n))

    def create(self, figure: Figure) -> SimpleNamespace:
        left, right = figure.subplots(1, 2)
        self._groups(left)
        self._groups(right)
        left.set(yscale="log", ylim=(0.9, 300), ylabel="effective negatives exp H")
        left.set_yticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
        left.set_title("One τ for all: exp H differs")
        right.set(yscale="log", ylim=(0.002, 1.6), ylabel="temperature τ")
        right.set_yticks([0.003, 0.01, 0.03, 0.1, 0.3, 1], ["0.003", "0.01", "0.03", "0.1", "0.3", "1"])
        right.set_title("One exp H for all: τ differs")
        place = np.arange(len(self._labels))
        artists = SimpleNamespace(
            wanted=left.axhline(1, color=FOCUS, lw=1.5, ls="--", label="wanted n"),
            effective=left.plot(place, place, "o", color=ANCHOR, ms=5, label="an anchor at the shared τ")[0],
            shared=right.axhline(1, color=FOCUS, lw=1.5, ls="--", label="shared τ"),
            own=right.plot(place, place, "o", color=ANCHOR, ms=5, label="an anchor with exp H = n")[0],
        )
        for axes in (left, right):
            axes.legend(loc="upper center", ncols=2, handlelength=1.6, columnspacing=1)
        return artists

    def _groups(self, axes: Axes) -> None:
        """Anchors from left to right, a faint line between one label and the next."""
        names, sizes = self._labels.unique(return_counts=True)
        ends = sizes.cumsum(0).numpy() - 0.5
        axes.set_xticks(ends - sizes.numpy() / 2, [str(name) for name in names.tolist()])
        axes.set(xlim=(-1, len(self._labels)), xlabel="anchors, by digit")
        axes.tick_params(axis="x", length=0)
        for end in ends[:-1]:
            axes.axvline(end, ymax=0.88, color=FAINT, lw=0.8)

    def draw(self, artists: Any, result: Adapted) -> None:
        artists.wanted.set_ydata([result.target] * 2)
        artists.effective.set_ydata(result.effective)
        artists.shared.set_ydata([result.temperature] * 2)
        artists.own.set_ydata(result.own)

    def summary(self, result: Adapted) -> str:
        return (
            f"τ = {number(result.temperature)} for all: exp H from {number(result.effective.min())} "
            f"to {number(result.effective.max())}, median {number(np.median(result.effective))}\n"
            f"exp H = {number(result.target)} for all: τ from {number(result.own.min())} "
            f"to {number(result.own.max())}, median {number(np.median(result.own))}"
        )
