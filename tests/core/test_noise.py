"""The NCE laboratory against 40-digit references, closed forms, and known fixed points.

The fixed points are those that the theory states.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from torch import Tensor

from nslab.losses import nce_loss
from nslab.noise import MODES, fixed_point, nce_gradient, nce_objective

F64 = torch.float64
P = [0.40, 0.25, 0.20, 0.10, 0.05]
P_DATA = torch.tensor(P, dtype=F64)
UNIFORM = [0.2] * 5
SCORES = [-0.3, -2.0, 0.4, -1.1, -2.5]
# Five terms of at most about 3 each, every one a handful of roundings and a softmax away from exact: 50
# eps is ample, and a wrong term would show in the first digits.
ROUNDING = 50 * torch.finfo(F64).eps


def softmax(temperature: float) -> Callable[[Tensor], Tensor]:
    return lambda s: torch.softmax(s / temperature, -1)


def mixed(s: Tensor) -> Tensor:
    return 0.1 + 0.5 * torch.softmax(s, -1)


def distance(scores: Tensor, target: Any = P) -> float:
    return 0.5 * float(np.abs(torch.softmax(scores, -1).numpy() - np.asarray(target)).sum())


# An independent J. The three copies of the scores are separate arguments, each to be differentiated alone.


def reference(model: Any, subtracted: Any, drawn: Any, temperature: float, k: int, mode: str) -> mpmath.mpf:
    def q_of(scores: Any) -> list[mpmath.mpf]:
        weights = [mpmath.exp(s / temperature) for s in scores]
        return [w / sum(weights) for w in weights]

    total = mpmath.mpf(0)
    for p, s, q_log, q in zip(P, model, q_of(subtracted), q_of(drawn), strict=True):
        logit = s if mode == "uncorrected" else s - mpmath.log(k * q_log)
        total += mpmath.mpf(p) * mpmath.log(1 / (1 + mpmath.exp(-logit)))
        total += k * q * mpmath.log(1 / (1 + mpmath.exp(logit)))
    return total


WAYS = {
    "stop_grad": (True, False, False),
    "log_q_only": (True, True, False),
    "measure": (True, False, True),
    "full": (True, True, True),
    "uncorrected": (True, False, False),
}


@pytest.mark.parametrize("mode", WAYS)
@pytest.mark.parametrize(("temperature", "k"), [(1.0, 3), (2.0, 1), (0.5, 8)])
def test_each_mode_follows_its_ways_and_no_other(mode: str, temperature: float, k: int) -> None:
    with mpmath.workdps(40):
        scores = [mpmath.mpf(s) for s in SCORES]

        def along(i: int) -> mpmath.mpf:
            def j(moved: Any) -> mpmath.mpf:
                copies = [[*scores[:i], moved, *scores[i + 1 :]] if way else scores for way in WAYS[mode]]
                return reference(*copies, temperature, k, mode)

            return mpmath.diff(j, scores[i])

        want = [float(along(i)) for i in range(5)]
    got = nce_gradient(SCORES, P, softmax(temperature), k, mode)
    assert got.tolist() == pytest.approx(want, rel=1e-10, abs=1e-13)


def test_every_mode_is_covered() -> None:
    assert {*WAYS, "fixed"} == set(MODES)


@pytest.mark.parametrize("q", [UNIFORM, P, [0.01, 0.04, 0.05, 0.3, 0.6]])
@pytest.mark.parametrize("k", [1, 3, 20])
def test_objective_and_gradient_of_a_fixed_noise(q: list[float], k: int) -> None:
    with mpmath.workdps(40):
        j = sum(
            mpmath.mpf(p) * mpmath.log(mpmath.exp(s) / (mpmath.exp(s) + k * n))
            + k * n * mpmath.log(k * n / (mpmath.exp(s) + k * n))
            for p, s, n in zip(P, SCORES, map(mpmath.mpf, q), strict=True)
        )
    assert float(nce_objective(SCORES, P, q, k)) == pytest.approx(float(j), rel=1e-13)
    p, s, n = np.array(P), np.exp(SCORES), np.array(q)
    want = k * n * (p - s) / (s + k * n)
    assert nce_gradient(SCORES, P, q, k, "fixed").numpy() == pytest.approx(want, rel=1e-12)
    assert nce_gradient(SCORES, P, q, k, "full").numpy() == pytest.approx(want, rel=1e-12)


def test_the_objective_is_minus_the_expected_loss() -> None:
    k, s, p, q = 3, np.array(SCORES), np.array(P), np.array([0.1, 0.2, 0.3, 0.3, 0.1])
    loss = nce_loss(  # every data point with k copies of every noise point
        np.tile(s[:, None], (1, 5)),
        np.tile(s[None, :, None], (5, 1, k)),
        np.tile(np.log(q)[:, None], (1, 5)),
        np.tile(np.log(q)[None, :, None], (5, 1, k)),
        reduction="none",
    )
    assert float(nce_objective(s, p, q, k)) == pytest.approx(-float(p @ loss.numpy() @ q), rel=1e-13)


def test_extreme_scores_stay_finite() -> None:
    scores = [-800.0, 800.0, 0.0, 0.0, 0.0]
    assert math.isfinite(float(nce_objective(scores, P, UNIFORM, 3)))
    assert bool(nce_gradient(scores, P, UNIFORM, 3, "fixed").isfinite().all())


def test_held_noise_moves_every_score_towards_the_data() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        scores, q = rng.normal(-2, 2, 5), rng.dirichlet([1] * 5)
        for noise in (q, softmax(0.5), softmax(3.0), mixed):
            gradient = nce_gradient(scores, P, noise, 4).numpy()
            assert (np.sign(gradient) == np.sign(np.log(P) - scores)).all()


@pytest.mark.parametrize("noise", [UNIFORM, softmax(1.0), softmax(2.0), softmax(0.5), mixed])
@pytest.mark.parametrize("normalized", [False, True])
def test_stopped_gradient_reaches_the_data(noise: Any, normalized: bool) -> None:
    scores = fixed_point(P, noise, 3, normalized=normalized)
    assert distance(scores) < 1e-9
    if not normalized:
        assert scores.exp().tolist() == pytest.approx(P, abs=1e-9)


# total variation: unnormalized, normalized
FIXED_POINTS = [
    ("full", softmax(2.0), 0.0810, 0.0808),
    ("measure", softmax(2.0), 0.0474, 0.0476),
    ("full", mixed, 0.0718, 0.0717),
    ("measure", mixed, 0.0426, 0.0428),
]


@pytest.mark.parametrize(("mode", "noise", "free", "normalized"), FIXED_POINTS)
def test_the_moving_draws_shift_the_fixed_point(
    mode: str, noise: Any, free: float, normalized: float
) -> None:
    assert distance(fixed_point(P, noise, 3, mode)) == pytest.approx(free, abs=6e-5)
    assert distance(fixed_point(P, noise, 3, mode, normalized=True)) == pytest.approx(normalized, abs=6e-5)


def test_the_moving_draws_push_the_noise_away_from_the_data() -> None:
    def best(q: Any) -> float:
        return float(nce_objective(P_DATA.log(), P, q, 3))

    assert best(P) == pytest.approx(-2.2493, abs=5e-5)
    assert best(UNIFORM) == pytest.approx(-2.1012, abs=5e-5)
    assert best(P[::-1]) == pytest.approx(-1.6689, abs=5e-5)
    # the term that "measure" adds at e^s = p_data: zero where q = p_data, else a rise of J
    extra = nce_gradient(P_DATA.log(), P, softmax(2.0), 3, "measure")
    q = np.sqrt(P) / np.sqrt(P).sum()
    weights = 3 * np.log(3 * q / (np.array(P) + 3 * q))
    want = q * (weights - q @ weights) / 2  # dq_x/ds_y of softmax(s/2)
    assert extra.numpy() == pytest.approx(want, rel=1e-10)
    assert nce_gradient(P_DATA.log(), P, softmax(1.0), 3, "measure").abs().max() < ROUNDING


def test_through_ln_q_alone_the_data_stay_a_fixed_point() -> None:
    for noise in (softmax(2.0), softmax(0.5), mixed):
        assert nce_gradient(P_DATA.log(), P, noise, 3, "log_q_only").abs().max() < ROUNDING
    for noise in (softmax(2.0), mixed):
        assert distance(fixed_point(P, noise, 3, "log_q_only")) < 1e-8


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_through_ln_q_the_signal_shrinks_by_one_minus_one_over_t(temperature: float) -> None:
    held = nce_gradient(SCORES, P, softmax(temperature), 3).numpy()
    q = torch.softmax(torch.tensor(SCORES, dtype=F64) / temperature, -1).numpy()
    want = (1 - 1 / temperature) * held + q * held.sum() / temperature
    got = nce_gradient(SCORES, P, softmax(temperature), 3, "log_q_only").numpy()
    assert got == pytest.approx(want, rel=1e-10, abs=ROUNDING)


@pytest.mark.parametrize("mode", ["log_q_only", "full"])
def test_below_temperature_one_an_unstopped_gradient_runs_away(mode: str) -> None:
    with pytest.raises(RuntimeError, match=f"{mode}.*400 steps"):
        fixed_point(P, softmax(0.5), 3, mode, max_steps=400)
    near = P_DATA.log() + torch.tensor([0.01, -0.01, 0.01, -0.01, 0.01], dtype=F64)
    scores = near
    for _ in range(200):
        scores = scores + 0.2 * nce_gradient(scores, P, softmax(0.5), 3, mode) / P_DATA
    assert distance(scores) > 10 * distance(near)


def test_the_model_as_its_own_noise_is_maximum_likelihood() -> None:
    log_p = torch.log_softmax(torch.tensor(SCORES, dtype=F64), -1)
    likelihood = np.array(P) - log_p.exp().numpy()
    for k in (1, 3, 50):
        got = nce_gradient(log_p, P, softmax(1.0), k).numpy()
        assert got == pytest.approx(k / (k + 1) * likelihood, rel=1e-12)
        for mode in ("log_q_only", "full"):
            assert nce_gradient(SCORES, P, softmax(1.0), k, mode, normalized=True).abs().max() < ROUNDING


def test_free_scores_under_their_own_noise_only_change_their_sum() -> None:
    gradient = nce_gradient(SCORES, P, softmax(1.0), 3, "full")
    share = torch.softmax(torch.tensor(SCORES, dtype=F64), -1)
    assert (gradient / share).numpy() == pytest.approx(float(gradient.sum()), rel=1e-12)
    assert abs(float(gradient.sum())) > 0.01


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("k", [1, 3, 10])
def test_uncorrected_goes_to_a_power_of_the_data(temperature: float, k: int) -> None:
    scores = fixed_point(P, softmax(temperature), k, "uncorrected")
    power = np.array(P) ** (temperature / (1 + temperature))
    assert torch.softmax(scores, -1).numpy() == pytest.approx(power / power.sum(), abs=1e-9)
    if temperature == 1:
        root = np.sqrt(P)
        assert scores.exp().numpy() == pytest.approx(root * root.sum() / k, abs=1e-9)


def test_uncorrected_square_root_as_audited_and_not_where_the_model_is_normalized() -> None:
    scores = fixed_point(P, softmax(1.0), 3, "uncorrected")
    assert torch.softmax(scores, -1).tolist() == pytest.approx(
        [0.2984, 0.2359, 0.2110, 0.1492, 0.1055], abs=6e-5
    )
    other = fixed_point(P, softmax(1.0), 3, "uncorrected", normalized=True)
    assert distance(other) == pytest.approx(0.0945, abs=6e-5)
    assert other.argsort().tolist() == scores.argsort().tolist()  # the ranking is kept either way


def test_uncorrected_uniform_noise_costs_a_factor_only() -> None:
    scores = fixed_point(P, UNIFORM, 3, "uncorrected")
    assert scores.exp().numpy() == pytest.approx(np.array(P) / (3 * 0.2), abs=1e-9)
    assert distance(scores) < 1e-9


def test_start_rows_and_dtypes() -> None:
    start = torch.tensor([0.1, 0.2, 0.3, -0.4, 0.5])
    assert fixed_point(P, mixed, 3, start=start).exp().tolist() == pytest.approx(P, abs=1e-9)
    rows = torch.tensor([SCORES, [0.0] * 5, P], dtype=F64)
    both = nce_gradient(rows, P, mixed, 3, "full")
    alone = torch.stack([nce_gradient(row, P, mixed, 3, "full") for row in rows])
    torch.testing.assert_close(both, alone, rtol=1e-12, atol=ROUNDING)
    objectives = [float(nce_objective(row, P, UNIFORM, 3)) for row in rows]
    assert nce_objective(rows, P, UNIFORM, 3).tolist() == pytest.approx(objectives, rel=1e-13)
    assert nce_gradient(torch.zeros(5), P_DATA.double(), mixed, 3).dtype == F64
    with torch.no_grad():
        assert torch.equal(nce_gradient(rows, P, mixed, 3, "full"), both)
    learned = rows.clone().requires_grad_()
    assert not nce_gradient(learned, P, mixed, 3).requires_grad and learned.grad is None


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: nce_objective([0, 0], [0.5, 0.6], [0.5, 0.5], 1), ValueError, ["p_data", "1.1"]),
        (lambda: nce_objective([0, 0], [-0.5, 1.5], [0.5, 0.5], 1), ValueError, ["p_data", "-0.5"]),
        (lambda: nce_objective([0, 0], [0.5, 0.5], [1.0, 0.0], 1), ValueError, ["q", "> 0", "[1]"]),
        (lambda: nce_objective([0, 0], [0.5, 0.5], [0.5, 0.4], 1), ValueError, ["q", "0.9"]),
        (lambda: nce_objective([0, 0, 0], [0.5, 0.5], [0.5, 0.5], 1), ValueError, ["(3,)", "(2,)"]),
        (lambda: nce_objective([0, 0], [0.5, 0.5], [1.0], 1), ValueError, ["q", "(1,)"]),
        (lambda: nce_objective([0, math.nan], [0.5, 0.5], [0.5, 0.5], 1), ValueError, ["scores", "nan"]),
        (lambda: nce_objective([0, 0], [0.5, 0.5], [0.5, 0.5], 0), ValueError, ["k", "0"]),
        (lambda: nce_objective([0, 0], [0.5, 0.5], [0.5, 0.5], 1.5), TypeError, ["k", "1.5"]),
        (lambda: nce_gradient([0, 0], [0.5, 0.5], mixed, 1, "stop"), ValueError, ["mode", "'stop'"]),
        (lambda: nce_gradient([0, 0], [0.5, 0.5], mixed, 1, "fixed"), TypeError, ["noise", "function"]),
        (lambda: nce_gradient([0, 0], [0.5, 0.5], lambda s: s, 1), ValueError, ["noise", "> 0"]),
        (lambda: fixed_point([1.0, 0.0], [0.5, 0.5], 1), ValueError, ["p_data", "> 0", "[1]"]),
        (lambda: fixed_point([0.5, 0.5], [0.5, 0.5], 1, start=[0.0]), ValueError, ["(1,)"]),
        (lambda: fixed_point([0.5, 0.5], [0.5, 0.5], 1, step=0), ValueError, ["step", "0"]),
        (lambda: fixed_point(P, UNIFORM, 1, max_steps=3), RuntimeError, ["3 steps", "stop_grad"]),
    ],
)
def test_bad_input_is_refused_by_name(call: Any, error: type[Exception], words: list[str]) -> None:
    with pytest.raises(error) as caught:
        call()
    assert all(word in str(caught.value) for word in words)
