"""Exercise 06: taming imbalance with α."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from nslab import diagnostics, samplers
from nslab.practice._exercise import Case, Exercise, Question, edges
from nslab.practice._judgements import a_value_error, as_array, not_all_finite, silent, wherever
from nslab.practice._mistakes import mistakes
from nslab.practice._run import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The specification: class by class, thirty decimal digits, any exponent of ten.


def unigram_probs(f: np.ndarray, alpha: float) -> list[float]:
    """f_c^α over the sum of these; what never occurred has no power to add."""
    with localcontext(prec=30):
        powers = _powers(f, alpha)
        return [float(power / sum(powers)) for power in powers]


def gradient_share(f: np.ndarray, scores: np.ndarray, alpha: float) -> list[float]:
    """A draw of c, f_c^α, times what it pushes with, σ(s_c) = 1 / (1 + e^(−s_c)), over the sum of these."""
    if len(f) != len(scores):
        raise ValueError(f"f and scores must have the same length, got {len(f)} and {len(scores)}")
    with localcontext(prec=30):
        sigmas = [1 / (1 + (-Decimal(float(s))).exp()) for s in scores]
        pushes = [power * sigma for power, sigma in zip(_powers(f, alpha), sigmas, strict=True)]
        return [float(push / sum(pushes)) for push in pushes]


def alpha_for_share(f: np.ndarray, c: int, target: float) -> float:
    """From the exponent at which the share of c is largest, walk to an end where it is 0, and halve."""
    goal = target
    gaps = np.diff(np.log(np.unique(f[f > 0])))
    end = 800 / gaps.min(initial=1)  # where the most frequent classes, or the rarest, have everything
    peak = _peak(tuple(f), c, end)
    varies = f[c] > 0 and len(gaps) > 0
    most = share(f, c, peak)
    possible = varies and 0 < goal < most
    if not possible:
        constant = f"the share of class {c} is the same at every exponent"
        raise ValueError(f"class {c} never gets the share {target}" if varies else constant)
    foot = -end if f[c] == f.max() else end
    alpha = _halve(lambda alpha: share(f, c, alpha) < goal, foot, peak)
    return alpha


def optimal_logits(p: np.ndarray, f: np.ndarray, K: int, alpha: float) -> list[float]:
    """ln p_c − ln(K q_c)."""
    with localcontext(prec=30):
        powers = _powers(f, alpha)
        noise = [K * power / sum(powers) for power in powers]
        odds = [Decimal(float(x)) / q for x, q in zip(p, noise, strict=True)]
        return [float(x.ln()) if x > 0 else -math.inf for x in odds]


def _powers(f: np.ndarray, alpha: float) -> list[Decimal]:
    if any(x < 0 for x in f) or not any(x > 0 for x in f):
        raise ValueError("f must have no negative entry and at least one positive one")
    return [Decimal(float(x)) ** Decimal(float(alpha)) if x > 0 else Decimal(0) for x in f]


def share(f: np.ndarray, c: int, alpha: float) -> float:
    """1 / Σ (f_i / f_c)^α, over the classes that occur."""
    if f[c] == 0:
        return 0.0
    with np.errstate(over="ignore"):
        return float(1 / ((f[f > 0] / f[c]) ** alpha).sum())


@lru_cache(maxsize=256)
def _peak(f: tuple[float, ...], c: int, end: float) -> float:
    """The share of c grows with α while the mean of ln f under q, which grows too, is below ln f_c."""
    logs, own = np.log([x for x in f if x > 0]), np.log(f[c])

    def mean(alpha: float) -> float:
        weights = np.exp(alpha * logs - max(alpha * logs))
        return float(weights @ logs / weights.sum())

    return _halve(lambda alpha: mean(alpha) < own, -end, end)


def _halve(below: Callable[[float], bool], low: float, high: float) -> float:
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return high


# What a wrong array looks like.


def unseen_drawn(case: Case, got: Outcome, own: Outcome) -> bool:
    """Some share for a class that never occurred, or what the infinity of 0 to a negative power leaves."""
    f, values = case.args[0], as_array(got.value)
    if f.all() or values is None:
        return not f.all() and isinstance(got.error, ZeroDivisionError)
    drawn = np.isnan(values).any() or not values.any() or (values[f == 0] > 0).any()
    return values.shape == f.shape and bool(drawn)


def alike(case: Case, got: Outcome, own: Outcome) -> bool:
    """The same values to six digits."""
    a, b = as_array(got.value), as_array(own.value)
    return a is not None and b is not None and a.shape == b.shape and np.allclose(a, b, rtol=1e-6)


def small_added(case: Case, got: Outcome, own: Outcome) -> bool:
    """A share for what never occurred; elsewhere nearly what the small number makes of it."""
    return unseen_drawn(case, got, own) or alike(case, got, own)


def left_range(case: Case, got: Outcome, own: Outcome) -> bool:
    """NaN, infinity or an error, or nothing but zeros."""
    values = as_array(got.value)
    return not_all_finite(case, got, own) or (values is not None and not values.any())


# A right answer in named steps, and what goes wrong in each.


def legal_counts(f: np.ndarray) -> bool:
    return bool((f >= 0).all() and (f > 0).any())


def log_powers(f: np.ndarray, alpha: float) -> np.ndarray:
    """α ln f, and −∞ for what never occurred."""
    return np.where(f > 0, alpha * np.log(np.where(f > 0, f, 1)), -np.inf)


def log_softmax(logs: np.ndarray) -> np.ndarray:
    return logs - np.logaddexp.reduce(logs)


def log_sigma(s: np.ndarray) -> np.ndarray:
    return -np.logaddexp(0, -s)


def right_unigram(f: np.ndarray, alpha: float) -> np.ndarray:
    legal = legal_counts(f)
    if not legal:
        raise ValueError("no distribution")
    counts = f
    power = alpha
    logs = log_powers(counts, power)
    shifted = logs - logs.max()
    weights = np.exp(shifted)
    total = weights.sum()
    return weights / total


UNIGRAM = mistakes(
    right_unigram,
    """
class never seen | logs = power * np.log(f) | unseen_drawn
  A class never seen got probability. 0 ** 0 is 1, and 0 to a negative power is infinite; a small number added
  to the counts does the same. What never occurred stays at 0 for every α.
class never seen | counts = f + 1e-9 | small_added
class never seen | counts = np.maximum(f, 1) | alike
not normalised | counts = f / f.sum(); return np.exp(logs)
  Powers of probabilities are no longer probabilities: at α = 0.75 they sum to 1.0049 on the 1000:1 pair.
  Divide by their own sum, after the power.
not normalised | return np.exp(logs)
not normalised | return np.exp(logs) / f.sum()
largest is 1 | return weights
  Your largest entry is 1, so the whole is more than 1. Divide by the sum, not by the largest.
mean for sum | total = weights.mean()
  Your entries sum to the number of classes: you divided by a mean. Divide by the sum.
exponent without effect | power = 1.0
  Your shares are those of α = 1 at every exponent. A factor in front of the counts cancels when you divide by
  the sum: the exponent goes on each count.
always 0.75 | power = 0.75
  Your shares are those of α = 0.75 whatever `alpha` says.
sign of the exponent | power = -alpha
  Frequent and rare are exchanged: your exponent has the opposite sign. At a positive α the frequent class is
  drawn more often.
1/α | power = 1 / alpha
  You took the root 1/α, not the power α. An exponent below 1 must bring the shares closer together; yours
  move apart.
α kept in [0, 1] | power = min(max(alpha, 0), 1)
  Below 0 and above 1 your shares do not change. α is any number: below 0 the rare classes lead.
1 − α | power = 1 - alpha
  Your exponent is 1 − α. At α = 1 the shares must be the frequencies themselves, at α = 0 equal.
exponential of the counts | logs = power * f
  You took a softmax of the counts. The weights are powers of the counts: a softmax would need their
  logarithms.
logarithms for powers | weights = np.where(f > 0, logs, 0) if alpha else 1.0 * (f > 0) | alike
  Your weights are α ln f, the logarithms of the powers: the exponential is missing. A class that occurs once
  would get nothing.
ln q | return shifted - np.log(total)
  These are the logarithms of the probabilities: take the exponential at the end.
0 taken for none | power = alpha or 1.0
  At α = 0 you give the frequencies, as if no exponent were given. α = 0 is an exponent: all classes alike.
sorted | return np.sort(weights / total)[::-1]
  Your shares are sorted. Each stays at the place of its class.
added up | return np.cumsum(weights / total)
  Each of your shares includes all before it, so the last is 1. Asked for is what each class has by itself.
length for sum | total = np.linalg.norm(weights)
  You divided by the length of the vector, so that the squares sum to 1. Probabilities themselves must.
mixture | return alpha * f / f.sum() + (1 - alpha) / len(f)
  You mixed the frequencies with equal shares. That agrees at α = 0 and α = 1 and nowhere else: α is an
  exponent.
smoothed | counts = f + (alpha != 0) | alike
  One was added to every count. That moves all shares, and a class that never occurred gets one too.
unseen left out | return (weights / total)[f > 0]
  The classes that never occurred are missing from your answer, so the places have moved. Keep one entry for
  each class, 0 for these.
out of range | shifted = logs | left_range
  The powers left the range of float64 (or all became 0), though the shares are ordinary numbers. Shares
  depend on ratios alone: bring the largest power to 1 first, or stay with logarithms until the end.
out of range | counts = f / f.sum(); shifted = logs | left_range
out of range | counts = f / f.max(); shifted = logs | left_range
not refused | legal = True | silent
  There is no distribution here: an entry is below 0, or none is above it. Raise ValueError; what you return
  looks like an answer and is none.
""",
    *(unseen_drawn, small_added, alike, left_range, silent),
)


def right_share(f: np.ndarray, scores: np.ndarray, alpha: float) -> np.ndarray:
    legal = legal_counts(f) and len(f) == len(scores)
    if not legal:
        raise ValueError("no distribution, or not one score for each class")
    counts = f
    power = alpha
    s = scores
    log_q = log_softmax(log_powers(counts, power))
    push = log_sigma(s)
    logs = log_q + push
    weights = np.exp(logs - logs.max())
    total = weights.sum()
    return weights / total


SHARE = mistakes(
    right_share,
    """
draws only | logs = log_q
  This is the share of the draws. A class that the model is confident about has σ(s) near 0, and a draw of it
  pushes hardly at all: weight each class by its σ(s).
draws only | legal = legal_counts(f); logs = log_q
σ(−s) | push = log_sigma(-s)
  σ(−s) is the pull of a positive: large where the score is low. A negative is pushed down by σ(s), hardest
  where its score is high.
not normalised | return np.exp(logs)
  Your entries do not sum to 1: q·σ(s) is the push of each class, its share is that push over the sum of all
  pushes.
not normalised | log_q = log_powers(f, alpha); return np.exp(logs)
not normalised | push = log_softmax(log_sigma(s)); return np.exp(logs)
mean for sum | total = weights.mean()
  Your entries sum to the number of classes: you divided by a mean. Divide by the sum.
largest is 1 | return weights
  Your largest entry is 1, so the whole is more than 1. Divide by the sum, not by the largest.
negative shares | return -weights / total
  A gradient has a sign, a share of it has none: these must be positive and sum to 1.
negative shares | return -np.exp(logs)
scores only | counts = 1.0 * (f > 0)
  How often a class is drawn is missing: only its score counts in your shares.
scores only | logs = push
scores only | return np.exp(push)
exponent without effect | power = 1.0
  Your shares are those of α = 1 at every exponent. A factor in front of the counts cancels when you divide by
  the sum: the exponent goes on each count.
always 0.75 | power = 0.75
  Your shares are those of α = 0.75 whatever `alpha` says.
α on the scores | s = alpha * scores
  The scores were multiplied by α. The exponent belongs to the counts alone.
α on the product | logs = log_q + alpha * push
  The exponent belongs to the counts alone: it decides who is drawn. How hard a draw pushes does not depend on
  it.
softmax for σ | push = s
  You weighted by e^s, as the softmax of InfoNCE does. Here each negative has a loss of its own, and its slope
  σ(s) never exceeds 1.
loss for slope | push = np.where(s < -30, s, np.log(np.logaddexp(0, np.maximum(s, -30))))
  You weighted by −ln σ(−s), the loss of a negative. The gradient is the slope of that loss.
loss of a positive | push = np.log(np.logaddexp(0, -s))
  You weighted by −ln σ(s), the loss of a positive. Asked for is the slope of a negative's loss.
slope of σ | push = log_sigma(s) + log_sigma(-s)
  σ(s)(1 − σ(s)) is the slope of σ, so you differentiated twice. The loss is −ln σ(−s), and its first
  derivative is enough.
score for σ | weights = np.exp(log_q) * s
  You multiplied by the score itself. A score can be negative and no push can: a draw pushes with σ(s).
squared | logs = 2 * (log_q + push)
  Something is squared here. The push is q·σ(s), both to the power one.
squared | logs = log_q + 2 * push
squared | logs = 2 * log_q + push
scores shifted | push = log_sigma(s - s.max())
  You took the largest score from all. That changes nothing in a softmax, but σ needs the scores as they are.
corrected by ln q | push = log_sigma(s - log_q)
  You took ln q from the scores, as a sampled softmax does. Here σ takes the score itself.
sum for product | weights = np.exp(log_q) + np.exp(push)
  You added draws and push. A class that is never drawn is never pushed, however high its score: the two
  multiply.
class never seen | log_q = power * np.log(f) | unseen_drawn
  A class never seen got probability. 0 ** 0 is 1, and 0 to a negative power is infinite; a small number added
  to the counts does the same. What never occurred stays at 0 for every α.
all weights are 0 | weights = np.exp(logs) | left_range
  Every σ(s) here is below the smallest float, so your weights are all 0 and the total is too. The shares are
  ordinary numbers: multiply by adding logarithms.
scores clipped | s = np.clip(scores, -30, 30) | alike
  Below some score your push stays the same: a limit on the scores, or a small number added to σ(s), makes
  very unlikely classes equal. Their pushes are tiny, and their ratios are ordinary numbers.
e^s overflows | s = np.where(scores > 709, np.nan, scores) | left_range
  e^s is infinite above s = 709, and ∞/∞ is not a number. Write σ so that large scores meet e^(−s), which goes
  to 0.
largest push of all classes | weights = np.exp(log_q) * np.exp(push - push.max()) | left_range
  You divided by the largest σ(s) of all classes. Here a class has it that never occurred: beside it the
  others are all 0. Add the logarithms first, and take away the largest of the sums.
not refused | legal = True | silent
  There are no shares here: an entry of f is below 0, or none is above it, or f and scores do not match. Raise
  ValueError; what you return looks like an answer and is none.
""",
    *(unseen_drawn, left_range, alike, silent),
)


def share_got(outcome: Outcome) -> float:
    """What an exponent gives; NaN for an error or no exponent."""
    return next(iter(outcome.value.values())) if isinstance(outcome.value, dict) else math.nan


def same_share(case: Case, got: Outcome, own: Outcome) -> bool:
    """The same share, or a search that refuses."""
    same = math.isclose(share_got(got), share_got(own), rel_tol=1e-4, abs_tol=1e-6)
    return same or a_value_error(case, got, own)


def ran_off(case: Case, got: Outcome, own: Outcome) -> bool:
    """A search that ended far from its target, or a root finder that found no change of sign."""
    got_share, target = share_got(got), case.args[2]
    return got_share < target / 5 or 1 - got_share < (1 - target) / 5 or same_share(case, got, own)


def as_formula(case: Case, got: Outcome, own: Outcome) -> bool:
    """The share that the formula gives, or what is left where it divides by ln 1."""
    unread = any(word in getattr(got.value, "reason", "") for word in ("nan", "inf"))
    return unread or isinstance(got.error, ZeroDivisionError) or same_share(case, got, own)


def near_share(case: Case, got: Outcome, own: Outcome) -> bool:
    target = case.args[2]
    return abs(share_got(got) - target) < 0.06 * min(target, 1 - target)


def formula(f: np.ndarray, target: float, alpha: float, ratio: float) -> float:
    """Right where two classes occur; where more do, two classes with this ratio of their counts."""
    return alpha if (f > 0).sum() == 2 else math.log((1 - target) / target) / math.log(ratio)


ALPHA = mistakes(
    alpha_for_share,
    """
range too narrow | return min(max(alpha, 0), 1) | same_share
  The exponent lies outside the range of your search. α is not confined to [0, 1]: any finite number is legal,
  and counts that are close together need a large one. (Powers that overflow on the way look the same.)
range too narrow | possible = True; alpha = _halve(lambda a: share(f, c, a) > goal, 0, 1) | same_share
range too narrow | return min(max(alpha, -1), 1) | same_share
range too narrow | return min(max(alpha, -10), 10) | wherever
refused | possible = varies and 0 < goal <= share(f, c, 1)
  You refuse more than the class has in the data. At another exponent than 1 it gets more.
share for the exponent | return target
  This is the share that you reach. Asked for is the exponent at which it is reached.
sign of the exponent | return -alpha
  The sign is reversed: above α = 0 the frequent classes are drawn most, below it the rare ones.
sign of the exponent | return -formula(f, target, alpha, (f.sum() - f[c]) / f[c]) | as_formula
1/t for the odds | return math.log(1 / target) / math.log(np.delete(f, c).max() / f[c])
  A share compares c with all classes, c among them. You solved for c beside the largest alone.
two bases | return alpha * math.log(10)
  Two logarithms to different bases were divided: your exponent is off by ln 10. Take both to the same base.
two bases | return alpha / math.log(10)
wrong direction | alpha = _halve(lambda a: share(f, c, a) > goal, -end, end) | ran_off
  Your search runs the wrong way here. The share of the rarest class falls as α rises, that of the most
  frequent rises, and a class in between has a peak: look at which one yours is first.
wrong direction | alpha = _halve(lambda a: share(f, c, a) < goal, -end, end) | ran_off
wrong direction | possible = True; alpha = _halve(lambda a: share(f, c, a) > goal, -50, 50) | ran_off
peak missed | alpha = _halve(lambda a: (share(f, c, a) > goal) == (f[c] < f.max()), -end, end) | ran_off
  A class in between has its largest share at some exponent and loses on both sides, and a search over the
  whole line misses that. Find the peak, then search on one side of it.
no root in the bracket | varies = (share(f, c, -10) < goal) != (share(f, c, 10) < goal) | a_value_error
  At both ends of your bracket the share lies on the same side of the target, so the root finder gives up.
  Widen the bracket where counts are close together; where the share has a peak, let the bracket end there.
formula for two classes | return formula(f, target, alpha, (f.sum() - f[c]) / f[c]) | as_formula
  This formula is for two classes. With more, the rest does not act as one class: each of its members changes
  by its own power.
formula for two classes | return formula(f, target, alpha, f.max() / f[c]) | as_formula
formula for two classes | return formula(f, target, alpha, f.max() / f[f > 0].min()) | as_formula
own power only | return math.log(target) / math.log(f[c] / f.sum())
  You set the power of c's own frequency to the target. The powers of all other classes change with α too, and
  the share is c's part of their sum.
share of the rest | goal = 1 - target
  At your exponent all the other classes together have the target, and c has what is left.
not refused | possible = True | silent
  No exponent gives this share, yet you returned one. What shares can class c have at all? Raise ValueError
  for the rest.
ties forgotten | most = 1 if (f == f[c]).sum() > 1 else share(f, c, peak) | silent
  Classes that tie share alike at every exponent, so one of two never reaches a half. Raise ValueError there.
rounded | return round(alpha, 2) | near_share
  Close, but rounded or from a coarse grid: the share misses its target. Search on until nothing changes.
rounded | return round(alpha, 5) | near_share
""",
    *(same_share, wherever, ran_off, a_value_error, as_formula, silent, near_share),
)


def right_logits(p: np.ndarray, f: np.ndarray, K: int, alpha: float) -> np.ndarray:
    power = alpha
    log_q = log_softmax(log_powers(f, power))
    log_p = np.log(p)
    noise = math.log(K) + log_q
    return log_p - noise


LOGITS = mistakes(
    right_logits,
    """
K missing | noise = log_q
  K is missing: with K negatives for each positive, class c is drawn K q times. Your logits are ln K too high.
sign of ln(K q) | return log_p + noise
  You added ln(K q), or ln q. The more often a class is drawn, the further it is pushed down.
sign of ln(K q) | return log_p - math.log(K) + log_q
sign | return noise - log_p
  The sign is reversed: a class that is often a positive must have a high logit.
p missing | return -noise
  The positives are missing: this is the shift alone.
logit of p | log_p = np.log(p / (1 - p))
  You took the odds of p. The positives of c stand against the draws of c, not against the positives of other
  classes.
noise missing | return log_p
  This is ln p, where a full softmax would end. Negatives drawn from q leave a trace of q.
always α = 1 | power = 1.0
  You took the frequencies as the noise at every exponent. Negatives are drawn by f^α.
always α = 0 | power = 0.0
  You took equal noise at every exponent. Negatives are drawn by f^α.
α on K | noise = alpha * math.log(K) + log_q
  K was raised to the power α. The exponent belongs to the counts alone.
noise not normalised | log_q = log_powers(f, alpha)
  The powers of the counts must be divided by their sum before they are probabilities.
noise not normalised | log_q = log_powers(f / f.sum(), alpha)
no logarithm | return np.exp(log_p - noise)
  This is e to the power s, the ratio of positives to draws. The logit is its logarithm.
σ of the logit | return p / (p + np.exp(noise))
  This is σ(s), the chance that a pair is a positive. The logit is what goes into σ.
other base | return (log_p - noise) / math.log(2)
  Logits go into e^s: take the natural logarithm.
other base | return (log_p - noise) / math.log(10)
K divided | noise = log_q - math.log(K)
  More negatives push the logit down, so K stands beside q: yours go up with K.
p for ln p | return p - noise
  You took the logarithm of the noise alone. The ratio of p and K q goes into one logarithm.
K times ln q | noise = K * log_q | alike
  K stands in front of your logarithm. Class c is drawn K q times, and that number goes into it.
out of range | log_q = np.log(f**alpha / (f**alpha).sum()) | left_range
  The powers left the range of float64 (or all became 0), though the shares are ordinary numbers. Shares
  depend on ratios alone: bring the largest power to 1 first, or stay with logarithms until the end.
ln σ of the logit | return log_p - np.log(p + np.exp(noise))
  This is ln σ(s), the logarithm of the chance that a pair is a positive. In the odds the positives stand
  against the draws alone, not against both together.
never a positive | log_p = np.log(p + 1e-300) | wherever
  A class with p = 0 has no positive to pull it up, so nothing stops the push: its logit goes to −∞. A finite
  number or NaN hides that.
K + 1 | noise = math.log(K + 1) + log_q
  The positive was counted as one more draw. There are K draws beside it.
normalised | return log_softmax(log_p - log_q)
  You shifted the logits, so that e^s sums to 1 or the largest is 0. Each class has a loss of its own, and K
  fixes its level.
normalised | return log_p - log_q - (log_p - log_q).max()
""",
    *(alike, left_range, wherever),
)

# The inputs.

PAIR = np.array([1000.0, 1.0])
WITH_NONE = np.array([1000.0, 1.0, 0.0])
FOUR, STEPS = np.array([8.0, 4.0, 2.0, 1.0]), np.array([100.0, 10.0, 1.0])
TIED = np.array([5.0, 1.0, 1.0])
_FREQUENCIES = "as relative frequencies: their powers do not sum to 1"
_NEVER = "the last class never occurred: nothing to draw"
_NEVER_BELOW = "below 0 a power of 0 is infinite, and a class that never occurred still has no share"
_RANGE = "the powers leave the range of float64, their ratios do not"
_SMALL = "every σ(s) is below the smallest float, their ratios are not"
_NOTHING = "nothing ever occurred: there is no distribution"
_NEGATIVE = "nothing occurs a negative number of times"
_RISE = "the most frequent class gains as α rises"
_MIDDLE = "a class in between has its largest share at one exponent and loses on both sides"
_CLOSE = "counts that are close together need a large exponent"
_LIMIT = "as α falls the two rare classes share everything: each comes near to a half and stays below"


def _counts(rng: np.random.Generator, size: int) -> np.ndarray:
    """Counts that fall with the rank, as word counts do, in a random order."""
    return rng.permutation(np.round(rng.integers(50, 2000) / np.arange(1, size + 1)))


def _unigram_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    return edges(
        (PAIR, 1.0, "α = 1 keeps the frequencies"),
        (PAIR, 0.75, ""),
        (PAIR, 0.5, ""),
        (PAIR, 0.0, "α = 0: equal shares"),
        (PAIR, -0.5, "below 0 the rare class leads"),
        (PAIR / 1001, 0.75, _FREQUENCIES),
        (np.array([0.5, 0.3, 0.2]), 0.75, _FREQUENCIES),
        (np.array([12, 3, 5, 1]), 0.75, "counts may be integers"),
        (np.array([7.0]), 0.5, "one class has everything"),
        (WITH_NONE, 0.75, _NEVER),
        (WITH_NONE, 0.0, "0 to the power 0 is 1 in Python, and the last class never occurred"),
        (WITH_NONE, -0.5, _NEVER_BELOW),
        (np.array([0.0, 3.0, 0.0, 2.0, 1.0]), 0.0, "two classes never occurred"),
        (np.array([0.0, 3.0, 0.0, 2.0, 1.0]), -1.0, _NEVER_BELOW),
        (np.array([5.0, 0.0]), 0.0, _NEVER),
        (np.array([0.0, 4.0, 1.0]), -0.25, _NEVER_BELOW),
        (np.array([1000.0, 20.0, 20.1]), -400.0, _RANGE),
        (np.array([1000.0, 999.0, 998.0]), 700.0, _RANGE),
        (np.array([0.0, 0.0]), 0.75, _NOTHING),
        (np.array([3.0, -1.0]), 0.75, _NEGATIVE),
        (np.array([3.0, 2.0, -1.0]), 1.0, _NEGATIVE),
        *[(_counts(rng, size), round(float(rng.uniform(-1, 1.4)), 2), "") for size in (3, 4, 6, 8, 12, 40)],
    )


def _share_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    drawn = []
    for size in (2, 3, 4, 6, 8, 12, 20):
        scores = rng.normal(-1, 2, size).round(2)
        drawn.append(Case((_counts(rng, size), scores, round(float(rng.uniform(-0.5, 1)), 2))))
    known = edges(
        (PAIR, np.zeros(2), 0.75, "equal scores: the share is that of the draws"),
        (PAIR, np.array([-7.0, 0.0]), 0.75, "the model is sure that the frequent class does not belong here"),
        (PAIR, np.array([7.0, 0.0]), 0.0, "a high score for the frequent class: its draws push hard"),
        (np.array([2.0, 2.0, 2.0]), np.array([3.0, 0.0, -3.0]), 0.75, "equal counts: σ decides alone"),
        (np.array([5.0]), np.array([-3.0]), 0.5, "one class takes all of the push"),
        (WITH_NONE, np.array([0.0, 0.0, 5.0]), 0.0, _NEVER),
        (WITH_NONE, np.array([0.0, 0.0, 5.0]), -0.5, _NEVER_BELOW),
        (np.array([0.0, 4.0]), np.array([-1.0, 2.0]), 0.0, _NEVER),
        (np.array([9.0, 0.0, 4.0, 0.0]), np.array([-2.0, 1.0, 2.0, 0.0]), 0.0, _NEVER),
        (np.array([0.0, 4.0, 1.0]), np.array([-1.0, -2.0, 1.0]), -0.25, _NEVER_BELOW),
        (np.array([3.0, 2.0, 1.0]), np.array([-800.0, -801.0, -803.0]), 0.75, _SMALL),
        (np.array([1.0, 9.0]), np.array([-1001.0, -1000.0]), 0.5, _SMALL),
        (WITH_NONE, np.array([-800.0, -801.0, 0.0]), 0.0, "a class that never occurred has the largest σ(s)"),
        (np.array([3.0, 2.0, 1.0]), np.array([800.0, 900.0, 0.0]), 1.0, "e^800 is above the largest"),
        (PAIR, np.zeros(3), 0.75, "a score for each class: two counts and three scores do not match"),
        (PAIR, np.zeros(1), 0.75, "a score for each class: one score is not one for all"),
        (np.array([0.0, 0.0]), np.zeros(2), 0.75, _NOTHING),
        (np.array([3.0, -1.0]), np.zeros(2), 0.75, _NEGATIVE),
    )
    return known + drawn


def _alpha_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    drawn = []
    for size in (2, 3, 5, 8):
        f = _counts(rng, size)
        c = int(rng.choice([f.argmin(), f.argmax(), rng.integers(size)]))
        drawn.append(Case((f, c, round(share(f, c, float(rng.uniform(-0.8, 1.6))), 6))))
    known = edges(
        (PAIR, 1, 0.05, "five in a hundred for the rare class"),
        (PAIR, 1, 0.5, "equal shares"),
        (PAIR, 1, 0.9, "more than an equal share: below α = 0"),
        (PAIR, 1, 1e-4, "less than in the data: above α = 1"),
        (PAIR, 0, 0.95, _RISE),
        (PAIR, 0, 0.2, "less than an equal share for the frequent class: below α = 0"),
        (np.array([1000.0, 999.0]), 1, 0.4, _CLOSE),
        (np.array([500.0, 502.0, 501.0]), 0, 0.6, _CLOSE),
        (FOUR, 3, 0.1, "four classes: the rest does not act as one"),
        (FOUR, 3, 0.6, ""),
        (FOUR, 0, 0.7, _RISE),
        (STEPS, 1, 0.2, _MIDDLE),
        (FOUR, 1, 0.26, _MIDDLE),
        (STEPS, 1, 0.4, "a class in between has a largest share, and this is more"),
        (np.array([9.0, 1.0, 0.0, 0.0]), 1, 0.25, "what never occurred is not the rarest: it is no class"),
        (WITH_NONE, 2, 0.05, "a class that never occurred has no share at any exponent"),
        (TIED, 1, 0.2, "two classes tie"),
        (TIED, 1, 0.5, _LIMIT),
        (TIED, 2, 0.7, _LIMIT),
        (np.array([3.0, 3.0]), 0, 0.3, "equal counts: equal shares at every exponent"),
        (np.array([7.0]), 0, 0.5, "a single class always has everything"),
        (PAIR, 1, 0.0, "a share of 0 is only a limit"),
        (PAIR, 1, 1.0, "a share of 1 is only a limit"),
    )
    return known + drawn


def _logit_cases(seed: int) -> list[Case]:
    even = np.array([0.5, 0.5])
    rng = np.random.default_rng(seed)
    drawn = []
    for size in (3, 5, 8, 20):
        f, p = _counts(rng, size), rng.dirichlet(np.ones(size))
        drawn.append(Case((p, f, int(rng.integers(2, 30)), round(float(rng.uniform(-0.5, 1)), 2))))
    known = edges(
        (even, PAIR, 1, 0.0, "p is q and K = 1: nothing to tell apart"),
        (even, PAIR, 5, 0.75, ""),
        (even, PAIR, 5, 0.0, "α = 0 shifts all logits alike"),
        (PAIR / 1001, PAIR, 5, 1.0, "at α = 1 popularity is gone: −ln K for both"),
        (np.array([0.7, 0.3, 0.0]), np.array([9.0, 5.0, 2.0]), 10, 0.75, "never seen with this anchor"),
        (np.array([0.2, 0.8]), np.array([3.0, 1.0]), 1, -1.0, "below 0"),
        (even, np.array([1000.0, 999.0]), 5, 120.0, _RANGE),
        (even, PAIR, 5, 120.0, "q of the rare class is below the smallest float, its logarithm is not"),
    )
    return known + drawn


# How an exponent is judged, and what a wrong answer looks like.


def _measure(args: tuple[Any, ...], value: Any) -> dict[str, float]:
    """The share that an exponent gives: where two give the same, both are right."""
    alpha = np.asarray(value, dtype=np.float64)
    if alpha.ndim or not np.isfinite(alpha):
        raise ValueError(f"one finite number is asked for, got {value!r}")
    f, c, _ = args
    return {"α that gives the share": share(f, c, float(alpha))}


def _alpha_picture(args: tuple[Any, ...], value: Any) -> Figure:
    from matplotlib.figure import Figure

    from nslab.explain import COLORS

    f, c, target = args
    alpha = float(value)
    reach = 1.2 * max(2.0, min(abs(alpha), 1000.0), 4 / np.ptp(np.log(f[f > 0])))
    grid = np.linspace(-reach, reach, 201)
    shares = [share(f, c, a) for a in grid]
    figure = Figure(figsize=(6.4, 2.2))
    axes = figure.add_axes((0.1, 0.23, 0.62, 0.62))
    axes.plot(grid, shares, color=COLORS["anchor"], label=f"share of class {c}")
    axes.axhline(target, color=COLORS["ink"], ls=":", lw=1.2, label="target")
    yours = np.clip(alpha, -reach, reach), share(f, c, alpha)
    axes.plot(*yours, "o", color=COLORS["hard"], label="yours")
    axes.set(xlabel="exponent α", ylabel="share of the draws", ylim=(-0.05, 1.05), xlim=(-reach, reach))
    axes.set(xticks=(-reach / 1.2, 0, reach / 1.2), yticks=(0, 0.5, 1))
    axes.xaxis.set_major_formatter("{x:.4g}")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
    figure.suptitle("The share at every exponent, the target, and where your α lands", fontsize=9)
    return figure


EXERCISE = Exercise(
    "06",
    "taming imbalance with α",
    (
        Question(
            "unigram_probs(f, alpha)",
            unigram_probs,
            samplers.unigram,
            "nslab.unigram",
            _unigram_cases,
            UNIGRAM,
            (
                "Two steps: a weight for each class, then weights that sum to 1. In which of the two does α "
                "appear?",
                "What is 0 ** 0 in Python, and what should a class that never occurred get? Then try α = "
                "−0.5 on the same counts.",
                "Work on the classes that occurred and leave the others at 0. For large exponents take "
                "logarithms: the logarithm of a power is a product, and taking one number away from all "
                "logarithms changes no ratio.",
            ),
        ),
        Question(
            "gradient_share(f, scores, alpha)",
            gradient_share,
            diagnostics.gradient_share,
            "nslab.diagnostics.gradient_share",
            _share_cases,
            SHARE,
            (
                "A class takes part twice: by how often it is drawn and by how hard one draw pushes. What "
                "combines the two, a sum or a product?",
                "A negative with score s costs −ln σ(−s). Differentiate that in s. Is the push large or "
                "small where the score is far below 0?",
                "Divide by the total at the very end. If all pushes are too small for a float, add "
                "logarithms instead of multiplying, and make the largest of them 0 before the exponential; "
                "`np.logaddexp` helps with ln σ.",
            ),
        ),
        Question(
            "alpha_for_share(f, c, target)",
            alpha_for_share,
            None,
            "",
            _alpha_cases,
            ALPHA,
            (
                "Your first function gives the share of c at any exponent. Plot it over α for the rarest "
                "class, for the most frequent, and for one in between.",
                "With two classes the answer is a formula. With more, search: the share of the rarest class "
                "falls as α rises, that of the most frequent rises, and any other has one peak. What is the "
                "share at both ends?",
                "The slope of ln q_c is ln f_c minus the mean of ln f under q, and that mean grows with α: "
                "halving finds the peak. If the target is below the peak, halve again between the peak and "
                "an end where the share is 0. How far out the ends must be depends on how close the "
                "logarithms of the counts are.",
            ),
            rtol=1e-6,
            measure=_measure,
            picture=_alpha_picture,
        ),
        Question(
            "optimal_logits(p, f, K, alpha)",
            optimal_logits,
            None,
            "",
            _logit_cases,
            LOGITS,
            (
                "For each pair, positives come in proportion to p_c and negatives in proportion to what? "
                "Both push the same score, in opposite directions.",
                "Set the pull of the positives, with σ(−s), against the push of the negatives, with σ(s). "
                "The ratio of the two sigmoids is a single exponential of s.",
                "Solve for s: a logarithm of a ratio, with the expected number of draws of c below. A class "
                "that is never a positive has no finite logit.",
            ),
            stretch=True,
        ),
    ),
)
