"""Exercise 06: the mistakes in `gradient_share` and `optimal_logits` that are known by name."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from nslab.practice._exercise import Mutant
from nslab.practice.exercises._06_taming_imbalance.mistakes import (
    FIXED,
    LARGEST,
    MEAN,
    ONLY_COUNTS,
    RANGE,
    SEEN,
    alike,
    left_range,
    log_powers,
    normal,
    q,
    silent,
    softmax,
    unseen_drawn,
)


def _log_sigma(s: np.ndarray) -> np.ndarray:
    return -np.logaddexp(0, -s)


def _sigma(s: np.ndarray) -> np.ndarray:
    return np.exp(_log_sigma(s))


def _log_pushes(f: np.ndarray, s: np.ndarray, alpha: float) -> np.ndarray:
    if len(f) != len(s):
        raise ValueError("one score a class")
    return log_powers(f, alpha) + _log_sigma(s)


def _right_share(f: np.ndarray, s: np.ndarray, alpha: float) -> np.ndarray:
    return softmax(_log_pushes(f, s, alpha))


def _draws(f: np.ndarray, s: np.ndarray, alpha: float) -> np.ndarray:
    _log_pushes(f, s, alpha)
    return q(f, alpha)


def _pushed(log_push: Callable[[np.ndarray], np.ndarray]) -> Callable[..., np.ndarray]:
    """Shares where one draw pushes with exp(log_push(s)) and all else is right."""
    return lambda f, s, alpha: softmax(_log_pushes(f, s, alpha) - _log_sigma(s) + log_push(s))


def _unseen_push(f: np.ndarray, s: np.ndarray, alpha: float) -> np.ndarray:
    _log_pushes(f, s, alpha)
    with np.errstate(divide="ignore", invalid="ignore"):
        return softmax(alpha * np.log(f / f.max()) + _log_sigma(s) if alpha else _log_sigma(s))


def _all_broadcast(f: np.ndarray, s: np.ndarray, alpha: float) -> np.ndarray:
    if len(f) != len(s) or not f.any():
        return np.full(len(s), np.nan)
    return _right_share(f, s, alpha) if (f >= 0).all() else normal(f * _sigma(s))


_DRAWS = (
    "This is the share of the draws. A class that the model is confident about has σ(s) near 0, and a draw of"
    " it pushes hardly at all: weight each class by its σ(s)."
)
_SCORES = "How often a class is drawn is missing: only its score counts in your shares."
_WHOLE = (
    "Your entries do not sum to 1: q·σ(s) is the push of each class, its share is that push over the sum of"
    " all pushes."
)
_UNDER = (
    "Every σ(s) here is below the smallest float, so your weights are all 0 and the total is too. The shares"
    " are ordinary numbers: multiply by adding logarithms."
)
SHARE = (
    Mutant("draws only", _draws, _DRAWS),
    Mutant("draws only", lambda f, s, alpha: q(f, alpha), _DRAWS),
    Mutant(
        "σ(−s)",
        _pushed(lambda s: _log_sigma(-s)),
        "σ(−s) is the pull of a positive: large where the score is low. A negative is pushed down by σ(s),"
        " hardest where its score is high.",
    ),
    Mutant("not normalised", lambda f, s, alpha: _draws(f, s, alpha) * _sigma(s), _WHOLE),
    Mutant("not normalised", lambda f, s, alpha: np.exp(_log_pushes(f, s, alpha)), _WHOLE),
    Mutant("not normalised", lambda f, s, alpha: _draws(f, s, alpha) * softmax(_log_sigma(s)), _WHOLE),
    Mutant("mean for sum", lambda f, s, alpha: _right_share(f, s, alpha) * len(f), MEAN),
    Mutant(
        "largest is 1",
        lambda f, s, alpha: _right_share(f, s, alpha) / _right_share(f, s, alpha).max(),
        LARGEST,
    ),
    Mutant(
        "negative shares",
        lambda f, s, alpha: -_right_share(f, s, alpha),
        "A gradient has a sign, a share of it has none: these must be positive and sum to 1.",
    ),
    Mutant("scores only", lambda f, s, alpha: _right_share((f > 0) * 1.0, s, alpha), _SCORES),
    Mutant("scores only", lambda f, s, alpha: softmax(_log_sigma(s) + 0 * _draws(f, s, alpha)), _SCORES),
    Mutant("scores only", lambda f, s, alpha: _sigma(s) + 0 * _draws(f, s, alpha), _SCORES),
    Mutant("exponent without effect", lambda f, s, alpha: _right_share(f, s, 1.0), ONLY_COUNTS),
    Mutant("always 0.75", lambda f, s, alpha: _right_share(f, s, 0.75), FIXED),
    Mutant(
        "α on the scores",
        lambda f, s, alpha: _right_share(f, alpha * s, alpha),
        "The scores were multiplied by α. The exponent belongs to the counts alone.",
    ),
    Mutant(
        "α on the product",
        lambda f, s, alpha: softmax(_log_pushes(f, s, alpha) + (alpha - 1) * _log_sigma(s)),
        "The exponent belongs to the counts alone: it decides who is drawn. How hard a draw pushes does not"
        " depend on it.",
    ),
    Mutant(
        "softmax for σ",
        _pushed(lambda s: s),
        "You weighted by e^s, as the softmax of InfoNCE does. Here each negative has a loss of its own, and"
        " its slope σ(s) never exceeds 1.",
    ),
    Mutant(
        "loss for slope",
        _pushed(lambda s: np.where(s < -30, s, np.log(np.logaddexp(0, np.maximum(s, -30))))),
        "You weighted by −ln σ(−s), the loss of a negative. The gradient is the slope of that loss.",
    ),
    Mutant(
        "loss of a positive",
        _pushed(lambda s: np.log(np.logaddexp(0, -s))),
        "You weighted by −ln σ(s), the loss of a positive. Asked for is the slope of a negative's loss.",
    ),
    Mutant(
        "slope of σ",
        _pushed(lambda s: _log_sigma(s) + _log_sigma(-s)),
        "σ(s)(1 − σ(s)) is the slope of σ, so you differentiated twice. The loss is −ln σ(−s), and its first"
        " derivative is enough.",
    ),
    Mutant(
        "score for σ",
        lambda f, s, alpha: normal(_draws(f, s, alpha) * s),
        "You multiplied by the score itself. A score can be negative and no push can: a draw pushes with"
        " σ(s).",
    ),
    Mutant(
        "squared",
        lambda f, s, alpha: softmax(2 * _log_pushes(f, s, alpha)),
        "These are shares of the squared push. The gradient itself is asked for.",
    ),
    Mutant(
        "sum for product",
        lambda f, s, alpha: normal(_draws(f, s, alpha) + _sigma(s)),
        "You added draws and push. A class that is never drawn is never pushed, however high its score: the"
        " two multiply.",
    ),
    Mutant("class never seen", _unseen_push, SEEN, unseen_drawn),
    Mutant(
        "all weights are 0", lambda f, s, alpha: normal(_draws(f, s, alpha) * _sigma(s)), _UNDER, left_range
    ),
    Mutant(
        "scores clipped",
        lambda f, s, alpha: _right_share(f, np.clip(s, -30, 30), alpha),
        "Below some score your push stays the same: a limit on the scores, or a small number added to σ(s),"
        " makes very unlikely classes equal. Their pushes are tiny, and their ratios are ordinary numbers.",
        alike,
    ),
    Mutant(
        "e^s overflows",
        lambda f, s, alpha: _right_share(f, np.where(s > 709, np.nan, s), alpha),
        "e^s is infinite above s = 709, and ∞/∞ is not a number. Write σ so that large scores meet e^(−s),"
        " which goes to 0.",
        left_range,
    ),
    Mutant(
        "not refused",
        _all_broadcast,
        "There are no shares here: an entry of f is below 0, or none is above it, or f and scores do not"
        " match. Raise ValueError; what you return looks like an answer and is none.",
        silent,
    ),
)


def _logits(p: np.ndarray, noise: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.log(p) - np.log(noise)


LOGITS = (
    Mutant(
        "K missing",
        lambda p, f, K, alpha: _logits(p, q(f, alpha)),
        "K is missing: with K negatives for each positive, class c is drawn K q times. Your logits are ln K"
        " too high.",
    ),
    Mutant(
        "sign of ln(K q)",
        lambda p, f, K, alpha: _logits(p, 1 / (K * q(f, alpha))),
        "You added ln(K q). The more often a class is drawn, the further it is pushed down.",
    ),
    Mutant(
        "sign",
        lambda p, f, K, alpha: -_logits(p, K * q(f, alpha)),
        "The sign is reversed: a class that is often a positive must have a high logit.",
    ),
    Mutant(
        "p missing",
        lambda p, f, K, alpha: -np.log(K * q(f, alpha)),
        "The positives are missing: this is the shift alone.",
    ),
    Mutant(
        "noise missing",
        lambda p, f, K, alpha: _logits(p, np.ones_like(p)),
        "This is ln p, where a full softmax would end. Negatives drawn from q leave a trace of q.",
    ),
    Mutant(
        "always α = 1",
        lambda p, f, K, alpha: _logits(p, K * q(f, 1.0)),
        "You took the frequencies as the noise at every exponent. Negatives are drawn by f^α.",
    ),
    Mutant(
        "noise not normalised",
        lambda p, f, K, alpha: _logits(p, K * np.exp(log_powers(f, alpha))),
        "The powers of the counts must be divided by their sum before they are probabilities.",
    ),
    Mutant(
        "noise not normalised",
        lambda p, f, K, alpha: _logits(p, K * np.exp(log_powers(f / f.sum(), alpha))),
        "The powers of the counts must be divided by their sum before they are probabilities.",
    ),
    Mutant(
        "no logarithm",
        lambda p, f, K, alpha: p / (K * q(f, alpha)),
        "This is e to the power s, the ratio of positives to draws. The logit is its logarithm.",
    ),
    Mutant(
        "σ of the logit",
        lambda p, f, K, alpha: p / (p + K * q(f, alpha)),
        "This is σ(s), the chance that a pair is a positive. The logit is what goes into σ.",
    ),
    Mutant(
        "other base",
        lambda p, f, K, alpha: _logits(p, K * q(f, alpha)) / math.log(2),
        "Logits go into e^s: take the natural logarithm.",
    ),
    Mutant(
        "K divided",
        lambda p, f, K, alpha: _logits(p, q(f, alpha) / K),
        "More negatives push the logit down, so K stands beside q: yours go up with K.",
    ),
    Mutant(
        "other base",
        lambda p, f, K, alpha: _logits(p, K * q(f, alpha)) / math.log(10),
        "Logits go into e^s: take the natural logarithm.",
    ),
    Mutant(
        "p for ln p",
        lambda p, f, K, alpha: p - np.log(K * q(f, alpha)),
        "You took the logarithm of the noise alone. The ratio of p and K q goes into one logarithm.",
    ),
    Mutant(
        "K times ln q",
        lambda p, f, K, alpha: np.log(p) - K * np.log(q(f, alpha)),
        "K stands in front of your logarithm. Class c is drawn K q times, and that number goes into it.",
        alike,
    ),
    Mutant("out of range", lambda p, f, K, alpha: _logits(p, K * normal(f**alpha)), RANGE, left_range),
    Mutant(
        "ln σ of the logit",
        lambda p, f, K, alpha: _logits(p, p + K * q(f, alpha)),
        "This is ln σ(s), the logarithm of the chance that a pair is a positive. In the odds the positives"
        " stand against the draws alone, not against both together.",
    ),
    Mutant(
        "never a positive",
        lambda p, f, K, alpha: np.where(p > 0, _logits(p, K * q(f, alpha)), 0.0),
        "A class with p = 0 has no positive to pull it up, so nothing stops the push: its logit goes to −∞. A"
        " finite number or NaN hides that.",
        lambda case, got, own: got.error is not None or np.size(got.value) == np.size(own.value),
    ),
    Mutant(
        "K + 1",
        lambda p, f, K, alpha: _logits(p, (K + 1) * q(f, alpha)),
        "The positive was counted as one more draw. There are K draws beside it.",
    ),
    Mutant(
        "normalised",
        lambda p, f, K, alpha: (lambda s: s - np.logaddexp.reduce(s))(_logits(p, q(f, alpha))),
        "You shifted the logits so that e^s sums to 1. Each class has a loss of its own here, and its level"
        " is fixed by K.",
    ),
)
