"""Metrics of predictions, one for each row: errors, AUC, log loss, calibration. In float64.

Where a metric is not defined (no rows; one class only) it is NaN, and `defined` leaves it out: what
is predicted is never NaN, since that is refused. Rows whose label is missing are the caller's to
leave out.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Array = np.ndarray


def defined(metrics: Mapping[str, float]) -> dict[str, float]:
    """Leave out the metrics that the rows do not define."""
    return {name: float(value) for name, value in metrics.items() if not np.isnan(value)}


def mean(values: Array, weights: Array | None = None) -> float:
    """Mean, or Σ w v / Σ w with weights; NaN of no values."""
    if not len(values):
        return float("nan")
    if weights is None:
        return float(np.mean(values, dtype=np.float64))
    return float(np.average(np.asarray(values, np.float64), weights=weights.astype(np.float64)))


def mean_by_query(values: Array, query: Array, num_queries: int) -> Array:
    """Mean over the rows of each query, float64 `[num_queries]`, NaN without one.

    Args:
        values: float `[n]`.
        query: int `[n]`, whose each is.
        num_queries: Number of queries.
    """
    counts = np.bincount(query, minlength=num_queries)
    sums = np.bincount(query, values, num_queries)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def rmse(labels: Array, predictions: Array, weights: Array | None = None) -> float:
    """Root mean squared error, √(Σ w (y − ŷ)² / Σ w).

    Args:
        labels: float `[n]`, y.
        predictions: float `[n]`, ŷ.
        weights: float `[n]`, w; default: 1.

    Raises:
        FloatingPointError: A prediction is NaN.
    """
    return float(np.sqrt(mean(_difference(labels, predictions) ** 2, weights)))


def mae(labels: Array, predictions: Array, weights: Array | None = None) -> float:
    """Mean absolute error, Σ w |y − ŷ| / Σ w; arguments as for `rmse`.

    Raises:
        FloatingPointError: A prediction is NaN.
    """
    return mean(np.abs(_difference(labels, predictions)), weights)


def auc(labels: Array, scores: Array) -> float:
    """Area under the ROC curve: how often a positive scores above a negative, ties counting ½.

    (R − P(P + 1)/2) / (P N), with P positives, N negatives and R the sum of the positives' ranks,
    the lowest score first, ties at their middle rank (Hanley and McNeil, The meaning and use of the
    area under a receiver operating characteristic curve, Radiology 1982; Mann and Whitney's U).

    Args:
        labels: `[n]`, 0 or 1, or bool.
        scores: float `[n]`; any increasing function of them gives the same.

    Returns:
        NaN without a positive or without a negative.

    Raises:
        FloatingPointError: A score is NaN.
    """
    return float(auc_by_query(labels, scores, np.zeros(len(labels), np.int64), 1)[0])


def auc_by_query(labels: Array, scores: Array, query: Array, num_queries: int) -> Array:
    """The AUC among each query's own rows, float64 `[num_queries]`, NaN where it is not defined.

    Args:
        labels: `[n]`, 0 or 1, or bool.
        scores: float `[n]`.
        query: int `[n]`, whose each is.
        num_queries: Number of queries.

    Raises:
        FloatingPointError: A score is NaN.
    """
    scores = _refuse_nan(scores)
    order = np.lexsort((scores, query))
    query, scores = query[order], scores[order]
    positive = np.asarray(labels, np.float64)[order]
    change = (np.diff(query) != 0) | (scores[1:] != scores[:-1])
    first = np.flatnonzero(np.concatenate([[True], change])) if len(query) else np.empty(0, int)
    sizes = np.diff(np.append(first, len(query)))
    rows = np.bincount(query, minlength=num_queries)
    before = np.cumsum(rows) - rows
    ranks = np.repeat(first + (sizes + 1) / 2, sizes) - before[query]
    positives = np.bincount(query, positive, num_queries)
    pairs = positives * (rows - positives)
    wins = np.bincount(query, ranks * positive, num_queries) - positives * (positives + 1) / 2
    return np.where(pairs > 0, wins / np.where(pairs > 0, pairs, 1), np.nan)


def gauc(labels: Array, scores: Array, query: Array, num_queries: int) -> float:
    """AUC within queries, averaged with the number of their rows: Σ_u n_u AUC_u / Σ_u n_u.

    Over the queries with both classes (Zhou et al., Deep interest network for click-through rate
    prediction, KDD 2018). Arguments as for `auc_by_query`.

    Returns:
        NaN where no query has both classes.

    Raises:
        FloatingPointError: A score is NaN.
    """
    values = auc_by_query(labels, scores, query, num_queries)
    rows = np.bincount(query, minlength=num_queries)
    both = ~np.isnan(values)
    return float(np.average(values[both], weights=rows[both])) if both.any() else float("nan")


def log_losses(labels: Array, logits: Array) -> Array:
    """Cross-entropy of each row in nats: −y ln p − (1 − y) ln(1 − p), with p = 1 / (1 + e^−z).

    From the logit z, as max(z, 0) − y z + ln(1 + e^−|z|): neither clipped nor infinite where p
    rounds to 0 or 1.

    Args:
        labels: `[n]`, y from 0 to 1.
        logits: float `[n]`, z.

    Returns:
        float64 `[n]`.

    Raises:
        FloatingPointError: A logit is NaN.
    """
    logits = _refuse_nan(logits).astype(np.float64)
    labels = np.asarray(labels, np.float64)
    return np.asarray(np.maximum(logits, 0) - labels * logits + np.log1p(np.exp(-np.abs(logits))))


def log_loss(labels: Array, logits: Array) -> float:
    """Mean of `log_losses`."""
    return mean(log_losses(labels, logits))


def of_logits(positive: Array, logits: Array) -> dict[str, float]:
    """AUC, log loss and calibration error of the logits of a positive; NaN where undefined.

    Args:
        positive: bool `[n]`.
        logits: float `[n]`.
    """
    probabilities = 1.0 / (1.0 + np.exp(-logits.astype(np.float64)))
    return {
        "auc": auc(positive, logits),
        "log_loss": log_loss(positive, logits),
        "calibration_error": calibration_error(positive, probabilities),
    }


def calibration_error(labels: Array, probabilities: Array, bins: int = 15) -> float:
    """Expected calibration error: Σ_b (n_b / n) |mean label − mean probability| over bins.

    Bins of equal width ((b − 1)/B, b/B], the first with 0 (Naeini, Cooper and Hauskrecht, Obtaining
    well calibrated probabilities using Bayesian binning, AAAI 2015; Guo et al., On calibration of
    modern neural networks, ICML 2017, eq. 3, there for the confidence in the predicted class, here
    for the probability of the positive one).

    Args:
        labels: `[n]`, from 0 to 1.
        probabilities: float `[n]`, from 0 to 1.
        bins: How many.

    Raises:
        FloatingPointError: A probability is NaN.
    """
    probabilities = _refuse_nan(probabilities).astype(np.float64)
    edges = np.linspace(0, 1, bins + 1)[1:-1]
    bin_of = np.searchsorted(edges, probabilities, side="left")
    gaps = np.bincount(bin_of, np.asarray(labels, np.float64) - probabilities, bins)
    return float(np.sum(np.abs(gaps)) / len(labels)) if len(labels) else float("nan")


def _difference(labels: Array, predictions: Array) -> Array:
    return np.asarray(np.asarray(labels, np.float64) - _refuse_nan(predictions))


def _refuse_nan(values: Array) -> Array:
    values = np.asarray(values)
    if np.isnan(values).any():
        raise FloatingPointError("a prediction is nan")
    return values
