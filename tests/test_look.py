"""Looks at a run's steps: the numbers by hand, and no bit of the run is another."""

import dataclasses
import itertools

import numpy as np
import pytest
import tensorflow as tf
from test_diagnostics import KNOWN, Labels, Plain, Vector

import mtbench
from mtbench.kit.draws import Draws
from mtbench.suite.training import Optimizer, Train
from mtbench.testing.tiny import TinyDataset, TinyTask, tiny_suite
from mtbench.train.gradients import TaskGradients
from mtbench.train.trainer import Trainer

PAIRS = [*itertools.combinations(KNOWN, 2)]


def train(tasks, towers, seeds=(0,), data=None, weighting=None, **options):
    """What is left of the runs of some seeds by one trainer."""
    suite = tiny_suite(tasks, weighting or Plain(), towers)
    suite = dataclasses.replace(suite, train=Train(**options))
    data = data or TinyDataset().load()
    trainer = Trainer(suite.setup("all"), data)
    kept = []
    for seed in seeds:
        found = trainer.train(seed, data.interactions)
        kept.append((found, [v.numpy() for v in found.model.kept_variables]))
    return kept


@pytest.fixture(scope="module")
def linear():
    """Two epochs of two steps on losses that are linear in the shared vectors, all steps seen."""
    sgd = Optimizer(name="sgd", learning_rate=0.01, momentum=0.5)
    options = {"epochs": 2, "batch_size": 20, "optimizer": sgd, "affinity_every": 1}
    ((found, _),) = train(KNOWN, (Vector(), Vector()), data=Labels().load(), **options)
    return found


def gradient_of(task, labels):
    """Its gradient by both vectors, by hand."""
    turn = np.mean(np.where(labels > 3, -1.0, 1.0)) if task.turning else 1.0
    return turn * np.array([*task.by_query, *task.by_candidate])


def test_look_by_hand(linear):
    """Labels, order of the rows and vectors of each step are worked out in NumPy."""
    labels = Labels().load().interactions.columns["user_rating"]
    theta, weights = np.array([0.1, 0.2, 0.1, 0.2]), {"rate": 1.0, "find": 2.0, "again": 3.0}
    momentum = np.zeros(4)
    for epoch, told in enumerate(linear.diagnostics):
        order = np.random.default_rng([0, 1, epoch]).permutation(40)
        seen = []
        for rows in (order[:20], order[20:]):
            batch, halves = labels[rows], (labels[rows[:10]], labels[rows[10:]])
            whole = {n: gradient_of(t, batch) for n, t in KNOWN.items()}
            by_half = [{n: gradient_of(t, half) for n, t in KNOWN.items()} for half in halves]
            seen.append((whole, by_half, theta + 0.5 * momentum))
            momentum = 0.5 * momentum - 0.01 * sum(weights[n] * g for n, g in whole.items())
            theta = theta + momentum

        def cosine(a, b):
            return a @ b / np.linalg.norm(a) / np.linalg.norm(b)

        for one, two in [*((n, n) for n in KNOWN), *PAIRS]:
            both = [
                [cosine(h[0][one], h[1][two]), cosine(h[0][two], h[1][one])] for _, h, _ in seen
            ]
            key = f"{one}|{two}"
            assert told["half_cosines"][key] == pytest.approx(np.mean(both), abs=1e-6), key
            share = np.mean(np.array(both) < -1e-9)
            assert told["half_conflicts"][key] == pytest.approx(share), key
        for one, two in PAIRS:
            ratios = [np.linalg.norm(w[one]) / np.linalg.norm(w[two]) for w, _, _ in seen]
            geometric = np.exp(np.mean(np.log(ratios)))
            assert told["norm_ratios"][f"{one}|{two}"] == pytest.approx(geometric, rel=1e-5)
        for one, two in itertools.product(KNOWN, KNOWN):
            gains = [
                1 - (10 + w[two] @ (at - 0.01 * w[one])) / (10 + w[two] @ at) for w, _, at in seen
            ]
            assert told["affinity"][f"{one}>{two}"] == pytest.approx(np.mean(gains), abs=1e-6)


def test_look_has_all_pairs_and_no_more(linear):
    for told in linear.diagnostics:
        assert {*told} == {
            *("epoch", "weights", "half_cosines", "half_conflicts", "norm_ratios", "affinity")
        }
        own = [f"{one}|{two}" for one, two in itertools.combinations_with_replacement(KNOWN, 2)]
        assert [*told["half_cosines"]] == [*told["half_conflicts"]] == own
        assert [*told["norm_ratios"]] == [f"{one}|{two}" for one, two in PAIRS]
        assert len(told["affinity"]) == 9


class Random(mtbench.Tower):
    """A layer that draws by TensorFlow's own operations, normalises by moving means."""

    name = "random"

    def build(self, features, tasks):
        ids = tf.keras.Input([], dtype=tf.int32, name=features.key)
        found = tf.keras.layers.Embedding(features.num_values[features.key], 2)(ids)
        found = tf.keras.layers.Dropout(0.3)(tf.keras.layers.BatchNormalization()(found))
        return tf.keras.Model({features.key: ids}, found)


class Drawing(mtbench.Tower):
    """A table whose rows are dropped by numbers that a variable counts."""

    name = "drawing"

    def build(self, features, tasks):
        layer = DrawingLayer()
        layer.key, layer.draws = features.key, Draws()
        layer.table = tf.Variable(tf.random.normal([features.num_values[features.key], 2]))
        return layer


class DrawingLayer:
    def __call__(self, features, training=False):
        found = tf.gather(self.table, features[self.key])
        return found * tf.round(self.draws.uniform(tf.shape(found), training) + 0.2)


class NoiseTask(TinyTask):
    """Which way its loss goes is drawn anew in each call."""

    name = "noise"

    def build(self, num_queries, num_candidates):
        return NoiseHead()


class NoiseHead:
    def __init__(self):
        self.draws = Draws()

    def adapt(self, train):
        pass

    def loss(self, batch):
        drawn = self.draws.uniform([], training=batch.everything.training)
        return 10.0 + tf.sign(drawn - 0.5) * tf.reduce_mean(batch.query.expand())

    def evaluate(self, view):
        return {"nothing": 0.0}


TASKS = {"rate": TinyTask(), "find": TinyTask(find=True, factor=0.5), "noise": NoiseTask()}


@pytest.mark.parametrize(
    ("towers", "seeds"),
    [
        ((Drawing(), Vector()), (0,)),
        pytest.param((Random(), Drawing()), (0, 1), marks=pytest.mark.thorough),
    ],
)
def test_a_look_leaves_every_bit_of_a_run(towers, seeds):
    """State of the optimizer, moving means and random numbers included."""
    options = {"epochs": 2, "batch_size": 20, "optimizer": Optimizer(name="adam")}
    plain = train(TASKS, towers, seeds, **options)
    looked = train(TASKS, towers, seeds, affinity_every=1, **options)
    for (one, left), (two, right) in zip(plain, looked, strict=True):
        for a, b in zip(left, right, strict=True):
            np.testing.assert_array_equal(a, b)
        assert one.curve == two.curve
        assert [e["weights"] for e in one.diagnostics] == [e["weights"] for e in two.diagnostics]
        assert "affinity" not in one.diagnostics[0]
        for epoch in two.diagnostics:
            assert {*epoch["affinity"]} == {f"{a}>{b}" for a in TASKS for b in TASKS}
            # what a head draws for the step is what it draws for the losses after it; Keras'
            # dropout, whose numbers no variable decides, draws others
            if not isinstance(towers[0], Random):
                assert epoch["affinity"]["noise>noise"] > 0


def test_inner_products_of_gradients_by_other_rows():
    """Tables of which two losses look up other rows, against dense matrices."""
    rng = np.random.default_rng(0)
    shapes = [tf.TensorShape([5, 2]), tf.TensorShape([3])]

    def made(rows):
        dense = rng.normal(size=[2, 3]).astype(np.float32)
        values = rng.normal(size=[2, len(rows), 2]).astype(np.float32)
        table = np.zeros([2, 5, 2])
        for task, row in itertools.product(range(2), range(len(rows))):
            table[task, rows[row]] += values[task, row]
        slices = [tf.IndexedSlices(tf.constant(v), tf.constant(rows), [5, 2]) for v in values]
        matrix = np.concatenate([table.reshape(2, -1), dense], 1)
        return TaskGradients([slices, [*map(tf.constant, dense)]], 2, shapes), matrix

    (one, a), (two, b) = made([4, 1, 4]), made([0, 4])
    np.testing.assert_allclose(one.inner(two), a @ b.T, rtol=1e-6)
    np.testing.assert_allclose(one.lengths(), np.linalg.norm(a, axis=1), rtol=1e-6)
