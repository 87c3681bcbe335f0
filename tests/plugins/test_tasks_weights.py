"""Weights of rows: one of weight 2 is a row twice, one of 0 is none, in every task's loss."""

import math

import numpy as np
import pytest
import tensorflow as tf
from batches import make_batch, random_batch, value_and_gradients
from made import interactions

import mtbench
from mtbench.metrics import mae, rmse
from mtbench.plugin.view import ScoredPart
from mtbench_plugins.tasks.click import Click
from mtbench_plugins.tasks.listwise import Listwise
from mtbench_plugins.tasks.ranking import Ranking
from mtbench_plugins.tasks.retrieval import Retrieval

QUERY, CANDIDATE = [0, 0, 1, 1, 2, 0], [0, 1, 2, 3, 0, 2]
RATING = [5.0, 2.0, 4.0, 1.0, math.nan, 3.0]
WEIGHTS = [2.0, 1.0, 3.0, 1.0, 2.0, 0.0]
DOT = {"interaction": "dot", "weight": "w"}
EXACT = [
    *(Ranking(reduction=r, l2=0.1, **DOT) for r in ("mean", "sum")),
    Ranking(loss="ordinal", **DOT),
    Click(threshold=3.0, l2=0.1, **DOT),
    *(Listwise(loss=loss, l2=0.1, **DOT) for loss in ("listnet", "softmax")),
    Retrieval(loss="full_softmax", l2=0.1, weight="w"),
    Retrieval(loss="full_softmax", positive_threshold=2.0, reduction="sum", weight="w"),
]
IN_BATCH = [Retrieval(weight="w"), Retrieval(weight="w", loss="binary_crossentropy")]


def batch_of(tables, rows, weights):
    columns = {
        name: np.array(c)[rows] for name, c in (("q", QUERY), ("c", CANDIDATE), ("y", RATING))
    }
    more = {
        "user_rating": tf.constant(columns["y"], tf.float32),
        "w": tf.constant(weights, tf.float32),
    }
    return make_batch(tables, columns["q"], columns["c"], **more)


@pytest.mark.parametrize("task", EXACT, ids=lambda task: f"{task.name}-{task.reduction}")
def test_a_weight_is_a_number_of_rows(task):
    """Loss and gradients are those of the rows, each as often as its weight says."""
    tables, _ = random_batch(num_queries=3, num_candidates=4)
    repeats = np.repeat(np.arange(6), np.array(WEIGHTS, int))
    found, expected = (
        value_and_gradients(task.build(3, 4), tables, lambda r=rows, w=w: batch_of(tables, r, w))
        for rows, w in ((np.arange(6), WEIGHTS), (repeats, np.ones(len(repeats))))
    )
    assert found[0] == pytest.approx(expected[0], rel=1e-5)
    assert found[0] > 0
    for a, b in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    alike = value_and_gradients(
        task.build(3, 4), tables, lambda: batch_of(tables, np.arange(6), np.ones(6))
    )
    assert alike[0] != pytest.approx(found[0], rel=1e-3)


@pytest.mark.parametrize("task", [*EXACT, *IN_BATCH], ids=lambda task: f"{task.name}-{task.loss}"
                         if hasattr(task, "loss") else task.name)  # fmt: skip
def test_a_row_of_weight_0_is_not_there(task):
    """Not even as a negative of others, nor in the number of rows that an epoch's mean is of."""
    tables, _ = random_batch(num_queries=3, num_candidates=4)
    head, some = task.build(3, 4), np.array([0, 1, 2, 3])
    given = [batch_of(tables, np.arange(6), [1, 1, 1, 1, 0, 0]), batch_of(tables, some, np.ones(4))]
    losses = [float(head.loss(batch)) for batch in given]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert int(head.counted(given[0])) == int(head.counted(given[1]))
    nothing = batch_of(tables, np.arange(6), np.zeros(6))
    assert float(head.loss(nothing)) == 0.0
    assert int(head.counted(nothing)) == 0


def test_pairs_of_a_row_have_its_weight():
    """Of embeddings that are all 0 each pair costs ln 2: the row, and its three negatives."""
    tables = [tf.zeros([3, 2]), tf.zeros([50, 2])]
    train = interactions([0, 1, 2], [0, 1, 2], 3, 50, w=[1.0, 1.0, 1.0])
    weights = tf.constant([2.0, 0.0, 5.0])
    batch = make_batch(tables, [0, 1, 2], [0, 1, 2], w=weights)
    click = Click(reduction="sum", negatives_per_positive=3, **DOT).build(3, 50)
    bpr = Retrieval(loss="bpr", reduction="sum", num_negatives=3, weight="w").build(3, 50)
    for head, pairs in ((click, 4), (bpr, 3)):
        head.adapt(train)
        assert float(head.loss(batch)) == pytest.approx(7 * pairs * math.log(2), rel=1e-5)
        assert int(head.counted(batch)) == 2


def test_without_weights_nothing_is_counted_anew():
    _, batch = random_batch()
    assert Ranking(units=()).build(3, 4).counted(batch) is None
    assert Click().build(3, 4).counted(batch) is None
    assert Retrieval().build(3, 4).counted(batch) is None


@pytest.mark.parametrize(
    ("weights", "what"),
    [
        ([1.0, -1.0, -2.0], r"expected finite weights of 0 or more, found -1 \(2 of 3 rows\)"),
        ([1.0, math.nan, 1.0], r"expected finite weights of 0 or more, found nan \(1 of 3 rows\)"),
        ([1.0, math.inf, 1.0], "found inf"),
        ([0.0, 0.0, 0.0], "expected a weight above 0, found none"),
    ],
)
def test_what_is_no_weight_is_refused(weights, what):
    train = interactions([0, 1, 2], [0, 1, 2], 3, 4, user_rating=[1.0, 2.0, 3.0], w=weights)
    for task in (Ranking(**DOT), Ranking(metric_weight="w"), Click(**DOT), Listwise(**DOT)):
        with pytest.raises(mtbench.DataError, match=f"column 'w': {what}|{what}"):
            task.build(3, 4).adapt(train)
    with pytest.raises(mtbench.DataError, match=what):
        Retrieval(weight="w").build(3, 4).adapt(train)


def test_weights_are_read_but_no_label():
    """A share of labels, or labels that are shuffled, leave weights where they are."""
    for task in (Ranking(**DOT), Listwise(**DOT), Click(threshold=3.0, **DOT)):
        assert set(task.needs()) == {"user_rating", "w"}
        assert task.learns_from() == ("user_rating",)
    assert Click(weight="w").learns_from() == Retrieval(weight="w").learns_from() == ()
    assert Click(weight="w").needs() == Retrieval(weight="w").needs() == ("w",)
    assert "weight" not in Ranking(**DOT).scored_options()  # weighted and not compare


def test_weighted_metrics_have_names_of_their_own():
    task = Ranking(metric_weight="w")
    labels, weights = [1.0, 3.0, 5.0, math.nan], [1.0, 0.0, 3.0, 9.0]
    test = interactions([0, 1, 1, 2], [0, 1, 2, 3], 3, 4, user_rating=labels, w=weights)
    part = ScoredPart(test, test)
    found = task.score(np.array([2.0, 7.0, 3.0, 0.0]), part)
    assert found["rmse_weighted"] == pytest.approx(math.sqrt((1 * 1 + 3 * 4) / 4))
    assert found["mae_weighted"] == pytest.approx((1 + 6) / 4)
    assert found["rmse"] == pytest.approx(math.sqrt((1 + 16 + 4) / 3))
    assert set(part.by_query) == {"rmse", "mae"}
    assert [metric.name for metric in task.metrics()] == list(found)
    assert {"rmse_weighted", "mae_weighted"} <= set(task.floors(test, test, test)["global mean"])
    assert task.scored_options()["metric_weight"] == "w"


def test_weighted_errors_of_equal_weights_are_the_plain_ones():
    rng = np.random.default_rng(0)
    labels, predictions = rng.random((2, 50))
    weights = np.full(50, 0.3, np.float32)
    assert rmse(labels, predictions, weights) == pytest.approx(rmse(labels, predictions), rel=1e-12)
    assert mae(labels, predictions, weights) == pytest.approx(mae(labels, predictions), rel=1e-12)
