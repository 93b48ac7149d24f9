"""Exercise 09: the alias method."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from nslab import samplers
from nslab.practice._exercise import Exercise, Question
from nslab.practice.exercises._09_alias_method import (
    cases,
    mistakes,
    mistakes_build,
    mistakes_draw,
    mistakes_without,
)
from nslab.practice.exercises._09_alias_method.builds import right_table
from nslab.practice.exercises._09_alias_method.measure import (
    EXACT,
    measure_draws,
    measure_table,
    measure_without,
    picture,
)

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
        heads = rng.random() < prob[column]
        ids.append(column if heads else alias[column])
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


# The library's answers, and the questions.


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
            cases.reconstruct_cases,
            mistakes.RECONSTRUCT,
            (
                (
                    "Take a table with two columns and follow one draw on paper: which column, which side of"
                    " its coin? Which ways lead to id 1, and how likely is each?"
                ),
                (
                    "An id is reached from its own column, and from every column whose alias it is. A column"
                    " gives two shares away, and together they are as much as any other column gives."
                ),
                (
                    "Go through the columns and book both shares of each, one to the column's own id, one to"
                    " its alias. The same alias may come many times, and all its shares count. Refuse broken"
                    " ids first."
                ),
            ),
        ),
        Question(
            "build_alias(w)",
            build_alias,
            right_table,
            "nslab.AliasTable",
            cases.build_cases,
            mistakes_build.BUILD,
            (
                (
                    "Draw the weights 1, 2, 3, 4 as columns whose mean height is 1. Level them on paper, and"
                    " write down after each pour which columns are finished."
                ),
                (
                    "Keep two lists of ids, those short of 1 and those above. A pour takes one from each."
                    " Afterwards the short one is finished for good. Where does the other one belong now?"
                ),
                (
                    "When one of the lists runs empty, what is left in the other stands at 1, up to rounding."
                    " Say so in `prob`. Pops from the end of a list take the same time however long it is; a"
                    " search does not."
                ),
            ),
            measure=measure_table,
            picture=picture,
        ),
        Question(
            "alias_draw(prob, alias, size, rng)",
            alias_draw,
            _library_draw,
            "nslab.AliasTable.sample",
            cases.draw_cases,
            mistakes_draw.DRAW,
            (
                (
                    "One draw takes two chances: a die with N sides, and a coin that is biased as the column"
                    " says."
                ),
                (
                    "The die and the coin must know nothing of each other. Each draw has a die and a coin of"
                    " its own."
                ),
                (
                    "Throw all `size` dice at once, then look up the coin of each column thrown, and toss it"
                    " with as many further random numbers. `np.where` chooses between two arrays."
                ),
            ),
            measure=measure_draws,
        ),
        Question(
            "draw_without(prob, alias, excluded, rng)",
            draw_without,
            None,
            "",
            cases.without_cases,
            mistakes_without.WITHOUT,
            (
                "The table stays as it is. What may you do with a draw that is not allowed?",
                (
                    "Any rule that turns the forbidden id into another one favours somebody. Throwing the"
                    " draw away favours nobody."
                ),
                (
                    "Draw for all rows, see which rows hit their own excluded id, and draw anew for those,"
                    " until none is left. Think first of the row for which this never ends."
                ),
            ),
            stretch=True,
            measure=measure_without,
        ),
    ),
)
