"""The terminal's table of a summary."""

from __future__ import annotations

import io
import itertools
import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from mtbench.evidence.changes import counted
from mtbench.records.differing import Changes
from mtbench.records.sweeps import point_of

from .columns import SHORT_LABELS, number_text, seeds_text, short_costs, signed
from .summary import MetricColumn, Row, Summary

NAME, CHANGES = 14, 18
"""Characters that names and changes need at the least; where there are not as many, changes are
said below the table."""
_ALONG = "[._=,-]"
"""Where a long name or path may be broken, behind the character."""


@dataclass(frozen=True)
class _Line:
    """A line of the table, or the title of several."""

    name: str
    row: Row | None = None
    changes: tuple[str, ...] = ()
    style: str | None = None
    section: bool = False
    """Whether it begins one."""


def table(summary: Summary, console: Console) -> None:
    """Print the headline metrics, baselines, floors and throughput, for 80 columns or more."""
    numbers = {seeds_text(row) for row in summary.scenarios}
    varies = len(numbers) > 1
    count = next(iter(numbers), "0") if not varies else ""
    over = "seeds" if varies else counted(int(count), "seed")
    grid = Table(
        title=f"{escape(summary.suite)}: mean ± sd over {over}",
        title_justify="left",
        box=box.HORIZONTALS,
        pad_edge=False,
    )
    lines = _lines(summary)
    cells = [_cells(summary, line.row, varies) if line.row else [] for line in lines]
    heads = ["seeds"] if varies else []
    heads += [_heading(column, narrow=summary.changes) for column in summary.headline]
    heads.append("\n".join(SHORT_LABELS))
    names = [escape(line.name) for line in lines]
    widths = _beside(console, heads, cells) if summary.changes else None
    grid.add_column("scenario", overflow="fold")
    if widths:
        grid.padding = (0, 1, 0, 0)
        grid.add_column("changes", overflow="fold")
        names = [_fold([line.name], widths[0]) for line in lines]
        changes = [_fold(line.changes, widths[1]) for line in lines]
        cells = [[own, *rest] for own, rest in zip(changes, cells, strict=True)]
    for head in heads:
        grid.add_column(head, justify="right", overflow="fold", no_wrap=head == "seeds")
    for line, name, rest in zip(lines, names, cells, strict=True):
        if line.section:
            grid.add_section()
        grid.add_row(name, *rest, style=line.style)
    console.print(grid)
    _words(summary, console, [] if widths else lines)


def _lines(summary: Summary) -> list[_Line]:
    """Scenarios, the points of a sweep below its name, then baselines, then floors."""
    lines: list[_Line] = []
    for sweep, group in itertools.groupby(summary.scenarios, lambda row: row.sweep):
        rows = list(group)
        if not sweep:
            lines += [_Line(row.name, row, _said(row.changes)) for row in rows]
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
            lines.append(_Line(f"  {point}", row, _said(rest)))
    if summary.baselines:
        lines.append(_Line("baselines", section=True))
        lines += [_Line(f"  {row.name}", row) for row in summary.baselines]
    lines.append(_Line("floors", style="dim", section=True))
    return lines + [_Line(f"  {row.name}", row, style="dim") for row in summary.floors]


def _said(changes: Changes) -> tuple[str, ...]:
    return tuple(f"{path}={value}" for path, value in changes.items())


def _cells(summary: Summary, row: Row, varies: bool) -> list[str]:
    """What a row has behind its name and changes."""
    floor = bool(row.metrics) and not row.speed
    seeds = ["" if floor else seeds_text(row)] if varies else []
    metrics = [_cell(row, column) for column in summary.headline]
    return [*seeds, *metrics, "" if floor else "\n".join(short_costs(row))]


def _beside(
    console: Console, heads: Sequence[str], cells: Sequence[Sequence[str]]
) -> tuple[int, int] | None:
    """How wide names and changes may be beside the other columns; None where there is no room."""
    columns = [[head, *(row[n] for row in cells if row)] for n, head in enumerate(heads)]
    taken = sum(
        max(console.measure(Text.from_markup(text)).maximum for text in texts) for texts in columns
    )
    room = console.width - taken - 2 * (len(heads) + 2)
    if room < NAME + CHANGES:
        return None
    return max(NAME, room * 2 // 5), max(CHANGES, room - room * 2 // 5)


def _fold(texts: Iterable[str], width: int) -> str:
    """Texts below each other, those that are too long broken along paths and lists."""
    lines = []
    for text in texts:
        line = ""
        for piece in re.findall(rf".*?{_ALONG}|.+$", text):
            if line.strip() and len(line) + len(piece) > width:
                lines.append(line)
                line = "  "
            line += piece
        lines.append(line)
    return escape("\n".join(lines))


def _words(summary: Summary, console: Console, lines: Iterable[_Line]) -> None:
    """What is to be said below the table, with changes of lines that have no column for them."""
    for sentence in summary.answer:
        console.print(
            escape(f"{sentence[:1].upper()}{sentence[1:]}."), style="bold", soft_wrap=True
        )
    for note in summary.notes:
        style = "red bold" if note.startswith(("FAILED", "SYNTHETIC")) else "yellow"
        console.print(escape(note), style=style, soft_wrap=True)
    if any(row.above_floor or row.above_baseline for row in summary.scenarios):
        rival = "strongest baseline, or floor" if summary.baselines else "strongest floor"
        text = f"Second line of a cell: above (+) or below (−) the {rival}, named in the head."
        console.print(text, style="dim", soft_wrap=True)
    for line in lines:
        if line.changes:
            text = f"changes: {line.name.strip()}: {', '.join(line.changes)}"
            console.print(escape(text), style="dim", soft_wrap=True)
    console.print(escape(summary.data), style="dim", soft_wrap=True)


def notebook(summary: Summary) -> str:
    """The terminal's table as HTML, for a notebook."""
    shown = Console(record=True, file=io.StringIO(), width=120, highlight=False)
    table(summary, shown)
    style = "white-space:pre;overflow-x:auto;line-height:normal;font-family:monospace"
    return shown.export_html(inline_styles=True, code_format=f'<pre style="{style}">{{code}}</pre>')


def _heading(column: MetricColumn, narrow: bool) -> str:
    """`retrieval`, `top 100 seen`, `kept ↑`, `vs popularity`; narrow where changes want room."""
    task, _, metric = column.key.partition("/")
    arrow = "↑" if column.higher_is_better else "↓"
    name = textwrap.wrap(f"{metric.replace('_', ' ')} {arrow}", 14)
    rival = [f"vs {column.rival}"] if column.rival else []
    if narrow:
        rival = textwrap.wrap(" ".join(rival), 14)
    return escape("\n".join([task, *name, *rival]))


def _cell(row: Row, column: MetricColumn) -> str:
    """A metric and its distance from the strongest baseline or floor."""
    above = row.above(column)
    if above is None:
        return number_text(row.metrics.get(column.key))
    colour = "green" if above > 0 else "red"
    return f"{number_text(row.metrics[column.key])}\n[{colour}]{signed(above)}[/{colour}]"
