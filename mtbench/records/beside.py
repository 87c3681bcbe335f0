"""Arrays beside a record, in files that the record names by their digest."""

from __future__ import annotations

import glob
import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mtbench import files
from mtbench.errors import RecordError

from .record import Record

BESIDE = {"by_query": "", "weights": "weights."}
"""What may lie beside a record, and how its file's name goes on after the run's id; then follow 16
digits of its digest, so that another content is another file."""


def beside(folder: Path, record: Record, what: str) -> Path | None:
    """Return where what lies beside a record lies; None where the record has none of it.

    In folders of before records named their files it is `<run id>.npz` or `<run id>.weights.npz`.
    """
    if record.files is None:
        path = folder / f"{record.run_id}.{BESIDE[what]}npz"
        return path if path.is_file() else None
    digest = record.files.get(what)
    return folder / _name(record.run_id, what, digest) if digest else None


def _name(run_id: str, what: str, digest: str) -> str:
    return f"{run_id}.{BESIDE[what]}{digest[:16]}.npz"


def unnamed(folder: Path, record: Record) -> Iterator[Path]:
    """The files of a run's arrays that its record does not name."""
    named = {beside(folder, record, what) for what in BESIDE}
    for path in folder.glob(f"{glob.escape(record.run_id)}.*npz"):
        if path not in named:
            yield path


def put(target: Path, write_to: Callable[[BinaryIO], object]) -> None:
    """Write a file that is whole or not there; see `files.put`.

    Raises:
        RecordError: It cannot be written.
    """
    try:
        files.put(target, write_to)
    except OSError as error:
        raise RecordError(f"{target}: cannot be written: {files.reason(error)}") from error


def put_arrays(folder: Path, run_id: str, what: str, arrays: Mapping[str, Any]) -> str:
    """Write a file of arrays under the name that its digest gives it; return the digest."""
    stream = io.BytesIO()
    (np.savez if what == "weights" else np.savez_compressed)(stream, **arrays)
    content = stream.getbuffer()
    digest = hashlib.sha256(content).hexdigest()
    put(folder / _name(run_id, what, digest), lambda file: file.write(content))
    return digest


def read_arrays(folder: Path, record: Record, what: str) -> dict[str, np.ndarray]:
    """Read what lies beside a record, {} where there is none.

    Args:
        folder: Where the record lies.
        record: As it was read there.
        what: A key of `BESIDE`.

    Raises:
        RecordError: The file is absent, damaged, or another than the record's.
    """
    path = beside(folder, record, what)
    if path is None:
        return {}
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RecordError(f"{path}: {files.reason(error)}") from error
    if record.files and hashlib.sha256(content).hexdigest() != record.files[what]:
        raise RecordError(f"{path}: expected the arrays of the record, found a damaged file")
    try:
        with np.load(io.BytesIO(content)) as arrays:
            return dict(arrays)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, NotImplementedError) as error:
        raise RecordError(f"{path}: expected arrays, found a damaged file") from error
