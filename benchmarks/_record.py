"""A measured row, the record that keeps a section's rows, and the table that shows them."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import torch

RECORDS = Path(__file__).with_name("records")


@dataclass(frozen=True)
class Row:
    """One comparison: what was done, the readings of ours and of a peer, and what was hoped for.

    `less` says whether less is better (seconds, bytes) or more (draws a second). With a peer the goal is a
    ratio, how many times better ours is; without one it is a bound on our own readings, in their unit.
    None: no goal. `reason` is what is known to stand in the goal's way, told where it is missed.
    """

    work: str
    unit: str
    ours: list[float]
    peer: str = ""
    theirs: list[float] | None = None
    goal: float | None = None
    less: bool = True
    note: str = ""
    reason: str = ""

    @property
    def ratio(self) -> float | None:
        if not self.theirs:
            return None
        mine, other = median(self.ours), median(self.theirs)
        return other / mine if self.less else mine / other

    @property
    def reached(self) -> bool | None:
        if self.goal is None:
            return None
        if self.ratio is not None:
            return self.ratio >= self.goal
        return median(self.ours) <= self.goal if self.less else median(self.ours) >= self.goal


def save(section: str, rows: list[Row], device: str = "cpu") -> Path:
    """Write the record of one section on one kind of device, with the day, the machine and the versions."""
    record = {
        "section": section,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(device),
        "versions": versions(),
        "rows": [asdict(row) for row in rows],
    }
    RECORDS.mkdir(exist_ok=True)
    path = RECORDS / f"{section}-{device}.json"
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def load(path: Path) -> tuple[dict[str, Any], list[Row]]:
    """What `save` wrote: the record, and its rows."""
    record = json.loads(path.read_text(encoding="utf-8"))
    return record, [Row(**row) for row in record["rows"]]


def machine(device: str = "cpu") -> str:
    """The hardware in words."""
    memory = psutil.virtual_memory().total / 2**30
    words = f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}"
    return f"{torch.cuda.get_device_name()}; host {words}" if device == "cuda" else words


def versions() -> dict[str, str]:
    """Python and every package that is timed, where it is installed."""
    names = (
        "torch",
        "numpy",
        "scipy",
        "pytorch-metric-learning",
        "sentence-transformers",
        "info-nce-pytorch",
    )
    installed = {found.name: found.version for found in metadata.distributions()}
    return {"python": platform.python_version()} | {
        name: installed[name] for name in names if name in installed
    }


def table(rows: Iterable[Row]) -> str:
    """A Markdown table: medians with the smallest and largest reading, the ratio, and the goal."""
    lines = ["| work | ours | peer | theirs | ratio | goal |", "|---|---|---|---|---|---|"]
    for row in rows:
        theirs = _reading(row.theirs, row.unit) if row.theirs else "–"
        ratio = f"{row.ratio:.3g}×" if row.ratio is not None else "–"
        work = f"{row.work} ({row.note})" if row.note else row.work
        lines.append(
            f"| {work} | {_reading(row.ours, row.unit)} | {row.peer or '–'} | {theirs} | {ratio} |"
            f" {_goal(row)} |"
        )
    return "\n".join(lines)


def measured(section: str, *wanted: str) -> str:
    """The medians in the records of one section, as plain text.

    It takes only work whose name begins with one of `wanted`.
    """
    lines = ["medians; in brackets how many times better ours is than the other"]
    for path in sorted(RECORDS.glob(f"{section}-*.json")):
        record, rows = load(path)
        lines.append(f"{record['date']}, {record['machine']}")
        lines += [_line(row) for row in rows if row.work.startswith(wanted)]
    if not (RECORDS / f"{section}-cuda.json").exists():
        lines.append("no GPU has been measured yet")
    return "\n".join(lines)


def results() -> str:
    """The whole of RESULTS.md, from the records that lie on disk."""
    parts = [HEAD]
    for path in sorted(RECORDS.glob("*.json")):
        record, rows = load(path)
        used = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
        parts.append(
            f"## {record['section']}\n\n{record['date']} · {record['machine']} · {used}\n\n{table(rows)}\n"
        )
    return "\n".join(parts)


HEAD = """\
# Measured

Written by `make bench` from `benchmarks/records/`. Ours and the peer do the same work in one \
process, by turns, and the ratio
of the medians says how many times better ours is; in brackets the smallest and the largest \
reading. A goal that was missed says so, and why where that is known. Times depend on the
machine: run it on yours.
"""


def _reading(values: list[float], unit: str) -> str:
    middle, low, high = (f"{value:.4g}" for value in (median(values), min(values), max(values)))
    return f"{middle} {unit}" if len(values) == 1 else f"{middle} ({low}–{high}) {unit}"


def _line(row: Row) -> str:
    work = f"{row.work} ({row.note})" if row.note else row.work
    if not row.theirs:
        return f"{work}: {median(row.ours):.4g} {row.unit}"
    return (
        f"{work}: {median(row.ours):.4g} {row.unit}; {row.peer} {median(row.theirs):.4g} ({row.ratio:.2g}×)"
    )


def _goal(row: Row) -> str:
    if row.goal is None:
        return "–"
    bound = f"≥ {row.goal:g}×" if row.theirs else f"{'≤' if row.less else '≥'} {row.goal:g} {row.unit}"
    if row.reached:
        return bound
    return f"{bound}, missed: {row.reason}" if row.reason else f"{bound}, missed"


def _processor() -> str:
    if platform.system() == "Darwin":
        asked = subprocess.run(["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True)
        return asked.stdout.strip()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()
