"""Running the notebooks must catch a changed number: proven on a notebook made for it, then corrupted."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbformat import NotebookNode
from nbval.plugin import IPyNbCell

ROOT = Path(__file__).resolve().parents[2]
VIEW = "application/vnd.jupyter.widget-view+json"
# Leaves what an explainer leaves: a widget view, an image and a text.
EXPLAINER = f"""\
class Figure:
    def _repr_mimebundle_(self, **_):
        return {{"{VIEW}": {{"model_id": "m"}}, "image/png": "iVBORw0KGgo=", "text/plain": "entropy 1.2345 nats"}}"""
EXPLAINED = "entropy 1.2345 nats"
PRINTED = "torch 2.13.0: loss 2.302585 of 10 after 1e-3, -0.5"
# (what the cell runs, what is stored for it, whether that must pass)
CASES = [
    ("Figure()", EXPLAINED, True),
    ("Figure()", "entropy 1.234501 nats", True),
    ("Figure()", "entropy 1.2445 nats", False),
    ("Figure()", "entropy 1.2345 bits", False),
    ("print", PRINTED, True),
    ("print", PRINTED.replace("2.302585", "2.302587"), True),
    ("print", PRINTED.replace("2.302585", "2.312585"), False),
    ("print", PRINTED.replace("1e-3", "2e-3"), False),
    ("print", PRINTED.replace("-0.5", "0.5"), False),
    ("print", PRINTED.replace("10", "11"), False),
    ("print", PRINTED.replace("2.13.0", "2.13.1"), False),
    ("print", PRINTED.replace(", -0.5", ""), False),
]


def case(count: int, source: str, stored: str) -> NotebookNode:
    """A code cell that computes EXPLAINED or PRINTED, with another text stored; the stored view is
    stripped.
    """
    if source == "print":
        source, output = f"print({PRINTED!r})", nbformat.v4.new_output("stream", text=stored + "\n")
    else:
        data = {"image/png": "another image", "text/plain": stored}
        output = nbformat.v4.new_output("execute_result", data, execution_count=count)
    return nbformat.v4.new_code_cell(source, execution_count=count, outputs=[output])


def test_stored_numbers_are_compared(tmp_path: Path) -> None:
    cells = [nbformat.v4.new_code_cell(EXPLAINER, execution_count=1)]
    cells += [case(i + 2, source, stored) for i, (source, stored, _) in enumerate(CASES)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "stored.ipynb")
    (tmp_path / "conftest.py").write_text((ROOT / "conftest.py").read_text())
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval",
        "--nbval-current-env",
        "-rA",
        "-p",
        "no:cacheprovider",
    ]
    report = subprocess.run([*command, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True).stdout
    results = {
        int(i): word for word, i in re.findall(r"^(PASSED|FAILED) .*::Cell (\d+)", report, re.MULTILINE)
    }
    wanted = {0: "PASSED"} | {i + 1: "PASSED" if ok else "FAILED" for i, (_, _, ok) in enumerate(CASES)}
    assert results == wanted, report


@pytest.mark.parametrize(
    ("stored", "computed", "within", "equal"),
    [
        ("4.0e-18", "4.002e-18", None, True),
        ("4.0e-18", "9.0e-18", None, False),
        ("0.9995", "1.0000", None, True),
        ("0.0", "-0.0", None, True),
        ("0.5s", "0.6s", None, False),
        ("nan 1.5", "inf 1.5", None, False),
        ("3", "3.0", None, False),
        ("0.971 (0.966–0.987)", "0.966 (0.960–0.980)", 0.05, True),
        ("-0.002", "+0.002", 0.05, True),
        ("0.971", "0.902", 0.05, False),
        ("5 of 1.0", "6 of 1.0", 0.05, False),
    ],
)
def test_what_counts_as_equal(stored: str, computed: str, within: float | None, equal: bool) -> None:
    metadata = {} if within is None else {"nslab": {"within": within}}
    cell = SimpleNamespace(
        parent=SimpleNamespace(sanitize_patterns={}), cell=SimpleNamespace(metadata=metadata)
    )
    assert (IPyNbCell.sanitize(cell, stored) == IPyNbCell.sanitize(cell, computed)) is equal
