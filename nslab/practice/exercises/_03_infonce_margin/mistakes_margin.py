"""Exercise 03: the mistakes that are known by name, of the threshold and the margin."""

from __future__ import annotations

import math

from nslab.practice._exercise import Case, Mutant
from nslab.practice._judgements import is_number, not_finite
from nslab.practice._run import Outcome


def _one_less(case: Case, got: Outcome, own: Outcome) -> bool:
    """The logarithm of 0 in whatever form, or the same number."""
    if math.isinf(own.value):
        return not_finite(case, got, own)
    return is_number(got) and math.isclose(float(got.value), own.value, rel_tol=1e-8, abs_tol=1e-10)


_BASE = (
    "The logarithm has the wrong base. The loss is in nats, so it is the natural one: "
    "for K = 255, τ = 0.07 and s⁻ = 0.1 the threshold is 0.4879."
)
THRESHOLD = (
    Mutant(
        "margin for threshold",
        lambda beta, tau, K: tau * math.log(K),
        "Raise every score by 0.3: the positive has to stand 0.3 higher, your answer does not move. You"
        " computed the lead over the negatives; the threshold is a place on the axis of scores.",
    ),
    Mutant("wrong base", lambda beta, tau, K: beta + tau * math.log10(K), _BASE),
    Mutant("wrong base", lambda beta, tau, K: beta + tau * math.log2(K), _BASE),
    Mutant(
        "τ forgotten",
        lambda beta, tau, K: beta + math.log(K),
        "A score plus a logarithm of a count: the units do not fit. Which factor turns nats into a score?",
    ),
    Mutant(
        "in units of τ",
        lambda beta, tau, K: beta / tau + math.log(K),
        "This is the threshold divided by τ, a logit. A score is asked for.",
    ),
    Mutant(
        "divided by τ",
        lambda beta, tau, K: beta + math.log(K) / tau,
        "The lower the temperature, the less lead is needed for the same odds: your threshold grows instead.",
    ),
    Mutant(
        "s⁻ times τ too",
        lambda beta, tau, K: tau * (beta + math.log(K)),
        "Raise every score by 0.3 and the threshold must rise by 0.3. s⁻ is a score already: it takes no"
        " factor.",
    ),
    Mutant(
        "s⁻ times ln K too",
        lambda beta, tau, K: (beta + tau) * math.log(K),
        "Raise every score by 0.3 and the threshold must rise by 0.3, whatever K. Only τ is multiplied by"
        " ln K.",
    ),
    Mutant(
        "below the negatives",
        lambda beta, tau, K: beta - tau * math.log(K),
        "Your threshold falls as K grows. Against more negatives the positive has to stand higher.",
    ),
    Mutant(
        "ln K forgotten",
        lambda beta, tau, K: beta + tau,
        "Your threshold does not depend on K. The negatives' weights add up: there are K of them.",
    ),
    Mutant(
        "level with the negatives",
        lambda beta, tau, K: beta,
        "At the negatives' own score the positive has 1/(K + 1) of the weight. Half of it needs a lead.",
    ),
    Mutant(
        "K for ln K",
        lambda beta, tau, K: beta + tau * K,
        "Solve for the exponent: the factor K becomes the summand ln K.",
    ),
    Mutant(
        "ln(K + 1)",
        lambda beta, tau, K: beta + tau * math.log1p(K),
        "The positive must weigh as much as the K negatives, not as all K + 1. With one negative it need not"
        " lead.",
    ),
    Mutant(
        "ln(K − 1)",
        lambda beta, tau, K: beta + tau * math.log(K - 1) if K > 1 else -math.inf,
        "K counts the negatives alone: none is to be taken away for the positive.",
        _one_less,
    ),
    Mutant(
        "τ inside the logarithm",
        lambda beta, tau, K: beta + math.log(tau * K),
        "The temperature has units and cannot stand inside a logarithm: it multiplies it.",
    ),
    Mutant(
        "s⁻ inside the logarithm",
        lambda beta, tau, K: tau * math.log(K * beta) if beta > 0 else math.nan,
        "s⁻ stands in an exponent, and the logarithm brings it down to s⁻/τ: it is a summand, and may be"
        " negative.",
        lambda case, got, own: (
            not_finite(case, got, own)
            if math.isnan(own.value)
            else is_number(got) and math.isclose(float(got.value), own.value, rel_tol=1e-8, abs_tol=1e-10)
        ),
    ),
    Mutant(
        "multiplied, not added",
        lambda beta, tau, K: beta * tau * math.log(K),
        "Raise every score by 0.3 and the threshold must rise by 0.3: s⁻ is a summand.",
    ),
    Mutant(
        "s⁻ with the wrong sign",
        lambda beta, tau, K: tau * math.log(K) - beta,
        "The higher the negatives, the higher the positive must stand. Yours goes down.",
    ),
    Mutant(
        "cut off at 1",
        lambda beta, tau, K: min(1.0, beta + tau * math.log(K)),
        "A cosine stops at 1, a threshold need not: above 1 it says that no cosine gets half of the weight.",
    ),
)


def _asks_for_beta(beta: float, tau: float, K: int) -> float:
    return beta + tau * math.log(K)


def _wants_beta(case: Case, got: Outcome, own: Outcome) -> bool:
    """The call fails for want of an argument, or of the name."""
    if isinstance(got.error, NameError):
        return "beta" in str(got.error)
    return isinstance(got.error, TypeError) and "missing" in str(got.error)


def _some_score_added(case: Case, got: Outcome, own: Outcome) -> bool:
    """τ ln K and a round score: a s⁻ that was typed in, not given."""
    tau, K = case.args
    if not is_number(got) or math.isinf(float(got.value)):
        return False
    beta = float(got.value) - tau * math.log(K)
    in_hundredths = abs(beta * 100 - round(beta * 100)) < 1e-7
    return in_hundredths and 0.005 < abs(beta) < 1.005 and not math.isclose(abs(beta), tau)


_IT_MOVES = (
    "Add 0.3 to every score: your margin moves and the loss does not. With s⁻ in it, it is a threshold, a"
    " place. The margin is a demand on the gap s⁺ − s⁻, and needs τ and K alone."
)
_BASE_OF_MARGIN = (
    "The logarithm has the wrong base. The loss is in nats, so it is the natural one: "
    "K = 255 and τ = 0.07 should give 0.3879."
)
MARGIN = (
    Mutant("threshold for margin", lambda tau, K: 0.1 + tau * math.log(K), _IT_MOVES, _some_score_added),
    Mutant("threshold for margin", _asks_for_beta, _IT_MOVES, _wants_beta),
    Mutant("wrong base", lambda tau, K: tau * math.log10(K), _BASE_OF_MARGIN),
    Mutant("wrong base", lambda tau, K: tau * math.log2(K), _BASE_OF_MARGIN),
    Mutant(
        "τ forgotten",
        lambda tau, K: math.log(K),
        "This is the lead in units of τ. A margin is a score: at a tenth of the temperature it is a tenth.",
    ),
    Mutant(
        "divided by τ",
        lambda tau, K: math.log(K) / tau,
        "The lower the temperature, the less lead is needed for the same odds: your margin grows instead.",
    ),
    Mutant(
        "K for ln K",
        lambda tau, K: tau * K,
        "Twice the negatives add τ ln 2 to the margin; they do not double it.",
    ),
    Mutant(
        "ln(K + 1)",
        lambda tau, K: tau * math.log1p(K),
        "The positive must weigh as much as the K negatives, not as all K + 1. With one negative the margin"
        " is 0.",
    ),
    Mutant(
        "ln(K − 1)",
        lambda tau, K: tau * math.log(K - 1) if K > 1 else -math.inf,
        "K counts the negatives alone: none is to be taken away for the positive.",
        _one_less,
    ),
    Mutant(
        "sign",
        lambda tau, K: -tau * math.log(K),
        "A lead is positive: against more negatives the positive has to stand higher, not lower.",
    ),
    Mutant(
        "τ and K exchanged",
        lambda tau, K: K * math.log(tau),
        "You took the logarithm of the temperature, which has units, and multiplied by the count.",
    ),
    Mutant(
        "τ inside the logarithm",
        lambda tau, K: math.log(tau * K),
        "The temperature has units and cannot stand inside a logarithm: it multiplies it.",
    ),
    Mutant(
        "the slope's width",
        lambda tau, K: 2 * tau * math.log(9),
        "This is how wide the bend is, from a pull of 90 % to one of 10 %. It does not depend on K; the"
        " margin says where the bend lies, and does.",
        lambda case, got, own: is_number(got) and math.isclose(float(got.value), own.value, rel_tol=1e-3),
    ),
    Mutant(
        "distance to a score of 1",
        lambda tau, K: 1 - tau * math.log(K),
        "The margin is counted from the negatives upwards, not down from 1: with one negative it is 0.",
    ),
    Mutant(
        "ln K forgotten",
        lambda tau, K: tau,
        "Your margin does not depend on K. The negatives' weights add up: there are K of them.",
    ),
)
