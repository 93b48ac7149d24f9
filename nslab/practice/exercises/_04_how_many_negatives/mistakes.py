"""Exercise 04: the mistakes that are known by name, the chance of a hit; and how outcomes look alike."""

from __future__ import annotations

import math

import numpy as np

from nslab.practice._exercise import Case, Mutant
from nslab.practice._run import Outcome


def chance(rho: float, K: float) -> float:
    return float(-np.expm1(K * np.log1p(-rho))) if K > 0 else 0.0


def _naive_chance(rho: float, K: int) -> float:
    return 1 - (1 - rho) ** K


def _bare_log1p(rho: float, K: int) -> float:
    return -math.expm1(K * math.log1p(-rho))


def number(outcome: Outcome) -> float:
    """The number that came back (the K of a measured answer), or NaN."""
    value = outcome.value["K"] if isinstance(outcome.value, dict) else outcome.value
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def close(case: Case, got: Outcome, own: Outcome) -> bool:
    return math.isclose(number(got), number(own), rel_tol=1e-6)


def _lost_digits(case: Case, got: Outcome, own: Outcome) -> bool:
    return math.isclose(number(got), number(own), rel_tol=1e-3)


def a_number(case: Case, got: Outcome, own: Outcome) -> bool:
    return not math.isnan(number(got))


def anything(case: Case, got: Outcome, own: Outcome) -> bool:
    return True


def accepted(case: Case, got: Outcome, own: Outcome) -> bool:
    """Where ValueError is due: a value, or an error of another kind."""
    return not isinstance(got.error, ValueError)


_LOST = (
    "For ρ = 1e-17, 1 − ρ is 1.0 in float64: the share is gone before the power is taken, and for 1e-10 most"
    " of its digits are. Python has a logarithm of 1 + x and an exponential minus 1 that keep them."
)
P_HIT = (
    Mutant("1 − ρ rounded", _naive_chance, _LOST, _lost_digits),
    Mutant(
        "ρ = 1",
        lambda rho, K: _bare_log1p(rho, K) if rho < 1 else math.nan,
        "With ρ = 1 every draw is hard: one draw is sure. The logarithm of 0 has no value, so this end needs"
        " a line of its own.",
        lambda case, got, own: case.args[0] == 1,
    ),
    Mutant(
        "no draw",
        lambda rho, K: chance(rho, K) if rho < 1 else 1.0,
        "K = 0 is no draw, and no draw never hits, even where everything is hard. Settle K = 0 before you"
        " settle ρ = 1.",
        lambda case, got, own: case.args[1] == 0,
    ),
    Mutant(
        "sum of the chances",
        lambda rho, K: K * rho,
        "K·ρ is the number of hard ones to expect, not the chance of at least one: draws that hit together"
        " are counted twice. It is a bound from above, and passes 1.",
    ),
    Mutant(
        "sum of the chances",
        lambda rho, K: min(1.0, K * rho),
        "K·ρ, cut at 1, is a bound from above (the union bound). It counts draws that hit together twice.",
    ),
    Mutant(
        "chance of a miss",
        lambda rho, K: 1 - chance(rho, K),
        "This is the chance that no draw is hard. Asked for is the other one.",
    ),
    Mutant(
        "exactly one",
        lambda rho, K: K * rho * (1 - rho) ** (K - 1) if K else 0.0,
        "This is the chance of exactly one hard negative among K. Two or more are a hit as well.",
    ),
    Mutant(
        "all of them",
        lambda rho, K: rho**K,
        "This is the chance that all K draws are hard. One is enough.",
    ),
    Mutant(
        "not all of them",
        lambda rho, K: 1 - rho**K,
        "You took the chance that not all K draws are hard: it is the chance of a miss, 1 − ρ, that is"
        " multiplied K times.",
    ),
    Mutant(
        "exponential for power",
        lambda rho, K: -math.expm1(-K * rho),
        "1 − e^(−Kρ) is what the chance comes near to for a small ρ. At ρ = 0.5 one draw hits with"
        " probability 0.5, not 0.39.",
    ),
    Mutant(
        "one draw too few",
        lambda rho, K: chance(rho, max(0, K - 1)),
        "One draw is missing: a single draw hits with probability ρ.",
    ),
    Mutant(
        "one draw too many",
        lambda rho, K: chance(rho, K + 1),
        "One draw too many: a single draw hits with probability ρ, none hits never.",
    ),
    *(
        Mutant(
            "sign", wrong, "A chance lies between 0 and 1, and yours leaves that range: look at the signs."
        )
        for wrong in (lambda rho, K: -chance(rho, K), lambda rho, K: -math.expm1(K * math.log1p(rho)))
    ),
    Mutant(
        "only the K-th draw",
        lambda rho, K: rho * (1 - rho) ** (K - 1) if K else 0.0,
        "This is the chance that the first hit comes at draw K. A hit at an earlier draw counts too.",
    ),
)
