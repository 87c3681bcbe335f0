"""Tasks that read others: what a head is handed, the gradients by what heads share, and faults."""

import re

import numpy as np
import pytest
import tensorflow as tf
from batches import random_batch
from by_task import ByTask

import mtbench
from mtbench.errors import SuiteError
from mtbench.plugin.reads import Read, with_read
from mtbench.suite.reads import untrained
from mtbench.testing.tiny import TinyDataset, TinyTask, tiny_suite
from mtbench.train.gradients import output_gradients, task_gradients
from mtbench.train.lessons import loss_of, own_batches
from mtbench.train.model import MultiTaskModel
from mtbench.train.rows import column_of
from mtbench_plugins.tasks.click import Click
from mtbench_plugins.tasks.listwise import Listwise
from mtbench_plugins.tasks.ranking import Ranking
from mtbench_plugins.tasks.retrieval import Retrieval
from mtbench_plugins.weighting.equal import Equal


class Reading(TinyTask):
    """The rating, from what another task predicts and represents."""

    name = "reading"
    other: str = "read"
    """Which."""
    gradients: bool = True
    """Whether they go through."""

    def reads(self):
        return (Read(self.other, ("prediction", "representation"), self.gradients),)

    def build(self, num_queries, num_candidates):
        return ReadingHead(self)


class ReadingHead:
    def __init__(self, task):
        self.task = task
        self.dense = tf.keras.layers.Dense(1)

    def adapt(self, train):
        pass

    def hand_on(self, batch):
        both = tf.concat([batch.query.expand(), batch.candidate.expand()], 1)
        read = batch.reads[self.task.other]
        further = [both, read["prediction"][:, None], tf.nn.relu(read["representation"])]
        prediction = self.dense(tf.concat(further, 1))[:, 0]
        return {"prediction": prediction, "logit": prediction, "representation": both}

    def loss(self, batch):
        prediction = self.hand_on(batch)["prediction"]
        return tf.reduce_mean((prediction - batch.columns["user_rating"]) ** 2)

    def evaluate(self, view):
        return {"nothing": 0.0}


CHAIN = {"last": Reading(other="middle"), "middle": Reading(), "read": TinyTask()}
STOPPED = {**CHAIN, "last": Reading(other="middle", gradients=False)}


def model_of(tasks, towers=None, weighting=None):
    data = TinyDataset().load()
    tf.keras.utils.set_random_seed(0)
    suite = tiny_suite(tasks, weighting or Equal(), towers)
    model = MultiTaskModel(suite.setup("all"), data)
    columns = {name: tf.constant(c[:20]) for name, c in data.interactions.columns.items()}
    return model, columns


def flat(gradients):
    return np.concatenate([tf.reshape(tf.convert_to_tensor(g), [-1]).numpy() for g in gradients])


def dense_gradients(tape, losses, variables):
    """By reverse mode over the whole model, one loss at a time."""
    zero = tf.UnconnectedGradients.ZERO
    each = [tape.gradient(loss, variables, unconnected_gradients=zero) for loss in losses.values()]
    return np.array([flat(row) for row in each])


def names_of(model, variables):
    """The heads that some variables are of."""
    of = {v.ref(): name for name, head in model.head_variables.items() for v in head}
    return [of[v.ref()] for v in variables if v.ref() in of]


@pytest.mark.parametrize(
    ("tasks", "shared", "towers"),
    [(CHAIN, {"middle", "read"}, (ByTask(), ByTask())), (STOPPED, {"read"}, None)],
    ids=["through", "stopped"],
)
def test_gradients_over_shared_heads_are_exact(tasks, shared, towers):
    """Of three tasks in a chain; what no gradient passes stays the head's own."""
    model, columns = model_of(tasks, towers)
    with tf.GradientTape(persistent=True) as tape:
        batches = model.batches(columns, model.trained)
        losses = {name: model.heads[name].loss(batches[name]) for name in model.trained}
    variables, gradients, private = task_gradients(
        tape, losses, batches, model.tower_variables, model.reached_variables
    )
    assert set(names_of(model, variables)) == shared
    expected = dense_gradients(tape, losses, variables)
    np.testing.assert_allclose(gradients.matrix(), expected, rtol=1e-4, atol=1e-6)
    naive = expected.astype(np.float64) @ expected.T
    np.testing.assert_allclose(gradients.gramian(), naive, rtol=1e-4)
    for task, variable, gradient in private:
        rows = dense_gradients(tape, losses, [variable])
        np.testing.assert_allclose(flat([gradient]), rows[task], rtol=1e-4, atol=1e-6)
        assert not np.delete(rows, task, 0).any()
    everything = {v.ref() for v in (*variables, *(variable for _, variable, _ in private))}
    assert everything == {v.ref() for v in model.model_variables}


def test_gradients_at_the_outputs_have_those_of_shared_heads_beside_them():
    """And what the step makes of them is, with weights 1, the gradient of the sum."""
    model, columns = model_of(CHAIN, weighting=AtOutputs())
    assert model.weigher.at_outputs
    with tf.GradientTape(persistent=True) as tape:
        batches = model.batches(columns, model.trained)
        losses = {name: model.heads[name].loss(batches[name]) for name in model.trained}
        total = tf.add_n(list(losses.values()))
    outputs, heads, gradients, _ = output_gradients(tape, losses, batches, model.reached_variables)
    assert set(names_of(model, heads)) == {"middle", "read"}
    by = dense_gradients(tape, losses, [*outputs, *heads]).astype(np.float64)
    np.testing.assert_allclose(gradients.gramian(), by @ by.T, rtol=1e-4)
    found, _ = model._weighed_by_task(tape, losses, batches, None)
    zero = tf.UnconnectedGradients.ZERO
    expected = tape.gradient(total, model.model_variables, unconnected_gradients=zero)
    np.testing.assert_allclose(flat(found), flat(expected), rtol=1e-4, atol=1e-6)


class AtOutputs(mtbench.GramianWeighting):
    """Weights of 1, from the Gramian at the outputs."""

    name = "at-outputs"

    @property
    def at_outputs(self):
        return True

    def build(self, tasks):
        return lambda losses, gramian: tf.ones_like(losses)


def test_what_is_handed_on_is_what_the_other_head_makes_of_the_same_rows():
    model, columns = model_of(CHAIN)
    mask = tf.range(20) % 3 == 0
    batch = model.batches(columns, ["last"])["last"].take(mask)
    of_read = model.batches(columns, ["read"])["read"].take(mask)
    handed = model.heads["read"].hand_on(of_read)
    chained = batch.reads["middle"].batch.reads["read"]
    for name in ("prediction", "representation"):
        np.testing.assert_allclose(chained[name], handed[name], rtol=1e-6)
    with pytest.raises(mtbench.MtbenchError, match=r"'read': expected one of .* found 'logit'"):
        chained["logit"]


@pytest.mark.parametrize(
    ("task", "name"),
    [
        (Click(interaction="dot"), "logit"),
        (Ranking(interaction="dot", clip_predictions=True), "prediction"),
        (Listwise(interaction="dot"), "score"),
        (Retrieval(), "score"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_what_built_in_tasks_hand_on(task, name):
    """Here the dot product, of the products that it sums."""
    tables, batch = random_batch()
    handed = task.build(3, 4).hand_on(batch)
    assert tuple(handed) == task.hands == (name, "representation")
    pairs = zip(tables, (batch.columns["query"], batch.columns["candidate"]), strict=True)
    products = np.prod([table.numpy()[ids.numpy()] for table, ids in pairs], axis=0)
    np.testing.assert_allclose(handed["representation"], products, rtol=1e-6)
    np.testing.assert_allclose(handed[name], products.sum(1), rtol=1e-5)


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_reader_with_rows_of_its_own_reads_those(shuffled):
    """Also where its candidates are others."""
    model, columns = model_of({"reader": Reading(), "read": TinyTask()}, (ByTask(), ByTask()))
    rows, candidates = np.arange(0, 20, 3), np.arange(20)[::-1].astype(np.int32) % 10
    columns[column_of("reader")] = tf.constant(np.isin(np.arange(20), rows))
    if shuffled:
        columns[column_of("reader", "candidate")] = tf.constant(candidates)
    plain = {name: tf.gather(columns[name], rows) for name in ("query", "user_rating")}
    plain["candidate"] = tf.gather(candidates if shuffled else columns["candidate"], rows)
    expected = model.heads["reader"].loss(model.batches(plain, ["reader"])["reader"])
    with tf.GradientTape() as tape:
        batches = own_batches(model.batches(columns, model.trained), model._sides[1], True)
        loss = loss_of(model.heads["reader"], batches["reader"])
    np.testing.assert_allclose(loss, expected, rtol=1e-6)
    reached = tape.gradient(loss, batches["reader"].outputs)
    assert len(reached) == 4
    assert all(gradient is not None for gradient in reached)


def test_the_order_of_tasks():
    assert with_read(CHAIN, ["last"]) == ("read", "middle", "last")
    assert with_read(CHAIN, ["read", "last"]) == ("read", "middle", "last")
    assert with_read(STOPPED, ["last"], through=True) == ("last",)
    assert with_read(STOPPED, ["middle"], through=True) == ("read", "middle")
    plain = {"b": TinyTask(), "a": TinyTask()}
    assert with_read(plain, ["b", "a"]) == ("b", "a")


def test_what_no_loss_trains():
    assert not [*untrained(CHAIN, ["last"])]
    assert [*untrained(STOPPED, ["last"])] == [("middle", "read"), ("last", "middle")]
    assert not [*untrained(STOPPED, ["last", "middle"])]
    assert not [*untrained(STOPPED, ["last"], before=["middle"])]
    assert not [*untrained(STOPPED, ["read"])]


READS = """
name: reads
dataset: {name: synthetic, num_users: 30, num_items: 40, num_ratings: 300, cascade: {}}
split: {name: random, test_share: 0.2}
towers: {query: {name: embedding}, candidate: {name: embedding}}
tasks:
  click: {threshold: 1, label: click}
  conversion: {CONVERSION}
scenarios:
  joint: {tasks: [click, conversion], weighting: equal}
  MORE
"""


NO_SUCH = r"expected a task of the suite to read, found 'clik' \(did you mean 'click'\?\)"
CIRCLE = "a circle of tasks that read each other: conversion → conversion"
NOT_TRAINED = (
    "expected 'click' among the trained tasks, since 'conversion' reads it and no gradients go "
    "through: found conversion"
)
ON_CLICKS = "tasks: {conversion: {form: click-space}}"
PRETRAINED = "tasks: [click], train: {pretrain: {tasks: [conversion], epochs: 1}}"
OTHER = "extends: joint, tasks: {click: {}, conversion: {click: clik}}"
FAULTS = [
    ("click: clik", "", "8: tasks.conversion.click", NO_SUCH),
    ("click: conversion", "", "8: tasks.conversion.click", CIRCLE),
    ("", f"more: {{{ON_CLICKS}}}", "11: scenarios.more.tasks", NOT_TRAINED),
    ("", f"more: {{{OTHER}}}", "11: scenarios.more.tasks.conversion.click", NO_SUCH),
    (
        "gradients: false",
        f"more: {{{PRETRAINED}}}",
        "11: scenarios.more.train.pretrain.tasks",
        NOT_TRAINED,
    ),
]


@pytest.mark.parametrize(("conversion", "more", "place", "message"), FAULTS)
def test_faults_are_one_line(tmp_path, conversion, more, place, message):
    path = tmp_path / "reads.yaml"
    path.write_text(READS.replace("CONVERSION", conversion).replace("MORE", more))
    with pytest.raises(SuiteError) as error:
        mtbench.load_suite(path)
    (fault,) = error.value.faults
    assert re.fullmatch(f".*reads.yaml:{place}: {message}", str(fault))


def test_a_task_that_hands_on_nothing_of_that_name(tmp_path):
    path = tmp_path / "reads.yaml"
    ranked = READS.replace("{threshold: 1, label: click}", "{name: ranking}")
    path.write_text(ranked.replace("CONVERSION", "").replace("MORE", ""))
    with pytest.raises(SuiteError, match=r"found 'click': a task of 'ranking' hands on prediction"):
        mtbench.load_suite(path)


@pytest.mark.parametrize(
    "more",
    [f"{ON_CLICKS}, train: {{pretrain: {{tasks: [click], epochs: 1}}}}", "tasks: [conversion]"],
)
def test_what_is_trained_before_or_through_its_reader_is_no_fault(tmp_path, more):
    path = tmp_path / "reads.yaml"
    path.write_text(READS.replace("CONVERSION", "").replace("MORE", f"more: {{{more}}}"))
    assert mtbench.load_suite(path).scenarios["more"].tasks == ("conversion",)
