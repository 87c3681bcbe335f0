"""Several tasks in one suite, some of one kind: nothing of one is another's."""

import numpy as np
import pytest
import tensorflow as tf
from made import run_suite

from mtbench.testing.components import unchanged, values
from mtbench.testing.tiny import TinyDataset, tiny_suite
from mtbench.train.gradients import task_gradients
from mtbench.train.model import MultiTaskModel
from mtbench.train.state import state_of, variables_of
from mtbench.train.trainer import Trainer
from mtbench_plugins.tasks.click import Click
from mtbench_plugins.tasks.listwise import Listwise
from mtbench_plugins.tasks.ranking import Ranking
from mtbench_plugins.tasks.retrieval import Retrieval
from mtbench_plugins.weighting.equal import Equal

MF = {"interaction": "dot", "biases": True, "l2": 0.01}
VARIANTS = {
    "squares": Ranking(**MF, clip_predictions=True),
    "ordinal": Ranking(loss="ordinal", units=(3,)),
    "sampled": Retrieval(
        loss="bpr",
        negatives="popularity",
        popularity_exponent=0.5,
        num_negatives=2,
        candidate_bias=True,
        l2=0.01,
    ),
    "in_batch": Retrieval(loss="bpr", negatives="batch", positive_threshold=3),
    "full": Retrieval(loss="full_softmax", normalize=True, temperature=0.2, candidate_bias=True),
    "click": Click(units=(3,)),
    "gains": Listwise(loss="softmax", interaction="dot", candidate_bias=True, l2=0.01),
}
THREE = [
    "tasks.stars={name: ranking, units: [4]}",
    "tasks.levels={name: ranking, loss: ordinal, interaction: dot, biases: true}",
    "tasks.when={name: ranking, label: timestamp, loss: mean_absolute_error, units: [2]}",
    "scenarios.three={tasks: [stars, levels, retrieval], weighting: uncertainty}",
    "scenarios.same={tasks: [stars, ranking], weighting: equal}",
]


@pytest.mark.thorough
def test_one_graph_of_all_variants_serves_every_seed():
    """It is used again, and gives the numbers of a fresh one; evaluating changes nothing."""
    suite, data = tiny_suite(VARIANTS, Equal()), TinyDataset().load()
    train = data.interactions.take(suite.split.build(data, 0).train)
    fresh, used = (Trainer(suite.setup("all"), data) for _ in range(2))
    expected = values(fresh.train(1, train).model)
    first = used.train(0, train).model
    other = values(first)
    model = used.train(1, train).model
    assert model is first
    for one, two in zip(expected, values(model), strict=True):
        np.testing.assert_array_equal(one, two)
    assert any(not np.array_equal(one, two) for one, two in zip(expected, other, strict=True))
    assert unchanged(model) is None


@pytest.mark.thorough
def test_gradients_by_task_are_those_of_the_losses():
    """Losses over the whole catalogue too, whose embeddings are no output for the batch's ids."""
    suite = tiny_suite(VARIANTS, Equal())
    data = TinyDataset().load()
    tf.keras.utils.set_random_seed(0)
    model = MultiTaskModel(suite.setup("all"), data)
    model.adapt(data.interactions)
    columns = {name: tf.constant(c[:20]) for name, c in data.interactions.columns.items()}
    towers = [v for part in model._tower_state for v in part.trainable_variables]
    heads = {
        name: [v for v in variables_of(state_of(head)) if v.trainable]
        for name, head in model.heads.items()
    }
    with tf.GradientTape(persistent=True) as tape:
        batches = model.batches(columns, model.heads)
        losses = {name: head.loss(batches[name]) for name, head in model.heads.items()}
    variables, gradients, private = task_gradients(tape, losses, batches, towers, heads)
    matrix = gradients.matrix().numpy()
    for row, (name, loss) in zip(matrix, losses.items(), strict=True):
        expected = [
            tf.reshape(tf.convert_to_tensor(g), [-1]).numpy()
            for g in tape.gradient(
                loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO
            )
        ]
        np.testing.assert_allclose(
            row, np.concatenate(expected), rtol=1e-4, atol=1e-6, err_msg=name
        )
        assert np.any(row), name
    trained = {variable.ref() for _, variable, _ in private}
    missing = [v.name for head in heads.values() for v in head if v.ref() not in trained]
    assert not missing


@pytest.fixture(scope="module")
def records(tmp_path_factory, shared_tiny):
    folder = tmp_path_factory.mktemp("three")
    chosen = {"scenarios": ["three", "same"], "seeds": "1"}
    listed = run_suite(shared_tiny, folder, *THREE, **chosen)
    return {record.scenario: record for record in listed}


@pytest.mark.thorough
def test_three_tasks_of_which_two_are_of_one_kind(records):
    for record in records.values():
        assert record.status == "ok", record.error
        tasks = ("ranking", "retrieval", "stars", "levels", "when")
        assert tuple(record.metrics) == tuple(record.floors) == tasks
        values = [record.metrics[name]["rmse"] for name in ("ranking", "stars", "levels")]
        assert len(set(values)) == 3
        assert record.metrics["when"]["rmse"] > 1e6  # seconds
    three = records["three"]
    assert three.answer.trained_tasks == ("retrieval", "stars", "levels")
    for epoch in three.curve:
        assert set(epoch) == {"epoch", "retrieval_loss", "stars_loss", "levels_loss"}
    assert {row.name for row in three.metric_info["levels"]} == {"rmse", "mae"}


def test_only_what_is_trained_changes(make_suite):
    suite = make_suite(*THREE, "train.epochs=1")
    data = suite.dataset.load()
    train = data.interactions.take(suite.split.build(data, 0).train)
    tf.keras.utils.set_random_seed(3)
    fresh = MultiTaskModel(suite.setup("same"), data)
    model = Trainer(suite.setup("same"), data).train(3, train).model
    owners = [
        {v.ref() for v in variables_of(state_of(head)) if v.trainable}
        for head in model.heads.values()
    ]
    assert sum(map(len, owners)) == len(set().union(*owners))
    for name, head in model.heads.items():
        pairs = zip(state_variables(fresh.heads[name]), state_variables(head), strict=True)
        changed = [not np.array_equal(a, b) for a, b in pairs]
        expected = name in ("stars", "ranking")
        assert all(changed) if expected else not any(changed), name


def state_variables(head):
    return [v for v in variables_of(state_of(head)) if v.trainable and "thresholds" not in v.name]
