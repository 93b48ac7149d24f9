"""What goes between the judge and a submission.

Plain data come through as they are, and nothing else does.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import socket
from collections import Counter, namedtuple
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch

from tools.grading.notebook import Cell, Check, plan, read
from tools.grading.wire import (
    MOST_BYTES,
    MOST_DEPTH,
    Channel,
    Closed,
    Named,
    Nonsense,
    Opaque,
    decode,
    decode_argument,
    encode,
    encode_argument,
)


def through(value: Any) -> Any:
    return decode(json.loads(json.dumps(encode(value))))


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, False, 0, -3, 2**63, -(10**400), 0.1, -0.0, math.inf, 5e-324, "", "τ ≥ 0", "\x00"),
        *([], [1, [2.5, None]], (), (1, (2, "x")), {}, {"bytes": 1, ("a", 2): [3]}),
    ],
)  # fmt: skip
def test_plain_values_come_through(value: Any) -> None:
    found = through(value)
    assert found == value and type(found) is type(value)


def test_nan_comes_through() -> None:
    assert math.isnan(through(math.nan))


@pytest.mark.parametrize(
    "array",
    [
        np.array([1.5, math.nan, -math.inf]),
        np.arange(6, dtype=np.int16).reshape(2, 3),
        np.zeros((0, 3)),
        np.array(True),
        np.array([1 + 2j]),
        np.array(["easy", "hard"]),
        np.arange(8.0)[::-2],
        np.arange(6).reshape(2, 3).T,
        np.array([1.0], dtype=">f8"),
    ],
)
def test_arrays_keep_dtype_and_shape(array: np.ndarray) -> None:
    found = through(array)
    assert found.dtype == array.dtype and found.shape == array.shape
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.int32, torch.bool, torch.complex64])
def test_tensors_keep_dtype_and_shape(dtype: torch.dtype) -> None:
    for tensor in (
        torch.ones(2, 3, dtype=dtype).T,
        torch.tensor(1, dtype=dtype),
        torch.empty(0, 2, dtype=dtype),
    ):
        found = through(tensor)
        assert found.dtype == dtype and found.shape == tensor.shape and torch.equal(found, tensor)
    assert through(torch.ones(2, requires_grad=True)).tolist() == [1, 1]


def test_scalars_of_numpy_stay_scalars_of_numpy() -> None:
    for scalar in (np.float32(0.1), np.float64(0.1), np.int64(3), np.bool_(True)):
        assert through(scalar) == scalar and type(through(scalar)) is type(scalar)


def test_what_numpy_reads_as_numbers_becomes_numbers() -> None:
    class Holder:
        def __array__(self, *_: Any, **__: Any) -> np.ndarray:
            return np.array([1.0, 2.0])

    assert through(Holder()).tolist() == [1, 2]
    assert through(range(3)).tolist() == [0, 1, 2]
    assert through(Fraction(1, 4)) == 0.25 and through(Decimal("0.5")) == 0.5
    assert through(np.array([1, Fraction(1, 2)], dtype=object)).tolist() == [1, 0.5]
    assert through(Counter("aab")) == {"a": 2, "b": 1} and through(MappingProxyType({1: 2})) == {1: 2}


def test_a_named_tuple_keeps_its_names() -> None:
    found = through(namedtuple("Cost", "bytes flops")(3, 4))
    assert isinstance(found, Named) and found == (3, 4) and found._asdict() == {"bytes": 3, "flops": 4}


def test_an_iterator_is_read_to_its_end_and_comes_through_as_one() -> None:
    found = through(x / 2 for x in range(3))
    assert not isinstance(found, list) and list(found) == [0, 0.5, 1]


def test_a_subclass_becomes_what_it_is_made_of() -> None:
    class Lie(float):
        def __eq__(self, _: object) -> bool:
            return True

        __hash__ = float.__hash__

    class Word(str):
        pass

    assert type(through(Lie(2))) is float and through(Lie(2)) == 2.0
    assert type(through(Word("easy"))) is str


def test_what_is_no_plain_data_is_its_text() -> None:
    class Odd:
        def __reduce__(self) -> Any:
            raise AssertionError("pickled")

        def __repr__(self) -> str:
            raise ValueError

    for value in (lambda: 0, {1, 2}, b"ab", 1j, np.datetime64("2020"), Odd()):
        assert isinstance(through(value), Opaque)
    assert through({1}).text == "{1}" and through(Odd()).text == "a Odd"


def test_what_is_too_much_is_said_to_be() -> None:
    deep: Any = 0
    for _ in range(MOST_DEPTH + 1):
        deep = [deep]
    wide: Any = [0.5] * 10
    for _ in range(20):
        wide = [wide, wide]
    circle: list[Any] = []
    circle.append(circle)
    for value in (
        deep,
        wide,
        circle,
        itertools.count(),
        "a" * MOST_BYTES,
        np.zeros(MOST_BYTES),
        [0] * 10**6,
        1 << 10**8,
    ):
        assert "to be handed over" in through(value).text
        assert len(json.dumps(encode(value))) < 100


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else 0


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"a": 1, "b": 2},
        {"pickle": "gASVCAAAAAAAAACMBHRydWWULg=="},
        {"generator": ["PCG64", {}]},
        {"tuple": 3},
        {"dict": [[[1], 2]]},
        {"dict": [[1, 2, 3]]},
        {"int": "0x"},
        {"opaque": 3},
        {"named": [["a", "b"], [1]]},
        {"array": ["<f8", [3], "AAAA"]},
        {"array": ["<f8", [-1], ""]},
        {"array": ["<f8", [True], "AAAAAAAAAAA="]},
        {"array": ["|O", [1], "AAAAAAAAAAA="]},
        {"array": ["f8,f8", [1], "AAAAAAAAAAA="]},
        {"array": ["<f8", [0, 10**12], ""]},
        {"array": ["<f8", [0] * 65, ""]},
        {"tensor": ["float64", [2], "AAAAAAAAAAA="]},
        {"tensor": ["os", [1], "AA=="]},
        {"objects": [[3], [1, 2]]},
        nested(MOST_DEPTH + 5),
    ],
)
def test_what_encode_does_not_write_is_nonsense(data: Any) -> None:
    with pytest.raises(Nonsense):
        decode(data)


def test_a_generator_is_handed_over_as_it_stands() -> None:
    for bits in (np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64):
        rng = np.random.Generator(bits(3))
        rng.integers(10, size=5, dtype=np.int32)
        found = decode_argument(json.loads(json.dumps(encode_argument(rng))))
        assert rng.random(4).tolist() == found.random(4).tolist()
    assert decode_argument(encode_argument([1.5])) == [1.5]


def test_half_a_character_can_be_written_to_a_file() -> None:
    assert through("\ud800").encode() == b"?"


def test_frames_go_both_ways_and_end_with_the_line() -> None:
    ours, its = map(Channel, socket.socketpair())
    ours.send([1, "τ"])
    assert its.receive() == [1, "τ"]
    its.close()
    with pytest.raises(Closed):
        ours.receive()


@pytest.mark.parametrize(
    "frame", [b"\xff\xff\xff\xff", b"\x00\x00\x00\x02\xff\xfe", b"\x00\x00\x00\x02{]",
        b"\x00\x01\x86\xa0" + b"[" * 100_000]
)  # fmt: skip
def test_a_frame_that_is_none_is_nonsense(frame: bytes) -> None:
    ours, its = socket.socketpair()
    its.sendall(frame)
    with pytest.raises(Nonsense):
        Channel(ours).receive()
    its.close()


def test_waiting_ends_when_the_watch_says_so() -> None:
    ours, _its = socket.socketpair()

    def watch() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        Channel(ours).receive(watch)


CHECKS = [Check("check-a", "a", 1), Check("check-b", "b", 2)]


def test_checks_are_asked_where_their_cells_come_last() -> None:
    cells = [Cell("x"), Cell("forged", "check-a"), Cell("y", "solve"), Cell("again", "check-a"), Cell("more")]
    forged = Cell("forged", "check-a")
    assert plan(cells, CHECKS) == [Cell("x"), forged, Cell("y", "solve"), CHECKS[0], Cell("more"), CHECKS[1]]
    assert plan([*cells, Cell("", "check-b"), Cell("reward")], CHECKS)[-2:] == [Cell("more"), CHECKS[1]]
    assert plan([], CHECKS) == CHECKS


def test_a_notebook_is_read_whatever_form_its_sources_have() -> None:
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "no code"},
        {"cell_type": "code", "metadata": {"nbgrader": {"grade_id": "g"}}, "source": ["a\n", "b"]},
        {"cell_type": "code", "metadata": {}, "source": "c"},
    ]
    content = json.dumps({"nbformat": 4, "cells": cells}).encode()
    assert read(content) == [Cell("a\nb", "g"), Cell("c")]
    assert os.linesep not in read(content)[1].source
