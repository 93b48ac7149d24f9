"""Exercise 08: right answers in several styles pass, and a learner's own mistakes are named."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from answers import assert_named, assert_passed, checker

from nslab import cost_in_batch, cost_per_example
from nslab.practice._exercise import load
from nslab.practice._judge import prepared

OWN, IN_BATCH, P_HARD, LOSS, GRADIENT = load("08").questions


check = checker("08")


# Right answers


class Step(NamedTuple):
    encoder_calls: int
    bytes: int
    flops: int


def counted_by_list(B: int, K: int, d: int, bytes: int) -> dict[str, int]:
    per_anchor = ["anchor", "positive"] + K * ["negative"]
    scores = B * (len(per_anchor) - 1)
    calls = B * len(per_anchor)
    return {
        "encoder_calls": calls,
        "flops": scores * d + scores * d,
        "bytes": calls * d * bytes + scores * bytes,
    }


def counted_by_terms(B: int, K: int, d: int, bytes: int) -> tuple[int, int, int]:
    held = 2 * B * d + B * K * d + B + B * K
    return held * bytes, 2 * B * (K + 1) * d, B * (K + 2)


def counted_with_numpy(B: int, K: int, d: int, bytes: int) -> Any:
    items, scores = np.prod([B, K + 2]), np.int64(B) * (K + 1)
    return np.array([(items * d + scores) * bytes, scores * d * 2, items])


def library_own(B: int, K: int, d: int, bytes: int) -> Any:
    return cost_per_example(B, K, d, bytes)


def counted_by_shapes(B: int, d: int, bytes: int) -> Step:
    shape = (B, d), (d, B)
    scores = shape[0][0] * shape[1][1]
    return Step(2 * B, bytes * (B * d + d * B + scores), 2 * d * scores)


def counted_with_torch(B: int, d: int, bytes: int) -> dict[str, Any]:
    b = torch.tensor(B)
    return {"bytes": bytes * (2 * b * d + b**2), "flops": 2 * b**2 * d, "encoder_calls": 2 * b}


def counted_as_own(B: int, d: int, bytes: int) -> list[int]:
    """As many scores as B − 1 own negatives would take, and 2B items."""
    _, flops, _ = counted_by_terms(B, B - 1, d, bytes)
    return [bytes * (2 * B * d + flops // (2 * d)), flops, B + B]


def library_lent(B: int, d: int, bytes: int) -> Any:
    return cost_in_batch(B, d, bytes)


def hard_by_loop(rho: float, n: int) -> float:
    hit = 0.0
    for _ in range(n):
        hit = hit + (1 - hit) * rho
    return hit


def hard_by_sum(rho: float, n: int) -> float:
    return (
        sum(math.comb(n, k) * rho**k * (1 - rho) ** (n - k) for k in range(1, n + 1))
        if n < 60
        else (1 - (1 - rho) ** n)
    )


def hard_by_logarithm(rho: float, n: int) -> float:
    return (1.0 if n else 0.0) if rho == 1 else -math.expm1(n * math.log1p(-rho))


def hard_with_torch(rho: float, n: int) -> torch.Tensor:
    return 1 - torch.tensor(1 - rho, dtype=torch.float64).pow(n)


def hits(B: int, ids: Any) -> np.ndarray:
    """Repeats of a row's item in other rows; refuses where nothing is left."""
    same = np.eye(B, dtype=bool) if ids is None else np.equal.outer(ids, ids)
    if same.all(1).any():
        raise ValueError("no negative is left")
    return same & ~np.eye(B, dtype=bool)


def loss_by_loop(A: Any, P: Any, tau: float, ids: Any = None) -> float:
    B, repeated, total = len(A), hits(len(A), ids), 0.0
    for i in range(B):
        for one, many in ((A[i], P), (P[i], A)):
            own = float(one @ many[i]) / tau
            gaps = [float(one @ many[j]) / tau - own for j in range(B) if j != i and not repeated[i, j]]
            top = max(0.0, *gaps)
            total += top + math.log(math.exp(-top) + sum(math.exp(gap - top) for gap in gaps))
    return total / B / 2


def loss_with_numpy(A: Any, P: Any, tau: float, ids: Any = None) -> Any:
    logits = A @ P.T / tau
    logits[hits(len(A), ids)] = -1e300
    own = np.diag(logits)
    ways = np.logaddexp.reduce(logits, axis=1) - own, np.logaddexp.reduce(logits, axis=0) - own
    return np.mean(ways)


def loss_with_torch(A: Any, P: Any, tau: float, ids: Any = None) -> torch.Tensor:
    repeated = torch.from_numpy(hits(len(A), ids))
    logits = (torch.from_numpy(A) @ torch.from_numpy(P).T / tau).masked_fill(repeated, -math.inf)
    target = torch.arange(len(A))
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def loss_by_softplus(A: Any, P: Any, tau: float, ids: Any = None) -> torch.Tensor:
    out = torch.from_numpy(hits(len(A), ids) | np.eye(len(A), dtype=bool))
    logits = torch.from_numpy(A) @ torch.from_numpy(P).T / tau
    ways = [(way - way.diagonal()[:, None]).masked_fill(out, -math.inf) for way in (logits, logits.T)]
    return torch.stack([F.softplus(way.logsumexp(1), threshold=40).mean() for way in ways]).mean()


def gradient_with_autograd(A: Any, P: Any, tau: float, ids: Any = None) -> tuple[torch.Tensor, ...]:
    repeated = torch.from_numpy(hits(len(A), ids))
    a, p = (torch.tensor(X, requires_grad=True) for X in (A, P))
    logits = (a @ p.T / tau).masked_fill(repeated, -math.inf)
    loss = -(logits.log_softmax(1).diagonal() + logits.log_softmax(0).diagonal()).mean() / 2
    loss.backward()
    assert a.grad is not None and p.grad is not None
    return a.grad, p.grad


def gradient_by_difference(A: Any, P: Any, tau: float, ids: Any = None) -> list[np.ndarray]:
    a, p, step = A.copy(), P.copy(), 1e-5 * tau
    slopes = [np.zeros_like(A), np.zeros_like(P)]
    for X, slope in zip((a, p), slopes, strict=True):
        for at in np.ndindex(X.shape):
            kept, ends = X[at], []
            for sign in (1, -1):
                X[at] = kept + sign * step
                ends.append(loss_with_numpy(a, p, tau, ids))
            X[at], slope[at] = kept, (ends[0] - ends[1]) / (2 * step)
    return slopes


def gradient_by_rows(A: Any, P: Any, tau: float, ids: Any = None) -> np.ndarray:
    B, repeated = len(A), hits(len(A), ids)
    on_a, on_p = np.zeros_like(A), np.zeros_like(P)
    for i in range(B):
        kept = np.flatnonzero(~repeated[i])
        for one, many, on_one, on_many in ((A[i], P, on_a, on_p), (P[i], A, on_p, on_a)):
            logits = many[kept] @ one / tau
            weight = np.exp(logits - logits.max())
            weight = weight / weight.sum() - (kept == i)
            on_one[i] += weight @ many[kept] / (2 * B * tau)
            on_many[kept] += np.outer(weight, one) / (2 * B * tau)
    return np.stack([on_a, on_p])


@pytest.mark.parametrize("seed", (0, 7))
@pytest.mark.parametrize(
    ("name", "fn"),
    [
        *[(OWN.name, fn) for fn in (counted_by_list, counted_by_terms, counted_with_numpy, library_own)],
        *[
            (IN_BATCH.name, fn)
            for fn in (counted_by_shapes, counted_with_torch, counted_as_own, library_lent)
        ],
        *[(P_HARD.name, fn) for fn in (hard_by_loop, hard_by_sum, hard_by_logarithm, hard_with_torch)],
        *[(LOSS.name, fn) for fn in (loss_by_loop, loss_with_numpy, loss_with_torch, loss_by_softplus)],
        *[(GRADIENT.name, fn) for fn in (gradient_with_autograd, gradient_by_difference, gradient_by_rows)],
    ],
)
def test_right_answers_pass_in_every_style(name: str, fn: Callable[..., Any], seed: int) -> None:
    assert_passed(check(name, fn, seed=seed))


# A learner's own mistakes


def own_pairs_only(B: int, K: int, d: int, bytes: int) -> dict[str, int]:
    right = counted_by_list(B, K, d, bytes)
    right["encoder_calls"] = B + B
    return right


def own_scores_against_negatives(B: int, K: int, d: int, bytes: int) -> tuple[int, int, int]:
    return (B * K + B * (K + 2) * d) * bytes, B * K * 2 * d, B * (2 + K)


def own_in_float(B: int, K: int, d: int, bytes: int) -> dict[str, float]:
    return {name: 1.0 * x for name, x in counted_by_list(B, K, d, bytes).items()}


def own_in_mebibytes(B: int, K: int, d: int, bytes: int) -> tuple[float, int, int]:
    held, flops, calls = counted_by_terms(B, K, d, bytes)
    return held / 1024**2, flops, calls


def own_flops_first(B: int, K: int, d: int, bytes: int) -> list[int]:
    held, flops, calls = counted_by_terms(B, K, d, bytes)
    return [flops, held, calls]


def own_two_mistakes(B: int, K: int, d: int, bytes: int) -> dict[str, int]:
    return {"bytes": B * (K + 2) * d * bytes, "flops": B * (K + 1) * d, "encoder_calls": B * (K + 2)}


def lent_b_negatives(B: int, d: int, bytes: int) -> dict[str, int]:
    negatives = B
    scores = B * (1 + negatives)
    return {"bytes": bytes * (2 * B * d + scores), "flops": scores * 2 * d, "encoder_calls": 2 * B}


def lent_like_own(B: int, d: int, bytes: int) -> tuple[int, int, int]:
    return counted_by_terms(B, B - 1, d, bytes)


def lent_macs(B: int, d: int, bytes: int) -> tuple[int, int, int]:
    return bytes * B * (2 * d + B), B * d * B, B * 2


def lent_without_scores(B: int, d: int, bytes: int) -> tuple[int, int, int]:
    return bytes * B * 2 * d, 2 * B * d * B, B * 2


def hard_expected(rho: float, n: int) -> float:
    return sum(rho for _ in range(n))


def hard_with_positive(rho: float, n: int) -> float:
    easy = [1 - rho] * (n + 1)
    return 1 - math.prod(easy)


def hard_log_domain(rho: float, n: int) -> float:
    return 1 - math.exp(n * math.log(1 - rho))


def loss_no_ids(A: Any, P: Any, tau: float, ids: Any = None) -> torch.Tensor:
    hits(len(A), ids)
    return loss_with_torch(A, P, tau)


def loss_no_ids_no_check(A: Any, P: Any, tau: float, ids: Any = None) -> torch.Tensor:
    logits, target = torch.from_numpy(A @ P.T) / tau, torch.arange(len(A))
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def loss_over_ratio(A: Any, P: Any, tau: float, ids: Any = None) -> float:
    weight = np.exp(A @ P.T / tau)
    weight[hits(len(A), ids)] = 0
    own = np.diag(weight)
    return -np.log(own / weight.sum(0)).mean() / 2 - np.log(own / weight.sum(1)).mean() / 2


def loss_rows_only(A: Any, P: Any, tau: float, ids: Any = None) -> torch.Tensor:
    logits = torch.from_numpy(A @ P.T / tau).masked_fill(torch.from_numpy(hits(len(A), ids)), -math.inf)
    return F.cross_entropy(logits, torch.arange(len(A)))


def loss_diagonal_again(A: Any, P: Any, tau: float, ids: Any = None) -> float:
    logits = A @ P.T / tau
    logits[hits(len(A), ids)] = -math.inf
    own = np.diag(logits)[:, None]
    ways = [np.logaddexp.reduce(np.hstack([own, way]), axis=1) for way in (logits, logits.T)]
    return float(np.mean(ways) - own.mean())


def loss_of_cosines(A: Any, P: Any, tau: float, ids: Any = None) -> torch.Tensor:
    a, p = (F.normalize(torch.from_numpy(X), dim=1).numpy() for X in (A, P))
    return loss_with_torch(a, p, tau, ids)


def loss_masked_with_zero(A: Any, P: Any, tau: float, ids: Any = None) -> torch.Tensor:
    logits = torch.from_numpy(A @ P.T / tau).masked_fill(torch.from_numpy(hits(len(A), ids)), 0)
    target = torch.arange(len(A))
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def loss_masked_with_diagonal(A: Any, P: Any, tau: float, ids: Any = None) -> torch.Tensor:
    hits(len(A), ids)
    logits, target = torch.from_numpy(A @ P.T) / tau, torch.arange(len(A))
    if ids is not None:
        item = torch.from_numpy(ids)
        logits = logits.masked_fill(item[:, None] == item, -math.inf)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def loss_columns_masked(A: Any, P: Any, tau: float, ids: Any = None) -> torch.Tensor:
    repeated, target = torch.from_numpy(hits(len(A), ids)), torch.arange(len(A))
    rows = torch.from_numpy(A @ P.T / tau)
    columns = rows.T.masked_fill(repeated, -math.inf)
    return (F.cross_entropy(rows, target) + F.cross_entropy(columns, target)) / 2


def gradient_summed(A: Any, P: Any, tau: float, ids: Any = None) -> list[Any]:
    return [slope * len(A) for slope in gradient_by_rows(A, P, tau, ids)]


def gradient_no_ids(A: Any, P: Any, tau: float, ids: Any = None) -> Any:
    hits(len(A), ids)
    return gradient_by_rows(A, P, tau)


def own_macs_less_one(B: int, K: int, d: int, bytes: int) -> tuple[int, int, int]:
    held, _, calls = counted_by_terms(B, K, d, bytes)
    return held, B * (K + 1) * (d + d - 1), calls


def lent_square_of_all(B: int, d: int, bytes: int) -> tuple[int, int, int]:
    n = 2 * B
    return (n * d + n * n) * bytes, 2 * d * n * n, n


def own_scores_as_numbers(B: int, K: int, d: int, bytes: int) -> tuple[int, int, int]:
    _, flops, calls = counted_by_terms(B, K, d, bytes)
    return calls * d * bytes + B * (K + 1), flops, calls


def logits_of(A: Any, P: Any, tau: float, ids: Any, hidden: float = -math.inf) -> np.ndarray:
    logits = A @ P.T / tau
    logits[hits(len(A), ids)] = hidden
    return logits


def mean_of_both(logits: np.ndarray, rows: Any = slice(None)) -> float:
    losses = [np.logaddexp.reduce(way, axis=1) - np.diag(way) for way in (logits, logits.T)]
    return float(np.mean([loss[rows] for loss in losses]))


def loss_filled(value: float) -> Callable[..., Any]:
    return lambda A, P, tau, ids=None: mean_of_both(logits_of(A, P, tau, ids, value))


def loss_shifted_once(A: Any, P: Any, tau: float, ids: Any = None) -> torch.Tensor:
    logits = torch.from_numpy(logits_of(A, P, tau, ids))
    weight = (logits - logits.max()).exp()
    own = weight.diag().log()
    return -(own - weight.sum(0).log() + own - weight.sum(1).log()).mean() / 2


def loss_of_first_rows(A: Any, P: Any, tau: float, ids: Any = None) -> float:
    held = list(range(len(A)) if ids is None else ids)
    return mean_of_both(logits_of(A, P, tau, ids), [held.index(item) == i for i, item in enumerate(held)])


def loss_supervised(A: Any, P: Any, tau: float, ids: Any = None) -> float:
    repeated, logits, parts = hits(len(A), ids), A @ P.T / tau, []
    for way in (logits, logits.T):
        for i, row in enumerate(way):
            own = row[repeated[i] | (np.arange(len(A)) == i)]
            parts.append(np.logaddexp.reduce(row) - own.mean())
    return float(np.mean(parts))


def loss_clipped(A: Any, P: Any, tau: float, ids: Any = None) -> torch.Tensor:
    logits = torch.from_numpy(logits_of(A, P, tau, ids))
    ways = [torch.softmax(logits, axis).diag() for axis in (0, 1)]
    return -torch.stack(ways).clamp(min=1e-9).log().mean()


def loss_total(A: Any, P: Any, tau: float, ids: Any = None) -> float:
    return 2 * len(A) * loss_with_numpy(A, P, tau, ids)


def gradient_split(A: Any, P: Any, tau: float, ids: Any = None) -> tuple[Any, Any]:
    z, eye = torch.from_numpy(logits_of(A, P, tau, ids)), torch.eye(len(A))
    rows, columns = (torch.softmax(z, axis) - eye for axis in (1, 0))
    return rows @ torch.from_numpy(P) / tau / len(A), columns.T @ torch.from_numpy(A) / tau / len(A)


def gradient_pull_once(A: Any, P: Any, tau: float, ids: Any = None) -> tuple[Any, Any]:
    z = torch.from_numpy(logits_of(A, P, tau, ids))
    slope = (torch.softmax(z, 0) + torch.softmax(z, 1) - torch.eye(len(A))) / (2 * tau * len(A))
    return slope @ torch.from_numpy(P), slope.T @ torch.from_numpy(A)


def own_scores_with_all(B: int, K: int, d: int, bytes: int) -> dict[str, int]:
    items = B * (2 + K)
    scores = B * items
    return {"bytes": (items * d + scores) * bytes, "flops": 2 * d * scores, "encoder_calls": items}


def own_flops_in_bytes(B: int, K: int, d: int, bytes: int) -> tuple[int, int, int]:
    held, flops, calls = counted_by_terms(B, K, d, bytes)
    return held, bytes * flops, calls


def lent_triangle(B: int, d: int, bytes: int) -> tuple[int, int, int]:
    pairs = math.comb(B, 2)
    return (2 * B * d + pairs) * bytes, pairs * (d + d), 2 * B


def both_softmaxes(A: Any, P: Any, tau: float, ids: Any) -> list[np.ndarray]:
    logits, ways = logits_of(A, P, tau, ids), []
    for axis in (1, 0):
        weight = np.exp(logits - logits.max(axis, keepdims=True))
        ways.append(weight / weight.sum(axis, keepdims=True))
    return ways


def loss_log_of_softmax(A: Any, P: Any, tau: float, ids: Any = None) -> float:
    return float(np.mean([-np.log(way.diagonal()) for way in both_softmaxes(A, P, tau, ids)]))


def loss_over_positive(A: Any, P: Any, tau: float, ids: Any = None) -> float:
    logits = logits_of(A, P, tau, ids)
    own = logits.diagonal()
    return float(np.log([np.exp(logits.T - own).sum(0), np.exp(logits - own).sum(0)]).mean())


def loss_with_epsilon(A: Any, P: Any, tau: float, ids: Any = None) -> float:
    return float(np.mean([-np.log(1e-8 + way.diagonal()) for way in both_softmaxes(A, P, tau, ids)]))


def loss_of_shared_weight(A: Any, P: Any, tau: float, ids: Any = None) -> float:
    repeated, logits = hits(len(A), ids), A @ P.T / tau
    pulled = np.where(repeated | np.eye(len(A), dtype=bool), logits, -math.inf)
    ways = [np.logaddexp.reduce(logits, axis) - np.logaddexp.reduce(pulled, axis) for axis in (0, 1)]
    return float(np.mean(ways))


def gradient_of_own_half(A: Any, P: Any, tau: float, ids: Any = None) -> tuple[Any, Any]:
    along, down = (way - np.eye(len(A)) for way in both_softmaxes(A, P, tau, ids))
    return along @ P / (2 * len(A) * tau), down.T @ A / (2 * len(A) * tau)


def own_with(change: Callable[..., dict[str, int]]) -> Callable[..., Any]:
    """The right counts, some of them replaced."""
    return lambda B, K, d, bytes: {**counted_by_list(B, K, d, bytes), **change(B, K, d, bytes)}


def lent_with(change: Callable[..., dict[str, int]]) -> Callable[..., Any]:
    return lambda B, d, bytes: {**counted_by_shapes(B, d, bytes)._asdict(), **change(B, d, bytes)}


def own_without_brackets(B: int, K: int, d: int, bytes: int) -> dict[str, int]:
    items, scores = B * K + 2, B * (K + 1)
    return {"bytes": (items * d + scores) * bytes, "flops": 2 * d * scores, "encoder_calls": items}


def own_through_a_float(B: int, K: int, d: int, bytes: int) -> list[int]:
    return [int(count * 1.0) for count in counted_by_terms(B, K, d, bytes)]


def own_in_int32(B: int, K: int, d: int, bytes: int) -> list[int]:
    with np.errstate(over="ignore"):
        return [int(x) for x in counted_by_terms(*(np.int32(size) for size in (B, K, d, bytes)))]


def lent_with_a_caret(B: int, d: int, bytes: int) -> tuple[int, int, int]:
    scores = B ^ 2
    return bytes * (2 * B * d + scores), scores * 2 * d, 2 * B


def hard_step_by_step(rho: float, n: int) -> float:
    return 0.0 if n == 0 else rho + (1 - rho) * hard_step_by_step(rho, n - 1)


def hard_twice(rho: float, n: int) -> float:
    none = (1 - rho) ** n
    return 1 - none - (n * rho * (1 - rho) ** (n - 1) if n else 0)


def hard_of_some(rho: float, n: int) -> float:
    if n < 1:
        raise ValueError("n must be at least 1")
    return hard_by_loop(rho, n)


def loss_shifted_by_the_masked(A: Any, P: Any, tau: float, ids: Any = None) -> float:
    """The largest of all logits taken off, and the repeats set to 0 afterwards."""
    out, parts = hits(len(A), ids), []
    for logits in (A @ P.T / tau, P @ A.T / tau):
        top = logits.max(1, keepdims=True)
        parts.append(np.log((np.exp(logits - top) * ~out).sum(1)) + top[:, 0] - np.diag(logits))
    return float(np.mean(parts))


def loss_times_infinity(A: Any, P: Any, tau: float, ids: Any = None) -> float:
    return mean_of_both(A @ P.T / tau + hits(len(A), ids) * -math.inf)


def loss_with(change: Callable[..., float]) -> Callable[..., Any]:
    """What becomes of each row's two losses."""

    def loss(A: Any, P: Any, tau: float, ids: Any = None) -> float:
        logits = logits_of(A, P, tau, ids)
        ways = [np.logaddexp.reduce(way, axis=1) - np.diag(way) for way in (logits, logits.T)]
        return change(np.array(ways), np.arange(len(A)) if ids is None else ids)

    return loss


def loss_of_pairs(A: Any, P: Any, tau: float, ids: Any = None) -> float:
    logits = logits_of(A, P, tau, ids)
    return float(np.logaddexp(0, logits * (1 - 2 * np.eye(len(A)))).sum() / len(A))


def loss_at(power: float) -> Callable[..., Any]:
    return lambda A, P, tau, ids=None: loss_with_numpy(A, P, tau**power, ids)


def loss_refusing_repeats(A: Any, P: Any, tau: float, ids: Any = None) -> float:
    if hits(len(A), ids).any():
        raise ValueError("every item once")
    return loss_with_numpy(A, P, tau)


def loss_masked_before_tau(A: Any, P: Any, tau: float, ids: Any = None) -> float:
    scores = A @ P.T
    scores[hits(len(A), ids)] = -10
    return mean_of_both(scores / tau)


def loss_of_bounded_logits(A: Any, P: Any, tau: float, ids: Any = None) -> float:
    return mean_of_both(logits_of(A, P, tau, ids).clip(-80, 80))


def gradient_with(slope: Callable[..., Any], move: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """From the weights along the rows and down the columns, and the identity: the slopes, and the rest."""

    def gradient(A: Any, P: Any, tau: float, ids: Any = None) -> tuple[Any, Any]:
        found = slope(*both_softmaxes(A, P, tau, ids), np.eye(len(A))) / (2 * len(A) * tau)
        return move(A, P, found) if move else (found @ P, found.T @ A)

    return gradient


def gradient_masked_once(A: Any, P: Any, tau: float, ids: Any = None) -> Any:
    """The repeats are hidden from the columns' softmaxes, not from the rows'."""
    hits(len(A), ids)
    along = gradient_with(lambda rows, columns, eye: rows - eye)(A, P, tau)
    down = gradient_with(lambda rows, columns, eye: columns - eye)(A, P, tau, ids)
    return np.stack(along) + np.stack(down)


def gradient_without_tau(A: Any, P: Any, tau: float, ids: Any = None) -> Any:
    return gradient_by_rows(A, P, 1.0, ids) / tau


def gradient_of_cosines(A: Any, P: Any, tau: float, ids: Any = None) -> Any:
    a, p = (F.normalize(torch.from_numpy(X), dim=1).numpy() for X in (A, P))
    return gradient_by_rows(a, p, tau, ids)


def right_slope(rows: Any, columns: Any, eye: Any) -> Any:
    return rows + columns - 2 * eye


@pytest.mark.parametrize("seed", (0, 1, 5))
@pytest.mark.parametrize(
    ("name", "fn", "mistake"),
    [
        (OWN.name, own_macs_less_one, "d − 1 additions"),
        (OWN.name, own_scores_as_numbers, "numbers, not bytes"),
        (IN_BATCH.name, lent_square_of_all, "every item with every item"),
        (LOSS.name, loss_filled(-100.0), "mask not low enough"),
        (LOSS.name, loss_filled(-50.0), "mask not low enough"),
        (LOSS.name, loss_shifted_once, "one shift for all"),
        (LOSS.name, loss_of_first_rows, "repeats left out of the mean"),
        (LOSS.name, loss_supervised, "equal ids pulled"),
        (LOSS.name, loss_clipped, "a small number in the logarithm"),
        (LOSS.name, loss_total, "summed over the batch"),
        (OWN.name, own_scores_with_all, "every anchor with every item"),
        (OWN.name, own_flops_in_bytes, "flops times bytes"),
        (IN_BATCH.name, lent_triangle, "half of the matrix"),
        (LOSS.name, loss_log_of_softmax, "ln 0"),
        (LOSS.name, loss_over_positive, "ln 0"),
        (LOSS.name, loss_with_epsilon, "a small number in the logarithm"),
        (LOSS.name, loss_of_shared_weight, "equal ids pulled"),
        (GRADIENT.name, gradient_split, "each side from one direction"),
        (GRADIENT.name, gradient_of_own_half, "each side from one direction"),
        (GRADIENT.name, gradient_pull_once, "pulled once"),
    ],
)
def test_these_do_not_pass_and_are_named(name: str, fn: Callable[..., Any], mistake: str, seed: int) -> None:
    result = check(name, fn, seed=seed)
    assert result.status == "failed" and result.mistake == mistake, result


def test_minus_infinity_and_a_mask_below_every_logit_pass() -> None:
    assert check(LOSS.name, loss_filled(-math.inf)).status == "passed"
    assert check(LOSS.name, loss_filled(-1e9)).status == "passed"


@pytest.mark.parametrize(
    ("name", "fn", "mistake"),
    [
        (
            OWN.name,
            own_with(lambda B, K, d, b: {"bytes": B * (K + 2) * d + B * (K + 1) * b}),
            "numbers, not bytes",
        ),
        (OWN.name, own_with(lambda B, K, d, b: {"bytes": B * (2 * K + 3) * d * b}), "d numbers or one"),
        (OWN.name, own_with(lambda B, K, d, b: {"bytes": B * (2 * K + 3) * b}), "d numbers or one"),
        (OWN.name, own_with(lambda B, K, d, b: {"flops": B * (K + 1) * d * 4}), "counted twice"),
        (OWN.name, own_with(lambda B, K, d, b: {"encoder_calls": 3}), "batches, not items"),
        (OWN.name, own_without_brackets, "+ after *"),
        (OWN.name, own_through_a_float, "not integers"),
        (OWN.name, own_in_int32, "wrapped in 32 bits"),
        (IN_BATCH.name, lent_with(lambda B, d, b: {"bytes": 8 * b * (2 * B * d + B * B)}), "bits"),
        (IN_BATCH.name, lent_with(lambda B, d, b: {"encoder_calls": 2}), "batches, not items"),
        (IN_BATCH.name, lent_with(lambda B, d, b: {"flops": 2 * B * d**2}), "another product"),
        (IN_BATCH.name, lent_with_a_caret, "^ for **"),
        (P_HARD.name, hard_step_by_step, "too many steps"),
        (P_HARD.name, hard_twice, "at least two"),
        (P_HARD.name, hard_of_some, "no negative"),
        (LOSS.name, loss_shifted_by_the_masked, "masked maximum"),
        (LOSS.name, loss_times_infinity, "−∞ times 0"),
        (LOSS.name, loss_with(lambda ways, ids: ways.sum() / 2 / len(set(ids.tolist()))), "items for rows"),
        (LOSS.name, loss_with(lambda ways, ids: math.log(len(ids)) - ways.mean()), "InfoNCE's bound"),
        (LOSS.name, loss_with(lambda ways, ids: ways.mean() - math.log(len(ids))), "mean of the negatives"),
        (LOSS.name, loss_with(lambda ways, ids: float(np.exp(ways.mean()))), "e to the loss"),
        (LOSS.name, loss_of_pairs, "a sigmoid for each pair"),
        (LOSS.name, loss_at(2), "another power of τ"),
        (LOSS.name, loss_at(0.5), "another power of τ"),
        (LOSS.name, loss_refusing_repeats, "refused"),
        (LOSS.name, loss_masked_before_tau, "mask not low enough"),
        (LOSS.name, loss_of_bounded_logits, "a small number in the logarithm"),
        (
            GRADIENT.name,
            gradient_with(lambda rows, columns, eye: 2 * (columns - eye)),
            "only positive to anchor",
        ),
        (
            GRADIENT.name,
            gradient_with(right_slope, lambda A, P, S: (S @ A, S.T @ A)),
            "moved by one's own side",
        ),
        (GRADIENT.name, gradient_with(right_slope, lambda A, P, S: (S @ P, 0 * P)), "positives held fixed"),
        (GRADIENT.name, gradient_with(right_slope, lambda A, P, S: (S, S.T)), "slopes of the scores"),
        (GRADIENT.name, gradient_masked_once, "masked in one direction"),
        (GRADIENT.name, gradient_without_tau, "τ forgotten in the softmax"),
        (GRADIENT.name, gradient_of_cosines, "vectors normalised"),
        (OWN.name, own_pairs_only, "negatives not encoded"),
        (OWN.name, own_scores_against_negatives, "positive not scored"),
        (OWN.name, own_in_float, "not integers"),
        (OWN.name, own_in_mebibytes, "megabytes"),
        (OWN.name, own_flops_first, "another order"),
        (OWN.name, own_two_mistakes, "multiplications only"),
        (IN_BATCH.name, lent_b_negatives, "positive counted as a negative"),
        (IN_BATCH.name, lent_like_own, "encoded for each anchor anew"),
        (IN_BATCH.name, lent_macs, "multiplications only"),
        (IN_BATCH.name, lent_without_scores, "scores not held"),
        (P_HARD.name, hard_expected, "chances added up"),
        (P_HARD.name, hard_with_positive, "positive counted as a negative"),
        (P_HARD.name, hard_log_domain, "ln 0"),
        (LOSS.name, loss_no_ids, "false negatives"),
        (LOSS.name, loss_no_ids_no_check, "false negatives"),
        (LOSS.name, loss_over_ratio, "exp overflows"),
        (LOSS.name, loss_rows_only, "only anchor to positive"),
        (LOSS.name, loss_diagonal_again, "positive counted as a negative"),
        (LOSS.name, loss_of_cosines, "vectors normalised"),
        (LOSS.name, loss_masked_with_zero, "masked score of 0"),
        (LOSS.name, loss_masked_with_diagonal, "mask hides the positive"),
        (LOSS.name, loss_columns_masked, "masked in one direction"),
        (GRADIENT.name, gradient_summed, "summed over the batch"),
        (GRADIENT.name, gradient_no_ids, "false negatives"),
    ],
)
def test_a_learners_own_mistakes_are_named(name: str, fn: Callable[..., Any], mistake: str) -> None:
    assert_named(check(name, fn, seed=3), mistake)


def test_what_cannot_be_read_is_said() -> None:
    for value in (5, {"bytes": 1}, (1, 2), {"bytes": "1", "flops": 1, "encoder_calls": 1}, [1, 2, True]):
        result = check(IN_BATCH.name, lambda B, d, bytes, value=value: value)
        assert result.status == "failed" and result.mistake == "not readable", result


def test_the_counterexample_is_drawn() -> None:
    result = check(LOSS.name, loss_no_ids)
    assert "[What each of the 3 × 3 scores is" in result.message
    assert 'src="data:image/png;base64,' in result._repr_html_()


# The specification


def test_the_specification_gives_the_audited_numbers() -> None:
    own, in_batch = OWN.truth(1024, 1023, 128, 4), IN_BATCH.truth(1024, 128, 4)
    assert (own["bytes"], in_batch["bytes"]) == (541_589_504, 5_242_880)
    assert (own["encoder_calls"], in_batch["encoder_calls"]) == (1_049_600, 2048)
    assert own["flops"] == in_batch["flops"] == 2 * 1024**2 * 128
    assert round(OWN.truth(32_768, 5, 300, 4)["bytes"] / 1e6) == 276
    assert round(IN_BATCH.truth(32_768, 300, 4)["bytes"] / 1e6) == 4374
    assert P_HARD.truth(0.001, 10) == pytest.approx(0.00996, abs=5e-6)
    assert P_HARD.truth(0.001, 4095) == pytest.approx(0.983, abs=5e-4)


def test_own_negatives_hold_less_exactly_beyond_the_crossing() -> None:
    for K, d in ((1, 1), (1, 7), (5, 300), (63, 16)):
        crossing = K * (d + 1) + 1
        gaps = [
            IN_BATCH.truth(B, d, 4)["bytes"] - OWN.truth(B, K, d, 4)["bytes"]
            for B in (crossing - 1, crossing, crossing + 1)
        ]
        assert gaps[0] < 0 == gaps[1] < gaps[2]


def test_the_loss_is_symmetric_and_the_mask_takes_repeats_out_both_ways() -> None:
    rng = np.random.default_rng(4)
    A, P, ids = rng.normal(size=(6, 3)), rng.normal(size=(6, 3)), np.array([1, 2, 1, 3, 4, 2])
    assert LOSS.truth(A, P, 0.4, ids) == pytest.approx(LOSS.truth(P, A, 0.4, ids), rel=1e-13)
    rows = rng.permutation(6)
    shuffled = LOSS.truth(A[rows], P[rows], 0.4, ids[rows])
    assert LOSS.truth(A, P, 0.4, ids) == pytest.approx(shuffled, rel=1e-13)
    assert LOSS.truth(A, P, 0.4, ids) < LOSS.truth(A, P, 0.4)


def test_the_gradient_is_that_of_the_loss() -> None:
    cases, truth = prepared(GRADIENT, 2)
    for case, outcome in zip(cases, truth, strict=True):
        if outcome.error is None and case.args[2] > 0.1:
            difference = gradient_by_difference(*case.args)
            assert np.allclose(difference, outcome.value, rtol=1e-5, atol=1e-8)
