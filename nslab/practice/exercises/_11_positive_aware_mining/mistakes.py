"""Exercise 11: the mistakes that are known by name. Each is the right answer with one of its steps replaced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nslab.practice._exercise import Case, Mutant, told
from nslab.practice._run import Outcome

Wrong = Callable[..., Any]

TEXT = told("""
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
divided by the share | You divided a negative score by the share. That lies below it, but by more than 1 − share of
  its size.
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
hardest last | The right items, in the wrong order: the hardest comes first.
ties in another order | Of equal scores the lower id comes first. Turning a sort around turns its ties around as well, and
  a sort or topk promises nothing about ties unless it is stable: sort the negated scores, kind="stable".
places for ids | You returned places in a shorter list, that of the allowed items, not their ids in the row.
above the bound | You kept what scores HIGHER than the bound: the items that are likely to be false negatives.
no bound | Only the positives are left out. What scores nearly as high as the positive is likely to be one as well:
  keep to the bound.
one bound for all | Every row got the lowest bound of the batch. Each query has a bound of its own.
raises where there are too few | Too few candidates is no error, it happens all the time: fill the rest with -1.
padding counted | -1 read the LAST item of each row. Padding is no negative: it belongs neither above nor below the
  line.
padding in the denominator | You divided by all B · K places. Divide by the negatives that are there.
mean of the rows | You took the mean of the rows' shares, so a row with one negative counts as much as a full one.
  Count over all rows together.
true share | This is the share of the TRUE negatives. An item that is relevant to the query is a false negative.
rows with a false one | You counted rows that hold a false negative. Asked for is the share of the negatives.
share of what is relevant | You divided by the number of relevant items. Asked for is how many of the MINED are false.
item 0 left out | You left out item 0 with the padding: `ids > 0`. Only -1 is padding.
nothing mined | Nothing was mined, and you returned a share. 0 of 0 is neither good nor bad: raise ValueError.
""")


def silent(case: Case, got: Outcome, own: Outcome) -> bool:
    return got.error is None


def refused(case: Case, got: Outcome, own: Outcome) -> bool:
    return got.error is not None


def ragged(case: Case, got: Outcome, own: Outcome) -> bool:
    return got.error is None and any(len(row) < case.args[-1] for row in got.value)


def tied(case: Case, got: Outcome, own: Outcome) -> bool:
    """Other ids with the same scores."""
    row = np.pad(case.args[0], ((0, 0), (0, 1)), constant_values=np.inf)  # -1 reads infinity
    read = [np.take_along_axis(row, np.asarray(one.value, dtype=int), axis=1) for one in (got, own)]
    return np.array_equal(*read)


SAME = {
    "share not refused": silent,
    "row without a positive": silent,
    "nothing mined": silent,
    "rows of different length": ragged,
    "ties in another order": tied,
    "raises where there are too few": refused,
}


def mutants(*pairs: tuple[str, Wrong]) -> tuple[Mutant, ...]:
    return tuple(Mutant(name, wrong, TEXT[name], SAME.get(name)) for name, wrong in pairs)


# The steps of a bound: which score counts, and what is taken off it.


def taken_off(score: float, share: float) -> float:
    return score - (1 - share) * abs(score)


def bounded(read: Wrong = np.min, bound: Wrong = taken_off, shares: bool = True) -> Wrong:
    """`read(known, row, ids)` is one score, of the positives by default; an empty minimum raises ValueError."""

    def wrong(scores: np.ndarray, positives: np.ndarray, share: float) -> np.ndarray:
        if shares and not 0 < share <= 1:
            raise ValueError("share")
        found = []
        for row, ids in zip(scores, positives, strict=True):
            known = row[ids[ids >= 0]]
            score = np.min(known) if read is np.min or not len(known) else read(known, row, ids)
            found.append(bound(score, share))
        return np.array(found)

    return wrong


def boundless(scores: np.ndarray, positives: np.ndarray, share: float) -> np.ndarray:
    """Where a row has no positive, anything is allowed."""
    none = (positives < 0).all(1)
    known = np.where(none[:, None], 0, positives)
    return np.where(none, np.inf, bounded()(scores, known, share))


WRONG_BOUNDS: dict[str, Wrong] = {
    "highest positive": bounded(lambda known, row, ids: known.max()),
    "first positive only": bounded(lambda known, row, ids: known[0]),
    "padding read": bounded(lambda known, row, ids: row[ids].min()),
    "best of the row": bounded(lambda known, row, ids: row.max()),
    "row without a positive": boundless,
    "share of a negative score": bounded(bound=lambda score, share: share * score),
    "bound at 0": bounded(bound=lambda score, share: share * max(score, 0.0)),
    "margin for share": bounded(bound=lambda score, share: score - (1 - share)),
    "1 − share": bounded(bound=lambda score, share: (1 - share) * score),
    "divided by the share": bounded(bound=lambda s, share: share * s if s > 0 else s / share),
    "share not refused": bounded(shares=False),
}
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
    """What is not allowed gets a low score; padding is what is not allowed, if that is known, or has no higher score."""

    def choose(row: np.ndarray, fits: np.ndarray, K: int) -> np.ndarray:
        masked = np.where(fits, row, mask)
        order = order_of(masked)
        return filled(np.where(fits[order] if known else masked[order] > mask, order, -1), K)

    return choose


def unpadded(mask: float) -> Wrong:
    return lambda row, fits, K: filled(order_of(np.where(fits, row, mask)), K)


def top_first(extra: int) -> Wrong:
    def choose(row: np.ndarray, fits: np.ndarray, K: int) -> np.ndarray:
        best = order_of(row)[: K + extra]
        return filled(best[fits[best]], K)

    return choose


def padded(value: Wrong) -> Wrong:
    """`value(row, ids)` in the places left."""

    def choose(row: np.ndarray, fits: np.ndarray, K: int) -> np.ndarray:
        ids = hardest(row, fits, K)
        return np.where(ids < 0, value(row, ids), ids)

    return choose


def reversed_ties(longer: int) -> Wrong:
    """A sort that is not stable is often stable where rows are short."""
    return by(lambda row: np.argsort(row, kind="stable")[::-1] if len(row) > longer else order_of(row))


def backwards(row: np.ndarray, fits: np.ndarray, K: int) -> np.ndarray:
    ids = hardest(row, fits, K)
    return filled(ids[ids >= 0][::-1], K)


def raising(row: np.ndarray, fits: np.ndarray, K: int) -> np.ndarray:
    if fits.sum() < K:
        raise ValueError("too few candidates")
    return hardest(row, fits, K)


def ratio(scores: np.ndarray, positives: np.ndarray, share: float, K: int) -> np.ndarray:
    lowest = bounded(bound=lambda score, share: score)(scores, positives, share)
    allowed = scores / lowest[:, None] < share
    return np.array([hardest(row, fits, K) for row, fits in zip(scores, allowed, strict=True)])


LETS_IN = (
    "highest positive",
    "first positive only",
    "best of the row",
    "share of a negative score",
    "bound at 0",
)
MINE = mutants(
    ("at the bound", miner(fits=np.less_equal)),
    *(
        ("a mask that is only low", miner(choose=low(mask, known)))
        for mask in (0, -1, -1e9)
        for known in (False, True)
    ),
    *(("not allowed, for padding", miner(choose=unpadded(mask))) for mask in (-np.inf, -1)),
    *(("filtered after the top K", miner(choose=top_first(extra))) for extra in (0, 1)),
    ("another padding", miner(choose=padded(lambda row, ids: 0))),
    ("another padding", miner(choose=padded(lambda row, ids: len(row)))),
    ("another padding", miner(choose=padded(lambda row, ids: np.nan))),
    ("another padding", miner(choose=padded(lambda row, ids: ids[max(0, (ids >= 0).sum() - 1)]))),
    ("rows of different length", miner(choose=lambda *a: [j for j in hardest(*a).tolist() if j >= 0])),
    ("easiest first", miner(choose=by(lambda row: np.argsort(row, kind="stable")))),
    ("hardest last", miner(choose=backwards)),
    *(("ties in another order", miner(choose=reversed_ties(longer))) for longer in (0, 16)),
    ("places for ids", miner(choose=lambda row, fits, K: filled(order_of(row[fits]), K))),
    ("above the bound", miner(fits=np.greater)),
    ("no bound", miner(fits=lambda scores, limits: scores < np.inf, positive=False)),
    ("one bound for all", miner(lambda *args: np.full(len(args[0]), bounded()(*args).min()))),
    ("raises where there are too few", miner(choose=raising)),
    *((name, miner(wrong)) for name, wrong in WRONG_BOUNDS.items()),
    *((name, miner(WRONG_BOUNDS[name], positive=False)) for name in LETS_IN),
    ("share of a negative score", ratio),
)

# The share of false negatives.


def counted(share: Wrong) -> Wrong:
    """`share(hits, taken, relevant)`: which places hold a relevant item, which hold any, and what is relevant."""

    def wrong(ids: np.ndarray, relevant: np.ndarray) -> Any:
        if not (ids >= 0).any() and share is not none_is_zero:
            raise ValueError("nothing was mined")
        return share(np.take_along_axis(relevant, ids % relevant.shape[1], axis=1), ids >= 0, relevant)

    return wrong


def none_is_zero(hits: np.ndarray, taken: np.ndarray, relevant: np.ndarray) -> float:
    return (hits & taken).sum() / max(1, taken.sum())


RIGHT_SHARE = counted(lambda hits, taken, relevant: (hits & taken).sum() / taken.sum())

SHARE = mutants(
    ("padding counted", counted(lambda hits, taken, relevant: hits.mean())),
    ("padding counted", counted(lambda hits, taken, relevant: hits.sum() / taken.sum())),
    ("padding in the denominator", counted(lambda hits, taken, relevant: (hits & taken).mean())),
    ("mean of the rows", counted(lambda h, t, relevant: np.nanmean((h & t).sum(1) / t.sum(1)))),
    ("mean of the rows", counted(lambda h, t, relevant: np.mean((h & t).sum(1) / t.sum(1).clip(1)))),
    ("true share", counted(lambda hits, taken, relevant: (~hits & taken).sum() / taken.sum())),
    ("rows with a false one", counted(lambda h, t, relevant: (h & t).any(1).sum() / t.any(1).sum())),
    ("share of what is relevant", counted(lambda h, t, relevant: (h & t).sum() / relevant.sum())),
    ("item 0 left out", lambda ids, relevant: RIGHT_SHARE(np.where(ids == 0, -1, ids), relevant)),
    ("nothing mined", counted(none_is_zero)),
)
