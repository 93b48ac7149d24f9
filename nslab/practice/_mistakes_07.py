"""Exercise 07: the mistakes that are known by name."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from nslab.practice._exercise import Case, Mutant
from nslab.practice._judge import as_array
from nslab.practice._run import Outcome

# Ways in which an outcome can look like a mutant's.


def _not_finite(case: Case, got: Outcome, own: Outcome) -> bool:
    """NaN or infinity somewhere; an exception where the math module or numpy's `choice` meets one."""
    if got.error is not None:
        return isinstance(got.error, OverflowError | ZeroDivisionError | ValueError)
    value = as_array(got.value)
    return value is not None and not np.isfinite(value).all()


def _unrefused(case: Case, got: Outcome, own: Outcome) -> bool:
    return got.error is None or isinstance(got.error, ZeroDivisionError)


def _alike(case: Case, got: Outcome, own: Outcome) -> bool:
    """The same sample up to chance, or what stands for it."""
    if not isinstance(got.value, dict) or not isinstance(own.value, dict):
        return False
    pairs = {name: (float(got.value[name]), float(own.value[name])) for name in own.value}
    mean, other = pairs.pop("mean logit of the draws")
    near = abs(mean - other) <= 0.05 * np.ptp(case.args[0])
    return near and all(math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-8) for a, b in pairs.values())


# proposal


def _above_zero(T: float) -> None:
    if not T > 0:
        raise ValueError("T must be > 0")


def _softmax(f: np.ndarray, T: float = 1.0) -> np.ndarray:
    weights = np.exp((f - f.max()) / T)
    return weights / weights.sum()


def _refusing(wrong: Callable[[np.ndarray, float], np.ndarray]) -> Callable[[np.ndarray, float], np.ndarray]:
    def refused(f: np.ndarray, T: float) -> np.ndarray:
        _above_zero(T)
        return wrong(f, T)

    return refused


_OVERFLOW = (
    "exp left the range of float64: above 709 it is infinite, far below 0 all weights are 0, and their ratio is NaN. "
    "A softmax does not change when one number is taken from all logits: make the largest 0 first."
)
_SUM = "Your chances do not sum to 1: divide by their sum."
PROPOSAL = (
    Mutant(
        "exp overflows",
        _refusing(lambda f, T: np.exp(f / T) / np.exp(f / T).sum()),
        _OVERFLOW,
        _not_finite,
    ),
    Mutant(
        "temperature ignored",
        _refusing(lambda f, T: _softmax(f)),
        "Your q does not depend on T, or T cancels when you divide by the sum: it must divide the logits, inside the "
        "exponential.",
    ),
    Mutant(
        "multiplied by T",
        _refusing(lambda f, T: _softmax(f, 1 / T)),
        "A large T must flatten q, yours gets sharper: divide the logits by T.",
    ),
    Mutant(
        "least likely first",
        _refusing(lambda f, T: _softmax(-f, T)),
        "Your q prefers the classes with the lowest logits. The model proposes what it takes for likely: the sign of "
        "the exponent is reversed.",
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
        _refusing(lambda f, T: _softmax(f, T * T)),
        "The logits are divided by T twice. Once is asked for.",
    ),
    Mutant(
        "shares of the logits",
        _refusing(lambda f, T: f / T / (f / T).sum()),
        "You divided the logits by their sum. A logit can be negative and a chance cannot: the exponentials are what "
        "is divided by its sum.",
    ),
    Mutant(
        "T not refused",
        lambda f, T: np.exp((f - f.max()) / T) / np.exp((f - f.max()) / T).sum(),
        "At T = 0 you would divide by 0, and below 0 the order of the classes turns round: raise ValueError before "
        "you compute anything.",
        _unrefused,
    ),
)

# expected_gradient

Gradient = Callable[[np.ndarray, np.ndarray, np.ndarray, int, bool], np.ndarray]
OfPlaces = Callable[[np.ndarray], np.ndarray]


@lru_cache
def _places(n: int, K: int) -> np.ndarray:
    """A row for each positive with each sequence of K draws: (n^(K+1), K + 1) classes."""
    return np.array(list(itertools.product(range(n), repeat=K + 1)))


def _summed(
    pd: np.ndarray,
    q: np.ndarray,
    K: int,
    pos: np.ndarray,
    neg: np.ndarray,
    *,
    chance: OfPlaces | None = None,
    banned: OfPlaces | None = None,
    lost: OfPlaces | None = None,
    shift: bool = True,
) -> np.ndarray:
    """The sum over all draws, with logits `pos` of a positive and `neg` of a negative.

    `chance` of a row, if it is not the right one; places that are `banned` from the softmax; weights that get `lost`.
    """
    places = _places(len(q), K)
    logits = np.column_stack([pos[places[:, 0]], neg[places[:, 1:]]])
    if banned is not None:
        logits = np.where(banned(places), -np.inf, logits)
    weights = np.exp(logits - logits.max(1, keepdims=True) if shift else logits)
    weights /= weights.sum(1, keepdims=True)
    if lost is not None:
        weights = np.where(lost(places), 0, weights)
    share = pd[places[:, 0]] * q[places[:, 1:]].prod(1) if chance is None else chance(places)
    push = np.bincount(places.ravel(), (weights * share[:, None]).ravel(), len(q))
    return push - np.bincount(places[:, 0], share, len(q))


def _ln(q: np.ndarray, corrected: bool) -> np.ndarray:
    """What is subtracted from the logits."""
    if not corrected:
        return np.zeros_like(q)
    if q.min() <= 0:
        raise ValueError("no ln q")
    return np.log(q)


def _right(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
    logits = f - _ln(q, corrected)
    return _summed(pd, q, K, logits, logits)


def _logits(pos: float, neg: float, per_draw: bool = False) -> Gradient:
    """So many times ln q is subtracted from the positive's logit, and from a negative's."""

    def wrong(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
        ln_q = _ln(q, corrected)
        ln_k = math.log(K) if per_draw and corrected else 0.0
        return _summed(pd, q, K, f - pos * ln_q, f - neg * (ln_q + ln_k))

    return wrong


def _with(**changes: Any) -> Gradient:
    """The right logits, another sum."""

    def wrong(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
        logits = f - _ln(q, corrected)
        return _summed(pd, q, K, logits, logits, **changes)

    return wrong


def _scaled(factor: Callable[[int, int], float]) -> Gradient:
    return lambda pd, f, q, K, corrected: factor(len(f), K) * _right(pd, f, q, K, corrected)


def _closed(factor: Callable[[int], float]) -> Gradient:
    def wrong(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
        _ln(q, corrected)
        return factor(K) * (_softmax(f) - pd)

    return wrong


def _flows(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
    """With ln q taken as a function of f, all corrected logits are ln Z, and the loss is ln(K + 1) for every f."""
    right = _right(pd, f, q, K, corrected)
    return np.zeros_like(right) if corrected else right


def _ratio(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
    _ln(q, corrected)
    logits = f - q if corrected else f
    return _summed(pd, q, K, logits, logits)


def _reversed_flag(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
    _ln(q, corrected)
    return _right(pd, f, np.maximum(q, 1e-300), K, not corrected)


def _always(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
    _ln(q, corrected)
    return _right(pd, f, np.maximum(q, 1e-300), K, True)


def _flag_times_ln(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
    _ln(q, corrected)
    logits = f - corrected * np.log(q)
    return _summed(pd, q, K, logits, logits)


def _overflowing(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
    logits = f - _ln(q, corrected)
    return _summed(pd, q, K, logits, logits, shift=False)


def _unrefused_hole(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
    logits = f - np.log(q) if corrected else f
    return _summed(pd, q, K, logits, logits)


def _equal_draws(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
    logits = f - _ln(q, corrected)
    return _summed(pd, np.full(len(q), 1 / len(q)), K, logits, logits)


def _equal_positives(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
    return _right(np.full(len(q), 1 / len(q)), f, q, K, corrected)


def _swapped(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
    logits = f - _ln(q, corrected)
    return _summed(q, pd, K, logits, logits)


def _one_negative(factor: Callable[[int], float]) -> Gradient:
    return lambda pd, f, q, K, corrected: factor(K) * _right(pd, f, q, 1, corrected)


def _push_only(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
    return _right(pd, f, q, K, corrected) + pd


def _redrawn(own_rule: bool) -> Gradient:
    """The positive never comes and the others share its chance; corrected as here, or by that rule's own ln(K q')."""

    def wrong(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
        ln_q = _ln(q, corrected)
        total = np.zeros_like(q)
        for i, place in enumerate(np.eye(len(q))):
            rest = q * (1 - place) / (1 - q[i])
            pos = neg = f - ln_q
            if own_rule and corrected:
                pos, neg = f, f - np.log(K * (rest + place))
            total += _summed(pd[i] * place, rest, K, pos, neg)
        return total

    return wrong


def _hits(places: np.ndarray) -> np.ndarray:
    """Negatives that are the positive once more."""
    hits = places == places[:, :1]
    hits[:, 0] = False
    return hits


def _repeated(places: np.ndarray, first: int = 0) -> np.ndarray:
    """Places whose class comes again later on: `a[ids] += w` keeps the last one only."""
    lost = np.zeros(places.shape, dtype=bool)
    for k in range(first, places.shape[1]):
        lost[:, k] = (places[:, k + 1 :] == places[:, k : k + 1]).any(1)
    return lost


def _some_draws(kept: Callable[[tuple[int, ...]], bool]) -> Gradient:
    """Only the sequences of draws that are kept, each with its chance."""

    def wrong(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
        def chance(places: np.ndarray) -> np.ndarray:
            whole = pd[places[:, 0]] * q[places[:, 1:]].prod(1)
            return whole * np.array([kept(tuple(row)) for row in places.tolist()])

        return _with(chance=chance)(pd, f, q, K, corrected)

    return wrong


_RULE = (
    "You left out the draws that hit the positive. The rule of this exercise is to draw from all n classes, the positive "
    "among them: only then is K/(K+1) the factor at q = softmax(f). Other rules need other corrections."
)
_REPEATED = (
    "A class that fills two places gets the weight of one of them only: `g[ids] += w` adds once for each different "
    "id. Add place by place, or with `np.add.at`."
)
_ONE = (
    "Your negatives stand against the positive one by one, so K changes nothing but the scale. The K draws stand in one "
    "softmax, together with the positive."
)
GRADIENT = (
    Mutant(
        "+ ln q",
        _logits(-1, -1),
        "The sign of the correction is wrong: popular negatives now count twice, once because they are drawn often and "
        "once because ln q raises their logits. Subtract it.",
    ),
    Mutant(
        "negatives only corrected",
        _logits(0, 1),
        "You corrected the negatives only. With one negative from q = p_d, training would then end at √p_d in place of "
        "p_d. All K + 1 logits need it, the positive's too.",
    ),
    Mutant(
        "ln K q on the negatives only",
        _logits(0, 1, per_draw=True),
        "ln(K q) on the negatives, nothing on the positive: that is the correction for draws that never hit the "
        "positive. Here they may, and all K + 1 logits need the same one.",
    ),
    Mutant(
        "positive only corrected",
        _logits(1, 0),
        "You corrected the positive only. It is the negatives that are drawn too often or too seldom; all K + 1 logits "
        "need the correction.",
    ),
    Mutant(
        "gradient flows into q",
        _flows,
        "Your corrected gradient is 0 everywhere: ln q moved with f, so that f − ln q is the same constant for all "
        "classes. q is only where the draws came from: hold it fixed (in torch: detach it).",
    ),
    Mutant(
        "not corrected",
        _logits(0, 0),
        "Your answer is the same with and without `corrected`: where it is True, ln q has to leave the logits.",
    ),
    Mutant(
        "always corrected",
        _always,
        "You subtract ln q also where `corrected` is False: the raw logits are asked for there.",
    ),
    Mutant(
        "flag reversed", _reversed_flag, "You correct where `corrected` is False, and not where it is True."
    ),
    Mutant(
        "q for ln q",
        _ratio,
        "You subtracted q itself. A logit is a logarithm, so what is taken from it is a logarithm too.",
    ),
    Mutant(
        "uphill",
        _scaled(lambda n, K: -1.0),
        "The sign is reversed: this is the gradient of ln p, which rises. The gradient of the loss is negative at the "
        "positive.",
    ),
    Mutant(
        "pull missing",
        _push_only,
        "Only the push is there, and your gradient sums to 1. In each loss the positive is pulled by 1 too, so that "
        "the gradient sums to 0.",
    ),
    Mutant("positive never drawn", _with(banned=_hits), _RULE),
    Mutant("positive never drawn", _some_draws(lambda row: row[0] not in row[1:]), _RULE),
    Mutant("positive never drawn", _redrawn(own_rule=False), _RULE),
    Mutant("positive never drawn", _redrawn(own_rule=True), _RULE),
    Mutant(
        "without replacement",
        _some_draws(lambda row: len(set(row[1:])) == len(row) - 1),
        "Some draws are missing: those in which a negative comes twice. Draws are with replacement.",
    ),
    Mutant(
        "orders counted once",
        _some_draws(lambda row: list(row[1:]) == sorted(row[1:])),
        "You listed sets of draws, but 0 then 1 and 1 then 0 are two outcomes, each with the chance q(0) q(1). List "
        "sequences.",
    ),
    Mutant("repeated ids counted once", _with(lost=_repeated), _REPEATED),
    Mutant("repeated ids counted once", _with(lost=lambda places: _repeated(places, first=1)), _REPEATED),
    Mutant(
        "repeated ids counted once",
        _with(lost=lambda places: _repeated(places, first=1) | _hits(places)),
        _REPEATED,
    ),
    Mutant("one negative at a time", _one_negative(lambda K: 1.0), _ONE),
    Mutant("one negative at a time", _one_negative(lambda K: float(K)), _ONE),
    Mutant(
        "draws counted alike",
        _equal_draws,
        "Every sequence of draws counts the same in your mean. Its chance is the product of the q of its draws.",
    ),
    Mutant(
        "positives counted alike",
        _equal_positives,
        "Every positive counts the same in your mean. Class x is the positive with chance p_d(x).",
    ),
    Mutant(
        "p_d and q swapped",
        _swapped,
        "The positive comes from p_d and the negatives from q, not the reverse.",
    ),
    Mutant(
        "full softmax",
        _closed(lambda K: 1.0),
        "This is p − p_d, the gradient of the full softmax. That of K draws is shorter, and for most q it has "
        "another direction: sum over the draws.",
    ),
    Mutant(
        "K/(K+1) for every q",
        _closed(lambda K: K / (K + 1)),
        "K/(K+1) times p − p_d holds for q = softmax(f), corrected, and for nothing else. Sum over the draws.",
    ),
    Mutant(
        "mean over the draws",
        _scaled(lambda n, K: float(n) ** -(K + 1)),
        "A mean over all outcomes divides by their number, but their chances sum to 1 already: add them up.",
    ),
    Mutant(
        "divided by K",
        _scaled(lambda n, K: 1 / K),
        "Your gradient is K times too short: the K + 1 softmax weights sum to 1 already, so nothing is left to divide "
        "by.",
    ),
    Mutant("exp overflows", _overflowing, _OVERFLOW, _not_finite),
    Mutant(
        "0 times ln 0",
        _flag_times_ln,
        "A class with q = 0 has ln q = −∞, and 0 times that is NaN. Where nothing is to be corrected, take no "
        "logarithm.",
        _not_finite,
    ),
    Mutant(
        "q = 0 not refused",
        _unrefused_hole,
        "A class that is never drawn cannot be corrected: its ln q is −∞. Raise ValueError, where you return "
        "NaN or go on without it.",
        lambda case, got, own: got.error is None,
    ),
)

# sample_negatives

Sample = tuple[np.ndarray, np.ndarray]


def _checked(f: np.ndarray, T: float, positive: int | None) -> np.ndarray:
    """The classes that may be drawn."""
    _above_zero(T)
    if positive is not None and not 0 <= positive < len(f):
        raise ValueError("no such class")
    ids = np.arange(len(f))
    kept = ids if positive is None else ids[ids != positive]
    if len(kept) == 0:
        raise ValueError("nothing to draw")
    return kept


def _log_softmax(z: np.ndarray) -> np.ndarray:
    z = z - z.max()
    return z - np.log(np.exp(z).sum())


def _draw(ids: np.ndarray, log_q: np.ndarray, K: int, rng: np.random.Generator) -> np.ndarray:
    return rng.choice(ids, size=K, p=np.exp(_log_softmax(log_q)))


def _told(told: Callable[[np.ndarray, float, np.ndarray], np.ndarray]) -> Callable[..., Sample]:
    """The right draws, with another `told(f, T, kept)` (n,) in the place of ln q."""

    def wrong(
        f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: int | None = None
    ) -> Sample:
        kept = _checked(f, T, positive)
        ids = _draw(kept, f[kept] / T, K, rng)
        return ids, told(f, T, kept)[ids]

    return wrong


def _own_softmax(z: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """ln softmax over the kept classes, at their places among all."""
    full = np.full(len(z), np.nan)
    full[kept] = _log_softmax(z[kept])
    return full


def _drawn_by(logits: Callable[[np.ndarray, float], np.ndarray], honest: bool) -> Callable[..., Sample]:
    """Draws from the softmax of other logits; an honest ln q is that of these draws, else softmax(f / T)'s."""

    def wrong(
        f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: int | None = None
    ) -> Sample:
        kept = _checked(f, T, positive)
        z = logits(f, T)
        ids = _draw(kept, z[kept], K, rng)
        return ids, _own_softmax(z if honest else f / T, kept)[ids]

    return wrong


def _any_class(f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None) -> Sample:
    _checked(f, T, positive)
    log_q = _log_softmax(f / T)
    ids = _draw(np.arange(len(f)), log_q, K, rng)
    return ids, log_q[ids]


def _if_positive(f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None) -> Sample:
    _checked(f, T, positive)
    kept = _checked(f, T, positive or None)
    log_q = _own_softmax(f / T, kept)
    ids = _draw(kept, log_q[kept], K, rng)
    return ids, log_q[ids]


def _dropped(f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None) -> Sample:
    kept = _checked(f, T, positive)
    ids, _ = _any_class(f, T, K, rng)
    ids = ids if positive is None else ids[ids != positive]
    return ids, _own_softmax(f / T, kept)[ids]


def _distinct(f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None) -> Sample:
    kept = _checked(f, T, positive)
    log_q = _log_softmax(f[kept] / T)
    ids = rng.choice(len(kept), size=K, replace=False, p=np.exp(log_q))
    return kept[ids], log_q[ids]


def _hardest(f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None) -> Sample:
    kept = _checked(f, T, positive)
    ids = kept[np.argsort(-f[kept], kind="stable")][:K]
    return ids, _own_softmax(f / T, kept)[ids]


def _top_only(f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None) -> Sample:
    ids, log_q = _hardest(f, T, 1, rng, positive)
    return np.repeat(ids, K), np.repeat(log_q, K)


def _fewer(case: Case, got: Outcome, own: Outcome) -> bool:
    """Fewer than asked for, and not merely each class once."""
    drawn = got.value["drawn"] if isinstance(got.value, dict) else case.args[2]
    return drawn < case.args[2] and not 0 < drawn <= len(case.args[0])


def _each_once(case: Case, got: Outcome, own: Outcome) -> bool:
    return isinstance(got.value, dict) and got.value["drawn"] == own.value["drawn"] < case.args[2]


def _late(f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None) -> Sample:
    _checked(f, T, positive)
    q = _softmax(f, T)
    if positive is not None:
        q[positive] = 0
        q = q / q.sum()
    ids = rng.choice(len(f), size=K, p=q)
    return ids, np.log(q[ids])


def _later(f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None) -> Sample:
    _checked(f, T, positive)
    q = _softmax(f, T)
    if positive is not None:
        rest = 1 - q[positive]
        q[positive] = 0
        q = q / rest
    ids = rng.choice(len(f), size=K, p=q)
    return ids, np.log(q[ids])


def _places_for_ids(
    f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None
) -> Sample:
    kept = _checked(f, T, positive)
    log_q = _log_softmax(f[kept] / T)
    places = _draw(np.arange(len(kept)), log_q, K, rng)
    return places, log_q[places]


def _negative_index(
    f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None
) -> Sample:
    _above_zero(T)
    kept = _checked(f, T, None if positive is None else min(positive, len(f) - 1) % len(f))
    log_q = _own_softmax(f / T, kept)
    ids = _draw(kept, log_q[kept], K, rng)
    return ids, log_q[ids]


def _ends_at_an_error(case: Case, got: Outcome, own: Outcome) -> bool:
    return got.error is not None or _not_finite(case, got, own)


_ALIKE = "All classes come equally often: the draws do not ask the model. Give the chances to the draw too."
_HARDEST = (
    "You took the classes with the highest logits. A proposal draws: each class comes with its chance, the top one "
    "only more often."
)
_LATE = (
    "The positive held nearly all of q, so what you divide by is 0 in floating point. Take it out before the softmax, not "
    "after."
)
SAMPLE = (
    Mutant(
        "positive drawn",
        _any_class,
        "The positive is among your draws, though it was given to be left out. Then the others share its chance, and ln "
        "q has to say so.",
        _alike,
    ),
    Mutant(
        "class 0 taken for None",
        _if_positive,
        "Class 0 was the positive, and you drew it: `if positive` is False for 0 as it is for None. Ask `is not None`.",
        _alike,
    ),
    Mutant(
        "ln q of all classes",
        _told(lambda f, T, kept: _log_softmax(f / T)),
        "The positive is out, but your ln q still gives it a share. The classes that are left are drawn more often: "
        "their q sums to 1 without it.",
        _alike,
    ),
    Mutant(
        "temperature ignored",
        _drawn_by(lambda f, T: f, honest=True),
        "Your draws do not depend on T: they come from softmax(f), where softmax(f/T) is asked for.",
        _alike,
    ),
    Mutant(
        "temperature ignored in ln q",
        _told(lambda f, T, kept: _own_softmax(f, kept)),
        "The draws come from softmax(f/T), but your ln q is that of softmax(f). It has to be the one that was drawn "
        "from.",
        _alike,
    ),
    Mutant(
        "temperature ignored in the draws",
        _drawn_by(lambda f, T: f, honest=False),
        "Your ln q is that of softmax(f/T), but the draws come from softmax(f).",
        _alike,
    ),
    Mutant(
        "multiplied by T",
        _drawn_by(lambda f, T: f * T, honest=True),
        "A large T must make all classes alike, yours sharpens: divide the logits by T.",
        _alike,
    ),
    Mutant("uniform draws", _drawn_by(lambda f, T: np.zeros_like(f), honest=False), _ALIKE, _alike),
    Mutant("uniform draws", _drawn_by(lambda f, T: np.zeros_like(f), honest=True), _ALIKE, _alike),
    Mutant(
        "q for ln q",
        _told(lambda f, T, kept: np.exp(_own_softmax(f / T, kept))),
        "The second part is q. Its logarithm is asked for, which is never above 0.",
        _alike,
    ),
    Mutant(
        "logit for ln q",
        _told(lambda f, T, kept: f / T),
        "The second part is f/T. A log-probability has the logarithm of the sum taken away, so that q sums to 1.",
        _alike,
    ),
    Mutant(
        "logit for ln q",
        _told(lambda f, T, kept: f),
        "The second part is f. A log-probability is f/T with the logarithm of the sum taken away, so that q sums to 1.",
        _alike,
    ),
    Mutant(
        "sign of ln q",
        _told(lambda f, T, kept: -_own_softmax(f / T, kept)),
        "The sign of ln q is reversed: the logarithm of a chance is never above 0.",
        _alike,
    ),
    Mutant(
        "drawn, then dropped",
        _dropped,
        "You dropped the draws that hit the positive, so fewer than K came back. Draw from the classes that are left.",
        _fewer,
    ),
    Mutant(
        "without replacement",
        _distinct,
        "No class comes twice in your sample, so K cannot exceed their number. Draws are independent: with replacement.",
        lambda case, got, own: isinstance(got.error, ValueError) if own.error else False,
    ),
    Mutant("hardest only", _hardest, _HARDEST, _each_once),
    Mutant("hardest only", _top_only, _HARDEST, _alike),
    Mutant(
        "places for ids",
        _places_for_ids,
        "You returned places in the list of the classes that are left, instead of the classes at those places.",
        _alike,
    ),
    Mutant("renormalised too late", _late, _LATE, _ends_at_an_error),
    Mutant("renormalised too late", _later, _LATE, _ends_at_an_error),
    Mutant(
        "no such class",
        _negative_index,
        "There is no such class: raise ValueError. An index below 0 counts from the end in Python, and a class that "
        "nobody meant is left out.",
        lambda case, got, own: got.error is None or isinstance(got.error, IndexError),
    ),
)

# resting_point


def _power(power: Callable[[float], float]) -> Callable[[np.ndarray, float, bool], np.ndarray]:
    def wrong(pd: np.ndarray, T: float, corrected: bool) -> np.ndarray:
        weights = pd if corrected else pd ** power(T)
        return weights / weights.sum()

    return wrong


def _one_step(pd: np.ndarray, T: float, corrected: bool) -> np.ndarray:
    weights = pd if corrected else pd / _softmax(np.log(pd), T)
    return weights / weights.sum()


RESTING = (
    Mutant(
        "always p_d",
        lambda pd, T, corrected: pd.copy(),
        "Without the correction training does not end at the data: what is drawn often is pushed often, and ends too "
        "low.",
    ),
    Mutant(
        "never p_d",
        lambda pd, T, corrected: _power(lambda T: T / (1 + T))(pd, T, False),
        "With the correction every T ends at the data: ln q takes back what the draws gave.",
    ),
    Mutant(
        "√p_d for every T",
        _power(lambda T: 0.5),
        "The square root is the answer at T = 1 only. The flatter the proposal, the closer the end is to the data.",
    ),
    Mutant(
        "power turned round",
        _power(lambda T: 1 / (1 + T)),
        "Your answer gets flatter as T grows. It should be the reverse: draws that are nearly uniform need no "
        "correction, so T → ∞ must end at the data.",
    ),
    Mutant(
        "sharper than the data",
        _power(lambda T: (1 + T) / T),
        "Your answer is sharper than the data. What is drawn often is pushed down often, so the end must be flatter.",
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
        "You divided p_d by the q of a model that has reached p_d. It never gets there: q moves with f, and both must "
        "fit at the end.",
    ),
)
