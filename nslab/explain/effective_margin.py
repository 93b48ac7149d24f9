"""InfoNCE against K equal negatives: a soft hinge with a threshold for α and a margin on the gap α − β."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..losses import info_nce
from ..theory import effective_margin, equal_negatives_loss, linear_loss
from ._controls import Control, integer_grid, linear_grid
from ._explainer import Explainer
from ._style import FAINT, FOCUS, INK, NEGATIVE, POSITIVE, number

LOW, HIGH = -0.4, 1.7
ALPHAS = torch.linspace(LOW, HIGH, 211, dtype=torch.float64)
SPARSE = ALPHAS[::10]
GAP = 0.4  # of the marked positive over the negatives
WIDTH = 2 * math.log(9)  # from a pull of 90 % to one of 10 %, in units of τ


@dataclass(frozen=True)
class Margin:
    k: int
    temperature: float
    beta: float
    exact: NDArray[np.float64]  # τL at SPARSE, over K scores β
    soft: NDArray[np.float64]  # τL at ALPHAS, the softplus formula
    pull: NDArray[np.float64]  # 1 − p₊ at ALPHAS
    threshold: float
    margin: float
    loss: float  # L of the positive at β + GAP, nats
    line: float  # its linear piece

    @property
    def pull_here(self) -> float:
        """1 − p₊ of the marked positive."""
        return -math.expm1(-self.loss)


class EffectiveMargin(Explainer):
    """Exact, softplus and linear InfoNCE against α, in units of score: τL, whose linear piece has slope −1."""

    title = "The margin hidden in InfoNCE: loss and pull against the positive's score"
    size = (8.4, 3.6)
    k = Control("K", "negatives", integer_grid(1, 4096, 145), start=256)
    tau = Control("τ", "temperature", linear_grid(0.01, 0.16, 121), start=0.07)
    beta = Control("β", "score of the negatives", linear_grid(-0.3, 0.3, 121), start=0.1)

    def compute(self, k: int, tau: float, beta: float) -> Margin:
        negatives = torch.full((1, 1), beta, dtype=torch.float64).expand(len(SPARSE), k)
        soft = torch.as_tensor(equal_negatives_loss(ALPHAS, beta, tau, k))
        return Margin(
            k=k,
            temperature=tau,
            beta=beta,
            exact=(tau * info_nce(SPARSE, negatives, temperature=tau, reduction="none")).numpy(),
            soft=(tau * soft).numpy(),
            pull=-torch.expm1(-soft).numpy(),
            threshold=float(effective_margin(k, tau, beta)),
            margin=float(effective_margin(k, tau)),
            loss=float(equal_negatives_loss(beta + GAP, beta, tau, k)),
            line=float(linear_loss(beta + GAP, beta, tau, k)),
        )

    def create(self, figure: Figure) -> SimpleNamespace:
        left, right = figure.subplots(1, 2, width_ratios=[1.15, 1])
        for ax in (left, right):
            ax.set(xlim=(LOW, HIGH), xticks=[0, 0.5, 1, 1.5], xlabel="score of the positive, α")
            beyond = ax.axvspan(1, HIGH, color=FAINT, alpha=0.25, lw=0)
        beyond.set_label("out of reach of a cosine")
        left.set(ylim=(-0.06, 2.1), yticks=[0, 0.5, 1, 1.5, 2], ylabel="τ · loss (units of score)")
        left.set_title("InfoNCE is a rounded hinge")
        right.set(ylim=(-0.16, 1.62), yticks=[0, 0.5, 1], ylabel="pull on the positive, 1 − p₊")
        right.set_title("At the threshold half the pull is left")
        right.axhline(0.5, color=FAINT, lw=1, zorder=0)
        artists = SimpleNamespace(
            line=left.plot([], [], color=FOCUS, lw=1.5, ls="--", label="line β + τ ln K − α, or 0")[0],
            soft=left.plot(ALPHAS, ALPHAS, color=INK, label="softplus formula")[0],
            exact=left.plot(SPARSE, SPARSE, "o", color=NEGATIVE, ms=4.5, label="exact, K scores β")[0],
            here=[ax.plot([], [], "D", color=POSITIVE, ms=7, zorder=4)[0] for ax in (left, right)],
            threshold=[ax.plot([], [], color=INK, lw=1.5, ls=":")[0] for ax in (left, right)],
            pull=right.plot(ALPHAS, ALPHAS, color=INK)[0],
            margin=right.plot([], [], "|-", color=FOCUS, lw=3, ms=10, mew=2, label="margin τ ln K")[0],
            width=right.plot([], [], "|-", color=INK, lw=1.5, ms=8, label="90 % to 10 %: 2 τ ln 9")[0],
        )
        artists.here[0].set_label(f"a positive at β + {GAP}")
        artists.threshold[1].set_label("threshold β + τ ln K")
        left.legend(loc="upper right")
        right.legend(loc="upper right", labelspacing=0.25, borderaxespad=0)
        return artists

    def draw(self, artists: Any, result: Margin) -> None:
        edge, tau = result.threshold, result.temperature
        artists.line.set_data([LOW, edge, HIGH + 1], [edge - LOW, 0, 0])
        artists.soft.set_ydata(result.soft)
        artists.exact.set_ydata(result.exact)
        artists.pull.set_ydata(result.pull)
        for mark, height in zip(artists.here, (tau * result.loss, result.pull_here), strict=True):
            mark.set_data([result.beta + GAP], [height])
        for line in artists.threshold:
            line.set_data([edge, edge], [-0.2, 1])
        artists.margin.set_data([result.beta, edge], [-0.09, -0.09])
        artists.width.set_data([edge - WIDTH * tau / 2, edge + WIDTH * tau / 2], [0.5, 0.5])

    def summary(self, result: Margin) -> str:
        return (
            f"K = {result.k:,}, τ = {number(result.temperature)}, β = {number(result.beta)}: "
            f"threshold β + τ ln K = {number(result.threshold)}, margin τ ln K = {number(result.margin)}\n"
            f"positive at β + {GAP} = {number(result.beta + GAP)}: loss = {number(result.loss)} nats "
            f"(line {number(result.line)}), pull 1 − p₊ = {number(result.pull_here)}"
        )
