"""The framework of the explainers: a stage that never moves, scenes that do, and who draws them."""

from .controls import Control, decade_grid, integer_grid, linear_grid, log_grid
from .explainer import Explainer
from .marks import (
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
)
from .palette import number
from .stage import Axis, Panel, Stage

__all__ = [
    "Arrows",
    "Axis",
    "Band",
    "Bars",
    "Cells",
    "Control",
    "Dots",
    "Explainer",
    "Handle",
    "Line",
    "Links",
    "Mark",
    "Note",
    "Panel",
    "Pictures",
    "Rule",
    "Stage",
    "Stems",
    "Steps",
    "Words",
    "decade_grid",
    "integer_grid",
    "linear_grid",
    "log_grid",
    "number",
]
