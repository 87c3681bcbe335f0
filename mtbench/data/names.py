"""Names of the columns of interactions."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .context import SITUATION

ColumnName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
"""What a suite may call a column."""
RESERVED = ("query", "candidate", "history", SITUATION)
"""What no label may be called."""
