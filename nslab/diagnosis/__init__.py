"""A diagnosis of your own embeddings: what their negatives do, in numbers, words and small pictures."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nslab._checks import ArrayLike, Number, as_float, as_ids, as_int, positive, raise_at_first, widen
from nslab.diagnosis._advice import report
from nslab.diagnosis._card import card
from nslab.diagnosis._measure import (
    draws,
    false_negatives,
    measure,
    pictures,
    repeats,
    scores,
    spread,
    temperatures,
)

SCORES = 2**28  # scores to compute: up to 16,384 pairs every anchor is used, beyond that a random sample
PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport"'
    ' content="width=device-width"><meta name="color-scheme" content="light'
    ' dark"><title>Diagnosis</title><body style="margin: 1em">{}</body></html>'
)
ANCHORS = 256  # the sample never gets smaller than this, however many keys there are


class Diagnosis:
    """What `diagnose` found: prints as a report, shows as a card in a notebook, gives every number by name.

    `as_dict()` maps these names to floats, integers, or None where the input cannot tell (no labels, no
    ids) or no value exists. Scores and τ have the unit of query · key; shares and chances lie in [0, 1].
    "Error" is the standard error of a mean over anchors. K counts independent draws (`smallest_k`), as the
    rows stand for a larger set.

    - pairs, keys, dim, anchors: B, M and d of the input; how many anchors were measured
    - temperature, k: τ, and the number of negatives of one anchor
    - positive_mean, positive_sd, negative_mean, negative_sd: scores of the positives; of all their negatives
    - gap_mean, gap_sd, gap_error: positive minus the mean of its negatives: mean, spread over anchors, error
    - positive_wins, positive_wins_error: share of the negatives that score below the positive
    - pull: mean of 1 − p₊, the softmax weight that the positive does not have yet
    - effective_negatives, …_p10, …_p90: exp H: median anchor, 10th and 90th percentile
    - temperature_for_2, …_10, …_100, …_1000: τ at which that many negatives count for the median anchor
    - temperature_anchors: how many of the anchors served for those τ
    - false_share, logit_cap: π, the share of the other keys with the anchor's label or id; ln(1/π), nats
    - false_push, false_push_error: share of the push (softmax weight among negatives) on them
    - copies: keys whose vector equals that of an earlier key
    - repeats: mean number of an anchor's K negatives that are its own item (by ids; without ids, by equal
      vectors)
    - items, top_item_share: distinct ids of the positives; share of the commonest
    - popularity_cv: standard deviation of an item's popularity over its mean; 0 is even
    - hard_share, without_hard: ρ, share of the other keys that are hard: mean; share of anchors that have
      none
    - k_median, k_p90: K that finds a hard negative with 95 %, for the median anchor; for each of 90 % of
      the anchors
    - k_mean, chance_k_mean: K that the mean ρ promises for 95 %; the chance that it gives, as a mean over
      anchors
    - chance_k: the mean chance that K negatives hold a hard one
    - mean_cosine_query, mean_cosine_key: mean cosine of two different queries; of two different keys
    - effective_rank_query, effective_rank_key: exp of the entropy (nats) of the normalised singular values
    - query_length_min, …_max, key_length_min, …_max: lengths of the vectors
    """

    def __init__(self, numbers: dict[str, Any], curves: dict[str, list[float]]) -> None:
        self._numbers, self._curves = numbers, curves

    def as_dict(self) -> dict[str, float | int | None]:
        """Every number by name.

        Returns:
            The names of the class's list, with floats, integers or None, ready for JSON.

        Example:
            >>> diagnose(torch.eye(2), torch.eye(2)).as_dict()["pairs"]
            2
        """
        return dict(self._numbers)

    def as_html(self) -> str:
        """The card as a page of its own: write it to a file, and any browser opens it, offline too.

        Returns:
            A whole HTML document; save it as UTF-8.

        Example:
            >>> diagnose(torch.eye(2), torch.eye(2)).as_html()[:15]
            '<!doctype html>'
        """
        return PAGE.format(self._repr_html_())

    def __repr__(self) -> str:
        return report(self._numbers)

    def _repr_html_(self) -> str:
        return card(self._numbers, self._curves)


@torch.no_grad()
def diagnose(
    query: ArrayLike,
    key: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    ids: ArrayLike | None = None,
    temperature: Number = 0.07,
    k: int | None = None,
) -> Diagnosis:
    """Say what the negatives of your embeddings do: which count, which are false, which are repeats.

    Key i is the positive of query i, and all other keys are its negatives. Scores are dot products of the
    vectors as they are: normalise first if they are to be cosines. A negative is hard if it is not known to
    be false and its score is at least the positive's minus τ, so that it weighs at least 1/e as much. The
    matrix of scores is never held. Above 2**28 scores (16,384 pairs) a random sample of anchors, the same
    on each run, meets all keys; the report says how many.

    Args:
        query: (B, d) with B >= 2, finite, no zero vector: an array, a DataFrame of B rows, or a list or
            column of B vectors. An index is not used: rows belong together by their place. Half precision
            is computed in float32.
        key: (M, d) with M >= B; keys past B are negatives of every query, such as mined ones or the rest
            of a corpus.
        labels: (M,) integers or strings; a key with the anchor's label (that of its positive) is a false
            negative.
        ids: (M,) integers or strings, the item that each key holds; a key with the anchor's id is a
            repeat, and a false negative too.
        temperature: τ > 0, in the unit of the scores.
        k: how many negatives an anchor has in your training (batch size − 1 in a batch), at most M − 1:
            that many are drawn at random. None takes all M − 1.

    Returns:
        A `Diagnosis`: print it, show it in a notebook, or take its numbers from `.as_dict()`.

    Raises:
        ValueError: for shapes that do not match, too few rows, NaN, infinite or zero vectors, τ <= 0, k
            out of range, and scores that overflow.
        TypeError: for labels or ids that are neither integers nor strings, and input that holds no real
            numbers; the message names the column of a DataFrame that holds none.

    Source:
        Effective negatives: perplexity, Jelinek et al. (1977). Effective rank: Roy & Vetterli (EUSIPCO
        2007). Push on false
        negatives: Chuang et al. (NeurIPS 2020). Repeats and log q in a batch: Yi et al. (RecSys 2019).

    Example:
        >>> found = diagnose([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]], [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
        >>> round(found.as_dict()["gap_mean"], 4), found.as_dict()["k"]
        (0.52, 2)
    """
    query, key = _embeddings(query, key)
    tau = float(positive(temperature, "temperature"))
    others = len(key) - 1
    k = others if k is None else as_int(k, "k", minimum=1)
    if k > others:
        raise ValueError(f"k must be at most {others}, the number of other keys, got {k}")
    labels, ids = _codes(labels, "labels", key), _codes(ids, "ids", key)
    lengths = {"query": _lengths(query, "query"), "key": _lengths(key, "key")}
    if (
        not math.prod(float(length.max()) for length in lengths.values()) / tau
        < torch.finfo(key.dtype).max / 4
    ):
        raise ValueError(f"temperature {tau!r} overflows on scores of vectors this long")

    generator = torch.Generator().manual_seed(0)
    rows = torch.randperm(len(query), generator=generator)[: max(ANCHORS, SCORES // len(key))]
    anchors, kept = measure(query, key, rows, [c for c in (labels, ids) if c is not None], tau, k, generator)
    numbers: dict[str, Any] = {
        "pairs": len(query), "keys": len(key), "dim": key.shape[1], "anchors": len(rows), "temperature": tau,
        "k": k
    }  # fmt: skip
    searched, curve = temperatures(kept)
    numbers |= scores(anchors) | searched | false_negatives(anchors) | repeats(key, ids, len(query), k)
    numbers |= draws(anchors["hard"], others, k)
    for name, vectors in (("query", query), ("key", key)):
        numbers |= spread(vectors, lengths[name], name)
    return Diagnosis(numbers, curve | pictures(anchors, kept, others))


def _embeddings(query: ArrayLike, key: ArrayLike) -> tuple[Tensor, Tensor]:
    query, key = (
        as_float(_rows(value, name), name).detach() for name, value in (("query", query), ("key", key))
    )
    for name, value in (("query", query), ("key", key)):
        if value.dim() != 2 or len(value) < 2:
            raise ValueError(
                f"{name} must have at least 2 rows of d numbers each, got shape {tuple(value.shape)}"
            )
    if query.shape[1] != key.shape[1] or len(key) < len(query):
        got = f"query {tuple(query.shape)} and key {tuple(key.shape)}"
        raise ValueError(f"query must be (B, d) and key (M, d) with M >= B, got {got}")
    dtype = torch.promote_types(query.dtype, key.dtype)
    return widen(query.to(dtype)), widen(key.to(query.device, dtype))


def _rows(value: Any, name: str) -> Any:
    """What `as_float` can read: of a DataFrame its numbers, of a column its vectors, else the value."""
    if hasattr(value, "iloc"):  # of pandas, which may not be there
        value = _frame(value, name)
    elif isinstance(value, np.ndarray) and value.dtype == object and value.ndim == 1:
        value = list(value)
    if isinstance(value, list | tuple):
        _check_rows(value, name)
    return value


def _frame(frame: Any, name: str) -> Any:
    """A DataFrame or a Series: an array of its numbers, or the list of its vectors."""
    if frame.ndim == 2 and frame.shape[1] == 1 and frame.dtypes.iloc[0].kind == "O":
        frame = frame.iloc[:, 0]
    return _table(frame, name) if frame.ndim == 2 else frame.to_list()


def _check_rows(rows: Sequence[Any], name: str) -> None:
    """Raise at the first row that is no vector, or not as long as the row before it."""
    width = None
    for i, row in enumerate(rows):
        if row is None or isinstance(row, str | bytes):
            got = f"{reprlib.repr(row)} in row {i}"
            raise TypeError(f"{name} must hold one vector of real numbers in each row, got {got}")
        sized = isinstance(row, list | tuple) or getattr(row, "ndim", 0)
        width, before = len(row) if sized else None, width
        if i and width != before:
            got = f"{before} numbers in row {i - 1} and {width} in row {i}"
            raise ValueError(f"{name} must be a rectangular array of numbers, got {got}")


def _table(frame: Any, name: str) -> np.ndarray:
    for column, dtype in zip(frame.columns, frame.dtypes, strict=True):
        if dtype.kind not in "fiu":
            raise TypeError(f"{name} must hold real numbers, got column {column!r} of dtype {dtype}")
    plain = all(isinstance(dtype, np.dtype) for dtype in frame.dtypes)
    return frame.to_numpy() if plain else frame.to_numpy(dtype=np.float64, na_value=math.nan)


def _codes(value: Any, name: str, key: Tensor) -> Tensor | None:
    if value is None:
        return None
    codes = as_ids(_counted(value, name), name).to(key.device)
    if codes.shape != key.shape[:1]:
        raise ValueError(f"{name} must have shape ({len(key)},), one for each key, got {tuple(codes.shape)}")
    return codes


def _counted(value: Any, name: str) -> Any:
    """Strings as the integers that number them, objects that are integers as integers.

    Anything else stays as it is.
    """
    array = None if isinstance(value, Tensor) else np.asarray(value)
    if array is None or array.dtype.kind not in "UO" or array.ndim != 1:
        return value
    entries = value if isinstance(value, list | tuple) else array
    kind = str if isinstance(entries[0], str) else int | np.integer
    for i, entry in enumerate(entries):
        if not isinstance(entry, kind) or isinstance(entry, bool):
            raise TypeError(f"{name} must hold integers or strings, got {reprlib.repr(entry)} at index [{i}]")
    return np.unique(array.astype(str), return_inverse=True)[1] if kind is str else array.astype(np.int64)


def _lengths(vectors: Tensor, name: str) -> Tensor:
    lengths = torch.linalg.vector_norm(vectors, dim=1, dtype=torch.float64)
    raise_at_first(lengths, lengths == 0, f"{name} must hold no zero vector: lengths must be > 0")
    return lengths
