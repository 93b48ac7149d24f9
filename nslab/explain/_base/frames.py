"""A frame: the numbers of one scene, and how several of them travel as small headers and one buffer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nslab.explain._base.marks import Row, row
from nslab.explain._base.stage import Stage

Moves = Mapping[str, Mapping[str, Any]]  # what moves, by mark and by channel
Layout = tuple[
    tuple[str, str], ...
]  # (mark, channel) of each row of a frame, in the order that they travel in
SAME = -1  # instead of a length: the row is that of the frame before


@dataclass(frozen=True)
class Frame:
    """The rows that move, in the order of the layout; the texts of the notes that move; the summary."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    text: str


def layout(stage: Stage, scene: Moves) -> Layout:
    """Which channels move, as a first scene shows them.

    ValueError for a scene that does not fit its stage.
    """
    for name in scene:
        if name not in stage.marks:
            raise ValueError(f"scene must name marks of the stage ({', '.join(stage.marks)}), got {name!r}")
    moving = []
    for name, mark in stage.marks.items():
        given, fixed = set(scene.get(name, {})) - {"text"}, set(mark.fixed)
        if missing := [channel for channel in mark.needs if channel not in given | fixed]:
            raise ValueError(f"{name} has no {missing[0]}: neither its stage nor its scene gives one")
        if unknown := given - set(mark.needs + mark.takes):
            raise ValueError(
                f"{name} is one of {type(mark).__name__}, which take {', '.join(mark.needs + mark.takes)}, "
                f"got {min(unknown)!r}"
            )
        moving += [(name, channel) for channel in mark.needs + mark.takes if channel in given]
    return tuple(moving)


def framed(stage: Stage, moving: Layout, scene: Moves, text: str) -> Frame:
    """The frame of a scene.

    ValueError if other channels move than those of the layout, or the length of one differs.
    """
    given = {(name, channel) for name, moves in scene.items() for channel in moves if channel != "text"}
    if odd := given ^ set(moving):
        raise ValueError(f"scene must move the same channels of the same marks each time, got others: {odd}")
    rows = tuple(row(channel, scene[name][channel]) for name, channel in moving)
    lengths: dict[str, int] = {}
    for (name, channel), values in zip(moving, rows, strict=True):
        if lengths.setdefault(name, len(values)) != len(values):
            raise ValueError(f"{name} moves {lengths[name]} points, but its {channel} has {len(values)}")
    return Frame(rows, tuple(str(scene[name]["text"]) for name in stage.notes), text)


def packed(frames: Sequence[Frame]) -> tuple[list[dict[str, Any]], bytes]:
    """One header per frame, and one buffer of float32.

    A row that equals that of the frame before is not repeated.

    >>> import numpy as np
    >>> one, two = (Frame((np.zeros(3, "f4"), np.full(2, i, "f4")), (), "") for i in (1, 2))
    >>> headers, buffer = packed([one, two])
    >>> [header["sizes"] for header in headers], len(buffer) // 4
    ([[3, 2], [-1, 2]], 7)
    """
    headers, parts = [], []
    before: tuple[Row, ...] = ()
    for frame in frames:
        old = before or (None,) * len(frame.rows)
        new = [b is None or a.tobytes() != b.tobytes() for a, b in zip(frame.rows, old, strict=True)]
        sizes = [len(a) if moved else SAME for a, moved in zip(frame.rows, new, strict=True)]
        headers.append({"text": frame.text, "notes": list(frame.notes), "sizes": sizes})
        parts += [a.astype("<f4").tobytes() for a, moved in zip(frame.rows, new, strict=True) if moved]
        before = frame.rows
    return headers, b"".join(parts)
