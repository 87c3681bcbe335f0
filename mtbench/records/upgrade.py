"""How a record of an older form becomes one of today's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .record import SCHEMA_VERSION


def upgrade(record: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a record of schema 1 into one of schema 2.

    Its `protocol` held what every scenario of a suite shared, towers and training among it. What it
    lacks, the record of schema 2 lacks.
    """
    gone = ("protocol", "protocol_id", "trained_tasks", "weighting")
    made = {key: value for key, value in record.items() if key not in gone}
    if "protocol_id" in record:
        made["question_id"] = record["protocol_id"]
    tried = {key: record[key] for key in ("trained_tasks", "weighting") if key in record}
    question, made["answer"] = halves(record.get("protocol", {}), tried)
    if "protocol" in record:
        made["question"] = question
    return {**made, "schema_version": SCHEMA_VERSION, "upgraded": True}


def halves(protocol: Any, tried: Mapping[str, Any]) -> tuple[Any, Any]:
    """Question and answer of a protocol of schema 1, as JSON types.

    Args:
        protocol: A mapping; anything else is handed on, to be refused.
        tried: What besides belongs to the answer: `trained_tasks` and `weighting`.
    """
    if not isinstance(protocol, Mapping):
        return protocol, protocol
    asked = ("dataset", "content", "stands_in_for", "split", "evaluate_on", "engine")
    question = {key: protocol[key] for key in asked if key in protocol}
    answer = {**tried, **{key: protocol[key] for key in ("towers", "train") if key in protocol}}
    if "tasks" in protocol:
        order = protocol.get("task_order", list(protocol["tasks"]))
        tasks = answer["tasks"] = {name: protocol["tasks"][name] for name in order}
        question["tasks"] = {
            name: {key: task[key] for key in ("name", "options") if key in task}
            for name, task in tasks.items()
        }
    return question, answer


def older_key(key: str) -> str:
    """What a dotted key of schema 2 was called in schema 1."""
    half, _, rest = key.partition(".")
    if key == "question_id":
        return "protocol_id"
    if half not in ("question", "answer"):
        return key
    if rest.partition(".")[0] in ("trained_tasks", "weighting"):
        return rest
    return f"protocol.{rest}" if rest else "protocol"
