"""The teachers' page: every plan's chapters and exercises exist, and its table of exercises is the
notebooks' own.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "INSTRUCTORS.md"


def exercise_row(path: Path) -> str:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    header = "".join(cells[0]["source"])
    title = re.search(r"# Exercise \d\d · (.+)", header)
    about = re.search(
        r"\*\*Difficulty\*\* (\S+) · \*\*Time\*\* (\d+) minutes · \*\*Chapter\*\* \[(\d\d)", header
    )
    assert title and about, header
    points = [cell["metadata"].get("nbgrader", {}).get("points", 0) for cell in cells]
    link = f"[{path.name[:2]} {title[1]}](exercises/{path.name})"
    return f"| {link} | {about[3]} | {about[1]} | {about[2]} | {sum(points)} |"


def exercise_table() -> str:
    rows = [exercise_row(path) for path in sorted((ROOT / "solutions").glob("*.ipynb"))]
    head = ["| exercise | chapter | difficulty | minutes | points |", "|---|---|---|---|---|"]
    return "\n".join(head + rows)


def plans() -> dict[str, list[str]]:
    text = PAGE.read_text(encoding="utf-8").split("## Plans")[1].split("## The exercises")[0]
    return {
        part.split("\n", 1)[0]: re.findall(r"^\| \d+ .+$", part, re.MULTILINE)
        for part in text.split("### ")[1:]
    }


def numbers(folder: str) -> set[str]:
    return {path.name[:2] for path in (ROOT / folder).glob("*.ipynb")}


def test_the_table_of_exercises_is_the_notebooks_own() -> None:
    assert exercise_table() in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("plan", plans())
def test_a_plan_names_what_there_is_and_comes_after_its_chapters(plan: str) -> None:
    chapters: set[str] = set()
    exercises: set[str] = set()
    for row in plans()[plan]:
        new, practice = (set(re.findall(r"\d\d", column)) for column in row.split("|")[2:4])
        assert not new & chapters and not practice & exercises, f"twice: {row}"
        chapters |= new
        exercises |= practice
    assert chapters <= numbers("notebooks") and exercises <= numbers("exercises")
    if not plan.startswith(("One week", "Two weeks")):
        assert chapters == numbers("notebooks") and exercises == numbers("exercises")


def test_an_exercise_is_set_when_its_chapter_was_read() -> None:
    chapter_of = dict(re.findall(r"^\| \[(\d\d) .+\) \| (\d\d) \|", exercise_table(), re.MULTILINE))
    for rows in plans().values():
        read: set[str] = set()
        for row in rows:
            new, practice = (re.findall(r"\d\d", column) for column in row.split("|")[2:4])
            read |= set(new)
            assert {chapter_of[number] for number in practice} <= read, row


if __name__ == "__main__":
    print(exercise_table())
