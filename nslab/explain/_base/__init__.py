"""The framework of the explainers: a stage that never moves, scenes that do, and who draws them."""

from nslab.explain._base.controls import Control, decade_grid, integer_grid, linear_grid, log_grid
from nslab.explain._base.explainer import Explainer
from nslab.explain._base.items import check_each, heights_apart, items, without_collisions
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
)
from nslab.explain._base.palette import number
from nslab.explain._base.stage import Axis, Panel, Stage

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
    "check_each",
    "decade_grid",
    "heights_apart",
    "integer_grid",
    "items",
    "linear_grid",
    "log_grid",
    "number",
    "without_collisions",
]
