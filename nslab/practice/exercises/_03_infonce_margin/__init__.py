"""Exercise 03: the margin hidden in InfoNCE."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal, localcontext

import numpy as np

from nslab import theory
from nslab.practice._exercise import Case, Exercise, Question
from nslab.practice.exercises._03_infonce_margin import (
    mistakes,
    mistakes_alpha,
    mistakes_effective,
    mistakes_margin,
)

# The specification: softmax weights in 120 decimal digits, no softplus, no regard for speed.


def infonce_equal(alpha: float, beta: float, tau: float, K: int) -> float:
    """−ln of the positive's share of the softmax weight."""
    with localcontext(prec=120):
        own, others = _weight(alpha, tau), K * _weight(beta, tau)
        return float(-(own / (own + others)).ln())


def score_threshold(beta: float, tau: float, K: int) -> float:
    """The score at which the positive weighs as much as K negatives together."""
    with localcontext(prec=120):
        return float(Decimal(tau) * (K * _weight(beta, tau)).ln())


def margin(tau: float, K: int) -> float:
    """The lead over negatives of score 0 at which the positive weighs as much as they do together."""
    return score_threshold(0.0, tau, K)


def alpha_for(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> float:
    """The score whose weight is to that of the negatives as p is to 1 − p."""
    if (p is None) == (loss is None):
        raise ValueError(f"give either p or loss, got p = {p} and loss = {loss}")
    if p is not None and not 0 < p < 1:
        raise ValueError(f"p must lie strictly between 0 and 1, got {p}")
    if loss is not None and not loss > 0:
        raise ValueError(f"loss must be above 0, got {loss}")
    with localcontext(prec=120):
        share = Decimal(p) if p is not None else (-Decimal(float(loss or 0))).exp()
        own = share / (1 - share) * K * _weight(beta, tau)
        return float(Decimal(tau) * own.ln())


def beta_eff(s: Sequence[float], tau: float) -> float:
    """The score of K equal negatives that weigh as much together as the given ones."""
    with localcontext(prec=120):
        mean = sum((_weight(score, tau) for score in s), Decimal(0)) / len(s)
        return float(Decimal(tau) * mean.ln())


def _weight(score: float, tau: float) -> Decimal:
    return (Decimal(float(score)) / Decimal(tau)).exp()


# The inputs.

_TINY = "the loss is tiny, and it is not 0"
_HUGE = "the negatives lie far above the positive: the exponential of their lead in units of τ overflows"
_FAR = "adding one number to every score must change nothing"
_COLD = "a score of 0.9 is 900 in units of τ"
_TAUS, _COUNTS = (0.02, 0.05, 0.07, 0.1, 0.2, 0.5), (2, 7, 10, 63, 255, 1000, 4096)


def _settings(seed: int, count: int) -> list[tuple[float, float, int]]:
    """s⁻, τ and K."""
    rng = np.random.default_rng(seed)
    return [
        (round(float(rng.uniform(-0.5, 0.8)), 2), float(rng.choice(_TAUS)), int(rng.choice(_COUNTS)))
        for _ in range(count)
    ]


def _loss_cases(seed: int) -> list[Case]:
    edges = [
        Case((0.5, 0.5, 0.1, 1), "one negative, level with the positive: a coin flip, ln 2"),
        Case(
            (0.1 + 0.07 * math.log(255), 0.1, 0.07, 255),
            "at the threshold half of the weight is the positive's",
        ),
        Case((0.3, 0.2, 0.5, 1)),
        Case((0.5, 0.1, 0.1, 100)),
        Case((0.5, 0.0, 0.1, 65536), "a lead of five temperatures, and still a large loss: K counts"),
        Case((0.5, 0.9, 0.1, 1000), "negatives above the positive"),
        Case((0.2, 0.1, 2.0, 3), "a high temperature: close to ln(K + 1)"),
        Case((1.0, -1.0, 0.05, 1), _TINY),
        Case((0.9, -0.9, 0.05, 100), _TINY),
        Case((1.0, 0.0, 0.02, 255), _TINY),
        Case((-1.0, 1.0, 0.001, 10), _HUGE),
        Case((-0.5, 1.0, 0.002, 255), _HUGE),
        Case((0.0, 0.9, 0.001, 1), _HUGE),
        Case((100.5, 100.1, 0.1, 100), _FAR),
        Case((-99.5, -99.9, 0.1, 100), _FAR),
        Case((0.9, 0.899, 0.001, 255), _COLD),
    ]
    x = np.random.default_rng([seed, 1]).uniform(-6, 10, 12)
    drawn = [
        Case((round(beta + tau * (math.log(K) - float(at)), 3), beta, tau, K))
        for at, (beta, tau, K) in zip(x, _settings(seed, 12), strict=True)
    ]
    return [Case(case.args, case.about, atol=0.0) for case in edges + drawn]


def _threshold_cases(seed: int) -> list[Case]:
    edges = [
        Case((0.1, 0.07, 1), "one negative: half of the weight needs no lead"),
        Case((0.1, 0.07, 255)),
        Case((0.4, 0.07, 255), "every score 0.3 higher, and so is the threshold"),
        Case((-4.9, 0.07, 255), "every score 5 lower, and so is the threshold"),
        Case((0.1, 0.07, 510), "twice the negatives: τ ln 2 higher"),
        Case((0.1, 0.01, 32767)),
        Case((0.0, 1.0, 2), "at s⁻ = 0 and τ = 1 only K is left"),
    ]
    return edges + [Case(at) for at in _settings(seed, 10)]


def _margin_cases(seed: int) -> list[Case]:
    edges = [
        Case((0.07, 1), "one negative: half of the weight needs no lead"),
        Case((0.07, 255)),
        Case((0.07, 510), "twice the negatives: τ ln 2 more"),
        Case((0.07, 32767)),
        Case((0.01, 32767)),
        Case((1.0, 2), "at τ = 1 only K is left"),
    ]
    return edges + [Case((tau, K)) for _, tau, K in _settings(seed, 10)]


def _alpha_cases(seed: int) -> list[Case]:
    at = (0.1, 0.07, 255)
    edges = [
        Case((0.5, None, *at), "half of the weight: that is the threshold"),
        Case((None, math.log(2), *at), "a loss of ln 2: that is the threshold"),
        Case((0.9, None, *at), "with p = 0.1 the two ends of the slope"),
        Case((0.1, None, *at), "with p = 0.9 the two ends of the slope"),
        Case((0.9, None, 0.4, 0.07, 255), "every score 0.3 higher, and so is this one"),
        Case((0.9999, None, *at)),
        Case((0.2, None, 0.0, 1.0, 1), "below the single negative"),
        Case((None, 0.1, *at)),
        Case((None, 0.001, *at)),
        Case((None, 4.248354255291589e-18, -1.0, 0.05, 1), "a tiny loss is a loss: the score is 1"),
        Case((None, 1e-12, *at), "a tiny loss is a loss"),
        Case((None, 1000.0, 1.0, 0.001, 10), "exp(1000) overflows, and exp(−1000) is 0 in float64"),
        Case((None, 800.0, 0.5, 0.002, 255), "exp(800) overflows, and exp(−800) is 0 in float64"),
        Case((0.0, None, *at), "a softmax weight is never 0"),
        Case((1.0, None, *at), "a softmax weight is never 1"),
        Case((1.2, None, *at), "a probability above 1"),
        Case((None, 0.0, *at), "the loss is never 0"),
        Case((None, -0.1, *at), "the loss is never negative"),
        Case((None, None, *at), "neither is given"),
        Case((0.5, 0.3, *at), "both are given, and they contradict each other"),
        Case((0.5, 0.0, *at), "both are given: a 0 is not None"),
        Case((1e-15, None, *at), "far below the negatives, and still a score"),
        Case((1 - 2**-45, None, *at), "p is near 1, and 1 − p is still known to all digits"),
        Case((1e-15, None, 0.0, 20.0, 255), "scores need not lie between −1 and 1"),
    ]
    rng = np.random.default_rng([seed, 2])
    drawn = _settings(seed, 14)
    shares = [Case((round(float(rng.uniform(0.02, 0.98)), 3), None, *at)) for at in drawn[::2]]
    losses = [Case((None, round(math.exp(rng.uniform(-3, 2)), 3), *at)) for at in drawn[1::2]]
    return edges + [case for pair in zip(shares, losses, strict=True) for case in pair]


def _effective_cases(seed: int) -> list[Case]:
    five = np.array([0.9, 0.5, 0.3, 0.0, -0.4])
    edges = [
        Case((np.array([0.3]), 0.1), "a single negative stands for itself"),
        Case((np.array([0.3, 0.3, 0.3]), 0.07), "equal negatives stand for themselves"),
        Case((np.array([1.0, 0.0]), 0.5)),
        Case((five, 0.1)),
        Case((five, 0.02), "a low τ: close to the hardest"),
        Case((five, 20.0), "a high τ: close to the mean"),
        Case((five + 0.3, 0.1), "every score 0.3 higher, and so is s_eff"),
        Case((five, 0.001), "exp(900) overflows"),
        Case((five + 100, 0.05), "exp(2000) overflows"),
        Case((five - 100, 0.05), "exp(−2000) is 0 in float64"),
    ]
    rng = np.random.default_rng([seed, 3])
    sizes = (3, 6, 8, 20, 20, 50)
    return edges + [Case((rng.normal(0.1, 0.25, K).round(3), float(rng.choice(_TAUS[2:])))) for K in sizes]


EXERCISE = Exercise(
    "03",
    "the margin hidden in InfoNCE",
    (
        Question(
            "infonce_equal(alpha, beta, tau, K)",
            infonce_equal,
            theory.equal_negatives_loss,
            "nslab.theory.equal_negatives_loss",
            _loss_cases,
            mistakes.LOSS,
            (
                (
                    "Write down the positive's softmax weight and divide numerator and denominator by the"
                    " numerator. What is left of s⁺ and s⁻?"
                ),
                (
                    "K equal terms are one term times K. Inside an exponential a factor becomes a summand, so"
                    " the loss is a function of one number x. Which sign has x when the positive stands far"
                    " above all negatives?"
                ),
                (
                    "Far below x = 0 the exponential is lost beside the 1: look for the function that takes"
                    " ln(1 + y) of a tiny y. Far above x = 0 it overflows: take x out of the logarithm, and"
                    " what is left is of the first kind."
                ),
            ),
        ),
        Question(
            "score_threshold(beta, tau, K)",
            score_threshold,
            lambda beta, tau, K: theory.effective_margin(K, tau, beta),
            "nslab.theory.effective_margin",
            _threshold_cases,
            mistakes_margin.THRESHOLD,
            (
                (
                    "When the positive has half of the weight, how does its exponential compare with the sum"
                    " of the others?"
                ),
                "One exponential on the left, K equal ones on the right. Take logarithms on both sides.",
                (
                    "Solve for s⁺. Check the units: the answer is a score, s⁻ is a score, τ is a score, K is"
                    " a count. Then put it into your `infonce_equal`: ln 2 must come out."
                ),
            ),
        ),
        Question(
            "margin(tau, K)",
            margin,
            lambda tau, K: theory.effective_margin(K, tau),
            "nslab.theory.effective_margin",
            _margin_cases,
            mistakes_margin.MARGIN,
            (
                (
                    "The margin is a lead: by how much must the positive stand above the negatives? The"
                    " threshold is a place."
                ),
                "Move all negatives up by 0.3. The threshold moves with them. What does the lead do?",
                "Take the negatives' score away from your threshold, and look at what remains.",
            ),
        ),
        Question(
            "alpha_for(p, loss, beta, tau, K)",
            alpha_for,
            None,
            "",
            _alpha_cases,
            mistakes_alpha.ALPHA,
            (
                (
                    "You know the score for p = 1/2. More weight needs a higher score, less a lower one: how"
                    " far from there, in units of τ?"
                ),
                (
                    "The weight and x determine each other: write p as a function of x and solve for x. The"
                    " loss is a function of p, so a wanted loss is a wanted p."
                ),
                (
                    "Do not go through p where the loss is tiny or huge: 1 − p or p itself is lost. Solve for"
                    " x from the loss, with expm1 of a negative number, and add what is left outside. Refuse"
                    " first what no score reaches."
                ),
            ),
        ),
        Question(
            "beta_eff(s, tau)",
            beta_eff,
            None,
            "",
            _effective_cases,
            mistakes_effective.EFFECTIVE,
            (
                (
                    "The loss knows the negatives only through the sum of their exponentials. Which K equal"
                    " scores have the same sum?"
                ),
                "Set K times one exponential equal to the sum of K different ones and solve for its score.",
                (
                    "It is a mean taken after the exponential and undone by the logarithm. Before the"
                    " exponential, take the largest score from all, and add it back at the end."
                ),
            ),
            stretch=True,
        ),
    ),
)
