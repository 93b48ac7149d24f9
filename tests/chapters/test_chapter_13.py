"""Chapter 13: what its explainers compute, against independent computations, and what its prose claims."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import hypergeom

from nslab import datasets, debiased_info_nce, decoupled_info_nce, false_negative_rate, info_nce_in_batch
from nslab.explain import DebiasedPush, SampledMetric
from nslab.explain.sampled_metric import credit

IMAGES, LABELS = datasets.digits()
f64 = torch.float64


def scores(seed: int, anchors: int = 6, k: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    pos = 0.3 + 0.7 * torch.rand(anchors, generator=generator, dtype=f64)
    return pos, 1.6 * torch.rand(anchors, k, generator=generator, dtype=f64) - 0.8


# --- the debiased loss


@pytest.mark.parametrize("rho", [0.0, 0.02, 0.1, 0.4])
@pytest.mark.parametrize("tau", [0.2, 0.5, 1.0])
def test_the_debiased_loss_is_infonce_with_another_constant(rho: float, tau: float) -> None:
    pos, neg = (s.numpy() for s in scores(0))
    k = neg.shape[1]
    x = np.exp((neg - pos[:, None]) / tau).sum(1)
    constant = np.maximum((x + 1 - rho * (k + 1)) / (1 - rho), 1 + k * np.exp(-(1 + pos) / tau))
    g = (np.exp(neg / tau).mean(1) - rho * np.exp(pos / tau)) / (1 - rho)  # as Chuang et al. write it
    paper = -np.log(np.exp(pos / tau) / (np.exp(pos / tau) + k * np.maximum(g, np.exp(-1 / tau))))
    library = debiased_info_nce(pos, neg, positive_rate=rho, temperature=tau, reduction="none").numpy()
    assert np.log(constant) == pytest.approx(paper, abs=1e-12)
    assert library == pytest.approx(paper, abs=1e-12)


def test_at_one_in_k_plus_one_it_is_the_decoupled_loss() -> None:
    pos, neg = scores(1)
    rate = 1 / (neg.shape[1] + 1)
    off = debiased_info_nce(pos, neg, positive_rate=rate, temperature=0.5, reduction="none")
    off = off - decoupled_info_nce(pos, neg, temperature=0.5, reduction="none")
    assert off.numpy() == pytest.approx(-np.log1p(-rate), abs=1e-12)
    other = debiased_info_nce(pos, neg, positive_rate=2 * rate, temperature=0.5, reduction="none")
    assert (other - decoupled_info_nce(pos, neg, temperature=0.5, reduction="none")).std() > 1e-4


@pytest.mark.parametrize(("tau", "rho"), [(0.5, 0.0), (0.5, 0.05), (0.2, 0.02), (0.3, 0.3)])
def test_pushes_against_the_closed_form(tau: float, rho: float) -> None:
    pos, neg = scores(2, anchors=20)
    false = neg > 0.5
    result = DebiasedPush(pos, neg, false).at(tau=tau, rho=rho)
    k = neg.shape[1]
    shares = torch.softmax(neg / tau, 1)
    x = ((neg - pos[:, None]) / tau).exp().sum(1)
    floor = (1 - rho) * k * (-(1 + pos) / tau).exp()
    expected = torch.where(x - k * rho > floor, x / (x + 1 - rho * (k + 1)), 0.0)
    order = (torch.softmax(neg / 0.2, 1) * false).sum(1).argsort(descending=True)
    assert result.debiased == pytest.approx(expected[order].numpy(), rel=1e-9)
    assert result.plain == pytest.approx((x / (1 + x))[order].numpy(), rel=1e-12)
    mine = (shares * false).sum(1)[order].numpy()
    assert result.plain_false == pytest.approx(mine, abs=1e-12)
    pushing = result.debiased > 0
    assert result.silent == (~pushing).sum()
    assert result.debiased_false[pushing] == pytest.approx(mine[pushing], abs=1e-12)
    assert np.isnan(result.debiased_false[~pushing]).all()


def test_just_above_the_floor_an_anchor_pushes_most() -> None:
    pos, neg = scores(3, anchors=300)
    result = DebiasedPush(pos, neg, neg > 0.5).at(tau=0.5, rho=0.3)
    assert 0 < result.silent < 300
    pushing = result.debiased > 0
    means = ((neg - pos[:, None]) / 0.5).exp().mean(1)
    means = means[(torch.softmax(neg / 0.2, 1) * (neg > 0.5)).sum(1).argsort(descending=True)].numpy()
    order = means[pushing].argsort()
    assert (np.diff(result.debiased[pushing][order]) < 0).all()
    assert result.debiased[pushing].min() > 1 > result.plain.max()
    assert means[~pushing].max() < means[pushing].min() + 0.15


@pytest.mark.parametrize(("tau", "rho"), [(0.5, 0.3), (0.3, 0.15), (0.2, 0.1)])
def test_the_floor_stops_the_push_and_not_the_pull(tau: float, rho: float) -> None:
    pos, neg = scores(8, anchors=200)
    explainer = DebiasedPush(pos, neg - 0.3, neg > 0.5)
    result = explainer.at(tau=tau, rho=rho)
    order = (torch.softmax((neg - 0.3) / 0.2, 1) * (neg > 0.5)).sum(1).argsort(descending=True)
    silent = result.debiased == 0
    on_the_floor = torch.sigmoid(np.log(neg.shape[1]) - (1 + pos) / tau)[order].numpy()
    assert silent.any() and result.pull[silent] == pytest.approx(on_the_floor[silent], rel=1e-9)
    assert result.pull[~silent] == pytest.approx(result.debiased[~silent], rel=1e-9), (
        "else as hard as the push"
    )


def test_anchors_without_push_pull_with_most_of_their_strength() -> None:
    """As in the chapter: K = 254, τ = 0.5.

    A positive of 0.86 is pulled with 0.86 of full strength on the floor.
    """
    pos = torch.tensor(0.86, dtype=f64, requires_grad=True)
    neg = torch.full((254,), -0.5, dtype=f64, requires_grad=True)
    loss = debiased_info_nce(pos, neg, positive_rate=0.3, temperature=0.5)
    pull, push = torch.autograd.grad(loss, (pos, neg))
    assert not push.any() and -0.5 * pull.item() == pytest.approx(0.86, abs=0.005)


def test_pi_scales_all_arrows_of_an_anchor_by_one_factor() -> None:
    pos, neg = scores(5, anchors=8)
    explainer = DebiasedPush(pos, neg, neg > 0.5, tau=0.5)
    order = (torch.softmax(neg / 0.2, 1) * (neg > 0.5)).sum(1).argsort(descending=True)
    for anchor in (1, 8):
        result = explainer.at(rho=0.02, anchor=str(anchor))
        row = order[anchor - 1]
        weights = ((neg[row] - pos[row]) / 0.5).exp()
        assert result.plain_each == pytest.approx((weights / (1 + weights.sum())).numpy(), rel=1e-9)
        ratio = result.debiased_each / result.plain_each
        x = weights.sum().item()
        assert ratio == pytest.approx((1 + x) / (x + 1 - 0.02 * 41), rel=1e-9)
        frame = explainer.scene(result)
        near = neg[row].argsort(descending=True)[:36].tolist()
        assert frame["negatives"]["which"].tolist() == [8 + i for i in near]
        assert frame["pushes"]["width"] / frame["pushes"]["width"][0] == pytest.approx(
            (weights[near] / weights[near[0]]).numpy(), rel=1e-6
        )


def test_only_anchors_without_push_stand_at_none_and_tips_say_the_push() -> None:
    pos, neg = scores(7, anchors=60)
    explainer = DebiasedPush(pos, neg - 0.5, neg > 0.5)
    for tau, rho in ((0.1, 0.0), (0.1, 0.1), (0.5, 0.3)):
        result = explainer.at(tau=tau, rho=rho)
        frame = explainer.scene(result)
        y = frame["anchors"]["y"]
        assert ((y == 0.2) == (result.debiased == 0)).all()
        assert (y[result.debiased > 0] >= 0.4).all() and (frame["plain"]["y"] >= 0.4).all() and y.max() <= 60
        assert frame["anchors"]["value"].tolist() == result.debiased.tolist()
    assert explainer.at(tau=0.1).plain.min() < 0.2, "InfoNCE always pushes, however little"


def test_every_anchor_of_the_chapter_can_be_chosen_and_no_other() -> None:
    pos, neg = scores(6)
    explainer = DebiasedPush(pos, neg, neg > 0.5)
    assert explainer.controls["anchor"].values == ["1", "2", "3", "4", "5", "6"]
    with pytest.raises(ValueError, match="anchor must be one of"):
        explainer.at(anchor="7")


def test_debiased_push_refuses_other_shapes() -> None:
    pos, neg = scores(4)
    for args in ((pos, neg.T, neg.T > 0), (pos, neg, neg[0] > 0), (neg, neg, neg > 0)):
        with pytest.raises(ValueError, match="pos, neg and false"):
            DebiasedPush(*args)
    with pytest.raises(ValueError, match="names must show 6 anchors and 40 negatives, got 2"):
        DebiasedPush(pos, neg, neg > 0, names=["a", "b"])


# --- the sampled hit rate


@pytest.mark.parametrize(("items", "m", "k"), [(8, 3, 2), (7, 1, 1), (9, 8, 4), (6, 2, 5)])
def test_credit_against_every_sample(items: int, m: int, k: int) -> None:
    samples = list(itertools.combinations(range(1, items), m))  # the other items, the best first
    for rank in range(1, items + 1):
        hits = np.mean([sum(other < rank for other in sample) < k for sample in samples])
        assert credit(k, m, items)[-1][rank - 1] == pytest.approx(hits, abs=1e-12)


@pytest.mark.parametrize(
    ("items", "m", "k"), [(1385, 100, 10), (1385, 1384, 60), (1385, 700, 1), (40, 3, 20)]
)
def test_credit_against_scipy(items: int, m: int, k: int) -> None:
    found = credit(k, m, items)
    for places in {1, k}:
        expected = hypergeom.cdf(places - 1, items - 1, np.arange(items), m)
        assert found[places - 1] == pytest.approx(expected, abs=1e-9)


def test_the_ends_are_the_exact_rate_and_the_auc() -> None:
    ranks = torch.randint(1, 301, (500,), generator=torch.Generator().manual_seed(0))
    metric = SampledMetric({"a": ranks, "b": 301 - ranks}, items=300)
    whole = metric.at(m=299, k=7)
    assert whole.here["a"] == pytest.approx((ranks <= 7).double().mean().item(), abs=1e-9)
    assert whole.exact == pytest.approx(whole.here, abs=1e-9)
    auc = 1 - (ranks.double() - 1).mean().item() / 299
    assert metric.at(m=1, k=1).here == pytest.approx({"a": auc, "b": 1 - auc}, abs=1e-9)


def test_the_item_of_the_picture_stands_where_the_sample_puts_it() -> None:
    ranks = torch.arange(1, 201)
    metric = SampledMetric({"a": ranks, "b": 201 - ranks}, items=200, names=[f"word {i}" for i in range(200)])
    for m, rank in ((1, 1), (30, 77), (199, 200), (199, 12)):
        result = metric.at(m=m, k=5, rank=rank)
        assert len(set(result.sample.tolist())) == result.m + 1 == m + 1
        assert result.sample[result.place - 1] == rank and (np.diff(result.sample) > 0).all()
        assert result.credit[rank - 1] == pytest.approx(hypergeom.cdf(4, 199, rank - 1, result.m), abs=1e-9)
    few, more = (set(metric.at(m=m, rank=77).sample.tolist()) for m in (10, 30))
    assert few < more, "what was drawn stays when more are drawn"
    assert metric.controls["rank"].values[-1] == 200 and metric.controls["m"].values[-1] == 199
    with pytest.raises(ValueError, match="m must lie between 1 and 199, got 200"):
        metric.at(m=200)
    with pytest.raises(ValueError, match="rank must lie between 1 and 200, got 201"):
        metric.at(rank=201)
    with pytest.raises(ValueError, match="names must be as many as items, 200, got 1"):
        SampledMetric({"a": ranks, "b": ranks}, items=200, names=["word"])


def test_the_sample_of_the_picture_is_typical() -> None:
    metric = SampledMetric({"a": [1, 2], "b": [2, 1]}, items=3348)
    for rank in (1, 10, 206, 3000):
        for m in (10, 100, 2000):
            result = metric.at(m=m, rank=rank)
            assert abs(result.place - (1 + (rank - 1) * m / 3347)) < 2


def test_two_rankers_change_places_and_more_draws_do_not_help() -> None:
    sharp = torch.tensor([1, 2, 3] * 10 + [900] * 70)  # three in ten at the very top, the rest far down
    even = torch.full((100,), 40)
    metric = SampledMetric({"even": even, "sharp": sharp}, items=1000)
    here = metric.at(m=100, k=10).here
    exact = metric.at(m=100, k=10).exact
    assert exact == pytest.approx({"sharp": 0.3, "even": 0})
    assert here["even"] > 0.9 > 0.5 > here["sharp"]
    frame = metric.scene(metric.at(m=100, k=10))
    assert frame["exact"]["value"].tolist() == [0, pytest.approx(0.3)] and frame["exact"]["x"][0] == 0.001
    assert frame["sampled"]["x"] == pytest.approx([here["even"], here["sharp"]])
    generator = torch.Generator().manual_seed(1)
    drawn = [(torch.randperm(999, generator=generator)[:100] < 39).sum() < 10 for _ in range(2000)]
    assert np.mean(drawn) == pytest.approx(here["even"], abs=0.02)


@pytest.mark.parametrize(
    ("ranks", "word"),
    [
        ({"a": [1, 2]}, "2 to 4"),
        ({"a": [1, 2], "b": [0, 1]}, "ranks\\['b'\\]"),
        ({"a": [1], "b": [11]}, "ranks\\['b'\\]"),
    ],
)
def test_sampled_metric_refuses(ranks: dict[str, list[int]], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        SampledMetric(ranks, items=10)


# --- images


def test_a_low_temperature_pushes_the_anchors_own_digit() -> None:
    rows = torch.randperm(1797, generator=torch.Generator().manual_seed(7))[:512]
    x, y = F.normalize(IMAGES[rows], dim=1), LABELS[rows]
    shares = []
    for tau in (1, 0.1, 0.07, 0.05, 0.02):
        weights = ((x @ x.T).numpy() / tau - 1 / tau).astype(float)
        weights = np.exp(weights)
        np.fill_diagonal(weights, 0)
        same = (y[:, None] == y).numpy()
        shares.append(((weights * same).sum(1) / weights.sum(1)).mean())
        assert shares[-1] == pytest.approx(false_negative_rate(y, weights=weights).item(), abs=1e-12)
    assert shares == pytest.approx([0.11, 0.34, 0.47, 0.62, 0.91], abs=0.03)


def train(seed: int, tau: float, arm: str, steps: int = 100, b: int = 64) -> tuple[float, float, float]:
    """P@50 on held-out images, and the false negatives' share of the push before and after."""
    generator, x = torch.Generator().manual_seed(seed), IMAGES.float()
    order = torch.randperm(1797, generator=generator)
    inside, held_out = order[:1200], order[1200:]
    layers = [(torch.randn(64, m, generator=generator) / 8).requires_grad_() for m in (64, 16)]
    optimizer = torch.optim.Adam(layers, lr=1e-2)
    centred = F.normalize(x - x.mean(0), dim=1)

    def encode(x: torch.Tensor) -> torch.Tensor:
        return F.normalize((x @ layers[0]).relu() @ layers[1], dim=1)

    def share() -> float:
        z = encode(x[inside[:300]]).detach()
        return false_negative_rate(LABELS[inside[:300]], weights=((z @ z.T - 1) / tau).exp()).item()

    before = share()
    for _ in range(steps):
        batch = inside[torch.randperm(1200, generator=generator)[:b]]
        views = x[batch].repeat(2, 1)
        views = views * (torch.rand(views.shape, generator=generator) < 0.9)
        z = encode(views + 0.2 * torch.randn(views.shape, generator=generator))
        y, near = LABELS[batch], centred[batch] @ centred[batch].T
        same = y[:, None] == y
        other = near.masked_fill(same, -1)  # look-alikes of other digits
        leave = {
            "filter": near > near.quantile(0.9),
            "look-alikes": other > other.quantile(0.9),
            "oracle": same,
        }
        skip = torch.eye(b, dtype=torch.bool) | leave.get(arm, torch.tensor(False))
        pos = (z[:b] * z[b:]).sum(1).repeat(2)
        gaps = ((z @ z.T - pos[:, None]) / tau).masked_fill(skip.repeat(2, 2), -torch.inf).logsumexp(1)
        pi, k = 0.1 * (arm == "debiased"), 2 * b - 2
        above = (gaps.exp() + 1 - pi * (k + 1)) / (1 - pi)
        loss = torch.maximum(above, 1 + k * (-(1 + pos) / tau).exp()).log().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    z, y = encode(x[held_out]).detach(), LABELS[held_out]
    near = (z @ z.T).fill_diagonal_(-2).topk(50).indices
    return (y[near] == y[:, None]).double().mean().item(), before, share()


def test_the_share_rises_and_leaving_pairs_out_helps_more_than_debiasing() -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = {
            arm: [train(s, 0.1, arm) for s in (30,)]
            for arm in ("InfoNCE", "look-alikes", "debiased", "filter", "oracle")
        }
    finally:
        torch.set_num_threads(threads)
    for _, before, after in found["InfoNCE"]:
        assert 0.1 < before < 0.4 < 0.7 < after
    score = {arm: np.mean([run[0] for run in runs]) for arm, runs in found.items()}
    assert score["InfoNCE"] < score["debiased"] < score["filter"] < score["oracle"]
    assert score["look-alikes"] < score["InfoNCE"] < score["filter"] - 0.02


# --- search


def retrieve(holds: torch.Tensor, seed: int, corrected: bool) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(seed)
    half = torch.rand(holds.shape, generator=generator) < 0.5
    shown, hidden = holds & half, holds & ~half
    frequency = shown.sum(0).double()
    idf, log_q = (
        (len(holds) / frequency.clamp(min=1)).log(),
        (frequency.clamp(min=0.5) / frequency.sum()).log(),
    )
    queries, items = (
        (s * torch.randn(holds.shape[1], 16, generator=generator, dtype=f64)).requires_grad_()
        for s in (0.3, 0.1)
    )
    optimiser = torch.optim.Adam([queries, items], lr=0.02)
    inputs = [shown & (torch.rand(shown.shape, generator=generator) < 0.5) for _ in range(4)]
    for step in range(150):
        pairs = (shown & ~inputs[step % 4]).nonzero()
        report, word = pairs[torch.randint(len(pairs), (128,), generator=generator)].T
        query = F.normalize((inputs[step % 4][report] * idf) @ queries, dim=1)
        loss = info_nce_in_batch(
            query, items[word], temperature=1.0, log_q=log_q[word] if corrected else None
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    found = (F.normalize((shown * idf) @ queries, dim=1) @ items.T).detach()
    top = found.masked_fill(shown, -torch.inf).topk(20).indices
    return {
        "popularity": frequency[top].mean().item(),
        "hidden": frequency[hidden.nonzero()[:, 1]].mean().item(),
    }


def test_in_batch_lists_are_rarer_and_corrected_ones_more_frequent_than_the_hidden_words() -> None:
    reports = [set(report) for report in dict.fromkeys(datasets.lee())]
    times = Counter(word for report in reports for word in report)
    words = [w for w in datasets.lee_vocabulary(min_count=5).words if 5 <= times[w] <= 60]
    assert (len(reports), len(words)) == (293, 1385)
    holds = torch.tensor([[word in report for word in words] for report in reports])
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        plain, corrected = retrieve(holds, 40, False), retrieve(holds, 40, True)
    finally:
        torch.set_num_threads(threads)
    assert plain["popularity"] < 0.8 * plain["hidden"] < plain["hidden"] < 0.8 * corrected["popularity"]
