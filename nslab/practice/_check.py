"""`check`: run a learner's function, judge it, and say so on a card."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from nslab._checks import one_of
from nslab.practice._cards import Card, Code, Part, Picture, Rows
from nslab.practice._exercise import Case, Question, load, show, show_args
from nslab.practice._judge import (
    Unread,
    diagnose,
    fault,
    measured,
    outcomes_of,
    prepared,
    refused,
    unattempted,
    wrong_cases,
)
from nslab.practice._judgements import as_array
from nslab.practice._progress import record
from nslab.practice._run import Outcome, run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TONES = {"passed": "good", "not attempted": "quiet", "failed": "trouble", "raised": "trouble"}
MOST_DRAWN = 200  # entries of an input: a picture of more shows nothing
_latest: dict[tuple[str, str], str] = {}


class CheckError(AssertionError):
    """An answer that did not pass, with its `Result`.

    Raised only while NSLAB_STRICT is 1 or nbgrader is grading.
    """


@dataclass(frozen=True, repr=False)
class Result:
    """The outcome of a check, shown as a card.

    Attributes:
        status: "not attempted", "passed", "failed" or "raised".
        mistake: the name of the mistake that was recognised, or None.
        message: what the card says, as text.
        args: the arguments of the input on the card, to try by hand: `entropy(*result.args)`. None where
            there is none.
    """

    status: str
    mistake: str | None
    card: Card
    args: tuple[Any, ...] | None = None

    @property
    def message(self) -> str:
        return self.card.text

    def __repr__(self) -> str:
        return repr(self.card)

    def _repr_html_(self) -> str:
        return self.card._repr_html_()


def check(number: str, fn: Callable[..., Any], *, seed: int = 0, seconds: float = 10.0) -> Result:
    """Judge your function for an exercise. The question is found by the function's name.

    The function is called with copies of seeded inputs and extreme cases, and compared with a slow
    specification. Whatever the function raises is shown on the card. The outcome is kept for `progress`.

    Args:
        number: the exercise, such as "05".
        fn: your function itself, not its result.
        seed: chooses the random inputs.
        seconds: a function that runs longer is stopped.

    Returns:
        A `Result`.

    Raises:
        ValueError: there is no such exercise.
        CheckError: the answer did not pass, and NSLAB_STRICT is 1 or nbgrader is grading.

    Example:
        >>> def entropy(s, tau, base=2.718281828459045):
        ...     raise NotImplementedError
        >>> check("05", entropy).status
        'not attempted'
    """
    exercise = load(number)
    name = str(getattr(fn, "__name__", "")) if callable(fn) else ""
    question = exercise.question(name)
    if question is None:
        names = ", ".join(f"`{known.name}`" for known in exercise.questions)
        got = f"a function named `{name}`" if name else f"`{show(fn)}`"
        part = (
            f"Exercise {number} asks for {names}; this is {got}. Hand over the function itself, not its"
            " result."
        )
        result = _result("failed", None, f"{number} · No such function", (part,))
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            last = not question.stretch and set(_open(number)) <= {name}
            result = _judge(f"{number} · {name}", question, fn, seed, seconds, last)
        _latest[number, name] = result.status
        if not strict():
            record(number, name, result.status)
    if strict() and result.status != "passed":
        raise CheckError(result)
    return result


def strict() -> bool:
    """True where a wrong answer must raise: in CI, and while nbgrader runs a submission."""
    return os.environ.get("NSLAB_STRICT") == "1" or "NBGRADER_EXECUTION" in os.environ


def hidden_seed() -> int:
    """The seed of the checks that only a grader runs: the environment variable NSLAB_SEED, or 1.

    Returns:
        The seed. An instructor may keep it secret.

    Example:
        >>> hidden_seed()
        1
    """
    return int(os.environ.get("NSLAB_SEED", "1"))


def passed(number: str, function: str | None = None) -> bool:
    """Whether every function of an exercise passed its latest check in this session, stretch goals aside.

    Args:
        number: the exercise, such as "05".
        function: ask for this function only; it may be a stretch goal.

    Returns:
        True or False.

    Raises:
        ValueError: there is no such exercise, or it has no such function.

    Example:
        >>> def entropy(s, tau, base=2.718281828459045):
        ...     raise NotImplementedError
        >>> check("05", entropy).status, passed("05", "entropy"), passed("05")
        ('not attempted', False, False)
    """
    if function is None:
        return next_open(number) is None
    one_of(function, "function", tuple(question.name for question in load(number).questions))
    return _latest.get((number, function)) == "passed"


def next_open(number: str) -> str | None:
    """The first function of the exercise that has not passed yet, or None."""
    return next(iter(_open(number)), None)


def _open(number: str) -> list[str]:
    questions = (question for question in load(number).questions if not question.stretch)
    return [q.name for q in questions if _latest.get((number, q.name)) != "passed"]


def _judge(
    heading: str, question: Question, fn: Callable[..., Any], seed: int, seconds: float, last: bool
) -> Result:
    cases, truth = prepared(question, seed)
    ran = run(fn, [case.args for case in cases], seconds)
    if unattempted(fn, ran.outcomes):
        part = f"Write `{question.signature}` above, then run both cells again."
        return _result("not attempted", None, f"{heading} · Not attempted yet", (part,))
    if len(ran.outcomes) < len(cases):
        return _still_running(heading, question, cases[len(ran.outcomes)], ran.abandoned, seconds)
    got = measured(question, cases, ran.outcomes)
    if wrong := wrong_cases(question, cases, got, truth):
        return _wrong_answer(heading, question, seed, ran.outcomes, got, wrong)
    if found := fault(question, seed, ran):
        return _result("failed", found[0], f"{heading} · Right numbers, but: {found[0]}", (found[1],))
    part = (
        f"Right on {len(cases)} inputs, random ones and edge cases: your answers are those of a slow, plain"
        " version"
    )
    if question.library and not wrong_cases(
        question, cases, got, outcomes_of(question, question.library, cases)
    ):
        part += f" and of `{question.library_name}`"
    done = (f"{part}.", "That completes the exercise: its reward, below, now runs on your code.")
    return _result("passed", None, f"{heading} · Passed", done if last else done[:1])


def _wrong_answer(
    heading: str,
    question: Question,
    seed: int,
    raw: Sequence[Outcome],
    got: Sequence[Outcome],
    wrong: list[int],
) -> Result:
    cases, truth = prepared(question, seed)
    verdict = diagnose(question, seed, got, wrong)
    smallest = min(verdict.cases, key=lambda i: (got[i].error is not None, cases[i].size))
    case, error = cases[smallest], got[smallest].error
    expected, answered = _side_by_side(truth[smallest], got[smallest])
    parts: list[Part] = [verdict.diagnosis] if verdict.diagnosis else []
    parts.append(
        Rows(
            (
                ("input", f"{question.name}({show_args(case.args)})"),
                ("expected", expected),
                ("you got", answered),
            )
        )
    )
    if question.picture and error is None and case.size[0] <= MOST_DRAWN:
        parts.append(_picture(question.picture, case, raw[smallest]))
    if case.about:
        parts.append(f"Why this input: {case.about}.")
    if error is not None:
        parts += _where(got[smallest], question)
    right = len(cases) - len(wrong)
    parts.append(f"{right} of {len(cases)} inputs came out right; of the others, this is the smallest.")
    crashed = error is not None and not refused(got[smallest])
    title = "Your code raised an error" if crashed else "Not right yet"
    name = f": {verdict.name}" if verdict.name else ""
    status = "raised" if crashed else "failed"
    return _result(status, verdict.name, f"{heading} · {title}{name}", tuple(parts), case)


def _picture(draw: Callable[..., Figure], case: Case, outcome: Outcome) -> Part:
    """The counterexample as a figure, or what would draw it."""
    try:
        from nslab.explain._base.explainer import _drawing  # only a wrong answer needs matplotlib
    except ImportError:
        return 'With matplotlib you would see a picture of this input: `pip install "nslab[course]"`.'
    return Picture(partial(draw, case.args, outcome.value), _drawing)


def _still_running(heading: str, question: Question, case: Case, abandoned: bool, seconds: float) -> Result:
    parts: list[Part] = [
        (
            f"Stopped: your function was still running after {seconds:g} seconds. Does its loop always come"
            " to an end, and soon?"
        ),
        Rows((("input", f"{question.name}({show_args(case.args)})"),)),
    ]
    if case.about:
        parts.append(f"Why this input: {case.about}.")
    if abandoned:
        parts.append(
            "It could not be interrupted and goes on in the background: restart the kernel to end it."
        )
    return _result("failed", "still running", f"{heading} · Stopped: still running", tuple(parts), case)


def _side_by_side(expected: Outcome, got: Outcome) -> tuple[str, str]:
    """Both outcomes, with as many digits as it takes to tell them apart.

    Of what was measured it keeps only what differs.
    """
    if (
        isinstance(expected.value, dict)
        and isinstance(got.value, dict)
        and expected.value.keys() == got.value.keys()
    ):
        names = [name for name, value in expected.value.items() if value != got.value[name]]
        expected, got = (
            replace(outcome, value={name: outcome.value[name] for name in names})
            for outcome in (expected, got)
        )

    def whole(digits: int) -> tuple[str, str]:
        return _describe(expected, digits), _describe(got, digits)

    return _told_apart(whole) or _farthest_apart(expected.value, got.value) or whole(6)


def _told_apart(write: Callable[[int], tuple[str, str]]) -> tuple[str, str] | None:
    """The two texts that `write` makes, with the fewest digits that make them differ."""
    return next((pair for pair in map(write, (6, 9, 12, 17)) if pair[0] != pair[1]), None)


def _farthest_apart(expected: Any, got: Any) -> tuple[str, str] | None:
    """The entry in which two arrays differ most, where their beginnings are the same."""
    a, b = as_array(expected), as_array(got)
    if a is None or b is None or a.shape != b.shape or not a.ndim:
        return None
    differ = (a != b) & ~(np.isnan(a) & np.isnan(b))
    if not differ.any():
        return None
    with np.errstate(invalid="ignore"):
        apart = np.where(differ, np.nan_to_num(np.abs(a - b), nan=np.inf), -1)
    at = np.unravel_index(apart.argmax(), a.shape)
    where = f"at {[int(i) for i in at]}"
    return _told_apart(lambda digits: (f"{where}: {show(a[at], digits)}", f"{where}: {show(b[at], digits)}"))


def _describe(outcome: Outcome, digits: int) -> str:
    if isinstance(outcome.value, Unread):
        return "something else"
    if outcome.error is None:
        return show(outcome.value.detach() if isinstance(outcome.value, Tensor) else outcome.value, digits)
    return f"{type(outcome.error).__name__}: {outcome.error}".removesuffix(": ")


def _where(outcome: Outcome, question: Question) -> list[Part]:
    if outcome.line is None:
        return [f"The call itself failed. It should be possible to call `{question.signature}`."]
    function, number, text = outcome.line
    return [f"It happened in line {number} of your cell, in `{function}`:", Code(text)]


def _result(
    status: str, mistake: str | None, heading: str, parts: tuple[Part, ...], case: Case | None = None
) -> Result:
    args = None if case is None else copy.deepcopy(case.args)
    return Result(status, mistake, Card(_TONES[status], heading, parts), args)
