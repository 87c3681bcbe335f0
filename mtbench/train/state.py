"""The layers and variables of what a component built: its attributes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import tensorflow as tf


def state_of(owner: Any) -> list[Any]:
    """The layers, modules and variables that are an object's attributes, or the object itself."""
    kinds = (tf.Module, tf.Variable)
    if isinstance(owner, kinds):
        return [owner]
    parts = tf.nest.flatten(list(getattr(owner, "__dict__", {}).values()))
    return [part for part in parts if isinstance(part, kinds)]


def variables_of(parts: Iterable[Any]) -> list[Any]:
    """All variables of layers, modules and variables, each once."""
    by_reference: dict[Any, Any] = {}
    for part in parts:
        for variable in part.variables if isinstance(part, tf.Module) else [part]:
            by_reference.setdefault(variable.ref(), variable)
    return list(by_reference.values())
