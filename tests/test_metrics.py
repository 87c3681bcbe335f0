"""Metrics of predictions: by hand, by brute force, their properties, and against the peers."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtbench.metrics.predictions import (
    auc,
    auc_by_query,
    calibration_error,
    defined,
    gauc,
    log_loss,
    mae,
    mean_by_query,
    rmse,
)


def random_rows(seed, size, levels=5, queries=4):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, size)
    return labels, rng.integers(0, levels, size) / levels, rng.integers(0, queries, size)


def test_errors_by_hand():
    labels, predictions = np.array([1, 2, 5], np.float32), np.array([2.0, 2.0, 3.0])
    assert rmse(labels, predictions) == pytest.approx(math.sqrt(5 / 3), rel=1e-15)
    assert mae(labels, predictions) == 1.0


def test_mean_by_query():
    found = mean_by_query(np.array([1.0, 2.0, 6.0]), np.array([2, 0, 2]), 4)
    np.testing.assert_array_equal(found, [2.0, np.nan, 3.5, np.nan])


def test_auc_by_hand():
    """Positives 3 and 1, negatives 2 and 1: of four pairs 3 > 2, 3 > 1, 1 < 2 and a tie."""
    assert auc(np.array([1, 0, 1, 0]), np.array([3.0, 2.0, 1.0, 1.0])) == 2.5 / 4
    assert math.isnan(auc(np.ones(3), np.arange(3.0)))
    assert math.isnan(auc(np.zeros(3), np.arange(3.0)))
    assert math.isnan(auc(np.zeros(0), np.zeros(0)))


@given(st.integers(0, 10**6), st.integers(0, 30), st.integers(1, 8))
def test_auc_by_brute_force(seed, size, levels):
    labels, scores, query = random_rows(seed, size, levels)
    found, weights = auc_by_query(labels, scores, query, 5), []
    for user in range(5):
        own = query == user
        positive, negative = scores[own & (labels == 1)], scores[own & (labels == 0)]
        wins = [(p > n) + 0.5 * (p == n) for p in positive for n in negative]
        assert found[user] == pytest.approx(np.mean(wins)) if wins else np.isnan(found[user])
        weights.append(own.sum() if wins else 0)
    if any(weights):
        expected = np.average(np.nan_to_num(found), weights=weights)
        assert gauc(labels, scores, query, 5) == pytest.approx(expected)
    else:
        assert math.isnan(gauc(labels, scores, query, 5))


@given(st.integers(0, 10**6))
def test_auc_sees_the_order_only(seed):
    labels, scores, query = random_rows(seed, 40)
    assert auc(labels, scores) == auc(labels, np.exp(3 * scores) - 7)
    assert auc(labels, scores) == pytest.approx(1 - auc(1 - labels, scores))
    assert auc(labels, scores) == pytest.approx(1 - auc(labels, -scores))
    assert gauc(labels, scores, query, 4) == gauc(labels, np.exp(scores), query, 4)
    assert auc(labels, labels) == 1.0


def test_log_loss_by_hand():
    """p = ¾ is the logit ln 3: −ln ¾ for a positive, −ln ¼ for a negative."""
    logits = np.full(2, math.log(3), np.float64)
    assert log_loss(np.array([1, 0]), logits) == pytest.approx(-math.log(3 / 16) / 2, rel=1e-15)


def test_log_loss_is_not_clipped():
    """Where p rounds to 1 a negative costs its logit, and one at 40 does not round to nothing."""
    assert log_loss(np.array([0.0]), np.array([1e4])) == 1e4
    assert log_loss(np.array([1.0]), np.array([40.0])) == pytest.approx(
        math.exp(-40), rel=1e-12, abs=0
    )


def test_calibration_error_by_hand():
    """Two bins: ½ belongs to the first. (|0 + 1 − 0.2 − 0.5| + |1 + 1 − 0.6 − 1|) / 4."""
    labels, probabilities = np.array([0, 1, 1, 1]), np.array([0.2, 0.5, 0.6, 1.0])
    assert calibration_error(labels, probabilities, 2) == pytest.approx((0.3 + 0.4) / 4)
    assert calibration_error(np.array([0, 1]), np.array([0.0, 1.0])) == 0.0


@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 20))
def test_calibration_error_by_brute_force(seed, size, bins):
    rng = np.random.default_rng(seed)
    labels, probabilities = rng.integers(0, 2, size), rng.random(size)
    total = 0.0
    for b in range(bins):
        own = (probabilities > b / bins) & (probabilities <= (b + 1) / bins)
        if own.any():
            total += own.mean() * abs(labels[own].mean() - probabilities[own].mean())
    assert calibration_error(labels, probabilities, bins) == pytest.approx(total)
    assert 0 <= total <= 1


def test_nan_is_refused():
    for metric in (rmse, mae, auc, log_loss, calibration_error):
        with pytest.raises(FloatingPointError, match="a prediction is nan"):
            metric(np.array([0, 1]), np.array([np.nan, 0.5]))


def test_undefined_metrics_are_left_out():
    empty = np.zeros(0)
    assert defined({"a": rmse(empty, empty), "b": 1, "c": calibration_error(empty, empty)}) == {
        "b": 1.0
    }


def test_the_peers_values():
    """Those of scikit-learn."""
    path = Path(__file__).parent / "golden" / "metric_peers.json"
    peers = json.loads(path.read_text())
    rows = {name: np.array(column) for name, column in peers["inputs"]["rows"].items()}
    label, logit, query = rows["label"], rows["logit"], rows["query"]
    found = {
        "auc": auc(label, logit),
        "auc_by_query": auc_by_query(label, logit, query, 12),
        "gauc": gauc(label, logit, query, 12),
        "log_loss": log_loss(label, logit),
        "calibration_error": calibration_error(label, 1 / (1 + np.exp(-logit))),
        "rmse": rmse(rows["rating"], rows["prediction"]),
        "mae": mae(rows["rating"], rows["prediction"]),
    }
    theirs = {o["ours"]: o.get("value", o.get("by_query")) for o in peers["outputs"]}
    for name, value in found.items():
        np.testing.assert_allclose(value, theirs[name], rtol=1e-12, err_msg=name)
