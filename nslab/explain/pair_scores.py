"""Scores of letter pairs, and their one scale λ.

At λ the chance pairs, weighted by e^(λ s), become a distribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nslab._checks import as_float, raise_at_first
from nslab.explain._base import (
    Axis,
    Control,
    Dots,
    Explainer,
    Handle,
    Line,
    Note,
    Panel,
    Rule,
    Stage,
    Words,
    linear_grid,
    number,
)
from nslab.samplers import unigram

LAMBDAS = linear_grid(0, 0.5, 101)
ALPHAS = linear_grid(0, 1.5, 61)
BESIDE = 0.04  # how far a letter stands from its own disc, at the end of its row and on top of its column
FULL = 0.015  # the weight whose disc is as wide as its cell


@dataclass(frozen=True)
class Pairs:
    lam: float
    alpha: float
    total: float  # Σ q_i q_j e^(λ s_ij)
    totals: NDArray[np.float64]  # the same at LAMBDAS
    root: float  # λ*, where the total is 1
    weights: NDArray[np.float64]  # (N, N): q_i q_j e^(λ s_ij)
    mean: float  # mean score of a chance pair
    information: float  # H at λ*, nats a pair


class PairScores(Explainer):
    """Chance pairs of letters, drawn by q ∝ p^α, and the same pairs weighted by e^(λ s).

    A disc holds both orders of a pair.

    `scores` (N, N): integers, some above 0; `background` (N,): how often each letter occurs, above 0;
    `letters`: their N names. The mean score of a chance pair must be below 0 for every α, else no λ > 0
    makes the weights a distribution.
    """

    question = "At which λ above 0 do the weights add up to 1 again?"
    title = "At one λ the weighted chance pairs add up to 1: the pairs of relatives"
    lam = Control("λ", "nats per point of score", LAMBDAS, start=0.1, play=True)
    alpha = Control("α", "letters drawn ∝ p^α", ALPHAS, start=1.0)

    def __init__(self, scores: Any, background: Any, letters: Sequence[str], **start: Any) -> None:
        table, self._frequency = as_float(scores, "scores").double(), as_float(background, "background")
        n = len(self._frequency)
        if self._frequency.dim() != 1 or table.shape != (n, n):
            shapes = f"{tuple(table.shape)} and {tuple(self._frequency.shape)}"
            raise ValueError(f"scores must be (N, N) and background (N,), got {shapes}")
        if len(letters) != n:
            raise ValueError(f"letters must be one for each row of scores, {n} in all, got {len(letters)}")
        raise_at_first(self._frequency, self._frequency <= 0, "background must be > 0")
        raise_at_first(table, table != table.round(), "scores must be integers")
        if not bool((table > 0).any()):
            raise ValueError(f"scores must be > 0 somewhere, got at most {table.max().item()}")
        low, high = int(table.min()), int(table.max())
        self._letters, self._table = list(letters), table.numpy()
        self._scores = np.arange(low, high + 1)
        self._places = (table.numpy() - low).astype(int).ravel()
        for alpha in ALPHAS:
            if (mean := float(self._chance(alpha) @ self._scores)) >= 0:
                raise ValueError(
                    f"scores must be < 0 on average, got {mean:.4g} for chance pairs at α = {alpha}"
                )
        super().__init__(**start)

    def _pairs(self, alpha: float) -> NDArray[np.float64]:
        q = unigram(self._frequency, alpha).double().numpy()
        return np.outer(q, q)

    def _chance(self, alpha: float) -> NDArray[np.float64]:
        """Share of each score among chance pairs."""
        shares = np.bincount(self._places, self._pairs(alpha).ravel(), minlength=len(self._scores))
        return np.asarray(shares, dtype=np.float64)

    def compute(self, lam: float, alpha: float) -> Pairs:
        chance, s = self._chance(alpha), self._scores
        # Far to the right of λ*: the total is convex, so Newton's steps fall towards λ* and never cross it.
        root = 2.0
        for _ in range(100):
            weights = chance * np.exp(root * s)
            step = (weights.sum() - 1) / (weights @ s)
            root -= step
            if abs(step) < 1e-13:
                break
        related = chance * np.exp(root * s)
        weights = self._pairs(alpha) * np.exp(lam * self._table)
        return Pairs(
            lam=lam,
            alpha=alpha,
            total=float(weights.sum()),
            totals=np.exp(np.outer(LAMBDAS, s)) @ chance,
            root=float(root),
            weights=weights,
            mean=float(chance @ s),
            information=float(root * (related @ s)),
        )

    def stage(self) -> Stage:
        n = len(self._letters)
        middles = (np.arange(n) + 0.5) / n
        along = Axis("", 0, 1 + BESIDE, ticks={})
        most = max(self.compute(LAMBDAS[-1], alpha).total for alpha in ALPHAS[::10])
        rows, columns = np.tril_indices(n)
        return Stage(
            panels={
                "pairs": Panel("Area: weight of a pair, both orders", along, along, square=True),
                "total": Panel(
                    "All weights together",
                    Axis("λ, nats per point of score", 0, LAMBDAS[-1]),
                    Axis("sum", 0.7, 1.05 * most),
                ),
            },
            marks={
                "pairs": Dots(
                    "pairs", "negative", roles=["positive", "faint"],
                    x=middles[columns], y=1 - middles[rows], scale=1 / (n * FULL**0.5),
                    tips=[
                        f"{self._letters[i]} – {self._letters[j]}: score {self._table[i, j]:.0f}"
                        for i, j in zip(rows, columns, strict=True)
                    ],
                    shows={"weight": "size"},
                ),
                "letters": Words(
                    "pairs", words=self._letters, x=middles + BESIDE, y=1 - middles + BESIDE, scale=0.04
                ),
                "sum": Note("pairs", x=[0.98], y=[0.9], align="end", big=True),
                "one": Rule("total", "faint", at=1),
                "curve": Line("total", "ink", x=LAMBDAS[::2]),
                "root": Dots("total", "ink", y=[1], scale=0.045, tips=["λ*: the weights add up to 1"],
                    shows={"λ*": "x"}),
                "here": Handle("total", along={"x": "lam"}),
            },
            key={"positive": "score above 0", "faint": "0", "negative": "below 0"},
        )  # fmt: skip

    def scene(self, result: Pairs) -> dict[str, dict[str, Any]]:
        half = np.tril_indices(len(result.weights))
        both = (np.tril(result.weights) + np.tril(result.weights.T, -1))[half]
        score = self._table[half]
        role = np.where(score > 0, "positive", np.where(score < 0, "negative", "faint"))
        return {
            "pairs": {"size": both, "role": role},
            "sum": {"text": f"sum {result.total:.3f}"},
            "curve": {"y": np.where(np.array(LAMBDAS) <= result.lam, result.totals, np.nan)[::2]},
            "root": {"x": [result.root if result.lam >= result.root else np.nan]},
            "here": {"y": result.total},
        }

    def summary(self, result: Pairs) -> str:
        """λ* and H are told once λ has come as far."""
        found = result.lam >= result.root
        root = f"; to 1 at λ* = {number(result.root)}" if found else ""
        carries = f"; a related pair at λ* carries H = {number(result.information)} nats" if found else ""
        return (
            f"λ = {number(result.lam)}, α = {number(result.alpha)}: the weights add up to"
            f" {number(result.total)}{root}\na chance pair scores {number(result.mean)} on average{carries}"
        )
