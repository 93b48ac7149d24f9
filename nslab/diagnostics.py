"""Diagnostics: what the negatives actually do: who gets the gradient, how many are false, what they cost."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nslab._checks import (
    ArrayLike,
    Number,
    as_float,
    as_ids,
    as_int,
    number,
    raise_at_first,
    same_shape,
    sums_to_one,
    widen,
)


def gradient_share(counts: ArrayLike, scores: ArrayLike, alpha: Number) -> Tensor:
    """The share of the negatives' gradient that each class gets: q_c σ(s_c) / Σ q σ(s), with q ∝ counts^α.

    In skip-gram with negative sampling, a negative c is drawn with probability q_c and pushed with σ(s_c).

    Args:
        counts: how often each class occurs, (N,), at least 0, not all 0.
        scores: each class's score with the anchor, (N,).
        alpha: the exponent α, any finite number.

    Returns:
        Shares that sum to 1, (N,), in the dtype of the scores. A class with count 0 gets 0 for every α.

    Raises:
        ValueError: counts are negative or all zero, input is empty or not finite, or shapes differ.
        TypeError: an argument is not numeric.

    Source:
        The noise of Mikolov et al., Distributed Representations of Words and Phrases, NeurIPS 2013 (α =
        0.75).

    Example:
        >>> gradient_share([1000, 1, 0], [0.0, 0.0, 0.0], 0.75)
        tensor([0.9944, 0.0056, 0.0000], dtype=torch.float64)
    """
    counts, scores = as_float(counts, "counts"), as_float(scores, "scores")
    if counts.dim() != 1:
        raise ValueError(f"counts must have shape (N,), got {tuple(counts.shape)}")
    same_shape(counts=counts, scores=scores)
    raise_at_first(counts, counts < 0, "counts must be >= 0")
    if not bool((counts > 0).any()):
        raise ValueError(f"counts must hold at least one count > 0, got {counts.tolist()}")
    log_q = number(alpha, "alpha") * widen(counts).where(counts > 0, 1).log()
    raise_at_first(
        log_q, ~log_q.isfinite(), f"alpha {float(alpha)!r} is too large for these counts: alpha ln(counts)"
    )
    log_share = log_q.where(counts > 0, -math.inf) + torch.nn.functional.logsigmoid(widen(scores))
    return log_share.softmax(-1).to(scores.dtype)


def in_batch_duplicates(p: ArrayLike, batch_size: int) -> Tensor:
    """The expected number of an anchor's B − 1 in-batch negatives that equal its own positive: (B − 1) Σ p².

    Args:
        p: the probability of each item as a positive, (N,), summing to 1 within 1e-6. Rows are drawn
            independently.
        batch_size: B, at least 1.

    Returns:
        A mean count, one number, in the dtype of p.

    Raises:
        ValueError: an entry lies outside [0, 1], the sum is not 1, or batch_size is below 1.
        TypeError: p is not numeric, or batch_size is not an integer.

    Source:
        Each of the other rows repeats the positive with probability Σ p², and expectations add up.

    Example:
        >>> in_batch_duplicates([0.1] * 10, 256)
        tensor(25.5000, dtype=torch.float64)
    """
    p = as_float(p, "p")
    if p.dim() != 1:
        raise ValueError(f"p must have shape (N,), got {tuple(p.shape)}")
    raise_at_first(p, (p < 0) | (p > 1), "p must lie in [0, 1]")
    exact = p.double()
    sums_to_one(exact, "p")
    return ((as_int(batch_size, "batch_size", minimum=1) - 1) * exact.square().sum()).to(p.dtype)


class Cost(NamedTuple):
    """What one training step costs, in exact integers.

    Attributes:
        encoder_calls: items to encode.
        embedding_bytes: bytes of the embeddings.
        logit_bytes: bytes of the logits.
        bytes: embedding_bytes + logit_bytes.
        flops: floating-point operations of the scores alone; a multiply-add counts as two.

    Example:
        >>> cost_in_batch(batch_size=2, dim=3).bytes
        64
    """

    encoder_calls: int
    embedding_bytes: int
    logit_bytes: int
    bytes: int
    flops: int


def cost_per_example(batch_size: int, k: int, dim: int, bytes_per: int = 4) -> Cost:
    """The cost of a step when each of B anchors brings its own K negatives.

    There are B(K + 2) items to encode, BKd + 2Bd numbers of embeddings, B(K + 1) logits and 2B(K + 1)d
    FLOP of scores. It takes fewer bytes than `cost_in_batch` exactly if B > K(d + 1) + 1.

    Args:
        batch_size: anchors B, at least 1.
        k: negatives K for each anchor, at least 1.
        dim: length d of an embedding, at least 1.
        bytes_per: bytes of one number; 4 for float32.

    Returns:
        A `Cost`.

    Raises:
        ValueError: a size is below 1.
        TypeError: a size is not an integer.

    Source:
        Counted from the shapes. The encoder's own cost is not included.

    Example:
        >>> cost_per_example(batch_size=1024, k=1023, dim=128).bytes
        541589504
    """
    b, k, d, size = _sizes(batch_size=batch_size, k=k, dim=dim, bytes_per=bytes_per)
    return _cost(b * (k + 2), (b * k * d + 2 * b * d) * size, b * (k + 1) * size, 2 * b * (k + 1) * d)


def cost_in_batch(batch_size: int, dim: int, bytes_per: int = 4) -> Cost:
    """The cost of a step when the other B − 1 positives of the batch are the negatives.

    There are 2B items to encode, 2Bd numbers of embeddings, B² logits and 2B²d FLOP of scores.

    Args:
        batch_size: anchors B, at least 1.
        dim: length d of an embedding, at least 1.
        bytes_per: bytes of one number; 4 for float32.

    Returns:
        A `Cost`.

    Raises:
        ValueError: a size is below 1.
        TypeError: a size is not an integer.

    Source:
        Counted from the shapes. The encoder's own cost is not included.

    Example:
        >>> cost_in_batch(batch_size=1024, dim=128)
        Cost(encoder_calls=2048, embedding_bytes=1048576, logit_bytes=4194304, bytes=5242880, flops=268435456)
    """
    b, d, size = _sizes(batch_size=batch_size, dim=dim, bytes_per=bytes_per)
    return _cost(2 * b, 2 * b * d * size, b * b * size, 2 * b * b * d)


def false_negative_rate(
    labels_or_similarity: ArrayLike, *, threshold: Number | None = None, weights: ArrayLike | None = None
) -> Tensor:
    """The share of false negatives when each anchor's negatives are all other items of the batch.

    Args:
        labels_or_similarity: labels (B,), integers: a negative is false if it has the anchor's label. Or
            similarities (B, B): a negative is false if its similarity to the anchor is at least
            `threshold`. The diagonal is ignored.
        threshold: the bound for similarities; not allowed with labels.
        weights: how hard anchor i pushes item j, (B, B), at least 0, such as softmax(s/τ). Without it
            every pair counts the same. With it, the result is the share of an anchor's weight on false
            negatives, averaged over anchors.

    Returns:
        A share in [0, 1], one number.

    Raises:
        ValueError: B is below 2, shapes do not match, a threshold comes with labels or is missing with
            similarities, weights are negative, or a row has no weight off the diagonal.
        TypeError: an argument is of a wrong type.

    Source:
        Measures the sampling bias of Chuang et al., Debiased Contrastive Learning, NeurIPS 2020.

    Example:
        >>> false_negative_rate([0, 0, 1])
        tensor(0.3333, dtype=torch.float64)
        >>> false_negative_rate([0, 0, 1], weights=[[0, 3, 1], [3, 0, 1], [1, 1, 0]])
        tensor(0.5000, dtype=torch.float64)
    """
    false, dtype = _false_negatives(labels_or_similarity, threshold)
    if weights is None:
        weights = torch.ones_like(false, dtype=torch.float64)
    else:
        weights = as_float(weights, "weights")
        if weights.shape != false.shape:
            raise ValueError(f"weights must have shape {tuple(false.shape)}, got {tuple(weights.shape)}")
        raise_at_first(weights, weights < 0, "weights must be >= 0")
        dtype = weights.dtype
    weights = weights.double().masked_fill(torch.eye(len(false), dtype=torch.bool, device=weights.device), 0)
    total = weights.sum(-1)
    raise_at_first(total, total == 0, "weights must give each row some weight off the diagonal")
    return ((weights * false).sum(-1) / total).mean().to(dtype)


def false_negative_cap(contamination: ArrayLike) -> Any:
    """The largest optimal logit ln(1/π) when a share π of the negatives are false.

    The noise becomes (1 − π) q + π p, and the optimal logit ln(r / (1 − π + π r)) still rises with the
    true ratio r = p/q. So false negatives keep the ranking and flatten its top.

    Args:
        contamination: the share π, in (0, 1]; a number or an array.

    Returns:
        ln(1/π) in nats: a float for a number, a tensor for an array.

    Raises:
        ValueError: a share lies outside (0, 1].
        TypeError: the input is not numeric.

    Source:
        The optimum of NCE (Gutmann & Hyvärinen, JMLR 2012) with that noise inserted.

    Example:
        >>> round(false_negative_cap(0.1), 4)
        2.3026
    """
    pi = as_float(contamination, "contamination")
    raise_at_first(pi, (pi <= 0) | (pi > 1), "contamination must lie in (0, 1]")
    cap = 0.0 - pi.log()
    return cap.item() if isinstance(contamination, Real) else cap


def _false_negatives(labels_or_similarity: ArrayLike, threshold: Number | None) -> tuple[Tensor, torch.dtype]:
    """(B, B), true where j is a false negative of i, and the dtype to answer in."""
    name = "labels_or_similarity"
    values = as_float(labels_or_similarity, name)
    if values.dim() not in (1, 2) or len(set(values.shape)) != 1 or len(values) < 2:
        raise ValueError(f"{name} must have shape (B,) or (B, B) with B >= 2, got {tuple(values.shape)}")
    if values.dim() == 1:
        if threshold is not None:
            raise ValueError(f"threshold needs similarities (B, B), got {threshold!r} with labels")
        labels = as_ids(labels_or_similarity, name)
        return labels.unsqueeze(-1) == labels, torch.float64
    if threshold is None:
        raise ValueError("threshold is needed to tell false negatives from similarities, got None")
    return widen(values) >= number(threshold, "threshold"), values.dtype


def _sizes(**sizes: int) -> list[int]:
    return [as_int(value, name, minimum=1) for name, value in sizes.items()]


def _cost(encoder_calls: int, embedding_bytes: int, logit_bytes: int, flops: int) -> Cost:
    return Cost(encoder_calls, embedding_bytes, logit_bytes, embedding_bytes + logit_bytes, flops)
