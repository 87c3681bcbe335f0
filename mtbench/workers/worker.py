"""The worker's program: `python -m mtbench.workers.worker SOCKET`, which a supervisor starts.

It plans the bundle itself, does what it is given, and says how it goes, over a socket of its own.
It ends when the other side of that is gone.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import queue
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from typing import Any

from mtbench.errors import MtbenchError
from mtbench.plugin.executor import Event, Work

from .bundle import unpacked
from .frames import Buffer, of_event, received


def main() -> None:
    """Do what is asked for until there is no one to ask."""
    faulthandler.enable()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("absl").setLevel(logging.ERROR)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal: the driver says what is to end
    line = socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(line.fileno(), False)
    messages = received(line, Buffer())
    first = next(messages)
    _die_with(first["parent"])
    if first["memory"]:
        _cap(first["memory"])
    works: queue.SimpleQueue[Work] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(messages, works), daemon=True).start()
    _Worker(line, first).work(works)


def _listen(messages: Any, works: queue.SimpleQueue[Work]) -> None:
    """Take in works; end everything when there will be none."""
    with contextlib.suppress(OSError):
        for message in messages:
            message.pop("arrays", None)
            works.put(Work(**message))
    os.killpg(0, signal.SIGKILL)  # with what plugins have started


class _Worker:
    """Does works, and sends what there is to tell."""

    def __init__(self, line: socket.socket, first: Mapping[str, Any]) -> None:
        self._line, self._bundle, self._place = line, first["bundle"], first["place"]
        self._mark = first["mark"]
        self._lock = threading.Lock()

    def work(self, works: queue.SimpleQueue[Work]) -> None:
        """Do works as they come."""
        performer = None
        while True:
            work = works.get()
            try:
                if performer is None:
                    performer = self._performer()
                performer.do(work)
            except MtbenchError as error:
                content = {"type": type(error).__name__, "message": str(error)}
                self._tell(Event("refused", work.key, content))

    def _performer(self) -> Any:
        from .performer import Performer  # noqa: PLC0415 - imports all else

        suite, registry = unpacked(self._bundle)
        return Performer(suite, registry, self._tell, self._place, self._bundle["arms"])

    def _tell(self, event: Event) -> None:
        sys.stdout.flush()  # before what it belongs to has ended
        if event.told == "started":
            os.write(1, self._mark.encode())
        with self._lock:
            self._line.sendall(of_event(event))


def _die_with(parent: int) -> None:
    """Have the system end this process with the thread that started it, where it does (Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        import ctypes  # noqa: PLC0415

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:  # it has ended already
        os._exit(1)


def _cap(size: int) -> None:
    """Let allocations above a size fail, where the system does that for a process's data."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415 - Windows has none

        resource.setrlimit(resource.RLIMIT_DATA, (size, size))


if __name__ == "__main__":
    main()
