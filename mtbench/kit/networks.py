"""Networks that several towers are made of, in Keras' functional style.

Networks of one shape that stand side by side, such as experts, are one tensor `[n, count, units]`
and one product a layer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

Tensor = Any


def dense(hidden: Tensor, units: Sequence[int], dropout: float = 0.0) -> Tensor:
    """Put a vector through dense layers, ReLU each.

    Args:
        hidden: float32 `[n, dim]`.
        units: Units of each layer; none of them leaves the vector as it is.
        dropout: Share of units dropped after each layer in training.
    """
    for size in units:
        hidden = _drop(tf.keras.layers.Dense(size, activation="relu")(hidden), dropout)
    return hidden


def mlp(hidden: Tensor, units: Sequence[int], output_dim: int, dropout: float = 0.0) -> Tensor:
    """`dense`, and a linear layer of `output_dim`: float32 `[n, output_dim]`."""
    hidden = dense(hidden, units, dropout)
    return tf.keras.layers.Dense(output_dim)(hidden)


def parallel(hidden: Tensor, count: int, units: Sequence[int], dropout: float = 0.0) -> Tensor:
    """Put vectors through networks that stand side by side, ReLU after each layer.

    Args:
        hidden: float32 `[n, dim]`, which every network reads, or `[n, count, dim]`, one for each.
        count: Number of networks.
        units: Units of each layer, at least one layer.
        dropout: Share of units dropped after each layer in training.

    Returns:
        float32 `[n, count, units[-1]]`.
    """
    for size in units:
        hidden = _drop(parallel_layer(hidden, count, size), dropout)
    return hidden


def parallel_layer(hidden: Tensor, count: int, units: int) -> Tensor:
    """One layer of `parallel`; each network's weights start as those of a `Dense` would."""
    limit = math.sqrt(6 / (hidden.shape[-1] + units))  # Glorot and Bengio, 2010, eq. 16
    layer = tf.keras.layers.EinsumDense(
        "ni,eio->neo" if hidden.shape.rank == 2 else "nei,eio->neo",
        output_shape=(count, units),
        activation="relu",
        bias_axes="eo",
        kernel_initializer=tf.keras.initializers.RandomUniform(-limit, limit),
    )
    return layer(hidden)


def mixture(selector: Tensor, experts: Tensor) -> Tensor:
    """Mean of the experts' outputs, weighed by a gate: softmax(W s) · experts.

    Args:
        selector: What the gate reads, s: float32 `[n, dim]`.
        experts: float32 `[n, experts, units]`.

    Returns:
        float32 `[n, units]`.
    """
    gate = tf.keras.layers.Dense(experts.shape[1], activation="softmax", use_bias=False)
    return tf.einsum("ne,neo->no", gate(selector), experts)


def _drop(hidden: Tensor, dropout: float) -> Tensor:
    return tf.keras.layers.Dropout(dropout)(hidden) if dropout else hidden
