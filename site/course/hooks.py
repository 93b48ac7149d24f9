"""What every page gets: a description for search engines, and the scripts and styles of the course."""

from __future__ import annotations

from html import escape

from docutils import nodes

LONGEST = 155


def description(doctree: nodes.document) -> str:
    """The first words of a page, up to a length that search engines show."""
    for paragraph in doctree.findall(nodes.paragraph):
        text = " ".join(paragraph.astext().split())
        if text:
            return text if len(text) <= LONGEST else text[:LONGEST].rsplit(" ", 1)[0] + " …"
    return ""


def setup(app) -> dict[str, bool]:
    def add(app, page, template, context, doctree):
        text = description(doctree) if doctree else ""
        text = text or "Negative Sampling Lab: how models learn from what things are not."
        context["metatags"] = f'{context.get("metatags", "")}<meta name="description" content="{escape(text)}">'

    app.connect("html-page-context", add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
