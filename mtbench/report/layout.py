"""Text in columns: names broken where they may be, numbers below each other by their points."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

GAP = 2
"""Characters between two columns."""
_COARSE = re.compile(r"(?<=[-, ])(?=[^-, ])|(?=\[)")
"""Where a name is broken: behind a hyphen, comma or space, before a bracket."""
_FINE = re.compile(r"(?<=[._=+/])(?=[^._=+/])")
"""Where a piece of one is broken that is too long by itself."""


@dataclass(frozen=True)
class Line:
    """A line of a cell."""

    text: str
    style: str = ""


Cell = Sequence[Line]


@dataclass(frozen=True)
class Column:
    """A column of cells that are as wide as it is."""

    head: Sequence[str]
    cells: Sequence[Text]
    width: int
    key: str = ""
    """What it shows."""

    @property
    def room(self) -> int:
        """Characters that it takes beside another."""
        return self.width + GAP


def numbers(head: Iterable[str], cells: Sequence[Cell], key: str = "") -> Column:
    """A column of numbers, at the right, their points below each other.

    Args:
        head: Phrases, each on lines of its own.
        cells: A cell a row; what follows a number's digits is text.
        key: What it shows.
    """
    split = [[(line, *_at_point(line.text)) for line in cell] for cell in cells]
    flat = [parts for cell in split for parts in cell]
    left = max((cell_len(before) for _, before, _ in flat), default=0)
    right = max((cell_len(after) for _, _, after in flat), default=0)
    words = [word for phrase in head for word in pieces(phrase)]
    width = max(left + right, *(cell_len(word.rstrip()) for word in words))
    titles = [part for phrase in head for part in wrapped(phrase, width, indent=0)]

    def placed(line: Line, before: str, after: str) -> Text:
        padded = " " * (left - cell_len(before)) + before + after
        block = padded + " " * (left + right - cell_len(padded))
        return Text(" " * (width - left - right) + block, line.style)

    texts = [Text("\n").join(placed(*parts) for parts in cell) for cell in split]
    return Column([" " * (width - cell_len(title)) + title for title in titles], texts, width, key)


def _at_point(text: str) -> tuple[str, str]:
    """A number's text up to its decimal point, and the rest; digits alone are all before it."""
    if text.isalpha():
        return "", text
    before, point, after = text.partition(".")
    return (before, point + after) if point else (text, "")


def words(head: str, cells: Sequence[Cell], width: int, key: str = "") -> Column:
    """A column of texts of at most so many characters, at the left, broken where they may be."""
    texts = [
        Text("\n").join(
            Text(part, line.style) for line in cell for part in wrapped(line.text, width)
        )
        for cell in cells
    ]
    return Column([head], texts, width, key)


def pieces(text: str) -> list[str]:
    """What a name is made of, each to stay whole."""
    return [piece for piece in _COARSE.split(text) if piece]


def wrapped(text: str, width: int, indent: int = 2) -> list[str]:
    """A name on lines of at most so many characters.

    It is broken between its pieces; one that is too long at points and underscores, and one that
    still is gets an ellipsis in its middle.

    Args:
        text: The name, which may begin with spaces.
        width: Of a line.
        indent: Of the lines that follow the first, beyond its own.
    """
    if cell_len(text) <= width:
        return [text]
    own = len(text) - len(text.lstrip())
    before = " " * (own + indent)
    lines = [" " * own]
    for piece in _short_enough(text.strip(), max(width - own - indent, 1)):
        if lines[-1].strip() and cell_len(lines[-1]) + cell_len(piece.rstrip()) > width:
            lines.append(before)
        lines[-1] += piece
    return [line.rstrip() for line in lines]


def _short_enough(text: str, width: int) -> Iterator[str]:
    for piece in pieces(text):
        if cell_len(piece.rstrip()) <= width:
            yield piece
            continue
        yield from (shortened(part, width) for part in _FINE.split(piece))


def shortened(text: str, width: int) -> str:
    """A text with an ellipsis in its middle where it is longer than so many characters."""
    if cell_len(text) <= width:
        return text
    kept = width - 1
    while kept > 0:
        ends = text[: (kept + 1) // 2], text[len(text) - kept // 2 :]
        if cell_len("".join(ends)) < width:
            return "…".join(ends)
        kept -= 1
    return "…"


def narrowest(names: Iterable[str], start: int, most: int, lines: int = 3) -> int:
    """The fewest characters on which names stand whole, on so many lines each.

    Args:
        names: All of them.
        start: Fewer are not tried.
        most: Returned where even as many are not enough.
        lines: Of a name.
    """
    all_names = list(names)
    longest = max(map(cell_len, all_names), default=0)

    def fits(name: str, width: int) -> bool:
        if cell_len(name) <= width:
            return True
        longest_piece = max(cell_len(piece.rstrip()) for piece in pieces(name.strip()))
        return _hanging(name) + longest_piece <= width and len(wrapped(name, width)) <= lines

    widths = range(min(start, longest), most)
    least = next((w for w in widths if all(fits(name, w) for name in all_names)), most)
    return min(least, longest)


def _hanging(name: str) -> int:
    """Where the lines of a name begin that follow its first."""
    return len(name) - len(name.lstrip()) + 2
