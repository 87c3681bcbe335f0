"""What `mtbench list`, `show` and `clean` print of what was run before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import yaml

from mtbench.records import store
from mtbench.records.document import suite_document
from mtbench.records.folders import Folder
from mtbench.records.record import Record
from mtbench.text import aligned, counted

UNITS = ("bytes", "kB", "MB", "GB", "TB")


class Removable(Protocol):
    """Something that is to be removed."""

    @property
    def folder(self) -> Path:
        """Where it lies."""

    @property
    def what(self) -> str:
        """What it is."""

    @property
    def newest(self) -> str:
        """A time, ISO 8601; empty where there is none."""

    @property
    def size(self) -> int:
        """Bytes."""

    def remove(self) -> None:
        """Remove it."""


def listing(folders: Sequence[Folder]) -> str:
    """Folders of results, a line each."""
    headings = ("folder", "suite", "scenarios", "runs", "seeds", "newest (UTC)", "versions")
    rows = [headings, *(tuple(_line(folder)) for folder in folders)]
    return "".join(f"{row}\n" for row in aligned(rows))


def _line(folder: Folder) -> Iterator[str]:
    results, records = folder.results, folder.results.records
    yield str(folder.path)
    yield folder.suite
    baselines = f" + {counted(len(results.baselines), 'baseline')}" if results.baselines else ""
    yield f"{len(results.scenarios)}{baselines}"
    runs = [f"{len(results.done)} done"] if records else []
    runs += [f"{len(results.failed)} failed"] if results.failed else []
    yield ", ".join([*runs, *([counted(len(folder.trials), "trial")] if folder.trials else [])])
    yield seeds_text(record.seed for record in records)
    yield _minute(results.newest.started) if records else ""
    older = f" ({counted(len(folder.older), 'run')} of older ones)" if folder.older else ""
    yield f"{folder.versions or ''}{older}"


def seeds_text(seeds: Iterable[int]) -> str:
    """Numbers in order, `0–4, 7`."""
    spans: list[list[int]] = []
    for seed in sorted(set(seeds)):
        if spans and seed == spans[-1][-1] + 1:
            spans[-1][1:] = [seed]
        else:
            spans.append([seed])
    return ", ".join("–".join(map(str, span)) for span in spans)


def one(record: Record, path: Path) -> str:
    """A record as a person reads it.

    Args:
        record: The record.
        path: Its file.
    """
    lines = [f"{record.scenario} seed {record.seed} of {record.suite}: {record.status}"]
    lines += [f"run {record.run_id}, {_minute(record.started)} UTC", *_files(record, path)]
    if record.error:
        lines += ["", record.error.line, *(f"  {line}" for line in record.error.traceback)]
    for heading, rows in (
        ("metrics", _metrics(record)),
        ("timings", _pairs(_timings(record))),
        ("environment", _pairs(_environment(record))),
        ("setup", _setup(record)),
    ):
        if shown := list(rows):
            lines += ["", heading, *(f"  {row}".rstrip() for row in shown)]
    return "".join(f"{line}\n" for line in lines)


def _files(record: Record, path: Path) -> Iterator[str]:
    """Where the record lies, and what lies beside it."""
    yield f"record: {path}"
    for what, about in {"by_query": "values by query", "weights": "weights"}.items():
        file = store.beside(path.parent, record, what)
        if file and file.is_file():
            yield f"{about}: {file}"


def _setup(record: Record) -> Iterator[str]:
    """All that decides the run, as a suite's file says it."""
    document = suite_document(
        record.suite, record.question, {record.scenario: record.answer}, [record.seed]
    )
    text: str = yaml.safe_dump(
        document, sort_keys=False, allow_unicode=True, default_flow_style=None, width=96
    )
    if record.question.stands_in_for:
        yield f"# made-up data in place of {record.question.stands_in_for}"
    if tuning := record.answer.tuning:
        yield f"# options of trial {tuning.best + 1} of {tuning.trials}"
    yield from text.splitlines()


def _metrics(record: Record) -> Iterator[str]:
    """The metrics by task, and what trivial predictors reach."""
    rows = []
    for task, listed in record.metric_info.items():
        trained = "" if task in record.answer.trained_tasks else " (not trained)"
        for metric in listed:
            value = record.metrics.get(task, {}).get(metric.name)
            floors = ", ".join(
                f"{floor} {_number(values[metric.name])}"
                for floor, values in record.floors.get(task, {}).items()
                if metric.name in values
            )
            name = f"{task}/{metric.name} {'↑' if metric.higher_is_better else '↓'}{trained}"
            if value is not None:
                rows.append((name, _number(value), f"floors: {floors}" if floors else ""))
    yield from aligned(rows)


def _timings(record: Record) -> Iterator[tuple[str, Any]]:
    for key, value in record.timings.items():
        yield key, "–" if value is None else _number(value)
    if record.peak_memory_bytes:
        yield "peak memory", size_text(record.peak_memory_bytes)
    if record.parameters is not None:
        yield "parameters", f"{record.parameters:,}"


def _environment(record: Record) -> Iterator[tuple[str, Any]]:
    engine, environment = record.question.engine, record.environment
    yield from engine.versions.items()
    yield "threads", engine.threads
    yield "device", engine.device
    yield "python", environment.python
    yield "platform", environment.platform
    yield "cpu", environment.cpu
    if record.data:
        made_up = " (made up)" if record.data.synthetic else ""
        yield "data", f"{record.data.source}{made_up}, fingerprint {record.data.fingerprint[:12]}"


def _pairs(pairs: Iterable[tuple[str, Any]]) -> Iterator[str]:
    return aligned([(key, str(value)) for key, value in pairs])


def leaving(all_of_it: Sequence[Removable]) -> str:
    """What is to be removed, by folder, with sizes."""
    by_folder: dict[Path, list[Removable]] = {}
    for each in all_of_it:
        by_folder.setdefault(each.folder, []).append(each)
    lines = []
    for folder, listed in by_folder.items():
        lines.append(str(folder))
        rows = [(each.what, _minute(each.newest), size_text(each.size)) for each in listed]
        lines += [f"  {row}" for row in aligned(rows)]
    lines.append(f"{size_text(sum(each.size for each in all_of_it))} in all")
    return "".join(f"{line}\n" for line in lines)


def size_text(size: float) -> str:
    """`12.3 MB`."""
    for unit in UNITS:
        if size < 1000 or unit == UNITS[-1]:
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == UNITS[0] else f"{size:.1f} {unit}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _minute(started: str) -> str:
    """`2026-01-31 12:00` of an ISO time."""
    return started[:16].replace("T", " ")
