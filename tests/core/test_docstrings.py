"""Every public function explains its arguments, result and source, with an example that runs."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest

import nslab
from nslab import datasets, practice

PUBLIC = {
    f"{module.__name__.removeprefix('nslab.')}.{name}": getattr(module, name)
    for module in (nslab, datasets, practice)
    for name in module.__all__
}
METHODS = {
    f"{name}.{method}": member
    for name, value in PUBLIC.items()
    if inspect.isclass(value) and value.__module__.startswith("nslab") and name != "practice.Prediction"
    for method, member in vars(value).items()
    if inspect.isfunction(member) and not method.startswith("_")
}
FUNCTIONS = {name: value for name, value in PUBLIC.items() if inspect.isfunction(value)} | METHODS
CLASSES = {name: value for name, value in PUBLIC.items() if inspect.isclass(value)}
WITHOUT_A_SOURCE = ("practice.", "nslab.AliasTable.", "nslab.ExclusionWindow.", "nslab.Diagnosis.")
OURS = {"nslab.diagnose", "nslab.fixed_point", "nslab.gather_with_grad"}  # our own: no paper to name


def sections(value: Any) -> dict[str, str]:
    """The sections of a docstring by name; the words before the first of them are "summary"."""
    parts = re.split(r"^(\w+):$", inspect.getdoc(value) or "", flags=re.MULTILINE)
    return {"summary": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def explained(args: str) -> set[str]:
    return set(re.findall(r"^ {4}(\w+): \S", args, re.MULTILINE))


def arguments(function: Callable[..., Any]) -> set[str]:
    return set(inspect.signature(function).parameters) - {"self"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_says_all(name: str) -> None:
    function, found = FUNCTIONS[name], sections(FUNCTIONS[name])
    assert re.match(r"\S.+[.:]$", found["summary"].splitlines()[0]), "begin with one whole line"
    assert explained(found.get("Args", "")) == arguments(function)
    assert found["Returns"].strip()
    assert ">>> " in found["Example"]
    if name not in OURS and not name.startswith(WITHOUT_A_SOURCE):
        assert re.search(r"\S", found["Source"])


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_says_what_it_holds(name: str) -> None:
    cls, found = CLASSES[name], sections(CLASSES[name])
    assert found["summary"].strip()
    fields = getattr(cls, "_fields", None)  # of a named tuple
    if fields:
        assert explained(found["Attributes"]) == set(fields)
    elif name in ("nslab.AliasTable", "nslab.ExclusionWindow"):
        assert explained(found["Args"]) == arguments(cls.__init__)
