"""The alias method: building a table in integers, and drawing from it."""

from __future__ import annotations

import functools
import importlib.util
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

FEW = 2**15  # ids that are not worth a thread
BLOCK = 2**16  # ids drawn at once: what a block touches fits into a core's own cache
STREAM = 4 * BLOCK  # ids that one stream of random bits serves: no more threads than streams


def column_units(columns: int) -> int:
    """The mass of one column, in whole units: all columns together fit into int64."""
    return 2**62 // columns


def build_table(weights: Tensor, columns: int) -> tuple[Tensor, Tensor]:
    """keep (columns,) float64 and alias (columns,) int64 of weights (n,) float64, n <= columns.

    Columns past n are empty.

    Light columns, in order, are filled by heavy ones, in order. A heavy column that falls below the common
    level is filled by the next heavy one: it is exhausted by the first light column at which the deficits
    so far reach the excesses so far. Both are sums of whole units, exact in any order, and what a unit is
    too coarse for is summed beside them.
    """
    unit = column_units(columns)
    total = unit * columns
    q = weights / weights.max()  # no sum can overflow
    q.div_(q.sum())
    mass = q.new_zeros(columns)
    torch.mul(q, float(total), out=mass[: len(q)])
    units = mass.round().to(torch.int64)
    rest = mass - units
    missing = total - int(units.sum()) - float(rest.sum())  # q adds up to 1 but for rounding
    rest.add_(mass, alpha=missing / total)

    light, heavy = _places(units < unit), _places(units >= unit)
    if len(light) == 0 or len(heavy) == 0:  # all alike, but for rounding
        return torch.ones_like(mass), torch.arange(columns, device=q.device)
    order, h, last = torch.cat([heavy, light]), len(heavy), len(light) - 1
    part = rest.index_select(0, order).cumsum_(0)
    carry = part.round()
    part.sub_(carry)
    whole = units.sub_(unit).index_select(0, order).cumsum_(0).add_(carry.to(torch.int64))
    for sums in (whole, part):  # the excesses of the heavy columns, then the deficits of the light ones
        torch.sub(sums[h - 1], sums[h:], out=sums[h:])
    exhausted = _deficits_below(whole, h).clamp_(max=last)
    exhausted[-1] = last

    alias = torch.empty_like(order)
    alias[light] = _repeat(heavy, exhausted.diff(prepend=exhausted.new_tensor([-1])))
    alias[heavy] = heavy.roll(-1)
    left = (whole[:h] - whole[h:].index_select(0, exhausted)).add_(unit).double()
    left.add_(part[:h]).sub_(part[h:].index_select(0, exhausted))
    keep = mass.div_(unit)
    keep[heavy] = left.div_(unit).clamp_(0, 1)
    keep[heavy[-1]], alias[heavy[-1]] = 1.0, heavy[-1]
    return keep, alias


def pack(keep: Tensor, alias: Tensor) -> Tensor:
    """One int64 word for each of 2^k columns: where its own share ends, and its alias.

    The end of the share is counted in steps of 2^(k-63) and stands above k bits of alias.

    A random 63-bit word r is read alike: k low bits of column under the coin. A coin below the threshold
    keeps the column; of equal coins the smaller id would win, so the threshold is one lower where that
    would be the column.
    """
    k = (len(keep) - 1).bit_length()
    column = torch.arange(len(keep), device=keep.device)
    threshold = (keep * 2.0 ** (63 - k)).to(torch.int64).sub_((alias > column).to(torch.int64))
    return threshold.bitwise_left_shift_(k).bitwise_or_(alias).masked_fill_(keep == 1, 2**63 - 1)


def choose(random: Tensor, words: Tensor) -> Tensor:
    """The id that each random 63-bit word draws from a packed table."""
    mask = len(words) - 1
    return torch.minimum(random, words[random & mask]) & mask


def draw(words: Tensor, shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
    """Ids (*shape) int64 from a packed table, on its device, by the quickest way there is.

    Either way is one pass over random bits.
    """
    count = math.prod(shape)
    if words.device.type == "cpu" and count > FEW:
        return _draw_in_blocks(words, count, generator).view(shape)
    random = random63(shape, words.device, generator)
    return _fused()(random, words) if words.device.type == "cuda" else choose(random, words)


def random63(shape: tuple[int, ...], device: torch.device, generator: torch.Generator | None) -> Tensor:
    return torch.empty(shape, dtype=torch.int64, device=device).random_(generator=generator)


def rank_below(random: Tensor, n: Tensor) -> Tensor:
    """The high word of a 63-bit integer times n < 2^31: in [0, n).

    `random` is cut into 31 + 32 bits so that no partial product leaves int64.
    """
    return ((random >> 32) * n + ((random & 0xFFFFFFFF) * n >> 32)) >> 31


def _draw_in_blocks(words: Tensor, count: int, generator: torch.Generator | None) -> Tensor:
    """`choose` block by block, on as many threads as torch may use.

    Each stream has its own seed, so the ids do not depend on the number of threads.
    """
    key = random63((2,), words.device, generator).tolist()
    ids, table, mask = np.empty(count, dtype=np.int64), words.numpy(), len(words) - 1

    def fill(stream: int) -> None:
        bits = np.random.Generator(np.random.SFC64([*key, stream]))
        for block in np.split(ids[stream * STREAM : (stream + 1) * STREAM], range(BLOCK, STREAM, BLOCK)):
            random = bits.integers(-(2**63), 2**63, size=len(block))
            random &= 2**63 - 1
            np.bitwise_and(random, mask, out=block)
            np.minimum(random, table.take(block, mode="clip"), out=block)
            block &= mask

    streams = range(-(-count // STREAM))
    with ThreadPoolExecutor(min(len(streams), torch.get_num_threads())) as pool:
        list(pool.map(fill, streams))
    return torch.from_numpy(ids)


@functools.cache
def _fused():  # type: ignore[no-untyped-def]
    """`choose` as one kernel, where torch has the compiler for it."""
    return torch.compile(choose, dynamic=True) if importlib.util.find_spec("triton") else choose


# numpy is several times quicker than torch at these three on a CPU, where the arrays are the same memory.


def _places(mask: Tensor) -> Tensor:
    """The indices at which a mask holds."""
    if mask.device.type == "cpu":
        return torch.from_numpy(np.flatnonzero(mask.numpy()))
    return mask.nonzero().flatten()


def _deficits_below(sums: Tensor, h: int) -> Tensor:
    """For each of the first h sums, how many of the others lie below it.

    Both parts ascend, so sorting merges them.
    """
    if sums.device.type == "cpu":
        merged = np.flatnonzero(np.argsort(sums.numpy(), kind="stable") < h)
        return torch.from_numpy(merged).sub_(torch.arange(h))
    return torch.searchsorted(sums[h:], sums[:h])


def _repeat(values: Tensor, times: Tensor) -> Tensor:
    if values.device.type == "cpu":
        return torch.from_numpy(np.repeat(values.numpy(), times.numpy()))
    return values.repeat_interleave(times)
