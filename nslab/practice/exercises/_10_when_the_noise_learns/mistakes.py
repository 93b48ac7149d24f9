"""Exercise 10: the mistakes that are known by name, in the objective."""

from __future__ import annotations

import numpy as np

from nslab.practice._exercise import Case, Mutant
from nslab.practice._judgements import is_number, nearly, not_finite
from nslab.practice._run import Outcome


def ln_sigmoid(x: np.ndarray) -> np.ndarray:
    return -np.logaddexp(0, -x)


def _refuse(q: np.ndarray) -> None:
    if q.min() <= 0:
        raise ValueError("q must be > 0")


def _two_sums(
    G: np.ndarray, pd: np.ndarray, q: np.ndarray, k: float, drawn: np.ndarray | None = None
) -> float:
    _refuse(q)
    weights = q if drawn is None else drawn
    return float(pd @ ln_sigmoid(G) + k * (weights @ ln_sigmoid(-G)))


def _both_as_data(f: np.ndarray, pd: np.ndarray, q: np.ndarray, k: int) -> float:
    _refuse(q)
    return float((pd + k * q) @ ln_sigmoid(f - np.log(k * q)))


def _no_logarithm(f: np.ndarray, pd: np.ndarray, q: np.ndarray, k: int) -> float:
    _refuse(q)
    data = np.exp(ln_sigmoid(f - np.log(k * q)))
    return float(pd @ data + k * (q @ (1 - data)))


def _outer_logarithm(f: np.ndarray, pd: np.ndarray, q: np.ndarray, k: int) -> float:
    _refuse(q)
    data = np.exp(ln_sigmoid(f - np.log(k * q)))
    return float(np.log(pd @ data) + k * np.log(q @ (1 - data)))


def _with_exp(f: np.ndarray, pd: np.ndarray, q: np.ndarray, k: int) -> float:
    _refuse(q)
    total = np.exp(f) + k * q
    return float(pd @ np.log(np.exp(f) / total) + k * (q @ np.log(k * q / total)))


def _with_sigmoid(f: np.ndarray, pd: np.ndarray, q: np.ndarray, k: int) -> float:
    _refuse(q)
    G = f - np.log(k * q)
    return float(pd @ np.log(1 / (1 + np.exp(-G))) + k * (q @ np.log(1 / (1 + np.exp(G)))))


def _one_minus(f: np.ndarray, pd: np.ndarray, q: np.ndarray, k: int) -> float:
    _refuse(q)
    data = 1 / (1 + np.exp(-(f - np.log(k * q))))
    return float(pd @ np.log(data) + k * (q @ np.log(1 - data)))


def _with_a_hole(f: np.ndarray, pd: np.ndarray, q: np.ndarray, k: int) -> float:
    G = f - np.log(k * q)
    return float(pd @ ln_sigmoid(G) + k * (q @ ln_sigmoid(-G)))


def _nearly_or_lost(case: Case, got: Outcome, own: Outcome) -> bool:
    return not_finite(case, got, own) or nearly(case, got, own)


def _finite(case: Case, got: Outcome, own: Outcome) -> bool:
    return is_number(got) and bool(np.isfinite(float(got.value)))


def no_error(case: Case, got: Outcome, own: Outcome) -> bool:
    return got.error is None


_OVERFLOW = (
    "An exponential left the range of float64, so a logarithm of 0 or ∞/∞ came out. ln σ(G) itself is"
    " harmless, about G where G is far below 0: write it as minus a softplus."
)
LN_K = (
    "You subtract ln q, and one data point stands against K draws: the odds of noise are K q. Off by ln K,"
    " e^f ends at p_d/K and sums to 1/K (0.3333 at K = 3) instead of 1."
)
OBJECTIVE = (
    Mutant("ln q for ln(Kq)", lambda f, pd, q, k: _two_sums(f - np.log(q), pd, q, k), LN_K),
    Mutant(
        "one draw of noise",
        lambda f, pd, q, k: _two_sums(f - np.log(k * q), pd, q, 1),
        "Your second sum counts one draw of noise, and there are K for each data point.",
    ),
    Mutant(
        "one draw of noise throughout",
        lambda f, pd, q, k: _two_sums(f - np.log(q), pd, q, 1),
        "Your J does not depend on K: it belongs both in what is subtracted and before the second sum.",
    ),
    Mutant(
        "loss for objective",
        lambda f, pd, q, k: -_two_sums(f - np.log(k * q), pd, q, k),
        "This is −J, the loss. J is what NCE maximises: a sum of logarithms of probabilities, never above 0.",
    ),
    Mutant(
        "data and noise swapped",
        lambda f, pd, q, k: _two_sums(f - np.log(k * q), q, pd, k) if q.min() > 0 else _refuse(q),
        "The weights are swapped: data points come with p_d and should be called data, noise points with q.",
    ),
    Mutant(
        "nothing subtracted",
        lambda f, pd, q, k: _two_sums(f, pd, q, k),
        "You used G = f. The model's odds of data against noise are e^f : K q, so the logit has ln(Kq) taken"
        " away.",
    ),
    Mutant(
        "added, not subtracted",
        lambda f, pd, q, k: _two_sums(f + np.log(k * q), pd, q, k),
        "The correction has the wrong sign: a state that the noise draws often is the more likely to be"
        " noise, so its G must be lower.",
    ),
    Mutant(
        "K divides",
        lambda f, pd, q, k: _two_sums(f - np.log(q / k), pd, q, k),
        "With more draws of noise, noise gets more likely: K multiplies q, yours divides it.",
    ),
    Mutant(
        "ln σ(G) twice",
        _both_as_data,
        "Your second sum rewards calling noise data. A noise point is called noise with probability σ(−G).",
    ),
    Mutant(
        "logarithm of the mean",
        _outer_logarithm,
        "You took the logarithm of a mean probability. J is the mean of the logarithms: the logarithm comes"
        " first.",
    ),
    Mutant(
        "K outside the logarithm",
        lambda f, pd, q, k: _two_sums(f - k * np.log(q), pd, q, k),
        "You subtract K ln q. The odds of noise are K q, and their logarithm is ln K + ln q.",
    ),
    Mutant(
        "no logarithm",
        _no_logarithm,
        "These are mean probabilities of a right answer. J has their logarithms.",
    ),
    Mutant("exp overflows", _with_exp, _OVERFLOW, not_finite),
    Mutant("exp overflows", _with_sigmoid, _OVERFLOW, not_finite),
    Mutant(
        "clipped",
        lambda f, pd, q, k: _two_sums(np.clip(f - np.log(k * q), -30, 30), pd, q, k),
        "You clip G, or keep a logarithm away from 0 by a small number. That hides the overflow and changes"
        " J, which is about −800 where a score is 800 off: minus a softplus needs no clipping.",
        _finite,
    ),
    Mutant(
        "1 − σ(G) cancels",
        _one_minus,
        "For a large G, σ(G) rounds to 1 and 1 − σ(G) loses its digits, then is 0. The same number is σ(−G),"
        " and its logarithm is minus a softplus: no subtraction, no overflow.",
        _nearly_or_lost,
    ),
    Mutant(
        "mean for sum",
        lambda f, pd, q, k: _two_sums(f - np.log(k * q), pd, q, k) / len(f),
        "You divided by the number of states. The weights p_d and q sum to 1: the two sums are means"
        " already.",
    ),
    Mutant(
        "data weighed alike",
        lambda f, pd, q, k: _two_sums(f - np.log(k * q), np.full(len(f), 1 / len(f)), q, k),
        "The first sum weighs every state alike. Data points come with p_d.",
    ),
    Mutant(
        "noise weighed alike",
        lambda f, pd, q, k: _two_sums(f - np.log(k * q), pd, q, k, drawn=np.full(len(f), 1 / len(f))),
        "The second sum weighs every state alike. Noise points come with q.",
    ),
    Mutant(
        "noise weighed by p_d",
        lambda f, pd, q, k: _two_sums(f - np.log(k * q), pd, q, k, drawn=pd),
        "Both sums are weighed by p_d. The second runs over points of noise, and those come with q.",
    ),
    Mutant(
        "not in nats",
        lambda f, pd, q, k: _two_sums(f - np.log(k * q), pd, q, k) / np.log(2),
        "This is in bits. Logarithms are natural throughout.",
    ),
    Mutant(
        "normalised first",
        lambda f, pd, q, k: _two_sums(f - np.logaddexp.reduce(f) - np.log(k * q), pd, q, k),
        "You normalised the scores before playing. NCE needs no normaliser: f enters as it is, and learns its"
        " own.",
    ),
    Mutant(
        "hole in the noise",
        _with_a_hole,
        "q is 0 in some state, and you gave a number all the same. Such a state is never drawn as noise, so"
        " nothing ever pushes its score down: raise ValueError.",
        no_error,
    ),
)
