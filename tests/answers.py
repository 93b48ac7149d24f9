"""A learner's answer, under the name that the exercise asks for."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any


def named(name: str, fn: Callable[..., Any]) -> Callable[..., Any]:
    """The same function under another name."""
    assert isinstance(fn, FunctionType)
    return FunctionType(fn.__code__, fn.__globals__, name, fn.__defaults__, fn.__closure__)
