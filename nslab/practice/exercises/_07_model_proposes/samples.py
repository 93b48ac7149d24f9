"""Exercise 07: the samples that wrong answers to `sample_negatives` amount to, and how they are
recognised.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nslab.practice._exercise import Case
from nslab.practice._run import Outcome
from nslab.practice.exercises._07_model_proposes.mistakes import above_zero, softmax


def alike(case: Case, got: Outcome, own: Outcome) -> bool:
    """The same sample up to chance, or what stands for it."""
    if not isinstance(got.value, dict) or not isinstance(own.value, dict):
        return False
    pairs = {name: (float(got.value[name]), float(own.value[name])) for name in own.value}
    mean, other = pairs.pop("mean logit of the draws")
    near = abs(mean - other) <= 0.05 * np.ptp(case.args[0])
    return near and all(math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-8) for a, b in pairs.values())


Sample = tuple[np.ndarray, np.ndarray]


def checked(f: np.ndarray, T: float, positive: int | None) -> np.ndarray:
    """The classes that may be drawn."""
    above_zero(T)
    if positive is not None and not 0 <= positive < len(f):
        raise ValueError("no such class")
    ids = np.arange(len(f))
    kept = ids if positive is None else ids[ids != positive]
    if len(kept) == 0:
        raise ValueError("nothing to draw")
    return kept


def log_softmax(z: np.ndarray) -> np.ndarray:
    z = z - z.max()
    return z - np.log(np.exp(z).sum())


def draw(ids: np.ndarray, log_q: np.ndarray, K: int, rng: np.random.Generator) -> np.ndarray:
    return rng.choice(ids, size=K, p=np.exp(log_softmax(log_q)))


def reported(reported: Callable[[np.ndarray, float, np.ndarray], np.ndarray]) -> Callable[..., Sample]:
    """The right draws, with another `told(f, T, kept)` (n,) in the place of ln q."""

    def wrong(
        f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: int | None = None
    ) -> Sample:
        kept = checked(f, T, positive)
        ids = draw(kept, f[kept] / T, K, rng)
        return ids, reported(f, T, kept)[ids]

    return wrong


def own_softmax(z: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """ln softmax over the kept classes, at their places among all."""
    full = np.full(len(z), np.nan)
    full[kept] = log_softmax(z[kept])
    return full


def drawn_by(logits: Callable[[np.ndarray, float], np.ndarray], honest: bool) -> Callable[..., Sample]:
    """Draws from the softmax of other logits; an honest ln q is that of these draws, else softmax(f /
    T)'s.
    """

    def wrong(
        f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: int | None = None
    ) -> Sample:
        kept = checked(f, T, positive)
        z = logits(f, T)
        ids = draw(kept, z[kept], K, rng)
        return ids, own_softmax(z if honest else f / T, kept)[ids]

    return wrong


def any_class(f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None) -> Sample:
    checked(f, T, positive)
    log_q = log_softmax(f / T)
    ids = draw(np.arange(len(f)), log_q, K, rng)
    return ids, log_q[ids]


def if_positive(f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None) -> Sample:
    checked(f, T, positive)
    kept = checked(f, T, positive or None)
    log_q = own_softmax(f / T, kept)
    ids = draw(kept, log_q[kept], K, rng)
    return ids, log_q[ids]


def dropped(f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None) -> Sample:
    kept = checked(f, T, positive)
    ids, _ = any_class(f, T, K, rng)
    ids = ids if positive is None else ids[ids != positive]
    return ids, own_softmax(f / T, kept)[ids]


def plus_ln_k(f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None) -> Sample:
    kept = checked(f, T, positive)
    log_q = own_softmax(f / T, kept)
    ids = draw(kept, log_q[kept], K, rng)
    return ids, log_q[ids] + math.log(K)


def distinct(f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None) -> Sample:
    kept = checked(f, T, positive)
    log_q = log_softmax(f[kept] / T)
    ids = rng.choice(len(kept), size=K, replace=False, p=np.exp(log_q))
    return kept[ids], log_q[ids]


def hardest(f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None) -> Sample:
    kept = checked(f, T, positive)
    ids = kept[np.argsort(-f[kept], kind="stable")][:K]
    return ids, own_softmax(f / T, kept)[ids]


def top_only(f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None) -> Sample:
    ids, log_q = hardest(f, T, 1, rng, positive)
    return np.repeat(ids, K), np.repeat(log_q, K)


def fewer(case: Case, got: Outcome, own: Outcome) -> bool:
    """Fewer than asked for, and not merely each class once."""
    drawn = got.value["drawn"] if isinstance(got.value, dict) else case.args[2]
    return drawn < case.args[2] and not 0 < drawn <= len(case.args[0])


def each_once(case: Case, got: Outcome, own: Outcome) -> bool:
    return isinstance(got.value, dict) and got.value["drawn"] == own.value["drawn"] < case.args[2]


def distinct_if_possible(
    f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None
) -> Sample:
    kept = checked(f, T, positive)
    log_q = log_softmax(f[kept] / T)
    ids = rng.choice(len(kept), size=K, replace=len(kept) < K, p=np.exp(log_q))
    return kept[ids], log_q[ids]


def sorted(f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None) -> Sample:
    kept = checked(f, T, positive)
    log_q = own_softmax(f / T, kept)
    ids = np.sort(draw(kept, log_q[kept], K, rng))
    return ids, log_q[ids]


def own_generator(f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None) -> Sample:
    kept = checked(f, T, positive)
    log_q = own_softmax(f / T, kept)
    ids = draw(kept, log_q[kept], K, np.random.default_rng(0))
    return ids, log_q[ids]


def one_draw(f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None) -> Sample:
    kept = checked(f, T, positive)
    log_q = own_softmax(f / T, kept)
    ids = np.repeat(draw(kept, log_q[kept], 1, rng), K)
    return ids, log_q[ids]


def one_class(case: Case, got: Outcome, own: Outcome) -> bool:
    """All draws are one class, as their mean logit tells."""
    if not isinstance(got.value, dict) or not got.value["unevenly drawn"]:
        return False
    return bool((np.abs(case.args[0] - got.value["mean logit of the draws"]) < 1e-9).any())


def masked_by(logit: float) -> Callable[..., Sample]:
    """The positive's logit is replaced, and not by −∞."""

    def wrong(
        f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: int | None = None
    ) -> Sample:
        checked(f, T, positive)
        z = f.copy()
        if positive is not None:
            z[positive] = logit
        return any_class(z, T, K, rng)

    return wrong


def late(rest: Callable[[np.ndarray, int], float]) -> Callable[..., Sample]:
    """The positive's place is emptied after the softmax, and what is left divided by `rest(q, positive)`."""

    def wrong(
        f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: int | None = None
    ) -> Sample:
        checked(f, T, positive)
        q = softmax(f, T)
        if positive is not None:
            q = q * (np.arange(len(f)) != positive) / rest(q, positive)
        ids = rng.choice(len(f), size=K, p=q)
        return ids, np.log(q[ids])

    return wrong


def places_for_ids(f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None) -> Sample:
    kept = checked(f, T, positive)
    log_q = log_softmax(f[kept] / T)
    places = draw(np.arange(len(kept)), log_q, K, rng)
    return places, log_q[places]


def negative_index(f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None) -> Sample:
    above_zero(T)
    kept = checked(f, T, None if positive is None else min(positive, len(f) - 1) % len(f))
    log_q = own_softmax(f / T, kept)
    ids = draw(kept, log_q[kept], K, rng)
    return ids, log_q[ids]
