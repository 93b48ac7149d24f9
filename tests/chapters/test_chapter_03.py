"""The numbers behind chapter 03's explainers, against plain loops, mpmath and autograd."""

import math

import mpmath
import numpy as np
import pytest
import torch

from nslab import datasets, explain, losses, mining, theory
from nslab.explain.effective_margin import SCORES
from nslab.explain.loss_family import LISTED, LOSSES
from nslab.explain.loss_family import SCORES as FAMILY
from nslab.explain.triplet_zones import EDGE, GRIP, SIDE

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
def family(digits):
    return explain.LossFamily(digits[2][:64])


@pytest.mark.parametrize(("m", "hand"), [(0.0, 0.0), (0.2, 1.14), (0.2, 2.2), (0.5, 2.06)])
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


def test_every_negative_that_brings_loss_has_the_same_slope(digits, zones):
    result = zones.at()
    d_ap = torch.tensor(result.d_ap, dtype=torch.float64, requires_grad=True)
    d_an = digits[1].clone().requires_grad_()
    losses.triplet_loss(d_ap.expand_as(d_an), d_an, margin=0.2, reduction="none").sum().backward()
    assert d_ap.grad is not None and d_an.grad is not None
    assert sorted(set(d_an.grad.tolist())) == [-1, 0]
    assert d_ap.grad == result.active == result.counts[:2].sum()
    assert f"{result.active} bring loss, each with the same push" in repr(zones)


def test_nothing_says_which_zone_is_semi_hard_before_the_reveal(zones):
    said = [zones._heading, repr(zones), *zones._stage.entries.values()]
    said += [panel.title for panel in zones._stage.panels.values()]
    said += [row["text"] for row in zones.scene(zones.at()).values() if "text" in row]
    assert not [text for text in said if "hard" in text or "easy" in text]


def test_the_start_shows_all_three_zones(zones):
    assert (zones.at().counts > 0).all()


def test_each_negative_stands_at_its_distance_clear_of_the_others(digits, zones):
    marks = zones._stage.marks
    places = torch.from_numpy(marks["negatives"].x + 1j * marks["negatives"].y)
    assert places.abs().numpy() == pytest.approx(digits[1].numpy())
    gaps = (places[:, None] - places).abs() + 9 * torch.eye(len(places))
    side = SIDE * 2 * EDGE
    assert gaps.min() > side / 2
    assert side <= 0.2, "a picture is no wider than the margin"
    lane = marks["negatives"].y[marks["negatives"].x > 0]
    assert (abs(lane) > GRIP + side).all(), "nothing hides the positive, and no knob hides a digit"
    for d, i in zip(digits[1].tolist(), marks["negatives"].which, strict=True):
        assert marks["negatives"].tips[i] == f"squared distance {d:.3g}"
    assert marks["positive"].tips[1] == f"squared distance {digits[0][0]:.3g}", "as given, not as ranked"
    scene = zones.scene(zones.at(m=0.5, d_ap=0.99))
    d_ap = zones.at(d_ap=0.99).d_ap
    for name, radius in (("outer", d_ap + 0.5), ("inner", d_ap)):
        assert np.hypot(scene[name]["x"], scene[name]["y"]) == pytest.approx(radius, abs=0.01)
    for name, radius in (("between", d_ap + 0.5), ("inside", d_ap)):
        assert np.hypot(scene[name]["x"], scene[name]["high"]) == pytest.approx(radius, abs=0.01)


@pytest.mark.parametrize(("k", "tau", "neg"), [(1, 0.07, 0.1), (256, 0.01, -0.3), (4096, 0.09, 0.3)])
def test_the_margin_curves(k, tau, neg):
    result = explain.EffectiveMargin(tau).at(k=k, pos=0.45, neg=neg)
    t, b = mpmath.mpf(tau), mpmath.mpf(neg)
    for pos, height in zip(SCORES.tolist(), result.curve, strict=True):
        assert height == pytest.approx(float(t * mpmath.log1p(k * mpmath.exp((b - pos) / t))), rel=1e-12)
    assert result.threshold - result.neg == pytest.approx(result.margin, abs=1e-15)
    assert result.margin == pytest.approx(tau * math.log(k), rel=1e-14)

    at = torch.cat([SCORES, torch.tensor([0.45], dtype=torch.float64)]).requires_grad_()
    negatives = torch.full((len(at), k), neg, dtype=torch.float64)
    each = losses.info_nce(at, negatives, temperature=tau, reduction="none")
    each.sum().backward()
    assert at.grad is not None
    assert result.curve == pytest.approx((tau * each[:-1].detach()).numpy(), rel=1e-12)
    assert result.pulls == pytest.approx((-tau * at.grad[:-1]).numpy(), rel=1e-9)
    assert result.loss == pytest.approx(each[-1].item(), rel=1e-12)
    assert result.pull == pytest.approx(-tau * at.grad[-1].item(), rel=1e-9)


def test_at_the_threshold_half_the_pull_is_left():
    explainer = explain.EffectiveMargin(k=255)
    threshold = explainer.at().threshold
    result = explainer.compute(255, threshold, 0.1)
    assert result.pull == pytest.approx(0.5, abs=1e-14)
    assert explain.EffectiveMargin().at().pull > 0.9, "the start does not answer the chapter's question"


def test_the_loss_that_is_said_is_the_height_of_the_handle():
    explainer = explain.EffectiveMargin()
    result = explainer.at()
    assert result.k == 255, "as in the chapter's prediction"
    scene = explainer.scene(result)
    height = scene["here"]["y"]
    assert height == pytest.approx(np.interp(result.pos, SCORES, result.curve), abs=1e-3)
    assert f"τ · loss = {height:.4g}" in repr(explainer)
    assert "ln K" not in f"{explainer._heading} {explainer._stage.entries} {scene} {explainer!r}"


def test_loss_and_pull_start_at_zero():
    panels = explain.EffectiveMargin()._stage.panels
    assert {panel.y.low for panel in panels.values()} == {0}


def test_moving_every_score_moves_the_threshold_and_nothing_else():
    explainer = explain.EffectiveMargin()
    low, high = explainer.at(pos=0.1, neg=-0.3), explainer.at(pos=0.7, neg=0.3)
    assert high.threshold - low.threshold == pytest.approx(0.6)
    assert high.margin == low.margin
    assert high.loss == pytest.approx(low.loss, rel=1e-12)
    assert high.pull == pytest.approx(low.pull, rel=1e-12)


@pytest.mark.parametrize(("loss", "tau"), [("InfoNCE", 0.01), ("InfoNCE", 0.1), ("N-pair", 1.0)])
@pytest.mark.parametrize("k", [2, 64, 256])
def test_one_score_stands_for_all(digits, loss, tau, k):
    scores = digits[2][:k]
    result = explain.LossFamily(scores).at(loss=loss, tau=tau if loss == "InfoNCE" else 0.01, pos=0.3)
    terms = [mpmath.exp(mpmath.mpf(s) / tau) for s in scores.tolist()]
    assert result.effective == pytest.approx(float(tau * mpmath.log(mpmath.fsum(terms) / k)), rel=1e-11)
    assert scores.mean() < result.effective < scores.max()
    assert result.margin == pytest.approx(tau * math.log(k), rel=1e-12)
    alike = theory.equal_negatives_loss(FAMILY, result.effective, tau, k)
    assert result.curve == pytest.approx((tau * alike).numpy(), rel=1e-10)
    for bound, sign in ((scores.mean().item(), 1), (scores.max().item(), -1)):
        if_all = (tau * theory.equal_negatives_loss(FAMILY, bound, tau, k)).numpy()
        assert (sign * (result.curve - if_all) > 0).all(), "between all at the mean and all at the hardest"
    at_threshold = losses.info_nce(result.threshold, scores, temperature=tau)
    assert at_threshold.item() == pytest.approx(math.log(2), rel=1e-12)


def test_beta_eff_falls_from_the_hardest_to_the_mean(digits, family):
    found = [family.at(tau=tau).effective for tau in family.controls["tau"].values]
    assert found == sorted(found, reverse=True)
    assert found[0] == pytest.approx(digits[2][:64].max().item(), abs=0.01 * math.log(64))
    assert found[-1] - digits[2][:64].mean().item() < 0.06


def test_without_spread_one_score_is_all_scores():
    result = explain.LossFamily([0.1] * 64).at()
    assert result.effective == pytest.approx(0.1, abs=1e-14)
    alike = theory.equal_negatives_loss(FAMILY, 0.1, 0.1, 64)
    assert result.curve == pytest.approx((0.1 * alike).numpy(), rel=1e-11)


def test_the_triplet_has_no_temperature_and_says_half_its_loss(family):
    said = family.summary(family.at(loss="triplet", pos=0.6))
    assert "τ" not in said and said.startswith("triplet, m = 0.2: ")
    assert "loss / 2 = 0.2449" in said


def test_areas_of_pull_and_push_have_one_scale(family):
    marks = family._stage.marks
    assert marks["positive"].scale == marks["negatives"].scale
    for loss in ("triplet", "BPR", "N-pair", "InfoNCE"):
        scene = family.scene(family.at(loss=loss))
        assert scene["positive"]["size"] == pytest.approx(scene["negatives"]["size"].sum(), abs=0.04)


def test_every_loss_is_drawn_once_and_says_where_half_of_its_pull_is_gone(family):
    for tau in (0.01, 0.1, 1.0):
        others = {name: family.at(loss=name, tau=tau) for name in LOSSES}
        pulls = {name: [family.compute(name, tau, pos).pull for pos in FAMILY.tolist()] for name in LOSSES}
        for loss, result in others.items():
            scene = family.scene(result)
            drawn = np.isfinite(scene["others"]["y"].reshape(len(LOSSES), -1)).any(1)
            assert [name for name, is_drawn in zip(LOSSES, drawn, strict=True) if not is_drawn] == [loss]
            assert scene["here"]["y"] == result.pull
            for name in LOSSES:
                assert result.asked[name] == others[name].threshold
                assert result.pulls[name] == pytest.approx(pulls[name], rel=1e-9)
            listed = " · ".join(scene[" ".join(line)]["text"] for line in LISTED.values()).split(" · ")
            assert {each.removeprefix("▸ ").split()[0] for each in listed} == set(LOSSES)
            for each in listed:
                name = each.removeprefix("▸ ").split()[0]
                assert each.startswith("▸") == (name == loss)
                assert ("never" in each) == (result.asked[name] > 1)


def test_no_cosine_ends_the_pull_of_n_pair(family):
    pulls = family.at().pulls
    assert pulls["N-pair"].min() > 0.9 and all(pulls[name][-1] <= 0.5 for name in LOSSES if name != "N-pair")


@pytest.mark.parametrize("pos", [0.0, 0.6, 0.84, 0.86])
def test_each_loss_pulls_and_pushes_as_its_gradient_does(digits, family, pos):
    scores = digits[2][:64].clone().requires_grad_()
    score = torch.tensor(pos, dtype=torch.float64, requires_grad=True)
    column = torch.cat([score[None], scores])[:, None]
    one = torch.ones(1, 1, dtype=torch.float64)
    found = {
        "triplet": (0.5, losses.triplet_loss(2 - 2 * score, 2 - 2 * scores.max(), margin=0.2)),
        "BPR": (0.1, losses.bpr_loss(score / 0.1, scores.max()[None] / 0.1)),
        "N-pair": (1.0, losses.info_nce(score, scores, temperature=1.0)),
        "InfoNCE": (0.1, losses.info_nce(score, scores, temperature=0.1)),
        "sigmoid": (0.1, losses.sigmoid_loss(one, column, temperature=0.1, bias=-10.0, reduction="sum")),
    }
    for name, (scale, loss) in found.items():
        pull, push = torch.autograd.grad(scale * loss, (score, scores))
        result = family.at(loss=name, pos=pos)
        assert result.pull == pytest.approx(-pull.item(), rel=1e-9)
        assert result.push == pytest.approx(push.numpy(), rel=1e-9, abs=1e-15)
        if name != "sigmoid":  # its negatives have terms of their own
            assert result.here == pytest.approx(scale * loss.item(), rel=1e-12)
            assert result.push.sum() == pytest.approx(result.pull), "the pushes add up to the pull"
        steps = np.gradient(result.curve, FAMILY.numpy())
        assert (steps < 1e-12).all() and (steps > -1 - 1e-12).all(), "the straight part falls with slope −1"


@pytest.mark.parametrize("tau", [0.01, 0.07, 1.0])
def test_info_nce_with_one_negative_is_bpr(tau):
    grid = torch.linspace(-1, 1, 9, dtype=torch.float64)
    pos, neg = grid[:, None].expand(9, 9), grid.expand(9, 9)[..., None]
    found = losses.info_nce(pos, neg, temperature=tau, reduction="none")
    bpr = losses.bpr_loss(pos / tau, neg / tau, reduction="none")
    softplus = torch.logaddexp((neg[..., 0] - pos) / tau, torch.zeros(()))
    assert found.numpy() == pytest.approx(bpr.numpy(), rel=1e-12)
    assert found.numpy() == pytest.approx(softplus.numpy(), rel=1e-9, abs=1e-15)


def test_bpr_has_the_margin_of_one_negative_and_the_threshold_at_its_score(family):
    result = family.at(loss="BPR", tau=0.05)
    assert (result.margin, result.threshold) == (0, family.at(loss="triplet").effective)


def test_half_of_the_pull_is_left_at_every_threshold(family):
    for loss in ("BPR", "N-pair", "InfoNCE", "sigmoid"):
        threshold = family.at(loss=loss, tau=0.05).threshold
        assert family.compute(loss, 0.05, threshold).pull == pytest.approx(0.5, abs=1e-12)
    triplet = family.at(loss="triplet")
    above, below = (family.compute("triplet", 0.1, triplet.threshold + step) for step in (1e-9, -1e-9))
    assert (above.pull, below.pull) == (0, 1)


def test_lmnn_and_facenet_differ_in_the_scale_of_their_margin_only(digits):
    """Both hinges take squared distances: a unit margin at one scale of the vectors is 0.2 at another."""
    d_ap, d_an = digits[0][:, None].expand(-1, 120), digits[1].expand(61, -1)
    facenet = losses.triplet_loss(d_ap, d_an, margin=0.2, reduction="none")
    lmnn = losses.triplet_loss(d_ap / 0.2, d_an / 0.2, margin=1.0, reduction="none")
    assert (0.2 * lmnn).numpy() == pytest.approx(facenet.numpy(), abs=1e-12)
    lead = losses.triplet_loss(d_ap / 2, d_an / 2, margin=0.1, reduction="none")  # 1 − cosine
    assert (2 * lead).numpy() == pytest.approx(facenet.numpy(), abs=1e-12)


def test_what_a_documentation_calls_semi_hard_brings_no_loss():
    d_an = torch.linspace(1.0, 2.0, 11, dtype=torch.float64)  # at least d(a,p) + m
    assert (losses.triplet_loss(torch.full_like(d_an, 0.5), d_an, margin=0.5, reduction="none") == 0).all()
    assert (
        mining.categorize(torch.full_like(d_an, 0.5), d_an, margin=0.5) == mining.ZONES.index("easy")
    ).all()


@pytest.mark.parametrize("k", [1, 255, 4095])
def test_a_margin_is_kept_by_keeping_tau_ln_k(k):
    tau = 0.07 * math.log(255) / math.log(k) if k > 1 else 0.07
    margin = theory.effective_margin(k, tau)
    assert margin == pytest.approx(0 if k == 1 else 0.07 * math.log(255), rel=1e-12)
    assert theory.equal_negatives_loss(0.1 + margin, 0.1, tau, k) == pytest.approx(math.log(2), rel=1e-9)


def test_cosines_cannot_reach_the_margin_of_n_pair():
    k = 28  # negatives of an anchor in the chapter's batches, on average
    assert math.log(k) > 2
    assert theory.equal_negatives_loss(1.0, -1.0, 1.0, k) > math.log(2)


def test_data_that_does_not_fit_is_refused(digits):
    d_ap, d_an, scores = digits
    with pytest.raises(ValueError, match="d_ap must be one row"):
        explain.TripletZones(d_ap[:0], d_an)
    with pytest.raises(ValueError, match="d_an must be one row"):
        explain.TripletZones(d_ap, d_an + 4)
    with pytest.raises(ValueError, match=r"names must show .* 182 in all, got 121"):
        explain.TripletZones(d_ap, d_an, names=["a digit"] * 121)
    with pytest.raises(ValueError, match="scores must be one row of 2 to 256 cosines"):
        explain.LossFamily(scores)
    with pytest.raises(ValueError, match=r"pictures must show .* 65 in all, got 64"):
        explain.LossFamily(scores[:64], pictures=[None] * 64)
    with pytest.raises(ValueError, match=r"temperature must lie between 0 and 0\.09, got 0.1"):
        explain.EffectiveMargin(0.1)
    with pytest.raises(ValueError, match="pictures must show the positive and a negative, got 1"):
        explain.EffectiveMargin(pictures=[None])
