"""Finding data in installed packages, without importing them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

COURSE = ("gensim", "scikit-learn")  # the extra `course` brings these, `applications` the others


def folder(module: str, package: str) -> Path:
    """The folder of an installed package."""
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        extra = "course" if package in COURSE else "applications"
        raise ImportError(f'{package} is not installed: pip install "nslab[{extra}]"')
    return Path(spec.submodule_search_locations[0])


def file(package: str, path: str) -> Path:
    """The path of a file that comes with a package."""
    found = folder(package, package) / path
    if not found.is_file():
        raise FileNotFoundError(
            f"{found} is missing from the installed {package}: run `make install` in a clone of the"
            " repository, which installs the version that is tested"
        )
    return found


def text(package: str, path: str, encoding: str = "utf-8") -> str:
    """The text of a file that comes with a package."""
    return file(package, path).read_text(encoding=encoding)
