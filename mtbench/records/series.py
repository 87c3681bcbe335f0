"""What a folder of results measured, by arm and seed: the form two of them are compared in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mtbench.errors import RecordError

from .current import newest
from .differing import Changes
from .record import Answer, Data, Environment, Question
from .results import Results, Scenario
from .upgrade import halves

BySeed = dict[int, float]


@dataclass(frozen=True)
class Series:
    """What the runs of a scenario, or of a baseline, measured that went well."""

    answer: Answer
    metrics: dict[str, BySeed]
    """By `task/metric`."""
    examples_per_s: BySeed
    """Training throughput as the clock has it."""
    step_time: BySeed
    """Seconds of a training step in those of the reference workload beside it; no unit."""
    memory: BySeed
    """Peak of the process, bytes."""
    failed: dict[int, str]
    """By seed, the error of a run that failed."""
    workers: int = 1
    """The most that one machine had at once: times beside others are not those alone."""
    changes: Changes = field(default_factory=dict)
    """By dotted path, what a scenario did otherwise than most of its folder."""

    def trains(self, metric: str) -> bool:
        """Whether a `task/metric` is of a trained task; of another it says nothing of the code."""
        return metric.partition("/")[0] in self.answer.trained_tasks


@dataclass(frozen=True)
class Measured:
    """What the runs of a suite measured."""

    name: str
    """What messages call it."""
    suite: str
    question: Question
    environment: Environment
    data: Data
    higher_is_better: dict[str, bool]
    """By `task/metric`."""
    headline: list[str]
    """The `task/metric` a suite is judged by."""
    series: dict[str, Series]
    """By scenario, then by baseline, in the order of the records; those with a run that failed,
    too."""
    problems: list[str]
    """A line for each record that was left out."""
    notes: tuple[str, ...] = ()
    """What else there is to know; see `Results.notes`."""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON types; `from_json` is the way back."""
        from pydantic import TypeAdapter  # noqa: PLC0415

        return dict(TypeAdapter(Measured).dump_python(self, mode="json"))


def from_json(value: Any, where: str) -> Measured:
    """Make what `Measured.to_json` returned, today or when records were of schema 1.

    Args:
        value: JSON types.
        where: What a message calls them.

    Raises:
        RecordError: They are nothing of the kind.
    """
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415

    try:
        return TypeAdapter(Measured).validate_json(json.dumps(_upgraded(value)))
    except (KeyError, TypeError, AttributeError) as error:
        raise RecordError(f"{where}: is not what mtbench measured: it lacks {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise RecordError(
            f"{where}: is not what mtbench measured: {key}: {first['msg']}"
        ) from error


def _upgraded(value: Any) -> Any:
    """What was measured when a protocol held what question and answers hold today."""
    if not isinstance(value, Mapping) or "protocol" not in value:
        return value
    question, _ = halves(value["protocol"], {})
    series = {}
    for name, measured in value["series"].items():
        tasks, weighting = (measured["definition"][key] for key in ("tasks", "weighting"))
        tried = {"trained_tasks": tasks, "weighting": weighting}
        series[name] = {**measured, "answer": halves(value["protocol"], tried)[1]}
    return {**value, "question": question, "series": series}


def load(folder: Path) -> Measured:
    """Read a folder of results; what is no record of its suite is a line in `problems`.

    Raises:
        RecordError: The folder is absent, or has no record of a run that went well.
    """
    return measure(Results.read(folder), str(folder))


def measure(results: Results, name: str) -> Measured:
    """Take from the results of a suite what is compared.

    Args:
        results: The results.
        name: What messages call them.

    Raises:
        RecordError: No run went well.
    """
    lines = [*results.problems, *(f"{name}: {line}" for line in results.left_out)]
    last = newest(results.done) if results.done else None
    if last is None or last.data is None:
        raise RecordError("\n".join([f"{name}: has no run that went well", *lines]))
    return Measured(
        name,
        last.suite,
        last.question,
        last.environment,
        last.data,
        {metric.key: metric.higher_is_better for metric in results.metrics},
        [metric.key for metric in results.metrics if metric.headline],
        {name: _series(arm, results.changes[name]) for name, arm in results.scenarios.items()}
        | {
            f"baseline {name}" if name in results.scenarios else name: _series(arm, {})
            for name, arm in results.baselines.items()
        },
        lines,
        tuple(f"{name}: {note}" for note in results.notes),
    )


def _series(scenario: Scenario, changes: Changes) -> Series:
    """Take what the runs of a scenario or baseline measured."""
    metrics: dict[str, BySeed] = {}
    for seed, record in scenario.runs.items():
        for task, values in record.metrics.items():
            for metric, value in values.items():
                metrics.setdefault(f"{task}/{metric}", {})[seed] = value
    return Series(
        scenario.answer,
        metrics,
        _timings(scenario, "train_examples_per_s"),
        _timings(scenario, "step_per_reference"),  # None for a run of one step
        {
            seed: float(record.peak_memory_bytes)
            for seed, record in scenario.runs.items()
            if record.peak_memory_bytes
        },
        {seed: record.error.line for seed, record in scenario.failed.items() if record.error},
        max((record.workers_on_node for record in scenario.runs.values()), default=1),
        changes,
    )


def _timings(scenario: Scenario, key: str) -> BySeed:
    """A timing by seed, of the runs that have it."""
    return {
        seed: value
        for seed, record in scenario.runs.items()
        if (value := record.timings.get(key)) is not None and value
    }
