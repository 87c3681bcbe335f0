"""What a worker may take before it is ended."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20}
_UNITS |= {"GIB": 2**30}


def in_bytes(text: str) -> int:
    """`4GB` in bytes.

    Raises:
        ValueError: It is no size.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    if not found or found[2].upper() not in _UNITS or not float(found[1]):
        raise ValueError(f"expected a size such as 4GB or 800MB, found {text!r}")
    return int(float(found[1]) * _UNITS[found[2].upper()])


def _checked(text: str) -> str:
    in_bytes(text)
    return text


Size = Annotated[str, AfterValidator(_checked)]
"""An option that is an amount of memory, such as `4GB`."""


@dataclass(frozen=True)
class Limits:
    """What a worker may take before it is ended."""

    timeout: float | None = None
    """Seconds that a run may take, from when it has started."""
    memory: str | None = None
    """Of a worker. Above it an allocation fails where the system can have that; above a quarter
    more the worker is ended."""
    start_timeout: float = 300.0
    """Seconds until a worker is ready: TensorFlow imported, data read and encoded."""

    @property
    def bytes(self) -> int | None:
        """The memory."""
        return in_bytes(self.memory) if self.memory else None
