"""Chapter 17: what its scene computes, against independent computations, and what its prose claims."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import expit, logsumexp

from nslab import bpr_loss, datasets, info_nce, info_nce_in_batch
from nslab.explain import TitleList

CHAPTER = Path(__file__).resolve().parents[2] / "notebooks" / "17_recommenders.ipynb"
CELLS = {
    cell["id"]: "".join(cell["source"]) for cell in json.loads(CHAPTER.read_text(encoding="utf-8"))["cells"]
}
N = 60


def run(*names: str) -> dict[str, Any]:
    """The names that some cells of the chapter define."""
    space: dict[str, Any] = {"torch": torch, "math": math}
    for name in names:
        exec(CELLS[name], space)
    return space


# --- the list


def small(**start: Any) -> tuple[TitleList, dict[str, Any]]:
    rng = np.random.default_rng(0)
    data = {
        "scores": {"ann": rng.normal(size=N), "bob": rng.normal(size=N)},
        "counts": np.sort(rng.integers(1, 300, N))[::-1].astype(float),
        "titles": [f"film {i}" for i in range(N)],
        "seen": {name: rng.random(N) < 0.3 for name in ("ann", "bob")},
        "later": {name: rng.random(N) < 0.2 for name in ("ann", "bob")},
    }
    return TitleList(**data, **start), data


@pytest.mark.parametrize("user", ["ann", "bob"])
@pytest.mark.parametrize(("weight", "alpha"), [(1.0, 1.0), (0.0, 1.0), (-1.0, 0.5), (0.5, 0.3), (0.0, 0.0)])
def test_the_list_is_that_of_the_shifted_scores(weight: float, alpha: float, user: str) -> None:
    explainer, data = small()
    result = explainer.at(weight=weight, alpha=alpha, user=user)
    shifted = {
        i: data["scores"][user][i] - alpha * (1 - weight) * math.log(data["counts"][i])
        for i in range(N)
        if not data["seen"][user][i]
    }
    expected = sorted(shifted, key=lambda i: -shifted[i])[:20]
    assert result.top.tolist() == expected
    assert result.typical == pytest.approx(math.prod(data["counts"][i] for i in expected) ** (1 / 20))
    assert result.hits == sum(data["later"][user][i] for i in expected)
    log_p = data["scores"][user] - logsumexp(data["scores"][user])
    assert result.least == pytest.approx(
        log_p[expected[-1]] - result.slope * math.log(data["counts"][expected[-1]])
    )


def test_what_stands_above_the_line_is_in_the_list() -> None:
    explainer, data = small()
    for weight in (1.0, 0.0, -1.0):
        result = explainer.at(weight=weight, alpha=1.0, user="ann")
        y = explainer._log_p["ann"]
        line = result.least + result.slope * np.log(data["counts"])
        above = np.flatnonzero((y >= line - 1e-12) & ~data["seen"]["ann"])
        assert set(above) == set(result.top)


def test_titles_stand_in_the_order_of_the_list_and_hits_are_green() -> None:
    explainer, data = small()
    result = explainer.at(weight=0.0)
    scene, mark = explainer.scene(result), explainer._stage.marks["names"]
    listed, y = np.array([data["titles"].index(word) for word in mark.words]), scene["names"]["y"]
    order = listed[np.argsort(-np.where(np.isnan(y), -np.inf, y))][:12]
    assert order.tolist() == result.top[:12].tolist()
    green = {int(i) for i, role in zip(listed, scene["names"]["role"], strict=True) if role == "positive"}
    assert green == {int(i) for i in listed if data["later"]["ann"][i]}


def test_alpha_does_not_matter_where_the_correction_is_right() -> None:
    explainer, _ = small()
    tops = [explainer.at(weight=1.0, alpha=alpha).top.tolist() for alpha in (0.0, 0.4, 1.0)]
    assert tops[0] == tops[1] == tops[2] == explainer.at(weight=-1.0, alpha=0.0).top.tolist()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"titles": ["one"]}, "titles"),
        ({"counts": np.zeros(N)}, "counts"),
        ({"scores": {}}, "scores"),
        ({"scores": {"ann": np.zeros(3)}}, r"scores\['ann'\]"),
        ({"seen": {"ann": np.ones(N, bool), "bob": np.ones(N, bool)}}, r"seen\['ann'\]"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any], word: str) -> None:
    _, data = small()
    with pytest.raises(ValueError, match=word):
        TitleList(**(data | change))


# --- what training learns


@pytest.mark.parametrize("weight", [1.0, 0.0, -1.0])
def test_the_loss_is_flat_at_log_p_less_what_is_not_corrected(weight: float) -> None:
    """The loss over many negatives drawn ∝ f is convex in the scores: where its slope is 0, it is least."""
    p, f = torch.tensor([0.5, 0.3, 0.15, 0.05], dtype=torch.float64), torch.tensor([8.0, 1, 4, 2]).double()
    q = f / f.sum()
    s = (p.log() - (1 - weight) * f.log()).requires_grad_()
    logits = s - weight * q.log()
    (p * ((q * logits.exp()).sum().log() - logits)).sum().backward()
    assert s.grad is not None and s.grad.abs().max() < 1e-15 * 10
    elsewhere = (p.log() - (0.9 - weight) * f.log()).requires_grad_()
    logits = elsewhere - weight * q.log()
    (p * ((q * logits.exp()).sum().log() - logits)).sum().backward()
    assert elsewhere.grad is not None and elsewhere.grad.abs().max() > 1e-3


def test_the_chapter_s_own_loss_is_the_library_s() -> None:
    generator = torch.Generator().manual_seed(1)
    user, film = torch.randn(2, 20, 6, generator=generator, dtype=torch.float64)
    ids = torch.randint(8, (20,), generator=generator)
    film = film[ids]
    log_q = torch.randn(8, generator=generator, dtype=torch.float64)
    own = run("own")["in_batch_loss"](user, film, ids, log_q)
    peer = info_nce_in_batch(user, film, temperature=1, ids=ids, log_q=log_q[ids])
    assert own == pytest.approx(float(peer), rel=1e-12)


@pytest.mark.parametrize("weight", [0.0, 1.0, -1.0])
def test_slopes_by_hand_are_those_of_autograd(weight: float) -> None:
    generator = torch.Generator().manual_seed(2)
    user, film, keys = torch.randn(3, 1, 1, 7, 5, generator=generator, dtype=torch.float64)
    items, drawn = (torch.randint(4, (1, 1, 7), generator=generator) for _ in "ab")
    log_q = weight * torch.randn(4, generator=generator, dtype=torch.float64)
    same = drawn[:, :, None] == items[..., None]
    gu, gf, gk, loss = run("slopes")["slopes"](user, film, keys, (~same).double(), log_q[items], log_q[drawn])
    leaves = [x[0, 0].clone().requires_grad_() for x in (user, film, keys)]
    pos, neg = (leaves[0] * leaves[1]).sum(-1), leaves[0] @ leaves[2].T
    peer = info_nce(
        pos, neg, temperature=1, mask=~same[0, 0], log_q_pos=log_q[items[0, 0]],
        log_q_neg=log_q[drawn[0, 0]].expand(7, 7), reduction="sum",
    )  # fmt: skip
    peer.backward()
    for mine, leaf in zip((gu, gf, gk), leaves, strict=True):
        assert torch.allclose(mine[0, 0], leaf.grad, rtol=1e-10, atol=1e-12)  # type: ignore[arg-type]
    assert float(loss) * 7 == pytest.approx(float(peer.detach()), rel=1e-12)


# --- the folds


def test_bpr_is_info_nce_at_k_1() -> None:
    pos, neg = torch.randn(2, 500, generator=torch.Generator().manual_seed(3), dtype=torch.float64) * 5
    expected = torch.log1p((neg - pos).exp())
    for loss in (
        bpr_loss(pos, neg[:, None], reduction="none"),
        info_nce(pos, neg[:, None], temperature=1, reduction="none"),
    ):
        assert torch.allclose(loss, expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("p", [0.3, 0.01, 1e-4])
def test_beta_moves_the_sigmoid_s_optimum_to_p(p: float) -> None:
    k, others = 1, 3347
    beta = k / others

    def optimum(weight: float) -> float:
        """A film is the positive with probability p, else a negative with probability β."""

        def slope(s: float) -> float:
            return float((1 - p) * beta * expit(s) - weight * p * expit(-s))

        low, high = -30.0, 30.0
        for _ in range(100):
            middle = (low + high) / 2
            low, high = (middle, high) if slope(middle) < 0 else (low, middle)
        return low

    assert expit(optimum(1.0)) == pytest.approx(p / (p + beta * (1 - p)), rel=1e-9)
    assert expit(optimum(beta)) == pytest.approx(p, rel=1e-9)
    assert expit(optimum(1.0) + math.log(beta)) == pytest.approx(p, rel=1e-9)


def test_a_user_with_too_few_films_left_is_refused_by_name() -> None:
    source = CELLS["full"].split("\n\n\n")[0]
    space: dict[str, Any] = {"torch": torch}
    exec(source, space)
    seen = torch.ones(5, 30, dtype=torch.bool)
    seen[2, [4, 9, 11]] = False
    generator = torch.Generator().manual_seed(0)
    assert sorted(space["unseen"](2, 3, seen, generator).tolist()) == [4, 9, 11]
    with pytest.raises(ValueError, match="user 2 has 3 films left"):
        space["unseen"](2, 4, seen, generator)
    with pytest.raises(ValueError, match="user 3 has 0 films left"):
        space["unseen"](3, 1, seen, generator)


# --- the data


@pytest.fixture(scope="module")
def split() -> dict[str, Any]:
    return run("setup", "tables")


def test_the_split_is_in_time_and_disjoint(split: dict[str, Any]) -> None:
    films, N, U = datasets.film_ratings(), split["N"], split["U"]
    assert not (split["seen"] & split["choose"]).any() and not (split["known"] & split["hidden"]).any()
    names = {int(film): i for i, film in enumerate(split["kept"].nonzero()[:, 0])}
    when = torch.full((U, N), -1, dtype=torch.int64)
    for user, film, time in zip(
        films.users.tolist(), films.films.tolist(), films.times.tolist(), strict=True
    ):
        if film in names:
            when[user, names[film]] = time
    never = torch.iinfo(torch.int64).max
    latest = torch.where(split["seen"], when, -1).amax(1)
    assert (latest <= torch.where(split["choose"], when, never).amin(1)).all()
    chosen = torch.where(split["known"], when, -1).amax(1)
    assert (chosen <= torch.where(split["hidden"], when, never).amin(1)).all()
    assert int(split["hidden"].sum(1).max()) <= 5 >= int(split["choose"].sum(1).max())


def test_popularity_comes_from_training_alone(split: dict[str, Any]) -> None:
    assert torch.equal(split["f"], split["seen"].sum(0).float()) and split["f"].min() >= 5


def test_the_popular_list_by_another_way(split: dict[str, Any]) -> None:
    f, known, hidden = (split[name].numpy() for name in ("f", "known", "hidden"))
    found = total = 0
    for user in range(split["U"]):
        for film in np.flatnonzero(hidden[user]):
            rivals = ~known[user] & ~hidden[user]
            found += (f[rivals] > f[film]).sum() < 20
            total += 1
    assert found / total == pytest.approx(0.074, abs=0.003)
