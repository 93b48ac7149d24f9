"""What every page gets: a description, its reading time, and names for folds.

The description is for search engines; the time is added where the text does not say it.
"""

from __future__ import annotations

import math
import re
from html import escape
from pathlib import Path

from docutils import nodes

LONGEST = 155
FOLD = "Show or hide the pages below this one"
WORDS_A_MINUTE = 200
TIMED = ("notebooks/", "exercises/0", "exercises/1")  # they say how long they take
UNTIMED = ("index", "api/")
ICONS = "_static/scripts/fontawesome.js"
PLAIN = re.compile(r'<span class="[npw]">([^<]*)</span>')  # names, brackets, spaces: in the color of all code


def description(doctree: nodes.document) -> str:
    """The first words of a page, up to a length that search engines show."""
    for paragraph in doctree.findall(nodes.paragraph):
        text = " ".join(paragraph.astext().split())
        if text and "nslab-meta" not in paragraph["classes"]:
            return text if len(text) <= LONGEST else text[:LONGEST].rsplit(" ", 1)[0] + " …"
    return ""


def reading_time(doctree: nodes.document) -> str:
    """How long the text of a page takes to read."""
    words = sum(len(paragraph.astext().split()) for paragraph in doctree.findall(nodes.paragraph))
    return f"{math.ceil(words / WORDS_A_MINUTE)} min to read"


def accessible(html: str) -> str:
    """A page with names for the folds of the side bar, and without an empty header.

    The theme leaves the names out.
    """
    for old, new in (
        (
            '<summary><span class="toctree-toggle"',
            f'<summary aria-label="{FOLD}"><span class="toctree-toggle"',
        ),
        ('<th class="head"><p></p></th>', "<td></td>"),
    ):
        html = html.replace(old, new)
    return html


def light(html: str) -> str:
    """A page without the script of 1.6 MB that draws icons, and without marks of uncolored code.

    The theme's style sheet draws the icons too, from its fonts.
    """
    return PLAIN.sub(r"\1", re.sub(rf"<script [^>]*{re.escape(ICONS)}[^>]*></script>", "", html))


def setup(app) -> dict[str, bool]:
    def add(app, page, template, context, doctree):
        text = description(doctree) if doctree else ""
        text = text or "Negative Sampling Lab: how models learn from what things are not."
        context["metatags"] = (
            f'{context.get("metatags", "")}<meta name="description" content="{escape(text)}">'
        )

    def tell(app, doctree, page):
        title = doctree.next_node(nodes.title)
        if title and not page.startswith(TIMED + UNTIMED):
            line = nodes.paragraph("", reading_time(doctree), classes=["nslab-meta"])
            title.parent.insert(title.parent.index(title) + 1, line)

    def finish(app, error):
        for template in Path(app.outdir, "_static").glob("*.html"):  # the theme's own, for no reader
            template.unlink()
        for path in Path(app.outdir).rglob("*.html"):
            html = path.read_text(encoding="utf-8")
            if (mended := light(accessible(html))) != html:
                path.write_text(mended, encoding="utf-8")
        Path(app.outdir, ICONS).unlink(missing_ok=True)

    app.connect("doctree-resolved", tell)
    app.connect("build-finished", finish)
    app.connect("html-page-context", add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
