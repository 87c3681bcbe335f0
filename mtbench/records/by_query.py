"""Values by user, with the users' ids: of each run, for each metric that has some."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mtbench.errors import RecordError
from mtbench.extras import require

from . import store
from .columns import TEXT, WHOLE
from .record import Record

COLUMNS = {
    **dict.fromkeys(("suite", "kind", "name"), TEXT),
    "seed": WHOLE,
    **dict.fromkeys(("task", "metric", "query"), TEXT),
    "value": "float32",
    **dict.fromkeys(("run_id", "question_id"), TEXT),
}
"""Columns of `by_query_table`, and their Arrow types."""


def ids_path(folder: Path, fingerprint: str) -> Path:
    """Return where the ids of the queries of some data lie, once for all runs that had it."""
    return folder / f"{fingerprint[:16]}.queries.npy"


def write_ids(folder: Path, record: Record, ids: np.ndarray) -> None:
    """Store the ids of the queries of a run's data, unless they are there.

    Args:
        folder: Of the records.
        record: Of the run.
        ids: Text `[num_queries]`.

    Raises:
        RecordError: The folder cannot be written to.
    """
    if record.fingerprint and not (target := ids_path(folder, record.fingerprint)).is_file():
        store.put(target, lambda stream: np.save(stream, ids, allow_pickle=False))


def read_ids(folder: Path, record: Record) -> np.ndarray:
    """Read the ids of the queries of a run's data, text `[num_queries]`.

    Raises:
        RecordError: They are not there, as of a run before they were kept, or damaged.
    """
    path = ids_path(folder, record.fingerprint or "")
    try:
        ids: np.ndarray = np.load(path, allow_pickle=False)
    except FileNotFoundError as error:
        name = f"{record.scenario} seed {record.seed}"
        raise RecordError(
            f"{path}: no such file: expected the ids of the users of {name}; run it again (--force)"
        ) from error
    except (OSError, ValueError, EOFError) as error:
        raise RecordError(f"{path}: expected ids, found a damaged file") from error
    return ids


def by_query_table(folder: Path, records: Sequence[Record]) -> Any:
    """Return the values by user of records, a row for each run, metric and user that has one.

    - `suite`, `kind`, `name`, `seed`, `run_id`, `question_id`: as in `load_results`.
    - `task`, `metric`: what was measured.
    - `query`: id of the user, as the data has it.
    - `value`: float32. The mean over users is the metric where it is one of users (recall, nDCG);
      of one of rows (RMSE, top-k) it is the user's own, whose mean is another number.

    Args:
        folder: Where the records lie.
        records: Those that went well are told, in their order.

    Returns:
        A `pyarrow.Table`; texts are dictionaries.

    Raises:
        RecordError: A file is damaged, or the ids of a run are not there.
        MtbenchError: PyArrow is not installed.
    """
    pa = require("pyarrow", "tables")
    text = pa.dictionary(pa.int32(), pa.string())
    types = {
        key: text if kind == TEXT else pa.type_for_alias(kind) for key, kind in COLUMNS.items()
    }
    parts = list(_parts(folder, records, pa))
    if not parts:
        return pa.Table.from_pylist([], pa.schema(types))
    return pa.concat_tables([part.cast(pa.schema(types)) for part in parts]).unify_dictionaries()


def _parts(folder: Path, records: Sequence[Record], pa: Any) -> Iterator[Any]:
    """A table for each metric of each run."""
    ids: dict[str | None, Any] = {}
    for record in records:
        values = store.read_by_query(folder, record.run_id) if record.ok else {}
        if values and record.fingerprint not in ids:
            ids[record.fingerprint] = pa.array(read_ids(folder, record))
        for name, column in values.items():
            task, _, metric = name.partition("/")
            rows = np.flatnonzero(~np.isnan(column))
            about = {
                "suite": record.suite,
                "kind": record.kind,
                "name": record.scenario,
                "seed": record.seed,
                "task": task,
                "metric": metric,
                "run_id": record.run_id,
                "question_id": record.question_id,
            }
            made: dict[str, Any] = {
                key: pa.array([value]).take(pa.array(np.zeros(len(rows), np.int32)))
                for key, value in about.items()
            }
            made["query"] = ids[record.fingerprint].take(pa.array(rows))
            made["value"] = pa.array(column[rows])
            yield pa.table({key: _coded(made[key], kind) for key, kind in COLUMNS.items()})


def _coded(values: Any, kind: str) -> Any:
    """Texts as a dictionary."""
    return values.dictionary_encode() if kind == TEXT else values
