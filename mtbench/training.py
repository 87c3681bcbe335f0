"""Training: one scenario's model under Keras, traced once for all its seeds where that is exact."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from . import history
from .data import Data, Interactions
from .model import MultiTaskModel
from .optimizers import Updates, keras_optimizer
from .pace import Pace
from .protocol import Scenario, Suite, Train
from .stopping import Stopping

Metrics = Mapping[str, Mapping[str, float]]
"""`{task: {metric: value}}`."""

ROWS = 2**18
"""Rows that are fed at once, in whole batches."""
_RANDOM = re.compile(r"(?!Stateless).*(Random|Rng|Uniform|Normal|Multinomial)|.*PyFunc")
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
    """`build_s`, `trace_s`, `train_s`, `validate_s`, the steady `train_examples_per_s`, and what
    `Pace.result` says of the steps after the first."""
    validation: list[dict[str, Any]]
    """For each epoch that was validated its number and the metrics."""
    epoch: int
    """The epoch whose parameters the model has."""


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
        validate: Callable[[MultiTaskModel], Metrics] | None = None,
    ) -> Trained:
        """Train from the initial weights of a seed.

        Args:
            seed: Decides initial weights, order of the examples and any randomness of a layer.
            train: The training part.
            epoch_ended: Called with the number of each epoch, from 1, and its losses.
            validate: Scores the model on the validation part, if there is one.

        Raises:
            FloatingPointError: A loss is not finite.
        """
        started = time.perf_counter()
        model = self._prepare(seed)
        model.adapt(train)
        options = self._suite.train
        steps = math.ceil(len(train) / options.batch_size)
        model.optimization.steps.assign(float(steps * options.epochs))
        built = time.perf_counter()
        validation = _Validation(self._suite, self.scenario, validate) if validate else None
        clock = _Clock(epoch_ended, options.batch_size, len(train), validation)
        self._feed.start(train, seed)
        model.fit(
            self._feed.dataset,
            epochs=options.epochs,
            steps_per_epoch=steps,
            callbacks=[clock],
            verbose=0,
        )
        if self._model is None:
            self._model = model if _reusable(model, self._feed) else None
        epochs = len(clock.curve)
        timings = clock.timings(len(train) * epochs)
        return Trained(
            model,
            clock.curve,
            clock.diagnostics,
            {"build_s": built - started, **timings},
            validation.curve if validation else [],
            (validation and validation.restore(model)) or epochs,
        )

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
    own_rate = getattr(scenario.weighting, "learning_rate", None)
    model.compile(Updates(options, model.parts), keras_optimizer(options.optimizer, own_rate))


def devices() -> list[str]:
    """Initialise TensorFlow's devices and return their names."""
    return [device.name for device in tf.config.list_logical_devices()]


def make_feed(suite: Suite, data: Data) -> Feed:
    """Return a feed of the columns that the tasks of a suite read."""
    needs = [name for tower in suite.towers.values() for name in tower.needs()]
    needs += [name for task in suite.tasks.values() for name in task.needs()]
    return Feed(data, dict.fromkeys(["query", "candidate", *needs]), suite.train)


class Feed:
    """The batches of one run after another, from one `tf.data` pipeline.

    Python is asked for the rows of some batches at a time, in the order of the epoch; a batch is a
    slice of them. So memory holds the order, 4 bytes a row, but no second copy of the columns.
    Autotuning is off: it can hold up the end of a `fit` for seconds.

    Attributes:
        dataset: The batches of all epochs of the run that was started last.
    """

    def __init__(self, data: Data, columns: Iterable[str], options: Train) -> None:
        self._options = options
        self._columns = tuple(columns)
        self._run = _FedRun(data.interactions, 0)
        dtypes = {**data.interactions.dtypes, "history": np.int32}
        types = [tf.as_dtype(dtypes[name]) for name in self._columns]

        def some(epoch: Any, start: Any) -> tf.data.Dataset:
            columns = tf.numpy_function(self._rows, [epoch, start], types)
            for column in columns:
                column.set_shape([None])

            def batch(start: Any) -> dict[str, Any]:
                rows = slice(start, start + options.batch_size)
                return {
                    name: column[rows] for name, column in zip(self._columns, columns, strict=True)
                }

            examples = tf.size(columns[0], tf.int64)
            return tf.data.Dataset.range(0, examples, options.batch_size).map(batch)

        def one_epoch(epoch: Any) -> tf.data.Dataset:
            examples = tf.numpy_function(lambda: np.int64(len(self._run.train)), [], tf.int64)
            starts = tf.data.Dataset.range(0, examples, self._step)
            return starts.flat_map(lambda start: some(epoch, start))

        settings = tf.data.Options()
        settings.autotune.enabled = False
        epochs = tf.data.Dataset.range(options.epochs)
        self.dataset = epochs.flat_map(one_epoch).prefetch(2).with_options(settings)

    @property
    def _step(self) -> int:
        """Rows that Python is asked for at once: whole batches."""
        return self._options.batch_size * max(1, ROWS // self._options.batch_size)

    def start(self, train: Interactions, seed: int) -> None:
        """Feed this training part from now on, in the orders of a seed."""
        if "history" in self._columns:
            columns = {**train.columns, "history": history.positions(train)}
            train = Interactions(columns, train.num_queries, train.num_candidates)
        self._run = _FedRun(train, seed)

    def _rows(self, epoch: np.ndarray, start: np.ndarray) -> list[np.ndarray]:
        """Columns of the rows from `start` on, in the order of an epoch, counted from 0."""
        run = self._run  # an earlier run's pipeline may still be asking when another starts
        order = run.order(int(epoch) if self._options.reshuffle else 0)
        rows = order[start : start + self._step]
        return [run.train.columns[name][rows] for name in self._columns]


class _FedRun:
    """A training part and its orders, of which the last is kept."""

    def __init__(self, train: Interactions, seed: int) -> None:
        self.train, self._seed = train, seed
        self._last: tuple[int, np.ndarray] = (-1, np.empty(0, np.int32))

    def order(self, epoch: int) -> np.ndarray:
        """Row numbers in the order of an epoch, int32 `[n]`."""
        number, order = self._last
        if number != epoch:
            stream = np.random.default_rng([self._seed, 1, epoch])
            order = stream.permutation(len(self.train)).astype(np.int32)
            self._last = (epoch, order)
        return order


def _reusable(model: MultiTaskModel, feed: Feed) -> bool:
    """Whether another seed gets the same bits from a model's graph as from one of its own.

    The variables we know are set anew for a seed. Others are not; an operation that draws random
    numbers keeps the seed it was traced with, and one that calls Python what Python remembers.
    """
    traced = model.train_tf_function.get_concrete_function(iter(feed.dataset)).graph
    metrics = [variable for metric in model.metrics for variable in metric.variables]
    keras = [model._train_counter]  # which `fit` sets to 0
    variables = (*model.seed_variables, *model.optimizer_variables, *metrics, *keras)
    known = {v.ref() for v in variables}
    if not known.issuperset(variable.ref() for variable in traced.variables):
        return False
    graph = traced.as_graph_def()
    functions = [node for function in graph.library.function for node in function.node_def]
    return not any(_RANDOM.match(node.op) for node in (*graph.node, *functions))


class _Validation:
    """Scores the validation part between epochs, and keeps what early stopping needs."""

    def __init__(
        self, suite: Suite, scenario: Scenario, validate: Callable[[MultiTaskModel], Metrics]
    ) -> None:
        options = suite.train
        self.curve: list[dict[str, Any]] = []
        self._validate = validate
        self._every = options.validate_every or 1
        self._best: list[np.ndarray] = []
        self._stopping: Stopping | None = None
        if options.early_stopping:
            higher = {
                f"{name}/{metric.name}": metric.higher_is_better
                for name in scenario.tasks
                for metric in suite.tasks[name].metrics()
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


class _Clock(tf.keras.callbacks.Callback):
    """Keeps the curve and the times of a `fit`.

    Args:
        epoch_ended: As in `Trainer.train`.
        batch_size: Number of examples in every step but the last of an epoch.
        examples: Their number in an epoch.
        validation: What scores the validation part, if anything does.
    """

    def __init__(
        self,
        epoch_ended: Callable[[int, dict[str, float]], None],
        batch_size: int,
        examples: int,
        validation: _Validation | None = None,
    ) -> None:
        super().__init__()
        self._validation, self._validated = validation, 0.0
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
        if self._validation:
            started = time.perf_counter()
            self._validation.epoch_ended(epoch + 1, self.model)
            self._validated += time.perf_counter() - started

    def on_train_end(self, logs: Any = None) -> None:
        self._times.append(time.perf_counter())

    def timings(self, examples: int) -> dict[str, float | None]:
        """Times of the whole `fit`, given its number of examples."""
        begin, first, end = self._times
        aside = self._pace.spent + self._validated
        steps, rest = self._steps - 1, end - first - aside
        step = rest / steps if steps else 0.0
        return {
            "trace_s": max(first - begin - step, 0.0),
            "train_s": end - begin - aside,
            "validate_s": self._validated,
            "train_examples_per_s": (examples - self._first) / rest if steps else None,
            **self._pace.result(),
        }
