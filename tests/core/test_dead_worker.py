"""A rank that is killed or stuck: every other rank gets a clear error within a bound, none hangs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from ranks import started

from nslab import gather_with_grad

TIMEOUT = 10  # seconds, of the process group
BOUND = 30  # seconds in which the others must know; generous, as other tests may run beside this one
VICTIM = 1
WHILE = {
    "before": "while the ranks compared x",
    "between": "in backward, while gradients were summed",
    "backward": "in backward, while gradients were summed",
}
# World by world: how many ranks, when the victim meets its fate, and which.
WORLDS = {when: (3, when, "killed") for when in WHILE} | {"stuck": (2, "between", "stuck")}
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--monitor-interval=5"]


# --- what each rank runs


def train(rank: int, when: str, fate: str) -> None:
    """A good step, then one in which the victim meets its fate."""

    def moment(name: str) -> None:
        if (rank, name) == (VICTIM, when):
            if fate == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(BOUND)

    gather_with_grad(torch.ones(4, 3, requires_grad=True)).sum().backward()
    moment("before")
    gathered = gather_with_grad(torch.ones(4, 3, requires_grad=True))
    moment("between")
    gathered.register_hook(lambda grad: moment("backward"))
    gathered.sum().backward()


def meet(rank: int, world: int, where: str, folder: Path, when: str, fate: str) -> None:
    limit = timedelta(seconds=TIMEOUT)
    dist.init_process_group("gloo", init_method=where, rank=rank, world_size=world, timeout=limit)
    start = time.monotonic()
    try:
        train(rank, when, fate)
    except RuntimeError as error:
        reported = {"error": str(error), "cause": str(error.__cause__), "seconds": time.monotonic() - start}
        draft = folder / f"{rank}.draft"
        draft.write_text(json.dumps(reported))
        draft.rename(folder / f"{rank}.json")
        time.sleep(BOUND)  # alive, so that its own end cannot be what the next rank notices


def main(folder: Path) -> None:
    """Start every world; all ranks end when standard input does."""
    for name, (world, when, fate) in WORLDS.items():
        started(meet, world, f"file://{folder / name}/store", folder / name, when, fate)
    sys.stdin.read()


# --- what pytest runs


@contextmanager
def running(*command: str) -> Iterator[subprocess.Popen]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, *command], env=environment, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin is not None
    try:
        yield process
    finally:
        process.stdin.close()
        process.wait(20)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the survivors of each world say what they were told; all worlds run at once."""
    folder = tmp_path_factory.mktemp("worlds")
    for name in WORLDS:
        (folder / name).mkdir()
    with running(__file__, str(folder)):
        yield folder


def survivors(folder: Path, world: int) -> list[dict]:
    """What each rank but the victim was told, while all survivors were still alive."""
    others = [folder / f"{rank}.json" for rank in range(world) if rank != VICTIM]
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and not all(path.exists() for path in others):
        time.sleep(0.05)
    return [json.loads(path.read_text()) for path in others]


def check(reported: list[dict], world: int, when: str) -> None:
    for rank, found in zip([rank for rank in range(world) if rank != VICTIM], reported, strict=True):
        assert found["error"].startswith(
            f"rank {rank} of {world} lost another rank {WHILE[when]}: it ended, or"
        )
        assert re.search("closed|reset|Timed out", found["cause"]), "the backend's own error is chained"
        assert found["seconds"] < BOUND


@pytest.mark.parametrize("when", WHILE)
def test_a_killed_rank_is_noticed_by_all_others(folder: Path, when: str) -> None:
    reported = survivors(folder / when, 3)
    check(reported, 3, when)
    assert max(found["seconds"] for found in reported) < TIMEOUT, "noticed, not waited for"


def test_a_stuck_rank_is_given_up_after_the_timeout(folder: Path) -> None:
    reported = survivors(folder / "stuck", 2)
    check(reported, 2, "between")
    assert "Timed out" in reported[0]["cause"]
    assert reported[0]["seconds"] >= TIMEOUT - 1


def test_under_torchrun(tmp_path: Path) -> None:
    with running(*TORCHRUN, __file__, str(tmp_path), "between", "killed") as torchrun:
        try:
            check(survivors(tmp_path, 2), 2, "between")
        finally:
            torchrun.terminate()


if __name__ == "__main__":
    if "RANK" in os.environ:  # torchrun has started this process, for one rank
        rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        meet(rank, world, "env://", Path(sys.argv[1]), *sys.argv[2:])
    else:
        main(Path(sys.argv[1]))
