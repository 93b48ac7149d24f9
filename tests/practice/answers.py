"""A learner's answers: handed in under the name that the exercise asks for, and what must come back."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from nslab import practice


def named(name: str, fn: Callable[..., Any]) -> Callable[..., Any]:
    """The same function under another name."""
    assert isinstance(fn, FunctionType)
    return FunctionType(fn.__code__, fn.__globals__, name, fn.__defaults__, fn.__closure__)


def checker(number: str) -> Callable[..., practice.Result]:
    """`check(name, fn)` of one exercise, whatever the function is called.

    A busy machine gets two minutes for it.
    """
    return lambda name, fn, seconds=120.0, **options: practice.check(
        number, named(name, fn), seconds=seconds, **options
    )


def assert_passed(result: practice.Result) -> None:
    assert (result.status, result.mistake) == ("passed", None), result


def assert_named(result: practice.Result, mistake: str | None) -> None:
    """Refused, and as this mistake."""
    assert result.status in ("failed", "raised"), result
    assert result.mistake == mistake, result
