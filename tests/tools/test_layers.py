"""Who imports whom in the package: never upwards, never in a circle, and nothing that only a clone has."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Each part of the package, from the bottom to the top, and what its modules may import besides each other.
# `public` is nslab/__init__.py with its command line; `core` is all other modules beside it.
LAYERS = {
    "core": set(),
    "datasets": {"core"},
    "diagnosis": {"core"},
    "public": {"core", "diagnosis"},
    "explain._base": {"core"},
    "explain": {"core", "explain._base"},
    "practice": {"core", "public"},
    "practice.checks": {"core", "public", "practice"},
}
# What is imported only inside functions: pictures, when one is drawn.
LATER = {part: {"explain", "explain._base"} for part in ("practice", "practice.checks")}
PUBLIC = ("nslab", "nslab.__main__")


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in sorted((ROOT / "nslab").rglob("*.py"))}


def layer(module: str) -> str:
    """The part of the package that a module belongs to: the longest name that fits."""
    if module in PUBLIC:
        return "public"
    inside = f"{module.removeprefix('nslab.')}."
    return max((name for name in LAYERS if inside.startswith(f"{name}.")), key=len, default="core")


def imports(tree: ast.AST, inside: bool = False) -> Iterator[tuple[str, bool]]:
    """What a module imports, and whether that stands inside a function; what only types need is left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            for alias in node.names:
                deeper = f"{node.module}.{alias.name}"
                yield (deeper if deeper in MODULES else node.module or ""), inside
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from imports(node, inside or function)


def imported(module: str) -> list[tuple[str, bool]]:
    return list(imports(ast.parse(MODULES[module].read_text(encoding="utf-8"))))


def upwards(module: str, found: list[tuple[str, bool]]) -> list[str]:
    """The imports of a module that its layer does not allow."""
    own = layer(module)
    allowed = LAYERS[own] | {own}
    return [
        name
        for name, inside in found
        if name.split(".")[0] in ("tools", "tests", "benchmarks")
        or (
            name.split(".")[0] == "nslab"
            and layer(name) not in (allowed | LATER.get(own, set()) if inside else allowed)
        )
    ]


@pytest.mark.parametrize("module", MODULES)
def test_no_import_leads_upwards(module: str) -> None:
    assert not upwards(module, imported(module)), f"{module} is {layer(module)}"


def test_no_imports_form_a_circle() -> None:
    graph = {
        module: {name for name, inside in imported(module) if name in MODULES and not inside} - {module}
        for module in MODULES
    }
    list(TopologicalSorter(graph).static_order())  # CycleError names the circle


def test_each_layer_has_modules_and_imports_lower_ones_alone() -> None:
    assert {layer(module) for module in MODULES} == set(LAYERS)
    below: set[str] = set()
    for name, allowed in LAYERS.items():
        assert allowed <= below
        below.add(name)


@pytest.mark.parametrize(
    ("module", "source", "refused"),
    [
        ("nslab.losses", "from nslab.explain import COLORS", ["nslab.explain"]),
        ("nslab.losses", "def f():\n    import nslab.practice", ["nslab.practice"]),
        ("nslab.explain._base.marks", "from nslab.explain.your_curve import your_curve",
         ["nslab.explain.your_curve"]),
        ("nslab.practice._check", "from nslab import explain", ["nslab.explain"]),
        ("nslab.practice._check", "def f():\n    from nslab import explain, losses", []),
        ("nslab.practice._check", "from nslab.practice.checks import _05_entropy_temperature",
         ["nslab.practice.checks._05_entropy_temperature"]),
        ("nslab.explain.your_curve", "from tools import course", ["tools"]),
        ("nslab.theory", "import torch\nfrom nslab._checks import number", []),
    ],
)  # fmt: skip
def test_an_import_that_leads_upwards_is_seen(module: str, source: str, refused: list[str]) -> None:
    assert upwards(module, list(imports(ast.parse(source)))) == refused
