"""Three epochs of the tutorial's joint scenario give the parameters that plain TFRS gives."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_recommenders as tfrs

from mtbench.data.store import load_data
from mtbench.suite.reader import load_suite
from mtbench.train.model import MultiTaskModel
from mtbench.train.trainer import Trainer

SUITE = Path(__file__).parents[2] / "suites" / "ml100k.yaml"


class Plain(tfrs.Model):
    """The tutorial's model on integer ids, without its metrics."""

    def __init__(self, initial):
        super().__init__()
        self.user, self.movie = (
            tf.keras.layers.Embedding(*table.shape, weights=[table]) for table in initial[:2]
        )
        dense = tf.keras.layers.Dense
        self.network = tf.keras.Sequential(
            [dense(256, activation="relu"), dense(128, activation="relu"), dense(1)]
        )
        self.network.build([None, 64])
        self.network.set_weights(initial[2:])
        self.ranking = tfrs.tasks.Ranking(loss=tf.keras.losses.MeanSquaredError())
        self.retrieval = tfrs.tasks.Retrieval()

    def compute_loss(self, batch, training=False):
        user, movie = self.user(batch["query"]), self.movie(batch["candidate"])
        rating = self.network(tf.concat([user, movie], axis=1))
        return self.ranking(
            labels=batch["user_rating"][:, tf.newaxis], predictions=rating
        ) + self.retrieval(user, movie, compute_metrics=False)

    def parameters(self):
        return [*self.user.get_weights(), *self.movie.get_weights(), *self.network.get_weights()]


@pytest.mark.thorough
@pytest.mark.realdata
def test_parameters_after_three_epochs(registry, data_dir, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", data_dir)
    # batches a quarter as large as the tutorial's, and as many: TFRS is slow
    suite = load_suite(SUITE, registry, overrides=["train.batch_size=2048"])
    data = load_data(suite.dataset, registry.identity(suite.dataset))
    train = data.interactions.take(suite.split.build(data, 0).train[:10_000])
    setup = suite.setup("joint")
    tf.keras.utils.set_random_seed(0)
    initial = [v.numpy() for v in MultiTaskModel(setup, data).model_variables]
    trainer = Trainer(setup, data)
    ours = [v.numpy() for v in trainer.train(0, train).model.model_variables]

    plain = Plain(initial)
    plain.compile(optimizer=tf.keras.optimizers.Adagrad(0.1))
    plain.fit(trainer._feed.dataset, epochs=3, steps_per_epoch=5, verbose=0)
    for before, mine, theirs in zip(initial, ours, plain.parameters(), strict=True):
        assert np.abs(theirs - before).max() > 0.01
        np.testing.assert_allclose(mine, theirs, atol=1e-3)
