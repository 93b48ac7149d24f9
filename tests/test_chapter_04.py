"""The numbers of chapter 04 against brute force, exact fractions and mpmath."""

from fractions import Fraction
from math import comb, log

import mpmath
import numpy as np
import pytest
import torch

from nslab import datasets, explain
from nslab.explain.anchor_shares import KS as SHARE_KS
from nslab.explain.hit_probability import KS as HIT_KS
from nslab.explain.threshold_growth import DRAWS
from nslab.explain.threshold_growth import KS as GROWTH_KS


@pytest.mark.parametrize(
    ("rho", "q", "pool"), [("0.01", "0.95", 100), ("0.025", "0.5", 316), ("0.25", "0.999", 10_000)]
)
def test_hit_probability_marks_the_smallest_k(rho, q, pool):
    result = explain.HitProbability().at(rho=float(rho), q=float(q), pool=pool)
    share, wanted, hard = Fraction(rho), Fraction(q), round(Fraction(rho) * pool)

    def endless(k):
        return 1 - (1 - share) ** k

    def finite(k):
        return 1 - Fraction(comb(pool - hard, k), comb(pool, k))

    assert result.hard == hard
    assert endless(result.k_endless - 1) < wanted <= endless(result.k_endless)
    assert finite(result.k_finite - 1) < wanted <= finite(result.k_finite)
    expected = [(result.k_endless, endless(result.k_endless)), (result.k_finite, finite(result.k_finite))]
    np.testing.assert_allclose(result.marks, np.array(expected, dtype=float), rtol=1e-12)
    for i in range(0, len(HIT_KS), 40):
        k = int(HIT_KS[i])
        assert result.endless[i] == pytest.approx(float(endless(k)), rel=1e-12)
        assert np.isnan(result.finite[i]) if k > pool else result.finite[i] == pytest.approx(float(finite(k)))


def test_a_pool_that_rounds_to_no_hard_negative_has_no_k():
    explainer = explain.HitProbability(rho=0.01, pool=10)
    result = explainer.at()
    assert (result.hard, result.k_finite, len(result.marks)) == (0, None, 1)
    assert set(result.finite[HIT_KS <= 10]) == {0.0}
    assert "no K" in repr(explainer)


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
    assert np.all(result.threshold >= result.hardest)
    assert np.all(result.threshold <= result.hardest + tau * np.log(GROWTH_KS) + 1e-12)


@pytest.fixture(scope="module")
def shares():
    embeddings, labels = datasets.digit_embeddings()
    return embeddings @ embeddings.T, labels[:, None] != labels


@pytest.mark.parametrize(("cutoff", "q"), [(0.3, 0.5), (0.5, 0.9), (0.6, 0.88)])
def test_anchor_shares_against_brute_force(shares, cutoff, q):
    scores, negative = (tensor[:300] for tensor in shares)
    result = explain.AnchorShares(scores, negative).at(cutoff=cutoff, q=q)
    rho = ((scores > cutoff) & negative).sum(1).numpy() / negative.sum(1).numpy()

    def covered(k):
        return np.mean(1 - (1 - rho) ** k)

    np.testing.assert_allclose(result.shares, np.sort(rho), rtol=1e-15)
    np.testing.assert_allclose(result.covered, [covered(k) for k in SHARE_KS], rtol=1e-10)
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
    explainer = explain.AnchorShares(*shares, cutoff=0.7, q=0.9)
    result = explainer.at()
    none = float((~((shares[0] > 0.7) & shares[1]).any(1)).double().mean())
    assert result.without == pytest.approx(none)
    assert none > 0.1
    assert result.k_covers is None and result.reached is None
    assert "no K does" in repr(explainer)


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (lambda s, n: explain.AnchorShares(s[0], n[0]), "scores must be"),
        (lambda s, n: explain.AnchorShares(s, n[:2]), "negative must be"),
        (lambda s, n: explain.AnchorShares(s, n.double()), "negative must be"),
        (lambda s, n: explain.AnchorShares(s, torch.zeros_like(n)), "negative must be"),
        (lambda s, n: explain.AnchorShares(s / 2, n), "scores must hold"),
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
