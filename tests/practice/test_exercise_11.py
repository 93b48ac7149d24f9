"""Exercise 11: right answers in several styles pass, and a learner's own mistakes are named."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from answers import assert_named, assert_passed, checker

from nslab.practice._exercise import load

BOUNDS, MINE, _ = load("11").questions
check = checker("11")


def bounds(scores: Any, positives: Any, share: float) -> Any:
    """In plain Python: a positive score times the share, a negative one times 2 − share."""
    if share <= 0 or share > 1:
        raise ValueError("share")
    lowest = [min(row[j] for j in ids if j != -1) for row, ids in zip(scores, positives, strict=True)]
    return [low * (share if low >= 0 else 2 - share) for low in lowest]


def bounds_torch(scores: Any, positives: Any, share: float) -> Any:
    ids, none = torch.tensor(positives), float("inf")
    known = torch.tensor(scores).gather(1, ids.clamp(min=0)).masked_fill(ids < 0, none).amin(1)
    if not 0 < share <= 1 or known.eq(none).any():
        raise ValueError("share, or a row")
    return known - (1 - share) * known.abs()


def filled(ids: list[Any], K: int) -> list[Any]:
    return ids[:K] + [-1] * (K - len(ids))


def mine_sorted(scores: Any, positives: Any, share: float, K: int) -> Any:
    found = []
    for row, bound in zip(scores, bounds(scores, positives, share), strict=True):
        found.append(filled([j for _, j in sorted((-s, j) for j, s in enumerate(row) if s < bound)], K))
    return found


def mine_in_single_precision(scores: Any, positives: Any, share: float, K: int) -> Any:
    few = torch.full((len(scores), K), float("-inf"))
    limit = torch.as_tensor(bounds(scores, positives, share)).float()[:, None]
    single = torch.tensor(scores).float()
    allowed = torch.cat([single.masked_fill(single >= limit, float("-inf")), few], 1)
    best, ids = allowed.sort(dim=1, descending=True, stable=True)
    return ids.masked_fill(best.isinf(), -1)[:, :K]


def share_counted(ids: Any, relevant: Any) -> float:
    pairs = [(i, j) for i, row in enumerate(ids) for j in row if j >= 0]
    if not pairs:
        raise ValueError("nothing")
    return sum(relevant[pair] for pair in pairs) / len(pairs)


def share_torch(ids: Any, relevant: Any) -> Any:
    if (ids < 0).all():
        raise ValueError("nothing")
    hits = torch.tensor(relevant).gather(1, torch.tensor(ids).clamp(min=0))
    return hits[torch.tensor(ids) >= 0].double().mean()


@pytest.mark.parametrize("seed", (0, 7))
@pytest.mark.parametrize(
    ("name", "fn"),
    [
        *[("score_bounds", fn) for fn in (bounds, bounds_torch)],
        *[("mine_below", fn) for fn in (mine_sorted, mine_in_single_precision)],
        *[("false_share", fn) for fn in (share_counted, share_torch)],
    ],
)
def test_right_answers_pass_in_every_style(name: str, fn: Callable[..., Any], seed: int) -> None:
    assert_passed(check(name, fn, seed=seed))


# A learner's own mistakes


def bounds_by(read: Callable[..., Any], take: Callable[..., Any]) -> Callable[..., Any]:
    def score_bounds(scores: Any, positives: Any, share: float) -> Any:
        if not 0 < share <= 1 or (positives.max(1) < 0).any():
            raise ValueError("share, or a row")
        return take(read(scores, positives), share)

    return score_bounds


def read(scores: Any, positives: Any, padding: float) -> Any:
    return np.where(positives < 0, padding, np.take_along_axis(scores, positives, 1))


def lowest(scores: Any, positives: Any) -> Any:
    return read(scores, positives, np.inf).min(1)


def right(low: Any, share: float) -> Any:
    return low - (1 - share) * abs(low)


def mined_by(
    choose: Callable[..., Any], limit: Callable[..., Any] = bounds, below: Any = np.less
) -> Callable[..., Any]:
    """`choose(scores, allowed, K)` for the whole batch, in places that are there."""

    def mine_below(scores: Any, positives: Any, share: float, K: int) -> Any:
        ids = choose(scores, below(scores, np.asarray(limit(scores, positives, share))[:, None]), K)
        return np.pad(ids, ((0, 0), (0, K - ids.shape[1])), constant_values=-1)

    return mine_below


def masked(low: float, known: bool = False, kind: Any = "stable") -> Callable[..., Any]:
    def choose(scores: Any, allowed: Any, K: int) -> Any:
        left = np.where(allowed, scores, low)
        ids = np.argsort(-left, axis=1, kind=kind)[:, :K]
        real = np.take_along_axis(allowed, ids, 1) if known else np.take_along_axis(left, ids, 1) > low
        return np.where(real, ids, -1)

    return choose


def unpadded(scores: Any, allowed: Any, K: int) -> Any:
    return np.argsort(np.where(allowed, -scores, np.inf), axis=1, kind="stable")[:, :K]


def turned_around(scores: Any, allowed: Any, K: int) -> Any:
    ids = np.argsort(np.where(allowed, scores, -np.inf), axis=1, kind="stable")[:, ::-1][:, :K]
    return np.where(np.take_along_axis(allowed, ids, 1), ids, -1)


def top_then_bound(scores: Any, allowed: Any, K: int) -> Any:
    best = [np.argsort(-s, kind="stable")[:K] for s in scores]
    return np.array([filled([j for j in ids if fine[j]], K) for ids, fine in zip(best, allowed, strict=True)])


def last_repeated(scores: Any, positives: Any, share: float, K: int) -> Any:
    rows = mine_sorted(scores, positives, share, K)
    return [[j if j >= 0 else max([x for x in row if x >= 0][-1:], default=-1) for j in row] for row in rows]


def ratio(scores: Any, positives: Any, share: float, K: int) -> Any:
    bounds(scores, positives, share)
    return masked(-np.inf)(scores, scores / lowest(scores, positives)[:, None] < share, K)


hardest = masked(-np.inf)


def mean_of_the_known(scores: Any, positives: Any) -> Any:
    return np.nanmean(read(scores, positives, np.nan), axis=1)


def last_of_the_known(scores: Any, positives: Any) -> Any:
    return np.array([row[ids[ids >= 0][-1]] for row, ids in zip(scores, positives, strict=True)])


def nearest_to_0(scores: Any, positives: Any) -> Any:
    return np.array([min(row[ids[ids >= 0]], key=abs) for row, ids in zip(scores, positives, strict=True)])


def lowest_of_the_batch(scores: Any, positives: Any) -> Any:
    return np.repeat(read(scores, positives, np.inf).min(), len(scores))


def mined_from(answer: Callable[..., Any]) -> Callable[..., Any]:
    """`answer(row, ids, K)` of each row, whose candidates are `ids`, the hardest first."""

    def mine_below(scores: Any, positives: Any, share: float, K: int) -> Any:
        rows = mine_sorted(scores, positives, share, scores.shape[1])
        return [answer(row, [j for j in ids if j >= 0], K) for row, ids in zip(scores, rows, strict=True)]

    return mine_below


def below_a_share_of_the_best(scores: Any, positives: Any, share: float, K: int) -> Any:
    bounds(scores, positives, share)
    best = scores.max(1, keepdims=True)
    own = [[j in ids for j in range(scores.shape[1])] for ids in positives]
    wide = ((0, 0), (0, K))
    return hardest(np.pad(scores, wide), np.pad((scores < share * best) & ~np.array(own), wide), K)


def but_for(known: Callable[..., Any], above: bool = False) -> Callable[..., Any]:
    """The hardest below the bound, or above it, that are not among `known(positives, row)`."""

    def mine_below(scores: Any, positives: Any, share: float, K: int) -> Any:
        rows = []
        for i, (row, bound) in enumerate(zip(scores, bounds(scores, positives, share), strict=True)):
            fits = [j for j, s in enumerate(row) if (s > bound if above else s < bound)]
            left = [j for j in fits if j not in known(positives, i)]
            rows.append(filled(sorted(left, key=lambda j, row=row: -row[j]), K))
        return rows

    return mine_below


def share_if_any(share: Callable[..., Any]) -> Callable[..., Any]:
    return lambda ids, relevant: share(ids, relevant) if len(hits(ids, relevant)) else None


def hits(ids: Any, relevant: Any) -> Any:
    if (ids < 0).all():
        raise ValueError("nothing")
    return np.array([relevant[i, j] for i, row in enumerate(ids) for j in row if j >= 0])


def read_at(ids: Any, relevant: Any, least: int) -> Any:
    return relevant[np.arange(len(ids))[:, None], np.maximum(ids, least)]


def queries_with_a_false_one(ids: Any, relevant: Any) -> Any:
    rows = [row[row >= 0] for row in ids]
    return np.mean([found[row].any() for row, found in zip(rows, relevant, strict=True) if len(row)])


LOW, AWAY = "a mask that is only low", "not allowed, for padding"
BOUNDS_BY: list[tuple[str | None, Callable[..., Any]]] = [
    ("share of a negative score", bounds_by(lowest, lambda low, share: share * low)),
    ("too high", bounds_by(lowest, lambda low, share: share * low.clip(0))),
    ("margin for share", bounds_by(lowest, lambda low, share: low + share - 1)),
    ("1 − share", bounds_by(lowest, lambda low, share: low * (1 - share))),
    ("1 − share", bounds_by(lowest, lambda low, share: low - share * np.abs(low))),
    ("divided by the share", bounds_by(lowest, lambda low, share: np.minimum(low * share, low / share))),
    ("whole row", bounds_by(lambda s, p: s.max(1), right)),
    ("padding read", bounds_by(lambda s, p: np.take_along_axis(s, p, 1).min(1), right)),
    ("padding read", bounds_by(lambda s, p: np.take_along_axis(s, p.clip(0), 1).min(1), right)),
    ("highest positive", bounds_by(lambda s, p: read(s, p, -np.inf).max(1), right)),
    *[
        ("padding filled too low", bounds_by(lambda s, p, x=x: read(s, p, x).min(1), right))
        for x in (0, 1, 1e9)
    ],
    *[("one of the positives", bounds_by(low, right)) for low in (last_of_the_known, nearest_to_0)],
    ("item 0 left out", bounds_by(lambda s, p: lowest(s, np.where(p == 0, -1, p)), right)),
    ("whole row", bounds_by(lambda s, p: s.min(1), right)),
    ("too high", bounds_by(lowest, lambda low, share: share * abs(low))),
    ("too high", bounds_by(lowest, lambda low, share: low + (1 - share) * abs(low))),
    ("too high", bounds_by(lowest, lambda low, share: low)),
    ("whole numbers", bounds_by(lowest, lambda low, share: np.trunc(right(low, share)))),
    ("one bound for all", bounds_by(lowest, lambda low, share: right(low[:1], share))),
    ("mean of the positives", bounds_by(mean_of_the_known, right)),
    ("one bound for all", bounds_by(lowest_of_the_batch, right)),
    ("share not refused", lambda scores, positives, share: right(lowest(scores, positives), share)),
]
MINED_BY: list[tuple[str | None, Callable[..., Any]]] = [
    ("at the bound", mined_by(hardest, below=np.less_equal)),
    ("at the bound", mined_by(hardest, lambda *a: np.asarray(bounds(*a)) + 1e-9)),
    (None, mined_by(hardest, lambda *a: np.asarray(bounds(*a)) - 1e-6)),
    *[(LOW, mined_by(masked(low))) for low in (0, -1, -10, -1e4, -1e9)],
    *[(LOW, mined_by(masked(low, known=True))) for low in (0, -1, -1e9)],
    (AWAY, mined_by(unpadded)),
    ("filtered after the top K", mined_by(top_then_bound)),
    ("ties in another order", mined_by(turned_around)),
    ("easiest first", mined_by(lambda s, fits, K: hardest(-s, fits, K))),
    ("rows of different length", lambda *a: [[j for j in row if j >= 0] for row in mine_sorted(*a)]),
    ("another padding", lambda *a: [[max(j, 0) for j in row] for row in mine_sorted(*a)]),
    ("another padding", last_repeated),
    ("one of the positives", lambda s, p, share, K: mine_sorted(s, p[:, :1], share, K)),
    ("padding read", mined_by(hardest, bounds_by(lambda s, p: np.take_along_axis(s, p, 1).min(1), right))),
    ("share of a negative score", ratio),
    ("whole row", below_a_share_of_the_best),
    ("lowest id first", mined_from(lambda row, ids, K: filled(sorted(ids), K))),
    ("places for ids", mined_from(lambda row, ids, K: filled([sorted(ids).index(j) for j in ids], K))),
    ("scores for ids", mined_from(lambda row, ids, K: filled([row[j] for j in ids], K))),
    ("another order", mined_from(lambda row, ids, K: filled(ids, K)[len(ids) :] + ids[:K])),
    ("another order", mined_from(lambda row, ids, K: filled(ids[:K][::-1], K))),
    ("another order", mined_from(lambda row, ids, K: filled(sorted(ids[:K]), K))),
    ("easiest first", mined_by(lambda s, fits, K: hardest(abs(s), fits, K))),
    ("another padding", mined_from(lambda row, ids, K: filled(ids[: K - 1], K))),
    ("another padding", mined_from(lambda row, ids, K: [j or -1 for j in filled(ids, K)])),
    ("positives of other rows", but_for(lambda positives, i: positives)),
    ("no bound", but_for(lambda positives, i: positives[i], above=True)),
    ("bounds along the columns", mined_by(hardest, below=lambda s, limit: s < limit[:, 0])),
]
SHARES_BY: list[tuple[str | None, Callable[..., Any]]] = [
    ("padding counted", lambda ids, relevant: read_at(ids, relevant, -1).mean()),
    ("padding counted", lambda ids, relevant: read_at(ids, relevant, 0).mean()),
    ("padding counted", lambda ids, relevant: read_at(ids, relevant, 0).sum() / len(hits(ids, relevant))),
    ("nothing mined", lambda ids, relevant: np.take_along_axis(relevant, ids, 1)[ids >= 0].mean()),
    ("item 0 left out", lambda ids, relevant: share_counted(np.where(ids > 0, ids, -1), relevant)),
    ("true share", lambda ids, relevant: 1 - share_counted(ids, relevant)),
    ("padding in the denominator", lambda ids, relevant: share_counted(ids, relevant) * (ids >= 0).mean()),
    ("share of the relevant", lambda ids, relevant: sum(hits(ids, relevant)) / np.count_nonzero(relevant)),
    ("count for share", lambda ids, relevant: len(np.flatnonzero(hits(ids, relevant)))),
    ("share of the relevant", lambda ids, relevant: sum(hits(ids, relevant)) / relevant.size),
    ("count for share", lambda ids, relevant: 100 * share_counted(ids, relevant)),
    ("count for share", lambda ids, relevant: sum(hits(ids, relevant)) // len(hits(ids, relevant))),
    ("count for share", lambda ids, relevant: sum(hits(ids, relevant)) / sum(1 - hits(ids, relevant))),
    *[
        ("another query's answers", share_if_any(share))
        for share in (
            lambda ids, relevant: relevant[0, ids[ids >= 0]].mean(),
            lambda ids, relevant: relevant.any(0)[ids[ids >= 0]].mean(),
            lambda ids, relevant: relevant[:, ids[ids >= 0]].mean(),
        )
    ],
    ("mean of the rows", share_if_any(queries_with_a_false_one)),
    ("nearly right", lambda ids, relevant: round(share_counted(ids, relevant), 2)),
]


@pytest.mark.parametrize(
    ("name", "mistake", "fn"),
    [
        *[("score_bounds", *wrong) for wrong in BOUNDS_BY],
        *[("mine_below", *wrong) for wrong in MINED_BY],
        *[("false_share", *wrong) for wrong in SHARES_BY],
    ],
)
def test_a_learners_own_mistakes_are_named(name: str, mistake: str | None, fn: Callable[..., Any]) -> None:
    assert_named(check(name, fn), mistake)


@pytest.mark.parametrize("seed", range(4))
def test_no_choice_depends_on_how_the_bound_is_rounded(seed: int) -> None:
    for case in MINE.cases(seed):
        scores, positives, share, _ = case.args
        if 0 < share <= 1 and (positives.max(1) >= 0).all():
            low, exact = lowest(scores, positives), Fraction(str(share))
            for row, s in zip(scores, low, strict=True):
                bound = Fraction(float(s)) - (1 - exact) * abs(Fraction(float(s)))
                gaps = [abs(Fraction(float(x)) - bound) for x in row]
                assert all(gap == 0 or gap > 2**-26 for gap in gaps)
                assert exact == Fraction(share) or 0 not in gaps


def test_a_bound_lies_at_or_below_every_positive_and_grows_with_it() -> None:
    s = np.linspace(-2, 2, 41)[:, None]
    for share in (0.5, 0.95, 1.0):
        found = BOUNDS.truth(s, np.zeros((41, 1), dtype=int), share)
        assert np.all(found <= s[:, 0]) and np.all(np.diff(found) > 0)
