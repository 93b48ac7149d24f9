"""Exercise 08: the inputs that an answer is tried on."""

from __future__ import annotations

import numpy as np

from nslab.practice._exercise import Case

_CROSSING = "at B = K(d + 1) + 1 both ways hold the same number of bytes"


def own_cases(seed: int) -> list[Case]:
    edges = [
        Case((1, 1, 1, 1), "the smallest step there is"),
        Case((1, 4, 3, 2), "one anchor"),
        Case((2, 3, 5, 4), "small enough to count on paper"),
        Case((7, 1, 2, 4), "one negative an anchor"),
        Case((6, 5, 2, 4), "as many negatives as a batch of 6 lends"),
        Case((1024, 1023, 128, 4), "as many negatives as a batch of 1,024 lends"),
        Case((1506, 5, 300, 4), _CROSSING),
        Case((1507, 5, 300, 4), "one anchor more, and own negatives hold less"),
        Case((32_768, 5, 300, 4), "a large batch with few negatives"),
        Case((65_536, 65_535, 1024, 4), "counts far above 2³¹: they wrap in 32 bits"),
    ]
    drawn = np.random.default_rng(seed).integers((2, 2, 2), (600, 90, 400), (8, 3)).tolist()
    sizes = (2, 4, 8, 2, 4, 8, 4, 2)
    return _exact(edges + [Case((*row, size)) for row, size in zip(drawn, sizes, strict=True)])


def batch_cases(seed: int) -> list[Case]:
    edges = [
        Case((2, 1, 1), "the smallest batch that lends a negative"),
        Case((3, 5, 4), "small enough to count on paper"),
        Case((6, 2, 4)),
        Case((1024, 128, 4), "1,023 negatives for each anchor"),
        Case((1506, 300, 4), f"{_CROSSING}, here K = 5"),
        Case((1507, 300, 4), "one anchor more, and the scores outweigh five own negatives"),
        Case((32_768, 300, 4), "a large batch: nearly all bytes are scores"),
        Case((1_048_576, 1024, 4), "counts far above 2³¹: they wrap in 32 bits"),
    ]
    drawn = np.random.default_rng(seed).integers((2, 2), (900, 400), (8, 2)).tolist()
    sizes = (2, 4, 8, 2, 4, 8, 4, 2)
    return _exact(edges + [Case((*row, size)) for row, size in zip(drawn, sizes, strict=True)])


def _exact(cases: list[Case]) -> list[Case]:
    return [Case(case.args, case.about, atol=0.0) for case in cases]


def hard_cases(seed: int) -> list[Case]:
    edges = [
        Case((0.25, 1), "a single negative"),
        Case((0.25, 3), "1 − 0.75³ by hand"),
        Case((0.0, 10), "nothing is hard"),
        Case((1.0, 3), "everything is hard"),
        Case((0.3, 0), "no negative, so no hard one"),
        Case((1.0, 0), "no negative, even where all are hard"),
        Case((0.5, 4), "n ρ is 2, and no probability is"),
        Case((0.001, 10), "ten own negatives"),
        Case((0.001, 4095), "a batch of 4,096 lends 4,095"),
    ]
    rng = np.random.default_rng(seed)
    drawn = zip(rng.uniform(0.02, 0.4, 8).round(3), rng.integers(2, 30, 8), strict=True)
    return edges + [Case((float(rho), int(n))) for rho, n in drawn]


def _vectors(rng: np.random.Generator, B: int, d: int, near: float = 0.6) -> tuple[np.ndarray, np.ndarray]:
    """B anchors, and for each a positive that lies near it; none has length 1."""
    anchors = rng.normal(size=(B, d))
    return anchors.round(2), (near * anchors + rng.normal(size=(B, d))).round(2)


def loss_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    eye = np.eye(3)
    A, P = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]]), np.array([[0.8, 0.6], [0.0, 1.0], [-0.6, 0.8]])
    four, pairs = _vectors(rng, 4, 3), np.array([7, 2, 7, 5])
    twenty = _vectors(rng, 20, 4)
    repeated = np.arange(20)
    repeated[17] = repeated[3]
    twin = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    edges = [
        Case((eye[:2], eye[:2], 0.5), "two pairs that are orthogonal: ln(1 + e⁻²)"),
        Case((np.zeros((3, 2)), np.ones((3, 2)), 0.5), "all scores alike: three candidates, ln 3"),
        Case((A, P, 0.5), "the two directions give different losses"),
        Case((A, P[::-1].copy(), 0.2), "every positive is the wrong one"),
        Case((3 * A, 2 * P, 1.0), "the vectors are used as they are, whatever their length"),
        Case((A, P, 0.001), "at τ = 0.001, e^(s/τ) is beyond float64"),
        Case((A, P - 2, 0.002), "at τ = 0.002, e^(s/τ) is 0 in float64"),
        Case(
            (np.array([[40.0, 0.0], [1.0, 1.0]]), np.array([[1.0, 0.0], [0.0, 0.95]]), 0.05),
            "one anchor is far longer: a softmax has a largest logit of its own",
        ),
        Case(
            (A, P - 2, 0.002, np.array([4, 9, 4])),
            "rows 0 and 2 hold one item, and all logits are below −500",
        ),
        Case(
            (A, P - 200, 0.01, np.array([4, 9, 4])),
            "rows 0 and 2 hold one item, and all logits are below −19,000",
        ),
        Case((twin, twin, 0.1, np.array([4, 9, 4])), "rows 0 and 2 hold one item: a single negative is left"),
        Case((*four, 0.7, pairs), "rows 0 and 2 hold one item"),
        Case((-four[0], four[1], 0.7, pairs), "the same with other signs: scores far below 0"),
        Case((*twenty, 1.0, repeated), "rows 3 and 17 hold one item"),
        Case((*four, 0.7, np.arange(4) + 30), "ids that all differ change nothing"),
        Case((A[:1], P[:1], 0.5), "a batch of one lends no negative"),
        Case((A, P, 0.5, np.array([8, 8, 8])), "one item in every row: no negative is left"),
    ]
    drawn = []
    for B, d, kinds in ((2, 3, 0), (5, 2, 0), (8, 4, 0), (8, 4, 3), (12, 6, 5), (16, 3, 4)):
        vectors, tau = _vectors(rng, B, d), float(rng.choice((0.5, 0.7, 1.5, 2.0)))
        held = (rng.permutation(B) % kinds,) if kinds else ()
        drawn.append(Case((*vectors, tau, *held)))
    return edges + drawn


def gradient_cases(seed: int) -> list[Case]:
    return [Case(case.args, case.about, atol=1e-6) for case in loss_cases(seed)]
