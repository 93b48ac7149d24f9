"""Chapter 01: what its explainers compute, against independent computations, and what its prose claims."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from nslab import datasets, info_nce
from nslab.explain import PullAndPush
from nslab.explain.pull_and_push import forces, moved, right, trained


@pytest.fixture(scope="module")
def circle() -> PullAndPush:
    images, labels = datasets.digits()
    three = torch.isin(labels, torch.tensor([0, 3, 6])).nonzero().ravel()
    three = three[torch.randperm(len(three), generator=torch.Generator().manual_seed(0))][:140]
    return PullAndPush(images[three], labels[three])


# --- pull and push


def test_means_are_what_the_points_say(circle: PullAndPush) -> None:
    run = circle.at(step=37, push=0.6).both
    x, n = run.points, len(run.points)
    assert np.linalg.norm(x, axis=1) == pytest.approx(np.ones(n), abs=1e-12)
    cosines = [x[i] @ x[j] for i in range(n) for j in range(n) if i != j]
    assert run.others == pytest.approx(np.mean(cosines), rel=1e-10)


def test_both_runs_start_alike_and_one_of_them_only_pulls(circle: PullAndPush) -> None:
    start, later = circle.at(step=0, push=0.6), circle.at(step=37, push=0.6)
    assert (start.alone.points == start.both.points).all()
    assert (later.alone.points == circle.at(step=37, push=0.0).both.points).all()
    assert not later.alone.push.any() and later.both.push.any()


@pytest.mark.parametrize("weight", [0.0, 0.4, 1.0])
def test_forces_are_minus_the_slopes_of_the_loss_along_the_circle(weight: float) -> None:
    g = torch.Generator().manual_seed(1)
    angle, other = (2 * math.pi * torch.rand(30, generator=g, dtype=torch.float64) for _ in range(2))
    points, copies = (torch.stack([a.cos(), a.sin()], -1) for a in (angle.requires_grad_(), other))
    scores = points @ copies.mT / 0.2
    (pull,) = torch.autograd.grad(-scores.diagonal().sum(), angle, retain_graph=True)
    (push,) = torch.autograd.grad(weight * scores.logsumexp(-1).sum(), angle)
    found = forces(points.detach(), copies, weight)
    assert torch.allclose(found[0], -pull, atol=1e-12) and torch.allclose(found[1], -push, atol=1e-12)


def test_a_digit_held_elsewhere_feels_other_forces_and_lets_go(circle: PullAndPush) -> None:
    rest = circle.at(step=20, push=1.0)
    held = circle.pulled(
        "both", 30, 0.5, -3.0, step=20, push=1.0
    )  # below the middle of the panel, which is 0.5, 0.5
    assert held.both.points[30] == pytest.approx([0, -1]) and held.forced[0] == 30
    assert (np.delete(held.both.points, 30, 0) == np.delete(rest.both.points, 30, 0)).all()
    changed = np.flatnonzero(held.both.pull != rest.both.pull).tolist()
    assert changed == np.flatnonzero(held.both.push != rest.both.push).tolist() == [30]
    assert (held.alone.points == rest.alone.points).all()
    assert (circle.at(step=20, push=1.0).both.points == rest.both.points).all()


def test_arrows_point_along_the_circle_as_long_as_their_force(circle: PullAndPush) -> None:
    result = circle.at(step=2, push=1.0)
    arrows = circle.scene(result)["both_push"]
    way = np.stack([arrows["x2"] - arrows["x"], arrows["y2"] - arrows["y"]], -1)
    x, y = result.both.points[result.forced].T
    assert way[:, 0] * x + way[:, 1] * y == pytest.approx(np.zeros(len(x)), abs=1e-12)
    assert way[:, 1] * x - way[:, 0] * y == pytest.approx(
        0.05 * result.both.push[result.forced], abs=0.05 / 16
    )


@pytest.mark.parametrize("push", [0.37, 1.0])
def test_a_step_of_training_follows_the_slope_of_the_loss(push: float) -> None:
    """One step of the encoder, against numpy and slopes by finite differences."""
    x = np.random.default_rng(0).random((20, 64))
    images = torch.from_numpy(x)
    path = trained(images, images, [push], torch.Generator().manual_seed(3))[0].numpy()

    g = torch.Generator().manual_seed(3)
    last = torch.randn(16, 2, generator=g, dtype=torch.float64).numpy() / 4
    views = [moved(images, g).numpy() - x.mean(0) for _ in range(2)]
    first = np.linalg.svd(x - x.mean(0), full_matrices=False)[2][:16].T
    first = 0.7 * first * np.sign(first[np.abs(first).argmax(0), np.arange(16)])

    def encode(z: np.ndarray, weights: np.ndarray, bias: np.ndarray, out: np.ndarray) -> np.ndarray:
        h = np.tanh(z @ weights + bias[:16]) @ out + bias[16:]
        return h / np.linalg.norm(h, axis=1, keepdims=True)

    def loss(theta: np.ndarray) -> float:
        parts = theta[:1024].reshape(64, 16), theta[1024:1042], theta[1042:].reshape(16, 2)
        s = encode(views[0], *parts) @ encode(views[1], *parts).T / 0.2
        return float(np.mean(push * np.log(np.exp(s).sum(1)) - np.diag(s)))

    start = np.concatenate([first.ravel(), np.zeros(18), last.ravel()])
    slope = np.zeros_like(start)
    for i in range(len(start)):
        e = np.zeros_like(start)
        e[i] = 1e-6
        slope[i] = (loss(start + e) - loss(start - e)) / 2e-6
    after = start - 0.4 * slope
    now = encode(x - x.mean(0), after[:1024].reshape(64, 16), after[1024:1042], after[1042:].reshape(16, 2))
    assert path[1] == pytest.approx(now, abs=1e-6)


def test_moved_shifts_by_at_most_a_pixel_and_loses_what_leaves() -> None:
    image = torch.zeros(200, 64, dtype=torch.float64)
    image[:, 3 * 8 + 4] = 1
    places = {int(row.argmax()) for row in moved(image, torch.Generator().manual_seed(0))}
    assert places == {(3 + i) * 8 + 4 + j for i in (-1, 0, 1) for j in (-1, 0, 1)}
    corner = torch.zeros(200, 64, dtype=torch.float64)
    corner[:, 0] = 1
    left = moved(corner, torch.Generator().manual_seed(0)).sum(1)
    assert set(left.tolist()) == {0.0, 1.0}


def test_right_is_the_vote_of_five() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.random((40, 2)), rng.integers(0, 3, 40)
    votes = right(torch.from_numpy(x), torch.from_numpy(y)).tolist()
    for i in range(40):
        near = [j for j in np.argsort(np.linalg.norm(x - x[i], axis=1)) if j != i][:5]
        assert votes[i] == (np.bincount(y[near], minlength=3).argmax() == y[i])


def test_pull_alone_collapses_and_the_push_keeps_apart(circle: PullAndPush) -> None:
    runs = [circle.at(step=step, push=1.0) for step in range(101)]
    assert runs[-1].alone.pairs > 0.999 and runs[-1].alone.others > 0.999
    assert max(run.alone.accuracy for run in runs[-10:]) < 0.5 < 0.7 < runs[0].alone.accuracy
    assert runs[-1].both.pairs > 0.9 and runs[-1].both.others < 0.4
    assert min(run.both.accuracy for run in runs[-10:]) > 0.9


def test_the_push_cancels_in_a_crowd_and_is_longest_beside_a_gap(circle: PullAndPush) -> None:
    def push(degrees: float) -> float:  # on a digit held there, counter-clockwise
        x, y = (0.5 + f(math.radians(degrees)) / 2 for f in (math.cos, math.sin))
        return circle.pulled("both", 5, x, y, step=0, push=1.0).both.push[5]

    points = np.delete(circle.at(step=0, push=1.0).both.points, 5, 0)
    angle = np.degrees(np.arctan2(points[:, 1], points[:, 0]))

    def crowd(degrees: float) -> int:
        return int((np.abs((angle - degrees + 180) % 360 - 180) <= 15).sum())

    assert crowd(310) <= 2 and min(crowd(150), crowd(160), crowd(170)) >= 9
    forces = {degrees: push(degrees) for degrees in range(0, 360, 10)}
    assert max(abs(forces[degrees]) for degrees in (150, 160, 170)) < 0.3
    assert max(forces, key=forces.__getitem__) == 290 and min(forces, key=forces.__getitem__) == 340
    assert forces[290] > 1.8 and forces[340] < -1.9  # both towards the gap between them


def test_only_the_whole_push_improves_on_the_start(circle: PullAndPush) -> None:
    votes = {push: circle.at(step=100, push=push).both.accuracy for push in (0.0, 0.2, 0.5, 1.0)}
    start = circle.at(step=0).both.accuracy
    assert start == pytest.approx(0.78, abs=0.005)
    assert votes[0.0] < votes[0.2] < start - 0.1 and votes[0.5] <= start
    assert votes[1.0] == pytest.approx(0.97, abs=0.005)


def test_the_start_does_not_say_which_circle_fares_better(circle: PullAndPush) -> None:
    start = circle.at()
    assert start.step == 0 and start.alone.accuracy == start.both.accuracy


def test_where_the_digits_lie_needs_no_error_of_the_places(circle: PullAndPush) -> None:
    """The answer to the prediction is true of the exact points.

    All lie in one place: within 4 degrees of their mean.
    """
    points = circle.at(step=100, push=1.0).alone.points
    mean = points.mean(0) / np.linalg.norm(points.mean(0))
    assert (points @ mean).min() > math.cos(math.radians(4))


def test_the_verdict_of_guessing_needs_the_error_of_the_places(circle: PullAndPush) -> None:
    last = circle.at(step=100, push=1.0)
    assert last.alone.accuracy < 0.4 < 0.5 < last.alone.exact
    assert last.alone.exact == pytest.approx(0.55, abs=0.005)
    assert last.alone.accuracy == pytest.approx(0.37, abs=0.005)
    votes = right(torch.from_numpy(last.alone.points), circle._labels)
    assert last.alone.exact == pytest.approx(votes.double().mean().item())


def test_the_wrongly_voted_lie_over_the_others(circle: PullAndPush) -> None:
    result = circle.at(step=40, push=0.5)
    scene, marks = circle.scene(result), list(circle.stage().marks)
    for name, run in (("alone", result.alone), ("both", result.both)):
        assert marks.index(name) < marks.index(f"{name}_wrong")
        assert (np.isfinite(scene[f"{name}_wrong"]["x"]) == ~run.right).all()
    held = circle.pulled("both_wrong", 7, 0.5, -3.0, step=40, push=0.5)
    assert held.both.points[7] == pytest.approx([0, -1])


def test_the_collapse_is_seen_within_three_seconds(circle: PullAndPush) -> None:
    """▶ makes some 17 steps a second."""
    start, soon = (circle.at(step=step, push=1.0) for step in (2, 50))
    assert start.alone.others < 0.7 and start.both.others < start.alone.others - 0.2
    assert soon.alone.others > 0.99 and soon.both.others < 0.5


def test_pull_and_push_refuses_what_does_not_fit() -> None:
    images, labels = datasets.digits()
    with pytest.raises(ValueError, match=r"images must be \(140, 64\), got \(139, 64\)"):
        PullAndPush(images[:139], labels[:139])
    with pytest.raises(ValueError, match=r"labels must be one per image, got shape \(139,\)"):
        PullAndPush(images[:140], labels[:139])
    with pytest.raises(ValueError, match=r"images must lie in \[0, 1\], got 5.0 at index"):
        PullAndPush(16 * images[:140], labels[:140])
    with pytest.raises(ValueError, match="labels"):
        PullAndPush(images[:140], labels[:140] + 5)


# --- forces


@pytest.mark.parametrize("push", [0.0, 0.3, 1.0])
def test_forces_sum_to_minus_what_raising_all_scores_pays(push: float) -> None:
    s = torch.rand(65, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
    loss = -s[0] / 0.2 + push * torch.logsumexp(s / 0.2, 0)
    (slopes,) = torch.autograd.grad(loss, s)
    assert slopes.sum().item() == pytest.approx(-(1 - push) / 0.2, abs=1e-12)


def test_all_scores_alike_is_where_a_guesser_is() -> None:
    assert info_nce(1.0, [1.0] * 64, temperature=0.2).item() == pytest.approx(math.log(65), rel=1e-12)


def test_the_worked_number() -> None:
    weights = torch.softmax(torch.tensor([0.9, 0.5, 0.1], dtype=torch.float64) / 0.2, 0)
    assert weights.tolist() == pytest.approx([0.87, 0.12, 0.02], abs=0.005)
    assert [math.exp(s / 0.2) for s in (0.9, 0.5, 0.1)] == pytest.approx([90, 12.2, 1.65], abs=0.05)


# --- the cost of comparing with everything


def test_the_cost_of_a_pass_depends_on_the_pairs_and_memory_ends_first() -> None:
    n, d, flop_a_second, bytes_a_second, bytes_a_number = 10**9, 128, 1e15, 3e12, 2
    seconds = 2 * n * d / flop_a_second  # one anchor with all
    assert n * seconds / 86400 == pytest.approx(2.96, abs=0.005)  # one pair for each item
    assert 100 * n * seconds / 86400 == pytest.approx(296, abs=0.5)  # 100 pairs for each
    table = bytes_a_number * n * d
    assert table == 256e9
    assert table / bytes_a_second / seconds == pytest.approx(333, abs=0.5)  # anchors a batch
    assert (
        bytes_a_number * 4096 * n > 80e9 * 100
    )  # the scores of a batch against 80 GB: a hundred times as much


# --- what the prose says of real digits


def test_each_digit_has_another_digit_nearer_than_its_own_copy() -> None:
    images, labels = datasets.digits()
    x, y = images.numpy().reshape(-1, 8, 8), labels.numpy()
    copies = np.zeros_like(x)
    copies[:, :, 1:] = x[:, :, :-1]  # one pixel to the right
    unit = [z.reshape(-1, 64) / np.linalg.norm(z.reshape(-1, 64), axis=1, keepdims=True) for z in (x, copies)]
    own = (unit[0] * unit[1]).sum(1)
    other = np.where(y[:, None] == y, -1, unit[0] @ unit[0].T).max(1)
    assert (other > own).all()
