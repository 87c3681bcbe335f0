"""Commands that bring data in: data import."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from .common import PATH, data_dir, plugin_files, registry_with
from .words import Argument, Command, Group

COMMANDS = {"import": ("data:import_archive", "put an official archive where tfds looks for it")}


@click.group(cls=Group, table=COMMANDS)
def data() -> None:
    """`mtbench data`."""


@click.command(cls=Command)
@click.argument(
    "archive", cls=Argument, type=PATH, metavar="ARCHIVE", about="such as ml-100k.zip"
)  # fmt: skip
@data_dir
@plugin_files
def import_archive(archive: Path, plugins: Sequence[Path]) -> int:
    """`mtbench data import`."""
    from mtbench.errors import DataError  # noqa: PLC0415
    from mtbench.plugin.dataset import Dataset  # noqa: PLC0415

    datasets = [cls for cls in registry_with(plugins).classes() if issubclass(cls, Dataset)]
    if not archive.is_file():
        what = "is a folder, expected an archive" if archive.is_dir() else "no such file"
        raise DataError(f"{archive}: {what}")
    try:
        for cls in datasets:
            if target := cls.bring(archive):
                print(f"{archive} is an official archive of {cls.name}; copied to {target}")
                return 0
    except OSError as error:
        raise DataError(f"{archive}: cannot be copied: {error}") from error
    known = ", ".join(cls.name for cls in datasets)
    raise DataError(f"{archive}: not an official archive of any dataset ({known})")
