"""Which cells of a chapter its explainers need. A page of the course runs these alone: the other cells show
the outputs that are stored.
"""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from nbformat import NotebookNode

COMPREHENSIONS = ("listcomp", "setcomp", "dictcomp", "genexpr")
FIGURE = re.compile(r"<[A-Z]\w* size ")  # what matplotlib says beside its picture; an explainer says numbers


@dataclass(frozen=True)
class Names:
    """The global names of a cell: what it reads as it runs, what its functions read when they are called,
    what it sets or may change, and what it surely sets.
    """

    read: set[str] = field(default_factory=set)
    read_later: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    set_anew: set[str] = field(default_factory=set)


def cells(notebook: NotebookNode) -> list[int]:
    """The places of the cells that show an explainer, and of those before them that they depend on."""
    sources = [cell.source if cell.cell_type == "code" else "" for cell in notebook.cells]
    return needed(sources, [i for i, cell in enumerate(notebook.cells) if shows_an_explainer(cell)])


def shows_an_explainer(cell: NotebookNode) -> bool:
    stored = [output.get("data", {}) for output in cell.get("outputs", [])]
    return any(
        "image/png" in data and not FIGURE.match(data.get("text/plain", "<A size ")) for data in stored
    )


def needed(sources: Sequence[str], shown: Collection[int]) -> list[int]:
    """The cells in `shown`, and those before them that set or may change a name that a needed cell reads.

    >>> needed(["x = 1", "import a", "x = a.b()", "y = train(x)", "x.append(1)", "show(x)", "x = 2"], [5])
    [1, 2, 4, 5]
    """
    found, waiting, last = set(), list(shown), max(shown, default=0)
    every = [names(source) for source in sources]
    while waiting:
        cell = waiting.pop()
        found.add(cell)
        here = every[cell]
        read_from_before = here.read | (here.read_later - here.set_anew)
        reads = [i for name in read_from_before for i in _last_changes(name, every[:cell])]
        reads += [i for i in range(cell, last) if here.read_later & every[i].changed]
        waiting += [i for i in reads if i not in found]
    return sorted(found)


def _last_changes(name: str, before: Sequence[Names]) -> Iterator[int]:
    """The cells that may have changed a name since it was set anew, and the one that did so."""
    for i in reversed(range(len(before))):
        if name in before[i].changed:
            yield i
        if name in before[i].set_anew:
            return


def names(source: str) -> Names:
    """What a cell reads and changes.

    >>> sorted(names("x = 0\\ny = f(x)\\ny[0] = [z for _ in y]").read)
    ['f', 'z']
    """
    all_of_it = Names()
    for statement in ast.parse(source).body:
        table = symtable.symtable(ast.unparse(statement), "cell", "exec")
        here, later = _symbols(table)
        read = {name.get_name() for name in here if name.is_referenced()} - set(_counted(statement))
        all_of_it.read.update(read - all_of_it.set_anew)
        all_of_it.read_later.update(name.get_name() for name in later)
        all_of_it.changed.update(
            name.get_name() for name in here + later if name.is_assigned() or name.is_imported()
        )
        all_of_it.changed.update(_changed_in_place(statement))
        all_of_it.set_anew.update(_set_anew(statement))
    return all_of_it


def _symbols(
    table: symtable.SymbolTable, top: bool = True
) -> tuple[list[symtable.Symbol], list[symtable.Symbol]]:
    """The global names that are in use while a statement runs, and those inside functions, for later."""
    here = [symbol for symbol in table.get_symbols() if top or symbol.is_global()]
    later: list[symtable.Symbol] = []
    for child in table.get_children():
        now, then = _symbols(child, top=False)
        at_once = child.get_name() in COMPREHENSIONS or child.get_type() == "class"
        here += now if at_once else []
        later += then if at_once else now + then
    return here, later


def _counted(statement: ast.stmt) -> Iterator[str]:
    """What the loops inside a statement set before they read it."""
    for loop in ast.walk(statement):
        if isinstance(loop, ast.For):
            inside, before = (
                {node.id for node in ast.walk(part) if isinstance(node, ast.Name)}
                for part in (loop.target, loop.iter)
            )
            yield from inside - before


def _set_anew(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        yield from (name.asname or name.name.partition(".")[0] for name in statement.names)
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            parts = target.elts if isinstance(target, ast.Tuple) else [target]
            yield from (part.id for part in parts if isinstance(part, ast.Name))


def _changed_in_place(tree: ast.stmt) -> Iterator[str]:
    """Names whose parts are set, whose methods are called for no result, or which a function is given that
    returns none.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            yield from _owner(node)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            called = node.value.func
            if not (isinstance(called, ast.Name) and hasattr(builtins, called.id)):  # `print` changes nothing
                for part in (called, *node.value.args):
                    yield from _owner(part)


def _owner(node: ast.expr) -> Iterator[str]:
    """x of `x`, `x.part`, `x[0].part`, `x().part`."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    if isinstance(node, ast.Name):
        yield node.id
