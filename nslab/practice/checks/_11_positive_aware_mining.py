"""Exercise 11: positive-aware mining."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from nslab import mining
from nslab.practice._exercise import Case, Exercise, Mutant, Question, edges
from nslab.practice._judgements import an_error, silent
from nslab.practice._mistakes import changed, mistakes
from nslab.practice._run import Outcome

# The specification: one query at a time, one candidate at a time.


def score_bounds(scores: np.ndarray, positives: np.ndarray, share: float) -> np.ndarray:
    """The lowest positive's score, less 1 − share of its size."""
    if not 0 < share <= 1:
        raise ValueError(f"share must lie in (0, 1], got {share}")
    bounds = []
    for row, ids in zip(scores, positives, strict=True):
        known = [float(row[j]) for j in ids if j >= 0]
        if not known:
            raise ValueError("a row has no positive")
        bounds.append(min(known) - (1 - share) * abs(min(known)))
    return np.array(bounds)


def mine_below(scores: np.ndarray, positives: np.ndarray, share: float, K: int) -> np.ndarray:
    """What lies below the bound, sorted by score, then by id."""
    found = []
    for row, bound in zip(scores, score_bounds(scores, positives, share), strict=True):
        candidates = [j for j, score in enumerate(row) if score < bound]
        best = sorted(candidates, key=lambda j, row=row: (-row[j], j))[:K]
        found.append(best + [-1] * (K - len(best)))
    return np.array(found)


def false_share(ids: np.ndarray, relevant: np.ndarray) -> float:
    """Of the ids that are no padding, the share that is relevant to its row."""
    taken = [bool(relevant[i, j]) for i, row in enumerate(ids) for j in row if j >= 0]
    if not taken:
        raise ValueError("nothing was mined")
    return sum(taken) / len(taken)


# A right answer in named steps, and what goes wrong in each.


def right_bounds(scores: np.ndarray, positives: np.ndarray, share: float) -> np.ndarray:
    refused = not 0 < share <= 1
    unbounded = (positives < 0).all(1).any()
    if refused or unbounded:
        raise ValueError("no such share, or a row without a positive")
    known = positives >= 0
    read = np.take_along_axis(scores, positives, axis=1)
    lowest = np.where(known, read, np.inf).min(1)
    bound = lowest - (1 - share) * abs(lowest)
    return bound


BOUNDS = mistakes(
    right_bounds,
    """
highest positive | lowest = np.where(known, read, -np.inf).max(1)
  Of several positives you took the highest score. The bound has to lie below all of them: the lowest counts.
one of the positives | lowest = read[np.arange(len(read)), known.argmax(1)]
  You took one positive of each row: its first, its last, or the one nearest to 0. The lowest score counts.
one of the positives | lowest = read[np.arange(len(read)), -1 - known[:, ::-1].argmax(1)]
one of the positives | lowest = read[np.arange(len(read)), np.where(known, abs(read), np.inf).argmin(1)]
mean of the positives | lowest = np.where(known, read, 0).sum(1) / known.sum(1)
  Of several positives you took the mean score. The bound has to lie below all of them: the lowest counts.
one bound for all | lowest = np.full(len(read), np.where(known, read, np.inf).min())
  There is one bound, the first row's or the lowest of the batch. Each row has its own: `min(axis=1)`.
one bound for all | return bound[:1]
padding read | lowest = read.min(1)
  The padding was read as a positive: -1 is the LAST item of a row in Python, and 0 the first. Leave it out.
padding read | lowest = np.take_along_axis(scores, positives.clip(0), axis=1).min(1)
padding filled too low | lowest = np.where(known, read, 1e9).min(1) | silent
  The number that you put in the padding's place does not lie above every score. Use np.inf.
padding filled too low | lowest = np.where(known, read, 0).min(1)
item 0 left out | known = positives > 0
  You took item 0 for padding: `positives > 0`. Only -1 is padding.
whole row | lowest = scores.max(1)
  Your bound starts from the best or the lowest score of the row, whoever has it. The positives' scores count.
whole row | lowest = scores.min(1)
row without a positive | unbounded = False | silent
  A row without a positive got a bound. There is nothing to measure by: raise ValueError.
share of a negative score | bound = share * lowest
  Of a negative score a share lies ABOVE it: 0.75 · (-0.5) is -0.375. Take 1 − share of its SIZE off it.
divided by the share | bound = np.where(lowest < 0, lowest / share, share * lowest)
  Divided by the share, a score below 0 moves down by 1/share − 1 of its size. Asked for is 1 − share of it.
too high | bound = share * lowest.clip(0)
  Your bound lies at the positive or above it. Go down from its score, also below 0, by 1 − share of its size.
too high | bound = share * abs(lowest)
too high | bound = lowest + (1 - share) * abs(lowest)
too high | bound = lowest
margin for share | bound = lowest - (1 - share)
  You took 1 − share itself off every score: a margin, in units of a score. Take 1 − share OF its size.
1 − share | bound = (1 - share) * lowest
  You kept 1 − share of the score. A share of 0.95 means: candidates may come up to 95 % of the positive.
1 − share | bound = lowest - share * abs(lowest)
whole numbers | return bound.astype(int)
  Your bounds are whole numbers: an array made like `positives` cuts off what stands after the point.
share not refused | refused = False | silent
  A share must lie in (0, 1]: above 1 the positive itself would come in. Raise ValueError for any other.
""",
    silent,
)


def right_mined(
    scores: np.ndarray, positives: np.ndarray, share: float, K: int, bounds: Callable[..., Any] = right_bounds
) -> Any:
    limit = bounds(scores, positives, share)[:, None]
    fits = scores < limit
    low = -np.inf
    allowed = np.where(fits, scores, low)
    order = np.argsort(-allowed, kind="stable")
    real = np.take_along_axis(allowed, order, axis=1) > low
    ids = np.pad(np.where(real, order, -1), ((0, 0), (0, K)), constant_values=-1)[:, :K]
    filling = -1
    return np.where(ids < 0, filling, ids)


def unstable(allowed: np.ndarray) -> np.ndarray:
    """A sort that is not stable is often stable where rows are short."""
    turned = np.argsort(allowed, kind="stable")[:, ::-1]
    return turned if turned.shape[1] > 16 else np.argsort(-allowed, kind="stable")


def others(scores: np.ndarray, positives: np.ndarray) -> np.ndarray:
    """All but the positives."""
    return ~(positives[:, :, None] == np.arange(scores.shape[1])).any(1)


def shorter(case: Case, got: Outcome, own: Outcome) -> bool:
    return any(len(row) < case.args[-1] for row in got.value)


def tied(case: Case, got: Outcome, own: Outcome) -> bool:
    """Other ids with the same scores."""
    row = np.pad(case.args[0], ((0, 0), (0, 1)), constant_values=np.inf)  # -1 reads infinity
    mine, its = (np.take_along_axis(row, np.asarray(one.value, int), axis=1) for one in (got, own))
    return np.array_equal(mine, its)


def turned(case: Case, got: Outcome, own: Outcome) -> bool:
    """The same ids in another order."""
    return np.array_equal(np.sort(got.value), np.sort(own.value))


# Bounds under which a positive may come in, unless it is left out.
LETS_IN = ["highest positive", "one of the positives", "whole row", "share of a negative score", "too high"]
LEFT_OUT = changed(right_mined, "fits = (scores < limit) & others(scores, positives)")
RATIO = changed(right_mined, "fits = scores / right_bounds(scores, positives, 1.0)[:, None] < share")


def through(mistake: Mutant, mined: Callable[..., Any] = right_mined) -> Mutant:
    """A wrong bound in the hands of a miner."""
    return replace(mistake, wrong=lambda *args: mined(*args, mistake.wrong))


MINE = (
    *mistakes(
        right_mined,
        """
at the bound | fits = scores <= limit
  A score on the bound came in, and with a share of 1 the positive itself. Below means `<`, not `<=`.
a mask that is only low | low = 0
  What is not allowed got a low score, but some items score lower still. Use -inf, or a mask of its own.
a mask that is only low | low = -1
a mask that is only low | low = -1e9
a mask that is only low | low = 0; real = np.take_along_axis(fits, order, axis=1)
a mask that is only low | low = -1; real = np.take_along_axis(fits, order, axis=1)
a mask that is only low | low = -1e9; real = np.take_along_axis(fits, order, axis=1)
not allowed, for padding | low = -1; real = True
  There are too few candidates, and you filled up with items that are not allowed. These places are -1.
not allowed, for padding | real = True
filtered after the top K | fits = (scores < limit) & (np.argsort(np.argsort(-scores, kind="stable")) < K)
  You took the K best, then looked at the bound: what lies above it used up places. First the bound.
filtered after the top K | fits = (scores < limit) & (np.argsort(np.argsort(-scores, kind="stable")) <= K)
another padding | filling = 0
  The places left over hold -1, and no others: not 0, which is an item, not N, not NaN, and no item twice.
another padding | filling = np.nan
another padding | filling = scores.shape[1]
another padding | filling = np.take_along_axis(ids, (ids >= 0).sum(1, keepdims=True).clip(1) - 1, axis=1)
another padding | return np.where(ids > 0, ids, -1)
another padding | return np.where(np.arange(K) < K - 1, ids, -1)
another order | return np.array([np.roll(row, (row < 0).sum()) for row in ids])
  The right ones, in another order: the highest score comes first, and -1 fills the END of the row.
another order | return np.array([np.r_[row[row >= 0][::-1], row[row < 0]] for row in ids]) | turned
places for ids | return np.where(ids < 0, -1, np.take_along_axis(fits.cumsum(1) - 1, ids, axis=1))
  You returned places in the list of candidates. A document's id is its column in `scores`.
scores for ids | return np.where(ids < 0, -1, np.take_along_axis(scores, ids, axis=1))
  You returned the scores of the negatives. Asked for are their ids, the columns that they stand in.
rows of different length | return [[j for j in row if j >= 0] for row in ids.tolist()] | shorter
  Some rows are shorter than K. Every row has K places: what is missing at the end is -1.
easiest first | allowed = np.where(fits, -scores, low)
  You took the lowest scores, or those of the largest size. Hard negatives score HIGH, just below the bound.
easiest first | allowed = np.where(fits, abs(scores), low)
lowest id first | allowed = np.where(fits, 0, low)
  You took the candidates in the order of their ids. The hardest come first: sort by score, then by id.
ties in another order | order = np.argsort(allowed, kind="stable")[:, ::-1] | tied
  Of equal scores the lower id comes first. Do not turn a sort around: sort the negated scores, kind="stable".
ties in another order | order = unstable(allowed) | tied
no bound | fits = others(scores, positives)
  You left out the positives only, or what lies BELOW the bound. What scores higher is likely to be an answer.
no bound | fits = (scores > limit) & others(scores, positives)
positives of other rows | fits = (scores < limit) & ~np.isin(np.arange(scores.shape[1]), positives)
  You left out the positives of ALL rows. A document that answers one query may be a negative of another.
bounds along the columns | limit = bounds(scores, positives, share) | an_error
  Bounds of shape (B,) go along the COLUMNS of scores (B, N). Make them a column themselves: `[:, None]`.
raises where there are too few | return np.array([row[row >= 0] for row in ids]).reshape(ids.shape) | an_error
  Too few candidates is no error, it happens all the time: fill the rest with -1.
""",
        shorter,
        tied,
        turned,
        an_error,
    ),
    *map(through, BOUNDS),
    *(through(mistake, LEFT_OUT) for mistake in BOUNDS if mistake.name in LETS_IN),
    *(replace(mistake, wrong=RATIO) for mistake in BOUNDS if mistake.name == "share of a negative score"),
)


def right_share(ids: np.ndarray, relevant: np.ndarray) -> float:
    taken = ids >= 0
    nothing = not taken.any()
    if nothing:
        raise ValueError("nothing was mined")
    read = np.take_along_axis(relevant, ids, axis=1)
    hits = read & taken
    return hits.sum() / taken.sum()


SHARE = mistakes(
    right_share,
    """
padding counted | return read.mean()
  -1 read the LAST item of each row (made 0, the first). Padding counts neither above nor below the line.
padding counted | hits = read
padding counted | read = np.take_along_axis(relevant, ids.clip(0), axis=1); return read.mean()
padding counted | read = np.take_along_axis(relevant, ids.clip(0), axis=1); hits = read
padding in the denominator | return hits.mean()
  You divided by all B · K places. Divide by the negatives that are there.
another query's answers | read = relevant[0][ids]
  You asked whether ANOTHER query is answered too. Row i of `ids` goes with row i of `relevant`.
another query's answers | read = relevant.any(0)[ids]
another query's answers | return relevant[:, ids[taken]].mean()
mean of the rows | return np.nanmean(hits.sum(1) / taken.sum(1))
  You went by rows: their mean share, or how many have a false one. Count negatives, over all rows together.
mean of the rows | return np.mean(hits.sum(1) / taken.sum(1).clip(1))
mean of the rows | return hits.any(1).sum() / taken.any(1).sum()
share of the relevant | return hits.sum() / relevant.sum()
  You divided by a number of documents, of the relevant ones or of all. Divide by the negatives.
share of the relevant | return hits.sum() / relevant.size
count for share | return hits.sum()
  A share lies between 0 and 1. This is a number, a ratio to the true ones, a per cent, or what `//` leaves.
count for share | return hits.sum() / (taken.sum() - hits.sum())
count for share | return 100 * (hits.sum() / taken.sum())
count for share | return hits.sum() // taken.sum()
true share | hits = ~read & taken
  This is the share of the TRUE negatives. An item that is relevant to the query is a false negative.
item 0 left out | taken = ids > 0
  You left out item 0 with the padding: `ids > 0`. Only -1 is padding.
nothing mined | nothing = False | silent
  Nothing was mined, and you returned a share. 0 of 0 is neither good nor bad: raise ValueError.
""",
    silent,
)

# The inputs. Scores are whole 64ths, so that a bound at a share of 1/2 or 3/4 is exact; with a share of
# 0.95 the scores of positives are odd 64ths, and no other score lies on the bound.

HUGE = 2.0**40


def _edges(*rows: tuple[Any, ...]) -> list[Case]:
    """Lists of scores and of ids, and the rest of an input."""
    return edges(*[(np.array(s, dtype=np.float64), np.array(ids), *rest) for s, ids, *rest in rows])


def _drawn(rng: np.random.Generator, B: int, N: int, P: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores and positives; from two positives on, rows end in padding now and then."""
    scores = rng.integers(-64, 64, (B, N)) / 64
    positives = rng.permuted(np.tile(np.arange(N), (B, 1)), axis=1)[:, :P]
    np.put_along_axis(scores, positives, (2 * rng.integers(0, 16, (B, P)) + 17) / 64, axis=1)
    scores[0, positives[0]] *= -1
    positives[rng.random((B, P)) < 0.3 * (np.arange(P) > 0)] = -1
    return scores, positives


_BOUNDS = _edges(
    ([[0.5, 0.25, 1]], [[0]], 0.75, "a share of one score"),
    ([[-0.5, -0.25, 1]], [[0]], 0.75, "the positive's score is negative: 0.75 of it lies above it"),
    ([[0.25, 0, -0.5]], [[1]], 0.75, "a share of 0 is 0"),
    ([[0.5, 0.25]], [[1]], 1.0, "the whole score"),
    ([[0.25, 1, 0.5]], [[0, 1]], 0.5, "of two positives the lower one counts"),
    ([[0.25, 1, 0.5]], [[1, 0]], 0.5, "of two positives the lower one counts, in any order"),
    ([[0.25, -0.5, 0.5]], [[0, 1]], 0.5, "one positive's score is negative, and it is the lower one"),
    ([[0.75, 0.5, 0.125]], [[0, 1, -1]], 0.5, "-1 is padding, and no item"),
    ([[0.75, 0.5, -0.125]], [[-1, 0]], 0.5, "-1 is padding, wherever it stands"),
    ([[0.125, 0.5, 0.75]], [[1, 2, -1]], 0.5, "the padding does not stand for item 0 either"),
    ([[3 * HUGE, 2 * HUGE, 1]], [[0, 1, -1]], 0.5, "padding beside scores of any size"),
    ([[0.5, 1, 0.25], [1, -0.5, 0.25]], [[1], [1]], 0.5, "each row has its own bound"),
    ([[HUGE, -3 * HUGE, 1]], [[1]], 0.5, "scores may have any size"),
    ([[0.5, 0.25]], [[0]], 0.0, "there is nothing below a share of 0"),
    ([[0.5, 0.25]], [[0]], -0.5, "no share is negative"),
    ([[0.5, 0.25]], [[0]], 1.25, "a bound above the positive would let it in"),
    ([[0.5, 0.25], [0.5, 0.25]], [[0], [-1]], 0.5, "a row without a positive has no bound"),
)


def _bound_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    sizes = ((2, 4, 1), (3, 6, 2), (4, 8, 3), (5, 6, 2))
    return _BOUNDS + [Case((*_drawn(rng, *size), share)) for size in sizes for share in (0.95, 0.75)]


_MINED = _edges(
    ([[1, 0.25, 0.5, 0.875]], [[0]], 0.75, 2, "the best of the others lies above the bound"),
    ([[1, 0.75, 0.5, 0.25]], [[0]], 0.75, 2, "a score on the bound is not below it"),
    ([[0.5, 0.375 - 2**-25, 0.25]], [[0]], 0.75, 1, "a hair below the bound is below it"),
    ([[0.5, 0.5, 0.25]], [[1]], 1.0, 1, "with a share of 1 the positive lies on the bound"),
    ([[-0.5, -0.375, -0.625, -0.75, -1]], [[0]], 0.75, 2, "a positive below 0: the bound is lower still"),
    ([[0, 0.25, -0.25, 0]], [[0]], 0.5, 2, "a positive at 0: the bound is 0"),
    ([[0.25, 0.5, 0.25, 1, 0.25]], [[3]], 0.75, 3, "of equal scores the lower id comes first"),
    ([[1, 0.875, 0.8125]], [[0]], 0.75, 2, "no candidate at all: only padding"),
    ([[0.25, 1, 0.875]], [[1]], 0.75, 2, "one candidate for two places"),
    ([[1, 0.25]], [[0]], 0.75, 4, "more places than items"),
    ([[-3, -5, -4, -2]], [[3]], 0.75, 4, "all scores are below -1"),
    ([[-HUGE, -3 * HUGE, -2 * HUGE, -HUGE]], [[0]], 0.75, 3, "scores far below any -1e9"),
    ([[1, 0.5, 0.375, 0.125]], [[0, 1]], 0.5, 2, "two positives: the lower one sets the bound"),
    ([[1, 0.5, 0.25, 0.125]], [[0, 1, -1]], 0.75, 2, "-1 among the positives is padding"),
    ([[0.25, 0.5, 1, 0.125]], [[1, 2, -1]], 0.75, 2, "padding is neither the first item nor the last"),
    ([[3 * HUGE, 2 * HUGE, HUGE, 1]], [[0, 1, -1]], 0.75, 2, "padding beside scores of any size"),
    ([[1, 0.5, 0.75], [0.5, 0.25, 1]], [[0], [0]], 0.75, 1, "each row has its own bound"),
    ([[0.5, 0.25]], [[0]], 0.0, 1, "there is nothing below a share of 0"),
    ([[0.5, 0.25]], [[0]], 1.25, 1, "a bound above the positive would let it in"),
    ([[0.5, 0.25]], [[-1]], 0.5, 1, "a row without a positive has no bound"),
)


def _mine_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    sizes = ((2, 8, 1), (3, 12, 2), (4, 24, 1), (4, 16, 3), (3, 40, 2))
    return _MINED + [Case((*_drawn(rng, *size), share, 4)) for size in sizes for share in (0.95, 0.75)]


def _share_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    yes = np.array([[True, False, True, False], [False, False, False, True]])
    drawn = []
    for B, N, K in ((3, 6, 3), (4, 9, 4), (6, 12, 5), (8, 20, 6)):
        ids = rng.permuted(np.tile(np.arange(N), (B, 1)), axis=1)[:, :K]
        ids[np.arange(K) >= rng.integers(1, K + 1, (B, 1))] = -1
        drawn.append(Case((ids, rng.random((B, N)) < 0.4)))
    rows = (
        ([[0, 1]], yes[:1], "one of two is false"),
        ([[1, -1]], yes[1:], "the padding is no negative, and the last item is relevant"),
        ([[0, -1, -1, -1]], yes[:1], "one negative, and it is false"),
        ([[0, 1, 3], [0, -1, -1]], yes, "rows with more negatives count for more"),
        ([[-1, -1], [3, 0]], yes, "a row without a negative"),
        ([[1, 3], [0, 1]], yes, "none is false"),
        ([[-1, -1], [-1, -1]], yes, "nothing was mined: there is no share of nothing"),
    )
    return [*edges(*[(np.array(ids), *rest) for ids, *rest in rows]), *drawn]


def _library(scores: np.ndarray, positives: np.ndarray, share: float, K: int) -> torch.Tensor:
    """Row i of an identity matrix asks for row i of the scores."""
    query, corpus = torch.eye(len(scores), dtype=torch.float64), torch.tensor(scores.T.copy())
    ranks = (1, corpus.shape[0] + K)
    return mining.mine_negatives(query, corpus, positives, K, rank=ranks, below=share).ids


EXERCISE = Exercise(
    "11",
    "positive-aware mining",
    (
        Question(
            "score_bounds(scores, positives, share)",
            score_bounds,
            None,
            "",
            _bound_cases,
            BOUNDS,
            (
                "Take a positive at -0.5 and a share of 0.75. Which scores lie below the positive, and does "
                "0.75 · (-0.5)?",
                "The distance from the positive down to the bound is never negative: 1 − share of the size "
                "of the score. Of several positives first find the one that counts.",
                "Read all scores at once and turn the padding's into what no smallest score can be. If it "
                "is left over, the row had no positive.",
            ),
        ),
        Question(
            "mine_below(scores, positives, share, K)",
            mine_below,
            _library,
            "nslab.mine_negatives",
            _mine_cases,
            MINE,
            (
                "First which, then how many: if you take the K best and then look at the bound, what is "
                "left of them?",
                "numpy's stable sort goes upwards. How do you make it go downwards without turning ties "
                "around?",
                "Give what is not allowed a score that no item can have, and sort. Places whose item was "
                "not allowed are padding. If K is larger than N, add places.",
            ),
            rtol=0.0,
        ),
        Question(
            "false_share(ids, relevant)",
            false_share,
            None,
            "",
            _share_cases,
            SHARE,
            (
                "What does `row[-1]` read in Python? And what does it mean here?",
                "Count two things over all rows together: the negatives, and those of them that are "
                "relevant.",
                "Read relevance for every place, then drop what the padding read. Refuse to divide by zero.",
            ),
        ),
    ),
)
