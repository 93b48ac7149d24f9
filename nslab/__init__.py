"""Negative Sampling Lab: the losses, theory, samplers, mining and diagnostics behind the notebooks.

>>> import nslab
>>> nslab.smallest_k(rho=0.01, q=0.95)
299
"""

from nslab.diagnosis import Diagnosis, diagnose
from nslab.diagnostics import (
    Cost,
    cost_in_batch,
    cost_per_example,
    false_negative_cap,
    false_negative_rate,
    gradient_share,
    in_batch_duplicates,
)
from nslab.distributed import gather_with_grad
from nslab.losses import (
    bpr_loss,
    debiased_info_nce,
    decoupled_info_nce,
    info_nce,
    info_nce_in_batch,
    nce_loss,
    sgns_loss,
    sigmoid_loss,
    sup_con_loss,
    triplet_loss,
)
from nslab.mining import MinedNegatives, categorize, mine_negatives, mine_triplets
from nslab.noise import fixed_point, nce_gradient, nce_objective
from nslab.samplers import AliasTable, ExclusionWindow, propose, unigram
from nslab.theory import (
    effective_margin,
    effective_negatives,
    equal_negatives_loss,
    hit_probability,
    linear_loss,
    smallest_k,
    smallest_k_finite,
    softmax_entropy,
    softmax_entropy_slope,
    temperature_for_entropy,
)

__version__ = "0.1.0"

__all__ = [
    "AliasTable",
    "Cost",
    "Diagnosis",
    "ExclusionWindow",
    "MinedNegatives",
    "bpr_loss",
    "categorize",
    "cost_in_batch",
    "cost_per_example",
    "debiased_info_nce",
    "decoupled_info_nce",
    "diagnose",
    "effective_margin",
    "effective_negatives",
    "equal_negatives_loss",
    "false_negative_cap",
    "false_negative_rate",
    "fixed_point",
    "gather_with_grad",
    "gradient_share",
    "hit_probability",
    "in_batch_duplicates",
    "info_nce",
    "info_nce_in_batch",
    "linear_loss",
    "mine_negatives",
    "mine_triplets",
    "nce_gradient",
    "nce_loss",
    "nce_objective",
    "propose",
    "sgns_loss",
    "sigmoid_loss",
    "smallest_k",
    "smallest_k_finite",
    "softmax_entropy",
    "softmax_entropy_slope",
    "sup_con_loss",
    "temperature_for_entropy",
    "triplet_loss",
    "unigram",
]
