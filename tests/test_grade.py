"""Grading a class: whatever a submission does, it loses its own points and nothing else."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbgrader.utils import determine_grade

from nslab.practice import _grade_one, grade

ROOT = Path(__file__).resolve().parent.parent
NAME = "05_entropy_temperature"
ANSWERS = ("entropy", "slope", "temperature", "steepest")


def answers(*ids: str) -> dict[str, str]:
    """The code of the solution's cells, as a learner would have written it."""
    cells = nbformat.read(ROOT / "solutions" / f"{NAME}.ipynb", 4).cells
    marks = ("### BEGIN SOLUTION", "### END SOLUTION")
    return {
        cell.id: "\n".join(line for line in cell.source.splitlines() if line.strip() not in marks)
        for cell in cells
        if cell.id in ids
    }


def handed_in(**sources: str) -> NotebookNode:
    """The exercise with the given sources in place of its cells."""
    notebook = nbformat.read(ROOT / "exercises" / f"{NAME}.ipynb", 4)
    for cell in notebook.cells:
        cell.source = sources.get(cell.id.replace("-", "_"), cell.source)
    return notebook


def put(folder: Path, student: str, notebook: NotebookNode | str, name: str = f"{NAME}.ipynb") -> None:
    (folder / student).mkdir(exist_ok=True)
    text = notebook if isinstance(notebook, str) else nbformat.writes(notebook)
    (folder / student / name).write_text(text, encoding="utf-8")


RUDE = """
import signal, sys
print("x" * 3_000_000)
for _ in range(50): print("y" * 100_000)
sys.exit(3)
"""
HOG = "held = []\nwhile True: held.append(bytearray(10**8))"


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("school")
    all_right = answers(*ANSWERS)
    put(folder, "ada", handed_in(**all_right))
    put(folder, "ben", handed_in(**answers("entropy", "slope")))
    put(
        folder,
        "cleo",
        handed_in(**all_right, hint_entropy=RUDE, hint_slope=HOG, hint_temperature="while True: pass"),
    )
    edited = handed_in(
        **all_right | {"entropy": "def entropy(s, tau, base=1):\n    return 0.0"},
        check_entropy="print('fine')",
    )
    edited.cells = [cell for cell in edited.cells if cell.id != "check-steepest"]
    put(folder, "dan", edited)
    put(folder, "eve", handed_in(**all_right, hint_temperature="import os; os._exit(1)"))
    put(folder, "finn", nbformat.writes(handed_in(**all_right))[:3000])
    put(folder, "gus", handed_in(**all_right))
    put(folder, "gus", handed_in(), "05_second_try.ipynb")
    (folder / "hal").mkdir()
    put(folder, "hal", "{}", "notes.ipynb")
    (folder / "loose.ipynb").write_text("{}", encoding="utf-8")
    return folder


def run(folder: Path, out: Path) -> str:
    command = [
        sys.executable,
        "-m",
        "nslab.practice.grade",
        str(folder),
        "--out",
        str(out),
        "--cell-seconds",
        "15",
        "--jobs",
        "2",
    ]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=600).stdout


def book(out: Path) -> dict[str, dict[str, str]]:
    with (out / "gradebook.csv").open(encoding="utf-8") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def graded(school: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("graded")
    return out, run(school, out)


@pytest.mark.parametrize(
    ("student", "score", "note"),
    [
        ("ada", "12", ""),
        ("ben", "6", ""),
        ("cleo", "12", ""),
        ("dan", "5", ""),  # entropy is wrong, and temperature is built on it
        ("eve", "0", "DeadKernelError"),
        ("finn", "0", "not a notebook"),
        ("gus", "0", "05_entropy_temperature.ipynb, 05_second_try.ipynb"),
        ("hal", "0", "not handed in"),
    ],
)
def test_each_loses_its_own_points_only(
    graded: tuple[Path, str], student: str, score: str, note: str
) -> None:
    row = book(graded[0])[student]
    assert (row["exercise"], row["score"], row["max_score"]) == (NAME, score, "12")
    assert note in row["note"] if note else row["note"] == ""


def test_everybody_gets_a_page_of_bounded_size(graded: tuple[Path, str]) -> None:
    out, _ = graded
    pages = {path.parent.name: path for path in (out / "feedback").rglob("*.html")}
    assert set(pages) == set(book(out)) == {"ada", "ben", "cleo", "dan", "eve", "finn", "gus", "hal"}
    assert max(path.stat().st_size for path in pages.values()) < 3_000_000
    assert "Not right yet" in pages["dan"].read_text() and "not handed in" in pages["hal"].read_text()


def test_points_are_kept_question_by_question(graded: tuple[Path, str]) -> None:
    kept = json.loads((graded[0] / "records" / "ben" / f"{NAME}.json").read_text())["questions"]
    assert kept == {
        "check-entropy": [3, 3], "check-slope": [3, 3], "check-temperature": [0, 4], "check-steepest": [0, 2],
    }  # fmt: skip


def test_progress_is_shown_and_what_is_not_graded_is_told(graded: tuple[Path, str]) -> None:
    lines = graded[1].splitlines()
    assert lines[0] == f"[1/8] ada · {NAME}: 12 of 12"
    assert [line.split(" (")[0] for line in lines if line.startswith("not graded")] == [
        "not graded: hal/notes.ipynb",
        "not graded: loose.ipynb",
    ]


def test_a_second_run_grades_nothing_again_and_gives_the_same_book(
    school: Path, graded: tuple[Path, str]
) -> None:
    out, _ = graded
    before = (out / "gradebook.csv").read_bytes()
    (out / "gradebook.csv").unlink()
    again = run(school, out)
    assert again.count("as before") == 8
    assert (out / "gradebook.csv").read_bytes() == before


def test_a_grade_depends_on_notebook_solution_seed_and_limits(tmp_path: Path) -> None:
    put(tmp_path, "ada", "{}")
    one = grade.Submission("ada", NAME, tmp_path / "ada" / f"{NAME}.ipynb")
    key = grade._key(one, grade.Limits(), 1)
    assert key == grade._key(one, grade.Limits(), 1)
    assert key != grade._key(one, grade.Limits(), 2)
    assert key != grade._key(one, grade.Limits(seconds=5), 1)
    put(tmp_path, "ada", "{ }")
    assert key != grade._key(one, grade.Limits(), 1)


def test_a_process_that_will_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); time.sleep(60)"
    real = subprocess.Popen
    monkeypatch.setattr(
        grade.subprocess, "Popen", lambda _, **options: real([sys.executable, "-c", program], **options)
    )
    outcome = grade._outcome(tmp_path, NAME, grade.Limits(seconds=1), 1)
    assert outcome == {"error": "stopped after 1 seconds"}


@pytest.mark.parametrize(
    ("kind", "content", "kept"),
    [
        ("stream", {"name": "stdout", "text": "a" * 5_000_000}, 1_000_000),
        ("display_data", {"data": {"text/html": "a" * 5_000_000}, "metadata": {}}, 0),
        ("stream", {"name": "stdout", "text": "short"}, 5),
    ],
)
def test_output_is_cut_as_it_arrives(kind: str, content: dict[str, Any], kept: int) -> None:
    outs: list[NotebookNode] = []
    message = {"msg_type": kind, "content": content, "header": {"msg_type": kind}, "parent_header": {}}
    executor = _grade_one.BoundedExecute()
    executor.nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("")])
    executor.reset_execution_trackers()
    executor.clear_before_next_output = False
    executor.output(outs, message, None, 0)
    text = "".join(out.get("text", "") for out in outs)
    assert len(text.replace("\n… output cut here …\n", "")) == kept


def test_a_failed_check_scores_nothing_even_if_its_output_was_lost() -> None:
    cell = nbformat.v4.new_code_cell(
        "", metadata={"nbgrader": {"grade": True, "solution": False, "points": 3}}
    )
    failed = {"status": "error", "ename": "CheckError", "evalue": "", "traceback": []}
    assert determine_grade(cell) == (3, 3)
    _grade_one.BoundedExecute().on_cell_executed(cell=cell, execute_reply={"content": failed})
    assert determine_grade(cell) == (0, 3)


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        grade.main([str(tmp_path / "nowhere")])
