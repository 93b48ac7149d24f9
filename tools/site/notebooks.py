"""An executed notebook as the source of a page: places to link to, words for its pictures."""

from __future__ import annotations

import base64
import io
import re

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output
from PIL import Image

from tools.site.predictions import with_predictions

TITLE = re.compile(r"""set_title\(\s*"([^"{}]+)"|suptitle\(\s*"([^"{}]+)\"""")
EMPTY = re.compile(r"<[A-Z]\w* size [^>]*>")
COLORS = 256


def page(notebook: NotebookNode, stem: str, links: str) -> NotebookNode:
    """The notebook as MyST-NB is to read it; `links` is HTML that goes below the title. Works in place."""
    _below_title(notebook, f'<p class="nslab-meta">{links}</p>')
    with_predictions(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            _describe(cell)
    notebook.cells = [part for cell in notebook.cells for part in _with_target(cell, stem)]
    return notebook


def place(stem: str, cell: str) -> str:
    """The name under which a page links to a cell of the chapter `stem`."""
    return f"cell-{stem[:2]}-{cell}"


def alt_text(cell: NotebookNode) -> str:
    """Words for the picture of a code cell: its titles and the first line that it printed."""
    titles = [first or second for first, second in TITLE.findall(cell.source)]
    printed = "".join(out.get("text", "") + _words(out) for out in cell.outputs)
    first = next((line.strip() for line in printed.splitlines() if line.strip()), "")
    said = ". ".join([*titles, first]).strip(". ")
    return f"Figure: {said}"[:300] if said else "Figure drawn by the code above"


def with_palette(png: str) -> str:
    """A picture in a third of its bytes; no color moves by more than a shade. Both are in base64."""
    image, small = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB"), io.BytesIO()
    image.quantize(COLORS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        small, "PNG", optimize=True
    )
    return base64.b64encode(small.getvalue()).decode()


def _words(output: NotebookNode) -> str:
    return EMPTY.sub("", output.get("data", {}).get("text/plain", ""))


def _below_title(notebook: NotebookNode, html: str) -> None:
    first = notebook.cells[0]
    title, _, rest = first.source.partition("\n")
    first.source = f"{title}\n\n{html}\n{rest}"


def _describe(cell: NotebookNode) -> None:
    """Give a picture its alternative text and fewer bytes, and show the summary of an explainer."""
    pictures = [out for out in cell.outputs if "image/png" in out.get("data", {})]
    if not pictures:
        return
    cell.metadata.mystnb = {"image": {"alt": alt_text(cell)}}
    for picture in pictures:
        picture.data["image/png"] = with_palette(picture.data["image/png"])
        summary = _words(picture)
        if summary and "text/html" not in picture.data:
            cell.outputs.append(new_output("stream", name="stdout", text=summary + "\n"))


def _with_target(cell: NotebookNode, stem: str) -> list[NotebookNode]:
    """The cell, after a target to link to where it answers a claim."""
    if "audit" not in cell.metadata.get("nslab", {}):
        return [cell]
    return [new_markdown_cell(f"({place(stem, cell.id)})="), cell]
