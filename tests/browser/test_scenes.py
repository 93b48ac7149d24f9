"""Scenes in a real JupyterLab.

Slider, handle, click and Python move the same scene, and trouble is said under it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext

from tools.browser import live_lab

TESTS = Path(__file__).resolve().parents[1] / "explain"
BUILT = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
from explainers_on_data import build, explain
weights = build(explain.SoftmaxWeights)
weights
"""
TOY = """
from test_scenes import Toy
Toy()
"""
SLOW = "import time; time.sleep(5)"


@pytest.fixture(scope="module")
def notebook(
    browser: BrowserContext, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[live_lab.Notebook]:
    folder = tmp_path_factory.mktemp("scenes")
    live_lab.write_notebook(folder / "scenes.ipynb", BUILT, TOY, "weights")
    with live_lab.server(folder) as running:
        opened = live_lab.Notebook(browser, running.address("scenes.ipynb"))
        opened.run()
        assert opened.trouble() == []
        yield opened
        opened.close()


@pytest.fixture
def weights(notebook: live_lab.Notebook) -> live_lab.Figure:
    figure = notebook.explainers()[0]
    figure.show()
    return figure


def settle(figure: live_lab.Figure) -> dict:
    shown, true = figure.settled()
    assert shown == true
    return shown


def middle(notebook: live_lab.Notebook, selector: str) -> tuple[float, float]:
    box = notebook.page.locator(f".nslab-scene {selector}").first.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_handle_moves_its_slider_and_its_trait(weights: live_lab.Figure) -> None:
    weights.press(0, "Home")
    settle(weights)
    mouse = weights.notebook.page.mouse
    x, y = middle(weights.notebook, ".handle")
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + 120, y, steps=8)
    mouse.up()
    dragged = settle(weights)
    assert dragged["at"][0] > 10
    time.sleep(0.3)
    assert weights.values()["tau"] > 0.02
    weights.notebook.page.locator(".nslab-scene .handle").first.focus()
    weights.notebook.page.keyboard.press("ArrowLeft")
    stepped = settle(weights)
    assert stepped["at"][0] == dragged["at"][0] - 1
    weights.press(0, "ArrowRight")
    assert settle(weights) == dragged, "slider and handle give the same scene"


def test_a_click_on_a_picture_makes_it_the_anchor(weights: live_lab.Figure) -> None:
    weights.press(2, "Home")
    assert settle(weights)["at"][2] == 0
    page = weights.notebook.page
    x, y = middle(weights.notebook, "g.nslab-mark g.hard")
    page.mouse.move(x, y)
    page.locator(".nslab-scene .nslab-tip").first.wait_for()
    assert "click: anchor" in page.locator(".nslab-scene .nslab-tip").first.inner_text()
    page.mouse.down()
    page.mouse.up()
    assert settle(weights)["at"][2] > 0


def test_a_picture_held_elsewhere_comes_back(weights: live_lab.Figure) -> None:
    before = settle(weights)
    mouse = weights.notebook.page.mouse
    x, y = middle(weights.notebook, "g.nslab-mark g.hard")
    mouse.move(x, y)
    mouse.down()
    mouse.move(x - 100, y, steps=5)
    weights.notebook.page.wait_for_function(
        "text => liveLab.explainers()[0].querySelector('.nslab-summary').textContent !== text",
        arg=before["text"],
    )
    mouse.up()
    assert settle(weights) == before, "neither moved nor picked"


def test_play_runs_to_the_end(weights: live_lab.Figure) -> None:
    weights.press(0, "Home")  # the ▶ of a temperature runs downwards, and starts again at the other end
    page = weights.notebook.page
    page.locator(".nslab-scene .nslab-pace").first.click()
    page.locator(".nslab-scene .nslab-play").first.click()
    last = weights.sliders[0]["last"]
    for between in ("0 < at && at < last", "at === 0"):
        page.wait_for_function(
            f"last => {{ const at = Number(liveLab.inputs(0)[0].value); return {between} }}", arg=last
        )
    assert settle(weights)["at"][0] == 0


def test_a_failure_is_said_under_the_figure_and_in_the_log(notebook: live_lab.Notebook) -> None:
    toy = notebook.explainers()[1]
    toy.touch(0)
    notebook.page.keyboard.press("End")
    trouble = notebook.page.get_by_text("RuntimeError: no slope of one")
    trouble.wait_for()
    logged = "() => liveLab.noise.includes('RuntimeError: no slope of one')"
    notebook.page.wait_for_function(logged)
    toy.press(0, "Home")
    settle(toy)
    assert not trouble.is_visible()


def test_a_busy_cell_does_not_stop_the_scene(weights: live_lab.Figure) -> None:
    weights.press(0, "Home")
    page = weights.notebook.page
    page.evaluate("code => void liveLab.kernel.requestExecute({ code, store_history: false })", SLOW)
    start = time.monotonic()
    for position in (0.3, 0.6):
        assert weights.jump(0, position) is not None
    assert time.monotonic() - start < 4
    settle(weights)


def test_two_views_and_python_agree(weights: live_lab.Figure) -> None:
    again = weights.notebook.explainers()[2]
    weights.press(0, "ArrowRight")
    assert settle(weights) == settle(again)
    weights.notebook.python("__import__('__main__').weights.tau = 0.123; print(0)")
    reported = "() => [0, 2].every((i) => liveLab.explainers()[i].innerText.includes('τ = 0.123'))"
    weights.notebook.page.wait_for_function(reported)
    one, two = (weights.notebook.page.evaluate("i => liveLab.shown(i)", i) for i in (0, 2))
    assert one == two
