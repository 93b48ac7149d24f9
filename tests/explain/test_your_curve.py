"""A learner's own function under sliders: what it draws, tells and refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nslab import explain
from nslab.explain._base import Explainer

X = np.linspace(0, 1, 5)


def curve(fn: Callable[..., Any], **options: Any) -> Explainer:
    control = explain.Control("a", "slope", explain.linear_grid(0, 2, 61), start=1.0)
    labels = {"title": "Yours", "xlabel": "x", "ylabel": "y", "ylim": (0, 2)}
    return explain.your_curve(fn, X, {"a": control}, **labels | options)


def test_it_draws_and_tells_what_the_function_returns() -> None:
    live = curve(lambda a: {"line": a * X, "flat": np.ones(5)})
    assert (
        live.summary(live.compute(a=2.0))
        == "line: 0 at 0, 2 at 1, largest 2 at 1\nflat: 1 at 0, 1 at 1, largest 1 at 0"
    )
    assert live._stage.entries == {"anchor": "line", "hard": "flat"}
    assert moved(live, "anchor", a=0.5) == [0, 0.125, 0.25, 0.375, 0.5]
    assert moved(live, "hard", a=0.5) == [1] * 5


def moved(live: Explainer, mark: str, **at: float) -> list[float | None]:
    """What a frame moves of a mark; None for a gap."""
    (row,) = (row for (name, _), row in zip(live._layout, live.frame(**at).rows, strict=True) if name == mark)
    return [None if np.isnan(v) else float(v) for v in row]


def test_what_lies_outside_leaves_a_gap() -> None:
    live = curve(lambda a: {"steep": 4 * a * X - 1})
    assert moved(live, "anchor", a=1.0) == [None, 0, 1, 2, None]


def test_a_level_follows_its_control() -> None:
    live = curve(lambda a: {"line": a * X}, handle={"y": "a"})
    assert moved(live, "level", a=0.5) == moved(live, "here", a=0.5) == [0.5]
    live = curve(lambda a: {"line": a * X}, handle={"x": "a"}, xlabel="a")
    assert moved(live, "level", a=0.5) == [0.5]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"xscale": "cubic"}, "xscale must be linear or log, got 'cubic'"),
        ({"handle": {"z": "a"}}, "handle must name one axis"),
        ({"handle": {"x": "b"}}, "'b'"),
        ({"roles": ["pink"]}, "'pink'"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        curve(lambda a: {"line": a * X}, **options)


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
