"""What the runs of one process share."""

from __future__ import annotations

import contextlib
import json
import math
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from mtbench.data.interactions import Interactions, joined
from mtbench.data.store import load_data
from mtbench.errors import DataError
from mtbench.metrics.slices import slice_counts
from mtbench.plugin.lazy import quiet_stderr
from mtbench.plugin.registry import Registry
from mtbench.plugin.run import Run
from mtbench.records import store as records
from mtbench.suite.suite import Suite

from . import environment
from .observers import notify


class _Session:
    """What the runs of one process share: TensorFlow, the data, a scenario's traced model."""

    def __init__(self, suite: Suite, registry: Registry, seed: int) -> None:
        self.suite, self.registry = suite, registry
        started = time.perf_counter()
        with quiet_stderr():
            from mtbench.train import evaluate, feed, trainer  # noqa: PLC0415 - imports TensorFlow

            trainer.devices()  # what it has to say of them, too

        self._evaluate, self._training = evaluate.evaluate, trainer
        imported = time.perf_counter()
        self.data = load_data(suite.dataset, registry.identity(suite.dataset))
        for name, task in suite.tasks.items():
            for column in task.needs():
                if column not in self.data.interactions.columns:
                    known = ", ".join(self.data.interactions.columns)
                    raise DataError(
                        f"task {name!r} reads column {column!r}, which {self.data.source} lacks "
                        f"(it has {known})"
                    )
        self._divided: tuple[int, tuple[Interactions, Interactions, Interactions]] | None = None
        self._require_parts(seed)
        loaded = time.perf_counter()
        self.timings = {"import_s": imported - started, "data_s": loaded - imported}
        self._feed = feed.make_feed(suite, self.data)
        self._trainer: Any = None
        self._of_seed: dict[int, tuple[Any, Any]] = {}
        """Floors and sizes of the slices, which the scenarios of a seed share."""
        self.by_query: dict[str, np.ndarray] = {}
        """Values by query of the last run, where it went well."""

    def record(self, run: Run) -> dict[str, Any]:
        """Execute a run and describe it, whether it goes well or fails."""
        environment.reset_peak_memory()
        record: dict[str, Any] = {
            "schema_version": records.SCHEMA_VERSION,
            "run_id": run.id,
            "protocol_id": run.protocol_id,
            "suite": self.suite.name,
            "scenario": run.scenario.name,
            "seed": run.seed,
            "status": "ok",
            "error": None,
            "started": datetime.now(UTC).isoformat(timespec="microseconds"),
            "protocol": run.protocol,
            "trained_tasks": list(run.scenario.tasks),
            "weighting": run.scenario.weighting and self.registry.identity(run.scenario.weighting),
            "environment": environment.describe(),
            "timings": dict(self.timings),
        }
        self.by_query = {}
        started = time.perf_counter()
        results: dict[str, Any] = {"timings": record["timings"]}
        try:
            self._execute(run, results)
            record |= _plain(results)  # what is no JSON fails the run
        except Exception as error:
            self._trainer = None
            record |= _storable(results)
            record["status"] = "failed"
            record["error"] = {
                "type": type(error).__name__,
                "message": str(error),
                "traceback": traceback.format_exc().splitlines(),
            }
        record["timings"]["run_s"] = time.perf_counter() - started
        record["peak_memory_bytes"] = environment.peak_memory()
        return record

    def _execute(self, run: Run, record: dict[str, Any]) -> None:
        """Split, train and evaluate; what is known goes into the record as it comes."""
        data, suite = self.data, self.suite
        train, validation, test = self._parts(run.seed)
        record["data"] = {
            "source": data.source,
            "synthetic": data.synthetic,
            "stands_in_for": suite.stands_in_for,
            "fingerprint": data.fingerprint,
            "num_queries": len(data.query.ids),
            "num_candidates": len(data.candidate.ids),
            "train": len(train),
            "validation": len(validation),
            "test": len(test),
            "evaluated_on": suite.evaluate_on,
            "notes": list(data.notes),
        }
        record["metric_info"] = {
            name: [
                {key: getattr(metric, key) for key in ("name", "higher_is_better", "headline")}
                for metric in task.metrics()
            ]
            for name, task in suite.tasks.items()
        }
        if self._trainer is None or self._trainer.scenario is not run.scenario:
            self._trainer = self._training.Trainer(suite, run.scenario, data, self._feed)
        with data.interactions.sealed(), test.sealed():
            trained = self._trainer.train(
                run.seed,
                train,
                lambda epoch, losses: notify(
                    self.registry, "mtbench_epoch_ended", run=run, epoch=epoch, losses=losses
                ),
                (lambda model: self._evaluate(model, train, validation).metrics)
                if suite.train.validates
                else None,
            )
        record["curve"] = trained.curve
        record["validation"] = trained.validation
        record["epoch"] = trained.epoch
        record["diagnostics"] = trained.diagnostics
        record["parameters"] = sum(math.prod(v.shape) for v in trained.model.trainable_variables)
        if suite.evaluate_on == "validation":
            known, scored = train, validation
        else:
            known, scored = joined(train, validation), test
        started = time.perf_counter()
        trained.model.remember(known)
        scores = self._evaluate(trained.model, train, scored, known)
        record["metrics"] = scores.metrics
        seconds = time.perf_counter() - started
        record["timings"] |= {
            **trained.timings,
            "evaluate_s": seconds,
            "evaluate_examples_per_s": len(scored) / seconds,
        }
        self._check(record["metrics"])
        record["metric_info"] = {
            task: [metric for metric in listed if metric["name"] in scores.metrics[task]]
            for task, listed in record["metric_info"].items()
        }
        if run.seed not in self._of_seed:
            floors = {name: task.floors(train, scored, known) for name, task in suite.tasks.items()}
            _require_finite(floors)
            self._of_seed[run.seed] = floors, slice_counts(train, scored)
        record["floors"], record["data"]["slices"] = self._of_seed[run.seed]
        self.by_query = scores.by_query

    def _require_parts(self, seed: int) -> None:
        """Tell of data that cannot be divided before anything is trained.

        Raises:
            DataError: It cannot. What else a split may raise is for the runs to record.
        """
        try:
            self._parts(seed)
        except DataError:
            raise
        except Exception:
            self._divided = None

    def _parts(self, seed: int) -> tuple[Interactions, Interactions, Interactions]:
        """Training, validation and test part of a seed.

        Raises:
            DataError: One that is needed is empty.
        """
        if self._divided and self._divided[0] == seed:
            return self._divided[1]
        data, suite = self.data, self.suite
        parts = suite.split.build(data, seed)
        train, validation, test = (
            data.interactions.part(rows) for rows in (parts.train, parts.validation, parts.test)
        )
        needs = {"training": train, "test": test}
        if suite.train.validates or suite.evaluate_on == "validation":
            needs["validation"] = validation
        for name, part in needs.items():
            if not len(part):
                raise DataError(
                    f"split {suite.split.name!r} of {data.source}, seed {seed}: expected a {name} "
                    "part, found no row of it"
                )
        self._divided = (seed, (train, validation, test))
        return train, validation, test

    def _check(self, metrics: dict[str, dict[str, float]]) -> None:
        """Refuse metrics that are no numbers, or not those a task names.

        Raises:
            FloatingPointError: A metric is NaN or infinite.
            ValueError: The names are not those of `Task.metrics`.
        """
        for task, values in metrics.items():
            optional = {metric.name: metric.optional for metric in self.suite.tasks[task].metrics()}
            expected = optional.keys()
            needed = {name for name in expected if not optional[name]}
            if not needed <= values.keys() <= expected:
                raise ValueError(
                    f"task {task!r}: expected metrics {sorted(expected)}, found {sorted(values)}"
                )
            for name, value in values.items():
                if not math.isfinite(value):
                    raise FloatingPointError(f"{task}/{name} is {value}")


def _require_finite(floors: Mapping[str, Mapping[str, Mapping[str, float]]]) -> None:
    """Refuse floors that are no numbers.

    Raises:
        FloatingPointError: One is NaN or infinite.
    """
    for task, by_floor in floors.items():
        for floor, metrics in by_floor.items():
            for name, value in metrics.items():
                if not math.isfinite(value):
                    raise FloatingPointError(f"floor {floor!r}: {task}/{name} is {value}")


def _storable(results: Mapping[str, Any]) -> dict[str, Any]:
    """Those results of a failed run that have a JSON form."""
    found: dict[str, Any] = {}
    for key, value in results.items():
        with contextlib.suppress(ValueError, TypeError, AttributeError):
            found |= _plain({key: value})
    return found


def _plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a mapping as JSON types, NumPy's numbers as Python's.

    Raises:
        ValueError: A number is NaN or infinite.
        TypeError: A value has no JSON form.
    """
    return dict(json.loads(json.dumps(value, allow_nan=False, default=lambda x: x.item())))
