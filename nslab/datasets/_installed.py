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


def text(package: str, path: str, encoding: str = "utf-8") -> str:
    """The text of a file that comes with a package."""
    file = folder(package, package) / path
    if not file.is_file():
        raise FileNotFoundError(
            f"{file} is missing from the installed {package}: run `make install` in a clone of the repository, "
            "which installs the version that is tested"
        )
    return file.read_text(encoding=encoding)
