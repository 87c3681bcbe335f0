"""The records of a folder that count: one choice for reports, evidence, tables and gates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from mtbench.text import counted

from .asked import Version
from .record import Answer, MetricInfo, Record


def newest(records: Sequence[Record]) -> Record:
    """The record of the run that was started last, which says what is reported."""
    return max(records, key=_started)


def _started(record: Record) -> tuple[bool, str]:
    """When it was started; what a wrong clock put into the future comes before all others."""
    return record.started <= _tomorrow(), record.started


def _tomorrow() -> str:
    """A day from now, UTC: clocks of machines differ, and zones of old records may."""
    return (datetime.now(UTC) + timedelta(days=1)).isoformat()


def _key(record: Record) -> tuple[str, str]:
    return record.kind, record.scenario


def current(
    records: Sequence[Record], version: Version | None = None
) -> tuple[list[Record], list[str]]:
    """Choose the records that count, of those of a suite.

    They are of one question (data, split, metrics, version of mtbench and of TensorFlow, number of
    threads) and data, and of their scenarios one answer: those of a version, or else the newest.
    Of two records of one run the later one counts.

    Args:
        records: At least one, in any order.
        version: What they are to be of; default: the newest.

    Returns:
        Those that count, in the order given, and a line that counts the others where there are any.
    """
    question = newest(records).question_id
    same = [r for r in records if (version.allows(r) if version else r.question_id == question)]
    same.sort(key=_started)
    prints = [record.fingerprint for record in same if record.fingerprint]
    same = [record for record in same if record.fingerprint in (None, *prints[-1:])]
    answers: dict[tuple[str, str], Answer] = {_key(record): record.answer for record in same}
    latest = {
        (*_key(record), record.seed): id(record)
        for record in same
        if record.answer == answers[_key(record)]
    }
    counting = set(latest.values())
    used = [record for record in records if id(record) in counting]
    left = len(records) - len(used)
    of = "another version of the suite, data or software"
    what = f"1 record of {of} is" if left == 1 else f"{left} records of {of} are"
    used, partial = _with_common_metrics(used)
    ahead = sum(not _started(record)[0] for record in records)
    verb = "counts" if ahead == 1 else "count"
    early = [f"{counted(ahead, 'record')} of a time to come, which {verb} as the oldest"]
    return used, [*([f"{what} left out"] if left else []), *(early if ahead else []), *partial]


def versions(records: Sequence[Record]) -> int:
    """How many versions of suite, data or software records of a suite are of.

    That is how many questions with answers, or data, the scenario has that has most of them.
    """
    keys = [(record.question_id, record.answer.model_dump_json()) for record in records]
    data = {
        key: record.fingerprint
        for key, record in zip(keys, records, strict=True)
        if record.fingerprint
    }
    made: dict[tuple[str, str], set[tuple[str, str, str | None]]] = {}
    for key, record in zip(keys, records, strict=True):
        # one that failed at once has no data of its own
        made.setdefault(_key(record), set()).add((*key, record.fingerprint or data.get(key)))
    return max(map(len, made.values()), default=0)


def metrics_of(records: Sequence[Record]) -> dict[str, tuple[MetricInfo, ...]]:
    """What records of one question tell of metrics, by task.

    Returns:
        What the last of a scenario tells; where none does, what all baselines tell together, in the
        suite's order of tasks.
    """
    telling = [record for record in records if record.metric_info]
    for record in reversed(telling):
        if record.kind == "scenario":
            return dict(record.metric_info)
    served = {task: info for record in telling for task, info in record.metric_info.items()}
    tasks = [*(task for record in telling for task in record.answer.tasks), *served]
    return {task: served[task] for task in dict.fromkeys(tasks) if task in served}


def _with_common_metrics(used: list[Record]) -> tuple[list[Record], list[str]]:
    """Keep the metrics that all runs have: one of a slice is missing where a split leaves it empty.

    A baseline has those of the tasks it serves, and is not asked.

    Returns:
        The records, and a line that names the metrics left out, if some are.
    """
    good = [record for record in used if record.ok and record.kind == "scenario"]
    having = Counter(
        (task, metric.name)
        for record in good
        for task, listed in record.metric_info.items()
        for metric in listed
    )
    partial = {key for key, count in having.items() if count < len(good)}
    if not partial:
        return used, []
    kept = [_without(record, partial) if record.ok else record for record in used]
    names = ", ".join(f"{task}/{name}" for task, name in sorted(partial))
    return kept, [f"left out, since not every run's test part defines it: {names}"]


def _without(record: Record, metrics: set[tuple[str, str]]) -> Record:
    """A copy of a record that lacks some metrics, by task and name."""
    info = {
        task: tuple(metric for metric in listed if (task, metric.name) not in metrics)
        for task, listed in record.metric_info.items()
    }
    values = {
        task: {name: value for name, value in each.items() if (task, name) not in metrics}
        for task, each in record.metrics.items()
    }
    return record.model_copy(update={"metric_info": info, "metrics": values})
