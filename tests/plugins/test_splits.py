"""Splits: what test_datasets.py leaves open of the random one."""

import numpy as np
import pytest
from pydantic import ValidationError

import mtbench
from mtbench_plugins.splits.random import Random


def data_of(size):
    columns = {name: np.arange(size, dtype=np.int32) for name in ("query", "candidate")}
    sides = [mtbench.Side(name, np.arange(size).astype(str)) for name in columns]
    return mtbench.Data(*sides, mtbench.Interactions(columns, size, size), "made")


@pytest.mark.parametrize(
    ("size", "share", "tests"), [(300, 0.2, 60), (7, 0.5, 4), (2, 0.01, 1), (2, 0.99, 1)]
)
def test_sizes(size, share, tests):
    """7 / 2 = 3.5 rounds to the even 4; each part has one row at least."""
    train, test = Random(test_share=share).build(data_of(size), 3)
    assert (len(train), len(test)) == (size - tests, tests)
    assert train.dtype == test.dtype == np.int64


def test_one_interaction_cannot_be_divided():
    with pytest.raises(mtbench.DataError, match="made: expected two interactions to split"):
        Random().build(data_of(1), 0)


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan")])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ValidationError):
        Random(test_share=share)


def test_every_row_is_as_likely():
    """Of 400 seeds a row is in the test part 80 times, sd 8: all within 5 sd."""
    counts = np.zeros(30)
    for seed in range(400):
        counts[Random().build(data_of(30), seed)[1]] += 1
    assert counts.sum() == 400 * 6
    assert (abs(counts - 80) < 40).all()


def test_the_ids_have_no_influence():
    other = data_of(50)
    for column in other.interactions.columns.values():
        column[:] = 0
    for first, second in zip(Random().build(data_of(50), 1), Random().build(other, 1), strict=True):
        np.testing.assert_array_equal(first, second)
