"""Record the tour's scene as a short loop for README.md: `python -m tools.browser.record_scene`.

It needs Chromium; `make site` brings the rest.

In JupyterLab τ falls from 1 to 0.05 and returns: what is written is .github/images/tour.webp.
"""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from tools.browser.live_lab import ROOT, Notebook, browser, server

OUT = ROOT / ".github" / "images" / "tour.webp"
STEP_MS, REST_MS = 100, 1400
LOWEST, EVERY = 0.05, 2  # of the temperatures, and of the slider's stops


def pictures(notebook: Notebook) -> Iterator[Image.Image]:
    """The notebook's first scene at falling temperatures."""
    tour = notebook.explainers()[0]
    scene = notebook.page.locator(".jp-OutputArea .nslab-scene").first
    while True:
        tour.settled()
        notebook.page.evaluate("liveLab.leave()")  # no ring around the slider
        yield Image.open(io.BytesIO(scene.screenshot()))
        if tour.values()["tau"] <= LOWEST:
            return
        for _ in range(EVERY):
            tour.press(0, "ArrowLeft")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, browser() as context:
        shutil.copytree(ROOT / "notebooks", Path(folder) / "notebooks")
        with server(Path(folder)) as running:
            notebook = Notebook(context, running.address("notebooks/00_start_here.ipynb"))
            notebook.run()
            down = list(pictures(notebook))
            notebook.close()
    loop = [*down, *down[-2:0:-1]]
    rests = [REST_MS if frame in (down[0], down[-1]) else STEP_MS for frame in loop]
    loop[0].save(OUT, save_all=True, append_images=loop[1:], duration=rests, loop=0, quality=60, method=6)
    print(f"{OUT}: {len(loop)} pictures, {OUT.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
