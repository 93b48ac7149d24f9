"""Exercise 02: the inputs to try."""

from __future__ import annotations

from typing import Any

import numpy as np

from nslab.practice._exercise import Case

STRATEGIES = ("hard", "semi_hard", "easy", "hardest")

# The inputs. Distances are fractions of 64, so that d_ap + m is exact and an edge is an edge.

SEVEN = np.array([0.25, 0.5, 0.5625, 0.75, 0.9375, 1.0, 1.25])


def _fractions(rng: np.random.Generator, size: Any) -> np.ndarray:
    return rng.integers(1, 129, size) / 64


def zone_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    edges = [
        Case((0.5, np.array([0.25]), 0.25), "closer than the positive"),
        Case((0.5, np.array([0.625]), 0.25), "farther than the positive, by less than m"),
        Case((0.5, np.array([1.0]), 0.25), "farther by more than m"),
        Case((0.5, np.array([0.5, 1.5]), 0.25), "as far as the positive: the rule is broken, by all of m"),
        Case((0.5, np.array([0.75, 1.5]), 0.25), "farther by exactly m: the rule is met"),
        Case((0.5, SEVEN, 0.5), "seven negatives, one on each edge"),
        Case((0.0, np.array([0.0, 0.25, 0.5]), 0.5), "the positive lies on the anchor"),
        Case(
            (0.5, np.array([0.25, 0.5, 0.75]), 0.0), "with m = 0 the two edges fall together: on them is hard"
        ),
        Case((np.array([0.25, 1.0, 0.5]), np.array([0.5, 0.5, 0.5]), 0.5), "a positive for each negative"),
        Case((0.25, np.array([1.5, 1.75, 2.0, 2.25]), 1.75), "a margin larger than most distances"),
        Case((0.5, np.array([0.25, 1.0]), -0.25), "a margin below 0 would give zones that overlap"),
    ]
    drawn = []
    for count in (4, 6, 10, 16, 24):
        d_ap, m = float(_fractions(rng, ())), float(rng.choice([0.125, 0.25, 0.5]))
        near = np.clip(d_ap + rng.integers(-48, 64, count) / 64, 0, None)
        drawn.append(Case((d_ap, near, m)))
        drawn.append(Case((_fractions(rng, count), _fractions(rng, count), m)))
    return edges + drawn


def _matrix(rng: np.random.Generator, size: int) -> np.ndarray:
    upper = np.triu(_fractions(rng, (size, size)), 1)
    return upper + upper.T


def _three(first: float, second: float, third: float) -> np.ndarray:
    """Three images: the distances 0–1, 0–2 and 1–2."""
    return np.array([[0, first, second], [first, 0, third], [second, third, 0]])


def mine_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    three, pair = _three(0.5, 0.625, 1.0), np.array([7, 7, 8])
    six = _matrix(np.random.default_rng(2), 6)
    classes = np.array([0, 1, 0, 1, 2, 0])
    order = np.array([3, 0, 5, 4, 1, 2])
    edges = [
        Case((three, pair, 0.25, "semi_hard"), "image 2 is semi-hard for anchor 0, easy for anchor 1"),
        Case((three, pair, 0.25, "easy"), "image 2 is easy for anchor 1 alone"),
        Case((three, pair, 0.25, "hard"), "nothing is hard: three empty arrays"),
        Case((three, pair, 0.25, "hardest"), "each pair's nearest negative, whatever its zone"),
        Case((_three(0.5, 0.25, 1.0), pair, 0.25, "semi_hard"), "hard and easy ones only: no triplet"),
        Case((_three(0.5, 0.5, 0.75), pair, 0.25, "hard"), "as far as the positive is hard"),
        Case((_three(0.5, 0.5, 0.75), pair, 0.25, "easy"), "farther by exactly m is easy"),
        Case((_three(0.5, 0.5, 0.75), pair, 0.25, "semi_hard"), "both negatives lie on an edge"),
        Case((three, np.array([1, 2, 3]), 0.25, "semi_hard"), "no image has a positive"),
        Case((three, np.array([4, 4, 4]), 0.25, "semi_hard"), "no image has a negative"),
        Case((three, np.array([4, 4, 4]), 0.25, "hardest"), "no image has a negative"),
        Case((np.zeros((1, 1)), np.array([3]), 0.25, "hardest"), "a batch of one"),
        Case((three, pair, 0.25, "nearest"), "there is no such strategy"),
        Case((three, pair, -0.25, "semi_hard"), "a margin below 0"),
        Case((three, pair, -0.25, "hardest"), "a margin below 0, even where the margin is not used"),
        *(Case((six, classes, 0.5, name), "three labels, one of them without a pair") for name in STRATEGIES),
        *(
            Case((six[np.ix_(order, order)], classes[order] * 10 - 7, 0.5, name), "another order and labels")
            for name in ("semi_hard", "hardest")
        ),
        Case(
            (np.full((5, 5), 0.5) - 0.5 * np.eye(5), np.array([0, 1, 0, 2, 1]), 0.25, "hardest"), "all equal"
        ),
    ]
    drawn = []
    for size in (9, 12):
        labels = rng.permutation(np.arange(size) % 3)
        m = float(rng.choice([0.25, 0.5]))
        drawn += [Case((_matrix(rng, size), labels, m, name)) for name in STRATEGIES]
    points = rng.normal(size=(24, 4))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    real = np.square(points[:, None] - points).sum(-1)
    return [*edges, *drawn, Case((real, np.arange(24) % 5, 0.2, "semi_hard"), "points on a sphere")]


def gradient_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    origin, near = np.array([0.25, 0.5]), np.array([0.25 + 2**-30, 0.5])
    edges = [
        Case((np.array([3.0, 4.0]), np.zeros(2), True)),
        Case((np.array([3.0, 4.0]), np.zeros(2), False), "a step straight away from n: length 1"),
        Case((np.zeros(2), np.array([3.0, 4.0]), False), "the same pair, seen from the other end"),
        Case((near, origin, True), "nearly on one point: hardly any gradient is left", atol=1e-13),
        Case((near, origin, False), "nearly on one point, and the gradient is as long as ever"),
        Case((origin, origin, True), "on one point: the squared distance has a gradient, and it is 0"),
        Case((origin, origin, False), "on one point there is no direction"),
    ]
    drawn = [
        Case((rng.normal(size=k).round(3), rng.normal(size=k).round(3), squared))
        for k in (2, 3, 5, 16)
        for squared in (True, False)
    ]
    return edges + drawn
