"""What a diagnosis means: a sentence for each topic, and the one rule of advice that applies."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

Numbers = dict[str, Any]
TARGETS = (2, 10, 100, 1000)  # numbers of effective negatives for which τ is searched

CHAPTERS = {
    "01": "Learning by contrast",
    "02": "What makes a negative good",
    "03": "From triplets to InfoNCE",
    "04": "How many negatives",
    "05": "Temperature",
    "06": "Who proposes the negatives",
    "09": "Batches and memory",
}


class Rule(NamedTuple):
    """Advice for one topic: where `when` holds, `advice` is given.

    `tone` is "good", "look", "act" or "ask".
    """

    topic: str
    tone: str
    when: Callable[[Numbers], bool]
    advice: Callable[[Numbers], str]
    chapter: str


class Finding(NamedTuple):
    """One topic of the report: what was measured, and what to do about it."""

    topic: str
    tone: str
    measured: str
    advice: str


def number(value: float) -> str:
    """Three significant digits, and whole numbers from a thousand on."""
    return f"{value:,.0f}" if abs(value) >= 1000 or float(value).is_integer() else f"{value:.3g}"


def percent(value: float, error: float | None = None) -> str:
    """A share as a percentage, with its standard error where there is one."""
    return f"{number(100 * value)} %" if error is None else f"{100 * value:.1f} ± {100 * error:.1f} %"


def _margin(n: Numbers) -> float:
    return n["temperature"] * math.log(n["k"])


def _rank_share(n: Numbers) -> float:
    most = {"query": min(n["pairs"], n["dim"]), "key": min(n["keys"], n["dim"])}
    return min(n[f"effective_rank_{name}"] / size for name, size in most.items())


def _cosine(n: Numbers) -> float:
    return max(n["mean_cosine_query"], n["mean_cosine_key"])


def _lengths(n: Numbers) -> list[float]:
    return [n[f"{name}_length_{end}"] for name in ("query", "key") for end in ("min", "max")]


def _towards(n: Numbers, count: int) -> str:
    at = n[f"temperature_for_{count}"]
    return "" if at is None else f"; at τ = {number(at)}, {number(count)} would count"


def _unit(n: Numbers) -> bool:
    return all(abs(length - 1) <= 0.01 for length in _lengths(n))


def _tenth(n: Numbers) -> int:
    """The largest count of the table that is at most a tenth of K."""
    return max(count for count in TARGETS if count <= max(2, n["k"] / 10))


# The first rule of a topic that holds is the one that speaks. Why the thresholds stand where they do:
#   scores   0.5 of the negatives lie below the positive by chance alone; below 0.6 nothing has been learnt
#            yet. With less than 0.05 of the pull left, the loss moves the model twenty times less than at
#            the start. A pull above 0.5 is a positive with less than half of the weight.
#   count    Below 2, one negative has most of the push. Above K/2, the softmax hardly chooses.
#   false    Half of the push is most of it. Twice their share means that τ seeks them out, and 0.1 that it
#            matters.
#   repeats  A repeat scores as high as the positive, whose weight stays below 1/2: 0.05 puts that on one
#            anchor in twenty.
#   popular  A standard deviation of half the mean spreads ln q by about half a nat between ordinary items.
#   draws    0.05 is what a K for 95 % may miss. A promise of 0.95 that gives less than 0.9 misses twice as
#            many.
#   spread   A mean cosine of 0.9 leaves a tenth of the range to all differences, one of 0.5 half of it.
#   lengths  Up to 0.01 from 1 is the rounding of half precision: a cosine moves by 2 % at most.
RULES = (
    Rule("Scores", "act", lambda n: n["positive_wins"] < 0.6, lambda n:
        "The positives score hardly better than chance. Check first that row i of query and row i of key "
        "belong together.", "01"),
    Rule("Scores", "look", lambda n: n["pull"] < 0.05, lambda n:
        "The positive has nearly won, so these negatives hardly move the model. Harder ones would, and so "
        "would a higher τ.", "02"),
    Rule("Scores", "look", lambda n: n["gap_mean"] < _margin(n), lambda n:
        f"The gap is below τ ln K = {number(_margin(n))}, at which equal negatives leave the positive half "
        "of the weight: there is room to train.", "03"),
    Rule("Scores", "look", lambda n: n["pull"] > 0.5, lambda n:
        f"The gap is above τ ln K = {number(_margin(n))}, yet most of the pull is left: a few negatives far "
        "above the mean decide, so look at those.", "03"),
    Rule("Scores", "good", lambda n: True, lambda n:
        f"The gap is above τ ln K = {number(_margin(n))}, at which equal negatives leave the positive half "
        "of the weight.", "03"),
    Rule("Negatives that count", "good", lambda n: n["k"] <= 2, lambda n:
        "So few negatives leave τ nothing to choose between.", "05"),
    Rule("Negatives that count", "look", lambda n: n["effective_negatives"] < 2, lambda n:
        f"One negative takes most of the push, so a larger K buys little. Raise τ{_towards(n, 10)}.", "05"),
    Rule("Negatives that count", "look", lambda n: n["effective_negatives"] > n["k"] / 2, lambda n:
        "Nearly all negatives count alike, so the easy ones drown the hard ones. Lower "
        f"τ{_towards(n, _tenth(n))}, and watch the push on false negatives.", "05"),
    Rule("Negatives that count", "good", lambda n: True, lambda n:
        "τ chooses among the negatives without leaving all to one. When the scale of the scores changes, "
        "keep this count, not τ.", "05"),
    Rule("False negatives", "ask", lambda n: n["false_share"] is None, lambda n:
        "Pass labels or ids to learn how many negatives belong with their anchor.", "02"),
    Rule("False negatives", "good", lambda n: n["false_share"] == 0, lambda n:
        "By these labels or ids no negative belongs with its anchor, so there is nothing to mask.", "02"),
    Rule("False negatives", "act", lambda n: n["false_push"] >= 0.5, lambda n:
        "Most of the push drives anchors away from their own kind. Mask those keys, or raise τ.", "05"),
    Rule("False negatives", "look", lambda n: n["false_push"] >= max(0.1, 2 * n["false_share"]), lambda n:
        f"They get {number(n['false_push'] / n['false_share'])} times the push that their number explains. A "
        "higher τ lowers it; a mask ends it.", "05"),
    Rule("False negatives", "good", lambda n: True, lambda n:
        "τ does not single them out. They flatten the top of the scores, but they leave the best ranking as "
        "it is.", "02"),
    Rule("Repeats", "look", lambda n: n["repeats"] >= 0.05 and (n["popularity_cv"] or 0) >= 0.5, lambda n:
        "A repeat keeps its positive below half of the weight. Mask repeats if scores are similarities; "
        "keep them if you correct by log q.", "09"),
    Rule("Repeats", "look", lambda n: n["repeats"] >= 0.05, lambda n:
        "A repeat keeps its positive below half of the weight. Pass ids to the loss, which then masks "
        "repeats.", "09"),
    Rule("Repeats", "look", lambda n: n["copies"] > 0 and n["items"] == n["pairs"] == n["keys"], lambda n:
        "Equal vectors have different ids here: an item stored twice is a false negative that no mask "
        "finds.", "09"),
    Rule("Repeats", "good", lambda n: True, lambda n:
        "Repeats are rare at this K, so a mask would change little.", "09"),
    Rule("Popularity", "ask", lambda n: n["items"] is None, lambda n:
        "Pass ids to learn how uneven popularity is, and whether log q is due.", "06"),
    Rule("Popularity", "ask", lambda n: n["items"] == n["pairs"], lambda n:
        "No item comes twice, so these rows cannot show popularity. Count over the whole training set.",
            "06"),
    Rule("Popularity", "look", lambda n: n["popularity_cv"] >= 0.5, lambda n:
        "Borrowed negatives divide popularity out. If scores must say what is likely, log q is due, on "
        "every logit and the positive's too; if they are similarities, leave it out.", "09"),
    Rule("Popularity", "good", lambda n: True, lambda n:
        "Popularity is nearly even, so log q is not due: it would move all logits by about the same.", "06"),
    Rule("K for a hard negative", "look", lambda n: n["k_median"] is None, lambda n:
        "Most anchors have no hard negative among these keys, so neither draws nor mining finds one here: "
        "widen the pool.", "04"),
    Rule("K for a hard negative", "look", lambda n: n["k_p90"] is None, lambda n:
        "More draws cannot serve nine anchors in ten: some have no hard negative here. Plan by anchor, not "
        "by the mean ρ.", "04"),
    Rule("K for a hard negative", "look", lambda n: n["k"] < n["k_p90"], lambda n:
        f"Nine anchors in ten need K = {number(n['k_p90'])}, more than yours. Plan by anchor, not by the "
        "mean ρ.", "04"),
    Rule("K for a hard negative", "good", lambda n: True, lambda n:
        "Your K serves nine anchors in ten. More draws would find a hard negative for few others.", "04"),
    Rule("Spread", "act", lambda n: _cosine(n) >= 0.9, lambda n:
        "The vectors are collapsing onto one direction. Check that the negatives reach the loss and that "
        "their gradient arrives.", "01"),
    Rule("Spread", "look", lambda n: _cosine(n) >= 0.5, lambda n:
        "The vectors share a direction. It cancels in the loss, but it leaves less room for the gaps that "
        "count.", "01"),
    Rule("Spread", "look", lambda n: _rank_share(n) < 0.1, lambda n:
        "The vectors use few of their dimensions: a sign of partial collapse, or of vectors that are too "
        "long for these data.", "01"),
    Rule("Spread", "good", lambda n: True, lambda n: "There is no sign of collapse.", "01"),
    Rule("Lengths", "look", lambda n: not _unit(n), lambda n:
        "These scores are not cosines. Normalise first if they should be; τ is in the unit of the scores.",
            "05"),
    Rule("Lengths", "good", lambda n: True, lambda n:
        "The scores are cosines, and τ is in their unit.", "05"),
)  # fmt: skip


def _scores(n: Numbers) -> str:
    return (
        f"Positives score {number(n['positive_mean'])} on average, negatives {number(n['negative_mean'])} (sd"
        f" {number(n['negative_sd'])}). The gap is {number(n['gap_mean'])} ± {number(n['gap_error'])}; its sd"
        f" over anchors is {number(n['gap_sd'])}. A positive beats"
        f" {percent(n['positive_wins'], n['positive_wins_error'])} of its negatives. {percent(n['pull'])} of"
        " the pull is left."
    )


def _effective(n: Numbers) -> str:
    count, low, high = (number(n[f"effective_negatives{end}"]) for end in ("", "_p10", "_p90"))
    taus = [(target, n[f"temperature_for_{target}"]) for target in TARGETS]
    table = ", ".join(f"{number(target)} at τ = {number(tau)}" for target, tau in taus if tau is not None)
    few = (
        ""
        if n["temperature_anchors"] == n["anchors"]
        else f" (median of {number(n['temperature_anchors'])} anchors)"
    )
    return (
        f"{count} of {number(n['k'])} count at τ = {number(n['temperature'])} for the median anchor, {low} to"
        f" {high} for eight anchors in ten." + (f" There would be {table}{few}." if table else "")
    )


def _false(n: Numbers) -> str:
    if n["false_share"] is None:
        return "Unknown."
    cap = (
        "" if n["logit_cap"] is None else f" The best logit stops at ln(1/π) = {number(n['logit_cap'])} nats."
    )
    push = percent(n["false_push"], n["false_push_error"])
    return f"π = {percent(n['false_share'])} of the negatives are false. They get {push} of the push.{cap}"


def _repeats(n: Numbers) -> str:
    by = "equal vectors" if n["items"] is None else "ids"
    return (
        f"Of an anchor's {number(n['k'])} negatives, {number(n['repeats'])} are its own positive again, on"
        f" average (by {by}). {number(n['copies'])} of {number(n['keys'])} keys equal an earlier key."
    )


def _popularity(n: Numbers) -> str:
    if n["items"] is None:
        return "Unknown."
    return (
        f"{number(n['pairs'])} pairs hold {number(n['items'])} items. The commonest has"
        f" {percent(n['top_item_share'])} of the pairs. The sd of popularity is {number(n['popularity_cv'])}"
        " times its mean."
    )


def _draws(n: Numbers) -> str:
    def k(name: str) -> str:
        return "no K" if n[name] is None else f"K = {number(n[name])}"

    mean = (
        ""
        if n["k_mean"] is None
        else (
            f" The mean ρ = {percent(n['hard_share'])} promises 95 % at {k('k_mean')}, which gives"
            f" {percent(n['chance_k_mean'])}."
        )
    )
    return (
        "A negative is hard here if it is at most τ below the positive and not known to be false. For a"
        f" 95 % chance of one, {k('k_median')} is enough for the median anchor, {k('k_p90')} for nine in ten."
        f" {percent(n['without_hard'])} of the anchors have none. Your K = {number(n['k'])} gives"
        f" {percent(n['chance_k'])}.{mean}"
    )


def _spread(n: Numbers) -> str:
    return (
        f"The mean cosine of two queries is {number(n['mean_cosine_query'])}, of two keys"
        f" {number(n['mean_cosine_key'])}. The effective ranks are {number(n['effective_rank_query'])} and"
        f" {number(n['effective_rank_key'])} of {number(n['dim'])} dimensions."
    )


def _length(n: Numbers) -> str:
    if _unit(n):
        return "All lengths are 1, within 0.01."
    ends = [number(length) for length in _lengths(n)]
    return f"Queries have lengths from {ends[0]} to {ends[1]}, keys from {ends[2]} to {ends[3]}."


TOPICS = {
    "Scores": _scores,
    "Negatives that count": _effective,
    "False negatives": _false,
    "Repeats": _repeats,
    "Popularity": _popularity,
    "K for a hard negative": _draws,
    "Spread": _spread,
    "Lengths": _length,
}


def findings(n: Numbers) -> list[Finding]:
    """One for each topic, in the order of the report."""
    found = []
    for topic, measured in TOPICS.items():
        rule = next(rule for rule in RULES if rule.topic == topic and rule.when(n))
        where = f"Chapter {rule.chapter}, {CHAPTERS[rule.chapter]}."
        found.append(Finding(topic, rule.tone, measured(n), f"{rule.advice(n)} {where}"))
    return found


def heading(n: Numbers) -> str:
    """The input, and whether its anchors are a sample."""
    extra = f" and {number(n['keys'] - n['pairs'])} keys more" if n["keys"] > n["pairs"] else ""
    sampled = (
        "Every anchor was measured"
        if n["anchors"] == n["pairs"]
        else f"Sampled: {number(n['anchors'])} random anchors were measured, each against all keys"
    )
    return (
        f"{number(n['pairs'])} pairs{extra}, {number(n['dim'])} dimensions, τ = {number(n['temperature'])}, K"
        f" = {number(n['k'])}. {sampled}; ± is a standard error over anchors."
    )


def report(n: Numbers) -> str:
    """The whole diagnosis as plain text, a hundred columns wide."""
    wrap = partial(textwrap.fill, width=100, subsequent_indent="  ")
    blocks = [
        f"{f.topic}"
        f" [{f.tone}]\n{wrap(f.measured, initial_indent='  ')}\n{wrap(f'→ {f.advice}', initial_indent='  ')}"
        for f in findings(n)
    ]
    return "\n".join([textwrap.fill(heading(n), width=100), *blocks])
