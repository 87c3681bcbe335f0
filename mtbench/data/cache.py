"""Arrays in a folder of the disk, whole or not at all. What they mean is not known here."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from mtbench import files


def cache_dir() -> Path:
    """Return the folder of the encoded datasets: `$MTBENCH_CACHE_DIR`, or the user's cache."""
    return Path(os.environ.get("MTBENCH_CACHE_DIR") or platformdirs.user_cache_path("mtbench"))


def read(folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
    """Read what `write` wrote; None where it is absent or damaged.

    The arrays are memory-mapped: pages are read from the disk when they are used, and the system
    may drop them again. All are read once to hold them to their checksums.
    """
    try:
        meta = json.loads((folder / "meta.json").read_text())
        if meta.pop("checksum") != _checksum_of_text(meta):
            return None
        arrays = {}
        for name, checksum in meta["arrays"].items():
            arrays[name] = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            if checksum != _checksum(arrays[name]):
                return None
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return meta, arrays


def write(folder: Path, meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write to a folder of its own, then rename: a reader sees all of it or nothing.

    Where two processes write the same data at once the first to rename wins, the other's rename
    fails and its copy goes. A cache that cannot be written costs time, not the run. What writers
    that were killed have left goes as well.

    Args:
        folder: Where to; what lies there stays.
        meta: What has a JSON form, under any key but `arrays` and `checksum`.
        arrays: Arrays by name, which is that of a file.
    """
    with contextlib.suppress(OSError):
        folder.parent.mkdir(parents=True, exist_ok=True)
        for place in leftovers(folder.parent):
            shutil.rmtree(place, ignore_errors=True)
        work = files.temporary_for(folder)
        work.mkdir()
        try:
            for name, array in arrays.items():
                with (work / f"{name}.npy").open("wb") as stream:
                    np.save(stream, array)
                    files.flush(stream)
            whole = {**meta, "arrays": {name: _checksum(array) for name, array in arrays.items()}}
            text = json.dumps({**whole, "checksum": _checksum_of_text(whole)}, indent=2)
            files.put(work / "meta.json", lambda stream: stream.write(text.encode()))
            work.rename(folder)
            files.flush_folder(folder.parent)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _checksum(array: np.ndarray) -> int:
    """CRC-32 of an array's type, shape and values: 2.5 GB a second."""
    head = zlib.crc32(f"{array.dtype.str}{array.shape}".encode())
    values = np.ascontiguousarray(array)
    return zlib.crc32(values.view(np.uint8).reshape(-1).data, head) if values.nbytes else head


def _checksum_of_text(meta: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(meta, sort_keys=True).encode())


def leftovers(folder: Path) -> list[Path]:
    """What processes that were killed left half-written below a folder."""
    return sorted(
        place
        for place in (folder.iterdir() if folder.is_dir() else ())
        if place.is_dir() and "." in place.name and files.abandoned(place)
    )


def folders(folder: Path) -> list[Path]:
    """What `write` wrote below a folder, and what a process that was killed left of it."""
    written = [
        place
        for place in (folder.iterdir() if folder.is_dir() else ())
        if place.is_dir() and "." not in place.name
    ]
    return sorted([*written, *leftovers(folder)])


def remove(folder: Path) -> None:
    """Remove what `write` wrote; its description first, without which `read` takes none of it."""
    (folder / "meta.json").unlink(missing_ok=True)
    shutil.rmtree(folder)
