"""Handwritten digits."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from nslab.datasets import _installed
from nslab.datasets._project import project


class Digits(NamedTuple):
    """images (1797, 64) float64 in [0, 1], rows of 8 × 8 pixels; labels (1797,) int64, 0 to 9."""

    images: Tensor
    labels: Tensor


class DigitEmbeddings(NamedTuple):
    """embeddings (1797, dim) float64, each of length 1; labels (1797,) int64, 0 to 9."""

    embeddings: Tensor
    labels: Tensor


def digits() -> Digits:
    """Handwritten digits, 1797 of 8 × 8 pixels, bundled with scikit-learn.

    Source: Alpaydin & Kaynak, Optical Recognition of Handwritten Digits, UCI 1998 (its test set).
    ImportError without scikit-learn. Tensors are the caller's own.

    >>> digits().images.shape
    torch.Size([1797, 64])
    """
    return Digits(*(tensor.clone() for tensor in _digits()))


def digit_embeddings(dim: int = 16) -> DigitEmbeddings:
    """The digits' first `dim` principal components, each image then scaled to length 1.

    ValueError if dim is not in [1, 61]: only 61 of the 64 pixels ever vary.

    >>> digit_embeddings(dim=16).embeddings.shape
    torch.Size([1797, 16])
    """
    images, labels = _digits()
    return DigitEmbeddings(project(images - images.mean(0), dim), labels.clone())


@lru_cache(maxsize=1)
def _digits() -> tuple[Tensor, Tensor]:
    _installed.folder("sklearn", "scikit-learn")
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return torch.tensor(images, dtype=torch.float64) / 16, torch.tensor(labels, dtype=torch.int64)
