"""The share of hard negatives differs by anchor: K draws for each, for all, for the average."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nslab._checks import as_float, as_mask
from nslab.explain._base import (
    Axis,
    Control,
    Explainer,
    Handle,
    Line,
    Links,
    Note,
    Panel,
    Rule,
    Stage,
    check_each,
    integer_grid,
    items,
    linear_grid,
    number,
)
from nslab.theory import hit_probability, smallest_k

KS = integer_grid(1, 20_000, 73)
CUTOFFS = linear_grid(0.3, 0.7, 81)
FEW = 50  # anchors that are shown
GOLDEN = (math.sqrt(5) - 1) / 2  # its multiples, less whole numbers, keep far from each other
NONE = 3e-4  # where anchors without any hard negative stand
RHOS = {NONE: "none", 1e-3: "0.001", 1e-2: "0.01", 0.1: "0.1", 1: "1"}


@dataclass(frozen=True)
class Shares:
    k: int
    cutoff: float
    q: float
    shares: NDArray[np.float64]  # one per anchor
    chances: NDArray[np.float64]  # P of a hit within K draws, one per anchor
    mean: float
    at_mean: NDArray[np.float64]  # P of a hit at each of KS for an anchor with the mean share
    covered: NDArray[np.float64]  # P of a hit at each of KS, averaged over the anchors
    promise: float  # P at K for the mean share
    kept: float  # P at K, averaged over the anchors
    k_mean: int
    promised: float  # P at k_mean for the mean share
    k_mean_covers: float
    k_covers: int | None  # None: too many anchors without any hard negative
    reached: float | None  # what k_covers covers

    @property
    def without(self) -> int:
        """How many anchors have no hard negative at all."""
        return int((self.shares == 0).sum())


class AnchorShares(Explainer):
    """Each anchor's own ρ and chance of a hit, and the average chance beside the chance at the average ρ.

    `scores` (A, N): similarities of A anchors to N items; `negative` (A, N) marks the items that are
    negatives of the anchor, at least one each. A negative is hard where its score is above the cut-off t.
    `groups` maps names to the numbers of the anchors that are shown, each group in a band of its own, from
    below; without it the first fifty are shown. `pictures` (A, height, width), in [0, 1], are what the
    anchors look like.
    """

    question = "Do K draws keep for all anchors what they promise for the average one?"
    title = "The average of the chances stays below the chance at the average ρ"
    k = Control("K", "draws", integer_grid(1, 20_000, 145), start=10, play=True)
    cutoff = Control("t", "cut-off: hard above t", CUTOFFS, start=0.5)
    q = Control("q", "wanted probability", linear_grid(0.5, 0.98, 97), start=0.9)

    def __init__(
        self,
        scores: Any,
        negative: Any,
        *,
        groups: Mapping[str, Any] | None = None,
        pictures: Any = None,
        **start: Any,
    ) -> None:
        values = as_float(scores, "scores").double()
        if values.dim() != 2:
            raise ValueError(f"scores must be (anchors, items), got shape {tuple(values.shape)}")
        mask = as_mask(negative, "negative", values.shape)
        if not bool(mask.any(1).all()):
            raise ValueError(
                "negative must be true somewhere in each row, got none in row"
                f" {int((~mask.any(1)).nonzero()[0])}"
            )
        highest = float(values[mask].max())
        if highest <= CUTOFFS[-1]:
            raise ValueError(f"scores must hold a negative above every cut-off, got {highest:.4g} at most")
        check_each(f"be one per anchor, {len(values)}", len(values), pictures=pictures)
        self._sorted = values.masked_fill(~mask, -torch.inf).sort(1).values
        self._negatives = mask.sum(1)
        self._groups = {"": range(min(FEW, len(values)))} if groups is None else groups
        self._shown = np.concatenate([np.asarray(ids) for ids in self._groups.values()])
        self._pictures = None if pictures is None else np.asarray(pictures)[self._shown]
        self._curves, self._needed = cache(self._curves_at), cache(self._needed_at)
        super().__init__(**start)

    def compute(self, k: int, cutoff: float, q: float) -> Shares:
        rho, mean, at_mean, covered = self._curves(cutoff)
        k_mean, k_covers = self._needed(cutoff, q)
        chances = np.asarray(hit_probability(rho, k))
        return Shares(
            k=k,
            cutoff=cutoff,
            q=q,
            shares=rho.numpy(),
            chances=chances,
            mean=mean,
            at_mean=at_mean,
            covered=covered,
            promise=float(hit_probability(mean, k)),
            kept=float(chances.mean()),
            k_mean=k_mean,
            promised=float(hit_probability(mean, k_mean)),
            k_mean_covers=_covered(rho, k_mean),
            k_covers=k_covers,
            reached=None if k_covers is None else _covered(rho, k_covers),
        )

    def _curves_at(self, cutoff: float) -> tuple[Tensor, float, NDArray[np.float64], NDArray[np.float64]]:
        """ρ of each anchor and on average, and the two curves, which K does not move."""
        edge = torch.full((len(self._sorted), 1), cutoff, dtype=torch.float64)
        hard = self._sorted.shape[1] - torch.searchsorted(self._sorted, edge, right=True).squeeze(1)
        rho = hard / self._negatives.double()
        mean = float(rho.mean())
        covered = np.asarray(hit_probability(rho[:, None], KS)).mean(0)
        return rho, mean, np.asarray(hit_probability(mean, KS)), covered

    def _needed_at(self, cutoff: float, q: float) -> tuple[int, int | None]:
        rho, mean, _, _ = self._curves(cutoff)
        return smallest_k(mean, q), _smallest_average_k(rho, q)

    def stage(self) -> Stage:
        share = Axis("ρ, share of hard negatives", 2e-4, 1, log=True, ticks=RHOS)
        names = {i + 0.5: name for i, name in enumerate(self._groups) if name}
        bands = Axis("", 0, len(self._groups) + 0.1, ticks=names)
        draws = Axis("draws K", 1, 20_000, log=True)
        return Stage(
            panels={
                "anchors": Panel(
                    "Size: chance of a hit (the smallest drawn larger)", share, bands, share=1.2
                ),
                "chance": Panel("How often K draws hit", draws, Axis("probability of a hit", 0, 1.04)),
            },
            marks={
                "mean": Links("anchors", "focus", y=[0], y2=[len(self._groups)], width=[2]),
                "anchors": items(
                    "anchors",
                    "anchor",
                    pictures=self._pictures,
                    scale=0.14,
                    dot=0.08,
                    y=self._heights(),
                    roles=("faint",),
                    tips=[name for name, ids in self._groups.items() for _ in ids],
                    shows={"ρ": "value", "chance": "size"},
                ),
                "label_mean": Note(
                    "anchors", "focus", y=[len(self._groups) + 0.03], text="mean ρ", align="middle"
                ),
                "wanted": Rule("chance", "ink"),
                "label_wanted": Note("chance", "ink", x=[1.1], text="q"),
                "at_mean": Line("chance", "focus", x=KS, dashed=True),
                "covered": Line("chance", "anchor", x=KS),
                "gap": Links("chance", "focus", width=[1]),
                "promise": Handle("chance", along={"x": "k"}),
                "kept": Handle("chance", "anchor", along={"x": "k"}),
                "label_promise": Note("chance", "focus", x=[19_000], y=[0.17], align="end"),
                "label_kept": Note("chance", "anchor", x=[19_000], y=[0.07], align="end", big=True),
            },
            key={
                "anchor": "anchors, and their average",
                "focus": "an anchor with the mean ρ",
                "faint": "no hard negative",
            },
        )

    def _heights(self) -> NDArray[np.float64]:
        """Where in its band each anchor stands: those with like ρ far from each other."""
        rho, _, _, _ = self._curves(self.cutoff)
        heights = []
        for band, ids in enumerate(self._groups.values()):
            rank = rho[torch.as_tensor(np.asarray(ids))].argsort().argsort().numpy()
            heights.append(band + 0.12 + 0.76 * (rank * GOLDEN % 1))
        return np.concatenate(heights)

    def scene(self, result: Shares) -> dict[str, dict[str, Any]]:
        rho, drawn = result.shares[self._shown], np.array(KS) <= result.k
        return {
            "mean": {"x": result.mean, "x2": result.mean},
            "anchors": {
                "x": np.maximum(rho, NONE),
                "value": rho,
                "size": np.round(result.chances[self._shown], 3),
                "role": np.where(rho > 0, "anchor", "faint"),
            },
            "label_mean": {"x": result.mean},
            "wanted": {"at": result.q},
            "label_wanted": {"y": result.q + 0.015},
            "at_mean": {"y": np.where(drawn, result.at_mean, np.nan)},
            "covered": {"y": np.where(drawn, result.covered, np.nan)},
            "gap": {"x": result.k, "y": result.kept, "x2": result.k, "y2": result.promise},
            "promise": {"y": result.promise},
            "kept": {"y": result.kept},
            "label_promise": {"text": f"at the mean ρ {result.promise:.3g}"},
            "label_kept": {"text": f"average {result.kept:.3g}"},
        }

    def summary(self, result: Shares) -> str:
        return (
            f"hard: score above {number(result.cutoff)}; mean ρ = {number(result.mean)}; {result.without:,}"
            f" of {len(result.shares):,} anchors have no hard negative\nK = {result.k:,}: chance at the mean"
            f" ρ {number(result.promise)}, average chance {number(result.kept)}; {self._reach(result)}"
        )

    def _reach(self, result: Shares) -> str:
        """Say which K reaches q, once this K has promised it."""
        if result.promise < result.q:
            return f"q = {number(result.q)} is not reached"
        if result.k_covers is None:
            return f"no K reaches q = {number(result.q)} on average"
        return f"q = {number(result.q)} takes K = {result.k_mean:,} and K = {result.k_covers:,}"


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
