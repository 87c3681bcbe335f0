"""Numbers about predictions and ranked catalogues: exact, in NumPy, with floors and chance."""

from . import lists, predictions
from .catalogue import MEASURES_HELP, Lists, ListScores, Measure
from .floors import bias_logits, bias_predictions, positive_rate
from .metric import Metric
from .places import Score, dot_product, rank
from .predictions import defined, mae, mean_by_query, rmse
from .rankings import SeenRule
from .seen import Seen, queries_of
from .slices import SLICES, Slice, in_parts

__all__ = [
    "MEASURES_HELP",
    "SLICES",
    "ListScores",
    "Lists",
    "Measure",
    "Metric",
    "Score",
    "Seen",
    "SeenRule",
    "Slice",
    "bias_logits",
    "bias_predictions",
    "defined",
    "dot_product",
    "in_parts",
    "lists",
    "mae",
    "mean_by_query",
    "positive_rate",
    "predictions",
    "queries_of",
    "rank",
    "rmse",
]
