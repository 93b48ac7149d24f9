"""Look the locks up among the known vulnerabilities: `python tools/packages/vulnerabilities.py`.

It needs pip-audit and the network. What is found fails, unless vulnerability_exceptions.toml, beside this
file, excepts it, with a reason and until a day; an exception whose day has passed, or that excepts nothing
any more, fails as well, and so does a package that could not be looked up.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-site.lock", "requirements-bench.lock")
EXCEPTIONS = Path(__file__).with_name("vulnerability_exceptions.toml")
COMMAND = ["pip-audit", "--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json"]


def problems(packages: list[dict[str, Any]], exceptions: list[dict[str, Any]], today: date) -> list[str]:
    """What must be looked at, one line each; `packages` as pip-audit reports them."""
    found = {
        (package["name"], vulnerability["id"]): vulnerability["fix_versions"]
        for package in packages
        for vulnerability in package.get("vulns", [])
    }
    excepted = {(entry["package"], entry["id"]): entry for entry in exceptions}
    return [
        *(f"{p['name']}: not looked up: {p['skip_reason']}" for p in packages if "skip_reason" in p),
        *(
            f"{name}: {vulnerability}, mended in {', '.join(mended) or 'no version yet'}"
            for (name, vulnerability), mended in found.items()
            if (name, vulnerability) not in excepted
        ),
        *(
            f"{name}: the exception for {vulnerability} ended on {entry['until']}: {entry['reason']}"
            for (name, vulnerability), entry in excepted.items()
            if entry["until"] < today
        ),
        *(
            f"{name}: {vulnerability} is excepted, and not there"
            for name, vulnerability in excepted.keys() - found
        ),
    ]


def main() -> int:
    locks = [word for lock in LOCKS for word in ("--requirement", lock)]
    reported = subprocess.run(
        [*COMMAND, *locks], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )  # 1 if it found something
    packages = json.loads(reported.stdout)["dependencies"]
    exceptions = tomllib.loads(EXCEPTIONS.read_text(encoding="utf-8")).get("exception", [])
    lines = problems(packages, exceptions, datetime.now(UTC).date())
    print("\n".join(lines) or f"{len(packages)} packages, {len(exceptions)} exceptions: nothing to do")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
