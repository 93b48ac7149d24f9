"""Scores of letter pairs: the one scale λ at which chance pairs, weighted by e^(λ s), become a distribution."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .._checks import as_float, first_bad
from ..samplers import unigram
from ._controls import Control, linear_grid
from ._explainer import Explainer
from ._style import FAINT, FOCUS, INK, NEGATIVE, POSITIVE, number

LAMBDAS = linear_grid(0, 0.5, 101)
ALPHAS = linear_grid(0, 1.5, 61)


@dataclass(frozen=True)
class Pairs:
    lam: float
    alpha: float
    total: float  # Σ q_i q_j e^(λ s_ij)
    totals: NDArray[np.float64]  # the same at LAMBDAS
    root: float  # λ*, where the total is 1
    chance: NDArray[np.float64]  # share of each score among chance pairs
    weighted: NDArray[np.float64]  # the same times e^(λ s)
    mean: float  # mean score of a chance pair
    information: float  # H at λ*, nats a pair


class PairScores(Explainer):
    """Chance pairs of letters, drawn by q ∝ p^α, and the same pairs weighted by e^(λ s).

    `scores` (N, N): integers, some above 0; `background` (N,): how often each letter occurs, above 0. The mean score of
    a chance pair must be below 0 for every α, else no λ > 0 makes the weights a distribution.
    """

    title = "Chance pairs of letters, weighted by e^(λ s)"
    lam = Control("λ", "nats a point of score", LAMBDAS, start=0.0)
    alpha = Control("α", "letters drawn ∝ p^α", ALPHAS, start=1.0)

    def __init__(self, scores: Any, background: Any, **start: Any) -> None:
        table, self._frequency = as_float(scores, "scores").double(), as_float(background, "background")
        n = len(self._frequency)
        if self._frequency.dim() != 1 or table.shape != (n, n):
            shapes = f"{tuple(table.shape)} and {tuple(self._frequency.shape)}"
            raise ValueError(f"scores must be (N, N) and background (N,), got {shapes}")
        first_bad(self._frequency, self._frequency <= 0, "background must be > 0")
        first_bad(table, table != table.round(), "scores must be integers")
        if not bool((table > 0).any()):
            raise ValueError(f"scores must be > 0 somewhere, got at most {table.max().item()}")
        low, high = int(table.min()), int(table.max())
        self._scores = np.arange(low, high + 1)
        self._places = (table.numpy() - low).astype(int).ravel()
        for alpha in ALPHAS:
            if (mean := float(self._chance(alpha) @ self._scores)) >= 0:
                raise ValueError(
                    f"scores must be < 0 on average, got {mean:.4g} for chance pairs at α = {alpha}"
                )
        super().__init__(**start)

    def _chance(self, alpha: float) -> NDArray[np.float64]:
        q = unigram(self._frequency, alpha).double().numpy()
        shares = np.bincount(self._places, np.outer(q, q).ravel(), minlength=len(self._scores))
        return np.asarray(shares, dtype=np.float64)

    def compute(self, lam: float, alpha: float) -> Pairs:
        chance, s = self._chance(alpha), self._scores
        root = 2.0  # far to the right of λ*: the total is convex, so Newton's steps fall towards λ* and never cross it
        for _ in range(100):
            weights = chance * np.exp(root * s)
            step = (weights.sum() - 1) / (weights @ s)
            root -= step
            if abs(step) < 1e-13:
                break
        related = chance * np.exp(root * s)
        weighted = chance * np.exp(lam * s)
        return Pairs(
            lam=lam,
            alpha=alpha,
            total=float(weighted.sum()),
            totals=np.exp(np.outer(LAMBDAS, s)) @ chance,
            root=float(root),
            chance=chance,
            weighted=weighted,
            mean=float(chance @ s),
            information=float(root * (related @ s)),
        )

    def create(self, figure: Figure) -> SimpleNamespace:
        left, right = figure.subplots(1, 2)
        ends = [self.compute(lam, alpha) for lam in (0, LAMBDAS[-1]) for alpha in ALPHAS[::10]]
        left.set(xlim=(-0.01, 0.51), ylim=(0.7, 1.05 * max(end.totals.max() for end in ends)))
        left.set(xlabel="λ, nats a point of score", ylabel="all weights together")
        left.set_title("Weights add up to 1 at one λ above 0")
        left.axhline(1, color=FAINT, lw=1, zorder=0)
        edges = np.append(self._scores, self._scores[-1] + 1) - 0.5
        right.set(
            xlim=(edges[0] - 0.3, edges[-1] + 0.3), ylim=(0, 1.1 * max(end.weighted.max() for end in ends))
        )
        right.set(xlabel="score s of a pair", ylabel="share of the pairs")
        right.set_title("Weighting moves chance to kinship")
        artists = SimpleNamespace(
            curve=left.plot(LAMBDAS, LAMBDAS, color=INK)[0],
            root=left.plot([], [], "|", color=INK, ms=16, mew=2, label="λ*", zorder=3)[0],
            point=left.plot([], [], "o", color=FOCUS, ms=8, zorder=4, clip_on=False, label="your λ")[0],
            chance=right.stairs(
                self._scores * 0.0, edges, fill=True, color=NEGATIVE, alpha=0.8, label="chance pairs"
            ),
            weighted=right.stairs(self._scores * 0.0, edges, color=POSITIVE, lw=2, label="× e^(λ s)"),
        )
        left.legend(loc="upper left")
        right.legend(loc="upper left")
        return artists

    def draw(self, artists: Any, result: Pairs) -> None:
        artists.curve.set_ydata(result.totals)
        artists.root.set_data([result.root], [1.0])
        artists.point.set_data([result.lam], [result.total])
        artists.chance.set_data(result.chance)
        artists.weighted.set_data(result.weighted)

    def summary(self, result: Pairs) -> str:
        return (
            f"λ = {number(result.lam)}, α = {number(result.alpha)}: the weights add up to {number(result.total)}; "
            f"to 1 at λ* = {number(result.root)}\n"
            f"a chance pair scores {number(result.mean)} on average; a related pair at λ* carries "
            f"H = {number(result.information)} nats"
        )
