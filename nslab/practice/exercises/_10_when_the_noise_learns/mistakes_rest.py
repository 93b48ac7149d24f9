"""Exercise 10: the mistakes that are known by name, on the way to the point of rest."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from nslab.practice._exercise import Case, Mutant
from nslab.practice._judgements import as_array
from nslab.practice._run import Outcome
from nslab.practice.exercises._10_when_the_noise_learns.mistakes import LN_K, no_error
from nslab.practice.exercises._10_when_the_noise_learns.mistakes_gradient import gradient_of


@lru_cache(maxsize=4096)
def _search(
    mode: str,
    T: float,
    pd: tuple[float, ...],
    k: int,
    u: float,
    times_k: float | None = None,
    steps: int = 600,
    refuse: bool = True,
    step: float = 0.5,
) -> np.ndarray:
    share = np.array(pd)
    f = np.full(len(pd), -np.log(len(pd)))
    for _ in range(steps):
        direction = gradient_of(f, mode, share, k, T, u, times_k=times_k) / share
        if abs(direction).max() < 1e-9:
            return f
        if not np.isfinite(direction).all():
            break
        f = f + step * direction
    if refuse:
        raise ValueError("does not come to rest")
    return f


def _rest(mode: str, T: float, pd: np.ndarray, k: int, u: float = 0.0, **how: Any) -> np.ndarray:
    return _search(mode, T, tuple(pd.tolist()), k, u, **how).copy()


def _rest_of(**other: str) -> Callable[..., np.ndarray]:
    def wrong(mode: str, T: float, pd: np.ndarray, k: int, u: float = 0.0) -> np.ndarray:
        return _rest(other.get(mode, mode), T, pd, k, u)

    return wrong


def _power(exponent: Callable[[float], float], *, scaled: bool) -> Callable[..., np.ndarray]:
    """A closed form in mode 'uncorrected': a power of the data, with the sum that it should have or with
    sum 1.
    """

    def wrong(mode: str, T: float, pd: np.ndarray, k: int, u: float = 0.0) -> np.ndarray:
        right = _rest(mode, T, pd, k, u)
        if mode != "uncorrected" or u > 0:
            return right
        power = exponent(T) * np.log(pd)
        return power - np.logaddexp.reduce(power) + scaled * np.logaddexp.reduce(right)

    return wrong


def _log_softmax(f: np.ndarray) -> np.ndarray:
    return f - np.logaddexp.reduce(f)


def _no_rest(*a: Any) -> np.ndarray:
    raise ValueError("does not come to rest")


def _tilted(mode: str, T: float, pd: np.ndarray, k: int, u: float = 0.0) -> np.ndarray:
    """Started at unequal scores, which shows where nothing moves."""
    end = _rest(mode, T, pd, k, u)
    return _log_softmax(np.linspace(0, 1, len(pd))) if np.ptp(end) < 1e-9 else end


def _sums_to_one(case: Case, got: Outcome, own: Outcome) -> bool:
    value = None if got.error else as_array(got.value)
    return value is not None and value.shape == own.value.shape and abs(np.exp(value).sum() - 1) < 1e-3


def _lost(case: Case, got: Outcome, own: Outcome) -> bool:
    """An error, NaN, or scores that have run off."""
    if got.error is not None:
        return True
    value = as_array(got.value)
    return value is not None and (not np.isfinite(value).all() or bool((abs(value) > 30).any()))


def _other_error(*a: Any) -> np.ndarray:
    try:
        return _rest(*a)
    except ValueError as error:
        raise RuntimeError(str(error)) from None


def _refused(case: Case, got: Outcome, own: Outcome) -> bool:
    return isinstance(got.error, ValueError)


def _on_the_way(case: Case, got: Outcome, own: Outcome) -> bool:
    """Between the start and the end in most states, and at neither."""
    value = None if got.error else as_array(got.value)
    end = _rest(*case.args)
    if value is None or value.shape != end.shape or not np.isfinite(value).all():
        return False
    start = -np.log(len(end))
    far = abs(end - start) > 0.05
    made = (value - start)[far] / (end - start)[far]
    return bool(
        np.median(made) > 0 and np.median(made) < 1 and abs(value - end).max() < abs(end - start).max()
    )


REST = (
    Mutant("ln q for ln(Kq)", lambda *a: _rest(*a, times_k=1.0), LN_K),
    Mutant(
        "probabilities for scores",
        lambda *a: np.exp(_log_softmax(_rest(*a))),
        "You returned probabilities. The scores f are asked for: their exponentials need not sum to 1, and"
        " the sum is a part of the answer.",
    ),
    Mutant(
        "probabilities for scores",
        lambda *a: np.exp(_rest(*a)),
        "You returned probabilities. The scores f are asked for: their exponentials need not sum to 1, and"
        " the sum is a part of the answer.",
    ),
    Mutant(
        "normalised",
        lambda *a: _log_softmax(_rest(*a)),
        "You normalised the answer. Where something biases the end, e^f does not sum to 1: return the scores"
        " as they come to rest.",
    ),
    Mutant(
        "normalised",
        _power(lambda T: T / (1 + T), scaled=False),
        "You normalised the answer. Where something biases the end, e^f does not sum to 1: return the scores"
        " as they come to rest.",
    ),
    Mutant(
        "always the data",
        lambda mode, T, pd, k, u=0.0: np.log(pd),
        "You returned ln p_d whatever the mode. That is where NCE should end. Follow your gradient and see"
        " where it does end.",
    ),
    Mutant(
        "stopping cures all",
        lambda mode, T, pd, k, u=0.0: np.log(pd) if mode == "uncorrected" else _rest(mode, T, pd, k, u),
        "In mode 'uncorrected' the gradient is stopped and the end is still not the data: at T = 1 it is the"
        " square root. Stopping does not replace subtracting.",
    ),
    Mutant(
        "square root at every T",
        lambda mode, T, pd, k, u=0.0: _rest(mode, 1.0 if mode == "uncorrected" else T, pd, k, u),
        "The uncorrected end is the square root of the data at T = 1 only: q ∝ e^{f/T} depends on T, and so"
        " does the power.",
    ),
    Mutant(
        "square root at every T",
        _power(lambda T: 0.5, scaled=False),
        "The uncorrected end is the square root of the data at T = 1 only: q ∝ e^{f/T} depends on T, and so"
        " does the power.",
    ),
    Mutant(
        "wrong power of the data",
        _power(lambda T: 1 / (1 + T), scaled=True),
        "A flat noise (large T) does hardly any harm, so the uncorrected end must approach the data as T"
        " grows. Your power goes the other way.",
    ),
    Mutant(
        "wrong power of the data",
        _power(lambda T: (1 + T) / T, scaled=True),
        "A state that the model likes is drawn often and held down, so the uncorrected end is flatter than"
        " the data. Yours is sharper: the power is upside down.",
    ),
    Mutant(
        "not stopped",
        _rest_of(stop="full"),
        "In mode 'stop' the noise is held in each step, so the end is the data. You let the gradient flow"
        " through q.",
    ),
    Mutant(
        "run-away answered",
        lambda *a: _rest(*a, refuse=False),
        "From here training never comes to rest, and you returned where your loop happened to stop. Raise"
        " ValueError: the scores run away.",
        no_error,
    ),
    Mutant(
        "another error",
        _other_error,
        "You refuse what never comes to rest, and with another error than was asked for: raise ValueError.",
        lambda case, got, own: got.error is not None,
    ),
    Mutant(
        "stands still refused",
        lambda mode, T, pd, k, u=0.0: (
            _no_rest() if T <= 1 and u == 0 and mode in ("logq_only", "full") else _rest(mode, T, pd, k, u)
        ),
        "At T = 1 the gradient is 0 at the start, up to rounding: that is rest. The start is the answer, no"
        " error.",
        _refused,
    ),
    Mutant(
        "another start",
        _tilted,
        "You did not start from equal scores, −ln N each. Where the gradient is 0 for every model that sums"
        " to 1, the start decides the end.",
        _sums_to_one,
    ),
    Mutant(
        "u ignored",
        lambda mode, T, pd, k, u=0.0: _rest(mode, T, pd, k),
        "Your answer does not depend on u, the share of uniform noise. Is it handed on to `nce_gradient`?",
    ),
    Mutant(
        "step too large",
        lambda *a: _rest(*a, step=2.0),
        "In some settings your search jumps to and fro over the end and never gets there. Take a smaller"
        " step.",
        _lost,
    ),
    Mutant(
        "never at rest",
        _no_rest,
        "Your search finds no rest where there is one. Does it climb, that is, add the gradient? Is the step"
        " small enough, and are there enough of them?",
        _lost,
    ),
    Mutant(
        "stops too early",
        lambda *a: (_rest(*a), _rest(*a, steps=8, refuse=False))[1],
        "Your scores are still on the way from the start to the end. Go on until the largest part of the"
        " gradient is tiny, not for a few steps more.",
        _on_the_way,
    ),
)
