"""Self words veto detectors: how many of those that could catch a word are left, and how many words a finite number catches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..theory import hit_probability
from ._controls import Control, decade_grid, integer_grid
from ._explainer import Explainer
from ._style import FAINT, HARD, INK, NEGATIVE, POSITIVE, number

M, R = 26, 3  # letters, and how many in a row must agree
MOST = 1000
TS = np.geomspace(100, 10_000_000, 41)
COLOURS = (POSITIVE, HARD, NEGATIVE, INK)
STYLES = ("-", "-", "-", ":")


@dataclass(frozen=True)
class Veto:
    n: int
    t: int
    survive: float  # share of all detectors that match none of the n words
    promised: float  # (1 − P)^n, as if the words were random strings
    rho: tuple[
        NDArray[np.float64], ...
    ]  # for each word of each group: P(a random string survives and matches it)
    caught: NDArray[np.float64]  # (groups,) by t strings generated
    curves: NDArray[np.float64]  # (groups, TS)
    theory: NDArray[np.float64]  # 1 − exp(−P N_R) at TS
    match: float  # P


class WordVeto(Explainer):
    """Detectors are strings like the words; each that agrees with one of n self words in three letters in a row is deleted.

    `shown`: self words; `groups`: one to four named lists of words to catch. All words: the same length, 3 to 6, a to z.
    Every number is exact over all 26^length detectors.
    """

    title = "Detectors that self words have not deleted, and the words that they catch"
    n = Control("Nₛ", "self words shown", integer_grid(1, MOST, 91), start=316)
    t = Control("T", "strings generated", [int(t) for t in decade_grid(100, 10_000_000)], start=10_000)

    def __init__(self, shown: Sequence[str], groups: Mapping[str, Sequence[str]], **start: Any) -> None:
        if not 1 <= len(groups) <= len(COLOURS):
            raise ValueError(f"groups must hold 1 to {len(COLOURS)} lists, got {len(groups)}")
        if len(shown) < MOST:
            raise ValueError(f"shown must hold at least {MOST} words, got {len(shown)}")
        self._length = len(shown[0])
        if not R <= self._length <= 2 * R:
            raise ValueError(f"shown must hold words of {R} to {2 * R} letters, got {shown[0]!r}")
        self._shown = _grams(shown, self._length, "shown")
        self._groups = {name: _grams(words, self._length, name) for name, words in groups.items()}
        runs = 1 + (self._length - R) * (M - 1) / M  # exact, as no string holds two runs of R
        self._match = runs * M**-R
        super().__init__(**start)

    def compute(self, n: int, t: int) -> Veto:
        before, after = _survivors(self._shown[:, :n])
        total = float(M**self._length)
        rho = tuple(_matched(grams, before, after) / total for grams in self._groups.values())
        survive = float(before[-1].sum() / total)
        return Veto(
            n=n,
            t=t,
            survive=survive,
            promised=(1 - self._match) ** n,
            rho=rho,
            caught=np.array([float(np.asarray(hit_probability(r, t)).mean()) for r in rho]),
            curves=np.array([(-np.expm1(TS[:, None] * np.log1p(-r))).mean(1) for r in rho]),
            theory=-np.expm1(-self._match * TS * (1 - self._match) ** n),
            match=self._match,
        )

    def holes(self, result: Veto) -> list[float]:
        """Share of each group that no surviving detector matches."""
        return [float((rho == 0).mean()) for rho in result.rho]

    def create(self, figure: Figure) -> SimpleNamespace:
        left, right = figure.subplots(1, 2)
        ticks = [0, 0.25, 0.5, 0.75, 1]
        left.set(xlim=(-0.01, 1.01), ylim=(-0.02, 1.42), xticks=ticks, yticks=ticks)
        left.set(xlabel="share of its matchers left, x", ylabel="share of words with at most x")
        left.set_title("Curves start at the holes")
        right.set(xscale="log", xlim=(TS[0], TS[-1]), ylim=(-0.02, 1.42), yticks=ticks)
        right.set_xticks([1e2, 1e3, 1e4, 1e5, 1e6, 1e7], ["100", "1,000", "10⁴", "10⁵", "10⁶", "10⁷"])
        right.minorticks_off()
        right.set(xlabel="T, strings generated", ylabel="share of words caught")
        right.set_title("Words in holes are never caught")
        styles = list(zip(self._groups, COLOURS, STYLES, strict=False))
        artists = SimpleNamespace(
            steps=[
                left.plot([], [], color=c, ls=s, drawstyle="steps-post", label=k)[0] for k, c, s in styles
            ],
            theory=right.plot(TS, TS, color=FAINT, lw=5, zorder=1, label="theory, random strings")[0],
            curves=[right.plot(TS, TS, color=c, ls=s)[0] for _, c, s in styles],
            line=right.axvline(1, ymax=0.72, color=FAINT, lw=1, ls=":", zorder=0),
            dots=[right.plot([], [], "o", color=c, ms=6, zorder=4, clip_on=False)[0] for _, c, _ in styles],
        )
        left.legend(loc="upper left", ncols=2)
        right.legend(loc="upper left")
        return artists

    def draw(self, artists: Any, result: Veto) -> None:
        for steps, rho in zip(artists.steps, result.rho, strict=True):
            x = np.concatenate([[0.0], np.sort(rho) / result.match, [1.0]])
            steps.set_data(x, np.concatenate([[0.0], np.arange(1, len(rho) + 1) / len(rho), [1.0]]))
        artists.theory.set_ydata(result.theory)
        artists.line.set_xdata([result.t] * 2)
        for curve, dot, values, caught in zip(
            artists.curves, artists.dots, result.curves, result.caught, strict=True
        ):
            curve.set_ydata(values)
            dot.set_data([result.t], [caught])

    def summary(self, result: Veto) -> str:
        names = list(self._groups)
        holes = ", ".join(f"{name} {number(x)}" for name, x in zip(names, self.holes(result), strict=True))
        caught = ", ".join(f"{name} {number(x)}" for name, x in zip(names, result.caught, strict=True))
        return (
            f"Nₛ = {result.n:,}: {number(result.survive)} of all detectors left, random self would leave "
            f"{number(result.promised)}\nholes: {holes}\ncaught by T = {result.t:,}: {caught}"
        )


def _grams(words: Sequence[str], length: int, name: str) -> NDArray[np.int64]:
    """(length − R + 1, words): each window of R letters as one number."""
    for word in words:
        if len(word) != length or not all("a" <= letter <= "z" for letter in word):
            raise ValueError(f"{name} must hold words of {length} letters a to z, got {word!r}")
    if not words:
        raise ValueError(f"{name} must hold at least one word")
    letters = np.array([list(word.encode()) for word in words]) - ord("a")
    powers = M ** np.arange(R - 1, -1, -1)
    return np.stack([letters[:, i : i + R] @ powers for i in range(length - R + 1)])


def _survivors(grams: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(windows, M^R) each: beginnings that end in a window, and endings that start with it, free of all `grams`."""
    before = np.ones((len(grams), M**R))
    before[np.arange(len(grams))[:, None], grams] = 0
    after = before.copy()
    for i in range(1, len(grams)):
        before[i] *= np.repeat(before[i - 1].reshape(M, -1).sum(0), M)
        after[-1 - i] *= np.tile(after[-i].reshape(-1, M).sum(1), M)
    return before, after


def _matched(
    grams: NDArray[np.int64], before: NDArray[np.float64], after: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Survivors that match each string: those with its window i, less those that had its window i − 1 too."""
    rows = np.arange(len(grams))[:, None]
    begin, end = before[rows, grams], after[rows, grams]
    return (begin * end).sum(0) - (begin[:-1] * end[1:]).sum(0)
