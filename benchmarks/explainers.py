"""A slider moved in a real JupyterLab and Chromium: every explainer on real data, and the way from the server's start there."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import numpy as np
from playwright.sync_api import BrowserContext

from benchmarks._record import Row
from tools.live_lab import Figure, Notebook, browser, server, write_notebook

ROOT = Path(__file__).resolve().parent.parent
JUMPS = (0.9, 0.15, 0.7, 0.35)  # parts of the slider
STEPS = 10
PAUSE_S = 0.08  # between two steps
REST_S = 0.3  # between two jumps
DRAWN_ANEW = (
    "matplotlib draws the figure and Jupyter's server carries it, on the cores that the browser draws on too"
)
EVERY_EXPLAINER = f"""\
import sys
sys.path.insert(0, {str(ROOT / "tests")!r})
from explainers_on_data import CLASSES, build
display(*map(build, CLASSES))
"""

Readings = dict[str, float]  # by explainer


def measure() -> dict[str, list[Row]]:
    with tempfile.TemporaryDirectory() as folder, browser() as context:
        course = Path(folder)
        shutil.copytree(ROOT / "notebooks", course / "notebooks")
        start = first_figure(course, context)
        write_notebook(course / "explainers.ipynb", EVERY_EXPLAINER)
        with server(course) as running:
            notebook = Notebook(context, running.address("explainers.ipynb"))
            notebook.run()
            if trouble := notebook.trouble():
                raise RuntimeError("\n".join(trouble))
            figures = {figure.name: figure for figure in notebook.explainers()}
            jumps, ends, steps, drags = {}, {}, {}, {}
            for name, figure in figures.items():
                figure.show()
                jumps[name] = jumped(figure)
                ends[name] = to_the_ends(figure)
                steps[name] = stepped(figure)
                drags[name] = figure.drag(slider=0)
            notebook.close()
    rows = [
        *both("key to figure, a step, p50", "ms", percentile(steps, 50), goal=16),
        *both("key to figure, a step, p95", "ms", percentile(steps, 95), goal=25),
        *both("click to figure, a jump, p50", "ms", percentile(jumps, 50), goal=45),
        *both("click to figure, a jump, p95", "ms", percentile(jumps, 95), goal=75),
        *both("key to figure, to an end, a moment after touching, p50", "ms", percentile(ends, 50), goal=45),
        *both(
            "figures in a drag", "1/s", {k: drag["rate"] for k, drag in drags.items()}, goal=45, less=False
        ),
        *both("drain after a drag", "ms", {k: drag["drain"] for k, drag in drags.items()}, goal=10),
        Row("server's start to the first figure that follows a slider, chapter 00", "s", [start]),
    ]
    return {"cpu": rows}


def first_figure(course: Path, context: BrowserContext) -> float:
    """Seconds from starting the server until a slider of the first chapter has moved its figure."""
    start = time.perf_counter()
    with server(course) as running:
        notebook = Notebook(context, running.address("notebooks/00_start_here.ipynb"))
        notebook.run()
        notebook.explainers()[0].press(0, "Home")
        seconds = time.perf_counter() - start
        notebook.close()
    return seconds


def jumped(figure: Figure) -> list[float]:
    """Milliseconds of jumps along the first slider, to where nothing was fetched."""
    return spaced(REST_S, [partial(figure.jump, 0, part) for part in JUMPS])


def to_the_ends(figure: Figure) -> list[float]:
    """Milliseconds to the right end, and back to the left one, by keys."""
    figure.touch(0)
    return spaced(REST_S, [partial(figure.press, 0, key) for key in ("End", "Home")])


def stepped(figure: Figure) -> list[float]:
    """Milliseconds of steps to the right."""
    return spaced(PAUSE_S, [partial(figure.press, 0, "ArrowRight")] * STEPS)


def spaced(pause: float, moves: Iterable[Callable[[], float | None]]) -> list[float]:
    """Milliseconds of each move, after a pause of so many seconds; none for a move that the slider's end stopped."""
    times = []
    for move in moves:
        time.sleep(pause)
        times.append(move())
    return [ms for ms in times if ms is not None]


def percentile(times: dict[str, list[float]], q: float) -> Readings:
    return {name: float(np.percentile(each, q)) for name, each in times.items()}


def both(work: str, unit: str, readings: Readings, goal: float, less: bool = True) -> list[Row]:
    """All explainers, and the worst of them, which is to reach the goal."""
    worst = (max if less else min)(readings, key=lambda name: readings[name])
    return [
        Row(f"{work}: all explainers", unit, list(readings.values()), less=less),
        Row(f"{work}: the worst, {worst}", unit, [readings[worst]], goal=goal, less=less, reason=DRAWN_ANEW),
    ]
