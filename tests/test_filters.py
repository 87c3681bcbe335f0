"""Filters: exact by hand, by brute force, and as if what they drop had never been there."""

import numpy as np
import pytest
import tensorflow as tf
from batches import make_batch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import mtbench
from mtbench.data import Data, Ids, Known, Raw
from mtbench.data.filters import Filters, Range, filtered
from mtbench.kit import within

NAN = float("nan")


def data_of(query, candidate, rating, time, known=True):
    """Users have a group and an age, items tags; of the catalogue 90 to 92 have no interaction."""
    ids = np.array([*dict.fromkeys([*candidate, 90, 91, 92])])
    users = np.array([*dict.fromkeys(query)])
    return Data.encode(
        Ids("u", np.array(query), Known(users, {
            "group": Raw("categorical", [f"g{u % 3}" for u in users]),
            "age": Raw("numeric", users * 1.5),
        })),
        Ids("i", np.array(candidate), Known(ids, {
            "tags": Raw("multi_hot", [[f"t{i % 4}", f"s{i % 2}"] for i in ids]),
        }) if known else None),
        {"user_rating": np.array(rating, np.float32), "timestamp": np.array(time, np.int64)},
        "made",
    )  # fmt: skip


def rows_of(data):
    """The interactions, by ids."""
    columns = data.interactions.columns
    sides = data.query.ids[columns["query"]], data.candidate.ids[columns["candidate"]]
    return [*zip(*sides, columns["user_rating"].tolist(), columns["timestamp"].tolist(),
                 strict=True)]  # fmt: skip


HAND = ([1, 1, 1, 2, 2, 2, 3, 3, 4], [10, 11, 12, 10, 11, 13, 10, 12, 11],
        [5, 4, NAN, 1, 2, 3, 4, 5, 5], [1, 2, 3, 4, 5, 6, 7, 8, 86400])  # fmt: skip


def test_by_hand():
    data = data_of(*HAND)
    left = filtered(data, Filters(min_per_query=2, min_per_candidate=2))
    assert [row[:2] for row in rows_of(left)] == [
        ("1", "10"), ("1", "11"), ("1", "12"), ("2", "10"), ("2", "11"), ("3", "10"), ("3", "12"),
    ]  # fmt: skip
    assert left.candidate.ids.tolist() == ["10", "11", "12"]  # the catalogue has enough too
    assert left.notes[-1] == (
        "filters leave 7 of 9 interactions, 3 of 4 queries, 3 of 7 candidates (dropped: 2 by "
        "number of interactions)"
    )
    labels = {"user_rating": {"least": 2, "most": 4}}
    left = filtered(data, Filters(since=2, before="1970-01-02", labels=labels))
    assert [row[3] for row in rows_of(left)] == [2, 5, 6, 7]
    assert left.candidate.ids.tolist() == ["10", "11", "13", "90", "91", "92"]
    assert left.notes[-1] == (
        "filters leave 4 of 9 interactions, 3 of 4 queries, 6 of 7 candidates (dropped: 2 by time, "
        "1 by missing user_rating, 2 by user_rating)"
    )
    assert filtered(data, None) is data
    assert filtered(data, Filters(min_per_query=1)).notes == (
        "filters leave 9 of 9 interactions, 4 of 4 queries, 7 of 7 candidates (dropped: none)",
    )


def test_dropping_one_can_drop_others():
    """A chain: the last user goes, then its item, then the user before."""
    chain = [(n, m) for n in range(1, 9) for m in (n, n + 1)] + [
        (20, 30),
        (20, 31),
        (21, 30),
        (21, 31),
    ]
    query, candidate = zip(*chain, strict=True)
    data = data_of(query, candidate, [1.0] * len(chain), range(len(chain)), known=False)
    left = filtered(data, Filters(min_per_query=2, min_per_candidate=2))
    assert {row[0] for row in rows_of(left)} == {"20", "21"}
    assert left.candidate.ids.tolist() == ["30", "31"]


@given(
    st.lists(
        st.tuples(*[st.integers(0, 5)] * 2, st.integers(1, 5), st.integers(0, 50)), min_size=4
    ),
    st.integers(1, 3), st.integers(1, 3), st.integers(0, 30), st.integers(1, 5),
)  # fmt: skip
def test_it_is_as_if_the_others_had_never_been_there(rows, per_query, per_candidate, since, least):
    """Against taking rows out one by one, and encoding what is left."""
    rows = [(u, i, float(r), t) for u, i, r, t in rows]
    filters = Filters(
        min_per_query=per_query, min_per_candidate=per_candidate, since=since,
        labels={"user_rating": {"least": least}},
    )  # fmt: skip
    left = [row for row in rows if row[3] >= since and row[2] >= least]
    while True:
        less = [row for row in left if sum(r[0] == row[0] for r in left) >= per_query]
        less = [row for row in less if sum(r[1] == row[1] for r in less) >= per_candidate]
        if less == left:
            break
        left = less
    data = data_of(*zip(*rows, strict=True), known=False)
    if min(len({row[0] for row in left}), len({row[1] for row in left})) < 2:
        with pytest.raises(mtbench.DataError, match="made: expected filters to leave two"):
            filtered(data, filters)
    else:
        expected = data_of(*zip(*left, strict=True), known=False)
        assert filtered(data, filters).fingerprint == expected.fingerprint


def test_features_are_those_of_what_is_left():
    rows = [*zip(*HAND, strict=True)]
    expected = data_of(*zip(*[row for row in rows if row[3] >= 5], strict=True))
    found = filtered(data_of(*HAND), Filters(since=5))
    assert found.candidate.ids.tolist() == expected.candidate.ids.tolist()
    assert found.fingerprint == expected.fingerprint
    assert found.query.features["group"].names.tolist() == ["g0", "g1", "g2"]


def test_a_column_that_is_not_there():
    with pytest.raises(mtbench.DataError, match="column 'stars', which made lacks"):
        filtered(data_of(*HAND), Filters(labels={"stars": {"least": 1}}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "expected one of min_per_query, .*, found none"),
        ({"since": "2024-13-01"}, "expected seconds since 1970 or an ISO 8601 date"),
        ({"since": "2024-01-01", "before": 1}, "expected since before 1, found 2024-01-01"),
        ({"labels": {"x": {}}}, "expected least, most or both, found neither"),
        ({"labels": {"x": {"least": 2, "most": 1}}}, "expected least below most, found 2 and 1"),
        ({"min_per_query": 0}, "greater than or equal to 1"),
    ],
)
def test_filters_that_cannot_be(options, message):
    with pytest.raises(ValidationError, match=message):
        Filters(**options)


def test_every_dataset_has_them(registry):
    suite = registry.find("dataset", "synthetic")
    options = {"num_users": 40, "num_items": 30, "num_ratings": 300}
    data = suite(**options, filters={"min_per_query": 9}).read()
    assert np.bincount(data.interactions.query).min() >= 9
    assert data.notes[-1].startswith("filters leave ")
    assert suite(**options).read().fingerprint == suite(**options).load().fingerprint


ENDS = st.sampled_from([None, -1.0, 0.1, 0.7, 2.0, 2.5])


@settings(max_examples=30)
@given(ENDS, ENDS, st.sampled_from([np.float32, np.int64, np.float64]))
def test_ranges_are_the_same_in_a_batch(least, most, dtype):
    """Also at their ends, where float32 rounds them, and for columns that are NumPy arrays."""
    if least is most is None or (None not in (least, most) and least > most):
        return
    numbers = np.array([-1, 0.1, 0.7, 2, 2.5, 3], dtype)
    if dtype is not np.int64:
        numbers = np.append(numbers, dtype(np.nan))
    ends = Range(least=least, most=most)
    tables = [tf.zeros([len(numbers), 1])] * 2
    rows = np.arange(len(numbers))
    batch = make_batch(tables, rows, rows, number=numbers)
    np.testing.assert_array_equal(within(batch, {"number": ends}), ends.holds(numbers))
    assert within(batch, {}).numpy().all()
    low, high = (-np.inf if least is None else dtype(least)), (np.inf if most is None else most)
    if dtype is np.float64:
        assert ends.holds(numbers).tolist() == [low <= x <= high for x in numbers]
