"""The streamed in-batch loss: the numbers of the plain form, and never its (B, B) matrix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from nslab import _streaming, info_nce_in_batch

F64 = torch.float64
SIZE, DIM = 12, 5


@pytest.fixture(params=[1, 12 * 3, 12 * 5, 12 * 12], ids=["a row", "3 rows", "5 rows", "all rows"])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """5 rows do not divide 12, and a block holds one row at least."""
    monkeypatch.setattr(_streaming, "BLOCK", request.param)
    yield request.param


def inputs() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(5)
    query, key = torch.randn(2, SIZE, DIM, dtype=F64, generator=generator)
    log_q = torch.randn(SIZE, dtype=F64, generator=generator)
    found = {"query": query, "key": key, "temperature": torch.tensor(0.4, dtype=F64), "log_q": log_q}
    return {name: value.requires_grad_() for name, value in found.items()}


def plain(given: dict[str, Tensor], ids: list[int] | None, symmetric: bool) -> Tensor:
    """(B,): −log-softmax of the whole matrix, as one would write it."""
    scores = given["query"] @ given["key"].T / given["temperature"]
    same = torch.tensor(ids)[:, None] == torch.tensor(ids) if ids else torch.eye(SIZE, dtype=torch.bool)
    hits = same & ~torch.eye(SIZE, dtype=torch.bool)
    target = torch.arange(SIZE)

    def one_way(rows: Tensor) -> Tensor:
        corrected = (rows - given["log_q"]).masked_fill(hits, -torch.inf)
        return F.cross_entropy(corrected, target, reduction="none")

    return (one_way(scores) + one_way(scores.T)) / 2 if symmetric else one_way(scores)


def with_gradients(loss: Tensor, given: dict[str, Tensor], upstream: Tensor) -> list[Tensor]:
    return [loss.detach(), *torch.autograd.grad(loss, list(given.values()), upstream)]


@pytest.mark.parametrize("ids", [None, [3, 1, 3, 4, -9, 6, 1, 3, 8, 4, 10, 11]], ids=["no ids", "ids"])
@pytest.mark.parametrize("symmetric", [False, True], ids=["one way", "symmetric"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_loss_and_every_gradient_are_those_of_the_plain_form(block, ids, symmetric, reduction):
    given = inputs()
    loss = info_nce_in_batch(**given, ids=ids, symmetric=symmetric, reduction=reduction)
    want = plain(given, ids, symmetric)
    want = want if reduction == "none" else getattr(want, reduction)()
    upstream = torch.randn(want.shape, dtype=F64, generator=torch.Generator().manual_seed(6))
    for found, right in zip(
        with_gradients(loss, given, upstream), with_gradients(want, given, upstream), strict=True
    ):
        assert torch.allclose(found, right, rtol=1e-12, atol=1e-12)


def test_gradients_match_finite_differences(block):
    given = inputs()
    ids = torch.arange(SIZE) // 2

    def loss(query: Tensor, key: Tensor, temperature: Tensor, log_q: Tensor) -> Tensor:
        return info_nce_in_batch(query, key, temperature=temperature, log_q=log_q, ids=ids, reduction="none")

    assert torch.autograd.gradcheck(loss, list(given.values()))


@pytest.mark.parametrize("learns", ["query", "key", "temperature", "log_q"])
def test_one_may_learn_where_the_others_are_fixed(learns):
    given = inputs()
    want = dict(
        zip(given, torch.autograd.grad(info_nce_in_batch(**given), list(given.values())), strict=True)
    )
    fixed = {name: value if name == learns else value.detach() for name, value in given.items()}
    (found,) = torch.autograd.grad(info_nce_in_batch(**fixed), fixed[learns])
    assert torch.equal(found, want[learns])


def test_a_tiny_loss_keeps_its_digits_and_its_gradient(block):
    unit = torch.eye(SIZE, dtype=F64) * 2 - 1 / SIZE
    query = unit.clone().requires_grad_()
    loss = info_nce_in_batch(query, unit, temperature=0.1)
    scores = unit @ unit.T
    gap = (scores[0, 1] - scores[0, 0]) / 0.1
    want = (SIZE - 1) * gap.exp()  # below 1e-16 the logarithm of 1 + x is x
    assert 0 < want < 1e-15 and loss.item() == pytest.approx(want.item(), rel=1e-12)
    loss.backward()
    assert query.grad is not None
    right = gap.exp() * (unit[1:].sum(0) - (SIZE - 1) * unit[0]) / 0.1 / SIZE
    assert torch.allclose(query.grad[0], right, rtol=1e-11, atol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_and_autocast_compute_in_float32(block, dtype):
    half = {name: value.detach().to(dtype).requires_grad_() for name, value in inputs().items()}
    wide = {name: value.detach().float().requires_grad_() for name, value in half.items()}
    right = torch.autograd.grad(info_nce_in_batch(**wide), list(wide.values()))
    loss = info_nce_in_batch(**half)
    assert loss.dtype == dtype and loss == info_nce_in_batch(**wide).to(dtype)
    for found, want in zip(torch.autograd.grad(loss, list(half.values())), right, strict=True):
        assert found.dtype == dtype and torch.equal(found, want.to(dtype))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = torch.autograd.grad(info_nce_in_batch(**wide), list(wide.values()))
    assert all(torch.equal(found, want) for found, want in zip(cast, right, strict=True))


def test_temperature_may_have_a_dtype_of_its_own():
    given = inputs()
    single = {name: value.detach().float().requires_grad_() for name, value in given.items()}
    mixed = single | {"temperature": given["temperature"], "log_q": given["log_q"]}
    loss = info_nce_in_batch(**mixed)
    found = torch.autograd.grad(loss, list(mixed.values()))
    want = torch.autograd.grad(info_nce_in_batch(**given), list(given.values()))
    assert loss.dtype == torch.float32
    for one, name, right in zip(found, mixed, want, strict=True):
        assert one.dtype == mixed[name].dtype and torch.allclose(one.double(), right, rtol=1e-4, atol=1e-6)


def test_a_log_q_of_fewer_digits_is_not_rounded_again():
    given = {name: value.detach() for name, value in inputs().items()}
    for dtype in (torch.float32, torch.float16):
        log_q = given["log_q"].to(dtype)
        found = info_nce_in_batch(**given | {"log_q": log_q}, reduction="none")
        assert torch.equal(found, info_nce_in_batch(**given | {"log_q": log_q.double()}, reduction="none"))


def test_overflow_in_a_late_block_names_the_temperature(block):
    key = torch.eye(SIZE)
    query = torch.zeros(SIZE, SIZE)
    query[-1, 0] = 8.0
    with pytest.raises(ValueError, match=r"temperature 1e-38 overflows on scores of up to 8\.0 in float32"):
        info_nce_in_batch(query, key, temperature=1e-38)
    assert torch.isfinite(info_nce_in_batch(query, key, temperature=1e-37))
    with pytest.raises(ValueError, match=r"temperature 1e-50 overflows"):  # 0 in float32
        info_nce_in_batch(query * 0, key, temperature=1e-50)


def test_a_second_derivative_is_refused():
    given = inputs()
    with pytest.raises(RuntimeError, match="no second derivative"):
        torch.autograd.grad(info_nce_in_batch(**given), given["query"], create_graph=True)


class Largest(TorchDispatchMode):
    """Remembers how many entries the largest tensor had that any operation returned."""

    entries = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, tuple | list) else (result,):
            if isinstance(tensor, Tensor):
                self.entries = max(self.entries, tensor.numel())
        return result


def test_the_whole_matrix_is_never_made(monkeypatch):
    monkeypatch.setattr(_streaming, "BLOCK", 8 * 256)
    query, key = torch.randn(2, 256, 4, generator=torch.Generator().manual_seed(7))
    options = {"ids": torch.arange(256) // 2, "log_q": torch.rand(256).log(), "symmetric": True}
    for given in ({}, options, options | {"reduction": "none"}):
        with Largest() as seen:
            info_nce_in_batch(query.requires_grad_(), key.requires_grad_(), **given).sum().backward()
        assert seen.entries == 8 * 256
    with Largest() as seen:
        F.cross_entropy(query @ key.T, torch.arange(256)).backward()
    assert seen.entries == 256 * 256
