"""Many devices: every rank gets the embeddings of all ranks, with the exact gradient."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable

from nslab._checks import as_float, widen

NOTE = 512  # bytes in which a rank tells the others what its x is: one short exchange, no pickle


def gather_with_grad(x: Tensor) -> Tensor:
    """Gather the rows of all ranks, in rank order, with the exact gradient.

    Backward sums the gradients that all ranks have for these rows, so it is exact for the SUM of the
    ranks' losses. Data-parallel training averages parameter gradients over ranks (DistributedDataParallel
    does): together that is the gradient of the MEAN of the ranks' losses. So let each rank compute either
    of these, with `reduction="mean"`:

    - the whole loss, `info_nce_in_batch(gather_with_grad(query), gather_with_grad(key))`: simple, and as
      every rank computes all W·B rows, the mean is that loss itself; symmetric, `ids` and `log_q` of all
      W·B rows work as usual;
    - its own rows, a W-th of the logits: `info_nce_in_batch(query, gather_with_grad(key), positives=rank *
      B + torch.arange(B))`, with `ids` and `log_q` of all W·B keys. The other direction is the same with
      query and key exchanged.

    Either way the parameters get the gradient of one process with all W·B rows. Every rank must call this,
    and run backward through the result, equally often. There is no second derivative. Half precision is
    summed in float32.

    Args:
        x: (B, ...) floating-point rows of this rank, of one shape, dtype and kind of device on all W ranks.

    Returns:
        (W·B, ...), the same on every rank. A world of one returns the same rows.

    Raises:
        TypeError: on every rank, if x is no floating-point tensor on one of them; the rank is named.
        ValueError: on every rank, if x is a scalar, empty or not finite on one of them, or if shape,
            dtype, device or need of a gradient differ; the rank is named.
        RuntimeError: without `torch.distributed.init_process_group`; and, here or in backward, if another
            rank ends or does not come. gloo notices at once that a process ended. For one that is stuck
            the group's timeout is the bound: `init_process_group(timeout=timedelta(minutes=5))` (torch's
            default is 30 minutes, with NCCL 10; it must exceed the slowest step). NCCL runs behind Python:
            there torch's watchdog may end the process before an error can be raised.

    Source:
        The all-gather of Radford et al., CLIP, ICML 2021, and its transpose: each rank sums what all send it.

    Example:
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
        with _others("while rows were gathered"):
            dist.all_gather(rows, x.contiguous())
        return torch.cat(rows)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        with _others("in backward, while gradients were summed"):
            parts = _to_each(grad.contiguous().unflatten(0, (dist.get_world_size(), -1)))
        return widen(parts).sum(0).to(grad.dtype)


def _to_each(parts: Tensor) -> Tensor:
    """Send parts[r] to rank r; returns what each rank sent here.

    This takes half the bytes of gloo's own reduce-scatter.
    """
    received = torch.empty_like(parts)
    dist.all_to_all_single(received, parts)
    return received


@contextmanager
def _others(when: str) -> Iterator[None]:
    """Say in words what it means that an exchange with the other ranks breaks."""
    try:
        yield
    except RuntimeError as error:
        raise RuntimeError(
            f"rank {dist.get_rank()} of {dist.get_world_size()} lost another rank {when}: it ended, or did"
            " not come within the process group's timeout; its own log, or the launcher's, says which"
            " and why"
        ) from error


def _agree(x: Any) -> None:
    """Tell all ranks what x is here, and raise the same error on each if that cannot be gathered."""
    try:
        mine = _described(x)
    except (TypeError, ValueError) as error:
        mine = f"{type(error).__name__}: {error}"
    ranks = _all_notes(mine)
    for rank, note in enumerate(ranks):
        for kind in (TypeError, ValueError):
            if note.startswith(f"{kind.__name__}: "):
                raise kind(f"on rank {rank}: {note.partition(': ')[2]}")
    if len(set(ranks)) > 1:
        got = "; ".join(f"rank {rank} {note}" for rank, note in enumerate(ranks))
        raise ValueError(f"x must be alike on all ranks, got {got}")


def _all_notes(mine: str) -> list[str]:
    device = "cuda" if dist.get_backend() == "nccl" else "cpu"
    note = torch.tensor(list(mine.encode()[:NOTE].ljust(NOTE)), dtype=torch.uint8, device=device)
    with _others("while the ranks compared x"):
        notes = _to_each(note.expand(dist.get_world_size(), -1).contiguous()).tolist()
    return [bytes(letters).decode(errors="ignore").rstrip() for letters in notes]


def _described(x: Any) -> str:
    if not isinstance(x, Tensor) or not x.is_floating_point():
        got = f"dtype {x.dtype}" if isinstance(x, Tensor) else repr(x)
        raise TypeError(f"x must be a floating-point tensor, as a gradient is to flow, got {got}")
    as_float(x, "x")
    if x.dim() == 0:
        raise ValueError(f"x must have rows, got the scalar {x.item()!r}")
    wants = "with gradient" if x.requires_grad and torch.is_grad_enabled() else "without gradient"
    return f"{tuple(x.shape)} {x.dtype} {wants} on {x.device.type}"
