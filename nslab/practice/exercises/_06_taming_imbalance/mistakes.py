"""Exercise 06: the mistakes in `unigram_probs` that are known by name."""

from __future__ import annotations

import numpy as np

from nslab.practice._exercise import Case, Mutant
from nslab.practice._run import Outcome


def refuse(f: np.ndarray) -> None:
    if (f < 0).any() or not (f > 0).any():
        raise ValueError("no distribution")


def normal(weights: np.ndarray) -> np.ndarray:
    return weights / weights.sum()


def log_powers(f: np.ndarray, alpha: float) -> np.ndarray:
    """α ln f, and −∞ for what never occurred."""
    refuse(f)
    return np.where(f > 0, alpha * np.log(np.where(f > 0, f, 1)), -np.inf)


def softmax(logs: np.ndarray) -> np.ndarray:
    return normal(np.exp(logs - logs.max()))


def q(f: np.ndarray, alpha: float) -> np.ndarray:
    return softmax(log_powers(f, alpha))


def _masked_powers(f: np.ndarray, alpha: float) -> np.ndarray:
    """The powers as they are, without care for the range of floats."""
    refuse(f)
    return np.where(f > 0, np.where(f > 0, f, 1.0) ** alpha, 0.0)


def _everything_a_class(f: np.ndarray, alpha: float) -> np.ndarray:
    """0 ** 0 is 1, and 0 to a negative power infinite; the other powers stay in range."""
    refuse(f)
    return normal((f / (f.max() if alpha > 0 else f[f > 0].min())) ** alpha)


def _no_refusal(f: np.ndarray, alpha: float) -> np.ndarray:
    powers = np.where(f == 0, 0.0, np.where(f == 0, 1.0, f / np.abs(f).max()) ** alpha)
    return powers / powers.sum()


def numbers(outcome: Outcome) -> np.ndarray | None:
    try:
        return np.asarray(outcome.value, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError):
        return None


def unseen_drawn(case: Case, got: Outcome, own: Outcome) -> bool:
    """Some share for a class that never occurred, or what the infinity of 0 to a negative power leaves."""
    f = np.asarray(case.args[0])
    if got.error is not None:
        return isinstance(got.error, ZeroDivisionError) and bool((f == 0).any())
    values = numbers(got)
    if values is None or len(values) != len(f) or not (f == 0).any():
        return False
    return bool(np.isnan(values).any() or not values.any() or (values[f == 0] > 0).any())


def alike(case: Case, got: Outcome, own: Outcome) -> bool:
    """The same finite values to six digits."""
    a, b = numbers(got), numbers(own)
    if got.error is not None or a is None or b is None or a.shape != b.shape:
        return False
    return np.allclose(a, b, rtol=1e-6)


def _small_added(case: Case, got: Outcome, own: Outcome) -> bool:
    """A share for what never occurred; elsewhere nearly what the small number makes of it."""
    return unseen_drawn(case, got, own) or alike(case, got, own)


def left_range(case: Case, got: Outcome, own: Outcome) -> bool:
    """NaN or infinity with numpy and torch, an error with plain numbers."""
    if got.error is not None:
        return isinstance(got.error, OverflowError | ZeroDivisionError)
    values = numbers(got)
    return values is not None and (not np.isfinite(values).all() or not values.any())


def silent(case: Case, got: Outcome, own: Outcome) -> bool:
    return got.error is None and own.error is None


SEEN = (
    "A class never seen got probability. 0 ** 0 is 1, and 0 to a negative power is infinite; a small number"
    " added to the counts does the same. What never occurred stays at 0 for every α."
)
_POWERS = (
    "Powers of probabilities are no longer probabilities: at α = 0.75 they sum to 1.0049 on the 1000:1 pair."
    " Divide by their own sum, after the power."
)
ONLY_COUNTS = (
    "Your shares are those of α = 1 at every exponent. A factor in front of the counts cancels when you"
    " divide by the sum: the exponent goes on each count."
)
RANGE = (
    "The powers left the range of float64 (or all became 0), though the shares are ordinary numbers. Shares"
    " depend on ratios alone: bring the largest power to 1 first, or stay with logarithms until the end."
)
_REFUSED = (
    "There is no distribution here: an entry is below 0, or none is above it. Raise ValueError; what you"
    " return looks like an answer and is none."
)
LARGEST = "Your largest entry is 1, so the whole is more than 1. Divide by the sum, not by the largest."
MEAN = "Your entries sum to the number of classes: you divided by a mean. Divide by the sum."
FIXED = "Your shares are those of α = 0.75 whatever `alpha` says."
UNIGRAM = (
    Mutant("class never seen", _everything_a_class, SEEN, unseen_drawn),
    Mutant(
        "class never seen",
        lambda f, alpha: _everything_a_class(f + 1e-9, alpha) if f.any() else q(f, alpha),
        SEEN,
        _small_added,
    ),
    Mutant("class never seen", lambda f, alpha: (refuse(f), q(np.maximum(f, 1), alpha))[1], SEEN, alike),
    Mutant("not normalised", lambda f, alpha: np.exp(log_powers(f / np.abs(f).sum(), alpha)), _POWERS),
    Mutant("not normalised", lambda f, alpha: np.exp(log_powers(f, alpha)), _POWERS),
    Mutant("not normalised", lambda f, alpha: np.exp(log_powers(f, alpha)) / f.sum(), _POWERS),
    Mutant("not normalised", lambda f, alpha: _masked_powers(f, alpha) / f.sum(), _POWERS),
    Mutant(
        "largest is 1",
        lambda f, alpha: np.exp(log_powers(f, alpha) - log_powers(f, alpha).max()),
        LARGEST,
    ),
    Mutant(
        "mean for sum",
        lambda f, alpha: q(f, alpha) * len(f),
        MEAN,
    ),
    Mutant("exponent without effect", lambda f, alpha: q(f, 1.0), ONLY_COUNTS),
    Mutant(
        "always 0.75",
        lambda f, alpha: q(f, 0.75),
        FIXED,
    ),
    Mutant(
        "sign of the exponent",
        lambda f, alpha: q(f, -alpha),
        "Frequent and rare are exchanged: your exponent has the opposite sign. At a positive α the frequent"
        " class is drawn more often.",
    ),
    Mutant(
        "1/α",
        lambda f, alpha: q(f, 1 / alpha),
        "You took the root 1/α, not the power α. An exponent below 1 must bring the shares closer together;"
        " yours move apart.",
    ),
    Mutant(
        "1 − α",
        lambda f, alpha: q(f, 1 - alpha),
        "Your exponent is 1 − α. At α = 1 the shares must be the frequencies themselves, at α = 0 equal.",
    ),
    Mutant(
        "exponential of the counts",
        lambda f, alpha: (refuse(f), softmax(alpha * f))[1],
        "You took a softmax of the counts. The weights are powers of the counts: a softmax would need their"
        " logarithms.",
    ),
    Mutant(
        "logarithms for powers",
        lambda f, alpha: normal(np.where(f > 0, log_powers(f, alpha), 0)) if alpha else q(f, alpha),
        "Your weights are α ln f, the logarithms of the powers: the exponential is missing. A class that"
        " occurs once would get nothing.",
        alike,
    ),
    Mutant(
        "ln q",
        lambda f, alpha: log_powers(f, alpha) - np.logaddexp.reduce(log_powers(f, alpha)),
        "These are the logarithms of the probabilities: take the exponential at the end.",
    ),
    Mutant(
        "length for sum",
        lambda f, alpha: q(f, alpha) / np.linalg.norm(q(f, alpha)),
        "You divided by the length of the vector, so that the squares sum to 1. Probabilities themselves"
        " must.",
    ),
    Mutant(
        "mixture",
        lambda f, alpha: (refuse(f), alpha * f / f.sum() + (1 - alpha) / len(f))[1],
        "You mixed the frequencies with equal shares. That agrees at α = 0 and α = 1 and nowhere else: α is"
        " an exponent.",
    ),
    Mutant(
        "smoothed",
        lambda f, alpha: (refuse(f), q(f + 1, alpha))[1] if alpha else q(f, alpha),
        "One was added to every count. That moves all shares, and a class that never occurred gets one too.",
        alike,
    ),
    Mutant(
        "unseen left out",
        lambda f, alpha: q(f, alpha)[f > 0],
        "The classes that never occurred are missing from your answer, so the places have moved. Keep one"
        " entry for each class, 0 for these.",
    ),
    *(
        Mutant("out of range", wrong, RANGE, left_range)
        for wrong in (
            lambda f, alpha: normal(_masked_powers(f, alpha)),
            lambda f, alpha: normal(_masked_powers(f / max(f.sum(), 1), alpha)),
            lambda f, alpha: normal(_masked_powers(f / max(f.max(), 1), alpha)),
        )
    ),
    Mutant("not refused", _no_refusal, _REFUSED, silent),
)
