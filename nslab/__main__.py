"""The command line: `python -m nslab diagnose queries.npy keys.npy --labels labels.npy`."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from nslab import diagnose


def main(arguments: list[str] | None = None) -> int:
    """Run one command: 0 if it went well, 2 and one line on stderr if the input is refused."""
    parser = argparse.ArgumentParser(prog="python -m nslab", description="Negative Sampling Lab")
    commands = parser.add_subparsers(dest="command")
    command = commands.add_parser("diagnose", help="say what the negatives of your embeddings do")
    command.add_argument("query", help="queries, (B, d): a .npy file, or .csv with commas and no header")
    command.add_argument("key", help="keys, (M, d): key i is the positive of query i; extra keys come last")
    command.add_argument("--labels", help="one integer or string for each key: its class", metavar="FILE")
    command.add_argument(
        "--ids", help="one integer or string for each key: the item it holds", metavar="FILE"
    )
    command.add_argument("--temperature", type=float, default=0.07, help="τ (0.07)", metavar="τ")
    command.add_argument(
        "--k", type=int, help="negatives of one anchor in training (all others)", metavar="K"
    )
    command.add_argument("--json", action="store_true", help="print the numbers as JSON")
    command.add_argument("--html", help="also write the report with its pictures here", metavar="FILE")
    given = parser.parse_args(arguments)
    if given.command is None:
        parser.print_help()
        return 0
    try:
        found = diagnose(
            _read(given.query),
            _read(given.key),
            labels=given.labels and _read(given.labels, codes=True),
            ids=given.ids and _read(given.ids, codes=True),
            temperature=given.temperature,
            k=given.k,
        )
        if given.html:
            Path(given.html).write_text(found.as_html(), encoding="utf-8")
    except (OSError, TypeError, ValueError) as error:
        print("python -m nslab:", " ".join(str(error).split()), file=sys.stderr)
        return 2
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without τ still gets its report
    print(json.dumps(found.as_dict(), indent=2, allow_nan=False) if given.json else found, flush=True)
    return 0


def _read(name: str, *, codes: bool = False) -> np.ndarray:
    """The array in a file.

    A .csv holds one row of numbers per line, or of integers or strings if they are codes.
    """
    try:
        if name.endswith(".csv"):
            return _csv_codes(name) if codes else _csv(name, np.float64)
        array = np.load(name, allow_pickle=False)
    except OSError as error:
        raise ValueError(f"cannot read {name}: {error.strerror or error}") from None
    except (EOFError, ValueError) as error:
        raise ValueError(f"{name} is not an array in .npy or .csv format: {error}") from None
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{name} is not one array in .npy format, but an archive of several")
    return array


def _csv(name: str, dtype: Any, comments: str | None = "#") -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of an empty file, which `diagnose` refuses
        return np.loadtxt(name, delimiter=",", dtype=dtype, ndmin=2, comments=comments)


def _csv_codes(name: str) -> np.ndarray:
    """Integers, or strings none of which is a number.

    A fraction or nan among them is an error, not a name.
    """
    words = _csv(name, str, comments=None).ravel()
    for word in words:
        try:
            float(word)
        except ValueError:
            continue
        return words.astype(np.int64)
    return words


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:  # whoever read the output, such as head, has stopped
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
