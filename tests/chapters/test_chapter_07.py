"""Chapter 07: its explainers and its own code against whole numbers, brute force and scipy."""

from __future__ import annotations

import json
import math
from collections import Counter
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import binom, chi2

from nslab import AliasTable, datasets, unigram
from nslab._alias import build_table
from nslab.explain import AliasBuild, AliasDarts, RandomBits
from nslab.explain.alias_build import ALPHAS, plan
from nslab.explain.alias_darts import DARTS, SHOWN, _throws, mean_distances
from nslab.explain.random_bits import BITS, COIN

ROOT = Path(__file__).resolve().parents[2]
CHAPTER = ROOT / "notebooks" / "07_drawing_in_constant_time.ipynb"
COUNTS, NAMES = [9, 1, 0, 30, 4, 4, 12, 5], "abcdefgh"


def written(*cells: str) -> dict[str, Any]:
    """The names that these cells of the chapter define, run on their own."""
    notebook = nbformat.v4.reads(CHAPTER.read_text(encoding="utf-8"))
    space: dict[str, Any] = {"torch": torch}
    for cell in notebook.cells:
        if cell.id in cells:
            exec(cell.source, space)
    return space


OWN = written("own-build", "own-draw", "tree")


# --- the build, step by step


@pytest.mark.parametrize("alpha", [0.01, 0.75, 1.0, 1.25])
def test_no_step_loses_mass_and_each_pour_finishes_a_column(alpha: float) -> None:
    explainer = AliasBuild(COUNTS, NAMES, alpha=alpha)
    powers = np.array([c**alpha if c else 0 for c in COUNTS])
    heights = len(powers) * powers / powers.sum()
    for pours in explainer.controls["pours"].values:
        result = explainer.at(pours=pours)
        mass = result.own.copy()
        for i, given_mass in enumerate(result.given):
            mass[result.alias[i]] += given_mass
        assert mass == pytest.approx(heights, abs=1e-12)
        assert result.level >= result.done == min(int(pours), result.pours)
    assert result.level == len(COUNTS) and result.pours <= len(COUNTS) - 1


def test_the_last_step_is_the_librarys_table() -> None:
    result = AliasBuild(COUNTS, NAMES).at(pours=25)
    keep, alias = build_table(unigram(COUNTS, 1), len(COUNTS))
    assert result.own == pytest.approx(keep.numpy(), abs=1e-9)
    assert result.alias[result.own < 1 - 1e-9].tolist() == alias[keep < 1 - 1e-9].tolist()


def test_equal_columns_need_no_pour() -> None:
    result = AliasBuild([5] * 26, "abcdefghijklmnopqrstuvwxyz").at(pours=25)
    assert (result.pours, result.level, result.now) == (0, 26, None)


def test_half_a_pour_has_moved_half_of_it() -> None:
    explainer = AliasBuild(COUNTS, NAMES)
    before, half, after = (explainer.at(pours=1 + part) for part in (0, 0.5, 1))
    pour = half.now
    assert pour and half.part == 0.5
    assert half.own[pour.tall] == pytest.approx(before.own[pour.tall] - pour.amount / 2, abs=1e-12)
    assert half.given[pour.short] == pytest.approx(pour.amount / 2, abs=1e-12)
    assert after.own[pour.tall] == pytest.approx(before.own[pour.tall] - pour.amount, abs=1e-12)
    assert after.own[pour.short] + after.given[pour.short] == 1


def test_a_column_that_a_hand_holds_is_as_high_and_the_others_keep_their_proportions() -> None:
    explainer = AliasBuild(COUNTS, NAMES)
    before, held = explainer.at(pours=25), explainer.pulled("tops", 1, 1.0, 1.5, pours=25, alpha=1.0)
    others = [i for i, count in enumerate(COUNTS) if count and i != 1]
    assert held.heights[1] == 1.5 and held.heights.sum() == pytest.approx(8, abs=1e-12)
    ratios = held.heights[others] / before.heights[others]
    assert ratios == pytest.approx(ratios[0], rel=1e-12)
    assert held.level == 8 and held.heights[2] == 0
    for y in (-5.0, 1e6):
        assert np.isfinite(explainer.pulled("tops", 3, 3.0, y, pours=9.625, alpha=1.0).own).all()


@settings(max_examples=200)
@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=26))
def test_there_are_never_more_pours_than_columns_less_one(weights: list[float]) -> None:
    assume(max(weights) > 1e-3)
    heights = np.array(weights) / np.sum(weights) * len(weights)
    pours = plan(heights)
    assert len({pour.short for pour in pours}) == len(pours) <= len(weights) - 1


# --- the darts


def test_darts_against_counting_by_hand() -> None:
    result = AliasDarts(COUNTS, NAMES, alpha=0.5).at(darts=333)
    table = AliasBuild(COUNTS, NAMES, alpha=0.5).at(pours=25)
    q = np.sqrt(COUNTS) / np.sqrt(COUNTS).sum()
    thrown = np.stack(_throws(8)[:2], 1)[:333]
    ids: list[int] = []
    for across, up in thrown:
        column = int(across)
        ids.append(column if up < table.own[column] else int(table.alias[column]))
    frequency = np.bincount(ids, minlength=len(q)) / 333
    assert result.frequencies == pytest.approx(frequency, abs=1e-12)
    assert result.distance == pytest.approx(np.abs(frequency - q).sum() / 2, rel=1e-12)
    assert result.own == sum(up < table.own[int(across)] for across, up in thrown)
    assert result.where.tolist() == [*thrown[:SHOWN].tolist(), thrown[-1].tolist()]
    assert result.drawn.tolist() == [*ids[:SHOWN], ids[-1]]


def test_the_distance_on_the_path_is_the_distance_at_the_dot() -> None:
    explainer = AliasDarts(COUNTS, NAMES)
    for i in (0, 50, len(DARTS) - 1):
        result = explainer.at(darts=DARTS[i])
        assert result.distances[i] == pytest.approx(result.distance, rel=1e-12)


@pytest.mark.parametrize("counts", [COUNTS, [1, 1], [3, 0], [1, 2, 1000]])
def test_the_mean_distance_is_the_sum_over_all_throws(counts: list[int]) -> None:
    q = np.array(counts) / sum(counts)
    sizes = [1, 2, 3, 4, 7, 10, 100, 1000]
    exact = [
        sum(np.abs(np.arange(n + 1) / n - p) @ binom.pmf(np.arange(n + 1), n, p) for p in q) / 2
        for n in sizes
    ]
    assert mean_distances(sizes, q) == pytest.approx(exact, rel=1e-9, abs=1e-12)


def test_one_dart_is_as_far_as_a_letter_is_from_its_share() -> None:
    q = np.array(COUNTS) / sum(COUNTS)
    assert AliasDarts(COUNTS, NAMES).at().expected[0] == pytest.approx(q @ (1 - q), rel=1e-12)


def test_a_hundred_times_the_darts_leave_a_tenth_of_the_distance() -> None:
    explainer = AliasDarts(COUNTS, NAMES)
    expected = explainer.at().expected
    assert expected[DARTS.index(1000)] / expected[-1] == pytest.approx(10, rel=0.01)
    for n in (1000, 100_000):
        assert explainer.at(darts=n).distance == pytest.approx(expected[DARTS.index(n)], rel=0.7)


def test_darts_are_drawn_on_their_columns_and_a_pile_that_goes_on_says_so() -> None:
    explainer = AliasDarts(COUNTS, NAMES)
    for darts in (1, 100, 100_000):
        result = explainer.at(darts=darts)
        moves = explainer.scene(result)
        x, column = moves["darts"]["x"], np.floor(result.where[:, 0])
        assert (np.abs(x - column - 0.5) <= 0.42).all()
        cut = np.isfinite(moves["beyond"]["size"])
        assert cut.tolist() == (8 * result.frequencies > explainer._room).tolist()
    assert not cut.any()


# --- random bits


@pytest.mark.parametrize("bits", [8, 11, 13])
@pytest.mark.parametrize("n", [3, 10, 128, 1000])
def test_every_value_of_r_is_accounted_for(bits: int, n: int) -> None:
    weights = 1 / torch.arange(1, n + 1, dtype=torch.float64)
    keep, alias = (t.tolist() for t in build_table(weights / weights.sum(), n))
    drawn: Counter[int] = Counter()
    for r in range(2**bits):
        column, rest = divmod(r * n, 2**bits)
        drawn[column if rest < int(keep[column] * COIN) * 2**bits / COIN else alias[column]] += 1
    q = weights.numpy() / weights.sum().item()
    result = RandomBits().at(bits=bits, n=n)
    assert result.wrong == pytest.approx(sum(abs(drawn[i] / 2**bits - q[i]) for i in range(n)) / 2, rel=1e-6)
    assert result.never == sum(drawn[i] == 0 for i in range(n))
    own = torch.tensor(keep, dtype=torch.float64)
    shown = int((own - 0.7).abs().argmin())
    mine = [r * n % 2**bits for r in range(2**bits) if r * n // 2**bits == shown]
    assert result.wanted == pytest.approx(own[shown].item(), rel=1e-12)
    assert result.values == len(mine)
    assert result.kept == sum(rest / 2**bits < result.wanted for rest in mine)


@pytest.mark.parametrize("n", [3, 77, 1000])
def test_the_share_of_wrong_draws_keeps_to_its_bound(n: int) -> None:
    explainer = RandomBits(n=n)
    for bits in BITS:
        assert 0 < explainer.at(bits=bits).wrong <= n / 2**bits


def test_the_coin_gets_what_the_column_leaves() -> None:
    assert RandomBits().at(bits=14, n=1000).coin_bits == pytest.approx(24 - math.log2(10**6), abs=0.04)
    assert RandomBits().at(bits=8, n=1000).coin_bits == 0


# --- the chapter's own code


@settings(max_examples=200)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=30))
def test_the_loop_rebuilds_every_weight_exactly(weights: list[int]) -> None:
    assume(any(weights))
    keep, alias, level = OWN["build"](weights)
    mass = keep.clone()
    for i, a in enumerate(alias.tolist()):
        mass[a] += level - keep[i]
    assert mass.tolist() == [len(weights) * w for w in weights]
    assert (keep >= 0).all() and (keep <= level).all()


@settings(max_examples=200)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=30))
def test_the_build_at_once_rebuilds_every_weight_exactly(weights: list[int]) -> None:
    assume(any(weights))
    at_once = {}
    source = next(
        c.source
        for c in nbformat.v4.reads(CHAPTER.read_text(encoding="utf-8")).cells
        if c.id == "build-at-once"
    )
    exec("import torch\n" + source, at_once)
    keep, alias = at_once["build_at_once"](torch.tensor(weights))
    mass = keep.index_add(0, alias, sum(weights) - keep)
    assert mass.tolist() == [len(weights) * w for w in weights]
    assert (keep >= 0).all() and (keep <= sum(weights)).all()


def test_the_worked_example() -> None:
    """q = (0.6, 0.3, 0.1): two pours, and id 1 keeps its column, 0.1 of column 2 and 0.7 of column 3."""
    keep, alias, level = OWN["build"]([6, 3, 1])
    assert level == 10
    assert [share / level for share in keep.tolist()] == pytest.approx([1, 0.9, 0.3])
    assert alias.tolist() == [0, 0, 0]
    assert len(plan(np.array([1.8, 0.9, 0.3]))) == 2


def test_own_draws_follow_the_columns() -> None:
    keep, alias, level = OWN["build"](COUNTS)
    ids = OWN["draw"](keep, alias, level, (200_000,), torch.Generator().manual_seed(0))
    seen = np.array(COUNTS) > 0
    found, wanted = np.bincount(ids, minlength=8)[seen], 200_000 * np.array(COUNTS)[seen] / sum(COUNTS)
    assert (ids != 2).all()
    assert chi2.sf(((found - wanted) ** 2 / wanted).sum(), seen.sum() - 1) > 1e-3


@settings(max_examples=100)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.data())
def test_the_tree_finds_each_id_as_often_as_it_weighs(weights: list[int], data: st.DataObject) -> None:
    tree = OWN["tree_of"](weights)
    at = data.draw(st.integers(0, len(weights) - 1))
    OWN["change"](tree, at, 3)
    weights[at] += 3
    found = Counter(OWN["find"](tree, r) for r in range(sum(weights)))
    assert [found[i] for i in range(len(weights))] == weights


@pytest.mark.parametrize("n", [1000, 7002, 10**6])
def test_where_rebuilding_touches_less_than_the_tree(n: int) -> None:
    halvings = math.ceil(math.log2(n))
    draws = math.ceil((n - halvings) / (halvings - 2))

    def rebuilding_wins(d: int) -> bool:
        return n + 2 * d <= halvings * (1 + d)

    assert rebuilding_wins(draws) and not rebuilding_wins(draws - 1)


# --- what the text says


def test_the_figure_of_times_says_that_the_comparison_is_not_even() -> None:
    text = next(
        cell.source
        for cell in nbformat.v4.reads(CHAPTER.read_text(encoding="utf-8")).cells
        if cell.id == "constant"
    )
    assert "both cores" in text and "the others use one" in text


def test_the_prices_of_the_rule_come_from_the_records() -> None:
    """The break-even point that the chapter prints: the build over what a draw saves, at a million ids."""
    record = json.loads((ROOT / "benchmarks" / "records" / "sampling-cpu.json").read_text(encoding="utf-8"))
    speeds = {
        row["peer"]: [median(row[side]) * 1e6 for side in ("ours", "theirs")]
        for row in record["rows"]
        if row["work"] == "draws, n = 1,000,000"
    }
    ours, theirs = speeds["torch.multinomial"]
    built = next(median(row["ours"]) / 1e3 for row in record["rows"] if row["work"] == "table, n = 1,000,000")
    draws = built / (1 / theirs - 1 / ours)
    assert built + draws / ours == pytest.approx(draws / theirs, rel=1e-9)
    notebook = nbformat.v4.reads(CHAPTER.read_text(encoding="utf-8"))
    printed = next(cell.outputs[0].text for cell in notebook.cells if cell.id == "what-to-do-print")
    assert f"pays after about {round(draws, -4):,.0f} draws" in printed


def test_a_chapter_that_was_copied_alone_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    cells = {cell.id: cell.source for cell in nbformat.v4.reads(CHAPTER.read_text(encoding="utf-8")).cells}
    space: dict[str, Any] = {"json": json, "median": median, "Path": Path}
    for name in ("records", "counts-table", "what-to-do-print"):
        exec(cells[name], space)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 2 and all("benchmarks/records" in line for line in printed)


def test_a_thousand_ids_and_14_bits_leave_the_coin_as_much_as_a_million_and_24() -> None:
    assert RandomBits().at(bits=14, n=1000).values in (16, 17)


def test_a_coin_of_eight_values_is_found_out_and_a_fine_one_is_not() -> None:
    """The chapter's control: half a million draws tell it from q, whichever the seed."""
    q = unigram(datasets.lee_vocabulary().counts).numpy()
    keep, alias, level = OWN["build"]((q * 2**40).round().astype(int).tolist())
    for coin, caught in ((8, True), (2**20, False)):
        generator = torch.Generator().manual_seed(11)
        ids = OWN["draw"](coin * keep // level, alias, coin, (500_000,), generator)
        wanted = 500_000 * q
        misfit = ((np.bincount(ids, minlength=len(q)) - wanted) ** 2 / wanted).sum()
        assert (chi2.sf(misfit, len(q) - 1) < 1e-6) == caught


def test_float32_sums_leave_most_of_ten_million_ids_out() -> None:
    weights = 1 / torch.arange(1, 10**7 + 1, dtype=torch.float64)
    sums = weights.float().cumsum(0)
    assert 0.6 < (sums.diff() == 0).double().mean() < 0.8


def test_drawing_again_gives_the_conditional_distribution() -> None:
    total, excluded = sum(COUNTS), 3
    qe = Fraction(COUNTS[excluded], total)
    wanted = AliasTable([0 if i == excluded else c for i, c in enumerate(COUNTS)]).probabilities()
    for i, count in enumerate(COUNTS):
        tries = sum(Fraction(count, total) * qe**t for t in range(80)) if i != excluded else 0
        assert float(tries) == pytest.approx(wanted[i].item(), rel=1e-12, abs=1e-15)
    assert float(sum((t + 1) * qe**t * (1 - qe) for t in range(120))) == pytest.approx(1 / (1 - float(qe)))


def test_the_p_value_is_that_of_chi_square() -> None:
    for misfit, n in ((7100.0, 7002), (30.0, 26)):
        p = torch.special.gammaincc(
            torch.tensor((n - 1) / 2, dtype=torch.float64), torch.tensor(misfit / 2).double()
        )
        assert p.item() == pytest.approx(chi2.sf(misfit, n - 1), rel=1e-6)


def test_a_float32_uniform_leaves_a_million_columns_sixteen_or_seventeen_values() -> None:
    u = np.arange(2**24, dtype=np.float32) / np.float32(2**24)
    values = np.bincount((u * np.float32(10**6)).astype(np.int64), minlength=10**6)
    assert len(values) == 10**6 and set(values.tolist()) == {16, 17}
    drawn = torch.rand(10_000, generator=torch.Generator().manual_seed(0)).double() * 2**24
    assert (drawn == drawn.round()).all(), "torch.rand gives multiples of 2^-24"


def test_float32_sums_lose_weights_below_half_a_step() -> None:
    weights = 1 / np.arange(1, 10**6 + 1)
    sums = np.cumsum(weights).astype(np.float32)  # added up in float64, kept in float32
    assert sums[-1] > 8 and np.spacing(np.float32(16)) == 2.0**-19
    beyond = np.float32(16) + np.arange(1, 9) * 1e-7  # the tail's steps, above 16
    assert (beyond.astype(np.float32) == 16).all()


def test_randint_is_a_word_modulo_n() -> None:
    n = 10**7
    words = (
        torch.empty(1000, dtype=torch.int64).random_(generator=torch.Generator().manual_seed(5)) & 0xFFFFFFFF
    )
    drawn = torch.randint(n, (2000,), generator=torch.Generator().manual_seed(5))
    assert torch.equal(words % n, drawn[1::2])


@pytest.mark.parametrize(
    ("counts", "names", "words"),
    [
        ([1], "a", r"counts .* got shape \(1,\)"),
        ([1] * 27, "a" * 27, r"counts .* got shape \(27,\)"),
        ([[1, 2]], "ab", r"counts .* got shape \(1, 2\)"),
        ([1, -2], "ab", r"counts must be >= 0, got -2.0"),
        ([0, 0], "ab", r"counts must not all be 0"),
        ([1, 2], "abc", r"names must be as many as counts, 2, got 3"),
    ],
)
@pytest.mark.parametrize("explainer", [AliasBuild, AliasDarts])
def test_columns_that_do_not_fit_are_refused(explainer: Any, counts: Any, names: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        explainer(counts, names)


def test_the_slider_reaches_the_exponent_of_word2vec() -> None:
    assert 0.75 in ALPHAS
