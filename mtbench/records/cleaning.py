"""Removing records of older versions, with all that belongs to them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtbench.errors import RecordError
from mtbench.files import reason
from mtbench.text import counted

from . import store
from .current import newest
from .folders import Folder
from .record import Record


@dataclass(frozen=True)
class Leaving:
    """What is to be removed of a folder, the files of a run one after the other."""

    folder: Path
    what: str
    """Such as `joint, 3 runs`."""
    newest: str
    """When the last of them was started, ISO 8601; empty for what is no run."""
    files: tuple[Path, ...]

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(path.stat().st_size for path in self.files if path.is_file())

    def remove(self) -> None:
        """Remove it.

        A run's record goes first and the rest after it: a run is there whole, or not at all. What
        is left of one where this is interrupted goes the next time.

        Raises:
            RecordError: A file cannot be removed.
        """
        for path in self.files:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise RecordError(f"{path}: cannot be removed: {reason(error)}") from error


def older_versions(folder: Folder) -> Iterator[Leaving]:
    """What a folder holds of other versions of suite, data or software than that last asked for.

    Those are the records that a report leaves out. Trials go that ask another question than the
    runs that stay, or than the newest trial. Damaged files and records of other suites stay.
    """
    trials = store.trials_of(folder.path)
    yield from _runs(folder)
    if folder.trials:
        yield from _trials(trials, folder)
    for place in (folder.path, trials):
        if strays := _strays(place):
            yield Leaving(place, "files of no run", "", tuple(strays))


def _runs(folder: Folder) -> Iterator[Leaving]:
    gone: dict[str, list[Record]] = {}
    for record in folder.older:
        gone.setdefault(record.scenario, []).append(record)
    for name, older in gone.items():
        yield _leaving(folder.path, name, older, "run")


def _trials(path: Path, folder: Folder) -> Iterator[Leaving]:
    asked = [_asked(record) for record in [*folder.results.records, newest(folder.trials)]]
    if gone := [record for record in folder.trials if _asked(record) not in asked]:
        yield _leaving(path, "trials", gone, "record")


def _asked(record: Record) -> Mapping[str, Any]:
    """What trials and the runs of what they chose have in common."""
    return record.question.model_dump(exclude={"evaluate_on", "train_on"})


def _leaving(path: Path, name: str, records: list[Record], unit: str) -> Leaving:
    files = [file for record in records for file in store.files_of(path, record)]
    what = f"{name}, {counted(len(records), unit)}"
    return Leaving(path, what, newest(records).started, tuple(files))


def _strays(path: Path) -> list[Path]:
    """Files beside records that no record names, and what was left half-written.

    Not those that are newer than every record: theirs may be about to be written.
    """
    written = [_changed(record) for record in path.glob("*.json")]
    return sorted(
        [
            file
            for file in path.glob("*.npz")
            if written and _changed(file) < max(written) and not _is_named(path, file)
        ]
        + list(store.leftovers(path))
    )


def _is_named(path: Path, file: Path) -> bool:
    """Whether the record that a file belongs to has it; a damaged one keeps what it may have."""
    record = store.path_of(path, file.name.partition(".")[0])
    try:
        return record.exists() and file not in store.unnamed(path, store.read(record))
    except RecordError:
        return True


def _changed(path: Path) -> float:
    with contextlib.suppress(OSError):
        return path.stat().st_mtime
    return 0.0
