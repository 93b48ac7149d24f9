"""Exercise 01: the mistakes that are known by name."""

from __future__ import annotations

import numpy as np

from nslab.practice._exercise import Case, Mutant
from nslab.practice._judgements import answered
from nslab.practice._run import Outcome


def _check(T: int, i: int, w: int) -> None:
    if not 0 <= w < T or not 0 <= i < T:
        raise ValueError("out of range")


def _kept(T: int, excluded: object) -> np.ndarray:
    return np.setdiff1d(np.arange(T), np.asarray(excluded, dtype=np.int64))


def _frames(T: int, i: int, w: int) -> np.ndarray:
    _check(T, i, w)
    j = np.arange(T)
    return j[np.abs(j - i) > w]


def _half_open(T: int, i: int, w: int) -> np.ndarray:
    _check(T, i, w)
    return _kept(T, [i, *(j for j in range(i - w, i + w) if 0 <= j < T)])


def _wrapped(T: int, i: int, w: int) -> np.ndarray:
    _check(T, i, w)
    mask = np.ones(T, dtype=bool)
    for j in range(i - w, i + w + 1):
        mask[j % T if j < 0 else min(j, T - 1)] = False
    return np.flatnonzero(mask)


def _circular(T: int, i: int, w: int) -> np.ndarray:
    _check(T, i, w)
    return _kept(T, np.arange(i - w, i + w + 1) % T)


def _sliced(T: int, i: int, w: int) -> np.ndarray:
    """A slice from a negative start counts from the end, and is empty as a rule."""
    _check(T, i, w)
    mask = np.ones(T, dtype=bool)
    mask[i - w : i + w + 1] = False
    return np.flatnonzero(mask)


def _one_sided(T: int, i: int, w: int) -> np.ndarray:
    _check(T, i, w)
    j = np.arange(T)
    return j[(j < i) | (j > i + w)]


def _at_least(T: int, i: int, w: int) -> np.ndarray:
    _check(T, i, w)
    j = np.arange(T)
    return j[np.abs(j - i) >= w]


def _anchor_kept(T: int, i: int, w: int) -> np.ndarray:
    _check(T, i, w)
    j = np.arange(T)
    return j[(np.abs(j - i) > w) | (j == i)]


def _unchecked(T: int, i: int, w: int) -> np.ndarray:
    j = np.arange(T)
    return j[np.abs(j - i) > w]


def _choose(frames: np.ndarray, K: int, rng: np.random.Generator) -> np.ndarray:
    if len(frames) == 0:
        raise ValueError("nothing to draw from")
    return frames[rng.integers(len(frames), size=K)]


def _draw_then_drop(T: int, i: int, w: int, K: int, rng: np.random.Generator) -> np.ndarray:
    _choose(_frames(T, i, w), 1, rng)
    ids = rng.integers(T, size=K)
    return ids[np.abs(ids - i) > w]


def _no_replacement(T: int, i: int, w: int, K: int, rng: np.random.Generator) -> np.ndarray:
    frames = _frames(T, i, w)
    if len(frames) == 0:
        raise ValueError("nothing to draw from")
    return rng.choice(frames, size=K, replace=False)


def _distinct_while_they_last(T: int, i: int, w: int, K: int, rng: np.random.Generator) -> np.ndarray:
    frames = _frames(T, i, w)
    if len(frames) == 0:
        raise ValueError("nothing to draw from")
    return rng.choice(frames, size=K, replace=len(frames) < K)


def _shuffled_round(T: int, i: int, w: int, K: int, rng: np.random.Generator) -> np.ndarray:
    frames = _frames(T, i, w)
    if len(frames) == 0:
        raise ValueError("nothing to draw from")
    return np.resize(rng.permutation(frames), K)


def _own_generator(T: int, i: int, w: int, K: int, rng: np.random.Generator) -> np.ndarray:
    return _choose(_frames(T, i, w), K, np.random.default_rng(0))


def _no_window(T: int, i: int, w: int, K: int, rng: np.random.Generator) -> np.ndarray:
    return rng.integers(T, size=K)


def _places_for_frames(T: int, i: int, w: int, K: int, rng: np.random.Generator) -> np.ndarray:
    return _choose(np.arange(len(_frames(T, i, w))), K, rng)


def _pushed_out(T: int, i: int, w: int, K: int, rng: np.random.Generator) -> np.ndarray:
    """What falls into the window is moved to the nearest allowed frame."""
    frames = _frames(T, i, w)
    if len(frames) == 0:
        raise ValueError("nothing to draw from")
    ids = rng.integers(T, size=K)
    return frames[np.abs(frames[None, :] - ids[:, None]).argmin(1)]


def _last_missing(T: int, i: int, w: int, K: int, rng: np.random.Generator) -> np.ndarray:
    frames = _frames(T, i, w)
    if len(frames) == 0:
        raise ValueError("nothing to draw from")
    return frames[rng.integers(max(1, len(frames) - 1), size=K)]


def _rate(hits: np.ndarray, whole: int) -> float:
    return float(np.count_nonzero(hits)) / whole


def _some(sim: np.ndarray, i: int, w: int) -> np.ndarray:
    frames = _frames(len(sim), i, w)
    if len(frames) == 0:
        raise ValueError("no rate")
    return sim[frames]


def _everywhere(sim: np.ndarray, i: int, w: int, thr: float) -> float:
    _some(sim, i, w)
    return _rate(np.delete(sim, i) >= thr, len(sim) - 1)


def _nan_or_error(case: Case, got: Outcome, own: Outcome) -> bool:
    """The mean of nothing: NaN, or a division by zero."""
    if got.error is not None:
        return isinstance(got.error, ZeroDivisionError)
    return answered(case, got, own) or got.value != got.value


def _mass(
    sim: np.ndarray, i: int, tau: float, share: float, *, anchor: bool = False, flat: bool = False
) -> int:
    weight = np.exp((sim - sim.max()) / tau)
    weight = np.ones_like(weight) if flat else weight
    if not anchor:
        weight[i] = 0
    lag = np.abs(np.arange(len(sim)) - i)
    inside = np.cumsum(np.bincount(lag, weights=weight))
    return int(np.argmax(inside >= share * weight.sum()))


_WRAP = (
    "You excluded frames from the END of the sequence: an index below 0 counts from there. Clip the window"
    " at 0."
)
ALLOWED = (
    Mutant(
        "half-open window",
        _half_open,
        "Frame i + w slipped in: the window is symmetric and inclusive, from i − w to i + w. Python's `range`"
        " leaves its end out.",
    ),
    Mutant("wraps around", _wrapped, _WRAP),
    Mutant("wraps around", _circular, _WRAP),
    Mutant(
        "empty slice",
        _sliced,
        "A slice that starts below 0 starts near the END, so here it is empty and nothing was excluded. Clip"
        " the start at 0.",
    ),
    Mutant(
        "one-sided",
        _one_sided,
        "Frames before the anchor are as near as those after it: the distance has no sign.",
    ),
    Mutant(
        "window one too small",
        _at_least,
        "Frames exactly w steps away are inside the window: allowed is more than w steps away.",
    ),
    Mutant(
        "anchor kept",
        _anchor_kept,
        "The anchor is among its own negatives. Its distance is 0, which is never more than w.",
    ),
    Mutant(
        "not refused",
        _unchecked,
        "There is no such frame, or no such window, in a sequence of T frames: raise ValueError. An empty"
        " answer would hide the mistake of whoever calls you.",
        lambda case, got, own: got.error is None,
    ),
)
SAMPLE = (
    Mutant(
        "drawn, then dropped",
        _draw_then_drop,
        "You drew from all frames and dropped those in the window, so fewer than K came back. Draw from the"
        " allowed frames, or draw again: never discard.",
        lambda case, got, own: got.error is None and 0 < got.value["drawn"] < case.args[3],
    ),
    Mutant(
        "without replacement",
        _no_replacement,
        "No frame comes twice in your sample, so K cannot exceed the number of allowed frames. Draws are"
        " independent: with replacement.",
        lambda case, got, own: isinstance(got.error, ValueError) if own.error else got.value == own.value,
    ),
    Mutant(
        "distinct while they last",
        _distinct_while_they_last,
        "As long as K is at most the number of allowed frames, none comes twice. Draws are independent for"
        " every K.",
    ),
    Mutant(
        "one shuffle",
        _shuffled_round,
        "The frames come in one order, again and again. Each draw must be independent of the one before.",
    ),
    Mutant(
        "a generator of its own",
        _own_generator,
        "Your sample does not depend on `rng`: it is the same every time. Draw from the generator that was"
        " passed.",
    ),
    Mutant("window ignored", _no_window, "Frames inside the window were drawn, the anchor among them."),
    Mutant(
        "places for frames",
        _places_for_frames,
        "You returned places in the list of allowed frames instead of the frames at those places.",
    ),
    Mutant(
        "moved to the edge",
        _pushed_out,
        "The frames next to the window come too often: what fell into the window was moved there. Each"
        " allowed frame must be as likely as any other.",
    ),
    Mutant(
        "last one never drawn",
        _last_missing,
        "One frame never comes. The upper end of `rng.integers(n)` is n − 1 already.",
    ),
)
RATE = (
    Mutant(
        "share of all frames",
        lambda sim, i, w, thr: _rate(_some(sim, i, w) >= thr, len(sim)),
        "You divided by all frames. The rate is a share of the frames that can be drawn.",
    ),
    Mutant(
        "window not applied",
        lambda sim, i, w, thr: _everywhere(sim, i, w, thr),
        "You counted inside the window too. What cannot be drawn is no negative.",
    ),
    Mutant(
        "more than thr",
        lambda sim, i, w, thr: _rate(_some(sim, i, w) > thr, len(_some(sim, i, w))),
        "A similarity of exactly thr counts as a false negative: compare with ≥.",
    ),
    Mutant(
        "complement",
        lambda sim, i, w, thr: _rate(_some(sim, i, w) < thr, len(_some(sim, i, w))),
        "This is the share of true negatives, 1 minus the rate.",
    ),
    Mutant(
        "count for rate",
        lambda sim, i, w, thr: _rate(_some(sim, i, w) >= thr, 1),
        "This is a number of frames. A rate lies between 0 and 1.",
    ),
    Mutant(
        "mean of nothing",
        lambda sim, i, w, thr: (
            float("nan") if len(sim) <= 2 * w + 1 else _rate(_some(sim, i, w) >= thr, len(_some(sim, i, w)))
        ),
        "Without an allowed frame there is no rate: raise ValueError, where you divide by zero or return"
        " NaN.",
        _nan_or_error,
    ),
)
MASS = (
    Mutant(
        "anchor counted",
        lambda sim, i, tau, share: _mass(sim, i, tau, share, anchor=True),
        "You counted the anchor's own weight. It is never a negative of itself.",
    ),
    Mutant(
        "temperature ignored",
        lambda sim, i, tau, share: _mass(sim, i, 1.0, share),
        "Your window does not depend on τ, and τ decides how much of the mass lies near.",
    ),
    Mutant(
        "share of frames",
        lambda sim, i, tau, share: _mass(sim, i, tau, share, flat=True),
        "You counted frames. Each counts with its weight e^{s/τ}.",
    ),
    Mutant(
        "one too large",
        lambda sim, i, tau, share: _mass(sim, i, tau, share) + 1,
        "A smaller window holds that share already.",
    ),
)
