"""Files that are whole or not there, and what a writer that was killed leaves of them."""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import io
import os
import platform
import re
import secrets
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, BinaryIO

LONG_AGO_S = 3600.0
"""What nobody has written to for so long is left over, whoever began it."""


def put(target: Path, write_to: Callable[[BinaryIO], object]) -> None:
    """Write a file beside its place, flush it to the disk, then rename it into its place.

    A link stays, and what it points to is replaced; a file that is replaced keeps its mode. What is
    no regular file, such as a device or a pipe, is written to where it is.

    Args:
        target: The file.
        write_to: Writes the content to a stream.

    Raises:
        OSError: It cannot be written; a file that was there before is as it was.
    """
    if "\0" in str(target):
        raise OSError(errno.EINVAL, "there is a NUL in its name", str(target))
    try:
        there = os.stat(target)  # noqa: PTH116 - one call also for `/dev/fd/1`
    except FileNotFoundError:
        there = None
    place = Path(os.path.realpath(target))
    if there and not _replaceable(place, there):
        _write_in_place(target, write_to)
        return
    temporary = temporary_for(place)
    try:
        with temporary.open("wb") as stream:
            if there:
                os.chmod(temporary, stat.S_IMODE(there.st_mode))  # noqa: PTH101
            write_to(stream)
            flush(stream)
        temporary.replace(place)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)  # gone already where all went well
    flush_folder(place.parent)


def _replaceable(place: Path, there: os.stat_result) -> bool:
    """Whether what is there is a regular file that lies at a path of its own."""
    if stat.S_ISDIR(there.st_mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder, expected a file", str(place))
    if not stat.S_ISREG(there.st_mode):
        return False
    try:
        return os.path.samestat(os.stat(place), there)  # noqa: PTH116
    except OSError:
        return False


def _write_in_place(target: Path, write_to: Callable[[BinaryIO], object]) -> None:
    """Write to a device or pipe, which need not be able to go back."""
    whole = io.BytesIO()
    write_to(whole)
    with target.open("wb") as stream:
        stream.write(whole.getbuffer())


def flush(stream: IO[bytes]) -> None:
    """Have what was written on the disk."""
    stream.flush()
    os.fsync(stream.fileno())


def flush_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, where the system can."""
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def reason(error: OSError) -> str:
    """Why something could not be done, in lower case."""
    return (error.strerror or str(error)).lower()


def temporary_for(place: Path) -> Path:
    """A path beside another for what is yet to be written, which names its writer."""
    start = place.name.encode()[:80].decode(errors="ignore")  # a name has 255 bytes at the most
    writer = f"{_machine()}-{os.getpid()}-{_start()}"
    return place.with_name(f"{start}.{writer}-{secrets.token_hex(3)}.tmp")


_WRITER = re.compile(r"\.([0-9a-f]{8})-(\d+)-(\d+)-[0-9a-f]+\.tmp$")


def abandoned(path: Path) -> bool:
    """Whether nobody writes any more to what `temporary_for` named.

    A process of this machine and container can be asked for; of another, and of what names no
    writer, only the age tells.
    """
    match = _WRITER.search(path.name)
    if match and match[1] == _machine():
        alive = _start(int(match[2])) if _runs(int(match[2])) else None
        return alive != int(match[3])
    return is_old(path)


def is_old(path: Path) -> bool:
    """Whether a file, or a folder and all in it, was written to long ago."""
    try:
        inner = path.iterdir() if path.is_dir() else ()
        newest = max(each.lstat().st_mtime for each in (path, *inner))
    except OSError:  # it was renamed in the meantime
        return False
    return bool(newest < time.time() - LONG_AGO_S)


@functools.cache
def _machine() -> str:
    """What a process number belongs to: this system since its start, and this container."""
    known = [platform.node()]
    with contextlib.suppress(OSError):
        known.append(Path("/proc/sys/kernel/random/boot_id").read_text())
    with contextlib.suppress(OSError):
        known.append(os.readlink("/proc/self/ns/pid"))  # noqa: PTH115 - it is no path
    return hashlib.sha256("\0".join(known).encode()).hexdigest()[:8]


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)  # asks, and ends nothing
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def _start(process: int | None = None) -> int:
    """When a process was started, so that another one of its number is another; 0 if unknown."""
    try:
        told = Path(f"/proc/{process or os.getpid()}/stat").read_text(errors="replace")
        return int(told.rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0
