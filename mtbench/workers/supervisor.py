"""A worker process, and the one who watches it: gives it work, and says what became of it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import psutil

from mtbench.errors import MtbenchError
from mtbench.plugin.executor import Event, Work

from .frames import Buffer, of_work, packed
from .limits import Limits
from .output import Output, last_words

PROGRAM = "mtbench.workers.worker"
PATIENCE = 600.0
"""Seconds without a sign of life after which that is told of."""
BETWEEN_LOOKS = 0.25
"""Seconds between two looks at how much memory a worker has."""
HARD = 1.25
"""Above so much of its memory a worker is ended."""
LEAVES = 5.0
"""Seconds that a worker has to end of itself."""
NUMERIC = ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Variables that pin the threads of an operation, read when TensorFlow and NumPy are imported."""


class Supervisor:
    """One worker process of this machine, in a process group of its own.

    Args:
        bundle: What it plans by.
        threads: Of an operation.
        limits: What it may take.
        place: What its records say of where they were made: `executor`, `node`, `workers_on_node`.
        without: Variables of the environment that it is not to have.

    Raises:
        MtbenchError: This system has no process groups.
    """

    def __init__(
        self,
        bundle: Mapping[str, Any],
        threads: int,
        limits: Limits | None = None,
        *,
        place: Mapping[str, Any] | None = None,
        without: Sequence[str] = (),
    ) -> None:
        if os.name != "posix":
            raise MtbenchError("workers need a POSIX system: take the executor 'inline' here")
        self._limits = limits or Limits()
        self._work: Work | None = None
        self._run: str | None = None
        self._buffer, self.ready = Buffer(), False
        self._killed: tuple[str, str] | None = None
        self._place = dict(place or {})
        self._started = self._heard = self._looked = time.monotonic()
        ours, theirs = socket.socketpair()
        read, write = os.pipe()
        variables = {k: v for k, v in os.environ.items() if k not in without}
        variables |= dict.fromkeys(NUMERIC, str(threads))
        variables["PYTHONPATH"] = os.pathsep.join(map(str, bundle["path"]))
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-P", "-m", PROGRAM, str(theirs.fileno())],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=write,
            stderr=write,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        theirs.close()
        os.close(write)
        self._socket, self._output = ours, Output(read)
        self._send(
            packed(
                {
                    "bundle": bundle,
                    "place": self._place,
                    "memory": self._limits.bytes,
                    "mark": self._output.mark,
                    "parent": os.getpid(),
                }
            )
        )

    @property
    def pid(self) -> int:
        """Of the worker, and of its process group."""
        return self._process.pid

    @property
    def work(self) -> Work | None:
        """What it is at; None where it is idle."""
        return self._work

    @property
    def alive(self) -> bool:
        """Whether it can be given work."""
        return not self._socket._closed  # type: ignore[attr-defined]

    @property
    def waits_on(self) -> list[Any]:
        """What becomes readable when there is something to poll."""
        pipes = [] if self._output.closed else [self._output.pipe]
        return [self._socket, *pipes] if self.alive else []

    def give(self, work: Work) -> None:
        """Have it do a work; it has to be idle."""
        self._work, self._run = work, None
        self._heard = self._started = time.monotonic()
        self._send(of_work(work))

    def poll(self) -> Iterator[Event]:
        """Say what has happened, without waiting. A worker that has ended is no more alive."""
        if not self.alive:
            return
        self._output.drain()
        ended = False
        try:
            some = self._socket.recv(1 << 22, socket.MSG_DONTWAIT)
            ended = not some
        except BlockingIOError:
            some = b""
        except OSError:
            some, ended = b"", True
        for message, files in self._buffer.feed(some):
            yield self._heard_of(Event(**message, arrays=files))
        if ended or (not some and self._process.poll() is not None):
            yield from self._ended()
        else:
            yield from self._watched()

    def close(self) -> None:
        """End the worker and all that it has started."""
        if self.alive:
            self._end(wait=0 if self._work else LEAVES)

    def _send(self, message: bytes) -> None:
        with contextlib.suppress(OSError):  # it has ended: `poll` will tell of that
            self._socket.sendall(message)

    def _heard_of(self, event: Event) -> Event:
        """Note what an event says of the worker; add what the run has printed."""
        self._heard = time.monotonic()
        content = dict(event.content)
        if event.told == "ready":
            self.ready = True
        elif event.told == "started":
            self._run, self._started = content["run"]["id"], self._heard
        elif event.told == "finished":
            self._output.drain()
            content["output"], self._run = self._output.taken(), None
        elif event.told in ("ended", "refused"):
            self._work = None
        return Event(event.told, event.work, content, event.arrays)

    def _watched(self) -> Iterator[Event]:
        """End a worker that takes too much, and tell of one that is silent."""
        now = time.monotonic()
        if self._work and self._run is None and not self.ready:
            if now - self._started > self._limits.start_timeout:
                self._kill("timeout", f"was not ready after {self._limits.start_timeout:g} s")
        elif self._run and self._limits.timeout and now - self._started > self._limits.timeout:
            self._kill("timeout", f"ran for more than {self._limits.timeout:g} s")
        if self._work and now - self._heard > PATIENCE:
            self._heard = now
            yield Event("silent", self._work.key, {"seconds": PATIENCE})
        if self._limits.bytes and now - self._looked > BETWEEN_LOOKS:
            self._looked = now
            if self._resident() > HARD * self._limits.bytes:
                self._kill("memory", f"took more than {self._limits.memory} of memory")

    def _resident(self) -> int:
        """Resident bytes of the worker and of what it has started."""
        total = 0
        with contextlib.suppress(psutil.Error):
            worker = psutil.Process(self.pid)
            for process in (worker, *worker.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    total += process.memory_info().rss
        return total

    def _kill(self, kind: str, message: str) -> None:
        """End the worker; `poll` tells of it."""
        if not self._killed:
            self._killed = kind, message
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def _ended(self) -> Iterator[Event]:
        """Say why a worker has ended, where it was at something."""
        code = self._end(wait=1)
        if not self._work:
            return
        printed = self._output.taken()
        kind, message = self._killed or ("died", _ended_with(code))
        if words := last_words(printed):
            message = f"{message}; its last output: {words}"
        yield Event(
            "lost",
            self._work.key,
            {"kind": kind, "message": message, "run": self._run, "output": printed,
             "place": self._place, "seconds": time.monotonic() - self._started},
        )  # fmt: skip
        self._work = None

    def _end(self, wait: float) -> int | None:
        """Close the socket, by which a worker ends, then end its group, and take its last output.

        Returns:
            How the worker ended of itself; None where it did not.
        """
        self._socket.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=wait)
        code = self._process.poll()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)  # also what it has left
        self._process.wait()
        self._output.drain()
        self._output.close()
        return code


def _ended_with(code: int | None) -> str:
    """Say how a process ended."""
    if code is None:
        return "the worker closed its line and did not end"
    if code >= 0:
        return f"the worker ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"the worker was ended by {name}"
