"""Progress: which functions have passed, kept in one small file on this machine and nowhere else."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from nslab.practice._cards import Card, Rows
from nslab.practice._exercise import Exercise, load, numbers


def progress_file() -> Path | None:
    """Where progress is kept: NSLAB_PROGRESS, or .nslab_progress.json at home.

    None where NSLAB_PROGRESS is empty.
    """
    place = os.environ.get("NSLAB_PROGRESS", "~/.nslab_progress.json")
    return Path(place).expanduser() if place else None


def record(number: str, name: str, status: str) -> None:
    """Keep that a function was tried; what has passed once stays passed.

    A file that cannot be written is no error.
    """
    file = progress_file()
    if file is None or status == "not attempted":
        return
    known = _read(file)
    if known.get(number, {}).get(name) == "passed":
        return
    known.setdefault(number, {})[name] = status
    with suppress(OSError):
        draft = file.with_suffix(".draft")
        draft.write_text(json.dumps(known, indent=1, sort_keys=True), encoding="utf-8")
        draft.replace(file)


def progress() -> Card:
    """The exercises and how far you have come in each.

    Returns:
        A card. It names the file that keeps your progress; delete the file to start again.

    Example:
        >>> progress().title
        'Your progress'
    """
    file = progress_file()
    known = {} if file is None else _read(file)
    rows = tuple((number, _state(load(number), known.get(number, {}))) for number in numbers())
    kept = (
        "Nothing is kept: NSLAB_PROGRESS is empty."
        if file is None
        else f"Kept in `{_short(file)}` on this machine only; delete it to start again."
    )
    return Card("quiet", "Your progress", (Rows(rows, prose=True), kept))


def _read(file: Path) -> dict[str, dict[str, str]]:
    """What the file holds; a file that is missing or not ours counts as empty."""
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        return {str(number): dict(functions) for number, functions in known.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _state(exercise: Exercise, tried: dict[str, str]) -> str:
    wanted = [question.name for question in exercise.questions if not question.stretch]
    done = sum(tried.get(name) == "passed" for name in wanted)
    stretch = any(q.stretch and tried.get(q.name) == "passed" for q in exercise.questions)
    if not tried:
        state = "not started"
    elif done < len(wanted):
        state = f"{done} of {len(wanted)} passed"
    else:
        state = "all passed ✓"
    return f"{exercise.title} · {state}{' · stretch goal ✓' if stretch else ''}"


def _short(file: Path) -> str:
    """The path as a learner knows it, ~ for home."""
    with suppress(ValueError, RuntimeError):
        return f"~/{file.relative_to(Path.home()).as_posix()}"
    return str(file)
