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

ROOT = Path(__file__).resolve().parent.parent
VIEW = "application/vnd.jupyter.widget-view+json"
# Leaves what an explainer leaves: a widget view, an image and a text.
EXPLAINER = f"""\
class Figure:
    def _repr_mimebundle_(self, **_):
        return {{"{VIEW}": {{"model_id": "m"}}, "image/png": "iVBORw0KGgo=", "text/plain": "entropy 1.2345 nats"}}
Figure()"""
PRINTS = 'print("torch 2.13.0: loss 2.302585 of 10 after 1e-3, -0.5")'


def written(path: Path, explained: str, printed: str) -> Path:
    """The notebook with these stored texts, as the one that its cells produce would be stored."""
    figure = {"image/png": "another image", "text/plain": explained}
    outputs: list[list[NotebookNode]] = [
        [nbformat.v4.new_output("execute_result", figure, execution_count=1)],
        [nbformat.v4.new_output("stream", text=printed + "\n")],
    ]
    cells = [
        nbformat.v4.new_code_cell(source, execution_count=i + 1, outputs=outputs[i])
        for i, source in enumerate([EXPLAINER, PRINTS])
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


EXPLAINED = "entropy 1.2345 nats"
PRINTED = "torch 2.13.0: loss 2.302585 of 10 after 1e-3, -0.5"
# name: (stored text of the figure, stored printed line, cells that must fail)
STORED = {
    "as_it_is": (EXPLAINED, PRINTED, 0),
    "floats_moved_by_1e_6": ("entropy 1.234501 nats", PRINTED.replace("2.302585", "2.302587"), 0),
    "figure_number_changed": ("entropy 1.2445 nats", PRINTED, 1),
    "figure_word_changed": ("entropy 1.2345 bits", PRINTED, 1),
    "float_changed": (EXPLAINED, PRINTED.replace("2.302585", "2.312585"), 1),
    "small_float_changed": (EXPLAINED, PRINTED.replace("1e-3", "2e-3"), 1),
    "sign_changed": (EXPLAINED, PRINTED.replace("-0.5", "0.5"), 1),
    "integer_off_by_one": (EXPLAINED, PRINTED.replace("10", "11"), 1),
    "version_changed": (EXPLAINED, PRINTED.replace("2.13.0", "2.13.1"), 1),
    "number_missing": (EXPLAINED, PRINTED.replace(", -0.5", ""), 1),
}


def test_stored_numbers_are_compared(tmp_path: Path) -> None:
    for name, (explained, printed, _) in STORED.items():
        written(tmp_path / f"{name}.ipynb", explained, printed)
    (tmp_path / "conftest.py").write_text((ROOT / "conftest.py").read_text())
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-rA", "-p", "no:cacheprovider"]
    report = subprocess.run([*command, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True).stdout
    failed = re.findall(r"^FAILED (\w+)\.ipynb", report, re.MULTILINE)
    passed = re.findall(r"^PASSED (\w+)\.ipynb", report, re.MULTILINE)
    assert len(failed) + len(passed) == 2 * len(STORED), report
    for name, (_, _, failures) in STORED.items():
        assert failed.count(name) == failures, f"{name}\n{report}"


@pytest.mark.parametrize(
    ("stored", "computed", "equal"),
    [
        ("4.0e-18", "4.002e-18", True),
        ("4.0e-18", "9.0e-18", False),
        ("0.9995", "1.0000", True),
        ("0.0", "-0.0", True),
        ("0.5s", "0.6s", False),
        ("nan 1.5", "inf 1.5", False),
        ("3", "3.0", False),
    ],
)
def test_what_counts_as_equal(stored: str, computed: str, equal: bool) -> None:
    cell = SimpleNamespace(parent=SimpleNamespace(sanitize_patterns={}))
    assert (IPyNbCell.sanitize(cell, stored) == IPyNbCell.sanitize(cell, computed)) is equal
