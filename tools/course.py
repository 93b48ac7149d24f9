"""The chapters and exercises, read from course.toml.

`python -m tools.course` prints the tables of each page.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LEVELS = 3


@dataclass(frozen=True)
class Notebook:
    """What a chapter and an exercise have in common; `stem` is the file's name without `.ipynb`."""

    stem: str
    title: str
    minutes: int

    @property
    def number(self) -> str:
        return self.stem[:2]

    def link(self, folder: str) -> str:
        """A link to the notebook, where `folder` leads from the page to that of its kind."""
        return f"[{self.number} {self.title}]({folder}{self.stem}.ipynb)"


@dataclass(frozen=True)
class Chapter(Notebook):
    """A chapter: `lab` is what one finds there, `extra` the extra of nslab that it needs."""

    part: str
    question: str
    lab: str
    extra: str = "course"


@dataclass(frozen=True)
class Exercise(Notebook):
    """An exercise: the number of the chapter to read before, and what one writes."""

    chapter: str
    level: int
    points: int
    task: str

    @property
    def difficulty(self) -> str:
        return "●" * self.level + "○" * (LEVELS - self.level)


COURSE = tomllib.loads((ROOT / "course.toml").read_text(encoding="utf-8"))
CHAPTERS = [Chapter(part=part["title"], **row) for part in COURSE["part"] for row in part["chapter"]]
EXERCISES = [Exercise(**row) for row in COURSE["exercise"]]
PARTS = [part["title"] for part in COURSE["part"]]


def members(part: str) -> list[Chapter]:
    """The chapters of a part."""
    return [chapter for chapter in CHAPTERS if chapter.part == part]


def table(*columns: str, rows: Iterable[Iterable[object]]) -> str:
    """A table in Markdown."""
    return "\n".join([_row(columns), "|" + "---|" * len(columns), *map(_row, rows)])


def _row(cells: Iterable[object]) -> str:
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)


def start_rows() -> Iterator[tuple[str, str, str]]:
    """The rows of chapter 00's table: all other chapters, below the titles of their parts."""
    for part in PARTS[1:]:
        yield "", f"**{part}**", ""
        for chapter in members(part):
            yield f"![](map/{chapter.number}.svg)", chapter.link(""), chapter.question


def tables() -> dict[str, list[str]]:
    """What each page of the repository shows of the course."""
    return {
        "README.md": [
            table(
                *("chapter", "question", "in the lab"),
                rows=((each.link("notebooks/"), each.question, each.lab) for each in CHAPTERS),
            ),
            table(
                *("exercise", "you write"),
                rows=((each.link("exercises/"), each.task) for each in EXERCISES),
            ),
        ],
        "INSTRUCTORS.md": [
            table(
                *("exercise", "chapter", "difficulty", "minutes", "points"),
                rows=(
                    (each.link("exercises/"), each.chapter, each.difficulty, each.minutes, each.points)
                    for each in EXERCISES
                ),
            )
        ],
        "notebooks/00_start_here.ipynb": [
            table("", "chapter", "its question", rows=start_rows()),
            " · ".join(each.link("../exercises/") for each in EXERCISES),
        ],
    }


if __name__ == "__main__":
    for page, blocks in tables().items():
        print(page, *blocks, sep="\n\n", end="\n\n")
