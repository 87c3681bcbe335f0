"""What towers, heads and strategies are made of, in TensorFlow: the plugin author's workshop."""

from . import solvers
from .draws import Draws
from .features import FeatureTower, join, quantile_boundaries
from .histories import Histories
from .negatives import Sampler, chosen, repeated, unseen
from .networks import dense, mixture, mlp, parallel
from .ordinal import CumulativeLogits
from .rows import kept, labels_of, reduced
from .scores import DotScore, PairScore, squared_norm
from .softmax import full_softmax, in_batch_softmax, segment_log_softmax

__all__ = [
    "CumulativeLogits",
    "DotScore",
    "Draws",
    "FeatureTower",
    "Histories",
    "PairScore",
    "Sampler",
    "chosen",
    "dense",
    "full_softmax",
    "in_batch_softmax",
    "join",
    "kept",
    "labels_of",
    "mixture",
    "mlp",
    "parallel",
    "quantile_boundaries",
    "reduced",
    "repeated",
    "segment_log_softmax",
    "solvers",
    "squared_norm",
    "unseen",
]
