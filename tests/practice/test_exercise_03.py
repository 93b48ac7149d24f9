"""Exercise 03: right answers in several styles pass, and a learner's own mistakes are named."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from answers import assert_named, assert_passed, checker
from scipy import special
from scipy.optimize import brentq
from scipy.special import log1p, logit, softmax

from nslab.practice._exercise import load

logsumexp: Any = special.logsumexp


check = checker("03")


# Right answers


def by_branches(alpha: float, beta: float, tau: float, K: int) -> float:
    lead = (alpha - beta) / tau
    if lead > 0:
        return math.log1p(K * math.exp(-lead))
    return -lead + math.log(K + math.exp(lead))


def by_logaddexp(alpha: float, beta: float, tau: float, K: int) -> Any:
    return np.logaddexp(0, np.log(K) + (beta - alpha) / tau)


def by_torch_softplus(alpha: float, beta: float, tau: float, K: int) -> torch.Tensor:
    gaps = torch.full((K,), beta - alpha, dtype=torch.float64) / tau
    return F.softplus(gaps.logsumexp(0))


def by_all_terms(alpha: float, beta: float, tau: float, K: int) -> Any:
    gaps = np.full(K, (beta - alpha) / tau)
    top = max(0.0, gaps.max())
    if top == 0:
        return log1p(np.exp(gaps).sum())
    return top + np.log(np.exp(gaps - top).sum() + np.exp(-top))


def by_logsigmoid(alpha: float, beta: float, tau: float, K: int) -> torch.Tensor:
    return -F.logsigmoid(torch.tensor((alpha - beta) / tau - math.log(K), dtype=torch.float64))


def threshold_by_torch(beta: float, tau: float, K: int) -> torch.Tensor:
    return tau * torch.logsumexp(torch.full((K,), beta, dtype=torch.float64) / tau, 0)


def threshold_by_search(beta: float, tau: float, K: int) -> Any:
    return brentq(lambda a: by_logaddexp(a, beta, tau, K) - math.log(2), beta - 50, beta + 50, xtol=1e-14)


def threshold_from_margin(beta: float, tau: float, K: int) -> Any:
    return np.add(beta, tau * np.log(K))


def margin_by_power(tau: float, K: int) -> float:
    return math.log(K**tau)


def margin_from_threshold(tau: float, K: int) -> torch.Tensor:
    return threshold_by_torch(0.3, tau, K) - 0.3


def refuse(p: float | None, loss: float | None) -> None:
    if [p, loss].count(None) != 1:
        raise ValueError("one of the two")
    if p is not None and not 0 < p < 1:
        raise ValueError("p")
    if p is None and (loss is None or not 0 < loss < math.inf):
        raise ValueError("loss")


def alpha_by_logit(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> Any:
    refuse(p, loss)
    if loss is None:
        return beta + tau * (np.log(K) + logit(p))
    return beta + tau * np.log(K) - tau * (np.log(np.expm1(loss)) if loss < 30 else loss)


def alpha_through_the_loss(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> Any:
    refuse(p, loss)
    cost = torch.tensor(-math.log(p) if p is not None else loss, dtype=torch.float64)
    return beta + tau * (math.log(K) - cost - torch.log(-torch.expm1(-cost)))


def alpha_by_search(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> float:
    refuse(p, loss)
    target = math.log(-math.log(p) if p is not None else loss or 0)
    low, high = beta - 2000 * tau, beta + 200 * tau
    for _ in range(200):
        middle = (low + high) / 2
        above = math.log(by_branches(middle, beta, tau, K)) > target
        low, high = (middle, high) if above else (low, middle)
    return low


def effective_by_scipy(s: Any, tau: float) -> Any:
    return tau * logsumexp(s / tau, b=1 / len(s))


def effective_by_torch(s: Any, tau: float) -> torch.Tensor:
    return tau * (torch.logsumexp(torch.tensor(s) / tau, 0) - math.log(len(s)))


RIGHT = {
    "infonce_equal": (by_branches, by_logaddexp, by_torch_softplus, by_all_terms, by_logsigmoid),
    "score_threshold": (threshold_by_torch, threshold_by_search, threshold_from_margin),
    "margin": (margin_by_power, margin_from_threshold),
    "alpha_for": (alpha_by_logit, alpha_through_the_loss, alpha_by_search),
    "beta_eff": (effective_by_scipy, effective_by_torch),
}


@pytest.mark.parametrize("seed", (0, 7))
@pytest.mark.parametrize(("name", "fn"), [(name, fn) for name, fns in RIGHT.items() for fn in fns])
def test_right_answers_pass_in_every_style(name: str, fn: Callable[..., Any], seed: int) -> None:
    assert_passed(check(name, fn, seed=seed))


# Wrong answers


def naive(alpha: float, beta: float, tau: float, K: int) -> float:
    return math.log(1 + K * math.exp((beta - alpha) / tau))


def naive_softmax(alpha: float, beta: float, tau: float, K: int) -> Any:
    weights = np.exp(np.array([alpha] + [beta] * K) / tau)
    return -np.log(weights[0] / weights.sum())


def cross_entropy(alpha: float, beta: float, tau: float, K: int) -> torch.Tensor:
    logits = torch.tensor([alpha] + [beta] * K, dtype=torch.float64) / tau
    return F.cross_entropy(logits, torch.tensor(0))


def log1p_of_exp(alpha: float, beta: float, tau: float, K: int) -> float:
    return math.log1p(K * math.exp((beta - alpha) / tau))


def without_the_positive(alpha: float, beta: float, tau: float, K: int) -> Any:
    return logsumexp(np.full(K, beta) / tau) - alpha / tau


def over_the_mean(alpha: float, beta: float, tau: float, K: int) -> Any:
    return np.logaddexp(0, np.full(K, (beta - alpha) / tau).mean())


def relu(alpha: float, beta: float, tau: float, K: int) -> torch.Tensor:
    return torch.relu(torch.tensor((beta + tau * math.log(K) - alpha) / tau, dtype=torch.float64))


def log2_loss(alpha: float, beta: float, tau: float, K: int) -> Any:
    return np.logaddexp2(0, (np.log(K) + (beta - alpha) / tau) / np.log(2))


def in_a_batch(alpha: float, beta: float, tau: float, K: int) -> Any:
    gaps = np.full(K - 1, (beta - alpha) / tau)
    return np.logaddexp(0, logsumexp(gaps)) if K > 1 else 0.0


def in_single_precision(alpha: float, beta: float, tau: float, K: int) -> torch.Tensor:
    return F.softplus(torch.tensor((beta - alpha) / tau + math.log(K)))


def scores_below_the_threshold(alpha: float, beta: float, tau: float, K: int) -> float:
    return max(0.0, beta + tau * math.log(K) - alpha)


def k_before_the_exponent(alpha: float, beta: float, tau: float, K: int) -> Any:
    return np.logaddexp(0, K * (beta - alpha) / tau)


def share_of_the_mean(alpha: float, beta: float, tau: float, K: int) -> Any:
    logits = np.array([alpha] + [beta] * K) / tau
    return logsumexp(logits, b=1 / len(logits)) - logits[0]


def lead_only(beta: float, tau: float, K: int) -> Any:
    return np.log(np.power(float(K), tau))


def in_logits(beta: float, tau: float, K: int) -> Any:
    return np.log(K * np.exp(beta / tau))


def negligible_there(beta: float, tau: float, K: int) -> float:
    return beta + math.log10(K) * tau


def chance(beta: float, tau: float, K: int) -> float:
    return beta + tau * math.log(K + 1)


def twice_the_weight(beta: float, tau: float, K: int) -> Any:
    return beta + tau * np.log(2.0 * K)


def lead_of_twice_the_weight(tau: float, K: int) -> float:
    return tau * (math.log(2) + math.log(K))


def seeds_formula(tau: float, K: int, beta: float = 0.3) -> float:
    return tau * math.log(K) + beta


def three_arguments(beta: float, tau: float, K: int) -> float:
    return math.fsum((beta, tau * math.log(K)))


def global_beta(tau: float, K: int) -> Any:
    return beta + tau * math.log(K)  # type: ignore[name-defined]  # noqa: F821


def decimal_digits(tau: float, K: int) -> Any:
    return np.log10(K) * tau


def inverse(tau: float, K: int) -> Any:
    return np.log(K) / tau


def exp_minus_one(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> float:
    refuse(p, loss)
    p = math.exp(-loss) if p is None else p  # type: ignore[operator]
    return beta + tau * math.log(K) + tau * math.log(p / (1 - p))


def loss_overflows(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> float:
    refuse(p, loss)
    odds = (1 - p) / p if loss is None else math.expm1(loss)  # type: ignore[operator]
    return beta + tau * math.log(K / odds)


def first_try(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> Any:
    share = np.exp(-loss) if p is None else p  # type: ignore[operator]
    return beta + tau * np.log(K) + tau * np.log(share / (1 - share))


def pull_for_p(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> Any:
    return alpha_by_logit(None if p is None else 1 - p, loss, beta, tau, K)


def straight(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> float:
    refuse(p, loss)
    return beta + tau * math.log(K) - tau * (loss if loss is not None else -math.log(p or 0.5))


def unrefused(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> Any:
    with np.errstate(all="ignore"):
        odds = np.float64(p) / (1 - np.float64(p)) if p is not None else 1 / np.expm1(np.float64(loss or 0))
        small = np.log(odds) if p is not None or (loss or 0) < 50 else -(loss or 0)
        return beta + tau * (np.log(K) + small)


def p_first(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> Any:
    if p is not None:
        return alpha_by_logit(p, None, beta, tau, K)
    return alpha_by_logit(None, loss, beta, tau, K) if loss is not None else None


def loss_first(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> Any:
    return alpha_by_logit(p if loss is None else None, loss, beta, tau, K)


def zero_is_falsy(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> Any:
    p, loss = (p or None), (loss or None)
    return alpha_by_logit(p, loss, beta, tau, K)


def kept_inside(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> Any:
    refuse(p, loss)
    return alpha_by_logit(None if p is None else np.clip(p, 1e-10, 1 - 1e-10), loss, beta, tau, K)


def fewer_is_harder(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> Any:
    return alpha_by_logit(p, loss, beta, tau, 1) - tau * math.log(K)


def bracketed(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> Any:
    """Right, if scores lay between −100 and 100."""
    return np.clip(alpha_by_logit(p, loss, beta, tau, K), -100, 100)


def divided_by_k(alpha: float, beta: float, tau: float, K: int) -> Any:
    return np.logaddexp(0, (beta - alpha) / tau - np.log(K))


def gap_for_score(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> Any:
    return alpha_by_logit(p, loss, beta, tau, K) - beta


def attention(s: Any, tau: float) -> Any:
    return np.dot(softmax(s / tau), s)


def log_sum(s: Any, tau: float) -> Any:
    return tau * logsumexp(s / tau)


def shifted_by_the_mean(s: Any, tau: float) -> Any:
    return np.mean(s) + tau * np.log(np.mean(np.exp((s - np.mean(s)) / tau)))


def shifted_by_the_mean_with_math(s: Any, tau: float) -> float:
    middle = sum(s) / len(s)
    return middle + tau * math.log(sum(math.exp((x - middle) / tau) for x in s) / len(s))


def unshifted(s: Any, tau: float) -> float:
    return tau * math.log(sum(math.exp(x / tau) for x in s) / len(s))


def one_question_for_each_negative(alpha: float, beta: float, tau: float, K: int) -> Any:
    return by_logaddexp(alpha, 0, tau, 1) + K * by_logaddexp(0, beta, tau, 1)


def k_in_the_exponent(alpha: float, beta: float, tau: float, K: int) -> Any:
    return by_logaddexp(alpha, K * beta, tau, 1)


def only_negatives_scaled(alpha: float, beta: float, tau: float, K: int) -> Any:
    return by_logaddexp(tau * alpha, beta, tau, K)


def squared_temperature(alpha: float, beta: float, tau: float, K: int) -> Any:
    return by_logaddexp(alpha, beta, tau * tau, K)


def shifted_once(alpha: float, beta: float, tau: float, K: int) -> float:
    top = max(alpha, beta) / tau
    return math.log(math.exp(alpha / tau - top) + K * math.exp(beta / tau - top)) - alpha / tau


def above_the_prior(alpha: float, beta: float, tau: float, K: int) -> Any:
    return by_logaddexp(alpha, beta, tau, K) - np.log(K)


def per_candidate(alpha: float, beta: float, tau: float, K: int) -> Any:
    return by_logaddexp(alpha, beta, tau, K) / (K + 1)


def by_distance(alpha: float, beta: float, tau: float, K: int) -> Any:
    return by_logaddexp(abs(alpha - beta), 0, tau, K)


def all_negatives_added(beta: float, tau: float, K: int) -> float:
    return K * beta + tau * math.log(K)


def loss_of_a_half(beta: float, tau: float, K: int) -> Any:
    return alpha_by_logit(None, 0.5, beta, tau, K)


def through_the_exponential(beta: float, tau: float, K: int) -> float:
    return tau * math.log(K * math.exp(beta / tau))


def by_the_root(tau: float, K: int) -> float:
    return tau * K**0.5


def of_a_cosine(tau: float, K: int) -> float:
    return min(tau * math.log(K), 2)


def any_loss_above_zero(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> Any:
    return -math.inf if p is None and loss == math.inf else alpha_by_logit(p, loss, beta, tau, K)


def nan_gets_by(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> Any:
    if [p, loss].count(None) == 1 and math.isnan(loss if p is None else p):  # type: ignore[arg-type]
        return math.nan
    return alpha_by_logit(p, loss, beta, tau, K)


def asserted(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> Any:
    assert [p, loss].count(None) == 1 and (0 < p < 1 if loss is None else 0 < loss < math.inf)  # type: ignore
    return alpha_by_logit(p, loss, beta, tau, K)


def no_worse_than_chance(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> Any:
    if loss is not None and loss > math.log(K + 1):
        raise ValueError("worse than chance")
    return alpha_by_logit(p, loss, beta, tau, K)


def floats_only(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> Any:
    if not isinstance(p if loss is None else loss, float):
        raise ValueError("a number, please")
    return alpha_by_logit(p, loss, beta, tau, K)


def all_candidates(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> Any:
    return alpha_by_logit(p, loss, beta, tau, 1 + K)


def inverse_of_p(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> Any:
    refuse(p, loss)
    if p is None:
        return alpha_by_logit(p, loss, beta, tau, K)
    return beta + tau * math.log(K) - tau * math.log(1 / p - 1)


def within_fifty(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> Any:
    return np.clip(alpha_by_logit(p, loss, beta, tau, K), beta - 50 * tau, beta + 50 * tau)


def in_the_middle(s: Any, tau: float) -> Any:
    return np.quantile(s, 0.5)


def soft_minimum(s: Any, tau: float) -> Any:
    return -effective_by_scipy(-s, tau)


def with_the_positive(s: Any, tau: float) -> Any:
    return tau * logsumexp(s / tau, b=1 / (1 + len(s)))


def as_a_set(s: Any, tau: float) -> Any:
    return effective_by_scipy(np.array(list(set(s))), tau)


@pytest.mark.parametrize("seed", (0, 3))
@pytest.mark.parametrize(
    ("name", "fn", "mistake"),
    [
        ("infonce_equal", naive, "rounded to 0"),
        ("infonce_equal", naive_softmax, "exp overflows"),
        ("infonce_equal", cross_entropy, "rounded to 0"),
        ("infonce_equal", log1p_of_exp, "exp overflows"),
        ("infonce_equal", without_the_positive, "the line, not the loss"),
        ("infonce_equal", over_the_mean, "K forgotten"),
        ("infonce_equal", relu, "a hinge"),
        ("infonce_equal", log2_loss, "in bits"),
        ("infonce_equal", in_a_batch, "K − 1 negatives"),
        ("infonce_equal", divided_by_k, "sign of ln K"),
        ("infonce_equal", in_single_precision, "imprecise"),
        ("infonce_equal", scores_below_the_threshold, "a hinge"),
        ("infonce_equal", k_before_the_exponent, "K times the gap"),
        ("infonce_equal", share_of_the_mean, "mean for sum"),
        ("infonce_equal", one_question_for_each_negative, "K losses added"),
        ("infonce_equal", k_in_the_exponent, "K times the gap"),
        ("infonce_equal", only_negatives_scaled, "not divided by τ"),
        ("infonce_equal", squared_temperature, "divided by τ twice"),
        ("infonce_equal", shifted_once, "the largest not added back"),
        ("infonce_equal", above_the_prior, "mean for sum"),
        ("infonce_equal", per_candidate, "divided by K"),
        ("infonce_equal", by_distance, "a distance for a lead"),
        ("score_threshold", all_negatives_added, "s⁻ with a factor"),
        ("score_threshold", loss_of_a_half, "half a nat"),
        ("score_threshold", through_the_exponential, "exp overflows"),
        ("score_threshold", lead_only, "margin for threshold"),
        ("score_threshold", in_logits, "in units of τ"),
        ("score_threshold", negligible_there, "wrong base"),
        ("score_threshold", chance, "ln(K + 1)"),
        ("score_threshold", twice_the_weight, "ln(2K)"),
        ("margin", lead_of_twice_the_weight, "ln(2K)"),
        ("margin", seeds_formula, "threshold for margin"),
        ("margin", three_arguments, "threshold for margin"),
        ("margin", global_beta, "threshold for margin"),
        ("margin", decimal_digits, "wrong base"),
        ("margin", inverse, "divided by τ"),
        ("margin", by_the_root, "K for ln K"),
        ("margin", of_a_cosine, "cut off at 2"),
        ("alpha_for", any_loss_above_zero, "no error raised"),
        ("alpha_for", nan_gets_by, "no error raised"),
        ("alpha_for", asserted, "another error"),
        ("alpha_for", no_worse_than_chance, "refused"),
        ("alpha_for", floats_only, "refused"),
        ("alpha_for", all_candidates, "K + 1 negatives"),
        ("alpha_for", inverse_of_p, "1/p overflows"),
        ("alpha_for", within_fifty, None),
        ("alpha_for", exp_minus_one, "both ends lost"),
        ("alpha_for", loss_overflows, "exp overflows"),
        ("alpha_for", pull_for_p, "wrong side"),
        ("alpha_for", straight, "the line inverted"),
        ("alpha_for", unrefused, "nothing refused"),
        ("alpha_for", first_try, "nothing refused"),
        ("alpha_for", p_first, "both or neither"),
        ("alpha_for", loss_first, "both or neither"),
        ("alpha_for", zero_is_falsy, "0 taken for None"),
        ("alpha_for", kept_inside, "p clipped"),
        ("alpha_for", fewer_is_harder, "sign of ln K"),
        ("alpha_for", bracketed, None),
        ("alpha_for", gap_for_score, "lead for score"),
        ("beta_eff", in_the_middle, "plain mean"),
        ("beta_eff", soft_minimum, "lowest for highest"),
        ("beta_eff", with_the_positive, "K + 1 for K"),
        ("beta_eff", as_a_set, "equal scores counted once"),
        ("beta_eff", attention, "softmax-weighted mean"),
        ("beta_eff", log_sum, "sum for mean"),
        ("beta_eff", unshifted, "exp overflows"),
        ("beta_eff", shifted_by_the_mean, "shifted by the mean"),
        ("beta_eff", shifted_by_the_mean_with_math, "shifted by the mean"),
    ],
)
def test_a_learners_own_mistakes_are_named(
    name: str, fn: Callable[..., Any], mistake: str | None, seed: int
) -> None:
    assert_named(check(name, fn, seed=seed), mistake)


def test_two_mistakes_at_once_are_both_told() -> None:
    message = check("alpha_for", first_try).message
    assert "before you compute" in message and "a second mistake, both ends lost" in message
    for fn in (naive, naive_softmax):
        message = check("infonce_equal", fn).message
        assert "log1p" in message and "left the range of float64" in message


def test_the_specification_gives_the_audited_numbers() -> None:
    loss, threshold, margin, alpha, _ = (question.truth for question in load("03").questions)
    beta, tau, K = 0.1, 0.07, 255
    assert (round(threshold(beta, tau, K), 4), round(margin(tau, K), 4)) == (0.4879, 0.3879)
    assert [round(margin(t, 32767), 3) for t in (0.01, 0.07)] == [0.104, 0.728]
    assert [round(loss(0.5, 0.1, 0.1, 10**n), 3) for n in range(5)] == [0.018, 0.168, 1.041, 2.961, 5.216]
    assert loss(0.5, 0.0, 0.1, 65536) == pytest.approx(6.093, abs=5e-4)
    assert loss(1.0, -1.0, 0.05, 1) == pytest.approx(4.248e-18, rel=1e-4)
    place = threshold(beta, tau, K)
    for x, short in ((0, 0.693), (1, 0.313), (2.197, 0.105), (4.595, 0.0101), (10, 4.5e-5)):
        assert loss(place - tau * x, beta, tau, K) - x == pytest.approx(math.log1p(math.exp(-x)), rel=1e-9)
        assert loss(place - tau * x, beta, tau, K) - x == pytest.approx(short, rel=0.02)
    extras = [(alpha(None, eps, beta, tau, K) - place) / tau for eps in (0.1, 0.01, 0.001)]
    assert extras == pytest.approx([2.25, 4.60, 6.91], abs=5e-3)
    width = alpha(0.9, None, beta, tau, K) - alpha(0.1, None, beta, tau, K)
    assert width / tau == pytest.approx(4.394, abs=5e-4)


def test_threshold_slope_and_shift() -> None:
    loss, threshold, margin, alpha, effective = (question.truth for question in load("03").questions)
    step = 1e-5
    for beta, tau, K in ((0.1, 0.07, 255), (-0.4, 0.5, 1), (0.6, 0.02, 4096)):
        place = threshold(beta, tau, K)
        assert loss(place, beta, tau, K) == pytest.approx(math.log(2), rel=1e-12)
        slope = (loss(place + step, beta, tau, K) - loss(place - step, beta, tau, K)) / (2 * step)
        assert slope == pytest.approx(-1 / (2 * tau), rel=1e-6)
        assert threshold(beta + 0.3, tau, K) - place == pytest.approx(0.3, abs=1e-14)
        assert place - beta == pytest.approx(margin(tau, K), abs=1e-14)
        assert loss(place + 0.3, beta + 0.3, tau, K) == pytest.approx(math.log(2), rel=1e-12)
        for cost in (1e-6, 0.3, 7.0):
            assert loss(alpha(None, cost, beta, tau, K), beta, tau, K) == pytest.approx(cost, rel=1e-9)
    s = np.array([0.9, 0.5, 0.3, 0.0, -0.4])
    for tau in (0.02, 0.1, 2.0):
        assert s.mean() < effective(s, tau) < s.max()
        exact = math.fsum(math.exp((x - 0.7) / tau) for x in s)
        assert loss(0.7, effective(s, tau), tau, 5) == pytest.approx(math.log1p(exact), rel=1e-12)
