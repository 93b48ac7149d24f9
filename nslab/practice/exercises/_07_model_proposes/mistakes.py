"""Exercise 07: the mistakes in `proposal` and `resting_point` that are known by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nslab.practice._exercise import Case, Mutant
from nslab.practice._judgements import as_array
from nslab.practice._run import Outcome


def not_finite(case: Case, got: Outcome, own: Outcome) -> bool:
    """NaN or infinity somewhere; an exception where the math module or numpy's `choice` meets one."""
    if got.error is not None:
        return isinstance(got.error, OverflowError | ZeroDivisionError | ValueError)
    value = as_array(got.value)
    return value is not None and not np.isfinite(value).all()


def _unrefused(case: Case, got: Outcome, own: Outcome) -> bool:
    return got.error is None or isinstance(got.error, ZeroDivisionError)


# proposal


def above_zero(T: float) -> None:
    if not T > 0:
        raise ValueError("T must be > 0")


def softmax(f: np.ndarray, T: float = 1.0) -> np.ndarray:
    weights = np.exp((f - f.max()) / T)
    return weights / weights.sum()


def _refusing(wrong: Callable[[np.ndarray, float], np.ndarray]) -> Callable[[np.ndarray, float], np.ndarray]:
    def refused(f: np.ndarray, T: float) -> np.ndarray:
        above_zero(T)
        return wrong(f, T)

    return refused


OVERFLOW = (
    "exp left the range of float64: above 709 it is infinite, far below 0 all weights are 0, and their ratio"
    " is NaN. A softmax does not change when one number is taken from all logits: make the largest 0 first."
)
_SUM = "Your chances do not sum to 1: divide by their sum."
PROPOSAL = (
    Mutant(
        "exp overflows",
        _refusing(lambda f, T: np.exp(f / T) / np.exp(f / T).sum()),
        OVERFLOW,
        not_finite,
    ),
    Mutant(
        "temperature ignored",
        _refusing(lambda f, T: softmax(f)),
        "Your q does not depend on T, or T cancels when you divide by the sum: it must divide the logits,"
        " inside the exponential.",
    ),
    Mutant(
        "multiplied by T",
        _refusing(lambda f, T: softmax(f, 1 / T)),
        "A large T must flatten q, yours gets sharper: divide the logits by T.",
    ),
    Mutant(
        "least likely first",
        _refusing(lambda f, T: softmax(-f, T)),
        "Your q prefers the classes with the lowest logits. The model proposes what it takes for likely: the"
        " sign of the exponent is reversed.",
    ),
    Mutant("not normalised", _refusing(lambda f, T: np.exp((f - f.max()) / T)), _SUM),
    Mutant("not normalised", _refusing(lambda f, T: np.exp(f / T)), _SUM),
    Mutant(
        "logarithms returned",
        _refusing(lambda f, T: (f - f.max()) / T - np.log(np.exp((f - f.max()) / T).sum())),
        "These are ln q. Chances are asked for: numbers from 0 to 1.",
    ),
    Mutant(
        "top class only",
        _refusing(lambda f, T: (f == f.max()) / (f == f.max()).sum()),
        "You give everything to the top class at every T. That is the limit T → 0 only.",
    ),
    Mutant(
        "divided by T twice",
        _refusing(lambda f, T: softmax(f, T * T)),
        "The logits are divided by T twice. Once is asked for.",
    ),
    Mutant(
        "shares of the logits",
        _refusing(lambda f, T: f / T / (f / T).sum()),
        "You divided the logits by their sum. A logit can be negative and a chance cannot: the exponentials"
        " are what is divided by its sum.",
    ),
    Mutant(
        "power of the logits",
        _refusing(lambda f, T: f ** (1 / T) / (f ** (1 / T)).sum()),
        "You raised the logits to a power, as one does with frequencies. A logit is a logarithm already:"
        " divide it by T, then take the exponential.",
    ),
    Mutant(
        "T not refused",
        lambda f, T: np.exp((f - f.max()) / T) / np.exp((f - f.max()) / T).sum(),
        "At T = 0 you would divide by 0, and below 0 the order of the classes turns round: raise ValueError"
        " before you compute anything.",
        _unrefused,
    ),
)

# resting_point


def _power(power: Callable[[float], float]) -> Callable[[np.ndarray, float, bool], np.ndarray]:
    def wrong(pd: np.ndarray, T: float, corrected: bool) -> np.ndarray:
        weights = pd if corrected else pd ** power(T)
        return weights / weights.sum()

    return wrong


def _one_step(pd: np.ndarray, T: float, corrected: bool) -> np.ndarray:
    weights = pd if corrected else pd / softmax(np.log(pd), T)
    return weights / weights.sum()


RESTING = (
    Mutant(
        "always p_d",
        lambda pd, T, corrected: pd.copy(),
        "Without the correction training does not end at the data: what is drawn often is pushed often, and"
        " ends too low.",
    ),
    Mutant(
        "never p_d",
        lambda pd, T, corrected: _power(lambda T: T / (1 + T))(pd, T, False),
        "With the correction every T ends at the data: ln q takes back what the draws gave.",
    ),
    Mutant(
        "flag reversed",
        lambda pd, T, corrected: _power(lambda T: T / (1 + T))(pd, T, not corrected),
        "Your two answers are each other's: it is the corrected training that ends at the data.",
    ),
    Mutant(
        "√p_d for every T",
        _power(lambda T: 0.5),
        "The square root is the answer at T = 1 only. The flatter the proposal, the closer the end is to the"
        " data.",
    ),
    Mutant(
        "power turned round",
        _power(lambda T: 1 / (1 + T)),
        "Your answer gets flatter as T grows. It should be the reverse: draws that are nearly uniform need no"
        " correction, so T → ∞ must end at the data.",
    ),
    Mutant(
        "sharper than the data",
        _power(lambda T: (1 + T) / T),
        "Your answer is sharper than the data. What is drawn often is pushed down often, so the end must be"
        " flatter.",
    ),
    Mutant(
        "not normalised",
        lambda pd, T, corrected: pd if corrected else pd ** (T / (1 + T)),
        "Your probabilities do not sum to 1: the power of a distribution has to be divided by its sum.",
    ),
    Mutant(
        "logits returned",
        lambda pd, T, corrected: np.log(pd) * (1 if corrected else T / (1 + T)),
        "These are logits. Asked for is softmax(f): probabilities that sum to 1.",
    ),
    Mutant(
        "q of the data",
        _one_step,
        "You divided p_d by the q of a model that has reached p_d. It never gets there: q moves with f, and"
        " both must fit at the end.",
    ),
)
