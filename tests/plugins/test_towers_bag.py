"""Bags of histories: exact sums, dropout, a map for each task."""

import numpy as np
import pytest
import tensorflow as tf
from made import interactions

import mtbench
from mtbench.kit.draws import Draws
from mtbench.train.trainer import Trainer
from mtbench_plugins.towers.bag import Bag

FEATURES = mtbench.Features("user_id", {"user_id": 4}, num_other=3)
TRAIN = interactions(
    [0, 2, 0, 2, 2, 0, 0],  # nothing of 1 and 3
    [1, 0, 2, 2, 1, 0, 1],
    num_queries=4,
    num_candidates=3,
    timestamp=range(7),
)
TABLE = np.array([[1.0, 0], [0, 1], [2, 2]], np.float32)
OWN = np.array([[10.0, 0], [20, 0], [30, 0], [40, 0]], np.float32)
BAGS = np.array([[3.0, 4], [0, 0], [3, 3], [0, 0]], np.float32)
SIZES = np.array([4.0, 1, 3, 1])


def made(tasks=("ranking",), **options):
    tower = Bag(embedding_dim=2, **options).build(FEATURES, tasks)
    tower({"user_id": tf.constant([0])})
    tower.table.set_weights([TABLE])
    if tower.query_table:
        tower.query_table.set_weights([OWN])
    tower.adapt(TRAIN)
    return tower


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_sums_by_hand(exponent):
    expected = BAGS * SIZES[:, None] ** -exponent
    found = made(exponent=exponent, with_id=False)({"user_id": tf.constant([2, 0, 3, 1])})
    np.testing.assert_allclose(found, expected[[2, 0, 3, 1]], rtol=1e-6)
    with_id = made(exponent=exponent)({"user_id": tf.constant([3, 2])})
    np.testing.assert_allclose(with_id, (expected + OWN)[[3, 2]], rtol=1e-6)


@pytest.mark.parametrize("tasks", [(), ("one", "two")])
def test_rows_of_one_query_are_alike_and_in_their_places(tasks):
    order = [2, 0, 2, 3, 0, 0, 1]
    tower = made(tasks, by_task=bool(tasks), dropout=0.5)
    ids = {"user_id": tf.constant(order)}
    for found in tf.nest.flatten(tower(ids)):
        expected = BAGS * SIZES[:, None] ** -0.5 + OWN
        np.testing.assert_allclose(found, expected[order], rtol=1e-6)
    for found in tf.nest.flatten(tower(ids, training=True)):  # what is left out, too
        np.testing.assert_array_equal(found, np.asarray(found)[[0, 1, 0, 3, 1, 1, 6]])


def test_another_training_part_replaces_the_first():
    tower = made(with_id=False)
    tower.adapt(TRAIN.take(np.array([0])))
    ids = {"user_id": tf.range(4)}
    np.testing.assert_allclose(tower(ids), [[0, 1], [0, 0], [0, 0], [0, 0]])


def test_a_map_for_each_task_is_the_identity_at_first():
    tower = made(("one", "two"), by_task=True)
    ids = {"user_id": tf.range(4)}
    first = tower(ids)
    assert set(first) == {"one", "two"}
    np.testing.assert_array_equal(first["one"], first["two"])
    tower.maps["two"].set_weights([np.array([[0.0, 1], [2, 0]])])
    after = tower(ids)
    np.testing.assert_array_equal(after["one"], first["one"])
    np.testing.assert_allclose(after["two"][:, 1], first["one"][:, 0])


@pytest.mark.thorough
def test_dropout_leaves_candidates_out_and_keeps_the_mean():
    tower = made(with_id=False, exponent=0.0, dropout=0.75)
    ids = {"user_id": tf.constant([0])}
    np.testing.assert_allclose(tower(ids), BAGS[:1])  # not in evaluation
    draw = tf.function(lambda: tower(ids, training=True)[0])
    draws = np.array([draw() for _ in range(2000)])
    # candidate 2 has both numbers, so a draw without it and 0 has an even first one: 0
    parts = {1: TABLE[1], 2: TABLE[2], 0: TABLE[0]}
    for row in np.unique(draws, axis=0):
        assert any(
            np.allclose(row, 4 * (a * parts[1] + b * parts[2] + c * parts[0]))
            for a in range(3)
            for b in range(2)
            for c in range(2)
        )
    error = 4 * np.sqrt(0.25 * 0.75 * 9 / 2000)  # five rows of at most 2 each, 1σ below this
    np.testing.assert_allclose(draws.mean(0), BAGS[0], atol=5 * error)


def test_without_a_number_of_candidates_it_is_refused():
    with pytest.raises(mtbench.MtbenchError, match="num_other"):
        Bag().build(mtbench.Features("user_id", {"user_id": 4}), ("ranking",))


def test_draws_follow_the_seed_and_go_on():
    def three(seed):
        tf.keras.utils.set_random_seed(seed)
        draws = Draws()
        return np.array([draws.uniform([5]) for _ in range(3)])

    np.testing.assert_array_equal(three(1), three(1))
    assert len(np.unique(np.concatenate([three(1), three(2)]))) == 30


@pytest.mark.thorough
def test_a_further_seed_goes_on_with_the_graph(make_suite, tiny_data):
    """Dropout whose state is in variables serves the next seed, with the bits of a fresh start."""
    suite = make_suite(
        "towers.query={name: bag, embedding_dim: 4, dropout: 0.5, by_task: true}",
        "tasks.retrieval.sampling_correction=true",
    )
    rows = suite.split.build(tiny_data, 0)
    train = tiny_data.interactions.take(rows.train)
    trainer = Trainer(suite.setup("joint"), tiny_data)
    first, second = trainer.train(0, train), trainer.train(1, train)
    assert second.model is first.model
    fresh = Trainer(suite.setup("joint"), tiny_data).train(1, train)
    assert second.curve == fresh.curve
    for one, other in zip(second.model.seed_variables, fresh.model.seed_variables, strict=True):
        np.testing.assert_array_equal(one, other)
