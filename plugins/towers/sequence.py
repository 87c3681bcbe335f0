"""What a query did last: a network over its history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import tensorflow as tf
from pydantic import Field, model_validator

import mtbench
from mtbench.kit import FeatureTower, Histories, join, mlp


class SequenceEncoder(FeatureTower):
    """The last candidates of a query before an example, read in the order of time.

    The candidates are those of its training interactions, each with a vector of its own.
    `self-attention` is SASRec's (Kang and McAuley, ICDM 2018): vectors of candidates and of their
    positions, then blocks of causal self-attention and of a two-layer network, each of which is
    x + dropout(g(layer-norm(x))); the last position is the result. `gru` is GRU4Rec's (Hidasi et
    al., ICLR 2016): the last state. `mean` is that of the vectors (FISM; Kabbur et al., KDD 2013).
    It is 0 where there is no history. The vectors of the query's id and features, if they are to
    be read, come beside it.
    """

    name = "sequence"
    sides = ("query",)
    id_dim: int = Field(0, ge=0)
    """Length of the vector of an id; 0 leaves the id out."""
    sequence: Literal["self-attention", "gru", "mean"] = "self-attention"
    """Network over the history."""
    max_length: int = Field(20, ge=1)
    """How many of the last candidates are read."""
    item_dim: int = Field(32, ge=1)
    """Length of the vector of a candidate, and of that of the history."""
    num_blocks: int = Field(1, ge=1)
    """Blocks of `self-attention`."""
    num_heads: int = Field(1, ge=1)
    """Attention heads of a block, of `item_dim` divided by their number each."""
    units: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Units of hidden layers over it all, ReLU each; a linear layer of `embedding_dim` follows."""

    @model_validator(mode="after")
    def _knows_ids(self) -> SequenceEncoder:
        if self.unknown_share:
            raise ValueError(
                "expected an unknown_share of 0, since a history is looked up by the id"
            )
        return self

    @property
    def by_id(self) -> bool:
        """The history differs between two examples of one query."""
        return False

    def needs(self) -> tuple[str, ...]:
        """How many of its query's interactions come before an example, and the context."""
        return ("history", *self.context)

    def build(self, features: mtbench.Features, tasks: Sequence[str]) -> SequenceTower:
        """Make the layers.

        Raises:
            MtbenchError: The number of candidates is not known.
        """
        histories = Histories(self.name, features)
        inputs = self.inputs(features)
        parts = self.parts(inputs, features)
        items = tf.keras.Input([self.max_length], dtype=tf.int32)
        mask = tf.keras.Input([self.max_length], dtype=tf.bool)
        vectors = tf.keras.layers.Embedding(features.num_other + 1, self.item_dim)(items)
        hidden = join([*parts, self.read(vectors, mask)])
        output = mlp(hidden, self.units, self.embedding_dim, self.dropout)
        network = tf.keras.Model([inputs, items, mask], output)
        return SequenceTower(features, self.max_length, histories, network)

    def read(self, vectors: Any, mask: Any) -> Any:
        """Make one vector of those of a history.

        Args:
            vectors: float32 `[n, max_length, item_dim]`, the last one last.
            mask: bool `[n, max_length]`, where there is a candidate.

        Returns:
            float32 `[n, item_dim]`.
        """
        present = tf.cast(mask, tf.float32)[:, :, None]
        vectors = present * vectors
        if self.sequence == "mean":
            return tf.math.divide_no_nan(tf.reduce_sum(vectors, 1), tf.reduce_sum(present, 1))
        if self.sequence == "gru":
            # not `GRU`, which takes three times as long to trace and no less to run
            return tf.keras.layers.RNN(tf.keras.layers.GRUCell(self.item_dim))(vectors, mask=mask)
        positions = tf.keras.layers.Embedding(self.max_length, self.item_dim)
        hidden = self.drop(vectors + positions(tf.range(tf.shape(mask)[1])))
        earlier = np.tril(np.ones([self.max_length, self.max_length], bool))
        seen = mask[:, None, :] & earlier
        for block in range(self.num_blocks):
            hidden = self.block(hidden, seen, last=block == self.num_blocks - 1)
        return present[:, -1] * hidden[:, -1]

    def block(self, hidden: Any, seen: Any, last: bool) -> Any:
        """Attend, then put each position through two layers; of the last block one position."""
        layers = tf.keras.layers
        normed = layers.LayerNormalization()(hidden)
        queries = normed
        if last:
            hidden, queries, seen = hidden[:, -1:], normed[:, -1:], seen[:, -1:]
        attention = layers.MultiHeadAttention(
            self.num_heads, max(self.item_dim // self.num_heads, 1), dropout=self.dropout
        )
        hidden += self.drop(attention(queries, normed, attention_mask=seen))
        inner = layers.Dense(self.item_dim, activation="relu")(layers.LayerNormalization()(hidden))
        return hidden + self.drop(layers.Dense(self.item_dim)(self.drop(inner)))

    def drop(self, hidden: Any) -> Any:
        """Drop units in training, if any are to be dropped."""
        return tf.keras.layers.Dropout(self.dropout)(hidden) if self.dropout else hidden


class SequenceTower:
    """`{key: int32 [n], history: int32 [n], …}` to float32 `[n, embedding_dim]`."""

    def __init__(
        self, features: mtbench.Features, max_length: int, histories: Histories, network: Any
    ) -> None:
        self.key, self.max_length, self.network = features.key, max_length, network
        self.padding = features.num_other
        self.histories, self.adapt = histories, histories.adapt
        self.state = histories.state

    def last(self, query: Any, history: Any) -> tuple[Any, Any]:
        """The candidates before an example, the last one last.

        Args:
            query: Who, int32 `[n]`.
            history: How many training interactions of it come before, int32 `[n]`.

        Returns:
            Candidates, int32 `[n, max_length]`, and where there is one, bool `[n, max_length]`;
            where there is none the candidate is `padding`, the number of candidates.
        """
        start = tf.gather(self.histories.starts, query)
        end = tf.gather(self.histories.starts, query + 1)
        back = tf.range(-self.max_length, 0)
        rows = tf.minimum(start + history, end)[:, None] + back
        present = rows >= start[:, None]
        items = tf.gather(self.histories.items, tf.where(present, rows, 0))
        return tf.where(present, items, self.padding), present

    def __call__(self, features: Mapping[str, Any], training: bool = False) -> Any:
        """Look the histories up, and read them."""
        id_and_features, *_ = self.network.input
        items, present = self.last(features[self.key], features["history"])
        return self.network(
            [{name: features[name] for name in id_and_features}, items, present], training=training
        )


@mtbench.hookimpl
def mtbench_towers() -> list[type[mtbench.Tower]]:
    """Offer the tower."""
    return [SequenceEncoder]
