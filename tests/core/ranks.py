"""Ranks as processes of their own: where forking is safe, torch is imported once for all of them."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any


def started(target: Callable[..., None], world: int, *args: Any) -> list[BaseProcess]:
    """`target(rank, world, *args)` for every rank.

    They end with the process that starts them, which has no threads.
    """
    context: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    ranks = [context.Process(target=target, args=(rank, world, *args), daemon=True) for rank in range(world)]
    for process in ranks:
        process.start()
    return ranks
