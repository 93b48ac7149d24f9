"""Exercise 02: right answers in several styles pass, and a learner's own mistakes are named."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from answers import assert_named, assert_passed, checker

from nslab.practice._exercise import load

ROOT = Path(__file__).resolve().parents[2]
SEVEN = np.array([0.25, 0.5, 0.5625, 0.75, 0.9375, 1.0, 1.25])


check = checker("02")


def refuse(m: float) -> None:
    if m < 0:
        raise ValueError("m must not be negative")


# Right answers


def zones_by_loop(d_ap: Any, d_an: Any, m: float) -> list[int]:
    refuse(m)
    positives = d_ap if np.ndim(d_ap) else [d_ap] * len(d_an)
    return [0 if n <= p else 1 if n < p + m else 2 for p, n in zip(positives, d_an, strict=True)]


def zones_by_select(d_ap: Any, d_an: Any, m: float) -> np.ndarray:
    refuse(m)
    return np.select([d_an <= d_ap, d_an < d_ap + m], [0, 1], default=2)


def zones_in_torch(d_ap: Any, d_an: Any, m: float) -> torch.Tensor:
    refuse(m)
    p, n = torch.as_tensor(d_ap), torch.as_tensor(d_an)
    easy = n >= p + m
    return torch.where(n <= p, 0, torch.where(easy, 2, 1))


def zones_by_gap(d_ap: Any, d_an: Any, m: float) -> np.ndarray:
    refuse(m)
    gap = d_an - d_ap
    zone = np.full(len(d_an), 1.0)
    zone[gap >= m] = 2
    zone[gap <= 0] = 0
    return zone


def loss_by_loop(d_ap: Any, d_an: Any, m: float) -> list[float]:
    refuse(m)
    positives = d_ap if np.ndim(d_ap) else [d_ap] * len(d_an)
    return [max(0.0, p - n + m) for p, n in zip(positives, d_an, strict=True)]


def loss_by_clip(d_ap: Any, d_an: Any, m: float) -> np.ndarray:
    refuse(m)
    return (d_ap - d_an + m).clip(min=0)


def loss_in_torch(d_ap: Any, d_an: Any, m: float) -> torch.Tensor:
    refuse(m)
    return torch.relu(torch.as_tensor(d_ap) - torch.from_numpy(d_an) + m)


def loss_by_halves(d_ap: Any, d_an: Any, m: float) -> np.ndarray:
    refuse(m)
    x = d_ap + m - d_an
    return (x + abs(x)) / 2


def asked(m: float, strategy: str) -> None:
    refuse(m)
    if strategy not in ("hard", "semi_hard", "easy", "hardest"):
        raise ValueError(f"unknown strategy {strategy}")


def mined_by_loops(D: Any, labels: Any, m: float, strategy: str) -> tuple[list[int], list[int], list[int]]:
    asked(m, strategy)
    A, P, N = [], [], []
    for a in range(len(labels)):
        for p in range(len(labels)):
            if p == a or labels[p] != labels[a]:
                continue
            others = [n for n in range(len(labels)) if labels[n] != labels[a]]
            if strategy == "hard":
                others = [n for n in others if D[a][n] <= D[a][p]]
            elif strategy == "semi_hard":
                others = [n for n in others if D[a][p] < D[a][n] < D[a][p] + m]
            elif strategy == "easy":
                others = [n for n in others if D[a][n] >= D[a][p] + m and D[a][n] > D[a][p]]
            elif others:
                others = [sorted(others, key=lambda n: D[a][n])[0]]
            A += [a] * len(others)
            P += [p] * len(others)
            N += others
    return A, P, N


def mined_in_torch(D: Any, labels: Any, m: float, strategy: str) -> tuple[torch.Tensor, ...]:
    asked(m, strategy)
    D, labels = torch.from_numpy(D), torch.from_numpy(labels)
    same = labels[:, None] == labels
    triple = (same & ~torch.eye(len(D)).bool())[:, :, None] & ~same[:, None, :]
    p, n = D[:, :, None], D[:, None, :]
    if strategy == "hardest":
        n = n.masked_fill(same[:, None, :], torch.inf).expand_as(triple)
        first = torch.zeros_like(triple).scatter(2, n.argmin(2, keepdim=True), True)
        return (triple & first).nonzero().unbind(1)
    inside = n < p + m
    kept = {"hard": n <= p, "semi_hard": (n > p) & inside, "easy": (n > p) & ~inside}[strategy]
    return (triple & kept).nonzero(as_tuple=True)


def mined_by_anchor(D: Any, labels: Any, m: float, strategy: str) -> np.ndarray:
    """Any order will do, and one array with three rows is three arrays."""
    asked(m, strategy)
    found = [np.zeros((0, 3), dtype=int)]
    for a in reversed(range(len(D))):
        negatives = np.flatnonzero(labels != labels[a])
        for p in np.flatnonzero(labels == labels[a]):
            if p != a and len(negatives):
                if strategy == "hardest":
                    chosen = negatives[[np.argmin(D[a, negatives])]]
                else:
                    codes = np.array(zones_by_loop(D[a, p], D[a, negatives], m))
                    chosen = negatives[codes == ["hard", "semi_hard", "easy"].index(strategy)]
                found.append(np.array([(a, p, n) for n in chosen], dtype=int).reshape(-1, 3))
    return np.concatenate(found).T


def gradient_by_loop(a: Any, n: Any, squared: bool) -> list[float]:
    length = sum((x - y) ** 2 for x, y in zip(a, n, strict=True)) ** 0.5
    if length == 0 and not squared:
        raise ValueError("no direction")
    return [2 * (x - y) if squared else (x - y) / length for x, y in zip(a, n, strict=True)]


def gradient_by_autograd(a: Any, n: Any, squared: bool) -> torch.Tensor:
    if not squared and (a == n).all():
        raise ValueError("no direction")
    x = torch.tensor(a, requires_grad=True)
    total = (x - torch.tensor(n)).square().sum()
    return torch.autograd.grad(total if squared else total.sqrt(), x)[0]


@pytest.mark.parametrize("seed", (0, 7))
@pytest.mark.parametrize(
    ("name", "fn"),
    [
        *[("categorise", fn) for fn in (zones_by_loop, zones_by_select, zones_in_torch, zones_by_gap)],
        *[("triplet_loss", fn) for fn in (loss_by_loop, loss_by_clip, loss_in_torch, loss_by_halves)],
        *[("mine", fn) for fn in (mined_by_loops, mined_in_torch, mined_by_anchor)],
        *[("distance_gradient", fn) for fn in (gradient_by_loop, gradient_by_autograd)],
    ],
)
def test_right_answers_pass_in_every_style(name: str, fn: Callable[..., Any], seed: int) -> None:
    assert_passed(check(name, fn, seed=seed))


# A learner's own mistakes


def seed_wording(d_ap: Any, d_an: Any, m: float) -> list[int]:
    """Harder than the positive, but not too hard."""
    refuse(m)
    positives = np.broadcast_to(d_ap, d_an.shape)
    return [2 if n >= p else 1 if p - n < m else 0 for p, n in zip(positives, d_an, strict=True)]


def closer_is_semi(d_ap: Any, d_an: Any, m: float) -> Any:
    refuse(m)
    return np.select([d_an <= d_ap, d_an < d_ap + m], [1, 0], 2)


def strictly_closer(d_ap: Any, d_an: Any, m: float) -> Any:
    refuse(m)
    return np.select([d_an < d_ap, d_an < d_ap + m], [0, 1], 2)


def digitized(d_ap: Any, d_an: Any, m: float) -> list[int]:
    """np.digitize closes its bins on the other side."""
    refuse(m)
    positives = np.broadcast_to(d_ap, d_an.shape)
    return [int(np.digitize(n, [p, p + m])) for p, n in zip(positives, d_an, strict=True)]


def up_to_the_margin(d_ap: Any, d_an: Any, m: float) -> Any:
    refuse(m)
    return np.where(d_an <= d_ap, 0, np.where(d_an <= d_ap + m, 1, 2))


def below_m(d_ap: Any, d_an: Any, m: float) -> Any:
    refuse(m)
    return np.select([d_an <= d_ap, d_an < m], [0, 1], 2)


def easy_first(d_ap: Any, d_an: Any, m: float) -> list[int]:
    return [{0: 2, 1: 1, 2: 0}[zone] for zone in zones_by_loop(d_ap, d_an, m)]


def comparisons_added(d_ap: Any, d_an: Any, m: float) -> Any:
    """With m = 0 a tie has reached the second mark without passing the first."""
    refuse(m)
    return (d_an > d_ap).astype(int) + (d_an >= d_ap + m)


def rule_asked_first(d_ap: Any, d_an: Any, m: float) -> Any:
    refuse(m)
    return np.select([d_ap + m <= d_an, d_an <= d_ap], [2, 0], 1)


def order_alone_where_hard(d_ap: Any, d_an: Any, m: float) -> Any:
    refuse(m)
    gap = d_ap - d_an
    return np.where(gap >= 0, gap, np.maximum(gap + m, 0))


def counted_from_one(d_ap: Any, d_an: Any, m: float) -> list[int]:
    return [zone + 1 for zone in zones_by_loop(d_ap, d_an, m)]


def of_roots(d_ap: Any, d_an: Any, m: float) -> Any:
    return zones_by_gap(np.sqrt(d_ap), np.sqrt(d_an), m)


def one_squared(d_ap: Any, d_an: Any, m: float) -> Any:
    return zones_by_select(d_ap, d_an**2, m)


def zones_of_anything(d_ap: Any, d_an: Any, m: float) -> Any:
    return np.select([d_an <= d_ap, d_an < d_ap + m], [0, 1], 2)


def paid_or_not(d_ap: Any, d_an: Any, m: float) -> Any:
    refuse(m)
    return (np.maximum(0, d_ap - d_an + m) == 0).astype(int)


def margin_taken_away(d_ap: Any, d_an: Any, m: float) -> Any:
    refuse(m)
    x = d_ap - (d_an + m)
    return x * (x > 0)


def margin_outside(d_ap: Any, d_an: Any, m: float) -> list[float]:
    refuse(m)
    positives = np.broadcast_to(d_ap, d_an.shape)
    return [m + max(0.0, p - n) for p, n in zip(positives, d_an, strict=True)]


def squared_here(d_ap: Any, d_an: Any, m: float) -> Any:
    return loss_by_clip(np.asarray(d_ap) ** 2, d_an**2, m)


def half_squared(d_ap: Any, d_an: Any, m: float) -> Any:
    return loss_by_clip(np.asarray(d_ap) ** 2, d_an, m)


def averaged(d_ap: Any, d_an: Any, m: float) -> Any:
    return np.mean(loss_by_clip(d_ap, d_an, m))


def summed(d_ap: Any, d_an: Any, m: float) -> Any:
    return sum(loss_by_loop(d_ap, d_an, m))


def largest(d_ap: Any, d_an: Any, m: float) -> Any:
    refuse(m)
    return max(0, np.max(d_ap - d_an + m))


def unclipped(d_ap: Any, d_an: Any, m: float) -> Any:
    refuse(m)
    return m - (d_an - d_ap)


def the_other_way(d_ap: Any, d_an: Any, m: float) -> Any:
    return loss_by_clip(d_an, d_ap, m)


def no_margin(d_ap: Any, d_an: Any, m: float) -> Any:
    return loss_by_clip(d_ap, d_an, m * 0)


def two_pairs(d_ap: Any, d_an: Any, m: float) -> Any:
    refuse(m)
    return d_ap + (m - d_an).clip(0)


def softplus(d_ap: Any, d_an: Any, m: float) -> Any:
    refuse(m)
    return np.logaddexp(0, d_ap - d_an + m)


def mined_with(keep: Callable[..., bool], *, same: bool = False, own: bool = False) -> Callable[..., Any]:
    """Three loops with a condition of one's own for "semi_hard"; the rest is right."""

    def mine(D: Any, labels: Any, m: float, strategy: str) -> Any:
        if strategy != "semi_hard" and not (same or own):
            return mined_by_loops(D, labels, m, strategy)
        asked(m, strategy)
        found = [
            (a, p, n)
            for a in range(len(D))
            for p in range(len(D))
            for n in range(len(D))
            if labels[a] == labels[p] and (own or a != p) and (labels[n] != labels[a] or (same and n != a))
            if (strategy == "hardest" and n == nearest(D, labels, a, same)) or keep(D, a, p, n, m, strategy)
        ]
        return np.array(found, dtype=int).reshape(-1, 3).T

    return mine


def nearest(D: Any, labels: Any, a: int, same: bool) -> int:
    others = [n for n in range(len(D)) if (labels[n] != labels[a] or same) and n != a]
    return min(others, key=lambda n: D[a, n]) if others else -1


def zone_of(D: Any, a: int, p: int, n: int, m: float, strategy: str) -> bool:
    code = zones_by_loop(D[a, p], [D[a, n]], m)[0]
    return strategy != "hardest" and ["hard", "semi_hard", "easy"][code] == strategy


def columns(found: Any) -> tuple[Any, ...]:
    return tuple(np.array(found, dtype=int).reshape(-1, 3).T)


def argmin_of_masked(D: Any, labels: Any, m: float, strategy: str) -> Any:
    """One semi-hard negative a pair, by argmin over a masked row; a row without one gives entry 0."""
    if strategy != "semi_hard":
        return mined_by_loops(D, labels, m, strategy)
    asked(m, strategy)
    found = []
    for a in range(len(D)):
        for p in np.flatnonzero(labels == labels[a]):
            row = np.where((labels != labels[a]) & (D[a] > D[a, p]) & (D[a] < D[a, p] + m), D[a], np.inf)
            if p != a:
                found.append((a, p, int(row.argmin())))
    return columns(found)


def first_found(D: Any, labels: Any, m: float, strategy: str) -> Any:
    A, P, N = mined_by_loops(D, labels, m, strategy)
    seen: dict[tuple[int, int], int] = {}
    for a, p, n in zip(A, P, N, strict=True):
        seen.setdefault((a, p), n)
    return columns([(*pair, n) for pair, n in seen.items()])


def else_the_hardest(D: Any, labels: Any, m: float, strategy: str) -> Any:
    found = list(zip(*mined_by_loops(D, labels, m, strategy), strict=True))
    have = {(a, p) for a, p, _ in found}
    spare = zip(*mined_by_loops(D, labels, m, "hardest"), strict=True)
    return columns(found + [t for t in spare if t[:2] not in have])


def semi_else_the_hardest(D: Any, labels: Any, m: float, strategy: str) -> Any:
    return (else_the_hardest if strategy == "semi_hard" else mined_by_loops)(D, labels, m, strategy)


def pairs_in_one_order(D: Any, labels: Any, m: float, strategy: str) -> Any:
    found = zip(*mined_by_loops(D, labels, m, strategy), strict=True)
    return columns([t for t in found if t[0] < t[1]])


def by_the_plain_distance(D: Any, labels: Any, m: float, strategy: str) -> Any:
    return mined_by_loops(D**0.5, labels, m, strategy)


def positions_among_negatives(D: Any, labels: Any, m: float, strategy: str) -> Any:
    found = zip(*mined_by_loops(D, labels, m, strategy), strict=True)
    return columns([(a, p, int((labels[:n] != labels[a]).sum())) for a, p, n in found])


def negative_before_positive(D: Any, labels: Any, m: float, strategy: str) -> Any:
    a, p, n = mined_by_loops(D, labels, m, strategy)
    return a, n, p


def batch_hard(D: Any, labels: Any, m: float, strategy: str) -> Any:
    found = list(zip(*mined_by_loops(D, labels, m, strategy), strict=True))
    if strategy != "hardest":
        return columns(found)
    best: dict[int, Any] = {}
    for t in found:
        if t[0] not in best or D[t[0], t[1]] > D[t[0], best[t[0]][1]]:
            best[t[0]] = t
    return columns(list(best.values()))


def argmin_of_the_row(D: Any, labels: Any, m: float, strategy: str) -> Any:
    a, p, n = map(np.array, mined_by_loops(D, labels, m, strategy))
    return (a, p, D.argmin(1)[a]) if strategy == "hardest" and len(a) else (a, p, n)


def hardest_with_choice(choose: Callable[..., list[int]]) -> Callable[..., Any]:
    """Right but for "hardest", where `choose` picks from the anchor's negatives."""

    def mine(D: Any, labels: Any, m: float, strategy: str) -> Any:
        if strategy != "hardest":
            return mined_by_loops(D, labels, m, strategy)
        asked(m, strategy)
        found = []
        for a, p in zip(*mined_by_loops(D, labels, m, strategy)[:2], strict=True):
            others = np.flatnonzero(labels != labels[a])
            found += [(a, p, n) for n in choose(D[a], others, D[a, p] + m)]
        return columns(found)

    return mine


def margin_unread_for_hardest(D: Any, labels: Any, m: float, strategy: str) -> Any:
    return mined_by_loops(D, labels, abs(m) if strategy == "hardest" else m, strategy)


def fails_on_nothing(D: Any, labels: Any, m: float, strategy: str) -> Any:
    rows = zip(*mined_by_loops(D, labels, m, strategy), strict=True)
    return np.stack([np.array(t) for t in rows]).T


def any_name(D: Any, labels: Any, m: float, strategy: str) -> Any:
    known = strategy in ("hard", "semi_hard", "easy")
    return mined_by_loops(D, labels, m, strategy if known else "hardest")


def one_row_a_triplet(D: Any, labels: Any, m: float, strategy: str) -> Any:
    return np.array(mined_by_loops(D, labels, m, strategy)).T


def a_dictionary(D: Any, labels: Any, m: float, strategy: str) -> Any:
    return dict(
        zip(("anchors", "positives", "negatives"), mined_by_loops(D, labels, m, strategy), strict=True)
    )


def transposed_rows(D: Any, labels: Any, m: float, strategy: str) -> Any:
    """Without any triplet there is no row, and so no column either."""
    return list(zip(*zip(*mined_by_loops(D, labels, m, strategy), strict=True), strict=True))


def margin_squared(D: Any, labels: Any, m: float, strategy: str) -> Any:
    return mined_by_loops(D, labels, m**2 if m > 0 else m, strategy)


def a_table_of_truths(D: Any, labels: Any, m: float, strategy: str) -> Any:
    table = np.zeros((len(D),) * 3, dtype=bool)
    table[tuple(np.array(x, dtype=int) for x in mined_by_loops(D, labels, m, strategy))] = True
    return table


def unit_and_a_bit(a: Any, n: Any, squared: bool) -> Any:
    return 2 * (a - n) if squared else (a - n) / np.sqrt(((a - n) ** 2).sum() + 1e-12)


def exchanged(a: Any, n: Any, squared: bool) -> Any:
    return gradient_by_loop(a, n, not squared)


def distance(a: Any, n: Any, squared: bool) -> Any:
    return ((a - n) ** 2).sum() if squared else np.sqrt(((a - n) ** 2).sum())


def refused_nearby(a: Any, n: Any, squared: bool) -> Any:
    if not squared and np.allclose(a, n):
        raise ValueError("no direction")
    return gradient_by_loop(a, n, squared)


def towards(a: Any, n: Any, squared: bool) -> Any:
    return [-x for x in gradient_by_loop(a, n, squared)]


def undefined(a: Any, n: Any, squared: bool) -> Any:
    x = torch.tensor(a, requires_grad=True)
    total = (x - torch.tensor(n)).square().sum()
    return torch.autograd.grad(total if squared else total.sqrt(), x)[0]


def refused_in_both(a: Any, n: Any, squared: bool) -> Any:
    if (a == n).all():
        raise ValueError("one point")
    return 2 * (a - n) if squared else (a - n) / np.linalg.norm(a - n)


def silent_zero(a: Any, n: Any, squared: bool) -> Any:
    return np.zeros_like(a) if (a == n).all() else gradient_by_autograd(a, n, squared)


def zones_with(change: Callable[..., tuple[Any, Any]]) -> Callable[..., Any]:
    """The right zones of other distances."""
    return lambda d_ap, d_an, m: zones_by_select(*change(d_ap, d_an), m)


def nearly_is_hard(d_ap: Any, d_an: Any, m: float) -> Any:
    refuse(m)
    return np.where((d_an < d_ap) | np.isclose(d_an, d_ap), 0, np.where(d_an < d_ap + m, 1, 2))


def one_comparison(d_ap: Any, d_an: Any, m: float) -> Any:
    refuse(m)
    if d_an <= d_ap:
        return [0]
    return [1] if d_an < d_ap + m else [2]


def zones_of_pairs(d_ap: Any, d_an: Any, m: float) -> list[int]:
    refuse(m)
    return [0 if n <= p else 1 if n < p + m else 2 for p, n in zip(d_ap, d_an, strict=True)]


def larger_of_two(d_ap: Any, d_an: Any, m: float) -> Any:
    refuse(m)
    return max(d_ap - d_an + m, 0)


def loss_with(change: Callable[..., Any]) -> Callable[..., Any]:
    """What becomes of the right losses."""
    return lambda d_ap, d_an, m: change(loss_by_clip(d_ap, d_an, m), d_ap, d_an, m)


def zones_of_the_loss(D: Any, labels: Any, m: float, strategy: str) -> Any:
    """Hard from a loss of m on: with m = 0 that is every negative."""
    asked(m, strategy)
    if strategy != "hard":
        return mined_by_loops(D, labels, m, strategy)
    zones = [zip(*mined_by_loops(D, labels, m, name), strict=True) for name in ("hard", "semi_hard", "easy")]
    every = [t for zone in zones for t in zone]
    return columns([(a, p, n) for a, p, n in every if max(0, D[a, p] - D[a, n] + m) >= m])


def easy_by_the_rule(D: Any, labels: Any, m: float, strategy: str) -> Any:
    asked(m, strategy)
    found = list(zip(*mined_by_loops(D, labels, m, strategy), strict=True))
    ties = zip(*mined_by_loops(D, labels, m, "hard"), strict=True)
    return columns(
        found + [t for t in ties if strategy == "easy" and m == 0 and D[t[0], t[1]] == D[t[0], t[2]]]
    )


def others_on_one_point_left_out(D: Any, labels: Any, m: float, strategy: str) -> Any:
    found = zip(*mined_by_loops(D, labels, m, strategy), strict=True)
    return columns([t for t in found if D[t[0], t[1]] > 0])


def hidden_at(value: float | None) -> Callable[..., Any]:
    """For "hardest", all but the negatives get the distance `value`, or else the largest one."""

    def mine(D: Any, labels: Any, m: float, strategy: str) -> Any:
        a, p, n = map(np.array, mined_by_loops(D, labels, m, strategy))
        shown = np.where(labels[:, None] == labels, D.max() if value is None else value, D)
        return (a, p, shown.argmin(1)[a]) if strategy == "hardest" and len(a) else (a, p, n)

    return mine


def nearest_to_the_positive(D: Any, labels: Any, m: float, strategy: str) -> Any:
    a, p, n = map(np.array, mined_by_loops(D, labels, m, strategy))
    shown = np.where(labels[:, None] == labels, np.inf, D)
    return (a, p, shown.argmin(1)[p]) if strategy == "hardest" and len(a) else (a, p, n)


def label_by_label(last: int | None) -> Callable[..., Any]:
    """A loop over the labels from 0 on."""

    def mine(D: Any, labels: Any, m: float, strategy: str) -> Any:
        found, top = list(zip(*mined_by_loops(D, labels, m, strategy), strict=True)), last or labels.max()
        return columns([t for c in range(top + 1) for t in found if labels[t[0]] == c])

    return mine


def nearest_positive_only(D: Any, labels: Any, m: float, strategy: str) -> Any:
    found = list(zip(*mined_by_loops(D, labels, m, strategy), strict=True))
    near = {
        a: min((p for p in range(len(D)) if p != a and labels[p] == labels[a]), key=lambda p, a=a: D[a, p])
        for a in {t[0] for t in found}
    }
    return columns([t for t in found if near[t[0]] == t[1]])


def mined_and(change: Callable[..., Any]) -> Callable[..., Any]:
    """What becomes of the right triplets."""
    return lambda D, labels, m, strategy: change(mined_by_anchor(D, labels, m, strategy), labels)


def mean_squared(a: Any, n: Any, squared: bool) -> Any:
    return 2 * (a - n) / a.size if squared else gradient_by_loop(a, n, squared)


def signs(a: Any, n: Any, squared: bool) -> Any:
    right = gradient_by_loop(a, n, squared)
    return right if squared else np.sign(right)


def two_in_both(a: Any, n: Any, squared: bool) -> Any:
    return np.array(gradient_by_loop(a, n, squared)) * (1 if squared else 2)


def any_coordinate(a: Any, n: Any, squared: bool) -> Any:
    if not squared and (a == n).any():
        raise ValueError("no direction")
    return gradient_by_loop(a, n, squared)


@pytest.mark.parametrize(
    ("name", "fn", "mistake"),
    [
        ("categorise", zones_with(lambda p, n: (np.float32(p), np.float32(n))), "near taken for equal"),
        ("categorise", zones_with(lambda p, n: (np.round(p, 3), np.round(n, 3))), "near taken for equal"),
        ("categorise", nearly_is_hard, "near taken for equal"),
        ("categorise", zones_with(lambda p, n: (np.ravel(p)[0], n)), "one positive for all"),
        ("categorise", zones_with(lambda p, n: (np.mean(p), n)), "one positive for all"),
        ("categorise", zones_of_pairs, "one form of d_ap"),
        ("categorise", zones_with(lambda p, n: (float(p), n)), "one form of d_ap"),
        ("categorise", one_comparison, "one truth for an array"),
        ("categorise", zones_with(lambda p, n: (p, np.array(sorted(n)))), "sorted"),
        ("categorise", lambda d_ap, d_an, m: zones_by_select(d_ap, d_an, 0.5 * m), "half the margin"),
        ("triplet_loss", larger_of_two, "one truth for an array"),
        ("triplet_loss", loss_with(lambda x, p, n, m: np.where(n > p, 0, x)), "hard only"),
        ("triplet_loss", loss_with(lambda x, p, n, m: 0.5 * x), "scaled"),
        ("triplet_loss", loss_with(lambda x, p, n, m: x / m if m else x), "scaled"),
        ("triplet_loss", loss_with(lambda x, p, n, m: np.where(x > 0, m, 0)), "one price for all"),
        ("triplet_loss", loss_with(lambda x, p, n, m: np.sign(x)), "one price for all"),
        ("triplet_loss", loss_with(lambda x, p, n, m: x.astype(int)), "rounded"),
        ("mine", zones_of_the_loss, "tie where m = 0"),
        ("mine", easy_by_the_rule, "tie where m = 0"),
        ("mine", others_on_one_point_left_out, "itself by distance 0"),
        ("mine", hidden_at(4.0), "masked with a distance"),
        ("mine", hidden_at(None), "masked with a distance"),
        ("mine", nearest_to_the_positive, "seen from the positive"),
        ("mine", label_by_label(None), "labels counted from 0"),
        ("mine", label_by_label(9), "labels counted from 0"),
        ("mine", nearest_positive_only, "one positive an anchor"),
        ("mine", mined_and(lambda found, labels: found + 1), "counted from 1"),
        ("mine", mined_and(lambda found, labels: labels[found]), "labels for images"),
        ("distance_gradient", mean_squared, "mean of the squares"),
        ("distance_gradient", signs, "another length"),
        ("distance_gradient", two_in_both, "factor 2 too many"),
        ("distance_gradient", any_coordinate, "one coordinate taken for all"),
        ("categorise", seed_wording, "semi-hard closer than the positive"),
        ("categorise", closer_is_semi, "semi-hard closer than the positive"),
        ("categorise", strictly_closer, "tie with the positive"),
        ("categorise", digitized, "tie with the positive"),
        ("categorise", up_to_the_margin, "tie at the margin"),
        ("categorise", below_m, "margin from zero"),
        ("categorise", easy_first, "other codes"),
        ("categorise", comparisons_added, "tie where m = 0"),
        ("categorise", rule_asked_first, "tie where m = 0"),
        ("categorise", counted_from_one, "other codes"),
        ("categorise", of_roots, "squared and plain"),
        ("categorise", one_squared, "squared and plain"),
        ("categorise", zones_of_anything, "not refused"),
        ("categorise", paid_or_not, "two zones only"),
        ("triplet_loss", margin_taken_away, "sign of the margin"),
        ("triplet_loss", margin_outside, "hinge before the margin"),
        ("triplet_loss", order_alone_where_hard, "margin left out where hard"),
        ("triplet_loss", squared_here, "squared and plain"),
        ("triplet_loss", half_squared, "squared and plain"),
        ("triplet_loss", averaged, "one number for all"),
        ("triplet_loss", summed, "one number for all"),
        ("triplet_loss", largest, "one number for all"),
        ("triplet_loss", unclipped, "no hinge"),
        ("triplet_loss", the_other_way, "positive and negative swapped"),
        ("triplet_loss", no_margin, "margin left out"),
        ("triplet_loss", softplus, "soft hinge"),
        ("triplet_loss", two_pairs, "contrastive loss"),
        (
            "mine",
            mined_with(lambda D, a, p, n, m, s: D[a, p] - m < D[a, n] < D[a, p]),
            "semi-hard closer than the positive",
        ),
        ("mine", mined_with(lambda D, a, p, n, m, s: D[a, n] > D[a, p]), "no outer edge"),
        ("mine", mined_with(zone_of, same=True), "negatives of the anchor's label"),
        ("mine", mined_with(zone_of, own=True), "anchor its own positive"),
        ("mine", argmin_of_masked, "image 0 slipped in"),
        ("mine", first_found, "one negative a pair"),
        ("mine", else_the_hardest, "fallback to another zone"),
        ("mine", semi_else_the_hardest, "fallback to another zone"),
        ("mine", pairs_in_one_order, "each pair once"),
        ("mine", by_the_plain_distance, "squared and plain"),
        ("mine", positions_among_negatives, "places for images"),
        ("mine", negative_before_positive, "order of the three"),
        ("mine", batch_hard, "one positive an anchor"),
        ("mine", argmin_of_the_row, "nearest of all images"),
        ("mine", hardest_with_choice(lambda d, ns, far: [int(d[ns].argmin())]), "places for images"),
        ("mine", hardest_with_choice(lambda d, ns, far: ns[d[ns] == min(d[ns])]), "all of equals"),
        (
            "mine",
            hardest_with_choice(lambda d, ns, far: [ns[d[ns].argmin()]] if min(d[ns]) < far else []),
            "hardest within a zone",
        ),
        ("mine", margin_unread_for_hardest, "margin not refused"),
        ("mine", fails_on_nothing, "raises where none qualifies"),
        ("mine", any_name, "strategy not refused"),
        ("mine", margin_squared, "squared and plain"),
        ("mine", mined_with(lambda D, a, p, n, m, s: D[a, n] < D[a, p] + m), "semi-hard and hard"),
        ("mine", one_row_a_triplet, "not readable"),
        ("mine", transposed_rows, "not readable"),
        ("mine", a_dictionary, "not readable"),
        ("mine", a_table_of_truths, "not readable"),
        ("distance_gradient", unit_and_a_bit, "small number in the denominator"),
        ("distance_gradient", towards, "sign"),
        ("distance_gradient", undefined, "no direction answered"),
        ("distance_gradient", refused_in_both, "refused where it exists"),
        ("distance_gradient", exchanged, "squared and plain swapped"),
        ("distance_gradient", distance, "distance for gradient"),
        ("distance_gradient", refused_nearby, "near taken for equal"),
        ("distance_gradient", silent_zero, "no direction answered"),
    ],
)
def test_a_learners_own_mistakes_are_named(name: str, fn: Callable[..., Any], mistake: str) -> None:
    assert_named(check(name, fn), mistake)


def test_the_counterexample_is_drawn() -> None:
    for name, fn in (("categorise", seed_wording), ("mine", first_found)):
        assert 'src="data:image/png;base64,' in check(name, fn)._repr_html_()


# The specification


def test_the_specification_gives_the_audited_numbers() -> None:
    zones, loss, _, _ = (question.truth for question in load("02").questions)
    assert zones(0.5, SEVEN, 0.5).tolist() == [0, 0, 1, 1, 1, 2, 2]
    cost = loss(0.5, SEVEN, 0.5)
    assert cost == pytest.approx([0.75, 0.5, 0.4375, 0.25, 0.0625, 0, 0], abs=1e-15)
    assert ((cost > 0) & (cost < 0.5)).tolist() == (zones(0.5, SEVEN, 0.5) == 1).tolist()


def test_triplets_follow_the_images_when_these_are_reordered() -> None:
    mine = load("02").question("mine").truth  # type: ignore[union-attr]
    rng = np.random.default_rng(3)
    points, labels, order = rng.normal(size=(12, 3)), np.arange(12) % 4, rng.permutation(12)
    D = np.square(points[:, None] - points).sum(-1)
    for strategy in ("hard", "semi_hard", "easy", "hardest"):
        moved = order[mine(D[np.ix_(order, order)], labels[order], 0.2, strategy)]
        assert set(zip(*moved, strict=True)) == set(zip(*mine(D, labels, 0.2, strategy), strict=True))


def test_a_gradient_is_the_difference_quotient() -> None:
    gradient = load("02").question("distance_gradient").truth  # type: ignore[union-attr]
    a, n = np.array([0.3, -0.2, 0.5]), np.array([0.1, 0.4, 0.4])
    for squared, power in ((True, 1), (False, 0.5)):
        for i, step in enumerate(np.eye(3) * 1e-6):
            up, down = (np.square(a + sign * step - n).sum() ** power for sign in (1, -1))
            assert gradient(a, n, squared)[i] == pytest.approx((up - down) / 2e-6, rel=1e-8)


def test_the_stored_training_run_shows_what_the_text_says() -> None:
    notebook = nbformat.read(ROOT / "solutions" / "02_semi_hard_mining.ipynb", as_version=4)
    (table,) = (cell for cell in notebook.cells if cell.id == "table")
    rows = re.findall(r"^ +(\d+)  (\w+) (.*)$", table.outputs[0].text, flags=re.M)
    found = {(int(dim), name): [float(x) for x in re.findall(r"\d\.\d+", rest)] for dim, name, rest in rows}
    assert len(found) == 10
    accuracy, sd, apart, loss = ({key: row[i] for key, row in found.items()} for i in (0, 1, 2, 4))
    others = ("semi_hard", "random")
    assert apart[3, "hardest"] < 0.01 and apart[3, "hard"] < 0.01 and apart[16, "hard"] < 0.01
    assert accuracy[3, "hardest"] < 0.5 < accuracy[3, "random"] < accuracy[3, "semi_hard"]
    assert loss[3, "hardest"] == pytest.approx(0.2, abs=0.001)
    assert loss[3, "hardest"] == min(cost for (dim, _), cost in loss.items() if dim == 3)
    assert apart[16, "hardest"] > 1 and accuracy[16, "hard"] > 0.9
    assert all(abs(accuracy[16, "hardest"] - accuracy[16, name]) < sd[16, "hardest"] for name in others)
