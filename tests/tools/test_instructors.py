"""The teachers' page: every plan's chapters and exercises exist, and each comes after what it needs."""

from __future__ import annotations

import re

import pytest

from tools.course import CHAPTERS, EXERCISES, ROOT

NUMBERS = {chapter.number for chapter in CHAPTERS}
CHAPTER_OF = {exercise.number: exercise.chapter for exercise in EXERCISES}


def plans() -> dict[str, list[str]]:
    page = (ROOT / "INSTRUCTORS.md").read_text(encoding="utf-8")
    text = page.split("## Plans")[1].split("## The exercises")[0]
    return {
        part.split("\n", 1)[0]: re.findall(r"^\| \d+ .+$", part, re.MULTILINE)
        for part in text.split("### ")[1:]
    }


@pytest.mark.parametrize("plan", plans())
def test_a_plan_names_what_there_is_and_comes_after_its_chapters(plan: str) -> None:
    chapters: set[str] = set()
    exercises: set[str] = set()
    for row in plans()[plan]:
        new, practice = (set(re.findall(r"\d\d", column)) for column in row.split("|")[2:4])
        assert not new & chapters and not practice & exercises, f"twice: {row}"
        chapters |= new
        exercises |= practice
    assert chapters <= NUMBERS and exercises <= CHAPTER_OF.keys()
    if not plan.startswith(("One week", "Two weeks")):
        assert chapters == NUMBERS and exercises == CHAPTER_OF.keys()


def test_an_exercise_is_set_when_its_chapter_was_read() -> None:
    for rows in plans().values():
        read: set[str] = set()
        for row in rows:
            new, practice = (re.findall(r"\d\d", column) for column in row.split("|")[2:4])
            read |= set(new)
            assert {CHAPTER_OF[number] for number in practice} <= read, row
