"""Training: one scenario's model under Keras, traced once for all of its seeds where that is exact."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from .data import Data, Interactions
from .model import MultiTaskModel
from .suite import Scenario, Suite, Train

_RANDOM = re.compile(r"Random|Rng|Uniform|Normal|Multinomial|PyFunc")
"""Operations whose numbers come from state that is baked into a graph, or from Python."""


@dataclass(frozen=True)
class Trained:
    """A trained model and how it went."""

    model: MultiTaskModel
    curve: list[dict[str, float]]
    """For each epoch its number and each trained task's mean loss."""
    timings: dict[str, float | None]
    """`build_s`, `trace_s`, `train_s`, and the steady `train_examples_per_s`."""


class Trainer:
    """Trains the runs of one scenario."""

    def __init__(self, suite: Suite, scenario: Scenario, data: Data) -> None:
        self._suite, self._scenario, self._data = suite, scenario, data
        self._model: MultiTaskModel | None = None

    def train(
        self,
        seed: int,
        train: Interactions,
        epoch_ended: Callable[[int, dict[str, float]], None] = lambda epoch, losses: None,
    ) -> Trained:
        """Train from the initial weights of a seed.

        Args:
            seed: Decides initial weights, order of the examples and any randomness of a layer.
            train: The training part.
            epoch_ended: Called with the number of each epoch, from 1, and its losses.

        Raises:
            FloatingPointError: A loss is not finite.
        """
        started = time.perf_counter()
        model = self._prepare(seed)
        for head in model.heads.values():
            head.adapt(train)
        built = time.perf_counter()
        options = self._suite.train
        clock = _Clock(epoch_ended)
        model.fit(
            batches(train, options, seed),
            epochs=options.epochs,
            steps_per_epoch=math.ceil(len(train) / options.batch_size),
            callbacks=[clock],
            verbose=0,
        )
        timings = clock.timings(len(train) * options.epochs, min(options.batch_size, len(train)))
        return Trained(model, clock.curve, {"build_s": built - started, **timings})

    def _prepare(self, seed: int) -> MultiTaskModel:
        """A model with the initial state of a seed: the one already traced, if it can serve."""
        tf.keras.utils.set_random_seed(seed)
        fresh = build_model(self._suite, self._scenario, self._data)
        if self._model is None or not _reusable(self._model, self._data):
            self._model = fresh
        else:
            for variable, initial in zip(self._model.state(), fresh.state(), strict=True):
                variable.assign(initial)
        return self._model


def build_model(suite: Suite, scenario: Scenario, data: Data) -> MultiTaskModel:
    """Build and compile the model of a scenario, its variables initialised."""
    model = MultiTaskModel(suite, scenario, data)
    options = suite.train.optimizer
    model.compile(optimizer=_optimizer(options.name, options.learning_rate))
    model.optimizer.build(model.model_variables)
    if scenario.weighting and model.weighting_variables:
        rate = getattr(scenario.weighting, "learning_rate", None) or options.learning_rate
        model.weighting_optimizer = _optimizer(options.name, rate)
        model.weighting_optimizer.build(model.weighting_variables)
    return model


def _optimizer(name: str, learning_rate: float) -> Any:
    # not `tf.keras.optimizers.get`: given a configuration it makes a legacy optimizer
    classes = {cls.lower(): cls for cls in ("Adagrad", "Adam", "AdamW", "RMSprop", "SGD")}
    return getattr(tf.keras.optimizers, classes[name])(learning_rate)


def batches(train: Interactions, options: Train, seed: int) -> tf.data.Dataset:
    """The batches of all epochs, one after the other.

    The columns stay where they are; Python is asked for an order once an epoch, and a batch is a
    gather. Autotuning is off: it can hold up the end of a `fit` for seconds.
    """
    columns = {name: tf.constant(column) for name, column in train.columns.items()}

    def order(epoch: np.ndarray) -> np.ndarray:
        stream = [seed, 1, int(epoch) if options.reshuffle else 0]
        return np.random.default_rng(stream).permutation(len(train)).astype(np.int32)

    def one_epoch(epoch: Any) -> tf.data.Dataset:
        rows = tf.numpy_function(order, [epoch], tf.int32, stateful=False)
        rows.set_shape([len(train)])

        def batch(start: Any) -> dict[str, Any]:
            chosen = rows[start : start + options.batch_size]
            return {name: tf.gather(column, chosen) for name, column in columns.items()}

        return tf.data.Dataset.range(0, len(train), options.batch_size).map(batch)

    settings = tf.data.Options()
    settings.autotune.enabled = False
    epochs = tf.data.Dataset.range(options.epochs)
    return epochs.flat_map(one_epoch).prefetch(2).with_options(settings)


def _reusable(model: MultiTaskModel, data: Data) -> bool:
    """Whether another seed gets the same bits from a model's graph as from one of its own.

    Variables are set anew for a seed, but an operation that draws random numbers keeps the seed it
    was traced with, and one that calls Python what Python remembers.
    """
    if getattr(model, "train_tf_function", None) is None:  # it failed before it was traced
        return False
    example = batches(data.interactions, Train(epochs=1), 0)
    graph = model.train_tf_function.get_concrete_function(iter(example)).graph.as_graph_def()
    functions = [node for function in graph.library.function for node in function.node_def]
    return not any(_RANDOM.search(node.op) for node in (*graph.node, *functions))


class _Clock(tf.keras.callbacks.Callback):
    """Keeps the curve and the times of a `fit`."""

    def __init__(self, epoch_ended: Callable[[int, dict[str, float]], None]) -> None:
        super().__init__()
        self.curve: list[dict[str, float]] = []
        self._epoch_ended = epoch_ended
        self._times: list[float] = []
        self._steps = 0

    def on_train_begin(self, logs: Any = None) -> None:
        self._times.append(time.perf_counter())

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._steps += 1
        if self._steps == 1:
            self._times.append(time.perf_counter())

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        losses = {name: float(value) for name, value in (logs or {}).items()}
        self.curve.append({"epoch": epoch + 1, **losses})
        for name, value in losses.items():
            if not math.isfinite(value):
                raise FloatingPointError(f"{name} is {value} after epoch {epoch + 1}")
        self._epoch_ended(epoch + 1, losses)

    def on_train_end(self, logs: Any = None) -> None:
        self._times.append(time.perf_counter())

    def timings(self, examples: int, first_batch: int) -> dict[str, float | None]:
        """Times of the whole `fit`, given its number of examples and those of its first step."""
        begin, first, end = self._times
        steps, rest = self._steps - 1, end - first
        step = rest / steps if steps else 0.0
        return {
            "trace_s": max(first - begin - step, 0.0),
            "train_s": end - begin,
            "train_examples_per_s": (examples - first_batch) / rest if steps else None,
        }
