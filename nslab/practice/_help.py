"""Hints in three steps, and the reference solution when it is asked for."""

from __future__ import annotations

import json
from pathlib import Path

from nslab.practice._cards import Card, Code
from nslab.practice._check import next_open
from nslab.practice._exercise import load

_shown: dict[tuple[str, str], int] = {}


def hint(number: str, function: str | None = None) -> Card:
    """The next hint for a function of exercise `number`; without a name, for the first that has not passed yet.

    There are three, from a nudge to a plan; the third is shown again when all have been seen.

    >>> hint("05", "dH_dtau").title
    '05 · dH_dtau · Hint 1 of 3'
    >>> hint("05", "dH_dtau").title
    '05 · dH_dtau · Hint 2 of 3'
    """
    exercise = load(number)
    name = function or next_open(number) or exercise.questions[-1].name
    question = exercise.question(name)
    if question is None:
        names = ", ".join(q.name for q in exercise.questions)
        raise ValueError(f"function must be one of {names}, got {function!r}")
    step = min(_shown.get((number, name), 0) + 1, 3)
    _shown[number, name] = step
    more = (
        "Run this cell again for the next."
        if step < 3
        else f"This was the last. The code: `practice.solution({number!r})`."
    )
    return Card("quiet", f"{number} · {name} · Hint {step} of 3", (question.hints[step - 1], more))


def solution(number: str) -> Card:
    """The reference code of exercise `number`, read from its solution notebook.

    Solutions are no part of the installed package: they are looked for in a folder `solutions` of the working directory
    or of a folder above it, so that a notebook finds them anywhere in a clone of the repository.
    FileNotFoundError elsewhere.

    >>> solution("05").title
    '05 · entropy, temperature and variance · One solution'
    """
    exercise = load(number)
    here = Path.cwd()
    found = (path for place in (here, *here.parents) for path in place.glob(f"solutions/{number}_*.ipynb"))
    notebook = next(found, None)
    if notebook is None:
        raise FileNotFoundError(
            f"no solutions/{number}_….ipynb in {here} or above it: run inside a clone of the repository"
        )
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    sources = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    code = "\n\n\n".join(_without_markers(source) for source in sources if "### BEGIN SOLUTION" in source)
    return Card("quiet", f"{number} · {exercise.title} · One solution", (Code(code),))


def _without_markers(source: str) -> str:
    kept = (
        line for line in source.splitlines() if line.strip() not in ("### BEGIN SOLUTION", "### END SOLUTION")
    )
    return "\n".join(kept).strip()
