"""Exercise 09: the mistakes in drawing from a table that are known by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from nslab.practice._exercise import Case, Mutant
from nslab.practice._run import Outcome
from nslab.practice.exercises._09_alias_method.measure import numbers, shares


def alike(case: Case, got: Outcome, own: Outcome) -> bool:
    """The same ids too often and too rare, by about as much: samples differ by luck."""
    if got.error or own.error or not isinstance(got.value, dict):
        return False
    x, y = numbers(got.value), numbers(own.value)
    return x.shape == y.shape and bool((np.abs(x - y) < 0.04).all())


def toss(prob: Any, alias: Any, column: np.ndarray, coin: Any) -> np.ndarray:
    return np.where(coin < prob[column], column, alias[column])


def _one_number(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    u = rng.random(size)
    return toss(prob, alias, (u * len(prob)).astype(int), u)


def _reversed(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return toss(1 - prob, alias, rng.integers(len(prob), size=size), rng.random(size))


def _column_only(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return rng.integers(len(prob), size=size)


def _one_coin(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return toss(prob, alias, rng.integers(len(prob), size=size), rng.random())


def _coin_per_column(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    column = rng.integers(len(prob), size=size)
    return toss(prob, alias, column, rng.random(len(prob))[column])


def _fair_coin(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    column = rng.integers(len(prob), size=size)
    return np.where(rng.random(size) < 0.5, column, alias[column])


def _column_by_coin(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return rng.choice(len(prob), size=size, p=prob / prob.sum())


def _weighted_column(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    column = rng.choice(len(prob), size=size, p=prob / prob.sum())
    return toss(prob, alias, column, rng.random(size))


def _tossed_again(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    ids, rejected = rng.integers(len(prob), size=size), np.arange(size)
    for _ in range(50):
        rejected = rejected[rng.random(len(rejected)) >= prob[ids[rejected]]]
        ids[rejected] = alias[ids[rejected]]
    return ids


def _tossed_twice(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    column = rng.integers(len(prob), size=size)
    other = toss(prob, alias, alias[column], rng.random(size))
    return np.where(rng.random(size) < prob[column], column, other)


def _last_missing(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return toss(prob, alias, rng.integers(max(1, len(prob) - 1), size=size), rng.random(size))


def _first_missing(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return toss(prob, alias, rng.integers(min(1, len(prob) - 1), len(prob), size), rng.random(size))


def _one_more(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return toss(prob, alias, rng.integers(len(prob) + 1, size=size + 100), rng.random(size + 100))[:size]


def _flat_coin(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.random(size) < prob, np.arange(len(prob)), alias)


def _alias_only(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return alias[rng.integers(len(prob), size=size)]


def _small_coin(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    u = rng.random(size)
    column = (u * len(prob)).astype(int)
    return toss(prob, alias, column, u - column / len(prob))


def _large_coin(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    u = rng.random(size) * len(prob)
    return toss(prob, alias, u.astype(int), u)


def _heads_only(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    column = rng.integers(len(prob), size=size + 3)
    return column[rng.random(size + 3) < prob[column]]


def _rounded_column(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    column = np.round(rng.random(size) * (len(prob) - 1)).astype(int)
    return toss(prob, alias, column, rng.random(size))


def _alias_coin(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    column = rng.integers(len(prob), size=size)
    return np.where(rng.random(size) < prob[alias[column]], column, alias[column])


def _own_generator(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    own = np.random.default_rng(0)
    return toss(prob, alias, own.integers(len(prob), size=size), own.random(size))


def _in_blocks(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return np.sort(toss(prob, alias, rng.integers(len(prob), size=size), rng.random(size)))


_NEVER = (
    "One column is never thrown. Ids begin at 0, and the upper end of `rng.integers(n)` is n − 1 already."
)
_RANGE = (
    "Your coin does not run evenly from 0 to 1. What is left of a number after its column is taken out must be stretched "
    "to that range first."
)
ELSEWHERE = (
    "The numbers did not come from `rng`, so that whoever calls you can neither repeat the draws nor get other ones. "
    "Take all chance from `rng`."
)
_AGAIN = (
    "After the alias you tossed again, with the alias's own coin. One draw has one toss: the alias is the answer, "
    "whatever its own column says."
)
_THROWN = "The column is thrown with a fair die: all N alike. `prob` decides only what comes out of the column thrown."


def _repeated(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return np.full(size, toss(prob, alias, rng.integers(len(prob), size=1), rng.random(1))[0])


def _one_id(case: Case, got: Outcome, own: Outcome) -> bool:
    if got.error or not isinstance(got.value, dict):
        return False
    prob, alias = case.args[:2]
    q = shares(prob, alias, len(prob))
    return any(q[i] + got.value.get(f"id {i} off by:", 0.0) > 0.99 for i in range(len(q)))


def _as_many_as_columns(case: Case, got: Outcome, own: Outcome) -> bool:
    """Shapes that do not fit, or where they do, a draw a column."""
    if got.error:
        return isinstance(got.error, ValueError)
    return isinstance(got.value, dict) and got.value["drawn:"] == len(case.args[0]) != case.args[2]


def _whole_columns(case: Case, got: Outcome, own: Outcome) -> bool:
    """Every id came as often as some number of whole columns."""
    if got.error or not isinstance(got.value, dict):
        return False
    prob, alias = case.args[:2]
    q = shares(prob, alias, len(prob))
    off = np.array([got.value.get(f"id {i} off by:", 0.0) for i in range(len(q))])
    columns = len(q) * (q + off)
    return bool((np.abs(columns - np.round(columns)) < 0.2).all())


DRAW = (
    Mutant(
        "one number for column and coin",
        _one_number,
        "The coin correlates with the column: the uniform number that chose column 0 is always small, so that its toss is known. "
        "Split the number into two independent parts, or draw two.",
        alike,
    ),
    Mutant(
        "coin reversed",
        _reversed,
        "`prob` is the chance that the column's own id is taken. You took the alias that often.",
        alike,
    ),
    Mutant(
        "alias never taken",
        _column_only,
        "You returned columns, all alike. Each column has a coin to toss, and an alias.",
        alike,
    ),
    Mutant(
        "always the alias",
        _alias_only,
        "You returned aliases only. Each column has a coin to toss: its own id comes as often as `prob` says.",
        alike,
    ),
    Mutant("coin out of its range", _small_coin, _RANGE, alike),
    Mutant("coin out of its range", _large_coin, _RANGE, alike),
    Mutant(
        "no such column",
        _one_more,
        "You threw a column that does not exist. There are N of them, 0 to N − 1.",
        lambda case, got, own: isinstance(got.error, IndexError),
    ),
    Mutant(
        "coin not looked up",
        _flat_coin,
        "`prob` has an entry a column, and the tosses are as many as the draws: look up the coin, and the alias, of each "
        "column thrown.",
        _as_many_as_columns,
    ),
    Mutant(
        "another number of draws",
        _heads_only,
        "`size` ids are asked for, and another number came back. A coin that falls on its other side is no failed draw: it "
        "gives the alias.",
        lambda case, got, own: isinstance(got.value, dict) and got.value["drawn:"] != case.args[2],
    ),
    Mutant(
        "a fair coin",
        _fair_coin,
        "Each column's coin has a bias of its own, `prob`. Yours fell either way alike.",
        alike,
    ),
    Mutant("column by its coin", _column_by_coin, _THROWN, alike),
    Mutant("column by its coin", _weighted_column, _THROWN, alike),
    Mutant("tossed again", _tossed_again, _AGAIN, alike),
    Mutant("tossed again", _tossed_twice, _AGAIN, alike),
    Mutant("a column never thrown", _last_missing, _NEVER, alike),
    Mutant("a column never thrown", _first_missing, _NEVER, alike),
    Mutant(
        "rounded column",
        _rounded_column,
        "The first and the last column come half as often as the others: rounding to the nearest gives them half an interval.",
        alike,
    ),
    Mutant(
        "the alias's coin",
        _alias_coin,
        "You tossed the coin of the alias. The coin belongs to the column that was thrown.",
        alike,
    ),
    Mutant(
        "one draw repeated",
        _repeated,
        "You drew once and returned it many times. Each of the draws has its own column and its own toss.",
        _one_id,
    ),
    Mutant(
        "too few tosses",
        _one_coin,
        "Draws share a toss: all that came from one column gave the same side. Each draw needs a toss of its own.",
        _whole_columns,
    ),
    Mutant(
        "too few tosses",
        _coin_per_column,
        "Draws share a toss: all that came from one column gave the same side. Each draw needs a toss of its own.",
        _whole_columns,
    ),
    Mutant(
        "another generator",
        _own_generator,
        ELSEWHERE,
        alike,
    ),
    Mutant(
        "in blocks",
        _in_blocks,
        "Equal ids stand side by side. Draws are independent: what came before says nothing about what comes next.",
        alike,
    ),
)
