"""Ranks are exact: against brute force, with ties, seen candidates kept and removed."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtbench import evaluation
from mtbench.data import Interactions
from mtbench.evaluation import (
    Seen,
    catalogue_ranks,
    dot_product,
    evaluate,
    mid_ranks,
    top_k_accuracy,
)
from mtbench.model import MultiTaskModel
from mtbench_plugins.tasks import ranking


def interactions(pairs, num_queries, num_candidates):
    query, candidate = np.array(pairs, np.int32).reshape(-1, 2).T
    columns = {"query": query, "candidate": candidate}
    return Interactions(columns, num_queries, num_candidates)


def brute_force(scores, target, removed=()):
    """Middle position of the target among all orders that sort by score."""
    left = [c for c in range(len(scores)) if c == target or c not in removed]
    better = sum(scores[c] > scores[target] for c in left)
    equal = sum(scores[c] == scores[target] for c in left)
    return np.mean([better + n for n in range(1, equal + 1)])


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 15), st.integers(1, 5))
def test_against_brute_force(seed, rows, candidates, levels):
    rng = np.random.default_rng(seed)
    queries = 4
    by_query = rng.integers(0, levels, (queries, candidates)).astype(np.float32)
    train = np.stack([rng.integers(0, queries, 20), rng.integers(0, candidates, 20)], 1)
    test = np.stack([rng.integers(0, queries, rows), rng.integers(0, candidates, rows)], 1)
    scores = by_query[test[:, 0]]
    cut = rows // 2
    blocks = (block for block in (scores[:cut], scores[cut:]) if len(block))
    kept, removed = catalogue_ranks(
        blocks,
        interactions(train, queries, candidates),
        interactions(test, queries, candidates),
    )
    for n, (query, target) in enumerate(test):
        seen = set(train[train[:, 0] == query, 1])
        assert kept[n] == brute_force(scores[n], target)
        assert removed[n] == brute_force(scores[n], target, seen)


def test_all_equal_scores_rank_in_the_middle():
    assert mid_ranks(np.zeros((3, 9)), np.array([0, 4, 8])).tolist() == [5.0, 5.0, 5.0]


def test_equal_embeddings_give_equal_scores():
    """The matrix product must not break ties by a candidate's column."""
    rng = np.random.default_rng(0)
    queries = rng.normal(size=(50, 32)).astype(np.float32)
    candidates = np.tile(rng.normal(size=32).astype(np.float32), (1664, 1))
    ranks = mid_ranks(dot_product(candidates)(queries), rng.integers(0, 1664, 50))
    assert (ranks == 832.5).all()


def test_a_nan_score_is_refused():
    scores = np.zeros((2, 3))
    scores[1, 2] = np.nan
    with pytest.raises(FloatingPointError):
        mid_ranks(scores, np.array([0, 0]))


def test_seen():
    seen = Seen(interactions([(1, 3), (0, 2), (1, 0), (1, 3)], 3, 4))
    assert seen.counts(np.array([0, 1, 2])).tolist() == [1, 2, 0]
    rows, columns = seen.positions(np.array([1, 2, 0]))
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [(0, 0), (0, 3), (2, 2)]
    assert seen.contains(np.array([0, 0, 2]), np.array([2, 3, 3])).tolist() == [True, False, False]


def test_top_k_accuracy():
    result = top_k_accuracy(np.array([1.0, 1.5, 3.0, 7.0]), np.array([1.0, 1.0, 2.0, 5.0]), (1, 5))
    assert result == {
        "top_1_seen_kept": 0.25,
        "top_5_seen_kept": 0.75,
        "top_1_seen_removed": 0.5,
        "top_5_seen_removed": 1.0,
    }


def test_an_infinite_score_has_a_rank():
    scores = np.array([[np.inf, 0.0, -np.inf], [np.inf, 0.0, np.inf]])
    assert mid_ranks(scores, np.array([2, 0])).tolist() == [3.0, 1.5]


def test_a_seen_target_stays_and_duplicates_count_once():
    """Candidates 0 to 3 score 4, 3, 2, 1; the query has seen 0 (three times), 1 and the target."""
    train = interactions([(0, 0), (0, 0), (0, 0), (0, 1), (0, 2)], 1, 4)
    test = interactions([(0, 2), (0, 3)], 1, 4)
    scores = np.array([[4.0, 3.0, 2.0, 1.0]] * 2)
    kept, removed = catalogue_ranks([scores], train, test)
    assert kept.tolist() == [3.0, 4.0]
    assert removed.tolist() == [1.0, 1.0]


def test_ties_with_seen_candidates():
    """Five equal scores: kept 3; with two others removed 2, with the target itself seen 2."""
    train = interactions([(0, 1), (0, 2), (1, 0), (1, 1), (1, 2)], 2, 5)
    test = interactions([(0, 0), (1, 0)], 2, 5)
    kept, removed = catalogue_ranks([np.zeros((2, 5))], train, test)
    assert kept.tolist() == [3.0, 3.0]
    assert removed.tolist() == [2.0, 2.0]


@pytest.fixture
def integer_model(make_suite, tiny_data):
    """A model of small integers, whose scores are exact whatever the order of summation."""
    suite = make_suite("tasks.retrieval.top_k=[1, 2, 5, 10, 40]")
    model = MultiTaskModel(suite, suite.scenarios["joint"], tiny_data)
    rng = np.random.default_rng(0)
    tables = [rng.integers(-1, 2, (n, 4)).astype(np.float32) for n in (30, 40)]
    for variable, table in zip(model.model_variables, tables, strict=False):
        variable.assign(table)
    parts = [tiny_data.interactions.take(rows) for rows in suite.split.build(tiny_data, 0)[:2]]
    return model, tables, parts


def test_evaluation_of_a_model_against_brute_force(integer_model):
    model, (users, items), (train, test) = integer_model
    ranks = [], []
    for query, target in zip(test.query, test.candidate, strict=True):
        scores = users[query] @ items.T
        ranks[0].append(brute_force(scores, target))
        ranks[1].append(brute_force(scores, target, set(train.candidate[train.query == query])))
    found = evaluate(model, train, test).metrics["retrieval"]
    for k in (1, 2, 5, 10, 40):
        assert found[f"top_{k}_seen_kept"] == np.mean(np.array(ranks[0]) <= k)
        assert found[f"top_{k}_seen_removed"] == np.mean(np.array(ranks[1]) <= k)


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
    assert set(scores.by_query) == {
        f"{t}/{m}" for t, found in scores.metrics.items() for m in found
    }


@pytest.mark.parametrize("block", [1, 40, 7 * 40, 59 * 40, 60 * 40])
def test_blocks_change_nothing(integer_model, monkeypatch, block):
    """Of 60 test rows: one at a time, seven at a time (a rest of four), 59 and one, all."""
    model, _, (train, test) = integer_model
    expected = evaluate(model, train, test).metrics
    monkeypatch.setattr(evaluation, "BLOCK", block)
    monkeypatch.setattr(ranking, "BLOCK", max(1, block // 40))
    assert evaluation.block_size(40) == max(1, block // 40)
    found = evaluate(model, train, test).metrics
    assert found["retrieval"] == expected["retrieval"]
    assert found["ranking"] == pytest.approx(expected["ranking"], rel=1e-6)


def test_equal_embeddings_tie_in_every_shape():
    rng = np.random.default_rng(0)
    for size, dim, rows in itertools.product((7, 41, 1682, 1683), (16, 32, 33), (1, 2, 3, 50)):
        queries = rng.normal(size=(rows, dim)).astype(np.float32)
        candidates = np.tile(rng.normal(size=dim).astype(np.float32), (size, 1))
        ranks = mid_ranks(dot_product(candidates)(queries), rng.integers(0, size, rows))
        assert (ranks == (size + 1) / 2).all(), (size, dim, rows)
