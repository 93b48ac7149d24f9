"""Exercise 02: the mistakes that are known by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nslab.practice._exercise import Case, Mutant, Same
from nslab.practice._judge import as_array, is_number
from nslab.practice._run import Outcome

STRATEGIES = ("hard", "semi_hard", "easy", "hardest")


def _valid(m: float) -> None:
    if m < 0:
        raise ValueError("m is below 0")


def _codes(inner: Any, outer: Any) -> np.ndarray:
    """0 before the inner edge, 2 from the outer edge on."""
    return np.where(outer, 2, np.where(inner, 1, 0))


def _zone(d_ap: Any, d_an: Any, m: float) -> np.ndarray:
    return _codes(d_an > d_ap, d_an >= d_ap + m)


def _checked(zone: Callable[[Any, Any, float], Any]) -> Callable[[Any, Any, float], Any]:
    """The function with a margin below 0 refused."""

    def wrong(d_ap: Any, d_an: Any, m: float) -> Any:
        _valid(m)
        return zone(d_ap, d_an, m)

    return wrong


def _before(d_ap: Any, d_an: Any, m: float) -> np.ndarray:
    """The band in front of the positive."""
    return _codes(d_an > d_ap - m, d_an >= d_ap)


def _closer(d_ap: Any, d_an: Any, m: float) -> np.ndarray:
    """Closer is called semi-hard, inside the margin hard."""
    return np.where(d_an >= d_ap + m, 2, np.where(d_an < d_ap, 1, 0))


def _swapped_codes(d_ap: Any, d_an: Any, m: float) -> np.ndarray:
    return np.array([1, 0, 2])[_zone(d_ap, d_an, m)]


def _edge_swap(d_ap: Any, d_an: Any, m: float) -> np.ndarray:
    """As swapped codes, but with the band in front closed at the positive."""
    return _codes(d_an > d_ap - m, d_an > d_ap)


def _silent(case: Case, got: Outcome, own: Outcome) -> bool:
    return got.error is None


_CLOSER = (
    "These are HARD negatives: closer than the positive. FaceNet wants d_ap < d_an < d_ap + m, in the right order "
    "but inside the margin."
)
_NOT_REFUSED = "A margin below 0 makes no sense here: raise ValueError, or the mistake of whoever calls you stays hidden."
_UNITS = (
    "Margin 0.2 means different things for d and for d²: both distances and m come in one unit. Use them as they are, "
    "and take no square and no root."
)
_CODES = "The three zones are the right ones under other numbers: hard is 0, semi-hard 1, easy 2."


def _like(*variants: Callable[[Any, Any, float], Any]) -> Same:
    """Equal to what any of these gives."""

    def same(case: Case, got: Outcome, own: Outcome) -> bool:
        if got.error is not None or case.args[2] < 0:
            return False
        return any(_alike(got, Outcome(variant(*case.args))) for variant in variants)

    return same


def _alike(got: Outcome, own: Outcome) -> bool:
    x, y = as_array(got.value), as_array(own.value)
    return x is not None and y is not None and x.shape == y.shape and np.allclose(x, y)


def _renumbered(case: Case, got: Outcome, own: Outcome) -> bool:
    """The right zones, counted from another number or backwards."""
    codes, right = as_array(got.value), _zone(*case.args)
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


_SQUARED_ZONES = _squares(_zone)
CATEGORISE = (
    *(
        Mutant("semi-hard closer than the positive", _checked(zones[0]), _CLOSER, _like(*zones))
        for zones in ((_before, _edge_swap), (_closer, _swapped_codes))
    ),
    Mutant(
        "tie with the positive",
        _checked(lambda d_ap, d_an, m: _codes(d_an >= d_ap, d_an >= d_ap + m)),
        "A negative exactly as far away as the positive is hard: the order is not right yet, and it costs all of m.",
    ),
    Mutant(
        "tie at the margin",
        _checked(lambda d_ap, d_an, m: _codes(d_an > d_ap, d_an > d_ap + m)),
        "A negative farther by exactly m keeps the rule. Its loss is 0, so it is easy, not semi-hard.",
    ),
    Mutant(
        "both ties",
        _checked(lambda d_ap, d_an, m: _codes(d_an >= d_ap, d_an > d_ap + m)),
        "Both edges went to the wrong side: as far as the positive is hard, farther by exactly m is easy. Look at the "
        "loss there: m, and 0.",
    ),
    Mutant(
        "margin from zero",
        _checked(lambda d_ap, d_an, m: _codes(d_an > d_ap, d_an >= m)),
        "You compared d_an with m alone. The margin begins at the positive, so the outer edge moves with d_ap.",
        _like(
            lambda d_ap, d_an, m: _codes(d_an > d_ap, d_an >= m),
            lambda d_ap, d_an, m: np.where(d_an <= d_ap, 0, np.where(d_an < m, 1, 2)),
        ),
    ),
    Mutant(
        "margin as a factor",
        _checked(lambda d_ap, d_an, m: _codes(d_an > d_ap, d_an >= d_ap * (1 + m))),
        "The margin is added to d_ap, in the unit of a distance. Yours is a percentage: with the positive on the anchor "
        "it would vanish.",
    ),
    Mutant(
        "two zones only",
        _checked(lambda d_ap, d_an, m: np.where(d_an < d_ap + m, 0, 2)),
        "Everything inside the margin got one code. Whether the order is right, d_an against d_ap, splits it into hard "
        "and semi-hard.",
        _like(
            lambda d_ap, d_an, m: np.where(d_an < d_ap + m, 0, 2),
            lambda d_ap, d_an, m: np.where(d_an < d_ap + m, 1, 2),
            lambda d_ap, d_an, m: np.where(d_an < d_ap + m, 0, 1),
        ),
    ),
    Mutant(
        "a band on both sides",
        _checked(lambda d_ap, d_an, m: _codes(d_an > d_ap - m, d_an >= d_ap + m)),
        "Your semi-hard zone reaches to both sides of the positive. Closer than the positive is hard, by little or by much: "
        "the inner edge is d_ap itself.",
        _like(
            lambda d_ap, d_an, m: _codes(d_an > d_ap - m, d_an >= d_ap + m),
            lambda d_ap, d_an, m: _codes(d_an >= d_ap - m, d_an > d_ap + m),
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
        _checked(lambda d_ap, d_an, m: _zone(d_an, d_ap, m)),
        "The positive and the negative have changed places: a negative is hard when IT is the closer one.",
    ),
    Mutant("squared and plain", _checked(_SQUARED_ZONES[0]), _UNITS, _like(*_SQUARED_ZONES)),
    Mutant("not refused", _zone, _NOT_REFUSED, _silent),
    Mutant("other codes", _checked(lambda d_ap, d_an, m: 2 - _zone(d_ap, d_an, m)), _CODES, _renumbered),
    Mutant("other codes", _checked(lambda d_ap, d_an, m: 1 + _zone(d_ap, d_an, m)), _CODES, _renumbered),
)


def _loss(d_ap: Any, d_an: Any, m: float) -> np.ndarray:
    return np.maximum(0.0, d_ap + m - d_an)


_SQUARED_LOSSES = _squares(_loss)
LOSS = (
    Mutant(
        "sign of the margin",
        _checked(lambda d_ap, d_an, m: np.maximum(0.0, d_ap - d_an - m)),
        "The margin has the wrong sign: your loss gets smaller with a bigger margin. A bigger m asks for more, so it "
        "must cost more.",
    ),
    Mutant(
        "margin left out",
        _checked(lambda d_ap, d_an, m: np.maximum(0.0, d_ap - d_an)),
        "Without m the loss ends where the order is right. The rule asks for more: a lead of m.",
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
        "A negative beyond the margin has a loss below 0, which pays for pushing it away for ever. The loss stops at 0.",
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
        _checked(lambda d_ap, d_an, m: np.where(_zone(d_ap, d_an, m) == 1, _loss(d_ap, d_an, m), 0.0)),
        "Hard negatives cost the most, m or more; yours cost nothing. Which negatives to learn from is decided when "
        "they are mined, not by the loss.",
    ),
    Mutant("squared and plain", _checked(_SQUARED_LOSSES[0]), _UNITS, _like(*_SQUARED_LOSSES)),
    Mutant(
        "squared loss",
        _checked(lambda d_ap, d_an, m: np.square(_loss(d_ap, d_an, m))),
        "You squared the shortfall. The triplet loss is the shortfall itself, in the unit of the distances.",
    ),
    Mutant(
        "soft hinge",
        _checked(lambda d_ap, d_an, m: np.log1p(np.exp(d_ap + m - d_an))),
        "ln(1 + e^x) is never 0, so an easy negative would still cost something. The triplet loss has a corner: 0 from the "
        "margin on.",
    ),
    Mutant(
        "one number for all",
        _checked(lambda d_ap, d_an, m: float(_loss(d_ap, d_an, m).mean())),
        "You returned one number. Asked for is the loss of each triplet; whoever calls takes the mean.",
        lambda case, got, own: is_number(got) and np.ndim(got.value) == 0,
    ),
    Mutant("not refused", _loss, _NOT_REFUSED, _silent),
)

Zone = Callable[[Any, Any, float], np.ndarray]


def _masks(labels: np.ndarray, *, itself: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Who may be a positive, and who a negative, of each anchor."""
    same = labels[:, None] == labels
    return same if itself else same & ~np.eye(len(labels), dtype=bool), ~same


def _ask(m: float, strategy: str) -> None:
    _valid(m)
    if strategy not in STRATEGIES:
        raise ValueError("no such strategy")


def _nonzero(table: np.ndarray) -> np.ndarray:
    return np.array(np.nonzero(table))


def _mined(
    D: np.ndarray,
    labels: np.ndarray,
    m: float,
    strategy: str,
    *,
    zone: Zone = _zone,
    positives: np.ndarray | None = None,
    negatives: np.ndarray | None = None,
) -> np.ndarray:
    """Right, unless one of its parts is replaced."""
    _ask(m, strategy)
    pair, other = _masks(labels)
    pair, other = pair if positives is None else positives, other if negatives is None else negatives
    if strategy == "hardest":
        return _nearest(D, pair & other.any(1, keepdims=True), other)
    wanted = zone(D[:, :, None], D[:, None, :], m) == STRATEGIES.index(strategy)
    return _nonzero(wanted & pair[:, :, None] & other[:, None, :])


def _nearest(D: np.ndarray, pair: np.ndarray, other: np.ndarray) -> np.ndarray:
    a, p = np.nonzero(pair)
    return np.array([a, p, np.where(other, D, np.inf).argmin(1)[a]])


def _one_a_pair(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    """Of the negatives that qualify the nearest alone."""
    a, p, n = _mined(D, labels, m, strategy)
    best: dict[tuple[int, int], int] = {}
    for x, y, z in zip(a, p, n, strict=True):
        if (x, y) not in best or D[x, z] < D[x, best[x, y]]:
            best[x, y] = z
    return np.array([(*pair, z) for pair, z in best.items()], dtype=int).reshape(-1, 3).T


def _fallen_back(choose: Callable[..., Any], *, single: bool = False) -> Callable[..., np.ndarray]:
    """Pairs without a negative of the zone get one from elsewhere."""

    def wrong(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
        found = _one_a_pair(D, labels, m, strategy) if single else _mined(D, labels, m, strategy)
        pair, other = _masks(labels)
        have = {(a, p) for a, p, _ in found.T}
        extra = [
            (a, p, choose(D, other, a, p))
            for a, p in zip(*np.nonzero(pair & other.any(1, keepdims=True)), strict=True)
            if (a, p) not in have
        ]
        return np.concatenate([found.T, np.array(extra, dtype=int).reshape(-1, 3)]).T

    return wrong


def _nearest_of(D: np.ndarray, other: np.ndarray, a: int, p: int) -> int:
    return int(np.where(other[a], D[a], np.inf).argmin())


def _image_zero(D: np.ndarray, other: np.ndarray, a: int, p: int) -> int:
    return 0


def _hardest_with(
    nearest: Callable[[np.ndarray, np.ndarray, np.ndarray], Any],
) -> Callable[..., np.ndarray]:
    """Right but for the strategy "hardest"."""

    def wrong(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
        if strategy != "hardest":
            return _mined(D, labels, m, strategy)
        _ask(m, strategy)
        pair, other = _masks(labels)
        return nearest(D, pair, other)

    return wrong


def _farthest(D: np.ndarray, pair: np.ndarray, other: np.ndarray) -> np.ndarray:
    a, p = np.nonzero(pair & other.any(1, keepdims=True))
    return np.array([a, p, np.where(other, D, -np.inf).argmax(1)[a]])


def _nearest_of_all(D: np.ndarray, pair: np.ndarray, other: np.ndarray) -> np.ndarray:
    a, p = np.nonzero(pair)
    return np.array([a, p, D.argmin(1)[a]])


def _nearest_but_itself(D: np.ndarray, pair: np.ndarray, other: np.ndarray) -> np.ndarray:
    return _nearest(D, pair, ~np.eye(len(D), dtype=bool))


def _last_of_equals(D: np.ndarray, pair: np.ndarray, other: np.ndarray) -> np.ndarray:
    a, p = np.nonzero(pair & other.any(1, keepdims=True))
    last = len(D) - 1 - np.where(other, D, np.inf)[:, ::-1].argmin(1)
    return np.array([a, p, last[a]])


def _farthest_positive(D: np.ndarray, pair: np.ndarray, other: np.ndarray) -> np.ndarray:
    a = np.flatnonzero(pair.any(1) & other.any(1))
    far, near = np.where(pair, D, -np.inf).argmax(1), np.where(other, D, np.inf).argmin(1)
    return np.array([a, far[a], near[a]])


def _hard_and_nearest(D: np.ndarray, pair: np.ndarray, other: np.ndarray) -> np.ndarray:
    a, p, n = _nearest(D, pair & other.any(1, keepdims=True), other)
    return np.array([a, p, n])[:, D[a, n] <= D[a, p]]


def _nearest_in_reach(D: np.ndarray, pair: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The nearest of those farther than the positive."""
    beyond = other[:, None, :] & (D[:, None, :] > D[:, :, None]) & pair[:, :, None]
    a, p = np.nonzero(beyond.any(-1))
    return np.array([a, p, np.where(beyond, D[:, None, :], np.inf).argmin(-1)[a, p]])


def _places(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    """Places in the list of negatives instead of images."""
    a, p, n = _mined(D, labels, m, strategy)
    places = [np.searchsorted(np.flatnonzero(labels != labels[x]), y) for x, y in zip(a, n, strict=True)]
    return np.array([a, p, places], dtype=int)


def _from_the_positive(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    """D[p, n] in place of D[a, n]."""
    if strategy == "hardest":
        pair, other = _masks(labels)
        a, p, _ = _mined(D, labels, m, strategy)
        return np.array([a, p, np.where(other, D, np.inf).argmin(1)[p]])
    _ask(m, strategy)
    pair, other = _masks(labels)
    wanted = _zone(D[:, :, None], D[None, :, :], m) == STRATEGIES.index(strategy)
    return _nonzero(wanted & pair[:, :, None] & other[:, None, :])


def _raises_on_none(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    found = _mined(D, labels, m, strategy)
    if found.size == 0:
        raise ValueError("need at least one array to concatenate")
    return found


def _any_strategy(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    return _mined(D, labels, m, strategy if strategy in STRATEGIES else "semi_hard")


def _any_margin(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    return _mined(D, labels, max(m, 0.0), strategy)


def _negative_second(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    return _mined(D, labels, m, strategy)[[0, 2, 1]]


def _with_zone(zone: Zone) -> Callable[..., np.ndarray]:
    def wrong(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
        return _mined(D, labels, m, strategy, zone=zone)

    return wrong


def _upper(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    return _mined(D, labels, m, strategy, positives=np.triu(_masks(labels)[0]))


def _with_itself(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    return _mined(D, labels, m, strategy, positives=_masks(labels, itself=True)[0])


def _any_negative(*, itself: bool) -> Callable[..., np.ndarray]:
    def wrong(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
        others = np.ones_like(D, dtype=bool) if itself else ~np.eye(len(D), dtype=bool)
        return _mined(D, labels, m, strategy, negatives=others)

    return wrong


def _any_positive(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    return _mined(D, labels, m, strategy, positives=~np.eye(len(D), dtype=bool))


def _first_anchor(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    found = _mined(D, labels, m, strategy)
    return found[:, found[0] == found[0].min(initial=0)]


def _always_semi_hard(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    _ask(m, strategy)
    return _mined(D, labels, m, "semi_hard")


def _everywhere(wrong: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    return wrong


def _semi_hard_only(wrong: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Right for every other strategy."""

    def answer(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
        return (wrong if strategy == "semi_hard" else _mined)(D, labels, m, strategy)

    return answer


def _active(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    """Hard taken as: whatever has a loss."""
    if strategy != "hard":
        return _mined(D, labels, m, strategy)
    return np.concatenate([_mined(D, labels, m, name) for name in ("hard", "semi_hard")], axis=1)


_FALLBACK = (
    "Where a pair has no negative of the zone you took one from another zone. The rule here: such a pair gives no triplet. "
    "A quiet fallback would train on the very negatives that you meant to avoid."
)
_FIRST_ENTRY = (
    "The smallest or largest of a row in which nothing qualifies is its first entry: image 0 came in where there is no "
    "such negative at all. Leave such rows out."
)
_OWN_LABEL = (
    "Images of the anchor's own label are among your negatives: false negatives, as near as they come."
)
_PLACES = (
    "You returned places in a shorter list, that of the anchor's negatives, instead of the numbers of the images in the "
    "batch."
)
_EDGES = "A negative on an edge went to the wrong zone: as far as the positive is hard, farther by exactly m is easy."
_NEAREST = 'For "hardest" the nearest image of another label is asked for. Yours is '
_WITHIN = '"hardest" takes the nearest negative whatever its zone: every pair gets one if its anchor has a negative at all.'

MINE = (
    *(
        Mutant("semi-hard closer than the positive", scope(_with_zone(zone)), _CLOSER)
        for zone, scope in ((_before, _everywhere), (_before, _semi_hard_only), (_closer, _semi_hard_only))
    ),
    *(
        Mutant(name, scope(_fallen_back(choose, single=single)), text)
        for name, choose, text in (
            ("fallback to another zone", _nearest_of, _FALLBACK),
            ("image 0 slipped in", _image_zero, _FIRST_ENTRY),
        )
        for single, scope in ((False, _everywhere), (False, _semi_hard_only), (True, _semi_hard_only))
    ),
    Mutant("image 0 slipped in", _hardest_with(_nearest), _FIRST_ENTRY),
    *(
        Mutant(
            "one negative a pair",
            scope(_one_a_pair),
            "You kept one negative for each pair of anchor and positive. Asked for is every negative of the zone.",
        )
        for scope in (_everywhere, _semi_hard_only)
    ),
    *(Mutant("squared and plain", _with_zone(zone), _UNITS) for zone in _SQUARED_ZONES[:2]),
    Mutant(
        "anchor its own positive",
        _with_itself,
        "An anchor is paired with itself: its label equals its own. A positive is ANOTHER image of that label.",
    ),
    Mutant(
        "each pair once",
        _upper,
        "You took every pair in one order only. Anchor 0 with positive 1 and anchor 1 with positive 0 see their negatives "
        "from different places, so both count.",
    ),
    Mutant("negatives of the anchor's label", _any_negative(itself=False), _OWN_LABEL),
    Mutant("negatives of the anchor's label", _any_negative(itself=True), _OWN_LABEL),
    Mutant(
        "positives of any label",
        _any_positive,
        "Images of another label are among your positives: compare labels for the pair too.",
    ),
    Mutant(
        "seen from the positive",
        _from_the_positive,
        "Your distances to the negatives start at the POSITIVE: another row of D (or anchors and positives have changed places in what "
        "you return). Both distances start at the anchor.",
    ),
    Mutant("places for images", _places, _PLACES),
    Mutant(
        "order of the three",
        _negative_second,
        "The positives have another label than their anchors, and the negatives the same: return anchors first, then "
        "positives, then negatives.",
    ),
    Mutant("ties at the edges", _with_zone(lambda p, n, m: _codes(n >= p, n >= p + m)), _EDGES),
    Mutant("ties at the edges", _with_zone(lambda p, n, m: _codes(n > p, n > p + m)), _EDGES),
    Mutant(
        "no outer edge",
        _semi_hard_only(_with_zone(lambda d_ap, d_an, m: np.where(d_an > d_ap, 1, 0))),
        "Semi-hard ends at d_ap + m. Beyond that a negative is easy and has no loss.",
    ),
    Mutant(
        "all with a loss",
        _active,
        'Your "hard" holds every negative with a loss, the semi-hard ones too. Hard means d_an <= d_ap.',
    ),
    Mutant("farthest for nearest", _hardest_with(_farthest), _NEAREST + "the farthest, the easiest of all."),
    *(
        Mutant(
            "nearest of all images",
            _hardest_with(nearest),
            _NEAREST
            + "the anchor itself or an image of its label: leave those out before you look for the smallest.",
        )
        for nearest in (_nearest_of_all, _nearest_but_itself)
    ),
    Mutant(
        "last of equals",
        _hardest_with(_last_of_equals),
        "Several negatives are equally near; asked for is the first of them.",
    ),
    Mutant(
        "one positive an anchor",
        _hardest_with(_farthest_positive),
        "You kept the farthest positive of each anchor, as batch-hard mining does. Asked for is the nearest negative for "
        "EVERY positive.",
    ),
    Mutant("hardest within a zone", _hardest_with(_hard_and_nearest), _WITHIN),
    Mutant("hardest within a zone", _hardest_with(_nearest_in_reach), _WITHIN),
    Mutant(
        "only the first anchor",
        _first_anchor,
        "Triplets of one anchor came back. Is a `return` inside the loop over anchors?",
    ),
    Mutant("strategy ignored", _always_semi_hard, "The same triplets come back for every strategy."),
    Mutant(
        "raises where none qualifies",
        _raises_on_none,
        "A batch without such a triplet is no error, it happens in training: return three empty arrays.",
        lambda case, got, own: got.error is not None,
    ),
    Mutant(
        "strategy not refused",
        _any_strategy,
        "There is no such strategy: raise ValueError. A misspelt name must not train on something else.",
        _silent,
    ),
    Mutant("margin not refused", _any_margin, _NOT_REFUSED, _silent),
)


def _plain(a: np.ndarray, n: np.ndarray) -> np.ndarray:
    length = float(np.linalg.norm(a - n))
    if length == 0:
        raise ValueError("no direction")
    return (a - n) / length


def _gradient(a: np.ndarray, n: np.ndarray, squared: bool) -> np.ndarray:
    return 2 * (a - n) if squared else _plain(a, n)


def _nan_or_zero(case: Case, got: Outcome, own: Outcome) -> bool:
    """NaN or a vector of zeros where there is no direction; a division by zero in plain Python."""
    return got.error is None or isinstance(got.error, ZeroDivisionError)


GRADIENT = (
    Mutant(
        "factor 2 missing",
        lambda a, n, squared: a - n if squared else _plain(a, n),
        "The derivative of x² is 2x: the gradient of the squared distance is twice the difference.",
    ),
    Mutant(
        "sign",
        lambda a, n, squared: -_gradient(a, n, squared),
        "The gradient points to where the distance GROWS: away from n. Yours points towards it.",
    ),
    Mutant(
        "always squared",
        lambda a, n, squared: 2 * (a - n),
        "Your answer does not depend on `squared`. The plain distance is a root: divide by what the chain rule gives.",
        lambda case, got, own: got.error is None and _alike(got, own),
    ),
    Mutant(
        "always plain",
        lambda a, n, squared: _plain(a, n),
        "Your answer does not depend on `squared`. The squared distance has a gradient that shrinks with the distance.",
    ),
    Mutant(
        "not divided by the length",
        lambda a, n, squared: 2 * (a - n) if squared else a - n,
        "The gradient of a plain distance has length 1 wherever it exists: divide the difference by its length.",
    ),
    Mutant(
        "divided by the squared length",
        lambda a, n, squared: 2 * (a - n) if squared else _plain(a, n) / np.linalg.norm(a - n),
        "You divided by the squared distance. The root of it is left in the denominator, so that the length is 1.",
    ),
    *(
        Mutant(
            "divided by twice the length",
            wrong,
            "The 1/2 from the root and the 2 from the square cancel; one of them is left in yours. The length is 1.",
        )
        for wrong in (
            lambda a, n, squared: 2 * (a - n) if squared else _plain(a, n) / 2,
            lambda a, n, squared: 2 * (a - n) if squared else _plain(a, n) * 2,
        )
    ),
    Mutant(
        "small number in the denominator",
        lambda a, n, squared: 2 * (a - n) if squared else (a - n) / (np.linalg.norm(a - n) + 1e-8),
        "A small number added to the length hides the division by zero and shortens the gradient of near points, which "
        "should have length 1.",
    ),
    Mutant(
        "length for vector",
        lambda a, n, squared: float(np.linalg.norm(_gradient(a, n, squared))),
        "This is the length of the gradient. Asked for is the vector, of the shape of a.",
    ),
    Mutant(
        "no direction answered",
        lambda a, n, squared: 2 * (a - n) if squared else (a - n) / np.linalg.norm(a - n),
        "Where the points meet the plain distance has no gradient: 0 divided by 0. Raise ValueError, where you return NaN "
        "or make a choice.",
        _nan_or_zero,
    ),
)
