"""What the parts of a record have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

PART = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)
"""Frozen and strict; keys of later versions are left alone."""

Whole = Annotated[int, Field(ge=-(2**63), lt=2**63)]
"""A whole number that tables can hold."""
