"""Run notebooks and store their outputs for committing.

With --check, see whether a new run gives the stored text.

    python -m tools.lab.store_notebooks [--check] [NOTEBOOK ...]

Without a NOTEBOOK: all of notebooks/ and solutions/.

What is stored is the same on every run, but for the cells that nbval ignores (times, versions): no widget
views, no state. `--check` runs each notebook with one and with two threads and compares every other text
output with the stored one, character by character.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[2]
VIEW = "application/vnd.jupyter.widget-view+json"
TIMEOUT = 300  # seconds a cell
IGNORED = "# NBVAL_IGNORE_OUTPUT"  # a cell whose output is this machine's: times, versions
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


class Refused(Exception):
    """A notebook that must not be stored, and why."""


def executed(path: Path, threads: int, only: Sequence[int] | None = None) -> NotebookNode:
    """The notebook after a run from top to bottom in a fresh kernel.

    Refused if a cell fails or writes to stderr. With `only`, just these cells run, and the others keep what
    is stored.
    """
    notebook = nbformat.read(path, as_version=4)
    every = notebook.cells
    counts = [cell.get("execution_count") for cell in every]
    notebook.cells = every if only is None else [every[i] for i in only]
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        store_widget_state=False,
        record_timing=False,
        coalesce_streams=True,
    )
    try:
        client.execute(env={**os.environ, "OMP_NUM_THREADS": str(threads), "NSLAB_PROGRESS": ""})
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise Refused(str(error)) from None
    notebook.cells = every
    for index, cell in enumerate(every):
        noise = [out.text for out in cell.get("outputs", []) if out.get("name") == "stderr"]
        if noise:
            raise Refused(f"cell {index} writes to stderr:\n{cell.source}\n---\n{''.join(noise)}")
        if only is not None and cell.cell_type == "code":
            for part in (cell, *(out for out in cell.outputs if "execution_count" in out)):
                part.execution_count = counts[index]
    return notebook


def cleaned(notebook: NotebookNode) -> NotebookNode:
    """The notebook without what differs from run to run or needs a live kernel. Works in place."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata.kernelspec = KERNEL
    notebook.metadata.language_info = {"name": "python"}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(VIEW, None)
    return notebook


def texts(notebook: NotebookNode) -> list[list[tuple[str, str]]]:
    """For each cell, the kind and the content of its text outputs.

    Images are left out, and cells that nbval ignores.
    """
    return [
        []
        if cell.source.lstrip().startswith(IGNORED)
        else [
            (kind, content)
            for output in cell.get("outputs", [])
            for kind, content in sorted(output.get("data", {output.get("name"): output.get("text")}).items())
            if isinstance(content, str) and not kind.startswith("image/") and kind != VIEW
        ]
        for cell in notebook.cells
    ]


def store(path: Path) -> None:
    nbformat.write(cleaned(executed(path, threads=1)), path)


def check(path: Path) -> None:
    stored = texts(nbformat.read(path, as_version=4))
    for threads in (1, 2):
        for index, (old, new) in enumerate(zip(stored, texts(executed(path, threads)), strict=True)):
            if old != new:
                raise Refused(
                    f"with {threads} thread(s), cell {index} gives\n{new}\nwhere this is stored:\n{old}"
                )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="store nothing, compare")
    parser.add_argument("notebooks", nargs="*", type=Path)
    arguments = parser.parse_args()
    every = sorted([*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("solutions/*.ipynb")])
    refused = 0
    for path in arguments.notebooks or every:
        start = time.perf_counter()
        try:
            (check if arguments.check else store)(path.resolve())
        except Refused as reason:
            refused += 1
            print(f"{path}: {reason}", file=sys.stderr)
        else:
            verb = "as stored" if arguments.check else "stored"
            print(f"{path}: {verb}, {time.perf_counter() - start:.0f} s, {path.stat().st_size // 1024} KB")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
