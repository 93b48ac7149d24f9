"""The controls, for explainers that are still pictures of plots."""

from ._base.controls import Control, Value, decade_grid, integer_grid, linear_grid, log_grid

__all__ = ["Control", "Value", "decade_grid", "integer_grid", "linear_grid", "log_grid"]
