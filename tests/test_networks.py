"""Networks side by side against the same ones one after the other, in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from mtbench.kit.networks import dense, mixture, mlp, parallel


def model(make, *shape):
    """A network of random weights, and what it is made of."""
    inputs = tf.keras.Input(shape)
    network = tf.keras.Model(inputs, make(inputs))
    rng = np.random.default_rng(3)
    network.set_weights([rng.normal(size=weight.shape) for weight in network.weights])
    return network, [weight.astype(np.float64) for weight in network.get_weights()]


def relu(values):
    return np.maximum(values, 0)


def test_dense_and_mlp():
    inputs = np.random.default_rng(2).normal(size=(50, 3))
    network, (kernel, bias, last, offset) = model(lambda x: mlp(x, [4], 2), 3)
    expected = relu(inputs @ kernel + bias) @ last + offset
    np.testing.assert_allclose(network(inputs), expected, atol=1e-5)
    assert (expected < 0).any()
    assert (expected > 0).any()
    network, (first, _, second, _) = model(lambda x: dense(x, [4, 2]), 3)
    assert (first.shape, second.shape) == ((3, 4), (4, 2))
    assert network(inputs).numpy().min() == 0
    network, weights = model(lambda x: dense(x, []), 3)
    assert not weights
    np.testing.assert_allclose(network(inputs), inputs, rtol=1e-6)


@pytest.mark.parametrize("together", [True, False])
def test_parallel(together):
    """Whether the networks read one vector or one each."""
    inputs = np.random.default_rng(1).normal(size=(5, 3) if together else (5, 2, 3))
    network, weights = model(lambda x: parallel(x, 2, [4, 6]), *inputs.shape[1:])
    kernels, biases, kernels_2, biases_2 = weights
    assert kernels.shape == (2, 3, 4)
    expected = np.stack(
        [
            relu(
                relu((inputs if together else inputs[:, i]) @ kernels[i] + biases[i]) @ kernels_2[i]
                + biases_2[i]
            )
            for i in range(2)
        ],
        axis=1,
    )
    np.testing.assert_allclose(network(inputs), expected, atol=1e-5)
    assert (expected > 0).any()


def test_parallel_networks_start_as_dense_layers_do():
    """Glorot's uniform distribution on ±√(6 / (in + out)), by network."""
    tf.keras.utils.set_random_seed(0)
    inputs = tf.keras.Input([30])
    kernels, biases = tf.keras.Model(inputs, parallel(inputs, 5, [24])).get_weights()
    limit = np.sqrt(6 / 54)
    assert not biases.any()
    assert abs(kernels).max() <= limit
    for kernel in kernels:
        assert abs(kernel.std() - limit / np.sqrt(3)) < 0.02 * limit
    assert len({kernel.tobytes() for kernel in kernels}) == 5


def test_mixture_by_hand():
    """Gates of logits (0, log 3): a quarter and three quarters."""
    selector, experts = tf.keras.Input([1]), tf.keras.Input([2, 2])
    network = tf.keras.Model([selector, experts], mixture(selector, experts))
    network.set_weights([np.array([[0, np.log(3)]])])
    found = network([tf.constant([[1.0], [0.0]]), tf.constant([[[4.0, 8.0], [0.0, 4.0]]] * 2)])
    np.testing.assert_allclose(found, [[1, 5], [2, 6]], rtol=1e-6)


@pytest.mark.parametrize(
    "make", [lambda x: dense(x, [50], 0.5), lambda x: parallel(x, 2, [50], 0.5)]
)
def test_dropout_is_of_training(make):
    inputs = tf.keras.Input([3])
    network = tf.keras.Model(inputs, make(inputs))
    example = tf.ones([2, 3])
    quiet, loud = (network(example, training=training).numpy() for training in (False, True))
    assert np.array_equal(quiet, network(example))
    assert np.array_equal(quiet[0], quiet[1])
    assert not np.array_equal(loud[0], loud[1])
    kept = loud > 0
    np.testing.assert_allclose(loud[kept], 2 * quiet[kept], rtol=1e-5)
