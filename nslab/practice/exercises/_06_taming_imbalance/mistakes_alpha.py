"""Exercise 06: the mistakes in `alpha_for_share` that are known by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from nslab.practice._exercise import Case, Mutant
from nslab.practice._judgements import wherever
from nslab.practice._run import Outcome
from nslab.practice.exercises._06_taming_imbalance.mistakes import q, silent


def _gaps(f: np.ndarray) -> np.ndarray:
    return np.diff(np.log(np.unique(f[f > 0])))


def _halve(below: Callable[[float], bool], low: float, high: float) -> float:
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return high


def _share(f: np.ndarray, c: int) -> Callable[[float], float]:
    ratios = np.log(f[f > 0]) - math.log(f[c])

    def at(alpha: float) -> float:
        with np.errstate(over="ignore"):
            return float(1 / np.exp(alpha * ratios).sum())

    return at


@lru_cache(maxsize=256)
def _solve(counts: tuple[float, ...], c: int, target: float) -> float:
    f = np.array(counts)
    if f[c] == 0 or len(_gaps(f)) == 0:
        raise ValueError("no such exponent")
    share, end = _share(f, c), 800 / _gaps(f).min()
    peak = end if f[c] == f.max() else -end
    if f[f > 0].min() < f[c] < f.max():
        seen = np.log(f[f > 0])
        peak = _halve(lambda a: float(q(f, a)[f > 0] @ seen) < math.log(f[c]), -end, end)
    if not 0 < target < share(peak):
        raise ValueError("no such exponent")
    return _halve(lambda a: share(a) < target, -end if f[c] == f.max() else end, peak)


def _alpha(f: np.ndarray, c: int, target: float) -> float:
    return _solve(tuple(f.tolist()), c, target)


def _monotone(f: np.ndarray, c: int, target: float, *, falls: bool) -> float:
    """A search that takes the share for falling (or rising) all the way."""
    _alpha(f, c, target)
    share, end = _share(f, c), 800 / _gaps(f).min()
    return _halve(lambda a: (share(a) > target) == falls, -end, end)


def _naive(f: np.ndarray, c: int, target: float, low: float, high: float) -> float:
    """Falling all the way, in a fixed range, and nothing is refused."""
    share = _share(f, c) if f[c] > 0 else lambda alpha: 0.0
    return _halve(lambda a: share(a) > target, low, high)


def _extremes(f: np.ndarray, c: int, target: float) -> float:
    """Falling for all but the most frequent class."""
    return _monotone(f, c, target, falls=f[c] < f.max())


def _confined(f: np.ndarray, c: int, target: float, low: float, high: float) -> float:
    return min(max(_alpha(f, c, target), low), high)


def _odds(f: np.ndarray, c: int, target: float, one: float, other: float) -> float:
    """The formula for two classes, with `one` and `other` as their counts."""
    alpha = _alpha(f, c, target)
    if np.count_nonzero(f) == 2:
        return alpha
    return math.log((1 - target) / target) / math.log(other / one)


def _bracketed(f: np.ndarray, c: int, target: float, low: float, high: float) -> float:
    """A root finder on one fixed bracket, which wants the target between the shares at its ends."""
    alpha, share = _alpha(f, c, target), _share(f, c)
    if (share(low) - target) * (share(high) - target) > 0:
        raise ValueError("no change of sign")
    return alpha


def _own_power(f: np.ndarray, c: int, target: float) -> float:
    _alpha(f, c, target)
    return math.log(target) / math.log(f[c] / f.sum())


def _without_one(f: np.ndarray, c: int, target: float) -> float:
    alpha = _alpha(f, c, target)
    ratio = np.delete(f, c).max() / f[c]
    return math.log(1 / target) / math.log(ratio) if ratio != 1 else alpha


def _any_exponent(f: np.ndarray, c: int, target: float) -> float:
    try:
        return _alpha(f, c, target)
    except ValueError:
        return 0.0


def _share_got(outcome: Outcome) -> float | None:
    return next(iter(outcome.value.values())) if isinstance(outcome.value, dict) else None


def _ran_off(case: Case, got: Outcome, own: Outcome) -> bool:
    """A search that ended far from its target, or a root finder that found no change of sign."""
    share, target = _share_got(got), case.args[2]
    if got.error is not None or share is None:
        return isinstance(got.error, ValueError)
    return share < target / 5 or 1 - share < (1 - target) / 5 or _as_own(case, got, own)


def _as_formula(case: Case, got: Outcome, own: Outcome) -> bool:
    """The share that the formula gives, or what is left where it divides by ln 1."""
    if got.error is not None:
        return isinstance(got.error, ZeroDivisionError | ValueError)
    return _share_got(got) is None or _as_own(case, got, own)


def _as_own(case: Case, got: Outcome, own: Outcome) -> bool:
    """The same share, or a search that refuses."""
    share, other = _share_got(got), _share_got(own)
    if got.error is not None:
        return isinstance(got.error, ValueError)
    return share is not None and other is not None and math.isclose(share, other, rel_tol=1e-4, abs_tol=1e-6)


def _tie_reached(f: np.ndarray, c: int, target: float) -> float:
    tied = np.count_nonzero(f == f[c]) > 1
    return 50.0 if tied and len(f) > 2 and target * 2 >= 1 else _alpha(f, c, target)


def _near_share(case: Case, got: Outcome, own: Outcome) -> bool:
    share, target = _share_got(got), case.args[2]
    return share is not None and abs(share - target) < 0.06 * min(target, 1 - target)


_NARROW = (
    "The exponent lies outside the range of your search. α is not confined to [0, 1]: any finite number is"
    " legal, and counts that are close together need a large one. (Powers that overflow on the way look the"
    " same.)"
)
_DIRECTION = (
    "Your search runs the wrong way here. The share of the rarest class falls as α rises, that of the most"
    " frequent rises, and a class in between has a peak: look at which one yours is first."
)
_PEAK = (
    "A class in between has its largest share at some exponent and loses on both sides, and a search over the"
    " whole line misses that. Find the peak, then search on one side of it."
)
_TWO = (
    "This formula is for two classes. With more, the rest does not act as one class: each of its members"
    " changes by its own power."
)
ALPHA = (
    Mutant("range too narrow", lambda f, c, target: _confined(f, c, target, 0.0, 1.0), _NARROW, _as_own),
    Mutant("range too narrow", lambda f, c, target: _naive(f, c, target, 0.0, 1.0), _NARROW, _as_own),
    Mutant("range too narrow", lambda f, c, target: _confined(f, c, target, -1.0, 1.0), _NARROW, _as_own),
    Mutant("range too narrow", lambda f, c, target: _confined(f, c, target, -10.0, 10.0), _NARROW, wherever),
    Mutant(
        "sign of the exponent",
        lambda f, c, target: -_alpha(f, c, target),
        "The sign is reversed: above α = 0 the frequent classes are drawn most, below it the rare ones.",
    ),
    Mutant(
        "1/t for the odds",
        _without_one,
        "A share compares c with all classes, c among them. You solved for c beside the largest alone.",
    ),
    Mutant(
        "two bases",
        lambda f, c, target: _alpha(f, c, target) * math.log(10),
        "Two logarithms to different bases were divided: your exponent is ln 10 times too large. Take both to"
        " the same base.",
    ),
    Mutant(
        "two bases",
        lambda f, c, target: _alpha(f, c, target) / math.log(10),
        "Two logarithms to different bases were divided: your exponent is ln 10 times too small. Take both to"
        " the same base.",
    ),
    Mutant("wrong direction", lambda f, c, target: _monotone(f, c, target, falls=True), _DIRECTION, _ran_off),
    Mutant(
        "wrong direction",
        lambda f, c, target: _monotone(f, c, target, falls=False),
        _DIRECTION,
        _ran_off,
    ),
    Mutant("wrong direction", lambda f, c, target: _naive(f, c, target, -50.0, 50.0), _DIRECTION, _ran_off),
    Mutant("peak missed", _extremes, _PEAK, _ran_off),
    Mutant(
        "no root in the bracket",
        lambda f, c, target: _bracketed(f, c, target, -10.0, 10.0),
        "At both ends of your bracket the share lies on the same side of the target, so the root finder gives"
        " up. Widen the bracket where counts are close together; where the share has a peak, let the bracket"
        " end there.",
        lambda case, got, own: isinstance(got.error, ValueError),
    ),
    Mutant(
        "formula for two classes", lambda f, c, t: _odds(f, c, t, f[c], f.sum() - f[c]), _TWO, _as_formula
    ),
    Mutant("formula for two classes", lambda f, c, t: _odds(f, c, t, f[c], f.max()), _TWO, _as_formula),
    Mutant(
        "formula for two classes", lambda f, c, t: _odds(f, c, t, f[f > 0].min(), f.max()), _TWO, _as_formula
    ),
    Mutant(
        "own power only",
        _own_power,
        "You set the power of c's own frequency to the target. The powers of all other classes change with α"
        " too, and the share is c's part of their sum.",
    ),
    Mutant(
        "share of the rest",
        lambda f, c, target: _alpha(f, c, 1 - target),
        "At your exponent all the other classes together have the target, and c has what is left.",
    ),
    Mutant(
        "not refused",
        _any_exponent,
        "No exponent gives this share, yet you returned one. What shares can class c have at all? Raise"
        " ValueError for the rest.",
        silent,
    ),
    Mutant(
        "ties forgotten",
        _tie_reached,
        "Classes that tie share alike at every exponent, so one of two never reaches a half. Raise ValueError"
        " there.",
        silent,
    ),
    *(
        Mutant(
            "rounded",
            lambda f, c, target, digits=digits: round(_alpha(f, c, target), digits),
            "Close, but rounded or from a coarse grid: the share misses its target. Search on until nothing"
            " changes.",
            _near_share,
        )
        for digits in (2, 5)
    ),
)
