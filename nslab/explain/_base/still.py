"""A scene drawn by matplotlib: what a stored notebook, GitHub and paper show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from nslab.explain._base.frames import Frame, Layout
from nslab.explain._base.marks import (
    Arrows,
    Band,
    Bars,
    Cells,
    Dots,
    Handle,
    Line,
    Links,
    Mark,
    Note,
    Pictures,
    Rule,
    Stems,
    Steps,
    Words,
    bytes_of,
)
from nslab.explain._base.palette import ROLES, SCENE, STYLE
from nslab.explain._base.png import captioned_png
from nslab.explain._base.stage import Axis, Panel, Stage

WIDTH, HEIGHT = 8.4, 3.6  # inches
PIXELS = 640  # of the width, left by margins
LETTER = 7  # pixels: a letter of a tick
TILE = 0.18  # how much of its role's color a picture's ground has
LEAST = 4  # pixels: the side of a point, however small its size
SMALLEST = 11  # pixels: a word's height
ALONG = {"x": "x", "x2": "x", "y": "y", "y2": "y", "low": "y", "high": "y", "base": "y"}

Values = Mapping[str, Any]  # the channels of one mark; places as parts of the panel


def still(stage: Stage, layout: Layout, frame: Frame, heading: str) -> bytes:
    """The scene as a PNG with its summary below."""
    figure = drawn(stage, layout, frame, heading)
    pixels = np.asarray(figure.canvas.buffer_rgba()).copy()  # type: ignore[attr-defined]
    return captioned_png(pixels, frame.text)


def drawn(stage: Stage, layout: Layout, frame: Frame, heading: str) -> Figure:
    """The scene as a figure: the axes first, so that marks know how large their panel is."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, HEIGHT), dpi=100)
        canvas = FigureCanvasAgg(figure)
        shares = [panel.share for panel in stage.panels.values()]
        row = figure.subplots(1, len(shares), squeeze=False, width_ratios=shares)[0]
        axes = dict(zip(stage.panels, row, strict=True))
        figure.suptitle(heading, x=0.01, ha="left", fontsize=12, fontweight="bold")
        for name, panel in stage.panels.items():
            _axes(axes[name], panel, PIXELS * panel.share / sum(shares))
        _key(figure, stage)
        canvas.draw()
        figure.set_layout_engine("none")
        moving: dict[str, dict[str, Any]] = {name: {} for name in stage.marks}
        for (name, channel), row in zip(layout, frame.rows, strict=True):
            moving[name][channel] = row
        texts = dict(zip(stage.notes, frame.notes, strict=True))
        for order, (name, mark) in enumerate(stage.marks.items(), start=1):
            panel, ax = stage.panels[mark.panel], axes[mark.panel]
            values = _parts(panel, mark, {**mark.fixed, **moving[name]})
            if isinstance(mark, Note):
                values["text"] = texts.get(name, mark.text)
            before = set(ax.get_children())
            DRAW[type(mark)](ax, mark, values)
            for artist in set(ax.get_children()) - before:
                artist.set_zorder(order)  # matplotlib has an order by kind; marks lie as the stage names them
        canvas.draw()
    return figure


def _axes(ax: Axes, panel: Panel, width: float) -> None:
    """Axes from 0 to 1 with the panel's ticks where they belong.

    Logarithms are taken in one place, `Axis.part`.
    """
    ax.set(xlim=(0, 1), ylim=(0, 1))
    ax.set_title(panel.title, fontweight="normal", fontsize=10)
    ax.set_box_aspect(1 if panel.square else None)
    for axis, letter, spine in ((panel.x, "x", "bottom"), (panel.y, "y", "left")):
        ticks = axis.spec()["ticks"]
        places, texts = [float(axis.part(at)) for at, _ in ticks], [text for _, text in ticks]
        ax.set(**{f"{letter}ticks": places, f"{letter}ticklabels": texts, f"{letter}label": axis.label})
        ax.spines[spine].set_visible(bool(ticks))
        if letter == "x" and LETTER * max(map(len, texts), default=0) * len(texts) > width:
            ax.tick_params("x", rotation=45)  # they would run into each other


def _key(figure: Figure, stage: Stage) -> None:
    looks: dict[str, dict[str, Any]] = {"stroke": {"ls": "-", "lw": 1.5}, "dashed": {"ls": "--", "lw": 1.5}}
    strokes = stage.strokes
    handles = [
        Line2D(
            [],
            [],
            color=SCENE[role],
            label=text,
            **looks.get(strokes.get(role, ""), {"marker": "o", "ls": ""}),
        )
        for role, text in stage.entries.items()
    ]
    if handles:
        figure.legend(
            handles=handles, loc="outside lower left", ncols=len(handles), handletextpad=0.4, handlelength=1.4
        )


def _parts(panel: Panel, mark: Mark, values: Values) -> dict[str, Any]:
    """The mark's channels, all as long as the shortest, places as parts of the panel."""
    shortest = min((len(row) for row in values.values()), default=0)
    axes: dict[str, Axis] = {"x": panel.x, "y": panel.y}
    cut = {name: np.asarray(row[:shortest], dtype=np.float64) for name, row in values.items()}
    if isinstance(mark, Rule):
        return {"at": axes[mark.axis].part(cut["at"])}
    if isinstance(mark, Bars):
        left, right = (panel.x.part(cut["x"] + half * mark.width) for half in (-0.5, 0.5))
        cut["wide"] = right - left
    return {name: axes[ALONG[name]].part(row) if name in ALONG else row for name, row in cut.items()}


# --- the marks


def _line(ax: Axes, mark: Line, v: Values) -> None:
    ax.plot(v["x"], v["y"], color=SCENE[mark.role], lw=1.5, ls="--" if mark.dashed else "-")


def _steps(ax: Axes, mark: Steps, v: Values) -> None:
    dashes = "--" if mark.dashed else "-"
    ax.plot(v["x"], v["y"], color=SCENE[mark.role], lw=1.5, ls=dashes, drawstyle="steps-post")


def _band(ax: Axes, mark: Band, v: Values) -> None:
    ax.fill_between(v["x"], v["low"], v["high"], color=SCENE[mark.role], alpha=0.25, lw=0)


def _rule(ax: Axes, mark: Rule, v: Values) -> None:
    draw = ax.axhline if mark.axis == "y" else ax.axvline
    for at in v["at"]:
        draw(at, color=SCENE[mark.role], lw=1, ls=":" if mark.dashed else "-")


def _dots(ax: Axes, mark: Dots, v: Values) -> None:
    points = _sides(ax, mark, v) * 72 / ax.figure.dpi  # type: ignore[union-attr]
    ax.scatter(v["x"], v["y"], s=points**2, c=_colors(mark, v), lw=0, clip_on=False)


def _pictures(ax: Axes, mark: Pictures, v: Values) -> None:
    images, box = bytes_of(mark.images) / 255, ax.get_window_extent()
    for i, x, y, side, color in zip(
        _which(v), v["x"], v["y"], _sides(ax, mark, v), _colors(mark, v), strict=True
    ):
        if not np.isfinite(x + y + side):
            continue
        half = np.array([side / box.width, side / box.height]) / 2
        place = (x - half[0], x + half[0], y - half[1], y + half[1])
        ground = 1 - TILE * (1 - np.array(to_rgb(color)))
        ink = images[i][..., None]
        ax.imshow(
            ground * (1 - ink) + np.array(to_rgb(SCENE["ink"])) * ink,
            extent=place,
            aspect="auto",
            interpolation="nearest",
            clip_on=False,
        )
        ax.add_patch(
            Rectangle((place[0], place[2]), *(2 * half), fill=False, ec=color, lw=1.2, clip_on=False)
        )
    ax.set(xlim=(0, 1), ylim=(0, 1))


def _words(ax: Axes, mark: Words, v: Values) -> None:
    for i, x, y, side, color in zip(
        _which(v), v["x"], v["y"], _sides(ax, mark, v), _colors(mark, v), strict=True
    ):
        if np.isfinite(x + y + side):
            size = max(side, SMALLEST) * 72 / ax.figure.dpi  # type: ignore[union-attr]
            ax.text(x, y, mark.words[i], color=color, ha="center", va="center", fontsize=size)


def _stems(ax: Axes, mark: Stems, v: Values) -> None:
    base = v.get("base", np.zeros(len(v["x"])))
    lines = np.stack([np.stack([v["x"], base], -1), np.stack([v["x"], v["y"]], -1)], 1)
    ax.add_collection(LineCollection(list(lines), colors=_colors(mark, v), lw=1.1))


def _bars(ax: Axes, mark: Bars, v: Values) -> None:
    base = v.get("base", np.zeros(len(v["x"])))
    ax.bar(v["x"], v["y"] - base, v["wide"], base, color=_colors(mark, v))


def _links(ax: Axes, mark: Links, v: Values) -> None:
    _shafts(ax, mark, v, head=lambda width: 0)


def _arrows(ax: Axes, mark: Arrows, v: Values) -> None:
    _shafts(ax, mark, v, head=lambda width: 5 + 1.5 * width)


def _shafts(ax: Axes, mark: Links, v: Values, head: Callable[[float], float]) -> None:
    """A straight band from each point to the other, as scene.js draws it.

    It is given in pixels from the panel's corner.
    """
    box = ax.get_window_extent()
    size = np.array([box.width, box.height])
    widths = v.get("width", np.full(len(v["x"]), 1.5))
    shapes, colors = [], []
    for x, y, x2, y2, width, color in zip(
        v["x"], v["y"], v["x2"], v["y2"], widths, _colors(mark, v), strict=True
    ):
        start, way = np.array([x, y]) * size, np.array([x2 - x, y2 - y]) * size
        length = np.hypot(*way)
        if length >= 0.5:  # neither too short to be seen nor without a place
            along = way / length
            across = np.array([-along[1], along[0]])
            neck, half, wing = max(0, length - head(width)), width / 2, (width + head(width)) / 2
            tip = [(neck, wing), (length, 0), (neck, -wing)] if head(width) else []
            corners = [(0, half), (neck, half), *tip, (neck, -half), (0, -half)]
            shapes.append([(start + a * along + c * across) / size for a, c in corners])
            colors.append(color)
    ax.add_collection(PolyCollection(shapes, facecolors=colors, lw=0))


def _cells(ax: Axes, mark: Cells, v: Values) -> None:
    colors = np.array([to_rgb(color) for color in _colors(mark, v)])
    strength = np.nan_to_num(v["value"])[:, None]
    rgb = (1 - strength + strength * colors).reshape(*mark.shape, 3)
    ax.imshow(rgb, extent=(0, 1, 0, 1), aspect="auto", interpolation="nearest")


def _note(ax: Axes, mark: Note, v: Values) -> None:
    side = {"start": "left", "middle": "center", "end": "right"}[mark.align]
    size, weight = (16, "bold") if mark.big else (10, "normal")
    x, y = float(v["x"][0]), float(v["y"][0])
    ax.text(x, y, v["text"], color=SCENE[mark.role], ha=side, fontsize=size, fontweight=weight)


def _handle(ax: Axes, mark: Handle, v: Values) -> None:
    ax.plot(v["x"], v["y"], "o", color=SCENE[mark.role], ms=11, mec="white", mew=1.5, clip_on=False)


DRAW: dict[type[Mark], Callable[[Axes, Any, Values], None]] = {
    Arrows: _arrows,
    Band: _band,
    Bars: _bars,
    Cells: _cells,
    Dots: _dots,
    Handle: _handle,
    Line: _line,
    Links: _links,
    Note: _note,
    Pictures: _pictures,
    Rule: _rule,
    Stems: _stems,
    Steps: _steps,
    Words: _words,
}


def _sides(ax: Axes, mark: Any, v: Values) -> Any:
    """The side of each point in pixels: its area shows its size, and none that has a place vanishes."""
    box = ax.get_window_extent()
    size = v.get("size", np.ones(len(v["x"])))
    return np.maximum(mark.scale * min(box.width, box.height) * np.sqrt(size), LEAST)


def _which(v: Values) -> list[int]:
    """The number of the picture or word of each point."""
    return v["which"].astype(int).tolist() if "which" in v else list(range(len(v["x"])))


def _colors(mark: Any, v: Values) -> list[str]:
    if "role" in v:
        return [SCENE[ROLES[int(i)]] for i in v["role"]]
    return [SCENE[mark.role]] * len(next(iter(v.values())))
