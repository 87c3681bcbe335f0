"""Runs in TensorBoard: `mtbench run SUITE --track tensorboard`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import tensorflow as tf

import mtbench
from mtbench import flatten

FILES = "events.out.tfevents.*"
"""What event files are called."""


class TensorBoard(mtbench.Observer):
    """Event files for `tensorboard --logdir WHERE`, written while a run goes on.

    Each run has a folder, `SUITE/SCENARIO seed N ID`; doing a run again replaces its files.
    `loss/TASK` comes after every epoch; at the end of the run come `weights/…`,
    `gradient_norms/…`, `norm_ratio`, `cosines/…` and `conflicts/…` for every epoch, and at the last
    epoch `metrics/TASK/METRIC`, `timings/…`, `peak_memory_bytes` and `parameters`. The suite's
    options are hyperparameters, with success or failure as the session's end; a failed run also
    has its `error` as text. A run that was done before, and is not done again, gets its files too,
    unless it has some.
    """

    name = "tensorboard"
    where: str = "tensorboard"
    """Folder of the event files."""

    def build(self) -> EventFiles:
        """Make the folder."""
        mtbench.require("tensorboard", "tensorboard")
        folder = Path(self.where)
        mtbench.prepare_folder(folder)
        return EventFiles(folder)


class EventFiles:
    """Writes the event files of one run after another. Steps are epochs, from 1."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: Any = None
        self._epoch = 0

    @mtbench.hookimpl
    def mtbench_run_started(self, run: mtbench.Run) -> None:
        """Open an event file and describe the run."""
        self._writer, self._epoch = None, 0
        create = tf.summary.create_file_writer  # by mtbench's import of TensorFlow, a quiet one
        hparams = importlib.import_module("tensorboard.plugins.hparams.api")
        importlib.import_module("tensorboard.plugins.scalar.summary_v2")  # else in the first epoch
        folder = self._place(run)
        for old in folder.glob(FILES):
            old.unlink()
        writer = create(str(folder))
        with writer.as_default():
            hparams.hparams(flatten.settings(run))
        self._writer = writer

    @mtbench.hookimpl
    def mtbench_epoch_ended(
        self, run: mtbench.Run, epoch: int, losses: Mapping[str, float]
    ) -> None:
        """Write the losses of an epoch."""
        self._epoch = epoch
        if self._writer:
            self._write(epoch, {f"loss/{k.removesuffix('_loss')}": v for k, v in losses.items()})

    @mtbench.hookimpl
    def mtbench_run_found(self, run: mtbench.Run, record: mtbench.Record) -> None:
        """Write the files of a run of earlier, unless they are there."""
        if any(self._place(run).glob(FILES)):
            return
        self.mtbench_run_started(run)
        for epoch in record.curve:
            losses = {name: value for name, value in epoch.items() if name != "epoch"}
            self.mtbench_epoch_ended(run, int(epoch["epoch"]), losses)
        self.mtbench_run_finished(run, record)

    def _place(self, run: mtbench.Run) -> Path:
        """The folder of a run."""
        name = f"{run.scenario} seed {run.seed} {run.id}"
        return self._folder / run.suite / quote(name, safe=" ,=+()[]")

    @mtbench.hookimpl
    def mtbench_run_finished(self, run: mtbench.Run, record: mtbench.Record) -> None:
        """Write what the record tells, and close the event file."""
        if not self._writer:
            return
        for epoch, values in flatten.diagnostics(record):
            self._write(epoch, values)
        self._write(self._epoch, flatten.outcome(record))
        with self._writer.as_default(step=self._epoch):
            if record.error:
                tf.summary.text("error", str(record.error))
            tf.summary.experimental.write_raw_pb(_end(record.ok))
        self._writer.close()
        self._writer = None

    def _write(self, step: int, values: Mapping[str, float]) -> None:
        """Write scalars; the end of the context flushes them to the file."""
        with self._writer.as_default(step=step):
            for name, value in values.items():
                tf.summary.scalar(name, value)


def _end(success: bool) -> bytes:
    """The end of a session of the hyperparameter dashboard."""
    summary = importlib.import_module("tensorboard.plugins.hparams.summary")
    api = importlib.import_module("tensorboard.plugins.hparams.api_pb2")
    status = api.STATUS_SUCCESS if success else api.STATUS_FAILURE
    return bytes(summary.session_end_pb(status).SerializeToString())


@mtbench.hookimpl
def mtbench_observers() -> list[type[mtbench.Observer]]:
    """Offer it."""
    return [TensorBoard]
