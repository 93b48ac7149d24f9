"""The numbers of chapter 02, computed another way, and its data: rated pairs of words."""

from __future__ import annotations

import csv
import math
from importlib.resources import files

import numpy as np
import pytest
import torch

from nslab import datasets, theory
from nslab.explain import ExclusionMass, FalseNegativeCap

# --- the floor of a batch


def in_batch(vectors: torch.Tensor, tau: float) -> float:
    scores = vectors @ vectors.mT / tau
    return float((scores.logsumexp(1) - scores.diagonal()).mean())


def test_a_simplex_reaches_the_floor_of_a_batch_and_nothing_else_does() -> None:
    k, tau = 7, 0.1
    floor = theory.equal_negatives_loss(alpha=1, beta=-1 / k, temperature=tau, k=k)
    corners = torch.eye(k + 1, dtype=torch.float64)
    simplex = torch.nn.functional.normalize(corners - 1 / (k + 1), dim=1)
    assert in_batch(simplex, tau) == pytest.approx(floor, rel=1e-9) == pytest.approx(7.6e-5, rel=0.01)
    generator = torch.Generator().manual_seed(0)
    for scale in (1e-3, 0.1, 1):
        noise = scale * torch.randn(k + 1, k + 1, generator=generator, dtype=torch.float64)
        assert in_batch(torch.nn.functional.normalize(simplex + noise, dim=1), tau) > floor


def test_the_floor_at_the_setting_of_moco() -> None:
    floor = theory.equal_negatives_loss(alpha=1, beta=-1 / 65536, temperature=0.07, k=65536)
    assert floor == pytest.approx(0.040, abs=5e-4)


def test_one_anchors_floor_is_far_below_that_of_a_batch() -> None:
    """What the gap costs at MoCo's temperature.

    Nothing is left of one anchor's loss, and half of a batch's pull.
    """
    for k, one, batch in ((1000, 3.9e-10, 6.2e-4), (65536, 2.56e-8, 0.040)):
        floors = [theory.equal_negatives_loss(alpha=1, beta=b, temperature=0.07, k=k) for b in (-1, -1 / k)]
        assert floors == pytest.approx([one, batch], rel=0.02)
    assert -math.expm1(-floors[1]) / 0.07 == pytest.approx(0.56, abs=5e-3)


@pytest.mark.parametrize("seed", range(3))
def test_no_batch_leads_by_more_than_the_simplex(seed: int) -> None:
    """Queries and keys of their own, some of them fitted to each other: the mean gap is at most 1 + 1/K."""
    generator = torch.Generator().manual_seed(seed)
    q, other = torch.nn.functional.normalize(
        torch.randn(2, 9, 5, generator=generator, dtype=torch.float64), dim=-1
    )
    centred = torch.nn.functional.normalize(q - q.mean(0), dim=-1)
    for query, key in ((q, other), (q, q), (centred, centred), (q, -q)):
        scores = query @ key.mT
        negatives = (scores.sum() - scores.trace()) / 72
        assert scores.trace() / 9 - negatives <= 1 + 1 / 8 + 1e-12


# --- who gets the push


def test_easy_negatives_are_three_quarters_and_get_a_third_of_the_push() -> None:
    """Anchor by anchor, on other anchors than the chapter's."""
    images, labels = datasets.digit_embeddings()
    number, push = [], []
    for i in range(3, 1797, 36):
        s, own = images @ images[i], labels == labels[i]
        positive = own.nonzero().ravel()[-1] if own.nonzero().ravel()[-1] != i else own.nonzero().ravel()[0]
        weight = torch.exp(s[~own] / 0.1)
        easy = s[~own] <= s[positive] - 0.2
        number.append(easy.double().mean().item())
        push.append((weight[easy].sum() / weight.sum()).item())
    assert 0.65 < np.mean(number) < 0.85 and 0.2 < np.mean(push) < 0.45


# --- which rule for picking negatives: a smaller network, another such loss, one run after the other


def train(rule: str, labels_seen: bool, seed: int, steps: int = 150) -> tuple[float, list[float]]:
    """Precision at 10 on unseen images, and the share of zero losses, after `steps`."""
    generator = torch.Generator().manual_seed(seed)
    pixels, labels = datasets.digits()
    order = torch.randperm(1797, generator=generator)
    x, y = (pixels - pixels.mean(0))[order].float(), labels[order]
    mates, order_of_items = y[:600, None] == y[:600], torch.arange(600)
    weights = (torch.randn(64, 16, generator=generator) / 8).requires_grad_()
    adam, zeros = torch.optim.Adam([weights], lr=0.02), []
    for _ in range(steps):
        anchor, items, start = torch.randint(600, (3, 32), generator=generator)
        positive = (mates[anchor] * ((order_of_items - start[:, None]) % 600)).argmax(
            1
        )  # one after a random start
        a, p, n = (torch.nn.functional.normalize(x[i] @ weights, dim=1) for i in (anchor, positive, items))
        barred = y[anchor][:, None] == y[items] if labels_seen else anchor[:, None] == items
        gaps = (a @ n.mT - (a * p).sum(1, keepdim=True)).masked_fill(barred, -10)
        one = barred.int().argmin(1, keepdim=True)  # the items come in a random order
        if rule == "triplet":
            loss = torch.relu(gaps.gather(1, one) + 0.2)
            zeros.append((loss == 0).float().mean().item())
        else:
            kept = {"hardest": gaps.amax(1, keepdim=True), "random": gaps.gather(1, one), "all": gaps}[rule]
            loss = torch.nn.functional.softplus((kept / 0.1).logsumexp(1))
        adam.zero_grad()
        loss.mean().backward()
        adam.step()
    z = torch.nn.functional.normalize(x @ weights.detach(), dim=1)
    near = (z[600:] @ z[:600].mT).topk(10).indices
    return (y[near] == y[600:, None]).float().mean().item(), zeros


def test_the_hardest_teaches_only_where_labels_are_seen() -> None:
    found = {
        (rule, seen): np.mean([train(rule, seen, seed)[0] for seed in range(2)])
        for rule in ("random", "hardest", "all")
        for seen in (True, False)
    }
    assert found["hardest", True] > found["random", True]
    assert found["hardest", False] < found["random", False]
    assert found["all", False] > found["hardest", False] + 0.02
    assert found["all", True] - found["all", False] < 0.03


def test_a_loss_that_is_mostly_zero_does_not_halt_learning() -> None:
    early = np.mean([train("triplet", True, seed, 40)[0] for seed in range(2)])
    late, zeros = zip(*(train("triplet", True, seed, 240) for seed in range(2)), strict=True)
    assert np.mean(zeros[0][-60:]) > 0.75 and np.mean(late) > early + 0.01


# --- the cap


@pytest.fixture(scope="module")
def cap() -> FalseNegativeCap:
    images, labels = datasets.digits()
    return FalseNegativeCap(images[1:], labels[1:])


@pytest.mark.parametrize("pi", [0.001, 0.1, 0.63])
@pytest.mark.parametrize("r", [0.01, 1.0, 37.0, 1e6])
def test_the_best_logit_has_the_least_cost(cap: FalseNegativeCap, pi: float, r: float) -> None:
    """Among logits on a fine grid, for an item with p = r and q = 1."""
    result = cap.at(pi=pi, r=r)
    logits = np.linspace(-6, 8, 14_001)
    cost = r * np.logaddexp(0, -logits) + (1 - pi + pi * r) * np.logaddexp(0, logits)
    assert result.logit == pytest.approx(logits[cost.argmin()], abs=6e-4)
    assert result.logit <= result.cap == pytest.approx(math.log(1 / pi))
    step = 1e-5
    up, down = (cap.compute(pi, r * math.exp(by)).logit for by in (step, -step))
    assert result.slope == pytest.approx((up - down) / (2 * step), abs=1e-6)


def test_the_logit_stops_and_certainty_does_not(cap: FalseNegativeCap) -> None:
    result = cap.at(pi=0.1, r=1e4)
    assert result.logit == pytest.approx(2.302, abs=5e-4) and result.cap == pytest.approx(math.log(10))
    of_its_own_kind = 0.1 * result.r / result.noise
    assert of_its_own_kind == pytest.approx(0.9991, abs=5e-5)
    r = 0.9 / (math.exp(-result.logit) - 0.1)  # who knows π solves for r
    assert r == pytest.approx(1e4, rel=1e-6)


def test_the_worked_numbers_of_the_cap(cap: FalseNegativeCap) -> None:
    for r, noise, logit in ((100, 10.9, 2.216), (1e4, 1000.9, 2.302)):
        result = cap.at(pi=0.1, r=r)
        assert result.noise == pytest.approx(noise) and result.logit == pytest.approx(logit, abs=5e-4)
        assert cap.scene(result)["label"]["text"] == f"logit {result.logit:.2f}"


def test_the_curve_ends_at_the_logit_and_the_ceiling_is_drawn_where_it_is_reached(
    cap: FalseNegativeCap,
) -> None:
    for pi, r, reached in ((0.05, 10.0, False), (0.1, 99.0, False), (0.1, 1e4, True), (1.0, 1e6, True)):
        result = cap.at(pi=pi, r=r)
        scene = cap.scene(result)
        x, y = scene["curve"]["x"], scene["curve"]["y"]
        assert x[-1] == r and y[-1] == pytest.approx(result.logit, abs=5e-4)
        assert y[0] == pytest.approx(math.log(0.01 / (1 - pi + 0.01 * pi)), abs=5e-4)
        assert math.isfinite(scene["ceiling"]["y"][0]) == bool(scene["stops"]["text"]) == reached
        if reached:
            assert scene["ceiling"]["y"] == [result.cap] * 2 and result.cap <= result.logit + 0.1


def test_the_start_does_not_say_where_the_logit_stops() -> None:
    images, labels = datasets.digits()
    start = FalseNegativeCap(images[1:], labels[1:])
    said = start.summary(start.at()) + "".join(panel.title for panel in start.stage().panels.values())
    assert "ln(1/π)" not in said + start.question and "2.996" not in said


def test_as_many_cards_are_false_as_the_share_says(cap: FalseNegativeCap) -> None:
    _, labels = datasets.digits()
    for pi in (0.001, 0.01, 0.1, 0.5, 1.0):
        result = cap.at(pi=pi)
        assert result.own.sum() == round(100 * pi)
        which = cap.scene(result)["cards"]["which"]
        assert [cap._tips[i] == f"a {labels[1]}" for i in which] == result.own.tolist()
        assert len(set(which.tolist())) == 100, "no image is dealt twice"


def test_the_cap_refuses_what_does_not_fit() -> None:
    images, labels = datasets.digits()
    with pytest.raises(ValueError, match=r"images must be \(N, 64\), got \(3, 63\)"):
        FalseNegativeCap(images[:3, 1:], labels[:3])
    with pytest.raises(ValueError, match=r"labels must be one per image, got shape \(299,\)"):
        FalseNegativeCap(images[:300], labels[:299])
    with pytest.raises(ValueError, match=r"labels must be the anchor's 100 times more, .* got 30 and 100"):
        FalseNegativeCap(images[:300], labels[:300])


# --- the window

N = 200


@pytest.fixture(scope="module")
def mass() -> ExclusionMass:
    generator = torch.Generator().manual_seed(0)
    scores = 2 * torch.rand(64, N, generator=generator, dtype=torch.float64) - 1
    false = torch.rand(64, N, generator=generator) < 0.1
    places = torch.arange(64) * 3
    return ExclusionMass(scores, places, false, [f"text {i}" for i in range(N)])


@pytest.mark.parametrize(("w", "tau"), [(0, 0.1), (7, 0.1), (60, 0.5)])
def test_what_a_window_leaves_and_bars(mass: ExclusionMass, w: int, tau: float) -> None:
    left, barred = [], []
    for row, (scores, false) in enumerate(zip(mass._scores.tolist(), mass._false.tolist(), strict=True)):
        push = {i: math.exp(s / tau) for i, s in enumerate(scores) if i != 3 * row}
        far = {i for i in push if abs(i - 3 * row) > w}
        true = {i for i in push if not false[i]}
        left.append(sum(push[i] for i in far - true) / sum(push[i] for i in far))
        barred.append(sum(push[i] for i in true - far) / sum(push[i] for i in true))
    result = mass.at(w=w, tau=tau)
    assert result.left[w] == pytest.approx(np.mean(left), rel=1e-9)
    assert result.barred[w] == pytest.approx(np.mean(barred), rel=1e-9)


@pytest.mark.parametrize("anchor", [1, 30, 64])
def test_an_anchors_push_is_shared_among_those_outside(mass: ExclusionMass, anchor: int) -> None:
    result, place = mass.at(w=5, tau=0.2, anchor=anchor), 3 * (anchor - 1)
    weight = np.exp(mass._scores[anchor - 1].numpy() / 0.2)
    weight[place] = 0
    lags = np.abs(np.arange(N) - place)
    assert result.inside == pytest.approx(weight[lags <= 5].sum() / weight.sum())
    weight[lags <= 5] = 0
    for lag, push, score, false in zip(range(-80, 81), result.push, result.scores, result.false, strict=True):
        item = place + lag
        if lag == 0 or not 0 <= item < N:
            assert push == 0 and math.isnan(score) and not false
        else:
            assert push == pytest.approx(weight[item] / weight.sum())
            assert score == mass._scores[anchor - 1, item] and false == mass._false[anchor - 1, item]


def test_each_point_is_called_by_its_own_text(mass: ExclusionMass) -> None:
    scene = mass.scene(mass.at(w=5, tau=0.2, anchor=30))
    assert scene["items"]["which"].tolist() == [
        87 + lag if 87 + lag >= 0 and lag else 0 for lag in range(-80, 81)
    ]
    assert scene["anchor"]["text"] == "text 87"
    for i, role in enumerate(scene["items"]["role"]):
        false = i != 80 and 0 <= 7 + i < N and bool(mass._false[29, 7 + i])
        assert role == ("false_negative" if false else "faint" if 75 <= i <= 85 else "negative")


def test_the_window_wants_a_text_for_each_item(mass: ExclusionMass) -> None:
    with pytest.raises(ValueError, match="texts must say what each of the 200 items is, got 1"):
        ExclusionMass(mass._scores, mass._places, mass._false, ["one"])


# --- rated pairs of words


@pytest.mark.parametrize(
    ("name", "file", "size"), [("wordsim353", "wordsim353.tsv", 353), ("simlex999", "simlex999.txt", 999)]
)
def test_word_similarity_is_the_bundled_file(name: str, file: str, size: int) -> None:
    with files("gensim").joinpath("test", "test_data", file).open(encoding="utf-8") as lines:
        rows = [row for row in csv.reader(lines, delimiter="\t") if not row[0].startswith("#")]
    pairs, ratings = datasets.word_similarity(name)
    assert len(pairs) == len(ratings) == size
    assert pairs == tuple((first.lower(), second.lower()) for first, second, _ in rows)
    assert ratings.tolist() == [float(rating) for *_, rating in rows]
    assert ratings.min() >= 0 and ratings.max() <= 10


def test_the_ratings_that_the_chapter_quotes() -> None:
    def rating(name: str, *pair: str) -> float:
        pairs, ratings = datasets.word_similarity(name)
        return ratings[pairs.index(pair)].item()  # type: ignore[arg-type]

    assert rating("wordsim353", "king", "queen") == 8.58
    assert rating("wordsim353", "king", "rook") == 5.92
    assert rating("simlex999", "prince", "king") == 5.92 > rating("simlex999", "king", "princess") == 3.27


def test_word_similarity_refuses_other_names() -> None:
    with pytest.raises(ValueError, match=r"name must be one of 'wordsim353', 'simlex999', got 'men'"):
        datasets.word_similarity("men")
