"""Exercise 08: the mistakes in the gradient that are known by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from nslab.practice._exercise import Case, Mutant
from nslab.practice._run import Outcome
from nslab.practice.exercises._08_per_example_or_in_batch.mistakes_loss import LOW, OVERFLOW, SHIFT
from nslab.practice.exercises._08_per_example_or_in_batch.wrong_losses import kept, lse, masked

Pair = tuple[np.ndarray, np.ndarray]


def _softmax(logits: np.ndarray) -> np.ndarray:
    return np.exp(logits - lse(logits)[:, None])


def _slopes(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None, *, pull: float = 1) -> Pair:
    """What each direction's loss, summed over the batch, does with each logit; both by anchor and
    positive.
    """
    logits, eye = masked(A, P, tau, ids), np.eye(len(A))
    return _softmax(logits) - pull * eye, _softmax(logits.T).T - pull * eye


def _chain(slope: np.ndarray, A: np.ndarray, P: np.ndarray, tau: float) -> Pair:
    return slope @ P / tau, slope.T @ A / tau


def _scaled(by: Any, A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None) -> Pair:
    rows, columns = _slopes(A, P, tau, ids)
    return _chain(by(len(A), tau) * (rows + columns), A, P, tau)


def _own_gradient(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> Pair:
    return _scaled(lambda B, _: 1 / (2 * B), A, P, tau, ids)


def _gradient_ids_ignored(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> Pair:
    kept(len(A), ids)
    return _own_gradient(A, P, tau)


def _push_only(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> Pair:
    rows, columns = _slopes(A, P, tau, ids, pull=0)
    return _chain((rows + columns) / (2 * len(A)), A, P, tau)


def _one_way(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> Pair:
    return _chain(_slopes(A, P, tau, ids)[0] / len(A), A, P, tau)


def _rows_twice(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> Pair:
    """The columns' slopes left transposed."""
    rows, columns = _slopes(A, P, tau, ids)
    return _chain((rows + columns.T) / (2 * len(A)), A, P, tau)


def _own_side(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> Pair:
    rows, columns = _slopes(A, P, tau, ids)
    slope = (rows + columns) / (2 * len(A))
    return slope @ A / tau, slope.T @ P / tau


def _not_transposed(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> Pair:
    rows, columns = _slopes(A, P, tau, ids)
    slope = (rows + columns) / (2 * len(A))
    return slope @ P / tau, slope @ A / tau


def _gradient_raw(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> Pair:
    keep, eye = kept(len(A), ids), np.eye(len(A))
    with np.errstate(all="ignore"):
        weight = np.exp(A @ P.T / tau) * keep
        rows, columns = weight / weight.sum(1, keepdims=True), weight / weight.sum(0)
        return _chain((rows + columns - 2 * eye) / (2 * len(A)), A, P, tau)


def _any_not_finite(case: Case, got: Outcome, own: Outcome) -> bool:
    if got.error is not None:
        return isinstance(got.error, OverflowError | ZeroDivisionError)
    try:
        return not np.isfinite(np.asarray(got.value, dtype=np.float64)).all()
    except (TypeError, ValueError, RuntimeError):
        return False


def _pulled_once(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> Pair:
    rows, columns = _slopes(A, P, tau, ids, pull=0.5)
    return _chain((rows + columns) / (2 * len(A)), A, P, tau)


def _alike_pulled(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> Pair:
    rows, columns = _slopes(A, P, tau, ids, pull=0)
    alike = np.eye(len(A)) if ids is None else ids[:, None] == ids
    return _chain((rows + columns - 2 * alike) / (2 * len(A)), A, P, tau)


def _each_by_its_own(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> Pair:
    rows, columns = _slopes(A, P, tau, ids)
    return rows @ P / (tau * len(A)), columns.T @ A / (tau * len(A))


def _one_shift(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> Pair:
    logits, eye = masked(A, P, tau, ids), np.eye(len(A))
    with np.errstate(all="ignore"):
        weight = np.exp(logits - logits.max())
        rows, columns = weight / weight.sum(1, keepdims=True), weight / weight.sum(0)
        return _chain((rows + columns - 2 * eye) / (2 * len(A)), A, P, tau)


def _low_mask(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> Pair:
    logits, eye = np.where(kept(len(A), ids), A @ P.T / tau, -100.0), np.eye(len(A))
    slope = _softmax(logits) + _softmax(logits.T).T - 2 * eye
    return _chain(slope / (2 * len(A)), A, P, tau)


GRADIENT = (
    Mutant(
        "false negatives",
        _gradient_ids_ignored,
        "Rows with equal ids still push each other. A masked score has no weight, so it passes no"
        " gradient on.",
    ),
    Mutant(
        "push without pull",
        _push_only,
        "Each softmax's slope at its positive is the weight less 1: that is the pull. Yours holds the weights"
        " alone.",
    ),
    Mutant(
        "direction of the step",
        lambda A, P, tau, ids=None: _scaled(lambda B, _: -1 / (2 * B), A, P, tau, ids),
        "That is where to step, the negative of the gradient. Whoever calls takes the step.",
    ),
    Mutant(
        "τ forgotten in the chain",
        lambda A, P, tau, ids=None: _scaled(lambda B, tau: tau / (2 * B), A, P, tau, ids),
        "A logit is a score over τ, so one more 1/τ comes in on the way from logits to scores.",
    ),
    Mutant(
        "summed over the batch",
        lambda A, P, tau, ids=None: _scaled(lambda B, _: 1 / 2, A, P, tau, ids),
        "This is the gradient of the sum over the batch. The loss is a mean over its B rows.",
    ),
    Mutant(
        "directions added",
        lambda A, P, tau, ids=None: _scaled(lambda B, _: 1 / B, A, P, tau, ids),
        "This is the gradient of the two directions added. The loss is their mean.",
    ),
    Mutant(
        "only anchor to positive",
        _one_way,
        "Only the softmaxes along the rows are in it. Those down the columns pull and push as well.",
    ),
    Mutant(
        "columns not turned back",
        _rows_twice,
        "The columns' weights come out with the positive first. Turn them back before they are added to the"
        " rows' weights, or score (i, j) gets the slope of score (j, i).",
    ),
    Mutant(
        "moved by one's own side",
        _own_side,
        "The score of anchor i and positive j changes with the anchor along the positive, and the other way"
        " round.",
    ),
    Mutant(
        "slopes not transposed",
        _not_transposed,
        "Positive j collects from all anchors: column j of the slopes, not row j.",
    ),
    Mutant(
        "anchors and positives swapped",
        lambda A, P, tau, ids=None: _own_gradient(A, P, tau, ids)[::-1],
        "Both gradients are right, in the other order: the anchors' comes first.",
    ),
    Mutant(
        "pulled once",
        _pulled_once,
        "A score on the diagonal is the positive in two softmaxes, its row's and its column's. Each takes 1"
        " away, yours only one of them.",
    ),
    Mutant(
        "equal ids pulled",
        _alike_pulled,
        "You pull rows with equal ids together. They are only no negatives of each other: their scores have"
        " no slope at all.",
    ),
    Mutant(
        "each side from one direction",
        _each_by_its_own,
        "Your anchors move by the rows' softmaxes alone, and the positives by the columns'. Every score is in"
        " both, so both move both sides.",
    ),
    Mutant("exp overflows", _gradient_raw, OVERFLOW, _any_not_finite),
    Mutant("one shift for all", _one_shift, SHIFT, _any_not_finite),
    Mutant("mask not low enough", _low_mask, LOW),
)
