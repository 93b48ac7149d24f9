"""A slider moved in a real JupyterLab and Chromium: every explainer on real data.

It moves near and far, beside a page that has all its numbers.
"""

from __future__ import annotations

import importlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from playwright.sync_api import BrowserContext

from benchmarks._record import Row
from nslab.explain._base.frames import packed
from tools.browser.live_lab import Figure, Leaf, Notebook, Server, browser, server, write_notebook
from tools.browser.slow_line import slow_line

ROOT = Path(__file__).resolve().parent.parent
JUMPS = (0.9, 0.15, 0.7, 0.35)  # parts of the slider
STEPS = 10
PAUSE_S = 0.08  # between two steps
REST_S = 0.3  # between two jumps
FAR_REST_S, FAR_DRAG_S = 1, 3
EVENTS = 0.95  # of the slider's, where a drag has fewer than the goal
DRAG, FAR_DRAG = 55, 30  # figures a second
LAB, FAR, ALONE = "in the lab", "100 ms and 5 Mbit/s away", "a page without a kernel"
SHARED = "browser, kernel and server share two cores"
REASONS = {LAB: SHARED, FAR: SHARED}
SCENES = 3  # in a notebook: the most that a chapter shows at a time
EXPLAINERS = f"""\
import sys
sys.path.insert(0, {str(ROOT / "tests" / "explain")!r})
from explainers_on_data import CLASSES, build
"""
BARE = "a page with one slider and one number"  # the least work: what no explainer can be faster than
BARE_PAGE = """\
<div class="nslab-scene"><input type="range"><div class="nslab-stage"></div></div>
<script>
const [input, stage] = document.querySelectorAll("input, .nslab-stage");
input.oninput = () => (stage.dataset.at = stage.textContent = input.value);
</script>
"""

Readings = dict[str, float]  # by explainer


@dataclass(frozen=True)
class Work:
    """What is measured of every explainer, and the goal for the worst."""

    name: str
    unit: str
    readings: Readings
    goal: float
    less: bool = True


def measure() -> dict[str, list[Row]]:
    with tempfile.TemporaryDirectory() as folder, browser() as context:
        course = Path(folder)
        shutil.copytree(ROOT / "notebooks", course / "notebooks")
        start, sliders = first_figure(course, context), with_numbers()
        with server(course) as running:
            near = moved(in_notebooks(course, context, running, len(sliders)), sliders)
            with slow_line(running.port) as port:
                far = dragged_far(course, context, Server(port, running.token), sliders)
        alone = moved(on_pages(context, pages(course)), sliders)
        bare = moved(on_pages(context, {BARE: written(course, "bare", BARE_PAGE)}), {BARE: 0})
    where = {LAB: [*near, bytes_a_frame()], FAR: [far], ALONE: alone}
    first = Row("server's start to the first figure that follows a slider, chapter 00", "s", [start])
    return {
        "cpu": [
            *(row for place, works in where.items() for work in works for row in both(place, work)),
            *(Row(f"{BARE}: {work.name}", work.unit, [work.readings[BARE]], less=work.less) for work in bare),
            first,
        ]
    }


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


def in_notebooks(course: Path, context: BrowserContext, running: Server, n: int) -> Iterator[Figure]:
    """The `n` explainers, a few to a notebook, while that notebook is open."""
    for first in range(0, n, SCENES):
        with opened(course, context, running, f"{first}:{first + SCENES}") as figures:
            yield from figures


@contextmanager
def opened(
    course: Path, context: BrowserContext, running: Server, which: str = ":"
) -> Iterator[list[Figure]]:
    """Explainers in one notebook, written anew.

    JupyterLab saves views, whose models end with their kernel.
    """
    write_notebook(course / "explainers.ipynb", f"{EXPLAINERS}display(*map(build, CLASSES[{which}]))")
    notebook = Notebook(context, running.address("explainers.ipynb"))
    notebook.run()
    if trouble := notebook.trouble():
        raise RuntimeError("\n".join(trouble))
    yield notebook.explainers()
    notebook.close()


def built() -> Iterator[tuple[str, Any]]:
    sys.path.insert(0, str(ROOT / "tests" / "explain"))
    data = importlib.import_module("explainers_on_data")
    for cls in data.CLASSES:
        yield cls.__name__, data.build(cls)


def with_numbers() -> dict[str, int]:
    """The first slider of each explainer that has numbers; words are a choice, which nobody drags."""
    return {
        name: next(i for i, control in enumerate(explainer.controls.values()) if control.numeric)
        for name, explainer in built()
    }


def pages(course: Path) -> dict[str, str]:
    """The address of each explainer's page, which has no other: those of the site have three at most."""
    base = ROOT / "nslab" / "explain" / "_base"
    parts = f'<link rel="stylesheet" href="{base}/scene.css"><script src="{base}/scene.js"></script>'
    return {
        name: written(course, name, parts + explainer.page(course / "frames", name))
        for name, explainer in built()
    }


def written(course: Path, name: str, body: str) -> str:
    path = course / f"{name}.html"
    path.write_text(f'<!doctype html><meta charset="utf-8">{body}', encoding="utf-8")
    return path.as_uri()


def on_pages(context: BrowserContext, addresses: dict[str, str]) -> Iterator[Figure]:
    """The explainer of each page in turn, while that page is open."""
    for name, address in addresses.items():
        leaf = Leaf(context, address)
        yield from leaf.figures([name])
        leaf.page.close()


def bytes_a_frame() -> Work:
    """The largest frame along the first slider: its header and its numbers."""
    found = {}
    for name, explainer in built():
        first, control = next(iter(explainer.controls.items()))
        frames = [packed([explainer.frame(**{first: value})]) for value in control.values]
        found[name] = float(max(len(json.dumps(headers)) + len(buffer) for headers, buffer in frames))
    return Work("bytes a frame", "bytes", found, 4096)


# --- a hand


def moved(figures: Iterable[Figure], sliders: dict[str, int]) -> list[Work]:
    """What a hand on one slider of each sees."""
    jumps, ends, steps, drags, cpu = {}, {}, {}, {}, {}
    for figure in figures:
        name = figure.name
        slider = sliders[name]
        figure.show()
        jumps[name] = jumped(figure, slider)
        ends[name] = to_the_ends(figure, slider)
        before = browser_seconds()
        steps[name] = stepped(figure, slider)
        cpu[name] = 1000 * (browser_seconds() - before) / STEPS
        drags[name] = figure.drag(slider)
    rates = {name: rate(drag, DRAG) for name, drag in drags.items()}
    drains = {name: drag["drain"] for name, drag in drags.items()}
    return [
        Work("key to figure, a step, p50", "ms", percentile(steps, 50), 14),
        Work("key to figure, a step, p95", "ms", percentile(steps, 95), 22),
        Work("click to figure, a jump, p50", "ms", percentile(jumps, 50), 25),
        Work("click to figure, a jump, p95", "ms", percentile(jumps, 95), 45),
        Work("key to figure, to an end, p50", "ms", percentile(ends, 50), 25),
        Work(f"figures in a drag, as of {DRAG} values a second at least", "1/s", rates, DRAG, less=False),
        Work("drain after a drag", "ms", drains, 8),
        Work("the browser's CPU, a step", "ms", cpu, 45),
    ]


def dragged_far(course: Path, context: BrowserContext, running: Server, sliders: dict[str, int]) -> Work:
    """Figures per second in a drag, once the hand has rested on the slider."""
    rates = {}
    with opened(course, context, running) as figures:
        for figure in figures:
            slider = sliders[figure.name]
            figure.show()
            left, _, middle = figure.touch(slider)
            figure.notebook.page.mouse.move(left, middle)
            time.sleep(FAR_REST_S)
            rates[figure.name] = rate(figure.drag(slider, seconds=FAR_DRAG_S), FAR_DRAG)
    return Work(
        f"figures in a drag, as of {FAR_DRAG} values a second at least", "1/s", rates, FAR_DRAG, less=False
    )


def rate(drag: dict[str, float], goal: float) -> float:
    """Figures per second in a drag, scaled up where the mouse gave the slider too few values for the goal."""
    return drag["rate"] * max(1, goal / (drag["values"] * EVENTS))


def jumped(figure: Figure, slider: int) -> list[float]:
    """Milliseconds of jumps along a slider, to where nothing was fetched."""
    return spaced(REST_S, [partial(figure.jump, slider, part) for part in JUMPS])


def to_the_ends(figure: Figure, slider: int) -> list[float]:
    """Milliseconds to the right end, and back to the left one, by keys."""
    figure.touch(slider)
    return spaced(REST_S, [partial(figure.press, slider, key) for key in ("End", "Home")])


def stepped(figure: Figure, slider: int) -> list[float]:
    """Milliseconds of steps to the right."""
    return spaced(PAUSE_S, [partial(figure.press, slider, "ArrowRight")] * STEPS)


def spaced(pause: float, moves: Iterable[Callable[[], float | None]]) -> list[float]:
    """Milliseconds of each move, after a pause of so many seconds.

    A move that the slider's end stopped has none.
    """
    times = []
    for move in moves:
        time.sleep(pause)
        times.append(move())
    return [ms for ms in times if ms is not None]


def browser_seconds() -> float:
    """Seconds of CPU that the browser has taken so far, all its processes together."""
    found = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            if "chrom" in process.name():
                found += sum(process.cpu_times()[:2])
        except psutil.NoSuchProcess:
            continue
    return found


def percentile(times: dict[str, list[float]], q: float) -> Readings:
    return {name: float(np.percentile(each, q)) for name, each in times.items()}


def both(place: str, work: Work) -> list[Row]:
    """All explainers, and the worst of them, which is to reach the goal."""
    told, readings, less = f"{place}: {work.name}", work.readings, work.less
    worst = (max if less else min)(readings, key=lambda name: readings[name])
    return [
        Row(f"{told}: all explainers", work.unit, list(readings.values()), less=less),
        Row(
            f"{told}: the worst, {worst}",
            work.unit,
            [readings[worst]],
            goal=work.goal,
            less=less,
            reason=REASONS.get(place, ""),
        ),
    ]
