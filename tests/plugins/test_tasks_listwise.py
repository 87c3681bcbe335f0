"""Listwise ranking: losses of lists by hand, and nDCG of graded labels, exactly."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from batches import make_batch, random_batch, value_and_gradients
from hypothesis import given, settings
from hypothesis import strategies as st
from made import of_ratings

from mtbench.errors import DataError
from mtbench.kit.softmax import segment_log_softmax
from mtbench.train.evaluate import evaluate
from mtbench.train.trainer import Trainer
from mtbench_plugins.tasks.listwise import Listwise, ndcg_by_query

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "task_peers.json").read_text())


def head_of(**options):
    tf.keras.utils.set_random_seed(0)
    return Listwise(units=(3,), **options).build(3, 4)


@pytest.mark.parametrize("grouped", [True, False])
def test_listnet_by_hand(grouped):
    """Labels ln 3 and 0, P_y = ¾, ¼; scores 0 and ln 2, P_s = ⅓, ⅔. Its slopes are P_s − P_y."""
    tables = [tf.Variable([[1.0]]), tf.Variable([[0.0], [np.float32(np.log(2))]])]
    label = tf.constant([np.log(3), 0.0], tf.float32)

    def batch_of():
        return make_batch(tables, [0, 0], [0, 1], grouped=grouped, user_rating=label)

    head = Listwise(interaction="dot", candidate_bias=True).build(1, 2)
    loss, (p, q, bias) = value_and_gradients(head, tables, batch_of)
    assert loss == pytest.approx(-0.75 * np.log(1 / 3) - 0.25 * np.log(2 / 3))
    slopes = np.array([1 / 3 - 3 / 4, 2 / 3 - 1 / 4])
    np.testing.assert_allclose(q[:, 0], slopes, rtol=1e-5)
    np.testing.assert_allclose(bias, slopes, rtol=1e-5)
    np.testing.assert_allclose(p, [[slopes[1] * np.log(2)]], rtol=1e-5)


def test_gains_by_hand():
    """Labels 2, 1 and 0 have gains 3, 1 and 0: with equal scores the slopes are ⅓ − ¾, …"""
    tables = [tf.Variable([[1.0]]), tf.Variable([[0.5], [0.5], [0.5]])]
    label = tf.constant([2.0, 1.0, 0.0])
    head = Listwise(interaction="dot", loss="softmax", l2=0.1).build(1, 3)
    loss, (_, q) = value_and_gradients(
        head, tables, lambda: make_batch(tables, [0, 0, 0], [0, 1, 2], user_rating=label)
    )
    assert loss == pytest.approx(np.log(3) + 0.1 * 1.25)
    expected = np.array([1 / 3 - 3 / 4, 1 / 3 - 1 / 4, 1 / 3]) + 0.2 * 0.5 / 3
    np.testing.assert_allclose(q[:, 0], expected, rtol=1e-5)


@pytest.mark.parametrize("loss", ["listnet", "softmax"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_each_list_counts_alike_but_those_of_one_row(loss, reduction):
    head = head_of(loss=loss, reduction=reduction)
    tables, _ = random_batch()
    rows = [(0, 0, 4), (0, 1, 2), (1, 3, 5), (2, 0, 1), (2, 2, 3), (2, 3, 5)]

    def batch_of(rows):
        query, candidate, rating = map(list, zip(*rows, strict=True))
        return lambda: make_batch(
            tables, query, candidate, user_rating=tf.constant(rating, tf.float32)
        )

    found = value_and_gradients(head, tables, batch_of(rows))
    lists = [value_and_gradients(head, tables, batch_of(part)) for part in (rows[:2], rows[3:])]
    scale = 0.5 if reduction == "mean" else 1.0
    assert found[0] == pytest.approx(scale * (lists[0][0] + lists[1][0]), rel=1e-5)
    for all_, first, second in zip(found[1], *(gradients for _, gradients in lists), strict=True):
        np.testing.assert_allclose(all_, scale * (first + second), rtol=1e-4, atol=1e-6)
    single = value_and_gradients(head, tables, batch_of(rows[2:3]))
    assert single[0] == 0.0
    assert all(not gradient.any() for gradient in single[1])


@pytest.mark.parametrize("loss", ["listnet", "softmax"])
@pytest.mark.parametrize("grouped", [True, False])
def test_rows_without_a_label_change_nothing(loss, grouped):
    head = head_of(loss=loss, candidate_bias=True, l2=0.1)
    tables, batch = random_batch(15)
    rating = batch.columns["user_rating"].numpy()
    rating[[0, 1, 4, 5]] = np.nan
    query, candidate = (batch.columns[name].numpy() for name in ("query", "candidate"))

    def batch_of(rows, rating=rating):
        label = tf.constant(rating[rows])
        columns = query[rows], candidate[rows]
        return lambda: make_batch(tables, *columns, grouped=grouped, user_rating=label)

    found = value_and_gradients(head, tables, batch_of(np.arange(15)))
    known = np.flatnonzero(~np.isnan(rating))
    for rows in (known, np.random.default_rng(0).permutation(known)):
        expected = value_and_gradients(head, tables, batch_of(rows))
        assert found[0] == pytest.approx(expected[0], rel=1e-5)
        for one, other in zip(found[1], expected[1], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    missing = value_and_gradients(head, tables, batch_of(np.arange(15), np.full(15, np.nan)))
    assert missing[0] == 0.0
    assert all(not gradient.any() for gradient in missing[1])


def test_a_list_without_gains_does_not_count():
    head = head_of(loss="softmax", interaction="dot")
    tables, _ = random_batch()
    rating = tf.constant([0.0, 0.0, 1.0, 0.0])
    found = float(head.loss(make_batch(tables, [0, 0, 1, 1], [0, 1, 0, 1], user_rating=rating)))
    alone = float(head.loss(make_batch(tables, [1, 1], [0, 1], user_rating=rating[2:])))
    assert found == pytest.approx(alone)


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.integers(1, 20), st.sampled_from([1.0, 100.0]))
def test_log_softmax_by_list(seed, size, scale):
    rng = np.random.default_rng(seed)
    scores = (scale * rng.normal(size=size)).astype(np.float32)
    lists, weights = rng.integers(0, 4, size), rng.integers(0, 2, size).astype(np.float32)
    found = segment_log_softmax(*map(tf.constant, (scores, weights, lists)), 4).numpy()
    assert np.isfinite(found).all()
    for one in range(4):
        mine = (lists == one) & (weights > 0)
        if mine.any():
            expected = tf.nn.log_softmax(scores[mine])
            np.testing.assert_allclose(found[mine], expected, rtol=1e-4, atol=1e-4)


def test_ndcg_by_hand():
    """Labels 1, 3 and 2 in this order: gains 1, 7 and 3."""
    labels, query = np.array([1.0, 3.0, 2.0]), np.zeros(3, np.int64)
    discount = 1 / np.log2([2, 3, 4])
    found = ndcg_by_query(labels, np.array([3.0, 2.0, 1.0]), query, 2, 2)
    assert found[0] == pytest.approx((discount[:2] @ [1, 7]) / (discount[:2] @ [7, 3]))
    assert np.isnan(found[1])
    whole = ndcg_by_query(labels, np.array([3.0, 2.0, 1.0]), query, 1, 9)
    assert whole[0] == pytest.approx((discount @ [1, 7, 3]) / (discount @ [7, 3, 1]))
    assert ndcg_by_query(labels, labels, query, 1, 9)[0] == 1.0
    with pytest.raises(FloatingPointError, match="nan"):
        ndcg_by_query(labels, np.array([1.0, np.nan, 0.0]), query, 1, 9)


def test_ndcg_of_one_label_says_nothing():
    labels = np.array([3.0, 3.0, 4.0, 2.0, 0.0, 0.0])
    found = ndcg_by_query(labels, np.arange(6.0), np.array([0, 0, 1, 2, 3, 3]), 4, 5)
    assert np.isnan(found).all()


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 6))
def test_ndcg_is_the_mean_over_all_orders_of_ties(seed, k):
    rng = np.random.default_rng(seed)
    labels, scores = rng.integers(0, 4, 5).astype(float), rng.integers(0, 3, 5)
    if len(set(labels)) == 1:
        return
    gains = 2**labels - 1

    def dcg(order):
        return sum(gains[row] / np.log2(2 + place) for place, row in enumerate(order[:k]))

    orders = [o for o in itertools.permutations(range(5)) if (np.diff(scores[[*o]]) <= 0).all()]
    best = max(dcg(order) for order in itertools.permutations(range(5)))
    expected = np.mean([dcg(order) for order in orders]) / best
    other = rng.permutation(5)  # rows of another query between them
    query = np.concatenate([np.full(5, 1), np.zeros(5, np.int64)])[np.append(other, other + 5)]
    found = ndcg_by_query(
        np.concatenate([labels, labels])[np.append(other, other + 5)],
        np.concatenate([scores, -scores])[np.append(other, other + 5)],
        query,
        2,
        k,
    )
    assert found[1] == pytest.approx(expected)


@pytest.mark.parametrize("k", GOLDEN["ndcg"])
def test_ndcg_is_that_of_scikit_learn(k):
    columns = (np.array(GOLDEN[name]) for name in ("labels", "scores", "query"))
    found = ndcg_by_query(*columns, len(GOLDEN["ndcg"][k]), int(k))
    np.testing.assert_allclose(found, GOLDEN["ndcg"][k], rtol=1e-12)


def test_floors():
    """Counts 2, 1, 1, 0; item means above the overall one: (5 + 4 − 7)/12, (1 − 3½)/11, ½/11."""
    train = of_ratings([(0, 0, 5), (1, 0, 4), (2, 1, 1), (2, 2, 4), (0, 3, np.nan)])
    test = of_ratings([(0, 1, 1), (0, 2, 3), (0, 0, np.nan), (1, 3, 2), (1, 1, 1), (2, 0, 5)])
    task = Listwise(top_k=(1, 2))
    found = task.floors(train, test, train)
    # user 0: gains 1 and 7, user 1: 3 and 1, user 2 has one row
    assert found["chance"]["ndcg_1"] == pytest.approx((4 / 7 + 2 / 3) / 2)
    # one and two are as popular; of three and one the wrong one is popular
    assert found["popularity"]["ndcg_1"] == pytest.approx((4 / 7 + 1 / 3) / 2)
    # item means are −½·…, so the unknown item 3 with 0 is above item 1, and 2 above 1
    assert found["item mean"] == {"ndcg_1": 1.0, "ndcg_2": 1.0}
    second = 1 / np.log2(3)
    expected = [(4 + 4 * second) / (7 + second), (2 + 2 * second) / (3 + second)]
    assert found["chance"]["ndcg_2"] == pytest.approx(np.mean(expected))
    assert task.floors(train, test.take(np.array([5])), train)["chance"] == {}


@pytest.mark.parametrize("label", [-1.0, 31.0])
def test_labels_that_are_no_grades(label):
    with pytest.raises(DataError, match="expected labels from 0 to 30, found"):
        Listwise().build(3, 4).adapt(of_ratings([(0, 0, 3), (0, 1, label)]))


def test_metrics_of_a_model(make_suite):
    suite = make_suite(
        "tasks.order={name: listwise, units: [4], top_k: [2, 5], candidate_bias: true}",
        "scenarios.order={tasks: [order]}",
        "dataset.missing_label=0.2",
        "train.epochs=1",
    )
    data = suite.dataset.load()
    parts = suite.split.build(data, 0)
    train, test = (data.interactions.take(rows) for rows in (parts.train, parts.test))
    model = Trainer(suite.setup("order"), data).train(0, train).model
    batch = model.batches({n: tf.constant(c) for n, c in test.columns.items()}, ["order"])["order"]
    score = model.heads["order"].score(batch.query, batch.candidate).numpy()
    labels = test.columns["user_rating"]
    found = evaluate(model, train, test)
    for k in (2, 5):
        values = []
        for user in range(test.num_queries):
            mine = np.flatnonzero((test.query == user) & ~np.isnan(labels))
            gains, discounts = 2.0 ** labels[mine] - 1, 1 / np.log2(2 + np.arange(len(mine)))
            discounts[k:] = 0
            if len(set(gains)) > 1:
                dcg = discounts @ gains[np.argsort(-score[mine])]
                values.append(dcg / (discounts @ np.sort(gains)[::-1]))
        assert found.metrics["order"][f"ndcg_{k}"] == pytest.approx(np.mean(values), rel=1e-6)
        assert np.nanmean(found.by_query[f"order/ndcg_{k}"]) == pytest.approx(np.mean(values))
