"""Who is told of runs: plugins with the hooks, and observers that a user asks for.

`mtbench run --track NAME[:WHERE]` names a component of a plugin like any other, so that installing
it has no effect. What it builds has methods that implement the observer hooks of `plugin.hooks`.
Each run has one of its own, so that runs side by side are kept apart.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterable
from typing import Any

import pluggy
from pydantic import ValidationError

from mtbench.errors import MtbenchError, in_one_line
from mtbench.plugin.hooks import plugin_manager
from mtbench.plugin.observer import Observer
from mtbench.plugin.registry import Registry
from mtbench.plugin.run import Run

LAST = ("mtbench_run_finished", "mtbench_run_found")
"""The hooks after which there is nothing more to be told of a run."""


class Observers:
    """Tells all who want to know.

    Args:
        registry: Has the plugins with hooks, and the observers.
        asked: `NAME` or `NAME:WHERE`, as on the command line.

    Raises:
        MtbenchError: There is no such observer, or it cannot work.
    """

    def __init__(self, registry: Registry, asked: Iterable[str] = ()) -> None:
        self._hooks = registry.hooks
        self._asked = [_observer(text, registry) for text in dict.fromkeys(asked)]
        self._spare = [_built(*each) for each in self._asked]
        self._of: dict[str, list[pluggy.PluginManager]] = {}

    @property
    def ask_for_found(self) -> bool:
        """Whether somebody wants to know of runs that were done before."""
        return any(
            manager.hook.mtbench_run_found.get_hookimpls()
            for manager in (self._hooks, *self._spare)
        )

    def tell(self, hook: str, run: Run, **arguments: Any) -> None:
        """Tell of a run, each with a copy of its own to do with what it likes.

        One that raises has no influence on the run, nor on the others.
        """
        for manager in (self._hooks, *self._managers(run)):
            for observer in getattr(manager.hook, hook).get_hookimpls():
                _tell(observer, hook, {"run": run, **arguments})
        if hook in LAST:
            self._of.pop(run.id, None)

    def _managers(self, run: Run) -> list[pluggy.PluginManager]:
        """The observers of a run, built where it is new."""
        if run.id not in self._of:
            ready, self._spare = self._spare, []
            self._of[run.id] = ready or [_built(*each) for each in self._asked]
        return self._of[run.id]


def _tell(observer: Any, hook: str, arguments: dict[str, Any]) -> None:
    try:
        observer.function(**{name: copy.deepcopy(arguments[name]) for name in observer.argnames})
    except (Exception, SystemExit) as error:
        warnings.warn(f"observer failed in {hook}: {error!r}", RuntimeWarning, stacklevel=4)


def _observer(text: str, registry: Registry) -> tuple[str, Observer]:
    """The component that `NAME:WHERE` means."""
    name, colon, where = text.partition(":")
    if colon and not where:
        raise MtbenchError(f"--track {text}: expected NAME or NAME:WHERE, found nothing after ':'")
    try:
        return text, registry.find(Observer.kind, name)(**({"where": where} if colon else {}))
    except MtbenchError as error:
        raise MtbenchError(f"--track {text}: {error}") from error
    except ValidationError as error:
        fault = error.errors()[0]
        key = ".".join(map(str, fault["loc"]))
        raise MtbenchError(f"--track {text}: {key}: {fault['msg'].lower()}") from error
    except (Exception, SystemExit) as error:  # whatever a stranger's code may raise
        raise MtbenchError(f"--track {text}: {in_one_line(error)}") from error


def _built(text: str, observer: Observer) -> pluggy.PluginManager:
    """What an observer builds, with its hooks."""
    try:
        manager = plugin_manager()
        manager.register(observer.build())
    except MtbenchError as error:
        raise MtbenchError(f"--track {text}: {error}") from error
    except (Exception, SystemExit) as error:  # whatever a stranger's code may raise
        raise MtbenchError(f"--track {text}: {in_one_line(error)}") from error
    return manager
