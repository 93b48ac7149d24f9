"""Exercise 04: how many negatives."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np

from nslab import theory
from nslab.practice._exercise import Case, Exercise, Question, edges
from nslab.practice._judgements import an_error, not_refused, wherever
from nslab.practice._mistakes import mistakes
from nslab.practice._run import Outcome

# The specification: numbers as they were typed, sixty digits for logarithms, and whole numbers to compare.


def p_hit(rho: float, K: int) -> float:
    """1 − (1 − ρ)^K with sixty digits."""
    if K == 0:
        return 0.0
    with localcontext(prec=60):
        return float(1 - (1 - Decimal(str(rho))) ** K)


def k_needed(rho: float, q: float | None = None, miss: float | None = None) -> int:
    """The smallest K with (1 − ρ)^K <= 1 − q."""
    return _endless(typed(rho), typed(miss) if q is None else 1 - typed(q))


def k_needed_finite(N: int, M: int, q: float) -> int:
    """Draw after draw: the chance that all have missed so far, until at most 1 − q is left."""
    if M == 0 and q > 0:
        raise ValueError(f"no K is enough: none of the {N} items is hard")
    missed, K = Fraction(1), 0
    while missed > 1 - typed(q):
        missed *= Fraction(N - M - K, N - K)
        K += 1
    return K


def k_for_average(rhos: np.ndarray, q: float) -> int:
    """The smallest K at which the mean of the chances reaches q: doubled until it is enough, then halved."""
    sure, some = np.mean(rhos == 1), np.mean(rhos > 0)
    if q > sure and q >= some:
        raise ValueError(f"no K is enough: {some:g} of the anchors have a hard negative, and q = {q:g}")
    low, high = -1, 0
    while _mean_chance(rhos, high) < q:
        low, high = high, 2 * high + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _mean_chance(rhos, middle) < q else (low, middle)
    return high


def typed(x: Any) -> Fraction:
    """The number that was typed: 1/10 for 0.1."""
    return Fraction(str(x))


def _endless(rho: Fraction, allowed: Fraction) -> int:
    if allowed == 1:
        return 0
    if rho == 1:
        return 1
    if rho == 0 or allowed == 0:
        raise ValueError(f"no K is enough: rho = {float(rho):g}, chance of a miss {float(allowed):g}")
    with localcontext(prec=60):
        x = _ln(allowed) / _ln(1 - rho)
        K = int(x.to_integral_value())
        if abs(x - K) > Decimal("1e-20"):
            return math.ceil(x)
    return K if (1 - rho) ** K <= allowed else K + 1


def _ln(x: Fraction) -> Decimal:
    return Decimal(x.numerator).ln() - Decimal(x.denominator).ln()


def _mean_chance(rhos: np.ndarray, K: int) -> float:
    missed = [0.0 if rho == 1 else math.exp(K * math.log1p(-rho)) for rho in rhos]
    return 1.0 if K > 0 and not any(missed) else 1 - math.fsum(missed) / len(rhos) if K > 0 else 0.0


# How an answer is compared and shown: K, and what it does.


def _measure_needed(args: tuple[Any, ...], value: Any) -> dict[str, float]:
    rho, K = args[0], _one_number(value)
    missed = math.exp(K * math.log1p(-rho)) if 0 < rho < 1 and K >= 0 else float(rho == 0 or K <= 0)
    if args[1] is None:
        return {"K": K, "chance of a miss": missed}
    return {"K": K, "chance of a hit": 1 - missed}


def _measure_finite(args: tuple[Any, ...], value: Any) -> dict[str, float]:
    (N, M, _), K = args, _one_number(value)
    if not 0 <= K <= N:
        return {"K": K, "chance of a hit": math.nan}
    return {"K": K, "chance of a hit": 1 - math.prod(max(0, N - K - i) / (N - i) for i in range(M))}


def _one_number(value: Any) -> float:
    if isinstance(value, bool | str | list | tuple | dict) or np.ndim(value) > 0:
        raise ValueError(f"one integer is asked for, got {type(value).__name__}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError("your K has more than three hundred digits") from None


# How outcomes look alike.


def number(outcome: Outcome) -> float:
    """The number that came back (the K of a measured answer), or NaN."""
    value = outcome.value["K"] if isinstance(outcome.value, dict) else outcome.value
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def a_number(case: Case, got: Outcome, own: Outcome) -> bool:
    return not math.isnan(number(got))


def close(case: Case, got: Outcome, own: Outcome) -> bool:
    return math.isclose(number(got), number(own), rel_tol=1e-6)


def mistyped(case: Case, got: Outcome, own: Outcome) -> bool:
    return isinstance(got.error, TypeError)


def lost_digits(case: Case, got: Outcome, own: Outcome) -> bool:
    return math.isclose(number(got), number(own), rel_tol=1e-3)


def nearby(case: Case, got: Outcome, own: Outcome) -> bool:
    infinite = math.isinf(number(got)) or isinstance(got.error, OverflowError)
    return infinite or math.isclose(number(got), number(own), rel_tol=0.05)


def blind(case: Case, got: Outcome, own: Outcome) -> bool:
    """Where 1 − ρ or 1 − q is rounded, the outcome depends on how it is written."""
    return tiny(*case.args[:2]) or close(case, got, own)


def looked_in_vain(case: Case, got: Outcome, own: Outcome) -> bool:
    """The mistake finds no K: an error, None, or the last K that was tried."""
    N, M, _ = case.args
    at_the_end = got.value is None or number(got) in (N - M, N - M + 1, N - 1, N, N + 1)
    return at_the_end if own.value is None else close(case, got, own)


# A right answer in named steps, and what goes wrong in each.


def right_hit(rho: float, K: int) -> float:
    draws = K
    ln_miss = draws * np.log1p(-rho) if draws > 0 else 0.0
    hit = -np.expm1(ln_miss)
    return hit


HIT = mistakes(
    right_hit,
    """
1 − ρ rounded | return 1 - (1 - rho) ** K | lost_digits
  In float64, 1 − 1e-17 is 1.0. Python has a logarithm of 1 + x and an exponential minus 1 that keep ρ.
ρ = 1 | return hit if rho < 1 else math.nan | wherever
  With ρ = 1 one draw is sure. The logarithm of 0 has no value, so this end needs a line of its own.
no draw | return hit if rho < 1 else 1.0 | wherever
  Without a draw there is no hit, even where everything is hard. Settle K = 0 before you settle ρ = 1.
sum of the chances | return K * rho
  K·ρ is the expected number of hits, an upper bound (the union bound). It counts some hits several times.
sum of the chances | return min(1.0, K * rho)
chance of a miss | return 1 - hit
  This is the chance that no draw is hard. Asked for is the other one.
exactly one | return K * rho * (1 - rho) ** (K - 1) if K else 0.0
  This is the chance of exactly one hard negative among K. Two or more are a hit as well.
all of them | return rho**K
  This is the chance that all K draws are hard. One is enough.
not all of them | return 1 - rho**K
  This is the chance that not all K draws are hard. Multiply the chance of a miss, 1 − ρ, K times.
exponential for power | return -math.expm1(-K * rho)
  1 − e^(−Kρ) is close only for a small ρ. At ρ = 0.5 one draw hits with probability 0.5, not 0.39.
one draw too few | draws = K - 1
  One draw is missing: a single draw hits with probability ρ.
one draw too many | draws = K + 1
  One draw too many: a single draw hits with probability ρ, none hits never.
sign | return -hit
  A chance lies between 0 and 1, and yours leaves that range: look at the signs.
sign | return -math.expm1(K * math.log1p(rho))
only the K-th draw | return rho * (1 - rho) ** (K - 1) if K else 0.0
  This is the chance that the first hit comes at draw K. A hit at an earlier draw counts too.
two bases | return 1 - 2.0**ln_miss
  You raise 2 or 10 to a natural logarithm. The power and the logarithm need the same base.
rounded | return np.round(hit, 9)
  You rounded to decimals. A small chance has its first digit further on: return it as it is.
""",
    *(lost_digits, wherever),
)


def right_needed(rho: float, q: Any = None, miss: Any = None) -> Any:
    """The rounded-up quotient of logarithms, and its last digit by Fractions while it is small."""
    if q == 0 or miss == 1:
        none = 0
        return none
    if rho == 1:
        sure = 1
        return sure
    if rho == 0 or q == 1 or miss == 0:
        never = refuse()
        return never
    one = 1 - typed(rho)
    allowed = typed(miss) if q is None else 1 - typed(q)
    ln_miss = math.log(miss) if q is None else math.log1p(-q)
    x = ln_miss / math.log1p(-rho)
    K = first(x, lambda k: one**k <= allowed, 10_000)
    return K


def refuse() -> Any:
    raise ValueError("no K is enough")


def first(x: float, enough: Callable[[int], bool], most: float = math.inf) -> int:
    """The first K near the estimate that passes, or the estimate where it is above `most`."""
    guess = math.ceil(x)
    around = range(max(0, guess - 5), guess + 5) if guess <= most else ()
    return next((k for k in around if enough(k)), guess)


def wanted(q: float | None, miss: Any) -> float:
    return 1 - miss if q is None else q


def left(q: Any, miss: Any) -> float:
    return miss if q is None else 1 - q


def tiny(rho: float, q: float | None) -> bool:
    return rho < 1e-9 or (q is not None and q < 1e-9)


NEEDED = mistakes(
    right_needed,
    """
1 − ρ rounded | K = math.ceil(math.log(left(q, miss)) / math.log(1 - rho)) | blind
  In float64, 1 − 1e-17 is 1.0 and its logarithm 0. A small ρ or q is lost before the logarithm: use log1p.
decided by rounding | K = math.ceil(x) | close
  Off by one where the chance of a miss and what is allowed (nearly) coincide: rounded logarithms and powers
  cannot tell which is larger. Settle K and its neighbours in Fractions, while K is small.
decided by rounding | K = first(x, lambda k: one**k <= allowed, 1_000)
decided by rounding | K = math.ceil(_ln(allowed) / _ln(one))
decided by rounding | K = first(x, lambda k: right_hit(rho, k) >= wanted(q, miss))
decided by rounding | K = first(x, lambda k: k >= x if tiny(rho, q) else (1 - rho) ** k <= left(q, miss))
decided by rounding | K = first(x, lambda k: math.exp(k * math.log1p(-rho)) <= left(q, miss)) | close
tolerance | K = math.ceil(x - 1e-9) | close
  You allowed for a little rounding. Where K draws miss q by a hair, that takes one too few. Compare exactly.
rounded down | K = math.floor(x) | close
  Rounded down, K draws hit with less than q: for ρ = 0.01, 298 draws reach 0.94996. Take the ceiling.
rounded to the nearest | K = round(x) | close
  Rounded to the nearest integer, K is often one too few to reach q. Which way is always safe?
one too many at equality | K = first(x, lambda k: one**k < allowed, 10_000)
  Where K draws reach q exactly, K is enough. A strict comparison takes one more, and so does floor + 1.
one too many at equality | K = math.floor(x) + 1 | close
one too many | K = first(x, lambda k: one**k <= allowed, 10_000) + 1 | close
  One draw fewer reaches q as well.
not rounded up | K = x | close
  Half a negative cannot be drawn: K is an integer, the smallest that is not below your number.
sum of the chances | K = math.ceil(wanted(q, miss) / rho) | close
  q/ρ adds up the chances, as if no two draws hit together. At ρ = 0.01, 95 draws reach 0.615, not 0.95.
sum of the chances | K = math.floor(wanted(q, miss) / rho) | close
three over ρ | K = math.ceil(3 / rho) | close
  3/ρ is a rule of thumb for q = 0.95 and a small ρ. Your K must depend on q.
one to expect | K = math.ceil(1 / rho) | close
  1/ρ draws hold one hard negative on average. Some samples hold two, so others hold none.
exponential for power | K = math.ceil(-ln_miss / rho) | close
  You used ln(1 − ρ) ≈ −ρ (the rule 3/ρ). It is near for a small ρ, and never exact: your K is too large.
upside down | K = math.ceil(1 / x) | close
  Your fraction is upside down: a rarer hard negative must need more draws.
q for the miss | K = math.ceil(math.log(wanted(q, miss)) / math.log1p(-rho)) | close
  You bounded the chance of a miss by q. It is 1 − q that may be missed: a larger q must need more draws.
miss read as q | allowed = 1 - typed(q or miss); ln_miss = math.log1p(-(q or miss)) | close
  `miss` is the chance that no draw is hard; you used it as the chance that one is.
miss turned into q | allowed = 1 - typed(wanted(q, miss)); ln_miss = math.log1p(-wanted(q, miss)) | wherever
  1 − miss is rounded, for 1e-20 to 1.0, and no K is certain. Use `miss` as it comes.
q turned into miss | allowed = typed(left(q, miss)); ln_miss = math.log(left(q, miss)) | a_number
  For a tiny q, 1 − q is 1.0 in float64, and no draw seems needed. log1p takes q, and so does a Fraction.
not refused | never = 0 | not_refused
  No K is enough here: with ρ = 0 nothing is ever hit, and with ρ < 1 nothing is certain. Raise ValueError.
no draw | none = 1 | wherever
  q = 0 is reached without a draw, whatever ρ is: K = 0.
no draw | lambda rho, q=None, miss=None: 1 if rho == 1 else right_needed(rho, q, miss)
ρ = 1 | sure = math.log(1 - rho) | wherever
  With ρ = 1 the first draw is a hit: K = 1 for every q > 0, q = 1 included. ln(1 − ρ) has no value there.
miss left out | ln_miss = math.log1p(-q) | mistyped
  Where `miss` is given, q is None. Your code needs a way for each of the two.
0 taken for None | lambda rho, *a: right_needed(rho, *a) if a[0] != 0 else None + 1 | mistyped
  0 is a number, and false in an `if`, as None is. Ask `is None`.
0 taken for None | lambda rho, *a: None + 1 if a == (None, 0) else right_needed(rho, *a) | mistyped
two bases | K = math.ceil(x / math.log(2)) | close
  The two logarithms have different bases. Their quotient needs the same base in both.
two bases | K = math.ceil(x * math.log(2)) | close
ρ for the miss | K = math.ceil(ln_miss / math.log(rho)) | close
  You divided by ln ρ. Each draw multiplies the chance of a miss by 1 − ρ, so it is ln(1 − ρ).
two readings | allowed = Fraction(miss) if q is None else 1 - Fraction(q)
  You read one of ρ and q as it was typed, and the other as the binary number beside it. Read both alike.
cut short | lambda *given: right_needed(*(x and float(typed(x).limit_denominator()) for x in given))
  limit_denominator changes the number: with it, 1e-17 is 0. A Fraction needs no shortening here.
past int64 | K = min(first(x, lambda k: one**k <= allowed, 10_000), 2**63 - 1) | a_number
  An int64 ends at 9.2e18, and K does not. A Python int has no end: `math.ceil` gives one.
""",
    *(a_number, blind, close, mistyped, not_refused, wherever),
)


def right_finite(N: int, M: int, q: float) -> Any:
    if q == 0:
        none = 0
        return none
    if M == 0:
        never = refuse()
        return never
    allowed = 1 - typed(q)
    misses = (Fraction(N - M - k, N - k) for k in range(N - M + 1))
    K = drawn(misses, lambda k, missed: missed <= allowed)
    return K


def drawn(misses: Iterable[Fraction], enough: Callable[[int, Fraction], bool]) -> int:
    """The first K that passes, given K and the chance that K draws all miss."""
    missed, K, rest = Fraction(1), 0, iter(misses)
    while missed and not enough(K, missed):
        miss = next(rest, 0)
        missed, K = missed * miss if miss else 0, K + 1
    return K


def by_lgamma(N: int, M: int, K: int) -> float:
    logs = math.lgamma(N - M + 1) - math.lgamma(N - M - K + 1) - math.lgamma(N + 1) + math.lgamma(N - K + 1)
    return math.exp(logs)


def exactly_one(N: int, M: int, q: float) -> int | None:
    missed = 1.0
    for k in range(N):
        if (k + 1) * M / (N - k) * missed >= q:
            return k + 1
        missed *= max(0, N - M - k) / (N - k)
    return None


FINITE = mistakes(
    right_finite,
    """
with replacement | K = right_needed(Fraction(M, N), q)
  This is the K of an endless pool. Here each miss leaves the same hard ones in a smaller pool.
with replacement | K = math.ceil(math.log1p(-min(q, 1 - 1e-16)) / math.log1p(-min(M / N, 1 - 1e-16)))
decided by rounding | K = drawn(misses, lambda k, _: 1 - math.comb(N - M, k) / math.comb(N, k) >= q)
  Off by one where the chance of a hit and q (nearly) coincide: floats cannot decide. Compare whole numbers.
decided by rounding | K = drawn(map(float, misses), lambda _, missed: 1 - missed >= q)
decided by rounding | K = drawn(misses, lambda k, _: 1 - by_lgamma(N, M, k) >= q)
tolerance | K = drawn(map(float, misses), lambda _, missed: 1 - missed >= q - 1e-12)
  You allowed for some rounding or shortened q. Where K draws miss q by a hair, that takes one too few.
1 − q rounded | allowed = Fraction(1 - q)
  In float64, 1 − q is rounded, for q = 1e-20 to 1.0. Turn q into a Fraction before you take it from 1.
one too many at equality | K = drawn(misses, lambda k, missed: missed < allowed)
  Where K draws reach q exactly, K is enough. If you allow equality, floats have missed it: compare exactly.
one too few | K = drawn(misses, lambda k, missed: missed <= allowed) - 1
  Your K is the last one that is not enough.
one too many | K = drawn(misses, lambda k, missed: missed <= allowed) + 1
  One draw fewer reaches q as well.
share of the pool | K = math.ceil(q * N)
  You draw a share q of the pool, however many hard items it holds. With more of them fewer draws do.
share of the pool | K = math.ceil(q * (N - M + 1))
  A share q of the N − M + 1 draws that are certain is far more than needed: the first draws add most.
until certain | K = N - M + 1
  N − M + 1 draws are certain to hit. A probability below 1 often needs far fewer.
sum of the chances | K = math.ceil(q * N / M)
  q·N/M adds up the chances of the single draws; draws that hit together count twice.
exactly one | K = exactly_one(N, M, q) | looked_in_vain
  You asked for exactly one hard item in the sample. Two or more are a hit as well.
all of them | K = next(k for k in range(M, N + 1) if math.prod((k - i) / (N - i) for i in range(M)) >= q)
  You asked for all M hard items in the sample. One is enough.
only one count shrinks | misses = ((N - M - k) / N for k in range(N - M + 1))
  Each miss takes an easy item out of the pool: both counts go down by one, the hard ones stay.
only one count shrinks | misses = ((N - M) / (N - k) for k in range(N + 1))
only one count shrinks | misses = ((N - M) / (N - k) for k in range(N - 1))
only one count shrinks | misses = ((N - M) / (N - k) for k in range(N - M))
counted from one | misses = [Fraction(max(0, N - M - k), max(1, N - k)) for k in range(1, N + 1)]
  The first draw meets the whole pool and misses with probability (N − M)/N. You start one item later.
one to expect | K = math.ceil((N + 1) / (M + 1))
  (N + 1)/(M + 1) is where the first hard item turns up on average. It often turns up later.
one to expect | K = math.ceil(q * (N + 1) / (M + 1))
hard and easy swapped | misses = [Fraction(M - k, N - k) for k in range(min(M, N - 1))]
  You counted the draws until an easy item turns up. M is the number of hard ones.
q for the miss | allowed = typed(q)
  You bounded the chance of a miss by q. It is 1 − q that may be missed.
never certain | allowed = refuse() if q == 1 and M < N else 1 - typed(q) | wherever
  In a finite pool q = 1 can be reached: once all easy items are drawn, the next one is hard.
one short of certain | K = N - M if q == 1 else drawn(misses, lambda k, missed: missed <= allowed)
  N − M draws may be all the easy items. One more is certain.
not refused | never = N + 1 | not_refused
  A pool without a hard item never gives one: raise ValueError.
no draw | none = 1 | wherever
  q = 0 is reached without a draw, also where the pool holds nothing hard: K = 0.
""",
    *(looked_in_vain, not_refused, wherever),
)


def right_average(rhos: np.ndarray, q: float) -> Any:
    reached = q <= np.mean(rhos == 1) or q < np.mean(rhos > 0)
    if not reached:
        never = refuse()
        return never
    if q == 0:
        none = 0
        return none
    K = smallest(rhos, q)
    return K


def smallest(rhos: Sequence[float] | np.ndarray, q: float) -> int:
    """The smallest K up to 2^60 at which the mean of the chances reaches q."""
    low, high = 0, 1
    while np.mean([right_hit(rho, high) for rho in rhos]) < q:
        low, high = high, 2 * high
        if high > 2**60:
            refuse()
    while high - low > 1:
        middle = (low + high) // 2
        enough = np.mean([right_hit(rho, middle) for rho in rhos]) >= q
        low, high = (low, middle) if enough else (middle, high)
    return high


def each(rhos: np.ndarray, q: float) -> list[int]:
    return [smallest([rho], q) for rho in rhos if rho > 0]


AVERAGE = mistakes(
    right_average,
    """
K at the mean ρ | K = smallest([np.mean(rhos)], q)
  This is the K for an anchor with the mean ρ. It falls short: those with few hard negatives lose more than
  those with many gain. Average the chance, not ρ.
K at the median ρ | K = smallest([np.median(rhos)], q)
  This is the K for the anchor in the middle. The mean of the chances is another number.
mean of the K | K = math.ceil(np.mean(each(rhos, q))) | nearby
  You averaged the K that each anchor needs. Asked for is one K, at which the mean of the chances reaches q.
K of the poorest anchor | K = max(each(rhos, q))
  Your K satisfies every single anchor that can be. The mean reaches q much earlier.
K of the richest anchor | lambda rhos, q: smallest([rhos.max()], q)
  This is the K for the anchor with the most hard negatives. The others need more draws.
mean of the logarithms | K = math.ceil(math.log1p(-q) / np.log1p(-rhos).mean())
  You averaged ln(1 − ρ). That multiplies the misses of the anchors; asked for is the mean of the chances.
anchors without dropped | K = smallest(rhos[rhos > 0], q)
  Anchors without a hard negative count too: their chance is 0, and it stays in the mean.
sum for mean | K = smallest(rhos, q / len(rhos))
  You added up the chances of the anchors: divide by their number.
any anchor | K = smallest([1 - np.prod(1 - rhos)], q)
  You multiplied the misses: this is the chance that at least one anchor is hit. Take the mean of the chances.
refused too much | reached = q < np.mean(rhos > 0) or q == 0 | an_error
  An anchor with ρ = 1 is hit by the first draw. With enough of them the mean reaches q: K = 1.
share of satisfied anchors | K = sorted([*each(rhos, q), *[10**9] * len(rhos)])[math.ceil(q * len(rhos)) - 1]
  You asked that a share q of the anchors be hit with probability q each. The mean chance must reach q.
only doubled | K = 2 ** math.ceil(math.log2(smallest(rhos, q)))
  Your K is the first power of two that is enough. A smaller K may do: search above the power before.
one too many | K = smallest(rhos, q) + 1
  One draw fewer reaches q as well.
no draw | none = 1 | wherever
  q = 0 is reached without a draw: K = 0.
one too few | K = smallest(rhos, q) - 1
  Your K is the last one that is not enough.
not refused | never = 2**60 | not_refused
  The mean cannot pass the share of anchors that have a hard negative at all. Where q is not below that share,
  no K is enough (unless ρ = 1 makes it sure): raise ValueError.
""",
    *(an_error, nearby, not_refused, wherever),
)

# The inputs. A number as it was typed and the float64 beside it must lead to the same K.

EQUAL = (0.25, 6), (0.4375, 3), (0.5625, 3), (0.65625, 2), (0.03125, 3)  # in float64, logarithms say K + 1
STEP = (*((0.5, K) for K in (8, 10, 13, 16, 19)), *((0.375, K) for K in (6, 9, 12, 15)))
NEAR = (*((0.375, K) for K in (28, 29, 31, 33, 34, 35, 37)), *((0.125, K) for K in (30, 33, 50, 59, 60)))
FINITE_EQUAL = (24, 1, 0.125), (44, 1, 0.75), (54, 1, 0.5), (16, 2, 0.875), (24, 1, 0.625)
FINITE_NEAR = (
    (10, 5, 0.7777777777777778),
    (25, 7, 0.6452173913043479),
    (30, 2, 0.6873563218390805),
    (30, 3, 0.6206896551724138),
    (30, 4, 0.25287356321839083),
    (30, 7, 0.41839080459770117),
)  # q is a chance of a hit, rounded up to float64
TYPICAL = (0.5, 0.9, 0.95, 0.99, 0.999)
_MILLION = "more than a million draws: an exact power has tens of millions of digits"
_LAST_DIGIT = "{0} draws miss by the last digit: logarithms in float64 say {0}"


def _chosen(rng: np.random.Generator, rows: Sequence[Any], count: int) -> list[Any]:
    return [rows[i] for i in rng.choice(len(rows), count, replace=False)]


def _hit_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    drawn = [(int(rng.integers(2, 400)) / 1000, int(rng.integers(2, 300)), "") for _ in range(7)]
    small = [(int(rng.integers(11, 99)) / 1e12, int(rng.integers(2, 3000)), "") for _ in range(2)]
    return edges(
        (0.5, 1, "a single draw hits with probability ρ"),
        (0.5, 3, ""),
        (0.01, 95, "95 · 0.01 is 0.95, and that is not the chance of a hit"),
        (0.01, 299, ""),
        (0.001, 4095, ""),
        (0.3, 0, "no draw, no hit"),
        (1.0, 0, "no draw, no hit, even where everything is hard"),
        (0.0, 5, "nothing is hard"),
        (1.0, 1, "everything is hard: one draw is sure"),
        (1.0, 4, "everything is hard: the first draw is sure"),
        (1e-10, 1, "in float64, 1 − 1e-10 has lost half of the digits of ρ"),
        (1e-12, 1000, "in float64, 1 − 1e-12 has lost most of the digits of ρ"),
        (4e-8, 5000, "a few terms of a series do not give nine digits"),
        (1e-17, 1, "in float64, 1 − 1e-17 is 1"),
        (1e-17, 1000, "in float64, 1 − 1e-17 is 1"),
        (1e-15, 5000, "in float64, 1 − 1e-15 keeps one digit of ρ"),
        *drawn,
        *small,
        atol=0.0,
    )


def _needed_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    drawn = [(int(rng.integers(2, 400)) / 1000, float(rng.choice(TYPICAL)), "") for _ in range(8)]
    rounded = "1 − ρ is rounded in float64"
    tiny_shares = [(int(rng.integers(11, 99)) / 1e11, *wish, rounded) for wish in ((0.9,), (None, 0.25))]
    return [
        *edges(
            (0.5, 0.875, "three draws reach 0.875 exactly"),
            (0.5, 0.75, "two draws reach 0.75 exactly"),
            (0.5, 0.5, "one draw reaches 0.5 exactly"),
            (0.01, 0.95, "298 draws reach 0.94996"),
            (0.001, 0.99, ""),
            (0.9, 0.5, "one draw is more than enough"),
            (0.3, 0.0, "q = 0 needs no draw"),
            (0.0, 0.0, "q = 0 needs no draw, even where nothing is hard"),
            (1.0, 0.0, "q = 0 needs no draw, even where everything is hard"),
            (0.2, None, 1.0, "a miss is allowed for certain: no draw is needed"),
            (1.0, 0.5, "everything is hard: one draw is sure"),
            (1.0, 1.0, "everything is hard: one draw is sure"),
            (1.0, None, 1e-20, "everything is hard: one draw is sure"),
            (0.0, 0.5, "nothing is hard: no K is enough"),
            (0.3, 1.0, "nothing makes a hit certain while ρ < 1"),
            (0.3, None, 0.0, "nothing makes a hit certain while ρ < 1"),
            (0.0, None, 0.1, "nothing is hard: no K is enough"),
            (0.01, None, 0.05, "the same as q = 0.95"),
            (0.002, None, 0.16500122124802433, _LAST_DIGIT.format(900)),
            (0.001, None, 0.36439937214318474, _LAST_DIGIT.format(1009)),
            (0.0001, 0.39354515592481765, _LAST_DIGIT.format(5001)),
            (0.01, None, 1e-20, "1 − 1e-20 is 1 in float64, so q could not say this"),
            (0.5, None, 1e-30, "1 − 1e-30 is 1 in float64, so q could not say this"),
            (0.1, None, 1e-300, "1 − 1e-300 is 1 in float64, so q could not say this"),
            *drawn,
            *_at_the_boundary(rng),
            (2.5e-6, 0.95, _MILLION),
            (2e-6, 0.95, _MILLION),
            (1e-12, 0.95, "1 − 1e-12 is rounded in float64"),
            *tiny_shares,
            atol=0.0,
        ),
        Case((1e-17, None, 1e-300), "1 − 1e-17 is 1 in float64, and K is more than an int64 holds", atol=6e7),
        *edges(
            (0.01, 1e-20, "q > 0 needs a draw; 1 − 1e-20 is 1 in float64"),
            (0.3, 1e-17, "q > 0 needs a draw; 1 − 1e-17 is 1 in float64"),
            (1e-17, 1e-17, "one draw reaches q = ρ exactly"),
            (1e-18, 5.5e-18, "1 − ρ and 1 − q are 1 in float64"),
            atol=0.0,
        ),
    ]


def _at_the_boundary(rng: np.random.Generator) -> list[tuple[Any, ...]]:
    """Where the chance of a miss and what is allowed are equal, or as near as float64 allows."""
    rows: list[tuple[Any, ...]] = [(0.25, 0.578125, "three draws reach 0.578125 exactly")]
    for rho, K in _chosen(rng, EQUAL, 3):
        missed = _missed(rho, K)
        given = (None, missed) if EQUAL.index((rho, K)) % 2 == 0 else (1 - missed,)
        rows.append((rho, *given, f"{K} draws miss with probability {missed}, exactly what is allowed"))
    for rho, K in _chosen(rng, STEP, 2):
        below = math.nextafter(_missed(rho, K), 0)
        about = f"miss is one step of float64 below {1 - rho} ** {K}: {K} draws just fail"
        rows.append((rho, None, below, about))
    for rho, K in _chosen(rng, NEAR, 4):
        about = f"miss is the float64 nearest to {1 - rho} ** {K}, and smaller than it"
        rows.append((rho, None, _missed(rho, K), about))
    return rows


def _missed(rho: float, K: int) -> float:
    return float((1 - Fraction(rho)) ** K)


def _finite_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    equal = [(*row, "q is reached exactly") for row in _chosen(rng, FINITE_EQUAL, 4)]
    about = "one draw fewer has this chance to sixteen digits, and is still below q"
    near = [(*row, about) for row in _chosen(rng, FINITE_NEAR, 4)]
    drawn: list[tuple[Any, ...]] = []
    while len(drawn) < 7:
        N = int(rng.integers(20, 400))
        M, q = int(rng.integers(2, N // 5 + 2)), float(rng.choice(TYPICAL))
        if _enough(N, M, Fraction(q)) == _enough(N, M, typed(q)):
            drawn.append((N, M, q, ""))
    return edges(
        (100, 1, 0.95, "one hard item: 95 of 100 items must be looked at"),
        (1000, 10, 0.95, "an endless pool with this share needs 299"),
        (10_000, 100, 0.95, "the same share in a larger pool"),
        (1, 1, 0.9, "one item, and it is hard"),
        (50, 50, 1.0, "everything is hard: one draw is sure"),
        (6, 2, 1.0, "certain once the easy items are used up"),
        (100, 1, 1.0, "certain only when nothing is left"),
        (40, 25, 1.0, "certain once the easy items are used up"),
        (10, 1, 0.3, "three draws reach 0.3 exactly; in float64, 1 − 0.3 is less than 0.7"),
        (10, 3, 0.0, "q = 0 needs no draw"),
        (10, 0, 0.0, "q = 0 needs no draw, even where nothing is hard"),
        (10, 0, 0.5, "nothing is hard: no K is enough"),
        (10, 0, 1.0, "nothing is hard: no K is enough"),
        (10, 4, 1e-20, "q > 0 needs a draw; 1 − 1e-20 is 1 in float64"),
        (1200, 1, 0.95, "1,140 draws: a function that calls itself for each does not get there"),
        *equal,
        *near,
        *drawn,
        atol=0.0,
    )


def _enough(N: int, M: int, q: Fraction) -> list[bool]:
    """For each K, whether K draws without replacement reach q."""
    return [1 - Fraction(math.comb(N - M, K), math.comb(N, K)) >= q for K in range(N - M + 2)]


def _average_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    uneven = np.sort(rng.beta(0.5, 49.5, 60)).round(6)
    drawn = [(rng.beta(1, 30, n).round(4), float(rng.choice((0.5, 0.8, 0.9))), "") for n in (5, 12, 30, 60)]
    return edges(
        (np.array([0.01]), 0.95, "one anchor: the K of part 2"),
        (np.array([0.02, 0.0]), 0.45, "half of the anchors have nothing to hit"),
        (np.array([0.02, 0.0]), 0.5, "half of the anchors have nothing to hit, so 0.5 is never reached"),
        (np.array([0.5, 0.0]), 0.7, "half of the anchors have nothing to hit"),
        (np.array([1.0, 0.0]), 0.5, "half of the anchors are sure of a hit at the first draw"),
        (np.array([1.0, 1.0]), 1.0, "all anchors are sure of a hit at the first draw"),
        (np.array([0.5, 1.0]), 1.0, "nothing is certain while one ρ is below 1"),
        (np.array([0.3, 0.0]), 0.0, "q = 0 needs no draw"),
        (np.array([0.5, 0.001]), 0.9, "a rich anchor and a poor one"),
        (np.array([0.1, 0.2, 0.3, 0.4]), 0.9, ""),
        (uneven, 0.9, "mean ρ about 0.01, most of it near 0"),
        *drawn,
        atol=0.0,
    )


EXERCISE = Exercise(
    "04",
    "how many negatives",
    (
        Question(
            "p_hit(rho, K)",
            p_hit,
            lambda rho, K: theory.hit_probability(rho, K) if K else 0.0,
            "nslab.theory.hit_probability",
            _hit_cases,
            HIT,
            (
                "At least one of K is hard: that can happen in many ways. Its opposite can happen in one.",
                "Independent draws: the chances of K misses multiply. For ρ = 1e-17 try `1 - rho` in"
                " Python, and then look for functions of `math` whose names end in 1p and in m1.",
                "A power is the exponential of K times a logarithm. Choose the two functions that never"
                " form a number near 1, and give ρ = 1 a line of its own.",
            ),
            rtol=1e-9,
        ),
        Question(
            "k_needed(rho, q=None, miss=None)",
            k_needed,
            lambda rho, q=None, miss=None: theory.smallest_k(rho, q if miss is None else 1 - typed(miss)),
            "nslab.theory.smallest_k",
            _needed_cases,
            NEEDED,
            (
                "Write down what K draws may miss at most, and solve for K with logarithms. Which way"
                " does the sign turn when you divide by the logarithm of a number below 1? First of all,"
                " settle q = 0, ρ = 1, and where no K is enough.",
                "The rounded-up quotient is right but for two things: 1 − ρ loses a small ρ (you know the"
                " remedy from part 1; a tiny q needs it too), and where K draws reach q exactly, rounding"
                " may push it over the edge.",
                "Take it as a guess. While it is below ten thousand or so, compare the power of a"
                " Fraction with the miss that is allowed, for the guess and for its neighbours. A larger"
                " guess stands.",
            ),
            rtol=0.0,
            measure=_measure_needed,
        ),
        Question(
            "k_needed_finite(N, M, q)",
            k_needed_finite,
            theory.smallest_k_finite,
            "nslab.theory.smallest_k_finite",
            _finite_cases,
            FINITE,
            (
                "The first draw misses with probability (N − M)/N. What is in the pool when the second is"
                " drawn, if the first one missed?",
                "Multiply these chances, draw after draw, until little enough is left. As integers or"
                " Fractions they are exact.",
                "Turn q into a Fraction before you take it from 1. After how many draws does one factor"
                " become 0? That is the K for q = 1. With M = 0 it never happens: raise ValueError.",
            ),
            rtol=0.0,
            measure=_measure_finite,
        ),
        Question(
            "k_for_average(rhos, q)",
            k_for_average,
            None,
            "",
            _average_cases,
            AVERAGE,
            (
                "Write a helper: the mean of your `p_hit` over the anchors for a given K. It never falls"
                " as K grows.",
                "What does it come near to as K grows for ever? Refuse what lies above; think about"
                " equality.",
                "Double K until the mean is high enough. The answer then lies between the last two: halve"
                " the gap until it is 1.",
            ),
            rtol=0.0,
            stretch=True,
        ),
    ),
)
