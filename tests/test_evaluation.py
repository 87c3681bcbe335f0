"""Evaluation of a whole model: against brute force, in blocks, by query."""

import numpy as np
import pytest
from made import interactions

from mtbench.metrics import places as ranks
from mtbench.plugin import view
from mtbench.plugin.view import TestView
from mtbench.train.evaluate import evaluate
from mtbench.train.model import MultiTaskModel
from mtbench_plugins.tasks import ranking


@pytest.fixture
def integer_model(make_suite, tiny_data):
    """A model of small integers, whose scores are exact whatever the order of summation."""
    suite = make_suite(
        "tasks.retrieval.top_k=[1, 2, 5, 10, 40]", "tasks.retrieval.measures=[top_k, recall]"
    )
    model = MultiTaskModel(suite.setup("joint"), tiny_data)
    rng = np.random.default_rng(0)
    tables = [rng.integers(-1, 2, (n, 4)).astype(np.float32) for n in (30, 40)]
    for variable, table in zip(model.model_variables, tables, strict=False):
        variable.assign(table)
    parts = suite.split.build(tiny_data, 0)
    return model, tables, [tiny_data.interactions.take(r) for r in (parts.train, parts.test)]


def brute_force(scores, target, removed=()):
    """Middle position of the target among all orders that sort by score."""
    left = [c for c in range(len(scores)) if c == target or c not in removed]
    better = sum(scores[c] > scores[target] for c in left)
    equal = sum(scores[c] == scores[target] for c in left)
    return np.mean([better + n for n in range(1, equal + 1)])


def test_evaluation_of_a_model_against_brute_force(integer_model):
    model, (users, items), (train, test) = integer_model
    seen_first = train.take(np.arange(100))
    for known in (None, seen_first):
        places = [], []
        for query, target in zip(test.query, test.candidate, strict=True):
            scores, had = users[query] @ items.T, train if known is None else known
            places[0].append(brute_force(scores, target))
            gone = set(had.candidate[had.query == query])
            places[1].append(brute_force(scores, target, gone))
        found = evaluate(model, train, test, known).metrics["retrieval"]
        for k in (1, 2, 5, 10, 40):
            assert found[f"top_{k}_seen_kept"] == np.mean(np.array(places[0]) <= k)
            assert found[f"top_{k}_seen_removed"] == np.mean(np.array(places[1]) <= k)


def test_values_by_query(integer_model):
    """Means over a query's rows; weighted by their number they are the metric itself."""
    model, _, (train, test) = integer_model
    scores = evaluate(model, train, test)
    counts = np.bincount(test.query, minlength=test.num_queries)
    for name, power in (("retrieval/top_5_seen_kept", 1), ("ranking/mae", 1), ("ranking/rmse", 2)):
        values = scores.by_query[name]
        np.testing.assert_array_equal(np.isnan(values), counts == 0)
        task, metric = name.split("/")
        mean = np.sum(np.nan_to_num(values) ** power * counts) / counts.sum()
        assert mean ** (1 / power) == pytest.approx(scores.metrics[task][metric], rel=1e-6)
    recall = scores.by_query["retrieval/recall_5_seen_kept"]
    assert np.nanmean(recall) == scores.metrics["retrieval"]["recall_5_seen_kept"]
    assert set(scores.by_query) == {
        f"{t}/{m}" for t, found in scores.metrics.items() for m in found
    }


def test_the_order_of_the_rows_does_not_matter(integer_model):
    model, _, (train, test) = integer_model
    rows = np.random.default_rng(0).permutation(len(test))
    expected, found = (evaluate(model, train, t).metrics for t in (test, test.take(rows)))
    assert found["retrieval"] == pytest.approx(expected["retrieval"], rel=1e-12)
    assert found["ranking"] == pytest.approx(expected["ranking"], rel=1e-6)


@pytest.mark.parametrize("block", [1, 7 * 40, 29 * 40])
def test_blocks_change_nothing(integer_model, monkeypatch, block):
    """One at a time; several, with a rest; all but one."""
    model, _, (train, test) = integer_model
    expected = evaluate(model, train, test)
    monkeypatch.setattr(ranks, "BLOCK", block)
    monkeypatch.setattr(view, "QUERIES", max(1, block // 40))
    monkeypatch.setattr(ranking, "BLOCK", max(1, block // 40))
    assert ranks.block_size(40) == max(1, block // 40)
    found = evaluate(model, train, test)
    assert found.metrics["retrieval"] == expected.metrics["retrieval"]
    assert found.metrics["ranking"] == pytest.approx(expected.metrics["ranking"], rel=1e-6)
    for name, values in expected.by_query.items():
        np.testing.assert_allclose(found.by_query[name], values, rtol=1e-5, atol=1e-5)


def test_view(integer_model):
    """Queries once each, in order; dot products of vectors that a head may give."""
    model, (users, items), (train, _) = integer_model
    test = interactions([7, 3, 7], [1, 2, 0], 30, 40)
    view = TestView(model, "retrieval", train, test)
    assert view.test.candidate.tolist() == [2, 1, 0]
    assert view.queries.tolist() == [3, 7]
    np.testing.assert_array_equal(view.query_embeddings, users[[3, 7]])
    np.testing.assert_array_equal(view.dot_scores()(np.array([7])), users[[7]] @ items.T)
    found = view.dot_scores(np.array([[1.0], [2.0]]), np.array([[3.0], [4.0]]))
    assert found(np.array([3, 7])).tolist() == [[3.0, 4.0], [6.0, 8.0]]
    assert view.known is train
    assert view.mean_by_query(np.array([1.0, 2.0, 4.0]))[[3, 7]].tolist() == [1.0, 3.0]
