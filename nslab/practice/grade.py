"""Grade a folder of submissions with nbgrader: `python -m nslab.practice.grade SUBMISSIONS [--out graded]`.

SUBMISSIONS holds one folder a student, and in it notebooks whose names begin with the number of an exercise. Each
notebook runs in a process of its own, in a folder of its own, within limits of time, memory and output; whatever it
does, the others are graded all the same. A second run takes up where the first ended and grades only what changed.
This is no sandbox: a submission runs with your rights. Grade in a container or on a machine that may be lost.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import html
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from nslab.practice._help import SOLUTIONS
from nslab.practice._submissions import Submission, strangers, submissions


@dataclass(frozen=True)
class Limits:
    """What one submission may use: seconds a cell, seconds in all, and memory."""

    cell_seconds: int = 30
    seconds: int = 180
    gigabytes: float = 4.0


@dataclass(frozen=True)
class Row:
    """A line of the gradebook."""

    student: str
    exercise: str
    score: float
    max_score: float
    note: str


def grade_all(folder: Path, out: Path, *, limits: Limits, seed: int, jobs: int) -> list[Row]:
    """Grade everything in `folder` into `out`; the rows of the gradebook, in order of student and exercise."""
    todo = list(submissions(folder))
    keys = [_key(submission, limits, seed) for submission in todo]
    kept = [_kept(submission, out, key) for submission, key in zip(todo, keys, strict=True)]
    fresh = {s.exercise for s, row in zip(todo, kept, strict=True) if row is None and s.notebook is not None}
    rows = []
    with tempfile.TemporaryDirectory(prefix="nslab-grade-") as workshop, ThreadPoolExecutor(jobs) as pool:
        courses = {exercise: _course(Path(workshop), exercise) for exercise in fresh}
        now = [
            row or pool.submit(_graded, s, courses.get(s.exercise), out, key, limits, seed)
            for s, row, key in zip(todo, kept, keys, strict=True)
        ]
        for count, found in enumerate(now, 1):
            row = found if isinstance(found, Row) else found.result()
            told = f"{row.score:g} of {row.max_score:g}{', as before' if row is found else ''}"
            note = f" · {row.note}" if row.note else ""
            print(f"[{count}/{len(todo)}] {row.student} · {row.exercise}: {told}{note}", flush=True)
            rows.append(row)
    _write_book(out / "gradebook.csv", rows)
    return rows


def _course(workshop: Path, exercise: str) -> Path:
    """A course folder in which nbgrader has made the assignment; copied for each submission."""
    from nslab.practice._grade_one import course

    folder = workshop / exercise
    source = folder / "source" / exercise
    source.mkdir(parents=True)
    shutil.copy(SOLUTIONS / f"{exercise}.ipynb", source)
    made = course(folder, 30).generate_assignment(exercise)
    if not made["success"]:
        raise RuntimeError(
            f"nbgrader could not make {exercise} from its solution:\n{made['log']}\n{made['error']}"
        )
    return folder


def _places(submission: Submission, out: Path) -> tuple[Path, Path]:
    """Where the record and the feedback of a submission lie."""
    record = out / "records" / submission.student / f"{submission.exercise}.json"
    return record, out / "feedback" / submission.student / f"{submission.exercise}.html"


def _kept(submission: Submission, out: Path, key: str) -> Row | None:
    """The row of an earlier run, if nothing has changed since."""
    record, feedback = _places(submission, out)
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(record.read_text(encoding="utf-8"))
        if kept["key"] == key and feedback.is_file():
            return Row(**kept["row"])
    return None


def _graded(
    submission: Submission, course: Path | None, out: Path, key: str, limits: Limits, seed: int
) -> Row:
    """Grade one submission in a copy of the course; its record comes last, so that a run cut short begins it anew."""
    record, feedback = _places(submission, out)
    for path in (record, feedback):
        path.parent.mkdir(parents=True, exist_ok=True)
    best = _most(submission.exercise)
    outcome: dict[str, Any] = {"score": 0.0, "questions": {}, "error": submission.reason}
    with tempfile.TemporaryDirectory(prefix="nslab-grade-") as place:
        if submission.notebook is not None and course is not None:
            folder = Path(shutil.copytree(course, Path(place) / "course"))
            target = folder / "submitted" / "student" / submission.exercise
            target.mkdir(parents=True)
            shutil.copy(submission.notebook, target / f"{submission.exercise}.ipynb")
            outcome |= {"error": ""} | _outcome(folder, submission.exercise, limits, seed)
            page = folder / "feedback" / "student" / submission.exercise / f"{submission.exercise}.html"
            if not outcome["error"]:
                shutil.copy(page, feedback)
    if outcome["error"]:
        text = f"<p>0 of {best:g} points: {html.escape(outcome['error'])}</p>"
        page_text = (
            f"<!doctype html><meta charset='utf-8'><h1>{html.escape(submission.exercise)}</h1>{text}\n"
        )
        feedback.write_text(page_text, encoding="utf-8")
    row = Row(submission.student, submission.exercise, outcome["score"], best, outcome["error"])
    draft = record.with_suffix(".draft")
    kept = {"key": key, "row": asdict(row), "questions": outcome["questions"]}
    draft.write_text(json.dumps(kept, indent=1), encoding="utf-8")
    draft.replace(record)
    return row


def _outcome(folder: Path, exercise: str, limits: Limits, seed: int) -> dict[str, Any]:
    """What the grading process left behind, or why it left nothing."""
    job = folder / "job.json"
    job.write_text(
        json.dumps({"folder": str(folder), "exercise": exercise, **asdict(limits)}), encoding="utf-8"
    )
    environment = {**os.environ, "NSLAB_SEED": str(seed), "NSLAB_PROGRESS": "", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "nslab.practice._grade_one", str(job)]
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            process.wait(limits.seconds)
        except subprocess.TimeoutExpired:
            return {"error": f"stopped after {limits.seconds} seconds"}
        finally:
            _end(process)
    with suppress(OSError, ValueError):
        return json.loads((folder / "outcome.json").read_text(encoding="utf-8"))
    return {"error": f"the grading process ended with exit code {process.returncode}"}


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process with all that it started."""
    with suppress(psutil.Error):
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        for child in family:
            with suppress(psutil.Error):
                child.kill()
    process.wait()


def _most(exercise: str) -> float:
    """The points that the exercise is worth."""
    cells = json.loads((SOLUTIONS / f"{exercise}.ipynb").read_text(encoding="utf-8"))["cells"]
    return float(sum(cell["metadata"].get("nbgrader", {}).get("points", 0) for cell in cells))


def _key(submission: Submission, limits: Limits, seed: int) -> str:
    """Changes whenever the grade might."""
    digest = hashlib.sha256(f"{submission.reason} {limits} {seed}".encode())
    for path in (submission.notebook, SOLUTIONS / f"{submission.exercise}.ipynb"):
        digest.update(b"-" if path is None else path.read_bytes())
    return digest.hexdigest()


def _write_book(path: Path, rows: list[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("student", "exercise", "score", "max_score", "note"))
        for row in rows:
            writer.writerow((row.student, row.exercise, f"{row.score:g}", f"{row.max_score:g}", row.note))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("submissions", type=Path)
    parser.add_argument("--out", type=Path, default=Path("graded"))
    parser.add_argument("--seed", type=int, default=1, help="of the checks that learners do not see")
    parser.add_argument("--cell-seconds", type=int, default=Limits.cell_seconds)
    parser.add_argument("--seconds", type=int, default=Limits.seconds, help="for one notebook, start to end")
    parser.add_argument("--gigabytes", type=float, default=Limits.gigabytes, help="of memory (Linux only)")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    options = parser.parse_args(arguments)
    if not options.submissions.is_dir():
        parser.error(f"submissions must be a folder of folders, got {str(options.submissions)!r}")
    limits = Limits(options.cell_seconds, options.seconds, options.gigabytes)
    start = time.monotonic()
    rows = grade_all(options.submissions, options.out, limits=limits, seed=options.seed, jobs=options.jobs)
    for name in strangers(options.submissions):
        print(f"not graded: {name} (wanted: one folder a student, notebooks named NN_….ipynb)")
    print(f"{len(rows)} rows in {options.out / 'gradebook.csv'}, {time.monotonic() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
