"""Exercise 09: the mistakes in leaving an id out that are known by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from nslab.practice._exercise import Mutant
from nslab.practice.exercises._09_alias_method.draws import alike, toss
from nslab.practice.exercises._09_alias_method.measure import shares
from nslab.practice.exercises._09_alias_method.mistakes_draw import ELSEWHERE


def _some(prob: Any, alias: Any, excluded: Any) -> np.ndarray:
    """The table's probabilities; refuses an id that has them all."""
    q = shares(prob, alias, len(prob))
    if (q[excluded] > 1 - 1e-9).any():
        raise ValueError("nothing else to draw")
    return q


def _first(prob: Any, alias: Any, excluded: Any, rng: np.random.Generator) -> np.ndarray:
    _some(prob, alias, excluded)
    n = len(excluded)
    return toss(prob, alias, rng.integers(len(prob), size=n), rng.random(n))


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
    return toss(prob, alias, column, rng.random(len(excluded)))


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
    "You turned the excluded id into another one, which comes too often now. The chances of the others must"
    " keep their ratios: throw the draw away and draw again."
)
WITHOUT = (
    Mutant("not excluded", _not_excluded, "The excluded ids were drawn like all others.", alike),
    Mutant(
        "drawn again once",
        _once_more,
        "The second draw may hit the excluded id as the first did. Draw again until it does not.",
        alike,
    ),
    Mutant("another generator", _elsewhere, ELSEWHERE, alike),
    Mutant("moved to another id", _next_id, _MOVED, alike),
    Mutant("moved to another id", _any_other, _MOVED, alike),
    Mutant("moved to another id", _alias_instead, _MOVED, alike),
    Mutant(
        "others all alike",
        _others_alike,
        "All other ids come alike. They must keep the ratios of their probabilities.",
        alike,
    ),
    Mutant(
        "marked",
        _marked,
        "Your sample holds numbers that are no ids. Each row gets an id: draw anew for the rows that hit"
        " their excluded one.",
        lambda case, got, own: isinstance(got.value, dict) and got.value.get("ids that do not exist:", 0) > 0,
    ),
    Mutant(
        "dropped",
        _dropped,
        "You dropped the excluded draws, so that fewer came back than were asked for. Draw anew for those"
        " rows.",
        lambda case, got, own: isinstance(got.value, dict) and got.value["drawn:"] < len(case.args[2]),
    ),
    Mutant(
        "excluded for all rows",
        _all_excluded,
        "An id that one row excludes never came in the other rows. Each draw leaves out its own id only.",
        alike,
    ),
    Mutant(
        "column excluded",
        _column_excluded,
        "You left out the column of the excluded id. Its id is also the alias of other columns, and its"
        " column also holds another id.",
        alike,
    ),
)
