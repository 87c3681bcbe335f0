"""A batch as heads see it: what was embedded, once for each distinct id."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import tensorflow as tf

from mtbench.errors import MtbenchError

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

    def take(self, mask: Tensor) -> Embedded:
        """The side of the examples that a mask, bool `[batch]`, keeps, with the ids they have."""
        distinct, rows, counts = tf.unique_with_counts(tf.boolean_mask(self.rows, mask))
        ids, embeddings = tf.gather(self.ids, distinct), tf.gather(self.embeddings, distinct)
        return Embedded(ids, embeddings, rows, counts, self.grouped)


class Catalogue(Protocol):
    """What embeds all candidates within one step, where a head asks for them."""

    training: bool
    """Whether the step is one of training."""

    @property
    def made(self) -> bool:
        """Whether a head has asked."""

    def __call__(self, task: str) -> Tensor:
        """The embeddings for a task, float32 `[num_candidates, embedding_dim]`."""


@dataclass(frozen=True)
class Reading:
    """What a head is handed of another task, for the rows of its own batch."""

    head: Any
    """The other task's, which has `hand_on`."""
    batch: Batch
    """The same rows, as the other head sees them."""
    what: tuple[str, ...]
    """The names that were asked for."""
    gradients: bool = True
    """Whether the reader's loss goes through."""

    def __getitem__(self, name: str) -> Tensor:
        """What is handed on by a name, `[batch, …]`.

        Raises:
            MtbenchError: It was not asked for.
        """
        if name not in self.what:
            asked = ", ".join(self.what)
            raise MtbenchError(
                f"task {self.batch.task!r}: expected one of what is read of it ({asked}), found "
                f"{name!r}: name it in `reads`"
            )
        return self._made[name] if self.gradients else tf.stop_gradient(self._made[name])

    @functools.cached_property
    def _made(self) -> Mapping[str, Tensor]:
        made: Mapping[str, Tensor] = self.head.hand_on(self.batch)
        return made


@dataclass(frozen=True)
class Batch:
    """What a head sees of a batch."""

    columns: Mapping[str, Tensor]
    """The interactions' columns, `[batch]` each: `query`, `candidate`, labels."""
    query: Embedded
    candidate: Embedded
    task: str
    """Name of the head's task."""
    everything: Catalogue
    reads: Mapping[str, Reading] = field(default_factory=dict, kw_only=True)
    """What the head is handed of other tasks, by task: `batch.reads["click"]["logit"]`."""

    def catalogue(self) -> Tensor:
        """The embedding of every candidate, float32 `[num_candidates, embedding_dim]`.

        They are made when they are first asked for in a step, and cost a call of the tower.
        """
        return self.everything(self.task)

    def take(self, mask: Tensor) -> Batch:
        """The batch of the examples that a mask, bool `[batch]`, keeps."""
        columns = {name: tf.boolean_mask(column, mask) for name, column in self.columns.items()}
        query, candidate = self.query.take(mask), self.candidate.take(mask)
        reads = {n: replace(each, batch=each.batch.take(mask)) for n, each in self.reads.items()}
        return replace(self, columns=columns, query=query, candidate=candidate, reads=reads)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """The towers' outputs that a loss can depend on, each once."""
        catalogue = (self.catalogue(),) if self.everything.made else ()
        own = (self.query.embeddings, self.candidate.embeddings, *catalogue)
        handed = [o for each in self.reads.values() if each.gradients for o in each.batch.outputs]
        return tuple({id(output): output for output in (*own, *handed)}.values())
