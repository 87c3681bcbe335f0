"""Records of runs: one JSON file each, whole or not there."""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mtbench.errors import RecordError

SCHEMA_VERSION = 1
"""Raised when a key of the record changes its meaning or goes."""

Record = Mapping[str, Any]

KEYS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("run_id", "protocol_id", "suite", "scenario", "status", "started"), str),
    "seed": int,
    "trained_tasks": list,
    "weighting": (dict, type(None)),
    "protocol": dict,
    "protocol.engine": dict,
    "protocol.engine.threads": int,
    "environment": dict,
    "environment.cpu": str,
    "environment.python": str,
    "timings": dict,
    "peak_memory_bytes": (int, type(None)),
}
"""What every record has, of a run that failed at once too, and of which type."""
FAILED = KEYS | {"error": dict, "error.type": str, "error.message": str}
"""What the record of a run that failed has."""
RESULTS = KEYS | {
    "curve": list,
    **dict.fromkeys(("data", "floors", "metric_info", "metrics"), dict),
    "parameters": (int, float),
}
"""What the record of a run that went well has."""
_WORDS = {str: "text", int: "a whole number", list: "a list", dict: "a mapping"}


def path_of(folder: Path, run_id: str) -> Path:
    """Return where the record of a run lies."""
    return folder / f"{run_id}.json"


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
        reason = (error.strerror or str(error)).lower()
        raise RecordError(f"{folder}: cannot store results there: {reason}") from error


def write(
    folder: Path, record: Mapping[str, Any], by_query: Mapping[str, np.ndarray] | None = None
) -> None:
    """Store a record, and before it the values by query in a file beside it.

    Args:
        folder: Where to.
        record: The record.
        by_query: `{"task/metric": [num_queries]}`; kept as float32.

    Raises:
        RecordError: The folder cannot be written to.
    """
    target = path_of(folder, record["run_id"])
    beside = target.with_suffix(".npz")
    if by_query:
        arrays: Any = {name: np.asarray(values, np.float32) for name, values in by_query.items()}
        put(beside, lambda stream: np.savez_compressed(stream, **arrays))
    else:
        beside.unlink(missing_ok=True)  # of a run that went well before
    text = json.dumps(record, indent=1, allow_nan=False) + "\n"
    put(target, lambda stream: stream.write(text.encode()))


def put(target: Path, write_to: Callable[[BinaryIO], object]) -> None:
    """Write a file beside its place, flush it, then rename it into its place."""
    temporary = target.with_suffix(f".{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            write_to(stream)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(target)
    except OSError as error:
        raise RecordError(f"{target}: cannot be written: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)  # gone already where all went well


def read_by_query(folder: Path, run_id: str) -> dict[str, np.ndarray]:
    """Read a run's values by query: `{"task/metric": float32 [num_queries]}`, {} without any.

    A query without a test row has NaN.

    Raises:
        RecordError: The file is damaged.
    """
    path = path_of(folder, run_id).with_suffix(".npz")
    if not path.is_file():
        return {}
    try:
        with np.load(path) as arrays:
            return dict(arrays)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise RecordError(f"{path}: expected arrays by query, found a damaged file") from error


def read(path: Path) -> dict[str, Any]:
    """Read a record.

    Raises:
        RecordError: It is not a record this version of mtbench understands.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecordError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    except ValueError as error:
        raise RecordError(f"{path}: expected JSON, found a damaged file") from error
    version = record.get("schema_version") if isinstance(record, dict) else None
    if version != SCHEMA_VERSION:
        raise RecordError(f"{path}: expected schema_version {SCHEMA_VERSION}, found {version}")
    if fault := _fault(record):
        raise RecordError(f"{path}: is not the record of a run: {fault}")
    return dict(record)


def _fault(record: Record) -> str | None:
    """Say what keeps a record from being that of a run."""
    status = record.get("status", "failed")
    if status not in ("ok", "failed"):
        return f"status: expected ok or failed, found {status!r}"
    missing, wrong = [], []
    for key, kind in (RESULTS if status == "ok" else FAILED).items():
        *above, last = key.split(".")
        node: Any = record
        for part in above:
            node = node.get(part) if isinstance(node, dict) else None
        if not isinstance(node, dict):
            continue  # which is a fault of its own
        if last not in node:
            missing.append(key)
        elif not isinstance(node[last], kind):
            word = _WORDS[kind[0] if isinstance(kind, tuple) else kind]
            wrong.append(f"{key}: expected {word}, found {json.dumps(node[last])}")
    return f"it lacks {', '.join(sorted(missing))}" if missing else next(iter(wrong), None)


def done(folder: Path, run_id: str) -> dict[str, Any] | None:
    """Return the record of a run that went well, None where it has yet to be done."""
    try:
        record = read(path_of(folder, run_id))
    except RecordError:
        return None
    return record if record["status"] == "ok" else None


def read_folder(folder: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Read all records of a folder, those of the suite that most of them are of.

    Returns:
        The records in the order they were made, and a line for each file that is none.

    Raises:
        RecordError: The folder is absent or has no record.
    """
    if folder.is_file():
        raise RecordError(f"{folder}: is a file, expected a folder of results")
    if not folder.is_dir():
        raise RecordError(f"{folder}: no such folder of results")
    records, problems = {}, []
    for path in sorted(folder.glob("*.json")):
        try:
            records[path] = read(path)
        except RecordError as error:
            problems.append(str(error))
    if not records:
        raise RecordError("\n".join([f"{folder}: has no record of a run", *problems]))
    ((suite, _),) = Counter(record["suite"] for record in records.values()).most_common(1)
    problems += [
        f"{path}: expected a record of {suite}, found one of {record['suite']}"
        for path, record in records.items()
        if record["suite"] != suite
    ]
    kept = [record for record in records.values() if record["suite"] == suite]
    return sorted(kept, key=lambda record: str(record["started"])), problems


def leftovers(folder: Path) -> Iterable[Path]:
    """Files that a process which is no more left half-written; nothing reads them."""
    for path in folder.glob("*.tmp"):
        process = path.name.split(".")[-2]
        try:
            os.kill(int(process), 0)  # asks, and ends nothing
        except ProcessLookupError:
            yield path
        except (ValueError, PermissionError, OverflowError):
            continue
