"""What biases of users and items alone predict: floors, in NumPy."""

from __future__ import annotations

import numpy as np

from mtbench.data.interactions import Interactions

ITEMS, USERS = 10, 15
"""Rows at the overall mean that are added to each item's and each user's: the shrinkage that
Surprise's `BaselineOnly` has made customary."""


def bias_predictions(train: Interactions, test: Interactions, label: str) -> np.ndarray:
    """Predict μ + b_u + b_i (Koren, TKDD 2010, eq. 1), fitted by ten rounds of least squares.

    Alternately b_i = Σ (r − μ − b_u) / (10 + n_i) and b_u = Σ (r − μ − b_i) / (15 + n_u).

    Args:
        train: Ratings to fit.
        test: Ratings to predict; a user or item without a training row has bias 0.
        label: Column of the ratings.

    Returns:
        float64 `[len(test)]`.
    """
    labels = train.columns[label].astype(np.float64)
    mean = labels.mean()
    user, item = np.zeros(train.num_queries), np.zeros(train.num_candidates)
    users = np.bincount(train.query, minlength=train.num_queries)
    items = np.bincount(train.candidate, minlength=train.num_candidates)
    for _ in range(10):
        rest = labels - mean - user[train.query]
        item = np.bincount(train.candidate, rest, train.num_candidates) / (ITEMS + items)
        rest = labels - mean - item[train.candidate]
        user = np.bincount(train.query, rest, train.num_queries) / (USERS + users)
    return np.asarray(mean + user[test.query] + item[test.candidate])


def positive_rate(positive: np.ndarray) -> float:
    """Share of positives, one row of either kind added, so that it is neither 0 nor 1.

    Args:
        positive: bool `[n]`.
    """
    return float((positive.sum() + 1) / (len(positive) + 2))


def bias_logits(
    train: Interactions, positive: np.ndarray, query: np.ndarray, candidate: np.ndarray
) -> np.ndarray:
    """Predict β + b_u + b_i, the logit of a positive, fitted by ten rounds of Newton's method.

    β is the logit of p = (P + 1) / (n + 2), with P positives among n rows. With the residuals
    e = y − σ(β + b_u + b_i) and their variances v = σ (1 − σ) a round adds
    (Σ e − λ b_i) / (Σ v + λ) to b_i, then likewise to b_u; λ is the variance p (1 − p) of 10 rows
    for an item and of 15 for a user, as in `bias_predictions`.

    Args:
        train: Rows to fit.
        positive: bool `[len(train)]`, y.
        query: int `[n]`, whose to predict; one without a training row has bias 0.
        candidate: int `[n]`, of what.

    Returns:
        float64 `[n]`.
    """
    rate = positive_rate(positive)
    offset, variance = np.log(rate / (1 - rate)), rate * (1 - rate)
    user, item = np.zeros(train.num_queries), np.zeros(train.num_candidates)
    for _ in range(10):
        for ids, bias, rows in ((train.candidate, item, ITEMS), (train.query, user, USERS)):
            logits = offset + user[train.query] + item[train.candidate]
            expected = 1.0 / (1.0 + np.exp(-logits))
            rest = np.bincount(ids, positive - expected, len(bias)) - rows * variance * bias
            spread = np.bincount(ids, expected * (1 - expected), len(bias)) + rows * variance
            np.add(bias, rest / spread, out=bias)
    return np.asarray(offset + user[query] + item[candidate])
