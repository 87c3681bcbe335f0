"""What has to be known of the machines that made some records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from mtbench.text import counted

from .record import Record


def machines(records: Sequence[Record]) -> Iterator[str]:
    """Say, in lines, where times or bits may not be those of one machine alone.

    Args:
        records: Those that went well.
    """
    beside = [record for record in records if record.workers_on_node > 1]
    if beside:
        most = max(record.workers_on_node for record in beside)
        yield (
            f"times of {counted(len(beside), 'run')} were taken beside others, up to {most} on a "
            "machine: for what a step costs run with --speed"
        )
    kinds = Counter(record.environment.cpu for record in records)
    if len(kinds) > 1:
        told = ", ".join(f"{cpu or '?'} ({counted(n, 'run')})" for cpu, n in kinds.items())
        yield f"made on {len(kinds)} kinds of processor, which may differ in the last bits: {told}"
