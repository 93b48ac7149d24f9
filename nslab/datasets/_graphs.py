"""Graphs: who meets whom, and what is true of what."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from nslab._checks import one_of
from nslab.datasets import _installed

KNOWLEDGE_GRAPHS = ("nations", "umls", "kinships")


class Graph(NamedTuple):
    """names of the nodes; edges (m, 2) int64, each pair once, the smaller number first; weights (m,) float64."""

    names: tuple[str, ...]
    edges: Tensor
    weights: Tensor


class KnowledgeGraph(NamedTuple):
    """entities and relations in alphabetical order; train, valid and test, each (n, 3) int64: head, relation, tail."""

    entities: tuple[str, ...]
    relations: tuple[str, ...]
    train: Tensor
    valid: Tensor
    test: Tensor


def les_miserables() -> Graph:
    """The 77 characters of Les Misérables; an edge's weight is in how many chapters the two meet. From networkx.

    Source: Knuth, The Stanford GraphBase, Addison-Wesley 1993. ImportError without networkx.

    >>> graph = les_miserables()
    >>> len(graph.names), len(graph.edges)
    (77, 254)
    """
    _installed.folder("networkx", "networkx")
    import networkx

    graph = networkx.les_miserables_graph()
    names = sorted(graph)
    place = {name: i for i, name in enumerate(names)}
    rows = sorted((*sorted((place[a], place[b])), weight) for a, b, weight in graph.edges(data="weight"))
    edges = torch.tensor([row[:2] for row in rows])
    return Graph(tuple(names), edges, torch.tensor([row[2] for row in rows], dtype=torch.float64))


def knowledge_graph(name: str) -> KnowledgeGraph:
    """A small knowledge graph in its usual split, from the files bundled with PyKEEN.

    "nations": 14 countries, 55 relations between them. "umls": 135 medical concepts, 46 relations. "kinships": 104
    people, 25 kinship terms. Source: Kemp et al., Learning Systems of Concepts with an Infinite Relational Model, AAAI
    2006. ValueError for another name; ImportError without PyKEEN.

    >>> graph = knowledge_graph("umls")
    >>> len(graph.entities), len(graph.relations), graph.train.shape
    (135, 46, torch.Size([5216, 3]))
    """
    return _knowledge_graph(one_of(name, "name", KNOWLEDGE_GRAPHS))


@lru_cache(maxsize=3)
def _knowledge_graph(name: str) -> KnowledgeGraph:
    parts = [_triples(f"datasets/{name}/{part}.txt") for part in ("train", "valid", "test")]
    every = [triple for part in parts for triple in part]
    entities = sorted({node for head, _, tail in every for node in (head, tail)})
    relations = sorted({relation for _, relation, _ in every})
    node, edge = ({word: i for i, word in enumerate(names)} for names in (entities, relations))
    train, valid, test = (torch.tensor([(node[h], edge[r], node[t]) for h, r, t in part]) for part in parts)
    return KnowledgeGraph(tuple(entities), tuple(relations), train, valid, test)


def _triples(path: str) -> list[list[str]]:
    return [line.split("\t") for line in _installed.text("pykeen", path).splitlines() if line]
