"""What decides a run's result, and the id that is made of it."""

from __future__ import annotations

import functools
import hashlib
import json
from importlib.metadata import version
from typing import Any

from mtbench.errors import DataError
from mtbench.plugin.dataset import Dataset
from mtbench.plugin.registry import Registry
from mtbench.suite.suite import Suite
from mtbench.version import __version__

from .environment import num_threads

ENGINE = ("tensorflow", "tf-keras", "tensorflow-recommenders", "numpy")
"""Packages whose version decides the bits of a result."""


def _protocol(suite: Suite, registry: Registry) -> dict[str, Any]:
    """Everything that the runs of a suite share and that decides their results."""
    identity = registry.identity
    return {
        "suite": suite.name,
        "dataset": identity(suite.dataset),
        "content": _content(suite.dataset),
        "stands_in_for": suite.stands_in_for,
        "split": identity(suite.split),
        "towers": {side: identity(tower) for side, tower in suite.towers.items()},
        "tasks": {name: identity(task) for name, task in suite.tasks.items()},
        "task_order": list(suite.tasks),  # heads draw their initial weights in this order
        "train": suite.train.model_dump(mode="json"),
        "evaluate_on": suite.evaluate_on,
        "engine": engine(),
    }


def _content(dataset: Dataset) -> str | None:
    """The digest of a dataset's files; None where they cannot be read, which a run will tell."""
    try:
        return dataset.content()
    except DataError:
        return None


@functools.cache
def engine() -> dict[str, Any]:
    """Return what decides the bits besides the suite: versions and number of threads."""
    versions = {name: version(name) for name in ENGINE}
    return {"mtbench": __version__, **versions, "threads": num_threads()}


def _digest(value: Any) -> str:
    """A short digest of a JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
