"""Exceptions of a plugin's own code, made errors that name the plugin."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from mtbench.errors import MtbenchError, PluginError, in_one_line

from .component import Component


@contextlib.contextmanager
def blame(component: type[Component] | Component, plugin: Callable[[], str]) -> Iterator[None]:
    """Make an exception of a component's own code an error that names its plugin, on one line.

    Args:
        component: Whose code runs.
        plugin: Says what its plugin is called; asked where there is an exception.
    """
    try:
        yield
    except MtbenchError:
        raise
    except (Exception, SystemExit) as error:
        name = f"{plugin()}: {component.kind} {component.name!r}"
        if isinstance(error, OSError) and error.strerror:
            file = f"{error.filename}: " if error.filename else ""
            raise PluginError(f"{name}: {file}{error.strerror.lower()}") from error
        raise PluginError(f"{name} failed: {in_one_line(error)}") from error
