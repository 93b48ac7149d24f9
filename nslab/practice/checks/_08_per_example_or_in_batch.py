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
from nslab.practice._judgements import an_error, finite, is_number, lost, not_all_finite, not_finite
from nslab.practice._mistakes import mistakes
from nslab.practice._run import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The specification: one anchor at a time, in the words of the task.


def cost_per_example(B: int, K: int, d: int, bytes: int) -> dict[str, int]:
    """Each anchor: itself, its positive, its K negatives; a score with the positive and each negative."""
    items, scores = 1 + 1 + K, 1 + K
    held = B * (items * d + scores) * bytes
    return {"bytes": held, "flops": B * scores * (d + d), "encoder_calls": B * items}


def cost_in_batch(B: int, d: int, bytes: int) -> dict[str, int]:
    """Each anchor: itself and its positive; a score with every positive of the batch."""
    items, scores = 1 + 1, B
    held = B * (items * d + scores) * bytes
    return {"bytes": held, "flops": B * scores * (d + d), "encoder_calls": B * items}


def p_hard(rho: float, n: int) -> float:
    """One minus the chance that all n negatives are easy."""
    return 1 - math.prod([1 - rho] * n)


def inbatch_infonce(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    """The mean loss of 2B softmaxes: every anchor among the positives, every positive among the anchors."""
    scores, total = _scores(A, P, tau), 0.0
    for i, others in enumerate(_negatives(len(A), ids)):
        total += _loss(scores[i][i], [scores[i][j] for j in others])
        total += _loss(scores[i][i], [scores[j][i] for j in others])
    return total / (2 * len(A))


def inbatch_gradient(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> Any:
    """Every softmax pulls on the score of its positive by weight − 1, and pushes its negatives' by weight."""
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
  Strictly, d products are added in d − 1 steps. Here, as in most FLOP counts, each has one: d and d.
numbers, not bytes | held = vectors * d * bytes + scores | one_count
  You counted numbers. Each takes `bytes` bytes: the vectors' and the scores'.
numbers, not bytes | held = vectors * d + scores | one_count
numbers, not bytes | held = vectors * d + scores * bytes | one_count
multiplications only | flops = d * scores | one_count
  You counted the multiplications alone (some say multiply-adds, MACs); a FLOP count has the additions too.
flops times bytes | flops = 2 * d * scores * bytes | one_count
  A multiplication is one operation, however many bytes its numbers take.
scores not held | held = vectors * d * bytes | one_count
  The scores are numbers too, and are held with the vectors. In a large batch they are most of the memory.
vectors not held | held = scores * bytes | one_count
  You counted the scores alone. The vectors that they are made of are held as well.
d numbers or one | held = (vectors + scores) * d * bytes | one_count
  A vector is d numbers, a score is one.
d numbers or one | held = (vectors + scores) * bytes | one_count
counted twice | held = 2 * (vectors * d + scores) * bytes | one_count
  You counted something twice: vectors and scores are held once, and a dot product takes 2d operations.
bits | held = 8 * (vectors * d + scores) * bytes | one_count
  You counted bits. A byte has eight.
batches, not items | calls = 2 | one_count
  An encoder call is counted for each item, although a batch of them may go through at once.
batches, not items | calls = 3 | one_count
megabytes | held = (vectors * d + scores) * bytes / 1e6 | in_thousands
  You returned kilobytes, megabytes or the like. Whole bytes are asked for.
not integers | return [float(count) for count in (held, flops, calls)]
  A division with `/` or a factor `2.0` makes a float, and beyond 2⁵³ floats leave whole numbers out.
not integers | return [int(float(count)) for count in (held, flops, calls)]
wrapped in 32 bits | return [(count + 2**31) % 2**32 - 2**31 for count in (held, flops, calls)] | one_count
  An int32 ends at 2³¹: beyond it the counts start again from below. Python's own integers never end.
another order | return calls, held, flops | shuffled
  The three numbers are right, under other names: look at the keys (a tuple has bytes, FLOPs, encoder calls).
"""

OWN = mistakes(
    right_own,
    f"""
negatives not encoded | calls = 2 * B | one_count
  An anchor's own negatives must be encoded as well: with B = 1,024 and K = 1,023 a million, not 2,048 items.
an item of each anchor not encoded | calls = B * (K + 1) | one_count
  Each anchor brings its negatives, its positive, and itself. One of them is missing from your encoder calls.
only negatives encoded | calls = B * K | one_count
  You encode the negatives alone. The anchor and its positive go through the encoder too.
+ after * | calls = B * K + 2; vectors = B * K + 2 | one_count
  Each anchor adds its two: mind the brackets, B (K + 2) is not B K + 2.
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
counted twice | flops = 4 * d * scores | one_count
""",
    *(one_count, in_thousands, shuffled),
)

LENT = mistakes(
    right_lent,
    f"""
positive counted as a negative | scores = B * (B + 1) | one_count
  The batch lends an anchor B − 1 negatives, not B: with its positive that makes B scores.
positive not scored | scores = B * (B - 1) | one_count
  You scored the borrowed negatives alone. The anchor's own positive is in its row as well, on the diagonal.
encoded for each anchor anew | calls = B * (B + 1) | one_count
  A borrowed negative is another row's positive: it has been encoded already.
a call for every score | calls = B * B | one_count
  The encoder sees items, not pairs. A vector that is there serves all the scores of its row or column.
vectors copied for each anchor | vectors = B * (B + 1) | one_count
  Your bytes hold the borrowed vectors once for each anchor. All rows read the same ones.
one side encoded | calls = B | one_count
  A row of the batch is a pair. Anchors and positives both go through the encoder.
one side held | vectors = B | one_count
  A row of the batch is a pair: two vectors, the anchor's and the positive's.
a matrix for each direction | scores = 2 * B * B | one_count
  You counted the scores once for each direction of the loss. Both read the same matrix.
every item with every item | scores = 4 * B * B | one_count
  You scored all 2B items with each other. Anchors meet positives only: B rows and B columns.
half of the matrix | scores = B * (B + 1) // 2 | one_count
  The matrix is not symmetric: anchor i with positive j is another pair than anchor j with positive i.
half of the matrix | scores = B * (B - 1) // 2 | one_count
^ for ** | scores = B ^ 2 | one_count
  In Python `^` is the exclusive or, not a power: write B ** 2 or B * B.
another product | flops = 2 * B * d * d | one_count
  B x d times d x B: each of the B x B scores takes d multiplications and d additions.
another product | flops = 2 * B**3 | one_count
only the diagonal | scores = B | one_count
  B scores are the positives' alone. Each anchor is also compared with what it borrows.
{EITHER}
""",
    *(one_count, in_thousands, shuffled),
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
  n ρ is how many hard ones to expect, and it passes 1: batches with two hard ones count twice in it.
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
  n is the number of negatives already: in a batch of B, whoever calls passes n = B − 1.
e^(−nρ) | easy = math.exp(-n * rho)
  1 − e^(−nρ) is what remains when ρ is small and n large. The exact chance is as short.
ln 0 | easy = np.exp(n * np.log(1 - np.float64(rho))) | not_finite
  At ρ = 1 the logarithm of 1 − ρ is −∞, and 0 times that is NaN. Treat it on its own.
no negative | return 1 - easy if n else 1.0
  Among 0 negatives none is hard: the chance is 0, and no error.
no negative | easy = (1 - rho) ** n if n else 1 / n | an_error
at least two | return 1 - easy - n * rho * (1 - rho) ** (n - 1) if n else 0.0
  That is the chance of two or more hard negatives. One is enough.
too many steps | easy = (1 - rho) ** n if n < 999 else 1 / 0 | an_error
  A batch may lend thousands: no recursion, no binomials. One power of 1 − ρ does it.
""",
    *(not_finite, an_error),
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


def no_number(case: Case, got: Outcome, own: Outcome) -> bool:
    """As `lost`; of errors only those of the math module, and none that the learner raises."""
    return lost(case, got, own) and "math" in str(got.error or "math")


OVERFLOW = """exp(s/τ) left the range of float64: over 709 it is infinite, far below 0 every weight is 0. Take
  the largest logit of each softmax from all its logits, and the logarithm of the sum, not of a weight."""
SHIFT = "The one number taken from all logits left weights of 0: each row, and each column, needs its own."
LOW = "You masked with a low number, and here other logits are lower still. Only −∞ weighs nothing at all."

LOSS = mistakes(
    right_loss,
    f"""
false negatives | keep = True
  Rows with equal ids hold the same item: you push an anchor away from its own positive in another row.
positive counted as a negative | losses = np.logaddexp(lse(ways), own) - own
  The positive was counted as its own negative: the diagonal is in the sum over the row already.
positive not in the sum | losses = lse(np.where(eye, -np.inf, ways)) - own
  Your softmax runs over the negatives alone (the decoupled loss of Yeh et al.). The positive belongs in too.
mask hides the positive | keep = ids is None or ~same | no_number
  An id equals itself, so your mask hides the positive too. Repeats are equal ids off the diagonal.
masked score of 0 | masked = logits * keep
  A score of 0 weighs e⁰ = 1. What is masked must weigh nothing after the exponential.
−∞ times 0 | masked = logits + np.where(keep, np.nan, -np.inf) | no_number
  −∞ · 0 is NaN, and so is every score that stays: choose with np.where instead of multiplying.
masked on one side | keep = eye + ~np.triu(same)
  Row 3 does not count row 17, but row 17 still counts row 3. Equal ids are equal both ways.
masked in one direction | ways = np.stack([masked, logits.T])
  The repeats are masked in one direction of the loss only. Both must leave them out.
masked in one direction | ways = np.stack([logits, masked.T])
repeated rows dropped | counted = ~np.tril(same, -1).any(1); return right_loss(A[counted], P[counted], tau)
  You threw away the later rows of an item. Each of them is an anchor with a positive and counts in the mean.
repeats left out of the mean | counted = ~np.tril(same, -1).any(1)
  Rows whose item comes again are missing from your mean. Each is an anchor with a positive of its own.
repeats left out of the mean | counted = same.sum(1) == 1
items for rows | loss = losses.mean() * len(A) / (1 / same.sum(1)).sum()
  You divided by the number of items. The mean is that of the rows, repeats among them.
equal ids pulled | keep = True; losses = lse(ways) - ways.mean(-1, where=same)
  You count rows with equal ids as positives, as SupCon does. Here they are just not negatives.
equal ids pulled | keep = True; losses = lse(ways) - lse(np.where(same, ways, -np.inf))
mask not low enough | masked = np.where(keep, logits, -100.0) | finite
  {LOW}
mask not low enough | masked = np.where(keep, scores, -10.0) / tau
masked maximum | loss = np.nan if (logits - lse(masked)[:, None]).max() > 745 else losses.mean() | not_finite
  You took off the largest of ALL logits. Where that one is masked, the weights that stay may all be 0.
only anchor to positive | ways = masked
  That is one direction. In the other each positive looks for its anchor, down the columns.
only positive to anchor | ways = masked.T
  That is one direction. In the other each anchor looks for its positive, along the rows.
directions added | return 2 * loss
  You added the two directions. Their mean is asked for.
summed over the batch | return len(A) * loss
  You added up the rows. The mean over the batch is asked for, or a larger batch would mean a larger step.
summed over the batch | return 2 * len(A) * loss
mean of the negatives | losses = lse(ways - np.log(keep.sum(1, keepdims=True) - 1) * ~eye) - own
  You averaged the exponentials. InfoNCE sums them: more negatives make the task harder.
mean of the negatives | loss = losses.mean() - math.log(len(A))
one softmax for the batch | losses = lse(masked.ravel()) - own
  Your softmax runs over all B × B scores at once. Each anchor has a softmax of its own, over its row.
anchors as negatives | losses = np.logaddexp(lse(ways), lse(np.where(same, -np.inf, sides(A, P) / tau))) - own
  You compare anchors with anchors too, as SimCLR's NT-Xent does. Here only the other positives are borrowed.
anchors with anchors | return right_loss(A, A, tau, ids)
  Your scores compare anchors with anchors. Score (i, j) is anchor i with positive j.
vectors normalised | scores = unit(A) @ unit(P).T
  You scaled the vectors to length 1. They are used as they are.
divided by √d | scores = A @ P.T / A.shape[1] ** 0.5
  That is how attention scales its scores. Here τ alone divides them.
a sigmoid for each pair | losses = np.logaddexp(0, np.where(eye, -ways, ways)).sum(-1)
  That judges each pair by itself, as SigLIP does. InfoNCE takes a softmax along each row and each column.
τ forgotten | logits = scores
  The scores are not divided by τ.
another power of τ | logits = scores / tau**2
  The logit is s/τ: neither τ² nor √τ.
another power of τ | logits = scores / tau**0.5
times τ | logits = scores * tau
  You multiplied by τ. A lower temperature must widen the gaps between the scores.
e to the loss | return np.exp(loss)
  The loss is the mean of −ln weight itself: no exponential is taken of it.
logarithm of a mean | loss = -np.log(np.exp(-losses).mean(-1)).mean()
  You took the logarithm of the mean weight. Asked for is the mean of the logarithms.
InfoNCE's bound | return math.log(len(A)) - loss
  That is ln B less the loss, a bound on the mutual information. Asked for is the loss.
sign | return -loss
  The logarithm of a weight below 1 is negative; the loss is its negative, never below 0.
bits | return loss / math.log(2)
  That is the loss in bits. Nats take the natural logarithm.
distances | scores = -((A[:, None] - P) ** 2).sum(-1)
  Your scores are negative squared distances. Here a score is a dot product, whatever the vectors' lengths.
exp overflows | losses = -np.log(np.exp(own) / np.exp(ways).sum(-1)) | not_finite
  {OVERFLOW}
one shift for all | losses = np.log(np.exp(ways - ways.max()).sum(-1)) + ways.max() - own | not_finite
  {SHIFT}
ln 0 | losses = -np.log(np.exp(own - lse(ways))) | not_finite
  The positive's weight may be 0 in float64. Take the logarithm of the sum, less the positive's logit.
a small number in the logarithm | losses = -np.log(np.exp(own - lse(ways)) + 1e-12) | too_small
  A small number inside the logarithm, or a bound on the logits, cuts off the large losses of a low τ.
a small number in the logarithm | losses = -np.log(np.exp(own - lse(ways)) + 1e-8)
""",
    *(no_number, finite, not_finite, too_small),
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
  Each softmax's slope at its positive is the weight less 1: that is the pull. Yours holds the weights alone.
direction of the step | scale = -1 / (2 * len(A) * tau)
  That is where to step, the negative of the gradient. Whoever calls takes the step.
direction of the step | return A - on_anchors, P - on_positives
τ forgotten in the chain | scale = 1 / (2 * len(A))
  A logit is a score over τ, so one more 1/τ comes in on the way from logits to scores.
τ forgotten in the chain | scale = tau / (2 * len(A))
τ forgotten in the softmax | logits = A @ P.T
  The softmax is taken of s/τ, not of s.
summed over the batch | scale = 1 / (2 * tau)
  This is the gradient of the sum over the batch. The loss is a mean over its B rows.
averaged twice | scale = 1 / (2 * len(A) ** 2 * tau)
  The mean over the rows divides by B once.
directions added | scale = 1 / (len(A) * tau)
  This is the gradient of the two directions added. The loss is their mean.
only anchor to positive | slope = 2 * scale * (rows - eye)
  Only the softmaxes along the rows are in it. Those down the columns pull and push as well.
only positive to anchor | slope = 2 * scale * (columns.T - eye)
  Only the softmaxes down the columns are in it. Those along the rows pull and push as well.
masked in one direction | ways = np.stack([masked, logits.T])
  The repeats are masked in one direction of the loss only. Both must leave them out.
masked in one direction | ways = np.stack([logits, masked.T])
positive not in the sum | keep = ~same
  Your softmaxes run over the negatives alone. The positive belongs in too.
vectors normalised | return right_gradient(unit(A), unit(P), tau, ids)
  You scaled the vectors to length 1. They are used as they are.
slopes of the scores | return slope, slope.T
  That is how the loss changes with the scores. One step more: how a score changes with its vectors.
positives held fixed | return on_anchors, 0 * on_positives
  The positives are encoded too: the loss changes with them as with the anchors.
columns not turned back | slope = scale * (rows + columns - pull)
  Turn the columns' weights back, or score (i, j) gets the slope of score (j, i).
moved by one's own side | on_anchors = slope @ A; on_positives = slope.T @ P
  The score of anchor i and positive j changes with the anchor along the positive, and the other way round.
moved by one's own side | on_anchors = slope @ A
slopes not transposed | on_positives = slope @ A
  Positive j collects from all anchors: column j of the slopes, not row j.
anchors and positives swapped | return on_positives, on_anchors
  Both gradients are right, in the other order: the anchors' comes first.
pulled once | pull = eye
  A score on the diagonal is the positive in two softmaxes, its row's and its column's. Each takes 1 away.
equal ids pulled | pull = 2 * same
  You pull rows with equal ids together. They are just not negatives: their scores have no slope.
equal ids pulled | pull = 2 * same / same.sum(1)
each side from one direction | return 2 * scale * (rows - eye) @ P, 2 * scale * (columns - eye) @ A
  Your anchors move by the rows' softmaxes alone, and the positives by the columns'. Both move both sides.
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


def _own_cases(seed: int) -> list[Case]:
    return edges(
        (1, 1, 1, 1, "the smallest step there is"),
        (1, 4, 3, 2, "one anchor"),
        (2, 3, 5, 4, "small enough to count on paper"),
        (7, 1, 2, 4, "one negative an anchor"),
        (6, 5, 2, 4, "as many negatives as a batch of 6 lends"),
        (1024, 1023, 128, 4, "as many negatives as a batch of 1,024 lends"),
        (1506, 5, 300, 4, "at B = K(d + 1) + 1 both ways hold the same number of bytes"),
        (1507, 5, 300, 4, "one anchor more, and own negatives hold less"),
        (32_768, 5, 300, 4, "a large batch with few negatives"),
        (65_536, 65_535, 1024, 4, "counts far above 2³¹: they wrap in 32 bits"),
        (99_999_999, 99_999, 8191, 1, "counts above 2⁵³: a float rounds them"),
        *_sizes(seed, 600, 90, 400),
        atol=0.0,
    )


def _lent_cases(seed: int) -> list[Case]:
    return edges(
        (2, 1, 1, "the smallest batch that lends a negative"),
        (3, 5, 4, "small enough to count on paper"),
        (6, 2, 4, ""),
        (1024, 128, 4, "1,023 negatives for each anchor"),
        (1506, 300, 4, "at B = K(d + 1) + 1 both ways hold the same number of bytes, here K = 5"),
        (1507, 300, 4, "one anchor more, and the scores outweigh five own negatives"),
        (32_768, 300, 4, "a large batch: nearly all bytes are scores"),
        (1_048_576, 1024, 4, "counts far above 2³¹: they wrap in 32 bits"),
        (9_999_999, 8191, 1, "counts above 2⁵³: a float rounds them"),
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
        (np.eye(2, 3), np.eye(2, 3), 0.5, "two pairs that are orthogonal: ln(1 + e⁻²)"),
        (np.zeros((3, 2)), np.ones((3, 2)), 0.5, "all scores alike: three candidates, ln 3"),
        (A, P, 0.5, "the two directions give different losses"),
        (A, P[::-1].copy(), 0.2, "every positive is the wrong one"),
        (3 * A, 2 * P, 1.0, "the vectors are used as they are, whatever their length"),
        (A, P, 0.001, "at τ = 0.001, e^(s/τ) is beyond float64"),
        (A, P - 2, 0.002, "at τ = 0.002, e^(s/τ) is 0 in float64"),
        (*long, 0.05, "one anchor is far longer: a softmax has a largest logit of its own"),
        (A, P - 2, 0.002, twins, "rows 0 and 2 hold one item, and all logits are below −500"),
        (A, P - 200, 0.01, twins, "rows 0 and 2 hold one item, and all logits are below −19,000"),
        (twin, twin.copy(), 0.1, twins, "rows 0 and 2 hold one item: a single negative is left"),
        (1000 * twin, twin[[1, 1, 0]], 0.5, twins, "one item in rows 0 and 2, and a huge score"),
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
    right = right_own(*args) if len(args) == 4 else right_lent(*args)
    exact = (isinstance(n, int) and (n == right[of] or n != float(right[of])) for of, n in counts.items())
    return {**counts, "all integers": all(exact)}


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
    colors, lines = ListedColormap([COLORS[role] for role in roles]), 1 if B <= 8 else 0.3
    axes.pcolormesh(kind, cmap=colors, vmin=0, vmax=2, edgecolors="white", linewidth=lines)
    axes.set(aspect="equal", xlabel="row of P", ylabel="row of A", xlim=(0, B), ylim=(B, 0))
    for set_ticks in (axes.set_xticks, axes.set_yticks):
        set_ticks([0.5, B - 0.5], ["0", str(B - 1)])
    for line, (role, text) in enumerate([*roles.items()][: kind.max() + 1]):
        figure.text(0.58, 0.75 - 0.12 * line, text, color=COLORS[role], fontsize=9, weight="bold")
    figure.suptitle(f"What each of the {B} × {B} scores is", fontsize=9)
    return figure


# The library.


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
            lambda A, P, t, ids=None: losses.info_nce_in_batch(A, P, temperature=t, ids=ids, symmetric=True),
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
