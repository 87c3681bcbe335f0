"""A batch as heads see it: what was embedded, once for each distinct id."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

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
class EmbeddedSide:
    """A tower with what it reads: it embeds one side of a batch."""

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
