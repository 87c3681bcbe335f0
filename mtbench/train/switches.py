"""What of TensorFlow's settings all models of a process share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

_POLICY = tf.keras.mixed_precision
SWITCHES: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "tf.config.run_functions_eagerly": (
        tf.config.functions_run_eagerly,
        tf.config.run_functions_eagerly,
    ),
    "tf.keras.backend.set_floatx": (tf.keras.backend.floatx, tf.keras.backend.set_floatx),
    "tf.keras.backend.set_epsilon": (tf.keras.backend.epsilon, tf.keras.backend.set_epsilon),
    "tf.keras.mixed_precision.set_global_policy": (
        lambda: _POLICY.global_policy().name,
        _POLICY.set_global_policy,
    ),
    "tf.config.optimizer.set_jit": (
        tf.config.optimizer.get_jit,
        lambda value: tf.config.optimizer.set_jit(value or False),
    ),
}
"""By what sets it, a function that reads a setting and one that sets it."""
