"""Records of runs: one JSON file each, whole or not there."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from pydantic import ValidationError
from pydantic_core import from_json

from mtbench.config.messages import message_of
from mtbench.errors import RecordError

from .order import in_suite_order
from .record import SCHEMA_VERSION, Record, needed
from .upgrade import older_key, upgrade


def path_of(folder: Path, run_id: str) -> Path:
    """Return where the record of a run lies."""
    return folder / f"{run_id}.json"


def weights_path(folder: Path, run_id: str) -> Path:
    """Return where the weights of a run lie, if they were kept."""
    return folder / f"{run_id}.weights.npz"


def log_path(folder: Path, run_id: str) -> Path:
    """Return where what a run printed lies, if it printed anything."""
    return folder / f"{run_id}.log"


TRIALS = "trials"
"""Folder of the records of a suite's trials, in that of its results."""


def trials_of(folder: Path) -> Path:
    """Return where the records of trials lie that belong to a folder of results."""
    return folder / TRIALS


def files_of(folder: Path, run_id: str) -> list[Path]:
    """The files of a run that are there, its record first."""
    record = path_of(folder, run_id)
    others = (record.with_suffix(".npz"), weights_path(folder, run_id), log_path(folder, run_id))
    files = (record, *others)
    return [path for path in files if path.is_file()]


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
        reason = (error.strerror or str(error)).lower()
        raise RecordError(f"{folder}: cannot store results there: {reason}") from error


def write(folder: Path, record: Record, by_query: Mapping[str, np.ndarray] | None = None) -> None:
    """Store a record, and before it the values by query in a file beside it.

    Args:
        folder: Where to.
        record: The record.
        by_query: `{"task/metric": [num_queries]}`; kept as float32.

    Raises:
        RecordError: The folder cannot be written to.
    """
    target = path_of(folder, record.run_id)
    beside = target.with_suffix(".npz")
    if by_query:
        arrays: Any = {name: np.asarray(values, np.float32) for name, values in by_query.items()}
        put(beside, lambda stream: np.savez_compressed(stream, **arrays))
    else:
        beside.unlink(missing_ok=True)  # of a run that went well before
    text = json.dumps(record.plain(), indent=1, allow_nan=False) + "\n"
    put(target, lambda stream: stream.write(text.encode()))


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


def read(path: Path) -> Record:
    """Read a record; one of an older form becomes one of today's.

    Raises:
        RecordError: It is not a record this version of mtbench understands.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise RecordError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    if _TODAY.match(text):  # then it need not be looked at first, which takes as long again
        with contextlib.suppress(ValidationError):
            return _whole(path, Record.model_validate_json(text))
    value = _json(path, text)
    version = value.get("schema_version") if isinstance(value, dict) else None
    if version not in (1, SCHEMA_VERSION):
        raise RecordError(f"{path}: expected schema_version {SCHEMA_VERSION}, found {version}")
    try:
        return _whole(path, Record.of(value if version == SCHEMA_VERSION else upgrade(value)))
    except ValidationError as error:
        raise RecordError(_refusal(path, _fault(value, error))) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise RecordError(_refusal(path, f"{type(error).__name__}: {error}")) from error


_TODAY = re.compile(rf'\{{\s*"schema_version":\s*{SCHEMA_VERSION}\b'.encode())
"""How `write` begins."""


def _json(path: Path, text: bytes) -> Any:
    """Read JSON, which may have halves of surrogate pairs.

    Raises:
        RecordError: It is none.
    """
    with contextlib.suppress(ValueError):
        return from_json(text)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{path}: expected JSON, found a damaged file") from error


def _whole(path: Path, record: Record) -> Record:
    """Hand on a record that has what one of its status has to have.

    Raises:
        RecordError: It has not.
    """
    if record.lacking:
        raise RecordError(_refusal(path, f"it lacks {', '.join(record.lacking)}"))
    return record


def _refusal(path: Path, fault: str) -> str:
    return f"{path}: is not the record of a run: {fault}"


def _fault(value: Mapping[str, Any], error: ValidationError) -> str:
    """Say what keeps a value from being a record: all keys it lacks, or what is wrong first."""
    older, lacking, wrong = value["schema_version"] != SCHEMA_VERSION, set(), []
    for detail in error.errors(include_url=False):
        key = ".".join(map(str, detail["loc"]))
        key = older_key(key) if older else key
        if detail["type"] == "missing":
            lacking.add(key)
        else:
            wrong.append(f"{key}: {message_of(detail, Record, ())}")
    answer = value.get("answer")
    baseline = isinstance(answer, dict) and answer.get("baseline") is not None
    lacking |= set(needed(str(value.get("status", "failed")), baseline)) - value.keys()
    if "protocol" in lacking:
        lacking = {key for key in lacking if not key.startswith("protocol.")}
    return f"it lacks {', '.join(sorted(lacking))}" if lacking else wrong[0]


def done(folder: Path, run_id: str) -> Record | None:
    """Return the record of a run that went well, None where it has yet to be done."""
    try:
        record = read(path_of(folder, run_id))
    except RecordError:
        return None
    return record if record.ok else None


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
    for path in folder.glob("*.tmp"):
        process = path.name.split(".")[-2]
        try:
            os.kill(int(process), 0)  # asks, and ends nothing
        except ProcessLookupError:
            yield path
        except (ValueError, PermissionError, OverflowError):
            continue
