"""What is said below the terminal's table."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.markup import escape

from .summary import Summary

MOST_PAIRS = 6
"""Pairs of tasks that a terminal is told of."""


def say(console: Console, text: str, style: str) -> None:
    """Print a sentence; a terminal gets it broken between words, a pipe on one line."""
    lines = [text]
    if console.is_terminal:
        lines = textwrap.wrap(
            text, console.width, subsequent_indent="  ", break_on_hyphens=False,
            break_long_words=False,
        ) or [""]  # fmt: skip
    for line in lines:
        console.print(escape(line), style=style, soft_wrap=True)


def words_below(
    summary: Summary,
    console: Console,
    changes: Iterable[tuple[str, Sequence[str]]],
    plain: bool,
) -> None:
    """Print what is to be said below the table.

    Args:
        summary: What the table is of.
        console: Where to.
        changes: Of lines that have no column for them, with their names.
        plain: There are no styles.
    """
    for sentence in summary.answer:
        say(console, f"{sentence[:1].upper()}{sentence[1:]}.", "bold")
    for sentence in summary.why[:MOST_PAIRS]:
        say(console, f"{sentence}.", "")
    if len(summary.why) > MOST_PAIRS:
        more = len(summary.why) - MOST_PAIRS
        say(console, f"Of {more} more pairs of tasks the page and Markdown tell.", "dim")
    for note in summary.notes:
        loud = note.startswith(("FAILED", "SYNTHETIC"))
        say(console, note, "red bold" if loud else "yellow")
    for sentence in _captions(summary, plain):
        say(console, sentence, "dim")
    for name, made in changes:
        if made:
            say(console, f"changes: {name}: {', '.join(made)}", "dim")
    if summary.planned:
        say(console, summary.basis, "dim")
    say(console, summary.data, "dim")


def _captions(summary: Summary, plain: bool) -> Iterator[str]:
    """How to read the cells."""
    if any(row.above_floor or row.above_baseline for row in summary.scenarios):
        rival = "strongest baseline, or floor" if summary.baselines else "strongest floor"
        how = "how much better or worse than the"
        yield f"Second line of a cell: {how} {rival}, named in the head."
    tasks = {column.key.partition("/")[0] for column in summary.headline}
    if any(row.metrics and tasks - {*row.trained} for row in summary.scenarios):
        mark = "In parentheses" if plain else "Grey"
        yield f"{mark}: a task that the scenario was not trained for, so no result of it."
