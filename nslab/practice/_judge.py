"""Comparing outcomes with the truth, and saying which mistake a wrong answer looks like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
from torch import Tensor

from nslab.practice._exercise import Case, Question
from nslab.practice._run import Outcome, Run, call


@dataclass(frozen=True)
class Verdict:
    """A named mistake with its diagnosis, and the cases that show it."""

    name: str | None
    diagnosis: str
    cases: list[int]


@lru_cache
def prepared(question: Question, seed: int) -> tuple[tuple[Case, ...], tuple[Outcome, ...]]:
    """The cases for a seed, and what the specification gives on each."""
    cases = tuple(question.cases(seed))
    return cases, tuple(call(question.truth, case.args) for case in cases)


def agree(case: Case, got: Outcome, reference: Outcome, rtol: float) -> bool:
    """Numbers of one shape within the tolerance, NaN beside NaN, or an error where the same kind is due."""
    if got.error or reference.error:
        return isinstance(got.error, type(reference.error))
    x, y = as_array(got.value), as_array(reference.value)
    if x is None or y is None or x.shape != y.shape:
        return False
    return np.allclose(x, y, rtol=rtol, atol=case.atol, equal_nan=True)


def wrong_cases(
    question: Question, cases: Sequence[Case], got: Sequence[Outcome], truth: Sequence[Outcome]
) -> list[int]:
    """Indices of the cases that came out wrong."""
    return [i for i, case in enumerate(cases) if not agree(case, got[i], truth[i], question.rtol)]


def diagnose(question: Question, seed: int, got: Sequence[Outcome], wrong: list[int]) -> Verdict:
    """The known mistake that a wrong answer looks like, else one that any function can make, else no name.

    An answer looks like a mutant when at least half of the cases that either gets wrong are wrong in both alike.
    """
    cases, truth = prepared(question, seed)
    best, best_share = _anyones_mistake([(got[i], truth[i]) for i in wrong], wrong), 0.0
    for mutant, own in zip(question.mutants, _mutant_outcomes(question, seed), strict=True):
        same = mutant.same or partial(_equal, question.rtol)
        own_wrong = wrong_cases(question, cases, own, truth)
        shared = [i for i in wrong if i in own_wrong and same(cases[i], got[i], own[i])]
        share = len(shared) / len({*wrong, *own_wrong})
        if share >= 0.5 and share > best_share:
            best, best_share = Verdict(mutant.name, mutant.diagnosis, shared), share
    return best


def fault(got: Sequence[Outcome], ran: Run) -> tuple[str, str] | None:
    """What is wrong with an answer whose numbers are right: a name and a diagnosis."""
    if any(outcome.changed_input for outcome in got):
        text = "The caller's array is different after the call. Work on a copy: `s = s - x`, not `s -= x`."
        return "changes its input", text
    if ran.changed_random_state:
        text = (
            "The call moved the global random state of Python, numpy or torch. Use a generator of your own."
        )
        return "global random state", text
    if any(str(getattr(o.value, "dtype", "")).endswith(("float32", "float16")) for o in got):
        return (
            "float32",
            "The result is float32 or smaller. The input comes in float64: keep that to the end.",
        )
    return None


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


def as_array(value: Any) -> np.ndarray | None:
    """The value as float64, or None when it holds no real numbers."""
    if value is None or isinstance(value, bool | str | complex):
        return None
    if isinstance(value, Tensor):
        value = value.detach().cpu()
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError):
        return None


@lru_cache
def _mutant_outcomes(question: Question, seed: int) -> tuple[tuple[Outcome, ...], ...]:
    cases, _ = prepared(question, seed)
    return tuple(tuple(call(mutant.wrong, case.args) for case in cases) for mutant in question.mutants)


def _equal(rtol: float, case: Case, got: Outcome, own: Outcome) -> bool:
    return agree(case, got, own, rtol)


def _anyones_mistake(pairs: Sequence[tuple[Outcome, Outcome]], wrong: list[int]) -> Verdict:
    values = [got.value for got, expected in pairs if got.error is None and expected.error is None]
    if len(values) < len(pairs):
        return Verdict(None, "", wrong)
    if all(value is None for value in values):
        return Verdict("nothing returned", "Your function returned `None`: is a `return` missing?", wrong)
    read = [(as_array(got.value), np.asarray(expected.value)) for got, expected in pairs]
    arrays = [(a, b) for a, b in read if a is not None]
    if len(arrays) < len(read):
        return Verdict("not a number", "What came back holds something that is not a real number.", wrong)
    if all(a.shape != b.shape for a, b in arrays):
        kind = "list" if isinstance(values[0], list | tuple) else "shape"
        a, b = arrays[0]
        wanted = f"shape {b.shape}" if b.ndim else "one number"
        back = "a list" if kind == "list" else "an array"
        return Verdict(kind, f"You returned {back} of shape {a.shape}; {wanted} is asked for.", wrong)
    if all(a.shape == b.shape and np.allclose(a, b, rtol=1e-3, atol=1e-5) for a, b in arrays):
        text = (
            "Right to a few digits only. Usual reasons: float32 on the way, a difference quotient, a search "
        )
        return Verdict(
            "imprecise", text + "that stops early, a small number added inside a logarithm.", wrong
        )
    return Verdict(None, "", wrong)
