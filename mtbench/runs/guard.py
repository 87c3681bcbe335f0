"""What one run may have changed of what all runs of a process share, put back before the next.

A plugin that switches to eager execution or to half precision, or puts a function of its own in
NumPy's place, would decide the numbers of the runs after its own.
"""

from __future__ import annotations

import json
import math
import os
import random
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

_MODULES = (np, np.linalg, np.random, np.fft, math, random, time, json)
"""Their public names are not to change."""
_SETTINGS: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "numpy.seterr": (np.geterr, lambda value: np.seterr(**value)),
    "os.chdir": (os.getcwd, os.chdir),
}


class Guard:
    """Remembers how things are when it is made. It imports TensorFlow."""

    def __init__(self) -> None:
        from mtbench.train.switches import SWITCHES  # noqa: PLC0415 - imports TensorFlow

        self._names = {module: _public(module) for module in _MODULES}
        settings = {**_SETTINGS, **SWITCHES}
        self._settings = {name: (read(), read, write) for name, (read, write) in settings.items()}

    def restore(self) -> tuple[list[str], list[str]]:
        """Put back what is other than it was, and name it.

        Returns:
            Functions that had others in their place, and settings.
        """
        replaced, changed = [], []
        for module, names in self._names.items():
            for name, value in names.items():
                if getattr(module, name, None) is not value:
                    setattr(module, name, value)
                    replaced.append(f"{module.__name__}.{name}")
        for name, (before, read, write) in self._settings.items():
            if read() != before:
                write(before)
                changed.append(name)
        return replaced, changed


def _public(module: ModuleType) -> dict[str, Any]:
    return {name: value for name, value in vars(module).items() if not name.startswith("_")}
