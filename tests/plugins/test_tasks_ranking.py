"""Ranking: matrix factorisation with biases by hand, ordinal levels, rows without a label."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from batches import make_batch, random_batch, value_and_gradients
from made import of_ratings, some

from mtbench.errors import DataError, SuiteError
from mtbench.train.evaluate import evaluate
from mtbench.train.trainer import Trainer
from mtbench_plugins.tasks.ranking import Ranking

LOSSES = ("mean_squared_error", "mean_absolute_error", "huber", "ordinal")
VARIANTS = list(itertools.product(LOSSES, ("mlp", "dot"), ("mean", "sum")))


def labelled(*labels):
    return of_ratings([(0, 0, label) for label in labels])


def head_of(**options):
    tf.keras.utils.set_random_seed(0)
    return Ranking(units=(3,), **options).build(3, 4)


def test_matrix_factorisation_by_hand():
    """p = (1, 2), q = (3, 1), μ = 3, b_u = ½, b_i = −¼: 8¼ for a label of 4, an error of 4¼."""
    tables = [tf.Variable([[1.0, 2.0]]), tf.Variable([[3.0, 1.0]])]
    head = Ranking(interaction="dot", biases=True, l2=0.1).build(1, 1)
    head.adapt(of_ratings([(0, 0, 2), (0, 0, 4)], 1, 1))
    query_bias, candidate_bias, offset = head.state
    assert float(offset) == 3.0
    query_bias.assign([0.5])
    candidate_bias.assign([-0.25])

    def batch_of():
        return make_batch(tables, [0], [0], user_rating=tf.constant([4.0]))

    loss, (p, q, b_u, b_i) = value_and_gradients(head, tables, batch_of)
    assert loss == pytest.approx(4.25**2 + 0.1 * (5 + 10 + 0.25 + 0.0625))
    np.testing.assert_allclose(p, [[8.5 * 3 + 0.2 * 1, 8.5 * 1 + 0.2 * 2]], rtol=1e-6)
    np.testing.assert_allclose(q, [[8.5 * 1 + 0.2 * 3, 8.5 * 2 + 0.2 * 1]], rtol=1e-6)
    np.testing.assert_allclose([*b_u, *b_i], [8.5 + 0.1, 8.5 - 0.05], rtol=1e-6)


@pytest.mark.parametrize(("loss", "interaction", "reduction"), VARIANTS)
@pytest.mark.parametrize("grouped", some([True, False], True))
def test_rows_without_a_label_change_nothing(loss, interaction, reduction, grouped):
    options = {"loss": loss, "interaction": interaction, "reduction": reduction}
    head = head_of(**options, biases=True, l2=0.1)
    tables, whole = random_batch(7, grouped=grouped)
    rating = whole.columns["user_rating"].numpy()
    known = np.array([True, False, True, True, False, True, False])
    query, candidate = (whole.columns[name].numpy() for name in ("query", "candidate"))

    def batch_of(rows, rating):
        columns = query[rows], candidate[rows]
        return lambda: make_batch(
            tables, *columns, grouped=grouped, user_rating=tf.constant(rating[rows], tf.float32)
        )

    every, missing = np.arange(7), np.where(known, rating, np.nan)
    found = value_and_gradients(head, tables, batch_of(every, missing))
    expected = value_and_gradients(head, tables, batch_of(np.flatnonzero(known), rating))
    assert found[0] == pytest.approx(expected[0], rel=1e-6)
    for one, other in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    loss, gradients = value_and_gradients(head, tables, batch_of(every, np.full(7, np.nan)))
    assert loss == 0.0
    assert all(not gradient.any() for gradient in gradients)


def test_the_ordinal_loss_is_that_of_its_distribution():
    head = head_of(loss="ordinal", biases=True)
    head.adapt(labelled(1, 2, 2, 5, 3, np.nan))
    _, batch = random_batch(6)
    score = head.score(batch.query, batch.candidate).numpy().astype(np.float64)
    # counts 1, 2, 1, 0, 1 and one more each: 2, 5, 7, 8 of 10 lie below
    below = np.log(np.array([2, 5, 7, 8]) / np.array([8, 5, 3, 2]))
    cumulative = 1 / (1 + np.exp(score[:, None] - below))
    share = np.diff(cumulative, axis=1, prepend=0, append=1)
    own = share[np.arange(6), batch.columns["user_rating"].numpy().astype(int) - 1]
    assert float(head.loss(batch)) == pytest.approx(np.mean(-np.log(own)), rel=1e-5)
    np.testing.assert_allclose(head.predict(batch), share @ np.arange(1, 6), rtol=1e-5)


def test_what_adapt_refuses():
    with pytest.raises(DataError, match=r"levels 1, 2, 3, 4, 5, found 4.5: set the task's option"):
        head_of(loss="ordinal").adapt(labelled(1, 4.5))
    head_of(loss="ordinal", levels=(1.0, 4.5)).adapt(labelled(1, 4.5))
    for options in ({"loss": "ordinal"}, {"biases": True}):
        with pytest.raises(DataError, match="a label in column 'user_rating', found none in 2 r"):
            head_of(**options).adapt(labelled(np.nan, np.nan))


def test_the_likelihood_is_that_of_the_loss():
    assert [Ranking(loss=loss).likelihood for loss in LOSSES] == [
        *["regression"] * 3,
        "classification",
    ]


@pytest.mark.parametrize("levels", ["[3]", "[1, 2, 2]", "[2, 1]"])
def test_levels_that_do_not_increase(make_suite, levels):
    with pytest.raises(SuiteError, match="levels: expected at least two levels that increase"):
        make_suite(f"tasks.ranking.levels={levels}")


def test_floors_skip_what_has_no_label():
    train = of_ratings([(0, 0, 5), (1, 1, np.nan), (2, 2, 1)])
    test = of_ratings([(0, 0, np.nan), (1, 1, 4), (2, 2, 2)])
    task, known = Ranking(), np.array([0, 2])
    expected = task.floors(train.take(known), test.take(np.array([1, 2])), train)
    assert task.floors(train, test, train) == expected
    assert expected["global mean"] == {"rmse": 1.0, "mae": 1.0}
    with pytest.raises(DataError, match="found none in 1 rows"):
        task.floors(train, test.take(np.array([0])), train)


def test_evaluation_skips_missing_labels_and_clips(make_suite):
    """Against the predictions of the head, put together here."""
    suite = make_suite(
        "dataset.missing_label=0.3",
        "tasks.ranking.interaction=dot",
        "tasks.ranking.biases=true",
        "tasks.ranking.clip_predictions=true",
        "train.epochs=1",
    )
    data = suite.dataset.load()
    parts = suite.split.build(data, 0)
    train, test = (data.interactions.take(rows) for rows in (parts.train, parts.test))
    model = Trainer(suite.setup("rating-only"), data).train(0, train).model
    head = model.heads["ranking"]
    head.score.offset.assign(5.0)  # so that there is something to clip
    batch = model.batches(test.columns, ["ranking"])["ranking"]
    labels, predictions = test.columns["user_rating"], head.score(batch.query, batch.candidate)
    predictions = predictions.numpy()
    known = ~np.isnan(labels)
    assert 0 < known.sum() < len(known)
    clipped = np.clip(predictions, 1, 5)
    assert (clipped != predictions).any()
    assert head.predict(batch).numpy().tolist() == clipped.tolist()
    scores = evaluate(model, train, test)
    error = labels[known] - clipped[known].astype(np.float64)
    assert scores.metrics["ranking"]["rmse"] == pytest.approx(np.sqrt(np.mean(error**2)))
    assert scores.metrics["ranking"]["mae"] == pytest.approx(np.mean(np.abs(error)))
    values, query = scores.by_query["ranking/mae"], test.query[known]
    for user in range(test.num_queries):
        mine = np.abs(error[query == user])
        assert values[user] == pytest.approx(mine.mean()) if len(mine) else np.isnan(values[user])
