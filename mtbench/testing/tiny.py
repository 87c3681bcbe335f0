"""A dataset, towers and tasks small enough to check a component with; no plugin is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from mtbench.data.dataset import Data
from mtbench.data.interactions import Interactions
from mtbench.data.parts import Parts
from mtbench.kit.softmax import in_batch_softmax
from mtbench.metrics.metric import Metric
from mtbench.plugin.dataset import Dataset
from mtbench.plugin.split import Split
from mtbench.plugin.task import Task
from mtbench.plugin.tower import Features, Tower
from mtbench.plugin.view import TestView
from mtbench.plugin.weighting import Weighting
from mtbench.suite.suite import Scenario, Suite
from mtbench.suite.training import Optimizer, Train


class TinyDataset(Dataset):
    """Sixty interactions of eight users with ten movies."""

    name = "tiny"

    def load(self) -> Data:
        """Make them up, always the same."""
        rng = np.random.default_rng(0)
        users = np.concatenate([np.arange(8), rng.integers(8, size=52)]).astype(str)
        movies = np.concatenate([np.arange(10), rng.integers(10, size=50)]).astype(str)
        rating = rng.integers(1, 6, size=60).astype(np.float32)
        return Data.encode(
            ("user_id", users),
            ("movie_id", movies),
            {
                "user_rating": rating,
                "click": (rating >= 3).astype(np.float32),
                "buy": (rating == 5).astype(np.float32),
                "timestamp": np.arange(60, dtype=np.int64),
            },
            "tiny",
            synthetic=True,
        )


class TinySplit(Split):
    """The last ten rows test."""

    name = "tiny"

    def build(self, data: Data, seed: int) -> Parts:
        """Cut the rows."""
        rows = np.arange(len(data.interactions))
        return Parts(rows[:-10], rows[-10:])


class TinyTower(Tower):
    """A vector for each id, and a dense layer."""

    name = "tiny"
    embedding_dim: int = 4
    """Length of the output."""

    def build(self, features: Features, tasks: Sequence[str]) -> Any:
        """Make the layers."""
        ids = tf.keras.Input([], dtype=tf.int32, name=features.key)
        vectors = tf.keras.layers.Embedding(features.num_values[features.key], 3)(ids)
        return tf.keras.Model(
            {features.key: ids}, tf.keras.layers.Dense(self.embedding_dim)(vectors)
        )


class TinyTask(Task):
    """Predict the rating from both embeddings, or find the candidate."""

    name = "tiny"
    likelihood = "regression"
    hands = ("prediction", "logit", "representation")
    find: bool = False
    """Find the candidate."""
    factor: float = 1.0
    """The loss is multiplied by it."""

    def metrics(self) -> tuple[Metric, ...]:
        """One that is always 0."""
        return (Metric("nothing", higher_is_better=True),)

    def needs(self) -> tuple[str, ...]:
        """The label."""
        return ("user_rating",)

    def build(self, num_queries: int, num_candidates: int) -> TinyHead:
        """Make the head."""
        return TinyHead(self)

    def floors(
        self, train: Interactions, test: Interactions, known: Interactions
    ) -> dict[str, dict[str, float]]:
        """None."""
        return {}


class TinyHead:
    """A linear layer, or the in-batch softmax of dot products."""

    def __init__(self, task: TinyTask) -> None:
        self.task = task
        self.dense = tf.keras.layers.Dense(1)

    def adapt(self, train: Interactions) -> None:
        """Take nothing from the training part."""

    def loss(self, batch: Any) -> Any:
        """Mean loss of a batch."""
        if self.task.find:
            losses = in_batch_softmax(batch.query, batch.candidate)
        else:
            losses = (self.hand_on(batch)["prediction"] - batch.columns["user_rating"]) ** 2
        return self.task.factor * tf.reduce_mean(losses)

    def hand_on(self, batch: Any) -> dict[str, Any]:
        """What the linear layer makes of both embeddings, under every name."""
        both = tf.concat([batch.query.expand(), batch.candidate.expand()], 1)
        prediction = self.dense(both)[:, 0]
        return {"prediction": prediction, "logit": prediction, "representation": both}

    def evaluate(self, view: TestView) -> dict[str, float]:
        """Score nothing, but embed the test part."""
        for _ in view.batches(5):
            pass
        return {"nothing": 0.0}


def tiny_tasks(count: int) -> dict[str, Task]:
    """Some tasks: ratings on several scales and, from two tasks on, one that finds."""
    tasks: dict[str, Task] = {
        f"task_{i}": TinyTask(factor=(1.0, 0.3, 4.0)[i % 3]) for i in range(count)
    }
    if count > 1:
        tasks["task_1"] = TinyTask(find=True)
    return tasks


def tiny_suite(
    tasks: Mapping[str, Task],
    weighting: Weighting | None,
    towers: tuple[Tower, Tower] | None = None,
) -> Suite:
    """A suite of one scenario, `all`, that trains all tasks for two epochs."""
    query, candidate = towers or (TinyTower(), TinyTower())
    return Suite(
        name="tiny",
        dataset=TinyDataset(),
        split=TinySplit(),
        towers={"query": query, "candidate": candidate},
        tasks=tasks,
        scenarios={"all": Scenario("all", tuple(tasks), weighting)},
        train=Train(epochs=2, batch_size=20, optimizer=Optimizer(name="adam", learning_rate=0.01)),
        seeds=(0,),
    )
