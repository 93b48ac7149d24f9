"""A rank that is killed or stuck: every other rank gets a clear error within a bound, none hangs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from nslab import gather_with_grad

TIMEOUT = 10  # seconds, of the process group
BOUND = 30  # seconds in which the others must know; generous, as other tests may run beside this one
VICTIM = 1
WHILE = {
    "before": "while the ranks compared x",
    "between": "in backward, while gradients were summed",
    "backward": "in backward, while gradients were summed",
}
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--monitor-interval=5"]


# --- what each process runs


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


def main(meet: str, folder: Path, when: str, fate: str) -> None:
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    limit = timedelta(seconds=TIMEOUT)
    dist.init_process_group("gloo", init_method=meet, rank=rank, world_size=world, timeout=limit)
    start = time.monotonic()
    try:
        train(rank, when, fate)
    except RuntimeError as error:
        told = {"error": str(error), "cause": str(error.__cause__), "seconds": time.monotonic() - start}
        draft = folder / f"{rank}.draft"
        draft.write_text(json.dumps(told))
        draft.rename(folder / f"{rank}.json")
        time.sleep(BOUND)  # alive, so that its own end cannot be what the next rank notices


# --- what pytest runs


def survivors(
    commands: list[list[str]], world: int, meet: str, folder: Path, when: str, fate: str
) -> list[dict]:
    """What each rank but the victim was told, while all survivors were still alive."""
    running = [
        subprocess.Popen(
            [sys.executable, *command, __file__, meet, str(folder), when, fate],
            env=os.environ | {"OMP_NUM_THREADS": "1", "RANK": str(rank), "WORLD_SIZE": str(world)},
            stderr=subprocess.DEVNULL,
        )
        for rank, command in enumerate(commands)
    ]
    others = [folder / f"{rank}.json" for rank in range(world) if rank != VICTIM]
    deadline = time.monotonic() + 90
    try:
        while time.monotonic() < deadline and not all(path.exists() for path in others):
            time.sleep(0.05)
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(20)
    return [json.loads(path.read_text()) for path in others]


def check(told: list[dict], world: int, when: str) -> None:
    for rank, found in zip([rank for rank in range(world) if rank != VICTIM], told, strict=True):
        assert found["error"].startswith(
            f"rank {rank} of {world} lost another rank {WHILE[when]}: it ended, or"
        )
        assert re.search("closed|reset|Timed out", found["cause"]), "the backend's own error is chained"
        assert found["seconds"] < BOUND


@pytest.mark.parametrize("when", WHILE)
def test_a_killed_rank_is_noticed_by_all_others(tmp_path: Path, when: str) -> None:
    told = survivors([[]] * 3, 3, f"file://{tmp_path}/store", tmp_path, when, "killed")
    check(told, 3, when)
    assert max(found["seconds"] for found in told) < TIMEOUT, "noticed, not waited for"


def test_a_stuck_rank_is_given_up_after_the_timeout(tmp_path: Path) -> None:
    told = survivors([[]] * 2, 2, f"file://{tmp_path}/store", tmp_path, "between", "stuck")
    check(told, 2, "between")
    assert "Timed out" in told[0]["cause"]
    assert told[0]["seconds"] >= TIMEOUT - 1


def test_under_torchrun(tmp_path: Path) -> None:
    check(survivors([TORCHRUN], 2, "env://", tmp_path, "between", "killed"), 2, "between")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4])
