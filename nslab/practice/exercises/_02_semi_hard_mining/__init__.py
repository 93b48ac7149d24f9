"""Exercise 02: semi-hard mining."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nslab import losses, mining
from nslab.practice._exercise import Exercise, Question
from nslab.practice._judgements import as_array
from nslab.practice.exercises._02_semi_hard_mining import cases, mistakes, mistakes_gradient, mistakes_mine

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HARD, SEMI_HARD, EASY = 0, 1, 2

# The specification: one negative, one triplet, one coordinate at a time, in the words of the task.


def categorise(d_ap: Any, d_an: Any, m: float) -> np.ndarray:
    """The zone of each negative."""
    _refuse_negative(m)
    positives = np.broadcast_to(d_ap, np.shape(d_an))
    return np.array([_zone(float(p), float(n), m) for p, n in zip(positives, d_an, strict=True)])


def triplet_loss(d_ap: Any, d_an: Any, m: float) -> np.ndarray:
    """How far each negative is from where the rule wants it; 0 if it is there."""
    _refuse_negative(m)
    positives = np.broadcast_to(d_ap, np.shape(d_an))
    return np.array([max(0.0, float(p) + m - float(n)) for p, n in zip(positives, d_an, strict=True)])


def mine(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    """Row 0 the anchors, row 1 the positives, row 2 the negatives."""
    if strategy not in cases.STRATEGIES:
        raise ValueError(f"strategy must be one of {cases.STRATEGIES}, got {strategy!r}")
    _refuse_negative(m)
    found = []
    for a in range(len(labels)):
        positives = [p for p in range(len(labels)) if labels[p] == labels[a] and p != a]
        negatives = [n for n in range(len(labels)) if labels[n] != labels[a]]
        for p in positives:
            if strategy != "hardest":
                zone = cases.STRATEGIES.index(strategy)
                found += [(a, p, n) for n in negatives if _zone(D[a, p], D[a, n], m) == zone]
            elif negatives:
                found.append((a, p, min(negatives, key=lambda n: D[a, n])))
    return np.array(found, dtype=np.int64).reshape(-1, 3).T


def distance_gradient(a: np.ndarray, n: np.ndarray, squared: bool) -> np.ndarray:
    """2(a − n), or the unit vector from n to a."""
    difference = [float(x) - float(y) for x, y in zip(a, n, strict=True)]
    if squared:
        return np.array([2 * x for x in difference])
    length = sum(x * x for x in difference) ** 0.5
    if length == 0:
        raise ValueError("two equal points have no direction between them")
    return np.array([x / length for x in difference])


def _refuse_negative(m: float) -> None:
    if m < 0:
        raise ValueError(f"m must be >= 0, got {m}")


def _zone(d_ap: float, d_an: float, m: float) -> int:
    if d_an <= d_ap:
        return HARD
    return SEMI_HARD if d_an < d_ap + m else EASY


# How triplets are compared: in any order, and by what is wrong with those that are.


def _read(value: Any) -> list[tuple[int, int, int]]:
    ids = as_array(list(value) if isinstance(value, tuple) else value)
    if ids is None:
        raise ValueError("three arrays of one length are asked for: anchors, positives, negatives")
    if ids.size == 0:
        return []
    if ids.ndim != 2 or len(ids) != 3:
        also = "; this has one row a triplet" if ids.ndim == 2 and ids.shape[1] == 3 else ""
        raise ValueError(
            f"three arrays are asked for, anchors, positives, negatives, got shape {ids.shape}{also}"
        )
    if np.any(ids != np.round(ids)):
        raise ValueError("the numbers of images are asked for, and not all of these are whole")
    return [(int(a), int(p), int(n)) for a, p, n in ids.T]


def _measure(args: tuple[Any, ...], value: Any) -> dict[str, Any]:
    D, labels, m, strategy = args
    triplets = _read(value)
    asked, given = set(_read(mine(D, labels, m, strategy))), set(triplets)
    inside = [t for t in given if all(0 <= i < len(labels) for i in t)]
    itself = [t for t in inside if t[0] == t[1]]
    pairs = [(a, p, n) for a, p, n in inside if a != p and labels[a] == labels[p]]
    proper = [(a, p, n) for a, p, n in pairs if labels[n] != labels[a]]
    return {
        "triplets": len(triplets),
        "missing": len(asked - given),
        "not asked for": len(set(proper) - asked),
        "self-pairs": len(itself),
        "wrong positives": len(inside) - len(itself) - len(pairs),
        "false negatives": len(pairs) - len(proper),
        "no such image": len(given) - len(inside),
        "twice": len(triplets) - len(given),
    }


Row = tuple[Any, list[str], list[str]]


def _strip(d_ap: float, m: float, rows: dict[str, Row], title: str) -> Figure:
    """Rows of negatives over the three zones: their distances, colors and labels."""
    from matplotlib.figure import Figure

    from nslab.explain import COLORS

    height = 0.95 + 0.36 * len(rows)
    figure = Figure(figsize=(6.4, height))
    axes = figure.add_axes((0.16, 0.52 / height, 0.82, 0.36 * len(rows) / height))
    right = 1.08 * max(d_ap + m, *(np.max(xs, initial=0.0) for xs, _, _ in rows.values()))
    axes.axvspan(0, d_ap, color=COLORS["hard"], alpha=0.15, lw=0)
    axes.axvspan(d_ap, d_ap + m, color=COLORS["semi_hard"], alpha=0.25, lw=0)
    axes.axvline(d_ap, color=COLORS["positive"])
    for y, (xs, colors, names) in enumerate(list(rows.values())[::-1]):
        axes.scatter(xs, np.full(len(xs), y - 0.15), c=[COLORS[name] for name in colors], zorder=3)
        for x, name in zip(xs, names, strict=False):
            axes.text(x, y + 0.08, name, ha="center", fontsize=8)
    axes.set(xlim=(-0.02 * right, right), ylim=(-0.5, len(rows) - 0.5))
    axes.set_yticks(range(len(rows)), list(rows)[::-1])
    axes.set_xlabel("distance (green line: the positive; red and orange zone: hard, semi-hard)")
    figure.suptitle(title, fontsize=9)
    return figure


def _zone_picture(args: tuple[Any, ...], value: Any) -> Figure:
    d_ap, d_an, m = args
    colors = ("hard", "semi_hard", "negative")
    right, yours = ([colors[int(code)] for code in codes] for codes in (categorise(*args), value))
    rows = {"asked for": (d_an, right, []), "yours": (d_an, yours, [])}
    return _strip(float(d_ap), m, rows, "A dot's color is its zone: red hard, orange semi-hard, blue easy")


def _mine_picture(args: tuple[Any, ...], value: Any) -> Figure:
    """The first pair whose negatives are not those asked for."""
    D, labels, m, strategy = args
    asked, yours = set(_read(mine(*args))), set(_read(value))
    a, p, _ = min(asked ^ yours)

    def row(ids: list[int]) -> Row:
        colors = ["false_negative" if labels[i] == labels[a] else "negative" for i in ids]
        return D[a, ids], colors, [str(i) for i in ids]

    rows = {
        "other labels": row([i for i in range(len(labels)) if labels[i] != labels[a]]),
        "asked for": row([n for x, y, n in asked if (x, y) == (a, p)]),
        "yours": row([n for x, y, n in yours if (x, y) == (a, p)]),
    }
    return _strip(D[a, p], m, rows, f'"{strategy}": negatives of anchor {a} with positive {p}, m = {m:g}')


EXERCISE = Exercise(
    "02",
    "semi-hard mining",
    (
        Question(
            "categorise(d_ap, d_an, m)",
            categorise,
            mining.categorize,
            "nslab.mining.categorize",
            cases.zone_cases,
            mistakes.CATEGORISE,
            (
                (
                    "Draw a line for the distance from the anchor. Mark the positive at 0.5 and a second mark"
                    " m beyond it. The two marks cut the line into three parts: which zone is which?"
                ),
                (
                    "Hard is a relation between two distances alone; m has no part in it. Then ask the same"
                    " of the second mark. A negative that sits exactly on a mark belongs to the part without"
                    " loss only at the second one."
                ),
                (
                    "Two comparisons give two truths for every negative. True counts as 1, so the code can be"
                    " the number of marks that a negative has reached or passed: mind which of them it may"
                    " merely touch. With m = 0 the marks fall together, and whoever has not passed the first"
                    " has not reached the second."
                ),
            ),
            picture=_zone_picture,
        ),
        Question(
            "triplet_loss(d_ap, d_an, m)",
            triplet_loss,
            lambda d_ap, d_an, m: losses.triplet_loss(d_ap, d_an, margin=m, reduction="none"),
            "nslab.losses.triplet_loss",
            cases.zone_cases,
            mistakes.LOSS,
            (
                (
                    "The rule wants the negative at the second mark or beyond. By how much does a negative"
                    " miss that place?"
                ),
                (
                    "A negative that is already there costs nothing, and it earns nothing either: the loss is"
                    " never below 0. What should it be for a negative as far away as the positive?"
                ),
                (
                    "Compute the shortfall for all negatives at once, and replace what is below 0, entry by"
                    " entry. Both distances are used as they come."
                ),
            ),
        ),
        Question(
            "mine(D, labels, m, strategy)",
            mine,
            lambda D, labels, m, strategy: mining.mine_triplets(D, labels, margin=m, strategy=strategy),
            "nslab.mining.mine_triplets",
            cases.mine_cases,
            mistakes_mine.MINE,
            (
                (
                    "Take labels 7, 7, 8 and write all triplets down by hand. Which images may be the"
                    " positive of image 0, which its negatives? Two tables of truths, B x B, hold the answer"
                    " for all anchors."
                ),
                (
                    "Whether a triplet qualifies depends on three numbers, so think of a table of truths with"
                    " three axes: anchor, positive, negative. Your `categorise` can fill it if you give each"
                    " distance matrix the axis that it lacks."
                ),
                (
                    "Combine the three conditions (a pair, another label, the zone) and ask numpy for the"
                    ' places of what is left. For "hardest" make the distance to all that is no negative'
                    " infinite before you look for the smallest of a row, and leave out rows without any"
                    " negative."
                ),
            ),
            measure=_measure,
            picture=_mine_picture,
        ),
        Question(
            "distance_gradient(a, n, squared)",
            distance_gradient,
            None,
            "",
            cases.gradient_cases,
            mistakes_gradient.GRADIENT,
            (
                "Write the squared distance as a sum over coordinates and differentiate by one of them.",
                (
                    "The plain distance is the square root of that sum: the chain rule divides by something"
                    " that becomes 0 where the two points meet."
                ),
                (
                    "Both gradients point from n to a. One has a length in proportion to the distance, the"
                    " other always the same length; at distance 0 only one of them exists."
                ),
            ),
            stretch=True,
        ),
    ),
)
