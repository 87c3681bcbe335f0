"""A summary as text: a table in the terminal, CSV, JSON, and Markdown from beside."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from mtbench.records.differing import changes_text
from mtbench.text import defused

from .grid import notebook, table
from .markdown import markdown
from .summary import Summary

__all__ = ["FORMATS", "markdown", "notebook", "table", "to_csv", "to_json"]


def to_csv(summary: Summary) -> str:
    """One line for each scenario, baseline or floor and metric.

    Where there are baselines it has the columns `baseline` and `above_baseline` besides, and where
    scenarios differ `changes`.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    head = ["suite", "kind", "name", "metric", "mean", "sd", "seeds", "floor", "above_floor"]
    head += ["baseline", "above_baseline"] if summary.baselines else []
    writer.writerow([*head, *(["changes"] if summary.changes else [])])
    columns = {column.key: column for column in summary.columns}
    kinds = ("scenario", summary.scenarios), ("baseline", summary.baselines)
    for kind, rows in (*kinds, ("floor", summary.floors)):
        for row in rows:
            for key, stat in (*row.metrics.items(), *row.speed.items()):
                line: list[object] = [summary.suite, kind, row.name, key]
                line += [stat.mean, stat.sd, stat.n]
                above, over = row.above_floor.get(key), row.above_baseline.get(key)
                line += [columns[key].floor if above is not None else None, above]
                if summary.baselines:
                    line += [columns[key].baseline if over is not None else None, over]
                line += [changes_text(row.changes)] if summary.changes else []
                writer.writerow(map(defused, line))
    return stream.getvalue()


def to_json(summary: Summary) -> str:
    """The whole summary; baselines, changes and sweeps where there are any."""
    told = asdict(summary)
    told["scenarios"] = [_without_empty(row) for row in told["scenarios"]]
    told["baselines"] = [_without_empty(row) for row in told["baselines"]]
    told["floors"] = [_without_empty(row) for row in told["floors"]]
    told["columns"] = [_without_empty(column) for column in told["columns"]]
    return json.dumps(_without_empty(told), indent=2) + "\n"


_LATER = {"baselines", "baseline", "above_baseline", "weighting", "changes", "sweep", "why"}
"""Keys that are left out where they are empty."""


def _without_empty(value: dict[str, Any]) -> dict[str, Any]:
    return {key: one for key, one in value.items() if one or key not in _LATER}


FORMATS: dict[str, Callable[[Summary], str]] = {
    "markdown": markdown,
    "csv": to_csv,
    "json": to_json,
}
"""Formats besides the terminal's table."""
