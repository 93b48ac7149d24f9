"""What the course consists of, read from the tables of README.md and INSTRUCTORS.md."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

CHAPTER = re.compile(r"^\| \[(\d\d) (.+)\]\(notebooks/(\w+)\.ipynb\) \| (.+) \| (.+) \|$", re.MULTILINE)
EXERCISE = re.compile(
    r"^\| \[(\d\d) (.+)\]\(exercises/(\w+)\.ipynb\) \| (\d\d) \| ([●○]+) \| (\d+) \| (\d+) \|$", re.MULTILINE
)
TASK = re.compile(r"^\| \[\d\d .+\]\(exercises/(\w+)\.ipynb\) \| (.+) \|$", re.MULTILINE)
GROUPS = {  # title: numbers of its chapters
    "Begin": range(0, 1),
    "Foundations": range(1, 6),
    "Where negatives come from": range(6, 9),
    "In practice and in theory": range(9, 11),
    "Outside": range(11, 16),
    "What people train today": range(16, 19),
    "For your own work": range(19, 22),
}


@dataclass(frozen=True)
class Chapter:
    """One row of README's table of chapters."""

    number: str
    title: str
    stem: str
    question: str
    contents: str


@dataclass(frozen=True)
class Exercise:
    """One row of INSTRUCTORS' table of exercises, and what README says one writes in it."""

    number: str
    title: str
    stem: str
    chapter: str
    difficulty: str
    minutes: str
    points: str
    task: str


def chapters(readme: str) -> list[Chapter]:
    return [Chapter(*row) for row in CHAPTER.findall(readme)]


def exercises(instructors: str, readme: str) -> list[Exercise]:
    tasks = dict(TASK.findall(readme))
    return [Exercise(*row, task=tasks[row[2]]) for row in EXERCISE.findall(instructors)]


def grouped(listed: list[Chapter]) -> dict[str, list[Chapter]]:
    return {
        title: [chapter for chapter in listed if int(chapter.number) in numbers]
        for title, numbers in GROUPS.items()
    }


def course_map(listed: list[Chapter], pictures: dict[str, str]) -> str:
    """The map of the course as HTML: a card a chapter, with its picture and its question."""
    rows = []
    for title, members in grouped(listed).items():
        cards = "".join(_card(chapter, pictures[chapter.number]) for chapter in members)
        rows.append(f'<h3 class="nslab-group">{title}</h3><ul class="nslab-map">{cards}</ul>')
    return f'<nav aria-label="Map of the chapters">{"".join(rows)}</nav>\n'


def _card(chapter: Chapter, picture: str) -> str:
    return (
        f'<li><a href="notebooks/{chapter.stem}.html">{picture}<span'
        f' class="nslab-number">{chapter.number}</span>'
        f"<strong>{escape(chapter.title)}</strong><span>{escape(chapter.question)}</span></a></li>"
    )


def toctrees(listed: list[Chapter]) -> str:
    """The hidden tables of contents of the home page: they make the side bar."""
    return "\n\n".join(
        "```{toctree}\n:hidden:\n:caption: "
        + title
        + "\n\n"
        + "\n".join(f"notebooks/{chapter.stem}" for chapter in members)
        + "\n```"
        for title, members in grouped(listed).items()
    )


def exercise_list(listed: list[Exercise], stems: dict[str, str]) -> str:
    """The table of exercises, and the table of contents behind it."""
    rows = [
        f"| [{e.number} {e.title}]({e.stem}.ipynb) | {e.task} | "
        f"[{e.chapter}](../notebooks/{stems[e.chapter]}.ipynb) | {e.difficulty} | {e.minutes} |"
        for e in listed
    ]
    head = "| exercise | you write | chapter | difficulty | minutes |\n|---|---|---|---|---|\n"
    tree = "```{toctree}\n:hidden:\n\n" + "\n".join(e.stem for e in listed) + "\n```"
    return head + "\n".join(rows) + "\n\n" + tree + "\n"
