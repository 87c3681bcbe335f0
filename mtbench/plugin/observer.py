"""The kind `observer`."""

from __future__ import annotations

from typing import ClassVar

from .component import Component


class Observer(Component):
    """Something that is told of every run of a command and sends it on, such as to TensorBoard.

    A slow hook would show in the run's times, so what takes time belongs to
    `mtbench_run_started` and `mtbench_run_finished`, which are called outside of them.
    """

    kind: ClassVar[str] = "observer"
    where: str = ""
    """Where it writes: what follows the colon of `--track NAME:WHERE`."""

    def build(self) -> object:
        """Return what has the hooks, after finding out whether it will be able to write.

        Raises:
            MtbenchError: It will not: a package is missing, a folder is not writable.
        """
        raise NotImplementedError
