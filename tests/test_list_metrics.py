"""Metrics of ranked lists: by hand, over every order of tied candidates, and their properties."""

import itertools
import math

import numpy as np
import pytest
import textbook
from hypothesis import given, settings
from hypothesis import strategies as st

from mtbench.metrics import lists as list_metrics
from mtbench.metrics.lists import Relevant
from mtbench.metrics.places import Places

BY_NAME = {
    "recall": list_metrics.recall,
    "precision": list_metrics.precision,
    "hit_rate": list_metrics.hit_rate,
    "ndcg": list_metrics.ndcg,
    "map": list_metrics.average_precision,
    "mrr": lambda relevant, k: list_metrics.reciprocal_rank(relevant),
}


def relevant(places, num_queries=1):
    """From (query, better, equal) of each relevant candidate."""
    query, better, equal = np.array(places, np.int64).reshape(-1, 3).T
    return Relevant(query, Places(better, equal), num_queries)


def of_scores(scores, wanted):
    """The relevant candidates of queries with these rows of scores."""
    return relevant(
        [
            (query, sum(row > row[c]), sum(row == row[c]))
            for query, row in enumerate(scores)
            for c in wanted[query]
        ],
        len(scores),
    )


def every_order(scores):
    """All orders of the candidates that sort by score."""
    levels = sorted(set(scores), reverse=True)
    groups = [[c for c in range(len(scores)) if scores[c] == level] for level in levels]
    for parts in itertools.product(*map(itertools.permutations, groups)):
        yield [c for part in parts for c in part]


@settings(max_examples=80)
@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=6).flatmap(
        lambda scores: st.tuples(
            st.just(scores),
            st.sets(st.integers(0, len(scores) - 1), min_size=1),
            st.integers(1, 8),
        )
    )
)
def test_ties_are_averaged_over_every_order(case):
    scores, wanted, k = case
    found = of_scores([np.array(scores)], [sorted(wanted)])
    orders = [
        textbook.of_list([order.index(c) + 1 for c in wanted], k, len(wanted))
        for order in every_order(scores)
    ]
    for name, metric in BY_NAME.items():
        expected = np.mean([values[name] for values in orders])
        assert metric(found, k)[0] == pytest.approx(expected, rel=1e-12), name


def test_by_hand():
    """Relevant are ranks 1, 3 and 6; the second query finds its only one at rank 2."""
    found = relevant([(0, 0, 1), (0, 2, 1), (0, 5, 1), (2, 1, 1)], 3)
    expected = {
        "recall": (2 / 3, 1),
        "precision": (2 / 5, 1 / 5),
        "hit_rate": (1, 1),
        "ndcg": ((1 + 0.5) / (1 + 1 / math.log2(3) + 0.5), 1 / math.log2(3)),
        "map": ((1 + 2 / 3) / 3, 1 / 2),
        "mrr": (1, 1 / 2),
    }
    for name, (first, last) in expected.items():
        values = BY_NAME[name](found, 5)
        np.testing.assert_allclose(values, [first, np.nan, last], rtol=1e-15, err_msg=name)
    np.testing.assert_array_equal(list_metrics.hit_rate(found, 1), [1, np.nan, 0])


def test_three_tied_relevant_do_not_fill_a_list_of_two():
    """Their middle rank is 2, so that ranks used as they are would give a precision of 3/2."""
    found = relevant([(0, 0, 3)] * 3)
    assert list_metrics.precision(found, 2)[0] == 1.0
    assert list_metrics.recall(found, 2)[0] == pytest.approx(2 / 3)
    assert list_metrics.ndcg(found, 2)[0] == pytest.approx(1.0)


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 6), st.integers(1, 40))
def test_properties(seed, candidates, levels, k):
    """Between 0 and 1; only the order counts; a perfect list has 1; worse lists have less."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, levels, (3, candidates)).astype(float)
    wanted = [np.flatnonzero(rng.random(candidates) < 0.3) for _ in range(3)]
    found = of_scores(scores, wanted)
    same = of_scores(np.exp(scores) - 5, wanted)
    better = scores.copy()
    perfect = scores.copy()
    for query in range(3):
        better[query, wanted[query]] += 1
        perfect[query, wanted[query]] += levels
    better, perfect = of_scores(better, wanted), of_scores(perfect, wanted)
    some = np.array([len(ids) > 0 for ids in wanted])
    for name, metric in BY_NAME.items():
        values = metric(found, k)
        np.testing.assert_array_equal(np.isnan(values), ~some)
        assert np.all(values[some] >= 0), name
        assert np.all(values[some] <= 1 + 1e-12), name
        np.testing.assert_array_equal(metric(same, k), values)
        assert np.all(metric(better, k)[some] >= values[some] - 1e-12), name
        if name not in ("recall", "precision"):
            np.testing.assert_allclose(metric(perfect, k)[some], 1.0, err_msg=name)


def test_a_large_tie_by_numbers():
    """200 of one score, 3 of them relevant, 50 above: against plain sums."""
    p, g, m = 50, 200, 3
    found = relevant([(0, p, g)] * m)
    first = [math.comb(g - x, m - 1) / math.comb(g, m) for x in range(1, g + 1)]
    expected = sum(probability / (p + x) for x, probability in enumerate(first, 1))
    assert list_metrics.reciprocal_rank(found)[0] == pytest.approx(expected, rel=1e-12)
    top = sum(probability / x for x, probability in enumerate(first, 1))
    on_top = relevant([(0, 0, g)] * m)
    assert list_metrics.reciprocal_rank(on_top)[0] == pytest.approx(top, rel=1e-12)
    missed = math.comb(g - m, 10) / math.comb(g, 10)
    assert list_metrics.hit_rate(found, 60)[0] == pytest.approx(1 - missed, rel=1e-12)


def test_nobody_has_a_relevant_candidate():
    for metric in BY_NAME.values():
        np.testing.assert_array_equal(metric(relevant([], 2), 3), [np.nan, np.nan])


def test_lists_by_hand():
    """Of four candidates 0 is in three lists, 1 in one, 3 in one; one list is shorter."""
    top = np.array([[0, 1], [0, 3], [0, -1]])
    assert list_metrics.coverage(top, 4) == 3 / 4
    # ascending 0, 1, 1, 3: (−3·0 − 1·1 + 1·1 + 3·3) / (4 · 5)
    assert list_metrics.gini(top, 4) == pytest.approx(9 / 20)
    values = np.array([1.0, 2.0, 0.0, 4.0])
    assert list_metrics.mean_in_lists(top, values).tolist() == [1.5, 2.5, 1.0]
    np.testing.assert_array_equal(
        list_metrics.mean_in_lists(np.array([[-1], [2]]), values), [np.nan, 0.0]
    )


def test_gini_of_equal_and_of_one():
    assert list_metrics.gini(np.array([[0, 1], [2, 3]]), 4) == 0.0
    assert list_metrics.gini(np.array([[2], [2]]), 4) == 3 / 4


def test_popularity_and_novelty():
    """Of eight queries 4, 1 and 0 have had them: 1 bit, 3 bits, and what one would have."""
    seen_by = np.array([4, 1, 0])
    assert list_metrics.popularity(seen_by, 8).tolist() == [0.5, 0.125, 0.0]
    assert list_metrics.self_information(seen_by, 8).tolist() == [1.0, 3.0, 3.0]
