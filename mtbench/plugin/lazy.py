"""Modules that are imported when they are first used.

Importing TensorFlow takes two seconds and more, and a wrong suite must be refused before that. A
plugin is nevertheless free to say `import tensorflow as tf` at its top: while plugins are loaded,
that name is bound to a stand-in which imports the real module at its first attribute.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
import tempfile
import types
from collections.abc import Iterator
from typing import Any

SLOW = ("tensorflow", "tensorflow_recommenders", "tensorflow_datasets")
"""The modules that only what a component builds may need."""


class _LazyModule(types.ModuleType):
    """Stands in for a module until its first attribute is asked for."""

    def __getattr__(self, attribute: str) -> Any:
        if attribute in ("__spec__", "__file__", "__wrapped__"):  # asked for by import and inspect
            raise AttributeError(attribute)
        name = self.__name__
        if sys.modules.get(name) is self:
            del sys.modules[name]
        with quiet_stderr():
            module = importlib.import_module(name)
        self.__dict__.update(module.__dict__)
        return getattr(module, attribute)


@contextlib.contextmanager
def lazy_imports(*names: str) -> Iterator[None]:
    """Let `import name` bind a stand-in for each of `names` that is not yet imported.

    Args:
        *names: Top-level modules; one that is not installed is left to fail as usual.
    """
    stand_ins = {
        name: _LazyModule(name)
        for name in names
        if name not in sys.modules and importlib.util.find_spec(name)
    }
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, stand_in in stand_ins.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Keep what C++ code writes to the standard error away, unless an exception is raised.

    TensorFlow reports at every import which CPU instructions it uses and that there is no GPU,
    before any of its own settings could stop it.
    """
    if sys.stderr is None:  # it was closed
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        try:
            yield
        except BaseException:
            written.seek(0)
            os.write(kept, written.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
