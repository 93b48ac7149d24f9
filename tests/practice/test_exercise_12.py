"""Exercise 12: right answers in several styles pass, and a learner's own mistakes are named."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from answers import assert_named, assert_passed, checker
from scipy.optimize import brentq
from scipy.special import expit

from nslab import losses
from nslab.practice._exercise import load

LOSS, SLOPE, BIAS = load("12").questions
check = checker("12")


def softplus(x: Any) -> Any:
    return np.logaddexp(0, x)


def loss_loop(s: Any, y: Any, tau: float, b: float) -> float:
    total = 0.0
    for score, kind in zip(s.ravel(), y.ravel(), strict=True):
        x = -kind * (score / tau + b)
        total += abs(kind) * (x + math.log1p(math.exp(-x)) if x > 0 else math.log1p(math.exp(x)))
    return total / len(s)


def loss_in_single_precision(s: Any, y: Any, tau: float, b: float) -> float:
    logits = torch.tensor(y) * (torch.tensor(s).float() / tau + b)
    return -torch.nn.functional.logsigmoid(logits)[y != 0].sum().item() / len(s)


def loss_masked_by_infinity(s: Any, y: Any, tau: float, b: float) -> Any:
    x = np.where(y == 0, -np.inf, -y * (s / tau + b))
    return torch.nn.functional.softplus(torch.tensor(x)).sum() / len(s)


def slope_by_sigmoids(s: Any, y: Any, tau: float, b: float) -> float:
    z = s / tau + b
    return (expit(z)[y < 0].sum() - expit(-z)[y > 0].sum()) / len(s)


def slope_in_single_precision(s: Any, y: Any, tau: float, b: float) -> float:
    z = torch.tensor(y).float() * (torch.tensor(s).float() / tau + b)
    return -(torch.tensor(y) * torch.sigmoid(-z)).sum().item() / len(s)


def slope_autograd(s: Any, y: Any, tau: float, b: float) -> Any:
    bias = torch.tensor(b, dtype=torch.float64, requires_grad=True)
    z = torch.tensor(y) * (torch.tensor(s) / tau + bias)
    return torch.autograd.grad(-(torch.nn.functional.logsigmoid(z) / len(s)).sum(), bias)[0]


def wants_both(answer: Callable[..., Any]) -> Callable[..., Any]:
    def balanced_bias(s: Any, y: Any, tau: float) -> Any:
        if not (y > 0).any() or not (y < 0).any():
            raise ValueError("no balance")
        return answer(s, y, tau)

    return balanced_bias


def bias_between(low: float, high: float) -> Callable[..., Any]:
    def answer(s: Any, y: Any, tau: float) -> float:
        a, c = low, high
        for _ in range(200):
            a, c = ((a + c) / 2, c) if slope_by_sigmoids(s, y, tau, (a + c) / 2) < 0 else (a, (a + c) / 2)
        return c

    return wants_both(answer)


@wants_both
def bias_brentq(s: Any, y: Any, tau: float) -> float:
    far = abs(s).max() / tau + 20
    return brentq(lambda b: slope_by_sigmoids(s, y, tau, b), -far, far, xtol=1e-10)


@wants_both
def bias_doubling(s: Any, y: Any, tau: float) -> float:
    reach = 1.0
    while slope_by_sigmoids(s, y, tau, -reach) > 0 or slope_by_sigmoids(s, y, tau, reach) < 0:
        reach *= 2
    return bias_between(-reach, reach)(s, y, tau)


@pytest.mark.parametrize("seed", (0, 7))
@pytest.mark.parametrize(
    ("name", "fn"),
    [
        *[("sigmoid_loss", fn) for fn in (loss_loop, loss_in_single_precision, loss_masked_by_infinity)],
        *[("bias_slope", fn) for fn in (slope_by_sigmoids, slope_in_single_precision, slope_autograd)],
        *[("balanced_bias", fn) for fn in (bias_brentq, bias_doubling)],
    ],
)
def test_right_answers_pass_in_every_style(name: str, fn: Callable[..., Any], seed: int) -> None:
    assert_passed(check(name, fn, seed=seed))


# A learner's own mistakes


def loss_by(cost: Callable[..., Any], divide: Callable[..., Any] = len) -> Callable[..., Any]:
    """`cost(z, y)` where y is not 0."""
    return lambda s, y, tau, b: np.where(y == 0, 0, cost(s / tau + b, y)).sum() / divide(y)


def loss_with_low_scores(low: float) -> Callable[..., Any]:
    def sigmoid_loss(s: Any, y: Any, tau: float, b: float) -> Any:
        return loss_loop(np.where(y == 0, low, s), np.where(y > 0, 1, -1), tau, b)

    return sigmoid_loss


def loss_with_low_logits(low: float) -> Callable[..., Any]:
    return lambda s, y, tau, b: softplus(np.where(y == 0, low, -y * (s / tau + b))).sum() / len(s)


def slope_with_low_scores(low: float) -> Callable[..., Any]:
    def bias_slope(s: Any, y: Any, tau: float, b: float) -> float:
        return slope_by_sigmoids(np.where(y == 0, low, s), np.where(y > 0, 1, -1), tau, b)

    return bias_slope


def kept_by(answer: Callable[..., Any], kept: Callable[..., Any]) -> Callable[..., Any]:
    """`answer` for the pairs that `kept(y)` does not turn into masked ones."""
    return lambda s, y, tau, b: answer(s, np.where(kept(y), y, 0), tau, b)


def half_of_a_masked_pair(s: Any, y: Any, tau: float, b: float) -> float:
    z = s / tau + b
    return torch.nn.functional.binary_cross_entropy_with_logits(
        torch.tensor(z), torch.tensor((y + 1) / 2), reduction="sum"
    ).item() / len(s)


def one_kind_after_the_other(s: Any, y: Any, tau: float, b: float) -> float:
    z = s / tau + b
    costs = softplus(-z[y > 0]), softplus(z[y < 0])
    return sum(cost.mean() for cost in costs if cost.size)


def negatives_averaged(s: Any, y: Any, tau: float, b: float) -> Any:
    z = s / tau + b
    negatives = np.where(y < 0, softplus(z), 0).sum(1) / (y < 0).sum(1).clip(1)
    return (np.where(y > 0, softplus(-z), 0).sum(1) + negatives).mean()


def loss_in_half_precision(s: Any, y: Any, tau: float, b: float) -> float:
    return loss_loop((s / tau + b).astype(np.float16).astype(float), y, 1.0, 0.0)


def softmax_of_each_row(s: Any, y: Any, tau: float, b: float) -> float:
    z = torch.tensor(np.where(y == 0, -np.inf, s / tau + b))
    return -torch.log_softmax(z, dim=1)[torch.tensor(y) > 0].sum().item() / len(s)


def nothing_where_the_logit_is_0(s: Any, y: Any, tau: float, b: float) -> Any:
    z = y * (s / tau + b)
    return np.where(z == 0, 0, softplus(-z)).sum() / len(s)


def slope_with_math(s: Any, y: Any, tau: float, b: float) -> float:
    pairs = zip(s.flat, y.flat, strict=True)
    return sum(-kind / (1 + math.exp(kind * (score / tau + b))) for score, kind in pairs) / len(s)


def slope_by_a_long_step(s: Any, y: Any, tau: float, b: float) -> float:
    return (loss_loop(s, y, tau, b + 0.01) - loss_loop(s, y, tau, b)) / 0.01


@wants_both
def bias_with_low_scores(s: Any, y: Any, tau: float) -> float:
    def slope(b: float) -> float:
        return slope_with_low_scores(-1e9)(s, y, tau, b)

    far = (abs(s).max() + 1e9) / tau + 20
    return brentq(slope, -far, far, xtol=1e-10)


def bias_where(gap: Callable[..., Any], low: float = -math.inf, high: float = math.inf) -> Callable[..., Any]:
    """Where `gap(z, y, b)`, which rises with b, is 0, in a range around s/τ."""

    def answer(s: Any, y: Any, tau: float) -> float:
        z = s / tau
        a, c = max(low, -z.max() - 50), min(high, 50 - z.min())
        for _ in range(200):
            a, c = ((a + c) / 2, c) if gap(z, y, (a + c) / 2) < 0 else (a, (a + c) / 2)
        return c

    return wants_both(answer)


def gap_of_costs(z: Any, y: Any, b: float) -> Any:
    return softplus(z + b)[y < 0].sum() - softplus(-z - b)[y > 0].sum()


def gap_of_means(z: Any, y: Any, b: float) -> Any:
    return expit(z + b)[y < 0].mean() - expit(-z - b)[y > 0].mean()


def gap_of_sums(z: Any, y: Any, b: float) -> Any:
    return expit(z + b)[y < 0].sum() - expit(-z - b)[y > 0].sum()


def content_with_a_small_slope(z: Any, y: Any, b: float) -> Any:
    return np.trunc(1e9 * gap_of_sums(z, y, b))


@wants_both
def bias_without_room(s: Any, y: Any, tau: float) -> Any:
    return np.clip(bias_brentq(s, y, tau), -s.max() / tau, -s.min() / tau)


def wants_a_positive_on_the_diagonal(s: Any, y: Any, tau: float) -> float:
    if not (np.diagonal(y) > 0).any():
        raise ValueError("no positive")
    return bias_brentq(s, y, tau)


def odds(y: Any) -> float:
    return math.log((y > 0).sum() / (y < 0).sum())


def infinite_without_a_balance(s: Any, y: Any, tau: float) -> float:
    return bias_doubling(s, y, tau) if len(set(y.flat) - {0}) > 1 else math.inf


def split(z: Any, y: Any) -> Any:
    return -np.where(y > 0, np.log(expit(z)), np.log(1 - expit(z)))


LOW = "a mask that is only low"
LEFT_OUT = (
    lambda y: (y > 0).any(1, keepdims=True),
    lambda y: (y != 0).all(1, keepdims=True),
    lambda y: (y < 0) | ((y > 0).cumsum(1) == 1),
    lambda y: np.arange(y.shape[1]) < len(y),
)
LOSSES: list[tuple[str | None, Callable[..., Any]]] = [
    ("masked pairs cost ln 2", lambda s, y, tau, b: softplus(-y * (s / tau + b)).sum() / len(s)),
    (LOW, loss_with_low_logits(-10)),
    (LOW, loss_with_low_logits(-30)),
    ("imprecise", loss_with_low_logits(-50)),
    *[(LOW, loss_with_low_scores(low)) for low in (-1, -10, -100, -1e4, -1e9)],
    (None, nothing_where_the_logit_is_0),
    ("mean over all pairs", loss_by(lambda z, y: softplus(-y * z), np.size)),
    ("mean over the pairs", loss_by(lambda z, y: softplus(-y * z), np.count_nonzero)),
    ("not divided", loss_by(lambda z, y: softplus(-y * z), lambda y: 1)),
    (None, loss_by(lambda z, y: softplus(-y * z), lambda y: len(y) ** 2)),
    ("exp overflows", loss_by(lambda z, y: np.log(1 + np.exp(-y * z)))),
    ("exp overflows", loss_by(lambda z, y: np.log1p(np.exp(-y * z)))),
    ("exp overflows", loss_by(lambda z, y: -np.log(expit(y * z)))),
    ("exp overflows", loss_by(split)),
    ("clipped", loss_by(lambda z, y: np.log1p(np.exp(np.clip(-y * z, -700, 700))))),
    ("clipped", loss_by(lambda z, y: -np.log(expit(y * z) + 1e-9))),
    ("small losses lost", loss_by(lambda z, y: np.where(abs(z) > 30, np.fmax(0, -y * z), softplus(-y * z)))),
    ("small losses lost", loss_by(lambda z, y: np.where(y > 0, 0, z) + softplus(-z))),
    ("imprecise", loss_by(lambda z, y: np.where(-y * z > 10, -y * z, softplus(-y * z)))),
    ("sign of the loss", loss_by(lambda z, y: np.log(expit(abs(z))) * 0 - softplus(-y * z))),
    ("y ignored", loss_by(lambda z, y: softplus(-z))),
    ("bias within the score", lambda s, y, tau, b: loss_loop(s, y, tau, b / tau)),
    ("only the diagonal", lambda s, y, tau, b: loss_loop(s, 2 * np.eye(*s.shape, dtype=int) - 1, tau, b)),
    ("masked pairs counted", half_of_a_masked_pair),
    ("masked pairs counted", lambda s, y, tau, b: loss_loop(s, np.where(y < 0, -1, 1), tau, b)),
    (LOW, lambda s, y, tau, b: loss_loop(s * abs(y), np.where(y > 0, 1, -1), tau, b)),
    ("answers swapped", loss_by(lambda z, y: softplus(y * z))),
    ("bits", loss_by(lambda z, y: softplus(-y * z) / np.log(2))),
    ("y outside", loss_by(lambda z, y: -y * np.minimum(0, z) + y * np.log1p(np.exp(-abs(z))))),
    ("another cost", loss_by(lambda z, y: expit(-y * z))),
    ("another cost", loss_by(lambda z, y: np.maximum(1 - y * z, 0))),
    ("a softmax", softmax_of_each_row),
    ("imprecise", loss_in_half_precision),
    ("no b or no τ", lambda s, y, tau, b: loss_loop(s, y, 1.0, b)),
    ("means added", one_kind_after_the_other),
    ("means added", negatives_averaged),
    *[
        ("divided by another number", loss_by(lambda z, y: softplus(-y * z), number))
        for number in (
            lambda y: max(1, np.count_nonzero(y == 1)),
            lambda y: y.shape[1],
            lambda y: max(1, sum(1 in row for row in y)),
            lambda y: sum(row.any() for row in y),
        )
    ],
    *[("pairs left out", kept_by(loss_loop, kept)) for kept in LEFT_OUT],
    ("y times the score alone", lambda s, y, tau, b: softplus(-(y * s / tau + b))[y != 0].sum() / len(s)),
]
SLOPES: list[tuple[str | None, Callable[..., Any]]] = [
    ("small slopes lost", loss_by(lambda z, y: y * (expit(y * z) - 1))),
    ("small slopes lost", loss_by(lambda z, y: expit(z) - (y > 0))),
    ("sign of the slope", loss_by(lambda z, y: y * expit(-y * z))),
    ("σ of the wrong sign", loss_by(lambda z, y: -y * expit(y * z))),
    ("mean over all pairs", loss_by(lambda z, y: -y * expit(-y * z), np.size)),
    ("exp overflows", loss_by(lambda z, y: -y * np.exp(-y * z) / (1 + np.exp(-y * z)))),
    ("exp overflows", slope_with_math),
    ("slope with respect to s", lambda s, y, tau, b: slope_by_sigmoids(s, y, tau, b) / tau),
    (
        "masked pairs counted",
        lambda s, y, tau, b: slope_by_sigmoids(s, np.where(y == 0, -1, y), tau, b),
    ),
    *[(LOW, slope_with_low_scores(low)) for low in (-1, -10, -100, -1e9)],
    *[("pairs left out", kept_by(slope_by_sigmoids, kept)) for kept in LEFT_OUT],
    ("answers swapped", lambda s, y, tau, b: slope_by_sigmoids(s, -y, tau, b)),
    (
        "means added",
        lambda s, y, tau, b: sum(
            slope_by_sigmoids(s, np.where(y == k, y, 0), tau, b) * len(s) / max(1, (y == k).sum())
            for k in (1, -1)
        ),
    ),
    ("slope with respect to s", lambda s, y, tau, b: (s * -y * expit(-y * (s / tau + b))).sum() / len(s)),
    ("slope of the sigmoid", loss_by(lambda z, y: -y * expit(z) * (1 - expit(z)))),
    ("slope of the sigmoid", loss_by(lambda z, y: expit(z) * expit(-z))),
    ("σ of the wrong sign", loss_by(lambda z, y: -y * expit(z))),
    ("all one way", loss_by(lambda z, y: expit(z))),
    ("numbers of pairs", lambda s, y, tau, b: ((y < 0).sum() - (y > 0).sum()) / len(s)),
    ("no b or no τ", lambda s, y, tau, b: slope_by_sigmoids(s, y, 1.0, b)),
    ("all one way", loss_by(lambda z, y: expit(-y * z))),
    ("targets of 1 and −1", loss_by(lambda z, y: expit(z) - y)),
    ("slope of the sigmoid", loss_by(lambda z, y: -y * expit(z) * expit(-z))),
    ("y times the score alone", lambda s, y, tau, b: loss_by(lambda z, y: -y * expit(-z))(y * s, y, tau, b)),
    (None, slope_by_a_long_step),
]
BIASES: list[tuple[str | None, Callable[..., Any]]] = [
    *[("fixed range", bias_between(-reach, reach)) for reach in (10, 100, 1e4)],
    ("formula for equal scores", wants_both(lambda s, y, tau: odds(y))),
    ("B alone", wants_both(lambda s, y, tau: -math.log(len(s) - 1))),
    ("mean of the scores", wants_both(lambda s, y, tau: odds(y) - s.mean() / tau)),
    ("in units of a score", lambda s, y, tau: tau * bias_brentq(s, y, tau)),
    ("not converged", lambda s, y, tau: bias_brentq(s, y, tau) + 1e-4),
    ("not refused", infinite_without_a_balance),
    (LOW, bias_with_low_scores),
    ("masked pairs counted", wants_both(lambda s, y, tau: odds(np.where(y > 0, 1, -1)))),
    ("B alone", wants_both(lambda s, y, tau: -10.0)),
    ("in units of a score", lambda s, y, tau: bias_brentq(s, y, tau) / tau),
    ("equal costs", bias_where(gap_of_costs)),
    ("means added", bias_where(gap_of_means)),
    ("small slopes lost", bias_where(content_with_a_small_slope)),
    ("fixed range", bias_where(gap_of_sums, low=-30)),
    ("fixed range", bias_without_room),
    ("refused", wants_a_positive_on_the_diagonal),
    ("no τ", lambda s, y, tau: bias_doubling(s, y, 1.0)),
]


@pytest.mark.parametrize(
    ("name", "mistake", "fn"),
    [
        *[("sigmoid_loss", *wrong) for wrong in LOSSES],
        *[("bias_slope", *wrong) for wrong in SLOPES],
        *[("balanced_bias", *wrong) for wrong in BIASES],
    ],
)
def test_a_learners_own_mistakes_are_named(name: str, mistake: str | None, fn: Callable[..., Any]) -> None:
    assert_named(check(name, fn), mistake)


# The specification


@pytest.mark.parametrize("seed", range(2))
def test_the_specification_agrees_with_fifty_digits(seed: int) -> None:
    with mpmath.workdps(50):
        for case in LOSS.cases(seed):
            s, y, tau, b = case.args
            pairs = [(int(k), mpmath.mpf(float(x))) for k, x in zip(y.flat, s.flat, strict=True) if k]
            z = [(k, x / mpmath.mpf(tau) + b) for k, x in pairs]
            loss = sum(mpmath.log1p(mpmath.exp(-k * x)) for k, x in z) / len(s)
            slope = sum(-k / (1 + mpmath.exp(k * x)) for k, x in z) / len(s)
            assert LOSS.truth(*case.args) == pytest.approx(float(loss), rel=1e-12)
            assert SLOPE.truth(*case.args) == pytest.approx(float(slope), rel=1e-9, abs=1e-300)


def test_it_is_the_librarys_loss_and_zero_scores_give_the_formula() -> None:
    u, v = torch.randn(2, 8, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    own = 2 * np.eye(8, dtype=int) - 1
    loss = losses.sigmoid_loss(u, v, temperature=0.5, bias=-2.0).item()
    assert LOSS.truth((u @ v.T).numpy(), own, 0.5, -2.0) == pytest.approx(loss, rel=1e-12)
    assert BIAS.truth(np.zeros((8, 8)), own, 0.5) == pytest.approx(-math.log(7), abs=1e-12)
    found = BIAS.truth((u @ v.T).numpy(), own, 0.5)
    assert SLOPE.truth((u @ v.T).numpy(), own, 0.5, found) == pytest.approx(0, abs=1e-12)
