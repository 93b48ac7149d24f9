"""Exercise 08: costs as a learner may count them. Bytes, FLOPs and calls are judged one by one."""

from __future__ import annotations

import math
from typing import Any

from nslab.practice._exercise import Case
from nslab.practice._run import Outcome


def own_cost(B: int, K: int, d: int, bytes: int, **wrong: int) -> dict[str, Any]:
    return _filled(d, bytes, B * (K + 2), B * (K + 1), **wrong)


def lent_cost(B: int, d: int, bytes: int, **wrong: int) -> dict[str, Any]:
    return _filled(d, bytes, 2 * B, B * B, **wrong)


def _filled(
    d: int,
    size: int,
    items: int,
    held: int,
    *,
    calls: int | None = None,
    vectors: int | None = None,
    scores: int | None = None,
) -> dict[str, Any]:
    """Right, unless a count is replaced."""
    calls, vectors = items if calls is None else calls, items if vectors is None else vectors
    scores = held if scores is None else scores
    return {"bytes": (vectors * d + scores) * size, "flops": 2 * scores * d, "encoder_calls": calls}


def _right(case: Case) -> dict[str, Any]:
    return own_cost(*case.args) if len(case.args) == 4 else lent_cost(*case.args)


def one_field(case: Case, got: Outcome, own: Outcome) -> bool:
    """One of the counts that the mutant gets wrong is wrong alike."""
    if not isinstance(got.value, dict) or not isinstance(own.value, dict):
        return False
    right = _right(case)
    return any(own.value[name] != right[name] and got.value[name] == own.value[name] for name in right)


def whole_floats(case: Case, got: Outcome, own: Outcome) -> bool:
    """Whole floats, all of them right."""
    return got.value == own.value


def in_thousands(case: Case, got: Outcome, own: Outcome) -> bool:
    if not isinstance(got.value, dict) or not got.value["bytes"]:
        return False
    ratio = _right(case)["bytes"] / got.value["bytes"]
    return any(math.isclose(ratio, unit**power) for unit in (1000, 1024) for power in (1, 2, 3))


def shuffled(case: Case, got: Outcome, own: Outcome) -> bool:
    """The right three numbers under other names."""
    if not isinstance(got.value, dict):
        return False
    right = _right(case)
    counts = [got.value[name] for name in right]
    return counts != [*right.values()] and sorted(counts) == sorted(right.values())


def as_floats(counts: dict[str, Any]) -> dict[str, Any]:
    return {name: float(count) for name, count in counts.items()}


def other_order(counts: dict[str, Any]) -> tuple[Any, ...]:
    return counts["encoder_calls"], counts["bytes"], counts["flops"]


MULTIPLY_ADD = (
    "A dot product of d numbers is d multiplications and their sum. You counted the multiplications "
    "alone (some call that multiply-adds, MACs); a FLOP count has both."
)
D_MINUS_ONE = (
    "Strictly, d products are added in d − 1 steps. Here, as in most FLOP counts, an addition comes with each"
    " product: d and d."
)
NO_SCORES = (
    "The scores are numbers too, and are held with the vectors. In a large batch they are most of the memory."
)
NO_VECTORS = "You counted the scores alone. The vectors that they are made of are held as well."
NUMBERS = "You counted numbers. Each takes `bytes` bytes: the vectors' and the scores'."
MEGA = (
    "You returned kilobytes, megabytes or the like. Whole bytes are asked for: a count is exact, and easily"
    " divided later."
)
FLOATS = (
    "These are counts, so integers: beyond 2⁵³ a float leaves whole numbers out. A division with `/` or a "
    "factor such as `2.0` makes a float of any count."
)
ORDER = (
    "The three numbers are right, under other names: as a dict, look at the keys; as a tuple, the order is"
    " bytes, FLOPs, encoder calls."
)
