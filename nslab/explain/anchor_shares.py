"""The share of hard negatives differs by anchor: what K chosen at its mean really covers."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from .._checks import as_float, as_mask
from ..theory import hit_probability, smallest_k
from ._controls import Control, integer_grid, linear_grid
from ._explainer import Explainer
from ._style import ANCHOR, FAINT, FOCUS, INK, number

KS = integer_grid(1, 20_000, 73)
CUTOFFS = linear_grid(0.3, 0.7, 81)
RANKS = np.linspace(0, 1, 201)


@dataclass(frozen=True)
class Shares:
    cutoff: float
    q: float
    shares: NDArray[np.float64]  # one per anchor, ascending
    mean: float
    at_mean: NDArray[np.float64]  # P of a hit at each of KS for an anchor with the mean share
    covered: NDArray[np.float64]  # P of a hit at each of KS, averaged over the anchors
    k_mean: int
    promised: float  # P at k_mean for the mean share
    k_mean_covers: float
    k_covers: int | None  # None: too many anchors without any hard negative
    reached: float | None  # what k_covers covers

    @property
    def without(self) -> float:
        """Share of the anchors that have no hard negative at all."""
        return float((self.shares == 0).mean())


class AnchorShares(Explainer):
    """Each anchor's own ρ, and the average chance of a hit beside the chance at the average ρ.

    `scores` (A, N): similarities of A anchors to N items; `negative` (A, N) marks the items that are negatives
    of the anchor, at least one each. A negative is hard where its score is above the cut-off t.
    """

    title = "Hit probability where the share of hard negatives differs by anchor"
    cutoff = Control("t", "cut-off: hard above t", CUTOFFS, start=0.5)
    q = Control("q", "wanted probability", linear_grid(0.5, 0.98, 97), start=0.9)

    def __init__(self, scores: Any, negative: Any, **start: Any) -> None:
        values = as_float(scores, "scores").double()
        if values.dim() != 2:
            raise ValueError(f"scores must be (anchors, items), got shape {tuple(values.shape)}")
        mask = as_mask(negative, "negative", values.shape)
        if not bool(mask.any(1).all()):
            raise ValueError(
                f"negative must be true somewhere in each row, got none in row {int((~mask.any(1)).nonzero()[0])}"
            )
        highest = float(values[mask].max())
        if highest <= CUTOFFS[-1]:
            raise ValueError(f"scores must hold a negative above every cut-off, got {highest:.4g} at most")
        self._sorted = values.masked_fill(~mask, -torch.inf).sort(1).values
        self._negatives = mask.sum(1)
        super().__init__(**start)

    def compute(self, cutoff: float, q: float) -> Shares:
        edge = torch.full((len(self._sorted), 1), cutoff, dtype=torch.float64)
        hard = self._sorted.shape[1] - torch.searchsorted(self._sorted, edge, right=True).squeeze(1)
        rho = (hard / self._negatives.double()).sort().values
        mean = float(rho.mean())
        k_mean, k_covers = smallest_k(mean, q), _smallest_average_k(rho, q)
        return Shares(
            cutoff=cutoff,
            q=q,
            shares=rho.numpy(),
            mean=mean,
            at_mean=np.asarray(hit_probability(mean, KS)),
            covered=np.asarray(hit_probability(rho[:, None], KS)).mean(0),
            k_mean=k_mean,
            promised=float(hit_probability(mean, k_mean)),
            k_mean_covers=_covered(rho, k_mean),
            k_covers=k_covers,
            reached=None if k_covers is None else _covered(rho, k_covers),
        )

    def create(self, figure: Figure) -> SimpleNamespace:
        left, right = figure.subplots(1, 2)
        left.set(yscale="log", xlim=(0, 1), ylim=(4e-4, 1), xticks=[0, 0.5, 1])
        left.set(xlabel="anchors, those with the fewest first", ylabel="ρ, share of hard negatives")
        left.set_title("Every anchor has its own ρ")
        right.set(xscale="log", xlim=(0.9, 2e4), ylim=(-0.03, 1.05))
        right.set(xlabel="K, negatives drawn", ylabel="P(at least one hard)")
        right.set_title("The average anchor misleads")
        none = left.axvspan(0, 0, color=FAINT, alpha=0.5, lw=0, label="no hard negative")
        mean = left.axhline(1, color=FOCUS, ls="--", label="mean ρ")
        legend = left.legend(loc="upper left")
        legend.set_zorder(5)  # above the grey band
        at_mean = right.plot(KS, KS, color=FOCUS, ls="--", label="at the mean ρ")[0]
        covered = right.plot(KS, KS, color=ANCHOR, label="mean over anchors")[0]
        right.legend(loc="lower right")
        return SimpleNamespace(
            none=none,
            legend=legend,
            mean=mean,
            shares=left.plot(RANKS, RANKS, color=ANCHOR)[0],
            wanted=right.axhline(0, color=INK, lw=1.2, ls=":"),
            at_mean=at_mean,
            covered=covered,
            gap=right.plot([], [], color=FOCUS, lw=1.5)[0],
            dots=right.scatter([], [], s=50, zorder=4),
        )

    def draw(self, artists: Any, result: Shares) -> None:
        shares = np.quantile(result.shares, RANKS)
        artists.none.set_width(result.without)
        artists.mean.set_ydata([result.mean] * 2)
        artists.shares.set_ydata(np.where(shares > 0, shares, np.nan))
        artists.wanted.set_ydata([result.q] * 2)
        artists.at_mean.set_ydata(result.at_mean)
        artists.covered.set_ydata(result.covered)
        artists.gap.set_data([result.k_mean] * 2, [result.k_mean_covers, result.promised])
        dots = [(result.k_mean, result.promised), (result.k_mean, result.k_mean_covers)]
        artists.dots.set_offsets(
            dots if result.k_covers is None else [*dots, (result.k_covers, result.reached)]
        )
        artists.dots.set_facecolor([FOCUS, ANCHOR, ANCHOR])

    def summary(self, result: Shares) -> str:
        covers = "no K does" if result.k_covers is None else f"K = {result.k_covers:,} does"
        return (
            f"hard: score above {number(result.cutoff)}; mean ρ = {number(result.mean)}; "
            f"{number(result.without)} of the anchors have no hard negative\n"
            f"K = {result.k_mean:,}, from the mean ρ for q = {number(result.q)}, covers {number(result.k_mean_covers)} "
            f"on average; {covers}"
        )


def _covered(rho: Tensor, k: int) -> float:
    return float(np.asarray(hit_probability(rho, k)).mean())


def _smallest_average_k(rho: Tensor, q: float) -> int | None:
    """The smallest K that hits with probability q on average over the anchors, or None where none does."""
    some = rho[rho > 0]
    reachable = len(some) / len(rho)
    if reachable <= q:
        return None
    enough = smallest_k(float(some.min()), q / reachable)  # even for the anchor with the fewest
    return 1 + bisect_left(range(1, enough), q, key=lambda k: _covered(rho, k))
