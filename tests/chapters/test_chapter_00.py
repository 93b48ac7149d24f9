"""Chapter 00: the lesson of the tour, what it says of every anchor, and the cards that lead to chapters."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from torch import Tensor

from nslab import datasets, effective_negatives

START = Path(__file__).resolve().parents[2] / "notebooks" / "00_start_here.ipynb"
CELLS = json.loads(START.read_text(encoding="utf-8"))["cells"]


@pytest.fixture(scope="module")
def negatives() -> Tensor:
    """The 256 negatives of the tour's anchor, which is image 13."""
    images = len(datasets.digit_embeddings().labels)
    shuffled = torch.randperm(images, generator=torch.Generator().manual_seed(0))
    return shuffled[(shuffled != 13) & (shuffled != 45)][:256]


@pytest.fixture(scope="module")
def scores(negatives: Tensor) -> Tensor:
    embeddings = datasets.digit_embeddings().embeddings
    return embeddings[negatives] @ embeddings[13]


def count(scores: Tensor, k: int, tau: float) -> float:
    return effective_negatives(scores[:k], tau).item()


def test_at_a_high_temperature_the_number_of_negatives_matters_more_and_at_a_low_one_the_temperature() -> (
    None
):
    """The mean over all anchors, since one anchor may be an exception."""
    embeddings, labels = datasets.digit_embeddings()
    g = torch.Generator().manual_seed(2)
    ids = torch.stack([torch.randperm(len(labels) - 1, generator=g)[:256] for _ in labels])
    ids += ids >= torch.arange(len(labels))[:, None]
    drawn = (embeddings @ embeddings.T).gather(1, ids)
    mean = {
        (k, tau): effective_negatives(drawn[:, :k], tau).mean().item()
        for k in (64, 256)
        for tau in (0.8, 0.2, 0.05)
    }
    more = {tau: mean[256, tau] / mean[64, tau] for tau in (0.8, 0.2, 0.05)}
    assert more[0.8] > mean[64, 0.8] / mean[64, 0.2]
    assert more[0.2] < mean[64, 0.2] / mean[64, 0.05]
    assert more[0.8] == pytest.approx(4.0, abs=0.1)
    assert more[0.05] < more[0.2] < more[0.8]


def test_more_negatives_can_lower_the_count_of_one_anchor(scores: Tensor) -> None:
    """So line 4 of the summary speaks of the average."""
    assert count(scores, 64, 0.05) < count(scores, 16, 0.05)


def test_two_or_three_of_64_count_at_the_low_temperature(scores: Tensor) -> None:
    assert count(scores, 64, 1.0) > 58 and 2 < count(scores, 64, 0.05) < 3


def test_the_threes_get_a_fifth_of_the_push_and_then_nearly_all(negatives: Tensor, scores: Tensor) -> None:
    labels = datasets.digit_embeddings().labels
    threes = labels[negatives[:64]] == labels[13]
    assert threes.sum() == 7
    for tau, share in ((1.0, 0.2), (0.05, 0.99)):
        found = torch.softmax(scores[:64] / tau, 0)[threes].sum().item()
        assert found == pytest.approx(share, abs=0.005)


def test_the_hardest_negatives_of_most_anchors_are_false() -> None:
    embeddings, labels = datasets.digit_embeddings()
    g = torch.Generator().manual_seed(1)
    ids = torch.randint(len(labels), (len(labels), 256), generator=g)
    own = torch.arange(len(labels))[:, None]
    scores = (embeddings @ embeddings.T).gather(1, ids).masked_fill(ids == own, -1)
    false = labels[ids] == labels[:, None]
    assert false.double().mean() == pytest.approx(0.1, abs=0.01)
    assert false.gather(1, scores.topk(5, 1).indices).double().mean() > 0.85
    assert (torch.softmax(scores / 0.05, 1) * false).sum(1).mean() > 0.9


def test_the_worked_ratios() -> None:
    s = torch.tensor([0.9, 0.8])
    for tau, ratio in ((1.0, 1.1), (0.05, 7.4)):
        first, second = torch.softmax(s / tau, 0)
        assert (first / second).item() == pytest.approx(ratio, abs=0.05)


def test_each_card_leads_to_three_chapters_that_exist() -> None:
    text = next("".join(cell["source"]) for cell in CELLS if cell["id"] == "paths")
    cards = text.split("<div")[2:]  # the first holds them all
    assert len(cards) == 6
    for card in cards:
        links = re.findall(r"\]\((\w+\.ipynb)\)", card)
        assert len(set(links)) == len(links) == 3 and all((START.parent / link).exists() for link in links)


def test_no_cell_about_the_installation_stands_before_the_first_picture() -> None:
    ids = [cell["id"] for cell in CELLS]
    assert ids.index("explainer") < ids.index("paths") < ids.index("map") < ids.index("versions")
