"""Places in the catalogue are exact: against brute force, with ties, seen candidates removed."""

import gc
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made import of_pairs

from mtbench.metrics import places
from mtbench.metrics import seen as seen_module
from mtbench.metrics.places import dot_product, rank, top_candidates
from mtbench.metrics.seen import Seen


def ranked(scores, test, train=None, length=0):
    """Rank by a row of scores for each query, nothing removed and what is in `train` removed."""
    seen = Seen(train or test.take(np.arange(0)))
    return rank(lambda queries: scores[queries], test, (None, seen), length)


def mid_ranks(scores, targets):
    """Rank a target in each row of scores."""
    scores = np.asarray(scores)
    test = of_pairs(list(enumerate(targets)), *scores.shape)
    return ranked(scores, test)[0].places.mid_ranks.tolist()


def brute_force(scores, target, removed=()):
    """Number of better candidates, and of equal ones, the target included."""
    left = [c for c in range(len(scores)) if c not in removed]
    better = sum(scores[c] > scores[target] for c in left)
    return better, sum(scores[c] == scores[target] for c in left)


@settings(max_examples=60)
@given(
    st.integers(0, 10**6),
    st.integers(1, 12),
    st.integers(1, 15) | st.integers(160, 900),  # sorted, or compared with few targets
    st.integers(1, 5) | st.just(10**6),
    st.sampled_from([1, 40, 2000, 2**21]),
)
def test_against_brute_force(seed, rows, candidates, levels, block):
    rng = np.random.default_rng(seed)
    queries = 4
    scores = rng.integers(0, levels, (queries, candidates)).astype(np.float32)
    pairs = [
        np.stack([rng.integers(0, queries, size), rng.integers(0, candidates, size)], 1)
        for size in (20, rows)
    ]
    train, test = (of_pairs(part, queries, candidates) for part in pairs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "BLOCK", block)
        kept, removed = ranked(scores, test, train, length=7)
    assert kept.queries.tolist() == removed.queries.tolist() == sorted({*test.query.tolist()})
    for n, (query, target) in enumerate(pairs[1]):
        seen = set(train.candidate[train.query == query])
        for found, gone in ((kept, ()), (removed, seen)):
            if target not in gone:
                expected = brute_force(scores[query], target, gone)
                assert (found.places.better[n], found.places.equal[n]) == expected
                assert found.places.mid_ranks[n] == np.mean([expected[0] + 1, sum(expected)])
            best = sorted(set(range(candidates)) - set(gone), key=lambda c: (-scores[query][c], c))
            top = found.top[found.queries.searchsorted(query)]
            assert top.tolist() == (best + [-1] * 7)[:7]


def test_one_row_for_all_queries():
    """A row that was broadcast is sorted once; the result is that of copies."""
    rng = np.random.default_rng(0)
    row = rng.integers(0, 9, 50)
    pairs = np.stack([rng.integers(0, 6, 40), rng.integers(0, 50, 40)], 1)
    train, test = of_pairs(pairs[:20], 6, 50), of_pairs(pairs[20:], 6, 50)
    copies = ranked(np.tile(row, (6, 1)), test, train, length=3)
    score = lambda queries: np.broadcast_to(row, (len(queries), 50))  # noqa: E731
    for one, other in zip(rank(score, test, (None, Seen(train)), 3), copies, strict=True):
        np.testing.assert_array_equal(one.places.mid_ranks, other.places.mid_ranks)
        np.testing.assert_array_equal(one.top, other.top)


def test_each_query_is_scored_once():
    asked = []

    def score(queries):
        asked.extend(queries.tolist())
        return np.zeros((len(queries), 3))

    rank(score, of_pairs([(2, 0), (0, 1), (2, 2), (2, 0)], 4, 3), (None, None))
    assert asked == [0, 2]


def test_all_equal_scores_rank_in_the_middle():
    assert mid_ranks(np.zeros((3, 9)), [0, 4, 8]) == [5.0, 5.0, 5.0]


def test_equal_embeddings_give_equal_scores():
    """The matrix product must not break ties by a candidate's column."""
    rng = np.random.default_rng(0)
    for size, dim, rows in itertools.product((7, 41, 1682, 1683), (16, 32, 33), (1, 2, 3, 50)):
        queries = rng.normal(size=(rows, dim)).astype(np.float32)
        candidates = np.tile(rng.normal(size=dim).astype(np.float32), (size, 1))
        found = mid_ranks(dot_product(candidates)(queries), rng.integers(0, size, rows))
        assert found == [(size + 1) / 2] * rows, (size, dim, rows)


def test_dot_product_of_some_equal_candidates():
    candidates = np.array([[1, 2], [3, 4], [1, 2]], np.float32)
    queries = np.array([[1, 10], [0, 1]], np.float32)
    assert dot_product(candidates)(queries).tolist() == [[21, 43, 21], [2, 4, 2]]
    assert dot_product(candidates[:2])(queries).tolist() == [[21, 43], [2, 4]]


@pytest.mark.parametrize("block", [1, 2**21])
def test_a_nan_score_is_refused(block, monkeypatch):
    monkeypatch.setattr(places, "BLOCK", block)
    scores = np.zeros((2, 3))
    scores[1, 2] = np.nan
    with pytest.raises(FloatingPointError, match="a score is nan"):
        mid_ranks(scores, [0, 0])


def test_an_infinite_score_has_a_rank():
    scores = [[np.inf, 0.0, -np.inf], [np.inf, 0.0, np.inf]]
    assert mid_ranks(scores, [2, 0]) == [3.0, 1.5]
    assert top_candidates(np.array(scores[0]), 3).tolist() == [0, 1, 2]
    assert top_candidates(np.array(scores[0]), 3, np.array([1])).tolist() == [0, 2]


def test_no_rows():
    test = of_pairs([], 2, 3)
    (found,) = rank(lambda queries: np.zeros((len(queries), 3)), test, length=2)
    assert found.places.mid_ranks.tolist() == []
    assert found.top.shape == (0, 2)


def test_seen():
    known = of_pairs([(1, 3), (0, 2), (1, 0), (1, 3)], 3, 4)
    seen = Seen(known)
    assert len(seen) == 3
    assert [seen[query].tolist() for query in range(3)] == [[2], [0, 3], []]
    assert seen.counts(np.array([0, 1, 2])).tolist() == [1, 2, 0]
    assert seen.contains(np.array([0, 0, 2]), np.array([2, 3, 3])).tolist() == [True, False, False]
    assert seen.per_candidate().tolist() == [1, 0, 1, 1]
    nothing = Seen(of_pairs([], 3, 4))
    assert nothing.contains(np.array([0]), np.array([0])).tolist() == [False]


def test_seen_is_made_once_and_goes_with_its_interactions():
    known = of_pairs([(0, 1)], 1, 2)
    assert Seen.of(known) is Seen.of(known)
    assert Seen.of(of_pairs([(0, 1)], 1, 2)) is not Seen.of(known)
    before = len(seen_module._SEEN)
    del known
    gc.collect()
    assert len(seen_module._SEEN) < before


def test_duplicates_count_once():
    """Candidates 0 to 3 score 4, 3, 2, 1; the query has seen 0 (three times) and 1."""
    train = of_pairs([(0, 0), (0, 0), (0, 0), (0, 1)], 1, 4)
    test = of_pairs([(0, 2), (0, 3)], 1, 4)
    kept, removed = ranked(np.array([[4.0, 3.0, 2.0, 1.0]]), test, train)
    assert kept.places.mid_ranks.tolist() == [3.0, 4.0]
    assert removed.places.mid_ranks.tolist() == [1.0, 2.0]


def test_ties_with_seen_candidates():
    """Five equal scores: kept 3; with two others removed 2."""
    train, test = of_pairs([(0, 1), (0, 2), (1, 0)], 2, 5), of_pairs([(0, 0), (1, 4)], 2, 5)
    kept, removed = ranked(np.zeros((2, 5)), test, train)
    assert kept.places.mid_ranks.tolist() == [3.0, 3.0]
    assert removed.places.mid_ranks.tolist() == [2.0, 2.5]
