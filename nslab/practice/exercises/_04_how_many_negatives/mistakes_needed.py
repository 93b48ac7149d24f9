"""Exercise 04: the mistakes that are known by name, the smallest K of an endless pool."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from nslab.practice._exercise import Case, Mutant
from nslab.practice._run import Outcome
from nslab.practice.exercises._04_how_many_negatives.mistakes import (
    a_number,
    accepted,
    anything,
    chance,
    close,
)


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


def settled(rho: float, q: float | None, miss: float | None, *, strict: bool = False) -> int:
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
    return settled(rho, q, None) if q < 1 else math.ceil(math.inf)


def _one_minus_q(rho: float, q: float | None, miss: float | None) -> int:
    allowed = 1 - q if q is not None else miss or 0
    return 0 if allowed == 1 else settled(rho, None, allowed)


def _wanted(q: float | None, miss: float | None) -> float:
    return q if q is not None else 1 - (miss or 0)


def _blind(case: Case, got: Outcome, own: Outcome) -> bool:
    """Where 1 − ρ or 1 − q is rounded, the outcome depends on how it is written."""
    rho, q = case.args[0], case.args[1]
    return rho < 1e-9 or (q is not None and q < 1e-9) or close(case, got, own)


def _ends_open(rho: float, q: float | None = None, miss: float | None = None) -> int:
    never = rho == 0 and q != 0 and miss != 1
    if never or (rho < 1 and (q == 1 or miss == 0)):
        return 0
    return _guarded(settled)(rho, q, miss)


def _at_least_one(rho: float, q: float | None = None, miss: float | None = None) -> int:
    return max(1, 1 if q == 0 or miss == 1 else _guarded(settled)(rho, q, miss))


def _no_certain_draw(rho: float, q: float | None = None, miss: float | None = None) -> int:
    if rho == 1 and q != 0 and miss != 1:
        raise ValueError("math domain error")
    return _guarded(settled)(rho, q, miss)


_FLOAT = (
    "Off by one where the chance of a miss and what is allowed (nearly) coincide: rounded logarithms and"
    " powers cannot tell which is larger. Settle K and its neighbours in Fractions, while K is small."
)
_EQUALITY = (
    "Where K draws reach q exactly, K is enough: K = 3 draws at ρ = 0.5 already reach 0.875. A strict"
    " comparison takes one more, and so does rounding down and adding 1."
)
K_NEEDED = (
    Mutant(
        "1 − ρ rounded",
        _guarded(_log),
        "In float64, 1 − 1e-17 is 1.0 and its logarithm 0: a small ρ or q is lost before the logarithm is"
        " taken. At ρ = 1e-12 your K is off by millions. log1p keeps both.",
        _blind,
    ),
    Mutant(
        "decided by rounding", _guarded(lambda rho, q, miss: math.ceil(_ratio(rho, q, miss))), _FLOAT, close
    ),
    Mutant(
        "decided by rounding",
        _guarded(lambda rho, q, miss: _around(rho, q, miss, lambda k, wanted, _: chance(rho, k) >= wanted)),
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
        close,
    ),
    Mutant(
        "tolerance",
        _guarded(lambda rho, q, miss: math.ceil(_ratio(rho, q, miss) - 1e-9)),
        "You allowed for a little rounding before taking the ceiling. That helps where K draws reach q"
        " exactly, and takes one too few where they miss it by a hair. Compare exactly.",
        close,
    ),
    Mutant(
        "rounded down",
        _guarded(lambda rho, q, miss: math.floor(_ratio(rho, q, miss))),
        "Rounded down, K draws hit with less than q: for ρ = 0.01 and q = 0.95, K = 298 gives 0.94996. The"
        " smallest K that is enough is the ceiling.",
        close,
    ),
    Mutant(
        "rounded to the nearest",
        _guarded(lambda rho, q, miss: round(_ratio(rho, q, miss))),
        "Rounded to the nearest integer, K is often one too few to reach q. Which way is always safe?",
        close,
    ),
    Mutant(
        "one too many at equality",
        _guarded(lambda rho, q, miss: settled(rho, q, miss, strict=True)),
        _EQUALITY,
    ),
    Mutant(
        "one too many at equality",
        _guarded(lambda rho, q, miss: math.floor(_ratio(rho, q, miss)) + 1),
        _EQUALITY,
        close,
    ),
    Mutant(
        "one too many",
        _guarded(lambda rho, q, miss: settled(rho, q, miss) + 1),
        "One draw fewer reaches q as well.",
        close,
    ),
    Mutant(
        "not rounded up",
        _guarded(_ratio),
        "Half a negative cannot be drawn: K is an integer, the smallest that is not below your number.",
        close,
    ),
    *(
        Mutant(
            "sum of the chances",
            wrong,
            "q/ρ adds up the chances of the single draws; draws that hit together count twice. At ρ = 0.01,"
            " 95 draws hit with probability 0.615, not 0.95: the union bound is no equality.",
            close,
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
        close,
    ),
    Mutant(
        "one to expect",
        _guarded(lambda rho, q, miss: math.ceil(1 / rho)),
        "1/ρ draws hold one hard negative on average, whatever q is. Some samples of that size hold two, so"
        " others hold none.",
        close,
    ),
    Mutant(
        "exponential for power",
        _guarded(lambda rho, q, miss: math.ceil(-_log_miss(q, miss) / rho)),
        "You used ln(1 − ρ) ≈ −ρ (the rule 3/ρ). It is near for a small ρ, and never exact: your K is too"
        " large.",
        close,
    ),
    Mutant(
        "upside down",
        _guarded(lambda rho, q, miss: math.ceil(1 / _ratio(rho, q, miss))),
        "Your fraction is upside down: a rarer hard negative must need more draws.",
        close,
    ),
    Mutant(
        "q for the miss",
        _guarded(lambda rho, q, miss: math.ceil(math.log(q or 1 - (miss or 0)) / math.log1p(-rho))),
        "You bounded the chance of a miss by q. It is 1 − q that may be missed: a larger q must need more"
        " draws.",
        close,
    ),
    Mutant(
        "miss read as q",
        _guarded(lambda rho, q, miss: settled(rho, q if q is not None else miss, None)),
        "`miss` is the chance that no draw is hard; you used it as the chance that one is.",
        close,
    ),
    Mutant(
        "miss turned into q",
        _guarded(_one_minus_miss),
        "1 − miss is rounded, for 1e-20 to 1.0, and certainty takes for ever. `miss` is there to avoid just"
        " that: use it as it comes.",
        lambda case, got, own: case.args[1] is None,
    ),
    Mutant(
        "q turned into miss",
        _guarded(_one_minus_q),
        "For a tiny q, 1 − q is 1.0 in float64, and no draw seems needed. Keep q: log1p takes it, and so does"
        " an exact comparison.",
        a_number,
    ),
    Mutant(
        "not refused",
        _ends_open,
        "No K is enough here: with ρ = 0 nothing is ever hit, and with ρ < 1 nothing is certain. Raise"
        " ValueError.",
        accepted,
    ),
    Mutant(
        "no draw",
        _at_least_one,
        "q = 0 is reached without a draw, whatever ρ is: K = 0.",
        anything,
    ),
    Mutant(
        "ρ = 1",
        _no_certain_draw,
        "With ρ = 1 the first draw is a hit: K = 1 for every q > 0, q = 1 included. ln(1 − ρ) has no value"
        " there.",
        anything,
    ),
)
