"""What `pip install nslab` brings: the sdist and the wheel are built and used here.

Only torch and numpy are installed beside them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from email.parser import Parser
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from nslab import __version__

ROOT = Path(__file__).resolve().parents[2]
PACKAGED = {".py", ".js", ".css"}
NOT_SOURCE = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "graded")


def call_backend(source: Path, hook: str, out: Path) -> Path:
    """What `python -m build --no-isolation` does, without its progress: one hook of the build backend."""
    code = f"import sys; from setuptools import build_meta; print('\\n' + build_meta.{hook}(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(out)], cwd=source, capture_output=True, text=True, check=True
    )
    return out / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist, unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    source = shutil.copytree(ROOT, folder / "clone", ignore=NOT_SOURCE)
    shutil.unpack_archive(call_backend(source, "build_sdist", folder), folder / "unpacked", "gztar")
    (unpacked,) = (folder / "unpacked").iterdir()
    return unpacked


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that the sdist gives, unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.unpack_archive(call_backend(sdist, "build_wheel", folder), folder / "unpacked", "zip")
    return folder / "unpacked"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with torch, numpy and what they need: an environment in which nothing else can be imported."""
    folder = tmp_path_factory.mktemp("bare")
    todo, seen = ["torch", "numpy"], set()
    while todo:
        name = todo.pop()
        try:
            files = metadata.files(name) or []
        except metadata.PackageNotFoundError:
            continue  # asked for on other platforms
        seen.add(name)
        for place in {file.parts[0] for file in files} - {".."}:
            link = folder / place
            if not link.exists():
                link.symlink_to(Path(str(metadata.distribution(name).locate_file(place))))
        needed = map(Requirement, metadata.requires(name) or [])
        todo += [
            one.name
            for one in needed
            if one.name not in seen and (one.marker is None or one.marker.evaluate({"extra": ""}))
        ]
    return folder


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def packaged() -> set[str]:
    return {f"nslab/{name}" for name in files(ROOT / "nslab") if Path(name).suffix in PACKAGED}


def test_the_sdist_holds_what_building_needs(sdist: Path) -> None:
    assert {"pyproject.toml", "README.md", "LICENSE"} | packaged() <= files(sdist)


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    found = files(wheel)
    info = {name for name in found if name.partition("/")[0].endswith(".dist-info")}
    assert found - info == packaged()
    assert any(name.endswith("/licenses/LICENSE") for name in info)


def test_the_wheel_asks_for_torch_and_numpy_alone(wheel: Path) -> None:
    (path,) = wheel.glob("*.dist-info/METADATA")
    said = Parser().parsestr(path.read_text(encoding="utf-8"))
    needed = map(Requirement, said.get_all("Requires-Dist", []))
    assert {one.name for one in needed if one.marker is None} == {"torch", "numpy"}
    assert said.get_all("Provides-Extra") == ["course", "applications"]
    assert said["Version"] == __version__


def run(code: str, wheel: Path, bare: Path, tmp_path: Path, given: str = "") -> str:
    """Run code on the wheel in the bare environment: `-S` leaves out whatever else is installed."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        input=given,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (wheel, bare)))},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert not done.returncode, done.stderr
    return done.stdout


IMPORTS = """\
import importlib, sys
for name in sys.stdin.read().split():
    importlib.import_module(name)
import nslab
print(nslab.__file__)
"""


def test_every_module_but_the_widgets_needs_torch_and_numpy_alone(
    wheel: Path, bare: Path, tmp_path: Path
) -> None:
    elsewhere = ("nslab.explain", "nslab.practice._predict")
    names = [
        name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for name in packaged()
        if name.endswith(".py")
    ]
    wanted = [name for name in names if not name.startswith(elsewhere)]
    assert len(wanted) > 30
    assert run(IMPORTS, wheel, bare, tmp_path, "\n".join(wanted)).strip() == str(wheel / "nslab/__init__.py")


REFUSED = """\
from nslab import datasets, practice
import importlib
for ask in (
    lambda: importlib.import_module("nslab.explain"), lambda: practice.predict, datasets.digits, datasets.lee,
    lambda: datasets.word_similarity("simlex999"), lambda: datasets.knowledge_graph("umls"),
    datasets.binding_sites, datasets.substitution_matrix, lambda: datasets.words("en", 1),
):
    try:
        print("no error:", ask())
    except ImportError as error:
        print(error)
"""


def test_what_needs_more_says_which_extra(wheel: Path, bare: Path, tmp_path: Path) -> None:
    said = run(REFUSED, wheel, bare, tmp_path).splitlines()
    extras = [*["course"] * 5, *["applications"] * 4]
    for line, extra in zip(said, extras, strict=True):
        assert line.endswith(f'pip install "nslab[{extra}]"'), line


CHECKS = """\
import json, sys
from nslab import practice
from nslab.practice._exercise import load

for number, code in json.load(sys.stdin).items():
    names = {}
    exec(code, names)
    for question in load(number).questions:
        assert practice.check(number, names[question.name]).status == "passed", (number, question.name)
    assert practice.passed(number) and practice.hint(number)
    print("passed:", number)

def categorise(d_ap, d_an, m):
    return [0 for _ in d_an]

print(practice.check("02", categorise))
"""


def solution(path: Path) -> str:
    """The first code cell of a solution notebook, which imports, and those with a solution."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    first, *others = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return "\n".join([first, *(code for code in others if "### BEGIN SOLUTION" in code)])


def test_all_exercises_are_checked_and_a_card_says_what_would_draw_its_picture(
    wheel: Path, bare: Path, tmp_path: Path
) -> None:
    codes = {path.name[:2]: solution(path) for path in sorted((ROOT / "solutions").glob("*.ipynb"))}
    said = run(CHECKS, wheel, bare, tmp_path, json.dumps(codes)).splitlines()
    assert said[: len(codes)] == [f"passed: {number}" for number in codes]
    (card,) = [line for line in said if "matplotlib" in line]
    assert 'pip install "nslab[course]"' in card
