"""The TFRS multi-task tutorial as a user would run it: plain TFRS, its metrics on every batch.

`python benchmarks/tutorial.py` trains the three scenarios once. It shares no code with mtbench.
"""

import os
import time

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
import tensorflow_recommenders as tfrs

SCENARIOS = {"rating-only": (1.0, 0.0), "retrieval-only": (0.0, 1.0), "joint": (1.0, 1.0)}


class Tutorial:
    """Data of the tutorial: strings, shuffled and batched once, cached in memory."""

    def __init__(self, data_dir: str | None = None) -> None:
        ratings = tfds.load("movielens/100k-ratings", split="train", data_dir=data_dir)
        movies = tfds.load("movielens/100k-movies", split="train", data_dir=data_dir)
        columns = ("movie_title", "user_id", "user_rating")
        ratings = ratings.map(lambda row: {name: row[name] for name in columns})
        self.movies = movies.map(lambda row: row["movie_title"])
        shuffled = ratings.shuffle(100_000, seed=42, reshuffle_each_iteration=False)
        self.train = shuffled.take(80_000).shuffle(100_000).batch(8192).cache()
        self.test = shuffled.skip(80_000).take(20_000).batch(4096).cache()
        self.titles = np.unique(np.concatenate(list(self.movies.batch(1_000))))
        users = ratings.batch(1_000_000).map(lambda row: row["user_id"])
        self.users = np.unique(np.concatenate(list(users)))


class TutorialModel(tfrs.Model):
    """Two embeddings, a rating network, a weighted sum of the two losses."""

    def __init__(self, data: Tutorial, rating_weight: float, retrieval_weight: float) -> None:
        super().__init__()
        self.user_model = self.embedding(data.users)
        self.movie_model = self.embedding(data.titles)
        dense = tf.keras.layers.Dense
        self.rating_model = tf.keras.Sequential(
            [dense(256, activation="relu"), dense(128, activation="relu"), dense(1)]
        )
        self.rating_task = tfrs.tasks.Ranking(
            loss=tf.keras.losses.MeanSquaredError(),
            metrics=[tf.keras.metrics.RootMeanSquaredError()],
        )
        self.retrieval_task = tfrs.tasks.Retrieval(
            metrics=tfrs.metrics.FactorizedTopK(data.movies.batch(128).map(self.movie_model))
        )
        self.weights_of = (rating_weight, retrieval_weight)

    @staticmethod
    def embedding(vocabulary: np.ndarray) -> tf.keras.Model:
        """A row of 32 for each word of a vocabulary, and one for unknown words."""
        lookup = tf.keras.layers.StringLookup(vocabulary=vocabulary, mask_token=None)
        return tf.keras.Sequential([lookup, tf.keras.layers.Embedding(len(vocabulary) + 1, 32)])

    def compute_loss(self, features: dict, training: bool = False) -> tf.Tensor:
        """The weighted sum; TFRS updates all metrics on the way."""
        user = self.user_model(features["user_id"])
        movie = self.movie_model(features["movie_title"])
        rating = self.rating_model(tf.concat([user, movie], axis=1))
        rating_loss = self.rating_task(labels=features["user_rating"], predictions=rating)
        retrieval_loss = self.retrieval_task(user, movie)
        return self.weights_of[0] * rating_loss + self.weights_of[1] * retrieval_loss


def compiled(data: Tutorial, scenario: str) -> TutorialModel:
    """The model of a scenario, ready to fit."""
    model = TutorialModel(data, *SCENARIOS[scenario])
    model.compile(optimizer=tf.keras.optimizers.Adagrad(0.1))
    return model


def main() -> None:
    """Train and evaluate the three scenarios."""
    data = Tutorial(os.environ.get("TFDS_DATA_DIR"))
    for scenario in SCENARIOS:
        started = time.perf_counter()
        model = compiled(data, scenario)
        model.fit(data.train, epochs=3, verbose=0)
        metrics = model.evaluate(data.test, return_dict=True, verbose=0)
        rmse = metrics["root_mean_squared_error"]
        top = metrics["factorized_top_k/top_100_categorical_accuracy"]
        seconds = time.perf_counter() - started
        print(f"{scenario}: RMSE {rmse:.3f}, top-100 {top:.3f}, {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
