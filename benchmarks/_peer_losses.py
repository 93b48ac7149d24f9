"""The in-batch loss of the peer libraries, called on vectors as their documentation says."""

from __future__ import annotations

import torch
from info_nce import InfoNCE
from pytorch_metric_learning.losses import NTXentLoss, SupConLoss
from pytorch_metric_learning.reducers import MeanReducer
from sentence_transformers.sentence_transformer.losses import (
    CachedMultipleNegativesRankingLoss,
    MultipleNegativesRankingLoss,
)
from torch import Tensor, nn

ENCODER = nn.Sequential(nn.Identity())  # sentence-transformers wants one; the vectors are here already


def info_nce_pytorch(query: Tensor, key: Tensor, temperature: float) -> Tensor:
    return InfoNCE(temperature)(query, key)


def metric_learning_nt_xent(query: Tensor, key: Tensor, temperature: float) -> Tensor:
    return NTXentLoss(temperature)(query, _labels(query), ref_emb=key, ref_labels=_labels(query))


def metric_learning_sup_con(query: Tensor, key: Tensor, temperature: float) -> Tensor:
    """Supervised contrastive loss, which is InfoNCE too with one positive per anchor.

    Its own reducer would leave out the rows whose loss is 0.
    """
    loss = SupConLoss(temperature, reducer=MeanReducer())
    return loss(query, _labels(query), ref_emb=key, ref_labels=_labels(query))


def sentence_transformers(query: Tensor, key: Tensor, temperature: float) -> Tensor:
    loss = MultipleNegativesRankingLoss(ENCODER, scale=1 / temperature)  # type: ignore[arg-type]
    return loss.compute_loss_from_embeddings([query, key], _labels(query))


def sentence_transformers_cached(query: Tensor, key: Tensor, temperature: float) -> Tensor:
    """Blocks of 512 rows, each pushed back at once."""
    loss = CachedMultipleNegativesRankingLoss(ENCODER, scale=1 / temperature, mini_batch_size=512)  # type: ignore[arg-type]
    return loss.calculate_loss([[query], [key]], with_backward=True)


def _labels(query: Tensor) -> Tensor:
    """Made anew each time: one tensor given twice would mean that a row is not its own pair."""
    return torch.arange(len(query), device=query.device)
