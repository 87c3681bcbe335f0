"""A plugin of baselines each of which ends, or does not end, in a way of its own.

No model is trained, so that a run of one takes a moment. `sound` does what a baseline does. No
installed distribution offers it: `mtbench -p` loads it as a file, in the tests of executors.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

import numpy as np
import tensorflow as tf

import mtbench


class Popularity:
    """The same scores for all."""

    def __init__(self, counts: np.ndarray) -> None:
        self.counts = counts.astype(np.float64)

    def scores(self, queries: np.ndarray) -> np.ndarray:
        """How often each candidate is there, `[queries, num_candidates]`."""
        return np.tile(self.counts, (len(queries), 1))


class Sound(mtbench.Baseline):
    """Popularity."""

    name = "sound"
    gives = ("scores",)

    def fit(self, rows: mtbench.Interactions, labels: np.ndarray | None, seed: int) -> Popularity:
        """Burst, or count."""
        self.burst()
        return Popularity(np.bincount(rows.candidate, minlength=rows.num_candidates))

    def burst(self) -> None:
        """Do what is done of a sound one: nothing."""


class Raise(Sound):
    """It raises."""

    name = "raise"

    def burst(self) -> None:
        """Burst."""
        raise ArithmeticError("on purpose")


class Exit(Sound):
    """It leaves Python."""

    name = "exit"

    def burst(self) -> None:
        """Burst."""
        sys.exit(0)


class HardExit(Sound):
    """It leaves the process."""

    name = "hard-exit"

    def burst(self) -> None:
        """Burst."""
        os._exit(0)


class Kill(Sound):
    """It is killed."""

    name = "kill"

    def burst(self) -> None:
        """Burst."""
        os.kill(os.getpid(), signal.SIGKILL)


class Segfault(Sound):
    """It reads what is not there."""

    name = "segfault"

    def burst(self) -> None:
        """Burst."""
        ctypes.string_at(0)


class Abort(Sound):
    """It aborts, with some words."""

    name = "abort"

    def burst(self) -> None:
        """Burst."""
        sys.stdout.write("words before the end\n")
        sys.stdout.flush()
        os.abort()


class Sleep(Sound):
    """It sleeps."""

    name = "sleep"

    def burst(self) -> None:
        """Burst."""
        time.sleep(3600)


class Spin(Sound):
    """It sleeps in C, the interpreter's lock held."""

    name = "spin"

    def burst(self) -> None:
        """Burst."""
        ctypes.PyDLL(None).sleep(3600)


class Memory(Sound):
    """It takes more and more memory."""

    name = "memory"

    def burst(self) -> None:
        """Burst."""
        kept = []
        while True:
            kept.append(np.ones(10_000_000))
            time.sleep(0.01)


class Loud(Sound):
    """It prints for ever."""

    name = "loud"

    def burst(self) -> None:
        """Burst."""
        while True:
            sys.stdout.write("x" * 1000 + "\n")


class Deadlock(Sound):
    """It waits for itself."""

    name = "deadlock"

    def burst(self) -> None:
        """Burst."""
        lock = threading.Lock()
        lock.acquire()
        lock.acquire()


class Threads(Sound):
    """It starts threads, none of which ends."""

    name = "threads"

    def burst(self) -> None:
        """Burst."""
        while True:
            threading.Thread(target=time.sleep, args=(3600,)).start()


class Child(Sound):
    """It leaves a process behind that holds its output open."""

    name = "child"

    def burst(self) -> None:
        """Burst."""
        if os.fork() == 0:
            time.sleep(3600)
        os._exit(3)


class Eager(Sound):
    """It puts a function of its own in NumPy's place, and leaves TensorFlow in eager mode."""

    name = "eager"

    def burst(self) -> None:
        """Burst."""
        tf.config.run_functions_eagerly(True)
        np.mean = lambda *_, **__: 0.0  # type: ignore[assignment]


@mtbench.hookimpl
def mtbench_baselines() -> list[type[mtbench.Baseline]]:
    """Offer them."""
    return [Sound, *Sound.__subclasses__()]
