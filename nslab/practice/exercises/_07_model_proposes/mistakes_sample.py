"""Exercise 07: the mistakes in `sample_negatives` that are known by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nslab.practice._exercise import Case, Mutant
from nslab.practice._run import Outcome
from nslab.practice.exercises._07_model_proposes.mistakes import above_zero, not_finite, softmax


def _alike(case: Case, got: Outcome, own: Outcome) -> bool:
    """The same sample up to chance, or what stands for it."""
    if not isinstance(got.value, dict) or not isinstance(own.value, dict):
        return False
    pairs = {name: (float(got.value[name]), float(own.value[name])) for name in own.value}
    mean, other = pairs.pop("mean logit of the draws")
    near = abs(mean - other) <= 0.05 * np.ptp(case.args[0])
    return near and all(math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-8) for a, b in pairs.values())


Sample = tuple[np.ndarray, np.ndarray]


def _checked(f: np.ndarray, T: float, positive: int | None) -> np.ndarray:
    """The classes that may be drawn."""
    above_zero(T)
    if positive is not None and not 0 <= positive < len(f):
        raise ValueError("no such class")
    ids = np.arange(len(f))
    kept = ids if positive is None else ids[ids != positive]
    if len(kept) == 0:
        raise ValueError("nothing to draw")
    return kept


def _log_softmax(z: np.ndarray) -> np.ndarray:
    z = z - z.max()
    return z - np.log(np.exp(z).sum())


def _draw(ids: np.ndarray, log_q: np.ndarray, K: int, rng: np.random.Generator) -> np.ndarray:
    return rng.choice(ids, size=K, p=np.exp(_log_softmax(log_q)))


def _told(told: Callable[[np.ndarray, float, np.ndarray], np.ndarray]) -> Callable[..., Sample]:
    """The right draws, with another `told(f, T, kept)` (n,) in the place of ln q."""

    def wrong(
        f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: int | None = None
    ) -> Sample:
        kept = _checked(f, T, positive)
        ids = _draw(kept, f[kept] / T, K, rng)
        return ids, told(f, T, kept)[ids]

    return wrong


def _own_softmax(z: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """ln softmax over the kept classes, at their places among all."""
    full = np.full(len(z), np.nan)
    full[kept] = _log_softmax(z[kept])
    return full


def _drawn_by(logits: Callable[[np.ndarray, float], np.ndarray], honest: bool) -> Callable[..., Sample]:
    """Draws from the softmax of other logits; an honest ln q is that of these draws, else softmax(f / T)'s."""

    def wrong(
        f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: int | None = None
    ) -> Sample:
        kept = _checked(f, T, positive)
        z = logits(f, T)
        ids = _draw(kept, z[kept], K, rng)
        return ids, _own_softmax(z if honest else f / T, kept)[ids]

    return wrong


def _any_class(f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None) -> Sample:
    _checked(f, T, positive)
    log_q = _log_softmax(f / T)
    ids = _draw(np.arange(len(f)), log_q, K, rng)
    return ids, log_q[ids]


def _if_positive(f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None) -> Sample:
    _checked(f, T, positive)
    kept = _checked(f, T, positive or None)
    log_q = _own_softmax(f / T, kept)
    ids = _draw(kept, log_q[kept], K, rng)
    return ids, log_q[ids]


def _dropped(f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None) -> Sample:
    kept = _checked(f, T, positive)
    ids, _ = _any_class(f, T, K, rng)
    ids = ids if positive is None else ids[ids != positive]
    return ids, _own_softmax(f / T, kept)[ids]


def _plus_ln_k(f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None) -> Sample:
    kept = _checked(f, T, positive)
    log_q = _own_softmax(f / T, kept)
    ids = _draw(kept, log_q[kept], K, rng)
    return ids, log_q[ids] + math.log(K)


def _distinct(f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None) -> Sample:
    kept = _checked(f, T, positive)
    log_q = _log_softmax(f[kept] / T)
    ids = rng.choice(len(kept), size=K, replace=False, p=np.exp(log_q))
    return kept[ids], log_q[ids]


def _hardest(f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None) -> Sample:
    kept = _checked(f, T, positive)
    ids = kept[np.argsort(-f[kept], kind="stable")][:K]
    return ids, _own_softmax(f / T, kept)[ids]


def _top_only(f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None) -> Sample:
    ids, log_q = _hardest(f, T, 1, rng, positive)
    return np.repeat(ids, K), np.repeat(log_q, K)


def _fewer(case: Case, got: Outcome, own: Outcome) -> bool:
    """Fewer than asked for, and not merely each class once."""
    drawn = got.value["drawn"] if isinstance(got.value, dict) else case.args[2]
    return drawn < case.args[2] and not 0 < drawn <= len(case.args[0])


def _each_once(case: Case, got: Outcome, own: Outcome) -> bool:
    return isinstance(got.value, dict) and got.value["drawn"] == own.value["drawn"] < case.args[2]


def _late(rest: Callable[[np.ndarray, int], float]) -> Callable[..., Sample]:
    """The positive's place is emptied after the softmax, and what is left divided by `rest(q, positive)`."""

    def wrong(
        f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: int | None = None
    ) -> Sample:
        _checked(f, T, positive)
        q = softmax(f, T)
        if positive is not None:
            q = q * (np.arange(len(f)) != positive) / rest(q, positive)
        ids = rng.choice(len(f), size=K, p=q)
        return ids, np.log(q[ids])

    return wrong


def _places_for_ids(
    f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None
) -> Sample:
    kept = _checked(f, T, positive)
    log_q = _log_softmax(f[kept] / T)
    places = _draw(np.arange(len(kept)), log_q, K, rng)
    return places, log_q[places]


def _negative_index(
    f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None
) -> Sample:
    above_zero(T)
    kept = _checked(f, T, None if positive is None else min(positive, len(f) - 1) % len(f))
    log_q = _own_softmax(f / T, kept)
    ids = _draw(kept, log_q[kept], K, rng)
    return ids, log_q[ids]


_ALIKE = "All classes come equally often: the draws do not ask the model. Give the chances to the draw too."
_HARDEST = (
    "You took the classes with the highest logits. A proposal draws: each class comes with its chance, the top one "
    "only more often."
)
_LATE = (
    "The positive held nearly all of q, so what you divide by is 0 in floating point. Take it out before the softmax, not "
    "after."
)
SAMPLE = (
    Mutant(
        "positive drawn",
        _any_class,
        "The positive is among your draws, though it was given to be left out. Then the others share its chance, and ln "
        "q has to say so.",
        _alike,
    ),
    Mutant(
        "class 0 taken for None",
        _if_positive,
        "Class 0 was the positive, and you drew it: `if positive` is False for 0 as it is for None. Ask `is not None`.",
        _alike,
    ),
    Mutant(
        "ln q of all classes",
        _told(lambda f, T, kept: _log_softmax(f / T)),
        "The positive is out, but your ln q still gives it a share. The classes that are left are drawn more often: "
        "their q sums to 1 without it.",
        _alike,
    ),
    Mutant(
        "temperature ignored",
        _drawn_by(lambda f, T: f, honest=True),
        "Your draws do not depend on T: they come from softmax(f), where softmax(f/T) is asked for.",
        _alike,
    ),
    Mutant(
        "temperature ignored in ln q",
        _told(lambda f, T, kept: _own_softmax(f, kept)),
        "The draws come from softmax(f/T), but your ln q is that of softmax(f). It has to be the one that was drawn "
        "from.",
        _alike,
    ),
    Mutant(
        "temperature ignored in the draws",
        _drawn_by(lambda f, T: f, honest=False),
        "Your ln q is that of softmax(f/T), but the draws come from softmax(f).",
        _alike,
    ),
    Mutant(
        "multiplied by T",
        _drawn_by(lambda f, T: f * T, honest=True),
        "A large T must make all classes alike, yours sharpens: divide the logits by T.",
        _alike,
    ),
    Mutant("uniform draws", _drawn_by(lambda f, T: np.zeros_like(f), honest=False), _ALIKE, _alike),
    Mutant("uniform draws", _drawn_by(lambda f, T: np.zeros_like(f), honest=True), _ALIKE, _alike),
    Mutant(
        "q for ln q",
        _told(lambda f, T, kept: np.exp(_own_softmax(f / T, kept))),
        "The second part is q. Its logarithm is asked for, which is never above 0.",
        _alike,
    ),
    Mutant(
        "logit for ln q",
        _told(lambda f, T, kept: f / T),
        "The second part is f/T. A log-probability has the logarithm of the sum taken away, so that q sums to 1.",
        _alike,
    ),
    Mutant(
        "logit for ln q",
        _told(lambda f, T, kept: f),
        "The second part is f. A log-probability is f/T with the logarithm of the sum taken away, so that q sums to 1.",
        _alike,
    ),
    Mutant(
        "ln K q for ln q",
        _plus_ln_k,
        "ln K is added to your ln q. Asked for is the chance of one draw; a loss that needs ln(K q) adds it itself.",
        _alike,
    ),
    Mutant(
        "sign of ln q",
        _told(lambda f, T, kept: -_own_softmax(f / T, kept)),
        "The sign of ln q is reversed: the logarithm of a chance is never above 0.",
        _alike,
    ),
    Mutant(
        "drawn, then dropped",
        _dropped,
        "You dropped the draws that hit the positive, so fewer than K came back. Draw from the classes that are left.",
        _fewer,
    ),
    Mutant(
        "without replacement",
        _distinct,
        "No class comes twice in your sample, so K cannot exceed their number. Draws are independent: with replacement.",
        lambda case, got, own: isinstance(got.error, ValueError) if own.error else False,
    ),
    Mutant("hardest only", _hardest, _HARDEST, _each_once),
    Mutant("hardest only", _top_only, _HARDEST, _alike),
    Mutant(
        "places for ids",
        _places_for_ids,
        "You returned places in the list of the classes that are left, instead of the classes at those places.",
        _alike,
    ),
    Mutant("renormalised too late", _late(lambda q, i: np.delete(q, i).sum()), _LATE, not_finite),
    Mutant("renormalised too late", _late(lambda q, i: 1 - q[i]), _LATE, not_finite),
    Mutant(
        "no such class",
        _negative_index,
        "There is no such class: raise ValueError. An index below 0 counts from the end in Python, and a class that "
        "nobody meant is left out.",
        lambda case, got, own: got.error is None or isinstance(got.error, IndexError),
    ),
)
