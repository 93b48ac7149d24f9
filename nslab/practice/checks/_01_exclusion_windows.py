"""Exercise 01: exclusion windows and false negatives."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nslab import samplers
from nslab.practice._chance import Watched, pairs_alike
from nslab.practice._exercise import Case, Exercise, Question, edges
from nslab.practice._judgements import is_number, silent
from nslab.practice._mistakes import mistakes
from nslab.practice._run import Outcome

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


# How samples are compared.


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
    many = mean >= 100
    seen = counts[counts > 0] if many else counts[:0]
    beside = abs(frames - i) == w + 1
    often = many & (counts - mean > 6 * math.sqrt(mean))
    surprise, variance = pairs_alike(ids)
    n, k = len(frames), len(ids)
    distinct = n * (1 - (1 - 1 / max(1, n)) ** k)  # so many different frames are expected
    return {
        "drawn": len(ids),
        "in the window": banned > 0,
        "outside the sequence": len(inside) < len(ids),
        "never drawn": len(counts) - len(seen) if many else 0,
        "too many beside the window": bool(often[beside].any() and not often[~beside].any()),
        "unevenly drawn": (
            bool(np.any(np.abs(seen - np.mean(seen)) > 6 * math.sqrt(mean))) if len(seen) else False
        ),
        "too few repeats": n > k >= 100 and int((counts > 0).sum()) > distinct + 6 * math.sqrt(n) / 2,
        "in turn or in blocks": bool(abs(surprise) > 6 * math.sqrt(variance) + 6),
        "rng unused": n > 1 and rng.unused(),
    }


# A right answer in named steps, and what goes wrong in each.


def right_allowed(T: int, i: int, w: int) -> np.ndarray:
    fits = 0 <= w < T and 0 <= i < T
    if not fits:
        raise ValueError("no such frame, or no such window")
    j = np.arange(T)
    outside = abs(j - i) > w
    return j[outside]


ALLOWED = mistakes(
    right_allowed,
    """
half-open window | outside = ~np.isin(j, [i, *range(i - w, i + w)])
  Frame i + w slipped in: the window is symmetric and inclusive, from i − w to i + w. Python's `range` leaves
  its end out.
wraps around | outside = ~np.isin(j, np.arange(i - w, min(i + w + 1, T)) % T)
  You excluded frames from the END of the sequence: an index below 0 counts from there. Clip the window at 0.
wraps around | outside = ~np.isin(j, np.arange(i - w, i + w + 1) % T)
empty slice | outside = ~np.isin(j, j[i - w : i + w + 1])
  A slice that starts below 0 starts near the END, so here it is empty and nothing was excluded. Clip the
  start at 0.
slice to below 0 | return np.concatenate([j[: i - w], j[i + w + 1 :]])
  A slice that ends below 0 counts its end from the END of the sequence, so here it keeps nearly all frames.
  Clip the end at 0.
one-sided | outside = ~np.isin(j, j[i : i + w + 1])
  Frames before the anchor are as near as those after it: the distance has no sign.
one-sided | outside = j - i > w
window one too small | outside = abs(j - i) >= w
  Frames exactly w steps away are inside the window: allowed is more than w steps away.
anchor kept | outside = (abs(j - i) > w) ^ (j == i)
  The anchor is among its own negatives. Its distance is 0, which is never more than w.
the window itself | outside = abs(j - i) <= w
  These frames are the window. Asked for are the others.
truths for frames | return outside
  You returned True or False for every frame. Asked for are the numbers of the frames that are allowed.
not refused | fits = True | silent
  There is no such frame, or no such window, in a sequence of T frames: raise ValueError. An empty answer
  would hide the mistake of whoever calls you.
""",
    silent,
)


def right_sample(T: int, i: int, w: int, K: int, rng: np.random.Generator) -> np.ndarray:
    frames = right_allowed(T, i, w)
    if len(frames) == 0:
        raise ValueError("nothing to draw from")
    drawn = rng.choice(frames, size=K)
    return drawn


def fewer(case: Case, got: Outcome, own: Outcome) -> bool:
    return got.error is None and 0 < got.value["drawn"] < case.args[3]


def as_refused(case: Case, got: Outcome, own: Outcome) -> bool:
    return isinstance(got.error, ValueError) if own.error else got.value == own.value


SAMPLE = mistakes(
    right_sample,
    """
drawn, then dropped | drawn = rng.integers(T, size=K); return drawn[abs(drawn - i) > w] | fewer
  You drew from all frames and dropped those in the window, so fewer than K came back. Draw from the allowed
  frames, or draw again: never discard.
without replacement | drawn = rng.choice(frames, size=K, replace=False) | as_refused
  No frame comes twice in your sample, so K cannot exceed the number of allowed frames. Draws are independent:
  with replacement.
distinct while they last | drawn = rng.choice(frames, size=K, replace=len(frames) < K)
  As long as K is at most the number of allowed frames, none comes twice. Draws are independent for every K.
one shuffle | drawn = np.resize(rng.permutation(frames), K)
  The frames come in one order, again and again. Each draw must be independent of the one before.
a generator of its own | drawn = np.random.default_rng(0).choice(frames, size=K)
  Your sample does not depend on `rng`: it is the same every time. Draw from the generator that was passed.
window ignored | frames = np.arange(T)
  Frames inside the window were drawn, the anchor among them.
places for frames | frames = np.arange(len(right_allowed(T, i, w)))
  You returned places in the list of allowed frames instead of the frames at those places.
moved to the edge | drawn = frames[abs(frames - rng.integers(T, size=(K, 1))).argmin(1)]
  The frames next to the window come too often: what fell into the window was moved there. Each allowed frame
  must be as likely as any other.
not equally likely | drawn = rng.choice(frames, size=K, p=abs(frames - i) / abs(frames - i).sum())
  Some frames come more often than others. Draw a place in the list of allowed frames: then each is as likely
  as any other.
one frame, K times | drawn = np.full(K, rng.choice(frames))
  You drew one frame and repeated it. Each of the K is a draw of its own: pass `size=K`.
jumps too far | drawn = rng.integers(len(frames), size=K); return drawn + (2 * w + 1) * (drawn >= i - w)
  You jumped over 2w + 1 frames. At an edge part of the window lies outside the sequence, so fewer are
  excluded.
last one never drawn | drawn = rng.choice(frames[: max(1, len(frames) - 1)], size=K)
  One frame never comes. The upper end of `rng.integers(n)` is n − 1 already.
""",
    as_refused,
    fewer,
)


def right_rate(sim: np.ndarray, i: int, w: int, thr: float) -> float:
    frames = right_allowed(len(sim), i, w)
    none = len(frames) == 0
    if none:
        raise ValueError("no rate")
    false = sim[frames] >= thr
    return false.sum() / len(frames)


def nan_or_error(case: Case, got: Outcome, own: Outcome) -> bool:
    """The mean of nothing: NaN, or a division by zero."""
    return is_number(got) or isinstance(got.error, ZeroDivisionError)


RATE = mistakes(
    right_rate,
    """
share of all frames | return false.sum() / len(sim)
  You divided by all frames. The rate is a share of the frames that can be drawn.
share of all frames | return false.sum() / (len(sim) - 1)
divided by T − 2w − 1 | return false.sum() / (len(sim) - 2 * w - 1)
  At an edge part of the window lies outside the sequence, so more than T − 2w − 1 frames are allowed. Count
  them.
window not applied | false = np.delete(sim, i) >= thr; return false.mean()
  You counted inside the window too. What cannot be drawn is no negative.
window not applied | false = sim >= thr; return false.mean()
anchor counted | false = np.append(sim[frames], sim[i]) >= thr; return false.mean()
  You counted the anchor among its negatives. It is excluded like the rest of its window.
more than thr | false = sim[frames] > thr
  A similarity of exactly thr counts as a false negative: compare with ≥.
complement | false = sim[frames] < thr
  This is the share of true negatives, 1 minus the rate.
count for rate | return false.sum()
  This is a number of frames. A rate lies between 0 and 1.
mean of nothing | none = False | nan_or_error
  Without an allowed frame there is no rate: raise ValueError, where you divide by zero or return NaN.
""",
    nan_or_error,
)


def right_window(sim: np.ndarray, i: int, tau: float, share: float) -> int:
    logits = sim / tau
    weight = np.exp(logits - logits.max())
    lag = np.arange(len(sim)) - i
    mass = np.bincount(abs(lag), weight)
    mass[0] = 0
    total = mass.sum()
    w = int(np.argmax(np.cumsum(mass) >= share * total))
    return w


def at_an_end(case: Case, got: Outcome, own: Outcome) -> bool:
    """The mistake's own window or, where none is found, whatever a search ends with."""
    T = len(case.args[0])
    return got.error is not None or got.value is None or got.value in (own.value, 0, T - 1, T)


MASS = mistakes(
    right_window,
    """
anchor counted | mass[0] = 1
  You counted the anchor's own weight. It is never a negative of itself.
anchor counted | total = weight.sum() | at_an_end
one-sided | mass = np.bincount(abs(lag), weight * (lag > 0)); total = weight.sum() - weight[i] | at_an_end
  You counted the frames after the anchor only. The window reaches as far before it.
temperature ignored | logits = sim
  Your window does not depend on τ, and τ decides how much of the mass lies near.
share of frames | weight = np.ones(len(sim))
  You counted frames. Each counts with its weight e^{s/τ}.
exp overflows | weight = np.exp(logits) | at_an_end
  e^{s/τ} left the range of float64. The shares do not change when one number is taken from all scores: make
  the largest 0 first.
exp clipped | weight = np.exp(logits.clip(-700, 700))
  You cut s/τ so that its exponential stays finite, and scores above the cut became equal. The shares do not
  change when one number is taken from all scores: make the largest 0 first.
one too large | return w + 1
  A smaller window holds that share already.
frames for steps | return 2 * w + 1
  This is the number of frames in the window. Asked for is w, how many steps it reaches to each side.
""",
    at_an_end,
)

# The inputs.


def _allowed_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    drawn = []
    for T in rng.integers(8, 40, 10):
        w = int(rng.integers(0, T // 2))
        drawn.append((int(T), int(rng.integers(0, T)), w, ""))
    return edges(
        (5, 2, 0, "with w = 0 only the anchor itself is excluded"),
        (5, 2, 1, "an anchor inside loses both neighbours"),
        (5, 0, 1, "at the start there is nothing on the left"),
        (5, 4, 1, "at the end there is nothing on the right"),
        (6, 1, 2, "the window reaches past the start"),
        (6, 4, 2, "the window reaches past the end"),
        (5, 2, 2, "the window covers the sequence: no frame is left"),
        (1, 0, 0, "one frame has no negative"),
        (5, 2, 5, "a window as long as the sequence is an error"),
        (5, 5, 1, "there is no frame 5 in a sequence of 5"),
        (100, 0, 5, "94 frames at an edge"),
        (100, 50, 5, "89 frames inside"),
        *drawn,
    )


def _sample_cases(seed: int) -> list[Case]:
    rows = (
        (8, 3, 1, 6, "more draws than frames: a frame may come twice"),
        (8, 3, 1, 20000, "each allowed frame as likely as any other"),
        (8, 0, 2, 20000, "the window reaches past the start"),
        (8, 7, 2, 20000, "the window reaches past the end"),
        (12, 5, 0, 20000, "w = 0 excludes the anchor itself"),
        (40, 20, 6, 1000, ""),
        (40, 2, 6, 1000, ""),
        (5, 2, 2, 3, "no frame is allowed: there is nothing to draw from"),
        (100, 50, 5, 1, "a single draw"),
        (1001, 500, 0, 800, "fewer draws than frames: a frame may come again all the same"),
    )
    return [
        Case((*args, Watched(np.random.PCG64([seed, n]))), about) for n, (*args, about) in enumerate(rows)
    ]


def _rate_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    decay = np.round(0.8 ** abs(np.arange(9) - 4), 4)
    scene = np.array([1.0, 0.9, 0.1, 0.2, 0.1, 0.9, 0.8])
    drawn = []
    for T in (10, 20, 30, 30, 40):
        i = int(rng.integers(T))
        sim = np.round(rng.uniform(-1, 1, T), 2)
        sim[i] = 1.0
        drawn.append((sim, i, int(rng.integers(0, T // 3)), float(np.round(rng.uniform(-0.5, 0.8), 2)), ""))
    return edges(
        (scene, 0, 1, 0.5, "a scene comes back far away: the window cannot see it"),
        (scene, 0, 1, 0.9, "a similarity of exactly thr counts"),
        (decay, 4, 0, 0.5, "w = 0: only the anchor is left out"),
        (decay, 4, 2, 0.5, "the window holds most false negatives"),
        (decay, 4, 3, 0.99, "none is left"),
        (decay, 4, 4, 0.5, "no frame is allowed: there is no rate"),
        (decay, 0, 2, 0.4, "an anchor at the start"),
        *drawn,
    )


def _mass_cases(seed: int) -> list[Case]:
    video = 0.95 ** np.arange(200)
    middle = 0.9 ** abs(np.arange(61) - 30)
    scene = np.array([1.0, 0.8, 0.1, 0.2, 0.9])
    phases = np.random.default_rng(seed).uniform(0.3, 0.9, 4)
    return edges(
        (video, 0, 0.1, 0.9, "a low τ: the neighbours hold nearly all of the mass"),
        (video, 0, 0.5, 0.9, "a higher τ: the far frames hold most of it together"),
        (middle, 30, 0.1, 0.5, ""),
        (middle, 30, 0.01, 0.99, "exp(s/τ) reaches e¹⁰⁰"),
        (scene, 0, 0.001, 0.9, "exp(s/τ) reaches e⁹⁰⁰, above the largest float"),
        (scene[[0, 1, 4, 2, 3]], 0, 0.001, 0.4, "e⁹⁰⁰ holds nearly all of the mass, and e⁸⁰⁰ nothing"),
        *[(phi ** abs(np.arange(50) - 20), 20, 0.2, 0.8, "") for phi in phases],
    )


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
            ALLOWED,
            (
                "Write down by hand which frames of 0 … 5 are more than one step away from frame 2, then "
                "from frame 0. What do the two lists have in common?",
                "A frame is allowed or not by one comparison of its distance from i with w. A distance has "
                "no sign.",
                "Make all frames at once, compute their distances from i, and keep those where the "
                "comparison holds. Before that, refuse an i or a w that fits no sequence of T frames.",
            ),
            picture=_picture,
        ),
        Question(
            "sample_negatives(T, i, w, K, rng)",
            sample_negatives,
            _library_sample,
            "nslab.ExclusionWindow.sample",
            _sample_cases,
            SAMPLE,
            (
                "You know the list of allowed frames. What is left is to pick from a list, K times.",
                "Exactly K come back, also when the window is large or K exceeds the number of allowed "
                "frames. So frames may repeat, and nothing is thrown away afterwards.",
                "Draw K places in the list of allowed frames with `rng`, and look the frames up. If the "
                "list is empty, raise ValueError first.",
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
            RATE,
            (
                "A rate is a part of a whole. What is the whole here: all frames, or those that can be "
                "drawn?",
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
            MASS,
            (
                "Give each frame but the anchor its weight e^{s/τ}. How much of their sum lies within one "
                "step, within two, …?",
                "Sort the question by distance: sum the weights at each distance from i, then add them up "
                "outwards.",
                "The first distance at which the running sum reaches `share` of the total is the answer. "
                "Take the largest score from all scores before the exponential.",
            ),
            stretch=True,
        ),
    ),
)
