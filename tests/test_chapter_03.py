"""The numbers behind chapter 03's explainers, against plain loops, mpmath and autograd."""

import math

import mpmath
import numpy as np
import pytest
import torch

from nslab import datasets, explain, losses
from nslab.explain.effective_margin import ALPHAS, SPARSE

ANCHOR = 3


@pytest.fixture(autouse=True, scope="module")
def forty_digits():
    with mpmath.workdps(40):
        yield


@pytest.fixture(scope="module")
def digits():
    embeddings, labels = datasets.digit_embeddings()
    squared = (embeddings - embeddings[ANCHOR]).square().sum(-1)
    same = labels == labels[ANCHOR]
    nearest = squared[~same][:300].sort().values[:120]
    return squared[same][1:62], nearest, (embeddings @ embeddings[ANCHOR])[~same]


@pytest.fixture(scope="module")
def zones(digits):
    return explain.TripletZones(*digits[:2])


@pytest.fixture(scope="module")
def unequal(digits):
    return explain.UnequalNegatives(digits[2])


@pytest.mark.parametrize(("m", "hand"), [(0.0, 0.0), (0.2, 1.14), (0.2, 2.4), (1.0, 2.1)])
def test_zones_count_what_a_plain_loop_counts(digits, zones, m, hand):
    d_ap, d_an = min(digits[0].tolist(), key=lambda d: abs(d - hand)), digits[1].tolist()
    active = [max(0.0, d_ap + m - d) for d in d_an]
    hard = sum(d <= d_ap for d in d_an)
    easy = sum(d >= d_ap + m and d > d_ap for d in d_an)
    result = zones.at(m=m, d_ap=hand)
    assert (result.d_ap, result.edge) == (d_ap, d_ap + m)
    assert sorted(digits[0].tolist())[result.positive] == d_ap
    assert result.counts.tolist() == [hard, len(d_an) - hard - easy, easy]
    assert result.loss.sum() == pytest.approx(math.fsum(active), abs=1e-12)
    from_hard = math.fsum(loss for loss, d in zip(active, d_an, strict=True) if d <= d_ap)
    assert result.loss_shares[0] == pytest.approx(from_hard / (math.fsum(active) or 1))
    assert result.loss_shares[2] == 0


def test_the_start_shows_all_three_zones(zones):
    assert (zones.at().counts > 0).all()


def test_each_negative_stands_at_its_distance_clear_of_the_others(digits, zones):
    marks = zones._stage.marks
    places = torch.from_numpy(marks["negatives"].x + 1j * marks["negatives"].y)
    assert places.abs().numpy() == pytest.approx(digits[1].numpy())
    gaps = (places[:, None] - places).abs() + 9 * torch.eye(len(places))
    assert gaps.min() > 0.12, "half of a picture, of a side of 0.05 times 4.8"
    lane = marks["negatives"].y[marks["negatives"].x > 0]
    assert (abs(lane) > 0.4).all(), "nothing hides the positive"
    scene = zones.scene(zones.at(m=0.5, d_ap=0.99))
    ring = np.hypot(scene["outer"]["x"], scene["outer"]["y"])
    assert ring == pytest.approx(zones.at(d_ap=0.99).d_ap + 0.5, abs=0.01)


@pytest.mark.parametrize(("k", "tau", "beta"), [(1, 0.07, 0.1), (256, 0.01, -0.3), (4096, 0.16, 0.3)])
def test_the_margin_curves(k, tau, beta):
    result = explain.EffectiveMargin().at(k=k, tau=tau, beta=beta)
    t, b = mpmath.mpf(tau), mpmath.mpf(beta)
    for alpha, exact in zip(SPARSE.tolist(), result.exact, strict=True):
        assert exact == pytest.approx(float(t * mpmath.log1p(k * mpmath.exp((b - alpha) / t))), rel=1e-12)
    assert result.soft[::10] == pytest.approx(result.exact, rel=1e-12)
    assert result.threshold - result.beta == pytest.approx(result.margin, abs=1e-15)
    assert result.margin == pytest.approx(tau * math.log(k), rel=1e-14)

    alphas = ALPHAS.clone().requires_grad_()
    negatives = torch.full((len(ALPHAS), k), beta, dtype=torch.float64)
    losses.info_nce(alphas, negatives, temperature=tau, reduction="sum").backward()
    assert alphas.grad is not None
    assert result.pull == pytest.approx((-tau * alphas.grad).numpy(), rel=1e-9)


def test_moving_every_score_moves_the_threshold_and_nothing_else():
    explainer = explain.EffectiveMargin()
    low, high = explainer.at(beta=-0.3), explainer.at(beta=0.3)
    assert high.threshold - low.threshold == pytest.approx(0.6)
    assert high.margin == low.margin
    assert high.loss == pytest.approx(low.loss, rel=1e-12)
    assert high.line == pytest.approx(low.line, abs=1e-12)
    assert high.pull_here == pytest.approx(low.pull_here, rel=1e-12)


@pytest.mark.parametrize(("tau", "k"), [(0.01, 1024), (0.1, 256), (0.3, 2)])
def test_one_score_stands_for_all(digits, unequal, tau, k):
    result = unequal.at(tau=tau, k=k, spread=1.0)
    terms = [mpmath.exp(mpmath.mpf(s) / tau) for s in digits[2][:k].tolist()]
    assert result.effective == pytest.approx(float(tau * mpmath.log(mpmath.fsum(terms) / k)), rel=1e-11)
    assert result.mean < result.effective < result.hardest
    assert result.middle[::4] == pytest.approx(result.exact, rel=1e-10)
    assert (result.lower < result.middle).all() and (result.middle < result.upper).all()
    assert (result.curve[:-1] >= result.curve[1:]).all(), "β_eff falls from the hardest to the mean"
    at_threshold = losses.info_nce(result.threshold, digits[2][:k], temperature=tau)
    assert at_threshold.item() == pytest.approx(math.log(2), rel=1e-12)


def test_without_spread_all_curves_are_one(unequal):
    result = unequal.at(spread=0.0)
    assert result.effective == pytest.approx(result.mean, abs=1e-14)
    for curve in (result.lower, result.middle, result.upper):
        assert curve[::4] == pytest.approx(result.exact, rel=1e-11)


def test_data_that_does_not_fit_is_refused(digits):
    d_ap, d_an, scores = digits
    with pytest.raises(ValueError, match="d_ap must be one row"):
        explain.TripletZones(d_ap[:0], d_an)
    with pytest.raises(ValueError, match="d_an must be one row"):
        explain.TripletZones(d_ap, d_an + 4)
    with pytest.raises(ValueError, match=r"names must show .* 182 in all, got 121"):
        explain.TripletZones(d_ap, d_an, names=["a digit"] * 121)
    with pytest.raises(ValueError, match="scores must be one row of at least 1024 cosines"):
        explain.UnequalNegatives(scores[:1000])
