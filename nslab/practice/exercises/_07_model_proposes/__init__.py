"""Exercise 07: let the model propose."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from nslab import losses, samplers
from nslab.practice._exercise import Case, Exercise, Question
from nslab.practice.exercises._07_model_proposes import mistakes, mistakes_gradient, mistakes_sample

# The specification: sums in the words of the task, one class after the other.


def proposal(f: Sequence[float] | np.ndarray, T: float) -> np.ndarray:
    """q = softmax(f / T), the largest logit made 0 first."""
    if not T > 0:
        raise ValueError(f"T must be > 0, got {T}")
    weights = [math.exp((x - max(f)) / T) for x in f]
    return np.array([w / sum(weights) for w in weights])


def expected_gradient(
    pd: Sequence[float], f: Sequence[float], q: Sequence[float], K: int, corrected: bool
) -> np.ndarray:
    """Every positive with every sequence of K draws: softmax weights of the K + 1 places, times the chance."""
    if corrected and min(q) <= 0:
        raise ValueError("a class that is never drawn has no ln q")
    logits = [x - math.log(y) if corrected else x for x, y in zip(f, q, strict=True)]
    gradient = [0.0] * len(f)
    for positive, *negatives in itertools.product(range(len(f)), repeat=K + 1):
        chance = pd[positive] * math.prod(q[j] for j in negatives)
        places = [positive, *negatives]
        top = max(logits[j] for j in places)
        weights = [math.exp(logits[j] - top) for j in places]
        for j, weight in zip(places, weights, strict=True):
            gradient[j] += chance * weight / sum(weights)
        gradient[positive] -= chance
    return np.array(gradient)


def sample_negatives(
    f: Sequence[float], T: float, K: int, rng: np.random.Generator, positive: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """K draws from the classes that may be drawn; ln q from the shifted logits, never from q."""
    ids, log_q = _log_chances(f, T, positive)
    drawn = rng.choice(len(ids), size=K, p=np.exp(log_q))
    return ids[drawn], log_q[drawn]


def resting_point(pd: Sequence[float], T: float, corrected: bool) -> np.ndarray:
    """Corrected: pd. Raw: e^f is proportional to pd / q and q to e^(f/T), so that p is to pd^(T/(1+T))."""
    power = 1.0 if corrected else T / (1 + T)
    weights = [x**power for x in pd]
    return np.array([w / sum(weights) for w in weights])


def _log_chances(
    f: Sequence[float] | np.ndarray, T: float, positive: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """The classes that may be drawn, and ln of the chance of each."""
    if positive is not None and not 0 <= positive < len(f):
        raise ValueError(f"positive must be None or a class, got {positive}")
    ids = [j for j in range(len(f)) if j != positive]
    if not T > 0 or not ids:
        raise ValueError("T must be > 0, and one class must be left to draw")
    top = max(f[j] for j in ids)
    log_z = math.log(sum(math.exp((f[j] - top) / T) for j in ids))
    return np.array(ids), np.array([(f[j] - top) / T - log_z for j in ids])


# The inputs, and how samples are compared.

P_D = np.array([0.40, 0.25, 0.20, 0.10, 0.05])
_LOGITS = np.array([1.0, 0.2, -0.4, -0.9])
_UNIFORM = np.full(4, 0.25)


def _proposal_cases(seed: int) -> list[Case]:
    edges = [
        Case((np.array([0.7]), 0.5), "a single class is drawn every time"),
        Case((np.array([1.0, 0.0]), 2.0)),
        Case((_LOGITS, 1.0), "T = 1 is the model's own softmax"),
        Case((_LOGITS, 1e6), "T → ∞: all classes alike"),
        Case((_LOGITS, 1e-3), "T → 0: the top class alone"),
        Case((np.array([0.5, 0.5, -2.0]), 1e-3), "T → 0 with two classes that share the top"),
        Case((np.array([1000.0, 999.0, 0.0]), 1.0), "exp(1000) is no float"),
        Case((np.array([-1000.0, -999.0]), 1.0), "exp(−1000) is 0 in float64"),
        Case((_LOGITS, 0.0), "at T = 0 there is nothing to divide by"),
        Case((_LOGITS, -1.0), "a negative T would prefer the least likely class"),
    ]
    rng = np.random.default_rng(seed)
    drawn = [(rng.normal(0, 2, n).round(2), float(rng.uniform(0.3, 3))) for n in (2, 3, 5, 20, 50)]
    return edges + [Case((f, round(T, 2))) for f, T in drawn]


def _gradient_cases(seed: int) -> list[Case]:
    p, sharp = proposal(_LOGITS, 1.0), proposal(_LOGITS, 0.5)
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
    ]
    return edges + _random_gradients(np.random.default_rng(seed))


def _random_gradients(rng: np.random.Generator) -> list[Case]:
    cases = []
    for i, (n, K) in enumerate(((2, 3), (3, 2), (4, 3), (5, 2), (3, 4), (6, 1))):
        pd, q = rng.dirichlet(np.full(n, 2.0)), rng.dirichlet(np.full(n, 2.0)) + 0.02
        cases.append(Case((pd, rng.normal(0, 1, n).round(2), q / q.sum(), K, i % 2 == 0)))
    return cases


def _sample_cases(seed: int) -> list[Case]:
    many, f = 5000, np.array([0.5, -0.5, 1.0, 0.0])

    def case(*args: Any, about: str = "") -> Case:
        f, T, K, *positive = args
        return Case((f, T, K, np.random.default_rng(seed), *positive), about, atol=1e-9)

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
        case(np.array([0.3]), 1.0, 2, 0, about="nothing is left to draw"),
        case(f, 1.0, 3, 4, about="there is no class 4"),
        case(f, 1.0, 3, -1, about="there is no class −1: an index below 0 would count from the end"),
        case(f, 0.0, 3, about="at T = 0 there is nothing to divide by"),
    ]
    rng = np.random.default_rng(seed + 1000)
    drawn = [(rng.uniform(-1.5, 1.5, n).round(2), float(rng.uniform(1, 2.5))) for n in (3, 4, 5, 6)]
    return edges + [case(f, round(T, 2), many, int(rng.integers(len(f)))) for f, T in drawn]


def _resting_cases(seed: int) -> list[Case]:
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


def _measure(args: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """What all right samples share; the mean logit is the expected one unless the draws are uneven."""
    f, T, _, _, positive = args if len(args) == 5 else (*args, None)
    if not hasattr(value, "__len__") or len(value) != 2:
        raise ValueError("two parts are asked for, ids and log_q")
    ids, log_q = map(np.asarray, value)
    if ids.ndim != 1 or ids.dtype.kind not in "iu" or not np.all((ids >= 0) & (ids < len(f))):
        raise ValueError(f"the first part must be K integers from 0 to {len(f) - 1} in one axis")
    if log_q.shape != ids.shape or log_q.dtype.kind not in "iuf":
        raise ValueError(f"the second part must be K numbers, one a draw, got shape {log_q.shape}")
    kept, right = _log_chances(f, T, positive)
    log_chance = np.full(len(f), np.nan)
    log_chance[kept] = right
    chance = np.nan_to_num(np.exp(log_chance))
    off = (log_q - log_chance[ids])[ids != (-1 if positive is None else positive)]
    counts, mean = np.bincount(ids, minlength=len(f)), len(ids) * chance
    apart = np.abs(counts - mean) > 6.5 * np.sqrt(mean * (1 - chance)) + 1e-6  # 6.5 standard deviations
    uneven = len(ids) >= 1000 and bool(apart.any())
    return {
        "drawn": len(ids),
        "positive drawn": positive is not None and positive in ids,
        "unevenly drawn": uneven,
        "mean logit of the draws": float(f[ids].mean() if uneven else chance @ f),
        "ln q too high by": float(off.max(initial=0)),
        "ln q too low by": 0.0 - float(off.min(initial=0)),
    }


# The library on the same questions.


def _library_gradient(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> Any:
    places = torch.cartesian_prod(*[torch.arange(len(f))] * (K + 1))
    positive, negatives = places[:, 0], places[:, 1:]
    logits, chances = torch.from_numpy(f).requires_grad_(), torch.from_numpy(q)
    ln_q = chances.log()
    log_q = {"log_q_pos": ln_q[positive], "log_q_neg": ln_q[negatives]} if corrected else {}
    loss = losses.info_nce(logits[positive], logits[negatives], temperature=1.0, reduction="none", **log_q)
    total = (torch.from_numpy(pd)[positive] * chances[negatives].prod(1)) @ loss
    return torch.autograd.grad(total, logits)[0]


def _library_sample(f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None) -> Any:
    if positive is not None and not 0 <= positive < len(f):
        raise ValueError(f"no class {positive}")
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    kept = np.arange(len(f)) if positive is None else np.delete(np.arange(len(f)), positive)
    ids, log_q = samplers.propose(f[kept], K, T, generator)
    return kept[ids.numpy()], log_q


EXERCISE = Exercise(
    "07",
    "let the model propose",
    (
        Question(
            "proposal(f, T)",
            proposal,
            None,
            "",
            _proposal_cases,
            mistakes.PROPOSAL,
            (
                "Turn the logits into positive weights, then into shares. What does T do to the differences "
                "between logits when it is small, and when it is large?",
                "Only differences between logits count. So you may take one number from all of them, before the "
                "exponential: which number makes sure that nothing overflows?",
                "Refuse a T that is not above 0. Shift, divide by T, take exponentials, divide by their sum: in "
                "this order.",
            ),
        ),
        Question(
            "expected_gradient(pd, f, q, K, corrected)",
            expected_gradient,
            _library_gradient,
            "nslab.info_nce",
            _gradient_cases,
            mistakes_gradient.GRADIENT,
            (
                "Forget the average at first. Fix a positive and K draws: K + 1 places, some of them perhaps with the "
                "same class. What is the gradient of this one loss with respect to the logits?",
                "Each place pushes its class by the softmax weight of the place among the K + 1, and the positive "
                "is pulled by 1. Which logits go into that softmax, and in how many places does the correction stand?",
                "`itertools.product` lists all positives with all sequences of draws. The chance of one is a product "
                "of K + 1 factors. Add chance times gradient, class by class, where repeated classes add up.",
            ),
        ),
        Question(
            "sample_negatives(f, T, K, rng, positive=None)",
            sample_negatives,
            _library_sample,
            "nslab.propose",
            _sample_cases,
            mistakes_sample.SAMPLE,
            (
                "`rng.choice` draws from given chances, with replacement. The rest is to know which chances they "
                "are, and to return their logarithms at the ids that came.",
                "With a positive, the others share all of the chance. Take the positive out before the softmax: "
                "afterwards its share may have swallowed everything.",
                "Keep a list of the classes that may come, take the softmax over their logits alone, draw places in "
                "that list, and look up ids and ln q there. Remember that 0 is a class, and None is not.",
            ),
            measure=_measure,
        ),
        Question(
            "resting_point(pd, T, corrected)",
            resting_point,
            None,
            "",
            _resting_cases,
            mistakes.RESTING,
            (
                "Walk: start with equal logits, and again and again renew q from them and take a step against "
                "your `expected_gradient` with K = 1. Where does softmax(f) stop?",
                "Or think: corrected, f − ln q stands in the softmax of the places, and the walk ends with f = ln p_d. "
                "Not corrected, f stands there alone: which f plays the same part?",
                "Not corrected, f must be ln p_d − ln q up to a constant, and ln q itself is f/T up to a constant. "
                "Solve for f, and make the result sum to 1.",
            ),
            rtol=1e-4,
            stretch=True,
        ),
    ),
)
