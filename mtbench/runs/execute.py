"""Executing a run: parts, training, scores and floors, and the record that tells of them."""

from __future__ import annotations

import contextlib
import json
import math
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from mtbench.config.messages import message_of
from mtbench.plugin.run import Run
from mtbench.records.record import RESULTS, Record
from mtbench.suite.setup import Setup

from . import environment
from .fitting import fit_and_score
from .plan import PlannedRun
from .stages import Divided, Stages

if TYPE_CHECKING:
    from mtbench.train.model import MultiTaskModel
    from mtbench.train.trainer import Trained

Results = dict[str, Any]
"""What of a record is known so far."""


class Listener:
    """Is told how a run goes. This one does nothing of it."""

    def epoch_ended(self, epoch: int, losses: Mapping[str, float]) -> None:
        """An epoch, from 1, has ended with these mean losses of the trained tasks."""

    def validated(self, epoch: int, metrics: Mapping[str, Mapping[str, float]]) -> bool:
        """An epoch was scored on the validation part; return whether that is enough."""
        return False

    def scored(self, model: MultiTaskModel | None, by_query: Mapping[str, np.ndarray]) -> None:
        """The run went well: its model, if it has one, and `{"task/metric": [num_queries]}`."""


def execute(
    run: PlannedRun,
    stages: Stages,
    listener: Listener | None = None,
    place: Mapping[str, Any] | None = None,
) -> Record:
    """Execute a run. Whether it goes well or fails, it ends in a record.

    Args:
        run: What to execute.
        stages: What it shares with other runs.
        listener: Is told how it goes.
        place: `records.record.Place`, as JSON types.
    """
    from mtbench.train.devices import initialise  # noqa: PLC0415 - imports TensorFlow

    environment.reset_peak_memory()
    began = datetime.now(UTC).isoformat(timespec="microseconds")
    started, spent = time.perf_counter(), time.process_time()
    results: Results = {"timings": dict(stages.timings)}
    status: Results = {"status": "ok", "error": None}
    try:
        _perform(run.setup, run.seed, stages, listener or Listener(), results)
        results = _plain(results)  # what is no JSON fails the run
    except (Exception, SystemExit) as error:  # one that leaves does not take the others with it
        stages.forget_trainer()
        results = {"timings": {}, **_storable(results)}
        status = {"status": "failed", "error": _failure(error)}
    results["timings"]["run_s"] = time.perf_counter() - started
    results["timings"]["cpu_s"] = time.process_time() - spent
    return record_of(
        run.run,
        {
            **results,
            **status,
            "started": began,
            "environment": {**_environment(place), "devices": initialise()},
            "peak_memory_bytes": environment.peak_memory(),
        },
        run.arms,
    )


def record_of_lost(
    run: Run,
    error: Mapping[str, Any],
    arms: Sequence[str],
    place: Mapping[str, Any],
    seconds: float,
) -> Record:
    """The record of a run whose process ended before it did.

    Args:
        run: The run.
        error: Why: `records.record.Failure` as JSON types.
        arms: All that its suite runs.
        place: As for `execute`.
        seconds: How long it ran.
    """
    results = {
        "status": "failed",
        "error": error,
        "started": datetime.now(UTC).isoformat(timespec="microseconds"),
        "environment": _environment(place),
        "peak_memory_bytes": None,
        "timings": {"run_s": seconds},
    }
    return record_of(run, results, arms)


def record_of(run: Run, results: Results, arms: Sequence[str]) -> Record:
    """The record of a run that came to some results."""
    told = {key: value for key, value in asdict(run).items() if key != "id"}
    return _typed({**told, **results, "run_id": run.id, **({"arms": arms} if arms else {})})


def _environment(place: Mapping[str, Any] | None) -> dict[str, Any]:
    return {**environment.describe(), **({"place": dict(place)} if place else {})}


def _typed(values: Results) -> Record:
    """The record of these values; of results that none can hold, that of a run that failed."""
    try:
        return Record.of(values)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        key = ".".join(map(str, fault["loc"]))
        message = f"{key}: {message_of(fault, Record, ())}"
        return _without_results(values, {"type": "ValueError", "message": message})


def failed(record: Record, error: Mapping[str, Any]) -> Record:
    """The record of the same run that has come to nothing.

    Args:
        record: Of the run.
        error: Why: `records.record.Failure` as JSON types.
    """
    return _without_results(record.plain(), error)


def _without_results(values: Mapping[str, Any], error: Mapping[str, Any]) -> Record:
    kept = {key: value for key, value in values.items() if key not in RESULTS}
    return Record.of({**kept, "status": "failed", "error": error})


def _failure(error: BaseException) -> dict[str, Any]:
    return {
        "type": type(error).__name__,
        "message": str(error),
        "traceback": traceback.format_exc().splitlines(),
    }


def _perform(setup: Setup, seed: int, stages: Stages, listener: Listener, results: Results) -> None:
    """Split, train and evaluate; what is known goes into the results as it comes."""
    data, parts = stages.data(setup), stages.parts(setup, seed)
    results["data"] = {
        "source": data.source,
        "synthetic": data.synthetic,
        "fingerprint": data.fingerprint,
        "num_queries": len(data.query.ids),
        "num_candidates": len(data.candidate.ids),
        **parts.sizes,
        "notes": list(data.notes),
    }
    info = {
        name: [_info(metric) for metric in task.metrics()] for name, task in setup.tasks.items()
    }
    results["metric_info"] = info
    choosing = setup.evaluate_on == "validation"
    with parts.test.sealed() if choosing else contextlib.nullcontext():
        model, by_query = None, {}
        if setup.baseline:
            results |= {"curve": [], "parameters": None}
            by_query = fit_and_score(setup, seed, stages, parts, results)
        else:
            trained = _train(setup, seed, stages, listener, parts)
            results |= _of_training(trained)
            model, by_query = trained.model, _score(setup, parts, trained, results)
        metrics = results["metrics"]
        _require_sound(setup, metrics)
        results["metric_info"] = {
            task: [each for each in info[task] if each["name"] in metrics[task]] for task in metrics
        }
        floors, results["data"]["slices"], results["data"]["scored"] = stages.floors(setup, seed)
        results["data"]["oddities"] = stages.oddities(setup, seed)
        _require_finite(floors)
        results["floors"] = floors
    listener.scored(model, _numbers(by_query, results["data"]["num_queries"]))


def _info(metric: Any) -> dict[str, Any]:
    return {key: getattr(metric, key) for key in ("name", "higher_is_better", "headline")}


def _train(setup: Setup, seed: int, stages: Stages, listener: Listener, parts: Divided) -> Trained:
    """Train with the test part out of reach, and every row that may be of it."""
    from mtbench.train.evaluate import evaluate, losses  # noqa: PLC0415 - imports TensorFlow

    def validate(model: MultiTaskModel) -> dict[str, dict[str, float]]:
        return evaluate(model, parts.train, parts.validation).metrics

    with stages.data(setup).interactions.sealed(), parts.test.sealed():
        return stages.trainer(setup).train(
            seed,
            parts.train,
            listener.epoch_ended,
            validate if setup.train.validates else None,
            listener.validated,
            lambda model: losses(model, parts.validation, setup.train.batch_size),
        )


def _of_training(trained: Trained) -> Results:
    variables = trained.model.trainable_variables
    return {
        "curve": trained.curve,
        **({"pretraining": trained.pretraining} if trained.pretraining else {}),
        "validation": trained.validation,
        "epoch": trained.epoch,
        "diagnostics": trained.diagnostics,
        "parameters": sum(math.prod(variable.shape) for variable in variables),
    }


def _score(
    setup: Setup, parts: Divided, trained: Trained, results: Results
) -> dict[str, np.ndarray]:
    """Score the model, and note how long all of it took; return the values by query."""
    from mtbench.train.evaluate import evaluate  # noqa: PLC0415 - imports TensorFlow

    seen, scored = parts.scored(setup)
    started = time.perf_counter()
    trained.model.remember(seen)
    scores = evaluate(trained.model, parts.train, scored, seen)
    seconds = time.perf_counter() - started
    results["metrics"] = scores.metrics
    results["timings"] |= {
        **trained.timings,
        "evaluate_s": seconds,
        "evaluate_examples_per_s": len(scored) / seconds,
    }
    return scores.by_query


def _require_sound(setup: Setup, metrics: Mapping[str, Mapping[str, float]]) -> None:
    """Refuse metrics that are no numbers, or not those a task names.

    Raises:
        FloatingPointError: A metric is NaN or infinite.
        ValueError: The names are not those of `Task.metrics`.
    """
    for task, values in metrics.items():
        optional = {metric.name: metric.optional for metric in setup.tasks[task].metrics()}
        needed = {name for name, may_lack in optional.items() if not may_lack}
        if not needed <= values.keys() <= optional.keys():
            raise ValueError(
                f"task {task!r}: expected metrics {sorted(optional)}, found {sorted(values)}"
            )
        for name, value in values.items():
            if not math.isfinite(value):
                raise FloatingPointError(f"{task}/{name} is {value}")


def _numbers(by_query: Mapping[str, Any], num_queries: int) -> dict[str, np.ndarray]:
    """The values by query, float32 `[num_queries]` each.

    Raises:
        ValueError: Some are not a number for each query.
    """
    found = {}
    for name, values in by_query.items():
        try:
            found[name] = np.asarray(values, np.float32)
        except (TypeError, ValueError) as error:
            raise ValueError(f"by_query, {name}: expected numbers: {error}") from error
        if found[name].shape != (num_queries,):
            raise ValueError(
                f"by_query, {name}: expected a number for each of {num_queries} queries, found an "
                f"array of shape {found[name].shape}"
            )
    return found


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


def _storable(results: Results) -> Results:
    """Those results of a failed run that have a JSON form."""
    kept: Results = {}
    for key, value in results.items():
        with contextlib.suppress(ValueError, TypeError, AttributeError):
            kept |= _plain({key: value})
    return kept


def _plain(value: Results) -> Results:
    """Copy a mapping as JSON types, NumPy's numbers as Python's.

    Raises:
        ValueError: A number is NaN or infinite.
        TypeError: A value has no JSON form.
    """
    return dict(json.loads(json.dumps(value, allow_nan=False, default=lambda x: x.item())))
