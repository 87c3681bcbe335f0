"""Slices of the test part, by hand."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from made import of_pairs

from mtbench.metrics.slices import in_parts, in_slice, slice_counts


def test_by_hand():
    """Candidates 0 to 4 have 4, 3, 2, 1 and 0 of ten rows: 0 and 1 make 70 %, 2 is needed too."""
    train = of_pairs([(n % 2, c) for c, times in enumerate((4, 3, 2, 1, 0)) for n in [c] * times])
    test = of_pairs([(0, c) for c in range(5)] + [(3, 0), (3, 4)])
    found = {name: in_slice(name, train, test).tolist() for name in ("head", "tail")}
    assert found["head"] == [True, True, True, False, False, True, False]
    assert found["tail"] == [False, False, False, True, False, False, False]
    assert in_slice("cold_candidate", train, test).tolist() == [False] * 4 + [True, False, True]
    assert in_slice("cold_query", train, test).tolist() == [False] * 5 + [True, True]
    assert slice_counts(train, test) == {
        "head": {"rows": 4, "queries": 2, "candidates": 3},
        "tail": {"rows": 1, "queries": 1, "candidates": 1},
        "cold_query": {"rows": 2, "queries": 1, "candidates": 2},
        "cold_candidate": {"rows": 2, "queries": 2, "candidates": 1},
    }


def test_the_lower_id_of_equally_popular_ones_is_in_the_head():
    """Odd ones of 200 have two rows, even ones one: 40 more of these make 80 % of 300 rows."""
    train = of_pairs([(0, c) for c in range(200) for _ in range(1 + c % 2)], 1, 200)
    found = in_slice("head", train, of_pairs([(0, c) for c in range(200)], 1, 200))
    assert found[1::2].all()
    assert found[::2].tolist() == [True] * 40 + [False] * 60


@given(st.integers(0, 10**6), st.integers(1, 60))
def test_candidates_are_in_one_slice(seed, rows):
    rng = np.random.default_rng(seed)
    train = of_pairs(np.stack([rng.integers(0, 4, rows), rng.integers(0, 5, rows) ** 2 // 5], 1))
    every = of_pairs([(0, c) for c in range(5)])
    head, tail, cold = (in_slice(n, train, every) for n in ("head", "tail", "cold_candidate"))
    assert (head.astype(int) + tail + cold).tolist() == [1] * 5
    counts = np.bincount(train.candidate, minlength=5)
    assert counts[head].sum() >= 0.8 * rows
    assert counts[head].sum() - counts[head].min() < 0.8 * rows
    assert counts[head].min() >= counts[tail].max(initial=0)


def test_the_whole_is_a_part():
    train = of_pairs([(0, 0)])
    found = in_parts(("head", "cold_query"), train, of_pairs([(0, 1), (1, 0)]))
    assert {name: rows.tolist() for name, rows in found.items()} == {
        "": [True, True],
        "_head": [False, True],
        "_cold_query": [False, True],
    }
