"""Every chapter in a real JupyterLab.

It runs without a complaint, and each figure follows each of its sliders.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tools.browser.live_lab import Figure, Notebook

CHAPTERS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
MOVES = 1000  # of a random walk
STEPS = 10  # timed, for each slider
PAUSE_S = 0.1  # between two of them: a learner's


def settle(figure: Figure) -> dict[str, Any]:
    """What is shown, once it is what the kernel draws there."""
    shown, true = figure.settled()
    assert shown == true, f"{figure.name}: shown and true"
    return shown


def at_both_ends(figure: Figure, slider: int) -> list[float | None]:
    """Home and End show different figures, each the true one; milliseconds of the jumps."""
    jumps, seen = [], []
    for key, position in (("End", figure.sliders[slider]["last"]), ("Home", 0)):
        jumps.append(figure.press(slider, key))
        seen.append(settle(figure))
        assert seen[-1]["at"][slider] == position
    assert seen[0]["scene"] != seen[1]["scene"], (
        f"{figure.name}: {figure.sliders[slider]['name']} moves nothing"
    )
    return jumps


def steps(figure: Figure, slider: int) -> list[float]:
    """Milliseconds of steps to the right, from the left end."""
    taken = []
    for _ in range(min(STEPS, figure.sliders[slider]["last"])):  # a choice of words has few stops
        time.sleep(PAUSE_S)
        step = figure.press(slider, "ArrowRight")
        assert step is not None
        taken.append(step)
    return taken


def measured(figure: Figure) -> dict[str, Any]:
    sliders = {}
    for slider, reported in enumerate(figure.sliders):
        jumps, times = at_both_ends(figure, slider), steps(figure, slider)
        p50, p95 = np.percentile(times, [50, 95])
        sliders[reported["name"]] = {
            "p50": round(p50, 1),
            "p95": round(p95, 1),
            "steps": times,
            "jumps": jumps,
        }
    return {"name": figure.name, "sliders": sliders}


def random_walk(notebook: Notebook, figures: list[Figure], seed: int) -> None:
    """Every figure moves twice per animation frame, by a step or a leap.

    The last ones shown are the true ones.
    """
    rng = random.Random(seed)
    at = [[0] * len(figure.sliders) for figure in figures]

    def move(figure: Figure, stands: list[int]) -> tuple[int, int]:
        slider = rng.randrange(len(stands))
        last = figure.sliders[slider]["last"]
        leap = rng.random() < 0.3
        position = rng.randint(0, last) if leap else stands[slider] + rng.choice((-1, 1))
        stands[slider] = min(max(position, 0), last)
        return slider, stands[slider]

    walk = [[move(figure, stands) for figure, stands in zip(figures, at, strict=True)] for _ in range(MOVES)]
    notebook.page.evaluate("moves => liveLab.walk(moves)", walk)
    for figure in figures:
        settle(figure)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_chapter(
    chapter: Path, open_notebook: Callable[[str], Notebook], record: Callable[..., None]
) -> None:
    notebook = open_notebook(f"notebooks/{chapter.name}")
    start = time.monotonic()
    notebook.run()
    seconds = round(time.monotonic() - start, 1)
    assert notebook.trouble() == []

    figures = notebook.explainers()
    assert bool(figures) == bool(re.search(r"explain\.[A-Z][a-z]", chapter.read_text(encoding="utf-8")))
    record(chapter.stem, {"run_s": seconds, "explainers": [measured(figure) for figure in figures]})
    assert notebook.trouble() == []

    if figures:  # pages to look things up in have none
        random_walk(notebook, figures, seed=int(chapter.stem[:2]))
    assert notebook.trouble() == []
