"""Visual explainers: each answers one question with sliders, on real data."""

from ._explainer import Explainer
from ._style import COLORS, STYLE
from .adaptive_temperature import AdaptiveTemperature
from .entropy_speed import EntropySpeed
from .softmax_weights import SoftmaxWeights

__all__ = [
    "COLORS",
    "STYLE",
    "AdaptiveTemperature",
    "EntropySpeed",
    "Explainer",
    "SoftmaxWeights",
]
