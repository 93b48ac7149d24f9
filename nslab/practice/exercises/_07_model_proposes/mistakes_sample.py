"""Exercise 07: the mistakes in `sample_negatives` that are known by name."""

from __future__ import annotations

import math

import numpy as np

from nslab.practice._exercise import Mutant
from nslab.practice.exercises._07_model_proposes import samples
from nslab.practice.exercises._07_model_proposes.mistakes import not_finite

_ALIKE = "All classes come equally often: the draws do not ask the model. Give the chances to the draw too."
_HARDEST = (
    "You took the classes with the highest logits. A proposal draws: each class comes with its chance, the"
    " top one only more often."
)
_LATE = (
    "The positive held nearly all of q, so what you divide by is 0 in floating point. Take it out before the"
    " softmax, not after."
)
SAMPLE = (
    Mutant(
        "positive drawn",
        samples.any_class,
        "The positive is among your draws, though it was given to be left out. Then the others share its"
        " chance, and ln q has to say so.",
        samples.alike,
    ),
    Mutant(
        "class 0 taken for None",
        samples.if_positive,
        "Class 0 was the positive, and you drew it: `if positive` is False for 0 as it is for None. Ask `is"
        " not None`.",
        samples.alike,
    ),
    Mutant(
        "ln q of all classes",
        samples.reported(lambda f, T, kept: samples.log_softmax(f / T)),
        "The positive is out, but your ln q still gives it a share. The classes that are left are drawn more"
        " often: their q sums to 1 without it.",
        samples.alike,
    ),
    Mutant(
        "temperature ignored",
        samples.drawn_by(lambda f, T: f, honest=True),
        "Your draws do not depend on T: they come from softmax(f), where softmax(f/T) is asked for.",
        samples.alike,
    ),
    Mutant(
        "temperature ignored in ln q",
        samples.reported(lambda f, T, kept: samples.own_softmax(f, kept)),
        "The draws come from softmax(f/T), but your ln q is that of softmax(f). It has to be the one that was"
        " drawn from.",
        samples.alike,
    ),
    Mutant(
        "temperature ignored in the draws",
        samples.drawn_by(lambda f, T: f, honest=False),
        "Your ln q is that of softmax(f/T), but the draws come from softmax(f).",
        samples.alike,
    ),
    Mutant(
        "multiplied by T",
        samples.drawn_by(lambda f, T: f * T, honest=True),
        "A large T must make all classes alike, yours sharpens: divide the logits by T.",
        samples.alike,
    ),
    Mutant(
        "uniform draws", samples.drawn_by(lambda f, T: np.zeros_like(f), honest=False), _ALIKE, samples.alike
    ),
    Mutant(
        "uniform draws", samples.drawn_by(lambda f, T: np.zeros_like(f), honest=True), _ALIKE, samples.alike
    ),
    Mutant(
        "q for ln q",
        samples.reported(lambda f, T, kept: np.exp(samples.own_softmax(f / T, kept))),
        "The second part is q. Its logarithm is asked for, which is never above 0.",
        samples.alike,
    ),
    Mutant(
        "logit for ln q",
        samples.reported(lambda f, T, kept: f / T),
        "The second part is f/T. A log-probability has the logarithm of the sum taken away, so that q sums"
        " to 1.",
        samples.alike,
    ),
    Mutant(
        "logit for ln q",
        samples.reported(lambda f, T, kept: f),
        "The second part is f. A log-probability is f/T with the logarithm of the sum taken away, so that q"
        " sums to 1.",
        samples.alike,
    ),
    Mutant(
        "ln K q for ln q",
        samples.plus_ln_k,
        "ln K is added to your ln q. Asked for is the chance of one draw; a loss that needs ln(K q) adds it"
        " itself.",
        samples.alike,
    ),
    Mutant(
        "sign of ln q",
        samples.reported(lambda f, T, kept: -samples.own_softmax(f / T, kept)),
        "The sign of ln q is reversed: the logarithm of a chance is never above 0.",
        samples.alike,
    ),
    Mutant(
        "drawn, then dropped",
        samples.dropped,
        "You dropped the draws that hit the positive, so fewer than K came back. Draw from the classes that"
        " are left.",
        samples.fewer,
    ),
    Mutant(
        "without replacement",
        samples.distinct,
        "No class comes twice in your sample, so K cannot exceed their number. Draws are independent: with"
        " replacement.",
        lambda case, got, own: isinstance(got.error, ValueError) if own.error else False,
    ),
    Mutant(
        "without replacement",
        samples.distinct_if_possible,
        "Where the classes suffice, none comes twice in your sample. Draws are independent: with replacement,"
        " whatever K is.",
        samples.alike,
    ),
    Mutant("hardest only", samples.hardest, _HARDEST, samples.each_once),
    Mutant("hardest only", samples.top_only, _HARDEST, samples.alike),
    Mutant(
        "one draw repeated",
        samples.one_draw,
        "You drew once and returned it K times. Each of the K draws has its own chance.",
        samples.one_class,
    ),
    Mutant(
        "sorted",
        samples.sorted,
        "Equal ids stand side by side in your sample. Draws are independent: what came before says nothing"
        " about what comes next, and whoever cuts the sample into batches must get fair ones.",
        samples.alike,
    ),
    Mutant(
        "another generator",
        samples.own_generator,
        "The numbers did not come from `rng`, so that whoever calls you can neither repeat the draws nor get"
        " other ones. Take all chance from `rng`.",
        samples.alike,
    ),
    Mutant(
        "logit 0 for the positive",
        samples.masked_by(0.0),
        "You set the positive's logit to 0, which is a logit like any other: it weighs e⁰ = 1. What must not"
        " come needs the weight 0.",
        samples.alike,
    ),
    Mutant(
        "a low logit for the positive",
        samples.masked_by(-1e9),
        "You gave the positive a very low logit. Divided by a large T it is low no more, and the positive"
        " comes back. Only −∞ stays low at every T; or leave the class out.",
        samples.alike,
    ),
    Mutant(
        "bits",
        samples.reported(lambda f, T, kept: samples.own_softmax(f / T, kept) / math.log(2)),
        "Your logarithms have the base 2. ln q is in nats: the natural logarithm.",
        samples.alike,
    ),
    Mutant(
        "places for ids",
        samples.places_for_ids,
        "You returned places in the list of the classes that are left, instead of the classes at those"
        " places.",
        samples.alike,
    ),
    Mutant("renormalised too late", samples.late(lambda q, i: np.delete(q, i).sum()), _LATE, not_finite),
    Mutant("renormalised too late", samples.late(lambda q, i: 1 - q[i]), _LATE, not_finite),
    Mutant(
        "no such class",
        samples.negative_index,
        "There is no such class: raise ValueError. An index below 0 counts from the end in Python, and a"
        " class that nobody meant is left out.",
        lambda case, got, own: got.error is None or isinstance(got.error, IndexError),
    ),
)
