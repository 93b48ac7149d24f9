"""Bad input is refused with an error that names the argument and shows its value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


def assert_refused(
    name: str, value: str, function: Callable[..., Any], /, *args: Any, **options: Any
) -> None:
    """The call raises ValueError or TypeError, and the message has both words."""
    with pytest.raises((ValueError, TypeError)) as refusal:
        function(*args, **options)
    assert name in str(refusal.value) and value in str(refusal.value)
