"""The validation part between epochs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mtbench.suite.setup import Setup

from .model import MultiTaskModel
from .stopping import Stopping

Metrics = Mapping[str, Mapping[str, float]]
"""`{task: {metric: value}}`."""


class Validation:
    """Scores the validation part between epochs, and keeps what early stopping needs."""

    def __init__(self, setup: Setup, validate: Callable[[MultiTaskModel], Metrics]) -> None:
        options = setup.train
        self.curve: list[dict[str, Any]] = []
        self._validate = validate
        self._every = options.validate_every or 1
        self._best: list[np.ndarray] = []
        self._stopping: Stopping | None = None
        if options.early_stopping:
            higher = {
                f"{name}/{metric.name}": metric.higher_is_better
                for name in setup.trained
                for metric in setup.tasks[name].metrics()
            }
            followed = [(m, higher[m]) for m in options.early_stopping.metrics if m in higher]
            if followed:  # else no trained task is: all epochs are for it
                self._stopping = Stopping(followed, options.early_stopping.patience)

    def epoch_ended(self, epoch: int, model: MultiTaskModel) -> None:
        """Validate, if it is time, and let the model stop."""
        if epoch % self._every:
            return
        metrics = self._validate(model)
        self.curve.append({"epoch": epoch, "metrics": metrics})
        if self._stopping:
            if self._stopping.better(epoch, metrics):
                self._best = [v.numpy() for v in model.model_variables]
            model.stop_training = self._stopping.over

    def restore(self, model: MultiTaskModel) -> int | None:
        """Give the model the parameters of the best epoch, and return its number, if one is."""
        for variable, value in zip(model.model_variables, self._best, strict=bool(self._best)):
            variable.assign(value)
        return self._stopping.best if self._stopping and self._best else None
