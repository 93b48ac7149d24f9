"""gather_with_grad on 2 to 4 real gloo processes: seconds and bytes per step.

They stand beside those of torch's own gather, and arithmetic.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.nn.functional import all_gather
from torch.nn.functional import cross_entropy, normalize

from benchmarks._record import Row
from nslab import gather_with_grad
from nslab.distributed import NOTE

WORLDS, BATCHES, DIM = (2, 3, 4), (256, 1024), 128
ROUNDS, WORK = 5, 2048  # a round takes WORK rows through each rank
Readings = dict[str, tuple[list[float], list[float]]]  # of each contestant: ms a step, MB a step and rank
PEER = "torch.distributed.nn all_gather (deprecated)"


def measure() -> dict[str, list[Row]]:
    """Rows for the CPU: measured up to four processes, on paper beyond."""
    rows = [row for world in WORLDS for row in _measured(world)]
    return {"cpu": rows + [_beyond(world) for world in (8, 64, 1024)]}


def on_paper(world: int, batch: int, dim: int) -> int:
    """Bytes that one rank sends in a step that gathers one float32 tensor.

    They are rows sent there, gradients sent back, and the note.

    Each of the W − 1 other ranks is sent the B rows once, the B gradients of its own rows once, and one note.
    """
    return (world - 1) * (2 * batch * dim * 4 + NOTE)


def _measured(world: int) -> Iterator[Row]:
    for batch, found in zip(BATCHES, _on_processes(world), strict=True):
        (ours, our_bytes), (theirs, their_bytes) = found["ours"], found["peer"]
        case = f"W = {world}, B = {batch:,} a rank"
        paper = [on_paper(world, batch, DIM) / 1e6]
        yield Row(f"gather, own rows' loss, backward; {case}", "ms", ours, PEER, theirs)
        yield Row(f"bytes on the wire a step and rank; {case}", "MB", our_bytes, PEER, their_bytes)
        yield Row(f"the same bytes; {case}", "MB", our_bytes, "arithmetic, without headers", paper)


def _beyond(world: int) -> Row:
    sent = on_paper(world, BATCHES[-1], DIM) / 1e6
    return Row(f"bytes a step and rank; W = {world:,}, B = {BATCHES[-1]:,}", "MB", [sent], note="on paper")


def _on_processes(world: int) -> list[Readings]:
    """For each batch size what rank 0 read, contestant by contestant."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, context.Pool(world) as pool:
        return pool.starmap(_rank, [(rank, world, folder) for rank in range(world)], chunksize=1)[0]


def _rank(rank: int, world: int, folder: str) -> list[Readings]:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", FutureWarning)
    store = dist.FileStore(str(Path(folder, "store")), world)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=world)
    readings = [_by_turns(rank, batch) for batch in BATCHES]
    dist.destroy_process_group()
    return readings


def _by_turns(rank: int, batch: int) -> Readings:
    generator = torch.Generator().manual_seed(rank)
    rows = normalize(torch.randn(2, batch, DIM, generator=generator), dim=-1)
    contestants = {"ours": gather_with_grad, "peer": _peer}
    read: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
    for _ in range(ROUNDS + 1):
        for name, gather in contestants.items():
            read[name].append(_round(gather, rows, rank, WORK // batch))
    return {name: _columns(readings[1:]) for name, readings in read.items()}


def _round(gather: Callable[[Tensor], Tensor], rows: Tensor, rank: int, steps: int) -> tuple[float, float]:
    dist.barrier()
    start, before = time.perf_counter(), _loopback()
    for _ in range(steps):
        _step(gather, rows, rank)
    dist.barrier()
    seconds, sent = time.perf_counter() - start, _loopback() - before
    return seconds / steps * 1e3, sent / steps / dist.get_world_size() / 1e6


def _step(gather: Callable[[Tensor], Tensor], rows: Tensor, rank: int) -> None:
    query, key = (side.clone().requires_grad_() for side in rows)
    own = rank * len(key) + torch.arange(len(key))
    cross_entropy(query @ gather(key).T / 0.1, own).backward()


def _peer(x: Tensor) -> Tensor:
    return torch.cat(all_gather(x))


def _columns(readings: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    times, sent = zip(*readings, strict=True)
    return list(times), list(sent)


def _loopback() -> int:
    """Bytes that have passed through this machine's loopback.

    That is all that these processes send, and any other traffic.
    """
    counters: Any = psutil.net_io_counters(pernic=True)
    return next(counters[name].bytes_sent for name in ("lo", "lo0") if name in counters)
