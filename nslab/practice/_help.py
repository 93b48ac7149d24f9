"""Hints in three steps, and the reference solution when it is asked for."""

from __future__ import annotations

import json
from pathlib import Path

from nslab.practice._cards import Card, Code
from nslab.practice._check import next_open
from nslab.practice._exercise import load

_shown: dict[tuple[str, str], int] = {}


def hint(number: str, function: str | None = None) -> Card:
    """The next of three hints for a function of an exercise, from a nudge to a plan.

    Args:
        number: the exercise, such as "05".
        function: its name; without it, the first function that has not passed yet.

    Returns:
        A card. After the third hint, the third is shown again.

    Raises:
        ValueError: there is no such exercise, or it has no such function.

    Example:
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
    """The reference code of an exercise, read from its solution notebook.

    The installed package has no solutions. They are looked for in a folder `solutions` of the working
    directory or of a folder above it, so a notebook finds them anywhere in a clone of the repository.

    Args:
        number: the exercise, such as "05".

    Returns:
        A card with the code.

    Raises:
        ValueError: there is no such exercise.
        FileNotFoundError: no solution notebook is found.

    Example:
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
