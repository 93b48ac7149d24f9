"""The in-batch loss beside the plain form and its peers: seconds, bytes, and how right the gradient is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks import _peer_losses as peers
from benchmarks._clock import interleaved, peak_bytes
from benchmarks._pairs import Loss, items, one_step, ours, pairs, plain, step, torch_streaming
from benchmarks._record import Row

LARGE, MEDIUM, SMALL = 16_384, 4_096, 256
TEMPERATURE = 0.07
PLAIN: dict[str, Loss] = {"cross_entropy(q @ k.T / τ)": plain}
STREAMING: dict[str, Loss] = {"torch linear_cross_entropy": torch_streaming}
MANAGED: dict[str, Loss] = {
    "info-nce-pytorch": peers.info_nce_pytorch,
    "pytorch-metric-learning SupConLoss": peers.metric_learning_sup_con,
    "sentence-transformers MultipleNegativesRankingLoss": peers.sentence_transformers,
}
CACHED: dict[str, Loss] = {"sentence-transformers Cached…RankingLoss": peers.sentence_transformers_cached}
CUBIC: dict[str, Loss] = {"pytorch-metric-learning NTXentLoss": peers.metric_learning_nt_xent}
NORMALISE = {
    *MANAGED.values(),
    *CACHED.values(),
    *CUBIC.values(),
}  # do so again with the unit vectors they get
GOALS: dict[Loss, dict[str, float]] = {plain: {"s": 1, "MB": 8}, torch_streaming: {"s": 1, "MB": 1}}
PRECISIONS = [(torch.float32, 0.01), (torch.float32, 0.005), (torch.float16, 0.01), (torch.bfloat16, 0.01)]


def measure() -> dict[str, list[Row]]:
    """Rows for the CPU, and for a GPU where there is one."""
    return {device: _rows(device) for device in ("cpu", *(["cuda"] if torch.cuda.is_available() else []))}


def _rows(device: str) -> list[Row]:
    return [
        *_contest(PLAIN | STREAMING, LARGE, device, rounds=5),
        *_contest(PLAIN, LARGE, device, rounds=2, masked=True),
        *_contest(MANAGED | CACHED, MEDIUM, device, rounds=3),
        *_contest(CUBIC, SMALL, device, rounds=3),
        *(row for dtype, tau in PRECISIONS for row in _gradients(dtype, tau, device)),
        *_tiny(device),
    ]


def _contest(
    others: dict[str, Loss], size: int, device: str, *, rounds: int, masked: bool = False
) -> list[Row]:
    """Seconds and peak bytes of forward and backward."""
    query, key = pairs(size, device=device)
    given = items(size, device) if masked else {}
    all_losses = {"ours": ours, **others}
    works = {name: partial(step, loss, query, key, TEMPERATURE, **given) for name, loss in all_losses.items()}
    seconds = interleaved(works, rounds)
    megabytes = {name: [_peak(loss, size, masked, device) / 1e6] for name, loss in all_losses.items()}
    work = f"forward + backward, B = {size:,}, d = {query.shape[1]}" + ", ids and log q" * masked
    return [
        Row(work, unit, found["ours"], name, found[name], GOALS.get(others[name], {}).get(unit))
        for name in others
        for unit, found in (("s", seconds), ("MB", megabytes))
    ]


def _peak(loss: Loss, size: int, masked: bool, device: str) -> int:
    if device == "cpu":
        return peak_bytes(one_step, loss, size, TEMPERATURE, masked)
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    one_step(loss, size, TEMPERATURE, masked, device)
    return torch.cuda.max_memory_allocated() - before


@dataclass(frozen=True)
class Rightness:
    """How far a gradient is from the exact one.

    It gives the median row, the whole, and the share of rows lost to 0 or NaN.
    """

    row: float
    whole: float
    lost: float


def _gradients(dtype: torch.dtype, temperature: float, device: str) -> list[Row]:
    """Rows that compare the errors of gradients; the notes give that of the whole gradient.

    A tiny row is easily lost and matters little to one step.
    """
    others = PLAIN | STREAMING | MANAGED | CUBIC
    mine = rightness(ours, dtype, temperature, device)
    work = f"gradient, {str(dtype).removeprefix('torch.')}, τ = {temperature:g}, B = {SMALL}, the median row"
    rows = []
    for name, loss in others.items():
        other = rightness(loss, dtype, temperature, device)
        note = (
            f"the whole: {mine.whole:.1g}, theirs {other.whole:.1g}; "
            f"rows that are 0 or NaN by mistake: {mine.lost:.0%}, theirs {other.lost:.0%}"
        )
        rows.append(Row(work, "relative error", [mine.row], name, [other.row], note=note))
    return rows


def rightness(loss: Loss, dtype: torch.dtype, temperature: float, device: str = "cpu") -> Rightness:
    """Of the query's gradient, over the rows whose exact one does not underflow in `dtype`."""
    query, key = pairs(SMALL, dtype, device)
    result = loss(query, key, temperature)
    result.backward(torch.full_like(result, SMALL))  # the sum over rows, as a scaled half-precision loss
    assert query.grad is not None
    want = exact_gradient(query, key, temperature, normalised=loss in NORMALISE)
    told = want.abs().amax(-1) >= torch.finfo(dtype).tiny
    got, want = query.grad.double()[told], want[told]
    off = (got - want).nan_to_num(math.inf, math.inf, math.inf)
    lost = ~got.isfinite().all(-1) | got.eq(0).all(-1)
    return Rightness(
        row=(off.norm(dim=-1) / want.norm(dim=-1)).median().item(),
        whole=(off.norm() / want.norm()).item(),
        lost=lost.double().mean().item(),
    )


def exact_gradient(query: Tensor, key: Tensor, temperature: float, *, normalised: bool) -> Tensor:
    """The exact gradient of the summed loss for query, in float64.

    What the positive gets is the sum over negatives, not 1 − p.
    """
    query, key = query.detach().double().requires_grad_(), key.detach().double()
    unit, key = (F.normalize(query, dim=-1), F.normalize(key, dim=-1)) if normalised else (query, key)
    logits = unit @ key.T / temperature
    forces = logits.detach().softmax(-1).fill_diagonal_(0)
    forces = forces - forces.sum(-1).diag_embed()
    return torch.autograd.grad(logits, query, forces)[0]


def _tiny(device: str) -> list[Row]:
    """Two pairs at cosine 1, negatives at −1, τ = 0.05: the loss is ln(1 + e^−40)."""
    query = torch.tensor([[1.0], [-1.0]], dtype=torch.float64, device=device)
    want = math.log1p(math.exp(-2 / 0.05))

    def error(loss: Loss) -> float:
        off = abs(loss(query, query.clone(), 0.05).item() - want) / want
        return max(off, torch.finfo(torch.float64).eps / 2)  # a ratio needs more than 0

    others = PLAIN | STREAMING | MANAGED | CUBIC
    mine = [error(ours)]
    return [
        Row(f"value of a loss of {want:.3g}, float64", "relative error", mine, name, [error(loss)])
        for name, loss in others.items()
    ]
