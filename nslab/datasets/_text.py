"""Text: news reports, words as people rated them, the words of a language."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nslab._checks import as_int, one_of
from nslab.datasets import _installed
from nslab.datasets._project import project

WORD_PAIRS = {"wordsim353": "wordsim353.tsv", "simlex999": "simlex999.txt"}


class Vocabulary(NamedTuple):
    """Words and how often they occur.

    Attributes:
        words: the most frequent first, ties in alphabetical order.
        counts: how often each occurs, (len(words),), int64.
    """

    words: tuple[str, ...]
    counts: Tensor


class WordPairs(NamedTuple):
    """Pairs of words with people's ratings.

    Attributes:
        pairs: two lower-case words each, in the order of the file.
        ratings: one rating for each pair, 0 to 10, (len(pairs),), float64.
    """

    pairs: tuple[tuple[str, str], ...]
    ratings: Tensor


class RatedDocuments(NamedTuple):
    """Documents with people's ratings of how similar they are.

    Attributes:
        documents: 50 reports, each a tuple of words of the letters a to z.
        ratings: symmetric, 0 (unrelated) to 1, (50, 50), float64; a document with itself has 1.
    """

    documents: tuple[tuple[str, ...], ...]
    ratings: Tensor


@lru_cache(maxsize=1)
def lee() -> tuple[tuple[str, ...], ...]:
    """300 short news reports as lower-case words of the letters a to z, from gensim.

    Returns:
        One tuple of words for each report.

    Raises:
        ImportError: gensim is not installed.
        FileNotFoundError: gensim has no such file.

    Source:
        Lee, Pincombe & Welsh, An Empirical Evaluation of Models of Text Document Similarity, CogSci 2005
        (the background documents).

    Example:
        >>> len(lee()), lee()[0][:3]
        (300, ('hundreds', 'of', 'people'))
    """
    return _documents("lee_background.cor")


def lee_vocabulary(min_count: int = 1) -> Vocabulary:
    """The words of `lee`, and how often they occur.

    Args:
        min_count: leave out words that occur less often, at least 1.

    Returns:
        A `Vocabulary`.

    Raises:
        ValueError: no word occurs so often, or min_count is below 1.
        ImportError, FileNotFoundError: as in `lee`.

    Source:
        The reports of `lee`.

    Example:
        >>> words, counts = lee_vocabulary()
        >>> words[0], counts[0].item()
        ('the', 4135)
    """
    as_int(min_count, "min_count", minimum=1)
    counts = Counter(word for document in lee() for word in document)
    kept = sorted(((n, w) for w, n in counts.items() if n >= min_count), key=lambda item: (-item[0], item[1]))
    if not kept:
        raise ValueError(f"min_count must be <= {max(counts.values())}, the highest count, got {min_count}")
    return Vocabulary(tuple(w for _, w in kept), torch.tensor([n for n, _ in kept]))


def lee_embeddings(dim: int = 32) -> Tensor:
    """The reports of `lee` as vectors of length 1, by latent semantic analysis.

    (1 + ln tf) · ln(300/df) for each word, projected on the first `dim` singular directions.

    Args:
        dim: number of directions, from 1 to 293; seven of the reports repeat another word for word.

    Returns:
        Vectors, (300, dim), float64.

    Raises:
        ValueError: dim is out of range.
        ImportError, FileNotFoundError: as in `lee`.

    Source:
        Deerwester et al., Indexing by Latent Semantic Analysis, JASIS 1990.

    Example:
        >>> lee_embeddings(dim=32).shape
        torch.Size([300, 32])
    """
    return project(_lee_tf_idf(), dim)


def word_similarity(name: str) -> WordPairs:
    """Pairs of words with people's ratings, 0 (nothing in common) to 10, from the files of gensim.

    Args:
        name: "wordsim353": 353 pairs, rated for any relation (one pair is rated twice, one is a word with
            itself). Or "simlex999": 999 pairs, rated for similarity alone: cup and coffee are related, but
            not similar.

    Returns:
        A `WordPairs`.

    Raises:
        ValueError: another name.
        ImportError, FileNotFoundError: as in `lee`.

    Source:
        Finkelstein et al., Placing Search in Context, ACM TOIS 2002 (WordSim-353). Hill, Reichart &
        Korhonen, SimLex-999, Computational Linguistics 2015.

    Example:
        >>> pairs, ratings = word_similarity("wordsim353")
        >>> ratings[pairs.index(("king", "queen"))].item()
        8.58
    """
    file = WORD_PAIRS[one_of(name, "name", tuple(WORD_PAIRS))]
    text = _installed.text("gensim", f"test/test_data/{file}").lower()
    rows = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    ratings = torch.tensor([float(rating) for _, _, rating in rows], dtype=torch.float64)
    return WordPairs(tuple((first, second) for first, second, _ in rows), ratings)


def lee_ratings() -> RatedDocuments:
    """50 more news reports, with the mean similarity that people gave each pair, from the files of gensim.

    Returns:
        A `RatedDocuments`.

    Raises:
        ImportError, FileNotFoundError: as in `lee`.

    Source:
        Lee, Pincombe & Welsh, CogSci 2005 (the rated documents; those of `lee` are their background).

    Example:
        >>> documents, ratings = lee_ratings()
        >>> len(documents), ratings[0, 1].item()
        (50, 0.3)
    """
    rows = _installed.text("gensim", "test/test_data/similarities0-1.txt").split("\n")
    upper = torch.tensor([[float(x) for x in row.split()] for row in rows if row], dtype=torch.float64).triu()
    return RatedDocuments(_documents("lee.cor", "latin-1"), torch.maximum(upper, upper.T))


def words(language: str, n: int) -> tuple[str, ...]:
    """The most frequent words of a language, of those spelt with a to z alone, from wordfreq's lists.

    Args:
        language: a code such as "en" or "fr".
        n: how many words, at least 1.

    Returns:
        n words, the most frequent first.

    Raises:
        ValueError: there is no list for the language, or it holds fewer words.
        ImportError: wordfreq is not installed.

    Source:
        Speer, rspeer/wordfreq v3.0, Zenodo 2022.

    Example:
        >>> words("en", 5)
        ('the', 'to', 'and', 'of', 'a')
    """
    plain = _plain_words(language)
    if as_int(n, "n", minimum=1) > len(plain):
        raise ValueError(f"n must be <= {len(plain)}, the words that the list of {language!r} holds, got {n}")
    return plain[:n]


def text_vectors(texts: Sequence[str]) -> Tensor:
    """Texts as the mean of their tokens' vectors, 256 numbers each, from wordllama.

    The vectors are compressed input embeddings of language models. A text may be a word or a report, in
    many languages.

    Args:
        texts: the texts, none of them empty.

    Returns:
        Vectors, (len(texts), 256), float64; not scaled to length 1.

    Raises:
        ValueError: a text is empty.
        TypeError: a text is not a str.
        ImportError: wordllama, safetensors or tokenizers is not installed.
        FileNotFoundError: wordllama has no such file.

    Source:
        Miller, WordLlama, github.com/dleemiller/WordLlama 2024.

    Example:
        >>> vectors = text_vectors(["king", "queen", "banana"])
        >>> king, queen, banana = torch.nn.functional.normalize(vectors, dim=1)
        >>> round((king @ queen).item(), 2), round((king @ banana).item(), 2)
        (0.34, 0.1)
    """
    tokenizer, vectors = _token_vectors()
    rows = []
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(f"texts must hold strings, got {text!r}")
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        if not ids:
            raise ValueError(f"texts must not be empty, got {text!r}")
        rows.append(vectors[ids].mean(0))
    return torch.stack(rows) if rows else vectors.new_zeros(0, vectors.shape[1])


@lru_cache(maxsize=1)
def _token_vectors() -> tuple[Any, Tensor]:
    for package in ("wordllama", "safetensors", "tokenizers"):
        _installed.folder(package, package)
    from safetensors.torch import load_file
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(
        str(_installed.file("wordllama", "tokenizers/l2_supercat_tokenizer_config.json"))
    )
    tokenizer.no_padding()
    weights = load_file(_installed.file("wordllama", "weights/l2_supercat_256.safetensors"))
    return tokenizer, weights["embedding.weight"].double()


@lru_cache(maxsize=8)
def _plain_words(language: str) -> tuple[str, ...]:
    _installed.folder("wordfreq", "wordfreq")
    import wordfreq

    one_of(language, "language", tuple(sorted(wordfreq.available_languages())))
    return tuple(word for word in wordfreq.iter_wordlist(language) if re.fullmatch("[a-z]+", word))


def _documents(file: str, encoding: str = "utf-8") -> tuple[tuple[str, ...], ...]:
    """The lines of a corpus that comes with gensim, as lower-case words of a to z."""
    lines = _installed.text("gensim", f"test/test_data/{file}", encoding).lower().splitlines()
    return tuple(tuple(re.findall("[a-z]+", line)) for line in lines)


@lru_cache(maxsize=1)
def _lee_tf_idf() -> Tensor:
    column = {word: j for j, word in enumerate(lee_vocabulary().words)}
    tf = torch.zeros(len(lee()), len(column), dtype=torch.float64)
    for i, document in enumerate(lee()):
        for word, n in Counter(document).items():
            tf[i, column[word]] = n
    idf = (len(tf) / (tf > 0).sum(0)).log()
    return torch.where(tf > 0, 1 + tf.clamp(min=1).log(), 0) * idf
