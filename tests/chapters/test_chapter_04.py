"""The numbers of chapter 04 against brute force, exact fractions and mpmath."""

from fractions import Fraction
from math import ceil, comb, log, log1p

import mpmath
import numpy as np
import pytest
import torch
from scipy.stats import entropy

from nslab import datasets, explain
from nslab.explain.anchor_shares import KS as SHARE_KS
from nslab.explain.hit_probability import KS as HIT_KS
from nslab.explain.threshold_growth import DRAWS, REST, TOP, _shown
from nslab.explain.threshold_growth import KS as GROWTH_KS
from nslab.losses import info_nce
from nslab.theory import effective_negatives, hit_probability, smallest_k


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


def test_a_rounded_formula_passes_a_test_with_a_tolerance_of_one():
    """Sometimes wrong by one is testable: with a tolerance. Without one, fractions find the last digit."""
    grid = [(r / 200, q / 64) for r in range(1, 101) for q in range(1, 64)] + [
        (0.25, 0.578125),
        (1e-12, 0.95),
    ]
    off = [ceil(log1p(-q) / log1p(-rho)) - smallest_k(rho, q) for rho, q in grid]
    assert set(off) == {0, 1}
    plain = ceil(log(1 - 0.95) / log(1 - 1e-12)) - smallest_k(1e-12, 0.95)
    assert plain > 10**7, "without log1p no tolerance helps"


def test_a_batch_has_one_negative_less_than_items():
    assert float(hit_probability(0.001, 4096 - 1)) == pytest.approx(0.9834, abs=5e-5)
    assert float(hit_probability(0.001, 10)) == pytest.approx(0.009955, abs=5e-7)


def test_drawing_with_counts_is_drawing_one_by_one():
    """The chapter's loss of K draws from a table is InfoNCE of the drawn scores.

    It is shifted by the largest cosine.
    """
    scores, pos = torch.linspace(-1, 1, 40, dtype=torch.float64), torch.tensor(0.3, dtype=torch.float64)
    drawn = torch.randint(40, (4096,), generator=torch.Generator().manual_seed(0))
    count = torch.zeros(40, dtype=torch.float64).scatter_add_(0, drawn, torch.ones(4096, dtype=torch.float64))
    total = (count * torch.exp((scores - 1) / 0.1)).sum()
    loss = torch.nn.functional.softplus(total.log() + (1 - pos) / 0.1)
    assert loss.item() == pytest.approx(info_nce(pos, scores[drawn], temperature=0.1).item(), rel=1e-12)


def test_equal_negatives_lie_on_the_second_floor():
    result = explain.ThresholdGrowth([0.25] * 10).at(k=77, tau=0.05)
    np.testing.assert_allclose(result.curves[0], 0.25 + 0.05 * np.log(GROWTH_KS), rtol=1e-12)
    assert result.effective == pytest.approx(77)
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
    threshold, same, hardest = result.curves
    assert np.all(threshold >= np.maximum(hardest, same) - rounding)
    assert np.all(threshold <= hardest + tau * np.log(GROWTH_KS) + rounding)
    first = drawn[:, 0]
    assert result.effective == pytest.approx(exp_entropy(first.numpy(), tau), rel=1e-9)
    assert scores[result.drawn].tolist() == first.sort(descending=True).values.tolist()
    assert picks[:200, 0][result.order].tolist() == result.drawn.tolist()
    np.testing.assert_allclose(
        result.weights, torch.softmax(first / tau, 0).sort(descending=True).values, rtol=1e-12
    )


def test_a_margin_of_other_counts_is_a_shift_of_the_log_sum():
    """The chapter's controls: 4,096 draws that weigh like 64, and what the loss subtracts then."""
    scores = torch.linspace(-1, 1, 40, dtype=torch.float64)
    drawn = torch.randint(40, (4096,), generator=torch.Generator().manual_seed(0))
    count = torch.bincount(drawn, minlength=40) * 64 / 4096
    total = (count * torch.exp(scores / 0.1)).sum().log()
    expected = torch.logsumexp(scores[drawn] / 0.1, 0) - log(4096 / 64)
    assert total.item() == pytest.approx(expected.item(), rel=1e-12)


def test_half_of_the_anchors_without_a_hard_one_keep_the_average_below_one_half():
    assert hit_probability(0.01, 299) > 0.95
    assert 0.49 < np.mean([hit_probability(rho, 299) for rho in (0, 0.02)]) < 0.5


@pytest.mark.parametrize("k", [1, 2, TOP, TOP + 1, TOP + REST, TOP + REST + 1, 512, 1024])
def test_the_hardest_and_some_of_the_others_are_shown(k):
    shown = _shown(k)
    assert shown[:TOP].tolist() == list(range(min(k, TOP)))
    assert len(set(shown)) == len(shown) <= TOP + REST and shown.max() < k
    step = -(-(k - TOP) // REST) if k > TOP else 1
    assert shown[TOP:].tolist() == list(range(TOP, k, step))


def test_what_is_shown_looks_like_what_was_drawn(shares):
    scores = shares[0][155][shares[1][155]]
    pictures = scores[:, None, None].expand(-1, 2, 2).abs()
    explainer = explain.ThresholdGrowth(scores, pictures=pictures, names=[f"{s:.6f}" for s in scores])
    for k in (1, 45, 1024):
        moves, mark = explainer.scene(explainer.at(k=k))["negatives"], explainer._stage.marks["negatives"]
        for which, y in zip(moves["which"], moves["y"], strict=True):
            assert mark.images[which, 0, 0] == abs(y) and mark.tips[which] == f"{y:.6f}"
        assert moves["role"][-1] == "hard" and set(moves["role"][:-1]) <= {"negative"}, "drawn last"


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
    assert result.without == round(none * len(shares[0]))
    assert none > 0.1
    assert result.k_covers is None and result.reached is None
    assert "no K reaches q = 0.9" in repr(explainer)
    assert result.kept == pytest.approx(1 - none, abs=0.01) and result.promise > 0.99


def test_few_draws_tell_neither_k_nor_the_gap(shares):
    explainer = explain.AnchorShares(*shares)
    assert "takes K" not in repr(explainer)
    result = explainer.at()
    assert result.promise == pytest.approx(result.kept, abs=0.02), "the start tells the answer"
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
        (
            lambda s, n: explain.ThresholdGrowth(s[0], names=["a"]),
            "names must be one per negative, 1797, got 1",
        ),
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


def exp_entropy(scores, tau):
    return np.exp(entropy(np.exp((scores - scores.max()) / tau)))


@pytest.fixture(scope="module")
def drawn(pools):
    """Normal scores and those of each pool, 8 draws, one a row, as the chapter draws them."""
    generator = torch.Generator().manual_seed(0)
    found = {"normal": torch.randn(32_768, 8, dtype=torch.float64, generator=generator).T}
    for name, pool in pools.items():
        found[name] = torch.stack(
            [pool[torch.randperm(len(pool), generator=generator)[:32_768]] for _ in range(8)]
        )
    return found


@pytest.fixture(scope="module")
def normal(drawn):
    return drawn["normal"]


def crowd(scores, tau):
    """How many count: the geometric mean over the draws, one a row."""
    return effective_negatives(scores, tau).log().mean().exp().item()


def needed(scores, tau):
    return (tau * torch.logsumexp(scores / tau, 1)).mean().item()


@pytest.mark.parametrize("k", [10, 1000, 32_768])
def test_the_two_forms_of_the_threshold_meet_at_the_critical_temperature(k):
    critical = 1 / np.sqrt(2 * log(k))  # all in units of sd
    assert critical * log(k) + 1 / (2 * critical) == pytest.approx(np.sqrt(2 * log(k)), rel=1e-12)
    assert k * np.exp(-1 / (2 * critical**2)) == pytest.approx(1, rel=1e-9)
    with mpmath.workdps(30):  # a factor e in K lifts the frozen threshold by τ_c
        slope = mpmath.diff(lambda x: mpmath.sqrt(2 * x), log(k))
    assert critical == pytest.approx(float(slope), rel=1e-9)


@pytest.mark.parametrize("tau", [0.5, 1.0])
def test_a_share_rho_of_normal_scores_counts(normal, tau):
    def excess(x):  # ln ρ is minus the divergence of the weighted density, shifted by 1/τ, from the plain one
        weighted = mpmath.npdf(x, 1 / mpmath.mpf(tau))
        return weighted * mpmath.log(weighted / mpmath.npdf(x))

    apart = mpmath.mpf(mpmath.quad(excess, [-12, 0, 12]))
    share = np.exp(-0.5 / tau**2)
    assert share == pytest.approx(float(mpmath.exp(-apart)), rel=1e-6)
    assert crowd(normal, tau) == pytest.approx(32_768 * share, rel=0.02)


def test_real_scores_count_by_their_own_share_and_do_not_freeze_as_normal_ones_would(pools, drawn):
    for name, pool in pools.items():
        sd = pool.std(correction=0).item()
        for tau in (0.07, 0.04):
            share = exp_entropy(pool.numpy(), tau) / len(pool)
            assert crowd(drawn[name], tau) == pytest.approx(32_768 * share, rel=0.3)
        assert sd / np.sqrt(2 * log(32_768)) > 0.04, "below the threshold of normal scores"
        assert crowd(drawn[name], 0.04) > 5 * crowd(sd * drawn["normal"], 0.04)


def test_frozen_normal_scores_gain_height_but_no_voters(normal):
    assert needed(normal, 0.1) > needed(normal[:, :10], 0.1) + 2
    assert crowd(normal, 0.1) < 3
    assert crowd(normal, 1.0) > 1000 * crowd(normal[:, :10], 1.0)


def test_a_thousand_is_too_few_for_a_sharp_turn(normal):
    counts = np.array([crowd(normal[:, :1000], tau) for tau in np.linspace(0.2, 0.34, 15)])
    steps = counts[1:] / counts[:-1]
    assert np.all(steps > 1.05) and np.all(steps < 1.35)
