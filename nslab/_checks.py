"""Argument checks: every refusal names the argument and the value it got."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from numpy import typing as npt
from torch import Tensor

Number = float | int | Tensor
# What an array may be given as: a tensor, a numpy array, numbers in lists, or one number.
ArrayLike = Tensor | npt.ArrayLike


def as_float(value: ArrayLike, name: str, *, finite: bool = True, empty: bool = False) -> Tensor:
    """A float tensor, empty only where that is allowed.

    Floating dtypes are kept; Python numbers and integers become float64.
    """
    tensor = _as_tensor(value, name)
    if tensor.dtype == torch.bool or tensor.is_complex():
        raise TypeError(f"{name} must hold real numbers, got dtype {tensor.dtype}")
    if not tensor.is_floating_point():
        tensor = tensor.to(torch.float64)
    if tensor.numel() == 0:
        if empty:
            return tensor
        raise ValueError(f"{name} must not be empty, got shape {tuple(tensor.shape)}")
    # One pass, which NaN goes through; where it is is looked for only then.
    if finite and not all(bound.isfinite() for bound in tensor.detach().aminmax()):
        raise_at_first(tensor, ~torch.isfinite(tensor.detach()), f"{name} must be finite")
    return tensor


def as_ids(value: ArrayLike, name: str, *, size: int | None = None) -> Tensor:
    """An int64 tensor of ids; with `size`, every id lies in [0, size)."""
    tensor = _as_tensor(value, name)
    if tensor.numel() == 0:
        raise ValueError(f"{name} must not be empty, got shape {tuple(tensor.shape)}")
    if tensor.dtype == torch.bool or tensor.is_floating_point() or tensor.is_complex():
        raise TypeError(f"{name} must hold integers, got dtype {tensor.dtype}")
    tensor = tensor.to(torch.int64)
    if size is not None:
        raise_at_first(tensor, (tensor < 0) | (tensor >= size), f"{name} must lie in [0, {size})")
    return tensor


def as_mask(value: ArrayLike, name: str, shape: tuple[int, ...]) -> Tensor:
    """A boolean tensor of this shape."""
    mask = _as_tensor(value, name)
    if mask.shape != shape or mask.dtype != torch.bool:
        got = f"{mask.dtype} of shape {tuple(mask.shape)}"
        raise ValueError(f"{name} must be booleans of shape {tuple(shape)}, got {got}")
    return mask


def raise_at_first(tensor: Tensor, bad: Tensor, rule: str) -> None:
    """Raise ValueError with the first entry of `tensor` where `bad` holds, and its index."""
    if bool(bad.any()):
        index = tuple(bad.nonzero()[0].tolist())
        where = f" at index {list(index)}" if index else ""
        raise ValueError(f"{rule}, got {tensor.detach()[index].item()!r}{where}")


def number(value: Any, name: str) -> Number:
    """One finite real number: a Python or numpy scalar as float, a 0-d tensor as it is.

    A tensor is kept so that it can learn.
    """
    if isinstance(value, Tensor):
        if _plain(value, name).dim() != 0:
            raise ValueError(f"{name} must be one number, got shape {tuple(value.shape)}")
        return as_float(value, name)
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a real number, got {value!r}")
    try:
        plain = float(value)
    except OverflowError:
        plain = math.inf
    if not math.isfinite(plain):
        raise ValueError(f"{name} must be finite in float64, got {value!r}")
    return plain


def positive(value: Any, name: str) -> Number:
    """One number > 0, as every temperature must be."""
    checked = number(value, name)
    if not checked > 0:
        raise ValueError(f"{name} must be > 0, got {float(checked)!r}")
    return checked


def non_negative(value: Any, name: str) -> Number:
    """One number >= 0, as every margin must be."""
    checked = number(value, name)
    if not checked >= 0:
        raise ValueError(f"{name} must be >= 0, got {float(checked)!r}")
    return checked


def as_int(value: Any, name: str, *, minimum: int) -> int:
    """One integer >= minimum; floats and booleans are refused, as 2.5 negatives cannot be drawn."""
    if isinstance(value, Tensor) and value.dim() == 0:
        value = value.item()
    if isinstance(value, bool | np.bool_) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    value = int(value)
    if value < minimum:
        raise ValueError(f"{name} must be >= {minimum}, got {value}")
    return value


def one_of(value: Any, name: str, allowed: tuple[str, ...]) -> str:
    """One of a few words."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")
    return value


def flag(value: Any, name: str) -> bool:
    """True or False, nothing that merely counts as one."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return value


def filled_table(counts: Tensor, name: str) -> None:
    """A table of counts without a negative entry, and without a row or a column of zeros."""
    raise_at_first(counts, counts < 0, f"{name} must be >= 0")
    for sums in (counts.sum(0), counts.sum(1)):
        raise_at_first(sums, sums <= 0, f"every row and column of {name} must have a sum > 0")


def sums_to_one(p: Tensor, name: str) -> None:
    """Probabilities over the last axis sum to 1 within 1e-6, in each row."""
    total = p.detach().sum(-1)
    wrong = (total - 1).abs() > 1e-6
    if bool(wrong.any()):
        raise ValueError(f"{name} must sum to 1 within 1e-6, got the sum {total[wrong][0].item()!r}")


def same_shape(**tensors: Tensor) -> None:
    """All tensors have one shape; the message names each with its own."""
    if len({tuple(t.shape) for t in tensors.values()}) > 1:
        got = ", ".join(f"{name} {tuple(t.shape)}" for name, t in tensors.items())
        raise ValueError(f"shapes must match, got {got}")


def _as_tensor(value: ArrayLike, name: str) -> Tensor:
    if isinstance(value, Tensor):
        return _plain(value, name)
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ValueError(f"{name} must be a rectangular array of numbers, got {value!r}: {error}") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers, got {value!r} (dtype {array.dtype})")
    try:
        return torch.tensor(
            array.astype(array.dtype.newbyteorder("="), order="C")
        )  # torch knows no other layout
    except TypeError:
        raise TypeError(f"{name} has a dtype torch does not know: {array.dtype}") from None


def _plain(tensor: Tensor, name: str) -> Tensor:
    """The tensor, if it is of a kind that every function here can compute with."""
    kinds = {
        "nested": tensor.is_nested,
        "quantized": tensor.is_quantized,
        str(tensor.layout): tensor.layout != torch.strided,
        "on the meta device": tensor.is_meta,
        f"of dtype {tensor.dtype}": tensor.is_floating_point() and tensor.dtype.itemsize < 2,
    }
    if found := [kind for kind, holds in kinds.items() if holds]:
        raise TypeError(f"{name} must be a dense tensor of a common dtype, got one that is {found[0]}")
    return tensor


def widen(tensor: Tensor) -> Tensor:
    """Half precision as float32: it is for keeping numbers, not for computing with them."""
    return tensor.float() if tensor.dtype.itemsize < 4 else tensor


def distance(value: ArrayLike, name: str, *, empty: bool = False) -> Tensor:
    """Finite distances, with room for rounding below zero; a similarity passed by mistake is refused."""
    tensor = as_float(value, name, empty=empty)
    raise_at_first(tensor, tensor.detach() < -1e-6, f"{name} must hold distances >= 0")
    return tensor


def distance_pair(d_ap: ArrayLike, d_an: ArrayLike, *, empty: bool = False) -> tuple[Tensor, Tensor]:
    """d_ap (...) and d_an (...) or (..., K), made to broadcast: d_ap gets the missing axis."""
    d_ap, d_an = distance(d_ap, "d_ap", empty=empty), distance(d_an, "d_an", empty=empty)
    if d_an.shape == d_ap.shape:
        return d_ap, d_an
    if d_an.dim() == d_ap.dim() + 1 and d_an.shape[:-1] == d_ap.shape:
        return d_ap.unsqueeze(-1), d_an
    raise ValueError(
        f"d_an must have d_ap's shape, or that and one more axis, "
        f"got d_ap {tuple(d_ap.shape)} and d_an {tuple(d_an.shape)}"
    )
