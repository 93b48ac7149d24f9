"""Exercise 01: exclusion windows and false negatives."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nslab import samplers
from nslab.practice._chance import Watched, pairs_alike
from nslab.practice._exercise import Case, Exercise, Question
from nslab.practice.exercises._01_exclusion_windows import mistakes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The specification: one frame at a time, in the words of the task.


def allowed(T: int, i: int, w: int) -> np.ndarray:
    """Every frame more than w steps away from i."""
    if not 0 <= w < T:
        raise ValueError(f"w must lie in [0, {T}), got {w}")
    if not 0 <= i < T:
        raise ValueError(f"i must lie in [0, {T}), got {i}")
    return np.array([j for j in range(T) if abs(j - i) > w], dtype=np.int64)


def sample_negatives(T: int, i: int, w: int, K: int, rng: np.random.Generator) -> np.ndarray:
    """K of the allowed frames, each as likely as any other, with replacement."""
    frames = allowed(T, i, w)
    if len(frames) == 0:
        raise ValueError(f"frame {i} has no allowed negative with w = {w}")
    return np.array([frames[rng.integers(len(frames))] for _ in range(K)])


def false_negative_rate(sim: np.ndarray, i: int, w: int, thr: float) -> float:
    """The share of the allowed frames whose similarity reaches thr."""
    frames = allowed(len(sim), i, w)
    if len(frames) == 0:
        raise ValueError(f"frame {i} has no allowed negative with w = {w}")
    return sum(float(sim[j]) >= thr for j in frames) / len(frames)


def window_for_mass(sim: np.ndarray, i: int, tau: float, share: float) -> int:
    """The smallest w whose window holds at least `share` of the softmax mass of all frames but i."""
    weight = [0.0 if j == i else math.exp((s - 1) / tau) for j, s in enumerate(sim)]
    for w in range(len(sim)):
        inside = math.fsum(x for j, x in enumerate(weight) if abs(j - i) <= w)
        if inside >= share * math.fsum(weight):
            return w
    raise ValueError(f"no window holds {share} of the mass")


# The inputs.


def _allowed_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    edges = [
        Case((5, 2, 0), "with w = 0 only the anchor itself is excluded"),
        Case((5, 2, 1), "an anchor inside loses both neighbours"),
        Case((5, 0, 1), "at the start there is nothing on the left"),
        Case((5, 4, 1), "at the end there is nothing on the right"),
        Case((6, 1, 2), "the window reaches past the start"),
        Case((6, 4, 2), "the window reaches past the end"),
        Case((5, 2, 2), "the window covers the sequence: no frame is left"),
        Case((1, 0, 0), "one frame has no negative"),
        Case((5, 2, 5), "a window as long as the sequence is an error"),
        Case((5, 5, 1), "there is no frame 5 in a sequence of 5"),
        Case((100, 0, 5), "94 frames at an edge"),
        Case((100, 50, 5), "89 frames inside"),
    ]
    drawn = []
    for T in rng.integers(8, 40, 10):
        w = int(rng.integers(0, T // 2))
        drawn.append(Case((int(T), int(rng.integers(0, T)), w)))
    return edges + drawn


def _sample_cases(seed: int) -> list[Case]:
    def rng(n: int) -> Watched:
        return Watched(np.random.PCG64([seed, n]))

    return [
        Case((8, 3, 1, 6, rng(0)), "more draws than frames: a frame may come twice"),
        Case((8, 3, 1, 20000, rng(1)), "each allowed frame as likely as any other"),
        Case((8, 0, 2, 20000, rng(2)), "the window reaches past the start"),
        Case((8, 7, 2, 20000, rng(3)), "the window reaches past the end"),
        Case((12, 5, 0, 20000, rng(4)), "w = 0 excludes the anchor itself"),
        Case((40, 20, 6, 1000, rng(5))),
        Case((40, 2, 6, 1000, rng(6))),
        Case((5, 2, 2, 3, rng(7)), "no frame is allowed: there is nothing to draw from"),
        Case((100, 50, 5, 1, rng(8)), "a single draw"),
        Case((1001, 500, 0, 800, rng(9)), "fewer draws than frames: a frame may come again all the same"),
    ]


def _rate_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    lag = np.abs(np.arange(9) - 4)
    decay = np.round(0.8**lag, 4)
    scene = np.array([1.0, 0.9, 0.1, 0.2, 0.1, 0.9, 0.8])
    edges = [
        Case((scene, 0, 1, 0.5), "a scene comes back far away: the window cannot see it"),
        Case((scene, 0, 1, 0.9), "a similarity of exactly thr counts"),
        Case((decay, 4, 0, 0.5), "w = 0: only the anchor is left out"),
        Case((decay, 4, 2, 0.5), "the window holds most false negatives"),
        Case((decay, 4, 3, 0.99), "none is left"),
        Case((decay, 4, 4, 0.5), "no frame is allowed: there is no rate"),
        Case((decay, 0, 2, 0.4), "an anchor at the start"),
    ]
    drawn = []
    for T in (10, 20, 30, 30, 40):
        i = int(rng.integers(T))
        sim = np.round(rng.uniform(-1, 1, T), 2)
        sim[i] = 1.0
        drawn.append(Case((sim, i, int(rng.integers(0, T // 3)), float(np.round(rng.uniform(-0.5, 0.8), 2)))))
    return edges + drawn


def _mass_cases(seed: int) -> list[Case]:
    video = 0.95 ** np.abs(np.arange(200) - 0)
    middle = 0.9 ** np.abs(np.arange(61) - 30)
    phases = np.random.default_rng(seed).uniform(0.3, 0.9, 4)
    edges = [
        Case((video, 0, 0.1, 0.9), "a low τ: the neighbours hold nearly all of the mass"),
        Case((video, 0, 0.5, 0.9), "a higher τ: the far frames hold most of it together"),
        Case((middle, 30, 0.1, 0.5)),
        Case((middle, 30, 0.01, 0.99), "exp(s/τ) reaches e¹⁰⁰"),
        Case(
            (np.array([1.0, 0.8, 0.1, 0.2, 0.9]), 0, 0.001, 0.9),
            "exp(s/τ) reaches e⁹⁰⁰, above the largest float",
        ),
    ]
    return edges + [Case((float(phi) ** np.abs(np.arange(50) - 20), 20, 0.2, 0.8)) for phi in phases]


# How samples are compared, and what a wrong one looks like.


def _measure(args: tuple[Any, ...], value: Any) -> dict[str, Any]:
    T, i, w, _, rng = args
    ids = np.asarray(value)
    if ids.ndim != 1 or ids.dtype.kind not in "iu":
        raise ValueError(f"K integers in one axis are asked for, got {ids.dtype} of shape {ids.shape}")
    inside = ids[(ids >= 0) & (ids < T)]
    banned = int((np.abs(inside - i) <= w).sum())
    frames = allowed(T, i, w)
    counts = np.bincount(inside, minlength=T)[frames]
    mean = len(ids) / max(1, len(frames))
    seen = counts[counts > 0] if mean >= 100 else counts[:0]
    surprise, variance = pairs_alike(ids)
    n, k = len(frames), len(ids)
    distinct = n * (1 - (1 - 1 / max(1, n)) ** k)  # so many different frames are expected
    return {
        "drawn": len(ids),
        "in the window": banned > 0,
        "outside the sequence": len(inside) < len(ids),
        "never drawn": len(counts) - len(seen) if mean >= 100 else 0,
        "unevenly drawn": (
            bool(np.any(np.abs(seen - np.mean(seen)) > 6 * math.sqrt(mean))) if len(seen) else False
        ),
        "too few repeats": n > k >= 100 and int((counts > 0).sum()) > distinct + 6 * math.sqrt(n) / 2,
        "in turn or in blocks": bool(abs(surprise) > 6 * math.sqrt(variance) + 6),
        "rng unused": n > 1 and rng.unused(),
    }


def _picture(args: tuple[Any, ...], value: Any) -> Figure:
    from matplotlib.figure import Figure

    from nslab.explain import COLORS

    T, i, w, *_ = args
    ids = np.asarray(value)
    figure = Figure(figsize=(6, 1.1), layout="constrained")
    axes = figure.subplots()
    right = allowed(T, i, w)
    axes.axvspan(i - w - 0.5, i + w + 0.5, color=COLORS["faint"], alpha=0.4, lw=0)
    axes.scatter(right, np.ones(len(right)), marker="s", color=COLORS["negative"])
    axes.scatter(ids, np.zeros(len(ids)), marker="s", color=COLORS["hard"])
    axes.scatter([i], [1], marker="s", color=COLORS["anchor"])
    axes.set(xlim=(min(-1, ids.min(initial=0)) - 0.5, max(T, ids.max(initial=0)) + 0.5), ylim=(-0.6, 1.6))
    axes.set_yticks([0, 1], ["yours", "allowed"])
    axes.set_xlabel("frame (grey: the window, dark blue: the anchor)")
    figure.suptitle(f"Your frames below, the allowed ones above: T = {T}, i = {i}, w = {w}", fontsize=9)
    return figure


def _library_sample(T: int, i: int, w: int, K: int, rng: np.random.Generator) -> Any:
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    return samplers.ExclusionWindow(T, w).sample([i], K, generator)[0]


EXERCISE = Exercise(
    "01",
    "exclusion windows and false negatives",
    (
        Question(
            "allowed(T, i, w)",
            allowed,
            lambda T, i, w: samplers.ExclusionWindow(T, w).allowed(i),
            "nslab.ExclusionWindow.allowed",
            _allowed_cases,
            mistakes.ALLOWED,
            (
                (
                    "Write down by hand which frames of 0 … 5 are more than one step away from frame 2, then"
                    " from frame 0. What do the two lists have in common?"
                ),
                (
                    "A frame is allowed or not by one comparison of its distance from i with w. A distance"
                    " has no sign."
                ),
                (
                    "Make all frames at once, compute their distances from i, and keep those where the"
                    " comparison holds. Before that, refuse an i or a w that fits no sequence of T frames."
                ),
            ),
            picture=_picture,
        ),
        Question(
            "sample_negatives(T, i, w, K, rng)",
            sample_negatives,
            _library_sample,
            "nslab.ExclusionWindow.sample",
            _sample_cases,
            mistakes.SAMPLE,
            (
                "You know the list of allowed frames. What is left is to pick from a list, K times.",
                (
                    "Exactly K come back, also when the window is large or K exceeds the number of allowed"
                    " frames. So frames may repeat, and nothing is thrown away afterwards."
                ),
                (
                    "Draw K places in the list of allowed frames with `rng`, and look the frames up. If the"
                    " list is empty, raise ValueError first."
                ),
            ),
            measure=_measure,
            picture=_picture,
        ),
        Question(
            "false_negative_rate(sim, i, w, thr)",
            false_negative_rate,
            None,
            "",
            _rate_cases,
            mistakes.RATE,
            (
                (
                    "A rate is a part of a whole. What is the whole here: all frames, or those that can be"
                    " drawn?"
                ),
                "Take the similarities of the allowed frames only. How many reach the threshold?",
                "The mean of a list of truths is a share. No allowed frame, no rate: raise ValueError.",
            ),
        ),
        Question(
            "window_for_mass(sim, i, tau, share)",
            window_for_mass,
            None,
            "",
            _mass_cases,
            mistakes.MASS,
            (
                (
                    "Give each frame but the anchor its weight e^{s/τ}. How much of their sum lies within one"
                    " step, within two, …?"
                ),
                (
                    "Sort the question by distance: sum the weights at each distance from i, then add them up"
                    " outwards."
                ),
                (
                    "The first distance at which the running sum reaches `share` of the total is the answer."
                    " Take the largest score from all scores before the exponential."
                ),
            ),
            stretch=True,
        ),
    ),
)
