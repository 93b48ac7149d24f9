"""Who is drawn as a negative, and who is pushed: shares by word frequency while the scores learn."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .._checks import as_float, first_bad
from ..diagnostics import gradient_share
from ..samplers import unigram
from ._controls import Control, integer_grid, linear_grid
from ._explainer import Explainer
from ._style import FAINT, FOCUS, INK, NEGATIVE, number


@dataclass(frozen=True)
class Shares:
    alpha: float
    k: int
    progress: float
    draws: NDArray[np.float64]  # share of the draws for each frequency band
    push: NDArray[np.float64]  # share of the negatives' gradient for each band
    sigma: NDArray[np.float64]  # σ(s) for each distinct count, ascending
    once: tuple[float, float]  # draws and push of the words that occur once
    top: tuple[float, float]  # draws and push of the most frequent word


class DrawsAndPush(Explainer):
    """Shares of data, draws and gradient by frequency band, from untrained scores to the SGNS optimum.

    `counts` (V,), each at least 1: how often each word occurs. The anchor has no preferences, p(c|a) = f_c, and
    its scores stand at t·s*, with s* = ln f_c − ln(K q_c): t = 0 untrained, t = 1 at the optimum.
    """

    title = "Shares of the data, of the draws and of the push, by word frequency"
    alpha = Control("α", "exponent of q ∝ f^α", linear_grid(-1, 1.25, 91), start=0.0)
    k = Control("K", "negatives", integer_grid(1, 1000, 91), start=5)
    t = Control("t", "training: 0 start, 1 optimum", linear_grid(0, 1, 101), start=1.0)

    def __init__(self, counts: Any, **start: Any) -> None:
        values = as_float(counts, "counts").double()
        if values.dim() != 1:
            raise ValueError(f"counts must have one axis, got shape {tuple(values.shape)}")
        first_bad(values, values < 1, "counts must be >= 1")
        self._counts = values
        self._band = values.log2().floor().long()
        self._distinct, place = values.unique(return_inverse=True)
        self._example = torch.zeros(len(self._distinct), dtype=torch.long)  # one word of each distinct count
        self._example[place] = torch.arange(len(values))
        self._data = self._by_band(values / values.sum())
        super().__init__(**start)

    def compute(self, alpha: float, k: int, t: float) -> Shares:
        q = unigram(self._counts, alpha)
        scores = t * ((self._counts / self._counts.sum()).log() - (k * q).log())
        push = gradient_share(self._counts, scores, alpha)
        draws_by_band, push_by_band = self._by_band(q), self._by_band(push)
        top = int(self._counts.argmax())
        return Shares(
            alpha=alpha,
            k=k,
            progress=t,
            draws=draws_by_band,
            push=push_by_band,
            sigma=scores.sigmoid()[self._example].numpy(),
            once=(float(draws_by_band[0]), float(push_by_band[0])),
            top=(float(q[top]), float(push[top])),
        )

    def create(self, figure: Figure) -> SimpleNamespace:
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        bands = len(self._data)
        edges = np.arange(bands + 1) - 0.5
        left.set(xlim=(-0.6, bands - 0.4), ylim=(0, 0.82), yticks=np.arange(0, 0.9, 0.2))
        left.set(xlabel="occurrences of the word, bands that double", ylabel="share of the band")
        left.set_xticks(range(bands), [_label(i) for i in range(bands)])
        left.set_title("What is drawn is not what is pushed")
        low, high = float(self._distinct[0]), float(self._distinct[-1])
        right.set(xscale="log", xlim=(low * 0.8, high * 1.4), ylim=(-0.03, 1.03))
        decades = [10**n for n in range(10) if low <= 10**n <= high]
        right.set_xticks(decades, [f"{n:,}" for n in decades])
        right.set(xlabel="occurrences of the word", ylabel="push of one draw, σ(s)")
        right.set_title("One draw pushes with σ(s)")
        right.axhline(0.5, color=FAINT, lw=1, ls=":", zorder=0)
        left.stairs(self._data, edges, color=INK, lw=1.5, label="data")
        artists = SimpleNamespace(
            draws=left.stairs(
                self._data, edges, color=NEGATIVE, fill=True, alpha=0.55, label="draws", zorder=0
            ),
            push=left.stairs(self._data, edges, color=FOCUS, lw=2.2, label="push", zorder=3),
            sigma=right.plot(self._distinct, self._distinct, "o-", color=FOCUS, ms=3, lw=1.5)[0],
        )
        left.legend(loc="upper right", ncols=3)
        return artists

    def draw(self, artists: Any, result: Shares) -> None:
        artists.draws.set_data(result.draws)
        artists.push.set_data(result.push)
        artists.sigma.set_ydata(result.sigma)

    def summary(self, result: Shares) -> str:
        data = (float(self._data[0]), float(self._counts.max() / self._counts.sum()))
        names = ("words that occur once", "the most frequent word")
        rows = zip(names, data, (result.once, result.top), strict=True)
        return (
            f"α = {number(result.alpha)}, K = {result.k:,}, t = {number(result.progress)}. Shares of data, draws, push:\n"
            + "\n".join(
                f"{name}: {number(share)}, {number(draws)}, {number(push)}"
                for name, share, (draws, push) in rows
            )
        )

    def _by_band(self, share: torch.Tensor) -> NDArray[np.float64]:
        return torch.bincount(self._band, weights=share).numpy()


def _label(band: int) -> str:
    return f"{2**band}" if band < 10 else f"{2 ** (band - 10)}k"
