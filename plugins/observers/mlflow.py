"""Runs in MLflow: `mtbench run SUITE --track mlflow`."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import mtbench
from mtbench import flatten

SQLITE = "sqlite:///"
RUN_ID = "mtbench.run_id"
"""Tag of a run."""
MOST_METRICS, MOST_PARAMS = 1000, 100
"""How many of them MLflow takes at once."""


class MLflow(mtbench.Observer):
    """Runs of MLflow, in an experiment named after the suite.

    They lie where `mlflow ui`, run in the same folder, looks for them. Runs that were done before,
    and are not done again, are sent too, unless the experiment has them.

    A run is sent when it has ended, so that a slow server does not slow the training: `loss/TASK`,
    `weights/…`, `gradient_norms/…`, `norm_ratio`, `cosines/…` and `conflicts/…` as metrics of every
    epoch, and of the last one `metrics/TASK/METRIC`, `timings/…`, `peak_memory_bytes` and
    `parameters`; the suite's options as parameters; status FINISHED or FAILED, with the tag
    `mtbench.error`. Characters that MLflow refuses in a name become `_`. MLflow itself takes
    some 90 MB, which count in `peak_memory_bytes`. Its reports of usage to its makers are switched
    off, unless MLFLOW_DISABLE_TELEMETRY says otherwise.
    """

    name = "mlflow"
    where: str = ""
    """Tracking URI, such as `sqlite:///mlflow.db` or a server's address. Default: MLflow's own,
    which is MLFLOW_TRACKING_URI, else `./mlruns` where that has runs of an earlier MLflow, else
    `sqlite:///mlflow.db`; those are the defaults of `mlflow ui` as well."""

    def build(self) -> MLflowRuns:
        """Import MLflow and ask the store for its experiments."""
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # minutes by default
        mlflow = mtbench.require("mlflow", "mlflow")
        uri = self.where or mlflow.get_tracking_uri()
        if uri.startswith(SQLITE):
            mtbench.require("alembic", "mlflow")
            mtbench.require("sqlalchemy", "mlflow")
            # else MLflow would try for two minutes
            mtbench.prepare_folder(Path(uri.removeprefix(SQLITE)).parent)
        client = mlflow.MlflowClient(uri)
        client.search_experiments(max_results=1)
        return MLflowRuns(client)


class MLflowRuns:
    """Sends one run after another. Steps are epochs, from 1."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._entities = mtbench.require("mlflow.entities", "mlflow")
        self._metrics: list[Any] = []

    @mtbench.hookimpl
    def mtbench_run_started(self, run: mtbench.Run) -> None:
        """Forget the last run."""
        self._metrics = []

    @mtbench.hookimpl
    def mtbench_epoch_ended(
        self, run: mtbench.Run, epoch: int, losses: Mapping[str, float]
    ) -> None:
        """Keep the losses of an epoch."""
        self._keep(epoch, {f"loss/{k.removesuffix('_loss')}": v for k, v in losses.items()})

    @mtbench.hookimpl
    def mtbench_run_found(self, run: mtbench.Run, record: mtbench.Record) -> None:
        """Send a run of earlier, unless it was sent."""
        sent = f"tags.`{RUN_ID}` = '{record.run_id}' and attributes.status != 'RUNNING'"
        if self._client.search_runs([self._experiment(record.suite)], sent, max_results=1):
            return
        self._metrics = []
        for epoch in record.curve:
            losses = {name: value for name, value in epoch.items() if name != "epoch"}
            self.mtbench_epoch_ended(run, int(epoch["epoch"]), losses)
        self.mtbench_run_finished(run, record)

    @mtbench.hookimpl
    def mtbench_run_finished(self, run: mtbench.Run, record: mtbench.Record) -> None:
        """Send all that is known of the run."""
        last = self._metrics[-1].step if self._metrics else 0
        for epoch, values in flatten.diagnostics(record):
            self._keep(epoch, values)
        self._keep(last, flatten.outcome(record))
        param = self._entities.Param
        params = [param(_name(k), str(v)) for k, v in flatten.settings(run).items()]
        tags = {RUN_ID: record.run_id, "mtbench.question_id": record.question_id}
        if record.error:
            tags["mtbench.error"] = str(record.error)
        started = int(datetime.fromisoformat(record.started).timestamp() * 1000)
        created = self._client.create_run(
            self._experiment(record.suite),
            start_time=started,
            tags=tags,
            run_name=f"{record.scenario} seed {record.seed}",
        )
        for part in _parts(params, MOST_PARAMS):
            self._client.log_batch(created.info.run_id, params=part)
        for part in _parts(self._metrics, MOST_METRICS):
            self._client.log_batch(created.info.run_id, metrics=part)
        status = "FINISHED" if record.ok else "FAILED"
        ended = started + math.ceil((record.timings.get("run_s") or 0) * 1000)
        self._client.set_terminated(created.info.run_id, status, ended)

    def _experiment(self, name: str) -> str:
        """The id of an experiment, which is made where there is none."""
        experiment = self._client.get_experiment_by_name(name)
        return str(experiment.experiment_id if experiment else self._client.create_experiment(name))

    def _keep(self, step: int, values: Mapping[str, float]) -> None:
        now = int(time.time() * 1000)
        metric = self._entities.Metric
        self._metrics += [metric(_name(name), value, now, step) for name, value in values.items()]


def _name(name: str) -> str:
    return re.sub(r"[^/\w. -]", "_", name)


def _parts(values: Sequence[Any], most: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), most):
        yield values[start : start + most]


@mtbench.hookimpl
def mtbench_observers() -> list[type[mtbench.Observer]]:
    """Offer it."""
    return [MLflow]
