"""A course that runs nbgrader takes the exercises as they are.

Its own commands make, grade and hand back one.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from graded_class import NAME, RIGHT, ROOT, notebook

# What the commands of INSTRUCTORS.md do, in one process: each of them loads nbgrader for some seconds.
COMMANDS = f"""
from nbgrader.apps import NbGraderAPI
from nbgrader.plugins import CsvExportPlugin
from traitlets.config import Config

config = Config()
config.CourseDirectory.root = "."
api = NbGraderAPI(config=config)
for done in (api.autograde({NAME!r}, "ada"), api.generate_feedback({NAME!r}, "ada")):
    assert done["success"], done
with api.gradebook as book:
    CsvExportPlugin().export(book)
"""


def test_nbgrader_makes_grades_and_hands_back_an_exercise(tmp_path: Path) -> None:
    source = tmp_path / "source" / NAME
    source.mkdir(parents=True)
    shutil.copy(ROOT / "solutions" / f"{NAME}.ipynb", source)
    environment = os.environ | {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "PYTHONPATH": str(ROOT),
        "NSLAB_SEED": "271",
    }
    made = [sys.executable, "-m", "nbgrader", "generate_assignment", NAME, "--create"]
    subprocess.run(made, cwd=tmp_path, env=environment, check=True, capture_output=True)
    released = json.loads((tmp_path / "release" / NAME / f"{NAME}.ipynb").read_text(encoding="utf-8"))
    assert "HIDDEN TESTS" not in json.dumps(released) and "BEGIN SOLUTION" not in json.dumps(released)

    handed_in = tmp_path / "submitted" / "ada" / NAME
    handed_in.mkdir(parents=True)
    half = notebook(entropy=RIGHT["entropy"], slope=RIGHT["slope"])
    half["cells"] = half["cells"][: 1 + max(i for i, c in enumerate(half["cells"]) if "check" in c["id"])]
    (handed_in / f"{NAME}.ipynb").write_text(json.dumps(half), encoding="utf-8")
    subprocess.run([sys.executable, "-c", COMMANDS], cwd=tmp_path, env=environment, check=True)
    with (tmp_path / "grades.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["student_id"], float(row["score"]), float(row["max_score"])) == ("ada", 6, 12)
    page = tmp_path / "feedback" / "ada" / NAME / f"{NAME}.html"
    assert "Not attempted yet" in page.read_text(encoding="utf-8")
