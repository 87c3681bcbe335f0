"""What a record tells of how its options were chosen."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from .part import PART, Whole


class Tuning(BaseModel):
    """How an arm's options were chosen."""

    model_config = PART

    trials: Whole
    """How many there were, the first with the options as they were."""
    because: str | None = None
    """Why their number is another than the suite's."""
    sampler: str
    pruner: str
    seeds: tuple[Whole, ...]
    metrics: tuple[str, ...]
    """Those of the validation part that decided, as `task/metric`."""
    study: Whole = 1
    studies: Whole = 1
    space: dict[str, Any]
    """By dotted path a list of choices, or `{log|uniform|int: [lowest, highest]}`."""
    best: Whole
    """Number of the trial that was chosen, from 0."""
    options: dict[str, Any]
    """What it has, by dotted path; nothing of the first trial, whose options are as they were."""
    epochs: Whole | None = None
    """Epochs to train, where early stopping chose them."""
    scores: tuple[float | None, ...]
    """Of each trial the mean of ± log m over the metrics, None for one that failed."""
    values: dict[str, tuple[float | None, ...]]
    """Of each trial the metrics, means over seeds."""
    pruned: tuple[Whole, ...] = ()
    """Numbers of the trials that were ended early."""
