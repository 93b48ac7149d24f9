"""Exercise 04: the mistakes that are known by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from nslab.practice._exercise import Case, Mutant
from nslab.practice._run import Outcome


def _chance(rho: float, K: float) -> float:
    return float(-np.expm1(K * np.log1p(-rho))) if K > 0 else 0.0


def _naive_chance(rho: float, K: int) -> float:
    return 1 - (1 - rho) ** K


def _bare_log1p(rho: float, K: int) -> float:
    return -math.expm1(K * math.log1p(-rho))


def _number(outcome: Outcome) -> float:
    """The number that came back (the K of a measured answer), or NaN."""
    value = outcome.value["K"] if isinstance(outcome.value, dict) else outcome.value
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def _close(case: Case, got: Outcome, own: Outcome) -> bool:
    return math.isclose(_number(got), _number(own), rel_tol=1e-6)


def _lost_digits(case: Case, got: Outcome, own: Outcome) -> bool:
    return math.isclose(_number(got), _number(own), rel_tol=1e-3)


def _a_number(case: Case, got: Outcome, own: Outcome) -> bool:
    return not math.isnan(_number(got))


def _near(got: Outcome, own: Outcome) -> bool:
    return math.isinf(_number(got)) or math.isclose(_number(got), _number(own), rel_tol=0.05)


def _anything(case: Case, got: Outcome, own: Outcome) -> bool:
    return True


def _accepted(case: Case, got: Outcome, own: Outcome) -> bool:
    """Where ValueError is due: a value, or an error of another kind."""
    return not isinstance(got.error, ValueError)


def _guarded(inner: Callable[[float, float | None, float | None], Any]) -> Callable[..., Any]:
    """A mistake inside, the ends of the scale as they should be."""

    def wrong(rho: float, q: float | None = None, miss: float | None = None) -> Any:
        if q == 0 or miss == 1:
            return 0
        if rho == 1:
            return 1
        if rho == 0 or q == 1 or miss == 0:
            raise ValueError("no K is enough")
        return inner(rho, q, miss)

    return wrong


def _log_miss(q: float | None, miss: float | None) -> float:
    return math.log1p(-q) if q is not None else math.log(miss or 1)


def _ratio(rho: float, q: float | None, miss: float | None) -> float:
    return _log_miss(q, miss) / math.log1p(-rho)


def _settled(rho: float, q: float | None, miss: float | None, *, strict: bool = False) -> int:
    """The estimate by log1p, and its last digit by Fractions while K is small."""
    K = math.ceil(_ratio(rho, q, miss))
    if K > 10_000:
        return K
    one = 1 - Fraction(str(rho))
    allowed = Fraction(str(miss)) if q is None else 1 - Fraction(str(q))

    def enough(k: int) -> bool:
        return one**k < allowed if strict else one**k <= allowed

    return next(k for k in range(max(0, K - 2), K + 3) if enough(k))


def _around(
    rho: float, q: float | None, miss: float | None, enough: Callable[[int, float, float], bool]
) -> int:
    """The first K near the estimate that passes a test in floats."""
    K = math.ceil(_ratio(rho, q, miss))
    wanted, allowed = (1 - (miss or 0), miss or 0) if q is None else (q, 1 - q)
    return next((k for k in range(max(0, K - 5), K + 5) if enough(k, wanted, allowed)), K)


def _log(rho: float, q: float | None, miss: float | None) -> int:
    return math.ceil(math.log(1 - q if q is not None else miss or 1) / math.log(1 - rho))


def _one_minus_miss(rho: float, q: float | None, miss: float | None) -> int:
    if q is None:
        q = 1 - (miss or 0)
    return _settled(rho, q, None) if q < 1 else math.ceil(math.inf)


def _one_minus_q(rho: float, q: float | None, miss: float | None) -> int:
    allowed = 1 - q if q is not None else miss or 0
    return 0 if allowed == 1 else _settled(rho, None, allowed)


def _wanted(q: float | None, miss: float | None) -> float:
    return q if q is not None else 1 - (miss or 0)


def _blind(case: Case, got: Outcome, own: Outcome) -> bool:
    """Where 1 − ρ or 1 − q is rounded, the outcome depends on how it is written."""
    rho, q = case.args[0], case.args[1]
    return rho < 1e-9 or (q is not None and q < 1e-9) or _close(case, got, own)


def _ends_open(rho: float, q: float | None = None, miss: float | None = None) -> int:
    never = rho == 0 and q != 0 and miss != 1
    if never or (rho < 1 and (q == 1 or miss == 0)):
        return 0
    return _guarded(_settled)(rho, q, miss)


def _at_least_one(rho: float, q: float | None = None, miss: float | None = None) -> int:
    return max(1, 1 if q == 0 or miss == 1 else _guarded(_settled)(rho, q, miss))


def _no_certain_draw(rho: float, q: float | None = None, miss: float | None = None) -> int:
    if rho == 1 and q != 0 and miss != 1:
        raise ValueError("math domain error")
    return _guarded(_settled)(rho, q, miss)


_LOST = (
    "For ρ = 1e-17, 1 − ρ is 1.0 in float64: the share is gone before the power is taken, and for 1e-10 most of its "
    "digits are. Python has a logarithm of 1 + x and an exponential minus 1 that keep them."
)
P_HIT = (
    Mutant("1 − ρ rounded", _naive_chance, _LOST, _lost_digits),
    Mutant(
        "ρ = 1",
        lambda rho, K: _bare_log1p(rho, K) if rho < 1 else math.nan,
        "With ρ = 1 every draw is hard: one draw is sure. The logarithm of 0 has no value, so this end needs a line "
        "of its own.",
        lambda case, got, own: case.args[0] == 1,
    ),
    Mutant(
        "sum of the chances",
        lambda rho, K: K * rho,
        "K·ρ is the number of hard ones to expect, not the chance of at least one: draws that hit together are counted "
        "twice. It is a bound from above, and passes 1.",
    ),
    Mutant(
        "sum of the chances",
        lambda rho, K: min(1.0, K * rho),
        "K·ρ, cut at 1, is a bound from above (the union bound). It counts draws that hit together twice.",
    ),
    Mutant(
        "chance of a miss",
        lambda rho, K: 1 - _chance(rho, K),
        "This is the chance that no draw is hard. Asked for is the other one.",
    ),
    Mutant(
        "exactly one",
        lambda rho, K: K * rho * (1 - rho) ** (K - 1) if K else 0.0,
        "This is the chance of exactly one hard negative among K. Two or more are a hit as well.",
    ),
    Mutant(
        "all of them",
        lambda rho, K: rho**K,
        "This is the chance that all K draws are hard. One is enough.",
    ),
    Mutant(
        "not all of them",
        lambda rho, K: 1 - rho**K,
        "You took the chance that not all K draws are hard: it is the chance of a miss, 1 − ρ, that is multiplied K "
        "times.",
    ),
    Mutant(
        "exponential for power",
        lambda rho, K: -math.expm1(-K * rho),
        "1 − e^(−Kρ) is what the chance comes near to for a small ρ. At ρ = 0.5 one draw hits with probability 0.5, "
        "not 0.39.",
    ),
    Mutant(
        "one draw too few",
        lambda rho, K: _chance(rho, max(0, K - 1)),
        "One draw is missing: a single draw hits with probability ρ.",
    ),
    Mutant(
        "one draw too many",
        lambda rho, K: _chance(rho, K + 1),
        "One draw too many: a single draw hits with probability ρ, none hits never.",
    ),
    *(
        Mutant(
            "sign", wrong, "A chance lies between 0 and 1, and yours leaves that range: look at the signs."
        )
        for wrong in (lambda rho, K: -_chance(rho, K), lambda rho, K: -math.expm1(K * math.log1p(rho)))
    ),
    Mutant(
        "only the K-th draw",
        lambda rho, K: rho * (1 - rho) ** (K - 1) if K else 0.0,
        "This is the chance that the first hit comes at draw K. A hit at an earlier draw counts too.",
    ),
)

_FLOAT = (
    "Off by one where the chance of a miss and what is allowed (nearly) coincide: rounded logarithms and powers "
    "cannot tell which is larger. Settle K and its neighbours in Fractions, while K is small."
)
_EQUALITY = (
    "Where K draws reach q exactly, K is enough: K = 3 draws at ρ = 0.5 already reach 0.875. A strict comparison takes "
    "one more, and so does rounding down and adding 1."
)
K_NEEDED = (
    Mutant(
        "1 − ρ rounded",
        _guarded(_log),
        "In float64, 1 − 1e-17 is 1.0 and its logarithm 0: a small ρ or q is lost before the logarithm is taken. At ρ = "
        "1e-12 your K is off by millions. log1p keeps both.",
        _blind,
    ),
    Mutant(
        "decided by rounding", _guarded(lambda rho, q, miss: math.ceil(_ratio(rho, q, miss))), _FLOAT, _close
    ),
    Mutant(
        "decided by rounding",
        _guarded(lambda rho, q, miss: _around(rho, q, miss, lambda k, wanted, _: _chance(rho, k) >= wanted)),
        _FLOAT,
    ),
    Mutant(
        "decided by rounding",
        _guarded(
            lambda rho, q, miss: (
                _around(rho, q, miss, lambda k, _, allowed: (1 - rho) ** k <= allowed)
                if rho > 1e-9 and (q or 1) > 1e-9
                else math.ceil(_ratio(rho, q, miss))
            )
        ),
        _FLOAT,
    ),
    Mutant(
        "decided by rounding",
        _guarded(
            lambda rho, q, miss: _around(
                rho, q, miss, lambda k, _, allowed: math.exp(k * math.log1p(-rho)) <= allowed
            )
        ),
        _FLOAT,
        _close,
    ),
    Mutant(
        "tolerance",
        _guarded(lambda rho, q, miss: math.ceil(_ratio(rho, q, miss) - 1e-9)),
        "You allowed for a little rounding before taking the ceiling. That helps where K draws reach q exactly, and "
        "takes one too few where they miss it by a hair. Compare exactly.",
        _close,
    ),
    Mutant(
        "rounded down",
        _guarded(lambda rho, q, miss: math.floor(_ratio(rho, q, miss))),
        "Rounded down, K draws hit with less than q: for ρ = 0.01 and q = 0.95, K = 298 gives 0.94996. The smallest K "
        "that is enough is the ceiling.",
        _close,
    ),
    Mutant(
        "rounded to the nearest",
        _guarded(lambda rho, q, miss: round(_ratio(rho, q, miss))),
        "Rounded to the nearest integer, K is often one too few to reach q. Which way is always safe?",
        _close,
    ),
    Mutant(
        "one too many at equality",
        _guarded(lambda rho, q, miss: _settled(rho, q, miss, strict=True)),
        _EQUALITY,
    ),
    Mutant(
        "one too many at equality",
        _guarded(lambda rho, q, miss: math.floor(_ratio(rho, q, miss)) + 1),
        _EQUALITY,
        _close,
    ),
    Mutant(
        "one too many",
        _guarded(lambda rho, q, miss: _settled(rho, q, miss) + 1),
        "One draw fewer reaches q as well.",
        _close,
    ),
    Mutant(
        "not rounded up",
        _guarded(_ratio),
        "Half a negative cannot be drawn: K is an integer, the smallest that is not below your number.",
        _close,
    ),
    *(
        Mutant(
            "sum of the chances",
            wrong,
            "q/ρ adds up the chances of the single draws; draws that hit together count twice. At ρ = 0.01, 95 draws "
            "hit with probability 0.615, not 0.95: the union bound is no equality.",
            _close,
        )
        for wrong in (
            _guarded(lambda rho, q, miss: math.ceil(_wanted(q, miss) / rho)),
            _guarded(lambda rho, q, miss: math.floor(_wanted(q, miss) / rho)),
        )
    ),
    Mutant(
        "three over ρ",
        _guarded(lambda rho, q, miss: math.ceil(3 / rho)),
        "3/ρ is a rule of thumb for q = 0.95 and a small ρ. Your K must depend on q.",
        _close,
    ),
    Mutant(
        "one to expect",
        _guarded(lambda rho, q, miss: math.ceil(1 / rho)),
        "1/ρ draws hold one hard negative on average, whatever q is. Some samples of that size hold two, so others "
        "hold none.",
        _close,
    ),
    Mutant(
        "exponential for power",
        _guarded(lambda rho, q, miss: math.ceil(-_log_miss(q, miss) / rho)),
        "You used ln(1 − ρ) ≈ −ρ (the rule 3/ρ). It is near for a small ρ, and never exact: your K is too large.",
        _close,
    ),
    Mutant(
        "upside down",
        _guarded(lambda rho, q, miss: math.ceil(1 / _ratio(rho, q, miss))),
        "Your fraction is upside down: a rarer hard negative must need more draws.",
        _close,
    ),
    Mutant(
        "q for the miss",
        _guarded(lambda rho, q, miss: math.ceil(math.log(q or 1 - (miss or 0)) / math.log1p(-rho))),
        "You bounded the chance of a miss by q. It is 1 − q that may be missed: a larger q must need more draws.",
        _close,
    ),
    Mutant(
        "miss read as q",
        _guarded(lambda rho, q, miss: _settled(rho, q if q is not None else miss, None)),
        "`miss` is the chance that no draw is hard; you used it as the chance that one is.",
        _close,
    ),
    Mutant(
        "miss turned into q",
        _guarded(_one_minus_miss),
        "1 − miss is rounded, for 1e-20 to 1.0, and certainty takes for ever. `miss` is there to avoid just that: use "
        "it as it comes.",
        lambda case, got, own: case.args[1] is None,
    ),
    Mutant(
        "q turned into miss",
        _guarded(_one_minus_q),
        "For a tiny q, 1 − q is 1.0 in float64, and no draw seems needed. Keep q: log1p takes it, and so does an exact "
        "comparison.",
        _a_number,
    ),
    Mutant(
        "not refused",
        _ends_open,
        "No K is enough here: with ρ = 0 nothing is ever hit, and with ρ < 1 nothing is certain. Raise ValueError.",
        _accepted,
    ),
    Mutant(
        "no draw",
        _at_least_one,
        "q = 0 is reached without a draw, whatever ρ is: K = 0.",
        _anything,
    ),
    Mutant(
        "ρ = 1",
        _no_certain_draw,
        "With ρ = 1 the first draw is a hit: K = 1 for every q > 0, q = 1 included. ln(1 − ρ) has no value there.",
        _anything,
    ),
)


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
    return 1 if M == N else _settled(M / N, q, None)


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
    at_the_end = got.value is None or _number(got) in (N - M, N - M + 1, N - 1, N, N + 1)
    return at_the_end if own.value is None else _close(case, got, own)


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
    "Off by one where the chance of a hit and q (nearly) coincide: quotients, products and log-gammas in floats cannot "
    "tell which is larger. All numbers here are integers but q: compare exactly."
)
_ONE_SHRINKS = (
    "After each miss the pool has one item less, and so have the easy ones in it: both counts go down, the hard ones "
    "stay."
)
FINITE = (
    Mutant(
        "with replacement",
        _decided(_with_replacement),
        "This is the K of an endless pool with the same share. Here nothing is drawn twice: every miss leaves fewer "
        "items and the same hard ones, so fewer draws do.",
    ),
    Mutant(
        "with replacement",
        _decided(
            lambda N, M, q: math.ceil(math.log1p(-min(q, 1 - 1e-16)) / math.log1p(-min(M / N, 1 - 1e-16)))
        ),
        "This is the K of an endless pool with the same share. Here nothing is drawn twice: every miss leaves fewer "
        "items and the same hard ones, so fewer draws do.",
    ),
    *(
        Mutant("decided by rounding", _in_floats(chance), _FINITE_FLOAT)
        for chance in (lambda N, M, K: math.comb(N - M, K) / math.comb(N, K), _product, _by_lgamma)
    ),
    Mutant(
        "one too many at equality",
        _strict_finite,
        "Where K draws reach q exactly, K is enough. You took one more.",
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
        "N − M + 1 draws are certain, but a share q of them is far more than probability q asks for: the first draws "
        "add most.",
    ),
    Mutant(
        "sum of the chances",
        _decided(lambda N, M, q: math.ceil(q * N / M)),
        "q·N/M adds up the chances of the single draws; draws that hit together count twice.",
    ),
    Mutant(
        "exactly one",
        _decided(_exactly_one),
        "You asked for exactly one hard item in the sample. Two or more are a hit as well, and that chance falls "
        "again as K grows.",
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
        "The first draw meets the whole pool and misses with probability (N − M)/N. You start one item later.",
    ),
    *(
        Mutant(
            "one to expect",
            wrong,
            "(N + 1)/(M + 1) is where the first hard item turns up on average. That says little about how often it "
            "has turned up within K draws.",
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
        _anything,
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
        _accepted,
    ),
    Mutant(
        "no draw",
        lambda N, M, q: 1 if q == 0 else _finite(N, M, q),
        "q = 0 is reached without a draw, also where the pool holds nothing hard: K = 0.",
        _anything,
    ),
)


def _covered(rhos: np.ndarray, K: int) -> float:
    return math.fsum(_chance(rho, K) for rho in rhos) / len(rhos)


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
        "This is the K for an anchor with the mean ρ. It falls short: those with few hard negatives lose more than "
        "those with many gain. Average the chance, not ρ.",
    ),
    Mutant(
        "K at the median ρ",
        lambda rhos, q: _then(rhos, q, lambda: _smallest([float(np.median(rhos))], q, _covered)),
        "This is the K for the anchor in the middle. The mean of the chances is another number.",
    ),
    Mutant(
        "mean of the K",
        lambda rhos, q: _then(rhos, q, lambda: math.ceil(np.mean(_each(rhos, q)))),
        "You averaged the K that each anchor needs. Asked for is one K for all, at which the mean of the chances "
        "reaches q.",
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
        "You multiplied the misses of the anchors: that is the chance that at least one of them is hit. Asked for is "
        "the mean of their chances.",
    ),
    Mutant(
        "refused too much",
        lambda rhos, q: _average(rhos, q) if q < np.mean(rhos > 0) or q == 0 else _smallest([], -1, _never),
        "An anchor with ρ = 1 is hit for sure, by one draw. Where there are enough of them, the mean reaches q: K = 1.",
        lambda case, got, own: got.error is not None,
    ),
    Mutant(
        "share of satisfied anchors",
        lambda rhos, q: _then(
            rhos, q, lambda: sorted([*_each(rhos, q), *[10**9] * len(rhos)])[math.ceil(q * len(rhos)) - 1]
        ),
        "You asked that a share q of the anchors be hit with probability q each. It is the mean of the chances that "
        "must reach q.",
    ),
    Mutant(
        "one too many",
        lambda rhos, q: _then(rhos, q, lambda: _average(rhos, q) + 1),
        "One draw fewer reaches q as well.",
    ),
    Mutant(
        "one too few",
        lambda rhos, q: _then(rhos, q, lambda: _average(rhos, q) - 1),
        "Your K is the last one that is not enough.",
    ),
    Mutant(
        "not refused",
        lambda rhos, q: _average(rhos, q) if _reachable(rhos, q) else 2**60,
        "The mean cannot pass the share of anchors that have a hard negative at all. Where q is not below that share, "
        "no K is enough (unless ρ = 1 makes it sure): raise ValueError.",
        _accepted,
    ),
)
