"""The gradebook, and the records from which a second run takes up where the first ended."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tools.grading.answers import Ended, Limits
from tools.grading.clock import PATIENCE
from tools.grading.judges import Judges
from tools.grading.notebook import Check, checks, read
from tools.grading.page import page
from tools.grading.submissions import SOLUTIONS, Submission, printable, submissions


@dataclass(frozen=True)
class Row:
    """A line of the gradebook."""

    student: str
    exercise: str
    score: float
    max_score: float
    note: str

    def __str__(self) -> str:
        note = f" · {self.note}" if self.note else ""
        return f"{self.student} · {self.exercise}: {self.score:g} of {self.max_score:g}{note}"


@dataclass(frozen=True)
class Graded:
    """A submission's row, its points by question, and its page; `key` changes whenever these might."""

    key: str
    row: Row
    questions: dict[str, list[float]]
    page: str


@dataclass(frozen=True)
class Run:
    """All that is the same for every submission of a run."""

    out: Path
    limits: Limits
    seed: int
    boxed: bool

    def key(self, submission: Submission) -> str:
        digest = hashlib.sha256(f"{submission.reason} {self.limits} {self.seed} {self.boxed}".encode())
        digest.update(submission.content or b"-")
        digest.update((SOLUTIONS / f"{submission.exercise}.ipynb").read_bytes())
        return digest.hexdigest()

    def files(self, submission: Submission) -> tuple[Path, Path, Path]:
        """Where the record and the page lie, and the mark that a submission was begun."""
        record = self.out / "records" / submission.student / f"{submission.exercise}.json"
        return (
            record,
            self.out / "feedback" / submission.student / f"{submission.exercise}.html",
            record.with_suffix(".begun"),
        )

    def kept(self, submission: Submission) -> Graded | None:
        """What an earlier run found, if nothing has changed since."""
        record, feedback, _ = self.files(submission)
        with suppress(OSError, ValueError, KeyError, TypeError):
            kept = json.loads(record.read_text(encoding="utf-8"))
            if kept["key"] == self.key(submission):
                return Graded(
                    kept["key"], Row(**kept["row"]), kept["questions"], feedback.read_text(encoding="utf-8")
                )
        return None

    def begin(self, submission: Submission) -> None:
        _, _, mark = self.files(submission)
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()

    def keep(self, submission: Submission, graded: Graded) -> None:
        """Write page and record.

        The record comes last, so a run that was cut short begins the submission anew.
        """
        record, feedback, mark = self.files(submission)
        _write(feedback, graded.page)
        kept = {"key": graded.key, "row": asdict(graded.row), "questions": graded.questions}
        _write(record, json.dumps(kept, indent=1))
        mark.unlink(missing_ok=True)

    def grade(self, submission: Submission, judges: Judges) -> Graded:
        """Have a submission judged; Ended if its judge was ended."""
        wanted = checks(SOLUTIONS / f"{submission.exercise}.ipynb")
        if submission.content is None:
            return self.without(submission, wanted, submission.reason)
        try:
            cells = read(submission.content)
        except ValueError as reason:
            return self.without(submission, wanted, str(reason))
        self.begin(submission)
        job = {
            "cells": [asdict(cell) for cell in cells],
            "checks": [asdict(check) for check in wanted],
            "seed": self.seed,
            "limits": asdict(self.limits),
            "boxed": self.boxed,
        }
        done = judges.judge(job, 2 * PATIENCE * self.limits.seconds + 60)
        return self.graded(submission, wanted, done["points"], done["note"], done["steps"])

    def without(self, submission: Submission, wanted: list[Check], note: str) -> Graded:
        return self.graded(submission, wanted, {}, note, [])

    def graded(
        self,
        submission: Submission,
        wanted: list[Check],
        points: dict[str, float],
        note: str,
        steps: list[dict[str, Any]],
    ) -> Graded:
        questions = {check.grade_id: [points.get(check.grade_id, 0.0), check.points] for check in wanted}
        score, most = (sum(pair[i] for pair in questions.values()) for i in (0, 1))
        row = Row(printable(submission.student), submission.exercise, score, most, note)
        rows = [(name, f"{got:g} of {worth:g}") for name, (got, worth) in questions.items()]
        title = f"{submission.exercise} · {row.student}"
        html = page(title, f"{score:g} of {most:g} points", note, rows, steps)
        return Graded(self.key(submission), row, questions, html)


def grade_all(folder: Path, run: Run, jobs: int) -> list[Row]:
    """Grade everything in `folder`; the rows of the gradebook, in order of student and exercise."""
    todo = list(submissions(folder))
    found = {i: kept for i, s in enumerate(todo) if (kept := run.kept(s))}
    before = len(found)
    _write_book(run, todo, found)
    with closing(Judges(jobs)) as judges:
        fresh = [i for i in range(len(todo)) if i not in found]
        for i, graded in _in_turn(todo, fresh, run, judges, jobs):
            run.keep(todo[i], graded)
            found[i] = graded
            _write_book(run, todo, found)
            print(f"[{len(found)}/{len(todo)}] {graded.row}", flush=True)
    if before:
        print(f"{before} as before")
    for i, submission in enumerate(todo):  # the last word, whatever a submission has written meanwhile
        run.keep(submission, found[i])
    _write_book(run, todo, found)
    return [found[i].row for i in range(len(todo))]


def _in_turn(
    todo: list[Submission], fresh: list[int], run: Run, judges: Judges, jobs: int
) -> Iterator[tuple[int, Graded]]:
    """Grade side by side, and then one by one those whose judge was ended: now it is known who ends it.

    Those that were begun in a run that did not come to its end wait till then, too.
    """
    alone = [i for i in fresh if run.files(todo[i])[2].exists()]
    with ThreadPoolExecutor(jobs) as pool:
        now = {i: pool.submit(run.grade, todo[i], judges) for i in fresh if i not in alone}
        for i, future in now.items():
            try:
                yield i, future.result()
            except Ended:
                alone.append(i)
    for i in alone:
        try:
            yield i, run.grade(todo[i], judges)
        except Ended as reason:
            yield i, run.without(todo[i], checks(SOLUTIONS / f"{todo[i].exercise}.ipynb"), str(reason))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_text(text, encoding="utf-8", errors="replace")
    draft.replace(path)


def _write_book(run: Run, todo: list[Submission], found: dict[int, Graded]) -> None:
    run.out.mkdir(parents=True, exist_ok=True)
    with (run.out / "gradebook.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("student", "exercise", "score", "max_score", "note"))
        for i, submission in enumerate(todo):
            if i in found:
                row = found[i].row
                points = f"{row.score:g}", f"{row.max_score:g}"
                writer.writerow((_cell(row.student), row.exercise, *points, _cell(row.note)))
            else:
                student = _cell(printable(submission.student))
                writer.writerow((student, submission.exercise, "", "", "not graded yet"))


def _cell(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
