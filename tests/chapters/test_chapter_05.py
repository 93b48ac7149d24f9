"""Chapter 05: what its explainers compute, against independent computations, and what its prose claims."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from mpmath import mp
from scipy.stats import spearmanr

from nslab import datasets, theory
from nslab.explain import AdaptiveTemperature, EntropySpeed, SoftmaxWeights

PAIR = EntropySpeed(np.zeros((2, 8, 8)))


def entropy_of_two(gap: float, tau: float) -> Any:
    p = 1 / (1 + mp.exp(-mp.mpf(gap) / mp.mpf(tau)))
    return -sum(x * mp.log(x) for x in (p, 1 - p))


@pytest.mark.parametrize("gap", [0.05, 0.24, 1.0])
@pytest.mark.parametrize("tau", [0.02, 0.1, 0.5])
def test_speed_is_the_derivative_of_the_entropy(gap: float, tau: float) -> None:
    with mp.workdps(40):
        result = PAIR.at(g=gap, tau=tau)
        assert result.entropy == pytest.approx(float(entropy_of_two(gap, tau)), rel=1e-10)
        assert result.slope == pytest.approx(float(mp.diff(lambda t: entropy_of_two(gap, t), tau)), rel=1e-10)


@pytest.mark.parametrize("tau", [0.05, 0.1])
def test_the_speed_peaks_at_2_4_tau(tau: float) -> None:
    gaps = np.linspace(0, 1, 201)
    speeds = [PAIR.at(g=gap, tau=tau).speed for gap in gaps]
    assert gaps[np.argmax(speeds)] == pytest.approx(2.3994 * tau, abs=0.003)
    assert max(speeds) == pytest.approx(0.4392, abs=5e-4)


@pytest.mark.parametrize("tau", [0.05, 0.1, 0.3])
def test_the_curve_over_the_gap_peaks_at_2_4_tau_and_ends_at_the_gap(tau: float) -> None:
    result = PAIR.at(g=1.0, tau=tau)
    gaps = np.linspace(0, 1, len(result.speeds))
    assert gaps[result.speeds.argmax()] == pytest.approx(result.fastest, abs=0.006)
    exact = mp.findroot(lambda x: x * mp.tanh(x / 2) - 2, 2.4)
    assert result.fastest == pytest.approx(float(tau * exact), rel=1e-5)
    assert PAIR.scene(result)["peak"]["x"] == [result.fastest]
    drawn = PAIR.scene(PAIR.at(g=0.08, tau=tau))["speed"]["y"]
    assert np.isfinite(drawn).tolist() == (gaps < 0.085).tolist(), "the hill is drawn up to the gap"
    assert PAIR.stage().marks["peak"].fixed["y"] == pytest.approx(0.43923, abs=1e-5)
    assert float(exact**2 / (4 * mp.cosh(exact / 2) ** 2)) == pytest.approx(0.43923, abs=1e-5)
    for curve, name in ((result.speeds, "speed"), (result.entropies, "entropy")):
        there = [getattr(PAIR.at(g=g, tau=tau), name) for g in gaps[1::10]]
        assert curve[1::10] == pytest.approx(there, rel=1e-9)


def test_a_hand_that_holds_one_of_the_pair_changes_the_gap() -> None:
    easier, harder = (
        PAIR.pulled("pictures", point, x, 0.0, g=0.5, tau=0.1) for point, x in ((1, 0.41), (0, 0.19))
    )
    assert (easier.gap, easier.speed) == pytest.approx((0.3, PAIR.at(g=0.3, tau=0.1).speed))
    assert harder.gap == pytest.approx(0.2) and harder.places == pytest.approx((0.3, 0.5))
    share = 1 / (1 + np.exp(3))
    assert easier.shares == pytest.approx([1 - share, share])


@pytest.mark.parametrize("g", [0.24, 1.0])
def test_at_a_fixed_gap_the_slope_peaks_at_another_ratio(g: float) -> None:
    with mp.workdps(30):
        slopes = [
            mp.diff(lambda tau: entropy_of_two(g, tau), g / ratio) for ratio in (2.3994, 3.24, 3.2436, 3.247)
        ]
    assert max(slopes) == slopes[2]


def test_the_explainer_does_not_start_at_the_answer() -> None:
    assert PAIR.g / PAIR.tau < 1.4
    assert np.isnan(PAIR.scene(PAIR.at())["peak"]["x"]).all(), "nor is the peak drawn"


def test_the_start_does_not_answer_the_prediction() -> None:
    shown = PAIR.summary(PAIR.at()) + str(PAIR.scene(PAIR.at())["fastest"]["text"])
    assert " 2.4" not in shown + str(PAIR.question) + str(PAIR.stage().key)


def test_both_speeds_are_said_in_their_units() -> None:
    result = PAIR.at(g=0.24, tau=0.1)
    assert "τ·dH/dτ = 0.4392, dH/dτ = 4.392" in PAIR.summary(result)


def test_with_one_against_999_the_peak_is_at_a_wider_gap() -> None:
    gaps = np.linspace(0.01, 1.2, 400)
    rows = torch.zeros(400, 1000, dtype=torch.float64)
    rows[:, 0] = torch.from_numpy(gaps)
    widest = gaps[theory.softmax_entropy_slope(rows, 0.1).argmax()] / 0.1
    assert 7 < widest < 8, "2.4 τ is for two negatives"


def test_entropy_speed_refuses_another_number_of_pictures() -> None:
    with pytest.raises(ValueError, match=r"pictures .* got shape \(3, 8, 8\)"):
        EntropySpeed(np.zeros((3, 8, 8)))


def test_plain_variance_may_be_too_large_or_too_small() -> None:
    scores = np.eye(1, 1000).ravel()

    def ratio(tau: float) -> float:
        top = softmax(scores, tau)[0]
        return float(np.var(scores) / (top * (1 - top)))  # with one score 1, the others 0, Var_p is p (1 − p)

    assert ratio(0.05) > 100
    assert ratio(0.1) == pytest.approx(0.024, abs=5e-4)
    assert ratio(1e4) == pytest.approx(1, abs=1e-3)


def test_losses_still_differ_at_one_effective_number() -> None:
    images, labels = datasets.digit_embeddings()
    rows = torch.randperm(len(images), generator=torch.Generator().manual_seed(11))
    widths: list[list[float]] = []
    for anchors, rest in ((rows[i : i + 200], rows[i + 200 :]) for i in (0, 200, 400)):
        scores, own = (
            (images[anchors] @ images[rest].T).numpy(),
            (labels[anchors, None] == labels[rest]).numpy(),
        )
        pos = np.array([s[o][0] for s, o in zip(scores, own, strict=True)])
        neg = np.array([s[~o][:127] for s, o in zip(scores, own, strict=True)])
        n = np.median(perplexity(neg, 0.1))
        taus = theory.temperature_for_entropy(neg, np.log(n)).numpy()
        losses = (np.log1p(np.exp((neg - pos[:, None]) / t).sum(-1)) for t in (0.1, taus[:, None]))
        widths.append([float(np.subtract(*np.quantile(loss, [0.9, 0.1]))) for loss in losses])
    shared, adapted = np.mean(widths, axis=0)
    assert shared > 5 and adapted > 0.8 * shared


def softmax(scores: np.ndarray, tau: np.ndarray | float) -> np.ndarray:
    weights = np.exp(scores / tau)
    return weights / weights.sum(-1, keepdims=True)


def perplexity(scores: np.ndarray, tau: np.ndarray | float) -> np.ndarray:
    p = softmax(scores, tau)
    return np.exp(-(p * np.log(p)).sum(-1))


def test_adapted_temperatures_give_the_wanted_number() -> None:
    scores = np.random.default_rng(0).uniform(-1, 1, (6, 120))
    explainer = AdaptiveTemperature(scores, [3, 1, 1, 2, 0, 0], np.zeros((6, 8, 8)))
    result = explainer.at(n=37, tau=0.2)
    assert result.effective == pytest.approx(perplexity(scores, 0.2), rel=1e-10)
    assert perplexity(scores, result.own[:, None]) == pytest.approx(np.full(6, 37.0), rel=1e-10)
    scene = explainer.scene(result)
    too_few = scene["own"]["role"] == "semi_hard"
    assert (too_few == (result.effective < 37)).all(), "too few count where the own τ is higher"
    assert result.span == pytest.approx([np.ptp(np.sort(row)[-37:]) for row in scores])
    low, high = scene["named"]["which"]
    assert (result.own[low], result.own[high]) == (result.own.min(), result.own.max())


def test_own_temperatures_stay_where_they_are_when_the_shared_one_moves() -> None:
    explainer = AdaptiveTemperature(
        np.random.default_rng(0).uniform(-1, 1, (6, 120)), list(range(6)), np.zeros((6, 8, 8))
    )
    drawn = [explainer.scene(explainer.at(n=20, tau=tau))["own"]["y"] for tau in (0.005, 0.05, 0.5)]
    assert (drawn[0] == drawn[1]).all() and (drawn[1] == drawn[2]).all()
    assert np.unique(drawn[0]).size == 6, "none is cut to a common largest size"


def test_adaptive_temperature_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"scores .* got \(4, 100\)"):
        AdaptiveTemperature(np.zeros((4, 100)), [0, 1, 2, 3], np.zeros((4, 8, 8)))
    with pytest.raises(ValueError, match=r"labels .* got shape \(3,\)"):
        AdaptiveTemperature(np.zeros((4, 120)), [0, 1, 2], np.zeros((4, 8, 8)))
    with pytest.raises(ValueError, match=r"pictures .* got shape \(3, 8, 8\)"):
        AdaptiveTemperature(np.zeros((4, 120)), [0, 1, 2, 3], np.zeros((3, 8, 8)))


def test_softmax_weights_share_on_false_negatives() -> None:
    scores = np.random.default_rng(1).uniform(-1, 1, 256)
    false = scores > 0.7
    result = SoftmaxWeights(scores, torch.from_numpy(false)).at(tau=0.2, k=100)
    p = softmax(scores[:100], 0.2)
    assert result.weights == pytest.approx(p, rel=1e-12)
    assert result.false_share == pytest.approx(p[false[:100]].sum(), rel=1e-12)
    assert result.effective == pytest.approx(perplexity(scores[:100], 0.2), rel=1e-10)


def test_softmax_weights_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"scores .* got shape \(100,\)"):
        SoftmaxWeights(torch.zeros(100))
    with pytest.raises(ValueError, match=r"false .* got shape \(255,\)"):
        SoftmaxWeights(torch.zeros(256), torch.zeros(255, dtype=torch.bool))


def test_plain_variance_does_not_rank_real_anchors_at_a_usual_temperature() -> None:
    images, labels = datasets.digit_embeddings()
    scores = torch.stack([(images @ images[i])[labels != labels[i]][:1500] for i in range(0, 1797, 9)])

    def rank(tau: float) -> float:
        p = softmax(scores.numpy(), tau)
        spread = (p * scores.numpy() ** 2).sum(-1) - (p * scores.numpy()).sum(-1) ** 2
        return float(spearmanr(scores.var(-1), spread)[0])  # type: ignore[arg-type]

    assert rank(0.1) < -0.2
    assert rank(10) > 0.99


@pytest.mark.parametrize("n", [16, 64])
def test_pixels_and_embedding_share_alike_at_the_same_number_only(n: int) -> None:
    labels = datasets.digits().labels[:512]
    others = ~torch.eye(512, dtype=torch.bool)
    false = (labels[:, None] == labels)[others].view(512, 511)[:128].numpy()
    shares: dict[str, list[float]] = {"same τ": [], "same number": []}
    for vectors in (datasets.digits().images, datasets.digit_embeddings().embeddings):
        unit = torch.nn.functional.normalize(vectors[:512], dim=1)
        scores = (unit @ unit.T)[others].view(512, 511)[:128]
        own = theory.temperature_for_entropy(scores, np.log(n))[:, None].numpy()
        for key, tau in (("same τ", 0.1), ("same number", own)):
            shares[key].append(float((softmax(scores.numpy(), tau) * false).sum(-1).mean()))
    assert abs(np.diff(shares["same number"])[0]) < 0.05
    assert abs(np.diff(shares["same τ"])[0]) > 0.3


def floor(k: int, tau: float, gap: float) -> float:
    return float(mp.log1p(k * mp.exp(-mp.mpf(gap) / mp.mpf(tau))))


@pytest.mark.parametrize(
    ("k", "tau", "one", "all_of_them"),
    [(1000, 0.5, 2.961, 4.922), (1000, 0.1, 2.061e-6, 0.04401), (1000, 0.07, 3.905e-10, 6.16e-4),
        (65_536, 0.07, 2.559e-8, 0.0401)],
)  # fmt: skip
def test_two_floors_of_the_loss(k: int, tau: float, one: float, all_of_them: float) -> None:
    assert floor(k, tau, 2) == pytest.approx(one, rel=1e-3)
    assert floor(k, tau, 1 + 1 / k) == pytest.approx(all_of_them, rel=2e-3)


def in_batch_loss(
    query: torch.Tensor, key: torch.Tensor, tau: float, false: torch.Tensor | None = None
) -> torch.Tensor:
    scores = query @ key.mT / tau
    scores = scores if false is None else scores.masked_fill(false, -torch.inf)
    return torch.nn.functional.cross_entropy(scores, torch.arange(len(scores)))


def test_a_simplex_reaches_the_floor_of_all_anchors_and_training_does_not_pass_it() -> None:
    k, tau = 7, 0.1
    least = floor(k, tau, 1 + 1 / k)
    simplex = torch.nn.functional.normalize(torch.eye(k + 1, dtype=torch.float64) - 1 / (k + 1), dim=1)
    assert in_batch_loss(simplex, simplex, tau).item() == pytest.approx(least, rel=1e-9)
    assert least > 1000 * floor(k, tau, 2), "the antipode of one anchor is out of reach for all"
    start = torch.randn(2, k + 1, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    free = start.requires_grad_()
    adam = torch.optim.Adam([free], lr=0.1)
    loss = torch.tensor(torch.inf)
    for _ in range(150):
        query, key = torch.nn.functional.normalize(free, dim=-1)
        loss = in_batch_loss(query, key, tau)
        assert loss.item() > least
        adam.zero_grad()
        loss.log().backward()  # the loss itself is too flat near its floor
        adam.step()
    assert loss.item() < 1.3 * least


def trained(tau: float, masked: bool, steps: int = 80, keep: int | None = None) -> float:
    """Own digit among the 50 nearest of 400 digits that training has not seen.

    The loop is another than the chapter's, with one seed and one matrix.
    """
    images, labels = datasets.digits()
    images = images - images.mean(0)
    generator = torch.Generator().manual_seed(3)
    known, asked = torch.randperm(len(images), generator=generator)[:1400].split([1000, 400])
    count = labels[known].bincount()
    kinds = torch.nn.utils.rnn.pad_sequence([known[labels[known] == digit] for digit in range(10)], True)
    matrix = (torch.randn(64, 16, generator=generator, dtype=torch.float64) / 8).requires_grad_()
    adam = torch.optim.Adam([matrix], lr=0.02)
    for _ in range(steps):
        a = known[torch.randint(1000, (128,), generator=generator)]
        spin = torch.rand(128, generator=generator)
        b = kinds[labels[a], (spin * count[labels[a]]).long()]
        key, query = (torch.nn.functional.normalize(images[side] @ matrix, dim=1) for side in (b, a))
        false = (labels[a][:, None] == labels[b]) & ~torch.eye(128, dtype=torch.bool)
        if keep:
            others = (
                (query @ key.mT).detach().masked_fill(torch.eye(128, dtype=torch.bool) | false, -torch.inf)
            )
            false = (others < others.topk(keep).values[:, -1:]) & ~torch.eye(128, dtype=torch.bool)
        adam.zero_grad()
        in_batch_loss(query, key, tau, false if masked else None).backward()
        adam.step()
    here, there = (torch.nn.functional.normalize(images[i] @ matrix.detach(), dim=1) for i in (asked, known))
    near = (here @ there.T).topk(50).indices
    return float((labels[known][near] == labels[asked][:, None]).double().mean())


def test_a_low_temperature_hurts_because_of_the_false_negatives() -> None:
    low, middle, high = (trained(tau, masked=False) for tau in (0.03, 0.2, 1.0))
    assert middle > low + 0.03 and middle > high + 0.01
    assert trained(0.03, masked=True) > low + 0.03, "left out, they do no harm"


def test_a_high_temperature_hurts_because_of_the_easy_negatives() -> None:
    every, hardest = trained(1.0, masked=True), trained(1.0, masked=True, keep=30)
    assert hardest > every + 0.01


def test_the_recipe_reads_off_a_temperature_near_the_best_of_the_sweep() -> None:
    images = datasets.digits().images
    start = torch.randn(64, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = torch.nn.functional.normalize((images - images.mean(0))[:128] @ start, dim=1)
    gaps = (x @ x.T)[~torch.eye(128, dtype=torch.bool)].view(128, 127)
    read = [
        theory.temperature_for_entropy(gaps, np.log(3 * 127 * part)).median().item() for part in (0.1, 0.2)
    ]
    assert read == pytest.approx([0.2, 0.34], rel=0.15)
