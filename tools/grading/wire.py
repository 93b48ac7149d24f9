"""Plain data between processes: numbers, text, arrays and generators as JSON, in frames.

Reading it runs no code.
"""

from __future__ import annotations

import base64
import json
import re
import select
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MOST_BYTES = 8_000_000  # in a frame
MOST_JOB = 1 << 31  # in a frame between the judge and the program that sends it submissions
MOST_DEPTH = 30  # of values within values
MOST_PARTS = 100_000  # values within a value
MOST_TEXT = 10_000  # characters of text that stands for something else

_DTYPE = re.compile(r"[<>|=][biufcU]\d{1,4}")
_TENSORS = [
    "bool",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "complex64",
    "complex128",
]


class Closed(EOFError):
    """The other side has gone."""


class Nonsense(ValueError):
    """What came is not what this side writes."""


@dataclass(frozen=True)
class Opaque:
    """It stands for a value that is no plain data, and shows as the text of that value."""

    text: str

    def __repr__(self) -> str:
        return self.text


class Named(tuple):
    """A tuple whose parts have names, read from a named tuple."""

    names: tuple[str, ...] = ()

    def _asdict(self) -> dict[str, Any]:
        return dict(zip(self.names, self, strict=True))


class _TooMuch(Exception):
    pass


def encode(value: Any) -> Any:
    """The value as JSON can hold it; what is no plain data, or too much, becomes Opaque."""
    try:
        return _Encoder().encode(value, MOST_DEPTH)
    except _TooMuch as reason:
        return {"opaque": str(reason)}


class _Encoder:
    def __init__(self) -> None:
        self.parts, self.bytes = MOST_PARTS, MOST_BYTES // 2

    def take(self, size: int) -> None:
        self.parts, self.bytes = self.parts - 1, self.bytes - size
        if self.parts < 0 or self.bytes < 0:
            raise _TooMuch("a value too large to be handed over")

    def encode(self, value: Any, depth: int) -> Any:
        self.take(8)
        if depth == 0:
            raise _TooMuch("a value nested too deeply to be handed over")
        numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
        if value is None or value is True or value is False:
            return value
        if numpy and isinstance(value, numpy.ndarray | numpy.generic):
            return self.array(numpy.asarray(value), isinstance(value, numpy.generic), depth)
        if torch and isinstance(value, torch.Tensor):
            return self.tensor(value, torch)
        if isinstance(value, int):
            self.take(value.bit_length() // 4)
            return int(value) if value.bit_length() < 64 else {"int": hex(value)}
        if isinstance(value, float):
            return float(value)
        if isinstance(value, str):
            self.take(len(value))
            return str(value)
        if isinstance(value, list | tuple):
            parts = [self.encode(part, depth - 1) for part in value]
            names = getattr(value, "_fields", None)
            if isinstance(value, list):
                return parts
            return {"tuple": parts} if names is None else {"named": [list(map(str, names)), parts]}
        if isinstance(value, Mapping):
            return {"dict": [[self.encode(part, depth - 1) for part in pair] for pair in value.items()]}
        if isinstance(value, Iterator):
            return {"iterator": [self.encode(part, depth - 1) for part in value]}
        return {"opaque": _text(value)} if isinstance(value, complex) else self.other(value, depth)

    def array(self, value: Any, scalar: bool, depth: int) -> Any:
        if value.dtype.kind == "O":
            return {"objects": [list(value.shape), [self.encode(x, depth - 1) for x in value.reshape(-1)]]}
        if not _DTYPE.fullmatch(value.dtype.str):
            return {"opaque": _text(value)}
        self.take(2 * value.nbytes)
        data = base64.b64encode(value.tobytes()).decode()
        return (
            {"scalar": [value.dtype.str, data]}
            if scalar
            else {"array": [value.dtype.str, list(value.shape), data]}
        )

    def tensor(self, value: Any, torch: Any) -> Any:
        name = str(value.dtype).removeprefix("torch.")
        if name not in _TENSORS or value.layout != torch.strided:
            return {"opaque": _text(value)}
        self.take(2 * value.numel() * value.element_size())
        flat = value.detach().cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
        data = base64.b64encode(flat.view(torch.uint8).numpy().tobytes()).decode()
        return {"tensor": [name, list(value.shape), data]}

    def other(self, value: Any, depth: int) -> Any:
        """Whatever numpy reads as numbers or text is plain data too."""
        try:
            import numpy

            array = numpy.asarray(value)
            if array.ndim == 0 and array.dtype.kind == "O":
                return float(value)
            return self.array(array, False, depth)
        except _TooMuch:
            raise
        except Exception:
            return {"opaque": _text(value)}


def _text(value: Any) -> str:
    try:
        return repr(value)[:MOST_TEXT]
    except Exception:
        return f"a {type(value).__name__}"


def decode(data: Any) -> Any:
    """The value that `encode` wrote; Nonsense for anything else."""
    try:
        return _decode(data, MOST_DEPTH + 1)
    except (TypeError, ValueError, LookupError, AttributeError, OverflowError, RuntimeError) as error:
        raise Nonsense(f"not plain data: {type(error).__name__}") from None


def _decode(data: Any, depth: int) -> Any:
    if depth == 0:
        raise Nonsense("nested too deeply")
    if data is None or isinstance(data, bool | int | float):
        return data
    if isinstance(data, str):
        return text(data)
    if isinstance(data, list):
        return [_decode(part, depth - 1) for part in data]
    ((kind, body),) = data.items()
    if kind == "tuple":
        return tuple(_decode(list(body), depth - 1))
    if kind == "dict":
        return {_decode(key, depth - 1): _decode(part, depth - 1) for key, part in body}
    return _READERS[kind](body, depth)


def _named(body: Any, depth: int) -> Named:
    names, parts = body
    value = Named(_decode(list(parts), depth - 1))
    value.names = tuple(map(text, names))
    if len(value.names) != len(value):
        raise Nonsense("as many names as parts are wanted")
    return value


def _size(shape: list[Any]) -> tuple[int, ...]:
    if len(shape) > 16 or not all(type(n) is int and n >= 0 for n in shape) or sum(shape) > MOST_BYTES // 8:
        raise Nonsense("no shape")
    return tuple(shape)


def _array(body: Any, depth: int) -> Any:
    import numpy

    name, shape, data = body
    if not _DTYPE.fullmatch(name):
        raise Nonsense("no dtype of numbers")
    return numpy.frombuffer(bytearray(base64.b64decode(data)), numpy.dtype(name)).reshape(_size(shape))


def _objects(body: Any, depth: int) -> Any:
    import numpy

    shape, parts = body
    array = numpy.empty(len(parts), dtype=object)
    for i, part in enumerate(parts):
        array[i] = _decode(part, depth - 1)
    return array.reshape(_size(shape))


def _tensor(body: Any, depth: int) -> Any:
    import torch

    name, shape, data = body
    size, raw = _size(shape), bytearray(base64.b64decode(data))
    if name not in _TENSORS:
        raise Nonsense("no dtype of numbers")
    dtype = getattr(torch, name)
    if not raw:
        return torch.empty(0, dtype=dtype).reshape(size)
    return torch.frombuffer(raw, dtype=dtype).reshape(size)


_READERS: dict[str, Callable[[Any, int], Any]] = {
    "int": lambda body, depth: int(body, 16),
    "opaque": lambda body, depth: Opaque(text(body)[:MOST_TEXT]),
    "iterator": lambda body, depth: iter(_decode(list(body), depth - 1)),
    "named": _named,
    "array": _array,
    "scalar": lambda body, depth: _array([body[0], [], body[1]], depth)[()],
    "objects": _objects,
    "tensor": _tensor,
}


def encode_argument(value: Any) -> Any:
    """As `encode`, for what a function is given: a generator of random numbers may be among it."""
    numpy = sys.modules.get("numpy")
    if numpy and isinstance(value, numpy.random.Generator):
        bits = value.bit_generator
        return {"generator": [type(bits).__name__, encode(bits.state)]}
    return encode(value)


def decode_argument(data: Any) -> Any:
    """What `encode_argument` wrote, for a side that trusts the other: a made-up state could do harm."""
    if isinstance(data, dict) and "generator" in data:
        import numpy

        name, state = data["generator"]
        bits = getattr(numpy.random, name)()
        bits.state = decode(state)
        return numpy.random.Generator(bits)
    return decode(data)


def text(data: Any) -> str:
    """The string as every file can hold it; Nonsense for what is no string."""
    if not isinstance(data, str):
        raise Nonsense(f"text is wanted, got {type(data).__name__}")
    return data.encode("utf-8", "replace").decode("utf-8")


class Channel:
    """Frames both ways over a socket: four bytes for the length, then JSON.

    While one waits, `watch` is called again and again; what it raises ends the waiting.
    """

    def __init__(self, end: socket.socket, most: int = MOST_BYTES) -> None:
        end.setblocking(False)
        self.end, self.most = end, most

    def send(self, message: Any, watch: Callable[[], None] = lambda: None) -> None:
        data = json.dumps(message).encode()
        left = memoryview(len(data).to_bytes(4, "big") + data)
        while left:
            watch()
            if select.select([], [self.end], [], 0.1)[1]:
                try:
                    left = left[self.end.send(left) :]
                except OSError:
                    raise Closed from None

    def receive(self, watch: Callable[[], None] = lambda: None) -> Any:
        size = int.from_bytes(self._read(4, watch), "big")
        if size > self.most:
            raise Nonsense(f"a frame of {size} bytes")
        try:
            return json.loads(self._read(size, watch))
        except (ValueError, RecursionError):
            raise Nonsense("a frame that is not JSON") from None

    def _read(self, size: int, watch: Callable[[], None]) -> bytes:
        read = bytearray()
        while len(read) < size:
            watch()
            if select.select([self.end], [], [], 0.1)[0]:
                try:
                    more = self.end.recv(min(size - len(read), 1 << 16))
                except OSError:
                    more = b""
                if not more:
                    raise Closed
                read += more
        return bytes(read)

    def close(self) -> None:
        self.end.close()
