"""Resolve pyproject.toml into requirements.lock with uv, for Linux and macOS and every supported Python."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADER = """\
# Every package that nslab[applications,test] needs, pinned; one version for all Pythons and platforms wherever one exists.
# Written by `make lock`; do not edit. pip adds the CUDA libraries that a CUDA build of torch asks for: torch pins
# them itself. Python 3.14: gensim 4.4.0 has no wheel yet and is built from source (a C compiler is needed).
"""
# What only a CUDA build of torch or only Windows would install.
LEFT_OUT = re.compile(r"(nvidia-|cuda-|triton\b|colorama\b|pywinpty\b)")
COMMAND = (
    "uv pip compile pyproject.toml --extra applications --extra test --universal --python-version 3.11 "
    "--fork-strategy fewest --no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet"
)


def main() -> None:
    resolved = subprocess.run(COMMAND.split(), cwd=ROOT, check=True, capture_output=True, text=True).stdout
    pins = [line for line in resolved.splitlines() if line and not LEFT_OUT.match(line)]
    (ROOT / "requirements.lock").write_text(HEADER + "\n".join(pins) + "\n")


if __name__ == "__main__":
    main()
