"""How much of its labels a task gets to learn from."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from mtbench.config.options import Options


class Labels(Options):
    """What of a task's labels in the training part it learns from; a number alone is the share."""

    share: float = Field(1.0, gt=0, le=1)
    """Share of the labelled rows that are kept, at least one: the first of one random order for
    each seed, so that a smaller share is part of a larger one."""
    shuffle: Literal["candidate", "label"] | None = None
    """Permute the candidates of these rows, or their labels, among them: as many of each, but what
    they say is gone."""

    @property
    def whole(self) -> bool:
        """Whether the task learns from all there is."""
        return self == Labels()


def as_mapping(value: Any) -> Any:
    """A share alone as a mapping of it; anything else as it is."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return {"share": value} if number else value
