"""A tower that several tests share."""

import tensorflow as tf

from mtbench.testing.tiny import TinyTower


class ByTask(TinyTower):
    """An embedding of its own for each task."""

    name = "by-task"

    def build(self, features, tasks):
        return ByTaskLayer(features, tasks)


class ByTaskLayer:
    def __init__(self, features, tasks):
        self.key = features.key
        size = features.num_values[features.key]
        self.tables = {task: tf.keras.layers.Embedding(size, 4) for task in tasks}

    def __call__(self, features, training=False):
        return {task: table(features[self.key]) for task, table in self.tables.items()}
