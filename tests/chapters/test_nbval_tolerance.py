"""Running the notebooks must catch a changed number: proven on a notebook made for it, then corrupted."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from conftest import same_text

ROOT = Path(__file__).resolve().parents[2]
VIEW = "application/vnd.jupyter.widget-view+json"
# Leaves what an explainer leaves: a widget view, an image and a text.
EXPLAINER = f"""\
class Figure:
    def _repr_mimebundle_(self, **_):
        view, text = {{"model_id": "m"}}, "entropy 1.2345 nats"
        return {{"{VIEW}": view, "image/png": "iVBORw0KGgo=", "text/plain": text}}"""
EXPLAINED = "entropy 1.2345 nats"
TWICE = "display(Figure()); Figure()"
PRINTED = "torch 2.13.0: loss 2.302585 of 10 after 1e-3, -0.5"
# (what the cell runs, what is stored for it, how far floats may lie apart besides, whether that must pass)
CASES = [
    ("Figure()", EXPLAINED, 0, True),
    ("Figure()", "entropy 1.234501 nats", 0, True),
    ("Figure()", "entropy 1.2445 nats", 0, False),
    ("Figure()", "entropy 1.2345 bits", 0, False),
    ("print", PRINTED, 0, True),
    ("print", PRINTED.replace("2.302585", "2.302587"), 0, True),
    ("print", PRINTED.replace("2.302585", "2.312585"), 0, False),
    ("print", PRINTED.replace("1e-3", "2e-3"), 0, False),
    ("print", PRINTED.replace("-0.5", "0.5"), 0, False),
    ("print", PRINTED.replace("10", "11"), 0, False),
    ("print", PRINTED.replace("2.13.0", "2.13.1"), 0, False),
    ("print", PRINTED.replace(", -0.5", ""), 0, False),
    ("print", PRINTED.replace("2.302585", "2.312585"), 0.02, True),
    ("print", PRINTED.replace("2.302585", "2.332585"), 0.02, False),
    (TWICE, "entropy 1.234501 nats", 0, True),
    (TWICE, "entropy 1.2445 nats", 0, False),
]


def case(count: int, source: str, stored: str, within: float) -> NotebookNode:
    """A code cell that computes EXPLAINED or PRINTED, with another text stored.

    The stored view is stripped.
    """
    if source == "print":
        source, outputs = f"print({PRINTED!r})", [nbformat.v4.new_output("stream", text=stored + "\n")]
    else:
        data = {"image/png": "another image", "text/plain": stored}
        outputs = [nbformat.v4.new_output("execute_result", data, execution_count=count)]
    if source == TWICE:
        outputs.insert(0, nbformat.v4.new_output("display_data", data | {"text/plain": EXPLAINED}))
    metadata = {"nslab": {"within": within}} if within else {}
    return nbformat.v4.new_code_cell(source, execution_count=count, outputs=outputs, metadata=metadata)


def test_stored_numbers_are_compared(tmp_path: Path) -> None:
    cells = [nbformat.v4.new_code_cell(EXPLAINER, execution_count=1)]
    cells += [case(i + 2, *given) for i, (*given, _) in enumerate(CASES)]
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
        "--override-ini",
        f"pythonpath={Path(__file__).parent}",  # of forked_kernels
    ]
    report = subprocess.run([*command, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True).stdout
    results = {
        int(i): word for word, i in re.findall(r"^(PASSED|FAILED) .*::Cell (\d+)", report, re.MULTILINE)
    }
    wanted = {0: "PASSED"} | {i + 1: "PASSED" if ok else "FAILED" for i, (*_, ok) in enumerate(CASES)}
    assert results == wanted, report


@pytest.mark.parametrize(
    ("stored", "computed", "within", "equal"),
    [
        ("4.0e-18", "4.002e-18", 0, True),
        ("4.0e-18", "9.0e-18", 0, False),
        ("0.9995", "1.0000", 0, True),
        ("0.0", "-0.0", 0, True),
        ("0.5s", "0.6s", 0, False),
        ("nan 1.5", "inf 1.5", 0, False),
        ("3", "3.0", 0, False),
        ("0.971 (0.966–0.987)", "0.966 (0.960–0.980)", 0.05, True),
        ("-0.002", "+0.002", 0.05, True),
        ("0.971", "0.902", 0.05, False),
        ("5 of 1.0", "6 of 1.0", 0.05, False),
    ],
)
def test_what_counts_as_equal(stored: str, computed: str, within: float, equal: bool) -> None:
    assert same_text(stored, computed, within) is equal
