"""Results as tables: pandas frames, Parquet and CSV."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from mtbench.errors import RecordError, did_you_mean
from mtbench.extras import require
from mtbench.text import defused

from . import asked, store
from .by_query import by_query_table
from .columns import COLUMNS, RUN_COLUMNS, metric_rows, run_rows
from .record import Record
from .results import Results, older_form


def load_results(folder: Path | str, *, every: bool = False) -> Any:
    """Read the metrics of a folder of results, a row a value.

    Each run has a row for each metric of each task of its suite, and so has each floor for each
    seed: a floor depends on the split alone, and counts once for a split. A failed run has the
    rows of the others, without values, unless no run of the folder tells its metrics. A baseline
    has rows of the tasks it serves. Columns:

    - `suite`: name of the suite.
    - `kind`: `scenario`, `baseline` or `floor`.
    - `name`: of the scenario, baseline or floor.
    - `weighting`: name of the scenario's strategy; missing where one task is trained, and for
      baselines and floors.
    - `changes`: what the scenario does otherwise than most scenarios, as
      `train.epochs=30, towers.query=mlp`; missing where that is nothing.
    - `seed`: of the run, or of the split a floor was computed on. Rows with one seed are paired.
    - `status`: `ok` or `failed`.
    - `task`, `metric`: what was measured.
    - `trained`: whether the scenario trained this task; True for baselines, False for floors.
    - `headline`: whether the short report shows the metric.
    - `higher_is_better`: how to read it.
    - `value`: float64, NaN for a failed run.
    - `synthetic`: whether the data was made up.
    - `run_id`: of the run, to join `load_runs`; missing for floors.
    - `question_id`: equal where what was asked is: data, split, metrics, software and threads.

    Args:
        folder: Such as `results/ml100k`: the version last asked for. Others are named where records
            are left out, and are read as `results/ml100k@NAME`.
        every: Also the records that a report leaves out: those of all other versions. Then only
            rows of one `question_id` compare.

    Returns:
        A `pandas.DataFrame`: runs of scenarios in the order they were made, then those of
        baselines, then floors.

    Warns:
        UserWarning: A file is no record, or there is more to know; see `export`.

    Raises:
        RecordError: The folder is absent or has no record.
        MtbenchError: pandas is not installed.
    """
    return metric_frame(_told(folder, every))


def load_runs(folder: Path | str, *, every: bool = False) -> Any:
    """Read what a folder's records say besides metrics, a row a run.

    - `suite`, `kind`, `changes`, `seed`, `status`, `run_id`, `question_id`: as in `load_results`.
    - `scenario`: name of the scenario or baseline.
    - `trained_tasks`: names of the trained tasks, joined by `, `; of a baseline those it serves.
    - `weighting`, `options`: the strategy, and its options as JSON; missing for one task. Of a
      baseline, its own options.
    - `error`: `Type: message` of a failed run.
    - `started`: time, UTC.
    - `run_s`: seconds of the run without those of the process, which are `import_s` and `data_s`:
      `build_s`, `trace_s` (first step), `train_s` (all steps) and `evaluate_s` are parts of it.
    - `step_per_reference`: time of a training step in that of a small reference model that is timed
      in turn with the steps; `train_examples_per_s` (all but the first step) and
      `evaluate_examples_per_s` are as the clock has them. Of several batches in a step it is the
      time of all, and the examples are those of the first.
    - `cpu_s`, `step_cpu_s`: processor time of the run, and the median one of a training step, of
      all threads together; beside other runs steadier than what the clock has.
    - `workers_on_node`: how many workers the machine had at once; with more than one what the clock
      has is the time beside others.
    - `peak_memory_bytes`: resident memory of the process at its highest during the run. It holds
      what the runs before have left in the process, so that it depends on their order.
    - `parameters`: number of trained parameters.
    - `train_rows`, `test_rows`: interactions in the two parts.
    - `data`, `data_fingerprint`: name and digest of the data; `stands_in_for` says in place of
      what it was made up.
    - `platform`, `python`, `cpu`, `threads`: the machine.
    - `mtbench`, `tensorflow`, `tf-keras`, `tensorflow-recommenders`, `numpy`: versions.

    Times, `parameters`, rows and data are missing where a run failed before they were known.

    Args:
        folder: As for `load_results`.
        every: As for `load_results`.

    Returns:
        A `pandas.DataFrame`, in the order the runs were made.

    Warns:
        UserWarning: As for `load_results`.

    Raises:
        RecordError: The folder is absent or has no record.
        MtbenchError: pandas is not installed.
    """
    return run_frame(_told(folder, every))


def metric_frame(records: Sequence[Record]) -> Any:
    """Return the rows of `load_results` for records, as a frame."""
    require("pandas", "tables")
    return _table(metric_rows(records), COLUMNS).to_pandas()


def run_frame(records: Sequence[Record]) -> Any:
    """Return the rows of `load_runs` for records, as a frame."""
    require("pandas", "tables")
    return _table(run_rows(records), RUN_COLUMNS).to_pandas()


def export(
    folder: Path | str,
    target: Path | str,
    *,
    runs: bool = False,
    by_query: bool = False,
    every: bool = False,
) -> list[str]:
    """Write what `load_results` reads to a file, which is whole or not there.

    `pandas.read_parquet` gives the frame back. So does `pandas.read_csv` with
    `keep_default_na=False, na_values=[""]`, before pandas 3.1 also `float_precision="round_trip"`,
    but for the dtype of times, of names that are all numbers, and of columns without a value, and
    for a `'` before texts that a spreadsheet would take for a formula.

    Args:
        folder: As for `load_results`.
        target: The file; its suffix, `.parquet` or `.csv`, decides the format. Replaced where it is
            there.
        runs: What `load_runs` reads instead.
        by_query: Values by user instead; see `mtbench.Results.by_query`.
        every: As for `load_results`.

    Returns:
        A line for each file that is no record, and one if records are left out or of an older
        form.

    Raises:
        RecordError: The folder is absent or has no record, the suffix is another, or the file
            cannot be written.
        MtbenchError: PyArrow is not installed.
    """
    target = Path(target)
    write = WRITERS.get(target.suffix.lower())
    if write is None:
        near = did_you_mean(target.suffix, WRITERS)
        raise RecordError(
            f"{target}: expected the suffix of a known format, found {target.suffix!r}{near}"
        )
    records, notes = _read(Path(folder), every)
    if by_query:
        place = store.suite_folder(asked.split(Path(folder))[0])
        table = by_query_table(place, records)
    else:
        rows, columns = (run_rows, RUN_COLUMNS) if runs else (metric_rows, COLUMNS)
        table = _table(rows(records), columns)
    store.put(target, lambda stream: write(table, stream))
    return notes


def _read(folder: Path, every: bool) -> tuple[Sequence[Record], list[str]]:
    """The records of a folder that count, and what is to be said of them and the others."""
    if every:
        records, problems = store.read_folder(asked.split(folder)[0])
        return records, [*problems, *older_form(sum(record.upgraded for record in records))]
    results = Results.read(folder)
    return results.records, [*results.problems, *results.left_out, *results.notes]


def _told(folder: Path | str, every: bool) -> Sequence[Record]:
    """The records of a folder that count, what is to be said of the others as warnings."""
    require("pandas", "tables")
    records, notes = _read(Path(folder), every)
    for note in notes:
        warnings.warn(note, stacklevel=3)
    return records


def _table(rows: Iterable[dict[str, Any]], columns: Mapping[str, str]) -> Any:
    """Rows as an Arrow table; a key that a row lacks is missing."""
    pa = require("pyarrow", "tables")
    types = {
        key: pa.timestamp("us", "UTC") if kind == "timestamp" else pa.type_for_alias(kind)
        for key, kind in columns.items()
    }
    return pa.Table.from_pylist(list(rows), pa.schema(types))


def _parquet(table: Any, stream: BinaryIO) -> None:
    require("pyarrow.parquet", "tables").write_table(table, stream)


def _csv(table: Any, stream: BinaryIO) -> None:
    # not Arrow's own, which writes 1.0 as 1: a column of such numbers would come back whole
    text = io.TextIOWrapper(stream, "utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.column_names)
    for row in table.to_pylist():
        writer.writerow(
            value.isoformat(timespec="microseconds")
            if isinstance(value, datetime)
            else defused(value)
            for value in row.values()
        )
    text.detach()


WRITERS: dict[str, Callable[[Any, BinaryIO], None]] = {".parquet": _parquet, ".csv": _csv}
"""Formats by suffix."""
