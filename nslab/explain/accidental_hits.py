"""How many of an anchor's in-batch negatives are its own positive again, expected and drawn."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..diagnostics import in_batch_duplicates
from ._controls import Control, integer_grid, linear_grid
from ._explainer import Explainer
from ._style import FAINT, FALSE_NEGATIVE, INK, POSITIVE, number

BS = integer_grid(2, 8192, 97)
NS = sorted({*integer_grid(10, 20_000, 81), 10_000})
RANKS = np.array(integer_grid(1, 20_000, 121))
DRAWS = 5


@dataclass(frozen=True)
class Hits:
    b: int
    a: float
    n: int
    per_pair: float  # Σ p², the chance that two rows hold the same item
    expected: float  # (B − 1) Σ p²
    drawn: NDArray[np.float64]  # hits per anchor in each drawn batch
    distinct: NDArray[np.int64]  # different items in each drawn batch
    item_share: NDArray[np.float64]  # of the rows, by the items up to each of RANKS
    hit_share: NDArray[np.float64]  # of the hits

    @property
    def head(self) -> float:
        """Share of the hits by the ten most frequent items."""
        return float(self.hit_share[RANKS.tolist().index(10)])


class AccidentalHits(Explainer):
    """N items, item r drawn with probability ∝ r^(−a): a = 0 is uniform, a = 1 is Zipf's law for words."""

    title = "Accidental hits: in-batch negatives that are the anchor's own positive"
    b = Control("B", "rows in a batch", BS, start=256)
    a = Control("a", "how fast frequency falls", linear_grid(0, 2, 81), start=0.5)
    n = Control("N", "items", NS, start=10_000)

    def __init__(self, **start: Any) -> None:
        generator = torch.Generator().manual_seed(0)
        self._coins = torch.rand(DRAWS, BS[-1], generator=generator, dtype=torch.float64)
        super().__init__(**start)

    def compute(self, b: int, a: float, n: int) -> Hits:
        p = torch.arange(1, n + 1, dtype=torch.float64) ** -a
        p /= p.sum()
        items = torch.searchsorted(p.cumsum(0), self._coins[:, :b].contiguous()).clamp(max=n - 1)
        counts = torch.stack([torch.bincount(row, minlength=n) for row in items])
        share, hits = p.cumsum(0), p.square().cumsum(0)
        upto = np.minimum(RANKS, n) - 1
        return Hits(
            b=b,
            a=a,
            n=n,
            per_pair=float(in_batch_duplicates(p, 2)),
            expected=float(in_batch_duplicates(p, b)),
            drawn=((counts * (counts - 1)).sum(1) / b).numpy(),
            distinct=(counts > 0).sum(1).numpy(),
            item_share=share.numpy()[upto],
            hit_share=(hits / hits[-1]).numpy()[upto],
        )

    def create(self, figure: Figure) -> SimpleNamespace:
        left, right = figure.subplots(1, 2)
        left.set(xscale="log", xlim=(1, 2e4), ylim=(-0.02, 1.3), yticks=[0, 0.25, 0.5, 0.75, 1])
        left.set_xticks([1, 10, 100, 1000, 10_000], ["1", "10", "100", "1,000", "10,000"])
        left.minorticks_off()
        left.set(xlabel="items up to rank, most frequent first", ylabel="share")
        left.set_title("Frequent items make the hits")
        right.set(xscale="log", xlim=(2, 8192), ylim=(-0.002, 1e4))
        right.set_yscale("symlog", linthresh=0.01, linscale=0.5)
        right.set_xticks([2, 32, 256, 2048, 8192], ["2", "32", "256", "2,048", "8,192"])
        right.set_yticks([0, 0.01, 0.1, 1, 10, 100, 1000], ["0", "0.01", "0.1", "1", "10", "100", "1,000"])
        right.minorticks_off()
        right.set(xlabel="B, rows in a batch", ylabel="accidental hits per anchor")
        right.set_title("Hits grow with the batch")
        right.plot(BS, np.array(BS) - 1, color=FAINT, ls="--", lw=1.5, label="all B − 1")
        artists = SimpleNamespace(
            items=left.plot(RANKS, RANKS, color=POSITIVE, label="of the rows")[0],
            hits=left.plot(RANKS, RANKS, color=FALSE_NEGATIVE, ls="--", label="of the hits")[0],
            expected=right.plot(BS, BS, color=INK, label="(B − 1) Σ p²")[0],
            drawn=right.scatter(
                [], [], s=36, color=FALSE_NEGATIVE, zorder=4, label=f"{DRAWS} batches", clip_on=False
            ),
        )
        left.legend(loc="upper center", ncols=2)
        right.legend(loc="upper left")
        return artists

    def draw(self, artists: Any, result: Hits) -> None:
        artists.items.set_ydata(result.item_share)
        artists.hits.set_ydata(result.hit_share)
        artists.expected.set_ydata((np.array(BS) - 1) * result.per_pair)
        artists.drawn.set_offsets([(result.b, hits) for hits in result.drawn])

    def summary(self, result: Hits) -> str:
        return (
            f"B = {result.b:,}, a = {number(result.a)}, N = {result.n:,}: {number(result.expected)} of the "
            f"{result.b - 1:,} in-batch negatives repeat the positive; drawn {number(result.drawn.min())} to "
            f"{number(result.drawn.max())}\n"
            f"different items in a batch: {result.distinct.min():,} to {result.distinct.max():,}; "
            f"share of the hits by the ten most frequent items: {number(result.head)}"
        )
