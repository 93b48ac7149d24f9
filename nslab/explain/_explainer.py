"""The base of every explainer: sliders in the browser, real Python behind each frame."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import matplotlib
import numpy as np
import traitlets
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ._base.explainer import _drawing
from ._base.png import captioned_png, png
from ._controls import Control, Value
from ._filmstrip import filmstrip
from ._runs import runs
from ._style import STYLE

_filmstrips: Counter[str] = Counter()  # how many of each class this process has written


class Explainer(anywidget.AnyWidget):
    """A figure that sliders move. A subclass declares its `Control`s and writes four small methods:

    - `compute(**controls)` → a dataclass of arrays; a pure function of the controls, on public names of nslab;
    - `create(figure)` → an object whose attributes are the artists that will move; axes, limits, ticks and
      titles are set here once and never change;
    - `draw(artists, result)` moves those artists;
    - `summary(result)` → the key numbers as text, at four significant digits.

    Controls are traitlets: `explainer.tau = 0.1` moves the figure, `observe` works, and the widget nests in an
    `HBox`. `explainer.at(tau=0.1)` computes a result without a browser.
    """

    _esm = Path(__file__).with_name("explainer.js")
    _css = Path(__file__).with_name("explainer.css")

    title: ClassVar[str]
    size: ClassVar[tuple[float, float]] = (8.4, 3.4)  # inches, 100 pixels each
    fetch_ahead: ClassVar[bool] = True  # False where compute takes longer than a frame

    _spec = traitlets.Dict().tag(sync=True)

    def __init__(self, **start: Value) -> None:
        self._controls = _declared(type(self))
        if not 1 <= len(self._controls) <= 3:
            raise TypeError(f"{type(self).__name__} must have 1 to 3 controls, got {list(self._controls)}")
        self._figure: Figure | None = None
        self._scale = 1  # 2 once a view on a high-density screen has said hello
        self._backdrops: dict[int, NDArray[np.uint8]] = {}  # what never moves, by its width
        self._viewed = False
        self._follower: int | None = (
            None  # the thread that takes over a learner's move, and answers it itself
        )
        spec = {
            "title": self.title,
            "controls": [control.spec() for control in self._controls.values()],
            "width": round(self.size[0] * 100),
            "height": round(self.size[1] * 100),
            "ahead": self.fetch_ahead,
        }
        super().__init__(_spec=spec)
        self.on_msg(self._answer)
        self.observe(self._push, names=list(self._controls))
        for name, value in self._checked(start).items():
            setattr(self, name, value)

    def compute(self, *args: Any, **controls: Any) -> Any:
        raise NotImplementedError

    def create(self, figure: Figure) -> Any:
        raise NotImplementedError

    def draw(self, artists: Any, result: Any) -> None:
        raise NotImplementedError

    def summary(self, result: Any) -> str:
        raise NotImplementedError

    # --- without a browser

    @property
    def controls(self) -> dict[str, Control]:
        """The controls by name, in the order of their sliders."""
        return dict(self._controls)

    @property
    def values(self) -> dict[str, Value]:
        """Where the controls stand now."""
        return {name: getattr(self, name) for name in self._controls}

    def at(self, **controls: Value) -> Any:
        """The result at these controls; those not named stay where they are."""
        return self.compute(**(self.values | self._checked(controls)))

    def frame(self, **controls: Value) -> tuple[bytes, str]:
        """PNG and summary at these controls; those not named stay where they are."""
        pixels, text = self._frame(self.values | self._checked(controls))
        return png(pixels), text

    def __repr__(self) -> str:
        return self.summary(self.at())

    def filmstrip(self, folder: Path, name: str, url: str | None = None) -> str:
        """HTML that shows the figure with its sliders on a page without a kernel; it starts where the controls stand.

        The frames, over at most 256 stops of the controls, are written to `folder` as `name….webp`. The page reads
        them from `url` (the folder's own name, unless said), and wants `filmstrip.js` and `explainer.css` besides.
        """
        return filmstrip(
            lambda positions: self._frame(self._values_at(positions)),
            self._controls,
            self._positions(),
            title=self.title,
            folder=folder,
            name=name,
            url=url,
        )

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        folder = os.environ.get("NSLAB_FILMSTRIPS")
        if folder:
            kind = type(self).__name__
            _filmstrips[kind] += 1
            url = os.environ.get("NSLAB_FILMSTRIPS_URL")
            html = self.filmstrip(Path(folder), f"{kind}-{_filmstrips[kind]}", url)
            return {"text/html": html, "text/plain": repr(self)}, {}
        pixels, text = self._frame(self.values)
        data, metadata = super()._repr_mimebundle_(**kwargs)  # type: ignore[misc]
        return data | {"image/png": captioned_png(pixels, text), "text/plain": text}, metadata

    def _checked(self, controls: dict[str, Value]) -> dict[str, Value]:
        for name in controls:
            if name not in self._controls:
                raise TypeError(
                    f"{type(self).__name__} has no control {name!r}, only {', '.join(self._controls)}"
                )
        return {name: self._controls[name].validate(self, value) for name, value in controls.items()}

    # --- frames

    def _frame(self, values: dict[str, Value]) -> tuple[NDArray[np.uint8], str]:
        result = self.compute(**values)
        with _drawing:
            self._paint(result)
            pixels = np.asarray(self._canvas.buffer_rgba()).copy()
        return pixels, self.summary(result)

    def _paint(self, result: Any) -> None:
        """Move the artists and draw them over the kept backdrop."""
        if self._figure is None:
            self._build()
        assert self._figure is not None
        self.draw(self._artists, result)
        pixels = np.asarray(self._canvas.buffer_rgba())
        pixels[:] = self._backdrops[pixels.shape[1]]
        for artist in self._moving:
            self._figure.draw_artist(artist)

    def _build(self) -> None:
        """Draw once all that never moves, and keep it as the backdrop of every frame."""
        with matplotlib.rc_context(STYLE):
            self._figure = figure = Figure(figsize=self.size, dpi=100 * self._scale)
            self._canvas = canvas = FigureCanvasAgg(figure)
            self._artists = self.create(figure)
            self._moving = sorted(_artists(self._artists), key=lambda artist: artist.get_zorder())
            for artist in self._moving:
                artist.set_animated(True)
                artist.set_in_layout(False)
            canvas.draw()
            figure.set_layout_engine("none")
            canvas.draw()
            pixels = np.asarray(canvas.buffer_rgba())
            self._backdrops[pixels.shape[1]] = pixels.copy()

    # --- with a browser

    def _positions(self) -> list[int]:
        return [control.nearest(getattr(self, name)) for name, control in self._controls.items()]

    def _values_at(self, positions: list[int]) -> dict[str, Value]:
        return {
            name: control.values[i]
            for (name, control), i in zip(self._controls.items(), positions, strict=True)
        }

    def _answer(self, _: Any, message: dict[str, Any], __: Any) -> None:
        """Answer one request of a view: `hello`, `move` or `ahead`. Each gets one reply, which every view hears.

        Before the reply to `hello` comes the backdrop; frames are sent as what differs from it.
        """
        kind, view = message["kind"], message["view"]
        at: list[int] = message.get("at", [])
        try:
            if kind == "hello":
                self._welcome(message["scale"], view)
            elif kind == "ahead":
                self._send_image("ahead", at, self._values_at(at), view=view)
            else:
                self._follow(at)
                if self._positions() != at:  # an observer moved a control again
                    self._send_now(view)
                elif message["need"]:
                    self._send_image("moved", at, self._values_at(at), view=view)
                else:
                    self.send({"kind": "moved", "at": at, "view": view})
        except Exception as error:
            self.send({"kind": "error", "of": kind, "view": view, "text": f"{type(error).__name__}: {error}"})
            if kind != "ahead":  # nobody has asked for that frame yet
                raise

    def _welcome(self, scale: float, view: str) -> None:
        with _drawing:
            if scale > self._scale:
                self._scale, self._figure = 2, None
            if self._figure is None:
                self._build()
            width, height = self._canvas.get_width_height()
        self._viewed = True
        self.send({"kind": "backdrop", "size": [width, height]}, buffers=runs(self._backdrops[width]))
        self._send_now(view)

    def _follow(self, positions: list[int]) -> None:
        """Take over the learner's move, so that Python sees and observers hear the new values."""
        self._follower = threading.get_ident()
        try:
            with self.hold_trait_notifications():
                for name, value in self._values_at(positions).items():
                    setattr(self, name, value)
        finally:
            self._follower = None

    def _push(self, _: Any) -> None:
        if self._viewed and self._follower != threading.get_ident():
            self._send_now(view=None)

    def _send_now(self, view: str | None) -> None:
        texts = [control.text(getattr(self, name)) for name, control in self._controls.items()]
        self._send_image("now", self._positions(), self.values, view=view, texts=texts)

    def _send_image(self, kind: str, at: list[int], values: dict[str, Value], **more: Any) -> None:
        pixels, text = self._frame(values)
        height, width, _ = pixels.shape
        self.send(
            {"kind": kind, "at": at, "text": text, "size": [width, height], **more},
            buffers=runs(pixels, self._backdrops[width]),
        )


def _declared(cls: type) -> dict[str, Control]:
    """The controls of a class and its parents, in the order they were written."""
    return {
        name: trait
        for base in reversed(cls.__mro__)
        for name, trait in vars(base).items()
        if isinstance(trait, Control)
    }


def _artists(holder: Any) -> Iterator[Artist]:
    """Every artist in an object's attributes, lists and dictionaries."""
    if isinstance(holder, Artist):
        yield holder
    elif isinstance(holder, dict):
        for item in holder.values():
            yield from _artists(item)
    elif isinstance(holder, list | tuple):
        for item in holder:
            yield from _artists(item)
    elif hasattr(holder, "__dict__"):
        yield from _artists(vars(holder))
