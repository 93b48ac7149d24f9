"""Visual explainers: each answers one question with sliders, on real data."""

from ._explainer import Explainer
from ._style import COLORS, STYLE
from .adaptive_temperature import AdaptiveTemperature
from .anchor_shares import AnchorShares
from .effective_margin import EffectiveMargin
from .entropy_speed import EntropySpeed
from .hit_probability import HitProbability
from .softmax_weights import SoftmaxWeights
from .threshold_growth import ThresholdGrowth
from .triplet_zones import TripletZones
from .unequal_negatives import UnequalNegatives

__all__ = [
    "COLORS",
    "STYLE",
    "AdaptiveTemperature",
    "AnchorShares",
    "EffectiveMargin",
    "EntropySpeed",
    "Explainer",
    "HitProbability",
    "SoftmaxWeights",
    "ThresholdGrowth",
    "TripletZones",
    "UnequalNegatives",
]
