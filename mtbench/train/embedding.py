"""A batch as heads see it: what was embedded, once for each distinct id."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import tensorflow as tf

from mtbench.plugin.batch import Embedded, Tensor

from .unknown import UnknownIds


@dataclass(frozen=True)
class EmbeddedSide:
    """A tower with what it reads: it embeds one side of a batch."""

    column: str
    layer: Callable[..., Tensor]
    key: str
    by_id: bool
    features: Mapping[str, Tensor] = field(default_factory=dict)
    """Further features, a row for each id."""
    needs: tuple[str, ...] = ()
    """Columns of the interactions that the tower reads."""
    unknown: UnknownIds | None = None
    """What puts an unknown id in the place of some; None for nothing."""

    def embed(
        self, columns: Mapping[str, Tensor], tasks: Iterable[str], training: bool
    ) -> dict[str, Embedded]:
        """Embed the ids of a batch for each of the tasks."""
        ids = columns[self.column]
        if self.by_id:
            distinct, rows, counts = tf.unique_with_counts(ids)
        else:
            distinct, rows, counts = ids, tf.range(tf.size(ids)), tf.ones_like(ids)
        made: dict[int, Embedded] = {}  # tasks that share an output share its `expand`
        return {
            task: made.setdefault(id(output), Embedded(distinct, output, rows, counts, self.by_id))
            for task, output in self(distinct, columns, tasks, training).items()
        }

    def __call__(
        self, ids: Tensor, columns: Mapping[str, Tensor], tasks: Iterable[str], training: bool
    ) -> dict[str, Tensor]:
        """The embedding of each of some ids for each of the tasks, `[ids, embedding_dim]`."""
        inputs_of_layer = getattr(self.layer, "input_names", self.features)  # a functional model's
        inputs = {self.key: self.unknown(ids, training) if self.unknown else ids}
        for name, table in self.features.items():
            if name in inputs_of_layer:
                rows = tf.gather(table, ids)
                inputs[name] = tf.cast(rows, tf.float32) if rows.dtype == tf.uint8 else rows
        inputs |= {name: columns[name] for name in self.needs}
        output = self.layer(inputs, training=training)
        by_task = isinstance(output, Mapping)
        return {task: output[task] if by_task else output for task in tasks}


class Catalogue:
    """The embeddings of all candidates within one step, made where a head asks for them.

    Attributes:
        training: Whether the step is one of training.
    """

    def __init__(
        self, side: EmbeddedSide, num_candidates: int, tasks: tuple[str, ...], training: bool
    ) -> None:
        self._side, self._size = side, num_candidates
        self._tasks, self.training = tasks, training
        self._found: dict[str, Tensor] = {}

    @property
    def made(self) -> bool:
        """Whether a head has asked."""
        return bool(self._found)

    def __call__(self, task: str) -> Tensor:
        """Those for a task, float32 `[num_candidates, embedding_dim]`."""
        if not self._found:
            ids = tf.range(self._size, dtype=tf.int32)
            self._found = self._side(ids, {}, self._tasks, self.training)
        return self._found[task]
