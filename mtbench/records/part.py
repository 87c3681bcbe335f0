"""What the parts of a record have in common."""

from __future__ import annotations

from pydantic import ConfigDict

PART = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)
"""Frozen and strict; keys of later versions are left alone."""
