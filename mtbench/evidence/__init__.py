"""What the numbers of a suite allow one to say: results in, comparisons, Δm and fronts out."""

from mtbench.records.results import Metric, Results, Scenario

from .advice import MARGIN, Advice, advice
from .advice_words import advice_sentences, advice_values
from .changes import MIN_PAIRS
from .comparison import Comparison, compare_values, correct, interval_beyond
from .families import FIRST, RIVAL, SECOND, SINGLE, compare_scenarios, planned, with_best
from .formulas import assured_difference
from .front import Front, Objective, Point, Sweep, SweepStanding, pareto
from .labels import Transfer, label_sentences, transfers
from .multitask import DeltaM, Estimate, delta_m
from .pairs import TaskPair, pair_sentences, task_pairs
from .rivals import Standing, against_rivals
from .users import compare_scenarios_over_users, compare_users
from .words import (
    answer_sentences,
    basis,
    front_sentences,
    sentences,
    together_sentences,
    transfer_sentences,
)

__all__ = [
    "FIRST",
    "MARGIN",
    "MIN_PAIRS",
    "RIVAL",
    "SECOND",
    "SINGLE",
    "Advice",
    "Comparison",
    "DeltaM",
    "Estimate",
    "Front",
    "Metric",
    "Objective",
    "Point",
    "Results",
    "Scenario",
    "Standing",
    "Sweep",
    "SweepStanding",
    "TaskPair",
    "Transfer",
    "advice",
    "advice_sentences",
    "advice_values",
    "against_rivals",
    "answer_sentences",
    "assured_difference",
    "basis",
    "compare_scenarios",
    "compare_scenarios_over_users",
    "compare_users",
    "compare_values",
    "correct",
    "delta_m",
    "front_sentences",
    "interval_beyond",
    "label_sentences",
    "pair_sentences",
    "pareto",
    "planned",
    "sentences",
    "task_pairs",
    "together_sentences",
    "transfer_sentences",
    "transfers",
    "with_best",
]
