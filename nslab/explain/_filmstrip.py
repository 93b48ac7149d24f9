"""A filmstrip: an explainer's frames over a grid of its controls, drawn ahead for a page without a kernel."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ._controls import Control

FRAMES = 256  # at most, of one explainer: under 1.5 MB
FEWEST = 5  # stops that any control keeps, if it has so many
SHEET = 16  # frames at most in one file: 18 MB in a browser

# Sixteen levels a channel: edges stay smooth, and files shrink to two thirds.
LEVELS = ((np.arange(256) + 8) // 17 * 17).astype(np.uint8)

Point = tuple[int, ...]


def filmstrip(
    draw: Callable[[list[int]], tuple[NDArray[np.uint8], str]],
    controls: Mapping[str, Control],
    start: Sequence[int],
    *,
    title: str,
    folder: Path,
    name: str,
    url: str | None,
) -> str:
    """Write the frames that `draw` gives at positions of the controls into `folder`; the HTML that shows them.

    The page wants `filmstrip.js` and `explainer.css` besides, and finds the files under `url`: the folder's own
    name, unless said.
    """
    if not isinstance(folder, str | os.PathLike):
        raise TypeError(f"folder must be a path, got {folder!r}")
    if not isinstance(name, str):
        raise TypeError(f"name must be a string, got {name!r}")
    if not re.fullmatch(r"[\w.-]+", name, re.ASCII):
        raise ValueError(
            f"name must be letters, digits, '_', '.' and '-', as a file's and a link's, got {name!r}"
        )
    folder = Path(folder)
    url = folder.name if url is None else url
    folder.mkdir(parents=True, exist_ok=True)
    grid = [
        stops(len(control.values), count, at)
        for control, count, at in zip(controls.values(), counts(list(controls.values())), start, strict=True)
    ]
    files, frames = [], []
    for points in sheets([len(positions) for positions in grid]):
        drawn = [draw([positions[i] for positions, i in zip(grid, point, strict=True)]) for point in points]
        files.append(f"{name}-{len(files)}.webp")
        _save([pixels for pixels, _ in drawn], folder / files[-1])
        frames.append([[list(point), text] for point, (_, text) in zip(points, drawn, strict=True)])
    first, text = draw(list(start))
    _save([first], folder / f"{name}.webp")
    sliders = [
        {
            "symbol": control.symbol,
            "word": control.word,
            "texts": [control.text(control.values[i]) for i in positions],
            "start": positions.index(at),
        }
        for control, positions, at in zip(controls.values(), grid, start, strict=True)
    ]
    strip = {
        "title": title,
        "controls": sliders,
        "sheets": [
            {"src": f"{url}/{file}", "frames": inside} for file, inside in zip(files, frames, strict=True)
        ],
    }
    height, width = first.shape[:2]
    return _html(strip, f"{url}/{name}.webp", text, width, height)


def counts(controls: Sequence[Control], most: int = FRAMES) -> list[int]:
    """How many stops each control keeps, so that their product is at most `most`: all words if they fit, the rest even.

    >>> from nslab.explain import Control, linear_grid
    >>> many = Control("τ", "temperature", linear_grid(0, 1, 101), start=0.5)
    >>> words = Control("", "data", ["digits", "reports"], start="digits")
    >>> counts([many, many, many]), counts([many, words])
    ([7, 6, 6], [101, 2])
    """
    limits = [len(control.values) for control in controls]
    rank = [int(control.numeric) for control in controls]
    return _grown([min(limit, FEWEST) for limit in limits], limits, most, rank)


def stops(length: int, count: int, start: int) -> list[int]:
    """`count` of a slider's positions, evenly spaced: both ends and where it starts are among them.

    >>> stops(11, 5, 3)
    [0, 3, 5, 8, 10]
    """
    positions = [math.floor(x + 0.5) for x in np.linspace(0, length - 1, count)]
    if start not in positions:
        positions[min(range(1, count - 1), key=lambda i: abs(positions[i] - start))] = start
    return positions


def sheets(shape: Sequence[int]) -> list[list[Point]]:
    """The points of a grid, in blocks of at most `SHEET`: a slider that moves by a step mostly stays in its block.

    >>> sheets([2, 3])
    [[(0, 0), (0, 1), (0, 2), (1, 2), (1, 1), (1, 0)]]
    """
    sizes = _grown([1] * len(shape), shape, SHEET, [0] * len(shape))
    corners = product(*(range(0, length, size) for length, size in zip(shape, sizes, strict=True)))
    return [
        _snake(
            [range(at, min(at + size, length)) for at, size, length in zip(corner, sizes, shape, strict=True)]
        )
        for corner in corners
    ]


def _snake(axes: Sequence[range]) -> list[Point]:
    """The points of a block, each one step from the one before: likeness is what a sheet is compressed by."""
    if not axes:
        return [()]
    rest = _snake(axes[1:])
    return [(x, *point) for turn, x in enumerate(axes[0]) for point in (rest[::-1] if turn % 2 else rest)]


def _grown(sizes: list[int], limits: Sequence[int], most: int, rank: Sequence[int]) -> list[int]:
    """Sizes grown by one at a time, those of lowest rank and then the smallest first, while the product allows it."""
    while growing := [
        i
        for i, size in enumerate(sizes)
        if size < limits[i] and math.prod(sizes) // size * (size + 1) <= most
    ]:
        sizes[min(growing, key=lambda i: (rank[i], sizes[i]))] += 1
    return sizes


def _save(frames: list[NDArray[np.uint8]], path: Path) -> None:
    """One image, the frames below each other. Above quality 75 the encoder looks back over four frames, not a few rows."""
    stacked = Image.fromarray(LEVELS[np.concatenate(frames)[..., :3]])
    stacked.save(path, "WEBP", lossless=True, quality=80, method=4)


def _html(strip: dict[str, Any], src: str, text: str, width: int, height: int) -> str:
    title, text = escape(strip["title"]), escape(text)
    at = ",".join(str(control["start"]) for control in strip["controls"])
    data = json.dumps(strip, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return (
        f'<div class="nslab-explainer nslab-filmstrip" role="group" aria-label="{title}" data-at="{at}">\n'
        f'<img class="nslab-figure dark-light" src="{escape(src)}" width="{width}" height="{height}" alt="{title}: {text}">\n'
        f'<pre class="nslab-summary" aria-live="polite">{text}</pre>\n'
        f'<script type="application/json">{data}</script>\n'
        "</div>"
    )
