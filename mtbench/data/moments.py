"""Times, as users write them, in seconds."""

from __future__ import annotations

import math
from datetime import UTC, datetime


def moment(text: str, per_second: int = 1) -> float:
    """A time in whole seconds since 1970: a number, or of ISO 8601; without a zone it is UTC.

    Args:
        text: As it is written.
        per_second: How many of what a number counts make a second.

    Raises:
        ValueError: It is none.
    """
    text = text.strip()
    try:
        number = float(text)
    except ValueError:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() // 1
    if not math.isfinite(number) or "_" in text:
        raise ValueError(text)
    return number // per_second
