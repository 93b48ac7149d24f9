"""Ways in which an outcome can look like a known mistake's own: what `Mutant.same` may be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from torch import Tensor

from nslab.practice._exercise import Case
from nslab.practice._run import Outcome


def as_array(value: Any) -> np.ndarray | None:
    """The value as float64, or None when it holds no real numbers."""
    if value is None or isinstance(value, bool | str | complex):
        return None
    if isinstance(value, Tensor):
        value = value.detach().cpu()
    if isinstance(value, dict):
        value = list(value.values())
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return None


def is_number(outcome: Outcome) -> bool:
    try:
        float(outcome.value)
    except (TypeError, ValueError, OverflowError):
        return False
    return outcome.error is None


def not_finite(case: Case, got: Outcome, own: Outcome) -> bool:
    """NaN or infinity with numpy and torch is an exception with the math module."""
    if got.error is not None:
        return isinstance(got.error, ValueError | OverflowError | ZeroDivisionError)
    return is_number(got) and not math.isfinite(float(got.value))


def lost(case: Case, got: Outcome, own: Outcome) -> bool:
    """As above, or what is left of the sum when the NaN weights are skipped."""
    return not_finite(case, got, own) or (
        is_number(got) and math.isclose(float(got.value), own.value, abs_tol=1e-9)
    )


def nearly(case: Case, got: Outcome, own: Outcome) -> bool:
    return is_number(got) and math.isclose(float(got.value), own.value, rel_tol=0.01)


def answered(case: Case, got: Outcome, own: Outcome) -> bool:
    return is_number(got) and not math.isnan(float(got.value))


def wherever(case: Case, got: Outcome, own: Outcome) -> bool:
    return True


def silent(case: Case, got: Outcome, own: Outcome) -> bool:
    """Anything but an error."""
    return got.error is None


def an_error(case: Case, got: Outcome, own: Outcome) -> bool:
    return got.error is not None


def a_value_error(case: Case, got: Outcome, own: Outcome) -> bool:
    return isinstance(got.error, ValueError)


def not_refused(case: Case, got: Outcome, own: Outcome) -> bool:
    """Where ValueError is due: a value, or an error of another kind."""
    return not isinstance(got.error, ValueError)


def finite(case: Case, got: Outcome, own: Outcome) -> bool:
    return is_number(got) and math.isfinite(float(got.value))


def not_all_finite(case: Case, got: Outcome, own: Outcome) -> bool:
    """NaN or infinity somewhere in an array with numpy and torch, an exception with plain numbers."""
    if got.error is not None:
        return isinstance(got.error, OverflowError | ZeroDivisionError)
    value = as_array(got.value)
    return value is not None and not np.isfinite(value).all()


def unrefused(case: Case, got: Outcome, own: Outcome) -> bool:
    """An answer where an error is due, or a division by zero in plain Python."""
    return got.error is None or isinstance(got.error, ZeroDivisionError)


def indexed(case: Case, got: Outcome, own: Outcome) -> bool:
    """An answer where an error is due, or an index that is none."""
    return got.error is None or isinstance(got.error, IndexError)
