"""Putting folders of results together, such as those that the shards of a suite have filled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from mtbench.errors import RecordError

from . import asked, store
from .record import Record


@dataclass(frozen=True)
class Merged:
    """What became of the records of some folders."""

    taken: int
    """Those that the target has now and had not."""
    there: int
    """Those that it had already, or another folder had as well."""
    problems: tuple[str, ...]
    """A line for each file that is no record."""


def merge(sources: Sequence[Path], target: Path) -> Merged:
    """Copy the records of some folders, and what belongs to them, into one.

    Of two records of one run the one that went well is kept, then the one that was there first.

    Args:
        sources: Folders of results of one suite.
        target: Where to; made where it is absent.

    Raises:
        RecordError: A folder is absent or of another suite, or the target cannot be written to.
    """
    folders = [store.suite_folder(source) for source in sources]
    counts, problems, suites = Counter[str](), list[str](), dict[str, Path]()
    for folder in [*folders, *([target] if target.is_dir() else [])]:
        for path, record in _read(folder, problems):
            suites.setdefault(record.suite, path)
    if len(suites) > 1:
        named = ", ".join(f"{suite!r} ({path.parent})" for suite, path in suites.items())
        raise RecordError(f"expected results of one suite, found those of {named}")
    for folder in folders:
        for place in (folder, store.trials_of(folder)):
            counts += _merged(place, target / place.relative_to(folder))
    _keep_main_task(folders, target)
    return Merged(counts["taken"], counts["there"], tuple(dict.fromkeys(problems)))


def _keep_main_task(sources: Iterable[Path], target: Path) -> None:
    """Let the target know the main task of the suite, if all that was asked for had this one."""
    mains = {told[-1].main for folder in sources if (told := asked.noted(folder))}
    if len(mains) == 1 and (main := mains.pop()):
        last = asked.versions(target, store.read_folder(target)[0])[-1]
        asked.note(target, replace(last, main=main))


def _read(folder: Path, problems: list[str]) -> Iterable[tuple[Path, Record]]:
    """The records of a folder, and of its trials."""
    for path in sorted([*folder.glob("*.json"), *store.trials_of(folder).glob("*.json")]):
        try:
            yield path, store.read(path)
        except RecordError as error:
            problems.append(str(error))


def _copying(content: bytes) -> Callable[[BinaryIO], object]:
    return lambda stream: stream.write(content)


def _merged(source: Path, target: Path) -> Counter[str]:
    counts = Counter[str]()
    for path, record in _read(source, []):
        if path.parent != source:
            continue
        store.prepare_folder(target)
        before = store.path_of(target, record.run_id)
        if before.exists() and (store.done(target, record.run_id) or not record.ok):
            counts["there"] += 1
            continue
        *others, last = reversed(store.files_of(source, record))  # its record comes last
        for file in (*others, last):
            store.put(target / file.name, _copying(file.read_bytes()))
        counts["taken"] += 1
    return counts
