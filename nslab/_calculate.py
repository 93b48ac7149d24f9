"""One way to evaluate a formula on numbers or on arrays that broadcast."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from nslab._checks import ArrayLike, as_float, number, raise_at_first

_RULES: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "temperature": ("temperature must be > 0", lambda value: value <= 0),
    "k": ("k must be a whole number >= 1", lambda value: (value < 1) | (value != value.floor())),
    "rho": ("rho must lie in [0, 1]", lambda value: (value < 0) | (value > 1)),
}


def calculate(formula: Callable[..., Tensor], **arguments: ArrayLike) -> Any:
    """`formula` in float64 on checked arguments: a float if all are plain numbers, else a tensor.

    The tensor has the promoted dtype of the arrays; k is a count, so its dtype says nothing.
    """
    plain = {name for name, value in arguments.items() if isinstance(value, Real)}
    values = {name: _read(value, name) for name, value in arguments.items()}
    for name in _RULES.keys() & values.keys():
        rule, broken = _RULES[name]
        raise_at_first(values[name], broken(values[name].detach()), rule)
    if len(plain) == len(values):
        return formula(**values).item()
    try:
        torch.broadcast_shapes(*(value.shape for value in values.values()))
    except RuntimeError:
        got = ", ".join(f"{name} {tuple(value.shape)}" for name, value in values.items())
        raise ValueError(f"shapes must broadcast, got {got}") from None
    device = next(value.device for name, value in values.items() if name not in plain)
    dtypes = [value.dtype for name, value in values.items() if name not in plain | {"k"}]
    result = formula(**{name: value.to(device, torch.float64) for name, value in values.items()})
    return result.to(reduce(torch.promote_types, dtypes or [torch.float64]))


def _read(value: ArrayLike, name: str) -> Tensor:
    if isinstance(value, Real):
        return torch.tensor(number(value, name), dtype=torch.float64)
    return as_float(value, name)
