"""Exercise 04: the inputs to try."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from nslab.practice._exercise import Case

# What is typed and the float64 beside it must lead to the same K, or both readings could not be right.

_EQUAL = (
    (0.25, 3),
    (0.25, 6),
    (0.4375, 3),
    (0.5625, 3),
    (0.65625, 2),
    (0.03125, 3),
)  # K draws reach q exactly; logarithms in float64 say K + 1
_STEP = (*((0.5, K) for K in (8, 10, 13, 16, 19)), *((0.375, K) for K in (6, 9, 12, 15)))
_NEAR = (*((0.375, K) for K in (28, 29, 31, 33, 34, 35, 37)), *((0.125, K) for K in (30, 33, 50, 59, 60)))
_FINITE_EQUAL = ((24, 1, 0.125), (44, 1, 0.75), (54, 1, 0.5), (16, 2, 0.875), (24, 1, 0.625))
_FINITE_NEAR = (
    (10, 5, 0.7777777777777778),
    (25, 7, 0.6452173913043479),
    (30, 2, 0.6873563218390805),
    (30, 3, 0.6206896551724138),
    (30, 4, 0.25287356321839083),
    (30, 7, 0.41839080459770117),
)  # q is a chance of a hit, rounded up to float64
_TYPICAL = (0.5, 0.9, 0.95, 0.99, 0.999)


def hit_cases(seed: int) -> list[Case]:
    edges = [
        Case((0.5, 1), "a single draw hits with probability ρ"),
        Case((0.5, 3)),
        Case((0.01, 95), "95 · 0.01 is 0.95, and that is not the chance of a hit"),
        Case((0.01, 299)),
        Case((0.001, 4095)),
        Case((0.3, 0), "no draw, no hit"),
        Case((1.0, 0), "no draw, no hit, even where everything is hard"),
        Case((0.0, 5), "nothing is hard"),
        Case((1.0, 1), "everything is hard: one draw is sure"),
        Case((1.0, 4), "everything is hard: the first draw is sure"),
        Case((1e-10, 1), "in float64, 1 − 1e-10 has lost half of the digits of ρ"),
        Case((1e-12, 1000), "in float64, 1 − 1e-12 has lost most of the digits of ρ"),
        Case((4e-8, 5000), "a few terms of a series do not give nine digits"),
        Case((1e-17, 1), "in float64, 1 − 1e-17 is 1"),
        Case((1e-17, 1000), "in float64, 1 − 1e-17 is 1"),
        Case((1e-15, 5000), "in float64, 1 − 1e-15 keeps one digit of ρ"),
    ]
    rng = np.random.default_rng(seed)
    drawn = [Case((int(rng.integers(2, 400)) / 1000, int(rng.integers(2, 300)))) for _ in range(7)]
    small = [Case((int(rng.integers(11, 99)) / 1e12, int(rng.integers(2, 3000)))) for _ in range(2)]
    return [Case(case.args, case.about, atol=0.0) for case in edges + drawn + small]


def needed_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    edges = [
        Case((0.5, 0.875), "three draws reach 0.875 exactly"),
        Case((0.5, 0.75), "two draws reach 0.75 exactly"),
        Case((0.5, 0.5), "one draw reaches 0.5 exactly"),
        Case((0.01, 0.95), "298 draws reach 0.94996"),
        Case((0.001, 0.99)),
        Case((0.9, 0.5), "one draw is more than enough"),
        Case((0.3, 0.0), "q = 0 needs no draw"),
        Case((0.0, 0.0), "q = 0 needs no draw, even where nothing is hard"),
        Case((0.2, None, 1.0), "a miss is allowed for certain: no draw is needed"),
        Case((1.0, 0.5), "everything is hard: one draw is sure"),
        Case((1.0, 1.0), "everything is hard: one draw is sure"),
        Case((1.0, None, 1e-20), "everything is hard: one draw is sure"),
        Case((0.0, 0.5), "nothing is hard: no K is enough"),
        Case((0.3, 1.0), "nothing makes a hit certain while ρ < 1"),
        Case((0.3, None, 0.0), "nothing makes a hit certain while ρ < 1"),
        Case((0.0, None, 0.1), "nothing is hard: no K is enough"),
        Case((0.01, None, 0.05), "the same as q = 0.95"),
        Case(
            (0.002, None, 0.16500122124802433),
            "900 draws miss by the last digit: logarithms in float64 say 900",
        ),
        Case((0.01, None, 1e-20), "1 − 1e-20 is 1 in float64, so q could not say this"),
        Case((0.5, None, 1e-30), "1 − 1e-30 is 1 in float64, so q could not say this"),
        Case((0.1, None, 1e-300), "1 − 1e-300 is 1 in float64, so q could not say this"),
    ]
    drawn = [Case((int(rng.integers(2, 400)) / 1000, float(rng.choice(_TYPICAL)))) for _ in range(8)]
    million = [
        Case((rho, 0.95), "more than a million draws: an exact power has tens of millions of digits")
        for rho in (2.5e-6, 2e-6)
    ]
    tiny = [
        Case((1e-12, 0.95), "1 − 1e-12 is rounded in float64"),
        Case((int(rng.integers(11, 99)) / 1e11, 0.9), "1 − ρ is rounded in float64"),
        Case((int(rng.integers(11, 99)) / 1e11, None, 0.25), "1 − ρ is rounded in float64"),
        Case((1e-17, 0.95), "1 − 1e-17 is 1 in float64", atol=3e5),
        Case((0.01, 1e-20), "q > 0 needs a draw; 1 − 1e-20 is 1 in float64"),
        Case((0.3, 1e-17), "q > 0 needs a draw; 1 − 1e-17 is 1 in float64"),
        Case((1e-17, 1e-17), "one draw reaches q = ρ exactly"),
        Case((1e-18, 5.5e-18), "1 − ρ and 1 − q are 1 in float64"),
    ]
    cases = edges + drawn + _at_the_boundary(rng) + million + tiny
    return [Case(case.args, case.about, case.atol if case.atol > 1 else 0.0) for case in cases]


def _at_the_boundary(rng: np.random.Generator) -> list[Case]:
    """Where the chance of a miss and what is allowed are equal, or as near as float64 allows."""
    equal = [Case((0.25, 0.578125), "three draws reach 0.578125 exactly")]
    for i in rng.choice(len(_EQUAL) - 1, 3, replace=False) + 1:
        rho, K = _EQUAL[i]
        missed = float((1 - Fraction(rho)) ** K)
        about = f"{K} draws miss with probability {missed}, exactly what is allowed"
        equal.append(Case((rho, None, missed) if i % 2 else (rho, 1 - missed), about))
    step = []
    for i in rng.choice(len(_STEP), 2, replace=False):
        rho, K = _STEP[i]
        below = math.nextafter(float((1 - Fraction(rho)) ** K), 0)
        step.append(
            Case(
                (rho, None, below), f"miss is one step of float64 below {1 - rho} ** {K}: {K} draws just fail"
            )
        )
    near = []
    for i in rng.choice(len(_NEAR), 4, replace=False):
        rho, K = _NEAR[i]
        nearest = float((1 - Fraction(rho)) ** K)
        near.append(
            Case(
                (rho, None, nearest), f"miss is the float64 nearest to {1 - rho} ** {K}, and smaller than it"
            )
        )
    return equal + step + near


def finite_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    edges = [
        Case((100, 1, 0.95), "one hard item: 95 of 100 items must be looked at"),
        Case((1000, 10, 0.95), "an endless pool with this share needs 299"),
        Case((10_000, 100, 0.95), "the same share in a larger pool"),
        Case((1, 1, 0.9), "one item, and it is hard"),
        Case((50, 50, 1.0), "everything is hard: one draw is sure"),
        Case((6, 2, 1.0), "certain once the easy items are used up"),
        Case((100, 1, 1.0), "certain only when nothing is left"),
        Case((40, 25, 1.0), "certain once the easy items are used up"),
        Case((10, 3, 0.0), "q = 0 needs no draw"),
        Case((10, 0, 0.0), "q = 0 needs no draw, even where nothing is hard"),
        Case((10, 0, 0.5), "nothing is hard: no K is enough"),
        Case((10, 0, 1.0), "nothing is hard: no K is enough"),
        Case((10, 4, 1e-20), "q > 0 needs a draw; 1 − 1e-20 is 1 in float64"),
        Case((1200, 1, 0.95), "1,140 draws: a function that calls itself for each does not get there"),
    ]
    equal = [
        Case(_FINITE_EQUAL[i], "q is reached exactly")
        for i in rng.choice(len(_FINITE_EQUAL), 4, replace=False)
    ]
    near = [
        Case(_FINITE_NEAR[i], "one draw fewer has this chance to sixteen digits, and is still below q")
        for i in rng.choice(len(_FINITE_NEAR), 4, replace=False)
    ]
    drawn: list[Case] = []
    while len(drawn) < 8:
        N = int(rng.integers(20, 400))
        M, q = int(rng.integers(2, N // 5 + 2)), float(rng.choice(_TYPICAL))
        if _enough(N, M, Fraction(q)) == _enough(N, M, Fraction(str(q))):
            drawn.append(Case((N, M, q)))
    return [Case(case.args, case.about, atol=0.0) for case in edges + equal + near + drawn]


def _enough(N: int, M: int, q: Fraction) -> list[bool]:
    """For each K, whether K draws without replacement reach q."""
    return [1 - Fraction(math.comb(N - M, K), math.comb(N, K)) >= q for K in range(N - M + 2)]


def average_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    edges = [
        Case((np.array([0.01]), 0.95), "one anchor: the K of part 2"),
        Case((np.array([0.02, 0.0]), 0.45), "half of the anchors have nothing to hit"),
        Case(
            (np.array([0.02, 0.0]), 0.5), "half of the anchors have nothing to hit, so 0.5 is never reached"
        ),
        Case((np.array([0.5, 0.0]), 0.7), "half of the anchors have nothing to hit"),
        Case((np.array([1.0, 0.0]), 0.5), "half of the anchors are sure of a hit at the first draw"),
        Case((np.array([1.0, 1.0]), 1.0), "all anchors are sure of a hit at the first draw"),
        Case((np.array([0.5, 1.0]), 1.0), "nothing is certain while one ρ is below 1"),
        Case((np.array([0.3, 0.0]), 0.0), "q = 0 needs no draw"),
        Case((np.array([0.5, 0.001]), 0.9), "a rich anchor and a poor one"),
        Case((np.array([0.1, 0.2, 0.3, 0.4]), 0.9)),
        Case((np.sort(rng.beta(0.5, 49.5, 60)).round(6), 0.9), "mean ρ about 0.01, most of it near 0"),
    ]
    drawn = [Case((rng.beta(1, 30, n).round(4), float(rng.choice((0.5, 0.8, 0.9))))) for n in (5, 12, 30, 60)]
    return [Case(case.args, case.about, atol=0.0) for case in edges + drawn]
