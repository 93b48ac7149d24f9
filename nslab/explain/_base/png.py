"""A figure as one picture that keeps its numbers: what is seen where no widget runs."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from nslab.explain._base.palette import INK

SIZE, MARGIN = 13, 8  # pixels
COLORS = 256  # a palette takes a third of the bytes, and no color moves by more than a shade


def png(pixels: NDArray[np.uint8]) -> bytes:
    """An RGBA frame as a PNG without transparency."""
    return _written(Image.fromarray(pixels).convert("RGB"))


def captioned_png(pixels: NDArray[np.uint8], text: str) -> bytes:
    """A frame with its summary below.

    A notebook on the web, or exported, shows a widget as this picture alone.

    >>> frame = np.full((20, 200, 4), 255, dtype=np.uint8)
    >>> picture = Image.open(io.BytesIO(captioned_png(frame, "H = 1.2 nats")))
    >>> picture.width, picture.height > 20 + 13
    (200, True)
    """
    figure, font = Image.fromarray(pixels).convert("RGB"), _font()
    drawing = ImageDraw.Draw(figure)
    _, _, width, height = drawing.multiline_textbbox((0, 0), text, font)
    size = max(figure.width, round(width) + 2 * MARGIN), figure.height + round(height) + 2 * MARGIN
    whole = Image.new("RGB", size, "white")
    whole.paste(figure)
    ImageDraw.Draw(whole).multiline_text((MARGIN, figure.height + MARGIN), text, INK, font)
    return _written(whole.quantize(COLORS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE))


def _written(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


@cache
def _font() -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSansMono.ttf"), SIZE)
