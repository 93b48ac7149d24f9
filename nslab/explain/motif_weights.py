"""A motif learned against k random words per site, exactly, and where it reads DNA.

It is drawn as a logo beside the counted one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nslab.explain._base import (
    Axis,
    Band,
    Control,
    Explainer,
    Handle,
    Line,
    Note,
    Panel,
    Stage,
    Words,
    integer_grid,
    linear_grid,
    number,
)

LETTERS = "ACGT"
COLORS = "positive", "anchor", "semi_hard", "hard"
KS = integer_grid(1, 10_000, 91)
MIX = linear_grid(0, 1, 61)
LONGEST = 6
MOST = 512  # places of the window
BIT = 0.36  # of the panel's height
CAPITAL = 0.72  # a capital letter's height beside its font's
LEAST = 0.034  # of the panel's height: lower letters are left out
ROWS = {"counted": 0.55, "learned": 0.05}  # where the logos stand


@dataclass(frozen=True)
class Motif:
    k: int
    mix: float
    weights: NDArray[np.float64]  # (width, 4), each row's mean 0
    log_odds: NDArray[np.float64]  # (width, 4), the same way
    score: NDArray[np.float64]  # ln p/q that the fit gives each different site
    pull: NDArray[np.float64]  # σ(−G) of each, G = score − ln k
    mean_pull: float  # over the sites
    place: int  # of the window on the DNA, from 0
    profile: NDArray[np.float64]  # score of the window at each place

    @property
    def slope(self) -> float:
        """The weights over the log-odds, by least squares through 0."""
        return float((self.weights * self.log_odds).sum() / (self.log_odds**2).sum())

    @property
    def gap(self) -> float:
        """Root mean square difference."""
        return float(np.sqrt(((self.weights - self.log_odds) ** 2).mean()))


class MotifWeights(Explainer):
    """NCE with one weight for each letter in each column.

    Every word of that length is counted; none is drawn.

    `sites`: words of 2 to 6 letters ACGT, all as long; noise is uniform. One pseudo-site of noise keeps
    every weight finite. `mix` blends the sites with independent columns of the same letters. `dna`: letters
    ACGT that a window slides over, its places numbered from 1; `columns`: where in the window the words'
    letters stand, ascending from 0.
    """

    question = "Where do the weights go as K grows?"
    title = "The larger K, the closer the learned logo comes to the counted one"
    k = Control("K", "negatives per site", KS, start=1, play=True)
    mix = Control("mix", "1: independent columns", MIX, start=0.0)
    place = Control("", "place of the window", [str(1 + i) for i in range(MOST)], start="1", play=True)

    def __init__(self, sites: Sequence[str], dna: str, columns: Sequence[int], **start: Any) -> None:
        width = len(sites[0]) if len(sites) else 0
        if not 2 <= width <= LONGEST:
            raise ValueError(f"sites must have 2 to {LONGEST} letters, got {width}")
        for site in sites:
            if len(site) != width or not set(site) <= set(LETTERS):
                raise ValueError(f"sites must be words of {width} letters {LETTERS}, got {site!r}")
        self._dna, self._columns = dna, list(columns)
        if len(columns) != width or columns[0] != 0 or sorted(set(columns)) != self._columns:
            raise ValueError(f"columns must be {width} ascending places from 0, got {self._columns}")
        if len(dna) <= columns[-1] + 1 or not set(dna) <= set(LETTERS):
            raise ValueError(f"dna must be letters {LETTERS}, more than {columns[-1] + 1}, got {dna!r}")
        if len(dna) - columns[-1] > MOST:
            raise ValueError(f"dna must have room for at most {MOST} windows, got {len(dna) - columns[-1]}")
        powers = 4 ** np.arange(width)[::-1]
        digits = np.arange(4**width)[:, None] // powers % 4
        ones = np.eye(4)[digits]
        self._noise = 0.25**width
        design = np.column_stack([(ones[..., :3] - ones[..., 3:]).reshape(4**width, -1), np.ones(4**width)])
        # in blocks, each too small a product for a linear algebra library to start threads over it
        self._design = design.reshape(-1, min(256, 4**width), design.shape[1])
        ids = [
            sum(LETTERS.index(c) * int(power) for c, power in zip(site, powers, strict=True))
            for site in sites
        ]
        counts = np.bincount(ids, minlength=4**width)
        self._seen = np.flatnonzero(counts)
        self._shares = counts[self._seen] / len(sites)
        self._real = (counts + self._noise) / (len(sites) + 1)
        shares = np.einsum("w,wjb->jb", self._real, ones)
        self._product = np.take_along_axis(shares, digits.T, axis=1).prod(0)
        log_odds = np.log(shares / 0.25)
        self._log_odds = log_odds - log_odds.mean(1, keepdims=True)
        self._start = np.append(self._log_odds[:, :3].ravel(), (log_odds - self._log_odds)[:, 0].sum())
        places = np.arange(len(dna) - self._columns[-1])
        self._read = np.array([LETTERS.index(c) for c in dna])[places[:, None] + self._columns]
        self._fitted = lru_cache(2048)(self._fit)
        super().__init__(**({"place": self.declared()["place"].start} | start))

    def declared(self) -> dict[str, Control]:
        """The window starts two thirds along the DNA."""
        places = [str(1 + i) for i in range(len(self._read))]
        place = Control(
            "", "place of the window", places, start=places[round(0.6833 * (len(places) - 1))], play=True
        )
        place.name = "place"
        return super().declared() | {"place": place}

    def compute(self, k: int, mix: float, place: str) -> Motif:
        w = self._fitted(k, mix)
        table = w[:-1].reshape(-1, 3)
        score = (self._design @ w).ravel()[self._seen]
        pull = 1 / (1 + np.exp(score) / k)
        weights = np.column_stack([table, -table.sum(1)])
        profile = weights[np.arange(len(weights)), self._read].sum(1) + w[-1]
        return Motif(
            k=k,
            mix=mix,
            weights=weights,
            log_odds=self._log_odds,
            score=score,
            pull=pull,
            mean_pull=float(pull @ self._shares),
            place=int(place) - 1,
            profile=profile,
        )

    def _fit(self, k: int, mix: float) -> NDArray[np.float64]:
        """Newton's method from the log-odds.

        The score is w; the logit of data against noise is w − ln k.
        """
        design = self._design
        data = ((1 - mix) * self._real + mix * self._product).reshape(design.shape[:2])
        w, noise = self._start, k * self._noise
        for _ in range(12):
            ratio = np.exp(design @ w) / k
            is_data = ratio / (1 + ratio)
            gradient = np.matmul((data - (data + noise) * is_data)[:, None], design).sum((0, 1))
            curvature = (data + noise) * is_data / (1 + ratio)
            bend = np.matmul((design * curvature[..., None]).swapaxes(1, 2), design).sum(0)
            step = np.linalg.solve(bend, gradient)
            w = np.asarray(w + step, dtype=np.float64)
            if np.abs(step).max() < 1e-6:  # the next step would be its square
                break
        return w

    def stage(self) -> Stage:
        width, span = len(self._columns), self._columns[-1] + 1
        ends = [self.compute(k, mix, "1").profile for k in (KS[0], 30, KS[-1]) for mix in (0, 1)]
        low, high = min(map(np.min, ends)) - 1, max(map(np.max, ends)) + 1
        ground = low - 0.2 * (high - low)
        self._middles = np.arange(len(self._dna)) - (span - 1) / 2  # of the letters, where windows go from 0
        gaps = np.cumsum(np.diff(self._columns, prepend=-1) > 1) / 2
        letters: dict[str, Any] = {
            "words": list(LETTERS) * width, "x": np.repeat(np.arange(width) + 0.5 + gaps, 4),
            "scale": BIT / CAPITAL,
            "roles": COLORS,
            "tips": [f"{letter} in column {j + 1}" for j in range(width) for letter in LETTERS],
            "shows": {"share": "value"},
        }  # fmt: skip
        x = np.repeat(np.arange(span + 1), 2)[1:-1]
        high_band = np.repeat(np.isin(np.arange(span), self._columns), 2)
        self._window = x - span / 2
        return Stage(
            panels={
                "logo": Panel(
                    "The motif: a letter’s height is its information",
                    Axis("", -0.25, width + gaps[-1], ticks={}),
                    Axis("", 0, 1, ticks={base + 0.12: row for row, base in ROWS.items()}),
                ),
                "dna": Panel(
                    "DNA, and the learned score of a window at each place",
                    Axis("", self._middles[0] - 0.5, self._middles[-1] + 0.5, ticks={}),
                    Axis("score of the window, ln p/q", ground, high,
                        ticks={n: str(n) for n in range(-10, 11, 5) if low < n < high}),
                    share=1.2,
                ),
            },
            marks={
                "counted": Words("logo", **letters),
                "learned": Words("logo", **letters),
                "window": Band("dna", "focus", low=[ground] * len(x),
                    high=ground + high_band * 0.14 * (high - low)),
                "letters": Words(
                    "dna", words=list(self._dna), x=self._middles,
                    y=[ground + 0.07 * (high - low)] * len(self._dna),
                    roles=["focus"], scale=0.045,
                ),
                "profile": Line("dna", "ink", x=np.arange(len(self._read))),
                "here": Handle("dna", along={"x": "place"}),
                "label": Note("dna", x=[self._middles[0]], y=[high - 0.09 * (high - low)]),
            },
            key=dict(zip(COLORS, LETTERS, strict=True)),
        )  # fmt: skip

    def scene(self, result: Motif) -> dict[str, dict[str, Any]]:
        score = result.profile[result.place]
        inside = np.isin(np.arange(len(self._dna)) - result.place, self._columns)
        return {
            "counted": _logo(result.log_odds, ROWS["counted"]),
            "learned": _logo(result.weights, ROWS["learned"]),
            "window": {"x": self._window + result.place},
            "letters": {"role": np.where(inside, "focus", "ink")},
            "profile": {"y": result.profile},
            "here": {"x": result.place, "y": score},
            "label": {
                "text": (
                    f"score {score:.2f}: pulls at {1 / (1 + np.exp(score) / result.k):.2g} of full strength"
                )
            },
        }

    def summary(self, result: Motif) -> str:
        return (
            f"K = {result.k:,}, mix = {number(result.mix)}: the learned weights are {number(result.slope)}"
            f" times the counted ones on average, {number(round(result.gap, 6))} away from them (root mean"
            f" square)\na site pulls with {number(result.mean_pull)} of its full strength"
        )


def _logo(weights: NDArray[np.float64], base: float) -> dict[str, Any]:
    """Letters stacked by their shares q e^w in each column.

    A letter's height is its part of the column's information.
    """
    shares = np.exp(weights) / np.exp(weights).sum(1, keepdims=True)
    heights = BIT * shares * (2 + (shares * np.log2(shares)).sum(1, keepdims=True))
    order = heights.argsort(1)
    tops = np.take_along_axis(np.take_along_axis(heights, order, 1).cumsum(1), order.argsort(1), 1)
    size = np.where(heights >= LEAST, (heights / BIT) ** 2, np.nan)
    role = COLORS * len(weights)
    return {
        "y": (base + tops - heights / 2).ravel(),
        "size": size.ravel(),
        "role": role,
        "value": shares.ravel(),
    }
