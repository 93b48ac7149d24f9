"""A motif learned against k random words a site, exactly, beside the log-odds of its columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ._controls import Control, integer_grid, linear_grid
from ._explainer import Explainer
from ._style import FAINT, FOCUS, INK, POSITIVE, number

LETTERS = "ACGT"
KS = integer_grid(1, 10_000, 91)
MIX = linear_grid(0, 1, 61)
LONGEST = 6


@dataclass(frozen=True)
class Motif:
    k: int
    mix: float
    weights: NDArray[np.float64]  # (width, 4), each row's mean 0
    log_odds: NDArray[np.float64]  # (width, 4), the same way
    score: NDArray[np.float64]  # ln p/q that the fit gives each different site
    pull: NDArray[np.float64]  # σ(−G) of each, G = score − ln k
    mean_pull: float  # over the sites

    @property
    def slope(self) -> float:
        """The weights over the log-odds, by least squares through 0."""
        return float((self.weights * self.log_odds).sum() / (self.log_odds**2).sum())

    @property
    def gap(self) -> float:
        """Root mean square difference."""
        return float(np.sqrt(((self.weights - self.log_odds) ** 2).mean()))


class MotifWeights(Explainer):
    """NCE with one weight for each letter in each column; every word of that length is counted, none is drawn.

    `sites`: words of 2 to 6 letters ACGT, all as long; noise is uniform. One pseudo-site of noise keeps every weight
    finite. `mix` blends the sites with independent columns of the same letters.
    """

    title = "A motif's weights against k random words a site"
    k = Control("k", "negatives a site", KS, start=1)
    mix = Control("m", "share of independent columns", MIX, start=0.0)

    def __init__(self, sites: Sequence[str], **start: Any) -> None:
        width = len(sites[0]) if len(sites) else 0
        if not 2 <= width <= LONGEST:
            raise ValueError(f"sites must have 2 to {LONGEST} letters, got {width}")
        for site in sites:
            if len(site) != width or not set(site) <= set(LETTERS):
                raise ValueError(f"sites must be words of {width} letters {LETTERS}, got {site!r}")
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
        columns = np.einsum("w,wjb->jb", self._real, ones)
        self._product = np.take_along_axis(columns, digits.T, axis=1).prod(0)
        log_odds = np.log(columns / 0.25)
        self._log_odds = log_odds - log_odds.mean(1, keepdims=True)
        self._start = np.append(self._log_odds[:, :3].ravel(), (log_odds - self._log_odds)[:, 0].sum())
        super().__init__(**start)

    def compute(self, k: int, mix: float) -> Motif:
        w = self._fit(k, (1 - mix) * self._real + mix * self._product)
        table = w[:-1].reshape(-1, 3)
        score = (self._design @ w).ravel()[self._seen]
        pull = 1 / (1 + np.exp(score) / k)
        return Motif(
            k=k,
            mix=mix,
            weights=np.column_stack([table, -table.sum(1)]),
            log_odds=self._log_odds,
            score=score,
            pull=pull,
            mean_pull=float(pull @ self._shares),
        )

    def _fit(self, k: int, data: NDArray[np.float64]) -> NDArray[np.float64]:
        """Newton's method from the log-odds; the score is w, the logit that tells data from noise is w − ln k."""
        design, data = self._design, data.reshape(self._design.shape[:2])
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

    def create(self, figure: Figure) -> SimpleNamespace:
        left, right = figure.subplots(1, 2)
        ends = [self.compute(k, mix) for k in (KS[0], 30, KS[-1]) for mix in (0, 1)]
        values = np.concatenate([self._log_odds.ravel(), *(end.weights.ravel() for end in ends)])
        limits = (values.min() - 0.3, values.max() + 0.3)
        left.set(
            xlim=limits, ylim=limits, xlabel="log-odds ln f/q of a letter in its column", ylabel="its weight"
        )
        left.plot(limits, limits, color=FAINT, lw=1, zorder=0)
        left.set_title("A large k leads to the log-odds")
        low, high = min(end.score.min() for end in ends) - 0.5, max(end.score.max() for end in ends) + 0.5
        right.set(
            xlim=(low, high),
            ylim=(-0.04, 1.04),
            xlabel="score of a site, ln p/q",
            ylabel="pull σ(ln k − score)",
        )
        right.set_title("Strong sites pull less")
        self._line = np.linspace(low, high, 121)
        return SimpleNamespace(
            dots=left.plot(self._log_odds.ravel(), self._log_odds.ravel(), "o", color=FOCUS, ms=6, zorder=3)[
                0
            ],
            curve=right.plot(self._line, self._line, color=INK, lw=1.2)[0],
            sites=right.scatter(
                self._seen,
                self._seen,
                s=8 + 900 * self._shares,
                color=POSITIVE,
                alpha=0.6,
                zorder=3,
                clip_on=False,
            ),
        )

    def draw(self, artists: Any, result: Motif) -> None:
        artists.dots.set_ydata(result.weights.ravel())
        artists.curve.set_ydata(1 / (1 + np.exp(self._line) / result.k))
        artists.sites.set_offsets(np.column_stack([result.score, result.pull]))

    def summary(self, result: Motif) -> str:
        return (
            f"k = {result.k:,}, m = {number(result.mix)}: weights = {number(result.slope)} × log-odds on average, "
            f"{number(round(result.gap, 6))} apart (root mean square)\n"
            f"a site pulls with {number(result.mean_pull)} of its full strength"
        )
