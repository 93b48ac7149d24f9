"""The base of explainers that are scenes: sliders and handles in the browser, Python behind."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets

from nslab.explain._base.controls import Control, Value
from nslab.explain._base.frames import Frame, Moves, framed, layout, packed
from nslab.explain._base.marks import Handle
from nslab.explain._base.page import page
from nslab.explain._base.stage import Stage

HERE = Path(__file__).parent
# JupyterLab runs callbacks in another thread than cells, and matplotlib is not thread-safe: lock all drawing.
_drawing = threading.RLock()
_pages: Counter[str] = Counter()  # how many of each class this process has written


class Explainer(anywidget.AnyWidget):
    """A scene that sliders and hands move. A subclass declares its `Control`s and writes four small methods:

    - `compute(**controls)` → a dataclass of arrays; a pure function of the controls, on public names of
      nslab;
    - `stage()` → the panels, their axes and the marks; it is asked for once, and nothing of it changes;
    - `scene(result)` → what moves, by mark and by channel: `{"curve": {"y": result.loss}}`;
    - `summary(result)` → the key numbers as text, at four significant digits.

    Controls are traitlets: `explainer.tau = 0.1` moves the scene, `observe` works, and the widget nests in
    an `HBox`. `explainer.at(tau=0.1)` computes a result without a browser. `title` says what the scene
    shows; with a `question` it is asked first, and `reveal()` puts the title in its place.
    """

    _esm = (HERE / "scene.js").read_text(encoding="utf-8") + "\nexport default nslabScene;\n"
    _css = HERE / "scene.css"

    title: ClassVar[str]
    question: ClassVar[str | None] = None
    fetch_ahead: ClassVar[bool] = True  # False where compute takes longer than a few milliseconds

    _spec = traitlets.Dict().tag(sync=True)
    _heading = traitlets.Unicode().tag(sync=True)

    def __init__(self, **start: Value) -> None:
        self._controls = self.declared()
        if not 1 <= len(self._controls) <= 3:
            raise TypeError(f"{type(self).__name__} must have 1 to 3 controls, got {list(self._controls)}")
        super().__init__()
        for name, value in self._checked(start).items():
            setattr(self, name, value)
            self._controls[name] = self._controls[name].with_stop(value)
        self._heading = self.question or self.title
        self._viewed = False
        self._follower: int | None = (
            None  # the thread that takes over a learner's move, and answers it itself
        )
        self._stage = self.stage()
        self._check_hands()
        self._layout = layout(self._stage, self._scene(self.values, self.at())[0])
        self._spec = self._browser_spec()
        self.on_msg(self._answer)
        self.observe(self._push, names=list(self._controls))

    def compute(self, *args: Any, **controls: Any) -> Any:
        raise NotImplementedError

    def stage(self) -> Stage:
        raise NotImplementedError

    def scene(self, result: Any) -> Moves:
        raise NotImplementedError

    def summary(self, result: Any) -> str:
        raise NotImplementedError

    def pulled(self, *args: Any, **controls: Any) -> Any:
        """The result while a hand holds a point elsewhere; pure like `compute`.

        It is called as `pulled(mark, point, x, y, **controls)`.
        """
        raise NotImplementedError

    # --- without a browser

    def declared(self) -> dict[str, Control]:
        """The controls of the class and its parents, as they were written; a subclass may leave some out."""
        return {
            name: trait
            for base in reversed(type(self).__mro__)
            for name, trait in vars(base).items()
            if isinstance(trait, Control)
        }

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

    def frame(self, **controls: Value) -> Frame:
        """The numbers of the scene at these controls, as a browser gets them."""
        return self._frame(self.values | self._checked(controls))

    def still(self, **controls: Value) -> bytes:
        """The scene at these controls as a PNG with its summary below, for where no browser draws it."""
        from nslab.explain._base.still import still  # matplotlib is loaded when something is drawn

        frame = self.frame(**controls)
        with _drawing:
            return still(self._stage, self._layout, frame, self._heading)

    def reveal(self, after: Any = None) -> None:
        """Say what the scene shows, in place of the question that was asked first.

        `after` is a `practice.predict`: the title waits until that is revealed, with a choice, so that
        running all cells answers no question that is still open.
        """
        if after is None or after.revealed:
            self._heading = self.title
        else:
            after.observe(lambda _: self.reveal(after), "revealed")

    def page(self, folder: Path, name: str, url: str | None = None) -> str:
        """HTML that shows the scene on a page without a kernel; it starts where the controls stand.

        Its frames, over at most `page.FRAMES` stops of the controls, are written to `folder` as `name.js`.
        The page reads them from `url` (the folder's own name, unless said), and wants `scene.js` and
        `scene.css` besides.
        """
        return page(
            lambda positions: self._frame(self._values_at(positions)),
            self._controls,
            self._positions(),
            picked={mark.picked for mark in self._stage.marks.values() if mark.picked},
            spec=self._spec,
            heading=self._heading,
            folder=folder,
            name=name,
            url=url,
        )

    def __repr__(self) -> str:
        return self.summary(self.at())

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        folder = os.environ.get("NSLAB_FRAMES")
        if folder:
            kind = type(self).__name__
            _pages[kind] += 1
            html = self.page(Path(folder), f"{kind}-{_pages[kind]}", os.environ.get("NSLAB_FRAMES_URL"))
            return {"text/html": html, "text/plain": repr(self)}, {}
        data, metadata = super()._repr_mimebundle_(**kwargs)  # type: ignore[misc]
        return data | {"image/png": self.still(), "text/plain": repr(self)}, metadata

    # --- frames

    def _scene(self, values: Mapping[str, Value], result: Any) -> tuple[Moves, str]:
        """What moves, with handles where their controls stand; and the summary."""
        moves = dict(self.scene(result))
        for name, mark in self._stage.marks.items():
            if isinstance(mark, Handle):
                stands = {axis: values[control] for axis, control in mark.along.items()}
                moves[name] = stands | dict(moves.get(name, {}))
        return moves, self.summary(result)

    def _frame(self, values: Mapping[str, Value]) -> Frame:
        return framed(self._stage, self._layout, *self._scene(values, self.compute(**values)))

    def _check_hands(self) -> None:
        for name, mark in self._stage.marks.items():
            along = list(mark.along.values()) if isinstance(mark, Handle) else []
            picks = [mark.picked] if mark.picked else []
            for control in along + picks:
                if control not in self._controls:
                    raise ValueError(
                        f"{name} must move one of the controls {list(self._controls)}, got {control!r}"
                    )

    def _checked(self, controls: Mapping[str, Value]) -> dict[str, Value]:
        for name in controls:
            if name not in self._controls:
                raise TypeError(
                    f"{type(self).__name__} has no control {name!r}, only {', '.join(self._controls)}"
                )
        return {name: self._controls[name].validate(self, value) for name, value in controls.items()}

    # --- with a browser

    def _browser_spec(self) -> dict[str, Any]:
        return {
            **self._stage.spec(),
            "title": self.title,
            "layout": [list(place) for place in self._layout],
            "texts": self._stage.notes,
            "controls": [
                {**control.spec(), "start": at}
                for control, at in zip(self._controls.values(), self._positions(), strict=True)
            ],
            "ahead": self.fetch_ahead,
        }

    def _positions(self) -> list[int]:
        return [control.nearest(getattr(self, name)) for name, control in self._controls.items()]

    def _values_at(self, positions: Iterable[int]) -> dict[str, Value]:
        return {
            name: control.values[i]
            for (name, control), i in zip(self._controls.items(), positions, strict=True)
        }

    def _answer(self, _: Any, message: dict[str, Any], __: Any) -> None:
        """Answer one request of a view: `hello`, `move`, `ahead` or `pull`.

        Each gets one reply, which every view hears.
        """
        kind, view = message["kind"], message["view"]
        try:
            if kind == "hello":
                self._viewed = True
                self._send_now(view)
            elif kind == "ahead":
                self._send_ahead(message["at"], view)
            elif kind == "pull":
                self._send_pulled(message["at"], message["point"], view)
            else:
                self._take(message["at"], message["need"], view)
        except Exception as error:
            self.send({"kind": "error", "of": kind, "view": view, "text": _said(error)})
            raise

    def _take(self, at: list[int], need: bool, view: str) -> None:
        self._follow(at)
        if self._positions() != at:  # an observer moved a control again
            self._send_now(view)
        elif need:
            self._send_frames("moved", [(at, self._frame(self.values))], view)
        else:
            self.send({"kind": "moved", "at": at, "frames": [], "view": view})

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
        self._send_frames("now", [(self._positions(), self._frame(self.values))], view, texts=texts)

    def _send_ahead(self, places: list[list[int]], view: str) -> None:
        """Send frames before they are asked for.

        One that fails is left out; it raises when the slider gets there.
        """
        found = []
        for at in places:
            try:
                found.append((at, self._frame(self._values_at(at))))
            except Exception:
                continue
        self._send_frames("ahead", found, view, asked=places)

    def _send_pulled(self, at: list[int], point: tuple[str, int, float, float], view: str) -> None:
        values = self._values_at(at)
        scene = self._scene(values, self.pulled(*point, **values))
        self._send_frames("pulled", [(at, framed(self._stage, self._layout, *scene))], view)

    def _send_frames(
        self, kind: str, found: list[tuple[list[int], Frame]], view: str | None, **more: Any
    ) -> None:
        headers, buffer = packed([frame for _, frame in found])
        frames = [{"at": at, **header} for (at, _), header in zip(found, headers, strict=True)]
        at = found[-1][0] if found else None
        self.send({"kind": kind, "at": at, "frames": frames, "view": view, **more}, buffers=[buffer])


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
