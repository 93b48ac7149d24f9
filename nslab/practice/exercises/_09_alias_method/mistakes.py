"""Exercise 09: the mistakes in reading a table that are known by name."""

from __future__ import annotations

import numpy as np

from nslab.practice._exercise import Case, Mutant
from nslab.practice._judgements import as_array
from nslab.practice._run import Outcome


def _checked(prob: np.ndarray, alias: np.ndarray) -> int:
    if len(prob) != len(alias) or alias.min() < 0 or alias.max() >= len(prob):
        raise ValueError("no table")
    return len(prob)


def _booked(prob: np.ndarray, alias: np.ndarray, own: np.ndarray, given: np.ndarray) -> np.ndarray:
    n = _checked(prob, alias)
    return (own + np.bincount(alias, given, n)) / n


def _buffered(prob: np.ndarray, alias: np.ndarray) -> np.ndarray:
    n = _checked(prob, alias)
    q = prob.copy()
    q[alias] += 1 - prob
    return q / n


def _overwritten(prob: np.ndarray, alias: np.ndarray) -> np.ndarray:
    n = _checked(prob, alias)
    q = prob / n
    for i, a in enumerate(alias):
        q[a] = (1 - prob[i]) / n
    return q


def _assigned(prob: np.ndarray, alias: np.ndarray) -> np.ndarray:
    n = _checked(prob, alias)
    q = np.zeros(n)
    for i, a in enumerate(alias):
        q[i] = prob[i] / n
        q[a] += (1 - prob[i]) / n
    return q


def _own_part(prob: np.ndarray, alias: np.ndarray) -> np.ndarray:
    n = _checked(prob, alias)
    return prob / n + np.bincount(alias, 1 - prob, n)


def _too_few_bins(prob: np.ndarray, alias: np.ndarray) -> np.ndarray:
    _checked(prob, alias)
    return (prob + np.bincount(alias, 1 - prob)) / len(prob)


def _normalised(prob: np.ndarray, alias: np.ndarray) -> np.ndarray:
    _checked(prob, alias)
    return prob / prob.sum()


def _gathered(prob: np.ndarray, alias: np.ndarray) -> np.ndarray:
    n = _checked(prob, alias)
    return (prob + (1 - prob)[alias]) / n


def _unchecked(prob: np.ndarray, alias: np.ndarray) -> np.ndarray:
    q = np.zeros(len(prob))
    for i, a in enumerate(alias):
        q[i] += prob[i] / len(prob)
        q[a] += (1 - prob[i]) / len(prob)
    return q


def _let_through(case: Case, got: Outcome, own: Outcome) -> bool:
    return got.error is None or isinstance(got.error, IndexError)


def _off_by_chance(case: Case, got: Outcome, own: Outcome) -> bool:
    """Further from the truth than rounding, nearer than a mistake in the formula."""
    value = as_array(got.value)
    if got.error is not None or value is None or value.shape != case.args[0].shape:
        return False
    prob, alias = case.args
    return 1e-6 < np.abs(value - _booked(prob, alias, prob, 1 - prob)).max() < 0.03


_ASSIGNED = (
    "A share was assigned where it should be added: an id gets shares from several columns, and all of them"
    " count."
)
_FORGOTTEN = (
    "You counted what each column keeps. What it does not keep goes to its alias and is still missing."
)
RECONSTRUCT = (
    Mutant(
        "repeated alias",
        _buffered,
        "An id that is the alias of several columns got only one of their shares: with a repeated index,"
        " numpy's `x[ids] += y` adds once. Use a loop, `np.add.at` or `np.bincount`.",
    ),
    Mutant("overwritten", _overwritten, _ASSIGNED),
    Mutant("overwritten", _assigned, _ASSIGNED),
    Mutant(
        "divided in part",
        _own_part,
        "You divided one of the two shares by N and not the other. Column and side belong together: both"
        " shares of a column come once in N throws.",
    ),
    Mutant(
        "own share forgotten",
        lambda prob, alias: _booked(prob, alias, 0 * prob, 1 - prob),
        "You counted what aliases get. What each column keeps for its own id is still missing.",
    ),
    Mutant(
        "too few ids",
        _too_few_bins,
        "`np.bincount` stops at the largest alias, and ids after it are lost. Tell it how many ids there"
        " are.",
        lambda case, got, own: isinstance(got.error, ValueError),
    ),
    Mutant("alias forgotten", _normalised, _FORGOTTEN),
    Mutant(
        "read the wrong way",
        _gathered,
        "You gave an id what its own alias has to give away. The share goes the other way: from the column to"
        " the id that is its alias.",
    ),
    Mutant(
        "heights for probabilities",
        lambda prob, alias: _booked(prob, alias, prob, 1 - prob) * len(prob),
        "These sum to N: they are heights of columns. Each column is thrown once in N times.",
    ),
    Mutant(
        "alias forgotten",
        lambda prob, alias: prob / _checked(prob, alias),
        _FORGOTTEN,
    ),
    Mutant(
        "coin reversed",
        lambda prob, alias: _booked(prob, alias, 1 - prob, prob),
        "The two shares are swapped: `prob` is what the column's own id keeps, the alias gets the rest.",
    ),
    Mutant(
        "a second coin",
        lambda prob, alias: _booked(prob, alias, prob, (1 - prob) * prob[alias]),
        "You tossed the alias's own coin too. An alias is taken as it is, whatever its own column says.",
    ),
    Mutant(
        "whole columns",
        lambda prob, alias: _booked(prob, alias, prob, np.ones(len(prob))),
        "A column gives its alias only what its own id does not keep, not a whole column.",
    ),
    Mutant(
        "broken table read",
        _unchecked,
        "An alias outside 0 … N−1 is no id, and Python takes −1 as the last one: raise ValueError, else a"
        " broken table goes unseen.",
        _let_through,
    ),
    Mutant(
        "drawn, not summed",
        lambda prob, alias: _booked(prob, alias, prob, 1 - prob) + 1e-3,
        "Your numbers are near, and off by luck: you drew. Add up what each column keeps and gives, and no"
        " luck is left.",
        _off_by_chance,
    ),
)
