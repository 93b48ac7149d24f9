"""Exercise 06: right answers in several styles pass, and a learner's own mistakes are named."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
import torch
from answers import assert_named, assert_passed, checker
from scipy.optimize import brentq, minimize_scalar
from scipy.special import expit, log_expit, logsumexp

from nslab import datasets, unigram
from nslab.practice._exercise import load
from nslab.practice._judge import prepared

UNIGRAM, SHARE, ALPHA, LOGITS = (question.truth for question in load("06").questions)


check = checker("06")


def refuse(f: Any) -> None:
    if min(f) < 0 or max(f) == 0:
        raise ValueError("no distribution")


# Right answers


def q_loop(f: Any, alpha: float) -> list[float]:
    refuse(f)
    logs = [alpha * math.log(x) if x > 0 else -math.inf for x in f]
    weights = [math.exp(x - max(logs)) for x in logs]
    return [w / sum(weights) for w in weights]


def q_ratios(f: Any, alpha: float) -> np.ndarray:
    refuse(f)
    seen = f > 0
    largest = f[seen].max() if alpha > 0 else f[seen].min()
    powers = np.zeros(len(f))
    powers[seen] = (f[seen] / largest) ** alpha
    return powers / powers.sum()


def q_pairs(f: Any, alpha: float) -> np.ndarray:
    """1 / Σ_i (f_i / f_c)^α: no power is taken alone."""
    refuse(f)
    seen = f[f > 0]
    return np.array([0.0 if x == 0 else 1 / np.sum((seen / x) ** alpha) for x in f])


def q_torch(f: Any, alpha: float) -> torch.Tensor:
    refuse(f)
    counts = torch.as_tensor(f, dtype=torch.float64)
    return torch.where(counts > 0, alpha * counts.log(), -torch.inf).softmax(0)


def share_loop(f: Any, scores: Any, alpha: float) -> list[float]:
    if len(f) != len(scores):
        raise ValueError("one score a class")
    logs = [
        math.log(q) + (-math.log1p(math.exp(-s)) if s > -30 else s - math.log1p(math.exp(s)))
        if q
        else -math.inf
        for q, s in zip(q_loop(f, alpha), scores, strict=True)
    ]
    weights = [math.exp(x - max(logs)) for x in logs]
    return [w / math.fsum(weights) for w in weights]


def share_scipy(f: Any, scores: Any, alpha: float) -> np.ndarray:
    if f.shape != scores.shape:
        raise ValueError("one score a class")
    logs = np.full(len(f), -np.inf)
    seen = q_ratios(f, alpha) > 0
    logs[seen] = alpha * np.log(f[seen]) + log_expit(scores[seen])
    return np.exp(logs - logsumexp(logs))


def share_torch(f: Any, scores: Any, alpha: float) -> torch.Tensor:
    if len(f) != len(scores):
        raise ValueError("one score a class")
    return (q_torch(f, alpha).log() + torch.nn.functional.logsigmoid(torch.from_numpy(scores))).softmax(0)


def share_shifted(f: Any, scores: Any, alpha: float) -> np.ndarray:
    """All σ divided by the largest of what can be drawn: e^s as long as all scores are far below 0."""
    if len(f) != len(scores):
        raise ValueError("one score a class")
    top = scores[f > 0].max()
    push = np.exp(np.minimum(scores - top, 0)) if top < -100 else expit(scores)
    weight = q_pairs(f, alpha) * push
    return weight / weight.sum()


def alpha_three_kinds(f: Any, c: int, target: float) -> Any:
    """brentq where the share falls, where it rises, and on the far side of the peak."""
    seen = np.unique(f[f > 0])
    if f[c] == 0 or len(seen) < 2:
        raise ValueError("constant share")
    far = 100 / np.log(seen[1:] / seen[:-1]).min()

    def share(alpha: float) -> float:
        return float(q_ratios(f, alpha)[c])

    if f[c] in (seen[0], seen[-1]):
        if not 0 < target < 1 / np.sum(f == f[c]):
            raise ValueError("out of reach")
        return brentq(lambda alpha: share(alpha) - target, -far, far, xtol=1e-13)
    found = minimize_scalar(lambda alpha: -math.log(share(alpha)), bracket=(-1, 1), tol=1e-12)
    best = cast(Any, found).x
    if not 0 < target <= share(best):
        raise ValueError("out of reach")
    return brentq(lambda alpha: share(alpha) - target, -far, best, xtol=1e-13)


def alpha_walk(f: Any, c: int, target: float) -> torch.Tensor:
    """Newton on ln q_c with a bracket that grows from 0 in steps of doubled length, in both directions."""
    if f[c] == 0 or not 0 < target < 1:
        raise ValueError("out of reach")
    logs = torch.as_tensor(f[f > 0]).double().log()
    own = math.log(f[c])

    def miss(alpha: float) -> float:
        return float(alpha * own - torch.logsumexp(alpha * logs, 0)) - math.log(target)

    if miss(0.0) == 0:
        return torch.tensor(0.0, dtype=torch.float64)
    steps = [sign * 2.0**k / 8 for k in range(24) for sign in (1, -1)]
    near = np.linspace(-3, 3, 601)
    inside = [0.0, *near, *steps] if miss(0.0) < 0 else [0.0]
    outside = [alpha for alpha in inside if miss(alpha) > 0] or [None]
    start = 0.0 if miss(0.0) > 0 else outside[0]
    if start is None:
        raise ValueError("out of reach")
    end = next((alpha for alpha in steps if miss(start + alpha) < 0), None)
    if end is None:
        raise ValueError("out of reach")
    return torch.tensor(brentq(miss, start, start + end, xtol=1e-13), dtype=torch.float64)


def alpha_formula_first(f: Any, c: int, target: float) -> float:
    """The formula where two classes occur."""
    if np.count_nonzero(f) != 2 or f[c] == 0:
        return alpha_three_kinds(f, c, target)
    (other,) = [x for i, x in enumerate(f) if x > 0 and i != c]
    if other == f[c] or not 0 < target < 1:
        raise ValueError("out of reach")
    return math.log((1 - target) / target) / math.log(other / f[c])


def logits_loop(p: Any, f: Any, K: int, alpha: float) -> list[float]:
    logs = [alpha * math.log(count) for count in f]
    total = max(logs) + math.log(sum(math.exp(log - max(logs)) for log in logs))
    return [
        math.log(x) - math.log(K) + total - log if x else -math.inf for x, log in zip(p, logs, strict=True)
    ]


def logits_torch(p: Any, f: Any, K: int, alpha: float) -> torch.Tensor:
    return torch.from_numpy(p).log() - math.log(K) - (alpha * torch.from_numpy(f).log()).log_softmax(0)


@pytest.mark.parametrize("seed", (0, 7))
@pytest.mark.parametrize(
    ("name", "fn"),
    [
        *[("unigram_probs", fn) for fn in (q_loop, q_ratios, q_pairs, q_torch)],
        *[("gradient_share", fn) for fn in (share_loop, share_scipy, share_torch, share_shifted)],
        *[("alpha_for_share", fn) for fn in (alpha_three_kinds, alpha_walk, alpha_formula_first)],
        *[("optimal_logits", fn) for fn in (logits_loop, logits_torch)],
    ],
)
def test_right_answers_pass_in_every_style(name: str, fn: Callable[..., Any], seed: int) -> None:
    assert_passed(check(name, fn, seed=seed))


# Wrong answers


def q_one_line(f: Any, alpha: float) -> np.ndarray:
    return f**alpha / np.sum(f**alpha)


def q_comprehension(f: Any, alpha: float) -> list[float]:
    if sum(f) == 0 or any(x < 0 for x in f):
        raise ValueError("bad counts")
    total = sum(float(x) ** alpha for x in f)
    return [float(x) ** alpha / total for x in f]


def q_one_line_torch(f: Any, alpha: float) -> torch.Tensor:
    counts = torch.tensor(f, dtype=torch.float64)
    return counts.pow(alpha) / counts.pow(alpha).sum()


def q_with_a_small_number(f: Any, alpha: float) -> np.ndarray:
    refuse(f)
    logs = alpha * np.log(f + 1e-12)
    return np.exp(logs - logsumexp(logs))


def q_of_frequencies(f: Any, alpha: float) -> np.ndarray:
    refuse(f)
    return np.where(f > 0, (np.maximum(f, 1e-300) / f.sum()) ** alpha, 0.0)


def q_of_frequencies_with_torch(f: Any, alpha: float) -> torch.Tensor:
    refuse(f)
    p = torch.tensor(f, dtype=torch.float64) / float(sum(f))
    return torch.where(p > 0, p**alpha, torch.zeros_like(p))


def q_careful_with_zeros_only(f: Any, alpha: float) -> list[float]:
    refuse(f)
    powers = [x**alpha if x else 0.0 for x in f.tolist()]
    return [x / sum(powers) for x in powers]


def q_of_anything(f: Any, alpha: float) -> np.ndarray:
    logs = np.where(f > 0, alpha * np.log(np.where(f > 0, f, 1)), -np.inf)
    return np.exp(logs - logs.max()) / np.exp(logs - logs.max()).sum()


def q_without_the_unseen(f: Any, alpha: float) -> np.ndarray:
    refuse(f)
    return q_ratios(f[f != 0], alpha)


def q_of_products(f: Any, alpha: float) -> np.ndarray:
    refuse(f)
    return alpha * f / np.sum(alpha * f) if alpha else f / f.sum()


def q_upside_down(f: Any, alpha: float) -> np.ndarray:
    return q_ratios(f, -alpha)


def q_mixed(f: Any, alpha: float) -> np.ndarray:
    refuse(f)
    return alpha * f / sum(f) + (1 - alpha) * np.full(len(f), 1 / len(f))


def q_nan_to_num(f: Any, alpha: float) -> np.ndarray:
    return np.nan_to_num(f**alpha / np.sum(f**alpha))


def share_of_draws(f: Any, scores: Any, alpha: float) -> np.ndarray:
    assert_lengths(f, scores)
    return q_ratios(f, alpha)


def assert_lengths(f: Any, scores: Any) -> None:
    if len(f) != len(scores):
        raise ValueError("one score a class")


def share_of_positives(f: Any, scores: Any, alpha: float) -> torch.Tensor:
    return share_torch(f, -scores, alpha)


def share_undivided(f: Any, scores: Any, alpha: float) -> np.ndarray:
    assert_lengths(f, scores)
    return q_ratios(f, alpha) * expit(scores)


def share_naive_sigmoid(f: Any, scores: Any, alpha: float) -> np.ndarray:
    assert_lengths(f, scores)
    push = q_ratios(f, alpha) / (1 + np.exp(-scores))
    return push / push.sum()


def share_with_math_exp(f: Any, scores: Any, alpha: float) -> list[float]:
    assert_lengths(f, scores)
    push = [q / (1 + math.exp(-s)) for q, s in zip(q_loop(f, alpha), scores, strict=True)]
    return [x / sum(push) for x in push]


def share_other_sigmoid(f: Any, scores: Any, alpha: float) -> np.ndarray:
    """e^s / (1 + e^s), fine below 0."""
    assert_lengths(f, scores)
    q, e = q_ratios(f, alpha), np.exp(scores - min(0.0, scores.max()))
    push = q * e / (1 + np.exp(scores))
    return push / push.sum()


def share_like_infonce(f: Any, scores: Any, alpha: float) -> np.ndarray:
    assert_lengths(f, scores)
    weight = q_ratios(f, alpha) * np.exp(scores - scores.max())
    return weight / weight.sum()


def share_all_in_one(f: Any, scores: Any, alpha: float) -> np.ndarray:
    push = f**alpha * expit(scores)
    return push / push.sum()


def share_of_sigmas(f: Any, scores: Any, alpha: float) -> np.ndarray:
    assert_lengths(f, scores)
    refuse(f)
    push = np.where(f > 0, np.exp(log_expit(scores) - log_expit(scores).max()), 0.0)
    return push / push.sum()


def share_second_derivative(f: Any, scores: Any, alpha: float) -> np.ndarray:
    assert_lengths(f, scores)
    push = q_ratios(f, alpha) * expit(scores) * expit(-scores)
    return push / push.sum()


def share_of_the_loss(f: Any, scores: Any, alpha: float) -> np.ndarray:
    assert_lengths(f, scores)
    loss = q_ratios(f, alpha) * np.logaddexp(0, scores)
    return loss / loss.sum()


def alpha_between_0_and_1(f: Any, c: int, target: float) -> float:
    low, high = 0.0, 1.0
    alpha_three_kinds(f, c, target)
    for _ in range(60):
        middle = (low + high) / 2
        gap = q_ratios(f, middle)[c] - target
        low, high = (middle, high) if (gap > 0) == (f[c] < f.max()) else (low, middle)
    return low


def alpha_brentq_unit(f: Any, c: int, target: float) -> Any:
    return brentq(lambda alpha: q_ratios(f, alpha)[c] - target, 0, 1)


def alpha_formula(f: Any, c: int, target: float) -> float:
    return math.log((1 - target) / target) / math.log((f.sum() - f[c]) / f[c])


def alpha_formula_extremes(f: Any, c: int, target: float) -> float:
    if not 0 < target < 1 or f[c] == 0 or f.min() == f.max():
        raise ValueError("out of reach")
    odds = math.log((1 - target) / target) / math.log(f.max() / f[f > 0].min())
    return odds if f[c] < f.max() else -odds


def alpha_reversed(f: Any, c: int, target: float) -> float:
    return -alpha_three_kinds(f, c, target)


def alpha_mixed_bases(f: Any, c: int, target: float) -> float:
    return alpha_three_kinds(f, c, target) * math.log(10)


def alpha_bisected_and_nothing_else(f: Any, c: int, target: float) -> float:
    low, high = -5.0, 5.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if q_ratios(f, middle)[c] > target else (low, middle)
    return low


def alpha_brentq(f: Any, c: int, target: float) -> Any:
    return brentq(lambda alpha: q_ratios(f, alpha)[c] - target, -10, 10)


def alpha_of_the_rest(f: Any, c: int, target: float) -> float:
    return alpha_three_kinds(f, c, 1 - target)


def alpha_falling(f: Any, c: int, target: float) -> float:
    alpha_three_kinds(f, c, target)
    low, high = -1e4, 1e4
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if q_loop(f, middle)[c] > target else (low, middle)
    return low


def alpha_by_grid(f: Any, c: int, target: float) -> float:
    alpha_three_kinds(f, c, target)
    grid = np.linspace(-1000, 1000, 100_001)
    grid = np.concatenate([np.linspace(-5, 5, 501), grid])
    logs = np.log(f[f > 0])
    powers = np.exp(grid[:, None] * (logs - math.log(f[c])))
    return float(grid[np.argmin(np.abs(1 / powers.sum(1) - target))])


def alpha_of_anything(f: Any, c: int, target: float) -> float:
    try:
        return alpha_three_kinds(f, c, target)
    except ValueError:
        return 1.0


def alpha_rounded(f: Any, c: int, target: float) -> float:
    return round(alpha_three_kinds(f, c, target), 5)


def logits_of_draws(p: Any, f: Any, K: int, alpha: float) -> np.ndarray:
    return np.log(p / q_ratios(f, alpha))


def logits_plus(p: Any, f: Any, K: int, alpha: float) -> np.ndarray:
    return np.log(p) + np.log(K * q_ratios(f, alpha))


def logits_pmi(p: Any, f: Any, K: int, alpha: float) -> np.ndarray:
    return np.log(p * f.sum() / f) - np.log(K)


def powers_of(scaled: Callable[[Any], Any]) -> Callable[..., Any]:
    """Ratios first, but to one class only: at a large exponent that is not enough."""

    def unigram_probs(f: Any, alpha: float) -> Any:
        refuse(f)
        powers = np.zeros(len(f))
        powers[f > 0] = scaled(f)[f > 0] ** alpha
        return powers / powers.sum()

    return unigram_probs


def weighed(f: Any, logs: Any) -> Any:
    refuse(f)
    weights = np.zeros(len(f))
    weights[f > 0] = np.exp(logs[f > 0] - logs[f > 0].max())
    return weights / weights.sum()


def share_of_clipped_scores(f: Any, scores: Any, alpha: float) -> Any:
    refuse(f)
    return weighed(f, alpha * np.log(np.maximum(f, 1e-300)) + log_expit(np.clip(scores, -500, 500)))


def share_of_small_added(f: Any, scores: Any, alpha: float) -> Any:
    refuse(f)
    return weighed(f, alpha * np.log(np.maximum(f, 1e-300)) + np.log(expit(scores) + 1e-12))


def share_of_one_score(f: Any, scores: Any, alpha: float) -> Any:
    """numpy refuses three scores for two classes, and spreads one over both."""
    refuse(f)
    return weighed(f, alpha * np.log(np.maximum(f, 1e-300)) + log_expit(scores))


def logits_over_both(p: Any, f: Any, K: int, alpha: float) -> Any:
    noise = K * q_ratios(f, alpha)
    return np.log(p / (p + noise))


def logits_never_infinite(p: Any, f: Any, K: int, alpha: float) -> Any:
    return np.log(p + 1e-12) - np.log(K * q_ratios(f, alpha))


def logits_by_odds(p: Any, f: Any, K: int, alpha: float) -> Any:
    belongs = p / (p + K * q_ratios(f, alpha))
    return np.log(belongs / (1 - belongs))


def logits_of_powers(p: Any, f: Any, K: int, alpha: float) -> Any:
    return np.log(p) - np.log(K * f**alpha / (f**alpha).sum())


def q_of_a_sensible_exponent(f: Any, alpha: float) -> np.ndarray:
    return q_ratios(f, float(np.clip(alpha, 0.0, 1.0)))


def share_beside_the_unseen(f: Any, scores: Any, alpha: float) -> Any:
    refuse(f)
    assert_lengths(f, scores)
    push = log_expit(scores)
    pushes = np.asarray(q_loop(f, alpha)) * np.exp(push - push.max())
    return pushes / np.sum(pushes)


def share_with_a_sign(f: Any, scores: Any, alpha: float) -> np.ndarray:
    return -share_undivided(f, scores, alpha)


def alpha_formula_upside_down(f: Any, c: int, target: float) -> float:
    return math.log(target / (1 - target)) / math.log((f.sum() - f[c]) / f[c])


def logits_of_odds(p: Any, f: Any, K: int, alpha: float) -> np.ndarray:
    return np.log(p / (1 - p)) - np.log(K) - np.log(q_ratios(f, alpha))


@pytest.mark.parametrize("seed", (0, 3))
@pytest.mark.parametrize(
    ("name", "fn", "mistake"),
    [
        ("unigram_probs", q_one_line, "class never seen"),
        ("unigram_probs", q_comprehension, "class never seen"),
        ("unigram_probs", q_one_line_torch, "class never seen"),
        ("unigram_probs", q_with_a_small_number, "class never seen"),
        ("unigram_probs", q_of_frequencies, "not normalised"),
        ("unigram_probs", q_of_frequencies_with_torch, "not normalised"),
        ("unigram_probs", q_careful_with_zeros_only, "out of range"),
        ("unigram_probs", q_of_anything, "not refused"),
        ("unigram_probs", q_without_the_unseen, "unseen left out"),
        ("unigram_probs", q_of_products, "exponent without effect"),
        ("unigram_probs", q_upside_down, "sign of the exponent"),
        ("unigram_probs", q_mixed, "mixture"),
        ("unigram_probs", q_nan_to_num, "class never seen"),
        ("unigram_probs", q_of_a_sensible_exponent, "α kept in [0, 1]"),
        ("gradient_share", share_with_a_sign, "negative shares"),
        ("gradient_share", share_beside_the_unseen, "largest push of all classes"),
        ("gradient_share", share_of_draws, "draws only"),
        ("gradient_share", share_of_positives, "σ(−s)"),
        ("gradient_share", share_undivided, "not normalised"),
        ("gradient_share", share_naive_sigmoid, "all weights are 0"),
        ("gradient_share", share_with_math_exp, "all weights are 0"),
        ("gradient_share", share_other_sigmoid, "e^s overflows"),
        ("gradient_share", share_like_infonce, "softmax for σ"),
        ("gradient_share", share_all_in_one, "class never seen"),
        ("gradient_share", share_of_sigmas, "scores only"),
        ("gradient_share", share_second_derivative, "slope of σ"),
        ("gradient_share", share_of_the_loss, "loss for slope"),
        ("unigram_probs", powers_of(lambda f: f / f.sum()), "out of range"),
        ("unigram_probs", powers_of(lambda f: f / f.max()), "out of range"),
        ("gradient_share", share_of_clipped_scores, "scores clipped"),
        ("gradient_share", share_of_small_added, "scores clipped"),
        ("gradient_share", share_of_one_score, "no error raised"),
        ("alpha_for_share", alpha_between_0_and_1, "range too narrow"),
        ("alpha_for_share", alpha_brentq_unit, "range too narrow"),
        ("alpha_for_share", alpha_formula, "formula for two classes"),
        ("alpha_for_share", alpha_formula_extremes, "formula for two classes"),
        ("alpha_for_share", alpha_reversed, "sign of the exponent"),
        ("alpha_for_share", alpha_formula_upside_down, "sign of the exponent"),
        ("alpha_for_share", alpha_mixed_bases, "two bases"),
        ("alpha_for_share", alpha_falling, "wrong direction"),
        ("alpha_for_share", alpha_bisected_and_nothing_else, "wrong direction"),
        ("alpha_for_share", alpha_brentq, "no root in the bracket"),
        ("alpha_for_share", alpha_of_the_rest, "share of the rest"),
        ("alpha_for_share", alpha_by_grid, "rounded"),
        ("alpha_for_share", alpha_rounded, "rounded"),
        ("alpha_for_share", alpha_of_anything, "not refused"),
        ("optimal_logits", logits_of_draws, "K missing"),
        ("optimal_logits", logits_plus, "sign of ln(K q)"),
        ("optimal_logits", logits_of_odds, "logit of p"),
        ("optimal_logits", logits_over_both, "ln σ of the logit"),
        ("optimal_logits", logits_never_infinite, "never a positive"),
        ("optimal_logits", logits_of_powers, "out of range"),
        ("optimal_logits", logits_by_odds, "out of range"),
        ("optimal_logits", logits_pmi, "always α = 1"),
    ],
)
def test_a_learners_own_mistakes_are_named(
    name: str, fn: Callable[..., Any], mistake: str, seed: int
) -> None:
    assert_named(check(name, fn, seed=seed), mistake)


def share_times(f: Any, scores: Any, alpha: float, push: Any) -> np.ndarray:
    assert_lengths(f, scores)
    with np.errstate(divide="ignore"):
        return weighed(f, np.log(q_loop(f, alpha)) + push)


def share_of_shifted_scores(f: Any, scores: Any, alpha: float) -> np.ndarray:
    return share_times(f, scores, alpha, log_expit(scores - scores.max()))


def share_of_corrected_scores(f: Any, scores: Any, alpha: float) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return share_times(f, scores, alpha, log_expit(scores - np.log(q_ratios(f, alpha))))


def alpha_no_more_than_the_data(f: Any, c: int, target: float) -> float:
    if target > f[c] / f.sum():
        raise ValueError("too much")
    return alpha_three_kinds(f, c, target)


def alpha_with_unseen_classes(f: Any, c: int, target: float) -> float:
    return 0.0 if target * len(f) == 1 else alpha_three_kinds(f, c, target)


def logits_on(p: Any, f: Any, K: float, alpha: float) -> np.ndarray:
    return np.array(logits_loop(p, f, cast(int, K), alpha))


@pytest.mark.parametrize(
    ("name", "fn", "mistake"),
    [
        ("unigram_probs", lambda f, alpha: sorted(q_loop(f, alpha), reverse=True), "sorted"),
        ("unigram_probs", lambda f, alpha: np.add.accumulate(q_loop(f, alpha)), "added up"),
        ("unigram_probs", lambda f, alpha: q_loop(f, alpha if alpha else 1.0), "0 taken for none"),
        ("gradient_share", lambda f, s, alpha: share_times(f, s, alpha, 2 * log_expit(s)), "squared"),
        ("gradient_share", lambda f, s, alpha: share_loop(np.square(f), s, alpha), "squared"),
        ("gradient_share", share_of_shifted_scores, "scores shifted"),
        ("gradient_share", share_of_corrected_scores, "corrected by ln q"),
        (
            "alpha_for_share",
            lambda f, c, t: q_loop(f, alpha_three_kinds(f, c, t))[c],
            "share for the exponent",
        ),
        ("alpha_for_share", alpha_no_more_than_the_data, "refused"),
        ("alpha_for_share", alpha_with_unseen_classes, None),
        ("alpha_for_share", lambda f, c, t: [alpha_three_kinds(f, c, t)] * 2, "not readable"),
        (
            "alpha_for_share",
            lambda f, c, t: print(end=""[alpha_three_kinds(f, c, t) > 1 :]),
            "nothing returned",
        ),
        ("optimal_logits", lambda p, f, K, alpha: logits_on(p, f, K, 0.0), "always α = 0"),
        ("optimal_logits", lambda p, f, K, alpha: logits_on(p, f, K**alpha, alpha), "α on K"),
        (
            "optimal_logits",
            lambda p, f, K, alpha: np.log(p / K) + np.log(q_ratios(f, alpha)),
            "sign of ln(K q)",
        ),
        (
            "optimal_logits",
            lambda p, f, K, alpha: logits_on(p, f, K, alpha) - max(logits_on(p, f, K, alpha)),
            "normalised",
        ),
    ],
)
def test_what_one_easily_takes_for_it_is_named(
    name: str, fn: Callable[..., Any], mistake: str | None
) -> None:
    assert_named(check(name, fn), mistake)


def test_the_counterexample_of_an_exponent_is_drawn() -> None:
    result = check("alpha_for_share", alpha_reversed)
    assert "alpha_for_share([1000, 1], 1, 0.9)" in result.message
    assert "α that gives the share 0.9" in result.message and "α that gives the share 0.1" in result.message
    assert "[The share at every exponent" in result.message
    assert "second mistake" not in result.message


# The numbers of the audit


def test_the_specification_gives_the_audited_numbers() -> None:
    pair = np.array([1000.0, 1.0])
    for alpha, rare, ratio in ((1, 9.99e-4, 1), (0.75, 5.59e-3, 5.62), (0.5, 0.0307, 31.6), (0, 0.5, 1000)):
        q = np.array(UNIGRAM(pair, alpha))
        assert q[1] == pytest.approx(rare, rel=2e-3)
        per_positive = q / pair
        assert per_positive[1] / per_positive[0] == pytest.approx(ratio, rel=1e-3)
        assert per_positive[1] / per_positive[0] == pytest.approx(1000 ** (1 - alpha), rel=1e-12)
    assert ALPHA(pair, 1, 0.05) == pytest.approx(0.42625, abs=5e-6)
    assert ALPHA(pair, 1, 0.05) == pytest.approx(math.log(19) / math.log(1000), abs=1e-9)
    powers = (pair / 1001) ** 0.75
    assert powers.sum() == pytest.approx(1.0049, abs=5e-5)  # the number in the diagnosis
    counts = datasets.lee_vocabulary().counts
    for alpha, mass in ((1, 0.050), (0.75, 0.121), (0, 0.433)):
        assert unigram(counts, alpha)[counts == 1].sum().item() == pytest.approx(mass, abs=5e-4)


@pytest.mark.parametrize("seed", range(4))
def test_shares_sum_to_1_and_never_seen_stays_0(seed: int) -> None:
    for question, truth in ((0, UNIGRAM), (1, SHARE)):
        for case, outcome in zip(*prepared(load("06").questions[question], seed), strict=True):
            if outcome.error is None:
                share = np.array(truth(*case.args))
                assert share.sum() == pytest.approx(1, abs=1e-12)
                assert not share[case.args[0] == 0].any()


def test_the_share_of_a_class_in_between_peaks_where_its_logarithm_is_the_mean() -> None:
    f = np.array([100.0, 10.0, 1.0])
    shares = [UNIGRAM(f, alpha)[1] for alpha in np.linspace(-1, 1, 41)]
    assert max(shares) == pytest.approx(1 / 3) == pytest.approx(shares[20])
    assert ALPHA(f, 1, 0.333) == pytest.approx(0, abs=0.03)
    with pytest.raises(ValueError, match="never gets"):
        ALPHA(f, 1, 0.334)


def test_at_the_optimal_logits_the_gradient_is_zero_and_more_noise_shifts_them() -> None:
    p, f, K = np.array([0.6, 0.3, 0.1]), np.array([50.0, 20.0, 3.0]), 5
    for alpha in (1, 0.75, 0, -0.5):
        s, q = np.array(LOGITS(p, f, K, alpha)), np.array(UNIGRAM(f, alpha))
        assert K * q * expit(s) == pytest.approx(p * expit(-s), abs=1e-14)
        assert s == pytest.approx(-np.log(K * q / p), abs=1e-12)
