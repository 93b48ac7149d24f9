"""Chapter 00: the lesson of the tour, what it says of every anchor, and the cards that lead to chapters."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from torch import Tensor

from nslab import datasets, effective_negatives

START = Path(__file__).resolve().parent.parent / "notebooks" / "00_start_here.ipynb"
CELLS = json.loads(START.read_text(encoding="utf-8"))["cells"]


@pytest.fixture(scope="module")
def scores() -> Tensor:
    """Of the tour's anchor with its 256 negatives."""
    embeddings, labels = datasets.digit_embeddings()
    shuffled = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    return embeddings[shuffled[(shuffled != 13) & (shuffled != 45)][:256]] @ embeddings[13]


def count(scores: Tensor, k: int, tau: float) -> float:
    return effective_negatives(scores[:k], tau).item()


def test_at_a_high_temperature_the_number_of_negatives_matters_more_and_at_a_low_one_the_temperature(
    scores: Tensor,
) -> None:
    start = count(scores, 64, 1.0)
    assert count(scores, 256, 1.0) / start == pytest.approx(4.0, abs=0.05)
    assert start / count(scores, 64, 0.25) == pytest.approx(2.7, abs=0.05)
    low = count(scores, 64, 0.2)
    assert count(scores, 256, 0.2) / low < low / count(scores, 64, 0.05)


def test_two_or_three_of_64_count_at_the_low_temperature(scores: Tensor) -> None:
    assert count(scores, 64, 1.0) > 58 and 2 < count(scores, 64, 0.05) < 3


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
    cards = text.split("<div")[1:]
    assert len(cards) == 6
    for card in cards:
        links = re.findall(r"\]\((\w+\.ipynb)\)", card)
        assert len(set(links)) == len(links) == 3 and all((START.parent / link).exists() for link in links)


def test_no_cell_about_the_installation_stands_before_the_first_picture() -> None:
    ids = [cell["id"] for cell in CELLS]
    assert ids.index("explainer") < ids.index("paths") < ids.index("map") < ids.index("versions")
