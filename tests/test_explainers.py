"""Every explainer at both ends and the middle of each control and along a random walk; and the base's protocol."""

import io
import random
import threading
import warnings
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from explainers_on_data import PICTURES, build
from PIL import Image

from nslab import explain
from nslab.explain._controls import Control, integer_grid, linear_grid

MOVES = 100  # the browser tests walk ten times as far
DRAWN = 4  # every so many moves of the walk are drawn, the slowest part


@pytest.fixture(scope="module", params=PICTURES, ids=lambda cls: cls.__name__)
def built(request):
    explainer = build(request.param)
    explainer.frame()  # draws the axes, whose limits the tests compare
    return explainer


@pytest.fixture
def explainer(built):
    start = built.values
    yield built
    for name, value in start.items():
        setattr(built, name, value)


def limits(explainer):
    return [(axes.get_xlim(), axes.get_ylim()) for axes in explainer._figure.axes]


def stands(control):
    """Both ends of a control, and its middle."""
    return control.values[0], control.values[len(control.values) // 2], control.values[-1]


def test_both_ends_and_the_middle_are_drawn_and_printed(explainer):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        start, text = explainer.frame()
        assert start.startswith(b"\x89PNG")
        fixed = limits(explainer)
        for name, control in explainer.controls.items():
            seen = []
            for value in stands(control):  # the other controls stay where they start
                pixels, summary = explainer._frame(explainer.values | {name: value})  # to write a PNG is slow
                assert any(c.isdigit() for c in summary) and "nan" not in summary.lower()
                assert summary.count("\n") == text.count("\n"), "a summary keeps its number of lines"
                seen.append(pixels)
            assert not np.array_equal(seen[0], seen[-1]), f"{name} changes no pixel between its ends"
    assert limits(explainer) == fixed, "axes never move"
    assert explainer.frame() == (start, text), "drawing leaves no trace in the next frame"


def test_a_random_walk_meets_no_exception(explainer):
    rng = random.Random(0)
    fixed = limits(explainer)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for move in range(MOVES):
            name = rng.choice(list(explainer.controls))
            setattr(explainer, name, rng.choice(explainer.controls[name].values))
            result = explainer.at()
            assert "nan" not in explainer.summary(result).lower()
            if move % DRAWN == 0:
                explainer._paint(result)  # a frame without its PNG
    assert limits(explainer) == fixed


def test_a_drag_has_enough_stops(explainer):
    for name, control in explainer.controls.items():
        assert len(control.values) >= 55, (
            f"{name}: a sweep in about two seconds shows fewer than 30 frames each"
        )


def test_compute_is_pure(explainer):
    first, again = explainer.at(), explainer.at()
    assert explainer.summary(first) == explainer.summary(again)


def test_the_static_output_is_figure_and_numbers(explainer):
    data, _ = explainer._repr_mimebundle_()
    assert set(data) == {"text/plain", "image/png", "application/vnd.jupyter.widget-view+json"}
    assert data["text/plain"] == repr(explainer) == explainer.summary(explainer.at())
    figure = image_of(explainer.frame()[0])
    picture = np.asarray(Image.open(io.BytesIO(data["image/png"])).convert("RGB"))
    height, width, _ = figure.shape
    assert np.abs(picture[:height, :width].astype(int) - figure).max() <= 16, "to a shade"
    below = picture[height:]
    assert (below.min((1, 2)) < 100).any(), "the numbers stand below"
    assert (below[:, [0, -1]] > 250).all() and (below[-1] > 250).all(), "and are not cut off"


# --- the base


@dataclass(frozen=True)
class Line:
    slope: float
    n: int


class Toy(explain.Explainer):
    title = "A line"
    tau = Control("τ", "slope", linear_grid(0, 1, 11), start=0.5)
    k = Control("K", "points", integer_grid(1, 100, 5), start=10)

    def compute(self, tau, k):
        if tau == 1:
            raise RuntimeError("no slope of one")
        return Line(tau, k)

    def create(self, figure):
        axes = figure.subplots()
        axes.set(xlim=(0, 1), ylim=(0, 1))
        return SimpleNamespace(line=axes.plot([0, 1], [0, 0])[0], texts=[axes.text(0.1, 0.9, "")])

    def draw(self, artists, result):
        artists.line.set_ydata([0, result.slope])
        artists.texts[0].set_text(f"{result.n}")

    def summary(self, result):
        return f"slope {result.slope:.4g} n {result.n}"


@pytest.fixture
def toy():
    toy = Toy()
    toy.sent = []
    toy.send = lambda message, buffers=None: toy.sent.append((message, buffers))
    return toy


def ask(toy, **message):
    toy._answer(toy, {"view": "v1", **message}, [])
    return toy.sent[-1]


def pixels_of(toy, message, buffers):
    """The RGB image that the browser puts together from a message and the backdrop sent before."""
    backdrop = next(sent for sent in toy.sent if sent[0] == {"kind": "backdrop", "size": message["size"]})
    still, moving = (
        np.repeat(np.frombuffer(colours, np.uint32), np.frombuffer(lengths, np.uint16))
        for colours, lengths in (backdrop[1], buffers)
    )
    width, height = message["size"]
    return np.where(moving == 0, still, moving).view(np.uint8).reshape(height, width, 4)[..., :3]


def image_of(png):
    return np.asarray(Image.open(io.BytesIO(png)))


def test_values_start_where_asked():
    assert Toy().values == {"tau": 0.5, "k": 10}
    assert Toy(tau=0.25).values == {"tau": 0.25, "k": 10}


@pytest.mark.parametrize(
    ("controls", "error", "words"),
    [
        ({"tau": 2.0}, ValueError, ["tau", "2.0"]),
        ({"tau": float("nan")}, ValueError, ["tau", "nan"]),
        ({"tau": "low"}, TypeError, ["tau", "'low'"]),
        ({"k": 2.5}, TypeError, ["k", "2.5"]),
        ({"k": True}, TypeError, ["k", "True"]),
        ({"alpha": 1.0}, TypeError, ["alpha", "tau, k"]),
    ],
)
def test_bad_values_are_refused_by_name(toy, controls, error, words):
    with pytest.raises(error) as caught:
        toy.at(**controls)
    assert all(word in str(caught.value) for word in words)
    if "alpha" not in controls:
        with pytest.raises(error):
            setattr(toy, *next(iter(controls.items())))


def test_at_leaves_the_controls_alone(toy):
    assert toy.at(tau=0.1) == Line(0.1, 10)
    assert toy.values == {"tau": 0.5, "k": 10}


def test_nothing_is_sent_before_a_view_says_hello(toy):
    toy.tau = 0.1
    assert toy.sent == []


def test_hello_is_answered_with_the_frame_of_now(toy):
    toy.tau = 0.1
    message, buffers = ask(toy, kind="hello", scale=1)
    assert message == {
        "kind": "now", "at": [1, 2], "text": "slope 0.1 n 10", "size": [840, 340], "texts": ["0.1", "10"], "view": "v1",
    }  # fmt: skip
    assert pixels_of(toy, message, buffers).tolist() == image_of(toy.frame()[0]).tolist()


def test_a_dense_screen_gets_twice_the_pixels(toy):
    message, buffers = ask(toy, kind="hello", scale=1.5)
    assert message["size"] == [1680, 680]
    assert pixels_of(toy, message, buffers).shape == (680, 1680, 3)


def test_a_move_reaches_traits_and_observers_once(toy):
    heard = []
    toy.observe(lambda change: heard.append(change.new), "tau")
    ask(toy, kind="hello", scale=1)
    message, _ = ask(toy, kind="move", at=[3, 2], need=True)
    assert (message["kind"], message["at"], message["text"]) == ("moved", [3, 2], "slope 0.3 n 10")
    assert (
        toy.tau == 0.3
        and heard == [0.3]
        and [sent["kind"] for sent, _ in toy.sent] == ["backdrop", "now", "moved"]
    )
    assert ask(toy, kind="move", at=[4, 2], need=False) == (
        {"kind": "moved", "at": [4, 2], "view": "v1"},
        None,
    )
    assert toy.tau == 0.4 and heard == [0.3, 0.4]


def test_fetching_ahead_moves_nothing(toy):
    message, _ = ask(toy, kind="ahead", at=[7, 0])
    assert (
        message["kind"] == "ahead"
        and message["text"] == "slope 0.7 n 1"
        and toy.values == {"tau": 0.5, "k": 10}
    )


def test_python_moves_the_figure(toy):
    ask(toy, kind="hello", scale=1)
    toy.tau = 0.123
    message, _ = toy.sent[-1]
    assert (message["kind"], message["at"], message["texts"], message["view"]) == (
        "now",
        [1, 2],
        ["0.123", "10"],
        None,
    )


def test_an_observer_may_move_another_control(toy):
    toy.observe(lambda change: setattr(toy, "k", 100), "tau")
    ask(toy, kind="hello", scale=1)
    message, _ = ask(toy, kind="move", at=[3, 2], need=False)
    assert (message["kind"], message["at"], message["view"]) == ("now", [3, 4], "v1")


def test_a_failure_is_shown_and_raised(toy):
    ask(toy, kind="hello", scale=1)
    with pytest.raises(RuntimeError, match="no slope of one"):
        ask(toy, kind="move", at=[10, 2], need=True)
    assert toy.sent[-1] == (
        {"kind": "error", "of": "move", "view": "v1", "text": "RuntimeError: no slope of one"},
        None,
    )


def test_a_failure_ahead_is_told_but_not_raised(toy):
    message, _ = ask(toy, kind="ahead", at=[10, 2])
    assert message == {"kind": "error", "of": "ahead", "view": "v1", "text": "RuntimeError: no slope of one"}


def test_threads_do_not_mix_figures():
    toys = [Toy(), Toy()]
    alone = [[toy.frame(tau=i / 10)[0] for i in range(10)] for toy in toys]
    found: list[list[bytes]] = [[], []]

    def work(j):
        found[j] = [toys[j].frame(tau=i / 10)[0] for i in range(10)]

    threads = [threading.Thread(target=work, args=(j,)) for j in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == alone


def test_an_explainer_has_one_to_three_controls():
    with pytest.raises(TypeError, match="1 to 3 controls"):
        type("Bare", (explain.Explainer,), {"title": "none"})()


def test_a_start_off_the_grid_is_refused():
    with pytest.raises(ValueError, match="start"):
        Control("τ", "temperature", [0.1, 0.2], start=0.15)


def test_words_may_be_controls():
    control = Control("", "data", ["digits", "Lee"], start="Lee")
    assert control.nearest("Lee") == 1 and control.validate(None, "digits") == "digits"
    with pytest.raises(ValueError, match="news"):
        control.validate(None, "news")


@pytest.mark.parametrize("bad", [torch.zeros(3), torch.zeros(300, 2)])
def test_softmax_weights_wants_one_long_row(bad):
    with pytest.raises(ValueError, match="scores"):
        explain.SoftmaxWeights(bad)
