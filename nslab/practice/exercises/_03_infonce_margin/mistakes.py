"""Exercise 03: the mistakes that are known by name, of the loss."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from nslab.practice._exercise import Case, Mutant
from nslab.practice._judgements import is_number, not_finite
from nslab.practice._run import Outcome


def _x(alpha: float, beta: float, tau: float, K: int) -> float:
    return (beta - alpha) / tau + math.log(K)


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _loss(alpha: float, beta: float, tau: float, K: int) -> float:
    return _softplus(_x(alpha, beta, tau, K))


def _plain_log(alpha: float, beta: float, tau: float, K: int) -> float:
    x = _x(alpha, beta, tau, K)
    return x if x > 700 else math.log(1 + math.exp(x))


def _plain_exp(alpha: float, beta: float, tau: float, K: int) -> float:
    return float(np.log1p(K * np.exp((beta - alpha) / tau)))


def _raw_softmax(alpha: float, beta: float, tau: float, K: int) -> float:
    return float(np.log1p(K * np.exp(beta / tau) / np.exp(alpha / tau)))


def _beside_one(case: Case, got: Outcome, own: Outcome) -> bool:
    """Right up to the rounding of a number near 1, however that was done."""
    return is_number(got) and abs(float(got.value) - own.value) < 1e-14


def _epsilon(small: float) -> Callable[..., float]:
    return lambda alpha, beta, tau, K: -math.log(math.exp(-_loss(alpha, beta, tau, K)) + small)


def _drowned(case: Case, got: Outcome, own: Outcome) -> bool:
    return is_number(got) and abs(float(got.value) - own.value) < (15 if own.value > 9 else 1e-4)


_OVERFLOW = (
    "An exponential left the range of float64: above 709 it is infinite, far below 0 it is 0. Only gaps"
    " matter: put the negatives' lead and ln K into one number x first. If x is large, the loss is x and a"
    " little more."
)
_EPSILON = (
    "A small number added inside the logarithm hides an infinity and falsifies both ends: tiny losses drown"
    " in it, large ones stop growing. Work with x, and no logarithm of 0 occurs."
)
_POSITIVE_MISSING = (
    "This is x, the straight line, and it falls below 0 past the threshold. No loss does: the positive itself"
    " is one of the K + 1 terms in the denominator, and that is what bends the line."
)
LOSS = (
    Mutant(
        "rounded to 0",
        _plain_log,
        "The tiny losses are gone: with a lead of 2 and τ = 0.05 the loss is 4.248e-18, not 0. 1 + 4e-18 is 1"
        " in float64, so its logarithm is 0. Use log1p, which takes the 4e-18 itself.",
        _beside_one,
    ),
    Mutant("exp overflows", _plain_exp, _OVERFLOW, not_finite),
    Mutant("exp overflows", _raw_softmax, _OVERFLOW, not_finite),
    Mutant("the line, not the loss", _x, _POSITIVE_MISSING),
    Mutant(
        "a hinge",
        lambda alpha, beta, tau, K: max(0.0, _x(alpha, beta, tau, K)),
        "You cut the line off at 0, as a triplet loss does. InfoNCE has no corner: at the threshold it is ln"
        " 2, and past it the loss fades without ever being 0.",
    ),
    Mutant(
        "K forgotten",
        lambda alpha, beta, tau, K: _loss(alpha, beta, tau, 1),
        "Your loss is the same for one negative and for thousands. The denominator holds K equal terms: their"
        " sum, not one of them and not their mean.",
    ),
    Mutant(
        "K − 1 negatives",
        lambda alpha, beta, tau, K: _loss(alpha, beta, tau, K - 1) if K > 1 else 0.0,
        "One negative is missing. K counts the negatives alone; the positive is the term besides.",
    ),
    Mutant(
        "K + 1 negatives",
        lambda alpha, beta, tau, K: _loss(alpha, beta, tau, K + 1),
        "There is one negative too many. The denominator has K + 1 terms: one positive, K negatives.",
    ),
    Mutant(
        "ln K divided by τ",
        lambda alpha, beta, tau, K: _softplus((beta - alpha + math.log(K)) / tau),
        "A count has no units: a score is divided by τ, ln K is not.",
    ),
    Mutant(
        "ln K left alone",
        lambda alpha, beta, tau, K: _softplus((beta - alpha) / tau) + math.log(K),
        "You added ln K to the loss of one negative. The factor K stands inside the logarithm, on the"
        " negatives' term alone: at a low loss it hardly counts.",
    ),
    Mutant(
        "K losses added",
        lambda alpha, beta, tau, K: K * _softplus((beta - alpha) / tau),
        "You added K losses of one negative each. InfoNCE asks one question with K + 1 answers: one logarithm"
        " around the sum.",
    ),
    Mutant(
        "s⁺ and s⁻ exchanged",
        lambda alpha, beta, tau, K: _softplus((alpha - beta) / tau + math.log(K)),
        "Your loss grows with the positive's score. s⁺ is the positive, s⁻ the negatives: a lead of s⁺ must"
        " lower it.",
    ),
    Mutant(
        "temperature ignored",
        lambda alpha, beta, tau, K: _loss(alpha, beta, 1.0, K),
        "Your answer does not depend on τ: the softmax is taken of scores divided by τ.",
    ),
    Mutant(
        "multiplied by τ",
        lambda alpha, beta, tau, K: _loss(alpha, beta, 1 / tau, K),
        "Divide the scores by τ: a small τ makes a gap count for more, yours makes it count for less.",
    ),
    Mutant(
        "in units of a score",
        lambda alpha, beta, tau, K: tau * _loss(alpha, beta, tau, K),
        "This is τ times the loss, a score. The loss is in nats: −ln of a probability, nothing before it.",
    ),
    Mutant(
        "in bits",
        lambda alpha, beta, tau, K: _loss(alpha, beta, tau, K) / math.log(2),
        "Your loss is in bits: a coin flip should cost ln 2 = 0.6931 nats, yours costs 1.",
    ),
    Mutant(
        "base 10",
        lambda alpha, beta, tau, K: _loss(alpha, beta, tau, K) / math.log(10),
        "You took a logarithm to base 10. The loss is in nats: a coin flip costs ln 2 = 0.6931.",
    ),
    Mutant(
        "wrong base for K",
        lambda alpha, beta, tau, K: _softplus((beta - alpha) / tau + math.log2(K)),
        "K moves into the exponent as ln K: e to the power ln K is K, e to the power log₂ K is not.",
    ),
    Mutant(
        "wrong base for K",
        lambda alpha, beta, tau, K: _softplus((beta - alpha) / tau + math.log10(K)),
        "K moves into the exponent as ln K: e to the power ln K is K, e to the power log₁₀ K is not.",
    ),
    Mutant(
        "sign",
        lambda alpha, beta, tau, K: -_loss(alpha, beta, tau, K),
        "This is ln p, which is never positive. The loss is −ln p.",
    ),
    Mutant(
        "a probability",
        lambda alpha, beta, tau, K: math.exp(-_loss(alpha, beta, tau, K)),
        "This is the positive's probability. The loss is its negative logarithm.",
    ),
    Mutant(
        "a probability",
        lambda alpha, beta, tau, K: -math.expm1(-_loss(alpha, beta, tau, K)),
        "This is the weight of the negatives, 1 minus the positive's. The loss is the negative logarithm of"
        " the positive's weight; the two agree only where both are tiny.",
    ),
    Mutant(
        "not divided by τ",
        lambda alpha, beta, tau, K: _softplus(beta + tau * math.log(K) - alpha),
        "Your x is a score; a softmax is taken of scores divided by τ. One division is missing.",
    ),
    Mutant(
        "τ ln K not divided",
        lambda alpha, beta, tau, K: _softplus((beta - alpha) / tau + tau * math.log(K)),
        "The gap is divided by τ, and ln K multiplied by it: only one of the two can be in the units of x.",
    ),
    Mutant(
        "K for ln K",
        lambda alpha, beta, tau, K: _softplus((beta - alpha) / tau + K),
        "K is a factor in front of the exponential. Moved inside, a factor becomes its logarithm.",
    ),
    Mutant(
        "sign of ln K",
        lambda alpha, beta, tau, K: _softplus((beta - alpha) / tau - math.log(K)),
        "More negatives make the loss larger; yours falls with K. In the ratio of the negatives' weight to"
        " the positive's, K is a factor.",
    ),
    Mutant(
        "divided by K",
        lambda alpha, beta, tau, K: _loss(alpha, beta, tau, K) / K,
        "You divided the loss by K. There is one question per positive, however many negatives: nothing to"
        " average.",
    ),
    Mutant(
        "the wrong answer's loss",
        lambda alpha, beta, tau, K: _softplus(-_x(alpha, beta, tau, K)),
        "This is −ln(1 − p): it is large where the positive wins. The loss is −ln p; the sign of x is"
        " reversed.",
    ),
    Mutant(
        "a clipped exponential",
        lambda alpha, beta, tau, K: (
            min(_x(alpha, beta, tau, K), 700.0)
            if _x(alpha, beta, tau, K) > 700
            else _loss(alpha, beta, tau, K)
        ),
        "You kept the exponential from overflowing by a limit, and the loss stops there, its gradient with"
        " it. Take the large x out of the logarithm instead.",
        lambda case, got, own: is_number(got) and 10 < float(got.value) < own.value + 20,
    ),
    *(
        Mutant("a small number in the logarithm", wrong, _EPSILON, _drowned)
        for wrong in map(_epsilon, (1e-12, 1e-8))
    ),
)
