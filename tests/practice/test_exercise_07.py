"""Exercise 07: right answers in several styles pass, and a learner's mistakes are named.

The audit's numbers hold.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from answers import assert_named, assert_passed, checker

from nslab.practice._chance import Watched
from nslab.practice._exercise import load
from nslab.practice.checks._07_model_proposes import P_D, log_chances, measure

PROPOSAL, GRADIENT, SAMPLE, RESTING = load("07").questions
LOGITS = np.array([1.0, 0.2, -0.4, -0.9, 0.0])


check = checker("07")


def positive_T(T: float) -> None:
    if not T > 0:
        raise ValueError("T")


# Right answers


def with_math(f: Any, T: float) -> list[float]:
    positive_T(T)
    top = max(f)
    weights = [math.exp((x - top) / T) for x in f]
    return [w / math.fsum(weights) for w in weights]


def with_torch(f: Any, T: float) -> torch.Tensor:
    positive_T(T)
    return torch.softmax(torch.as_tensor(f) / T, dim=0)


def with_logaddexp(f: Any, T: float) -> np.ndarray:
    positive_T(T)
    return np.exp(f / T - np.logaddexp.reduce(f / T))


def step_by_step(pd: Any, f: Any, q: Any, K: int, corrected: bool) -> np.ndarray:
    if corrected and (q == 0).any():
        raise ValueError("q")
    total = np.zeros(len(f))
    for i in range(len(f)):
        for draws in itertools.product(range(len(f)), repeat=K):
            ids = np.array([i, *draws])
            z = f[ids] - (np.log(q[ids]) if corrected else 0)
            w = np.exp(z - z.max())
            w = w / w.sum()
            w[0] -= 1
            np.add.at(total, ids, pd[i] * np.prod(q[list(draws)]) * w)
    return total


def with_autograd(pd: Any, f: Any, q: Any, K: int, corrected: bool) -> torch.Tensor:
    if corrected and not q.min() > 0:
        raise ValueError("q")
    s, chances, data = torch.tensor(f, requires_grad=True), torch.tensor(q), torch.tensor(pd)
    ids = torch.cartesian_prod(*[torch.arange(len(f))] * (K + 1))
    z = (s - chances.log() if corrected else s)[ids]
    loss = torch.logsumexp(z, 1) - z[:, 0]
    (data[ids[:, 0]] * chances[ids[:, 1:]].prod(1) * loss).sum().backward()
    assert s.grad is not None
    return s.grad


def by_counts(pd: Any, f: Any, q: Any, K: int, corrected: bool) -> list[float]:
    """Sets of draws with their multinomial chance, and odds in the place of logits."""
    if corrected and min(q) == 0:
        raise ValueError("q")
    odds = [math.exp(x - max(f)) / (y if corrected else 1) for x, y in zip(f, q, strict=True)]
    total = [0.0] * len(f)
    for i in range(len(f)):
        for draws in itertools.combinations_with_replacement(range(len(f)), K):
            times = Counter(draws)
            orders = math.factorial(K) / math.prod(math.factorial(t) for t in times.values())
            chance = pd[i] * orders * math.prod(q[j] ** t for j, t in times.items())
            z = odds[i] + sum(t * odds[j] for j, t in times.items())
            for j, t in times.items():
                total[j] += chance * t * odds[j] / z
            total[i] += chance * (odds[i] / z - 1)
    return total


def with_multinomial(f: Any, T: float, K: int, rng: Any, positive: Any = None) -> tuple[Any, Any]:
    positive_T(T)
    if positive is not None and positive not in range(len(f)):
        raise ValueError("positive")
    z = torch.tensor(f) / T
    if positive is not None:
        z[positive] = -math.inf
    if len(f) - (positive is not None) < 1:
        raise ValueError("empty")
    log_q = torch.log_softmax(z, 0)
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    ids = torch.multinomial(log_q.exp(), K, replacement=True, generator=generator)
    return ids, log_q[ids]


def by_inversion(f: Any, T: float, K: int, rng: Any, positive: Any = None) -> list[Any]:
    kept = [x for x in range(len(f)) if x != positive]
    if not T > 0 or not kept or (positive is not None and len(kept) == len(f)):
        raise ValueError("nothing to draw")
    q = with_math([f[x] for x in kept], T)
    places = np.searchsorted(np.cumsum(q), rng.random(K) * sum(q), side="right")
    return [[kept[x] for x in places], [math.log(q[x]) for x in places]]


def by_gumbel(f: Any, T: float, K: int, rng: Any, positive: Any = None) -> tuple[Any, Any]:
    positive_T(T)
    if positive is not None and (positive < 0 or positive >= len(f)):
        raise ValueError("positive")
    z = f / T
    others = np.ones(len(f), dtype=bool)
    others[[] if positive is None else positive] = False
    if not others.any():
        raise ValueError("nothing left")
    z = np.where(others, z, -np.inf)
    log_q = z - np.logaddexp.reduce(z)
    ids = (log_q + rng.gumbel(size=(K, len(f)))).argmax(1)
    return ids, log_q[ids]


def walked(pd: Any, T: float, corrected: bool) -> np.ndarray:
    f = np.zeros(len(pd))
    for _ in range(1500):
        q = with_logaddexp(f, T)
        odds = np.exp(f) / (q if corrected else 1)
        weight = odds / (odds + odds[:, None])  # of the column, drawn against the row
        push = (pd[:, None] * q * weight).sum(0)
        pull = (pd[:, None] * q * weight).sum(1)
        f = f - 2 * (push - pull)
    return with_logaddexp(f, 1.0)


def four_digits(pd: Any, T: float, corrected: bool) -> np.ndarray:
    return np.round(in_logarithms(pd, T, corrected).numpy(), 4)


def in_logarithms(pd: Any, T: float, corrected: bool) -> torch.Tensor:
    return torch.softmax(torch.tensor(pd).log() / (1 if corrected else 1 + 1 / T), 0)


@pytest.mark.parametrize("seed", (0, 7))
@pytest.mark.parametrize(
    ("name", "fn"),
    [
        *[("proposal", fn) for fn in (with_math, with_torch, with_logaddexp)],
        *[("expected_gradient", fn) for fn in (step_by_step, with_autograd, by_counts)],
        *[("sample_negatives", fn) for fn in (with_multinomial, by_inversion, by_gumbel)],
        *[("resting_point", fn) for fn in (walked, in_logarithms, four_digits)],
    ],
)
def test_right_answers_pass_in_every_style(name: str, fn: Callable[..., Any], seed: int) -> None:
    assert_passed(check(name, fn, seed=seed))


# A learner's own mistakes


def torch_times_T(f: Any, T: float) -> torch.Tensor:
    positive_T(T)
    return (torch.tensor(f) * T).softmax(0)


def math_unshifted(f: Any, T: float) -> list[float]:
    positive_T(T)
    weights = [math.exp(x / T) for x in f]
    return [w / sum(weights) for w in weights]


def divided_afterwards(f: Any, T: float) -> Any:
    positive_T(T)
    q = torch.softmax(torch.tensor(f), 0) / T
    return q / q.sum()


def no_guard(f: Any, T: float) -> list[float]:
    top = max(f)
    weights = [math.exp((x - top) / T) for x in f]
    return [w / sum(weights) for w in weights]


def clipped(f: Any, T: float) -> np.ndarray:
    positive_T(T)
    weights = np.exp(np.clip(f / T, -700, 700))
    return weights / weights.sum()


def around_the_mean(f: Any, T: float) -> np.ndarray:
    positive_T(T)
    weights = np.exp((f - np.mean(f)) / T)
    return weights / weights.sum()


def power_of_the_softmax(f: Any, T: float) -> torch.Tensor:
    positive_T(T)
    q = torch.tensor(f).softmax(0) ** (1 / T)
    return q / q.sum()


def nan_let_through(f: Any, T: float) -> list[float]:
    if T <= 0:
        raise ValueError("T")
    weights = [math.exp((x - max(f)) / T) for x in f]
    return [w / sum(weights) for w in weights]


def around_the_largest_size(f: Any, T: float) -> torch.Tensor:
    positive_T(T)
    weights = (torch.tensor(f) / T - (torch.tensor(f) / T).abs().max()).exp()
    return weights / weights.sum()


def only_a_power(f: Any, T: float) -> torch.Tensor:
    positive_T(T)
    return torch.tensor(f).softmax(0) ** (1 / T)


def in_base_2(f: Any, T: float) -> list[float]:
    positive_T(T)
    weights = [2 ** ((x - max(f)) / T) for x in f]
    return [w / sum(weights) for w in weights]


def looped(
    pd: Any, f: Any, q: Any, K: int, corrected: bool, edit: Callable[..., Any], sign: int = -1
) -> np.ndarray:
    """A frame for wrong answers: `edit` may change logits and ids of one outcome, or drop it."""
    if corrected and q.min() == 0:
        raise ValueError("q")
    total = np.zeros(len(f))
    for ids in itertools.product(range(len(f)), repeat=K + 1):
        z = np.array([f[j] + (sign * math.log(q[j]) if corrected else 0) for j in ids])
        z = edit(ids, z, q, corrected)
        if z is None:
            continue
        w = np.exp(z - z.max())
        chance = pd[ids[0]] * math.prod(q[j] for j in ids[1:])
        for j, x in zip(ids, w / w.sum(), strict=True):
            total[j] += chance * x
        total[ids[0]] -= chance
    return total


def same_z(ids: Any, z: Any, q: Any, corrected: bool) -> Any:
    return z


def added_ln_q(pd: Any, f: Any, q: Any, K: int, corrected: bool) -> np.ndarray:
    return looped(pd, f, q, K, corrected, same_z, sign=1)


def positive_uncorrected(pd: Any, f: Any, q: Any, K: int, corrected: bool) -> np.ndarray:
    def edit(ids: Any, z: Any, q: Any, corrected: bool) -> Any:
        z[0] += math.log(q[ids[0]]) if corrected else 0
        return z

    return looped(pd, f, q, K, corrected, edit)


def hits_skipped(pd: Any, f: Any, q: Any, K: int, corrected: bool) -> np.ndarray:
    return looped(pd, f, q, K, corrected, lambda ids, z, q, corrected: None if ids[0] in ids[1:] else z)


def hits_masked(pd: Any, f: Any, q: Any, K: int, corrected: bool) -> np.ndarray:
    def edit(ids: Any, z: Any, q: Any, corrected: bool) -> Any:
        return np.array(
            [-np.inf if k and j == ids[0] else x for k, (j, x) in enumerate(zip(ids, z, strict=True))]
        )

    return looped(pd, f, q, K, corrected, edit)


def classes_in_a_set(pd: Any, f: Any, q: Any, K: int, corrected: bool) -> np.ndarray:
    def edit(ids: Any, z: Any, q: Any, corrected: bool) -> Any:
        return np.array([-np.inf if j in ids[:k] else x for k, (j, x) in enumerate(zip(ids, z, strict=True))])

    return looped(pd, f, q, K, corrected, edit)


def all_classes_corrected(pd: Any, f: Any, q: Any, K: int, corrected: bool) -> np.ndarray:
    if corrected and q.min() == 0:
        raise ValueError("q")
    return with_logaddexp(f - np.log(q) if corrected else f, 1.0) - pd


def mean_over_the_places(pd: Any, f: Any, q: Any, K: int, corrected: bool) -> np.ndarray:
    return step_by_step(pd, f, q, K, corrected) / (K + 1)


def combinations(pd: Any, f: Any, q: Any, K: int, corrected: bool) -> np.ndarray:
    def edit(ids: Any, z: Any, q: Any, corrected: bool) -> Any:
        return z if list(ids[1:]) == sorted(set(ids[1:])) else None

    return looped(pd, f, q, K, corrected, edit)


def expected_odds(pd: Any, f: Any, q: Any, K: int, corrected: bool) -> list[float]:
    """A softmax over the classes, with the number of draws that each can expect."""
    if corrected and min(q) == 0:
        raise ValueError("q")
    odds = [math.exp(x - max(f)) / (y if corrected else 1) for x, y in zip(f, q, strict=True)]
    total = [-float(x) for x in pd]
    for i in range(len(f)):
        places = [K * y + (j == i) for j, y in enumerate(q)]
        whole = sum(n * x for n, x in zip(places, odds, strict=True))
        for j, (n, x) in enumerate(zip(places, odds, strict=True)):
            total[j] += pd[i] * n * x / whole
    return total


def attached(pd: Any, f: Any, q: Any, K: int, corrected: bool) -> torch.Tensor:
    """q is recomputed from the logits, and autograd follows it."""
    if corrected and q.min() == 0:
        raise ValueError("q")
    s, chances, data = torch.tensor(f, requires_grad=True), torch.tensor(q), torch.tensor(pd)
    ids = torch.cartesian_prod(*[torch.arange(len(f))] * (K + 1))
    z = (s - torch.log_softmax(s, 0) if corrected else s)[ids]
    loss = torch.logsumexp(z, 1) - z[:, 0]
    return torch.autograd.grad((data[ids[:, 0]] * chances[ids[:, 1:]].prod(1) * loss).sum(), s)[0]


def fancy_index(pd: Any, f: Any, q: Any, K: int, corrected: bool) -> np.ndarray:
    if corrected and q.min() == 0:
        raise ValueError("q")
    z = f - np.log(q) if corrected else f
    total = np.zeros(len(f))
    for ids in itertools.product(range(len(f)), repeat=K + 1):
        ids = list(ids)
        w = np.exp(z[ids] - z[ids].max())
        w = w / w.sum()
        g = np.zeros(len(f))
        g[ids] += w
        g[ids[0]] -= 1
        total += pd[ids[0]] * q[ids[1:]].prod() * g
    return total


def pairs_averaged(pd: Any, f: Any, q: Any, K: int, corrected: bool) -> np.ndarray:
    if corrected and q.min() == 0:
        raise ValueError("q")
    z = f - np.log(q) if corrected else f
    push = 1 / (1 + np.exp(z[:, None] - z))  # of the column against the row
    mass = pd[:, None] * q * push
    return mass.sum(0) - mass.sum(1)


def permutations(pd: Any, f: Any, q: Any, K: int, corrected: bool) -> np.ndarray:
    """An urn: each class is drawn once at most."""
    if corrected and q.min() == 0:
        raise ValueError("q")
    z, total = f - np.log(q) if corrected else f, np.zeros(len(f))
    for i, draws in itertools.product(range(len(f)), itertools.permutations(range(len(f)), K)):
        chance, rest = pd[i], 1.0
        for j in draws:
            chance, rest = chance * q[j] / rest, rest - q[j]
        ids = [i, *draws]
        np.add.at(total, ids, chance * with_logaddexp(z[ids], 1.0))
        total[i] -= chance
    return total


def other_number_of_draws(more: int) -> Callable[..., Any]:
    return lambda pd, f, q, K, corrected: step_by_step(pd, f, q, K + more, corrected)


def each_outcome(edit: Callable[..., Any]) -> Callable[..., Any]:
    """A frame for wrong answers: what `edit` makes of ids, logits and q of one outcome is averaged."""

    def wrong(pd: Any, f: Any, q: Any, K: int, corrected: bool) -> np.ndarray:
        if corrected and q.min() == 0:
            raise ValueError("q")
        total = np.zeros(len(f))
        for ids in itertools.product(range(len(f)), repeat=K + 1):
            z = (f - np.log(q) if corrected else f)[list(ids)]
            chance = pd[ids[0]] * math.prod(q[j] for j in ids[1:])
            np.add.at(total, list(ids), chance * np.array(edit(ids, with_logaddexp(z, 1.0), f, q, corrected)))
        return total

    return wrong


def pulled_everywhere(ids: Any, w: Any, f: Any, q: Any, corrected: bool) -> list[float]:
    return [x - (j == ids[0]) for j, x in zip(ids, w, strict=True)]


def pull_alone(ids: Any, w: Any, f: Any, q: Any, corrected: bool) -> list[float]:
    return [w[0] - 1, *[0.0] * (len(ids) - 1)]


def losses_of_the_positives(ids: Any, w: Any, f: Any, q: Any, corrected: bool) -> list[float]:
    return [-math.log(w[0]), *[0.0] * (len(ids) - 1)]


def divided_weights(ids: Any, w: Any, f: Any, q: Any, corrected: bool) -> Any:
    raw = with_logaddexp(f[list(ids)], 1.0) / (q[list(ids)] if corrected else 1)
    return raw - np.eye(len(ids))[0]


def decimal_ln_q(ids: Any, w: Any, f: Any, q: Any, corrected: bool) -> Any:
    z = f[list(ids)] - (np.log10(q[list(ids)]) if corrected else 0)
    return with_logaddexp(z, 1.0) - np.eye(len(ids))[0]


def ln_k_q_for_the_draws(ids: Any, w: Any, f: Any, q: Any, corrected: bool) -> Any:
    K = len(ids) - 1
    z = f[list(ids)] - (np.log(q[list(ids)] * np.array([1, *[K] * K])) if corrected else 0)
    return with_logaddexp(z, 1.0) - np.eye(len(ids))[0]


def weights_of_all_classes(ids: Any, w: Any, f: Any, q: Any, corrected: bool) -> Any:
    p = with_logaddexp(f - np.log(q) if corrected else f, 1.0)
    return p[list(ids)] - np.eye(len(ids))[0]


def ascent(pd: Any, f: Any, q: Any, K: int, corrected: bool) -> np.ndarray:
    return -step_by_step(pd, f, q, K, corrected)


def short_formula(pd: Any, f: Any, q: Any, K: int, corrected: bool) -> np.ndarray:
    if corrected and q.min() == 0:
        raise ValueError("q")
    return K / (K + 1) * (with_logaddexp(f, 1.0) - pd)


def hole_ignored(pd: Any, f: Any, q: Any, K: int, corrected: bool) -> np.ndarray:
    return step_by_step(pd, f, np.where(q == 0, 1e-12, q), K, corrected)


def ln_q_of_zero(pd: Any, f: Any, q: Any, K: int, corrected: bool) -> torch.Tensor:
    if corrected and q.min() == 0:
        raise ValueError("q")
    s, chances, data = torch.tensor(f, requires_grad=True), torch.tensor(q), torch.tensor(pd)
    ids = torch.cartesian_prod(*[torch.arange(len(f))] * (K + 1))
    z = (s - chances.log() * corrected)[ids]
    loss = torch.logsumexp(z, 1) - z[:, 0]
    return torch.autograd.grad((data[ids[:, 0]] * chances[ids[:, 1:]].prod(1) * loss).sum(), s)[0]


def sampled(pd: Any, f: Any, q: Any, K: int, corrected: bool) -> np.ndarray:
    if corrected and q.min() == 0:
        raise ValueError("q")
    rng, n = np.random.default_rng(0), len(f)
    ids = np.column_stack([rng.choice(n, (9000, 1), p=pd), rng.choice(n, (9000, K), p=q)])
    w = np.exp((f - np.log(q) if corrected else f)[ids] - f.max())
    w = w / w.sum(1, keepdims=True) - (np.arange(K + 1) == 0)
    return np.bincount(ids.ravel(), w.ravel(), n) / 9000


def sigmoids(pd: Any, f: Any, q: Any, K: int, corrected: bool) -> torch.Tensor:
    if corrected and q.min() == 0:
        raise ValueError("q")
    s = torch.tensor(f, requires_grad=True)
    z = s - torch.tensor(q).log() if corrected else s
    loss = -(torch.tensor(pd) * torch.nn.functional.logsigmoid(z)).sum()
    loss = loss - K * (torch.tensor(q) * torch.nn.functional.logsigmoid(-z)).sum()
    return torch.autograd.grad(loss, s)[0]


def falsy(f: Any, T: float, K: int, rng: Any, positive: Any = None) -> Any:
    if positive is not None and positive not in range(len(f)):
        raise ValueError("positive")
    if len(f) == 1 and positive == 0:
        raise ValueError("empty")
    return with_multinomial(f, T, K, rng, positive if positive else None)


def old_ln_q(f: Any, T: float, K: int, rng: Any, positive: Any = None) -> Any:
    ids, _ = by_gumbel(f, T, K, rng, positive)
    return ids, np.log(with_logaddexp(f, T))[ids]


def ln_q_at_one(f: Any, T: float, K: int, rng: Any, positive: Any = None) -> Any:
    ids, _ = by_gumbel(f, T, K, rng, positive)
    return ids, by_gumbel_all(f, 1.0, positive)[ids]


def by_gumbel_all(f: Any, T: float, positive: Any) -> np.ndarray:
    z = np.where(np.arange(len(f)) == (-1 if positive is None else positive), -np.inf, f / T)
    return z - np.logaddexp.reduce(z)


def not_logged(f: Any, T: float, K: int, rng: Any, positive: Any = None) -> Any:
    ids, log_q = by_inversion(f, T, K, rng, positive)
    return ids, [math.exp(x) for x in log_q]


def rejected_and_lost(f: Any, T: float, K: int, rng: Any, positive: Any = None) -> Any:
    ids, _ = by_gumbel(f, T, K, rng, positive)
    if positive is not None:
        ids, _ = by_gumbel(f, T, K, rng)
        ids = ids[ids != positive]
    return ids, by_gumbel_all(f, T, positive)[ids]


def swapped_for(other: Callable[..., Any]) -> Callable[..., Any]:
    """The positive is drawn, and another class put in its place."""

    def wrong(f: Any, T: float, K: int, rng: Any, positive: Any = None) -> Any:
        by_gumbel(f, T, 1, np.random.default_rng(1), positive)
        ids, log_q = by_gumbel(f, T, K, rng)
        if positive is not None:
            log_q = by_gumbel_all(f, T, positive)
            ids = np.array([other(x, len(f), positive, rng) if x == positive else x for x in ids])
            log_q = log_q[ids]
        return ids, log_q

    return wrong


def any_other(x: int, n: int, positive: int, rng: Any) -> int:
    return int((positive + 1 + rng.integers(n - 1)) % n)


def moved_past(f: Any, T: float, K: int, rng: Any, positive: Any = None) -> Any:
    """Places above the positive's are moved up; the one at the positive's is forgotten."""
    ids, log_q = by_gumbel(f, T, K, rng, positive)
    return (ids, log_q) if positive is None else (np.where(ids == positive + 1, positive, ids), log_q)


def at_least_once(f: Any, T: float, K: int, rng: Any, positive: Any = None) -> Any:
    ids, log_q = by_gumbel(f, T, K, rng, positive)
    return ids, np.log(1 - (1 - np.exp(log_q)) ** K)


def with_a_place_for_the_positive(f: Any, T: float, K: int, rng: Any, positive: Any = None) -> Any:
    return by_gumbel(f, T, K + 1, rng, positive)


def sorted_top(f: Any, T: float, K: int, rng: Any, positive: Any = None) -> Any:
    by_gumbel(f, T, K, rng, positive)
    ids = [x for x in np.argsort(f)[::-1] if x != positive][:K]
    return np.array(ids), by_gumbel_all(f, T, positive)[ids]


def masked_after(f: Any, T: float, K: int, rng: Any, positive: Any = None) -> Any:
    if len(f) == 1 or (positive is not None and not 0 <= positive < len(f)):
        raise ValueError("positive")
    q = np.array(with_math(f, T))
    if positive is not None:
        q = q * (np.arange(len(f)) != positive) / (1 - q[positive])
    ids = rng.choice(len(f), K, p=q)
    return ids, np.log(q[ids])


def index_from_the_end(f: Any, T: float, K: int, rng: Any, positive: Any = None) -> Any:
    positive_T(T)
    z = f / T
    if positive is not None:
        z[positive] = -np.inf
    log_q = z - np.logaddexp.reduce(z)
    ids = rng.choice(len(f), K, p=np.exp(log_q))
    return ids, log_q[ids]


def nan_ln_q(f: Any, T: float, K: int, rng: Any, positive: Any = None) -> Any:
    ids, log_q = by_gumbel(f, T, K, rng, positive)
    return ids, log_q * math.nan


def test_a_ln_q_that_is_no_number_is_refused() -> None:
    assert check("sample_negatives", nan_ln_q).status == "failed"


def refuses_every_hole(pd: Any, f: Any, q: Any, K: int, corrected: bool) -> np.ndarray:
    if (q == 0).any():
        raise ValueError("a chance of 0")
    return step_by_step(pd, f, q, K, corrected)


def refuses_needed_holes(pd: Any, f: Any, q: Any, K: int, corrected: bool) -> np.ndarray:
    if corrected and ((q == 0) & (pd > 0)).any():
        raise ValueError("a positive that is never drawn")
    return step_by_step(pd, f, np.maximum(q, 1e-300), K, corrected)


def pull_in_the_weights(pd: Any, f: Any, q: Any, K: int, corrected: bool) -> np.ndarray:
    step_by_step(pd, f, q, K, corrected)
    g, z = np.zeros(len(f)), f - np.log(q) if corrected else f
    for outcome in itertools.product(range(len(f)), repeat=K + 1):
        ids = np.array(outcome)
        w = np.exp(z[ids] - z[ids].max())
        w /= w.sum()
        w[0] -= 1
        g[ids] += pd[ids[0]] * q[ids[1:]].prod() * w
    return g


def changed_sample(change: Callable[..., Any]) -> Callable[..., Any]:
    """A right sample, with its ids and their ln q changed alike."""

    def wrong(f: Any, T: float, K: int, rng: Any, positive: Any = None) -> Any:
        ids, log_q = by_gumbel(f, T, K, rng, positive)
        order = change(np.asarray(ids), rng)
        return np.asarray(ids)[order], np.asarray(log_q)[order]

    return wrong


def seeded_anew(f: Any, T: float, K: int, rng: Any, positive: Any = None) -> Any:
    return by_gumbel(f, T, K, np.random.default_rng(42), positive)


def top_k_of_gumbels(f: Any, T: float, K: int, rng: Any, positive: Any = None) -> Any:
    if positive is not None or len(f) < K:
        return by_gumbel(f, T, K, rng, positive)
    log_q = np.log(PROPOSAL.truth(f, T))
    ids = np.argsort(-log_q - rng.gumbel(size=len(f)))[:K]
    return ids, log_q[ids]


def filled(logit: float) -> Callable[..., Any]:
    def wrong(f: Any, T: float, K: int, rng: Any, positive: Any = None) -> Any:
        by_gumbel(f, T, 1, np.random.default_rng(1), positive)
        z = torch.tensor(f)
        if positive is not None:
            z[positive] = logit
        return with_multinomial(z.numpy(), T, K, rng)

    return wrong


def log_base_2(f: Any, T: float, K: int, rng: Any, positive: Any = None) -> Any:
    ids, log_q = by_gumbel(f, T, K, rng, positive)
    return ids, [x / math.log(2) for x in log_q]


@pytest.mark.parametrize("seed", (0, 1, 5))
@pytest.mark.parametrize(
    ("name", "fn", "mistake"),
    [
        ("expected_gradient", refuses_every_hole, "q = 0 always refused"),
        ("expected_gradient", refuses_needed_holes, "q = 0 not refused"),
        ("expected_gradient", pull_in_the_weights, "repeated ids counted once"),
        ("sample_negatives", changed_sample(lambda ids, rng: np.argsort(ids)), "sorted"),
        ("sample_negatives", changed_sample(lambda ids, rng: np.zeros_like(ids)), "one draw repeated"),
        ("sample_negatives", seeded_anew, "another generator"),
        ("sample_negatives", top_k_of_gumbels, "without replacement"),
        ("sample_negatives", filled(0.0), "logit 0 for the positive"),
        ("sample_negatives", filled(-1e9), "a low logit for the positive"),
        ("sample_negatives", log_base_2, "bits"),
        ("resting_point", lambda pd, T, corrected: RESTING.truth(pd, T, not corrected), "flag reversed"),
    ],
)
def test_these_do_not_pass_and_are_named(name: str, fn: Callable[..., Any], mistake: str, seed: int) -> None:
    assert_named(check(name, fn, seed=seed), mistake)


@pytest.mark.parametrize(
    ("name", "fn", "mistake"),
    [
        ("proposal", torch_times_T, "multiplied by T"),
        ("proposal", math_unshifted, "exp overflows"),
        ("proposal", divided_afterwards, "temperature ignored"),
        ("proposal", no_guard, "T not refused"),
        ("proposal", clipped, "logits clipped"),
        ("proposal", around_the_mean, "exp overflows"),
        ("proposal", power_of_the_softmax, "softmax before T"),
        ("proposal", nan_let_through, "NaN taken for a T"),
        ("proposal", around_the_largest_size, "exp overflows"),
        ("proposal", only_a_power, "not normalised"),
        (
            "proposal",
            lambda f, T: len(f) * with_logaddexp(f, T) if T > 0 else with_math(f, 0),
            "not normalised",
        ),
        ("proposal", in_base_2, "powers of 2"),
        ("expected_gradient", permutations, "without replacement"),
        ("expected_gradient", other_number_of_draws(-1), "number of places"),
        ("expected_gradient", other_number_of_draws(1), "number of places"),
        ("expected_gradient", each_outcome(pulled_everywhere), "pulled more than once"),
        ("expected_gradient", each_outcome(pull_alone), "push missing"),
        ("expected_gradient", each_outcome(losses_of_the_positives), "loss for gradient"),
        ("expected_gradient", each_outcome(divided_weights), "divided by q"),
        ("expected_gradient", each_outcome(decimal_ln_q), "another base"),
        ("expected_gradient", each_outcome(ln_k_q_for_the_draws), "ln K q on the negatives only"),
        ("expected_gradient", each_outcome(weights_of_all_classes), "softmax over all classes"),
        ("expected_gradient", classes_in_a_set, "each class once"),
        ("expected_gradient", all_classes_corrected, "softmax over all classes"),
        ("expected_gradient", mean_over_the_places, "divided by K + 1"),
        ("expected_gradient", combinations, "orders counted once"),
        ("expected_gradient", expected_odds, "averaged too early"),
        ("expected_gradient", added_ln_q, "+ ln q"),
        ("expected_gradient", positive_uncorrected, "negatives only corrected"),
        ("expected_gradient", hits_skipped, "positive never drawn"),
        ("expected_gradient", hits_masked, "positive never drawn"),
        ("expected_gradient", attached, "gradient flows into q"),
        ("expected_gradient", fancy_index, "repeated ids counted once"),
        ("expected_gradient", pairs_averaged, "one negative at a time"),
        ("expected_gradient", ascent, "uphill"),
        ("expected_gradient", sampled, "sampled, not summed"),
        ("expected_gradient", sigmoids, "one logistic a place"),
        ("expected_gradient", short_formula, "K/(K+1) for every q"),
        ("expected_gradient", hole_ignored, "q = 0 not refused"),
        ("expected_gradient", ln_q_of_zero, "0 times ln 0"),
        ("sample_negatives", falsy, "class 0 taken for None"),
        ("sample_negatives", old_ln_q, "ln q of all classes"),
        ("sample_negatives", ln_q_at_one, "temperature ignored in ln q"),
        ("sample_negatives", not_logged, "q for ln q"),
        ("sample_negatives", rejected_and_lost, "drawn, then dropped"),
        ("sample_negatives", sorted_top, "hardest only"),
        ("sample_negatives", masked_after, "renormalised too late"),
        ("sample_negatives", swapped_for(lambda x, n, positive, rng: (x + 1) % n), "positive replaced"),
        ("sample_negatives", swapped_for(any_other), "positive replaced"),
        ("sample_negatives", moved_past, "places for ids"),
        ("sample_negatives", at_least_once, "chance of coming at all"),
        ("sample_negatives", with_a_place_for_the_positive, "one draw too many"),
        ("sample_negatives", index_from_the_end, "no such class"),
        (
            "sample_negatives",
            lambda f, T, K, rng, positive=None: by_gumbel(f, T, K, rng, positive)[0],
            "not readable",
        ),
        (
            "resting_point",
            lambda pd, T, corrected: pd**0.5 / (pd**0.5).sum() if not corrected else pd,
            "√p_d for every T",
        ),
        ("resting_point", lambda pd, T, corrected: [float(x) for x in pd], "always p_d"),
        (
            "resting_point",
            lambda pd, T, corrected: pd if corrected else pd**T / (pd**T).sum(),
            "T as the power",
        ),
        (
            "resting_point",
            lambda pd, T, corrected: pd if corrected else np.ones(len(pd)) / len(pd),
            "always uniform",
        ),
        (
            "resting_point",
            lambda pd, T, corrected: (
                pd if corrected else with_logaddexp(np.log(pd) * T / (T - 1 or math.nan), 1.0)
            ),
            "sign of ln q",
        ),
        (
            "resting_point",
            lambda pd, T, corrected: np.log(RESTING.truth(pd, T, corrected)),
            "logits returned",
        ),
        (
            "resting_point",
            lambda pd, T, corrected: pd if corrected else with_torch(np.log(pd), T),
            "the proposal at p_d",
        ),
    ],
)
def test_a_learners_own_mistakes_are_named(name: str, fn: Callable[..., Any], mistake: str) -> None:
    assert_named(check(name, fn), mistake)


# The mathematics that the exercise rests on


@pytest.mark.parametrize("K", (1, 2, 3))
def test_drawn_from_the_model_the_full_gradient_shrinks_by_k_over_k_plus_1(K: int) -> None:
    p = PROPOSAL.truth(LOGITS, 1.0)
    assert GRADIENT.truth(P_D, LOGITS, p, K, True) == pytest.approx(K / (K + 1) * (p - P_D), abs=1e-12)
    raw = GRADIENT.truth(P_D, LOGITS, p, K, False)
    assert raw @ (p - P_D) / np.linalg.norm(raw) / np.linalg.norm(p - P_D) < 0.99


@pytest.mark.parametrize("K", (1, 2))
def test_without_the_positive_the_factor_is_1_and_ln_k_q_stands_on_the_negatives(K: int) -> None:
    """The rule decides on the correction: this one takes the ln q that `sample_negatives` returns there."""
    f, target = LOGITS[:4], 1
    ids, log_q = log_chances(f, 1.0, target)
    mean = np.zeros(4)
    for draws in itertools.product(range(3), repeat=K):
        places = [target, *ids[list(draws)]]
        z = f[places] - np.array([0, *(math.log(K) + log_q[list(draws)])])
        np.add.at(mean, places, math.exp(log_q[list(draws)].sum()) * np.exp(z) / np.exp(z).sum())
    assert mean == pytest.approx(PROPOSAL.truth(f, 1.0), abs=1e-12)


def rest(
    gradient: Callable[..., Any], q: Callable[[np.ndarray], np.ndarray], K: int, corrected: bool
) -> np.ndarray:
    f = np.zeros(5)
    for _ in range(1200):
        f = f - 2 * gradient(P_D, f, q(f), K, corrected)
    return PROPOSAL.truth(f, 1.0)


def mutant(name: str) -> Callable[..., Any]:
    return next(mutant.wrong for mutant in GRADIENT.mutants if mutant.name == name)


@pytest.mark.parametrize(("K", "ln_q", "ln_k_q"), ((1, 0.116, 0.116), (2, 0.032, 0.048)))
def test_where_a_correction_of_the_negatives_alone_ends(K: int, ln_q: float, ln_k_q: float) -> None:
    for name, distance in (("negatives only corrected", ln_q), ("ln K q on the negatives only", ln_k_q)):
        ends = rest(mutant(name), lambda f: P_D, K, True)
        assert np.abs(ends - P_D).sum() / 2 == pytest.approx(distance, abs=6e-4)
        if K == 1:
            assert ends == pytest.approx(np.sqrt(P_D) / np.sqrt(P_D).sum(), abs=1e-6)


def test_raw_training_ends_at_the_root_and_corrected_training_at_the_data() -> None:
    audited = np.array([0.2984, 0.2359, 0.2110, 0.1492, 0.1055])
    assert RESTING.truth(P_D, 1.0, False) == pytest.approx(audited, abs=5e-5)
    for T, corrected in ((1.0, False), (2.0, False), (2.0, True)):
        ends = rest(mutant("one negative at a time"), lambda f, T=T: PROPOSAL.truth(f, T), 1, corrected)
        assert ends == pytest.approx(RESTING.truth(P_D, T, corrected), abs=1e-6)
    for K in (1, 2, 3):
        for corrected in (True, False):
            f = np.log(RESTING.truth(P_D, 0.7, corrected))
            still = GRADIENT.truth(P_D, f, PROPOSAL.truth(f, 0.7), K, corrected)
            assert still == pytest.approx(np.zeros(5), abs=1e-12)


def noise(T: float, K: int = 2, target: int = 3) -> float:
    """Standard deviation of one corrected gradient over the length of its mean, over all draws."""
    q = PROPOSAL.truth(LOGITS, T)
    mean, square = np.zeros(5), 0.0
    for draws in itertools.product(range(5), repeat=K):
        places = np.array([target, *draws])
        w = np.exp(LOGITS[places]) / q[places]
        gradient = np.bincount(places, w / w.sum(), 5) - np.eye(5)[target]
        chance = q[list(draws)].prod()
        mean, square = mean + chance * gradient, square + chance * gradient @ gradient
    return math.sqrt(square - mean @ mean) / float(np.linalg.norm(mean))


def test_the_model_itself_is_the_quietest_proposal_and_draws_the_most_likely_words() -> None:
    assert noise(1.0) < min(noise(0.5), noise(2.0), noise(1e6))
    mass = [PROPOSAL.truth(LOGITS, T)[[0, 1]].sum() for T in (1e6, 2.0, 1.0, 0.5)]
    assert mass == sorted(mass) and mass[0] == pytest.approx(0.4, abs=1e-5)


def test_a_right_sample_is_never_called_uneven() -> None:
    f = np.array([1.5, 0.3, -0.7, -1.5, 0.9, -1.1])
    for seed in range(300):
        rng = Watched(np.random.PCG64(seed))
        measured = measure(
            (f, 1.0, 5000, rng, seed % 6), SAMPLE.truth(f, 1.0, 5000, copy.deepcopy(rng), seed % 6)
        )
        assert not any(
            measured[name] for name in ("unevenly drawn", "positive drawn", "equal ids side by side")
        )
        assert not measured["no class twice"] and not measured["rng unused"]
