"""Exercise 02: miners that are wrong in one way each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nslab.practice.exercises._02_semi_hard_mining import cases, mistakes

Zone = Callable[[Any, Any, float], np.ndarray]


def masks(labels: np.ndarray, *, itself: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Who may be a positive, and who a negative, of each anchor."""
    same = labels[:, None] == labels
    return same if itself else same & ~np.eye(len(labels), dtype=bool), ~same


def ask(m: float, strategy: str) -> None:
    mistakes.valid(m)
    if strategy not in cases.STRATEGIES:
        raise ValueError("no such strategy")


def nonzero(table: np.ndarray) -> np.ndarray:
    return np.array(np.nonzero(table))


def mined(
    D: np.ndarray,
    labels: np.ndarray,
    m: float,
    strategy: str,
    *,
    zone: Zone = mistakes.zone,
    positives: np.ndarray | None = None,
    negatives: np.ndarray | None = None,
) -> np.ndarray:
    """Right, unless one of its parts is replaced."""
    ask(m, strategy)
    pair, other = masks(labels)
    pair, other = pair if positives is None else positives, other if negatives is None else negatives
    if strategy == "hardest":
        return nearest(D, pair & other.any(1, keepdims=True), other)
    wanted = zone(D[:, :, None], D[:, None, :], m) == cases.STRATEGIES.index(strategy)
    return nonzero(wanted & pair[:, :, None] & other[:, None, :])


def nearest(D: np.ndarray, pair: np.ndarray, other: np.ndarray) -> np.ndarray:
    a, p = np.nonzero(pair)
    return np.array([a, p, np.where(other, D, np.inf).argmin(1)[a]])


def one_a_pair(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    """Of the negatives that qualify the nearest alone."""
    a, p, n = mined(D, labels, m, strategy)
    best: dict[tuple[int, int], int] = {}
    for x, y, z in zip(a, p, n, strict=True):
        if (x, y) not in best or D[x, z] < D[x, best[x, y]]:
            best[x, y] = z
    return np.array([(*pair, z) for pair, z in best.items()], dtype=int).reshape(-1, 3).T


def fallen_back(choose: Callable[..., Any], *, single: bool = False) -> Callable[..., np.ndarray]:
    """Pairs without a negative of the zone get one from elsewhere."""

    def wrong(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
        found = one_a_pair(D, labels, m, strategy) if single else mined(D, labels, m, strategy)
        pair, other = masks(labels)
        have = {(a, p) for a, p, _ in found.T}
        extra = [
            (a, p, choose(D, other, a, p))
            for a, p in zip(*np.nonzero(pair & other.any(1, keepdims=True)), strict=True)
            if (a, p) not in have
        ]
        return np.concatenate([found.T, np.array(extra, dtype=int).reshape(-1, 3)]).T

    return wrong


def nearest_of(D: np.ndarray, other: np.ndarray, a: int, p: int) -> int:
    return int(np.where(other[a], D[a], np.inf).argmin())


def image_zero(D: np.ndarray, other: np.ndarray, a: int, p: int) -> int:
    return 0


def hardest_with(
    nearest: Callable[[np.ndarray, np.ndarray, np.ndarray], Any],
) -> Callable[..., np.ndarray]:
    """Right but for the strategy "hardest"."""

    def wrong(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
        if strategy != "hardest":
            return mined(D, labels, m, strategy)
        ask(m, strategy)
        pair, other = masks(labels)
        return nearest(D, pair, other)

    return wrong


def farthest(D: np.ndarray, pair: np.ndarray, other: np.ndarray) -> np.ndarray:
    a, p = np.nonzero(pair & other.any(1, keepdims=True))
    return np.array([a, p, np.where(other, D, -np.inf).argmax(1)[a]])


def nearest_of_all(D: np.ndarray, pair: np.ndarray, other: np.ndarray) -> np.ndarray:
    a, p = np.nonzero(pair)
    return np.array([a, p, D.argmin(1)[a]])


def nearest_but_itself(D: np.ndarray, pair: np.ndarray, other: np.ndarray) -> np.ndarray:
    return nearest(D, pair, ~np.eye(len(D), dtype=bool))


def last_of_equals(D: np.ndarray, pair: np.ndarray, other: np.ndarray) -> np.ndarray:
    a, p = np.nonzero(pair & other.any(1, keepdims=True))
    last = len(D) - 1 - np.where(other, D, np.inf)[:, ::-1].argmin(1)
    return np.array([a, p, last[a]])


def farthest_positive(D: np.ndarray, pair: np.ndarray, other: np.ndarray) -> np.ndarray:
    a = np.flatnonzero(pair.any(1) & other.any(1))
    far, near = np.where(pair, D, -np.inf).argmax(1), np.where(other, D, np.inf).argmin(1)
    return np.array([a, far[a], near[a]])


def hard_and_nearest(D: np.ndarray, pair: np.ndarray, other: np.ndarray) -> np.ndarray:
    a, p, n = nearest(D, pair & other.any(1, keepdims=True), other)
    return np.array([a, p, n])[:, D[a, n] <= D[a, p]]


def nearest_in_reach(D: np.ndarray, pair: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The nearest of those farther than the positive."""
    beyond = other[:, None, :] & (D[:, None, :] > D[:, :, None]) & pair[:, :, None]
    a, p = np.nonzero(beyond.any(-1))
    return np.array([a, p, np.where(beyond, D[:, None, :], np.inf).argmin(-1)[a, p]])


def all_of_equals(D: np.ndarray, pair: np.ndarray, other: np.ndarray) -> np.ndarray:
    smallest = np.where(other, D, np.inf).min(1, keepdims=True)
    return nonzero(pair[:, :, None] & (other & (smallest == D))[:, None, :])


def place_of_nearest(D: np.ndarray, pair: np.ndarray, other: np.ndarray) -> np.ndarray:
    a, p, n = nearest(D, pair & other.any(1, keepdims=True), other)
    return np.array([a, p, (np.cumsum(other, axis=1) - 1)[a, n]])


def nearest_with_a_loss(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    """ "hardest" of those inside the margin alone."""
    a, p, n = found = mined(D, labels, m, strategy)
    return found[:, D[a, n] < D[a, p] + m] if strategy == "hardest" else found


def places(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    """Places in the list of negatives instead of images."""
    a, p, n = mined(D, labels, m, strategy)
    places = [np.searchsorted(np.flatnonzero(labels != labels[x]), y) for x, y in zip(a, n, strict=True)]
    return np.array([a, p, places], dtype=int)


def from_the_positive(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    """D[p, n] in place of D[a, n]."""
    if strategy == "hardest":
        pair, other = masks(labels)
        a, p, _ = mined(D, labels, m, strategy)
        return np.array([a, p, np.where(other, D, np.inf).argmin(1)[p]])
    ask(m, strategy)
    pair, other = masks(labels)
    wanted = mistakes.zone(D[:, :, None], D[None, :, :], m) == cases.STRATEGIES.index(strategy)
    return nonzero(wanted & pair[:, :, None] & other[:, None, :])


def raises_on_none(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    found = mined(D, labels, m, strategy)
    if found.size == 0:
        raise ValueError("need at least one array to concatenate")
    return found


def any_strategy(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    return mined(D, labels, m, strategy if strategy in cases.STRATEGIES else "semi_hard")


def any_margin(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    return mined(D, labels, max(m, 0.0), strategy)


def any_margin_for_hardest(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    """The nearest negative does not depend on m, and so m is not looked at."""
    return mined(D, labels, max(m, 0.0) if strategy == "hardest" else m, strategy)


def negative_second(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    return mined(D, labels, m, strategy)[[0, 2, 1]]


def with_zone(zone: Zone) -> Callable[..., np.ndarray]:
    def wrong(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
        return mined(D, labels, m, strategy, zone=zone)

    return wrong


def upper(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    return mined(D, labels, m, strategy, positives=np.triu(masks(labels)[0]))


def with_itself(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    return mined(D, labels, m, strategy, positives=masks(labels, itself=True)[0])


def any_negative(*, itself: bool) -> Callable[..., np.ndarray]:
    def wrong(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
        others = np.ones_like(D, dtype=bool) if itself else ~np.eye(len(D), dtype=bool)
        return mined(D, labels, m, strategy, negatives=others)

    return wrong


def any_positive(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    return mined(D, labels, m, strategy, positives=~np.eye(len(D), dtype=bool))


def first_anchor(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    found = mined(D, labels, m, strategy)
    return found[:, found[0] == found[0].min(initial=0)]


def always_semi_hard(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    ask(m, strategy)
    return mined(D, labels, m, "semi_hard")


def everywhere(wrong: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    return wrong


def semi_hard_only(wrong: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Right for every other strategy."""

    def answer(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
        return (wrong if strategy == "semi_hard" else mined)(D, labels, m, strategy)

    return answer


def active(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    """Hard taken as: whatever has a loss."""
    if strategy != "hard":
        return mined(D, labels, m, strategy)
    return np.concatenate([mined(D, labels, m, name) for name in ("hard", "semi_hard")], axis=1)
