"""python -m benchmarks [SECTION ...]: measure, write the records and RESULTS.md, print the table."""

from __future__ import annotations

import argparse
import importlib
import time

from benchmarks import _record

SECTIONS = {
    "sampling": "ids drawn a second, the table, memory",
    "losses": "the in-batch loss: seconds, bytes, gradients",
    "devices": "gather_with_grad on several processes",
    "explainers": "a slider moved in a real browser",
}
ON_REQUEST = {"chapters": "how long each chapter and the suite run: a quarter of an hour more"}


def main() -> None:
    told = "; ".join(f"{name}: {what}" for name, what in (SECTIONS | ON_REQUEST).items())
    parser = argparse.ArgumentParser(description=__doc__, epilog=told)
    parser.add_argument("sections", nargs="*", metavar="SECTION", choices=[*SECTIONS, *ON_REQUEST, []])
    for name in parser.parse_args().sections or SECTIONS:
        start = time.perf_counter()
        try:
            measured = importlib.import_module(f"benchmarks.{name}").measure()
        except FileNotFoundError as missing:
            print(f"{name}: not measured: {missing}")
            continue
        for device, rows in measured.items():
            _record.save(name, rows, device)
            print(f"\n{name} on {device}, {_record.machine(device)}\n\n{_record.table(rows)}")
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
    _record.RECORDS.with_name("RESULTS.md").write_text(_record.results(), encoding="utf-8")


if __name__ == "__main__":
    main()
