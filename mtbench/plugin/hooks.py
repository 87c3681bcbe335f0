"""The hooks a plugin can implement.

Provider hooks, one for each kind of component (`kinds.KINDS`), take nothing and return classes;
they must have no side effect. Observer hooks see a run and cannot change it: an exception in one
becomes a warning.

Example:
    >>> @mtbench.hookimpl
    ... def mtbench_datasets():
    ...     return [MyDataset]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pluggy

from .component import Component
from .kinds import KINDS, Kind

if TYPE_CHECKING:
    from .run import Run

PROJECT = "mtbench"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function or method of a plugin as the implementation of the hook of its name."""


def _provider(kind: Kind) -> Callable[[], Iterable[type[Component]]]:
    """Specify the hook that offers the components of a kind."""

    def provide() -> Iterable[type[Component]]:
        raise NotImplementedError

    provide.__name__ = provide.__qualname__ = kind.hook
    provide.__doc__ = kind.about
    specified: Callable[[], Iterable[type[Component]]] = hookspec(provide)
    return specified


class _Observing:
    """The hooks of observers."""

    @staticmethod
    @hookspec
    def mtbench_run_started(run: Run) -> None:
        """Called before a run trains."""

    @staticmethod
    @hookspec
    def mtbench_epoch_ended(run: Run, epoch: int, losses: Mapping[str, float]) -> None:
        """Called after each epoch, from 1, with the mean training loss of each trained task."""

    @staticmethod
    @hookspec
    def mtbench_run_found(run: Run, record: Any) -> None:
        """Called with the `mtbench.Record` of a run that was done before and is not done again.

        Called once in every command that would have done it, so that a tracker which was not asked
        for then has it too; one that has it already leaves it.
        """

    @staticmethod
    @hookspec
    def mtbench_run_finished(run: Run, record: Any) -> None:
        """Called with the `mtbench.Record` of a run, whether it went well, after it was stored."""


SPECS: dict[str, Callable[..., Any]] = {
    **{kind.hook: _provider(kind) for kind in KINDS.values()},
    **{name: getattr(_Observing, name) for name in vars(_Observing) if name.startswith("mtbench_")},
}
"""Every hook by name."""


def plugin_manager() -> pluggy.PluginManager:
    """Make a plugin manager that knows the hooks."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(type("Hooks", (), {k: staticmethod(v) for k, v in SPECS.items()}))
    return manager
