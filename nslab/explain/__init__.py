"""Visual explainers: each answers one question with sliders, on real data."""

try:
    from ._base import Control, Explainer, decade_grid, integer_grid, linear_grid, log_grid
except ModuleNotFoundError as missing:
    raise ImportError(f'nslab.explain needs {missing.name}: pip install "nslab[course]"') from missing
from ._base.palette import COLORS, STYLE
from .accidental_hits import AccidentalHits
from .adaptive_temperature import AdaptiveTemperature
from .alias_build import AliasBuild
from .alias_darts import AliasDarts
from .anchor_shares import AnchorShares
from .contiguous_match import ContiguousMatch
from .debiased_push import DebiasedPush
from .draws_and_push import DrawsAndPush
from .effective_margin import EffectiveMargin
from .entropy_speed import EntropySpeed
from .evaluation_negatives import EvaluationNegatives
from .exclusion_mass import ExclusionMass
from .false_negative_cap import FalseNegativeCap
from .hit_probability import HitProbability
from .loss_family import LossFamily
from .mined_neighbours import MinedNeighbours
from .motif_weights import MotifWeights
from .noise_race import NoiseRace
from .noise_target import NoiseTarget
from .pair_matrix import PairMatrix
from .pair_scores import PairScores
from .pooled_proposal import PooledProposal
from .proposal_gradient import ProposalGradient
from .pull_and_push import PullAndPush
from .random_bits import RandomBits
from .rare_class import RareClass
from .row_neighbours import RowNeighbours
from .sampled_metric import SampledMetric
from .scheme_cost import SchemeCost
from .softmax_weights import SoftmaxWeights
from .table_training import TableTraining
from .threshold_growth import ThresholdGrowth
from .title_list import TitleList
from .triplet_zones import TripletZones
from .word_veto import WordVeto
from .your_curve import your_curve

__all__ = [
    "COLORS",
    "STYLE",
    "AccidentalHits",
    "AdaptiveTemperature",
    "AliasBuild",
    "AliasDarts",
    "AnchorShares",
    "ContiguousMatch",
    "Control",
    "DebiasedPush",
    "DrawsAndPush",
    "EffectiveMargin",
    "EntropySpeed",
    "EvaluationNegatives",
    "ExclusionMass",
    "Explainer",
    "FalseNegativeCap",
    "HitProbability",
    "LossFamily",
    "MinedNeighbours",
    "MotifWeights",
    "NoiseRace",
    "NoiseTarget",
    "PairMatrix",
    "PairScores",
    "PooledProposal",
    "ProposalGradient",
    "PullAndPush",
    "RandomBits",
    "RareClass",
    "RowNeighbours",
    "SampledMetric",
    "SchemeCost",
    "SoftmaxWeights",
    "TableTraining",
    "ThresholdGrowth",
    "TitleList",
    "TripletZones",
    "WordVeto",
    "decade_grid",
    "integer_grid",
    "linear_grid",
    "log_grid",
    "your_curve",
]
