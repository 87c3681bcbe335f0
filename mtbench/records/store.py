"""Records of runs: one JSON file each, whole or not there."""

from __future__ import annotations

import contextlib
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from mtbench import files
from mtbench.errors import RecordError

from .beside import BESIDE, beside, put, put_arrays, read_arrays, unnamed
from .order import in_suite_order
from .reading import as_text, read
from .record import Record

__all__ = [
    "TRIALS", "as_text", "beside", "done", "files_of", "leftovers", "path_of", "prepare_folder",
    "put", "read", "read_by_query", "read_folder", "require_folder", "suite_folder", "trials_of",
    "unnamed", "write",
]  # fmt: skip


def path_of(folder: Path, run_id: str) -> Path:
    """Return where the record of a run lies."""
    return folder / f"{run_id}.json"


def log_path(folder: Path, run_id: str) -> Path:
    """Return where what a run printed lies, if it printed anything."""
    return folder / f"{run_id}.log"


TRIALS = "trials"
"""Folder of the records of a suite's trials, in that of its results."""


def trials_of(folder: Path) -> Path:
    """Return where the records of trials lie that belong to a folder of results."""
    return folder / TRIALS


def files_of(folder: Path, record: Record) -> list[Path]:
    """The files of a run that are there, its record first."""
    others = (*(beside(folder, record, what) for what in BESIDE), log_path(folder, record.run_id))
    paths = (path_of(folder, record.run_id), *others)
    return [path for path in paths if path and path.is_file()]


def require_folder(folder: Path) -> None:
    """Refuse what is no folder.

    Raises:
        RecordError: It is a file, or absent.
    """
    if not folder.is_dir():
        what = "is a file, expected a folder" if folder.exists() else "no such folder"
        raise RecordError(f"{folder}: {what} of results")


def suite_folder(folder: Path) -> Path:
    """Return the folder of a suite's results: the one given, or the only one in it.

    So what was said to `--results` does, where it holds the results of one suite.

    Raises:
        RecordError: It is absent, or holds the results of several suites.
    """
    require_folder(folder)
    if any(folder.glob("*.json")):
        return folder
    within = sorted({path.parent for path in folder.glob("*/*.json") if path.parent.name != TRIALS})
    if len(within) > 1:
        named = ", ".join(map(str, within))
        raise RecordError(f"{folder}: expected the results of one suite, found several: {named}")
    return within[0] if within else folder


def prepare_folder(folder: Path) -> None:
    """Make the folder and find out whether it can be written to.

    Raises:
        RecordError: It cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise RecordError(f"{folder}: cannot store results there: {files.reason(error)}") from error


def write(
    folder: Path,
    record: Record,
    by_query: Mapping[str, np.ndarray] | None = None,
    weights: Mapping[str, np.ndarray] | None = None,
) -> Record:
    """Store a record with what lies beside it: all of it, or what was there before.

    What lies beside it is written first, under names of its own; the record names it.

    Args:
        folder: Where to.
        record: The record.
        by_query: `{"task/metric": [num_queries]}`; kept as float32.
        weights: A model's arrays.

    Returns:
        The record as it is stored.

    Raises:
        RecordError: The folder cannot be written to.
    """
    digests = {}
    if by_query:
        values = {name: np.asarray(each, np.float32) for name, each in by_query.items()}
        digests["by_query"] = put_arrays(folder, record.run_id, "by_query", values)
    if weights:
        digests["weights"] = put_arrays(folder, record.run_id, "weights", weights)
    replaced = _beside_what_is_there(folder, record.run_id)
    stored = record.model_copy(update={"files": digests})
    put(path_of(folder, record.run_id), lambda stream: stream.write(as_text(stored).encode()))
    for path in unnamed(folder, stored):
        if path in replaced or files.is_old(path):
            path.unlink(missing_ok=True)
    return stored


def write_log(folder: Path, run_id: str, text: str) -> None:
    """Store what a run printed; nothing for nothing.

    Raises:
        RecordError: The folder cannot be written to.
    """
    target = log_path(folder, run_id)
    if text.strip():
        put(target, lambda stream: stream.write(text.encode(errors="replace")))
    else:
        target.unlink(missing_ok=True)


def _beside_what_is_there(folder: Path, run_id: str) -> set[Path | None]:
    """What the record names that is yet to be replaced."""
    with contextlib.suppress(RecordError):
        record = read(path_of(folder, run_id))
        return {beside(folder, record, what) for what in BESIDE}
    return set()


def read_by_query(folder: Path, run_id: str) -> dict[str, np.ndarray]:
    """Read a run's values by query: `{"task/metric": float32 [num_queries]}`, {} without any.

    A query without a test row has NaN.

    Raises:
        RecordError: A file is damaged.
    """
    path = path_of(folder, run_id)
    return read_arrays(folder, read(path), "by_query") if path.is_file() else {}


def done(folder: Path, run_id: str) -> Record | None:
    """Return the record of a run that went well, None where it has yet to be done."""
    try:
        record = read(path_of(folder, run_id))
    except RecordError:
        return None
    return record if record.ok and record.run_id == run_id else None


def read_folder(folder: Path) -> tuple[list[Record], list[str]]:
    """Read all records of a folder, those of the suite that most of them are of.

    Args:
        folder: As for `suite_folder`.

    Returns:
        The records in the order of their suite, and a line for each file that is none.

    Raises:
        RecordError: The folder is absent, has no record, or holds those of several suites.
    """
    folder = suite_folder(folder)
    records, problems = {}, []
    for path in sorted(folder.glob("*.json")):
        try:
            records[path] = read(path)
        except RecordError as error:
            problems.append(str(error))
    if not records:
        raise RecordError("\n".join([f"{folder}: has no record of a run", *problems]))
    ((suite, _),) = Counter(record.suite for record in records.values()).most_common(1)
    problems += [
        f"{path}: expected a record of {suite}, found one of {record.suite}"
        for path, record in records.items()
        if record.suite != suite
    ]
    kept = [record for record in records.values() if record.suite == suite]
    return in_suite_order(kept), problems


def leftovers(folder: Path) -> Iterable[Path]:
    """Files that a process which is no more left half-written; nothing reads them."""
    return [path for path in folder.glob("*.tmp") if files.abandoned(path)]
