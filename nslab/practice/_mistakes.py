"""The known mistakes of an answer: the right one with a step replaced, written as a table."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

from nslab.practice._exercise import Mutant, Same


def mistakes(right: Callable[..., Any], table: str, *judgements: Same) -> tuple[Mutant, ...]:
    """The mutants of a table, each made from `right`, a function of named steps.

    An entry stands at the margin: a name, what is written instead, and if the outcomes need not be equal the
    name of the judgement that compares them. Its diagnosis is indented below; an entry without one has that
    of its namesake further up. What is written instead is an assignment or a `return` for the step of the
    same name (several with semicolons), or the name of another function altogether.

    Raises:
        ValueError: a step that `right` does not have, or has twice; an unknown judgement; no diagnosis.

    Example:
        >>> from nslab.practice.checks._05_entropy_temperature import right_gap
        >>> doubled, = mistakes(right_gap, "doubled | ratio = 4.8\\n  Twice too far.")
        >>> doubled.wrong(0.5), doubled.diagnosis
        (2.4, 'Twice too far.')
    """
    known = {judgement.__name__: judgement for judgement in judgements}
    diagnoses: dict[str, str] = {}
    made = []
    for name, change, judgement, diagnosis in _entries(table):
        if judgement and judgement not in known:
            raise ValueError(f"judgement of {name!r} must be one of {', '.join(known)}, got {judgement!r}")
        if not diagnoses.setdefault(name, diagnosis):
            raise ValueError(f"table must give a diagnosis for {name!r}")
        made.append(Mutant(name, changed(right, change), diagnosis or diagnoses[name], known.get(judgement)))
    return tuple(made)


def _entries(table: str) -> Iterator[tuple[str, str, str, str]]:
    for entry in re.split(r"\n(?=\S)", table.strip()):
        head, _, diagnosis = entry.partition("\n")
        name, change, *judgement = head.split(" | ")
        yield name, change, "".join(judgement), " ".join(diagnosis.split())


def changed(right: Callable[..., Any], change: str) -> Callable[..., Any]:
    """`right` with the steps that `change` names written as it says, or the function that `change` is."""
    steps = ast.parse(change).body
    if isinstance(steps[0], ast.Expr):
        return eval(change, right.__globals__)
    tree = ast.parse(inspect.getsource(right))
    for step in steps:
        _Replace(step).visit(tree)
    made: dict[str, Any] = {}
    exec(compile(ast.fix_missing_locations(tree), f"<{change}>", "exec"), right.__globals__, made)
    return made[right.__name__]


class _Replace(ast.NodeTransformer):
    """Puts a step in the place of the one step of the same name."""

    def __init__(self, step: ast.stmt) -> None:
        self.step, self.found = step, 0

    def visit_Module(self, node: ast.Module) -> ast.AST:
        self.generic_visit(node)
        if self.found != 1:
            raise ValueError(f"step must be there once, got {ast.unparse(self.step)!r} {self.found} times")
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.stmt:
        return self._instead(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        return self._instead(node)

    def visit_Return(self, node: ast.Return) -> ast.stmt:
        return self._instead(node)

    def _instead(self, node: ast.stmt) -> ast.stmt:
        if _named(node) != _named(self.step):
            return node
        self.found += 1
        return self.step


def _named(step: ast.stmt) -> str:
    """What a step gives a value to."""
    match step:
        case ast.Assign(targets=targets):
            return " = ".join(map(ast.unparse, targets))
        case ast.AugAssign(target=target):
            return f"{ast.unparse(target)} again"
        case _:
            return "return"
