"""A control: one named, bounded quantity that a learner moves along a fixed grid of values."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import traitlets

from nslab.explain._base.palette import number

Value = float | int | str
LADDER = (1, 1.1, 1.2, 1.4, 1.6, 1.8, 2, 2.2, 2.5, 2.8, 3.2, 3.6, 4, 4.5, 5, 5.6, 6.3, 7, 8, 9)


class Control(traitlets.TraitType[Any, Any]):
    """A traitlet with a slider: `values` is the slider's grid, ascending numbers or words.

    From Python any number between the ends may be set; the slider then rests on the nearest grid value.
    One at which an explainer opens is a stop of its slider.

    With `play` the slider has a ▶ that runs through it: upwards, or downwards where it is −1.

    >>> tau = Control("τ", "temperature", [0.05, 0.1, 0.2], start=0.1)
    >>> tau.nearest(0.11), tau.text(0.11)
    (1, '0.11')
    """

    def __init__(
        self,
        symbol: str,
        word: str,
        values: Sequence[Value],
        *,
        start: Value,
        unit: str = "",
        play: int = 0,
    ) -> None:
        if start not in values:
            raise ValueError(f"start must be one of the values {list(values)}, got {start!r}")
        self.symbol, self.word, self.unit, self.play = symbol, word, unit, play
        self.values, self.start = list(values), start
        super().__init__(default_value=start)

    @property
    def numeric(self) -> bool:
        return not isinstance(self.values[0], str)

    def validate(self, obj: Any, value: Any) -> Value:
        if not self.numeric:
            if value not in self.values:
                raise ValueError(f"{self.name} must be one of {self.values}, got {value!r}")
            return value
        counts = all(isinstance(v, Integral) for v in self.values)
        if isinstance(value, bool) or not isinstance(value, Integral if counts else Real):
            raise TypeError(f"{self.name} must be {'an integer' if counts else 'a number'}, got {value!r}")
        low, high = self.values[0], self.values[-1]
        if not low <= value <= high:  # type: ignore[operator]
            raise ValueError(f"{self.name} must lie between {low} and {high}, got {value!r}")
        return (int if counts else float)(value)  # type: ignore[arg-type]

    def nearest(self, value: Value) -> int:
        """Position on the grid that lies closest to `value`."""
        if not self.numeric:
            return self.values.index(value)
        return min(range(len(self.values)), key=lambda i: abs(self.values[i] - value))  # type: ignore[operator]

    def text(self, value: Value) -> str:
        """A value as the learner reads it: four significant digits, thousands separated, with the unit."""
        return value if isinstance(value, str) else f"{number(value)} {self.unit}".rstrip()

    def with_stop(self, value: Value) -> Control:
        """The control with `value` among the stops of its slider.

        >>> Control("K", "negatives", [32, 64], start=32).with_stop(63).values
        [32, 63, 64]
        """
        control = copy.copy(self)
        control.values = sorted({*self.values, value}) if self.numeric else self.values
        return control

    def spec(self) -> dict[str, Any]:
        """What the browser needs to draw the slider."""
        return {
            "name": self.name,
            "symbol": self.symbol,
            "word": self.word,
            "texts": [self.text(v) for v in self.values],
            "numbers": self.values if self.numeric else list(range(len(self.values))),
            "start": self.nearest(self.start),
            "play": int(self.play),
        }


def linear_grid(low: float, high: float, steps: int) -> list[float]:
    """Evenly spaced values, rounded to four significant digits so that they read well.

    >>> linear_grid(0, 1, 5)
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    return [float(f"{v:.4g}") for v in np.linspace(low, high, steps)]


def log_grid(low: float, high: float, steps: int) -> list[float]:
    """Values evenly spaced in the logarithm, rounded to three significant digits.

    >>> log_grid(0.01, 1, 5)
    [0.01, 0.0316, 0.1, 0.316, 1.0]
    """
    return [float(f"{v:.3g}") for v in np.geomspace(low, high, steps)]


def decade_grid(low: float, high: float) -> list[float]:
    """Round values between the ends, twenty a decade.

    >>> decade_grid(0.07, 0.14)
    [0.07, 0.08, 0.09, 0.1, 0.11, 0.12, 0.14]
    """
    powers = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
    values = [float(f"{step}e{power}") for power in powers for step in LADDER]
    return [value for value in values if low <= value <= high]


def integer_grid(low: int, high: int, steps: int) -> list[int]:
    """Distinct integers evenly spaced in the logarithm.

    >>> integer_grid(1, 1000, 4)
    [1, 10, 100, 1000]
    """
    return sorted({math.floor(v + 0.5) for v in np.geomspace(low, high, steps)})
