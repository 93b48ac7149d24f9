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
    """An undirected graph with weighted edges.

    Attributes:
        names: the nodes' names.
        edges: pairs of nodes, (m, 2), int64; each pair once, the smaller number first.
        weights: one weight for each edge, (m,), float64.
    """

    names: tuple[str, ...]
    edges: Tensor
    weights: Tensor


class KnowledgeGraph(NamedTuple):
    """Facts as triples of head, relation and tail.

    Attributes:
        entities: names in alphabetical order.
        relations: names in alphabetical order.
        train: triples, (n, 3), int64.
        valid: triples for validation, (n, 3), int64.
        test: triples for the test, (n, 3), int64.
    """

    entities: tuple[str, ...]
    relations: tuple[str, ...]
    train: Tensor
    valid: Tensor
    test: Tensor


def les_miserables() -> Graph:
    """The 77 characters of Les Misérables, from networkx; an edge's weight counts the chapters they share.

    Returns:
        A `Graph`.

    Raises:
        ImportError: networkx is not installed.

    Source:
        Knuth, The Stanford GraphBase, Addison-Wesley 1993.

    Example:
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
    """A small knowledge graph in its usual split, from the files of PyKEEN.

    Args:
        name: "nations" (14 countries, 55 relations), "umls" (135 medical concepts, 46 relations) or
            "kinships" (104 people, 25 kinship terms).

    Returns:
        A `KnowledgeGraph`.

    Raises:
        ValueError: another name.
        ImportError: PyKEEN is not installed.

    Source:
        Kemp et al., Learning Systems of Concepts with an Infinite Relational Model, AAAI 2006.

    Example:
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
