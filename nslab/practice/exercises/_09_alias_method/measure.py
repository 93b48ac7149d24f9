"""Exercise 09: how tables and draws are compared, by what all right ones share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from nslab.practice._chance import pairs_alike

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EXACT = 1e-12  # the most by which the probabilities of a right table may be off


def numbers(value: dict[str, Any]) -> np.ndarray:
    """What was measured, as one array."""
    return np.array(list(value.values()), dtype=np.float64)


def _read_table(value: Any) -> tuple[np.ndarray, np.ndarray, bool]:
    """prob, alias, and whether alias came as floats."""
    pair = tuple(value)
    if len(pair) != 2 or any(np.ndim(part) != 1 for part in pair) or len(pair[0]) != len(pair[1]):
        raise ValueError("two arrays of equal length are asked for, prob and alias")
    prob, alias = (np.asarray(part, dtype=np.float64) for part in pair)
    return prob, alias, np.asarray(pair[1]).dtype.kind == "f"


def shares(prob: np.ndarray, alias: np.ndarray, size: int) -> np.ndarray:
    """What each id gets of a table that may be broken: an alias that is no id gets nothing."""
    real = _real_ids(alias, len(prob))
    own = np.bincount(np.arange(len(prob)), prob, size)
    return (own + np.bincount(alias[real].astype(int), 1 - prob[real], size)) / len(prob)


def _real_ids(alias: np.ndarray, n: int) -> np.ndarray:
    return (alias >= 0) & (alias < n) & (alias == np.floor(alias))


def _off(errors: np.ndarray, allowed: Any) -> dict[str, Any]:
    """What is off by more than is allowed, id by id where they are few."""
    errors = np.where(np.abs(errors) <= allowed, 0.0, errors)
    if len(errors) <= 8:
        return {f"id {i} off by:": e for i, e in enumerate(errors)}
    return {"most too much:": errors.max(), "most too little:": errors.min()}


def measure_table(args: tuple[Any, ...], value: Any) -> dict[str, Any]:
    q = np.asarray(args[0], dtype=np.float64) / np.sum(args[0])
    prob, alias, floats = _read_table(value)
    size = max(len(q), len(prob))
    errors = shares(prob, alias, size) - np.pad(q, (0, size - len(q)))
    return {
        "columns:": len(prob),
        "prob outside [0, 1]:": int((~((prob >= -EXACT) & (prob <= 1 + EXACT))).sum()),
        "alias that is no id:": int((~_real_ids(alias, len(prob))).sum()),
        "alias in floats:": floats,
        "drawn at weight 0:": int((errors[: len(q)][q == 0] != 0).sum()),
        **_off(errors, EXACT),
    }


def _most(variance: Any) -> Any:
    """How far a sum of independent 0s and 1s strays from its mean at most, but in one of 10^8 samples
    (Bernstein).
    """
    log = math.log(2e8)
    return log / 3 + np.sqrt(log**2 / 9 + 2 * log * variance)


def _read_ids(value: Any) -> np.ndarray:
    ids = np.asarray(value)
    if ids.ndim != 1 or ids.dtype.kind not in "iu":
        raise ValueError(f"integers in one axis are asked for, got {ids.dtype} of shape {ids.shape}")
    return ids


def _uneven(ids: np.ndarray, chances: np.ndarray) -> dict[str, Any]:
    """By how much each id comes too often, as a share; chances (draws, N). What luck can do counts as
    nothing.
    """
    n = chances.shape[1]
    counts = np.bincount(ids[(ids >= 0) & (ids < n)], minlength=n)
    variance = (chances * (1 - chances)).sum(0)
    off = counts - chances.sum(0)
    lucky = np.abs(off) <= np.where(variance == 0, 1e-6, _most(variance))
    return {f"id {i} off by:": 0.0 if lucky.all() else share for i, share in enumerate(off / len(ids))}


def measure_draws(args: tuple[Any, ...], value: Any) -> dict[str, Any]:
    prob, alias, _, rng = args
    q, ids = shares(prob, alias, len(prob)), _read_ids(value)
    surprise, variance = pairs_alike(ids)
    luck = _most(variance)
    return {
        "drawn:": len(ids),
        "ids that do not exist:": int(((ids < 0) | (ids >= len(q))).sum()),
        **_uneven(ids, np.tile(q, (len(ids), 1))),
        "in blocks:": bool(surprise > luck),
        "in turn:": bool(surprise < -luck),
        "rng unused:": q.max() < 1 and rng.unused(),
    }


def measure_without(args: tuple[Any, ...], value: Any) -> dict[str, Any]:
    prob, alias, excluded, rng = args
    q, ids = shares(prob, alias, len(prob)), _read_ids(value)
    if len(ids) != len(excluded):
        return {"drawn:": len(ids)}
    chances = np.tile(q, (len(ids), 1))
    chances[np.arange(len(ids)), excluded] = 0
    chances /= chances.sum(1, keepdims=True)
    return {
        "drawn:": len(ids),
        "ids that do not exist:": int(((ids < 0) | (ids >= len(q))).sum()),
        "excluded id drawn:": bool((ids == excluded).any()),
        "rng unused:": (q > 0).sum() > 2 and rng.unused(),
        **_uneven(ids, chances),
    }


def picture(args: tuple[Any, ...], value: Any) -> Figure:
    from matplotlib.figure import Figure

    from nslab.explain import COLORS

    prob, alias, _ = _read_table(value)
    n, asked = len(prob), np.asarray(args[0]) / np.mean(args[0])
    given, ids = n * shares(prob, alias, n), np.arange(n)
    low, high = min(0, *prob, *given), max(1, *prob, *given, *asked)
    figure = Figure(figsize=(7, 2.4))
    axes = figure.add_axes((0.07, 0.25, 0.92, 0.6))
    axes.set(xlim=(-0.7, 2 * n + 0.7), ylim=(low, high + 0.35 * (high - low)), yticks=[0, 1], ylabel="height")
    axes.axhline(1, color=COLORS["ink"], lw=1, ls=":")
    axes.vlines(ids, prob, 1, color=COLORS["faint"], lw=12, label="its alias")
    axes.vlines(ids, 0, prob, color=COLORS["negative"], lw=12, label="its own id")
    axes.vlines(ids + n + 1, 0, given, color=COLORS["hard"], lw=9, label="an id gets in all")
    axes.plot(np.arange(len(asked)) + n + 1, asked, "D", color=COLORS["anchor"], label="asked for")
    columns = [f"{i}\n{a:g}" for i, a in enumerate(alias)]
    axes.set_xticks([*ids, *(ids + n + 1)], [*columns, *map(str, ids)])
    axes.set_xlabel("left: columns, each with its alias below; right: ids")
    axes.legend(fontsize=8, ncols=4, loc="upper center")
    figure.suptitle("Your columns, and the probabilities that they give, times N", fontsize=9)
    return figure
