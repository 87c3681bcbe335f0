"""Tasks without a label in some rows, or in any of a batch: epochs, steps, strategies."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from batches import make_batch
from made import some

import mtbench
from mtbench.kit import labels_of, reduced
from mtbench.suite.training import Optimizer, Train
from mtbench.testing import apply
from mtbench.testing.tiny import TinyTask, tiny_suite
from mtbench.train.lessons import counted
from mtbench.train.model import MultiTaskModel
from mtbench.train.some import MOST_SUBSETS, subsets_without
from mtbench.train.trainer import Trainer, compile_model
from mtbench.train.weigher import Weigher
from mtbench_plugins.tasks.listwise import Listwise
from mtbench_plugins.tasks.ranking import Ranking
from mtbench_plugins.tasks.retrieval import Retrieval
from mtbench_plugins.weighting.dwa import DWA
from mtbench_plugins.weighting.equal import Equal
from mtbench_plugins.weighting.excess_mtl import ExcessMTL
from mtbench_plugins.weighting.famo import FAMO
from mtbench_plugins.weighting.fixed import Fixed
from mtbench_plugins.weighting.forum import FORUM
from mtbench_plugins.weighting.gls import GLS
from mtbench_plugins.weighting.gradnorm import GradNorm
from mtbench_plugins.weighting.gradvac import GradVac
from mtbench_plugins.weighting.metabalance import MetaBalance
from mtbench_plugins.weighting.mgda import MGDA
from mtbench_plugins.weighting.modo import MoDo
from mtbench_plugins.weighting.pcgrad import PCGrad
from mtbench_plugins.weighting.stch import STCH
from mtbench_plugins.weighting.uncertainty import Uncertainty

RATE = 0.1
NAN = np.nan
RARE = np.array([NAN, 2.0, NAN, NAN, 30.0, NAN, 1.0, NAN, NAN, 24.0], np.float32)
"""Of four rows of ten; their mean is 57 / 4 = 14.25."""


@pytest.fixture(autouse=True)
def still(monkeypatch):
    """Models that all but stand still are meant here, and else a fault."""
    monkeypatch.setattr("mtbench.train.trainer._checksums", lambda model: ())


def data_of(**labels):
    """Ten interactions of five users with these labels."""
    number = len(next(iter(labels.values())))
    return mtbench.Data.encode(
        ("user_id", (np.arange(number) % 5).astype(str)),
        ("movie_id", (np.arange(number) * 3 % 7).astype(str)),
        {name: np.asarray(values, np.float32) for name, values in labels.items()},
        "made up",
        synthetic=True,
    )


class Label(TinyTask):
    """Its loss is the mean of the known labels, whatever the parameters."""

    name = "label"
    column: str = "often"
    """Column of the label."""

    def needs(self):
        return (self.column,)

    def build(self, num_queries, num_candidates):
        return LabelHead(self)


class LabelHead:
    def __init__(self, task):
        self.task = task

    def adapt(self, train):
        pass

    def loss(self, batch):
        labels, known = labels_of(batch, self.task.column)
        still = 0.0 * tf.reduce_sum(batch.query.expand() + batch.candidate.expand(), 1)
        return reduced(labels + still, known, "mean")


class Told(mtbench.LossWeighting):
    """The sum; keeps what it is told of epochs."""

    name = "told"

    def build(self, tasks):
        return ToldLoss(len(tasks))


class ToldLoss:
    def __init__(self, tasks):
        self.means = tf.Variable(tf.fill([tasks], -1.0), trainable=False)

    def __call__(self, losses):
        return tf.reduce_sum(losses)

    def epoch_ended(self, losses):
        self.means.assign(losses)


def setup_of(tasks, weighting, **train):
    options = {"epochs": 1, "batch_size": 2, "optimizer": Optimizer(name="sgd", learning_rate=RATE)}
    suite = tiny_suite(tasks, weighting)
    return dataclasses.replace(suite.setup("all"), train=Train(**options | train))


# -- epochs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size_and_seed", some([(1, 0), (3, 1), (10, 0)], (3, 1)))
def test_the_loss_of_an_epoch_is_the_mean_over_rows_with_a_label(size_and_seed):
    batch_size, seed = size_and_seed
    """By rows it was the mean of the batches' means: 5.7 by batches of one."""
    data = data_of(often=np.arange(10), rare=RARE)
    tasks = {"often": Label(), "rare": Label(column="rare")}
    trained = Trainer(setup_of(tasks, Told(), batch_size=batch_size), data).train(
        seed, data.interactions
    )
    assert trained.curve[0]["often_loss"] == pytest.approx(4.5)
    assert trained.curve[0]["rare_loss"] == pytest.approx(14.25)
    np.testing.assert_allclose(trained.model.weigher.strategy.means, [4.5, 14.25], rtol=1e-6)


def test_of_a_task_alone():
    data = data_of(rare=RARE)
    trained = Trainer(setup_of({"rare": Label(column="rare")}, None), data).train(
        0, data.interactions
    )
    assert trained.curve[0]["rare_loss"] == pytest.approx(14.25)


def test_evaluated_losses_are_those_of_the_labels_as_well():
    data = data_of(often=np.arange(10), rare=RARE)
    setup = setup_of({"often": Label(), "rare": Label(column="rare")}, Told())
    model = MultiTaskModel(setup, data)
    compile_model(model, setup)
    columns = {name: tf.constant(column) for name, column in data.interactions.columns.items()}
    for rows in (slice(0, 5), slice(5, 6), slice(6, 10)):
        found = model.test_step({name: column[rows] for name, column in columns.items()})
    assert float(found["rare_loss"]) == pytest.approx(14.25)


def test_what_counts_by_hand():
    """Rows with all columns; positives; lists of two rows and a gain."""
    tables = [tf.zeros([4, 2]), tf.zeros([5, 2])]
    labels = tf.constant([NAN, 4.0, 5.0, 1.0, NAN, 4.0])
    others = tf.constant([1.0, NAN, 1.0, 1.0, NAN, 1.0])
    query, candidate = [0, 0, 1, 1, 2, 3], [0, 1, 2, 3, 4, 0]
    batch = make_batch(tables, query, candidate, user_rating=labels, other=others)
    ranking = Ranking(units=()).build(4, 5)
    assert counted(ranking, batch) is None
    assert int(counted(ranking, batch, ("user_rating",))) == 4
    assert int(counted(ranking, batch, ("user_rating", "other"))) == 3
    assert counted(Retrieval().build(4, 5), batch) is None
    retrieval = Retrieval(positive_threshold=4.0).build(4, 5)
    assert int(counted(retrieval, batch)) == 3
    assert int(counted(Listwise(units=()).build(4, 5), batch)) == 1  # query 1 alone has two


@pytest.mark.thorough
def test_the_losses_of_positives_are_weighed_by_positives():
    """Loss of a batch of one positive: ln 5 over five candidates alike, counted by its positives.

    With parameters of 0 every loss is ln 5 where there is a positive, and 0 where there is none.
    """
    data = data_of(user_rating=[5, 1, 1, 1, 1, 1, 5, 5, 1, 1])
    tasks = {"find": Retrieval(loss="full_softmax", positive_threshold=4.0, top_k=(1,))}
    setup = setup_of(tasks, None, optimizer=Optimizer(name="sgd", learning_rate=1e-30))
    trainer = Trainer(setup, data)
    prepare = trainer._prepare

    def zeros(seed):
        model = prepare(seed)
        for variable in model.model_variables:
            variable.assign(tf.zeros_like(variable))
        return model

    trainer._prepare = zeros
    trained = trainer.train(0, data.interactions)
    expected = np.log(len(data.candidate.ids))
    assert trained.curve[0]["find_loss"] == pytest.approx(expected, rel=1e-5)


# -- steps -----------------------------------------------------------------------------------------


def model_of(tasks, weighting, data, **train):
    setup = setup_of(tasks, weighting, **train)
    tf.keras.utils.set_random_seed(3)
    model = MultiTaskModel(setup, data)
    compile_model(model, setup)
    return model


MEMORYLESS = [
    *(Equal(), Fixed(weights={"one": 3.0, "two": 10.0}), GLS()),
    *(MGDA(), MGDA(gradients="outputs"), PCGrad()),
]


@pytest.mark.thorough
@pytest.mark.parametrize("weighting", MEMORYLESS, ids=str)
def test_a_step_without_a_label_of_a_task_is_that_of_the_others(weighting):
    """As if the task were not there: with the strategy's state, heads and all."""
    rows = np.arange(10, dtype=np.float32)
    data = data_of(one=rows % 4, two=np.where(rows < 5, NAN, 3.0))
    tasks = {name: Ranking(label=name, units=()) for name in ("one", "two")}
    both = model_of(tasks, weighting, data)
    alone = model_of({"one": tasks["one"]}, weighting.model_copy(update=only(weighting)), data)
    for part in ("query", "candidate", "one"):
        for a, b in zip(alone.parts[part], both.parts[part], strict=True):
            a.assign(b)
    before = [v.numpy() for v in both.parts["two"]]
    columns = {name: tf.constant(c[:5]) for name, c in data.interactions.columns.items()}
    losses = both.train_step(columns)
    assert float(losses["one_loss"]) == pytest.approx(float(alone.train_step(columns)["one_loss"]))
    assert float(losses["two_loss"]) == 0  # of no rows so far
    for part in ("query", "candidate", "one"):
        for a, b in zip(alone.parts[part], both.parts[part], strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-7)
    for old, variable in zip(before, both.parts["two"], strict=True):
        np.testing.assert_array_equal(old, variable)
    weights = both.diagnostics.result()["weights"]
    assert weights["two"] == 0
    assert weights["one"] == pytest.approx(alone.diagnostics.result()["weights"]["one"], rel=1e-5)


@pytest.mark.parametrize(
    "weighting", [MoDo(), pytest.param(FORUM(), marks=pytest.mark.thorough)], ids=lambda w: w.name
)
def test_a_task_that_one_of_several_batches_lacks_is_absent(weighting):
    """Its head stays, though the step's own batch has labels of it."""
    data = data_of(one=np.arange(10), two=np.where(np.arange(10) < 5, NAN, 3.0))
    tasks = {name: Ranking(label=name, units=()) for name in ("one", "two")}
    model = model_of(tasks, weighting, data)
    before = {name: [v.numpy() for v in model.parts[name]] for name in tasks}
    columns = {name: tf.constant(c) for name, c in data.interactions.columns.items()}
    lacking, whole = ({n: c[cut] for n, c in columns.items()} for cut in (np.s_[:5], np.s_[5:]))
    model.train_step((whole, lacking, whole)[: weighting.batches])
    same = {
        name: all(np.array_equal(*pair) for pair in zip(model.parts[name], old, strict=True))
        for name, old in before.items()
    }
    assert same == {"one": False, "two": True}


def only(weighting):
    return {"weights": {"one": 3.0}} if isinstance(weighting, Fixed) else {}


@pytest.mark.thorough
def test_where_every_row_has_its_labels_nothing_is_added():
    data = data_of(often=np.arange(10), rare=np.arange(10))
    tasks = {"often": Label(), "rare": Label(column="rare")}
    model = model_of(tasks, ExcessMTL(), data)
    assert model.scratch_variables == []
    columns = {name: tf.constant(c) for name, c in data.interactions.columns.items()}
    graph = tf.function(model.train_step).get_concrete_function(columns).graph
    assert not any("Case" in op.type for op in graph.get_operations())
    gaps = model_of(tasks, ExcessMTL(), data_of(often=np.arange(10), rare=RARE))
    assert len(gaps.scratch_variables) == 3  # of `often` alone
    graph = tf.function(gaps.train_step).get_concrete_function(columns).graph
    assert sum("Case" in op.type for op in graph.get_operations()) == 1


@pytest.mark.thorough
@pytest.mark.parametrize(
    "weighting",
    [FAMO(), ExcessMTL(), GradNorm(), STCH(warmup_epochs=1), FORUM(inner_steps=2)],
    ids=lambda w: w.name,
)
def test_a_further_seed_has_the_bits_of_a_fresh_start(weighting):
    """Also of a graph that has a branch for each set of tasks; and all of it stays finite."""
    rng = np.random.default_rng(0)
    labels = {name: rng.integers(1, 5, 40).astype(np.float32) for name in ("one", "two")}
    for column in labels.values():
        column[rng.permutation(40)[:28]] = NAN
    data = data_of(**labels)
    tasks = {name: Ranking(label=name, units=()) for name in labels}
    setup = setup_of(tasks, weighting, batch_size=2, epochs=4)
    trainer = Trainer(setup, data)
    first = trainer.train(0, data.interactions)
    second = trainer.train(1, data.interactions)
    assert second.model is first.model
    fresh = Trainer(setup, data).train(1, data.interactions)
    assert second.curve == fresh.curve
    variables = zip(second.model.seed_variables, fresh.model.seed_variables, strict=True)
    for one, two in variables:
        np.testing.assert_array_equal(one, two)
        assert np.isfinite(np.asarray(one, float)).all()


@pytest.mark.thorough
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_strategys_variable_of_an_absent_task_stays(optimizer):
    """Adam's momentum would move it."""
    data = data_of(one=np.arange(10), two=np.where(np.arange(10) < 5, NAN, 3.0))
    tasks = {name: Ranking(label=name, units=()) for name in ("one", "two")}
    options = Optimizer(name=optimizer, learning_rate=RATE)
    model = model_of(tasks, Uncertainty(), data, optimizer=options)
    columns = {name: tf.constant(c) for name, c in data.interactions.columns.items()}
    model.train_step({name: c[5:] for name, c in columns.items()})
    first = model.weigher.strategy.log_variance.numpy()
    assert (first != 0).all()
    model.train_step({name: c[:5] for name, c in columns.items()})
    second = model.weigher.strategy.log_variance.numpy()
    assert second[1] == first[1]
    assert second[0] != first[0]


# -- the strategy of some tasks --------------------------------------------------------------------

LOSSES = np.array([[2.0, 3.0, 5.0]])
GRADIENTS = np.array([[[1.0, 0.0], [0.0, 2.0], [3.0, 1.0]]])
WITHOUT = np.array([[True, False, True]])


@pytest.mark.parametrize("present", [[0], [1], [2], [0, 1], [0, 2], [1, 2]], ids=str)
def test_weights_of_any_of_three_tasks(present):
    """GLS by hand: the geometric mean divided by each loss and their number."""
    there = np.isin(np.arange(3), present)[None]
    found = apply(GLS(), LOSSES, GRADIENTS, present=there)
    losses = LOSSES[0, present]
    expected = np.zeros(3)
    expected[present] = np.prod(losses) ** (1 / len(losses)) / (len(losses) * losses)
    np.testing.assert_allclose(found.weights[0], expected, rtol=1e-6)
    np.testing.assert_allclose(found.updates[0], expected @ GRADIENTS[0], rtol=1e-6)


def test_a_batch_without_any_label_moves_nothing():
    for weighting in (GLS(), MGDA(), ExcessMTL()):
        found = apply(weighting, LOSSES, GRADIENTS, present=np.zeros([1, 3], bool))
        np.testing.assert_array_equal(found.updates, 0)


def weigher_of(weighting, tasks=3, parameters=2):
    made = {f"task_{i}": TinyTask() for i in range(tasks)}
    weigher = Weigher(weighting, made, [parameters], range(tasks))
    return weigher, weigher.strategy


def test_state_of_tasks_is_taken_and_put_back():
    """GradVac's cosines, `[tasks, tasks]`: only those of both are moved, β φ from 0."""
    weigher, strategy = weigher_of(GradVac(beta=0.5))
    start = np.arange(9.0).reshape(3, 3) / 10
    strategy.usual.assign(start)
    some = next(each for each in weigher._some if each.positions == (0, 2))
    some.load()
    np.testing.assert_array_equal(some.strategy.usual, start[np.ix_([0, 2], [0, 2])])
    some.strategy.usual.assign([[1.0, 2.0], [3.0, 4.0]])
    some.store()
    expected = start.copy()
    expected[np.ix_([0, 2], [0, 2])] = [[1, 2], [3, 4]]
    np.testing.assert_array_equal(strategy.usual, expected)


def test_an_epoch_without_a_label_of_a_task():
    """DWA: of the others the weights of two, exp(½ ratio); the absent one keeps its own."""
    weigher, strategy = weigher_of(DWA())
    weigher.epoch_ended(tf.constant([4.0, 7.0, 8.0]), [True] * 3)
    weigher.epoch_ended(tf.constant([2.0, 0.0, 8.0]), [True, False, True])
    shares = np.exp([0.25, 0.5])
    expected = 2 * shares / shares.sum()
    np.testing.assert_allclose(strategy.weights, [expected[0], 1, expected[1]], rtol=1e-6)
    np.testing.assert_array_equal(strategy.previous, [2, 7, 8])


def test_metabalance_without_its_target():
    """The first that is there is brought to no other length: r + (1 − r) of its gradient."""
    found = apply(MetaBalance(target="task_1"), LOSSES, GRADIENTS, present=WITHOUT)
    lengths = np.linalg.norm(GRADIENTS[0, [0, 2]], axis=1)
    expected = GRADIENTS[0, 0] + (0.7 * lengths[0] / lengths[1] + 0.3) * GRADIENTS[0, 2]
    np.testing.assert_allclose(found.updates[0], expected, rtol=1e-6)


class Odd(mtbench.LossWeighting):
    """State of one element more than there are tasks."""

    name = "odd"

    def build(self, tasks):
        loss = ToldLoss(1)
        loss.means = tf.Variable(tf.zeros([len(tasks) + 1]), trainable=False)
        return loss


def test_state_that_is_no_part_is_refused():
    Weigher(Odd(), {"a": TinyTask(), "b": TinyTask()}, [2])
    with pytest.raises(mtbench.MtbenchError, match=r"'odd': expected the state of 1 of 2") as one:
        Weigher(Odd(), {"a": TinyTask(), "b": TinyTask()}, [2], [1])
    assert "\n" not in str(one.value)


def test_the_sets_of_tasks():
    assert subsets_without([1], 2) == [(0,)]
    assert subsets_without([0, 1], 2) == [(1,), (0,)]
    assert len(subsets_without(range(6), 6)) == 2**6 - 2
    assert len(subsets_without(range(6), 8)) == 2**6 - 1
    twelve = subsets_without(range(12), 12)
    assert {len(each) for each in twelve} == {11}
    assert len(twelve) <= MOST_SUBSETS


def test_more_absent_tasks_than_there_are_branches_for():
    present = np.ones([1, 12], bool)
    losses, gradients = np.arange(1.0, 13)[None], np.ones([1, 12, 2])
    present[0, 3] = False
    assert apply(Equal(), losses, gradients, present=present).weights.sum() == 11
    present[0, 4] = False
    with pytest.raises(tf.errors.InvalidArgumentError, match="use a larger batch_size"):
        apply(Equal(), losses, gradients, present=present)


def test_diagnostics_are_means_over_the_steps_with_a_label():
    """Weights of GLS: of 2 and 8, ½ √16 / L = 1 and ¼; then of 3 alone, 1."""
    labels = {"often": [2.0, 3.0], "rare": [8.0, NAN]}
    data = data_of(**labels)
    tasks = {"often": Label(), "rare": Label(column="rare")}
    model = model_of(tasks, GLS(), data)
    columns = {name: tf.constant(c) for name, c in data.interactions.columns.items()}
    for row in (slice(0, 1), slice(1, 2)):
        model.train_step({name: c[row] for name, c in columns.items()})
    assert model.diagnostics.result()["weights"] == pytest.approx({"often": 1.0, "rare": 0.25})
