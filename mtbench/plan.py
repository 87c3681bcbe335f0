"""What a suite amounts to: its runs, each with an id made from all that decides its result."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from mtbench.plugin.dataset import Dataset
from mtbench.plugin.registry import Registry
from mtbench.plugin.run import Run
from mtbench.suite.suite import Suite

from .environment import num_threads
from .errors import DataError, Fault, SuiteError, did_you_mean
from .suite import sweep
from .version import __version__

ENGINE = ("tensorflow", "tf-keras", "tensorflow-recommenders", "numpy")
"""Packages whose version decides the bits of a result."""


def make_plan(suite: Suite, registry: Registry, scenarios: Sequence[str] = ()) -> tuple[Run, ...]:
    """List the runs of a suite, the seeds of a scenario one after the other.

    Args:
        suite: The suite.
        registry: Where its components come from.
        scenarios: Only these, by name or by that of a sweep; default: all.

    Raises:
        SuiteError: A scenario that the suite does not have.
    """
    known = {*suite.scenarios, *map(sweep.base, suite.scenarios)}
    for name in scenarios:
        if name not in known:
            message = f"unknown scenario{did_you_mean(name, sorted(known))}"
            raise SuiteError([Fault(f"--scenario {name}", "", message)])
    protocol = _protocol(suite, registry)
    protocol_id = _digest(protocol)
    runs = []
    for scenario in suite.scenarios.values():
        if scenarios and not {scenario.name, sweep.base(scenario.name)} & set(scenarios):
            continue
        weighting = registry.identity(scenario.weighting) if scenario.weighting else None
        decides = [protocol_id, scenario.name, scenario.tasks, weighting]
        runs += [
            Run(_digest([*decides, seed]), scenario, seed, protocol, protocol_id)
            for seed in suite.seeds
        ]
    return tuple(runs)


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
