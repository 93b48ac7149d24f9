"""The direct dependencies without their pins, one a line: what a new install without the lock would bring."""

import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).resolve().parent.parent / "pyproject.toml").read_text())["project"]


def unpinned() -> list[str]:
    extras = PROJECT["optional-dependencies"]
    return [pin.split("==")[0] for pin in PROJECT["dependencies"] + extras["applications"] + extras["test"]]


if __name__ == "__main__":
    print("\n".join(unpinned()))
