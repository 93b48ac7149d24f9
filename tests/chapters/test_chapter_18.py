"""Chapter 18: its explainer against the library's losses and gradients, and its claims."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from nslab import info_nce_in_batch, sigmoid_loss
from nslab.explain import PairMatrix

KINDS = [3, 8, 3, 5, 3, 8, 1]
WORDS = ["drei", "eight", "trois", "cinco", "tre", "acht", "un"]
LOSSES = ["softmax", "sigmoid", "softmax, all that fit", "sigmoid, all that fit"]
N = len(KINDS)


def table(seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 1.6 * torch.rand(N, N, generator=generator, dtype=torch.float64) - 0.8


def scene(seed: int = 0, **more: Any) -> PairMatrix:
    return PairMatrix(table(seed), KINDS, WORDS, moved=1, **more)


def by_the_library(loss: str, scores: torch.Tensor, tau: float, bias: float) -> torch.Tensor:
    """The loss of the rows. With the unit vectors as keys, the scores are the queries."""
    keys, same = torch.eye(N, dtype=torch.float64), torch.tensor(KINDS)[:, None] == torch.tensor(KINDS)
    if loss == "softmax":
        return info_nce_in_batch(scores, keys, temperature=tau)
    if loss == "sigmoid":
        return sigmoid_loss(scores, keys, temperature=tau, bias=bias)
    if loss == "softmax, all that fit":
        each = [
            info_nce_in_batch(scores, keys, temperature=tau, positives=torch.full((N,), j), reduction="none")
            for j in range(N)
        ]
        return ((torch.stack(each, 1) * same).sum(1) / same.sum(1)).mean()
    return F.binary_cross_entropy_with_logits(scores / tau + bias, same.double(), reduction="sum") / N


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("tau", "s"), [(0.1, 0.0), (0.5, 0.9), (0.05, -1.0)])
def test_forces_are_the_gradients_of_the_library(loss: str, tau: float, s: float) -> None:
    result = scene().at(loss=loss, tau=tau, s=s)
    scores = table()
    scores[0, 1] = s
    scores.requires_grad_()
    total = by_the_library(loss, scores, tau, -10.0)
    total.backward()
    assert scores.grad is not None
    assert result.mean == pytest.approx(total.item(), rel=1e-9)
    assert result.forces == pytest.approx(tau * N * scores.grad.numpy(), abs=1e-9)


@pytest.mark.parametrize("loss", LOSSES)
def test_in_a_softmax_the_row_answers_and_in_a_sigmoid_only_the_cell(loss: str) -> None:
    (low, line), (high, sunk) = (
        (result.forces, result.curve / result.before)
        for result in (scene().at(loss=loss, tau=0.2, s=s) for s in (0.0, 0.9))
    )
    others = np.delete(np.arange(N), 1)
    assert (low[1:] == high[1:]).all(), "other rows never answer"
    assert high[0, 1] > low[0, 1]
    if loss.startswith("softmax"):
        assert (sunk < line).all(), "the whole line sinks"
        assert (high[0, others] < low[0, others]).all()
        assert np.abs(high.sum(1)).max() < 1e-12, "a row pushes as hard as it pulls"
        assert np.clip(high, 0, None).sum(1).max() <= 1
    else:
        assert (high[0, others] == low[0, others]).all() and (sunk == 1).all()


@pytest.mark.parametrize("loss", LOSSES)
def test_wrong_pictures_stand_on_the_curve(loss: str) -> None:
    explainer = scene()
    result = explainer.at(loss=loss, tau=0.3, s=0.25)
    at = np.linspace(-1, 1, 81)
    place = int(np.flatnonzero(np.isclose(at, 0.25))[0])
    assert result.curve[place] == pytest.approx(result.forces[0, 1], rel=1e-9)


def test_only_pairs_that_fit_are_pink_and_the_repair_pulls_them() -> None:
    explainer = scene()
    same = np.equal.outer(KINDS, KINDS)
    for loss in LOSSES:
        roles = np.array(explainer.scene(explainer.at(loss=loss, tau=0.5))["cells"]["role"])[N:].reshape(N, N)
        assert (roles[~same] == "negative").all() and (np.diag(roles) != "negative").all()
        off = same & ~np.eye(N, dtype=bool)
        if loss == "sigmoid, all that fit":
            assert (roles[same] == "positive").all()
        elif not loss.endswith("fit"):
            assert (roles[off] == "false_negative").all()


def test_a_softmax_that_pulls_all_may_still_push_one_that_is_ahead() -> None:
    """Two that fit share the target, so one with more than its half is pushed back."""
    scores = torch.tensor([[0.2, 0.0, 0.9], [0.0, 0.9, 0.0], [0.9, 0.0, 0.9]], dtype=torch.float64)
    explainer = PairMatrix(scores, [3, 8, 3], ["a", "b", "c"], moved=1)
    result = explainer.at(loss="softmax, all that fit", tau=0.1)
    assert result.forces[0, 2] > 0.4 and result.forces[0, 0] < -0.4


def test_the_marked_pair_starts_at_its_own_score() -> None:
    explainer = scene()
    assert explainer.values["s"] == pytest.approx(table()[0, 1].item(), abs=0.0126)
    assert scene(s=0.5).values["s"] == 0.5


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="scores must be"):
        PairMatrix(table()[:3], KINDS, WORDS, moved=1)
    with pytest.raises(ValueError, match="scores must be cosines, got 8"):
        PairMatrix(torch.full((N, N), 8.0), KINDS, WORDS, moved=1)
    with pytest.raises(ValueError, match="moved must be a picture that does not fit"):
        PairMatrix(table(), KINDS, WORDS, moved=2)
    with pytest.raises(ValueError, match="kinds must hold the first one twice"):
        PairMatrix(table(), range(N), WORDS, moved=1)
    with pytest.raises(ValueError, match="captions must be one for each of the 7 pairs, got 2"):
        PairMatrix(table(), KINDS, WORDS[:2], moved=1)


# --- what the prose says


def test_sharing_the_target_with_an_equal_caption_changes_nothing() -> None:
    """Two equal captions have equal rows, so it is masking them that makes a difference."""
    own, shared = torch.eye(4, dtype=torch.bool), torch.eye(4, dtype=torch.bool)
    shared[0, 1] = shared[1, 0] = True
    grads = []
    for fits in (own, shared):
        x = torch.randn(3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        x = x[[0, 0, 1, 2]].requires_grad_()
        rows = torch.where(fits, -x.log_softmax(1), 0).sum(1) / fits.sum(1)
        columns = torch.where(fits, -x.log_softmax(0), 0).sum(0) / fits.sum(0)
        (grad,) = torch.autograd.grad((rows + columns).sum(), x)
        grads.append(torch.stack([grad[0] + grad[1], grad[2], grad[3]]))  # of one caption, one text
    assert torch.allclose(*grads, atol=1e-12)


def test_the_worked_numbers() -> None:
    for a, expected in ((0.3, 0.016), (0.5, 0.009)):
        weights = np.exp(np.array([0.5, a, 0.1]) / 0.1)
        assert weights[2] / weights.sum() == pytest.approx(expected, abs=5e-4)
    assert 1 / (1 + np.exp(-(0.1 / 0.1 - 5))) == pytest.approx(0.018, abs=5e-4)


def test_a_clamp_inside_the_loss_cuts_the_gradient_and_one_after_the_step_does_not() -> None:
    for inside in (True, False):
        log_scale = torch.tensor(np.log(200.0), requires_grad=True)
        if not inside:
            log_scale.data.clamp_(max=np.log(100.0))
        scale = log_scale.exp().clamp(max=100.0) if inside else log_scale.exp()
        F.cross_entropy(scale * torch.tensor([[0.5, 0.6]], dtype=torch.float64), torch.tensor([0])).backward()
        assert log_scale.grad is not None
        assert (log_scale.grad == 0) == inside


def test_the_gradient_on_the_scores_grows_with_the_scale() -> None:
    """Where the softmax is far from the target: (p − target)/τ."""
    lengths = []
    for scale in (10.0, 100.0):
        scores = torch.tensor([[0.5, 0.9]], dtype=torch.float64, requires_grad=True)
        F.cross_entropy(scale * scores, torch.tensor([0])).backward()
        assert scores.grad is not None
        lengths.append(scores.grad.norm().item())
    assert 10 < lengths[1] / lengths[0] < 10.3
