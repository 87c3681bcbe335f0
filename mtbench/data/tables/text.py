"""A table as text: its first line, its rows, and what is wrong where it cannot be read."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mtbench.errors import DataError
from mtbench.extras import require

from . import quotes
from .kinds import HEAD, SUFFIXES, Kind, compression, no_text, other_text

BLOCK = 2**24
"""Bytes of text that are parsed at once."""
DELIMITERS = ("\t", ",", ";", "|", "\x01", " ", ":")
_FAULTS = (OSError, EOFError, ValueError, csv.Error)
"""What reading a damaged text raises; of ValueError are those of decoding, and pyarrow's."""


class Dialect(NamedTuple):
    """How a text is written."""

    delimiter: str
    quoting: bool
    header: tuple[str, ...] | None
    encoding: str


class OtherKindError(DataError):
    """A file that is no text of the encoding it is said to have."""

    def __init__(self, name: str, kind: Kind) -> None:
        super().__init__(
            f"{name}: expected a table as text or Parquet, found {kind.what}: {kind.way_out}"
        )
        self.kind = kind


class TextTable:
    """A text with a line for each row.

    Args:
        name: How messages call the file.
        path: The file.
        dialect: How it is written.
        head: Its first bytes.

    Attributes:
        breaks: Line breaks within quotes, as far as `check_quotes` looked.

    Raises:
        DataError: It is no text.
    """

    def __init__(self, name: str, path: Path, dialect: Dialect, head: bytes) -> None:
        self._name, self._path, self._dialect = name, path, dialect
        self._compression = compression(head)
        self.breaks = quotes.Breaks()
        if not self._compression and path.suffix in SUFFIXES:
            kind = no_text(head, dialect.encoding)
            found = kind.what if kind else f"text: take {path.suffix} off its name"
            raise DataError(f"{name}: expected a file compressed as {path.suffix}, found {found}")
        if kind := no_text(self._head(head), dialect.encoding):
            raise OtherKindError(name, kind)

    def columns(self, wanted: Sequence[str]) -> list[str]:
        """Names of its columns; it has a row at least."""
        header = self._dialect.header
        rows = self.rows(header=True)
        try:
            first = next(rows, None)
            second = first if header else next(rows, None)
        except _FAULTS as error:
            raise self._fault(error) from error
        if first is None:
            raise DataError(f"{self._name}: expected a table, found empty lines")
        line, fields = first
        if not header and (what := other_text(fields[0])) and not {*wanted} & {*fields}:
            raise DataError(f"{self._name}:{line}: expected a table, found {what}")
        if len(fields) == 1 and len(wanted) > 1:
            self._refuse_delimiter(line, fields[0], second[1][0] if second else "", wanted)
        if header and len(fields) != len(header):
            raise DataError(
                f"{self._name}:{line}: expected the {len(header)} columns of `header`, found "
                f"{len(fields)}"
            )
        if second is None:
            raise DataError(f"{self._name}: expected rows, found none below the header")
        return list(header or fields)

    def batches(self, wanted: Sequence[str]) -> Iterator[Any]:
        """Read columns, as strings, so that we decide what a number is."""
        arrow_csv, pyarrow = require("pyarrow.csv", "tables"), require("pyarrow", "tables")
        dialect = self._dialect
        try:
            with self._open() as raw, arrow_csv.open_csv(
                raw,
                read_options=arrow_csv.ReadOptions(
                    block_size=BLOCK, column_names=dialect.header, encoding=dialect.encoding
                ),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=dialect.delimiter,
                    quote_char='"' if dialect.quoting else False,
                    newlines_in_values=dialect.quoting,
                ),
                convert_options=arrow_csv.ConvertOptions(
                    include_columns=list(wanted),
                    column_types=dict.fromkeys(wanted, pyarrow.string()),
                ),
            ) as batches:  # fmt: skip
                yield from batches
        except (pyarrow.ArrowException, *_FAULTS) as error:
            raise self._fault(error) from error

    def hint(self, names: Sequence[str]) -> str:
        """What a user may have forgotten, where a column is lacking."""
        if self._dialect.header is not None:
            return ""
        if any(name.replace(".", "").isdigit() for name in names):
            return "; where the first line is a row, name the columns in `header`"
        if not self._dialect.quoting and any(name.startswith('"') for name in names):
            return "; say `quoting: true` where quotes are no part of the text"
        return ""

    def place_of_names(self) -> str:
        """Where the names of its columns are."""
        return f"{self._name}:1"

    def places(self, rows: Sequence[int]) -> dict[int, str]:
        """Where rows are.

        The file is read anew up to the last of them, since rows are not lines: there are a header,
        empty lines, and lines within quotes.
        """
        wanted, places = set(rows), {}
        with contextlib.suppress(*_FAULTS):  # what is before them was read
            for row, (line, _) in zip(range(max(rows, default=-1) + 1), self.rows(), strict=False):
                if row in wanted:
                    places[row] = f"{self._name}:{line}"
        return {row: places.get(row, f"{self._name}: row {row + 1}") for row in rows}

    def rows(self, header: bool = False) -> Iterator[tuple[int, list[str]]]:
        """Line and fields of each row, read by Python; with the header as the first."""
        with self._text() as text:
            lines = csv.reader(
                text,
                delimiter=self._dialect.delimiter,
                quoting=csv.QUOTE_MINIMAL if self._dialect.quoting else csv.QUOTE_NONE,
            )
            rows = ((lines.line_num, fields) for fields in lines if fields)
            if not header and self._dialect.header is None:
                next(rows, None)
            yield from rows

    def check_quotes(self, first: bool) -> None:
        """Find quotes that are not around whole values, which parsers take in different ways.

        Args:
            first: Look at the first part only.

        Raises:
            DataError: There is text after a closing quote, or a quote is not closed.
        """
        if not self._dialect.quoting:
            return
        try:
            with self._text() as text:
                self.breaks = quotes.check(text, self._dialect.delimiter, first)
        except quotes.QuoteError as error:
            raise DataError(f"{self._name}:{error.line}: {error}") from error
        except _FAULTS as error:
            raise self._fault(error) from error

    def _refuse_delimiter(self, line: int, text: str, second: str, wanted: Sequence[str]) -> None:
        """Find the delimiter that divides a line into what is wanted, where ours does not."""
        best = delimiter_of(text, second, wanted, bool(self._dialect.header))
        if not best:
            return
        way_out = f"is the delimiter {best!r}?"
        if best == ":" and "::" in text:
            way_out = "it has to be one character: replace '::' by a tab"
        raise DataError(
            f"{self._name}:{line}: expected columns separated by {self._dialect.delimiter!r}, "
            f"found {text[:80]!r}: {way_out}"
        )

    def _open(self) -> Any:
        """Its bytes, decompressed."""
        pyarrow = require("pyarrow", "tables")
        return pyarrow.input_stream(str(self._path), compression=self._compression)

    @contextlib.contextmanager
    def _text(self) -> Iterator[io.TextIOWrapper]:
        encoding = self._dialect.encoding
        encoding = "utf-8-sig" if encoding == "utf-8" else encoding
        with self._open() as raw:
            yield io.TextIOWrapper(raw, encoding=encoding, errors="surrogateescape", newline="")

    def _head(self, head: bytes) -> bytes:
        """Its first bytes, decompressed."""
        if not self._compression:
            return head
        try:
            with self._open() as raw:
                return bytes(raw.read(HEAD))
        except OSError as error:
            raise self._damaged() from error

    def _damaged(self) -> DataError:
        return DataError(
            f"{self._name}: cannot be decompressed: the file, compressed by {self._compression}, "
            "is truncated or damaged"
        )

    def _fault(self, error: Exception) -> DataError:
        """Say what was wrong where reading failed."""
        try:
            if place := self._wrong_line():
                return DataError(place)
        except csv.Error:
            pass
        except (OSError, EOFError):  # Python cannot read it either
            if self._compression:
                return self._damaged()
        except ValueError:
            return DataError(
                f"{self._name}: expected text in {self._dialect.encoding}, found other bytes: name "
                "the `encoding`, such as latin-1"
            )
        return DataError(f"{self._name}: cannot be read: {' '.join(str(error).split())}")

    def _wrong_line(self) -> str | None:
        """Find a line of another number of fields than the first, or of another encoding."""
        expected = None
        for line, fields in self.rows(header=True):
            expected = len(fields) if expected is None else expected
            if not all(field.isascii() or is_text(field) for field in fields):
                return (
                    f"{self._name}:{line}: expected text in {self._dialect.encoding}, found other "
                    "bytes: name the `encoding`, such as latin-1"
                )
            if len(fields) != expected:
                return f"{self._name}:{line}: expected {expected} columns, found {len(fields)}"
        return None


def delimiter_of(text: str, second: str, wanted: Sequence[str], is_row: bool = False) -> str:
    """What divides a line into what is wanted, or else into as many values as the next; or nothing.

    Args:
        text: The line.
        second: The next.
        wanted: Names of columns.
        is_row: Whether it is a row, so that what is wanted is not there.
    """
    best, most = "", (0, 1)
    for delimiter in DELIMITERS:
        fields = text.split(delimiter)
        named = sum(any(f == w or f.startswith(f"{w}:") for f in fields) for w in wanted)
        like = len(fields) == len(second.split(delimiter))
        if (named or like or is_row) and (named, len(fields)) > most:
            best, most = delimiter, (named, len(fields))
    return best


def is_text(field: str) -> bool:
    """Whether a field could be decoded: what could not be was put into surrogates."""
    try:
        field.encode()
    except UnicodeEncodeError:
        return False
    return True
