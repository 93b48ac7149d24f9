"""Exact integers from probabilities.

Rationals count as they were typed; logarithms are used only where a proof allows them.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Context, Decimal
from fractions import Fraction
from math import perm
from numbers import Rational
from typing import Any

from torch import Tensor

from nslab._checks import number


def probability(value: Any, name: str) -> Fraction:
    """A number in [0, 1] as the decimal that was typed: 0.1 is 1/10, not the binary fraction beside it."""
    if isinstance(value, Tensor) and value.dim() == 0:
        value = value.detach().cpu().numpy()[()]
    if isinstance(value, Decimal) and value.is_finite():
        exact = Fraction(value)
    elif isinstance(value, Rational) and not isinstance(value, bool):
        exact = Fraction(int(value.numerator), int(value.denominator))
    else:
        number(value, name)  # refuses everything but a finite real number
        exact = Fraction(str(value))
    if not 0 <= exact <= 1:
        raise ValueError(f"{name} must lie in [0, 1], got {value}")
    return exact


def smallest_power(base: Fraction, bound: Fraction) -> int:
    """The smallest K with base**K <= bound, for 0 < base < 1 and 0 < bound < 1.

    K is the ceiling of x = ln(1/bound) / ln(1/base). Write base = n/d and bound = u/v in lowest terms. If x
    is an integer, then n**x = u and d**x = v (powers keep lowest terms), so x <= log2 v: small enough to
    test in integers. If x is not an integer, enough digits of the logarithms separate it from every integer.
    """
    n, d = base.numerator, base.denominator
    u, v = bound.numerator, bound.denominator
    digits = max(d.bit_length(), v.bit_length()) * 31 // 100 + 1  # max(d, v) < 10**digits
    precision = 2 * digits + 20
    while True:
        context = Context(prec=precision)
        x = context.divide(_log_ratio(v, u, context), _log_ratio(d, n, context))
        # The rounded ratio v/u shifts its logarithm, which is at least 1/v, by less than 10**(1 - precision);
        # so for d/n. Together with three roundings: relative error below 10**(1 - precision) * 5 max(d, v).
        error = x.scaleb(2 + digits - precision, context)
        low = int(context.subtract(x, error).to_integral_value(ROUND_CEILING))
        high = int(context.add(x, error).to_integral_value(ROUND_CEILING))
        if low == high:
            return low
        if 1 <= low <= v.bit_length() and d**low == v and n**low == u:
            return low
        precision *= 2


def smallest_draw(pool: int, hard: int, bound: Fraction) -> int:
    """The smallest K with C(pool-hard, K) / C(pool, K) <= bound, for 0 < hard <= pool and 0 < bound < 1.

    Drawing without replacement misses no more often than drawing with it, so the K of the endless pool is an
    upper bound; bisection does the rest in integers. It keeps every product at min(K, hard) factors,
    about sqrt(pool · ln(1/bound)) at most.
    """

    def misses_enough(k: int) -> bool:
        few, many = sorted((k, hard))
        return perm(pool - many, few) * bound.denominator <= perm(pool, few) * bound.numerator

    low, high = 0, pool - hard + 1  # misses_enough(high) holds, misses_enough(low) does not
    if hard < pool:
        high = min(high, smallest_power(Fraction(pool - hard, pool), bound))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if misses_enough(middle) else (middle, high)
    return high


def _log_ratio(larger: int, smaller: int, context: Context) -> Decimal:
    return context.ln(context.divide(Decimal(larger), Decimal(smaller)))
