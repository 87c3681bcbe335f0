"""The model: what is trained, what is refused, what a step reports."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from by_task import ByTask

import mtbench
from mtbench.data.store import load_data
from mtbench.train.feed import Feed
from mtbench.train.model import MultiTaskModel
from mtbench.train.network import require_keras_2
from mtbench.train.trainer import Trainer


class Closure(mtbench.LossWeighting):
    """A variable in a closure, where nobody finds it."""

    name = "closure"

    def build(self, tasks):
        variable = tf.Variable(1.0)
        return lambda losses: tf.reduce_sum(losses) * variable


class Counting(mtbench.LossWeighting):
    """Changes its state whenever it is asked, as running averages of losses do."""

    name = "counting"

    def build(self, tasks):
        return Counter()


class Counter:
    def __init__(self):
        self.calls = tf.Variable(0, trainable=False)

    def __call__(self, losses):
        self.calls.assign_add(1)
        return tf.reduce_sum(losses)


def parts(suite, registry, scenario):
    data = load_data(suite.dataset, registry.identity(suite.dataset))
    train = data.interactions.take(suite.split.build(data, 0).train)
    return data, train, suite.setup(scenario)


def with_weighting(suite, weighting):
    joint = dataclasses.replace(suite.scenarios["joint"], weighting=weighting)
    return dataclasses.replace(suite, scenarios={**suite.scenarios, "joint": joint})


def test_a_variable_that_would_not_be_trained_is_refused(make_suite, registry):
    suite = with_weighting(make_suite(), Closure())
    data, _, setup = parts(suite, registry, "joint")
    with pytest.raises(mtbench.MtbenchError, match="would not be trained"):
        MultiTaskModel(setup, data)


def test_towers_of_different_sizes_are_refused(make_suite, registry):
    """Where the options do not say it; those that do are a fault of the suite."""
    data, _, setup = parts(make_suite(), registry, "joint")
    other = setup.towers["query"].model_copy(update={"embedding_dim": 5})
    setup = dataclasses.replace(setup, towers={**setup.towers, "query": other})
    with pytest.raises(mtbench.MtbenchError, match=r"found 5 \(query\) and 4 \(candidate\)"):
        MultiTaskModel(setup, data)


def test_a_task_that_is_not_trained_stays_as_it_is(make_suite, registry):
    suite = make_suite()
    data, train, setup = parts(suite, registry, "retrieval-only")
    trainer = Trainer(setup, data)
    tf.keras.utils.set_random_seed(0)
    before = [v.numpy() for v in MultiTaskModel(setup, data).seed_variables]
    trained = trainer.train(0, train)
    assert set(trained.curve[0]) == {"epoch", "retrieval_loss"}
    names = [v.name for v in trained.model.seed_variables]
    for name, old, new in zip(names, before, trained.model.seed_variables, strict=True):
        if "share" not in name:  # set from the training part
            assert np.array_equal(old, new) == ("dense" in name)
    graph = trained.model.train_tf_function.get_concrete_function(iter(trainer._feed.dataset)).graph
    kernel = next(v for v in trained.model.seed_variables if "kernel" in v.name)
    assert all(kernel.handle is not captured for captured, _ in graph.captures)


def test_evaluation_changes_no_state(make_suite, registry):
    suite = with_weighting(make_suite(), Counting())
    data, train, setup = parts(suite, registry, "joint")
    model = Trainer(setup, data).train(0, train).model
    before = [v.numpy() for v in model.seed_variables]
    assert 8 in [value for value in before if value.ndim == 0]  # one for each step
    result = model.test_step({k: tf.constant(v) for k, v in train.columns.items()})
    assert set(result) == {"ranking_loss", "retrieval_loss"}
    for old, new in zip(before, model.seed_variables, strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_curve_is_the_mean_over_the_examples(make_suite, registry):
    """With a learning rate of almost nothing the losses of an epoch are those of one model."""
    suite = make_suite(
        "train.optimizer.name=sgd", "train.optimizer.learning_rate=1.0e-30", "train.epochs=1"
    )
    data, train, setup = parts(suite, registry, "joint")
    trained = Trainer(setup, data).train(0, train)
    feed = Feed(data, ["query", "candidate", "user_rating"], suite.train)
    feed.start(train, 0)
    sums = {"ranking": 0.0, "retrieval": 0.0}
    for batch in feed.dataset:
        for name, loss in trained.model.losses_by_task(batch, training=False).items():
            sums[name] += float(loss) * len(batch["query"])
    for name, total in sums.items():
        assert trained.curve[0][f"{name}_loss"] == pytest.approx(total / len(train), rel=1e-5)


@pytest.mark.thorough
def test_the_weightings_own_learning_rate(make_suite, registry):
    """One SGD step at s = 0: ds/dt = −f L + ½, with f ½ for ranking and 1 for retrieval."""
    suite = make_suite(
        "scenarios.joint.weighting={name: uncertainty, learning_rate: 0.5}",
        "train={epochs: 1, batch_size: 1000, optimizer: {name: sgd, learning_rate: 1.0e-30}}",
    )
    data, train, setup = parts(suite, registry, "joint")
    trained = Trainer(setup, data).train(0, train)
    ranking, retrieval = (trained.curve[0][f"{n}_loss"] for n in ("ranking", "retrieval"))
    (log_variance,) = trained.model.weighting_variables
    expected = [0.5 * (0.5 * ranking - 0.5), 0.5 * (retrieval - 0.5)]
    np.testing.assert_allclose(log_variance, expected, rtol=1e-5)


def test_a_tower_with_an_embedding_for_each_task(make_suite, registry):
    suite = make_suite()
    suite = dataclasses.replace(suite, towers={"query": ByTask(), "candidate": ByTask()})
    data, train, setup = parts(suite, registry, "rating-only")
    tf.keras.utils.set_random_seed(0)
    fresh = MultiTaskModel(setup, data).seed_variables
    trained = Trainer(setup, data).train(0, train).model.seed_variables
    moved = [not np.array_equal(a, b) for a, b in zip(fresh, trained, strict=True)]
    # query: ranking, retrieval; candidate: ranking, retrieval; then the ranking head; the share
    assert moved == [True, False, True, False, True, True, True, True, True]


def test_keras_3_is_refused(monkeypatch):
    monkeypatch.setattr(tf.keras.layers.Layer, "__module__", "keras.src.layers")
    with pytest.raises(mtbench.MtbenchError, match="Keras 3"):
        require_keras_2()


def test_retrieval_that_is_not_trained_is_not_in_the_graph(make_suite, registry):
    suite = make_suite("tasks.retrieval.sampling_correction=true")
    data, train, setup = parts(suite, registry, "rating-only")
    trainer = Trainer(setup, data)
    trained = trainer.train(0, train)
    assert set(trained.curve[0]) == {"epoch", "ranking_loss"}
    graph = trained.model.train_tf_function.get_concrete_function(iter(trainer._feed.dataset)).graph
    share = trained.model.heads["retrieval"].share
    assert all(share.handle is not captured for captured, _ in graph.captures)
    operations = {
        node.op for function in graph.as_graph_def().library.function for node in function.node_def
    }
    assert not operations & {"LogSoftmax", "SoftmaxCrossEntropyWithLogits", "Logsumexp"}


@pytest.mark.thorough
def test_a_tower_that_is_more_than_its_id_trains(make_suite, registry):
    """With dropout each example has a row of its own, and two of one id differ."""
    suite = make_suite(
        "towers.query={name: mlp, embedding_dim: 4, id_dim: 3, units: [16], dropout: 0.5}",
        "train={epochs: 15, batch_size: 64, optimizer: {name: adam, learning_rate: 0.02}}",
    )
    data, train, setup = parts(suite, registry, "joint")
    trained = Trainer(setup, data).train(0, train)
    assert trained.curve[-1]["ranking_loss"] < 0.5 * trained.curve[0]["ranking_loss"]
    columns = {name: tf.constant(column) for name, column in train.columns.items()}
    batch = trained.model.batches(columns, ["ranking"], training=True)["ranking"]
    assert (batch.query.grouped, batch.candidate.grouped) == (False, True)
    assert batch.query.embeddings.shape == (240, 4)
    assert batch.query.expand() is batch.query.embeddings
    first, second = np.flatnonzero(train.query == np.bincount(train.query).argmax())[:2]
    found = batch.query.embeddings.numpy()
    assert not np.array_equal(found[first], found[second])
    assert len(batch.candidate.ids) == len(np.unique(train.candidate))
    np.testing.assert_array_equal(
        batch.candidate.expand(), trained.model.catalogue("ranking").numpy()[train.candidate]
    )


class Regularised(mtbench.Tower):
    """An embedding with a penalty on the whole table."""

    name = "regularised"

    def build(self, features, tasks):
        table = tf.keras.layers.Embedding(
            features.num_values[features.key],
            4,
            embeddings_regularizer=tf.keras.regularizers.L2(0.25),
        )
        layer = RegularisedLayer()
        layer.key, layer.table = features.key, table
        return layer


class RegularisedLayer:
    def __call__(self, features, training=False):
        return self.table(features[self.key])


@pytest.mark.thorough
def test_a_layers_own_penalty_is_in_the_loss_but_not_in_the_curve(make_suite, registry):
    """One SGD step of rate 1/10 takes w − 1/10 · 2 · 1/4 · w of a row that no example reads."""
    suite = make_suite(
        "dataset.num_ratings=60",  # so that some items have none
        "train={epochs: 1, batch_size: 1000, optimizer: {name: sgd, learning_rate: 0.1}}",
    )
    data, train, setup = parts(suite, registry, "rating-only")
    plain = Trainer(setup, data).train(0, train)
    setup = dataclasses.replace(setup, towers={**suite.towers, "candidate": Regularised()})
    tf.keras.utils.set_random_seed(0)
    before = MultiTaskModel(setup, data).model_variables[1].numpy()
    trained = Trainer(setup, data).train(0, train)
    after = trained.model.model_variables[1].numpy()
    unread = np.setdiff1d(np.arange(40), train.candidate)
    assert len(unread) > 0
    np.testing.assert_allclose(after[unread], 0.95 * before[unread], rtol=1e-6)
    assert trained.curve == plain.curve


def test_grouping_by_hand(make_suite, tiny_data):
    suite = make_suite()
    model = MultiTaskModel(suite.setup("joint"), tiny_data)
    columns = {"query": tf.constant([7, 3, 7, 7]), "candidate": tf.constant([0, 5, 5, 0])}
    batch = model.batches(columns, ["ranking", "retrieval"])
    assert batch["ranking"].query is batch["retrieval"].query  # one gather for both
    query = batch["ranking"].query
    assert query.ids.numpy().tolist() == [7, 3]
    assert query.rows.numpy().tolist() == [0, 1, 0, 0]
    assert query.counts.numpy().tolist() == [3, 1]
    table = model.model_variables[0].numpy()
    np.testing.assert_array_equal(query.embeddings, table[[7, 3]])
    np.testing.assert_array_equal(query.expand(), table[[7, 3, 7, 7]])
    np.testing.assert_array_equal(model.catalogue("retrieval"), model.model_variables[1])
