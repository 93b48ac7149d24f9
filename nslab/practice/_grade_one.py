"""Grade one submission with nbgrader, in a process of its own: `python -m nslab.practice._grade_one JOB.json`.

The job names a course folder in which nbgrader has already made the assignment. What comes of it is written to
`outcome.json` in that folder; without that file the process did not get to its end.
"""

from __future__ import annotations

import json
import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.preprocessors import ClearMetadataPreprocessor
from nbformat import NotebookNode
from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    Execute,
    IgnorePattern,
    LimitOutput,
    SaveAutoGrades,
)
from traitlets.config import Config

STUDENT = "student"
MOST_OUTPUT = 1_000_000  # characters a cell may print; the rest is dropped as it arrives


class BoundedExecute(Execute):
    """nbgrader's Execute, keeping a bounded part of what each cell prints."""

    def output(
        self, outs: list[NotebookNode], msg: dict[str, Any], display_id: str | None, cell_index: int
    ) -> NotebookNode | None:
        content = msg["content"]
        size = len(content.get("text", "")) + sum(len(str(part)) for part in content.get("data", {}).values())
        left = MOST_OUTPUT - sum(len(str(out.get("text", ""))) for out in outs)
        if msg["msg_type"] in ("stream", "display_data", "execute_result") and size > left:
            if "text" not in content or left <= 0:
                return None
            content["text"] = content["text"][:left] + "\n… output cut here …\n"
        return super().output(outs, msg, display_id, cell_index)


def course(folder: Path, cell_seconds: int) -> NbGraderAPI:
    """nbgrader on a course folder, set up so that a submission can harm nothing but its own points."""
    tools, path = str(Path(sys.executable).parent), os.environ.get("PATH", "")
    if tools not in path.split(os.pathsep):  # nbgrader calls alembic by its name
        os.environ["PATH"] = os.pathsep.join((tools, path))
    config = Config()
    config.CourseDirectory.root = str(folder)
    config.CourseDirectory.course_id = "nslab"
    config.NbGrader.logfile = ""
    config.Autograde.autograde_preprocessors = [
        BoundedExecute,
        IgnorePattern,
        ClearMetadataPreprocessor,
        LimitOutput,
        SaveAutoGrades,
        AssignLatePenalties,
        CheckCellMetadata,
    ]
    config.BoundedExecute.timeout = cell_seconds
    # A kernel out of memory may fail to say that a cell is done; that it failed is known from its reply all the same.
    config.BoundedExecute.iopub_timeout = 10
    config.BoundedExecute.raise_on_iopub_timeout = False
    config.OverwriteCells.add_missing_cells = True
    return NbGraderAPI(CourseDirectory(config=config), config=config)


def grade(folder: Path, exercise: str, cell_seconds: int) -> dict[str, Any]:
    """Points for the submission in `folder`, question by question, or the reason why it could not be graded."""
    try:
        nbformat.validate(nbformat.read(folder / "submitted" / STUDENT / exercise / f"{exercise}.ipynb", 4))
    except (ValueError, AttributeError, nbformat.ValidationError) as error:
        return {"error": f"not a notebook: {str(error).splitlines()[0][:200]}"}
    api = course(folder, cell_seconds)
    done = api.autograde(exercise, STUDENT)
    if not done["success"]:
        return {"error": _reason(f"{done['log']}\n{done['error']}")}
    api.generate_feedback(exercise, STUDENT)
    with api.gradebook as book:
        notebook = book.find_submission_notebook(exercise, exercise, STUDENT)
        questions = {grade.name: [grade.score, grade.max_score] for grade in notebook.grades}
        return {"score": notebook.score, "max_score": notebook.max_score, "questions": questions}


def limit_memory(gigabytes: float) -> None:
    """No process started from here may hold more; where the system knows no such limit, none is set."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        size = int(gigabytes * 2**30)
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def _reason(log: str) -> str:
    """The first exception in nbgrader's log: what comes after it only says that something failed."""
    found = re.search(r"^\s*(?:\w+\.)*(\w*(?:Error|Exception|Timeout)\b.*)", log, re.MULTILINE)
    return found[1][:200] if found else "nbgrader could not grade it"


def main(job: dict[str, Any]) -> None:
    folder = Path(job["folder"])
    limit_memory(job["gigabytes"])
    outcome = grade(folder, job["exercise"], job["cell_seconds"])
    (folder / "outcome.json").write_text(json.dumps(outcome), encoding="utf-8")


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
