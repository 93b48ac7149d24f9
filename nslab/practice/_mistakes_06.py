"""Exercise 06: the mistakes that are known by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from nslab.practice._exercise import Case, Mutant
from nslab.practice._judge import wherever
from nslab.practice._run import Outcome


def _refuse(f: np.ndarray) -> None:
    if (f < 0).any() or not (f > 0).any():
        raise ValueError("no distribution")


def _normal(weights: np.ndarray) -> np.ndarray:
    return weights / weights.sum()


def _log_powers(f: np.ndarray, alpha: float) -> np.ndarray:
    """α ln f, and −∞ for what never occurred."""
    _refuse(f)
    return np.where(f > 0, alpha * np.log(np.where(f > 0, f, 1)), -np.inf)


def _softmax(logs: np.ndarray) -> np.ndarray:
    return _normal(np.exp(logs - logs.max()))


def _q(f: np.ndarray, alpha: float) -> np.ndarray:
    return _softmax(_log_powers(f, alpha))


def _masked_powers(f: np.ndarray, alpha: float) -> np.ndarray:
    """The powers as they are, without care for the range of floats."""
    _refuse(f)
    return np.where(f > 0, np.where(f > 0, f, 1.0) ** alpha, 0.0)


def _everything_a_class(f: np.ndarray, alpha: float) -> np.ndarray:
    _refuse(f)
    return _normal((f / f.max()) ** alpha)


def _no_refusal(f: np.ndarray, alpha: float) -> np.ndarray:
    powers = np.where(f == 0, 0.0, np.where(f == 0, 1.0, f / np.abs(f).max()) ** alpha)
    return powers / powers.sum()


def _values(outcome: Outcome) -> np.ndarray | None:
    try:
        return np.asarray(outcome.value, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError):
        return None


def _unseen_drawn(case: Case, got: Outcome, own: Outcome) -> bool:
    """Some share for a class that never occurred, or the infinity that 0 to a negative power is."""
    f = np.asarray(case.args[0])
    if got.error is not None:
        return isinstance(got.error, ZeroDivisionError) and bool((f == 0).any())
    values = _values(got)
    if values is None or len(values) != len(f) or not (f == 0).any():
        return False
    return bool(np.isnan(values).any() or not values.any() or (values[f == 0] > 0).any())


def _small_added(case: Case, got: Outcome, own: Outcome) -> bool:
    """As above; elsewhere nearly what the small number makes of it."""
    return _unseen_drawn(case, got, own) or _close(got, own)


def _close(got: Outcome, own: Outcome) -> bool:
    """The same finite values to six digits."""
    a, b = _values(got), _values(own)
    return (
        got.error is None
        and a is not None
        and b is not None
        and a.shape == b.shape
        and np.allclose(a, b, 1e-6)
    )


def _alike(case: Case, got: Outcome, own: Outcome) -> bool:
    return _close(got, own)


def _left_range(case: Case, got: Outcome, own: Outcome) -> bool:
    """NaN or infinity with numpy and torch, an error with plain numbers."""
    if got.error is not None:
        return isinstance(got.error, OverflowError | ZeroDivisionError)
    values = _values(got)
    return values is not None and (not np.isfinite(values).all() or not values.any())


def _silent(case: Case, got: Outcome, own: Outcome) -> bool:
    return got.error is None and own.error is None


_SEEN = (
    "A class never seen got probability. 0 ** 0 is 1, and 0 to a negative power is infinite; a small number added to the "
    "counts does the same. What never occurred stays at 0 for every α."
)
_POWERS = (
    "Powers of probabilities are no longer probabilities: at α = 0.75 they sum to 1.0049 on the 1000:1 pair. Divide by "
    "their own sum, after the power."
)
_ONLY_COUNTS = (
    "Your shares are those of α = 1 at every exponent. A factor in front of the counts cancels when you divide by the "
    "sum: the exponent goes on each count."
)
_RANGE = (
    "The powers left the range of float64 (or all became 0), though the shares are ordinary numbers. Shares depend on "
    "ratios alone: bring the largest power to 1 first, or stay with logarithms until the end."
)
_REFUSED = (
    "There is no distribution here: an entry is below 0, or none is above it. Raise ValueError; what you return looks like "
    "an answer and is none."
)
UNIGRAM = (
    Mutant("class never seen", _everything_a_class, _SEEN, _unseen_drawn),
    Mutant(
        "class never seen",
        lambda f, alpha: _everything_a_class(f + 1e-9, alpha) if f.any() else _q(f, alpha),
        _SEEN,
        _small_added,
    ),
    Mutant("class never seen", lambda f, alpha: (_refuse(f), _q(np.maximum(f, 1), alpha))[1], _SEEN, _alike),
    Mutant("not normalised", lambda f, alpha: np.exp(_log_powers(f / np.abs(f).sum(), alpha)), _POWERS),
    Mutant("not normalised", lambda f, alpha: np.exp(_log_powers(f, alpha)), _POWERS),
    Mutant("not normalised", lambda f, alpha: np.exp(_log_powers(f, alpha)) / f.sum(), _POWERS),
    Mutant("not normalised", lambda f, alpha: _masked_powers(f, alpha) / f.sum(), _POWERS),
    Mutant(
        "largest is 1",
        lambda f, alpha: np.exp(_log_powers(f, alpha) - _log_powers(f, alpha).max()),
        "Your largest entry is 1, so the whole is more than 1. Divide by the sum, not by the largest.",
    ),
    Mutant(
        "mean for sum",
        lambda f, alpha: _q(f, alpha) * len(f),
        "Your entries sum to the number of classes: you divided by the mean of the powers. Divide by their sum.",
    ),
    Mutant("exponent without effect", lambda f, alpha: _q(f, 1.0), _ONLY_COUNTS),
    Mutant(
        "always 0.75",
        lambda f, alpha: _q(f, 0.75),
        "Your shares are those of α = 0.75 whatever `alpha` says.",
    ),
    Mutant(
        "sign of the exponent",
        lambda f, alpha: _q(f, -alpha),
        "Frequent and rare are exchanged: your exponent has the opposite sign. At a positive α the frequent class is drawn "
        "more often.",
    ),
    Mutant(
        "1/α",
        lambda f, alpha: _q(f, 1 / alpha),
        "You took the root 1/α, not the power α. An exponent below 1 must bring the shares closer together; yours move "
        "apart.",
    ),
    Mutant(
        "1 − α",
        lambda f, alpha: _q(f, 1 - alpha),
        "Your exponent is 1 − α. At α = 1 the shares must be the frequencies themselves, at α = 0 equal.",
    ),
    Mutant(
        "exponential of the counts",
        lambda f, alpha: (_refuse(f), _softmax(alpha * f))[1],
        "You took a softmax of the counts. The weights are powers of the counts: a softmax would need their logarithms.",
    ),
    Mutant(
        "logarithms for powers",
        lambda f, alpha: _normal(np.where(f > 0, _log_powers(f, alpha), 0)) if alpha else _q(f, alpha),
        "Your weights are α ln f, the logarithms of the powers: the exponential is missing. A class that occurs once would get "
        "nothing.",
        _alike,
    ),
    Mutant(
        "ln q",
        lambda f, alpha: _log_powers(f, alpha) - np.logaddexp.reduce(_log_powers(f, alpha)),
        "These are the logarithms of the probabilities: take the exponential at the end.",
    ),
    Mutant(
        "length for sum",
        lambda f, alpha: _q(f, alpha) / np.linalg.norm(_q(f, alpha)),
        "You divided by the length of the vector, so that the squares sum to 1. Probabilities themselves must.",
    ),
    Mutant(
        "mixture",
        lambda f, alpha: (_refuse(f), alpha * f / f.sum() + (1 - alpha) / len(f))[1],
        "You mixed the frequencies with equal shares. That agrees at α = 0 and α = 1 and nowhere else: α is an exponent.",
    ),
    Mutant(
        "smoothed",
        lambda f, alpha: (_refuse(f), _q(f + 1, alpha))[1] if alpha else _q(f, alpha),
        "One was added to every count. That moves all shares, and a class that never occurred gets one too.",
        _alike,
    ),
    Mutant(
        "unseen left out",
        lambda f, alpha: _q(f, alpha)[f > 0],
        "The classes that never occurred are missing from your answer, so the places have moved. Keep one entry for each "
        "class, 0 for these.",
    ),
    Mutant("out of range", lambda f, alpha: _normal(_masked_powers(f, alpha)), _RANGE, _left_range),
    Mutant("not refused", _no_refusal, _REFUSED, _silent),
)


def _sigma(s: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0, -s))


def _log_share(f: np.ndarray, scores: np.ndarray, alpha: float, log_push: np.ndarray) -> np.ndarray:
    if len(f) != len(scores):
        raise ValueError("shapes differ")
    return _log_powers(f, alpha) + log_push


def _pushed(
    log_push: Callable[[np.ndarray], np.ndarray],
) -> Callable[[np.ndarray, np.ndarray, float], np.ndarray]:
    """Shares where one draw pushes with exp(log_push(s)) and all else is right."""
    return lambda f, scores, alpha: _softmax(_log_share(f, scores, alpha, log_push(scores)))


def _log_sigma(s: np.ndarray) -> np.ndarray:
    return -np.logaddexp(0, -s)


def _raw_product(f: np.ndarray, scores: np.ndarray, alpha: float) -> np.ndarray:
    """q σ(s), not divided by its sum."""
    return np.exp(_log_share(f, scores, alpha, _log_sigma(scores))) / np.exp(_log_powers(f, alpha)).sum()


def _unseen_push(f: np.ndarray, scores: np.ndarray, alpha: float) -> np.ndarray:
    _log_share(f, scores, alpha, scores)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log((f / f.max()) ** alpha) + _log_sigma(scores)
    return _softmax(logs)


def _all_broadcast(f: np.ndarray, scores: np.ndarray, alpha: float) -> np.ndarray:
    if len(f) != len(scores):
        return np.full(len(scores), 1 / len(scores))
    powers = np.where(f == 0, 0.0, np.where(f == 0, 1.0, f) ** alpha)
    return _normal(powers * _sigma(scores)) if (f != 0).any() else np.full(len(f), np.nan)


_UNDER = (
    "Every σ(s) here is below the smallest float, so your weights are all 0 and the total is too. The shares are ordinary "
    "numbers: multiply by adding logarithms."
)
_WHOLE = "Your entries do not sum to 1: q·σ(s) is the push of each class, its share is that push over the sum of all pushes."
SHARE = (
    Mutant(
        "draws only",
        _pushed(lambda s: 0 * s),
        "This is the share of the draws. A class that the model is confident about has σ(s) near 0, and a draw of it "
        "pushes hardly at all: weight each class by its σ(s).",
    ),
    Mutant(
        "draws only",
        lambda f, scores, alpha: _softmax(_log_powers(f, alpha)),
        "This is the share of the draws. A class that the model is confident about has σ(s) near 0, and a draw of it "
        "pushes hardly at all: weight each class by its σ(s).",
    ),
    Mutant(
        "σ(−s)",
        _pushed(lambda s: _log_sigma(-s)),
        "σ(−s) is the pull of a positive: large where the score is low. A negative is pushed down by σ(s), hardest where its "
        "score is high.",
    ),
    Mutant("not normalised", _raw_product, _WHOLE),
    Mutant(
        "not normalised",
        lambda f, scores, alpha: np.exp(_log_share(f, scores, alpha, _log_sigma(scores))),
        _WHOLE,
    ),
    Mutant(
        "not normalised",
        lambda f, scores, alpha: (
            _softmax(_log_share(f, scores, alpha, 0 * scores)) * _softmax(_log_sigma(scores))
        ),
        _WHOLE,
    ),
    Mutant(
        "scores only",
        lambda f, scores, alpha: _softmax(
            np.where(f > 0, _log_share(f, scores, 0.0, _log_sigma(scores)), -np.inf)
        ),
        "How often a class is drawn is missing: only its score counts in your shares.",
    ),
    Mutant(
        "scores only",
        lambda f, scores, alpha: (_log_share(f, scores, alpha, scores), _softmax(_log_sigma(scores)))[1],
        "How often a class is drawn is missing: only its score counts in your shares.",
    ),
    Mutant(
        "scores only",
        lambda f, scores, alpha: np.exp(_log_share(f, scores, 0.0, _log_sigma(scores))),
        "How often a class is drawn is missing: only its score counts in your shares.",
    ),
    Mutant(
        "mean for sum",
        lambda f, scores, alpha: _softmax(_log_share(f, scores, alpha, _log_sigma(scores))) * len(f),
        "Your entries sum to the number of classes: divide by the sum of the pushes, not by their mean.",
    ),
    Mutant(
        "largest is 1",
        lambda f, scores, alpha: np.exp(
            _log_share(f, scores, alpha, _log_sigma(scores))
            - _log_share(f, scores, alpha, _log_sigma(scores)).max()
        ),
        "Your largest entry is 1, so the whole is more than 1. Divide by the sum, not by the largest.",
    ),
    Mutant(
        "negative shares",
        lambda f, scores, alpha: -_softmax(_log_share(f, scores, alpha, _log_sigma(scores))),
        "A gradient has a sign, a share of it has none: these must be positive and sum to 1.",
    ),
    Mutant(
        "always 0.75",
        lambda f, scores, alpha: _softmax(_log_share(f, scores, 0.75, _log_sigma(scores))),
        "Your shares are those of α = 0.75 whatever `alpha` says.",
    ),
    Mutant(
        "α on the scores",
        lambda f, scores, alpha: _softmax(_log_share(f, scores, alpha, _log_sigma(alpha * scores))),
        "The scores were multiplied by α. The exponent belongs to the counts alone.",
    ),
    Mutant(
        "softmax for σ",
        _pushed(lambda s: s),
        "You weighted by e^s, as the softmax of InfoNCE does. Here each negative has a loss of its own, and its slope σ(s) "
        "never exceeds 1.",
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
        "σ(s)(1 − σ(s)) is the slope of σ, so you differentiated twice. The loss is −ln σ(−s), and its first derivative is "
        "enough.",
    ),
    Mutant(
        "score for σ",
        lambda f, scores, alpha: _normal(_softmax(_log_share(f, scores, alpha, 0 * scores)) * scores),
        "You multiplied by the score itself. A score can be negative and no push can: a draw pushes with σ(s).",
    ),
    Mutant(
        "α on the product",
        lambda f, scores, alpha: _softmax(
            np.where(f > 0, alpha * _log_share(f, scores, 1.0, _log_sigma(scores)), -np.inf)
        ),
        "The exponent belongs to the counts alone: it decides who is drawn. How hard a draw pushes does not depend on it.",
    ),
    Mutant(
        "exponent without effect",
        lambda f, scores, alpha: _softmax(_log_share(f, scores, 1.0, _log_sigma(scores))),
        "Your shares are those of α = 1 at every exponent.",
    ),
    Mutant(
        "squared",
        lambda f, scores, alpha: _softmax(2 * _log_share(f, scores, alpha, _log_sigma(scores))),
        "These are shares of the squared push. The gradient itself is asked for.",
    ),
    Mutant(
        "sum for product",
        lambda f, scores, alpha: _normal(_softmax(_log_share(f, scores, alpha, 0 * scores)) + _sigma(scores)),
        "You added draws and push. A class that is never drawn is never pushed, however high its score: the two multiply.",
    ),
    Mutant("class never seen", _unseen_push, _SEEN, _unseen_drawn),
    Mutant(
        "all weights are 0",
        lambda f, scores, alpha: _normal(_softmax(_log_share(f, scores, alpha, 0 * scores)) * _sigma(scores)),
        _UNDER,
        _left_range,
    ),
    Mutant(
        "e^s overflows",
        lambda f, scores, alpha: _softmax(
            _log_share(f, scores, alpha, np.where(scores > 709, np.nan, _log_sigma(scores)))
        ),
        "e^s is infinite above s = 709, and ∞/∞ is not a number. Write σ so that large scores meet e^(−s), which goes to 0.",
        _left_range,
    ),
    Mutant("not refused", _all_broadcast, _REFUSED, _silent),
)


def _gaps(f: np.ndarray) -> np.ndarray:
    return np.diff(np.log(np.unique(f[f > 0])))


def _halve(below: Callable[[float], bool], low: float, high: float) -> float:
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return high


def _share(f: np.ndarray, c: int) -> Callable[[float], float]:
    ratios = np.log(f[f > 0]) - math.log(f[c])

    def at(alpha: float) -> float:
        with np.errstate(over="ignore"):
            return float(1 / np.exp(alpha * ratios).sum())

    return at


@lru_cache(maxsize=256)
def _solve(counts: tuple[float, ...], c: int, target: float) -> float:
    f = np.array(counts)
    if f[c] == 0 or len(_gaps(f)) == 0:
        raise ValueError("no such exponent")
    share, end = _share(f, c), 800 / _gaps(f).min()
    peak = end if f[c] == f.max() else -end
    if f[f > 0].min() < f[c] < f.max():
        seen = np.log(f[f > 0])
        peak = _halve(lambda a: float(_q(f, a)[f > 0] @ seen) < math.log(f[c]), -end, end)
    if not 0 < target < share(peak):
        raise ValueError("no such exponent")
    return _halve(lambda a: share(a) < target, -end if f[c] == f.max() else end, peak)


def _alpha(f: np.ndarray, c: int, target: float) -> float:
    return _solve(tuple(f.tolist()), c, target)


def _monotone(f: np.ndarray, c: int, target: float, *, falls: bool) -> float:
    """A search that takes the share for falling (or rising) all the way."""
    _alpha(f, c, target)
    share, end = _share(f, c), 800 / _gaps(f).min()
    return _halve(lambda a: (share(a) > target) == falls, -end, end)


def _naive(f: np.ndarray, c: int, target: float, low: float, high: float) -> float:
    """Falling all the way, in a fixed range, and nothing is refused."""
    share = _share(f, c) if f[c] > 0 else lambda alpha: 0.0
    return _halve(lambda a: share(a) > target, low, high)


def _extremes(f: np.ndarray, c: int, target: float) -> float:
    """Falling for all but the most frequent class."""
    return _monotone(f, c, target, falls=f[c] < f.max())


def _confined(f: np.ndarray, c: int, target: float, low: float, high: float) -> float:
    return min(max(_alpha(f, c, target), low), high)


def _odds(f: np.ndarray, c: int, target: float, one: float, other: float) -> float:
    """The formula for two classes, with `one` and `other` as their counts."""
    alpha = _alpha(f, c, target)
    if np.count_nonzero(f) == 2:
        return alpha
    return math.log((1 - target) / target) / math.log(other / one)


def _bracketed(f: np.ndarray, c: int, target: float, low: float, high: float) -> float:
    """A root finder on one fixed bracket, which wants the target between the shares at its ends."""
    alpha, share = _alpha(f, c, target), _share(f, c)
    if (share(low) - target) * (share(high) - target) > 0:
        raise ValueError("no change of sign")
    return alpha


def _own_power(f: np.ndarray, c: int, target: float) -> float:
    _alpha(f, c, target)
    return math.log(target) / math.log(f[c] / f.sum())


def _without_one(f: np.ndarray, c: int, target: float) -> float:
    alpha = _alpha(f, c, target)
    ratio = np.delete(f, c).max() / f[c]
    return math.log(1 / target) / math.log(ratio) if ratio != 1 else alpha


def _any_exponent(f: np.ndarray, c: int, target: float) -> float:
    try:
        return _alpha(f, c, target)
    except ValueError:
        return 0.0


def _share_got(outcome: Outcome) -> float | None:
    return next(iter(outcome.value.values())) if isinstance(outcome.value, dict) else None


def _ran_off(case: Case, got: Outcome, own: Outcome) -> bool:
    """A search that ended far from its target, or a root finder that found no change of sign."""
    share, target = _share_got(got), case.args[2]
    if got.error is not None or share is None:
        return isinstance(got.error, ValueError)
    return share < target / 5 or 1 - share < (1 - target) / 5 or _as_own(case, got, own)


def _as_formula(case: Case, got: Outcome, own: Outcome) -> bool:
    """The share that the formula gives, or what is left where it divides by ln 1."""
    if got.error is not None:
        return isinstance(got.error, ZeroDivisionError | ValueError)
    return _share_got(got) is None or _as_own(case, got, own)


def _as_own(case: Case, got: Outcome, own: Outcome) -> bool:
    """The same share, or a search that refuses."""
    share, other = _share_got(got), _share_got(own)
    if got.error is not None:
        return isinstance(got.error, ValueError)
    return share is not None and other is not None and math.isclose(share, other, rel_tol=1e-4, abs_tol=1e-6)


def _tie_reached(f: np.ndarray, c: int, target: float) -> float:
    tied = np.count_nonzero(f == f[c]) > 1
    return 50.0 if tied and len(f) > 2 and target * 2 >= 1 else _alpha(f, c, target)


def _near_share(case: Case, got: Outcome, own: Outcome) -> bool:
    share, target = _share_got(got), case.args[2]
    return share is not None and abs(share - target) < 0.06 * min(target, 1 - target)


_NARROW = (
    "The exponent lies outside the range of your search. α is not confined to [0, 1]: any finite number is legal, and "
    "counts that are close together need a large one. (Powers that overflow on the way look the same.)"
)
_DIRECTION = (
    "Your search runs the wrong way here. The share of the rarest class falls as α rises, that of the most frequent rises, "
    "and a class in between has a peak: look at which one yours is first."
)
_PEAK = (
    "A class in between has its largest share at some exponent and loses on both sides, and a search over the whole line "
    "misses that. Find the peak, then search on one side of it."
)
_TWO = (
    "This formula is for two classes. With more, the rest does not act as one class: each of its members changes by its own "
    "power."
)
ALPHA = (
    Mutant("range too narrow", lambda f, c, target: _confined(f, c, target, 0.0, 1.0), _NARROW, _as_own),
    Mutant("range too narrow", lambda f, c, target: _naive(f, c, target, 0.0, 1.0), _NARROW, _as_own),
    Mutant("range too narrow", lambda f, c, target: _confined(f, c, target, -1.0, 1.0), _NARROW, _as_own),
    Mutant("range too narrow", lambda f, c, target: _confined(f, c, target, -10.0, 10.0), _NARROW, wherever),
    Mutant(
        "sign of the exponent",
        lambda f, c, target: -_alpha(f, c, target),
        "The sign is reversed: above α = 0 the frequent classes are drawn most, below it the rare ones.",
    ),
    Mutant(
        "1/t for the odds",
        _without_one,
        "A share compares c with all classes, c among them. You solved for c beside the largest alone.",
    ),
    Mutant(
        "two bases",
        lambda f, c, target: _alpha(f, c, target) * math.log(10),
        "Two logarithms to different bases were divided: your exponent is ln 10 times too large. Take both to the same base.",
    ),
    Mutant(
        "two bases",
        lambda f, c, target: _alpha(f, c, target) / math.log(10),
        "Two logarithms to different bases were divided: your exponent is ln 10 times too small. Take both to the same base.",
    ),
    Mutant("wrong direction", lambda f, c, target: _monotone(f, c, target, falls=True), _DIRECTION, _ran_off),
    Mutant(
        "wrong direction",
        lambda f, c, target: _monotone(f, c, target, falls=False),
        _DIRECTION,
        _ran_off,
    ),
    Mutant("wrong direction", lambda f, c, target: _naive(f, c, target, -50.0, 50.0), _DIRECTION, _ran_off),
    Mutant("peak missed", _extremes, _PEAK, _ran_off),
    Mutant(
        "no root in the bracket",
        lambda f, c, target: _bracketed(f, c, target, -10.0, 10.0),
        "At both ends of your bracket the share lies on the same side of the target, so the root finder gives up. Widen the "
        "bracket where counts are close together; where the share has a peak, let the bracket end there.",
        lambda case, got, own: isinstance(got.error, ValueError),
    ),
    Mutant(
        "formula for two classes", lambda f, c, t: _odds(f, c, t, f[c], f.sum() - f[c]), _TWO, _as_formula
    ),
    Mutant("formula for two classes", lambda f, c, t: _odds(f, c, t, f[c], f.max()), _TWO, _as_formula),
    Mutant(
        "formula for two classes", lambda f, c, t: _odds(f, c, t, f[f > 0].min(), f.max()), _TWO, _as_formula
    ),
    Mutant(
        "own power only",
        _own_power,
        "You set the power of c's own frequency to the target. The powers of all other classes change with α too, and the "
        "share is c's part of their sum.",
    ),
    Mutant(
        "share of the rest",
        lambda f, c, target: _alpha(f, c, 1 - target),
        "At your exponent all the other classes together have the target, and c has what is left.",
    ),
    Mutant(
        "not refused",
        _any_exponent,
        "No exponent gives this share, yet you returned one. What shares can class c have at all? Raise ValueError for the "
        "rest.",
        _silent,
    ),
    Mutant(
        "ties forgotten",
        _tie_reached,
        "Classes that tie share alike at every exponent, so one of two never reaches a half. Raise ValueError there.",
        _silent,
    ),
    *(
        Mutant(
            "rounded",
            lambda f, c, target, digits=digits: round(_alpha(f, c, target), digits),
            "Close, but rounded or from a coarse grid: the share misses its target. Search on until nothing changes.",
            _near_share,
        )
        for digits in (2, 5)
    ),
)


def _logits(p: np.ndarray, noise: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.log(p) - np.log(noise)


LOGITS = (
    Mutant(
        "K missing",
        lambda p, f, K, alpha: _logits(p, _q(f, alpha)),
        "K is missing: with K negatives for each positive, class c is drawn K q times. Your logits are ln K too high.",
    ),
    Mutant(
        "sign of ln(K q)",
        lambda p, f, K, alpha: _logits(p, 1 / (K * _q(f, alpha))),
        "You added ln(K q). The more often a class is drawn, the further it is pushed down.",
    ),
    Mutant(
        "sign",
        lambda p, f, K, alpha: -_logits(p, K * _q(f, alpha)),
        "The sign is reversed: a class that is often a positive must have a high logit.",
    ),
    Mutant(
        "p missing",
        lambda p, f, K, alpha: -np.log(K * _q(f, alpha)),
        "The positives are missing: this is the shift alone.",
    ),
    Mutant(
        "noise missing",
        lambda p, f, K, alpha: _logits(p, np.ones_like(p)),
        "This is ln p, where a full softmax would end. Negatives drawn from q leave a trace of q.",
    ),
    Mutant(
        "always α = 1",
        lambda p, f, K, alpha: _logits(p, K * _q(f, 1.0)),
        "You took the frequencies as the noise at every exponent. Negatives are drawn by f^α.",
    ),
    Mutant(
        "noise not normalised",
        lambda p, f, K, alpha: _logits(p, K * np.exp(_log_powers(f, alpha))),
        "The powers of the counts must be divided by their sum before they are probabilities.",
    ),
    Mutant(
        "noise not normalised",
        lambda p, f, K, alpha: _logits(p, K * np.exp(_log_powers(f / f.sum(), alpha))),
        "The powers of the counts must be divided by their sum before they are probabilities.",
    ),
    Mutant(
        "no logarithm",
        lambda p, f, K, alpha: p / (K * _q(f, alpha)),
        "This is e to the power s, the ratio of positives to draws. The logit is its logarithm.",
    ),
    Mutant(
        "σ of the logit",
        lambda p, f, K, alpha: p / (p + K * _q(f, alpha)),
        "This is σ(s), the chance that a pair is a positive. The logit is what goes into σ.",
    ),
    Mutant(
        "other base",
        lambda p, f, K, alpha: _logits(p, K * _q(f, alpha)) / math.log(2),
        "Logits go into e^s: take the natural logarithm.",
    ),
    Mutant(
        "K divided",
        lambda p, f, K, alpha: _logits(p, _q(f, alpha) / K),
        "More negatives push the logit down, so K stands beside q: yours go up with K.",
    ),
    Mutant(
        "other base",
        lambda p, f, K, alpha: _logits(p, K * _q(f, alpha)) / math.log(10),
        "Logits go into e^s: take the natural logarithm.",
    ),
    Mutant(
        "p for ln p",
        lambda p, f, K, alpha: p - np.log(K * _q(f, alpha)),
        "You took the logarithm of the noise alone. The ratio of p and K q goes into one logarithm.",
    ),
    Mutant(
        "K times ln q",
        lambda p, f, K, alpha: np.log(p) - K * np.log(_q(f, alpha)),
        "K stands in front of your logarithm. Class c is drawn K q times, and that number goes into it.",
        _alike,
    ),
    Mutant(
        "K + 1",
        lambda p, f, K, alpha: _logits(p, (K + 1) * _q(f, alpha)),
        "The positive was counted as one more draw. There are K draws beside it.",
    ),
    Mutant(
        "normalised",
        lambda p, f, K, alpha: (lambda s: s - np.logaddexp.reduce(s))(_logits(p, _q(f, alpha))),
        "You shifted the logits so that e^s sums to 1. Each class has a loss of its own here, and its level is fixed by K.",
    ),
)
