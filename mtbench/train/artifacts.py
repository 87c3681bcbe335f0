"""The weights of a trained model as arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mtbench.errors import RecordError

from .model import MultiTaskModel


def weights_of(model: MultiTaskModel) -> dict[str, np.ndarray]:
    """Return all that a model has taken from its seed, its data and its training, in order."""
    return {f"{n:04d}": variable.numpy() for n, variable in enumerate(model.kept_variables)}


def set_weights(model: MultiTaskModel, arrays: Mapping[str, np.ndarray], where: str) -> None:
    """Give a fresh model of the same setup its variables.

    Args:
        model: The model.
        arrays: As of `weights_of`.
        where: What they were read from.

    Raises:
        RecordError: They are not those of the model.
    """
    values = [arrays[name] for name in sorted(arrays)]
    variables = model.kept_variables
    if len(values) != len(variables):
        raise RecordError(f"{where}: expected {len(variables)} variables, found {len(values)}")
    for variable, value in zip(variables, values, strict=True):
        if not variable.shape.is_compatible_with(value.shape):
            raise RecordError(
                f"{where}: variable {variable.name!r}: expected {variable.shape}, found "
                f"{list(value.shape)}"
            )
        variable.assign(value)
