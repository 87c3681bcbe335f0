"""Arrays in a folder of the disk, whole or not at all. What they mean is not known here."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs


def cache_dir() -> Path:
    """Return the folder of the encoded datasets: `$MTBENCH_CACHE_DIR`, or the user's cache."""
    return Path(os.environ.get("MTBENCH_CACHE_DIR") or platformdirs.user_cache_path("mtbench"))


def read(folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
    """Read what `write` wrote; None where it is absent or damaged.

    The arrays are memory-mapped: pages are read from the disk when they are used, and the system
    may drop them again.
    """
    try:
        meta = json.loads((folder / "meta.json").read_text())
        arrays = {
            name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            for name in meta["arrays"]
        }
    except (OSError, EOFError, ValueError, KeyError, TypeError):
        return None
    return meta, arrays


def write(folder: Path, meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write to a folder of its own, then rename: a reader sees all of it or nothing.

    Where two processes write the same data at once the first to rename wins, the other's rename
    fails and its copy goes. A cache that cannot be written costs time, not the run.

    Args:
        folder: Where to; what lies there stays.
        meta: What has a JSON form, under any key but `arrays`.
        arrays: Arrays by name, which is that of a file.
    """
    with contextlib.suppress(OSError):
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
        try:
            for name, array in arrays.items():
                np.save(work / f"{name}.npy", array)
            text = json.dumps({**meta, "arrays": list(arrays)}, indent=2)
            (work / "meta.json").write_text(text)
            work.rename(folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def folders(folder: Path) -> list[Path]:
    """What `write` wrote below a folder, and what a process that was killed left of it.

    What is being written now stays out: it was changed within the last hour.
    """
    long_ago = time.time() - 3600
    return sorted(
        place
        for place in (folder.iterdir() if folder.is_dir() else ())
        if place.is_dir() and ("." not in place.name or place.stat().st_mtime < long_ago)
    )


def remove(folder: Path) -> None:
    """Remove what `write` wrote; its description first, without which `read` takes none of it."""
    (folder / "meta.json").unlink(missing_ok=True)
    shutil.rmtree(folder)
