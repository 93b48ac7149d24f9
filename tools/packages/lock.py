"""Resolve pyproject.toml into the locks with uv, for Linux and macOS and every supported Python.

    python -m tools.packages.lock [--upgrade]

A version that a lock holds stays as long as pyproject.toml allows it; `--upgrade` takes the newest of
everything.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BASE = "requirements.lock"
HEADER = """\
# Every package that the course, its applications and its tests need, pinned; one version for all Pythons \
and platforms wherever
# one exists. Written by `make lock`; do not edit. pip adds the CUDA libraries that a CUDA build of torch \
asks for: torch pins
# them itself. Python 3.14: gensim 4.4.0 has no wheel yet and is built from source (a C compiler is needed).
"""
BEYOND = "# What the group {group} needs beyond requirements.lock. Written by `make lock`; do not edit.\n"
# What only a CUDA build of torch or only Windows would install.
LEFT_OUT = re.compile(r"(nvidia-|cuda-|triton\b|colorama\b|pywinpty\b)")
# The lock is read before it is written: uv prefers the versions that it finds there.
COMMAND = (
    "uv pip compile pyproject.toml --universal --python-version 3.11 --fork-strategy fewest --no-header"
    " --no-annotate --no-emit-index-url --no-emit-find-links --quiet --output-file"
)


def resolve(lock: str, *options: str) -> list[str]:
    """What uv writes into the lock, without what is left out."""
    subprocess.run([*COMMAND.split(), lock, *options], cwd=ROOT, check=True)
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not LEFT_OUT.match(line)]


def name(pin: str) -> str:
    return pin.partition("==")[0]


def main(options: list[str]) -> None:
    base = resolve(BASE, "--extra", "course", "--extra", "applications", "--group", "test", *options)
    known = {name(pin) for pin in base}
    (ROOT / BASE).write_text(HEADER + "\n".join(base) + "\n", encoding="utf-8")
    for group in ("site", "bench"):
        lock = f"requirements-{group}.lock"
        pins = resolve(lock, "--group", group, "--constraint", BASE, *options)
        more = [pin for pin in pins if name(pin) not in known]
        (ROOT / lock).write_text(BEYOND.format(group=group) + "\n".join(more) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
