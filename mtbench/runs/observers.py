"""Observers that act only where a user asks: `mtbench run --track NAME[:WHERE]`.

Such an observer is a component of a plugin like any other, so that installing it has no effect.
What it builds has methods that implement the observer hooks of `plugin.hooks`.
"""

from __future__ import annotations

import copy
import warnings
from typing import Any

from pydantic import ValidationError

from mtbench.errors import MtbenchError, in_one_line
from mtbench.plugin.observer import Observer
from mtbench.plugin.registry import Registry


def start(text: str, registry: Registry) -> None:
    """Let an observer be told of all runs from now on.

    Args:
        text: `NAME` or `NAME:WHERE`, as on the command line.
        registry: Where the observer comes from, and whose hooks it joins.

    Raises:
        MtbenchError: There is no such observer, or it cannot work.
    """
    try:
        registry.hooks.register(_observer(text, registry))
    except MtbenchError as error:
        raise MtbenchError(f"--track {text}: {error}") from error
    except ValidationError as error:
        fault = error.errors()[0]
        key = ".".join(map(str, fault["loc"]))
        raise MtbenchError(f"--track {text}: {key}: {fault['msg'].lower()}") from error
    except (Exception, SystemExit) as error:  # whatever a stranger's code may raise
        raise MtbenchError(f"--track {text}: {in_one_line(error)}") from error


def _observer(text: str, registry: Registry) -> Any:
    """Build what `NAME[:WHERE]` means."""
    name, colon, where = text.partition(":")
    if colon and not where:
        raise MtbenchError("expected NAME or NAME:WHERE, found nothing after ':'")
    observer = registry.find(Observer.kind, name)
    return observer(**({"where": where} if colon else {})).build()


def notify(registry: Registry, hook: str, **arguments: Any) -> None:
    """Tell the observers, each with a copy of its own to do with what it likes.

    One that raises has no influence on the run, nor on the others.
    """
    for observer in getattr(registry.hooks.hook, hook).get_hookimpls():
        try:
            observer.function(
                **{name: copy.deepcopy(arguments[name]) for name in observer.argnames}
            )
        except (Exception, SystemExit) as error:
            warnings.warn(f"observer failed in {hook}: {error!r}", RuntimeWarning, stacklevel=2)
