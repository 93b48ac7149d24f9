"""Exercise 03: the mistakes that are known by name, of the way back from a loss to a score."""

from __future__ import annotations

import math

import numpy as np

from nslab.practice._exercise import Case, Mutant
from nslab.practice._judgements import is_number, not_finite, wherever
from nslab.practice._run import Outcome
from nslab.practice.exercises._03_infonce_margin.mistakes_refused import (
    REFUSALS,
    Solved,
    logit,
    right,
    solved,
)


def _wrong_side(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> float:
    return beta + tau * (math.log(K) - logit(p, loss))


def _no_tau(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> float:
    return beta + tau * math.log(K) + logit(p, loss)


def _no_tau_at_all(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> float:
    return beta + math.log(K) + logit(p, loss)


def _line(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> float:
    return beta + tau * (math.log(K) + (math.log(p) if p is not None else -(loss or 0.0)))


def _one_minus_loss(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> float:
    share = np.float64(p if p is not None else 1 - (loss or 0.0))
    return beta + tau * (math.log(K) + np.log(share / (1 - share)))


def _half_power(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> float:
    return right(p, None if loss is None else loss * math.log(2), beta, tau, K)


def _odds(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> float:
    return beta + tau * (math.log(K) + float(np.exp(np.float64(logit(p, loss)))))


def _plain_exp_of_loss(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> float:
    if loss is None or loss > 700:
        return right(p, loss, beta, tau, K)
    return beta + tau * (math.log(K) - np.log(np.exp(np.float64(loss)) - 1))


def _huge_exp_of_loss(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> float:
    if loss is None:
        return right(p, loss, beta, tau, K)
    return beta + tau * (math.log(K) - np.log(np.expm1(np.float64(loss))))


def _only_p(wrong: Solved) -> Solved:
    return lambda p, loss, beta, tau, K: (right if p is None else wrong)(p, loss, beta, tau, K)


def _only_loss(wrong: Solved) -> Solved:
    return lambda p, loss, beta, tau, K: (right if loss is None else wrong)(p, loss, beta, tau, K)


def _everywhere(name: str, wrong: Solved, diagnosis: str) -> tuple[Mutant, ...]:
    """The mistake for p and for the loss, for p alone, for the loss alone."""
    ways = (wrong, _only_p(wrong), _only_loss(wrong))
    return tuple(Mutant(name, solved(way), diagnosis) for way in ways)


def _near(case: Case, got: Outcome, own: Outcome) -> bool:
    """Lost beside 1, or wrong in the first digits of what was left of it."""
    return not_finite(case, got, own) or (is_number(got) and abs(float(got.value) - own.value) < 1e-4)


def _bases(base: int) -> tuple[Solved, Solved, Solved]:
    """The logarithm of K, of the odds, of both to another base."""

    def of_k(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> float:
        return beta + tau * (math.log(K, base) + logit(p, loss))

    def of_odds(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> float:
        return beta + tau * (math.log(K) + logit(p, loss) / math.log(base))

    def of_both(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> float:
        return beta + tau * (math.log(K) + logit(p, loss)) / math.log(base)

    return of_k, of_odds, of_both


def _sigmoid(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> float:
    share = p if p is not None else math.exp(-(loss or 0.0))
    return beta + tau * (math.log(K) + 1 / (1 + math.exp(-share)))


def _log_of_loss(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> float:
    return right(p, None, beta, tau, K) if loss is None else beta + tau * (math.log(K) - math.log(loss))


def _in_float64(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> float:
    if loss is None:
        return right(p, loss, beta, tau, K)
    return beta + tau * (math.log(K) - np.log(np.exp(np.float64(loss)) - 1))


_BASE = "Every logarithm here undoes an exponential, so it is the natural one: the loss is in nats."
ALPHA = (
    *_everywhere(
        "wrong side",
        _wrong_side,
        "A positive with nine tenths of the weight stands above the threshold, one with a tenth below. Yours"
        " are exchanged: p is the positive's share, 1 − p the pull that is left.",
    ),
    *_everywhere(
        "the line inverted",
        _line,
        "You solved the straight line for s⁺, as if the positive were not in the denominator. At p = 1/2 the"
        " loss is ln 2, while the line is 0: solve the softplus.",
    ),
    *_everywhere(
        "τ forgotten",
        _no_tau,
        "How far s⁺ lies from the threshold is counted in units of τ: at a tenth of the temperature it is a"
        " tenth. One of your terms has no τ.",
    ),
    Mutant(
        "τ forgotten",
        solved(_no_tau_at_all),
        "Neither ln K nor the odds are scores: how far s⁺ lies from s⁻ is counted in units of τ.",
    ),
    Mutant(
        "the threshold, whatever is asked",
        solved(lambda p, loss, beta, tau, K: beta + tau * math.log(K)),
        "You returned the threshold, where p = 1/2 and the loss is ln 2, far from negligible. A smaller loss"
        " needs a higher score.",
    ),
    Mutant(
        "ln K forgotten",
        solved(lambda p, loss, beta, tau, K: right(p, loss, beta, tau, 1)),
        "This is the score against a single negative. K of them weigh K times as much: start from the"
        " threshold.",
    ),
    *_everywhere(
        "sign of ln K",
        lambda p, loss, beta, tau, K: right(p, loss, beta, tau, K) - 2 * tau * math.log(K),
        "More negatives weigh more, so the positive must stand higher the larger K is. Yours stands lower.",
    ),
    Mutant(
        "lead for score",
        solved(lambda p, loss, beta, tau, K: right(p, loss, 0.0, tau, K)),
        "You returned the lead over the negatives. Their score s⁻ is to be added: raise every score by 0.3,"
        " and this one rises too.",
    ),
    *(Mutant("wrong base", solved(wrong), _BASE) for wrong in _bases(2) + _bases(10)),
    Mutant(
        "p is not 1 − loss",
        solved(_one_minus_loss),
        "You took 1 − loss for p. The loss is −ln p: the two are close only for a tiny loss, and a loss may"
        " exceed 1.",
        lambda case, got, own: (
            not_finite(case, got, own)
            if not math.isfinite(own.value)
            else is_number(got) and math.isclose(float(got.value), own.value, rel_tol=1e-8)
        ),
    ),
    Mutant(
        "loss in bits",
        solved(_half_power),
        "You took p for 2 to the power −loss. The loss is in nats: p is e to that power.",
    ),
    Mutant(
        "odds without a logarithm",
        solved(_odds),
        "The odds p/(1 − p) are a ratio of exponentials. The score is in the exponent: take their logarithm.",
    ),
    Mutant(
        "a sigmoid for its inverse",
        solved(_sigmoid),
        "The sigmoid turns a score into a probability. You go the other way, from a probability to a score.",
    ),
    Mutant(
        "the loss for e^loss − 1",
        solved(_log_of_loss),
        "The negatives weigh e^loss − 1 times the positive. That is close to the loss itself only where it is"
        " tiny.",
    ),
    Mutant(
        "both ends lost",
        solved(_in_float64),
        "e^loss − 1 is 0 in float64 for a tiny loss and infinite for a huge one, and with p = e^−loss it is 1"
        " − p and p that are lost. The first end needs a function made for a tiny exponent, the second x near"
        " the loss itself.",
        wherever,
    ),
    Mutant(
        "tiny loss lost",
        solved(_plain_exp_of_loss),
        "A loss of 4.248e-18 has a score, and yours is lost: exp of it is 1 in float64, and 1 minus 1 is 0."
        " Look for the function that gives e^y − 1 for a tiny y.",
        _near,
    ),
    Mutant(
        "exp overflows",
        solved(_huge_exp_of_loss),
        "At a loss of 1000, e^loss is infinite and e^−loss is 0 in float64. There x and the loss are almost"
        " the same: write x as the loss plus something small.",
        not_finite,
    ),
    *REFUSALS,
)
