"""Multi-task recommender benchmarks: `mtbench run suites/quickstart.yaml`.

Importing this package does not import TensorFlow.
"""

import os

# TensorFlow Recommenders works with Keras 2 only, and TensorFlow reads this when it is imported.
os.environ["TF_USE_LEGACY_KERAS"] = "1"

from typing import TYPE_CHECKING

from .components import (
    Component,
    Dataset,
    Features,
    GradientWeighting,
    GramianWeighting,
    Head,
    LossWeighting,
    Metric,
    Split,
    Task,
    Tower,
    Weighting,
)
from .data import Data, Interactions, Side
from .errors import DataError, MtbenchError, PluginError, SuiteError
from .hookspecs import hookimpl
from .tables import load_results, load_runs

if TYPE_CHECKING:
    from .batch import Batch as Batch
    from .evaluation import TestView as TestView

__version__ = "0.1.0"

__all__ = [
    "Component",
    "Data",
    "DataError",
    "Dataset",
    "Features",
    "GradientWeighting",
    "GramianWeighting",
    "Head",
    "Interactions",
    "LossWeighting",
    "Metric",
    "MtbenchError",
    "PluginError",
    "Side",
    "Split",
    "SuiteError",
    "Task",
    "Tower",
    "Weighting",
    "hookimpl",
    "load_results",
    "load_runs",
]
