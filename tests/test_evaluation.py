"""Ranks are exact: against brute force, with ties, seen candidates kept and removed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtbench.data import Interactions
from mtbench.evaluation import Seen, catalogue_ranks, mid_ranks, top_k_accuracy


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
    ranks = mid_ranks(queries @ candidates.T, rng.integers(0, 1664, 50))
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
