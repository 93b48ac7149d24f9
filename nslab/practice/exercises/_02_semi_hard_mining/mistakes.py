"""Exercise 02: the mistakes that are known by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nslab.practice._exercise import Case, Mutant, Same
from nslab.practice._judgements import as_array, is_number
from nslab.practice._run import Outcome


def valid(m: float) -> None:
    if m < 0:
        raise ValueError("m is below 0")


def codes(inner: Any, outer: Any) -> np.ndarray:
    """0 before the inner edge, 2 from the outer edge on."""
    return np.where(outer, 2, np.where(inner, 1, 0))


def easy_first(d_ap: Any, d_an: Any, m: float) -> np.ndarray:
    """A negative on both edges at once, as there is with m = 0, counted as easy."""
    return codes(d_an > d_ap, d_an >= d_ap + m)


def zone(d_ap: Any, d_an: Any, m: float) -> np.ndarray:
    return np.where(d_an <= d_ap, 0, easy_first(d_ap, d_an, m))


def _checked(zone: Callable[[Any, Any, float], Any]) -> Callable[[Any, Any, float], Any]:
    """The function with a margin below 0 refused."""

    def wrong(d_ap: Any, d_an: Any, m: float) -> Any:
        valid(m)
        return zone(d_ap, d_an, m)

    return wrong


def before(d_ap: Any, d_an: Any, m: float) -> np.ndarray:
    """The band in front of the positive."""
    return codes(d_an > d_ap - m, d_an >= d_ap)


def closer(d_ap: Any, d_an: Any, m: float) -> np.ndarray:
    """Closer is called semi-hard, inside the margin hard."""
    return np.where(d_an >= d_ap + m, 2, np.where(d_an < d_ap, 1, 0))


def _swapped_codes(d_ap: Any, d_an: Any, m: float) -> np.ndarray:
    return np.array([1, 0, 2])[zone(d_ap, d_an, m)]


def _edge_swap(d_ap: Any, d_an: Any, m: float) -> np.ndarray:
    """As swapped codes, but with the band in front closed at the positive."""
    return codes(d_an > d_ap - m, d_an > d_ap)


def silent(case: Case, got: Outcome, own: Outcome) -> bool:
    return got.error is None


def marks_passed(d_ap: Any, d_an: Any, m: float) -> np.ndarray:
    """The two comparisons added up."""
    return 1 * (d_an > d_ap) + 1 * (d_an >= d_ap + m)


CLOSER = (
    "These are HARD negatives: closer than the positive. FaceNet wants d_ap < d_an < d_ap + m, in the right"
    " order but inside the margin."
)
NOT_REFUSED = (
    "A margin below 0 makes no sense here: raise ValueError, or the mistake of whoever calls you stays"
    " hidden."
)
UNITS = (
    "Margin 0.2 means different things for d and for d²: both distances and m come in one unit. Use them as"
    " they are, and take no square and no root."
)
_CODES = "The three zones are the right ones under other numbers: hard is 0, semi-hard 1, easy 2."


def _like(*variants: Callable[[Any, Any, float], Any]) -> Same:
    """Equal to what any of these gives."""

    def same(case: Case, got: Outcome, own: Outcome) -> bool:
        if got.error is not None or case.args[2] < 0:
            return False
        return any(alike(got, Outcome(variant(*case.args))) for variant in variants)

    return same


def alike(got: Outcome, own: Outcome) -> bool:
    x, y = as_array(got.value), as_array(own.value)
    return x is not None and y is not None and x.shape == y.shape and np.allclose(x, y)


def _renumbered(case: Case, got: Outcome, own: Outcome) -> bool:
    """The right zones, counted from another number or backwards."""
    codes, right = as_array(got.value), zone(*case.args)
    if codes is None or codes.shape != right.shape:
        return False
    return np.ptp(codes - right) == 0 or np.ptp(codes + right) == 0


def _squares(fn: Callable[[Any, Any, float], Any]) -> tuple[Callable[[Any, Any, float], Any], ...]:
    """Every way of using a square or a root where none belongs."""
    return (
        lambda d_ap, d_an, m: fn(np.square(d_ap), np.square(d_an), m),
        lambda d_ap, d_an, m: fn(np.sqrt(d_ap), np.sqrt(d_an), m),
        lambda d_ap, d_an, m: fn(np.square(d_ap), d_an, m),
        lambda d_ap, d_an, m: fn(d_ap, np.square(d_an), m),
        lambda d_ap, d_an, m: fn(np.sqrt(d_ap), d_an, m),
        lambda d_ap, d_an, m: fn(d_ap, np.sqrt(d_an), m),
        lambda d_ap, d_an, m: fn(d_ap, d_an, m * m),
        lambda d_ap, d_an, m: fn(d_ap, d_an, m**0.5),
    )


SQUARED_ZONES = _squares(zone)
CATEGORISE = (
    *(
        Mutant("semi-hard closer than the positive", _checked(zones[0]), CLOSER, _like(*zones))
        for zones in ((before, _edge_swap), (closer, _swapped_codes))
    ),
    Mutant(
        "tie with the positive",
        _checked(lambda d_ap, d_an, m: codes(d_an >= d_ap, d_an >= d_ap + m)),
        "A negative exactly as far away as the positive is hard: the order is not right yet, and it costs all"
        " of m.",
    ),
    Mutant(
        "tie at the margin",
        _checked(lambda d_ap, d_an, m: codes(d_an > d_ap, d_an > d_ap + m)),
        "A negative farther by exactly m keeps the rule. Its loss is 0, so it is easy, not semi-hard.",
    ),
    Mutant(
        "tie where m = 0",
        _checked(easy_first),
        "With m = 0 the two edges fall together, and a negative on them meets both conditions, that of hard"
        " and that of easy. The docstring counts it as hard: as far as the positive is not yet the right"
        " order.",
        _like(easy_first, marks_passed),
    ),
    Mutant(
        "both ties",
        _checked(lambda d_ap, d_an, m: codes(d_an >= d_ap, d_an > d_ap + m)),
        "Both edges went to the wrong side: as far as the positive is hard, farther by exactly m is easy."
        " Look at the loss there: m, and 0.",
    ),
    Mutant(
        "margin from zero",
        _checked(lambda d_ap, d_an, m: codes(d_an > d_ap, d_an >= m)),
        "You compared d_an with m alone. The margin begins at the positive, so the outer edge moves with"
        " d_ap.",
        _like(
            lambda d_ap, d_an, m: codes(d_an > d_ap, d_an >= m),
            lambda d_ap, d_an, m: np.where(d_an <= d_ap, 0, np.where(d_an < m, 1, 2)),
        ),
    ),
    Mutant(
        "margin as a factor",
        _checked(lambda d_ap, d_an, m: codes(d_an > d_ap, d_an >= d_ap * (1 + m))),
        "The margin is added to d_ap, in the unit of a distance. Yours is a percentage: with the positive on"
        " the anchor it would vanish.",
    ),
    Mutant(
        "two zones only",
        _checked(lambda d_ap, d_an, m: np.where(d_an < d_ap + m, 0, 2)),
        "Everything inside the margin got one code. Whether the order is right, d_an against d_ap, splits it"
        " into hard and semi-hard.",
        _like(
            lambda d_ap, d_an, m: np.where(d_an < d_ap + m, 0, 2),
            lambda d_ap, d_an, m: np.where(d_an < d_ap + m, 1, 2),
            lambda d_ap, d_an, m: np.where(d_an < d_ap + m, 0, 1),
        ),
    ),
    Mutant(
        "a band on both sides",
        _checked(lambda d_ap, d_an, m: codes(d_an > d_ap - m, d_an >= d_ap + m)),
        "Your semi-hard zone reaches to both sides of the positive. Closer than the positive is hard, by"
        " little or by much: the inner edge is d_ap itself.",
        _like(
            lambda d_ap, d_an, m: codes(d_an > d_ap - m, d_an >= d_ap + m),
            lambda d_ap, d_an, m: codes(d_an >= d_ap - m, d_an > d_ap + m),
        ),
    ),
    Mutant(
        "no outer edge",
        _checked(lambda d_ap, d_an, m: np.where(d_an > d_ap, 1, 0)),
        "You asked only whether the order is right. Beyond the margin, from d_ap + m on, a negative is easy.",
        _like(lambda d_ap, d_an, m: np.where(d_an > d_ap, 1, 0), lambda d_ap, d_an, m: 2 * (d_an > d_ap)),
    ),
    Mutant(
        "arguments swapped",
        _checked(lambda d_ap, d_an, m: zone(d_an, d_ap, m)),
        "The positive and the negative have changed places: a negative is hard when IT is the closer one.",
    ),
    Mutant("squared and plain", _checked(SQUARED_ZONES[0]), UNITS, _like(*SQUARED_ZONES)),
    Mutant("not refused", zone, NOT_REFUSED, silent),
    Mutant("other codes", _checked(lambda d_ap, d_an, m: 2 - zone(d_ap, d_an, m)), _CODES, _renumbered),
    Mutant("other codes", _checked(lambda d_ap, d_an, m: 1 + zone(d_ap, d_an, m)), _CODES, _renumbered),
)


def _loss(d_ap: Any, d_an: Any, m: float) -> np.ndarray:
    return np.maximum(0.0, d_ap + m - d_an)


_SQUARED_LOSSES = _squares(_loss)
LOSS = (
    Mutant(
        "sign of the margin",
        _checked(lambda d_ap, d_an, m: np.maximum(0.0, d_ap - d_an - m)),
        "The margin has the wrong sign: your loss gets smaller with a bigger margin. A bigger m asks for"
        " more, so it must cost more.",
    ),
    Mutant(
        "margin left out",
        _checked(lambda d_ap, d_an, m: np.maximum(0.0, d_ap - d_an)),
        "Without m the loss ends where the order is right. The rule asks for more: a lead of m.",
    ),
    Mutant(
        "margin left out where hard",
        _checked(lambda d_ap, d_an, m: np.where(d_an <= d_ap, d_ap - d_an, _loss(d_ap, d_an, m))),
        "A hard negative misses the order AND the lead of m, so it costs at least m. Yours costs less than a"
        " semi-hard one does: one formula serves all zones.",
    ),
    *(
        Mutant(
            "positive and negative swapped",
            _checked(wrong),
            "Your loss grows as the negative moves away. It is the positive that should be near.",
        )
        for wrong in (
            lambda d_ap, d_an, m: np.maximum(0.0, d_an + m - d_ap),
            lambda d_ap, d_an, m: np.maximum(0.0, d_an - m - d_ap),
        )
    ),
    Mutant(
        "positive left out",
        _checked(lambda d_ap, d_an, m: np.maximum(0.0, m - d_an)),
        "Your loss does not look at the positive. The lead is counted from d_ap, not from the anchor.",
    ),
    Mutant(
        "capped at m",
        _checked(lambda d_ap, d_an, m: np.clip(d_ap + m - d_an, 0.0, m)),
        "You cut the loss at m as well. A hard negative closer than the positive costs more than m.",
    ),
    Mutant(
        "no hinge",
        _checked(lambda d_ap, d_an, m: d_ap + m - d_an),
        "A negative beyond the margin has a loss below 0, which pays for pushing it away for ever. The loss"
        " stops at 0.",
    ),
    Mutant(
        "hinge before the margin",
        _checked(lambda d_ap, d_an, m: np.maximum(0.0, d_ap - d_an) + m),
        "You added m after cutting at 0, so no negative is ever free. The margin belongs inside the cut.",
    ),
    Mutant(
        "absolute value",
        _checked(lambda d_ap, d_an, m: np.abs(d_ap + m - d_an)),
        "A negative beyond the margin costs nothing, however far it is. An absolute value pulls it back.",
    ),
    Mutant(
        "min for max",
        _checked(lambda d_ap, d_an, m: np.minimum(0.0, d_ap + m - d_an)),
        "You kept the smaller of 0 and the shortfall. A loss is what is above 0, not what is below.",
    ),
    Mutant(
        "semi-hard only",
        _checked(lambda d_ap, d_an, m: np.where(zone(d_ap, d_an, m) == 1, _loss(d_ap, d_an, m), 0.0)),
        "Hard negatives cost the most, m or more; yours cost nothing. Which negatives to learn from is"
        " decided when they are mined, not by the loss.",
    ),
    Mutant("squared and plain", _checked(_SQUARED_LOSSES[0]), UNITS, _like(*_SQUARED_LOSSES)),
    Mutant(
        "squared loss",
        _checked(lambda d_ap, d_an, m: np.square(_loss(d_ap, d_an, m))),
        "You squared the shortfall. The triplet loss is the shortfall itself, in the unit of the distances.",
    ),
    Mutant(
        "soft hinge",
        _checked(lambda d_ap, d_an, m: np.log1p(np.exp(d_ap + m - d_an))),
        "ln(1 + e^x) is never 0, so an easy negative would still cost something. The triplet loss has a"
        " corner: 0 from the margin on.",
    ),
    Mutant(
        "one number for all",
        _checked(lambda d_ap, d_an, m: float(_loss(d_ap, d_an, m).mean())),
        "You returned one number. Asked for is the loss of each triplet; whoever calls takes the mean.",
        lambda case, got, own: is_number(got) and np.ndim(got.value) == 0,
    ),
    Mutant("not refused", _loss, NOT_REFUSED, silent),
)
