"""Self words veto detectors, window by window, and which words end up without any detector: the holes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nslab.explain._base import (
    Axis,
    Band,
    Control,
    Dots,
    Explainer,
    Mark,
    Note,
    Panel,
    Stage,
    Words,
    integer_grid,
    number,
)

M, R = 26, 3  # letters, and how many in a row must agree
MOST = 1000
GROUPS = 4  # at most
YOURS = "your word"  # the row of a word that is in no list
EACH = 60  # words of a group that are shown, evenly spread over it
GOLDEN = 0.618034  # spreads the words of a group over its height
ALPHABET = "abcdefghijklmnopqrstuvwxyz"
LINES = (0.71, 0.54, 0.37, 0.2)  # where the windows stand
HALF = 0.07  # the height of a tile, halved


@dataclass(frozen=True)
class Veto:
    n: int
    survive: float  # share of all detectors that match none of the n words
    promised: float  # (1 − P)^n, as if the words were random strings
    rho: tuple[
        NDArray[np.float64], ...
    ]  # for each word of each group: P(a random string survives and matches it)
    match: float  # P
    word: str
    left: float  # share of this word's matchers that survive
    having: list[int]  # how many of the n self words have its window, for each window
    witness: list[str | None]  # the first of them


class WordVeto(Explainer):
    """Detectors are strings like the words, and n self words delete those that agree with them.

    To agree is to have the same three letters in a row.

    `shown`: self words; `groups`: one to four named lists of words to catch, of which some are to be
    picked. `word`, the one that is shown first, may be any word: one that is in no list gets a row of its
    own. All words: the same length, 3 to 6, a to z. Every number is exact over all 26^length detectors.
    """

    question = "Which words can no detector catch?"
    title = "Where self has every window of a word, the word is a hole: no detector can catch it"
    n = Control("Nₛ", "self words shown", integer_grid(1, MOST, 91), start=316, play=True)

    def __init__(
        self, shown: Sequence[str], groups: Mapping[str, Sequence[str]], word: str | None = None, **start: Any
    ) -> None:
        if not 1 <= len(groups) <= GROUPS:
            raise ValueError(f"groups must hold 1 to {GROUPS} lists, got {len(groups)}")
        if len(shown) < MOST:
            raise ValueError(f"shown must hold at least {MOST} words, got {len(shown)}")
        self._length = len(shown[0])
        if not R <= self._length <= 2 * R:
            raise ValueError(f"shown must hold words of {R} to {2 * R} letters, got {shown[0]!r}")
        self._self, self._shown = list(shown), _grams(shown, self._length, "shown")
        self._lists = list(groups)
        self._groups = {name: _grams(words, self._length, name) for name, words in groups.items()}
        runs = 1 + (self._length - R) * (M - 1) / M  # exact, as no string holds two runs of R
        self._match = runs * M**-R
        self._places = _places(groups)
        if word is not None and word not in self._places:
            self._groups[YOURS] = _grams([word], self._length, "word")
            self._places[word] = len(groups), 0
        rows = np.array([group for group, _ in self._places.values()])
        self._heights = len(self._groups) - 0.1 - rows - 0.8 * (np.arange(len(rows)) * GOLDEN % 1)
        words = list(self._places)
        self.add_traits(word=Control("", "word", words, start=word or words[0]))
        super().__init__(**start)

    def compute(self, n: int, word: str) -> Veto:
        before, after = _survivors(self._shown[:, :n])
        total = float(M**self._length)
        rho = tuple(_matched(grams, before, after) / total for grams in self._groups.values())
        group, place = self._places[word]
        has = self._shown[:, :n] == list(self._groups.values())[group][:, [place]]
        return Veto(
            n=n,
            survive=float(before[-1].sum() / total),
            promised=(1 - self._match) ** n,
            rho=rho,
            match=self._match,
            word=word,
            left=float(rho[group][place] / self._match),
            having=has.sum(1).tolist(),
            witness=[self._self[row.argmax()] if row.any() else None for row in has],
        )

    def holes(self, result: Veto) -> list[float]:
        """Share of each list that no surviving detector matches.

        A word that is in no list comes after them.
        """
        return [float((rho == 0).mean()) for rho in result.rho[: len(self._lists)]]

    def stage(self) -> Stage:
        length, names = self._length, list(self._groups)
        lines = LINES[: length - R + 1]
        tiles: dict[str, Mark] = {}
        for i, y in enumerate(lines):
            for role in ("positive", "faint"):
                x = [i + 0.55, i + R + 0.45]
                tiles[f"{role}{i}"] = Band("word", role, x=x, low=[y - HALF] * 2)
            tiles[f"label{i}"] = Note("word", x=[length + 0.8], y=[y - 0.02])
        return Stage(
            panels={
                "word": Panel(
                    "Its windows, and a self word that has each", Axis("", 0.4, length + 3.6, ticks={})
                ),
                "words": Panel(
                    "Words: click one. Right: share of holes",
                    Axis(
                        "share of its matchers left",
                        -0.03,
                        1.3,
                        ticks={x: f"{x:g}" for x in (0, 0.25, 0.5, 0.75, 1)},
                    ),
                    Axis(
                        "", 0, len(names), ticks={len(names) - i - 0.5: name for i, name in enumerate(names)}
                    ),
                ),
            },
            marks={
                **tiles,
                "word": Words(
                    "word", "focus", words=ALPHABET, x=np.arange(length) + 1, y=[0.9] * length, scale=0.11
                ),
                "self": Words(
                    "word",
                    "ink",
                    words=ALPHABET,
                    x=np.tile(np.arange(length) + 1, len(lines)),
                    y=np.repeat(lines, length),
                    roles=("faint",),
                    scale=0.07,
                ),
                "verdict": Note("word", "focus", x=[0.5], y=[0.03], big=True),
                "words": Dots(
                    "words",
                    "negative",
                    y=self._heights,
                    scale=0.03,
                    roles=("hard",),
                    tips=list(self._places),
                    shows={"share of its matchers left": "x"},
                    picks="word",
                ),
                "this": Dots("words", "focus", scale=0.06),
                **{
                    f"holes{i}": Note("words", "hard", x=[1.29], y=[len(names) - i - 0.55], align="end")
                    for i in range(len(self._lists))
                },
            },
            key={
                "faint": "self has this window",
                "positive": "self lacks it",
                "negative": "a word",
                "hard": "a hole: no detector left",
                "focus": "this word",
            },
        )

    def scene(self, result: Veto) -> dict[str, dict[str, Any]]:
        scene: dict[str, dict[str, Any]] = {}
        letters, roles = [], []
        for i, witness in enumerate(result.witness):
            for role, here in (("positive", witness is None), ("faint", witness is not None)):
                scene[f"{role}{i}"] = {"high": [LINES[i] + (HALF if here else -HALF)] * 2}
            scene[f"label{i}"] = {"text": _having(result.having[i])}
            for j, letter in enumerate(witness or result.word):
                inside = i <= j < i + R
                letters.append(ALPHABET.index(letter) if inside or witness else np.nan)
                roles.append("ink" if inside else "faint")
        x = np.array([result.rho[group][place] for group, place in self._places.values()]) / result.match
        role = np.where(x == 0, "hard", "negative")
        chosen = list(self._places).index(result.word)
        return {
            **scene,
            "word": {"which": [ALPHABET.index(letter) for letter in result.word]},
            "self": {
                "size": np.where(np.isnan(letters), np.nan, 1),
                "which": np.nan_to_num(letters),
                "role": roles,
            },
            "verdict": {"text": _verdict(result.left)},
            "words": {"x": np.round(x, 3), "role": role},
            "this": {"x": np.round(x[chosen], 3), "y": self._heights[chosen]},
            **{f"holes{i}": {"text": f"{share:.0%}"} for i, share in enumerate(self.holes(result))},
        }

    def summary(self, result: Veto) -> str:
        shares = zip(self._lists, self.holes(result), strict=True)
        holes = ", ".join(f"{name} {number(share)}" for name, share in shares)
        return (
            f"Nₛ = {result.n:,}: {number(result.survive)} of all detectors left\n"
            f"{result.word}: {number(result.left)} of its matchers left\nshare of holes: {holes}"
        )


def _places(groups: Mapping[str, Sequence[str]]) -> dict[str, tuple[int, int]]:
    """The words to pick, each with its group and its place there: one of each group, another of each, …"""
    rows = []
    for group, words in enumerate(groups.values()):
        spread = range(0, len(words), max(1, len(words) // EACH))[:EACH]
        rows.append([(words[i], (group, i)) for i in spread])
    found: dict[str, tuple[int, int]] = {}
    for pair in chain.from_iterable(zip_longest(*rows)):
        if pair:
            found.setdefault(*pair)
    return found


def _having(count: int) -> str:
    return "no self word" if not count else f"{count} self word{'s'[: count > 1]}"


def _verdict(left: float) -> str:
    return f"{left:.0%} of its matchers left" if left else "A hole: no matcher is left"


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
    """Beginnings that end in a window and endings that start with it, free of all `grams`.

    Both have the shape (windows, M^R).
    """
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
