"""Exercise 08: the mistakes in costs that are known by name."""

from __future__ import annotations

from nslab.practice._exercise import Mutant
from nslab.practice.exercises._08_per_example_or_in_batch.mistakes_counts import (
    D_MINUS_ONE,
    FLOATS,
    MEGA,
    MULTIPLY_ADD,
    NO_SCORES,
    NO_VECTORS,
    NUMBERS,
    ORDER,
    as_floats,
    in_thousands,
    lent_cost,
    one_field,
    other_order,
    own_cost,
    shuffled,
    whole_floats,
)

PER_EXAMPLE = (
    Mutant(
        "negatives not encoded",
        lambda B, K, d, bytes: own_cost(B, K, d, bytes, calls=2 * B),
        "An anchor's own negatives must be encoded as well. With B = 1,024 and K = 1,023 the step encodes "
        "1,049,600 items, and you counted 2,048.",
        one_field,
    ),
    Mutant(
        "an item of each anchor not encoded",
        lambda B, K, d, bytes: own_cost(B, K, d, bytes, calls=B * (K + 1)),
        "Each anchor brings its negatives, its positive, and itself. One of these is missing from your"
        " encoder calls.",
        one_field,
    ),
    Mutant(
        "only negatives encoded",
        lambda B, K, d, bytes: own_cost(B, K, d, bytes, calls=B * K),
        "You encode the negatives alone. The anchor and its positive go through the encoder too.",
        one_field,
    ),
    Mutant(
        "one set of negatives for all",
        lambda B, K, d, bytes: own_cost(B, K, d, bytes, calls=2 * B + K, vectors=2 * B + K),
        "You let all anchors share one set of K negatives. Here each draws its own, so they are multiplied"
        " by B.",
        one_field,
    ),
    Mutant(
        "a single anchor",
        lambda B, K, d, bytes: own_cost(1, K, d, bytes),
        "That is the cost of one anchor. A step has B of them, and nothing is shared.",
        one_field,
    ),
    Mutant(
        "a vector of each anchor not held",
        lambda B, K, d, bytes: own_cost(B, K, d, bytes, vectors=B * (K + 1)),
        "One vector of each anchor is missing from your bytes: its own, or its positive's.",
        one_field,
    ),
    Mutant(
        "only the negatives' vectors",
        lambda B, K, d, bytes: own_cost(B, K, d, bytes, vectors=B * K),
        "The negatives are most of the vectors, but the anchor's and the positive's are held as well.",
        one_field,
    ),
    Mutant(
        "positive not scored",
        lambda B, K, d, bytes: own_cost(B, K, d, bytes, scores=B * K),
        "The positive needs a score too: without it there is nothing to compare the negatives with.",
        one_field,
    ),
    Mutant(
        "every anchor with every positive",
        lambda B, K, d, bytes: own_cost(B, K, d, bytes, scores=B * B),
        "B × B scores is what a shared batch makes. Here an anchor meets its own positive and its own"
        " negatives.",
        one_field,
    ),
    Mutant(
        "every anchor with every item",
        lambda B, K, d, bytes: own_cost(B, K, d, bytes, scores=B * B * (K + 1)),
        "You let an anchor meet the other anchors' items too. What is drawn for one is scored by that one"
        " alone.",
        one_field,
    ),
    Mutant(
        "d − 1 additions",
        lambda B, K, d, bytes: own_cost(B, K, d, bytes) | {"flops": B * (K + 1) * (2 * d - 1)},
        D_MINUS_ONE,
        one_field,
    ),
    Mutant(
        "numbers, not bytes",
        lambda B, K, d, bytes: own_cost(B, K, d, bytes) | {"bytes": B * (K + 2) * d * bytes + B * (K + 1)},
        NUMBERS,
        one_field,
    ),
    Mutant(
        "as many scores as items",
        lambda B, K, d, bytes: own_cost(B, K, d, bytes, scores=B * (K + 2)),
        "An item is not a score: the anchor is not compared with itself.",
        one_field,
    ),
    Mutant(
        "multiplications only",
        lambda B, K, d, bytes: own_cost(B, K, d, bytes) | {"flops": B * (K + 1) * d},
        MULTIPLY_ADD,
        one_field,
    ),
    Mutant(
        "scores not held",
        lambda B, K, d, bytes: own_cost(B, K, d, bytes) | {"bytes": B * (K + 2) * d * bytes},
        NO_SCORES,
        one_field,
    ),
    Mutant(
        "vectors not held",
        lambda B, K, d, bytes: own_cost(B, K, d, bytes) | {"bytes": B * (K + 1) * bytes},
        NO_VECTORS,
        one_field,
    ),
    Mutant(
        "numbers, not bytes",
        lambda B, K, d, bytes: own_cost(B, K, d, bytes) | {"bytes": B * (K + 2) * d + B * (K + 1)},
        NUMBERS,
        one_field,
    ),
    Mutant(
        "megabytes",
        lambda B, K, d, bytes: own_cost(B, K, d, bytes) | {"bytes": own_cost(B, K, d, bytes)["bytes"] / 1e6},
        MEGA,
        in_thousands,
    ),
    Mutant("not integers", lambda B, K, d, bytes: as_floats(own_cost(B, K, d, bytes)), FLOATS, whole_floats),
    Mutant("another order", lambda B, K, d, bytes: other_order(own_cost(B, K, d, bytes)), ORDER, shuffled),
)

IN_BATCH = (
    Mutant(
        "positive counted as a negative",
        lambda B, d, bytes: lent_cost(B, d, bytes, scores=B * (B + 1)),
        "The positive was counted as its own negative: the batch lends an anchor B − 1 negatives, not B. With"
        " its positive that makes B scores.",
        one_field,
    ),
    Mutant(
        "positive not scored",
        lambda B, d, bytes: lent_cost(B, d, bytes, scores=B * (B - 1)),
        "You scored the borrowed negatives alone. The anchor's own positive is in its row as well, on the"
        " diagonal.",
        one_field,
    ),
    Mutant(
        "encoded for each anchor anew",
        lambda B, d, bytes: lent_cost(B, d, bytes, calls=B * (B + 1)),
        "You pay for B − 1 negatives of each anchor, as if they were its own. A borrowed negative is another "
        "row's positive: it has been encoded already.",
        one_field,
    ),
    Mutant(
        "a call for every score",
        lambda B, d, bytes: lent_cost(B, d, bytes, calls=B * B),
        "The encoder sees items, not pairs. A vector that is there serves all the scores of its row or"
        " column.",
        one_field,
    ),
    Mutant(
        "vectors copied for each anchor",
        lambda B, d, bytes: lent_cost(B, d, bytes, vectors=B * (B + 1)),
        "Your bytes hold the borrowed vectors once for each anchor. A matrix product reads the same vectors"
        " for all rows: they are held once.",
        one_field,
    ),
    Mutant(
        "one side encoded",
        lambda B, d, bytes: lent_cost(B, d, bytes, calls=B),
        "A row of the batch is a pair. Anchors and positives both go through the encoder.",
        one_field,
    ),
    Mutant(
        "one side held",
        lambda B, d, bytes: lent_cost(B, d, bytes, vectors=B),
        "A row of the batch is a pair: two vectors, the anchor's and the positive's.",
        one_field,
    ),
    Mutant(
        "a matrix for each direction",
        lambda B, d, bytes: lent_cost(B, d, bytes, scores=2 * B * B),
        "You counted the scores twice, once for each direction of the loss. Both read the same matrix, one by"
        " rows and one by columns.",
        one_field,
    ),
    Mutant(
        "every item with every item",
        lambda B, d, bytes: lent_cost(B, d, bytes, scores=4 * B * B),
        "You scored all 2B items with each other. Anchors meet positives only: B rows and B columns.",
        one_field,
    ),
    Mutant(
        "d − 1 additions",
        lambda B, d, bytes: lent_cost(B, d, bytes) | {"flops": B * B * (2 * d - 1)},
        D_MINUS_ONE,
        one_field,
    ),
    Mutant(
        "numbers, not bytes",
        lambda B, d, bytes: lent_cost(B, d, bytes) | {"bytes": 2 * B * d * bytes + B * B},
        NUMBERS,
        one_field,
    ),
    Mutant(
        "half of the matrix",
        lambda B, d, bytes: lent_cost(B, d, bytes, scores=B * (B + 1) // 2),
        "The matrix is not symmetric: anchor i with positive j is another pair than anchor j with"
        " positive i.",
        one_field,
    ),
    Mutant(
        "only the diagonal",
        lambda B, d, bytes: lent_cost(B, d, bytes, scores=B),
        "B scores are the positives' alone. Each anchor is also compared with what it borrows.",
        one_field,
    ),
    Mutant(
        "multiplications only",
        lambda B, d, bytes: lent_cost(B, d, bytes) | {"flops": B * B * d},
        MULTIPLY_ADD,
        one_field,
    ),
    Mutant(
        "scores not held",
        lambda B, d, bytes: lent_cost(B, d, bytes) | {"bytes": 2 * B * d * bytes},
        NO_SCORES,
        one_field,
    ),
    Mutant(
        "vectors not held",
        lambda B, d, bytes: lent_cost(B, d, bytes) | {"bytes": B * B * bytes},
        NO_VECTORS,
        one_field,
    ),
    Mutant(
        "numbers, not bytes",
        lambda B, d, bytes: lent_cost(B, d, bytes) | {"bytes": 2 * B * d + B * B},
        NUMBERS,
        one_field,
    ),
    Mutant(
        "megabytes",
        lambda B, d, bytes: lent_cost(B, d, bytes) | {"bytes": lent_cost(B, d, bytes)["bytes"] / 1e6},
        MEGA,
        in_thousands,
    ),
    Mutant("not integers", lambda B, d, bytes: as_floats(lent_cost(B, d, bytes)), FLOATS, whole_floats),
    Mutant("another order", lambda B, d, bytes: other_order(lent_cost(B, d, bytes)), ORDER, shuffled),
)
