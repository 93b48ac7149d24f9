"""A slow line to a server on this machine: a TCP proxy with a delay and a bandwidth.

It measures what a learner far away sees.

    python -m tools.browser.slow_line --to 8888 [--rtt 100] [--mbit 5]

Then open the port that it prints instead of 8888. Every byte travels half of --rtt; all connections share
the bandwidth of each direction. Not modelled: packets lost, TCP's slow start, encryption.
"""

from __future__ import annotations

import argparse
import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

CHUNK = 4096  # bytes that one connection sends before another has its turn


@dataclass
class Direction:
    """One way of the line: when it is free again, and whose turn it is."""

    delay: float  # seconds
    rate: float  # bytes a second
    free: float = 0.0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def carry(self, size: int) -> float:
        """Wait until `size` bytes are sent; when the last of them arrives."""
        clock = asyncio.get_running_loop().time
        async with self.turn:
            self.free = max(self.free, clock()) + size / self.rate
            await asyncio.sleep(self.free - clock())
            return self.free + self.delay


async def pump(direction: Direction, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Everything from one end to the other, in order; the end of the stream too."""
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(256)

    async def arrive() -> None:
        clock = asyncio.get_running_loop().time
        while True:
            at, data = await under_way.get()
            await asyncio.sleep(at - clock())
            if not data:
                sink.write_eof()
                return
            sink.write(data)
            await sink.drain()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(arrive())
        data = b"-"
        while data:
            data = await source.read(CHUNK)
            await under_way.put((await direction.carry(len(data)), data))


async def serve(to: int, rtt_ms: float, mbit: float, opened: asyncio.Future[int]) -> None:
    """Proxy a free port of this machine to the port `to`, until cancelled."""
    there, back = (Direction(rtt_ms / 2e3, mbit * 1e6 / 8) for _ in range(2))

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(rtt_ms / 1e3)  # TCP's handshake
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", to, limit=CHUNK)
        with suppress(ExceptionGroup, OSError, asyncio.CancelledError):  # an end that hangs up ends both ways
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(pump(there, reader, far_writer))
                tasks.create_task(pump(back, far_reader, writer))
        for end in (writer, far_writer):
            end.close()

    server = await asyncio.start_server(connect, "127.0.0.1", 0, limit=CHUNK)
    opened.set_result(server.sockets[0].getsockname()[1])
    try:
        await asyncio.Event().wait()
    finally:
        server.close()


@contextmanager
def slow_line(to: int, rtt_ms: float = 100, mbit: float = 5) -> Iterator[int]:
    """A slow line to the port `to`, as long as the block runs: the port where it begins."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    async def start() -> int:
        opened: asyncio.Future[int] = loop.create_future()
        started.append(asyncio.create_task(serve(to, rtt_ms, mbit, opened)))
        return await opened

    async def end() -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    started: list[asyncio.Task[None]] = []  # a task that nobody keeps may be collected
    try:
        yield asyncio.run_coroutine_threadsafe(start(), loop).result()
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result()
        loop.call_soon_threadsafe(loop.stop)


async def _main(to: int, rtt_ms: float, mbit: float) -> None:
    opened: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    opened.add_done_callback(lambda port: print(f"127.0.0.1:{port.result()} leads to {to}", flush=True))
    await serve(to, rtt_ms, mbit, opened)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--to", type=int, required=True, metavar="PORT", help="where the server listens")
    parser.add_argument("--rtt", type=float, default=100, metavar="MS", help="delay there and back (100)")
    parser.add_argument("--mbit", type=float, default=5, metavar="N", help="megabits a second each way (5)")
    given = parser.parse_args()
    if given.rtt < 0 or given.mbit <= 0:
        parser.error("--rtt must be at least 0 and --mbit more than 0")
    with suppress(KeyboardInterrupt):
        asyncio.run(_main(given.to, given.rtt, given.mbit))
