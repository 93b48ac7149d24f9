"""Items of a data set on a panel: as what they are, and where they do not hide each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nslab.explain._base.marks import Dots, Pictures, Words


def check_each(wanted: str, count: int, **given: Sequence[Any] | None) -> None:
    """Refuse pictures or names that are not `count`; what is None was not given.

    >>> check_each("show both digits", 2, pictures=None, names=["a 3"])
    Traceback (most recent call last):
    ValueError: names must show both digits, got 1
    """
    for argument, values in given.items():
        if values is not None and len(values) != count:
            raise ValueError(f"{argument} must {wanted}, got {len(values)}")


def items(
    panel: str,
    role: str,
    *,
    pictures: Any = None,
    words: Sequence[str] | None = None,
    scale: float,
    dot: float | None = None,
    **look: Any,
) -> Pictures | Words | Dots:
    """Items as what they are: pictures, else words, else dots, which may have a scale of their own."""
    if pictures is not None:
        return Pictures(panel, role, images=pictures, scale=scale, **look)
    if words is not None:
        return Words(panel, role, words=words, scale=scale, **look)
    return Dots(panel, role, scale=scale if dot is None else dot, **look)


def heights_apart(
    x: NDArray[np.float64],
    order: Iterable[int],
    heights: NDArray[np.float64],
    taken: tuple[float, float] | None = None,
) -> NDArray[np.float64]:
    """For each item of `order` in turn, the height farthest from those placed before, at its x.

    The others get NaN; `taken` is a place that is held from the start.

    >>> heights_apart(np.zeros(3), [2, 0], np.array([0, 0.5, 1])).tolist()
    [1.0, nan, 0.0]
    """
    y = np.full(len(x), np.nan)
    held = np.array([] if taken is None else [taken]).reshape(-1, 2)
    for i in order:
        known = np.isfinite(y)
        there = np.concatenate([x[known], held[:, 0]]), np.concatenate([y[known], held[:, 1]])
        gaps = np.hypot(there[0] - x[i], heights[:, None] - there[1])
        y[i] = heights[gaps.min(1, initial=np.inf).argmax()]
    return y


def without_collisions(
    order: Iterable[int],
    places: NDArray[np.float64],
    halves: NDArray[np.float64],
    most: int | None = None,
) -> list[int]:
    """Those of `order`, `most` at most, whose boxes run into none that is kept before them.

    `places` (N, 2) are the middles of the boxes, `halves` (N, 2) half of their widths and heights.

    >>> without_collisions([0, 1, 2], np.array([[0, 0], [0.1, 0], [1, 0]]), np.full((3, 2), 0.1))
    [0, 2]
    """
    kept: list[int] = []
    for i in order:
        gaps = np.abs(places[kept] - places[i]) - halves[kept] - halves[i]
        if (most is None or len(kept) < most) and not (gaps < 0).all(1).any():
            kept.append(int(i))
    return kept
