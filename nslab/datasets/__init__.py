"""Real data from installed packages, which `nslab[course]` and `nslab[applications]` bring: no network, nothing copied."""

from nslab.datasets._digits import DigitEmbeddings, Digits, digit_embeddings, digits
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
    word_similarity,
    words,
)

__all__ = [
    "KNOWLEDGE_GRAPHS",
    "WORD_PAIRS",
    "DigitEmbeddings",
    "Digits",
    "Graph",
    "KnowledgeGraph",
    "RatedDocuments",
    "SubstitutionMatrix",
    "Vocabulary",
    "WordPairs",
    "binding_sites",
    "digit_embeddings",
    "digits",
    "knowledge_graph",
    "lee",
    "lee_embeddings",
    "lee_ratings",
    "lee_vocabulary",
    "les_miserables",
    "substitution_matrix",
    "word_similarity",
    "words",
]
