"""Chapter 11: what its explainers compute, against independent computations, and what its prose claims."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from scipy.optimize import minimize
from scipy.special import expit, wrightomega
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from nslab import datasets, sgns_loss, unigram
from nslab.explain import RowNeighbours, TableTraining
from nslab.explain.table_training import STEP, TIMES, _sink, _walk

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "11_words.ipynb"
REPORTS = list(dict.fromkeys(datasets.lee()))
COUNTER = Counter(word for report in REPORTS for word in report)
WORDS = sorted((word for word in COUNTER if COUNTER[word] >= 5), key=lambda word: (-COUNTER[word], word))


def near(reports: list[tuple[str, ...]], size: int) -> np.ndarray:
    place = {word: i for i, word in enumerate(WORDS[:size])}
    n = np.zeros((size, size))
    for report in reports:
        ids = np.array([place[word] for word in report if word in place], dtype=int)
        for gap in range(1, 6):
            np.add.at(n, (ids[:-gap], ids[gap:]), 1)
    return n + n.T


@pytest.fixture(scope="module")
def often() -> np.ndarray:
    return near(REPORTS, 150)


def pmi_of(n: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.log(n * n.sum() / np.outer(n.sum(1), n.sum(0)))


def slope_on(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> float:
    return float(np.polyfit(x, y, 1, w=np.sqrt(weight))[0])


# --- a table in training


@pytest.mark.parametrize(("a", "b"), [(1.0, 30.0), (12.0, 3.0), (5.0, 5.0), (400.0, 900.0)])
def test_a_seen_pair_walks_as_its_equation_says(a: float, b: float) -> None:
    times = np.array([0.01, 0.3, 2.0])
    flow = solve_ivp(
        lambda _, s: a * expit(-s) - b * expit(s), (0, 2), [0.0], "LSODA", times, rtol=1e-10, atol=1e-12
    )
    found = [_walk(np.array([a]), np.array([b]), t)[0] for t in times]
    assert found == pytest.approx(flow.y[0], abs=1e-7)
    assert _walk(np.array([a]), np.array([b]), 1e5)[0] == pytest.approx(math.log(a / b), abs=1e-9)


def test_a_pair_never_seen_sinks_like_minus_ln_of_time() -> None:
    for b in (0.2, 7.0, 300.0):
        bt = b * np.array([1e-3, 1.0, 1e3])
        exact = -(1 + bt - wrightomega(1 + bt).real)  # y + e^y = 1 + bt
        found = [_sink(np.array([b]), t / b)[0] for t in bt]
        assert found == pytest.approx(exact, abs=1e-9)
        far = [_sink(np.array([b]), t)[0] for t in (1e6, 1e7)]
        assert far[1] - far[0] == pytest.approx(-math.log(10), abs=1e-3)


@pytest.mark.parametrize(("k", "shift"), [(1, 0.0), (5, -1.609), (15, -2.708)])
def test_k_shifts_the_line_and_keeps_its_slope(often: np.ndarray, k: int, shift: float) -> None:
    result = TableTraining(often).at(k=k, alpha=1.0, passes=100_000)
    assert result.gap == pytest.approx(shift, abs=5e-4) == -math.log(k)
    assert result.slope == pytest.approx(1, abs=1e-4)


def test_a_table_trained_by_another_optimiser_ends_there_too(often: np.ndarray) -> None:
    n = often[:40, :40]
    f, seen = n.sum(0) / n.sum(), n > 0
    for k in (1, 5):
        drawn = k * np.outer(n.sum(1), f)

        def loss(x: np.ndarray, drawn: np.ndarray = drawn) -> tuple[float, np.ndarray]:
            s = x.reshape(n.shape)
            value = (n * np.logaddexp(0, -s) + drawn * np.logaddexp(0, s)).sum()
            return float(value), (drawn * expit(s) - n * expit(-s)).ravel()

        s = minimize(loss, np.zeros(n.size), jac=True, method="L-BFGS-B", options={"maxiter": 400}).x.reshape(
            n.shape
        )
        weight = n[seen] / n.sum()
        assert weight @ (s - pmi_of(n))[seen] == pytest.approx(-math.log(k), abs=2e-3)
        assert slope_on(pmi_of(n)[seen], s[seen], weight) == pytest.approx(1, abs=0.01)


def test_alpha_tilts_each_context_by_its_frequency(often: np.ndarray) -> None:
    explainer = TableTraining(often)
    f = often.sum(0) / often.sum()
    context = explainer._context[explainer._seen]
    for alpha in (-0.5, 0.0, 0.75):
        rest = (
            explainer.at(k=3, alpha=alpha, passes=100_000).scores
            - explainer._pmi
            - (1 - alpha) * np.log(f[context])
        )
        assert np.quantile(rest, 0.99) - np.quantile(rest, 0.01) < 1e-3
    assert STEP == 0.025


def test_the_heat_map_and_the_paths_are_scores_of_their_pairs(often: np.ndarray) -> None:
    explainer = TableTraining(often, WORDS[:150])
    k, alpha, time = 3, 0.5, STEP * 1000
    result, shown = explainer.at(k=k, alpha=alpha, passes=1000), explainer._shown
    f = often.sum(0) ** alpha / (often.sum(0) ** alpha).sum()
    for i, j in [*explainer._examples, (0, 15), (15, 0), (7, 7)]:
        a, b = often[shown[i], shown[j]], k * often[shown[i]].sum() * f[shown[j]]
        expected = _walk(np.array([a]), np.array([b]), time) if a else _sink(np.array([b]), time)
        assert result.table[i, j] == pytest.approx(expected[0], abs=1e-9)
    place = int(np.abs(TIMES - 1000).argmin())
    ends = [result.table[i, j] for i, j in explainer._examples]
    assert result.paths[:, place] == pytest.approx(ends, abs=1e-9)
    seen = [often[shown[i], shown[j]] > 0 for i, j in explainer._examples]
    assert seen == [True, True, False] and ends[0] > ends[1] > ends[2]


@pytest.mark.parametrize("k", [1, 2, 5, 60])
def test_colors_say_the_sign_and_no_name_lies_on_the_line_at_zero(often: np.ndarray, k: int) -> None:
    explainer = TableTraining(often, WORDS[:150])
    stage = explainer.stage()
    colored = [name for name, mark in stage.marks.items() if {"positive", "negative"} & {*mark.used_roles}]
    assert colored == ["cells"]  # a pair seen may well have a score below 0
    result = explainer.at(k=k, alpha=1.0, passes=1000)
    scene = explainer.scene(result)
    assert np.array_equal(scene["cells"]["role"] == "positive", result.table.ravel() >= 0)
    for i in range(len(explainer._examples)):
        name = scene[f"name {i}"]["y"]  # of its lower edge; it is not 1 high
        assert name > 0 or name + 1 < 0


def test_share_of_pairs_seen(often: np.ndarray) -> None:
    assert (often > 0).mean() == pytest.approx(0.81, abs=0.005)


# --- vectors


def factorise(n: np.ndarray, dim: int, k: int, seed: int, steps: int) -> np.ndarray:
    """L-BFGS on the expected loss, where the chapter uses AdaGrad."""
    size, positive = len(n), n / n.sum()
    negative = k * np.outer(positive.sum(1), positive.sum(0))

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        u, v = x.reshape(2, size, dim)
        s = u @ v.T
        slope = (positive + negative) * expit(s) - positive
        value = (positive * np.logaddexp(0, -s) + negative * np.logaddexp(0, s)).sum()
        return float(value), np.concatenate([(slope @ v).ravel(), (slope.T @ u).ravel()])

    start = np.random.default_rng(seed).normal(0, 0.1, 2 * size * dim)
    u, v = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": steps}).x.reshape(
        2, size, dim
    )
    return u @ v.T


def test_a_low_rank_departs_from_pmi(often: np.ndarray) -> None:
    seen, pmi = often > 0, pmi_of(often)
    weight = often[seen] / often.sum()
    eight = factorise(often, 8, 5, 0, 150)
    assert slope_on(pmi[seen], eight[seen], weight) == pytest.approx(0.57, abs=0.04)
    assert np.corrcoef(pmi[seen], eight[seen])[0, 1] == pytest.approx(0.58, abs=0.05)


def test_noise_of_the_anchors_own_contexts_teaches_nothing() -> None:
    p = np.random.default_rng(3).dirichlet(np.ones(6), size=4)
    for k in (1, 5):
        s = np.full(p.shape, -math.log(k))
        assert np.abs(k * p * expit(s) - p * expit(-s)).max() < 1e-14  # of terms below 1: 45 eps


# --- training, choosing and stopping


def cells() -> dict[str, str]:
    return {cell.id: cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells}


@pytest.fixture(scope="module")
def step() -> Any:
    space: dict[str, Any] = {}
    exec(cells()["step"], space)
    return space["step"]


def test_the_push_by_hand_is_the_gradient_of_sgns_loss(step: Any) -> None:
    size, dim, k = 12, 4, 3
    generator = torch.Generator().manual_seed(1)
    pairs = torch.randint(size, (40, 2), generator=generator)
    negatives = torch.randint(size, (40, k), generator=generator)
    u, v = (torch.randn(size, dim, generator=generator, dtype=torch.float64).requires_grad_() for _ in "uv")
    pos, neg = (u[pairs[:, 0]] * v[pairs[:, 1]]).sum(1), (u[pairs[:, 0], None] * v[negatives]).sum(2)
    slopes = torch.autograd.grad(sgns_loss(pos, neg, reduction="sum"), (u, v))
    met, drawn = torch.zeros(2, size, size, dtype=torch.float64)
    met.index_put_((pairs[:, 0], pairs[:, 1]), torch.ones(40, dtype=torch.float64), accumulate=True)
    rows = pairs[:, :1].expand(-1, k)
    drawn.index_put_((rows, negatives), torch.ones(40, k, dtype=torch.float64), accumulate=True)
    found, start = [u.detach().clone(), v.detach().clone()], [u.detach(), v.detach()]
    squares = [torch.full_like(x, 1e-12) for x in found]
    step(*found, met, drawn, squares, rate=0.1)
    for after, before, slope in zip(found, start, slopes, strict=True):
        expected = before - 0.1 * slope / (slope**2 + 1e-12).sqrt()
        assert torch.allclose(after, expected, rtol=0, atol=1e-10)  # steps of at most 0.1


def test_a_miss_weighs_pn_over_p_plus_n() -> None:
    for met, drawn, weight in ((12.0, 3.0, 2.4), (1000.0, 3.0, 3.0), (12.0, 15.0, 6.7), (1000.0, 15.0, 14.8)):
        s = torch.tensor(math.log(met / drawn), dtype=torch.float64, requires_grad=True)
        loss = met * torch.nn.functional.softplus(-s) + drawn * torch.nn.functional.softplus(s)
        slope = torch.autograd.grad(loss, s, create_graph=True)[0]
        assert slope.item() == pytest.approx(0, abs=1e-12)
        curvature = torch.autograd.grad(slope, s)[0].item()
        assert curvature == pytest.approx(met * drawn / (met + drawn)) == pytest.approx(weight, abs=0.05)


def test_for_vectors_k_is_more_than_a_shift(often: np.ndarray) -> None:
    n = often[:60, :60]
    one, many = (factorise(n, 4, k, 0, 400) for k in (1, 15))
    moved = (one - many)[n > 0]
    assert moved.mean() > 1 and moved.std() > 0.1  # in a table the same for every pair seen


def trained(
    step: Any, n: np.ndarray, alphas: list[float], starts: int, dim: int, steps: list[int]
) -> list[torch.Tensor]:
    """u after the steps: (alphas, starts, words, dim); every negative counted, k = 5."""
    counts = torch.tensor(n).sum(0)
    met = torch.tensor(n / n.sum()).float()
    drawn = torch.stack([5 * met.sum(1, keepdim=True) * unigram(counts, alpha).float() for alpha in alphas])
    u = torch.stack(
        [torch.randn(len(n), dim, generator=torch.Generator().manual_seed(seed)) for seed in range(starts)]
    )
    u = u.repeat(len(alphas), 1, 1) / dim**0.5
    v = torch.zeros_like(u)
    squares, found = [torch.full_like(u, 1e-30) for _ in "uv"], []
    for now in range(1, steps[-1] + 1):
        step(u, v, met, drawn.repeat_interleave(starts, 0), squares)
        if now in steps:
            found.append((u @ v.mT if dim > 50 else u).view(len(alphas), starts, len(n), -1).clone())
    return found


def test_what_a_full_rank_says_of_unseen_pairs_depends_on_when_one_stops(step: Any) -> None:
    order = np.random.default_rng(0).permutation(len(REPORTS))
    learn, later = (near([REPORTS[i] for i in part], 150) for part in (order[:200], order[200:]))
    unseen = learn == 0
    chance = np.log(np.outer(learn.sum(0), learn.sum(0)))[unseen]
    early, late = (
        roc_auc_score(later[unseen] > 0, chance + s[0, 0].numpy()[unseen])
        for s in trained(step, learn, [1], 1, 100, [50, 400])
    )
    assert early - roc_auc_score(later[unseen] > 0, chance) > 0.01 and late < early - 0.003


def test_the_pair_of_the_question_is_never_met(often: np.ndarray) -> None:
    united, per = WORDS[:150].index("united"), WORDS[:150].index("per")
    assert often[united, per] == 0 and "service" not in WORDS[:150]


# --- neighbours in the target


@pytest.fixture(scope="module")
def fire() -> RowNeighbours:
    return RowNeighbours(WORDS[:400], near(REPORTS, 400), "fire")


@pytest.mark.parametrize(("alpha", "k"), [(-0.5, 1), (0.0, 7), (0.75, 1), (1.0, 3)])
def test_cosines_of_the_cut_rows(fire: RowNeighbours, alpha: float, k: int) -> None:
    n = near(REPORTS, 400)
    q = n.sum(0) ** alpha / (n.sum(0) ** alpha).sum()
    with np.errstate(divide="ignore"):
        rows = np.maximum(np.log(n / n.sum(1, keepdims=True)) - np.log(k * q), 0)
    own, result = WORDS[:400].index("fire"), fire.at(alpha=alpha, k=k)
    lengths = np.linalg.norm(rows, axis=1)
    cosines = rows @ rows[own] / np.where(lengths > 0, lengths, 1) / lengths[own]
    cosines[own] = 0
    assert result.cosines == pytest.approx(cosines, abs=1e-12)
    assert result.kept == pytest.approx((rows > 0).mean(), abs=1e-12)
    assert result.cosines[result.top] == pytest.approx(np.sort(cosines)[::-1][:10], abs=1e-12)
    assert result.often(fire.counts) == pytest.approx(math.exp(np.log(fire.counts[result.top]).mean()))


def test_a_click_asks_for_the_neighbours_of_another_word(fire: RowNeighbours) -> None:
    other = RowNeighbours(WORDS[:400], near(REPORTS, 400), "minister")
    place = WORDS.index("minister")
    assert other.word == "minister" and fire.controls["word"].values[place] == "minister"
    assert fire.stage().marks["words"].picked == "word"  # a click picks the value at the dot's place
    one, two = fire.at(word="minister"), other.at()
    assert one.cosines == pytest.approx(two.cosines) and fire.top_words(one) == other.top_words(two)
    assert "minister" not in other.top_words(two) and "prime" in other.top_words(two)


@pytest.mark.parametrize("alpha", [-0.5, 0.0, 0.75, 1.0])
def test_the_closest_words_are_the_highest_dots(fire: RowNeighbours, alpha: float) -> None:
    result = fire.at(alpha=alpha)
    scene, own = fire.scene(result), WORDS.index("fire")
    heights = scene["words"]["y"]
    assert heights[own] == 1 and np.delete(heights, own) == pytest.approx(np.delete(result.cosines, own))
    assert scene["closest"]["y"].min() >= np.delete(heights, [own, *result.top]).max()
    assert scene["closest"]["x"] == pytest.approx(near(REPORTS, 400).sum(0)[result.top])


@pytest.mark.parametrize("alpha", [0.0, 0.75])
def test_names_of_dots_do_not_run_into_each_other(fire: RowNeighbours, alpha: float) -> None:
    axes = fire.stage().panels["words"]
    for word in ("fire", "minister", "israeli"):
        result = fire.at(alpha=alpha, word=word)
        scene = fire.scene(result)["near"]
        own = axes.x.part(fire.counts[result.place]), axes.y.part(1.04)
        boxes = [(*own, 0.25 * 0.07 * len(word), 0.6 * 0.07)]
        for i, x, y in zip(scene["which"], axes.x.part(scene["x"]), axes.y.part(scene["y"]), strict=True):
            boxes.append((x, y, 0.25 * 0.05 * len(WORDS[i]), 0.6 * 0.05))
        for i, (x, y, width, height) in enumerate(boxes):
            for x2, y2, width2, height2 in boxes[:i]:
                assert abs(x - x2) > width + width2 or abs(y - y2) > height + height2
        assert len(boxes) > 2


def test_at_alpha_zero_the_neighbours_are_the_commonest_words(fire: RowNeighbours) -> None:
    low, usual = fire.at(alpha=0.0, k=1), fire.at(alpha=0.75, k=1)
    assert {"the", "of", "a", "and"} <= set(fire.top_words(low))
    assert {"rural", "service", "firefighters"} & set(fire.top_words(usual))
    assert low.often(fire.counts) > 5 * usual.often(fire.counts)


def test_an_empty_row_has_no_neighbours() -> None:
    n = np.ones((12, 12))
    result = RowNeighbours(list("abcdefghijkl"), n, "a").at(alpha=1.0, k=5)
    assert result.kept == 0 and len(result.top) == 0 and result.often(n[0]) == 0
    assert np.array_equal(result.cosines, np.zeros(12))


# --- ratings


def test_pairs_covered() -> None:
    for name, n in (("wordsim353", 58), ("simlex999", 92)):
        kept = [a != b and {a, b} <= set(WORDS) for a, b in datasets.word_similarity(name).pairs]
        assert sum(kept) == n


def test_a_spearman_of_58_pairs_is_uncertain_by_a_quarter() -> None:
    rng = np.random.default_rng(0)
    drawn = [spearmanr(rng.normal(size=58), rng.normal(size=58)).statistic for _ in range(800)]
    assert np.quantile(drawn, 0.975) == pytest.approx(2 / math.sqrt(57), abs=0.02)


# --- bad input


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        (np.ones((2, 3)), ["pairs", "square", "(2, 3)"]),
        ([[1.0, -1.0], [1.0, 1.0]], ["pairs", ">= 0", "-1.0"]),
        ([[0.0, 0.0], [1.0, 1.0]], ["row and column", "0.0"]),
        ([[math.nan, 1.0], [1.0, 1.0]], ["pairs", "nan"]),
        ([[1.0]], ["pairs", "at least 2", "got 1"]),
    ],
)
def test_table_training_refuses(pairs: Any, words: list[str]) -> None:
    with pytest.raises(ValueError) as caught:
        TableTraining(pairs)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("pairs", "anchor", "words"),
    [
        (np.ones((3, 3)), "a", ["pairs", "(3, 3)", "12 words"]),
        (np.ones((12, 12)), "z", ["anchor", "'z'"]),
        (np.eye(12) - 1, "a", ["pairs", ">= 0", "-1.0"]),
        (np.eye(12) * np.arange(12), "b", ["row and column", "0.0"]),
    ],
)
def test_row_neighbours_refuses(pairs: Any, anchor: str, words: list[str]) -> None:
    with pytest.raises(ValueError) as caught:
        RowNeighbours(list("abcdefghijkl"), pairs, anchor)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_row_neighbours_wants_each_word_once() -> None:
    with pytest.raises(ValueError, match="words must differ from each other, got 11 in 12"):
        RowNeighbours(list("abcdefghijka"), np.ones((12, 12)), "a")
