"""Exercise 12: the mistakes that are known by name. Each is the right answer with one of its steps
replaced.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nslab.practice._exercise import Case, Mutant, Same, diagnoses
from nslab.practice._judgements import is_number, lost, not_finite, wherever
from nslab.practice._run import Outcome

Wrong = Callable[..., Any]

TEXT = diagnoses("""
masked pairs cost ln 2 | A pair with y = 0 costs nothing. Its logit times 0 is 0, and −ln σ(0) is ln 2: leave these pairs
  out of the sum.
masked pairs as negatives | You took every pair that is no positive for a negative. Where y is 0 nothing is known.
a mask that is only low | You gave masked pairs a low logit as negatives. They still cost e to the power of it: leave
  them out of the sum.
y ignored | You took every pair for a positive. A negative pair costs −ln σ(−z).
only the diagonal | Your positives stand on the diagonal. y says where they are: anywhere, and several in a row.
positives only | You counted what the positives cost. Every negative pair is a question too.
negatives only | You left out the positives. They pull where the negatives push.
minus the bias | You subtracted the bias. The logit is s/τ + b: a low b makes every yes less likely.
bias within the score | You divided the bias by τ. The logit is s/τ + b: b is no score.
times τ | You multiplied the scores by τ. The logit is s/τ + b: a low τ makes logits large.
no bias | Your answer does not change with b. The logit is s/τ + b.
mean over all pairs | You divided by the number of all entries. The sum is divided by the number of ROWS, so that a row's
  B − 1 negatives count B − 1 times.
mean over the pairs | You divided by the number of pairs that are not masked. The sum is divided by the number of ROWS.
divided by the positives | You divided by the number of positives. The sum is divided by the number of ROWS.
divided by the columns | You divided by the number of columns. The sum is divided by the number of ROWS.
not divided | You returned the sum over all pairs. Divide it by the number of rows.
exp overflows | The exponential of a large logit overflows, or a sigmoid rounds to 0, and what is left is infinite, NaN or
  an error. Take exponentials of negative numbers only; logaddexp does.
small losses lost | A loss of e⁻⁴⁰ came out as 0: 1 + e⁻⁴⁰ is 1 in floating point. Use log1p, logaddexp or logsigmoid.
clipped | You clipped a logit or a probability, or added a small number to it before the logarithm. Then a sure mistake
  costs too little, and a sure answer too much. Compute −ln σ from the logit as it is.
sign of the loss | A cost is never negative: it is MINUS the logarithm of a probability.
a softmax | Your pairs compete within their row: that is InfoNCE. Here every pair is judged for itself, by a sigmoid.
sign of the slope | The sign is turned: where positives pull hardest the loss FALLS as b rises.
small slopes lost | A slope of e⁻⁴⁰ came out as 0: σ(40) is 1 in floating point, and 1 − 1 is 0. σ(−40) keeps its digits.
σ of the wrong sign | You weighed each pair by the probability that it gets RIGHT. A pair pulls by the probability that it
  gets wrong.
slope with respect to s | You divided by τ: that is the slope for the scores. A logit changes with b as fast as b does.
formula for equal scores | This is the ln of positives over negatives, right if all scores are 0. Yours are not: a negative that
  scores high pushes more. Find the zero of the slope.
B alone | Your answer knows the size of the batch only: −ln B or −ln(B − 1). Scores, masks and further positives count
  as well.
−10 | SigLIP starts at −10, whatever the batch. Asked for is the bias at which the slope is 0.
sign of the answer | The sign is turned. With more negatives than positives a logit must start BELOW 0.
mean of the scores | You moved the formula for equal scores by the mean of the scores. A sigmoid is no straight line: high
  scores count for more.
between the means | You took the bias half-way between positives and negatives, a threshold. It does not see how many
  there are of each.
in units of a score | Your answer is τ times the bias. The bias is added to s/τ, so it has no unit.
fixed range | The answer lies far from where your search starts or ends: scores may be anywhere. Let the range follow s/τ.
not converged | Nearly: a step, or a grid, too coarse. Halve an interval until nothing changes.
not refused | Without a positive, or without a negative, the slope has one sign everywhere: raise ValueError.
""")


def finite(case: Case, got: Outcome, own: Outcome) -> bool:
    return is_number(got) and math.isfinite(float(got.value))


def overflown(case: Case, got: Outcome, own: Outcome) -> bool:
    return lost(case, got, own) if math.isfinite(own.value) else not_finite(case, got, own)


def silent(case: Case, got: Outcome, own: Outcome) -> bool:
    return got.error is None


def close(case: Case, got: Outcome, own: Outcome) -> bool:
    return is_number(got) and abs(float(got.value) - own.value) < 0.1


SAME: dict[str, Same] = {
    "exp overflows": overflown,
    "clipped": finite,
    "not refused": silent,
    "not converged": close,
    "fixed range": wherever,
}


def mutants(*pairs: tuple[str, Wrong]) -> tuple[Mutant, ...]:
    return tuple(Mutant(name, wrong, TEXT[name], SAME.get(name)) for name, wrong in pairs)


# The steps of the loss and of its slope: the logit, what a pair gives, which pairs there are, what the sum
# is divided by.


def scaled(s: np.ndarray, tau: float, b: float) -> np.ndarray:
    return s / tau + b


def cost(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, -y * z)


def slope(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    return -y * np.exp(-np.logaddexp(0, y * z))


def summed(
    pair: Wrong,
    logit: Wrong = scaled,
    kinds: Wrong = np.asarray,
    over: Wrong = len,
    keep: Callable[[np.ndarray], Any] = bool,
) -> Wrong:
    def wrong(s: np.ndarray, y: np.ndarray, tau: float, b: float) -> Any:
        z, y = logit(s, tau, b), kinds(y)
        kept = (y != 0) if keep is bool else keep(y)
        return np.where(kept, pair(z, y), 0).sum() / over(y)

    return wrong


def everywhere(y: np.ndarray) -> np.ndarray:
    return np.full(y.shape, True)


def diagonal(y: np.ndarray) -> np.ndarray:
    return np.where(np.eye(*y.shape) > 0, 1, -1) * (y != 0)


def both(*, of: Wrong) -> tuple[tuple[str, Wrong], ...]:
    """What can go wrong in the loss and in its slope."""
    return (
        ("masked pairs as negatives", summed(of, kinds=lambda y: np.where(y > 0, 1, -1))),
        ("y ignored", summed(of, kinds=np.abs)),
        ("only the diagonal", summed(of, kinds=diagonal)),
        ("only the diagonal", summed(of, kinds=lambda y: diagonal(np.ones_like(y)))),
        ("positives only", summed(of, keep=lambda y: y > 0)),
        ("negatives only", summed(of, keep=lambda y: y < 0)),
        ("minus the bias", summed(of, lambda s, tau, b: s / tau - b)),
        ("bias within the score", summed(of, lambda s, tau, b: (s + b) / tau)),
        ("times τ", summed(of, lambda s, tau, b: s * tau + b)),
        ("no bias", summed(of, lambda s, tau, b: s / tau)),
        ("mean over all pairs", summed(of, over=np.size)),
        ("mean over the pairs", summed(of, over=np.count_nonzero)),
        ("divided by the positives", summed(of, over=lambda y: (y > 0).sum())),
        ("divided by the columns", summed(of, over=lambda y: y.shape[1])),
        ("not divided", summed(of, over=lambda y: 1)),
    )


def clipped(low: float) -> Wrong:
    return lambda z, y: -np.log(np.clip(1 / (1 + np.exp(-y * z)), low, 1 - low))


def softmax_row(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    shut = np.where(y != 0, z, -np.inf)
    return np.where(y > 0, np.logaddexp.reduce(shut, axis=1, keepdims=True) - z, 0)


LOSS = mutants(
    ("masked pairs cost ln 2", summed(cost, keep=everywhere)),
    *((
        "a mask that is only low",
        summed(lambda z, y, low=low: cost(np.where(y == 0, low, z), np.where(y > 0, 1, -1)), keep=everywhere),
    ) for low in (-10.0, -30.0)),
    ("exp overflows", summed(lambda z, y: -np.log(1 / (1 + np.exp(-y * z))))),
    ("exp overflows", summed(lambda z, y: np.log1p(np.exp(-y * z)))),
    ("exp overflows", summed(lambda z, y: -np.log(np.where(y > 0, 1 / (1 + np.exp(-z)), 1 - 1 / (1 + np.exp(-z)))))),
    ("small losses lost", summed(lambda z, y: np.maximum(0, -y * z) + np.log(1 + np.exp(-abs(z))))),
    ("small losses lost", summed(lambda z, y: np.where(y > 0, 0, z) + np.logaddexp(0, -z))),
    *(("clipped", summed(clipped(low))) for low in (1e-6, 1e-12)),
    ("clipped", summed(lambda z, y: cost(z.clip(-500, 500), y))),
    ("sign of the loss", summed(lambda z, y: -cost(z, y))),
    ("a softmax", summed(softmax_row)),
    *both(of=cost),
)  # fmt: skip

SLOPE = mutants(
    ("sign of the slope", summed(lambda z, y: -slope(z, y))),
    ("exp overflows", summed(lambda z, y: -y * (np.exp(-y * z) / (1 + np.exp(-y * z))))),
    ("small slopes lost", summed(lambda z, y: -y * (1 - 1 / (1 + np.exp(-y * z))))),
    ("σ of the wrong sign", summed(lambda z, y: slope(-z, y))),
    ("slope with respect to s", lambda s, y, tau, b: summed(slope)(s, y, tau, b) / tau),
    *both(of=slope),
)

# The bias at which the slope is 0.


def counts(y: np.ndarray) -> tuple[int, int]:
    positives, negatives = int((y > 0).sum()), int((y < 0).sum())
    if not positives or not negatives:
        raise ValueError("no balance")
    return positives, negatives


def even(y: np.ndarray) -> float:
    positives, negatives = counts(y)
    return math.log(positives / negatives)


def halved(
    s: np.ndarray, y: np.ndarray, tau: float, reach: float | None = None, of: Wrong = slope, steps: int = 100
) -> float:
    """The right answer, or the end of the range that is searched."""
    centre = even(np.where(y == 0, 0, y))
    low, high = (centre - s.max() / tau, centre - s.min() / tau) if reach is None else (-reach, reach)
    for _ in range(steps):
        middle = (low + high) / 2
        low, high = (middle, high) if summed(of)(s, y, tau, middle) < 0 else (low, middle)
    return (low + high) / 2


def refused_first(answer: Wrong) -> Wrong:
    """`answer(s, y, tau)`, where there is one."""

    def wrong(s: np.ndarray, y: np.ndarray, tau: float) -> Any:
        counts(y)
        return answer(s, y, tau)

    return wrong


def unrefused(s: np.ndarray, y: np.ndarray, tau: float) -> float:
    return halved(s, y, tau) if (y > 0).any() and (y < 0).any() else 0.0


BIAS = mutants(
    *((name, refused_first(answer)) for name, answer in (
        ("formula for equal scores", lambda s, y, tau: even(y)),
        ("B alone", lambda s, y, tau: -math.log(len(y))),
        ("B alone", lambda s, y, tau: -math.log(len(y) - 1)),
        ("B alone", lambda s, y, tau: -math.log(y.shape[1] - 1)),
        ("−10", lambda s, y, tau: -10.0),
        ("sign of the answer", lambda s, y, tau: -halved(s, y, tau)),
        ("mean of the scores", lambda s, y, tau: even(y) - s.mean() / tau),
        ("mean of the scores", lambda s, y, tau: even(y) - s[y != 0].mean() / tau),
        ("between the means", lambda s, y, tau: -(s[y > 0].mean() + s[y < 0].mean()) / 2 / tau),
        ("in units of a score", lambda s, y, tau: tau * halved(s, y, tau)),
        ("masked pairs as negatives", lambda s, y, tau: halved(s, np.where(y > 0, 1, -1), tau)),
        ("only the diagonal", lambda s, y, tau: halved(s, diagonal(y), tau)),
        ("fixed range", lambda s, y, tau: halved(s, y, tau, 50.0)),
        ("not converged", lambda s, y, tau: round(halved(s, y, tau), 2)),
        ("small slopes lost", lambda s, y, tau: halved(s, y, tau, of=lambda z, y: -y * (1 - 1 / (1 + np.exp(-y * z))))),
    )),
    ("not refused", unrefused),
)  # fmt: skip
