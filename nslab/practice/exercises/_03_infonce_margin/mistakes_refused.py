"""Exercise 03: the mistakes that are known by name, in what `alpha_for` must refuse and what it must not."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from nslab.practice._exercise import Case, Mutant
from nslab.practice._judgements import is_number
from nslab.practice._run import Outcome


def refuse(p: float | None, loss: float | None) -> None:
    if (
        (p is None) == (loss is None)
        or not 0 < (0.5 if p is None else p) < 1
        or not (1 if loss is None else loss) > 0
    ):
        raise ValueError("no such score")


def logit(p: float | None, loss: float | None) -> float:
    """ln(p / (1 − p)), kept exact for tiny and for huge losses."""
    if p is not None:
        return math.log(p) - math.log1p(-p)
    assert loss is not None
    return -loss - math.log(-math.expm1(-loss))


Solved = Callable[[float | None, float | None, float, float, int], float]


def solved(lead: Solved) -> Solved:
    """`lead` where there is an answer, ValueError elsewhere."""

    def alpha_for(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> float:
        refuse(p, loss)
        with np.errstate(all="ignore"):
            return float(lead(p, loss, beta, tau, K))

    return alpha_for


def right(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> float:
    return beta + tau * (math.log(K) + logit(p, loss))


def _infinite(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> float:
    if (p in (0.0, 1.0) and loss is None) or (loss == 0 and p is None):
        return -math.inf if p == 0 else math.inf
    refuse(p, loss)
    return right(p, loss, beta, tau, K)


def _unrefused(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> float:
    try:
        refuse(p, loss)
    except ValueError:
        return math.nan
    return right(p, loss, beta, tau, K)


def _p_wins(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> float:
    if p is None and loss is None:
        raise TypeError("None has no logarithm")
    refuse(p, loss if p is None else None)
    return right(p, loss if p is None else None, beta, tau, K)


def _nearer_the_threshold(case: Case, got: Outcome, own: Outcome) -> bool:
    """Not as far out as asked, on the right side."""
    p, _, beta, tau, K = case.args
    if p is None or not 0 < p < 1 or not is_number(got):
        return False
    middle, asked = beta + tau * math.log(K), right(*case.args)
    return 0.5 < (float(got.value) - middle) / (asked - middle) < 1


def _clipped(small: float) -> Solved:
    def lead(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> float:
        return right(p if p is None else min(max(p, small), 1 - small), loss, beta, tau, K)

    return lead


REFUSALS = (
    *(
        Mutant(
            "p clipped",
            solved(_clipped(small)),
            "You kept p away from 0 and 1 by a small number. The scores beyond are finite and none of them is"
            " the one asked for; only 0 and 1 themselves have no score.",
            _nearer_the_threshold,
        )
        for small in (1e-12, 1e-8)
    ),
    Mutant(
        "0 taken for None",
        lambda p, loss, beta, tau, K: (
            right(p, None, beta, tau, K)
            if loss == 0 and p is not None
            else solved(right)(p, loss, beta, tau, K)
        ),
        "A loss of 0 was given beside p, and you took it for not given: 0 counts as false in Python. Ask"
        " whether it `is None`.",
    ),
    Mutant(
        "an infinite score",
        _infinite,
        "A weight of exactly 0 or 1, a loss of exactly 0: no finite score gives that. Raise ValueError, where"
        " you divide by zero or return infinity.",
        lambda case, got, own: (
            isinstance(got.error, ZeroDivisionError | OverflowError)
            or (is_number(got) and math.isinf(float(got.value)))
        ),
    ),
    Mutant(
        "nothing refused",
        _unrefused,
        "Some wishes no score fulfils: a probability of 0, of 1 or beyond, a loss of 0 or less, two wishes at"
        " once or none. Look at the wish and raise ValueError before you compute.",
        lambda case, got, own: not isinstance(got.error, ValueError),
    ),
    Mutant(
        "both or neither",
        _p_wins,
        "Exactly one of p and loss is to be given. With both or none of them there is no question: raise"
        " ValueError.",
        lambda case, got, own: got.error is None or isinstance(got.error, TypeError | UnboundLocalError),
    ),
)
