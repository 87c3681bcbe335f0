"""Gradients by task: the cheap route gives the naive one's numbers, and a step uses them as told.

The naive route is a tape for each task over the whole model, dense gradients, and NumPy's float64.
"""

import dataclasses
from typing import ClassVar

import numpy as np
import pytest
import tensorflow as tf

import mtbench
from mtbench.data.dataset import Data
from mtbench.suite.training import Optimizer, Train
from mtbench.testing.tiny import TinyDataset, TinyTask, tiny_suite
from mtbench.train.gradients import TaskGradients
from mtbench.train.model import MultiTaskModel
from mtbench.train.state import state_of, variables_of
from mtbench.train.trainer import Trainer, compile_model
from mtbench.train.weigher import Weigher
from mtbench_plugins.towers.embedding import Embedding
from mtbench_plugins.towers.mlp import MLP
from mtbench_plugins.weighting.fixed import Fixed
from mtbench_plugins.weighting.mgda import MGDA
from mtbench_plugins.weighting.uncertainty import Uncertainty

RATE = 0.125
TOLERANCE = 1e-5
"""Both routes sum float32 products, in different orders."""

TASKS = {  # neither sorted nor of one kind
    "rate": TinyTask(),
    "find": TinyTask(find=True),
    "again": TinyTask(factor=4.0),
    "more": TinyTask(find=True, factor=0.3),
    "last": TinyTask(factor=0.5),
}


def tasks_of(count):
    return dict(list(TASKS.items())[:count])


class OfPython(mtbench.Tower):
    """A tower whose layer is a function of its tables; `build` hands them over as attributes."""

    name = "of-python"

    def build(self, features, tasks):
        layer = Layer()
        layer.call, layer.key, layer.tasks = self.call, features.key, tasks
        size = features.num_values[features.key]
        layer.table, layer.other = (tf.keras.layers.Embedding(size, 4) for _ in range(2))
        layer.dense = {task: tf.keras.layers.Dense(4) for task in tasks}
        return layer


class Layer:
    def __call__(self, features, training=False):
        return self.call(self, features[self.key])


class EachExample(OfPython):
    """Not a function of the id, so that ids repeat in what is looked up."""

    name = "each-example"
    by_id: ClassVar[bool] = False

    @staticmethod
    def call(layer, ids):
        return layer.table(ids)


class Twice(OfPython):
    """One table looked up twice: its gradient has two parts, which share rows."""

    name = "twice"

    @staticmethod
    def call(layer, ids):
        return layer.table(ids) * layer.table(ids // 2)


class Partly(OfPython):
    """A table for all tasks, and a dense layer for each."""

    name = "partly"

    @staticmethod
    def call(layer, ids):
        shared = layer.table(ids)
        return {task: layer.dense[task](shared) for task in layer.tasks}


class OneMore(OfPython):
    """A table for all tasks, and one that the first task alone uses."""

    name = "one-more"

    @staticmethod
    def call(layer, ids):
        shared = layer.table(ids)
        own = shared + layer.other(ids)
        return {task: shared if n else own for n, task in enumerate(layer.tasks)}


class SomeShare(OfPython):
    """Two tables that two tasks each use; the second of three tasks uses both."""

    name = "some-share"

    @staticmethod
    def call(layer, ids):
        one, two = layer.table(ids), layer.other(ids)
        outputs = [one, one + two, two, one, two]
        return dict(zip(layer.tasks, outputs, strict=False))


class Penalised(OfPython):
    """A table with a penalty of a quarter of the sum of its squares."""

    name = "penalised"

    def build(self, features, tasks):
        layer = super().build(features, tasks)
        layer.table.embeddings_regularizer = tf.keras.regularizers.L2(0.25)
        return layer

    @staticmethod
    def call(layer, ids):
        return layer.table(ids)


class Recorder(mtbench.GramianWeighting):
    """Keeps what it was given; weights are given."""

    name = "recorder"
    weights: tuple[float, ...]

    def build(self, tasks):
        return Recorded(self.weights)


class RecorderOfAll(Recorder):
    """Weighs the heads as well."""

    name = "recorder-of-all"
    weighs_heads = True


class RecorderAtOutputs(Recorder):
    name = "recorder-at-outputs"
    at_outputs: ClassVar[bool] = True


class LogRecorder(Recorder):
    """Of the logarithms of the losses."""

    name = "log-recorder"

    def build(self, tasks):
        found = Recorded(self.weights)
        found.scale = tf.math.log
        return found


class LogRecorderOfAll(LogRecorder):
    name = "log-recorder-of-all"
    weighs_heads = True


class Recorded:
    def __init__(self, weights):
        self.weights = weights

    def __call__(self, losses, gramian):
        self.losses, self.gramian = losses, gramian
        return tf.constant(self.weights, losses.dtype)


class OneGradient(mtbench.GradientWeighting):
    """The update is a given function of the gradients, and need not be a sum of them."""

    name = "one-gradient"
    log: bool = False

    def build(self, tasks, sizes):
        found = Update()
        found.sizes = sizes
        if self.log:
            found.scale = tf.math.log
        return found


class Update:
    def __call__(self, losses, gradients):
        self.losses, self.gradients = losses, gradients
        return self.of(gradients)

    @staticmethod
    def of(gradients):
        return gradients[0] ** 2 - 3 * gradients[-1] + 0.5


def sgd(suite, **options):
    train = Train(optimizer=Optimizer(name="sgd", learning_rate=RATE), **options)
    return dataclasses.replace(suite, train=train)


def prepared(tasks, weighting, towers=None, examples=40):
    """A compiled model with SGD, and a batch in which ids repeat."""
    suite = sgd(tiny_suite(tasks, weighting, towers))
    data = suite.dataset.load()
    tf.keras.utils.set_random_seed(3)
    model = MultiTaskModel(suite.setup("all"), data)
    compile_model(model, suite.setup("all"))
    columns = data.interactions.take(np.arange(examples)).columns
    for name in ("query", "candidate"):
        assert len(np.unique(columns[name])) < examples
    return model, {name: tf.constant(column) for name, column in columns.items()}


@dataclasses.dataclass
class Naive:
    """Losses, float64 gradients by the shared variables, and by each task's own."""

    losses: np.ndarray
    shared: list
    jacobian: np.ndarray
    own: dict
    """The variables of one task alone: by reference its task and gradient."""

    @property
    def gramian(self):
        return self.jacobian @ self.jacobian.T

    def changes(self, model, weights, heads):
        """What a step of SGD should subtract from each of the model's variables."""
        parts = np.split(
            weights @ self.jacobian, np.cumsum([v.shape.num_elements() for v in self.shared])[:-1]
        )
        expected = {
            v.ref(): part.reshape(v.shape) for v, part in zip(self.shared, parts, strict=True)
        }
        expected |= {ref: heads[task] * gradient for ref, (task, gradient) in self.own.items()}
        return [RATE * expected.get(v.ref(), np.zeros(v.shape)) for v in model.model_variables]


def dense(gradient, variable):
    return (
        np.zeros(variable.shape) if gradient is None else np.float64(tf.convert_to_tensor(gradient))
    )


def naive(model, columns, training=False, seed=0):
    variables = model.model_variables
    heads = [v for head in model.heads.values() for v in variables_of(state_of(head))]
    in_heads = {v.ref() for v in heads}
    losses, rows = [], []
    for name in model.trained:
        tf.keras.utils.set_random_seed(seed)  # for dropout
        with tf.GradientTape() as tape:
            loss = model.heads[name].loss(model.batches(columns, [name], training)[name])
        losses.append(float(loss))
        rows.append(tape.gradient(loss, variables))
    shared, blocks, own = [], [], {}
    for variable, column in zip(variables, zip(*rows, strict=True), strict=True):
        users = [task for task, gradient in enumerate(column) if gradient is not None]
        in_head = variable.ref() in in_heads
        if not in_head and (len(users) > 1 or (users and len(rows) == 1)):
            shared.append(variable)
            blocks.append([dense(g, variable).ravel() for g in column])
        elif users:
            (task,) = users
            own[variable.ref()] = task, dense(column[task], variable)
    return Naive(np.array(losses), shared, np.concatenate(blocks, 1), own)


def step(model, columns, seed=0):
    """One step; what it subtracted from each of the model's variables."""
    before = [np.float64(v.numpy()) for v in model.model_variables]
    tf.keras.utils.set_random_seed(seed)
    model.train_step(columns)
    return [old - v.numpy() for old, v in zip(before, model.model_variables, strict=True)]


def close(found, expected, tolerance=TOLERANCE):
    """Equal but for rounding, by the largest element."""
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())


def all_close(found, expected, model):
    """Changes, to float32's resolution of the variables themselves."""
    for one, two, variable in zip(found, expected, model.model_variables, strict=True):
        size = np.abs(two).max() + np.abs(variable.numpy()).max()
        np.testing.assert_allclose(one, two, rtol=0, atol=2e-6 * size, err_msg=variable.name)


TOWERS = {
    "embedding": Embedding(embedding_dim=4),
    "mlp": MLP(embedding_dim=4, id_dim=3, units=(6,)),
    "mlp with dropout": MLP(embedding_dim=4, id_dim=3, units=(16,), dropout=0.5),
    "each example": EachExample(),
    "twice": Twice(),
    "partly": Partly(),
    "one more": OneMore(),
    "some share": SomeShare(),
}


def pair(name):
    return TOWERS[name], TOWERS[name]


@pytest.mark.parametrize(
    ("name", "count"),
    [
        *((name, 3) for name in ("mlp with dropout", "twice", "partly", "one more")),
        *(("embedding", count) for count in (1, 2, 3)),
        ("some share", 5),
        *(
            pytest.param(name, count, marks=pytest.mark.thorough)
            for name, counts in {
                "mlp": (3,),
                "each example": (3,),
                "some share": (3,),
                "partly": (1, 2, 5),
                "embedding": (5,),
            }.items()
            for count in counts
        ),
    ],
)
def test_the_gramian_is_the_naive_one(name, count):
    weights = tuple(np.linspace(0.5, -2.0, count))
    model, columns = prepared(tasks_of(count), Recorder(weights=weights), pair(name))
    expected = naive(model, columns, training=True)
    changed = step(model, columns)
    found = model.weigher.strategy
    assert found.gramian.dtype == tf.float64
    assert found.losses.dtype == tf.float64
    close(found.losses, expected.losses, 1e-6)
    close(found.gramian, expected.gramian)
    assert np.abs(np.diag(expected.gramian)).min() > 0  # or nothing was compared
    all_close(changed, expected.changes(model, weights, np.ones(count)), model)


@pytest.mark.parametrize("name", ["mlp", "each example", "twice", "one more", "some share"])
def test_the_matrix_is_the_naive_one(name):
    model, columns = prepared(tasks_of(3), OneGradient(), pair(name))
    expected = naive(model, columns, training=True)
    changed = step(model, columns)
    found = model.weigher.strategy
    assert list(found.sizes) == [v.shape.num_elements() for v in expected.shared]
    close(found.gradients, expected.jacobian)
    close(found.losses, expected.losses, 1e-6)
    # the update is not a combination of the gradients, and is applied as it is
    update = found.of(expected.jacobian)
    expected.jacobian = update[None]
    all_close(changed, expected.changes(model, np.ones(1), np.ones(3)), model)


def test_mixed_towers():
    """One output for all tasks on one side, an output for each on the other."""
    model, columns = prepared(
        tasks_of(3), Recorder(weights=(1.0, 2.0, 3.0)), (TOWERS["twice"], TOWERS["partly"])
    )
    expected = naive(model, columns)
    changed = step(model, columns)
    close(model.weigher.strategy.gramian, expected.gramian)
    all_close(changed, expected.changes(model, (1.0, 2.0, 3.0), np.ones(3)), model)


def test_which_variables_are_shared():
    """A table of both tasks is, one of the first alone and the heads are not."""
    model, columns = prepared(tasks_of(2), OneGradient(), pair("one more"))
    assert list(model.weigher.strategy.sizes) == [8 * 4, 10 * 4]  # the users' and the movies'
    other = [v for v in model.model_variables if "embedding" in v.name]
    assert len(other) == 4  # two of them private
    assert len(naive(model, columns).own) == 2 + 2  # and a head's kernel and bias


@pytest.mark.thorough
@pytest.mark.parametrize("trained", [("last", "rate"), ("find",)])
def test_only_what_is_trained_counts(trained):
    """Tasks in another order than the suite's, some of them not trained."""
    weighting = Recorder(weights=tuple(range(1, len(trained) + 1)))
    suite = sgd(tiny_suite(TASKS, weighting, pair("partly")))
    setup = dataclasses.replace(suite.setup("all"), trained=trained)
    data = suite.dataset.load()
    model = MultiTaskModel(setup, data)
    compile_model(model, setup)
    columns = {k: tf.constant(v) for k, v in data.interactions.columns.items()}
    expected = naive(model, columns)
    changed = step(model, columns)
    close(model.weigher.strategy.losses, expected.losses, 1e-6)
    close(model.weigher.strategy.gramian, expected.gramian)
    all_close(changed, expected.changes(model, weighting.weights, np.ones(len(trained))), model)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("double", "heads"),
    [
        (Recorder, lambda w, losses: np.ones(3)),
        (RecorderOfAll, lambda w, losses: w),
        (LogRecorder, lambda w, losses: 1 / losses),
        (LogRecorderOfAll, lambda w, losses: w / losses),
    ],
)
def test_a_step_by_weights(double, heads):
    weights = np.array([2.0, -0.5, 0.25])
    model, columns = prepared(tasks_of(3), double(weights=tuple(weights)), pair("partly"))
    expected = naive(model, columns)
    factors = 1 / expected.losses if issubclass(double, LogRecorder) else np.ones(3)
    losses = np.log(expected.losses) if issubclass(double, LogRecorder) else expected.losses
    changed = step(model, columns)
    found = model.weigher.strategy
    close(found.losses, losses, 1e-5)
    close(found.gramian, factors[:, None] * expected.gramian * factors)
    all_close(
        changed, expected.changes(model, factors * weights, heads(weights, expected.losses)), model
    )


def test_a_step_by_a_gradient_of_logarithms():
    model, columns = prepared(tasks_of(2), OneGradient(log=True))
    expected = naive(model, columns)
    changed = step(model, columns)
    found = model.weigher.strategy
    close(found.losses, np.log(expected.losses))
    scaled = expected.jacobian / expected.losses[:, None]
    close(found.gradients, scaled)
    expected.jacobian = found.of(scaled)[None]
    all_close(changed, expected.changes(model, np.ones(1), 1 / expected.losses), model)


KINDS = {
    "two kinds": tasks_of(2),
    "one kind": {"rate": TASKS["rate"], "again": TASKS["again"]},
    "one task": tasks_of(1),
}


def recorder_at_outputs(kind, name):
    weights = (0.25, 3.0)[: len(KINDS[kind])]
    return *prepared(KINDS[kind], RecorderAtOutputs(weights=weights), pair(name)), weights


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *((kind, "embedding") for kind in KINDS),
        ("two kinds", "each example"),
        ("one kind", "mlp with dropout"),
    ],
)
def test_gradients_at_the_outputs(kind, name):
    """The Gramian is of gradients at the outputs; its weights apply to those of the parameters."""
    model, columns, weights = recorder_at_outputs(kind, name)
    expected, gramian = naive(model, columns, True), at_outputs(model, columns, True)
    changed = step(model, columns)
    close(model.weigher.strategy.gramian, gramian)
    all_close(changed, expected.changes(model, weights, np.ones(len(weights))), model)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("two kinds", "embedding"),
        ("one kind", "embedding"),
        ("one task", "embedding"),
        ("one kind", "each example"),
    ],
)
def test_gradients_at_the_outputs_in_a_graph(kind, name):
    """There the number of distinct ids is not known, nor the shape of the outputs."""
    model, columns, weights = recorder_at_outputs(kind, name)
    expected, gramian = naive(model, columns), at_outputs(model, columns)

    @tf.function(autograph=False)
    def run(columns):
        model.train_step(columns)
        return model.weigher.strategy.gramian

    before = [np.float64(v.numpy()) for v in model.model_variables]
    close(run(columns), gramian)
    changed = [old - v.numpy() for old, v in zip(before, model.model_variables, strict=True)]
    all_close(changed, expected.changes(model, weights, np.ones(len(weights))), model)


def at_outputs(model, columns, training=False):
    """J Jᵀ of the gradients by the outputs of both towers."""
    rows = []
    for name in model.trained:
        tf.keras.utils.set_random_seed(0)
        with tf.GradientTape() as tape:
            batch = model.batches(columns, model.trained, training)[name]
            loss = model.heads[name].loss(batch)
        outputs = [batch.query.embeddings, batch.candidate.embeddings]
        found = tape.gradient(loss, outputs)
        rows.append(
            np.concatenate([dense(g, o).ravel() for g, o in zip(found, outputs, strict=True)])
        )
    return np.array(rows) @ np.array(rows).T


@pytest.mark.parametrize("gradients", ["exact", "outputs"])
def test_mgda_of_two_by_hand(gradients):
    """w_1 = (g_2 − g_1) · g_2 / ‖g_1 − g_2‖², cut to 0 … 1 (Sener and Koltun 2018, eq. 4)."""
    model, columns = prepared(
        {"rate": TinyTask(factor=0.005), "again": TinyTask(find=True)}, MGDA(gradients=gradients)
    )
    expected = naive(model, columns)
    gramian = expected.gramian if gradients == "exact" else at_outputs(model, columns)
    (aa, ab), (_, bb) = gramian
    first = (bb - ab) / (aa - 2 * ab + bb)
    assert 0.05 < first < 0.95  # not cut, or the two forms could not be told apart
    changed = step(model, columns)
    all_close(changed, expected.changes(model, np.array([first, 1 - first]), np.ones(2)), model)


@pytest.mark.parametrize("side", [0, 1])
def test_gradients_at_the_outputs_need_one_output(side):
    towers = [Embedding(embedding_dim=4), Embedding(embedding_dim=4)]
    towers[side] = Partly()
    with pytest.raises(mtbench.MtbenchError, match="expected towers with one output for all tasks"):
        step(*prepared(tasks_of(2), MGDA(gradients="outputs"), tuple(towers)))


class Wide(TinyDataset):
    """Many users and movies, few interactions."""

    name = "wide"

    def load(self):
        rng = np.random.default_rng(0)
        return Data.encode(
            ("user_id", np.arange(211).astype(str)),
            ("movie_id", rng.permutation(211).astype(str)),
            {"user_rating": np.ones(211, np.float32), "timestamp": np.arange(211)},
            "wide",
            synthetic=True,
        )


def tensors_of_a_tables_size(weighting, towers):
    """Kinds of operation of a traced step that make one, and all kinds.

    With Adagrad: of the optimizers it alone touches rows only.
    """
    suite = dataclasses.replace(tiny_suite(tasks_of(3), weighting, towers), train=Train())
    data = Wide().load()
    model = MultiTaskModel(suite.setup("all"), data)
    compile_model(model, suite.setup("all"))
    columns = {k: tf.constant(v[:20]) for k, v in data.interactions.columns.items()}
    graph = tf.function(model.train_step, autograph=False).get_concrete_function(columns).graph
    definition = graph.as_graph_def(add_shapes=True)
    functions = [node for function in definition.library.function for node in function.node_def]
    nodes = [*definition.node, *functions]
    found = {
        node.op
        for node in nodes
        for shape in node.attr["_output_shapes"].list.shape
        if not shape.unknown_rank and any(dim.size >= 211 for dim in shape.dim)
    }
    return found, {node.op for node in nodes}


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["embedding", "twice", "one more"])
def test_nothing_of_a_tables_size_is_made(name):
    weighting = Recorder(weights=(1.0, 2.0, 3.0))
    found, kinds = tensors_of_a_tables_size(weighting, pair(name))
    assert found == set()
    assert {"ResourceGather", "UnsortedSegmentSum", "ResourceScatterAdd"} < kinds


@pytest.mark.thorough
def test_what_is_of_a_tables_size_is_seen():
    """The check above, where there is something to find: the gradient matrix is dense."""
    found, _ = tensors_of_a_tables_size(OneGradient(), pair("embedding"))
    assert "ScatterNd" in found


# -- what may be passed to TaskGradients ----------------------------------------------------------

SHAPES = [(7, 2), (3,), (5, 2, 2), ()]


def given(tasks, seed=0):
    """Columns of every kind with their dense forms `[tasks, parameters]`."""
    rng = np.random.default_rng(seed)
    columns, blocks = [], []
    for shape in SHAPES:
        column, block = [], []
        for task in range(tasks):
            kind = rng.choice(["dense", "rows", "none"]) if len(shape) > 1 else "dense"
            kind = "rows" if task == 0 and kind == "none" else kind  # a task at least has one
            full = np.zeros(shape)
            gradient = None
            if kind == "dense":
                full = np.float32(rng.normal(size=shape))
                gradient = tf.constant(full)
            elif kind == "rows":
                ids = rng.integers(shape[0], size=rng.integers(1, 9))  # some repeat
                values = np.float32(rng.normal(size=[len(ids), *shape[1:]]))
                np.add.at(full, ids, values)
                gradient = tf.IndexedSlices(
                    tf.constant(values), tf.constant(ids, tf.int32), tf.constant(shape)
                )
            column.append(gradient)
            block.append(np.ravel(full))
        columns.append(column)
        blocks.append(np.array(block, float))
    return columns, blocks


def formed(columns, tasks):
    return TaskGradients(columns, tasks, [tf.TensorShape(shape) for shape in SHAPES])


@pytest.mark.parametrize("tasks", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(4))
def test_every_kind_of_gradient(tasks, seed):
    columns, blocks = given(tasks, seed)
    jacobian = np.concatenate(blocks, 1)
    gradients = formed(columns, tasks)
    close(gradients.gramian(), jacobian @ jacobian.T, 1e-6)
    close(gradients.matrix(), jacobian, 1e-6)
    weights = np.linspace(-1.0, 2.0, tasks)
    combined = gradients.combine(tf.constant(weights))
    for part, block, shape in zip(combined, blocks, SHAPES, strict=True):
        close(tf.convert_to_tensor(part), (weights @ block).reshape(shape), 1e-6)
    rows = [all(g is None or isinstance(g, tf.IndexedSlices) for g in c) for c in columns]
    assert [isinstance(part, tf.IndexedSlices) for part in combined] == rows
    for part in combined:
        if isinstance(part, tf.IndexedSlices):
            assert len(np.unique(part.indices)) == len(part.indices)
    traced = tf.function(lambda: formed(columns, tasks).gramian())()
    close(traced, jacobian @ jacobian.T, 1e-6)


def test_rows_by_hand():
    """Task 0 looks row 2 up twice; task 1 rows 2 and 0; task 2 none."""
    slices = [
        tf.IndexedSlices(tf.constant(values), tf.constant(ids), tf.constant([4, 1]))
        for values, ids in [([[1.0], [2.0]], [2, 2]), ([[10.0], [5.0]], [0, 2])]
    ]
    gradients = TaskGradients([[*slices, None]], 3, [tf.TensorShape([4, 1])])
    assert gradients.matrix().numpy().tolist() == [[0, 0, 3, 0], [10, 0, 5, 0], [0, 0, 0, 0]]
    assert gradients.gramian().numpy().tolist() == [[9, 15, 0], [15, 125, 0], [0, 0, 0]]
    (update,) = gradients.combine(tf.constant([2.0, -1.0, 7.0]))
    assert tf.convert_to_tensor(update).numpy().tolist() == [[-10], [0], [1], [0]]


def test_split_undoes_the_concatenation():
    columns, _ = given(2)
    gradients = formed(columns, 2)
    row = gradients.matrix()[1]
    parts = gradients.split(row)
    assert [part.shape for part in parts] == SHAPES
    np.testing.assert_array_equal(tf.concat([tf.reshape(p, [-1]) for p in parts], 0), row)
    vector = np.arange(float(row.shape[0]))
    first = gradients.split(tf.constant(vector))[0]
    np.testing.assert_array_equal(first, vector[:14].reshape(7, 2))


def test_the_gramian_is_summed_in_float64():
    """2^24 + 1 is no float32, and the square of 1e25 is none either."""
    column = [tf.constant([4096.0, 1.0]), tf.constant([1e25, 0.0])]
    gramian = TaskGradients([column], 2, [tf.TensorShape([2])]).gramian().numpy()
    assert gramian[0, 0] == 2**24 + 1
    assert gramian[1, 1] == pytest.approx(1e50, rel=1e-6)


def test_nothing_is_shared():
    gradients = TaskGradients([], 2, [])
    assert gradients.gramian().numpy().tolist() == [[0, 0], [0, 0]]
    assert gradients.matrix().shape == (2, 0)
    assert gradients.combine(tf.ones([2])) == []


def test_other_kinds_of_strategy_are_refused():
    class Neither(mtbench.Weighting):
        name = "neither"

    with pytest.raises(TypeError, match="weighting 'neither': expected a LossWeighting"):
        Weigher(Neither(), {}, [])


# -- strategies with variables, and what they are told ---------------------------------------------


class Learner(mtbench.GramianWeighting):
    """Has trainable variables a and b; their slopes are known."""

    name = "learner"
    learning_rate: float | None = 0.5
    scaled: bool = False

    def build(self, tasks):
        return ScaledLearned(len(tasks)) if self.scaled else Learned(len(tasks))


class Learned:
    def __init__(self, tasks):
        self.a = tf.Variable(tf.fill([tasks], 2.0))
        self.told = []

    def __call__(self, losses, gramian):
        own = tf.reduce_sum(tf.cast(self.a, tf.float64) ** 2 * losses)
        return tf.cast(self.a, tf.float64), own

    def after_step(self, before, after):
        self.told.append((before.numpy(), after.numpy()))
        return tf.reduce_sum(self.a * (after - before))


class ScaledLearned:
    """The sum of e^−a L + a is what its variable minimises, besides its weights' objective."""

    def __init__(self, tasks):
        self.a = tf.Variable(tf.fill([tasks], 0.25))

    def scale(self, losses):
        return tf.exp(-self.a) * losses + self.a

    def __call__(self, losses, gramian):
        return tf.ones_like(losses), 3.0 * tf.reduce_sum(self.a)


@pytest.mark.thorough
def test_a_strategys_variables_move_by_their_own_rate():
    """By 2 a L of the objective, and by L' − L of what follows the step."""
    model, columns = prepared(tasks_of(3), Learner())
    losses = naive(model, columns).losses
    expected = naive(model, columns).changes(model, np.full(3, 2.0), np.ones(3))
    changed = step(model, columns)
    all_close(changed, expected, model)
    after = naive(model, columns).losses
    (before_told, after_told) = model.weigher.strategy.told[-1]
    assert len(model.weigher.strategy.told) == 1
    np.testing.assert_allclose(before_told, losses, rtol=1e-6)
    np.testing.assert_allclose(after_told, after, rtol=1e-6)
    assert np.abs(after - losses).min() > 1e-3  # the step did something
    slope = 2 * 2.0 * losses + after - losses
    close(model.weigher.strategy.a, 2.0 - 0.5 * slope, 1e-6)


@pytest.mark.thorough
def test_without_a_rate_of_its_own_a_strategy_has_the_models():
    model, columns = prepared(tasks_of(2), Learner(learning_rate=None))
    losses = naive(model, columns).losses
    step(model, columns)
    slope = 3 * losses + naive(model, columns).losses
    close(model.weigher.strategy.a, 2.0 - RATE * slope, 1e-6)


@pytest.mark.thorough
def test_a_strategys_variables_in_its_scale():
    """d/da (e^−a L + a) = 1 − e^−a L, and 3 of the objective."""
    model, columns = prepared(tasks_of(2), Learner(scaled=True))
    expected = naive(model, columns)
    changed = step(model, columns)
    factors = np.full(2, np.exp(-0.25))
    all_close(changed, expected.changes(model, factors, factors), model)
    slope = 1 - np.exp(-0.25) * expected.losses + 3
    close(model.weigher.strategy.a, 0.25 - 0.5 * slope, 1e-6)


class Told(mtbench.LossWeighting):
    """Keeps what it is told after steps and epochs."""

    name = "told"

    def build(self, tasks):
        return ToldLosses(len(tasks))


class ToldLosses:
    def __init__(self, tasks):
        self.epochs = []
        self.before, self.after = (tf.Variable(tf.zeros([tasks]), trainable=False) for _ in "ab")
        self.v = tf.Variable(1.0)

    def __call__(self, losses):
        return tf.reduce_sum(losses) + 0.0 * self.v

    def after_step(self, before, after):
        self.before.assign(before)
        self.after.assign(after)
        return self.v

    def epoch_ended(self, losses):
        self.epochs.append(losses.numpy())


@pytest.mark.thorough
@pytest.mark.parametrize("diagnostics", [False, True])
def test_what_a_strategy_is_told(diagnostics):
    """With one batch in an epoch its losses after the first step are those before the second."""
    tasks = tasks_of(3)
    suite = sgd(tiny_suite(tasks, Told()), epochs=3, batch_size=50, diagnostics=diagnostics)
    data = suite.dataset.load()
    train = data.interactions.take(np.arange(50))
    trained = Trainer(suite.setup("all"), data).train(0, train)
    strategy = trained.model.weigher.strategy
    curve = [[epoch[f"{name}_loss"] for name in tasks] for epoch in trained.curve]
    np.testing.assert_array_equal(np.float32(curve), strategy.epochs)
    np.testing.assert_allclose(strategy.before, curve[-1], rtol=1e-6)
    columns = {name: tf.constant(column) for name, column in train.columns.items()}
    after = trained.model.losses_by_task(columns, training=False)
    np.testing.assert_allclose(strategy.after, [float(v) for v in after.values()], rtol=1e-5)
    assert float(strategy.v) == 1.0 - 3 * RATE


@pytest.mark.thorough
def test_what_a_strategy_is_told_of_an_epoch_of_several_batches():
    """The mean over all examples, here of parameters that do not move."""
    suite = tiny_suite(tasks_of(3), Told())
    still = Optimizer(name="sgd", learning_rate=1e-30)
    train = Train(epochs=2, batch_size=20, optimizer=still)
    suite = dataclasses.replace(suite, train=train)
    data = suite.dataset.load()
    rows = data.interactions.take(np.arange(50))
    trained = Trainer(suite.setup("all"), data).train(0, rows)
    columns = {name: tf.constant(column) for name, column in rows.columns.items()}
    losses = trained.model.losses_by_task(columns, training=False)
    assert len(trained.model.weigher.strategy.epochs) == 2
    for told in trained.model.weigher.strategy.epochs:
        # but for `find`, which depends on what shares a batch
        np.testing.assert_allclose(told[[0, 2]], [losses["rate"], losses["again"]], rtol=1e-5)


# -- penalties, and both paths of a strategy of losses ---------------------------------------------


@pytest.mark.thorough
@pytest.mark.parametrize(
    "weighting",
    [
        Recorder(weights=(2.0, 0.5)),
        RecorderAtOutputs(weights=(2.0, 0.5)),
        LogRecorder(weights=(2.0, 0.5)),
    ],
    ids=lambda w: w.name,
)
def test_penalties_are_not_weighed(weighting):
    model, columns = prepared(tasks_of(2), weighting, (Penalised(), Embedding(embedding_dim=4)))
    table = model.model_variables[0]
    before = table.numpy()
    expected = naive(model, columns)
    factors = 1 / expected.losses if isinstance(weighting, LogRecorder) else np.ones(2)
    heads = factors * (weighting.weights if weighting.weighs_heads else 1.0)
    changes = expected.changes(model, factors * weighting.weights, heads)
    changes[0] += RATE * 2 * 0.25 * before
    all_close(step(model, columns), changes, model)


def test_penalties_without_any_weight():
    model, columns = prepared(tasks_of(2), RecorderOfAll(weights=(0.0, 0.0)), (Penalised(),) * 2)
    tables = [v.numpy() for v in model.model_variables]
    changed = step(model, columns)
    for n, (change, table) in enumerate(zip(changed, tables, strict=True)):
        np.testing.assert_allclose(change, RATE * 0.5 * table if n < 2 else 0 * table, atol=1e-7)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("name", "weighting"),
    [
        ("mlp with dropout", Fixed(weights={"rate": 0.25, "find": 2.0, "again": 0.5})),
        ("partly", Fixed(weights={"rate": 0.25, "find": 2.0, "again": 0.5})),
        ("twice", Uncertainty()),
    ],
)
def test_both_paths_of_a_strategy_of_losses(name, weighting):
    """Of the losses' sum, or of each task by itself: the same parameters after two epochs."""
    suite = tiny_suite(tasks_of(3), weighting, pair(name))
    data = suite.dataset.load()
    rows = data.interactions.take(np.arange(50))
    found = []
    for diagnostics in (False, True):
        train = Train(epochs=2, batch_size=20, diagnostics=diagnostics)
        changed = dataclasses.replace(suite, train=train)
        found.append(Trainer(changed.setup("all"), data).train(0, rows))
    plain, by_task = (trained.model.trainable_variables for trained in found)
    for one, two in zip(plain, by_task, strict=True):
        close(two, one)
    one, two = ([list(epoch.values()) for epoch in trained.curve] for trained in found)
    np.testing.assert_allclose(two, one, rtol=1e-5)


def test_nothing_shared_has_nothing_to_split():
    assert TaskGradients([], 2, []).split(tf.zeros([0])) == []


def test_indices_of_two_types():
    """One task looks the table up by int32, the other by int64."""
    shape = tf.TensorShape([4, 2])
    slices = [
        tf.IndexedSlices(tf.constant([[1.0, 2.0]]), tf.constant([3], kind), shape)
        for kind in (tf.int32, tf.int64)
    ]
    np.testing.assert_array_equal(TaskGradients([slices], 2, [shape]).gramian(), [[5, 5], [5, 5]])
