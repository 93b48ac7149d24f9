"""Exercise 09: the draws that wrong answers amount to, and how they are recognised."""

from __future__ import annotations

from typing import Any

import numpy as np

from nslab.practice._exercise import Case
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


def one_number(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    u = rng.random(size)
    return toss(prob, alias, (u * len(prob)).astype(int), u)


def reversed(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return toss(1 - prob, alias, rng.integers(len(prob), size=size), rng.random(size))


def column_only(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return rng.integers(len(prob), size=size)


def one_coin(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return toss(prob, alias, rng.integers(len(prob), size=size), rng.random())


def coin_per_column(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    column = rng.integers(len(prob), size=size)
    return toss(prob, alias, column, rng.random(len(prob))[column])


def fair_coin(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    column = rng.integers(len(prob), size=size)
    return np.where(rng.random(size) < 0.5, column, alias[column])


def column_by_coin(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return rng.choice(len(prob), size=size, p=prob / prob.sum())


def weighted_column(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    column = rng.choice(len(prob), size=size, p=prob / prob.sum())
    return toss(prob, alias, column, rng.random(size))


def tossed_again(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    ids, rejected = rng.integers(len(prob), size=size), np.arange(size)
    for _ in range(50):
        rejected = rejected[rng.random(len(rejected)) >= prob[ids[rejected]]]
        ids[rejected] = alias[ids[rejected]]
    return ids


def tossed_twice(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    column = rng.integers(len(prob), size=size)
    other = toss(prob, alias, alias[column], rng.random(size))
    return np.where(rng.random(size) < prob[column], column, other)


def last_missing(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return toss(prob, alias, rng.integers(max(1, len(prob) - 1), size=size), rng.random(size))


def first_missing(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return toss(prob, alias, rng.integers(min(1, len(prob) - 1), len(prob), size), rng.random(size))


def one_more(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return toss(prob, alias, rng.integers(len(prob) + 1, size=size + 100), rng.random(size + 100))[:size]


def flat_coin(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.random(size) < prob, np.arange(len(prob)), alias)


def alias_only(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return alias[rng.integers(len(prob), size=size)]


def small_coin(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    u = rng.random(size)
    column = (u * len(prob)).astype(int)
    return toss(prob, alias, column, u - column / len(prob))


def large_coin(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    u = rng.random(size) * len(prob)
    return toss(prob, alias, u.astype(int), u)


def heads_only(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    column = rng.integers(len(prob), size=size + 3)
    return column[rng.random(size + 3) < prob[column]]


def rounded_column(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    column = np.round(rng.random(size) * (len(prob) - 1)).astype(int)
    return toss(prob, alias, column, rng.random(size))


def alias_coin(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    column = rng.integers(len(prob), size=size)
    return np.where(rng.random(size) < prob[alias[column]], column, alias[column])


def own_generator(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    own = np.random.default_rng(0)
    return toss(prob, alias, own.integers(len(prob), size=size), own.random(size))


def in_blocks(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return np.sort(toss(prob, alias, rng.integers(len(prob), size=size), rng.random(size)))


def repeated(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return np.full(size, toss(prob, alias, rng.integers(len(prob), size=1), rng.random(1))[0])


def _came(case: Case, got: Outcome) -> np.ndarray:
    """The share of each id among the draws; none where nothing was read."""
    if got.error or not isinstance(got.value, dict):
        return np.zeros(0)
    prob, alias = case.args[:2]
    q = shares(prob, alias, len(prob))
    return q + np.array([got.value.get(f"id {i} off by:", 0.0) for i in range(len(q))])


def one_id(case: Case, got: Outcome, own: Outcome) -> bool:
    return bool((_came(case, got) > 0.99).any())


def interleaved(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return toss(prob, alias, np.arange(size) % len(prob), rng.random(size))


def all_before_again(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    n = len(prob)
    columns = rng.permuted(np.tile(np.arange(n), (size // n + 1, 1)), axis=1).ravel()[:size]
    return toss(prob, alias, columns, rng.random(size))


def one_throw(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return toss(prob, alias, np.full(size, rng.integers(len(prob))), rng.random(size))


def one_column(case: Case, got: Outcome, own: Outcome) -> bool:
    """No more than two ids came."""
    came = _came(case, got)
    return came.size > 0 and int((came > 1e-9).sum()) <= 2


def as_many_as_columns(case: Case, got: Outcome, own: Outcome) -> bool:
    """Shapes that do not fit, or where they do, a draw a column."""
    if got.error:
        return isinstance(got.error, ValueError)
    return isinstance(got.value, dict) and got.value["drawn:"] == len(case.args[0]) != case.args[2]


def whole_columns(case: Case, got: Outcome, own: Outcome) -> bool:
    """Every id came as often as some number of whole columns."""
    came = _came(case, got)
    columns = len(came) * came
    return came.size > 0 and bool((np.abs(columns - np.round(columns)) < 0.2).all())
