"""Exercise 07: how samples are compared, by what all right ones share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nslab.practice._chance import pairs_alike


def log_chances(
    f: Sequence[float] | np.ndarray, T: float, positive: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """The classes that may be drawn, and ln of the chance of each."""
    if positive is not None and not 0 <= positive < len(f):
        raise ValueError(f"positive must be None or a class, got {positive}")
    ids = [j for j in range(len(f)) if j != positive]
    if not T > 0 or not ids:
        raise ValueError("T must be > 0, and one class must be left to draw")
    top = max(f[j] for j in ids)
    log_z = math.log(sum(math.exp((f[j] - top) / T) for j in ids))
    return np.array(ids), np.array([(f[j] - top) / T - log_z for j in ids])


def measure(args: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """What all right samples share; the mean logit is the expected one unless the draws are uneven."""
    f, T, _, rng, positive = args if len(args) == 5 else (*args, None)
    if not hasattr(value, "__len__") or len(value) != 2:
        raise ValueError("two parts are asked for, ids and log_q")
    ids, log_q = map(np.asarray, value)
    if ids.ndim != 1 or ids.dtype.kind not in "iu" or not np.all((ids >= 0) & (ids < len(f))):
        raise ValueError(f"the first part must be K integers from 0 to {len(f) - 1} in one axis")
    if log_q.shape != ids.shape or log_q.dtype.kind not in "iuf":
        raise ValueError(f"the second part must be K numbers, one a draw, got shape {log_q.shape}")
    kept, right = log_chances(f, T, positive)
    log_chance = np.full(len(f), np.nan)
    log_chance[kept] = right
    chance = np.nan_to_num(np.exp(log_chance))
    off = (log_q - log_chance[ids])[ids != (-1 if positive is None else positive)]
    counts, mean = np.bincount(ids, minlength=len(f)), len(ids) * chance
    apart = np.abs(counts - mean) > 6.5 * np.sqrt(mean * (1 - chance)) + 1e-6  # 6.5 standard deviations
    uneven = len(ids) >= 1000 and bool(apart.any())
    surprise, variance = pairs_alike(ids)
    return {
        "drawn": len(ids),
        "positive drawn": positive is not None and positive in ids,
        "unevenly drawn": uneven,
        "equal ids side by side": len(ids) >= 1000 and surprise > 6.5 * math.sqrt(variance) + 1e-6,
        "no class twice": len(ids) >= 40 and int(counts.max()) == 1,
        "rng unused": bool(chance.max() < 1) and rng.unused(),
        "mean logit of the draws": float(f[ids].mean() if uneven else chance @ f),
        "ln q too high by": float(off.max(initial=0)),
        "ln q too low by": 0.0 - float(off.min(initial=0)),
    }
