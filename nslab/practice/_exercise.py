"""What an exercise is made of: questions, each with a specification, cases, known mistakes and hints."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nslab.practice._run import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Case:
    """One input; `about` says what it is there to show, `atol` how far off a right answer may be."""

    args: tuple[Any, ...]
    about: str = ""
    atol: float = 1e-10

    @property
    def size(self) -> tuple[int, int]:
        """Small inputs first: entries, then characters."""
        return sum(np.size(arg) for arg in self.args), len(show_args(self.args))


def edges(*rows: tuple[Any, ...], atol: float = 1e-10) -> list[Case]:
    """A case of each row: the arguments, and last what the input is there to show.

    >>> edges((0.5, 2, "a half"))
    [Case(args=(0.5, 2), about='a half', atol=1e-10)]
    """
    return [Case(row[:-1], row[-1], atol) for row in rows]


Same = Callable[[Case, Outcome, Outcome], bool]
Measure = Callable[[tuple[Any, ...], Any], dict[str, Any]]


@dataclass(frozen=True)
class Mutant:
    """A wrong implementation with a name and a diagnosis.

    `same(case, got, own)` says whether a learner's outcome on a case that this mutant gets wrong looks like
    the mutant's own; by default the two must be equal. Cases are compared one by one.
    """

    name: str
    wrong: Callable[..., Any]
    diagnosis: str
    same: Same | None = None


@dataclass(frozen=True)
class Question:
    """One function to write. `truth` is the slow, readable specification; where it raises, so must an answer.

    Where many answers are right (a random sample, a table with several layouts), `measure(args, value)`
    turns an answer into named numbers that all right answers share, and those are compared and shown; it
    raises TypeError or ValueError for what it cannot read. `picture(args, value)` draws an answer beside
    what was asked for.
    """

    signature: str
    truth: Callable[..., Any]
    library: Callable[..., Any] | None
    library_name: str
    cases: Callable[[int], list[Case]]
    mutants: tuple[Mutant, ...]
    hints: tuple[str, str, str]
    rtol: float = 1e-8
    stretch: bool = False
    measure: Measure | None = None
    picture: Callable[[tuple[Any, ...], Any], Figure] | None = None

    @property
    def name(self) -> str:
        return self.signature.partition("(")[0]


@dataclass(frozen=True)
class Exercise:
    """A numbered exercise and its questions, in the order of the notebook."""

    number: str
    title: str
    questions: tuple[Question, ...]

    def question(self, name: str) -> Question | None:
        """The question that asks for the function `name`."""
        return next((question for question in self.questions if question.name == name), None)


def numbers() -> list[str]:
    """The numbers of the exercises there are, ascending."""
    return sorted(_modules())


@cache
def _modules() -> dict[str, str]:
    """The module of each exercise by its number."""
    found = pkgutil.iter_modules([str(Path(__file__).parent / "checks")])
    return {name[1:3]: f"nslab.practice.checks.{name}" for _, name, _ in found}


def load(number: str) -> Exercise:
    """The exercise with this number, from its file in `checks`."""
    modules = _modules()
    if number not in modules:
        raise ValueError(f"number must be one of {', '.join(map(repr, sorted(modules)))}, got {number!r}")
    return importlib.import_module(modules[number]).EXERCISE


def show(value: Any, digits: int | None = 6) -> str:
    """A value in a few characters: so many significant digits, long arrays cut.

    Without a number of digits, as many as it takes to be the same number; an array that is cut has six.

    >>> show(0.123456789), show(np.array([1.0, 2.5])), show(np.zeros(64))
    ('0.123457', '[1, 2.5]', '[0, 0, 0, 0, 0, 0, 0, 0, …] (64 entries)')
    >>> show(0.123456789, digits=None), show(np.array([0.3, 2.0]), digits=None)
    ('0.123456789', '[0.3, 2]')
    """
    if isinstance(value, bool | str) or value is None:
        return repr(value)
    if isinstance(value, np.random.Generator):
        return "rng"
    if isinstance(value, dict):
        return ", ".join(f"{name} {show(item, digits)}" for name, item in value.items())
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        try:
            text = repr(value)
        except ValueError:  # an integer of more digits than Python prints
            text = f"{type(value).__name__} too long to print"
        return text if len(text) <= 60 else text[:59] + "…"
    if array.ndim == 0:
        return _number(array.item(), digits)
    whole = array.ndim == 1 and array.size <= 8
    flat = [_number(x, digits if whole else digits or 6) for x in array.reshape(-1)[:8]]
    if array.ndim > 1:
        return f"array of shape {array.shape}, starting {', '.join(flat)}"
    return f"[{', '.join(flat)}]" if whole else f"[{', '.join(flat)}, …] ({array.size} entries)"


def _number(x: float, digits: int | None) -> str:
    texts = (f"{x:.{enough}g}" for enough in ((digits,) if digits else range(6, 18)))
    return next((text for text in texts if digits or float(text) == x), f"{x:g}")


def show_args(args: tuple[Any, ...]) -> str:
    """Arguments as they would be typed: typed in again, they are the same numbers."""
    return ", ".join(show(arg, digits=None) for arg in args)
