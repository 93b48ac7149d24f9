"""Chapter 06: what its explainers compute, against independent computations, and what its prose claims."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from mpmath import mp
from scipy.optimize import minimize
from scipy.special import expit, log_softmax

from nslab import datasets, unigram
from nslab.explain import DrawsAndPush, NoiseTarget, RareClass

# --- two classes


@pytest.mark.parametrize("alpha", [-1.0, 0.0, 0.75, 1.25])
@pytest.mark.parametrize(("r", "k"), [(1, 1), (1000, 10), (10_000, 1000)])
def test_the_rare_class_is_drawn_as_the_definition_says(alpha: float, r: int, k: int) -> None:
    result = RareClass().at(alpha=alpha, r=r, k=k)
    with mp.workdps(40):
        q = 1 / (mp.mpf(r) ** mp.mpf(alpha) + 1)
        assert result.q == pytest.approx(float(q), rel=1e-12)
        assert result.seen == pytest.approx(float(1 - (1 - q) ** k), rel=1e-12)
        assert result.rare == pytest.approx(float(k * q * (r + 1)), rel=1e-12)
        assert result.frequent == pytest.approx(float(k * (1 - q) * (r + 1) / r), rel=1e-12)


def test_the_curves_pass_through_the_marked_points() -> None:
    grid = np.linspace(-1, 1.25, 46)
    for alpha in (-1.0, 0.5, 1.25):
        result, i = RareClass().at(alpha=alpha), int(np.abs(grid - alpha).argmin())
        assert result.rares[i] * result.k == pytest.approx(result.rare, rel=1e-9)
        assert result.frequents[i] * result.k == pytest.approx(result.frequent, rel=1e-9)


@pytest.mark.parametrize(
    ("alpha", "draws"),
    [(1.0, [[9990, 9.99], [9.99, 0.00999]]), (0.75, [[9944, 55.92], [9.944, 0.05592]]),
        (0.0, [[5000] * 2, [5] * 2])],
)  # fmt: skip
def test_who_draws_whom(alpha: float, draws: list[list[float]]) -> None:
    result = RareClass().at(alpha=alpha)
    assert result.draws == pytest.approx(np.array(draws), rel=1e-3)
    assert result.draws.sum(1) == pytest.approx([10_000, 10])
    assert result.draws.sum(0) / [1000, 1] == pytest.approx([result.frequent, result.rare])


@pytest.mark.parametrize(
    ("alpha", "dogs", "aardvarks"), [(1.0, "9.99", "0.00999"), (0.25, "8.49", "1.51"), (0.0, "5", "5")]
)
def test_the_aardvark_picture_gets_fewer_dogs(alpha: float, dogs: str, aardvarks: str) -> None:
    explainer = RareClass()
    scene = explainer.scene(explainer.at(alpha=alpha, r=1000, k=10))
    assert scene["its"]["text"] == f"its 10 draws: {dogs} “dog”, {aardvarks} “aardvark”"
    assert "too thin" in scene["thin"]["text"], "its bands are higher than their share of all draws"


@pytest.mark.parametrize(("r", "alpha"), [(1, 0.5), (3, 1.0), (10, 0.0)])
def test_bands_are_as_high_as_their_shares_where_nothing_is_said(r: int, alpha: float) -> None:
    explainer = RareClass()
    result = explainer.at(alpha=alpha, r=r)
    scene = explainer.scene(result)
    names = ("dog", "aardvark")
    high = [
        [np.ptp([scene[f"{a}_{b}"]["low"][0], scene[f"{a}_{b}"]["high"][0]]) for b in names] for a in names
    ]
    assert scene["thin"]["text"] == ""
    assert np.array(high) / np.sum(high) == pytest.approx(result.draws / result.draws.sum())


@pytest.mark.parametrize(
    ("alpha", "q", "seen"),
    [(1.0, 9.99e-4, 0.0099), (0.75, 5.59e-3, 0.0545), (0.5, 0.0307, 0.2675), (0.0, 0.5, 0.9990)],
)
def test_a_thousand_to_one(alpha: float, q: float, seen: float) -> None:
    result = RareClass().at(alpha=alpha, r=1000, k=10)
    assert result.q == pytest.approx(q, rel=2e-3) and result.seen == pytest.approx(seen, abs=6e-5)


def test_only_alpha_one_gives_every_class_k_negatives_per_positive() -> None:
    for alpha, ratio in ((1.0, 1), (0.75, 5.623), (0.5, 31.62), (0.25, 177.8), (0.0, 1000), (-0.5, 31_623)):
        result = RareClass().at(alpha=alpha, r=1000)
        assert result.rare / result.frequent == pytest.approx(ratio, rel=1e-3)
    assert RareClass().at(alpha=1.0).rare == pytest.approx(10) == RareClass().at(alpha=1.0).frequent


def test_the_exponent_for_a_wanted_share() -> None:
    alpha = math.log(0.95 / 0.05) / math.log(1000)
    assert alpha == pytest.approx(0.42625, abs=5e-6)
    assert float(unigram([1000, 1], alpha)[1]) == pytest.approx(0.05, rel=1e-12)


def test_rows_of_the_table_do_not_depend_on_alpha() -> None:
    pictures = np.array([1000.0, 1.0])
    tables = {a: np.outer(pictures * 10, pictures**a / (pictures**a).sum()) for a in (1, 0)}
    assert tables[1].sum(1) == pytest.approx([10_000, 10]) == tables[0].sum(1)
    assert tables[1].sum(0) / pictures == pytest.approx([10, 10])
    assert tables[1][1, 0] == pytest.approx(9.99, abs=1e-3) and tables[0][1, 0] == pytest.approx(5)
    assert tables[0][0, 1] / tables[1][0, 1] == pytest.approx(500.5)


# --- draws and push


@pytest.fixture(scope="module")
def counts() -> np.ndarray:
    return np.array(sorted(Counter(word for report in datasets.lee() for word in report).values()))


def draws_and_push(counts: Any) -> DrawsAndPush:
    return DrawsAndPush([f"word {i}" for i in range(len(counts))], counts)


def by_band(shares: np.ndarray, counts: np.ndarray) -> list[float]:
    bands = [int(n).bit_length() - 1 for n in counts]
    return [float(shares[np.array(bands) == band].sum()) for band in range(max(bands) + 1)]


@pytest.mark.parametrize(("alpha", "k"), [(-1.0, 1), (0.0, 5), (0.75, 100), (1.25, 1000)])
def test_push_at_the_optimum_and_at_the_start(counts: np.ndarray, alpha: float, k: int) -> None:
    p, q = counts / counts.sum(), counts**alpha / (counts**alpha).sum()
    left = p * k * q / (p + k * q)
    explainer = draws_and_push(counts)
    end, start = explainer.at(alpha=alpha, k=k, t=1.0), explainer.at(alpha=alpha, k=k, t=0.0)
    assert end.draws == pytest.approx(by_band(q, counts), rel=1e-9) == start.draws
    assert end.push == pytest.approx(by_band(left / left.sum(), counts), rel=1e-9)
    assert start.push == pytest.approx(start.draws, rel=1e-9)
    assert end.top == pytest.approx((q[-1], left[-1] / left.sum()), rel=1e-9)
    drawn = np.array(by_band(q, counts))
    assert end.sigma * drawn == pytest.approx(by_band(q * p / (p + k * q), counts), rel=1e-9)
    assert start.sigma[drawn > 0] == pytest.approx(0.5)


def test_the_curves_of_the_rarest_words_pass_through_the_shares(counts: np.ndarray) -> None:
    explainer, alphas = draws_and_push(counts), np.linspace(-1, 1.25, 46)
    for alpha, k, t in ((-1.0, 5, 1.0), (0.5, 40, 0.6), (1.25, 1000, 0.0)):
        result, i = explainer.at(alpha=alpha, k=k, t=t), int(np.abs(alphas - alpha).argmin())
        assert (result.drawn[i], result.pushed[i]) == pytest.approx(result.once, rel=1e-9)


def test_a_word_is_shown_where_it_has_room() -> None:
    explainer = DrawsAndPush(["rarely", "rare", "the"], [1, 1, 14])
    words = explainer.scene(explainer.at(alpha=0.0))["draws_words"]
    assert words["x"] == pytest.approx([1 / 3, np.nan, np.nan, 5 / 6], nan_ok=True)
    assert words["value"] == pytest.approx([2 / 3, 0, 0, 1 / 3])


def test_the_explainers_ask_before_they_tell(pairs: tuple[list[str], np.ndarray]) -> None:
    explainer = fire(pairs)
    assert explainer.alpha == 1.0, "the cloud is not flat, and the answer for α = 0 is not on show"
    assert explainer.top_words(explainer.at())[0] == "rural"
    for cls in (RareClass, DrawsAndPush, NoiseTarget):
        assert cls.question and cls.question.endswith("?")


def test_words_seen_once() -> None:
    explainer = DrawsAndPush(*datasets.lee_vocabulary())
    for alpha, mass in ((1.0, 0.050), (0.75, 0.121), (0.0, 0.433)):
        assert explainer.at(alpha=alpha).once[0] == pytest.approx(mass, abs=5e-4)


def test_more_negatives_bring_the_push_back_to_the_data(counts: np.ndarray) -> None:
    data = np.array(by_band(counts / counts.sum(), counts))
    explainer = draws_and_push(counts)
    gaps = [np.abs(explainer.at(alpha=0.0, k=k, t=1.0).push - data).sum() for k in (1, 5, 50, 1000)]
    assert gaps == sorted(gaps, reverse=True) and gaps[0] > 5 * gaps[-1]
    assert explainer.at(alpha=1.0, k=7, t=0.4).push == pytest.approx(data, rel=1e-9)


# --- the target


@pytest.fixture(scope="module")
def pairs() -> tuple[list[str], np.ndarray]:
    words = [word for word, n in zip(*datasets.lee_vocabulary(), strict=True) if n >= 10]
    place = {word: i for i, word in enumerate(words)}
    n = np.zeros((len(words), len(words)))
    for report in dict.fromkeys(datasets.lee()):
        ids = [place[word] for word in report if word in place]
        for i, a in enumerate(ids):
            for c in ids[i + 1 : i + 6]:
                n[a, c] += 1
                n[c, a] += 1
    return words, n


def fire(pairs: tuple[list[str], np.ndarray]) -> NoiseTarget:
    words, n = pairs
    return NoiseTarget(words, n.sum(0), n[words.index("fire")])


def test_the_list_names_the_highest_and_marks_the_common(pairs: tuple[list[str], np.ndarray]) -> None:
    target = fire(pairs)
    words, n = pairs
    commonest = {words[i] for i in np.argsort(-n.sum(0))[:20]}
    for alpha in (-0.5, 0.75):
        result = target.at(alpha=alpha)
        scene = target.scene(result)
        assert scene["ranking"]["value"] == pytest.approx(np.sort(result.logits)[::-1][:10])
        purple = [word in commonest for word in target.top_words(result)]
        assert [role == "focus" for role in scene["ranking"]["role"]] == purple
        shown = np.append(scene["dots"]["y"], scene["words"]["y"])
        assert len(shown) == 120 and 10 < len(scene["words"]["y"]) <= 40


def test_the_logits_minimise_the_loss_of_each_pair(pairs: tuple[list[str], np.ndarray]) -> None:
    words, n = pairs
    row, f = n[words.index("fire")], n.sum(0)
    for alpha, k in ((-0.5, 1), (0.75, 5), (1.25, 60)):
        q = f**alpha / (f**alpha).sum()
        shown = np.flatnonzero(row)[:20]
        found = fire(pairs).at(alpha=alpha, k=k).logits[:20]
        for c, s in zip(shown, found, strict=True):
            positive, negative = row[c], row.sum() * k * q[c]
            slope = negative * expit(s) - positive * expit(-s)
            assert abs(slope) < 1e-9 * positive


def test_alpha_moves_from_log_p_to_pmi_and_k_keeps_the_ranking(pairs: tuple[list[str], np.ndarray]) -> None:
    words, n = pairs
    row, f = n[words.index("fire")], n.sum(0) / n.sum()
    seen = row > 0
    log_p = np.log(row[seen] / row.sum())
    pmi = log_p - np.log(f[seen])
    for alpha in (-0.5, 0.0, 0.5, 1.0, 1.25):
        result = fire(pairs).at(alpha=alpha)
        rest = result.logits - ((1 - alpha) * log_p + alpha * pmi)
        assert np.ptp(rest) < 1e-9
        top = fire(pairs).at(alpha=alpha, k=60).top  # words with one logit may stand in either order
        assert result.logits[top] == pytest.approx(result.logits[result.top], abs=1e-9)
    assert fire(pairs).at(alpha=1.0, k=5).logits == pytest.approx(pmi - math.log(5), rel=1e-9, abs=1e-9)


def test_what_the_reveal_says_about_fire(pairs: tuple[list[str], np.ndarray]) -> None:
    explainer = fire(pairs)
    tops = {alpha: explainer.top_words(explainer.at(alpha=alpha)) for alpha in (-0.5, 0.0, 1.0)}
    assert tops[-0.5][0] == tops[0.0][0] == "the"
    assert tops[1.0][:2] == ["rural", "service"] and "the" not in tops[1.0]


def test_the_curvature_at_the_optimum_is_the_push_that_is_left() -> None:
    with mp.workdps(30):
        p, kq = mp.mpf("0.03"), 5 * mp.mpf("0.002")

        def loss(s: float) -> float:
            return p * mp.log(1 + mp.exp(-s)) + kq * mp.log(1 + mp.exp(s))

        optimum = mp.log(p / kq)
        assert abs(mp.diff(loss, optimum)) < 1e-20
        left = p * kq / (p + kq)
        assert mp.almosteq(kq / (1 + mp.exp(-optimum)), left)
        assert abs(mp.diff(loss, optimum, 2) - left) < 1e-12


def test_where_it_is_read_matters_far_more_than_how_it_was_trained() -> None:
    """Another split and another training than the chapter's: L-BFGS with weight decay, no early stopping."""
    size, dim, k, decay = 300, 16, 5, 1e-4
    words = datasets.lee_vocabulary().words[:size]
    place = {word: i for i, word in enumerate(words)}
    reports = list(dict.fromkeys(datasets.lee()))
    order = np.random.default_rng(1).permutation(len(reports))

    def count(part: np.ndarray) -> np.ndarray:
        n = np.zeros((size, size))
        for i in part:
            ids = np.array([place[word] for word in reports[i] if word in place])
            for gap in range(1, 6):
                np.add.at(n, (ids[:-gap], ids[gap:]), 1)
        return n + n.T

    learn, test = count(order[:220]), count(order[220:])
    f = learn.sum(0)
    noise = {alpha: f**alpha / (f**alpha).sum() for alpha in (1.0, 0.0)}

    def train(q: np.ndarray) -> np.ndarray:
        positive = learn / learn.sum()
        negative = k * positive.sum(1, keepdims=True) * q

        def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
            u, v = x.reshape(2, size, dim)
            s = u @ v.T
            slope = (positive + negative) * expit(s) - positive
            value = ((positive + negative) * np.logaddexp(0, s) - positive * s).sum() + decay * x @ x / 2
            return float(value), np.concatenate([(slope @ v).ravel(), (slope.T @ u).ravel()]) + decay * x

        start = np.random.default_rng(2).normal(0, 0.1, 2 * size * dim)
        u, v = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 100}).x.reshape(
            2, size, dim
        )
        return u @ v.T

    def found(logits: np.ndarray) -> float:
        top = np.argsort(-logits, axis=1)[:, :10]
        hit = np.zeros_like(test)
        np.put_along_axis(hit, top, 1, axis=1)
        return float((test * hit)[:, 100:].sum() / test[:, 100:].sum())

    scores = {alpha: train(q) for alpha, q in noise.items()}
    share = {
        (trained, read): found(s + np.log(noise[trained] / noise[read]))
        for trained, s in scores.items()
        for read in noise
    }
    control = (test * np.log(f / f.sum())).sum()
    for alpha, q in noise.items():
        assert (test * log_softmax(scores[alpha] + np.log(q), axis=1)).sum() > control
        assert share[alpha, 1.0] > 5 * share[alpha, 0.0]
    assert share[0.0, 1.0] == pytest.approx(share[1.0, 1.0], rel=0.4)


# --- what the chapter says about its counts and its training


def test_some_pairs_stand_farther_apart_than_the_window() -> None:
    """Rarer words are removed first, so the window of 5 reaches farther in the full text."""
    vocabulary, reports = datasets.lee_vocabulary(), list(dict.fromkeys(datasets.lee()))
    for size, share in (((vocabulary.counts >= 10).sum().item(), 0.23), (300, 0.39)):
        place, gaps = set(vocabulary.words[:size]), []
        for report in reports:
            spots = np.array([i for i, word in enumerate(report) if word in place])
            gaps += [spots[gap:] - spots[:-gap] for gap in range(1, 6)]
        assert (np.concatenate(gaps) > 5).mean() == pytest.approx(share, abs=0.006)


@pytest.fixture(scope="module")
def split() -> tuple[np.ndarray, np.ndarray]:
    """Counts of 300 words in 220 reports, and in the 73 others."""
    place = {word: i for i, word in enumerate(datasets.lee_vocabulary().words[:300])}
    reports = list(dict.fromkeys(datasets.lee()))
    order, parts = np.random.default_rng(5).permutation(len(reports)), []
    for part in (order[:220], order[220:]):
        n = np.zeros((300, 300))
        for i in part:
            ids = np.array([place[word] for word in reports[i] if word in place])
            for gap in range(1, 6):
                np.add.at(n, (ids[:-gap], ids[gap:]), 1)
        parts.append(n + n.T)
    return parts[0], parts[1]


def nats(logp: np.ndarray, n: np.ndarray) -> float:
    return float(-(n * logp).sum() / n.sum())


def test_smoothed_counts_gain_nearly_all_that_a_trained_model_gains(
    split: tuple[np.ndarray, np.ndarray],
) -> None:
    learn, test = split
    f = learn.sum(0) / learn.sum()
    control = nats(np.broadcast_to(np.log(f), learn.shape), test)
    smoothed = (learn + 1000 * f) / (learn.sum(1, keepdims=True) + 1000)
    gain = control - nats(np.log(smoothed), test)
    assert control == pytest.approx(4.78, abs=0.05)
    assert 0.035 < gain < 0.07, "the best model of the chapter gains about 0.055"


def test_one_set_of_draws_costs_more_at_a_low_exponent_than_new_draws(
    split: tuple[np.ndarray, np.ndarray],
) -> None:
    """Much of what α = −0.5 costs comes from draws that are used again in every step. 200 words."""
    learn, test = (n[:200, :200] for n in split)
    f = learn.sum(0) / learn.sum()
    best: dict[tuple[str, float], float] = {}
    for alpha in (1.0, -0.5):
        q = f**alpha / (f**alpha).sum()
        expected = 5 * learn.sum(1, keepdims=True) * q
        for name in ("fresh", "frozen"):
            rng = np.random.default_rng(0)
            negative = rng.poisson(expected)
            u, v = np.random.default_rng(1).normal(0, 0.25, (200, 16)), np.zeros((200, 16))
            squares, found = [np.full_like(u, 1e-12), np.full_like(v, 1e-12)], []
            for step in range(201):
                if name == "fresh" and step % 4 == 0:
                    negative = rng.poisson(expected)
                s = u @ v.T
                if step % 20 == 0:
                    found.append(nats(log_softmax(s + np.log(q), axis=1), test))
                slope = ((learn + negative) * expit(s) - learn) / learn.sum()
                moves = (slope @ v + 3e-5 * u, slope.T @ u + 3e-5 * v)
                for x, move, square in zip((u, v), moves, squares, strict=True):
                    square += move**2
                    x -= 0.2 * move / np.sqrt(square)
            best[name, alpha] = min(found)
    cost = {name: best[name, -0.5] - best[name, 1.0] for name in ("fresh", "frozen")}
    assert cost["frozen"] > 0.003 and cost["frozen"] > cost["fresh"] + 0.002, cost


def test_the_forces_of_a_positive_and_of_the_draws_balance_at_the_optimum() -> None:
    p, k, q = 0.02, 5, 0.004
    s = math.log(p) - math.log(k * q)
    assert s == pytest.approx(0, abs=1e-12)
    for q in (0.004, 0.002, 0.3):
        s = math.log(p) - math.log(k * q)
        assert p / (1 + math.exp(s)) == pytest.approx(k * q / (1 + math.exp(-s)), rel=1e-12)


# --- bad input


def test_draws_and_push_wants_a_word_for_each_count() -> None:
    with pytest.raises(ValueError, match=r"counts must be one number a word, got 1 and \(2,\)"):
        DrawsAndPush(["the"], [3.0, 1.0])


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ([[1.0, 2.0]], ["counts", "got 1 and (1, 2)"]),
        ([3.0, 0.5], ["counts", "0.5"]),
        ([1.0, math.nan], ["counts", "nan"]),
    ],
)
def test_draws_and_push_refuses(counts: list, words: list[str]) -> None:
    with pytest.raises(ValueError) as caught:
        draws_and_push(counts)
    assert all(word in str(caught.value) for word in words)


NAMES, MANY = [str(i) for i in range(12)], torch.ones(12)


@pytest.mark.parametrize(
    ("counts", "with_anchor", "words"),
    [
        (torch.ones(11), MANY, ["counts", "12", "(11,)"]),
        (MANY, torch.ones(11), ["with_anchor", "(11,)"]),
        (torch.zeros(12), MANY, ["counts", "0.0"]),
        (MANY, -MANY, ["with_anchor", "-1.0"]),
        (MANY, torch.eye(12)[0], ["with_anchor", "at least 10", "got 1"]),
    ],
)
def test_noise_target_refuses(counts: torch.Tensor, with_anchor: torch.Tensor, words: list[str]) -> None:
    with pytest.raises(ValueError) as caught:
        NoiseTarget(NAMES, counts, with_anchor)
    assert all(word in str(caught.value) for word in words), str(caught.value)
