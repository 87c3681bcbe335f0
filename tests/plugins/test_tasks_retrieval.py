"""Retrieval: the full softmax, BPR, biases and cosines, and rows that are no positives."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from batches import make_batch, random_batch, value_and_gradients
from made import of_ratings, some

from mtbench.errors import DataError, SuiteError
from mtbench.train.evaluate import evaluate
from mtbench.train.trainer import Trainer
from mtbench_plugins.tasks.retrieval import Retrieval

IN_BATCH = ("categorical_crossentropy", "binary_crossentropy", "categorical_hinge")
LOSSES = (*IN_BATCH, "full_softmax", "bpr")
QUERIES = [[1.0, 2.0], [0.0, 1.0]]
CANDIDATES = [[1.0, 1.0], [3.0, -1.0]]


def head_of(num_queries=3, num_candidates=4, bias=None, train=None, **options):
    tf.keras.utils.set_random_seed(0)
    head = Retrieval(candidate_bias=bias is not None, **options).build(num_queries, num_candidates)
    if train:
        head.adapt(train)
    if bias is not None:
        head.score.state[0].assign(bias)
    return head


def assert_same(one, other):
    assert one[0] == pytest.approx(other[0], rel=1e-5, abs=1e-6)
    for a, b in zip(one[1], other[1], strict=True):
        assert np.isfinite(a).all()
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_full_softmax_by_hand():
    """One query u = 1 of three candidates v = (ln 2, 0, ln 3), of which the batch has the first:
    probabilities 2/6, 1/6, 3/6, a loss of ln 3. By u it is Σ p v − v₀, by v it is (p − y) u."""
    tables = [tf.Variable([[1.0]]), tf.Variable(np.log([[2.0], [1.0], [3.0]]).astype(np.float32))]
    head = head_of(1, 3, loss="full_softmax")
    loss, (u, v) = value_and_gradients(head, tables, lambda: make_batch(tables, [0], [0]))
    assert loss == pytest.approx(np.log(3))
    np.testing.assert_allclose(u, [[-2 / 3 * np.log(2) + np.log(3) / 2]], rtol=1e-5)
    np.testing.assert_allclose(v, [[-2 / 3], [1 / 6], [1 / 2]], rtol=1e-5)


@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize(
    "options",
    [{}, {"temperature": 0.3}, {"normalize": True, "temperature": 0.2}, {"reduction": "sum"}],
)
def test_full_softmax_is_the_in_batch_one_of_a_batch_with_each_candidate_once(options, grouped):
    tables, _ = random_batch()
    bias = [0.5, -1.0, 0.0, 2.0]

    def batch_of():
        return make_batch(tables, [0, 2, 2, 1], [3, 1, 0, 2], grouped=grouped)

    found, expected = (
        value_and_gradients(head_of(bias=bias, loss=loss, l2=0.1, **options), tables, batch_of)
        for loss in ("full_softmax", "categorical_crossentropy")
    )
    assert_same(found, expected)


@pytest.mark.parametrize("normalize", [False, True])
def test_full_softmax_against_its_definition(normalize):
    """Repeated queries and candidates, in float64 and with the whole matrix."""
    bias = np.array([0.5, -1.0, 0.0, 2.0])
    tables, batch = random_batch(12)
    head = head_of(bias=bias, loss="full_softmax", temperature=0.7, normalize=normalize, l2=0.01)
    found = value_and_gradients(head, tables, lambda: batch_again(tables, batch))
    parts = [tf.constant(t.numpy(), tf.float64) for t in tables] + [tf.constant(bias)]
    query, candidate = (batch.columns[name].numpy() for name in ("query", "candidate"))
    with tf.GradientTape() as tape:
        tape.watch(parts)
        p, q, b = parts
        norms = tf.gather(tf.reduce_sum(p**2, 1), query)
        norms += tf.gather(tf.reduce_sum(q**2, 1) + b**2, candidate)
        if normalize:
            p, q = (x / tf.norm(x, axis=1, keepdims=True) for x in (p, q))
        logits = tf.gather((tf.matmul(p, q, transpose_b=True) + b) / 0.7, query)
        labels = tf.one_hot(candidate, 4, dtype=tf.float64)
        losses = tf.nn.softmax_cross_entropy_with_logits(labels, logits) + 0.01 * norms
        loss = tf.reduce_mean(losses)
    gradients = [tf.convert_to_tensor(g).numpy() for g in tape.gradient(loss, parts)]
    assert_same(found, (float(loss), gradients))


def batch_again(tables, batch, **options):
    """The same batch, embedded under the tape of the caller."""
    return make_batch(tables, batch.columns["query"], batch.columns["candidate"], **options)


SEEN = of_ratings([(0, 0, 5), (1, 0, 5)], 2, 2)
"""Of two candidates both queries have seen the first: the second is the only negative."""


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_bpr_by_hand(temperature):
    """Scores of query 0 are 3 + b₀ and 1 + b₁, of query 1 they are 1 + b₀ and −1 + b₁: with
    b = (1, ½) both gaps are 2½. By a gap x/τ the loss −ln σ is σ(x/τ) − 1."""
    tables = [tf.Variable(QUERIES), tf.Variable(CANDIDATES)]
    head = head_of(
        2, 2, [1.0, 0.5], SEEN, loss="bpr", temperature=temperature, negatives="uniform", l2=0.1
    )
    batch = make_batch(tables, [0, 1], [0, 0])
    found = value_and_gradients(head, tables, lambda: batch_again(tables, batch))
    if found[0] == 0:  # no negative in four draws, once in 256
        pytest.fail("the seed of this test draws no negative")
    slope = (sigmoid(2.5 / temperature) - 1) / temperature
    norms = np.array([5, 1]) + 2 + 10 + 1 + 0.25
    loss = -np.log(sigmoid(2.5 / temperature)) + 0.1 * norms.mean()
    p, q = np.array(QUERIES), np.array(CANDIDATES)
    by_query = (slope * (q[0] - q[1]) + 0.2 * p) / 2
    by_candidate = [slope * p.mean(0) + 0.2 * q[0], -slope * p.mean(0) + 0.2 * q[1]]
    by_bias = [slope + 0.2 * 1.0, -slope + 0.2 * 0.5]
    assert_same(found, (loss, [by_query, np.array(by_candidate), np.array(by_bias)]))


@pytest.mark.parametrize("negatives", ["uniform", "batch"])
def test_bpr_draws_what_the_query_has_not(negatives):
    """Query 0 has all but the last of four candidates in training, some with a low rating."""
    train = of_ratings([(0, 0, 5), (0, 1, 1), (0, 2, np.nan), (1, 3, 5)])
    tables, _ = random_batch()
    options = {"loss": "bpr", "negatives": negatives, "positive_threshold": 4, "num_negatives": 9}
    head = head_of(train=train, **options)
    rating = tf.constant([5.0, 5.0])
    loss = float(head.loss(make_batch(tables, [0, 0], [0, 3], user_rating=rating)))
    scores = tables[0].numpy()[0] @ tables[1].numpy().T
    # of the example with 3 itself there is no pair
    assert loss == pytest.approx(-np.log(sigmoid(scores[0] - scores[3])), rel=1e-5)


def test_bpr_is_the_mean_over_its_pairs():
    """As many negatives of each as one likes, all of them the same one here."""
    tables = [tf.Variable(QUERIES), tf.Variable(CANDIDATES)]
    batch = make_batch(tables, [0, 1], [0, 0])
    one, many, total = (
        head_of(2, 2, None, SEEN, loss="bpr", num_negatives=number, reduction=reduction)
        for number, reduction in ((1, "mean"), (50, "mean"), (50, "sum"))
    )
    expected = value_and_gradients(one, tables, lambda: batch_again(tables, batch))
    # the share of pairs with a negative differs a little between the two queries
    found = value_and_gradients(many, tables, lambda: batch_again(tables, batch))
    assert found[0] == pytest.approx(expected[0], rel=0.05)
    found = value_and_gradients(total, tables, lambda: batch_again(tables, batch))
    assert 80 * expected[0] < found[0] <= 100.5 * expected[0]


@pytest.mark.parametrize("negatives", ["uniform", "popularity", "batch"])
def test_bpr_of_sampled_negatives_against_its_definition(negatives):
    """The same seed draws the same ones."""
    train = of_ratings([(0, 0, 1), (1, 1, 1), (2, 2, 1), (2, 3, 1)])
    tables, batch = random_batch(9)
    head, other = (
        head_of(train=train, loss="bpr", negatives=negatives, num_negatives=2) for _ in range(2)
    )
    draw = other.sampler.from_batch if negatives == "batch" else other.sampler.from_catalogue
    side, weights = draw(batch, 2)
    negative = tf.gather(side.ids, side.rows).numpy()
    scores = tables[0].numpy() @ tables[1].numpy().T
    query, own = (np.repeat(batch.columns[n].numpy(), 2) for n in ("query", "candidate"))
    losses = -np.log(sigmoid(scores[query, own] - scores[query, negative]))
    expected = np.sum(losses * weights) / np.sum(weights)
    assert float(head.loss(batch)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("grouped", some([True, False], True))
@pytest.mark.parametrize(("loss", "reduction"), [*itertools.product(LOSSES[:-1], ("mean", "sum"))])
def test_only_positives_count(loss, reduction, grouped):
    """Others, and rows without a label, are as if they were not there, even as negatives."""
    head = head_of(bias=np.ones(4), loss=loss, reduction=reduction, positive_threshold=4, l2=0.1)
    plain = head_of(bias=np.ones(4), loss=loss, reduction=reduction, l2=0.1)
    tables, batch = random_batch(7)
    rating = np.array([3, np.nan, 4, 5, 4, 1, 4.5], np.float32)
    rows = np.flatnonzero(rating >= 4)
    query, candidate = (batch.columns[name].numpy() for name in ("query", "candidate"))

    def batch_of(rows, rating=rating):
        label = tf.constant(rating[rows])
        columns = query[rows], candidate[rows]
        return lambda: make_batch(tables, *columns, grouped=grouped, user_rating=label)

    found = value_and_gradients(head, tables, batch_of(np.arange(7)))
    assert_same(found, value_and_gradients(plain, tables, batch_of(rows)))


def test_a_missing_label_is_not_0():
    tables, batch = random_batch(3)
    head, label = head_of(positive_threshold=0), tf.constant([np.nan] * 3)
    assert float(head.loss(batch_again(tables, batch, user_rating=label))) == 0.0
    assert float(head.loss(batch_again(tables, batch, user_rating=tf.zeros(3)))) > 0.0


@pytest.mark.parametrize(
    "options",
    [
        *({"loss": loss} for loss in LOSSES),
        {"num_hard_negatives": 2},
        {"remove_accidental_hits": True},
        {"loss": "bpr", "negatives": "batch", "exclude_seen": False},
    ],
)
def test_a_batch_without_a_positive(options):
    head = head_of(positive_threshold=4, l2=0.1, **options)
    tables, batch = random_batch(5)
    for rating in (np.full(5, 3.0), np.full(5, np.nan)):
        label = tf.constant(rating, tf.float32)
        found = value_and_gradients(
            head, tables, lambda label=label: batch_again(tables, batch, user_rating=label)
        )
        assert found[0] == 0.0
        assert all(not gradient.any() for gradient in found[1])


def test_positives_of_the_training_part():
    """Shares and floors are those of positives; what is seen is seen whatever its label."""
    train = of_ratings([(0, 0, 5), (0, 1, 4), (1, 0, 4), (2, 2, 1), (2, 3, np.nan)])
    test = of_ratings([(0, 2, 4), (1, 1, 2), (1, 2, np.nan), (2, 0, 5)])
    task = Retrieval(positive_threshold=4, top_k=(1, 2), loss="bpr", negatives="popularity")
    assert task.needs() == ("user_rating",)
    assert Retrieval().needs() == ()
    head = task.build(3, 4)
    head.adapt(train)
    np.testing.assert_allclose(head.share, [2 / 3, 1 / 3, 0, 0])
    found = task.floors(train, test, train)["chance"]
    # rows (0, 2) and (2, 0): of four candidates two are seen by user 0, two by user 2
    assert found["top_1_seen_kept"] == 0.25
    assert found["top_1_seen_removed"] == 0.5
    with pytest.raises(DataError, match="of at least 4, found none of 1: lower positive_threshold"):
        task.floors(train, test.take(np.array([1])), train)


@pytest.mark.parametrize("normalize", ["false", "true"])
def test_biases_and_cosines_are_ranked_by(make_suite, normalize):
    """Ranks of the test rows, by the scores' definition."""
    suite = make_suite(
        "tasks.retrieval.candidate_bias=true",
        f"tasks.retrieval.normalize={normalize}",
        "tasks.retrieval.seen=[kept]",
        "tasks.retrieval.top_k=[1, 3, 10, 20]",
        "train.epochs=1",
    )
    data = suite.dataset.load()
    parts = suite.split.build(data, 0)
    train, test = (data.interactions.take(rows) for rows in (parts.train, parts.test))
    model = Trainer(suite.setup("retrieval-only"), data).train(0, train).model
    bias = np.random.default_rng(0).normal(size=40).astype(np.float32)
    model.heads["retrieval"].score.state[0].assign(bias)
    p, q = (v.numpy().astype(np.float64) for v in model.model_variables[:2])
    if normalize == "true":
        p, q = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (p, q))
    scores = (p @ q.T + bias)[test.query]
    ranks = 1 + np.sum(scores > scores[np.arange(len(test)), test.candidate][:, None], axis=1)
    found = evaluate(model, train, test).metrics["retrieval"]
    for k in (1, 3, 10, 20):
        assert found[f"top_{k}_seen_kept"] == np.mean(ranks <= k)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "bpr", "sampling_correction": "true"}, "sampling_correction with an in-batch lo"),
        ({"loss": "full_softmax", "num_hard_negatives": 3}, "num_hard_negatives with an in-batch"),
        ({"loss": "full_softmax", "num_negatives": 3}, "num_negatives with loss bpr, found it wit"),
        ({"negatives": "batch"}, "negatives with loss bpr, found it with categorical_crossentropy"),
        ({"loss": "bpr", "popularity_exponent": 0.5}, "popularity_exponent with negatives popular"),
        ({"loss": "brp"}, "did you mean 'bpr'"),
    ],
)
def test_options_that_do_not_go_together(make_suite, options, message):
    with pytest.raises(SuiteError, match=message):
        make_suite(*(f"tasks.retrieval.{key}={value}" for key, value in options.items()))
