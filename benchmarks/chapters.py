"""How long each chapter runs from top to bottom, and the whole suite.

It runs on request, as it takes a quarter of an hour.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks._record import Row
from tools.lab.store_notebooks import executed

ROOT = Path(__file__).resolve().parent.parent
CHAPTER_LIMIT, SUITE_LIMIT = 60.0, 480.0  # seconds, on two cores


def measure() -> dict[str, list[Row]]:
    chapters = [
        Row(path.stem.replace("_", " "), "s", [_seconds(executed, path, 1)], goal=CHAPTER_LIMIT)
        for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
    ]
    return {"cpu": [*chapters, Row("make test, installed", "s", [_seconds(_suite)], goal=SUITE_LIMIT)]}


def _seconds(work: Callable[..., object], *arguments: object) -> float:
    start = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - start


def _suite() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
