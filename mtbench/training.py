"""Training: one scenario's model under Keras, traced once for all its seeds where that is exact."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from .data import Data, Interactions
from .model import MultiTaskModel
from .pace import Pace
from .protocol import Scenario, Suite, Train

_RANDOM = re.compile(r"Random|Rng|Uniform|Normal|Multinomial|PyFunc")
"""Operations whose numbers come from state that is baked into a graph, or from Python."""


@dataclass(frozen=True)
class Trained:
    """A trained model and how it went."""

    model: MultiTaskModel
    curve: list[dict[str, float]]
    """For each epoch its number and each trained task's mean loss."""
    diagnostics: list[dict[str, Any]]
    """For each epoch its number and `Diagnostics.result`; empty without a strategy."""
    timings: dict[str, float | None]
    """`build_s`, `trace_s`, `train_s`, the steady `train_examples_per_s`, and what `Pace.result`
    says of the steps after the first."""


class Trainer:
    """Trains the runs of one scenario.

    Args:
        suite: What the scenario belongs to.
        scenario: What to train.
        data: The dataset.
        feed: The batches; scenarios of one suite can share them. Default: a feed of its own.

    Attributes:
        scenario: The scenario.
    """

    def __init__(
        self, suite: Suite, scenario: Scenario, data: Data, feed: Feed | None = None
    ) -> None:
        self._suite, self.scenario, self._data = suite, scenario, data
        self._feed = feed or make_feed(suite, data)
        self._model: MultiTaskModel | None = None
        self._initial_slots: list[np.ndarray] = []

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
        clock = _Clock(epoch_ended, options.batch_size, len(train))
        self._feed.start(train, seed)
        model.fit(
            self._feed.dataset,
            epochs=options.epochs,
            steps_per_epoch=math.ceil(len(train) / options.batch_size),
            callbacks=[clock],
            verbose=0,
        )
        if self._model is None:
            self._model = model if _reusable(model, self._feed) else None
        timings = {"build_s": built - started, **clock.timings(len(train) * options.epochs)}
        return Trained(model, clock.curve, clock.diagnostics, timings)

    def _prepare(self, seed: int) -> MultiTaskModel:
        """A model with the initial state of a seed: the one already traced, if it can serve."""
        tf.keras.utils.set_random_seed(seed)
        fresh = MultiTaskModel(self._suite, self.scenario, self._data)
        if self._model is None:
            compile_model(fresh, self._suite.train, self.scenario)
            self._initial_slots = [slot.numpy() for slot in fresh.optimizer_variables]
            return fresh
        for variable, initial in zip(self._model.seed_variables, fresh.seed_variables, strict=True):
            variable.assign(initial)
        for slot, initial in zip(self._model.optimizer_variables, self._initial_slots, strict=True):
            slot.assign(initial)
        return self._model


def compile_model(model: MultiTaskModel, options: Train, scenario: Scenario) -> None:
    """Compile the model of a scenario with the optimizers its suite asks for."""
    name, rate = options.optimizer.name, options.optimizer.learning_rate
    own_rate = getattr(scenario.weighting, "learning_rate", None) or rate
    model.compile(_optimizer(name, rate), _optimizer(name, own_rate))


def _optimizer(name: str, learning_rate: float) -> Any:
    # not `tf.keras.optimizers.get`: given a configuration it makes a legacy optimizer
    classes = {cls.lower(): cls for cls in ("Adagrad", "Adam", "AdamW", "RMSprop", "SGD")}
    return getattr(tf.keras.optimizers, classes[name])(learning_rate)


def devices() -> list[str]:
    """Initialise TensorFlow's devices and return their names."""
    return [device.name for device in tf.config.list_logical_devices()]


def make_feed(suite: Suite, data: Data) -> Feed:
    """Return a feed of the columns that the tasks of a suite read."""
    needs = [name for task in suite.tasks.values() for name in task.needs()]
    return Feed(data, dict.fromkeys(["query", "candidate", *needs]), suite.train)


class Feed:
    """The batches of one run after another, from one `tf.data` pipeline.

    Python is asked once an epoch for its shuffled columns; a batch is a slice of them. Autotuning
    is off: it can hold up the end of a `fit` for seconds.

    Attributes:
        dataset: The batches of all epochs of the run that was started last.
    """

    def __init__(self, data: Data, columns: Iterable[str], options: Train) -> None:
        self._options = options
        self._columns = tuple(columns)
        self._train = data.interactions
        self._seed = 0
        types = [tf.as_dtype(data.interactions.columns[name].dtype) for name in self._columns]

        def one_epoch(epoch: Any) -> tf.data.Dataset:
            shuffled = tf.numpy_function(self._shuffled, [epoch], types)
            for column in shuffled:
                column.set_shape([None])

            def batch(start: Any) -> dict[str, Any]:
                rows = slice(start, start + options.batch_size)
                return {
                    name: column[rows] for name, column in zip(self._columns, shuffled, strict=True)
                }

            examples = tf.size(shuffled[0], tf.int64)
            return tf.data.Dataset.range(0, examples, options.batch_size).map(batch)

        settings = tf.data.Options()
        settings.autotune.enabled = False
        epochs = tf.data.Dataset.range(options.epochs)
        self.dataset = epochs.flat_map(one_epoch).prefetch(2).with_options(settings)

    def start(self, train: Interactions, seed: int) -> None:
        """Feed this training part from now on, in the orders of a seed."""
        self._train, self._seed = train, seed

    def _shuffled(self, epoch: np.ndarray) -> list[np.ndarray]:
        """The columns in the order of an epoch, counted from 0."""
        stream = [self._seed, 1, int(epoch) if self._options.reshuffle else 0]
        order = np.random.default_rng(stream).permutation(len(self._train))
        return [self._train.columns[name][order] for name in self._columns]


def _reusable(model: MultiTaskModel, feed: Feed) -> bool:
    """Whether another seed gets the same bits from a model's graph as from one of its own.

    The variables we know are set anew for a seed. Others are not; an operation that draws random
    numbers keeps the seed it was traced with, and one that calls Python what Python remembers.
    """
    traced = model.train_tf_function.get_concrete_function(iter(feed.dataset)).graph
    metrics = [variable for metric in model.metrics for variable in metric.variables]
    rates = [optimizer.learning_rate for optimizer in model.optimizers]
    keras = [model._train_counter]  # which `fit` sets to 0
    variables = (*model.seed_variables, *model.optimizer_variables, *metrics, *rates, *keras)
    known = {v.ref() for v in variables}
    if not known.issuperset(variable.ref() for variable in traced.variables):
        return False
    graph = traced.as_graph_def()
    functions = [node for function in graph.library.function for node in function.node_def]
    return not any(_RANDOM.search(node.op) for node in (*graph.node, *functions))


class _Clock(tf.keras.callbacks.Callback):
    """Keeps the curve and the times of a `fit`.

    Args:
        epoch_ended: As in `Trainer.train`.
        batch_size: Number of examples in every step but the last of an epoch.
        examples: Their number in an epoch.
    """

    def __init__(
        self,
        epoch_ended: Callable[[int, dict[str, float]], None],
        batch_size: int,
        examples: int,
    ) -> None:
        super().__init__()
        self._first = min(batch_size, examples)
        self._even = examples % self._first == 0
        self.curve: list[dict[str, float]] = []
        self.diagnostics: list[dict[str, Any]] = []
        self._epoch_ended = epoch_ended
        self._times: list[float] = []
        self._steps = 0
        self._pace = Pace()
        self._begun = 0.0

    def on_train_begin(self, logs: Any = None) -> None:
        self._times.append(time.perf_counter())

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._begun = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        ended = time.perf_counter()
        self._steps += 1
        if self._steps == 1:
            self._times.append(ended)
        elif self._even or batch + 1 < self.params["steps"]:  # the last batch may be smaller
            self._pace.step(ended - self._begun)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        losses = {name: float(value) for name, value in (logs or {}).items()}
        self.curve.append({"epoch": epoch + 1, **losses})
        for name, value in losses.items():
            if not math.isfinite(value):
                raise FloatingPointError(f"{name} is {value} after epoch {epoch + 1}")
        weigher = self.model.weigher
        if weigher:
            self.diagnostics.append({"epoch": epoch + 1, **self.model.diagnostics.result()})
            if hasattr(weigher.strategy, "epoch_ended"):
                weigher.strategy.epoch_ended(tf.constant(list(losses.values())))
        self._epoch_ended(epoch + 1, losses)

    def on_train_end(self, logs: Any = None) -> None:
        self._times.append(time.perf_counter())

    def timings(self, examples: int) -> dict[str, float | None]:
        """Times of the whole `fit`, given its number of examples."""
        begin, first, end = self._times
        steps, rest = self._steps - 1, end - first - self._pace.spent
        step = rest / steps if steps else 0.0
        return {
            "trace_s": max(first - begin - step, 0.0),
            "train_s": end - begin - self._pace.spent,
            "train_examples_per_s": (examples - self._first) / rest if steps else None,
            **self._pace.result(),
        }
