"""Chapter 12: its mathematics, its explainer against other computations, and its claims."""

from __future__ import annotations

import gc
import itertools
import logging
import warnings
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from nslab import datasets, hit_probability, sgns_loss
from nslab.explain import EvaluationNegatives

f64 = torch.float64


def hidden(links: np.ndarray, m: int, splits: int, first: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(splits, m, 2) held-out links and (splits, n, n) the links that stay."""
    edges = np.argwhere(np.triu(links))
    held = np.stack(
        [edges[np.random.default_rng(first + s).permutation(len(edges))[:m]] for s in range(splits)]
    )
    known = np.repeat(links[None], splits, 0)
    for graph, pairs in zip(known, held, strict=True):
        graph[pairs[:, 0], pairs[:, 1]] = graph[pairs[:, 1], pairs[:, 0]] = 0
    return held, known


def predictors(known: np.ndarray) -> dict[str, np.ndarray]:
    d, common = known.sum(-1), known @ known
    union = d[:, :, None] + d[:, None] - common
    return {
        "product": d[:, :, None] * d[:, None],
        "common": common,
        "jaccard": common / np.maximum(union, 1),
    }


def explainer(links: np.ndarray, held: np.ndarray, scores: dict[str, np.ndarray]) -> EvaluationNegatives:
    return EvaluationNegatives(
        torch.tensor(links), torch.tensor(held), {name: torch.tensor(s) for name, s in scores.items()}
    )


@pytest.fixture(scope="module")
def characters() -> np.ndarray:
    graph = datasets.les_miserables()
    links = np.zeros((77, 77))
    links[tuple(graph.edges.T.numpy())] = 1
    return links + links.T


@pytest.fixture(scope="module")
def ten(characters: np.ndarray) -> tuple[np.ndarray, np.ndarray, EvaluationNegatives]:
    """Other splits than the chapter's, and fewer."""
    held, known = hidden(characters, 50, 10, first=100)
    return held, known, explainer(characters, held, predictors(known))


# --- the evaluation list


@pytest.mark.parametrize(("alpha", "h"), [(-0.5, 0.0), (0.0, 0.0), (0.7, 0.35), (1.5, 1.0)])
def test_auc_is_the_weighted_area_of_scikit_learn(characters, ten, alpha: float, h: float) -> None:
    held, known, _ = ten
    pairs = np.argwhere(np.triu(1 - characters, 1))
    i, j = pairs.T
    areas = []
    for split in range(3):
        d = known[split].sum(1)  # hidden links are not counted
        anywhere = np.maximum(d[i] * d[j], 1) ** alpha
        near = anywhere * ((known[split] @ known[split])[i, j] > 0)
        weights = (1 - h) * anywhere / anywhere.sum() + h * near / near.sum()
        truth = np.r_[np.ones(50), np.zeros(len(pairs))]
        share = np.r_[np.full(50, 1 / 50), weights]
        a, b = held[split].T
        areas.append(
            [
                roc_auc_score(truth, np.r_[s[split, a, b], s[split, i, j]], sample_weight=share)
                for s in predictors(known).values()
            ]
        )
    three = explainer(characters, held[:3], {name: s[:3] for name, s in predictors(known).items()})
    result = three.at(alpha=alpha, h=h)
    assert result.auc == pytest.approx(np.mean(areas, axis=0), abs=1e-9)
    assert result.spread == pytest.approx(np.std(areas, axis=0, ddof=1), abs=1e-9)


def test_the_negatives_shown_are_drawn_as_the_sliders_say(characters, ten) -> None:
    _, known, figure = ten
    d = known[0].sum(1)
    i, j = np.argwhere(np.triu(1 - characters, 1)).T
    dd = np.log(np.maximum(d[i] * d[j], 1))
    close = (known[0] @ known[0]) > 0
    for alpha in np.linspace(-0.5, 1.5, 5):
        a, b = figure.at(alpha=float(alpha), h=0.0).pairs[40:].T
        assert not characters[a, b].any() and (a != b).all()
        w = np.exp(alpha * dd) / np.exp(alpha * dd).sum()
        spread = np.sqrt(w @ (dd - w @ dd) ** 2 / 40)
        assert abs(np.log(np.maximum(d[a] * d[b], 1)).mean() - w @ dd) < 3.5 * spread
        assert close[tuple(figure.at(alpha=float(alpha), h=1.0).pairs[40:].T)].all()
    half, none = (figure.at(alpha=0.0, h=h).pairs[40:] for h in (0.5, 0.0))
    assert (half != none).any(1).sum() <= 20, "the others stay"


def test_common_neighbours_are_those_of_the_pair_picked(ten) -> None:
    held, known, figure = ten
    result = figure.at(alpha=0.5, h=0.25, pair="negative 11")
    assert (result.pairs[:40] == held[0, :40]).all()
    one, other = result.pairs[50]
    assert len(result.common) == (known[0] @ known[0])[one, other]
    scene, names = figure.scene(result), figure._names
    assert scene["picked"]["text"] == f"{names[one]} – {names[other]}"
    assert scene["pairs"]["size"] == pytest.approx([(known[0] @ known[0])[a, b] for a, b in result.pairs])
    assert scene["pairs"]["size"][50] == len(result.common)


def test_a_pair_stands_where_the_degrees_of_its_ends_say(ten) -> None:
    _, known, figure = ten
    result = figure.at(alpha=0.5, h=0.25)
    dots, d = figure.scene(result)["pairs"], known[0].sum(1)
    for x, y, (one, other) in zip(dots["x"], dots["y"], result.pairs, strict=True):
        assert [x, y] == pytest.approx(
            np.maximum([max(d[one], d[other]), min(d[one], d[other])], 0.65), rel=0.09
        )


@pytest.mark.parametrize(("alpha", "h"), [(1.5, 0.0), (0.7, 0.5), (-0.5, 1.0), (0.0, 0.0)])
def test_the_lines_lead_from_uniform_negatives_to_those_chosen(ten, alpha: float, h: float) -> None:
    figure = ten[2]
    scene = figure.scene(figure.at(alpha=alpha, h=h))
    for method, name in enumerate(("product", "common", "jaccard")):
        line, end = scene[f"line {name}"], scene[f"end {name}"]
        assert {min(line["x"]), max(line["x"])} == {min(alpha, 0.0), max(alpha, 0.0)}
        for x, y in zip(line["x"][::5], line["y"][::5], strict=True):
            assert y == pytest.approx(figure.at(alpha=float(x), h=h).auc[method], abs=1e-4)
        assert end["y"] == pytest.approx(figure.at(alpha=alpha, h=h).auc[method], abs=1e-12)


def test_without_h_some_negatives_are_two_steps_apart_all_the_same(ten) -> None:
    _, known, figure = ten
    close = (known[0] @ known[0]) > 0
    shares = [close[tuple(figure.at(alpha=a, h=0.0).pairs[40:].T)].mean() for a in (0.0, 1.0)]
    assert 0 < shares[0] < 1 and 0 < shares[1] < 1
    said = figure.summary(figure.at(alpha=0.0, h=0.0)).splitlines()[0]
    assert said.endswith("a share 0 drawn only from pairs two steps apart, the rest from all")


def test_the_list_decides_who_wins(ten) -> None:
    uniform, matched, near = (ten[2].at(alpha=a, h=h) for a, h in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0)))
    product, common, jaccard = range(3)
    assert uniform.auc[product] == pytest.approx(0.774, abs=0.03)
    assert matched.auc[product] == pytest.approx(0.5, abs=0.02)
    assert uniform.auc[common] == pytest.approx(0.898, abs=0.03)
    assert near.auc[common] == pytest.approx(0.788, abs=0.03)
    assert uniform.auc[common] > uniform.auc[jaccard] + 0.01
    assert matched.auc[common] < matched.auc[jaccard]
    drops = uniform.auc - near.auc
    assert drops[jaccard] == max(drops)


@pytest.mark.parametrize(("alpha", "h"), [(0.0, 0.0), (1.5, 1.0), (0.9, 0.2)])
def test_names_stand_beside_the_dots_and_apart(ten, alpha: float, h: float) -> None:
    figure = ten[2]
    result = figure.at(alpha=alpha, h=h)
    scene = figure.scene(result)
    y = np.array([scene[f"name {name}"]["y"] for name in figure._methods])
    assert (np.diff(np.sort(y)) > 0.054).all() and (y.argsort() == result.auc.argsort()).all()
    assert y + 0.012 == pytest.approx(result.auc, abs=0.08)


@pytest.mark.parametrize("seed", range(8))
def test_no_order_beats_p_over_w(seed: int) -> None:
    p, w = np.random.default_rng(seed).dirichlet(np.ones(5), 2)

    def area(order: tuple[int, ...]) -> float:
        place = np.argsort(order)
        wins = (place[:, None] < place) + 0.5 * np.eye(5)
        return float(p @ wins @ w)

    areas = {order: area(order) for order in itertools.permutations(range(5))}
    assert areas[tuple(np.argsort(-p / w).tolist())] == pytest.approx(max(areas.values()), abs=1e-12)
    w = p
    assert [area(order) for order in list(areas)[:20]] == pytest.approx([0.5] * 20)


def test_a_list_chosen_by_a_feature_is_gamed_through_it(characters, ten) -> None:
    held, known, _ = ten
    common = predictors(known)["common"]
    scores = {"common": common, "tricky": np.where(common > 0, common, 1e3)}
    figure = explainer(characters, held, scores)
    hard, uniform = figure.at(alpha=0.0, h=1.0), figure.at(alpha=0.0, h=0.0)
    lost = np.mean([(c[h[:, 0], h[:, 1]] == 0).mean() for c, h in zip(common, held, strict=True)])
    # every negative has a common neighbour, so the trick lifts just these links from below all to above all
    assert hard.auc[1] - hard.auc[0] == pytest.approx(lost, abs=1e-9)
    assert hard.auc[1] > hard.auc[0] + 0.05 and uniform.auc[1] < 0.5 < uniform.auc[0]


def test_with_the_links_known_the_box_is_empty(characters) -> None:
    """Negatives come from non-links only, so p / w is infinite on links.

    p and w are chances given what the scorer sees.
    """
    pairs = np.triu_indices(77, 1)
    link = characters[pairs] > 0
    d = characters.sum(1)
    product = (d[:, None] * d)[pairs]
    p, w = link / link.sum(), (~link) * product / product[~link].sum()
    assert (w[p > 0] == 0).all()
    _, seen = np.unique(product, return_inverse=True)  # a scorer that sees only the degrees
    given = [np.bincount(seen, x) for x in (p, w)]
    both = (given[0] > 0) & (given[1] > 0)
    assert both.sum() > 40 and np.isfinite(np.log(given[0][both] / given[1][both])).all()


# --- walks


def steps(links: np.ndarray, window: int) -> np.ndarray:
    """(1/T) Σ P^r."""
    chance = links / links.sum(1, keepdims=True)
    return np.mean([np.linalg.matrix_power(chance, r) for r in range(1, window + 1)], axis=0)


@pytest.mark.parametrize(("window", "k"), [(1, 1), (2, 5), (4, 3)])
def test_the_loss_of_walks_is_flat_at_the_closed_form(characters, window: int, k: int) -> None:
    d = characters.sum(1)
    p = steps(characters, window)
    closed = np.log(np.maximum(d.sum() * p / d, 1e-300)) - np.log(k)
    positive = d[:, None] / d.sum() * p
    negative = k * np.outer(d, d) / d.sum() ** 2
    seen = p > 0
    slope = negative * expit(closed) - positive * expit(-closed)
    assert np.abs(slope[seen]).max() < 1e-15
    assert positive == pytest.approx(positive.T, abs=1e-15), "a walk that starts ∝ degree runs both ways"
    assert positive.sum(0) == pytest.approx(d / d.sum()), "so contexts are ∝ degree as well"
    if window == 1:
        edge = characters > 0
        line = np.log(d.sum() * characters[edge] / np.outer(d, d)[edge]) - np.log(k)
        assert closed[edge] == pytest.approx(line)


def test_walked_pairs_count_like_the_closed_form(characters) -> None:
    rng, d = np.random.default_rng(0), characters.sum(1)
    cumulated = (characters / d[:, None]).cumsum(1)
    walk = [rng.choice(77, 100_000, p=d / d.sum())]
    for _ in range(2):
        walk.append((rng.random(100_000)[:, None] > cumulated[walk[-1]]).sum(1).clip(max=76))
    p = steps(characters, 2)
    counts = np.zeros((77, 77))
    for right in walk[1:]:
        np.add.at(counts, (walk[0], right), 0.5 / 100_000)
    often = counts > 1e-3
    assert often.sum() > 50
    assert counts[often] == pytest.approx((d[:, None] / d.sum() * p)[often], rel=0.3)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_popularity_to_add_is_one_minus_alpha(alpha: float) -> None:
    rng = np.random.default_rng(3)
    d, pmi = rng.pareto(1.5, 400) + 1, rng.normal(0, 0.7, 400)
    p, w = np.exp(pmi) * d, d**alpha
    p, w = p / p.sum(), w / w.sum()

    def area(shift: float) -> float:
        score = pmi + shift * np.log(d)
        return float(p @ ((score[:, None] > score) + 0.5 * (score[:, None] == score)) @ w)

    shifts = np.linspace(-0.5, 1.5, 21)
    areas = [area(shift) for shift in shifts]
    assert shifts[np.argmax(areas)] == pytest.approx(1 - alpha)
    assert max(areas) > area(1 - alpha + 0.5) + 1e-3


# --- knowledge graphs


@pytest.mark.parametrize(
    ("name", "uniform", "bernoulli", "met"),
    [("nations", 0.436, 0.422, 0.92), ("umls", 0.145, 0.106, 0.69), ("kinships", 0.092, 0.089, 0.59)],
)
def test_how_often_a_corrupted_triple_is_true(
    name: str, uniform: float, bernoulli: float, met: float
) -> None:
    graph = datasets.knowledge_graph(name)
    true = {tuple(x) for part in (graph.train, graph.valid, graph.test) for x in part.tolist()}
    learned, others = {tuple(x) for x in graph.train.tolist()}, len(graph.entities) - 1
    tails, heads, known_tails, known_heads = ({} for _ in range(4))
    for source, by_head, by_tail in ((true, tails, heads), (learned, known_tails, known_heads)):
        for h, r, t in source:
            by_head.setdefault((h, r), set()).add(t)
            by_tail.setdefault((r, t), set()).add(h)
    per_head, per_tail = {}, {}
    for (_, r), ends in known_tails.items():
        per_head.setdefault(r, []).append(len(ends))
    for (r, _), ends in known_heads.items():
        per_tail.setdefault(r, []).append(len(ends))
    rho, lopsided = [], []
    for h, r, t in learned:
        tail, head = ((len(ends) - 1) / others for ends in (tails[h, r], heads[r, t]))
        share = np.mean(per_head[r]) / (np.mean(per_head[r]) + np.mean(per_tail[r]))
        rho.append((tail + head) / 2)
        lopsided.append(share * head + (1 - share) * tail)
    assert np.mean(rho) == pytest.approx(uniform, abs=5e-4)
    assert np.mean(lopsided) == pytest.approx(bernoulli, abs=5e-4)
    chances = np.asarray(hit_probability(np.array(rho), 10))
    assert chances.mean() == pytest.approx(met, abs=5e-3)
    assert chances.mean() < hit_probability(float(np.mean(rho)), 10), "the mean ρ promises too much"


def test_self_adversarial_weights_are_sgns_where_they_are_flat() -> None:
    generator = torch.Generator().manual_seed(0)
    pos, neg = (torch.randn(shape, generator=generator, dtype=f64) for shape in ((6,), (6, 10)))

    def weighted(adversarial: float) -> torch.Tensor:
        weight = 10 * (adversarial * neg).softmax(-1)
        plus = torch.nn.functional.softplus
        return (plus(-pos) + (weight * plus(neg)).sum(-1)).mean()

    assert weighted(0.0).item() == pytest.approx(sgns_loss(pos, neg).item(), rel=1e-12)
    assert weighted(1.0) > weighted(0.0)


@pytest.fixture(scope="module")
def nations() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Tables (entities, relations, entities) of training truths and of all, and the test triples."""
    graph = datasets.knowledge_graph("nations")
    learned = torch.zeros(14, 55, 14, dtype=torch.bool)
    learned[tuple(graph.train.T)] = True
    every = learned.clone()
    for part in (graph.valid, graph.test):
        every[tuple(part.T)] = True
    return learned, every, graph.test


def expected_draws(learned: torch.Tensor, allowed: torch.Tensor, k: int = 10) -> torch.Tensor:
    """How often each triple is a negative: k draws per training triple.

    Half of them replace its head, half its tail.
    """
    draws = torch.zeros(learned.shape, dtype=f64)
    for h, r, t in learned.nonzero().tolist():
        for where, kept in (((h, r), t), ((slice(None), r, t), h)):
            q = allowed[where].double().clone()
            q[kept] = 0
            q = q if q.sum() > 0 else torch.ones_like(q)
            draws[where] += k / 2 * q / q.sum()
    return draws


def test_the_filter_leaves_the_held_out_truths_a_larger_share(nations) -> None:
    learned, every, _ = nations
    shares = {}
    for name, allowed in (("uniform", torch.ones_like(every)), ("training", ~learned), ("all", ~every)):
        draws = expected_draws(learned, allowed)
        shares[name] = ((draws * (every & ~learned)).sum() / draws.sum()).item()
    assert shares["uniform"] == pytest.approx(0.090, abs=2e-3)
    assert shares["training"] > 1.4 * shares["uniform"]
    assert shares["all"] < 1e-3


def test_filtering_by_training_does_not_help_and_filtering_by_everything_leaks(nations) -> None:
    """Another training than the chapter's: the expected loss in full.

    It samples nothing and takes a fixed number of steps.
    """
    learned, every, test = nations
    h, r, t = test.T

    def mrr(table: torch.Tensor) -> np.ndarray:  # (starts, head, relation, tail) -> (starts,)
        ranks = []
        for scores, true, target in (
            (table[:, h, r], every[h, r], t),
            (table[:, :, r, t].mT, every[:, r, t].T, h),
        ):
            own = scores.gather(2, target.expand(5, -1)[..., None])
            ranks.append(1 / (1 + (scores.masked_fill(true, -torch.inf) > own).sum(2)))
        return torch.cat(ranks, 1).mean(1).numpy()

    def trained(allowed: torch.Tensor) -> np.ndarray:
        draws, positive = expected_draws(learned, allowed), learned.double()
        generator, plus = torch.Generator().manual_seed(1), torch.nn.functional.softplus
        x = [torch.randn(5, size, 32, generator=generator, dtype=f64) / 32**0.5 for size in (14, 55)]
        optimizer = torch.optim.Adam([each.requires_grad_() for each in x], lr=0.02)

        def table() -> torch.Tensor:
            return ((x[0][:, :, None] * x[1][:, None]).flatten(1, 2) @ x[0].mT).view(5, 14, 55, 14)

        for _ in range(120):
            s = table()
            loss = ((positive + draws) * plus(s) - positive * s).sum() / positive.sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return mrr(table().detach())

    uniform, training, everything = (
        trained(allowed) for allowed in (torch.ones_like(every), ~learned, ~every)
    )
    assert training.mean() < uniform.mean()
    assert (everything > uniform + 0.05).all()


def ranks(score, part: torch.Tensor, every: torch.Tensor, raw: bool) -> float:
    """MRR of both ends, a tie counting halfway; raw: truths stay among the negatives."""
    found = []
    for h, r, t in part.tolist():
        for s, true, target in ((score(0, h, r), every[h, r], t), (score(1, t, r), every[:, r, t], h)):
            rest = torch.ones(14, dtype=torch.bool) if raw else ~true
            rest[target] = False
            found.append(1 / (1 + (s[rest] > s[target]).sum() + (s[rest] == s[target]).sum() / 2))
    return float(torch.stack(found).mean())


def test_raw_ranks_put_a_count_above_a_model_that_filtered_ranks_put_first(nations) -> None:
    learned, every, test = nations
    positive, draws = learned.double(), expected_draws(learned, torch.ones_like(every))
    generator, plus = torch.Generator().manual_seed(2), torch.nn.functional.softplus
    x = [torch.randn(size, 32, generator=generator, dtype=f64) / 32**0.5 for size in (14, 55)]
    optimizer = torch.optim.Adam([each.requires_grad_() for each in x], lr=0.02)
    for _ in range(150):
        s = torch.einsum("hd,rd,td->hrt", x[0], x[1], x[0])
        loss = ((positive + draws) * plus(s) - positive * s).sum() / positive.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    s = torch.einsum("hd,rd,td->hrt", x[0], x[1], x[0]).detach()
    overall = positive.sum((1, 2)) + positive.sum((0, 1))
    model = {
        raw: ranks(lambda side, e, r: s[:, r, e] if side else s[e, r], test, every, raw)
        for raw in (True, False)
    }
    count = {raw: ranks(lambda side, e, r: overall, test, every, raw) for raw in (True, False)}
    assert count[True] > model[True] + 0.02 and model[False] > count[False] + 0.15


def test_pykeen_agrees_on_the_measure() -> None:
    """Its evaluator and ours give the vectors that it trained the same MRR."""
    logging.disable(logging.WARNING)
    pytest.importorskip("pykeen.training")
    gc.collect()
    gc.freeze()  # PyKEEN collects garbage after every epoch: leave out what is loaded by now
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pykeens()
    finally:
        gc.unfreeze()
        logging.disable(logging.NOTSET)


def pykeens() -> None:
    from pykeen.datasets import Nations
    from pykeen.evaluation import RankBasedEvaluator
    from pykeen.models import DistMult
    from pykeen.training import SLCWATrainingLoop

    peer, graph = Nations(), datasets.knowledge_graph("nations")
    seen = [peer.training.mapped_triples, peer.validation.mapped_triples]
    start = dict.fromkeys(
        ("entity_initializer", "relation_initializer"), partial(torch.nn.init.normal_, std=32**-0.5)
    )
    look = {"entity_constrainer": None, "regularizer": None, "loss": "softplus", "embedding_dim": 32, **start}

    def score(model: DistMult) -> float:
        where: dict[str, Any] = {"additional_filter_triples": seen, "batch_size": 256, "use_tqdm": False}
        results = RankBasedEvaluator().evaluate(model, peer.testing.mapped_triples, **where)
        return results.get_metric("both.realistic.inverse_harmonic_mean_rank")

    def trained(epochs: int) -> DistMult:
        model = DistMult(triples_factory=peer.training, random_seed=0, **look).double()
        loop = SLCWATrainingLoop(
            model=model,
            triples_factory=peer.training,
            optimizer=torch.optim.Adam(model.parameters(), lr=0.02),
            negative_sampler="basic",
            negative_sampler_kwargs={"num_negs_per_pos": 10},
        )
        loop.train(peer.training, num_epochs=epochs, batch_size=256, use_tqdm=False, pin_memory=False)
        return model

    model = trained(12)
    entity, relation = (each.detach() for each in model.parameters())
    s = torch.einsum("hd,rd,td->hrt", entity, relation, entity)
    every = torch.zeros(14, 55, 14, dtype=torch.bool)
    for part in (graph.train, graph.valid, graph.test):
        every[tuple(part.T)] = True
    assert sorted(peer.entity_to_id) == list(graph.entities) and sorted(peer.relation_to_id) == list(
        graph.relations
    )
    ours = ranks(lambda side, e, r: s[:, r, e] if side else s[e, r], graph.test, every, raw=False)
    assert score(model) == pytest.approx(ours, abs=1e-4)


# --- bad input


def test_evaluation_negatives_refuses(characters) -> None:
    held, known = hidden(characters, 5, 2)
    scores = predictors(known)
    peers = {name: torch.tensor(score) for name, score in scores.items()}
    with pytest.raises(ValueError, match=r"1 to 3 methods, got 0"):
        explainer(characters, held, {})
    with pytest.raises(ValueError, match=r"'common'.*\(2, 77, 77\).*\(77, 77\)"):
        explainer(characters, held, {"common": scores["common"][0]})
    path = np.diag(np.ones(2), 1)
    with pytest.raises(ValueError, match="held_out must hide at least 40 links a split, got 5"):
        explainer(characters, held, scores)
    with pytest.raises(ValueError, match="names must name the 77 nodes, got 1"):
        EvaluationNegatives(torch.tensor(characters), torch.tensor(held), peers, ["Valjean"])
    with pytest.raises(ValueError, match="held_out must leave two"):
        explainer(path + path.T, np.array([[[0, 1]]]), {"common": np.zeros((1, 3, 3))})
