"""The slow line delays, limits, keeps the order and hands on the end."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tools.browser.slow_line import slow_line

RTT_MS, MBIT = 80, 2


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that sends back what it gets, once all of it is there."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                got = b""
                while part := connection.recv(65536):
                    got += part
                connection.sendall(got)

        threading.Thread(target=answer, daemon=True).start()
        yield server.getsockname()[1]


@pytest.mark.parametrize("size", [1, 100_000])
def test_what_comes_back_is_whole_and_no_sooner_than_the_line_allows(echo: int, size: int) -> None:
    sent = bytes(i % 251 for i in range(size))
    with slow_line(echo, RTT_MS, MBIT) as port, socket.create_connection(("127.0.0.1", port)) as client:
        start = time.monotonic()
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        got = b""
        while part := client.recv(65536):
            got += part
        seconds = time.monotonic() - start
    assert got == sent
    assert seconds >= RTT_MS / 1e3 + 2 * 8 * size / (MBIT * 1e6)
