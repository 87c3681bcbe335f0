"""The standard streams as the commands write to them: no write of theirs ends a command.

What reads the output may go away (`mtbench report … | head`), the disk may be full, there may be no
stream at all, or one of an encoding that lacks a character. What a command has found, and its exit
code, do not depend on that.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from mtbench.files import reason
from mtbench.text import printable

_PLAIN = {
    "–": "-", "—": "-", "−": "-", "×": "x", "±": "+-", "…": "...", "→": "->", "↑": "^", "↓": "v",
    "≥": ">=", "≤": "<=", "σ": "s", "²": "2", "·": ".", "’": "'", "“": '"', "”": '"',
}  # fmt: skip
"""What stands for a character where the encoding of a stream lacks it; for others `?` does."""


def _plain(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)  # noqa: S101 - it is for streams to write to
    lacking = error.object[error.start : error.end]
    return "".join(_PLAIN.get(char, "?") for char in lacking), error.end


codecs.register_error("mtbench.plain", _plain)


class Output(io.TextIOBase):
    """A stream that takes everything, and remembers what went wrong.

    Characters that move a terminal are replaced, but for what is written to `unfiltered`: that is
    for what draws on the terminal itself.

    Args:
        stream: What to write to; None for nothing.
        filtered: Whether characters are replaced.
    """

    def __init__(self, stream: TextIO | None, filtered: bool = True) -> None:
        self._stream = stream
        self._filtered = filtered
        self.fault: OSError | None = None
        self.unfiltered = Output(stream, False) if filtered else self

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """That of the stream."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        """Write, unless a write failed before."""
        shown = printable(text) if self._filtered else text
        self._do("write", shown + "")  # bytes are refused, as click wants it
        return len(text)

    def flush(self) -> None:
        """Flush."""
        self._do("flush")

    def _do(self, method: str, *arguments: str) -> None:
        if self._stream is None or self.failed:
            return
        try:
            getattr(self._stream, method)(*arguments)
        except (OSError, ValueError) as error:  # ValueError: it is closed
            self.fault = error if isinstance(error, OSError) else OSError(str(error))
            self._abandon()

    @property
    def failed(self) -> OSError | None:
        """What went wrong with the stream, whichever way it was written to."""
        return self.fault or self.unfiltered.fault

    def _abandon(self) -> None:
        """Have what is still in a buffer go nowhere, else Python would try again at its end."""
        if self._stream in (sys.__stdout__, sys.__stderr__):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())  # type: ignore[union-attr]

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return bool(self._ask("isatty", False))

    def fileno(self) -> int:
        """That of the stream."""
        if self._stream is None:
            raise io.UnsupportedOperation("fileno")
        return self._stream.fileno()

    def writable(self) -> bool:
        """Always."""
        return True

    def _ask(self, method: str, otherwise: Any) -> Any:
        try:
            return getattr(self._stream, method)() if self._stream else otherwise
        except (OSError, ValueError):
            return otherwise


@contextlib.contextmanager
def outputs() -> Iterator[tuple[Output, Output]]:
    """Put streams that take everything in the place of the standard output and error."""
    before = sys.stdout, sys.stderr
    errors = [getattr(stream, "errors", None) for stream in before]
    for stream in before:
        _reconfigure(stream, "mtbench.plain")
    sys.stdout, sys.stderr = made = Output(before[0]), Output(before[1])
    try:
        yield made
    finally:
        for each in made:
            each.flush()
        sys.stdout, sys.stderr = before
        for stream, kept in zip(before, errors, strict=True):
            _reconfigure(stream, kept)


def _reconfigure(stream: TextIO | None, errors: str | None) -> None:
    with contextlib.suppress(OSError, ValueError):
        if isinstance(stream, io.TextIOWrapper) and errors:
            stream.reconfigure(errors=errors)


def exit_code_of(code: int, output: Output, error: Output) -> int:
    """The exit code of a command, where its output could not be written.

    A reader that went away wanted no more; that the disk is full is a failure.
    """
    fault = output.failed
    if fault is None or isinstance(fault, BrokenPipeError):
        return code
    error.write(f"mtbench: standard output: cannot be written: {reason(fault)}\n")
    return code or 2
