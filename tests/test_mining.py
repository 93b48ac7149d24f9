"""Triplet zones and mining against plain loops: on the boundaries, with ties, and on real data."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nslab import mining
from nslab.datasets import digit_embeddings
from nslab.losses import triplet_loss
from nslab.mining import ZONES, categorize, mine_triplets

F64 = torch.float64
distances = st.floats(0, 2)


def test_zones_of_the_worked_example():
    d_an = [0.25, 0.5, 0.5625, 0.75, 0.9375, 1.0, 1.25]
    assert categorize(0.5, d_an, 0.5).tolist() == [0, 0, 1, 1, 1, 2, 2]
    assert categorize(0.5, d_an, 0.5).dtype == torch.int64


def test_without_a_margin_nothing_is_semi_hard():
    assert categorize(0.5, [0.25, 0.5, 0.75], 0.0).tolist() == [0, 0, 2]


@given(distances, st.lists(distances, min_size=1, max_size=8), st.floats(0, 1))
def test_zones_are_the_definition(d_ap, d_an, margin):
    want = [0 if d <= d_ap else 1 if d < d_ap + margin else 2 for d in d_an]
    assert categorize(d_ap, d_an, margin).tolist() == want


@given(distances, st.lists(distances, min_size=1, max_size=8), st.floats(1e-3, 1))
def test_the_loss_is_zero_exactly_on_the_easy(d_ap, d_an, margin):
    loss = triplet_loss(d_ap, d_an, margin=margin, reduction="none")
    zone = categorize(d_ap, d_an, margin)
    assert torch.equal(loss == 0, zone == ZONES.index("easy"))
    assert (loss[zone == ZONES.index("hard")] >= margin - 1e-15).all()


@pytest.mark.parametrize("shape", [(3,), (3, 5), (2, 3)])
def test_shapes(shape):
    d_ap = torch.full((3,) if shape[0] == 3 else (2, 3), 0.5)
    assert categorize(d_ap, torch.ones(shape), 0.1).shape == shape


def test_half_precision_adds_the_margin_in_float32():
    d_ap, d_an = torch.tensor(1.0).half(), torch.tensor([1.0]).half()
    assert categorize(d_ap, d_an + 0.0009765625, 1e-4).tolist() == [2]
    assert categorize(d_ap, d_an + 0.0009765625, 1.2e-3).tolist() == [1]


def slow_mine(d, rows, columns, margin, strategy, per_pair, square):
    found = []
    for a, row in enumerate(d):
        negatives = [n for n in range(len(row)) if columns[n] != rows[a]]
        for p in range(len(row)):
            if columns[p] != rows[a] or (square and p == a):
                continue
            zone = {n: 0 if row[n] <= row[p] else 1 if row[n] < row[p] + margin else 2 for n in negatives}
            kept = [n for n in negatives if strategy == "hardest" or ZONES[zone[n]] == strategy]
            if kept and (per_pair or strategy == "hardest"):
                kept = [min(kept, key=lambda n: (row[n], n))]
            found += [(a, p, n) for n in kept]
    return found


sizes, classes, seeds = st.integers(1, 9), st.integers(1, 4), st.integers(0, 10**6)
every_way = pytest.mark.parametrize(
    ("strategy", "per_pair"),
    [(zone, each) for zone in ZONES for each in (False, True)] + [("hardest", False), ("hardest", True)],
)


def mined_as_by_hand(d, rows, columns, **options):
    references = () if columns is None else (columns,)
    got = mine_triplets(d, rows, *references, **options)
    assert all(ids.dtype == torch.int64 for ids in got)
    other = rows if columns is None else columns
    want = slow_mine(d.tolist(), rows.tolist(), other.tolist(), square=columns is None, **options)
    assert list(zip(*(ids.tolist() for ids in got), strict=True)) == want


@given(sizes, classes, seeds, st.sampled_from([0.0, 0.2, 0.5]), st.sampled_from([1, 20, 2**22]))
@every_way
def test_mining_equals_the_triple_loop(strategy, per_pair, size, classes, seed, margin, block):
    generator = torch.Generator().manual_seed(seed)
    d = torch.randint(0, 6, (size, size), generator=generator).to(F64) / 8  # coarse: many ties
    labels = torch.randint(-1, classes - 1, (size,), generator=generator)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mining, "BLOCK", block)
        mined_as_by_hand(d, labels, None, margin=margin, strategy=strategy, per_pair=per_pair)


@given(sizes, sizes, classes, seeds, st.sampled_from([0.0, 0.25, 0.5]))
@every_way
def test_mining_of_queries_against_references(strategy, per_pair, rows, columns, classes, seed, margin):
    generator = torch.Generator().manual_seed(seed)
    d = torch.randint(0, 6, (rows, columns), generator=generator).to(F64) / 8
    labels, others = (torch.randint(classes, (size,), generator=generator) for size in (rows, columns))
    mined_as_by_hand(d, labels, others, margin=margin, strategy=strategy, per_pair=per_pair)


def test_references_leave_no_diagonal_out():
    d = [[0.0, 0.5], [0.5, 0.0]]
    assert [len(ids) for ids in mine_triplets(d, [1, 2], strategy="easy")] == [0, 0, 0]
    a, p, n = mine_triplets(d, [1, 2], [1, 2], strategy="easy")
    assert (a.tolist(), p.tolist(), n.tolist()) == ([0, 1], [0, 1], [1, 0])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_one_negative_a_pair_is_the_closest_of_all_in_its_zone(dtype):
    embeddings, labels = digit_embeddings()
    x = embeddings[:150].float()
    d = torch.cdist(x, x).to(dtype)  # in half precision many are equal
    for zone in ZONES:
        a, p, n = mine_triplets(d, labels[:150], strategy=zone)
        best: dict[tuple[int, int], tuple[float, int]] = {}
        for i, j, k, far in zip(a.tolist(), p.tolist(), n.tolist(), d[a, n].tolist(), strict=True):
            best[i, j] = min(best.get((i, j), (math.inf, 0)), (far, k))
        one = mine_triplets(d, labels[:150], strategy=zone, per_pair=True)
        assert list(zip(*(ids.tolist() for ids in one), strict=True)) == [
            (i, j, k) for (i, j), (_, k) in best.items()
        ]


def test_a_margin_that_rounding_absorbs_leaves_equals_hard():
    d = torch.tensor([[0.0, 1.0, 1.0, 2.0]])
    labels, others = [5], [6, 5, 6, 6]
    mined = {s: mine_triplets(d, labels, others, margin=1e-12, strategy=s, per_pair=True)[2] for s in ZONES}
    assert [mined[s].tolist() for s in ZONES] == [[0], [], [3]]


@pytest.mark.parametrize("labels", [[1, 1, 1], [1, 2, 3]])
def test_nothing_to_mine_is_empty_not_another_zone(labels):
    d = torch.rand(3, 3, generator=torch.Generator().manual_seed(0))
    for strategy in (*ZONES, "hardest"):
        assert [len(ids) for ids in mine_triplets(d, labels, strategy=strategy)] == [0, 0, 0]


def test_the_zones_share_out_all_triplets_of_real_digits():
    embeddings, labels = digit_embeddings()
    embeddings, labels = embeddings[:200], labels[:200]
    d = torch.cdist(embeddings, embeddings)
    mined = {zone: mine_triplets(d, labels, margin=0.2, strategy=zone) for zone in ZONES}
    per_class = labels.bincount()
    assert sum(len(m[0]) for m in mined.values()) == int(
        (per_class * (per_class - 1) * (200 - per_class)).sum()
    )
    assert all(len(m[0]) > 0 for m in mined.values())
    a, p, n = mined["semi_hard"]
    assert ((d[a, p] < d[a, n]) & (d[a, n] < d[a, p] + 0.2)).all()
    assert ((labels[a] == labels[p]) & (labels[a] != labels[n]) & (a != p)).all()


nan, inf = float("nan"), float("inf")
D = [[0.0, 1.0], [1.0, 0.0]]
BAD = [
    (categorize, (nan, [0.1], 0.2), {}, "d_ap", "nan"),
    (categorize, (-0.1, [0.1], 0.2), {}, "d_ap", "-0.1"),
    (categorize, (0.1, [inf], 0.2), {}, "d_an", "inf"),
    (categorize, (0.1, [-1.0], 0.2), {}, "d_an", "-1.0"),
    (categorize, (0.1, [], 0.2), {}, "d_an", "(0,)"),
    (categorize, ([0.1, 0.2], [0.1, 0.2, 0.3], 0.2), {}, "d_an", "(3,)"),
    (categorize, (0.1, [0.1], -0.2), {}, "margin", "-0.2"),
    (categorize, (0.1, [0.1], "wide"), {}, "margin", "'wide'"),
    (mine_triplets, ([[0.0, 1.0]], [0]), {}, "distances", "(1, 2)"),
    (mine_triplets, ([0.0, 1.0], [0, 1]), {}, "distances", "(2,)"),
    (mine_triplets, ([[0.0, nan], [1.0, 0.0]], [0, 1]), {}, "distances", "nan"),
    (mine_triplets, ([[1.0, -0.5], [-0.5, 1.0]], [0, 1]), {}, "distances", "-0.5"),
    (mine_triplets, ([], []), {}, "distances", "(0,)"),
    (mine_triplets, (D, [0, 1, 2]), {}, "labels", "(3,)"),
    (mine_triplets, (D, [0.0, 1.0]), {}, "labels", "float64"),
    (mine_triplets, (D, [[0, 1]]), {}, "labels", "(1, 2)"),
    (mine_triplets, (D, [0, 1]), {"margin": -1}, "margin", "-1.0"),
    (mine_triplets, (D, [0, 1]), {"margin": inf}, "margin", "inf"),
    (mine_triplets, (D, [0, 1]), {"strategy": "semi-hard"}, "strategy", "'semi-hard'"),
    (mine_triplets, (D, [0, 1]), {"per_pair": 1}, "per_pair", "1"),
    (mine_triplets, ([[0.0, 1.0]], [0, 1], [0, 1]), {}, "labels", "(2,)"),
    (mine_triplets, ([[0.0, 1.0]], [0], [0]), {}, "reference_labels", "(1,)"),
    (mine_triplets, ([[0.0, 1.0]], [0], [0.5, 1.0]), {}, "reference_labels", "float64"),
    (mine_triplets, ([0.0, 1.0], [0], [0, 1]), {}, "distances", "(2,)"),
]


@pytest.mark.parametrize(("function", "args", "options", "name", "value"), BAD)
def test_bad_input_is_refused_by_name_and_value(function, args, options, name, value):
    with pytest.raises((ValueError, TypeError)) as refusal:
        function(*args, **options)
    assert name in str(refusal.value) and value in str(refusal.value)
