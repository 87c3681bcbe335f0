"""What a worker needs to plan the same runs: the suite as it was asked for, and its plugin files.

Files travel as text. Where a worker finds the same under the same name it takes that; elsewhere it
lays them out below a folder of its own, in the same places relative to each other, which goes when
it ends.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mtbench.errors import MtbenchError
from mtbench.plugin.registry import Registry, installed
from mtbench.suite.reader import load_suite
from mtbench.suite.suite import Suite

VARIABLES = ("TFDS_DATA_DIR", "MTBENCH_CACHE_DIR", "CUDA_VISIBLE_DEVICES")
"""Of the environment that a worker has to have as the driver has them; those that decide the bits
are in the run's id, so that a worker with others refuses it."""


def bundle_of(suite: Suite, registry: Registry, arms: Sequence[str]) -> dict[str, Any]:
    """Make the bundle of a suite: JSON types.

    Args:
        suite: The suite.
        registry: Where its components come from.
        arms: What of it may be asked for.

    Raises:
        MtbenchError: It was not read from anything.
    """
    if suite.asked is None:
        raise MtbenchError(
            f"suite {suite.name!r}: expected one that was read from a file or a mapping, so that a "
            "worker can read it too"
        )
    files = [path.resolve() for path in registry.files]
    asked = suite.asked
    if isinstance(asked.suite, str):
        files.append(Path(asked.suite).resolve())
    return {
        "suite": files[-1].as_posix() if isinstance(asked.suite, str) else dict(asked.suite),
        "arms": list(arms),
        "overrides": list(asked.overrides),
        "seeds": asked.seeds,
        "synthetic": asked.synthetic,
        "plugins": [path.resolve().as_posix() for path in registry.files],
        "files": {path.as_posix(): path.read_text(encoding="utf-8") for path in files},
        "folder": str(Path.cwd()),
        "path": [entry or str(Path.cwd()) for entry in sys.path],
        "environment": {name: os.environ[name] for name in VARIABLES if name in os.environ},
    }


def unpacked(bundle: Mapping[str, Any]) -> tuple[Suite, Registry]:
    """Read the suite of a bundle, in the folder and with the variables that it names.

    Raises:
        MtbenchError: It is no valid suite here.
    """
    os.environ.update(bundle["environment"])
    if Path(bundle["folder"]).is_dir():
        os.chdir(bundle["folder"])
    places = _laid_out(bundle["files"])
    registry = installed()
    for path in bundle["plugins"]:
        registry.load_file(places[path])
    suite = bundle["suite"]
    read = load_suite(
        places[suite] if isinstance(suite, str) else suite,
        registry,
        overrides=bundle["overrides"],
        seeds=bundle["seeds"],
        synthetic=bundle["synthetic"],
    )
    return read, registry


def _laid_out(files: Mapping[str, str]) -> dict[str, Path]:
    """Where each file is to be found here."""
    if all(_has(Path(path), text) for path, text in files.items()):
        return {path: Path(path) for path in files}
    folder = Path(tempfile.mkdtemp(prefix="mtbench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    places = {path: folder / path.lstrip("/").replace(":", "") for path in files}
    _write((place, files[path]) for path, place in places.items())
    return places


def _has(path: Path, text: str) -> bool:
    """Whether a file says just that."""
    try:
        return path.read_text(encoding="utf-8") == text
    except (OSError, ValueError):
        return False


def _write(files: Iterable[tuple[Path, str]]) -> None:
    for path, text in files:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
