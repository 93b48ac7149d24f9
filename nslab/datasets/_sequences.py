"""Biological sequences: what replaces what in proteins, and where a protein binds."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from nslab._checks import one_of
from nslab.datasets import _installed

AMINO_ACIDS = "ARNDCQEGHILKMFPSTWYV"


class SubstitutionMatrix(NamedTuple):
    """Scores for replacing one amino acid by another.

    Attributes:
        letters: the twenty amino acids.
        scores: symmetric scores in the matrix's own unit, (20, 20), float64.
    """

    letters: str
    scores: Tensor


def substitution_matrix(name: str = "BLOSUM62") -> SubstitutionMatrix:
    """How much more often than by chance one amino acid replaces another, as scores, from Biopython.

    Args:
        name: a matrix of amino acids that Biopython knows.

    Returns:
        A `SubstitutionMatrix`.

    Raises:
        ValueError: Biopython has no matrix of amino acids of that name.
        ImportError: Biopython is not installed.

    Source:
        Henikoff & Henikoff, Amino Acid Substitution Matrices from Protein Blocks, PNAS 1992 (BLOSUM).
        Biopython names the sources of the others.

    Example:
        >>> letters, scores = substitution_matrix("BLOSUM62")
        >>> scores[letters.index("W"), letters.index("W")].item()
        11.0
    """
    _installed.folder("Bio", "biopython")
    from Bio.Align import substitution_matrices

    one_of(name, "name", tuple(substitution_matrices.load()))
    matrix: Any = substitution_matrices.load(name)
    if not set(AMINO_ACIDS) <= set(matrix.alphabet):
        raise ValueError(f"name must be a matrix of amino acids, got {name!r}, a matrix of {matrix.alphabet}")
    rows = [[matrix[a, b] for b in AMINO_ACIDS] for a in AMINO_ACIDS]
    return SubstitutionMatrix(AMINO_ACIDS, torch.tensor(rows, dtype=torch.float64))


def binding_sites() -> tuple[str, ...]:
    """358 sites on the DNA of E. coli where the protein CRP binds, 26 letters each, from logomaker.

    Returns:
        Strings of A, C, G and T.

    Raises:
        ImportError: logomaker is not installed.

    Source:
        Salgado et al., RegulonDB v8.0, Nucleic Acids Research 2013.

    Example:
        >>> len(binding_sites()), binding_sites()[0]
        (358, 'ATAAGCAGGATTTAGCTCACACTTAT')
    """
    lines = _installed.text("logomaker", "examples/datafiles/crp_sites.fa").splitlines()
    return tuple(line for line in lines if line and line[0] not in ">#")
