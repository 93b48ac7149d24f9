"""Grading a class, in bubblewrap and without it.

Whatever a submission does, it changes its own points and nothing else.
"""

from __future__ import annotations

import ast
import csv
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
import pytest
from graded_class import (
    LIGHT,
    LINUX,
    NAME,
    RIGHT,
    ROOT,
    SEED,
    SNIPE,
    attacks,
    broken,
    dawdlers,
    light,
    nap,
    notebook,
    solution_of,
)

from nslab.practice._exercise import load
from tools.grading import answers, judge
from tools.grading.__main__ import main
from tools.grading.answers import Answers, Ended, Limits, OutOfTime, box_works
from tools.grading.book import Run
from tools.grading.judges import Judges
from tools.grading.notebook import Cell, checks
from tools.grading.submissions import Submission, submissions
from tools.grading.wire import MOST_TEXT


@dataclass(frozen=True)
class Graded:
    """A class that was graded: where it lies, where the results are, and what the command printed."""

    folder: Path
    out: Path
    boxed: bool
    printed: str
    connections: int
    forged: bool

    def row(self, student: str) -> dict[str, str]:
        return book(self.out)[student]

    def page(self, student: str) -> str:
        return (self.out / "feedback" / student / f"{NAME}.html").read_text(encoding="utf-8")


def book(out: Path) -> dict[str, dict[str, str]]:
    with (out / "gradebook.csv").open(encoding="utf-8", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def grade(folder: Path, out: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.grading", str(folder), "--out", str(out), *flags]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, timeout=900)


def put(folder: Path, student: str, made: object, name: str = f"{NAME}.ipynb") -> None:
    (folder / student).mkdir(exist_ok=True, parents=True)
    (folder / student / name).write_text(
        made if isinstance(made, str) else json.dumps(made), encoding="utf-8"
    )


def accepted(server: socket.socket) -> int:
    """How many connections wait at a server."""
    count = 0
    server.setblocking(False)
    with suppress(BlockingIOError):
        while server.accept():
            count += 1
    return count


@pytest.fixture(scope="module", params=["boxed", "bare"])
def graded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Graded:
    boxed = request.param == "boxed"
    if boxed and (reason := box_works()):
        pytest.skip(reason)
    flags = ["--jobs", "1"] if boxed else ["--jobs", "2", "--no-box"]
    folder, out = tmp_path_factory.mktemp("class"), tmp_path_factory.mktemp("graded")
    with socket.create_server(("127.0.0.1", 0)) as server:
        for student, made in attacks(folder, out, server.getsockname()[1]).items():
            put(folder, student, made)
        for student, text in broken().items():
            put(folder, student, text)
        put(folder, "gus", notebook())
        put(folder, "gus", notebook(), "05_second_try.ipynb")
        put(folder, "hal", "{}", "notes.ipynb")
        (folder / "linked").mkdir()
        (folder / "linked" / f"{NAME}.ipynb").symlink_to(folder / "ada" / f"{NAME}.ipynb")
        (folder / "led astray").symlink_to(folder / "ada")
        (folder / "loose.ipynb").write_text("{}", encoding="utf-8")
        done = grade(folder, out, "--seed", str(SEED), "--gigabytes", "1.5", *flags)
        assert done.returncode == 0
        wires = folder / "wires" / f"{NAME}.ipynb"
        forged = wires.read_text(encoding="utf-8") == "FORGED"
        put(folder, "wires", attacks(folder, out, 0)["wires"])
        return Graded(folder, out, boxed, done.stdout, accepted(server), forged)


@pytest.mark.parametrize(
    ("student", "score", "note"),
    [
        ("ada", "12", ""),
        ("cleo", "6", ""),
        ("dan", "9", ""),
        ("eve", "9", "ended the process (exit code 9); ended the process (exit code 1)"),
        ("forker", "12", ""),
        ("giant", "0", ""),
        ("lies", "0", "ended the process (exit code 0); ended the process (exit code 1)"),
        ("patched", "0", ""),
        ("thief", "12", ""),
        ("wires", "5", "wrote something else where its answers are expected"),
        ("cut", "0", "not a notebook"),
        ("deep", "0", "not a notebook"),
        ("empty", "0", "not a notebook"),
        ("old", "0", "nbformat must be 4, got '3'"),
        ("shapeless", "0", "not a notebook"),
        ("many", "0", "3000 cells of code, more than 1000"),
        ("large", "0", "is larger than 20 MB"),
        ("gus", "0", "05_entropy_temperature.ipynb, 05_second_try.ipynb"),
        ("hal", "0", "not handed in"),
        ("linked", "0", "is a link"),
    ],
)
def test_each_gets_its_own_points(graded: Graded, student: str, score: str, note: str) -> None:
    row = graded.row(student)
    assert (row["exercise"], row["score"], row["max_score"]) == (NAME, score, "12")
    assert note in row["note"] if note else row["note"] == ""


def test_who_kills_the_judges_harms_nobody_else(graded: Graded) -> None:
    row = graded.row("sniper")
    wanted = ("12", "") if graded.boxed else ("0", "the process that judges it was ended")
    assert (row["score"], row["note"]) == wanted


@pytest.mark.skipif(not LINUX, reason="only Linux hands a process's orphans to its parent's parent")
def test_nothing_outlives_the_run(graded: Graded) -> None:
    commands = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            commands.append(process.cmdline())
    assert ["sleep", nap(graded.out)] not in commands
    assert not any(str(graded.out) in word for command in commands for word in command)


def test_what_a_submission_can_see_and_reach(graded: Graded) -> None:
    page = graded.page("thief")
    assert "seed in an environment: False" in page and "seed in memory: False" in page
    assert f"seed in a command: {LINUX and not graded.boxed}" in page
    assert f"connected: {not graded.boxed}" in page and graded.connections == (not graded.boxed)
    assert "settings of the kernel: False" in page or not graded.boxed
    assert graded.forged == (not graded.boxed)


def test_what_is_not_protected_is_said_in_one_line(graded: Graded) -> None:
    lines = [line for line in graded.printed.splitlines() if line.startswith("Not protected")]
    assert len(lines) == (not graded.boxed)


def test_what_a_submission_writes_over_results_is_written_over(graded: Graded) -> None:
    assert "FORGED" not in graded.page("ada") and "12 of 12 points" in graded.page("ada")
    kept = json.loads((graded.out / "records" / "ada" / f"{NAME}.json").read_text(encoding="utf-8"))
    assert kept["row"]["score"] == 12


def test_no_code_runs_where_an_answer_is_read(graded: Graded) -> None:
    assert not (graded.out / "mark").exists()
    assert "<script>" not in graded.page("lies") and "&lt;script&gt;" in graded.page("lies")


def test_everybody_gets_a_page_of_bounded_size(graded: Graded) -> None:
    pages = {path.parent.name: path for path in (graded.out / "feedback").rglob("*.html")}
    assert set(pages) == set(book(graded.out))
    assert max(path.stat().st_size for path in pages.values()) < 500_000
    assert "Not right yet" in graded.page("dan") and "not handed in" in graded.page("hal")
    assert not LINUX or "It happened in line 2 of your cell" in graded.page("giant")
    assert "output cut here" in graded.page("cleo") and "MemoryError" in graded.page("cleo")


def test_points_are_kept_question_by_question(graded: Graded) -> None:
    kept = json.loads((graded.out / "records" / "cleo" / f"{NAME}.json").read_text(encoding="utf-8"))
    assert kept["questions"] == {
        "check-entropy": [3, 3], "check-slope": [3, 3], "check-temperature": [0, 4], "check-steepest": [0, 2],
    }  # fmt: skip


def test_progress_is_shown_and_what_is_not_graded_is_told(graded: Graded) -> None:
    lines = [line for line in graded.printed.splitlines() if not line.startswith("Not protected")]
    assert lines[0] == f"[1/21] ada · {NAME}: 12 of 12"
    assert [line.split(" (")[0] for line in lines if line.startswith("not graded")] == [
        "not graded: hal/notes.ipynb",
        "not graded: led astray",
        "not graded: loose.ipynb",
    ]


def test_a_second_run_grades_nothing_again_and_gives_the_same_book(graded: Graded) -> None:
    before = (graded.out / "gradebook.csv").read_bytes()
    (graded.out / "gradebook.csv").unlink()
    flags = [] if graded.boxed else ["--no-box"]
    again = grade(graded.folder, graded.out, "--seed", str(SEED), "--gigabytes", "1.5", *flags).stdout
    assert "21 as before" in again and "[" not in again
    assert (graded.out / "gradebook.csv").read_bytes() == before


def test_what_does_not_end_is_ended_and_right_answers_get_every_point(tmp_path: Path) -> None:
    for student, made in dawdlers().items():
        put(tmp_path / "class", student, made)
    exercises = ("01_exclusion_windows", "07_model_proposes", "09_alias_method")  # generators are handed over
    for name in exercises:
        made = notebook(name, setup=LIGHT, **solution_of(name))
        put(tmp_path / "class", "right", made, f"{name}.ipynb")
    done = grade(tmp_path / "class", tmp_path / "out", "--cell-seconds", "1", "--jobs", "1")
    assert (book(tmp_path / "out")["right"]["score"], done.returncode) == ("12", 0)
    for name in exercises:
        assert f"right · {name}: 12 of 12\n" in done.stdout
    pages = {s: (tmp_path / "out" / "feedback" / s / f"{NAME}.html").read_text() for s in dawdlers()}
    assert "9 of 12 points" in pages["loops"] and "8 of 12 points" in pages["stubborn"]
    assert all("Stopped: still running" in page for page in pages.values())


@pytest.mark.skipif(not LINUX, reason="the submission finds what it kills in /proc")
def test_a_run_that_was_killed_leaves_a_book_and_goes_on_with_the_others(tmp_path: Path) -> None:
    own = f"open('/proc/self/environ').read() and {str(tmp_path)!r}.encode()"
    put(tmp_path / "class", "ada", light(**RIGHT, hint_entropy=SNIPE.replace("WANTED", own)))
    put(tmp_path / "class", "ben", light(**RIGHT))
    flags = ("--no-box", "--jobs", "1")
    mark = Run(tmp_path / "out", Limits(), 1, False).files(Submission("ada", NAME, b""))[2]
    mark.parent.mkdir(parents=True)
    mark.touch()  # as the run leaves it in which ada killed everything for the first time
    assert grade(tmp_path / "class", tmp_path / "out", *flags).returncode == -signal.SIGKILL
    rows = book(tmp_path / "out")
    assert (rows["ben"]["score"], rows["ada"]["score"], rows["ada"]["note"]) == ("12", "", "not graded yet")
    assert mark.exists()


def test_a_grade_depends_on_notebook_limits_seed_and_box(tmp_path: Path) -> None:
    put(tmp_path, "ada", "{}")
    (one,) = submissions(tmp_path)
    key = Run(tmp_path, Limits(), 1, True).key(one)
    assert key == Run(tmp_path, Limits(), 1, True).key(one)
    for other in (
        Run(tmp_path, Limits(seconds=5), 1, True),
        Run(tmp_path, Limits(), 2, True),
        Run(tmp_path, Limits(), 1, False),
    ):
        assert key != other.key(one)
    put(tmp_path, "ada", "{ }")
    (changed,) = submissions(tmp_path)
    assert key != Run(tmp_path, Limits(), 1, True).key(changed)


def test_the_judge_knows_every_name_in_a_check_cell() -> None:
    for path in sorted((ROOT / "solutions").glob("*.ipynb")):
        asked = {question.name for question in load(path.name[:2]).questions}
        found = checks(path)
        used = {
            node.id
            for check in found
            for node in ast.walk(ast.parse(check.source))
            if isinstance(node, ast.Name)
        }
        assert used == asked | {"practice"} and len(found) == len(asked), path.name


@pytest.mark.skipif(not LINUX, reason="other systems refuse names that are no text")
def test_names_that_are_no_text_or_look_like_formulas_spoil_nothing(tmp_path: Path) -> None:
    for student in (b"Andr\xe9", b"=1+1", b"two\nlines"):
        folder = os.fsencode(tmp_path / "class") + b"/" + student
        os.makedirs(folder)
        for name in (b"05_\xe9.ipynb", b"05_\xe8.ipynb", b"note\xe9.ipynb"):
            with open(folder + b"/" + name, "w") as file:
                file.write("{}")
    done = grade(tmp_path / "class", tmp_path / "out")
    assert done.returncode == 0 and "not graded: two\ufffdlines/note\ufffd.ipynb" in done.stdout
    rows = book(tmp_path / "out")
    assert set(rows) == {"Andr\ufffd", "'=1+1", "two\ufffdlines"}
    assert all("05_\ufffd.ipynb, 05_\ufffd.ipynb" in row["note"] for row in rows.values())


def test_what_cannot_be_read_costs_only_its_own_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    put(tmp_path, "ada", "{}")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    (one,) = submissions(tmp_path)
    assert (one.content, one.reason) == (None, f"{NAME}.ipynb cannot be read: Permission denied")


def test_ending_its_process_again_and_again_ends_the_submission(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MOST_STARTS", 1)
    with Answers(Limits(), boxed=False) as asked:
        with pytest.raises(Ended, match="exit code 3"):
            asked.cell("import os; os._exit(3)")
        with pytest.raises(OutOfTime, match="1 times"):
            asked.cell("1")


def test_the_judge_keeps_no_more_text_than_fits_a_page() -> None:
    class Talkative(Answers):
        def cell(self, source: str) -> dict[str, str]:
            return {"printed": "x" * 1_000_000}

    assert len(judge._printed(Cell("1"), Talkative(Limits(), boxed=False))) == judge.MOST_PRINTED
    error, _ = judge._error(["ValueError"], "x" * 1_000_000, None)
    assert len(str(error)) == MOST_TEXT


@pytest.mark.parametrize(
    ("flag", "value"), [("--seed", "-1"), ("--cell-seconds", "0"), ("--gigabytes", "nan"), ("--jobs", "0")]
)
def test_a_limit_under_which_nobody_could_be_graded_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str, value: str
) -> None:
    with pytest.raises(SystemExit):
        main([str(tmp_path), "--out", str(tmp_path / "out"), flag, value])
    assert f"{flag} must be at least" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tools.grading", str(tmp_path / "nowhere")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and "submissions must be a folder" in done.stderr


def test_a_judge_that_was_ended_as_it_waited_is_replaced() -> None:
    job = {"cells": [], "checks": [], "seed": 0, "limits": asdict(Limits()), "boxed": False}
    with closing(Judges(1)) as judges:
        first = judges.judge(job, 60)
        (pid,) = judges.running
        os.kill(pid, signal.SIGKILL)
        judges.running[pid].wait()
        assert judges.judge(job, 60) == first
        assert pid not in judges.running
