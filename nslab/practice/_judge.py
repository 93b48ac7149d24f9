"""Comparing outcomes with the truth, and saying which mistake a wrong answer looks like."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np

from nslab.practice._exercise import Case, Measure, Mutant, Question, Same
from nslab.practice._judgements import as_array
from nslab.practice._run import Outcome, Run, call

# What reading a value of another form than expected may raise.
UNREADABLE = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RuntimeError)


@dataclass(frozen=True)
class Verdict:
    """A named mistake with its diagnosis, and the cases that show it."""

    name: str | None
    diagnosis: str
    cases: list[int]


@dataclass(frozen=True)
class Unread:
    """An answer that `Question.measure` could not read, and why."""

    reason: str


@lru_cache
def prepared(question: Question, seed: int) -> tuple[tuple[Case, ...], tuple[Outcome, ...]]:
    """The cases for a seed, and what the specification gives on each."""
    cases = tuple(question.cases(seed))
    return cases, outcomes_of(question, question.truth, cases)


def outcomes_of(question: Question, fn: Callable[..., Any], cases: Sequence[Case]) -> tuple[Outcome, ...]:
    """What a trusted function gives on each case, as it is compared."""
    return measured(question, cases, [call(fn, case.args) for case in cases])


def measured(question: Question, cases: Sequence[Case], got: Sequence[Outcome]) -> tuple[Outcome, ...]:
    """The outcomes as they are compared: through `question.measure` where there is one."""
    if question.measure is None:
        return tuple(got)
    return tuple(_measured(question.measure, case, outcome) for case, outcome in zip(cases, got, strict=True))


def _measured(measure: Measure, case: Case, outcome: Outcome) -> Outcome:
    if outcome.error is not None or outcome.value is None:
        return outcome
    try:
        return replace(outcome, value=measure(case.args, outcome.value))
    except UNREADABLE as error:
        return replace(outcome, value=Unread(str(error)))


def agree(case: Case, got: Outcome, reference: Outcome, rtol: float) -> bool:
    """Numbers of one shape within the tolerance, NaN beside NaN, or an error where the same kind is due."""
    if got.error or reference.error:
        return isinstance(got.error, type(reference.error))
    x, y = as_array(got.value), as_array(reference.value)
    if x is None or y is None or x.shape != y.shape:
        return False
    return _close(x, y, rtol, case.atol)


def _close(x: np.ndarray, y: np.ndarray, rtol: float, atol: float) -> bool:
    """`np.allclose` with NaN beside NaN, in a sixth of its time: a verdict asks it a thousand times."""
    near = np.isfinite(y) & (np.abs(x - y) <= atol + rtol * np.abs(y))
    return bool((near | (x == y) | ((x != x) & (y != y))).all())


def wrong_cases(
    question: Question, cases: Sequence[Case], got: Sequence[Outcome], truth: Sequence[Outcome]
) -> list[int]:
    """Indices of the cases that came out wrong."""
    return [i for i, case in enumerate(cases) if not agree(case, got[i], truth[i], question.rtol)]


def diagnose(question: Question, seed: int, got: Sequence[Outcome], wrong: list[int]) -> Verdict:
    """The known mistake that a wrong answer looks like, else one that any function can make, else no name.

    Where a second known mistake explains what the first leaves over, the diagnosis names it too.
    """
    cases, truth = prepared(question, seed)
    first = _known_mistake(question, seed, got, wrong)
    if first is None:
        return _anyones_mistake([(cases[i], got[i], truth[i]) for i in wrong], wrong)
    rest = [i for i in wrong if i not in first.cases]
    second = _known_mistake(question, seed, got, rest, explained=first.cases)
    if second is None or second.name == first.name:
        return first
    return replace(
        first, diagnosis=f"{first.diagnosis} And a second mistake, {second.name}: {second.diagnosis}"
    )


def fault(question: Question, seed: int, ran: Run) -> tuple[str, str] | None:
    """What is wrong with an answer whose numbers are right: a name and a diagnosis."""
    cases, _ = prepared(question, seed)
    if any(outcome.changed_input for outcome in ran.outcomes):
        text = "The caller's array is different after the call. Work on a copy: `s = s - x`, not `s -= x`."
        return "changes its input", text
    if ran.changed_random_state:
        text = (
            "The call moved the global random state of Python, numpy or torch. Use a generator of your own."
        )
        return "global random state", text
    for case, outcome in zip(cases, ran.outcomes, strict=True):
        if _is_narrow(outcome.value) and max(question.rtol, case.atol) < 1e-6:
            text = "The result is float32 or smaller. The input comes in float64: keep that to the end."
            return "float32", text
    return None


def _is_narrow(value: Any) -> bool:
    parts = value if isinstance(value, tuple) else (value,)
    return any(str(getattr(part, "dtype", "")).endswith(("float32", "float16")) for part in parts)


def unattempted(fn: Callable[..., Any], got: Sequence[Outcome]) -> bool:
    """True for a stub: it raises NotImplementedError, or its body does nothing and returns None."""
    if not got:
        return False
    if all(isinstance(outcome.error, NotImplementedError) for outcome in got):
        return True
    code = getattr(fn, "__code__", None)
    idle = (
        code is not None
        and not code.co_names
        and code.co_nlocals == code.co_argcount + code.co_kwonlyargcount
    )
    return idle and all(outcome.value is None and outcome.error is None for outcome in got)


@lru_cache
def _mutants(question: Question, seed: int) -> tuple[tuple[Mutant, tuple[Outcome, ...], frozenset[int]], ...]:
    """Each mutant with what it gives on each case, and the cases that it gets wrong."""
    cases, truth = prepared(question, seed)
    own = [outcomes_of(question, mutant.wrong, cases) for mutant in question.mutants]
    wrong = [frozenset(wrong_cases(question, cases, outcomes, truth)) for outcomes in own]
    return tuple(zip(question.mutants, own, wrong, strict=True))


def _equal(rtol: float, case: Case, got: Outcome, own: Outcome) -> bool:
    return agree(case, got, own, rtol)


def _alike(same: Same, case: Case, got: Outcome, own: Outcome) -> bool:
    """What a mutant's `same` says; an answer of a form that it cannot read is not alike."""
    try:
        return bool(same(case, got, own))
    except UNREADABLE:
        return False


def _known_mistake(
    question: Question, seed: int, got: Sequence[Outcome], wrong: list[int], explained: Sequence[int] = ()
) -> Verdict | None:
    """The mutant that an answer looks like most, judged on the cases that are not yet explained.

    An answer looks like a mutant when at least half of the cases that either gets wrong are wrong in both
    alike.
    """
    cases, _ = prepared(question, seed)
    best, best_share = None, 0.0
    for mutant, own, all_wrong in _mutants(question, seed):
        same = mutant.same or partial(_equal, question.rtol)
        own_wrong = all_wrong.difference(explained)
        shared = [i for i in wrong if i in own_wrong and _alike(same, cases[i], got[i], own[i])]
        share = len(shared) / max(1, len(own_wrong.union(wrong)))
        if share >= 0.5 and share > best_share:
            best, best_share = Verdict(mutant.name, mutant.diagnosis, shared), share
    return best


def _anyones_mistake(wrong_calls: Sequence[tuple[Case, Outcome, Outcome]], wrong: list[int]) -> Verdict:
    silent = [
        i
        for i, (_, got, expected) in zip(wrong, wrong_calls, strict=True)
        if expected.error and not got.error
    ]
    if 2 * len(silent) >= len(wrong):
        text = (
            "There is no answer to this input, and your function returned all the same. `raise` the error"
            " instead."
        )
        return Verdict("no error raised", text, silent)
    if all(got.error and expected.error for _, got, expected in wrong_calls):
        raised, due = (type(outcome.error).__name__ for outcome in wrong_calls[0][1:])
        text = f"An error is right here, but {raised} is another: `raise {due}(...)`."
        return Verdict("another error", text, wrong)
    if all(refused(got) and not expected.error for _, got, expected in wrong_calls):
        return Verdict("refused", "This input has an answer, and your function refuses it.", wrong)
    values = [got.value for _, got, expected in wrong_calls if got.error is None and expected.error is None]
    if len(values) < len(wrong_calls):
        return Verdict(None, "", wrong)
    if all(value is None for value in values):
        return Verdict("nothing returned", "Your function returned `None`: is a `return` missing?", wrong)
    if unread := next((value for value in values if isinstance(value, Unread)), None):
        return Verdict(
            "not readable", f"What came back is not of the form asked for: {unread.reason}.", wrong
        )
    read = [(as_array(got.value), as_array(expected.value)) for _, got, expected in wrong_calls]
    arrays = [(a, b) for a, b in read if a is not None and b is not None]
    if len(arrays) < len(read):
        return Verdict("not a number", "What came back holds something that is not a real number.", wrong)
    if all(a.shape != b.shape for a, b in arrays):
        kind = "list" if isinstance(values[0], list | tuple) else "shape"
        a, b = arrays[0]
        wanted = f"shape {b.shape}" if b.ndim else "one number"
        back = "a list" if kind == "list" else "an array"
        return Verdict(kind, f"You returned {back} of shape {a.shape}; {wanted} is asked for.", wrong)
    if all(a.shape == b.shape and np.allclose(a, b, rtol=1e-3, atol=1e-5) for a, b in arrays):
        smallest = min(range(len(arrays)), key=lambda i: wrong_calls[i][0].size)
        you, asked = _told_apart(*arrays[smallest])
        text = (
            f"Right to a few digits only: {you} where {asked} is asked for. Usual reasons: float32 on the"
            " way, a difference quotient, a search that stops early, a small number added inside a"
            " logarithm."
        )
        return Verdict("imprecise", text, wrong)
    if all(a.shape == b.shape and np.allclose(a, b, rtol=0.05, atol=1e-5) for a, b in arrays):
        text = "Near, but not it: something small is left out, or a search has not arrived."
        return Verdict("nearly right", text, wrong)
    return Verdict(None, "", wrong)


def refused(outcome: Outcome) -> bool:
    """Whether the learner's own line raises ValueError, as one does for an input that has no answer."""
    _, _, line = outcome.line or ("", 0, "")
    return isinstance(outcome.error, ValueError) and re.search(r"(^|: *)raise\b", line) is not None


def _told_apart(got: np.ndarray, expected: np.ndarray) -> tuple[str, str]:
    """The entries that differ most, with as many digits as it takes to see it."""
    worst = np.abs(got - expected).argmax()
    pair = float(got.flat[worst]), float(expected.flat[worst])
    texts = [(f"{pair[0]:.{digits}g}", f"{pair[1]:.{digits}g}") for digits in range(6, 18)]
    return next(two for two in texts if two[0] != two[1])
