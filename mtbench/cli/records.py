"""Commands about what was run before: list, show, clean."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mtbench.errors import MtbenchError
from mtbench.text import counted

from .common import folder, results_folder, several_folders, warn
from .complete import runs
from .words import Argument, Command

if TYPE_CHECKING:
    from .recall import Removable


@click.command("list", cls=Command)
@several_folders("roots", "[RESULTS]", "folders of results; default: results")
def list_(roots: Sequence[Path]) -> int:
    """`mtbench list`."""
    from mtbench.records.folders import folders  # noqa: PLC0415

    from . import recall  # noqa: PLC0415

    found = folders(roots or [Path("results")])
    sys.stdout.write(recall.listing(found))
    warn(line for folder in found for line in folder.results.problems)
    return 0


@click.command(cls=Command)
@click.argument(
    "run", cls=Argument, metavar="RUN", shell_complete=runs,
    about="the start of its id, or SCENARIO:SEED, such as joint:3",
)  # fmt: skip
@results_folder("looked for in DIR and below; default: results")
@click.option("--json", "as_json", is_flag=True, help="print the record as it is stored")
def show(run: str, results: Path, as_json: bool) -> int:
    """`mtbench show`."""
    from mtbench.records import store  # noqa: PLC0415
    from mtbench.records.folders import find_run  # noqa: PLC0415

    from . import recall  # noqa: PLC0415

    path = find_run(results, run)
    record = store.read(path)
    sys.stdout.write(store.as_text(record) if as_json else recall.one(record, path))
    return 0


@click.command(cls=Command)
@several_folders("sources", "RESULTS", "folders of results of one suite")
@folder("target", "INTO", "where all of them go; may have some already")
def merge(sources: Sequence[Path], target: Path) -> int:
    """`mtbench merge`."""
    from mtbench.records import merging  # noqa: PLC0415

    if not sources:
        raise MtbenchError("expected folders to merge and one to merge them into, found one alone")
    merged = merging.merge(sources, target)
    print(f"{target}: {counted(merged.taken, 'record')} taken, {merged.there} there already")
    warn(f"left out: {line}" for line in merged.problems)
    return 0


@click.command(cls=Command)
@several_folders("roots", "[RESULTS]", "folders of results")
@click.option(
    "--older-versions", is_flag=True,
    help="records of other versions of suite, data or software than that last asked for, with "
    "their models, values by query and trials",
)  # fmt: skip
@click.option("--cache", is_flag=True, help="encoded data sets, which are made anew when needed")
@click.option("--yes", is_flag=True, help="do not ask")
def clean(roots: Sequence[Path], older_versions: bool, cache: bool, yes: bool) -> int:
    """`mtbench clean`."""
    leaving = list(_chosen(roots, older_versions, cache))
    if not leaving:
        print("there is nothing to remove")
        return 0
    from . import recall  # noqa: PLC0415

    sys.stdout.write(recall.leaving(leaving))
    if not yes and not _agreed(roots, cache):
        print("nothing was removed")
        return 0
    for each in leaving:
        each.remove()
    print("removed")
    return 0


def _chosen(roots: Sequence[Path], older_versions: bool, cache: bool) -> Iterable[Removable]:
    """What is to be removed."""
    if not (older_versions or cache):
        raise MtbenchError("expected what to remove: --older-versions of RESULTS, or --cache")
    if older_versions != bool(roots):
        raise MtbenchError(
            "expected folders of results with --older-versions, such as "
            "mtbench clean results --older-versions"
        )
    if older_versions:
        from mtbench.records.cleaning import older_versions as older  # noqa: PLC0415
        from mtbench.records.folders import folders  # noqa: PLC0415

        for folder in folders(roots):
            yield from older(folder)
    if cache:
        from mtbench.data.store import cached  # noqa: PLC0415

        yield from cached()


def _agreed(roots: Sequence[Path], cache: bool) -> bool:
    """Ask; where there is nobody to ask, say what to write."""
    if not sys.stdin.isatty():
        options = [*(["--older-versions"] if roots else []), *(["--cache"] if cache else [])]
        words = shlex.join(["mtbench", "clean", *map(str, roots), *options, "--yes"])
        raise MtbenchError(f"nothing was removed, since nobody can be asked; write {words}")
    return click.confirm("remove all of it?")
