"""A table of mistakes: what it makes, and what it refuses."""

from __future__ import annotations

import pytest

from nslab.practice._judgements import wherever
from nslab.practice._mistakes import changed, mistakes


def right(a: float, b: float) -> float:
    gap = a - b
    if gap < 0:
        gap = 0.0
    count = 2
    count *= 3
    return gap * count


def elsewhere(a: float, b: float) -> float:
    return -1.0


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("return gap", 3.0),
        ("count = 5", 45.0),
        ("count *= 4", 24.0),
        ("count = 1; return count - gap", 0.0),
        ("elsewhere", -1.0),
        ("lambda a, b: right(b, a)", 0.0),
    ],
)
def test_a_change_replaces_its_steps_and_no_other(change, expected):
    assert changed(right, change)(5, 2) == expected
    assert right(5, 2) == 18


def test_an_entry_is_a_name_a_change_a_judgement_and_a_diagnosis():
    first, second, third = mistakes(
        right,
        """
no factor | return gap
  Multiply,
  then return.
off by one | count = 3 | wherever
  One too many.
no factor | count = 1; count *= 1
""",
        wherever,
    )
    assert (first.name, first.diagnosis, first.same) == ("no factor", "Multiply, then return.", None)
    assert second.same is wherever and second.wrong(2, 1) == 9
    assert (third.name, third.diagnosis, third.wrong(5, 2)) == (first.name, first.diagnosis, 3)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("lost | size = 3\n  Text.", "step must be there once, got 'size = 3' 0 times"),
        ("twice | gap = 3\n  Text.", "'gap = 3' 2 times"),
        ("judged | count = 3 | close\n  Text.", "judgement of 'judged' must be one of wherever, got 'close'"),
        ("silent | count = 3", "table must give a diagnosis for 'silent'"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(table, message):
    with pytest.raises(ValueError, match=message):
        mistakes(right, table, wherever)
