"""Exercise 08: the mistakes in `p_hard` that are known by name."""

from __future__ import annotations

import math

import numpy as np

from nslab.practice._exercise import Mutant
from nslab.practice._judgements import not_finite


def _through_logarithm(rho: float, n: int) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(-np.expm1(n * np.log1p(-np.float64(rho))))


P_HARD = (
    Mutant(
        "the opposite",
        lambda rho, n: (1 - rho) ** n,
        "That is the chance that no negative is hard. At least one is the opposite of none.",
    ),
    Mutant(
        "chances added up",
        lambda rho, n: n * rho,
        "You added up the chances of the draws. n ρ is how many hard ones to expect, and it passes 1: batches"
        " with two hard ones count twice in it.",
    ),
    Mutant(
        "chances added up to 1",
        lambda rho, n: min(1.0, n * rho),
        "Cutting n ρ off at 1 gives a bound, not the chance: two draws may both be hard, and that counts"
        " once.",
    ),
    Mutant(
        "all hard",
        lambda rho, n: rho**n,
        "ρ to the power n is the chance that every negative is hard. One is enough.",
    ),
    Mutant(
        "not all hard",
        lambda rho, n: 1 - rho**n,
        "That is the chance that not all are hard. What has to happen n times in a row is that a negative is"
        " easy.",
    ),
    Mutant(
        "exactly one",
        lambda rho, n: n * rho * (1 - rho) ** (n - 1) if n else 0.0,
        "That is the chance of exactly one hard negative. Two or more also help.",
    ),
    Mutant(
        "positive counted as a negative",
        lambda rho, n: 1 - (1 - rho) ** (n + 1),
        "n is the number of negatives already. You drew one more, as if the positive were its own negative.",
    ),
    Mutant(
        "one negative too few",
        lambda rho, n: 1 - (1 - rho) ** max(n - 1, 0),
        "n is the number of negatives already: nothing is to be taken off. In a batch of B, whoever calls"
        " passes n = B − 1.",
    ),
    Mutant(
        "e^(−nρ)",
        lambda rho, n: 1 - math.exp(-n * rho),
        "1 − e^(−nρ) is what remains when ρ is small and n large. The exact chance is as short.",
    ),
    Mutant(
        "ln 0",
        _through_logarithm,
        "At ρ = 1 the logarithm of 1 − ρ is −∞, and 0 times that is NaN. Everything is hard there: treat it"
        " on its own.",
        not_finite,
    ),
)
