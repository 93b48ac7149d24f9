"""The code is lint-free and its types hold."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def report_of(*command: str) -> tuple[int, str]:
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_ruff_finds_nothing() -> None:
    code, report = report_of("ruff", "check", ".")
    assert code == 0, report


def test_python_files_are_formatted() -> None:
    code, report = report_of(
        "ruff", "format", "--check", "nslab", "tests", "tools", "benchmarks", "conftest.py"
    )
    assert code == 0, report


def test_pyright_finds_nothing() -> None:
    code, report = report_of("pyright", "--pythonpath", sys.executable)
    assert code == 0, report


def code_lines(path: Path) -> int:
    """Lines that are neither empty, nor comments, nor within a docstring."""
    source = path.read_text(encoding="utf-8")
    reported: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and ast.get_docstring(node) is not None
        ):
            docstring = node.body[0]
            reported |= set(range(docstring.lineno, (docstring.end_lineno or docstring.lineno) + 1))
    lines = enumerate(source.splitlines(), start=1)
    return sum(
        number not in reported and not line.strip().startswith("#") and bool(line.strip())
        for number, line in lines
    )


def test_modules_stay_small_and_say_their_purpose() -> None:
    for path in sorted((ROOT / "nslab").rglob("*.py")):
        count = code_lines(path)
        most = 700 if path.parent.name == "checks" else 300  # an exercise is one file, most of it tables
        assert count <= most, f"{path.name} has {count} lines of code: split it"
        source = path.read_text(encoding="utf-8")
        assert source.startswith('"""'), f"{path.name} must start with its purpose in one line"


def test_the_core_stays_small() -> None:
    assert sum(code_lines(path) for path in (ROOT / "nslab").glob("*.py")) <= 1600
