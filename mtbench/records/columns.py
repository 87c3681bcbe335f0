"""The rows and columns of results as tables: what `tables` reads and writes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

Record = Mapping[str, Any]
TEXT, WHOLE, NUMBER, TRUTH = "string", "int64", "float64", "bool"
COLUMNS = {
    "suite": TEXT,
    "kind": TEXT,
    "name": TEXT,
    "weighting": TEXT,
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
    "protocol_id": TEXT,
}
"""Columns of `load_results`, which documents them, and their Arrow types."""

TIMINGS = (
    *("run_s", "import_s", "data_s", "build_s", "trace_s", "train_s", "train_examples_per_s"),
    *("evaluate_s", "evaluate_examples_per_s"),
)
ENGINE = ("mtbench", "tensorflow", "tf-keras", "tensorflow-recommenders", "numpy")
RUN_COLUMNS = {
    **dict.fromkeys(("suite", "scenario", "trained_tasks", "weighting", "options"), TEXT),
    "seed": WHOLE,
    "status": TEXT,
    "error": TEXT,
    "started": "timestamp",
    **dict.fromkeys(TIMINGS, NUMBER),
    "peak_memory_bytes": WHOLE,
    **dict.fromkeys(("parameters", "train_rows", "test_rows"), NUMBER),
    **dict.fromkeys(("data", "stands_in_for", "data_fingerprint"), TEXT),
    **dict.fromkeys(("platform", "python", "cpu"), TEXT),
    "threads": WHOLE,
    **dict.fromkeys(ENGINE, TEXT),
    **dict.fromkeys(("run_id", "protocol_id"), TEXT),
}
"""Columns of `load_runs`, which documents them, and their Arrow types."""


def metric_rows(found: Sequence[Record]) -> Iterator[dict[str, Any]]:
    """Yield the rows of `load_results` for records."""
    tells: dict[str, Record] = {r["protocol_id"]: r for r in found if "metric_info" in r}
    for record in found:
        if example := tells.get(record["protocol_id"]):
            weighting = record["weighting"] and record["weighting"]["name"]
            good = record["status"] == "ok"
            own = {"kind": "scenario", "name": record["scenario"], "weighting": weighting}
            own |= {key: record[key] for key in ("status", "run_id")}
            for task, metric, row in _metrics(record, example):
                trained = task in record["trained_tasks"]
                value = record["metrics"][task].get(metric) if good else None
                yield row | own | {"trained": trained, "value": value}
    splits = {(r["protocol_id"], r["seed"]): r for r in found if r["status"] == "ok"}
    for record in splits.values():
        for task, metric, row in _metrics(record, record):
            for floor, values in record["floors"][task].items():
                own = {"kind": "floor", "name": floor, "status": "ok", "trained": False}
                yield row | own | {"value": values.get(metric)}


def _metrics(record: Record, example: Record) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each task and metric that `example` tells, with what any row of `record` says of it."""
    row = {key: record[key] for key in ("suite", "seed", "protocol_id")}
    row["synthetic"] = example["data"]["synthetic"]
    for task, metrics in example["metric_info"].items():
        for metric in metrics:
            info = {key: metric[key] for key in ("headline", "higher_is_better")}
            yield task, metric["name"], row | info | {"task": task, "metric": metric["name"]}


def run_rows(found: Sequence[Record]) -> Iterator[dict[str, Any]]:
    """Yield the rows of `load_runs` for records."""
    same = ("suite", "scenario", "seed", "status", "run_id", "protocol_id", "peak_memory_bytes")
    for record in found:
        weighting, error = record["weighting"], record["error"]
        engine, data = record["protocol"]["engine"], record.get("data", {})
        yield {
            **{key: record[key] for key in same},
            "trained_tasks": ", ".join(record["trained_tasks"]),
            "weighting": weighting and weighting["name"],
            "options": weighting and json.dumps(weighting["options"]),
            "error": error and f"{error['type']}: {error['message']}",
            "started": datetime.fromisoformat(record["started"]),
            **{key: record["timings"].get(key) for key in TIMINGS},
            "parameters": record.get("parameters"),
            "train_rows": data.get("train"),
            "test_rows": data.get("test"),
            "data": data.get("source"),
            "data_fingerprint": data.get("fingerprint"),
            "stands_in_for": record["protocol"]["stands_in_for"],
            **{key: record["environment"][key] for key in ("platform", "python", "cpu")},
            "threads": engine["threads"],
            **{key: engine[key] for key in ENGINE},
        }
