"""What a folder of results measured, by scenario and seed: the form two of them are compared in."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtbench.errors import RecordError

from . import store as records
from .current import current, newest

Record = Mapping[str, Any]
BySeed = dict[int, float]


@dataclass(frozen=True)
class Series:
    """What the runs of a scenario measured that went well."""

    definition: dict[str, Any]
    """`tasks`, the trained ones, and `weighting` with its options and origin."""
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

    def trains(self, metric: str) -> bool:
        """Whether a `task/metric` is of a trained task; of another it says nothing of the code."""
        return metric.partition("/")[0] in self.definition["tasks"]


@dataclass(frozen=True)
class Measured:
    """What the runs of a suite measured."""

    name: str
    """What messages call it."""
    suite: str
    protocol: dict[str, Any]
    environment: dict[str, Any]
    data: dict[str, Any]
    """`fingerprint`, `source`, and the numbers of queries, candidates and interactions."""
    higher_is_better: dict[str, bool]
    """By `task/metric`."""
    headline: list[str]
    """The `task/metric` a suite is judged by."""
    series: dict[str, Series]
    """By scenario, in the order of the records; those with a run that failed, too."""
    problems: list[str]
    """A line for each record that was left out."""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON types; `from_json` is the way back."""
        from pydantic import TypeAdapter  # noqa: PLC0415

        return dict(TypeAdapter(Measured).dump_python(self, mode="json"))


def from_json(value: Any, where: str) -> Measured:
    """Make what `Measured.to_json` returned.

    Args:
        value: JSON types.
        where: What a message calls them.

    Raises:
        RecordError: They are nothing of the kind.
    """
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415

    try:
        return TypeAdapter(Measured).validate_json(json.dumps(value))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise RecordError(
            f"{where}: is not what mtbench measured: {key}: {first['msg']}"
        ) from error


def load(folder: Path) -> Measured:
    """Read a folder of results; what is no record of its suite is a line in `problems`.

    As in a report, see `current.current`, those of its newest protocol count.

    Raises:
        RecordError: The folder is absent, or has no record of a run that went well.
    """
    found, problems = records.read_folder(folder)
    sound: list[Record] = []
    for record in found:
        reason = _unsound(record)
        if reason:
            path = records.path_of(folder, str(record["run_id"]))
            problems.append(f"{path}: is not the record of a run: {reason}")
        else:
            sound.append(record)
    return measure(sound, str(folder), problems)


def measure(found: Sequence[Record], name: str, problems: Sequence[str] = ()) -> Measured:
    """Take from the records of one suite what is compared.

    Args:
        found: The records.
        name: What messages call them.
        problems: Lines to begin with.

    Raises:
        RecordError: None of them is of a run that went well.
    """
    used, left_out = current(found) if found else ([], [])
    lines = [*problems, *(f"{name}: {line}" for line in left_out)]
    good = [record for record in used if record["status"] == "ok"]
    if not good:
        raise RecordError("\n".join([f"{name}: has no run that went well", *lines]))
    last = newest(good)
    definitions = {record["scenario"]: _definition(record) for record in used}
    info = {
        f"{task}/{metric['name']}": metric
        for task, listed in last["metric_info"].items()
        for metric in listed
    }
    return Measured(
        name,
        last["suite"],
        dict(last["protocol"]),
        dict(last["environment"]),
        {key: value for key, value in last["data"].items() if key != "stands_in_for"},
        {key: metric["higher_is_better"] for key, metric in info.items()},
        [key for key, metric in info.items() if metric["headline"]],
        {key: _series(key, used, definition) for key, definition in definitions.items()},
        lines,
    )


def _unsound(record: Record) -> str | None:
    """Say what keeps a record from being measured, though it has the keys of one."""
    try:
        if record["status"] == "ok":
            measure([record], "")
        else:
            _definition(record), _failure(record)
    except (KeyError, TypeError, AttributeError, ValueError, ZeroDivisionError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def _definition(record: Record) -> dict[str, Any]:
    return {"tasks": list(record["trained_tasks"]), "weighting": record["weighting"]}


def _failure(record: Record) -> str:
    return " ".join(f"{record['error']['type']}: {record['error']['message']}".split())


def _series(scenario: str, used: Sequence[Record], definition: dict[str, Any]) -> Series:
    """Take what a scenario's runs measured."""
    own = {r["seed"]: r for r in used if r["scenario"] == scenario}
    good = {seed: own[seed] for seed in sorted(own) if own[seed]["status"] == "ok"}
    metrics: dict[str, BySeed] = {}
    for seed, record in good.items():
        for task, values in record["metrics"].items():
            for name, value in values.items():
                metrics.setdefault(f"{task}/{name}", {})[seed] = _finite(value)
    rates = {seed: r["timings"]["train_examples_per_s"] for seed, r in good.items()}
    # None for a run of one step, absent from records made before there was a reference workload
    steps = {seed: r["timings"].get("step_per_reference") for seed, r in good.items()}
    return Series(
        definition,
        metrics,
        {seed: _finite(rate) for seed, rate in rates.items() if rate},
        {seed: _finite(time) for seed, time in steps.items() if time},
        {seed: _finite(peak) for seed, r in good.items() if (peak := r["peak_memory_bytes"])},
        {seed: _failure(r) for seed, r in own.items() if r["status"] != "ok"},
    )


def _finite(value: Any) -> float:
    """A number as float.

    Raises:
        ValueError: It is none, or not finite.
    """
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"expected a finite number, found {value}")
    return number
