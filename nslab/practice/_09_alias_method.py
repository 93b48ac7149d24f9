"""Exercise 09: the alias method."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from nslab import samplers
from nslab.practice import _mistakes_09
from nslab.practice._exercise import Case, Exercise, Question

LONG = (
    40_000  # columns: a linear build takes a moment, one that looks at all columns at every pour far too long
)
DRAWS = 8000
EXACT = 1e-12  # the most by which the probabilities of a right table may be off

# The specification: one column, one pour, one draw at a time.


def reconstruct(prob: Any, alias: Any) -> np.ndarray:
    """Each column is thrown with 1/N and gives its own id `prob` of the time, its alias the rest."""
    n = len(prob)
    if len(alias) != n or any(not 0 <= a < n for a in alias):
        raise ValueError(f"alias must hold {n} ids from 0 to {n - 1}")
    columns = [0.0] * n
    for i, a in enumerate(alias):
        columns[i] += float(prob[i])
        columns[a] += 1 - float(prob[i])
    return np.array(columns) / n


def build_alias(w: Any) -> tuple[np.ndarray, np.ndarray]:
    """While a column is short, a tall one fills it up to 1 and is itself short or tall by what it keeps."""
    n, total = len(w), math.fsum(w)
    if n == 0 or not all(math.isfinite(x) and x >= 0 for x in w) or total == 0:
        raise ValueError("w must hold finite weights >= 0, not all of them 0")
    height = [n * float(x) / total for x in w]
    prob, alias = [1.0] * n, list(range(n))
    short = [i for i in range(n) if height[i] < 1]
    tall = [i for i in range(n) if height[i] > 1]
    while short and tall:
        s, t = short.pop(), tall.pop()
        prob[s], alias[s] = height[s], t
        height[t] -= 1 - height[s]
        (short if height[t] < 1 else tall).append(t)
    return np.array(prob), np.array(alias)


def alias_draw(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    """For each draw a column, all alike, and the toss of its own coin."""
    ids = []
    for column in rng.integers(len(prob), size=size):
        heads = rng.random() < prob[column]
        ids.append(column if heads else alias[column])
    return np.array(ids)


def draw_without(prob: Any, alias: Any, excluded: Any, rng: np.random.Generator) -> np.ndarray:
    """For each excluded id, draw until something else comes."""
    q = reconstruct(prob, alias)
    if any(q[e] > 1 - EXACT for e in excluded):
        raise ValueError("an excluded id has all the probability")
    ids = []
    for e in excluded:
        i = e
        while i == e:
            column = rng.integers(len(prob))
            i = column if rng.random() < prob[column] else alias[column]
        ids.append(i)
    return np.array(ids)


# The inputs.


class _Watched(np.random.Generator):
    """A generator that keeps its latest copy, so that one can see whether the copy was drawn from."""

    latest: np.random.Generator | None = None

    def __deepcopy__(self, memo: Any) -> np.random.Generator:
        self.latest = np.random.Generator(copy.deepcopy(self.bit_generator))
        return self.latest

    def unused(self) -> bool:
        return self.latest is not None and self.latest.bit_generator.state == self.bit_generator.state


def _table(prob: list[float], alias: list[int]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(prob, dtype=np.float64), np.array(alias, dtype=np.int64)


def _random_table(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    return np.round(rng.uniform(0.05, 0.95, n), 2), rng.integers(n, size=n)


TABLES = {
    "no coin": _table([1, 1, 1], [0, 1, 2]),
    "two": _table([0.25, 1], [1, 1]),
    "unused": _table([1, 0.3, 1, 1], [1, 0, 1, 1]),
    "chain": _table([0.2, 0.3, 0.5, 1], [3, 0, 1, 3]),
    "cycle": _table([0.3, 0.5, 0.8], [1, 2, 0]),
    "never": _table([0, 0.6, 1, 0.7], [2, 2, 2, 2]),
    "one": _table([1], [0]),
}


# Whatever the order of the pours, rounding leaves a short column and no tall one.
TENTHS = ((5, 4, 4, 1), (6, 4, 3, 4), (2, 1, 7, 5), (9, 3, 8, 7, 1), (2, 1, 8, 1, 5, 1))
RESIDUE = "tenths are no exact floats: at the end a column stands just below 1, and no tall one is left"


def _reconstruct_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    edges = [
        Case(TABLES["two"], "id 1 has its own column and most of column 0"),
        Case(TABLES["no coin"], "every column keeps its own id"),
        Case(TABLES["unused"], "an alias whose column always keeps its own id gets nothing from it"),
        Case(TABLES["chain"], "the alias of one column has a column with an alias of its own"),
        Case(TABLES["never"], "one id is the alias of four columns, and id 0 is never drawn"),
        Case(TABLES["one"], "one column"),
        Case(_table([0, 0], [1, 0]), "both columns give everything away"),
        Case(_table([0.5, 1], [-1, 1]), "−1 is no id"),
        Case(_table([0.5, 1, 1], [3, 1, 2]), "with three columns there is no id 3"),
        Case(_table([0.5, 1, 1], [1, 1]), "each column needs its alias"),
    ]
    return edges + [Case(_random_table(rng, n)) for n in (3, 5, 8, 8, 30)]


def _build_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    zipf = 1 / np.arange(1, 31)
    weights = [
        (np.array([3, 1]), "column 0 is tall, column 1 is short"),
        (np.array([1.0, 1.0, 1.0, 1.0]), "all columns are level: there is nothing to pour"),
        (np.array([0, 1, 0]), "columns of height 0 give everything to their alias"),
        (np.array([5.0]), "one column"),
        (np.array([0.5, 0.3, 0.0, 0.2]), "weights that are probabilities, one of them 0"),
        (np.array([1, 2, 3, 4]), "a tall column may sink below 1 and must be filled in its turn"),
        (np.array([8, 6, 1, 1]), "two tall columns from the left"),
        (np.array([2, 1, 1, 9, 7]), "counts"),
        (np.array([1e-6, 3e-6, 2e-6, 5e-6, 7e-6, 4e-6]), "only the ratios of the weights matter"),
        *((np.array(tenths) / 10, RESIDUE) for tenths in TENTHS),
        (zipf, "Zipf's law"),
        (zipf[::-1].copy(), "Zipf's law, the rarest first"),
    ]
    drawn = [rng.integers(0, 12, n) + np.eye(n, dtype=np.int64)[0] for n in (4, 5, 6, 7)]
    drawn += [rng.random(n) ** 2 for n in (6, 8, 30)]
    bad = [
        (np.array([]), "no weight at all"),
        (np.array([0.0, 0.0]), "nothing can be drawn where all weights are 0"),
        (np.array([2.0, -1.0]), "a weight below 0"),
        (np.array([1.0, math.inf]), "an infinite weight"),
    ]
    long = (
        np.sort(rng.random(LONG) ** 3),
        "many columns: a build that looks through all of them at every pour is stopped",
    )
    cases = [*weights, *((w, "") for w in drawn), *bad, long]
    return [Case((w,), about, atol=EXACT) for w, about in cases]


def _draw_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    tables = [
        (TABLES["two"], DRAWS, "id 0 comes from a quarter of its own column only"),
        (TABLES["no coin"], DRAWS, "every column keeps its own id"),
        (TABLES["unused"], DRAWS, "where the coin is 1, the alias is never taken"),
        (TABLES["chain"], DRAWS, "an alias is taken as it is: its own coin is not tossed"),
        (TABLES["never"], DRAWS, "id 0 is in no column: it must never come"),
        (TABLES["cycle"], DRAWS, "each column has another one's id as its alias"),
        (_table([0.1, 0.6, 0.4, 0.8], [1, 2, 1, 0]), DRAWS, "one id is the alias of two columns"),
        (_random_table(rng, 5), DRAWS, ""),
        (_random_table(rng, 6), DRAWS, ""),
        (TABLES["one"], 5, "one column"),
        (TABLES["never"], 1, "a single draw"),
    ]
    return [
        Case((*table, size, _Watched(np.random.PCG64([seed, n]))), about)
        for n, (table, size, about) in enumerate(tables)
    ]


def _without_cases(seed: int) -> list[Case]:
    mixed = np.random.default_rng(seed).integers(4, size=DRAWS // 2)
    excluded = [
        (
            "chain",
            np.full(DRAWS // 2, 3),
            "the most likely id is excluded: the others share all draws as before",
        ),
        ("chain", np.full(DRAWS // 2, 1), "an id in the middle is excluded"),
        ("chain", mixed, "each draw has an id of its own to leave out"),
        ("never", np.full(DRAWS // 2, 2), "an id that is the alias of all columns"),
        ("never", np.full(DRAWS // 2, 0), "an id that never comes: nothing changes"),
        ("two", np.full(20, 1), "one id is left"),
        ("one", np.array([0]), "one column: nothing else can be drawn"),
    ]
    return [
        Case((*TABLES[name], ids, _Watched(np.random.PCG64([seed, n]))), about)
        for n, (name, ids, about) in enumerate(excluded)
    ]


# How tables and draws are compared: by what all right ones share.


def _read_table(value: Any) -> tuple[np.ndarray, np.ndarray, bool]:
    """prob, alias, and whether alias came as floats."""
    pair = tuple(value)
    if len(pair) != 2 or any(np.ndim(part) != 1 for part in pair) or len(pair[0]) != len(pair[1]):
        raise ValueError("two arrays of equal length are asked for, prob and alias")
    prob, alias = (np.asarray(part, dtype=np.float64) for part in pair)
    return prob, alias, np.asarray(pair[1]).dtype.kind == "f"


def _shares(prob: np.ndarray, alias: np.ndarray, size: int) -> np.ndarray:
    """What each id gets of a table that may be broken: an alias that is no id gets nothing."""
    real = _real_ids(alias, len(prob))
    own = np.bincount(np.arange(len(prob)), prob, size)
    return (own + np.bincount(alias[real].astype(int), 1 - prob[real], size)) / len(prob)


def _real_ids(alias: np.ndarray, n: int) -> np.ndarray:
    return (alias >= 0) & (alias < n) & (alias == np.floor(alias))


def _off(errors: np.ndarray, allowed: Any) -> dict[str, Any]:
    """What is off by more than is allowed, id by id where they are few."""
    errors = np.where(np.abs(errors) <= allowed, 0.0, errors)
    if len(errors) <= 8:
        return {f"id {i} off by:": e for i, e in enumerate(errors)}
    return {"most too much:": errors.max(), "most too little:": errors.min()}


def _measure_table(args: tuple[Any, ...], value: Any) -> dict[str, Any]:
    q = np.asarray(args[0], dtype=np.float64) / np.sum(args[0])
    prob, alias, floats = _read_table(value)
    size = max(len(q), len(prob))
    errors = _shares(prob, alias, size) - np.pad(q, (0, size - len(q)))
    return {
        "columns:": len(prob),
        "prob outside [0, 1]:": int((~((prob >= -EXACT) & (prob <= 1 + EXACT))).sum()),
        "alias that is no id:": int((~_real_ids(alias, len(prob))).sum()),
        "alias in floats:": floats,
        "drawn at weight 0:": int((errors[: len(q)][q == 0] != 0).sum()),
        **_off(errors, EXACT),
    }


def _most(variance: Any) -> Any:
    """How far a sum of independent 0s and 1s strays from its mean at most, but in one of 10^8 samples (Bernstein)."""
    log = math.log(2e8)
    return log / 3 + np.sqrt(log**2 / 9 + 2 * log * variance)


def _read_ids(value: Any) -> np.ndarray:
    ids = np.asarray(value)
    if ids.ndim != 1 or ids.dtype.kind not in "iu":
        raise ValueError(f"integers in one axis are asked for, got {ids.dtype} of shape {ids.shape}")
    return ids


def _uneven(ids: np.ndarray, chances: np.ndarray) -> dict[str, Any]:
    """By how much each id comes too often, as a share; chances (draws, N). What luck can do counts as nothing."""
    n = chances.shape[1]
    counts = np.bincount(ids[(ids >= 0) & (ids < n)], minlength=n)
    variance = (chances * (1 - chances)).sum(0)
    off = counts - chances.sum(0)
    lucky = np.abs(off) <= np.where(variance == 0, 1e-6, _most(variance))
    return {f"id {i} off by:": 0.0 if lucky.all() else share for i, share in enumerate(off / len(ids))}


def _measure_draws(args: tuple[Any, ...], value: Any) -> dict[str, Any]:
    prob, alias, _, rng = args
    q, ids = reconstruct(prob, alias), _read_ids(value)
    even = len(ids) // 2 * 2
    same = ids[:even:2] == ids[1:even:2]
    chance = ((np.unique(ids, return_counts=True)[1] / max(1, len(ids))) ** 2).sum()
    surprise = abs(same.sum() - len(same) * chance)
    return {
        "drawn:": len(ids),
        "ids that do not exist:": int(((ids < 0) | (ids >= len(q))).sum()),
        **_uneven(ids, np.tile(q, (len(ids), 1))),
        "in blocks:": bool(surprise > _most(len(same) * chance * (1 - chance))),
        "rng unused:": q.max() < 1 and rng.unused(),
    }


def _measure_without(args: tuple[Any, ...], value: Any) -> dict[str, Any]:
    prob, alias, excluded, rng = args
    q, ids = reconstruct(prob, alias), _read_ids(value)
    if len(ids) != len(excluded):
        return {"drawn:": len(ids)}
    chances = np.tile(q, (len(ids), 1))
    chances[np.arange(len(ids)), excluded] = 0
    chances /= chances.sum(1, keepdims=True)
    return {
        "drawn:": len(ids),
        "ids that do not exist:": int(((ids < 0) | (ids >= len(q))).sum()),
        "excluded id drawn:": bool((ids == excluded).any()),
        "rng unused:": (q > 0).sum() > 2 and rng.unused(),
        **_uneven(ids, chances),
    }


# What a wrong one looks like.


def _picture(args: tuple[Any, ...], value: Any) -> Figure:
    from nslab.explain import COLORS

    prob, alias, _ = _read_table(value)
    n, asked = len(prob), np.asarray(args[0]) / np.mean(args[0])
    given, ids = n * _shares(prob, alias, n), np.arange(n)
    low, high = min(0, *prob, *given), max(1, *prob, *given, *asked)
    figure = Figure(figsize=(7, 2.4))
    axes = figure.add_axes((0.07, 0.25, 0.92, 0.6))
    axes.set(xlim=(-0.7, 2 * n + 0.7), ylim=(low, high + 0.35 * (high - low)), yticks=[0, 1], ylabel="height")
    axes.axhline(1, color=COLORS["ink"], lw=1, ls=":")
    axes.vlines(ids, prob, 1, color=COLORS["faint"], lw=12, label="its alias")
    axes.vlines(ids, 0, prob, color=COLORS["negative"], lw=12, label="its own id")
    axes.vlines(ids + n + 1, 0, given, color=COLORS["hard"], lw=9, label="an id gets in all")
    axes.plot(np.arange(len(asked)) + n + 1, asked, "D", color=COLORS["anchor"], label="asked for")
    columns = [f"{i}\n{a:g}" for i, a in enumerate(alias)]
    axes.set_xticks([*ids, *(ids + n + 1)], [*columns, *map(str, ids)])
    axes.set_xlabel("left: columns, each with its alias below; right: ids")
    axes.legend(fontsize=8, ncols=4, loc="upper center")
    figure.suptitle("Your columns, and the probabilities that they give, times N", fontsize=9)
    return figure


def _library_build(w: np.ndarray) -> tuple[Any, Any]:
    table = samplers.AliasTable(w)
    return table._keep, table._alias


def _library_draw(prob: np.ndarray, alias: np.ndarray, size: int, rng: np.random.Generator) -> Any:
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    return samplers.AliasTable(reconstruct(prob, alias)).sample(size, generator)


EXERCISE = Exercise(
    "09",
    "the alias method",
    (
        Question(
            "reconstruct(prob, alias)",
            reconstruct,
            None,
            "",
            _reconstruct_cases,
            _mistakes_09.RECONSTRUCT,
            (
                "Take a table with two columns and follow one draw on paper: which column, which side of its coin? "
                "Which ways lead to id 1, and how likely is each?",
                "An id is reached from its own column, and from every column whose alias it is. A column gives two "
                "shares away, and together they are as much as any other column gives.",
                "Go through the columns and book both shares of each, one to the column's own id, one to its alias. The "
                "same alias may come many times, and all its shares count. Refuse broken ids first.",
            ),
        ),
        Question(
            "build_alias(w)",
            build_alias,
            _library_build,
            "nslab.AliasTable",
            _build_cases,
            _mistakes_09.build_mutants(_measure_table),
            (
                "Draw the weights 1, 2, 3, 4 as columns whose mean height is 1. Level them on paper, and write down after "
                "each pour which columns are finished.",
                "Keep two lists of ids, those short of 1 and those above. A pour takes one from each. Afterwards the short "
                "one is finished for good. Where does the other one belong now?",
                "When one of the lists runs empty, what is left in the other stands at 1, up to rounding. Say so in "
                "`prob`. Pops from the end of a list take the same time however long it is; a search does not.",
            ),
            measure=_measure_table,
            picture=_picture,
        ),
        Question(
            "alias_draw(prob, alias, size, rng)",
            alias_draw,
            _library_draw,
            "nslab.AliasTable.sample",
            _draw_cases,
            _mistakes_09.DRAW,
            (
                "One draw takes two chances: a die with N sides, and a coin that is biased as the column says.",
                "The die and the coin must know nothing of each other. Each draw has a die and a coin of its own.",
                "Throw all `size` dice at once, then look up the coin of each column thrown, and toss it with as many "
                "further random numbers. `np.where` chooses between two arrays.",
            ),
            measure=_measure_draws,
        ),
        Question(
            "draw_without(prob, alias, excluded, rng)",
            draw_without,
            None,
            "",
            _without_cases,
            _mistakes_09.WITHOUT,
            (
                "The table stays as it is. What may you do with a draw that is not allowed?",
                "Any rule that turns the forbidden id into another one favours somebody. Throwing the draw away favours "
                "nobody.",
                "Draw for all rows, see which rows hit their own excluded id, and draw anew for those, until none is left. "
                "Think first of the row for which this never ends.",
            ),
            stretch=True,
            measure=_measure_without,
        ),
    ),
)
