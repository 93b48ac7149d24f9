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
mean of the positives | You took the mean of the positives. Some of them lie below it: the lowest score counts.
first positive only | You took the first positive of each row. The others are positives too, and the lowest counts.
padding read | -1 read the LAST item of the row, as if it were a positive. Leave the padding out.
best of the row | Your bound is a share of the best score in the row, whoever has it. The positive's score counts.
row without a positive | A row without a positive got a bound. There is nothing to measure by: raise ValueError.
share of a negative score | You took the share times the score. Of a negative score that lies ABOVE it: 0.75 · (-0.5)
  is -0.375, and the positive itself would come in. Take 1 − share of its SIZE off the score.
bound at 0 | A positive below 0 got the bound 0, which lies above it. Take 1 − share of its size off the score.
margin for share | You took the same amount off every score, 1 − share itself. That is a margin, in units of a score;
  what is asked for grows with the score. At scores near 1 the two are nearly equal.
1 − share | You kept 1 − share of the score. A share of 0.95 means: candidates may come up to 95 % of the positive.
divided by the share | You divided a negative score by the share. That lies below it, but by more than 1 − share of
  its size.
bound above the positive | Your bound lies above the positive. Candidates score LESS than it: take the amount off.
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
padded with item 0 | 0 is an item. The padding asked for is -1.
rows of different length | Some rows are shorter than K. Every row has K places: what is missing at the end is -1.
easiest first | You took the lowest scores. Hard negatives score HIGH, just below the bound.
hardest last | The right items, in the wrong order: the hardest comes first.
last of equals | Of equal scores the higher id came first: turning a sort around turns its ties around as well. Sort
  the negated scores.
first, not hardest | You took the first K allowed items in the order of their ids. Asked for are the highest scores.
places for ids | You returned places in a shorter list, that of the allowed items, not their ids in the row.
scores for ids | These are the scores of the negatives. Asked for are their ids.
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
a number, not a share | You returned how many are false. Divide by how many there are.
share of what is relevant | You divided by the number of relevant items. Asked for is how many of the MINED are false.
nothing mined | Nothing was mined, and you returned a share. 0 of 0 is neither good nor bad: raise ValueError.
""")


def silent(case: Case, got: Outcome, own: Outcome) -> bool:
    return got.error is None


def refused(case: Case, got: Outcome, own: Outcome) -> bool:
    return got.error is not None


def ragged(case: Case, got: Outcome, own: Outcome) -> bool:
    return got.error is None and any(len(row) != case.args[-1] for row in got.value)


SAME = {
    "share not refused": silent,
    "row without a positive": silent,
    "nothing mined": silent,
    "rows of different length": ragged,
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
    "mean of the positives": bounded(lambda known, row, ids: known.mean()),
    "first positive only": bounded(lambda known, row, ids: known[0]),
    "padding read": bounded(lambda known, row, ids: row[ids].min()),
    "best of the row": bounded(lambda known, row, ids: row.max()),
    "row without a positive": boundless,
    "share of a negative score": bounded(bound=lambda score, share: share * score),
    "bound at 0": bounded(bound=lambda score, share: share * max(score, 0.0)),
    "margin for share": bounded(bound=lambda score, share: score - (1 - share)),
    "1 − share": bounded(bound=lambda score, share: (1 - share) * score),
    "divided by the share": bounded(bound=lambda s, share: share * s if s > 0 else s / share),
    "bound above the positive": bounded(bound=lambda score, share: score + (1 - share) * abs(score)),
    "share not refused": bounded(shares=False),
}
BOUNDS = mutants(*WRONG_BOUNDS.items())

# The steps of a miner: the bounds, which items are allowed, and which of them are taken.


def order_of(row: np.ndarray) -> np.ndarray:
    return np.argsort(-row, kind="stable")


def filled(ids: np.ndarray, K: int) -> np.ndarray:
    return np.append(ids[:K], np.full(max(0, K - len(ids)), -1)).astype(int)


def by(order: Wrong) -> Wrong:
    """The allowed items in some order."""
    return lambda row, fits, K: filled(order(row)[fits[order(row)]], K)


hardest = by(order_of)


def miner(bounds: Wrong | None = None, fits: Wrong = np.less, choose: Wrong = hardest) -> Wrong:
    def wrong(scores: np.ndarray, positives: np.ndarray, share: float, K: int) -> Any:
        limits = (bounds or bounded())(scores, positives, share)
        rows = [choose(row, fits(row, limit), K) for row, limit in zip(scores, limits, strict=True)]
        return rows if len({len(row) for row in rows}) > 1 else np.array(rows)

    return wrong


def low(mask: float) -> Wrong:
    """What is not allowed gets a low score, and whatever has no higher one counts as padding."""

    def choose(row: np.ndarray, fits: np.ndarray, K: int) -> np.ndarray:
        masked = np.where(fits, row, mask)
        order = order_of(masked)
        return filled(np.where(masked[order] > mask, order, -1), K)

    return choose


def unpadded(mask: float) -> Wrong:
    return lambda row, fits, K: filled(order_of(np.where(fits, row, mask)), K)


def top_first(row: np.ndarray, fits: np.ndarray, K: int) -> np.ndarray:
    best = order_of(row)[:K]
    return filled(best[fits[best]], K)


def backwards(row: np.ndarray, fits: np.ndarray, K: int) -> np.ndarray:
    ids = hardest(row, fits, K)
    return filled(ids[ids >= 0][::-1], K)


def raising(row: np.ndarray, fits: np.ndarray, K: int) -> np.ndarray:
    if fits.sum() < K:
        raise ValueError("too few candidates")
    return hardest(row, fits, K)


def positives_only(scores: np.ndarray, positives: np.ndarray, share: float, K: int) -> np.ndarray:
    bounded()(scores, positives, share)
    known = (positives[:, :, None] == np.arange(scores.shape[1])).any(1)
    return np.array([hardest(row, ~own, K) for row, own in zip(scores, known, strict=True)])


MINE = mutants(
    ("at the bound", miner(fits=np.less_equal)),
    *(("a mask that is only low", miner(choose=low(mask))) for mask in (0, -1, -1e9)),
    *(("not allowed, for padding", miner(choose=unpadded(mask))) for mask in (-np.inf, -1)),
    ("filtered after the top K", miner(choose=top_first)),
    ("padded with item 0", miner(choose=lambda row, fits, K: hardest(row, fits, K).clip(0))),
    ("rows of different length", miner(choose=lambda *a: [j for j in hardest(*a).tolist() if j >= 0])),
    ("easiest first", miner(choose=by(lambda row: np.argsort(row, kind="stable")))),
    ("hardest last", miner(choose=backwards)),
    ("last of equals", miner(choose=by(lambda row: np.argsort(row, kind="stable")[::-1]))),
    ("first, not hardest", miner(choose=by(lambda row: np.arange(len(row))))),
    ("places for ids", miner(choose=lambda row, fits, K: filled(order_of(row[fits]), K))),
    ("scores for ids", miner(choose=lambda row, *a: np.append(row, -1)[hardest(row, *a)])),
    ("above the bound", miner(fits=np.greater)),
    ("no bound", positives_only),
    ("one bound for all", miner(lambda *args: np.full(len(args[0]), bounded()(*args).min()))),
    ("raises where there are too few", miner(choose=raising)),
    *((name, miner(wrong)) for name, wrong in WRONG_BOUNDS.items()),
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


SHARE = mutants(
    ("padding counted", counted(lambda hits, taken, relevant: hits.mean())),
    ("padding counted", counted(lambda hits, taken, relevant: hits.sum() / taken.sum())),
    ("padding in the denominator", counted(lambda hits, taken, relevant: (hits & taken).mean())),
    ("mean of the rows", counted(lambda h, t, relevant: np.nanmean((h & t).sum(1) / t.sum(1)))),
    ("mean of the rows", counted(lambda h, t, relevant: np.mean((h & t).sum(1) / t.sum(1).clip(1)))),
    ("true share", counted(lambda hits, taken, relevant: (~hits & taken).sum() / taken.sum())),
    ("rows with a false one", counted(lambda h, t, relevant: (h & t).any(1).sum() / t.any(1).sum())),
    ("a number, not a share", counted(lambda hits, taken, relevant: (hits & taken).sum())),
    ("share of what is relevant", counted(lambda h, t, relevant: (h & t).sum() / relevant.sum())),
    ("nothing mined", counted(none_is_zero)),
)
