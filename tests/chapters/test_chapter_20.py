"""Chapter 20, a guide: its numbers are those of the chapters, and still say what their rows advise."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch
from nbformat import NotebookNode
from torch.nn.functional import cross_entropy

from nslab import info_nce, info_nce_in_batch, mine_negatives

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
PAGE = nbformat.read(FOLDER / "20_which_negatives.ipynb", as_version=4)
TABLES = ("items", "labels", "popularity", "batch", "compute", "jobs")


def cell(name: str) -> NotebookNode:
    return next(each for each in PAGE.cells if each.id == name)


def shown(name: str) -> str:
    return "".join(out.get("text") or out.data["text/plain"] for out in cell(name).outputs)


def rows() -> dict[str, tuple[str, list[float]]]:
    """What each row advises: the chapter that it names, and the numbers that its pattern finds there now."""
    found: dict[str, tuple[str, list[float]]] = {}
    space: dict[str, Any] = {}
    source = cell("setup").source.replace("Path()", f"Path({str(FOLDER)!r})")
    exec(source, space)

    def record(_: str, *given: tuple[str, ...]) -> None:
        for setting, _, _, chapter, place, pattern in given:
            match = re.search(pattern, space["printed"](chapter, place), re.DOTALL)
            values = match.groups() if match else ()
            found[setting] = chapter, [float(value.replace(",", "")) for value in values]

    space["table"] = record
    for name in TABLES:
        exec(cell(name).source, space)
    return found


ROWS = rows()
# What the numbers of a row must say for its advice to stand.
SAYS: dict[str, Callable[..., bool]] = {
    "Yes: labels, or ids of what belongs together": lambda left, out: out > left + 0.05,
    "No, but something says what is similar: the raw input, another model": (
        lambda rise, then, alone, high, low: rise > then >= 0 and alone > 0.05 and high < low
    ),
    "No": lambda all_weighted, hardest: all_weighted > hardest + 0.05,
    "You know about how many are false": lambda gain: gain > 0.005,
    "The data is a sequence": lambda false, true: false > 50 and true > 30,
    "All scores fit into time and memory": lambda behind: behind > 0.03,
    "Vectors are stored, too many to score": lambda model, uniform: 0 <= uniform < model,
    "One item holds much of the softmax": lambda top, worth: top > 30 and worth > 205,  # 205 cost the same
    "Each negative must be encoded": lambda shared, own: shared > own + 0.02,
    "Encoded, and used by one anchor only": lambda k: k <= 16,
    "A million ids, many draws": lambda one_in: one_in < 100,
    "Popularity counts: the next item, the next word": lambda before, after: before > 0.1 and after < 0.01,
    "Association counts: related items, niche items": lambda at_1, even, at_0: min(at_1, even) > 5 * at_0,
    "You have trained with another q than you need": lambda before, after: after > before + 0.05,
    "Is popularity all that was learnt?": lambda uniform, popular: uniform > popular + 0.2,
    "The same item several times": lambda size: size < 256,
    "The same, and you need probabilities": lambda alone, masked: alone < 0.01 < masked,
    "Out of memory": lambda accumulated, cached: accumulated > 5 > cached,
    "Several devices": lambda plain, exact: plain > 5 > exact,
    "Negatives are free": lambda k: k >= 16,
    "A fixed number of pairs to encode": lambda clip, warm: clip > 0.02 > abs(warm),
    "Search": lambda bound, without: bound > 0.005 and bound > without + 0.005,
    "A recommender": lambda near, with_q, without: min(near, with_q) > 1.5 * without,
    "Pictures and words": lambda masked, same, sigmoid, low, high: (
        masked > 0.02 > max(abs(same), abs(sigmoid)) and low < 0 < high
    ),
    "Word vectors": lambda more, step: step > 2 * more,
    "Links in a graph": lambda first, other: first < 5 and other > 25,
}


def test_every_row_has_a_message() -> None:
    assert ROWS.keys() == SAYS.keys()


@pytest.mark.parametrize("setting", SAYS)
def test_the_numbers_still_say_what_the_row_advises(setting: str) -> None:
    chapter, numbers = ROWS[setting]
    assert numbers, f"chapter {chapter} no longer prints what this row shows"
    assert SAYS[setting](*numbers), f"chapter {chapter} now prints {numbers}: is the advice still right?"


@pytest.mark.parametrize("name", TABLES)
def test_the_stored_tables_show_what_the_chapters_print_now(name: str) -> None:
    """After a chapter is stored anew, this page must be, too."""
    lines = shown(name).splitlines()[2:]
    assert len(lines) == cell(name).source.count('", r"') + cell(name).source.count("\n     r")
    for line in lines:
        setting, _, measured = (part.strip() for part in line.strip("|").split(" | "))
        measured, link = measured.split(" · ")
        chapter, numbers = ROWS[setting]
        assert link.startswith(f"[{chapter}]({chapter}_") and (FOLDER / link[5:-1]).is_file()
        written = [float(each) for each in re.findall(r"[-+]?\d+(?:\.\d+)?", measured)]
        assert all(number in written or abs(number) in written for number in numbers)


def the_map() -> list[tuple[str, ...]]:
    tree = ast.parse(cell("map").source)
    first = tree.body[0]
    assert isinstance(first, ast.Assign)
    return ast.literal_eval(first.value)


def test_the_map_asks_the_questions_of_the_tables_in_their_order() -> None:
    assert [each.id for each in PAGE.cells if each.id in TABLES] == list(TABLES)
    for number, ((question, *_), name) in enumerate(zip(the_map(), TABLES, strict=True), 1):
        head = shown(name).splitlines()[0]
        assert f"**{number} · " in head and question.lower() in head.lower()


@pytest.mark.parametrize(
    ("answers", "name"), [(each[1:], name) for each, name in zip(the_map(), TABLES, strict=True)]
)
def test_what_the_map_advises_stands_in_its_table(answers: tuple[str, ...], name: str) -> None:
    """Every longer word, and every term: the map must not advise what no row does."""
    for answer in answers:
        advice = answer.split(": ")[1]
        assert len(advice.replace("− ", "").replace("ln q", "log").split()) <= 5
        for word in re.findall(r"\w{5,}|mask|ln q|[τα]", advice):
            assert word in shown(name).lower(), f"{word!r} of {advice!r}"


def test_a_chapter_that_is_not_there_is_named_and_nothing_fails() -> None:
    space: dict[str, Any] = {}
    exec(cell("setup").source.replace("Path()", "Path('nowhere')"), space)
    assert space["printed"]("09", "rules") == ""
    said: list[dict[str, str]] = []
    space["display"] = lambda data, raw: said.append(data)
    space["table"]("?", ("a", "b", "{}", "09", "rules", r"(\d+)"))
    assert "run that chapter" in said[0]["text/markdown"]


# --- the questions


def test_two_equal_negatives_are_one_whose_score_is_tau_ln_2_higher() -> None:
    for tau in (0.05, 0.1, 1.0):
        twice = info_nce(0.5, [0.3, 0.3], temperature=tau)
        assert torch.isclose(twice, info_nce(0.5, [0.3 + tau * math.log(2)], temperature=tau), rtol=1e-12)
        assert twice > info_nce(0.5, [0.3], temperature=tau)


def test_an_anchor_in_two_rows_costs_ln_2_on_average_whatever_its_answers_score() -> None:
    """Both rows have the same logits, so their two weights for the two answers add up to at most 1."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        query = torch.randn(2, 3, generator=generator, dtype=torch.float64)[[0, 0, 1]]
        key = torch.randn(3, 3, generator=generator, dtype=torch.float64)
        losses = info_nce_in_batch(query, key, temperature=0.3, reduction="none")
        assert losses[:2].mean() >= math.log(2) - 1e-12
    free, by_item, by_query = (
        [float(x) for x in re.findall(r"\d\.\d+", line)] for line in shown("anchors").splitlines()
    )
    assert free[:2] == by_item[:2] == [0.6931, 0.6931] and by_query[:2] == [0.0, 0.0]


def test_accumulated_parts_miss_the_negatives_of_the_others() -> None:
    generator = torch.Generator().manual_seed(0)
    query, key = torch.randn(2, 64, 8, generator=generator, dtype=torch.float64)
    whole = cross_entropy(query @ key.T, torch.arange(64))
    parts = [
        cross_entropy(q @ k.T, torch.arange(16)) for q, k in zip(query.chunk(4), key.chunk(4), strict=True)
    ]
    assert torch.stack(parts).mean() < whole, "fewer terms in each row's sum"
    one, four = (float(re.findall(r"\d\.\d+", line)[0]) for line in shown("accumulate").splitlines())
    assert four < one


def test_a_query_with_fewer_mined_negatives_keeps_fewer() -> None:
    counts = [int(n) for n in re.findall(r"\[(.*)\]", shown("mined"))[0].split(", ")]
    assert max(counts) == 4 and 0 < min(counts) < 4
    corpus = torch.tensor([[1.0], [0.9], [0.3]])
    mined = mine_negatives(torch.ones(1, 1), corpus, [0], k=2, rank=(1, 2), below=0.5)
    assert mined.ids.tolist() == [[2, -1]] and mined.mask.tolist() == [[True, False]]
    padded = info_nce(torch.tensor([1.0]), mined.scores, mask=mined.mask)
    assert torch.equal(padded, info_nce(torch.tensor([1.0]), torch.tensor([[0.3]])))


def test_a_guess_has_loss_ln_k_plus_1() -> None:
    for size in (16, 64):
        same = torch.ones(size, 4, dtype=torch.float64)
        assert torch.isclose(
            info_nce_in_batch(same, same), torch.tensor(math.log(size), dtype=torch.float64), rtol=1e-12
        )
        assert f"a guess has {math.log(size):.3f}" in shown("compare")


def test_what_page_21_prints_of_devices_is_shown_here() -> None:
    other = nbformat.read(FOLDER / "21_when_it_goes_wrong.ipynb", as_version=4)
    printed = next(each for each in other.cells if each.id == "devices-print").outputs[0].text
    assert shown("devices").strip() == printed.strip()
