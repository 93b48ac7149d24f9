"""Exercise 08: per-example or in-batch?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nslab import diagnostics, losses, theory
from nslab.practice._exercise import Exercise, Question, show
from nslab.practice.exercises._08_per_example_or_in_batch import (
    cases,
    mistakes,
    mistakes_gradient,
    mistakes_hard,
    mistakes_loss,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The specification: one anchor at a time, in the words of the task.


def cost_per_example(B: int, K: int, d: int, bytes: int) -> dict[str, int]:
    """Each anchor: itself, its positive, its K negatives; a score with the positive and with every
    negative.
    """
    items, scores = 1 + 1 + K, 1 + K
    return {
        "bytes": B * (items * d + scores) * bytes,
        "flops": B * scores * (d + d),
        "encoder_calls": B * items,
    }


def cost_in_batch(B: int, d: int, bytes: int) -> dict[str, int]:
    """Each anchor: itself and its positive; a score with every positive of the batch."""
    items, scores = 1 + 1, B
    return {
        "bytes": B * (items * d + scores) * bytes,
        "flops": B * scores * (d + d),
        "encoder_calls": B * items,
    }


def p_hard(rho: float, n: int) -> float:
    """One minus the chance that all n negatives are easy."""
    easy = 1.0
    for _ in range(n):
        easy *= 1 - rho
    return 1 - easy


def inbatch_infonce(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> float:
    """The mean loss of 2B softmaxes: every anchor among the positives, every positive among the anchors."""
    scores, rows = _scores(A, P, tau), range(len(A))
    total = 0.0
    for i, others in enumerate(_negatives(len(A), ids)):
        total += _loss(scores[i][i], [scores[i][j] for j in others])
        total += _loss(scores[i][i], [scores[j][i] for j in others])
    return total / (2 * len(rows))


def inbatch_gradient(
    A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Every softmax pulls on the score of its positive by weight − 1, and pushes those of its negatives by
    weight.
    """
    scores, B = _scores(A, P, tau), len(A)
    slope = np.zeros((B, B))
    for i, others in enumerate(_negatives(B, ids)):
        candidates = [i, *others]
        row = _weights([scores[i][j] for j in candidates])
        column = _weights([scores[j][i] for j in candidates])
        for j, of_row, of_column in zip(candidates, row, column, strict=True):
            slope[i, j] += (of_row - (i == j)) / (2 * B)
            slope[j, i] += (of_column - (i == j)) / (2 * B)
    on_anchors = [sum(slope[i, j] * P[j] for j in range(B)) / tau for i in range(B)]
    on_positives = [sum(slope[i, j] * A[i] for i in range(B)) / tau for j in range(B)]
    return np.array(on_anchors), np.array(on_positives)


def _scores(A: np.ndarray, P: np.ndarray, tau: float) -> list[list[float]]:
    return [[math.fsum(float(x) * float(y) for x, y in zip(a, p, strict=True)) / tau for p in P] for a in A]


def _negatives(B: int, ids: np.ndarray | None) -> list[list[int]]:
    """For each row the rows that hold another item."""
    held = list(range(B)) if ids is None else [int(item) for item in ids]
    others = [[j for j in range(B) if held[j] != held[i]] for i in range(B)]
    for i, row in enumerate(others):
        if not row:
            raise ValueError(f"row {i} has no negative: every row holds its item")
    return others


def _loss(positive: float, negatives: list[float]) -> float:
    """−ln of the softmax weight of the positive."""
    top = max(positive, *negatives)
    return top + math.log(math.fsum(math.exp(x - top) for x in [positive, *negatives])) - positive


def _weights(logits: list[float]) -> list[float]:
    raw = [math.exp(x - max(logits)) for x in logits]
    return [x / math.fsum(raw) for x in raw]


# How counts are read, and what a score matrix looks like.

_STEMS = {"bytes": ("byte",), "flops": ("flop",), "encoder_calls": ("call", "enc")}


def _measure(args: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """Bytes, FLOPs and encoder calls, from a mapping, a named tuple or three numbers in this order."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        counts = {name: _entry(value, name) for name in _STEMS}
    else:
        counts = dict(zip(_STEMS, _three(value), strict=True))
    counts = {name: _plain(name, count) for name, count in counts.items()}
    return {**counts, "all integers": all(isinstance(count, int) for count in counts.values())}


def _entry(value: Mapping[Any, Any], name: str) -> Any:
    names = {str(key).lower(): key for key in value}
    found = [name] if name in names else [key for key in names if any(stem in key for stem in _STEMS[name])]
    if len(found) != 1:
        raise ValueError(f"the dict has the keys {list(value)}, and {name!r} is looked for")
    return value[names[found[0]]]


def _three(value: Any) -> Sequence[Any]:
    counts = value.tolist() if isinstance(value, np.ndarray | torch.Tensor) else value
    if not isinstance(counts, list | tuple) or len(counts) != 3:
        raise ValueError(f"got {show(value)}, no dict with the keys 'bytes', 'flops' and 'encoder_calls'")
    return counts


def _plain(name: str, count: Any) -> int | float:
    if isinstance(count, torch.Tensor | np.ndarray) and count.ndim == 0:
        count = count.item()
    if isinstance(count, bool) or not isinstance(count, Real):
        raise TypeError(f"{name!r} must be a whole number, got {count!r}")
    return int(count) if isinstance(count, Integral) else float(count)


def _picture(args: tuple[Any, ...], value: Any) -> Figure:
    """What each score of the matrix is: the same for every answer."""
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

    from nslab.explain import COLORS

    A, _, _, *held = args
    B, ids = len(A), held[0] if held else np.arange(len(A))
    kind = np.where(ids[:, None] == ids, 2, 0) - np.eye(B, dtype=int)
    roles = {"negative": "a negative", "positive": "the positive", "false_negative": "its item once more"}
    figure = Figure(figsize=(4.2, 2.2))
    axes = figure.add_axes((0.05, 0.2, 0.5, 0.66))
    axes.pcolormesh(
        kind,
        cmap=ListedColormap([COLORS[role] for role in roles]),
        vmin=0,
        vmax=2,
        edgecolors="white",
        linewidth=1 if B <= 8 else 0.3,
    )
    ticks = [0, B - 1]
    names = [str(t) for t in ticks]
    axes.set(aspect="equal", xlabel="row of P", ylabel="row of A", xlim=(0, B), ylim=(B, 0))
    axes.set_xticks([t + 0.5 for t in ticks], names)
    axes.set_yticks([t + 0.5 for t in ticks], names)
    for line, (role, text) in enumerate([*roles.items()][: kind.max() + 1]):
        figure.text(0.58, 0.75 - 0.12 * line, text, color=COLORS[role], fontsize=9, weight="bold")
    figure.suptitle(f"What each of the {B} × {B} scores is", fontsize=9)
    return figure


# The library.


def _library_loss(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> torch.Tensor:
    return losses.info_nce_in_batch(A, P, temperature=tau, ids=ids, symmetric=True)


def _library_gradient(A: np.ndarray, P: np.ndarray, tau: float, ids: np.ndarray | None = None) -> Any:
    query, key = torch.tensor(A, requires_grad=True), torch.tensor(P, requires_grad=True)
    loss = losses.info_nce_in_batch(query, key, temperature=tau, ids=ids, symmetric=True)
    return tuple(grad.numpy() for grad in torch.autograd.grad(loss, (query, key)))


EXERCISE = Exercise(
    "08",
    "per-example or in-batch?",
    (
        Question(
            "cost_per_example(B, K, d, bytes)",
            cost_per_example,
            lambda B, K, d, bytes: diagnostics.cost_per_example(B, K, d, bytes),
            "nslab.cost_per_example",
            cases.own_cases,
            mistakes.PER_EXAMPLE,
            (
                (
                    "Draw one anchor with K = 2 negatives on paper. How many items are on it, and how many"
                    " lines (scores) leave the anchor?"
                ),
                (
                    "Nothing is shared, so B anchors cost B times what one does. Each item has one vector of"
                    " d numbers; each score is one number, made from d products and their sum."
                ),
                (
                    "Name two counts first, items and scores. The three answers are made of these two, d and "
                    "`bytes`; check them with B = K = d = 1 by hand."
                ),
            ),
            rtol=0.0,
            measure=_measure,
        ),
        Question(
            "cost_in_batch(B, d, bytes)",
            cost_in_batch,
            lambda B, d, bytes: diagnostics.cost_in_batch(B, d, bytes),
            "nslab.cost_in_batch",
            cases.batch_cases,
            mistakes.IN_BATCH,
            (
                (
                    "Draw three anchors and three positives. Which items have to be encoded, if every one may"
                    " be used by all?"
                ),
                (
                    "Every anchor meets every positive once: its own and those it borrows. How many meetings"
                    " are that among three and three?"
                ),
                (
                    "The scores are one matrix product of anchors and positives. Count its entries, and the "
                    "vectors that go into it; both directions of the loss read the same matrix."
                ),
            ),
            rtol=0.0,
            measure=_measure,
        ),
        Question(
            "p_hard(rho, n)",
            p_hard,
            lambda rho, n: theory.hit_probability(rho, n) if n else 0.0,
            "nslab.hit_probability",
            cases.hard_cases,
            mistakes_hard.P_HARD,
            (
                "“At least one” has a short opposite. What must happen for it to fail?",
                (
                    "A single draw is easy with probability 1 − ρ. What is the probability that all n are, if"
                    " none knows of the others?"
                ),
                "Take that away from 1. Then look at the edges: n = 0, and ρ = 1.",
            ),
        ),
        Question(
            "inbatch_infonce(A, P, tau, ids=None)",
            inbatch_infonce,
            _library_loss,
            "nslab.info_nce_in_batch",
            cases.loss_cases,
            mistakes_loss.LOSS,
            (
                (
                    "Make the B × B matrix of scores. In which entries does the positive of row i stand, and"
                    " in which do its negatives?"
                ),
                (
                    "Each row is a softmax over its entries, with the diagonal as the right class; each"
                    " column too. Equal ids off the diagonal must weigh nothing. What score weighs nothing"
                    " after the exponential?"
                ),
                (
                    "Divide by τ, mask, and take the logarithm of the sum of exponentials of each row after"
                    " its largest entry is taken out. The same on the transposed matrix; then one mean over"
                    " all. Raise where a row keeps the diagonal alone."
                ),
            ),
            picture=_picture,
        ),
        Question(
            "inbatch_gradient(A, P, tau, ids=None)",
            inbatch_gradient,
            _library_gradient,
            "torch.autograd",
            cases.gradient_cases,
            mistakes_gradient.GRADIENT,
            (
                (
                    "Go in two steps: how the loss changes with each score, a B × B matrix; then how a score"
                    " changes with the two vectors that it is made of."
                ),
                (
                    "One row's loss changes with its logits by the softmax weights, less 1 at the positive. "
                    "Each column's does too. A logit is a score over τ, and the loss a mean of 2B terms."
                ),
                (
                    "Score (i, j) is the product of row i of A and row j of P. So one matrix product of the"
                    " slopes with P gives the gradient for A; for P the slopes are read the other way."
                ),
            ),
            rtol=1e-5,
            stretch=True,
        ),
    ),
)
