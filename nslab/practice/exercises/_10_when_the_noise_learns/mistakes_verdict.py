"""Exercise 10: the mistakes that are known by name, in the verdict and in a family that cannot be right."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nslab.practice._exercise import Mutant
from nslab.practice.exercises._10_when_the_noise_learns.mistakes import LN_K, ln_sigmoid

# The verdict


def _table(mode: str, T: float) -> str:
    if mode in ("fixed", "stop"):
        return "data"
    if mode == "uncorrected":
        return "elsewhere"
    if mode == "measure":
        return "data" if T == 1 else "elsewhere"
    if T == 1:
        return "still"
    return "away" if T < 1 else "data" if mode == "logq_only" else "elsewhere"


def _unless(**said: Callable[[float], str | None]) -> Callable[[str, float], str]:
    """The right word, unless something else is said of this mode and this T."""

    def wrong(mode: str, T: float) -> str:
        word = said[mode](T) if mode in said else None
        return word or _table(mode, T)

    return wrong


def _elsewhere(T: float) -> str | None:
    return "elsewhere"


def _data(T: float) -> str | None:
    return "data"


def _at_one(word: str) -> Callable[[float], str | None]:
    return lambda T: word if T == 1 else None


def _below_one(word: str) -> Callable[[float], str | None]:
    return lambda T: word if T < 1 else None


def _up_to_one(word: str) -> Callable[[float], str | None]:
    return lambda T: word if T <= 1 else None


_MOVING = (
    "You say that noise which depends on the model always moves the answer. Held in each step, with the right"
    " ln(Kq) subtracted, it ends at p_d: the gradient of every state is 0 at f = ln p_d for any q."
)
_STILL = (
    "At T = 1 the model has not moved from its start: the signal is gone, not biased. Compare the end with"
    " the start before you compare it with the data."
)
VERDICT = (
    Mutant(
        "any moving noise is biased",
        _unless(stop=_elsewhere, logq_only=_elsewhere, measure=_elsewhere),
        _MOVING,
    ),
    Mutant("any moving noise is biased", _unless(stop=_elsewhere), _MOVING),
    Mutant(
        "any moving noise is biased",
        lambda mode, T: "data" if mode == "fixed" else "elsewhere",
        _MOVING,
    ),
    Mutant(
        "stopping always cures",
        _unless(uncorrected=_data),
        "You say that a stopped gradient ends at the data. In mode 'uncorrected' it is stopped too, and the"
        " end is p_d^{T/(1+T)}: what is not subtracted is not made up for.",
    ),
    Mutant(
        "any open path is biased",
        _unless(logq_only=_elsewhere),
        "'logq_only' above T = 1 ends at the data: at f = ln p_d every G is at its best, however G came"
        " about. The path weakens the signal, it does not bend it.",
    ),
    Mutant(
        "any open path is biased",
        _unless(logq_only=_elsewhere, full=_elsewhere),
        "'logq_only' above T = 1 ends at the data: at f = ln p_d every G is at its best, however G came"
        " about. The path weakens the signal, it does not bend it.",
    ),
    Mutant(
        "ln q path is harmless",
        _unless(logq_only=_data),
        "f = ln p_d is a zero of this gradient, but below T = 1 it is one that the scores run away from, and"
        " at T = 1 nothing moves at all. Follow the gradient from the start.",
    ),
    Mutant(
        "always the data",
        lambda mode, T: "data",
        "You trust NCE in every mode. Let your laboratory run: at T = 2 some modes come to rest elsewhere,"
        " and at T = 1 some never leave their start.",
    ),
    Mutant(
        "words swapped",
        lambda mode, T: {"data": "elsewhere", "elsewhere": "data"}.get(_table(mode, T), _table(mode, T)),
        "'data' and 'elsewhere' are swapped: 'data' means that the softmax of the end is PD.",
    ),
    Mutant(
        "draws path is harmless",
        _unless(measure=_data, full=lambda T: "data" if T > 1 else None),
        "Through the draws the model moves its noise to where it is easy to tell from data. That extra pull"
        " does not vanish at f = ln p_d, so the end is elsewhere.",
    ),
    Mutant(
        "measure biased at T = 1 too",
        _unless(measure=_at_one("elsewhere")),
        "At T = 1 and f = ln p_d the noise is the data, where no small move of q makes the game easier: the"
        " extra pull of 'measure' is 0 there, and the end is the data.",
    ),
    Mutant(
        "still taken for biased", _unless(logq_only=_at_one("elsewhere"), full=_at_one("elsewhere")), _STILL
    ),
    Mutant(
        "still taken for the data",
        _unless(logq_only=_at_one("data"), full=_at_one("data")),
        "At T = 1 the gradient is 0, and not because the model is right: it is 0 at every model that sums to"
        " 1. Training never leaves its start.",
    ),
    Mutant(
        "run-away taken for biased",
        _unless(logq_only=_below_one("elsewhere"), full=_below_one("elsewhere")),
        "Below T = 1 these scores do not rest elsewhere, they rest nowhere: 1 − 1/T is negative, and the data"
        " repel.",
    ),
    Mutant(
        "T = 1 taken for a run-away",
        _unless(logq_only=_up_to_one("away"), full=_up_to_one("away")),
        "At T = 1 nothing runs away: the gradient is 0 from the first step, up to rounding.",
    ),
    Mutant(
        "T = 1 taken for a run-away",
        lambda mode, T: "away" if T == 1 and mode in ("logq_only", "full") else _table(mode, T),
        "At T = 1 nothing runs away: the gradient is 0 from the first step, up to rounding.",
    ),
    Mutant(
        "run-away taken for standing still",
        _unless(logq_only=_up_to_one("still"), full=_up_to_one("still")),
        "Only T = 1 stands still. Below it the signal is back, with its sign turned: the scores run away.",
    ),
)

# A family that cannot be right


def _log_softmax(f: np.ndarray) -> np.ndarray:
    return f - np.logaddexp.reduce(f)


def _fit(
    X: np.ndarray,
    pd: np.ndarray,
    q: np.ndarray,
    k: float,
    shift: float = 0.0,
) -> np.ndarray:
    """Newton's method for X θ, with an extra `shift` in every G."""
    theta = np.zeros(X.shape[1])
    for _ in range(100):
        up = np.exp(ln_sigmoid(np.log(k * q) - shift - X @ theta))
        slope = X.T @ (pd * up - k * q * (1 - up))
        bend = X.T @ (((pd + k * q) * up * (1 - up))[:, None] * X)
        step = np.linalg.solve(bend, slope)
        theta = theta + step * min(1.0, 1 / max(abs(step).max(), 1e-300))
    return X @ theta


def _least_squares(X: np.ndarray, pd: np.ndarray, weight: np.ndarray) -> np.ndarray:
    root = np.sqrt(weight)
    return X @ np.linalg.lstsq(root[:, None] * X, root * np.log(pd), rcond=None)[0]


def _likelihood(X: np.ndarray, pd: np.ndarray) -> np.ndarray:
    theta = np.zeros(X.shape[1])
    for _ in range(100):
        p = np.exp(_log_softmax(X @ theta))
        bend = X.T @ ((np.diag(p) - np.outer(p, p)) @ X)
        step = np.linalg.lstsq(bend, X.T @ (pd - p), rcond=1e-10)[0]
        theta = theta + step * min(1.0, 1 / max(abs(step).max(), 1e-300))
    return _log_softmax(X @ theta)


_SQUARES = (
    "You fitted ln p_d by least squares. The compromise that NCE makes is another: Xᵀ times the gradient of J"
    " must be 0, with this q and this K."
)
FAMILY = (
    Mutant(
        "noise ignored",
        lambda X, pd, q, k: _fit(X, pd, np.full(len(pd), 1 / len(pd)), k),
        "Your answer does not depend on q. Where the family cannot be right, a fixed noise still sets the"
        " compromise.",
    ),
    Mutant(
        "K ignored",
        lambda X, pd, q, k: _fit(X, pd, q, 1),
        "Your answer does not depend on K, and the weights Kq/(e^f + Kq) of the states do.",
    ),
    Mutant("ln q for ln(Kq)", lambda X, pd, q, k: _fit(X, pd, q, k, float(np.log(k))), LN_K),
    Mutant("least squares", lambda X, pd, q, k: _least_squares(X, pd, np.ones(len(pd))), _SQUARES),
    Mutant("least squares", lambda X, pd, q, k: _least_squares(X, pd, pd), _SQUARES),
    Mutant(
        "maximum likelihood",
        lambda X, pd, q, k: _likelihood(X, pd),
        "This is maximum likelihood of a normalised model. NCE comes to it as K grows; at this K the noise"
        " decides.",
    ),
    Mutant(
        "normalised",
        lambda X, pd, q, k: _log_softmax(_fit(X, pd, q, k)),
        "You normalised the scores. A wrong model has no reason to sum to 1 under NCE: return X θ as it is.",
    ),
    Mutant(
        "data and noise swapped",
        lambda X, pd, q, k: _fit(X, q, pd, k),
        "Data and noise are swapped: the model should rise where p_d is, and q is what it is told from.",
    ),
    Mutant(
        "the data themselves",
        lambda X, pd, q, k: np.log(pd),
        "These scores are not of the form X θ: the family cannot express the data.",
    ),
)
