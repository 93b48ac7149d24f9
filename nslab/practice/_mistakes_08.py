"""Exercise 08: the mistakes that are known by name."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nslab.practice._exercise import Case, Mutant
from nslab.practice._judge import not_finite
from nslab.practice._run import Outcome

# Counts. A learner may make one mistake in the bytes and another in the calls: each field is judged by itself.


def _own(
    B: int,
    K: int,
    d: int,
    bytes: int,
    *,
    calls: int | None = None,
    vectors: int | None = None,
    scores: int | None = None,
) -> dict[str, Any]:
    return _filled(d, bytes, B * (K + 2), B * (K + 1), calls, vectors, scores)


def _lent(
    B: int,
    d: int,
    bytes: int,
    *,
    calls: int | None = None,
    vectors: int | None = None,
    scores: int | None = None,
) -> dict[str, Any]:
    return _filled(d, bytes, 2 * B, B * B, calls, vectors, scores)


def _filled(
    d: int, size: int, items: int, held: int, calls: int | None, vectors: int | None, scores: int | None
) -> dict[str, Any]:
    calls, vectors = items if calls is None else calls, items if vectors is None else vectors
    scores = held if scores is None else scores
    return {"bytes": (vectors * d + scores) * size, "flops": 2 * scores * d, "encoder_calls": calls}


def _right(case: Case) -> dict[str, Any]:
    return _own(*case.args) if len(case.args) == 4 else _lent(*case.args)


def _field(case: Case, got: Outcome, own: Outcome) -> bool:
    """One of the counts that the mutant gets wrong is wrong alike."""
    if not isinstance(got.value, dict) or not isinstance(own.value, dict):
        return False
    right = _right(case)
    return any(own.value[name] != right[name] and got.value[name] == own.value[name] for name in right)


def _no_integer(case: Case, got: Outcome, own: Outcome) -> bool:
    """Whole floats, all of them right."""
    return got.value == own.value


def _in_thousands(case: Case, got: Outcome, own: Outcome) -> bool:
    if not isinstance(got.value, dict) or not got.value["bytes"]:
        return False
    ratio = _right(case)["bytes"] / got.value["bytes"]
    return any(math.isclose(ratio, unit**power) for unit in (1000, 1024) for power in (1, 2, 3))


def _shuffled(case: Case, got: Outcome, own: Outcome) -> bool:
    """The right three numbers under other names."""
    if not isinstance(got.value, dict):
        return False
    right = _right(case)
    counts = [got.value[name] for name in right]
    return counts != [*right.values()] and sorted(counts) == sorted(right.values())


def _as_floats(counts: dict[str, Any]) -> dict[str, Any]:
    return {name: float(count) for name, count in counts.items()}


def _other_order(counts: dict[str, Any]) -> tuple[Any, ...]:
    return counts["encoder_calls"], counts["bytes"], counts["flops"]


_MULTIPLY_ADD = (
    "A dot product of d numbers is d multiplications and their sum. You counted the multiplications "
    "alone (some call that multiply-adds, MACs); a FLOP count has both."
)
_NO_SCORES = (
    "The scores are numbers too, and are held with the vectors. In a large batch they are most of the memory."
)
_NO_VECTORS = "You counted the scores alone. The vectors that they are made of are held as well."
_NUMBERS = "You counted numbers. Each takes `bytes` bytes: the vectors' and the scores'."
_MEGA = "You returned kilobytes, megabytes or the like. Whole bytes are asked for: a count is exact, and easily divided later."
_FLOATS = (
    "These are counts, so integers: beyond 2⁵³ a float leaves whole numbers out. A division with `/` or a "
    "factor such as `2.0` makes a float of any count."
)
_ORDER = (
    "The three numbers are right, under other names: as a dict, look at the keys; as a tuple, the order is bytes, "
    "FLOPs, encoder calls."
)

PER_EXAMPLE = (
    Mutant(
        "negatives not encoded",
        lambda B, K, d, bytes: _own(B, K, d, bytes, calls=2 * B),
        "An anchor's own negatives must be encoded as well. With B = 1,024 and K = 1,023 the step encodes "
        "1,049,600 items, and you counted 2,048.",
        _field,
    ),
    Mutant(
        "an item of each anchor not encoded",
        lambda B, K, d, bytes: _own(B, K, d, bytes, calls=B * (K + 1)),
        "Each anchor brings its negatives, its positive, and itself. One of these is missing from your encoder calls.",
        _field,
    ),
    Mutant(
        "only negatives encoded",
        lambda B, K, d, bytes: _own(B, K, d, bytes, calls=B * K),
        "You encode the negatives alone. The anchor and its positive go through the encoder too.",
        _field,
    ),
    Mutant(
        "one set of negatives for all",
        lambda B, K, d, bytes: _own(B, K, d, bytes, calls=2 * B + K, vectors=2 * B + K),
        "You let all anchors share one set of K negatives. Here each draws its own, so they are multiplied by B.",
        _field,
    ),
    Mutant(
        "a single anchor",
        lambda B, K, d, bytes: _own(1, K, d, bytes),
        "That is the cost of one anchor. A step has B of them, and nothing is shared.",
        _field,
    ),
    Mutant(
        "a vector of each anchor not held",
        lambda B, K, d, bytes: _own(B, K, d, bytes, vectors=B * (K + 1)),
        "One vector of each anchor is missing from your bytes: its own, or its positive's.",
        _field,
    ),
    Mutant(
        "only the negatives' vectors",
        lambda B, K, d, bytes: _own(B, K, d, bytes, vectors=B * K),
        "The negatives are most of the vectors, but the anchor's and the positive's are held as well.",
        _field,
    ),
    Mutant(
        "positive not scored",
        lambda B, K, d, bytes: _own(B, K, d, bytes, scores=B * K),
        "The positive needs a score too: without it there is nothing to compare the negatives with.",
        _field,
    ),
    Mutant(
        "every anchor with every positive",
        lambda B, K, d, bytes: _own(B, K, d, bytes, scores=B * B),
        "B × B scores is what a shared batch makes. Here an anchor meets its own positive and its own negatives.",
        _field,
    ),
    Mutant(
        "as many scores as items",
        lambda B, K, d, bytes: _own(B, K, d, bytes, scores=B * (K + 2)),
        "An item is not a score: the anchor is not compared with itself.",
        _field,
    ),
    Mutant(
        "multiplications only",
        lambda B, K, d, bytes: _own(B, K, d, bytes) | {"flops": B * (K + 1) * d},
        _MULTIPLY_ADD,
        _field,
    ),
    Mutant(
        "scores not held",
        lambda B, K, d, bytes: _own(B, K, d, bytes) | {"bytes": B * (K + 2) * d * bytes},
        _NO_SCORES,
        _field,
    ),
    Mutant(
        "vectors not held",
        lambda B, K, d, bytes: _own(B, K, d, bytes) | {"bytes": B * (K + 1) * bytes},
        _NO_VECTORS,
        _field,
    ),
    Mutant(
        "numbers, not bytes",
        lambda B, K, d, bytes: _own(B, K, d, bytes) | {"bytes": B * (K + 2) * d + B * (K + 1)},
        _NUMBERS,
        _field,
    ),
    Mutant(
        "megabytes",
        lambda B, K, d, bytes: _own(B, K, d, bytes) | {"bytes": _own(B, K, d, bytes)["bytes"] / 1e6},
        _MEGA,
        _in_thousands,
    ),
    Mutant("not integers", lambda B, K, d, bytes: _as_floats(_own(B, K, d, bytes)), _FLOATS, _no_integer),
    Mutant("another order", lambda B, K, d, bytes: _other_order(_own(B, K, d, bytes)), _ORDER, _shuffled),
)

IN_BATCH = (
    Mutant(
        "positive counted as a negative",
        lambda B, d, bytes: _lent(B, d, bytes, scores=B * (B + 1)),
        "The positive was counted as its own negative: the batch lends an anchor B − 1 negatives, not B. With "
        "its positive that makes B scores.",
        _field,
    ),
    Mutant(
        "positive not scored",
        lambda B, d, bytes: _lent(B, d, bytes, scores=B * (B - 1)),
        "You scored the borrowed negatives alone. The anchor's own positive is in its row as well, on the diagonal.",
        _field,
    ),
    Mutant(
        "encoded for each anchor anew",
        lambda B, d, bytes: _lent(B, d, bytes, calls=B * (B + 1)),
        "You pay for B − 1 negatives of each anchor, as if they were its own. A borrowed negative is another "
        "row's positive: it has been encoded already.",
        _field,
    ),
    Mutant(
        "a call for every score",
        lambda B, d, bytes: _lent(B, d, bytes, calls=B * B),
        "The encoder sees items, not pairs. A vector that is there serves all the scores of its row or column.",
        _field,
    ),
    Mutant(
        "vectors copied for each anchor",
        lambda B, d, bytes: _lent(B, d, bytes, vectors=B * (B + 1)),
        "Your bytes hold the borrowed vectors once for each anchor. A matrix product reads the same vectors for "
        "all rows: they are held once.",
        _field,
    ),
    Mutant(
        "one side encoded",
        lambda B, d, bytes: _lent(B, d, bytes, calls=B),
        "A row of the batch is a pair. Anchors and positives both go through the encoder.",
        _field,
    ),
    Mutant(
        "one side held",
        lambda B, d, bytes: _lent(B, d, bytes, vectors=B),
        "A row of the batch is a pair: two vectors, the anchor's and the positive's.",
        _field,
    ),
    Mutant(
        "a matrix for each direction",
        lambda B, d, bytes: _lent(B, d, bytes, scores=2 * B * B),
        "You counted the scores twice, once for each direction of the loss. Both read the same matrix, one by rows and one by "
        "columns.",
        _field,
    ),
    Mutant(
        "half of the matrix",
        lambda B, d, bytes: _lent(B, d, bytes, scores=B * (B + 1) // 2),
        "The matrix is not symmetric: anchor i with positive j is another pair than anchor j with positive i.",
        _field,
    ),
    Mutant(
        "only the diagonal",
        lambda B, d, bytes: _lent(B, d, bytes, scores=B),
        "B scores are the positives' alone. Each anchor is also compared with what it borrows.",
        _field,
    ),
    Mutant(
        "multiplications only",
        lambda B, d, bytes: _lent(B, d, bytes) | {"flops": B * B * d},
        _MULTIPLY_ADD,
        _field,
    ),
    Mutant(
        "scores not held",
        lambda B, d, bytes: _lent(B, d, bytes) | {"bytes": 2 * B * d * bytes},
        _NO_SCORES,
        _field,
    ),
    Mutant(
        "vectors not held",
        lambda B, d, bytes: _lent(B, d, bytes) | {"bytes": B * B * bytes},
        _NO_VECTORS,
        _field,
    ),
    Mutant(
        "numbers, not bytes",
        lambda B, d, bytes: _lent(B, d, bytes) | {"bytes": 2 * B * d + B * B},
        _NUMBERS,
        _field,
    ),
    Mutant(
        "megabytes",
        lambda B, d, bytes: _lent(B, d, bytes) | {"bytes": _lent(B, d, bytes)["bytes"] / 1e6},
        _MEGA,
        _in_thousands,
    ),
    Mutant("not integers", lambda B, d, bytes: _as_floats(_lent(B, d, bytes)), _FLOATS, _no_integer),
    Mutant("another order", lambda B, d, bytes: _other_order(_lent(B, d, bytes)), _ORDER, _shuffled),
)


def _through_logarithm(rho: float, n: int) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(-np.expm1(n * np.log1p(-np.float64(rho))))


P_HARD = (
    Mutant(
        "the opposite",
        lambda rho, n: (1 - rho) ** n,
        "That is the chance that no negative is hard. At least one is the opposite of none.",
    ),
    Mutant(
        "chances added up",
        lambda rho, n: n * rho,
        "You added up the chances of the draws. n ρ is how many hard ones to expect, and it passes 1: batches with two hard "
        "ones count twice in it.",
    ),
    Mutant(
        "chances added up to 1",
        lambda rho, n: min(1.0, n * rho),
        "Cutting n ρ off at 1 gives a bound, not the chance: two draws may both be hard, and that counts once.",
    ),
    Mutant(
        "all hard",
        lambda rho, n: rho**n,
        "ρ to the power n is the chance that every negative is hard. One is enough.",
    ),
    Mutant(
        "not all hard",
        lambda rho, n: 1 - rho**n,
        "That is the chance that not all are hard. What has to happen n times in a row is that a negative is easy.",
    ),
    Mutant(
        "exactly one",
        lambda rho, n: n * rho * (1 - rho) ** (n - 1) if n else 0.0,
        "That is the chance of exactly one hard negative. Two or more also help.",
    ),
    Mutant(
        "positive counted as a negative",
        lambda rho, n: 1 - (1 - rho) ** (n + 1),
        "n is the number of negatives already. You drew one more, as if the positive were its own negative.",
    ),
    Mutant(
        "one negative too few",
        lambda rho, n: 1 - (1 - rho) ** max(n - 1, 0),
        "n is the number of negatives already: nothing is to be taken off. In a batch of B, whoever calls passes n = B − 1.",
    ),
    Mutant(
        "e^(−nρ)",
        lambda rho, n: 1 - math.exp(-n * rho),
        "1 − e^(−nρ) is what remains when ρ is small and n large. The exact chance is as short.",
    ),
    Mutant(
        "ln 0",
        _through_logarithm,
        "At ρ = 1 the logarithm of 1 − ρ is −∞, and 0 times that is NaN. Everything is hard there: treat it on its own.",
        not_finite,
    ),
)


# The loss. `keep[i, j]` is true where column j counts for row i: its positive, and the rows with another item.


def _keep(B: int, ids: np.ndarray | None) -> np.ndarray:
    keep = np.ones((B, B), dtype=bool) if ids is None else ids[:, None] != ids
    keep |= np.eye(B, dtype=bool)
    if (keep.sum(1) < 2).any():
        raise ValueError("no negative is left")
    return keep


def _masked(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None) -> np.ndarray:
    return np.where(_keep(len(A), ids), A @ P.T / tau, -np.inf)


def _lse(logits: np.ndarray) -> np.ndarray:
    """Over the last axis; −∞ where nothing is left."""
    top = logits.max(-1, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return np.log(np.exp(logits - top).sum(-1)) + top[..., 0]


def _rows(logits: np.ndarray) -> np.ndarray:
    return _lse(logits) - np.diag(logits)


def _both(logits: np.ndarray) -> float:
    return float((_rows(logits).mean() + _rows(logits.T).mean()) / 2)


def _right_loss(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    return _both(_masked(A, P, tau, ids))


def _ids_ignored(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    _keep(len(A), ids)
    return _right_loss(A, P, tau)


def _positive_twice(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    logits = _masked(A, P, tau, ids)
    own = np.diag(logits)
    ways = [np.logaddexp(_lse(way), own) - own for way in (logits, logits.T)]
    return float(np.mean(ways))


def _without_positive(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    logits = _masked(A, P, tau, ids)
    others = np.where(np.eye(len(A), dtype=bool), -np.inf, logits)
    return float(np.mean([_lse(way) - np.diag(logits) for way in (others, others.T)]))


def _positive_masked(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    """`ids[:, None] == ids` holds on the diagonal as well."""
    return _right_loss(A, P, tau) if ids is None else _without_positive(A, P, tau, ids)


def _scores_zeroed(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    return _both(A @ P.T / tau * _keep(len(A), ids))


def _later_only(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    keep = _keep(len(A), ids) | np.tri(len(A), dtype=bool)
    return _both(np.where(keep, A @ P.T / tau, -np.inf))


def _rows_dropped(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    _keep(len(A), ids)
    if ids is None:
        return _right_loss(A, P, tau)
    first = np.sort(np.unique(ids, return_index=True)[1])
    return _right_loss(A[first], P[first], tau)


def _mean_of_negatives(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    keep = _keep(len(A), ids)
    shift = np.where(np.eye(len(A), dtype=bool), 0.0, np.log(keep.sum(1) - 1.0)[:, None])
    logits = _masked(A, P, tau, ids)
    return float((_rows(logits - shift).mean() + _rows(logits.T - shift).mean()) / 2)


def _one_softmax(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    logits = _masked(A, P, tau, ids)
    return float((_lse(logits.reshape(-1)) - np.diag(logits)).mean())


def _all_pairs(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    """Anchors among the anchors' negatives as well, as in NT-Xent."""
    keep = _keep(len(A), ids) & ~np.eye(len(A), dtype=bool)
    logits = _masked(A, P, tau, ids)
    ways = []
    for own, X in ((logits, A), (logits.T, P)):
        same_side = np.where(keep, X @ X.T / tau, -np.inf)
        ways.append(_lse(np.concatenate([own, same_side], 1)) - np.diag(own))
    return float(np.mean(ways))


def _cosines(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    a, p = (X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-12) for X in (A, P))
    return _right_loss(a, p, tau, ids)


def _raw_exponentials(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    with np.errstate(all="ignore"):
        weight = np.exp(A @ P.T / tau) * _keep(len(A), ids)
        rows, columns = (-np.log(np.diag(weight) / weight.sum(axis)) for axis in (1, 0))
        return float((rows.mean() + columns.mean()) / 2)


def _alone(A: np.ndarray, ids: np.ndarray | None) -> int:
    _keep(len(A), ids)
    return len(A)


_REPEATED = (
    "Rows with equal ids hold the same item. You took only the diagonal out of the negatives, so these are false "
    "negatives: where rows 3 and 17 hold one item, anchor 3 is pushed away from its own positive in row 17."
)
_OVERFLOW = (
    "exp(s/τ) left the range of float64: over 709 it is infinite, far below 0 every weight is 0. A softmax does "
    "not change when one number is taken from all its logits: make the largest 0 first."
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
        "repeated rows dropped",
        _rows_dropped,
        "You threw away the later rows of an item. Each of them is an anchor with a positive and counts in the mean; they are only "
        "not negatives of one another.",
    ),
    Mutant(
        "only anchor to positive",
        lambda A, P, tau, ids=None: float(_rows(_masked(A, P, tau, ids)).mean()),
        "That is one direction: an anchor looks for its positive among the positives. The symmetric loss also lets each "
        "positive look for its anchor, and takes the mean.",
    ),
    Mutant(
        "only positive to anchor",
        lambda A, P, tau, ids=None: float(_rows(_masked(A, P, tau, ids).T).mean()),
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
    Mutant("exp overflows", _raw_exponentials, _OVERFLOW, not_finite),
)


# The gradient.

Pair = tuple[np.ndarray, np.ndarray]


def _softmax(logits: np.ndarray) -> np.ndarray:
    return np.exp(logits - _lse(logits)[:, None])


def _slopes(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None, *, pull: float = 1) -> Pair:
    """What each direction's loss, summed over the batch, does with each logit; both by anchor and positive."""
    logits, eye = _masked(A, P, tau, ids), np.eye(len(A))
    return _softmax(logits) - pull * eye, _softmax(logits.T).T - pull * eye


def _chain(slope: np.ndarray, A: np.ndarray, P: np.ndarray, tau: float) -> Pair:
    return slope @ P / tau, slope.T @ A / tau


def _scaled(by: Any, A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None) -> Pair:
    rows, columns = _slopes(A, P, tau, ids)
    return _chain(by(len(A), tau) * (rows + columns), A, P, tau)


def _own_gradient(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> Pair:
    return _scaled(lambda B, _: 1 / (2 * B), A, P, tau, ids)


def _gradient_ids_ignored(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> Pair:
    _keep(len(A), ids)
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
    keep, eye = _keep(len(A), ids), np.eye(len(A))
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


GRADIENT = (
    Mutant(
        "false negatives",
        _gradient_ids_ignored,
        "Rows with equal ids still push each other. A masked score has no weight, so it passes no gradient on.",
    ),
    Mutant(
        "push without pull",
        _push_only,
        "Each softmax's slope at its positive is the weight less 1: that is the pull. Yours holds the weights alone.",
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
        "The columns' weights come out with the positive first. Turn them back before they are added to the rows' weights, or "
        "score (i, j) gets the slope of score (j, i).",
    ),
    Mutant(
        "moved by one's own side",
        _own_side,
        "The score of anchor i and positive j changes with the anchor along the positive, and the other way round.",
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
    Mutant("exp overflows", _gradient_raw, _OVERFLOW, _any_not_finite),
)
