"""What a worker prints, its beginning and its end kept, however much it is."""

from __future__ import annotations

import os
import re
import secrets

HEAD, TAIL = 200_000, 100_000
"""Bytes that are kept of the beginning and of the end."""
PART = 1 << 20
"""Bytes that are read at once: more have to wait for what else there is to do."""
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b.?|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What would act on a terminal."""


class Output:
    """Reads a pipe without waiting.

    Args:
        pipe: Its file descriptor.

    Attributes:
        mark: What a worker prints where a run begins, so that what came before is not taken for
            the run's: the events that tell of it come another way, at another time.
    """

    def __init__(self, pipe: int) -> None:
        os.set_blocking(pipe, False)
        self.pipe = pipe
        self.mark = f"\n[{secrets.token_hex(16)}]\n"
        self.closed = False
        self._head, self._tail, self._left_out = b"", b"", 0

    def drain(self) -> None:
        """Take what is there, or a part of it where it is much."""
        for _ in range(4):
            try:
                some = os.read(self.pipe, PART)
            except BlockingIOError:
                return
            except OSError:
                some = b""
            if not some:
                self.closed = True
                return
            room = HEAD - len(self._head)
            self._head += some[:room]
            rest = self._tail + some[room:]
            self._left_out += max(len(rest) - TAIL, 0)
            self._tail = rest[-TAIL:]

    def taken(self) -> str:
        """All of the run so far; what comes after begins anew."""
        middle = f"\n[{self._left_out:,} bytes left out]\n" if self._left_out else ""
        parts = [part.decode(errors="replace") for part in (self._head, self._tail)]
        self._head, self._tail, self._left_out = b"", b"", 0
        return f"{parts[0]}{middle}{parts[1]}".rpartition(self.mark)[2]

    def close(self) -> None:
        """Close the pipe."""
        os.close(self.pipe)


def last_lines(text: str) -> tuple[str, ...]:
    """The last lines that say something, without what would act on a terminal."""
    said = [_CONTROL.sub("", line).rstrip() for line in text.splitlines()]
    return tuple([line[:WIDTH] for line in said if line][-KEPT:])


KEPT = 20
"""How many lines of its output the record of a failed run has."""
FATAL = "Fatal Python error"
"""How Python begins to say where a signal found it."""
CURRENT = "Current thread"
"""How it begins to say where that thread was."""
LINES, WIDTH = 3, 300
"""How much the last words are."""


def last_words(text: str) -> str:
    """The last lines that say something, or where in the code a signal came, on one line."""
    said = [line for each in text.splitlines() if (line := _CONTROL.sub("", each).strip())]
    fatal = next((n for n, line in enumerate(said) if line.startswith(FATAL)), None)
    if fatal is None:
        return " | ".join(said[-LINES:])[-WIDTH:]
    current = next((n for n, line in enumerate(said) if line.startswith(CURRENT)), fatal)
    places = (line for line in said[current:] if line.startswith("File "))
    return " | ".join([said[fatal], *([place] if (place := next(places, "")) else [])])[:WIDTH]
