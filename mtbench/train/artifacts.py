"""The weights of a trained model in a file, and back."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from mtbench.errors import RecordError

from .model import MultiTaskModel


def kept_arrays(model: MultiTaskModel) -> dict[str, np.ndarray]:
    """Return all that a model has taken from its seed, its data and its training.

    Args:
        model: The model, with the parameters of the epoch that is kept.

    Returns:
        What `load_weights` reads from a `.npz` file.
    """
    return {f"{n:04d}": variable.numpy() for n, variable in enumerate(model.kept_variables)}


def load_weights(model: MultiTaskModel, path: Path) -> None:
    """Give a fresh model of the same setup the variables of a file.

    Raises:
        RecordError: The file is absent or damaged, or its variables are not those of the model.
    """
    try:
        with np.load(path) as arrays:
            values = [arrays[name] for name in sorted(arrays.files)]
    except FileNotFoundError as error:
        raise RecordError(f"{path}: no such file: run again with --save-models") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise RecordError(f"{path}: expected saved weights, found a damaged file") from error
    variables = model.kept_variables
    if len(values) != len(variables):
        raise RecordError(f"{path}: expected {len(variables)} variables, found {len(values)}")
    for variable, value in zip(variables, values, strict=True):
        if not variable.shape.is_compatible_with(value.shape):
            raise RecordError(
                f"{path}: variable {variable.name!r}: expected {variable.shape}, found "
                f"{list(value.shape)}"
            )
        variable.assign(value)
