"""What goes on beside a `fit`: times, the learning curve, the validation part."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from .look import Look
from .pace import Pace
from .validation import Validation


class Clock(tf.keras.callbacks.Callback):
    """Keeps the curve and the times of a `fit`.

    Args:
        epoch_ended: As in `Trainer.train`.
        batch_size: Number of examples in every step but the last of an epoch.
        examples: Their number in an epoch.
        validation: What scores the validation part, if anything does.
        look: What looks at some of the steps, if anything does.
    """

    def __init__(
        self,
        epoch_ended: Callable[[int, dict[str, float]], None],
        batch_size: int,
        examples: int,
        validation: Validation | None = None,
        look: Look | None = None,
    ) -> None:
        super().__init__()
        self._look, self._epoch = look, 0
        self._validation, self._validated = validation, 0.0
        self._first = min(batch_size, examples)
        self._even = examples % self._first == 0
        self.curve: list[dict[str, float]] = []
        self.diagnostics: list[dict[str, Any]] = []
        self._epoch_ended = epoch_ended
        self._times: list[float] = []
        self._steps = 0
        self._pace = Pace()
        self._begun = self._spent = 0.0
        self._spent_by_step: list[float] = []

    def on_train_begin(self, logs: Any = None) -> None:
        """Start the clock."""
        self._times.append(time.perf_counter())

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Note which epoch it is."""
        self._epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Look at the step, and note when it begins."""
        if self._look:
            self._look.before(self._epoch, batch)
        self._begun, self._spent = time.perf_counter(), time.process_time()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Note how long a step took."""
        ended = time.perf_counter()
        self._steps += 1
        if self._steps == 1:
            self._times.append(ended)
        elif self._even or batch + 1 < self.params["steps"]:  # the last batch may be smaller
            self._spent_by_step.append(time.process_time() - self._spent)
            self._pace.step(ended - self._begun)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keep the epoch, tell of it and validate."""
        losses = {name: float(value) for name, value in (logs or {}).items()}
        self.curve.append({"epoch": epoch + 1, **losses})
        for name, value in losses.items():
            if not math.isfinite(value):
                raise FloatingPointError(f"{name} is {value} after epoch {epoch + 1}")
        weigher = self.model.weigher
        if weigher:
            seen = self._look.result() if self._look else {}
            told = self.model.diagnostics.result() | seen
            self.diagnostics.append({"epoch": epoch + 1, **told})
            self.model.epoch_ended(losses)
        self._epoch_ended(epoch + 1, losses)
        if self._validation:
            started = time.perf_counter()
            self._validation.epoch_ended(epoch + 1, self.model)
            self._validated += time.perf_counter() - started

    def on_train_end(self, logs: Any = None) -> None:
        """Stop the clock."""
        self._times.append(time.perf_counter())

    def timings(self, examples: int) -> dict[str, float | None]:
        """Times of the whole `fit`, given its number of examples."""
        begin, first, end = self._times
        aside = self._pace.spent + self._validated + (self._look.spent if self._look else 0.0)
        steps, rest = self._steps - 1, end - first - aside
        step = rest / steps if steps else 0.0
        return {
            "trace_s": max(first - begin - step, 0.0),
            "train_s": end - begin - aside,
            "validate_s": self._validated,
            "train_examples_per_s": (examples - self._first) / rest if steps else None,
            "step_cpu_s": statistics.median(self._spent_by_step) if self._spent_by_step else None,
            **self._pace.result(),
        }
