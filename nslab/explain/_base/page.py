"""A scene on a page without a kernel: a table of its frames over a grid of its controls."""

from __future__ import annotations

import base64
import gzip
import json
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from html import escape
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nslab.explain._base.controls import Control
from nslab.explain._base.frames import SAME, Frame, packed
from nslab.explain._base.marks import Row

FRAMES = 1536  # at most, of one scene
FEWEST = 5  # stops that any control keeps, if it has so many; and what a click may pick among many points
FEW = 8  # points that all may be picked
STORY = 3  # times as many stops for a control that plays
DROPPED = 13  # of a number's last 23 bits: one part in 2,048 is less than a pixel, and half of the file
PLANES = 3  # bytes of what is left of a change, with its sign


def page(
    draw: Callable[[list[int]], Frame],
    controls: Mapping[str, Control],
    start: Sequence[int],
    *,
    picked: Set[str],
    spec: Mapping[str, Any],
    heading: str,
    folder: Path,
    name: str,
    url: str | None,
) -> str:
    """Write the frames that `draw` gives into `folder`; returns the HTML that shows them.

    `draw` is called at positions of the controls.
    """
    if not isinstance(folder, str | os.PathLike):
        raise TypeError(f"folder must be a path, got {folder!r}")
    if not isinstance(name, str) or not re.fullmatch(r"[\w.-]+", name, re.ASCII):
        raise ValueError(f"name must be letters, digits, '_', '.' and '-', as a file's, got {name!r}")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    grid = grid_of(controls, start, picked)
    points = [list(point[::-1]) for point in product(*grid[::-1])]  # the first control moves fastest
    (folder / f"{name}.js").write_text(table(name, [draw(point) for point in points]), encoding="utf-8")
    first = draw(list(start))
    headers, buffer = packed([_rounded(first)])
    shown = {
        **spec,
        "controls": [
            thinned(control, positions, at)
            for control, positions, at in zip(controls.values(), grid, start, strict=True)
        ],
        "first": {**headers[0], "data": base64.b64encode(buffer).decode()},
    }
    source = f"{folder.name if url is None else url}/{name}.js"
    return _html(shown, heading, source, name, first.text)


def grid_of(controls: Mapping[str, Control], start: Sequence[int], picked: Set[str]) -> list[list[int]]:
    """The stops of each control.

    Of those that a click picks it keeps all if they are few, else the first, which are always there.
    """
    stand = dict(zip(controls, start, strict=True))
    grid = {}
    for name in picked:
        length = len(controls[name].values)
        grid[name] = sorted({*range(length if length <= FEW else FEWEST), stand[name]})
    moved = {name: control for name, control in controls.items() if name not in picked}
    numbers = counts(list(moved.values()), FRAMES // math.prod(map(len, grid.values())))
    for (name, control), count in zip(moved.items(), numbers, strict=True):
        grid[name] = stops(len(control.values), count, stand[name])
    return [grid[name] for name in controls]


def table(name: str, frames: Sequence[Frame]) -> str:
    """A script that hands the frames to scene.js: their headers and the changes of their numbers, zipped,
    in base64. The changes go along the rows or from row to row, whichever takes fewer bytes.
    """
    headers, buffer = packed([_rounded(frame) for frame in frames])
    bits = np.frombuffer(buffer, np.int32) >> DROPPED
    zipped = min((_zipped(headers, bits, along) for along in (False, True)), key=len)
    return f"nslabScene.tables[{json.dumps(name)}] = {json.dumps(base64.b64encode(zipped).decode())};\n"


def _zipped(headers: Sequence[Mapping[str, Any]], bits: NDArray[np.int32], along: bool) -> bytes:
    moved = changes([header["sizes"] for header in headers], bits, along)
    words = json.dumps([along, headers], ensure_ascii=False, separators=(",", ":")).encode()
    return gzip.compress(np.uint32(len(words)).tobytes() + words + planes(moved), mtime=0)


def changes(sizes: Sequence[Sequence[int]], bits: NDArray[np.int32], along: bool) -> NDArray[np.int32]:
    """Each number less the one before it in its row (`along`), or less the one in its place in the row
    before of its channel, if that is as long.

    >>> changes([[2, 1], [2, SAME]], np.array([5, 8, 3, 4, 9]), along=True).tolist()
    [5, 3, 3, 4, 5]
    >>> changes([[2, 1], [2, SAME]], np.array([5, 8, 3, 4, 9]), along=False).tolist()
    [5, 8, 3, -1, 1]
    """
    moved = bits.copy()
    before: dict[int, NDArray[np.int32]] = {}
    start = 0
    for channel, size in (pair for row in sizes for pair in enumerate(row) if pair[1] != SAME):
        end = start + size
        row = bits[start:end]
        if along:
            moved[start + 1 : end] -= row[:-1]
        elif channel in before and len(before[channel]) == size:
            moved[start:end] -= before[channel]
        before[channel], start = row, end
    return moved


def planes(moved: NDArray[np.int32]) -> bytes:
    """Changes without sign, 0, −1, 1, −2 … as 0, 1, 2, 3 …: all their lowest bytes, then all second ones,
    then all third ones. Like lies beside like.

    >>> list(planes(np.array([0, -1, 1, 128], dtype=np.int32)))
    [0, 1, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    """
    unsigned = (moved << 1) ^ (moved >> 31)
    return unsigned.astype("<u4").view(np.uint8).reshape(-1, 4)[:, :PLANES].T.tobytes()


def thinned(control: Control, positions: Sequence[int], start: int) -> dict[str, Any]:
    """A control's spec with a slider of these positions only."""
    spec = control.spec()
    kept = {key: [spec[key][i] for i in positions] for key in ("texts", "numbers")}
    return {**spec, **kept, "start": positions.index(start)}


def counts(controls: Sequence[Control], most: int = FRAMES) -> list[int]:
    """How many stops each control keeps, so that their product is at most `most`.

    All words stay if they fit; a control with ▶ keeps the most.

    >>> many = Control("τ", "temperature", [i / 100 for i in range(101)], start=0.5)
    >>> steps = Control("", "step", list(range(101)), start=50, play=True)
    >>> words = Control("", "data", ["digits", "reports"], start="digits")
    >>> counts([many, many]), counts([steps, many]), counts([many, words])
    ([39, 39], [69, 22], [101, 2])
    """
    limits = [len(control.values) for control in controls]
    sizes = [min(limit, FEWEST) for limit in limits]
    shares = [STORY if control.play else 1 for control in controls]
    while growing := [
        i
        for i, size in enumerate(sizes)
        if size < limits[i] and math.prod(sizes) // size * (size + 1) <= most
    ]:
        sizes[min(growing, key=lambda i: (controls[i].numeric, sizes[i] / shares[i]))] += 1
    return sizes


def stops(length: int, count: int, start: int) -> list[int]:
    """`count` of a slider's positions, evenly spaced: both ends and where it starts are among them.

    >>> stops(11, 5, 3)
    [0, 3, 5, 8, 10]
    """
    positions = [math.floor(x + 0.5) for x in np.linspace(0, length - 1, count)]
    if start not in positions:
        positions[min(range(1, count - 1), key=lambda i: abs(positions[i] - start))] = start
    return positions


def _rounded(frame: Frame) -> Frame:
    return replace(frame, rows=tuple(map(_short, frame.rows)))


def _short(numbers: Row) -> Row:
    """Numbers without their last bits, so that they zip well."""
    bits = numbers.view(np.uint32).astype(np.uint64) + (1 << (DROPPED - 1)) >> DROPPED << DROPPED
    return bits.astype(np.uint32).view(np.float32)


def _html(spec: Mapping[str, Any], heading: str, source: str, name: str, text: str) -> str:
    heading, text = escape(heading), escape(text)
    at = ",".join(str(control["start"]) for control in spec["controls"])
    data = json.dumps(spec, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return (
        f'<div class="nslab-scene" role="group" aria-label="{heading}" data-at="{at}"'
        f' data-name="{escape(name)}" data-frames="{escape(source)}">\n'
        f'<pre class="nslab-summary">{text}</pre>\n'
        f'<script type="application/json">{data}</script>\n'
        "</div>"
    )
