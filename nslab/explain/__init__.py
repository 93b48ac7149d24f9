"""Visual explainers: each answers one question with sliders, on real data."""

try:
    from nslab.explain._base import Control, Explainer, decade_grid, integer_grid, linear_grid, log_grid
except ModuleNotFoundError as missing:
    raise ImportError(f'nslab.explain needs {missing.name}: pip install "nslab[course]"') from missing
from nslab.explain._base.palette import COLORS, STYLE
from nslab.explain.accidental_hits import AccidentalHits
from nslab.explain.adaptive_temperature import AdaptiveTemperature
from nslab.explain.alias_build import AliasBuild
from nslab.explain.alias_darts import AliasDarts
from nslab.explain.anchor_shares import AnchorShares
from nslab.explain.contiguous_match import ContiguousMatch
from nslab.explain.debiased_push import DebiasedPush
from nslab.explain.draws_and_push import DrawsAndPush
from nslab.explain.effective_margin import EffectiveMargin
from nslab.explain.entropy_speed import EntropySpeed
from nslab.explain.evaluation_negatives import EvaluationNegatives
from nslab.explain.exclusion_mass import ExclusionMass
from nslab.explain.false_negative_cap import FalseNegativeCap
from nslab.explain.hit_probability import HitProbability
from nslab.explain.loss_family import LossFamily
from nslab.explain.mined_neighbours import MinedNeighbours
from nslab.explain.motif_weights import MotifWeights
from nslab.explain.noise_race import NoiseRace
from nslab.explain.noise_target import NoiseTarget
from nslab.explain.pair_matrix import PairMatrix
from nslab.explain.pair_scores import PairScores
from nslab.explain.pooled_proposal import PooledProposal
from nslab.explain.proposal_gradient import ProposalGradient
from nslab.explain.pull_and_push import PullAndPush
from nslab.explain.random_bits import RandomBits
from nslab.explain.rare_class import RareClass
from nslab.explain.row_neighbours import RowNeighbours
from nslab.explain.sampled_metric import SampledMetric
from nslab.explain.scheme_cost import SchemeCost
from nslab.explain.softmax_weights import SoftmaxWeights
from nslab.explain.table_training import TableTraining
from nslab.explain.threshold_growth import ThresholdGrowth
from nslab.explain.title_list import TitleList
from nslab.explain.triplet_zones import TripletZones
from nslab.explain.word_veto import WordVeto
from nslab.explain.your_curve import your_curve

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
