"""Record the tour's scene as a short loop for README.md: `python tools/record_scene.py` (needs Chromium; `make site` brings the rest).

τ falls from 1 to 0.05 and returns: what is written is .github/images/tour.webp.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
from PIL import Image
from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from nslab.explain import _base  # noqa: E402
from tools.live_lab import browser  # noqa: E402

OUT = ROOT / ".github" / "images" / "tour.webp"
BASE = Path(_base.__file__).parent
WIDTH, HEIGHT = 880, 620  # pixels
BACKGROUND = "#ffffff"
STEP_MS, REST_MS = 100, 1400
LOWEST, HIGHEST, EVERY = 0.05, 1, 2  # of the temperatures, and of the slider's stops


def tour() -> _base.Explainer:
    """The scene of chapter 00, made by the chapter's own cells."""
    names: dict[str, object] = {}
    notebook = nbformat.read(ROOT / "notebooks" / "00_start_here.ipynb", as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            exec(cell.source, names)
            if "tour" in names:
                break
    found = names["tour"]
    assert isinstance(found, _base.Explainer)
    return found


def document(scene: _base.Explainer, folder: Path) -> Path:
    """A page with nothing but the scene, which starts where its controls stand."""
    parts = f'<link rel="stylesheet" href="{BASE}/scene.css"><script src="{BASE}/scene.js"></script>'
    look = f"<style>body {{ margin: 12px; background: {BACKGROUND}; font-family: sans-serif }}</style>"
    path = folder / "tour.html"
    html = scene.page(folder / "frames", "tour")
    path.write_text(f'<meta charset="utf-8">{parts}{look}{html}', encoding="utf-8")
    return path


def pictures(scene: _base.Explainer, page: Page, folder: Path) -> Iterator[Image.Image]:
    """The scene at falling temperatures."""
    values = [float(tau) for tau in scene.controls["tau"].values if LOWEST <= float(tau) <= HIGHEST]
    for tau in values[::-EVERY]:
        scene.set_trait("tau", tau)
        page.goto(document(scene, folder).as_uri())
        yield Image.open(io.BytesIO(page.locator(".nslab-scene").screenshot()))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, browser() as context:
        page = context.new_page()
        page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
        down = list(pictures(tour(), page, Path(folder)))
    loop = [*down, *down[-2:0:-1]]
    rests = [REST_MS if frame in (down[0], down[-1]) else STEP_MS for frame in loop]
    loop[0].save(OUT, save_all=True, append_images=loop[1:], duration=rests, loop=0, quality=60, method=6)
    print(f"{OUT}: {len(loop)} pictures, {OUT.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
