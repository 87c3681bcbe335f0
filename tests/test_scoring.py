"""Scores of pairs, and batches without some of their rows."""

import numpy as np
import pytest
import tensorflow as tf
from batches import make_batch, random_batch

from mtbench.kit.rows import kept, labels_of, reduced
from mtbench.kit.scores import DotScore, PairScore

TABLES = [tf.constant([[1.0, 2.0], [3.0, 0.0]]), tf.constant([[1.0, 1.0], [0.5, 2.0]])]


@pytest.mark.parametrize("grouped", [True, False])
def test_dot_product_with_biases_by_hand(grouped):
    """(1, 2)·(0.5, 2) = 4.5, (3, 0)·(0.5, 2) = 1.5, (1, 2)·(1, 1) = 3; μ = 10."""
    batch = make_batch(TABLES, [0, 1, 0], [1, 1, 0], grouped=grouped)
    score = PairScore(None, 2, 2)
    assert score(batch.query, batch.candidate).numpy().tolist() == [4.5, 1.5, 3.0]
    query_bias, candidate_bias, offset = score.state
    query_bias.assign([0.25, -1.0])
    candidate_bias.assign([100.0, 200.0])
    offset.assign(10.0)
    assert score(batch.query, batch.candidate).numpy().tolist() == [214.75, 210.5, 113.25]
    # ‖(1, 2)‖² + ‖(0.5, 2)‖² + 0.25² + 200² …
    found = score.squared_norms(batch.query, batch.candidate).numpy()
    np.testing.assert_allclose(found, [40009.3125, 40014.25, 10007.0625], rtol=1e-7)


def test_one_bias_alone():
    batch = make_batch(TABLES, [0, 1], [1, 0])
    score = PairScore(None, num_candidates=2)
    bias, offset = score.state
    bias.assign([1.0, 2.0])
    offset.assign(0.5)
    assert score(batch.query, batch.candidate).numpy().tolist() == [4.5 + 2.5, 3.0 + 1.5]


def test_without_biases_there_is_nothing_to_train():
    assert PairScore(None).state == []
    assert PairScore(None).offset is None
    assert DotScore().state == []


def test_gradients_reach_the_rows_that_were_read_alone():
    _, batch = random_batch(1)
    score = PairScore(None, 3, 4)
    user, movie = int(batch.columns["query"][0]), int(batch.columns["candidate"][0])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(2.0 * score(batch.query, batch.candidate))
    gradients = [tf.convert_to_tensor(g).numpy() for g in tape.gradient(loss, score.state[:2])]
    for gradient, row in zip(gradients, (user, movie), strict=True):
        assert gradient.tolist() == [2.0 * (n == row) for n in range(len(gradient))]


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_vectors_whose_product_is_the_score(normalize, bias):
    tables, batch = random_batch(8, dim=3)
    score = DotScore(normalize, 4 if bias else None)
    b = np.array([1.0, -2.0, 0.5, 3.0], np.float32) if bias else np.zeros(4)
    if bias:
        score.state[0].assign(b)
    query, candidate = (table.numpy() for table in tables)
    expected = query @ candidate.T
    if normalize:
        expected /= np.linalg.norm(query, axis=1)[:, None] * np.linalg.norm(candidate, axis=1)
    expected += b
    whole = score.queries(tables[0]).numpy() @ score.candidates(tables[1]).numpy().T
    np.testing.assert_allclose(whole, expected, rtol=1e-5, atol=1e-6)
    left, right = score.query(batch.query).expand(), score.candidate(batch.candidate).expand()
    pairs = batch.columns["query"].numpy(), batch.columns["candidate"].numpy()
    np.testing.assert_allclose(np.sum(left * right, 1), expected[pairs], rtol=1e-5, atol=1e-6)
    norms = (query**2).sum(1)[pairs[0]] + ((candidate**2).sum(1) + b**2)[pairs[1]]
    found = score.squared_norms(batch.query, batch.candidate)
    np.testing.assert_allclose(found, norms, rtol=1e-5)


def test_plain_sides_are_left_as_they_are():
    """So that tasks which share an embedding go on sharing its rows."""
    _, batch = random_batch()
    assert DotScore().query(batch.query) is batch.query
    assert DotScore().candidate(batch.candidate) is batch.candidate


def test_missing_labels():
    _, batch = random_batch(3)
    batch.columns["user_rating"] = tf.constant([4.0, np.nan, 2.0])
    labels, weights = labels_of(batch, "user_rating")
    assert labels.numpy().tolist() == [4, 0, 2]
    assert weights.numpy().tolist() == [1, 0, 1]
    batch.columns["user_rating"] = tf.constant([4, 0, 2], tf.int64)
    labels, weights = labels_of(batch, "user_rating")
    assert labels.dtype == tf.float32
    assert weights.numpy().tolist() == [1, 1, 1]


def test_mean_and_sum_over_what_counts():
    losses, weights = tf.constant([1.0, 100.0, 4.0]), tf.constant([1.0, 0.0, 1.0])
    assert float(reduced(losses, weights, "mean")) == 2.5
    assert float(reduced(losses, weights, "sum")) == 5.0


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_nothing_counts(reduction):
    losses = tf.constant([1.0, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(losses)
        loss = reduced(losses, tf.zeros(2), reduction)
    assert float(loss) == 0.0
    assert tape.gradient(loss, losses).numpy().tolist() == [0.0, 0.0]


@pytest.mark.parametrize("grouped", [True, False])
def test_a_batch_without_rows_is_as_if_they_had_never_been(grouped):
    tables, batch = random_batch(8, grouped=grouped)
    mask = np.array([False, True, False, True, True, False, True, False])
    found, weights = kept(batch, tf.constant(mask))
    rating = batch.columns["user_rating"][mask]
    columns = [batch.columns[name].numpy()[mask] for name in ("query", "candidate")]
    expected = make_batch(tables, *columns, grouped=grouped, user_rating=rating)
    assert weights.numpy().tolist() == [1, 1, 1, 1]
    for name, column in expected.columns.items():
        assert found.columns[name].numpy().tolist() == column.numpy().tolist()
    for side in ("query", "candidate"):
        one, other = getattr(found, side), getattr(expected, side)
        for name in ("ids", "rows", "counts", "embeddings", "grouped"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        np.testing.assert_array_equal(one.expand(), other.expand())


def test_where_no_row_is_kept_the_first_one_counts_for_nothing():
    _, batch = random_batch(3)
    found, weights = kept(batch, tf.constant([False] * 3))
    assert weights.numpy().tolist() == [0]
    assert found.columns["query"].numpy().tolist() == batch.columns["query"].numpy()[:1].tolist()
