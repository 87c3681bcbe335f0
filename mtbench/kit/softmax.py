"""The softmax over a batch's candidates without its B × B matrix, over the catalogue, and by list.

`tfrs.tasks.Retrieval` scores each of a batch's B queries against its B candidates. Rows of one
query are equal, and so are columns of one candidate; with U distinct queries and V distinct
candidates it is enough to score U × V pairs and to count a column n_v times:

    log Σ_b exp s(u, v_b) = log Σ_v n_v exp s(u, v) = logsumexp_v (s(u, v) + log n_v)

The loss and its gradients are those of `tfrs.tasks.Retrieval`, up to rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

if TYPE_CHECKING:
    from mtbench.plugin.batch import Embedded

Tensor = Any
NEGATIVE = -1e30
"""Stands for log 0: finite, so that no gradient becomes NaN."""


def in_batch_softmax(
    query: Embedded,
    candidate: Embedded,
    *,
    temperature: float = 1.0,
    sampling_probability: Tensor | None = None,
    remove_accidental_hits: bool = False,
    num_hard_negatives: int | None = None,
) -> Tensor:
    """Cross-entropy of each example's candidate among those of the batch.

    Args:
        query: Embedded queries of the batch.
        candidate: Embedded candidates of the batch; distinct ids where accidental hits are removed.
        temperature: Scores are divided by it.
        sampling_probability: float32 `[distinct candidates]`, how often each is sampled as a
            negative; its logarithm is taken off the scores (Yi et al., RecSys 2019, eq. 4), clipped
            at 1e-6 as in TFRS.
        remove_accidental_hits: Leave out the other columns of an example's own candidate.
        num_hard_negatives: Keep only so many negatives, those with the highest scores.

    Returns:
        float32 `[batch]`, −log of the softmax probability of each example.
    """
    offset = tf.zeros_like(candidate.embeddings[:, 0])
    if sampling_probability is not None:
        offset = -tf.math.log(tf.clip_by_value(sampling_probability, 1e-6, 1.0))
    scores = tf.matmul(query.embeddings, candidate.embeddings, transpose_b=True) / temperature
    scores += offset
    positive = tf.reduce_sum(query.expand() * candidate.expand(), axis=1) / temperature
    positive += tf.gather(offset, candidate.rows)
    counts = tf.cast(candidate.counts, scores.dtype)
    copies = tf.gather(counts, candidate.rows)  # columns of the example's own candidate
    if num_hard_negatives is not None:
        negatives = tf.zeros_like(copies) if remove_accidental_hits else copies - 1.0
        log_negatives = _hard_negatives(
            scores, counts, query.rows, candidate.rows, negatives, num_hard_negatives
        )
        log_partition = _log_add_exp(positive, log_negatives)
    elif remove_accidental_hits:
        log_partition = _without_hits(scores, counts, query.rows, candidate.rows, positive, copies)
    else:
        log_partition = tf.gather(
            tf.reduce_logsumexp(scores + tf.math.log(counts), axis=1), query.rows
        )
    return log_partition - positive


def full_softmax(
    query: Embedded, targets: Tensor, catalogue: Tensor, *, temperature: float = 1.0
) -> Tensor:
    """Cross-entropy of each example's candidate among all there are.

    It costs the scores of the batch's distinct queries by the catalogue.

    Args:
        query: Embedded queries of the batch.
        targets: int32 `[batch]`, the example's candidate.
        catalogue: float32 `[num_candidates, embedding_dim]`.
        temperature: Scores are divided by it.

    Returns:
        float32 `[batch]`, −log of the softmax probability of each example.
    """
    scores = tf.matmul(query.embeddings, catalogue, transpose_b=True) / temperature
    positive = tf.reduce_sum(query.expand() * tf.gather(catalogue, targets), axis=1) / temperature
    return tf.gather(tf.reduce_logsumexp(scores, axis=1), query.rows) - positive


def _without_hits(
    scores: Tensor, counts: Tensor, rows: Tensor, columns: Tensor, positive: Tensor, copies: Tensor
) -> Tensor:
    """Log-partition of each example with its own candidate counted once.

    Subtracting the surplus from the whole sum is safe while the own candidate is not the largest
    term of its row; where it is, its column is left out of the sum and added back once.

    Args:
        scores: `[U, V]`.
        counts: `[V]`, how many examples have the candidate.
        rows: `[batch]`, each example's row in `scores`.
        columns: `[batch]`, each example's column.
        positive: `[batch]`, each example's own score.
        copies: `[batch]`, `counts` of the own candidate.
    """
    weighted = scores + tf.math.log(counts)
    largest = tf.argmax(weighted, axis=1, output_type=tf.int32)
    total = tf.gather(tf.reduce_logsumexp(weighted, axis=1), rows)
    masked = tf.where(
        tf.range(tf.shape(scores)[1])[tf.newaxis, :] == largest[:, tf.newaxis], NEGATIVE, weighted
    )
    rest = tf.gather(tf.reduce_logsumexp(masked, axis=1), rows)
    is_largest = tf.gather(largest, rows) == columns
    # the unused branch of a `where` must be finite too, or its gradient is 0 · ∞ = NaN
    surplus = tf.where(is_largest, 0.0, (copies - 1.0) * tf.exp(tf.minimum(positive - total, 0.0)))
    return tf.where(
        is_largest, _log_add_exp(positive, rest), total + tf.math.log1p(-tf.minimum(surplus, 0.5))
    )


def _hard_negatives(
    scores: Tensor, counts: Tensor, rows: Tensor, columns: Tensor, negatives: Tensor, number: int
) -> Tensor:
    """Log-sum-exp over each example's `number` highest-scoring negatives.

    The negatives of an example lie among the `number` + 1 best distinct candidates of its query,
    since its own candidate is at most one of these.

    Args:
        scores: `[U, V]`.
        counts: `[V]`, how many negatives a candidate stands for.
        rows: `[batch]`, each example's row in `scores`.
        columns: `[batch]`, each example's column.
        negatives: `[batch]`, how many negatives the example's own candidate stands for.
        number: How many negatives to keep.
    """
    best, index = tf.math.top_k(scores, tf.minimum(number + 1, tf.shape(scores)[1]))
    best, index = tf.gather(best, rows), tf.gather(index, rows)  # [batch, number + 1]
    available = tf.where(
        index == columns[:, tf.newaxis], negatives[:, tf.newaxis], tf.gather(counts, index)
    )
    taken = tf.cumsum(available, axis=1, exclusive=True)
    kept = tf.clip_by_value(float(number) - taken, 0.0, available)
    log_kept = tf.where(kept > 0.0, tf.math.log(tf.maximum(kept, 1.0)), NEGATIVE)
    return tf.reduce_logsumexp(tf.where(kept > 0.0, best, 0.0) + log_kept, axis=1)


def segment_log_softmax(scores: Tensor, weights: Tensor, lists: Tensor, number: Tensor) -> Tensor:
    """Logarithm of the softmax over the rows of each list, finite everywhere.

    Args:
        scores: float32 `[n]`.
        weights: float32 `[n]`, 1 for rows that count; what is returned for others means nothing.
        lists: int32 `[n]`, which list a row is of.
        number: How many lists there are.

    Returns:
        float32 `[n]`.
    """
    counts = weights > 0
    largest = tf.math.unsorted_segment_max(tf.where(counts, scores, NEGATIVE), lists, number)
    shifted = tf.where(counts, scores - tf.gather(tf.stop_gradient(largest), lists), 0.0)
    total = tf.math.unsorted_segment_sum(tf.exp(shifted) * weights, lists, number)
    total = tf.where(total > 0, total, 1.0)
    return shifted - tf.gather(tf.math.log(total), lists)


def _log_add_exp(a: Tensor, b: Tensor) -> Tensor:
    """log(exp a + exp b)."""
    return tf.reduce_logsumexp(tf.stack([a, b]), axis=0)
