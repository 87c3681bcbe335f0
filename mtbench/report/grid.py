"""The terminal's table of a summary.

Where the terminal is too narrow, in this order: names are broken between their words, changes are
said below the table, costs are left out, and tasks stand below each other.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from mtbench.records.differing import Changes
from mtbench.records.sweeps import point_of
from mtbench.text import counted

from .below import say, words_below
from .columns import SHORT_LABELS, distance, number_text, seeds_text, short_costs
from .layout import GAP, Cell, Column, Line, narrowest, numbers, words
from .summary import MetricColumn, Row, Summary

NAME, CHANGES = 14, 16
"""Characters that names and changes need at the least."""


@dataclass(frozen=True)
class _Line:
    """A line of the table, or the title of several."""

    name: str
    row: Row | None = None
    changes: tuple[str, ...] = ()
    style: str = ""
    section: bool = False
    """Whether it begins one."""
    scenario: bool = False
    """Whether it is one of the suite, which some tasks are not trained in."""

    def trains(self, column: MetricColumn) -> bool:
        """Whether a metric is a result of it."""
        assert self.row is not None  # noqa: S101 - the caller has looked
        return not self.scenario or column.key.partition("/")[0] in self.row.trained


def table(summary: Summary, console: Console) -> None:
    """Print the headline metrics, baselines, floors and costs, as wide as the console."""
    counts = {seeds_text(row) for row in summary.scenarios if row.metrics}
    count = next(iter(counts), "0") if len(counts) < 2 else ""
    over = counted(int(count), "seed") if count else "seeds"
    lines, plain = _lines(summary), console.color_system is None
    seeds = [] if count else [numbers(["seeds"], [_seeds(line) for line in lines], "seeds")]
    metrics = [_metric(column, lines, plain) for column in summary.headline]
    costs = numbers(SHORT_LABELS, [_costs(line) for line in lines], "costs")
    least = narrowest([line.name for line in lines], NAME, max(NAME, console.width * 2 // 5))
    console.print(f"{escape(summary.suite)}: mean ± sd over {over}", style="italic")
    panels = _panels(seeds, metrics, costs, console.width - least)
    beside = None
    if summary.changes and len(panels) == 1 and panels[0][-1] is costs:
        beside = _changes(lines, console.width - sum(column.room for column in panels[0]))
    for panel in panels:
        own = [beside, *panel] if beside else panel
        console.print()
        _draw(console, lines, own)
    console.print()
    if costs not in panels[-1]:
        left = ", ".join(SHORT_LABELS)
        say(console, f"Left out for want of room: {left} (--format markdown has them).", "dim")
    changes = [] if beside else [(line.name.strip(), line.changes) for line in lines]
    words_below(summary, console, changes, plain)


def _lines(summary: Summary) -> list[_Line]:
    """Scenarios, the points of a sweep below its name, then baselines, then floors."""
    lines: list[_Line] = []
    for sweep, group in itertools.groupby(summary.scenarios, lambda row: row.sweep):
        rows = list(group)
        if not sweep:
            lines += [_Line(row.name, row, _said(row.changes), scenario=True) for row in rows]
            continue
        paths = dict.fromkeys(path for row in rows for path in row.changes)
        varied = [path for path in paths if len({row.changes.get(path) for row in rows}) > 1]
        lines.append(_Line(sweep, None, tuple(varied)))
        for row in rows:
            point = point_of(row.name)  # which says what is varied
            rest = {
                path: value
                for path, value in row.changes.items()
                if path not in varied or f"={value}" not in point
            }
            lines.append(_Line(f"  {point}", row, _said(rest), scenario=True))
    if summary.baselines:
        lines.append(_Line("baselines", section=True))
        lines += [_Line(f"  {row.name}", row) for row in summary.baselines]
    if summary.floors:
        lines.append(_Line("floors", section=True))
    return lines + [_Line(f"  {row.name}", row, style="dim") for row in summary.floors]


def _said(changes: Changes) -> tuple[str, ...]:
    return tuple(f"{path}={value}" for path, value in changes.items())


def _seeds(line: _Line) -> Cell:
    is_arm = line.row and (line.row.speed or not line.row.metrics)
    return [Line(seeds_text(line.row))] if line.row and is_arm else []


def _costs(line: _Line) -> Cell:
    is_arm = line.row and (line.row.speed or not line.row.metrics)
    return [Line(text) for text in short_costs(line.row)] if line.row and is_arm else []


def _metric(column: MetricColumn, lines: Sequence[_Line], plain: bool) -> Column:
    """A metric of each line, and how far it is from the strongest baseline or floor.

    Args:
        column: Of the metric.
        lines: Of the table.
        plain: There are no styles: what is no result stands in parentheses.
    """
    task, _, metric = column.key.partition("/")
    arrow = "↑" if column.higher_is_better else "↓"
    rival = [f"vs {column.rival}"] if column.rival else []
    head = [task, f"{metric.replace('_', ' ')} {arrow}", *rival]
    return numbers(head, [_cell(line, column, plain) for line in lines], column.key)


def _cell(line: _Line, column: MetricColumn, plain: bool) -> Cell:
    if not (row := line.row):
        return []
    if line.scenario and not row.metrics:
        return [Line("failed", "red")]
    text = number_text(row.metrics.get(column.key))
    if not line.trains(column):
        return [Line(f"({text})" if plain else text, "dim")]
    above = row.above(column)
    if above is None:
        return [Line(text)]
    return [Line(text), Line(*distance(above))]


def _panels(
    seeds: list[Column], metrics: Sequence[Column], costs: Column, room: int
) -> list[list[Column]]:
    """The columns of one table, or of several where they do not fit beside each other.

    Args:
        seeds: The number of seeds, where it varies.
        metrics: Those that have to be shown.
        costs: Left out where they have no room.
        room: Characters that the columns of a table may take.
    """
    groups = itertools.groupby(metrics, lambda column: column.key.partition("/")[0])
    tasks = [list(group) for _, group in groups]
    if _room([*seeds, *metrics]) <= room:
        panels = [[*seeds, *metrics]]
    else:
        units = [
            unit
            for task in tasks
            for unit in ([task] if _room(seeds + task) <= room else [[each] for each in task])
        ]
        panels = [seeds + units[0]]
        for unit in units[1:]:
            if _room(panels[-1] + unit) <= room:
                panels[-1] += unit
            else:
                panels.append(seeds + unit)
    return [*panels[:-1], panels[-1] + ([costs] if _room([*panels[-1], costs]) <= room else [])]


def _room(columns: Iterable[Column]) -> int:
    return sum(column.room for column in columns)


def _changes(lines: Sequence[_Line], room: int) -> Column | None:
    """The column of changes, None where there is no room for it beside names.

    Args:
        lines: Of the table.
        room: Characters for both.
    """
    if room < NAME + GAP + CHANGES:
        return None
    longest = max(cell_len(line.name) for line in lines)
    names = min(longest, max(narrowest((x.name for x in lines), NAME, room), room * 2 // 5))
    least = max(cell_len(text) for line in lines for text in ("", *line.changes))
    if room - names - GAP < min(CHANGES, least):
        return None
    cells = [[Line(text) for text in line.changes] for line in lines]
    return words("changes", cells, min(least, room - names - GAP), "changes")


def _draw(console: Console, lines: Sequence[_Line], columns: Sequence[Column]) -> None:
    """Print a table of these columns beside the names."""
    longest = max((cell_len(line.name) for line in lines), default=0)
    width = max(min(max(longest, len("scenario")), console.width - _room(columns)), 1)
    first = words("scenario", [[Line(line.name)] for line in lines], width)
    grid = Table(box=box.HORIZONTALS, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0))
    height = max(len(column.head) for column in columns)
    for column in (first, *columns):
        head = "\n" * (height - len(column.head)) + "\n".join(column.head)
        grid.add_column(Text(head), no_wrap=True, width=column.width, overflow="crop")
    keys, title = {column.key for column in columns}, ""
    for number, line in enumerate(lines):
        if line.section:
            title = line.name
            continue
        if line.row and line.row.metrics and not line.scenario and not keys & {*line.row.metrics}:
            continue  # a baseline or floor of tasks that stand in another table
        if title:
            grid.add_section()
            grid.add_row(title, style=line.style)
            title = ""
        cells = [first.cells[number], *(column.cells[number] for column in columns)]
        grid.add_row(*cells, style=line.style)
    console.print(grid, crop=True)


def notebook(summary: Summary) -> str:
    """The terminal's table as HTML, for a notebook."""
    shown = Console(record=True, file=io.StringIO(), width=120, highlight=False)
    table(summary, shown)
    style = "white-space:pre;overflow-x:auto;line-height:normal;font-family:monospace"
    return shown.export_html(inline_styles=True, code_format=f'<pre style="{style}">{{code}}</pre>')
