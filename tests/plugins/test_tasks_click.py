"""Click: sigmoid cross-entropy by hand, the same negatives for every model, floors, metrics."""

import numpy as np
import pytest
import tensorflow as tf
from batches import make_batch, random_batch, value_and_gradients
from made import interactions, of_ratings
from scipy.optimize import minimize

from mtbench.errors import SuiteError
from mtbench.metrics.floors import bias_logits
from mtbench.train.evaluate import evaluate
from mtbench.train.trainer import Trainer
from mtbench_plugins.tasks.click import Click


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_high_ratings_by_hand():
    """A logit of ln 3 + 0 for a rating of 4 and of 3: −ln ¾ and −ln ¼; by it ¾ − 1 and ¾."""
    tables = [tf.Variable([[1.0], [2.0]]), tf.Variable([[np.float32(np.log(3))]])]
    head = Click(threshold=4, interaction="dot", biases=True, l2=0.1).build(2, 1)
    head.score.state[0].assign([0.0, -np.log(3)])
    rating = tf.constant([4.0, 3.0, np.nan])

    def batch_of():
        return make_batch(tables, [0, 1, 1], [0, 0, 0], user_rating=rating)

    loss, (p, q, b_u, b_i) = value_and_gradients(head, tables, batch_of)
    norms = 1 + 4 + 2 * np.log(3) ** 2 + np.log(3) ** 2
    assert loss == pytest.approx((-np.log(0.75) - np.log(0.25) + 0.1 * norms) / 2)
    log3 = np.log(3)
    np.testing.assert_allclose(
        p[:, 0], [(-0.25 * log3 + 0.2) / 2, (0.75 * log3 + 0.4) / 2], rtol=1e-5
    )
    np.testing.assert_allclose(q, [[(-0.25 + 0.75 * 2 + 0.4 * log3) / 2]], rtol=1e-5)
    np.testing.assert_allclose(b_u, [-0.125, (0.75 - 0.2 * log3) / 2], rtol=1e-5)
    np.testing.assert_allclose(b_i, [0.25], rtol=1e-5)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_sampled_negatives_by_hand(reduction):
    """Query 0 has seen the first of two candidates, query 1 both: it has no negative."""
    train = of_ratings([(0, 0, 5), (1, 0, 5), (1, 1, 2)], 2, 2)
    tables = [tf.Variable([[1.0], [3.0]]), tf.Variable([[2.0], [-1.0]])]
    tf.keras.utils.set_random_seed(0)
    task = Click(interaction="dot", negatives_per_positive=2, reduction=reduction)
    head = task.build(2, 2)
    head.adapt(train)
    with tf.GradientTape() as tape:
        loss = head.loss(make_batch(tables, [0, 1], [0, 0]))
    p, q = (tf.convert_to_tensor(g).numpy()[:, 0] for g in tape.gradient(loss, tables))
    # logits 2 and 6 of positives, −1 of each of the two negatives of query 0
    losses = [-np.log(sigmoid(2)), -np.log(sigmoid(6)), -2 * np.log(sigmoid(1))]
    pairs = 4 if reduction == "mean" else 1
    assert float(loss) == pytest.approx(sum(losses) / pairs, rel=1e-5)
    slopes = np.array([sigmoid(2) - 1, sigmoid(6) - 1, 2 * sigmoid(-1)]) / pairs
    np.testing.assert_allclose(p, [2 * slopes[0] - slopes[2], 2 * slopes[1]], rtol=1e-4)
    np.testing.assert_allclose(q, [slopes[0] + 3 * slopes[1], slopes[2]], rtol=1e-4)


@pytest.mark.parametrize("interaction", ["mlp", "dot"])
@pytest.mark.parametrize("grouped", [True, False])
def test_rows_without_a_label_change_nothing(interaction, grouped):
    tf.keras.utils.set_random_seed(0)
    head = Click(threshold=3, interaction=interaction, units=(3,), biases=True, l2=0.1).build(3, 4)
    tables, batch = random_batch(6)
    rating = np.array([4, np.nan, 2, np.nan, 3, 1], np.float32)
    query, candidate = (batch.columns[name].numpy() for name in ("query", "candidate"))

    def batch_of(rows, rating=rating):
        label = tf.constant(rating[rows])
        columns = query[rows], candidate[rows]
        return lambda: make_batch(tables, *columns, grouped=grouped, user_rating=label)

    found = value_and_gradients(head, tables, batch_of(np.arange(6)))
    expected = value_and_gradients(head, tables, batch_of(np.array([0, 2, 4, 5])))
    assert found[0] == pytest.approx(expected[0], rel=1e-6)
    for one, other in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    missing = value_and_gradients(head, tables, batch_of(np.arange(6), np.full(6, np.nan)))
    assert missing[0] == 0.0
    assert all(not gradient.any() for gradient in missing[1])


def test_offsets():
    """Logit of (2 + 1) / (4 + 2) for four labels, two of them high; of 1/5 for four negatives."""
    train = of_ratings([(0, 0, 5), (0, 1, 4), (1, 0, 1), (1, 1, 2), (2, 2, np.nan)])
    head = Click(threshold=4, biases=True).build(3, 4)
    head.adapt(train)
    assert float(head.score.offset) == pytest.approx(0.0)
    head = Click(biases=True).build(3, 4)
    head.adapt(train)
    assert float(head.score.offset) == pytest.approx(-np.log(4))


def random_parts(seed=0, num_queries=20, num_candidates=30):
    rng = np.random.default_rng(seed)
    pairs = rng.permutation(num_queries * num_candidates)[:200]
    rating = rng.integers(1, 6, 200)
    whole = interactions(pairs // 30, pairs % 30, num_queries, num_candidates, user_rating=rating)
    return [whole.take(rows) for rows in np.split(np.arange(200), [120, 150])]


def test_the_pairs_to_score():
    """Each row, and four times a candidate that its query has nowhere; always the same."""
    train, validation, test = random_parts()
    known = train.take(np.arange(len(train)))
    columns = {n: np.append(c, validation.columns[n]) for n, c in train.columns.items()}
    known = interactions(num_queries=20, num_candidates=30, **columns)
    pairs = Click().pairs(train, test, known)
    assert pairs.positive.sum() == len(test)
    assert len(pairs.query) == 5 * len(test)
    negative = ~pairs.positive
    taken = {*zip(known.query, known.candidate, strict=True)}
    taken |= {*zip(test.query, test.candidate, strict=True)}
    drawn = [*zip(pairs.query[negative], pairs.candidate[negative], strict=True)]
    assert not taken & {*drawn}
    assert len(set(pairs.candidate[negative])) == 30
    np.testing.assert_array_equal(
        np.bincount(pairs.query[negative], minlength=20),
        4 * np.bincount(test.query, minlength=20),
    )
    again = Click(units=(3,)).pairs(train, test.take(np.argsort(test.query, kind="stable")), known)
    for name in ("query", "candidate", "positive"):
        np.testing.assert_array_equal(getattr(pairs, name), getattr(again, name))
    other = Click(negatives="popularity", popularity_exponent=3.0).pairs(train, test, known)
    counts = np.bincount(train.candidate, minlength=30)
    assert np.mean(counts[other.candidate[~other.positive]]) > np.mean(counts[pairs.candidate]) + 1


def test_a_query_that_has_everything_has_no_negative():
    train = of_ratings([(0, 0, 1), (0, 1, 1), (0, 2, 1), (1, 0, 1)])
    test = of_ratings([(0, 3, 1), (1, 1, 1)])
    pairs = Click(negatives_per_positive=3).pairs(train, test, train)
    assert pairs.query.tolist() == [0, 1, 1, 1, 1]
    assert pairs.positive.tolist() == [True, True, False, False, False]


@pytest.mark.thorough
@pytest.mark.parametrize("threshold", ["null", "4"])
def test_metrics_of_a_model(make_suite, threshold):
    """By the head's own logits of the pairs, and plain definitions."""
    suite = make_suite(
        f"tasks.click={{threshold: {threshold}, units: [4], biases: true}}",
        "scenarios.click={tasks: [click]}",
        "dataset.missing_label=0.2",
        "train.epochs=1",
    )
    data = suite.dataset.load()
    parts = suite.split.build(data, 0)
    train, test = (data.interactions.take(rows) for rows in (parts.train, parts.test))
    model = Trainer(suite.setup("click"), data).train(0, train).model
    scores = evaluate(model, train, test)
    pairs = suite.tasks["click"].pairs(train, test, train)
    columns = {"query": pairs.query, "candidate": pairs.candidate.astype(np.int32)}
    batch = model.batches({n: tf.constant(c) for n, c in columns.items()}, ["click"])["click"]
    score = model.heads["click"].score(batch.query, batch.candidate).numpy().astype(np.float64)
    losses = np.where(pairs.positive, -np.log(sigmoid(score)), -np.log(sigmoid(-score)))
    wins = score[pairs.positive][:, None] - score[~pairs.positive]
    found = scores.metrics["click"]
    assert found["log_loss"] == pytest.approx(losses.mean(), rel=1e-5)
    assert found["auc"] == pytest.approx(np.mean((wins > 0) + 0.5 * (wins == 0)), abs=1e-3)
    for user in range(test.num_queries):
        mine = losses[pairs.query == user]
        value = scores.by_query["click/log_loss"][user]
        assert value == pytest.approx(mine.mean(), rel=1e-4) if len(mine) else np.isnan(value)
    labels = test.columns["user_rating"]
    if threshold == "4":
        known = ~np.isnan(labels)
        assert pairs.positive.tolist() == (labels[known] >= 4).tolist()
    names = [metric.name for metric in suite.tasks["click"].metrics()]
    assert [name for name in names if name in found] == list(found)
    for floor in suite.tasks["click"].floors(train, test, train).values():
        assert list(floor) == list(found)


def test_floors_of_sampled_negatives():
    """A constant of 1/5 has the entropy of it; popularity is better where there is any."""
    rng = np.random.default_rng(0)
    pairs = np.unique(rng.integers(60, size=900) * 40 + np.minimum(rng.geometric(0.1, 900), 40) - 1)
    rows = rng.permutation(pairs)
    whole = interactions(rows // 40, rows % 40, 60, 40)
    train, test = whole.take(np.arange(300)), whole.take(np.arange(300, len(rows)))
    found = Click().floors(train, test, train)
    assert found["constant rate"]["auc"] == 0.5
    assert found["constant rate"]["gauc"] == 0.5
    entropy = -0.2 * np.log(0.2) - 0.8 * np.log(0.8)
    assert found["constant rate"]["log_loss"] == pytest.approx(entropy)
    assert found["constant rate"]["calibration_error"] == pytest.approx(0)
    assert found["popularity"]["auc"] > 0.7
    assert found["popularity"]["log_loss"] < entropy - 0.05


def test_popularity_logits_by_hand():
    """Counts 3, 1, 0, 0 and one more each: 4, 2, 1, 1 of 8, against draws of ¼ and four for one."""
    train = of_ratings([(0, 0, 1), (1, 0, 1), (2, 0, 1), (0, 1, 1)])
    found = Click().popularity_logits(train)
    np.testing.assert_allclose(np.exp(found), np.array([4, 2, 1, 1]) / 8 / (4 * 0.25))
    by_popularity = Click(negatives="popularity", negatives_per_positive=2)
    np.testing.assert_allclose(np.exp(by_popularity.popularity_logits(train)), [0.5] * 4)


def test_bias_logits_minimise_their_penalised_loss():
    train, *_ = random_parts(1)
    positive = train.columns["user_rating"] >= 4
    rate = (positive.sum() + 1) / (len(positive) + 2)
    variance, offset = rate * (1 - rate), np.log(rate / (1 - rate))

    def loss(biases):
        user, item = biases[:20], biases[20:]
        logits = offset + user[train.query] + item[train.candidate]
        losses = np.logaddexp(0, np.where(positive, -logits, logits))
        return losses.sum() + variance * (7.5 * np.sum(user**2) + 5 * np.sum(item**2))

    best = minimize(loss, np.zeros(50), tol=1e-9).x
    every = np.arange(600)
    found = bias_logits(train, positive, every // 30, every % 30)
    expected = offset + best[:20, None] + best[20:]
    np.testing.assert_allclose(found.reshape(20, 30), expected, atol=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 4, "negatives_per_positive": 2}, "negatives_per_positive without threshold"),
        ({"threshold": 4, "negatives": "popularity"}, "negatives without threshold, found both"),
        ({"popularity_exponent": 0.5}, "popularity_exponent with negatives popularity"),
    ],
)
def test_options_that_do_not_go_together(make_suite, options, message):
    overrides = [f"tasks.click.{key}={value}" for key, value in options.items()]
    with pytest.raises(SuiteError, match=message):
        make_suite(*overrides)
