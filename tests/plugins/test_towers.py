"""Towers by hand; shapes and dropout of the MLP are in test_datasets.py."""

import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError

import mtbench
from mtbench_plugins.towers.embedding import Embedding
from mtbench_plugins.towers.mlp import MLP

FEATURES = mtbench.Features("user_id", {"user_id": 3})


def test_embedding_is_a_row_of_its_table():
    layer = Embedding(embedding_dim=2).build(FEATURES, ["ranking"])
    output = layer({"user_id": tf.constant([2, 0, 2])})
    assert output.shape == (3, 2)
    assert layer.table.embeddings.shape == (3, 2)
    layer.table.set_weights([np.array([[1, 2], [3, 4], [5, 6]])])
    output = layer({"user_id": tf.constant([2, 0, 2])}, training=True)
    assert output.numpy().tolist() == [[5, 6], [1, 2], [5, 6]]
    assert Embedding().by_id


def test_mlp_by_hand():
    """ReLU of (x, −x) for x = 2 and −3, then 10 a + 100 b + 1."""
    layer = MLP(embedding_dim=1, id_dim=1, units=[2]).build(FEATURES, ["ranking"])
    layer.set_weights(
        [
            np.array([[2.0], [-3.0], [0.0]]),
            np.array([[1.0, -1.0]]),
            np.zeros(2),
            np.array([[10.0], [100.0]]),
            np.array([1.0]),
        ]
    )
    output = layer({"user_id": tf.constant([0, 1, 2])}, training=False)
    assert output.numpy().tolist() == [[21.0], [301.0], [1.0]]


def test_the_mlps_last_layer_is_linear():
    layer = MLP(embedding_dim=8, id_dim=8).build(FEATURES, ["ranking"])
    assert (layer({"user_id": tf.constant([0, 1, 2])}).numpy() < 0).any()


def test_two_builds_share_nothing():
    for tower in (Embedding(), MLP()):
        first, second = (tower.build(FEATURES, ["ranking"]) for _ in range(2))
        outputs = [layer({"user_id": tf.constant([0])}).numpy() for layer in (first, second)]
        assert not np.array_equal(*outputs)


@pytest.mark.parametrize(
    "options", [{"embedding_dim": 0}, {"units": [0]}, {"dropout": 1.0}, {"dropout": -0.1}]
)
def test_options_that_make_no_network_are_refused(options):
    with pytest.raises(ValidationError):
        MLP(**options)
