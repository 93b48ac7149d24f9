"""Visual explainers: each answers one question with sliders, on real data."""

from ._explainer import Explainer
from ._style import COLORS, STYLE
from .softmax_weights import SoftmaxWeights

__all__ = [
    "COLORS",
    "STYLE",
    "Explainer",
    "SoftmaxWeights",
]
