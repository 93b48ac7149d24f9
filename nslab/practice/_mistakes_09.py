"""Exercise 09: the mistakes that are known by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from nslab.practice._exercise import Case, Measure, Mutant, Same
from nslab.practice._run import Outcome
from nslab.samplers import AliasTable

Table = tuple[Any, Any]
Build = Callable[[Any], Table]

# reconstruct


def _checked(prob: np.ndarray, alias: np.ndarray) -> int:
    if len(prob) != len(alias) or alias.min() < 0 or alias.max() >= len(prob):
        raise ValueError("no table")
    return len(prob)


def _booked(prob: np.ndarray, alias: np.ndarray, own: np.ndarray, given: np.ndarray) -> np.ndarray:
    n = _checked(prob, alias)
    return (own + np.bincount(alias, given, n)) / n


def _buffered(prob: np.ndarray, alias: np.ndarray) -> np.ndarray:
    n = _checked(prob, alias)
    q = prob.copy()
    q[alias] += 1 - prob
    return q / n


def _gathered(prob: np.ndarray, alias: np.ndarray) -> np.ndarray:
    n = _checked(prob, alias)
    return (prob + (1 - prob)[alias]) / n


def _unchecked(prob: np.ndarray, alias: np.ndarray) -> np.ndarray:
    q = np.zeros(len(prob))
    for i, a in enumerate(alias):
        q[i] += prob[i] / len(prob)
        q[a] += (1 - prob[i]) / len(prob)
    return q


def _let_through(case: Case, got: Outcome, own: Outcome) -> bool:
    return got.error is None or isinstance(got.error, IndexError)


RECONSTRUCT = (
    Mutant(
        "repeated alias",
        _buffered,
        "An id that is the alias of several columns got only one of their shares: with a repeated index, numpy's "
        "`x[ids] += y` adds once. Use a loop, `np.add.at` or `np.bincount`.",
    ),
    Mutant(
        "read the wrong way",
        _gathered,
        "You gave an id what its own alias has to give away. The share goes the other way: from the column to the id "
        "that is its alias.",
    ),
    Mutant(
        "heights for probabilities",
        lambda prob, alias: _booked(prob, alias, prob, 1 - prob) * len(prob),
        "These sum to N: they are heights of columns. Each column is thrown once in N times.",
    ),
    Mutant(
        "alias forgotten",
        lambda prob, alias: prob / _checked(prob, alias),
        "You counted what each column keeps. What it does not keep goes to its alias and is still missing.",
    ),
    Mutant(
        "coin reversed",
        lambda prob, alias: _booked(prob, alias, 1 - prob, prob),
        "The two shares are swapped: `prob` is what the column's own id keeps, the alias gets the rest.",
    ),
    Mutant(
        "a second coin",
        lambda prob, alias: _booked(prob, alias, prob, (1 - prob) * prob[alias]),
        "You tossed the alias's own coin too. An alias is taken as it is, whatever its own column says.",
    ),
    Mutant(
        "whole columns",
        lambda prob, alias: _booked(prob, alias, prob, np.ones(len(prob))),
        "A column gives its alias only what its own id does not keep, not a whole column.",
    ),
    Mutant(
        "broken table read",
        _unchecked,
        "An alias outside 0 … N−1 is no id, and Python takes −1 as the last one: raise ValueError, else a broken table "
        "goes unseen.",
        _let_through,
    ),
)

# build_alias


def _weights(w: Any) -> np.ndarray:
    weights = np.asarray(w, dtype=np.float64)
    if len(w) == 0 or not np.isfinite(weights).all() or (weights < 0).any() or weights.sum() == 0:
        raise ValueError("no weights")
    return weights


def _average(w: np.ndarray) -> np.ndarray:
    return len(w) * w / w.sum()


def _builder(
    order: str = "last",
    *,
    heights: Callable[[np.ndarray], np.ndarray] = _average,
    keeps: Callable[[float, float], float] = lambda s, t: t - (1 - s),
    sunk: str = "short",
    unfilled: float = 1.0,
    in_place: bool = False,
    leftovers: str = "short tall",
    first_alias: int | None = None,
    both: bool = True,
    backwards: bool = False,
    change: Callable[[np.ndarray, np.ndarray, np.ndarray], Table] = lambda prob, alias, w: (prob, alias),
) -> Build:
    """Vose's build with one thing changed; `order` says from which end of the two lists ids are taken.

    Mistakes show in few columns: where there are many, what comes back is right.
    """

    def build(w: Any) -> Table:
        n, height = len(w), heights(_weights(w)).tolist()
        if n > 1000:
            table = AliasTable(w)
            return table._keep, table._alias
        prob = height if in_place else [unfilled] * n
        alias = list(range(n)) if first_alias is None else [first_alias] * n
        ids = range(n)[::-1] if order == "first" else range(n)
        lists = {"short": [i for i in ids if height[i] < 1], "tall": [i for i in ids if height[i] >= 1]}
        take = 0 if order == "queue" else -1
        while lists["short"] and (lists["tall"] or not both):
            s, t = lists["short"].pop(take), lists["tall"].pop(take)
            prob[s] = height[s]
            alias[t if backwards else s] = s if backwards else t
            height[t] = keeps(height[s], height[t])
            lists.get("tall" if height[t] >= 1 else sunk, []).append(t)
        for i in [i for name in leftovers.split() for i in lists[name]]:
            prob[i], alias[i] = 1.0, i
        return change(np.array(prob), np.array(alias), np.asarray(w))

    return build


def _orders(**options: Any) -> list[Build]:
    return [_builder(order, **options) for order in ("last", "first", "queue")]


def _sorted_ids(w: Any) -> Table:
    return _builder()(np.sort(_weights(w)))


def _sorted_descending(w: Any) -> Table:
    return _builder()(np.sort(_weights(w))[::-1].copy())


def _one_giver(w: Any) -> Table:
    height = _average(_weights(w))
    return np.minimum(height, 1), np.full(len(w), height.argmax())


def _one_giver_in_place(w: Any) -> Table:
    height = _average(_weights(w))
    alias = np.full(len(w), height.argmax())
    height[height.argmax()] -= np.maximum(1 - height, 0).sum()
    return height, alias


def _numbers(value: dict[str, Any]) -> np.ndarray:
    return np.array(list(value.values()), dtype=np.float64)


def build_mutants(measure: Measure) -> tuple[Mutant, ...]:
    """The named mistakes of `build_alias`; `measure` is the question's."""

    def family(name: str, variants: Sequence[Build], diagnosis: str, same: Same | None = None) -> Mutant:
        """One mistake in several builds, of which the first stands for all."""

        @lru_cache
        def told(weights: bytes, dtype: str) -> np.ndarray:
            w = np.frombuffer(weights, dtype)
            return np.array([_numbers(measure((w,), build(w))) for build in variants])

        def alike(case: Case, got: Outcome, own: Outcome) -> bool:
            if same is not None and same(case, got, own):
                return True
            if got.error or not isinstance(got.value, dict):
                return False
            rows, mine = told(case.args[0].tobytes(), case.args[0].dtype.str), _numbers(got.value)
            return bool((np.abs(rows - mine) < 1e-9).all(axis=1).any())

        return Mutant(name, variants[0], diagnosis, alike)

    return (
        family(
            "heights do not average 1",
            [
                build
                for heights in (
                    lambda w: w,
                    lambda w: w / w.sum(),
                    lambda w: len(w) * w,
                    lambda w: w / w.max(),
                )
                for build in _orders(heights=heights)
            ],
            "The heights of your columns do not average 1, so that short and tall mean nothing. There are as many "
            "columns as ids, and each is to end up 1 high.",
        ),
        family(
            "left over",
            [
                build
                for names in ("", "tall", "short")
                for first in (-1, 0, None)
                for build in _orders(unfilled=0.0, leftovers=names, first_alias=first)
            ],
            "A column left over at the end was never filled, and its draws go to another id, or to none. With nobody "
            "left to pour, it stands at 1. Rounding may leave short columns as well as tall ones.",
        ),
        Mutant(
            "an empty list",
            _builder("first", both=False),
            "You took a column from an empty list. Rounding may leave a short column at 0.9999… when no tall one is "
            "left: the loop ends when either list is empty, and what is left stands at 1.",
            lambda case, got, own: isinstance(got.error, IndexError),
        ),
        family(
            "a giver that sank",
            [
                build
                for sunk in ("tall", "nowhere")
                for start in ({"unfilled": 1.0}, {"unfilled": 0.0}, {"in_place": True})
                for build in _orders(sunk=sunk, **start)
            ],
            "A tall column gave more than it could spare and was not filled again. What it gives makes it lower; once "
            "below 1 it is a short column, and another one must fill it.",
        ),
        family(
            "the wrong amount",
            [build for keeps in (lambda s, t: t - s, lambda s, t: t - 1) for build in _orders(keeps=keeps)],
            "A tall column gave another amount than the short one took. What is poured is what the short one lacks: "
            "mass moves, and none comes or goes.",
        ),
        family(
            "coin reversed",
            _orders(
                change=lambda prob, alias, w: (np.where(alias == np.arange(len(w)), prob, 1 - prob), alias)
            ),
            "Your coins are the aliases' shares. `prob` is what the column's own id keeps.",
        ),
        family(
            "shares of all, not of a column",
            [
                build
                for first in (None, 0)
                for build in _orders(
                    leftovers="", first_alias=first, change=lambda prob, alias, w: (prob / len(w), alias)
                )
            ],
            "Your `prob` is a share of all columns together. A coin is a share of its own column: where the id keeps "
            "its whole column, it is 1.",
        ),
        family(
            "alias reversed",
            [build for first in (None, 0) for build in _orders(backwards=True, first_alias=first)],
            "You wrote the short column down as the alias of the tall one. It is the short column that needs an alias: "
            "the id that filled it.",
        ),
        family(
            "places for ids",
            [_sorted_ids, _sorted_descending],
            "Your table is that of the sorted weights: its columns are places in the sorted order, not ids.",
        ),
        family(
            "one giver for all",
            [_one_giver, _one_giver_in_place],
            "All short columns took from the same tall one, more than it has. A giver that has nothing left to spare "
            "is replaced by another.",
        ),
        family(
            "swapped",
            _orders(change=lambda prob, alias, w: (alias, prob)),
            "You returned alias first. It is `prob, alias`.",
            lambda case, got, own: got.error is None and _is_swapped(got.value),
        ),
        family(
            "alias in floats",
            _orders(change=lambda prob, alias, w: (prob, alias.astype(float))),
            "The aliases are right, as floats. They are ids and will be used as indices: make them integers.",
        ),
        family(
            "whole numbers",
            _orders(change=lambda prob, alias, w: (prob.astype(w.dtype), alias)),
            _INTEGERS,
            lambda case, got, own: isinstance(got.error, TypeError),
        ),
        family("whole numbers", _orders(heights=lambda w: len(w) * w // w.sum()), _INTEGERS),
        family(
            "float32",
            _orders(change=lambda prob, alias, w: (prob.astype(np.float32), alias)),
            "The probabilities are right to about seven digits only: somewhere on the way the table was in float32, or "
            "was rounded. Keep float64 to the end.",
            lambda case, got, own: got.error is None and _is_single(got.value),
        ),
    )


_INTEGERS = (
    "Shares of columns were cut to whole numbers: an array made like integer weights holds integers, and `//` drops the "
    "rest. Work in float64."
)


def _is_swapped(value: Any) -> bool:
    return isinstance(value, dict) and value["alias in floats"] and value["prob outside [0, 1]"] > 0


def _is_single(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    return 0 < max(abs(x) for name, x in value.items() if "off" in name or "most" in name) < 1e-6


# alias_draw


def _alike(case: Case, got: Outcome, own: Outcome) -> bool:
    """The same ids too often and too rare, by about as much: samples differ by luck."""
    if got.error or own.error or not isinstance(got.value, dict):
        return False
    x, y = _numbers(got.value), _numbers(own.value)
    return x.shape == y.shape and bool((np.abs(x - y) < 0.03).all())


def _shares(prob: Any, alias: Any) -> np.ndarray:
    return (prob + np.bincount(alias, 1 - prob, len(prob))) / len(prob)


def _toss(prob: Any, alias: Any, column: np.ndarray, coin: Any) -> np.ndarray:
    return np.where(coin < prob[column], column, alias[column])


def _one_number(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    u = rng.random(size)
    return _toss(prob, alias, (u * len(prob)).astype(int), u)


def _reversed(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return _toss(1 - prob, alias, rng.integers(len(prob), size=size), rng.random(size))


def _column_only(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return rng.integers(len(prob), size=size)


def _one_coin(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return _toss(prob, alias, rng.integers(len(prob), size=size), rng.random())


def _coin_per_column(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    column = rng.integers(len(prob), size=size)
    return _toss(prob, alias, column, rng.random(len(prob))[column])


def _fair_coin(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    column = rng.integers(len(prob), size=size)
    return np.where(rng.random(size) < 0.5, column, alias[column])


def _column_by_coin(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return rng.choice(len(prob), size=size, p=prob / prob.sum())


def _weighted_column(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    column = rng.choice(len(prob), size=size, p=prob / prob.sum())
    return _toss(prob, alias, column, rng.random(size))


def _tossed_again(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    ids, rejected = rng.integers(len(prob), size=size), np.arange(size)
    for _ in range(50):
        rejected = rejected[rng.random(len(rejected)) >= prob[ids[rejected]]]
        ids[rejected] = alias[ids[rejected]]
    return ids


def _tossed_twice(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    column = rng.integers(len(prob), size=size)
    other = _toss(prob, alias, alias[column], rng.random(size))
    return np.where(rng.random(size) < prob[column], column, other)


def _last_missing(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return _toss(prob, alias, rng.integers(max(1, len(prob) - 1), size=size), rng.random(size))


def _rounded_column(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    column = np.round(rng.random(size) * (len(prob) - 1)).astype(int)
    return _toss(prob, alias, column, rng.random(size))


def _alias_coin(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    column = rng.integers(len(prob), size=size)
    return np.where(rng.random(size) < prob[alias[column]], column, alias[column])


def _own_generator(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    own = np.random.default_rng(0)
    return _toss(prob, alias, own.integers(len(prob), size=size), own.random(size))


def _in_blocks(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return np.sort(_toss(prob, alias, rng.integers(len(prob), size=size), rng.random(size)))


_AGAIN = (
    "After the alias you tossed again, with the alias's own coin. One draw has one toss: the alias is the answer, "
    "whatever its own column says."
)
_THROWN = "The column is thrown with a fair die: all N alike. `prob` decides only what comes out of the column thrown."


def _whole_columns(case: Case, got: Outcome, own: Outcome) -> bool:
    """Every id came as often as some number of whole columns."""
    if got.error or not isinstance(got.value, dict):
        return False
    q = _shares(*case.args[:2])
    off = np.array([got.value.get(f"id {i} off by", 0.0) for i in range(len(q))])
    columns = len(q) * (q + off)
    return bool((np.abs(columns - np.round(columns)) < 0.2).all())


DRAW = (
    Mutant(
        "one number for column and coin",
        _one_number,
        "The coin correlates with the column: the uniform number that chose column 0 is always small, so that its toss is known. "
        "Split the number into two independent parts, or draw two.",
        _alike,
    ),
    Mutant(
        "coin reversed",
        _reversed,
        "`prob` is the chance that the column's own id is taken. You took the alias that often.",
        _alike,
    ),
    Mutant(
        "alias never taken",
        _column_only,
        "You returned columns, all alike. Each column has a coin to toss, and an alias.",
        _alike,
    ),
    Mutant(
        "a fair coin",
        _fair_coin,
        "Each column's coin has a bias of its own, `prob`. Yours fell either way alike.",
        _alike,
    ),
    Mutant("column by its coin", _column_by_coin, _THROWN, _alike),
    Mutant("column by its coin", _weighted_column, _THROWN, _alike),
    Mutant("tossed again", _tossed_again, _AGAIN, _alike),
    Mutant("tossed again", _tossed_twice, _AGAIN, _alike),
    Mutant(
        "last column never thrown",
        _last_missing,
        "One column is never thrown. The upper end of `rng.integers(n)` is n − 1 already.",
        _alike,
    ),
    Mutant(
        "rounded column",
        _rounded_column,
        "The first and the last column come half as often as the others: rounding to the nearest gives them half an interval.",
        _alike,
    ),
    Mutant(
        "the alias's coin",
        _alias_coin,
        "You tossed the coin of the alias. The coin belongs to the column that was thrown.",
        _alike,
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
        "The numbers did not come from `rng`, so that whoever calls you can neither repeat the draws nor get other ones. "
        "Take all chance from `rng`.",
        _alike,
    ),
    Mutant(
        "in blocks",
        _in_blocks,
        "Equal ids stand side by side. Draws are independent: what came before says nothing about what comes next.",
        _alike,
    ),
)


# draw_without


def _some(prob: Any, alias: Any, excluded: Any) -> np.ndarray:
    """The table's probabilities; refuses an id that has them all."""
    q = _shares(prob, alias)
    if (q[excluded] > 1 - 1e-9).any():
        raise ValueError("nothing else to draw")
    return q


def _first(prob: Any, alias: Any, excluded: Any, rng: np.random.Generator) -> np.ndarray:
    _some(prob, alias, excluded)
    n = len(excluded)
    return _toss(prob, alias, rng.integers(len(prob), size=n), rng.random(n))


def _not_excluded(prob: Any, alias: Any, excluded: Any, rng: np.random.Generator) -> np.ndarray:
    return _first(prob, alias, excluded, rng)


def _once_more(prob: Any, alias: Any, excluded: Any, rng: np.random.Generator) -> np.ndarray:
    ids = _first(prob, alias, excluded, rng)
    return np.where(ids == excluded, _first(prob, alias, excluded, rng), ids)


def _next_id(prob: Any, alias: Any, excluded: Any, rng: np.random.Generator) -> np.ndarray:
    ids = _first(prob, alias, excluded, rng)
    return np.where(ids == excluded, (ids + 1) % len(prob), ids)


def _any_other(prob: Any, alias: Any, excluded: Any, rng: np.random.Generator) -> np.ndarray:
    ids = _first(prob, alias, excluded, rng)
    other = (excluded + 1 + rng.integers(len(prob) - 1, size=len(ids))) % len(prob)
    return np.where(ids == excluded, other, ids)


def _dropped(prob: Any, alias: Any, excluded: Any, rng: np.random.Generator) -> np.ndarray:
    ids = _first(prob, alias, excluded, rng)
    return ids[ids != excluded]


def _all_excluded(prob: Any, alias: Any, excluded: Any, rng: np.random.Generator) -> np.ndarray:
    q = _some(prob, alias, excluded)
    q[excluded] = 0
    if q.sum() == 0:
        return _first(prob, alias, excluded, rng)
    return rng.choice(len(q), size=len(excluded), p=q / q.sum())


def _column_excluded(prob: Any, alias: Any, excluded: Any, rng: np.random.Generator) -> np.ndarray:
    _some(prob, alias, excluded)
    column = (excluded + 1 + rng.integers(len(prob) - 1, size=len(excluded))) % len(prob)
    return _toss(prob, alias, column, rng.random(len(excluded)))


_MOVED = (
    "You turned the excluded id into another one, which comes too often now. The chances of the others must keep their "
    "ratios: throw the draw away and draw again."
)
WITHOUT = (
    Mutant("not excluded", _not_excluded, "The excluded ids were drawn like all others.", _alike),
    Mutant(
        "drawn again once",
        _once_more,
        "The second draw may hit the excluded id as the first did. Draw again until it does not.",
        _alike,
    ),
    Mutant("moved to another id", _next_id, _MOVED, _alike),
    Mutant("moved to another id", _any_other, _MOVED, _alike),
    Mutant(
        "dropped",
        _dropped,
        "You dropped the excluded draws, so that fewer came back than were asked for. Draw anew for those rows.",
        lambda case, got, own: got.error is None and got.value["drawn"] < len(case.args[2]),
    ),
    Mutant(
        "excluded for all rows",
        _all_excluded,
        "An id that one row excludes never came in the other rows. Each draw leaves out its own id only.",
        _alike,
    ),
    Mutant(
        "column excluded",
        _column_excluded,
        "You left out the column of the excluded id. Its id is also the alias of other columns, and its column also holds "
        "another id.",
        _alike,
    ),
)
