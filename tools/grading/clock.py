"""Time: seconds of computing, so that a busy machine costs nobody points."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PATIENCE = 4  # seconds that may pass for each second of computing: the machine may be busy


class TimeIsUp(BaseException):
    """Sent into code that has computed for too long."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Inside, TimeIsUp is raised after so many seconds of computing, and again while it is caught."""

    def stop(*_: Any) -> None:
        raise TimeIsUp(f"still running after {seconds:g} seconds")

    timers = (signal.ITIMER_PROF, seconds), (signal.ITIMER_REAL, PATIENCE * seconds)
    for number in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(number, stop)
    try:
        for timer, after in timers:
            signal.setitimer(timer, after, 0.2)
        yield
    finally:
        for timer, _ in timers:
            signal.setitimer(timer, 0)
