"""Multi-task recommender benchmarks: `mtbench run suites/quickstart.yaml`.

What is here is for users, who run suites and read results, and for authors of plugins. Authors find
more in `mtbench.data`, `mtbench.metrics`, `mtbench.kit` and `mtbench.testing`. All else may move.

Importing this package imports nothing but itself: a name is brought in when it is first used.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

# TensorFlow Recommenders works with Keras 2 only, and TensorFlow reads this when it is imported.
os.environ["TF_USE_LEGACY_KERAS"] = "1"

if TYPE_CHECKING:
    from .api.results import Advice as Advice
    from .api.results import Results as Results
    from .api.running import advise as advise
    from .api.running import load_suite as load_suite
    from .api.running import run as run
    from .config.options import Options as Options
    from .config.options import SuitePath as SuitePath
    from .data.dataset import Data as Data
    from .data.dataset import Side as Side
    from .data.encoding import Feature as Feature
    from .data.interactions import Interactions as Interactions
    from .data.parts import Parts as Parts
    from .errors import DataError as DataError
    from .errors import MtbenchError as MtbenchError
    from .errors import PluginError as PluginError
    from .errors import RecordError as RecordError
    from .errors import SealedError as SealedError
    from .errors import SuiteError as SuiteError
    from .errors import did_you_mean as did_you_mean
    from .extras import require as require
    from .metrics.metric import Metric as Metric
    from .plugin.baseline import Baseline as Baseline
    from .plugin.baseline import Fitted as Fitted
    from .plugin.batch import Batch as Batch
    from .plugin.batch import Embedded as Embedded
    from .plugin.batch import Reading as Reading
    from .plugin.component import Component as Component
    from .plugin.dataset import Dataset as Dataset
    from .plugin.executor import Event as Event
    from .plugin.executor import Executor as Executor
    from .plugin.executor import Job as Job
    from .plugin.executor import Work as Work
    from .plugin.hooks import hookimpl as hookimpl
    from .plugin.observer import Observer as Observer
    from .plugin.reads import Read as Read
    from .plugin.run import Run as Run
    from .plugin.split import Split as Split
    from .plugin.task import Head as Head
    from .plugin.task import Task as Task
    from .plugin.tower import Features as Features
    from .plugin.tower import Tower as Tower
    from .plugin.view import ScoredPart as ScoredPart
    from .plugin.view import TestView as TestView
    from .plugin.weighting import Ahead as Ahead
    from .plugin.weighting import BatchesWeighting as BatchesWeighting
    from .plugin.weighting import GradientWeighting as GradientWeighting
    from .plugin.weighting import GramianWeighting as GramianWeighting
    from .plugin.weighting import LossWeighting as LossWeighting
    from .plugin.weighting import Weighting as Weighting
    from .records import flatten as flatten
    from .records.record import Record as Record
    from .records.store import prepare_folder as prepare_folder
    from .records.tables import load_results as load_results
    from .records.tables import load_runs as load_runs
    from .runs.saved import SavedModel as SavedModel
    from .runs.saved import load_model as load_model
    from .version import __version__ as __version__

_HOMES = {
    "config.options": ("Options", "SuitePath"),
    "data.dataset": ("Data", "Side"),
    "data.encoding": ("Feature",),
    "data.interactions": ("Interactions",),
    "data.parts": ("Parts",),
    "errors": (
        *("DataError", "MtbenchError", "PluginError", "RecordError", "SealedError", "SuiteError"),
        "did_you_mean",
    ),
    "extras": ("require",),
    "metrics.metric": ("Metric",),
    "plugin.baseline": ("Baseline", "Fitted"),
    "plugin.batch": ("Batch", "Embedded", "Reading"),
    "plugin.component": ("Component",),
    "plugin.dataset": ("Dataset",),
    "plugin.executor": ("Event", "Executor", "Job", "Work"),
    "plugin.hooks": ("hookimpl",),
    "plugin.observer": ("Observer",),
    "plugin.reads": ("Read",),
    "plugin.run": ("Run",),
    "plugin.split": ("Split",),
    "plugin.task": ("Head", "Task"),
    "plugin.tower": ("Features", "Tower"),
    "plugin.view": ("ScoredPart", "TestView"),
    "plugin.weighting": (
        *("Ahead", "BatchesWeighting", "GradientWeighting", "GramianWeighting", "LossWeighting"),
        "Weighting",
    ),
    "records.flatten": ("flatten",),  # the module itself
    "records.record": ("Record",),
    "records.store": ("prepare_folder",),
    "records.tables": ("load_results", "load_runs"),
    "api.results": ("Advice", "Results"),
    "api.running": ("advise", "load_suite", "run"),
    "runs.saved": ("SavedModel", "load_model"),
    "version": ("__version__",),
}
"""Where each name lives."""
_MODULES = {name: module for module, names in _HOMES.items() for name in names}
__all__ = sorted(_MODULES)  # noqa: PLE0605 - ruff wants a literal, and one list is enough


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = importlib.import_module(f"{__name__}.{_MODULES[name]}")
    value = home if name == "flatten" else getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
