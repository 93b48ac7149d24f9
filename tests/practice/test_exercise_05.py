"""Exercise 05: right answers in several styles pass, and a learner's own mistakes are named."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from answers import assert_named, assert_passed, checker
from scipy.optimize import brentq
from scipy.special import expit, logsumexp, softmax, xlogy

from nslab.practice._exercise import load

FIVE = np.array([0.9, 0.5, 0.3, 0.0, -0.4])

check = checker("05")


def test_specification_gives_the_audited_numbers() -> None:
    entropy, slope, root, gap = (question.truth for question in load("05").questions)
    assert slope(FIVE, 0.05) == pytest.approx(0.44688, abs=5e-6)
    assert slope(FIVE, 10.0) == pytest.approx(1.93619e-4, abs=5e-10)
    difference = (entropy(FIVE, 0.1 + 1e-5) - entropy(FIVE, 0.1 - 1e-5)) / 2e-5
    assert slope(FIVE, 0.1) == pytest.approx(difference, rel=1e-7)
    assert math.exp(entropy(FIVE, root(FIVE, 2.0))) == pytest.approx(2.0, rel=1e-12)
    peak = max(np.linspace(0.2, 0.3, 100_001), key=lambda g: g**2 / math.cosh(g / 0.2) ** 2)
    assert gap(0.1) == pytest.approx(peak, abs=2e-6) == pytest.approx(0.23994, abs=1e-5)


def entropy_with_math(s: Any, tau: float, base: float = math.e) -> float:
    weights = [math.exp((x - max(s)) / tau) for x in s]
    return -sum(w / sum(weights) * math.log(w / sum(weights), base) for w in weights)


def entropy_with_math_unshifted(s: Any, tau: float, base: float = math.e) -> float:
    weights = [math.exp(x / tau) for x in s]
    return -sum(w / sum(weights) * math.log(w / sum(weights), base) for w in weights if w > 0)


def entropy_with_torch_log_softmax(s: Any, tau: float, base: float = math.e) -> torch.Tensor:
    return torch.distributions.Categorical(logits=torch.tensor(s * tau)).entropy() / math.log(base)


def entropy_of_raw_sum(s: Any, tau: float, base: float = math.e) -> float:
    return (math.log(np.exp(s / tau).sum()) - np.average(s, weights=np.exp(s / tau)) / tau) / math.log(base)


def entropy_in_bits_by_habit(s: Any, tau: float, base: float = math.e) -> float:
    p = softmax(s / tau)
    return float(-(p[p > 0] * np.log2(p[p > 0])).sum())


def slope_by_statistics(s: Any, tau: float) -> float:
    mean = sum(s) / len(s)
    return sum((x - mean) ** 2 for x in s) / len(s) / tau**3


def slope_with_torch_var(s: Any, tau: float) -> torch.Tensor:
    return torch.tensor(s).var(correction=0) / tau**3


def slope_two_powers(s: Any, tau: float) -> float:
    p = softmax(s / tau)
    return ((p * s**2).sum() - (p * s).sum() ** 2) / tau**2


def slope_by_coarse_difference(s: Any, tau: float) -> float:
    step = tau * 1e-4
    return (entropy_right(s, tau + step) - entropy_right(s, tau - step)) / (2 * step)


def entropy_right(s: Any, tau: float, base: float = math.e) -> float:
    p = softmax(s / tau)
    return float(-xlogy(p, p).sum()) / math.log(base)


def root_in_a_range(s: Any, n_eff: float) -> float:
    low, high = 1e-3, 10.0
    if not (s == s.max()).sum() < n_eff < len(s):
        raise ValueError("cannot be reached")
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if entropy_right(s, middle) < math.log(n_eff) else (low, middle)
    return high


def root_never_found(s: Any, n_eff: float) -> float:
    raise ValueError("the search failed")


def root_between_fixed_ends(s: Any, n_eff: float) -> float:
    return brentq(lambda tau: entropy_right(s, tau) - math.log(n_eff), 1.0, 100.0)


def root_of_any_target(s: Any, n_eff: float) -> float:
    low, high = 1e-9, 1e9
    for _ in range(200):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if entropy_right(s, middle) < math.log(n_eff) else (low, middle)
    return high


def root_below_k_only(s: Any, n_eff: float) -> float:
    if not 1 < n_eff < len(s):
        raise ValueError("cannot be reached")
    return root_of_any_target(s, n_eff)


def entropy_unshifted_in_nats(s: Any, tau: float, base: float = math.e) -> float:
    p = np.exp(s / tau) / np.exp(s / tau).sum()
    return -(p * np.log(p)).sum()


def entropy_unshifted_in_bits(s: Any, tau: float, base: float = math.e) -> float:
    weights = [math.exp(x / tau) for x in s]
    return -sum(w / sum(weights) * math.log2(w / sum(weights)) for w in weights if w > 0)


def entropy_of_the_scores(s: Any, tau: float, base: float = math.e) -> float:
    p = s / tau / np.sum(s / tau)
    return -np.sum(p * np.log(p) / np.log(base))


def entropy_by_mean(s: Any, tau: float, base: float = math.e) -> float:
    return xlogy(softmax(s / tau), softmax(s / tau)).mean() / -math.log(base)


def slope_of_squares(s: Any, tau: float) -> float:
    p = softmax(s / tau)
    return (p @ s**2 - (p @ s) ** 2) / tau**3


def slope_of_running_sums(s: Any, tau: float) -> float:
    total = first = second = 0.0
    for x in s:
        w = math.exp((x - max(s)) / tau)
        total, first, second = total + w, first + w * x, second + w * x * x
    return (second / total - (first / total) ** 2) / tau**3


def slope_of_products(s: Any, tau: float) -> torch.Tensor:
    return (torch.softmax(torch.tensor(s / tau), 0) * torch.tensor(s)).var(correction=0) / tau**3


def slope_by_means(s: Any, tau: float) -> float:
    p = softmax(s / tau)
    return np.mean(p * (s - np.mean(p * s)) ** 2) / tau**3


def slope_with_an_outer_mean(s: Any, tau: float) -> float:
    p = softmax(s / tau)
    return np.mean(p * (s - np.sum(p * s)) ** 2) / tau**3


def slope_with_an_inner_mean(s: Any, tau: float) -> float:
    p = softmax(s / tau)
    return np.sum(p * (s - np.mean(p * s)) ** 2) / tau**3


def root_or_none(s: Any, n_eff: float) -> float | None:
    return root_with_brentq(s, n_eff) if np.sum(s == np.max(s)) < n_eff < len(s) else None


def root_or_nan(s: Any, n_eff: float) -> float:
    return root_with_brentq(s, n_eff) if np.sum(s == np.max(s)) < n_eff < len(s) else math.nan


def root_or_none_in_a_range(s: Any, n_eff: float) -> float | None:
    return root_in_a_range(s, n_eff) if np.sum(s == np.max(s)) < n_eff < len(s) else None


def gap_on_a_coarse_grid(tau: float) -> float:
    gaps = np.linspace(0, 10, 501) * tau
    return gaps[np.argmax([slope_loop([g, 0.0], tau) for g in gaps])]


def root_of_the_number_itself(s: Any, n_eff: float) -> float:
    return root_with_brentq(s, math.exp(n_eff))


def root_with_brentq(s: Any, n_eff: float) -> float:
    if not np.sum(s == np.max(s)) < n_eff < len(s):
        raise ValueError("cannot be reached")
    log = math.log(s.max() - s.min())
    miss = lambda x: entropy_right(s, math.exp(x)) - math.log(n_eff)  # noqa: E731
    return math.exp(brentq(miss, log - 30, log + 30, xtol=1e-13))


@pytest.mark.parametrize(
    ("name", "fn", "mistake"),
    [
        ("entropy", entropy_with_math, "0 · log 0"),
        ("entropy", entropy_with_math_unshifted, "exp overflows"),
        ("entropy", entropy_with_torch_log_softmax, "multiplied by τ"),
        ("entropy", entropy_of_raw_sum, "exp overflows"),
        ("entropy", entropy_in_bits_by_habit, "always bits"),
        ("dH_dtau", slope_by_statistics, "np.var"),
        ("dH_dtau", slope_with_torch_var, "np.var"),
        ("dH_dtau", slope_two_powers, "τ squared"),
        ("dH_dtau", slope_by_coarse_difference, "imprecise"),
        ("dH_dtau", slope_of_squares, "difference of squares"),
        ("dH_dtau", slope_of_running_sums, "difference of squares"),
        ("tau_for_effective", root_in_a_range, "fixed range"),
        ("tau_for_effective", root_never_found, "refused"),
        ("tau_for_effective", root_between_fixed_ends, "refused"),
        ("tau_for_effective", root_of_any_target, "infeasible answered"),
        ("tau_for_effective", root_below_k_only, "ties forgotten"),
        ("tau_for_effective", root_of_the_number_itself, "entropy instead of number"),
        ("entropy", entropy_of_the_scores, "no softmax"),
        ("entropy", entropy_by_mean, "mean for sum"),
        ("dH_dtau", slope_of_products, "np.var(p·s)"),
        ("dH_dtau", slope_by_means, "mean for sum"),
        ("dH_dtau", slope_with_an_outer_mean, "mean for sum"),
        ("dH_dtau", slope_with_an_inner_mean, "mean for sum"),
        ("tau_for_effective", root_or_none, "no error raised"),
        ("tau_for_effective", root_or_nan, "no error raised"),
        ("tau_for_effective", root_or_none_in_a_range, "fixed range"),
        ("steepest_gap", lambda tau: 2.4 * tau, "rounded"),
        ("steepest_gap", gap_on_a_coarse_grid, "rounded"),
        ("entropy", lambda s, tau, base=math.e: [entropy_right(s, tau, base)], "list"),
        ("entropy", lambda s, tau, base=math.e: np.array([entropy_right(s, tau, base)]), "shape"),
        ("entropy", lambda s, tau, base=math.e: np.float32(entropy_right(s, tau, base)), "imprecise"),
        (
            "entropy",
            lambda s, tau, base=math.e: entropy_right(s.astype(np.float32), np.float32(tau), base),
            "imprecise",
        ),
        ("entropy", lambda s, tau, base=math.e: str(entropy_right(s, tau, base)), "not a number"),
        ("entropy", lambda s, tau, base=math.e: 10**400, "not a number"),  # no float64 holds it
        ("entropy", lambda s, tau, base=math.e: [1 << 20_000], "not a number"),  # and nothing prints it
        (
            "entropy",
            lambda s, tau, base=math.e: print(end=str(entropy_right(s, tau, base))[:0]),
            "nothing returned",
        ),
    ],
)
def test_mistakes_in_a_learners_own_words_are_named(name: str, fn: Callable[..., Any], mistake: str) -> None:
    assert_named(check(name, fn), mistake)


def entropy_from_the_first(s: Any, tau: float, base: float = math.e) -> float:
    weights = np.exp((s - s[0]) / tau)
    p = weights / weights.sum()
    return -np.sum(p[p > 0] * np.log(p[p > 0])) / math.log(base)


def entropy_plus_the_mean(s: Any, tau: float, base: float = math.e) -> float:
    shifted = (s - np.max(s)) / tau
    return (logsumexp(shifted) + softmax(shifted) @ shifted) / math.log(base)


def slope_of_equal_squares(s: Any, tau: float) -> float:
    return sum((s - softmax(s / tau) @ s) ** 2) / tau**3


def root_between(low: float, high: float, count: Callable[[Any, float], float], ties: int, of: Any) -> Any:
    def tau_for_effective(s: Any, n_eff: float) -> float:
        if not (ties or np.sum(s == s.max())) < n_eff < len(s):
            raise ValueError("cannot be reached")
        below, above = low * np.ptp(s), high * np.ptp(s)
        for _ in range(100):
            middle = math.sqrt(below * above)
            below, above = (middle, above) if count(s, middle) < of(n_eff) else (below, middle)
        return above

    return tau_for_effective


def root_of_h(s: Any, n_eff: float) -> float:
    return root_between(1e-12, 1e9, entropy_right, 0, float)(s, n_eff)


def root_within_ten_spreads(s: Any, n_eff: float) -> float:
    return root_between(1e-12, 10, entropy_right, 0, math.log)(s, n_eff)


def root_of_unshifted_exponentials(s: Any, n_eff: float) -> float:
    return root_between(1e-12, 1e9, entropy_unshifted_in_nats, 0, math.log)(s, n_eff)


def root_beside_the_first(s: Any, n_eff: float) -> float:
    return root_between(1e-12, 1e9, entropy_right, np.sum(s == s[0]), math.log)(s, n_eff)


def root_of_close_ties(s: Any, n_eff: float) -> float:
    if not np.isclose(s, max(s)).sum() < n_eff < len(s):
        raise ValueError("cannot be reached")
    return root_with_brentq(s, n_eff)


def gap_on_a_grid_to_ten(tau: float) -> float:
    gaps = np.linspace(0, 10, 200_001)
    return gaps[np.argmax(gaps**2 * expit(gaps / tau) * expit(-gaps / tau))]


@pytest.mark.parametrize(
    ("name", "fn", "mistake"),
    [
        ("entropy", lambda s, tau, base=math.e: entropy_right(-s, tau, base), "other weights"),
        ("entropy", lambda s, tau, base=math.e: entropy_right(abs(s), tau, base), "other weights"),
        ("entropy", lambda s, tau, base=math.e: entropy_right(np.unique(s), tau, base), "other weights"),
        (
            "entropy",
            lambda s, tau, base=math.e: -math.log(sum(softmax(s / tau) ** 2), base),
            "another measure",
        ),
        ("entropy", lambda s, tau, base=math.e: -math.log(max(softmax(s / tau)), base), "another measure"),
        (
            "entropy",
            lambda s, tau, base=math.e: math.log(len(s), base) - entropy_right(s, tau, base),
            "another measure",
        ),
        ("entropy", entropy_plus_the_mean, "ln Z and the mean"),
        ("entropy", entropy_from_the_first, "exp overflows"),
        (
            "entropy",
            lambda s, tau, base=math.e: entropy_right(s, tau, 2 if base == 2 else math.e),
            "bits or nats only",
        ),
        ("entropy", lambda s, tau, base=math.e: round(entropy_right(s, tau, base), 3), "imprecise"),
        ("dH_dtau", slope_of_equal_squares, "np.var"),
        ("dH_dtau", lambda s, tau: np.var(softmax(s / tau)) / tau**3, "another spread"),
        ("dH_dtau", lambda s, tau: 2 * slope_pairs(s, tau), "a factor"),
        ("dH_dtau", lambda s, tau: slope_loop(s, tau) / math.log(2), "a factor"),
        ("dH_dtau", lambda s, tau: slope_loop(s, tau) * tau**2, "power of τ"),
        ("tau_for_effective", root_of_h, "entropy instead of number"),
        ("tau_for_effective", root_within_ten_spreads, "fixed range"),
        ("tau_for_effective", root_of_unshifted_exponentials, "fixed range"),
        ("tau_for_effective", root_beside_the_first, "ties forgotten"),
        ("tau_for_effective", root_of_close_ties, "near ties"),
        ("tau_for_effective", lambda s, n_eff: root_with_brentq(s, n_eff // 1), "whole numbers"),
        ("tau_for_effective", lambda s, n_eff: root_with_brentq(s, n_eff) * math.nan, "no number"),
        ("tau_for_effective", lambda s, n_eff: math.log(root_with_brentq(s, n_eff)), "logarithm"),
        ("tau_for_effective", lambda s, n_eff: root_with_brentq(s, n_eff) * 1.0005, "imprecise"),
        ("steepest_gap", lambda tau: 2 * tau, "another number"),
        ("steepest_gap", lambda tau: 1.19967864 * tau, "another number"),
        ("steepest_gap", lambda tau: 2.39936 / tau, "units"),
        ("steepest_gap", gap_on_a_grid_to_ten, "fixed grid"),
    ],
)
def test_what_one_easily_takes_for_it_is_named(name: str, fn: Callable[..., Any], mistake: str) -> None:
    assert_named(check(name, fn), mistake)


@pytest.mark.parametrize(
    ("fn", "mistakes"),
    [
        (entropy_unshifted_in_nats, ["base ignored", "exp overflows"]),
        (entropy_unshifted_in_bits, ["always bits", "exp overflows"]),
    ],
)
def test_a_second_mistake_is_named_too(fn: Callable[..., Any], mistakes: list[str]) -> None:
    result = check("entropy", fn)
    assert result.mistake == mistakes[0]
    entropy = load("05").questions[0]
    for mutant in entropy.mutants:
        assert (mutant.diagnosis in result.message) == (mutant.name in mistakes), mutant.name
    assert f"a second mistake, {mistakes[1]}: " in result.message


def test_what_is_nearly_right_is_shown_with_enough_digits() -> None:
    message = check("dH_dtau", slope_by_coarse_difference).message
    you, asked = re.findall(r"only: (\S+) where (\S+) is asked", message)[0]
    assert you != asked
    assert float(you) == pytest.approx(float(asked), rel=1e-3)
    call_shown = re.findall(r"dH_dtau\((\[.*?\]), (\S+)\)", message)[0]
    truth = slope_loop(json.loads(call_shown[0]), float(call_shown[1]))
    assert abs(float(asked) - truth) < abs(float(you) - truth)


def test_a_counterexample_is_the_smallest_and_true() -> None:
    result = check("dH_dtau", lambda s, tau: float(np.var(s)) / tau**3)
    assert "dH_dtau([1, 0], 0.5)" in result.message
    assert "0.839949" in result.message  # p = 1/(1+e²): 8 p (1 − p)
    p = 1 / (1 + math.exp(2))
    assert 8 * p * (1 - p) == pytest.approx(0.839949, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "fn", "shown"),
    [
        ("tau_for_effective", root_in_a_range, "tau_for_effective([1, 0.9999999, 0], 1.2)"),
        ("steepest_gap", lambda tau: -tau, "steepest_gap(1)"),
    ],
)
def test_an_input_that_is_typed_in_is_the_same_input(name: str, fn: Callable[..., Any], shown: str) -> None:
    result = check(name, fn)
    assert shown in result.message
    assert result.args is not None
    typed_in = json.loads("[" + re.findall(rf"  {name}\((.*)\)", result.message)[0] + "]")
    for given, read in zip(result.args, typed_in, strict=True):
        assert np.array_equal(given, read)


def test_what_does_not_vary_is_shown_as_an_exact_zero() -> None:
    message = check("dH_dtau", lambda s, tau: 5.0 if len(s) == 1 else slope_loop(s, tau)).message
    assert "dH_dtau([0.3], 0.1)\n  expected  0\n" in message


def test_a_wrong_answer_without_a_name_is_still_refused() -> None:
    result = check("dH_dtau", lambda s, tau: 42.0)
    assert (result.status, result.mistake) == ("failed", None)
    assert "you got" in result.message and "42" in result.message


def test_a_small_number_added_to_the_power_is_seen() -> None:
    def guarded(s: Any, tau: float) -> float:
        return slope_moments(s, tau) * tau**3 / (tau**3 + 1e-12)

    assert check("dH_dtau", guarded).status == "failed"


# Right answers in different styles


def entropy_loop(s: Any, tau: float, base: float = math.e) -> float:
    weights = [math.exp((x - max(s)) / tau) for x in s]
    p = [w / sum(weights) for w in weights]
    return -sum(x * math.log(x) for x in p if x > 0) / math.log(base)


def entropy_logsumexp(s: Any, tau: float, base: float = math.e) -> Any:
    log_p = s / tau - logsumexp(s / tau)
    return -(np.exp(log_p) @ log_p) / np.log(base)


def entropy_torch(s: Any, tau: float, base: float = math.e) -> torch.Tensor:
    log_p = torch.log_softmax(torch.from_numpy(s) / tau, dim=-1)
    return -(log_p.exp() * log_p).sum() / math.log(base)


def slope_loop(s: Any, tau: float) -> float:
    weights = [math.exp((x - max(s)) / tau) for x in s]
    mean = sum(w * x for w, x in zip(weights, s, strict=True)) / sum(weights)
    return sum(w * (x - mean) ** 2 for w, x in zip(weights, s, strict=True)) / sum(weights) / tau**3


def slope_moments(s: Any, tau: float) -> Any:
    z = s - s.max()
    p = softmax(z / tau)
    return (np.sum(p * z**2) - np.sum(p * z) ** 2) / tau**3


def slope_pairs(s: Any, tau: float) -> Any:
    p = softmax(s / tau)
    return 0.5 * np.sum(np.outer(p, p) * (s[:, None] - s[None, :]) ** 2) / tau**3


def slope_autograd(s: Any, tau: float) -> torch.Tensor:
    t = torch.tensor(tau, dtype=torch.float64, requires_grad=True)
    log_p = torch.log_softmax(torch.from_numpy(s - s.max()) / t, dim=-1)
    entropy = -(log_p.exp() * log_p).sum()
    (slope,) = torch.autograd.grad(entropy, t)
    return slope


def slope_np_average(s: Any, tau: float) -> Any:
    p = softmax(s / tau)
    return np.average((s - np.average(s, weights=p)) ** 2, weights=p) / tau**3


def root_bisect(s: Any, n_eff: float) -> float:
    if n_eff >= len(s) or n_eff <= sum(x == max(s) for x in s):
        raise ValueError(n_eff)
    low = high = max(s) - min(s)
    while entropy_loop(s, low) > math.log(n_eff):
        low /= 2
    while entropy_loop(s, high) < math.log(n_eff):
        high *= 2
    while high - low > 1e-10 * low:
        middle = (low + high) / 2
        if entropy_loop(s, middle) < math.log(n_eff):
            low = middle
        else:
            high = middle
    return low


def root_newton(s: Any, n_eff: float) -> torch.Tensor:
    """Newton in ln τ with a bracket, in torch."""
    if not int((s == s.max()).sum()) < n_eff < len(s):
        raise ValueError(f"no τ gives {n_eff}")
    low, high = math.log(np.ptp(s)) - 25.0, math.log(np.ptp(s)) + 25.0
    x = (low + high) / 2
    for _ in range(200):
        miss = entropy_logsumexp(s - s.max(), math.exp(x)) - math.log(n_eff)
        low, high = (x, high) if miss < 0 else (low, x)
        step = slope_moments(s - s.max(), math.exp(x)) * math.exp(x)
        x = x - miss / step if step > 0 and low < x - miss / step < high else (low + high) / 2
    return torch.tensor(math.exp(x), dtype=torch.float64)


def gap_on_a_grid_of_singles(tau: float) -> Any:
    ratios = np.arange(2, 3, 1e-3, dtype=np.float32)
    return ratios[np.argmax(ratios**2 / np.cosh(ratios / 2) ** 2)] * tau


def single_precision_at_the_end(tau: float) -> Any:
    return np.float32(2.3993573 * tau)


@pytest.mark.parametrize(
    ("name", "fn"),
    [
        ("steepest_gap", single_precision_at_the_end),  # four digits are asked for
        ("steepest_gap", lambda tau: 2.399 * tau),
        ("steepest_gap", gap_on_a_grid_of_singles),
        *[("entropy", fn) for fn in (entropy_right, entropy_loop, entropy_logsumexp, entropy_torch)],
        *[
            ("dH_dtau", fn)
            for fn in (slope_loop, slope_moments, slope_pairs, slope_autograd, slope_np_average)
        ],
        *[("tau_for_effective", fn) for fn in (root_bisect, root_newton, root_with_brentq)],
        ("steepest_gap", lambda tau: tau * brentq(lambda x: x * math.tanh(x / 2) - 2, 1, 4)),
        (
            "steepest_gap",
            lambda tau: max(np.linspace(2, 3, 20001), key=lambda x: x**2 / np.cosh(x / 2) ** 2) * tau,
        ),
    ],
)
@pytest.mark.parametrize("seed", (0, 7))
def test_right_answers_pass_in_every_style(name: str, fn: Callable[..., Any], seed: int) -> None:
    assert_passed(check(name, fn, seed=seed))
