"""The numbers of chapter 04 against brute force, exact fractions and mpmath."""

from fractions import Fraction
from math import comb, log

import mpmath
import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import entropy

from nslab import datasets, explain
from nslab.explain.anchor_shares import KS as SHARE_KS
from nslab.explain.freezing import DRAWS as FREEZING_DRAWS
from nslab.explain.freezing import KS as FREEZING_KS
from nslab.explain.hit_probability import KS as HIT_KS
from nslab.explain.threshold_growth import DRAWS
from nslab.explain.threshold_growth import KS as GROWTH_KS


@pytest.mark.parametrize(
    ("rho", "q", "pool"), [("0.01", "0.95", "100"), ("0.025", "0.5", "1,000"), ("0.25", "0.999", "10,000")]
)
def test_hit_probability_finds_the_smallest_k(rho, q, pool):
    explainer = explain.HitProbability(q=float(q), rho=float(rho))
    share, wanted, size = Fraction(rho), Fraction(q), int(pool.replace(",", ""))
    hard = round(share * size)

    def endless(k):
        return 1 - (1 - share) ** k

    def finite(k):
        return 1 - Fraction(comb(size - hard, k), comb(size, k))

    for name, chance in (("endless", endless), (pool, finite)):
        result = explainer.at(pool=name, k=77)
        assert chance(result.enough - 1) < wanted <= chance(result.enough)
        assert result.chance == pytest.approx(float(chance(77)), rel=1e-12)
        assert result.hard == (None if name == "endless" else hard)
        for i in range(0, len(HIT_KS), 20):
            k = int(HIT_KS[i])
            assert result.endless[i] == pytest.approx(float(endless(k)), rel=1e-12)
            if name == "endless" or k <= size:
                assert result.chances[i] == pytest.approx(float(chance(k)))
            else:
                assert np.isnan(result.chances[i])


@pytest.mark.parametrize("pool", ["endless", "1,000", "100"])
def test_each_person_stops_at_the_first_hard_one(pool):
    explainer = explain.HitProbability(seed=7, pool=pool)
    luck = np.random.default_rng(7).random(100)  # a person has a hit within K draws if P(K) ≥ their number
    for k in (1, 3, 30, 99, 300):
        result = explainer.at(k=k)
        assert (result.first <= k).tolist() == (luck <= result.chance).tolist()
        assert result.found == (luck <= result.chance).sum()
    assert result.first.min() >= 1


def test_who_has_a_hard_one_keeps_it():
    pictures = np.arange(7)[:, None, None] / 7 + np.zeros((1, 2, 2))
    explainer = explain.HitProbability(pictures[:4], pictures[4:])
    few, many = (explainer.scene(explainer.at(k=k))["people"] for k in (30, 31))
    found = explainer.at(k=30).first <= 30
    assert (few["which"][found] >= 4).all() and (few["which"][~found] < 4).all()
    assert (few["which"][found] == many["which"][found]).all()
    still = explainer.at(k=31).first > 31
    assert (few["which"][still] != many["which"][still]).all(), "each draws something new"


def test_the_start_does_not_answer_the_prediction():
    result = explain.HitProbability().at()
    assert result.k < 95 and result.pool is None and result.chance < 0.3
    assert not {"95", "100", "190", "299"} & set(
        repr(explain.HitProbability()).replace("100 people", "").split()
    )


def test_a_pool_that_rounds_to_no_hard_negative_has_no_k():
    explainer = explain.HitProbability(rho=0.01, pool="10", k=9)
    result = explainer.at()
    assert (result.hard, result.enough, result.found, result.chance) == (0, None, 0, 0)
    assert set(result.chances[HIT_KS <= 10]) == {0.0}
    assert "none" in explainer.scene(result)["enough"]["text"]


@pytest.mark.parametrize(
    ("given", "words"),
    [({"q": 1.0}, "q must lie between 0 and 1, got 1"), ({"easy": np.zeros((1, 2, 2))}, "given together")],
)
def test_hit_probability_refuses_what_does_not_fit(given, words):
    with pytest.raises(ValueError, match=words):
        explain.HitProbability(**given)


def test_equal_negatives_lie_on_the_second_floor():
    result = explain.ThresholdGrowth([0.25] * 10).at(k=77, tau=0.05)
    np.testing.assert_allclose(result.threshold, 0.25 + 0.05 * np.log(GROWTH_KS), rtol=1e-12)
    np.testing.assert_allclose(result.here, [0.25 + 0.05 * log(77), 0.25 + 0.05 * log(77), 0.25], rtol=1e-12)


@pytest.mark.parametrize("tau", [0.01, 0.07, 0.2])
def test_threshold_is_the_log_sum_over_the_draws(tau):
    scores = datasets.lee_embeddings() @ datasets.lee_embeddings()[0]
    scores = scores[scores < 0.999]
    picks = torch.randint(len(scores), (GROWTH_KS[-1], DRAWS), generator=torch.Generator().manual_seed(3))
    result = explain.ThresholdGrowth(scores, seed=3).at(k=200, tau=tau)
    drawn = scores[picks][:200]
    needed = (tau * torch.logsumexp(drawn / tau, 0)).mean().item()
    np.testing.assert_allclose(
        result.here, [needed, scores.mean() + tau * log(200), drawn.amax(0).mean()], rtol=1e-12
    )
    rounding = 1e-12  # with one draw both bounds are met: τ·(s/τ) need not be s to the bit
    assert np.all(result.threshold >= result.hardest - rounding)
    assert np.all(result.threshold <= result.hardest + tau * np.log(GROWTH_KS) + rounding)


@pytest.fixture(scope="module")
def shares():
    embeddings, labels = datasets.digit_embeddings()
    return embeddings @ embeddings.T, labels[:, None] != labels


@pytest.mark.parametrize(("cutoff", "q"), [(0.3, 0.5), (0.5, 0.9), (0.6, 0.88)])
def test_anchor_shares_against_brute_force(shares, cutoff, q):
    scores, negative = (tensor[:300] for tensor in shares)
    result = explain.AnchorShares(scores, negative).at(cutoff=cutoff, q=q, k=33)
    rho = ((scores > cutoff) & negative).sum(1).numpy() / negative.sum(1).numpy()

    def covered(k):
        return np.mean(1 - (1 - rho) ** k)

    np.testing.assert_allclose(result.shares, rho, rtol=1e-15)
    np.testing.assert_allclose(result.covered, [covered(k) for k in SHARE_KS], rtol=1e-10)
    np.testing.assert_allclose(result.chances, 1 - (1 - rho) ** 33, rtol=1e-10)
    assert result.promise == pytest.approx(1 - (1 - rho.mean()) ** 33, rel=1e-12)
    assert result.kept == pytest.approx(covered(33), rel=1e-12)
    assert 1 - (1 - rho.mean()) ** (result.k_mean - 1) < q <= result.promised
    assert result.k_mean_covers == pytest.approx(covered(result.k_mean), rel=1e-12)
    assert result.k_mean_covers < result.promised
    assert covered(result.k_covers - 1) < q <= covered(result.k_covers)
    assert result.reached == pytest.approx(covered(result.k_covers), rel=1e-12)


def test_a_score_on_the_cutoff_is_not_hard():
    result = explain.AnchorShares([[0.5, 0.8, 0.2, 0.9]], [[True, True, True, False]]).at(cutoff=0.5, q=0.9)
    assert result.shares.tolist() == [1 / 3]
    assert result.k_covers == result.k_mean == 6  # (2/3)^5 > 0.1 > (2/3)^6


def test_no_k_covers_where_too_many_anchors_have_no_hard_negative(shares):
    explainer = explain.AnchorShares(*shares, cutoff=0.7, q=0.9, k=20_000)
    result = explainer.at()
    none = float((~((shares[0] > 0.7) & shares[1]).any(1)).double().mean())
    assert result.without == pytest.approx(none)
    assert none > 0.1
    assert result.k_covers is None and result.reached is None
    assert "no K reaches q = 0.9" in repr(explainer)
    assert result.kept == pytest.approx(1 - none, abs=0.01) and result.promise > 0.99


def test_few_draws_tell_neither_k_nor_the_gap(shares):
    explainer = explain.AnchorShares(*shares)
    assert "takes K" not in repr(explainer)
    result = explainer.at()
    assert result.promise - result.kept < 0.01
    explainer.k = 110
    assert "q = 0.9 takes K = 110 and K = 301" in repr(explainer)


def test_zeros_stand_below_nines_and_show_their_own_share(shares):
    labels = datasets.digit_embeddings()[1]
    groups = {name: (labels == digit).nonzero()[:24, 0] for name, digit in (("zeros", 0), ("nines", 9))}
    explainer = explain.AnchorShares(*shares, groups=groups)
    result = explainer.at(k=110)
    moves = explainer.scene(result)["anchors"]
    heights = explainer._stage.marks["anchors"].y
    assert (heights[:24] < 1).all() and (heights[24:] > 1).all()
    assert moves["value"].tolist() == result.shares[np.concatenate([*groups.values()])].tolist()
    assert moves["value"][:24].mean() < result.mean < moves["value"][24:].mean()
    assert moves["size"] == pytest.approx(1 - (1 - moves["value"]) ** 110, abs=1e-3)


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (lambda s, n: explain.AnchorShares(s[0], n[0]), "scores must be"),
        (lambda s, n: explain.AnchorShares(s, n[:2]), "negative must be"),
        (lambda s, n: explain.AnchorShares(s, n.double()), "negative must be"),
        (lambda s, n: explain.AnchorShares(s, torch.zeros_like(n)), "negative must be"),
        (lambda s, n: explain.AnchorShares(s / 2, n), "scores must hold"),
        (lambda s, n: explain.AnchorShares(s, n, pictures=[0]), "pictures must be one per anchor, 50, got 1"),
        (lambda s, n: explain.AnchorShares(s.where(s < 0.9, torch.nan), n), "scores"),
        (lambda s, n: explain.ThresholdGrowth(s), "scores must be"),
        (lambda s, n: explain.ThresholdGrowth(s[0, :1]), "scores must be"),
        (lambda s, n: explain.ThresholdGrowth(s[0] * 2), "scores must be cosines"),
        (lambda s, n: explain.ThresholdGrowth([0.1, float("nan")]), "scores must be cosines"),
    ],
)
def test_bad_data_is_refused_by_name(shares, build, name):
    scores, negative = (tensor[:50] for tensor in shares)
    with pytest.raises(ValueError, match=name):
        build(scores, negative)


def test_the_beta_example_of_the_mean_myth():
    def covers(k):  # 1 − E(1 − ρ)^K for ρ ~ Beta(1/2, 99/2)
        return 1 - mpmath.beta("0.5", mpmath.mpf("49.5") + k) / mpmath.beta("0.5", "49.5")

    with mpmath.workdps(40):
        assert covers(19_651) < mpmath.mpf("0.95") <= covers(19_652)
        assert float(covers(299)) == pytest.approx(0.624, abs=5e-4)


@pytest.fixture(scope="module")
def pools(shares):
    scores, negative = (tensor[:500, 500:1000] for tensor in shares)
    reports = datasets.lee_embeddings()
    likeness = reports @ reports.T
    return {"digits": scores[negative], "Lee reports": likeness[(likeness < 0.999).tril(-1)]}


@pytest.fixture(scope="module")
def freezing(pools):
    return explain.Freezing(pools)


def exp_entropy(scores, tau):
    return np.exp(entropy(np.exp((scores - scores.max()) / tau)))


@pytest.mark.parametrize(("tau", "k"), [(0.1, 10), (0.26, 1000), (0.263, 777), (1.0, 32_768)])
def test_freezing_counts_what_scipy_counts(pools, freezing, tau, k):
    result = freezing.at(tau=tau, k=k)
    generator = torch.Generator().manual_seed(0)
    drawn = {"normal": torch.randn(32_768, FREEZING_DRAWS, dtype=torch.float64, generator=generator).numpy()}
    for name, pool in pools.items():
        order = [torch.randperm(len(pool), generator=generator)[:32_768] for _ in range(FREEZING_DRAWS)]
        scores = (pool.numpy() - pool.numpy().mean()) / pool.numpy().std()
        drawn[name] = np.stack([scores[row] for row in order], 1)
    for name, scores in drawn.items():
        found = result.crowds[name]
        columns = scores[:k].T
        counts = [exp_entropy(column, tau) for column in columns]
        np.testing.assert_allclose(found.counts, counts, rtol=1e-9)
        assert found.effective == pytest.approx(np.prod(counts) ** (1 / len(counts)), rel=1e-9)
        assert found.threshold == pytest.approx(tau * logsumexp(columns / tau, axis=1).mean(), rel=1e-9)
        for i in range(0, len(FREEZING_KS), 24):
            count = exp_entropy(scores[: FREEZING_KS[i], 0], tau)
            assert np.exp(found.entropy[i, 0]) == pytest.approx(count, rel=1e-9)


@pytest.mark.parametrize("k", [10, 1000, 32_768])
def test_the_two_forms_of_the_threshold_meet_at_the_critical_temperature(freezing, k):
    critical = freezing.at(tau=0.5, k=k).critical  # all in units of sd
    just_below, just_above = (freezing.at(tau=critical * by, k=k).limit for by in (0.999, 1.001))
    assert just_below == pytest.approx(np.sqrt(2 * log(k))) and just_above == pytest.approx(
        just_below, rel=1e-5
    )
    assert critical * log(k) + 1 / (2 * critical) == pytest.approx(np.sqrt(2 * log(k)), rel=1e-12)
    assert k * np.exp(-1 / (2 * critical**2)) == pytest.approx(1, rel=1e-9)
    with mpmath.workdps(30):  # a factor e in K lifts the frozen threshold by τ_c
        slope = mpmath.diff(lambda x: mpmath.sqrt(2 * x), log(k))
    assert critical == pytest.approx(float(slope), rel=1e-9)


@pytest.mark.parametrize("tau", [0.5, 1.0])
def test_a_share_rho_of_normal_scores_counts(freezing, tau):
    def excess(x):  # ln ρ is minus the divergence of the weighted density, shifted by 1/τ, from the plain one
        weighted = mpmath.npdf(x, 1 / mpmath.mpf(tau))
        return weighted * mpmath.log(weighted / mpmath.npdf(x))

    apart = mpmath.mpf(mpmath.quad(excess, [-12, 0, 12]))
    result = freezing.at(tau=tau, k=32_768)
    assert result.share == pytest.approx(float(mpmath.exp(-apart)), rel=1e-6)
    assert result.crowds["normal"].effective == pytest.approx(32_768 * result.share, rel=0.02)


def test_real_scores_count_by_their_own_share_and_do_not_freeze_as_normal_ones_would(pools, freezing):
    for name, pool in pools.items():
        sd = pool.numpy().std()
        for tau in (0.07, 0.04):
            found = freezing.at(tau=tau / sd, k=32_768)
            share = exp_entropy(pool.numpy(), tau) / len(pool)
            assert found.crowds[name].effective == pytest.approx(32_768 * share, rel=0.3)
        assert sd * found.critical > 0.04, "below the threshold of normal scores"
        assert found.crowds[name].effective > 5 * found.crowds["normal"].effective


def test_frozen_normal_scores_gain_height_but_no_voters(freezing):
    low, high = (freezing.at(tau=0.1, k=k).crowds["normal"] for k in (10, 32_768))
    assert high.threshold > low.threshold + 2
    assert high.effective < 3
    assert (
        freezing.at(tau=1.0, k=32_768).crowds["normal"].effective
        > 1000 * freezing.at(tau=1.0, k=10).crowds["normal"].effective
    )


def test_a_thousand_is_too_few_for_a_sharp_turn(freezing):
    counts = np.array(
        [freezing.at(tau=tau, k=1000).crowds["normal"].effective for tau in np.linspace(0.2, 0.34, 15)]
    )
    steps = counts[1:] / counts[:-1]
    assert np.all(steps > 1.05) and np.all(steps < 1.35)


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ({}, "one or two pools"),
        ({"normal": torch.rand(40_000)}, "none named 'normal'"),
        ({"a": torch.rand(32_767)}, r"scores\['a'\] .* got shape \(32767,\)"),
        ({"a": torch.rand(2, 40_000)}, r"scores\['a'\] .* got shape \(2, 40000\)"),
        ({"a": torch.full((40_000,), 0.3)}, r"scores\['a'\] must differ"),
        ({"a": torch.eye(1, 40_000)[0]}, r"scores\['a'\] .* 70 standard deviations"),
        ({"a": torch.rand(40_000).log().log()}, r"scores\['a'\] must be finite"),
    ],
)
def test_freezing_refuses_what_does_not_fit(scores, words):
    with pytest.raises(ValueError, match=words):
        explain.Freezing(scores)
