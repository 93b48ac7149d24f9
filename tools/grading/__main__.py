"""Grade a folder of submissions: `python -m tools.grading SUBMISSIONS [--out graded]`.

SUBMISSIONS holds one folder a student, and in it notebooks whose names begin with the number of an
exercise. Each notebook runs in a process of its own, within limits, and in bubblewrap where that works; a
judge in another process asks it for values. Whatever it does, the others are graded all the same. A second
run takes up where the first ended and grades only what changed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from tools.grading.answers import Limits, adopt, box_works
from tools.grading.book import Run, grade_all
from tools.grading.submissions import unrecognised

UNPROTECTED = (
    "Not protected, as {}: a submission runs with your rights. It can change your files, this course and"
    " other results, use the network, see the seed, and end this run (start it again: it goes on where it"
    " was)."
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.grading",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("submissions", type=Path)
    parser.add_argument("--out", type=Path, default=Path("graded"))
    parser.add_argument("--seed", type=int, default=1, help="of the checks that learners do not see")
    parser.add_argument(
        "--cell-seconds", type=int, default=Limits.cell_seconds, help="of computing, for one cell"
    )
    parser.add_argument("--seconds", type=int, default=Limits.seconds, help="of computing, for one notebook")
    parser.add_argument("--gigabytes", type=float, default=Limits.gigabytes, help="of memory (Linux only)")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--no-box", action="store_true", help="do without bubblewrap even where it works")
    options = parser.parse_args(arguments)
    if not options.submissions.is_dir():
        parser.error(f"submissions must be a folder of folders, got {str(options.submissions)!r}")
    least = {"seed": 0, "cell_seconds": 1, "seconds": 1, "gigabytes": 0.5, "jobs": 1}
    for name, value in least.items():
        if not (got := getattr(options, name)) >= value:
            parser.error(f"--{name.replace('_', '-')} must be at least {value}, got {got}")
    if missing := "it was not asked for" if options.no_box else box_works():
        print(UNPROTECTED.format(missing), flush=True)
    limits = Limits(options.cell_seconds, options.seconds, options.gigabytes)
    start = time.monotonic()
    adopt()
    rows = grade_all(options.submissions, Run(options.out, limits, options.seed, not missing), options.jobs)
    for name in unrecognised(options.submissions):
        print(f"not graded: {name} (wanted: one folder a student, notebooks named NN_….ipynb, no links)")
    print(f"{len(rows)} rows in {options.out / 'gradebook.csv'}, {time.monotonic() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
