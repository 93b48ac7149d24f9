"""The filmstrip: which stops a slider keeps, what its files and its fragment hold, and when a notebook leaves one."""

import io
import json
import math
import re
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from test_explainers import Toy

from nslab.explain import Control
from nslab.explain._filmstrip import FEWEST, FRAMES, SHEET, counts, sheets, stops

STEP = 8  # the most that sixteen levels a channel move a pixel


class Slope(Toy):
    """The toy without the value that it refuses."""

    title = "A line <b> & its slope"

    def compute(self, tau, k):
        return super().compute(tau / 2, k)


class Parsed(HTMLParser):
    """The elements of a fragment with their attributes, and the text inside each."""

    def __init__(self, html):
        super().__init__()
        self.attributes, self.text, self.open = {}, {}, []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        assert tag not in self.attributes, f"one {tag} in a fragment"
        self.attributes[tag] = dict(attrs)
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        tag = self.open[-1] if self.open else ""
        self.text[tag] = self.text.get(tag, "") + data


def data_of(html):
    return json.loads(Parsed(html).text["script"])


def size_of(folder, html):
    return sum(path.stat().st_size for path in folder.iterdir()) + len(html.encode())


def pixels_of(image):
    return np.asarray(image.convert("RGB")).astype(int)


# --- the grid


def numbers(length):
    return Control("n", "number", list(range(length)), start=0)


def words(length):
    return Control("", "data", [f"word {i}" for i in range(length)], start="word 0")


CONTROLS = st.lists(st.integers(1, 200).map(numbers) | st.integers(1, 12).map(words), min_size=1, max_size=3)


@given(CONTROLS)
def test_the_grid_fits_and_no_control_is_starved(controls):
    kept, all_of_them = counts(controls), [len(control.values) for control in controls]
    assert math.prod(kept) <= FRAMES
    assert all(min(FEWEST, n) <= k <= n for k, n in zip(kept, all_of_them, strict=True))
    if math.prod(all_of_them) <= FRAMES:
        assert kept == all_of_them
    for i, n in enumerate(all_of_them):
        assert kept[i] == n or math.prod(kept) // kept[i] * (kept[i] + 1) > FRAMES, (
            "room is left for one more"
        )


@given(CONTROLS)
def test_numbers_are_thinned_evenly(controls):
    kept = counts(controls)
    thinned = [k for k, c in zip(kept, controls, strict=True) if c.numeric and FEWEST < k < len(c.values)]
    assert not thinned or max(thinned) - min(thinned) <= 1


def test_words_are_all_kept_before_numbers_get_more():
    assert counts([numbers(100), words(9), numbers(100)]) == [5, 9, 5]
    assert counts([words(12), words(12), numbers(100)]) == [7, 7, 5], "three such controls cannot keep all"


@given(st.data())
def test_both_ends_and_the_start_are_stops(data):
    length = data.draw(st.integers(1, 300))
    count = data.draw(st.integers(min(length, FEWEST), length))
    start = data.draw(st.integers(0, length - 1))
    positions = stops(length, count, start)
    assert len(positions) == count and positions == sorted(set(positions))
    assert {0, start, length - 1} <= set(positions)
    assert max(np.diff(positions), default=0) <= 2 * math.ceil(length / max(count - 1, 1))


@given(st.lists(st.integers(1, 20), min_size=1, max_size=3))
def test_sheets_hold_every_point_once(shape):
    blocks = sheets(shape)
    points = [point for block in blocks for point in block]
    assert len(set(points)) == len(points) == math.prod(shape)
    assert all(0 <= i < n for point in points for i, n in zip(point, shape, strict=True))
    assert max(map(len, blocks)) <= SHEET
    for block in blocks:
        steps = [sum(abs(a - b) for a, b in zip(*pair, strict=True)) for pair in pairwise(block)]
        assert set(steps) <= {1}


# --- the files


@pytest.fixture(scope="module")
def strip(tmp_path_factory):
    folder, explainer = tmp_path_factory.mktemp("strips"), Slope()
    return explainer, folder, explainer.filmstrip(folder, "strip", "../frames")


def test_a_strip_keeps_its_budget(strip):
    _, folder, html = strip
    assert size_of(folder, html) < 1_500_000


def test_frames_in_the_sheets_are_the_explainers_own(strip):
    explainer, folder, html = strip
    data = data_of(html)
    files = {sheet["src"].removeprefix("../frames/") for sheet in data["sheets"]} | {"strip.webp"}
    assert {path.name for path in folder.iterdir()} == files
    texts = [control["texts"] for control in data["controls"]]
    seen = set()
    for sheet in data["sheets"]:
        stacked = pixels_of(Image.open(folder / sheet["src"].removeprefix("../frames/")))
        frames = np.split(stacked, len(sheet["frames"]))
        for (point, text), pixels in zip(sheet["frames"], frames, strict=True):
            seen.add(tuple(point))
            if point != sheet["frames"][-1][0]:
                continue  # one frame of each sheet
            values = {
                name: next(v for v in control.values if control.text(v) == texts[i][point[i]])
                for i, (name, control) in enumerate(explainer.controls.items())
            }
            png, summary = explainer.frame(**values)
            assert text == summary
            assert abs(pixels - pixels_of(Image.open(io.BytesIO(png)))).max() <= STEP
    assert len(seen) == math.prod(map(len, texts))


def test_the_picture_before_any_script_is_the_frame_of_now(strip):
    explainer, folder, html = strip
    png, summary = explainer.frame()
    start = pixels_of(Image.open(folder / "strip.webp"))
    assert abs(start - pixels_of(Image.open(io.BytesIO(png)))).max() <= STEP
    parsed = Parsed(html)
    assert parsed.attributes["img"]["src"] == "../frames/strip.webp"
    assert parsed.attributes["img"]["alt"] == f"{explainer.title}: {summary}"
    assert parsed.text["pre"] == summary
    assert [int(parsed.attributes["img"][side]) for side in ("height", "width")] == list(start.shape[:2])


def test_a_strip_is_the_same_each_time(tmp_path):
    texts = [Slope().filmstrip(tmp_path / folder, "strip", "frames") for folder in ("a", "b")]
    files = [{p.name: p.read_bytes() for p in (tmp_path / folder).iterdir()} for folder in ("a", "b")]
    assert texts[0] == texts[1] and files[0] == files[1]


def test_a_strip_leaves_the_explainer_alone(tmp_path):
    slope = Slope(tau=0.25)
    before = slope.values, slope.frame()
    slope.filmstrip(tmp_path, "strip")
    assert (slope.values, slope.frame()) == before


# --- the fragment


def test_a_fragment_carries_data_and_no_code(tmp_path):
    html = Slope().filmstrip(tmp_path / "frames", "strip")
    parsed = Parsed(html)
    assert parsed.attributes["script"] == {"type": "application/json"}
    assert not re.search(r'\son\w+="|https?:|//', html)
    assert "<b>" not in html, "a title is text"
    root = parsed.attributes["div"]
    assert (root["role"], root["aria-label"], root["data-at"]) == ("group", Slope.title, "5,2")
    assert parsed.attributes["pre"]["aria-live"] == "polite"
    data = data_of(html)
    assert data["controls"] == [
        {
            "symbol": "τ",
            "word": "slope",
            "texts": [Slope.tau.text(v) for v in Slope.tau.values],
            "start": 5,
        },
        {"symbol": "K", "word": "points", "texts": ["1", "3", "10", "32", "100"], "start": 2},
    ]
    assert data["sheets"][0]["src"] == "frames/strip-0.webp", "the folder's own name, unless said"


def test_a_strip_starts_where_the_controls_stand(tmp_path):
    slope = Slope(tau=0.31, k=3)
    html = slope.filmstrip(tmp_path, "strip")
    assert Parsed(html).attributes["div"]["data-at"] == "3,1"
    assert "slope 0.15 n 3" in Parsed(html).text["pre"], "the stop nearest to 0.31"


@pytest.mark.parametrize(
    ("folder", "name", "error", "words"),
    [
        (3, "strip", TypeError, ["folder", "3"]),
        ("frames", "", ValueError, ["name", "''"]),
        ("frames", "a/b", ValueError, ["name", "'a/b'"]),
        ("frames", "a b", ValueError, ["name", "'a b'"]),
        ("frames", 7, TypeError, ["name", "7"]),
    ],
)
def test_bad_names_are_refused(tmp_path, folder, name, error, words):
    with pytest.raises(error) as caught:
        Slope().filmstrip(tmp_path / folder if isinstance(folder, str) else folder, name)
    assert all(word in str(caught.value) for word in words)
    assert list(tmp_path.iterdir()) == []


# --- the hook


def test_a_notebook_leaves_the_widget_unless_asked(monkeypatch):
    monkeypatch.delenv("NSLAB_FILMSTRIPS", raising=False)
    data, _ = Slope()._repr_mimebundle_()
    assert "text/html" not in data and "image/png" in data


def test_a_notebook_leaves_strips_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("NSLAB_FILMSTRIPS", str(tmp_path / "frames"))
    monkeypatch.setenv("NSLAB_FILMSTRIPS_URL", "../_static/frames")
    slope = Slope()
    bundles = [slope._repr_mimebundle_()[0] for _ in range(2)]
    assert all(set(bundle) == {"text/html", "text/plain"} for bundle in bundles)
    assert all(bundle["text/plain"] == repr(slope) for bundle in bundles)
    sources = [Parsed(bundle["text/html"]).attributes["img"]["src"] for bundle in bundles]
    first, second = (int(re.fullmatch(r"../_static/frames/Slope-(\d+)\.webp", src)[1]) for src in sources)
    assert second == first + 1, "two of one class stand in one chapter"
    assert (tmp_path / "frames" / f"Slope-{first}.webp").exists()
    monkeypatch.delenv("NSLAB_FILMSTRIPS_URL")
    html = slope._repr_mimebundle_()[0]["text/html"]
    assert Parsed(html).attributes["img"]["src"] == f"frames/Slope-{second + 1}.webp"
