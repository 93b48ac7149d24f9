"""Exercise 09: builds of a table with one thing wrong."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from nslab._alias import build_table

Table = tuple[Any, Any]
Build = Callable[[Any], Table]


def _weights(w: Any) -> np.ndarray:
    weights = np.asarray(w, dtype=np.float64)
    if len(w) == 0 or not np.isfinite(weights).all() or (weights < 0).any() or weights.sum() == 0:
        raise ValueError("no weights")
    return weights


def _average(w: np.ndarray) -> np.ndarray:
    return len(w) * w / w.sum()


@lru_cache(maxsize=4)
def _right_table(weights: bytes) -> Table:
    return right_table(np.frombuffer(weights))


def right_table(w: Any) -> Table:
    """The library's build, with as many columns as weights."""
    return build_table(torch.tensor(_weights(w)), len(w))


def builder(
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


def shrunk(all_of_them: bool) -> Callable[[np.ndarray, np.ndarray, np.ndarray], Table]:
    return lambda prob, alias, w: (np.where((prob < 1) | all_of_them, prob / len(w), prob), alias)


def _goes_on(ends: str, short: list[int], tall: list[int]) -> bool:
    """The loop ends when either list is empty, when no short one is left, or when neither holds a column."""
    if ends == "either":
        return bool(short and tall)
    return bool(short) if ends == "no short" else bool(short or tall)


def orders(**options: Any) -> list[Build]:
    return [builder(order, **options) for order in ("last", "first", "queue")]


def sorted_ids(w: Any) -> Table:
    return builder()(np.sort(_weights(w)))


def sorted_descending(w: Any) -> Table:
    return builder()(np.sort(_weights(w))[::-1].copy())


def sorted_aliases(first_alias: int | None) -> Build:
    """Coins in the order of the ids, aliases still in the sorted one."""

    def build(w: Any) -> Table:
        ids = np.argsort(_weights(w))
        prob, alias = builder(first_alias=first_alias)(np.asarray(w)[ids])
        return prob[np.argsort(ids)], alias

    return build


def without_zeros(w: Any) -> Table:
    weights = _weights(w)
    return builder()(weights[weights > 0])


def one_too_many(w: Any) -> Table:
    prob, alias = builder()(w)
    return np.append(np.asarray(prob), 1.0), np.append(np.asarray(alias), 0)


def one_giver(w: Any) -> Table:
    height = _average(_weights(w))
    return np.minimum(height, 1), np.full(len(w), height.argmax())


def one_giver_in_place(w: Any) -> Table:
    height = _average(_weights(w))
    alias = np.full(len(w), height.argmax())
    height[height.argmax()] -= np.maximum(1 - height, 0).sum()
    return height, alias
