"""A fold: what a cell prints, behind a title that opens it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from html import escape
from io import StringIO


@dataclass(frozen=True, repr=False)
class Fold:
    """A title, and the text behind it."""

    title: str
    text: str

    def __repr__(self) -> str:
        return f"{self.title}\n{self.text}"

    def _repr_html_(self) -> str:
        look = "margin: .4em 0 .4em 1em; overflow-x: auto; font-size: .9em"
        return (
            f'<details class="nslab-fold"><summary>{escape(self.title)}</summary>'
            f'<pre tabindex="0" style="{look}">{escape(self.text)}</pre></details>'
        )


@contextmanager
def fold(title: str) -> Iterator[None]:
    """Put what is printed inside a `with` block behind a title. A click opens it.

    A folded cell's output opens again when JupyterLab runs the cell; this one stays closed.

    Args:
        title: what the reader will find behind it.

    Returns:
        A context manager.

    Example:
        >>> with fold("Twice the steps"):
        ...     print("0.93 ± 0.01")
        Twice the steps
        0.93 ± 0.01
    """
    printed = StringIO()
    try:
        with redirect_stdout(printed):
            yield
    finally:  # what was printed before an error is shown too
        _show(Fold(title, printed.getvalue().rstrip("\n")))


def _show(what: Fold) -> None:
    try:
        from IPython.display import display
    except ModuleNotFoundError:
        print(what)
    else:
        display(what)
