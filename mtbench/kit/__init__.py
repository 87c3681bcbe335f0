"""The plugin author's workshop: what towers, heads and strategies are made of, in TensorFlow.

And what baselines are made of, in NumPy and SciPy: `items.py` and `ridge.py`.
"""

from . import solvers
from .draws import Draws
from .features import FeatureTower, join, quantile_boundaries
from .histories import Histories
from .items import ItemScores, co_occurrences, keep_largest, zero_diagonal_weights
from .negatives import Sampler, chosen, repeated, unseen
from .networks import dense, mixture, mlp, parallel
from .ordinal import CumulativeLogits
from .prepared import Prepared, data_dir, in_reach
from .ridge import RowRidge
from .rows import kept, labels_of, reduced, weights_of, within
from .scores import DotScore, PairScore, squared_norm
from .softmax import full_softmax, in_batch_softmax, segment_log_softmax

__all__ = [
    "CumulativeLogits",
    "DotScore",
    "Draws",
    "FeatureTower",
    "Histories",
    "ItemScores",
    "PairScore",
    "Prepared",
    "RowRidge",
    "Sampler",
    "chosen",
    "co_occurrences",
    "data_dir",
    "dense",
    "full_softmax",
    "in_batch_softmax",
    "in_reach",
    "join",
    "keep_largest",
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
    "weights_of",
    "within",
    "zero_diagonal_weights",
]
