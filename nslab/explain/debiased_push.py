"""The debiased loss: how hard each anchor pushes its negatives, and which of them it pushes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from .._checks import as_float
from ..losses import debiased_info_nce, info_nce
from ._controls import Control, linear_grid
from ._explainer import Explainer
from ._style import FAINT, FALSE_NEGATIVE, FOCUS, INK, number

MEANS = np.geomspace(1e-4, 1e2, 241)


@dataclass(frozen=True)
class Pushes:
    tau: float
    rho: float
    means: NDArray[np.float64]  # per anchor: mean weight of a negative, where the positive's is 1
    plain: NDArray[np.float64]  # per anchor: InfoNCE's push on all its negatives, τ Σ_j ∂L/∂s_j
    debiased: NDArray[np.float64]  # the same for the debiased loss
    plain_false: NDArray[np.float64]  # the part of that push that falls on false negatives, from 0 to 1
    debiased_false: NDArray[np.float64]  # the same for the debiased loss; NaN where an anchor pushes nobody
    at: NDArray[np.float64]  # mean weights at which `curve` is given
    curve: NDArray[np.float64]  # push of the debiased loss there, 0 below the floor

    @property
    def silent(self) -> int:
        """Anchors that push nobody: their estimate lies on the floor."""
        return int((self.debiased == 0).sum())


class DebiasedPush(Explainer):
    """`pos` (A,): cosine of each anchor to its positive; `neg` (A, K): to its negatives; `false` (A, K): which are false."""

    title = "The debiased loss: how hard an anchor pushes, and whom"
    tau = Control("τ", "temperature", linear_grid(0.1, 1, 91), start=0.5)
    rho = Control("π", "assumed false share", linear_grid(0, 0.3, 61), start=0.1)

    def __init__(self, pos: Any, neg: Any, false: Any, **start: Any) -> None:
        self._pos, neg = as_float(pos, "pos").double(), as_float(neg, "neg").double()
        self._false = torch.as_tensor(false, dtype=torch.bool)
        if neg.dim() != 2 or self._pos.shape != neg.shape[:1] or self._false.shape != neg.shape:
            shapes = ", ".join(str(tuple(x.shape)) for x in (self._pos, neg, self._false))
            raise ValueError(f"pos, neg and false must be (A,), (A, K) and (A, K), got {shapes}")
        self._neg = neg
        share = self._share(self._gradient(info_nce, 0.2), self._false)
        order = share.argsort(descending=True)  # anchors, the worst first
        self._pos, self._neg, self._false = self._pos[order], self._neg[order], self._false[order]
        super().__init__(**start)

    def _gradient(self, loss: Callable[..., Tensor], tau: float, **more: float) -> Tensor:
        neg = self._neg.clone().requires_grad_()
        total = loss(self._pos, neg, temperature=tau, reduction="sum", **more)
        return tau * torch.autograd.grad(total, neg)[0]

    @staticmethod
    def _share(push: Tensor, false: Tensor) -> Tensor:
        return (push * false).sum(1) / push.sum(1)

    def compute(self, tau: float, rho: float) -> Pushes:
        k = self._neg.shape[1]
        plain, debiased = (
            self._gradient(info_nce, tau),
            self._gradient(debiased_info_nce, tau, positive_rate=rho),
        )
        at = np.sort(np.concatenate([MEANS, rho + np.geomspace(1e-9, 0.1, 33)])) if rho else MEANS
        weight, above = k * at, at - rho > 0
        c = 1 - rho * (k + 1)
        return Pushes(
            tau=tau,
            rho=rho,
            means=((self._neg - self._pos[:, None]) / tau).exp().mean(1).numpy(),
            plain=plain.sum(1).numpy(),
            debiased=debiased.sum(1).numpy(),
            plain_false=self._share(plain, self._false).numpy(),
            debiased_false=self._share(debiased, self._false).numpy(),
            at=at,
            curve=np.where(above, weight / np.where(above, c + weight, 1), 0.0),
        )

    def create(self, figure: Figure) -> SimpleNamespace:
        left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
        k = self._neg.shape[1]
        left.set(xscale="log", xlim=(MEANS[0], MEANS[-1]))
        left.set_xticks([1e-4, 1e-2, 1, 100], ["0.0001", "0.01", "1", "100"])
        left.minorticks_off()
        left.set_yscale("symlog", linthresh=1, linscale=0.8)
        left.set_ylim(-0.06, 400)
        left.set_yticks([0, 0.5, 1, 10, 100], ["0", "½", "1", "10", "100"])
        left.set(xlabel="a negative's mean weight (the positive's is 1)", ylabel="push on all negatives")
        left.set_title("It changes how hard an anchor pushes …")
        left.plot(MEANS, k * MEANS / (1 + k * MEANS), color=INK, lw=4, alpha=0.6, label="InfoNCE")
        n = len(self._neg)
        right.set(xlim=(-1, n), ylim=(0, 1.25), yticks=[0, 0.25, 0.5, 0.75, 1])
        right.set(xlabel=f"{n} anchors", ylabel="false negatives' share", xticks=[])
        right.set_title("… and never whom")
        anchors = np.arange(n)
        artists = SimpleNamespace(
            floor=left.axvline(1, color=FAINT, lw=1, ls=":", zorder=0),
            curve=left.plot(MEANS, MEANS, color=FOCUS, label="debiased")[0],
            dots=left.plot([], [], "o", color=FOCUS, ms=5, alpha=0.6, label="anchors", clip_on=False)[0],
            plain=right.plot(anchors, anchors, color=INK, lw=4, alpha=0.6, label="InfoNCE")[0],
            debiased=right.plot(anchors, anchors, "o", color=FALSE_NEGATIVE, ms=4.5, label="debiased")[0],
        )
        left.legend(loc="upper left", ncols=3, columnspacing=1, handlelength=1.5)
        right.legend(loc="upper right", ncols=2)
        return artists

    def draw(self, artists: Any, result: Pushes) -> None:
        shown = np.clip(result.means, MEANS[0], MEANS[-1])
        artists.floor.set_xdata([max(result.rho, MEANS[0])] * 2)
        artists.curve.set_data(result.at, result.curve)
        artists.dots.set_data(shown, result.debiased)
        artists.plain.set_ydata(result.plain_false)
        artists.debiased.set_ydata(result.debiased_false)

    def summary(self, result: Pushes) -> str:
        n, pushing = len(result.debiased), result.debiased > 0
        both = result.plain_false[pushing].mean() if pushing.any() else 0.0
        total = result.debiased.sum()
        whole = np.nansum(result.debiased * result.debiased_false) / total if total else 0.0
        apart = np.abs(result.debiased_false - result.plain_false)[pushing].max(initial=0.0)
        change = "no share (to 1e-12)" if apart < 1e-12 else f"a share by {number(apart)}"
        return (
            f"τ = {number(result.tau)}, π = {number(result.rho)}: {result.silent} of {n} anchors push nobody; the others "
            f"push {number(result.debiased[pushing].mean() if pushing.any() else 0.0)}, InfoNCE {number(result.plain.mean())}\n"
            f"false negatives' share of their push: {number(both)}; debiasing changes {change}\n"
            f"of the push of all anchors together, false negatives get {number(whole)}"
        )
