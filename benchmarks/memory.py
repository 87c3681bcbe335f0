"""Print the peak memory, in MB, of training with tables of MovieLens 25M's shape.

`python benchmarks/memory.py STRATEGY`. Beyond what TensorFlow itself takes, which is subtracted.
"""

from __future__ import annotations

import dataclasses
import resource
import sys
from pathlib import Path

import numpy as np

from mtbench.data.dataset import Data, Side  # before TensorFlow: it sets Keras 2
from mtbench.data.interactions import Interactions  # before TensorFlow: it sets Keras 2
from mtbench.plugin.registry import installed
from mtbench.suite.reader import load_suite
from mtbench.suite.suite import Scenario
from mtbench.train.model import MultiTaskModel
from mtbench.train.trainer import compile_model

USERS, MOVIES, DIM = 162_000, 59_000, 64
SUITE = Path(__file__).parent.parent / "suites" / "ml100k.yaml"


def peak() -> float:
    """Peak memory of the process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(strategy: str) -> None:
    """Train three steps of 8192 random interactions."""
    import tensorflow as tf

    registry = installed()
    suite = load_suite(SUITE, registry)
    towers = {
        side: tower.model_copy(update={"embedding_dim": DIM})
        for side, tower in suite.towers.items()
    }
    suite = dataclasses.replace(suite, towers=towers)
    rng = np.random.default_rng(0)
    size = suite.train.batch_size
    columns = {
        "query": rng.integers(USERS, size=size).astype(np.int32),
        "candidate": rng.integers(MOVIES, size=size).astype(np.int32),
        "user_rating": rng.uniform(1, 5, size).astype(np.float32),
    }
    sides = [
        Side(key, np.arange(count).astype(str))
        for key, count in (("user", USERS), ("movie", MOVIES))
    ]
    data = Data(*sides, Interactions(columns, USERS, MOVIES), "random")
    scenarios = {"all": Scenario("all", tuple(suite.tasks), registry.find("weighting", strategy)())}
    setup = dataclasses.replace(suite, scenarios=scenarios).setup("all")
    tf.matmul(tf.ones([64, 64]), tf.ones([64, 64]))
    before = peak()
    model = MultiTaskModel(setup, data)
    compile_model(model, setup)
    batch = {name: tf.constant(column) for name, column in columns.items()}
    step = tf.function(lambda: model.train_step(batch))
    for _ in range(3):
        step()
    print(peak() - before)


if __name__ == "__main__":
    main(*sys.argv[1:])
