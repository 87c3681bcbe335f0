"""What a run left: one typed record, and how older ones become it.

A record has two halves besides its results. The question is what was asked: data, split, how tasks
are scored, on which part, with which software. The answer is what was tried: towers, training, the
trained tasks and their weighting. Two runs compare if their questions are equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION: Literal[2] = 2
"""Raised when a key of the record changes its meaning or goes."""


class _Part(BaseModel):
    """A part of a record; keys of later versions are left alone."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class Origin(_Part):
    """Where a component came from."""

    plugin: str = "–"
    """Entry point, or name of the file."""
    distribution: str | None = None
    """Installed package it belongs to; None for a local file."""
    version: str | None = None
    sha256: str | None = None
    """Digest of its code."""


class Identity(_Part):
    """What decides a component's behaviour: name, options, and the code it comes from."""

    name: str
    options: dict[str, Any] = {}
    origin: Origin = Origin()


class Scored(_Part):
    """What of a task decides how it is scored."""

    name: str
    options: dict[str, Any] = {}


class Engine(BaseModel):
    """Software, threads and device that decide the bits; versions by package besides."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    mtbench: str = "?"
    threads: int
    device: str = "cpu"
    """`cpu` or `gpu`."""
    code: str | None = None
    """Digest of the core's code that decides numbers; None in records older than it."""

    @property
    def versions(self) -> dict[str, str]:
        """Version of each package, mtbench first."""
        extra = {name: str(value) for name, value in (self.model_extra or {}).items()}
        return {"mtbench": self.mtbench, **{k: v for k, v in extra.items() if k != "flags"}}


class Question(_Part):
    """What was asked: runs with an equal one compare."""

    dataset: Identity
    content: str | None = None
    """Digest of the data's files, where the options do not say which content it has."""
    stands_in_for: str | None = None
    """What `--synthetic` replaced."""
    split: Identity
    tasks: dict[str, Scored]
    evaluate_on: Literal["test", "validation"] = "test"
    engine: Engine


class Answer(_Part):
    """What was tried."""

    towers: dict[str, Identity]
    """`query` and `candidate`."""
    tasks: dict[str, Identity]
    """All tasks of the suite, in its order: heads draw their initial weights in it."""
    trained_tasks: tuple[str, ...]
    weighting: Identity | None
    """None where one task is trained."""
    train: dict[str, Any]
    """Options of training."""


class Failure(_Part):
    """Why a run failed."""

    type: str
    message: str
    traceback: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """`Type: message`, on one line."""
        return " ".join(f"{self.type}: {self.message}".split())


class MetricInfo(_Part):
    """How to read a metric."""

    name: str
    higher_is_better: bool
    headline: bool


class Data(_Part):
    """The data a run had."""

    source: str
    synthetic: bool
    fingerprint: str
    num_queries: int
    num_candidates: int
    train: int
    """Interactions in the training part, as `validation` and `test` in theirs."""
    validation: int = 0
    test: int
    notes: tuple[str, ...] = ()
    slices: dict[str, dict[str, int]] | None = None


class Environment(_Part):
    """The machine; what of it decides the bits is in the engine."""

    platform: str = "?"
    python: str
    cpu: str
    devices: tuple[str, ...] = ()
    onednn: str = "default"
    xla_flags: str = ""


Values = dict[str, dict[str, float]]
"""`{task: {metric: value}}`."""


class Record(_Part):
    """What a run left, whether it went well or failed.

    A run that failed has those results that were known by then; one that failed at once has none.
    """

    schema_version: Literal[2] = SCHEMA_VERSION
    run_id: str
    question_id: str
    suite: str
    scenario: str
    seed: int
    status: Literal["ok", "failed"]
    error: Failure | None = None
    started: str
    """Time, UTC, ISO 8601."""
    question: Question
    answer: Answer
    environment: Environment
    timings: dict[str, float | None]
    """Seconds, and examples per second; see `mtbench.load_runs`."""
    peak_memory_bytes: int | None
    """Of the process; None where the system does not tell."""
    data: Data | None = None
    metric_info: dict[str, tuple[MetricInfo, ...]] = {}
    curve: tuple[dict[str, float], ...] = ()
    """For each epoch its number and each trained task's mean loss."""
    validation: tuple[dict[str, Any], ...] = ()
    """For each epoch that was validated its number and the metrics."""
    epoch: int | None = None
    """The epoch whose parameters were kept."""
    diagnostics: tuple[dict[str, Any], ...] = ()
    """For each epoch its number, weights, and what gradients were like."""
    parameters: int | None = None
    """Number of trained parameters."""
    metrics: Values = {}
    floors: dict[str, Values] = {}
    """`{task: {floor: {metric: value}}}`."""
    upgraded: bool = Field(False, exclude=True)
    """Whether it was read from an older form."""

    @property
    def ok(self) -> bool:
        """Whether the run went well."""
        return self.status == "ok"


def upgrade(record: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a record of schema 1 into one of schema 2.

    Its `protocol` held what every scenario of a suite shared, towers and training among it.
    """
    old = record["protocol"]
    tasks, order = old["tasks"], old.get("task_order", list(old["tasks"]))
    engine = {**old["engine"], "device": "cpu"}
    question = {
        "dataset": old["dataset"],
        "content": old.get("content"),
        "stands_in_for": old.get("stands_in_for"),
        "split": old["split"],
        "tasks": {name: {key: tasks[name][key] for key in ("name", "options")} for name in order},
        "evaluate_on": old.get("evaluate_on", "test"),
        "engine": engine,
    }
    answer = {
        "towers": old["towers"],
        "tasks": {name: tasks[name] for name in order},
        "trained_tasks": record["trained_tasks"],
        "weighting": record["weighting"],
        "train": old["train"],
    }
    gone = ("protocol", "protocol_id", "trained_tasks", "weighting")
    rest = {key: value for key, value in record.items() if key not in gone}
    return {
        **rest,
        "schema_version": SCHEMA_VERSION,
        "question_id": record["protocol_id"],
        "question": question,
        "answer": answer,
        "upgraded": True,
    }
