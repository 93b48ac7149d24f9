"""Which words are drawn as negatives, and which are pushed: shares by frequency while the scores learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nslab._checks import as_float, raise_at_first
from nslab.diagnostics import gradient_share
from nslab.explain._base import (
    Axis,
    Band,
    Control,
    Explainer,
    Handle,
    Line,
    Links,
    Mark,
    Panel,
    Rule,
    Stage,
    Words,
    integer_grid,
    linear_grid,
    number,
)
from nslab.samplers import unigram

ALPHAS = np.linspace(-1, 1.25, 46)
STRIPS = {"text": 0.74, "draws": 0.38, "push": 0.02}  # where each begins
HIGH = 0.22
ROLES = "focus", "faint", "ink"  # of the first band, and of the others in turn
LETTERS = 52  # that a strip has room for
SHORT = 4  # letters of an example


@dataclass(frozen=True)
class Shares:
    alpha: float
    k: int
    progress: float
    draws: NDArray[np.float64]  # share of the draws for each frequency band
    push: NDArray[np.float64]  # share of the negatives' gradient for each band
    sigma: NDArray[np.float64]  # push of one draw, σ(s), the mean over the draws of each band
    once: tuple[float, float]  # draws and push of the words that occur once
    top: tuple[float, float]  # draws and push of the most frequent word
    drawn: NDArray[np.float64]  # share of the draws at ALPHAS, of the rarest band
    pushed: NDArray[np.float64]  # and of the push


class DrawsAndPush(Explainer):
    """Shares of text, draws and push by frequency band, from untrained scores to the SGNS optimum.

    `words`: V names; `counts` (V,), each at least 1: how often each occurs. The anchor has no preferences,
    p(c|a) = f_c, and its scores stand at t·s*, with s* = ln f_c − ln(K q_c): t = 0 untrained, t = 1 at the
    optimum. A band, from one power of two to the next, is as wide as its share and bears the name of one of
    its words.
    """

    question = "Is a word that is often drawn also often pushed?"
    title = "A low α draws rare words often; training takes most of that push away"
    alpha = Control("α", "exponent of the frequencies", linear_grid(-1, 1.25, 91), start=0.0)
    k = Control("K", "negatives", integer_grid(1, 1000, 91), start=5)
    t = Control("t", "training: 0 begin, 1 end", linear_grid(0, 1, 101), start=0.05, play=True)

    def __init__(self, words: Sequence[str], counts: Any, **start: Any) -> None:
        values = as_float(counts, "counts").double()
        if values.dim() != 1 or len(words) != len(values):
            raise ValueError(f"counts must be one number a word, got {len(words)} and {tuple(values.shape)}")
        raise_at_first(values, values < 1, "counts must be >= 1")
        self._counts, self._log_f = values, (values / values.sum()).log()
        self._band = values.log2().floor().long()
        distinct, times = values.unique(return_counts=True)
        self._distinct, self._times = distinct.numpy(), times.numpy()
        self._rare = self._distinct < 2 ** (int(self._band.min()) + 1)
        self._data = self._by_band(values / values.sum())
        self._examples = [self._example(words, band) for band in range(len(self._data))]
        super().__init__(**start)

    def _example(self, words: Sequence[str], band: int) -> str:
        """A short word in the middle of its band."""
        ids: list[int] = (self._band == band).nonzero().ravel().tolist()
        members = [words[i] for i in ids]
        shown = [word for word in members if 2 < len(word) <= SHORT] or members or [""]
        return shown[len(shown) // 2]

    def compute(self, alpha: float, k: int, t: float) -> Shares:
        q = unigram(self._counts, alpha)
        scores = t * (self._log_f - (k * q).log())
        push = gradient_share(self._counts, scores, alpha)
        draws_by_band, push_by_band = self._by_band(q), self._by_band(push)
        one = self._by_band(q * scores.sigmoid())
        top = int(self._counts.argmax())
        drawn, pushed = self._rarest(k, t)
        return Shares(
            alpha=alpha,
            k=k,
            progress=t,
            draws=draws_by_band,
            push=push_by_band,
            sigma=np.divide(one, draws_by_band, out=np.zeros_like(one), where=draws_by_band > 0),
            once=(float(draws_by_band[0]), float(push_by_band[0])),
            top=(float(q[top]), float(push[top])),
            drawn=drawn,
            pushed=pushed,
        )

    def _rarest(self, k: int, t: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Shares of the rarest band over α; words of one count are counted together."""
        log_f = np.log(self._distinct / (self._distinct * self._times).sum())
        log_q = ALPHAS[:, None] * log_f
        log_q -= np.log((self._times * np.exp(log_q)).sum(1, keepdims=True))
        draws = self._times * np.exp(log_q)
        push = draws / (1 + np.exp(t * (np.log(k) + log_q - log_f)))
        return draws[:, self._rare].sum(1), push[:, self._rare].sum(1) / push.sum(1)

    def stage(self) -> Stage:
        exponent = Axis("exponent α", -1, 1.25, ticks={-1: "−1", -0.5: "−½", 0: "0", 0.5: "½", 1: "1"})
        rows = Axis("", 0, 1, ticks={base + HIGH / 2: name for name, base in STRIPS.items()})
        return Stage(
            panels={
                "shares": Panel("Shares, from rare words (left) to common ones", y=rows, share=1.5),
                "rare": Panel("The rarest band’s share", exponent, Axis("share", 0, 1)),
            },
            marks={
                **self._strips(),
                "even": Rule("rare", "ink", at=float(self._data[0])),
                "drawn": Line("rare", "negative", x=ALPHAS, dashed=True),
                "pushed": Line("rare", "focus", x=ALPHAS),
                "here": Handle("rare", along={"x": "alpha"}),
            },
            key={
                "focus": f"words that occur {_label(0)}; right, their share of the push",
                "negative": "their share of the draws",
                "ink": "their share of the text",
            },
        )  # fmt: skip

    def _strips(self) -> dict[str, Mark]:
        """Three strips cut into bands, a word in each, and lines from each strip's cuts to the next."""
        tips = [f"{word}: one of the words that occur {_label(i)}" for i, word in enumerate(self._examples)]
        edges, marks = _edges(self._data), {}
        tints = np.where(np.arange(len(tips)) == 0, 0, 2 - (self._data > 0).cumsum() % 2)
        for (above, top), (below, base) in pairwise(STRIPS.items()):
            marks[f"{above}_{below}"] = Links(
                "shares", "faint", x=edges if above == "text" else None, y=[top] * len(edges),
                y2=[base + HIGH] * len(edges), width=[1] * len(edges),
            )  # fmt: skip
        for name, base in STRIPS.items():
            fixed = name == "text"
            for i, role in enumerate(ROLES):
                marks[f"{name}_{role}"] = Band(
                    "shares", role, x=_strip(edges) if fixed else None, low=[base] * 2 * len(tips),
                    high=base + HIGH * np.repeat(tints == i, 2),
                )  # fmt: skip
            marks[f"{name}_words"] = Words(
                "shares", words=self._examples, x=self._seen(self._data) if fixed else None,
                y=[base + HIGH / 2] * len(tips), scale=0.045, tips=tips, value=self._data if fixed else None,
                shows={"one draw pushes with" if name == "push" else "share": "value"},
            )  # fmt: skip
        return marks

    def scene(self, result: Shares) -> dict[str, dict[str, Any]]:
        draws, push = _edges(result.draws), _edges(result.push)
        moves: dict[str, dict[str, Any]] = {
            "text_draws": {"x2": draws},
            "draws_push": {"x": draws, "x2": push},
            "draws_words": {"x": self._seen(result.draws), "value": result.draws},
            "push_words": {"x": self._seen(result.push), "value": result.sigma},
            "drawn": {"y": result.drawn},
            "pushed": {"y": result.pushed},
            "here": {"y": result.once[1]},
        }
        for role in ROLES:
            moves[f"draws_{role}"] = {"x": _strip(draws)}
            moves[f"push_{role}"] = {"x": _strip(push)}
        return moves

    def _seen(self, shares: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where words stand that have room in their band."""
        room = LETTERS * shares > [len(word) + 0.5 for word in self._examples]
        return np.where(room, _middles(shares), np.nan)

    def summary(self, result: Shares) -> str:
        data = (float(self._data[0]), float(self._counts.max() / self._counts.sum()))
        names = ("words that occur once", "the most frequent word")
        rows = zip(names, data, (result.once, result.top), strict=True)
        return (
            f"α = {number(result.alpha)}, K = {result.k:,}, t = {number(result.progress)}. Shares of text,"
            " draws, push:\n"
            + "\n".join(
                f"{name}: {number(share)}, {number(draws)}, {number(push)}"
                for name, share, (draws, push) in rows
            )
        )

    def _by_band(self, share: torch.Tensor) -> NDArray[np.float64]:
        return torch.bincount(self._band, weights=share).numpy()


def _edges(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.minimum(np.append(0, shares.cumsum()), 1)


def _middles(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    edges = _edges(shares)
    return (edges[1:] + edges[:-1]) / 2


def _strip(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Along a strip, from edge to edge of each band."""
    return np.repeat(edges, 2)[1:-1]


def _label(band: int) -> str:
    return "once" if band == 0 else f"{2**band} to {2 ** (band + 1) - 1} times"
