"""Chapter 14: what its explainers compute, against independent computations, and what its prose claims."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import logomaker
import numpy as np
import pytest
import torch
from scipy.optimize import brentq, minimize
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from nslab import datasets, sgns_loss
from nslab.explain import MotifWeights, PairScores

LETTERS, SCORES = datasets.substitution_matrix("BLOSUM62")
S = SCORES.numpy()
# Robinson & Robinson, PNAS 1991
PARTS = {
    "A": 78.05, "C": 19.25, "D": 53.64, "E": 62.95, "F": 38.56, "G": 73.77,
    "H": 21.99, "I": 51.42, "K": 57.44, "L": 90.19, "M": 22.43, "N": 44.87,
    "P": 52.03, "Q": 42.64, "R": 51.29, "S": 71.20, "T": 58.41,
    "V": 64.41, "W": 13.30, "Y": 32.16,
}  # fmt: skip
P = np.array([PARTS[letter] for letter in LETTERS]) / 1000
CHANCE = np.outer(P, P)
LAM = 0.3176059576
RELATED = CHANCE * np.exp(LAM * S)
PMI = LAM * S


# --- the scale of a matrix


@pytest.mark.parametrize(
    ("name", "lam", "information"),
    [
        ("BLOSUM45", 0.2291, 0.2514),
        ("BLOSUM50", 0.2318, 0.3362),
        ("BLOSUM62", 0.3176, 0.4012),
        ("BLOSUM90", 0.3346, 0.7547),
        ("PAM30", 0.3400, 1.754),
        ("PAM70", 0.3345, 1.029),
        ("PAM250", 0.2252, 0.2223),
    ],
)
def test_scale_and_information_are_the_published_ones(name: str, lam: float, information: float) -> None:
    result = PairScores(datasets.substitution_matrix(name).scores, P, LETTERS).at()
    assert result.root == pytest.approx(lam, abs=5.1e-5)
    assert result.information == pytest.approx(information, rel=4e-4)


@pytest.mark.parametrize("alpha", [0.0, 0.7, 1.5])
@pytest.mark.parametrize("lam", [0.0, 0.31, 0.5])
def test_weights_of_pairs_against_a_double_sum(alpha: float, lam: float) -> None:
    result = PairScores(SCORES, P, LETTERS).at(lam=lam, alpha=alpha)
    q = P**alpha / (P**alpha).sum()
    pairs = [(q[i] * q[j], S[i, j]) for i in range(20) for j in range(20)]
    assert result.total == pytest.approx(sum(w * math.exp(lam * s) for w, s in pairs), rel=1e-12)
    assert result.weights.ravel() == pytest.approx([w * math.exp(lam * s) for w, s in pairs], rel=1e-12)
    root: Any = brentq(lambda x: sum(w * math.exp(x * s) for w, s in pairs) - 1, 0.05, 2, xtol=1e-14)
    assert result.root == pytest.approx(root, rel=1e-9)
    assert result.mean == pytest.approx(sum(w * s for w, s in pairs))
    h = sum(w * math.exp(root * s) * root * s for w, s in pairs)
    assert result.information == pytest.approx(h, rel=1e-8)
    grid = np.array(PairScores(SCORES, P, LETTERS).controls["lam"].values)
    assert result.totals[np.abs(grid - lam).argmin()] == pytest.approx(result.total, rel=1e-12)


def test_the_discs_hold_both_orders_of_each_pair() -> None:
    explainer = PairScores(SCORES, P, LETTERS)
    result = explainer.at(lam=0.3)
    discs, mark = explainer.scene(result)["pairs"], explainer._stage.marks["pairs"]
    assert discs["size"].sum() == pytest.approx(result.total)
    for tip, x, y, size, role in zip(mark.tips, mark.x, mark.y, discs["size"], discs["role"], strict=True):
        i, j = LETTERS.index(tip[0]), LETTERS.index(tip[4])
        assert tip == f"{LETTERS[i]} – {LETTERS[j]}: score {S[i, j]:.0f}" and j <= i
        assert (x, y) == pytest.approx(((j + 0.5) / 20, 1 - (i + 0.5) / 20))
        assert size == pytest.approx(result.weights[i, j] + (result.weights[j, i] if i != j else 0))
        assert role == ("positive" if S[i, j] > 0 else "negative" if S[i, j] < 0 else "faint")


def test_the_root_is_told_once_lambda_has_reached_it() -> None:
    explainer = PairScores(SCORES, P, LETTERS)
    for lam, found in ((0.0, False), (0.1, False), (0.315, False), (0.32, True), (0.5, True)):
        result = explainer.at(lam=lam)
        frame, reported = explainer.scene(result), explainer.summary(result)
        assert np.isfinite(frame["root"]["x"]).all() == found
        assert ("λ* = 0.3176" in reported) == ("H = 0.4012" in reported) == found
        drawn = np.isfinite(frame["curve"]["y"])
        assert (drawn == (np.arange(51) / 100 <= lam)).all(), "the curve runs ahead of λ"


def test_the_total_falls_turns_and_crosses_one_once() -> None:
    totals = PairScores(SCORES, P, LETTERS).at().totals
    assert (np.diff(totals, 2) > 0).all() and totals[1] < 1 < totals[-1]
    assert (np.diff(np.sign(totals[1:] - 1)) != 0).sum() == 1


@pytest.mark.parametrize(
    ("scores", "background", "words"),
    [
        (np.ones((3, 2)), np.ones(3), ["scores", "(3, 2)"]),
        (-np.eye(2), np.array([1.0, 0.0]), ["background", "0.0"]),
        (0.5 - np.eye(2), np.ones(2), ["scores", "integers"]),
        (-np.eye(2), np.ones(2), ["scores", "> 0"]),
        (np.eye(2), np.ones(2), ["scores", "average", "0.5"]),
    ],
)
def test_pair_scores_refuses(scores: np.ndarray, background: np.ndarray, words: list[str]) -> None:
    with pytest.raises(ValueError) as caught:
        PairScores(scores, background, "AB")
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_pair_scores_wants_a_letter_for_each_row() -> None:
    with pytest.raises(ValueError, match=r"letters must be one for each row of scores, 2 in all, got 3"):
        PairScores(1 - 3 * np.eye(2), np.ones(2), "ABC")


def test_a_high_score_is_not_a_common_pair() -> None:
    w, leu = LETTERS.index("W"), LETTERS.index("L")
    assert S[w, w] == 11 and S[leu, leu] == 4
    assert RELATED[w, w] == pytest.approx(0.0058, abs=5e-5) and RELATED[leu, leu] == pytest.approx(
        0.0290, abs=5e-5
    )
    assert RELATED[w, w] / CHANCE[w, w] == pytest.approx(32.9, abs=0.05)
    assert RELATED[leu, leu] / CHANCE[leu, leu] == pytest.approx(3.56, abs=0.01)


def test_the_matrix_contains_its_own_noise() -> None:
    def noise(lam: float) -> np.ndarray:
        return np.linalg.solve(np.exp(lam * S), np.ones(20))

    lam: Any = brentq(lambda x: noise(x).sum() - 1, 0.25, 0.4)
    q = noise(lam)
    assert lam == pytest.approx(0.3240, abs=5e-5) and q.min() > 0.013
    assert (np.outer(q, q) * np.exp(lam * S)).sum(1) == pytest.approx(q)
    assert np.abs(q - P).sum() / 2 == pytest.approx(0.067, abs=5e-4)
    rows = RELATED.sum(1) / P  # with the usual letters they do not add up
    assert rows.min() < 0.88 and rows.max() > 1.07


def test_half_a_bit_is_not_its_unit() -> None:
    equal: Any = brentq(lambda x: np.exp(x * S).mean() - 1, 0.1, 1)
    assert equal == pytest.approx(0.2810, abs=5e-5)  # the scale moves with the letters
    half = math.log(2) / 2
    assert (CHANCE * np.exp(half * S)).sum() == pytest.approx(1.042, abs=5e-4)
    assert math.exp((half - LAM) * 50) == pytest.approx(4.26, abs=0.01)


# --- learned from negatives


@pytest.mark.parametrize("k", [1, 5, 15])
def test_the_fit_of_a_table_returns_lambda_and_minus_ln_k(k: int) -> None:
    logit = np.log(RELATED / (k * CHANCE)).ravel()
    slope = -RELATED.ravel() * expit(-logit) + k * CHANCE.ravel() * expit(logit)
    assert slope == pytest.approx(np.zeros(400), abs=1e-15)
    assert np.polyfit(S.ravel(), logit, 1) == pytest.approx([LAM, -math.log(k)], abs=1e-9)
    rng, n = np.random.default_rng(0), 1_000_000
    seen = [rng.multinomial(m, (x / x.sum()).ravel()) for m, x in ((n, RELATED), (k * n, CHANCE))]
    found = np.polyfit(
        S.ravel(), np.log(seen[0] / seen[1]), 1, w=np.sqrt(seen[0] * seen[1] / (seen[0] + seen[1]))
    )
    assert found == pytest.approx([LAM, -math.log(k)], abs=3e-3)


def test_counting_is_the_optimum_of_sgns_loss() -> None:
    generator = torch.Generator().manual_seed(0)
    positive = torch.randint(6, (500,), generator=generator)
    negative = torch.randint(6, (500, 3), generator=generator)
    counts = [torch.bincount(x.ravel(), minlength=6).double() for x in (positive, negative)]
    logit = (counts[0] / counts[1]).log().requires_grad_()
    sgns_loss(logit[positive], logit[negative], reduction="sum").backward()
    assert logit.grad is not None and float(logit.grad.abs().max()) < 1e-10
    moved = (logit.detach() + torch.tensor([0.1, 0, 0, 0, 0, 0])).requires_grad_()
    sgns_loss(moved[positive], moved[negative], reduction="sum").backward()
    assert moved.grad is not None and float(moved.grad.abs().max()) > 1


def best_stretch(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    running, best = np.zeros((len(a), b.shape[1] + 1)), np.zeros(len(a))
    for i in range(a.shape[1]):
        running[:, 1:] = np.maximum(0, running[:, :-1] + S[a[:, i, None], b])
        best = np.maximum(best, running.max(1))
    return best


def test_the_best_of_strangers_gains_one_over_lambda_a_nat() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(20, size=(2, 3, 7))
    for x, y, found in zip(a, b, best_stretch(a, b), strict=True):
        sums = [
            S[x[i : i + n], y[j : j + n]].sum()
            for i in range(7)
            for j in range(7)
            for n in range(1, 8 - max(i, j))
        ]
        assert found == max(0, *sums)
    sizes = (100, 200, 400)
    means = [best_stretch(*rng.choice(20, (2, 150, n), p=P)).mean() for n in sizes]
    slope = np.polyfit(np.log(np.square(sizes)), means, 1)[0]
    assert slope == pytest.approx(1 / LAM, abs=0.5)
    theory = (np.log(0.134 * np.square(sizes)) + np.euler_gamma) / LAM
    assert (theory - means < 2).all() and (theory - means > 0).all()


def expected_best(scores: np.ndarray, mn: float) -> float:
    """Mean over whole scores x ≥ 1 of P(best ≥ x) = 1 − exp(−K mn e^(−λx)).

    This is Karlin & Altschul's law as it stands.
    """
    return float((-np.expm1(-0.134 * mn * np.exp(-LAM * scores))).sum())


def test_whole_numbers_cost_half_a_point_at_every_length() -> None:
    for n in (100, 400, 800, 10_000):
        smooth = (math.log(0.134 * n * n) + np.euler_gamma) / LAM
        assert expected_best(np.arange(1, 400), n * n) - smooth == pytest.approx(-0.5, abs=1e-3)


def test_strangers_fall_short_by_the_borders_and_half_a_point() -> None:
    rng, n = np.random.default_rng(0), 400
    gap = (
        best_stretch(*rng.choice(20, (2, 400, n), p=P)).mean()
        - (math.log(0.134 * n * n) + np.euler_gamma) / LAM
    )
    short = math.log(0.134 * n * n) / 0.4012  # Altschul & Gish 1996: the length that the borders take
    borders = 2 * math.log(1 - short / n) / LAM
    assert borders == pytest.approx(-0.4, abs=0.03) and gap == pytest.approx(borders - 0.5, abs=0.6)
    assert gap < -0.5  # more than the borders' share


# --- real relatives


def test_the_matrix_knows_domains_it_is_tested_on() -> None:
    lines = (
        Path(logomaker.__file__)
        .with_name("examples")
        .joinpath("datafiles/ww_sequences.fa")
        .read_text()
        .splitlines()
    )
    aligned = sorted({line for line in lines if line and line[0] not in ">#"})
    table = np.array([[LETTERS.find(c) for c in line.upper()] for line in aligned])
    core = table[:, (table >= 0).mean(0) > 0.8].T
    assert (len(aligned), len(core)) == (3390, 27)
    counts = [np.bincount(column[column >= 0], minlength=20) for column in core]
    related = np.mean([(np.outer(n, n) - np.diag(n)) / (n.sum() * (n.sum() - 1)) for n in counts], 0)
    assert related.sum() == pytest.approx(1)

    def value(t: np.ndarray) -> float:
        return float((related * np.logaddexp(0, -t) + CHANCE * np.logaddexp(0, t)).sum())

    rng, off = np.random.default_rng(0), np.triu_indices(20, 1)
    shuffled = np.diag(np.diag(PMI))
    shuffled[off] = rng.permutation(PMI[off])
    shuffled = shuffled + np.triu(shuffled, 1).T
    assert value(PMI) < value(shuffled) - 0.05 < value(0 * PMI) - 0.1
    unequal = ~np.eye(20, dtype=bool)
    alone = np.log(RELATED[unequal].sum() / CHANCE[unequal].sum())
    same = np.where(unequal, alone, PMI)  # knows only whether two letters are the same
    assert value(same) - value(PMI) == pytest.approx(0.05, abs=0.01)
    assert value(0 * PMI) - value(same) > 3 * (value(same) - value(PMI))
    assert value(0 * PMI) == pytest.approx(2 * math.log(2))


# --- the motif


@pytest.fixture(scope="module")
def places() -> list[str]:
    listed = datasets.binding_sites()
    other = {site: site[::-1].translate(str.maketrans("ACGT", "TGCA")) for site in listed}
    found = list({min(site, other[site]): site for site in reversed(listed)}.values())
    assert (len(listed), len(set(listed)), len(found)) == (358, 308, 265)
    return found


def digits(sites: list[str]) -> np.ndarray:
    return np.array([["ACGT".index(c) for c in site] for site in sites])


def log_odds(words: np.ndarray) -> np.ndarray:
    counts = (words[:, :, None] == np.arange(4)).sum(0)
    return np.log((counts + 0.25) / (len(words) + 1) / 0.25)


DNA = "TTGCATTGAACTTGTGGATAAAATCACGGTCTG"
COLUMNS = (0, 1, 2, 11, 12, 13)


def test_the_dna_is_two_sites_that_overlap(places: list[str]) -> None:
    listed = datasets.binding_sites()
    assert DNA[:26] in listed and DNA[-26:] in listed and len(DNA) < 52


@pytest.fixture(scope="module")
def small(places: list[str]) -> MotifWeights:
    return MotifWeights([site[6:8] + site[18] for site in places], DNA, (0, 1, 12))


@pytest.fixture(scope="module")
def motif(places: list[str]) -> MotifWeights:
    return MotifWeights([site[6:9] + site[17:20] for site in places], DNA, COLUMNS)


@pytest.mark.parametrize("k", [1, 40])
@pytest.mark.parametrize("mix", [0.0, 0.5])
def test_the_exact_fit_against_a_general_optimiser(
    small: MotifWeights, places: list[str], k: int, mix: float
) -> None:
    words = list(itertools.product(range(4), repeat=3))
    sites = digits([site[6:8] + site[18] for site in places]).tolist()
    real = np.array([(sites.count(list(word)) + 1 / 64) / (len(sites) + 1) for word in words])
    columns = [
        [sum(real[i] for i, word in enumerate(words) if word[j] == b) for b in range(4)] for j in range(3)
    ]
    product = np.array([math.prod(columns[j][word[j]] for j in range(3)) for word in words])
    data = (1 - mix) * real + mix * product

    def value(x: np.ndarray) -> float:
        table = x[:12].reshape(3, 4)
        G = np.array([x[12] + sum(table[j, word[j]] for j in range(3)) for word in words]) - math.log(k)
        return float((data * np.logaddexp(0, -G) + k / 64 * np.logaddexp(0, G)).sum()) + 1e-9 * float(x @ x)

    table = minimize(value, np.zeros(13), method="BFGS", options={"gtol": 1e-7}).x[:12].reshape(3, 4)
    result = small.at(k=k, mix=mix)
    assert result.weights == pytest.approx(table - table.mean(1, keepdims=True), abs=2e-3)
    expected = np.log(columns) - np.log(columns).mean(1, keepdims=True)
    assert result.log_odds == pytest.approx(expected, abs=1e-12)


def test_independent_columns_give_the_log_odds_at_every_k(motif: MotifWeights) -> None:
    for k in (1, 30, 10_000):
        assert motif.at(k=k, mix=1.0).gap < 1e-9
    gaps = [motif.at(k=k, mix=0.0).gap for k in (1, 10, 100, 1000, 10_000)]
    assert sorted(gaps, reverse=True) == gaps and gaps[0] > 0.3 and gaps[-1] < 0.01
    pulls = [motif.at(k=k, mix=0.0).mean_pull for k in (1, 10, 100, 1000, 10_000)]
    assert sorted(pulls) == pulls and pulls[0] < 0.25 and pulls[-1] > 0.98
    result = motif.at(k=7, mix=0.3)
    assert result.pull == pytest.approx(expit(math.log(7) - result.score))
    assert result.slope < 1 and motif.at(k=1, mix=0.0).slope < 0.75


def test_the_profile_is_the_score_of_each_window(motif: MotifWeights) -> None:
    result = motif.at(k=20, mix=0.0)
    windows = [DNA[i : i + 3] + DNA[i + 11 : i + 14] for i in range(len(DNA) - 13)]
    gaps = [
        result.profile[i] - sum(result.weights[j, "ACGT".index(c)] for j, c in enumerate(w))
        for i, w in enumerate(windows)
    ]
    assert np.ptp(gaps) < 1e-9
    assert windows[result.profile.argmax()] == "GTGCAC" and result.place == result.profile.argmax()
    log_odds = motif.at(
        k=20, mix=1.0
    )  # the scores of independent columns are ln p/q, whose mean over noise is a share
    total = np.mean(
        [
            np.exp(sum(log_odds.weights[j, b] for j, b in enumerate(word)))
            for word in itertools.product(range(4), repeat=6)
        ]
    )
    assert np.exp(
        log_odds.profile[0] - sum(log_odds.weights[j, "ACGT".index(c)] for j, c in enumerate(windows[0]))
    ) * total == pytest.approx(1)


def test_the_window_has_one_stop_for_each_place(motif: MotifWeights) -> None:
    places = [str(i + 1) for i in range(len(DNA) - 13)]
    assert motif.controls["place"].values == places
    for place in ("1", "7", places[-1]):
        result = motif.at(k=20, place=place)
        frame = motif.scene(result)
        assert result.place == int(place) - 1 == frame["here"]["x"]
        inside = [i for i, role in enumerate(frame["letters"]["role"]) if role == "focus"]
        assert inside == [int(place) - 1 + column for column in COLUMNS]
        assert frame["here"]["y"] == frame["profile"]["y"][result.place]


def test_the_letters_of_a_column_stand_on_each_other_and_share_its_information(motif: MotifWeights) -> None:
    result = motif.at(k=10_000, mix=1.0)
    logo = motif.scene(result)["learned"]
    shares = logo["value"].reshape(6, 4)
    assert shares == pytest.approx(np.exp(result.log_odds) / np.exp(result.log_odds).sum(1, keepdims=True))
    bits = 2 + (shares * np.log2(shares)).sum(1)
    first = np.nanmax(logo["size"].reshape(6, 4), axis=1)
    assert first == pytest.approx((shares.max(1) * bits) ** 2)
    top = logo["y"].reshape(6, 4)[np.arange(6), shares.argmax(1)] + 0.36 * np.sqrt(first) / 2
    assert top == pytest.approx(0.05 + 0.36 * bits)


@pytest.mark.parametrize(
    ("dna", "columns", "words"),
    [
        (DNA, (0, 1), ["columns", "3", "[0, 1]"]),
        (DNA, (1, 2, 3), ["columns", "[1, 2, 3]"]),
        (DNA, (0, 2, 2), ["columns", "[0, 2, 2]"]),
        ("ACG", (0, 1, 2), ["dna", "'ACG'"]),
        ("ACGX", (0, 1, 2), ["dna", "'ACGX'"]),
        ("ACGT" * 129, (0, 1, 3), ["dna", "512", "513"]),
    ],
)
def test_motif_weights_refuses_a_window_that_does_not_fit(
    dna: str, columns: tuple[int, ...], words: list[str]
) -> None:
    with pytest.raises(ValueError) as caught:
        MotifWeights(["ACG"] * 3, dna, columns)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("sites", "words"),
    [([], ["got 0"]), (["A"], ["2 to 6", "got 1"]), (["ACGTACG"], ["got 7"]),
        (["AC", "ACG"], ["2 letters", "'ACG'"]), (["AN"], ["'AN'"])],
)  # fmt: skip
def test_motif_weights_refuses(sites: list[str], words: list[str]) -> None:
    with pytest.raises(ValueError) as caught:
        MotifWeights(sites, DNA, (0, 1))
    assert all(word in str(caught.value) for word in ["sites", *words]), str(caught.value)


def test_the_sites_columns_repeat_each_other(places: list[str]) -> None:
    words = digits(places)
    each = log_odds(words)[np.arange(26), words]
    assert each.sum(1).var() / each.var(0).sum() == pytest.approx(2.54, abs=0.01)
    assert np.corrcoef(each[:, :13].sum(1), each[:, 13:].sum(1))[0, 1] == pytest.approx(0.39, abs=0.005)
    rng = np.random.default_rng(0)
    alone = np.stack([rng.permutation(column) for column in words.T], 1)
    each = log_odds(alone)[np.arange(26), alone]
    assert each.sum(1).var() / each.var(0).sum() == pytest.approx(1, abs=0.3)


def spaced(words: np.ndarray) -> np.ndarray:
    return (words[:, :, None] == np.arange(4)).reshape(len(words), -1).astype(float)


def gains(
    places: list[str], independent: bool, strengths: tuple[int, ...], draws: int, seed: int = 0
) -> np.ndarray:
    """Held-out AUC for each k, by scikit-learn, less the PWM's.

    There are five folds and each site is held out once; all k use the same random words.
    """
    rng, words = np.random.default_rng(seed), digits(places)
    if independent:
        words = np.stack([rng.permutation(column) for column in words.T], 1)
    words = rng.permutation(words)
    noise, fresh = rng.integers(4, size=(212 * draws, 26)), rng.integers(4, size=(5000, 26))
    found = np.zeros((1 + len(strengths), 5))
    for fold in range(5):
        test = np.arange(len(words)) % 5 == fold
        learn, asked = words[~test], np.vstack([words[test], fresh])
        is_site = np.arange(len(asked)) < test.sum()
        found[0, fold] = roc_auc_score(is_site, log_odds(learn)[np.arange(26), asked].sum(1))
        x, y = spaced(np.vstack([learn, noise])), np.arange(len(learn) + len(noise)) < len(learn)
        for i, k in enumerate(strengths):
            weight = np.where(y, 1, k * len(learn) / len(noise))
            fit = LogisticRegression(C=10, max_iter=100).fit(x, y, sample_weight=weight)
            found[1 + i, fold] = roc_auc_score(is_site, fit.decision_function(spaced(asked)))
    return (found[1:] - found[0]).mean(1)


def test_the_other_background_in_the_logarithm_helps_where_a_and_t_are_common(places: list[str]) -> None:
    rng, words = np.random.default_rng(0), digits(places)
    rich = np.array([0.35, 0.15, 0.15, 0.35])
    scan = rng.choice(4, (20_000, 26), p=rich)
    order, found = rng.permutation(len(words)), []
    for table in (0, np.log(4 * rich)):
        for fold in range(5):
            test = order[fold::5]
            against = log_odds(np.delete(words, test, 0)) - table
            site, noise = (against[np.arange(26), x].sum(1) for x in (words[test], scan))
            found.append((noise < site[:, None]).mean())
    assert np.mean(found[5:]) - np.mean(found[:5]) == pytest.approx(0.026, abs=0.01)


def test_one_word_a_site_is_too_few_and_independent_columns_are_for_counting(places: list[str]) -> None:
    assert gains(places, independent=False, strengths=(1,), draws=1)[0] < -0.01
    assert gains(places, independent=True, strengths=(10,), draws=5)[0] < -0.002


def test_at_equal_draws_the_middle_k_is_best_on_dependent_columns(places: list[str]) -> None:
    found = np.mean([gains(places, False, (1, 10, 1000), 8, seed) for seed in range(2)], 0)
    assert 0 < found[1] < 0.02 and found[1] > max(found[0], found[2])
