"""Finding data in installed packages, without importing them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def folder(module: str, name: str) -> Path:
    """The folder of an installed package."""
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"{name} is not installed: run `make install`, which installs the pinned version")
    return Path(spec.submodule_search_locations[0])


def text(package: str, path: str, encoding: str = "utf-8") -> str:
    """The text of a file that comes with a package."""
    file = folder(package, package) / path
    if not file.is_file():
        raise FileNotFoundError(
            f"{file} is missing from the installed {package}: run `make install`, which installs the pinned version"
        )
    return file.read_text(encoding=encoding)
