"""The symbol table of chapter 00, with the chapter in which each symbol is first needed."""

from __future__ import annotations

import re
from collections.abc import Mapping

from nbformat import NotebookNode

HEADING = "## Symbols"


def table(start: NotebookNode, explained: Mapping[str, str], stems: Mapping[str, str]) -> str:
    """The rows of the table in chapter 00, each with a link.

    ValueError for a symbol whose chapter is not known.

    `explained` maps what stands in the first column to the number of a chapter, `stems` that to the name
    of its file.
    """
    text = next(
        cell.source for cell in start.cells if cell.cell_type == "markdown" and HEADING in cell.source
    )
    section = text.split(HEADING)[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    done = ["| symbol | in code | meaning | explained in |", "|---|---|---|---|"]
    for row in rows:
        symbol = re.split(r"(?<!\\)\|", row)[1].strip()
        if symbol not in explained:
            raise ValueError(f"site/symbols.toml names no chapter for the symbol {symbol}")
        number = explained[symbol]
        done.append(f"{row} [{number}](notebooks/{stems[number]}.ipynb) |")
    return "\n".join(done) + "\n"
