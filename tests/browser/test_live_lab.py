"""What the browser tests rest on sees trouble where there is some."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext

from benchmarks.explainers import BARE_PAGE
from tools.browser import live_lab

# A figure that is another one each time it is drawn, and cannot be drawn at the right end.
TOY = """
from itertools import count
from nslab.explain import Control, Explainer
from nslab.explain._base import Line, Panel, Stage
turn = count()

class Toy(Explainer):
    title = "A toy"
    n = Control("n", "number", [1, 2, 3], start=1)

    def compute(self, n):
        if n == 3:
            raise RuntimeError("no third")
        return n

    def stage(self):
        return Stage({"one": Panel("one")}, {"line": Line("one", x=[0, 1])})

    def scene(self, result):
        return {"line": {"y": [0, next(turn) / 1000]}}

    def summary(self, result):
        return "always the same"

Toy()
"""
CELLS = (
    TOY,
    "from IPython.display import Javascript; Javascript('console.error(\"in the browser\")')",
    "import sys; print('a warning', file=sys.stderr)",
    "1 / 0",
    "'never run'",
)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("troubled")
    live_lab.write_notebook(folder / "toy.ipynb", *CELLS)
    return folder


def test_every_kind_of_trouble_is_reported(browser: BrowserContext, course: Path) -> None:
    with live_lab.server(course) as running:
        notebook = live_lab.Notebook(browser, running.address("toy.ipynb"))
        notebook.run()
        found = "\n".join(notebook.trouble())
        for words in (
            "console: in the browser",
            "stderr: a warning",
            "ZeroDivisionError",
            "not run: 'never run'",
        ):
            assert words in found
        assert "no third" not in found

        (toy,) = notebook.explainers()
        assert [slider["last"] for slider in toy.sliders] == [2]
        shown, true = toy.settled(patience_s=1)
        assert shown["text"] == true["text"] == "always the same" and shown["scene"] != true["scene"]
        toy.press(0, "ArrowRight")
        assert toy.press(0, "Home") is not None and toy.press(0, "Home") is None
        toy.settled(patience_s=1)  # a late answer to the last key would count as one to the next
        with pytest.raises(Exception, match="a new figure"):
            toy.press(0, "End", patience_ms=2000)
        assert "RuntimeError: no third" in "\n".join(notebook.trouble())
        notebook.close()


def test_a_figure_follows_a_hand_that_comes_back_at_once(browser: BrowserContext, course: Path) -> None:
    live_lab.write_notebook(
        course / "back.ipynb", "from nslab import explain; explain.EffectiveMargin(k=100)"
    )
    with live_lab.server(course) as running:
        notebook = live_lab.Notebook(browser, running.address("back.ipynb"))
        notebook.run()
        (figure,) = notebook.explainers()
        figure.touch(0)
        time.sleep(0.5)  # the neighbours are fetched; where it stands itself never was
        for key in ("ArrowRight", "ArrowLeft"):
            notebook.page.keyboard.press(key)
        shown, true = figure.settled(patience_s=5)
        assert shown == true
        notebook.close()


def test_a_slider_in_sight_is_touched_where_it_is(browser: BrowserContext, tmp_path: Path) -> None:
    page = tmp_path / "bare.html"
    page.write_text(f'<meta charset="utf-8"><body style="padding: 3000px 0">{BARE_PAGE}', encoding="utf-8")
    leaf = live_lab.Leaf(browser, page.as_uri())
    (figure,) = leaf.figures(["bare"])
    figure.show()
    leaf.page.evaluate("scrollBy(0, 100)")
    before = leaf.page.evaluate("scrollY")
    assert (figure.press(0, "Home") or 0) > 0 and figure.press(0, "Home") is None
    assert leaf.page.evaluate("scrollY") == before > 2000
    leaf.page.close()


def test_a_missing_browser_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FileNotFoundError, match="apt-get install chromium"):
        live_lab.chromium()
