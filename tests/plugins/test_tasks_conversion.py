"""The task `conversion`: losses and gradients beside dense ones, masks, metrics, floors."""

import numpy as np
import pytest
import tensorflow as tf
from batches import make_batch, value_and_gradients
from hypothesis import given, settings
from hypothesis import strategies as st

import mtbench
from mtbench.plugin.batch import Reading
from mtbench.testing import check_component
from mtbench_plugins.tasks.click import Click
from mtbench_plugins.tasks.conversion import Conversion, doubly_robust, entire_space, product_logit

FORMS = ("click-space", "entire-space", "ips", "dr")
CLICK = np.array([1, 1, 0, 0, 1, 0, 1, 0], np.float32)
BUY = np.array([1, 0, 0, 0, 0, 0, 1, 0], np.float32)


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, float)))


def auc(positive, logits):
    """How often a positive is above a negative, ties counting a half."""
    wins = logits[positive == 1][:, None] - logits[positive == 0]
    return np.mean((wins > 0) + 0.5 * (wins == 0))


def heads_of(**options):
    """A click and a conversion of dot products and a network, and tables."""
    rng = np.random.default_rng(0)
    tables = [tf.Variable(rng.normal(size=(n, 3)).astype(np.float32)) for n in (4, 5)]
    click = Click(threshold=1, label="click", units=(2,)).build(4, 5)
    return tables, click, Conversion(units=(3,), **options).build(4, 5)


def batch_of(tables, click, head, columns=None, rows=slice(None)):
    """Eight rows of which the conversion's head reads what the click's makes of them."""
    columns = columns or {"click": CLICK, "buy": BUY}
    ids = np.array([0, 1, 2, 3, 0, 1, 2, 0]), np.array([0, 1, 2, 3, 4, 0, 1, 1])
    made = make_batch(
        tables,
        *(each[rows] for each in ids),
        **{name: tf.constant(column[rows]) for name, column in columns.items()},
    )
    (read,) = head.options.reads()
    reads = {"click": Reading(click, made, read.what, read.gradients)}
    return mtbench.Batch(
        made.columns, made.query, made.candidate, "conversion", made.everything, reads=reads
    )


def dense_network(state, rows, count):
    """A network of `PairScore`: dense layers with ReLU but for the last, float64."""
    layers = [[tf.cast(v, tf.float64) for v in each.trainable_variables] for each in state[:count]]
    for kernel, bias in layers[:-1]:
        rows = tf.nn.relu(rows @ kernel + bias)
    kernel, bias = layers[-1]
    return (rows @ kernel + bias)[:, 0]


def dense_loss(tables, click, head):
    """Sums over rows as the papers write them, in float64 and with probabilities."""
    query, candidate = [0, 1, 2, 3, 0, 1, 2, 0], [0, 1, 2, 3, 4, 0, 1, 1]
    users, items = (tf.cast(t, tf.float64) for t in tables)
    rows = tf.concat([tf.gather(users, query), tf.gather(items, candidate)], 1)
    ctr = tf.sigmoid(dense_network(click.score.state, rows, 2))
    cvr = tf.sigmoid(dense_network(head.score.state, rows, 2))
    if not head.options.gradients:
        ctr = tf.stop_gradient(ctr)
    click_, buy = CLICK.astype(float), BUY.astype(float)
    errors = -buy * tf.math.log(cvr) - (1 - buy) * tf.math.log(1 - cvr)
    both, p = click_ * buy, ctr * cvr
    entire = tf.reduce_mean(-both * tf.math.log(p) - (1 - both) * tf.math.log(1 - p))
    form, options = head.options.form, head.options
    if form == "click-space":
        return tf.reduce_sum(click_ * errors) / click_.sum()
    if form == "entire-space":
        return entire
    weights = click_ * tf.minimum(1 / tf.stop_gradient(ctr), options.most_weight)
    if form == "ips":
        return tf.reduce_mean(weights * errors) + options.ctcvr_weight * entire
    imputed = tf.math.log(1 + tf.exp(dense_network(head.imputation.state, rows, 2)))
    left = errors - imputed
    risk = tf.reduce_mean(imputed + weights * left) + tf.reduce_mean(weights * left**2)
    return risk + options.ctcvr_weight * entire


@pytest.mark.parametrize(
    "options",
    [
        {"form": "click-space"},
        {"form": "entire-space"},
        {"form": "entire-space", "gradients": False},
        {"form": "ips", "most_weight": 2.0},
        {"form": "dr", "ctcvr_weight": 0.3},
    ],
    ids=["click-space", "entire-space", "entire-space, stopped", "ips", "dr"],
)
def test_loss_and_gradients_are_those_of_a_dense_one(options):
    tables, click, head = heads_of(**options)
    head.loss(batch_of(tables, click, head))
    click.loss(batch_of(tables, click, head))  # makes the variables
    of_click = [v for layer in click.score.state for v in layer.trainable_variables]
    own = [v for layer in head.state for v in layer.trainable_variables]
    with tf.GradientTape(persistent=True) as tape:
        loss = head.loss(batch_of(tables, click, head))
        dense = dense_loss(tables, click, head)
    assert float(loss) == pytest.approx(float(dense), rel=1e-5)
    zero = tf.UnconnectedGradients.ZERO
    variables = [*tables, *own, *of_click]
    found, expected = (
        tape.gradient(each, variables, unconnected_gradients=zero) for each in (loss, dense)
    )
    for pair in zip(found, expected, strict=True):
        one, two = map(tf.convert_to_tensor, pair)
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-6)
    through = options["form"] != "click-space" and options.get("gradients", True)
    assert any(np.any(tf.convert_to_tensor(g)) for g in found[-len(of_click) :]) is through


LOGIT = st.floats(-200, 200)


@settings(max_examples=25)
@given(st.lists(st.tuples(LOGIT, LOGIT), min_size=1))
def test_the_product_of_two_probabilities_at_any_logit(logits):
    """ln p = −ln(1 + e^−a) − ln(1 + e^−b), and 1 − p = (e^−a + e^−b + e^−(a+b)) of p."""
    ctr, cvr = np.array(logits).T
    yes = -np.logaddexp(0, -ctr) - np.logaddexp(0, -cvr)
    odds = np.logaddexp(np.logaddexp(-ctr, -cvr), -ctr - cvr)  # of 1 − p
    for bought, expected in ((1.0, -yes), (0.0, -yes - odds)):
        found = entire_space(tf.constant(ctr), tf.constant(cvr), bought)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    logit = product_logit(tf.constant(ctr), tf.constant(cvr))
    np.testing.assert_allclose(logit, -odds, rtol=1e-9, atol=1e-9)


@given(st.floats(0.01, 1), st.floats(0, 9), st.floats(0, 9))
def test_with_the_true_propensity_both_risks_are_those_of_all_rows(propensity, error, imputed):
    """E of o ~ Bernoulli(p) of w e and of ê + w (e − ê) is e, whatever is imputed."""
    weights = np.array([1 / propensity, 0.0])  # clicked or not
    chance = np.array([propensity, 1 - propensity])
    left = (error - imputed) ** 2
    robust = doubly_robust(weights, error, imputed) - weights * left
    assert chance @ (weights * error) == pytest.approx(error, abs=1e-9)
    assert chance @ robust == pytest.approx(error, abs=1e-9)


@pytest.mark.parametrize("form", FORMS)
def test_a_row_that_lacks_a_label_does_not_count(form):
    tables, click, head = heads_of(form=form)
    lacking = {"click": CLICK.copy(), "buy": BUY.copy()}
    lacking["buy"][0], lacking["click"][5] = np.nan, np.nan
    rows = np.array([1, 2, 3, 4, 6, 7])
    found = value_and_gradients(head, tables, lambda: batch_of(tables, click, head, lacking))
    kept = value_and_gradients(head, tables, lambda: batch_of(tables, click, head, rows=rows))
    assert found[0] == pytest.approx(kept[0], rel=1e-5)
    for one, two in zip(found[1], kept[1], strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-6)
    counted = head.counted(batch_of(tables, click, head, lacking))
    assert counted is None if form != "click-space" else int(counted) == 3


def test_a_batch_without_a_click_is_no_step_of_click_space():
    tables, click, head = heads_of(form="click-space")
    rows = np.flatnonzero(CLICK == 0)
    loss, gradients = value_and_gradients(
        head, tables, lambda: batch_of(tables, click, head, rows=rows)
    )
    assert loss == 0
    assert not any(g.any() for g in gradients)
    assert int(head.counted(batch_of(tables, click, head, rows=rows))) == 0


def rows_of(**columns):
    n = len(next(iter(columns.values())))
    made = {name: np.asarray(column, np.float32) for name, column in columns.items()}
    ids = {"query": np.arange(n, dtype=np.int32) % 2, "candidate": np.arange(n, dtype=np.int32) % 4}
    return mtbench.Interactions({**ids, **made}, 2, 4)


def test_metrics_by_hand():
    """CTCVR on all rows that count, CVR on clicks, or on all by what would have been."""
    test = rows_of(click=CLICK, buy=BUY, would_buy=[1, 0, 1, 0, 0, 1, 1, 0])
    ctcvr, cvr = np.linspace(-2, 1, 8), np.array([0.5, -1, 2, 0, 0.5, 1, -2, -3])
    for options, rows, label in (
        ({}, CLICK == 1, BUY),
        ({"scored_where": {}, "scored_label": "would_buy"}, CLICK >= 0, test.columns["would_buy"]),
    ):
        found = Conversion(**options).score_logits(test, ctcvr, cvr[rows])
        for rate, positive, logits in (
            ("ctcvr", BUY * CLICK, ctcvr),
            ("cvr", label[rows], cvr[rows]),
        ):
            losses = -np.log(sigmoid(np.where(positive == 1, logits, -logits)))
            assert found.metrics[f"{rate}_auc"] == pytest.approx(auc(positive, logits))
            assert found.metrics[f"{rate}_log_loss"] == pytest.approx(losses.mean())
            by_user = found.by_query[f"{rate}_log_loss"]
            whose = test.query if rate == "ctcvr" else test.query[rows]
            for user in range(2):
                assert by_user[user] == pytest.approx(losses[whose == user].mean())
        assert list(found.metrics) == [metric.name for metric in Conversion().metrics()]


def test_floors():
    """The rates of clicks that are bought and of rows that are; entropies where they are kept."""
    train = rows_of(click=np.tile([1, 0, 1, 0, 1], 200), buy=np.tile([1, 0, 0, 0, 0], 200))
    floors = Conversion().floors(train, train, train)
    assert list(floors) == ["constant rate", "user+item bias"]
    for rate, p in (("cvr", 1 / 3), ("ctcvr", 1 / 5)):
        entropy = -p * np.log(p) - (1 - p) * np.log(1 - p)
        assert floors["constant rate"][f"{rate}_log_loss"] == pytest.approx(entropy, abs=1e-5)
        assert floors["constant rate"][f"{rate}_auc"] == 0.5
        assert floors["constant rate"][f"{rate}_calibration_error"] < 2e-3
    for metrics in floors.values():
        assert list(metrics) == [metric.name for metric in Conversion().metrics()]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"where": {"click": {"least": 2}}}, "where: expected rows with a click of at least 2, f"),
        ({"scored_where": {"buy": {"most": -1}}}, "scored_where: expected .* a buy of at most -1"),
        ({"threshold": 2}, "a buy of at least the threshold 2 in some rows of where, found none"),
        ({"threshold": 0}, "a buy below the threshold 0 in some rows of where, found none in 4"),
        ({"label": "nothing"}, "expected rows with nothing and click, found none in 8"),
    ],
)
def test_what_leaves_no_row_is_one_line(options, message):
    rows = rows_of(click=CLICK, buy=BUY, nothing=np.full(8, np.nan))
    with pytest.raises(mtbench.DataError, match=message):
        Conversion(**options).check(rows)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"where": {}}, "expected the range of a column that is clicked, found none"),
        ({"form": "click-space", "most_weight": 3}, "most_weight with the form ips or dr"),
        ({"ctcvr_weight": 0}, "ctcvr_weight with the form ips or dr, found entire-space"),
    ],
)
def test_options_that_do_not_go_together(options, message):
    with pytest.raises(ValueError, match=message):
        Conversion(**options)


def test_the_offset_of_the_biases_is_the_rate_of_clicks_that_are_bought():
    head = Conversion(biases=True).build(2, 4)
    head.adapt(rows_of(click=CLICK, buy=BUY))
    assert float(head.score.offset) == pytest.approx(0.0)  # 2 of 4, and one of each added
    head.adapt(rows_of(click=np.ones(8), buy=BUY))
    assert sigmoid(float(head.score.offset)) == pytest.approx(3 / 10)


@pytest.mark.thorough
@pytest.mark.parametrize("form", FORMS)
def test_contract_of_each_form(form):
    check_component(Conversion(form=form, biases=form == "dr", interaction="dot"))
