"""Exercise 03: the margin hidden in InfoNCE."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal, localcontext

import numpy as np

from nslab import theory
from nslab.practice._exercise import Case, Exercise, Question, edges
from nslab.practice._judge import refused
from nslab.practice._judgements import is_number, nearly, not_finite
from nslab.practice._mistakes import mistakes
from nslab.practice._run import Outcome

# The specification: softmax weights in 120 decimal digits, no softplus, no regard for speed.


def infonce_equal(alpha: float, beta: float, tau: float, K: int) -> float:
    """−ln of the positive's share of the softmax weight."""
    with localcontext(prec=120):
        own, others = _weight(alpha, tau), K * _weight(beta, tau)
        return float(-(own / (own + others)).ln())


def score_threshold(beta: float, tau: float, K: int) -> float:
    """The score at which the positive weighs as much as K negatives together."""
    with localcontext(prec=120):
        return float(Decimal(tau) * (K * _weight(beta, tau)).ln())


def margin(tau: float, K: int) -> float:
    """The lead over negatives of score 0 at which the positive weighs as much as they do together."""
    return score_threshold(0.0, tau, K)


def alpha_for(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> float:
    """The score whose weight is to that of the negatives as p is to 1 − p."""
    if (p is None) == (loss is None):
        raise ValueError(f"give either p or loss, got p = {p} and loss = {loss}")
    if not (0 < p < 1 if p is not None else 0 < (loss or 0) < math.inf):
        raise ValueError(f"p must lie between 0 and 1, loss above 0, got p = {p} and loss = {loss}")
    with localcontext(prec=120):
        share = Decimal(p) if p is not None else (-Decimal(float(loss or 0))).exp()
        own = share / (1 - share) * K * _weight(beta, tau)
        return float(Decimal(tau) * own.ln())


def beta_eff(s: Sequence[float], tau: float) -> float:
    """The score of K equal negatives that weigh as much together as the given ones."""
    with localcontext(prec=120):
        mean = sum((_weight(score, tau) for score in s), Decimal(0)) / len(s)
        return float(Decimal(tau) * mean.ln())


def _weight(score: float, tau: float) -> Decimal:
    return (Decimal(float(score)) / Decimal(tau)).exp()


# A right answer in named steps, and what goes wrong in each.


def lost_or_equal(case: Case, got: Outcome, own: Outcome) -> bool:
    """The same number; NaN or infinity in any form where the mistake gives one."""
    if not math.isfinite(own.value):
        return not_finite(case, got, own)
    return is_number(got) and math.isclose(float(got.value), own.value, rel_tol=1e-8, abs_tol=1e-10)


def right_loss(alpha: float, beta: float, tau: float, K: int) -> float:
    gap = (beta - alpha) / tau
    nats = math.log(K)
    x = gap + nats
    loss = softplus(x)
    return loss


def softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def beside_one(case: Case, got: Outcome, own: Outcome) -> bool:
    """Right up to the rounding of a number near 1, however that was done."""
    return is_number(got) and abs(float(got.value) - own.value) < 1e-14


def limited(case: Case, got: Outcome, own: Outcome) -> bool:
    """A large loss that stops growing at about the same height."""
    return is_number(got) and 10 < float(got.value) < own.value + 20


def drowned(case: Case, got: Outcome, own: Outcome) -> bool:
    """Too low: by a little, and by far where the loss is large."""
    low = is_number(got) and float(got.value) < right_loss(*case.args)
    return low and abs(float(got.value) - own.value) < (15 if own.value > 9 else 1e-4)


LOSS = mistakes(
    right_loss,
    """
rounded to 0 | loss = x if x > 700 else math.log(1 + math.exp(x)) | beside_one
  The tiny losses are gone: with a lead of 2 and τ = 0.05 the loss is 4.248e-18, not 0. 1 + 4e-18 is 1 in
  float64, so its logarithm is 0. Use log1p, which takes the 4e-18 itself.
exp overflows | loss = np.log1p(K * np.exp(gap)) | not_finite
  An exponential left the range of float64: above 709 it is infinite, far below 0 it is 0. Only gaps matter:
  put the negatives' lead and ln K into one number x first. If x is large, the loss is x and a little more.
exp overflows | loss = np.log1p(K * np.exp(beta / tau) / np.exp(alpha / tau)) | not_finite
the line, not the loss | return x
  This is x, the straight line, and it falls below 0 past the threshold. No loss does: the positive itself is
  one of the K + 1 terms in the denominator, and that is what bends the line.
a hinge | loss = max(0.0, x)
  You cut the line off at 0, as a triplet loss does. InfoNCE has no corner: at the threshold it is ln 2, and
  past it the loss fades without ever being 0.
a hinge | return tau * max(0.0, x)
a distance for a lead | gap = -abs(beta - alpha) / tau
  You took the absolute value of the gap. A positive below the negatives must cost more, not less.
K times the gap | x = K * gap
  K is a factor in front of the exponential. It enters the exponent as the summand ln K, not as a factor.
K times the gap | x = (K * beta - alpha) / tau
mean for sum | return loss - math.log(K + 1)
  You divided by the mean of the K + 1 exponentials: your "probability" exceeds 1, and the loss falls below 0.
  p₊ is a share of their sum.
mean for sum | return loss - nats
K forgotten | x = gap
  Your loss does not depend on K. The denominator holds the sum of K equal terms, not one term or their mean.
K − 1 negatives | loss = softplus(gap + math.log(K - 1)) if K > 1 else 0.0
  One negative is missing. K counts the negatives alone; the positive is the term besides.
K + 1 negatives | nats = math.log(K + 1)
  There is one negative too many. The denominator has K + 1 terms: one positive, K negatives.
ln K divided by τ | x = gap + nats / tau
  A count has no units: a score is divided by τ, ln K is not.
ln K left alone | loss = softplus(gap) + nats
  You added ln K to the loss of one negative. The factor K stands inside the logarithm, on the negatives' term
  alone: at a low loss it hardly counts.
K losses added | loss = K * softplus(gap)
  You added K losses of one negative each. InfoNCE has one logarithm, around the sum of K + 1 terms.
K losses added | loss = softplus(-alpha / tau) + K * softplus(beta / tau)
s⁺ and s⁻ exchanged | gap = (alpha - beta) / tau
  Your loss grows with the positive's score. s⁺ is the positive, s⁻ the negatives: a lead of s⁺ must lower it.
temperature ignored | gap = beta - alpha
  Your answer does not depend on τ: the softmax is taken of scores divided by τ.
multiplied by τ | gap = (beta - alpha) * tau
  Divide the scores by τ: a small τ makes a gap count for more, yours makes it count for less.
in units of a score | return tau * loss
  This is τ times the loss, a score. The loss is in nats: −ln of a probability, nothing before it.
in bits | return loss / math.log(2)
  Your loss is in bits: a coin flip should cost ln 2 = 0.6931 nats, yours costs 1.
base 10 | return loss / math.log(10)
  You took a logarithm to base 10. The loss is in nats: a coin flip costs ln 2 = 0.6931.
wrong base for K | nats = math.log2(K)
  K moves into the exponent as ln K: e to the power ln K is K, e to the power log₂ K is not.
wrong base for K | nats = math.log10(K)
  K moves into the exponent as ln K: e to the power ln K is K, e to the power log₁₀ K is not.
sign | return -loss
  This is ln p, which is never positive. The loss is −ln p.
a probability | return math.exp(-loss)
  This is the positive's probability. The loss is its negative logarithm.
a probability | return -math.expm1(-loss)
  This is 1 − p₊, the weight of the negatives. The loss is −ln p₊: the two agree only where both are tiny.
not divided by τ | loss = softplus(tau * x)
  A softmax is taken of scores divided by τ, the positive's and the negatives'. One division is missing.
not divided by τ | x = beta / tau - alpha + nats
not divided by τ | x = beta - alpha / tau + nats
divided by τ twice | gap = (beta - alpha) / tau**2
  Double τ and all scores: the loss must stay, and yours changes. A gap is divided by τ once.
the largest not added back | return loss - max(alpha, beta) / tau
  You took the largest score from all exponents, and it is still missing from the logarithm of their sum.
τ ln K not divided | x = gap + tau * nats
  The gap is divided by τ, and ln K multiplied by it: only one of the two can be in the units of x.
K for ln K | x = gap + K
  K is a factor in front of the exponential. Moved inside, a factor becomes its logarithm.
sign of ln K | x = gap - nats
  More negatives make the loss larger; yours falls with K. In the ratio of the negatives' weight to the
  positive's, K is a factor.
divided by K | return loss / K
  You divided the loss by K. There is one question per positive, however many negatives: nothing to average.
divided by K | return loss / (K + 1)
the wrong answer's loss | loss = softplus(-x)
  This is −ln(1 − p): it is large where the positive wins. The loss is −ln p; the sign of x is reversed.
a clipped exponential | return min(loss, 700.0) | limited
  You limit the exponential, and the loss stops growing there. Take the large x out of the logarithm instead.
a small number in the logarithm | return -math.log(math.exp(-loss) + 1e-12) | drowned
  A small number added inside the logarithm hides an infinity and falsifies both ends: tiny losses drown in
  it, large ones stop growing. Work with x, and no logarithm of 0 occurs.
a small number in the logarithm | return -math.log(math.exp(-loss) + 1e-8) | drowned
""",
    *(beside_one, drowned, limited, not_finite),
)


def right_threshold(beta: float, tau: float, K: int) -> float:
    nats = math.log(K)
    lead = tau * nats
    return beta + lead


THRESHOLD = mistakes(
    right_threshold,
    """
margin for threshold | return lead
  Raise every score by 0.3: the positive has to stand 0.3 higher, your answer does not move. You computed the
  lead over the negatives; the threshold is a place on the axis of scores.
wrong base | nats = math.log10(K)
  The logarithm has the wrong base. The loss is in nats, so it is the natural one: for K = 255, τ = 0.07 and
  s⁻ = 0.1 the threshold is 0.4879.
wrong base | nats = math.log2(K)
τ forgotten | return beta + nats
  A score plus a logarithm of a count: the units do not fit. Which factor turns nats into a score?
in units of τ | return beta / tau + nats
  This is the threshold divided by τ, a logit. A score is asked for.
divided by τ | lead = nats / tau
  The lower the temperature, the less lead is needed for the same odds: your threshold grows instead.
s⁻ with a factor | return tau * (beta + nats)
  Raise every score by 0.3 and the threshold must rise by 0.3, whatever τ and K: s⁻ takes no factor.
s⁻ with a factor | return (beta + tau) * nats
s⁻ with a factor | return K * beta + lead
s⁻ with a factor | return beta * lead
below the negatives | return beta - lead
  Your threshold falls as K grows. Against more negatives the positive has to stand higher.
ln K forgotten | lead = tau
  Your threshold does not depend on K. The negatives' weights add up: there are K of them.
level with the negatives | return beta
  At the negatives' own score the positive has 1/(K + 1) of the weight. Half of it needs a lead.
K for ln K | nats = K
  Solve for the exponent: the factor K becomes the summand ln K.
ln(K + 1) | nats = math.log(K + 1)
  The positive must weigh as much as the K negatives, not as all K + 1. With one negative it need not lead.
ln(2K) | nats = math.log(2 * K)
  With half of the weight the positive weighs as much as all negatives together, not twice as much.
ln(K − 1) | nats = math.log(K - 1) if K > 1 else -math.inf | lost_or_equal
  K counts the negatives alone: none is to be taken away for the positive.
τ inside the logarithm | lead = math.log(tau * K)
  The temperature has units and cannot stand inside a logarithm: it multiplies it.
s⁻ inside the logarithm | return tau * math.log(K * beta) if beta > 0 else math.nan | lost_or_equal
  s⁻ stands in an exponent, and the logarithm brings it down to s⁻/τ: it is a summand, and may be negative.
s⁻ with the wrong sign | return lead - beta
  The higher the negatives, the higher the positive must stand. Yours goes down.
half a nat | return beta + tau * (nats - math.log(math.expm1(0.5)))
  Here the loss is 1/2. It is the probability that is to be 1/2, and there the loss is ln 2.
exp overflows | return tau * np.log(K * np.exp(beta / tau)) | not_finite
  An exponential of s⁻/τ left the range of float64. Take the logarithm on paper: s⁻ comes out as it is.
cut off at 1 | return min(1.0, beta + lead)
  A cosine stops at 1, a threshold need not: above 1 it says that no cosine gets half of the weight.
""",
    *(lost_or_equal, not_finite),
)


def right_margin(tau: float, K: int) -> float:
    nats = math.log(K)
    lead = tau * nats
    return lead


def wants_beta(case: Case, got: Outcome, own: Outcome) -> bool:
    """The call fails for want of an argument, or of the name."""
    told = re.search("'beta'|missing", str(got.error))
    return told is not None and isinstance(got.error, NameError | TypeError)


def some_score_added(case: Case, got: Outcome, own: Outcome) -> bool:
    """τ ln K and a round score: a s⁻ that was typed in, not given."""
    tau, K = case.args
    if not is_number(got) or math.isinf(float(got.value)):
        return False
    beta = float(got.value) - tau * math.log(K)
    in_hundredths = abs(beta * 100 - round(beta * 100)) < 1e-7
    return in_hundredths and 0.005 < abs(beta) < 1.005 and not math.isclose(abs(beta), tau)


MARGIN = mistakes(
    right_margin,
    """
threshold for margin | return 0.1 + lead | some_score_added
  Add 0.3 to every score: your margin moves and the loss does not. With s⁻ in it, it is a threshold, a place.
  The margin is a demand on the gap s⁺ − s⁻, and needs τ and K alone.
threshold for margin | right_threshold | wants_beta
wrong base | nats = math.log10(K)
  The logarithm has the wrong base. The loss is in nats, so it is the natural one: K = 255 and τ = 0.07 should
  give 0.3879.
wrong base | nats = math.log2(K)
τ forgotten | return nats
  This is the lead in units of τ. A margin is a score: at a tenth of the temperature it is a tenth.
divided by τ | lead = nats / tau
  The lower the temperature, the less lead is needed for the same odds: your margin grows instead.
K for ln K | nats = K
  Twice the negatives add τ ln 2 to the margin. It is neither a multiple nor a power of K.
K for ln K | nats = math.sqrt(K)
cut off at 2 | return min(2.0, lead)
  The lead of a cosine stops at 2, a margin need not: above 2 it says that no cosine gets half of the weight.
ln(K + 1) | nats = math.log(K + 1)
  The positive must weigh as much as the K negatives, not as all K + 1. With one negative the margin is 0.
ln(2K) | nats = math.log(2 * K)
  With half of the weight the positive weighs as much as all negatives together, not twice as much.
ln(K − 1) | nats = math.log(K - 1) if K > 1 else -math.inf | lost_or_equal
  K counts the negatives alone: none is to be taken away for the positive.
sign | return -lead
  A lead is positive: against more negatives the positive has to stand higher, not lower.
τ and K exchanged | return K * math.log(tau)
  You took the logarithm of the temperature, which has units, and multiplied by the count.
τ inside the logarithm | return math.log(tau * K)
  The temperature has units and cannot stand inside a logarithm: it multiplies it.
the slope's width | return 2 * tau * math.log(9) | nearly
  This is how wide the bend is, from a pull of 90 % to one of 10 %. It does not depend on K; the margin says
  where the bend lies, and does.
distance to a score of 1 | return 1 - lead
  The margin is counted from the negatives upwards, not down from 1: with one negative it is 0.
ln K forgotten | return tau
  Your margin does not depend on K. The negatives' weights add up: there are K of them.
""",
    *(lost_or_equal, nearly, some_score_added, wants_beta),
)


def right_alpha(p: float | None, loss: float | None, beta: float, tau: float, K: int) -> float:
    """The last step but one is there twice, as some go wrong for p alone or for the loss alone."""
    one = (p is None) != (loss is None)
    in_range = 0 < (0.5 if p is None else p) < 1 and 0 < (1 if loss is None else loss) < math.inf
    if not (one and in_range):
        raise ValueError("no such score")
    nats = math.log(K)
    cost = -np.log(p) if p is not None else np.float64(loss)
    odds = -cost - np.log(-np.expm1(-cost))
    by_p = beta + tau * (nats + odds)
    by_loss = beta + tau * (nats + odds)
    return by_p if loss is None else by_loss


def rough(case: Case, got: Outcome, own: Outcome) -> bool:
    """Lost beside 1, or wrong in the first digits of what was left of it."""
    return not_finite(case, got, own) or (is_number(got) and abs(float(got.value) - own.value) < 1e-4)


def nearer_the_threshold(case: Case, got: Outcome, own: Outcome) -> bool:
    """Not as far out as asked, on the right side."""
    p, _, beta, tau, K = case.args
    if p is None or not 0 < p < 1 or not is_number(got):
        return False
    middle = right_threshold(beta, tau, K)
    return 0.5 < (float(got.value) - middle) / (right_alpha(*case.args) - middle) < 1


def infinite(case: Case, got: Outcome, own: Outcome) -> bool:
    if got.error is not None:
        return isinstance(got.error, ZeroDivisionError | OverflowError)
    return is_number(got) and math.isinf(float(got.value))


def let_through(case: Case, got: Outcome, own: Outcome) -> bool:
    return got.error is None or isinstance(got.error, TypeError | UnboundLocalError | ArithmeticError)


def overflown(case: Case, got: Outcome, own: Outcome) -> bool:
    return not_finite(case, got, own) and not refused(got)


ALPHA = mistakes(
    right_alpha,
    """
wrong side | return beta + tau * (nats - odds)
  A positive with nine tenths of the weight stands above the threshold, one with a tenth below. Yours are
  exchanged: p is the positive's share, 1 − p the pull that is left.
wrong side | by_p = beta + tau * (nats - odds)
wrong side | by_loss = beta + tau * (nats - odds)
the line inverted | odds = -cost
  You solved the straight line for s⁺. At p = 1/2 the line is 0 and the loss is ln 2: solve the softplus.
the line inverted | by_p = beta + tau * (nats - cost)
the line inverted | by_loss = beta + tau * (nats - cost)
τ forgotten | return beta + tau * nats + odds
  How far s⁺ lies from the threshold is counted in units of τ: at a tenth of the temperature it is a tenth.
  One of your terms has no τ.
τ forgotten | by_p = beta + tau * nats + odds
τ forgotten | by_loss = beta + tau * nats + odds
τ forgotten | return beta + nats + odds
  Neither ln K nor the odds are scores: how far s⁺ lies from s⁻ is counted in units of τ.
the threshold, whatever is asked | odds = 0.0
  You returned the threshold, where p = 1/2 and the loss is ln 2. Any other wish needs another score.
ln K forgotten | nats = 0.0
  This is the score against a single negative. K of them weigh K times as much: start from the threshold.
sign of ln K | nats = -math.log(K)
  More negatives weigh more, so the positive must stand higher the larger K is. Yours stands lower.
sign of ln K | by_p = beta + tau * (odds - nats)
sign of ln K | by_loss = beta + tau * (odds - nats)
K + 1 negatives | nats = math.log(K + 1)
  There is one negative too many: K counts the negatives alone, and the positive is in p already.
lead for score | return tau * (nats + odds)
  You returned the lead over the negatives. Add their score s⁻: raise every score by 0.3, and this one rises.
wrong base | nats = math.log2(K)
  Every logarithm here undoes an exponential, so it is the natural one: the loss is in nats.
wrong base | return beta + tau * (nats + odds / math.log(2))
wrong base | return beta + tau * (nats + odds) / math.log(2)
wrong base | nats = math.log10(K)
wrong base | return beta + tau * (nats + odds / math.log(10))
wrong base | return beta + tau * (nats + odds) / math.log(10)
p is not 1 − loss | by_loss = beta + tau * (nats + np.log((1 - cost) / (1 - (1 - cost)))) | lost_or_equal
  You took 1 − loss for p. The loss is −ln p: the two are close only for a tiny loss, and a loss may exceed 1.
loss in bits | cost = -np.log(p) if p is not None else loss * math.log(2)
  You took p for 2 to the power −loss. The loss is in nats: p is e to that power.
odds without a logarithm | odds = -np.exp(-cost) / np.expm1(-cost)
  The odds p/(1 − p) are a ratio of exponentials. The score is in the exponent: take their logarithm.
a sigmoid for its inverse | odds = 1 / (1 + math.exp(-math.exp(-cost)))
  The sigmoid turns a score into a probability. You go the other way, from a probability to a score.
the loss for e^loss − 1 | by_loss = beta + tau * (nats - np.log(cost))
  The negatives weigh e^loss − 1 times the positive. That is close to the loss itself only where it is tiny.
both ends lost | by_loss = beta + tau * (nats - np.log(np.exp(cost) - 1)) | rough
  e^loss − 1 is 0 in float64 for a tiny loss and infinite for a huge one, and with p = e^−loss it is 1 − p and
  p that are lost. The first end needs a function made for a tiny exponent, the second x near the loss itself.
tiny loss lost | by_loss = beta + tau * (nats - (cost if cost > 700 else np.log(np.exp(cost) - 1))) | rough
  A loss of 4.248e-18 has a score, and yours is lost: exp of it is 1 in float64, and 1 minus 1 is 0. Look for
  the function that gives e^y − 1 for a tiny y.
exp overflows | by_loss = beta + tau * (nats - np.log(np.expm1(cost))) | overflown
  At a loss of 1000, e^loss is infinite and e^−loss is 0 in float64. There x and the loss are almost the same:
  write x as the loss plus something small.
p clipped | cost = -np.log(np.clip(p, 1e-12, 1 - 1e-12)) if p is not None else loss | nearer_the_threshold
  You kept p away from 0 and 1 by a small number. The scores beyond are finite and none of them is the one
  asked for; only 0 and 1 themselves have no score.
1/p overflows | by_p = beta + tau * (nats - np.log(1 / np.float64(p) - 1)) | not_finite
  For a tiny p, 1/p is infinite in float64, though p is not 0. Take the logarithm of p itself.
p clipped | cost = -np.log(np.clip(p, 1e-8, 1 - 1e-8)) if p is not None else loss | nearer_the_threshold
0 taken for None | one = (not p) != (not loss); in_range = 0 < (p or 0.5) < 1 and 0 < (loss or 1) < math.inf
  A loss of 0 was given beside p, and you took it for not given: 0 counts as false in Python. Ask whether it
  `is None`.
an infinite score | in_range = 0 <= (0.5 if p is None else p) <= 1 and (loss is None or loss >= 0) | infinite
  A weight of exactly 0 or 1, a loss of exactly 0: no finite score gives that. Raise ValueError, where you
  divide by zero or return infinity.
nothing refused | one = True; in_range = True | let_through
  Some wishes no score fulfils: a probability of 0, of 1 or beyond, a loss of 0 or less, two wishes at once or
  none. Look at the wish and raise ValueError before you compute.
both or neither | one = True; in_range = 0 < p < 1 if p is not None else 0 < loss < math.inf | let_through
  Exactly one of p and loss is to be given. With both or none of them there is no question: raise ValueError.
both or neither | one = True; in_range = 0 < loss < math.inf if loss is not None else 0 < p < 1 | let_through
""",
    *(let_through, infinite, lost_or_equal, nearer_the_threshold, not_finite, overflown, rough),
)


def right_effective(s: np.ndarray, tau: float) -> float:
    top = s.max()
    logits = (s - top) / tau
    weights = np.exp(logits)
    mean = weights.mean()
    below = tau * np.log(mean)
    return top + below


EFFECTIVE = mistakes(
    right_effective,
    """
plain mean | return s.mean()
  Neither mean nor median depends on τ. An exponential gives the high scores more weight than the low ones.
plain mean | return np.median(s)
the hardest | return top
  The maximum is too high: it counts every negative as if it were the hardest. That holds only as τ goes to 0.
sum for mean | mean = weights.sum()
  This is s_eff + τ ln K, the threshold. One score that stands for each of K negatives takes the mean of the
  exponentials, not their sum.
K + 1 for K | mean = weights.sum() / (len(s) + 1)
  You divided by K + 1. The positive is no part of this mean: a single negative stands for itself.
equal scores counted once | weights = np.exp(np.unique(logits))
  Two negatives with the same score are two negatives: each has its exponential in the mean.
lowest for highest | return s.min() - tau * np.log(np.exp((s.min() - s) / tau).mean())
  The exponents have the wrong sign: a low τ must favour the hardest negative, yours favours the easiest.
softmax-weighted mean | return weights @ s / weights.sum()
  You averaged the scores with their softmax weights. The sum of exponentials is to be kept, and that is
  another mean: of the exponentials.
variance correction | return s.mean() + s.var() / (2 * tau)
  Mean and variance suffice for scores that hardly differ. At a low τ your answer exceeds the largest score.
exp overflows | top = 0 | not_finite
  An exponential left the range of float64. Take one number from all scores before it and add that again at
  the end: s_eff moves with the scores.
shifted by the mean | top = s.mean() | not_finite
  You took the mean from all scores, and the largest is still far above it in units of τ: its exponential
  overflows. Take the largest from all, and no exponent is above 0.
temperature ignored | logits = s - top; below = np.log(mean)
  Your answer does not depend on τ in the right way: the exponentials are of s/τ, and the logarithm is
  multiplied by τ again.
temperature ignored | return top / tau + np.log(mean)
wrong base | below = tau * np.log10(mean)
  The logarithm must undo the exponential, so it is the natural one. Equal negatives hide it, others do not.
divided by τ | logits = (s - top) * tau; below = np.log(mean) / tau
  Divide the scores by τ before the exponential: a low τ must favour the hardest negative, yours favours none.
ln K without τ | below = tau * np.log(weights.sum()) - np.log(len(s))
  You took ln K from a score. The division by K belongs inside the logarithm, so τ multiplies it too.
divided by K outside | return (top + tau * np.log(weights.sum())) / len(s)
  You divided the logarithm by K. The mean is taken of the exponentials, before the logarithm.
the largest not added back | return below
  You took the largest score from all, and it is still missing: s_eff moves with the scores.
wrong base | return (top + below) / math.log(2)
  The logarithm must undo the exponential, so it is the natural one: equal negatives stand for themselves.
variance correction | return s.mean() + s.var() / tau
""",
    not_finite,
)

# The inputs.

FIVE = np.array([0.9, 0.5, 0.5, 0.0, -0.4])
_TINY = "the loss is tiny, and it is not 0"
_HUGE = "the negatives lie far above the positive: the exponential of their lead in units of τ overflows"
_FAR = "adding one number to every score must change nothing"
_COLD = "a score of 0.9 is 900 in units of τ"
_TAUS, _COUNTS = (0.02, 0.05, 0.07, 0.1, 0.2, 0.5), (2, 7, 10, 63, 255, 1000, 4096)


def _settings(seed: int, count: int) -> list[tuple[float, float, int]]:
    """s⁻, τ and K."""
    rng = np.random.default_rng(seed)
    return [
        (round(float(rng.uniform(-0.5, 0.8)), 2), float(rng.choice(_TAUS)), int(rng.choice(_COUNTS)))
        for _ in range(count)
    ]


def _loss_cases(seed: int) -> list[Case]:
    half = 0.1 + 0.07 * math.log(255)
    places = np.random.default_rng([seed, 1]).uniform(-6, 10, 12)
    drawn = [
        (round(beta + tau * (math.log(K) - float(x)), 3), beta, tau, K, "")
        for x, (beta, tau, K) in zip(places, _settings(seed, 12), strict=True)
    ]
    return edges(
        (0.5, 0.5, 0.1, 1, "one negative, level with the positive: a coin flip, ln 2"),
        (half, 0.1, 0.07, 255, "at the threshold half of the weight is the positive's"),
        (0.3, 0.2, 0.5, 1, ""),
        (0.5, 0.1, 0.1, 100, ""),
        (0.5, 0.0, 0.1, 65536, "a lead of five temperatures, and still a large loss: K counts"),
        (0.5, 0.9, 0.1, 1000, "negatives above the positive"),
        (0.2, 0.1, 2.0, 3, "a high temperature: close to ln(K + 1)"),
        (1.0, -1.0, 0.05, 1, _TINY),
        (0.9, -0.9, 0.05, 100, _TINY),
        (1.0, 0.0, 0.02, 255, _TINY),
        (-1.0, 1.0, 0.001, 10, _HUGE),
        (-0.5, 1.0, 0.002, 255, _HUGE),
        (0.0, 0.9, 0.001, 1, _HUGE),
        (100.5, 100.1, 0.1, 100, _FAR),
        (-99.5, -99.9, 0.1, 100, _FAR),
        (0.9, 0.899, 0.001, 255, _COLD),
        *drawn,
        atol=0.0,
    )


def _threshold_cases(seed: int) -> list[Case]:
    return edges(
        (0.1, 0.07, 1, "one negative: half of the weight needs no lead"),
        (0.1, 0.07, 255, ""),
        (0.4, 0.07, 255, "every score 0.3 higher, and so is the threshold"),
        (-4.9, 0.07, 255, "every score 5 lower, and so is the threshold"),
        (0.1, 0.07, 510, "twice the negatives: τ ln 2 higher"),
        (0.9, 0.001, 32767, _COLD),
        (0.0, 1.0, 2, "at s⁻ = 0 and τ = 1 only K is left"),
        *[(*at, "") for at in _settings(seed, 10)],
    )


def _margin_cases(seed: int) -> list[Case]:
    return edges(
        (0.07, 1, "one negative: half of the weight needs no lead"),
        (0.07, 255, ""),
        (0.07, 510, "twice the negatives: τ ln 2 more"),
        (0.07, 32767, ""),
        (0.01, 32767, ""),
        (1.0, 2, "at τ = 1 only K is left"),
        *[(tau, K, "") for _, tau, K in _settings(seed, 10)],
    )


def _alpha_cases(seed: int) -> list[Case]:
    at = (0.1, 0.07, 255)
    rng = np.random.default_rng([seed, 2])
    drawn = _settings(seed, 14)
    shares = [(round(float(rng.uniform(0.02, 0.98)), 3), None, *here, "") for here in drawn[::2]]
    losses = [(None, round(math.exp(rng.uniform(-3, 2)), 3), *here, "") for here in drawn[1::2]]
    return edges(
        (0.5, None, *at, "half of the weight: that is the threshold"),
        (None, math.log(2), *at, "a loss of ln 2: that is the threshold"),
        (0.9, None, *at, "with p = 0.1 the two ends of the slope"),
        (0.1, None, *at, "with p = 0.9 the two ends of the slope"),
        (1e-310, None, *at, "p is so small that 1/p is more than float64 can hold"),
        (0.2, None, 0.0, 1.0, 1, "below the single negative"),
        (None, 2, *at, "a loss may be a whole number, and above 1"),
        (None, 4.248354255291589e-18, -1.0, 0.05, 1, "a tiny loss is a loss: the score is 1"),
        (None, 1e-12, *at, "a tiny loss is a loss"),
        (None, 1000.0, 1.0, 0.001, 10, "exp(1000) overflows, and exp(−1000) is 0 in float64"),
        (0.0, None, *at, "a softmax weight is never 0"),
        (1.0, None, *at, "a softmax weight is never 1"),
        (1.2, None, *at, "a probability above 1"),
        (None, 0.0, *at, "the loss is never 0"),
        (None, -0.1, *at, "the loss is never negative"),
        (None, math.inf, *at, "no score has an infinite loss"),
        (None, math.nan, *at, "NaN is no loss: every comparison with it is false"),
        (math.nan, None, *at, "NaN is no probability: every comparison with it is false"),
        (None, None, *at, "neither is given"),
        (0.5, 0.3, *at, "both are given, and they contradict each other"),
        (0.5, 0.0, *at, "both are given: a 0 is not None"),
        (1e-15, None, *at, "far below the negatives, and still a score"),
        (1 - 2**-45, None, *at, "p is near 1, and 1 − p is still known to all digits"),
        (1e-15, None, 0.0, 20.0, 255, "scores need not lie between −1 and 1"),
        *[row for pair in zip(shares, losses, strict=True) for row in pair],
    )


def _effective_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng([seed, 3])
    sizes = (3, 6, 8, 20, 20, 50)
    return edges(
        (np.array([0.3]), 0.1, "a single negative stands for itself"),
        (np.array([0.3, 0.3, 0.3]), 0.07, "equal negatives stand for themselves"),
        (np.array([1.0, 0.0]), 0.5, ""),
        (FIVE, 0.1, ""),
        (FIVE, 0.02, "a low τ: close to the hardest"),
        (FIVE, 20.0, "a high τ: close to the mean"),
        (FIVE + 0.3, 0.1, "every score 0.3 higher, and so is s_eff"),
        (FIVE, 0.001, "exp(900) overflows"),
        (np.array([1.0, -1.0]), 0.001, "the mean is 0, and exp(1000) overflows: take the largest away"),
        (FIVE + 100, 0.05, "exp(2000) overflows"),
        (FIVE - 100, 0.05, "exp(−2000) is 0 in float64"),
        *[(rng.normal(0.1, 0.25, K).round(3), float(rng.choice(_TAUS[2:])), "") for K in sizes],
    )


EXERCISE = Exercise(
    "03",
    "the margin hidden in InfoNCE",
    (
        Question(
            "infonce_equal(alpha, beta, tau, K)",
            infonce_equal,
            theory.equal_negatives_loss,
            "nslab.theory.equal_negatives_loss",
            _loss_cases,
            LOSS,
            (
                "Write down the positive's softmax weight and divide numerator and denominator by the"
                " numerator. What is left of s⁺ and s⁻?",
                "K equal terms are one term times K. Inside an exponential a factor becomes a summand, so"
                " the loss is a function of one number x. Which sign has x when the positive stands far"
                " above all negatives?",
                "Far below x = 0 the exponential is lost beside the 1: look for the function that takes"
                " ln(1 + y) of a tiny y. Far above x = 0 it overflows: take x out of the logarithm, and"
                " what is left is of the first kind.",
            ),
        ),
        Question(
            "score_threshold(beta, tau, K)",
            score_threshold,
            lambda beta, tau, K: theory.effective_margin(K, tau, beta),
            "nslab.theory.effective_margin",
            _threshold_cases,
            THRESHOLD,
            (
                "When the positive has half of the weight, how does its exponential compare with the sum"
                " of the others?",
                "One exponential on the left, K equal ones on the right. Take logarithms on both sides.",
                "Solve for s⁺. Check the units: the answer is a score, s⁻ is a score, τ is a score, K is"
                " a count. Then put it into your `infonce_equal`: ln 2 must come out.",
            ),
        ),
        Question(
            "margin(tau, K)",
            margin,
            lambda tau, K: theory.effective_margin(K, tau),
            "nslab.theory.effective_margin",
            _margin_cases,
            MARGIN,
            (
                "The margin is a lead: by how much must the positive stand above the negatives? The"
                " threshold is a place.",
                "Move all negatives up by 0.3. The threshold moves with them. What does the lead do?",
                "Take the negatives' score away from your threshold, and look at what remains.",
            ),
        ),
        Question(
            "alpha_for(p, loss, beta, tau, K)",
            alpha_for,
            None,
            "",
            _alpha_cases,
            ALPHA,
            (
                "You know the score for p = 1/2. More weight needs a higher score, less a lower one: how"
                " far from there, in units of τ?",
                "The weight and x determine each other: write p as a function of x and solve for x. The"
                " loss is a function of p, so a wanted loss is a wanted p.",
                "Do not go through p where the loss is tiny or huge: 1 − p or p itself is lost. Solve for"
                " x from the loss, with expm1 of a negative number, and add what is left outside. Refuse"
                " first what no score reaches.",
            ),
        ),
        Question(
            "beta_eff(s, tau)",
            beta_eff,
            None,
            "",
            _effective_cases,
            EFFECTIVE,
            (
                "The loss knows the negatives only through the sum of their exponentials. Which K equal"
                " scores have the same sum?",
                "Set K times one exponential equal to the sum of K different ones and solve for its score.",
                "It is a mean taken after the exponential and undone by the logarithm. Before the"
                " exponential, take the largest score from all, and add it back at the end.",
            ),
            stretch=True,
        ),
    ),
)
