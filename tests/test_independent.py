"""Several independent batches in a step: what a strategy is handed, and what becomes of it."""

import dataclasses
from typing import ClassVar

import numpy as np
import pytest
import tensorflow as tf

import mtbench
from mtbench.suite.training import Optimizer, Train
from mtbench.testing.tiny import TinyDataset, tiny_suite, tiny_tasks
from mtbench.train.model import MultiTaskModel
from mtbench.train.trainer import compile_model
from mtbench_plugins.weighting.auto_lambda import AutoLambda
from mtbench_plugins.weighting.modo import MoDo

RATE = 0.05
AHEAD = (0.3, 0.7)
WEIGHTS = ((2.0, 0.5), (-1.0, 3.0), (0.25, 1.5))
PAIRS = [(a, b) for a in range(3) for b in range(3)]


class Recorder(mtbench.BatchesWeighting):
    """Keeps what it was given; of three batches it weighs the first."""

    name = "recorder"
    look: ClassVar[mtbench.Ahead | None] = None
    batches: ClassVar[int] = 3

    @property
    def ahead(self):
        return self.look

    def build(self, tasks):
        return Recorded(WEIGHTS if self.weighs_all else WEIGHTS[0])


class OfAll(Recorder):
    name = "of-all"
    weighs_heads = weighs_all = True


class Further(OfAll):
    name = "further"
    look = mtbench.Ahead("gradients", 2)


class Ends(Recorder):
    name = "ends"
    look = mtbench.Ahead("losses", 3)


class Recorded:
    def __init__(self, weights):
        self.weights = weights

    def step_ahead(self):
        return tf.constant(AHEAD)

    def __call__(self, losses, products):
        self.losses = losses
        self.products = {pair: products(*pair).numpy() for pair in PAIRS}
        return tf.constant(self.weights)


def model_of(weighting):
    """A model that makes plain steps, and columns of three batches of other sizes."""
    suite = tiny_suite(tiny_tasks(2), weighting)
    train = Train(epochs=1, optimizer=Optimizer(name="sgd", learning_rate=RATE))
    setup = dataclasses.replace(suite, train=train).setup("all")
    data = TinyDataset().load()
    tf.keras.utils.set_random_seed(0)
    model = MultiTaskModel(setup, data)
    compile_model(model, setup)
    cuts = (slice(0, 25), slice(25, 40), slice(40, 60))
    every = data.interactions.columns.items()
    return model, [{name: tf.constant(column[cut]) for name, column in every} for cut in cuts]


def dense(model, columns):
    """Losses `[tasks]` and their gradients by each variable, `[tasks, …]`, by plain tapes."""
    variables, zero = model.model_variables, tf.UnconnectedGradients.ZERO
    with tf.GradientTape(persistent=True) as tape:
        losses = list(model.losses_by_task(columns, training=True).values())
    rows = [tape.gradient(loss, variables, unconnected_gradients=zero) for loss in losses]
    stacked = [
        np.stack([tf.convert_to_tensor(g) for g in each]) for each in zip(*rows, strict=True)
    ]
    return np.array(losses), stacked


def moved(model, columns, steps):
    """Make plain steps on a batch by `AHEAD`, and return what puts them back."""
    before = [v.numpy() for v in model.model_variables]
    for _ in range(steps):
        _, gradients = dense(model, columns)
        for variable, each in zip(model.model_variables, gradients, strict=True):
            variable.assign_sub(np.tensordot(AHEAD, each, 1).astype(np.float32))
    return lambda: [v.assign(x) for v, x in zip(model.model_variables, before, strict=True)]


@pytest.mark.parametrize(
    "weighting",
    [
        Further,
        Ends,
        *(pytest.param(each, marks=pytest.mark.thorough) for each in (Recorder, OfAll)),
    ],
)
def test_a_step_by_hand(weighting):
    model, batches = model_of(weighting())
    look, whole = weighting.look, weighting.weighs_heads
    found = [dense(model, columns) for columns in batches]
    shared = [(np.abs(g).reshape(2, -1).max(1) > 0).all() for g in found[0][1]]
    losses = [each[0] for each in found]
    if look:
        undo = moved(model, batches[0], look.steps)
        if look.of == "losses":
            losses.append(dense(model, batches[0])[0])
        else:
            found[1:] = [dense(model, columns) for columns in batches[1:]]
            losses[1:] = [each[0] for each in found[1:]]
        undo()
    before = [v.numpy() for v in model.model_variables]
    model.train_step(tuple(batches))
    told = model.weigher.strategy
    np.testing.assert_allclose(told.losses, losses, rtol=1e-5)
    rows = [
        np.concatenate(
            [g.reshape(2, -1) for g, s in zip(gradients, shared, strict=True) if s or whole], 1
        ).astype(float)
        for _, gradients in found
    ]
    scale = max(np.abs(row).max() for row in rows) ** 2
    for (a, b), product in told.products.items():
        np.testing.assert_allclose(product, rows[a] @ rows[b].T, rtol=1e-4, atol=1e-5 * scale)
    weights = np.array(WEIGHTS if weighting.weighs_all else WEIGHTS[:1])
    for number, (variable, old) in enumerate(zip(model.model_variables, before, strict=True)):
        own = weights if whole or shared[number] else np.ones_like(weights)
        parts = zip(own, (gradients[number] for _, gradients in found), strict=False)
        update = sum(np.tensordot(w, g, 1) for w, g in parts)
        np.testing.assert_allclose(variable, old - RATE * update, rtol=1e-4, atol=1e-5)


def test_a_look_ahead_is_undone_bit_by_bit():
    """With a step of no length every parameter is what it was, of tables and of layers."""
    model, batches = model_of(Further())
    model.optimization.optimizers[0].learning_rate.assign(0.0)
    before = [v.numpy() for v in model.model_variables]
    model.train_step(tuple(batches))
    for variable, old in zip(model.model_variables, before, strict=True):
        np.testing.assert_array_equal(variable, old)


def test_auto_lambda_has_the_derivative_of_the_loss_after_a_step():
    """By differences of the second batch's losses after a step with other weights."""
    model, batches = model_of(AutoLambda(initial=0.5, inner_learning_rate=0.2, learning_rate=1.0))
    slopes = []
    for task in range(2):
        ends = []
        for change in (-1e-2, 1e-2):
            weights = np.full(2, 0.5) + change * np.eye(2)[task]
            before = [v.numpy() for v in model.model_variables]
            _, gradients = dense(model, batches[0])
            for variable, each in zip(model.model_variables, gradients, strict=True):
                variable.assign_sub(np.tensordot(0.2 * weights, each, 1).astype(np.float32))
            ends.append(dense(model, batches[1])[0].sum())
            for variable, old in zip(model.model_variables, before, strict=True):
                variable.assign(old)
        slopes.append((ends[1] - ends[0]) / 2e-2)
    model.train_step(tuple(batches[:2]))
    (weights,) = model.weighting_variables
    np.testing.assert_allclose(0.5 - weights.numpy(), slopes, rtol=1e-2)


def test_the_number_of_batches_is_held_to():
    model, batches = model_of(MoDo())
    with pytest.raises(ValueError, match="expected 3 batches in a step, found 2"):
        model.train_step(tuple(batches[:2]))
