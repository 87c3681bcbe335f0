"""The devices that TensorFlow has."""

from __future__ import annotations

import os

import tensorflow as tf

from mtbench.errors import MtbenchError


def initialise(threads: int | None = None) -> list[str]:
    """Initialise TensorFlow's devices and return their names.

    Args:
        threads: Of an operation; default: as it is.

    Raises:
        MtbenchError: TensorFlow has begun to compute with another number.
    """
    if threads and (found := _threads()) != threads:
        try:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
        except RuntimeError as error:
            raise MtbenchError(
                f"threads: expected {threads}, found {found}, with which TensorFlow has begun to "
                f"compute in this process: set TF_NUM_INTRAOP_THREADS={threads} before it starts, "
                "or take an executor that has processes of its own"
            ) from error
    return [device.name for device in tf.config.list_logical_devices()]


def _threads() -> int:
    """How many threads an operation has, or will have."""
    told = tf.config.threading.get_intra_op_parallelism_threads()
    configured = os.environ.get("TF_NUM_INTRAOP_THREADS", "")
    if told or (configured.isdigit() and int(configured)):
        return told or int(configured)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def accelerator() -> str | None:
    """Return the type of what computes besides the CPU, such as `GPU`; None where nothing does."""
    types = {device.device_type for device in tf.config.list_logical_devices()}
    return next(iter(sorted(types - {"CPU"})), None)
