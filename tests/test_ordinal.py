"""Cumulative logits: by hand, against the definition in float64, and where floats are scarce."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from mtbench.errors import DataError
from mtbench.kit.ordinal import CumulativeLogits


def made(thresholds, levels):
    """A distribution with these thresholds."""
    logits = CumulativeLogits(levels)
    steps = np.diff(np.asarray(thresholds, np.float64))
    logits.raw.assign([thresholds[0], *np.log(np.expm1(steps))])
    return logits


def probabilities(thresholds, score):
    """σ(t_k − y) − σ(t_{k−1} − y) for each level, in float64."""
    below = 1 / (1 + np.exp(score - np.array([-np.inf, *thresholds, np.inf], np.float64)))
    return np.diff(below)


def test_three_levels_by_hand():
    """Thresholds −ln 3 and ln 3: at y = 0 P(≤ 1) = ¼ and P(≤ 2) = ¾, so ¼, ½, ¼."""
    logits = made([-np.log(3), np.log(3)], [1, 2, 3])
    losses = logits.losses(tf.constant([1.0, 2.0, 3.0]), tf.zeros(3))
    np.testing.assert_allclose(losses, -np.log([0.25, 0.5, 0.25]), rtol=1e-6)
    assert logits.expected(tf.zeros(1)).numpy()[0] == pytest.approx(2.0, rel=1e-6)
    # at y = ln 3: P(≤ 1) = 1/10, P(≤ 2) = ½; expected 1 · 0.1 + 2 · 0.4 + 3 · 0.5
    assert float(logits.expected(tf.constant([np.log(3.0)], tf.float32))[0]) == pytest.approx(2.4)


def test_gradients_by_hand():
    """−log σ(t − y) of the lower of two levels: by y it is σ(y − t), by t its opposite."""
    logits = made([np.log(3)], [0, 1])
    score = tf.constant([0.0])
    with tf.GradientTape() as tape:
        tape.watch(score)
        loss = tf.reduce_sum(logits.losses(tf.constant([0.0]), score))
    by_score, by_threshold = tape.gradient(loss, [score, logits.raw])
    np.testing.assert_allclose(by_score, [0.25], rtol=1e-6)
    np.testing.assert_allclose(by_threshold, [-0.25], rtol=1e-6)


def test_two_levels_are_the_logistic_loss():
    logits = made([0.3], [0, 1])
    scores = tf.constant([-2.0, 0.1, 3.0])
    for label in (0.0, 1.0):
        expected = tf.nn.sigmoid_cross_entropy_with_logits(tf.fill([3], label), scores - 0.3)
        found = logits.losses(tf.fill([3], label), scores)
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@settings(max_examples=30)
@given(
    st.lists(st.floats(0.05, 4), min_size=1, max_size=9),
    st.floats(-3, 3),
    st.floats(-6, 6),
)
def test_against_the_definition(steps, first, score):
    thresholds = first + np.cumsum([0, *steps])
    levels = np.arange(len(thresholds) + 1) / 2 + 0.5
    logits = made(thresholds, levels)
    labels = tf.constant(levels, tf.float32)
    losses = logits.losses(labels, tf.fill([len(levels)], np.float32(score)))
    expected = probabilities(thresholds, score)
    np.testing.assert_allclose(np.exp(-losses), expected, rtol=2e-4, atol=1e-7)
    assert np.exp(-losses).sum() == pytest.approx(1, rel=1e-5)
    mean = logits.expected(tf.constant([score], tf.float32)).numpy()[0]
    assert mean == pytest.approx(expected @ levels, rel=1e-5)


def test_no_digits_are_lost_far_out():
    """At y = 40 P(2) = e^{1 − 40} − e^{0 − 40}, where σ's difference is 0 in float32 and worse."""
    logits = made([0.0, 1.0], [1, 2, 3])
    score = tf.constant([40.0])
    with tf.GradientTape() as tape:
        tape.watch(score)
        loss = logits.losses(tf.constant([2.0]), score)
    assert loss.numpy()[0] == pytest.approx(40 - np.log(np.e - 1), rel=1e-6)
    assert tape.gradient(loss, score).numpy()[0] == pytest.approx(1.0, rel=1e-6)


def test_thresholds_start_at_the_distribution_of_the_labels():
    """Counts 1, 0, 5 and one more each: 2, 1 and 6 of 9."""
    logits = CumulativeLogits([1, 2, 3])
    logits.adapt(np.array([1, 3, 3, 3, 3, 3], np.float32), "user_rating")
    losses = logits.losses(tf.constant([1.0, 2.0, 3.0]), tf.zeros(3))
    np.testing.assert_allclose(np.exp(-losses), [2 / 9, 1 / 9, 6 / 9], rtol=1e-5)


def test_half_stars():
    levels = np.arange(1, 11) / 2
    logits = CumulativeLogits(levels)
    labels = np.repeat(levels, range(1, 11)).astype(np.float32)
    logits.adapt(labels, "user_rating")
    share = (np.arange(1, 11) + 1) / 65
    losses = logits.losses(tf.constant(levels, tf.float32), tf.zeros(10))
    np.testing.assert_allclose(np.exp(-losses), share, rtol=1e-4)
    assert float(logits.expected(tf.zeros(1))[0]) == pytest.approx(share @ levels, rel=1e-5)


def test_a_label_that_is_no_level():
    logits = CumulativeLogits([1, 2, 3])
    with pytest.raises(DataError, match=r"'stars': expected one of the levels 1, 2, 3, found 2.5"):
        logits.adapt(np.array([1, 2.5], np.float32), "stars")
