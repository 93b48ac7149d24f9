"""Exercise 12: the sigmoid loss and its bias."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from nslab.practice._exercise import Case, Exercise, Question, edges
from nslab.practice._judgements import finite, is_number, lost, not_finite, silent, wherever
from nslab.practice._mistakes import changed, mistakes
from nslab.practice._run import Outcome

# The specification: one pair at a time.


def sigmoid_loss(s: np.ndarray, y: np.ndarray, tau: float, b: float) -> float:
    """Every pair that is not masked pays softplus(−y z)."""
    return math.fsum(_softplus(-kind * logit) for kind, logit in _pairs(s, y, tau, b)) / len(s)


def bias_slope(s: np.ndarray, y: np.ndarray, tau: float, b: float) -> float:
    """−y σ(−y z) is the slope of softplus(−y z) along z, and z grows with b as fast as b does."""
    pairs = _pairs(s, y, tau, b)
    return math.fsum(-kind * math.exp(-_softplus(kind * logit)) for kind, logit in pairs) / len(s)


def balanced_bias(s: np.ndarray, y: np.ndarray, tau: float) -> float:
    """The zero of `bias_slope`, by halving an interval that contains it."""
    positives, negatives = int((y > 0).sum()), int((y < 0).sum())
    if not positives or not negatives:
        raise ValueError(f"there must be positives and negatives, got {positives} and {negatives}")
    centre = math.log(positives / negatives)  # the answer if all logits are 0
    low, high = centre - float(s.max()) / tau, centre - float(s.min()) / tau
    for _ in range(70):
        middle = (low + high) / 2
        low, high = (middle, high) if bias_slope(s, y, tau, middle) < 0 else (low, middle)
    return (low + high) / 2


def _pairs(s: np.ndarray, y: np.ndarray, tau: float, b: float) -> Iterator[tuple[int, float]]:
    for score, kind in zip(s.ravel(), y.ravel(), strict=True):
        if kind:
            yield int(kind), float(score) / tau + b


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


# A right answer in named steps, and what goes wrong in each.

PAIRS = """
a mask that is only low | z = np.where(y == 0, -10, s / tau + b); kind = np.where(y > 0, 1, -1); kept = True
  You gave masked pairs a low score or logit, or a score of 0. They still cost something: leave them out.
a mask that is only low | z = np.where(y == 0, -30, s / tau + b); kind = np.where(y > 0, 1, -1); kept = True
a mask that is only low | z = np.where(y == 0, 0, s) / tau + b; kind = np.where(y > 0, 1, -1); kept = True
a mask that is only low | z = np.where(y == 0, -1, s) / tau + b; kind = np.where(y > 0, 1, -1); kept = True
a mask that is only low | z = np.where(y == 0, -100, s) / tau + b; kind = np.where(y > 0, 1, -1); kept = True
masked pairs counted | kind = np.where(y > 0, 1, -1); kept = True
  You took masked pairs for negatives, for positives, or for half of each. Where y is 0 nothing is known.
masked pairs counted | kind = np.where(y < 0, -1, 1); kept = True
masked pairs counted | kind = np.stack([y + (y == 0), y - (y == 0)]); kept = True; over = 2 * len(y)
y ignored | kind = abs(y)
  You took every pair for a positive. A negative pair costs −ln σ(−z).
answers swapped | kind = -y
  You gave positives what a negative costs, and negatives what a positive costs.
only the diagonal | kind = diagonal(y) * abs(y)
  Your positives stand on the diagonal. y says where they are: anywhere, and several in a row.
only the diagonal | kind = diagonal(y); kept = True
positives only | kept = y > 0
  You counted what the positives cost. Every negative pair is a question too.
negatives only | kept = y < 0
  You left out the positives. They pull where the negatives push.
pairs left out | kept = (y != 0) & (y > 0).any(1, keepdims=True)
  You left out rows, columns, or a row's further positives. Every pair that is not masked counts.
pairs left out | kept = y.all(1, keepdims=True)
pairs left out | kept = (y < 0) + (y > 0) * ((y > 0).cumsum(1) == 1)
pairs left out | kept = (y != 0) & (np.arange(y.shape[1]) < len(y))
minus the bias | z = s / tau - b
  You subtracted the bias. The logit is s/τ + b: a low b makes every yes less likely.
bias within the score | z = (s + b) / tau
  You divided the bias by τ. The logit is s/τ + b: b is no score.
times τ | z = s * tau + b
  You multiplied the scores by τ. The logit is s/τ + b: a low τ makes logits large.
y times the score alone | z = s / tau + y * b
  You turned the sign of the score where y is −1, but not that of the bias. The whole logit s/τ + b turns.
no b or no τ | z = s / tau
  Your answer does not change with b, or not with τ. The logit is s/τ + b.
no b or no τ | z = s + b
mean over all pairs | over = y.size
  You divided by the number of all entries, so negatives count for less. Divide by the number of ROWS.
mean over the pairs | over = np.count_nonzero(y)
  You divided by the number of pairs that are not masked. The sum is divided by the number of ROWS.
divided by another number | over = (y > 0).sum()
  You divided by the positives, the columns or some rows only. The sum is divided by the number of ALL rows.
divided by another number | over = y.shape[1]
divided by another number | over = 2 / (1 / len(y) + 1 / y.shape[1])
divided by another number | over = max(1, (y > 0).any(1).sum())
divided by another number | over = y.any(1).sum()
means added | over = len(y) * np.where(y < 0, (y < 0).sum(1, keepdims=True), 1)
  You took the mean over negatives, or over each kind. Every pair counts in full: divide one sum by the rows.
means added | over = np.where(y > 0, (y > 0).sum(), (y < 0).sum())
not divided | over = 1
  You returned the sum over all pairs. Divide it by the number of rows.
"""


def diagonal(y: np.ndarray) -> np.ndarray:
    return np.where(np.eye(*y.shape) > 0, 1, -1)


def right_loss(s: np.ndarray, y: np.ndarray, tau: float, b: float) -> Any:
    z = s / tau + b
    kind = y
    cost = np.logaddexp(0, -kind * z)
    kept = y != 0
    over = len(y)
    return np.where(kept, cost / over, 0).sum()


def overflown(case: Case, got: Outcome, own: Outcome) -> bool:
    finite = own.error is None and math.isfinite(own.value)
    return lost(case, got, own) if finite else not_finite(case, got, own)


LOSS = mistakes(
    right_loss,
    """
masked pairs cost ln 2 | kept = True
  A pair with y = 0 costs nothing. Its logit times 0 is 0, and −ln σ(0) is ln 2: leave these pairs out.
exp overflows | cost = -np.log(1 / (1 + np.exp(-kind * z))) | overflown
  A large logit's exponential overflows, or a sigmoid rounds to 0. Take exponentials of negative numbers only.
exp overflows | cost = np.log1p(np.exp(-kind * z)) | overflown
exp overflows | cost = -np.log(np.where(kind > 0, 1 / (1 + np.exp(-z)), 1 - 1 / (1 + np.exp(-z)))) | overflown
small losses lost | cost = np.maximum(0, -kind * z) + np.log(1 + np.exp(-abs(z)))
  A loss of e⁻⁴⁰ came out as 0: 1 + e⁻⁴⁰ is 1 in floating point. Use log1p, logaddexp or logsigmoid.
small losses lost | cost = np.where(kind > 0, 0, z) + np.logaddexp(0, -z)
clipped | cost = -np.log(np.clip(1 / (1 + np.exp(-kind * z)), 1e-6, 1 - 1e-6)) | finite
  You clipped a logit or a probability, or added a small number to it. Take −ln σ from the logit as it is.
clipped | cost = -np.log(np.clip(1 / (1 + np.exp(-kind * z)), 1e-12, 1 - 1e-12)) | finite
clipped | cost = np.logaddexp(0, -kind * z.clip(-500, 500)) | finite
bits | cost = np.logaddexp2(0, -kind * z / np.log(2))
  This is the loss in bits. Asked for are nats: the natural logarithm.
y outside | cost = kind * np.logaddexp(0, -z)
  y belongs inside, −ln σ(y z). Outside it turns a negative's cost into a gain.
another cost | cost = np.exp(-np.logaddexp(0, kind * z))
  A pair costs −ln of the probability of its right answer: not the probability of a wrong one, not a hinge.
another cost | cost = np.maximum(0, 1 - kind * z)
sign of the loss | cost = -np.logaddexp(0, -kind * z)
  A cost is never negative: it is MINUS the logarithm of a probability.
a softmax | kept = y > 0; cost = np.logaddexp.reduce(np.where(y, z, -np.inf), axis=1, keepdims=True) - z
  Your pairs compete within their row: that is InfoNCE. Here every pair is judged for itself, by a sigmoid.
"""
    + PAIRS,
    finite,
    overflown,
)


def right_slope(s: np.ndarray, y: np.ndarray, tau: float, b: float) -> Any:
    z = s / tau + b
    kind = y
    pull = -kind * np.exp(-np.logaddexp(0, kind * z))
    kept = y != 0
    over = len(y)
    return np.where(kept, pull / over, 0).sum()


SLOPE = mistakes(
    right_slope,
    """
sign of the slope | pull = kind * np.exp(-np.logaddexp(0, kind * z))
  The sign is turned: where positives pull hardest the loss FALLS as b rises.
exp overflows | pull = -kind * (np.exp(-kind * z) / (1 + np.exp(-kind * z))) | overflown
  A large logit's exponential overflows, or a sigmoid rounds to 0. Take exponentials of negative numbers only.
exp overflows | pull = -kind * np.vectorize(lambda x: 1 / (1 + math.exp(x)))(kind * z) | overflown
small slopes lost | pull = -kind * (1 - 1 / (1 + np.exp(-kind * z)))
  A slope of e⁻⁴⁰ came out as 0: σ(40) is 1 in floating point, and 1 − 1 is 0. σ(−40) keeps its digits.
σ of the wrong sign | pull = -kind * np.exp(-np.logaddexp(0, -kind * z))
  A pair pulls by the probability that it gets WRONG: σ(−z) for a positive, σ(z) for a negative.
σ of the wrong sign | pull = -kind * np.exp(-np.logaddexp(0, -z))
all one way | pull = np.exp(-np.logaddexp(0, kind * z))
  You added up how hard the pairs pull, whichever way. Positives pull b up, negatives push it down.
all one way | pull = np.exp(-np.logaddexp(0, -z))
targets of 1 and −1 | pull = np.exp(-np.logaddexp(0, -z)) - kind
  σ(z) less the target is the slope if targets are 1 and 0. Here y is −1 for a negative.
slope of the sigmoid | pull = -kind * np.exp(-np.logaddexp(0, z) - np.logaddexp(0, -z))
  σ(z) σ(−z) is the slope of the sigmoid itself. The logarithm divides it by σ: one factor is left.
slope of the sigmoid | pull = -kind / (1 + np.exp(-z)) * (1 - 1 / (1 + np.exp(-z)))
slope of the sigmoid | pull = np.exp(-np.logaddexp(0, z) - np.logaddexp(0, -z))
numbers of pairs | pull = -kind
  You counted pairs. How hard a pair pulls depends on how wrong it still is.
slope with respect to s | over = len(y) * tau
  This is the slope for the scores (over τ) or for 1/τ (times s). A logit changes with b as fast as b does.
slope with respect to s | pull = -kind * s * np.exp(-np.logaddexp(0, kind * z))
"""
    + PAIRS,
    overflown,
)

WRONG = {mistake.name: mistake.wrong for mistake in SLOPE}
COSTS = changed(right_loss, "cost = -kind * np.logaddexp(0, -kind * z)")


def right_bias(s: np.ndarray, y: np.ndarray, tau: float) -> float:
    refused = not (y > 0).any() or not (y < 0).any()
    if refused:
        raise ValueError("no balance")
    kind, slope = y, right_slope
    even = np.log((kind > 0).sum() / (kind < 0).sum())
    low, high = even - s.max() / tau - 9, even - s.min() / tau + 9
    bias = halved(lambda b: slope(s, kind, tau, b), low, high)
    return bias


def halved(slope: Callable[[float], Any], low: float, high: float) -> float:
    """The zero of the slope, or the end of the range that is searched."""
    for _ in range(70):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return (low + high) / 2


def close(case: Case, got: Outcome, own: Outcome) -> bool:
    return is_number(got) and abs(float(got.value) - own.value) < 0.1


BIAS = mistakes(
    right_bias,
    """
formula for equal scores | return even
  This is right if all scores are 0, but a negative that scores high pushes more. Find the zero of the slope.
B alone | return -math.log(len(y))
  −10, −ln B or −ln(B − 1) knows the batch's size at most. Scores, masks and further positives count as well.
B alone | return -math.log(len(y) - 1)
B alone | return -math.log(y.shape[1] - 1)
B alone | return -10.0
sign of the answer | return -bias
  The sign is turned. With more negatives than positives a logit must start BELOW 0.
mean of the scores | return even - s.mean() / tau
  You moved the formula for equal scores by their mean. A sigmoid is no straight line: high scores count more.
mean of the scores | return even - s[y != 0].mean() / tau
between the means | return -(s[y > 0].mean() + s[y < 0].mean()) / 2 / tau
  Half-way between positives and negatives lies a threshold. It does not see how many there are of each.
in units of a score | return tau * bias
  Your answer is the bias times τ, or over τ. The bias is added to s/τ, so it has no unit.
in units of a score | return bias / tau
a mask that is only low | kind, slope = y, WRONG["a mask that is only low"]
  A low score for masked pairs is not low where scores and τ are large: leave these pairs out of the sum.
masked pairs counted | kind, slope = np.where(y > 0, 1, -1), right_slope
  You took masked pairs for negatives. Where y is 0 nothing is known.
masked pairs counted | return np.log((y > 0).sum() / (y <= 0).sum())
only the diagonal | kind, slope = diagonal(y) * abs(y), right_slope
  Your positives stand on the diagonal. y says where they are: anywhere, and several in a row.
no τ | bias = halved(lambda b: slope(s, kind, 1, b), even - s.max(), even - s.min())
  Your balance does not depend on τ. The logit is s/τ + b.
fixed range | low, high = -50.0, 50.0 | wherever
  The answer lies beyond your search. Let its range follow s/τ, with room for ln(positives/negatives).
fixed range | low, high = -s.max() / tau, -s.min() / tau
equal costs | kind, slope = y, COSTS
  This is where positives and negatives COST the same. Balance is where they pull and push alike, by slopes.
means added | kind, slope = y, WRONG["means added"]
  You weighed the mean pull against the mean push. Every pair pulls for itself: compare the sums.
not converged | return round(bias, 2) | close
  Nearly: a step, or a grid, too coarse. Halve an interval until nothing changes.
small slopes lost | kind, slope = y, WRONG["small slopes lost"] | wherever
  Where positives score far above negatives slopes are tiny, but not 0: σ(−40) keeps its digits, 1 − σ(40)
  does not. Do not stop at a small slope, and search the whole range.
not refused | refused = False | silent
  Without a positive, or without a negative, the slope has one sign everywhere: raise ValueError.
""",
    close,
    silent,
    wherever,
)

# The inputs. The scores are whole 64ths and most τ powers of 2, so that single precision reads the same
# logits.

BIG = 2.0**60
_TWO = np.array([[1, -1], [-1, 1]])


def _own(B: int) -> np.ndarray:
    """Row i belongs to column i."""
    return 2 * np.eye(B, dtype=int) - 1


_EDGES = [
    ([[0.5]], [[1]], 0.25, 0.0, "one pair that belongs together"),
    ([[0.5]], [[-1]], 0.25, 0.0, "one pair that does not"),
    ([[0.5]], [[1]], 0.25, -3.0, "the bias is added to the logit: it is in no unit of a score"),
    ([[0.5, 0.25]], [[1, 0]], 0.25, 0.0, "a masked pair costs nothing, whatever its score"),
    ([[0.5, -0.25], [0.25, 0.75]], _TWO, 0.25, -1.0, "two rows"),
    ([[-0.25, 0.5], [0.75, 0.25]], -_TWO, 0.25, -1.0, "y says what is a positive, not the diagonal"),
    ([[-0.641357421875]], [[1]], 2**-4, 0.0, "a logit of -10.26 costs a little more than 10.26"),
    ([[-1.0]], [[1]], 2**-10, 0.0, "exp(1024) is no float64"),
    ([[1.0]], [[-1]], 2**-10, 0.0, "exp(1024) is no float64"),
    ([[1.0, 0.0]], [[1, -1]], 2**-10, 0.0, "exp(1024) is no float64"),
    ([[1.0]], [[1]], 2**-6, -24.0, "1 + exp(-40) is 1 in float64, and exp(-40) is not 0"),
    ([[-1.0]], [[-1]], 2**-6, 24.0, "1 + exp(-40) is 1 in float64, and exp(-40) is not 0"),
    ([[1.0, 0.5]], [[1, 0]], 2**-6, 0.0, "no loss is left but exp(-64), and a masked pair adds nothing"),
    ([[0.5, 0.25, -0.5]], [[1, -1, 1]], 0.25, -1.0, "two positives in a row"),
    ([[0.5], [0.25], [-0.5]], [[1], [-1], [1]], 0.25, -1.0, "three rows and one column"),
    ([[0.5, 0.25], [0.5, 0.25]], [[0, 0], [1, -1]], 0.25, -1.0, "a row without any pair"),
    ([[BIG / 2, BIG]], [[1, 0]], BIG, 0.0, "scores may have any size: beside these, -1e9 is not low"),
]


def _drawn(rng: np.random.Generator, B: int, M: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores and labels: a third are positive, every sixth pair is masked, but none in the first row."""
    s = rng.integers(-64, 65, (B, M)) / 64
    y = np.where(rng.random((B, M)) < 0.3, 1, -1) * (rng.random((B, M)) > 1 / 6)
    y[0, 0], y[0, 1:] = 1, -1
    return s, y


def _cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    known = edges(*[(np.array(s), np.array(y), *rest) for s, y, *rest in _EDGES], atol=0.0)
    sizes = ((2, 4), (4, 3), (6, 5), (8, 8))
    drawn = [
        Case((*_drawn(rng, *size), tau, b), atol=1e-7)
        for size in sizes
        for tau, b in ((0.25, -2.0), (0.0625, -10.0))
    ]
    return known + drawn


def _bias_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    flat = np.zeros((4, 4))
    masked = np.array([[1, 0, -1], [0, 1, -1], [-1, -1, 1]])
    two = np.where(np.arange(10).reshape(2, 5) % 5 < 2, 1, -1)
    apart = np.where(_own(4) > 0, 0.625, -0.625)
    unit = rng.normal(size=(2, 16, 8))
    unit /= np.linalg.norm(unit, axis=2, keepdims=True)
    drawn = [(*_drawn(rng, *size), tau, "") for size in ((2, 4), (4, 3), (8, 8)) for tau in (0.25, 0.0625)]
    return edges(
        (np.zeros((2, 2)), _TWO, 0.25, "one negative for each positive"),
        (flat + 0.5, np.roll(_own(4), 1, axis=0), 0.25, "all scores are 0.5, no positive is on the diagonal"),
        (np.zeros((3, 3)), masked, 0.25, "masked pairs are no negatives"),
        (4 * BIG * np.eye(3), masked, BIG, "scores may have any size: beside these, -1e9 is not low"),
        (np.zeros((2, 5)), two, 0.25, "two positives in each row"),
        (np.zeros((16, 16)), _own(16), 0.25, "all scores are 0: 15 negatives for each positive"),
        (flat - 100, _own(4), 0.0625, "scores far below 0"),
        (flat - 2.0**20, _own(4), 0.0625, "scores further below 0"),
        (flat + 2.0**20, _own(4), 0.0625, "scores far above 0"),
        (np.array([[99.0, 98.5], [98.25, 99.5]]), _TWO, 0.0625, "scores far above 0"),
        (apart, _own(4), 2**-6, "told apart already: σ(40) is 1 in float64, and σ(-40) is not 0"),
        (unit[0] @ unit[1].T, _own(16), 0.1, "random vectors of length 1, at τ = 0.1"),
        (flat, np.where(_own(4) > 0, 1, 0), 0.25, "without a negative there is no balance"),
        (flat, np.where(_own(4) > 0, 0, -1), 0.25, "without a positive there is no balance"),
        *drawn,
        atol=1e-6,
    )


def _library(s: np.ndarray, y: np.ndarray, tau: float, b: Any) -> torch.Tensor:
    kept = torch.tensor(y != 0)
    logits = torch.tensor(y) * (torch.tensor(s) / tau + b)
    return -torch.nn.functional.logsigmoid(logits[kept]).sum() / len(s)


def _library_slope(s: np.ndarray, y: np.ndarray, tau: float, b: float) -> torch.Tensor:
    bias = torch.tensor(b, dtype=torch.float64, requires_grad=True)
    return torch.autograd.grad(_library(s, y, tau, bias), bias)[0]


EXERCISE = Exercise(
    "12",
    "the sigmoid loss and its bias",
    (
        Question(
            "sigmoid_loss(s, y, tau, b)",
            sigmoid_loss,
            _library,
            "torch.nn.functional.logsigmoid",
            _cases,
            LOSS,
            (
                "Each pair is a question of its own. What does it cost if the answer is sure and right, "
                "sure and wrong, and what if the pair is masked?",
                "Turn the sign of the logit where y is −1; then every pair has the same cost, the logarithm "
                "of 1 plus an exponential. Which function of numpy adds two numbers that are given by their "
                "logarithms?",
                "Where y is 0 the sign is lost, and the cost of a logit of 0 is not 0. Set those costs to 0 "
                "afterwards. Then one sum over the whole matrix, and one division by the number of its rows.",
            ),
            rtol=1e-6,
        ),
        Question(
            "bias_slope(s, y, tau, b)",
            bias_slope,
            _library_slope,
            "torch.autograd",
            _cases,
            SLOPE,
            (
                "Differentiate the cost of one pair with respect to its logit. How fast does the logit "
                "change with b?",
                "A positive pulls b up by the probability that it gets wrong, a negative pushes it down by "
                "its own. Both are sigmoids: of which logit?",
                "Do not subtract a sigmoid from 1: turn the sign of its logit. To keep the exponential from "
                "overflowing take it of minus the absolute value, or use the tangens hyperbolicus with care "
                "for small results.",
            ),
            rtol=1e-6,
        ),
        Question(
            "balanced_bias(s, y, tau)",
            balanced_bias,
            None,
            "",
            _bias_cases,
            BIAS,
            (
                "Let all scores be 0 first. Then σ(b) is the same for all pairs, and the balance is one "
                "line on paper.",
                "Your slope rises with b everywhere, so halving an interval finds its zero. Below which b "
                "does it surely fall short? Add the largest logit to what you found on paper.",
                "The ends: the answer for equal scores, less the largest and less the smallest s/τ. Count "
                "positives and negatives by y, and refuse if either is missing.",
            ),
            rtol=1e-5,
        ),
    ),
)
