"""The terminal, and what stands for one."""

from __future__ import annotations

import os
from typing import TextIO

from rich.console import Console


def console(stream: TextIO) -> Console:
    """Return a console; a pipe gets lines wide enough not to be wrapped.

    Args:
        stream: Where to; of one that replaces what moves a terminal, its `unfiltered`, since a
            console does that on purpose.
    """
    width = None if stream.isatty() or "COLUMNS" in os.environ else 160
    return Console(file=getattr(stream, "unfiltered", stream), width=width, highlight=False)
