"""Preloaded by a Dask worker: its worker processes are the simple ones, without TensorFlow."""

import mtbench.workers.supervisor as module

module.PROGRAM = "simple_worker"
