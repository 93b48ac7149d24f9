"""`practice.predict` and its `reveal` without a kernel: radio buttons, and an answer to open."""

from __future__ import annotations

import re
from html import escape
from xml.etree import ElementTree

from nbformat import NotebookNode
from nbformat.v4 import new_output

ASKED = re.compile(r"^(\w+) = practice\.predict\(", re.MULTILINE)
REVEALED = re.compile(r"^(\w+)\.reveal\((?!\w*\))", re.MULTILINE)  # an explainer's `reveal(q)` is no answer
RIGHT, WRONG = " ✓", " ✗"


def asked(html: str, name: str) -> str:
    """The card of a question as a form."""
    card = ElementTree.fromstring(html)
    options = "".join(
        f'<label><input type="radio" name="ask-{name}" value="{escape(key)}"><b>{escape(key)}</b>'
        f" <span>{text}</span></label>"
        for key, text in _rows(card)
    )
    return (
        '<form class="nslab-quiz"'
        f' id="ask-{name}"><fieldset><legend>{_inner(card, "strong")}</legend>{options}</fieldset><p'
        ' role="status">Choose one before you read on.</p></form>'
    )


def revealed(html: str, name: str) -> str:
    """The card of an answer as a fold, which scores what the reader chose.

    It is for a question that is still open.
    """
    rows = _rows(ElementTree.fromstring(html))
    answer = next(key.removesuffix(RIGHT) for key, _ in rows if key.endswith(RIGHT))
    body = "".join(
        f'<tr data-option="{escape(key[: -len(RIGHT)])}"><th'
        f' scope="row">{escape(key)}</th><td>{text}</td></tr>'
        for key, text in rows
    )
    return (
        f'<details class="nslab-reveal" data-ask="ask-{name}" data-answer="{escape(answer)}">'
        "<summary>Your prediction? Open the answer</summary>"
        f'<p class="nslab-score" role="status"></p><table>{body}</table></details>'
    )


def with_predictions(notebook: NotebookNode) -> NotebookNode:
    """Turns each question and each answer of a notebook into what a page can do. Works in place.

    A card is the last that a cell shows; what was drawn or printed before it stays.
    """
    for cell in notebook.cells:
        for pattern, form in ((ASKED, asked), (REVEALED, revealed)):
            found = pattern.search(cell.source) if cell.cell_type == "code" else None
            if found and cell.outputs:
                *before, card = cell.outputs
                html = form(card["data"]["text/html"], found[1])
                cell.outputs = [*before, new_output("display_data", {"text/html": html})]
                cell.metadata.tags = ["remove-input"]  # instead of a fold: there is nothing to unfold
    return notebook


def _rows(card: ElementTree.Element) -> list[tuple[str, str]]:
    """The label, as text, and the value, as HTML, of each row."""
    return [(row.findtext("th", ""), _inner(row, "td")) for row in card.iter("tr")]


def _inner(element: ElementTree.Element, tag: str) -> str:
    """The HTML inside the first child of that name."""
    child = element.find(tag)
    assert child is not None
    parts = (ElementTree.tostring(part, encoding="unicode", method="html") for part in child)
    return escape(child.text or "", quote=False) + "".join(parts)
