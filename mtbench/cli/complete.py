"""What a shell is offered for a word that is being typed."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import click

from mtbench.errors import MtbenchError

from .common import kinds, registry_with


def _names(ctx: click.Context, kind: str | None, incomplete: str) -> list[str]:
    """The components of a kind, or of all, with those of `-p`; none if a plugin is at fault."""
    with contextlib.suppress(MtbenchError), contextlib.redirect_stdout(io.StringIO()):
        registry = registry_with(ctx.params.get("plugins") or ())
        names = {cls.name for cls in registry.classes() if kind in (None, cls.kind)}
        return sorted(name for name in names if name.startswith(incomplete))
    return []


def names_of_kinds(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """The kinds of components."""
    return [kind for kind in kinds() if kind.startswith(incomplete)]


def components_of_the_kind(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The components of the kind that the word before names."""
    return _names(ctx, ctx.params["kind"], incomplete)


def observers(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The observers there are."""
    return _names(ctx, "observer", incomplete)


def executors(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The executors there are."""
    return _names(ctx, "executor", incomplete)


def data_for_a_suite(_: click.Context, __: click.Parameter, incomplete: str) -> list[Any]:
    """What a new suite may read: a dataset, or a file where none begins like that."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415

    from mtbench.testing.new import DATASETS  # noqa: PLC0415

    names = [name for name in DATASETS if name.startswith(incomplete)]
    return names or [CompletionItem(incomplete, type="file")]


def runs(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """`SCENARIO:SEED` of the runs that count, or ids where none begins like that."""
    from mtbench.records.folders import folders  # noqa: PLC0415

    with contextlib.suppress(MtbenchError):
        found = [r for f in folders([Path(ctx.params["results"])]) for r in f.results.records]
        names = dict.fromkeys(f"{record.scenario}:{record.seed}" for record in found)
        ids = [record.run_id for record in found] if incomplete else []
        return [name for name in (*names, *ids) if name.startswith(incomplete)]
    return []


def scenarios_of_a(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The scenarios and baselines of the folder that a command is about."""
    from mtbench.records.results import Results  # noqa: PLC0415

    # before its value is typed an option keeps click from handing out the arguments
    folder = ctx.params.get("a") or next(iter(ctx.args), None)
    with contextlib.suppress(MtbenchError):
        results = Results.read(Path(folder or ""))
        return [n for n in (*results.scenarios, *results.baselines) if n.startswith(incomplete)]
    return []


def files_or_components(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[Any]:
    """The components there are, of all kinds, or files where none begins like that."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415

    return _names(ctx, None, incomplete) or [CompletionItem(incomplete, type="file")]
