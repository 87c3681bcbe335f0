"""Columns of results, each declared once: for `tables`, and of numbers for every report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from .current import metrics_of
from .differing import changes, changes_text
from .record import MetricInfo, Record

TEXT, WHOLE, NUMBER, TRUTH = "string", "int64", "float64", "bool"
COLUMNS = {
    "suite": TEXT,
    "kind": TEXT,
    "name": TEXT,
    "weighting": TEXT,
    "changes": TEXT,
    "seed": WHOLE,
    "status": TEXT,
    "task": TEXT,
    "trained": TRUTH,
    "metric": TEXT,
    "headline": TRUTH,
    "higher_is_better": TRUTH,
    "value": NUMBER,
    "synthetic": TRUTH,
    "run_id": TEXT,
    "question_id": TEXT,
}
"""Columns of `load_results`, which documents them, and their Arrow types."""


@dataclass(frozen=True)
class Heading:
    """How reports show a number: in tables of costs, and in CSV and JSON by its key."""

    label: str
    place: int = 99
    """Order among the columns of costs."""
    better: Literal["higher", "lower"] = "lower"
    digits: int = 0
    """Decimals."""
    factor: float = 1.0
    """From the record's unit to that of the label."""
    varies: bool = True
    """Whether it is another for every seed: then a spread is shown with it."""
    short: bool = False
    """Whether the short table has it too."""


@dataclass(frozen=True)
class Number:
    """A number that a run has besides its metrics; None where it is not known."""

    key: str
    read: Callable[[Record], float | None]
    type: str = NUMBER
    heading: Heading | None = None
    """None for one that `load_runs` alone has."""


def _timing(key: str, heading: Heading | None = None) -> Number:
    return Number(key, lambda record: record.timings.get(key), heading=heading)


NUMBERS = (
    _timing("run_s", Heading("s a run", 3, digits=2, short=True)),
    _timing("import_s"),
    _timing("data_s"),
    _timing("build_s"),
    _timing("trace_s"),
    _timing("train_s"),
    _timing("step_per_reference", Heading("step/ref.", 0, digits=2, short=True)),
    _timing("train_examples_per_s", Heading("train ex/s", 1, "higher")),
    _timing("cpu_s"),
    _timing("step_cpu_s"),
    Number("workers_on_node", lambda record: record.workers_on_node, WHOLE),
    _timing("evaluate_s"),
    _timing("evaluate_examples_per_s", Heading("evaluate ex/s", 2, "higher")),
    Number(
        "peak_memory_bytes",
        lambda record: record.peak_memory_bytes,
        WHOLE,
        Heading("peak MB", 4, factor=1e-6),
    ),
    Number(
        "parameters",
        lambda record: record.parameters,
        heading=Heading("parameters", 5, varies=False),
    ),
)
"""In the order of `load_runs`."""
COSTS: tuple[tuple[Number, Heading], ...] = tuple(
    sorted(
        ((number, number.heading) for number in NUMBERS if number.heading),
        key=lambda cost: cost[1].place,
    )
)
"""Those that reports show, in their order."""

ENGINE = ("mtbench", "tensorflow", "tf-keras", "tensorflow-recommenders", "numpy")
RUN_COLUMNS = {
    **dict.fromkeys(("suite", "kind", "scenario", "trained_tasks", "weighting", "options"), TEXT),
    "changes": TEXT,
    "seed": WHOLE,
    "status": TEXT,
    "error": TEXT,
    "started": "timestamp",
    **{number.key: number.type for number in NUMBERS},
    **dict.fromkeys(("train_rows", "test_rows"), NUMBER),
    **dict.fromkeys(("data", "stands_in_for", "data_fingerprint"), TEXT),
    **dict.fromkeys(("platform", "python", "cpu"), TEXT),
    "threads": WHOLE,
    **dict.fromkeys(ENGINE, TEXT),
    **dict.fromkeys(("run_id", "question_id"), TEXT),
}
"""Columns of `load_runs`, which documents them, and their Arrow types."""


def metric_rows(records: Sequence[Record]) -> Iterator[dict[str, Any]]:
    """Yield the rows of `load_results` for records."""
    examples, changed = _examples(records), _changes(records)
    for record in sorted(records, key=lambda record: record.kind == "baseline"):
        example, told = examples[record.question_id]
        trained, weighting = record.answer.trained_tasks, record.answer.weighting
        about = {
            "kind": record.kind,
            "name": record.scenario,
            "weighting": weighting and weighting.name,
            "changes": changed[id(record)],
            "status": record.status,
            "run_id": record.run_id,
        }
        for task, metric, row in _metrics(record, example, told):
            value = record.metrics.get(task, {}).get(metric) if record.ok else None
            if record.kind == "scenario" or task in trained:
                yield row | about | {"trained": task in trained, "value": value}
    for record, task in _splits(records):
        for _, metric, row in _metrics(record, record, {task: record.metric_info[task]}):
            for floor, values in record.floors.get(task, {}).items():
                row |= {"kind": "floor", "name": floor, "status": "ok", "trained": False}
                yield row | {"value": values.get(metric)}


def _examples(
    records: Sequence[Record],
) -> dict[str, tuple[Record, dict[str, tuple[MetricInfo, ...]]]]:
    """By question, a record that knows its data where one does, and all metrics that are told."""
    by_question: dict[str, list[Record]] = {}
    for record in records:
        by_question.setdefault(record.question_id, []).append(record)
    return {
        question: (next((one for one in same[::-1] if one.data), same[-1]), metrics_of(same))
        for question, same in by_question.items()
    }


def _splits(records: Sequence[Record]) -> list[tuple[Record, str]]:
    """Each split's tasks, with a record that tells their floors, a scenario's before others."""
    splits: dict[tuple[str, int, str], Record] = {}
    good = [record for record in records if record.ok]
    for record in sorted(good, key=lambda record: record.kind == "baseline"):
        for task in record.metric_info:
            key = record.question_id, record.seed, task
            if record.kind == "scenario" or key not in splits:
                splits[key] = record
    return [(record, task) for (_, _, task), record in splits.items()]


def _changes(records: Sequence[Record]) -> dict[int, str | None]:
    """By a record's `id`, what its scenario changed among the scenarios of its question."""
    texts: dict[int, str | None] = {id(record): None for record in records}
    for question in {record.question_id for record in records}:
        same = [r for r in records if r.question_id == question and r.kind == "scenario"]
        arms = {(r.scenario, json.dumps(r.answer.model_dump())): r.answer for r in same}
        told = dict(zip(arms, changes([(n, a) for (n, _), a in arms.items()]), strict=True))
        for r in same:
            text = changes_text(told[r.scenario, json.dumps(r.answer.model_dump())])
            texts[id(r)] = text or None
    return texts


def _metrics(
    record: Record, example: Record, told: Mapping[str, Sequence[MetricInfo]]
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each task and metric that is told, with what any row of `record` says of it."""
    row = {"suite": record.suite, "seed": record.seed, "question_id": record.question_id}
    row["synthetic"] = example.data and example.data.synthetic
    for task, metrics in told.items():
        for metric in metrics:
            yield task, metric.name, row | _about(metric) | {"task": task}


def _about(metric: MetricInfo) -> dict[str, Any]:
    return {
        "metric": metric.name,
        "headline": metric.headline,
        "higher_is_better": metric.higher_is_better,
    }


def run_rows(records: Sequence[Record]) -> Iterator[dict[str, Any]]:
    """Yield the rows of `load_runs` for records."""
    changed = _changes(records)
    for record in records:
        weighting, data, environment = record.answer.weighting, record.data, record.environment
        engine, chosen = record.question.engine, weighting or record.answer.baseline
        yield {
            "suite": record.suite,
            "kind": record.kind,
            "scenario": record.scenario,
            "trained_tasks": ", ".join(record.answer.trained_tasks),
            "weighting": weighting and weighting.name,
            "options": chosen and json.dumps(chosen.options),
            "changes": changed[id(record)],
            "seed": record.seed,
            "status": record.status,
            "error": record.error and str(record.error),
            "started": datetime.fromisoformat(record.started),
            **{number.key: number.read(record) for number in NUMBERS},
            "train_rows": data and data.train,
            "test_rows": data and data.test,
            "data": data and data.source,
            "data_fingerprint": data and data.fingerprint,
            "stands_in_for": record.question.stands_in_for,
            "platform": environment.platform,
            "python": environment.python,
            "cpu": environment.cpu,
            "threads": engine.threads,
            **{key: engine.versions.get(key) for key in ENGINE},
            "run_id": record.run_id,
            "question_id": record.question_id,
        }
