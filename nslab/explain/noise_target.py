"""The noise chooses the target: optimal SGNS logits of one anchor's contexts under q ∝ f^α."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .._checks import as_float, first_bad, same_shape
from ..samplers import unigram
from ._controls import Control, linear_grid
from ._explainer import Explainer
from ._style import FAINT, FOCUS, INK, number

TOP = 10
ALPHAS = linear_grid(-1, 1.25, 91)
KS = range(1, 61)


@dataclass(frozen=True)
class Target:
    alpha: float
    k: int
    logits: NDArray[np.float64]  # s* of each context seen with the anchor
    top: NDArray[np.int64]  # the TOP highest, the highest first


class NoiseTarget(Explainer):
    """s* = ln p(c|a) − ln(K q_c) over the contexts of one anchor, and which of them come out on top.

    `words`: V names; `counts` (V,), each above 0: how often each occurs as a context; `with_anchor` (V,): how often with
    the anchor, above 0 for at least ten. A context never seen with the anchor has s* = −∞ and is not shown.
    """

    title = "Optimal logits of one anchor's contexts"
    alpha = Control("α", "exponent of q ∝ f^α", ALPHAS, start=0.75)
    k = Control("K", "negatives", KS, start=5)

    def __init__(self, words: Sequence[str], counts: Any, with_anchor: Any, **start: Any) -> None:
        totals, pairs = as_float(counts, "counts").double(), as_float(with_anchor, "with_anchor").double()
        if totals.dim() != 1 or len(words) != len(totals):
            raise ValueError(f"counts must be one number a word, got {len(words)} and {tuple(totals.shape)}")
        same_shape(counts=totals, with_anchor=pairs)
        first_bad(totals, totals <= 0, "counts must be > 0")
        first_bad(pairs, pairs < 0, "with_anchor must be >= 0")
        seen = pairs > 0
        if int(seen.sum()) < TOP:
            raise ValueError(f"with_anchor must be > 0 for at least {TOP} words, got {int(seen.sum())}")
        self._counts, self._seen = totals, seen
        self._words = [word for word, shown in zip(words, seen.tolist(), strict=True) if shown]
        self._log_p = (pairs[seen] / pairs.sum()).log()
        super().__init__(**start)

    def compute(self, alpha: float, k: int) -> Target:
        q = unigram(self._counts, alpha)[self._seen]
        logits = self._log_p - (k * q).log()
        top = logits.argsort(descending=True, stable=True)[:TOP]
        return Target(alpha=alpha, k=k, logits=logits.numpy(), top=top.numpy())

    def top_words(self, result: Target) -> list[str]:
        """The contexts with the highest logits, the highest first."""
        return [self._words[i] for i in result.top]

    def create(self, figure: Figure) -> SimpleNamespace:
        left, right = figure.subplots(1, 2)
        shown = self._counts[self._seen].numpy()
        ends = [self.compute(alpha, k).logits for alpha in (-1, 1.25) for k in (KS[0], KS[-1])]
        low, high = float(self._counts.min()) * 0.7, float(self._counts.max())
        left.set(xscale="log", xlim=(low, high * 1.5))
        left.set(ylim=(min(map(np.min, ends)) - 0.7, max(map(np.max, ends)) + 0.7))
        left.set(xlabel="how often the word is a context", ylabel="optimal logit s*")
        left.set_title("α tilts, K shifts")
        right.set(xscale="log", xlim=(low, high * 12))
        right.set(ylim=(TOP - 0.4, -0.6), yticks=range(TOP), yticklabels=range(1, TOP + 1))
        right.set(xlabel="how often the word is a context", ylabel="rank by s*")
        right.set_title("A lower α lifts common words")
        decades = [10**n for n in range(10) if low <= 10**n <= 10 * high]
        for axes in (left, right):
            axes.set_xticks(decades, [f"{n:,}" for n in decades])
        left.set_xlim(low, high * 1.5)
        left.axhline(0, color=FAINT, lw=1, ls=":", zorder=0)
        return SimpleNamespace(
            all=left.plot(shown, shown, "o", color=FAINT, ms=4)[0],
            best=left.plot([], [], "o", color=FOCUS, ms=6, zorder=3)[0],
            bars=right.hlines(range(TOP), 1, 1, color=FOCUS, lw=7),
            names=[right.text(1, i, "", color=INK, va="center", fontsize=9) for i in range(TOP)],
        )

    def draw(self, artists: Any, result: Target) -> None:
        often = self._counts[self._seen].numpy()[result.top]
        artists.all.set_ydata(result.logits)
        artists.best.set_data(often, result.logits[result.top])
        artists.bars.set_segments([[(0.1, i), (count, i)] for i, count in enumerate(often)])
        for name, count, word in zip(artists.names, often, self.top_words(result), strict=True):
            name.set_x(count * 1.2)
            name.set_text(word)

    def summary(self, result: Target) -> str:
        return (
            f"α = {number(result.alpha)}, K = {result.k}: highest s* = {number(result.logits.max())}\n"
            f"on top: {', '.join(self.top_words(result)[:5])}"
        )
