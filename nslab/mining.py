"""Mining: which negatives to learn from, in a batch with distances and labels, or in a corpus with scores."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nslab._checks import (
    ArrayLike,
    Number,
    as_float,
    as_ids,
    as_int,
    distance,
    distance_pair,
    flag,
    non_negative,
    number,
    one_of,
    raise_at_first,
    widen,
)

ZONES = ("hard", "semi_hard", "easy")
BLOCK = 2**22  # distances or scores compared at a time
ROWS = 256  # queries in a block of scores


def categorize(d_ap: ArrayLike, d_an: ArrayLike, margin: Number) -> Tensor:
    """The zone of each negative: 0 hard, 1 semi-hard, 2 easy (`ZONES`).

    Hard: d_an ≤ d_ap. Semi-hard: d_ap < d_an < d_ap + margin, farther than the positive yet inside the
    margin. Easy: d_an ≥ d_ap + margin, where the triplet loss is 0.

    Args:
        d_ap: distances anchor to positive, (...), at least −1e-6.
        d_an: distances anchor to negative, (...) or (..., K), in the same unit.
        margin: >= 0, in the unit of the distances (a squared distance in FaceNet).

    Returns:
        int64 codes of d_an's shape.

    Raises:
        ValueError: a distance is below −1e-6 or not finite, there is none, the shapes do not match, or the
            margin is negative.

    Source:
        Semi-hard as in Schroff, Kalenichenko & Philbin, FaceNet, CVPR 2015; the other two names follow.

    Example:
        >>> categorize(0.5, [0.25, 0.5, 0.5625, 0.9375, 1.0], margin=0.5)
        tensor([0, 0, 1, 1, 2])
    """
    d_ap, d_an = distance_pair(d_ap, d_an)
    return _zone(widen(d_ap), widen(d_an), non_negative(margin, "margin")).long()


def mine_triplets(
    distances: ArrayLike,
    labels: ArrayLike,
    reference_labels: ArrayLike | None = None,
    *,
    margin: Number = 0.2,
    strategy: str = "semi_hard",
    per_pair: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Find the triplets whose negative is of the kind asked for.

    Positives share the anchor's label, negatives do not. In a batch, distances are (B, B) and an anchor is
    no positive of itself. With `reference_labels`, anchors are rows and everything else columns: distances
    are (A, N), and nothing is left out, so that an item on both sides is a positive of itself.

    Args:
        distances: (B, B), or (A, N) with `reference_labels`; row a holds the distances from anchor a.
        labels: integers, of any value, one for each row.
        reference_labels: integers, one for each column; None where the columns are the rows.
        margin: >= 0, in the unit of the distances.
        strategy: "hard", "semi_hard" or "easy" for the negatives of that zone (see `categorize`),
            "hardest" for the closest negative of each anchor and positive, whatever its zone.
        per_pair: keep one negative for each anchor and positive, the closest of the zone (the first of
            several). With "semi_hard" this is FaceNet's choice. "hardest" is one for each pair anyhow.

    Returns:
        int64 ids (anchor, positive, negative), three tensors of one length, sorted by anchor, positive,
        negative. Anchors are rows, the other two are columns. Where nothing qualifies they are empty: no
        other zone takes its place. One negative for each pair takes O(A N) memory; all of them take as
        much beside the result.

    Raises:
        ValueError: distances are not a matrix, not square without `reference_labels`, not finite or below
            −1e-6, labels do not match them, or margin or strategy is unknown.
        TypeError: labels are not integers, or per_pair is not True or False.

    Source:
        Schroff, Kalenichenko & Philbin, FaceNet, CVPR 2015. "hardest" is the batch-hard negative of
        Hermans, Beyer & Leibe 2017, here for every positive instead of the farthest alone.

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


class MinedNegatives(NamedTuple):
    """What `mine_negatives` found for each query, hardest first. Rows with fewer than k negatives are padded.

    `mask.sum(-1)` counts the negatives of each query, and `mask` is what `info_nce` takes.

    Attributes:
        ids: places in the corpus, (B, k), int64; −1 in the padding.
        scores: scores with the query, (B, k); −inf in the padding.
        mask: (B, k), bool; False in the padding.
    """

    ids: Tensor
    scores: Tensor
    mask: Tensor


def mine_negatives(
    query: ArrayLike,
    corpus: ArrayLike,
    positives: ArrayLike,
    k: int,
    *,
    rank: tuple[int, int] = (1, 100),
    below: Number | None = None,
    margin: Number | None = None,
    exclude: ArrayLike | None = None,
) -> MinedNegatives:
    """Mine the k hardest negatives of each query from a corpus, a block of scores at a time.

    The items of the corpus, but for the positives and what is excluded, are ranked by their score query ·
    item, rank 1 the highest; of equal scores the lower id comes first. A candidate has a rank in `rank`
    and a score below the bounds that `below` and `margin` set. The k hardest candidates are kept, or all
    of them where there are fewer: no query gets others instead. The bounds (positive-aware mining) guard
    against unknown positives, which tend to score as high as the known one.

    Args:
        query: (B, d), used as it is: normalise first if scores are to be cosines.
        corpus: (N, d). Memory beside the input and the result does not grow with B or N.
        positives: ids of the known positives in the corpus, (B,) or (B, P), rows with fewer padded by −1.
        k: how many negatives a query gets, at most as many as `rank` holds.
        rank: the first and the last rank that count. A first rank above 1 leaves out the very hardest.
        below: a share in (0, 1], such as 0.95. A negative scores less than that share of the positive's
            score s⁺, exactly less than s⁺ − (1 − below)·|s⁺|, so that a negative s⁺ is bounded too.
        margin: >= 0, in the unit of scores. A negative scores less than s⁺ − margin. Of several positives
            the lowest score is the bound; those that are not to set it go into `exclude`.
        exclude: ids never returned, (B,) or (B, E), padded by −1: the query's own place in the corpus, for
            one.

    Returns:
        `MinedNegatives`: ids (B, k), scores (B, k) in the dtype of the input, mask (B, k).

    Raises:
        ValueError: query and corpus are not two matrices with one d, empty or not finite, ids lie outside
            [−1, N) or do not match the queries, rank or k or a bound is out of range, a bound is set for a
            query without a positive, or scores overflow.
        TypeError: ids, ranks or k are not integers.

    Source:
        The bounds are "TopK-PercPos" and "TopK-MarginPos" of Moreira et al., NV-Retriever, arXiv
        2407.15831, 2024.

    Example:
        >>> query, corpus = torch.eye(2), torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.5, 0.5], [0.0, 0.8]])
        >>> mined = mine_negatives(query, corpus, positives=[0, 3], k=3, below=0.8)
        >>> mined.ids
        tensor([[ 2,  3, -1],
                [ 2,  1,  0]])

        An id of −1 reads the last item, and the mask leaves it out of the loss:

        >>> from nslab import info_nce
        >>> pos, neg = (query * corpus[[0, 3]]).sum(-1), (query.unsqueeze(1) * corpus[mined.ids]).sum(-1)
        >>> info_nce(pos, neg, mask=mined.mask, temperature=0.5)
        tensor(0.5497)
    """
    query, corpus = as_float(query, "query"), as_float(corpus, "corpus")
    if query.dim() != 2 or corpus.dim() != 2 or query.shape[1] != corpus.shape[1]:
        got = f"query {tuple(query.shape)} and corpus {tuple(corpus.shape)}"
        raise ValueError(f"query must be (B, d) and corpus (N, d), got {got}")
    dtype = torch.promote_types(query.dtype, corpus.dtype)
    first, last = _ranks(rank, as_int(k, "k", minimum=1))
    first, last = min(first, len(corpus) + 1), min(last, len(corpus) + k)  # no item has a rank beyond
    positives = _row_ids(positives, "positives", query, len(corpus))
    left_out = positives
    if exclude is not None:
        left_out = torch.cat([positives, _row_ids(exclude, "exclude", query, len(corpus))], dim=1)
    bounded = below is not None or margin is not None
    slack = 0.0 if below is None else 1 - _share(below)
    apart = 0.0 if margin is None else float(non_negative(margin, "margin"))
    if bounded:
        known = (positives >= 0).any(-1)
        raise_at_first(known, ~known, "positives must hold one for each query when below or margin is given")

    found = []
    with torch.no_grad(), torch.autocast(query.device.type, enabled=False):
        for q, own, out in zip(query.split(ROWS), positives.split(ROWS), left_out.split(ROWS), strict=True):
            q = widen(q.to(dtype))
            scores, ids = _ranked(q, corpus, out, last)
            scores, ids = scores[:, first - 1 :], ids[:, first - 1 :]
            if bounded:
                lowest = _positive_scores(q, corpus, own).amin(-1, keepdim=True)
                bound = lowest - (slack * lowest.abs()).clamp(min=apart)
                scores, ids = _best(scores.masked_fill(scores >= bound, -math.inf), ids, k)
            found.append((scores[:, :k], ids[:, :k]))
    scores, ids = (torch.cat(blocks) for blocks in zip(*found, strict=True))
    mask = scores > -math.inf
    return MinedNegatives(ids.masked_fill(~mask, -1), scores.to(dtype), mask)


def _zone(d_ap: Tensor, d_an: Tensor, margin: Number) -> Tensor:
    """int8 codes, as small as they can be: mining makes one for each triplet."""
    farther = d_an > d_ap
    return farther.char() + (farther & (d_an >= d_ap + margin)).char()


def _pairs(d: Tensor, labels: ArrayLike, reference_labels: ArrayLike | None) -> tuple[Tensor, Tensor]:
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


def _labels(labels: ArrayLike, name: str, count: int, what: str) -> Tensor:
    ids = as_ids(labels, name)
    if ids.shape != (count,):
        raise ValueError(f"{name} must have shape ({count},) as distances has {what}, got {tuple(ids.shape)}")
    return ids


def _closest(
    d: Tensor, negative: Tensor, anchors: Tensor, d_ap: Tensor, margin: float, strategy: str
) -> tuple[Tensor, Tensor]:
    """Which pairs have a negative of the zone, and the closest of those.

    Distances are sorted, so the closest is the zone's first.
    """
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
    """For each value the first place in its row of `ascending` that holds more.

    Where none does, it is the last place. `rows` are sorted.
    """
    counts = rows.bincount(minlength=len(ascending))
    slots = torch.arange(len(rows), device=rows.device) - (counts.cumsum(0) - counts)[rows]
    packed = values.new_zeros(len(ascending), int(counts.max()))
    packed[rows, slots] = values
    places = torch.searchsorted(ascending, packed, right=True)[rows, slots]
    return places.clamp(max=ascending.shape[1] - 1)


def _ranks(rank: Any, k: int) -> tuple[int, int]:
    """The first and the last rank, checked."""
    if not isinstance(rank, tuple | list) or len(rank) != 2:
        raise ValueError(f"rank must be two numbers, the first and the last rank, got {rank!r}")
    first, last = (as_int(one, "rank", minimum=1) for one in rank)
    if first > last:
        raise ValueError(f"rank must not end before it begins, got {rank!r}")
    if k > last - first + 1:
        raise ValueError(f"k must be at most the {last - first + 1} ranks of rank={rank!r}, got {k}")
    return first, last


def _share(below: Any) -> float:
    share = float(number(below, "below"))
    if not 0 < share <= 1:
        raise ValueError(f"below must lie in (0, 1], got {share!r}")
    return share


def _row_ids(ids: ArrayLike, name: str, query: Tensor, size: int) -> Tensor:
    """(B, P) ids in [0, size), or −1 for padding."""
    ids = as_ids(ids, name).to(query.device)
    raise_at_first(ids, (ids < -1) | (ids >= size), f"{name} must lie in [0, {size}), or be -1 for padding")
    if ids.dim() not in (1, 2) or len(ids) != len(query):
        raise ValueError(f"{name} must have a row for each of {len(query)} queries, got {tuple(ids.shape)}")
    return ids.reshape(len(ids), -1)


def _ranked(query: Tensor, corpus: Tensor, left_out: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Scores and ids (rows, count) of the best items, without those left out.

    Past the last of them stand −inf and −1.
    """
    best, ids = query.new_full((len(query), count), -math.inf), left_out.new_full((len(query), count), -1)
    width = BLOCK // ROWS
    for start, block in zip(range(0, len(corpus), width), corpus.split(width), strict=True):
        scores = query @ widen(block).to(query).T
        if not all(extreme.isfinite() for extreme in scores.aminmax()):
            raise_at_first(scores, ~scores.isfinite(), "scores of query and corpus must be finite")
        row, column = ((left_out >= start) & (left_out < start + len(block))).nonzero(as_tuple=True)
        scores[row, left_out[row, column] - start] = -math.inf
        places = _places_of_top(scores, count)
        scores, ids = torch.cat([best, scores.gather(1, places)], 1), torch.cat([ids, places + start], 1)
        best, ids = _best(scores, ids, count)
    return best, ids


def _positive_scores(query: Tensor, corpus: Tensor, positives: Tensor) -> Tensor:
    """(rows, P); inf in the padding, as it bounds nothing."""
    items = widen(corpus[positives.clamp(min=0).to(corpus.device)]).to(query)
    return (items @ query.unsqueeze(-1)).squeeze(-1).masked_fill(positives < 0, math.inf)


def _places_of_top(scores: Tensor, count: int) -> Tensor:
    """Where the largest `count` of each row stand, ascending.

    Of equal scores the first come first, which topk leaves open.
    """
    if scores.shape[1] <= count:
        return torch.arange(scores.shape[1], device=scores.device).expand(len(scores), -1)
    values, places = scores.topk(count + 1)
    places = places[:, :count]
    tied = ((values[:, -1] == values[:, -2]) & (values[:, -1] > -math.inf)).nonzero().squeeze(-1)
    places[tied] = scores[tied].sort(dim=-1, descending=True, stable=True).indices[:, :count]
    return places.sort(dim=-1).values


def _best(scores: Tensor, ids: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The largest scores of each row, descending, and their ids; equal scores keep their order."""
    scores, order = scores.sort(dim=-1, descending=True, stable=True)
    return scores[:, :count], ids.gather(1, order[:, :count])
