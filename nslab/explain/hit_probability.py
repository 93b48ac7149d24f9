"""A hundred people draw negatives until one is hard: how many have one after K draws, and how many should."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nslab.explain._base import (
    Axis,
    Control,
    Explainer,
    Handle,
    Line,
    Note,
    Panel,
    Rule,
    Stage,
    Steps,
    decade_grid,
    integer_grid,
    items,
    number,
)
from nslab.theory import hit_probability, smallest_k, smallest_k_finite

KS = np.array(integer_grid(1, 10_000, 121))
PEOPLE = 100
POOLS = {"endless": None, "10,000": 10_000, "1,000": 1000, "100": 100, "10": 10}
QUARTERS = {t: f"{t:g}" for t in (0, 0.25, 0.5, 0.75, 1)}
ROW, COLUMN = np.divmod(np.arange(PEOPLE), 10)


@dataclass(frozen=True)
class Hits:
    k: int
    rho: float
    pool: int | None  # None: endless
    hard: int | None  # how many of the pool are hard
    endless: NDArray[np.float64]  # P at each of KS, draws from an endless pool
    chances: NDArray[np.float64]  # the same for this pool; nan where K is larger than the pool
    chance: float  # P at K
    enough: int | None  # the smallest K with P ≥ q; None: no K has it
    first: NDArray[np.float64]  # at which draw each of the people gets a hard one; infinity: never

    @property
    def found(self) -> int:
        """How many people have a hard one after K draws."""
        return int((self.first <= self.k).sum())


class HitProbability(Explainer):
    """A hundred people draw until a negative is hard, beside the probability of a hit in K draws.

    Endless pool: independent draws, each hard with probability ρ. Finite pool: N items, round(ρN) of them
    hard, none drawn twice; where ρN rounds to 0 the pool has no hard negative and no K finds one. `easy`
    and `hard` (any number, height, width), in [0, 1], are pictures of what is drawn; without them balls
    are. `q` is the wanted probability.
    """

    question = "How many draws until one is hard?"
    title = "Misses multiply: 3/ρ draws find a hard negative 95 times in 100"
    k = Control("K", "draws", integer_grid(1, 10_000, 121), start=22, play=True)
    rho = Control("ρ", "share of hard ones", decade_grid(0.001, 0.5), start=0.01)
    pool = Control("N", "items in the pool", list(POOLS), start="endless")

    def __init__(
        self, easy: Any = None, hard: Any = None, *, q: float = 0.95, seed: int = 3, **start: Any
    ) -> None:
        if (easy is None) != (hard is None):
            raise ValueError("easy and hard must be given together, got one of them")
        if not 0 < q < 1:
            raise ValueError(f"q must lie between 0 and 1, got {q!r}")
        self._q = q
        self._pictures = None if easy is None else np.concatenate([np.asarray(easy), np.asarray(hard)])
        self._easy = 1 if easy is None else len(easy)
        self._kinds = 2 if self._pictures is None else len(self._pictures)
        rng = np.random.default_rng(seed)
        self._luck = rng.random(PEOPLE)
        self._order = rng.integers(0, 10_000, (2, PEOPLE))
        super().__init__(**start)

    def compute(self, k: int, rho: float, pool: str) -> Hits:
        endless = np.asarray(hit_probability(rho, KS))
        size = POOLS[pool]
        if size is None:
            misses = np.log1p(-self._luck) / np.log1p(-rho)
            return Hits(
                k=k,
                rho=rho,
                pool=None,
                hard=None,
                endless=endless,
                chances=endless,
                chance=float(hit_probability(rho, k)),
                enough=smallest_k(rho, self._q),
                first=np.ceil(misses),
            )
        hard = round(rho * size)
        finite = _without_replacement(size, hard)
        first = np.searchsorted(finite, self._luck).astype(float)
        return Hits(
            k=k,
            rho=rho,
            pool=size,
            hard=hard,
            endless=endless,
            chances=np.where(size >= KS, finite[np.minimum(KS, size)], np.nan),
            chance=float(finite[min(k, size)]),
            enough=smallest_k_finite(size, hard, self._q) if hard else None,
            first=np.where(first <= size, first, np.inf),
        )

    def stage(self) -> Stage:
        draws = Axis("draws K", 1, 10_000, log=True)
        return Stage(
            panels={
                "people": Panel("A hundred people draw, each until one is hard", square=True),
                "chance": Panel(
                    "How many of them have a hard one",
                    draws,
                    Axis("probability of a hit", 0, 1.04, ticks=QUARTERS),
                    share=1.3,
                ),
            },
            marks={
                "people": items(
                    "people",
                    "negative",
                    pictures=self._pictures,
                    scale=0.085,
                    dot=0.07,
                    x=(COLUMN + 0.5) / 10,
                    y=1 - (ROW + 0.5) / 10,
                    roles=("hard",),
                ),
                "wanted": Rule("chance", "ink", at=[self._q]),
                "expected": Line("chance", "faint", x=KS, dashed=True),
                "endless": Line("chance", "anchor", x=KS, dashed=True),
                "share": Steps("chance", "hard", x=KS),
                "chances": Line("chance", "ink", x=KS),
                "here": Handle("chance", along={"x": "k"}),
                "label": Note("chance", "hard", x=[9500], y=[0.2], align="end", big=True),
                "probability": Note("chance", "ink", x=[9500], y=[0.13], align="end"),
                "enough": Note("chance", "ink", x=[9500], y=[0.06], align="end"),
            },
            key={
                "negative": "still drawing",
                "hard": "has a hard one",
                "ink": "probability",
                "anchor": "in an endless pool",
                "faint": "Kρ, hits to expect",
            },
        )

    def scene(self, result: Hits) -> dict[str, dict[str, Any]]:
        drawn = result.k >= KS
        found = result.first <= result.k
        drawing, kept = (self._order + np.array([[result.k], [0]])) % [
            [self._easy],
            [self._kinds - self._easy],
        ]
        shares = (result.first[:, None] <= KS).mean(0)
        finite = drawn & (result.pool is not None)
        people = {"role": np.where(found, "hard", "negative")}
        if self._pictures is not None:
            people["which"] = np.where(found, self._easy + kept, drawing)
        return {
            "people": people,
            "expected": {"y": np.where(drawn & (KS * result.rho <= 1), KS * result.rho, np.nan)},
            "endless": {"y": np.where(finite, result.endless, np.nan)},
            "share": {"y": np.where(drawn, shares, np.nan)},
            "chances": {"y": np.where(drawn, result.chances, np.nan)},
            "here": {"y": result.chance},
            "label": {"text": f"{result.found} of {PEOPLE}"},
            "probability": {"text": f"P = {result.chance:.3g}"},
            "enough": {"text": self._enough(result)},
        }

    def _enough(self, result: Hits) -> str:
        if result.enough is None:
            return "none of the pool is hard"
        if result.enough > result.k:
            return ""
        return f"{self._q:g} from K = {result.enough:,}"

    def summary(self, result: Hits) -> str:
        items = (
            "endless pool" if result.pool is None else f"pool of {result.pool:,} items, {result.hard:,} hard"
        )
        return (
            f"ρ = {number(result.rho)}, {items}: K = {result.k:,} draws hit with P ="
            f" {number(result.chance)}\n{result.found} of {PEOPLE} people have a hard one; Kρ ="
            f" {number(result.k * result.rho)}"
        )


def _without_replacement(pool: int, hard: int) -> NDArray[np.float64]:
    """P(at least one of `hard` among K of `pool` items) for K = 0 … pool, each draw without replacement."""
    misses = pool - hard
    left = pool - np.arange(misses)  # items left before each draw, all misses so far
    miss = np.cumprod(1 - hard / left)
    return np.concatenate([[0.0], 1 - miss, np.ones(hard)])
