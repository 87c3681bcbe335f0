"""Diagnostics: means over an epoch's steps, against NumPy on gradients that are known."""

import dataclasses
import json
import math

import numpy as np
import pytest
import tensorflow as tf
from made import run_suite

import mtbench
from mtbench.data.interactions import Interactions
from mtbench.suite.training import Optimizer, Train
from mtbench.testing.tiny import TinyDataset, TinyTask, tiny_suite
from mtbench.train.diagnostics import Diagnostics
from mtbench.train.gradients import TaskGradients
from mtbench.train.trainer import Trainer
from mtbench.train.weigher import Weighed

TASKS = ("rate", "find", "again")
PAIRS = [("rate", "find"), ("rate", "again"), ("find", "again")]


def gradients(matrix):
    """A row for each task; two variables, the first of them looked up."""
    matrix = np.float32(matrix)
    count = len(matrix)
    rows = [
        tf.IndexedSlices(tf.constant(row[:2, None]), tf.constant([1, 0]), tf.constant([2, 1]))
        for row in matrix[:, [1, 0]]
    ]
    dense = [tf.constant(row[2:]) for row in matrix]
    shapes = [tf.TensorShape([2, 1]), tf.TensorShape([matrix.shape[1] - 2])]
    return TaskGradients([rows, dense], count, shapes)


def weighed(weights=None, update=None):
    found = None if weights is None else tf.constant(weights, tf.float32)
    update = None if update is None else tf.constant(update, tf.float32)
    return Weighed(tf.ones([3]), found, update, [])


def by_numpy(steps):
    """Norms, cosines and conflicts `[steps, …]` of matrices."""
    matrices = np.float64(np.float32(steps))
    norms = np.linalg.norm(matrices, axis=2)
    cosines = matrices @ matrices.swapaxes(1, 2) / norms[:, :, None] / norms[:, None, :]
    return norms, cosines, cosines < 0


def test_means_of_weights_alone():
    found = Diagnostics(TASKS, by_task=False)
    for weights in ([1.0, 2.0, 3.0], [0.0, -1.0, 3.0]):
        found.update(tf.constant(weights))
    assert found.result() == {"weights": {"rate": 0.5, "find": 0.5, "again": 3.0}}


def test_by_hand():
    """Lengths 5, 13 and 2; g_1 · g_2 = −33, g_1 · g_3 = 0, g_2 · g_3 = 0."""
    found = Diagnostics(TASKS, by_task=True)
    found.update_by_task(weighed([1.0, 0.5, 2.0]), gradients([[3, 4, 0], [5, -12, 0], [0, 0, 2]]))
    result = found.result()
    assert set(result) == {"weights", "gradient_norms", "norm_ratio", "cosines", "conflicts"}
    assert result["weights"] == {"rate": 1.0, "find": 0.5, "again": 2.0}
    assert result["gradient_norms"] == {"rate": 5.0, "find": 13.0, "again": 2.0}
    assert result["norm_ratio"] == 6.5
    assert result["cosines"] == pytest.approx(
        {"rate|find": -33 / 65, "rate|again": 0.0, "find|again": 0.0}
    )
    assert result["conflicts"] == {"rate|find": 1.0, "rate|again": 0.0, "find|again": 0.0}


def test_means_over_steps():
    """Of norms and cosines themselves: not of the Gramian, nor of the mean gradient."""
    rng = np.random.default_rng(0)
    steps = rng.normal(size=[7, 3, 5]) * 10 ** rng.uniform(-2, 2, [7, 3, 1])
    weights = rng.uniform(-1, 3, [7, 3])
    found = Diagnostics(TASKS, by_task=True)
    for step, row in zip(steps, weights, strict=True):
        found.update_by_task(weighed(row), gradients(step))
    result = found.result()
    norms, cosines, conflicts = by_numpy(steps)
    mean = norms.mean(0)
    assert list(result["weights"].values()) == pytest.approx(weights.mean(0), rel=1e-5)
    assert list(result["gradient_norms"].values()) == pytest.approx(mean, rel=1e-5)
    assert result["norm_ratio"] == pytest.approx(mean.max() / mean.min(), rel=1e-5)
    for key, expected in (("cosines", cosines), ("conflicts", conflicts)):
        assert list(result[key]) == [f"{one}|{two}" for one, two in PAIRS]
        upper = expected.mean(0)[[0, 0, 1], [1, 2, 2]]
        assert list(result[key].values()) == pytest.approx(upper, abs=1e-6)
    assert any(0 < share < 1 for share in result["conflicts"].values())


def test_zero_gradients():
    """A right angle to all others, no conflict, and no ratio."""
    found = Diagnostics(TASKS, by_task=True)
    found.update_by_task(weighed([1.0, 1.0, 1.0]), gradients([[0] * 3, [3, 4, 0], [-3, -4, 0]]))
    result = found.result()
    assert result["gradient_norms"] == {"rate": 0.0, "find": 5.0, "again": 5.0}
    assert result["norm_ratio"] is None
    expected = {"rate|find": 0.0, "rate|again": 0.0, "find|again": -1.0}
    assert result["cosines"] == pytest.approx(expected)
    assert result["conflicts"] == {"rate|find": 0.0, "rate|again": 0.0, "find|again": 1.0}
    # in one step of two only: the mean of its norm is above 0, and the ratio is of means
    found.update_by_task(weighed([1.0, 1.0, 1.0]), gradients([[0, 2, 0], [3, 4, 0], [3, 4, 0]]))
    assert found.result()["norm_ratio"] == 5.0


def test_the_ratio_of_very_unequal_gradients():
    found = Diagnostics(TASKS, by_task=True)
    matrix = [[1e10, 0, 0], [0, 1e-30, 0], [0, 0, 1]]
    found.update_by_task(weighed([1.0, 1.0, 1.0]), gradients(matrix))
    assert math.isfinite(found.result()["norm_ratio"])


def test_everything_has_a_json_form():
    for by_task in (False, True):
        found = Diagnostics(TASKS, by_task=by_task)
        if by_task:
            found.update_by_task(weighed([1.0, 2.0, 3.0]), gradients(np.eye(3)))
        result = found.result()
        assert json.loads(json.dumps(result, allow_nan=False)) == result


@pytest.mark.parametrize("seed", range(3))
def test_coefficients_by_least_squares(seed):
    """Of an update that is no combination of the gradients; lengths differ by a million."""
    rng = np.random.default_rng(seed)
    matrix = np.float32(rng.normal(size=[3, 6]) * [[1e3], [1.0], [1e-3]])
    update = np.float32(rng.normal(size=6))
    found = Diagnostics(TASKS, by_task=True)
    found.update_by_task(weighed(update=update), gradients(matrix))
    norms = np.linalg.norm(np.float64(matrix), axis=1)
    expected = np.linalg.lstsq((matrix / norms[:, None]).T, update, rcond=None)[0] / norms
    assert list(found.result()["weights"].values()) == pytest.approx(expected, rel=1e-4)


def test_coefficients_of_a_combination():
    """2 g_1 − g_2 + ½ g_3, exactly. Equal gradients have equal shares, and a zero one has none."""
    matrix = np.array([[1.0, 0, 2, 1], [0, 3, 1, 0], [0, 0, 0.5, -2]])
    found = Diagnostics(TASKS, by_task=True)
    found.update_by_task(weighed(update=[2, -1, 0.5] @ matrix), gradients(matrix))
    assert list(found.result()["weights"].values()) == pytest.approx([2, -1, 0.5], rel=1e-5)

    found = Diagnostics(TASKS, by_task=True)
    equal = np.array([matrix[0], matrix[0], 0 * matrix[0]])
    found.update_by_task(weighed(update=3 * matrix[0]), gradients(equal))
    assert list(found.result()["weights"].values()) == pytest.approx([1.5, 1.5, 0], abs=1e-5)


# -- in training -----------------------------------------------------------------------------------


class KnownTask(TinyTask):
    """Its loss is linear in the one row that all examples look up: so its gradient is known."""

    name = "known"
    by_query: tuple[float, float] = (0.0, 0.0)
    by_candidate: tuple[float, float] = (0.0, 0.0)
    turning: bool = False
    """By the label: the gradient is turned round where it is above 3."""

    def build(self, num_queries, num_candidates):
        return KnownHead(self)


class KnownHead:
    def __init__(self, options):
        self.options = options

    def adapt(self, train):
        pass

    def loss(self, batch):
        label = batch.columns["user_rating"]
        sign = tf.where(label > 3, -1.0, 1.0) if self.options.turning else tf.ones_like(label)
        found = batch.query.expand() @ tf.constant(self.options.by_query)[:, None]
        found += batch.candidate.expand() @ tf.constant(self.options.by_candidate)[:, None]
        return 10.0 + tf.reduce_mean(sign * found[:, 0])

    def evaluate(self, view):
        return {"nothing": 0.0}


class Vector(mtbench.Tower):
    """One vector, for whatever id."""

    name = "vector"

    def build(self, features, tasks):
        layer = VectorLayer()
        layer.vector, layer.key = tf.Variable([0.1, 0.2]), features.key
        return layer


class VectorLayer:
    def __call__(self, features, training=False):
        return tf.tile(self.vector[None], [tf.size(features[self.key]), 1])


class Labels(TinyDataset):
    """Forty interactions, ten of them with a label above 3."""

    name = "labels"

    def load(self):
        found = super().load()
        rows = found.interactions.take(np.arange(40))
        columns = {**rows.columns, "user_rating": np.float32([5.0] * 10 + [1.0] * 30)}
        labelled = Interactions(columns, rows.num_queries, rows.num_candidates)
        return dataclasses.replace(found, interactions=labelled)


KNOWN = {
    "rate": KnownTask(by_query=(3.0, 0.0), by_candidate=(0.0, 4.0)),
    "find": KnownTask(by_query=(-2.0, 1.0), by_candidate=(0.0, 2.0)),
    "again": KnownTask(by_query=(0.0, 6.0), turning=True),
}


class Turning(mtbench.GramianWeighting):
    """Weights that count the steps."""

    name = "turning"

    def build(self, tasks):
        return Counter(len(tasks))


class Counter:
    def __init__(self, tasks):
        self.tasks, self.steps = tasks, tf.Variable(0.0, trainable=False)

    def __call__(self, losses, gramian):
        self.steps.assign_add(1.0)
        return self.steps * tf.range(1.0, self.tasks + 1)


class Doubled(mtbench.GradientWeighting):
    """Twice the first gradient less the last."""

    name = "doubled"

    def build(self, tasks, sizes):
        return lambda losses, matrix: 2 * matrix[0] - matrix[-1]


class Plain(mtbench.LossWeighting):
    """Weights 1, 2, 3, …."""

    name = "plain"

    def build(self, tasks):
        return lambda losses: tf.reduce_sum(losses * tf.range(1.0, len(tasks) + 1))


def trained(weighting, tasks=None, seeds=(0,), **options):
    """Diagnostics of each seed, on batches of one example: ten in forty turn `again` round."""
    suite = tiny_suite(tasks or KNOWN, weighting, (Vector(), Vector()))
    sgd = Optimizer(name="sgd", learning_rate=0.001)
    train = Train(epochs=2, batch_size=1, optimizer=sgd, **options)
    suite = dataclasses.replace(suite, train=train)
    data = Labels().load()
    trainer = Trainer(suite.setup("all"), data)
    return [trainer.train(seed, data.interactions).diagnostics for seed in seeds]


EXPECTED = {
    "gradient_norms": {"rate": 5.0, "find": 3.0, "again": 6.0},
    "norm_ratio": 2.0,
    "cosines": {"rate|find": (-6 + 8) / 15, "rate|again": 0.0, "find|again": 0.5 * 6 / 18},
    "conflicts": {"rate|find": 0.0, "rate|again": 0.0, "find|again": 0.25},
}
"""Of an epoch. `again` is turned round in a quarter of the steps: its mean cosine is halved."""


def check_epochs(found, parts):
    assert [epoch["epoch"] for epoch in found] == [1, 2]
    for epoch in found:
        assert set(epoch) == {"epoch", "weights", *parts}
        assert list(epoch["weights"]) == list(KNOWN)
        for part in parts:
            assert epoch[part] == pytest.approx(EXPECTED[part], rel=1e-5, abs=1e-6)


def test_epochs_of_a_strategy_of_gradients():
    """Its 40 steps' weights are 1 … 40 in the first epoch, 41 … 80 in the second: means anew.

    Another seed, which is given the same model, begins anew too.
    """
    for found in trained(Turning(), seeds=(0, 1)):
        check_epochs(found, EXPECTED)
        for epoch, mean in zip(found, (20.5, 60.5), strict=True):
            weights = {"rate": mean, "find": 2 * mean, "again": 3 * mean}
            assert epoch["weights"] == pytest.approx(weights, rel=1e-5)


@pytest.mark.thorough
def test_an_update_that_is_a_gradient():
    for epoch in trained(Doubled())[0]:
        expected = {"rate": 2.0, "find": 0.0, "again": -1.0}
        assert epoch["weights"] == pytest.approx(expected, abs=1e-5)


@pytest.mark.thorough
@pytest.mark.parametrize("diagnostics", [False, True])
def test_a_strategy_of_losses(diagnostics):
    """Weights alone, unless the suite asks for more."""
    (found,) = trained(Plain(), diagnostics=diagnostics)
    check_epochs(found, EXPECTED if diagnostics else {})
    for epoch in found:
        assert epoch["weights"] == pytest.approx({"rate": 1.0, "find": 2.0, "again": 3.0})


@pytest.mark.thorough
def test_a_task_without_a_gradient():
    tasks = {**KNOWN, "again": KnownTask()}
    for epoch in trained(Turning(), tasks)[0]:
        assert epoch["gradient_norms"]["again"] == 0
        assert epoch["norm_ratio"] is None


@pytest.mark.thorough
def test_one_task():
    for epoch in trained(Turning(), {"rate": KNOWN["rate"]})[0]:
        assert epoch["gradient_norms"] == pytest.approx({"rate": 5.0})
        assert epoch["norm_ratio"] == 1
        assert epoch["cosines"] == epoch["conflicts"] == {}


@pytest.mark.thorough
def test_a_scenario_without_a_strategy_has_none():
    assert trained(None, {"rate": KNOWN["rate"]}, diagnostics=True) == [[]]


# -- in the record ---------------------------------------------------------------------------------

GRADIENT_PARTS = {"gradient_norms", "norm_ratio", "cosines", "conflicts"}


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("weighting", "diagnostics", "parts"),
    [
        ("fixed", "false", set()),
        ("fixed", "true", GRADIENT_PARTS),
        ("moco", "false", GRADIENT_PARTS),
    ],
)
def test_the_record_holds_them(tiny, tmp_path, weighting, diagnostics, parts):
    overrides = [f"scenarios.joint.weighting={weighting}", f"train.diagnostics={diagnostics}"]
    (record,) = run_suite(tiny, tmp_path / "r", *overrides, scenarios=["joint"], seeds="1")
    assert record.status == "ok"
    (path,) = (tmp_path / "r").glob("*.json")
    stored = json.loads(path.read_text())["diagnostics"]
    assert tuple(stored) == record.diagnostics
    assert [epoch["epoch"] for epoch in stored] == [1, 2]
    for epoch in stored:
        assert set(epoch) == {"epoch", "weights", *parts}
        assert set(epoch["weights"]) == {"ranking", "retrieval"}
        if weighting == "fixed":
            assert epoch["weights"] == {"ranking": 1.0, "retrieval": 1.0}
        if parts:
            norms = epoch["gradient_norms"]
            assert min(norms.values()) > 0
            ratio = max(norms.values()) / min(norms.values())
            assert epoch["norm_ratio"] == pytest.approx(ratio, rel=1e-5)
            assert -1 <= epoch["cosines"]["ranking|retrieval"] <= 1
            assert 0 <= epoch["conflicts"]["ranking|retrieval"] <= 1


@pytest.mark.thorough
def test_the_record_of_a_scenario_without_a_strategy(tiny, tmp_path):
    chosen = {"scenarios": ["rating-only"], "seeds": "1"}
    (record,) = run_suite(tiny, tmp_path / "r", "train.epochs=1", **chosen)
    assert record.diagnostics == ()
