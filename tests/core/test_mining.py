"""Triplet zones and mining against plain loops: on the boundaries, with ties, and on real data."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from refusals import assert_refused

from nslab import mining
from nslab.datasets import digit_embeddings
from nslab.losses import info_nce, triplet_loss
from nslab.mining import ZONES, categorize, mine_negatives, mine_triplets

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


# From a corpus ---------------------------------------------------------------------------------------------


def slow_negatives(query, corpus, positives, exclude, k, rank, below, margin):
    """(ids, scores) of each query, by sorting everything."""
    answers = []
    for q, own, out in zip(query.tolist(), positives, exclude, strict=True):
        score = [sum(x * y for x, y in zip(q, item, strict=True)) for item in corpus.tolist()]
        ranked = sorted(set(range(len(score))) - {*own, *out}, key=lambda i: (-score[i], i))
        bound = math.inf
        if below is not None or margin is not None:
            lowest = min(score[i] for i in own if i >= 0)
            bound = lowest - max((1 - (below or 1)) * abs(lowest), margin or 0)
        kept = [i for i in ranked[rank[0] - 1 : rank[1]] if score[i] < bound][:k]
        answers.append((kept, [score[i] for i in kept]))
    return answers


@st.composite
def searches(draw):
    """Whole numbers as embeddings: scores are exact, and many are equal."""
    b, n, d = draw(st.integers(1, 5)), draw(st.integers(1, 25)), draw(st.integers(1, 3))
    generator = torch.Generator().manual_seed(draw(seeds))
    query, corpus = (torch.randint(-2, 3, (size, d), generator=generator).to(F64) for size in (b, n))
    below, margin = (
        draw(st.sampled_from([None, 0.5, 0.75, 1.0])),
        draw(st.sampled_from([None, 0.0, 1.0, 2.5])),
    )
    lowest = 0 if below or margin is not None else -1
    ids = [
        [[draw(st.integers(low, n - 1)), *draw(st.lists(st.integers(-1, n - 1), min_size=w, max_size=w))]
         for _ in range(b)]
        for low, w in ((lowest, draw(st.integers(0, 2))), (-1, draw(st.integers(0, 3))))
    ]  # fmt: skip
    first = draw(st.integers(1, 6))
    rank = (first, draw(st.integers(first, 30)))
    k = draw(st.integers(1, rank[1] - rank[0] + 1))
    return query, corpus, *ids, k, {"rank": rank, "below": below, "margin": margin}


@given(searches(), st.sampled_from([(1, 1), (2, 10), (3, 12), (256, 2**22)]))
def test_mined_negatives_are_those_of_sorting_everything(search, blocks):
    query, corpus, positives, exclude, k, options = search
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mining, "ROWS", blocks[0])
        patch.setattr(mining, "BLOCK", blocks[1])
        mined = mine_negatives(query, corpus, positives, k, exclude=exclude, **options)
    want = slow_negatives(query, corpus, positives, exclude, k, **options)
    assert mined.ids.shape == mined.scores.shape == mined.mask.shape == (len(query), k)
    assert mined.mask.sum(-1).tolist() == [len(ids) for ids, _ in want]
    assert mined.ids.tolist() == [ids + [-1] * (k - len(ids)) for ids, _ in want]
    assert mined.scores.tolist() == [scores + [-math.inf] * (k - len(scores)) for _, scores in want]


def test_mining_from_real_scores_in_many_blocks(monkeypatch):
    embeddings, _ = digit_embeddings()
    ids = torch.arange(1797)
    once = mine_negatives(embeddings, embeddings, ids, 40, rank=(3, 60))
    monkeypatch.setattr(mining, "BLOCK", 100 * mining.ROWS)
    blocks = mine_negatives(embeddings, embeddings, ids, 40, rank=(3, 60))
    scores = (embeddings @ embeddings.T).fill_diagonal_(-math.inf).sort(descending=True).values[:, 2:42]
    # A cosine of 16 products is off by at most some 16 ulps of 1, so a sorted one as well.
    for mined in (once, blocks):
        torch.testing.assert_close(mined.scores, scores, rtol=0, atol=1e-14)
        own = (embeddings[mined.ids] * embeddings.unsqueeze(1)).sum(-1)
        torch.testing.assert_close(mined.scores, own, rtol=0, atol=1e-14)
        assert mined.mask.all() and (mined.ids != ids.unsqueeze(-1)).all()
        assert all(len(set(row)) == 40 for row in mined.ids.tolist())


def test_a_plain_search_mines_false_negatives_and_a_bound_drops_some():
    embeddings, labels = digit_embeddings()
    ids, positives = torch.arange(len(labels)), torch.empty_like(labels)
    for label in range(10):  # each picture's known positive is another one of its digit
        members = (labels == label).nonzero().squeeze(-1)
        positives[members] = members.roll(1)

    def false_of_mined(**bound):
        mined = mine_negatives(embeddings, embeddings, positives, 10, exclude=ids, **bound)
        false = (labels[mined.ids] == labels.unsqueeze(-1)) & mined.mask
        return int(false.sum()), int(mined.mask.sum())

    plain, bounded = false_of_mined(), false_of_mined(below=0.9)
    assert plain[1] == 10 * len(labels) and plain[0] > 0.9 * plain[1]
    assert bounded[0] < 0.7 * plain[0]
    assert bounded[0] / bounded[1] < plain[0] / plain[1] - 0.05
    assert false_of_mined(margin=0.1)[0] < 0.7 * plain[0]


def test_mined_negatives_go_into_info_nce_with_their_mask():
    embeddings = digit_embeddings().embeddings[:200].clone().requires_grad_()
    tau = torch.tensor(0.1, dtype=F64, requires_grad=True)
    positives = torch.arange(200).roll(1)
    mined = mine_negatives(embeddings, embeddings, positives, 8, exclude=range(200), below=0.9)
    some = mined.mask.any(-1)
    assert not mined.mask.all() and some.any() and not mined.scores.requires_grad
    pos = (embeddings * embeddings[positives]).sum(-1)
    loss = info_nce(
        pos[some], mined.scores[some], mask=mined.mask[some], temperature=tau
    )  # −inf in the padding
    loss.backward()
    for learns in (embeddings, tau):
        assert learns.grad is not None and learns.grad.isfinite().all() and learns.grad.abs().sum() > 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_mining_in_half_precision_ranks_float32_scores(dtype):
    x = digit_embeddings().embeddings[:100].to(dtype)
    mined = mine_negatives(x, x, range(100), 5)
    wide = mine_negatives(x.float(), x.float(), range(100), 5)
    assert mined.scores.dtype == dtype
    own = (x[mined.ids].float() * x.unsqueeze(1).float()).sum(-1)
    for scores in (wide.scores, own):  # sums of 16 products in float32, rounded to the dtype
        torch.testing.assert_close(mined.scores.float(), scores, rtol=torch.finfo(dtype).eps, atol=2e-6)


nan, inf = float("nan"), float("inf")
Q, C = [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]
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
    (mine_negatives, ([1.0, 0.0], C, [0], 1), {}, "query", "(2,)"),
    (mine_negatives, (Q, [[1.0]], [0, 0], 1), {}, "corpus", "(1, 1)"),
    (mine_negatives, (Q, [[1.0, nan]], [0, 0], 1), {}, "corpus", "nan"),
    (mine_negatives, ([[inf, 0.0]], C, [0], 1), {}, "query", "inf"),
    (mine_negatives, (Q, [], [0, 0], 1), {}, "corpus", "(0,)"),
    (mine_negatives, ([[1e200, -1e200]], [[1e200, 1e200]], [0], 1), {}, "scores", "nan"),
    (mine_negatives, (Q, C, [0, 3], 1), {}, "positives", "3"),
    (mine_negatives, (Q, C, [0, -2], 1), {}, "positives", "-2"),
    (mine_negatives, (Q, C, [0], 1), {}, "positives", "(1,)"),
    (mine_negatives, (Q, C, 0, 1), {}, "positives", "()"),
    (mine_negatives, (Q, C, [0.0, 1.0], 1), {}, "positives", "float64"),
    (mine_negatives, (Q, C, [[0], [1, 2]], 1), {}, "positives", "[1, 2]"),
    (mine_negatives, (Q, C, [0, -1], 1), {"below": 0.9}, "positives", "[1]"),
    (mine_negatives, (Q, C, [0, 2], 1), {"exclude": [0, 9]}, "exclude", "9"),
    (mine_negatives, (Q, C, [0, 2], 1), {"exclude": [[[0], [0]]]}, "exclude", "(1, 2, 1)"),
    (mine_negatives, (Q, C, [0, 2], 0), {}, "k", "0"),
    (mine_negatives, (Q, C, [0, 2], 1.5), {}, "k", "1.5"),
    (mine_negatives, (Q, C, [0, 2], 3), {"rank": (2, 3)}, "k", "3"),
    (mine_negatives, (Q, C, [0, 2], 1), {"rank": (3, 2)}, "rank", "(3, 2)"),
    (mine_negatives, (Q, C, [0, 2], 1), {"rank": (0, 2)}, "rank", "0"),
    (mine_negatives, (Q, C, [0, 2], 1), {"rank": (1, 2.5)}, "rank", "2.5"),
    (mine_negatives, (Q, C, [0, 2], 1), {"rank": 5}, "rank", "5"),
    (mine_negatives, (Q, C, [0, 2], 1), {"below": 0}, "below", "0.0"),
    (mine_negatives, (Q, C, [0, 2], 1), {"below": 95}, "below", "95.0"),
    (mine_negatives, (Q, C, [0, 2], 1), {"below": "most"}, "below", "'most'"),
    (mine_negatives, (Q, C, [0, 2], 1), {"margin": -0.1}, "margin", "-0.1"),
]


@pytest.mark.parametrize("rank", [(1, 10**15), (10**15, 2 * 10**15)])
def test_ranks_beyond_the_corpus_hold_nothing_and_take_no_memory(rank):
    mined = mine_negatives(Q, C, [0, 1], 2, rank=rank)
    usual = mine_negatives(Q, C, [0, 1], 2)
    assert torch.equal(mined.ids, usual.ids if rank[0] == 1 else torch.full((2, 2), -1))


@pytest.mark.parametrize(("function", "args", "options", "name", "value"), BAD)
def test_bad_input_is_refused_by_name_and_value(function, args, options, name, value):
    assert_refused(name, value, function, *args, **options)
