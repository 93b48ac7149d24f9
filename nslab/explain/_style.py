"""The palette, for explainers that are still pictures of plots."""

from ._base.palette import (
    ANCHOR,
    COLORS,
    FAINT,
    FALSE_NEGATIVE,
    FOCUS,
    HARD,
    INK,
    NEGATIVE,
    POSITIVE,
    SEMI_HARD,
    STYLE,
    number,
)

__all__ = [
    "ANCHOR",
    "COLORS",
    "FAINT",
    "FALSE_NEGATIVE",
    "FOCUS",
    "HARD",
    "INK",
    "NEGATIVE",
    "POSITIVE",
    "SEMI_HARD",
    "STYLE",
    "number",
]
