"""A worker that stays on its machine from one work to the next, for the task of an engine."""

from __future__ import annotations

import platform
import select
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from mtbench.plugin.executor import Event, Work

from .limits import Limits
from .supervisor import Supervisor

WAIT = 0.2
"""Seconds that it waits for events before it asks whether the work is still wanted."""
IDLE = 8.0
"""Seconds after which a worker without a work is ended: the command may be no more."""
_STARTER = ThreadPoolExecutor(1, "mtbench-starter")
"""Starts workers. It lives as long as the process, so that the system ends a worker with that, even
one that holds the interpreter's lock; an engine's own threads come and go."""


class Attendant:
    """Has works done on the machine that it is made on, one at a time, by one worker process.

    The worker is kept from one work to the next, and with it the data and the traced model, until
    `close`, or until nothing has come for a few seconds.

    Args:
        threads: Of an operation.
        limits: What the worker may take.
        without: Variables of the environment that it is not to have.
    """

    def __init__(
        self, threads: int, limits: Limits | None = None, without: Sequence[str] = ()
    ) -> None:
        self._threads, self._limits, self._without = threads, limits, without
        self._lock, self._over = threading.Lock(), threading.Event()
        self._supervisor: Supervisor | None = None
        self._place: dict[str, Any] = {}
        self._timer: threading.Timer | None = None

    def attend(
        self,
        bundle: Mapping[str, Any],
        work: Work,
        place: Mapping[str, Any],
        wanted: Callable[[], bool] = lambda: True,
    ) -> Iterator[Event]:
        """Have a work done, and say how it goes.

        Args:
            bundle: Of the job; the same for all works.
            work: The work.
            place: What records say of where they are made, but for the node: `executor`,
                `workers_on_node`. A worker of another place is ended.
            wanted: Asked often: where it says no, or leaves by an exception, the worker is ended.

        Yields:
            Its events; without the last of them where it is not wanted any more.
        """
        with self._lock:
            self._keep(None)
            supervisor = self._present(bundle, {"node": platform.node(), **place})
            try:
                supervisor.give(work)
                while supervisor.work and wanted() and not self._over.is_set():
                    select.select(supervisor.waits_on, [], [], WAIT)
                    yield from supervisor.poll()
            finally:
                if supervisor.work or self._over.is_set():
                    supervisor.close()
                else:
                    self._keep(IDLE)

    def close(self) -> None:
        """End the worker, whatever it is at. There are no works after that."""
        self._over.set()
        self._end()

    def _present(self, bundle: Mapping[str, Any], place: dict[str, Any]) -> Supervisor:
        """The worker there is, or a new one."""
        kept = self._supervisor
        if kept and kept.alive and self._place == place:
            return kept
        if kept:
            kept.close()
        start = partial(Supervisor, place=place, without=self._without)
        self._place = place
        self._supervisor = _STARTER.submit(start, bundle, self._threads, self._limits).result()
        return self._supervisor

    def _keep(self, seconds: float | None) -> None:
        """End the worker after so many seconds; None for not at all."""
        if self._timer:
            self._timer.cancel()
        self._timer = threading.Timer(seconds, self._end) if seconds else None
        if self._timer:
            self._timer.daemon = True
            self._timer.start()

    def _end(self) -> None:
        with self._lock:
            self._keep(None)
            if self._supervisor:
                self._supervisor.close()
