"""One palette with fixed roles, one figure style, one way to print a number."""

from __future__ import annotations

from typing import Any

# Okabe & Ito (2008): distinguishable with every common color vision.
ANCHOR = "#0072B2"
POSITIVE = "#009E73"
NEGATIVE = "#56B4E9"
HARD = "#D55E00"
SEMI_HARD = "#E69F00"
FALSE_NEGATIVE = "#CC79A7"
FOCUS = "#882255"  # where the controls stand, and what they set
INK = "#333333"
FAINT = "#BBBBBB"
COLORS = {
    "anchor": ANCHOR,
    "positive": POSITIVE,
    "negative": NEGATIVE,
    "hard": HARD,
    "semi_hard": SEMI_HARD,
    "false_negative": FALSE_NEGATIVE,
    "focus": FOCUS,
    "ink": INK,
    "faint": FAINT,
}

# The same hues, each with a contrast of 3 with white. scene.css has these, and those for the dark.
SCENE = {
    "anchor": "#0072B2",
    "positive": "#009E73",
    "negative": "#3594CF",
    "hard": "#D55E00",
    "semi_hard": "#BC7D00",
    "false_negative": "#C2649A",
    "focus": "#882255",
    "ink": "#333333",
    "faint": "#8C8C8C",
}
ROLES = tuple(SCENE)

STYLE: Any = {
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.labelsize": 10,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "figure.dpi": 100,
    "figure.figsize": (8.4, 3.4),
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 2,
    "savefig.dpi": 100,
    "xtick.color": INK,
    "ytick.color": INK,
}


def number(value: float) -> str:
    """A number at four significant digits, as every summary prints it.

    >>> number(0.123456), number(65536), number(1e-9)
    ('0.1235', '65,536', '1e-09')
    """
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:.4g}"
