"""The records of a folder that count: one choice for reports, evidence, tables and gates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]


def newest(found: Sequence[Record]) -> Record:
    """The record of the run that was started last, which says what is reported."""
    return max(found, key=_started)


def _started(record: Record) -> str:
    return str(record["started"])


def current(found: Sequence[Record]) -> tuple[list[Record], list[str]]:
    """Choose the records that count, of those of a suite.

    They are of the newest record's protocol (version of the suite, of mtbench, of TensorFlow,
    number of threads) and data, and of their scenarios as they were defined last. Of two records of
    one run the later one counts.

    Args:
        found: At least one, in any order.

    Returns:
        Those that count, in the order given, and a line that counts the others where there are any.
    """
    protocol = newest(found)["protocol_id"]
    same = sorted((r for r in found if r["protocol_id"] == protocol), key=_started)
    prints = [print_ for record in same if (print_ := _fingerprint(record))]
    same = [record for record in same if _fingerprint(record) in (None, *prints[-1:])]
    definitions = {record["scenario"]: _definition(record) for record in same}
    latest = {
        (record["scenario"], record["seed"]): id(record)
        for record in same
        if _definition(record) == definitions[record["scenario"]]
    }
    used = [record for record in found if id(record) in set(latest.values())]
    left = len(found) - len(used)
    of = "another version of the suite, data or software"
    what = f"1 record of {of} is" if left == 1 else f"{left} records of {of} are"
    used, partial = _with_common_metrics(used)
    return used, [*([f"{what} left out"] if left else []), *partial]


def _with_common_metrics(used: list[Record]) -> tuple[list[Record], list[str]]:
    """Keep the metrics that all runs have: one of a slice is missing where a split leaves it empty.

    Returns:
        The records, and a line that names the metrics left out, if some are.
    """
    good = [record for record in used if record["status"] == "ok"]
    having = Counter(
        (task, metric["name"])
        for record in good
        for task, listed in record["metric_info"].items()
        for metric in listed
    )
    partial = {key for key, count in having.items() if count < len(good)}
    if not partial:
        return used, []
    kept = [
        {
            **record,
            "metric_info": {
                task: [metric for metric in listed if (task, metric["name"]) not in partial]
                for task, listed in record["metric_info"].items()
            },
            "metrics": {
                task: {name: v for name, v in values.items() if (task, name) not in partial}
                for task, values in record["metrics"].items()
            },
        }
        if record["status"] == "ok"
        else record
        for record in used
    ]
    names = ", ".join(f"{task}/{name}" for task, name in sorted(partial))
    return kept, [f"left out, since not every run's test part defines it: {names}"]


def _definition(record: Record) -> tuple[Any, Any]:
    return record["trained_tasks"], record["weighting"]


def _fingerprint(record: Record) -> Any:
    """Of a record's data; None where its run failed before it knew."""
    return record.get("data", {}).get("fingerprint")
