"""Chapter 09: what its explainers compute, against independent computations, and what its prose claims."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.optimize import minimize
from scipy.stats import multinomial

from nslab import cost_in_batch, cost_per_example, datasets, in_batch_duplicates, info_nce, info_nce_in_batch
from nslab.explain import AccidentalHits, SchemeCost
from nslab.explain.scheme_cost import SIZES

P = np.array([0.4, 0.25, 0.2, 0.1, 0.05])


# --- what both ways cost


@pytest.mark.parametrize(("b", "k", "d"), [(7, 3, 8), (32, 31, 16), (5, 1, 24)])
def test_costs_are_those_of_real_arrays(b: int, k: int, d: int) -> None:
    anchors, positives, negatives = np.zeros((b, d), "f4"), np.zeros((b, d), "f4"), np.zeros((b, k, d), "f4")
    own_scores, shared_scores = np.zeros((b, 1 + k), "f4"), np.zeros((b, b), "f4")
    costs = SchemeCost()
    result = costs.at(b=b, k=k, d=d)
    assert result.own.bytes == sum(x.nbytes for x in (anchors, positives, negatives, own_scores))
    assert result.shared.bytes == sum(x.nbytes for x in (anchors, positives, shared_scores))
    assert result.own.encoder_calls == sum(x.size // d for x in (anchors, positives, negatives))
    assert 2 * result.own.encoder_calls == (k + 2) * result.shared.encoder_calls
    texts = {name: moves["text"] for name, moves in costs.scene(result).items() if "text" in moves}
    assert texts["own scores"] == f"{own_scores.size:,} scores"
    assert texts["shared scores"] == f"{shared_scores.size:,} scores"
    assert texts["shared vectors"] == f"{(anchors.size + positives.size) // d:,} vectors"


@pytest.mark.parametrize(("k", "d"), [(1, 8), (5, 300), (3, 64)])
def test_own_negatives_hold_less_exactly_beyond_the_crossover(k: int, d: int) -> None:
    crossover = SchemeCost().at(k=k, d=d).crossover
    smaller = [
        b for b in range(1, 2 * crossover) if cost_per_example(b, k, d).bytes < cost_in_batch(b, d).bytes
    ]
    assert smaller == list(range(crossover + 1, 2 * crossover))
    assert cost_per_example(crossover, k, d).bytes == cost_in_batch(crossover, d).bytes, (
        "the curves cross there"
    )


def test_the_summary_says_which_takes_more_and_where_they_are_equal_only_beyond() -> None:
    costs = SchemeCost()
    said = {b: costs.summary(costs.at(b=b, k=5, d=300)) for b in (1505, 1506, 1507)}
    assert said[1505].endswith("\nown negatives take more bytes") and "1,506" not in said[1505]
    assert said[1506].endswith("\nboth take as many bytes")
    assert said[1507].endswith("\nshared negatives take more bytes, equal at B = 1,506")


def test_curves_pass_through_the_dots() -> None:
    result, place = SchemeCost().at(b=1024, k=5, d=300), SIZES.index(1024)
    assert (result.own_bytes[place], result.shared_bytes[place]) == (result.own.bytes, result.shared.bytes)


@pytest.mark.parametrize(("b", "k"), [(1024, 1023), (1024, 5), (8, 1023), (65_536, 1)])
def test_areas_are_bytes_on_one_scale(b: int, k: int) -> None:
    costs = SchemeCost()
    result = costs.at(b=b, k=k)
    scene = costs.scene(result)

    def areas(name: str) -> list[float]:
        parts = [scene[f"{name} {part} area"] for part in ("vector", "score")]
        return [(part["x"][1] - part["x"][0]) * (1 - part["low"][0]) for part in parts]

    drawn = [*areas("own"), *areas("shared")]
    held = [bytes for way in (result.own, result.shared) for bytes in (way.embedding_bytes, way.logit_bytes)]
    assert max(sum(drawn[:2]), sum(drawn[2:])) == pytest.approx(1)
    assert drawn == pytest.approx([x / max(result.own.bytes, result.shared.bytes) for x in held])


def test_as_many_negatives_need_the_same_arithmetic() -> None:
    own, shared = cost_per_example(1024, 1023, 128), cost_in_batch(1024, 128)
    assert own.flops == shared.flops and 2 * own.encoder_calls == 1025 * shared.encoder_calls


@pytest.mark.parametrize("with_q", [False, True])
def test_linear_cross_entropy_is_in_batch_infonce(with_q: bool) -> None:
    generator = torch.Generator().manual_seed(3)
    vectors = torch.randn(2, 300, 20, generator=generator, dtype=torch.float64)
    log_q = torch.rand(300, generator=generator, dtype=torch.float64).log() if with_q else None
    found = []
    for streaming in (False, True):
        query, key = (x.clone().requires_grad_() for x in vectors)
        if streaming:
            options = torch.nn.LinearCrossEntropyOptions(batch_chunk_size=64, chunking_method=None)
            bias = None if log_q is None else -log_q
            target = torch.arange(300)
            loss = F.linear_cross_entropy(query / 0.5, key, target, linear_bias=bias, options=options)
        else:
            loss = info_nce_in_batch(query, key, temperature=0.5, log_q=log_q)
        loss.backward()
        assert query.grad is not None and key.grad is not None
        found.append(torch.cat([loss.detach().view(1), query.grad.ravel(), key.grad.ravel()]))
    assert torch.allclose(found[0], found[1], rtol=0, atol=1e-13)


# --- sharing


def noise(rows: np.ndarray, shared: bool, generator: np.random.Generator, masked: str = "") -> np.ndarray:
    """Mean and sd over steps of the batch's loss, and its correlation with false and with hard negatives."""
    images, labels = (x.numpy() for x in datasets.digit_embeddings())
    scores, own = images[rows] @ images.T, labels[rows, None] == labels
    pos = np.array([np.sort(s[same])[-6] for s, same in zip(scores, own, strict=True)])[:, None]
    seen = []
    for _ in range(150):
        drawn = generator.integers(len(images), size=(1 if shared else len(rows), 63))
        ids = np.broadcast_to(drawn, (len(rows), 63))
        neg, false = np.take_along_axis(scores, ids, 1), np.take_along_axis(own, ids, 1)
        hard = (neg > 0.6) & ~false
        left = np.ones_like(false)
        if "false" in masked:
            left &= ~false
        if "hard" in masked:
            left &= ~hard
        loss = np.log1p((left * np.exp((neg - pos) / 0.1)).sum(1)).mean()
        seen.append([loss, false.sum(), hard.any(1).mean()])
    table = np.array(seen)
    return np.r_[table[:, 0].mean(), table[:, 0].std(ddof=1), np.corrcoef(table.T)[0, 1:]]


def eights(seed: int) -> np.ndarray:
    labels = datasets.digit_embeddings().labels.numpy()
    return np.random.default_rng(seed).permutation(np.flatnonzero(labels == 8))[:64]


def test_sharing_keeps_the_mean_and_adds_noise_where_anchors_are_alike() -> None:
    for alike, least, most in ((False, 0.9, 1.5), (True, 1.7, 3.5)):
        found = []
        for seed in range(4):
            generator = np.random.default_rng(seed)
            rows = eights(seed) if alike else generator.permutation(1797)[:64]
            found.append([noise(rows, shared, generator)[:2] for shared in (False, True)])
        (own_mean, own_noise), (shared_mean, shared_noise) = np.mean(found, 0)
        assert abs(shared_mean / own_mean - 1) < 0.03
        assert least < shared_noise / own_noise < most


@pytest.mark.parametrize("masked", ["", "false", "false, hard"])
def test_eights_that_share_have_about_twice_the_noise_masked_or_not(masked: str) -> None:
    """A mask lowers the noise of both ways; what similar anchors share is the set, whatever is in it."""
    own, shared = (
        np.mean([noise(eights(seed), way, np.random.default_rng(seed), masked)[1] for seed in range(5)])
        for way in (False, True)
    )
    assert 1.6 < shared / own < 2.8
    assert shared == pytest.approx({"": 0.142, "false": 0.060, "false, hard": 0.030}[masked], rel=0.15)


# --- batches of several parts


ENCODER = torch.randn(64, 16, generator=torch.Generator().manual_seed(4), dtype=torch.float64)


def digits_of_a_class() -> tuple[torch.Tensor, torch.Tensor]:
    """32 digits, and for each another one of its class."""
    images, labels = datasets.digits()
    images = images - images.mean(0)
    partner = [int((labels[64:] == y).nonzero()[i % 7]) + 64 for i, y in enumerate(labels[:32])]
    return images[:32], images[partner]


def slope(way: object) -> torch.Tensor:
    weight = ENCODER.clone().requires_grad_()
    way(lambda x: F.normalize(x @ weight))  # type: ignore[operator]
    assert weight.grad is not None
    return weight.grad


def whole_batch(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return slope(lambda e: info_nce_in_batch(e(a), e(b), temperature=0.1).backward())


def test_accumulation_is_not_a_larger_batch_and_caching_is() -> None:
    """Embed without a graph, cache the gradient of each embedding, encode again in chunks."""
    a, b = digits_of_a_class()
    calls = []

    def cached(e: object) -> None:
        def encode(x: torch.Tensor) -> torch.Tensor:
            calls.append(len(x))
            return e(x)  # type: ignore[operator]

        with torch.no_grad():
            query, key = encode(a), encode(b)
        info_nce_in_batch(query.requires_grad_(), key.requires_grad_(), temperature=0.1).backward()
        for items, slopes in ((a, query.grad), (b, key.grad)):
            assert slopes is not None
            for part, each in zip(items.split(8), slopes.split(8), strict=True):
                encode(part).backward(each)

    def accumulated(e: object) -> None:
        for x, y in zip(a.split(8), b.split(8), strict=True):
            (info_nce_in_batch(e(x), e(y), temperature=0.1) / 4).backward()  # type: ignore[operator]

    whole = whole_batch(a, b)
    assert torch.allclose(slope(cached), whole, rtol=0, atol=1e-13 * float(whole.abs().max()) * 64)
    assert sum(calls) == 2 * 64, "everything is encoded twice"
    assert (slope(accumulated) - whole).norm() > 0.2 * whole.norm()


@pytest.mark.parametrize("devices", [2, 4])
def test_when_the_loss_is_multiplied_by_the_number_of_devices(devices: int) -> None:
    a, b = digits_of_a_class()

    def own_rows(x: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        return x.detach().index_copy(0, own, x[own])

    def averaged(gather: object, every: bool) -> torch.Tensor:
        def way(e: object) -> None:
            for own in torch.arange(32).chunk(devices):
                query, key = (gather(e(x), own) for x in (a, b))  # type: ignore[operator]
                rows = torch.arange(32) if every else own
                (F.cross_entropy(query[rows] @ key.T / 0.1, rows) / devices).backward()

        return slope(way)

    whole, close = whole_batch(a, b), {"rtol": 0, "atol": 1e-12}
    assert torch.allclose(averaged(lambda x, own: x, False), whole, **close), "with the gradient: by nothing"
    assert torch.allclose(devices * averaged(own_rows, True), whole, **close), "all rows, own gradient: by W"
    off = averaged(own_rows, False)
    factor = (off * whole).sum() / (off * off).sum()
    assert (factor * off - whole).norm() > 0.05 * whole.norm(), "own rows, own gradient: no factor repairs it"


def test_equal_negatives_count_twice_and_equal_anchors_are_false_negatives() -> None:
    twice = info_nce(0.9, [0.3, 0.3, 0.1], temperature=0.1)
    assert twice == pytest.approx(
        float(info_nce(0.9, [0.3 + 0.1 * math.log(2), 0.1], temperature=0.1)), rel=1e-12
    )
    query, key = torch.tensor([[1.0, 1, 0], [1, 1, 0], [0, 0, 1]]), torch.eye(3)
    ids = info_nce_in_batch(query, key, temperature=0.1, ids=torch.arange(3))
    apart = torch.tensor([[True, False, True], [False, True, True], [True, True, True]])
    masked = info_nce_in_batch(query, key, temperature=0.1, mask=apart)
    assert float(ids) > 2 / 3 * math.log(2) - 1e-3 and float(masked) < 1e-3, "ids do not see it, a mask does"


# --- accidental hits


def zipf(n: int) -> np.ndarray:
    return 1 / np.arange(1, n + 1)


def test_expected_hits_against_every_pair() -> None:
    result = AccidentalHits(counts=zipf(10)).at(b=5, alpha=1.0)
    weights = [Fraction(1, rank) for rank in range(1, 11)]
    p = [w / sum(weights) for w in weights]
    assert result.expected == pytest.approx(float(4 * sum(x * x for x in p)), rel=1e-12)
    assert result.head == pytest.approx(1)
    weights = [Fraction(1, rank) for rank in range(1, 31)]
    head = sum(w * w for w in weights[:10]) / sum(w * w for w in weights)
    assert AccidentalHits(counts=zipf(30)).at(alpha=1.0).head == pytest.approx(float(head), rel=1e-12)


@pytest.mark.parametrize(("b", "alpha", "n"), [(256, 1.0, 10_000), (64, 0.0, 10), (2, 0.5, 500)])
def test_drawn_hits_are_counted_pair_by_pair(b: int, alpha: float, n: int) -> None:
    explainer = AccidentalHits(counts=zipf(n))
    result = explainer.at(b=b, alpha=alpha)
    p = zipf(n) ** alpha
    edges = np.cumsum(p / p.sum())
    for row, coins in enumerate(explainer._coins[:, :b].numpy()):
        items = [min(int((edges < coin).sum()), n - 1) for coin in coins]
        hits = sum(x == y for x, y in itertools.permutations(items, 2)) / b
        assert result.drawn[row] == pytest.approx(hits)
        assert result.distinct[row] == len(set(items))


def test_the_expected_hits_lie_among_the_drawn_ones() -> None:
    explainer = AccidentalHits(counts=zipf(100))
    result = explainer.at(b=256, alpha=0.5)
    assert result.drawn.min() < result.expected < result.drawn.max()
    assert (
        abs(result.drawn.mean() - result.expected) < 3 * result.drawn.std(ddof=1) / len(result.drawn) ** 0.5
    )
    assert explainer.scene(result)["here"]["y"] == pytest.approx(result.expected)


def test_only_the_rows_of_the_batch_are_shaded_and_frequent_ones_stand_on_top() -> None:
    explainer = AccidentalHits(counts=zipf(50))
    result = explainer.at(b=7, alpha=1.0)
    field = explainer.scene(result)["field"]
    assert np.ptp(field["x"]) == 7 and field["low"] == [13, 13] and (np.diff(result.items) >= 0).all()


def test_the_matrix_marks_the_pairs_that_repeat() -> None:
    for b, n in ((256, 20), (3, 4)):
        explainer = AccidentalHits(["the", "of"], zipf(n))
        result = explainer.at(b=b, alpha=1.0)
        scene, items = explainer.scene(result), result.items.tolist()
        assert len(items) == min(b, 20)
        shown = {(19.5 - y, x - 8.5) for x, y in zip(scene["hits"]["x"], scene["hits"]["y"], strict=True)}
        assert shown == {
            (i, j) for i, j in itertools.permutations(range(len(items)), 2) if items[i] == items[j]
        }
        names = {0: "the", 1: "of"}
        assert [scene[f"row {i}"]["text"] for i in range(len(items))] == [
            names.get(item, f"#{item + 1}") for item in items
        ]


def test_the_figure_opens_away_from_the_answer_that_the_chapter_asks_for() -> None:
    hits = AccidentalHits(*datasets.lee_vocabulary())
    assert hits.at().expected < 0.1 and hits.at(alpha=1.0).expected == pytest.approx(2.303, abs=1e-3)


def test_draws_lie_around_the_expectation() -> None:
    for b, alpha, n in ((8192, 1.0, 10_000), (8192, 0.0, 100), (4096, 0.5, 1000)):
        result = AccidentalHits(counts=zipf(n)).at(b=b, alpha=alpha)
        assert result.drawn.mean() == pytest.approx(result.expected, rel=0.05)


def test_the_duplicates_that_the_chapter_names() -> None:
    p = zipf(10_000) / zipf(10_000).sum()
    assert float(in_batch_duplicates(p, 256)) == pytest.approx(4.4, abs=0.05)
    assert float(in_batch_duplicates(p, 4096)) == pytest.approx(70.3, abs=0.05)
    counts = datasets.lee_vocabulary().counts.double()
    p = counts / counts.sum()
    assert len(counts) == 7002 and float(in_batch_duplicates(p, 256)) == pytest.approx(2.3, abs=0.05)
    assert 1 / 15.5 < float(p[0]) < 1 / 14.5, "“the” is one word in fifteen"


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: SchemeCost().at(k=0), "k must lie between 1 and 65535, got 0"),
        (lambda: AccidentalHits(counts=[1, 2]), "counts must be one row, the most frequent item first"),
        (lambda: AccidentalHits().at(alpha=-0.1), r"alpha must lie between 0.0 and 1.0, got -0.1"),
    ],
)
def test_explainers_refuse_what_is_off_their_scale(build: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()  # type: ignore[operator]


# --- what the best scores are


def distance_of_the_best(
    k: int, on_positive: np.ndarray, on_negatives: np.ndarray, mask: bool = False
) -> float:
    """TV distance of softmax(best scores) from P; negatives enumerated as counts, minimised by scipy."""
    counts = [c for c in itertools.product(range(k + 1), repeat=5) if sum(c) == k]
    chances = multinomial.pmf(counts, k, P)
    pairs = [(y, np.array(c), w) for c, w in zip(counts, chances, strict=True) for y in range(5)]

    def loss_and_slope(s: np.ndarray) -> tuple[float, np.ndarray]:
        loss, slope = 0.0, np.zeros(5)
        for y, count, chance in pairs:
            weights = np.where(np.arange(5) == y, 0, count) if mask else count
            top, rest = math.exp(s[y] - on_positive[y]), weights * np.exp(s - on_negatives)
            total = top + rest.sum()
            loss += P[y] * chance * math.log(total / top)
            slope += P[y] * chance * (rest + top * np.eye(5)[y]) / total
            slope[y] -= P[y] * chance
        return loss, slope

    found = minimize(loss_and_slope, np.zeros(5), jac=True, method="BFGS", options={"gtol": 1e-9}).x
    shares = np.exp(found) / np.exp(found).sum()
    return float(np.abs(shares - P).sum() / 2)


NONE, LOG_Q = np.zeros(5), np.log(P)


@pytest.mark.parametrize(
    ("k", "negatives", "with_ln_k", "masked"),
    [(1, 0.116, 0.116, 0.0), (2, 0.032, 0.048, 0.024), (4, 0.014, 0.038, 0.054)],
)
def test_where_log_q_goes(k: int, negatives: float, with_ln_k: float, masked: float) -> None:
    assert distance_of_the_best(k, NONE, NONE) == pytest.approx(0.25, abs=1e-6)
    assert distance_of_the_best(k, LOG_Q, LOG_Q) < 1e-6
    assert distance_of_the_best(k, NONE, LOG_Q) == pytest.approx(negatives, abs=6e-4)
    assert distance_of_the_best(k, NONE, LOG_Q + math.log(k)) == pytest.approx(with_ln_k, abs=6e-4)
    assert distance_of_the_best(k, LOG_Q, LOG_Q, mask=True) == pytest.approx(masked, abs=6e-4)


def test_the_rule_to_mask_by_leaves_an_error_that_fades() -> None:
    """The positive's score as it is, ln(K q) off the negatives, hits masked."""
    errors = [distance_of_the_best(k, NONE, LOG_Q + math.log(k), mask=True) for k in (1, 2, 4)]
    assert errors == pytest.approx([0.116, 0.030, 0.011], abs=6e-4)
    assert errors[-1] < distance_of_the_best(4, LOG_Q, LOG_Q, mask=True)


def test_with_ln_k_the_error_never_fades() -> None:
    """K → ∞: the corrected negatives are the whole sum, and the positive comes on top."""

    def loss(s: np.ndarray) -> float:
        return float(P @ (np.logaddexp(s, np.log(np.exp(s).sum())) - s))

    s = minimize(loss, np.zeros(5), tol=1e-10).x
    assert np.abs(np.exp(s) / np.exp(s).sum() - P).sum() / 2 == pytest.approx(0.0321, abs=2e-4)
    few, more = (distance_of_the_best(k, NONE, LOG_Q) for k in (4, 7))
    assert more < 0.6 * few, "without ln K it does"


def test_masking_after_the_correction_grows_with_k_and_fades_without_frequent_items() -> None:
    few, more = (distance_of_the_best(k, LOG_Q, LOG_Q, mask=True) for k in (4, 7))
    assert few < more < 0.17

    def at_k_infinite(p: np.ndarray) -> float:
        def loss_and_slope(s: np.ndarray) -> tuple[float, np.ndarray]:
            e = np.exp(s)
            others = e.sum() - e
            share = p / others
            return float(p @ (np.log(others) - s)), e * (share.sum() - share) - p

        s = minimize(loss_and_slope, np.log(p), jac=True, method="L-BFGS-B", options={"ftol": 1e-14}).x
        return float(np.abs(np.exp(s) / np.exp(s).sum() - p).sum() / 2)

    even = np.arange(1, 201.0) ** -0.5  # the most frequent of 200 items comes 4 % of the time
    assert at_k_infinite(P) == pytest.approx(0.171, abs=1e-3)
    assert 0.001 < at_k_infinite(even / even.sum()) < 0.005


def test_one_corrected_negative_gives_the_square_root() -> None:
    root = np.sqrt(P) / np.sqrt(P).sum()
    assert distance_of_the_best(1, NONE, LOG_Q) == pytest.approx(np.abs(root - P).sum() / 2, abs=1e-6)


@pytest.mark.parametrize("corrected", [False, True])
def test_the_library_on_every_batch_of_three(corrected: bool) -> None:
    """Two anchors, three items: at the claimed scores the expected gradient of info_nce_in_batch is zero."""
    joint = torch.tensor([[0.3, 0.1, 0.2], [0.05, 0.25, 0.1]], dtype=torch.float64)
    p_x, p_y = joint.sum(1, keepdim=True), joint.sum(0)
    best = (joint / p_x).log() if corrected else (joint / p_x / p_y).log()
    slopes = {}
    for name, start in (("best", best), ("elsewhere", torch.zeros_like(best))):
        scores = start.clone().requires_grad_()
        total = torch.zeros((), dtype=torch.float64)
        for batch in itertools.product(range(6), repeat=3):
            x, y = (torch.tensor(batch) // 3, torch.tensor(batch) % 3)
            log_q = p_y.log()[y] if corrected else None
            keys = torch.eye(3, dtype=torch.float64)[y]
            total = total + joint[x, y].prod() * info_nce_in_batch(
                scores[x], keys, temperature=1.0, log_q=log_q
            )
        total.backward()
        assert scores.grad is not None
        slopes[name] = float(scores.grad.abs().max())
    assert slopes["best"] < 1e-14 < 0.01 < slopes["elsewhere"]


# --- borrowing pays


def recognised(seed: int, b: int, k: int, rate: float) -> float:
    """Share of held-out digits recognised from a second view; k = 0 borrows."""
    images = datasets.digits().images.numpy()
    images = images - images.mean(0)
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(images))
    train, held_out = images[order[:1200]], images[order[1200:]]
    weight = generator.normal(size=(64, 16)) / 8

    def view(x: np.ndarray) -> np.ndarray:
        return x * (generator.random(x.shape) < 0.5)

    for _ in range(40):
        rows = train[generator.permutation(1200)[:b]]
        own = view(train[generator.integers(1200, size=b * k)]) if k else np.empty((0, 64))
        inputs = [torch.from_numpy(x) for x in (view(rows), view(rows), own)]
        leaf = torch.from_numpy(weight).requires_grad_()
        query, key, neg = (F.normalize(x @ leaf, dim=1) for x in inputs)
        scores = query @ key.T
        if k:
            negatives = torch.einsum("bd,bkd->bk", query, neg.view(b, k, 16))
            loss = info_nce(scores.diagonal(), negatives, temperature=0.1)
        else:
            loss = F.cross_entropy(scores / 0.1, torch.arange(b))
        weight = weight - rate * torch.autograd.grad(loss, leaf)[0].numpy()
    sides = [
        v / np.linalg.norm(v, axis=1, keepdims=True)
        for v in (view(held_out) @ weight, view(held_out) @ weight)
    ]
    return float(((sides[0] @ sides[1].T).argmax(1) == np.arange(len(held_out))).mean())


@pytest.mark.parametrize("rate", [0.5, 2.0])
def test_for_the_same_encoding_borrowing_recognises_more(rate: float) -> None:
    shares = {
        arm: [recognised(seed, *arm, rate) for seed in range(20, 23)] for arm in ((96, 0), (64, 1), (32, 4))
    }
    calls = {cost_in_batch(96, 16).encoder_calls} | {
        cost_per_example(b, k, 16).encoder_calls for b, k in ((64, 1), (32, 4), (12, 14))
    }
    assert calls == {192}
    assert min(shares[96, 0]) > max(shares[64, 1] + shares[32, 4])
