"""Commands about components: plugins, check-plugin, schema."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mtbench.errors import MtbenchError, did_you_mean

from .common import all_kinds, console, kinds, plugin_files, registry_with
from .complete import components_of_the_kind, files_or_components, names_of_kinds
from .words import Argument, Command

if TYPE_CHECKING:
    from mtbench.plugin.component import Component
    from mtbench.plugin.registry import Registry


@click.command(cls=Command)
@click.argument(
    "kind",
    cls=Argument,
    required=False,
    metavar="[kind]",
    about=all_kinds,
    shell_complete=names_of_kinds,
)
@click.argument(
    "name", cls=Argument, required=False, metavar="[name]", about="component whose options to show",
    shell_complete=components_of_the_kind,
)  # fmt: skip
@plugin_files
def plugins(kind: str | None, name: str | None, plugins: Sequence[Path]) -> int:
    """`mtbench plugins`."""
    from . import describe  # noqa: PLC0415

    registry = registry_with(plugins)
    if kind is not None and kind not in kinds():
        raise MtbenchError(f"unknown kind {kind!r}{did_you_mean(kind, kinds())}")
    if kind is None or name is None:
        describe.components(registry, kind, console())
    else:
        cls = registry.find(kind, name)
        describe.component(cls, registry.origin(cls), console())
    return 0


@click.command(cls=Command)
@click.argument(
    "what", cls=Argument, metavar="FILE|NAME", about="a Python file, or a component's name",
    shell_complete=files_or_components,
)  # fmt: skip
@plugin_files
def check_plugin(what: str, plugins: Sequence[Path]) -> int:
    """`mtbench check-plugin`."""
    components = _components(what, registry_with(plugins))
    from mtbench.plugin.lazy import quiet_stderr  # noqa: PLC0415

    with quiet_stderr():
        from mtbench.runs.environment import num_threads  # noqa: PLC0415
        from mtbench.testing import contract  # noqa: PLC0415 - imports TensorFlow
        from mtbench.train import devices  # noqa: PLC0415

        devices.initialise(num_threads())  # else an executor's runs here have other ones
    broken = 0
    for cls in components:
        print(f"{cls.kind} {cls.name}")
        for demand, fault in contract(cls):
            print(f"  FAILED  {demand}: {fault}" if fault else f"  ok      {demand}", flush=True)
            broken += fault is not None
    print(f"{broken} clauses do not hold" if broken else "the contract holds")
    return 1 if broken else 0


def _components(what: str, registry: Registry) -> list[type[Component]]:
    """The components of a plugin's file, or those of a name."""
    path = Path(what)
    if path.suffix == ".py" or path.is_file():
        before = {*registry.classes()}
        registry.load_file(path)
        new = [cls for cls in registry.classes() if cls not in before]
        if not new:
            raise MtbenchError(f"{path}: offers no component to check")
        return new
    named = [cls for cls in registry.classes() if cls.name == what]
    if not named:
        near = did_you_mean(what, [cls.name for cls in registry.classes()])
        raise MtbenchError(f"no file and no component {what!r}{near}")
    return named


@click.command(cls=Command)
@plugin_files
def schema(plugins: Sequence[Path]) -> int:
    """`mtbench schema`."""
    import json  # noqa: PLC0415

    from mtbench.suite.schema import suite_schema  # noqa: PLC0415

    print(json.dumps(suite_schema(registry_with(plugins)), indent=2))
    return 0
