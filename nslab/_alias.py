"""The alias method in integers: building the table, and one draw from one product."""

from __future__ import annotations

import torch
from torch import Tensor

COIN = 2**62


def build_table(q: Tensor, unit: int) -> tuple[Tensor, Tensor]:
    """keep (n,) float64 and alias (n,) int64 of a table whose columns hold `unit` units of mass each.

    Masses are integers, so prefix sums are exact in any order. Light columns, in order, are filled by heavy
    ones, in order. A heavy column that falls below one unit is filled by the next heavy one: it is
    exhausted by the first light column at which the deficits so far reach the excesses so far.
    """
    mass = whole_masses(q, unit)
    keep, alias = mass.double() / unit, torch.arange(len(q), device=q.device)
    light, heavy = (mass < unit).nonzero().flatten(), (mass > unit).nonzero().flatten()
    deficit = torch.nn.functional.pad((unit - mass[light]).cumsum(0), (1, 0))
    excess = (mass[heavy] - unit).cumsum(0)
    alias[light] = heavy[torch.searchsorted(excess, deficit[:-1], right=True)]
    exhausted = torch.searchsorted(deficit, excess)
    keep[heavy] = (unit + excess - deficit[exhausted]).double() / unit
    alias[heavy[:-1]] = heavy[1:]
    # Half a unit is a large part of a very light column; its true share is exact and moves its donor by no more
    # than the same half unit, which is a small part of a donor that gave at least unit / 2 for it.
    return torch.where(mass < unit // 2, q * len(q), keep), alias


def whole_masses(q: Tensor, unit: int) -> Tensor:
    """Integers near q · n · unit that add up to n · unit; what rounding left over is spread in proportion."""
    total = len(q) * unit
    mass = (q * float(total)).round().to(torch.int64)
    missing = total - int(mass.sum())
    so_far = mass.cumsum(0).double() / mass.sum()
    return mass + (so_far * missing).floor().diff(prepend=so_far.new_zeros(1)).to(torch.int64)


def column_and_coin(random: Tensor, n: int | Tensor) -> tuple[Tensor, Tensor]:
    """The product of a 63-bit integer and n < 2^31: its bits from 63 up, in [0, n), and the 62 bits below them.

    `random` is cut into 31 + 32 bits so that no partial product leaves int64.
    """
    low = (random & 0xFFFFFFFF) * n
    high = (random >> 32) * n + (low >> 32)
    return high >> 31, ((high & 0x7FFFFFFF) << 31) | ((low & 0xFFFFFFFF) >> 1)
