"""The base of the scenes: marks, frames, both renderers' common ground.

The protocol with a view and a walk through every scene are tested too.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import random
import re
import sys
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from explainers_on_data import CLASSES, build
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nslab.explain import SoftmaxWeights, _base
from nslab.explain._base import Axis, Control, Dots, Handle, Line, Note, Panel, Stage, linear_grid
from nslab.explain._base import page as pages
from nslab.explain._base.frames import SAME, Frame, framed, layout, packed
from nslab.explain._base.marks import Mark
from nslab.explain._base.palette import ROLES, SCENE
from nslab.explain._base.stage import PLAIN
from nslab.explain._base.still import ALONG, DRAW, drawn
from nslab.practice import predict

BASE = Path(_base.__file__).parent
MOVES = 1000

# --- every scene


@pytest.fixture(scope="module", params=CLASSES, ids=lambda cls: cls.__name__)
def scene(request):
    return build(request.param)


def inside(scene, frames: Sequence[Frame]) -> bool:
    """Whether every place that moves lies on its axis, in all frames."""
    for (name, channel), rows in zip(
        scene._layout, zip(*(frame.rows for frame in frames), strict=True), strict=True
    ):
        mark = scene._stage.marks[name]
        panel = scene._stage.panels[mark.panel]
        letter = mark.axis if channel == "at" else ALONG.get(channel)
        known = np.concatenate(rows)
        known = known[~np.isnan(known)]
        assert np.isfinite(known).all()
        if letter:
            part = getattr(panel, letter).part(known)
            assert (part > -1e-6).all() and (part < 1 + 1e-6).all(), f"{name}.{channel} leaves its axis"
    return True


def test_both_ends_and_the_middle_lie_on_their_axes(scene):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        start = scene.frame()
        for name, control in scene.controls.items():
            for value in (control.values[0], control.values[len(control.values) // 2], control.values[-1]):
                frame = scene.frame(**{name: value})
                assert inside(scene, [frame])
                assert not re.search(r"\bnan\b", frame.text.lower()) and any(c.isdigit() for c in frame.text)
                assert frame.text.count("\n") == start.text.count("\n"), "a summary keeps its number of lines"
    assert same(scene.frame(), start), "a frame leaves no trace in the next"


def same(one: Frame, two: Frame) -> bool:
    return packed([one]) == packed([two])


def test_each_control_moves_the_scene_and_has_enough_stops(scene):
    for name, control in scene.controls.items():
        first, last = (scene.frame(**{name: control.values[i]}) for i in (0, -1))
        assert not same(first, last), f"{name} moves nothing"
        if control.numeric:  # words are a choice, which nobody drags
            assert len(control.values) >= 55, (
                f"{name}: a drag of two seconds shows fewer than 30 frames a second"
            )


def test_a_random_walk_stays_on_the_axes(scene):
    rng, frames = random.Random(0), []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(MOVES):
            name = rng.choice(list(scene.controls))
            setattr(scene, name, rng.choice(scene.controls[name].values))
            frames.append(scene.frame())
            assert not re.search(r"\bnan\b", frames[-1].text.lower())
        assert inside(scene, frames)


def test_a_frame_is_small_and_moves_few_elements(scene):
    headers, buffer = packed([scene.frame()])
    assert len(json.dumps(headers)) + len(buffer) <= 4096
    points = {name: len(row) for (name, _), row in zip(scene._layout, scene.frame().rows, strict=True)}
    kinds = {name: type(scene._stage.marks[name]).__name__ for name in points}
    assert sum(points[name] for name in points if kinds[name] in ("Pictures", "Words")) <= 400


def test_the_output_of_a_cell_is_a_still_and_the_same_numbers(scene):
    data, _ = scene._repr_mimebundle_()
    assert set(data) == {"text/plain", "image/png", "application/vnd.jupyter.widget-view+json"}
    assert data["text/plain"] == repr(scene) == scene.summary(scene.at())
    picture = np.asarray(Image.open(io.BytesIO(data["image/png"])).convert("RGB"))
    assert (picture[:, [0, -1]] > 250).all() and (picture[-1] > 250).all(), "nothing is cut off"


# --- a toy


@dataclass(frozen=True)
class Slope:
    slope: float
    n: int


class Toy(_base.Explainer):
    question = "How steep?"
    title = "A line <b> & its slope"
    tau = Control("τ", "slope", linear_grid(0, 1, 11), start=0.5, play=True)
    k = Control("K", "points", [1, 3, 10, 32, 100], start=10)

    def compute(self, tau, k):
        if tau == 1:
            raise RuntimeError("no slope of one")
        return Slope(tau, k)

    def stage(self):
        return Stage(
            panels={"line": Panel("A line", Axis("x", 0, 1), Axis("y", 0, 1))},
            marks={
                "line": Line("line", x=[0, 1]),
                "dots": Dots(
                    "line", "negative", y=[0.5] * 100, roles=["hard"], tips=["a dot"] * 100, picks="k"
                ),
                "here": Handle("line", along={"y": "tau"}, x=[1]),
                "says": Note("line", x=[0.1], y=[0.9]),
            },
            key={"hard": "the last one"},
        )

    def scene(self, result):
        return {
            "line": {"y": [0, result.slope]},
            "dots": {"x": np.linspace(0, 1, result.n), "role": ["negative"] * (result.n - 1) + ["hard"]},
            "says": {"text": f"{result.n} dots"},
        }

    def summary(self, result):
        return f"slope {result.slope:.4g} n {result.n}"


class Steady(Toy):
    """The toy without the value that it refuses."""

    def compute(self, tau, k):
        return Slope(tau / 2, k)


@pytest.fixture
def toy():
    toy = Toy()
    toy.sent = []
    toy.send = lambda message, buffers=None: toy.sent.append((message, buffers))
    return toy


def ask(toy, **message):
    toy._answer(toy, {"view": "v1", **message}, [])
    return toy.sent[-1]


def unpacked(message, buffers, spec):
    """The frames of a message, as scene.js reads them."""
    numbers, start, rows, found = np.frombuffer(buffers[0], "<f4"), 0, [], []
    for header in message["frames"]:
        fresh = []
        for i, size in enumerate(header["sizes"]):
            if size == SAME:
                fresh.append(rows[i])
            else:
                fresh.append(numbers[start : start + size])
                start += size
        rows = fresh
        found.append(
            {f"{name}.{channel}": row for (name, channel), row in zip(spec["layout"], rows, strict=True)}
        )
    assert start == len(numbers)
    return found


def test_a_reply_holds_the_numbers_of_the_frame(toy):
    message, buffers = ask(toy, kind="hello")
    assert {key: message[key] for key in ("kind", "at", "texts", "view")} == {
        "kind": "now", "at": [5, 2], "texts": ["0.5", "10"], "view": "v1",
    }  # fmt: skip
    assert message["frames"][0]["text"] == "slope 0.5 n 10" and message["frames"][0]["notes"] == ["10 dots"]
    (frame,) = unpacked(message, buffers, toy._spec)
    assert frame["line.y"].tolist() == [0, 0.5]
    assert frame["here.y"].tolist() == [0.5], "a handle stands where its control does"
    assert [ROLES[int(i)] for i in frame["dots.role"]] == ["negative"] * 9 + ["hard"]
    assert "dots.y" not in frame, "what the stage gives is not sent again"


def test_values_start_where_asked_and_at_leaves_them_alone(toy):
    assert toy.values == {"tau": 0.5, "k": 10} and Toy(tau=0.2).values == {"tau": 0.2, "k": 10}
    assert toy.at(tau=0.1) == Slope(0.1, 10)
    assert toy.values == {"tau": 0.5, "k": 10}


def test_python_may_stand_between_two_stops(toy):
    ask(toy, kind="hello")
    toy.tau = 0.123
    message, _ = toy.sent[-1]
    assert (message["kind"], message["at"], message["texts"]) == ("now", [1, 2], ["0.123", "10"])


def test_a_start_between_two_stops_is_a_stop_of_its_own():
    toy = Toy(tau=0.123)
    assert toy.controls["tau"].values == sorted([*Toy.tau.values, 0.123])
    assert toy._values_at(toy._positions()) == toy.values
    assert 0.123 not in Toy.tau.values, "the class keeps its stops"


def test_nothing_is_sent_before_a_view_says_hello(toy):
    toy.tau = 0.1
    assert toy.sent == []


def test_slider_handle_and_trait_give_the_same_frame(toy):
    ask(toy, kind="hello")
    moved = ask(toy, kind="move", at=[3, 2], need=True)  # what a slider and a handle both send
    toy.tau = 0.5
    toy.tau = 0.3
    pushed = toy.sent[-1]
    assert (moved[0]["kind"], pushed[0]["kind"]) == ("moved", "now")
    assert moved[0]["frames"] == pushed[0]["frames"] and moved[1] == pushed[1]
    assert pushed[0]["view"] is None, "every view follows"


def test_a_move_reaches_traits_and_observers_once(toy):
    heard = []
    toy.observe(lambda change: heard.append(change.new), "tau")
    ask(toy, kind="hello")
    ask(toy, kind="move", at=[3, 2], need=True)
    assert toy.tau == 0.3 and heard == [0.3] and [sent["kind"] for sent, _ in toy.sent] == ["now", "moved"]
    message, buffers = ask(toy, kind="move", at=[4, 2], need=False)
    assert message == {"kind": "moved", "at": [4, 2], "frames": [], "view": "v1"} and buffers is None
    assert toy.tau == 0.4


def test_a_row_is_fetched_ahead_without_moving_and_without_repeating(toy):
    row = [[i, 2] for i in (6, 4, 10, 0)]
    message, buffers = ask(toy, kind="ahead", at=row)
    assert message["asked"] == row
    assert [frame["at"] for frame in message["frames"]] == [
        [6, 2],
        [4, 2],
        [0, 2],
    ], "the one that fails is left out"
    frames = unpacked(message, buffers, toy._spec)
    assert [frame["line.y"][1] for frame in frames] == pytest.approx([0.6, 0.4, 0])
    assert message["frames"][1]["sizes"].count(SAME) == 2, "x and role of the dots"
    assert toy.values == {"tau": 0.5, "k": 10}


def test_a_point_may_be_held_elsewhere(toy):
    toy.pulled = lambda mark, point, x, y, tau, k: Slope(x, point)
    message, buffers = ask(toy, kind="pull", at=[5, 2], point=["dots", 3, 0.25, 0.5])
    assert message["kind"] == "pulled" and message["frames"][0]["text"] == "slope 0.25 n 3"
    (frame,) = unpacked(message, buffers, toy._spec)
    assert frame["line.y"].tolist() == [0, 0.25]
    assert toy.values == {"tau": 0.5, "k": 10}


def test_the_weight_of_a_negative_follows_its_score():
    scene = build(SoftmaxWeights)
    at = {"tau": 0.1, "k": 64, "anchor": 0}
    before, after = scene.at(**at), scene.pulled("items", 5, 0.9, 0.5, **at)
    (place,) = np.flatnonzero(before.ids == 5)
    assert (
        after.scores[place] == 0.9
        and (np.delete(after.scores, place) == np.delete(before.scores, place)).all()
    )
    ratio = after.weights[place] / after.weights[0] * before.weights[0] / before.weights[place]
    assert ratio == pytest.approx(np.exp((0.9 - before.scores[place]) / 0.1), rel=1e-9)
    assert scene.at(**at).weights.tolist() == before.weights.tolist()


def test_an_observer_may_move_another_control(toy):
    toy.observe(lambda change: setattr(toy, "k", 100), "tau")
    ask(toy, kind="hello")
    message, _ = ask(toy, kind="move", at=[3, 2], need=False)
    assert (message["kind"], message["at"], message["view"]) == ("now", [3, 4], "v1")


def test_a_failure_is_shown_and_raised(toy):
    ask(toy, kind="hello")
    with pytest.raises(RuntimeError, match="no slope of one"):
        ask(toy, kind="move", at=[10, 2], need=True)
    assert toy.sent[-1][0] == {
        "kind": "error",
        "of": "move",
        "view": "v1",
        "text": "RuntimeError: no slope of one",
    }


def test_threads_do_not_mix_frames_or_stills():
    toys = [Steady(), Steady()]
    alone = [[(toy.frame(tau=i / 10), toy.still(tau=i / 10)) for i in range(2)] for toy in toys]
    found: list[list[Any]] = [[], []]

    def work(j):
        found[j] = [(toys[j].frame(tau=i / 10), toys[j].still(tau=i / 10)) for i in range(2)]

    threads = [threading.Thread(target=work, args=(j,)) for j in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, two in zip(found[0] + found[1], alone[0] + alone[1], strict=True):
        assert same(one[0], two[0]) and one[1] == two[1]


def test_the_question_stands_until_the_message_is_revealed(toy):
    assert toy._heading == "How steep?"
    toy.reveal()
    assert toy._heading == Toy.title


def test_the_message_waits_for_a_prediction():
    toy, asked = Toy(), predict("How steep?", {"a": "flat", "b": "steep"})
    toy.reveal(asked)
    asked.reveal("a", {"a": "It is.", "b": "It is not."})
    assert toy._heading == "How steep?", "nobody has chosen yet"
    asked.choice = "b"
    asked.reveal("a", {"a": "It is.", "b": "It is not."})
    assert toy._heading == Toy.title
    again = Toy()
    again.reveal(asked)
    assert again._heading == Toy.title


@pytest.mark.parametrize(
    ("controls", "error", "words"),
    [
        ({"tau": 2.0}, ValueError, ["tau", "2.0"]),
        ({"tau": "low"}, TypeError, ["tau", "'low'"]),
        ({"tau": float("nan")}, ValueError, ["tau", "nan"]),
        ({"k": 2.5}, TypeError, ["k", "2.5"]),
        ({"k": True}, TypeError, ["k", "True"]),
        ({"alpha": 1.0}, TypeError, ["alpha", "tau, k"]),
    ],
)
def test_bad_values_are_refused_by_name(toy, controls, error, words):
    with pytest.raises(error) as caught:
        toy.frame(**controls)
    assert all(word in str(caught.value) for word in words)
    if "alpha" not in controls:
        with pytest.raises(error):
            setattr(toy, *next(iter(controls.items())))


def test_an_explainer_has_one_to_three_controls():
    with pytest.raises(TypeError, match="1 to 3 controls"):
        type("Bare", (_base.Explainer,), {"title": "none"})()


def test_a_start_off_the_grid_is_refused():
    with pytest.raises(ValueError, match="start"):
        Control("τ", "temperature", [0.1, 0.2], start=0.15)


def test_words_may_be_controls():
    control = Control("", "data", ["digits", "Lee"], start="Lee")
    assert control.nearest("Lee") == 1 and control.validate(None, "digits") == "digits"
    with pytest.raises(ValueError, match="news"):
        control.validate(None, "news")


@pytest.mark.parametrize("bad", [np.zeros(3), np.zeros((300, 2))])
def test_softmax_weights_wants_one_long_row(bad):
    with pytest.raises(ValueError, match="scores"):
        SoftmaxWeights(bad)


# --- what a stage and a scene may not say

PANEL = {"p": Panel("one", Axis("x", 0, 1), Axis("y", 0, 1))}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Stage(PANEL, {"a": Line("q")}), ["panel", "'a'", "'q'"]),
        (lambda: Stage(PANEL, {"a": Line("p", "pink")}), ["role", "'pink'"]),
        (lambda: Stage(PANEL, {}, key={"pink": "?"}), ["key", "'pink'"]),
        (lambda: Stage(PANEL, {"a": Dots("p", pulls="z")}), ["pulls", "'z'"]),
        (lambda: layout(Stage(PANEL, {"a": Line("p")}), {"b": {}}), ["scene", "'b'"]),
        (lambda: layout(Stage(PANEL, {"a": Line("p", x=[1])}), {"a": {}}), ["a has no y"]),
        (lambda: layout(Stage(PANEL, {"a": Line("p")}), {"a": {"x": 1, "y": 1, "z": 1}}), ["Line", "'z'"]),
    ],
)
def test_what_does_not_fit_is_refused(make, words):
    with pytest.raises(ValueError) as caught:
        make()
    assert all(word in str(caught.value) for word in words)


def test_a_scene_moves_the_same_channels_each_time_and_all_its_points():
    stage = Stage(PANEL, {"a": Line("p")})
    moving = layout(stage, {"a": {"x": [0], "y": [0]}})
    with pytest.raises(ValueError, match="same channels"):
        framed(stage, moving, {"a": {"y": [0]}}, "")
    with pytest.raises(ValueError, match="a moves 1 points, but its y has 2"):
        framed(stage, moving, {"a": {"x": [0], "y": [0, 1]}}, "")
    with pytest.raises(ValueError, match=r"y must be one row .* \(1, 2\)"):
        framed(stage, moving, {"a": {"x": [0], "y": [[0, 1]]}}, "")


def test_the_key_draws_lines_as_lines():
    marks = {
        "solid": Line("p", "anchor"),
        "dashed": Line("p", "hard", dashed=True),
        "both": Line("p", "positive"),
        "dots": Dots("p", "positive"),
    }
    stage = Stage(PANEL, marks)
    assert stage.strokes == {"anchor": "stroke", "hard": "dashed"}
    assert [entry[2] for entry in stage.spec()["key"]] == ["stroke", "", "dashed"]


def test_a_handle_must_move_a_control():
    class Lost(Toy):
        def stage(self):
            return Stage(PANEL, {"here": Handle("p", along={"x": "alpha"}, y=[0])})

    with pytest.raises(ValueError, match=r"here must move one of .* 'alpha'"):
        Lost()


# --- frames


rows = st.lists(st.floats(width=32, allow_nan=True), min_size=1, max_size=5).map(
    lambda v: np.array(v, np.float32)
)


@given(st.lists(st.tuples(rows, rows), min_size=1, max_size=6))
def test_packed_frames_come_back(pairs):
    frames = [Frame(pair, (), str(i)) for i, pair in enumerate(pairs)]
    headers, buffer = packed(frames)
    spec = {"layout": [("a", "x"), ("a", "y")]}
    found = unpacked({"frames": headers}, [buffer], spec)
    for frame, back in zip(frames, found, strict=True):
        assert [back["a.x"].tobytes(), back["a.y"].tobytes()] == [row.tobytes() for row in frame.rows]
    for (one, two), header in zip(pairwise(frames), headers[1:], strict=True):
        repeated = [a.tobytes() == b.tobytes() for a, b in zip(one.rows, two.rows, strict=True)]
        assert [size == SAME for size in header["sizes"]] == repeated


# --- axes


@given(st.floats(0.001, 1000), st.floats(1.1, 1000), st.booleans())
def test_ticks_lie_on_the_axis_in_order(low, ratio, log):
    axis = Axis("x", low, low * ratio, log)
    parts = [float(axis.part(at)) for at, _ in axis.spec()["ticks"]]
    assert parts == sorted(parts) and len(parts) <= 7
    assert all(-1e-6 <= part <= 1 + 1e-6 for part in parts)


# --- both renderers


def kinds() -> list[type[Mark]]:
    exported = [getattr(_base, name) for name in _base.__all__]
    return [
        kind for kind in exported if isinstance(kind, type) and issubclass(kind, Mark) and kind is not Mark
    ]


def test_what_a_stage_fixes_is_as_long_as_its_points():
    stage, moves = gallery()
    moving = layout(stage, moves | {"Handle": {"x": [0.5]}})
    lengths: dict[str, set[int]] = {}
    for (name, _), row in zip(
        moving, framed(stage, moving, moves | {"Handle": {"x": [0.5]}}, "").rows, strict=True
    ):
        lengths.setdefault(name, {len(fixed) for fixed in stage.marks[name].fixed.values()}).add(len(row))
    assert all(len(found) == 1 for found in lengths.values()), lengths


def test_both_renderers_know_every_mark():
    script = (BASE / "scene.js").read_text(encoding="utf-8")
    block = re.search(r"const marks = \{(.*?)\n  \};", script, re.DOTALL)[1]
    in_browser = set(re.findall(r"^    ([A-Z]\w+)\(", block, re.MULTILINE))
    assert in_browser == {kind.__name__ for kind in kinds()} == {kind.__name__ for kind in DRAW}


def test_the_style_sheet_has_the_palette():
    sheet = (BASE / "scene.css").read_text(encoding="utf-8")
    light = dict(re.findall(r"--(\w+): light-dark\((#\w+),", sheet))
    assert {role: light[role].upper() for role in ROLES} == {
        role: color.upper() for role, color in SCENE.items()
    }
    assert all(f".nslab-scene .{role} " in sheet for role in ROLES)


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize(("place", "ground"), [(0, "#ffffff"), (1, "#111111"), (1, "#212121")])
def test_marks_stand_out_from_their_ground(place, ground):
    sheet = (BASE / "scene.css").read_text(encoding="utf-8")
    pairs = dict(re.findall(r"--(\w+): light-dark\((#\w+, #\w+)\)", sheet))
    for role in ROLES:
        light, dark = sorted(luminance(c) for c in (pairs[role].split(", ")[place], ground))
        assert (dark + 0.05) / (light + 0.05) >= (4.5 if role in ("ink", "focus") else 3), role


def gallery() -> tuple[Stage, dict[str, dict[str, Any]]]:
    """Every mark once, with something that moves."""
    third = np.array([0.2, 0.5, 0.8])
    images = np.eye(4)[[0, 1, 2]].reshape(3, 2, 2)
    fixed: dict[str, Any] = {
        "Line": {"x": third, "dashed": True},
        "Steps": {"x": third},
        "Band": {"x": third},
        "Rule": {},
        "Dots": {"x": third, "scale": 0.3, "roles": ["hard", "positive"]},
        "Pictures": {"x": third, "images": images, "scale": 0.4, "tips": ["one", "two", "three"]},
        "Words": {"x": third, "words": ["cat", "dog", "owl"], "scale": 0.3},
        "Stems": {"x": third},
        "Bars": {"x": third, "width": 0.2},
        "Links": {"x": third, "y": [0.1] * 3, "x2": third[::-1]},
        "Arrows": {"x": third, "y": [0.1] * 3, "x2": [0.5] * 3},
        "Cells": {"shape": (2, 3), "roles": ["hard"]},
        "Note": {"x": [0.5], "y": [0.5], "align": "middle"},
        "Handle": {"along": {"x": "tau"}, "y": [0.5]},
    }
    moves: dict[str, dict[str, Any]] = {
        "Line": {"y": [0.2, 0.9, 0.4]},
        "Steps": {"y": [0.2, 0.9, 0.4]},
        "Band": {"low": [0.1, 0.2, 0.3], "high": [0.5, 0.9, 0.6]},
        "Rule": {"at": 0.4},
        "Dots": {"y": [0.3, 0.5, 0.7], "size": [0.1, 0.5, 1], "role": ["negative", "hard", "positive"]},
        "Pictures": {"y": [0.3, 0.5, 0.7], "size": [0.1, 0.5, 1]},
        "Words": {"y": [0.3, 0.5, 0.7], "size": [0.1, 0.5, 1]},
        "Stems": {"y": [0.3, 0.5, 0.7]},
        "Bars": {"y": [0.3, 0.5, 0.7]},
        "Links": {"y2": [0.9, 0.5, 0.7]},
        "Arrows": {"y2": [0.9, 0.5, 0.7], "width": [1, 3, 6]},
        "Cells": {"value": [0, 0.2, 0.4, 0.6, 0.8, 1], "role": ["negative"] * 5 + ["hard"]},
        "Note": {"text": "a note"},
        "Handle": {},
    }
    panels = {name: Panel(name, Axis("", 0, 1, ticks={0: "0", 1: "1"}), PLAIN) for name in fixed}
    made = [kind(kind.__name__, "negative", **fixed[kind.__name__]) for kind in kinds()]  # type: ignore[call-arg]
    marks = {type(mark).__name__: mark for mark in made}
    return Stage(panels, marks), moves


class Gallery(_base.Explainer):
    """Half of the marks, or the other half: fourteen panels do not fit."""

    title = "Every mark"
    half = 0
    tau = Control("τ", "place", linear_grid(0, 1, 11), start=0.5)

    def compute(self, tau):
        return tau

    def stage(self):
        stage, _ = gallery()
        names = list(stage.marks)[self.half :: 2]
        return Stage(
            {name: stage.panels[name] for name in names}, {name: stage.marks[name] for name in names}
        )

    def scene(self, result):
        return {name: moves for name, moves in gallery()[1].items() if name in self._stage.marks}

    def summary(self, result):
        return f"tau {result}"


class OtherHalf(Gallery):
    half = 1


@pytest.mark.parametrize("half", [Gallery, OtherHalf])
def test_the_still_draws_every_mark(half):
    every = half()
    figure = drawn(every._stage, every._layout, every.frame(), "Every mark")
    for axes in figure.axes:
        box = axes.get_window_extent()
        pixels = np.asarray(figure.canvas.buffer_rgba())  # type: ignore[attr-defined]
        height = len(pixels)
        inner = pixels[
            height - int(box.y1) + 3 : height - int(box.y0) - 3, int(box.x0) + 3 : int(box.x1) - 3, :3
        ]
        assert (inner < 250).any(), f"nothing of {axes.get_title(loc='left')} is drawn"


# --- a page without a kernel


def table_of(text: str) -> tuple[list[dict[str, Any]], bytes]:
    """The headers and the numbers of a table, as scene.js reads them."""
    raw = gzip.decompress(base64.b64decode(re.search(r'= "([^"]+)";', text)[1]))
    length = int(np.frombuffer(raw[:4], np.uint32)[0])
    along, headers = json.loads(raw[4 : 4 + length])
    low, middle, high = np.frombuffer(raw[4 + length :], np.uint8).reshape(3, -1).astype(np.int64)
    moved = low + (middle << 8) + (high << 16)
    bits, start, before = np.where(moved % 2, -(moved + 1) // 2, moved // 2), 0, {}
    for channel, size in (pair for header in headers for pair in enumerate(header["sizes"])):
        if size == SAME:
            continue
        row = bits[start : start + size]
        if along:
            row[:] = row.cumsum()
        elif channel in before and len(before[channel]) == size:
            row += before[channel]
        before[channel], start = row, start + size
    return headers, (bits << pages.DROPPED).astype("<u4").tobytes()


def data_of(html: str) -> dict[str, Any]:
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', html, re.DOTALL)[1])


def test_a_page_has_the_frames_of_the_explainer(tmp_path):
    steady = Steady(tau=0.31)
    html = steady.page(tmp_path / "frames", "toy")
    data = data_of(html)
    headers, buffer = table_of((tmp_path / "frames" / "toy.js").read_text(encoding="utf-8"))
    texts = [control["texts"] for control in data["controls"]]
    taus, ks = (steady.controls[name].values for name in ("tau", "k"))
    assert 0.31 in taus and len(headers) == len(texts[0]) * len(texts[1]) == len(taus) * len(ks) == 60
    found = unpacked({"frames": headers}, [buffer], data)
    for j, k in enumerate(ks):
        for i, tau in enumerate(taus):
            frame = steady.frame(tau=tau, k=k)
            back, header = found[j * 12 + i], headers[j * 12 + i]
            assert (header["text"], header["notes"]) == (frame.text, list(frame.notes))
            for (name, channel), row in zip(data["layout"], frame.rows, strict=True):
                assert back[f"{name}.{channel}"] == pytest.approx(row, rel=1 / 2048)
    assert 'data-at="4,2"' in html and 'data-frames="frames/toy.js"' in html
    assert data["first"]["text"] == "slope 0.155 n 10" and data["title"] == Toy.title
    assert "<b>" not in re.sub(r"<script.*", "", html, flags=re.DOTALL), "a title is text"
    assert not re.search(r'\son\w+="|https?:', html)
    assert steady.tau == 0.31, "the explainer stays where it was"


@given(st.lists(st.tuples(rows, rows), min_size=1, max_size=6))
def test_a_table_gives_its_numbers_back_without_their_last_bits(pairs):
    headers, buffer = table_of(pages.table("t", [Frame(pair, (), "") for pair in pairs]))
    spec = {"layout": [("a", "x"), ("a", "y")]}
    found = unpacked({"frames": headers}, [buffer], spec)
    for pair, back in zip(pairs, found, strict=True):
        for row, number in zip(pair, ("a.x", "a.y"), strict=True):
            assert back[number].tobytes() == pages._short(row).tobytes()


def test_a_page_is_the_same_each_time(tmp_path):
    texts = [Steady().page(tmp_path / folder, "toy", "frames") for folder in ("a", "b")]
    files = [(tmp_path / folder / "toy.js").read_bytes() for folder in ("a", "b")]
    assert texts[0] == texts[1] and files[0] == files[1]


def test_a_page_keeps_its_budget():
    wide = [Control("n", "number", list(range(200)), start=0) for _ in range(3)]
    kept = pages.counts(wide)
    assert np.prod(kept) <= pages.FRAMES and min(kept) >= pages.FEWEST
    for control, count in zip(wide, kept, strict=True):
        positions = pages.stops(len(control.values), count, 7)
        assert {0, 7, 199} <= set(positions) and len(positions) == count


def test_a_page_keeps_all_of_a_few_points_to_pick_and_the_first_of_many():
    for many, kept in ((6, [0, 1, 2, 3, 4, 5]), (9, [0, 1, 2, 3, 4, 7])):
        control = Control("", "point", list(range(many)), start=0)
        assert pages.grid_of({"n": control}, [min(7, many - 1)], {"n"}) == [kept]


@pytest.mark.parametrize(("folder", "name", "error"), [(3, "toy", TypeError), ("frames", "a/b", ValueError)])
def test_bad_names_of_a_page_are_refused(tmp_path, folder, name, error):
    with pytest.raises(error, match="folder" if folder == 3 else "'a/b'"):
        Steady().page(tmp_path / folder if isinstance(folder, str) else folder, name)


def test_a_notebook_leaves_pages_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("NSLAB_FRAMES", str(tmp_path / "frames"))
    monkeypatch.setenv("NSLAB_FRAMES_URL", "../_static/frames")
    steady = Steady()
    bundle = steady._repr_mimebundle_()[0]
    assert set(bundle) == {"text/html", "text/plain"} and bundle["text/plain"] == repr(steady)
    source = re.search(r'data-frames="([^"]+)"', bundle["text/html"])[1]
    assert re.fullmatch(r"../_static/frames/Steady-\d+\.js", source)
    assert (tmp_path / "frames" / source.rsplit("/", 1)[1]).exists()


# --- the page for newcomers


def test_the_explainer_in_contributing_works():
    contributing = (BASE.parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", contributing, re.DOTALL)[1]
    module = ModuleType("nslab.explain.first_hit")
    module.__package__ = "nslab.explain"
    sys.modules[module.__name__] = module
    try:
        exec(code, module.__dict__)
        first_hit = module.FirstHit()
        assert inside(first_hit, [first_hit.frame(k=256, rho=0.5)])
        assert first_hit.still().startswith(b"\x89PNG")
        assert len(code.strip().splitlines()) <= 50
    finally:
        del sys.modules[module.__name__]
