"""The grouped softmax is that of tfrs.tasks.Retrieval, in value and gradient."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_recommenders as tfrs
from batches import embedded, make_batch
from hypothesis import given, settings
from hypothesis import strategies as st
from made import some

from mtbench.kit.softmax import in_batch_softmax
from mtbench_plugins.tasks.retrieval import Retrieval

OPTIONS = list(itertools.product([None, 0.3], [False, True], [False, True], [None, 1, 3, 99]))


def ours(tables, ids, share, options, grouped=(True, True)):
    temperature, correct, hits, negatives = options
    query, candidate = (embedded(*part) for part in zip(tables, ids, grouped, strict=True))
    return in_batch_softmax(
        query,
        candidate,
        temperature=temperature or 1.0,
        sampling_probability=tf.gather(share, candidate.ids) if correct else None,
        remove_accidental_hits=hits,
        num_hard_negatives=negatives,
    )


def theirs(tables, ids, share, options):
    temperature, correct, hits, negatives = options
    loss = tf.keras.losses.CategoricalCrossentropy(from_logits=True, reduction="none")
    task = tfrs.tasks.Retrieval(
        loss=loss,
        temperature=temperature,
        num_hard_negatives=negatives,
        remove_accidental_hits=hits,
    )
    return task(
        tf.gather(tables[0], ids[0]),
        tf.gather(tables[1], ids[1]),
        candidate_sampling_probability=tf.gather(share, ids[1]) if correct else None,
        candidate_ids=ids[1],
        compute_metrics=False,
    )


def value_and_gradients(function, tables, *arguments):
    with tf.GradientTape() as tape:
        tape.watch(tables)
        losses = function(tables, *arguments)
        # unequal weights: a mean alone would hide a permutation of the rows
        loss = tf.reduce_sum(losses * tf.range(1.0, len(losses) + 1.0)) / len(losses)
    return losses, [tf.convert_to_tensor(g) for g in tape.gradient(loss, tables)]


def batch(seed, size, num_queries, num_candidates, scale=1.0):
    rng = np.random.default_rng(seed)
    tables = [
        tf.constant(scale * rng.normal(size=(n, 5)), tf.float32)
        for n in (num_queries, num_candidates)
    ]
    ids = [tf.constant(rng.integers(0, n, size), tf.int32) for n in (num_queries, num_candidates)]
    share = rng.uniform(0.01, 1.0, num_candidates)
    return tables, ids, tf.constant(share / share.sum(), tf.float32)


def assert_same(first, second, tolerance=1e-5):
    for a, b in zip((first[0], *first[1]), (second[0], *second[1]), strict=True):
        assert np.isfinite(a).all()
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("options", OPTIONS)
def test_equals_tfrs_with_every_option(options):
    tables, ids, share = batch(1, 24, 7, 6)
    assert_same(
        value_and_gradients(ours, tables, ids, share, options),
        value_and_gradients(theirs, tables, ids, share, options),
    )


@settings(max_examples=25)
@given(
    st.integers(0, 10_000),
    st.integers(2, 40),
    st.integers(1, 12),
    st.integers(2, 12),
    st.sampled_from(OPTIONS),
)
def test_equals_tfrs_on_random_batches(seed, size, num_queries, num_candidates, options):
    tables, ids, share = batch(seed, size, num_queries, num_candidates)
    assert_same(
        value_and_gradients(ours, tables, ids, share, options),
        value_and_gradients(theirs, tables, ids, share, options),
    )


@pytest.mark.parametrize("grouped", [(False, True), (True, False), (False, False)])
@pytest.mark.parametrize("options", [(0.3, True, False, None), (None, True, False, 3)])
def test_ungrouped_sides(grouped, options):
    tables, ids, share = batch(2, 24, 7, 6)
    assert_same(
        value_and_gradients(ours, tables, ids, share, options, grouped),
        value_and_gradients(theirs, tables, ids, share, options),
    )


def test_ungrouped_queries_without_hits():
    tables, ids, share = batch(3, 24, 7, 6)
    options = (None, False, True, None)
    assert_same(
        value_and_gradients(ours, tables, ids, share, options, (False, True)),
        value_and_gradients(theirs, tables, ids, share, options),
    )


@pytest.mark.parametrize("scale", [3.0, 6.0])
def test_no_cancellation_where_the_own_candidate_dominates(scale):
    """60 copies of one candidate hold nearly all of the mass: compared in float64."""
    tables, ids, _ = batch(4, 64, 5, 6, scale)
    candidates = np.array([0] * 60 + [1, 2, 3, 4], np.int32)
    ids = [ids[0], tf.constant(candidates)]
    losses = ours(tables, ids, None, (None, False, True, None))
    queries = tables[0].numpy().astype(np.float64)[ids[0].numpy()]
    scores = queries @ tables[1].numpy().astype(np.float64)[candidates].T
    hits = (candidates[:, None] == candidates) & ~np.eye(64, dtype=bool)
    scores[hits] = -np.inf
    most = scores.max(1, keepdims=True)
    exact = np.log(np.exp(scores - most).sum(1)) + most[:, 0] - np.diag(scores)
    np.testing.assert_allclose(losses, exact, rtol=1e-5, atol=1e-5)


def test_by_hand():
    """Two examples of one user: scores 1 and 0, so the losses are log(1 + 1/e) and log(1 + e)."""
    query = embedded(tf.constant([[1.0, 0.0]]), tf.constant([0, 0]))
    candidate = embedded(tf.constant([[1.0, 0.0], [0.0, 1.0]]), tf.constant([0, 1]))
    assert query.embeddings.shape == (1, 2)
    losses = in_batch_softmax(query, candidate)
    np.testing.assert_allclose(losses, [np.log1p(np.exp(-1)), np.log1p(np.e)], rtol=1e-6)


@pytest.mark.parametrize("reduction", some(["mean", "sum"], "mean"))
@pytest.mark.parametrize("options", OPTIONS)
def test_the_task_equals_tfrs_under_both_reductions(options, reduction):
    """TFRS's own default loss sums over the batch; its gradients scale with it."""
    tables, ids, share = batch(5, 24, 7, 6)
    temperature, correct, hits, negatives = options
    head = Retrieval(
        temperature=temperature or 1.0,
        sampling_correction=correct,
        remove_accidental_hits=hits,
        num_hard_negatives=negatives,
        reduction=reduction,
    ).build(7, 6)
    head.share.assign(share)
    task = tfrs.tasks.Retrieval(
        temperature=temperature, remove_accidental_hits=hits, num_hard_negatives=negatives
    )
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(tables)
        found = head.loss(make_batch(tables, *ids))
        total = task(
            tf.gather(tables[0], ids[0]),
            tf.gather(tables[1], ids[1]),
            candidate_sampling_probability=tf.gather(share, ids[1]) if correct else None,
            candidate_ids=ids[1],
            compute_metrics=False,
        )
        expected = total / 24 if reduction == "mean" else total
    pairs = [
        (loss, [tf.convert_to_tensor(g) for g in tape.gradient(loss, tables)])
        for loss in (found, expected)
    ]
    assert_same(*pairs)


def exact(tables, ids, share, options):
    """The definition on the whole matrix, in float64 and without any of the shortcuts."""
    temperature, correct, hits, negatives = options
    size, candidates = len(ids[0]), ids[1].numpy()
    own, nothing = np.eye(size, dtype=bool), tf.constant(-1e300, tf.float64)
    scores = tf.matmul(tf.gather(tables[0], ids[0]), tf.gather(tables[1], ids[1]), transpose_b=True)
    scores /= temperature or 1.0
    if correct:
        scores -= np.log(np.clip(share.numpy().astype(np.float64)[candidates], 1e-6, 1.0))
    if hits:
        scores = tf.where((candidates[:, None] == candidates) & ~own, nothing, scores)
    positive = tf.linalg.diag_part(scores)
    if negatives is not None:
        others = tf.where(own, nothing, scores)
        hardest, _ = tf.math.top_k(others, min(negatives, size - 1))
        scores = tf.concat([positive[:, None], hardest], axis=1)
    return tf.reduce_logsumexp(scores, axis=1) - positive


@pytest.mark.parametrize("options", OPTIONS)
def test_dominating_candidate_in_value_and_gradient(options):
    """Scores of several hundred, 60 of 64 columns one candidate: against float64."""
    tables, ids, share = batch(4, 64, 5, 6, scale=10.0)
    ids = [ids[0], tf.constant([0] * 60 + [1, 2, 3, 4], tf.int32)]
    found = value_and_gradients(ours, tables, ids, share, options)
    size, doubles = 64, [tf.cast(table, tf.float64) for table in tables]
    with tf.GradientTape() as tape:
        tape.watch(doubles)
        losses = exact(doubles, ids, share, options)
        loss = tf.reduce_sum(losses * np.arange(1.0, size + 1)) / size
    expected = losses, [tf.convert_to_tensor(g) for g in tape.gradient(loss, doubles)]
    for a, b in zip((found[0], *found[1]), (expected[0], *expected[1]), strict=True):
        assert np.isfinite(a).all()
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * np.abs(b).max())


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("size", [1, 5])
def test_a_batch_of_one_candidate(options, size):
    """All columns are equal, so a loss is the log of how many columns are left."""
    tables, ids, share = batch(6, size, 3, 1)
    *_, hits, negatives = options
    left = 1 if hits else 1 + min(size - 1, size if negatives is None else negatives)
    losses, gradients = value_and_gradients(ours, tables, ids, share, options)
    np.testing.assert_allclose(losses, np.full(size, np.log(left)), atol=1e-6)
    for gradient in gradients:  # a shift of the query or candidate moves all columns alike
        np.testing.assert_allclose(gradient, np.zeros(gradient.shape), atol=1e-5)


def test_two_queries_and_two_candidates_by_hand():
    """Embeddings of length 1: u = (1, 2), v = (ln 2, 0), scores (ln 2, 0) and (2 ln 2, 0).

    The first softmax is (2/3, 1/3), the second (4/5, 1/5). Example 0 wants v₀, example 1 v₁.
    """
    log2 = np.log(2.0)
    tables = [tf.constant([[1.0], [2.0]]), tf.constant([[log2], [0.0]], tf.float32)]
    with tf.GradientTape() as tape:
        tape.watch(tables)
        query, candidate = (embedded(table, tf.constant([0, 1])) for table in tables)
        losses = in_batch_softmax(query, candidate)
        loss = tf.reduce_sum(losses)
    np.testing.assert_allclose(losses, np.log([3 / 2, 5]), rtol=1e-6)
    gradients = [tf.convert_to_tensor(g) for g in tape.gradient(loss, tables)]
    # Σ (p − y) v for a query: (2/3 − 1) ln 2 and 4/5 ln 2
    np.testing.assert_allclose(gradients[0], [[-log2 / 3], [4 / 5 * log2]], rtol=1e-5)
    # Σ (p − y) u for a candidate: −1/3 · 1 + 4/5 · 2, and its opposite
    np.testing.assert_allclose(gradients[1], [[19 / 15], [-19 / 15]], rtol=1e-5)


def test_mixed_up_rows_are_noticed():
    """A group's count and row belong together: shuffled examples give the losses shuffled."""
    tables, ids, share = batch(7, 24, 7, 6)
    order = np.random.default_rng(0).permutation(24)
    shuffled = [tf.gather(each, order) for each in ids]
    for options in [(None, False, False, None), (0.3, True, True, None), (None, True, False, 3)]:
        losses = ours(tables, ids, share, options).numpy()
        found = ours(tables, shuffled, share, options)
        np.testing.assert_allclose(found, losses[order], rtol=1e-5, atol=1e-5)


def test_no_gradient_is_nan_where_a_surplus_rounds_to_the_whole():
    """At a score of 2²⁷ log 2 is lost: of two copies of a candidate, one seems to be everything."""
    tables = [tf.constant([[2.0**14]]), tf.constant([[2.0**13], [0.0]])]
    ids = [tf.constant([0, 0, 0]), tf.constant([0, 0, 1])]
    options = (None, False, True, None)
    losses, (query, candidate) = value_and_gradients(ours, tables, ids, None, options)
    assert losses.numpy().tolist() == [0.0, 0.0, 2.0**27]
    # the third example's weight is 3/3: v₀ − v₁ for the query, ±u for the candidates
    assert query.numpy().tolist() == [[2.0**13]]
    assert candidate.numpy().tolist() == [[2.0**14], [-(2.0**14)]]


@pytest.mark.parametrize("offset", [0.0, 3000.0])
def test_a_whole_batch_of_one_candidate_but_one(offset):
    """8191 of 8192 columns are candidate 0; all scores are large, and their gap is d.

    With hits removed a loss is log(1 + e^−d) for candidate 0 and, with all columns of the other
    one left, log(1 + 8191 e^d) for candidate 1.
    """
    gaps = np.array([4.0, -3.0, 0.5], np.float32)
    queries = tf.constant(np.stack([gaps, np.full(3, offset)], 1), tf.float32)
    candidates = tf.constant([[1.0, 1.0], [0.0, 1.0]])
    ids = [tf.constant(np.arange(8192) % 3, tf.int32), tf.constant([0] * 8191 + [1], tf.int32)]
    options = (None, False, True, None)
    losses, gradients = value_and_gradients(ours, [queries, candidates], ids, None, options)
    gap = gaps.astype(np.float64)[ids[0].numpy()]
    expected = np.log1p(np.exp(-gap))
    expected[-1] = np.log1p(8191 * np.exp(gap[-1]))
    np.testing.assert_allclose(losses, expected, rtol=2e-3, atol=2e-3)
    assert all(np.isfinite(gradient).all() for gradient in gradients)
