"""Exercise 07: the mistakes in `expected_gradient` that are known by name."""

from __future__ import annotations

import numpy as np

from nslab.practice._exercise import Case, Mutant
from nslab.practice._judgements import as_array
from nslab.practice._run import Outcome
from nslab.practice.exercises._07_model_proposes import mistakes_sums as sums
from nslab.practice.exercises._07_model_proposes.mistakes import OVERFLOW, not_finite


def _off_by_chance(case: Case, got: Outcome, own: Outcome) -> bool:
    """Further from the truth than rounding, nearer than a mistake in the formula."""
    value, right = as_array(got.value), as_array(own.value)
    if got.error is not None or value is None or right is None or value.shape != right.shape:
        return False
    return 2e-5 < float(np.abs(value - sums.right(*case.args)).max()) < 0.02


def _refused(case: Case, got: Outcome, own: Outcome) -> bool:
    """A ValueError of the learner's own, not that of the logarithm of 0."""
    of_math = ("math domain error", "expected a positive input")
    return isinstance(got.error, ValueError) and not str(got.error).startswith(of_math)


_RULE = (
    "You left out the draws that hit the positive. The rule of this exercise is to draw from all n classes,"
    " the positive among them: only then is K/(K+1) the factor at q = softmax(f). Other rules need other"
    " corrections."
)
_REPEATED = (
    "A class that fills two places gets the weight of one of them only: `g[ids] += w` adds once for each"
    " different id. Add place by place, or with `np.add.at`."
)
_ONE = (
    "Your negatives stand against the positive one by one, so K changes nothing but the scale. The K draws"
    " stand in one softmax, together with the positive."
)
GRADIENT = (
    Mutant(
        "+ ln q",
        sums.corrected_by(-1, -1),
        "The sign of the correction is wrong: popular negatives now count twice, once because they are drawn"
        " often and once because ln q raises their logits. Subtract it.",
    ),
    Mutant(
        "negatives only corrected",
        sums.corrected_by(0, 1),
        "You corrected the negatives only. With one negative from q = p_d, training would then end at √p_d in"
        " place of p_d. All K + 1 logits need it, the positive's too.",
    ),
    Mutant(
        "ln K q on the negatives only",
        sums.corrected_by(0, 1, per_draw=True),
        "ln(K q) on the negatives, nothing on the positive: that is the correction for draws that never hit"
        " the positive. Here they may, and all K + 1 logits need the same one.",
    ),
    Mutant(
        "positive only corrected",
        sums.corrected_by(1, 0),
        "You corrected the positive only. It is the negatives that are drawn too often or too seldom; all K +"
        " 1 logits need the correction.",
    ),
    Mutant(
        "gradient flows into q",
        sums.flows,
        "Your corrected gradient is 0 everywhere: ln q moved with f, so that f − ln q is the same constant"
        " for all classes. q is only where the draws came from: hold it fixed (in torch: detach it).",
    ),
    Mutant(
        "not corrected",
        sums.corrected_by(0, 0),
        "Your answer is the same with and without `corrected`: where it is True, ln q has to leave the"
        " logits.",
    ),
    Mutant(
        "always corrected",
        sums.always,
        "You subtract ln q also where `corrected` is False: the raw logits are asked for there.",
    ),
    Mutant(
        "flag reversed",
        sums.reversed_flag,
        "You correct where `corrected` is False, and not where it is True.",
    ),
    Mutant(
        "q for ln q",
        sums.ratio,
        "You subtracted q itself. A logit is a logarithm, so what is taken from it is a logarithm too.",
    ),
    Mutant(
        "uphill",
        sums.scaled(lambda n, K: -1.0),
        "The sign is reversed: this is the gradient of ln p, which rises. The gradient of the loss is"
        " negative at the positive.",
    ),
    Mutant(
        "pull missing",
        sums.push_only,
        "Only the push is there, and your gradient sums to 1. In each loss the positive is pulled by 1 too,"
        " so that the gradient sums to 0.",
    ),
    Mutant(
        "positive missing from the softmax",
        sums.changed(banned=sums.at_positive),
        "Your softmax runs over the K negatives only. The positive fills a place too: K + 1 weights sum to 1,"
        " and the pull fades as its own weight grows.",
    ),
    Mutant(
        "one logistic a place",
        sums.logistic,
        "You judged each place for itself, with a sigmoid, as word2vec and NCE do. Here the K + 1 places"
        " compete in one softmax.",
    ),
    Mutant("positive never drawn", sums.changed(banned=sums.hits), _RULE),
    Mutant("positive never drawn", sums.some_draws(lambda row: row[0] not in row[1:]), _RULE),
    Mutant("positive never drawn", sums.redrawn(own_rule=False), _RULE),
    Mutant("positive never drawn", sums.redrawn(own_rule=True), _RULE),
    Mutant(
        "without replacement",
        sums.some_draws(lambda row: len(set(row[1:])) == len(row) - 1),
        "Some draws are missing: those in which a negative comes twice. Draws are with replacement.",
    ),
    Mutant(
        "orders counted once",
        sums.some_draws(lambda row: list(row[1:]) == sorted(row[1:])),
        "You listed sets of draws, but 0 then 1 and 1 then 0 are two outcomes, each with the chance q(0)"
        " q(1). List sequences.",
    ),
    Mutant("repeated ids counted once", sums.changed(lost=sums.repeated), _REPEATED),
    Mutant(
        "repeated ids counted once",
        sums.changed(lost=lambda places: sums.repeated(places, first=1)),
        _REPEATED,
    ),
    Mutant(
        "repeated ids counted once",
        sums.changed(lost=lambda places: sums.repeated(places, first=1) | sums.hits(places)),
        _REPEATED,
    ),
    Mutant("repeated ids counted once", sums.pull_lost, _REPEATED),
    Mutant("one negative at a time", sums.one_negative(lambda K: 1.0), _ONE),
    Mutant("one negative at a time", sums.one_negative(lambda K: float(K)), _ONE),
    Mutant(
        "draws counted alike",
        sums.equal_draws,
        "Every sequence of draws counts the same in your mean. Its chance is the product of the q of its"
        " draws.",
    ),
    Mutant(
        "positives counted alike",
        sums.equal_positives,
        "Every positive counts the same in your mean. Class x is the positive with chance p_d(x).",
    ),
    Mutant(
        "p_d and q swapped",
        sums.swapped,
        "The positive comes from p_d and the negatives from q, not the reverse.",
    ),
    Mutant(
        "full softmax",
        sums.closed(lambda K: 1.0),
        "This is p − p_d, the gradient of the full softmax. That of K draws is shorter, and for most q it has"
        " another direction: sum over the draws.",
    ),
    Mutant(
        "K/(K+1) for every q",
        sums.closed(lambda K: K / (K + 1)),
        "K/(K+1) times p − p_d holds for q = softmax(f), corrected, and for nothing else. Sum over the"
        " draws.",
    ),
    Mutant(
        "mean over the draws",
        sums.scaled(lambda n, K: float(n) ** -(K + 1)),
        "A mean over all outcomes divides by their number, but their chances sum to 1 already: add them up.",
    ),
    Mutant(
        "divided by K",
        sums.scaled(lambda n, K: 1 / K),
        "Your gradient is K times too short: the K + 1 softmax weights sum to 1 already, so nothing is left"
        " to divide by.",
    ),
    Mutant("exp overflows", sums.overflowing, OVERFLOW, not_finite),
    Mutant(
        "q = 0 always refused",
        sums.hole_refused,
        "You refuse a class that is never drawn where nothing is to be corrected. There no ln q is needed:"
        " the class gets no push, and its pull if it is the positive.",
        _refused,
    ),
    Mutant(
        "0 times ln 0",
        sums.flag_times_ln,
        "A class with q = 0 has ln q = −∞, and 0 times that is NaN. Where nothing is to be corrected, take no"
        " logarithm.",
        not_finite,
    ),
    Mutant(
        "q = 0 not refused",
        sums.unrefused_hole,
        "A class that is never drawn cannot be corrected: its ln q is −∞. Raise ValueError, where you return "
        "NaN or go on without it.",
        lambda case, got, own: got.error is None,
    ),
    Mutant(
        "sampled, not summed",
        lambda pd, f, q, K, corrected: sums.right(pd, f, q, K, corrected) + 1e-3,
        "Your numbers are near, and off by chance. Nothing is to be drawn here: list every outcome once, with"
        " its chance.",
        _off_by_chance,
    ),
)
