"""The model: two towers, a head for each task, and a weighting of the trained tasks' losses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
import tensorflow_recommenders as tfrs

from .components import Features, Head
from .data import Data, Side
from .errors import MtbenchError
from .protocol import Scenario, Suite

Tensor = Any


class Embedded:
    """One side of a batch: an embedding for each distinct id, and which example has which.

    Attributes:
        ids: int32 `[distinct]`; may repeat where `grouped` is False.
        embeddings: float32 `[distinct, embedding_dim]`.
        rows: int32 `[batch]`, the position of each example in `ids`.
        counts: int32 `[distinct]`, how many examples have each.
        grouped: Whether `ids` are distinct. They are not for a tower that is more than a function
            of the id; then `rows` is 0, 1, 2, ….
    """

    def __init__(
        self, ids: Tensor, embeddings: Tensor, rows: Tensor, counts: Tensor, grouped: bool
    ) -> None:
        self.ids, self.embeddings, self.rows, self.counts = ids, embeddings, rows, counts
        self.grouped = grouped
        self._expanded: Tensor | None = None

    def expand(self) -> Tensor:
        """The embedding of each example, float32 `[batch, embedding_dim]`."""
        if not self.grouped:
            return self.embeddings
        if self._expanded is None:  # tasks that share an embedding share the gather
            self._expanded = tf.gather(self.embeddings, self.rows)
        return self._expanded


@dataclass(frozen=True)
class Batch:
    """What a head sees of a batch."""

    columns: Mapping[str, Tensor]
    """The interactions' columns, `[batch]` each: `query`, `candidate`, labels."""
    query: Embedded
    candidate: Embedded


@dataclass(frozen=True)
class _Side:
    """A tower with what it reads."""

    column: str
    layer: Callable[..., Tensor]
    key: str
    by_id: bool

    def embed(self, ids: Tensor, tasks: Iterable[str], training: bool) -> dict[str, Embedded]:
        """Embed the ids of a batch for each of the tasks."""
        if self.by_id:
            distinct, rows, counts = tf.unique_with_counts(ids)
        else:
            distinct, rows, counts = ids, tf.range(tf.size(ids)), tf.ones_like(ids)
        output = self.layer({self.key: distinct}, training=training)
        if not isinstance(output, Mapping):
            shared = Embedded(distinct, output, rows, counts, self.by_id)
            return dict.fromkeys(tasks, shared)
        return {task: Embedded(distinct, output[task], rows, counts, self.by_id) for task in tasks}


class MultiTaskModel(tfrs.Model):
    """Towers, heads and weighting of one scenario.

    Attributes:
        heads: The heads of all tasks of the suite, trained or not.
        trained: Names of the trained tasks.
    """

    def __init__(self, suite: Suite, scenario: Scenario, data: Data) -> None:
        super().__init__()
        require_keras_2()
        towers: dict[str, Callable[..., Tensor]] = {}
        sides: dict[str, Side] = {"query": data.query, "candidate": data.candidate}
        for name, side in sides.items():
            features = Features(side.key, {side.key: len(side.ids)})
            towers[name] = suite.towers[name].build(features, tuple(suite.tasks))
        self.heads: dict[str, Head] = {
            name: task.build(len(data.query.ids), len(data.candidate.ids))
            for name, task in suite.tasks.items()
        }
        self.trained = scenario.tasks
        tasks = {name: suite.tasks[name] for name in scenario.tasks}
        self._combine = scenario.weighting.build(tasks) if scenario.weighting else None
        self._sides = tuple(
            _Side(name, towers[name], side.key, suite.towers[name].by_id)
            for name, side in sides.items()
        )
        # Keras finds layers and variables in lists of its own attributes
        self._model_state = [
            part for owner in (*towers.values(), *self.heads.values()) for part in _state(owner)
        ]
        self._weighting_state = _state(self._combine)
        self.weighting_optimizer: Any = None
        self._loss_means: dict[str, Any] = {}
        self._initialize(data)

    def compile(self, optimizer: Any, weighting_optimizer: Any = None) -> None:
        """Make ready for training.

        Args:
            optimizer: Keras optimizer of towers and heads.
            weighting_optimizer: Keras optimizer of the strategy's variables, if it has any.
        """
        super().compile(optimizer=optimizer)
        self._loss_means = {name: tf.keras.metrics.Mean(name=name) for name in self.trained}
        self.optimizer.build(self.model_variables)
        if self.weighting_variables:
            self.weighting_optimizer = weighting_optimizer
            self.weighting_optimizer.build(self.weighting_variables)

    def _initialize(self, data: Data) -> None:
        """Call every part once, on two examples, so that every variable exists."""
        two = {name: tf.constant(column[:2]) for name, column in data.interactions.columns.items()}
        state = [(v, v.numpy()) for v in self.seed_variables if not v.trainable]
        with tf.GradientTape() as tape:
            batches = self.batches(two, self.heads)
            for name, head in self.heads.items():
                dims = [
                    side.embeddings.shape[-1]
                    for side in (batches[name].query, batches[name].candidate)
                ]
                if dims[0] != dims[1]:
                    raise MtbenchError(
                        f"expected towers of one embedding_dim, found {dims[0]} (query) and "
                        f"{dims[1]} (candidate)"
                    )
                head.loss(batches[name])
            if self._combine:
                self._combine(tf.ones([len(self.trained)]))
        for variable, value in state:  # a strategy may keep what it was asked: this was no step
            variable.assign(value)
        known = {v.ref() for v in self.trainable_variables}
        for variable in tape.watched_variables():
            if variable.ref() not in known:
                raise MtbenchError(
                    f"variable {variable.name!r} would not be trained: expected it, or its layer, "
                    "to be an attribute of what `build` returns"
                )

    def batches(
        self, columns: Mapping[str, Tensor], tasks: Iterable[str], training: bool = False
    ) -> dict[str, Batch]:
        """Embed a batch for each of the tasks.

        Args:
            columns: The interactions' columns, `[batch]` each.
            tasks: Names of the tasks.
            training: Whether the towers are to train.
        """
        tasks = tuple(tasks)
        query, candidate = (
            side.embed(columns[side.column], tasks, training) for side in self._sides
        )
        return {task: Batch(columns, query[task], candidate[task]) for task in tasks}

    def catalogue(self, task: str, num_candidates: int) -> Tensor:
        """Embeddings of all candidates for a task, float32 `[num_candidates, embedding_dim]`."""
        _, side = self._sides
        ids = tf.range(num_candidates, dtype=tf.int32)
        return side.embed(ids, (task,), training=False)[task].embeddings

    def losses_by_task(self, columns: Mapping[str, Tensor], training: bool) -> dict[str, Tensor]:
        """The loss of each trained task, unweighted."""
        batches = self.batches(columns, self.trained, training)
        return {name: self.heads[name].loss(batches[name]) for name in self.trained}

    def compute_loss(self, inputs: Mapping[str, Tensor], training: bool = False) -> Tensor:
        """Return the loss that training minimises.

        Not for evaluation: the weighting may change its state in it.
        """
        return self._combined(self.losses_by_task(inputs, training))

    def _combined(self, losses: Mapping[str, Tensor]) -> Tensor:
        stacked = tf.stack([losses[name] for name in self.trained])
        loss = self._combine(stacked) if self._combine else stacked[0]
        return tf.add_n([loss, *self.losses])  # with the layers' own regularisation

    def train_step(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """One step; returns each trained task's loss, averaged over the epoch so far."""
        with tf.GradientTape() as tape:
            losses = self.losses_by_task(inputs, training=True)
            loss = self._combined(losses)
        optimizers = [(self.optimizer, self.model_variables)]
        if self.weighting_variables:
            optimizers.append((self.weighting_optimizer, self.weighting_variables))
        gradients = tape.gradient(loss, [variables for _, variables in optimizers])
        for (optimizer, variables), group in zip(optimizers, gradients, strict=True):
            pairs = zip(group, variables, strict=True)
            # a task that is not trained has no gradient, and its head stays as it is
            optimizer.apply_gradients([pair for pair in pairs if pair[0] is not None])
        return self._means(losses, tf.size(inputs["query"]))

    def test_step(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Each trained task's loss; the weighting is not asked, so that its state stays."""
        losses = self.losses_by_task(inputs, training=False)
        return self._means(losses, tf.size(inputs["query"]))

    def _means(self, losses: Mapping[str, Tensor], size: Tensor) -> dict[str, Tensor]:
        """Keras would report the last batch only: average over the examples of all of them."""
        for name, mean in self._loss_means.items():
            mean.update_state(losses[name], sample_weight=size)
        return {f"{name}_loss": mean.result() for name, mean in self._loss_means.items()}

    @property
    def weighting_variables(self) -> list[Any]:
        """Trainable variables of the weighting strategy."""
        return [v for v in _variables(self._weighting_state) if v.trainable]

    @property
    def model_variables(self) -> list[Any]:
        """Trainable variables of towers and heads."""
        return [v for v in _variables(self._model_state) if v.trainable]

    @property
    def seed_variables(self) -> list[Any]:
        """All variables that start from a run's seed: those of towers, heads and strategy."""
        return _variables([*self._model_state, *self._weighting_state])

    @property
    def optimizer_variables(self) -> list[Any]:
        """Slots and counters of both optimizers."""
        return [v for optimizer in self.optimizers for v in optimizer.variables]

    @property
    def optimizers(self) -> list[Any]:
        """The model's optimizer and, if there is one, the weighting strategy's."""
        return [o for o in (self.optimizer, self.weighting_optimizer) if o]


def require_keras_2() -> None:
    """Fail clearly where TensorFlow was imported with Keras 3 before mtbench could prevent it.

    Raises:
        MtbenchError: It was.
    """
    if not tf.keras.layers.Layer.__module__.startswith("tf_keras."):
        raise MtbenchError(
            "expected Keras 2, found Keras 3: import mtbench before tensorflow, or set "
            "TF_USE_LEGACY_KERAS=1"
        )


def _state(owner: Any) -> list[Any]:
    """The layers, modules and variables that are an object's attributes, or the object itself."""
    kinds = (tf.Module, tf.Variable)
    if isinstance(owner, kinds):
        return [owner]
    parts = tf.nest.flatten(list(getattr(owner, "__dict__", {}).values()))
    return [part for part in parts if isinstance(part, kinds)]


def _variables(parts: Iterable[Any]) -> list[Any]:
    """All variables of layers, modules and variables, each once."""
    found: dict[Any, Any] = {}
    for part in parts:
        for variable in part.variables if isinstance(part, tf.Module) else [part]:
            found.setdefault(variable.ref(), variable)
    return list(found.values())
