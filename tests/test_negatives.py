"""Negatives: what may be drawn, how often, and that a run's seed decides it."""

import numpy as np
import pytest
import tensorflow as tf
from batches import make_batch, random_batch
from made import of_pairs

from mtbench.kit.negatives import Sampler, repeated

TABLES = [tf.zeros([2, 3]), tf.reshape(tf.range(15, dtype=tf.float32), [5, 3])]


TRAIN = of_pairs([(0, 0), (0, 1), (0, 1), (1, 4)], 2, 5)
"""Query 0 has 0 and 1, query 1 has 4."""


def sampler(exponent=0.0, exclude_seen=True, seed=0):
    tf.keras.utils.set_random_seed(seed)
    made = Sampler(5, exponent, exclude_seen)
    made.adapt(TRAIN)
    return made


def drawn(made, query, candidate, number=1, source="from_catalogue", training=True):
    batch = make_batch(TABLES, query, candidate, training=training)
    side, weights = getattr(made, source)(batch, number)
    ids = tf.gather(side.ids, side.rows).numpy()
    np.testing.assert_array_equal(side.expand(), TABLES[1].numpy()[ids])
    return ids, weights.numpy()


def shares(ids, weights):
    return np.bincount(ids[weights > 0], minlength=5) / weights.sum()


def test_uniform_among_what_the_query_has_not():
    ids, weights = drawn(sampler(), [0] * 2000, [1] * 2000, 3)
    assert len(ids) == 6000
    # a pair is left out where 0 and 1 are drawn four times: with probability 0.4⁴ = 0.0256
    assert np.mean(weights == 0) == pytest.approx(0.0256, abs=0.01)
    np.testing.assert_allclose(shares(ids, weights), [0, 0, 1 / 3, 1 / 3, 1 / 3], atol=0.03)
    ids, weights = drawn(sampler(), [1] * 4000, [4] * 4000)
    np.testing.assert_allclose(shares(ids, weights), [0.25] * 4 + [0], atol=0.03)


def test_by_popularity():
    """Counts 1, 2, 0, 0, 1: squared 1, 4 and 1 of 6; query 1 cannot have 4."""
    ids, weights = drawn(sampler(2.0), [1] * 4000, [4] * 4000)
    np.testing.assert_allclose(shares(ids, weights), [0.2, 0.8, 0, 0, 0], atol=0.03)
    ids, weights = drawn(sampler(2.0), [0] * 400, [1] * 400)
    assert set(ids[weights > 0]) == {4}  # all else is seen, or never drawn


def test_seen_ones_on_request_but_not_the_own():
    made = sampler(exclude_seen=False)
    ids, weights = drawn(made, [0] * 4000, [1] * 4000)
    np.testing.assert_allclose(shares(ids, weights), [0.25, 0, 0.25, 0.25, 0.25], atol=0.03)
    assert len(made.state) == 3


def test_from_the_batch():
    """Candidates of the batch's examples, as often as they are there; 0 is seen by query 0."""
    query, candidate = [1, *[0] * 2000], [0, *[3, 4, 2, 2] * 500]
    ids, weights = drawn(sampler(), query, candidate, source="from_batch")
    mine = np.array(candidate) == 3
    np.testing.assert_allclose(shares(ids[mine], weights[mine]), [0, 0, 2 / 3, 0, 1 / 3], atol=0.1)
    mine = np.array(candidate) == 2
    np.testing.assert_allclose(shares(ids[mine], weights[mine]), [0, 0, 0, 0.5, 0.5], atol=0.1)
    ids, weights = drawn(sampler(exclude_seen=False), [1] * 4, [4] * 4, source="from_batch")
    assert weights.tolist() == [0, 0, 0, 0]


def test_negatives_of_an_example_stand_together():
    ids, _ = drawn(sampler(2.0), [0, 1] * 300, [1, 4] * 300, 4)
    by_example = ids.reshape(600, 4)
    assert 4 in by_example[::2]
    assert 4 not in by_example[1::2][:, 0][np.isin(by_example[1::2][:, 0], [0, 1])]
    side = repeated(make_batch(TABLES, [0, 1], [1, 4]).candidate, 3)
    assert tf.gather(side.ids, side.rows).numpy().tolist() == [1, 1, 1, 4, 4, 4]
    assert side.counts.numpy().tolist() == [3, 3]


def test_the_seed_decides_and_each_step_draws_anew():
    def steps(seed):
        made = sampler(seed=seed)
        return [drawn(made, [0] * 50, [1] * 50)[0].tolist() for _ in range(2)]

    first, second = steps(0)
    assert first != second
    assert steps(0) == [first, second]
    assert steps(1)[0] != first


def test_outside_of_training_nothing_changes():
    made = sampler()
    before = [v.numpy() for v in made.state]
    found = [drawn(made, [0] * 50, [1] * 50, training=False)[0].tolist() for _ in range(2)]
    assert found[0] == found[1]
    for value, variable in zip(before, made.state, strict=True):
        np.testing.assert_array_equal(value, variable)


def test_in_a_traced_function_the_numbers_are_those_of_the_variables():
    """One graph serves every seed and every training part."""
    _, batch = random_batch(40, 2, 5)
    made = sampler()

    @tf.function
    def traced():
        side, weights = made.from_catalogue(batch, 2)
        return side.rows, weights

    batch.everything.training = True
    for seed in (0, 1):
        other = sampler(seed=seed)
        expected = [other.from_catalogue(batch, 2)[0].rows.numpy() for _ in range(2)]
        for mine, fresh in zip(made.state, sampler(seed=seed).state, strict=True):
            mine.assign(fresh)
        np.testing.assert_array_equal([traced()[0], traced()[0]], expected)
    assert traced.experimental_get_tracing_count() == 1
    made.adapt(of_pairs([(0, c) for c in range(4)], 2, 5))
    rows, weights = traced()
    mine = np.repeat(batch.columns["query"].numpy() == 0, 2) & (weights.numpy() > 0)
    assert set(rows.numpy()[mine]) == {4}
