"""Pairs of unit vectors, and in-batch losses that need torch alone.

There are ours, the plain form, and torch's own streaming.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nslab import info_nce_in_batch

DIM = 128
Loss = Callable[..., Tensor]  # (query, key, temperature) → a scalar


def pairs(size: int, dtype: torch.dtype = torch.float32, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """query, key (size, DIM) that learn; the cosine of a pair lies about between 0.3 and 0.7."""
    generator = torch.Generator().manual_seed(0)
    query, noise = F.normalize(torch.randn(2, size, DIM, dtype=torch.float64, generator=generator), dim=-1)
    key = query + noise * (1 + 2 * torch.rand(size, 1, dtype=torch.float64, generator=generator))
    query, key = (x.to(device, dtype).requires_grad_() for x in (query, F.normalize(key, dim=-1)))
    return query, key


def items(size: int, device: str = "cpu") -> dict[str, Tensor]:
    """ids of which some meet themselves in the batch, and a log q for each row."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(size, (size,), generator=generator)
    return {"ids": ids.to(device), "log_q": torch.rand(size, generator=generator).log()[ids].to(device)}


def ours(query: Tensor, key: Tensor, temperature: float, **given: Any) -> Tensor:
    return info_nce_in_batch(query, key, temperature=temperature, **given)


def plain(
    query: Tensor, key: Tensor, temperature: float, ids: Tensor | None = None, log_q: Tensor | None = None
) -> Tensor:
    logits = query @ key.T / temperature
    if log_q is not None:
        logits = logits - log_q
    if ids is not None:
        hits = (ids == ids[:, None]).fill_diagonal_(False)
        logits = logits.masked_fill(hits, -torch.inf)
    return F.cross_entropy(logits, torch.arange(len(query), device=query.device))


def torch_streaming(query: Tensor, key: Tensor, temperature: float) -> Tensor:
    target = torch.arange(len(query), device=query.device)
    return F.linear_cross_entropy(
        query / temperature, key, target, options=torch.nn.LinearCrossEntropyOptions()
    )


def step(loss: Loss, query: Tensor, key: Tensor, temperature: float, **given: Any) -> None:
    """Forward and backward, from no gradient."""
    query.grad = key.grad = None
    result = loss(query, key, temperature, **given)
    if result.requires_grad:  # what caches gradients has pushed them back already
        result.backward()


def one_step(loss: Loss, size: int, temperature: float, masked: bool, device: str = "cpu") -> None:
    """What a fresh process runs while its memory is watched."""
    step(loss, *pairs(size, device=device), temperature, **(items(size, device) if masked else {}))
