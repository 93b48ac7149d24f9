"""What the pages of the site show of the course: the map, the side bar, the list of exercises."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from tools.course import CHAPTERS, EXERCISES, PARTS, Chapter, members, table

STEMS = {chapter.number: chapter.stem for chapter in CHAPTERS}


def course_map(pictures: Mapping[str, str]) -> str:
    """The map of the course as HTML: a card per chapter, with its picture and its question."""
    rows = []
    for part in PARTS:
        cards = "".join(_card(chapter, pictures[chapter.number]) for chapter in members(part))
        rows.append(f'<h3 class="nslab-group">{part}</h3><ul class="nslab-map">{cards}</ul>')
    return f'<nav aria-label="Map of the chapters">{"".join(rows)}</nav>\n'


def _card(chapter: Chapter, picture: str) -> str:
    return (
        f'<li><a href="notebooks/{chapter.stem}.html">{picture}<span'
        f' class="nslab-number">{chapter.number}</span>'
        f"<strong>{escape(chapter.title)}</strong><span>{escape(chapter.question)}</span></a></li>"
    )


def toctrees() -> str:
    """The hidden tables of contents of the home page: they make the side bar."""
    return "\n\n".join(
        _toctree([f"notebooks/{chapter.stem}" for chapter in members(part)], f":caption: {part}")
        for part in PARTS
    )


def exercise_list() -> str:
    """The table of exercises, and the table of contents behind it."""
    rows = (
        [each.link(""), each.task, _chapter(each.chapter), each.difficulty, each.minutes]
        for each in EXERCISES
    )
    shown = table("exercise", "you write", "chapter", "difficulty", "minutes", rows=rows)
    return f"{shown}\n\n{_toctree([each.stem for each in EXERCISES])}\n"


def _chapter(number: str) -> str:
    return f"[{number}](../notebooks/{STEMS[number]}.ipynb)"


def _toctree(pages: list[str], *options: str) -> str:
    return "\n".join(["```{toctree}", ":hidden:", *options, "", *pages, "```"])
