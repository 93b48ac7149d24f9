"""Visual explainers: each answers one question with sliders, on real data."""

from ._explainer import Explainer
from ._style import COLORS, STYLE
from .accidental_hits import AccidentalHits
from .adaptive_temperature import AdaptiveTemperature
from .anchor_shares import AnchorShares
from .draws_and_push import DrawsAndPush
from .effective_margin import EffectiveMargin
from .entropy_speed import EntropySpeed
from .hit_probability import HitProbability
from .noise_target import NoiseTarget
from .pooled_proposal import PooledProposal
from .proposal_gradient import ProposalGradient
from .pull_and_push import PullAndPush
from .rare_class import RareClass
from .scheme_cost import SchemeCost
from .softmax_cost import SoftmaxCost
from .softmax_weights import SoftmaxWeights
from .threshold_growth import ThresholdGrowth
from .triplet_zones import TripletZones
from .unequal_negatives import UnequalNegatives

__all__ = [
    "COLORS",
    "STYLE",
    "AccidentalHits",
    "AdaptiveTemperature",
    "AnchorShares",
    "DrawsAndPush",
    "EffectiveMargin",
    "EntropySpeed",
    "Explainer",
    "HitProbability",
    "NoiseTarget",
    "PooledProposal",
    "ProposalGradient",
    "PullAndPush",
    "RareClass",
    "SchemeCost",
    "SoftmaxCost",
    "SoftmaxWeights",
    "ThresholdGrowth",
    "TripletZones",
    "UnequalNegatives",
]
