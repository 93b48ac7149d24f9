"""Exercise 09: the alias method."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from nslab import samplers
from nslab._alias import build_table
from nslab.practice._chance import Watched, pairs_alike
from nslab.practice._exercise import Case, Exercise, Mutant, Question, Same, edges
from nslab.practice._judgements import indexed
from nslab.practice._mistakes import mistakes
from nslab.practice._run import Outcome

# The specification: one column, one pour, one draw at a time.


def reconstruct(prob: Any, alias: Any) -> np.ndarray:
    """Each column is thrown with 1/N and gives its own id `prob` of the time, its alias the rest."""
    n = len(prob)
    if len(alias) != n or any(not 0 <= a < n for a in alias):
        raise ValueError(f"alias must hold {n} ids from 0 to {n - 1}")
    columns = [0.0] * n
    for i, a in enumerate(alias):
        columns[i] += float(prob[i])
        columns[a] += 1 - float(prob[i])
    return np.array(columns) / n


def build_alias(w: Any) -> tuple[np.ndarray, np.ndarray]:
    """While a column is short, a tall one fills it up to 1 and is itself short or tall by what it keeps."""
    n, total = len(w), math.fsum(w)
    if n == 0 or not all(math.isfinite(x) and x >= 0 for x in w) or total == 0:
        raise ValueError("w must hold finite weights >= 0, not all of them 0")
    height = [n * float(x) / total for x in w]
    prob, alias = [1.0] * n, list(range(n))
    short = [i for i in range(n) if height[i] < 1]
    tall = [i for i in range(n) if height[i] > 1]
    while short and tall:
        s, t = short.pop(), tall.pop()
        prob[s], alias[s] = height[s], t
        height[t] -= 1 - height[s]
        (short if height[t] < 1 else tall).append(t)
    return np.array(prob), np.array(alias)


def alias_draw(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    """For each draw a column, all alike, and the toss of its own coin."""
    ids = []
    for column in rng.integers(len(prob), size=size):
        ids.append(column if rng.random() < prob[column] else alias[column])
    return np.array(ids)


def draw_without(prob: Any, alias: Any, excluded: Any, rng: np.random.Generator) -> np.ndarray:
    """For each excluded id, draw until something else comes."""
    q = reconstruct(prob, alias)
    if any(q[e] > 1 - EXACT for e in excluded):
        raise ValueError("an excluded id has all the probability")
    ids = []
    for e in excluded:
        i = e
        while i == e:
            column = rng.integers(len(prob))
            i = column if rng.random() < prob[column] else alias[column]
        ids.append(i)
    return np.array(ids)


# How tables and draws are compared: by what all right ones share.

EXACT = 1e-12  # the most by which the probabilities of a right table may be off


def numbers(value: dict[str, Any]) -> np.ndarray:
    """What was measured, as one array."""
    return np.array(list(value.values()), dtype=np.float64)


def _read_table(value: Any) -> tuple[np.ndarray, np.ndarray, bool]:
    """prob, alias, and whether alias came as floats."""
    pair = tuple(value)
    if len(pair) != 2 or any(np.ndim(part) != 1 for part in pair) or len(pair[0]) != len(pair[1]):
        raise ValueError("two arrays of equal length are asked for, prob and alias")
    prob, alias = (np.asarray(part, dtype=np.float64) for part in pair)
    return prob, alias, np.asarray(pair[1]).dtype.kind == "f"


def shares(prob: np.ndarray, alias: np.ndarray, size: int) -> np.ndarray:
    """What each id gets of a table that may be broken: an alias that is no id gets nothing."""
    real = _real_ids(alias, len(prob))
    own = np.bincount(np.arange(len(prob)), prob, size)
    return (own + np.bincount(alias[real].astype(int), 1 - prob[real], size)) / len(prob)


def _real_ids(alias: np.ndarray, n: int) -> np.ndarray:
    return (alias >= 0) & (alias < n) & (alias == np.floor(alias))


def _off(errors: np.ndarray, allowed: Any) -> dict[str, Any]:
    """What is off by more than is allowed, id by id where they are few."""
    errors = np.where(np.abs(errors) <= allowed, 0.0, errors)
    if len(errors) <= 8:
        return {f"id {i} off by:": e for i, e in enumerate(errors)}
    return {"most too much:": errors.max(), "most too little:": errors.min()}


def measure_table(args: tuple[Any, ...], value: Any) -> dict[str, Any]:
    q = np.asarray(args[0], dtype=np.float64) / np.sum(args[0])
    prob, alias, floats = _read_table(value)
    size = max(len(q), len(prob))
    errors = shares(prob, alias, size) - np.pad(q, (0, size - len(q)))
    return {
        "columns:": len(prob),
        "prob outside [0, 1]:": int((~((prob >= 0) & (prob <= 1))).sum()),
        "alias that is no id:": int((~_real_ids(alias, len(prob))).sum()),
        "alias in floats:": floats,
        "drawn at weight 0:": int((errors[: len(q)][q == 0] != 0).sum()),
        **_off(errors, EXACT),
    }


def _most(variance: Any) -> Any:
    """How far a sum of independent 0s and 1s strays from its mean, but in one of 10^8 samples (Bernstein)."""
    log = math.log(2e8)
    return log / 3 + np.sqrt(log**2 / 9 + 2 * log * variance)


def _read_ids(value: Any) -> np.ndarray:
    ids = np.asarray(value)
    if ids.ndim != 1 or ids.dtype.kind not in "iu":
        raise ValueError(f"integers in one axis are asked for, got {ids.dtype} of shape {ids.shape}")
    return ids


def _uneven(ids: np.ndarray, chances: np.ndarray) -> dict[str, Any]:
    """By how much each id comes too often, as a share, or 0 where luck can do it; chances (draws, N)."""
    n = chances.shape[1]
    counts = np.bincount(ids[(ids >= 0) & (ids < n)], minlength=n)
    variance = (chances * (1 - chances)).sum(0)
    off = counts - chances.sum(0)
    lucky = np.abs(off) <= np.where(variance == 0, 1e-6, _most(variance))
    return {f"id {i} off by:": 0.0 if lucky.all() else share for i, share in enumerate(off / len(ids))}


def measure_draws(args: tuple[Any, ...], value: Any) -> dict[str, Any]:
    prob, alias, _, rng = args
    q, ids = shares(prob, alias, len(prob)), _read_ids(value)
    surprise, variance = pairs_alike(ids)
    luck, mean = _most(variance), len(ids) / len(q)
    return {
        "drawn:": len(ids),
        "ids that do not exist:": int(((ids < 0) | (ids >= len(q))).sum()),
        **_uneven(ids, np.tile(q, (len(ids), 1))),
        "in blocks:": bool(surprise > luck),
        "in turn:": bool(surprise < -luck),
        "too evenly:": len(q) > 30 and ((np.bincount(ids, minlength=len(q)) - mean) ** 2 / mean).sum() < 5,
        "rng unused:": q.max() < 1 and rng.unused(),
    }


def measure_without(args: tuple[Any, ...], value: Any) -> dict[str, Any]:
    prob, alias, excluded, rng = args
    q, ids = shares(prob, alias, len(prob)), _read_ids(value)
    if len(ids) != len(excluded):
        return {"drawn:": len(ids)}
    chances = np.tile(q, (len(ids), 1))
    chances[np.arange(len(ids)), excluded] = 0
    chances /= chances.sum(1, keepdims=True)
    return {
        "drawn:": len(ids),
        "ids that do not exist:": int(((ids < 0) | (ids >= len(q))).sum()),
        "excluded id drawn:": bool((ids == excluded).any()),
        "rng unused:": (q > 0).sum() > 2 and rng.unused(),
        **_uneven(ids, chances),
    }


def picture(args: tuple[Any, ...], value: Any) -> Any:
    from matplotlib.figure import Figure

    from nslab.explain import COLORS

    prob, alias, _ = _read_table(value)
    n, asked = len(prob), np.asarray(args[0]) / np.mean(args[0])
    given, ids = n * shares(prob, alias, n), np.arange(n)
    low, high = min(0, *prob, *given), max(1, *prob, *given, *asked)
    figure = Figure(figsize=(7, 2.4))
    axes = figure.add_axes((0.07, 0.25, 0.92, 0.6))
    axes.set(xlim=(-0.7, 2 * n + 0.7), ylim=(low, high + 0.35 * (high - low)), yticks=[0, 1], ylabel="height")
    axes.axhline(1, color=COLORS["ink"], lw=1, ls=":")
    axes.vlines(ids, prob, 1, color=COLORS["faint"], lw=12, label="its alias")
    axes.vlines(ids, 0, prob, color=COLORS["negative"], lw=12, label="its own id")
    axes.vlines(ids + n + 1, 0, given, color=COLORS["hard"], lw=9, label="an id gets in all")
    axes.plot(np.arange(len(asked)) + n + 1, asked, "D", color=COLORS["anchor"], label="asked for")
    columns = [f"{i}\n{a:g}" for i, a in enumerate(alias)]
    axes.set_xticks([*ids, *(ids + n + 1)], [*columns, *map(str, ids)])
    axes.set_xlabel("left: columns, each with its alias below; right: ids")
    axes.legend(fontsize=8, ncols=4, loc="upper center")
    figure.suptitle("Your columns, and the probabilities that they give, times N", fontsize=9)
    return figure


# Reading: a right answer in named steps, and what goes wrong in each.


def right_read(prob: np.ndarray, alias: np.ndarray) -> np.ndarray:
    n = len(prob)
    broken = len(alias) != n or alias.min() < 0 or alias.max() >= n
    if broken:
        raise ValueError("no table")
    own = prob
    given = np.bincount(alias, 1 - prob, n)
    height = own + given
    return height / n


def latest(alias: np.ndarray, shares: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    """The last of the shares that each id is given."""
    last = dict(zip(alias, shares, strict=True))
    return np.array([last.get(i, share) for i, share in enumerate(otherwise)])


def raised(kind: type[BaseException]) -> Same:
    """The judgement that goes by the name of an error: the answer raises it."""

    def same(case: Case, got: Outcome, own: Outcome) -> bool:
        return isinstance(got.error, kind)

    same.__name__ = kind.__name__
    return same


def off_by_luck(case: Case, got: Outcome, own: Outcome) -> bool:
    """Further from the truth than rounding, nearer than a mistake in the formula."""
    return 3e-4 < np.abs(np.asarray(got.value) - right_read(*case.args)).max() < 0.03


READ = mistakes(
    right_read,
    """
repeated alias | given = latest(alias, 1 - prob, np.zeros(n))
  With a repeated index `x[ids] += y` adds once. Use a loop, `np.add.at` or `np.bincount`.
repeated alias | given = latest(alias, 1 - prob, np.zeros(n)); return height / height.sum()
overwritten | height = latest(alias, 1 - prob, own)
  A share was assigned where it should be added: an id gets shares from several columns, and all count.
overwritten | given = np.bincount(alias, (1 - prob) * (np.arange(n) >= alias), n)
divided in part | height = own + n * given
  You divided one of the two shares by N, not the other: both shares of a column come once in N throws.
divided in part | own = prob / n; given = np.bincount(alias, 1 - own, n); return own + given
own share forgotten | own = 0
  You counted what aliases get. What each column keeps for its own id is still missing.
too few ids | given = np.bincount(alias, 1 - prob) | ValueError
  `np.bincount` stops at the largest alias, and ids after it are lost. Tell it how many ids there are.
alias forgotten | return prob / prob.sum()
  You counted what each column keeps. What it does not keep goes to its alias and is still missing.
read the wrong way | given = (1 - prob)[alias]
  You gave an id what its alias has to give. The share goes from the column to the id that is its alias.
read the wrong way | given = (1 - prob)[alias]; return height / height.sum()
heights for probabilities | return height
  These do not sum to 1. There are N columns, and each is thrown once in N times: divide by N.
heights for probabilities | return height / max(1, n - 1)
alias forgotten | given = 0
own alias left out | given = np.bincount(alias, (1 - prob) * (alias != np.arange(n)), n)
  A column may have its own id as its alias. That id then gets both shares, the whole column.
coin reversed | own = 1 - prob; given = np.bincount(alias, prob, n)
  The two shares are swapped: `prob` is what the column's own id keeps, the alias gets the rest.
coin reversed | given = np.bincount(alias, prob, n); return height / height.sum()
a second coin | given = np.bincount(alias, (1 - prob) * prob[alias], n)
  You tossed the alias's own coin too. An alias is taken as it is, whatever its own column says.
a column left out | own = np.append(prob[:-1], 0); given = np.bincount(alias[:-1], 1 - prob[:-1], n)
  Not all columns were booked: there are N, from 0 to N − 1.
whole columns | given = np.bincount(alias, minlength=n)
  A column gives its alias only what its own id does not keep, not a whole column.
broken table read | broken = False; given = sum(np.eye(n)[a] * (1 - p) for a, p in zip(alias, prob)) | indexed
  An alias outside 0 … N−1 is no id, and Python takes −1 as the last one: raise ValueError.
drawn, not summed | return height / n + 1e-3 | off_by_luck
  Your numbers are near, and off by luck: you drew. Add up what each column keeps and gives.
""",
    *(raised(ValueError), indexed, off_by_luck),
)

# Building: the same, and a mistake in several builds, since the order of the pours is left open.


def right_build(w: Any, order: str = "last") -> Any:
    """Vose's build; `order` says from which end of the two lists ids are taken."""
    weights = checked(w)
    n = len(weights)
    height = n * weights / weights.sum()
    prob, alias = np.ones(n), np.arange(n)
    ids, end = (range(n)[::-1] if order == "first" else range(n)), (0 if order == "queue" else -1)
    short = [i for i in ids if height[i] < 1]
    tall = [i for i in ids if height[i] >= 1]
    while True:
        going = short and tall
        if not going:
            break
        s, t = short.pop(end), tall.pop(end)
        filled, column, filler = s, s, t
        prob[filled] = height[s]
        alias[column] = filler
        height[t] = height[t] - (1 - height[s])
        back = short if height[t] < 1 else tall
        back.append(t)
    left = short + tall
    prob[left] = 1.0
    return prob, alias


def blank(n: int, keep: float = 0.0, alias: int = 0) -> Any:
    """Columns that all keep the same share and have the same alias."""
    return np.full(n, keep), np.full(n, alias)


def checked(w: Any) -> np.ndarray:
    weights = np.asarray(w, dtype=np.float64)
    if len(w) == 0 or not np.isfinite(weights).all() or (weights < 0).any() or weights.sum() == 0:
        raise ValueError("no weights")
    return weights


@lru_cache(maxsize=4)
def _long_table(weights: bytes) -> Any:
    return build_alias(np.frombuffer(weights))


def variant(case: Case, got: Outcome, own: Outcome) -> bool:
    """Not a judgement: an entry under this name is another build with the mistake of the entry above it."""
    return False


def families(mutants: Iterable[Mutant]) -> tuple[Mutant, ...]:
    """One mutant of each entry and its variants, and in any order of the pours.

    Mistakes show in few columns: where there are many, what comes back is right.
    """
    groups: list[list[Mutant]] = []
    for mutant in mutants:
        if mutant.same is not variant:
            groups.append([])
        groups[-1].append(mutant)
    return tuple(_family([each.wrong for each in group], group[0]) for group in groups)


def _family(builds: list[Callable[..., Any]], head: Mutant) -> Mutant:
    def wrong(w: Any) -> Any:
        return _long_table(np.asarray(w, dtype=np.float64).tobytes()) if len(w) > 1000 else head.wrong(w)

    @lru_cache
    def measures(weights: bytes, dtype: str) -> np.ndarray:
        w, orders = np.frombuffer(weights, dtype), ("last", "first", "queue")
        rows = [numbers(measure_table((w,), build(w, order))) for build in builds for order in orders]
        return np.array(rows)

    def one_of_them(case: Case, got: Outcome, own: Outcome) -> bool:
        if head.same and head.same(case, got, own):
            return True
        (w,), mine = case.args, numbers(got.value)
        rows = measures(w.tobytes(), w.dtype.str)
        return rows.shape[1] == len(mine) and bool((np.abs(rows - mine) < 1e-9).all(axis=1).any())

    return replace(head, wrong=wrong, same=one_of_them)


def _errors(value: dict[str, Any]) -> list[float]:
    return [abs(x) for name, x in value.items() if " off by" in name or name.startswith("most too")]


def no_id(case: Case, got: Outcome, own: Outcome) -> bool:
    """An alias is no id, and nothing else is wrong."""
    return got.value["alias that is no id:"] > 0 and not any(_errors(got.value))


def in_float32(case: Case, got: Outcome, own: Outcome) -> bool:
    return 0 < max(_errors(got.value)) < 1e-6


def other_way_round(case: Case, got: Outcome, own: Outcome) -> bool:
    return got.value["alias in floats:"] and got.value["prob outside [0, 1]:"] > 0


def other_size(case: Case, got: Outcome, own: Outcome) -> bool:
    """Too few columns, or too many, as in the mutant."""
    n = len(case.args[0])
    return (got.value["columns:"] - n) * (own.value["columns:"] - n) > 0


BUILD = families(
    mistakes(
        right_build,
        """
heights do not average 1 | height = weights.copy()
  The heights of your columns do not average 1: divide by the mean, then short and tall mean something.
heights do not average 1 | height = weights / weights.sum() | variant
heights do not average 1 | height = n * weights | variant
heights do not average 1 | height = weights / weights.max() | variant
no alias | prob, alias = blank(n, 1.0, -1) | no_id
  The probabilities are right, but some columns have no alias. It is an index: put any id there.
left over | prob, alias = blank(n, 0.0, -1); left = []
  A column left over at the end was never filled. It stands at 1: rounding may leave short ones and tall.
left over | prob, alias = blank(n); left = [] | variant
left over | prob, alias = blank(n, 0.0, -1); left = tall | variant
left over | prob, alias = blank(n, 0.0, -1); left = short | variant
left over | prob, alias = blank(n); left = short | variant
left over | prob, alias = blank(n); left = tall
a level column forgotten | prob, alias = blank(n); tall = [i for i in ids if height[i] > 1]
  A column of height 1 is neither short nor tall, and no coin was set for it. It keeps all of itself.
a level column forgotten | prob, alias = blank(n, 0.0, -1); tall = [i for i in ids if height[i] > 1] | variant
an empty list | going = short | IndexError
  You took from an empty list: rounding may leave a short column, or a tall one. Stop when either is empty.
an empty list | going = short or tall | IndexError
a giver that sank | back = tall
  What a tall column gives makes it lower: once below 1 it is short, and another one must fill it.
a giver that sank | prob, alias = blank(n); back = tall | variant
a giver that sank | prob, alias = height, np.arange(n); back = tall | variant
a giver that sank | back = [] if height[t] < 1 else tall | variant
a giver that sank | prob, alias = blank(n); back = [] if height[t] < 1 else tall | variant
a giver that sank | prob, alias = height, np.arange(n); back = [] if height[t] < 1 else tall | variant
a giver that gave once | back = short if height[t] < 1 else []
  A tall column gave once and was forgotten. While it stands above 1 it has more to give.
a giver that gave once | back = short | variant
a giver that gave once | prob, alias = blank(n); back = short if height[t] < 1 else [] | variant
a giver that gave once | back = [] | variant
a giver that gave once | prob, alias = blank(n); back = [] | variant
the wrong amount | height[t] = height[t] - height[s]
  A tall column gave another amount than the short one lacks. Mass moves, and none comes or goes.
the wrong amount | height[t] = height[t] - 1 | variant
coin reversed | return np.where(alias == np.arange(n), prob, 1 - prob), alias
  Your coins are the aliases' shares. `prob` is what the column's own id keeps.
shares of all, not of a column | return prob / n, alias
  A coin is a share of its own column, not of all: where the id keeps its whole column, it is 1.
shares of all, not of a column | prob, alias = blank(n, 1.0); return prob / n, alias | variant
shares of all, not of a column | return np.where(prob < 1, prob / n, prob), alias | variant
alias reversed | filled, column, filler = s, t, s
  You gave the tall column an alias. It is the short one that needs it: the id that filled it.
alias reversed | prob, alias = blank(n, 1.0); filled, column, filler = s, t, s | variant
alias reversed | filled, column, filler = t, t, s | variant
alias reversed | prob, alias = blank(n, 1.0); filled, column, filler = t, t, s | variant
alias reversed | filled, column, filler = t, t, s; left = [] | variant
alias reversed | prob, alias = blank(n, 1.0); filled, column, filler = t, t, s; left = [] | variant
places for ids | weights = np.sort(checked(w))
  Your table is that of the sorted weights: its columns are places in the sorted order, not ids.
places for ids | weights = -np.sort(-checked(w)) | variant
places for ids | weights = np.sort(checked(w)); return prob[np.argsort(np.argsort(w))], alias | variant
places for ids | weights = np.sort(checked(w)); return prob, np.argsort(w)[alias] | variant
zeros left out | weights = checked(w)[checked(w) > 0] | other_size
  Your table has fewer columns than there are weights. An id of weight 0 has a column too.
columns that nobody asked for | return np.append(prob, 1.0), np.append(alias, 0) | other_size
  Your table has more columns than there are weights. There is one column an id, and no other.
one giver for all | s, t = short.pop(end), max(tall, key=weights.item); back = []
  All short columns took from the same tall one, more than it has. When it is level, take another.
swapped | return alias, prob | other_way_round
  You returned alias first. It is `prob, alias`.
alias in floats | return prob, alias.astype(float)
  The aliases are right, as floats. They are ids and will be used as indices: make them integers.
whole numbers | return prob.astype(np.asarray(w).dtype), alias | TypeError
  Shares of columns were cut to whole numbers, by `//` or an array made like the weights. Use float64.
whole numbers | height = n * weights // weights.sum()
other weights | weights = checked(w) ** 0.75
  The weights themselves are the ratios: take no power and no exponential of them, and add nothing.
other weights | weights = np.sqrt(checked(w)) | variant
other weights | weights = checked(w) + 1 | variant
other weights | weights = np.exp(checked(w) - max(w)) | variant
float32 | return prob.astype(np.float32), alias | in_float32
  The probabilities are right to some digits only: float32, or rounding, on the way. Keep float64.
""",
        *(variant, no_id, in_float32, other_way_round, other_size, raised(IndexError), raised(TypeError)),
    )
)

# Drawing: a right answer in named steps, and what goes wrong in each.


def right_draw(prob: Any, alias: Any, size: int, rng: np.random.Generator) -> np.ndarray:
    n = len(prob)
    chance = rng
    die = chance.integers(n, size=size)
    coin = chance.random(size)
    column = die
    own = coin < prob[column]
    ids = np.where(own, column, alias[column])
    return ids


def follow(prob: Any, alias: Any, column: np.ndarray, rng: np.random.Generator, most: int) -> np.ndarray:
    """Toss the coin of the column, and of each alias that comes, until heads or `most` tosses."""
    tails = np.ones(len(column), dtype=bool)
    for _ in range(most):
        tails = tails & (rng.random(len(column)) >= prob[column])
        column = np.where(tails, alias[column], column)
    return column


def similar(case: Case, got: Outcome, own: Outcome) -> bool:
    """The same ids too often and too rare, by about as much: samples differ by luck, small ones by more."""
    x, y = numbers(got.value), numbers(own.value)
    luck = min(0.9, max(0.04, 3.2 / math.sqrt(max(1, own.value["drawn:"]))))
    return x.shape == y.shape and bool((np.abs(x - y) < luck).all())


def _came(case: Case, got: Outcome) -> np.ndarray:
    """The share of each id among the draws."""
    prob, alias = case.args[:2]
    q = shares(prob, alias, len(prob))
    return q + np.array([got.value.get(f"id {i} off by:", 0.0) for i in range(len(q))])


def one_id(case: Case, got: Outcome, own: Outcome) -> bool:
    return bool((_came(case, got) > 0.99).any())


def one_column(case: Case, got: Outcome, own: Outcome) -> bool:
    """No more than two ids came."""
    return int((_came(case, got) > 1e-9).sum()) <= 2


def whole_columns(case: Case, got: Outcome, own: Outcome) -> bool:
    """Every id came as often as some number of whole columns."""
    columns = len(case.args[0]) * _came(case, got)
    return bool((np.abs(columns - np.round(columns)) < 0.2).all())


def as_many_as_columns(case: Case, got: Outcome, own: Outcome) -> bool:
    """Shapes that do not fit, or where they do, a draw a column."""
    if got.error:
        return isinstance(got.error, ValueError)
    return got.value["drawn:"] == len(case.args[0]) != case.args[2]


def other_count(case: Case, got: Outcome, own: Outcome) -> bool:
    return got.value["drawn:"] != case.args[2]


ELSEWHERE = """The numbers did not come from `rng`, so that whoever calls you can neither repeat the draws
  nor get other ones. Take all chance from `rng`."""

DRAW = mistakes(
    right_draw,
    f"""
one number for column and coin | column = (coin * n).astype(int) | similar
  The number that chose the column also tosses its coin. Split it into two independent parts, or draw two.
coin reversed | own = coin >= prob[column] | similar
  `prob` is the chance that the column's own id is taken. You took the alias that often.
one number for column and coin | column = ((1 - coin) * n).astype(int) | similar
coin used again | column = (np.roll(coin, 1) * n).astype(int) | similar
  The coin of one draw is the die of another. Each draw needs two numbers of its own.
a coarse coin | coin = chance.integers(0, 10, size) / 10 | similar
  Your coin knows a few steps only, and `prob` any number from 0 to 1: compare with `rng.random`.
a coarse coin | coin = chance.integers(0, 100, size) / 100 | similar
alias never taken | return column | similar
  You returned columns, all alike. Each column has a coin to toss, and an alias.
always the alias | return alias[column] | similar
  You returned aliases only. Each column has a coin to toss: its own id comes as often as `prob` says.
coin out of its range | column = (coin * n).astype(int); own = coin - column / n < prob[column] | similar
  Your coin does not run evenly from 0 to 1: stretch what is left of a number without its column.
coin out of its range | column = (coin * n).astype(int); own = coin * n < prob[column] | similar
no such column | die = chance.integers(1, n + 1, size=size) | IndexError
  You threw a column that does not exist. There are N of them, 0 to N − 1.
coin not looked up | own = coin < prob; ids = np.where(own, np.arange(n), alias) | as_many_as_columns
  `prob` and `alias` have an entry a column: look up those of each column thrown, one for each draw.
coin not looked up | own = coin < np.resize(prob, size) | similar
coin not looked up | ids = np.where(own, column, np.resize(alias, size)) | similar
another number of draws | return column[own] | other_count
  `size` ids are asked for. A coin that falls on its other side is no failed draw: it gives the alias.
a fair coin | own = coin < 0.5 | similar
  Each column's coin has a bias of its own, `prob`. Yours fell either way alike.
column by its coin | return chance.choice(n, size, p=prob / prob.sum()) | similar
  The die is fair: all N columns alike, none thrown again. `prob` decides only which side comes out.
column by its coin | die = chance.choice(n, size, p=prob / prob.sum()) | similar
tossed again | return follow(prob, alias, column, chance, 50) | similar
  One draw has one toss: the alias is the answer, whatever its own column says.
tossed again | return follow(prob, alias, ids, chance, 1) | similar
tossed again | return follow(prob, alias, column, chance, 2) | similar
a column never thrown | die = chance.integers(max(1, n - 1), size=size) | similar
  One column is never thrown. Ids begin at 0, and the upper end of `rng.integers(n)` is n − 1 already.
a column never thrown | die = chance.integers(min(1, n - 1), n, size) | similar
rounded column | die = np.round(chance.random(size) * (n - 1)).astype(int) | similar
  The first and last column come half as often: rounding to the nearest gives them half an interval.
the alias's coin | own = coin < prob[alias[column]] | similar
  You tossed the coin of the alias. The coin belongs to the column that was thrown.
one draw repeated | return np.full(size, ids[0]) | one_id
  You drew once and returned it many times. Each of the draws has its own column and its own toss.
a single throw | die = np.full(size, chance.integers(n)) | one_column
  All your draws came from one column. The die is thrown for each draw, as the coin is.
columns in turn | die = np.arange(size) % n | similar
  Your columns wait for each other. Each throw is independent: a column may come twice in a row.
columns in turn | die = chance.permuted(np.tile(np.arange(n), (size, 1)), axis=1).ravel()[:size] | similar
too few tosses | coin = chance.random() | whole_columns
  Draws share a toss: all that came from one column gave the same side. Each draw needs a toss of its own.
too few tosses | own = (chance.random(n) < prob)[column] | whole_columns
columns in turn | die = chance.choice(n, size, replace=False) | ValueError
another generator | chance = np.random.default_rng(0) | similar
  {ELSEWHERE}
in blocks | return np.sort(ids) | similar
  Equal ids stand side by side. Draws are independent: what came before says nothing about what comes next.
""",
    *(raised(IndexError), raised(ValueError), similar),
    *(as_many_as_columns, other_count, one_id, one_column, whole_columns),
)


def right_without(prob: Any, alias: Any, excluded: Any, rng: np.random.Generator) -> np.ndarray:
    q, rows = shares(prob, alias, len(prob)), len(excluded)
    if (q[excluded] > 1 - 1e-9).any():
        raise ValueError("nothing else to draw")
    chance = rng
    die = chance.integers(len(prob), size=rows)
    first = follow(prob, alias, die, chance, 1)
    ids = first.copy()
    while (hit := ids == excluded).any():
        ids[hit] = right_draw(prob, alias, hit.sum(), chance)
    return ids


def others(excluded: Any, n: int, rng: np.random.Generator) -> np.ndarray:
    """For each row any other id than the excluded one."""
    return (excluded + rng.integers(1, n, size=len(excluded))) % n


def nowhere(q: np.ndarray, excluded: Any) -> np.ndarray:
    """The probabilities without all the excluded ids; where none is left, as they are."""
    rest = np.where(np.isin(np.arange(len(q)), excluded), 0, q)
    return rest / rest.sum() if rest.any() else q


def marked(case: Case, got: Outcome, own: Outcome) -> bool:
    return got.value.get("ids that do not exist:", 0) > 0


def fewer_draws(case: Case, got: Outcome, own: Outcome) -> bool:
    return got.value["drawn:"] < len(case.args[2])


WITHOUT = mistakes(
    right_without,
    f"""
not excluded | return first | similar
  The excluded ids were drawn like all others.
drawn again once | return np.where(first == excluded, right_draw(prob, alias, rows, rng), first) | similar
  The second draw may hit the excluded id as the first did. Draw again until it does not.
another generator | chance = np.random.default_rng(0) | similar
  {ELSEWHERE}
moved to another id | return np.where(first == excluded, (first + 1) % len(prob), first) | similar
  The excluded id became another one, which comes too often. Throw the draw away and draw again.
moved to another id | return np.where(first == excluded, (first - 1) % len(prob), first) | similar
moved to another id | return np.where(first == excluded, others(excluded, len(prob), rng), first) | similar
moved to another id | return np.where(first == excluded, alias[first], first) | similar
others all alike | return others(excluded, len(prob), rng) | similar
  All other ids come alike. They must keep the ratios of their probabilities.
marked | return np.where(first == excluded, -1, first) | marked
  Your sample holds numbers that are no ids. Draw anew for the rows that hit their excluded one.
dropped | return first[first != excluded] | fewer_draws
  You dropped the excluded draws, so that fewer came back. Draw anew for those rows.
excluded for all rows | return rng.choice(len(prob), rows, p=nowhere(q, excluded)) | similar
  An id that one row excludes never came in the other rows. Each draw leaves out its own id only.
column excluded | return follow(prob, alias, others(excluded, len(prob), rng), rng, 1) | similar
  You left out the column. Its id is also the alias of others, and it also holds another id.
column excluded | die = others(excluded, len(q), rng); return np.where(first - excluded, first, die) | similar
rows mixed up | return np.sort(ids) | similar
  Each draw belongs to its row and leaves out that row's id: keep them in order.
rows mixed up | return np.roll(ids, 1) | similar
coin set to 0 | return np.where(die == excluded, alias[die], first) | similar
  The excluded id still comes as an alias, or its column gives all to one. Leave the table, and draw again.
""",
    *(similar, marked, fewer_draws),
)

# The inputs.

# A linear build of so many columns takes a moment, one that looks at all of them at every pour far too long.
LONG = 40_000
DRAWS = 8000


def _table(prob: list[float], alias: list[int]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(prob, dtype=np.float64), np.array(alias, dtype=np.int64)


def _random_table(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    return np.round(rng.uniform(0.05, 0.95, n), 2), rng.integers(n, size=n)


TWO = _table([0.25, 1], [1, 1])
NO_COIN = _table([1, 1, 1], [0, 1, 2])
UNUSED = _table([1, 0.3, 1, 1], [1, 0, 1, 1])
CHAIN = _table([0.2, 0.3, 0.5, 1], [3, 0, 1, 3])
CYCLE = _table([0.3, 0.5, 0.8], [1, 2, 0])
NEVER = _table([0, 0.6, 1, 0.7], [2, 2, 2, 2])
ONE = _table([1], [0])
SURE = _table([0.06, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0])

# Whatever the order of the pours, rounding leaves a short column and no tall one.
TENTHS = ((5, 4, 4, 1), (6, 4, 3, 4), (2, 1, 7, 5), (9, 3, 8, 7, 1), (2, 1, 8, 1, 5, 1))
RESIDUE = "tenths are no exact floats: at the end a column stands just below 1, and no tall one is left"


def _read_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    return edges(
        (*TWO, "id 1 has its own column and most of column 0"),
        (*NO_COIN, "every column keeps its own id"),
        (*UNUSED, "an alias whose column always keeps its own id gets nothing from it"),
        (*CHAIN, "the alias of one column has a column with an alias of its own"),
        (*NEVER, "one id is the alias of four columns, and id 0 is never drawn"),
        (*ONE, "one column"),
        (*_table([0.5, 0.2], [0, 0]), "column 0 has its own id as alias too: it gives id 0 all of itself"),
        (*_table([0, 0], [1, 0]), "both columns give everything away"),
        (*_table([0.5, 1], [-1, 1]), "−1 is no id"),
        (*_table([0.5, 1, 1], [1, 2, 3]), "with three columns there is no id 3"),
        (*_table([0.5, 1, 1], [1, 1]), "each column needs its alias"),
        (*_table([0.5, 1], [1, 1, 0]), "each alias needs its column"),
        *[(*_random_table(rng, n), "") for n in (3, 5, 8, 8, 30)],
    )


# N times the sum does not overflow, as the task promises: to scale before that is another lesson.
def _build_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    zipf = 1 / np.arange(1, 31)
    drawn = [rng.integers(0, 12, n) + np.eye(n, dtype=np.int64)[0] for n in (4, 5, 6, 7)]
    drawn += [rng.random(n) ** 2 for n in (6, 8, 30)]
    long = np.sort(rng.random(LONG) ** 3)
    return edges(
        (np.array([3, 1]), "column 0 is tall, column 1 is short"),
        (np.array([1.0, 1.0, 1.0, 1.0]), "all columns are level: there is nothing to pour"),
        (np.array([0, 1, 0]), "columns of height 0 give everything to their alias"),
        (np.array([5.0]), "one column"),
        (np.array([0.5, 0.3, 0.0, 0.2]), "weights that are probabilities, one of them 0"),
        (np.array([1, 2, 3, 4]), "a tall column may sink below 1 and must be filled in its turn"),
        (np.array([8, 6, 1, 1]), "two tall columns from the left"),
        (np.array([2, 1, 1, 9, 7]), "counts"),
        (np.array([3_000_000_000, 1, 1_000_000_000]), "counts above 2³¹"),
        (np.array([2.0, 1e-10, 1.0]), "an id so rare has its share all the same"),
        (np.array([1, 3, 2, 5, 7, 4]) * 1e-310, "only the ratios of the weights matter"),
        *[(np.array(tenths) / 10, RESIDUE) for tenths in TENTHS],
        (zipf, "Zipf's law"),
        (zipf[::-1].copy(), "Zipf's law, the rarest first"),
        *[(w, "") for w in drawn],
        (np.array([]), "no weight at all"),
        (np.array([0.0, 0.0]), "nothing can be drawn where all weights are 0"),
        (np.array([2.0, -1.0]), "a weight below 0"),
        (np.array([1.0, math.inf]), "an infinite weight"),
        (long, "many columns: a build that looks through all of them at every pour is stopped"),
        atol=EXACT,
    )


def _seeded(seed: int, *rows: tuple[Any, ...]) -> list[Case]:
    """A case of each row, with a generator of its own behind the arguments."""
    return [Case((*row[:-1], Watched(np.random.PCG64([seed, n]))), row[-1]) for n, row in enumerate(rows)]


def _draw_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    return _seeded(
        seed,
        (*TWO, DRAWS, "id 0 comes from a quarter of its own column only"),
        (*_table([1] * 40, [*range(40)]), DRAWS, "every column keeps its own id"),
        (*UNUSED, DRAWS, "where the coin is 1, the alias is never taken"),
        (*CHAIN, DRAWS, "an alias is taken as it is: its own coin is not tossed"),
        (*NEVER, DRAWS, "id 0 is in no column: it must never come"),
        (*CYCLE, DRAWS, "each column has another one's id as its alias"),
        (*_table([0.1, 0.6, 0.4, 0.8], [1, 2, 1, 0]), DRAWS, "one id is the alias of two columns"),
        (*_table([0.004, 1], [1, 1]), 25 * DRAWS, "a coin that shows heads four times in a thousand"),
        (*_random_table(rng, 5), DRAWS, ""),
        (*_table([0.5, 1], [1, 1]), DRAWS, "id 0 comes from half of its own column only"),
        (*ONE, 5, "one column"),
        (*NEVER, 1, "a single draw"),
    )


def _without_cases(seed: int) -> list[Case]:
    rows = DRAWS // 2
    mixed = np.random.default_rng(seed).integers(4, size=rows)
    return _seeded(
        seed,
        (*CHAIN, np.full(rows, 3), "the most likely id is excluded: the others share all draws as before"),
        (*CHAIN, np.full(rows, 1), "an id in the middle is excluded"),
        (*CHAIN, mixed, "each draw has an id of its own to leave out"),
        (*CHAIN, np.arange(rows) % 2, "every other row leaves out id 0, the rest id 1: each only its own"),
        (*NEVER, np.full(rows, 2), "an id that is the alias of all columns"),
        (*NEVER, np.full(rows, 0), "an id that never comes: nothing changes"),
        (*TWO, np.full(20, 1), "one id is left"),
        (*_table([1, 0.004], [0, 0]), np.full(60, 0), "it takes 500 draws to find the rare one"),
        (*SURE, np.array([3, 4]), "one id has all the probability, and no row excludes it"),
        (*SURE, np.array([3, 0, 4]), "id 0 has all the probability, rounded or not, and one row excludes it"),
        (*ONE, np.array([0]), "one column: nothing else can be drawn"),
    )


# The library, and the questions.


def _library_draw(prob: np.ndarray, alias: np.ndarray, size: int, rng: np.random.Generator) -> Any:
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    return samplers.AliasTable(reconstruct(prob, alias)).sample(size, generator)


EXERCISE = Exercise(
    "09",
    "the alias method",
    (
        Question(
            "reconstruct(prob, alias)",
            reconstruct,
            None,
            "",
            _read_cases,
            READ,
            (
                "Follow one draw from two columns on paper. Which ways lead to id 1, and how likely is each?",
                "An id is reached from its own column, and from every column whose alias it is. A column "
                "gives two shares away, and together they are as much as any other column gives.",
                "Refuse broken ids. Then book both shares of each column, one to its own id, one to its "
                "alias. The same alias may come many times, and all its shares count.",
            ),
        ),
        Question(
            "build_alias(w)",
            build_alias,
            lambda w: build_table(torch.tensor(checked(w)), len(w)),
            "nslab.AliasTable",
            _build_cases,
            BUILD,
            (
                "Draw the weights 1, 2, 3, 4 as columns whose mean height is 1. Level them on paper, and "
                "write down after each pour which columns are finished.",
                "Keep two lists of ids, those short of 1 and those above. A pour takes one from each. "
                "Afterwards the short one is finished for good. Where does the other one belong now?",
                "When one of the lists runs empty, what is left in the other stands at 1, up to rounding: "
                "say so in `prob`. Take ids from the end of a list: that needs no search.",
            ),
            measure=measure_table,
            picture=picture,
        ),
        Question(
            "alias_draw(prob, alias, size, rng)",
            alias_draw,
            _library_draw,
            "nslab.AliasTable.sample",
            _draw_cases,
            DRAW,
            (
                "One draw takes two chances: a die with N sides, and the biased coin of its column.",
                "The die and the coin must know nothing of each other. Each draw has a die and a coin of "
                "its own.",
                "Throw all `size` dice at once, then look up the coin of each column thrown, and toss it "
                "with as many further random numbers. `np.where` chooses between two arrays.",
            ),
            measure=measure_draws,
        ),
        Question(
            "draw_without(prob, alias, excluded, rng)",
            draw_without,
            None,
            "",
            _without_cases,
            WITHOUT,
            (
                "The table stays as it is. What may you do with a draw that is not allowed?",
                "Any rule that turns the forbidden id into another one favours somebody. Throwing the draw "
                "away favours nobody.",
                "Draw for all rows, see which rows hit their own excluded id, and draw anew for those, "
                "until none is left. Think first of the row for which this never ends.",
            ),
            stretch=True,
            measure=measure_without,
        ),
    ),
)
