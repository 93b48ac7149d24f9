"""Exercise 08: the mistakes in the loss that are known by name."""

from __future__ import annotations

import math

from nslab.practice._exercise import Mutant
from nslab.practice._judgements import lost, not_finite
from nslab.practice.exercises._08_per_example_or_in_batch import wrong_losses

_LEFT_OUT = (
    "Rows whose item comes again are missing from your mean. Each is an anchor with a positive of its own:"
    " repeats are no negatives of one another, and all of them count."
)
LOW = (
    "You masked with a low number, and here the other logits are lower still, so that it takes over the"
    " softmax. Only −∞ weighs nothing beside any logit."
)
SHIFT = (
    "You took one number from all logits of the batch. Where it is far above a row's own largest, all weights"
    " of that row are 0. Each row, and each column, needs its own."
)
_REPEATED = (
    "Rows with equal ids hold the same item. You took only the diagonal out of the negatives, so these are"
    " false negatives: where rows 3 and 17 hold one item, anchor 3 is pushed away from its own positive in"
    " row 17."
)
OVERFLOW = (
    "exp(s/τ) left the range of float64: over 709 it is infinite, far below 0 every weight is 0. A softmax"
    " does not change when one number is taken from all its logits: make the largest of each softmax 0 first,"
    " and take the logarithm of its sum, not of a weight that may be 0."
)

LOSS = (
    Mutant("false negatives", wrong_losses.ids_ignored, _REPEATED),
    Mutant(
        "positive counted as a negative",
        wrong_losses.positive_twice,
        "The positive was counted as its own negative: the diagonal is in the sum over the row already. B"
        " scores in all, of which B − 1 are negatives.",
    ),
    Mutant(
        "positive not in the sum",
        wrong_losses.without_positive,
        "Your softmax runs over the negatives alone. The positive competes with them, so its exponential"
        " belongs into the sum as well (without it, the loss can fall below 0: the decoupled loss of Yeh et"
        " al.).",
    ),
    Mutant(
        "mask hides the positive",
        wrong_losses.positive_masked,
        "Every row has the same id as itself, so your mask hides the positive too. Repeats are the equal ids "
        "beside the diagonal.",
        lost,
    ),
    Mutant(
        "masked score of 0",
        wrong_losses.scores_zeroed,
        "A score of 0 is a score like any other, and weighs e⁰ = 1. What is masked must weigh nothing after"
        " the exponential.",
    ),
    Mutant(
        "masked on one side",
        wrong_losses.later_only,
        "Row 3 does not count row 17, but row 17 still counts row 3. Equal ids are equal both ways.",
    ),
    Mutant(
        "masked in one direction",
        wrong_losses.masked_rows,
        "The repeats are masked in one direction of the loss only. A positive must not be pushed from the"
        " anchors of its own item either.",
        wrong_losses.one_way_masked,
    ),
    Mutant(
        "repeated rows dropped",
        wrong_losses.rows_dropped,
        "You threw away the later rows of an item. Each of them is an anchor with a positive and counts in"
        " the mean; they are only not negatives of one another.",
    ),
    Mutant("repeats left out of the mean", wrong_losses.first_only, _LEFT_OUT),
    Mutant("repeats left out of the mean", wrong_losses.single_only, _LEFT_OUT),
    Mutant(
        "equal ids pulled",
        wrong_losses.alike_pulled,
        "You count rows with equal ids as further positives, as the supervised contrastive loss does. Here"
        " they are only no negatives: each row has one positive.",
    ),
    Mutant("mask not low enough", wrong_losses.low_mask, LOW, wrong_losses.finite),
    Mutant(
        "only anchor to positive",
        lambda A, P, tau, ids=None: float(wrong_losses.rows(wrong_losses.masked(A, P, tau, ids)).mean()),
        "That is one direction: an anchor looks for its positive among the positives. The symmetric loss also"
        " lets each positive look for its anchor, and takes the mean.",
    ),
    Mutant(
        "only positive to anchor",
        lambda A, P, tau, ids=None: float(wrong_losses.rows(wrong_losses.masked(A, P, tau, ids).T).mean()),
        "Your softmax runs down the columns: each positive looks for its anchor. That is one of the two"
        " directions; the other runs along the rows.",
    ),
    Mutant(
        "directions added",
        lambda A, P, tau, ids=None: 2 * wrong_losses.right_loss(A, P, tau, ids),
        "You added the two directions. Their mean is asked for, which stays comparable with a loss in one"
        " direction.",
    ),
    Mutant(
        "summed over the batch",
        lambda A, P, tau, ids=None: len(A) * wrong_losses.right_loss(A, P, tau, ids),
        "You added up the rows. The mean over the batch is asked for, or a larger batch would mean a larger"
        " step.",
    ),
    Mutant(
        "summed over the batch",
        lambda A, P, tau, ids=None: 2 * len(A) * wrong_losses.right_loss(A, P, tau, ids),
        "You added up all 2B terms. The mean is asked for, or a larger batch would mean a larger step.",
    ),
    Mutant(
        "mean of the negatives",
        wrong_losses.mean_of_negatives,
        "You averaged the negatives' exponentials. InfoNCE sums them: more negatives make the task harder.",
    ),
    Mutant(
        "one softmax for the batch",
        wrong_losses.one_softmax,
        "Your softmax runs over all B × B scores at once. Each anchor has a softmax of its own, over its"
        " row.",
    ),
    Mutant(
        "anchors as negatives",
        wrong_losses.all_pairs,
        "You compare anchors with anchors too, as SimCLR's NT-Xent does, with 2(B − 1) negatives. Here an"
        " anchor borrows the other rows' positives alone.",
    ),
    Mutant(
        "anchors with anchors",
        lambda A, P, tau, ids=None: wrong_losses.right_loss(A, A, tau, ids),
        "Your scores compare anchors with anchors; the positives never come in. Score (i, j) is anchor i with"
        " positive j.",
    ),
    Mutant(
        "vectors normalised",
        wrong_losses.cosines,
        "You scaled the vectors to length 1. They are used as they are: whether a score is a cosine is for"
        " the caller to decide.",
    ),
    Mutant(
        "τ forgotten",
        lambda A, P, tau, ids=None: wrong_losses.right_loss(A, P, 1.0, ids),
        "The scores are not divided by τ.",
    ),
    Mutant(
        "times τ",
        lambda A, P, tau, ids=None: wrong_losses.right_loss(A, P, 1 / tau, ids),
        "You multiplied by τ. A lower temperature must widen the gaps between the scores.",
    ),
    Mutant(
        "sign",
        lambda A, P, tau, ids=None: -wrong_losses.right_loss(A, P, tau, ids),
        "The logarithm of a weight below 1 is negative; the loss is its negative, never below 0.",
    ),
    Mutant(
        "bits",
        lambda A, P, tau, ids=None: wrong_losses.right_loss(A, P, tau, ids) / math.log(2),
        "That is the loss in bits. It is asked for in nats: the natural logarithm.",
    ),
    Mutant(
        "distances",
        wrong_losses.distances,
        "Your scores are negative squared distances. Here a score is a dot product, whatever the vectors'"
        " lengths.",
    ),
    Mutant("exp overflows", wrong_losses.raw_exponentials, OVERFLOW, not_finite),
    Mutant("one shift for all", wrong_losses.one_shift, SHIFT, not_finite),
    Mutant(
        "a small number in the logarithm",
        wrong_losses.clipped,
        "A small number inside the logarithm keeps the loss from growing where the positive's weight is tiny:"
        " at a low τ the true loss is far larger. The logarithm of a sum, with its largest term taken out,"
        " needs no such help.",
        wrong_losses.too_small,
    ),
)
