"""The network: two towers, and a head for each task."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import tensorflow as tf
import tensorflow_recommenders as tfrs

from mtbench.data import history
from mtbench.data.dataset import Data, Side
from mtbench.data.encoding import Feature
from mtbench.data.interactions import Interactions
from mtbench.errors import MtbenchError
from mtbench.plugin.batch import Batch, Reading
from mtbench.plugin.reads import with_read
from mtbench.plugin.task import Head
from mtbench.plugin.tower import Features
from mtbench.suite.setup import Setup

from .embedding import Catalogue, EmbeddedSide
from .lessons import own_batches
from .state import state_of, variables_of
from .unknown import UnknownIds

Tensor = Any


class Network(tfrs.Model):
    """Towers and heads of one scenario: embeddings, and what each task is given of them.

    Attributes:
        heads: The heads of all tasks of the suite, trained or not.
        trained: Names of the trained tasks.
    """

    def __init__(self, setup: Setup, data: Data) -> None:
        super().__init__()
        require_keras_2()
        towers: dict[str, Callable[..., Tensor]] = {}
        unknown: dict[str, UnknownIds | None] = {}
        sides: dict[str, Side] = {"query": data.query, "candidate": data.candidate}
        for name, side, other in (
            ("query", data.query, data.candidate),
            ("candidate", data.candidate, data.query),
        ):
            share = setup.towers[name].share_unknown()
            unknown[name] = UnknownIds(name, share, len(side.ids)) if share else None
            context = data.context if side is data.query else {}
            features = _described(side, len(other.ids), bool(share), context)
            towers[name] = setup.towers[name].build(features, tuple(setup.tasks))
        self.heads: dict[str, Head] = {
            name: task.build(len(data.query.ids), len(data.candidate.ids))
            for name, task in setup.tasks.items()
        }
        self._tasks = MappingProxyType(dict(setup.tasks))
        self.trained = setup.trained
        self._sides = tuple(
            EmbeddedSide(
                name,
                towers[name],
                side.key,
                setup.towers[name].by_id,
                {key: tf.constant(feature.values) for key, feature in side.features.items()},
                setup.towers[name].needs(),
                unknown[name],
            )
            for name, side in sides.items()
        )
        self._num_candidates = len(data.candidate.ids)
        self._history = tf.Variable(
            tf.zeros([len(data.query.ids)], tf.int32), trainable=False, name="history"
        )
        # Keras finds layers and variables in lists of its own attributes
        self._tower_state = [part for tower in towers.values() for part in state_of(tower)]
        self._tower_state += [part for each in unknown.values() if each for part in each.state]
        self._head_state = [part for head in self.heads.values() for part in state_of(head)]

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
        if "history" not in columns and any(side.needs for side in self._sides):
            columns = {**columns, "history": tf.gather(self._history, columns["query"])}
        embedded = with_read(self._tasks, tasks)
        query, candidate = (side.embed(columns, embedded, training) for side in self._sides)
        everything = Catalogue(self._sides[1], self._num_candidates, embedded, training)
        made: dict[str, Batch] = {}
        for task in embedded:
            reads = {
                each.task: Reading(
                    self.heads[each.task], made[each.task], each.what, each.gradients
                )
                for each in self._tasks[task].reads()
            }
            side = query[task], candidate[task]
            made[task] = Batch(columns, *side, task, everything, reads=reads)
        return {task: made[task] for task in tasks}

    def lessons(self, columns: Mapping[str, Tensor], training: bool) -> dict[str, Batch]:
        """Embed a batch for each of the trained tasks: the rows that it learns from."""
        batches = self.batches(columns, self.trained, training)
        return own_batches(batches, self._sides[1], training)

    def adapt(
        self, train: Interactions, by_task: Mapping[str, Interactions] = MappingProxyType({})
    ) -> None:
        """Let heads and towers set what depends on the training part, or a task's own rows."""
        for name, head in self.heads.items():
            head.adapt(by_task.get(name, train))
        for side in self._sides:
            if side.unknown:
                side.unknown.adapt(train)
        self.remember(train)

    def remember(self, known: Interactions) -> None:
        """Let the towers know which interactions came before what they are to score."""
        self._history.assign(history.lengths(known))
        for side in self._sides:
            if hasattr(side.layer, "adapt"):
                side.layer.adapt(known)

    def queries(
        self, task: str, ids: Tensor, columns: Mapping[str, Tensor] = MappingProxyType({})
    ) -> Tensor:
        """Embeddings of some queries for a task, float32 `[ids, embedding_dim]`.

        Args:
            task: Of the task.
            ids: Who, int32 `[ids]`.
            columns: What the context of each is, `[ids]`, where a tower reads it.
        """
        columns = {**columns, "history": tf.gather(self._history, ids)}
        return self._sides[0](ids, columns, (task,), training=False)[task]

    def catalogue(self, task: str) -> Tensor:
        """Embeddings of all candidates for a task, float32 `[num_candidates, embedding_dim]`."""
        return Catalogue(self._sides[1], self._num_candidates, (task,), training=False)(task)

    @property
    def tower_variables(self) -> list[Any]:
        """Trainable variables of both towers."""
        return [v for v in variables_of(self._tower_state) if v.trainable]

    @property
    def head_variables(self) -> dict[str, list[Any]]:
        """Trainable variables of each head."""
        return {
            name: [v for v in variables_of(state_of(head)) if v.trainable]
            for name, head in self.heads.items()
        }

    @property
    def reached_variables(self) -> dict[str, list[Any]]:
        """By trained task the trainable variables of its head and of those that its loss reaches.

        A variable of two heads is there once.
        """
        of_head = self.head_variables
        return {
            name: variables_of(v for n in with_read(self._tasks, [name], True) for v in of_head[n])
            for name in self.trained
        }

    @property
    def parts(self) -> dict[str, list[Any]]:
        """Trainable variables by part: `query`, `candidate`, and the head of each task."""
        towers = {
            side.column: [v for v in variables_of(state_of(side.layer)) if v.trainable]
            for side in self._sides
        }
        return {**towers, **self.head_variables}

    @property
    def model_variables(self) -> list[Any]:
        """Trainable variables of towers and heads."""
        return [v for v in variables_of([*self._tower_state, *self._head_state]) if v.trainable]

    @property
    def kept_variables(self) -> list[Any]:
        """All that decides what the model predicts, in an order of its own."""
        return [*variables_of([*self._tower_state, *self._head_state]), self._history]


def _described(
    side: Side, num_other: int, with_unknown: bool, context: Mapping[str, Feature]
) -> Features:
    """What a tower may look at."""
    named = ("categorical", "multi_hot")
    num_ids = len(side.ids) + with_unknown
    both = {**side.features, **context}
    sizes = {name: len(f.names) for name, f in both.items() if f.form in named}
    return Features(side.key, {side.key: num_ids, **sizes}, side.features, num_other, context)


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
