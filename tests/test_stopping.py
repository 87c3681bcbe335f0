"""Which epoch is the best, and when to stop."""

import math

import pytest

from mtbench.train.stopping import Stopping


def follow(stopping, *epochs):
    return [stopping.better(n, found) for n, found in enumerate(epochs, 1)]


def rmse(value):
    return {"ranking": {"rmse": value}}


def test_lower_is_better_and_ties_are_not():
    stopping = Stopping([("ranking/rmse", False)], patience=2)
    found = follow(stopping, *map(rmse, (1.2, 1.1, 1.1, 1.0, 1.05)))
    assert found == [True, True, False, True, False]
    assert (stopping.best, stopping.over) == (4, False)
    assert not stopping.better(6, rmse(1.0))
    assert (stopping.best, stopping.over) == (4, True)


def test_patience_counts_from_the_last_better_one():
    stopping = Stopping([("ranking/rmse", False)], patience=1)
    assert follow(stopping, rmse(1.0), rmse(1.0)) == [True, False]
    assert stopping.over


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_a_tenth_is_a_tenth_on_any_scale(scale):
    """RMSE up by a fifth outweighs nDCG up by a tenth; down by a twentieth it does not."""
    metrics = [("ranking/rmse", False), ("retrieval/ndcg", True)]

    def epoch(error, gain):
        return {"ranking": {"rmse": scale * error}, "retrieval": {"ndcg": gain}}

    start = epoch(1.0, 0.2)
    assert follow(Stopping(metrics, 3), start, epoch(1.2, 0.22)) == [True, False]
    assert follow(Stopping(metrics, 3), start, epoch(1.05, 0.22)) == [True, True]
    assert math.log(1.1) - math.log(1.05) > 0 > math.log(1.1) - math.log(1.2)


def test_zero_is_the_worst_of_what_should_be_high():
    stopping = Stopping([("retrieval/ndcg", True)], patience=5)
    zero, some = {"retrieval": {"ndcg": 0.0}}, {"retrieval": {"ndcg": 1e-9}}
    assert follow(stopping, zero, zero, some) == [True, False, True]


def test_a_metric_that_is_missing_is_the_worst():
    stopping = Stopping([("retrieval/ndcg_tail", True)], patience=5)
    assert follow(stopping, {"retrieval": {}}, {"retrieval": {"ndcg_tail": 0.1}}) == [True, True]
