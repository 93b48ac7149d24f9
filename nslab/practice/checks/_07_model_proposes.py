"""Exercise 07: let the model propose."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from nslab import losses, samplers
from nslab.practice._chance import Watched, pairs_alike
from nslab.practice._exercise import Case, Exercise, Question, edges
from nslab.practice._judgements import as_array, indexed, not_all_finite, silent, unrefused
from nslab.practice._mistakes import mistakes
from nslab.practice._run import Outcome

# The specification. All but the gradient are written in named steps: what goes wrong in each is found below.


def proposal(f: np.ndarray, T: float) -> np.ndarray:
    """q = softmax(f / T), the largest logit made 0 first."""
    legal = T > 0
    if not legal:
        raise ValueError(f"T must be > 0, got {T}")
    z = f / T
    shifted = z - z.max()
    weights = np.exp(shifted)
    return weights / weights.sum()


def expected_gradient(
    pd: Sequence[float], f: Sequence[float], q: Sequence[float], K: int, corrected: bool
) -> np.ndarray:
    """Every positive with every sequence of K draws: softmax weights of the K + 1 places, by chance."""
    if corrected and min(q) <= 0:
        raise ValueError("a class that is never drawn has no ln q")
    logits = [x - math.log(y) if corrected else x for x, y in zip(f, q, strict=True)]
    gradient = [0.0] * len(f)
    for positive, *negatives in itertools.product(range(len(f)), repeat=K + 1):
        chance = pd[positive] * math.prod(q[j] for j in negatives)
        places = [positive, *negatives]
        top = max(logits[j] for j in places)
        weights = [math.exp(logits[j] - top) for j in places]
        for j, weight in zip(places, weights, strict=True):
            gradient[j] += chance * weight / sum(weights)
        gradient[positive] -= chance
    return np.array(gradient)


def sample_negatives(
    f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """K draws from the classes that may come; ln q from the shifted logits, never from q."""
    kept = may_come(f, T, positive)
    z = f / T
    log_q = among(kept, z)
    p = np.exp(log_q)
    told = log_q
    source = rng
    drawn = source.choice(len(f), size=K, p=p)
    ids = drawn
    return ids, told[ids]


def resting_point(pd: np.ndarray, T: float, corrected: bool) -> np.ndarray:
    """Corrected: pd. Raw: e^f is proportional to pd / q and q to e^(f/T), so that p is to pd^(T/(1+T))."""
    power = T / (1 + T)
    data = corrected
    weights = pd if data else pd**power
    return weights / weights.sum()


def may_come(f: np.ndarray, T: float, positive: int | None) -> np.ndarray:
    """Which classes may be drawn, (n,) of bool."""
    if positive is not None and not 0 <= positive < len(f):
        raise ValueError(f"positive must be None or a class, got {positive}")
    kept = np.array([j != positive for j in range(len(f))])
    if not T > 0 or not kept.any():
        raise ValueError("T must be > 0, and one class must be left to draw")
    return kept


def log_softmax(z: np.ndarray) -> np.ndarray:
    return z - z.max() - np.log(np.exp(z - z.max()).sum())


def among(kept: np.ndarray, z: np.ndarray) -> np.ndarray:
    """ln softmax over the classes that are kept, −∞ for the others."""
    return log_softmax(np.where(kept, z, -np.inf))


# How samples are compared: by what all right ones share.


def log_chances(f: np.ndarray, T: float, positive: int | None) -> tuple[np.ndarray, np.ndarray]:
    """The classes that may be drawn, and ln of the chance of each."""
    ids = np.flatnonzero(may_come(f, T, positive))
    top = max(f[j] for j in ids)
    log_z = math.log(sum(math.exp((f[j] - top) / T) for j in ids))
    return ids, np.array([(f[j] - top) / T - log_z for j in ids])


def measure(args: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """What all right samples share; the mean logit is the expected one unless the draws are uneven."""
    f, T, _, rng, positive = args if len(args) == 5 else (*args, None)
    if not hasattr(value, "__len__") or len(value) != 2:
        raise ValueError("two parts are asked for, ids and log_q")
    ids, log_q = map(np.asarray, value)
    if ids.ndim != 1 or ids.dtype.kind not in "iu" or not np.all((ids >= 0) & (ids < len(f))):
        raise ValueError(f"the first part must be K integers from 0 to {len(f) - 1} in one axis")
    if log_q.shape != ids.shape or log_q.dtype.kind not in "iuf":
        raise ValueError(f"the second part must be K numbers, one a draw, got shape {log_q.shape}")
    kept, right = log_chances(f, T, positive)
    log_chance = np.full(len(f), np.nan)
    log_chance[kept] = right
    chance = np.nan_to_num(np.exp(log_chance))
    off = (log_q - log_chance[ids])[ids != (-1 if positive is None else positive)]
    counts, mean = np.bincount(ids, minlength=len(f)), len(ids) * chance
    apart = np.abs(counts - mean) > 6.5 * np.sqrt(mean * (1 - chance)) + 1e-6  # 6.5 standard deviations
    uneven = len(ids) >= 1000 and bool(apart.any())
    surprise, variance = pairs_alike(ids)
    return {
        "drawn": len(ids),
        "positive drawn": positive is not None and positive in ids,
        "unevenly drawn": uneven,
        "equal ids side by side": len(ids) >= 1000 and surprise > 6.5 * math.sqrt(variance) + 1e-6,
        "no class twice": len(ids) >= 40 and int(counts.max()) == 1,
        "rng unused": bool(chance.max() < 1) and rng.unused(),
        "mean logit of the draws": float(f[ids].mean() if uneven else chance @ f),
        "ln q too high by": float(off.max(initial=0)),
        "ln q too low by": 0.0 - float(off.min(initial=0)),
    }


# What goes wrong in each step.


def lost(case: Case, got: Outcome, own: Outcome) -> bool:
    """NaN or infinity somewhere; an exception where the math module or numpy's `choice` meets one."""
    return not_all_finite(case, got, own) or isinstance(got.error, ValueError)


PROPOSAL = mistakes(
    proposal,
    """
exp overflows | shifted = z | lost
  exp left the range of float64: above 709 it is infinite, far below 0 all weights are 0, and their ratio is
  NaN. A softmax does not change when one number is taken from all logits: make the largest 0 first.
exp overflows | shifted = z - z.mean() | lost
exp overflows | shifted = z - np.abs(z).max() | lost
logits clipped | z = np.clip(f / T, -500, 500)
  Beyond a limit your logits are all the same. Shift them: make the largest 0, and no limit is needed.
softmax before T | z = np.log(proposal(f, 1)) / T
  You took the power 1/T of softmax(f), where a small chance has become 0. Divide the logits by T first.
temperature ignored | z = f
  Your q does not depend on T, or T cancels: it must divide the logits, inside the exponential.
multiplied by T | z = f * T
  A large T must flatten q, yours gets sharper: divide the logits by T.
least likely first | z = -f / T
  Your q prefers the classes with the lowest logits: the sign of the exponent is reversed.
not normalised | return weights
  Your chances do not sum to 1: divide by their sum.
not normalised | return np.exp(z)
not normalised | return weights / weights.mean()
not normalised | return proposal(f, 1) ** (1 / T)
powers of 2 | weights = np.exp2(shifted)
  You raised 2 to the logits, which are in nats: raise e.
logarithms returned | return log_softmax(z)
  These are ln q. Chances are asked for: numbers from 0 to 1.
top class only | weights = 1.0 * (f == f.max())
  You give everything to the top class at every T. That is the limit T → 0 only.
divided by T twice | z = f / T**2
  The logits are divided by T twice. Once is asked for.
shares of the logits | weights = z
  You divided the logits by their sum, and a logit can be negative. Take their exponentials first.
power of the logits | weights = f ** (1 / T)
  You raised the logits to a power, as one does with frequencies. Divide them by T, then take exponentials.
T not refused | legal = True | unrefused
  At T = 0 you would divide by 0, and a negative T reverses the order of the classes: raise ValueError.
NaN taken for a T | legal = not T <= 0 | unrefused
  NaN passes your test: every comparison with it is false. Ask `if not T > 0`.
""",
    *(lost, unrefused),
)


@lru_cache
def outcomes(n: int, K: int) -> np.ndarray:
    """A row for each positive with each sequence of K draws: (n^(K+1), K + 1) classes."""
    return np.array(list(itertools.product(range(n), repeat=K + 1)))


def hits(places: np.ndarray) -> np.ndarray:
    """Negatives that are the positive once more."""
    return (places == places[:, :1]) & (np.arange(places.shape[1]) > 0)


def missed(places: np.ndarray) -> np.ndarray:
    """Rows in which no negative is the positive."""
    return np.logical_not(hits(places).any(1))


def repeated(places: np.ndarray, first: int = 0) -> np.ndarray:
    """Places, from `first` on, whose class comes again later: `a[ids] += w` keeps the last one only."""
    again = np.triu(places[:, :, None] == places[:, None, :], 1).any(2)
    return again & (np.arange(places.shape[1]) >= first)


def right_gradient(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
    legal = not corrected or q.min() > 0
    if not legal:
        raise ValueError("no ln q")
    ln_q = np.log(q) if corrected else 0 * q
    pos = f - ln_q
    neg = f - ln_q
    draws = K
    places = outcomes(len(q), draws)
    z = np.column_stack([pos[places[:, 0]], neg[places[:, 1:]]])
    shifted = z - z.max(1, keepdims=True)
    weights = np.exp(shifted)
    kept = 1
    shares = kept * weights / weights.sum(1, keepdims=True)
    data = pd
    noise = q
    times = 1
    chance = times * data[places[:, 0]] * noise[places[:, 1:]].prod(1)
    pulled = chance
    push = np.bincount(places.ravel(), (shares * chance[:, None]).ravel(), len(q))
    pull = np.bincount(places[:, 0], pulled, len(q))
    return push - pull


def averaged_too_early(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> np.ndarray:
    if corrected and q.min() <= 0:
        raise ValueError("no ln q")
    odds = np.exp(f - f.max()) / (q if corrected else 1)
    fading = pd / (odds + K * q @ odds)
    return K * q * odds * fading.sum() + odds * fading - pd


def refused(case: Case, got: Outcome, own: Outcome) -> bool:
    """A ValueError of the learner's own, not that of the logarithm of 0."""
    of_math = ("math domain error", "expected a positive input")
    return isinstance(got.error, ValueError) and not str(got.error).startswith(of_math)


def off_by_chance(case: Case, got: Outcome, own: Outcome) -> bool:
    """Further from the truth than rounding, nearer than a mistake in the formula."""
    value, right = as_array(got.value), right_gradient(*case.args)
    return value is not None and value.shape == right.shape and 2e-5 < np.abs(value - right).max() < 0.02


GRADIENT = mistakes(
    right_gradient,
    """
+ ln q | ln_q = -np.log(q) if corrected else 0 * q
  The sign of the correction is wrong: what is drawn often is now pushed even more. Subtract ln q.
negatives only corrected | pos = f
  You corrected the negatives only: with q = p_d, training would end at √p_d. All K + 1 logits need it.
ln K q on the negatives only | pos = f; neg = f - ln_q - math.log(K) * corrected
  ln(K q) on the negatives only is the correction for draws that never hit the positive. Here they may, and
  all K + 1 logits need the same one.
ln K q on the negatives only | neg = f - ln_q - math.log(K) * corrected
positive only corrected | neg = f
  You corrected the positive only. All K + 1 logits need the correction.
gradient flows into q | return (push - pull) * (not corrected)
  Your corrected gradient is 0 everywhere: ln q moved with f, so that f − ln q is the same constant for all
  classes. q is only where the draws came from: hold it fixed (in torch: detach it).
not corrected | ln_q = 0 * q
  Your answer is the same with and without `corrected`: where it is True, ln q has to leave the logits.
always corrected | ln_q = np.log(np.maximum(q, 1e-300))
  You subtract ln q also where `corrected` is False: the raw logits are asked for there.
flag reversed | ln_q = 0 * q if corrected else np.log(np.maximum(q, 1e-300))
  You correct where `corrected` is False, and not where it is True.
q for ln q | ln_q = q * corrected
  You subtracted q itself. A logit is a logarithm, so what is taken from it is a logarithm too.
uphill | return pull - push
  This is the gradient of ln p, which rises. That of the loss has the other sign: negative at the positive.
loss for gradient | return np.bincount(places[:, 0], -chance * np.log(shares[:, 0]), len(q))
  This is the mean loss of each positive. Asked for is the gradient, an entry for each logit.
push missing | return np.bincount(places[:, 0], (shares[:, 0] - 1) * chance, len(q))
  Only the positive moves in your gradient. Each negative is pushed by its softmax weight.
pulled more than once | pulled = chance * (1 + hits(places).sum(1))
  You took 1 from every place that holds the positive's class. It is pulled once, however often it comes.
divided by q | ln_q = 0 * q; kept = 1 / q[places] if corrected else 1
  You divided the softmax weights by q: they no longer sum to 1. Subtract ln q before the softmax.
another base | ln_q = np.log2(q) if corrected else 0 * q
  Your logarithm of q has base 2 or 10. A logit is in nats, and so is ln q.
another base | ln_q = np.log10(q) if corrected else 0 * q
pull missing | return push
  Only the push is there, and your gradient sums to 1. Each positive is pulled by 1, so it must sum to 0.
positive missing from the softmax | z = np.where(np.arange(K + 1), neg[places], -np.inf)
  Your softmax runs over the K negatives only. The positive fills a place too: K + 1 weights sum to 1.
one logistic a place | return K * q / (1 + np.exp(-neg)) - pd / (1 + np.exp(pos))
  You used a sigmoid for each place, as word2vec and NCE do. Here all K + 1 places compete in one softmax.
positive never drawn | z = np.where(hits(places), -np.inf, neg[places])
  You left out the draws that hit the positive. The rule of this exercise is to draw from all n classes, the
  positive among them: only then is K/(K+1) the factor at q = softmax(f). Other rules need other corrections.
positive never drawn | times = missed(places)
positive never drawn | data = pd / (1 - q) ** K; times = missed(places)
positive never drawn | data = pd / (1 - q)**K; times = missed(places); pos = f + corrected * np.log(K/(1 - q))
without replacement | times = ~repeated(places, 1).any(1)
  Some draws are missing: those in which a negative comes twice. Draws are with replacement.
without replacement | times = ~repeated(places, 1).any(1) / np.prod(1 - np.cumsum(q[places[:, 1:-1]], 1), 1)
number of places | draws = K - 1
  The positive and K draws fill K + 1 places. You have one draw too few or one too many.
number of places | draws = K + 1
orders counted once | times = (np.diff(places[:, 1:]) >= 0).all(1)
  You listed sets of draws. 0 then 1 and 1 then 0 are two outcomes, each with chance q(0) q(1).
orders counted once | times = (np.diff(places[:, 1:]) > 0).all(1)
repeated ids counted once | kept = ~repeated(places)
  `g[ids] += w` adds only once where an id is repeated. Add place by place, or with `np.add.at`.
repeated ids counted once | kept = ~repeated(places, 1)
repeated ids counted once | kept = ~repeated(places, 1) & ~hits(places)
repeated ids counted once | kept = ~repeated(places); pulled = chance * missed(places)
each class once | z = np.where(repeated(places), -np.inf, neg[places])
  You let each class into the softmax once. A class that fills two places stands there twice.
one negative at a time | draws = 1
  Your negatives meet the positive one by one. All K draws stand in one softmax, together with the positive.
one negative at a time | draws = 1; return K * (push - pull)
draws counted alike | noise = np.full(len(q), 1 / len(q))
  Every sequence of draws counts the same in your mean. Its chance is the product of the q of its draws.
positives counted alike | data = np.full(len(q), 1 / len(q))
  Every positive counts the same in your mean. Class x is the positive with chance p_d(x).
p_d and q swapped | data = q; noise = pd
  The positive comes from p_d and the negatives from q, not the reverse.
full softmax | return proposal(f, 1) - pd
  This is p − p_d, the gradient of the full softmax. That of K draws is another one: sum over the draws.
softmax over all classes | shares = proposal(neg, 1)[places]
  Your softmax runs over all n classes. That of one outcome runs over its K + 1 places: sum over the draws.
softmax over all classes | return proposal(neg, 1) - pd
averaged too early | averaged_too_early
  You put the expected number of draws of each class into the softmax. The mean of a quotient is not the
  quotient of the means: take the softmax for every sequence of draws, and average at the end.
K/(K+1) for every q | return K / (K + 1) * (proposal(f, 1) - pd)
  K/(K+1) times p − p_d holds for q = softmax(f), corrected, and for nothing else. Sum over the draws.
mean over the draws | return (push - pull) / len(places)
  A mean over all outcomes divides by their number, but their chances sum to 1 already: add them up.
divided by K | return (push - pull) / K
  Your gradient is K times too short: the K + 1 softmax weights sum to 1 already.
divided by K + 1 | return (push - pull) / (K + 1)
  Your gradient is K + 1 times too short: the softmax weights sum to 1 already.
exp overflows | shifted = z | lost
  exp left the range of float64: above 709 it is infinite, far below 0 all weights are 0, and their ratio is
  NaN. A softmax does not change when one number is taken from all logits: make the largest 0 first.
q = 0 always refused | legal = q.min() > 0 | refused
  You refuse a class that is never drawn although nothing is to be corrected: no ln q is needed then.
0 times ln 0 | ln_q = corrected * np.log(q) | lost
  Where q = 0, ln q is −∞, and 0 times that is NaN. Take a logarithm only where you correct.
q = 0 not refused | legal = True | silent
  A class that is never drawn cannot be corrected: its ln q is −∞. Raise ValueError.
sampled, not summed | return push - pull + 1e-3 | off_by_chance
  Your numbers are near, and off by chance. Draw nothing: list every outcome once, with its chance.
""",
    *(lost, refused, silent, off_by_chance),
)


def alike(case: Case, got: Outcome, own: Outcome) -> bool:
    """The same sample up to chance, or what stands for it."""
    if not isinstance(got.value, dict) or not isinstance(own.value, dict):
        return False
    pairs = {name: (float(got.value[name]), float(own.value[name])) for name in own.value}
    mean, other = pairs.pop("mean logit of the draws")
    near = abs(mean - other) <= 0.05 * np.ptp(case.args[0])
    return near and all(math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-8) for a, b in pairs.values())


def fewer(case: Case, got: Outcome, own: Outcome) -> bool:
    """Fewer than asked for, and not merely each class once."""
    count = got.value["drawn"] if isinstance(got.value, dict) else case.args[2]
    return count < case.args[2] and not 0 < count <= len(case.args[0])


def each_once(case: Case, got: Outcome, own: Outcome) -> bool:
    return isinstance(got.value, dict) and got.value["drawn"] == own.value["drawn"] < case.args[2]


def one_class(case: Case, got: Outcome, own: Outcome) -> bool:
    """All draws are one class, as their mean logit tells."""
    if not isinstance(got.value, dict) or not got.value["unevenly drawn"]:
        return False
    return bool((np.abs(case.args[0] - got.value["mean logit of the draws"]) < 1e-9).any())


def too_few_classes(case: Case, got: Outcome, own: Outcome) -> bool:
    return isinstance(got.error, ValueError) and own.error is not None


def replaced(drawn: np.ndarray, positive: Any, kept: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The draws, with any other class in the place of the positive."""
    return np.where(drawn == positive, rng.choice(np.flatnonzero(kept), len(drawn)), drawn)


SAMPLE = mistakes(
    sample_negatives,
    """
positive drawn | log_q = log_softmax(z) | alike
  The positive is among your draws, though it was given to be left out. Then the others share its chance.
class 0 taken for None | log_q = among(kept, z) if positive else log_softmax(z) | alike
  Class 0 was the positive, and you drew it: 0 is false in an `if`, as None is. Ask `is not None`.
ln q of all classes | told = log_softmax(z) | alike
  The positive is out, but your ln q still gives it a share. Without it, the q of the others sums to 1.
temperature ignored | z = f | alike
  Your draws do not depend on T: they come from softmax(f), where softmax(f/T) is asked for.
temperature ignored in ln q | told = among(kept, f) | alike
  The draws come from softmax(f/T), but your ln q is that of softmax(f).
temperature ignored in the draws | p = np.exp(among(kept, f)) | alike
  Your ln q is that of softmax(f/T), but the draws come from softmax(f).
multiplied by T | z = f * T | alike
  A large T must make all classes alike, yours sharpens: divide the logits by T.
uniform draws | p = kept / kept.sum() | alike
  All classes come equally often: the draws do not ask the model. Give the chances to the draw too.
uniform draws | z = 0 * f | alike
q for ln q | told = np.exp(log_q) | alike
  The second part is q. Its logarithm is asked for, which is never above 0.
logit for ln q | told = f / T | alike
  The second part is f/T. A log-probability has the logarithm of the sum taken away, so that q sums to 1.
logit for ln q | told = f | alike
  The second part is f. A log-probability is f/T less the logarithm of the sum.
ln K q for ln q | told = log_q + math.log(K) | alike
  ln K is added to your ln q. Asked for is the chance of one draw; a loss that needs ln(K q) adds it itself.
chance of coming at all | told = np.log(-np.expm1(K * np.log1p(-p))) | alike
  This is ln of the chance that K draws hold the class. Asked for is the chance of one draw.
one draw too many | drawn = source.choice(len(f), size=K + 1, p=p) | alike
  You returned K + 1 draws. K are asked for: the positive needs no place among them.
positive replaced | p = proposal(f, T); ids = np.where(drawn == positive, (drawn + 1) % len(f), drawn) | alike
  You drew from all classes and replaced the positive, so another class comes too often. Leave it out first.
positive replaced | p = proposal(f, T); ids = replaced(drawn, positive, kept, rng) | alike
sign of ln q | told = -log_q | alike
  The sign of ln q is reversed: the logarithm of a chance is never above 0.
drawn, then dropped | p = proposal(f, T); ids = drawn[drawn != positive] | fewer
  You dropped the draws that hit the positive, so fewer than K came back. Draw from the classes that are left.
without replacement | drawn = source.choice(len(f), size=K, p=p, replace=False) | too_few_classes
  No class comes twice in your sample. Draws are independent: with replacement, whatever K is.
without replacement | drawn = source.choice(len(f), size=K, p=p, replace=kept.sum() < K) | alike
  Where the classes suffice, none comes twice in your sample. Draw with replacement, whatever K is.
hardest only | drawn = np.argsort(-log_q)[: min(K, kept.sum())] | each_once
  You took the classes with the highest logits. A proposal draws each class with its chance.
hardest only | drawn = np.full(K, log_q.argmax()) | alike
one draw repeated | ids = np.full(K, drawn[0]) | one_class
  You drew once and returned it K times. Each of the K draws has its own chance.
sorted | ids = np.sort(drawn) | alike
  Equal ids stand side by side in your sample. Draws are independent, and batches cut from it rely on that.
another generator | source = np.random.default_rng(0) | alike
  The numbers did not come from `rng`, so your caller cannot repeat the draws. Take all chance from `rng`.
logit 0 for the positive | log_q = log_softmax(np.where(kept, f, 0) / T) | alike
  You set the positive's logit to 0, and it weighs e⁰ = 1. What must not come needs the weight 0.
a low logit for the positive | log_q = log_softmax(np.where(kept, f, -1e9) / T) | alike
  You gave the positive a very low logit. A large T makes it high again; −∞ stays low at every T.
bits | told = log_q / math.log(2) | alike
  Your logarithms have the base 2. ln q is in nats: the natural logarithm.
places for ids | return np.cumsum(kept)[ids] - 1, told[ids] | alike
  You returned places in the list of the classes that are left. From the positive on, the class is one higher.
places for ids | ids = np.where(drawn - 1 == positive, drawn - 1, drawn); return ids, told[drawn] | alike
renormalised too late | p = kept * proposal(f, T) / proposal(f, T)[kept].sum(); told = np.log(p) | lost
  The positive held nearly all of q, so you divide by 0. Take it out before the softmax, not after.
renormalised too late | p = kept * proposal(f, T) / (1 - proposal(f, T)[~kept].sum()); told = np.log(p) | lost
no such class | kept = np.arange(len(f)) != positive | indexed
  There is no such class: raise ValueError. An index below 0 would count from the end.
""",
    *(alike, fewer, each_once, one_class, too_few_classes, lost, indexed),
)

RESTING = mistakes(
    resting_point,
    """
always p_d | weights = pd
  Without the correction training does not end at the data: what is drawn often ends too low.
never p_d | data = False
  With the correction every T ends at the data: ln q takes back what the draws gave.
flag reversed | data = not corrected
  Your two answers are each other's: it is the corrected training that ends at the data.
√p_d for every T | power = 0.5
  The square root is the answer at T = 1 only. The flatter the proposal, the closer the end is to the data.
power turned round | power = 1 / (1 + T)
  Your answer gets flatter as T grows. But uniform draws need no correction: T → ∞ must end at the data.
sharper than the data | power = (1 + T) / T
  Your answer is sharper than the data. What is drawn often is pushed down often, so the end must be flatter.
the proposal at p_d | power = 1 / T
  This is what a model that has reached p_d proposes. Asked for is the p at which training comes to rest.
not normalised | return weights
  Your probabilities do not sum to 1: the power of a distribution has to be divided by its sum.
T as the power | power = T
  You used T itself as the power. As T grows the draws become uniform, and the power must come near to 1.
always uniform | power = 0
  Uniform is the end only for T → 0. At every other T the data still show.
sign of ln q | power = T / (T - 1 or math.nan)
  The sign of ln q is reversed: raw, f must be ln p_d − ln q up to a constant.
logits returned | return np.log(weights / weights.max())
  These are logits. Asked for is softmax(f): probabilities that sum to 1.
logits returned | return np.log(weights)
logits returned | return np.log(weights / weights.sum())
q of the data | power = 1 - 1 / T
  You divided p_d by the q of a model that has reached p_d. It never gets there: q moves with f.
""",
)

# The inputs.

P_D = np.array([0.40, 0.25, 0.20, 0.10, 0.05])
_LOGITS = np.array([1.0, 0.2, -0.4, -0.9])
_NO_DIVISOR = "at T = 0 there is nothing to divide by"


def _proposal_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    drawn = [(rng.normal(0, 2, n).round(2), float(rng.uniform(0.3, 3))) for n in (2, 3, 5, 20, 50)]
    return edges(
        (np.array([0.7]), 0.5, "a single class is drawn every time"),
        (np.array([1.0, 0.0]), 2.0, ""),
        (_LOGITS, 1.0, "T = 1 is the model's own softmax"),
        (_LOGITS, 1e6, "T → ∞: all classes alike"),
        (_LOGITS, 1e-3, "T → 0: the top class alone"),
        (np.array([0.5, 0.5, -2.0]), 1e-3, "T → 0 with two classes that share the top"),
        (np.array([1000.0, 999.0, 0.0]), 1.0, "exp(1000) is no float"),
        (np.array([-1000.0, -999.0]), 1.0, "exp(−1000) is 0 in float64"),
        (np.array([0.0, -800.0]), 400.0, "softmax(f) has lost the second class, softmax(f/T) has not"),
        (_LOGITS, 0.0, _NO_DIVISOR),
        (_LOGITS, math.nan, "NaN is not above 0"),
        (_LOGITS, -1.0, "a negative T would prefer the least likely class"),
        *[(f, round(T, 2), "") for f, T in drawn],
    )


def _gradient_cases(seed: int) -> list[Case]:
    p, sharp = proposal(_LOGITS, 1.0), proposal(_LOGITS, 0.5)
    pd, uniform, hole = P_D[:4] / P_D[:4].sum(), np.full(4, 0.25), np.array([0.5, 0.3, 0.2, 0.0])
    exact = "q = softmax(f), corrected: all logits are equal, whatever is drawn"
    never = "a class that never comes at all: its ln q is needed, and there is none"
    return [
        *edges(
            (np.array([0.75, 0.25]), np.array([0.0, 0.0]), np.array([0.8, 0.2]), 1, True, ""),
            (np.array([0.75, 0.25]), np.array([1.0, 0.0]), np.array([0.6, 0.4]), 2, False, ""),
            (pd, _LOGITS, p, 1, True, exact),
            (pd, _LOGITS, p, 3, True, exact),
            (pd, _LOGITS, p, 2, False, "q = softmax(f), not corrected"),
            (P_D, np.log(P_D) / 2, P_D, 1, True, "q = p_d: corrected, training must not rest at √p_d"),
            (P_D, np.log(P_D), P_D, 2, True, "the model is right: corrected, it must stay where it is"),
            (np.eye(4)[1], _LOGITS, sharp, 2, True, "one positive only, and a sharp proposal"),
            (pd, _LOGITS, uniform, 2, False, "uniform draws"),
            (pd, _LOGITS, uniform, 2, True, "uniform draws: ln q is the same everywhere and cancels"),
        ),
        Case((pd, _LOGITS + 800, sharp, 2, True), "exp(800) is no float", atol=1e-9),
        Case((pd, _LOGITS, hole, 2, False), "a class that is never drawn; nothing is to be corrected"),
        Case((pd, _LOGITS, hole, 2, True), "a class that is never drawn has no ln q"),
        Case((hole, _LOGITS, hole, 1, True), never),
        *_random_gradients(np.random.default_rng(seed)),
    ]


def _random_gradients(rng: np.random.Generator) -> list[Case]:
    cases = []
    for i, (n, K) in enumerate(((2, 3), (3, 2), (4, 3), (5, 2), (3, 4), (6, 1))):
        pd, q = rng.dirichlet(np.full(n, 2.0)), rng.dirichlet(np.full(n, 2.0)) + 0.02
        cases.append(Case((pd, rng.normal(0, 1, n).round(2), q / q.sum(), K, i % 2 == 0)))
    return cases


def _sample_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed + 1000)
    drawn = [(rng.uniform(-1.5, 1.5, n).round(2), float(rng.uniform(1, 2.5))) for n in (3, 4, 5, 6)]
    many, f, two = 5000, np.array([0.5, -0.5, 1.0, 0.0]), np.array([0.0, -1.0])
    rows = [
        (f, 1.0, many, "many draws, to see how often each class comes"),
        (f, 0.8, many, None, "no class is left out"),
        (f, 3.0, many, 2, "the top class is the positive: it must not come, and ln q must know it"),
        (f, 1.5, many, 0, "class 0 is a class like any other"),
        (f, 1e6, many, "T → ∞: all alike"),
        (f, 1e-3, many, "T → 0: the top class every time"),
        (two, 1.0, 7, "more draws than classes"),
        (two, 1.0, 1, 0, "a single class is left"),
        (np.array([45.0, 0.5, 0.0]), 1.0, many, 0, "1 − q(positive) is 0 in float64"),
        (np.array([1e3, 0.5, 0.0]), 1.0, many, 0, "q of all but the positive is 0 in float64"),
        (np.linspace(-0.3, 0.3, 60), 1.0, 60, "as many draws as classes: some class comes twice"),
        (f, 1e10, many, 1, "T → ∞, and still the positive must not come"),
        (np.array([0.3]), 1.0, 2, 0, "nothing is left to draw"),
        (f, 1.0, 3, 4, "there is no class 4"),
        (f, 1.0, 3, -1, "there is no class −1: an index below 0 would count from the end"),
        (f, 0.0, 3, _NO_DIVISOR),
        (f, math.nan, 3, "NaN is not above 0"),
        *[(f, round(T, 2), many, int(rng.integers(len(f))), "") for f, T in drawn],
    ]
    return edges(*((*row[:3], Watched(np.random.PCG64(seed)), *row[3:]) for row in rows), atol=1e-9)


def _resting_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    drawn = [(rng.dirichlet(np.full(n, 3.0)) + 0.03, float(rng.uniform(0.4, 4))) for n in (2, 3, 4)]
    return edges(
        (np.array([0.8, 0.2]), 1.0, False, ""),
        (np.array([0.8, 0.2]), 1.0, True, ""),
        (P_D, 1.0, False, "at T = 1 the raw optimum is known in closed form"),
        (P_D, 0.5, False, ""),
        (P_D, 0.5, True, ""),
        (P_D, 1e4, False, "uniform draws need no correction"),
        (np.full(3, 1 / 3), 0.7, False, "equal data stay equal"),
        *[(pd / pd.sum(), round(T, 2), False, "") for pd, T in drawn],
        atol=6e-5,
    )


# The library on the same questions.


def _library_gradient(pd: np.ndarray, f: np.ndarray, q: np.ndarray, K: int, corrected: bool) -> Any:
    places = torch.cartesian_prod(*[torch.arange(len(f))] * (K + 1))
    positive, negatives = places[:, 0], places[:, 1:]
    logits, chances = torch.from_numpy(f).requires_grad_(), torch.from_numpy(q)
    ln_q = chances.log()
    log_q = {"log_q_pos": ln_q[positive], "log_q_neg": ln_q[negatives]} if corrected else {}
    loss = losses.info_nce(logits[positive], logits[negatives], temperature=1.0, reduction="none", **log_q)
    total = (torch.from_numpy(pd)[positive] * chances[negatives].prod(1)) @ loss
    return torch.autograd.grad(total, logits)[0]


def _library_sample(f: np.ndarray, T: float, K: int, rng: np.random.Generator, positive: Any = None) -> Any:
    if positive is not None and not 0 <= positive < len(f):
        raise ValueError(f"no class {positive}")
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    kept = np.arange(len(f)) if positive is None else np.delete(np.arange(len(f)), positive)
    ids, log_q = samplers.propose(f[kept], K, T, generator)
    return kept[ids.numpy()], log_q


EXERCISE = Exercise(
    "07",
    "let the model propose",
    (
        Question(
            "proposal(f, T)",
            proposal,
            None,
            "",
            _proposal_cases,
            PROPOSAL,
            (
                "Turn the logits into positive weights, then into shares. What does T do to the differences "
                "between logits when it is small, and when it is large?",
                "Only differences between logits count. So you may take one number from all of them, before "
                "the exponential: which number makes sure that nothing overflows?",
                "Refuse a T that is not above 0. Shift, divide by T, take exponentials, divide by their sum: "
                "in this order.",
            ),
        ),
        Question(
            "expected_gradient(pd, f, q, K, corrected)",
            expected_gradient,
            _library_gradient,
            "nslab.info_nce",
            _gradient_cases,
            GRADIENT,
            (
                "Forget the average at first. Fix a positive and K draws: K + 1 places, some of them perhaps "
                "with the same class. What is the gradient of this one loss with respect to the logits?",
                "Each place pushes its class by the softmax weight of the place among the K + 1, and the "
                "positive is pulled by 1. Which logits go into that softmax, and in how many places does the "
                "correction stand?",
                "`itertools.product` lists all positives with all sequences of draws. The chance of one is a "
                "product of K + 1 factors. Add chance times gradient, class by class, where repeated classes "
                "add up.",
            ),
        ),
        Question(
            "sample_negatives(f, T, K, rng, positive=None)",
            sample_negatives,
            _library_sample,
            "nslab.propose",
            _sample_cases,
            SAMPLE,
            (
                "`rng.choice` draws from given chances, with replacement. The rest is to know which chances "
                "they are, and to return their logarithms at the ids that came.",
                "With a positive, the others share all of the chance. Take the positive out before the "
                "softmax: afterwards its share may have swallowed everything.",
                "Keep a list of the classes that may come, take the softmax over their logits alone, draw "
                "places in that list, and look up ids and ln q there. Remember that 0 is a class, and None "
                "is not.",
            ),
            measure=measure,
        ),
        Question(
            "resting_point(pd, T, corrected)",
            resting_point,
            None,
            "",
            _resting_cases,
            RESTING,
            (
                "Walk: start with equal logits, and again and again renew q from them and take a step "
                "against your `expected_gradient` with K = 1. Where does softmax(f) stop?",
                "Or think: corrected, f − ln q stands in the softmax of the places, and the walk ends with f "
                "= ln p_d. Not corrected, f stands there alone: which f plays the same part?",
                "Not corrected, f must be ln p_d − ln q up to a constant, and ln q itself is f/T up to a "
                "constant. Solve for f, and make the result sum to 1.",
            ),
            rtol=1e-4,
            stretch=True,
        ),
    ),
)
