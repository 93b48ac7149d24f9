"""Exercise 07: the inputs that an answer is tried on."""

from __future__ import annotations

from typing import Any

import numpy as np

from nslab.practice._chance import Watched
from nslab.practice._exercise import Case
from nslab.practice.exercises._07_model_proposes.mistakes import softmax

P_D = np.array([0.40, 0.25, 0.20, 0.10, 0.05])
_LOGITS = np.array([1.0, 0.2, -0.4, -0.9])
_UNIFORM = np.full(4, 0.25)


def proposal_cases(seed: int) -> list[Case]:
    edges = [
        Case((np.array([0.7]), 0.5), "a single class is drawn every time"),
        Case((np.array([1.0, 0.0]), 2.0)),
        Case((_LOGITS, 1.0), "T = 1 is the model's own softmax"),
        Case((_LOGITS, 1e6), "T → ∞: all classes alike"),
        Case((_LOGITS, 1e-3), "T → 0: the top class alone"),
        Case((np.array([0.5, 0.5, -2.0]), 1e-3), "T → 0 with two classes that share the top"),
        Case((np.array([1000.0, 999.0, 0.0]), 1.0), "exp(1000) is no float"),
        Case((np.array([-1000.0, -999.0]), 1.0), "exp(−1000) is 0 in float64"),
        Case((np.array([0.0, -800.0]), 400.0), "softmax(f) has lost the second class, softmax(f/T) has not"),
        Case((_LOGITS, 0.0), "at T = 0 there is nothing to divide by"),
        Case((_LOGITS, -1.0), "a negative T would prefer the least likely class"),
    ]
    rng = np.random.default_rng(seed)
    drawn = [(rng.normal(0, 2, n).round(2), float(rng.uniform(0.3, 3))) for n in (2, 3, 5, 20, 50)]
    return edges + [Case((f, round(T, 2))) for f, T in drawn]


def gradient_cases(seed: int) -> list[Case]:
    p, sharp = softmax(_LOGITS), softmax(_LOGITS, 0.5)
    pd = P_D[:4] / P_D[:4].sum()
    exact = "q = softmax(f), corrected: all logits are equal, whatever is drawn"
    hole = np.array([0.5, 0.3, 0.2, 0.0])
    edges = [
        Case((np.array([0.75, 0.25]), np.array([0.0, 0.0]), np.array([0.8, 0.2]), 1, True)),
        Case((np.array([0.75, 0.25]), np.array([1.0, 0.0]), np.array([0.6, 0.4]), 2, False)),
        Case((pd, _LOGITS, p, 1, True), exact),
        Case((pd, _LOGITS, p, 3, True), exact),
        Case((pd, _LOGITS, p, 2, False), "q = softmax(f), not corrected"),
        Case((P_D, np.log(P_D) / 2, P_D, 1, True), "q = p_d: corrected, training must not rest at √p_d"),
        Case((P_D, np.log(P_D), P_D, 2, True), "the model is right: corrected, it must stay where it is"),
        Case((np.eye(4)[1], _LOGITS, sharp, 2, True), "one positive only, and a sharp proposal"),
        Case((pd, _LOGITS, _UNIFORM, 2, False), "uniform draws"),
        Case((pd, _LOGITS, _UNIFORM, 2, True), "uniform draws: ln q is the same everywhere and cancels"),
        Case((pd, _LOGITS + 800, sharp, 2, True), "exp(800) is no float", atol=1e-9),
        Case((pd, _LOGITS, hole, 2, False), "a class that is never drawn; nothing is to be corrected"),
        Case((pd, _LOGITS, hole, 2, True), "a class that is never drawn has no ln q"),
        Case(
            (hole, _LOGITS, hole, 1, True),
            "a class that never comes at all: its ln q is needed, and there is none",
        ),
    ]
    return edges + _random_gradients(np.random.default_rng(seed))


def _random_gradients(rng: np.random.Generator) -> list[Case]:
    cases = []
    for i, (n, K) in enumerate(((2, 3), (3, 2), (4, 3), (5, 2), (3, 4), (6, 1))):
        pd, q = rng.dirichlet(np.full(n, 2.0)), rng.dirichlet(np.full(n, 2.0)) + 0.02
        cases.append(Case((pd, rng.normal(0, 1, n).round(2), q / q.sum(), K, i % 2 == 0)))
    return cases


def sample_cases(seed: int) -> list[Case]:
    many, f = 5000, np.array([0.5, -0.5, 1.0, 0.0])

    def case(*args: Any, about: str = "") -> Case:
        f, T, K, *positive = args
        return Case((f, T, K, Watched(np.random.PCG64(seed)), *positive), about, atol=1e-9)

    edges = [
        case(f, 1.0, many, about="many draws, to see how often each class comes"),
        case(f, 0.8, many, None, about="no class is left out"),
        case(f, 3.0, many, 2, about="the top class is the positive: it must not come, and ln q must know it"),
        case(f, 1.5, many, 0, about="class 0 is a class like any other"),
        case(f, 1e6, many, about="T → ∞: all alike"),
        case(f, 1e-3, many, about="T → 0: the top class every time"),
        case(np.array([0.0, -1.0]), 1.0, 7, about="more draws than classes"),
        case(np.array([0.0, -1.0]), 1.0, 1, 0, about="a single class is left"),
        case(np.array([45.0, 0.5, 0.0]), 1.0, many, 0, about="1 − q(positive) is 0 in float64"),
        case(np.array([1e3, 0.5, 0.0]), 1.0, many, 0, about="q of all but the positive is 0 in float64"),
        case(np.linspace(-0.3, 0.3, 60), 1.0, 60, about="as many draws as classes: some class comes twice"),
        case(f, 1e10, many, 1, about="T → ∞, and still the positive must not come"),
        case(np.array([0.3]), 1.0, 2, 0, about="nothing is left to draw"),
        case(f, 1.0, 3, 4, about="there is no class 4"),
        case(f, 1.0, 3, -1, about="there is no class −1: an index below 0 would count from the end"),
        case(f, 0.0, 3, about="at T = 0 there is nothing to divide by"),
    ]
    rng = np.random.default_rng(seed + 1000)
    drawn = [(rng.uniform(-1.5, 1.5, n).round(2), float(rng.uniform(1, 2.5))) for n in (3, 4, 5, 6)]
    return edges + [case(f, round(T, 2), many, int(rng.integers(len(f)))) for f, T in drawn]


def resting_cases(seed: int) -> list[Case]:
    edges = [
        Case((np.array([0.8, 0.2]), 1.0, False)),
        Case((np.array([0.8, 0.2]), 1.0, True)),
        Case((P_D, 1.0, False), "at T = 1 the raw optimum is known in closed form"),
        Case((P_D, 0.5, False)),
        Case((P_D, 0.5, True)),
        Case((P_D, 1e4, False), "uniform draws need no correction"),
        Case((np.full(3, 1 / 3), 0.7, False), "equal data stay equal"),
    ]
    rng = np.random.default_rng(seed)
    drawn = [(rng.dirichlet(np.full(n, 3.0)) + 0.03, float(rng.uniform(0.4, 4))) for n in (2, 3, 4)]
    cases = edges + [Case((pd / pd.sum(), round(T, 2), False)) for pd, T in drawn]
    return [Case(case.args, case.about, atol=1e-5) for case in cases]
