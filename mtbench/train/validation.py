"""The validation part between epochs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mtbench.suite.setup import Setup

from .model import MultiTaskModel
from .stopping import Stopping, followed

Metrics = Mapping[str, Mapping[str, float]]
"""`{task: {metric: value}}`."""
Stop = Callable[[int, Metrics], bool]
"""Whether to stop after an epoch, from 1, with these metrics of the validation part."""


class Validation:
    """Scores the validation part between epochs, and keeps what early stopping needs.

    Args:
        setup: What is trained.
        validate: Scores a model.
        stop: Is asked after each time.
        losses: Gives the losses of the trained tasks by name.
    """

    def __init__(
        self,
        setup: Setup,
        validate: Callable[[MultiTaskModel], Metrics],
        stop: Stop = lambda epoch, metrics: False,
        losses: Callable[[MultiTaskModel], Mapping[str, float]] = lambda model: {},
    ) -> None:
        options = setup.train
        self._stop, self._losses = stop, losses
        self.curve: list[dict[str, Any]] = []
        self._validate = validate
        self._every = options.validate_every or 1
        self._best: list[np.ndarray] = []
        self._stopping: Stopping | None = None
        if options.early_stopping:
            metrics = followed(setup, options.early_stopping.metrics)
            if metrics:  # else no trained task is: all epochs are for it
                self._stopping = Stopping(metrics, options.early_stopping.patience)

    def epoch_ended(self, epoch: int, model: MultiTaskModel) -> None:
        """Validate, if it is time, and let the model stop."""
        if epoch % self._every:
            return
        metrics = self._validate(model)
        told = {"epoch": epoch, "metrics": metrics}
        if losses := dict(self._losses(model)):
            told["losses"] = losses
        self.curve.append(told)
        if self._stopping:
            if self._stopping.better(epoch, metrics):
                self._best = [v.numpy() for v in model.model_variables]
            model.stop_training = self._stopping.over
        if self._stop(epoch, metrics):
            model.stop_training = True

    def restore(self, model: MultiTaskModel) -> int | None:
        """Give the model the parameters of the best epoch, and return its number, if one is."""
        for variable, value in zip(model.model_variables, self._best, strict=bool(self._best)):
            variable.assign(value)
        return self._stopping.best if self._stopping and self._best else None
