"""Exercise 11: positive-aware mining."""

from __future__ import annotations

import numpy as np
import torch

from nslab import mining
from nslab.practice._exercise import Case, Exercise, Question
from nslab.practice.exercises._11_positive_aware_mining import mistakes

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


# The inputs. Scores are whole 64ths, so that a bound at a share of 1/2 or 3/4 is exact; with a share of
# 0.95 the scores of positives are odd 64ths, and no other score lies on the bound.

HUGE = 2.0**40


def _rows(*rows: list[float]) -> np.ndarray:
    return np.array(rows, dtype=np.float64)


def _ids(*rows: list[int]) -> np.ndarray:
    return np.array(rows, dtype=np.int64)


def _drawn(rng: np.random.Generator, B: int, N: int, P: int, low: int = -64) -> tuple[np.ndarray, np.ndarray]:
    """Scores and positives; from two positives on, rows end in padding now and then."""
    scores = rng.integers(low, 64, (B, N)) / 64
    positives = rng.permuted(np.tile(np.arange(N), (B, 1)), axis=1)[:, :P]
    np.put_along_axis(scores, positives, (2 * rng.integers(0, 16, (B, P)) + 17) / 64, axis=1)
    scores[0, positives[0]] *= -1
    positives[rng.random((B, P)) < 0.3 * (np.arange(P) > 0)] = -1
    return scores, positives


_BOUNDS = (
    (_rows([0.5, 0.25, 1]), _ids([0]), 0.75, "a share of one score"),
    (_rows([-0.5, -0.25, 1]), _ids([0]), 0.75, "the positive's score is negative: 0.75 of it lies above it"),
    (_rows([0.25, 0, -0.5]), _ids([1]), 0.75, "a share of 0 is 0"),
    (_rows([0.5, 0.25]), _ids([1]), 1.0, "the whole score"),
    (_rows([0.25, 1, 0.5]), _ids([0, 1]), 0.5, "of two positives the lower one counts"),
    (_rows([0.25, 1, 0.5]), _ids([1, 0]), 0.5, "of two positives the lower one counts, in any order"),
    (
        _rows([0.25, -0.5, 0.5]),
        _ids([0, 1]),
        0.5,
        "one positive's score is negative, and it is the lower one",
    ),
    (_rows([0.75, 0.5, 0.125]), _ids([0, 1, -1]), 0.5, "-1 is padding, and no item"),
    (_rows([0.75, 0.5, -0.125]), _ids([-1, 0]), 0.5, "-1 is padding, wherever it stands"),
    (_rows([0.125, 0.5, 0.75]), _ids([1, 2, -1]), 0.5, "the padding does not stand for item 0 either"),
    (_rows([3 * HUGE, 2 * HUGE, 1]), _ids([0, 1, -1]), 0.5, "padding beside scores of any size"),
    (_rows([0.5, 1, 0.25], [1, -0.5, 0.25]), _ids([1], [1]), 0.5, "each row has its own bound"),
    (_rows([HUGE, -3 * HUGE, 1]), _ids([1]), 0.5, "scores may have any size"),
    (_rows([0.5, 0.25]), _ids([0]), 0.0, "there is nothing below a share of 0"),
    (_rows([0.5, 0.25]), _ids([0]), -0.5, "no share is negative"),
    (_rows([0.5, 0.25]), _ids([0]), 1.25, "a bound above the positive would let it in"),
    (_rows([0.5, 0.25], [0.5, 0.25]), _ids([0], [-1]), 0.5, "a row without a positive has no bound"),
)


def _bound_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    edges = [Case(tuple(args), about) for *args, about in _BOUNDS]
    sizes = ((2, 4, 1), (3, 6, 2), (4, 8, 3), (5, 6, 2))
    return edges + [Case((*_drawn(rng, *size), share)) for size in sizes for share in (0.95, 0.75)]


# scores, positives, share, K, why
_MINED = (
    (_rows([1, 0.25, 0.5, 0.875]), _ids([0]), 0.75, 2, "the best of the others lies above the bound"),
    (_rows([1, 0.75, 0.5, 0.25]), _ids([0]), 0.75, 2, "a score on the bound is not below it"),
    (_rows([0.5, 0.375 - 2**-25, 0.25]), _ids([0]), 0.75, 1, "a hair below the bound is below it"),
    (_rows([0.5, 0.5, 0.25]), _ids([1]), 1.0, 1, "with a share of 1 the positive lies on the bound"),
    (_rows([-0.5, -0.375, -0.625, -0.75, -1]), _ids([0]), 0.75, 2, "a positive below 0: the bound is lower still"),
    (_rows([0, 0.25, -0.25, 0]), _ids([0]), 0.5, 2, "a positive at 0: the bound is 0"),
    (_rows([0.25, 0.5, 0.25, 1, 0.25]), _ids([3]), 0.75, 3, "of equal scores the lower id comes first"),
    (_rows([1, 0.875, 0.8125]), _ids([0]), 0.75, 2, "no candidate at all: only padding"),
    (_rows([0.25, 1, 0.875]), _ids([1]), 0.75, 2, "one candidate for two places"),
    (_rows([1, 0.25]), _ids([0]), 0.75, 4, "more places than items"),
    (_rows([-3, -5, -4, -2]), _ids([3]), 0.75, 4, "all scores are below -1"),
    (_rows([-HUGE, -3 * HUGE, -2 * HUGE, -HUGE]), _ids([0]), 0.75, 3, "scores far below any -1e9"),
    (_rows([1, 0.5, 0.375, 0.125]), _ids([0, 1]), 0.5, 2, "two positives: the lower one sets the bound"),
    (_rows([1, 0.5, 0.25, 0.125]), _ids([0, 1, -1]), 0.75, 2, "-1 among the positives is padding"),
    (_rows([1, 0.5, 0.75], [0.5, 0.25, 1]), _ids([0], [0]), 0.75, 1, "each row has its own bound"),
    (_rows([0.5, 0.25]), _ids([0]), 0.0, 1, "there is nothing below a share of 0"),
    (_rows([0.5, 0.25]), _ids([0]), 1.25, 1, "a bound above the positive would let it in"),
    (_rows([0.5, 0.25]), _ids([-1]), 0.5, 1, "a row without a positive has no bound"),
)  # fmt: skip


def _mine_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    edges = [Case(tuple(args), about) for *args, about in _MINED]
    sizes = ((2, 8, 1), (3, 12, 2), (4, 24, 1), (4, 16, 3), (3, 40, 2))
    return edges + [Case((*_drawn(rng, *size), share, 4)) for size in sizes for share in (0.95, 0.75)]


def _share_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    yes = np.array([[True, False, True, False], [False, False, False, True]])
    edges = [
        Case((_ids([0, 1]), yes[:1]), "one of two is false"),
        Case((_ids([1, -1]), yes[1:]), "the padding is no negative, and the last item is relevant"),
        Case((_ids([0, -1, -1, -1]), yes[:1]), "one negative, and it is false"),
        Case((_ids([0, 1, 3], [0, -1, -1]), yes), "rows with more negatives count for more"),
        Case((_ids([-1, -1], [3, 0]), yes), "a row without a negative"),
        Case((_ids([1, 3], [0, 1]), yes), "none is false"),
        Case((_ids([-1, -1], [-1, -1]), yes), "nothing was mined: there is no share of nothing"),
    ]
    drawn = []
    for B, N, K in ((3, 6, 3), (4, 9, 4), (6, 12, 5), (8, 20, 6)):
        ids = rng.permuted(np.tile(np.arange(N), (B, 1)), axis=1)[:, :K]
        ids[np.arange(K) >= rng.integers(1, K + 1, (B, 1))] = -1
        drawn.append(Case((ids, rng.random((B, N)) < 0.4)))
    return edges + drawn


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
            mistakes.BOUNDS,
            (
                (
                    "Take a positive at -0.5 and a share of 0.75. Which scores lie below the positive, and"
                    " does 0.75 · (-0.5)?"
                ),
                (
                    "The distance from the positive down to the bound is never negative: 1 − share of the"
                    " size of the score. Of several positives first find the one that counts."
                ),
                (
                    "Read all scores at once and turn the padding's into what no smallest score can be. If it"
                    " is left over, the row had no positive."
                ),
            ),
        ),
        Question(
            "mine_below(scores, positives, share, K)",
            mine_below,
            _library,
            "nslab.mine_negatives",
            _mine_cases,
            mistakes.MINE,
            (
                (
                    "First which, then how many: if you take the K best and then look at the bound, what is"
                    " left of them?"
                ),
                (
                    "numpy's stable sort goes upwards. How do you make it go downwards without turning ties"
                    " around?"
                ),
                (
                    "Give what is not allowed a score that no item can have, and sort. Places whose item was"
                    " not allowed are padding. If K is larger than N, add places."
                ),
            ),
            rtol=0.0,
        ),
        Question(
            "false_share(ids, relevant)",
            false_share,
            None,
            "",
            _share_cases,
            mistakes.SHARE,
            (
                "What does `row[-1]` read in Python? And what does it mean here?",
                (
                    "Count two things over all rows together: the negatives, and those of them that are"
                    " relevant."
                ),
                "Read relevance for every place, then drop what the padding read. Refuse to divide by zero.",
            ),
        ),
    ),
)
