"""Exercise 04: the mistakes that are known by name, the smallest K of a pool that ends."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from nslab.practice._exercise import Case, Mutant
from nslab.practice._run import Outcome
from nslab.practice.exercises._04_how_many_negatives.mistakes import accepted, anything, close, number
from nslab.practice.exercises._04_how_many_negatives.mistakes_needed import settled


def _first(N: int, M: int, q: float, enough: Callable[[int, Fraction], bool]) -> int:
    """The first K that passes, given K and the chance that K draws without replacement all miss."""
    if q == 0:
        return 0
    if M == 0:
        raise ValueError("no K is enough")
    missed, K = Fraction(1), 0
    while missed > 0 and not enough(K, missed):
        missed *= Fraction(N - M - K, N - K)
        K += 1
    return K


def _finite(N: int, M: int, q: float) -> int:
    return _first(N, M, q, lambda K, missed: 1 - missed >= Fraction(str(q)))


def _strict_finite(N: int, M: int, q: float) -> int:
    return _first(N, M, q, lambda K, missed: 1 - missed > Fraction(str(q)))


def _product(N: int, M: int, K: int) -> float:
    return math.prod((N - M - i) / (N - i) for i in range(K))


def _by_lgamma(N: int, M: int, K: int) -> float:
    logs = math.lgamma(N - M + 1) - math.lgamma(N - M - K + 1) - math.lgamma(N + 1) + math.lgamma(N - K + 1)
    return math.exp(logs)


def _in_floats(chance: Callable[[int, int, int], float]) -> Callable[..., int]:
    return lambda N, M, q: _first(N, M, q, lambda K, _: 1 - chance(N, M, K) >= q)


def _decided(formula: Callable[[int, int, float], Any]) -> Callable[..., Any]:
    """A mistaken formula inside, the ends as they should be."""

    def wrong(N: int, M: int, q: float) -> Any:
        if q == 0:
            return 0
        if M == 0:
            raise ValueError("no K is enough")
        return formula(N, M, q)

    return wrong


def _with_replacement(N: int, M: int, q: float) -> int:
    if q == 1 and M < N:
        raise ValueError("never certain")
    return 1 if M == N else settled(M / N, q, None)


def _never_certain(N: int, M: int, q: float) -> int:
    if q == 1 and M < N:
        raise ValueError("never certain")
    return _finite(N, M, q)


def _exactly_one(N: int, M: int, q: float) -> int | None:
    chance, miss = 0.0, 1.0
    for k in range(N + 1):
        if chance >= q:
            return k
        chance = (k + 1) * M / (N - k) * miss
        miss *= max(0, N - M - k) / (N - k) if k < N else 0
    return None


def _looked_in_vain(case: Case, got: Outcome, own: Outcome) -> bool:
    """The mutant finds no K: an error, None, or the last K that was tried."""
    N, M, _ = case.args
    at_the_end = got.value is None or number(got) in (N - M, N - M + 1, N - 1, N, N + 1)
    return at_the_end if own.value is None else close(case, got, own)


def _one_shrinks(N: int, M: int, q: float, *, top: bool) -> int:
    miss = 1.0
    for k in range(N + 1):
        if 1 - miss >= q:
            return k
        miss *= max(0, N - M - k) / N if top else (N - M) / (N - k)
    return N


def _late(N: int, M: int, q: float) -> int:
    """As if an easy item had been taken out before the first draw."""
    missed, K = Fraction(1), 0
    while 1 - missed < Fraction(str(q)):
        K += 1
        missed *= Fraction(max(0, N - M - K), max(1, N - K))
    return K


def _hard_for_easy(N: int, M: int, q: float) -> int:
    return _finite(N, N - M, q) if M < N else N


def _every_hard_one(N: int, M: int, q: float) -> int:
    """P(all M among K) = C(N − M, K − M)/C(N, K) = K(K − 1)…(K − M + 1) / N(N − 1)…(N − M + 1)."""
    return next(K for K in range(M, N + 1) if math.prod((K - i) / (N - i) for i in range(M)) >= q)


_FINITE_FLOAT = (
    "Off by one where the chance of a hit and q (nearly) coincide: quotients, products and log-gammas in"
    " floats cannot tell which is larger. All numbers here are integers but q: compare exactly."
)
_ONE_SHRINKS = (
    "After each miss the pool has one item less, and so have the easy ones in it: both counts go down, the"
    " hard ones stay."
)
FINITE = (
    Mutant(
        "with replacement",
        _decided(_with_replacement),
        "This is the K of an endless pool with the same share. Here nothing is drawn twice: every miss leaves"
        " fewer items and the same hard ones, so fewer draws do.",
    ),
    Mutant(
        "with replacement",
        _decided(
            lambda N, M, q: math.ceil(math.log1p(-min(q, 1 - 1e-16)) / math.log1p(-min(M / N, 1 - 1e-16)))
        ),
        "This is the K of an endless pool with the same share. Here nothing is drawn twice: every miss leaves"
        " fewer items and the same hard ones, so fewer draws do.",
    ),
    *(
        Mutant("decided by rounding", _in_floats(chance), _FINITE_FLOAT)
        for chance in (lambda N, M, K: math.comb(N - M, K) / math.comb(N, K), _product, _by_lgamma)
    ),
    Mutant(
        "one too many at equality",
        _strict_finite,
        "Where K draws reach q exactly, K is enough. You took one more. If your comparison allows equality,"
        " rounding has decided it: logarithms and quotients in floats do not meet q exactly.",
    ),
    Mutant(
        "one too few",
        lambda N, M, q: max(0, _finite(N, M, q) - 1),
        "Your K is the last one that is not enough.",
    ),
    Mutant(
        "one too many",
        _decided(lambda N, M, q: _finite(N, M, q) + 1),
        "One draw fewer reaches q as well.",
    ),
    Mutant(
        "share of the pool",
        _decided(lambda N, M, q: math.ceil(q * N)),
        "You draw a share q of the pool, however many hard items it holds. With more of them fewer draws do.",
    ),
    Mutant(
        "share of the pool",
        _decided(lambda N, M, q: math.ceil(q * (N - M + 1))),
        "N − M + 1 draws are certain, but a share q of them is far more than probability q asks for: the"
        " first draws add most.",
    ),
    Mutant(
        "sum of the chances",
        _decided(lambda N, M, q: math.ceil(q * N / M)),
        "q·N/M adds up the chances of the single draws; draws that hit together count twice.",
    ),
    Mutant(
        "exactly one",
        _decided(_exactly_one),
        "You asked for exactly one hard item in the sample. Two or more are a hit as well, and that chance"
        " falls again as K grows.",
        _looked_in_vain,
    ),
    Mutant(
        "all of them",
        _decided(_every_hard_one),
        "You asked for all M hard items in the sample. One is enough.",
    ),
    Mutant("only one count shrinks", _decided(lambda N, M, q: _one_shrinks(N, M, q, top=True)), _ONE_SHRINKS),
    Mutant(
        "only one count shrinks", _decided(lambda N, M, q: _one_shrinks(N, M, q, top=False)), _ONE_SHRINKS
    ),
    Mutant(
        "counted from one",
        _decided(_late),
        "The first draw meets the whole pool and misses with probability (N − M)/N. You start one item"
        " later.",
    ),
    *(
        Mutant(
            "one to expect",
            wrong,
            "(N + 1)/(M + 1) is where the first hard item turns up on average. That says little about how"
            " often it has turned up within K draws.",
        )
        for wrong in (
            _decided(lambda N, M, q: math.ceil((N + 1) / (M + 1))),
            _decided(lambda N, M, q: math.ceil(q * (N + 1) / (M + 1))),
        )
    ),
    Mutant(
        "hard and easy swapped",
        _decided(_hard_for_easy),
        "You counted the draws until an easy item turns up. M is the number of hard ones.",
    ),
    Mutant(
        "q for the miss",
        _decided(lambda N, M, q: _first(N, M, q, lambda K, missed: missed <= Fraction(str(q)))),
        "You bounded the chance of a miss by q. It is 1 − q that may be missed.",
    ),
    Mutant(
        "never certain",
        _decided(_never_certain),
        "In a finite pool q = 1 can be reached: once all easy items are drawn, the next one is hard.",
        anything,
    ),
    Mutant(
        "one short of certain",
        _decided(lambda N, M, q: N - M if q == 1 else _finite(N, M, q)),
        "N − M draws may be all the easy items. One more is certain.",
    ),
    Mutant(
        "not refused",
        lambda N, M, q: N + 1 if M == 0 and q > 0 else _finite(N, M, q),
        "A pool without a hard item never gives one: raise ValueError.",
        accepted,
    ),
    Mutant(
        "no draw",
        lambda N, M, q: 1 if q == 0 else _finite(N, M, q),
        "q = 0 is reached without a draw, also where the pool holds nothing hard: K = 0.",
        anything,
    ),
)
