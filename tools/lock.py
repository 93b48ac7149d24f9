"""Resolve pyproject.toml into the locks with uv, for Linux and macOS and every supported Python."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BASE = "requirements.lock"
HEADER = """\
# Every package that nslab[applications,test] needs, pinned; one version for all Pythons and platforms wherever one exists.
# Written by `make lock`; do not edit. pip adds the CUDA libraries that a CUDA build of torch asks for: torch pins
# them itself. Python 3.14: gensim 4.4.0 has no wheel yet and is built from source (a C compiler is needed).
"""
BEYOND = "# What nslab[{extra}] needs beyond requirements.lock. Written by `make lock`; do not edit.\n"
# What only a CUDA build of torch or only Windows would install.
LEFT_OUT = re.compile(r"(nvidia-|cuda-|triton\b|colorama\b|pywinpty\b)")
COMMAND = (
    "uv pip compile pyproject.toml --universal --python-version 3.11 --fork-strategy fewest --no-header --no-annotate "
    "--no-emit-index-url --no-emit-find-links --quiet"
)


def resolve(*options: str) -> list[str]:
    done = subprocess.run([*COMMAND.split(), *options], cwd=ROOT, check=True, capture_output=True, text=True)
    return [line for line in done.stdout.splitlines() if line and not LEFT_OUT.match(line)]


def main() -> None:
    base = resolve("--extra", "applications", "--extra", "test")
    (ROOT / BASE).write_text(HEADER + "\n".join(base) + "\n")
    for extra in ("site", "bench"):
        more = [pin for pin in resolve("--extra", extra, "--constraint", BASE) if pin not in base]
        (ROOT / f"requirements-{extra}.lock").write_text(BEYOND.format(extra=extra) + "\n".join(more) + "\n")


if __name__ == "__main__":
    main()
