"""The page of myth checks.

Each claim of the table in CONTRIBUTING.md, its verdict, and where the numbers are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from nbformat import NotebookNode

from tools.site.notebooks import place

ROW = re.compile(r"^\| (\d+[a-z]?) \| (.+) \(([a-z ]+)\) \| (.+) \| (.+) \|$", re.MULTILINE)
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
LINES = 16
GROUPS = {
    "wrong": ("Wrong", "Said often, and not so. Each of these can be refuted in a few lines of code."),
    "under a condition": ("Right, under a condition", "True where the condition holds. It is seldom told."),
    "overstated": ("Overstated", "There is something in it, but less than the telling has it."),
    "right": ("Right", "Not everything is a myth. These stand as they are told."),
    "added here": ("Seldom told", "Nobody claims these, and one is the wiser for knowing them."),
}


@dataclass(frozen=True)
class Claim:
    """A row of the table: the chapters that test the claim and, for each, its cells."""

    row: str
    text: str
    verdict: str
    cells: dict[str, list[str]]


def claims(contributing: str) -> list[Claim]:
    """The rows of the table of myths in CONTRIBUTING.md."""
    return [
        Claim(row, text, verdict, dict(zip(_stems(chapters), _ids(cells), strict=True)))
        for row, text, verdict, chapters, cells in ROW.findall(contributing)
    ]


def _stems(chapters: str) -> list[str]:
    return re.findall(r"notebooks/(\w+)\.ipynb", chapters)


def _ids(cells: str) -> list[list[str]]:
    return [re.findall(r"`([^`]+)`", group) for group in cells.split("; ")]


def section(notebook: NotebookNode, cell_id: str) -> str:
    """The heading under which a cell stands."""
    heading = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            heading = (HEADING.findall(cell.source) or [heading])[-1]
        if cell.id == cell_id:
            return heading
    raise KeyError(cell_id)


def page(
    intro: str, found: list[Claim], said: Mapping[str, str], notebooks: Mapping[str, NotebookNode]
) -> str:
    """The page in Markdown, with one group per verdict.

    It says what is true about each claim; the printed numbers unfold.
    """
    missing = [claim.row for claim in found if claim.row not in said]
    if missing:
        raise ValueError(f"no text for the claims {', '.join(missing)}")
    parts = [intro, _tally(found)]
    for verdict, (title, lead) in GROUPS.items():
        members = [claim for claim in found if claim.verdict == verdict]
        parts += [
            f"## {title}",
            f"*{lead}*",
            *(_entry(claim, said[claim.row], notebooks) for claim in members),
        ]
    return "\n\n".join(parts) + "\n"


def _tally(found: list[Claim]) -> str:
    """How many claims each verdict has, as links to their groups."""
    counts = {verdict: sum(claim.verdict == verdict for claim in found) for verdict in GROUPS}
    links = (
        f'<a class="nslab-verdict" href="#{re.sub("[^a-z]+", "-", title.lower())}"><b>{counts[verdict]}</b>'
        f" {title.lower()}</a>"
        for verdict, (title, _) in GROUPS.items()
    )
    return f'<p class="nslab-tally">{" ".join(links)}</p>'


def _entry(claim: Claim, text: str, notebooks: Mapping[str, NotebookNode]) -> str:
    where = ", ".join(
        f"[chapter {stem[:2]}, *{section(notebooks[stem], ids[0])}*](#{place(stem, ids[0])})"
        for stem, ids in claim.cells.items()
    )
    stem, ids = next(iter(claim.cells.items()))
    cell = next(cell for cell in notebooks[stem].cells if cell.id == ids[0])
    return f"### {_capital(claim.text)}\n\n{text.strip()}\n\nTested in {where}.\n\n{_numbers(cell)}"


def _numbers(cell: NotebookNode) -> str:
    """What the cell printed, folded."""
    printed = "".join(
        out.get("text", "") or out.get("data", {}).get("text/plain", "") for out in cell.outputs
    )
    kept = [line for line in printed.splitlines() if not line.startswith("<Figure")]
    if len(kept) > LINES:
        kept = [*kept[:LINES], "…"]
    shown = escape("\n".join(kept).strip("\n"), quote=False)
    summary = "The numbers, as the chapter prints them"
    return (
        f'<details class="nslab-numbers"><summary>{summary}</summary><pre'
        f' tabindex="0">{shown}</pre></details>'
    )


def _capital(text: str) -> str:
    """A claim that begins with a word, with a capital.

    One that begins with a symbol is left as it is.
    """
    return (
        text[0].upper() + text[1:] if re.match(r"[a-z]{2,}|a ", text) and not text.startswith("dH") else text
    )
