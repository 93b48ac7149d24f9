"""Chapter 15: matching by runs, survivors and holes, against brute force.

The published values and the claims of its figures are tested too.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar

from nslab import datasets, hit_probability, smallest_k
from nslab.explain import ContiguousMatch, WordVeto
from nslab.explain.contiguous_match import ONE_IN, RS

# --- matching in r contiguous letters


def markov(length: int, r: int, m: int) -> float:
    """P(match) from another side: powers of a transition matrix.

    The state is the length of the present run, and r absorbs.
    """
    step = np.zeros((r + 1, r + 1))
    step[:r, 0] = 1 - 1 / m
    step[np.arange(r), np.arange(1, r + 1)] = 1 / m
    step[r, r] = 1
    return float(np.linalg.matrix_power(step, length)[0, r])


@pytest.mark.parametrize(("length", "m"), [(8, 2), (13, 3), (32, 2), (64, 2), (64, 60), (9, 20)])
def test_the_exact_chance_is_that_of_a_markov_chain(length: int, m: int) -> None:
    result = ContiguousMatch().at(length=length, m=m)
    wanted = [markov(length, r, m) if r <= length else 0.0 for r in RS.tolist()]
    assert result.exact == pytest.approx(wanted, rel=1e-9, abs=0)


def test_the_exact_chance_is_the_count_over_all_pairs() -> None:
    agreements = ["".join(bits) for bits in itertools.product("01", repeat=10)]
    exact = ContiguousMatch().at(length=10, m=2).exact
    for r in range(1, 11):
        share = sum("1" * r in bits for bits in agreements) / 1024
        assert exact[r - 1] == pytest.approx(share, rel=1e-12)


def test_published_and_audited_values() -> None:
    result = ContiguousMatch().at(length=32, m=2)
    assert result.formula[7] == pytest.approx(0.05078, abs=5e-6)
    assert result.exact[7] == pytest.approx(0.05020, abs=5e-6)
    assert result.formula[3] == pytest.approx(0.9375, rel=1e-12)
    assert result.exact[3] == pytest.approx(0.6647, abs=5e-5)
    assert result.formula[3] / result.exact[3] - 1 == pytest.approx(0.41, abs=0.005)


@pytest.mark.parametrize(("length", "m"), [(8, 2), (9, 2), (32, 2), (33, 5), (50, 2)])
def test_the_formula_is_never_too_small_and_exact_from_half_the_length(length: int, m: int) -> None:
    result = ContiguousMatch().at(length=length, m=m)
    for r in range(1, min(length, 28) + 1):
        exact, formula = result.exact[r - 1], result.formula[r - 1]
        if 2 * r >= length:
            assert formula == pytest.approx(exact, rel=1e-12)
        else:
            assert formula > exact


def test_the_formula_is_the_expected_number_of_runs() -> None:
    for r in (1, 2, 4):
        runs = [
            sum(len(run) >= r for run in "".join(bits).split("0"))
            for bits in itertools.product("01", repeat=10)
        ]
        assert ContiguousMatch().at(length=10, m=2).formula[r - 1] == pytest.approx(sum(runs) / 1024)


@pytest.mark.parametrize("n_self", [1, 50, 10_000])
def test_one_match_in_as_many_as_there_are_self_strings_is_best(n_self: int) -> None:
    best = minimize_scalar(lambda x: -math.exp(x) * (1 - math.exp(x)) ** n_self, bounds=(-14, -0.01))
    assert math.exp(best.x) == pytest.approx(1 / (n_self + 1), rel=1e-3)
    result = ContiguousMatch().at(n_self=n_self)
    assert result.useful.max() == result.useful[result.best - 1] <= 1 + 1e-12
    assert result.survive == pytest.approx((1 - result.exact) ** n_self, abs=1e-12)


def test_the_hump_peaks_one_beyond_the_handle() -> None:
    scene = ContiguousMatch()
    for n_self in (1, 50, 10_000):
        moves = scene.scene(scene.at(n_self=n_self))
        peak = ONE_IN[moves["hump"]["y"].argmax()]
        assert peak == pytest.approx(n_self + 1, rel=0.1)
        r = scene.at(n_self=n_self).best
        assert moves["dots"]["x"][r - 1] == pytest.approx(1 / scene.at(n_self=n_self).exact[r - 1])


@pytest.mark.parametrize(("length", "m", "n_self"), [(32, 2, 10), (64, 2, 1), (20, 7, 100), (8, 60, 10**6)])
def test_the_runs_are_where_the_letters_agree(length: int, m: int, n_self: int) -> None:
    scene = ContiguousMatch()
    result = scene.at(length=length, m=m, n_self=n_self)
    moves, (detector, *self_strings) = scene.scene(result), result.letters.tolist()
    roles = moves["letters"]["role"].reshape(4, length)
    drawn = 0
    for i, letters in enumerate(self_strings, 1):
        same = "".join("x" if a == b else " " for a, b in zip(detector, letters, strict=True))
        runs = [len(run) for run in same.split()]
        drawn += len(runs)
        hits = sum(run for run in runs if run >= result.best)
        assert (roles[i] == "hard").sum() == hits and (roles[i] == "semi_hard").sum() == sum(runs) - hits
        assert moves[f"run{i}"]["text"].startswith(f"longest run {max(runs, default=0)}:")
        assert moves[f"run{i}"]["text"].endswith("deletes it") == (hits > 0)
    assert np.isfinite(moves["runs"]["x"]).sum() == drawn


def test_at_the_best_about_sixty_three_percent_are_deleted() -> None:
    assert hit_probability(1 / 100_001, 100_000) == pytest.approx(1 - 1 / math.e, abs=1e-5)


# --- words: everything against one detector at a time


@pytest.fixture(scope="module")
def lists() -> dict[str, list[str]]:
    return {
        code: [w for w in datasets.words(code, 25_000) if len(w) == 6][:3000] for code in ("en", "fr", "pl")
    }


SELF = ["banana", "cabana", "canada", "papaya", "ananas"]


def code(letters: str) -> int:
    return sum((ord(x) - 97) * 26**i for i, x in enumerate(reversed(letters)))


@pytest.mark.parametrize("n", [1, 40, 1000])
def test_survivors_and_matchers_one_by_one(n: int) -> None:
    """Words of four letters, so that all 26⁴ detectors can be tried; self is drawn from nine letters."""
    generator = np.random.default_rng(0)
    own = ["".join(x) for x in generator.choice(list("abcdefghi"), (1000, 4))]
    others = ["".join(x) for x in generator.choice(list("abcdefghijk"), (60, 4))]
    result = WordVeto(own, {"others": others}).at(n=n)
    head, tail = np.divmod(np.arange(26**4), 26)[0], np.arange(26**4) % 26**3
    kept = ~np.isin(head, [code(w[:3]) for w in own[:n]]) & ~np.isin(tail, [code(w[1:]) for w in own[:n]])
    assert result.survive == pytest.approx(kept.mean(), rel=1e-12)
    for word, rho in zip(others, result.rho[0], strict=True):
        caught_by = kept & ((head == code(word[:3])) | (tail == code(word[1:])))
        assert rho * 26**4 == pytest.approx(caught_by.sum(), abs=1e-6)


def test_what_a_word_would_catch_is_what_it_deletes_when_shown(lists: dict[str, list[str]]) -> None:
    shown = lists["en"][:1000]
    for n in (1, 30, 700):
        veto = WordVeto(shown, {"next": [shown[n]]})
        drop = veto.at(n=n).survive - veto.at(n=n + 1).survive
        assert veto.at(n=n).rho[0][0] == pytest.approx(drop, rel=1e-6, abs=1e-14)


def test_generating_and_deleting_gives_the_exact_share(lists: dict[str, list[str]]) -> None:
    shown = lists["en"][:1000]
    drawn = np.random.default_rng(0).integers(0, 26, (100_000, 6)) @ 26 ** np.arange(5, -1, -1)
    kept = np.ones(len(drawn), dtype=bool)
    for i in range(4):
        kept &= ~np.isin(drawn // 26 ** (3 - i) % 26**3, [code(word[i : i + 3]) for word in shown])
    assert WordVeto(shown, {"self": shown[:1]}).at(n=1000).survive == pytest.approx(kept.mean(), abs=0.004)


def test_a_hole_is_made_of_windows_of_self() -> None:
    """canana was never shown; each of its windows stands at the same place in canada or banana."""
    veto = WordVeto(
        (SELF * 200)[:1000], {"self": SELF, "hole": ["canana"], "strangers": ["zzzzzz", "banjos"]}
    )
    assert veto.holes(veto.at(n=1000)) == [1, 1, 0]


def test_a_words_windows_are_those_that_self_has(lists: dict[str, list[str]]) -> None:
    shown = lists["en"][:1000]
    veto = WordVeto(shown, {"en": lists["en"][1000:1600], "pl": lists["pl"]})
    for n in (1, 200, 1000):
        for word in list(veto._places)[::17]:
            result = veto.at(n=n, word=word)
            for i, (having, witness) in enumerate(zip(result.having, result.witness, strict=True)):
                own = [w for w in shown[:n] if w[i : i + 3] == word[i : i + 3]]
                assert having == len(own) and witness == (own[0] if own else None)
            assert (result.left == 0) == all(result.having)
            group, place = veto._places[word]
            assert result.left == pytest.approx(result.rho[group][place] / result.match)


def test_tiles_are_grey_where_self_has_the_window_and_the_dots_of_holes_are_marked() -> None:
    veto = WordVeto((SELF * 200)[:1000], {"hole": ["canana"], "strangers": ["zzzzzz", "banjos"]})
    assert veto.controls["word"].values == ["canana", "zzzzzz", "banjos"]
    for word, grey in (("canana", [1, 1, 1, 1]), ("zzzzzz", [0, 0, 0, 0]), ("banjos", [1, 0, 0, 0])):
        moves = veto.scene(veto.at(n=1000, word=word))
        for i, own in enumerate(grey):
            green, faint = (moves[f"{role}{i}"]["high"][0] for role in ("positive", "faint"))
            assert (faint > green) == bool(own)
        assert moves["words"]["role"].tolist() == ["hard", "negative", "negative"]
        assert moves["verdict"]["text"].startswith("A hole") == (word == "canana")
        assert [moves[f"holes{i}"]["text"] for i in range(2)] == ["100%", "0%"]


def test_any_word_can_be_tried_and_gets_a_row_of_its_own() -> None:
    """canana is in no list, and banjos is: it is only shown first."""
    groups = {"self": SELF, "strangers": ["zzzzzz", "banjos"]}
    yours = WordVeto((SELF * 200)[:1000], groups, word="canana")
    result = yours.at(n=1000)
    assert result.word == "canana" and result.left == 0 and all(result.having)
    rows = yours.stage().panels["words"].y.ticks  # type: ignore[union-attr]
    assert list(rows.values()) == ["self", "strangers", "your word"]
    assert "your word" not in yours.summary(result) and "canana: 0 of its matchers left" in yours.summary(
        result
    )
    known = WordVeto((SELF * 200)[:1000], groups, word="banjos")
    rows = known.stage().panels["words"].y.ticks  # type: ignore[union-attr]
    assert known.at().word == "banjos" and len(rows) == 2
    with pytest.raises(ValueError, match="word must hold words of 6 letters a to z, got 'Banana'"):
        WordVeto((SELF * 200)[:1000], groups, word="Banana")


def test_words_to_pick_are_spread_over_each_list(lists: dict[str, list[str]]) -> None:
    words = WordVeto(lists["en"][:1000], {"en": lists["en"], "fr": lists["fr"][:10]}).controls["word"].values
    assert words[:4] == [lists["en"][0], lists["fr"][0], lists["en"][50], lists["fr"][1]]
    assert len(words) == len(set(words)) and set(lists["en"][::50]) <= set(words) <= {
        *lists["en"][::50],
        *lists["fr"][:10],
    }


def test_the_chance_of_a_match_is_that_of_the_other_explainer() -> None:
    veto = WordVeto((SELF * 200)[:1000], {"self": SELF})
    assert veto.at(n=1).match == pytest.approx(markov(6, 3, 26), rel=1e-12)


# --- what the figures claim, on other splits than the chapter's


def veto_of(lists: dict[str, list[str]], seed: int) -> WordVeto:
    order = np.random.default_rng(100 + seed).permutation(3000)
    own = [lists["en"][i] for i in order]
    known = set(own)
    groups = {"shown": own[:1000], "English": own[1000:2000]}
    groups |= {code: [w for w in lists[code] if w not in known] for code in ("fr", "pl")}
    return WordVeto(own[:1000], groups)


def above(x: np.ndarray, y: np.ndarray) -> float:
    """P(y > x) + ½ P(y = x)."""
    pooled = np.sort(x)
    return float((np.searchsorted(pooled, y) + np.searchsorted(pooled, y, side="right")).mean() / 2 / len(x))


@pytest.mark.parametrize("seed", range(5))
def test_unseen_english_is_spared_more_than_french_and_polish(lists: dict[str, list[str]], seed: int) -> None:
    veto = veto_of(lists, seed)
    result = veto.at(n=1000)
    shown, english, french, polish = veto.holes(result)
    assert shown == 1
    assert 0.15 < english < 0.27 and english > french > 0.08 and polish < 0.05
    rho = result.rho
    half = len(rho[1]) // 2
    assert above(rho[1][:half], rho[1][half:]) == pytest.approx(0.5, abs=0.05)
    assert 0.53 < above(rho[1], rho[2]) < 0.65 and 0.75 < above(rho[1], rho[3]) < 0.87
    assert result.survive > result.promised + 0.05


def test_holes_in_unseen_english_come_from_pieces_that_words_share(lists: dict[str, list[str]]) -> None:
    rng = np.random.default_rng(0)
    order = rng.permutation(3000)
    own, unseen = ([lists["en"][i] for i in part] for part in (order[:1000], order[1000:2000]))
    mixed = [
        "".join(word)
        for word in zip(*(rng.permutation(list(c)) for c in zip(*own, strict=True)), strict=True)
    ]
    (spared,), (without,) = (
        veto.holes(veto.at(n=1000)) for veto in (WordVeto(x, {"en": unseen}) for x in (own, mixed))
    )
    assert spared > 0.15 and without < 0.07


def test_alike_chances_promise_fewer_misses_than_there_are(lists: dict[str, list[str]]) -> None:
    for rho in veto_of(lists, 0).at(n=1000).rho[1:]:
        caught = np.asarray(hit_probability(rho, 30_000)).mean()
        assert caught < float(hit_probability(float(rho.mean()), 30_000)) - 0.02


def test_planet_becomes_a_hole_by_the_words_that_the_chapter_names(lists: dict[str, list[str]]) -> None:
    order = torch.randperm(3000, generator=torch.Generator().manual_seed(0)).tolist()
    shown = [lists["en"][i] for i in order[:1000]]
    result = WordVeto(shown, {"en": lists["en"]}, word="planet").at(n=1000)
    assert "planet" not in shown and result.witness == ["plated", "glance", "leaned", "magnet"]
    assert result.left == 0


def windows_known(own: list[str], words: list[str], r: int) -> np.ndarray:
    """(words, places): how many of the own words have the window."""
    places = range(len(words[0]) - r + 1)
    return np.array([[sum(o[i : i + r] == w[i : i + r] for o in own) for i in places] for w in words])


@pytest.mark.parametrize(("r", "low", "high"), [(1, 0.08, 0.35), (3, -0.02, 0.06)])
def test_counting_gains_most_where_windows_are_short(
    lists: dict[str, list[str]], r: int, low: float, high: float
) -> None:
    order = np.random.default_rng(7).permutation(3000)
    own = [lists["en"][i] for i in order[:400]]
    groups = (
        [lists["en"][i] for i in order[1000:1200]],
        [w for w in lists["pl"][:220] if w not in lists["en"]],
    )
    known = [windows_known(own, group, r) for group in groups]
    delete = above(*[(c == 0).sum(1) for c in known])
    count = above(*[-np.log(c + 0.5).sum(1) for c in known])
    assert low < count - delete < high and count > 0.6


def test_deleting_is_better_between_german_and_dutch() -> None:
    german, dutch = ([w for w in datasets.words(code, 25_000) if len(w) == 6][:3000] for code in ("de", "nl"))
    order = np.random.default_rng(11).permutation(3000)
    own = [german[i] for i in order[:1000]]
    new = [w for w in dutch if w not in set(german)][:1000]
    times = Counter((i, word[i : i + 3]) for word in own for i in range(4))
    unseen = [german[i] for i in order[1000:2000]]
    known = [np.array([[times[i, w[i : i + 3]] for i in range(4)] for w in group]) for group in (unseen, new)]
    delete = above(*[(c == 0).sum(1) for c in known])
    count = above(*[-np.log(c + 0.5).sum(1) for c in known])
    assert count < delete


def test_windows_left_order_words_as_the_exact_count_does(lists: dict[str, list[str]]) -> None:
    veto = WordVeto(lists["en"][:1000], {"en": lists["en"][1000:1600], "pl": lists["pl"][:600]})
    rho = veto.at(n=1000).rho
    left = [(windows_known(lists["en"][:1000], g, 3) == 0).sum(1) for g in (lists["en"][1000:1060],)]
    assert ((rho[0][:60] == 0) == (left[0] == 0)).all()
    assert np.corrcoef(rho[0][:60], left[0])[0, 1] > 0.98


# --- the thymus


def test_the_odds_of_deletion() -> None:
    wanted = {1000: 0.095, 10_000: 0.632, 100_000: 0.99995}
    for k, deleted in wanted.items():
        assert float(hit_probability(1e-4, k)) == pytest.approx(deleted, abs=5e-4)
    assert (smallest_k(1e-4, Fraction(1, 2)), smallest_k(1e-4, Fraction(2, 3))) == (6932, 10_986)


def test_uneven_odds_delete_fewer() -> None:
    """z² has the Laplace transform (1 + 2s)^−½."""
    z = np.random.default_rng(0).standard_normal(100_000)
    for k, deleted in ((10_000, 1 - 3**-0.5), (100_000, 1 - 21**-0.5)):
        assert float(np.asarray(hit_probability(1e-4 * z**2, k)).mean()) == pytest.approx(deleted, abs=0.005)
        assert deleted < float(hit_probability(1e-4, k)) - 0.2


def test_shares_of_the_deaths() -> None:
    leave = Fraction(2)
    chimeras = [leave / (1 - share) - leave for share in (Fraction(1, 2), Fraction(2, 3))]
    assert chimeras == [2, 4] and all(
        deleted < 98 - deleted for deleted in (*chimeras, 6 * leave, Fraction(98, 4))
    )
    assert Fraction(6, 4) / (Fraction(6, 4) + 1) == Fraction(3, 5)


# --- bad input


@pytest.mark.parametrize(
    ("shown", "groups", "words"),
    [
        (SELF, {"a": SELF}, ["shown", "1000", "5"]),
        (["banana"] * 1000, {}, ["groups", "0"]),
        (["bananas"] * 1000, {"a": ["bananas"]}, ["shown", "bananas"]),
        (["banana"] * 1000, {"a": ["Banana"]}, ["a must", "Banana"]),
        (["banana"] * 1000, {"a": []}, ["a must", "at least one"]),
    ],
)
def test_word_veto_refuses(shown: list[str], groups: dict[str, list[str]], words: list[str]) -> None:
    with pytest.raises(ValueError) as caught:
        WordVeto(shown, groups)
    assert all(word in str(caught.value) for word in words), str(caught.value)
