"""What a folder of submissions holds: one folder a student, notebooks named by the number of an exercise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.grading.answers import ROOT

SOLUTIONS = ROOT / "solutions"
MOST_BYTES = 20_000_000  # in a notebook


@dataclass(frozen=True)
class Submission:
    """One exercise of one student: what the notebook holds, or the reason why there is none to run."""

    student: str
    exercise: str
    content: bytes | None
    reason: str = ""


def printable(name: str) -> str:
    """A name as every file and terminal can show it.

    Some hold bytes that are no text, or control characters.
    """
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)


def submissions(folder: Path) -> Iterator[Submission]:
    """Every student with every exercise that anybody handed in, read before any of it runs."""
    known = _exercises()
    handed_in = {path.name[:2] for student in _students(folder) for path in _notebooks(student)}
    for student in _students(folder):
        for number in sorted(handed_in & known.keys()):
            found = [path for path in _notebooks(student) if path.name[:2] == number]
            if len(found) == 1:
                yield _read(student.name, known[number], found[0])
            else:
                names = printable(", ".join(path.name for path in found))
                reason = f"more than one notebook begins with {number}: {names}" if found else "not handed in"
                yield Submission(student.name, known[number], None, reason)


def unrecognised(folder: Path) -> list[str]:
    """What lies in the folder and is no student's exercise: told, never passed over in silence."""
    loose = [
        path.name
        for path in folder.iterdir()
        if not path.name.startswith(".") and (path.is_symlink() or path.is_file())
    ]
    unknown = [
        f"{path.parent.name}/{path.name}"
        for student in _students(folder)
        for path in _notebooks(student)
        if path.name[:2] not in _exercises()
    ]
    return sorted(map(printable, loose + unknown))


def _read(student: str, exercise: str, path: Path) -> Submission:
    name = printable(path.name)
    if path.is_symlink():
        return Submission(student, exercise, None, f"{name} is a link, not a notebook")
    try:
        if path.stat().st_size > MOST_BYTES:
            return Submission(student, exercise, None, f"{name} is larger than {MOST_BYTES // 10**6} MB")
        return Submission(student, exercise, path.read_bytes())
    except OSError as error:
        return Submission(student, exercise, None, f"{name} cannot be read: {error.strerror}")


def _exercises() -> dict[str, str]:
    """The names of the exercises by number."""
    return {path.name[:2]: path.stem for path in SOLUTIONS.glob("*.ipynb")}


def _students(folder: Path) -> list[Path]:
    """The folders, links aside: a link may lead to another student's work, or out of here."""
    folders = (path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    return sorted(path for path in folders if not path.name.startswith("."))


def _notebooks(student: Path) -> list[Path]:
    return sorted(path for path in student.glob("*.ipynb") if path.is_file())
