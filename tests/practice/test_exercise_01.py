"""Exercise 01: right answers in several styles pass, and a learner's own mistakes are named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from answers import assert_named, assert_passed, checker

from nslab.practice._exercise import load

check = checker("01")


def refuse(T: int, i: int, w: int) -> None:
    if i < 0 or i >= T or w < 0 or w >= T:
        raise ValueError("out of range")


def two_ranges(T: int, i: int, w: int) -> list[int]:
    refuse(T, i, w)
    return [*range(0, max(0, i - w)), *range(i + w + 1, T)]


def clipped_mask(T: int, i: int, w: int) -> torch.Tensor:
    refuse(T, i, w)
    mask = torch.ones(T, dtype=torch.bool)
    mask[max(0, i - w) : i + w + 1] = False
    return mask.nonzero().ravel()


def deleted(T: int, i: int, w: int) -> np.ndarray:
    refuse(T, i, w)
    return np.delete(np.arange(T), np.s_[max(0, i - w) : i + w + 1])


def chosen(T: int, i: int, w: int, K: int, rng: np.random.Generator) -> np.ndarray:
    return rng.choice(two_ranges(T, i, w), size=K)


def one_by_one(T: int, i: int, w: int, K: int, rng: np.random.Generator) -> list[int]:
    if not two_ranges(T, i, w):
        raise ValueError("nothing to draw")
    ids: list[int] = []
    while len(ids) < K:
        j = int(rng.integers(T))
        if abs(j - i) > w:
            ids.append(j)
    return ids


def jumped(T: int, i: int, w: int, K: int, rng: np.random.Generator) -> np.ndarray:
    left, right = max(0, i - w), max(0, T - 1 - i - w)
    if left + right == 0:
        raise ValueError("nothing to draw")
    rank = (rng.random(K) * (left + right)).astype(int)
    return np.where(rank < left, rank, rank + T - left - right)


def counted(sim: Any, i: int, w: int, thr: float) -> float:
    frames = two_ranges(len(sim), i, w)
    if not frames:
        raise ValueError("no rate")
    return sum(1 for j in frames if sim[j] >= thr) / len(frames)


def averaged(sim: Any, i: int, w: int, thr: float) -> torch.Tensor:
    frames = clipped_mask(len(sim), i, w)
    if len(frames) == 0:
        raise ValueError("no rate")
    return (torch.from_numpy(sim)[frames] >= thr).double().mean()


def window_by(weights: Callable[..., Any], before: int = 1, end: Any = None) -> Callable[..., Any]:
    """The first window whose weights, of frames before and after the anchor, come to the share."""

    def window_for_mass(sim: Any, i: int, tau: float, share: float) -> Any:
        p = weights(sim / tau, i)
        for w in range(len(sim)):
            if sum(p[max(0, i - before * w) : i]) + sum(p[i + 1 : i + w + 1]) >= share:
                return w
        return len(sim) - 1 if end else None

    return window_for_mass


def others(z: Any, i: int, shift: float | None = None) -> Any:
    p = np.where(np.arange(len(z)) == i, -np.inf, z)
    p = np.exp(p - (max(p) if shift is None else shift))
    return p / p.sum()


@pytest.mark.parametrize("seed", (0, 7))
@pytest.mark.parametrize(
    ("name", "fn"),
    [
        *[("allowed", fn) for fn in (two_ranges, clipped_mask, deleted)],
        *[("sample_negatives", fn) for fn in (chosen, one_by_one, jumped)],
        *[("false_negative_rate", fn) for fn in (counted, averaged)],
        ("window_for_mass", window_by(others)),
    ],
)
def test_right_answers_pass_in_every_style(name: str, fn: Callable[..., Any], seed: int) -> None:
    assert_passed(check(name, fn, seed=seed))


# A learner's own mistakes


def unclipped(T: int, i: int, w: int) -> list[int]:
    refuse(T, i, w)
    frames = list(range(T))
    del frames[i - w : i + w + 1]
    return frames


def half_open(T: int, i: int, w: int) -> list[int]:
    refuse(T, i, w)
    return [j for j in range(T) if j not in range(i - w, i + w) and j != i]


def dropped(T: int, i: int, w: int, K: int, rng: np.random.Generator) -> list[int]:
    if not two_ranges(T, i, w):
        raise ValueError("nothing to draw")
    return [int(j) for j in rng.integers(0, T, K) if abs(j - i) > w]


def unique(T: int, i: int, w: int, K: int, rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(rng.choice(two_ranges(T, i, w), K, replace=False))


def repeated_if_needed(T: int, i: int, w: int, K: int, rng: np.random.Generator) -> np.ndarray:
    frames = two_ranges(T, i, w)
    if len(frames) >= K:
        return np.array(frames)[rng.permutation(len(frames))[:K]]
    return np.array([frames[rng.integers(len(frames))] for _ in range(K)])


def cycled(T: int, i: int, w: int, K: int, rng: np.random.Generator) -> np.ndarray:
    frames = np.array(two_ranges(T, i, w))
    order = rng.permutation(len(frames))
    return frames[order[np.arange(K) % len(frames)]]


def seeded_anew(T: int, i: int, w: int, K: int, rng: np.random.Generator) -> np.ndarray:
    return chosen(T, i, w, K, np.random.default_rng(0))


def overflowing(sim: Any, i: int, tau: float, share: float) -> int:
    weights = np.exp(sim / tau)
    weights[i] = 0
    near = [weights[max(0, i - w) : i + w + 1].sum() for w in range(len(sim))]
    return int(np.argmax(near >= share * weights.sum()))


def of_all(sim: Any, i: int, w: int, thr: float) -> float:
    if not two_ranges(len(sim), i, w):
        raise ValueError("no rate")
    return float(sum(sim[two_ranges(len(sim), i, w)] >= thr) / len(sim))


def empty_mean(sim: Any, i: int, w: int, thr: float) -> Any:
    return (sim[two_ranges(len(sim), i, w)] >= thr).mean() if two_ranges(len(sim), i, w) else float("nan")


def frames_by(keep: Callable[..., Any]) -> Callable[..., Any]:
    """`keep(j, i, w)` of all frames j, where there is such a frame and such a window."""

    def allowed(T: int, i: int, w: int) -> Any:
        refuse(T, i, w)
        return keep(np.arange(T), i, w)

    return allowed


def drawn_by(draw: Callable[..., Any]) -> Callable[..., Any]:
    """`draw(frames, i, w, K, rng)`, where a frame is allowed."""

    def sample_negatives(T: int, i: int, w: int, K: int, rng: np.random.Generator) -> Any:
        if not two_ranges(T, i, w):
            raise ValueError("nothing to draw")
        return draw(np.array(two_ranges(T, i, w)), i, w, K, rng)

    return sample_negatives


def farther_more_often(frames: Any, i: int, w: int, K: int, rng: np.random.Generator) -> Any:
    odds = np.sqrt(abs(frames - i))
    return rng.choice(frames, K, p=odds / sum(odds))


def window_skipped(frames: Any, i: int, w: int, K: int, rng: np.random.Generator) -> list[int]:
    return [int(r) if r < i - w else int(r) + 2 * w + 1 for r in rng.integers(0, len(frames), K)]


def rate_by(rate: Callable[..., Any]) -> Callable[..., Any]:
    """`rate(sim, frames, i, w, thr)`, where a frame is allowed."""

    def false_negative_rate(sim: Any, i: int, w: int, thr: float) -> Any:
        if not two_ranges(len(sim), i, w):
            raise ValueError("no rate")
        return rate(sim, two_ranges(len(sim), i, w), i, w, thr)

    return false_negative_rate


def side_first(frames: Any, i: int, w: int, K: int, rng: np.random.Generator) -> list[int]:
    sides = [side for side in (frames[frames < i], frames[frames > i]) if len(side)]
    return [rng.choice(sides[rng.integers(len(sides))]) for _ in range(K)]


def others_unshifted(z: Any, i: int) -> Any:
    p = np.where(np.arange(len(z)) == i, 0, np.exp(z))
    return p / p.sum()


def softmax(z: Any, i: int) -> Any:
    return torch.tensor(z).softmax(0).numpy()


@pytest.mark.parametrize(
    ("name", "fn", "mistake"),
    [
        ("allowed", frames_by(lambda j, i, w: np.r_[j[: i - w], j[i + w + 1 :]]), "slice to below 0"),
        ("allowed", frames_by(lambda j, i, w: j[j > i + w]), "one-sided"),
        ("allowed", frames_by(lambda j, i, w: j[max(0, i - w) : i + w + 1]), "the window itself"),
        ("allowed", frames_by(lambda j, i, w: (j < i - w) ^ (j > i + w)), "not frames"),
        ("sample_negatives", drawn_by(farther_more_often), "not equally likely"),
        ("sample_negatives", drawn_by(lambda j, i, w, K, rng: [rng.choice(j)] * K), "one frame, K times"),
        ("sample_negatives", drawn_by(window_skipped), "wrong jump"),
        (
            "false_negative_rate",
            rate_by(lambda s, j, i, w, thr: np.mean(s[[i, *j]] >= thr)),
            "window not applied",
        ),
        ("false_negative_rate", rate_by(lambda s, j, i, w, thr: np.mean(s >= thr)), "window not applied"),
        (
            "false_negative_rate",
            rate_by(lambda s, j, i, w, thr: sum(s[j] >= thr) / (len(s) - (2 * w + 1))),
            "other whole",
        ),
        (
            "false_negative_rate",
            rate_by(lambda s, j, i, w, thr: sum(s[j] >= thr) / (len(s) - 1)),
            "other whole",
        ),
        ("window_for_mass", overflowing, "exp overflows"),
        ("window_for_mass", window_by(others_unshifted), "exp overflows"),
        ("window_for_mass", window_by(lambda z, i: others_unshifted(np.minimum(z, 700), i)), "exp clipped"),
        ("window_for_mass", window_by(softmax), "anchor counted"),
        ("window_for_mass", window_by(softmax, end=True), "anchor counted"),
        ("window_for_mass", window_by(others, before=0), "one-sided"),
        ("window_for_mass", lambda *args: 2 * window_by(others)(*args) + 1, "frames for steps"),
        ("allowed", unclipped, "empty slice"),
        ("allowed", half_open, "half-open window"),
        ("sample_negatives", dropped, "drawn, then dropped"),
        ("sample_negatives", unique, "without replacement"),
        ("sample_negatives", repeated_if_needed, "distinct while they last"),
        ("sample_negatives", cycled, "one shuffle"),
        ("sample_negatives", seeded_anew, "a generator of its own"),
        ("false_negative_rate", of_all, "other whole"),
        ("false_negative_rate", empty_mean, "mean of nothing"),
        ("allowed", frames_by(lambda j, i, w: j[(j > i - w) & (abs(j - i) > w)]), "one-sided"),
        (
            "allowed",
            frames_by(lambda j, i, w: np.sort([*set(j) ^ {*range(i - w, i + w + 1)}])),
            "not clipped",
        ),
        ("allowed", frames_by(lambda j, i, w: np.r_[i + w + 1 : len(j), : max(0, i - w)]), "not ascending"),
        ("allowed", frames_by(lambda j, i, w: j[2 * abs(j - i) > w]), "half a window"),
        ("allowed", frames_by(lambda j, i, w: [k for k in j[:-1] if abs(k - i) > w]), "an end forgotten"),
        (
            "sample_negatives",
            drawn_by(lambda j, i, w, K, rng: np.unique(rng.choice(j, K))),
            "drawn, then dropped",
        ),
        ("sample_negatives", drawn_by(side_first), "not equally likely"),
        ("sample_negatives", drawn_by(lambda j, i, w, K, rng: sorted(rng.choice(j, K))), "in blocks"),
        (
            "sample_negatives",
            drawn_by(
                lambda j, i, w, K, rng: [max(0, i - w) if k == i + w + 1 else k for k in rng.choice(j, K)]
            ),
            "wrong jump",
        ),
        (
            "false_negative_rate",
            rate_by(lambda s, j, i, w, thr: sum(s[j] >= thr) / sum(s >= thr)),
            "other whole",
        ),
        (
            "false_negative_rate",
            rate_by(lambda s, j, i, w, thr: np.mean(s[i + w + 1 :] >= thr)),
            "other frames",
        ),
        ("false_negative_rate", rate_by(lambda s, j, i, w, thr: np.mean(s[j] - thr > -1e-7)), "near enough"),
        (
            "false_negative_rate",
            rate_by(lambda s, j, i, w, thr: np.mean(abs(s[j]) >= thr)),
            "similarity changed",
        ),
        ("window_for_mass", window_by(lambda z, i: others(z, i, z[i])), "another shift"),
        ("window_for_mass", window_by(lambda z, i: others(z, i, np.mean(z))), "another shift"),
        ("window_for_mass", window_by(lambda z, i: others(-z, i)), "not e^{s/τ}"),
        ("window_for_mass", lambda s, i, tau, p: window_by(others)(s, i, tau, p - 1e-8), "a little less"),
        ("false_negative_rate", rate_by(lambda s, j, i, w, thr: float(max(s[j]) >= thr)), "no share"),
        ("window_for_mass", window_by(lambda z, i: others(z * np.log(10), i)), "not e^{s/τ}"),
        ("window_for_mass", lambda *args: window_by(others)(*args) - 1, "one too small"),
        (
            "window_for_mass",
            lambda s, i, tau, p: window_by(others)(s, i, tau, p + 1e-12),
            "more than the share",
        ),
        (
            "window_for_mass",
            lambda *args: min(window_by(others)(*args), len(args[0]) // 2),
            "search too short",
        ),
    ],
)
def test_a_learners_own_mistakes_are_named(name: str, fn: Callable[..., Any], mistake: str) -> None:
    assert_named(check(name, fn), mistake)


def test_a_sample_that_is_wrong_in_no_known_way_is_not_called_misshapen() -> None:
    def odd(T: int, i: int, w: int, K: int, rng: np.random.Generator) -> np.ndarray:
        frames = np.array(two_ranges(T, i, w))
        if not frames.size:
            raise ValueError("nothing to draw")
        return rng.choice(frames[::2], K + 1)

    result = check("sample_negatives", odd)
    assert (result.status, result.mistake) == ("failed", None), result


@pytest.mark.parametrize(
    ("name", "fn"),
    [
        ("allowed", lambda T, i, w: two_ranges(T, i % T, w)),
        ("allowed", lambda T, i, w: two_ranges(T, i, abs(w))),
        ("allowed", lambda T, i, w: clipped_mask(T, i, w).numpy().astype(np.uint8)),
        ("sample_negatives", drawn_by(lambda j, i, w, K, rng: j[rng.integers(256, size=K) % len(j)])),
        ("sample_negatives", lambda T, i, w, K, rng: dropped(T, i, w, 10 * K, rng)[:K]),
        ("false_negative_rate", rate_by(lambda s, j, i, w, thr: np.mean(s[j] >= thr * s[i]))),
        (
            "false_negative_rate",
            rate_by(lambda s, j, i, w, thr: np.mean(np.float32(s[j]) >= np.float32(thr))),
        ),
        ("window_for_mass", lambda s, i, tau, p: window_by(others)(s, i, tau, np.float32(p))),
    ],
)
def test_what_goes_wrong_in_few_inputs_is_seen(name: str, fn: Callable[..., Any]) -> None:
    assert check(name, fn).status in ("failed", "raised")


def test_the_counterexample_is_drawn() -> None:
    result = check("allowed", half_open)
    assert "[Your frames below, the allowed ones above" in result.message
    assert 'src="data:image/png;base64,' in result._repr_html_()


def test_the_specification_gives_the_audited_numbers() -> None:
    allowed, _, _, mass = (question.truth for question in load("01").questions)
    assert (len(allowed(100, 0, 5)), len(allowed(100, 50, 5))) == (94, 89)
    assert sum(len(allowed(100, i, 5)) for i in range(100)) == 8930
    video = 0.95 ** np.arange(400)
    assert mass(video, 0, 0.1, 0.953) == 10 and mass(video, 0, 0.5, 0.1) == 10
