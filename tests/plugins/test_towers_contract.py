"""The contract's clauses for towers find towers that break them."""

from typing import ClassVar

import pytest
import tensorflow as tf

import mtbench
from mtbench.testing import contract
from mtbench.testing.components import tower_history, tower_output, tower_trains
from mtbench_plugins.towers.feature import FeatureMLP
from mtbench_plugins.towers.mlp import MLP
from mtbench_plugins.towers.sequence import SequenceEncoder, SequenceTower


class Table(mtbench.Tower):
    """A tower of a function of table and ids."""

    name = "table"
    how: str = "right"
    """What is wrong."""

    def build(self, features, tasks):
        return Layer(features, tasks, self.how)


class Layer:
    def __init__(self, features, tasks, how):
        self.key, self.how, self.tasks = features.key, how, tasks
        self.table = tf.keras.layers.Embedding(features.num_values[features.key], 4)

    def __call__(self, features, training=False):
        rows = self.table(features[self.key])
        return {
            "right": lambda: rows,
            "float64": lambda: tf.cast(rows, tf.float64),
            "flat": lambda: tf.reshape(rows, [-1]),
            "one row": lambda: rows[:1],
            "another place": lambda: rows * tf.range(4.0)[:, None],
            "one task": lambda: {self.tasks[0]: rows},
        }[self.how]()


@pytest.mark.parametrize(
    ("how", "fault"),
    [
        ("right", None),
        ("float64", "expected float32 [4, embedding_dim], found float64 (4, 4)"),
        ("flat", "expected float32 [4, embedding_dim], found float32 (16,)"),
        ("one row", "expected float32 [4, embedding_dim], found float32 (1, 4)"),
        ("another place", "`by_id` is True, but two rows of one id differ"),
        ("one task", "expected an output for each of the tasks one, two, found ['one']"),
    ],
)
def test_what_a_tower_gives(how, fault):
    assert tower_output(Table(how=how)) == fault


class OneForm(FeatureMLP):
    """Works with an id alone."""

    name = "one-form"

    def build(self, features, tasks):
        if features.columns:
            raise mtbench.MtbenchError("expected no features")
        return super().build(features, tasks)


def test_a_tower_that_cannot_read_features_is_found():
    with pytest.raises(mtbench.MtbenchError, match="expected no features"):
        tower_output(OneForm())


class Ahead(SequenceEncoder):
    """Reads one candidate too many."""

    name = "ahead"

    def build(self, features, tasks):
        made = super().build(features, tasks)
        return LayerAhead(features, self.max_length, made.histories, made.network)


class LayerAhead(SequenceTower):
    def last(self, query, history):
        return super().last(query, history + 1)


@pytest.mark.thorough
def test_a_tower_that_looks_ahead_is_found():
    assert tower_history(Ahead()) == "what comes later changes the output"
    assert tower_history(SequenceEncoder()) is None
    assert tower_history(MLP()) is None
    assert tower_output(Ahead()) is None  # as far as that goes


class Remembers(mtbench.Tower):
    """Counts in Python how often it was built."""

    name = "remembers"
    builds: ClassVar[list[int]] = []

    def build(self, features, tasks):
        self.builds.append(0)
        table = tf.keras.layers.Embedding(features.num_values[features.key], 4)
        return lambda inputs, training: len(self.builds) * table(inputs[features.key])


def test_a_variable_that_the_model_does_not_know_is_found():
    faults = dict(contract(Remembers))
    (fault,) = [fault for fault in faults.values() if fault]
    assert "would not be trained" in fault


def test_options_that_are_no_defaults_hold_it():
    assert tower_output(FeatureMLP(num_buckets=3, multi_hot="sum")) is None
    assert tower_output(MLP()) is None


@pytest.mark.thorough
def test_a_tower_with_dropout_holds_it():
    assert tower_trains(FeatureMLP(dropout=0.5)) is None
