"""Calm cards: one small block of HTML and the same words as plain text."""

from __future__ import annotations

import base64
import html
import io
import re
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from matplotlib.figure import Figure

T = TypeVar("T")

_COLORS = {
    "good": "var(--jp-success-color1, #009e73)",
    "trouble": "var(--jp-warn-color1, #d55e00)",
    "quiet": "var(--jp-info-color1, #0072b2)",
}
_CARD = "border-left: 4px solid {}; padding: 0.4em 1em; margin: 0.3em 0; max-width: 54em; line-height: 1.5"
_FONT = "color: var(--jp-content-font-color1, inherit); font-family: var(--jp-ui-font-family, sans-serif)"
_CODE = (
    "margin: 0.4em 0; padding: 0.4em 0.8em; overflow-x: auto; background: var(--jp-layout-color2,"
    " transparent)"
)


@dataclass(frozen=True)
class Code:
    """A block of source text, shown as it is."""

    text: str


@dataclass(frozen=True)
class Rows:
    """Pairs of a label and a value, one below the other; values are code, or prose."""

    pairs: tuple[tuple[str, str], ...]
    prose: bool = False


@dataclass(frozen=True)
class Folded:
    """A table that stays closed until its label is clicked; plain text shows it open."""

    label: str
    rows: Rows


@dataclass(frozen=True)
class Picture:
    """A figure that `draw` makes, once and only where the card is shown; plain text shows its title.

    Nothing is shown where drawing fails: some wrong answers have no form that can be drawn. `drawing` is the
    lock to hold meanwhile.
    """

    draw: Callable[[], Figure]
    drawing: AbstractContextManager[object]

    @cached_property
    def figure(self) -> Figure | None:
        return self._attempt(self.draw)

    @cached_property
    def png(self) -> bytes | None:
        figure = self.figure
        return self._attempt(lambda: _png(figure)) if figure else None

    @property
    def words(self) -> str:
        return (self.figure and self.figure.get_suptitle()) or "your answer on this input"

    def _attempt(self, make: Callable[[], T]) -> T | None:
        from matplotlib import rc_context  # a picture has its own layout, whatever the style of the notebook

        own_layout = rc_context({"figure.constrained_layout.use": False})
        with self.drawing, own_layout, warnings.catch_warnings(), suppress(Exception):
            warnings.simplefilter("ignore", RuntimeWarning)
            return make()
        return None


Part = str | Code | Rows | Folded | Picture


@dataclass(frozen=True, repr=False)
class Card:
    """A title and some parts; `tone` is "good", "trouble" or "quiet" and never the only sign.

    >>> Card("quiet", "Not attempted", ("Write `entropy`, then run this cell again.",))
    Not attempted
    Write `entropy`, then run this cell again.
    """

    tone: str
    title: str
    parts: tuple[Part, ...] = ()

    @property
    def text(self) -> str:
        """The parts as plain text, without the title."""
        return "\n".join(filter(None, map(_plain, self.parts)))

    def __repr__(self) -> str:
        return f"{self.title}\n{self.text}" if self.parts else self.title

    def _repr_html_(self) -> str:
        body = "".join(_html(part) for part in self.parts)
        style = f"{_CARD.format(_COLORS[self.tone])}; {_FONT}"
        return f'<div role="note" style="{style}"><strong>{inline(self.title)}</strong>{body}</div>'


def inline(text: str) -> str:
    """HTML of one line of text, with `code` between backticks."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))


def _png(figure: Figure) -> bytes:
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=100)
    return png.getvalue()


def _code(text: str) -> str:
    return f"<code>{html.escape(text, quote=False)}</code>"


def _plain(part: Part) -> str:
    if isinstance(part, Code):
        return "\n".join("    " + line for line in part.text.splitlines())
    if isinstance(part, Rows):
        width = max(len(label) for label, _ in part.pairs)
        return "\n".join(f"  {label:<{width}}  {value}" for label, value in part.pairs)
    if isinstance(part, Folded):
        return f"{part.label}:\n{_plain(part.rows)}"
    if isinstance(part, Picture):
        return f"[{part.words}]" if part.figure else ""
    return part


def _html(part: Part) -> str:
    if isinstance(part, Code):
        return f'<pre style="{_CODE}">{_code(part.text)}</pre>'
    if isinstance(part, Rows):
        rows = "".join(
            f'<tr><th scope="row" style="text-align: left">{inline(label)}</th>'
            f'<td style="text-align: left">{inline(value) if part.prose else _code(value)}</td></tr>'
            for label, value in part.pairs
        )
        return f"<table>{rows}</table>"
    if isinstance(part, Folded):
        return f"<details><summary>{inline(part.label)}</summary>{_html(part.rows)}</details>"
    if isinstance(part, Picture):
        if part.png is None:
            return ""
        source = f"data:image/png;base64,{base64.b64encode(part.png).decode()}"
        return f'<img src="{source}" alt="{html.escape(part.words)}" style="max-width: 100%">'
    return f'<p style="margin: 0.3em 0">{inline(part)}</p>'
