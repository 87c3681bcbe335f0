"""Plain text: counts of things, and rows whose cells stand below each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

_UNSHOWN = {
    *(code for code in range(0x20) if chr(code) not in "\t\n"),
    *range(0x7F, 0xA0),
    *range(0x2028, 0x202F),  # line separators, and what turns the direction of text
    *range(0x2066, 0x206A),
}
_SHOWN = dict.fromkeys(_UNSHOWN, "\ufffd")
UNSHOWN_IN_JSON = re.compile(
    rb"\\(?:[bfr]|u00(?:0[0-8b-f]|1|7f|[89])|u20(?:2[89a-e]|6[6-9]))"
    rb"|\x7f|\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae]|\xe2\x81[\xa6-\xa9]",
    re.IGNORECASE,
)
"""What JSON has in it, UTF-8, where a text of it may hold a character that `printable` replaces."""


def defused(cell: Any) -> Any:
    """What a table's cell says in a CSV file: a text that a spreadsheet would run gets a `'`."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t") else cell


def printable(value: Any) -> Any:
    """JSON types whose texts have nothing that moves a terminal: such characters become U+FFFD.

    Ends of lines and tabs stay.
    """
    if isinstance(value, str):
        return value if value.isprintable() else value.translate(_SHOWN)
    if isinstance(value, dict):
        return {printable(key): printable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [printable(each) for each in value]
    return value


def counted(number: int, noun: str) -> str:
    """`1 seed`, `2 seeds`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def escaped(text: str) -> str:
    """A line whose control characters, and whatever else cannot be shown, are escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Rows of as many cells each as lines, every column as wide as its longest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
