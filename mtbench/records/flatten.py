"""A record as flat keys and numbers, for trackers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from .record import Record


class Planned(Protocol):
    """What is asked here of a run that has yet to be done."""

    @property
    def suite(self) -> str:
        """Name of the suite."""

    @property
    def scenario(self) -> str:
        """Name of the scenario."""

    @property
    def seed(self) -> int:
        """The seed."""

    @property
    def question(self) -> Mapping[str, Any]:
        """What is asked."""

    @property
    def answer(self) -> Mapping[str, Any]:
        """What is tried."""


def settings(run: Planned) -> dict[str, str | int | float | bool]:
    """Return all that was chosen for a run, by dotted key: `train.optimizer.name`, `weighting`.

    A component's name stands under its place in the suite, its options below: `tasks.ranking` and
    `tasks.ranking.units`. What is neither text, number nor truth value is JSON text.
    """
    chosen = {
        "suite": run.suite,
        "scenario": run.scenario,
        "seed": run.seed,
        **run.question,
        **run.answer,
        "trained_tasks": ", ".join(run.answer["trained_tasks"]),
    }
    if chosen["weighting"] is None:
        del chosen["weighting"]
    return dict(_flat("", chosen))


def outcome(record: Record) -> dict[str, float]:
    """Return the numbers a run ended with, by `/`-separated key.

    `metrics/TASK/METRIC`, if it went well, `timings/…` (seconds and examples per second),
    `peak_memory_bytes` and `parameters`.
    """
    told = {
        "metrics": record.metrics if record.ok else None,
        "timings": record.timings,
        "peak_memory_bytes": record.peak_memory_bytes,
        "parameters": record.parameters,
    }
    return dict(_numbers("", told))


def diagnostics(record: Record) -> Iterator[tuple[int, dict[str, float]]]:
    """Yield each epoch, from 1, with what `Diagnostics.result` says of it.

    Keys: `weights/TASK`, and where gradients were formed `gradient_norms/TASK`, `norm_ratio`,
    `cosines/TASK|TASK` and `conflicts/TASK|TASK`; where steps were looked at `half_cosines/…`,
    `half_conflicts/…`, `norm_ratios/TASK|TASK` and `affinity/TASK>TASK`, of a step on the first for
    the second. Nothing for a run without a strategy.
    """
    for epoch in record.diagnostics:
        yield epoch["epoch"], dict(_numbers("", {k: v for k, v in epoch.items() if k != "epoch"}))


def _flat(key: str, value: Any) -> Iterator[tuple[str, str | int | float | bool]]:
    """The leaves of nested mappings, those of a component's identity under its name."""
    if isinstance(value, Mapping):
        if value.keys() == {"name", "options", "origin"}:
            yield key, value["name"]
            value = value["options"]
        for name, each in value.items():
            yield from _flat(f"{key}.{name}" if key else name, each)
    else:
        yield key, value if isinstance(value, str | int | float) else json.dumps(value)


def _numbers(key: str, value: Any) -> Iterator[tuple[str, float]]:
    """The numbers among the leaves of nested mappings."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _numbers(f"{key}/{name}" if key else name, each)
    elif value is not None:
        yield key, float(value)
