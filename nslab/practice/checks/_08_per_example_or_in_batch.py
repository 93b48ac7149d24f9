"""Exercise 08: per-example or in-batch?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nslab import diagnostics, losses, theory
from nslab.practice._exercise import Case, Exercise, Question, edges, show
from nslab.practice._judgements import finite, is_number, lost, not_all_finite, not_finite
from nslab.practice._mistakes import mistakes
from nslab.practice._run import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The specification: one anchor at a time, in the words of the task.


def cost_per_example(B: int, K: int, d: int, bytes: int) -> dict[str, int]:
    """Each anchor: itself, its positive, its K negatives; a score with the positive and with every
    negative.
    """
    items, scores = 1 + 1 + K, 1 + K
    return {
        "bytes": B * (items * d + scores) * bytes,
        "flops": B * scores * (d + d),
        "encoder_calls": B * items,
    }


def cost_in_batch(B: int, d: int, bytes: int) -> dict[str, int]:
    """Each anchor: itself and its positive; a score with every positive of the batch."""
    items, scores = 1 + 1, B
    return {
        "bytes": B * (items * d + scores) * bytes,
        "flops": B * scores * (d + d),
        "encoder_calls": B * items,
    }


def p_hard(rho: float, n: int) -> float:
    """One minus the chance that all n negatives are easy."""
    easy = 1.0
    for _ in range(n):
        easy *= 1 - rho
    return 1 - easy


def inbatch_infonce(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    """The mean loss of 2B softmaxes: every anchor among the positives, every positive among the anchors."""
    scores, rows = _scores(A, P, tau), range(len(A))
    total = 0.0
    for i, others in enumerate(_negatives(len(A), ids)):
        total += _loss(scores[i][i], [scores[i][j] for j in others])
        total += _loss(scores[i][i], [scores[j][i] for j in others])
    return total / (2 * len(rows))


def inbatch_gradient(
    A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Every softmax pulls on the score of its positive by weight − 1, and pushes those of its negatives by
    weight.
    """
    scores, B = _scores(A, P, tau), len(A)
    slope = np.zeros((B, B))
    for i, others in enumerate(_negatives(B, ids)):
        candidates = [i, *others]
        row = _weights([scores[i][j] for j in candidates])
        column = _weights([scores[j][i] for j in candidates])
        for j, of_row, of_column in zip(candidates, row, column, strict=True):
            slope[i, j] += (of_row - (i == j)) / (2 * B)
            slope[j, i] += (of_column - (i == j)) / (2 * B)
    on_anchors = [sum(slope[i, j] * P[j] for j in range(B)) / tau for i in range(B)]
    on_positives = [sum(slope[i, j] * A[i] for i in range(B)) / tau for j in range(B)]
    return np.array(on_anchors), np.array(on_positives)


def _scores(A: np.ndarray, P: np.ndarray, tau: float) -> list[list[float]]:
    return [[math.fsum(float(x) * float(y) for x, y in zip(a, p, strict=True)) / tau for p in P] for a in A]


def _negatives(B: int, ids: np.ndarray | None) -> list[list[int]]:
    """For each row the rows that hold another item."""
    held = list(range(B)) if ids is None else [int(item) for item in ids]
    others = [[j for j in range(B) if held[j] != held[i]] for i in range(B)]
    for i, row in enumerate(others):
        if not row:
            raise ValueError(f"row {i} has no negative: every row holds its item")
    return others


def _loss(positive: float, negatives: list[float]) -> float:
    """−ln of the softmax weight of the positive."""
    top = max(positive, *negatives)
    return top + math.log(math.fsum(math.exp(x - top) for x in [positive, *negatives])) - positive


def _weights(logits: list[float]) -> list[float]:
    raw = [math.exp(x - max(logits)) for x in logits]
    return [x / math.fsum(raw) for x in raw]


# A right answer in named steps, and what goes wrong in each.


def right_own(B: int, K: int, d: int, bytes: int) -> Any:
    calls = B * (K + 2)
    vectors = B * (K + 2)
    scores = B * (K + 1)
    held = (vectors * d + scores) * bytes
    flops = 2 * d * scores
    return {"bytes": held, "flops": flops, "encoder_calls": calls}


def right_lent(B: int, d: int, bytes: int) -> Any:
    calls = 2 * B
    vectors = 2 * B
    scores = B * B
    held = (vectors * d + scores) * bytes
    flops = 2 * d * scores
    return {"bytes": held, "flops": flops, "encoder_calls": calls}


def _right(case: Case) -> dict[str, int]:
    return right_own(*case.args) if len(case.args) == 4 else right_lent(*case.args)


def one_count(case: Case, got: Outcome, own: Outcome) -> bool:
    """One of the counts that the mutant gets wrong is the mutant's."""
    right = _right(case)
    return any(own.value[name] != right[name] and got.value[name] == own.value[name] for name in right)


def in_thousands(case: Case, got: Outcome, own: Outcome) -> bool:
    ratio = _right(case)["bytes"] / got.value["bytes"]
    return any(math.isclose(ratio, unit**power) for unit in (1000, 1024) for power in (1, 2, 3))


def shuffled(case: Case, got: Outcome, own: Outcome) -> bool:
    """The right three numbers under other names."""
    right = _right(case)
    counts = [got.value[name] for name in right]
    return counts != [*right.values()] and sorted(counts) == sorted(right.values())


EITHER = """
d − 1 additions | flops = (2 * d - 1) * scores | one_count
  Strictly, d products are added in d − 1 steps. Here, as in most FLOP counts, an addition comes with each
  product: d and d.
numbers, not bytes | held = vectors * d * bytes + scores | one_count
  You counted numbers. Each takes `bytes` bytes: the vectors' and the scores'.
numbers, not bytes | held = vectors * d + scores | one_count
multiplications only | flops = d * scores | one_count
  A dot product of d numbers is d multiplications and their sum. You counted the multiplications alone (some
  call that multiply-adds, MACs); a FLOP count has both.
flops times bytes | flops = 2 * d * scores * bytes | one_count
  A multiplication is one operation, however many bytes its numbers take: `bytes` counts for what is held,
  not for what is computed.
scores not held | held = vectors * d * bytes | one_count
  The scores are numbers too, and are held with the vectors. In a large batch they are most of the memory.
vectors not held | held = scores * bytes | one_count
  You counted the scores alone. The vectors that they are made of are held as well.
megabytes | held = (vectors * d + scores) * bytes / 1e6 | in_thousands
  You returned kilobytes, megabytes or the like. Whole bytes are asked for: a count is exact, and easily
  divided later.
not integers | return [float(count) for count in (held, flops, calls)]
  These are counts, so integers: beyond 2⁵³ a float leaves whole numbers out. A division with `/` or a
  factor such as `2.0` makes a float of any count.
another order | return calls, held, flops | shuffled
  The three numbers are right, under other names: as a dict, look at the keys; as a tuple, the order is
  bytes, FLOPs, encoder calls.
"""

OWN = mistakes(
    right_own,
    f"""
negatives not encoded | calls = 2 * B | one_count
  An anchor's own negatives must be encoded as well. With B = 1,024 and K = 1,023 the step encodes 1,049,600
  items, and you counted 2,048.
an item of each anchor not encoded | calls = B * (K + 1) | one_count
  Each anchor brings its negatives, its positive, and itself. One of these is missing from your encoder
  calls.
only negatives encoded | calls = B * K | one_count
  You encode the negatives alone. The anchor and its positive go through the encoder too.
one set of negatives for all | calls = 2 * B + K; vectors = 2 * B + K | one_count
  You let all anchors share one set of K negatives. Here each draws its own, so they are multiplied by B.
a single anchor | return right_own(1, K, d, bytes) | one_count
  That is the cost of one anchor. A step has B of them, and nothing is shared.
a vector of each anchor not held | vectors = B * (K + 1) | one_count
  One vector of each anchor is missing from your bytes: its own, or its positive's.
only the negatives' vectors | vectors = B * K | one_count
  The negatives are most of the vectors, but the anchor's and the positive's are held as well.
positive not scored | scores = B * K | one_count
  The positive needs a score too: without it there is nothing to compare the negatives with.
every anchor with every positive | scores = B * B | one_count
  B × B scores is what a shared batch makes. Here an anchor meets its own positive and its own negatives.
every anchor with every item | scores = B * B * (K + 1) | one_count
  You let an anchor meet the other anchors' items too. What is drawn for one is scored by that one alone.
every anchor with every item | scores = B * B * (K + 2) | one_count
as many scores as items | scores = B * (K + 2) | one_count
  An item is not a score: the anchor is not compared with itself.
{EITHER}
""",
    one_count,
    in_thousands,
    shuffled,
)

LENT = mistakes(
    right_lent,
    f"""
positive counted as a negative | scores = B * (B + 1) | one_count
  The positive was counted as its own negative: the batch lends an anchor B − 1 negatives, not B. With its
  positive that makes B scores.
positive not scored | scores = B * (B - 1) | one_count
  You scored the borrowed negatives alone. The anchor's own positive is in its row as well, on the diagonal.
encoded for each anchor anew | calls = B * (B + 1) | one_count
  You pay for B − 1 negatives of each anchor, as if they were its own. A borrowed negative is another row's
  positive: it has been encoded already.
a call for every score | calls = B * B | one_count
  The encoder sees items, not pairs. A vector that is there serves all the scores of its row or column.
vectors copied for each anchor | vectors = B * (B + 1) | one_count
  Your bytes hold the borrowed vectors once for each anchor. A matrix product reads the same vectors for all
  rows: they are held once.
one side encoded | calls = B | one_count
  A row of the batch is a pair. Anchors and positives both go through the encoder.
one side held | vectors = B | one_count
  A row of the batch is a pair: two vectors, the anchor's and the positive's.
a matrix for each direction | scores = 2 * B * B | one_count
  You counted the scores twice, once for each direction of the loss. Both read the same matrix, one by rows
  and one by columns.
every item with every item | scores = 4 * B * B | one_count
  You scored all 2B items with each other. Anchors meet positives only: B rows and B columns.
half of the matrix | scores = B * (B + 1) // 2 | one_count
  The matrix is not symmetric: anchor i with positive j is another pair than anchor j with positive i.
half of the matrix | scores = B * (B - 1) // 2 | one_count
only the diagonal | scores = B | one_count
  B scores are the positives' alone. Each anchor is also compared with what it borrows.
{EITHER}
""",
    one_count,
    in_thousands,
    shuffled,
)


def right_chance(rho: float, n: int) -> float:
    easy = (1 - rho) ** n
    return 1 - easy


CHANCE = mistakes(
    right_chance,
    """
the opposite | return easy
  That is the chance that no negative is hard. At least one is the opposite of none.
chances added up | return n * rho
  You added up the chances of the draws. n ρ is how many hard ones to expect, and it passes 1: batches with
  two hard ones count twice in it.
chances added up to 1 | return min(1.0, n * rho)
  Cutting n ρ off at 1 gives a bound, not the chance: two draws may both be hard, and that counts once.
all hard | return rho**n
  ρ to the power n is the chance that every negative is hard. One is enough.
not all hard | easy = rho**n
  That is the chance that not all are hard. What has to happen n times in a row is that a negative is easy.
exactly one | return n * rho * (1 - rho) ** (n - 1) if n else 0.0
  That is the chance of exactly one hard negative. Two or more also help.
positive counted as a negative | easy = (1 - rho) ** (n + 1)
  n is the number of negatives already. You drew one more, as if the positive were its own negative.
one negative too few | easy = (1 - rho) ** max(n - 1, 0)
  n is the number of negatives already: nothing is to be taken off. In a batch of B, whoever calls passes
  n = B − 1.
e^(−nρ) | easy = math.exp(-n * rho)
  1 − e^(−nρ) is what remains when ρ is small and n large. The exact chance is as short.
ln 0 | easy = np.exp(n * np.log(1 - np.float64(rho))) | not_finite
  At ρ = 1 the logarithm of 1 − ρ is −∞, and 0 times that is NaN. Everything is hard there: treat it on its
  own.
""",
    not_finite,
)


def same_item(B: int, ids: np.ndarray | None) -> np.ndarray:
    """Where two rows hold the same item: each row and itself, and its repeats."""
    same = np.eye(B, dtype=bool) if ids is None else ids[:, None] == ids
    if same.all(1).any():
        raise ValueError("no negative is left")
    return same


def lse(logits: np.ndarray) -> np.ndarray:
    """The logarithm of the sum of the exponentials, over the last axis."""
    top = logits.max(-1, keepdims=True)
    return np.log(np.exp(logits - top).sum(-1)) + top[..., 0]


def right_loss(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    same, eye = same_item(len(A), ids), np.eye(len(A), dtype=bool)
    keep = eye | ~same
    scores = A @ P.T
    logits = scores / tau
    masked = np.where(keep, logits, -np.inf)
    own = np.diag(logits)
    ways = np.stack([masked, masked.T])
    losses = lse(ways) - own
    counted = np.ones(len(A), dtype=bool)
    loss = losses[..., counted].mean()
    return float(loss)


def unit(X: np.ndarray) -> np.ndarray:
    return X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-12)


def sides(A: np.ndarray, P: np.ndarray) -> np.ndarray:
    """Scores of anchors with anchors, and of positives with positives."""
    return np.stack([A @ A.T, P @ P.T])


def too_small(case: Case, got: Outcome, own: Outcome) -> bool:
    """A number below the loss, and above 0."""
    return is_number(got) and 0 < float(got.value) < 0.999 * right_loss(*case.args)


OVERFLOW = """exp(s/τ) left the range of float64: over 709 it is infinite, far below 0 every weight is 0. A
  softmax does not change when one number is taken from all its logits: make the largest of each softmax 0
  first, and take the logarithm of its sum, not of a weight that may be 0."""
SHIFT = """You took one number from all logits of the batch. Where it is far above a row's own largest, all
  weights of that row are 0. Each row, and each column, needs its own."""
LOW = """You masked with a low number, and here the other logits are lower still, so that it takes over the
  softmax. Only −∞ weighs nothing beside any logit."""

LOSS = mistakes(
    right_loss,
    f"""
false negatives | keep = True
  Rows with equal ids hold the same item. You took only the diagonal out of the negatives, so these are
  false negatives: where rows 3 and 17 hold one item, anchor 3 is pushed away from its own positive in row
  17.
positive counted as a negative | losses = np.logaddexp(lse(ways), own) - own
  The positive was counted as its own negative: the diagonal is in the sum over the row already. B scores in
  all, of which B − 1 are negatives.
positive not in the sum | losses = lse(np.where(eye, -np.inf, ways)) - own
  Your softmax runs over the negatives alone. The positive competes with them, so its exponential belongs
  into the sum as well (without it, the loss can fall below 0: the decoupled loss of Yeh et al.).
mask hides the positive | keep = ids is None or ~same | lost
  Every row has the same id as itself, so your mask hides the positive too. Repeats are the equal ids beside
  the diagonal.
masked score of 0 | masked = logits * keep
  A score of 0 is a score like any other, and weighs e⁰ = 1. What is masked must weigh nothing after the
  exponential.
masked on one side | keep = eye + ~np.triu(same)
  Row 3 does not count row 17, but row 17 still counts row 3. Equal ids are equal both ways.
masked in one direction | ways = np.stack([masked, logits.T])
  The repeats are masked in one direction of the loss only. A positive must not be pushed from the anchors
  of its own item either.
masked in one direction | ways = np.stack([logits, masked.T])
repeated rows dropped | counted = ~np.tril(same, -1).any(1); return right_loss(A[counted], P[counted], tau)
  You threw away the later rows of an item. Each of them is an anchor with a positive and counts in the
  mean; they are only not negatives of one another.
repeats left out of the mean | counted = ~np.tril(same, -1).any(1)
  Rows whose item comes again are missing from your mean. Each is an anchor with a positive of its own:
  repeats are no negatives of one another, and all of them count.
repeats left out of the mean | counted = same.sum(1) == 1
equal ids pulled | keep = True; losses = lse(ways) - ways.mean(-1, where=same)
  You count rows with equal ids as further positives, as the supervised contrastive loss does. Here they are
  only no negatives: each row has one positive.
equal ids pulled | keep = True; losses = lse(ways) - lse(np.where(same, ways, -np.inf))
mask not low enough | masked = np.where(keep, logits, -100.0) | finite
  {LOW}
only anchor to positive | ways = masked
  That is one direction: an anchor looks for its positive among the positives. The symmetric loss also lets
  each positive look for its anchor, and takes the mean.
only positive to anchor | ways = masked.T
  Your softmax runs down the columns: each positive looks for its anchor. That is one of the two directions;
  the other runs along the rows.
directions added | return 2 * loss
  You added the two directions. Their mean is asked for, which stays comparable with a loss in one
  direction.
summed over the batch | return len(A) * loss
  You added up the rows. The mean over the batch is asked for, or a larger batch would mean a larger step.
summed over the batch | return 2 * len(A) * loss
  You added up all 2B terms. The mean is asked for, or a larger batch would mean a larger step.
mean of the negatives | losses = lse(ways - np.log(keep.sum(1, keepdims=True) - 1) * ~eye) - own
  You averaged the negatives' exponentials. InfoNCE sums them: more negatives make the task harder.
one softmax for the batch | losses = lse(masked.ravel()) - own
  Your softmax runs over all B × B scores at once. Each anchor has a softmax of its own, over its row.
anchors as negatives | losses = np.logaddexp(lse(ways), lse(np.where(same, -np.inf, sides(A, P) / tau))) - own
  You compare anchors with anchors too, as SimCLR's NT-Xent does, with 2(B − 1) negatives. Here an anchor
  borrows the other rows' positives alone.
anchors with anchors | return right_loss(A, A, tau, ids)
  Your scores compare anchors with anchors; the positives never come in. Score (i, j) is anchor i with
  positive j.
vectors normalised | scores = unit(A) @ unit(P).T
  You scaled the vectors to length 1. They are used as they are: whether a score is a cosine is for the
  caller to decide.
τ forgotten | logits = scores
  The scores are not divided by τ.
times τ | logits = scores * tau
  You multiplied by τ. A lower temperature must widen the gaps between the scores.
sign | return -loss
  The logarithm of a weight below 1 is negative; the loss is its negative, never below 0.
bits | return loss / math.log(2)
  That is the loss in bits. It is asked for in nats: the natural logarithm.
distances | scores = -((A[:, None] - P) ** 2).sum(-1)
  Your scores are negative squared distances. Here a score is a dot product, whatever the vectors' lengths.
exp overflows | losses = -np.log(np.exp(own) / np.exp(ways).sum(-1)) | not_finite
  {OVERFLOW}
one shift for all | losses = np.log(np.exp(ways - ways.max()).sum(-1)) + ways.max() - own | not_finite
  {SHIFT}
ln 0 | losses = -np.log(np.exp(own - lse(ways))) | not_finite
  Where the positive's logit lies far below another one, its weight is 0 in float64, and −ln 0 is infinite.
  Take the logarithm of the sum, with the largest logit taken out, and subtract the positive's logit: no
  weight is needed.
a small number in the logarithm | losses = -np.log(np.exp(own - lse(ways)) + 1e-12) | too_small
  A small number inside the logarithm keeps the loss from growing where the positive's weight is tiny: at a
  low τ the true loss is far larger. The logarithm of a sum, with its largest term taken out, needs no such
  help.
a small number in the logarithm | losses = -np.log(np.exp(own - lse(ways)) + 1e-8)
""",
    lost,
    finite,
    not_finite,
    too_small,
)


def right_gradient(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> Any:
    same, eye = same_item(len(A), ids), np.eye(len(A), dtype=bool)
    keep = eye | ~same
    logits = A @ P.T / tau
    masked = np.where(keep, logits, -np.inf)
    ways = np.stack([masked, masked.T])
    rows, columns = softmax(ways)
    pull = 2 * eye
    scale = 1 / (2 * len(A) * tau)
    slope = scale * (rows + columns.T - pull)
    on_anchors = slope @ P
    on_positives = slope.T @ A
    return on_anchors, on_positives


def softmax(logits: np.ndarray) -> np.ndarray:
    return np.exp(logits - lse(logits)[..., None])


def ratio(logits: np.ndarray) -> np.ndarray:
    """A softmax without a largest logit taken out."""
    weight = np.exp(logits)
    return weight / weight.sum(-1, keepdims=True)


GRADIENT = mistakes(
    right_gradient,
    f"""
false negatives | keep = True
  Rows with equal ids still push each other. A masked score has no weight, so it passes no gradient on.
push without pull | pull = 0
  Each softmax's slope at its positive is the weight less 1: that is the pull. Yours holds the weights
  alone.
direction of the step | scale = -1 / (2 * len(A) * tau)
  That is where to step, the negative of the gradient. Whoever calls takes the step.
τ forgotten in the chain | scale = 1 / (2 * len(A))
  A logit is a score over τ, so one more 1/τ comes in on the way from logits to scores.
summed over the batch | scale = 1 / (2 * tau)
  This is the gradient of the sum over the batch. The loss is a mean over its B rows.
directions added | scale = 1 / (len(A) * tau)
  This is the gradient of the two directions added. The loss is their mean.
only anchor to positive | slope = 2 * scale * (rows - eye)
  Only the softmaxes along the rows are in it. Those down the columns pull and push as well.
columns not turned back | slope = scale * (rows + columns - pull)
  The columns' weights come out with the positive first. Turn them back before they are added to the rows'
  weights, or score (i, j) gets the slope of score (j, i).
moved by one's own side | on_anchors = slope @ A; on_positives = slope.T @ P
  The score of anchor i and positive j changes with the anchor along the positive, and the other way round.
slopes not transposed | on_positives = slope @ A
  Positive j collects from all anchors: column j of the slopes, not row j.
anchors and positives swapped | return on_positives, on_anchors
  Both gradients are right, in the other order: the anchors' comes first.
pulled once | pull = eye
  A score on the diagonal is the positive in two softmaxes, its row's and its column's. Each takes 1 away,
  yours only one of them.
equal ids pulled | pull = 2 * same
  You pull rows with equal ids together. They are only no negatives of each other: their scores have no
  slope at all.
each side from one direction | return 2 * scale * (rows - eye) @ P, 2 * scale * (columns - eye) @ A
  Your anchors move by the rows' softmaxes alone, and the positives by the columns'. Every score is in both,
  so both move both sides.
each side from one direction | return scale * (rows - eye) @ P, scale * (columns - eye) @ A
exp overflows | rows, columns = ratio(ways) | not_all_finite
  {OVERFLOW}
one shift for all | rows, columns = ratio(ways - ways.max()) | not_all_finite
  {SHIFT}
mask not low enough | masked = np.where(keep, logits, -100.0)
  {LOW}
""",
    not_all_finite,
)


# The inputs.

_CROSSING = "at B = K(d + 1) + 1 both ways hold the same number of bytes"


def _own_cases(seed: int) -> list[Case]:
    return edges(
        (1, 1, 1, 1, "the smallest step there is"),
        (1, 4, 3, 2, "one anchor"),
        (2, 3, 5, 4, "small enough to count on paper"),
        (7, 1, 2, 4, "one negative an anchor"),
        (6, 5, 2, 4, "as many negatives as a batch of 6 lends"),
        (1024, 1023, 128, 4, "as many negatives as a batch of 1,024 lends"),
        (1506, 5, 300, 4, _CROSSING),
        (1507, 5, 300, 4, "one anchor more, and own negatives hold less"),
        (32_768, 5, 300, 4, "a large batch with few negatives"),
        (65_536, 65_535, 1024, 4, "counts far above 2³¹: they wrap in 32 bits"),
        *_sizes(seed, 600, 90, 400),
        atol=0.0,
    )


def _lent_cases(seed: int) -> list[Case]:
    return edges(
        (2, 1, 1, "the smallest batch that lends a negative"),
        (3, 5, 4, "small enough to count on paper"),
        (6, 2, 4, ""),
        (1024, 128, 4, "1,023 negatives for each anchor"),
        (1506, 300, 4, f"{_CROSSING}, here K = 5"),
        (1507, 300, 4, "one anchor more, and the scores outweigh five own negatives"),
        (32_768, 300, 4, "a large batch: nearly all bytes are scores"),
        (1_048_576, 1024, 4, "counts far above 2³¹: they wrap in 32 bits"),
        *_sizes(seed, 900, 400),
        atol=0.0,
    )


def _sizes(seed: int, *most: int) -> list[tuple[Any, ...]]:
    """Eight steps with counts from 2 to below `most`, in numbers of 2, 4 or 8 bytes."""
    drawn = np.random.default_rng(seed).integers(2, most, (8, len(most))).tolist()
    return [(*row, bytes, "") for row, bytes in zip(drawn, (2, 4, 8, 2, 4, 8, 4, 2), strict=True)]


def _chance_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    drawn = zip(rng.uniform(0.02, 0.4, 8).round(3), rng.integers(2, 30, 8), strict=True)
    return edges(
        (0.25, 1, "a single negative"),
        (0.25, 3, "1 − 0.75³ by hand"),
        (0.0, 10, "nothing is hard"),
        (1.0, 3, "everything is hard"),
        (0.3, 0, "no negative, so no hard one"),
        (1.0, 0, "no negative, even where all are hard"),
        (0.5, 4, "n ρ is 2, and no probability is"),
        (0.001, 10, "ten own negatives"),
        (0.001, 4095, "a batch of 4,096 lends 4,095"),
        *[(float(rho), int(n), "") for rho, n in drawn],
    )


def _vectors(rng: np.random.Generator, B: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """B anchors, and for each a positive that lies near it; none has length 1."""
    anchors = rng.normal(size=(B, d))
    return anchors.round(2), (0.6 * anchors + rng.normal(size=(B, d))).round(2)


def _loss_cases(seed: int, atol: float = 1e-10) -> list[Case]:
    rng = np.random.default_rng(seed)
    eye = np.eye(3)
    A, P = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]]), np.array([[0.8, 0.6], [0.0, 1.0], [-0.6, 0.8]])
    four, pairs = _vectors(rng, 4, 3), np.array([7, 2, 7, 5])
    twenty, repeated = _vectors(rng, 20, 4), np.arange(20)
    repeated[17] = repeated[3]
    twin, twins = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]), np.array([4, 9, 4])
    long = np.array([[40.0, 0.0], [1.0, 1.0]]), np.array([[1.0, 0.0], [0.0, 0.95]])
    drawn = []
    for B, d, kinds in ((2, 3, 0), (5, 2, 0), (8, 4, 0), (8, 4, 3), (12, 6, 5), (16, 3, 4)):
        vectors, tau = _vectors(rng, B, d), float(rng.choice((0.5, 0.7, 1.5, 2.0)))
        drawn.append((*vectors, tau, *([rng.permutation(B) % kinds] if kinds else []), ""))
    return edges(
        (eye[:2], eye[:2], 0.5, "two pairs that are orthogonal: ln(1 + e⁻²)"),
        (np.zeros((3, 2)), np.ones((3, 2)), 0.5, "all scores alike: three candidates, ln 3"),
        (A, P, 0.5, "the two directions give different losses"),
        (A, P[::-1].copy(), 0.2, "every positive is the wrong one"),
        (3 * A, 2 * P, 1.0, "the vectors are used as they are, whatever their length"),
        (A, P, 0.001, "at τ = 0.001, e^(s/τ) is beyond float64"),
        (A, P - 2, 0.002, "at τ = 0.002, e^(s/τ) is 0 in float64"),
        (*long, 0.05, "one anchor is far longer: a softmax has a largest logit of its own"),
        (A, P - 2, 0.002, twins, "rows 0 and 2 hold one item, and all logits are below −500"),
        (A, P - 200, 0.01, twins, "rows 0 and 2 hold one item, and all logits are below −19,000"),
        (twin, twin, 0.1, twins, "rows 0 and 2 hold one item: a single negative is left"),
        (*four, 0.7, pairs, "rows 0 and 2 hold one item"),
        (-four[0], four[1], 0.7, pairs, "the same with other signs: scores far below 0"),
        (*twenty, 1.0, repeated, "rows 3 and 17 hold one item"),
        (*four, 0.7, np.arange(4) + 30, "ids that all differ change nothing"),
        (A[:1], P[:1], 0.5, "a batch of one lends no negative"),
        (A, P, 0.5, np.array([8, 8, 8]), "one item in every row: no negative is left"),
        *drawn,
        atol=atol,
    )


# How counts are read, and what a score matrix looks like.

_STEMS = {"bytes": ("byte",), "flops": ("flop",), "encoder_calls": ("call", "enc")}


def _measure(args: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """Bytes, FLOPs and encoder calls, from a mapping, a named tuple or three numbers in this order."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        counts = {name: _entry(value, name) for name in _STEMS}
    else:
        counts = dict(zip(_STEMS, _three(value), strict=True))
    counts = {name: _plain(name, count) for name, count in counts.items()}
    return {**counts, "all integers": all(isinstance(count, int) for count in counts.values())}


def _entry(value: Mapping[Any, Any], name: str) -> Any:
    names = {str(key).lower(): key for key in value}
    found = [name] if name in names else [key for key in names if any(stem in key for stem in _STEMS[name])]
    if len(found) != 1:
        raise ValueError(f"the dict has the keys {list(value)}, and {name!r} is looked for")
    return value[names[found[0]]]


def _three(value: Any) -> Sequence[Any]:
    counts = value.tolist() if isinstance(value, np.ndarray | torch.Tensor) else value
    if not isinstance(counts, list | tuple) or len(counts) != 3:
        raise ValueError(f"got {show(value)}, no dict with the keys 'bytes', 'flops' and 'encoder_calls'")
    return counts


def _plain(name: str, count: Any) -> int | float:
    if isinstance(count, torch.Tensor | np.ndarray) and count.ndim == 0:
        count = count.item()
    if isinstance(count, bool) or not isinstance(count, Real):
        raise TypeError(f"{name!r} must be a whole number, got {count!r}")
    return int(count) if isinstance(count, Integral) else float(count)


def _picture(args: tuple[Any, ...], value: Any) -> Figure:
    """What each score of the matrix is: the same for every answer."""
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

    from nslab.explain import COLORS

    A, _, _, *held = args
    B, ids = len(A), held[0] if held else np.arange(len(A))
    kind = np.where(ids[:, None] == ids, 2, 0) - np.eye(B, dtype=int)
    roles = {"negative": "a negative", "positive": "the positive", "false_negative": "its item once more"}
    figure = Figure(figsize=(4.2, 2.2))
    axes = figure.add_axes((0.05, 0.2, 0.5, 0.66))
    axes.pcolormesh(
        kind,
        cmap=ListedColormap([COLORS[role] for role in roles]),
        vmin=0,
        vmax=2,
        edgecolors="white",
        linewidth=1 if B <= 8 else 0.3,
    )
    ticks = [0, B - 1]
    names = [str(t) for t in ticks]
    axes.set(aspect="equal", xlabel="row of P", ylabel="row of A", xlim=(0, B), ylim=(B, 0))
    axes.set_xticks([t + 0.5 for t in ticks], names)
    axes.set_yticks([t + 0.5 for t in ticks], names)
    for line, (role, text) in enumerate([*roles.items()][: kind.max() + 1]):
        figure.text(0.58, 0.75 - 0.12 * line, text, color=COLORS[role], fontsize=9, weight="bold")
    figure.suptitle(f"What each of the {B} × {B} scores is", fontsize=9)
    return figure


# The library.


def _library_loss(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> torch.Tensor:
    return losses.info_nce_in_batch(A, P, temperature=tau, ids=ids, symmetric=True)


def _library_gradient(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> Any:
    query, key = torch.tensor(A, requires_grad=True), torch.tensor(P, requires_grad=True)
    loss = losses.info_nce_in_batch(query, key, temperature=tau, ids=ids, symmetric=True)
    return tuple(grad.numpy() for grad in torch.autograd.grad(loss, (query, key)))


EXERCISE = Exercise(
    "08",
    "per-example or in-batch?",
    (
        Question(
            "cost_per_example(B, K, d, bytes)",
            cost_per_example,
            lambda B, K, d, bytes: diagnostics.cost_per_example(B, K, d, bytes),
            "nslab.cost_per_example",
            _own_cases,
            OWN,
            (
                "Draw one anchor with K = 2 negatives on paper. How many items are on it, and how many"
                " lines (scores) leave the anchor?",
                "Nothing is shared, so B anchors cost B times what one does. Each item has one vector of"
                " d numbers; each score is one number, made from d products and their sum.",
                "Name two counts first, items and scores. The three answers are made of these two, d and "
                "`bytes`; check them with B = K = d = 1 by hand.",
            ),
            rtol=0.0,
            measure=_measure,
        ),
        Question(
            "cost_in_batch(B, d, bytes)",
            cost_in_batch,
            lambda B, d, bytes: diagnostics.cost_in_batch(B, d, bytes),
            "nslab.cost_in_batch",
            _lent_cases,
            LENT,
            (
                "Draw three anchors and three positives. Which items have to be encoded, if every one may"
                " be used by all?",
                "Every anchor meets every positive once: its own and those it borrows. How many meetings"
                " are that among three and three?",
                "The scores are one matrix product of anchors and positives. Count its entries, and the "
                "vectors that go into it; both directions of the loss read the same matrix.",
            ),
            rtol=0.0,
            measure=_measure,
        ),
        Question(
            "p_hard(rho, n)",
            p_hard,
            lambda rho, n: theory.hit_probability(rho, n) if n else 0.0,
            "nslab.hit_probability",
            _chance_cases,
            CHANCE,
            (
                "“At least one” has a short opposite. What must happen for it to fail?",
                "A single draw is easy with probability 1 − ρ. What is the probability that all n are, if"
                " none knows of the others?",
                "Take that away from 1. Then look at the edges: n = 0, and ρ = 1.",
            ),
        ),
        Question(
            "inbatch_infonce(A, P, tau, ids=None)",
            inbatch_infonce,
            _library_loss,
            "nslab.info_nce_in_batch",
            _loss_cases,
            LOSS,
            (
                "Make the B × B matrix of scores. In which entries does the positive of row i stand, and"
                " in which do its negatives?",
                "Each row is a softmax over its entries, with the diagonal as the right class; each"
                " column too. Equal ids off the diagonal must weigh nothing. What score weighs nothing"
                " after the exponential?",
                "Divide by τ, mask, and take the logarithm of the sum of exponentials of each row after"
                " its largest entry is taken out. The same on the transposed matrix; then one mean over"
                " all. Raise where a row keeps the diagonal alone.",
            ),
            picture=_picture,
        ),
        Question(
            "inbatch_gradient(A, P, tau, ids=None)",
            inbatch_gradient,
            _library_gradient,
            "torch.autograd",
            lambda seed: _loss_cases(seed, atol=1e-6),
            GRADIENT,
            (
                "Go in two steps: how the loss changes with each score, a B × B matrix; then how a score"
                " changes with the two vectors that it is made of.",
                "One row's loss changes with its logits by the softmax weights, less 1 at the positive. "
                "Each column's does too. A logit is a score over τ, and the loss a mean of 2B terms.",
                "Score (i, j) is the product of row i of A and row j of P. So one matrix product of the"
                " slopes with P gives the gradient for A; for P the slopes are read the other way.",
            ),
            rtol=1e-5,
            stretch=True,
        ),
    ),
)
