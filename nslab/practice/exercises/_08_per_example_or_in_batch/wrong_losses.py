"""Exercise 08: the losses that wrong answers amount to, and how they are recognised."""

from __future__ import annotations

import numpy as np

from nslab.practice._exercise import Case
from nslab.practice._judge import agree
from nslab.practice._judgements import answered
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


def rows(logits: np.ndarray) -> np.ndarray:
    return lse(logits) - np.diag(logits)


def both(logits: np.ndarray) -> float:
    return float((rows(logits).mean() + rows(logits.T).mean()) / 2)


def right_loss(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    return both(masked(A, P, tau, ids))


def ids_ignored(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    kept(len(A), ids)
    return right_loss(A, P, tau)


def positive_twice(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    logits = masked(A, P, tau, ids)
    own = np.diag(logits)
    ways = [np.logaddexp(lse(way), own) - own for way in (logits, logits.T)]
    return float(np.mean(ways))


def without_positive(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    logits = masked(A, P, tau, ids)
    others = np.where(np.eye(len(A), dtype=bool), -np.inf, logits)
    return float(np.mean([lse(way) - np.diag(logits) for way in (others, others.T)]))


def positive_masked(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    """`ids[:, None] == ids` holds on the diagonal as well."""
    return right_loss(A, P, tau) if ids is None else without_positive(A, P, tau, ids)


def scores_zeroed(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    return both(A @ P.T / tau * kept(len(A), ids))


def later_only(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    keep = kept(len(A), ids) | np.tri(len(A), dtype=bool)
    return both(np.where(keep, A @ P.T / tau, -np.inf))


def masked_rows(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    """The mask is forgotten in the columns."""
    return float((rows(masked(A, P, tau, ids)).mean() + rows(P @ A.T / tau).mean()) / 2)


def one_way_masked(case: Case, got: Outcome, own: Outcome) -> bool:
    A, P, *rest = case.args
    return any(agree(case, got, Outcome(masked_rows(*pair, *rest)), 1e-8) for pair in ((A, P), (P, A)))


def rows_dropped(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    kept(len(A), ids)
    if ids is None:
        return right_loss(A, P, tau)
    first = np.sort(np.unique(ids, return_index=True)[1])
    return right_loss(A[first], P[first], tau)


def mean_of_negatives(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    keep = kept(len(A), ids)
    shift = np.where(np.eye(len(A), dtype=bool), 0.0, np.log(keep.sum(1) - 1.0)[:, None])
    logits = masked(A, P, tau, ids)
    return float((rows(logits - shift).mean() + rows(logits.T - shift).mean()) / 2)


def one_softmax(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    logits = masked(A, P, tau, ids)
    return float((lse(logits.reshape(-1)) - np.diag(logits)).mean())


def all_pairs(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    """Anchors among the anchors' negatives as well, as in NT-Xent."""
    keep = kept(len(A), ids) & ~np.eye(len(A), dtype=bool)
    logits = masked(A, P, tau, ids)
    ways = []
    for own, X in ((logits, A), (logits.T, P)):
        same_side = np.where(keep, X @ X.T / tau, -np.inf)
        ways.append(lse(np.concatenate([own, same_side], 1)) - np.diag(own))
    return float(np.mean(ways))


def cosines(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    a, p = (X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-12) for X in (A, P))
    return right_loss(a, p, tau, ids)


def raw_exponentials(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    with np.errstate(all="ignore"):
        weight = np.exp(A @ P.T / tau) * kept(len(A), ids)
        ways = [-np.log(np.diag(weight) / weight.sum(axis)) for axis in (1, 0)]
        return float(np.mean(ways))


def first_only(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    """The mean leaves out the later rows of an item; as negatives they stay."""
    logits = masked(A, P, tau, ids)
    first = slice(None) if ids is None else np.unique(ids, return_index=True)[1]
    return float((rows(logits)[first].mean() + rows(logits.T)[first].mean()) / 2)


def single_only(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    """The mean leaves out every row whose item comes again."""
    logits = masked(A, P, tau, ids)
    alone = np.ones(len(A), bool) if ids is None else (ids[:, None] == ids).sum(1) == 1
    both = (rows(logits) + rows(logits.T)) / 2
    return float(both[alone].sum() / max(1, alone.sum()))


def alike_pulled(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    kept(len(A), ids)
    logits = A @ P.T / tau
    alike = np.eye(len(A), dtype=bool) if ids is None else ids[:, None] == ids
    ways = [((lse(way)[:, None] - way) * alike).sum(1) / alike.sum(1) for way in (logits, logits.T)]
    return float(np.mean(ways))


def distances(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    keep = kept(len(A), ids)
    squares = ((A[:, None] - P) ** 2).sum(-1)
    return both(np.where(keep, -squares / tau, -np.inf))


def low_mask(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    return both(np.where(kept(len(A), ids), A @ P.T / tau, -100.0))


def one_shift(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    logits = masked(A, P, tau, ids)
    with np.errstate(divide="ignore"):
        ways = [np.log(np.exp(logits - logits.max()).sum(axis)) for axis in (1, 0)]
    return float(np.mean(ways) + logits.max() - np.diag(logits).mean())


def clipped(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    logits = masked(A, P, tau, ids)
    return float(np.mean([-np.log(np.exp(-rows(way)) + 1e-12) for way in (logits, logits.T)]))


def too_small(case: Case, got: Outcome, own: Outcome) -> bool:
    """A number that is finite and below the loss."""
    return answered(case, got, own) and 0 < float(got.value) < 0.999 * right_loss(*case.args)


def finite(case: Case, got: Outcome, own: Outcome) -> bool:
    return answered(case, got, own) and bool(np.isfinite(float(got.value)))
