"""Real data from packages that are installed anyway: no network, nothing copied into this repository."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from nslab._checks import one_of, whole

WORD_PAIRS = {"wordsim353": "wordsim353.tsv", "simlex999": "simlex999.txt"}


class Digits(NamedTuple):
    """images (1797, 64) float64 in [0, 1], rows of 8 × 8 pixels; labels (1797,) int64, 0 to 9."""

    images: Tensor
    labels: Tensor


class DigitEmbeddings(NamedTuple):
    """embeddings (1797, dim) float64, each of length 1; labels (1797,) int64, 0 to 9."""

    embeddings: Tensor
    labels: Tensor


class Vocabulary(NamedTuple):
    """words, the most frequent first and ties in alphabetical order; counts (len(words),) int64."""

    words: tuple[str, ...]
    counts: Tensor


class WordPairs(NamedTuple):
    """pairs, two lower-case words each, in the order of the file; ratings (len(pairs),) float64, 0 to 10."""

    pairs: tuple[tuple[str, str], ...]
    ratings: Tensor


def digits() -> Digits:
    """Handwritten digits, 1797 of 8 × 8 pixels, bundled with scikit-learn.

    Source: Alpaydin & Kaynak, Optical Recognition of Handwritten Digits, UCI 1998 (its test set).
    ImportError without scikit-learn. Tensors are the caller's own.

    >>> digits().images.shape
    torch.Size([1797, 64])
    """
    return Digits(*(tensor.clone() for tensor in _digits()))


def digit_embeddings(dim: int = 16) -> DigitEmbeddings:
    """The digits' first `dim` principal components, each image then scaled to length 1.

    ValueError if dim is not in [1, 61]: only 61 of the 64 pixels ever vary.

    >>> digit_embeddings(dim=16).embeddings.shape
    torch.Size([1797, 16])
    """
    images, labels = _digits()
    return DigitEmbeddings(_project(images - images.mean(0), dim), labels.clone())


@lru_cache(maxsize=1)
def lee() -> tuple[tuple[str, ...], ...]:
    """300 short news reports as lower-case words of a to z, from the file bundled with gensim.

    Source: Lee, Pincombe & Welsh, An Empirical Evaluation of Models of Text Document Similarity, CogSci 2005
    (the background documents). ImportError without gensim, FileNotFoundError if the file is not in it.

    >>> len(lee()), lee()[0][:3]
    (300, ('hundreds', 'of', 'people'))
    """
    text = _installed("gensim", "test/test_data/lee_background.cor").read_text(encoding="utf-8")
    return tuple(tuple(re.findall("[a-z]+", line)) for line in text.lower().splitlines())


def lee_vocabulary(min_count: int = 1) -> Vocabulary:
    """The words of `lee` that occur at least `min_count` times, and how often. ValueError if none does.

    >>> words, counts = lee_vocabulary()
    >>> words[0], counts[0].item()
    ('the', 4135)
    """
    whole(min_count, "min_count", minimum=1)
    counts = Counter(word for document in lee() for word in document)
    kept = sorted(((n, w) for w, n in counts.items() if n >= min_count), key=lambda item: (-item[0], item[1]))
    if not kept:
        raise ValueError(f"min_count must be <= {max(counts.values())}, the highest count, got {min_count}")
    return Vocabulary(tuple(w for _, w in kept), torch.tensor([n for n, _ in kept]))


def lee_embeddings(dim: int = 32) -> Tensor:
    """The `lee` documents as (300, dim) float64 vectors of length 1: latent semantic analysis.

    (1 + ln tf) · ln(300 / df) for each word, projected on the first `dim` singular directions. ValueError if
    dim is not in [1, 293]: seven of the reports repeat another word for word.
    Source: Deerwester et al., Indexing by Latent Semantic Analysis, JASIS 1990.

    >>> lee_embeddings(dim=32).shape
    torch.Size([300, 32])
    """
    return _project(_lee_tf_idf(), dim)


def word_similarity(name: str) -> WordPairs:
    """Pairs of words as people rated them, 0 (nothing in common) to 10, from the files bundled with gensim.

    "wordsim353": 353 pairs, relatedness of any kind (one pair is rated twice, one is a word with itself). Source:
    Finkelstein et al., Placing Search in Context, ACM TOIS 2002. "simlex999": 999 pairs, similarity alone: cup and
    coffee are related, not similar. Source: Hill, Reichart & Korhonen, SimLex-999, Computational Linguistics 2015.
    ValueError for another name; ImportError and FileNotFoundError as in `lee`.

    >>> pairs, ratings = word_similarity("wordsim353")
    >>> ratings[pairs.index(("king", "queen"))].item()
    8.58
    """
    file = WORD_PAIRS[one_of(name, "name", tuple(WORD_PAIRS))]
    text = _installed("gensim", f"test/test_data/{file}").read_text(encoding="utf-8").lower()
    rows = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    ratings = torch.tensor([float(rating) for _, _, rating in rows], dtype=torch.float64)
    return WordPairs(tuple((first, second) for first, second, _ in rows), ratings)


@lru_cache(maxsize=1)
def _digits() -> tuple[Tensor, Tensor]:
    _package("sklearn", "scikit-learn")
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return torch.tensor(images, dtype=torch.float64) / 16, torch.tensor(labels, dtype=torch.int64)


@lru_cache(maxsize=1)
def _lee_tf_idf() -> Tensor:
    column = {word: j for j, word in enumerate(lee_vocabulary().words)}
    tf = torch.zeros(len(lee()), len(column), dtype=torch.float64)
    for i, document in enumerate(lee()):
        for word, n in Counter(document).items():
            tf[i, column[word]] = n
    idf = (len(tf) / (tf > 0).sum(0)).log()
    return torch.where(tf > 0, 1 + tf.clamp(min=1).log(), 0) * idf


def _project(rows: Tensor, dim: int) -> Tensor:
    """Rows on their first `dim` right singular directions, then of length 1.

    A direction's sign is arbitrary: here its entry of largest magnitude is positive.
    """
    _, values, directions = torch.linalg.svd(rows, full_matrices=False)
    rank = int((values > values[0] * 1e-10).sum())
    if whole(dim, "dim", minimum=1) > rank:
        raise ValueError(f"dim must be <= {rank}, the rank of the data, got {dim}")
    directions = directions[:dim]
    largest = directions.gather(1, directions.abs().argmax(1, keepdim=True))
    return torch.nn.functional.normalize(rows @ (directions * largest.sign()).T, dim=1)


def _package(module: str, name: str) -> Path:
    """The folder of an installed package, without importing it."""
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"{name} is not installed: run `make install`, which installs the pinned version")
    return Path(spec.submodule_search_locations[0])


def _installed(package: str, path: str) -> Path:
    file = _package(package, package) / path
    if not file.is_file():
        raise FileNotFoundError(
            f"{file} is missing from the installed {package}: run `make install`, which installs the pinned version"
        )
    return file
