"""Formulas as MathML, which browsers draw by themselves: no script, no fonts to fetch."""

from __future__ import annotations

import re

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

logger = logging.getLogger(__name__)
CHARACTERS = {"≥": r"\ge ", "≤": r"\le ", "⟺": r"\Longleftrightarrow ", r"\dots": r"\ldots"}
FRACTION = re.compile(r"\\frac(\w)(\w)")
APPLY = "<mo>&ApplyFunction;</mo>"  # stands behind ln, exp, max
BEFORE_NAME = re.compile(rf"(</m(?!o>)\w+>)(?=\s*<mi>\w+</mi>\s*{APPLY})")
AFTER_NAME = re.compile(rf"({APPLY})(?=\s*<m(?!o\b))")
SPACE = r'\1<mspace width="0.17em"/>'
OPENING, CLOSING = re.compile(r"[(\[“\"]+$"), re.compile(r"^[.,;:?!)\]”\"'’]+")
BIG = re.compile(r"\\(big|Big|bigg|Bigg)(?![a-zA-Z])\s*(.)")


def plain(tex: str) -> str:
    r"""TeX in the words that docutils' converter knows.

    >>> plain(r"\ln\Big(1 + \frac12\Big) ≤ \dots")
    '\\ln\\Bigl(1 + \\frac{1}{2}\\Bigr) \\le  \\ldots'
    """
    for old, new in CHARACTERS.items():
        tex = tex.replace(old, new)
    tex = FRACTION.sub(r"\\frac{\1}{\2}", tex)
    return BIG.sub(lambda found: rf"\{found[1]}{'r' if found[2] in ')]|' else 'l'}{found[2]}", tex)


def mathml(tex: str, *, block: bool) -> str:
    """A formula as a `<math>` element, with thin spaces between a function's name and its neighbours."""
    formula = str(tex2mathml(plain(tex), as_block=block))
    return AFTER_NAME.sub(SPACE, BEFORE_NAME.sub(SPACE, formula))


def hold_together(doctree: nodes.document) -> None:
    """Put brackets before and punctuation behind a formula into its `head` and `tail`.

    Then no line is broken between them.
    """
    for node in list(doctree.findall(nodes.math)):
        beside = node.parent.children
        place = beside.index(node)
        for key, at, edge in (("head", place - 1, OPENING), ("tail", place + 1, CLOSING)):
            text = beside[at] if 0 <= at < len(beside) else None
            if isinstance(text, nodes.Text) and (found := edge.search(text)):
                node[key] = found[0]
                node.parent[at] = nodes.Text(edge.sub("", text))


def _written(translator, node: nodes.Element, *, block: bool) -> None:
    try:
        formula = mathml(node.astext(), block=block)
    except MathError as error:
        logger.warning("no MathML for %s: %s", node.astext(), error, location=node)
        formula = translator.encode(node.astext())
    tag = "div" if block else "span"
    head, tail = (translator.encode(node.get(edge, "")) for edge in ("head", "tail"))
    translator.body.append(f'<{tag} class="math">{head}{formula}{tail}</{tag}>')
    raise nodes.SkipNode


def setup(app) -> dict[str, bool]:
    def inline(translator, node):
        _written(translator, node, block=False)

    def display(translator, node):
        _written(translator, node, block=True)

    app.connect("doctree-resolved", lambda app, doctree, page: hold_together(doctree))
    app.add_html_math_renderer("mathml", (inline, None), (display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
