"""The noise chooses the target: optimal SGNS logits of one anchor's contexts under q ∝ f^α."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nslab._checks import as_float, raise_at_first, same_shape
from nslab.explain._base import (
    Axis,
    Control,
    Dots,
    Explainer,
    Handle,
    Panel,
    Rule,
    Stage,
    Words,
    linear_grid,
    number,
    without_collisions,
)
from nslab.samplers import unigram

TOP = 10
COMMON = 20  # so many are called common
SHOWN, NAMED = 120, 40  # words of the cloud, and of those that are named; the others are dots
LETTER, LINE = 0.022, 0.055  # parts of the panel that a named word takes
KS = range(1, 61)
GRAIN = 0.025  # of a place: half a pixel, and small pages
RANKS = np.linspace(0.94, 0.2, TOP)


@dataclass(frozen=True)
class Target:
    alpha: float
    k: int
    logits: NDArray[np.float64]  # s* of each context seen with the anchor
    top: NDArray[np.int64]  # the TOP highest, the highest first


class NoiseTarget(Explainer):
    """s* = ln p(c|a) − ln(K q_c) over the contexts of one anchor, and which of them come out on top.

    `words`: V names; `counts` (V,), each above 0: how often each occurs as a context; `with_anchor` (V,):
    how often with the anchor, above 0 for at least ten. A context never seen with the anchor has s* = −∞
    and is not shown.
    """

    question = "Which words get the highest score beside the anchor?"
    title = "The lower α, the more the score follows how common a word is"
    alpha = Control("α", "exponent of the frequencies", linear_grid(-0.5, 1.25, 71), start=1.0, play=True)
    k = Control("K", "negatives", KS, start=5)

    def __init__(self, words: Sequence[str], counts: Any, with_anchor: Any, **start: Any) -> None:
        totals, pairs = as_float(counts, "counts").double(), as_float(with_anchor, "with_anchor").double()
        if totals.dim() != 1 or len(words) != len(totals):
            raise ValueError(f"counts must be one number a word, got {len(words)} and {tuple(totals.shape)}")
        same_shape(counts=totals, with_anchor=pairs)
        raise_at_first(totals, totals <= 0, "counts must be > 0")
        raise_at_first(pairs, pairs < 0, "with_anchor must be >= 0")
        seen = pairs > 0
        if int(seen.sum()) < TOP:
            raise ValueError(f"with_anchor must be > 0 for at least {TOP} words, got {int(seen.sum())}")
        self._counts, self._seen = totals, seen
        self._words = [word for word, shown in zip(words, seen.tolist(), strict=True) if shown]
        self._shown = totals[seen].numpy()
        common = np.sort(totals.numpy())[::-1][min(COMMON, len(totals)) - 1]
        self._role = np.where(self._shown >= common, "focus", "ink")
        self._log_p = (pairs[seen] / pairs.sum()).log()
        super().__init__(**start)

    def compute(self, alpha: float, k: int) -> Target:
        q = unigram(self._counts, alpha)[self._seen]
        logits = self._log_p - (k * q).log()
        top = logits.argsort(descending=True, stable=True)[:TOP]
        return Target(alpha=alpha, k=k, logits=logits.numpy(), top=top.numpy())

    def top_words(self, result: Target) -> list[str]:
        """The contexts with the highest logits, the highest first."""
        return [self._words[i] for i in result.top]

    def stage(self) -> Stage:
        ends = [self.compute(alpha, k).logits for alpha in (-0.5, 1.25) for k in (KS[0], KS[-1])]
        often = Axis(
            "how often the word is a context",
            float(self._counts.min()) * 0.7,
            float(self._counts.max()) * 1.8,
            log=True,
        )
        score = Axis("optimal score s*", min(map(np.min, ends)) - 0.4, max(map(np.max, ends)) + 0.4)
        exponent = Axis("exponent α", -1.1, 1.85, ticks={-0.5: "−½", 0: "0", 0.5: "½", 1: "1"})
        self._named, self._dots = self._room(often, score)
        tips = [
            f"{word}, {number(count)} times a context"
            for word, count in zip(self._words, self._shown, strict=True)
        ]
        return Stage(
            panels={
                "cloud": Panel("Words seen beside the anchor, and their scores", often, score, share=1.5),
                "top": Panel("The ten highest scores", exponent),
            },
            marks={
                "even": Rule("cloud", "faint", at=0),
                "dots": Dots(
                    "cloud", "faint", roles=["focus"], x=self._shown[self._dots], which=self._dots,
                    scale=0.016,
                    tips=tips, shows={"s*": "y"},
                ),
                "words": Words(
                    "cloud", "ink", words=self._words, roles=["focus"], x=self._shown[self._named],
                    which=self._named,
                    scale=0.042, tips=tips, shows={"s*": "y"},
                ),
                "ranking": Words("top", "ink", words=self._words, roles=["focus"], y=RANKS, scale=0.055,
                    tips=tips, shows={"s*": "value"}),
                "here": Handle("top", along={"x": "alpha"}, y=[0.06]),
            },
            key={"focus": f"one of the {COMMON} commonest words",
                "ink": "another word seen beside the anchor"},
        )  # fmt: skip

    def _room(self, often: Axis, score: Axis) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Of the words that are highest at α = ½, those that are named, and the others.

        A word is named where it hides none placed before it.
        """
        x, y = often.part(self._shown), score.part(self.compute(self.alpha, self.k).logits)
        half = LETTER / 2 * np.array([len(word) for word in self._words])
        cloud = np.argsort(-self.compute(0.5, self.k).logits, kind="stable")[:SHOWN]
        inside = cloud[(half[cloud] < x[cloud]) & (x[cloud] < 1 - half[cloud])]
        halves = np.stack([half, np.full(len(half), LINE / 2)], 1)
        named = without_collisions(inside, np.stack([x, y], 1), halves, NAMED)
        return np.array(named), np.setdiff1d(cloud, named)

    def scene(self, result: Target) -> dict[str, dict[str, Any]]:
        logits = np.round(result.logits / GRAIN) * GRAIN
        return {
            "dots": {
                "y": logits[self._dots],
                "role": np.where(self._role[self._dots] == "focus", "focus", "faint"),
            },
            "words": {"y": logits[self._named], "role": self._role[self._named]},
            "ranking": {
                "x": [result.alpha] * TOP,
                "which": result.top,
                "role": self._role[result.top],
                "value": result.logits[result.top],
            },
        }

    def summary(self, result: Target) -> str:
        return (
            f"α = {number(result.alpha)}, K = {result.k}: highest s* = {number(result.logits.max())}\n"
            f"on top: {', '.join(self.top_words(result)[:5])}"
        )
