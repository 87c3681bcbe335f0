"""Training: seeds, reuse of the graph, order of the examples."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from made import some

import mtbench
from mtbench.data.store import load_data
from mtbench.train.feed import Feed
from mtbench.train.pace import Pace
from mtbench.train.trainer import Trainer

REUSED = {
    "embedding, fixed": [],
    "mlp": ["towers={query: mlp, candidate: mlp}"],
    "uncertainty": ["scenarios.joint.weighting=uncertainty"],
    "sampling correction": ["tasks.retrieval.sampling_correction=true"],
    "adam, hard negatives": ["train.optimizer.name=adam", "tasks.retrieval.num_hard_negatives=3"],
}


def load(suite, registry):
    data = load_data(suite.dataset, registry.identity(suite.dataset))
    return data, lambda seed: data.interactions.take(suite.split.build(data, seed).train)


def weights(model):
    return [v.numpy() for v in (*model.seed_variables, *model.optimizer_variables)]


@pytest.mark.parametrize("case", some(REUSED, "uncertainty"))
def test_a_further_seed_has_the_bits_of_a_fresh_start(make_suite, registry, case):
    suite = make_suite(*REUSED[case])
    data, train = load(suite, registry)
    trainer = Trainer(suite.setup("joint"), data)
    first = trainer.train(0, train(0))
    before = weights(first.model)
    second = trainer.train(1, train(1))
    assert second.model is first.model
    assert second.model.train_tf_function.experimental_get_tracing_count() == 1
    fresh = Trainer(suite.setup("joint"), data).train(1, train(1))
    assert second.curve == fresh.curve
    for reused, new in zip(weights(second.model), weights(fresh.model), strict=True):
        np.testing.assert_array_equal(reused, new)
    again = trainer.train(0, train(0))
    assert again.curve == first.curve
    for old, new in zip(before, weights(again.model), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.thorough
def test_a_graph_that_draws_random_numbers_is_not_reused(make_suite, registry):
    suite = make_suite(
        "towers.query={name: mlp, embedding_dim: 4, dropout: 0.5}",
        "tasks.retrieval.remove_accidental_hits=true",
    )
    data, train = load(suite, registry)
    trainer = Trainer(suite.setup("joint"), data)
    first = trainer.train(0, train(0))
    second = trainer.train(1, train(1))
    assert second.model is not first.model
    fresh = Trainer(suite.setup("joint"), data).train(1, train(1))
    assert second.curve == fresh.curve
    for reused, new in zip(weights(second.model), weights(fresh.model), strict=True):
        np.testing.assert_array_equal(reused, new)


class Hidden(mtbench.LossWeighting):
    """Keeps its state where nobody finds it."""

    name = "hidden"

    def build(self, tasks):
        calls = tf.Variable(0.0, trainable=False)
        return lambda losses: tf.reduce_sum(losses) * calls.assign_add(1.0)


@pytest.mark.thorough
def test_a_graph_with_hidden_state_is_not_reused(make_suite, registry):
    suite = make_suite()
    data, train = load(suite, registry)
    trainer = Trainer(dataclasses.replace(suite.setup("joint"), weighting=Hidden()), data)
    first = trainer.train(0, train(0))
    assert trainer.train(1, train(1)).model is not first.model
    assert trainer.train(0, train(0)).curve == first.curve


@pytest.mark.thorough
def test_seeds_differ(make_suite, registry):
    suite = make_suite()
    data, train = load(suite, registry)
    trainer = Trainer(suite.setup("joint"), data)
    assert trainer.train(0, train(0)).curve != trainer.train(1, train(0)).curve


@pytest.mark.thorough
def test_scenarios_share_initial_weights_and_order(make_suite, registry):
    """A seed's first batch has the same ranking loss whatever else is trained."""
    suite = make_suite("train={epochs: 1, batch_size: 1000}")
    data, train = load(suite, registry)
    alone, joint = (
        Trainer(suite.setup(name), data).train(0, train(0)).curve[0]["ranking_loss"]
        for name in ("rating-only", "joint")
    )
    assert alone == joint


def test_a_loss_that_is_not_finite_fails(make_suite, registry):
    suite = make_suite("train.optimizer={name: sgd, learning_rate: 1.0e+30}")
    data, train = load(suite, registry)
    with pytest.raises(FloatingPointError, match=r"ranking_loss is (nan|inf) after epoch"):
        Trainer(suite.setup("joint"), data).train(0, train(0))


@pytest.mark.parametrize("reshuffle", [True, False])
def test_feed(make_suite, registry, reshuffle):
    suite = make_suite(f"train.reshuffle={reshuffle}", "train.batch_size=100")
    data, train = load(suite, registry)
    feed = Feed(data, ["query", "candidate", "user_rating"], suite.train)
    feed.start(train(3), 3)
    batches = list(feed.dataset.as_numpy_iterator())
    assert [len(batch["query"]) for batch in batches] == [100, 100, 40] * 2
    epochs = [
        np.stack([np.concatenate([b[k] for b in batches[n : n + 3]]) for k in batches[0]])
        for n in (0, 3)
    ]
    columns = np.stack([train(3).columns[k] for k in batches[0]])
    for epoch in epochs:
        assert sorted(map(tuple, epoch.T)) == sorted(map(tuple, columns.T))
        assert not np.array_equal(epoch, columns)
    assert np.array_equal(*epochs) == (not reshuffle)


@pytest.mark.thorough
def test_epochs_are_told(make_suite, registry):
    suite = make_suite()
    data, train = load(suite, registry)
    told = []
    trained = Trainer(suite.setup("joint"), data).train(
        0, train(0), lambda epoch, losses: told.append({"epoch": epoch, **losses})
    )
    assert told == trained.curve
    assert [entry["epoch"] for entry in told] == [1, 2]
    assert trained.timings["train_examples_per_s"] > 0


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("epochs", "size", "paced"),
    [
        (3, 1000, 2),  # one step an epoch: all are of one size, and the first traces
        (2, 80, 5),  # three steps of 80
        (2, 100, 3),  # 100, 100, 40: the small ones have another pace
        (1, 1000, 0),
    ],
)
def test_steps_of_one_size_have_a_pace(make_suite, registry, monkeypatch, epochs, size, paced):
    suite = make_suite(f"train={{epochs: {epochs}, batch_size: {size}}}")
    data, train = load(suite, registry)
    steps = []
    monkeypatch.setattr(Pace, "step", lambda self, seconds: steps.append(seconds))
    Trainer(suite.setup("rating-only"), data).train(0, train(0))
    assert len(steps) == paced


def test_initial_weights_are_those_of_the_seed_alone(make_suite, registry):
    """What the process drew before does not matter."""
    suite = make_suite("train.epochs=1")
    data, train = load(suite, registry)
    found = []
    for _ in range(2):
        found.append(Trainer(suite.setup("joint"), data).train(5, train(5)).curve)
        tf.random.uniform([3])
        np.random.default_rng().normal()
    assert found[0] == found[1]


@pytest.mark.thorough
def test_the_optimizers_state_starts_anew(make_suite, registry):
    """Adagrad's accumulators of the first seed would slow the second one down."""
    suite = make_suite("train.epochs=1")
    data, train = load(suite, registry)
    trainer = Trainer(suite.setup("joint"), data)
    trainer.train(0, train(0))
    slots = [v.numpy() for v in trainer._model.optimizer_variables]
    trainer._prepare(1)
    fresh = [v.numpy() for v in trainer._model.optimizer_variables]
    assert any(not np.array_equal(a, b) for a, b in zip(slots, fresh, strict=True))
    for found, initial in zip(fresh, trainer._initial_slots, strict=True):
        np.testing.assert_array_equal(found, initial)


@pytest.mark.thorough
def test_a_further_seed_takes_the_share_of_its_own_training_part(make_suite, registry):
    suite = make_suite("tasks.retrieval.sampling_correction=true")
    data, train = load(suite, registry)
    trainer = Trainer(suite.setup("retrieval-only"), data)
    for seed in (0, 1):
        share = trainer.train(seed, train(seed)).model.heads["retrieval"].share
        counts = np.bincount(train(seed).candidate, minlength=40)
        np.testing.assert_array_equal(share, (counts / 240).astype(np.float32))


def test_feed_orders_are_those_of_the_seed(make_suite, registry):
    suite = make_suite("train={epochs: 2, batch_size: 100}")
    data, train = load(suite, registry)
    feed = Feed(data, ["query", "candidate", "user_rating"], suite.train)

    def orders(seed):
        feed.start(train(0), seed)
        return np.concatenate([b["candidate"] for b in feed.dataset.as_numpy_iterator()])

    first = orders(0)
    np.testing.assert_array_equal(orders(0), first)
    assert not np.array_equal(orders(1), first)


@pytest.mark.parametrize(("size", "sizes"), [(240, [240]), (1000, [240]), (1, [1] * 240)])
def test_feed_batch_sizes(make_suite, registry, size, sizes):
    suite = make_suite(f"train={{epochs: 1, batch_size: {size}}}")
    data, train = load(suite, registry)
    feed = Feed(data, ["query", "candidate"], suite.train)
    feed.start(train(0), 0)
    batches = list(feed.dataset.as_numpy_iterator())
    assert [len(batch["candidate"]) for batch in batches] == sizes
    assert set(batches[0]) == {"query", "candidate"}
