"""Exercise 09: the mistakes in building a table that are known by name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from nslab.practice._exercise import Case, Mutant, Same
from nslab.practice._run import Outcome
from nslab.practice.exercises._09_alias_method.builds import (
    Build,
    builder,
    one_giver,
    one_giver_in_place,
    one_too_many,
    orders,
    shrunk,
    sorted_aliases,
    sorted_descending,
    sorted_ids,
    without_zeros,
)
from nslab.practice.exercises._09_alias_method.measure import measure_table, numbers

_LEFT = (
    "A column left over at the end was never filled, and its draws go to another id, or to none. With nobody"
    " left to pour, it stands at 1. Rounding may leave short columns as well as tall ones."
)
_EMPTY = (
    "You took a column from an empty list. Rounding may leave a short column at 0.9999… when no tall one is"
    " left: the loop ends when either list is empty, and what is left stands at 1."
)
_INTEGERS = (
    "Shares of columns were cut to whole numbers: an array made like integer weights holds integers, and `//`"
    " drops the rest. Work in float64."
)


def _is_swapped(value: Any) -> bool:
    return isinstance(value, dict) and value["alias in floats:"] and value["prob outside [0, 1]:"] > 0


def _lacks_alias_only(value: Any) -> bool:
    return isinstance(value, dict) and value["alias that is no id:"] > 0 and not any(_errors(value))


def _errors(value: dict[str, Any]) -> list[float]:
    return [abs(x) for name, x in value.items() if " off by" in name or name.startswith("most too")]


def _is_single(value: Any) -> bool:
    return isinstance(value, dict) and 0 < max(_errors(value)) < 1e-6


_STARTS: tuple[dict[str, Any], ...] = ({}, {"unfilled": 0.0, "first_alias": 0})


def _family(name: str, variants: Sequence[Build], diagnosis: str, same: Same | None = None) -> Mutant:
    """One mistake in several builds, of which the first stands for all."""

    @lru_cache
    def reported(weights: bytes, dtype: str) -> np.ndarray:
        w = np.frombuffer(weights, dtype)
        return np.array([numbers(measure_table((w,), build(w))) for build in variants])

    def alike(case: Case, got: Outcome, own: Outcome) -> bool:
        if same is not None and same(case, got, own):
            return True
        if got.error or not isinstance(got.value, dict):
            return False
        rows, mine = reported(case.args[0].tobytes(), case.args[0].dtype.str), numbers(got.value)
        return rows.shape[1] == len(mine) and bool((np.abs(rows - mine) < 1e-9).all(axis=1).any())

    return Mutant(name, variants[0], diagnosis, alike)


BUILD = (
    _family(
        "heights do not average 1",
        [
            build
            for heights in (
                lambda w: w,
                lambda w: w / w.sum(),
                lambda w: len(w) * w,
                lambda w: w / w.max(),
            )
            for build in orders(heights=heights)
        ],
        "The heights of your columns do not average 1, so that short and tall mean nothing. There are as many"
        " columns as ids, and each is to end up 1 high.",
    ),
    _family(
        "no alias",
        [build for first in (-1, -2) for build in orders(first_alias=first)],
        "The probabilities are right, but some columns have no alias. A column that keeps all of itself never"
        " uses one; it needs an id there all the same, since the array is an index.",
        lambda case, got, own: got.error is None and _lacks_alias_only(got.value),
    ),
    _family(
        "left over",
        [
            build
            for names in ("", "tall", "short")
            for first in (-1, 0, None)
            for build in orders(unfilled=0.0, leftovers=names, first_alias=first)
        ],
        _LEFT,
    ),
    *(
        _family("left over", [build], _LEFT)
        for build in orders(unfilled=0.0, leftovers="tall", first_alias=0)
    ),
    *(
        Mutant("an empty list", build, _EMPTY, lambda case, got, own: isinstance(got.error, IndexError))
        for build in (*orders(ends="no short"), builder(ends="neither"))
    ),
    _family(
        "a giver that sank",
        [
            build
            for sunk in ("tall", "nowhere")
            for start in (*_STARTS, {"in_place": True})
            for build in orders(sunk=sunk, **start)
        ],
        "A tall column gave more than it could spare and was not filled again. What it gives makes it lower;"
        " once below 1 it is a short column, and another one must fill it.",
    ),
    _family(
        "a giver that gave once",
        [
            build
            for sunk in ("short", "nowhere")
            for start in _STARTS
            for build in orders(sunk=sunk, again=False, **start)
        ],
        "A tall column gave once and was forgotten. While it stands above 1 it has more to give, and nobody"
        " else will take its surplus.",
    ),
    _family(
        "the wrong amount",
        [build for keeps in (lambda s, t: t - s, lambda s, t: t - 1) for build in orders(keeps=keeps)],
        "A tall column gave another amount than the short one took. What is poured is what the short one"
        " lacks: mass moves, and none comes or goes.",
    ),
    _family(
        "coin reversed",
        orders(change=lambda prob, alias, w: (np.where(alias == np.arange(len(w)), prob, 1 - prob), alias)),
        "Your coins are the aliases' shares. `prob` is what the column's own id keeps.",
    ),
    _family(
        "shares of all, not of a column",
        [
            build
            for all_of_them in (True, False)
            for first in (None, 0)
            for build in orders(first_alias=first, change=shrunk(all_of_them))
        ],
        "Your `prob` is a share of all columns together. A coin is a share of its own column: where the id"
        " keeps its whole column, it is 1.",
    ),
    _family(
        "alias reversed",
        [
            build
            for which in ("alias", "alias and prob")
            for first in (None, 0)
            for filled in ("short tall", "")
            for build in orders(backwards=which, first_alias=first, leftovers=filled)
        ],
        "You wrote the short column down as the alias of the tall one. It is the short column that needs an"
        " alias: the id that filled it.",
    ),
    _family(
        "places for ids",
        [sorted_ids, sorted_descending, sorted_aliases(0), sorted_aliases(None)],
        "Your table is that of the sorted weights: its columns are places in the sorted order, not ids.",
    ),
    Mutant(
        "zeros left out",
        without_zeros,
        "Your table has fewer columns than there are weights. An id of weight 0 has a column too: without it,"
        " all ids after it move.",
        lambda case, got, own: isinstance(got.value, dict) and got.value["columns:"] < len(case.args[0]),
    ),
    Mutant(
        "columns that nobody asked for",
        one_too_many,
        "Your table has more columns than there are weights. There is one column an id, and no other.",
        lambda case, got, own: isinstance(got.value, dict) and got.value["columns:"] > len(case.args[0]),
    ),
    _family(
        "one giver for all",
        [one_giver, one_giver_in_place],
        "All short columns took from the same tall one, more than it has. A giver that has nothing left to"
        " spare is replaced by another.",
    ),
    _family(
        "swapped",
        orders(change=lambda prob, alias, w: (alias, prob)),
        "You returned alias first. It is `prob, alias`.",
        lambda case, got, own: got.error is None and _is_swapped(got.value),
    ),
    _family(
        "alias in floats",
        orders(change=lambda prob, alias, w: (prob, alias.astype(float))),
        "The aliases are right, as floats. They are ids and will be used as indices: make them integers.",
    ),
    _family(
        "whole numbers",
        orders(change=lambda prob, alias, w: (prob.astype(w.dtype), alias)),
        _INTEGERS,
        lambda case, got, own: isinstance(got.error, TypeError),
    ),
    _family("whole numbers", orders(heights=lambda w: len(w) * w // w.sum()), _INTEGERS),
    _family(
        "float32",
        orders(change=lambda prob, alias, w: (prob.astype(np.float32), alias)),
        "The probabilities are right to about seven digits only: somewhere on the way the table was in"
        " float32, or was rounded. Keep float64 to the end.",
        lambda case, got, own: got.error is None and _is_single(got.value),
    ),
)
