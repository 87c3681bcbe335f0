"""Tasks: metrics and floors by hand and by brute force, losses on their scale."""

import math

import numpy as np
import pytest
import tensorflow as tf
from batches import make_batch, random_batch
from made import of_ratings

from mtbench.errors import DataError
from mtbench_plugins.tasks.ranking import Ranking, bias_predictions, errors
from mtbench_plugins.tasks.retrieval import Retrieval

TRAIN = of_ratings([(0, 0, 5), (0, 1, 3), (1, 0, 4), (2, 2, 1)])
TEST = of_ratings([(0, 2, 4), (1, 1, 2), (2, 0, 3), (1, 0, 5)])


def batch(size=6, seed=0):
    return random_batch(size, seed=seed)[1]


def test_errors_by_hand():
    found = errors(np.array([1, 2, 5], np.float32), np.array([2.0, 2.0, 3.0]))
    assert found == {"rmse": pytest.approx(math.sqrt(5 / 3)), "mae": pytest.approx(1.0)}


def test_global_mean_by_hand():
    """The training mean is 13/4; the errors are ¾, −5/4, −¼ and 7/4."""
    found = Ranking().floors(TRAIN, TEST, TRAIN)["global mean"]
    assert found["rmse"] == pytest.approx(math.sqrt((9 + 25 + 1 + 49) / 16 / 4))
    assert found["mae"] == pytest.approx((3 + 5 + 1 + 7) / 4 / 4)


def test_bias_of_one_user_by_hand():
    """One item only: after the first round b_i = Σr/(10 + 2), b_u = Σ(r − b_i)/(15 + 1) …"""
    train = of_ratings([(0, 0, 5), (1, 0, 1)])
    user, item = [0.0, 0.0], 0.0
    for _ in range(10):
        item = ((2 - user[0]) + (-2 - user[1])) / 12
        user = [(2 - item) / 16, (-2 - item) / 16]
    expected = [3 + user[0] + item, 3 + user[1] + item, 3 + user[0], 3]
    test = of_ratings([(0, 0, 1), (1, 0, 1), (0, 1, 1), (2, 1, 1)])
    np.testing.assert_allclose(bias_predictions(train, test, "user_rating"), expected)


def test_bias_against_a_plain_loop():
    rng = np.random.default_rng(0)
    rows = [
        (int(rng.integers(3)), int(rng.integers(4)), int(rng.integers(1, 6))) for _ in range(40)
    ]
    mean = sum(r for *_, r in rows) / len(rows)
    user, item = dict.fromkeys(range(3), 0.0), dict.fromkeys(range(4), 0.0)
    for _ in range(10):
        for i in item:
            own = [(u, r) for u, j, r in rows if j == i]
            item[i] = sum(r - mean - user[u] for u, r in own) / (10 + len(own))
        for u in user:
            own = [(j, r) for v, j, r in rows if v == u]
            user[u] = sum(r - mean - item[j] for j, r in own) / (15 + len(own))
    found = bias_predictions(of_ratings(rows), TEST, "user_rating")
    pairs = zip(TEST.query, TEST.candidate, strict=True)
    np.testing.assert_allclose(found, [mean + user[u] + item[i] for u, i in pairs], rtol=1e-6)


def test_popularity_and_chance_by_hand():
    """Counts 2, 1, 1, 0. Mid-ranks of the test candidates: kept 2.5, 2.5, 1, 1; with the seen
    ones removed 1, 1.5, 1 (the last one is seen itself, and left out)."""
    found = Retrieval(top_k=(1, 2)).floors(TRAIN, TEST, TRAIN)
    assert found["popularity"] == {
        "top_1_seen_kept": 0.5,
        "top_2_seen_kept": 0.5,
        "top_1_seen_removed": pytest.approx(2 / 3),
        "top_2_seen_removed": 1.0,
    }
    # candidates left: 4 − 2, 4 − 1, 4 − 1
    assert found["chance"] == {
        "top_1_seen_kept": 0.25,
        "top_2_seen_kept": 0.5,
        "top_1_seen_removed": pytest.approx((1 / 2 + 1 / 3 + 1 / 3) / 3),
        "top_2_seen_removed": pytest.approx((1 + 2 / 3 + 2 / 3) / 3),
    }


@pytest.mark.parametrize("cls", [Ranking, Retrieval])
def test_sum_is_batch_size_times_mean(cls):
    inputs, losses = batch(), []
    for reduction in ("mean", "sum"):
        tf.keras.utils.set_random_seed(0)
        losses.append(float(cls(reduction=reduction).build(3, 4).loss(inputs)))
    assert losses[1] == pytest.approx(6 * losses[0], rel=1e-6)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("mean_squared_error", lambda e: np.mean(e**2)),
        ("mean_absolute_error", lambda e: np.mean(abs(e))),
        ("huber", lambda e: np.mean(np.where(abs(e) < 1, e**2 / 2, abs(e) - 0.5))),
    ],
)
def test_ranking_losses(loss, expected):
    inputs = batch()
    head = Ranking(loss=loss, units=(7,)).build(3, 4)
    error = inputs.columns["user_rating"].numpy() - head.predict(inputs).numpy()
    assert float(head.loss(inputs)) == pytest.approx(expected(error), rel=1e-5)


def test_retrieval_losses_that_need_the_whole_matrix():
    inputs = batch()
    scores = inputs.query.expand().numpy() @ inputs.candidate.expand().numpy().T
    own, eye = np.diag(scores), np.eye(6)
    softplus = np.log1p(np.exp(-abs(scores))) + np.maximum(scores, 0) - scores * eye
    hinge = np.maximum(0, np.where(eye, -np.inf, scores).max(1).clip(0) - own + 1)
    for loss, expected in (
        ("binary_crossentropy", softplus.mean()),
        ("categorical_hinge", hinge.mean()),
    ):
        found = float(Retrieval(loss=loss).build(3, 4).loss(inputs))
        assert found == pytest.approx(expected, rel=1e-5)


def test_sampling_correction_uses_the_training_part():
    head = Retrieval(sampling_correction=True).build(3, 4)
    head.adapt(TRAIN)
    np.testing.assert_allclose(head.share, [0.5, 0.25, 0.25, 0.0])
    inputs = batch()
    sides = inputs.query, inputs.candidate
    grouped, plain = head.grouped(*sides), head.tfrs(*sides)
    np.testing.assert_allclose(grouped, plain, rtol=1e-5, atol=1e-5)
    assert not np.allclose(grouped, Retrieval().build(3, 4).grouped(*sides))


def test_metrics_name_the_headline():
    shown = [metric.name for metric in Retrieval(top_k=(3, 7)).metrics() if metric.headline]
    assert shown == ["top_7_seen_kept", "top_7_seen_removed"]


@pytest.mark.parametrize("seed", range(3))
def test_popularity_and_chance_by_brute_force(seed):
    """Every order of the catalogue that sorts by count, in plain loops."""
    rng = np.random.default_rng(seed)
    parts = [
        of_ratings([(int(rng.integers(5)), int(rng.integers(9)), 1) for _ in range(size)], 5, 9)
        for size in (25, 20)
    ]
    train, test = parts
    counts = [sum(train.candidate == c) for c in range(9)]
    top_k = (1, 3, 8)
    hits = {f"top_{k}_seen_{s}": [] for s in ("kept", "removed") for k in top_k}
    chance = {name: [] for name in hits}
    for query, target in zip(test.query, test.candidate, strict=True):
        seen = set(train.candidate[train.query == query])
        ways = {"kept": set(), **({} if target in seen else {"removed": seen})}
        for protocol, removed in ways.items():
            left = [c for c in range(9) if c not in removed]
            better = sum(counts[c] > counts[target] for c in left)
            equal = sum(counts[c] == counts[target] for c in left)
            for k in top_k:
                hits[f"top_{k}_seen_{protocol}"].append(better + (equal + 1) / 2 <= k)
                chance[f"top_{k}_seen_{protocol}"].append(min(k / len(left), 1))
    found = Retrieval(top_k=top_k).floors(train, test, train)
    assert found["popularity"] == pytest.approx({n: np.mean(v) for n, v in hits.items()})
    assert found["chance"] == pytest.approx({n: np.mean(v) for n, v in chance.items()})


def test_popularity_in_blocks(monkeypatch):
    from mtbench.metrics import places as ranks

    expected = Retrieval(top_k=(1, 2)).floors(TRAIN, TEST, TRAIN)
    for block in (1, 4, 12):  # one row, one row, three rows and a rest
        monkeypatch.setattr(ranks, "BLOCK", block)
        assert Retrieval(top_k=(1, 2)).floors(TRAIN, TEST, TRAIN) == expected


def test_bias_of_what_is_unknown_is_the_mean():
    train = of_ratings([(0, 0, 5), (1, 0, 1)])
    unknown = of_ratings([(2, 3, 1)])
    assert bias_predictions(train, unknown, "user_rating").tolist() == [3.0]


def test_errors_are_taken_in_float64():
    """In float32 2²⁶ + 1 is 2²⁶, and 1 − 10⁻⁹ is 1."""
    found = errors(np.array([2**13, 1], np.float32), np.zeros(2, np.float32))
    assert found["rmse"] == math.sqrt((2**26 + 1) / 2)
    assert errors(np.ones(1, np.float32), np.array([1e-9]))["mae"] == 1 - 1e-9


def test_ranking_predicts_from_both_embeddings_in_their_order():
    """Without a hidden layer: weights (1, 2 | 10, 20), bias 3."""
    head = Ranking(units=()).build(3, 4)
    tables = [tf.constant([[1.0, 1.0]]), tf.constant([[1.0, 3.0]])]
    inputs = make_batch(tables, [0, 0], [0, 0], user_rating=tf.constant([76.0, 70.0]))
    head.predict(inputs)
    head.score.network[0].set_weights([np.array([[1.0], [2.0], [10.0], [20.0]]), np.array([3.0])])
    assert head.predict(inputs).numpy().tolist() == [76.0, 76.0]
    assert float(head.loss(inputs)) == 18.0  # (0² + 6²) / 2


def test_errors_of_slices():
    """Candidates 0, 1, 2 have 2, 1 and 1 of four rows, all of the head; 3 and user 3 are cold."""
    train = of_ratings([(0, 0, 5), (0, 1, 3), (1, 0, 4), (2, 2, 1)], 4)
    test = of_ratings([(0, 2, 4), (1, 3, 2), (3, 0, 3), (3, 0, 5), (0, 0, np.nan)], 4)
    task = Ranking(slices=("head", "tail", "cold_query", "cold_candidate"))
    predictions = np.array([3.0, 5.0, 3.0, 1.0])
    metrics, by_query = task.errors(train, test.take(np.arange(4)), predictions)
    assert metrics == {
        "rmse": math.sqrt((1 + 9 + 0 + 16) / 4),
        "mae": 2.0,
        "rmse_head": pytest.approx(math.sqrt(17 / 3)),
        "mae_head": pytest.approx(5 / 3),
        "rmse_cold_query": math.sqrt(8),
        "mae_cold_query": 2.0,
        "rmse_cold_candidate": 3.0,
        "mae_cold_candidate": 3.0,
    }
    np.testing.assert_array_equal(by_query["mae_head"], [1, np.nan, np.nan, 2])
    assert set(by_query) == set(metrics)
    optional = {metric.name for metric in task.metrics() if metric.optional}
    assert {metric.name for metric in task.metrics()} - set(metrics) == {"rmse_tail", "mae_tail"}
    assert optional == {metric.name for metric in task.metrics()} - {"rmse", "mae"}
    floors = task.floors(train, test, train)
    assert list(floors["global mean"]) == list(metrics)
    assert floors["global mean"]["mae_cold_candidate"] == 1.25


def test_measures_and_relevance_of_retrieval():
    """Rows of at least 3 are to be found, the model learns from all: 2 of user 0, 0 of users 1, 2.

    Counts 2, 1, 1, 0. With the seen ones removed candidate 2 is first for user 0 and 0 for user 2;
    user 1 has had 0, so that there is no list of theirs.
    """
    task = Retrieval(
        measures=("ndcg", "recall"), top_k=(1, 2), seen=("removed",), relevance_threshold=3
    )
    assert task.needs() == ("user_rating",)
    assert [metric.name for metric in task.metrics() if metric.headline] == ["ndcg_2_seen_removed"]
    found = task.floors(TRAIN, TEST, TRAIN)
    assert found["popularity"] == {
        "ndcg_1_seen_removed": 1.0,
        "ndcg_2_seen_removed": 1.0,
        "recall_1_seen_removed": 1.0,
        "recall_2_seen_removed": 1.0,
    }
    assert found["chance"]["recall_1_seen_removed"] == pytest.approx((1 / 2 + 1 / 3) / 2)
    with pytest.raises(DataError, match="at least 6, found none of 4: lower relevance_thr"):
        task.model_copy(update={"relevance_threshold": 6.0}).floors(TRAIN, TEST, TRAIN)


def test_floors_know_more_than_the_training_part():
    """Users 0 and 1 have had 3, too: 2 is all that is left for user 0; for user 1 it is as popular
    as 1."""
    known = of_ratings([(0, 0, 5), (0, 1, 3), (1, 0, 4), (2, 2, 1), (0, 3, 2), (1, 3, 2)])
    test = of_ratings([(0, 2, 4), (1, 2, 2)])
    task = Retrieval(top_k=(1,), seen=("removed",))
    assert task.floors(TRAIN, test, TRAIN)["chance"]["top_1_seen_removed"] == (1 / 2 + 1 / 3) / 2
    found = task.floors(TRAIN, test, known)
    assert found["chance"]["top_1_seen_removed"] == (1 + 1 / 2) / 2
    assert found["popularity"]["top_1_seen_removed"] == 1 / 2
    rated = Retrieval(top_k=(1,), seen=("removed",), positive_threshold=2)
    assert rated.floors(TRAIN, test, known)["popularity"]["top_1_seen_removed"] == 1 / 2
    liked = of_ratings([(0, 0, 5), (0, 1, 3), (1, 0, 4), (2, 2, 1), (2, 2, 1)])
    test = of_ratings([(1, 1, 4)])
    for threshold, hit in ((1, 0.0), (2, 1.0)):  # candidate 2 has two rows that count, or none
        task = Retrieval(top_k=(1,), seen=("removed",), positive_threshold=threshold)
        assert task.floors(liked, test, liked)["popularity"]["top_1_seen_removed"] == hit
