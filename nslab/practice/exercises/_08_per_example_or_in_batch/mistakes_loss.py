"""Exercise 08: the mistakes in the loss that are known by name."""

from __future__ import annotations

import math

import numpy as np

from nslab.practice._exercise import Case, Mutant
from nslab.practice._judge import agree, lost, not_finite
from nslab.practice._run import Outcome

# `keep[i, j]` is true where column j counts for row i: its positive, and the rows with another item.


def kept(B: int, ids: np.ndarray | None) -> np.ndarray:
    keep = np.ones((B, B), dtype=bool) if ids is None else ids[:, None] != ids
    keep |= np.eye(B, dtype=bool)
    if (keep.sum(1) < 2).any():
        raise ValueError("no negative is left")
    return keep


def masked(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None) -> np.ndarray:
    return np.where(kept(len(A), ids), A @ P.T / tau, -np.inf)


def lse(logits: np.ndarray) -> np.ndarray:
    """Over the last axis; −∞ where nothing is left."""
    top = logits.max(-1, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return np.log(np.exp(logits - top).sum(-1)) + top[..., 0]


def _rows(logits: np.ndarray) -> np.ndarray:
    return lse(logits) - np.diag(logits)


def _both(logits: np.ndarray) -> float:
    return float((_rows(logits).mean() + _rows(logits.T).mean()) / 2)


def _right_loss(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    return _both(masked(A, P, tau, ids))


def _ids_ignored(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    kept(len(A), ids)
    return _right_loss(A, P, tau)


def _positive_twice(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    logits = masked(A, P, tau, ids)
    own = np.diag(logits)
    ways = [np.logaddexp(lse(way), own) - own for way in (logits, logits.T)]
    return float(np.mean(ways))


def _without_positive(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    logits = masked(A, P, tau, ids)
    others = np.where(np.eye(len(A), dtype=bool), -np.inf, logits)
    return float(np.mean([lse(way) - np.diag(logits) for way in (others, others.T)]))


def _positive_masked(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    """`ids[:, None] == ids` holds on the diagonal as well."""
    return _right_loss(A, P, tau) if ids is None else _without_positive(A, P, tau, ids)


def _scores_zeroed(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    return _both(A @ P.T / tau * kept(len(A), ids))


def _later_only(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    keep = kept(len(A), ids) | np.tri(len(A), dtype=bool)
    return _both(np.where(keep, A @ P.T / tau, -np.inf))


def _masked_rows(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    """The mask is forgotten in the columns."""
    return float((_rows(masked(A, P, tau, ids)).mean() + _rows(P @ A.T / tau).mean()) / 2)


def _one_way_masked(case: Case, got: Outcome, own: Outcome) -> bool:
    A, P, *rest = case.args
    return any(agree(case, got, Outcome(_masked_rows(*pair, *rest)), 1e-8) for pair in ((A, P), (P, A)))


def _rows_dropped(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    kept(len(A), ids)
    if ids is None:
        return _right_loss(A, P, tau)
    first = np.sort(np.unique(ids, return_index=True)[1])
    return _right_loss(A[first], P[first], tau)


def _mean_of_negatives(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    keep = kept(len(A), ids)
    shift = np.where(np.eye(len(A), dtype=bool), 0.0, np.log(keep.sum(1) - 1.0)[:, None])
    logits = masked(A, P, tau, ids)
    return float((_rows(logits - shift).mean() + _rows(logits.T - shift).mean()) / 2)


def _one_softmax(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    logits = masked(A, P, tau, ids)
    return float((lse(logits.reshape(-1)) - np.diag(logits)).mean())


def _all_pairs(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    """Anchors among the anchors' negatives as well, as in NT-Xent."""
    keep = kept(len(A), ids) & ~np.eye(len(A), dtype=bool)
    logits = masked(A, P, tau, ids)
    ways = []
    for own, X in ((logits, A), (logits.T, P)):
        same_side = np.where(keep, X @ X.T / tau, -np.inf)
        ways.append(lse(np.concatenate([own, same_side], 1)) - np.diag(own))
    return float(np.mean(ways))


def _cosines(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    a, p = (X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-12) for X in (A, P))
    return _right_loss(a, p, tau, ids)


def _raw_exponentials(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    with np.errstate(all="ignore"):
        weight = np.exp(A @ P.T / tau) * kept(len(A), ids)
        rows, columns = (-np.log(np.diag(weight) / weight.sum(axis)) for axis in (1, 0))
        return float((rows.mean() + columns.mean()) / 2)


_REPEATED = (
    "Rows with equal ids hold the same item. You took only the diagonal out of the negatives, so these are false "
    "negatives: where rows 3 and 17 hold one item, anchor 3 is pushed away from its own positive in row 17."
)
OVERFLOW = (
    "exp(s/τ) left the range of float64: over 709 it is infinite, far below 0 every weight is 0. A softmax does "
    "not change when one number is taken from all its logits: make the largest of each softmax 0 first, and take the "
    "logarithm of its sum, not of a weight that may be 0."
)

LOSS = (
    Mutant("false negatives", _ids_ignored, _REPEATED),
    Mutant(
        "positive counted as a negative",
        _positive_twice,
        "The positive was counted as its own negative: the diagonal is in the sum over the row already. B scores in all, "
        "of which B − 1 are negatives.",
    ),
    Mutant(
        "positive not in the sum",
        _without_positive,
        "Your softmax runs over the negatives alone. The positive competes with them, so its exponential belongs into the "
        "sum as well (without it, the loss can fall below 0: the decoupled loss of Yeh et al.).",
    ),
    Mutant(
        "mask hides the positive",
        _positive_masked,
        "Every row has the same id as itself, so your mask hides the positive too. Repeats are the equal ids "
        "beside the diagonal.",
        lost,
    ),
    Mutant(
        "masked score of 0",
        _scores_zeroed,
        "A score of 0 is a score like any other, and weighs e⁰ = 1. What is masked must weigh nothing after the exponential.",
    ),
    Mutant(
        "masked on one side",
        _later_only,
        "Row 3 does not count row 17, but row 17 still counts row 3. Equal ids are equal both ways.",
    ),
    Mutant(
        "masked in one direction",
        _masked_rows,
        "The repeats are masked in one direction of the loss only. A positive must not be pushed from the anchors of its own item "
        "either.",
        _one_way_masked,
    ),
    Mutant(
        "repeated rows dropped",
        _rows_dropped,
        "You threw away the later rows of an item. Each of them is an anchor with a positive and counts in the mean; they are only "
        "not negatives of one another.",
    ),
    Mutant(
        "only anchor to positive",
        lambda A, P, tau, ids=None: float(_rows(masked(A, P, tau, ids)).mean()),
        "That is one direction: an anchor looks for its positive among the positives. The symmetric loss also lets each "
        "positive look for its anchor, and takes the mean.",
    ),
    Mutant(
        "only positive to anchor",
        lambda A, P, tau, ids=None: float(_rows(masked(A, P, tau, ids).T).mean()),
        "Your softmax runs down the columns: each positive looks for its anchor. That is one of the two directions; "
        "the other runs along the rows.",
    ),
    Mutant(
        "directions added",
        lambda A, P, tau, ids=None: 2 * _right_loss(A, P, tau, ids),
        "You added the two directions. Their mean is asked for, which stays comparable with a loss in one direction.",
    ),
    Mutant(
        "summed over the batch",
        lambda A, P, tau, ids=None: len(A) * _right_loss(A, P, tau, ids),
        "You added up the rows. The mean over the batch is asked for, or a larger batch would mean a larger step.",
    ),
    Mutant(
        "mean of the negatives",
        _mean_of_negatives,
        "You averaged the negatives' exponentials. InfoNCE sums them: more negatives make the task harder.",
    ),
    Mutant(
        "one softmax for the batch",
        _one_softmax,
        "Your softmax runs over all B × B scores at once. Each anchor has a softmax of its own, over its row.",
    ),
    Mutant(
        "anchors as negatives",
        _all_pairs,
        "You compare anchors with anchors too, as SimCLR's NT-Xent does, with 2(B − 1) negatives. Here an anchor borrows the "
        "other rows' positives alone.",
    ),
    Mutant(
        "anchors with anchors",
        lambda A, P, tau, ids=None: _right_loss(A, A, tau, ids),
        "Your scores compare anchors with anchors; the positives never come in. Score (i, j) is anchor i with positive j.",
    ),
    Mutant(
        "vectors normalised",
        _cosines,
        "You scaled the vectors to length 1. They are used as they are: whether a score is a cosine is for the caller "
        "to decide.",
    ),
    Mutant(
        "τ forgotten",
        lambda A, P, tau, ids=None: _right_loss(A, P, 1.0, ids),
        "The scores are not divided by τ.",
    ),
    Mutant(
        "times τ",
        lambda A, P, tau, ids=None: _right_loss(A, P, 1 / tau, ids),
        "You multiplied by τ. A lower temperature must widen the gaps between the scores.",
    ),
    Mutant(
        "sign",
        lambda A, P, tau, ids=None: -_right_loss(A, P, tau, ids),
        "The logarithm of a weight below 1 is negative; the loss is its negative, never below 0.",
    ),
    Mutant(
        "bits",
        lambda A, P, tau, ids=None: _right_loss(A, P, tau, ids) / math.log(2),
        "That is the loss in bits. It is asked for in nats: the natural logarithm.",
    ),
    Mutant("exp overflows", _raw_exponentials, OVERFLOW, not_finite),
)
