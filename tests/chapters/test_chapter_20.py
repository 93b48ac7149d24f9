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

from nslab import info_nce, info_nce_in_batch, mine_negatives

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
PAGE = nbformat.read(FOLDER / "20_which_negatives.ipynb", as_version=4)
TABLES = ("items", "labels", "popularity", "compute", "jobs")
CASES = ("books", "captions", "answers")


def cell(name: str) -> NotebookNode:
    return next(each for each in PAGE.cells if each.id == name)


def shown(name: str) -> str:
    return "".join(out.get("text") or out.data["text/plain"] for out in cell(name).outputs)


def space(folder: Path = FOLDER) -> dict[str, Any]:
    """The names of the first cell, which reads the chapters in a folder."""
    names: dict[str, Any] = {}
    exec(cell("setup").source.replace("Path()", f"Path({str(folder)!r})"), names)
    return names


def rows() -> dict[str, tuple[str, list[float]]]:
    """What each row names: its chapter, and the numbers that its pattern finds there now."""
    found: dict[str, tuple[str, list[float]]] = {}
    names = space()

    def record(_number: int, _question: str, *given: tuple[str, ...]) -> None:
        for place, _setting, _advice, _text, *where in given:
            found[place] = where[0], names["numbers"](*where)

    names["table"] = record
    for name in TABLES:
        exec(cell(name).source, names)
    return found


ROWS = rows()
# What the numbers of a row must say for its advice to stand.
SAYS: dict[str, Callable[..., bool]] = {
    "all": lambda behind: behind > 0.03,
    "stored": lambda model, uniform: 0 <= uniform < model,
    "peaked": lambda top, worth: top > 30 and worth > 205,  # 205 cost the same
    "encoded": lambda shared, own: shared > own + 0.02,
    "single": lambda k: k <= 16,
    "million": lambda one_in: one_in < 100,
    "labels": lambda left, out: out > left + 0.05,
    "hints": lambda high, both, low, alone, high_vote, low_vote: (
        high - low > both - high >= 0 and alone > low + 0.05 and high_vote < low_vote
    ),
    "nothing": lambda all_weighted, hardest: all_weighted > hardest + 0.05,
    "about": lambda read_off, low: read_off > low + 0.005,
    "sequence": lambda false, true: false > 50 and true > 30,
    "next": lambda before, after: before > 0.1 and after < 0.01,
    "related": lambda at_1, even, at_0: min(at_1, even) > 5 * at_0,
    "repeats": lambda size: size < 256,
    "both": lambda alone, masked: alone < 0.01 < masked,
    "other": lambda before, after: after > before + 0.05,
    "only": lambda uniform, popular: uniform > popular + 0.2,
    "memory": lambda accumulated, cached: accumulated > 5 > cached,
    "devices": lambda plain, exact: plain > 5 > exact,
    "free": lambda k: k >= 16,
    "pairs": lambda small, large, small_warm, large_warm: (
        small > large + 0.02 and abs(small_warm - large_warm) < 0.02
    ),
    "search": lambda bound, without: bound > 0.005 and bound > without + 0.005,
    "recommender": lambda near, with_q, without: min(near, with_q) > 1.5 * without,
    "captions": lambda own, sigmoid, same, masked: (
        masked > own + 0.02 > own + max(abs(same - own), abs(sigmoid - own))
    ),
    "words": lambda more, step: step > 2 * more,
    "links": lambda first, other: first < 5 and other > 25,
}


def test_every_row_has_a_message() -> None:
    assert ROWS.keys() == SAYS.keys()


@pytest.mark.parametrize("place", SAYS)
def test_the_numbers_still_say_what_the_row_advises(place: str) -> None:
    chapter, numbers = ROWS[place]
    assert numbers, f"chapter {chapter} no longer prints what this row shows"
    assert SAYS[place](*numbers), f"chapter {chapter} now prints {numbers}: is the advice still right?"


@pytest.mark.parametrize("name", [*TABLES, "map"])
def test_the_stored_tables_show_what_the_chapters_print_now(name: str) -> None:
    """After a chapter is stored anew, this page must be, too."""
    said: list[dict[str, str]] = []
    names = space()
    names["display"] = lambda data, raw: said.append(data)
    exec(cell(name).source, names)
    assert said == [output.data for output in cell(name).outputs]


@pytest.mark.parametrize("name", TABLES)
def test_a_row_names_its_chapter(name: str) -> None:
    links = re.findall(r'id="row-(\w+)".*\[(\d\d)\]\((\w+\.ipynb)\) \|', shown(name))
    assert len(links) == shown(name).count("row-")
    for place, chapter, file in links:
        assert chapter == ROWS[place][0] == file[:2] and (FOLDER / file).is_file()


def the_map() -> dict[str, list[str]]:
    first = ast.parse(cell("map").source).body[0]
    assert isinstance(first, ast.Assign)
    return ast.literal_eval(first.value)


def test_the_map_asks_the_questions_of_the_tables_in_their_order() -> None:
    assert [each.id for each in PAGE.cells if each.id in TABLES] == list(TABLES)
    for number, (question, name) in enumerate(zip(the_map(), TABLES, strict=True), 1):
        assert f"**{number} · {question}**" in shown(name)


def test_every_link_on_the_page_leads_to_a_place() -> None:
    texts = [each.source if each.cell_type == "markdown" else shown_html(each) for each in PAGE.cells]
    places = re.findall(r'<a id="([\w-]+)"', "".join(texts))
    links = re.findall(r'href="#([\w-]+)"', "".join(texts))
    assert len(set(places)) == len(places) and set(links) <= set(places)
    assert len(links) >= sum(map(len, the_map().values()))


def shown_html(code: NotebookNode) -> str:
    data = [out.get("data", {}) for out in code.outputs]
    return "".join(each.get("text/html", "") + each.get("text/markdown", "") for each in data)


@pytest.mark.parametrize(("answers", "name"), list(zip(the_map().values(), TABLES, strict=True)))
def test_what_the_map_advises_stands_in_the_row_it_leads_to(answers: list[str], name: str) -> None:
    """Every longer word, and every term: the map must not advise what no row does."""
    for answer in answers:
        _, advice, place = answer.split(": ")
        row = next(line for line in shown(name).splitlines() if f'id="row-{place}"' in line).lower()
        assert len(advice.replace("− ", "").replace("ln q", "log").split()) <= 5
        for word in re.findall(r"\w{5,}|mask|ln q|[τα]", advice):
            assert word in row, f"{word!r} of {advice!r}"


def test_a_chapter_that_is_not_there_is_named_and_nothing_fails() -> None:
    names = space(Path("nowhere"))
    assert names["printed"]("09", "rules") == ""
    said: list[dict[str, str]] = []
    names["display"] = lambda data, raw: said.append(data)
    names["table"](1, "?", ("here", "a", "b", "{}", "09", "rules", r"(\d+)"))
    assert "Run that chapter" in said[0]["text/markdown"]


# --- the cases


@pytest.mark.parametrize("case", CASES)
def test_an_answer_gives_numbers_for_each_option_and_shows_what_the_chapters_print_now(case: str) -> None:
    names = space()
    exec(cell(f"predict-{case}").source, names)
    *before, last = ast.parse(cell(f"reveal-{case}").source).body
    assert isinstance(last, ast.Expr)
    exec(compile(ast.Module(before, []), "case", "exec"), names)
    card = eval(compile(ast.Expression(last.value), "case", "eval"), names)
    assert repr(card) == shown(f"reveal-{case}") and "Run that chapter" not in repr(card)
    reasons = [line.partition(" · ")[2] for line in repr(card).splitlines()[3:]]
    assert len(reasons) == 4 and all(re.search(r"\d", reason) for reason in reasons)


def test_in_each_case_the_answer_is_ahead_of_the_other_choices() -> None:
    """By more than the spread of either, as the title of the picture says."""
    names = space()
    source = cell("choices").source
    exec(source[: source.index("figure, axes")], names)
    for (chapter, cells, pattern), arms in names["CASES"].values():
        *others, best = (
            [*names["numbers"](chapter, cells, pattern.format(arm)), 0.0][:2] for arm in arms.values()
        )
        assert len(others) == 3 and all(best[0] - mean > max(best[1], spread) for mean, spread in others)


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
        [float(x) for x in re.findall(r"\d\.\d+", line)] for line in shown("anchors").splitlines()[1:]
    )
    assert free[:2] == by_item[:2] == [0.6931, 0.6931] and by_query[:2] == [0.0, 0.0]


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
