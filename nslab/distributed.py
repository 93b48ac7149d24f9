"""Many devices: every rank gets the embeddings of all ranks, with the exact gradient."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable

from nslab._checks import as_float, widen


def gather_with_grad(x: Tensor) -> Tensor:
    """The rows of all ranks, in rank order: x (B, ...) on each of W ranks → (W·B, ...), the same on every rank.

    Backward sums the gradients that all ranks have for these rows, so it is exact for the SUM of the ranks' losses.
    Data-parallel training averages parameter gradients over ranks (DistributedDataParallel does): together that is
    the gradient of the MEAN of the ranks' losses. So let each rank compute either of these, with `reduction="mean"`:

    - the whole loss, `info_nce_in_batch(gather_with_grad(query), gather_with_grad(key))`: simple, and as every rank
      computes all W·B rows the mean is that loss itself; symmetric, `ids` and `log_q` of all W·B rows work as ever;
    - its own rows, B queries against W·B gathered keys, a W-th of the logits: row i has its positive in column
      rank·B + i. If symmetric, also its B keys against the W·B gathered queries.

    Either way the parameters get the gradient of one process with all W·B rows. Every rank must call this, and run
    backward through the result, equally often; there is no second derivative. Half precision is summed in float32.
    RuntimeError without `torch.distributed.init_process_group`; a world of one returns the same rows. On EVERY rank
    (none is left waiting): TypeError if x is no floating-point tensor, ValueError if it is a scalar, empty or not
    finite somewhere, or if shape, dtype or need of a gradient differ between ranks; the rank is named.
    Source: the all-gather of Radford et al., CLIP, ICML 2021, and its transpose, reduce-scatter.

    >>> import torch.distributed as dist
    >>> dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    >>> x = torch.ones(2, 3, requires_grad=True)
    >>> gather_with_grad(x).shape
    torch.Size([2, 3])
    >>> dist.destroy_process_group()
    """
    if not (dist.is_available() and dist.is_initialized()):
        raise RuntimeError(
            "gather_with_grad needs a process group: call torch.distributed.init_process_group"
        )
    _agree(x)
    return _Gather.apply(x)  # type: ignore[no-any-return]


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # type: ignore[override]
        rows = [
            torch.empty_like(x, memory_format=torch.contiguous_format) for _ in range(dist.get_world_size())
        ]
        dist.all_gather(rows, x.contiguous())
        return torch.cat(rows)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        parts = list(widen(grad).contiguous().chunk(dist.get_world_size()))
        own = torch.empty_like(parts[0])
        dist.reduce_scatter(own, parts)
        return own.to(grad.dtype)


def _agree(x: Any) -> None:
    """Tell all ranks what x is here, and raise the same error on each if that cannot be gathered."""
    try:
        mine: Any = _described(x)
    except (TypeError, ValueError) as error:
        mine = error
    ranks: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(ranks, mine)
    for rank, found in enumerate(ranks):
        if isinstance(found, Exception):
            raise type(found)(f"on rank {rank}: {found}")
    if len(set(ranks)) > 1:
        got = "; ".join(f"rank {rank} {found}" for rank, found in enumerate(ranks))
        raise ValueError(f"x must be alike on all ranks, got {got}")


def _described(x: Any) -> str:
    if not isinstance(x, Tensor) or not x.is_floating_point():
        got = f"dtype {x.dtype}" if isinstance(x, Tensor) else repr(x)
        raise TypeError(f"x must be a floating-point tensor, as a gradient is to flow, got {got}")
    as_float(x, "x")
    if x.dim() == 0:
        raise ValueError(f"x must have rows, got the scalar {x.item()!r}")
    wants = "with gradient" if x.requires_grad and torch.is_grad_enabled() else "without gradient"
    return f"{tuple(x.shape)} {x.dtype} {wants}"
