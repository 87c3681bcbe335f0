"""Who is at what, so that several commands on one folder share the work and do none of it twice.

A lease is a file beside the records that says which process has a run or a study. Its owner touches
it every now and then; one whose owner is gone, or that nobody has touched for long, is taken over.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil

from mtbench.errors import RecordError

BEAT = 20.0
"""Seconds between two touches."""
STALE = 300.0
"""Seconds without a touch after which a lease is anyone's, by the clock of the folder."""


class Leases:
    """The leases of one process, touched by a thread of its own until they are closed."""

    def __init__(self) -> None:
        self._held: set[Path] = set()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="mtbench-leases", daemon=True)

    def take(self, folder: Path, name: str) -> bool:
        """Take a lease; False where somebody else has it.

        Raises:
            RecordError: The folder cannot be written to.
        """
        path = _path(folder, name)
        if path in self._held:
            return True
        try:
            taken = _created(path) or (_stale(path) and _removed(path) and _created(path))
        except OSError as error:
            raise RecordError(f"{path}: cannot be written: {error.strerror}") from error
        if taken:
            self._held.add(path)
            if not self._thread.is_alive():
                self._thread.start()
        return taken

    def release(self, folder: Path, name: str) -> None:
        """Give a lease back."""
        path = _path(folder, name)
        self._held.discard(path)
        with contextlib.suppress(OSError):
            path.unlink()

    def close(self) -> None:
        """Give all of them back."""
        self._closed.set()
        for path in list(self._held):
            with contextlib.suppress(OSError):
                path.unlink()
        self._held.clear()

    def _beat(self) -> None:
        while not self._closed.wait(BEAT):
            for path in list(self._held):
                with contextlib.suppress(OSError):
                    os.utime(path)


def held(folder: Path, name: str) -> bool:
    """Whether somebody has a lease."""
    path = _path(folder, name)
    return path.exists() and not _stale(path)


def abandoned(folder: Path) -> Iterator[Path]:
    """The leases of a folder whose owners are gone."""
    for path in folder.glob("*.lease"):
        if _stale(path):
            yield path


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.lease"


def _created(path: Path) -> bool:
    """Make a lease of this process; False where there is one.

    Whole at once: others never read half of it.
    """
    with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=f".{os.getpid()}.tmp") as file:
        json.dump(_owner(os.getpid()), file)
        file.flush()
        try:
            os.link(file.name, path)
        except FileExistsError:
            return False
    return True


def _removed(path: Path) -> bool:
    """Remove a stale lease; False where another process was faster."""
    aside = path.with_suffix(f".{os.getpid()}.stale")
    try:
        path.rename(aside)
        aside.unlink()
    except FileNotFoundError:
        return False
    return True


def _stale(path: Path) -> bool:
    """Whether the owner of a lease is gone, or has not been heard of for long."""
    try:
        said, touched = json.loads(path.read_text()), path.stat().st_mtime
        with tempfile.TemporaryFile(dir=path.parent) as now:
            age = os.fstat(now.fileno()).st_mtime - touched
    except FileNotFoundError:
        return False  # given back just now: to be asked for again
    except ValueError:
        return True
    if age > STALE:
        return True
    ours = _owner(os.getpid())
    same = isinstance(said, dict) and said.get("machine") == ours["machine"]
    return bool(same and _owner(said["process"]) != said)


def _owner(process: int) -> dict[str, object]:
    """Describe a process so that no other is taken for it; a number is given again at times."""
    with contextlib.suppress(psutil.Error):
        started = psutil.Process(process).create_time()
        return {"machine": _machine(), "process": process, "started": round(started, 2)}
    return {"machine": _machine(), "process": process, "started": None}


def _machine() -> str:
    """The machine, and the container on it: where a number of a process means something."""
    parts = [platform.node()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
    with contextlib.suppress(OSError):
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(parts)
