"""Triplet zones and mining against triple loops, on the boundaries and on real distances."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

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


def slow_mine(d, labels, margin, strategy):
    size, found = len(d), []
    for a in range(size):
        negatives = [n for n in range(size) if labels[n] != labels[a]]
        for p in range(size):
            if p == a or labels[p] != labels[a]:
                continue
            zone = {n: 0 if d[a][n] <= d[a][p] else 1 if d[a][n] < d[a][p] + margin else 2 for n in negatives}
            if strategy == "hardest":
                found += [(a, p, min(negatives, key=lambda n: (d[a][n], n)))] if negatives else []
            else:
                found += [(a, p, n) for n in negatives if ZONES[zone[n]] == strategy]
    return found


@given(st.integers(1, 9), st.integers(1, 4), st.integers(0, 10**6), st.sampled_from([0.0, 0.2, 0.5]))
@pytest.mark.parametrize("strategy", [*ZONES, "hardest"])
def test_mining_equals_the_triple_loop(strategy, size, classes, seed, margin):
    generator = torch.Generator().manual_seed(seed)
    d = torch.randint(0, 6, (size, size), generator=generator).to(F64) / 8  # coarse: many ties
    labels = torch.randint(-1, classes - 1, (size,), generator=generator)
    got = mine_triplets(d, labels, margin=margin, strategy=strategy)
    assert all(ids.dtype == torch.int64 for ids in got)
    assert list(zip(*(ids.tolist() for ids in got), strict=True)) == slow_mine(
        d.tolist(), labels.tolist(), margin, strategy
    )


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
]


@pytest.mark.parametrize(("function", "args", "options", "name", "value"), BAD)
def test_bad_input_is_refused_by_name_and_value(function, args, options, name, value):
    with pytest.raises((ValueError, TypeError)) as refusal:
        function(*args, **options)
    assert name in str(refusal.value) and value in str(refusal.value)
