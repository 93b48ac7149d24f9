"""What the pages and the notebooks say of the course is what course.toml says."""

from __future__ import annotations

import json
import re
from difflib import ndiff
from pathlib import Path

import pytest

from tools import course
from tools.course import CHAPTERS, EXERCISES, ROOT, Chapter, Exercise

POINTS = re.compile(r"\*\*Difficulty\*\* (\S+) · \*\*Time\*\* (\d+) minutes · \*\*Chapter\*\* \[(\d\d)")


def cells(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def text(path: Path) -> str:
    if path.suffix == ".ipynb":
        return "\n\n".join("".join(cell["source"]) for cell in cells(path))
    return path.read_text(encoding="utf-8")


def differences(page: str, wanted: str) -> list[str]:
    """The lines in which the block of a page that begins like `wanted` differs from it: - there, + wanted."""
    head = wanted.partition("\n")[0]
    _, found, after = f"\n{page}".partition(f"\n{head}\n")
    shown = f"{head}\n{after}".partition("\n\n")[0] if found else ""
    return [line for line in ndiff(shown.splitlines(), wanted.splitlines()) if line[0] in "+-"]


def stems(folder: str) -> list[str]:
    return sorted(path.stem for path in (ROOT / folder).glob("*.ipynb"))


def test_the_table_holds_every_notebook_once_and_in_order() -> None:
    assert [chapter.stem for chapter in CHAPTERS] == stems("notebooks")
    assert [exercise.stem for exercise in EXERCISES] == stems("solutions") == stems("exercises")
    assert {exercise.chapter for exercise in EXERCISES} <= {chapter.number for chapter in CHAPTERS}


@pytest.mark.parametrize("page", course.tables())
def test_a_page_says_of_the_course_what_the_table_says(page: str) -> None:
    there = text(ROOT / page)
    found = [line for wanted in course.tables()[page] for line in differences(there, wanted)]
    assert not found, "\n".join([f"{page} differs from course.toml (- there, + wanted):", *found])


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)
def test_a_chapter_begins_with_its_title_and_its_minutes(chapter: Chapter) -> None:
    head = "".join(cells(ROOT / "notebooks" / f"{chapter.stem}.ipynb")[0]["source"])
    assert head.startswith(f"# {chapter.number} · {chapter.title}\n")
    assert f"\n*{chapter.minutes} minutes.*" in head


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.stem)
def test_an_exercise_says_of_itself_what_the_table_says(exercise: Exercise) -> None:
    found = cells(ROOT / "solutions" / f"{exercise.stem}.ipynb")
    head = "".join(found[0]["source"])
    assert head.startswith(f"# Exercise {exercise.number} · {exercise.title}\n")
    assert POINTS.findall(head) == [(exercise.difficulty, str(exercise.minutes), exercise.chapter)]
    assert sum(cell["metadata"].get("nbgrader", {}).get("points", 0) for cell in found) == exercise.points


def test_a_difference_is_named() -> None:
    wanted = course.table("a", "b", rows=[(1, "one"), (2, "two")])
    page = f"Before.\n\n{wanted}\n\nAfter."
    assert differences(page, wanted) == []
    assert differences(page.replace("two", "too"), wanted) == ["- | 2 | too |", "+ | 2 | two |"]
    assert differences(page.replace("\n\nAfter", "\n| 3 | more |\n\nAfter"), wanted) == ["- | 3 | more |"]
    assert len(differences("No table.", wanted)) == 4
