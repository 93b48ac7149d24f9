"""What a diagnosis measures: one pass over the scores, and the numbers made from it.

The pass takes a block of anchors at a time.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from nslab.diagnosis._advice import TARGETS
from nslab.diagnostics import false_negative_cap
from nslab.theory import hit_probability, smallest_k

BLOCK = 2**22  # scores held at a time
KEPT = 2**23  # scores kept for the search for τ, which goes over them some forty times
WANTED = Fraction(95, 100)  # the chance of a hard negative for which K is computed


def measure(
    query: Tensor,
    key: Tensor,
    rows: Tensor,
    codes: list[Tensor],
    tau: float,
    k: int,
    generator: torch.Generator,
) -> tuple[dict[str, Tensor], Tensor]:
    """What is measured for each anchor, by name, (A,) float64; and scores of drawn negatives.

    Those scores are the first anchors', (a, k).
    """
    others, found, kept = len(key) - 1, [], []
    for block in rows.split(max(8, min(k + 1, BLOCK // len(key)))):
        scores = query[block] @ key.T
        own = scores[torch.arange(len(block)), block]
        negative = _without_own(scores, block)
        hard = negative >= (own - tau).unsqueeze(-1)
        # The anchors of a block share their draw, as those of a batch do.
        slots = slice(None) if k == others else torch.randperm(others, generator=generator)[:k]
        drawn = negative[:, slots]
        top = drawn.amax(-1, keepdim=True)
        weight, z, entropy = _softmax((drawn - top).div_(tau))
        mean = negative.mean(-1, keepdim=True)
        one = {"own": own, "mean": mean.squeeze(-1), "entropy": entropy}
        one["variance"] = torch.linalg.vector_norm(negative - mean, dim=-1).square() / others
        one["wins"] = _count(negative < own.unsqueeze(-1)) / others
        one["pull"] = torch.sigmoid(z.log() + (top.squeeze(-1) - own) / tau)
        if codes:
            false = _without_own(reduce(torch.logical_or, (c[block, None] == c for c in codes)), block)
            hard &= ~false
            one["false"], one["false_push"] = _count(false) / others, (weight * false[:, slots]).sum(-1) / z
        one["hard"] = _count(hard)
        found.append({name: value.double().cpu() for name, value in one.items()})
        if sum(map(len, kept)) * k < KEPT:
            kept.append(drawn)
    return {name: torch.cat([one[name] for one in found]) for name in found[0]}, torch.cat(kept)


def _without_own(matrix: Tensor, rows: Tensor) -> Tensor:
    """Each row without its own column, in place: the last column takes that place."""
    matrix[torch.arange(len(rows)), rows] = matrix[:, -1].clone()
    return matrix[:, :-1]


def _count(mask: Tensor) -> Tensor:
    """How often a mask holds in each row, as float64; summed in int32, as int64 takes ten times as long."""
    return mask.sum(-1, dtype=torch.int32).double()


def _softmax(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """e^logit, its sum and the entropy of the softmax, in each row; the largest logit is 0.

    One exponential serves all three: `softmax_entropy` alone takes longer.
    """
    weight = logits.exp()
    z = weight.sum(-1)
    return weight, z, z.log() - torch.linalg.vecdot(weight, logits) / z


def temperatures(scores: Tensor) -> tuple[dict[str, Any], dict[str, list[float]]]:
    """τ for each target, where there is one, and the curve of ln n over ln τ on which the search begins."""
    found: dict[str, Any] = {"temperature_anchors": len(scores)}
    found |= {f"temperature_for_{n}": None for n in TARGETS}
    gaps = scores - scores.amax(-1, keepdim=True)
    unit = gaps.std().item() if gaps.numel() > 1 else 0.0
    if not unit > 0:
        return found, {}
    gaps = gaps.div_(unit).float().split(max(1, BLOCK // scores.shape[1]))

    def log_count(log_tau: float) -> float:
        tau = math.exp(log_tau) / unit
        return torch.cat([_softmax(block / tau)[2] for block in gaps]).median().item()

    log_taus = [math.log(unit) + step / 2 for step in range(-13, 6)]
    log_counts = [log_count(at) for at in log_taus]
    for wanted in map(math.log, TARGETS):
        above = next((i for i, count in enumerate(log_counts) if count >= wanted), 0)
        if above == 0:
            continue
        (low, high), (few, many) = log_taus[above - 1 : above + 1], log_counts[above - 1 : above + 1]
        at = low
        for _ in range(6):  # regula falsi
            at = low + (high - low) * (wanted - few) / (many - few)
            count = log_count(at)
            low, high, few, many = (at, high, count, many) if count < wanted else (low, at, few, count)
        found[f"temperature_for_{round(math.exp(wanted))}"] = math.exp(at)
    return found, {"log_taus": log_taus, "log_counts": log_counts}


def scores(anchors: dict[str, Tensor]) -> dict[str, Any]:
    own, mean = anchors["own"], anchors["mean"]
    gap, count = own - mean, anchors["entropy"].exp()
    p10, median, p90 = count.quantile(count.new_tensor([0.1, 0.5, 0.9])).tolist()
    return {
        "positive_mean": own.mean().item(),
        "positive_sd": own.std().item(),
        "negative_mean": mean.mean().item(),
        "negative_sd": (anchors["variance"].mean() + mean.var(correction=0)).sqrt().item(),
        "gap_mean": gap.mean().item(),
        "gap_sd": gap.std().item(),
        "gap_error": _error(gap),
        "positive_wins": anchors["wins"].mean().item(),
        "positive_wins_error": _error(anchors["wins"]),
        "pull": anchors["pull"].mean().item(),
        "effective_negatives": median,
        "effective_negatives_p10": p10,
        "effective_negatives_p90": p90,
    }


def _error(values: Tensor) -> float:
    return (values.std() / len(values) ** 0.5).item()


def false_negatives(anchors: dict[str, Tensor]) -> dict[str, Any]:
    if "false" not in anchors:
        return dict.fromkeys(("false_share", "false_push", "false_push_error", "logit_cap"))
    share, push = anchors["false"].mean().item(), anchors["false_push"]
    return {
        "false_share": share,
        "false_push": push.mean().item(),
        "false_push_error": _error(push),
        "logit_cap": false_negative_cap(share) if share else None,
    }


def repeats(key: Tensor, ids: Tensor | None, pairs: int, k: int) -> dict[str, Any]:
    vectors, code = key.unique(dim=0, return_inverse=True)
    copies = len(key) - len(vectors)
    code = code if ids is None else ids.unique(return_inverse=True)[1]
    same = code.bincount()[code[:pairs]].double().mean().item() - 1  # other keys that hold the anchor's item
    found: dict[str, Any] = {"copies": copies, "repeats": k * same / (len(key) - 1)}
    if ids is None:
        return found | dict.fromkeys(("items", "top_item_share", "popularity_cv"))
    counts = ids[:pairs].unique(return_counts=True)[1].double()
    # Σp² from pairs of different rows, so that it does not depend on how many rows there are.
    collision = ((counts * (counts - 1)).sum() / (pairs * (pairs - 1))).item()
    return found | {
        "items": len(counts),
        "top_item_share": counts.max().item() / pairs,
        "popularity_cv": max(0.0, len(counts) * collision - 1) ** 0.5,
    }


def draws(hard: Tensor, others: int, k: int) -> dict[str, Any]:
    def k_for(share: Fraction) -> int | None:
        return smallest_k(share, WANTED) if share else None

    def chance(k: int) -> float:
        return torch.as_tensor(hit_probability(hard / others, k)).mean().item()

    ranked = sorted((int(count) for count in hard), reverse=True)
    k_mean = k_for(Fraction(sum(ranked), len(ranked) * others))
    return {
        "hard_share": (hard / others).mean().item(),
        "without_hard": ranked.count(0) / len(ranked),
        "k_median": k_for(Fraction(ranked[-(-len(ranked) // 2) - 1], others)),
        "k_p90": k_for(Fraction(ranked[-(-9 * len(ranked) // 10) - 1], others)),
        "k_mean": k_mean,
        "chance_k_mean": None if k_mean is None else chance(k_mean),
        "chance_k": chance(k),
    }


def spread(vectors: Tensor, lengths: Tensor, name: str) -> dict[str, Any]:
    count, dim = vectors.shape
    unit = vectors / lengths.unsqueeze(-1).to(vectors)
    total = unit.sum(0, dtype=torch.float64)
    tall = unit if dim <= count else unit.T
    gram = sum(part.T @ part for part in map(Tensor.double, tall.split(2**16)))
    values = torch.linalg.eigvalsh(gram).clamp(min=0).sqrt()
    return {
        f"mean_cosine_{name}": ((total.square().sum().item() - count) / (count * (count - 1))),
        f"effective_rank_{name}": torch.special.entr(values / values.sum()).sum().exp().item(),
        f"{name}_length_min": lengths.min().item(),
        f"{name}_length_max": lengths.max().item(),
    }


def pictures(anchors: dict[str, Tensor], kept: Tensor, others: int) -> dict[str, list[float]]:
    """What the card draws: histograms of scores, and the chance of a hard negative over K."""
    own, drawn = anchors["own"], kept.cpu().float().ravel()
    ends = [min(own.min().item(), drawn.min().item()), max(own.max().item(), drawn.max().item())]
    low, high = ends if ends[0] < ends[1] else (ends[0] - 1, ends[1] + 1)
    bars = [torch.histc(values.float(), 40, low, high) for values in (own, drawn)]
    ks = torch.logspace(0, math.log10(max(10, others)), 40, dtype=torch.float64).round()
    rho = anchors["hard"] / others
    return {
        "score_ends": [low, high],
        "positive_bars": (bars[0] / bars[0].max()).tolist(),
        "negative_bars": (bars[1] / bars[1].max()).tolist(),
        "ks": ks.tolist(),
        "chance": torch.as_tensor(hit_probability(rho.unsqueeze(-1), ks)).mean(0).tolist(),
        "chance_of_mean": torch.as_tensor(hit_probability(rho.mean(), ks)).tolist(),
    }
