"""Losses: scores (or embeddings) in, one differentiable number out.

Scores are similarities: `pos` (...) and `neg` (..., K), higher is closer; distances are named `d_...`.
Losses are in nats (but `triplet_loss`: in the unit of its distances) and keep the floating dtype of the
scores; half precision is computed in float32 (a half-precision loss past 65504 is inf, its gradient still
right). `reduction` is "mean", "sum" or "none". Every function raises ValueError or TypeError, naming the
argument and its value, for NaN, infinite or empty input (only `triplet_loss` takes none: mining may find
no triplet), for shapes that do not match, and for an unknown reduction.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nslab import _streaming
from nslab._checks import (
    ArrayLike,
    Number,
    as_float,
    as_ids,
    as_mask,
    distance_pair,
    flag,
    non_negative,
    number,
    one_of,
    positive,
    raise_at_first,
    widen,
)
from nslab._streaming import Pairs
from nslab._streaming import softplus as _softplus

REDUCTIONS = ("mean", "sum", "none")


def triplet_loss(
    d_ap: ArrayLike, d_an: ArrayLike, *, margin: Number = 0.2, reduction: str = "mean"
) -> Tensor:
    """The triplet loss max(0, d_ap + margin − d_an), averaged over every triplet, the inactive ones included.

    FaceNet takes squared L2 distances: `margin` is then a squared distance too.

    Args:
        d_ap: distances anchor to positive, (...), at least −1e-6, which leaves room for rounding.
        d_an: distances anchor to negative, (...) or (..., K), in the same unit. Both may be empty: mining
            finds no triplet in some batches.
        margin: how much farther than the positive a negative is to be, in the unit of the distances, >= 0.
        reduction: "mean", "sum" or "none".

    Returns:
        The loss, one number or, with "none", the shape of d_an. Of no triplet the mean and the sum are 0,
        attached to the graph: backward gives zero gradients, and training goes on.

    Raises:
        ValueError: a distance is below −1e-6 (a similarity was passed) or not finite, the shapes do not
            match, or the margin is negative.

    Source:
        Schroff, Kalenichenko & Philbin, FaceNet, CVPR 2015.

    Example:
        >>> triplet_loss([0.5, 0.5], [0.625, 1.0], margin=0.25, reduction="none")
        tensor([0.1250, 0.0000], dtype=torch.float64)
        >>> triplet_loss([], [])
        tensor(0., dtype=torch.float64)
    """
    d_ap, d_an = distance_pair(d_ap, d_an, empty=True)
    dtype = torch.promote_types(d_ap.dtype, d_an.dtype)
    # In this order the loss is > 0 exactly where mining.categorize finds a negative that is not easy.
    loss = F.relu(widen(d_ap) + non_negative(margin, "margin") - widen(d_an))
    return _reduce(loss, reduction, dtype)


def info_nce(
    pos: ArrayLike,
    neg: ArrayLike,
    *,
    temperature: Number = 0.07,
    log_q_pos: ArrayLike | None = None,
    log_q_neg: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    reduction: str = "mean",
) -> Tensor:
    """InfoNCE, or with log q the sampled softmax; accurate for tiny losses and with padded negatives.

    −ln of the softmax weight of the positive among K + 1 logits s/τ − log q. Rows with fewer than K
    negatives are padded with any value, and `mask` says so.

    Args:
        pos: the positives' scores, (...).
        neg: the negatives' scores, (..., K). Where `mask` is False they may be anything, −inf and NaN
            included.
        temperature: τ > 0; a tensor may learn.
        log_q_pos: the log-probability with which each positive is drawn as a negative, plus any constant
            (only differences count); it broadcasts to (...). It is subtracted from all logits, the
            positive's included: leaving that out biases the optimum.
        log_q_neg: the same of each negative; it broadcasts to (..., K). Give both or neither. Where `mask`
            is False it may be anything.
        mask: booleans (..., K); False marks padding. Padding adds nothing to the loss, and its gradient is
            exactly 0.
        reduction: "mean", "sum" or "none".

    Returns:
        The loss in nats, one number or, with "none", (...).

    Raises:
        ValueError: τ is not positive, scores or log q are empty, not finite or of shapes that do not
            match, one log q is given without the other, or a row has no negative that counts. (Leave such
            rows out: `mask.any(-1)`.)

    Source:
        van den Oord, Li & Vinyals 2018 (InfoNCE); Bengio & Senécal 2008 and Jean et al. 2015 (sampled
        softmax).

    Example:
        >>> info_nce(1.0, [-1.0], temperature=0.05)
        tensor(4.2484e-18, dtype=torch.float64)
        >>> neg, mask = [[0.3, 0.1], [0.3, float("nan")]], [[True, True], [True, False]]
        >>> info_nce([0.5, 0.5], neg, mask=mask, reduction="none")
        tensor([0.0590, 0.0558], dtype=torch.float64)
    """
    pos, neg, dtype = _scores(pos, neg, finite=mask is None)
    if mask is not None:
        mask = _counted(mask, neg)
        neg = _fill_padding(neg, "neg", mask, pos.detach().unsqueeze(-1))  # a gap of 0 overflows at no τ
    gaps = _gaps(pos, neg, temperature)
    if (log_q_pos is None) != (log_q_neg is None):
        raise ValueError(f"log_q_pos and log_q_neg go together, got {log_q_pos=} and {log_q_neg=}")
    if log_q_pos is not None and log_q_neg is not None:
        log_q_pos = _expand(log_q_pos, "log_q_pos", pos)
        gaps = gaps - (_expand(log_q_neg, "log_q_neg", neg, mask) - log_q_pos.unsqueeze(-1))
    if mask is not None:
        gaps = gaps.masked_fill(~mask, -math.inf)
    return _reduce(_softplus(gaps.logsumexp(-1)), reduction, dtype)


def info_nce_in_batch(
    query: ArrayLike,
    key: ArrayLike,
    *,
    temperature: Number = 0.07,
    positives: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    ids: ArrayLike | None = None,
    log_q: ArrayLike | None = None,
    symmetric: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """InfoNCE in which every other key of the batch is a negative; memory grows as B + M, not as B · M.

    The scores query @ key.T are computed one block of rows at a time. For "mean" and "sum" the gradient is
    made in the forward pass. There is no second derivative (RuntimeError).

    Args:
        query: (B, d) embeddings, used as they are: normalise them first if scores are to be cosines.
        key: (M, d) embeddings, M ≥ B and M ≥ 2. Row i of `query` belongs to row i of `key`; the keys after
            the first B are negatives of all rows, for example hard negatives that were mined.
        temperature: τ > 0, a number or a 0-d tensor that may learn.
        positives: (B,) int, the key of each query if it is not 0…B−1. For B rows of this rank against the
            gathered keys of all ranks it is rank · B + arange(B).
        mask: (B, M) bool. False: this key is not a negative of this row. It must be True at the positive.
            A key that is False in every row is padding: its values do not matter, NaN included, and its
            gradient is 0. Every other key must be finite.
        ids: (M,) int, the item of each key. Keys that hold the same item as a row's positive are not its
            negatives. Other keys with equal ids stay, each as a negative of its own.
        log_q: (M,) log-probability with which each key is drawn, up to a constant. It is subtracted from
            all logits of that key, the positive's included. Masking with ids as well moves the optimum a
            little.
        symmetric: average query → key and key → query, as CLIP does, with the same ids and log_q and the mask
            transposed. It needs M = B and no `positives`.
        reduction: "mean", "sum" or "none", which gives (B,).

    Returns:
        The loss in nats, in the floating dtype of the embeddings. A tiny loss keeps its digits.

    Raises:
        ValueError: for a batch of one pair, a row without negatives, shapes that do not match, values that
            are not finite, τ ≤ 0 or so small that the logits overflow.
        TypeError: for ids or positives that are not integers, and for a `symmetric` that is not a bool.

    Source:
        Sohn 2016 (N-pair); Yi et al. 2019 (log q); Chen et al. 2020 (SimCLR); Radford et al. 2021 (CLIP).

    Example:
        >>> info_nce_in_batch([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]], temperature=0.5)
        tensor(0.1269, dtype=torch.float64)

        SimCLR's NT-Xent on two views a and b of n pictures, where ids keep a view from being its own
        negative:

        >>> a = b = torch.eye(3)
        >>> ids = torch.arange(3).repeat(2)
        >>> info_nce_in_batch(torch.cat([a, b]), torch.cat([b, a]), temperature=0.5, ids=ids)
        tensor(0.4327)
    """
    one_of(reduction, "reduction", REDUCTIONS)
    flag(symmetric, "symmetric")
    query, key, pairs, dtype = _batch(query, key, positives, mask, ids)
    if symmetric and (positives is not None or len(key) != len(query)):
        got = (
            f"query {tuple(query.shape)}, key {tuple(key.shape)} and positives"
            f" {'given' if positives is not None else None}"
        )
        raise ValueError(f"symmetric needs as many keys as queries and no positives, got {got}")
    if len(key) == 1:
        got = f"one pair, query {tuple(query.shape)} and key {tuple(key.shape)}"
        raise ValueError(
            f"query and key must hold a negative, got {got}: use drop_last=True in the DataLoader"
        )
    tau = positive(temperature, "temperature")
    offset = None if log_q is None else -_cast(_log_q(log_q, key, pairs), "log_q", query)
    weight = _weight(reduction, len(query))
    loss = _streaming.info_nce(query / tau, key, offset, pairs, weight)
    _check_finite(loss, query, key, tau, pairs, "row")
    if symmetric:
        back = Pairs(pairs.positives, None if pairs.mask is None else pairs.mask.T, pairs.ids)
        other = _streaming.info_nce(key / tau, query, offset, back, weight)
        _check_finite(other, key, query, tau, back, "column")
        loss = (loss + other) / 2
    return loss.to(dtype)


def sigmoid_loss(
    query: ArrayLike,
    key: ArrayLike,
    *,
    temperature: Number,
    bias: Number,
    positives: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    ids: ArrayLike | None = None,
    reduction: str = "mean",
) -> Tensor:
    """SigLIP's loss: every pair of the batch is a yes-or-no question, and no row needs to see the others.

    A row's loss is −ln σ(s⁺/τ + b) − Σ_j ln σ(−(s_j/τ + b)), summed over its negatives j. Scores are
    computed one block of rows at a time, so memory grows as B + M. There is no second derivative
    (RuntimeError).

    Args:
        query: (B, d) embeddings, used as they are; SigLIP normalises them.
        key: (M, d) embeddings, M ≥ B; row i of `query` belongs to row i of `key`.
        temperature: τ > 0, a number or a 0-d tensor that may learn. SigLIP starts at 0.1.
        bias: b, a number or a 0-d tensor that may learn. SigLIP starts at −10, as almost all pairs are
            negatives.
        positives: (B,) int, the key of each query if it is not 0…B−1.
        mask: (B, M) bool, False where a key is not a negative of a row; as in `info_nce_in_batch`.
        ids: (M,) int, the item of each key: keys that hold the same item as a row's positive are not its
            negatives.
        reduction: "sum" adds all B · M terms, "mean" divides that by B as the paper does, "none" gives the
            sum of each row, (B,).

    Returns:
        The loss in nats, in the floating dtype of the embeddings. A tiny loss keeps its digits.

    Raises:
        ValueError: for shapes that do not match, values that are not finite, τ ≤ 0 or so small that the
            logits overflow.
        TypeError: for ids or positives that are not integers, and for a bias or temperature that is not a
            number.

    Source:
        Zhai, Mustafa, Kolesnikov & Beyer, Sigmoid Loss for Language Image Pre-Training, ICCV 2023.

    Example:
        >>> sigmoid_loss([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]], temperature=0.1, bias=-5.0)
        tensor(0.0134, dtype=torch.float64)
    """
    one_of(reduction, "reduction", REDUCTIONS)
    query, key, pairs, dtype = _batch(query, key, positives, mask, ids)
    tau = positive(temperature, "temperature")
    offset = _cast(as_float(number(bias, "bias"), "bias"), "bias", query).expand(len(key))
    loss = _streaming.sigmoid(query / tau, key, offset, pairs, _weight(reduction, len(query)))
    _check_finite(loss, query, key, tau)
    return loss.to(dtype)


def sup_con_loss(
    embeddings: ArrayLike, labels: ArrayLike, *, temperature: Number = 0.1, reduction: str = "mean"
) -> Tensor:
    """Supervised contrastive loss: every other row of the label is a positive, averaged outside the log.

    For row i with positives P(i), L_i = −1/|P(i)| Σ_{p ∈ P(i)} ln( e^(s_ip/τ) / Σ_{a ≠ i} e^(s_ia/τ) ), where
    s_ia = embeddings_i · embeddings_a. The other positives stay in the denominator, so L_i is never below
    ln |P(i)|. A row whose label no other row has is a negative for the others and has no loss of its own.
    Two (B, B) matrices are held until the backward pass, and a third if τ learns.

    Args:
        embeddings: (B, d), used as they are: normalise them first if scores are to be cosines.
        labels: integers (B,), of any value.
        temperature: τ > 0; a tensor may learn.
        reduction: "mean", over the rows that have a positive; "sum" or "none".

    Returns:
        The loss in nats, one number or, with "none", (B,), which is 0 for a row without a positive.

    Raises:
        ValueError: τ is not positive, no row has a positive (draw batches with two rows of a label;
            `drop_last` leaves out a last batch that is too small), embeddings are empty or not finite, or
            labels do not match them.
        TypeError: labels are not integers.

    Source:
        Khosla et al., Supervised Contrastive Learning, NeurIPS 2020, equation 2 (L_out).

    Example:
        >>> views = [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [-0.6, 0.8]]
        >>> sup_con_loss(views, [3, 3, 5, 5], temperature=0.5)
        tensor(0.4302, dtype=torch.float64)
    """
    one_of(reduction, "reduction", REDUCTIONS)
    embeddings, labels = as_float(embeddings, "embeddings"), as_ids(labels, "labels")
    if embeddings.dim() != 2:
        raise ValueError(f"embeddings must be (B, d), got shape {tuple(embeddings.shape)}")
    labels = _row(labels, "labels", embeddings)
    same = labels.unsqueeze(-1) == labels
    positives = same.clone().fill_diagonal_(False)
    paired = positives.any(-1)
    if not bool(paired.any()):
        raise ValueError(
            f"labels must give some row a positive, got {len(labels)} different ones: draw several rows of a"
            " label, or drop a last batch that is too small (drop_last)"
        )
    same, positives = same[paired], positives[paired]
    wide = widen(embeddings)
    with torch.autocast(wide.device.type, enabled=False):
        scores = wide[paired] @ wide.T
    gaps = _gaps(scores.masked_fill(~positives, 0.0).sum(-1) / positives.sum(-1), scores, temperature)
    pull = gaps.masked_fill(~positives, -math.inf).logsumexp(-1)  # exactly 0 of one positive
    push = gaps.masked_fill(same, -math.inf).logsumexp(-1)
    loss = pull + _softplus(push - pull)
    if reduction == "none":
        loss = loss.new_zeros(len(labels)).masked_scatter(paired, loss)
    return _reduce(loss, reduction, embeddings.dtype)


def debiased_info_nce(
    pos: ArrayLike,
    neg: ArrayLike,
    *,
    positive_rate: float,
    temperature: Number = 0.5,
    reduction: str = "mean",
) -> Tensor:
    """InfoNCE corrected for a share of false negatives among the negatives.

    With π = `positive_rate`, the mean of e^(s_j/τ) over the negatives is replaced by
    g = max((mean e^(s_j/τ) − π e^(s⁺/τ)) / (1 − π), e^(−1/τ)), and L = −ln(e^(s⁺/τ) / (e^(s⁺/τ) + K g)).
    The floor e^(−1/τ) is the smallest value that a cosine allows. Where it applies, the negatives get no
    gradient; the positive is still pulled.

    Args:
        pos: the positives' scores, (...); cosines, because of the floor.
        neg: the negatives' scores, (..., K).
        positive_rate: the share π of false negatives, in [0, 1). With 0 this is `info_nce`, except where
            the floor applies.
        temperature: τ > 0.
        reduction: "mean", "sum" or "none".

    Returns:
        The loss in nats, one number or, with "none", (...).

    Raises:
        ValueError: the rate lies outside [0, 1), τ is not positive, or scores are empty, not finite or of
            shapes that do not match.

    Source:
        Chuang et al., Debiased Contrastive Learning, NeurIPS 2020, with M = 1: the positive is the only
        extra positive.

    Example:
        >>> debiased_info_nce(0.5, [0.5, 0.0], positive_rate=0.1), info_nce(0.5, [0.5, 0.0], temperature=0.5)
        (tensor(0.8319, dtype=torch.float64), tensor(0.8620, dtype=torch.float64))
    """
    rate = float(number(positive_rate, "positive_rate"))
    if not 0 <= rate < 1:
        raise ValueError(f"positive_rate must lie in [0, 1), got {rate!r}")
    pos, neg, dtype = _scores(pos, neg)
    log_k = math.log(neg.shape[-1])
    log_mean = _gaps(pos, neg, temperature).logsumexp(-1) - log_k  # of e^((s_j − s⁺)/τ)
    below = (math.log(rate) if rate else -math.inf) - log_mean  # < 0 where something is left to learn from
    kept = below < 0
    log_left = torch.where(kept, below, -1.0).expm1().neg().log()
    estimate = torch.where(kept, log_mean + log_left - math.log1p(-rate), -math.inf)
    floor = -(1 + pos) / temperature
    return _reduce(_softplus(torch.maximum(estimate, floor) + log_k), reduction, dtype)


def decoupled_info_nce(
    pos: ArrayLike, neg: ArrayLike, *, temperature: Number = 0.1, reduction: str = "mean"
) -> Tensor:
    """InfoNCE without the positive in the denominator: −s⁺/τ + ln Σ e^(s_j/τ). It may be negative.

    Args:
        pos: the positives' scores, (...).
        neg: the negatives' scores, (..., K).
        temperature: τ > 0.
        reduction: "mean", "sum" or "none".

    Returns:
        The loss in nats, one number or, with "none", (...).

    Raises:
        ValueError: τ is not positive, or scores are empty, not finite or of shapes that do not match.

    Source:
        Yeh et al., Decoupled Contrastive Learning, ECCV 2022.

    Example:
        >>> decoupled_info_nce(1.0, [0.5, 0.5], temperature=0.5)
        tensor(-0.3069, dtype=torch.float64)
    """
    pos, neg, dtype = _scores(pos, neg)
    return _reduce(_gaps(pos, neg, temperature).logsumexp(-1), reduction, dtype)


def sgns_loss(pos: ArrayLike, neg: ArrayLike, *, reduction: str = "mean") -> Tensor:
    """The loss of skip-gram with negative sampling, −ln σ(s⁺) − Σ ln σ(−s_j), summed over the K negatives.

    Args:
        pos: the positives' scores, (...).
        neg: the negatives' scores, (..., K).
        reduction: "mean", "sum" or "none", over the positives.

    Returns:
        The loss in nats, one number or, with "none", (...).

    Raises:
        ValueError: scores are empty, not finite or of shapes that do not match.

    Source:
        Mikolov et al., Distributed Representations of Words and Phrases, NeurIPS 2013.

    Example:
        >>> sgns_loss(2.0, [-2.0, 0.0])
        tensor(0.9470, dtype=torch.float64)
    """
    pos, neg, dtype = _scores(pos, neg)
    return _reduce(_softplus(-pos) + _softplus(neg).sum(-1), reduction, dtype)


def nce_loss(
    log_p_pos: ArrayLike,
    log_p_neg: ArrayLike,
    log_q_pos: ArrayLike,
    log_q_neg: ArrayLike,
    *,
    reduction: str = "mean",
) -> Tensor:
    """The loss of noise-contrastive estimation: tell data from K draws from the noise.

    The logit is G = log p − log q − ln K, and the loss −ln σ(G⁺) − Σ ln σ(−G_j), summed over the K draws.

    Args:
        log_p_pos: the model's log-probability of each data item, (...); it need not be normalised.
        log_p_neg: the model's log-probability of each draw, (..., K).
        log_q_pos: the noise's log-probability of each data item; it broadcasts to (...).
        log_q_neg: the noise's log-probability of each draw; it broadcasts to (..., K).
        reduction: "mean", "sum" or "none", over the data items.

    Returns:
        The loss in nats, one number or, with "none", (...).

    Raises:
        ValueError: an argument is empty, not finite or of a shape that does not match.

    Source:
        Gutmann & Hyvärinen, AISTATS 2010 and JMLR 2012.

    Example:
        >>> nce_loss(-1.0, [-1.0, -1.0], -1.0, [-1.0, -1.0])
        tensor(1.9095, dtype=torch.float64)
    """
    pos, neg, dtype = _scores(log_p_pos, log_p_neg, "log_p_")
    log_k = math.log(neg.shape[-1])
    data = pos - _expand(log_q_pos, "log_q_pos", pos) - log_k
    noise = neg - _expand(log_q_neg, "log_q_neg", neg) - log_k
    return _reduce(_softplus(-data) + _softplus(noise).sum(-1), reduction, dtype)


def bpr_loss(pos: ArrayLike, neg: ArrayLike, *, reduction: str = "mean") -> Tensor:
    """The loss of Bayesian personalised ranking, −ln σ(s⁺ − s_j), averaged over the K negatives.

    With one negative it is `info_nce` at τ = 1.

    Args:
        pos: the positives' scores, (...).
        neg: the negatives' scores, (..., K).
        reduction: "mean", "sum" or "none", over the positives.

    Returns:
        The loss in nats, one number or, with "none", (...).

    Raises:
        ValueError: scores are empty, not finite or of shapes that do not match.

    Source:
        Rendle et al., BPR: Bayesian Personalized Ranking from Implicit Feedback, UAI 2009.

    Example:
        >>> bpr_loss(1.0, [0.0, 1.0])
        tensor(0.5032, dtype=torch.float64)
    """
    pos, neg, dtype = _scores(pos, neg)
    return _reduce(_softplus(neg - pos.unsqueeze(-1)).mean(-1), reduction, dtype)


def _scores(
    pos: ArrayLike, neg: ArrayLike, prefix: str = "", *, finite: bool = True
) -> tuple[Tensor, Tensor, torch.dtype]:
    """Checked scores in the dtype to compute in, and the dtype to answer in.

    `finite` says whether the negatives must be finite.
    """
    pos, neg = as_float(pos, f"{prefix}pos"), as_float(neg, f"{prefix}neg", finite=finite)
    if neg.dim() == 0 or neg.shape[:-1] != pos.shape:
        got = f"{prefix}pos {tuple(pos.shape)} and {prefix}neg {tuple(neg.shape)}"
        raise ValueError(f"{prefix}neg must be {prefix}pos's shape and one more axis of negatives, got {got}")
    dtype = torch.promote_types(pos.dtype, neg.dtype)
    return widen(pos.to(dtype)), widen(neg.to(dtype)), dtype


def _counted(mask: ArrayLike, neg: Tensor) -> Tensor:
    """A mask of neg's shape that leaves every row a negative."""
    mask = as_mask(mask, "mask", neg.shape).to(neg.device)
    kept = mask.any(-1)
    raise_at_first(
        kept, ~kept, "mask must keep a negative in every row, so leave out rows without: mask.any(-1)"
    )
    return mask


def _fill_padding(values: Tensor, name: str, mask: Tensor, fill: Any) -> Tensor:
    """`values` where the mask is True, and finite there; `fill` in the padding.

    So no gradient meets what stood in the padding.
    """
    raise_at_first(values, mask & ~values.detach().isfinite(), f"{name} must be finite where mask is True")
    return values.where(mask, fill)


def _gaps(pos: Tensor, neg: Tensor, temperature: Number) -> Tensor:
    """(s_j − s⁺)/τ, the only thing a shift-invariant loss may look at."""
    gaps = (neg - pos.unsqueeze(-1)) / positive(temperature, "temperature")
    if not bool(torch.isfinite(gaps.detach()).all()):
        widest = float((neg - pos.unsqueeze(-1)).detach().abs().max())
        raise ValueError(f"temperature {float(temperature)!r} overflows on scores that lie {widest!r} apart")
    return gaps


def _batch(
    query: ArrayLike,
    key: ArrayLike,
    positives: ArrayLike | None,
    mask: ArrayLike | None,
    ids: ArrayLike | None,
) -> tuple[Tensor, Tensor, Pairs, torch.dtype]:
    """Checked embeddings in the dtype to compute in, who belongs to whom, and the dtype to answer in."""
    query, key = as_float(query, "query"), as_float(key, "key", finite=False)
    if not (query.dim() == key.dim() == 2 and query.shape[1] == key.shape[1] and len(query) <= len(key)):
        got = f"query {tuple(query.shape)} and key {tuple(key.shape)}"
        raise ValueError(f"query must be (B, d) and key (M, d) with M >= B, got {got}")
    if positives is None:
        positives = torch.arange(len(query), device=query.device)
    else:
        positives = _row(as_ids(positives, "positives", size=len(key)), "positives", query)
    if ids is not None:
        ids = _row(as_ids(ids, "ids"), "ids", key)
    if mask is not None:
        mask = as_mask(mask, "mask", (len(query), len(key))).to(query.device)
        lost = ~mask.gather(1, positives.unsqueeze(-1)).squeeze(-1)
        if bool(lost.any()):
            row = int(lost.nonzero()[0])
            at = [row, int(positives[row])]
            raise ValueError(f"mask must be True at each row's positive, got False at index {at}")
    pairs = Pairs(positives, mask, ids)
    dtype = torch.promote_types(query.dtype, key.dtype)
    return widen(query.to(dtype)), widen(_without_padding(key, "key", pairs).to(dtype)), pairs, dtype


def _log_q(log_q: ArrayLike, key: Tensor, pairs: Pairs) -> Tensor:
    return _without_padding(_row(as_float(log_q, "log_q", finite=False), "log_q", key), "log_q", pairs)


def _cast(values: Tensor, name: str, like: Tensor) -> Tensor:
    """The values in the dtype and on the device of the embeddings, where they must be finite too."""
    cast = values.to(like)
    raise_at_first(values, ~cast.detach().isfinite(), f"{name} must be finite in {like.dtype}")
    return cast


def _without_padding(values: Tensor, name: str, pairs: Pairs) -> Tensor:
    """Finite values of each key, with 0 for the keys that the mask leaves out of every row."""
    if pairs.mask is not None:
        unused = ~pairs.mask.any(0)
        values = values.masked_fill(unused.reshape(-1, *(1 for _ in values.shape[1:])), 0)
    return as_float(values, name)


def _weight(reduction: str, size: int) -> float | None:
    """What each row's loss counts for in the reduction; None where rows stay apart."""
    return {"mean": 1 / size, "sum": 1.0, "none": None}[reduction]


def _check_finite(
    loss: Tensor, query: Tensor, key: Tensor, temperature: Number, pairs: Pairs | None = None, side: str = ""
) -> None:
    """Find out why a loss is not finite; with `pairs` because a row may have no negatives."""
    if bool(loss.detach().isfinite().all()):
        return
    alone = None if pairs is None else pairs.row_without_negatives(key)
    if pairs is not None and alone is not None:
        given = " and ".join(name for name in ("mask", "ids") if getattr(pairs, name) is not None)
        item = "" if pairs.ids is None else f", whose item has id {int(pairs.ids[pairs.positives[alone]])}"
        raise ValueError(f"{given} must leave each {side} a negative, got none for {side} {alone}{item}")
    reach = _streaming.largest_score(query, key)
    kind = str(query.dtype).removeprefix("torch.")
    raise ValueError(f"temperature {float(temperature)!r} overflows on scores of up to {reach!r} in {kind}")


def _row(values: Tensor, name: str, like: Tensor) -> Tensor:
    if values.shape != like.shape[:1]:
        raise ValueError(f"{name} must have shape ({len(like)},), got {tuple(values.shape)}")
    return values.to(like.device)


def _expand(value: ArrayLike, name: str, like: Tensor, mask: Tensor | None = None) -> Tensor:
    tensor = widen(as_float(value, name, finite=mask is None))
    try:
        expanded = tensor.broadcast_to(like.shape)
    except RuntimeError:
        raise ValueError(f"{name} must broadcast to {tuple(like.shape)}, got {tuple(tensor.shape)}") from None
    return expanded if mask is None else _fill_padding(expanded, name, mask, 0.0)


def _reduce(loss: Tensor, reduction: str, dtype: torch.dtype) -> Tensor:
    one_of(reduction, "reduction", REDUCTIONS)
    if reduction == "none":
        return loss.to(dtype)
    # The mean of no triplet would be NaN; their sum is 0 and stays in the graph.
    return (loss.mean() if reduction == "mean" and loss.numel() else loss.sum()).to(dtype)
