"""Every explainer of the package, built on real data."""

from collections import Counter

import torch

from nslab import datasets, explain


def _softmax_weights():
    embeddings, labels = (rows[:257] for rows in datasets.digit_embeddings())
    return explain.SoftmaxWeights(
        embeddings @ embeddings.T,
        labels[:, None] == labels,
        pictures=datasets.digits().images[:257].reshape(-1, 8, 8),
        names=[f"a {digit}" for digit in labels],
    )


def _anchor_shares():
    embeddings, labels = datasets.digit_embeddings()
    images = datasets.digits().images.reshape(-1, 8, 8)
    groups = {name: (labels == digit).nonzero()[:24, 0] for name, digit in (("zeros", 0), ("nines", 9))}
    return explain.AnchorShares(
        embeddings @ embeddings.T, labels[:, None] != labels, groups=groups, pictures=images
    )


def _false_negative_cap():
    images, labels = datasets.digits()
    return explain.FalseNegativeCap(images[1:], labels[1:])


def _hit_probability():
    embeddings, labels = datasets.digit_embeddings()
    images, others = datasets.digits().images.reshape(-1, 8, 8), labels != labels[155]
    hard = (embeddings @ embeddings[155] > 0.5) & others
    return explain.HitProbability(images[others & ~hard][:40], images[hard])


def _exclusion_mass():
    reports = datasets.lee_embeddings()
    places = torch.linspace(0, len(reports) - 1, 64).long()
    scores, texts = reports[places] @ reports.T, [" ".join(report[:9]) for report in datasets.lee()]
    return explain.ExclusionMass(scores, places, scores > 0.9, texts)


def _threshold_growth():
    embeddings, labels = datasets.digit_embeddings()
    others = labels != labels[155]
    return explain.ThresholdGrowth(
        (embeddings @ embeddings[155])[others],
        pictures=datasets.digits().images[others].reshape(-1, 8, 8),
        names=[f"a {digit}" for digit in labels[others]],
    )


def _triplet_zones():
    embeddings, labels = datasets.digit_embeddings()
    squared = (embeddings - embeddings[3]).square().sum(-1)
    threes, others = (labels == 3).nonzero()[1:62, 0], (labels != 3).nonzero()[:300, 0]
    nearest = others[squared[others].argsort()[:120]]
    shown = torch.cat([torch.tensor([3]), threes, nearest])
    return explain.TripletZones(
        squared[threes],
        squared[nearest],
        pictures=datasets.digits().images[shown].reshape(-1, 8, 8),
        names=[f"a {digit}" for digit in labels[shown]],
    )


def _effective_margin():
    return explain.EffectiveMargin(pictures=datasets.digits().images[[13, 5]].reshape(-1, 8, 8))


def _loss_family():
    embeddings, labels = datasets.digit_embeddings()
    shown = torch.cat([torch.tensor([13]), (labels != 3).nonzero()[:64, 0]])
    return explain.LossFamily(
        (embeddings @ embeddings[3])[shown[1:]],
        pictures=datasets.digits().images[shown].reshape(-1, 8, 8),
        names=[f"a {digit}" for digit in labels[shown]],
    )


def _letters(cls):
    letters = Counter("".join(word for report in datasets.lee() for word in report))
    return cls([letters[letter] for letter in sorted(letters)], sorted(letters))


def _adaptive_temperature():
    embeddings, labels = datasets.digit_embeddings()
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    embeddings, labels = embeddings[order], labels[order]
    anchors = torch.tensor([int((labels == digit).nonzero()[0]) for digit in range(10)])
    scores = torch.stack([(embeddings @ embeddings[a])[labels != labels[a]][:127] for a in anchors])
    shown = datasets.digits().images[order[anchors]].reshape(-1, 8, 8)
    return explain.AdaptiveTemperature(scores, labels[anchors], shown)


def _entropy_speed():
    return explain.EntropySpeed(datasets.digits().images[:2].reshape(-1, 8, 8), ("a 0", "a 1"))


def _draws_and_push():
    return explain.DrawsAndPush(*datasets.lee_vocabulary())


def _noise_target():
    words, counts = datasets.lee_vocabulary(min_count=20)
    pairs = sum(
        (torch.tensor([list(report).count(word) for word in words]) for report in datasets.lee()[:20]), 0
    )
    return explain.NoiseTarget(words, counts, pairs)


def _digits_around_one():
    """As in chapter 08: an image and 600 others, all their pictures, and the names of the others."""
    embeddings, labels = datasets.digit_embeddings()
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))[:601]
    pictures = datasets.digits().images[order].reshape(-1, 8, 8)
    return embeddings[order], labels[order], pictures, [f"a {digit}" for digit in labels[order[1:]]]


def _proposal_gradient():
    embeddings, labels, pictures, names = _digits_around_one()
    own = labels[1:] == labels[0]
    target = int(own.nonzero()[1])
    own[target] = False
    return explain.ProposalGradient(
        embeddings[1:], embeddings[0] / 0.1, target, own, pictures=pictures[1:], names=names
    )


def _pooled_proposal():
    embeddings, labels, pictures, names = _digits_around_one()
    look = {"pictures": pictures[1:], "names": names, "anchor": pictures[0]}
    return explain.PooledProposal(embeddings[1:] @ embeddings[0] / 0.1, labels[1:] == labels[0], **look)


def _pair_matrix():
    """Other images of the same digits stand in for the captions."""
    embeddings, labels = datasets.digit_embeddings()
    rows = [int((labels == digit).nonzero()[n]) for digit in (3, 8, 7, 5) for n in range(3)]
    asks = [int((labels == digit).nonzero()[n]) for digit in (3, 8, 7, 5) for n in range(3, 6)]
    return explain.PairMatrix(
        embeddings[asks] @ embeddings[rows].T,
        labels[rows],
        [f"caption {i}" for i in range(12)],
        moved=3,
        pictures=datasets.digits().images[rows].reshape(-1, 8, 8),
        names=[f"a {digit}" for digit in labels[rows]],
    )


def _pair_scores():
    letters, scores = datasets.substitution_matrix()
    return explain.PairScores(scores, torch.linspace(1, 7, 20), letters)


def _mined_neighbours():
    reports = [report for report in dict.fromkeys(datasets.lee()) if len(report) >= 120][:60]
    questions = [" ".join(report[:30]) for report in reports]
    passages = [" ".join(report[at : at + 30]) for report in reports for at in (30, 60, 90)]
    vectors = datasets.text_vectors(questions + passages)
    vectors = torch.nn.functional.normalize(vectors - vectors.mean(0), dim=1)
    scores, own = vectors[:60] @ vectors[60:].T, torch.arange(180) // 3 == torch.arange(60)[:, None]
    known = scores.masked_fill(~own, -1).argmax(1)
    return explain.MinedNeighbours(scores, known, own, questions, passages)


def _motif_weights():
    sites = [site[6:9] + site[17:20] for site in datasets.binding_sites()]
    return explain.MotifWeights(sites, "TTGCATTGAACTTGTGGATAAAATCACGGTCTG", (0, 1, 2, 11, 12, 13))


def _debiased_push():
    embeddings, labels = datasets.digit_embeddings()
    rows, others = torch.arange(40), torch.arange(40, 240)
    return explain.DebiasedPush(
        0.5 + torch.linspace(0, 0.49, 40),
        embeddings[rows] @ embeddings[others].T,
        labels[rows, None] == labels[others],
        pictures=datasets.digits().images[:240].reshape(-1, 8, 8),
        names=[f"a {digit}" for digit in labels[:240]],
    )


def _sampled_metric():
    ranks = torch.arange(1, 301)
    return explain.SampledMetric(
        {"popular": ranks, "trained": ranks**2 // 300 + 1},
        items=301,
        names=datasets.lee_vocabulary().words[:301],
    )


def _pull_and_push():
    images, labels = datasets.digits()
    three = torch.isin(labels, torch.tensor([0, 3, 6])).nonzero().ravel()
    three = three[torch.randperm(len(three), generator=torch.Generator().manual_seed(0))][:140]
    return explain.PullAndPush(images[three], labels[three])


def _word_veto():
    self_words, others = ([w for w in datasets.words(x, 15_000) if len(w) == 6] for x in ("en", "pl"))
    return explain.WordVeto(self_words[:1000], {"English": self_words[1000:1300], "Polish": others[:300]})


def _lee_pairs(size):
    words = datasets.lee_vocabulary().words[:size]
    place, pairs = {word: i for i, word in enumerate(words)}, torch.zeros(size, size)
    for report in datasets.lee():
        ids = torch.tensor([place[word] for word in report if word in place])
        for gap in range(1, 6):
            pairs.index_put_((ids[:-gap], ids[gap:]), torch.ones(1), accumulate=True)
    return words, pairs + pairs.T


def _evaluation_negatives():
    graph = datasets.les_miserables()
    links = torch.zeros(77, 77)
    links[graph.edges[:, 0], graph.edges[:, 1]] = links[graph.edges[:, 1], graph.edges[:, 0]] = 1
    orders = [torch.randperm(254, generator=torch.Generator().manual_seed(seed))[:50] for seed in range(30)]
    held_out, row = graph.edges[torch.stack(orders)], torch.arange(30)[:, None]
    known = links.repeat(30, 1, 1)
    known[row, held_out[..., 0], held_out[..., 1]] = known[row, held_out[..., 1], held_out[..., 0]] = 0
    degree = known.sum(2)
    product, common = degree[:, :, None] * degree[:, None], known @ known
    jaccard = common / (degree[:, :, None] + degree[:, None] - common).clamp(min=1)
    methods = {"degree product": product, "common neighbours": common, "Jaccard": jaccard}
    return explain.EvaluationNegatives(links, held_out, methods, graph.names)


def _title_list():
    films = datasets.film_ratings()
    keep = films.films < 2000
    counts = torch.bincount(films.films[keep], minlength=2000)
    mine = {f"{u}": films.films[keep & (films.users == u)] for u in (41, 195)}
    seen, later = (
        {user: torch.isin(torch.arange(2000), rows[half::2]) for user, rows in mine.items()}
        for half in (0, 1)
    )
    noise = torch.rand(2000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    scores = {user: counts.log() + later[user] + noise for user in mine}
    return explain.TitleList(scores, counts, films.titles[:2000], seen, later)


# How to build the explainers that want data; the others need no arguments.
BUILD = {
    "AccidentalHits": lambda: explain.AccidentalHits(*datasets.lee_vocabulary()),
    "AdaptiveTemperature": _adaptive_temperature,
    "AliasBuild": lambda: _letters(explain.AliasBuild),
    "AliasDarts": lambda: _letters(explain.AliasDarts),
    "AnchorShares": _anchor_shares,
    "ExclusionMass": _exclusion_mass,
    "EntropySpeed": _entropy_speed,
    "EvaluationNegatives": _evaluation_negatives,
    "DebiasedPush": _debiased_push,
    "DrawsAndPush": _draws_and_push,
    "NoiseTarget": _noise_target,
    "FalseNegativeCap": _false_negative_cap,
    "EffectiveMargin": _effective_margin,
    "HitProbability": _hit_probability,
    "LossFamily": _loss_family,
    "MinedNeighbours": _mined_neighbours,
    "MotifWeights": _motif_weights,
    "PairMatrix": _pair_matrix,
    "PairScores": _pair_scores,
    "PooledProposal": _pooled_proposal,
    "ProposalGradient": _proposal_gradient,
    "TableTraining": lambda: explain.TableTraining(*_lee_pairs(150)[::-1]),
    "ThresholdGrowth": _threshold_growth,
    "RowNeighbours": lambda: explain.RowNeighbours(*_lee_pairs(800), "fire"),
    "PullAndPush": _pull_and_push,
    "SoftmaxWeights": _softmax_weights,
    "SampledMetric": _sampled_metric,
    "TitleList": _title_list,
    "TripletZones": _triplet_zones,
    "WordVeto": _word_veto,
}


CLASSES = [
    cls
    for name in explain.__all__
    if isinstance(cls := getattr(explain, name), type)
    and issubclass(cls, explain.Explainer)
    and cls is not explain.Explainer
]


def build(cls):
    return BUILD.get(cls.__name__, cls)()
