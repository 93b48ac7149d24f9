"""How many of K random negatives still count at a temperature: the freezing of Derrida's Random Energy Model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from .._checks import as_float
from ..theory import softmax_entropy
from ._controls import Control, integer_grid, linear_grid
from ._explainer import Explainer
from ._style import FAINT, FOCUS, INK, NEGATIVE, number

KS = integer_grid(10, 32_768, 97)
TAUS = linear_grid(0.1, 1, 91)
BORDER = np.linspace(0.01, 1, 100)
DRAWS = 8
WIDEST = 70  # standard deviations between the extremes: exp(-70 / 0.1) is still above zero
NORMAL = "normal"


@dataclass(frozen=True)
class Crowd:
    entropy: NDArray[np.float64]  # H at each of KS (rows), in each draw (columns)
    counts: NDArray[np.float64]  # exp H at K, in each draw
    threshold: float  # T = τ ln Σ exp(s/τ) at K, mean over the draws

    @property
    def effective(self) -> float:
        """exp H at K: the geometric mean over the draws."""
        return float(np.exp(np.log(self.counts).mean()))


@dataclass(frozen=True)
class Freeze:
    tau: float
    k: int
    crowds: dict[str, Crowd]
    critical: float  # τ_c of K normal scores
    share: float  # ρ: the share of endless normal scores that counts at τ

    @property
    def limit(self) -> float:
        """T of K normal scores as K → ∞."""
        log_k = math.log(self.k)
        counting = self.tau * log_k + 1 / (2 * self.tau)
        return counting if self.tau > self.critical else math.sqrt(2 * log_k)


class Freezing(Explainer):
    """exp H of K random negatives against K, for normal and for real scores, and the border below which few count.

    `scores` maps one or two names to a pool of scores (N,) each, N ≥ 32,768; K of them are drawn without
    replacement, eight times. Scores and τ are in standard deviations of the pool, scores from its mean. The
    border lies at K = 1/ρ, with ρ = exp H / N the share of the pool that counts; for normal scores and K → ∞ that
    is τ_c = 1/√(2 ln K). Source: Derrida, Random-energy model, Physical Review B 1981.
    """

    title = "How many of K random negatives count, for normal and for real scores"
    tau = Control("τ", "temperature", TAUS, start=1.0, unit="sd")
    k = Control("K", "negatives", KS, start=10)

    def __init__(self, scores: Mapping[str, Any], *, seed: int = 0, **start: Any) -> None:
        if not 1 <= len(scores) <= 2 or NORMAL in scores:
            raise ValueError(f"scores must hold one or two pools, none named {NORMAL!r}, got {list(scores)}")
        generator = torch.Generator().manual_seed(seed)
        normal = torch.randn(KS[-1], DRAWS, dtype=torch.float64, generator=generator)
        self._draws = {NORMAL: normal.numpy()}
        self._borders = {}
        for name, given in scores.items():
            pool = _standardised(given, name)
            picks = [torch.randperm(len(pool), generator=generator)[: KS[-1]] for _ in range(DRAWS)]
            self._draws[name] = pool[torch.stack(picks, 1)].numpy()
            counting = torch.stack([softmax_entropy(pool, tau) for tau in BORDER.tolist()]).exp()
            self._borders[name] = (len(pool) / counting).numpy()
        super().__init__(**start)

    def compute(self, tau: float, k: int) -> Freeze:
        ks = np.union1d(KS, k)
        at, on_grid = int(np.searchsorted(ks, k)), np.isin(ks, KS)
        crowds = {}
        for name, scores in self._draws.items():
            threshold, entropy = _first(ks, scores, tau)
            crowds[name] = Crowd(entropy[on_grid], np.exp(entropy[at]), float(threshold[at].mean()))
        return Freeze(tau, k, crowds, float(_critical(k)), math.exp(-0.5 / tau**2))

    def create(self, figure: Figure) -> SimpleNamespace:
        plane, counts = figure.subplots(1, 2)
        looks = [{"color": INK, "zorder": 3}, {"color": NEGATIVE, "lw": 4}, {"color": NEGATIVE, "ls": "--"}]
        looks = dict(zip(self._draws, looks, strict=False))
        for axes in (plane, counts):
            axes.set(xscale="log", xlim=(8, 4e4), xlabel="K, negatives drawn")
        plane.set(ylim=(0, 1.4), yticks=[0, 0.25, 0.5, 0.75, 1], ylabel="τ, in sd of the scores")
        plane.set_title("Below its line only a few count")
        plane.text(150, 0.55, "a crowd counts")
        plane.text(12, 0.02, "a few count")
        counts.set(yscale="log", ylim=(0.8, 4e4), ylabel="effective negatives exp H")
        counts.set_title("The lower τ, the fewer count")
        counts.plot(KS, KS, color=FAINT, lw=1.2, label="all K")
        theory = counts.plot([], [], color=INK, lw=1.2, ls=":", label="normal, theory: K ρ")[0]
        plane.plot(KS, _critical(KS), label="normal: τ$_c$ = sd / √(2 ln K)", **looks[NORMAL])
        for name, border in self._borders.items():
            plane.plot(border, BORDER, label=name, **looks[name])
        plane.legend(loc="upper right")
        span = counts.fill_between(KS, KS, color=INK, alpha=0.15, lw=0, label=f"normal, {DRAWS} draws")
        counts.legend(loc="upper left")
        return SimpleNamespace(
            dot=plane.scatter([], [], s=60, color=FOCUS, zorder=4),
            line=counts.axvline(1, color=FOCUS, lw=1.2),
            theory=theory,
            span=span,
            curves={name: counts.plot(KS, KS, **look)[0] for name, look in looks.items()},
        )

    def draw(self, artists: Any, result: Freeze) -> None:
        artists.dot.set_offsets([(result.k, result.tau)])
        artists.line.set_xdata([result.k] * 2)
        artists.theory.set_data(KS, np.maximum(1, result.share * np.asarray(KS)))
        for name, crowd in result.crowds.items():
            artists.curves[name].set_ydata(np.exp(crowd.entropy.mean(1)))
        normal = result.crowds[NORMAL].entropy
        artists.span.set_data(KS, np.exp(normal.min(1)), np.exp(normal.max(1)))

    def summary(self, result: Freeze) -> str:
        lines = [
            f"τ = {number(result.tau)} sd, K = {result.k:,}: τ_c = {number(result.critical)} sd; in theory "
            f"Kρ = {number(result.k * result.share)}, T = {number(result.limit)} sd"
        ]
        for name, crowd in result.crowds.items():
            span = f"{number(crowd.counts.min())} to {number(crowd.counts.max())}"
            lines.append(f"{name}: exp H = {number(crowd.effective)} ({span}), T = {crowd.threshold:.4g} sd")
        return "\n".join(lines)


def _critical(k: Any) -> NDArray[np.float64]:
    """τ_c in standard deviations, for K normal scores."""
    return 1 / np.sqrt(2 * np.log(k))


def _standardised(scores: Any, name: str) -> Tensor:
    pool = as_float(scores, f"scores[{name!r}]").double()
    if pool.dim() != 1 or len(pool) < KS[-1]:
        raise ValueError(
            f"scores[{name!r}] must be one row of at least {KS[-1]} scores, got shape {tuple(pool.shape)}"
        )
    sd = pool.std(correction=0)
    if not float(pool.max() - pool.min()) <= WIDEST * float(sd) or float(sd) == 0:
        raise ValueError(
            f"scores[{name!r}] must differ, by at most {WIDEST} standard deviations, "
            f"got {pool.min():.4g} to {pool.max():.4g} with standard deviation {sd:.4g}"
        )
    return (pool - pool.mean()) / sd


def _first(
    ks: NDArray[np.int64], scores: NDArray[np.float64], tau: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """T = τ ln Σ exp(s/τ) and the entropy of the softmax over the first K scores of each column, K in `ks`."""
    starts = np.concatenate([[0], ks[:-1]])
    drops = (scores - scores.max()) / tau
    weights = np.exp(drops)
    total = np.add.reduceat(weights, starts).cumsum(0)
    mean = np.add.reduceat(weights * drops, starts).cumsum(0) / total
    return scores.max() + tau * np.log(total), np.log(total) - mean
