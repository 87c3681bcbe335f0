"""Packages that only some features need, each behind an extra of the project."""

from __future__ import annotations

import importlib
from typing import Any

from .errors import MtbenchError

EXTRAS = {
    "report": "plots of the page",
    "tables": "frames, Parquet, and data from your own files",
    "tune": "`tune:`, options chosen on the validation part",
    "tensorboard": "`--track tensorboard`",
    "mlflow": "`--track mlflow`",
    "baselines": "the baseline bayesian-fm",
    "dask": "the executor dask: runs on several machines",
    "slurm": "the executor dask on SLURM, PBS or LSF",
}
"""The project's extras, and what each is for."""


def require(module: str, extra: str) -> Any:
    """Import a module of an optional package.

    Args:
        module: Its name.
        extra: The project's extra that installs it.

    Raises:
        MtbenchError: It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MtbenchError(
            f"{error.name} is needed for this and not installed: pip install 'mtbench[{extra}]'"
        ) from error
