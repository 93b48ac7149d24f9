"""Exercise 02: semi-hard mining."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nslab import losses, mining
from nslab.practice._exercise import Case, Exercise, Question, edges
from nslab.practice._judgements import a_value_error, an_error, as_array, is_number, silent, unrefused
from nslab.practice._mistakes import mistakes
from nslab.practice._run import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HARD, SEMI_HARD, EASY = 0, 1, 2
STRATEGIES = ("hard", "semi_hard", "easy", "hardest")

# The specification: one negative, one triplet, one coordinate at a time, in the words of the task.


def categorise(d_ap: Any, d_an: Any, m: float) -> np.ndarray:
    """The zone of each negative."""
    _refuse_negative(m)
    positives = np.broadcast_to(d_ap, np.shape(d_an))
    return np.array([_zone(float(p), float(n), m) for p, n in zip(positives, d_an, strict=True)])


def triplet_loss(d_ap: Any, d_an: Any, m: float) -> np.ndarray:
    """How far each negative is from where the rule wants it; 0 if it is there."""
    _refuse_negative(m)
    positives = np.broadcast_to(d_ap, np.shape(d_an))
    return np.array([max(0.0, float(p) + m - float(n)) for p, n in zip(positives, d_an, strict=True)])


def mine(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    """Row 0 the anchors, row 1 the positives, row 2 the negatives."""
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy must be one of {STRATEGIES}, got {strategy!r}")
    _refuse_negative(m)
    found = []
    for a in range(len(labels)):
        positives = [p for p in range(len(labels)) if labels[p] == labels[a] and p != a]
        negatives = [n for n in range(len(labels)) if labels[n] != labels[a]]
        for p in positives:
            if strategy != "hardest":
                found += [(a, p, n) for n in negatives if STRATEGIES[_zone(D[a, p], D[a, n], m)] == strategy]
            elif negatives:
                found.append((a, p, min(negatives, key=lambda n: D[a, n])))
    return np.array(found, dtype=np.int64).reshape(-1, 3).T


def distance_gradient(a: np.ndarray, n: np.ndarray, squared: bool) -> np.ndarray:
    """2(a − n), or the unit vector from n to a."""
    difference = [float(x) - float(y) for x, y in zip(a, n, strict=True)]
    if squared:
        return np.array([2 * x for x in difference])
    length = sum(x * x for x in difference) ** 0.5
    if length == 0:
        raise ValueError("two equal points have no direction between them")
    return np.array([x / length for x in difference])


def _refuse_negative(m: float) -> None:
    if m < 0:
        raise ValueError(f"m must be >= 0, got {m}")


def _zone(d_ap: float, d_an: float, m: float) -> int:
    return HARD if d_an <= d_ap else SEMI_HARD if d_an < d_ap + m else EASY


# How triplets are compared: in any order, and by what is wrong with those that are.


def _read(value: Any) -> list[tuple[int, int, int]]:
    asked = "three arrays of one length are asked for: anchors, positives, negatives"
    ids = as_array(list(value) if isinstance(value, tuple) else value)
    if ids is None or isinstance(value, dict):
        raise ValueError(asked)
    if ids.ndim != 2 or len(ids) != 3:
        rows = "; this has one row a triplet" if ids.ndim == 2 and ids.shape[1] == 3 else ""
        empty = "; where none qualifies, three empty ones" if ids.size == 0 else rows
        raise ValueError(f"{asked}, got shape {ids.shape}{empty}")
    if np.any(ids != np.round(ids)):
        raise ValueError("the numbers of images are asked for, and not all of these are whole")
    return [(int(a), int(p), int(n)) for a, p, n in ids.T]


def _measure(args: tuple[Any, ...], value: Any) -> dict[str, Any]:
    D, labels, m, strategy = args
    triplets = _read(value)
    asked, given = set(_read(mine(D, labels, m, strategy))), set(triplets)
    inside = [t for t in given if all(0 <= i < len(labels) for i in t)]
    itself = [t for t in inside if t[0] == t[1]]
    pairs = [(a, p, n) for a, p, n in inside if a != p and labels[a] == labels[p]]
    proper = [(a, p, n) for a, p, n in pairs if labels[n] != labels[a]]
    return {
        "triplets": len(triplets),
        "missing": len(asked - given),
        "not asked for": len(set(proper) - asked),
        "self-pairs": len(itself),
        "wrong positives": len(inside) - len(itself) - len(pairs),
        "false negatives": len(pairs) - len(proper),
        "no such image": len(given) - len(inside),
        "twice": len(triplets) - len(given),
    }


# A right answer in named steps, and what goes wrong in each.

SHARED = """
squared and plain | p, n = np.square(d_ap), np.square(d_an)
  Margin 0.2 means different things for d and d²: use the distances and m as they are: no square, no root.
squared and plain | p, n = np.sqrt(d_ap), np.sqrt(d_an)
squared and plain | p, n = np.square(d_ap), d_an
squared and plain | p, n = d_ap, np.square(d_an)
squared and plain | p, n = d_ap, np.sqrt(d_an)
squared and plain | reach = p + m * m
squared and plain | reach = p + m**0.5
half the margin | reach = p + m / 2
  The lead that the rule asks for is all of m.
one positive for all | p, n = np.ravel(d_ap)[0], d_an
  d_ap may hold a positive for each negative: compare entry with entry, not with the first or the mean.
one positive for all | p, n = np.mean(d_ap), d_an
one positive for all | p, n = np.max(d_ap), d_an
one form of d_ap | p, n = float(d_ap), d_an | an_error
  d_ap is one number, or an array with one for each negative; np.broadcast_to(d_ap, d_an.shape) serves both.
one form of d_ap | p, n = np.array([d_ap[i] for i in range(len(d_an))]), d_an | an_error
one truth for an array | reach = p + m if n >= 0 else p | an_error
  Python's `if` and `max` ask for one truth, an array holds many: np.where, np.maximum, or a loop.
sorted | p, n = d_ap, np.sort(d_an)
  The answers come in the order of d_an: sort nothing.
not refused | refused = False | silent
  A margin below 0 makes no sense here: raise ValueError, or the mistake of whoever calls you stays hidden.
"""


def right_zone(d_ap: Any, d_an: Any, m: float) -> Any:
    refused = m < 0
    if refused:
        raise ValueError("m is below 0")
    p, n = d_ap, d_an
    reach = p + m
    hard = n <= p
    easy = (n >= reach) & ~hard
    codes = np.where(easy, 2, np.where(hard, 0, 1))
    return codes


def renumbered(case: Case, got: Outcome, own: Outcome) -> bool:
    """The right zones, counted from another number or backwards."""
    codes, right = np.asarray(got.value), right_zone(*case.args)
    return codes.shape == right.shape and 0 in (np.ptp(codes - right), np.ptp(codes + right))


CATEGORISE = mistakes(
    right_zone,
    """
semi-hard closer than the positive | hard = n <= p - m; easy = n >= p
  These are HARD negatives: closer than the positive. FaceNet's semi-hard: d_ap < d_an < d_ap + m.
semi-hard closer than the positive | hard = n <= p - m; easy = n > p
semi-hard closer than the positive | hard = n >= p; easy = n >= p + m
semi-hard closer than the positive | codes = np.where(easy, 2, np.where(hard, 1, 0))
tie with the positive | hard = n < p
  A negative exactly as far away as the positive is hard: the order is not right yet, and it costs all of m.
tie at the margin | easy = n > p + m
  A negative farther by exactly m keeps the rule. Its loss is 0, so it is easy, not semi-hard.
tie where m = 0 | easy = n >= reach
  With m = 0 a negative as far as the positive meets both conditions. It is hard: not yet the right order.
tie where m = 0 | codes = 1 * (n > p) + (n >= p + m)
both ties | hard = n < p; easy = n > p + m
  Both edges went to the wrong side: as far as the positive is hard, farther by exactly m is easy.
near taken for equal | p, n = np.round(d_ap, 6), np.round(d_an, 6)
  A distance near an edge is not on it: compare the float64 numbers themselves, without rounding or `isclose`.
near taken for equal | hard = n < p + 1e-6
margin from zero | easy = n >= m
  You compared d_an with m alone. The margin begins at the positive, so the outer edge moves with d_ap.
margin from zero | easy = (n >= m) & ~hard
margin as a factor | easy = n >= p * (1 + m)
  The margin is added to d_ap, in the unit of a distance. Yours is a percentage of d_ap.
two zones only | codes = np.where(n < p + m, 0, 2)
  Everything inside the margin got one code. d_an against d_ap splits it into hard and semi-hard.
two zones only | codes = np.where(n < p + m, 1, 2)
two zones only | codes = np.where(n < p + m, 0, 1)
a band on both sides | hard = n <= p - m; easy = n >= p + m
  Your semi-hard zone reaches to both sides of the positive. Closer than the positive is always hard.
a band on both sides | hard = n < p - m; easy = n > p + m
no outer edge | easy = False
  You asked only whether the order is right. Beyond the margin, from d_ap + m on, a negative is easy.
no outer edge | codes = 2 * (n > p)
arguments swapped | p, n = d_an, d_ap
  The positive and the negative have changed places: a negative is hard when IT is the closer one.
other codes | return 2 - codes | renumbered
  The three zones are the right ones under other numbers: hard is 0, semi-hard 1, easy 2.
other codes | return 1 + codes | renumbered
"""
    + SHARED,
    renumbered,
    an_error,
    silent,
)


def right_loss(d_ap: Any, d_an: Any, m: float) -> Any:
    refused = m < 0
    if refused:
        raise ValueError("m is below 0")
    p, n = d_ap, d_an
    reach = p + m
    short = reach - n
    loss = np.maximum(0.0, short)
    return loss


def one_number(case: Case, got: Outcome, own: Outcome) -> bool:
    return is_number(got) and np.ndim(got.value) == 0


LOSS = mistakes(
    right_loss,
    """
sign of the margin | reach = p - m
  The margin has the wrong sign: a bigger m asks for more, so it must cost more.
margin left out | reach = p
  Without m the loss ends where the order is right. The rule asks for more: a lead of m.
margin left out where hard | short = p - n + m * (n > p)
  A hard negative misses the order AND the lead, so it costs at least m: one formula serves all zones.
positive and negative swapped | short = n + m - p
  Your loss grows as the negative moves away. It is the positive that should be near.
positive and negative swapped | short = n - m - p
positive left out | reach = m
  Your loss does not look at the positive. The lead is counted from d_ap, not from the anchor.
capped at m | loss = np.clip(short, 0.0, m)
  You cut the loss at m as well. A hard negative closer than the positive costs more than m.
no hinge | loss = short
  A negative beyond the margin has a loss below 0, which pays for pushing it away. The loss stops at 0.
hinge before the margin | loss = np.maximum(0.0, p - n) + m
  You added m after cutting at 0, so no negative is ever free. The margin belongs inside the cut.
absolute value | loss = np.abs(short)
  A negative beyond the margin costs nothing, however far it is. An absolute value pulls it back.
min for max | loss = np.minimum(0.0, short)
  You kept the smaller of 0 and the shortfall. A loss is what is above 0, not what is below.
semi-hard only | return loss * (n > p)
  Hard negatives cost the most, m or more; yours cost nothing. Choosing among them is the miner's part.
hard only | return loss * (n <= p)
  A semi-hard negative misses the lead, so it costs something too: the loss ends at d_ap + m, not at d_ap.
scaled | return loss / 2
  The loss is the shortfall itself, in the unit of the distances: not halved, and not divided by m.
scaled | return loss / (m or 1)
one price for all | return 1.0 * (loss > 0)
  In yours every broken rule costs the same. The loss is by how much it is broken.
one price for all | return m * (loss > 0)
rounded | return np.round(loss, 1)
  A loss is a real number: keep all its digits.
rounded | return np.trunc(loss)
contrastive loss | loss = p + np.maximum(0.0, m - n)
  This is the contrastive loss. The triplet loss compares the two distances, and is 0 once they differ by m.
squared loss | return np.square(loss)
  You squared the shortfall. The triplet loss is the shortfall itself, in the unit of the distances.
soft hinge | loss = np.log1p(np.exp(short))
  ln(1 + e^x) is never 0. The triplet loss has a corner, and costs nothing from the margin on.
one number for all | return loss.mean() | one_number
  You returned one number. Asked for is the loss of each triplet; whoever calls takes the mean.
"""
    + SHARED,
    one_number,
    an_error,
    silent,
)


def right_mine(D: np.ndarray, labels: np.ndarray, m: float, strategy: str) -> np.ndarray:
    refused = m < 0 or strategy not in STRATEGIES
    if refused:
        raise ValueError("no such strategy, or no such margin")
    itself, same = np.eye(len(D), dtype=bool), labels[:, None] == labels
    pair = same & ~itself
    other = ~same
    triple = pair[:, :, None] & other[:, None, :]
    near, far = D[:, :, None], D[:, None, :]
    hard = triple & (far <= near)
    easy = triple & (far >= near + m) & ~hard
    hardest = nearest(triple, far)
    semi_hard = triple & ~hard & ~easy
    sorts = {"hard": hard, "semi_hard": semi_hard, "easy": easy, "hardest": hardest}
    kept = sorts[strategy]
    a, p, n = np.nonzero(kept)
    return np.array([a, p, n])


def nearest(kept: np.ndarray, far: np.ndarray) -> np.ndarray:
    """Of the negatives that are kept for a pair the nearest alone, of equals the first."""
    first = np.where(kept, far, np.inf).argmin(-1)[..., None]
    return kept & (np.arange(far.shape[-1]) == first)


def or_else(kept: np.ndarray, spare: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Pairs for which nothing is kept get what is spare."""
    return np.where(kept.any(-1, keepdims=True), kept, spare & pairs.any(-1, keepdims=True))


MINE = mistakes(
    right_mine,
    """
semi-hard closer than the positive | hard = triple & (far <= near - m); easy = triple & (far >= near)
  These are HARD negatives: closer than the positive. FaceNet's semi-hard: d_ap < d_an < d_ap + m.
semi-hard closer than the positive | semi_hard = triple & (far < near) & (far > near - m)
semi-hard closer than the positive | semi_hard = triple & (far < near)
fallback to another zone | kept = or_else(sorts[strategy], hardest, triple)
  A pair without a negative of the zone gives no triplet. Yours gets one from a zone that you meant to avoid.
fallback to another zone | semi_hard = or_else(triple & ~hard & ~easy, hardest, triple)
fallback to another zone | semi_hard = or_else(nearest(triple & ~hard & ~easy, far), hardest, triple)
image 0 slipped in | kept = or_else(sorts[strategy], np.arange(len(D)) == 0, triple)
  The argmin of a row in which nothing qualifies is 0, so image 0 came in. Leave such rows out.
image 0 slipped in | semi_hard = or_else(triple & ~hard & ~easy, np.arange(len(D)) == 0, triple)
image 0 slipped in | semi_hard = or_else(nearest(triple & ~hard & ~easy, far), np.arange(len(D)) == 0, triple)
image 0 slipped in | hardest = or_else(nearest(triple, far), np.arange(len(D)) == 0, pair[:, :, None])
one negative a pair | kept = nearest(sorts[strategy], far)
  You kept one negative for each pair of anchor and positive. Asked for is every negative of the zone.
one negative a pair | semi_hard = nearest(triple & ~hard & ~easy, far)
squared and plain | near, far = D[:, :, None] ** 2, D[:, None, :] ** 2
  Margin 0.2 means different things for d and d²: use the distances and m as they are: no square, no root.
squared and plain | near, far = D[:, :, None] ** 0.5, D[:, None, :] ** 0.5
squared and plain | easy = triple & (far >= near + m * m) & ~hard
squared and plain | easy = triple & (far >= near + m**0.5) & ~hard
anchor its own positive | pair = same
  An anchor is paired with itself: its label equals its own. A positive is ANOTHER image of that label.
each pair once | pair = np.triu(same & ~itself)
  You took every pair in one order only. Anchor 0 with positive 1 and anchor 1 with positive 0 both count.
itself by distance 0 | pair = same & (D > 0)
  Two images may lie on one point. An image is itself when the numbers are equal, not when D is 0.
labels counted from 0 | pair = same & ~itself & (labels >= 0)[:, None]
  Labels are any integers, negative ones and those above 9 too: ask only which are equal.
labels counted from 0 | pair = same & ~itself & np.isin(labels, range(10))[:, None]
negatives of the anchor's label | other = ~itself
  Images of the anchor's own label are among your negatives: false negatives, as near as they come.
negatives of the anchor's label | other = np.ones_like(same)
positives of any label | pair = ~itself
  Images of another label are among your positives: compare labels for the pair too.
seen from the positive | near, far = D[:, :, None], D[None]
  Your distances to the negatives start at the POSITIVE, another row of D. Both must start at the anchor.
seen from the positive | hardest = nearest(triple, D[None])
places for images | return np.array([a, p, other.cumsum(1)[a, n] - 1])
  You returned places in a shorter list, that of the negatives, instead of the images' numbers.
counted from 1 | return np.array([a, p, n]) + 1
  Images are numbered from 0 to B - 1.
labels for images | return labels[np.array([a, p, n])]
  These are labels. Asked for are the numbers of the images.
places for images | return np.array([a, p, other.cumsum(1)[a, n] - 1 if strategy == "hardest" else n])
order of the three | return np.array([a, n, p])
  The positives and the negatives have changed places: return anchors, then positives, then negatives.
ties at the edges | hard = triple & (far < near)
  A negative on an edge went to the wrong zone: as far as the positive is hard, farther by exactly m is easy.
ties at the edges | easy = triple & (far > near + m)
tie where m = 0 | easy = triple & (far >= near + m)
  With m = 0 a negative as far as the positive meets both conditions. It is hard: not yet the right order.
tie where m = 0 | hard = triple & (np.maximum(0, near - far + m) >= m)
no outer edge | semi_hard = triple & ~hard
  Semi-hard ends at d_ap + m. Beyond that a negative is easy and has no loss.
semi-hard and hard | semi_hard = triple & ~easy
  Your "semi_hard" holds the hard negatives too. They have a loss, but are no farther than the positive.
all with a loss | sorts = {"hard": triple & ~easy, "semi_hard": semi_hard, "easy": easy, "hardest": hardest}
  Your "hard" holds every negative with a loss, the semi-hard ones too. Hard means d_an <= d_ap.
farthest for nearest | hardest = nearest(triple, -far)
  For "hardest" the nearest image of another label is asked for. Yours is the farthest, the easiest of all.
nearest of all images | hardest = nearest(pair[:, :, None], far)
  "hardest" asks for the nearest image of ANOTHER label: leave the anchor and its label out first.
nearest of all images | hardest = nearest(pair[:, :, None] & ~itself[:, None, :], far)
masked with a distance | hardest = nearest(triple.any(-1)[..., None], np.where(other, D, 4.0)[:, None])
  The masked images got a distance that a negative can have as well, and came first. Mask with infinity.
masked with a distance | hardest = nearest(triple.any(-1)[..., None], np.where(other, D, D.max())[:, None])
last of equals | hardest = nearest(triple[:, :, ::-1], far[:, :, ::-1])[:, :, ::-1]
  Several negatives are equally near; asked for is the first of them.
all of equals | hardest = triple & (far == np.where(triple, far, np.inf).min(-1, keepdims=True))
  Several negatives are equally near, and you returned them all. Asked for is one a pair, the first of them.
one positive an anchor | hardest = nearest(triple, far) & nearest(pair, -D)[:, :, None]
  You kept one positive of each anchor, as batch-hard mining does. EVERY positive makes a pair.
one positive an anchor | pair = nearest(same & ~itself, D)
hardest within a zone | hardest = nearest(triple, far) & hard
  "hardest" takes the nearest negative whatever its zone: every pair gets one if there is a negative at all.
hardest within a zone | hardest = nearest(triple & ~hard, far)
hardest within a zone | hardest = nearest(triple, far) & ~easy
only the first anchor | kept = sorts[strategy] & (np.arange(len(D)) == 0)[:, None, None]
  Triplets of one anchor came back. Is a `return` inside the loop over anchors?
strategy ignored | kept = semi_hard
  The same triplets come back for every strategy.
raises where none qualifies | return np.stack(list(zip(a, p, n))).T | an_error
  A batch without such a triplet is no error, it happens in training: return three empty arrays.
strategy not refused | refused = m < 0; kept = sorts.get(strategy, semi_hard) | silent
  There is no such strategy: raise ValueError. A misspelt name must not train on something else.
margin not refused | refused = strategy not in STRATEGIES | silent
  A margin below 0 makes no sense here: raise ValueError, or the mistake of whoever calls you stays hidden.
margin not refused | refused = strategy not in STRATEGIES or (m < 0 and strategy != "hardest") | silent
""",
    *(an_error, silent),
)


def right_gradient(a: np.ndarray, n: np.ndarray, squared: bool) -> Any:
    difference = a - n
    length = np.linalg.norm(difference)
    refused = length == 0 and not squared
    if refused:
        raise ValueError("no direction")
    twice = 2 * difference
    unit = difference / length
    return twice if squared else unit


GRADIENT = mistakes(
    right_gradient,
    """
factor 2 missing | twice = difference
  The derivative of x² is 2x: the gradient of the squared distance is twice the difference.
mean of the squares | twice = 2 * difference / len(a)
  The distance is the SUM of the squares: do not divide by the number of coordinates.
sign | difference = n - a
  The gradient points to where the distance GROWS: away from n. Yours points towards it.
refused where it exists | refused = length == 0 | a_value_error
  Where the points meet, the squared distance has a gradient, and it is 0. Only the plain one has none.
near taken for equal | refused = length < 1e-6 and not squared | a_value_error
  Two points that are nearly equal have a direction between them. Refuse a distance of exactly 0 alone.
one coordinate taken for all | refused = (difference == 0).any() and not squared | a_value_error
  Points that agree in one coordinate still lie apart. Refuse them only if ALL coordinates agree.
squared and plain swapped | refused = False; return unit if squared else twice
  You returned the gradient of the plain distance for the squared one, and the other way round.
always squared | refused = False; return twice
  Your answer does not depend on `squared`. The plain distance is a root: divide by what the chain rule gives.
always plain | refused = length == 0; return unit
  Your answer does not depend on `squared`. The squared distance's gradient shrinks with the distance.
not divided by the length | refused = False; unit = difference
  The gradient of a plain distance has length 1 wherever it exists: divide the difference by its length.
another length | unit = np.sign(difference)
  The length is the root of the sum of squares, not the sum or the largest of the coordinates.
another length | unit = difference / np.abs(difference).max()
divided by the squared length | unit = difference / length**2
  You divided by the squared distance. The root of it is left in the denominator, so that the length is 1.
divided by twice the length | unit = difference / (2 * length)
  The 1/2 from the root and the 2 from the square cancel; one of them is left in yours. The length is 1.
factor 2 too many | unit = 2 * difference / length
  The 2 of the square and the 1/2 of the root cancel: the plain distance's gradient has length 1.
small number in the denominator | refused = False; unit = difference / (length + 1e-8)
  A small number added to the length shortens the gradient of near points. It should have length 1.
distance for gradient | return length**2 if squared else length
  This is the distance. Asked for is its gradient, a vector of the shape of a.
length for vector | return 2 * length if squared else 1.0
  This is the length of the gradient. Asked for is the vector, of the shape of a.
no direction answered | refused = False | unrefused
  Where the points meet the plain distance has no gradient: 0 divided by 0. Raise ValueError.
""",
    *(a_value_error, unrefused),
)

# The inputs. Distances are fractions of 64, so that d_ap + m is exact and an edge is an edge.


def _fractions(rng: np.random.Generator, size: Any) -> np.ndarray:
    return rng.integers(1, 129, size) / 64


def _zone_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    drawn, hair = [], 2**-30
    for count in (4, 6, 10, 16, 24):
        d_ap, m = float(_fractions(rng, ())), float(rng.choice([0.125, 0.25, 0.5]))
        drawn.append((d_ap, np.clip(d_ap + rng.integers(-48, 64, count) / 64, 0, None), m, ""))
        drawn.append((_fractions(rng, count), _fractions(rng, count), m, ""))
    return edges(
        (0.5, np.array([0.25]), 0.25, "closer than the positive"),
        (0.5, np.array([0.625]), 0.25, "farther than the positive, by less than m"),
        (0.5, np.array([1.0]), 0.25, "farther by more than m"),
        (0.5, np.array([0.5, 1.5]), 0.25, "as far as the positive: the rule is broken, by all of m"),
        (0.5, np.array([0.75, 1.5]), 0.25, "farther by exactly m: the rule is met"),
        (0.5, np.array([0.25, 0.5, 0.5625, 0.75, 0.9375, 1.0, 1.25]), 0.5, "seven, one on each edge"),
        (0.0, np.array([0.0, 0.25, 0.5]), 0.5, "the positive lies on the anchor"),
        (0.5, np.array([0.25, 0.5, 0.75]), 0.0, "with m = 0 the two edges fall together: on them is hard"),
        (np.array([0.25, 1.0, 0.5]), np.array([0.5, 0.5, 0.5]), 0.5, "a positive for each negative"),
        (0.25, np.array([1.5, 1.75, 2.0, 2.25]), 1.75, "a margin larger than most distances"),
        (0.5, np.array([0.5 - hair, 0.5 + hair, 0.75 - hair, 0.75 + hair]), 0.25, "a hair beside each edge"),
        (0.5, np.array([0.25, 1.0]), -0.25, "a margin below 0 would give zones that overlap"),
        *drawn,
    )


def _matrix(rng: np.random.Generator, size: int) -> np.ndarray:
    upper = np.triu(_fractions(rng, (size, size)), 1)
    return upper + upper.T


def _three(first: float, second: float, third: float) -> np.ndarray:
    """Three images: the distances 0–1, 0–2 and 1–2."""
    return np.array([[0, first, second], [first, 0, third], [second, third, 0]])


def _mine_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    three, pair, four = _three(0.5, 0.625, 1.0), np.array([7, 7, 8]), np.array([4, 4, 4])
    on_edges, nearly = _three(0.5, 0.5, 0.75), _three(0.5, 0.5, 0.5 + 2**-30)
    six, classes = _matrix(np.random.default_rng(2), 6), np.array([0, 1, 0, 1, 2, 0])
    order = np.array([3, 0, 5, 4, 1, 2])
    moved, renamed = six[np.ix_(order, order)], classes[order] * 10 - 7
    drawn = []
    for size in (9, 12):
        labels = rng.permutation(np.arange(size) % 3)
        m = float(rng.choice([0.25, 0.5]))
        drawn += [(_matrix(rng, size), labels, m, name, "") for name in STRATEGIES]
    points = rng.normal(size=(24, 4))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    real = np.square(points[:, None] - points).sum(-1)
    return edges(
        (three, pair, 0.25, "semi_hard", "image 2 is semi-hard for anchor 0, easy for anchor 1"),
        (three, pair, 0.25, "easy", "image 2 is easy for anchor 1 alone"),
        (three, pair, 0.25, "hard", "nothing is hard: three empty arrays"),
        (three, pair, 0.25, "hardest", "each pair's nearest negative, whatever its zone"),
        (_three(0.5, 0.25, 1.0), pair, 0.25, "semi_hard", "hard and easy ones only: no triplet"),
        (on_edges, pair, 0.25, "hard", "as far as the positive is hard"),
        (on_edges, pair, 0.25, "easy", "farther by exactly m is easy"),
        (on_edges, pair, 0.25, "semi_hard", "both negatives lie on an edge"),
        (three, np.array([1, 2, 3]), 0.25, "semi_hard", "no image has a positive"),
        (three, four, 0.25, "semi_hard", "no image has a negative"),
        (three, four, 0.25, "hardest", "no image has a negative"),
        (np.zeros((1, 1)), np.array([3]), 0.25, "hardest", "a batch of one"),
        (three, pair, 0.25, "nearest", "there is no such strategy"),
        (three, pair, -0.25, "semi_hard", "a margin below 0"),
        (three, pair, -0.25, "hardest", "a margin below 0, even where the margin is not used"),
        *((six, classes, 0.5, name, "three labels, one of them without a pair") for name in STRATEGIES),
        *((moved, renamed, 0.5, name, "another order and labels") for name in ("semi_hard", "hardest")),
        (_three(0.0, 4.0, 4.0), pair, 0.25, "hardest", "positive on the anchor, negative opposite"),
        *((nearly, pair, 0.0, name, "with m = 0 a tie is hard, and not easy") for name in ("hard", "easy")),
        (0.5 - 0.5 * np.eye(5), np.array([0, 1, 0, 2, 1]), 0.25, "hardest", "all equal"),
        *drawn,
        (real, np.arange(24) % 5, 0.2, "semi_hard", "points on a sphere"),
    )


def _gradient_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    origin, near = np.array([0.25, 0.5]), np.array([0.25 + 2**-30, 0.5])
    apart, zero = np.array([3.0, 4.0]), np.zeros(2)
    drawn = [(*rng.normal(size=(2, k)).round(3), flag, "") for k in (2, 3, 5, 16) for flag in (True, False)]
    faint = Case((near, origin, True), "nearly on one point: hardly any gradient is left", atol=1e-13)
    rest = edges(
        (apart, zero, True, ""),
        (apart, zero, False, "a step straight away from n: length 1"),
        (np.array([3.0, 0.0]), apart, False, "one coordinate agrees, and the points lie apart"),
        (near, origin, False, "nearly on one point, and the gradient is as long as ever"),
        (origin, origin, True, "on one point: the squared distance has a gradient, and it is 0"),
        (origin, origin, False, "on one point there is no direction"),
        *drawn,
    )
    return [faint, *rest]


# What a card draws.

Row = tuple[Any, list[str], list[str]]


def _strip(d_ap: float, m: float, rows: dict[str, Row], title: str) -> Figure:
    """Rows of negatives over the three zones: their distances, colors and labels."""
    from matplotlib.figure import Figure

    from nslab.explain import COLORS

    height = 0.95 + 0.36 * len(rows)
    figure = Figure(figsize=(6.4, height))
    axes = figure.add_axes((0.16, 0.52 / height, 0.82, 0.36 * len(rows) / height))
    right = 1.08 * max(d_ap + m, *(np.max(xs, initial=0.0) for xs, _, _ in rows.values()))
    axes.axvspan(0, d_ap, color=COLORS["hard"], alpha=0.15, lw=0)
    axes.axvspan(d_ap, d_ap + m, color=COLORS["semi_hard"], alpha=0.25, lw=0)
    axes.axvline(d_ap, color=COLORS["positive"])
    for y, (xs, colors, names) in enumerate(list(rows.values())[::-1]):
        axes.scatter(xs, np.full(len(xs), y - 0.15), c=[COLORS[name] for name in colors], zorder=3)
        for x, name in zip(xs, names, strict=False):
            axes.text(x, y + 0.08, name, ha="center", fontsize=8)
    axes.set(xlim=(-0.02 * right, right), ylim=(-0.5, len(rows) - 0.5))
    axes.set(xlabel="distance (green line: the positive; red and orange zone: hard, semi-hard)")
    axes.set_yticks(range(len(rows)), list(rows)[::-1])
    figure.suptitle(title, fontsize=9)
    return figure


def _zone_picture(args: tuple[Any, ...], value: Any) -> Figure:
    d_ap, d_an, m = args
    colors = ("hard", "semi_hard", "negative")
    right, yours = ([colors[int(code)] for code in codes] for codes in (categorise(*args), value))
    rows = {"asked for": (d_an, right, []), "yours": (d_an, yours, [])}
    return _strip(float(d_ap), m, rows, "A dot's color is its zone: red hard, orange semi-hard, blue easy")


def _mine_picture(args: tuple[Any, ...], value: Any) -> Figure:
    """The first pair whose negatives are not those asked for."""
    D, labels, m, strategy = args
    asked, yours = set(_read(mine(*args))), set(_read(value))
    a, p, _ = min(asked ^ yours)

    def row(ids: list[int]) -> Row:
        colors = ["false_negative" if labels[i] == labels[a] else "negative" for i in ids]
        return D[a, ids], colors, [str(i) for i in ids]

    rows = {
        "other labels": row([i for i in range(len(labels)) if labels[i] != labels[a]]),
        "asked for": row([n for x, y, n in asked if (x, y) == (a, p)]),
        "yours": row([n for x, y, n in yours if (x, y) == (a, p)]),
    }
    return _strip(D[a, p], m, rows, f'"{strategy}": negatives of anchor {a} with positive {p}, m = {m:g}')


EXERCISE = Exercise(
    "02",
    "semi-hard mining",
    (
        Question(
            "categorise(d_ap, d_an, m)",
            categorise,
            mining.categorize,
            "nslab.mining.categorize",
            _zone_cases,
            CATEGORISE,
            (
                "Draw a line for the distance from the anchor. Mark the positive at 0.5 and a second mark m "
                "beyond it. The two marks cut the line into three parts: which zone is which?",
                "Hard is a relation between two distances alone; m has no part in it. Then ask the same of "
                "the second mark. A negative that sits exactly on a mark belongs to the part without loss "
                "only at the second one.",
                "Two comparisons give two truths for every negative. True counts as 1, so the code can be "
                "the number of marks that a negative has reached or passed: mind which of them it may "
                "merely touch. With m = 0 the marks fall together, and whoever has not passed the first has "
                "not reached the second.",
            ),
            picture=_zone_picture,
        ),
        Question(
            "triplet_loss(d_ap, d_an, m)",
            triplet_loss,
            lambda d_ap, d_an, m: losses.triplet_loss(d_ap, d_an, margin=m, reduction="none"),
            "nslab.losses.triplet_loss",
            _zone_cases,
            LOSS,
            (
                "The rule wants the negative at the second mark or beyond. By how much does a negative miss "
                "that place?",
                "A negative that is already there costs nothing, and it earns nothing either: the loss is "
                "never below 0. What should it be for a negative as far away as the positive?",
                "Compute the shortfall for all negatives at once, and replace what is below 0, entry by "
                "entry. Both distances are used as they come.",
            ),
        ),
        Question(
            "mine(D, labels, m, strategy)",
            mine,
            lambda D, labels, m, strategy: mining.mine_triplets(D, labels, margin=m, strategy=strategy),
            "nslab.mining.mine_triplets",
            _mine_cases,
            MINE,
            (
                "Take labels 7, 7, 8 and write all triplets down by hand. Which images may be the positive "
                "of image 0, which its negatives? Two tables of truths, B x B, hold the answer for all "
                "anchors.",
                "Whether a triplet qualifies depends on three numbers, so think of a table of truths with "
                "three axes: anchor, positive, negative. Your `categorise` can fill it if you give each "
                "distance matrix the axis that it lacks.",
                "Combine the three conditions (a pair, another label, the zone) and ask numpy for the "
                'places of what is left. For "hardest" make the distance to all that is no negative '
                "infinite before you look for the smallest of a row, and leave out rows without any "
                "negative.",
            ),
            measure=_measure,
            picture=_mine_picture,
        ),
        Question(
            "distance_gradient(a, n, squared)",
            distance_gradient,
            None,
            "",
            _gradient_cases,
            GRADIENT,
            (
                "Write the squared distance as a sum over coordinates and differentiate by one of them.",
                "The plain distance is the square root of that sum: the chain rule divides by something "
                "that becomes 0 where the two points meet.",
                "Both gradients point from n to a. One has a length in proportion to the distance, the "
                "other always the same length; at distance 0 only one of them exists.",
            ),
            stretch=True,
        ),
    ),
)
