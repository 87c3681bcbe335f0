"""What the parts of a record have to say of each other, beyond the form of each."""

from __future__ import annotations

from collections.abc import Iterator

from .record import Record


def contradiction(record: Record) -> str | None:
    """The first thing of a record that no run leaves; None for one that is sound."""
    return next(_contradictions(record), None)


def _contradictions(record: Record) -> Iterator[str]:
    answer = record.answer
    for key, tasks in (
        ("answer.tasks", answer.tasks),
        ("metrics", record.metrics),
        ("metric_info", record.metric_info),
        ("floors", record.floors),
    ):
        for task in tasks:
            if "/" in task or not task:
                yield f"{key}: expected names of tasks, found {task!r}"
    if strange := [task for task in answer.trained_tasks if task not in answer.tasks]:
        yield f"answer.trained_tasks: expected tasks of the suite, found {strange[0]!r}"
    for task, listed in record.metric_info.items():
        names = [metric.name for metric in listed]
        if len(set(names)) < len(names):
            yield f"metric_info.{task}: expected each metric once, found {', '.join(names)}"
    if record.ok:
        yield from _of_results(record)
    for key in ("curve", "pretraining", "validation", "diagnostics"):
        if any(not isinstance(row.get("epoch"), int) for row in getattr(record, key)):
            yield f"{key}: expected the number of an epoch in each row"


def _of_results(record: Record) -> Iterator[str]:
    """The same of what a run has that went well."""
    for task in record.answer.trained_tasks:
        if not record.metrics.get(task):
            yield f"metrics: expected those of {task!r}, which was trained, found none"
    for task, listed in record.metric_info.items():
        for metric in listed:
            if metric.name not in record.metrics.get(task, {}):
                yield f"metrics: expected {task}/{metric.name}, which metric_info names, found none"
