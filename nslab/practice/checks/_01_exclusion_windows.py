"""Exercise 01: exclusion windows and false negatives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from nslab import samplers
from nslab.practice._chance import Watched, pairs_alike
from nslab.practice._exercise import Case, Exercise, Question, edges
from nslab.practice._judgements import not_refused, silent
from nslab.practice._mistakes import mistakes
from nslab.practice._run import Outcome

# The specification: one frame at a time, in the words of the task.


def allowed(T: int, i: int, w: int) -> np.ndarray:
    """Every frame more than w steps away from i."""
    if not (0 <= i < T and 0 <= w < T):
        raise ValueError(f"i and w must lie in [0, {T}), got {i} and {w}")
    return np.array([j for j in range(T) if abs(j - i) > w], dtype=np.int64)


def some(T: int, i: int, w: int) -> np.ndarray:
    """The allowed frames, at least one."""
    if not (frames := allowed(T, i, w)).size:
        raise ValueError(f"frame {i} has no allowed negative with w = {w}")
    return frames


def sample_negatives(T: int, i: int, w: int, K: int, rng: np.random.Generator) -> np.ndarray:
    """K of the allowed frames, each as likely as any other, with replacement."""
    frames = some(T, i, w)
    return np.array([frames[rng.integers(len(frames))] for _ in range(K)])


def false_negative_rate(sim: np.ndarray, i: int, w: int, thr: float) -> float:
    """The share of the allowed frames whose similarity reaches thr."""
    frames = some(len(sim), i, w)
    return sum(float(sim[j]) >= thr for j in frames) / len(frames)


def window_for_mass(sim: np.ndarray, i: int, tau: float, share: float) -> int:
    """The smallest w whose window holds at least `share` of the softmax mass of all frames but i."""
    top = max(s for j, s in enumerate(sim) if j != i)
    weight = [0.0 if j == i else math.exp((s - top) / tau) for j, s in enumerate(sim)]
    inside = [math.fsum(x for j, x in enumerate(weight) if abs(j - i) <= w) for w in range(len(sim))]
    return next(w for w, mass in enumerate(inside) if mass >= share * inside[-1])


def _measure(args: tuple[Any, ...], value: Any) -> dict[str, Any]:
    T, i, w, _, rng = args
    ids = np.asarray(value)
    if ids.ndim != 1 or ids.dtype.kind not in "iu":
        raise ValueError(f"K integers in one axis are asked for, got {ids.dtype} of shape {ids.shape}")
    inside = ids[(ids >= 0) & (ids < T)]
    frames = allowed(T, i, w)
    counts = np.bincount(inside, minlength=T)[frames]
    n, k = len(frames), len(ids)
    mean = k / max(1, n)
    many = mean >= 100
    seen = counts[counts > 0] if many else counts[:0]
    spread = ((seen - seen.sum() / max(1, len(seen))) ** 2).sum() / max(1, mean)  # chi-squared
    surprise, variance = pairs_alike(ids)
    luck = 6 * math.sqrt(variance) + 6
    distinct = n * (1 - (1 - 1 / max(1, n)) ** k)  # so many different frames are expected
    return {
        "drawn": k,
        "in the window": bool((np.abs(inside - i) <= w).any()),
        "outside the sequence": len(inside) < k,
        "never drawn": len(counts) - len(seen) if many else 0,
        "unevenly drawn": bool(spread > n + 9 * math.sqrt(n) + 30),
        "too few repeats": n > k >= 100 and int((counts > 0).sum()) > distinct + 6 * math.sqrt(n) / 2,
        "in turn": bool(surprise < -luck),
        "in blocks": bool(surprise > luck),
        "rng unused": n > 1 and rng.unused(),
    }


def right_allowed(T: int, i: int, w: int) -> np.ndarray:
    allowed(T, i, w)  # raises ValueError where there is no such frame or window
    j = np.arange(T)
    outside = abs(j - i) > w
    return j[outside]


ALLOWED = mistakes(
    right_allowed,
    """
half-open window | outside = ~np.isin(j, [i, *range(i - w, i + w)])
  One end of the window slipped in: it goes from i − w to i + w, and Python's `range` leaves its end out.
half-open window | outside = ~np.isin(j, range(i - w + 1, i + w + 1))
wraps around | outside = ~np.isin(j, np.arange(i - w, i + w + 1) % T)
  You excluded frames from the END of the sequence: an index below 0 counts from there. Clip the window at 0.
wraps around | return np.delete(j, range(i - w, i + w + 1))
empty slice | outside = ~np.isin(j, j[i - w : i + w + 1])
  A slice that starts below 0 starts near the END: here it is empty. Clip the start at 0.
slice to below 0 | return np.concatenate([j[: i - w], j[i + w + 1 :]])
  A slice that ends below 0 counts its end from the END of the sequence. Clip the end at 0.
not clipped | return np.setxor1d(j, range(i - w, i + w + 1))
  At an edge, just the part of the window that lies outside falls away. The part inside stays as it is.
not clipped | outside = abs(j - i) > min(w, i, T - 1 - i)
not clipped | outside = abs(j - np.clip(i, min(w, T - 1 - w), max(w, T - 1 - w))) > w
one-sided | outside = ~np.isin(j, j[i : i + w + 1])
  Frames before the anchor are as near as those after it: the distance has no sign.
one-sided | outside = (j < i - w) ^ (j > i)
one-sided | outside = j - i > w
window one too small | outside = abs(j - i) >= w
  Frames exactly w steps away are inside the window: allowed is more than w steps away.
half a window | outside = abs(j - i) > w // 2
  The window reaches w steps to each side: w is not its whole width.
anchor kept | outside = (abs(j - i) > w) ^ (j == i)
  The anchor is among its own negatives. Its distance is 0, which is never more than w.
anchor kept | outside = abs(j - i) > (w or -1)
the window itself | outside = abs(j - i) <= w
  These frames are the window. Asked for are the others.
the window itself | outside = (abs(j - i) <= w) & (j != i)
an end forgotten | return j[outside & (j < T - 1)]
  A frame at an end of the sequence never comes: they are numbered 0 to T − 1.
an end forgotten | return j[outside & (j > 0)]
an end forgotten | j = np.arange(1, T + 1)
not ascending | return j[outside][::-1]
  These are the right frames in another order than ascending.
not ascending | return np.roll(j[outside], max(0, T - 1 - i - w))
not frames | return outside
  Asked for are the numbers of the frames that are allowed: no truths, and no distances.
not frames | return abs(j - i)[outside]
not refused | lambda T, i, w: np.flatnonzero(abs(np.arange(T) - i) > w) | silent
  No such frame, or no such window, in a sequence of T frames: an empty answer hides it. Raise ValueError.
""",
    silent,
)


def right_sample(T: int, i: int, w: int, K: int, rng: np.random.Generator) -> np.ndarray:
    frames = some(T, i, w)
    drawn = rng.choice(frames, size=K)
    return drawn


def fewer(case: Case, got: Outcome, own: Outcome) -> bool:
    return got.error is None and 0 < got.value["drawn"] < case.args[3]


SAMPLE = mistakes(
    right_sample,
    """
drawn, then dropped | drawn = rng.integers(T, size=K); return drawn[abs(drawn - i) > w] | fewer
  Fewer than K came back: draws in the window, or repeated ones, were dropped. Draw from the allowed frames.
drawn, then dropped | drawn = rng.integers(T, size=9 * K); return drawn[abs(drawn - i) > w][:K] | fewer
without replacement | drawn = rng.choice(frames, size=K, replace=False)
  No frame comes twice, so K cannot exceed the number of allowed frames. Draw with replacement.
distinct while they last | drawn = rng.choice(frames, size=K, replace=len(frames) < K)
  As long as K is at most the number of allowed frames, none comes twice. Draws are independent for every K.
one shuffle | drawn = np.resize(rng.permutation(frames), K)
  A frame that came waits for others. Each draw must be independent of the one before: no order dealt out.
in blocks | drawn = np.sort(rng.choice(frames, size=K))
  Equal frames stand side by side. Draws are independent: do not sort or repeat them.
a generator of its own | drawn = np.random.default_rng(0).choice(frames, size=K)
  Your sample does not come from `rng`, so whoever calls you cannot repeat it. Draw from `rng`.
window ignored | frames = np.arange(T)
  Frames inside the window were drawn. It is inclusive, and the anchor is in it.
places for frames | frames = np.arange(len(some(T, i, w)))
  You returned places in the list of allowed frames instead of the frames at those places.
not equally likely | drawn = rng.choice(frames, size=K, p=abs(frames - i) / abs(frames - i).sum())
  Some frames come more often than others. Draw places in the list of allowed frames: move and weigh none.
not equally likely | drawn = frames[abs(frames - rng.integers(T, size=(K, 1))).argmin(1)]
not equally likely | drawn = rng.choice(frames, K, p=(p := 1 / np.where(frames < i, i, T - i)) / sum(p))
one frame, K times | drawn = np.full(K, rng.choice(frames))
  You drew one frame and repeated it. Each of the K is a draw of its own: pass `size=K`.
wrong jump | drawn = rng.integers(len(frames), size=K); return drawn + (2 * w + 1) * (drawn >= i - w)
  Jump over all frames of the window and no other. At an edge it has fewer than 2w + 1 frames.
wrong jump | frames = np.arange(max(1, T - 2 * w - 1)); return drawn + (2 * w + 1) * (drawn >= i - w)
wrong jump | return np.where(drawn == i + w + 1, max(0, i - w), drawn)
last one never drawn | drawn = rng.choice(frames[: max(1, len(frames) - 1)], size=K)
  One frame never comes. The upper end of `rng.integers(n)` is n − 1 already.
""",
    fewer,
)


def right_rate(sim: np.ndarray, i: int, w: int, thr: float) -> float:
    frames = some(len(sim), i, w)
    near = sim[frames]
    false = near >= thr
    return false.sum() / len(frames)


RATE = mistakes(
    right_rate,
    """
other whole | return false.sum() / len(sim)
  You divided by another number of frames. The rate is a share of those that can be drawn: count them.
other whole | return false.sum() / (len(sim) - 1)
other whole | return false.sum() / (len(sim) - 2 * w - 1)
other whole | return false.sum() / max(1, (sim >= thr).sum())
other whole | return false.sum() / max(1, (np.delete(sim, i) >= thr).sum())
other whole | return false.sum() / max(1, (~false).sum())
window not applied | false = np.delete(sim, i) >= thr; return false.mean()
  You counted inside the window too. What cannot be drawn is no negative.
window not applied | false = sim >= thr; return false.mean()
window not applied | false = sim >= thr
other frames | near = sim[abs(np.arange(len(sim)) - i) >= w]; return false.mean()
  These are other frames than those more than w steps away. Mind both sides, and slices from or to below 0.
other frames | near = np.append(sim[: i - w], sim[i + w + 1 :]); return false.mean()
other frames | near = sim[i + w + 1 :]; return false.sum() / max(1, len(near))
other frames | near = np.where(abs(np.arange(len(sim)) - i) > w, sim, 0)
window not applied | near = np.append(sim[frames], sim[i]); return false.mean()
more than thr | false = near > thr
  A similarity of exactly thr counts as a false negative: compare with ≥.
near enough | false = near >= thr - 1e-6
  A similarity just below thr does not reach it: compare exactly, in float64.
similarity changed | near = abs(sim[frames])
  Compare the similarities as they are: below 0 or above 1 too, and with thr itself.
similarity changed | near = sim[frames].clip(0, 1)
similarity changed | near = sim[frames] / sim[i]
similarity changed | near = sim[frames] - sim[i] + 2 * thr
complement | false = near < thr
  This is the share of true negatives, 1 minus the rate.
complement | false = near <= thr
count for rate | return false.sum()
  This is a number of frames, or of percent. A rate lies between 0 and 1.
count for rate | return 100 * false.mean()
no share | return near[false].mean() if false.any() else 0
  Asked for is how many of the frames reach thr: a share, no similarity, no `any`, no whole number.
no share | return false.sum() // len(frames)
no share | return false.any()
mean of nothing | frames = allowed(len(sim), i, w) | not_refused
  Without an allowed frame there is no rate: raise ValueError, where you divide by zero or return NaN.
""",
    not_refused,
)


def right_window(sim: np.ndarray, i: int, tau: float, share: float) -> int:
    logits = sim / tau
    lag = np.arange(len(sim)) - i
    others = np.where(lag == 0, -np.inf, logits)
    weight = np.exp(others - others.max())
    mass = np.bincount(abs(lag), weight)
    total = mass.sum()
    reached = np.cumsum(mass) >= share * total
    return int(np.argmax(reached))


def at_an_end(case: Case, got: Outcome, own: Outcome) -> bool:
    """The mistake's own window or, where it finds none, whatever a search ends with."""
    T = len(case.args[0])
    return bool(got.error) or got.value in ((0, T // 2, T - 1, T, None) if own.value == 0 else (own.value,))


MASS = mistakes(
    right_window,
    """
anchor counted | others = logits
  You counted the anchor's own weight. It is never a negative of itself.
anchor counted | others = np.where(lag == 0, 0, logits)
anchor counted | total = np.exp(logits - others.max()).sum() | at_an_end
one-sided | mass = np.bincount(abs(lag), weight * (lag > 0)); total = weight.sum() | at_an_end
  You counted the frames after the anchor only. The window reaches as far before it.
one-sided | mass = np.bincount(abs(lag), weight * (lag > 0))
not e^{s/τ} | logits = sim
  The mass of a frame is e^{s/τ}: to base e, divided by τ, and neither s itself nor 1 a frame.
not e^{s/τ} | logits = sim * tau
not e^{s/τ} | logits = sim / tau**2
not e^{s/τ} | logits = -sim / tau
not e^{s/τ} | logits = sim / tau * math.log(10)
not e^{s/τ} | logits = sim / tau * math.log(2)
not e^{s/τ} | weight = np.where(lag, sim, 0)
not e^{s/τ} | weight = 1.0 * (lag != 0)
exp overflows | weight = np.exp(others); reached = np.cumsum(mass / total) >= share | at_an_end
  e^{s/τ} left the range of float64. Take one number from all scores, so that the largest is 0.
exp overflows | weight = np.exp(others) | at_an_end
exp clipped | weight = np.exp(np.minimum(others, 700)) | at_an_end
  You cut s/τ, and scores above the cut became equal. Take one number from all: make the largest 0.
another shift | weight = np.exp(others - logits.max()) | at_an_end
  That shift leaves the range of float64. Take the largest score of the others, not the anchor's or a mean.
one too large | return int(np.argmax(reached)) + 1
  A smaller window holds that share already.
one too small | return int(np.argmax(reached)) - 1
  This window holds less than the share.
a little less | reached = np.cumsum(mass) >= (share - 1e-6) * total
  This window holds a little less than the share: compare exactly, in float64.
more than the share | reached = np.cumsum(mass) > share * total
  A window that holds exactly the share is wide enough: compare with ≥.
frames for steps | return 2 * int(np.argmax(reached)) + 1
  This is a number of frames. Asked for is w, how many steps the window reaches to each side.
frames for steps | reached = np.cumsum(weight[np.argsort(abs(lag), kind="stable")]) >= share * total
frames for steps | reached = np.append(0, np.cumsum(-np.sort(-weight))) >= share * total
another window | reached = np.cumsum(weight) >= share * total
  The window grows from the anchor to both sides: from no other frame, in no circle, with no index below 0.
another window | mass = np.bincount(np.minimum(abs(lag), len(sim) - abs(lag)), weight)
another window | reached = [sum(weight[i - k : i + k + 1]) >= share * total for k in range(len(sim))]
search too short | reached = np.cumsum(mass)[:-1] >= share * total | at_an_end
  Your search ends before the window reaches the farther end: w may be as large as T − 1.
search too short | reached = np.cumsum(mass)[: len(sim) // 2] >= share * total | at_an_end
search too short | reached = np.cumsum(mass)[: min(i, len(sim) - 1 - i) + 1] >= share * total | at_an_end
""",
    at_an_end,
)


def _allowed_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    drawn = [(T, *map(int, rng.integers(0, (T, T // 2))), "") for T in rng.integers(8, 40, 10).tolist()]
    return edges(
        (5, 2, 0, "with w = 0 only the anchor itself is excluded"),
        (5, 2, 1, "an anchor inside loses both neighbours"),
        (5, 0, 1, "at the start there is nothing on the left"),
        (5, 4, 1, "at the end there is nothing on the right"),
        (5, 2, 2, "the window covers the sequence: no frame is left"),
        (5, 2, 5, "a window as long as the sequence is an error"),
        (5, 5, 1, "there is no frame 5 in a sequence of 5"),
        (5, -1, 1, "there is no frame before the first"),
        (5, 2, -1, "there is no window of less than 0"),
        (1200, 0, 5, "a long sequence"),
        *drawn,
    )


def _sample_cases(seed: int) -> list[Case]:
    rows = (
        (8, 3, 1, 6, "more draws than frames: a frame may come twice"),
        (8, 3, 1, 20000, "each allowed frame as likely as any other"),
        (8, 0, 2, 20000, "the window reaches past the start"),
        (101, 50, 0, 20000, "w = 0 excludes the anchor itself"),
        (81, 40, 39, 100, "only the two ends are allowed"),
        (5, 2, 2, 3, "no frame is allowed: there is nothing to draw from"),
        (100, 50, 5, 1, "a single draw"),
        (1001, 500, 0, 800, "fewer draws than frames: a frame may come again all the same"),
    )
    return [Case((*args, Watched(np.random.PCG64([seed, n]))), why) for n, (*args, why) in enumerate(rows)]


def _rate_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    decay = np.round(0.8 ** abs(np.arange(9) - 4), 4)
    scene = np.array([1.0, 0.9, 0.1, 0.2, 0.1, 0.9, 0.8])
    drawn = []
    for T in (10, 20, 30, 30, 40):
        i, w, thr = (*map(int, rng.integers(0, (T, T // 3))), round(rng.uniform(-0.5, 0.8), 2))
        sim = np.where(np.arange(T) == i, 1.0, np.round(rng.uniform(-1, 1, T), 2))
        drawn.append((sim, i, w, thr, ""))
    return edges(
        (scene, 0, 1, 0.5, "a scene comes back far away: the window cannot see it"),
        (scene - (0.1 + 1e-9) * np.eye(7)[5], 0, 1, 0.8, "a similarity of thr counts, one just below not"),
        (decay, 4, 3, 0.99, "none is left"),
        (decay, 4, 4, 0.5, "no frame is allowed: there is no rate"),
        (3 * decay - 2, 0, 2, -0.4, "an anchor at the start, similarities and thr below 0"),
        *drawn,
    )


def _mass_cases(seed: int) -> list[Case]:
    video = 0.95 ** np.arange(200)
    scene = np.array([1.0, 0.8, 0.1, 0.2, 0.9])
    far = -3 + np.array([3, 0, 0, 0.9] + 30 * [0])
    phases = np.random.default_rng(seed).uniform(0.3, 0.9, 4)
    return edges(
        (video, 0, 0.1, 0.9, "a low τ: the neighbours hold nearly all of the mass"),
        (video, 0, 0.5, 0.9, "a higher τ: the far frames hold most of it together"),
        (scene, 0, 0.001, 0.9, "exp(s/τ) reaches e⁹⁰⁰, above the largest float"),
        (scene[[0, 1, 4, 2, 3]], 0, 0.001, 0.4, "e⁹⁰⁰ holds nearly all of the mass, and e⁸⁰⁰ nothing"),
        (far, 0, 0.001, 0.9, "minus distances: all but the anchor's lie far below 0"),
        (np.zeros(5), 2, 0.5, 0.5, "exactly half of the mass is half of it"),
        (np.zeros(5), 2, 0.5, 0.5 + 1e-9, "a little more than half needs one step more"),
        *[(phi ** abs(np.arange(50) - 20), 20, 0.2, 0.8, "") for phi in phases],
    )


def _picture(args: tuple[Any, ...], value: Any) -> Any:
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
    axes.set(
        yticks=[0, 1], yticklabels=["yours", "allowed"], xlabel="frame (grey: window, dark blue: anchor)"
    )
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
                "By hand: which frames of 0 … 5 are more than one step away from 2, and which from 0?",
                "A frame is allowed or not by one comparison: of its distance from i, unsigned, with w.",
                "Refuse a wrong i or w, then make all frames and keep those where the comparison holds.",
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
                "K may exceed the number of allowed frames: they may repeat, and none is thrown away.",
                "Draw K places in the list with `rng`, and look them up. First refuse an empty list.",
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
                "A rate is a part of a whole. Which one: all frames, or those that can be drawn?",
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
                "Give each frame but the anchor its weight e^{s/τ}. How much lies within one step, or two?",
                "Sum the weights at each distance from i, then add these sums up outwards.",
                "Where is `share` of the total reached? First take the others' largest score from all.",
            ),
            stretch=True,
        ),
    ),
)
