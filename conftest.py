"""How notebooks are compared with their stored outputs: floats with a tolerance, all else to the letter."""

from __future__ import annotations

import math
import os
import re
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from copy import deepcopy

import forked_kernels
from hypothesis import settings
from nbformat import NotebookNode
from nbval.plugin import IPyNbCell

# Tests and notebook kernels run side by side: one thread each.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["NSLAB_PROGRESS"] = ""  # a learner's own progress is not for tests to write
collect_ignore = ["tests/browser"]  # only where named: `make browser-test`

forked_kernels.install()

# How long an example takes is the machine's affair, and no test's.
settings.register_profile("nslab", deadline=None)
settings.load_profile("nslab")

RELATIVE_TOLERANCE = 1e-3
# A decimal number: it has a point or an exponent, and is no part of a version such as 2.13.0.
FLOAT = re.compile(r"(?<![\w.])([-+]?(?:\d+\.\d+(?:e[-+]?\d+)?|\d+e[-+]?\d+))(?!\w*\.?\d)", re.IGNORECASE)


def same_text(stored: str, printed: str, within: float = 0.0) -> bool:
    """Whether the floats in two texts are close and the rest, integers included, is the same.

    `within` is how far apart floats may lie besides: of a training whose hard choices let the rounding of
    another processor grow, a cell's metadata says `"nslab": {"within": 0.02}`.
    """
    if FLOAT.sub("#", stored) != FLOAT.sub("#", printed):
        return False
    pairs = zip(FLOAT.findall(stored), FLOAT.findall(printed), strict=True)
    return all(math.isclose(float(a), float(b), rel_tol=RELATIVE_TOLERANCE, abs_tol=within) for a, b in pairs)


def texts(outputs: Iterable[NotebookNode]) -> Iterator[tuple[str, NotebookNode, str]]:
    """Each text of a cell's outputs: its kind, and where it stands."""
    for output in outputs:
        if output.output_type == "stream":
            yield output.name, output, "text"
        else:
            data = output.get("data", {})
            yield from ((kind, data, kind) for kind in data if kind.startswith("text/"))


def compare_outputs(
    cell: IPyNbCell, printed: list[NotebookNode], stored: list[NotebookNode], skip_compare: object = None
) -> bool:
    """nbval's own comparison, to the letter.

    Before it, the stored text replaces each printed one that counts as the same.
    """
    within = cell.cell.metadata.get("nslab", {}).get("within", 0.0)
    known: defaultdict[str, deque[str]] = defaultdict(deque)
    for kind, place, key in texts(stored):
        known[kind].append(place[key])
    printed = deepcopy(printed)
    for kind, place, key in texts(printed):
        before = known[kind].popleft() if known[kind] else ""
        if same_text(before, place[key], within):
            place[key] = before
    return compare_to_the_letter(cell, printed, stored, skip_compare)


compare_to_the_letter = IPyNbCell.compare_outputs
IPyNbCell.compare_outputs = compare_outputs
