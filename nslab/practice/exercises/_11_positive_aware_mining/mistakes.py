"""Exercise 11: the mistakes that are known by name. Each is the right answer with one of its steps
replaced.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nslab.practice._exercise import Case, Mutant, diagnoses
from nslab.practice._run import Outcome

Wrong = Callable[..., Any]

TEXT = diagnoses("""
highest positive | Of several positives you took the highest score. The bound has to lie below all of them: the
  lowest counts.
first positive only | You took the first positive of each row. The others are positives too, and the lowest counts.
padding read | The padding was read as a positive: -1 is the LAST item of a row in Python, and 0 the first. Leave it out.
best of the row | Your bound is a share of the best score in the row, whoever has it. The positive's score counts.
row without a positive | A row without a positive got a bound. There is nothing to measure by: raise ValueError.
share of a negative score | You took the share times the score, or divided by the score. Of a negative score a share lies
  ABOVE it: 0.75 · (-0.5) is -0.375. Take 1 − share of its SIZE off the score.
bound at 0 | A positive below 0 got the bound 0, which lies above it. Take 1 − share of its size off the score.
margin for share | You took the same amount off every score, 1 − share itself. That is a margin, in units of a score;
  what is asked for grows with the score. At scores near 1 the two are nearly equal.
1 − share | You kept 1 − share of the score. A share of 0.95 means: candidates may come up to 95 % of the positive.
share not refused | A share must lie in (0, 1]: above 1 the positive itself would come in, and at 0 or below the bound
  says nothing. Raise ValueError.
at the bound | A score exactly on the bound came in. Below means less than: `<`, not `<=`. With a share of 1 the
  positive itself lies on the bound.
a mask that is only low | What is not allowed got a low score, but not one below every score: items that score lower
  still are lost, or come after it. Use -inf, or a mask of its own.
not allowed, for padding | There are too few candidates, and you filled the places with items that are not allowed.
  A sort puts them last, but it returns them all the same: these places are -1.
filtered after the top K | You took the K best first and looked at the bound then. What lies above it used up places:
  first the bound, then the K best.
another padding | The places left over hold -1: not 0, which is an item, not N, not NaN, and no item twice.
rows of different length | Some rows are shorter than K. Every row has K places: what is missing at the end is -1.
easiest first | You took the lowest scores. Hard negatives score HIGH, just below the bound.
ties in another order | Of equal scores the lower id comes first. Turning a sort around turns its ties around as well, and
  a sort or topk promises nothing about ties unless it is stable: sort the negated scores, kind="stable".
no bound | Only the positives are left out. What scores nearly as high as the positive is likely to be one as well:
  keep to the bound.
raises where there are too few | Too few candidates is no error, it happens all the time: fill the rest with -1.
padding counted | -1 read the LAST item of each row. Padding is no negative: it belongs neither above nor below the
  line.
padding in the denominator | You divided by all B · K places. Divide by the negatives that are there.
mean of the rows | You took the mean of the rows' shares, so a row with one negative counts as much as a full one.
  Count over all rows together.
true share | This is the share of the TRUE negatives. An item that is relevant to the query is a false negative.
item 0 left out | You left out item 0 with the padding: `ids > 0`. Only -1 is padding.
nothing mined | Nothing was mined, and you returned a share. 0 of 0 is neither good nor bad: raise ValueError.
""")


def silent(case: Case, got: Outcome, own: Outcome) -> bool:
    return got.error is None


def tied(case: Case, got: Outcome, own: Outcome) -> bool:
    """Other ids with the same scores."""
    row = np.pad(case.args[0], ((0, 0), (0, 1)), constant_values=np.inf)  # -1 reads infinity
    mine, its = (np.take_along_axis(row, np.asarray(one.value, int), axis=1) for one in (got, own))
    return np.array_equal(mine, its)


SAME = {
    "share not refused": silent,
    "row without a positive": silent,
    "nothing mined": silent,
    "rows of different length": lambda case, got, own: any(len(row) < case.args[-1] for row in got.value),
    "ties in another order": tied,
    "raises where there are too few": lambda case, got, own: got.error is not None,
}


def mutants(*pairs: tuple[str, Wrong]) -> tuple[Mutant, ...]:
    return tuple(Mutant(name, wrong, TEXT[name], SAME.get(name)) for name, wrong in pairs)


# The steps of a bound: which score counts, and what is taken off it.


def taken_off(score: float, share: float) -> float:
    return score - (1 - share) * abs(score)


def bounded(
    read: Wrong = np.min, bound: Wrong = taken_off, shares: bool = True, missing: bool = True
) -> Wrong:
    """`read(known, row, ids)` is one score, that of the lowest positive by default."""

    def wrong(scores: np.ndarray, positives: np.ndarray, share: float) -> np.ndarray:
        if shares and not 0 < share <= 1:
            raise ValueError("share")
        found = []
        for row, ids in zip(scores, positives, strict=True):
            known = row[ids[ids >= 0]]
            if missing and not len(known):
                raise ValueError("no positive")
            score = np.min(known, initial=np.inf) if read is np.min else read(known, row, ids)
            found.append(bound(score, share))
        return np.array(found)

    return wrong


WRONG_BOUNDS: dict[str, Wrong] = {
    "highest positive": bounded(lambda known, row, ids: known.max()),
    "first positive only": bounded(lambda known, row, ids: known[0]),
    "padding read": bounded(lambda known, row, ids: row[ids].min()),
    "best of the row": bounded(lambda known, row, ids: row.max()),
    "row without a positive": bounded(missing=False),
    "share of a negative score": bounded(bound=lambda score, share: share * score),
    "bound at 0": bounded(bound=lambda score, share: share * max(score, 0.0)),
    "margin for share": bounded(bound=lambda score, share: score - (1 - share)),
    "1 − share": bounded(bound=lambda score, share: (1 - share) * score),
    "share not refused": bounded(shares=False),
}
LETS_IN = ("highest positive", "first positive only", "share of a negative score", "bound at 0")
BOUNDS = mutants(
    *WRONG_BOUNDS.items(),
    ("padding read", bounded(lambda known, row, ids: row[ids.clip(0)].min())),
)

# The steps of a miner: the bounds, which items are allowed, and which of them are taken.


def order_of(row: np.ndarray) -> np.ndarray:
    return np.argsort(-row, kind="stable")


def filled(ids: np.ndarray, K: int) -> np.ndarray:
    return np.append(ids[:K], np.full(max(0, K - len(ids)), -1)).astype(int)


def by(order: Wrong) -> Wrong:
    """The allowed items in some order."""
    return lambda row, fits, K: filled(order(row)[fits[order(row)]], K)


hardest = by(order_of)


def miner(
    bounds: Wrong | None = None, fits: Wrong = np.less, choose: Wrong = hardest, positive: bool = True
) -> Wrong:
    """With `positive=False` the positives are left out, whatever the bound."""

    def wrong(scores: np.ndarray, positives: np.ndarray, share: float, K: int) -> Any:
        limits = (bounds or bounded())(scores, positives, share)
        own = (positives[:, :, None] == np.arange(scores.shape[1])).any(1)
        allowed = fits(scores, limits[:, None]) & (positive | ~own)
        rows = [choose(row, fine, K) for row, fine in zip(scores, allowed, strict=True)]
        return rows if len({len(row) for row in rows}) > 1 else np.array(rows)

    return wrong


def low(mask: float, known: bool) -> Wrong:
    """What is not allowed gets a low score; padding is what is not allowed, if that is known, or has no
    higher score.
    """

    def choose(row: np.ndarray, fits: np.ndarray, K: int) -> np.ndarray:
        masked = np.where(fits, row, mask)
        order = order_of(masked)
        return filled(np.where(fits[order] if known else masked[order] > mask, order, -1), K)

    return choose


def top_first(extra: int) -> Wrong:
    def choose(row: np.ndarray, fits: np.ndarray, K: int) -> np.ndarray:
        best = order_of(row)[: K + extra]
        return filled(best[fits[best]], K)

    return choose


def padded(value: Wrong) -> Wrong:
    """`value(row, ids)` in the places left."""
    return lambda *args: np.where((ids := hardest(*args)) < 0, value(args[0], ids), ids)


def reversed_ties(longer: int) -> Wrong:
    """A sort that is not stable is often stable where rows are short."""
    return by(lambda row: np.argsort(row, kind="stable")[::-1] if len(row) > longer else order_of(row))


def raising(row: np.ndarray, fits: np.ndarray, K: int) -> np.ndarray:
    if fits.sum() < K:
        raise ValueError("too few candidates")
    return hardest(row, fits, K)


def ratio(scores: np.ndarray, positives: np.ndarray, share: float, K: int) -> np.ndarray:
    lowest = bounded(bound=lambda score, share: score)(scores, positives, share)
    allowed = scores / lowest[:, None] < share
    return np.array([hardest(row, fits, K) for row, fits in zip(scores, allowed, strict=True)])


MINE = mutants(
    ("at the bound", miner(fits=np.less_equal)),
    *(("a mask that is only low", miner(choose=low(mask, False))) for mask in (0, -1, -1e9)),
    *(("a mask that is only low", miner(choose=low(mask, True))) for mask in (0, -1, -1e9)),
    ("not allowed, for padding", miner(choose=lambda row, fits, K: filled(order_of(np.where(fits, row, -1)), K))),
    ("not allowed, for padding", miner(choose=lambda row, fits, K: filled(order_of(np.where(fits, row, -np.inf)), K))),
    *(("filtered after the top K", miner(choose=top_first(extra))) for extra in (0, 1)),
    *(("another padding", miner(choose=padded(lambda row, ids, x=x: x))) for x in (0, np.nan)),
    ("another padding", miner(choose=padded(lambda row, ids: len(row)))),
    ("another padding", miner(choose=padded(lambda row, ids: ids[max(0, (ids >= 0).sum() - 1)]))),
    ("rows of different length", miner(choose=lambda *a: [j for j in hardest(*a).tolist() if j >= 0])),
    ("easiest first", miner(choose=by(lambda row: np.argsort(row, kind="stable")))),
    *(("ties in another order", miner(choose=reversed_ties(longer))) for longer in (0, 16)),
    ("no bound", miner(fits=lambda scores, limits: scores < np.inf, positive=False)),
    ("raises where there are too few", miner(choose=raising)),
    *((name, miner(wrong)) for name, wrong in WRONG_BOUNDS.items()),
    *((name, miner(WRONG_BOUNDS[name], positive=False)) for name in LETS_IN),
    ("share of a negative score", ratio),
)  # fmt: skip

# The share of false negatives.


def counted(share: Wrong, refuse: bool = True) -> Wrong:
    """`share(hits, taken)`: which places hold a relevant item, and which hold any."""

    def wrong(ids: np.ndarray, relevant: np.ndarray) -> Any:
        if refuse and not (ids >= 0).any():
            raise ValueError("nothing was mined")
        return share(np.take_along_axis(relevant, ids, axis=1), ids >= 0)

    return wrong


def right_share(hits: np.ndarray, taken: np.ndarray) -> float:
    return (hits & taken).sum() / max(1, taken.sum())


SHARE = mutants(
    ("padding counted", counted(lambda hits, taken: hits.mean())),
    ("padding counted", counted(lambda hits, taken: hits.sum() / taken.sum())),
    ("padding in the denominator", counted(lambda hits, taken: (hits & taken).mean())),
    ("mean of the rows", counted(lambda h, taken: np.nanmean((h & taken).sum(1) / taken.sum(1)))),
    ("mean of the rows", counted(lambda h, taken: np.mean((h & taken).sum(1) / taken.sum(1).clip(1)))),
    ("true share", counted(lambda hits, taken: (~hits & taken).sum() / taken.sum())),
    ("item 0 left out", lambda ids, relevant: counted(right_share)(np.where(ids, ids, -1), relevant)),
    ("nothing mined", counted(right_share, refuse=False)),
)
