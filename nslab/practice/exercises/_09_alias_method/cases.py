"""Exercise 09: the inputs."""

from __future__ import annotations

import math

import numpy as np

from nslab.practice._chance import Watched
from nslab.practice._exercise import Case
from nslab.practice.exercises._09_alias_method.measure import EXACT

# A linear build of so many columns takes a moment, one that looks at all of them at every pour far too long.
LONG = 40_000
DRAWS = 8000


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


def reconstruct_cases(seed: int) -> list[Case]:
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


def build_cases(seed: int) -> list[Case]:
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


def draw_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    tables = [
        (TABLES["two"], DRAWS, "id 0 comes from a quarter of its own column only"),
        (TABLES["no coin"], DRAWS, "every column keeps its own id"),
        (TABLES["unused"], DRAWS, "where the coin is 1, the alias is never taken"),
        (TABLES["chain"], DRAWS, "an alias is taken as it is: its own coin is not tossed"),
        (TABLES["never"], DRAWS, "id 0 is in no column: it must never come"),
        (TABLES["cycle"], DRAWS, "each column has another one's id as its alias"),
        (_table([0.1, 0.6, 0.4, 0.8], [1, 2, 1, 0]), DRAWS, "one id is the alias of two columns"),
        (_table([0.004, 1], [1, 1]), 25 * DRAWS, "a coin that shows heads four times in a thousand"),
        (_random_table(rng, 5), DRAWS, ""),
        (_random_table(rng, 6), DRAWS, ""),
        (TABLES["one"], 5, "one column"),
        (TABLES["never"], 1, "a single draw"),
    ]
    return [
        Case((*table, size, Watched(np.random.PCG64([seed, n]))), about)
        for n, (table, size, about) in enumerate(tables)
    ]


def without_cases(seed: int) -> list[Case]:
    mixed = np.random.default_rng(seed).integers(4, size=DRAWS // 2)
    excluded = [
        (
            "chain",
            np.full(DRAWS // 2, 3),
            "the most likely id is excluded: the others share all draws as before",
        ),
        ("chain", np.full(DRAWS // 2, 1), "an id in the middle is excluded"),
        ("chain", mixed, "each draw has an id of its own to leave out"),
        (
            "chain",
            np.arange(DRAWS // 2) % 2,
            "every other row leaves out id 0, the rest id 1: each only its own",
        ),
        ("never", np.full(DRAWS // 2, 2), "an id that is the alias of all columns"),
        ("never", np.full(DRAWS // 2, 0), "an id that never comes: nothing changes"),
        ("two", np.full(20, 1), "one id is left"),
        ("one", np.array([0]), "one column: nothing else can be drawn"),
    ]
    return [
        Case((*TABLES[name], ids, Watched(np.random.PCG64([seed, n]))), about)
        for n, (name, ids, about) in enumerate(excluded)
    ]
