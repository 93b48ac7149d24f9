"""Distributions against exact counts: what a table holds, what is drawn, and every refusal."""

import doctest
import math

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from refusals import assert_refused
from scipy.stats import chi2

from nslab import _alias, samplers
from nslab._alias import build_table, choose, pack, rank_below
from nslab.samplers import AliasTable, ExclusionWindow, propose, unigram

MILLION = 10**6


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def chi_square_p(ids, q):
    """The p-value of drawn ids against probabilities q."""
    counts = torch.bincount(ids.flatten(), minlength=len(q))
    assert (counts[q == 0] == 0).all()
    expected = q[q > 0] * ids.numel()
    statistic = ((counts[q > 0] - expected) ** 2 / expected).sum().item()
    return chi2.sf(statistic, int((q > 0).sum()) - 1)


def exact_shares(weights):
    """weights / sum in extended precision, the sum by fsum."""
    wide = weights.numpy().astype(np.longdouble)
    wide /= wide.max()
    return wide / np.longdouble(math.fsum(wide.astype(np.float64)))


def worst_relative_error(table, weights):
    rebuilt, exact = table.probabilities().numpy().astype(np.longdouble), exact_shares(weights)
    assert (rebuilt[exact == 0] == 0).all()
    return float(np.abs(rebuilt[exact > 0] / exact[exact > 0] - 1).max())


def test_docstring_examples():
    result = doctest.testmod(samplers)
    assert result.failed == 0 and result.attempted >= 10


# unigram


def test_audited_shares_of_the_rare_word():
    shares = {1: 9.99e-4, 0.75: 5.59e-3, 0.5: 3.07e-2, 0: 0.5}
    for alpha, share in shares.items():
        assert unigram([1000, 1], alpha)[1].item() == pytest.approx(share, rel=2e-3)
    assert unigram([1, 16])[1].item() == pytest.approx(8 / 9, rel=1e-14)


@settings(max_examples=100)
@given(st.lists(st.integers(0, 10**18), min_size=1, max_size=20), st.floats(-40, 40))
def test_unigram_against_exact_logarithms(counts, alpha):
    assume(any(counts))
    q = unigram(counts, alpha)
    assert q.dtype == torch.float64 and q.sum().item() == pytest.approx(1, abs=1e-14)
    assert all((p == 0) for p, c in zip(q.tolist(), counts, strict=True) if c == 0)
    logs = [alpha * math.log(c) for c in counts if c]
    total = math.fsum(math.exp(x - max(logs)) for x in logs)
    want = [math.exp(x - max(logs)) / total for x in logs]
    np.testing.assert_allclose(q[torch.tensor(counts) > 0], want, rtol=1e-11, atol=1e-300)


@pytest.mark.parametrize("alpha", [0, 0.0, -1, -0.5, 0.75, 300, -300])
def test_zero_counts_stay_zero_whatever_alpha(alpha):
    q = unigram([0, 10**18, 1, 0], alpha)
    assert (q[[0, 3]] == 0).all() and q.isfinite().all() and q.sum().item() == pytest.approx(1)


# Alias table

SHAPES = {
    "zipf": lambda n: 1 / torch.arange(1, n + 1, dtype=torch.float64),
    "one hot": lambda n: torch.zeros(n, dtype=torch.float64).index_fill(0, torch.tensor([n // 3]), 7.0),
    "uniform": lambda n: torch.full((n,), 0.1, dtype=torch.float64),
    "two levels": lambda n: torch.where(torch.arange(n) % 7 == 0, 1e-9, 1.0).double(),
    "one donor": lambda n: torch.ones(n, dtype=torch.float64).index_fill(0, torch.tensor([n - 1]), 0.9 * n),
    "log-normal": lambda n: torch.randn(n, dtype=torch.float64, generator=seeded()).mul(3).exp(),
    "nearly uniform": lambda n: 1 + 1e-9 * torch.rand(n, dtype=torch.float64, generator=seeded()),
    "a third zero": lambda n: torch.arange(n, dtype=torch.float64) * (torch.arange(n) % 3 > 0) + (n < 3),
}


@pytest.mark.parametrize("n", [1, 2, 3, 1000, MILLION])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_table_rebuilds_its_weights(shape, n):
    weights = SHAPES[shape](n)
    assert worst_relative_error(AliasTable(weights), weights) < 1e-12


@settings(max_examples=300)
@given(
    st.lists(
        st.one_of(st.just(0.0), st.floats(1e-12, 1e12), st.sampled_from([1.0, 1.5])), min_size=1, max_size=70
    )
)
def test_any_table_rebuilds_its_weights(weights):
    assume(any(weights))
    table = AliasTable(weights)
    values = torch.tensor(weights, dtype=torch.float64)
    assert len(table) == len(weights)
    assert worst_relative_error(table, values) < 1e-14
    assert (table._keep >= 0).all() and (table._keep <= 1).all()
    want = [math.log(w / math.fsum(weights)) if w else -math.inf for w in weights]
    np.testing.assert_allclose(table.log_prob(range(len(weights))), want, rtol=1e-12, atol=1e-13)
    assert (values[table.sample(500, seeded())] > 0).all()


@pytest.mark.parametrize("shape", ["zipf", "log-normal", "a third zero", "uniform"])
@pytest.mark.parametrize("n", [7, 1000])
def test_draws_follow_the_weights(shape, n):
    weights = SHAPES[shape](n)
    if shape == "log-normal":
        weights = weights + 0.01 * weights.mean()  # every id is expected often enough for the test to hold
    table = AliasTable(weights)
    ids = table.sample((2000, 1000), seeded(1))
    assert ids.dtype == torch.int64 and ids.shape == (2000, 1000)
    assert chi_square_p(ids, weights / weights.sum()) > 1e-3


def test_chi_square_notices_one_percent():
    q = SHAPES["zipf"](7)
    ids = AliasTable(q**1.01).sample(2 * MILLION, seeded(1))
    assert chi_square_p(ids, q / q.sum()) < 1e-6


def test_draws_follow_the_generator():
    table = AliasTable([1.0, 2.0, 3.0])
    assert torch.equal(table.sample(100, seeded(5)), table.sample(100, seeded(5)))
    assert not torch.equal(table.sample(100, seeded(5)), table.sample(100, seeded(6)))
    torch.manual_seed(5)
    first = table.sample(100)
    torch.manual_seed(5)
    assert torch.equal(first, table.sample(100))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n", [1, 2, 3, 5, 1000])
def test_every_share_of_the_packed_words_is_the_tables_own(shape, n):
    """All 2^63 random words, counted.

    In column i the coins below the threshold keep i, the others give the alias.
    """
    q = SHAPES[shape](n) / SHAPES[shape](n).sum()
    columns = 1 << (n - 1).bit_length()
    keep, alias = build_table(q, columns)
    words, step = pack(keep, alias), columns  # one coin is so many words apart
    for i, (word, own, other) in enumerate(zip(words.tolist(), keep.tolist(), alias.tolist(), strict=True)):
        kept = len(range(i, max(word, i), step))  # the words r = coin·2^k + i below this column's word
        if own < 1:
            assert kept == int(own * (2**63 // columns)) and word % step == other
        else:
            assert kept >= 2**63 // columns - 1  # the one left is the word itself, and gives i as well


def test_the_words_that_lie_next_to_a_threshold():
    keep, alias = torch.tensor([0.0, 0.25, 1.0, 0.5], dtype=torch.float64), torch.tensor([2, 3, 2, 0])
    words, coin = pack(keep, alias), 2**61
    for column, own in enumerate(keep.tolist()):
        at = int(own * coin)  # the first coin that falls to the alias
        for c in (c for c in (0, at - 1, at, coin - 1) if 0 <= c < coin):
            got = choose(torch.tensor([c << 2 | column]), words).item()
            assert got == (column if c < at else alias[column])


def test_ids_do_not_depend_on_the_number_of_threads(monkeypatch):
    table, size = AliasTable(SHAPES["zipf"](1000)), 3 * _alias.STREAM + 12_345
    drawn = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        drawn.append(table.sample(size, seeded(4)))
    assert torch.equal(drawn[0], drawn[1]) and torch.equal(drawn[0], drawn[2])
    first, second = drawn[0][: _alias.STREAM], drawn[0][_alias.STREAM : 2 * _alias.STREAM]
    assert (first == second).double().mean() < 0.1  # streams of their own


@pytest.mark.parametrize("size", [_alias.FEW, _alias.FEW + 1, 5 * _alias.BLOCK + 3, (7, _alias.FEW)])
def test_large_and_small_draws_follow_the_weights_alike(size):
    q = unigram([5, 3, 0, 2, 1], 1)
    ids = AliasTable(q).sample(size, seeded(9))
    assert ids.shape == (size if isinstance(size, tuple) else (size,)) and ids.dtype == torch.int64
    assert chi_square_p(ids, q) > 1e-3


@pytest.mark.parametrize("size", [0, (0,), (3, 0), (0, 3)])
def test_no_draws_are_an_empty_tensor_of_their_shape(size):
    ids = AliasTable([1.0, 2.0]).sample(size, seeded())
    assert ids.shape == (size if isinstance(size, tuple) else (size,)) and ids.dtype == torch.int64


@pytest.fixture(scope="module")
def beyond_float32():
    """A table of more ids than float32 can tell apart; the hundred above 2²⁴ weigh a million each."""
    weights = torch.ones(2**24 + 100, dtype=torch.float64)
    weights[2**24 :] = 1e6
    return AliasTable(weights)


def bytes_held(table):
    table.sample(10)
    held = [value for value in vars(table).values() if isinstance(value, torch.Tensor)]
    return sum(value.untyped_storage().nbytes() for value in held)


def test_a_table_takes_at_most_24_bytes_an_id(beyond_float32):
    assert bytes_held(AliasTable(torch.ones(1000, dtype=torch.float64))) <= 24 * 1000
    assert bytes_held(beyond_float32) <= 24 * (2**24 + 100)


@settings(max_examples=200)
@given(st.integers(0, 2**63 - 1), st.integers(1, 2**31 - 1))
def test_a_rank_is_the_high_word_of_the_product(random, n):
    assert rank_below(torch.tensor([random]), torch.tensor(n)).item() == random * n >> 63


@settings(max_examples=100)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.integers(0, 30))
@example([1, 1, 1], 0)  # in units, each of the three thirds is rounded down
def test_a_table_with_more_columns_than_ids(weights, more):
    assume(any(weights))
    q = torch.tensor(weights, dtype=torch.float64) / sum(weights)
    columns = len(q) + more
    keep, alias = build_table(q, columns)
    given_away = torch.zeros(columns, dtype=torch.float64).index_add(0, alias, 1 - keep)
    wanted = torch.nn.functional.pad(q, (0, more)) * columns
    torch.testing.assert_close(keep + given_away, wanted, rtol=1e-12, atol=1e-14)
    assert (keep[len(q) :] == 0).all() and (alias < len(q)).all() and (alias >= 0).all()


def test_ids_beyond_two_to_the_24(beyond_float32):
    ids = beyond_float32.sample(200_000, seeded()) - 2**24
    assert (ids >= 0).double().mean().item() == pytest.approx(1e8 / (1e8 + 2**24), rel=0.01)
    assert chi_square_p(ids[ids >= 0], torch.full((100,), 0.01)) > 1e-3


# Exclusion window


def allowed_by_hand(length, window, anchor):
    return [j for j in range(length) if abs(j - anchor) > window]


@settings(max_examples=100)
@given(st.integers(1, 40), st.data())
def test_window_against_brute_force(length, data):
    window = data.draw(st.integers(0, length - 1))
    frames = ExclusionWindow(length, window)
    by_hand = [allowed_by_hand(length, window, anchor) for anchor in range(length)]
    assert [frames.allowed(anchor).tolist() for anchor in range(length)] == by_hand
    assert [frames.count(anchor) for anchor in range(length)] == [len(ids) for ids in by_hand]
    counts = frames.count(torch.arange(length))
    assert int(counts.sum()) == (length - window) * (length - window - 1)
    anchors = [anchor for anchor in range(length) if by_hand[anchor]]
    if anchors:
        drawn = frames.sample(anchors, 30, seeded())
        assert drawn.shape == (len(anchors), 30)
        assert all(set(row) <= set(by_hand[a]) for a, row in zip(anchors, drawn.tolist(), strict=True))


def test_audited_window_and_uniform_draws():
    frames = ExclusionWindow(100, 5)
    assert (frames.count(0), frames.count(99), frames.count(50)) == (94, 94, 89)
    assert type(frames.count(0)) is int and int(frames.count(range(100)).sum()) == 8930
    for anchor in (0, 3, 50, 99):
        q = torch.zeros(100, dtype=torch.float64)
        q[frames.allowed(anchor)] = 1 / frames.count(anchor)
        assert chi_square_p(frames.sample([anchor], 200_000, seeded(anchor)), q) > 1e-3


def test_an_anchor_without_negatives():
    frames = ExclusionWindow(5, 2)
    assert frames.count(2) == 0 and frames.allowed(2).tolist() == []
    with pytest.raises(ValueError, match=r"anchors.*got 2 at index \[1\]"):
        frames.sample([0, 2], 3)


# Proposals


def test_proposals_follow_the_softmax_and_know_their_log_q():
    scores = torch.randn(3, 2, 20, dtype=torch.float64, generator=seeded()).requires_grad_()
    ids, log_q = propose(scores, 100_000, temperature=0.7, generator=seeded(3))
    assert ids.shape == log_q.shape == (3, 2, 100_000) and not log_q.requires_grad
    exact = torch.log_softmax(scores.detach() / 0.7, -1)
    torch.testing.assert_close(log_q, exact.gather(-1, ids), rtol=1e-12, atol=1e-12)
    for row in range(3):
        for column in range(2):
            assert chi_square_p(ids[row, column], exact[row, column].exp()) > 1e-4


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_proposals_keep_the_dtype(dtype):
    scores = torch.tensor([0.5, 1.0, -2.0], dtype=dtype)
    ids, log_q = propose(scores, 50, 0.5, seeded())
    assert log_q.dtype == dtype
    want = torch.log_softmax(scores.double() / 0.5, -1)[ids].to(dtype)
    torch.testing.assert_close(log_q, want)


def test_zero_probability_is_never_proposed():
    scores = torch.full((10_000,), -1e4, dtype=torch.float64)
    scores[::100] = 0.0
    ids, log_q = propose(scores, MILLION, generator=seeded())
    assert (ids % 100 == 0).all() and len(ids.unique()) == 100 and log_q.isfinite().all()
    ids, log_q = propose([0.0, 1e-300, -1.0], 10, temperature=1e-305)
    assert (ids == 1).all() and (log_q == 0).all()


def test_proposals_beyond_two_to_the_24():
    n = 2**24 + 101
    scores = torch.zeros(n)
    scores[-1] = 20.0
    ids, log_q = propose(scores, 10_000, generator=seeded())
    share = math.exp(20) / (math.exp(20) + n - 1)
    assert abs((ids == n - 1).double().mean().item() - share) < 5 * math.sqrt(share * (1 - share) / 10_000)
    assert log_q[ids == n - 1][0].item() == pytest.approx(math.log(share), rel=1e-5)


def test_the_lowest_draw_never_gives_a_zero_probability(monkeypatch):
    monkeypatch.setattr(_alias, "random63", lambda shape, *_: torch.zeros(shape, dtype=torch.int64))
    assert (AliasTable([0.0, 1.0, 2.0]).sample(3) > 0).all()
    monkeypatch.setattr(torch, "rand", lambda shape, **_: torch.zeros(shape, dtype=torch.float64))
    assert propose([-1e4, 0.0], 3)[0].tolist() == [1, 1, 1]


# Refusals

NAN, INF = float("nan"), float("inf")
TABLE, FRAMES = AliasTable([1.0, 2.0]), ExclusionWindow(10, 2)
REAL = [(None, "None"), ("x", "x"), (NAN, "nan"), (INF, "inf"), (True, "")]
WHOLE = [(None, "None"), ("x", "x"), (2.5, "2.5"), (NAN, "nan"), (True, "True")]
MASSES = [([], "(0,)"), ([1, -2], "-2.0"), ([1, NAN], "nan"), ([1, INF], "inf"), ([0, 0], "0"),
    ([[1, 2]], "(1, 2)"),
          (3, "()"), (["a"], "a"), ([True], "bool"), ([1j], "1j"), (None, "None")]  # fmt: skip
IDS = [
    ([2.0], "float"),
    ([-1], "-1"),
    ([10], "10"),
    (np.zeros(0, int), "(0,)"),
    ([True], "bool"),
    (None, "None"),
]
BAD = [
    (unigram, {"counts": [1, 2]}, "counts", MASSES),
    (unigram, {"counts": [1, 2]}, "alpha", [*REAL, ([1.0], "[1.0]")]),
    (AliasTable, {}, "weights", MASSES),
    (AliasTable, {"weights": [1]}, "device", [("nowhere", "nowhere"), ("cuda:99", "cuda:99")]),
    (TABLE.sample, {}, "size", [*WHOLE, (-1, "-1"), ((3, -2), "-2"), ((), "()"), ([3], "[3]")]),
    (TABLE.sample, {"size": 3}, "generator", [(0, "0"), ("x", "x")]),
    (TABLE.log_prob, {}, "ids", IDS),
    (ExclusionWindow, {"window": 1}, "length", [*WHOLE, (0, "0"), (2**31, str(2**31))]),
    (ExclusionWindow, {"length": 10}, "window", [*WHOLE, (-1, "-1"), (10, "10")]),
    (FRAMES.allowed, {}, "anchor", [*WHOLE, (-1, "-1"), (10, "10")]),
    (FRAMES.count, {}, "anchor", [*IDS, (10, "10")]),
    (FRAMES.sample, {"k": 3}, "anchors", [*IDS, (3, "()"), ([[3]], "(1, 1)")]),
    (FRAMES.sample, {"anchors": [3]}, "k", [*WHOLE, (0, "0")]),
    (FRAMES.sample, {"anchors": [3], "k": 1}, "generator", [(0, "0")]),
    (
        propose,
        {"k": 3},
        "scores",
        [([], "(0,)"), ([NAN, 1], "nan"), ([-INF, 1], "-inf"), (1.0, "1.0"), (["a"], "a")],
    ),
    (propose, {"scores": [1, 2]}, "k", [*WHOLE, (0, "0")]),
    (propose, {"scores": [1, 2], "k": 1}, "temperature", [*REAL, (0, "0.0"), (-1, "-1.0")]),
    (propose, {"scores": [1, 2], "k": 1}, "generator", [(0, "0")]),
]


@pytest.mark.parametrize(
    ("function", "call", "name", "value", "shown"),
    [
        pytest.param(function, call, name, value, shown, id=f"{function.__qualname__}-{name}-{value!r}")
        for function, call, name, values in BAD
        for value, shown in values
    ],
)
def test_bad_input_is_named(function, call, name, value, shown):
    assert_refused(name, shown, function, **{**call, name: value})


def test_a_generator_elsewhere_is_refused():
    with pytest.raises(ValueError, match="generator must live on cuda:0, got one on cpu"):
        samplers._on(torch.device("cuda:0"), seeded())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_table_on_the_gpu():
    weights = SHAPES["log-normal"](MILLION)
    table = AliasTable(weights, device="cuda")
    here, there = AliasTable(weights).probabilities(), table.probabilities().cpu()
    torch.testing.assert_close(there, here, rtol=1e-12, atol=0)
    ids = table.sample(1000, torch.Generator("cuda").manual_seed(0))
    assert ids.device.type == "cuda" and table.log_prob(ids).isfinite().all()
    with pytest.raises(ValueError, match="generator"):
        table.sample(3, seeded())
