"""Running a learner's function on many inputs: copies in, nothing out but outcomes, and never for ever."""

from __future__ import annotations

import copy
import ctypes
import random
import sysconfig
import threading
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

_LIBRARIES = tuple(str(Path(sysconfig.get_path(name))) for name in ("stdlib", "purelib", "platlib"))
_PACKAGE = str(Path(__file__).resolve().parents[1])


@dataclass(frozen=True)
class Outcome:
    """What one call gave: the value it returned or the error it raised, and whether it changed its input.

    `line` is the line of the learner's own that led to the error: its function, its number, its text.
    """

    value: Any = None
    error: BaseException | None = None
    changed_input: bool = False
    line: tuple[str, int, str] | None = None


@dataclass(frozen=True)
class Run:
    """Outcomes in the order of the inputs; fewer than inputs when the time was up."""

    outcomes: tuple[Outcome, ...]
    changed_random_state: bool
    abandoned: bool


class Elsewhere(ABC):
    """A learner's function that lives in another process, which keeps the time itself."""

    @abstractmethod
    def run(self, inputs: Sequence[tuple[Any, ...]], seconds: float) -> Run:
        """Call it on every input, for at most `seconds` in all."""


class _Stop(SystemExit):
    """Sent into a running thread to end it.

    A SystemExit, so a thread that it reaches late dies silently.
    """


def call(fn: Callable[..., Any], args: tuple[Any, ...]) -> Outcome:
    """Call `fn` on a copy of `args` and keep whatever happens."""
    given = copy.deepcopy(args)
    value, error, line = None, None, None
    try:
        with np.errstate(all="ignore"):
            value = fn(*given)
    except _Stop:
        raise
    except BaseException as raised:
        error, line = raised, own_line(raised)
    return Outcome(value, error, not all(map(_same, given, args)), line)


def run(fn: Callable[..., Any], inputs: Sequence[tuple[Any, ...]], seconds: float) -> Run:
    """Call `fn` on every input in a thread of its own, for at most `seconds` in all.

    A thread can be waited for from anywhere (the main thread, a widget's callback), needs nothing to be
    pickled and costs the learner's code no speed. When time is up, an exception is sent into it, again and
    again, since a bare `except:` may swallow one. What this cannot end is one endless call into compiled code
    (`time.sleep(10**9)`): such a thread is left behind, and the run says so. A compiled call that also keeps
    Python's global lock (`10**10**9`) holds up everything until it ends; only restarting the kernel helps.
    """
    if isinstance(fn, Elsewhere):
        return fn.run(inputs, seconds)
    outcomes: list[Outcome] = []
    time_is_up = threading.Event()

    def work() -> None:
        with suppress(_Stop):
            for args in inputs:
                outcome = call(fn, args)
                if time_is_up.is_set():
                    return
                outcomes.append(outcome)

    thread = threading.Thread(target=work, name="nslab-practice", daemon=True)
    with _random_state() as changed:
        try:
            thread.start()
            thread.join(seconds)
        finally:
            time_is_up.set()
            abandoned = thread.is_alive() and not _end(thread)
        changed_random_state = changed()
    return Run(tuple(outcomes), changed_random_state, abandoned)


def own_line(error: BaseException) -> tuple[str, int, str] | None:
    """Function, line number and text of the learner's own line that led to `error`, if there is one."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _is_library(frame.filename)]
    return (own[-1].name, own[-1].lineno or 0, (own[-1].line or "").strip()) if own else None


def _end(thread: threading.Thread) -> bool:
    for _ in range(40):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(_Stop))
        thread.join(0.05)
        if not thread.is_alive():
            return True
    return False


@contextmanager
def _random_state() -> Iterator[Callable[[], bool]]:
    """Put the global random states back afterwards.

    Inside, the given function says whether they have moved.
    """
    python, numpy, torch_state = random.getstate(), np.random.get_state(legacy=False), torch.get_rng_state()

    def changed() -> bool:
        now = np.random.get_state(legacy=False)
        return (
            random.getstate() != python
            or not torch.equal(torch.get_rng_state(), torch_state)
            or not _same(now["state"]["key"], numpy["state"]["key"])
            or now["state"]["pos"] != numpy["state"]["pos"]
        )

    try:
        yield changed
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(torch_state)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, np.random.Generator):
        return True  # it is there to be drawn from
    if isinstance(a, np.ndarray):
        return (
            a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
        )
    return bool(a is b or a == b)  # NaN is not equal to itself


def _is_library(filename: str) -> bool:
    if filename.startswith("<"):
        return not filename.startswith("<ipython-input")
    return filename.startswith((*_LIBRARIES, _PACKAGE)) or filename.endswith(".pyx")
