"""The published course, opened from its folder without a network.

It is whole, quiet and readable for everyone, and its figures move.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import nbformat
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import BrowserContext, Locator, Page

from tools.lab.store_notebooks import executed, texts
from tools.site import build

SITE = Path(__file__).resolve().parents[2] / "build" / "site"
PAGES = sorted(SITE.rglob("*.html"))
MOST_BYTES = 15e6  # of 22 chapters and pages, with their frames
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
SHADES = 32  # of 255
FEW_PIXELS = 200  # edges smoothed anew are under 100, the least move of a control is over 300
LOOK_MS = 200  # a reader's hand reaches a slider so long before it moves it

pytestmark = pytest.mark.skipif(not PAGES, reason="there is no build/site: run `make site` first")
every_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(SITE).as_posix())

# Milliseconds from a key to the frame in which a figure says that it stands elsewhere.
TIME = """root => {
  window.answer = new Promise((done) => {
    addEventListener("keydown", (event) => {
      const answer = () => done(performance.now() - event.timeStamp);
      const seen = () => scheduler.postTask(answer, { priority: "user-blocking" });
      new MutationObserver(() => requestAnimationFrame(seen)).observe(root, { attributeFilter: ["data-at"] });
    }, { capture: true, once: true });
  });
}"""

# Words of figures that stand outside of them.
OUTSIDE = """() => [...document.querySelectorAll(".nslab-scene")].flatMap((root) => {
  const { left, right } = root.getBoundingClientRect();
  const visible = (text) => text.checkVisibility({ visibilityProperty: true });
  const seen = [...root.querySelectorAll("svg text")].filter(visible);
  const words = seen.map((text) => [text.textContent, text.getBoundingClientRect()]);
  const beyond = ([, box]) => box.width && (box.left < left - 4 || box.right > right + 4);
  return words.filter(beyond).map(([text]) => text);
})"""


@dataclass
class Parsed(HTMLParser):
    """What a page names: its anchors, where it links, what it loads, and images that say nothing."""

    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in ("script", "img", "source", "iframe") and "src" in given:
            self.parts.append(given["src"])
        if tag == "link" and given.get("rel") not in ("canonical", "search"):
            self.parts.append(given["href"])
        if tag == "img" and "alt" not in given:
            self.silent.append(given["src"])


@cache
def parsed(path: Path) -> Parsed:
    page = Parsed()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def missing(path: Path, link: str) -> bool:
    """Whether a link within the site leads nowhere."""
    parts = urlsplit(link)
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_file():
        return True
    return (
        bool(parts.fragment)
        and target.suffix == ".html"
        and unquote(parts.fragment) not in parsed(target).ids
    )


@every_page
def test_links_lead_somewhere_and_images_are_described(path: Path) -> None:
    page = parsed(path)
    inside = [link for link in page.links if not urlsplit(link).scheme and link not in ("", "#")]
    assert [link for link in inside if missing(path, link)] == []
    assert [
        part for part in page.parts if urlsplit(part).scheme not in ("", "data") or part.startswith("//")
    ] == []
    assert page.silent == []


def test_a_chapter_that_ran_in_part_shows_what_a_whole_run_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chapter = build.ROOT / "notebooks" / "05_temperature.ipynb"
    ran = build.run(chapter)
    monkeypatch.setenv("NSLAB_FRAMES", str(tmp_path))
    monkeypatch.setenv("NSLAB_FRAMES_URL", f"../{build.FRAMES}/{chapter.stem}")
    whole = executed(chapter, threads=1)
    assert texts(nbformat.read(ran / "executed.ipynb", as_version=4)) == texts(whole)
    frames = [
        {path.name: path.read_bytes() for path in folder.iterdir()}
        for folder in (ran / build.FRAMES, tmp_path)
    ]
    assert frames[0] == frames[1] and len(frames[0]) == 3


def test_the_site_is_light() -> None:
    assert sum(path.stat().st_size for path in SITE.rglob("*") if path.is_file()) <= MOST_BYTES


@dataclass
class Heard:
    """What a page did while it was open."""

    complaints: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)


@pytest.fixture
def opened(browser: BrowserContext, path: Path) -> Iterator[tuple[Page, Heard]]:
    assert browser.browser
    context = browser.browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    page, heard = context.new_page(), Heard()
    page.on("console", lambda m: heard.complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: heard.complaints.append(str(error)))
    page.on("requestfailed", lambda request: heard.complaints.append(f"failed: {request.url}"))
    page.on("request", lambda request: heard.fetched.append(request.url))
    page.goto(path.as_uri())
    yield page, heard
    context.close()


def grave(page: Page, **rules: Any) -> list[tuple[str, str]]:
    """Serious and critical violations that axe finds: the rule, and where it is broken."""
    options = {
        "resultTypes": ["violations"],
        "preload": False,
        "runOnly": rules,
    }  # a folder allows no preloading
    return [
        (violation["id"], node["html"][:200])
        for violation in Axe().run(page, options=options).response["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


@every_page
def test_a_page_is_quiet_and_readable(opened: tuple[Page, Heard]) -> None:
    page, heard = opened
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    assert grave(page, type="tag", values=WCAG) == []
    page.emulate_media(color_scheme="dark")
    assert grave(page, type="rule", values=["color-contrast"]) == [], "in the dark"
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert heard.complaints == []
    assert [url for url in heard.fetched if not url.startswith(("file:", "data:", "blob:"))] == []


def shown(scene: Locator) -> tuple[str | None, bytes]:
    """The numbers of a scene, and its figure as it looks: a page in a folder may not read a canvas."""
    return scene.locator(".nslab-summary").text_content(), scene.locator(".nslab-stage").screenshot()


def same(one: tuple[str | None, bytes], two: tuple[str | None, bytes]) -> bool:
    """Whether two figures say and show the same.

    A browser that draws a part anew smooths a few edges differently, and a figure that stands between two
    rows of pixels may be cut off a row later.
    """
    images = [np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int) for _, png in (one, two)]
    shapes = np.array([image.shape for image in images])
    if np.ptp(shapes, axis=0).max() > 1:
        return False
    rows, columns, _ = shapes.min(axis=0)
    first, second = (image[:rows, :columns] for image in images)
    other = np.abs(first - second).max(axis=-1) > SHADES
    return one[0] == two[0] and other.sum() <= FEW_PIXELS


def stands(scene: Locator, slider: int) -> int:
    at = scene.get_attribute("data-at")
    assert at
    return int(at.split(",")[slider])


def wait_for(page: Page, scene: Locator, slider: int, position: int) -> None:
    at = [scene.element_handle(), slider, position]
    page.wait_for_function("([root, i, p]) => Number(root.dataset.at.split(',')[i]) === p", arg=at)


def wait_until_moved(page: Page, scene: Locator, slider: int) -> None:
    page.wait_for_function(
        "([root, i]) => Number(root.dataset.at.split(',')[i]) > 0", arg=[scene.element_handle(), slider]
    )


@pytest.mark.parametrize(
    "path",
    [path for path in PAGES if re.search("nslab-scene", path.read_text(encoding="utf-8"))],
    ids=lambda path: path.relative_to(SITE).as_posix(),
)
def test_every_figure_moves(
    opened: tuple[Page, Heard], path: Path, record: Callable[[str, Any], None]
) -> None:
    page, heard = opened
    firsts: list[float] = []
    for scene in page.locator(".nslab-scene").all():
        scene.scroll_into_view_if_needed()
        sliders = scene.locator("input[type=range]").all()
        assert sliders
        for i, slider in enumerate(sliders):
            last = int(slider.get_attribute("max") or 0)
            if i == 0:
                scene.evaluate(TIME)
                slider.focus()
                page.wait_for_timeout(LOOK_MS)
                page.keyboard.press("ArrowRight" if stands(scene, 0) < last else "ArrowLeft")
                firsts.append(page.evaluate("window.answer"))
            slider.focus()
            page.keyboard.press("Home")
            wait_for(page, scene, i, 0)
            left = shown(scene)
            page.keyboard.press("End")
            wait_for(page, scene, i, last)
            right = shown(scene)
            assert not same((None, left[1]), (None, right[1])), (
                f"{slider.get_attribute('aria-label')} changes nothing that one sees"
            )
            box = slider.bounding_box()
            assert box
            page.mouse.click(box["x"] + 2, box["y"] + box["height"] / 2)
            wait_for(page, scene, i, 0)
            assert same(shown(scene), left)
            if last > 1:  # at an end the next control may move nothing
                page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
                wait_until_moved(page, scene, i)
    for width in (1280, 1000, 390, 360):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(LOOK_MS)
        assert page.evaluate(OUTSIDE) == [], width
    assert heard.complaints == []
    p50, most = np.percentile(firsts, [50, 100])
    record(f"site-{path.stem}", {"first_ms": firsts, "p50": round(p50, 1), "most": round(most, 1)})
