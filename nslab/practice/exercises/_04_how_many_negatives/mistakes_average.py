"""Exercise 04: the mistakes that are known by name, one K for anchors that differ."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nslab.practice._exercise import Mutant
from nslab.practice._run import Outcome
from nslab.practice.exercises._04_how_many_negatives.mistakes import accepted, chance, number


def _near(got: Outcome, own: Outcome) -> bool:
    return math.isinf(number(got)) or math.isclose(number(got), number(own), rel_tol=0.05)


def _covered(rhos: np.ndarray, K: int) -> float:
    return math.fsum(chance(rho, K) for rho in rhos) / len(rhos)


def _smallest(rhos: Sequence[float] | np.ndarray, q: float, covered: Callable[[Any, int], float]) -> int:
    """The smallest K up to 2^60 at which `covered` reaches q."""
    high = 0
    while covered(rhos, high) < q:
        high = max(1, 2 * high)
        if high > 2**60:
            raise ValueError("no K is enough")
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if covered(rhos, middle) < q else (low, middle)
    return high


def _average(rhos: np.ndarray, q: float) -> int:
    if not _reachable(rhos, q):
        raise ValueError("no K is enough")
    return _smallest(rhos, q, _covered)


def _never(rhos: Any, K: int) -> float:
    raise ValueError("no K is enough")


def _reachable(rhos: np.ndarray, q: float) -> bool:
    return bool(q <= np.mean(rhos == 1) or q < np.mean(rhos > 0))


def _then(rhos: np.ndarray, q: float, inner: Callable[[], Any]) -> Any:
    if not _reachable(rhos, q):
        raise ValueError("no K is enough")
    return inner() if q > 0 else 0


def _each(rhos: np.ndarray, q: float) -> list[int]:
    return [_smallest([rho], q, _covered) for rho in rhos if rho > 0]


AVERAGE = (
    Mutant(
        "K at the mean ρ",
        lambda rhos, q: _then(rhos, q, lambda: _smallest([float(np.mean(rhos))], q, _covered)),
        "This is the K for an anchor with the mean ρ. It falls short: those with few hard negatives lose more"
        " than those with many gain. Average the chance, not ρ.",
    ),
    Mutant(
        "K at the median ρ",
        lambda rhos, q: _then(rhos, q, lambda: _smallest([float(np.median(rhos))], q, _covered)),
        "This is the K for the anchor in the middle. The mean of the chances is another number.",
    ),
    Mutant(
        "mean of the K",
        lambda rhos, q: _then(rhos, q, lambda: math.ceil(np.mean(_each(rhos, q)))),
        "You averaged the K that each anchor needs. Asked for is one K for all, at which the mean of the"
        " chances reaches q.",
        lambda case, got, own: isinstance(got.error, OverflowError) or _near(got, own),
    ),
    Mutant(
        "K of the poorest anchor",
        lambda rhos, q: _then(rhos, q, lambda: max(_each(rhos, q))),
        "Your K satisfies every single anchor that can be. The mean reaches q much earlier.",
    ),
    Mutant(
        "anchors without dropped",
        lambda rhos, q: _then(rhos, q, lambda: _smallest(rhos[rhos > 0], q, _covered)),
        "Anchors without a hard negative count too: their chance is 0, and it stays in the mean.",
    ),
    Mutant(
        "sum for mean",
        lambda rhos, q: _then(
            rhos, q, lambda: _smallest(rhos, q, lambda values, K: len(values) * _covered(values, K))
        ),
        "You added up the chances of the anchors: divide by their number.",
    ),
    Mutant(
        "any anchor",
        lambda rhos, q: _then(
            rhos, q, lambda: _smallest(rhos, q, lambda values, K: 1 - float(np.prod((1 - values) ** K)))
        ),
        "You multiplied the misses of the anchors: that is the chance that at least one of them is hit. Asked"
        " for is the mean of their chances.",
    ),
    Mutant(
        "refused too much",
        lambda rhos, q: _average(rhos, q) if q < np.mean(rhos > 0) or q == 0 else _smallest([], -1, _never),
        "An anchor with ρ = 1 is hit for sure, by one draw. Where there are enough of them, the mean reaches"
        " q: K = 1.",
        lambda case, got, own: got.error is not None,
    ),
    Mutant(
        "share of satisfied anchors",
        lambda rhos, q: _then(
            rhos, q, lambda: sorted([*_each(rhos, q), *[10**9] * len(rhos)])[math.ceil(q * len(rhos)) - 1]
        ),
        "You asked that a share q of the anchors be hit with probability q each. It is the mean of the"
        " chances that must reach q.",
    ),
    Mutant(
        "one too many",
        lambda rhos, q: _then(rhos, q, lambda: _average(rhos, q) + 1),
        "One draw fewer reaches q as well.",
    ),
    Mutant(
        "no draw",
        lambda rhos, q: max(1, _average(rhos, q)),
        "q = 0 is reached without a draw: K = 0.",
        lambda case, got, own: case.args[1] == 0,
    ),
    Mutant(
        "one too few",
        lambda rhos, q: _then(rhos, q, lambda: _average(rhos, q) - 1),
        "Your K is the last one that is not enough.",
    ),
    Mutant(
        "not refused",
        lambda rhos, q: _average(rhos, q) if _reachable(rhos, q) else 2**60,
        "The mean cannot pass the share of anchors that have a hard negative at all. Where q is not below"
        " that share, no K is enough (unless ρ = 1 makes it sure): raise ValueError.",
        accepted,
    ),
)
