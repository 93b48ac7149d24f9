"""A notebook in a real JupyterLab and Chromium.

Run it, move its sliders, say what went wrong and how long a move took.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import BrowserContext, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_suffix(".js")  # `liveLab`, in every page
SETTINGS = ROOT / "tools/lab/jupyter_server_config.py"
VIEW = "application/vnd.jupyter.widget-view+json"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]
PATIENCE_MS = 30_000  # for one figure, on a busy machine
RUN_MS = 300_000  # for a whole notebook
THUMB = 8  # pixels: half of a slider's

# What the kernel itself draws where the sliders stand, run apart from the names of the notebook.
TRUTH = """
import hashlib, json
from ipywidgets.widgets.widget import _instances
widget = _instances[model]
frame = widget._frame(widget._values_at(at))
drawn = b"".join(row.tobytes() for row in frame.rows) + "\\n".join(frame.notes).encode()
scene = hashlib.sha256(drawn).hexdigest()
print(json.dumps({"at": widget._positions(), "text": frame.text, "scene": scene}))
"""
VALUES = """
import json
from ipywidgets.widgets.widget import _instances
print(json.dumps(_instances[model].values))
"""
EXPLAINERS = """
import json
from ipywidgets.widgets.widget import _instances
from nslab.explain import Explainer
widgets = {model: _instances[model] for model in models}
print(json.dumps({model: type(w).__name__ for model, w in widgets.items() if isinstance(w, Explainer)}))
"""


def chromium() -> str:
    """The path of a Chromium or Chrome; FileNotFoundError says what to install."""
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    raise FileNotFoundError("no Chromium here: install it (Debian: sudo apt-get install chromium)")


def write_notebook(path: Path, *cells: str) -> None:
    """A notebook of these code cells, which opens without a question about its kernel."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}}
    nbformat.write(new_notebook(cells=[new_code_cell(cell) for cell in cells], metadata=kernel), path)


@contextmanager
def browser() -> Iterator[BrowserContext]:
    """A headless browser that reaches this machine only."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield started.new_context(viewport={"width": 1400, "height": 1000})
        started.close()


@dataclass(frozen=True)
class Server:
    """A running JupyterLab."""

    port: int
    token: str

    def address(self, notebook: str) -> str:
        """Where one notebook opens, in a workspace of its own: no other is restored beside it."""
        workspace = secrets.token_hex(4)
        return f"http://127.0.0.1:{self.port}/lab/workspaces/{workspace}/tree/{notebook}?token={self.token}"


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """The JupyterLab of `make lab` on `folder`, on a free port of this machine, with settings of its own."""
    with tempfile.TemporaryDirectory(prefix="live-lab-", ignore_cleanup_errors=True) as own:
        environment = {
            **os.environ,
            "JUPYTER_CONFIG_DIR": f"{own}/config",
            "JUPYTER_RUNTIME_DIR": f"{own}/runtime",
            "JUPYTERLAB_SETTINGS_DIR": f"{own}/settings",
            "JUPYTERLAB_WORKSPACES_DIR": f"{own}/workspaces",
            "IPYTHONDIR": f"{own}/ipython",
            "JUPYTER_TOKEN": secrets.token_hex(16),
            "NSLAB_PROGRESS": "",
        }
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            running = Server(probe.getsockname()[1], environment["JUPYTER_TOKEN"])
        command = [sys.executable, "-m", "jupyterlab", f"--config={SETTINGS}"]
        command += ["--ip=127.0.0.1", f"--port={running.port}", "--ServerApp.port_retries=0", "--no-browser"]
        command += ["--allow-root", f"--ServerApp.root_dir={folder}", "--LabApp.expose_app_in_browser=True"]
        with open(f"{own}/log", "w") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            _wait_until_it_answers(running, process, Path(own, "log"))
            yield running
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_until_it_answers(running: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    while process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{running.port}/api", timeout=1)
            return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.05)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()}")


class Notebook:
    """A notebook open in JupyterLab.

    `page` is Playwright's, for whatever a learner does beyond the sliders.
    """

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.page: Page = context.new_page()
        self.page.set_default_timeout(2 * PATIENCE_MS)
        self._console: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self._console.append(f"page error: {error}"))
        self.page.add_init_script(path=SCRIPT)
        self.page.goto(address, wait_until="commit")
        self.page.wait_for_function("() => window.jupyterapp")
        self.page.evaluate("ms => liveLab.open(ms)", 2 * PATIENCE_MS)

    def _hear(self, message: Any) -> None:
        if message.type == "error":
            self._console.append(f"console: {message.text}")

    def close(self) -> None:
        self.page.evaluate("liveLab.panel.sessionContext.shutdown()")
        self.page.close(run_before_unload=False)

    def run(self) -> None:
        """Run all cells, as the menu does."""
        self.page.evaluate("ms => liveLab.run(ms)", RUN_MS)

    def run_cell(self, words: str) -> None:
        """Run the first code cell that holds these words, with Shift and Enter."""
        self.enter(words)
        self.page.keyboard.press("Shift+Enter")
        self.page.evaluate("ms => liveLab.idle(ms)", RUN_MS)

    def write_cell(self, words: str, source: str) -> None:
        """Replace what stands in the first code cell that holds these words."""
        self.enter(words)
        self.page.keyboard.press("ControlOrMeta+A")
        self.page.keyboard.insert_text(source)

    def enter(self, words: str) -> None:
        self.page.evaluate("at => liveLab.enter(...at)", [words, PATIENCE_MS])

    @property
    def cells(self) -> list[dict[str, Any]]:
        """The code cells: `source`, `count` and `outputs` of each."""
        return self.page.evaluate("liveLab.cells()")

    def trouble(self) -> list[str]:
        """Everything that went wrong so far: in cells, in callbacks, in the browser."""
        found = [*self._console, *self.page.evaluate("liveLab.noise")]
        for cell in self.cells:
            if cell["source"].strip() and not cell["count"]:
                found.append(f"not run: {cell['source']}")
            for output in cell["outputs"]:
                if output["output_type"] == "error":
                    found.append(f"{output['ename']}: {output['evalue']}")
        return found

    def python(self, code: str, **names: Any) -> Any:
        """What `code` prints as JSON in the kernel, run with these names and none of the notebook's."""
        return self.page.evaluate("code => liveLab.python(code)", f"exec({code!r}, {names!r})")

    def explainers(self) -> list[Figure]:
        """The explainers on the page, from top to bottom."""
        outputs = [output for cell in self.cells for output in cell["outputs"]]
        models = [output["data"][VIEW]["model_id"] for output in outputs if VIEW in output.get("data", {})]
        names = self.python(EXPLAINERS, models=models)
        shown = [model for model in models if model in names]  # one of them twice, where it has two views
        self.page.wait_for_function("n => liveLab.explainers().length === n", arg=len(shown))
        sliders = self.page.evaluate("liveLab.sliders()")
        return [
            Figure(self, i, model, names[model], each)
            for i, (model, each) in enumerate(zip(shown, sliders, strict=True))
        ]


class Leaf:
    """A page with explainers and without a kernel, timed by the same script."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.page: Page = context.new_page()
        self.page.set_default_timeout(2 * PATIENCE_MS)
        self.page.add_init_script(path=SCRIPT)
        self.page.goto(address, wait_until="networkidle")  # the frames of the first scene have come

    def figures(self, names: Sequence[str]) -> list[Figure]:
        """Its explainers from top to bottom, called by these names."""
        sliders = self.page.evaluate("liveLab.sliders()")
        return [
            Figure(cast(Notebook, self), i, "", name, each)  # to move and time one takes only the page
            for i, (name, each) in enumerate(zip(names, sliders, strict=True))
        ]


@dataclass(frozen=True)
class Figure:
    """An explainer on the page, `name` its class. A slider is `{"name": …, "last": its last position}`."""

    notebook: Notebook
    index: int
    model: str
    name: str
    sliders: list[dict[str, Any]]

    def values(self) -> dict[str, Any]:
        """Where the kernel says that its controls stand."""
        return self.notebook.python(VALUES, model=self.model)

    def show(self) -> None:
        """Scroll there; no slider is touched."""
        self.notebook.page.evaluate(
            "i => liveLab.explainers()[i].scrollIntoView({ block: 'center' })", self.index
        )

    def touch(self, slider: int) -> tuple[float, float, float]:
        """Put the focus on a slider, which moves nothing; returns where its thumb can go.

        That is the left and right end of its way, and how far down it is.
        """
        box = self.notebook.page.evaluate("at => liveLab.watch(...at)", [self.index, slider])
        return box["left"] + THUMB, box["right"] - THUMB, box["y"] + box["height"] / 2

    def press(self, slider: int, key: str, patience_ms: float = PATIENCE_MS) -> float | None:
        """Milliseconds from a real key on a slider to the frame that shows the new figure.

        None if the slider stands at its end.
        """
        page = self.notebook.page
        self.touch(slider)
        page.keyboard.press(key)
        return page.evaluate("ms => liveLab.answer(ms)", patience_ms)

    def jump(self, slider: int, part: float) -> float | None:
        """Milliseconds from a click on a slider to the new figure; None if it stands there.

        The click is `part` of the way along the slider.

        The hand comes from elsewhere and clicks at once, and then leaves: of where it goes nothing was
        fetched before.
        """
        page = self.notebook.page
        left, right, middle = self.touch(slider)
        page.mouse.click(left + part * (right - left), middle)
        milliseconds = page.evaluate("ms => liveLab.answer(ms)", PATIENCE_MS)
        page.mouse.move(0, 0)
        page.evaluate("liveLab.leave()")
        return milliseconds

    def drag(self, slider: int, seconds: float = 1) -> dict[str, float]:
        """Drag a slider by mouse from end to end, and measure.

        `rate` is figures per second, `drain` milliseconds after its last value, `values` its values per
        second.
        """
        page = self.notebook.page
        left, right, middle = self.touch(slider)
        page.mouse.move(left, middle)
        page.mouse.down()
        start, moves = time.monotonic(), 0
        while (part := (time.monotonic() - start) / seconds) < 1:
            page.mouse.move(left + part * (right - left), middle)
            moves = max(moves + 1, int(60 * (time.monotonic() - start)))  # 60 a second, none made up for
            time.sleep(max(0, start + moves / 60 - time.monotonic()))
        page.mouse.up()
        return page.evaluate("liveLab.dragged()")

    def settled(self, patience_s: float = PATIENCE_MS / 1000) -> tuple[dict[str, Any], dict[str, Any]]:
        """What the page shows and what the kernel draws where the sliders stand.

        Waits until they agree or patience ends.
        """
        end = time.monotonic() + patience_s
        while True:
            shown = self.notebook.page.evaluate("i => liveLab.shown(i)", self.index)
            true = {**self.notebook.python(TRUTH, model=self.model, at=shown["at"]), "trouble": None}
            if shown == true or time.monotonic() > end:
                return shown, true
            time.sleep(0.1)
