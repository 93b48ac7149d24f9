"""The debiased loss: how hard each anchor pushes its negatives, and how the push is shared among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nslab._checks import as_float
from nslab.explain._base import (
    Arrows,
    Axis,
    Control,
    Dots,
    Explainer,
    Mark,
    Note,
    Panel,
    Stage,
    check_each,
    items,
    linear_grid,
    number,
)
from nslab.losses import debiased_info_nce, info_nce

MOST = 512  # anchors
NEAR = 36  # negatives that are shown around an anchor: those with the highest scores, the nearest first
RANKS = np.arange(NEAR)
PLACES = (0.2 + 0.7 * np.sqrt((RANKS + 0.5) / NEAR)) * np.exp(2.4j * RANKS)  # as a sunflower has its seeds
REACH = 0.19  # length of an arrow
WIDE, WIDEST = 2.5, 20  # pixels: of the hardest negative's arrow with InfoNCE, and of any
SILENT, SOFTEST, LOUDEST = 0.2, 0.4, 60.0  # on the axis of pushes: those of 0, and the ends for the others


@dataclass(frozen=True)
class Pushes:
    tau: float
    rho: float
    anchor: int
    plain: NDArray[np.float64]  # per anchor: InfoNCE's push on all its negatives, τ Σ_j ∂L/∂s_j
    debiased: NDArray[np.float64]  # the same for the debiased loss
    plain_false: NDArray[np.float64]  # the part of that push that falls on false negatives, from 0 to 1
    debiased_false: NDArray[np.float64]  # the same for the debiased loss; NaN where an anchor pushes nothing
    pull: NDArray[np.float64]  # per anchor: the debiased loss's pull on its positive, −τ ∂L/∂s⁺
    plain_each: NDArray[np.float64]  # (K,) this anchor's push on each negative with InfoNCE
    debiased_each: NDArray[np.float64]  # the same for the debiased loss

    @property
    def silent(self) -> int:
        """Anchors that push no negative, since their estimate lies on the floor.

        Their pull on the positive stays.
        """
        return int((self.debiased == 0).sum())


class DebiasedPush(Explainer):
    """One anchor with its hardest negatives around it, and all anchors by how hard they push.

    `pos` (A,): cosine of each anchor to its positive; `neg` (A, K): to its negatives; `false` (A, K):
    which of these are false. `pictures` (A + K, height, width), in [0, 1], or else `names` show the
    anchors and then the negatives. Anchors are numbered from 1, the one first whose push falls most on
    false negatives.
    """

    question = "How hard does an anchor push each of its negatives?"
    title = "Debiasing scales all of an anchor's pushes by one factor"
    rho = Control("π", "assumed false share", linear_grid(0, 0.3, 61), start=0.0, play=True)
    tau = Control("τ", "temperature", linear_grid(0.1, 1, 91), start=0.5)
    anchor = Control("", "anchor", [str(i + 1) for i in range(MOST)], start="1")

    def __init__(
        self,
        pos: Any,
        neg: Any,
        false: Any,
        *,
        pictures: Any = None,
        names: Sequence[str] | None = None,
        **start: Any,
    ) -> None:
        self._pos, neg = as_float(pos, "pos").double(), as_float(neg, "neg").double()
        self._false = torch.as_tensor(false, dtype=torch.bool)
        if neg.dim() != 2 or self._pos.shape != neg.shape[:1] or self._false.shape != neg.shape:
            shapes = ", ".join(str(tuple(x.shape)) for x in (self._pos, neg, self._false))
            raise ValueError(f"pos, neg and false must be (A,), (A, K) and (A, K), got {shapes}")
        a, k = neg.shape
        if a > MOST:
            raise ValueError(f"pos must hold at most {MOST} anchors, got {a}")
        check_each(f"show {a} anchors and {k} negatives", a + k, pictures=pictures, names=names)
        self._neg = neg
        share = self._share(self._forces(info_nce, 0.2)[0], self._false)
        order = share.argsort(descending=True)  # anchors, the worst first
        self._pos, self._neg, self._false = self._pos[order], self._neg[order], self._false[order]
        rows = [*order.tolist(), *range(a, a + k)]
        self._pictures = None if pictures is None else np.asarray(pictures)[rows]
        called = list(map(str, range(a + k))) if names is None else list(names)
        self._names = [called[i] for i in rows]
        self._plain = lru_cache(maxsize=128)(lambda tau: self._forces(info_nce, tau))
        self._debiased = lru_cache(maxsize=128)(
            lambda tau, rho: self._forces(debiased_info_nce, tau, positive_rate=rho)
        )
        super().__init__(**start)

    def declared(self) -> dict[str, Control]:
        anchors = Control("", "anchor", [str(i + 1) for i in range(len(self._pos))], start="1")
        anchors.name = "anchor"
        return super().declared() | {"anchor": anchors}

    def _forces(self, loss: Callable[..., Tensor], tau: float, **more: float) -> tuple[Tensor, Tensor]:
        """Push on each negative (A, K), and pull on each positive (A,), both times τ."""
        pos, neg = self._pos.clone().requires_grad_(), self._neg.clone().requires_grad_()
        total = loss(pos, neg, temperature=tau, reduction="sum", **more)
        pull, push = torch.autograd.grad(total, (pos, neg))
        return tau * push, -tau * pull

    @staticmethod
    def _share(push: Tensor, false: Tensor) -> Tensor:
        return (push * false).sum(1) / push.sum(1)

    def compute(self, rho: float, tau: float, anchor: str) -> Pushes:
        (plain, _), (debiased, pull) = self._plain(tau), self._debiased(tau, rho)
        row = int(anchor) - 1
        return Pushes(
            tau=tau,
            rho=rho,
            anchor=row,
            plain=plain.sum(1).numpy(),
            debiased=debiased.sum(1).numpy(),
            plain_false=self._share(plain, self._false).numpy(),
            debiased_false=self._share(debiased, self._false).numpy(),
            pull=pull.numpy(),
            plain_each=plain[row].numpy(),
            debiased_each=debiased[row].numpy(),
        )

    def stage(self) -> Stage:
        a = len(self._pos)
        (x, y), (x2, y2) = ((z.real, z.imag) for z in (PLACES, PLACES * (1 + REACH / abs(PLACES))))
        loud = {
            SILENT: "none",
            SOFTEST: f"≤ {SOFTEST}",
            1: "1",
            3: "3",
            10: "10",
            LOUDEST: f"≥ {LOUDEST:g}",
        }
        return Stage(
            panels={
                "disc": Panel(
                    "Nearest is hardest; thickness is push",
                    Axis("", -1.15, 1.15, ticks={}),
                    Axis("", -1.15, 1.15, ticks={}),
                    square=True,
                ),
                "all": Panel(
                    f"All {a} anchors: click one",
                    Axis("false negatives' share of its push", 0, 1),
                    Axis("push on all its negatives", 0.9 * SILENT, 1.1 * LOUDEST, log=True, ticks=loud),
                ),
            },
            marks={
                "pushes": Arrows("disc", "negative", roles=("false_negative",), x=x, y=y, x2=x2, y2=y2),
                "negatives": self._points("disc", role="negative", roles=("false_negative",), x=x, y=y,
                    size=np.ones(NEAR)),
                "self": self._points("disc", role="focus", x=[0], y=[0], size=[2.5]),
                "push": Note("disc", "focus", x=[-1.1], y=[-1.1]),
                "plain": Dots("all", "faint", scale=0.045),
                "anchors": Dots(
                    "all", "anchor", scale=0.03, tips=self._names[:a], tip_images=self._pictures,
                    shows={"push": "value"},
                    picks="anchor",
                ),
                "chosen": self._points("all", role="focus", size=[1]),
                "label": Note("all", x=[0.98], y=[35], align="end"),
            },
            key={
                "negative": "true negative",
                "false_negative": "false negative: of its own class",
                "faint": "with InfoNCE",
                "focus": "the anchor shown",
                "anchor": "anchors",
            },
        )  # fmt: skip

    def _points(self, panel: str, role: str, **look: Any) -> Mark:
        look |= {"tips": self._names, "scale": 0.065}
        return items(panel, role, pictures=self._pictures, words=self._names, **look)

    def scene(self, result: Pushes) -> dict[str, dict[str, Any]]:
        row, silent = result.anchor, result.debiased == 0
        near = np.argsort(-self._neg[row].numpy(), kind="stable")[:NEAR]
        kind = np.where(self._false[row].numpy()[near], "false_negative", "negative")
        plain, debiased = (np.clip(push, SOFTEST, LOUDEST) for push in (result.plain, result.debiased))
        debiased = np.where(silent, SILENT, debiased)
        width = WIDE * result.debiased_each[near] / result.plain_each.max()
        return {
            "pushes": {
                "width": np.where(width > 0, np.minimum(width, WIDEST), np.nan),
                "role": kind,
            },
            "negatives": {"which": len(silent) + near, "role": kind},
            "self": {"which": row},
            "push": {"text": f"push {result.debiased[row]:.3g}, pull {result.pull[row]:.3g}"},
            "plain": {"x": result.plain_false, "y": plain},
            "anchors": {"x": result.plain_false, "y": debiased, "value": result.debiased},
            "chosen": {"x": [result.plain_false[row]], "y": [debiased[row]], "which": [row]},
            "label": {"text": f"{result.silent} anchors push nothing" if result.silent else ""},
        }

    def summary(self, result: Pushes) -> str:
        n, pushing = len(result.debiased), result.debiased > 0
        both = result.plain_false[pushing].mean() if pushing.any() else 0.0
        pull = "every anchor pulls as hard as it pushes"
        if result.silent:
            pull = f"anchors without push still pull their positive: {number(result.pull[~pushing].mean())}"
        apart = np.abs(result.debiased_false - result.plain_false)[pushing].max(initial=0.0)
        change = "no anchor's share (to 1e-12)" if apart < 1e-12 else f"a share by {number(apart)}"
        if result.rho == 0:
            change = "nothing yet: π = 0 is InfoNCE"
        return (
            f"τ = {number(result.tau)}, π = {number(result.rho)}: {n - result.silent} of {n} anchors push, in"
            f" the mean with {number(result.debiased[pushing].mean() if pushing.any() else 0.0)}, InfoNCE"
            f" {number(result.plain.mean())}\n{pull}\nfalse negatives' share, mean over those that push:"
            f" {number(both)}; debiasing changes {change}"
        )
