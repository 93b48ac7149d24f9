"""`diagnose` against brute force, on planted faults, many rows and broken input.

The faults are planted in digits. Its card and its command are tested too.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from refusals import assert_refused

import nslab.__main__ as command
from nslab import Diagnosis, diagnose, diagnosis, smallest_k, temperature_for_entropy
from nslab.datasets import digits
from nslab.diagnosis import _advice, _measure

ROOT = Path(__file__).resolve().parents[2]
F64 = torch.float64
nan, inf = float("nan"), float("inf")


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = F64) -> torch.Tensor:
    return torch.randn(shape, generator=seeded(seed), dtype=dtype)


def unit(vectors: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(vectors, dim=1)


def digit_pairs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """870 pairs of two different pictures of one digit, of length 1, and their labels."""
    images, labels = digits()
    rows = torch.cat([(labels == digit).nonzero().ravel()[:174] for digit in range(10)])
    pictures = unit(images[rows])
    return pictures[0::2], pictures[1::2], labels[rows][0::2]


def close(found: dict, want: dict, rel: float) -> bool:
    """The same names, None in the same places, and the other numbers near each other."""
    missing = {name for name, value in want.items() if value is None}
    numbers = {name: value for name, value in found.items() if value is not None}
    return numbers == pytest.approx({n: v for n, v in want.items() if n not in missing}, rel=rel, abs=1e-12)


def advice(found: Diagnosis, topic: str) -> str:
    """The tone and the advice of one topic, as the report gives them."""
    finding = next(f for f in _advice.findings(found.as_dict()) if f.topic == topic)
    assert " ".join(finding.advice.split()) in " ".join(str(found).split())
    return f"{finding.tone}: {finding.advice}"


# Each number against a loop that holds every score.


def brute_force(query, key, labels, ids, tau):
    """The numbers that need no search, an anchor and a negative at a time, with K = M − 1."""
    q, key_rows = query.tolist(), key.tolist()
    pairs, keys = len(q), len(key_rows)
    dot = [[sum(a * b for a, b in zip(x, y, strict=True)) for y in key_rows] for x in q]
    rows = []
    for i in range(pairs):
        others = [j for j in range(keys) if j != i]
        weight = {j: math.exp((dot[i][j] - max(dot[i][m] for m in others)) / tau) for j in others}
        total = sum(weight.values())
        p = {j: w / total for j, w in weight.items()}
        false = [
            j
            for j in others
            if (labels is not None and labels[j] == labels[i]) or (ids is not None and ids[j] == ids[i])
        ]
        x = math.fsum(math.exp((dot[i][j] - dot[i][i]) / tau) for j in others)
        rows.append(
            {
                "own": dot[i][i],
                "negatives": [dot[i][j] for j in others],
                "wins": sum(dot[i][j] < dot[i][i] for j in others) / len(others),
                "pull": x / (1 + x),
                "count": math.exp(-sum(w * math.log(w) for w in p.values() if w > 0)),
                "false": len(false) / len(others),
                "push": sum(p[j] for j in false),
                "hard": sum(dot[i][j] >= dot[i][i] - tau and j not in false for j in others),
            }
        )
    gaps = [row["own"] - np.mean(row["negatives"]) for row in rows]
    column = {name: [row[name] for row in rows] for name in rows[0]}
    rho = np.array(column["hard"]) / (keys - 1)
    mean_rho = Fraction(sum(column["hard"]), pairs * (keys - 1))
    want = {
        "positive_mean": np.mean(column["own"]),
        "positive_sd": np.std(column["own"], ddof=1),
        "negative_mean": np.mean(column["negatives"]),
        "negative_sd": np.std(column["negatives"]),
        "gap_mean": np.mean(gaps),
        "gap_sd": np.std(gaps, ddof=1),
        "gap_error": np.std(gaps, ddof=1) / pairs**0.5,
        "positive_wins": np.mean(column["wins"]),
        "positive_wins_error": np.std(column["wins"], ddof=1) / pairs**0.5,
        "pull": np.mean(column["pull"]),
        "effective_negatives": np.median(column["count"]),
        "effective_negatives_p10": np.quantile(column["count"], 0.1),
        "effective_negatives_p90": np.quantile(column["count"], 0.9),
        "hard_share": np.mean(rho),
        "without_hard": np.mean(rho == 0),
        "chance_k": np.mean(1 - (1 - rho) ** (keys - 1)),
    }
    if labels is not None or ids is not None:
        want["false_share"] = np.mean(column["false"])
        want["false_push"] = np.mean(column["push"])
        want["false_push_error"] = np.std(column["push"], ddof=1) / pairs**0.5
        want["logit_cap"] = -math.log(want["false_share"]) if want["false_share"] else None
    if ids is not None:
        counts = np.array([list(ids[:pairs]).count(i) for i in set(ids[:pairs])])
        same = [sum(ids[j] == ids[i] for j in range(keys) if j != i) for i in range(pairs)]
        meeting = sum(ids[a] == ids[b] for a in range(pairs) for b in range(pairs) if a != b)
        spread = len(counts) * meeting / (pairs * (pairs - 1)) - 1
        want |= {"repeats": np.mean(same), "items": len(counts), "top_item_share": counts.max() / pairs}
        want["popularity_cv"] = max(0, spread) ** 0.5
    if mean_rho:
        want["k_mean"] = smallest_k(mean_rho, 0.95)
        want["chance_k_mean"] = np.mean(1 - (1 - rho) ** want["k_mean"])
    # The smallest K that serves a share of the anchors, by trying each anchor's own.
    own_k = sorted(smallest_k(Fraction(h, keys - 1), 0.95) if h else inf for h in column["hard"])
    for name, share in (("k_median", Fraction(1, 2)), ("k_p90", Fraction(9, 10))):
        k = next(k for k in own_k if sum(o <= k for o in own_k) >= share * pairs)
        want[name] = None if k == inf else k
    for name, vectors in (("query", query), ("key", key)):
        length = np.linalg.norm(vectors.numpy(), axis=1)
        directions = vectors.numpy() / length[:, None]
        cosine = directions @ directions.T
        values = np.linalg.svd(directions, compute_uv=False)
        p = values / values.sum()
        want[f"mean_cosine_{name}"] = cosine[~np.eye(len(cosine), dtype=bool)].mean()
        want[f"effective_rank_{name}"] = math.exp(-sum(x * math.log(x) for x in p if x > 0))
        want[f"{name}_length_min"], want[f"{name}_length_max"] = length.min(), length.max()
    return want


@settings(max_examples=50)
@given(
    seed=st.integers(0, 10**6),
    pairs=st.integers(2, 25),
    extra=st.integers(0, 4),
    dim=st.integers(1, 6),
    tau=st.sampled_from([0.05, 0.3, 2.0]),
    with_labels=st.booleans(),
    with_ids=st.booleans(),
)
def test_every_number_equals_a_loop_over_all_scores(seed, pairs, extra, dim, tau, with_labels, with_ids):
    query, key = normal(pairs, dim, seed=seed), normal(pairs + extra, dim, seed=seed + 1)
    draw = torch.randint(0, 3, (2, len(key)), generator=seeded(seed))
    labels = draw[0] if with_labels else None
    ids = 10 * draw[1] if with_ids else None
    found = diagnose(query, key, labels=labels, ids=ids, temperature=tau).as_dict()
    want = brute_force(
        query, key, labels.tolist() if with_labels else None, ids.tolist() if with_ids else None, tau
    )
    # Scores of up to 40 over τ = 0.05 lose at most 800 roundings of 1e-16 in a weight; sums add a few.
    for name, value in want.items():
        expected = None if value is None else pytest.approx(value, rel=1e-9, abs=1e-9)
        assert found[name] == expected, name
    asked = {"false_share", "false_push", "false_push_error", "logit_cap"}
    assert with_labels or with_ids or all(found[name] is None for name in asked)
    assert with_ids or all(found[name] is None for name in ("items", "top_item_share", "popularity_cv"))
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_the_temperature_for_n_is_the_median_over_anchors(seed, scale):
    query, key = scale * normal(41, 5, seed=seed), normal(150, 5, seed=seed + 9)
    found = diagnose(query, key, temperature=scale).as_dict()
    scores = query @ key.T
    negatives = torch.stack([row[torch.arange(150) != i] for i, row in enumerate(scores)])
    for n in (2, 10, 100):
        want = temperature_for_entropy(negatives, math.log(n)).median().item()
        assert found[f"temperature_for_{n}"] == pytest.approx(want, rel=1e-3)
    assert found["temperature_for_1000"] is None and found["temperature_anchors"] == 41


def test_two_that_tie_at_the_top_always_count():
    key = torch.eye(4, dtype=F64)[[0, 1, 1, 1, 2, 2, 3]]
    found = diagnose(normal(3, 4), key).as_dict()
    assert found["temperature_for_2"] is None or found["temperature_for_2"] > 0
    flat = diagnose(torch.ones(5, 2), torch.ones(5, 2)).as_dict()
    assert all(flat[f"temperature_for_{n}"] is None for n in (2, 10, 100, 1000))
    assert flat["effective_negatives"] == pytest.approx(4) and flat["positive_wins"] == 0


def test_copies_are_repeats_where_no_ids_are_given():
    key = normal(6, 3)[[0, 1, 0, 2, 0, 3]] + 0.0
    found = diagnose(normal(6, 3, seed=1), key, k=2).as_dict()
    assert found["copies"] == 2
    assert found["repeats"] == pytest.approx(2 * (2 + 0 + 2 + 0 + 2 + 0) / 6 / 5)


def test_signed_zeros_are_one_vector():
    assert diagnose([[1.0, 2.0], [3.0, 1.0]], [[0.0, 1.0], [-0.0, 1.0]]).as_dict()["copies"] == 1


# K drawn of the negatives, samples of anchors, blocks, kinds of input.


def test_k_draws_that_many_and_leaves_the_pool_alone():
    query, key = unit(normal(400, 8)), unit(normal(500, 8, seed=1))
    every, some = diagnose(query, key).as_dict(), diagnose(query, key, k=20).as_dict()
    pool = [name for name in every if name.startswith(("positive", "gap", "hard", "without", "mean", "k_"))]
    assert close({name: some[name] for name in pool}, {name: every[name] for name in pool}, 1e-6)
    flat = diagnose(torch.ones(300, 2), torch.ones(300, 2), k=20).as_dict()
    assert flat["effective_negatives"] == pytest.approx(20) and flat["pull"] == pytest.approx(20 / 21)


def test_drawn_negatives_are_a_fair_sample():
    query, key, labels = digit_pairs()
    drawn = diagnose(query, key, labels=labels, k=30).as_dict()
    scores, own = query @ key.T, torch.eye(len(key), dtype=torch.bool)
    push = []
    for seed in range(20):
        order = torch.rand(scores.shape, generator=seeded(seed)).masked_fill(own, 2).argsort(dim=1)[:, :30]
        weight = (scores.gather(1, order) / 0.07).softmax(-1)
        push.append((weight * (labels[order] == labels[:, None])).sum(-1).mean().item())
    # 870 anchors share their draws in blocks of 31, so 29 draws are independent; one's sd is below 0.15.
    assert drawn["false_push"] == pytest.approx(np.mean(push), abs=5 * 0.15 / 29**0.5)


def test_a_sample_is_said_repeats_itself_and_agrees(monkeypatch):
    query, key, labels = digit_pairs()
    whole = diagnose(query, key, labels=labels)
    assert "Every anchor was measured" in str(whole)
    monkeypatch.setattr(diagnosis, "SCORES", 1)
    one, two = (diagnose(query, key, labels=labels) for _ in range(2))
    assert one.as_dict() == two.as_dict() and one.as_dict()["anchors"] == 256
    assert "Sampled: 256 random anchors" in str(one)
    for name in ("gap", "positive_wins", "false_push"):
        mean = "gap_mean" if name == "gap" else name
        a, b = one.as_dict(), whole.as_dict()
        assert abs(a[mean] - b[mean]) < 5 * a[f"{name}_error"]
    for name in ("mean_cosine_key", "effective_rank_key", "repeats", "copies"):
        assert one.as_dict()[name] == pytest.approx(whole.as_dict()[name])


def test_blocks_change_nothing(monkeypatch):
    query, key, labels = (array[::5] for array in digit_pairs())
    want = diagnose(query, key, labels=labels).as_dict()
    monkeypatch.setattr(_measure, "BLOCK", 1)
    assert close(diagnose(query, key, labels=labels).as_dict(), want, 1e-6)


def test_input_of_every_kind():
    query, key, labels = digit_pairs()
    query, key, labels = query[::9], key[::9], labels[::9]
    want = diagnose(query, key, labels=labels).as_dict()
    kinds = [
        (query.numpy(), key.numpy(), labels.numpy()),
        (query.tolist(), key.tolist(), labels.tolist()),
        (query.clone().requires_grad_(), key.clone().requires_grad_(), labels.int()),
        (query.numpy()[:, ::-1], key.numpy()[:, ::-1], labels.numpy().astype(np.uint8)),
        (query.numpy().astype(">f8"), key, labels),
    ]
    for q, k, own in kinds:
        assert close(diagnose(q, k, labels=own).as_dict(), want, 1e-5)
    # The gaps are near 0.1 with scores near 1. bfloat16 rounds an entry by 0.4 %, float16 by 0.05 %.
    for dtype, near in [(torch.float32, 1e-4), (torch.float16, 0.02), (torch.bfloat16, 0.1)]:
        found = diagnose(query.to(dtype), key.to(dtype), labels=labels).as_dict()
        for name in ("gap_mean", "effective_negatives", "false_push", "positive_wins", "temperature_for_10"):
            assert found[name] == pytest.approx(want[name], rel=near), (dtype, name)


def test_a_data_frame():
    pandas = pytest.importorskip("pandas")
    query, key, labels = digit_pairs()
    frames = pandas.DataFrame(query.numpy()), pandas.DataFrame(key.numpy())
    found = diagnose(*frames, labels=pandas.Series(labels.numpy())).as_dict()
    assert close(found, diagnose(query, key, labels=labels).as_dict(), 1e-5)


def test_extra_keys_are_negatives_of_every_query():
    query, key, labels = digit_pairs()
    few = diagnose(query[:100], key, labels=labels).as_dict()
    assert (few["pairs"], few["keys"], few["k"]) == (100, 870, 869)
    assert "100 pairs and 770 keys more" in str(diagnose(query[:100], key))


def test_the_global_generator_is_left_alone():
    before = torch.random.get_rng_state()
    diagnose(normal(20, 3), normal(20, 3), k=5)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("tau", [1e-3, 1e3])
def test_extreme_temperatures(tau):
    query, key, labels = digit_pairs()
    found = diagnose(query.float(), key.float(), labels=labels, temperature=tau).as_dict()
    assert all(value is None or math.isfinite(value) for value in found.values())
    assert 1 <= found["effective_negatives"] <= found["k"] * (1 + 1e-5)


def test_many_rows_are_sampled_and_the_planted_numbers_found(monkeypatch):
    monkeypatch.setattr(diagnosis, "SCORES", 2**25)
    count, kinds = 20_000, 100
    label = torch.arange(count) % kinds
    centre = 2 * normal(kinds, 8, dtype=torch.float32)
    query = unit(centre[label] + normal(count, 8, seed=1, dtype=torch.float32))
    key = unit(centre[label] + normal(count, 8, seed=2, dtype=torch.float32))
    found = diagnose(query, key, labels=label, ids=torch.arange(count) // 4, k=1023)
    numbers = found.as_dict()
    assert numbers["anchors"] == 2**25 // count < count
    assert numbers["false_share"] == pytest.approx((count / kinds - 1) / (count - 1), rel=0.05)
    assert numbers["repeats"] == pytest.approx(3 * 1023 / (count - 1))
    assert numbers["items"] == count // 4 and numbers["popularity_cv"] == 0
    assert "Sampled: 1,677 random anchors" in " ".join(str(found).split())


# Planted faults on digits.


def test_sound_digits_are_called_sound():
    query, key, labels = digit_pairs()
    found = diagnose(query, key, labels=labels, temperature=0.07, k=255)
    assert found.as_dict()["positive_wins"] > 0.8
    assert advice(found, "Negatives that count").startswith("good")
    assert advice(found, "Repeats").startswith("good") and advice(found, "Lengths").startswith("good")


def test_queries_and_keys_out_of_step():
    query, key, labels = digit_pairs()
    shuffled = key[torch.randperm(len(key), generator=seeded(0))]
    found = diagnose(query, shuffled, labels=labels)
    assert found.as_dict()["positive_wins"] == pytest.approx(0.5, abs=0.05)
    assert advice(found, "Scores").startswith("act") and "row i" in advice(found, "Scores")


def test_a_collapsed_encoder():
    query, key, labels = digit_pairs()
    query, key = (unit(1 + 0.1 * vectors) for vectors in (query, key))
    found = diagnose(query, key, labels=labels)
    assert found.as_dict()["mean_cosine_key"] > 0.99
    assert advice(found, "Spread").startswith("act") and "Chapter 01" in advice(found, "Spread")
    assert "Nearly all negatives count alike" in advice(found, "Negatives that count")


def test_a_collapse_to_few_dimensions():
    query, key, labels = digit_pairs()
    images = torch.cat([query, key])
    axes = torch.linalg.svd(images - images.mean(0), full_matrices=False)[2][:2]
    flat = [unit((vectors - images.mean(0)) @ axes.T @ axes) for vectors in (query, key)]
    found = diagnose(*flat, labels=labels)
    assert found.as_dict()["effective_rank_key"] == pytest.approx(2, abs=0.2)
    assert "few of their dimensions" in advice(found, "Spread")


def test_duplicates_with_and_without_ids():
    query, key, _ = digit_pairs()
    copied = key.clone()
    copied[400:] = key[:1]
    found = diagnose(query, copied, k=255)
    assert found.as_dict()["copies"] == 470
    assert found.as_dict()["repeats"] == pytest.approx(255 * (471 * 470) / (870 * 869))
    assert advice(found, "Repeats").startswith("look: A repeat")
    assert "no mask finds" in advice(diagnose(query, copied, ids=torch.arange(870)), "Repeats")


def test_a_low_temperature_pushes_false_negatives():
    query, key, labels = digit_pairs()
    high, middle, low = (diagnose(query, key, labels=labels, temperature=tau) for tau in (1, 0.07, 0.02))
    pushes = [found.as_dict()["false_push"] for found in (high, middle, low)]
    assert pushes == sorted(pushes)
    assert advice(high, "False negatives").startswith("good")
    assert "times the push" in advice(middle, "False negatives")
    assert advice(low, "False negatives").startswith("act")
    assert low.as_dict()["logit_cap"] == pytest.approx(math.log(869 / 86), rel=1e-6)


def test_vectors_that_are_not_of_length_one():
    query, key, labels = digit_pairs()
    long = key * torch.linspace(1, 9, len(key)).unsqueeze(-1)
    found = diagnose(query, long, labels=labels)
    assert found.as_dict()["key_length_max"] == pytest.approx(9)
    assert advice(found, "Lengths").startswith("look") and "lengths from 1 to 1, keys from 1 to 9" in str(
        found
    )


def test_popularity_and_whether_log_q_is_due():
    query, key, _ = digit_pairs()
    share = 1 / torch.arange(1, 101, dtype=F64)
    zipf = share.multinomial(len(key), replacement=True, generator=seeded(0))
    even = torch.arange(len(key)) % 100
    skewed, level = (diagnose(query, key, ids=ids, k=255) for ids in (zipf, even))
    assert "log q is due" in advice(skewed, "Popularity") and skewed.as_dict()["popularity_cv"] > 1
    assert "keep them if you correct by log q" in advice(skewed, "Repeats")
    assert "not due" in advice(level, "Popularity") and level.as_dict()["popularity_cv"] == 0
    assert "No item comes twice" in advice(diagnose(query, key, ids=torch.arange(870)), "Popularity")
    # Even chances, drawn: the counts scatter, but the estimate does not take that for skew.
    drawn = torch.randint(0, 100, (len(key),), generator=seeded(0))
    assert diagnose(query, key, ids=drawn).as_dict()["popularity_cv"] < 0.25


def test_the_mean_rho_promises_too_much():
    query, key, labels = digit_pairs()
    found = diagnose(query, key, labels=labels).as_dict()
    assert found["k_mean"] < found["k_median"] and found["chance_k_mean"] < 0.9
    assert found["k_p90"] is None or found["k_p90"] > found["k_median"]


# The table of advice.

BASE = diagnose(*digit_pairs()[:2], labels=digit_pairs()[2], ids=torch.arange(870) // 2).as_dict()
SPEAKS = [
    {"positive_wins": 0.59},
    {"pull": 0.04},
    {"gap_mean": 0.4, "pull": 0.9},
    {"gap_mean": 0.6, "pull": 0.9},
    {"gap_mean": 0.6, "pull": 0.4},
    {"k": 2},
    {"effective_negatives": 1.9},
    {"effective_negatives": 600.0},
    {"effective_negatives": 20.0},
    {"false_share": None},
    {"false_share": 0},
    {"false_push": 0.6},
    {"false_push": 0.21, "false_share": 0.1},
    {"false_push": 0.19, "false_share": 0.1},
    {"repeats": 1.0, "popularity_cv": 0.6},
    {"repeats": 1.0, "popularity_cv": 0.0},
    {"repeats": 0.0, "copies": 3, "items": 870},
    {"repeats": 0.0, "copies": 0},
    {"items": None},
    {"items": 870, "popularity_cv": 0.0},
    {"popularity_cv": 0.6},
    {"popularity_cv": 0.4},
    {"k_median": None, "k_p90": None},
    {"k_p90": None},
    {"k_p90": 1000},
    {"k_p90": 800},
    {"mean_cosine_query": 0.95},
    {"mean_cosine_key": 0.6},
    {"mean_cosine_key": 0.1, "mean_cosine_query": 0.1, "effective_rank_key": 5.0},
    {"mean_cosine_key": 0.1, "mean_cosine_query": 0.1},
    {"key_length_min": 0.5},
    {"key_length_min": 0.995},
]


def test_every_rule_speaks_and_one_a_topic():
    assert len(SPEAKS) == len(_advice.RULES)
    for change, rule in zip(SPEAKS, _advice.RULES, strict=True):
        found = {f.topic: f for f in _advice.findings(BASE | change)}
        assert list(found) == list(_advice.TOPICS)
        said = found[rule.topic]
        assert said.tone == rule.tone
        assert said.advice.startswith(rule.advice(BASE | change)), (change, said)


def test_chapters_are_named_as_they_are():
    for number, title in _advice.CHAPTERS.items():
        (path,) = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
        first = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
        assert first.startswith(f"# {number} · {title}\n")
    assert {rule.chapter for rule in _advice.RULES} <= _advice.CHAPTERS.keys()


def test_the_docstring_names_every_number():
    shorthand = {"temperature_for", "effective_negatives", "query_length", "key_length"}
    for name in BASE:
        stem = next((s for s in shorthand if name.startswith(s)), name)
        assert re.search(rf"\b{stem}", Diagnosis.__doc__ or ""), name


# Broken input.

GOOD = [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
BAD = [
    ((GOOD, [1.0, 2.0]), {}, "key", "(2,)"),
    ((1.0, GOOD), {}, "query", "()"),
    (([GOOD], GOOD), {}, "query", "(1, 3, 2)"),
    (([[1.0, 0.0]], GOOD), {}, "query", "at least 2 rows"),
    (([], GOOD), {}, "query", "(0,)"),
    ((GOOD, GOOD[:2]), {}, "key", "(2, 2)"),
    ((GOOD, [[1.0], [2.0], [3.0]]), {}, "key", "(3, 1)"),
    (([[1.0, nan], [0.0, 1.0]], GOOD), {}, "query", "nan at index [0, 1]"),
    ((GOOD, [[1.0, 0.0], [inf, 1.0], [1.0, 1.0]]), {}, "key", "inf at index [1, 0]"),
    ((GOOD, [[1.0, 0.0], [0.0, 0.0], [1.0, 1.0]]), {}, "key", "0.0 at index [1]"),
    (([["a", "b"], ["c", "d"]], GOOD), {}, "query", "'a'"),
    (([[1.0], [2.0, 3.0]], GOOD), {}, "query", "rectangular"),
    (([[1j, 0], [0, 1]], GOOD), {}, "query", "1j"),
    (([[True, False], [False, True]], GOOD), {}, "query", "bool"),
    ((GOOD, GOOD), {"labels": [0, 1]}, "labels", "(2,)"),
    ((GOOD, GOOD), {"labels": [[0, 1, 2]]}, "labels", "(1, 3)"),
    ((GOOD, GOOD), {"labels": [0.0, 1.0, 2.0]}, "labels", "float64"),
    ((GOOD, GOOD), {"labels": ["a", "b", None]}, "labels", "None at index [2]"),
    ((GOOD, GOOD), {"labels": ["a", 1, "b"]}, "labels", "integers or strings"),
    ((GOOD, GOOD), {"ids": np.array([1, 2.5, 3], dtype=object)}, "ids", "2.5 at index [1]"),
    ((GOOD, GOOD), {"ids": pandas.Series(["a", None, "b"])}, "ids", "nan at index [1]"),
    ((GOOD, GOOD), {"ids": pandas.Series([1, None, 3], dtype="Int64")}, "ids", "integers"),
    ((GOOD, pandas.DataFrame(GOOD).assign(title="x")), {}, "key", "column 'title' of dtype"),
    ((GOOD, pandas.DataFrame(GOOD, dtype="Float64").replace(0.0, None)), {}, "key", "nan at index [0, 1]"),
    ((pandas.Series(["[1, 0]", "[0, 1]", "[1, 1]"]), GOOD), {}, "query", "'[1, 0]' in row 0"),
    (([[1.0, 0.0], None, [1.0, 1.0]], GOOD), {}, "query", "None in row 1"),
    ((pandas.Series([[1.0, 0.0], [], [1.0, 1.0]]), GOOD), {}, "query", "2 numbers in row 0 and 0 in row 1"),
    (([torch.tensor(1.0), torch.tensor(2.0)], GOOD), {}, "query", "(2,)"),
    ((GOOD, GOOD), {"ids": [0, 1, 2, 3]}, "ids", "(4,)"),
    ((GOOD, GOOD), {"ids": [True, False, True]}, "ids", "bool"),
    ((GOOD, GOOD), {"ids": 7}, "ids", "()"),
    ((GOOD, GOOD), {"temperature": 0}, "temperature", "0"),
    ((GOOD, GOOD), {"temperature": -0.1}, "temperature", "-0.1"),
    ((GOOD, GOOD), {"temperature": nan}, "temperature", "nan"),
    ((GOOD, GOOD), {"temperature": "0.1"}, "temperature", "'0.1'"),
    ((GOOD, GOOD), {"k": 0}, "k", "0"),
    ((GOOD, GOOD), {"k": 3}, "k", "at most 2"),
    ((GOOD, GOOD), {"k": 1.5}, "k", "1.5"),
    ((GOOD, [[1e300, 0.0], [0.0, 1.0], [1.0, 1.0]]), {"temperature": 1e-10}, "temperature", "1e-10"),
]


@pytest.mark.parametrize(("args", "options", "name", "value"), BAD)
def test_bad_input_is_refused_by_name_and_value(args, options, name, value):
    assert_refused(name, value, diagnose, *args, **options)


# What a practitioner has: frames, columns of vectors, half precision, strings.


def same(found: Diagnosis, want: Diagnosis) -> bool:
    return found.as_dict() == want.as_dict()


def test_every_way_to_hold_vectors_gives_the_same_report():
    query, key = unit(normal(30, 4)).numpy(), unit(normal(40, 4, seed=1)).numpy()
    want = diagnose(query, key)
    frame, vectors = pandas.DataFrame(key), list(key)
    unaligned = frame.set_axis(range(40, 0, -1))  # rows belong together by place, whatever the index says
    columns = (pandas.Series(vectors), pandas.DataFrame({"vector": key.tolist()}), np.empty(40, dtype=object))
    columns[2][:] = vectors
    for other in (frame, unaligned, frame.astype("Float64"), frame.add_prefix("f"), vectors, *columns):
        assert same(diagnose(query, other), want), type(other)
    whole = (100 * key).astype(np.int8)
    assert same(diagnose(query, pandas.DataFrame(whole)), diagnose(query, whole))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    query, key = unit(normal(30, 4)).to(dtype), unit(normal(40, 4, seed=1)).to(dtype)
    assert same(diagnose(query, key), diagnose(query.float(), key.float()))
    if dtype is torch.float16:
        half = pandas.DataFrame(key.numpy())
        assert same(diagnose(query, half), diagnose(query.float(), key.float()))


def test_strings_are_ids_like_any_other():
    query, key = normal(30, 4), normal(40, 4, seed=1)
    codes = torch.randint(0, 6, (40,), generator=seeded(2))
    want = diagnose(query, key, ids=codes, labels=codes % 3)
    words = [f"item {c}" for c in codes.tolist()]
    labels = np.array(["abc"[c % 3] for c in codes.tolist()])
    for ids in (
        words,
        tuple(words),
        np.array(words),
        pandas.Series(words),
        pandas.Series(words, dtype="category"),
    ):
        assert same(diagnose(query, key, ids=ids, labels=labels), want), type(ids)
    objects = np.array(codes.tolist(), dtype=object)
    assert same(diagnose(query, key, ids=objects, labels=pandas.Series(codes % 3, dtype="Int64")), want)


def test_a_refusal_is_one_short_line():
    frame = pandas.DataFrame(normal(500, 30).numpy()).assign(title="x" * 1000)
    vectors = [*normal(500, 30).tolist(), "y" * 1000]
    for bad in (frame, vectors, frame["title"]):
        with pytest.raises(TypeError) as refusal:
            diagnose(bad, bad)
        assert len(str(refusal.value)) < 120 and "\n" not in str(refusal.value)


# The card.


class Outline(HTMLParser):
    """Collects the text, and asserts that every element is closed in its turn."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.tags: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open.append(tag)
        assert all(value is not None for _, value in attrs)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def cards():
    query, key, labels = digit_pairs()
    yield diagnose(query, key, labels=labels, ids=torch.arange(870) // 2, k=255)
    yield diagnose(query, key)
    yield diagnose(query, key, k=1, labels=labels)
    yield diagnose([[1.0, 2.0], [2.0, 1.0]], [[1.0, 2.0], [2.0, 1.0]])
    yield diagnose(torch.ones(3, 2), torch.ones(3, 2), labels=[1, 2, 3], ids=[1, 1, 2])
    yield diagnose(query, key * 50, temperature=1e-3)


@pytest.mark.parametrize("found", list(cards()))
def test_the_card_is_well_formed_and_says_what_the_report_says(found):
    outline = Outline(found._repr_html_())
    said = " ".join(" ".join(outline.text).split())
    for finding in _advice.findings(found.as_dict()):
        for part in (finding.topic, finding.measured, finding.advice):
            assert " ".join(part.split()) in said
    assert not {"script", "link", "img"} & set(outline.tags)
    for numbers in re.findall(r'points="([^"]*)"', found._repr_html_()):
        assert all(math.isfinite(float(x)) for x in re.split("[ ,]", numbers))


def test_the_card_escapes_every_sentence(monkeypatch):
    monkeypatch.setitem(_advice.CHAPTERS, "05", '<script>alert("x")</script> & more')
    found = next(cards())
    page = found._repr_html_()
    assert "<script>" not in page and "&lt;script&gt;" in page and "&amp; more" in page
    Outline(page)


def test_repr_and_print_are_the_report():
    found = next(cards())
    assert repr(found) == str(found) == _advice.report(found.as_dict())
    assert all(len(line) <= 100 for line in str(found).splitlines())
    found.as_dict().clear()
    assert found.as_dict()


def test_the_readme_shows_what_is_printed(capsys):
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("### Your own embeddings")[1]
    code, shown = re.search(r"```python\n(.*?)```.*?```text\n(.*?)```", section, re.DOTALL).groups()
    exec(code, {})
    printed = " ".join(capsys.readouterr().out.split())
    start = printed.index("Negatives that count")
    # The third digit may round differently on another processor.
    numbers = re.compile(r"\d[\d.,]*\d|\d")
    words = printed[start : start + len(" ".join(shown.split()))].split()
    for one, other in zip(words, shown.split(), strict=True):
        assert numbers.sub("#", one) == numbers.sub("#", other)
        for x, y in zip(numbers.findall(one), numbers.findall(other), strict=True):
            assert float(x) == pytest.approx(float(y), rel=0.01)


# The command line.


@pytest.fixture
def files(tmp_path):
    query, key, labels = digit_pairs()
    np.save(tmp_path / "queries.npy", query.float().numpy())
    np.save(tmp_path / "keys.npy", key.float().numpy())
    np.save(tmp_path / "labels.npy", labels.numpy())
    np.savetxt(tmp_path / "queries.csv", query.numpy(), delimiter=",")
    np.savetxt(tmp_path / "labels.csv", labels.numpy(), delimiter=",", fmt="%d")
    (tmp_path / "broken.npy").write_bytes(b"no array")
    (tmp_path / "empty.npy").write_bytes(b"")
    (tmp_path / "words.csv").write_text("a,b\nc,d\n")
    (tmp_path / "empty.csv").write_text("")
    np.save(tmp_path / "objects.npy", np.array([{}, []], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "several.npz", a=query.numpy())
    np.save(tmp_path / "nan.npy", np.full((3, 2), nan))
    return tmp_path


def run(files, capsys, *arguments):
    """Exit code, standard output and standard error; arguments that are files of the folder get its path."""
    found = [str(files / a) if (files / a).is_file() else a for a in arguments]
    code = command.main(found)
    return code, *capsys.readouterr()


def test_the_command_prints_what_the_function_says(files, capsys):
    args = ("diagnose", "queries.npy", "keys.npy", "--labels", "labels.npy", "--k", "255")
    query, key, labels = digit_pairs()
    want = diagnose(query.float(), key.float(), labels=labels, k=255)
    code, out, err = run(files, capsys, *args)
    assert (code, err) == (0, "") and out == f"{want}\n"
    code, out, err = run(files, capsys, *args, "--json", "--temperature", "0.07")
    assert (code, err) == (0, "") and close(json.loads(out), want.as_dict(), 1e-6)


def test_the_command_reads_csv_and_writes_a_page(files, capsys):
    page = files / "page.html"
    args = ("diagnose", "queries.csv", "queries.csv", "--ids", "labels.csv", "--html", str(page))
    code, out, _ = run(files, capsys, *args)
    assert code == 0 and "870 pairs" in out
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>") and "nslab-diagnosis" in text and "False negatives" in text


def test_the_page_is_what_the_command_writes(files, capsys):
    found = next(cards())
    text = found.as_html()
    assert text.startswith("<!doctype html>") and found._repr_html_() in text
    assert not re.search(r"https?://|src=", text)  # nothing is fetched
    run(files, capsys, "diagnose", "queries.npy", "keys.npy", "--html", str(files / "page.html"))
    query, key, _ = digit_pairs()
    assert (files / "page.html").read_text(encoding="utf-8") == diagnose(query.float(), key.float()).as_html()


def test_the_command_reads_codes_that_are_words(files, capsys):
    _, _, labels = digit_pairs()
    words = [f"digit {d}, #{d}" if d % 2 else f"d{d}" for d in labels.tolist()]
    np.save(files / "words.npy", np.array(words))
    (files / "names.csv").write_text("\n".join(w.replace(",", "") for w in words) + "\n")
    args = ("diagnose", "queries.npy", "keys.npy", "--labels")
    want = run(files, capsys, *args, "labels.npy")
    assert want[0] == 0 and run(files, capsys, *args, "words.npy") == want
    assert run(files, capsys, *args, "names.csv") == want
    (files / "holes.csv").write_text("nan\n" + "a\n" * 869)
    code, out, err = run(files, capsys, *args, "holes.csv")
    assert (code, out) == (2, "") and "holes.csv is not an array" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("missing.npy", "keys.npy"), "missing.npy: No such file"),
        (("broken.npy", "keys.npy"), "broken.npy is not an array"),
        (("empty.npy", "keys.npy"), "empty.npy is not an array"),
        (("words.csv", "keys.npy"), "words.csv is not an array"),
        (("empty.csv", "keys.npy"), "query must not be empty"),
        (("objects.npy", "keys.npy"), "objects.npy is not an array"),
        (("several.npz", "keys.npy"), "several.npz is not one array"),
        (("nan.npy", "keys.npy"), "query must be finite, got nan"),
        (("labels.npy", "keys.npy"), "query must have at least 2 rows of d numbers each, got shape (870,)"),
        (("queries.npy", "keys.npy", "--labels", "queries.npy"), "labels must hold integers"),
        (("queries.npy", "keys.npy", "--labels", "queries.csv"), "queries.csv is not an array"),
        (("queries.npy", "keys.npy", "--temperature", "0"), "temperature must be > 0"),
        (("queries.npy", "keys.npy", "--k", "870"), "k must be at most 869"),
        (("queries.npy", "keys.npy", "--html", "no/such/folder.html"), "no/such/folder.html"),
    ],
)
def test_the_command_refuses_in_one_line(files, capsys, arguments, words):
    code, out, err = run(files, capsys, "diagnose", *arguments)
    assert (code, out) == (2, "")
    assert words in err and err.count("\n") == 1 and err.startswith("python -m nslab: ")


def test_the_module_runs_and_prints_help_alone(files):
    def module(*arguments):
        return subprocess.run([sys.executable, "-m", "nslab", *arguments], capture_output=True, text=True)

    alone = module()
    assert alone.returncode == 0 and "diagnose" in alone.stdout and not alone.stderr
    refused = module("diagnose", str(files / "broken.npy"), str(files / "keys.npy"))
    assert refused.returncode == 2 and "Traceback" not in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_the_name_on_the_package_is_the_function():
    import nslab

    assert nslab.diagnose is diagnose and callable(nslab.diagnose)
    assert {"Diagnosis", "diagnose"} <= set(nslab.__all__)
