"""In-batch logits a block of rows at a time: the (B, B) matrix of scores is never held.

torch's own `F.linear_cross_entropy` streams too, a little quicker, but it can mask no pair and loses tiny losses.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

BLOCK = 2**22  # scores at a time: few enough to stay in a cache, enough to keep all cores at work


class LogSumExpGaps(torch.autograd.Function):
    """ln Σ_j e^gap_ij over the negatives j of each row i, (B,), for `info_nce_in_batch`.

    gap_ij = (s_ij − s_ii)/τ − (log q_j − log q_i) with s_ij = query_i · key_j. j counts unless j = i or ids_j = ids_i.
    The backward pass computes the scores anew.
    """

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, query: Tensor, key: Tensor, temperature: Tensor, log_q: Tensor | None, ids: Tensor | None
    ) -> Tensor:
        result, widest = query.new_empty(len(query)), query.new_zeros(())
        for rows in _blocks(len(query)):
            gaps = _score_gaps(query, key, rows)
            for bound in gaps.aminmax():
                widest = widest.maximum(bound.abs())
            result[rows] = _negatives(gaps, rows, temperature, log_q, ids).logsumexp(-1)
        if not bool(torch.isfinite(widest / temperature.to(query))):
            apart = float(widest)
            raise ValueError(
                f"temperature {float(temperature)!r} overflows on scores that lie {apart!r} apart"
            )
        ctx.save_for_backward(query, key, temperature, log_q, ids, result)
        return result

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        if torch.is_grad_enabled():
            raise RuntimeError("info_nce_in_batch has no second derivative: create_graph must be False")
        query, key, temperature, log_q, ids, result = ctx.saved_tensors
        _, key_learns, temperature_learns, log_q_learns, _ = ctx.needs_input_grad
        to_query, to_key, to_log_q = torch.zeros_like(query), torch.zeros_like(key), torch.zeros_like(grad)
        for rows in _blocks(len(query)):
            gaps = _negatives(_score_gaps(query, key, rows), rows, temperature, log_q, ids)
            forces = gaps.sub_(result[rows].unsqueeze(-1)).exp_().mul_(grad[rows].unsqueeze(-1))
            forces.diagonal(rows.start).copy_(-grad[rows])  # what all negatives gain, the positive loses
            to_query[rows].addmm_(forces, key)
            if key_learns:
                to_key.addmm_(forces.T, query[rows])
            if log_q_learns:
                to_log_q -= forces.sum(0)
        to_query /= temperature
        to_key /= temperature
        to_temperature = -(query * to_query).sum() / temperature if temperature_learns else None
        return to_query, to_key, to_temperature, to_log_q if log_q_learns else None, None


def _blocks(size: int) -> Iterator[slice]:
    step = max(1, BLOCK // size)
    return (slice(start, min(start + step, size)) for start in range(0, size, step))


def _score_gaps(query: Tensor, key: Tensor, rows: slice) -> Tensor:
    """s_ij − s_ii of these rows i and every j."""
    with torch.autocast(query.device.type, enabled=False):
        scores = query[rows] @ key.T
    return scores.sub_(scores.diagonal(rows.start).clone().unsqueeze(-1))


def _negatives(
    gaps: Tensor, rows: slice, temperature: Tensor, log_q: Tensor | None, ids: Tensor | None
) -> Tensor:
    """Gaps of scores made gaps of logits, in place; −inf where j does not count as a negative of row i."""
    gaps.div_(temperature)
    if log_q is not None:
        gaps.sub_(log_q - log_q[rows].unsqueeze(-1))
    if ids is not None:
        gaps.masked_fill_(ids == ids[rows].unsqueeze(-1), -math.inf)
    gaps.diagonal(rows.start).fill_(-math.inf)
    return gaps
