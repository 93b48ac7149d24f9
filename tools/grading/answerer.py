"""What runs beside the submission: it executes the submission's cells, and answers calls of its functions.

`python -m tools.grading.answerer GIGABYTES SECONDS` is asked over its standard input, a socket. Nothing
here is trusted: the submission may change any of it, and then changes its own answers. The limits that
count are the judge's.
"""

from __future__ import annotations

import io
import os
import random
import socket
import sys
import traceback
import warnings
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from tools.grading.clock import TimeIsUp, limited
from tools.grading.wire import MOST_TEXT, Channel, Closed, decode_argument, encode, encode_argument

MOST_OUTPUT = 20_000  # characters kept of what a cell prints
MOST_FILE = 100_000_000  # bytes in a file


class Printed(io.TextIOBase):
    """Standard output of the cells, of which the beginning is kept."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.room = MOST_OUTPUT

    def write(self, text: str) -> int:
        if self.room > 0:
            self.kept.append(text[: self.room])
            self.room -= len(text)
            if self.room <= 0:
                self.kept.append("\n… output cut here …\n")
        return len(text)

    def writable(self) -> bool:
        return True

    def taken(self) -> str:
        text, self.kept, self.room = "".join(self.kept), [], MOST_OUTPUT
        return text


def limit(gigabytes: float, seconds: int) -> None:
    """What one process may use; where the system knows no such limit, none is set."""
    import resource

    size = int(gigabytes * 2**30)
    wanted = {
        "RLIMIT_DATA": size,
        "RLIMIT_CPU": seconds + 5,
        "RLIMIT_FSIZE": MOST_FILE,
        "RLIMIT_CORE": 0,
    }
    for name, most in wanted.items():
        with suppress(ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (most, most))


class Answerer:
    """The submission's names, and the functions among them that were asked for."""

    def __init__(self) -> None:
        quiet = Config()
        quiet.HistoryManager.enabled = False
        quiet.InteractiveShell.colors = "nocolor"
        self.shell = InteractiveShell.instance(config=quiet)
        self.functions: dict[str, Callable[..., Any]] = {}
        self.printed = sys.stdout = sys.stderr = Printed()

    def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        self.printed.taken()
        if "cell" in order:
            return self.cell(order["cell"], order["seconds"])
        if "name" in order:
            return self.name(order["name"])
        try:
            with limited(order["seconds"]):
                return called(self.functions[order["call"]], order["args"])
        except TimeIsUp:
            return {"late": True}

    def cell(self, source: str, seconds: float) -> dict[str, Any]:
        """Run a cell; a cell that fails leaves the names that it had made."""
        error: BaseException | None = None
        try:
            with limited(seconds):
                result = self.shell.run_cell(source, store_history=True)
                error = result.error_before_exec or result.error_in_exec
        except TimeIsUp as late:
            error = late
        return {"printed": self.printed.taken(), "trouble": type(error).__name__ if error else ""}

    def name(self, name: str) -> dict[str, Any]:
        """What a name stands for: nothing, a function with a name of its own, or a value."""
        if name not in self.shell.user_ns:
            return {}
        value = self.shell.user_ns[name]
        if not callable(value):
            return {"value": encode(value)}
        self.functions[name] = value
        return {"function": str(getattr(value, "__name__", ""))}


def called(function: Callable[..., Any], sent: list[Any]) -> dict[str, Any]:
    """One call: its value or its error, and what it did to its arguments and to the global random states."""
    args, numpy = [decode_argument(part) for part in sent], sys.modules.get("numpy")
    chance = random_states()
    try:
        with warnings.catch_warnings(), numpy.errstate(all="ignore") if numpy else nullcontext():
            warnings.simplefilter("ignore", RuntimeWarning)
            answer = {"value": encode(function(*args))}
    except TimeIsUp:
        raise
    except BaseException as error:
        answer = {"error": raised(error)}
    after, now = [encode_argument(arg) for arg in args], random_states()
    moved = [i for i, part in enumerate(sent) if repr(after[i]) != repr(part)]
    drawn = [i for i in moved if isinstance(sent[i], dict) and "generator" in sent[i]]
    return answer | {
        "drawn": drawn,
        "changed_input": len(moved) > len(drawn),
        "changed_random_state": any(now[name] != chance[name] for name in now.keys() & chance.keys()),
    }


def raised(error: BaseException) -> dict[str, Any]:
    """An error by the names of its classes, with its message and the submission's line that led to it."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith("<ipython-input")]
    line = (own[-1].name, own[-1].lineno, own[-1].line) if own else None
    try:
        message = str(error)[:MOST_TEXT]
    except Exception:
        message = ""
    return {"kinds": [kind.__name__ for kind in type(error).__mro__], "message": message, "line": line}


def random_states() -> dict[str, Any]:
    """The global random states of the libraries that are loaded."""
    states: dict[str, Any] = {"python": random.getstate()}
    if numpy_random := sys.modules.get("numpy.random"):
        state = numpy_random.get_state(legacy=False)
        states["numpy"] = (state["state"]["key"].tobytes(), state["state"]["pos"])
    if torch := sys.modules.get("torch"):
        states["torch"] = torch.get_rng_state().numpy().tobytes()
    return states


def main(gigabytes: str, seconds: str) -> None:
    channel = Channel(socket.socket(fileno=os.dup(0)))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    limit(float(gigabytes), int(seconds))
    sys.path.insert(0, "")
    answerer = Answerer()
    channel.send({"ready": True})
    with suppress(Closed):
        while True:
            order = channel.receive()
            channel.send({"order": order["order"]} | answerer.obey(order))


if __name__ == "__main__":
    main(*sys.argv[1:])
