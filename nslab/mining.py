"""Mining: which negatives of a batch to learn from, given distances and labels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nslab._checks import Number, as_ids, distance, distance_pair, non_negative, one_of, widen

ZONES = ("hard", "semi_hard", "easy")


def categorize(d_ap: Any, d_an: Any, margin: Number) -> Tensor:
    """The zone of each negative, as int64: 0 hard, 1 semi-hard, 2 easy (`ZONES`), of d_an's shape.

    Hard: d_an ≤ d_ap. Semi-hard: d_ap < d_an < d_ap + margin, farther than the positive yet inside the margin.
    Easy: d_an ≥ d_ap + margin, where the triplet loss is 0. d_ap (...): distances anchor to positive;
    d_an (...) or (..., K): anchor to negative; margin ≥ 0 in the same unit (a squared distance in FaceNet).
    ValueError for NaN, infinite or empty input, distances below −1e-6 and shapes that do not match.
    Source: semi-hard as in Schroff, Kalenichenko & Philbin, FaceNet, CVPR 2015; the other two names follow.

    >>> categorize(0.5, [0.25, 0.5, 0.5625, 0.9375, 1.0], margin=0.5)
    tensor([0, 0, 1, 1, 2])
    """
    d_ap, d_an = distance_pair(d_ap, d_an)
    return _zone(widen(d_ap), widen(d_an), non_negative(margin, "margin"))


def mine_triplets(
    distances: Any, labels: Any, *, margin: Number = 0.2, strategy: str = "semi_hard"
) -> tuple[Tensor, Tensor, Tensor]:
    """All triplets whose negative is of the kind asked for: int64 ids (anchor, positive, negative).

    distances (B, B): row a holds the distances from anchor a; labels (B,): integers, of any value. Positives
    share the anchor's label, negatives do not. strategy "hard", "semi_hard" or "easy" keeps every triplet of
    that zone (see `categorize`); "hardest" keeps, for each anchor and positive, the closest negative whatever
    its zone (the first of several). Sorted by anchor, positive, negative. Where nothing qualifies the three
    are empty: there is no fallback to another zone. Needs O(B²) memory beside the result.
    ValueError for a matrix that is not square or not finite, distances below −1e-6, labels of another length.
    Sources: Schroff et al., FaceNet, CVPR 2015; "hardest" is the batch-hard negative of Hermans, Beyer & Leibe
    2017, here for every positive instead of the farthest alone.

    >>> mine_triplets([[0.0, 0.5, 0.6], [0.5, 0.0, 0.9], [0.6, 0.9, 0.0]], [7, 7, 8], margin=0.2)
    (tensor([0]), tensor([1]), tensor([2]))
    """
    one_of(strategy, "strategy", (*ZONES, "hardest"))
    margin = non_negative(margin, "margin")
    d = widen(distance(distances, "distances"))
    if d.dim() != 2 or d.shape[0] != d.shape[1]:
        raise ValueError(f"distances must be square, (B, B), got shape {tuple(d.shape)}")
    labels = as_ids(labels, "labels").to(d.device)
    if labels.shape != d.shape[:1]:
        raise ValueError(
            f"labels must have shape ({len(d)},) as distances has rows, got {tuple(labels.shape)}"
        )

    found = []
    for anchor, row in enumerate(d):
        same = labels == labels[anchor]
        negatives = (~same).nonzero().squeeze(-1)
        same[anchor] = False
        positives = same.nonzero().squeeze(-1)
        if len(negatives) == 0:
            continue
        if strategy == "hardest":
            p, n = positives, negatives[row[negatives].argmin()].expand(len(positives))
        else:
            zone = _zone(row[positives].unsqueeze(-1), row[negatives], margin)
            i, j = (zone == ZONES.index(strategy)).nonzero(as_tuple=True)
            p, n = positives[i], negatives[j]
        found.append(torch.stack([torch.full_like(p, anchor), p, n]))
    none = labels.new_empty((3, 0))
    anchors, positives, negatives = torch.cat([none, *found], dim=1)
    return anchors, positives, negatives


def _zone(d_ap: Tensor, d_an: Tensor, margin: Number) -> Tensor:
    return (d_an > d_ap).long() + ((d_an > d_ap) & (d_an >= d_ap + margin)).long()
