"""Training from a share of labels, from shuffled ones, and after other tasks: against by hand."""

import dataclasses
import itertools

import numpy as np
import pytest
import tensorflow as tf
from made import run_suite, some

import mtbench
from mtbench.data.history import in_time, positions
from mtbench.data.interactions import Interactions
from mtbench.data.store import load_data
from mtbench.suite.labels import Labels
from mtbench.suite.training import Optimizer, Train
from mtbench.testing.tiny import TinyTask, tiny_suite
from mtbench.train.feed import Feed, make_feed
from mtbench.train.model import MultiTaskModel
from mtbench.train.rows import Lessons, column_of, kept_rows
from mtbench.train.trainer import Trainer, compile_model
from mtbench_plugins.weighting.mgda import MGDA

RATE = 0.1


def parts(suite, registry, scenario="joint", **labels):
    """Data, training part, and a setup with these labels."""
    data = load_data(suite.dataset, registry.identity(suite.dataset))
    train = data.interactions.take(suite.split.build(data, 0).train)
    setup = dataclasses.replace(suite.setup(scenario), labels=labels)
    return data, train, setup


def weights(model):
    return [v.numpy() for v in (*model.seed_variables, *model.optimizer_variables)]


def same(one, two):
    for a, b in zip(weights(one), weights(two), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("scenario", some(["rating-only", "joint"], "rating-only"))
def test_the_whole_share_has_the_bits_of_no_labels(make_suite, registry, scenario):
    data, train, plain = parts(make_suite(), registry, scenario)
    whole = dataclasses.replace(plain, labels={"ranking": Labels(share=1.0)})
    one, two = (Trainer(setup, data).train(0, train) for setup in (plain, whole))
    assert one.curve == two.curve
    same(one.model, two.model)


@pytest.mark.parametrize("share", some([0.02, 0.3], 0.3))
def test_a_task_alone_trains_as_if_the_other_rows_were_not_there(make_suite, registry, share):
    suite = make_suite("tasks.ranking.biases=true", "tasks.ranking.clip_predictions=true")
    data, train, setup = parts(suite, registry, "rating-only", ranking=Labels(share=share))
    few = train.take(kept_rows(setup.tasks["ranking"], train, share, 0))
    assert len(few) == round(share * 240)
    found = Trainer(setup, data).train(0, train)
    expected = Trainer(dataclasses.replace(setup, labels={}), data).train(0, few)
    assert found.curve == expected.curve
    variables = zip(found.model.model_variables, expected.model.model_variables, strict=True)
    for one, two in variables:
        np.testing.assert_array_equal(one, two)
    heads = [trained.model.heads["ranking"] for trained in (found, expected)]
    np.testing.assert_array_equal(*(head.range.numpy() for head in heads))
    np.testing.assert_array_equal(*(head.score.offset.numpy() for head in heads))
    np.testing.assert_array_equal(
        found.model._history, np.bincount(train.query, minlength=train.num_queries)
    )


def without_labels(train, rows):
    """The training part with the labels of these rows alone."""
    rating = np.full(len(train), np.nan, np.float32)
    rating[rows] = train.columns["user_rating"][rows]
    columns = {**train.columns, "user_rating": rating}
    return Interactions(columns, train.num_queries, train.num_candidates)


@pytest.mark.parametrize("weighting", some(["fixed", "mgda", "graddrop"], "fixed"))
def test_among_others_it_trains_as_if_other_rows_had_no_label(make_suite, registry, weighting):
    suite = make_suite(f"scenarios.joint.weighting={weighting}", "tasks.ranking.biases=true")
    data, train, setup = parts(suite, registry, ranking=Labels(share=0.3))
    rows = kept_rows(setup.tasks["ranking"], train, 0.3, 0)
    found = Trainer(setup, data).train(0, train)
    plain = dataclasses.replace(setup, labels={})
    expected = Trainer(plain, data).train(0, without_labels(train, rows))
    retrieval = [
        [epoch["retrieval_loss"] for epoch in trained.curve] for trained in (found, expected)
    ]
    np.testing.assert_allclose(*retrieval, rtol=1e-4)
    # but for the last bits, since sums are over other numbers of rows
    for one, two in zip(weights(found.model), weights(expected.model), strict=True):
        np.testing.assert_allclose(one, two, rtol=2e-3, atol=2e-4)


class Half(mtbench.GramianWeighting):
    """Weights made of the Gramian, so that a wrong one is seen."""

    name = "half"

    def build(self, tasks):
        def weights(losses, gramian):
            norms = tf.linalg.diag_part(gramian)
            return (1.0 + gramian[0, -1]) / (1.0 + norms) + losses

        return weights

    @staticmethod
    def expected(losses, jacobian):
        gramian = jacobian @ jacobian.T
        return ((1.0 + gramian[0, -1]) / (1.0 + np.diag(gramian)) + losses) @ jacobian


class Squares(mtbench.GradientWeighting):
    """An update that is no combination of the gradients."""

    name = "squares"

    def build(self, tasks, sizes):
        return lambda losses, gradients: gradients[0] ** 2 - 3 * gradients[-1] + losses[0]

    @staticmethod
    def expected(losses, jacobian):
        return jacobian[0] ** 2 - 3 * jacobian[-1] + losses[0]


class Sum(mtbench.LossWeighting):
    """3 L_1 + L_0²: the weight of a task depends on its loss."""

    name = "sum"

    def build(self, tasks):
        return lambda losses: losses[0] ** 2 + 3 * losses[-1]

    @staticmethod
    def expected(losses, jacobian):
        return 2 * losses[0] * jacobian[0] + 3 * jacobian[-1]


def prepared(weighting, factor=1.0, **own):
    """A compiled model with SGD, a batch of 40, and the columns of each task by hand.

    Args:
        weighting: The strategy.
        factor: Of the loss of `rate`.
        own: By task its mask, and the candidates it has instead.
    """
    suite = tiny_suite({"rate": TinyTask(factor=factor), "find": TinyTask(find=True)}, weighting)
    train = Train(optimizer=Optimizer(name="sgd", learning_rate=RATE))
    labels = {
        task: Labels(share=0.5, shuffle=None if candidates is None else "candidate")
        for task, (_, candidates) in own.items()
    }
    setup = dataclasses.replace(suite.setup("all"), train=train, labels=labels)
    data = suite.dataset.load()
    tf.keras.utils.set_random_seed(3)
    model = MultiTaskModel(setup, data)
    compile_model(model, setup)
    columns = dict(data.interactions.take(np.arange(40)).columns)
    by_hand = dict.fromkeys(setup.tasks, columns)
    fed = dict(columns)
    for task, (mask, candidates) in own.items():
        fed[column_of(task)] = mask
        if candidates is not None:
            fed[column_of(task, "candidate")] = candidates
            by_hand[task] = {**columns, "candidate": candidates}
        by_hand[task] = {name: column[mask] for name, column in by_hand[task].items()}
    constant = {name: tf.constant(column) for name, column in fed.items()}
    return model, constant, by_hand


def dense(gradient, variable):
    if gradient is None:
        return np.zeros(variable.shape)
    return np.float64(tf.convert_to_tensor(gradient))


def gradients(model, by_hand):
    """Losses and gradients of each task by towers and by its head, on the rows of its own."""
    losses, rows = [], []
    for task, arrays in by_hand.items():
        columns = {name: tf.constant(column) for name, column in arrays.items()}
        with tf.GradientTape() as tape:
            loss = model.heads[task].loss(model.batches(columns, [task])[task])
        found = tape.gradient(loss, model.model_variables)
        pairs = zip(found, model.model_variables, strict=True)
        losses.append(float(loss))
        rows.append([dense(gradient, variable) for gradient, variable in pairs])
    return np.array(losses), rows


SOME = np.arange(40) % 3 == 0
OTHERS = np.arange(40) % 4 > 0
MIXED = np.random.default_rng(0).integers(0, 10, 40).astype(np.int32)
OWN = {
    "a share of one": {"rate": (SOME, None)},
    "shares of both": {"rate": (SOME, None), "find": (OTHERS, None)},
    "shuffled": {"rate": (SOME, None), "find": (OTHERS, MIXED)},
}


@pytest.mark.thorough
@pytest.mark.parametrize("own", OWN.values(), ids=OWN)
@pytest.mark.parametrize("weighting", [Sum(), Half(), Squares()], ids=lambda w: w.name)
def test_a_step_is_that_of_each_tasks_own_rows(weighting, own):
    model, columns, by_hand = prepared(weighting, **own)
    losses, rows = gradients(model, by_hand)
    towers = {v.ref() for side in ("query", "candidate") for v in model.parts[side]}
    shared = [v.ref() in towers for v in model.model_variables]
    jacobian = np.array(
        [np.concatenate([g.ravel() for g in itertools.compress(row, shared)]) for row in rows]
    )
    update = weighting.expected(losses, jacobian)
    before = [v.numpy() for v in model.model_variables]
    found = model.train_step(columns)
    np.testing.assert_allclose([float(x) for x in found.values()], losses, rtol=1e-5)
    changes = [
        (old - v.numpy()) / RATE for old, v in zip(before, model.model_variables, strict=True)
    ]
    moved = np.concatenate([c.ravel() for c in itertools.compress(changes, shared)])
    np.testing.assert_allclose(moved, update, rtol=0, atol=2e-5 * np.abs(update).max() + 1e-5)
    factor = 2 * losses[0] if isinstance(weighting, mtbench.LossWeighting) else 1.0
    for change, gradient, is_tower in zip(changes, rows[0], shared, strict=True):
        if not is_tower:
            np.testing.assert_allclose(change, factor * gradient, rtol=2e-3, atol=1e-4)


@pytest.mark.thorough
@pytest.mark.parametrize("own", [OWN["shares of both"], OWN["a share of one"]])
def test_gradients_at_the_outputs_are_by_what_the_tasks_share(own):
    """w_1 = (g_2 − g_1) · g_2 / ‖g_1 − g_2‖², g those by both towers' outputs for all rows."""
    model, columns, _ = prepared(MGDA(gradients="outputs"), 0.005, **own)
    every = {name: column for name, column in columns.items() if "/" not in name}
    rows = []
    for task in ("rate", "find"):
        mask, _ = own.get(task, (np.ones(40, bool), None))
        with tf.GradientTape() as tape:
            batch = model.batches(every, [task])[task]
            loss = model.heads[task].loss(batch.take(tf.constant(mask)))
        found = tape.gradient(loss, [batch.query.embeddings, batch.candidate.embeddings])
        rows.append(np.concatenate([tf.convert_to_tensor(g).numpy().ravel() for g in found]))
    gap = rows[1] - rows[0]
    first = gap @ rows[1] / (gap @ gap)
    assert 0.05 < first < 0.95  # not cut
    model.train_step(columns)
    weights = model.diagnostics.result()["weights"]
    assert weights == pytest.approx({"rate": first, "find": 1 - first}, rel=1e-3)


def test_shuffled_candidates_have_no_output_in_common():
    model, columns, _ = prepared(MGDA(gradients="outputs"), **OWN["shuffled"])
    with pytest.raises(mtbench.MtbenchError, match="no task whose candidates are shuffled"):
        model.train_step(columns)


@pytest.mark.thorough
@pytest.mark.parametrize("weighting", [Sum(), Half(), Squares()], ids=lambda w: w.name)
def test_a_step_without_a_row_of_a_task_is_none_of_its(weighting):
    """The strategy is asked about the other one alone, and the curve does not count it."""
    none = np.zeros(40, bool)
    model, columns, by_hand = prepared(weighting, rate=(none, None))
    losses, rows = gradients(model, {"find": by_hand["find"]})
    jacobian = np.concatenate([g.ravel() for g in rows[0]])
    towers = {v.ref() for side in ("query", "candidate") for v in model.parts[side]}
    shared = [np.full(v.shape, v.ref() in towers).ravel() for v in model.model_variables]
    update = weighting.expected(losses, jacobian[None]) * np.concatenate(shared)  # heads have none
    before = [v.numpy() for v in model.model_variables]
    found = model.train_step(columns)
    assert float(found["rate_loss"]) == 0
    assert float(found["find_loss"]) == pytest.approx(losses[0])
    pairs = zip(before, model.model_variables, strict=True)
    change = np.concatenate([((old - v.numpy()) / RATE).ravel() for old, v in pairs])
    np.testing.assert_allclose(change, update, rtol=0, atol=2e-5 * np.abs(update).max() + 1e-5)
    found = model.train_step({**columns, column_of("rate"): tf.constant(SOME)})
    assert float(found["rate_loss"]) > 0.5  # not halved by the step before


def test_the_curve_is_the_mean_over_the_tasks_own_rows(make_suite, registry):
    suite = make_suite(
        "train={epochs: 1, batch_size: 16, optimizer: {name: sgd, learning_rate: 1.0e-30}}"
    )
    data, train, setup = parts(suite, registry, ranking=Labels(share=0.1))
    trained = Trainer(setup, data).train(0, train)
    few = kept_rows(setup.tasks["ranking"], train, 0.1, 0)
    columns = {name: tf.constant(c) for name, c in train.take(few).columns.items()}
    expected = trained.model.losses_by_task(columns, training=False)["ranking"]
    assert trained.curve[0]["ranking_loss"] == pytest.approx(float(expected), rel=1e-5)


def test_towers_know_the_whole_history(make_suite, registry):
    suite = make_suite("towers.query={name: bag, embedding_dim: 4}")
    data, train, setup = parts(suite, registry, "rating-only", ranking=Labels(share=0.1))
    trained = Trainer(setup, data).train(0, train)
    items = next(v for v in trained.model.kept_variables if v.shape.as_list() == [None])
    np.testing.assert_array_equal(items, train.candidate[in_time(train)])


def test_positions_in_a_history_are_those_of_the_whole_part(make_suite, registry):
    suite = make_suite("towers.query={name: sequence, embedding_dim: 4}")
    data, train, setup = parts(suite, registry, "rating-only", ranking=Labels(share=0.1))
    feed = make_feed(setup, data)
    assert feed.start(train, 0, Lessons(setup, train, 0)) == 24
    rows = kept_rows(setup.tasks["ranking"], train, 0.1, 0)
    (batch, *_) = feed.dataset.as_numpy_iterator()
    order = np.random.default_rng([0, 1, 0]).permutation(24)
    np.testing.assert_array_equal(batch["history"], positions(train)[rows][order])


@pytest.mark.thorough
def test_a_further_seed_has_the_bits_of_a_fresh_start(make_suite, registry):
    """The rows come with the batches: none is baked into the graph."""
    labels = {"ranking": Labels(share=0.1), "retrieval": Labels(share=0.5, shuffle="candidate")}
    data, train, setup = parts(make_suite(), registry, **labels)
    trainer = Trainer(setup, data)
    first = trainer.train(0, train)
    second = trainer.train(1, train)
    assert second.model is first.model
    fresh = Trainer(setup, data).train(1, train)
    assert second.curve == fresh.curve
    same(second.model, fresh.model)


PRETRAIN = "scenarios.rating-only.train={pretrain: {tasks: [retrieval], epochs: 3}}"


@pytest.mark.thorough
def test_pretraining_is_two_trainings_by_hand(make_suite, registry):
    suite = make_suite(PRETRAIN, "train.optimizer.name=adam")
    data, train, setup = parts(suite, registry, "rating-only")
    trained = Trainer(setup, data).train(0, train)

    alone = dataclasses.replace(suite.setup("retrieval-only"), train=Train(
        epochs=3, batch_size=64, optimizer=setup.train.optimizer))  # fmt: skip
    first = Trainer(alone, data).train(0, train)
    assert trained.pretraining == first.curve
    assert len(trained.curve) == 2
    assert set(trained.curve[0]) == {"epoch", "ranking_loss"}

    tf.keras.utils.set_random_seed(0)
    plain = dataclasses.replace(setup, train=setup.train.model_copy(update={"pretrain": None}))
    model = MultiTaskModel(plain, data)
    compile_model(model, plain)
    model.adapt(train)
    for variable, value in zip(model.model_variables, first.model.model_variables, strict=True):
        variable.assign(value)
    feed = Feed(data, ["query", "candidate", "user_rating"], plain.train)
    feed.start(train, 0)
    model.optimization.steps.assign(8.0)
    model.fit(feed.dataset, epochs=2, steps_per_epoch=4, verbose=0)
    same(trained.model, model)  # the optimizer's slots among it


@pytest.mark.thorough
def test_several_pretrained_tasks_are_added(make_suite, registry):
    both = PRETRAIN.replace("[retrieval]", "[retrieval, ranking]")
    data, train, setup = parts(make_suite(both), registry, "rating-only")
    found = Trainer(setup, data).train(0, train).pretraining
    joint = parts(make_suite("train.epochs=3"), registry)[2]  # weights of 1
    assert found == Trainer(joint, data).train(0, train).curve


@pytest.mark.thorough
def test_labels_are_those_of_pretraining_as_well(make_suite, registry):
    labels = {"retrieval": Labels(share=0.1), "ranking": Labels(share=0.5)}
    data, train, setup = parts(make_suite(PRETRAIN), registry, "rating-only", **labels)
    trained = Trainer(setup, data).train(0, train)
    alone = parts(make_suite("train.epochs=3"), registry, "retrieval-only", **labels)[2]
    assert trained.pretraining == Trainer(alone, data).train(0, train).curve
    few = train.take(kept_rows(setup.tasks["retrieval"], train, 0.1, 0))
    share = np.bincount(few.candidate, minlength=40) / 24
    np.testing.assert_allclose(trained.model.heads["retrieval"].share, share, rtol=1e-6)


@pytest.mark.thorough
def test_runs_with_labels_and_pretraining(tiny, tmp_path):
    labels = "scenarios.joint.labels={ranking: 0.1, retrieval: {shuffle: candidate}}"
    whole = "scenarios.retrieval-only.labels={retrieval: 1.0}"
    rating, retrieval, joint = run_suite(tiny, tmp_path, PRETRAIN, labels, whole, seeds="1")
    assert [each.status for each in (rating, retrieval, joint)] == ["ok"] * 3
    assert joint.answer.labels["retrieval"] == {"share": 1.0, "shuffle": "candidate"}
    assert [epoch["epoch"] for epoch in rating.pretraining] == [1, 2, 3]
    assert [epoch["epoch"] for epoch in rating.curve] == [1, 2]
    assert "pretraining" not in joint.plain()
    plain = run_suite(tiny, tmp_path / "plain", seeds="1")
    assert retrieval.metrics == plain[1].metrics
    assert retrieval.run_id != plain[1].run_id
    assert [each.floors for each in (rating, joint)] == [plain[2].floors] * 2
    assert "labels" not in plain[2].plain()["answer"]
    assert rating.timings["train_s"] > 0
