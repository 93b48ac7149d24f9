"""The plain docstrings of the package as reStructuredText.

Names between backticks become code; all else stays to the letter.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from itertools import groupby

SPECIAL = re.compile(r"([\\*|]|(?<=\w)_(?!\w))")


def rst(lines: list[str]) -> list[str]:
    """The lines of a docstring, its examples untouched.

    >>> rst(["Draws from q_ as `k` says, s*", "", ">>> f(*x)"])
    ['Draws from q\\\\_ as ``k``\\\\  says, s\\\\*', '', '>>> f(*x)']
    """
    done: list[str] = []
    for example, block in groupby(_blocks(lines), key=lambda pair: pair[0]):
        text = "\n".join(line for _, line in block)
        done += text.split("\n") if example else _prose(text).split("\n")
    return done


def _blocks(lines: list[str]) -> Iterator[tuple[bool, str]]:
    """Each line, and whether it belongs to an example: from a prompt to the next empty line."""
    example = False
    for line in lines:
        example = line.lstrip().startswith(">>>") or (example and bool(line.strip()))
        yield example, line


def _prose(text: str) -> str:
    parts = re.split(r"`([^`]+)`", text)
    return "".join(f"``{part}``\\ " if i % 2 else SPECIAL.sub(r"\\\1", part) for i, part in enumerate(parts))


def setup(app) -> dict[str, bool]:
    def process(app, what, name, obj, options, lines):
        lines[:] = rst(lines)

    def sign(app, what, name, obj, options, signature, annotation):
        if what == "class" and signature == "(*args, **kwargs)":  # a metaclass hides what it takes
            taken = [*inspect.signature(obj.__init__).parameters.values()][1:]
            bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in taken]
            return str(inspect.Signature(bare)), annotation

    def skip(app, what, name, obj, skip, options):
        return skip or (obj.__doc__ or "").startswith("Alias for field number")  # said of every named tuple's

    app.connect("autodoc-process-docstring", process)
    app.connect("autodoc-skip-member", skip)
    app.connect("autodoc-process-signature", sign)
    return {"parallel_read_safe": True}
