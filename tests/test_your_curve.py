"""A learner's own function under sliders: what it draws, tells and refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from nslab import explain

X = np.linspace(0, 1, 5)


def curve(fn: Callable[..., Any], **options: Any) -> explain.Explainer:
    control = explain.Control("a", "slope", explain.linear_grid(0, 2, 61), start=1.0)
    labels = {"title": "Yours", "xlabel": "x", "ylabel": "y", "ylim": (0, 2)}
    return explain.your_curve(fn, X, {"a": control}, **labels | options)


def test_it_draws_and_tells_what_the_function_returns() -> None:
    live = curve(lambda a: {"line": a * X, "flat": np.ones(5)})
    assert (
        live.summary(live.compute(a=2.0))
        == "line: 0 at 0, 2 at 1, largest 2 at 1\nflat: 1 at 0, 1 at 1, largest 1 at 0"
    )
    figure = Figure()
    live.draw(live.create(figure), live.at(a=0.5))
    first, second = figure.axes[0].lines
    np.testing.assert_array_equal(first.get_ydata(), 0.5 * X)
    np.testing.assert_array_equal(second.get_ydata(), np.ones(5))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["line", "flat"]


def test_a_curve_may_have_gaps_or_nothing_at_all() -> None:
    live = curve(lambda a: {"left half": np.where(X <= 0.5, a, np.nan), "none": np.full(5, np.nan)})
    assert (
        live.summary(live.compute(a=1.0))
        == "left half: 1 at 0, 1 at 0.5, largest 1 at 0\nnone: nothing to draw"
    )


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ({}, r"1 to 3 curves, got \[\]"),
        ({name: X for name in "abcd"}, r"1 to 3 curves, got \['a', 'b', 'c', 'd'\]"),
        ({"short": X[:3]}, r"shape \(5,\), got \(3,\) for 'short'"),
        ({"one number": 2.0}, r"shape \(5,\), got \(\) for 'one number'"),
    ],
)
def test_what_is_no_curve_is_refused(returned: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        curve(lambda a: returned).compute(a=1.0)
