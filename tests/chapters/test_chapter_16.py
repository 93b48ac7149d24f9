"""Chapter 16: what its explainer mines, against an independent count, and what its prose claims."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, normalize

from nslab import datasets, mine_negatives
from nslab.explain import MinedNeighbours

f64 = torch.float64


def random_case(seed: int, questions: int = 15, passages: int = 90) -> dict:
    generator = torch.Generator().manual_seed(seed)
    vectors = normalize(torch.randn(questions + passages, 8, generator=generator, dtype=f64), dim=1)
    query, corpus = vectors[:questions], vectors[questions:]
    scores = query @ corpus.T
    same = (torch.rand(scores.shape, generator=generator) < 0.2) & (scores > 0)
    same[torch.arange(questions), scores.argmax(1)] = True
    known = torch.multinomial(same.double(), 1, generator=generator)[:, 0]
    return {"query": query, "corpus": corpus, "scores": scores, "known": known, "same": same}


def explainer(case: dict, **start) -> MinedNeighbours:
    questions, passages = case["scores"].shape
    texts = [f"question {i}" for i in range(questions)], [f"passage {j}" for j in range(passages)]
    return MinedNeighbours(case["scores"], case["known"], case["same"], *texts, **start)


@pytest.mark.parametrize("below", [0.31, 0.5, 0.77, 0.99, None])
def test_the_figure_mines_what_the_library_mines(below: float | None) -> None:
    case = random_case(0)
    scene, passages = explainer(case), len(case["corpus"])
    mined = mine_negatives(case["query"], case["corpus"], case["known"], 4, below=below, rank=(1, passages))
    false = case["same"].gather(1, mined.ids.clamp(min=0)) & mined.mask
    others = mined.mask & ~false
    for row, pick in enumerate(scene._picks):
        result = scene.at(below=below or 1.7, asks=pick)
        assert result.ids == mined.ids[row][mined.mask[row]].tolist()
        assert result.false == false[row][mined.mask[row]].tolist()
    result = scene.at(below=below or 1.7)
    assert result.false_share == pytest.approx(int(false.sum()) / int(mined.mask.sum()), abs=1e-12)
    assert result.hardness == pytest.approx(mined.scores[others].mean().item(), abs=1e-12)


def test_what_is_left_of_the_nearest_by_brute_force() -> None:
    case = random_case(1)
    left = {True: [], False: []}
    for s, known, same in zip(
        case["scores"].tolist(), case["known"].tolist(), case["same"].tolist(), strict=True
    ):
        others = sorted((j for j in range(len(s)) if j != known), key=lambda j: -s[j])
        for j in others[:4]:
            left[same[j]].append(s[j] < 0.8 * s[known])
    result = explainer(case).at(below=0.8)
    assert result.kept_false == pytest.approx(np.mean(left[True]))
    assert result.kept_true == pytest.approx(np.mean(left[False]))


def test_the_scene_draws_what_is_mined() -> None:
    scene = explainer(random_case(2))
    for below in (0.3, 0.9, 1.7):
        result = scene.at(below=below)
        moves = scene.scene(result)
        assert moves["taken"]["role"][: len(result.ids)] == [
            "false_negative" if false else "hard" for false in result.false
        ]
        for i, (j, false) in enumerate(zip(result.ids, result.false, strict=True)):
            says, silent = ("false_negative", "hard") if false else ("hard", "false_negative")
            assert moves[f"{says} {i}"]["text"] == f"passage {j}" and moves[f"{silent} {i}"]["text"] == ""
        drawn = np.isfinite(moves["near"]["x"])
        assert not set(scene._order[0, :40][drawn].tolist()) & set(result.ids), "no passage is drawn twice"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"known": torch.zeros(15, dtype=torch.long), "same": torch.ones(15, 90)}, "score above 0"),
        ({"same": torch.zeros(15, 90)}, "known must be an answer"),
        ({"scores": torch.ones(15)}, "must be"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict, words: str) -> None:
    case = random_case(3)
    if "known" in change:
        case["scores"][:, 0] = -1
    with pytest.raises(ValueError, match=words):
        scene = {**case, **change}
        MinedNeighbours(scene["scores"], scene["known"], scene["same"], ["q"] * 15, ["p"] * 90)


# --- what the chapter claims


def test_a_bound_drops_both_kinds_from_the_top_and_finds_fewer_false_ones_below() -> None:
    """On passages of Lee's reports, similar shares of both kinds are left.

    The false share falls.
    """
    reports = [report for report in dict.fromkeys(datasets.lee()) if len(report) >= 150]
    questions = [" ".join(report[:30]) for report in reports]
    passages = [" ".join(report[at : at + 30]) for report in reports for at in (30, 60, 90, 120)]
    vectors = datasets.text_vectors(questions + passages)
    vectors = normalize(vectors - vectors.mean(0), dim=1)
    n = len(reports)
    scores, same = vectors[:n] @ vectors[n:].T, torch.arange(4 * n) // 4 == torch.arange(n)[:, None]
    known = torch.multinomial(same.double(), 1, generator=torch.Generator().manual_seed(0))[:, 0]
    fine = scores[torch.arange(n), known] > 0.2
    names = [questions[i] for i in fine.nonzero()[:, 0]]
    scene = MinedNeighbours(scores[fine], known[fine], same[fine], names, passages)
    free, bounded = scene.at(below=1.7), scene.at(below=0.8)
    assert bounded.false_share < free.false_share / 2
    assert abs(bounded.kept_false - bounded.kept_true) < 0.15 and bounded.kept_true < 0.5
    assert bounded.hardness > 0.15, "still far harder than a random passage, which scores about 0"


def test_average_precision_of_one_list_by_hand() -> None:
    """Right passages at the ranks 1, 3 and 6: (1/1 + 2/3 + 3/6) / 3; MRR sees only the first."""
    hit = torch.tensor([1.0, 0, 1, 0, 0, 1])
    precision = hit.cumsum(-1) / torch.arange(1, 7)
    assert ((precision * hit).sum() / hit.sum()).item() == pytest.approx((1 + 2 / 3 + 3 / 6) / 3)


def test_a_cached_gradient_is_the_big_batch_s_and_an_accumulated_one_is_not() -> None:
    generator = torch.Generator().manual_seed(0)
    sides = [torch.randn(24, 10, generator=generator, dtype=f64) for _ in (0, 1)]
    weights = torch.randn(10, 6, generator=generator, dtype=f64, requires_grad=True)

    def loss(query, key):
        return cross_entropy(query @ key.T / 0.1, torch.arange(len(query)))

    def gradient(value):
        return torch.autograd.grad(value, weights)[0]

    big = gradient(loss(*(normalize(x @ weights, dim=1) for x in sides)))
    chunks = list(zip(*(x.split(6) for x in sides), strict=True))
    summed = gradient(sum(loss(*(normalize(x @ weights, dim=1) for x in pair)) for pair in chunks) / 4)
    cache = [normalize(x @ weights, dim=1).detach().requires_grad_() for x in sides]
    loss(*cache).backward()
    cached = torch.zeros_like(big)
    for x, z in zip(sides, cache, strict=True):
        assert z.grad is not None
        for part, grad in zip(x.split(6), z.grad.split(6), strict=True):
            cached += gradient((normalize(part @ weights, dim=1) * grad).sum())
    assert (cached - big).norm() < 1e-12 * big.norm()
    assert (summed - big).norm() > 0.2 * big.norm()
    assert math.isfinite(summed.norm().item())


def test_the_figure_says_how_many_questions_it_counts() -> None:
    scene = explainer(random_case(4, questions=13))
    assert scene._stage.panels["all"].title == "All 13 questions: what is mined"
    assert "all 13 questions" in scene.summary(scene.at(below=0.8))
