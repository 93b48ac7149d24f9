"""Exercise 07: the sums over all draws that wrong answers to `expected_gradient` amount to."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from nslab.practice.exercises._07_model_proposes.mistakes import softmax

Gradient = Callable[[np.ndarray, np.ndarray, np.ndarray, int, bool], np.ndarray]
OfPlaces = Callable[[np.ndarray], np.ndarray]


@lru_cache
def outcomes(n: int, K: int) -> np.ndarray:
    """A row for each positive with each sequence of K draws: (n^(K+1), K + 1) classes."""
    return np.array(list(itertools.product(range(n), repeat=K + 1)))


def summed(
    pd: np.ndarray,
    q: np.ndarray,
    K: int,
    pos: np.ndarray,
    neg: np.ndarray,
    *,
    chance: OfPlaces | None = None,
    banned: OfPlaces | None = None,
    lost: OfPlaces | None = None,
    shift: bool = True,
) -> np.ndarray:
    """The sum over all draws, with logits `pos` of a positive and `neg` of a negative.

    `chance` of a row, if it is not the right one; places that are `banned` from the softmax; weights that
    get `lost`.
    """
    places = outcomes(len(q), K)
    logits = np.column_stack([pos[places[:, 0]], neg[places[:, 1:]]])
    if banned is not None:
        logits = np.where(banned(places), -np.inf, logits)
    weights = np.exp(logits - logits.max(1, keepdims=True) if shift else logits)
    weights /= weights.sum(1, keepdims=True)
    if lost is not None:
        weights = np.where(lost(places), 0, weights)
    share = pd[places[:, 0]] * q[places[:, 1:]].prod(1) if chance is None else chance(places)
    push = np.bincount(places.ravel(), (weights * share[:, None]).ravel(), len(q))
    return push - np.bincount(places[:, 0], share, len(q))


def subtracted(q: np.ndarray, corrected: bool) -> np.ndarray:
    """What is subtracted from the logits."""
    if not corrected:
        return np.zeros_like(q)
    if q.min() <= 0:
        raise ValueError("no ln q")
    return np.log(q)


def right(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
    logits = f - subtracted(q, corrected)
    return summed(pd, q, K, logits, logits)


def corrected_by(pos: float, neg: float, per_draw: bool = False) -> Gradient:
    """So many times ln q is subtracted from the positive's logit, and from a negative's."""

    def wrong(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
        ln_q = subtracted(q, corrected)
        ln_k = math.log(K) if per_draw and corrected else 0.0
        return summed(pd, q, K, f - pos * ln_q, f - neg * (ln_q + ln_k))

    return wrong


def changed(**changes: Any) -> Gradient:
    """The right logits, another sum."""

    def wrong(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
        logits = f - subtracted(q, corrected)
        return summed(pd, q, K, logits, logits, **changes)

    return wrong


def scaled(factor: Callable[[int, int], float]) -> Gradient:
    return lambda pd, f, q, K, corrected: factor(len(f), K) * right(pd, f, q, K, corrected)


def closed(factor: Callable[[int], float]) -> Gradient:
    def wrong(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
        subtracted(q, corrected)
        return factor(K) * (softmax(f) - pd)

    return wrong


def flows(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
    """With ln q taken as a function of f, all corrected logits are ln Z, and the loss is ln(K + 1) for
    every f.
    """
    return (0.0 if corrected else 1.0) * right(pd, f, q, K, corrected)


def ratio(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
    subtracted(q, corrected)
    logits = f - q if corrected else f
    return summed(pd, q, K, logits, logits)


def reversed_flag(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
    subtracted(q, corrected)
    return right(pd, f, np.maximum(q, 1e-300), K, not corrected)


def always(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
    subtracted(q, corrected)
    return right(pd, f, np.maximum(q, 1e-300), K, True)


def flag_times_ln(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
    subtracted(q, corrected)
    logits = f - corrected * np.log(q)
    return summed(pd, q, K, logits, logits)


def overflowing(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
    logits = f - subtracted(q, corrected)
    return summed(pd, q, K, logits, logits, shift=False)


def unrefused_hole(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
    logits = f - np.log(q) if corrected else f
    return summed(pd, q, K, logits, logits)


def equal_draws(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
    logits = f - subtracted(q, corrected)
    return summed(pd, np.full(len(q), 1 / len(q)), K, logits, logits)


def equal_positives(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
    return right(np.full(len(q), 1 / len(q)), f, q, K, corrected)


def swapped(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
    logits = f - subtracted(q, corrected)
    return summed(q, pd, K, logits, logits)


def one_negative(factor: Callable[[int], float]) -> Gradient:
    return lambda pd, f, q, K, corrected: factor(K) * right(pd, f, q, 1, corrected)


def push_only(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
    return right(pd, f, q, K, corrected) + pd


def pull_lost(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
    """`g[ids] += w` with the pull in w: a positive that is drawn as well loses it."""
    places = outcomes(len(q), K)
    share = pd[places[:, 0]] * q[places[:, 1:]].prod(1) * hits(places).any(1)
    return changed(lost=repeated)(pd, f, q, K, corrected) + np.bincount(places[:, 0], share, len(q))


def hole_refused(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
    subtracted(q, True)
    return right(pd, f, q, K, corrected)


def redrawn(own_rule: bool) -> Gradient:
    """The positive never comes and the others share its chance; corrected as here, or by that rule's own
    ln(K q').
    """

    def wrong(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
        ln_q = subtracted(q, corrected)
        total = np.zeros_like(q)
        for i, place in enumerate(np.eye(len(q))):
            rest = q * (1 - place) / (1 - q[i])
            pos = neg = f - ln_q
            if own_rule and corrected:
                pos, neg = f, f - np.log(K * (rest + place))
            total += summed(pd[i] * place, rest, K, pos, neg)
        return total

    return wrong


def logistic(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
    held = 1 / (1 + np.exp(subtracted(q, corrected) - f))
    return K * q * held - pd * (1 - held)


def at_positive(places: np.ndarray) -> np.ndarray:
    """The place of the positive."""
    return np.arange(places.shape[1]) == np.zeros_like(places)


def hits(places: np.ndarray) -> np.ndarray:
    """Negatives that are the positive once more."""
    hits = places == places[:, :1]
    hits[:, 0] = False
    return hits


def repeated(places: np.ndarray, first: int = 0) -> np.ndarray:
    """Places whose class comes again later on: `a[ids] += w` keeps the last one only."""
    lost = np.zeros(places.shape, dtype=bool)
    for k in range(first, places.shape[1]):
        lost[:, k] = (places[:, k + 1 :] == places[:, k : k + 1]).any(1)
    return lost


def some_draws(kept: Callable[[tuple[int, ...]], bool]) -> Gradient:
    """Only the sequences of draws that are kept, each with its chance."""

    def wrong(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
        def chance(places: np.ndarray) -> np.ndarray:
            whole = pd[places[:, 0]] * q[places[:, 1:]].prod(1)
            return whole * np.array([kept(tuple(row)) for row in places.tolist()])

        return changed(chance=chance)(pd, f, q, K, corrected)

    return wrong
