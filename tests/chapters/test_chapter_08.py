"""Chapter 08: what its explainers compute, against enumeration and sampling, and what its prose claims."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from nslab import datasets, info_nce
from nslab.explain import PooledProposal, ProposalGradient
from nslab.explain.proposal_gradient import LOGITS

P_D = np.array([0.40, 0.25, 0.20, 0.10, 0.05])


def softmax(scores: np.ndarray) -> np.ndarray:
    weights = np.exp(scores - scores.max())
    return weights / weights.sum()


def small(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    return generator.normal(size=(5, 3)), generator.normal(size=3) * 1.5


def draws(q: np.ndarray, k: int) -> Iterator[tuple[np.ndarray, float]]:
    """Every outcome of k draws and its chance."""
    for ids in itertools.product(range(len(q)), repeat=k):
        yield np.array(ids), float(np.prod(q[list(ids)]))


def slot_weights(logits: np.ndarray, target: int, ids: np.ndarray) -> np.ndarray:
    """Softmax weights of the K + 1 slots, the positive's first."""
    return softmax(logits[np.array([target, *ids])])


@pytest.mark.parametrize("corrected", [True, False])
@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
@pytest.mark.parametrize("k", [1, 2, 4])
def test_the_integrals_are_the_sums_over_all_draws(k: int, temperature: float, corrected: bool) -> None:
    items, anchor = small()
    target, false = 1, np.array([True, False, False, True, False])
    explainer = ProposalGradient(items, anchor, target, torch.from_numpy(false))
    scores = items @ anchor
    q = softmax(scores / temperature)
    logits = scores - np.log(q) if corrected else scores
    mean, square, on_false, on_true = np.zeros(3), 0.0, 0.0, 0.0
    for ids, chance in draws(q, k):
        weights = slot_weights(logits, target, ids)[1:]
        gradient = weights @ (items[ids] - items[target])
        mean, square = mean + chance * gradient, square + chance * gradient @ gradient
        on_false += chance * weights[false[ids]].sum()
        on_true += chance * weights[~false[ids] & (ids != target)].sum()
    full = softmax(scores) @ items - items[target]
    cosine = mean @ full / np.linalg.norm(mean) / np.linalg.norm(full)
    got = explainer.estimate(temperature, k, corrected=corrected)
    assert np.cos(np.deg2rad(got.angle)) == pytest.approx(min(cosine, 1), abs=1e-9)
    assert got.noise == pytest.approx(np.sqrt(square - mean @ mean) / np.linalg.norm(mean), rel=1e-4)
    assert got.length == pytest.approx(np.linalg.norm(mean) / np.linalg.norm(full), rel=1e-5)
    assert got.false_push == pytest.approx(on_false / (on_false + on_true), rel=1e-5)
    assert explainer.false_drawn(temperature) == pytest.approx(q[false].sum(), rel=1e-12)
    if k == 1:
        assert explainer.single(temperature, corrected=corrected) == pytest.approx(got, rel=1e-4, abs=1e-4)


def at_anchor(i: int) -> ProposalGradient:
    images, labels = datasets.digit_embeddings()
    others = (torch.arange(601) != i).nonzero().ravel()
    own = labels[others] == labels[i]
    target = int(own.nonzero()[1])
    own[target] = False
    return ProposalGradient(images[others], images[i] / 0.1, target, own)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_many_negatives_against_sampling(temperature: float) -> None:
    images, _ = datasets.digit_embeddings()
    explainer, items, anchor = at_anchor(0), images[1:601].numpy(), images[0].numpy() / 0.1
    scores, q = items @ anchor, explainer.proposal(temperature).numpy()
    ids = np.random.default_rng(0).choice(600, size=(4000, 40), p=q)
    odds = np.exp(scores - np.log(q) - (scores - np.log(q))[explainer.target])[ids]
    weights = odds / (1 + odds.sum(1, keepdims=True))
    gradients = np.einsum("bk,bkd->bd", weights, items[ids] - items[explainer.target])
    mean, full = gradients.mean(0), softmax(scores) @ items - items[explainer.target]
    got = explainer.estimate(temperature, 40)
    assert got.length == pytest.approx(np.linalg.norm(mean) / np.linalg.norm(full), abs=0.02)
    noise = np.sqrt(gradients.var(0).sum()) / np.linalg.norm(mean)
    assert got.noise == pytest.approx(noise, rel=0.03)


@pytest.mark.parametrize("k", [1, 5, 256])
def test_at_t_1_the_direction_is_exact_and_the_length_k_over_k_plus_1(k: int) -> None:
    got = at_anchor(3).estimate(1.0, k)
    assert got.angle == pytest.approx(0, abs=1e-4)
    assert got.length == pytest.approx(k / (k + 1), rel=1e-6)


def logits_of(corrected: bool) -> str:
    return LOGITS[0 if corrected else 1]


@pytest.mark.parametrize("corrected", [True, False])
def test_each_draw_has_the_gradient_of_the_loss_with_that_one_negative(corrected: bool) -> None:
    explainer = at_anchor(0)
    images, _ = datasets.digit_embeddings()
    items, anchor, target = images[1:601].double(), images[0].double() / 0.1, explainer.target
    result = explainer.at(draws=100, temperature=2.0, logits=logits_of(corrected))
    log_q = explainer.proposal(2.0).log() if corrected else torch.zeros(600)
    for i, gradient in list(zip(result.ids.tolist(), result.gradients, strict=True))[:20]:
        u = anchor.clone().requires_grad_()
        loss = info_nce(
            u @ items[target],
            (items[i] @ u)[None],
            temperature=1.0,
            log_q_pos=log_q[target],
            log_q_neg=log_q[i][None],
        )
        assert gradient == pytest.approx(torch.autograd.grad(loss, u)[0].numpy(), abs=1e-12)
    full = softmax((items @ anchor).numpy()) @ items.numpy() - items[target].numpy()
    mean = result.gradients.mean(0)
    cosine = mean @ full / np.linalg.norm(mean) / np.linalg.norm(full)
    assert result.means[-1] == pytest.approx(mean, abs=1e-12)
    assert result.angle == pytest.approx(np.rad2deg(np.arccos(cosine)), abs=1e-6)
    assert result.angles[result.logits][-1] == pytest.approx(result.angle, abs=1e-9)
    assert result.length == pytest.approx(np.linalg.norm(mean) / np.linalg.norm(full), rel=1e-9)


def test_the_draws_come_as_often_as_the_proposal_says_and_stay_when_more_follow() -> None:
    explainer = at_anchor(0)
    for temperature in (0.5, 1.0, 4.0):
        ids = explainer.at(draws=1000, temperature=temperature).ids
        q = explainer.proposal(temperature).numpy()
        assert (
            np.abs(np.bincount(ids, minlength=600) / 1000 - q).sum() < 2 * np.sqrt(q * (1 - q) / 1000).sum()
        )
        assert explainer.at(draws=100, temperature=temperature).ids.tolist() == ids[:100].tolist()


@pytest.mark.parametrize("corrected", [True, False])
def test_the_picture_has_the_true_angles_and_lengths(corrected: bool) -> None:
    explainer = at_anchor(0)
    full = explainer.stage().marks["full"].fixed["y2"][0]
    for n in (1, 40, 999, 1000):
        result = explainer.at(draws=n, logits=logits_of(corrected))
        x, y = (explainer.scene(result)["mean"][end][0] for end in ("x2", "y2"))
        assert np.rad2deg(np.arctan2(x, y)) == pytest.approx(result.angle, abs=1e-6)
        assert np.hypot(x, y) / full == pytest.approx(result.length, rel=1e-6)


def test_a_picture_is_as_large_as_its_share_of_the_draws() -> None:
    explainer = at_anchor(0)
    sizes = explainer.scene(explainer.at(draws=1, temperature=0.2))["items"]["size"]
    assert sorted(sizes)[-2:] == [0, 1]


def test_the_length_is_told_at_the_end_only() -> None:
    explainer = at_anchor(0)
    texts = [explainer.summary(explainer.at(draws=n)) for n in (40, 999, 1000)]
    assert ["as long" in text for text in texts] == [False, False, True]


def test_at_t_1_the_mean_turns_to_the_full_gradient_and_raw_it_misses_it() -> None:
    ends = {c: at_anchor(0).at(draws=1000, logits=logits_of(c)) for c in (True, False)}
    assert ends[True].endless.angle == pytest.approx(0, abs=1e-4)
    assert ends[True].endless.length == pytest.approx(0.5, rel=1e-9)
    for corrected, end in ends.items():
        noise = np.rad2deg(end.endless.noise / np.sqrt(1000))
        assert abs(end.angles[logits_of(corrected)][-1] - end.endless.angle) < 2 * noise
    assert ends[False].endless.angle > 1


def test_what_the_prose_says_of_the_digits() -> None:
    anchors = [at_anchor(i) for i in range(100, 116)]  # others than the chapter's

    def mean(temperature: float, k: int, field: str, corrected: bool = True) -> float:
        return float(
            np.mean([getattr(a.estimate(temperature, k, corrected=corrected), field) for a in anchors])
        )

    assert mean(1, 5, "noise") < min(mean(0.5, 5, "noise"), mean(2, 5, "noise"), mean(1e4, 5, "noise") / 3)
    for temperature in (0.5, 2, 1e4):
        assert mean(temperature, 5, "angle") > mean(temperature, 256, "angle") > 0
    assert mean(1, 256, "angle", corrected=False) > mean(1, 5, "angle", corrected=False) > 3
    pushes = [mean(t, 256, "false_push") for t in (1e4, 2, 1)]
    drawn = [float(np.mean([a.false_drawn(t) for a in anchors])) for t in (1e4, 1)]
    assert max(pushes) - min(pushes) < 0.05 < 0.5 < drawn[1] - drawn[0]
    assert mean(1, 256, "false_push", corrected=False) > max(pushes) + 0.05
    assert mean(1e4, 5, "false_push") < pushes[0] - 0.05


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("target", [0, 3])
def test_the_positive_never_drawn(k: int, target: int) -> None:
    scores = np.array([0.3, -1.0, 2.0, 1.1])
    p = softmax(scores)
    own = np.eye(4)[target]
    redraw = p * (1 - own) / (1 - p[target])
    right, mixed = np.zeros(4), np.zeros(4)
    for ids, chance in draws(redraw, k):
        if chance == 0:
            continue
        slots = np.array([target, *ids])
        ours = softmax(np.array([scores[target], *(scores[ids] - np.log(k * redraw[ids]))]))
        np.add.at(right, slots, chance * ours)
        np.add.at(mixed, slots, chance * softmax(scores[slots] - np.log(p[slots])))
    assert right - own == pytest.approx(p - own, abs=1e-12)
    assert mixed - own == pytest.approx(k / ((k + 1) * (1 - p[target])) * (p - own), abs=1e-12)


def end_of(mean_push: object) -> np.ndarray:
    scores = np.zeros(5)
    for _ in range(1500):
        scores = scores - 2 * (mean_push(scores) - P_D)  # type: ignore[operator]
    return softmax(scores)


@pytest.mark.parametrize(("temperature", "k"), [(1.0, 1), (2.0, 1), (1.0, 2)])
@pytest.mark.parametrize("corrected", [True, False])
def test_where_the_mean_gradient_ends(temperature: float, k: int, corrected: bool) -> None:
    outcomes = np.array(list(itertools.product(range(5), repeat=k + 1)))

    def push(scores: np.ndarray) -> np.ndarray:
        q = softmax(scores / temperature)
        logits = (scores - np.log(q) if corrected else scores)[outcomes]
        weights = np.exp(logits - logits.max())
        weights *= (P_D[outcomes[:, 0]] * q[outcomes[:, 1:]].prod(1) / weights.sum(1))[:, None]
        return np.bincount(outcomes.ravel(), weights.ravel(), 5)

    goal = P_D if corrected else P_D ** (temperature / (1 + temperature))
    assert end_of(push) == pytest.approx(goal / goal.sum(), abs=1e-6)


@pytest.mark.parametrize("with_positive", [True, False])
def test_where_a_pool_of_four_ends(with_positive: bool) -> None:
    outcomes = np.array(list(itertools.product(range(5), repeat=5)))
    chance, ids = P_D[outcomes[:, 0]] / 5**4, outcomes if with_positive else outcomes[:, 1:]

    def push(scores: np.ndarray) -> np.ndarray:
        weights = np.exp(scores[ids])
        weights *= (chance / weights.sum(1))[:, None]
        return np.bincount(ids.ravel(), weights.ravel(), 5)

    distance = np.abs(end_of(push) - P_D).sum() / 2
    assert distance < 1e-6 if with_positive else distance > 0.1


def test_the_worked_example() -> None:
    """p = (0.5, 0.3, 0.2), the third is the positive: one draw from p gives half of the full gradient."""
    p, own = np.array([0.5, 0.3, 0.2]), np.array([0.0, 0.0, 1.0])
    mean = np.zeros(3)
    for ids, chance in draws(p, 1):
        np.add.at(mean, [2, *ids], chance * slot_weights(np.log(p) - np.log(p), 2, ids))
    assert mean - own == pytest.approx([0.25, 0.15, -0.4], abs=1e-12)
    assert mean - own == pytest.approx((p - own) / 2, abs=1e-12)


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("m", [1, 3])
def test_a_pool_with_the_positive_has_k_over_k_plus_1_of_the_mean_of_all_m(m: int, k: int) -> None:
    """K corrected draws from the softmax over the positive and M uniform items.

    They stand against all M as negatives.
    """
    scores, target = np.array([0.4, -1.2, 1.7, 0.1]), 2
    own = np.eye(4)[target]
    pooled, all_m = np.zeros(4), np.zeros(4)
    for pool, chance in draws(np.full(4, 1 / 4), m):
        slots = np.array([target, *pool])
        weights = softmax(scores[slots])
        np.add.at(all_m, slots, chance * weights)
        for picked, luck in draws(weights, k):
            ids = np.array([0, *picked])  # the positive's slot, then what is drawn
            corrected = scores[slots[ids]] - np.log(weights[ids])
            np.add.at(pooled, slots[ids], chance * luck * softmax(corrected))
    assert pooled - own == pytest.approx(k / (k + 1) * (all_m - own), abs=1e-12)


@pytest.mark.parametrize("m", [1, 3])
@pytest.mark.parametrize("temperature", [0.5, 1.0])
def test_the_pooled_chances_are_the_sum_over_all_pools(m: int, temperature: float) -> None:
    scores = np.concatenate([np.array([2.0, 0.5, -1.0]), np.full(510, -0.3)])  # four kinds of item
    kinds, sizes = np.array([2.0, 0.5, -1.0, -0.3]), np.array([1, 1, 1, 510])
    wanted = np.zeros(4)
    for ids, chance in draws(sizes / 513, m):
        np.add.at(wanted, ids, chance * softmax(kinds[ids] / temperature))
    explainer = PooledProposal(scores, torch.from_numpy(scores > 1.9))
    result = explainer.at(m=m, temperature=temperature)
    full = softmax(scores / temperature)
    distance = (np.abs(wanted[:3] - full[:3]).sum() + abs(wanted[3] - full[3:].sum())) / 2
    assert result.false_share == pytest.approx(wanted[0], rel=1e-6)
    assert result.full_false_share == pytest.approx(full[0], rel=1e-12)
    assert result.distance == pytest.approx(distance, rel=1e-6)
    assert wanted.max() <= 1 and wanted[0] <= 1 - (1 - 1 / 513) ** m


def test_a_larger_pool_is_closer_and_a_sharper_draw_further() -> None:
    images, labels = datasets.digit_embeddings()
    explainer = PooledProposal(images[1:601] @ images[0] / 0.1, labels[1:601] == labels[0])
    result = explainer.at(m=64)
    assert (np.diff(result.distances) < 0).all()
    assert explainer.at(m=64, temperature=0.3).distance > 2 * result.distance


def test_the_pool_in_the_picture_is_one_of_those_that_the_numbers_are_about() -> None:
    images, labels = datasets.digit_embeddings()
    scores = images[1:601] @ images[0] / 0.1
    explainer = PooledProposal(scores, labels[1:601] == labels[0])
    small, large = explainer.at(m=8, temperature=2.0), explainer.at(m=512, temperature=2.0)
    assert small.pool.tolist() == large.pool[:8].tolist(), "who is in stays in"
    weights = softmax(scores.numpy()[small.pool] / 2)
    for item in set(small.pool.tolist()):
        assert small.shares[item] == pytest.approx(weights[small.pool == item].sum(), rel=1e-6)
    assert small.shares.sum() == pytest.approx(1) == large.full.sum()
    assert small.own_distance == pytest.approx(np.maximum(small.shares - small.full, 0).sum(), rel=1e-9)
    pools = np.random.default_rng(1).integers(600, size=(4000, 8))
    shares = np.exp(scores.numpy() / 2)[pools]
    drawn = np.bincount(pools.ravel(), (shares / shares.sum(1, keepdims=True)).ravel(), 600) / 4000
    assert drawn @ (labels[1:601] == labels[0]).numpy() == pytest.approx(small.false_share, rel=0.05)


def test_every_picture_of_the_pool_is_as_large_as_its_share() -> None:
    images, labels = datasets.digit_embeddings()
    explainer = PooledProposal(images[1:601] @ images[0] / 0.1, labels[1:601] == labels[0])
    for m in (1, 8, 9, 40):
        result = explainer.at(m=m)
        pool = explainer.scene(result)["pool"]
        assert pool["size"] == pytest.approx(result.shares[pool["which"]], rel=1e-12)
        assert pool["size"].sum() == pytest.approx(1, rel=1e-9), "none is left out while they are few"


def held_out_loss(arm: str, k: int = 5) -> float:
    """−ln p of the next Lee word after 200 steps, on a split that the chapter does not have."""
    generator = torch.Generator().manual_seed(77)
    words = datasets.lee_vocabulary().words[:300]
    place = {word: i for i, word in enumerate(words)}
    reports = sorted(set(datasets.lee()))
    order = torch.randperm(len(reports), generator=generator).tolist()
    texts = [[place.get(word) for word in reports[i]] for i in order]
    learn, test = (
        torch.tensor([ac for text in part for ac in itertools.pairwise(text) if None not in ac])
        for part in (texts[:200], texts[200:])
    )
    u, v = (0.1 * torch.randn(300, 16, generator=generator) for _ in range(2))
    parts = [part.requires_grad_() for part in (u, v, torch.zeros(300))]
    adam = torch.optim.Adam(parts, lr=0.02)
    for _ in range(200):
        context, target = learn[torch.randint(len(learn), (128,), generator=generator)].T
        scores = u[context] @ v.T + parts[2]
        q = torch.softmax(scores.detach(), 1) if "model" in arm else torch.full((128, 300), 1 / 300)
        ids = torch.cat([target[:, None], torch.multinomial(q, k, True, generator=generator)], 1)
        logits = scores if arm == "full" else scores.gather(1, ids)
        if arm == "model":
            logits = logits - q.log().gather(1, ids)
        own = target if arm == "full" else torch.zeros_like(target)
        adam.zero_grad()
        torch.nn.functional.cross_entropy(logits, own).backward()
        adam.step()
    scores = (u @ v.T + parts[2]).detach()[test[:, 0]]
    return float(torch.nn.functional.cross_entropy(scores, test[:, 1]))


def test_the_order_of_the_arms_on_another_split() -> None:
    loss = {arm: held_out_loss(arm) for arm in ("full", "model", "uniform", "model, raw")}
    assert loss["full"] < loss["model"] + 0.02
    assert loss["model"] < loss["full"] + 0.05 < loss["uniform"] < loss["model, raw"] - 0.1


def test_where_p_is_peaked_five_draws_from_the_model_are_worth_more_than_they_cost() -> None:
    images, labels = datasets.digit_embeddings()
    cost = 600 // 3 + 5
    for tau, cheaper in ((0.1, "table"), (0.03, "model")):
        quieter = 0
        for i in range(100, 110):
            others = (torch.arange(601) != i).nonzero().ravel()
            own = labels[others] == labels[i]
            target = int(own.nonzero()[1])
            own[target] = False
            explainer = ProposalGradient(images[others], images[i] / tau, target, own)
            quieter += explainer.estimate(1, 5).noise < explainer.estimate(1e4, cost).noise
        assert quieter >= 8 if cheaper == "model" else quieter <= 2


def test_five_draws_from_the_model_cost_as_much_as_n_thirds_and_five_from_a_table() -> None:
    """Operations per pair: 2 N d for all scores, 6 d for each item whose gradients are wanted.

    The positive is one of those items.
    """
    for n, d, k in ((300, 16, 5), (30_000, 64, 20)):
        assert 2 * n * d + 6 * (k + 1) * d == 6 * (n // 3 + k + 1) * d


def test_proposal_gradient_refuses_what_does_not_fit() -> None:
    items, anchor = small()
    none = torch.zeros(5, dtype=torch.bool)
    with pytest.raises(ValueError, match=r"items and anchor .* got \(5, 3\) and \(2,\)"):
        ProposalGradient(items, anchor[:2], 0, none)
    with pytest.raises(ValueError, match=r"target must be < 5, .* got 5"):
        ProposalGradient(items, anchor, 5, none)
    with pytest.raises(ValueError, match=r"false .* got torch.bool of shape \(4,\)"):
        ProposalGradient(items, anchor, 0, none[:4])
    with pytest.raises(ValueError, match=r"false .* not true at the target"):
        ProposalGradient(items, anchor, 0, ~none)
    with pytest.raises(ValueError, match=r"temperature must be > 0, got 0"):
        ProposalGradient(items, anchor, 0, none).estimate(0, 1)
    with pytest.raises(ValueError, match="alike"):
        ProposalGradient(np.ones((5, 3)), anchor, 0, none)
    with pytest.raises(ValueError, match="names must show each of the 5 items, got 2"):
        ProposalGradient(items, anchor, 0, none, names=["a", "b"])


def test_pooled_proposal_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"scores .* got shape \(512,\)"):
        PooledProposal(np.zeros(512), torch.zeros(512, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"false .* got torch.float32"):
        PooledProposal(np.zeros(600), torch.zeros(600))
    with pytest.raises(ValueError, match="pictures must show each of the 600 items, got 3"):
        PooledProposal(np.zeros(600), torch.zeros(600, dtype=torch.bool), pictures=np.zeros((3, 8, 8)))
