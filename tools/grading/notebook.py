"""The code of a submitted notebook, and the checks that its solution asks for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST_CELLS = 1000


@dataclass(frozen=True)
class Cell:
    """A code cell: its source, and the id under which nbgrader knows it, if it does."""

    source: str
    grade_id: str = ""


@dataclass(frozen=True)
class Check:
    """A check cell of the solution and the points that it is worth."""

    grade_id: str
    source: str
    points: float


def read(content: bytes) -> list[Cell]:
    """The code cells in order; ValueError for what is no notebook of format 4."""
    try:
        notebook = json.loads(content)
        if notebook["nbformat"] != 4:
            raise ValueError(f"nbformat must be 4, got {str(notebook['nbformat'])[:20]!r}")
        cells = [_cell(cell) for cell in notebook["cells"] if cell["cell_type"] == "code"]
        if len(cells) > MOST_CELLS:
            raise ValueError(f"{len(cells)} cells of code, more than {MOST_CELLS}")
        return cells
    except (LookupError, TypeError, AttributeError, RecursionError, ValueError) as error:
        raise ValueError(f"not a notebook: {type(error).__name__}: {str(error)[:200]}") from None


def _cell(cell: dict[str, Any]) -> Cell:
    source, known = cell["source"], cell["metadata"].get("nbgrader", {})
    return Cell(source if isinstance(source, str) else "".join(source), str(known.get("grade_id", "")))


def checks(solution: Path) -> list[Check]:
    """The check cells of a solution, in order."""
    cells = json.loads(solution.read_text(encoding="utf-8"))["cells"]
    graded = [(cell, cell["metadata"].get("nbgrader", {})) for cell in cells]
    return [
        Check(known["grade_id"], "".join(cell["source"]), float(known["points"]))
        for cell, known in graded
        if known.get("grade")
    ]


def plan(cells: list[Cell], wanted: list[Check]) -> list[Cell | Check]:
    """What to run and what to ask, in order.

    Each check comes once: where its cell comes last in the submission, or at the end.

    What comes after the last check only shows something, and is left out.
    """
    of = {check.grade_id: check for check in wanted}
    last = {cell.grade_id: i for i, cell in enumerate(cells) if cell.grade_id in of}
    steps = [of[c.grade_id] if last.get(c.grade_id) == i else c for i, c in enumerate(cells)]
    missing = [check for check in wanted if check.grade_id not in last]
    if missing:
        return [*steps, *missing]
    return steps[: max(last.values(), default=-1) + 1]
