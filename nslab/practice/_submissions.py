"""What a folder of submissions holds: one folder a student, notebooks named by the number of an exercise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nslab.practice._help import SOLUTIONS


@dataclass(frozen=True)
class Submission:
    """One exercise of one student: its notebook, or the reason why there is none to run."""

    student: str
    exercise: str
    notebook: Path | None
    reason: str = ""


def submissions(folder: Path) -> Iterator[Submission]:
    """Every student with every exercise that anybody handed in."""
    known = _exercises()
    handed_in = {path.name[:2] for student in _students(folder) for path in _notebooks(student)}
    for student in _students(folder):
        for number in sorted(handed_in & known.keys()):
            found = [path for path in _notebooks(student) if path.name[:2] == number]
            if len(found) == 1:
                yield Submission(student.name, known[number], found[0])
            else:
                names = ", ".join(path.name for path in found)
                reason = f"more than one notebook begins with {number}: {names}" if found else "not handed in"
                yield Submission(student.name, known[number], None, reason)


def strangers(folder: Path) -> list[str]:
    """What lies in the folder and is no student's exercise: told, never passed over in silence."""
    loose = [path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    unknown = [
        f"{path.parent.name}/{path.name}"
        for student in _students(folder)
        for path in _notebooks(student)
        if path.name[:2] not in _exercises()
    ]
    return sorted(loose + unknown)


def _exercises() -> dict[str, str]:
    """The names of the exercises by number."""
    return {path.name[:2]: path.stem for path in SOLUTIONS.glob("*.ipynb")}


def _students(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _notebooks(student: Path) -> list[Path]:
    return sorted(path for path in student.glob("*.ipynb") if path.is_file())
