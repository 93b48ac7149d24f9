"""Rows of numbers as short vectors of length 1."""

from __future__ import annotations

import torch
from torch import Tensor

from nslab._checks import as_int


def project(rows: Tensor, dim: int) -> Tensor:
    """Rows on their first `dim` right singular directions, then of length 1.

    A direction's sign is arbitrary: here its entry of largest magnitude is positive.
    """
    _, values, directions = torch.linalg.svd(rows, full_matrices=False)
    rank = int((values > values[0] * 1e-10).sum())
    if as_int(dim, "dim", minimum=1) > rank:
        raise ValueError(f"dim must be <= {rank}, the rank of the data, got {dim}")
    directions = directions[:dim]
    largest = directions.gather(1, directions.abs().argmax(1, keepdim=True))
    return torch.nn.functional.normalize(rows @ (directions * largest.sign()).T, dim=1)
