"""Closed forms against mpmath and rationals, derivatives against each other, and every refusal."""

import doctest
import math
from decimal import Decimal
from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from refusals import assert_refused

from nslab import theory
from nslab.theory import (
    effective_margin,
    effective_negatives,
    equal_negatives_loss,
    hit_probability,
    linear_loss,
    smallest_k,
    smallest_k_finite,
    softmax_entropy,
    softmax_entropy_slope,
    temperature_for_entropy,
)

SCORES = (0.9, 0.5, 0.3, 0.0, -0.4)
some_scores = st.lists(st.integers(-2000, 2000).map(lambda i: i / 1000), min_size=2, max_size=12)
some_tau = st.floats(-4, 4).map(lambda x: 10**x)
shares = st.integers(1, 999).map(lambda i: Fraction(i, 1000))


def mp_entropy(scores, tau):
    """−Σ p ln p with 450 digits: the definition, at a precision where nothing cancels."""
    with mp.workdps(450):
        logits = [mp.mpf(s) / mp.mpf(tau) for s in scores]
        log_z = max(logits) + mp.log(mp.fsum(mp.exp(x - max(logits)) for x in logits))
        return -mp.fsum(mp.exp(x - log_z) * (x - log_z) for x in logits)


def mp_slope(scores, tau):
    """(H(τ+h) − H(τ−h)) / 2h: a central difference whose error is far below float64."""
    with mp.workdps(450):
        tau = mp.mpf(tau)
        h = tau * mp.mpf(10) ** -25
        return (mp_entropy(scores, tau + h) - mp_entropy(scores, tau - h)) / (2 * h)


def close(got, want, rel=1e-12):
    """Relative closeness; what float64 can only hold as a subnormal may be off by as much."""
    with mp.workdps(120):
        return abs(mp.mpf(float(got)) - want) <= rel * abs(want) + mp.mpf("1e-300")


def test_docstring_examples():
    assert doctest.testmod(theory).failed == 0
    assert doctest.testmod(theory).attempted >= 10


# Entropy


@settings(max_examples=150)
@given(some_scores, some_tau)
def test_entropy_and_effective_number_match_mpmath(scores, tau):
    want = mp_entropy(scores, tau)
    assert close(softmax_entropy(scores, tau), want)
    assert close(effective_negatives(scores, tau), mp.exp(want))


@settings(max_examples=100)
@given(some_scores, some_tau)
def test_slope_matches_central_differences(scores, tau):
    assert close(softmax_entropy_slope(scores, tau), mp_slope(scores, tau))


@settings(max_examples=100)
@given(some_scores, st.floats(-1.3, 1).map(lambda x: 10**x))
def test_autograd_of_the_entropy_is_the_slope(scores, tau):
    temperature = torch.tensor(tau, dtype=torch.float64, requires_grad=True)
    softmax_entropy(scores, temperature).backward()
    assert temperature.grad is not None
    torch.testing.assert_close(temperature.grad, softmax_entropy_slope(scores, tau), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("function", [softmax_entropy, softmax_entropy_slope, effective_negatives])
@pytest.mark.parametrize("scores", [SCORES, (0.9, 0.9, 0.1), (0.2, 0.2), (1.0, -1.0, 1.0, 1.0)])
def test_gradients_of_both_orders_also_at_ties(function, scores):
    values = torch.tensor(scores, dtype=torch.float64, requires_grad=True)
    tau = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(function, (values, tau))
    assert torch.autograd.gradgradcheck(function, (values, tau))


@settings(max_examples=100)
@given(some_scores, some_tau, st.integers(-64, 64))
def test_a_common_shift_changes_nothing(scores, tau, shift):
    exact = (
        torch.tensor(scores, dtype=torch.float64).mul(2**20).round().div(2**20)
    )  # so that the shift is exact
    for function in (softmax_entropy, softmax_entropy_slope, effective_negatives):
        assert torch.equal(function(exact, tau), function(exact + shift, tau))


@settings(max_examples=60)
@given(some_scores)
def test_entropy_never_falls_with_temperature_and_keeps_its_range(scores):
    entropies = torch.stack([softmax_entropy(scores, 10**x) for x in np.linspace(-4, 4, 33)])
    assert (entropies.diff() >= -1e-14).all()
    ties = scores.count(max(scores))
    assert entropies[0] >= math.log(ties) - 1e-14
    assert entropies[-1] <= math.log(len(scores)) + 1e-14


def test_entropy_keeps_its_digits_where_the_definition_loses_them():
    scores = [0.0] + [-3.5] * 1000
    naive = torch.softmax(torch.tensor(scores, dtype=torch.float64) / 0.1, 0)
    want = mp_entropy(scores, 0.1)
    assert not close(-(naive * naive.log()).sum(), want)
    assert close(softmax_entropy(scores, 0.1), want)
    assert close(softmax_entropy([0.0, -6.9], 0.01), mp_entropy([0.0, -6.9], 0.01), 1e-12)


def test_audited_slopes():
    assert softmax_entropy_slope(SCORES, 0.05).item() == pytest.approx(0.44688, abs=5e-6)
    assert softmax_entropy_slope(SCORES, 0.1).item() == pytest.approx(3.7697, abs=5e-5)
    assert softmax_entropy_slope(SCORES, 10).item() == pytest.approx(1.93619e-4, abs=5e-10)
    gaps = {0.05: 0.59, 0.24: 4.39, 0.5: 1.66, 1.0: 0.045, 2.0: 8e-6}
    for gap, slope in gaps.items():
        assert softmax_entropy_slope([0.0, -gap], 0.1).item() == pytest.approx(slope, rel=0.04)


def test_entropy_is_blind_to_difficulty():
    low = torch.tensor([-0.95, -0.9, -0.85, -0.8, -0.85], dtype=torch.float64)
    assert softmax_entropy(low, 0.1).item() == pytest.approx(
        softmax_entropy(low + 1.75, 0.1).item(), rel=1e-12
    )
    assert equal_negatives_loss(0.95, -0.85, 0.1, 5) < 1e-6 < 0.5 < equal_negatives_loss(0.95, 0.9, 0.1, 5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("tau", [1e-3, 0.07, 1.0, 1e3])
def test_lower_precision_is_kept_and_close(dtype, tau):
    scores = torch.tensor([SCORES, (0.5, 0.5, -0.5, 0.0, 0.25)], dtype=dtype, requires_grad=True)
    result = softmax_entropy(scores, tau)
    assert result.dtype == dtype and result.shape == (2,)
    want = torch.tensor([float(mp_entropy(row.tolist(), tau)) for row in scores])
    tolerance = 1e-6 if dtype == torch.float32 else 1e-2
    torch.testing.assert_close(result.float(), want, rtol=tolerance, atol=tolerance)
    result.sum().backward()
    assert scores.grad is not None and scores.grad.isfinite().all()


def test_extremes_stay_numbers():
    for tau in (1e-300, 1e300):
        scores = torch.tensor([1e308, -1e308, 0.0], dtype=torch.float64, requires_grad=True)
        temperature = torch.tensor(tau, dtype=torch.float64, requires_grad=True)
        entropy = softmax_entropy(scores, temperature)
        entropy.backward()
        assert entropy.isfinite() and scores.grad is not None and scores.grad.isfinite().all()
        assert temperature.grad is not None and temperature.grad.isfinite()
        assert softmax_entropy_slope(scores, tau).isfinite()
    assert softmax_entropy([3.0], 0.1) == 0 and effective_negatives([3.0], 0.1) == 1


# Root


@settings(max_examples=60)
@given(some_scores, st.floats(0.001, 0.999))
def test_root_hits_its_target(scores, part):
    assume(len(set(scores)) > 1)
    floor, ceiling = math.log(scores.count(max(scores))), math.log(len(scores))
    target = floor + part * (ceiling - floor)
    tau = temperature_for_entropy(scores, target)
    assert abs(softmax_entropy(scores, tau).item() - target) <= 1e-12
    assert abs(mp_entropy(scores, tau.item()) - target) <= 1e-12


@settings(max_examples=40)
@given(some_scores, st.floats(-1, 0.5).map(lambda x: 10**x))
def test_root_finds_the_temperature_back(scores, tau):
    entropy = softmax_entropy(scores, tau)
    assume(softmax_entropy_slope(scores, tau) * tau > 1e-4)  # elsewhere the entropy does not hold τ's digits
    assert temperature_for_entropy(scores, entropy).item() == pytest.approx(tau, rel=1e-8)


def test_root_of_tiny_entropies_of_rows_and_dtypes():
    for target in (1e-12, 1e-100, 1e-290):
        assert close(softmax_entropy(SCORES, temperature_for_entropy(SCORES, target)), mp.mpf(target), 1e-11)
    rows = torch.tensor([SCORES, [30 * s for s in SCORES]], dtype=torch.float32)
    taus = temperature_for_entropy(rows, 1.0)
    assert taus.dtype == torch.float32 and taus.shape == (2,)
    assert taus[1].item() == pytest.approx(30 * taus[0].item(), rel=1e-5)
    each = temperature_for_entropy(rows, torch.tensor([0.5, 1.2]))
    assert softmax_entropy(rows[1], each[1]).item() == pytest.approx(1.2, abs=1e-5)


@pytest.mark.parametrize("target", [0.0, -1.0, math.log(5), 2.0])
def test_root_refuses_what_no_temperature_reaches(target):
    with pytest.raises(ValueError, match="target") as error:
        temperature_for_entropy(SCORES, target)
    assert repr(target) in str(error.value)


def test_root_refuses_below_the_ties():
    with pytest.raises(ValueError, match="target"):
        temperature_for_entropy([0.5, 0.5, 0.1], math.log(2))
    assert temperature_for_entropy([0.5, 0.5, 0.1], 0.7) > 0
    with pytest.raises(ValueError, match=r"scores.*equal.*0\.25"):
        temperature_for_entropy([0.25, 0.25], 0.5)


# Calculators of the loss


def test_audited_margins():
    assert effective_margin(255, 0.07, 0.1) == pytest.approx(0.4879, abs=5e-5)
    assert effective_margin(255, 0.07) == pytest.approx(0.3879, abs=5e-5)
    assert effective_margin(32767, 0.01) == pytest.approx(0.104, abs=5e-4)
    assert effective_margin(1, 0.5, 0.25) == 0.25


@settings(max_examples=200)
@given(st.integers(-1000, 1000), st.integers(-1000, 1000), some_tau, st.integers(1, 10**9))
def test_equal_negatives_loss_matches_mpmath(alpha, beta, tau, k):
    alpha, beta = alpha / 512, beta / 512
    with mp.workdps(60):
        line = (mp.mpf(beta) - mp.mpf(alpha)) / mp.mpf(tau) + mp.log(k)
        want = mp.log1p(mp.exp(line)) if line > -100 else mp.exp(line)
        got = equal_negatives_loss(alpha, beta, tau, k)
        assert close(got, want, 1e-12 if abs(line) < 1000 else 1e-11)
        rounding = 1e-13 * (abs(alpha - beta) / tau + 30)  # of a sum whose second term is at most ln 10⁹ < 30
        assert abs(linear_loss(alpha, beta, tau, k) - line) <= rounding
        assert got >= max(0.0, linear_loss(alpha, beta, tau, k)) - rounding


def test_equal_negatives_loss_is_info_nce_and_ln2_at_the_threshold():
    scores = torch.tensor([0.7] + [0.25] * 40, dtype=torch.float64) / 0.07
    want = torch.nn.functional.cross_entropy(scores[None], torch.tensor([0])).item()
    assert equal_negatives_loss(0.7, 0.25, 0.07, 40) == pytest.approx(want, rel=1e-12)
    threshold = effective_margin(4095, 0.07, 0.1)
    assert equal_negatives_loss(threshold, 0.1, 0.07, 4095) == pytest.approx(math.log(2), rel=1e-13)
    assert equal_negatives_loss(1, -1, 0.05, 1) == pytest.approx(math.exp(-40), rel=1e-14)
    errors = {1: 0.313, 2.197: 0.105, 4.595: 0.0101, 10: 4.5e-5}
    for x, error in errors.items():
        assert equal_negatives_loss(0, x, 1, 1) - linear_loss(0, x, 1, 1) == pytest.approx(error, rel=0.02)


def test_calculators_on_numbers_arrays_and_gradients():
    assert type(effective_margin(np.int64(8), np.float64(0.1))) is float
    grid = equal_negatives_loss(torch.linspace(-1, 1, 5), 0.1, 0.1, [[1], [100]])
    assert grid.shape == (2, 5) and grid.dtype == torch.float32
    assert grid[1, 2].item() == pytest.approx(equal_negatives_loss(0.0, 0.1, 0.1, 100), rel=1e-6)
    assert effective_margin(torch.tensor([1, 10]), 0.1).dtype == torch.float64
    assert linear_loss(np.zeros(3, np.float16), 0.1, 0.1, 10).dtype == torch.float16
    alpha = torch.tensor([0.2, 0.6], dtype=torch.float64, requires_grad=True)
    equal_negatives_loss(alpha, 0.1, 0.1, 50).sum().backward()
    line = torch.tensor([linear_loss(a, 0.1, 0.1, 50) for a in (0.2, 0.6)], dtype=torch.float64)
    torch.testing.assert_close(alpha.grad, -torch.sigmoid(line) / 0.1)


@pytest.mark.parametrize("rho", [0.0, 1e-300, 1e-17, 1e-9, 0.01, 0.3, 0.999, 1.0])
@pytest.mark.parametrize("k", [1, 2, 299, 10**6, 10**12])
def test_hit_probability_matches_mpmath(rho, k):
    with mp.workdps(400):
        want = 1 - (1 - mp.mpf(rho)) ** k
        assert close(hit_probability(rho, k), want, 1e-14) or (
            rho == 1e-300 and close(hit_probability(rho, k), want)
        )
    array = hit_probability(torch.tensor([rho], dtype=torch.float64), np.array([[k]]))
    assert array.shape == (1, 1) and array.item() == pytest.approx(hit_probability(rho, k), rel=1e-14, abs=0)


# Smallest K


def hit(rho, k):
    return 1 - (1 - rho) ** k


@pytest.mark.parametrize(
    ("rho", "q", "want"),
    [
        (0.1, 0.271, 3), (0.25, 0.578125, 3), (0.01, 0.95, 299), (0.001, 0.99, 4603),
        (1e-12, 0.95, 2995732273553),
        (0.5, 0, 0), (0, 0, 0), (1, 0.0, 0), (1, 0.3, 1), (1.0, 1.0, 1), (0.3, 1e-300, 1),
        (1e-300, 1e-300, 1),
        (np.float64(0.1), np.float32(0.271), 3), (Fraction(1, 3), Fraction(5, 9), 2),
        (Decimal("0.1"), 0.271, 3),
        (torch.tensor(0.1), torch.tensor(0.271, dtype=torch.float64), 3),
    ],
)  # fmt: skip
def test_smallest_k_known(rho, q, want):
    result = smallest_k(rho, q)
    assert result == want and type(result) is int


@settings(max_examples=200)
@given(shares, shares)
def test_smallest_k_is_where_the_hit_reaches_q(rho, q):
    k = smallest_k(rho, q)
    assert hit(rho, k - 1) < q <= hit(rho, k)


def test_smallest_k_on_a_thousand_exact_boundaries():
    pairs = [
        (Fraction(i, d), k) for d in (10, 16, 20, 25, 40, 64, 100) for i in range(1, d) for k in (1, 2, 3, 5)
    ]
    assert len(pairs) > 1000
    for rho, k in pairs:
        q = hit(rho, k)
        assert smallest_k(rho, q) == k
        assert smallest_k(rho, q + Fraction(1, 10**40) * (1 - q)) == k + 1
        assert smallest_k(rho, q - Fraction(1, 10**40) * q) == k


def test_smallest_k_on_boundaries_typed_as_decimals():
    checked = 0
    for i in range(1, 100):
        for k in range(1, 6):
            typed = f"{hit(Decimal(i) / 100, k)}"
            if len(typed.rstrip("0")) <= 17:
                assert smallest_k(i / 100, float(typed)) == k
                checked += 1
    assert checked > 350


@pytest.mark.parametrize("rho", ["1e-17", "1e-300", "5e-324", "0.000123"])
@pytest.mark.parametrize(
    "q", [Fraction(1, 2), Fraction("0.999999999999"), 1 - Fraction(1, 10**16), Fraction("1e-200")]
)
def test_smallest_k_at_extremes_against_mpmath(rho, q):
    k = smallest_k(Fraction(rho), q)  # up to 10³²³: a search by counting would not end
    assert k == smallest_k(float(rho), q)
    with mp.workdps(1500):
        miss = 1 - mp.mpf(q.numerator) / q.denominator
        log_keep = mp.log1p(-mp.mpf(rho))
        assert k * log_keep <= mp.log(miss) < (k - 1) * log_keep


@pytest.mark.parametrize(("rho", "q"), [(0, 0.5), (0.0, 1), (0.3, 1), (1e-9, 1.0)])
def test_smallest_k_impossible(rho, q):
    with pytest.raises(ValueError) as error:
        smallest_k(rho, q)
    assert f"rho={rho}" in str(error.value) and f"q={q}" in str(error.value)


def miss_finite(n, m, k):
    return Fraction(math.comb(n - m, k), math.comb(n, k))


@settings(max_examples=150)
@given(st.integers(1, 80), st.data(), shares)
def test_smallest_k_finite_against_every_k(n, data, q):
    m = data.draw(st.integers(1, n))
    assert smallest_k_finite(n, m, q) == next(k for k in range(1, n + 1) if miss_finite(n, m, k) <= 1 - q)
    k = data.draw(st.integers(1, n - m + 1))  # exactly on a boundary
    assert smallest_k_finite(n, m, 1 - miss_finite(n, m, k)) == k


def test_smallest_k_finite_known_large_and_impossible():
    assert smallest_k_finite(100, 1, 0.95) == 95 and smallest_k_finite(1000, 10, 0.95) == 258
    assert (
        smallest_k_finite(100, 7, 1) == 94
        and smallest_k_finite(5, 0, 0) == 0
        and smallest_k_finite(5, 5, 1) == 1
    )
    for m in (1, 3000, 5_000_000, 9_999_999):
        k = smallest_k_finite(10**7, m, 0.95)
        misses = (
            [mp.binomial(10**7 - m, j) / mp.binomial(10**7, j) for j in (k - 1, k)] if m == 3000 else None
        )
        assert k == {1: 9_500_000, 5_000_000: 5, 9_999_999: 1}.get(m, k)
        assert misses is None or misses[0] > 0.05 >= misses[1]
    with pytest.raises(ValueError, match=r"hard=0.*pool of 5"):
        smallest_k_finite(5, 0, 0.1)
    with pytest.raises(ValueError, match="hard=6 and pool=5"):
        smallest_k_finite(5, 6, 0.1)


# Refusals

NAN, INF = float("nan"), float("inf")
CALLS = {
    softmax_entropy: {"scores": SCORES, "temperature": 0.1},
    softmax_entropy_slope: {"scores": SCORES, "temperature": 0.1},
    effective_negatives: {"scores": SCORES, "temperature": 0.1},
    temperature_for_entropy: {"scores": SCORES, "target": 1.0},
    effective_margin: {"k": 10, "temperature": 0.1, "beta": 0.0},
    equal_negatives_loss: {"alpha": 0.5, "beta": 0.1, "temperature": 0.1, "k": 10},
    linear_loss: {"alpha": 0.5, "beta": 0.1, "temperature": 0.1, "k": 10},
    hit_probability: {"rho": 0.1, "k": 10},
    smallest_k: {"rho": 0.1, "q": 0.5},
    smallest_k_finite: {"pool": 10, "hard": 1, "q": 0.5},
}
NOT_NUMBERS = [(None, "None"), ("0.5", "0.5"), (1j, "1j"), (NAN, "nan"), (INF, "inf"), (True, "")]
BAD = {
    "scores": [([], "(0,)"), ([0.1, NAN], "nan"), ([-INF, 0.1], "-inf"), (0.5, "0.5"),
        ([True, False], "bool"),
               ([1j], "1j"), ([[1, 2], [3]], "[[1, 2], [3]]"), ("ab", "ab")],
    "temperature": [*NOT_NUMBERS, (0, "0.0"), (-0.1, "-0.1")],
    "target": [*NOT_NUMBERS, ([1.0, 1.0], "(2,)")],
    "alpha": NOT_NUMBERS, "beta": NOT_NUMBERS,
    "k": [*NOT_NUMBERS, (0, "0"), (-3, "-3"), (2.5, "2.5"), ([4, 0], "0"), ([1.5], "1.5"), ([], "(0,)")],
    "rho": [*NOT_NUMBERS, (-0.1, "-0.1"), (1.1, "1.1")],
    "q": [*NOT_NUMBERS, (-0.1, "-0.1"), (1.1, "1.1"), (Fraction(4, 3), "4/3"), (Decimal("NaN"), "NaN")],
    "pool": [*NOT_NUMBERS, (0, "0"), (2.0, "2.0")],
    "hard": [*NOT_NUMBERS, (-1, "-1"), (11, "11"), (1.0, "1.0")],
}  # fmt: skip


@pytest.mark.parametrize(
    ("function", "name", "value", "shown"),
    [
        pytest.param(function, name, value, shown, id=f"{function.__name__}-{name}-{value!r}")
        for function, call in CALLS.items()
        for name in call
        for value, shown in BAD[name]
    ],
)
def test_bad_input_is_named(function, name, value, shown):
    assert_refused(name, shown, function, **{**CALLS[function], name: value})


def test_shapes_that_do_not_broadcast_are_named():
    with pytest.raises(ValueError, match=r"alpha \(2,\).*k \(3,\)"):
        linear_loss([0.1, 0.2], 0.1, 0.1, [1, 2, 3])
    with pytest.raises(ValueError, match=r"temperature.*float32.*1e-60"):
        softmax_entropy(torch.tensor([0.1, 0.2]), 1e-60)
