"""The numbers of chapter 02, computed another way, and its data: rated pairs of words."""

from __future__ import annotations

import csv
import math
from importlib.resources import files

import numpy as np
import pytest

from nslab import datasets
from nslab.explain import FalseNegativeCap

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


def test_the_logit_is_the_room_between_the_bars(cap: FalseNegativeCap) -> None:
    scene = cap.scene(cap.at(pi=0.1, r=1e4))
    positive, true, false = scene["rates"]["y"]
    assert math.log(positive / (true + false)) == pytest.approx(cap.at(pi=0.1, r=1e4).logit)
    assert scene["logit"] == {"y": pytest.approx(true + false), "y2": positive}
    assert scene["pi"]["y"] == false == 1000


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
