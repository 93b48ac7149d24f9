"""Practice: check your code, ask for a hint, see a solution, predict before you look.

>>> from nslab import practice
>>> def dH_dtau(s, tau):
...     return s.var() / tau**3
>>> practice.check("05", dH_dtau).mistake
'np.var'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nslab.practice._check import CheckError, Result, check, hidden_seed, passed
from nslab.practice._fold import fold
from nslab.practice._help import hint, solution
from nslab.practice._progress import progress

if TYPE_CHECKING:
    from nslab.practice._predict import Prediction, predict

__all__ = [
    "CheckError",
    "Prediction",
    "Result",
    "check",
    "fold",
    "hidden_seed",
    "hint",
    "passed",
    "predict",
    "progress",
    "solution",
]


def __getattr__(name: str) -> Any:
    """Import `predict` when it is asked for: it is a widget, and the rest of practice needs none."""
    if name not in ("Prediction", "predict"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from nslab.practice import _predict
    except ModuleNotFoundError as missing:
        raise ImportError(f'practice.{name} needs {missing.name}: pip install "nslab[course]"') from missing
    return getattr(_predict, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
