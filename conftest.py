"""How notebooks are compared with their stored outputs: floats with a tolerance, all else to the letter."""

from __future__ import annotations

import math
import os
import re

from hypothesis import settings
from nbval.plugin import IPyNbCell

# Tests and notebook kernels run side by side: one thread each.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["NSLAB_PROGRESS"] = ""  # a learner's own progress is not for tests to write
collect_ignore = ["tests/browser"]  # only where named: `make browser-test`

# How long an example takes is the machine's affair, and no test's.
settings.register_profile("nslab", deadline=None)
settings.load_profile("nslab")

RELATIVE_TOLERANCE = 1e-3
# A decimal number: it has a point or an exponent, and is no part of a version such as 2.13.0.
FLOAT = re.compile(r"(?<![\w.])([-+]?(?:\d+\.\d+(?:e[-+]?\d+)?|\d+e[-+]?\d+))(?!\w*\.?\d)", re.IGNORECASE)


class Printed(str):
    """Text that equals another when the floats in it are close and the rest, integers included, is the same.

    `within` is how far apart floats may lie besides: of a training whose hard choices let the rounding of
    another processor grow, a cell's metadata says `"nslab": {"within": 0.02}`.
    """

    __hash__ = None  # type: ignore[assignment]  # close texts need not hash alike
    within = 0.0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, str):
            return NotImplemented
        if FLOAT.sub("#", self) != FLOAT.sub("#", other):
            return False
        pairs = zip(FLOAT.findall(self), FLOAT.findall(other), strict=True)
        return all(
            math.isclose(float(a), float(b), rel_tol=RELATIVE_TOLERANCE, abs_tol=self.within)
            for a, b in pairs
        )

    def __ne__(self, other: object) -> bool:
        return not self == other


exact = IPyNbCell.sanitize


def tolerant(cell: IPyNbCell, text: object) -> object:
    cleaned = exact(cell, text)
    if not isinstance(cleaned, str):
        return cleaned
    printed = Printed(cleaned)
    printed.within = cell.cell.metadata.get("nslab", {}).get("within", 0.0)
    return printed


IPyNbCell.sanitize = tolerant
