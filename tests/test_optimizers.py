"""Steps of a model's variables: parts, L2, clipping, schedules, against NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError

from mtbench.suite.training import Optimizer, Schedule, Train
from mtbench.train.updates import Updates, distinct, factor, keras_optimizer

SGD = {"name": "sgd", "learning_rate": 1.0}


def make(parts, **options):
    return Updates(Train(**{"optimizer": SGD, "epochs": 1, **options}), parts)


def slices(values, ids, rows):
    return tf.IndexedSlices(tf.constant(values), tf.constant(ids), tf.constant([rows, 1]))


def schedule(steps, per_epoch, **options):
    """Factors of all steps of a training."""
    found = [factor(Schedule(**options), float(t), float(steps), per_epoch) for t in range(steps)]
    return np.array([float(x) for x in found])


def test_a_part_has_an_optimizer_of_its_own():
    query, head = tf.Variable([1.0]), tf.Variable([1.0])
    updates = make(
        {"query": [query], "candidate": [], "ranking": [head]},
        groups={"ranking": {"name": "sgd", "learning_rate": 0.25}},
    )
    updates.apply([tf.constant([2.0]), tf.constant([2.0])], [query, head])
    assert (query.numpy().item(), head.numpy().item()) == (-1.0, 0.5)
    assert len(updates.optimizers) == 2


def test_l2_pulls_every_row_of_a_matrix_and_the_read_rows_of_a_table():
    matrix, table = tf.Variable([[2.0], [4.0]]), tf.Variable([[2.0], [4.0], [8.0]])
    updates = make({"query": [matrix, table]}, optimizer={**SGD, "l2": 0.5})
    # row 2 is read twice: its gradients add up, the penalty comes once
    gradients = [tf.constant([[0.0], [1.0]]), slices([[1.0], [1.0], [0.0]], [2, 2, 0], 3)]
    updates.apply(gradients, [matrix, table])
    assert matrix.numpy().ravel().tolist() == [1.0, 4 - 1 - 2.0]
    assert table.numpy().ravel().tolist() == [2 - 1.0, 4.0, 8 - 2 - 4.0]


def test_clipping_takes_the_norm_of_the_whole_model_with_equal_rows_summed():
    matrix, table = tf.Variable([[0.0]]), tf.Variable([[0.0], [0.0]])
    parts = {"query": [table], "ranking": [matrix]}
    gradients = [slices([[2.0], [2.0]], [1, 1], 2), tf.constant([[3.0]])]  # norm 5
    make(parts, clip_norm=1.0).apply(gradients, [table, matrix])
    np.testing.assert_allclose(table.numpy().ravel(), [0.0, -4 / 5], rtol=1e-6)
    np.testing.assert_allclose(matrix.numpy().ravel(), [-3 / 5], rtol=1e-6)
    make(parts, clip_norm=100.0).apply(gradients, [table, matrix])
    np.testing.assert_allclose(matrix.numpy().ravel(), [-3 / 5 - 3.0], rtol=1e-6)


def test_what_has_no_gradient_stays():
    one, other = tf.Variable([1.0]), tf.Variable([1.0])
    updates = make({"query": [one], "ranking": [other]}, clip_norm=1.0)
    updates.apply([None, tf.constant([0.5])], [one, other])
    assert (one.numpy().item(), other.numpy().item()) == (1.0, 0.5)


def test_distinct_sums_rows():
    found = distinct(slices([[1.0], [2.0], [4.0]], [5, 0, 5], 6))
    np.testing.assert_array_equal(tf.convert_to_tensor(found).numpy().ravel(), [2, 0, 0, 0, 0, 5])
    assert found.indices.shape == [2]


def test_schedules_by_hand():
    share = np.arange(8) / 8
    np.testing.assert_array_equal(schedule(8, 4.0), np.ones(8))
    linear = schedule(8, 4.0, name="linear", end=0.2)
    np.testing.assert_allclose(linear, 1 - 0.8 * share, rtol=1e-6)
    cosine = schedule(8, 4.0, name="cosine", end=0.2)
    np.testing.assert_allclose(cosine, 0.2 + 0.8 * (1 + np.cos(np.pi * share)) / 2, rtol=1e-6)
    exponential = schedule(8, 4.0, name="exponential", end=0.2)
    np.testing.assert_allclose(exponential, 0.2**share, rtol=1e-6)


def test_warm_up_rises_to_the_whole_rate_and_the_rest_follows():
    found = schedule(8, 4.0, name="linear", end=0.5, warmup_epochs=0.5)
    np.testing.assert_allclose(found, [0.5, 1, *(1 - 0.5 * np.arange(6) / 6)], rtol=1e-6)


def test_cosine_is_that_of_keras():
    keras = tf.keras.optimizers.schedules.CosineDecay(1.0, decay_steps=20, alpha=0.1)
    found = schedule(20, 5.0, name="cosine", end=0.1)
    np.testing.assert_allclose(found, [float(keras(t)) for t in range(20)], rtol=1e-5)


def test_the_schedule_reaches_every_optimizer():
    query, head = tf.Variable([0.0]), tf.Variable([0.0])
    updates = make(
        {"query": [query], "ranking": [head]},
        groups={"ranking": {"name": "sgd", "learning_rate": 10.0}},
        schedule={"name": "linear", "end": 0.5},
        epochs=2,
    )
    updates.steps.assign(4.0)
    for _ in range(4):
        updates.apply([tf.constant([1.0])] * 2, [query, head])
    total = sum(1 - 0.5 * t / 4 for t in range(4))
    np.testing.assert_allclose([query.numpy(), head.numpy()], [[-total], [-10 * total]], rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "adam", "momentum": 0.9}, "expected momentum with sgd or rmsprop"),
        ({"name": "adam", "weight_decay": 0.1}, "expected weight_decay with adamw"),
    ],
)
def test_an_option_of_another_optimizer_is_refused(options, message):
    with pytest.raises(ValidationError, match=message):
        Optimizer(**options)


def test_options_reach_keras():
    sgd = keras_optimizer(Optimizer(name="sgd", learning_rate=0.5, momentum=0.75))
    assert (sgd.momentum, float(sgd.learning_rate)) == (0.75, 0.5)
    adamw = keras_optimizer(Optimizer(name="adamw", weight_decay=0.25), learning_rate=0.125)
    assert (adamw.weight_decay, float(adamw.learning_rate)) == (0.25, 0.125)
