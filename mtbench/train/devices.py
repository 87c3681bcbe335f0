"""The devices that TensorFlow has."""

from __future__ import annotations

import tensorflow as tf


def initialise() -> list[str]:
    """Initialise TensorFlow's devices and return their names."""
    return [device.name for device in tf.config.list_logical_devices()]


def accelerator() -> str | None:
    """Return the type of what computes besides the CPU, such as `GPU`; None where nothing does."""
    types = {device.device_type for device in tf.config.list_logical_devices()}
    return next(iter(sorted(types - {"CPU"})), None)
