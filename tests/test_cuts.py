"""What the splits share, by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import interactions

import mtbench
from mtbench.data import parts as cuts


class Named(mtbench.Split):
    """A name for messages."""

    name = "named"


def data_of(query, **columns):
    rows = interactions(query, query, 5, 5, **columns)
    sides = [mtbench.Side(name, np.arange(5).astype(str)) for name in ("user_id", "movie_id")]
    return mtbench.Data(*sides, rows, "made")


@pytest.mark.parametrize(
    ("rows", "share", "validates"),
    [(10, 0, 0), (10, 0.25, 2), (10, 0.35, 4), (10, 0.01, 1), (10, 0.99, 9), (2, 0.9, 1)],
)
def test_validation_size(rows, share, validates):
    """2.5 and 3.5 round to the even number; one row at least, and one is left."""
    assert cuts.validation_size(rows, share) == validates


def test_shares():
    """Of n rows 0.75 n do not test, of which 0.8 train: 0.6 n."""
    counts = np.array([0, 1, 2, 3, 4, 5, 6, 10])
    train, kept = cuts.shares(counts, 0.25, 0.2)
    assert kept.tolist() == [0, 1, 2, 2, 3, 4, 4, 8]  # 0.75, 1.5, 2.25, 3, 3.75, 4.5, 7.5
    assert train.tolist() == [0, 1, 1, 2, 2, 3, 4, 6]  # 0.6, 1.2, 1.8, 2.4, 3, 3.6, 6
    assert train.dtype == kept.dtype == np.int64


def test_every_query_keeps_a_row():
    train, kept = cuts.shares(np.array([0, 1, 2, 4]), 0.99, 0.99)
    assert train.tolist() == kept.tolist() == [0, 1, 1, 1]


@pytest.mark.parametrize(("share", "kept"), [(0.7, 4), (0.9, 2)])
def test_halves_are_not_left_to_rounding_errors(share, kept):
    """15 (1 − 0.7) = 4.500000000000001 and 15 (1 − 0.9) = 1.4999999999999996 are halves."""
    assert cuts.shares(np.array([15]), share, 0)[1].tolist() == [kept]


def test_cut_each():
    """Queries 0 and 2 of four and three rows, cut 2 + 1 + 1 and 1 + 0 + 2."""
    data = data_of([2, 0, 0, 2, 0, 2, 0])
    order = np.array([6, 4, 2, 1, 0, 5, 3])
    train, kept = np.array([2, 0, 1, 0, 0]), np.array([3, 0, 1, 0, 0])
    parts = cuts.cut_each(data, order, train, kept)
    assert [part.tolist() for part in parts] == [[0, 4, 6], [1, 3, 5], [2]]
    assert {part.dtype for part in parts} == {np.dtype(np.int64)}


# the first call imports scipy
@given(st.lists(st.integers(0, 4), max_size=30), st.integers(0, 99))
def test_by_query(query, seed):
    order = np.random.default_rng(seed).permutation(len(query))
    found = cuts.by_query(data_of(query), order)
    expected = sorted(order.tolist(), key=lambda row: query[row])  # sorted() is stable
    assert found.tolist() == expected
    assert found.dtype == np.int64


def test_by_query_and_time():
    """Rows of one time stay in their order."""
    data = data_of([1, 0, 1, 0, 1], timestamp=[5, 2, 4, -1, 4])
    assert cuts.by_query_and_time(Named(), data).tolist() == [3, 1, 2, 4, 0]


def test_what_is_missing_is_said():
    data = data_of([1, 0, 1])
    with pytest.raises(mtbench.DataError) as caught:
        cuts.by_query_and_time(Named(), data)
    assert str(caught.value) == (
        "made: split 'named' reads column 'timestamp', which the data lacks "
        "(it has query, candidate)"
    )
    with pytest.raises(mtbench.DataError) as caught:
        cuts.require_rows(data, 4, "for 4 folds")
    assert str(caught.value) == "made: expected 4 interactions or more for 4 folds, found 3"
    assert cuts.require_rows(data, 3, "for 3 folds") == 3


def test_an_empty_part_is_said():
    data, none = data_of([1, 0, 1]), np.empty(0, np.int64)
    parts = mtbench.Parts(np.arange(3), none)
    with pytest.raises(mtbench.DataError) as caught:
        cuts.require_parts(Named(), data, parts, {"test": "raise test_share"})
    assert str(caught.value) == (
        "made: expected split 'named' to leave a test part, found none of 3 interactions by "
        "2 user_id: raise test_share"
    )
    assert cuts.require_parts(Named(), data, parts, {"train": ""}) is parts
