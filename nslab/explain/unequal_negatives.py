"""Negatives with different scores act like K equal ones at β_eff, which lies between their mean and their maximum."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..losses import info_nce
from ..theory import effective_margin, equal_negatives_loss
from ._controls import Control, integer_grid, linear_grid
from ._explainer import Explainer
from ._style import FAINT, FOCUS, HARD, INK, NEGATIVE, number

MOST = 1024
LOW, HIGH = -1.0, 2.5
ALPHAS = torch.linspace(LOW, HIGH, 141, dtype=torch.float64)
SPARSE = ALPHAS[::4]
TAUS = torch.logspace(-2, 1, 61, dtype=torch.float64)


@dataclass(frozen=True)
class Unequal:
    temperature: float
    k: int
    mean: float
    hardest: float
    effective: float
    exact: NDArray[np.float64]  # τL at SPARSE over the K scores
    middle: NDArray[np.float64]  # τL at ALPHAS, K equal scores at β_eff
    lower: NDArray[np.float64]  # at ALPHAS, K equal scores at the mean
    upper: NDArray[np.float64]  # at ALPHAS, K equal scores at the hardest
    curve: NDArray[np.float64]  # β_eff at TAUS
    scores: NDArray[np.float64]

    @property
    def threshold(self) -> float:
        """The score at which the positive has p₊ = 1/2."""
        return float(effective_margin(self.k, self.temperature, self.effective))


class UnequalNegatives(Explainer):
    """The exact loss over real negatives between the equal-negatives formula at their mean and at their maximum.

    `scores` (N,), N ≥ 1024: similarities in [−1, 1] of one anchor to its negatives. The spread pulls them together
    around the mean of the first K: 0 makes all equal, 1 leaves them as they are.
    """

    title = "One score that stands for all negatives, β_eff"
    size = (8.4, 3.6)
    tau = Control("τ", "temperature", linear_grid(0.01, 0.31, 101), start=0.1)
    k = Control("K", "negatives", integer_grid(2, MOST, 145), start=256)
    spread = Control("×", "spread of the scores", linear_grid(0, 1, 101), start=1.0)

    def __init__(self, scores: Any, **start: Any) -> None:
        self._scores = torch.as_tensor(scores, dtype=torch.float64)
        good = self._scores.dim() == 1 and len(self._scores) >= MOST and bool((self._scores.abs() <= 1).all())
        if not good:
            raise ValueError(f"scores must be one row of at least {MOST} cosines, got {scores!r}")
        super().__init__(**start)

    def compute(self, tau: float, k: int, spread: float) -> Unequal:
        scores = self._scores[:k]
        scores = torch.lerp(scores.mean(), scores, spread)
        mean, hardest = float(scores.mean()), float(scores.max())
        exact = info_nce(SPARSE, scores.expand(len(SPARSE), k), temperature=tau, reduction="none")
        effective = float(_effective_score(scores, torch.tensor([tau], dtype=torch.float64)))
        lower, middle, upper = (
            tau * torch.as_tensor(equal_negatives_loss(ALPHAS, beta, tau, k)).numpy()
            for beta in (mean, effective, hardest)
        )
        return Unequal(
            temperature=tau,
            k=k,
            mean=mean,
            hardest=hardest,
            effective=effective,
            exact=(tau * exact).numpy(),
            middle=middle,
            lower=lower,
            upper=upper,
            curve=_effective_score(scores, TAUS).numpy(),
            scores=scores.numpy(),
        )

    def create(self, figure: Figure) -> SimpleNamespace:
        left, right = figure.subplots(1, 2)
        left.set(xlim=(LOW, HIGH), ylim=(-0.3, 4), yticks=range(4))
        left.set(xlabel="score of the positive, α", ylabel="τ · loss (units of score)")
        left.set_title("The true loss lies between two formulas")
        means = (self._scores.cumsum(0) / torch.arange(1, len(self._scores) + 1))[1:MOST]
        low, high = float(means.min()), float(self._scores[:MOST].max())
        right.set(
            xscale="log",
            xlim=(0.01, 10),
            ylim=(low - 0.05, high + 0.3 * (high - low)),
            xlabel="temperature τ",
            ylabel="score",
        )
        right.set_title("β_eff: hardest at low τ, mean at high τ")
        artists = SimpleNamespace(
            rug=left.plot([], [], "|", color=NEGATIVE, ms=10, mew=0.8)[0],
            upper=left.plot(ALPHAS, ALPHAS, color=HARD, lw=1.5, ls="--", label="all at the hardest score")[0],
            middle=left.plot(ALPHAS, ALPHAS, color=INK)[0],
            exact=left.plot(SPARSE, SPARSE, "o", color=INK, ms=4)[0],
            lower=left.plot(ALPHAS, ALPHAS, color=NEGATIVE, lw=1.5, ls="--", label="all at the mean score")[
                0
            ],
            threshold=left.plot([], [], color=FOCUS, lw=1.5, ls=":", label="threshold β_eff + τ ln K")[0],
            hardest=right.axhline(0, color=HARD, lw=1.5, ls="--", label="hardest"),
            curve=right.plot(TAUS, TAUS, color=INK, label="β_eff")[0],
            mean=right.axhline(0, color=NEGATIVE, lw=1.5, ls="--", label="mean"),
            drop=right.plot([], [], color=FAINT, lw=1, zorder=0)[0],
            here=right.plot([], [], "o", color=INK, ms=8, zorder=4)[0],
        )
        both = (artists.middle, artists.exact)
        lines = {both: "exact (dots), all at β_eff (line)"}
        lines |= {line: str(line.get_label()) for line in (artists.upper, artists.lower, artists.threshold)}
        left.legend(lines.keys(), lines.values(), loc="upper right", handlelength=1.4, borderaxespad=0)
        right.legend(loc="upper right", ncols=3, borderaxespad=0)
        return artists

    def draw(self, artists: Any, result: Unequal) -> None:
        artists.rug.set_data(result.scores, np.full(result.k, -0.14))
        for name in ("upper", "middle", "exact", "lower", "curve"):
            getattr(artists, name).set_ydata(getattr(result, name))
        artists.threshold.set_data([result.threshold] * 2, [-0.3, 1.2])
        artists.hardest.set_ydata([result.hardest] * 2)
        artists.mean.set_ydata([result.mean] * 2)
        artists.drop.set_data([result.temperature] * 2, [-1, result.effective])
        artists.here.set_data([result.temperature], [result.effective])

    def summary(self, result: Unequal) -> str:
        return (
            f"τ = {number(result.temperature)}, K = {result.k:,}: mean = {number(result.mean)}, "
            f"β_eff = {number(result.effective)}, hardest = {number(result.hardest)}\n"
            f"threshold = {number(result.threshold)}; read from the mean alone it would be "
            f"{number(float(effective_margin(result.k, result.temperature, result.mean)))}"
        )


def _effective_score(scores: torch.Tensor, taus: torch.Tensor) -> torch.Tensor:
    """τ ln mean e^(s/τ) for each τ."""
    return taus * ((scores / taus[:, None]).logsumexp(-1) - np.log(len(scores)))
