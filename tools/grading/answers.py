"""The process that answers for a submission: started, limited, asked, and ended.

It runs in a box where there is one.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psutil

from tools.grading.clock import PATIENCE
from tools.grading.wire import Channel, Closed, Nonsense

ROOT = Path(__file__).resolve().parents[2]
MOST_PROCESSES = 100
START_SECONDS = 60
MOST_STARTS = 20  # of its process, for one submission: each costs seconds that are not its own
LEAVE_SECONDS = 10  # for a process that closes its line: it should be about to end
_COURSE = (ROOT / "nslab", ROOT / "tools" / "grading")
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/alternatives")
_PASSED_ON = ("LD_LIBRARY_PATH", "ATEN_CPU_CAPABILITY", "MKL_CBWR")


@dataclass(frozen=True)
class Limits:
    """What one submission may use: seconds of computing a cell and in all, and memory a process."""

    cell_seconds: int = 30
    seconds: int = 180
    gigabytes: float = 4.0


class Ended(Exception):
    """The process has gone, or was ended, before it answered; the message says how."""


class OutOfTime(Exception):
    """The submission has used all of its time."""


def box() -> list[str]:
    """The beginning of a command that runs the rest in bubblewrap.

    It sees only Python and the course, read-only.

    That /proc is read-only matters where the grader is root: root may write to the kernel's settings
    there, even with no capability left.
    """
    pythons = (sys.prefix, sys.base_prefix, str(Path(sys.executable).resolve().parent.parent))
    seen = dict.fromkeys((*_SYSTEM, *pythons, *map(str, _COURSE)))
    shown = [word for place in seen for word in ("--ro-bind-try", place, place)]
    room = ["--size", str(2 * 10**8), "--tmpfs"]
    return [
        *("bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"),
        *(
            "--proc",
            "/proc",
            "--remount-ro",
            "/proc",
            "--dev",
            "/dev",
            *room,
            "/dev/shm",
            "--remount-ro",
            "/dev",
            *room,
            "/tmp",
        ),
        *(*shown, "--remount-ro", "/", "--chdir", "/tmp", "--"),
    ]


def box_works() -> str:
    """Empty where a submission can run in a box, else the reason why it cannot."""
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed"
    command = [*box(), sys.executable, "-s", "-c", "import tools.grading.answerer"]
    tried = subprocess.run(command, env=environment("/tmp"), capture_output=True, text=True)
    if tried.returncode == 0:
        return ""
    return f"bubblewrap does not work here ({(tried.stderr.splitlines() or ['no reason given'])[-1]})"


def environment(home: str) -> dict[str, str]:
    """All that a submission finds in its environment."""
    threads = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    return threads | {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | {
        "HOME": home,
        "TMPDIR": home,
        "IPYTHONDIR": home,
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.defpath)),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LANG": "C.UTF-8",
        "MPLBACKEND": "agg",
        "NSLAB_PROGRESS": "",
    }  # fmt: skip


def adopt() -> None:
    """From now on, what processes below this one leave behind becomes its own child (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def family() -> list[psutil.Process]:
    """All processes below this one."""
    return psutil.Process().children(recursive=True)


def end(members: Callable[[], list[psutil.Process]], seconds: float = 10.0) -> None:
    """End processes until none is left.

    `members` is asked again, as each may have started others meanwhile.
    """
    last = time.monotonic() + seconds
    while (alive := members()) and time.monotonic() < last:
        for act in (psutil.Process.suspend, psutil.Process.kill):
            for process in alive:
                with suppress(psutil.Error):
                    act(process)
        for process in alive:
            with suppress(ChildProcessError):
                os.waitpid(process.pid, os.WNOHANG)
        time.sleep(0.01)


class Watch:
    """How much of its time a family of processes has used.

    A call raises Ended when the time is up or the family grew too large.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds, self.computed = seconds, 0.0
        self.start = self.looked = time.monotonic()
        self.before = self._computed()

    def _computed(self) -> float:
        total = 0.0
        for count, process in enumerate(family(), 1):
            if count > MOST_PROCESSES:
                raise Ended(f"more than {MOST_PROCESSES} processes")
            with suppress(psutil.Error):
                total += sum(process.cpu_times()[:4])
        return total

    def look(self) -> None:
        self.looked = time.monotonic()
        self.computed = max(self.computed, self._computed() - self.before)

    def used(self) -> float:
        """Seconds of computing; waiting counts too, but less."""
        return max(self.computed, (time.monotonic() - self.start) / PATIENCE)

    def __call__(self) -> None:
        if time.monotonic() - self.looked > 0.2:
            self.look()
        if self.used() > self.seconds:
            raise Ended(f"still running after {self.seconds:g} seconds")


class Answers:
    """Asks the process, and starts another with the same cells when one has ended.

    It is used as `with Answers(…) as answers`.
    """

    def __init__(self, limits: Limits, boxed: bool) -> None:
        self.limits, self.boxed = limits, boxed
        self.cells: list[str] = []
        self.troubles: list[str] = []
        self.used = 0.0
        self.orders = self.starts = 0
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def cell(self, source: str) -> dict[str, Any]:
        """Run a cell.

        One that ended its process, or ran out of time, is left out should another process start.
        """
        answer = self.ask({"cell": source}, self.limits.cell_seconds)
        if answer.get("trouble") != "TimeIsUp":
            self.cells.append(source)
        return answer

    def ask(self, order: dict[str, Any], seconds: float, watch: Watch | None = None) -> dict[str, Any]:
        """What the process answers; Ended if it does not, OutOfTime once all time is used."""
        try:
            self._start()
            return self._asked(order, seconds, watch)
        except (Ended, OutOfTime) as trouble:
            self.troubles.append(str(trouble))
            raise

    def _asked(self, order: dict[str, Any], seconds: float, watch: Watch | None = None) -> dict[str, Any]:
        if (left := self.limits.seconds - self.used) <= 0:
            raise OutOfTime(f"stopped after {self.limits.seconds} seconds")
        # The process stops itself in time if it can; a little later it is ended.
        watched = watch or Watch(min(1.2 * seconds + 1, left))
        try:
            return self._answer(order | {"seconds": seconds}, watched)
        except Closed:
            raise Ended(self.stop(patience=LEAVE_SECONDS)) from None
        except Nonsense:
            self.stop()
            raise Ended("wrote something else where its answers are expected") from None
        except Ended:
            self.stop()
            raise
        finally:
            if watch is None:
                self.spend(watched)

    def _answer(self, order: dict[str, Any], watch: Watch) -> dict[str, Any]:
        def watched() -> None:
            watch()
            # A child that it has left behind may hold the line open.
            if self.process is None or self.process.poll() is not None:
                raise Closed

        self.orders += 1
        self.channel.send(order | {"order": self.orders}, watched)
        answer = self.channel.receive(watched)
        if not isinstance(answer, dict) or answer.get("order") != self.orders:
            raise Nonsense
        return answer

    def spend(self, watch: Watch) -> None:
        self.used += watch.used()

    def _start(self) -> None:
        if self.process is not None:
            return
        self.starts += 1
        if self.starts > MOST_STARTS:
            raise OutOfTime(f"stopped after ending its process {MOST_STARTS} times")
        self.home = tempfile.TemporaryDirectory(prefix="nslab-answers-", ignore_cleanup_errors=True)
        ours, its = socket.socketpair()
        most = map(str, (self.limits.gigabytes, self.limits.seconds))
        command = [sys.executable, "-s", "-m", "tools.grading.answerer", *most]
        with its:
            self.process = subprocess.Popen(
                [*box(), *command] if self.boxed else command,
                cwd=self.home.name,
                env=environment("/tmp" if self.boxed else self.home.name),
                stdin=its.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.channel = Channel(ours)
        try:
            self.channel.receive(Watch(START_SECONDS))
        except (Closed, Nonsense, Ended):
            raise Ended(f"did not start: {self.stop(patience=LEAVE_SECONDS)}") from None
        for source in self.cells:
            self._asked({"cell": source}, self.limits.cell_seconds)

    def stop(self, patience: float = 0) -> str:
        """End the process and all that it started; returns how it had ended by itself.

        It has `patience` seconds to end by itself.
        """
        if self.process is None:
            return "not running"
        self.channel.close()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(patience)
        code = self.process.poll()
        end(family)
        self.process.wait()
        self.process = None
        self.home.cleanup()
        return f"ended the process (exit code {code})" if code is not None else "closed its line"
