"""Exercise 02: the mistakes in mining that are known by name."""

from __future__ import annotations

import numpy as np

from nslab.practice._exercise import Mutant
from nslab.practice.exercises._02_semi_hard_mining import miners, mistakes

_FALLBACK = (
    "Where a pair has no negative of the zone you took one from another zone. The rule here: such a pair"
    " gives no triplet. A quiet fallback would train on the very negatives that you meant to avoid."
)
_FIRST_ENTRY = (
    "The smallest or largest of a row in which nothing qualifies is its first entry: image 0 came in where"
    " there is no such negative at all. Leave such rows out."
)
_OWN_LABEL = (
    "Images of the anchor's own label are among your negatives: false negatives, as near as they come."
)
_PLACES = (
    "You returned places in a shorter list, that of the anchor's negatives, instead of the numbers of the"
    " images in the batch."
)
_EDGES = (
    "A negative on an edge went to the wrong zone: as far as the positive is hard, farther by exactly m is"
    " easy."
)
_NEAREST = 'For "hardest" the nearest image of another label is asked for. Yours is '
_WITHIN = (
    '"hardest" takes the nearest negative whatever its zone: every pair gets one if its anchor has a negative'
    " at all."
)

MINE = (
    *(
        Mutant("semi-hard closer than the positive", scope(miners.with_zone(zone)), mistakes.CLOSER)
        for zone, scope in (
            (mistakes.before, miners.everywhere),
            (mistakes.before, miners.semi_hard_only),
            (mistakes.closer, miners.semi_hard_only),
        )
    ),
    *(
        Mutant(name, scope(miners.fallen_back(choose, single=single)), text)
        for name, choose, text in (
            ("fallback to another zone", miners.nearest_of, _FALLBACK),
            ("image 0 slipped in", miners.image_zero, _FIRST_ENTRY),
        )
        for single, scope in (
            (False, miners.everywhere),
            (False, miners.semi_hard_only),
            (True, miners.semi_hard_only),
        )
    ),
    Mutant("image 0 slipped in", miners.hardest_with(miners.nearest), _FIRST_ENTRY),
    *(
        Mutant(
            "one negative a pair",
            scope(miners.one_a_pair),
            "You kept one negative for each pair of anchor and positive. Asked for is every negative of the"
            " zone.",
        )
        for scope in (miners.everywhere, miners.semi_hard_only)
    ),
    *(
        Mutant("squared and plain", miners.with_zone(zone), mistakes.UNITS)
        for zone in mistakes.SQUARED_ZONES[:2]
    ),
    Mutant(
        "anchor its own positive",
        miners.with_itself,
        "An anchor is paired with itself: its label equals its own. A positive is ANOTHER image of that"
        " label.",
    ),
    Mutant(
        "each pair once",
        miners.upper,
        "You took every pair in one order only. Anchor 0 with positive 1 and anchor 1 with positive 0 see"
        " their negatives from different places, so both count.",
    ),
    Mutant("negatives of the anchor's label", miners.any_negative(itself=False), _OWN_LABEL),
    Mutant("negatives of the anchor's label", miners.any_negative(itself=True), _OWN_LABEL),
    Mutant(
        "positives of any label",
        miners.any_positive,
        "Images of another label are among your positives: compare labels for the pair too.",
    ),
    Mutant(
        "seen from the positive",
        miners.from_the_positive,
        "Your distances to the negatives start at the POSITIVE: another row of D (or anchors and positives"
        " have changed places in what you return). Both distances start at the anchor.",
    ),
    Mutant("places for images", miners.places, _PLACES),
    Mutant("places for images", miners.hardest_with(miners.place_of_nearest), _PLACES),
    Mutant(
        "order of the three",
        miners.negative_second,
        "The positives have another label than their anchors, and the negatives the same: return anchors"
        " first, then positives, then negatives.",
    ),
    Mutant("ties at the edges", miners.with_zone(lambda p, n, m: mistakes.codes(n >= p, n >= p + m)), _EDGES),
    Mutant("ties at the edges", miners.with_zone(lambda p, n, m: mistakes.codes(n > p, n > p + m)), _EDGES),
    Mutant(
        "no outer edge",
        miners.semi_hard_only(miners.with_zone(lambda d_ap, d_an, m: np.where(d_an > d_ap, 1, 0))),
        "Semi-hard ends at d_ap + m. Beyond that a negative is easy and has no loss.",
    ),
    Mutant(
        "all with a loss",
        miners.active,
        'Your "hard" holds every negative with a loss, the semi-hard ones too. Hard means d_an <= d_ap.',
    ),
    Mutant(
        "farthest for nearest",
        miners.hardest_with(miners.farthest),
        _NEAREST + "the farthest, the easiest of all.",
    ),
    *(
        Mutant(
            "nearest of all images",
            miners.hardest_with(nearest),
            _NEAREST
            + "the anchor itself or an image of its label: leave those out before you look for the smallest.",
        )
        for nearest in (miners.nearest_of_all, miners.nearest_but_itself)
    ),
    Mutant(
        "last of equals",
        miners.hardest_with(miners.last_of_equals),
        "Several negatives are equally near; asked for is the first of them.",
    ),
    Mutant(
        "all of equals",
        miners.hardest_with(miners.all_of_equals),
        "Several negatives are equally near, and you returned them all. Asked for is one a pair, the first of"
        " them.",
    ),
    Mutant(
        "one positive an anchor",
        miners.hardest_with(miners.farthest_positive),
        "You kept the farthest positive of each anchor, as batch-hard mining does. Asked for is the nearest"
        " negative for EVERY positive.",
    ),
    Mutant("hardest within a zone", miners.hardest_with(miners.hard_and_nearest), _WITHIN),
    Mutant("hardest within a zone", miners.hardest_with(miners.nearest_in_reach), _WITHIN),
    Mutant("hardest within a zone", miners.nearest_with_a_loss, _WITHIN),
    Mutant(
        "only the first anchor",
        miners.first_anchor,
        "Triplets of one anchor came back. Is a `return` inside the loop over anchors?",
    ),
    Mutant("strategy ignored", miners.always_semi_hard, "The same triplets come back for every strategy."),
    Mutant(
        "raises where none qualifies",
        miners.raises_on_none,
        "A batch without such a triplet is no error, it happens in training: return three empty arrays.",
        lambda case, got, own: got.error is not None,
    ),
    Mutant(
        "strategy not refused",
        miners.any_strategy,
        "There is no such strategy: raise ValueError. A misspelt name must not train on something else.",
        mistakes.silent,
    ),
    Mutant("margin not refused", miners.any_margin, mistakes.NOT_REFUSED, mistakes.silent),
    Mutant("margin not refused", miners.any_margin_for_hardest, mistakes.NOT_REFUSED, mistakes.silent),
)
