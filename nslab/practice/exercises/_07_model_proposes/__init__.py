"""Exercise 07: let the model propose."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from nslab import losses, samplers
from nslab.practice._exercise import Exercise, Question
from nslab.practice.exercises._07_model_proposes import (
    cases,
    measure,
    mistakes,
    mistakes_gradient,
    mistakes_sample,
)

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
    """Every positive with every sequence of K draws: softmax weights of the K + 1 places, times the
    chance.
    """
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
    ids, log_q = measure.log_chances(f, T, positive)
    drawn = rng.choice(len(ids), size=K, p=np.exp(log_q))
    return ids[drawn], log_q[drawn]


def resting_point(pd: Sequence[float], T: float, corrected: bool) -> np.ndarray:
    """Corrected: pd. Raw: e^f is proportional to pd / q and q to e^(f/T), so that p is to pd^(T/(1+T))."""
    power = 1.0 if corrected else T / (1 + T)
    weights = [x**power for x in pd]
    return np.array([w / sum(weights) for w in weights])


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
            cases.proposal_cases,
            mistakes.PROPOSAL,
            (
                (
                    "Turn the logits into positive weights, then into shares. What does T do to the"
                    " differences between logits when it is small, and when it is large?"
                ),
                (
                    "Only differences between logits count. So you may take one number from all of them,"
                    " before the exponential: which number makes sure that nothing overflows?"
                ),
                (
                    "Refuse a T that is not above 0. Shift, divide by T, take exponentials, divide by their"
                    " sum: in this order."
                ),
            ),
        ),
        Question(
            "expected_gradient(pd, f, q, K, corrected)",
            expected_gradient,
            _library_gradient,
            "nslab.info_nce",
            cases.gradient_cases,
            mistakes_gradient.GRADIENT,
            (
                (
                    "Forget the average at first. Fix a positive and K draws: K + 1 places, some of them"
                    " perhaps with the same class. What is the gradient of this one loss with respect to the"
                    " logits?"
                ),
                (
                    "Each place pushes its class by the softmax weight of the place among the K + 1, and the"
                    " positive is pulled by 1. Which logits go into that softmax, and in how many places does"
                    " the correction stand?"
                ),
                (
                    "`itertools.product` lists all positives with all sequences of draws. The chance of one"
                    " is a product of K + 1 factors. Add chance times gradient, class by class, where"
                    " repeated classes add up."
                ),
            ),
        ),
        Question(
            "sample_negatives(f, T, K, rng, positive=None)",
            sample_negatives,
            _library_sample,
            "nslab.propose",
            cases.sample_cases,
            mistakes_sample.SAMPLE,
            (
                (
                    "`rng.choice` draws from given chances, with replacement. The rest is to know which"
                    " chances they are, and to return their logarithms at the ids that came."
                ),
                (
                    "With a positive, the others share all of the chance. Take the positive out before the"
                    " softmax: afterwards its share may have swallowed everything."
                ),
                (
                    "Keep a list of the classes that may come, take the softmax over their logits alone, draw"
                    " places in that list, and look up ids and ln q there. Remember that 0 is a class, and"
                    " None is not."
                ),
            ),
            measure=measure.measure,
        ),
        Question(
            "resting_point(pd, T, corrected)",
            resting_point,
            None,
            "",
            cases.resting_cases,
            mistakes.RESTING,
            (
                (
                    "Walk: start with equal logits, and again and again renew q from them and take a step"
                    " against your `expected_gradient` with K = 1. Where does softmax(f) stop?"
                ),
                (
                    "Or think: corrected, f − ln q stands in the softmax of the places, and the walk ends"
                    " with f = ln p_d. Not corrected, f stands there alone: which f plays the same part?"
                ),
                (
                    "Not corrected, f must be ln p_d − ln q up to a constant, and ln q itself is f/T up to a"
                    " constant. Solve for f, and make the result sum to 1."
                ),
            ),
            rtol=1e-4,
            stretch=True,
        ),
    ),
)
