"""Exercise 04: right answers in several styles pass, and a learner's own mistakes are named."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from answers import assert_named, assert_passed, checker

from nslab.practice._exercise import load

P_HIT, NEEDED, FINITE, AVERAGE = load("04").questions


check = checker("04")


# Right answers


def hit_numpy(rho: float, K: int) -> Any:
    return -np.expm1(K * np.log1p(-rho)) if K else 0


def hit_torch(rho: float, K: int) -> torch.Tensor:
    draws = torch.full((K,), rho, dtype=torch.float64)
    return -torch.expm1(torch.log1p(-draws).sum())


def hit_fraction(rho: float, K: int) -> float:
    return float(1 - (1 - Fraction(rho)) ** K)


def hit_first_at(rho: float, K: int) -> float:
    """The first hit comes at draw 1, or 2, …"""
    return math.fsum(rho * (1 - rho) ** k for k in range(K))


def hit_recursive(rho: float, K: int) -> float:
    chance = 0.0
    for _ in range(K):
        chance += rho * (1 - chance)
    return chance


def allowed_miss(rho: float, q: float | None, miss: float | None) -> Fraction:
    allowed = 1 - Fraction(q) if miss is None else Fraction(miss)  # type: ignore[arg-type]
    if allowed < 1 and (rho == 0 or (rho < 1 and allowed == 0)):
        raise ValueError("impossible")
    return allowed


def needed_binary(rho: float, q: float | None = None, miss: float | None = None) -> int:
    """Fractions of the binary numbers, doubling and halving; logarithms for what is out of reach."""
    allowed, one = allowed_miss(rho, q, miss), 1 - Fraction(rho)
    if rho in (0, 1) or allowed == 1:
        return int(allowed < 1)
    if rho < 1e-5:
        ln_miss = math.log1p(-q) if miss is None else math.log(miss)  # type: ignore[operator]
        return max(1, math.ceil(ln_miss / math.log1p(-rho)))
    high = 1
    while one**high > allowed:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if one**middle > allowed else (low, middle)
    return high


def needed_decimal(rho: float, q: float | None = None, miss: float | None = None) -> int:
    """Eighty digits throughout, and a tolerance far below any that is possible."""
    if q == 0 or miss == 1:
        return 0
    if rho == 1:
        return 1
    if rho == 0 or q == 1 or miss == 0:
        raise ValueError("never")
    with localcontext(prec=80):
        left = Decimal(repr(miss)) if q is None else 1 - Decimal(repr(q))
        x = left.ln() / (1 - Decimal(repr(rho))).ln()
        return math.ceil(x - Decimal("1e-40"))


def needed_integers(rho: float, q: float | None = None, miss: float | None = None) -> np.int64 | int:
    """A numpy guess, then integers: n**K · v against u · d**K; an int64 where K fits into one."""
    allowed, one = allowed_miss(rho, q, miss), 1 - Fraction(rho)
    if rho in (0, 1) or allowed == 1:
        return np.int64(allowed < 1)
    ln_miss = np.log1p(-q) if miss is None else np.log(miss)  # type: ignore[operator]
    K = int(np.ceil(ln_miss / np.log1p(-rho)))
    if K < 10_000:
        n, d, u, v = one.numerator, one.denominator, allowed.numerator, allowed.denominator
        K = max(0, K - 2)
        while n**K * v > u * d**K:
            K += 1
    return np.int64(K) if K < 2**63 else K


def finite_combinations(N: int, M: int, q: float) -> int:
    if M == 0 and q > 0:
        raise ValueError("nothing to hit")
    low, high = -1, N - M + 1
    while high - low > 1:
        K = (low + high) // 2
        enough = Fraction(math.comb(N - M, K), math.comb(N, K)) <= 1 - Fraction(q)
        low, high = (low, K) if enough else (K, high)
    return high


def finite_roles_swapped(N: int, M: int, q: float) -> torch.Tensor:
    """The M hard items are drawn among the N − K that stay."""
    if q > 0 and M < 1:
        raise ValueError("nothing to hit")
    wanted = Fraction(str(q))
    fits = (
        K
        for K in range(N + 1)
        if math.comb(N - K, M) * wanted.denominator
        <= (wanted.denominator - wanted.numerator) * math.comb(N, M)
    )
    return torch.tensor(next(fits))


def finite_integers(N: int, M: int, q: float) -> float:
    """Two growing integers, and a float at the end."""
    if M == 0 and q > 0:
        raise ValueError("nothing to hit")
    left, right, K = 1, 1, 0
    while left > (1 - Fraction(q)) * right:
        left, right, K = left * (N - M - K), right * (N - K), K + 1
    return float(K)


def average_counting(rhos: np.ndarray, q: float) -> int:
    if q >= (rhos > 0).mean() and q > (rhos == 1).mean():
        raise ValueError("only in the limit")
    K, missed = 0, np.ones(len(rhos))
    while 1 - missed.mean() < q:
        K, missed = K + 1, missed * (1 - rhos)
    return K


def average_torch(rhos: np.ndarray, q: float) -> torch.Tensor:
    values = torch.tensor(rhos)
    if q > (values == 1).double().mean() and q >= (values > 0).double().mean():
        raise ValueError("only in the limit")
    K = torch.arange(30_000)[:, None]
    return ((1 - (1 - values) ** K).mean(1) >= q).double().argmax()


@pytest.mark.parametrize("seed", (0, 7))
@pytest.mark.parametrize(
    ("name", "fn"),
    [
        *[("p_hit", fn) for fn in (hit_numpy, hit_torch, hit_fraction, hit_first_at, hit_recursive)],
        *[("k_needed", fn) for fn in (needed_binary, needed_decimal, needed_integers)],
        *[("k_needed_finite", fn) for fn in (finite_combinations, finite_roles_swapped, finite_integers)],
        *[("k_for_average", fn) for fn in (average_counting, average_torch)],
    ],
)
def test_right_answers_pass_in_every_style(name: str, fn: Callable[..., Any], seed: int) -> None:
    assert_passed(check(name, fn, seed=seed))


# A learner's own mistakes


def hit_by_loop(rho: float, K: int) -> float:
    missed = 1.0
    for _ in range(K):
        missed *= 1 - rho
    return 1 - missed


def hit_without_ends(rho: float, K: int) -> float:
    return -math.expm1(K * math.log1p(-rho))


def hit_summed(rho: float, K: int) -> float:
    return sum([rho] * K)


def hit_sure_first(rho: float, K: int) -> float:
    """ρ = 1 is settled before K = 0."""
    return 1.0 if rho >= 1 else -math.expm1(K * math.log1p(-rho))


def hit_nan_without_draws(rho: float, K: int) -> Any:
    return -np.expm1(K * np.log1p(-rho))


def hit_two_terms(rho: float, K: int) -> float:
    if K * rho < 1e-3:
        return K * rho - K * (K - 1) / 2 * rho**2
    return 1.0 * (K > 0) if rho == 1 else -math.expm1(K * math.log1p(-rho))


def hit_at_the_last(rho: float, K: int) -> float:
    return np.power(1 - rho, K - 1) * rho if K >= 1 else 0


def hit_in_single_precision(rho: float, K: int) -> Any:
    return -np.expm1(K * np.log1p(-np.float32(rho))) if K else 0.0


def by_quotient(round_up: Callable[[float], Any], logarithms: str = "log1p") -> Callable[..., Any]:
    def k_needed(rho: float, q: float | None = None, miss: float | None = None) -> Any:
        if q == 0 or miss == 1 or rho == 1:
            return 0 if q == 0 or miss == 1 else 1
        if 0 in (rho, miss) or q == 1:
            raise ValueError("never")
        if logarithms == "log1p":
            left = np.log1p(-q) if q is not None else np.log(miss or 1)
            return round_up(float(left / np.log1p(-rho)))
        left = math.log10(1 - q if q is not None else miss or 1)
        return round_up(left / math.log10(1 - rho))

    return k_needed


def needed_by_union(rho: float, q: float | None = None, miss: float | None = None) -> int:
    q = 1 - miss if q is None else q  # type: ignore[operator]
    if (rho == 0 and q) or (q == 1 and rho < 1):
        raise ValueError("never")
    return -int(-q // rho) if q else 0


def needed_by_bisection(rho: float, q: float | None = None, miss: float | None = None) -> int:
    """Right but for floats."""
    miss = 1 - q if miss is None else miss  # type: ignore[operator]
    if miss < 1 and (rho == 0 or (miss == 0 and rho < 1)):
        raise ValueError("never")
    high = 1
    while hit_or_miss(rho, high) > miss:
        high *= 2
    low = -1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if hit_or_miss(rho, middle) > miss else (low, middle)
    return high


def hit_or_miss(rho: float, K: int) -> float:
    return math.exp(K * math.log1p(-rho)) if rho < 1 else float(K == 0)


def needed_exactly_below(most: int) -> Callable[..., int]:
    """Exact powers for a short way, and the quotient of logarithms beyond."""

    def k_needed(rho: float, q: float | None = None, miss: float | None = None) -> int:
        exact = needed_decimal(rho, q, miss)
        if not 1 < exact <= 10_000 or exact <= most:
            return exact
        left = math.log1p(-q) if q is not None else math.log(miss or 0)
        return math.ceil(left / math.log1p(-rho))

    return k_needed


def needed_sure_before_none(rho: float, q: float | None = None, miss: float | None = None) -> int:
    return 1 if rho >= 1 else needed_decimal(rho, q, miss)


def needed_without_refusal(rho: float, q: float | None = None, miss: float | None = None) -> Any:
    try:
        return needed_decimal(rho, q, miss)
    except ValueError:
        return math.inf


def needed_as_int64(rho: float, q: float | None = None, miss: float | None = None) -> Any:
    return np.array(float(needed_integers(rho, q, miss))).astype(np.int64)


def needed_shortened(rho: float, q: float | None = None, miss: float | None = None) -> int:
    allowed = (1 - Fraction(q or 0) if miss is None else Fraction(miss)).limit_denominator(10_000)
    one = 1 - Fraction(rho).limit_denominator(10_000)
    if allowed == 1 or one == 0:
        return int(allowed < 1)
    if one == 1 or allowed == 0:
        raise ValueError("never")
    K = max(0, int(math.log(allowed) / math.log(one)) - 1)
    while K < 100_000 and one**K > allowed:
        K += 1
    return K


def needed_read_twice(rho: float, q: float | None = None, miss: float | None = None) -> int:
    """ρ as it was typed, q and miss in binary."""
    allowed, one = allowed_miss(rho, q, miss), 1 - Fraction(str(rho))
    K = needed_decimal(rho, q, miss)
    if not 0 < K < 10_000 or rho == 1:
        return K
    return next(k for k in range(K - 1, K + 2) if one**k <= allowed)


def needed_from_q(rho: float, q: float | None = None, miss: float | None = None) -> int:
    if q == 0:
        return 0
    return needed_decimal(rho, q) if q < 1 or rho == 1 else needed_decimal(0, q)  # type: ignore[operator]


def needed_if_given(rho: float, q: float | None = None, miss: float | None = None) -> int:
    return needed_decimal(rho, None, miss) if miss else needed_decimal(rho, 1 * q)  # type: ignore[operator]


def needed_over_ln_rho(rho: float, q: float | None = None, miss: float | None = None) -> int:
    if rho in (0, 1) or 0 in (q, miss) or 1 in (q, miss):
        return needed_decimal(rho, q, miss)
    return math.ceil((math.log(miss or 1) if q is None else np.log1p(-q)) / np.log(rho))


def needed_by_short_decimals(rho: float, q: float | None = None, miss: float | None = None) -> int:
    if rho in (0, 1) or 0 in (q, miss) or 1 in (q, miss):
        return needed_decimal(rho, q, miss)
    left = Decimal(str(miss)) if q is None else 1 - Decimal(str(q))
    return math.ceil(left.ln() / (1 - Decimal(str(rho))).ln())


def finite_by_division(N: int, M: int, q: float) -> int:
    if not M and q:
        raise ValueError("nothing to hit")
    return next(K for K in range(N + 1) if 1 - math.comb(N - M, K) / math.comb(N, K) >= q)


def finite_from_endless(N: int, M: int, q: float) -> Any:
    return needed_decimal(M / N, q)


def finite_until_none(N: int, M: int, q: float) -> int | None:
    for K in range(N + 1):
        if math.comb(N, K) - math.comb(N - M, K) >= Fraction(str(q)) * math.comb(N, K):
            return K
    return None


def finite_of_a_fixed_pool(N: int, M: int, q: float) -> int:
    if M == 0 and q > 0:
        raise ValueError("nothing to hit")
    missed, K = 1.0, 0
    while 1 - missed < q:
        missed, K = missed * (N - M - K) / N, K + 1
    return K


def finite_with_a_rounded_miss(N: int, M: int, q: float) -> int:
    if M == 0 and q > 0:
        raise ValueError("nothing to hit")
    allowed = Fraction(1 - q)
    return next(K for K in range(N + 1) if math.comb(N - M, K) <= allowed * math.comb(N, K))


def finite_with_fewer_hard_ones(N: int, M: int, q: float) -> int:
    if M == 0 and q > 0:
        raise ValueError("nothing to hit")
    missed, K = 1.0, 0
    while 1 - missed < q and K < N:
        missed, K = missed * (1 - max(0, M - K) / (N - K)), K + 1
    return K


def finite_from_one_draw_on(N: int, M: int, q: float) -> int:
    """1 − q is rounded; no draw is settled first."""
    if M == 0 or q == 0:
        return finite_combinations(N, M, q)
    return next(K for K in range(1, N + 1) if math.comb(N - M, K) <= Fraction(1 - q) * math.comb(N, K))


def finite_until_certain(N: int, M: int, q: float) -> int:
    return finite_combinations(N, M, q) and 1 + N - M


def finite_whole_pool(N: int, M: int, q: float) -> int:
    return N if M and q == 1 else finite_combinations(N, M, q)


def finite_with_a_tolerance(N: int, M: int, q: float) -> int:
    if M == 0:
        return finite_combinations(N, M, q)
    missed = np.cumprod([1, *((N - M - k) / (N - k) for k in range(N - M + 1))])
    return int(np.argmax(missed <= 1 - q + 1e-11))


def finite_shortened(N: int, M: int, q: float) -> int:
    wanted = Fraction(q).limit_denominator(5_000)
    return finite_combinations(N, M, wanted) if M or wanted else 0  # type: ignore[arg-type]


def finite_with_easy_ones_put_back(N: int, M: int, q: float) -> int:
    if M == 0 or q == 0:
        return finite_combinations(N, M, q)
    missed, K = Fraction(1), 0
    while missed > 1 - Fraction(q) and K <= N - M:
        missed, K = missed * Fraction(N - M, N - K), K + 1
    return K


def average_of_the_best(rhos: np.ndarray, q: float) -> int:
    return needed_decimal(max(rhos.tolist()), q)


def average_of_logarithms(rhos: np.ndarray, q: float) -> int:
    if q == 1 or not rhos.any():
        raise ValueError("only in the limit")
    return math.ceil(math.log1p(-q) / np.log1p(-np.minimum(rhos, 0.999999)).mean())


def average_doubled(rhos: np.ndarray, q: float) -> int:
    if q >= np.mean(rhos > 0) and q > np.mean(rhos == 1):
        raise ValueError("only in the limit")
    K = 1 if q else 0
    while np.mean(1 - (1 - rhos) ** K) < q:
        K *= 2
    return K


def average_of_shares(rhos: np.ndarray, q: float) -> int:
    return needed_decimal(float(rhos.mean()), q)


def average_of_needs(rhos: np.ndarray, q: float) -> float:
    return math.ceil(sum(needed_without_refusal(float(rho), q) for rho in rhos) / len(rhos))


@pytest.mark.parametrize(
    ("name", "fn", "mistake"),
    [
        ("p_hit", hit_by_loop, "1 − ρ rounded"),
        ("p_hit", hit_without_ends, "ρ = 1"),
        ("p_hit", hit_sure_first, "no draw"),
        ("p_hit", hit_nan_without_draws, "no draw"),
        ("p_hit", hit_two_terms, "imprecise"),
        ("p_hit", hit_summed, "sum of the chances"),
        ("p_hit", hit_at_the_last, "only the K-th draw"),
        ("p_hit", hit_in_single_precision, "imprecise"),
        ("p_hit", lambda rho, K: round(hit_fraction(rho, K), 9), "rounded"),
        ("p_hit", lambda rho, K: 1 - 2 ** (K * math.log(max(1 - rho, 1e-99))), "two bases"),
        ("k_needed", by_quotient(math.ceil, "log10"), "1 − ρ rounded"),
        ("k_needed", by_quotient(math.ceil), "decided by rounding"),
        ("k_needed", by_quotient(math.floor), "rounded down"),
        ("k_needed", by_quotient(np.rint), "rounded to the nearest"),
        ("k_needed", by_quotient(lambda x: 1 + int(x)), "one too many at equality"),
        ("k_needed", by_quotient(lambda x: np.ceil(np.round(x, 6))), "tolerance"),
        ("k_needed", by_quotient(lambda x: x), "not rounded up"),
        ("k_needed", needed_by_union, "sum of the chances"),
        ("k_needed", needed_by_bisection, "decided by rounding"),
        ("k_needed", needed_without_refusal, "not refused"),
        ("k_needed", needed_exactly_below(1000), "decided by rounding"),
        ("k_needed", needed_exactly_below(5000), "decided by rounding"),
        ("k_needed", needed_sure_before_none, "no draw"),
        ("k_needed", needed_as_int64, "past int64"),
        ("k_needed", needed_shortened, "cut short"),
        ("k_needed", needed_read_twice, "two readings"),
        ("k_needed", needed_from_q, "miss left out"),
        ("k_needed", needed_if_given, "0 taken for None"),
        ("k_needed", needed_by_short_decimals, "decided by rounding"),
        ("k_needed", by_quotient(lambda x: math.ceil(x / math.log(2))), "two bases"),
        ("k_needed", needed_over_ln_rho, "ρ for the miss"),
        ("k_needed_finite", finite_by_division, "decided by rounding"),
        ("k_needed_finite", finite_from_endless, "with replacement"),
        ("k_needed_finite", finite_until_none, "not refused"),
        ("k_needed_finite", finite_of_a_fixed_pool, "only one count shrinks"),
        ("k_needed_finite", finite_with_a_rounded_miss, "1 − q rounded"),
        ("k_needed_finite", finite_with_fewer_hard_ones, "only one count shrinks"),
        ("k_needed_finite", finite_with_easy_ones_put_back, "only one count shrinks"),
        ("k_needed_finite", finite_from_one_draw_on, "1 − q rounded"),
        ("k_needed_finite", finite_until_certain, "until certain"),
        ("k_needed_finite", finite_whole_pool, "never certain"),
        ("k_needed_finite", finite_with_a_tolerance, "tolerance"),
        ("k_needed_finite", finite_shortened, "tolerance"),
        ("k_for_average", average_doubled, "only doubled"),
        ("k_for_average", average_of_shares, "K at the mean ρ"),
        ("k_for_average", lambda rhos, q: max(1, average_counting(rhos, q)), "no draw"),
        ("k_for_average", average_of_needs, "mean of the K"),
        ("k_for_average", average_of_the_best, "K of the richest anchor"),
        ("k_for_average", average_of_logarithms, "mean of the logarithms"),
    ],
)
def test_a_learners_own_mistakes_are_named(name: str, fn: Callable[..., Any], mistake: str) -> None:
    assert_named(check(name, fn), mistake)


def test_a_card_says_what_the_answer_does() -> None:
    message = check("k_needed", needed_by_union).message
    assert "chance of a hit" in message
    strange = check("k_needed", lambda rho, q=None, miss=None: [needed_decimal(rho, q, miss)])
    assert "one integer is asked for, got list" in strange.message
    huge = check("k_needed_finite", lambda N, M, q: 10**400)
    assert (huge.status, huge.mistake) == ("failed", None)
    unknown = check("k_needed_finite", lambda N, M, q: (N * 7 + M) % 5)
    assert (unknown.status, unknown.mistake) == ("failed", None)


# The specification


def test_the_specification_gives_the_audited_numbers() -> None:
    needed, finite = NEEDED.truth, FINITE.truth
    assert [needed(0.01, 0.95), needed(0.001, 0.99), needed(0.25, 0.578125)] == [299, 4603, 3]
    assert needed(1e-12, 0.95) == 2995732273553 and needed(1e-17, 0.95) == 299573227355399098
    assert [finite(100, 1, 0.95), finite(1000, 10, 0.95)] == [95, 258]
    assert P_HIT.truth(0.01, 95) == pytest.approx(0.615, abs=5e-4)
    assert P_HIT.truth(0.01, 298) == pytest.approx(0.94996, abs=5e-6) and P_HIT.truth(0.5, 3) == 0.875
    grid = np.random.default_rng(0).beta(0.5, 49.5, 4000)
    assert AVERAGE.truth(grid, 0.95) == pytest.approx(19652, rel=0.2)


def reaches(question: str, args: tuple[Any, ...], K: int, read: Callable[[float], Fraction]) -> bool:
    if question == "k_needed":
        rho, q, *miss = args
        return (1 - read(rho)) ** K <= (read(miss[0]) if q is None else 1 - read(q))
    N, M, q = args
    return Fraction(math.comb(N - M, K), math.comb(N, K)) <= 1 - read(q)


def typed(x: float) -> Fraction:
    return Fraction(str(x))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("question", (NEEDED, FINITE), ids=("k_needed", "k_needed_finite"))
def test_k_is_enough_and_one_fewer_is_not_whichever_way_a_float_is_read(question: Any, seed: int) -> None:
    for case in question.cases(seed):
        try:
            K = question.truth(*case.args)
        except ValueError:
            continue
        if K < 20_000:
            for read in (typed, Fraction):
                assert reaches(question.name, case.args, K, read), case
                assert K == 0 or not reaches(question.name, case.args, K - 1, read), case


@pytest.mark.parametrize("seed", range(4))
def test_no_average_is_decided_by_rounding(seed: int) -> None:
    for case in AVERAGE.cases(seed):
        rhos, q = case.args
        if 0 < q < 1 and not np.any(rhos == 1) and q < np.mean(rhos > 0):
            K = AVERAGE.truth(rhos, q)
            assert 1 - np.mean((1 - rhos) ** K) > q + 1e-9
            assert 1 - np.mean((1 - rhos) ** (K - 1)) < q - 1e-9


@pytest.mark.parametrize(("N", "M", "K"), ((40, 4, 7), (200, 5, 30)))
def test_draws_hit_as_often_as_the_specification_says(N: int, M: int, K: int) -> None:
    trials = 20_000
    rng = np.random.default_rng(4)
    with_replacement = (rng.integers(N, size=(trials, K)) < M).any(1).mean()
    without = (rng.random((trials, N)).argpartition(K, 1)[:, :K] < M).any(1).mean()
    exact = P_HIT.truth(M / N, K)
    exact_without = 1 - math.comb(N - M, K) / math.comb(N, K)
    assert with_replacement == pytest.approx(exact, abs=5 * math.sqrt(exact * (1 - exact) / trials))
    assert without == pytest.approx(exact_without, abs=5 * math.sqrt(exact * (1 - exact) / trials))
    assert FINITE.truth(N, M, exact_without) in (K, K + 1)
