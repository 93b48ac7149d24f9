"""gather_with_grad on two to four real gloo processes, against one process that has all rows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from ranks import started
from torch import Tensor, nn

from nslab import gather_with_grad, info_nce_in_batch

ROWS, TAU = 4, 0.2  # rows on each rank
WORLDS = [2, 3, 4]


def batch(world: int) -> dict[str, Tensor]:
    """All rows of all ranks, the same in every process."""
    generator = torch.Generator().manual_seed(7)
    made: dict[str, Tensor] = {
        name: torch.randn(ROWS * world, 5, generator=generator, dtype=torch.float64)
        for name in ("query", "key")
    }
    made["ids"] = torch.randint(0, 5, (ROWS * world,), generator=generator)
    made["log_q"] = torch.rand(ROWS * world, generator=generator, dtype=torch.float64).log()
    return made


class Towers(nn.Module):
    """One linear encoder for each side."""

    def __init__(self, dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(8)
        self.query, self.key = (
            nn.Parameter(torch.randn(5, 3, generator=generator, dtype=torch.float64).to(dtype))
            for _ in range(2)
        )

    def forward(self, query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
        return query.to(self.query.dtype) @ self.query, key.to(self.key.dtype) @ self.key


LOSSES: dict[str, dict[str, Any]] = {
    "plain": {},
    "symmetric": {"symmetric": True},
    "ids": {"ids": True},
    "log q": {"log_q": True},
    "all": {"ids": True, "log_q": True, "symmetric": True},
}


def whole_loss(query: Tensor, key: Tensor, rows: dict[str, Tensor], options: dict[str, Any]) -> Tensor:
    given = {name: rows.get(name, value) for name, value in options.items()}
    return info_nce_in_batch(query, key, temperature=TAU, **given)


def own_rows_loss(
    query: Tensor,
    key: Tensor,
    rank: int,
    symmetric: bool,
    gather: Callable[[Tensor], Tensor] = gather_with_grad,
) -> Tensor:
    """The local rows against all gathered columns, written with torch alone."""
    target = rank * ROWS + torch.arange(ROWS)
    loss = F.cross_entropy(query @ gather(key).T / TAU, target)
    if not symmetric:
        return loss
    return (loss + F.cross_entropy(key @ gather(query).T / TAU, target)) / 2


def library_own_rows(query: Tensor, key: Tensor, rank: int) -> Tensor:
    """The same by the library: `positives` says where the local rows' keys stand among the gathered ones."""
    positives = rank * ROWS + torch.arange(ROWS)
    return info_nce_in_batch(query, gather_with_grad(key), temperature=TAU, positives=positives)


def grads(model: nn.Module) -> list[Tensor]:
    return [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]


def averaged(model: nn.Module) -> list[Tensor]:
    """Parameter gradients, averaged over ranks as DistributedDataParallel does."""
    found = grads(model)
    for grad in found:
        dist.all_reduce(grad)
    return [grad / dist.get_world_size() for grad in found]


# --- what each rank runs


def work(rank: int, world: int) -> dict[str, Any]:
    rows = batch(world)
    here = slice(rank * ROWS, (rank + 1) * ROWS)
    results: dict[str, Any] = {}

    def run(name: str, loss_of: Any, dtype: torch.dtype = torch.float64) -> None:
        model = Towers(dtype)
        loss = loss_of(*model(rows["query"][here], rows["key"][here]))
        loss.backward()
        results[name] = (loss.detach(), averaged(model))

    def gathered(options: dict[str, Any]) -> Any:
        return lambda q, k: whole_loss(gather_with_grad(q), gather_with_grad(k), rows, options)

    for name, options in LOSSES.items():
        run(name, gathered(options))
    for symmetric in (False, True):
        run(f"own rows, symmetric={symmetric}", lambda q, k, s=symmetric: own_rows_loss(q, k, rank, s))
    run("own rows, by the library", lambda q, k: library_own_rows(q, k, rank))
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        run(str(dtype), gathered({}), dtype)

    if world == 2:  # its import alone takes seconds in each process
        replica = nn.parallel.DistributedDataParallel(Towers())
        query, key = replica(rows["query"][here], rows["key"][here])
        whole_loss(gather_with_grad(query), gather_with_grad(key), rows, {}).backward()
        results["DDP"] = grads(replica)

    def plain_gather(x: Tensor) -> Tensor:
        """torch's own all_gather passes no gradient back; the local rows are put back in, as is common."""
        parts = [torch.empty_like(x) for _ in range(world)]
        dist.all_gather(parts, x.detach())
        return torch.cat([x if r == rank else part for r, part in enumerate(parts)])

    run("whole, plain gather", lambda q, k: whole_loss(plain_gather(q), plain_gather(k), rows, {}))
    run("own rows, plain gather", lambda q, k: own_rows_loss(q, k, rank, False, plain_gather))

    # Each rank weighs the rows in its own way: the gradient of row i is the sum of all ranks' weights for it.
    x = torch.arange(6.0, dtype=torch.float64).view(3, 2).T.requires_grad_()  # (2, 3), not contiguous
    out = gather_with_grad(x + 10 * rank)
    weights = torch.arange(out.numel(), dtype=torch.float64).view_as(out) ** (rank + 1)
    (out * weights).sum().backward()
    results["rows"] = (out.detach(), x.grad)

    vector = torch.full((2,), rank + 1.0, requires_grad=True)
    gather_with_grad(vector).square().sum().backward()
    results["vector"] = vector.grad
    results["refused"] = {name: refused(rank, world, name) for name in BAD}
    results["after"] = gather_with_grad(torch.tensor([float(rank)])).tolist()
    return results


# One rank (the last, but for "integers" and "empty") brings what does not fit.
BAD: dict[str, tuple[type[Exception], str]] = {
    "uneven": (ValueError, r"x must be alike on all ranks, got rank 0 \(4, 3\) .*rank {last} \(5, 3\)"),
    "columns": (ValueError, r"rank 0 \(4, 3\) .*rank {last} \(4, 2\)"),
    "axes": (ValueError, r"rank 0 \(4, 3\) .*rank {last} \(4, 3, 1\)"),
    "dtype": (ValueError, r"rank 0 .*torch.float32.*rank {last} .*torch.float64"),
    "gradient": (ValueError, r"rank 0 .*with gradient.*rank {last} .*without gradient"),
    "integers": (TypeError, r"on rank 0: x must be a floating-point tensor.*torch.int64"),
    "list": (TypeError, r"on rank {last}: x must be a floating-point tensor.*\[1.0, 2.0\]"),
    "long list": (TypeError, r"on rank {last}: x must be a floating-point tensor.*\[0, 1, 2"),
    "nan": (ValueError, r"on rank {last}: x must be finite, got nan at index \[1, 2\]"),
    "empty": (ValueError, r"on rank 0: x must not be empty, got shape \(0, 3\)"),
    "scalar": (ValueError, r"on rank {last}: x must have rows, got the scalar 2.0"),
}


def refused(rank: int, world: int, name: str) -> tuple[str, str]:
    good = torch.zeros(4, 3, requires_grad=True)
    odd = torch.zeros(4, 3)
    odd[1, 2] = torch.nan
    bad = {
        "uneven": torch.zeros(5, 3, requires_grad=True),
        "columns": torch.zeros(4, 2, requires_grad=True),
        "axes": torch.zeros(4, 3, 1, requires_grad=True),
        "dtype": torch.zeros(4, 3, dtype=torch.float64, requires_grad=True),
        "gradient": torch.zeros(4, 3),
        "integers": torch.zeros(4, 3, dtype=torch.int64),
        "list": [1.0, 2.0],
        "long list": list(range(1000)),
        "nan": odd,
        "empty": torch.zeros(0, 3),
        "scalar": torch.tensor(2.0),
    }[name]
    culprit = 0 if name in ("integers", "empty") else world - 1
    try:
        gather_with_grad(bad if rank == culprit else good)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        return type(error).__name__, str(error)
    return "accepted", ""


def save(rank: int, world: int, folder: Path) -> None:
    store = dist.FileStore(str(folder / f"store {world}"), world)
    limit = timedelta(seconds=30)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=world, timeout=limit)
    torch.save(work(rank, world), folder / f"{rank} of {world}.pt")
    dist.destroy_process_group()


def main(folder: Path) -> None:
    for world in WORLDS:
        ranks = started(save, world, folder)
        for process in ranks:
            process.join()
        assert [process.exitcode for process in ranks] == [0] * world


# --- what pytest runs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where every rank of every world has left what it found."""
    folder = tmp_path_factory.mktemp("ranks")
    command = [sys.executable, "-W", "error::FutureWarning", __file__, str(folder)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    ran = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, timeout=90)
    assert ran.returncode == 0, ran.stderr
    return folder


@pytest.fixture(scope="module", params=WORLDS, ids=lambda world: f"{world} processes")
def ranks(request: pytest.FixtureRequest, folder: Path) -> list[dict[str, Any]]:
    """What every rank found."""
    return [torch.load(folder / f"{rank} of {request.param}.pt") for rank in range(request.param)]


def one_process(world: int, options: dict[str, Any]) -> tuple[Tensor, list[Tensor]]:
    rows, model = batch(world), Towers()
    loss = whole_loss(*model(rows["query"], rows["key"]), rows, options)
    loss.backward()
    return loss.detach(), grads(model)


def close(found: list[Tensor], expected: list[Tensor], tolerance: float) -> bool:
    return all(
        torch.allclose(a.double(), b, rtol=0, atol=tolerance * float(b.abs().max()))
        for a, b in zip(found, expected, strict=True)
    )


@pytest.mark.parametrize("name", LOSSES)
def test_the_whole_loss_and_its_gradient_are_those_of_one_process(ranks: list[Any], name: str) -> None:
    loss, expected = one_process(len(ranks), LOSSES[name])
    for result in ranks:
        assert result[name][0].item() == pytest.approx(loss.item(), rel=1e-13)
        assert close(result[name][1], expected, 1e-12)


@pytest.mark.parametrize(
    ("way", "symmetric"), [("symmetric=False", False), ("symmetric=True", True), ("by the library", False)]
)
def test_own_rows_against_all_columns_average_to_the_same(
    ranks: list[Any], way: str, symmetric: bool
) -> None:
    loss, expected = one_process(len(ranks), {"symmetric": symmetric})
    found = [result[f"own rows, {way}"] for result in ranks]
    assert sum(loss.item() for loss, _ in found) / len(ranks) == pytest.approx(loss.item(), rel=1e-13)
    assert all(close(grad, expected, 1e-12) for _, grad in found)


@pytest.mark.parametrize("ranks", [2], indirect=True)
def test_distributed_data_parallel_does_the_averaging(ranks: list[Any]) -> None:
    _, expected = one_process(len(ranks), {})
    assert all(close(result["DDP"], expected, 1e-12) for result in ranks)


def test_plain_gather_of_the_whole_loss_scales_the_gradient_down(ranks: list[Any]) -> None:
    _, expected = one_process(len(ranks), {})
    for result in ranks:
        assert close([grad * len(ranks) for grad in result["whole, plain gather"][1]], expected, 1e-12)


def test_plain_gather_of_own_rows_gives_the_keys_a_wrong_gradient(ranks: list[Any]) -> None:
    loss, (query, key) = one_process(len(ranks), {})
    found = [result["own rows, plain gather"] for result in ranks]
    assert sum(loss.item() for loss, _ in found) / len(ranks) == pytest.approx(loss.item(), rel=1e-13)
    for _, grad in found:
        assert close([grad[0]], [query], 1e-12)
        assert float((grad[1] - key).norm() / key.norm()) > 0.2


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float16, 0.01), (torch.bfloat16, 0.1)]
)
def test_other_floats_keep_their_dtype(ranks: list[Any], dtype: torch.dtype, tolerance: float) -> None:
    _, expected = one_process(len(ranks), {})
    for result in ranks:
        loss, found = result[str(dtype)]
        assert {loss.dtype, *(grad.dtype for grad in found)} == {dtype}
        assert close(found, expected, tolerance)


def test_rows_come_in_rank_order_and_gradients_are_summed(ranks: list[Any]) -> None:
    world = len(ranks)
    rows = torch.tensor([[0.0, 2, 4], [1, 3, 5]], dtype=torch.float64)
    everything = torch.cat([rows + 10 * rank for rank in range(world)])
    weights = torch.arange(6 * world, dtype=torch.float64).view(-1, 3)
    summed = sum((weights ** (rank + 1) for rank in range(world)), torch.zeros_like(weights))
    for rank, result in enumerate(ranks):
        out, grad = result["rows"]
        assert torch.equal(out, everything)
        assert torch.equal(grad, summed[2 * rank : 2 * rank + 2])


def test_vectors_are_gathered_too(ranks: list[Any]) -> None:
    for rank, result in enumerate(ranks):
        assert result["vector"].tolist() == [2 * (rank + 1) * len(ranks)] * 2


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_fit_is_refused_on_every_rank(ranks: list[Any], name: str) -> None:
    error, pattern = BAD[name]
    answers = {result["refused"][name] for result in ranks}
    assert len(answers) == 1, "all ranks say the same"
    kind, message = answers.pop()
    assert kind == error.__name__
    assert re.search(pattern.replace("{last}", str(len(ranks) - 1)), message), message


def test_a_refusal_leaves_the_group_usable(ranks: list[Any]) -> None:
    assert [result["after"] for result in ranks] == [[float(rank) for rank in range(len(ranks))]] * len(ranks)


def test_without_a_group_there_is_no_quiet_fallback() -> None:
    with pytest.raises(RuntimeError, match="init_process_group"):
        gather_with_grad(torch.zeros(2, 3))


def test_a_world_of_one_passes_rows_and_gradient_through() -> None:
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64, requires_grad=True)
        out = gather_with_grad(x)
        (out**3).sum().backward()
        assert torch.equal(out, x)
        assert torch.equal(x.grad, 3 * x.detach() ** 2)  # type: ignore[arg-type]
        with pytest.raises(RuntimeError, match="once_differentiable"):
            (grad,) = torch.autograd.grad((gather_with_grad(x) ** 3).sum(), x, create_graph=True)
            grad.sum().backward()
    finally:
        dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
