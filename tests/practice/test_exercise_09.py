"""Exercise 09: right answers in several styles pass, and a learner's own mistakes are named."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from answers import assert_named, assert_passed, checker
from scipy.stats import chisquare

from nslab import practice
from nslab.practice._exercise import load

RECONSTRUCT, BUILD, DRAW, WITHOUT = load("09").questions


check = checker("09")


# Right answers


def refuse(w: Any) -> None:
    if len(w) == 0 or any(x < 0 or x == float("inf") for x in w) or max(w) == 0:
        raise ValueError("no weights")


def booked(prob: Any, alias: Any) -> list[float]:
    n = len(prob)
    if len(alias) != n or min(alias) < 0 or max(alias) > n - 1:
        raise ValueError("no table")
    return [(p + sum(1 - prob[j] for j in range(n) if alias[j] == i)) / n for i, p in enumerate(prob)]


def counted(prob: Any, alias: Any) -> np.ndarray:
    if len(alias) != len(prob) or not set(alias) <= set(range(len(prob))):
        raise ValueError("no table")
    return (prob + np.bincount(alias, weights=1 - prob, minlength=len(prob))) / len(prob)


def index_added(prob: Any, alias: Any) -> torch.Tensor:
    booked(prob, alias)
    keep, to = torch.as_tensor(prob), torch.as_tensor(alias)
    return keep.index_add(0, to, 1 - keep) / len(keep)


def vose(w: Any) -> tuple[list[float], list[int]]:
    """The textbook's, with its two clean-up loops."""
    refuse(w)
    n, total = len(w), sum(w)
    scaled = [x * n / total for x in w]
    prob, alias, small, large = [0.0] * n, [0] * n, [], []
    for i, x in enumerate(scaled):
        (small if x < 1 else large).append(i)
    while small and large:
        less, more = small.pop(), large.pop()
        prob[less], alias[less] = scaled[less], more
        scaled[more] = (scaled[more] + scaled[less]) - 1
        (small if scaled[more] < 1 else large).append(more)
    for i in large:
        prob[i] = 1
    for i in small:
        prob[i] = 1
    return prob, alias


def queued(w: Any) -> tuple[torch.Tensor, torch.Tensor]:
    refuse(w)
    height = torch.as_tensor(w, dtype=torch.float64) / np.mean(w)
    prob, alias, level = height.clone(), torch.arange(len(w)), height.tolist()
    short = deque(i for i, x in enumerate(level) if x < 1)
    tall = deque(i for i, x in enumerate(level) if x > 1)
    while short and tall:
        s, t = short.popleft(), tall[0]
        prob[s], alias[s] = level[s], t
        level[t] -= 1 - level[s]
        if level[t] <= 1:
            short.append(tall.popleft())
    for i in (*short, *tall):
        prob[i] = 1
    return prob, alias


def rulers(w: Any) -> tuple[np.ndarray, np.ndarray]:
    """Prefix sums instead of a loop."""
    refuse(w)
    keep, alias = w / np.mean(w), np.arange(len(w))
    short, tall = np.flatnonzero(keep < 1), np.flatnonzero(keep > 1)
    if len(short) == 0 or len(tall) == 0:
        return np.ones(len(w)), alias
    deficit, surplus = np.append(0, (1 - keep[short]).cumsum()), (keep[tall] - 1).cumsum()
    alias[short] = tall[np.searchsorted(surplus, deficit[:-1], side="right").clip(max=len(tall) - 1)]
    at = np.searchsorted(deficit, surplus).clip(max=len(short))
    keep[tall] = (1 + surplus - deficit[at]).clip(0, 1)
    alias[tall[:-1]] = tall[1:]
    return keep, alias


def two_pointers(w: Any) -> np.ndarray:
    """From the sorted ends, one array for both."""
    refuse(w)
    ids = np.argsort(w, kind="stable")
    height = (np.asarray(w, float) * len(w) / np.sum(w)).tolist()
    prob, alias, low, high = np.ones(len(w)), np.arange(len(w)), 0, len(w) - 1
    s = ids[low] if len(w) else 0
    while low < high:
        t = ids[high]
        prob[s], alias[s] = min(height[s], 1), t
        height[t] -= 1 - prob[s]
        if height[t] < 1:
            s, high = t, high - 1
        else:
            low += 1
            s = ids[low]
    return prob, alias  # type: ignore[return-value]


def tossed(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> list[int]:
    ids = []
    for _ in range(size):
        i = int(rng.integers(len(prob)))
        ids.append(i if rng.uniform() <= prob[i] else int(alias[i]))
    return ids


def split(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    column, coin = np.divmod(rng.random(size) * len(prob), 1)
    column = column.astype(int)
    return np.where(coin >= prob[column], alias[column], column)


def in_torch(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> torch.Tensor:
    g = torch.Generator().manual_seed(int(rng.integers(2**60)))
    column = torch.randint(len(prob), (size,), generator=g)
    stay = torch.rand(size, dtype=torch.float64, generator=g) < torch.as_tensor(prob)[column]
    return torch.where(stay, column, torch.as_tensor(alias)[column])


def chosen(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    ids = rng.choice(np.arange(len(prob)), size)
    leave = rng.binomial(1, 1 - prob[ids]).astype(bool)
    ids[leave] = alias[ids[leave]]
    return ids


def row_by_row(prob: Any, alias: Any, excluded: Any, rng: np.random.Generator) -> list[int]:
    q = booked(prob, alias)
    if max(q[e] for e in excluded) > 0.999999:
        raise ValueError("nothing else")
    ids = []
    for e in excluded:
        while (i := split(prob, alias, 1, rng)[0]) == e:
            pass
        ids.append(int(i))
    return ids


def own_laws(prob: Any, alias: Any, excluded: Any, rng: np.random.Generator) -> np.ndarray:
    """The conditional distribution of each excluded id, spelt out."""
    ids = np.empty(len(excluded), dtype=int)
    for e in set(excluded):
        q = counted(prob, alias)
        q[e] = 0
        if q.sum() == 0:
            raise ValueError("nothing else")
        rows = excluded == e
        ids[rows] = rng.choice(len(q), rows.sum(), p=q / q.sum())
    return ids


@pytest.mark.parametrize("seed", (0, 7))
@pytest.mark.parametrize(
    ("name", "fn"),
    [
        *[("reconstruct", fn) for fn in (booked, counted, index_added)],
        *[("build_alias", fn) for fn in (vose, queued, rulers, two_pointers)],
        *[("alias_draw", fn) for fn in (tossed, split, in_torch, chosen)],
        *[("draw_without", fn) for fn in (row_by_row, own_laws)],
    ],
)
def test_right_answers_pass_in_every_style(name: str, fn: Callable[..., Any], seed: int) -> None:
    assert_passed(check(name, fn, seed=seed))


# Wrong answers


def fancy(prob: Any, alias: Any) -> np.ndarray:
    counted(prob, alias)
    q = np.zeros(len(prob))
    q += prob / len(prob)
    q[alias] += (1 - prob) / len(prob)
    return q


def made_to_sum(prob: Any, alias: Any) -> np.ndarray:
    q = fancy(prob, alias)
    return q / q.sum()


def to_others_only(prob: Any, alias: Any) -> list[float]:
    counted(prob, alias)
    q = [p / len(prob) for p in prob]
    for i, a in enumerate(alias):
        if a != i:
            q[a] += (1 - prob[i]) / len(prob)
    return q


def no_mean(prob: Any, alias: Any) -> list[float]:
    return [x * len(prob) for x in booked(prob, alias)]


def trusting(prob: Any, alias: Any) -> np.ndarray:
    q = np.array(prob)
    np.add.at(q, alias, 1 - prob)
    return q / len(q)


def pours(w: Any, height: Any, finish: bool = True, refill: bool = True) -> tuple[Any, Any]:
    """A learner's own loop, from the left."""
    prob, alias = [0.0] * len(w), [0] * len(w)
    low = deque(i for i in range(len(w)) if height[i] < 1)
    high = deque(i for i in range(len(w)) if height[i] >= 1)
    while len(low) > 0 and len(high) > 0:
        a, b = low.popleft(), high.popleft()
        prob[a], alias[a] = height[a], b
        height[b] = height[b] - (1 - height[a])
        if height[b] >= 1 or not refill:
            high.appendleft(b)
        else:
            low.appendleft(b)
    for i in (*low, *high) if finish else ():
        prob[i] = 1.0
    return prob, alias


def of_probabilities(w: Any) -> Any:
    refuse(w)
    return pours(w, list(np.asarray(w) / sum(w)))


def of_counts(w: Any) -> Any:
    refuse(w)
    return pours(w, [float(x) for x in w])


def unfinished(w: Any) -> Any:
    refuse(w)
    return pours(w, list(np.asarray(w) / np.mean(w)), finish=False)


def never_refilled(w: Any) -> Any:
    refuse(w)
    return pours(w, list(np.asarray(w) / np.mean(w)), refill=False)


def until_short_is_empty(w: Any) -> Any:
    """Chapter 07's loop, which is right for whole numbers."""
    refuse(w)
    keep, alias = (np.asarray(w) / np.mean(w)).tolist(), list(range(len(w)))
    short = [i for i in reversed(range(len(w))) if keep[i] < 1]
    tall = [i for i in reversed(range(len(w))) if keep[i] >= 1]
    while short:
        s, t = short.pop(), tall[-1]
        alias[s], keep[t] = t, keep[t] - (1 - keep[s])
        if keep[t] < 1:
            short.append(tall.pop())
    return np.minimum(keep, 1), np.array(alias)


def like_the_weights(w: Any) -> Any:
    refuse(w)
    prob, alias = vose(w)
    kept = np.zeros_like(w)
    for i, p in enumerate(prob):
        kept[i] = p
    return kept, alias


def in_half(w: Any) -> Any:
    refuse(w)
    prob, alias = vose(torch.as_tensor(w).float().numpy())
    return torch.tensor(prob, dtype=torch.float32), alias


def backwards(w: Any) -> Any:
    refuse(w)
    return vose(w)[::-1]


def complement(w: Any) -> Any:
    prob, alias = vose(w)
    return [1 - p if p < 1 else 1 for p in prob], alias


def columns_of_q(w: Any) -> Any:
    prob, alias = vose(w)
    return [p / len(w) for p in prob], alias


def unit_giver(w: Any) -> Any:
    """Subtracts what the short column has instead of what it lacks."""
    refuse(w)
    h = np.asarray(w, float) / np.mean(w)
    prob, alias = np.ones(len(h)), np.arange(len(h))
    low, high = list(np.where(h < 1)[0]), list(np.where(h >= 1)[0])
    while low and high:
        a, b = low.pop(), high.pop()
        prob[a], alias[a] = h[a], b
        h[b] -= h[a]
        (low if h[b] < 1 else high).append(b)
    return prob, alias


def ranked(w: Any) -> Any:
    refuse(w)
    return vose(sorted(w))


def two_strict_lists(w: Any) -> Any:
    """Columns of height 1 are in no list."""
    refuse(w)
    h = (np.asarray(w) / np.mean(w)).tolist()
    prob, alias, lists = np.zeros(len(h)), np.zeros(len(h), dtype=int), ([], [])
    for i, x in enumerate(h):
        if x != 1:
            lists[x > 1].append(i)
    while lists[0] and lists[1]:
        a, b = lists[0].pop(), lists[1].pop()
        prob[a], alias[a], h[b] = h[a], b, h[b] - (1 - h[a])
        lists[h[b] >= 1].append(b)
    prob[lists[0] + lists[1]] = 1
    return prob, alias


def ranked_aliases_back(w: Any) -> Any:
    refuse(w)
    ids = np.argsort(w)
    prob, alias = vose(np.asarray(w)[ids])
    return prob, ids[alias]


def one_uniform(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> list[int]:
    ids = []
    for u in rng.random(size):
        i = int(u * len(prob))
        ids.append(i if u < prob[i] else int(alias[i]))
    return ids


def flipped(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    i = rng.integers(0, len(prob), size)
    return np.where(rng.random(size) > prob[i], i, alias[i])


def chained(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> list[int]:
    ids = []
    for _ in range(size):
        i = int(rng.integers(len(prob)))
        while rng.random() > prob[i]:
            i = int(alias[i])
        ids.append(i)
    return ids


def scalar_coin(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    i, coin = rng.integers(len(prob), size=size), rng.uniform()
    return np.array([j if coin < prob[j] else alias[j] for j in i])


def coins_first(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    sides = np.where(rng.random(len(prob)) < prob, np.arange(len(prob)), alias)
    return rng.choice(sides, size)


def fresh(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return split(prob, alias, size, np.random.default_rng())


def short_die(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    i = np.floor(rng.random(size) * max(1, len(prob) - 1)).astype(int)
    return np.where(rng.random(size) < prob[i], i, alias[i])


def heavy_columns(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    i = np.searchsorted(np.cumsum(prob), rng.random(size) * np.sum(prob))
    return np.where(rng.random(size) < prob[i], i, alias[i])


def shuffled_rounds(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    n, thrown = len(prob), []
    while len(thrown) < size:
        thrown.extend(rng.permutation(n).tolist())
    column = np.array(thrown[:size])
    return np.where(rng.random(size) < prob[column], column, alias[column])


def round_robin(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> list[int]:
    n = len(prob)
    return [i % n if rng.random() < prob[i % n] else int(alias[i % n]) for i in range(size)]


def die_thrown_once(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> list[int]:
    column = int(rng.integers(len(prob)))
    return [column if u < prob[column] else int(alias[column]) for u in rng.random(size)]


def counted_draws(prob: Any, alias: Any) -> np.ndarray:
    n = len(prob)
    if len(alias) != n or not set(np.asarray(alias).tolist()) <= set(range(n)):
        raise ValueError("no table")
    column = np.random.default_rng(3).integers(n, size=100_000)
    ids = np.where(np.random.default_rng(4).random(100_000) < prob[column], column, alias[column])
    return np.bincount(ids, minlength=n) / 100_000


def gathered(prob: Any, alias: Any) -> np.ndarray:
    counted(prob, alias)
    return prob + (1 - prob)[alias]


def columns_evenly(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    column = np.arange(size) % len(prob)
    return np.where(rng.random(size) < prob[column], column, alias[column])


def in_tenths(steps: int, prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    column = rng.integers(len(prob), size=size)
    return np.where(rng.integers(steps, size=size) < np.round(steps * prob[column]), column, alias[column])


def next_coin(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    u = rng.random(size + 1)
    column = (u[1:] * len(prob)).astype(int)
    return np.where(u[:-1] < prob[column], column, alias[column])


def sorted_draws(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    return np.repeat(np.arange(len(prob)), rng.multinomial(size, counted(prob, alias)))


def global_coin(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    i = rng.integers(len(prob), size=size)
    return np.where(np.random.rand(size) < prob[i], i, alias[i])


def masked(prob: Any, alias: Any, excluded: Any, rng: np.random.Generator) -> np.ndarray:
    own_laws(prob, alias, excluded, rng)
    ids = split(prob, alias, len(excluded), rng)
    return ids[ids != excluded]


def neighbour(prob: Any, alias: Any, excluded: Any, rng: np.random.Generator) -> np.ndarray:
    own_laws(prob, alias, excluded, rng)
    ids = split(prob, alias, len(excluded), rng)
    ids[ids == excluded] += 1
    return ids % len(prob)


def second_chance(prob: Any, alias: Any, excluded: Any, rng: np.random.Generator) -> np.ndarray:
    own_laws(prob, alias, excluded, rng)
    ids = split(prob, alias, len(excluded), rng)
    hit = ids == excluded
    ids[hit] = split(prob, alias, hit.sum(), rng) if hit.any() else ids[hit]
    return ids


def one_id_back(prob: Any, alias: Any, excluded: Any, rng: np.random.Generator) -> np.ndarray:
    own_laws(prob, alias, excluded, rng)
    ids = split(prob, alias, len(excluded), rng)
    return np.where(ids == excluded, (ids + len(prob) - 1) % len(prob), ids)


def never_heads(prob: Any, alias: Any, excluded: Any, rng: np.random.Generator) -> list[int]:
    own_laws(prob, alias, excluded, rng)
    ids = []
    for e in excluded:
        coins = np.where(np.arange(len(prob)) == e, 0, prob)
        ids.append(int(split(coins, alias, 1, rng)[0]))
    return ids


@pytest.mark.parametrize(
    ("name", "fn", "mistake"),
    [
        ("reconstruct", fancy, "repeated alias"),
        ("reconstruct", made_to_sum, "repeated alias"),
        ("reconstruct", to_others_only, "own alias left out"),
        ("reconstruct", no_mean, "heights for probabilities"),
        ("reconstruct", trusting, "broken table read"),
        ("build_alias", of_probabilities, "heights do not average 1"),
        ("build_alias", of_counts, "heights do not average 1"),
        ("build_alias", unfinished, "left over"),
        ("build_alias", never_refilled, "a giver that sank"),
        ("build_alias", until_short_is_empty, "an empty list"),
        ("build_alias", like_the_weights, "whole numbers"),
        ("build_alias", in_half, "float32"),
        ("build_alias", backwards, "swapped"),
        ("build_alias", complement, "coin reversed"),
        ("build_alias", columns_of_q, "shares of all, not of a column"),
        ("build_alias", unit_giver, "the wrong amount"),
        ("build_alias", two_strict_lists, "a level column forgotten"),
        ("build_alias", ranked, "places for ids"),
        ("build_alias", ranked_aliases_back, "places for ids"),
        ("build_alias", lambda w: vose(w) if len(w) else ([], []), "no error raised"),
        ("alias_draw", one_uniform, "one number for column and coin"),
        ("alias_draw", flipped, "coin reversed"),
        ("alias_draw", chained, "tossed again"),
        ("alias_draw", scalar_coin, "too few tosses"),
        ("alias_draw", coins_first, "too few tosses"),
        ("alias_draw", fresh, "another generator"),
        ("alias_draw", short_die, "a column never thrown"),
        ("alias_draw", heavy_columns, "column by its coin"),
        ("alias_draw", sorted_draws, "in blocks"),
        ("alias_draw", shuffled_rounds, "columns in turn"),
        ("alias_draw", round_robin, "columns in turn"),
        ("alias_draw", die_thrown_once, "a single throw"),
        ("reconstruct", counted_draws, "drawn, not summed"),
        ("alias_draw", global_coin, "global random state"),
        ("alias_draw", lambda prob, alias, size, rng: split(prob, alias, size, rng) * 1.0, "not readable"),
        ("draw_without", masked, "dropped"),
        ("draw_without", neighbour, "moved to another id"),
        ("draw_without", one_id_back, "moved to another id"),
        ("draw_without", never_heads, "coin set to 0"),
        ("draw_without", second_chance, "drawn again once"),
        (
            "reconstruct",
            lambda prob, alias: gathered(prob, alias) / sum(gathered(prob, alias)),
            "read the wrong way",
        ),
        (
            "reconstruct",
            lambda prob, alias: counted(prob, alias) * len(prob) / max(1, len(prob) - 1),
            "heights for probabilities",
        ),
        ("reconstruct", lambda prob, alias: counted(prob, alias).astype(np.float16), "imprecise"),
        ("build_alias", lambda w: vose(np.power(w, 0.75) if len(w) else w), "other weights"),
        (
            "build_alias",
            lambda w: vose(w) if not len(w) or min(w) < 0 else vose(np.array(w) + 1),
            "other weights",
        ),
        ("alias_draw", lambda prob, *rest: in_tenths(10, prob, *rest), "a coarse coin"),
        ("alias_draw", lambda prob, *rest: in_tenths(100, prob, *rest), "a coarse coin"),
        ("alias_draw", next_coin, "coin used again"),
        ("draw_without", lambda *args: np.sort(own_laws(*args)), "rows mixed up"),
    ],
)
def test_a_learners_own_mistakes_are_named(name: str, fn: Callable[..., Any], mistake: str) -> None:
    assert_named(check(name, fn), mistake)


def shared(prob: Any, alias: Any, excluded: Any, rng: np.random.Generator, rows: Any) -> np.ndarray:
    """Draws again up to a hundred times, where the rows that are looked at leave something to draw."""
    if any(booked(prob, alias)[e] > 1 - 1e-9 for e in rows):
        raise ValueError("nothing else")
    ids = split(prob, alias, len(excluded), rng)
    for _ in range(100):
        hit = ids == excluded
        ids[hit] = split(prob, alias, hit.sum(), rng)
    return ids


def hasty(prob: Any, alias: Any, excluded: Any, rng: np.random.Generator) -> np.ndarray:
    """Takes ninety-nine in a hundred for all."""
    if any(booked(prob, alias)[e] > 0.99 for e in set(excluded)):
        raise ValueError("nothing else")
    return own_laws(prob, alias, excluded, rng)


@pytest.mark.parametrize(
    ("name", "fn"),
    [
        ("reconstruct", lambda prob, alias: counted(prob, alias[: len(prob)])),
        ("reconstruct", lambda prob, alias: counted(prob, np.r_[alias[:1], alias[1:] % len(prob)])),
        ("build_alias", lambda w: vose(np.array(w) * (len(w) / sum(w)) if len(w) and sum(w) else w)),
        ("build_alias", lambda w: vose(np.where(np.array(w) < 1e-12, 0, w) if len(w) and min(w) >= 0 else w)),
        ("build_alias", lambda w: vose(np.where(w < 1e-9 * sum(w), 0, w) if len(w) and min(w) >= 0 else w)),
        ("build_alias", lambda w: vose(w.astype(np.int32) if w.dtype.kind == "i" else w)),
        (
            "alias_draw",
            lambda prob, alias, size, rng: rng.permutation(columns_evenly(prob, alias, size, rng)),
        ),
        ("draw_without", lambda prob, alias, excluded, rng: shared(prob, alias, excluded, rng, excluded)),
        ("draw_without", lambda prob, alias, excluded, rng: shared(prob, alias, excluded, rng, excluded[:1])),
        ("draw_without", hasty),
        (
            "draw_without",
            lambda prob, alias, excluded, rng: shared(prob, alias, excluded, rng, range(len(prob))),
        ),
    ],
)
def test_what_goes_wrong_in_few_inputs_is_seen(name: str, fn: Callable[..., Any]) -> None:
    assert check(name, fn).status in ("failed", "raised")


def test_a_table_with_a_column_too_many_is_refused() -> None:
    def build_alias(w: Any) -> Any:
        prob, alias = vose(w)
        return [*prob, 1.0], [*alias, 0]

    result = practice.check("09", build_alias)
    assert result.mistake == "columns that nobody asked for" and "columns: 2" in result.message


def test_the_counterexample_is_drawn() -> None:
    result = check("build_alias", of_counts)
    assert "[Your columns, and the probabilities that they give, times N" in result.message
    assert 'src="data:image/png;base64,' in result._repr_html_()


# Linear


def searching(w: Any) -> Any:
    """Right, but each pour looks through all columns."""
    refuse(w)
    height = (np.asarray(w) / np.mean(w)).tolist()
    prob, alias, open_ = [1.0] * len(w), list(range(len(w))), set(range(len(w)))
    while True:
        s = min(open_, key=lambda i: height[i])
        t = max(open_, key=lambda i: height[i])
        if height[s] > 1 - 1e-13 or height[t] < 1 + 1e-13:
            return prob, alias
        prob[s], alias[s] = height[s], t
        height[t] -= 1 - height[s]
        open_.discard(s)


def test_a_build_that_searches_at_every_pour_is_stopped() -> None:
    result = check("build_alias", searching, seconds=2)  # time for the small inputs, on a busy machine too
    assert result.mistake == "still running" and "(40000 entries)" in result.message
    q = np.array([0.1, 0.2, 0.0, 0.3, 0.4])
    assert np.allclose(counted(*map(np.array, searching(q))), q, rtol=0, atol=1e-12)


def lines_run(fn: Callable[..., Any], *args: Any) -> int:
    """How many lines of Python a call runs."""
    lines = 0

    def trace(frame: Any, event: str, arg: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        fn(*args)
    finally:
        sys.settrace(before)
    return lines


@pytest.mark.parametrize("fn", (BUILD.truth, vose))
def test_the_work_of_a_build_grows_like_its_columns(fn: Callable[..., Any]) -> None:
    w = np.random.default_rng(0).random(800) ** 3
    few, many = lines_run(fn, w[:400]), lines_run(fn, w)
    assert 1.9 < many / few < 2.1
    assert lines_run(searching, w[:200]) > 1.9**2 * lines_run(searching, w[:100])


# The numbers of the audit


@pytest.mark.parametrize("w", (1 / np.arange(1, 1001), np.eye(50)[7], np.ones(64)))
def test_a_table_gives_the_weights_back(w: np.ndarray) -> None:
    q = RECONSTRUCT.truth(*BUILD.truth(w))
    assert np.abs(q - w / w.sum()).max() < 1e-12
    assert np.array_equal(q == 0, w == 0)


def test_a_million_draws_pass_a_chi_square_test() -> None:
    q = 1 / np.arange(1, 51) / (1 / np.arange(1, 51)).sum()
    prob, alias = map(np.array, vose(q))
    ids = split(prob, alias, 10**6, np.random.default_rng(0))
    assert chisquare(np.bincount(ids, minlength=50), 1e6 * q).pvalue > 1e-4
    bent = one_uniform(prob, alias, 10**5, np.random.default_rng(0))
    assert chisquare(np.bincount(bent, minlength=50), 1e5 * q).pvalue < 1e-12


def test_an_excluded_id_costs_draws_as_its_probability_says() -> None:
    prob, alias = BUILD.truth([1, 1, 2])
    rng = np.random.default_rng(0)
    rounds, rows = 0, np.full(20_000, 2)
    while len(rows):
        rounds += len(rows)
        rows = rows[split(prob, alias, len(rows), rng) == 2]
    assert rounds / 20_000 == pytest.approx(1 / (1 - 0.5), rel=0.05)
