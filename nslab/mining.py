"""Mining: which negatives of a batch to learn from, given distances and labels."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from nslab._checks import (
    Number,
    as_ids,
    distance,
    distance_pair,
    flag,
    non_negative,
    one_of,
    widen,
)

ZONES = ("hard", "semi_hard", "easy")
BLOCK = 2**22  # distances compared at a time


def categorize(d_ap: Any, d_an: Any, margin: Number) -> Tensor:
    """The zone of each negative: 0 hard, 1 semi-hard, 2 easy (`ZONES`).

    Hard: d_an ≤ d_ap. Semi-hard: d_ap < d_an < d_ap + margin, farther than the positive yet inside the margin.
    Easy: d_an ≥ d_ap + margin, where the triplet loss is 0.

    Args:
        d_ap: distances anchor to positive, (...), at least −1e-6.
        d_an: distances anchor to negative, (...) or (..., K), in the same unit.
        margin: >= 0, in the unit of the distances (a squared distance in FaceNet).

    Returns:
        int64 codes of d_an's shape.

    Raises:
        ValueError: a distance is below −1e-6 or not finite, there is none, the shapes do not match, or the margin is
            negative.

    Source:
        Semi-hard as in Schroff, Kalenichenko & Philbin, FaceNet, CVPR 2015; the other two names follow.

    Example:
        >>> categorize(0.5, [0.25, 0.5, 0.5625, 0.9375, 1.0], margin=0.5)
        tensor([0, 0, 1, 1, 2])
    """
    d_ap, d_an = distance_pair(d_ap, d_an)
    return _zone(widen(d_ap), widen(d_an), non_negative(margin, "margin")).long()


def mine_triplets(
    distances: Any,
    labels: Any,
    reference_labels: Any = None,
    *,
    margin: Number = 0.2,
    strategy: str = "semi_hard",
    per_pair: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Find the triplets whose negative is of the kind asked for.

    Positives share the anchor's label, negatives do not. In a batch, distances are (B, B) and an anchor is no positive of
    itself. With `reference_labels`, anchors are rows and everything else columns: distances are (A, N), and nothing
    is left out, so that an item on both sides is a positive of itself.

    Args:
        distances: (B, B), or (A, N) with `reference_labels`; row a holds the distances from anchor a.
        labels: integers, of any value, one for each row.
        reference_labels: integers, one for each column; None where the columns are the rows.
        margin: >= 0, in the unit of the distances.
        strategy: "hard", "semi_hard" or "easy" for the negatives of that zone (see `categorize`), "hardest" for the
            closest negative of each anchor and positive, whatever its zone.
        per_pair: keep one negative for each anchor and positive, the closest of the zone (the first of several). With
            "semi_hard" this is FaceNet's choice. "hardest" is one for each pair anyhow.

    Returns:
        int64 ids (anchor, positive, negative), three tensors of one length, sorted by anchor, positive, negative. Anchors
        are rows, the other two are columns. Where nothing qualifies they are empty: no other zone takes its place.
        One negative for each pair takes O(A N) memory; all of them take as much beside the result.

    Raises:
        ValueError: distances are not a matrix, not square without `reference_labels`, not finite or below −1e-6, labels do
            not match them, or margin or strategy is unknown.
        TypeError: labels are not integers, or per_pair is not True or False.

    Source:
        Schroff, Kalenichenko & Philbin, FaceNet, CVPR 2015. "hardest" is the batch-hard negative of Hermans, Beyer &
        Leibe 2017, here for every positive instead of the farthest alone.

    Example:
        >>> d = [[0.0, 0.5, 0.6], [0.5, 0.0, 0.9], [0.6, 0.9, 0.0]]
        >>> mine_triplets(d, [7, 7, 8], margin=0.2)
        (tensor([0]), tensor([1]), tensor([2]))
        >>> mine_triplets([[0.1, 0.4, 0.2, 0.3]], [7], [7, 8, 8, 8], margin=0.5, per_pair=True)
        (tensor([0]), tensor([0]), tensor([2]))
    """
    one_of(strategy, "strategy", (*ZONES, "hardest"))
    margin = float(non_negative(margin, "margin"))
    one_each = flag(per_pair, "per_pair") or strategy == "hardest"
    d = widen(distance(distances, "distances")).detach()
    positive, negative = _pairs(d, labels, reference_labels)
    anchors, positives = positive.nonzero(as_tuple=True)
    d_ap = d[anchors, positives]
    if one_each:
        kept, negatives = _closest(d, negative, anchors, d_ap, margin, strategy)
        return anchors[kept], positives[kept], negatives
    found, zone = [], ZONES.index(strategy)
    step = max(1, BLOCK // d.shape[1])
    for a, p, near in zip(anchors.split(step), positives.split(step), d_ap.split(step), strict=True):
        kept = (_zone(near.unsqueeze(-1), d[a], margin) == zone) & negative[a]
        pair, n = kept.nonzero(as_tuple=True)
        found.append((a[pair], p[pair], n))
    anchors, positives, negatives = (torch.cat(ids) for ids in zip(*found, strict=True))
    return anchors, positives, negatives


def _zone(d_ap: Tensor, d_an: Tensor, margin: Number) -> Tensor:
    """int8 codes, as small as they can be: mining makes one for each triplet."""
    farther = d_an > d_ap
    return farther.char() + (farther & (d_an >= d_ap + margin)).char()


def _pairs(d: Tensor, labels: Any, reference_labels: Any) -> tuple[Tensor, Tensor]:
    """Masks of d's shape: which columns are positives and which are negatives of each row."""
    square = reference_labels is None
    if d.dim() != 2 or (square and d.shape[0] != d.shape[1]):
        wanted = "square, (B, B), without reference_labels" if square else "(A, N) with reference_labels"
        raise ValueError(f"distances must be {wanted}, got shape {tuple(d.shape)}")
    rows = _labels(labels, "labels", d.shape[0], "rows").to(d.device)
    columns = rows
    if not square:
        columns = _labels(reference_labels, "reference_labels", d.shape[1], "columns").to(d.device)
    same = rows.unsqueeze(-1) == columns
    return (same.clone().fill_diagonal_(False) if square else same), ~same


def _labels(labels: Any, name: str, count: int, what: str) -> Tensor:
    ids = as_ids(labels, name)
    if ids.shape != (count,):
        raise ValueError(f"{name} must have shape ({count},) as distances has {what}, got {tuple(ids.shape)}")
    return ids


def _closest(
    d: Tensor, negative: Tensor, anchors: Tensor, d_ap: Tensor, margin: float, strategy: str
) -> tuple[Tensor, Tensor]:
    """Which pairs have a negative of the zone, and the closest of those: among sorted distances, the zone's first."""
    near, order = d.masked_fill(~negative, math.inf).sort(dim=-1, stable=True)
    place = torch.zeros_like(anchors)
    if strategy == "semi_hard":
        place = _first_beyond(d_ap, anchors, near)
    elif strategy == "easy":  # at d_ap + margin or beyond, and beyond d_ap where the margin adds nothing
        just_inside = (d_ap + margin).nextafter(d_ap.new_tensor(-math.inf))
        place = _first_beyond(d_ap.maximum(just_inside), anchors, near)
    d_an = near[anchors, place]
    kept = d_an < math.inf
    if strategy != "hardest":
        kept &= _zone(d_ap, d_an, margin) == ZONES.index(strategy)
    return kept, order[anchors, place][kept]


def _first_beyond(values: Tensor, rows: Tensor, ascending: Tensor) -> Tensor:
    """For each value the first place in its row of `ascending` that holds more, or the last place; `rows` are sorted."""
    counts = rows.bincount(minlength=len(ascending))
    slots = torch.arange(len(rows), device=rows.device) - (counts.cumsum(0) - counts)[rows]
    packed = values.new_zeros(len(ascending), int(counts.max()))
    packed[rows, slots] = values
    places = torch.searchsorted(ascending, packed, right=True)[rows, slots]
    return places.clamp(max=ascending.shape[1] - 1)
