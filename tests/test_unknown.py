"""Ids that training lacks: one vector for all of them, trained by dropping ids."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from made import interactions
from pydantic import ValidationError

import mtbench
from mtbench.suite.training import Optimizer, Train
from mtbench.testing.tiny import tiny_suite
from mtbench.train.model import MultiTaskModel
from mtbench.train.trainer import Trainer
from mtbench.train.unknown import UnknownIds
from mtbench_plugins.tasks.ranking import Ranking
from mtbench_plugins.towers.embedding import Embedding
from mtbench_plugins.towers.feature import FeatureMLP
from mtbench_plugins.towers.mlp import MLP
from mtbench_plugins.towers.sequence import SequenceEncoder

WARM, COLD = [0, 1, 2], [3, 4]


def data():
    """Five users; the last two have no row but in the test part."""
    rows = interactions(
        WARM * 4 + COLD, [0, 1, 2, 3] * 3 + [0, 1], 5, 4, user_rating=[1, 5, 2, 4] * 3 + [3, 2]
    )
    sides = [mtbench.Side(k, np.arange(n).astype(str)) for k, n in (("user_id", 5), ("item_id", 4))]
    return mtbench.Data(*sides, rows, "made")


def setup_of(tower):
    suite = tiny_suite({"ranking": Ranking(interaction="dot")}, None)
    towers = {"query": tower, "candidate": Embedding(embedding_dim=tower.embedding_dim)}
    train = Train(epochs=3, batch_size=4, optimizer=Optimizer(name="sgd", learning_rate=0.1))
    return dataclasses.replace(suite.setup("all"), towers=towers, train=train)


def trained(tower, *seeds):
    found = data()
    train = found.interactions.take(np.arange(12))
    trainer = Trainer(setup_of(tower), found)
    return [
        trainer.train(seed, train).model.queries("ranking", np.arange(5)).numpy() for seed in seeds
    ]


def test_what_stands_for_an_id():
    ids = UnknownIds("query", 0.25, 5)
    every = tf.range(5)
    ids.adapt(data().interactions.take(np.arange(12)))
    assert ids(every, training=False).numpy().tolist() == [*WARM, 5, 5]
    drawn = np.array([ids(tf.zeros([100], tf.int32), training=True).numpy() for _ in range(100)])
    assert set(drawn.ravel()) == {0, 5}
    assert (drawn == 5).mean() == pytest.approx(0.25, abs=0.02)  # 4.6 standard deviations
    assert len({row.tobytes() for row in drawn}) == 100


@pytest.mark.thorough
@pytest.mark.parametrize("tower", [Embedding, MLP, FeatureMLP])
def test_those_without_a_training_row_share_a_vector_that_was_trained(tower):
    (found,) = trained(tower(embedding_dim=4, unknown_share=0.3), 0)
    assert np.array_equal(found[3], found[4])
    assert len({row.tobytes() for row in found}) == 4
    (without,) = trained(tower(embedding_dim=4), 0)
    assert not np.array_equal(without[3], without[4])


def test_the_unknown_vector_is_moved_by_training():
    found = data()
    trainer = Trainer(setup_of(Embedding(embedding_dim=4, unknown_share=0.5)), found)
    one = trainer.train(0, found.interactions.take(np.arange(12))).model
    table = one._sides[0].layer.table.embeddings.numpy()
    assert np.array_equal(one.queries("ranking", np.array([4])).numpy()[0], table[5])
    assert np.abs(table[5]).max() > 0.05  # Keras begins within 0.05
    assert np.abs(table[3:5]).max() < 0.05  # nobody has trained these


@pytest.mark.thorough
def test_a_further_seed_is_that_of_a_fresh_start():
    tower = Embedding(embedding_dim=4, unknown_share=0.3)
    _, again = trained(tower, 0, 1)
    (fresh,) = trained(tower, 1)
    np.testing.assert_array_equal(again, fresh)


def test_without_a_share_nothing_is_added():
    model = MultiTaskModel(setup_of(Embedding(embedding_dim=4)), data())
    assert model._sides[0].unknown is None
    assert model._sides[0].layer.table.embeddings.shape == (5, 4)


def test_a_tower_of_histories_has_none():
    with pytest.raises(ValidationError, match="expected an unknown_share of 0, since a history"):
        SequenceEncoder(unknown_share=0.1)
