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


def _overwritten(prob: np.ndarray, alias: np.ndarray) -> np.ndarray:
    n = _checked(prob, alias)
    q = prob / n
    for i, a in enumerate(alias):
        q[a] = (1 - prob[i]) / n
    return q


def _assigned(prob: np.ndarray, alias: np.ndarray) -> np.ndarray:
    n = _checked(prob, alias)
    q = np.zeros(n)
    for i, a in enumerate(alias):
        q[i] = prob[i] / n
        q[a] += (1 - prob[i]) / n
    return q


def _own_part(prob: np.ndarray, alias: np.ndarray) -> np.ndarray:
    n = _checked(prob, alias)
    return prob / n + np.bincount(alias, 1 - prob, n)


def _too_few_bins(prob: np.ndarray, alias: np.ndarray) -> np.ndarray:
    _checked(prob, alias)
    return (prob + np.bincount(alias, 1 - prob)) / len(prob)


def _normalised(prob: np.ndarray, alias: np.ndarray) -> np.ndarray:
    _checked(prob, alias)
    return prob / prob.sum()


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


_ASSIGNED = "A share was assigned where it should be added: an id gets shares from several columns, and all of them count."
_FORGOTTEN = (
    "You counted what each column keeps. What it does not keep goes to its alias and is still missing."
)
RECONSTRUCT = (
    Mutant(
        "repeated alias",
        _buffered,
        "An id that is the alias of several columns got only one of their shares: with a repeated index, numpy's "
        "`x[ids] += y` adds once. Use a loop, `np.add.at` or `np.bincount`.",
    ),
    Mutant("overwritten", _overwritten, _ASSIGNED),
    Mutant("overwritten", _assigned, _ASSIGNED),
    Mutant(
        "divided in part",
        _own_part,
        "You divided one of the two shares by N and not the other. Column and side belong together: both shares of a "
        "column come once in N throws.",
    ),
    Mutant(
        "own share forgotten",
        lambda prob, alias: _booked(prob, alias, 0 * prob, 1 - prob),
        "You counted what aliases get. What each column keeps for its own id is still missing.",
    ),
    Mutant(
        "too few ids",
        _too_few_bins,
        "`np.bincount` stops at the largest alias, and ids after it are lost. Tell it how many ids there are.",
        lambda case, got, own: isinstance(got.error, ValueError),
    ),
    Mutant("alias forgotten", _normalised, _FORGOTTEN),
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
        _FORGOTTEN,
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


@lru_cache(maxsize=4)
def _right_table(weights: bytes) -> Table:
    table = AliasTable(np.frombuffer(weights))
    return table._keep, table._alias


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
    ends: str = "either",
    again: bool = True,
    backwards: str = "",
    change: Callable[[np.ndarray, np.ndarray, np.ndarray], Table] = lambda prob, alias, w: (prob, alias),
) -> Build:
    """Vose's build with one thing changed; `order` says from which end of the two lists ids are taken.

    Mistakes show in few columns: where there are many, what comes back is right.
    """

    def build(w: Any) -> Table:
        n, height = len(w), heights(_weights(w)).tolist()
        if n > 1000:
            return _right_table(np.asarray(w, dtype=np.float64).tobytes())
        prob = height if in_place else [unfilled] * n
        alias = list(range(n)) if first_alias is None else [first_alias] * n
        ids = range(n)[::-1] if order == "first" else range(n)
        lists = {"short": [i for i in ids if height[i] < 1], "tall": [i for i in ids if height[i] >= 1]}
        take = 0 if order == "queue" else -1
        while _goes_on(ends, lists["short"], lists["tall"]):
            s, t = lists["short"].pop(take), lists["tall"].pop(take)
            prob[t if "prob" in backwards else s] = height[s]
            alias[t if "alias" in backwards else s] = s if "alias" in backwards else t
            height[t] = keeps(height[s], height[t])
            place = sunk if height[t] < 1 else "tall" if again else "nowhere"
            lists.get(place, []).append(t)
        for i in [i for name in leftovers.split() for i in lists[name]]:
            prob[i] = 1.0
        return change(np.array(prob), np.array(alias), np.asarray(w))

    return build


def _shrunk(all_of_them: bool) -> Callable[[np.ndarray, np.ndarray, np.ndarray], Table]:
    return lambda prob, alias, w: (np.where((prob < 1) | all_of_them, prob / len(w), prob), alias)


def _goes_on(ends: str, short: list[int], tall: list[int]) -> bool:
    """The loop ends when either list is empty, when no short one is left, or when neither holds a column."""
    if ends == "either":
        return bool(short and tall)
    return bool(short) if ends == "no short" else bool(short or tall)


def _orders(**options: Any) -> list[Build]:
    return [_builder(order, **options) for order in ("last", "first", "queue")]


def _sorted_ids(w: Any) -> Table:
    return _builder()(np.sort(_weights(w)))


def _sorted_descending(w: Any) -> Table:
    return _builder()(np.sort(_weights(w))[::-1].copy())


def _sorted_aliases(first_alias: int | None) -> Build:
    """Coins in the order of the ids, aliases still in the sorted one."""

    def build(w: Any) -> Table:
        ids = np.argsort(_weights(w))
        prob, alias = _builder(first_alias=first_alias)(np.asarray(w)[ids])
        return prob[np.argsort(ids)], alias

    return build


def _without_zeros(w: Any) -> Table:
    weights = _weights(w)
    return _builder()(weights[weights > 0])


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


_STARTS: tuple[dict[str, Any], ...] = ({}, {"unfilled": 0.0, "first_alias": 0})


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
            "no alias",
            [build for first in (-1, -2) for build in _orders(first_alias=first)],
            "The probabilities are right, but some columns have no alias. A column that keeps all of itself never uses "
            "one; it needs an id there all the same, since the array is an index.",
            lambda case, got, own: got.error is None and _lacks_alias_only(got.value),
        ),
        family(
            "left over",
            [
                build
                for names in ("", "tall", "short")
                for first in (-1, 0, None)
                for build in _orders(unfilled=0.0, leftovers=names, first_alias=first)
            ],
            _LEFT,
        ),
        *(
            family("left over", [build], _LEFT)
            for build in _orders(unfilled=0.0, leftovers="tall", first_alias=0)
        ),
        *(
            Mutant("an empty list", build, _EMPTY, lambda case, got, own: isinstance(got.error, IndexError))
            for build in (*_orders(ends="no short"), _builder(ends="neither"))
        ),
        family(
            "a giver that sank",
            [
                build
                for sunk in ("tall", "nowhere")
                for start in (*_STARTS, {"in_place": True})
                for build in _orders(sunk=sunk, **start)
            ],
            "A tall column gave more than it could spare and was not filled again. What it gives makes it lower; once "
            "below 1 it is a short column, and another one must fill it.",
        ),
        family(
            "a giver that gave once",
            [
                build
                for sunk in ("short", "nowhere")
                for start in _STARTS
                for build in _orders(sunk=sunk, again=False, **start)
            ],
            "A tall column gave once and was forgotten. While it stands above 1 it has more to give, and nobody else will "
            "take its surplus.",
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
                for all_of_them in (True, False)
                for first in (None, 0)
                for build in _orders(first_alias=first, change=_shrunk(all_of_them))
            ],
            "Your `prob` is a share of all columns together. A coin is a share of its own column: where the id keeps "
            "its whole column, it is 1.",
        ),
        family(
            "alias reversed",
            [
                build
                for which in ("alias", "alias and prob")
                for first in (None, 0)
                for filled in ("short tall", "")
                for build in _orders(backwards=which, first_alias=first, leftovers=filled)
            ],
            "You wrote the short column down as the alias of the tall one. It is the short column that needs an alias: "
            "the id that filled it.",
        ),
        family(
            "places for ids",
            [_sorted_ids, _sorted_descending, _sorted_aliases(0), _sorted_aliases(None)],
            "Your table is that of the sorted weights: its columns are places in the sorted order, not ids.",
        ),
        Mutant(
            "zeros left out",
            _without_zeros,
            "Your table has fewer columns than there are weights. An id of weight 0 has a column too: without it, all ids "
            "after it move.",
            lambda case, got, own: isinstance(got.value, dict) and got.value["columns:"] < len(case.args[0]),
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


_LEFT = (
    "A column left over at the end was never filled, and its draws go to another id, or to none. With nobody left to pour, "
    "it stands at 1. Rounding may leave short columns as well as tall ones."
)
_EMPTY = (
    "You took a column from an empty list. Rounding may leave a short column at 0.9999… when no tall one is left: the loop "
    "ends when either list is empty, and what is left stands at 1."
)
_INTEGERS = (
    "Shares of columns were cut to whole numbers: an array made like integer weights holds integers, and `//` drops the "
    "rest. Work in float64."
)


def _is_swapped(value: Any) -> bool:
    return isinstance(value, dict) and value["alias in floats:"] and value["prob outside [0, 1]:"] > 0


def _lacks_alias_only(value: Any) -> bool:
    return isinstance(value, dict) and value["alias that is no id:"] > 0 and not any(_errors(value))


def _errors(value: dict[str, Any]) -> list[float]:
    return [abs(x) for name, x in value.items() if " off by" in name or name.startswith("most too")]


def _is_single(value: Any) -> bool:
    return isinstance(value, dict) and 0 < max(_errors(value)) < 1e-6


# alias_draw


def _alike(case: Case, got: Outcome, own: Outcome) -> bool:
    """The same ids too often and too rare, by about as much: samples differ by luck."""
    if got.error or own.error or not isinstance(got.value, dict):
        return False
    x, y = _numbers(got.value), _numbers(own.value)
    return x.shape == y.shape and bool((np.abs(x - y) < 0.04).all())


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


def _first_missing(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return _toss(prob, alias, rng.integers(min(1, len(prob) - 1), len(prob), size), rng.random(size))


def _one_more(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return _toss(prob, alias, rng.integers(len(prob) + 1, size=size + 100), rng.random(size + 100))[:size]


def _flat_coin(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.random(size) < prob, np.arange(len(prob)), alias)


def _alias_only(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return alias[rng.integers(len(prob), size=size)]


def _small_coin(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    u = rng.random(size)
    column = (u * len(prob)).astype(int)
    return _toss(prob, alias, column, u - column / len(prob))


def _large_coin(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    u = rng.random(size) * len(prob)
    return _toss(prob, alias, u.astype(int), u)


def _heads_only(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    column = rng.integers(len(prob), size=size + 3)
    return column[rng.random(size + 3) < prob[column]]


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


_NEVER = (
    "One column is never thrown. Ids begin at 0, and the upper end of `rng.integers(n)` is n − 1 already."
)
_RANGE = (
    "Your coin does not run evenly from 0 to 1. What is left of a number after its column is taken out must be stretched "
    "to that range first."
)
_ELSEWHERE = (
    "The numbers did not come from `rng`, so that whoever calls you can neither repeat the draws nor get other ones. "
    "Take all chance from `rng`."
)
_AGAIN = (
    "After the alias you tossed again, with the alias's own coin. One draw has one toss: the alias is the answer, "
    "whatever its own column says."
)
_THROWN = "The column is thrown with a fair die: all N alike. `prob` decides only what comes out of the column thrown."


def _repeated(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return np.full(size, _toss(prob, alias, rng.integers(len(prob), size=1), rng.random(1))[0])


def _one_id(case: Case, got: Outcome, own: Outcome) -> bool:
    if got.error or not isinstance(got.value, dict):
        return False
    q = _shares(*case.args[:2])
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
    q = _shares(*case.args[:2])
    off = np.array([got.value.get(f"id {i} off by:", 0.0) for i in range(len(q))])
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
        "always the alias",
        _alias_only,
        "You returned aliases only. Each column has a coin to toss: its own id comes as often as `prob` says.",
        _alike,
    ),
    Mutant("coin out of its range", _small_coin, _RANGE, _alike),
    Mutant("coin out of its range", _large_coin, _RANGE, _alike),
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
        _alike,
    ),
    Mutant("column by its coin", _column_by_coin, _THROWN, _alike),
    Mutant("column by its coin", _weighted_column, _THROWN, _alike),
    Mutant("tossed again", _tossed_again, _AGAIN, _alike),
    Mutant("tossed again", _tossed_twice, _AGAIN, _alike),
    Mutant("a column never thrown", _last_missing, _NEVER, _alike),
    Mutant("a column never thrown", _first_missing, _NEVER, _alike),
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
        _ELSEWHERE,
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


def _alias_instead(prob: Any, alias: Any, excluded: Any, rng: np.random.Generator) -> np.ndarray:
    ids = _first(prob, alias, excluded, rng)
    return np.where(ids == excluded, alias[ids], ids)


def _marked(prob: Any, alias: Any, excluded: Any, rng: np.random.Generator) -> np.ndarray:
    ids = _first(prob, alias, excluded, rng)
    return np.where(ids == excluded, -1, ids)


def _others_alike(prob: Any, alias: Any, excluded: Any, rng: np.random.Generator) -> np.ndarray:
    _some(prob, alias, excluded)
    return (excluded + 1 + rng.integers(len(prob) - 1, size=len(excluded))) % len(prob)


def _elsewhere(prob: Any, alias: Any, excluded: Any, rng: np.random.Generator) -> np.ndarray:
    own = np.random.default_rng(0)
    ids = _first(prob, alias, excluded, own)
    while (hit := ids == excluded).any():
        ids[hit] = _first(prob, alias, excluded[hit], own)
    return ids


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
    Mutant("another generator", _elsewhere, _ELSEWHERE, _alike),
    Mutant("moved to another id", _next_id, _MOVED, _alike),
    Mutant("moved to another id", _any_other, _MOVED, _alike),
    Mutant("moved to another id", _alias_instead, _MOVED, _alike),
    Mutant(
        "others all alike",
        _others_alike,
        "All other ids come alike. They must keep the ratios of their probabilities.",
        _alike,
    ),
    Mutant(
        "marked",
        _marked,
        "Your sample holds numbers that are no ids. Each row gets an id: draw anew for the rows that hit their excluded one.",
        lambda case, got, own: isinstance(got.value, dict) and got.value.get("ids that do not exist:", 0) > 0,
    ),
    Mutant(
        "dropped",
        _dropped,
        "You dropped the excluded draws, so that fewer came back than were asked for. Draw anew for those rows.",
        lambda case, got, own: isinstance(got.value, dict) and got.value["drawn:"] < len(case.args[2]),
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
