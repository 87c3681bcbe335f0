"""Batches for the tests of tasks: embeddings are rows of tables, as those of an embedding tower."""

import numpy as np
import tensorflow as tf

from mtbench.plugin.batch import Batch, Embedded
from mtbench.train.embedding import Catalogue, EmbeddedSide


def embedded(table, ids, grouped=True):
    """Some rows of a table; grouped: each distinct id once."""
    ids = tf.constant(ids, tf.int32)
    if grouped:
        distinct, rows, counts = tf.unique_with_counts(ids)
    else:
        distinct, rows, counts = ids, tf.range(tf.size(ids)), tf.ones_like(ids)
    return Embedded(distinct, tf.gather(table, distinct), rows, counts, grouped)


def make_batch(tables, query, candidate, *, grouped=True, training=True, **columns):
    """A batch of some queries and candidates, given the tables of all of them."""
    query, candidate = (tf.constant(ids, tf.int32) for ids in (query, candidate))
    sides = [
        embedded(table, ids, grouped) for table, ids in zip(tables, (query, candidate), strict=True)
    ]
    side = EmbeddedSide("candidate", lambda x, training: tf.gather(tables[1], x["id"]), "id", True)
    return Batch(
        {"query": query, "candidate": candidate, **columns},
        *sides,
        "task",
        Catalogue(side, tables[1].shape[0], ("task",), training),
    )


def random_batch(size=6, num_queries=3, num_candidates=4, dim=5, seed=0, **options):
    """Tables, and a batch with ratings from 1 to 5."""
    rng = np.random.default_rng(seed)
    numbers = (num_queries, num_candidates)
    tables = [tf.Variable(rng.normal(size=(n, dim)).astype(np.float32)) for n in numbers]
    ids = [rng.integers(0, n, size) for n in numbers]
    rating = tf.constant(rng.integers(1, 6, size), tf.float32)
    return tables, make_batch(tables, *ids, user_rating=rating, **options)


def value_and_gradients(head, tables, batch_of):
    """Loss, and its gradient by tables and head, dense."""
    head.loss(batch_of())  # makes the layers' variables
    parts = [v for part in head.state for v in getattr(part, "trainable_variables", [part])]
    variables = [*tables, *(v for v in parts if v.trainable)]
    with tf.GradientTape() as tape:
        loss = head.loss(batch_of())
    zero = tf.UnconnectedGradients.ZERO
    found = tape.gradient(loss, variables, unconnected_gradients=zero)
    return float(loss), [tf.convert_to_tensor(g).numpy() for g in found]
