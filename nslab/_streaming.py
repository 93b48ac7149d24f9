"""In-batch losses, computed one block of rows at a time: the (B, M) matrix of scores is never held.

For a mean or a sum, the forward pass makes the gradient too, while it holds the exponentials of a block:
three matrix products instead of four and one exponential instead of two. For single losses ("none") the
upstream gradient is not known yet, so the backward pass computes the scores again. torch's own
`F.linear_cross_entropy` streams too, but it cannot mask a pair, and it rounds tiny losses to 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 2**22  # scores at a time: few enough to stay in a cache, enough to keep all cores busy
NEAR = 40.0  # if no logit is further than this from 0, their exponentials and sums fit into float32 unshifted


@dataclass(frozen=True)
class Pairs:
    """Which key is the positive of each row, and which of the other keys are not its negatives.

    positives (B,) holds columns. mask (B, M) is False, and ids (M,) equal the positive's, where a key is
    not a negative.
    """

    positives: Tensor
    mask: Tensor | None = None
    ids: Tensor | None = None

    def column(self, rows: slice) -> Tensor:
        return self.positives[rows].unsqueeze(-1)

    def keep_negatives_(self, logits: Tensor, rows: slice) -> Tensor:
        """Write −inf over every logit that is not a negative's."""
        if self.mask is not None:
            logits.masked_fill_(~self.mask[rows], -math.inf)
        if self.ids is not None:
            logits.masked_fill_(self.ids == self.ids[self.column(rows)], -math.inf)
        return logits.scatter_(1, self.column(rows), -math.inf)

    def row_without_negatives(self, like: Tensor) -> int | None:
        """The first row for which no negative is left; the keys are `like`."""
        for rows in _blocks(len(self.positives), len(like)):
            zeros = like.new_zeros(rows.stop - rows.start, len(like))
            alone = self.keep_negatives_(zeros, rows).isinf().all(-1)
            if bool(alone.any()):
                return rows.start + int(alone.nonzero()[0])
        return None


def info_nce(query: Tensor, key: Tensor, offset: Tensor | None, pairs: Pairs, weight: float | None) -> Tensor:
    """ln(1 + Σ_j e^(x_ij − x_i⁺)) over the negatives j of each row i, where x = query @ key.T + offset.

    offset (M,) is added to every row. `weight` w gives w · (the sum over rows), None gives the losses (B,).
    """
    reach = query.detach().norm(dim=-1).amax() * key.detach().norm(dim=-1).amax()
    if offset is not None:
        reach = reach + offset.detach().abs().amax()
    return _streamed(query, key, offset, pairs, partial(_info_nce, shift=not bool(reach <= NEAR)), weight)


def sigmoid(query: Tensor, key: Tensor, offset: Tensor, pairs: Pairs, weight: float | None) -> Tensor:
    """−ln σ(x_i⁺) − Σ_j ln σ(−x_ij) over the negatives j of each row i; arguments as in `info_nce`."""
    return _streamed(query, key, offset, pairs, _sigmoid, weight)


def largest_score(query: Tensor, key: Tensor) -> float:
    """The largest |query_i · key_j|."""
    blocks = _blocks(len(query), len(key))
    return max(float((query[rows].detach() @ key.detach().T).abs().max()) for rows in blocks)


# A block loss turns logits into forces in place. Times `scale`, they are the losses' derivatives for them.
_Block = Callable[[Tensor, Pairs, slice], tuple[Tensor, Tensor]]  # → losses (R, 1), scale (R, 1)


def _info_nce(logits: Tensor, pairs: Pairs, rows: slice, *, shift: bool) -> tuple[Tensor, Tensor]:
    positive = logits.gather(1, pairs.column(rows))
    pairs.keep_negatives_(logits, rows)
    if shift:
        top = logits.amax(-1, keepdim=True)
        logits.sub_(top)
        positive = positive - top
    total = logits.exp_().sum(-1, keepdim=True)
    gap = total.log() - positive
    # The positive is pulled with the sum of what pushes the negatives.
    logits.scatter_(1, pairs.column(rows), -total)
    losses = softplus(gap).masked_fill_(gap.isneginf(), math.nan)  # 0 would hide a row without negatives
    return losses, gap.sigmoid() / total


def _sigmoid(logits: Tensor, pairs: Pairs, rows: slice) -> tuple[Tensor, Tensor]:
    positive = logits.gather(1, pairs.column(rows))
    pairs.keep_negatives_(logits, rows)
    losses = softplus(logits).sum(-1, keepdim=True) + softplus(-positive)
    logits.sigmoid_().scatter_(1, pairs.column(rows), -(-positive).sigmoid())
    return losses, torch.ones_like(positive)


def softplus(x: Tensor) -> Tensor:
    """ln(1 + e^x). torch's own default returns x beyond 20, which is off by 1e-10 there in float64."""
    return F.softplus(x, threshold=40)


def _streamed(
    query: Tensor, key: Tensor, offset: Tensor | None, pairs: Pairs, block: _Block, weight: float | None
) -> Tensor:
    if not torch.is_grad_enabled():  # then no gradient may cost anything, although a leaf says that it learns
        query, key, offset = query.detach(), key.detach(), None if offset is None else offset.detach()
    return _Streamed.apply(query, key, offset, pairs, block, weight)  # type: ignore[no-any-return]


class _Streamed(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,
        query: Tensor,
        key: Tensor,
        offset: Tensor | None,
        pairs: Pairs,
        block: _Block,
        weight: float | None,
    ) -> Tensor:
        ctx.of_each_row = weight is None
        if weight is None:
            ctx.save_for_backward(query, key, offset)
            ctx.pairs, ctx.block = pairs, block
            return _run(query, key, offset, pairs, block)[0]
        weights = query.new_full((len(query), 1), weight)
        learn = ctx.needs_input_grad[:3]
        losses, gradients = _run(query, key, offset, pairs, block, weights if any(learn) else None, learn)
        ctx.save_for_backward(*gradients)
        return losses.sum() * weight

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        if torch.is_grad_enabled():
            raise RuntimeError("an in-batch loss has no second derivative: create_graph must be False")
        if ctx.of_each_row:
            query, key, offset = ctx.saved_tensors
            learn = ctx.needs_input_grad[:3]
            _, gradients = _run(query, key, offset, ctx.pairs, ctx.block, grad.unsqueeze(-1), learn)
        else:
            gradients = [None if saved is None else saved * grad for saved in ctx.saved_tensors]
        return *gradients, None, None, None


def _run(
    query: Tensor,
    key: Tensor,
    offset: Tensor | None,
    pairs: Pairs,
    block: _Block,
    weights: Tensor | None = None,
    learn: tuple[bool, ...] = (False, False, False),
) -> tuple[Tensor, list[Tensor | None]]:
    """The losses (B,), and the gradients of Σ weights · losses for those inputs that learn.

    The inputs are query, key and offset.
    """
    losses = query.new_empty(len(query), 1)
    gradients = [
        torch.zeros_like(x) if x is not None and learns else None
        for x, learns in zip((query, key, offset), learn, strict=True)
    ]
    to_query, to_key, to_offset = gradients
    room = query.new_empty(_rows_a_block(len(query), len(key)), len(key))
    with torch.autocast(query.device.type, enabled=False):
        for rows in _blocks(len(query), len(key)):
            logits = torch.mm(query[rows], key.T, out=room[: rows.stop - rows.start])
            if offset is not None:
                logits.add_(offset)
            losses[rows], scale = block(logits, pairs, rows)
            if weights is not None:
                scale = scale * weights[rows]
            if to_query is not None:
                to_query[rows] = torch.mm(logits, key).mul_(scale)
            if to_key is not None:
                to_key.addmm_(logits.T, query[rows] * scale)
            if to_offset is not None:
                to_offset.addmv_(logits.T, scale.squeeze(-1))
    return losses.squeeze(-1), gradients


def _rows_a_block(rows: int, columns: int) -> int:
    return min(rows, max(1, BLOCK // columns))


def _blocks(rows: int, columns: int) -> Iterator[slice]:
    step = _rows_a_block(rows, columns)
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))
