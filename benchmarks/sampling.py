"""Ids drawn a second, the time of a table and its memory, beside scipy, numpy and torch."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.stats.sampling import DiscreteAliasUrn

from benchmarks._clock import interleaved, peak_bytes, rates
from benchmarks._record import Row
from nslab import AliasTable

DRAWS = 10**7
GOALS = {10**3: 2.0, 10**6: 4.0, 10**7: 4.0}  # times scipy's rate
IN_THE_CACHE = "at 1,000 ids its binary search stays in the cache"
IN_PASSES = "a loop of compiled C there, some thirty passes over whole arrays here"


def measure() -> dict[str, list[Row]]:
    """The rows of every kind of device that this machine has."""
    rows = {"cpu": [*_draws("cpu"), *_tables(), _table_and_draws(), *_memory()]}
    if torch.cuda.is_available():
        rows["cuda"] = [_gather_limit(), *_draws("cuda"), _build_on_the_gpu(), _huge()]
    return rows


def zipf(n: int) -> np.ndarray:
    """Word-like weights: rank^-0.75."""
    return np.arange(1, n + 1, dtype=np.float64) ** -0.75


def _draws(device: str) -> list[Row]:
    rows = []
    for n, goal in GOALS.items():
        contestants = _contestants(n, device)
        seconds = interleaved({name: work for name, (work, _) in contestants.items()}, rounds=3)
        speed = {name: rates(seconds[name], count) for name, (_, count) in contestants.items()}
        goals = {"scipy DiscreteAliasUrn": goal, "torch.multinomial": 20.0 if device == "cpu" else 50.0}
        for peer in contestants.keys() - {"AliasTable"}:
            rows.append(
                Row(
                    f"draws, n = {n:,}",
                    "M/s",
                    speed["AliasTable"],
                    peer,
                    speed[peer],
                    goals.get(peer),
                    less=False,
                    reason=IN_THE_CACHE if (peer, n) == ("torch.multinomial", 10**3) else "",
                )
            )
    return sorted(rows, key=lambda row: (len(row.work), row.peer))


def _contestants(n: int, device: str) -> dict[str, tuple[Callable[[], Any], int]]:
    """What each contestant does and how many ids that draws, from the same weights.

    From the largest table it draws fewer ids where that is slow.
    """
    weights = zipf(n)
    p = torch.from_numpy(weights).to(device)
    many = DRAWS if device == "cpu" else 100 * DRAWS
    few = DRAWS if n < 10**7 and device == "cpu" else DRAWS // 10  # where a draw takes a microsecond
    table, generator = AliasTable(p), torch.Generator(device).manual_seed(0)
    found: dict[str, tuple[Callable[[], Any], int]] = {
        "AliasTable": (lambda: table.sample(many, generator), many),
    }
    if n <= 2**24:
        found["torch.multinomial"] = (lambda: torch.multinomial(p, few, True, generator=generator), few)
    if device == "cpu":
        q, chooser = weights / weights.sum(), np.random.default_rng(0)
        urn = _quiet_urn(q)
        found["scipy DiscreteAliasUrn"] = (lambda: urn.rvs(DRAWS), DRAWS)
        found["numpy Generator.choice"] = (lambda: chooser.choice(n, few, p=q), few)
    return found


def _tables() -> list[Row]:
    rows = []
    kinds = {"rank^-0.75": zipf(10**6), "uniform numbers": np.random.default_rng(0).random(10**6)}
    for kind, weights in kinds.items():
        q, tensor = weights / weights.sum(), torch.from_numpy(weights)
        seconds = interleaved({"ours": lambda t=tensor: AliasTable(t), "theirs": lambda q=q: _quiet_urn(q)})
        ours, theirs = ([1e3 * s for s in seconds[name]] for name in ("ours", "theirs"))
        note = f"{kind}; ours is exact to {_worst_error(weights):.0e}"
        peer = "scipy DiscreteAliasUrn"
        rows.append(Row("table, n = 1,000,000", "ms", ours, peer, theirs, 1.0, note=note, reason=IN_PASSES))
    return rows


def _table_and_draws() -> Row:
    """What a sampler that is used once costs: its table and ten million draws."""
    weights = zipf(10**6)
    q, p = weights / weights.sum(), torch.from_numpy(weights)
    generator = torch.Generator().manual_seed(0)
    works = {
        "ours": lambda: AliasTable(p).sample(DRAWS, generator),
        "theirs": lambda: _quiet_urn(q).rvs(DRAWS),
    }
    ours, theirs = ([1e3 * s for s in readings] for readings in interleaved(works).values())
    work = "table and 10,000,000 draws, n = 1,000,000"
    return Row(work, "ms", ours, "scipy DiscreteAliasUrn", theirs, 3.0)


def _memory() -> list[Row]:
    held = [peak_bytes(_draw_some, 10**7, prepare=_table_of) / 10**7 for _ in range(3)]
    return [Row("memory while drawing, n = 10,000,000", "bytes an id", held, goal=24.0)]


def _table_of(n: int) -> AliasTable:
    return AliasTable(torch.from_numpy(zipf(n)))


def _draw_some(table: AliasTable) -> None:
    table.sample(10**5, torch.Generator().manual_seed(0))


def _worst_error(weights: np.ndarray) -> float:
    rebuilt = AliasTable(weights).probabilities().numpy()
    return float(np.abs(rebuilt / (weights / weights.sum()) - 1).max())


def _quiet_urn(q: np.ndarray) -> DiscreteAliasUrn:
    with warnings.catch_warnings():  # it warns of its own rounding at n = 10⁶
        warnings.simplefilter("ignore", RuntimeWarning)
        return DiscreteAliasUrn(q, random_state=np.random.default_rng(0))


# --- on a GPU


def _gather_limit() -> Row:
    """How quickly one word can be fetched from a table of 2^20 words.

    This bounds any draw from memory.
    """
    table = torch.arange(2**20, device="cuda")
    places = torch.randint(2**20, (10**9,), device="cuda")
    seconds = interleaved({"gather": lambda: table.index_select(0, places)}, rounds=5)["gather"]
    return Row("gather limit, n = 2^20", "M/s", rates(seconds, 10**9), less=False)


def _build_on_the_gpu() -> Row:
    weights = torch.from_numpy(zipf(10**6))
    there = weights.cuda()
    seconds = interleaved({"ours": lambda: AliasTable(there), "theirs": lambda: AliasTable(weights)})
    return Row(
        "table, n = 1,000,000",
        "ms",
        [1e3 * s for s in seconds["ours"]],
        "the CPU",
        [1e3 * s for s in seconds["theirs"]],
    )


def _huge() -> Row:
    table = AliasTable(torch.ones(10**8, dtype=torch.float64, device="cuda"))
    generator = torch.Generator("cuda").manual_seed(0)
    seconds = interleaved({"draw": lambda: table.sample(10**8, generator)}, rounds=5)["draw"]
    return Row("draws, n = 100,000,000", "M/s", rates(seconds, 10**8), less=False)
