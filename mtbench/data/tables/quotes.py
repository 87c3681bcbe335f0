"""Quotes of a text that are around whole values, or not; and line breaks within them."""

from __future__ import annotations

import csv
import io
from typing import NamedTuple, TextIO

CHUNK = 2**20
"""Characters that are looked at at once."""
AS_TEXT = "where a quote is part of the text, say `quoting: false`"


class Breaks(NamedTuple):
    """Line breaks within quotes."""

    number: int = 0
    first: int = 0
    """Line of the row with the first of them."""


class QuoteError(Exception):
    """What is wrong with a quote, and the number of its line."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(f"{message}: {AS_TEXT}")
        self.line = line


def check(text: TextIO, delimiter: str, first: bool) -> Breaks:
    """Count the line breaks within quotes. A part of the text without a quote is not parsed.

    Args:
        text: With line ends as they are.
        delimiter: What separates values.
        first: Look at the first part only.

    Raises:
        QuoteError: There is text after a closing quote, or a quote is not closed.
    """
    line, number, place = 0, 0, 0
    while (part := _whole_lines(text)) and not (first and line):
        if '"' in part:
            lines, found = _parse(part, text, delimiter, line)
            number, place = number + found.number, place or found.first
        else:
            lines = part.count("\n") + part.count("\r") - part.count("\r\n")
        line += lines
    return Breaks(number, place)


def _parse(part: str, text: TextIO, delimiter: str, before: int) -> tuple[int, Breaks]:
    """Parse a part of a text: how many lines it has, and its line breaks within quotes."""
    while True:
        rows = csv.reader(io.StringIO(part, newline=""), delimiter=delimiter, strict=True)
        number, first, last = 0, 0, 0
        try:
            for _ in rows:
                if rows.line_num > last + 1:
                    number, first = number + rows.line_num - last - 1, first or last + 1
                last = rows.line_num
        except csv.Error as error:
            if "end of data" in str(error) and (more := _whole_lines(text)):
                part += more  # which may close the quote
                continue
            if "expected after" in str(error):
                message = f"expected {delimiter!r} after a closing quote, found more text"
                raise QuoteError(message, before + rows.line_num) from error
            message = "expected a quote to be closed, found none that does"
            raise QuoteError(message, before + last + 1) from error
        return last, Breaks(number, first and before + first)


def _whole_lines(text: TextIO) -> str:
    """Some lines of a text, the last of them whole; none at its end."""
    return text.read(CHUNK) + text.readline()
