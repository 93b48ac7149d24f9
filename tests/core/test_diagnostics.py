"""Diagnostics against exact fractions, enumeration and the figures of real data."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

import mpmath
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from refusals import assert_refused

from nslab.datasets import digits
from nslab.diagnostics import (
    Cost,
    cost_in_batch,
    cost_per_example,
    false_negative_cap,
    false_negative_rate,
    gradient_share,
    in_batch_duplicates,
)
from nslab.losses import sgns_loss

F64 = torch.float64
nan, inf = float("nan"), float("inf")


@given(
    st.lists(st.tuples(st.integers(0, 10**9), st.floats(-30, 30)), min_size=1, max_size=8).filter(
        lambda rows: any(c for c, _ in rows)
    ),
    st.sampled_from([-0.5, 0.0, 0.5, 0.75, 1.0, 1.3]),
)
def test_gradient_share_equals_the_reference(rows, alpha):
    counts, scores = zip(*rows, strict=True)
    pull = [
        mpmath.mpf(c) ** mpmath.mpf(alpha) / (1 + mpmath.exp(-mpmath.mpf(s))) if c else mpmath.mpf(0)
        for c, s in rows
    ]
    got = gradient_share(counts, scores, alpha)
    assert got.tolist() == pytest.approx([float(x / sum(pull)) for x in pull], rel=1e-12)
    assert all(share == 0 for share, count in zip(got.tolist(), counts, strict=True) if count == 0)


def test_gradient_share_is_the_gradient_of_sgns():
    counts, scores = torch.tensor([8.0, 1.0, 3.0], dtype=F64), torch.tensor([0.3, 2.0, -1.0], dtype=F64)
    q = counts**0.75 / (counts**0.75).sum()
    force = []
    for s in scores:
        s = s.clone().requires_grad_()
        sgns_loss(0.0, s.unsqueeze(0)).backward()
        force.append(s.grad)
    expected = q * torch.stack(force)
    assert torch.allclose(gradient_share(counts, scores, 0.75), expected / expected.sum(), rtol=1e-12)


@pytest.mark.parametrize(("alpha", "percent"), [(1, 0.0999), (0.75, 0.559), (0.5, 3.07), (0, 50)])
def test_a_thousand_to_one(alpha, percent):
    assert 100 * gradient_share([1000, 1], [0, 0], alpha)[1].item() == pytest.approx(percent, rel=2e-3)


def test_gradient_share_keeps_the_dtype_of_the_scores():
    assert gradient_share([1, 2], torch.zeros(2).half(), 1).dtype == torch.float16


@given(st.lists(st.integers(0, 5), min_size=1, max_size=4).filter(any), st.integers(1, 4))
def test_duplicates_equal_the_enumerated_mean(weights, size):
    p = [Fraction(w, sum(weights)) for w in weights]
    mean = sum(
        math.prod(p[i] for i in batch) * sum(other == batch[0] for other in batch[1:])
        for batch in product(range(len(p)), repeat=size)
    )
    assert in_batch_duplicates([float(x) for x in p], size).item() == pytest.approx(float(mean), rel=1e-12)


def test_duplicates_under_zipf():
    p = 1 / torch.arange(1, 10_001, dtype=F64)
    p /= p.sum()
    assert in_batch_duplicates(p, 256).item() == pytest.approx(4.4, abs=0.05)
    assert in_batch_duplicates(p, 4096).item() == pytest.approx(70.3, abs=0.05)


def test_cost_of_the_worked_example():
    per_example, in_batch = cost_per_example(1024, 1023, 128), cost_in_batch(1024, 128)
    assert (per_example.bytes, in_batch.bytes) == (541_589_504, 5_242_880)
    assert (per_example.encoder_calls, in_batch.encoder_calls) == (1_049_600, 2048)
    assert per_example.flops == in_batch.flops == 268_435_456
    assert isinstance(in_batch, Cost) and all(type(n) is int for n in (*per_example, *in_batch))


sizes = st.integers(1, 50)


@given(sizes, sizes, st.integers(-3, 3), st.sampled_from([1, 2, 4, 8]))
def test_in_batch_takes_more_bytes_exactly_beyond_the_threshold(k, dim, offset, bytes_per):
    batch = k * (dim + 1) + 1 + offset
    if batch < 1:
        return
    in_batch, per_example = cost_in_batch(batch, dim, bytes_per), cost_per_example(batch, k, dim, bytes_per)
    assert (in_batch.bytes > per_example.bytes) == (offset > 0)
    assert per_example.bytes == per_example.embedding_bytes + per_example.logit_bytes


def test_cost_stays_exact_beyond_float64():
    big = 10**9 + 7
    assert cost_in_batch(big, 3).logit_bytes == 4 * big * big > 2**53


@given(st.lists(st.integers(-2, 2), min_size=2, max_size=12))
def test_false_negatives_of_labels_are_counted_pairs(labels):
    pairs = [(a, b) for i, a in enumerate(labels) for j, b in enumerate(labels) if i != j]
    want = Fraction(sum(a == b for a, b in pairs), len(pairs))
    assert false_negative_rate(labels).item() == pytest.approx(float(want), rel=1e-12)


def test_false_negatives_of_similarities_ignore_the_diagonal():
    similarity = torch.tensor([[1.0, 0.5, 0.2], [0.5, 1.0, 0.9], [0.2, 0.9, 1.0]])
    assert false_negative_rate(similarity, threshold=0.5).item() == pytest.approx(4 / 6)
    assert false_negative_rate(similarity, threshold=0.95).item() == 0
    weights = torch.tensor([[9.0, 3.0, 1.0], [1.0, 9.0, 1.0], [0.0, 2.0, 9.0]])
    share = false_negative_rate(similarity, threshold=0.6, weights=weights).item()
    assert share == pytest.approx((0 + 1 / 2 + 1) / 3)
    assert weights.diagonal().tolist() == [9, 9, 9]


def test_small_temperatures_put_the_weight_on_false_negatives():
    images, labels = digits()
    pick = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))[:512]
    cosines = torch.nn.functional.normalize(images[pick], dim=1)
    cosines = cosines @ cosines.T
    assert false_negative_rate(labels[pick]).item() == pytest.approx(0.099, abs=0.001)
    for tau, share in [(1.0, 0.11), (0.1, 0.34), (0.07, 0.47), (0.05, 0.62), (0.02, 0.91)]:
        weights = ((cosines - 1) / tau).exp()
        assert false_negative_rate(labels[pick], weights=weights).item() == pytest.approx(share, abs=0.02)


@given(st.floats(1e-6, 1), st.floats(1e-3, 1e12))
def test_the_cap_bounds_the_contaminated_optimum(pi, ratio):
    assert math.log(ratio / ((1 - pi) + pi * ratio)) <= false_negative_cap(pi) + 1e-9
    assert math.log(1e18 / ((1 - pi) + pi * 1e18)) == pytest.approx(false_negative_cap(pi), abs=1e-9)


def test_cap_types():
    assert false_negative_cap(1.0) == 0 and math.copysign(1, false_negative_cap(1)) == 1
    assert type(false_negative_cap(0.1)) is float
    assert false_negative_cap([0.1, 0.5]).tolist() == pytest.approx([math.log(10), math.log(2)])


SQUARE = [[1.0, 0.5], [0.5, 1.0]]
BAD = [
    (gradient_share, ([1, -2], [0, 0], 1), {}, "counts", "-2"),
    (gradient_share, ([0, 0], [0, 0], 1), {}, "counts", "[0.0, 0.0]"),
    (gradient_share, ([1, nan], [0, 0], 1), {}, "counts", "nan"),
    (gradient_share, ([[1, 2]], [[0, 0]], 1), {}, "counts", "(1, 2)"),
    (gradient_share, ([1, 2], [0, inf], 1), {}, "scores", "inf"),
    (gradient_share, ([1, 2], [0, 0, 0], 1), {}, "scores", "(3,)"),
    (gradient_share, ([1, 2], [0, 0], nan), {}, "alpha", "nan"),
    (gradient_share, ([1, 2], [0, 0], "1"), {}, "alpha", "'1'"),
    (gradient_share, ([1, 9], [0, 0], 1e308), {}, "alpha", "1e+308"),
    (in_batch_duplicates, ([0.5, 0.6], 4), {}, "p", "1.1"),
    (in_batch_duplicates, ([1.5, -0.5], 4), {}, "p", "1.5"),
    (in_batch_duplicates, ([], 4), {}, "p", "(0,)"),
    (in_batch_duplicates, (1.0, 4), {}, "p", "()"),
    (in_batch_duplicates, ([1.0], 0), {}, "batch_size", "0"),
    (in_batch_duplicates, ([1.0], 2.5), {}, "batch_size", "2.5"),
    (cost_per_example, (0, 1, 1), {}, "batch_size", "0"),
    (cost_per_example, (1, 0, 1), {}, "k", "0"),
    (cost_per_example, (1, 1, -3), {}, "dim", "-3"),
    (cost_per_example, (1, 1, 1), {"bytes_per": 0.5}, "bytes_per", "0.5"),
    (cost_per_example, (True, 1, 1), {}, "batch_size", "True"),
    (cost_in_batch, (-1, 1), {}, "batch_size", "-1"),
    (cost_in_batch, (1, 0), {}, "dim", "0"),
    (cost_in_batch, (1, 1), {"bytes_per": 0}, "bytes_per", "0"),
    (false_negative_rate, ([1],), {}, "labels_or_similarity", "(1,)"),
    (false_negative_rate, ([0.5, 1.0],), {}, "labels_or_similarity", "float64"),
    (false_negative_rate, ([[1.0, 0.5]],), {"threshold": 0.5}, "labels_or_similarity", "(1, 2)"),
    (false_negative_rate, ([[1.0, nan], [0.5, 1.0]],), {"threshold": 0.5}, "labels_or_similarity", "nan"),
    (false_negative_rate, (SQUARE,), {}, "threshold", "None"),
    (false_negative_rate, (SQUARE,), {"threshold": nan}, "threshold", "nan"),
    (false_negative_rate, ([0, 1],), {"threshold": 0.5}, "threshold", "0.5"),
    (false_negative_rate, ([0, 1],), {"weights": [[0.0, -1.0], [1.0, 0.0]]}, "weights", "-1.0"),
    (false_negative_rate, ([0, 1],), {"weights": [[1.0, 0.0], [1.0, 0.0]]}, "weights", "0.0"),
    (false_negative_rate, ([0, 1],), {"weights": [1.0, 1.0]}, "weights", "(2,)"),
    (false_negative_cap, (0.0,), {}, "contamination", "0.0"),
    (false_negative_cap, (1.5,), {}, "contamination", "1.5"),
    (false_negative_cap, ([0.5, nan],), {}, "contamination", "nan"),
    (false_negative_cap, ("x",), {}, "contamination", "'x'"),
]


@pytest.mark.parametrize(("function", "args", "options", "name", "value"), BAD)
def test_bad_input_is_refused_by_name_and_value(function, args, options, name, value):
    assert_refused(name, value, function, *args, **options)
