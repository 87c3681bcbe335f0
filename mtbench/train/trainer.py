"""Training: one scenario's model under Keras, traced once for all its seeds where that is exact."""

from __future__ import annotations

import math
import re
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import tensorflow as tf

from mtbench.data.dataset import Data
from mtbench.data.interactions import Interactions
from mtbench.suite.setup import Setup

from .clock import Clock
from .feed import Feed, make_feed
from .look import Look
from .model import MultiTaskModel
from .rows import Lessons
from .updates import Updates, keras_optimizer
from .validation import Metrics, Stop, Validation

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
    pretraining: list[dict[str, float]] = field(default_factory=list)
    """The curve of the epochs before."""


class Trainer:
    """Trains the runs of one setup.

    Args:
        setup: What to train, and how.
        data: The dataset.
        feed: The batches; setups that read the same columns can share them. Default: its own.

    Attributes:
        setup: What it trains.
    """

    def __init__(self, setup: Setup, data: Data, feed: Feed | None = None) -> None:
        self.setup, self._data = setup, data
        self._feed = feed or make_feed(setup, data)
        first = pretraining(setup)
        self._first = Trainer(first, data) if first else None
        self._model: MultiTaskModel | None = None
        self._initial_slots: list[np.ndarray] = []
        self._look: Look | None = None

    def train(
        self,
        seed: int,
        train: Interactions,
        epoch_ended: Callable[[int, dict[str, float]], None] = lambda epoch, losses: None,
        validate: Callable[[MultiTaskModel], Metrics] | None = None,
        stop: Stop = lambda epoch, metrics: False,
        losses: Callable[[MultiTaskModel], Mapping[str, float]] = lambda model: {},
    ) -> Trained:
        """Train from the initial weights of a seed.

        Args:
            seed: Decides initial weights, order of the examples and any randomness of a layer.
            train: The training part.
            epoch_ended: Called with the number of each epoch, from 1, and its losses.
            validate: Scores the model on the validation part, if there is one.
            stop: Is asked after each time whether that is enough.
            losses: Gives the losses of trained tasks on it, by name.

        Raises:
            FloatingPointError: A loss is not finite.
            RuntimeError: Nothing was learned: all variables are as they were.
        """
        first = self._first and self._first.train(seed, train)
        started = time.perf_counter()
        model = self._prepare(seed)
        lessons = Lessons(self.setup, train, seed)
        model.adapt(train, lessons.by_task)
        if first:
            pairs = zip(model.kept_variables, first.model.kept_variables, strict=True)
            for variable, value in pairs:
                variable.assign(value)
        options = self.setup.train
        rows = self._feed.start(train, seed, lessons)
        steps = math.ceil(rows / options.batch_size)
        model.optimization.steps.assign(float(steps * options.epochs))
        before = _checksums(model)
        built = time.perf_counter()
        validation = Validation(self.setup, validate, stop, losses) if validate else None
        look = self._start_look(model)
        clock = Clock(epoch_ended, options.batch_size, rows, validation, look)
        model.fit(
            self._feed.dataset,
            epochs=options.epochs,
            steps_per_epoch=steps,
            callbacks=_callbacks(clock, model, options.epochs, steps) if look else [clock],
            verbose=0,
        )
        if before and before == _checksums(model):
            raise RuntimeError(
                f"training moved none of the {len(before)} variables of the model: no loss that is "
                "trained depends on them, or its steps are too small for float32"
            )
        if self._model is None:
            self._model = model if _reusable(model, self._feed) else None
        epochs = len(clock.curve)
        timings = {"build_s": built - started, **clock.timings(rows * epochs)}
        if first:
            timings |= _both(first.timings, timings)
        return Trained(
            model,
            clock.curve,
            clock.diagnostics,
            timings,
            validation.curve if validation else [],
            (validation and validation.restore(model)) or epochs,
            first.curve if first else [],
        )

    def _start_look(self, model: MultiTaskModel) -> Look | None:
        """What looks at some steps of a model, where that is asked for and it has several tasks."""
        every = self.setup.train.affinity_every
        if not (every and model.weigher and len(model.trained) > 1):
            return None
        if self._look is None or self._look.model is not model:
            self._look = Look(model, self._feed, every)
        self._look.start()
        return self._look

    def _prepare(self, seed: int) -> MultiTaskModel:
        """A model with the initial state of a seed: the one already traced, if it can serve."""
        tf.keras.utils.set_random_seed(seed)
        fresh = MultiTaskModel(self.setup, self._data)
        if self._model is None:
            compile_model(fresh, self.setup)
            self._initial_slots = [slot.numpy() for slot in fresh.optimizer_variables]
            return fresh
        for variable, initial in zip(self._model.seed_variables, fresh.seed_variables, strict=True):
            variable.assign(initial)
        for slot, initial in zip(self._model.optimizer_variables, self._initial_slots, strict=True):
            slot.assign(initial)
        return self._model


def _callbacks(clock: Clock, model: MultiTaskModel, epochs: int, steps: int) -> Any:
    """The callbacks of a `fit` that may take longer than a step: Keras would warn of that."""
    made = tf.keras.callbacks.CallbackList(
        [clock], add_history=True, model=model, verbose=0, epochs=epochs, steps=steps
    )
    made._check_timing = False
    return made


def _checksums(model: MultiTaskModel) -> list[int]:
    """Of each variable that training moves."""
    return [zlib.crc32(variable.numpy()) for variable in model.model_variables]


def pretraining(setup: Setup) -> Setup | None:
    """What is trained before a setup, of the same towers and heads; None where nothing is."""
    first = setup.train.pretrain
    if first is None:
        return None
    trained = tuple(name for name in setup.tasks if name in first.tasks)
    train = setup.train.model_copy(update={"epochs": first.epochs, "pretrain": None})
    return replace(setup, trained=trained, weighting=None, train=train)


def _both(one: Mapping[str, float | None], two: Mapping[str, float | None]) -> dict[str, float]:
    """The seconds that two trainings took together."""
    return {key: (one[key] or 0.0) + (two[key] or 0.0) for key in ("build_s", "trace_s", "train_s")}


def compile_model(model: MultiTaskModel, setup: Setup) -> None:
    """Compile the model of a scenario with the optimizers its setup asks for."""
    own_rate = getattr(setup.weighting, "learning_rate", None)
    model.compile(
        Updates(setup.train, model.parts), keras_optimizer(setup.train.optimizer, own_rate)
    )


def _reusable(model: MultiTaskModel, feed: Feed) -> bool:
    """Whether another seed gets the same bits from a model's graph as from one of its own.

    The variables we know are set anew for a seed. Others are not; an operation that draws random
    numbers keeps the seed it was traced with, and one that calls Python what Python remembers.
    """
    traced = model.train_tf_function.get_concrete_function(iter(feed.dataset)).graph
    metrics = [variable for metric in model.metrics for variable in metric.variables]
    keras = [model._train_counter]  # which `fit` sets to 0
    known = (*model.seed_variables, *model.optimizer_variables, *model.scratch_variables)
    variables = (*known, *metrics, *keras)
    set_anew = {v.ref() for v in variables}
    if not set_anew.issuperset(variable.ref() for variable in traced.variables):
        return False
    graph = traced.as_graph_def()
    functions = [node for function in graph.library.function for node in function.node_def]
    return not any(_RANDOM.match(node.op) for node in (*graph.node, *functions))
