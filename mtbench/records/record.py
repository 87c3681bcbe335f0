"""What a run left: one typed record; `upgrade` makes it of older ones.

A record has two halves besides its results. The question is what was asked: data, split, how tasks
are scored, on which part, with which software. The answer is what was tried: towers, training, the
trained tasks and their weighting. Two runs compare if their questions are equal.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import to_json

from .engine import Engine
from .part import PART, Whole
from .tuning import Tuning

SCHEMA_VERSION: Literal[2] = 2
"""Raised when a key of the record changes its meaning or goes."""


class _Part(BaseModel):
    """A part of a record."""

    model_config = PART


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


class Question(_Part):
    """What was asked: runs with an equal one compare."""

    dataset: Identity
    content: str | None = None
    """Digest of the data's files, where the options do not say which content it has. Then runs
    compare, and are done already, wherever the files lie."""
    split_content: str | None = None
    """The same of the files that the split reads."""
    stands_in_for: str | None = None
    """What `--synthetic` replaced."""
    split: Identity
    tasks: dict[str, Scored]
    evaluate_on: Literal["test", "validation"] = "test"
    train_on: Literal["train", "train+validation"] = "train"
    engine: Engine


class Answer(_Part):
    """What was tried."""

    towers: dict[str, Identity]
    """`query` and `candidate`."""
    tasks: dict[str, Identity]
    """All tasks of the suite, in its order: heads draw their initial weights in it. Of a baseline
    those it serves, with the options that decide how they are scored."""
    trained_tasks: tuple[str, ...]
    """Names of the tasks that are trained; of a baseline, those that it serves."""
    weighting: Identity | None
    """None where one task is trained."""
    train: dict[str, Any]
    """Options of training."""
    baseline: Identity | None = None
    """What a baseline is; it has no towers, weighting or training. None for a scenario."""
    tuning: Tuning | None = None
    """How the options were chosen; None where they were not."""
    labels: dict[str, dict[str, Any]] = {}
    """By task, what of its labels it learned from; a task that is not named from all."""

    @functools.cached_property
    def digest(self) -> str:
        """A short digest of it, equal for equal answers."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    def labels_of(self, task: str) -> dict[str, Any] | None:
        """What of its labels a task learned from; None for all."""
        labels = self.labels.get(task)
        return None if labels == {"share": 1.0} else labels


class Failure(_Part):
    """Why a run failed."""

    type: str
    message: str
    traceback: tuple[str, ...] = ()
    output: tuple[str, ...] = ()
    """The last lines that the run printed."""

    def __str__(self) -> str:
        return f"{self.type}: {self.message}"

    @property
    def line(self) -> str:
        """`Type: message`, on one line."""
        return " ".join(str(self).split())


class MetricInfo(_Part):
    """How to read a metric."""

    name: str
    higher_is_better: bool
    headline: bool


class Oddities(_Part):
    """What of the data a reader has to know: rows that repeat others, labels that are missing."""

    rows: Whole
    """Of the data, in all parts."""
    repeated_rows: Whole
    """Those that equal an earlier row in every column."""
    repeated_pairs: Whole
    """Those that have the query and the candidate of an earlier row."""
    pairs: Whole
    """Of queries and candidates in the part that is scored, each once."""
    known_pairs: Whole
    """Those of them that the training part has too, or the validation part where the test part is
    scored: metrics with seen candidates removed leave them out."""
    unlabelled: dict[str, Whole] = {}
    """By task the rows that say nothing to it, since they lack a label; 0 is left out."""


class Data(_Part):
    """The data a run had."""

    source: str
    synthetic: bool
    fingerprint: str
    num_queries: Whole
    num_candidates: Whole
    train: Whole
    """Interactions in the training part, as `validation` and `test` in theirs."""
    validation: Whole = 0
    test: Whole
    notes: tuple[str, ...] = ()
    slices: dict[str, dict[str, Whole]] | None = None
    scored: str | None = None
    """SHA-256 of the rows that were scored; None in a record older than the key."""
    oddities: Oddities | None = None
    """None in a record of before they were counted, and of a run that failed."""


class Place(_Part):
    """Which worker made a record."""

    executor: str
    """Name of the component."""
    node: str
    """The machine's."""
    workers_on_node: Whole
    """Workers of the same command that the machine had: times beside others are not those alone."""


class Environment(_Part):
    """The machine; what of it decides the bits is in the engine."""

    platform: str = "?"
    python: str
    cpu: str
    devices: tuple[str, ...] = ()
    onednn: str = "default"
    xla_flags: str = ""
    place: Place | None = None
    """None in a record older than the key."""


def _time(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"expected a time, ISO 8601, found {text!r}") from None
    return text


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
    seed: Whole
    status: Literal["ok", "failed"]
    error: Failure | None = None
    started: Annotated[str, AfterValidator(_time)]
    """Time, UTC, ISO 8601."""
    arms: tuple[str, ...] = ()
    """Names of all scenarios and baselines of the suite, in its order; empty where it is not known,
    and of a trial."""
    question: Question
    answer: Answer
    environment: Environment
    timings: dict[str, float | None]
    """Seconds, and examples per second; see `mtbench.load_runs`."""
    peak_memory_bytes: Whole | None
    """Of the process; None where the system does not tell."""
    data: Data | None = None
    metric_info: dict[str, tuple[MetricInfo, ...]] = {}
    curve: tuple[dict[str, int | float], ...] = ()
    """For each epoch its number and each trained task's mean loss."""
    pretraining: tuple[dict[str, int | float], ...] = ()
    """The same of the epochs before the run proper, where there were any."""
    validation: tuple[dict[str, Any], ...] = ()
    """For each epoch that was validated its number, the metrics, and the trained tasks' losses."""
    epoch: Whole | None = None
    """The epoch whose parameters were kept."""
    diagnostics: tuple[dict[str, Any], ...] = ()
    """For each epoch its number, weights, and what gradients were like."""
    pruned: bool = False
    """Whether it is a trial that was ended early."""
    parameters: Whole | None = None
    """Number of trained parameters."""
    metrics: Values = {}
    floors: dict[str, Values] = {}
    """`{task: {floor: {metric: value}}}`."""
    files: dict[str, str] | None = None
    """SHA-256 of the files that lie beside it, by what they hold; None in a record older than the
    key, and before it was stored."""
    upgraded: bool = Field(False, exclude=True)
    """Whether it was read from an older form."""

    @property
    def ok(self) -> bool:
        """Whether the run went well."""
        return self.status == "ok"

    @property
    def kind(self) -> Literal["scenario", "baseline"]:
        """What it is a run of."""
        return "scenario" if self.answer.baseline is None else "baseline"

    @property
    def scored_share(self) -> float | None:
        """Share of the part that was scored of it and what was known then; None where it failed."""
        if not (data := self.data):
            return None
        if self.question.evaluate_on == "validation":
            return data.validation / max(data.train + data.validation, 1)
        return data.test / max(data.train + data.validation + data.test, 1)

    @property
    def workers_on_node(self) -> int:
        """How many workers its machine had at once."""
        return self.environment.place.workers_on_node if self.environment.place else 1

    @property
    def split(self) -> str:
        """What is equal for runs that were scored on the same rows.

        Of a record that does not tell them, the floors, which follow from them; else its seed.
        """
        if self.data and self.data.scored:
            return self.data.scored
        return json.dumps(self.floors) if any(self.floors.values()) else f"seed {self.seed}"

    @property
    def fingerprint(self) -> str | None:
        """Of its data; None where the run failed before it knew."""
        return self.data.fingerprint if self.data else None

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Self:
        """Make a record of JSON types. Halves of surrogate pairs in texts become U+FFFD.

        Raises:
            ValidationError: They are not those of a record.
        """
        try:
            text = to_json(value, inf_nan_mode="constants")
        except ValueError:  # of such a half
            text = sound_json(value)
        return cls.model_validate_json(text)

    @property
    def lacking(self) -> list[str]:
        """The keys it has to have as one of its status, and was made without."""
        return [
            key
            for key in needed(self.status, self.kind == "baseline")
            if key not in self.model_fields_set or getattr(self, key) is None
        ]

    def plain(self) -> dict[str, Any]:
        """The record as JSON types, but for tuples; `of` is the way back.

        It has the keys that the record was made with: a run that failed has no results.
        """
        made = self.model_dump(include=self.model_fields_set | {"schema_version"})
        for key in ("baseline", "tuning", "labels"):  # what most runs have not
            if not made["answer"][key]:
                del made["answer"][key]
        return made


def sound_json(value: Any) -> bytes:
    """JSON types as JSON, halves of surrogate pairs as U+FFFD."""
    text = json.dumps(value, ensure_ascii=False).encode("utf-16-le", "surrogatepass")
    return text.decode("utf-16-le", "replace").encode()


_OF_SUCCESS = ("curve", "data", "floors", "metric_info", "metrics", "parameters")
NEEDED = {"ok": _OF_SUCCESS, "failed": ("error",)}
"""By status, the keys that a record has besides those that every record has."""
_OF_TRAINING = ("curve", "parameters")
RESULTS = {*_OF_SUCCESS, "diagnostics", "epoch", "pretraining", "validation"}
"""Keys that a run has which went well, and one that fails at once has not."""


def needed(status: str, baseline: bool) -> list[str]:
    """The same for scenarios and for baselines, which no engine trains."""
    return [key for key in NEEDED.get(status, ()) if not (baseline and key in _OF_TRAINING)]
