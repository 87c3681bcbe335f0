"""The command about the installation: doctor."""

from __future__ import annotations

import click

from .common import data_dir
from .words import Command


@click.command(cls=Command)
@data_dir
@click.option(
    "--tensorflow", is_flag=True, help="import TensorFlow too, which takes some seconds"
)  # fmt: skip
def doctor(tensorflow: bool) -> int:
    """`mtbench doctor`."""
    from mtbench.runs.doctor import examine  # noqa: PLC0415
    from mtbench.version import __version__  # noqa: PLC0415

    print(f"mtbench {__version__}")
    wrong = 0
    for finding in examine(tensorflow=tensorflow):
        print(f"{finding.state:6}  {finding.what}: {finding.found}", flush=True)
        if finding.fix:
            print(f"        → {finding.fix}")
        wrong += finding.state == "WRONG"
    if not tensorflow:
        print("TensorFlow was not imported: --tensorflow tries that, in some seconds")
    print(
        f"{wrong} things are wrong" if wrong > 1 else ("nothing", "one thing")[wrong] + " is wrong"
    )
    return 1 if wrong else 0
