"""The judging processes, seen from the program that sends them submissions: started, watched, and ended."""

from __future__ import annotations

import os
import queue
import socket
import subprocess
import sys
import threading
import time
from typing import Any

import psutil

from tools.grading.answers import ROOT, Ended, end
from tools.grading.wire import MOST_JOB, Channel, Closed, Nonsense


class Judges:
    """So many judges; each takes one submission at a time. A judge that has ended is replaced by another."""

    def __init__(self, jobs: int) -> None:
        self.running: dict[int, subprocess.Popen[bytes]] = {}
        self.free: queue.SimpleQueue[tuple[int, Channel] | None] = queue.SimpleQueue()
        # Between its start and its entry in `running`, a judge would look like a stray.
        self.changing = threading.Lock()
        for _ in range(jobs):
            self.free.put(None)

    def judge(self, job: dict[str, Any], seconds: float) -> dict[str, Any]:
        """What comes of a submission; Ended if its judge was ended, or took longer than `seconds`."""
        last = time.monotonic() + seconds

        def watch() -> None:
            if time.monotonic() > last:
                raise Ended(f"not judged within {seconds:g} seconds")

        pid, channel = self._ready()
        after = None
        try:
            channel.send(job, watch)
            done = channel.receive(watch)
            after = pid, channel
            return done
        except (Closed, Nonsense):
            raise Ended("the process that judges it was ended") from None
        finally:
            if after is None:
                channel.close()
                self._stop(pid)
            self.free.put(after)

    def _ready(self) -> tuple[int, Channel]:
        """A judge that waits for work.

        One that was ended while it waited is replaced, so that no submission loses points by it.
        """
        waiting = self.free.get()
        if waiting and self.running[waiting[0]].poll() is not None:
            waiting[1].close()
            self._stop(waiting[0])
            waiting = None
        return waiting or self._start()

    def _start(self) -> tuple[int, Channel]:
        ours, its = socket.socketpair()
        with its, self.changing:
            process = subprocess.Popen(
                [sys.executable, "-m", "tools.grading.judge"],
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
                stdin=its.fileno(),
                start_new_session=True,
            )
            self.running[process.pid] = process
        return process.pid, Channel(ours, most=MOST_JOB)

    def _stop(self, pid: int) -> None:
        """End a judge and its family; what it left behind when it was ended has become ours (`adopt`)."""
        with self.changing:
            process = self.running.pop(pid)
            end(lambda: _below(pid))
            process.kill()
            process.wait()
            end(self._strays)

    def _strays(self) -> list[psutil.Process]:
        strays = [child for child in psutil.Process().children() if child.pid not in self.running]
        return [member for stray in strays for member in (stray, *_below(stray.pid))]

    def close(self) -> None:
        for pid in list(self.running):
            self._stop(pid)


def _below(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []
