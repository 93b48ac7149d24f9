"""The feedback for a submission: one page of HTML.

It has the points, the code, what the code printed, and the cards.
"""

from __future__ import annotations

from html import escape
from typing import Any

_STYLE = """
body { font: 16px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222;
  background: #fff }
pre { padding: .5em 1em; overflow-x: auto; background: #f4f4f4 }
pre.printed { background: none; border-left: 2px solid #ccc }
table { border-collapse: collapse } th, td { padding: .1em 1em .1em 0; text-align: left }
"""


def page(title: str, total: str, note: str, rows: list[tuple[str, str]], steps: list[dict[str, Any]]) -> str:
    """The page of feedback.

    `rows` are the questions with their points; `steps` the cells and checks in their order.
    """
    points = dict(rows)
    table = "".join(f"<tr><th scope='row'>{escape(name)}</th><td>{value}</td></tr>" for name, value in rows)
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'>",
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        f"<h1>{escape(title)}</h1><p>{escape(total)}</p>",
        f"<p>{escape(note)}</p>" if note else "",
        f"<table>{table}</table>" if rows else "",
        *(_step(step, points) for step in steps),
    ]
    return "\n".join(part for part in parts if part) + "\n</html>\n"


def _step(step: dict[str, Any], points: dict[str, str]) -> str:
    if "check" in step:
        return f"<h2>{escape(step['check'])}: {points[step['check']]}</h2>\n{step['card']}"
    printed = f"\n<pre class='printed'>{escape(step['printed'])}</pre>" if step["printed"] else ""
    return f"<pre><code>{escape(step['cell'])}</code></pre>{printed}"
