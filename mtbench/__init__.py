"""Multi-task recommender benchmarks: `mtbench run suites/quickstart.yaml`.

Importing this package does not import TensorFlow.
"""

import os

# TensorFlow Recommenders works with Keras 2 only, and TensorFlow reads this when it is imported.
os.environ["TF_USE_LEGACY_KERAS"] = "1"

from typing import TYPE_CHECKING

from mtbench.data.dataset import Data, Side
from mtbench.data.encoding import Feature
from mtbench.data.interactions import Interactions
from mtbench.data.parts import Parts
from mtbench.metrics.metric import Metric
from mtbench.plugin.component import Component
from mtbench.plugin.dataset import Dataset
from mtbench.plugin.hooks import hookimpl
from mtbench.plugin.split import Split
from mtbench.plugin.task import Head, Task
from mtbench.plugin.tower import Features, Tower
from mtbench.plugin.weighting import GradientWeighting, GramianWeighting, LossWeighting, Weighting
from mtbench.records.tables import load_results, load_runs

from .errors import DataError, MtbenchError, PluginError, SealedError, SuiteError
from .version import __version__

if TYPE_CHECKING:
    from mtbench.plugin.batch import Batch as Batch
    from mtbench.plugin.view import TestView as TestView

__all__ = [
    "Component",
    "Data",
    "DataError",
    "Dataset",
    "Feature",
    "Features",
    "GradientWeighting",
    "GramianWeighting",
    "Head",
    "Interactions",
    "LossWeighting",
    "Metric",
    "MtbenchError",
    "Parts",
    "PluginError",
    "SealedError",
    "Side",
    "Split",
    "SuiteError",
    "Task",
    "Tower",
    "Weighting",
    "__version__",
    "hookimpl",
    "load_results",
    "load_runs",
]
