"""What the numbers of a suite allow one to say: results in, comparisons, Δm and fronts out."""

from mtbench.records.results import Metric, Results, Scenario

from .changes import MIN_PAIRS
from .comparison import Comparison, compare_values, correct
from .families import compare_scenarios
from .formulas import smallest_detectable
from .front import Front, Objective, Point, Standing, Sweep, pareto
from .labels import Transfer, label_sentences, transfers
from .multitask import DeltaM, Estimate, delta_m
from .shortfalls import Shortfall, against_baselines, shortfalls, strongest_baseline
from .users import compare_scenarios_over_users, compare_users
from .words import (
    front_sentences,
    hypervolume_sentence,
    sentences,
    shortfall_sentences,
    transfer_sentences,
)

__all__ = [
    "MIN_PAIRS",
    "Comparison",
    "DeltaM",
    "Estimate",
    "Front",
    "Metric",
    "Objective",
    "Point",
    "Results",
    "Scenario",
    "Shortfall",
    "Standing",
    "Sweep",
    "Transfer",
    "against_baselines",
    "compare_scenarios",
    "compare_scenarios_over_users",
    "compare_users",
    "compare_values",
    "correct",
    "delta_m",
    "front_sentences",
    "hypervolume_sentence",
    "label_sentences",
    "pareto",
    "sentences",
    "shortfall_sentences",
    "shortfalls",
    "smallest_detectable",
    "strongest_baseline",
    "transfer_sentences",
    "transfers",
]
