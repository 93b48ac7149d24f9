"""Write exercises/ from solutions/ with nbgrader's own preprocessors.

python -m tools.exercises.build [--check]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import nbformat
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearHiddenTests,
    ClearMarkScheme,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    LockCells,
)

ROOT = Path(__file__).resolve().parents[2]

# The order of nbgrader's generate_assignment, without the steps that need its database or a header file.
STEPS = (
    LockCells,
    ClearSolutions,
    ClearOutput,
    CheckCellMetadata,
    ClearHiddenTests,
    ClearMarkScheme,
    ComputeChecksums,
)


def exercise_text(solution: Path) -> str:
    """The exercise notebook for one solution notebook: stubs for solutions, no outputs, locked checks."""
    notebook: NotebookNode = nbformat.read(solution, as_version=4)
    resources = ResourcesDict()
    for step in STEPS:
        notebook, _ = step().preprocess(notebook, resources)
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    notebook.metadata = NotebookNode(kernelspec=kernel, language_info={"name": "python"})
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def drift(root: Path = ROOT) -> list[str]:
    """One line for each exercise that is missing, stale or left over."""
    wanted = {path.name: exercise_text(path) for path in sorted((root / "solutions").glob("*.ipynb"))}
    there = {
        path.name: path.read_text(encoding="utf-8") for path in sorted((root / "exercises").glob("*.ipynb"))
    }
    missing = [f"{name}: missing" for name in wanted if name not in there]
    stale = [f"{name}: differs" for name, text in wanted.items() if there.get(name, text) != text]
    return missing + stale + [f"{name}: has no solution notebook" for name in there if name not in wanted]


def build(root: Path = ROOT) -> list[Path]:
    """Write every exercise; returns the paths."""
    (root / "exercises").mkdir(exist_ok=True)
    written = []
    for path in sorted((root / "solutions").glob("*.ipynb")):
        target = root / "exercises" / path.name
        target.write_text(exercise_text(path), encoding="utf-8", newline="\n")
        written.append(target)
    return written


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if an exercise is out of date"
    )
    if parser.parse_args(arguments).check:
        lines = drift()
        print("\n".join(lines) or "exercises are up to date", file=sys.stderr if lines else sys.stdout)
        return 1 if lines else 0
    for path in build():
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
