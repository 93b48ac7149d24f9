"""Seconds and bytes: contestants take turns, so that a slow moment of the machine hits all of them."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import torch


def interleaved(contestants: dict[str, Callable[[], Any]], rounds: int = 7) -> dict[str, list[float]]:
    """Seconds of each contestant in each round, after one round that is thrown away."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds + 1):
        for name, work in contestants.items():
            _wait()
            start = time.perf_counter()
            work()
            _wait()
            seconds[name].append(time.perf_counter() - start)
    return {name: readings[1:] for name, readings in seconds.items()}


def peak_bytes(work: Callable[..., Any], *arguments: Any, prepare: Callable[..., Any] | None = None) -> int:
    """How far the memory of a fresh process rises during `work(*arguments)`, at its highest.

    With `prepare` it is `work(prepare(*arguments))`, and what prepare used for a while is not counted,
    only what it leaves.
    """
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_rise, (work, arguments, prepare))


def rates(seconds: list[float], count: int) -> list[float]:
    """Millions a second."""
    return [count / second / 1e6 for second in seconds]


def _rise(work: Callable[..., Any], arguments: tuple[Any, ...], prepare: Callable[..., Any] | None) -> int:
    before = psutil.Process().memory_info().rss
    if prepare is not None:
        arguments = (prepare(*arguments),)
        _give_back()
    _forget_the_peak()
    work(*arguments)
    return max(0, _highest() - before)


def _give_back() -> None:
    """Memory that was freed, and that the allocator still holds, goes back to the system."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)


def _forget_the_peak() -> None:
    if sys.platform == "linux":
        Path("/proc/self/clear_refs").write_text("5")


def _highest() -> int:
    if sys.platform == "linux":  # ru_maxrss would start at the size of the parent process
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
