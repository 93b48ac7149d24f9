"""pyproject.toml, requirements.lock, environment.yml and the running environment are one and the same set."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.course import CHAPTERS, Chapter

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]


def group(name: str) -> list[Requirement]:
    """What a dependency group asks for, with the groups that it includes."""
    found = []
    for entry in PYPROJECT["dependency-groups"][name]:
        found += [Requirement(entry)] if isinstance(entry, str) else group(entry["include-group"])
    return found


CORE = [Requirement(line) for line in PROJECT["dependencies"]]
COURSE, APPLICATIONS = (
    [Requirement(line) for line in PROJECT["optional-dependencies"][extra]]
    for extra in ("course", "applications")
)
PACKAGE = CORE + COURSE + APPLICATIONS
DIRECT = PACKAGE + group("test")


def pins(lock: str) -> list[Requirement]:
    lines = (ROOT / lock).read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


LOCK = pins("requirements.lock")
LOCKED = {canonicalize_name(pin.name): pin for pin in LOCK}
# Libraries that only a CUDA build of torch asks for; torch pins them itself.
CUDA_ONLY = ("nvidia-", "cuda-", "triton")


def applies(pin: Requirement, extra: str = "") -> bool:
    return pin.marker is None or pin.marker.evaluate({"extra": extra})


def locked(requirement: Requirement, pinned: dict[str, Requirement]) -> str:
    """The version that a lock has for what is asked for."""
    return str(pinned[canonicalize_name(requirement.name)].specifier).removeprefix("==")


def test_the_package_asks_for_torch_and_numpy_alone_and_pins_nothing() -> None:
    assert {requirement.name for requirement in CORE} == {"torch", "numpy"}
    assert all([bound.operator for bound in requirement.specifier] == [">="] for requirement in CORE)
    for requirement in [*DIRECT, *group("site"), *group("bench")]:
        assert {bound.operator for bound in requirement.specifier} <= {">="}, requirement


def test_every_declared_range_holds_the_locked_version() -> None:
    for requirement in DIRECT:
        assert locked(requirement, LOCKED) in requirement.specifier, requirement


def test_the_lock_pins_each_package_once_to_one_version() -> None:
    assert len(LOCK) == len(LOCKED)
    for pin in LOCK:
        assert str(pin.specifier).startswith("==") and "*" not in str(pin.specifier), pin
        assert pin.url is None and not pin.name.startswith(CUDA_ONLY), pin


@pytest.mark.parametrize("name", ["site", "bench"])
def test_the_locks_of_the_site_and_the_bench_only_add(name: str) -> None:
    more = {canonicalize_name(pin.name): pin for pin in pins(f"requirements-{name}.lock")}
    assert not more.keys() & LOCKED.keys()
    for requirement in group(name):
        assert locked(requirement, LOCKED | more) in requirement.specifier, requirement
    for pin in more.values():
        assert str(pin.specifier).startswith("==") and not pin.name.startswith(CUDA_ONLY), pin


def test_torch_is_the_one_version_everywhere() -> None:
    assert str(LOCKED["torch"].specifier) == "==2.13.0"
    assert metadata.version("torch").split("+")[0] == "2.13.0"


def test_conda_and_binder_install_the_lock_and_nothing_else() -> None:
    dependencies = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    python, pip, from_pip = dependencies
    assert pip == "pip"
    assert from_pip == {"pip": ["-r requirements.lock", "-e ."]}
    assert Requirement(python.replace("=", "==")).specifier.contains("3.12")
    assert all(int(PROJECT["requires-python"].removeprefix(">=3.")) <= minor for minor in (11, 12, 13))


def test_what_is_installed_is_what_is_locked() -> None:
    for pin in filter(applies, LOCK):
        installed = metadata.version(pin.name).split("+")[0]
        assert f"=={installed}" == str(pin.specifier), (
            f"{pin} is locked, {installed} is installed: make install"
        )


def test_the_lock_holds_everything_that_is_needed() -> None:
    todo = [(requirement.name, extra) for requirement in DIRECT for extra in ("", *requirement.extras)]
    seen = set()
    while todo:
        name, extra = todo.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        for needed in map(Requirement, metadata.requires(name) or []):
            canonical = canonicalize_name(needed.name)
            if canonical.startswith(CUDA_ONLY) or not (applies(needed) or applies(needed, extra)):
                continue
            assert canonical in LOCKED, f"{name} needs {needed.name}, which requirements.lock does not pin"
            todo += [(canonical, e) for e in ("", *needed.extras)]


FOLDERS = ("tests", "tools", "site", "benchmarks")
# What the tests do without has no metadata to look up; its module need not bear its name.
NOT_INSTALLED = {"info_nce": "info-nce-pytorch"}


def third_party(folder: str) -> set[str]:
    """The packages outside the standard library that the code of a folder imports."""
    modules: set[str] = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                modules.add(node.module.split(".")[0])
    ours = {"nslab", *FOLDERS}
    for ours_in in FOLDERS:
        ours |= {path.stem for path in (ROOT / ours_in).rglob("*") if path.suffix == ".py" or path.is_dir()}
    return modules - set(sys.stdlib_module_names) - ours


@cache  # it reads the records of every installed package
def homes() -> Mapping[str, list[str]]:
    """The distributions that bring each module that can be imported."""
    return metadata.packages_distributions()


@pytest.mark.parametrize(
    ("folder", "declared"),
    [
        ("nslab", PACKAGE),
        ("tests", DIRECT + group("site")),
        ("tools", DIRECT + group("site")),
        ("site", DIRECT + group("site")),
        ("benchmarks", DIRECT + group("site") + group("bench")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_imported_is_declared(folder: str, declared: list[Requirement]) -> None:
    names = {canonicalize_name(pin.name) for pin in declared}
    for module in sorted(third_party(folder)):
        packages = {
            canonicalize_name(name) for name in homes().get(module, [NOT_INSTALLED.get(module, module)])
        }
        assert packages & names, f"{folder}/ imports {module}, which pyproject.toml does not declare"


def imported_by(notebook: Path) -> set[str]:
    """The packages that the code cells of a notebook import, whatever magic stands beside it."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return set(re.findall(r"^\s*(?:from|import)\s+(\w+)", code, re.MULTILINE))


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)
def test_a_chapter_asks_for_the_applications_where_it_imports_what_they_bring(chapter: Chapter) -> None:
    extra = {canonicalize_name(pin.name) for pin in APPLICATIONS}
    imported = imported_by(ROOT / "notebooks" / f"{chapter.stem}.ipynb")
    assert "nslab" in imported
    for module in imported:
        brought = extra & {canonicalize_name(name) for name in homes().get(module, [])}
        assert chapter.extra == "applications" or not brought, module


# Written in two parts, so that this file does not hold what it forbids.
HOSTS = [f"{name}.{end}" for name, end in [
    ("pypi", "org"), ("pythonhosted", "org"), ("download.pytorch", "org"), ("npmjs", "org"),
    ("conda.anaconda", "org"),
]]  # fmt: skip


def test_no_tracked_file_names_a_registry_host() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git clone")
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file():
            content = path.read_bytes()
            assert not [host for host in HOSTS if host.encode() in content], name


IMPORT_CORE = """\
import sys
import numpy, torch
before = set(sys.modules)
import importlib
for name in {modules}:
    importlib.import_module(name)
added = {{name.split(".")[0] for name in set(sys.modules) - before}}
print(*sorted(added - set(sys.stdlib_module_names) - {{"nslab", "torch", "numpy"}}))
"""


def test_the_core_loads_nothing_beyond_torch_and_numpy() -> None:
    modules = [
        f"nslab.{path.stem}" for path in sorted((ROOT / "nslab").glob("*.py")) if path.stem != "__init__"
    ]
    script = IMPORT_CORE.format(modules=["nslab", *modules])
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
