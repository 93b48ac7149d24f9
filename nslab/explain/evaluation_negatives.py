"""The same held-out links and the same scores, against other negatives: who wins?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from ._controls import Control, linear_grid
from ._explainer import Explainer
from ._style import ANCHOR, FOCUS, INK, NEGATIVE, POSITIVE, number

ALPHAS = torch.linspace(-0.5, 1.5, 41, dtype=torch.float64)
BINS = 12
STROKES = ((FOCUS, "-", "o"), (INK, "--", "s"), (ANCHOR, ":", "D"))


@dataclass(frozen=True)
class Evaluation:
    alpha: float
    h: float
    negatives: NDArray[np.float64]  # share of the negatives in each bin of d_i d_j
    auc: NDArray[np.float64]  # of each method, mean over the splits
    spread: NDArray[np.float64]  # its standard deviation over the splits
    curves: NDArray[np.float64]  # (methods, ALPHAS), mean over the splits


class EvaluationNegatives(Explainer):
    """AUC of up to three link predictors, negatives ∝ (d_i d_j)^α; a share h of them two steps apart.

    `adjacency` (n, n), symmetric, of zeros and ones: all links. `held_out` (splits, m, 2) int64: the links to find in
    each split. `scores` {name: (splits, n, n)}: what a method that knows the other links gives every pair. Negatives are pairs
    without a link, degrees d count all links, and "two steps apart" means a common neighbour among the links known.
    Nothing is sampled: the AUC is the mean over all draws.
    """

    title = "Who wins depends on the negatives of the test"
    alpha = Control("α", "negatives ∝ (d_i d_j)^α", linear_grid(-0.5, 1.5, 81), start=0.0)
    h = Control("h", "share two steps apart", linear_grid(0, 1, 61), start=0.0)

    def __init__(
        self, adjacency: Tensor, held_out: Tensor, scores: Mapping[str, Tensor], **start: Any
    ) -> None:
        links = torch.as_tensor(adjacency, dtype=torch.float64)
        n, splits = len(links), len(held_out)
        if not 1 <= len(scores) <= len(STROKES):
            raise ValueError(f"scores must hold 1 to {len(STROKES)} methods, got {len(scores)}")
        for name, score in scores.items():
            if score.shape != (splits, n, n):
                raise ValueError(f"scores[{name!r}] must be {(splits, n, n)}, got {tuple(score.shape)}")
        self._methods = list(scores)
        i, j = torch.triu_indices(n, n, 1)
        free = links[i, j] == 0
        i, j = i[free], j[free]
        degrees = links.sum(1)
        self._log_dd = (degrees[i] * degrees[j]).clamp(min=1).log()
        known = links.repeat(splits, 1, 1)
        a, b = held_out[..., 0], held_out[..., 1]
        row = torch.arange(splits)[:, None]
        known[row, a, b] = known[row, b, a] = 0
        self._near = (known @ known)[:, i, j] > 0
        if not self._near.any(1).all():
            raise ValueError("held_out must leave two unlinked nodes with a common neighbour in every split")
        self._above = torch.stack(
            [_share_above(s[row, a, b], s[:, i, j]) for s in scores.values()]
        )  # (methods, splits, pairs)
        self._held_dd = (degrees[a] * degrees[b]).log().ravel()
        self._edges = torch.linspace(0, 1.02 * 2 * float(degrees.max().log()), BINS + 1, dtype=torch.float64)
        self._far_curve, self._near_curve = (
            torch.stack([self._auc(alpha, h).mean(1) for alpha in ALPHAS.tolist()], 1) for h in (0, 1)
        )
        super().__init__(**start)

    def _weights(self, alpha: float) -> tuple[Tensor, Tensor]:
        """Shares of the pairs as negatives: anywhere (pairs,), and two steps apart (splits, pairs)."""
        powers = (alpha * self._log_dd).exp()
        near = powers * self._near
        return powers / powers.sum(), near / near.sum(1, keepdim=True)

    def _auc(self, alpha: float, h: float) -> Tensor:
        """(methods, splits)"""
        anywhere, near = self._weights(alpha)
        return (1 - h) * self._above @ anywhere + h * (self._above * near).sum(-1)

    def compute(self, alpha: float, h: float) -> Evaluation:
        anywhere, near = self._weights(alpha)
        weights = (1 - h) * anywhere + h * near.mean(0)
        auc = self._auc(alpha, h)
        negatives = np.histogram(self._log_dd.numpy(), self._edges.numpy(), weights=weights.numpy())[0]
        return Evaluation(
            alpha=alpha,
            h=h,
            negatives=negatives,
            auc=auc.mean(1).numpy(),
            spread=auc.std(1).numpy(),
            curves=((1 - h) * self._far_curve + h * self._near_curve).numpy(),
        )

    def create(self, figure: Figure) -> SimpleNamespace:
        left, right = figure.subplots(1, 2)
        held = np.histogram(self._held_dd.numpy(), self._edges.numpy())[0] / len(self._held_dd)
        edges = self._edges.exp().numpy()
        left.stairs(held, edges, color=POSITIVE, fill=True, alpha=0.35, label="held-out links")
        left.set(xscale="log", xlim=(edges[0], edges[-1]), ylim=(0, 0.62), ylabel="share of the pairs")
        left.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1,000"])
        left.minorticks_off()
        left.set(xlabel="degree product, d_i d_j")
        left.set_title("α chooses the negatives …")
        right.set(xlim=(-0.55, 1.55), ylim=(0.2, 1), xlabel="exponent α", ylabel="AUC")
        right.set_title("… and with them the AUC")
        right.axhline(0.5, color=INK, lw=1, alpha=0.35, zorder=0)
        right.text(1.46, 0.51, "a coin", color=INK, fontsize=9, va="bottom", ha="right")
        artists = SimpleNamespace(
            negatives=left.stairs(np.zeros(BINS), edges, color=NEGATIVE, lw=2.5, label="negatives"),
            line=right.axvline(0, ymin=0.33, color=FOCUS, lw=1, alpha=0.5, zorder=0),  # above the legend
            curves=[],
            points=[],
        )
        for name, (color, style, marker) in zip(self._methods, STROKES, strict=False):
            artists.curves += right.plot(ALPHAS, ALPHAS, color=color, ls=style, label=name)
            artists.points += right.plot([], [], marker, color=color, ms=7, zorder=4)
        left.legend(loc="upper left")
        right.legend(loc="lower left")
        return artists

    def draw(self, artists: Any, result: Evaluation) -> None:
        artists.negatives.set_data(result.negatives)
        artists.line.set_xdata([result.alpha] * 2)
        for curve, point, values, auc in zip(
            artists.curves, artists.points, result.curves, result.auc, strict=True
        ):
            curve.set_ydata(values)
            point.set_data([result.alpha], [auc])

    def summary(self, result: Evaluation) -> str:
        found = (
            f"{name} {number(auc)} ± {number(sd)}"
            for name, auc, sd in zip(self._methods, result.auc, result.spread, strict=True)
        )
        return (
            f"negatives ∝ (d_i d_j)^{number(round(result.alpha, 9))}, {number(round(result.h, 9))} of them two steps apart\n"
            f"AUC: {'; '.join(found)}"
        )


def _share_above(held: Tensor, rest: Tensor) -> Tensor:
    """For every other pair, the share of the held-out links that score higher; a tie counts half."""
    held, rest = held[:, :, None], rest[:, None, :]
    return (held > rest).double().mean(1) + (held == rest).double().mean(1) / 2
