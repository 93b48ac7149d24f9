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


def mine_sorted(scores: Any, positives: Any, share: float, K: int) -> Any:
    found = []
    for row, bound in zip(scores, bounds(scores, positives, share), strict=True):
        best = [j for _, j in sorted((-s, j) for j, s in enumerate(row) if s < bound)][:K]
        found.append(best + [-1] * (K - len(best)))
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


def lowest(scores: Any, positives: Any) -> Any:
    return np.where(positives < 0, np.inf, np.take_along_axis(scores, positives, 1)).min(1)


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
    rows = [[j for j in np.argsort(-s, kind="stable")[:K] if fine[j]] for s, fine in zip(scores, allowed, strict=True)]  # fmt: skip
    return np.array([row + [-1] * (K - len(row)) for row in rows])


def last_repeated(scores: Any, positives: Any, share: float, K: int) -> Any:
    rows = mine_sorted(scores, positives, share, K)
    return [[j if j >= 0 else max([x for x in row if x >= 0][-1:], default=-1) for j in row] for row in rows]


def ratio(scores: Any, positives: Any, share: float, K: int) -> Any:
    bounds(scores, positives, share)
    return masked(-np.inf)(scores, scores / lowest(scores, positives)[:, None] < share, K)


hardest = masked(-np.inf)


@pytest.mark.parametrize(
    ("name", "fn", "mistake"),
    [
        ("score_bounds", bounds_by(lowest, lambda low, share: share * low), "share of a negative score"),
        ("score_bounds", bounds_by(lowest, lambda low, share: share * low.clip(0)), "bound at 0"),
        ("score_bounds", bounds_by(lowest, lambda low, share: low + share - 1), "margin for share"),
        ("score_bounds", bounds_by(lowest, lambda low, share: low * (1 - share)), "1 − share"),
        ("score_bounds", bounds_by(lowest, lambda low, share: np.minimum(low * share, low / share)), None),
        ("score_bounds", bounds_by(lambda s, p: s.max(1), right), "best of the row"),
        ("score_bounds", bounds_by(lambda s, p: np.take_along_axis(s, p, 1).min(1), right), "padding read"),
        ("score_bounds", bounds_by(lambda s, p: np.take_along_axis(s, p.clip(0), 1).min(1), right), "padding read"),
        ("score_bounds", bounds_by(lambda s, p: np.where(p < 0, -np.inf, np.take_along_axis(s, p, 1)).max(1), right), "highest positive"),
        ("score_bounds", bounds_by(lambda s, p: np.where(p < 0, 1, np.take_along_axis(s, p, 1)).min(1), right), None),
        ("score_bounds", lambda scores, positives, share: right(lowest(scores, positives), share), "share not refused"),
        ("mine_below", mined_by(hardest, below=np.less_equal), "at the bound"),
        ("mine_below", mined_by(hardest, lambda *a: np.asarray(bounds(*a)) + 1e-9), "at the bound"),
        ("mine_below", mined_by(hardest, lambda *a: np.asarray(bounds(*a)) - 1e-6), None),
        *[("mine_below", mined_by(masked(low)), "a mask that is only low") for low in (0, -1, -10, -1e4, -1e9)],
        *[("mine_below", mined_by(masked(low, known=True)), "a mask that is only low") for low in (0, -1, -1e9)],
        ("mine_below", mined_by(unpadded), "not allowed, for padding"),
        ("mine_below", mined_by(top_then_bound), "filtered after the top K"),
        ("mine_below", mined_by(turned_around), "ties in another order"),
        ("mine_below", mined_by(lambda s, fits, K: hardest(-s, fits, K)), "easiest first"),
        ("mine_below", lambda *a: [[j for j in row if j >= 0] for row in mine_sorted(*a)], "rows of different length"),
        ("mine_below", lambda *a: [[max(j, 0) for j in row] for row in mine_sorted(*a)], "another padding"),
        ("mine_below", last_repeated, "another padding"),
        ("mine_below", lambda s, p, share, K: mine_sorted(s, p[:, :1], share, K), "first positive only"),
        ("mine_below", ratio, "share of a negative score"),
        ("false_share", lambda ids, relevant: relevant[np.arange(len(ids))[:, None], ids].mean(), "padding counted"),
        ("false_share", lambda ids, relevant: np.take_along_axis(relevant, ids, 1)[ids >= 0].mean(), "nothing mined"),
        ("false_share", lambda ids, relevant: share_counted(np.where(ids > 0, ids, -1), relevant), "item 0 left out"),
        ("false_share", lambda ids, relevant: 1 - share_counted(ids, relevant), "true share"),
        ("false_share", lambda ids, relevant: share_counted(ids, relevant) * (ids >= 0).mean(), "padding in the denominator"),
        ("false_share", lambda ids, relevant: round(share_counted(ids, relevant), 2), "nearly right"),
    ],
)  # fmt: skip
def test_a_learners_own_mistakes_are_named(name: str, fn: Callable[..., Any], mistake: str | None) -> None:
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
