"""What a learner does beyond the sliders: predicts and is scored, solves an exercise and passes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import nbformat

from tools.browser.live_lab import Notebook

SOLUTIONS = Path(__file__).resolve().parents[2] / "solutions"
MARKER = re.compile(r"^ *### (BEGIN|END) SOLUTION\n?", re.MULTILINE)


def answers(name: str) -> list[str]:
    """The cells that a learner writes, solved."""
    cells = nbformat.read(SOLUTIONS / f"{name}.ipynb", as_version=4).cells
    return [MARKER.sub("", cell.source).rstrip() for cell in cells if "### BEGIN SOLUTION" in cell.source]


def test_a_prediction_is_scored_when_it_is_revealed(open_notebook: Callable[[str], Notebook]) -> None:
    notebook = open_notebook("notebooks/00_start_here.ipynb")
    notebook.run()
    notebook.page.get_by_label("nearly all").check()
    notebook.page.get_by_text("Noted: d.").wait_for()
    notebook.run_cell("q.reveal(")
    notebook.page.get_by_text("You chose d, and that is right").wait_for()
    assert notebook.page.get_by_label("nearly all").is_disabled()
    assert notebook.trouble() == []


def test_an_exercise_solved_on_the_page_passes(open_notebook: Callable[[str], Notebook]) -> None:
    notebook = open_notebook("exercises/01_exclusion_windows.ipynb")
    for answer in answers("01_exclusion_windows"):
        notebook.write_cell(answer.split("(")[0] + "(", answer)
    written = [each["source"] for each in notebook.cells]
    assert set(answers("01_exclusion_windows")) <= set(written)

    notebook.run()
    cards = [
        output["data"]["text/plain"]
        for each in notebook.cells
        if each["source"].startswith("practice.check(")
        for output in each["outputs"]
    ]
    assert len(cards) == 4 and all("Passed" in card.splitlines()[0] for card in cards), cards
    assert notebook.trouble() == []
