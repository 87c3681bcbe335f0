"""The folders of results below one: what lies in each, and where a run lies."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mtbench.errors import RecordError, did_you_mean

from . import asked, store
from .current import versions
from .record import Record
from .results import Results

MOST_NAMED = 5
"""How many runs a message names."""


@dataclass(frozen=True)
class Folder:
    """A folder of results."""

    path: Path
    results: Results
    """The records that count; none where there are trials alone."""
    suite: str
    versions: int
    """How many versions of suite, data or software its records are of."""
    trials: tuple[Record, ...]
    """The records of trials."""
    older: tuple[Record, ...] = ()
    """The records of another version than the one last asked for, which do not count."""


def folders(roots: Iterable[Path]) -> list[Folder]:
    """Read the folders of results below some, these among them, in the order of their paths.

    Raises:
        RecordError: One is absent, or there is no result in or below it.
    """
    read: dict[Path, Folder] = {}
    for root in roots:
        store.require_folder(root)
        below = {path: folder for path in _below(root) if (folder := _read(path))}
        if not below:
            raise RecordError(f"{root}: has no record of a run")
        read |= below
    return list(read.values())


def _below(root: Path) -> Iterator[Path]:
    """The folders that may hold results; trials belong to the folder above them."""
    for place, names, files in os.walk(root):
        names[:] = sorted(name for name in names if name[0] != "." and name != store.TRIALS)
        path = Path(place)
        if any(name.endswith(".json") for name in files) or store.trials_of(path).is_dir():
            yield path


def _read(path: Path) -> Folder | None:
    """What a folder holds; None where no file of it is the record of a run."""
    trials = _records(store.trials_of(path))
    try:
        records, problems = store.read_folder(path)
    except RecordError:
        if not trials:
            return None
        return Folder(path, Results(()), trials[0].suite, 0, trials)
    version = asked.versions(path, records)[-1]
    results = Results.of(records, problems, version)
    counting = {record.run_id for record in results.records}
    older = tuple(record for record in records if record.run_id not in counting)
    return Folder(path, results, results.suite, versions(records), trials, older)


def _records(path: Path) -> tuple[Record, ...]:
    try:
        return tuple(store.read_folder(path)[0])
    except RecordError:
        return ()


def find_run(root: Path, text: str) -> Path:
    """Find the record of a run, at or below a folder.

    Args:
        root: The folder.
        text: The start of a run's id, `SCENARIO:SEED` of a run that counts, or the file itself.

    Returns:
        The file.

    Raises:
        RecordError: There is none, or several.
    """
    if text.endswith(".json") and Path(text).is_file():
        return Path(text)
    pattern = f"{glob.escape(text)}*.json"
    found = [path for each in _places(root) for path in sorted(each.glob(pattern))]
    name, colon, seed = text.rpartition(":")
    if not found and colon:
        found = [
            store.path_of(folder.path, record.run_id)
            for folder in folders([root])
            for record in folder.results.records
            if (record.scenario, str(record.seed)) == (name, seed)
        ]
    if len(found) == 1:
        return found[0]
    raise RecordError(_several(text, found) if found else _unknown(root, text))


def _places(root: Path) -> Iterator[Path]:
    """The folders of records at or below a folder, those of trials too."""
    if not root.is_dir():
        raise RecordError(f"{root}: no such folder of results")
    for path in _below(root):
        yield from (path, store.trials_of(path))


def _several(text: str, found: list[Path]) -> str:
    """What to say of a text that several runs answer to."""
    named = ", ".join(f"{path.with_suffix('')} ({_title(path)})" for path in found[:MOST_NAMED])
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    return f"expected one run, found {len(found)} of {text!r}: {named}{more}"


def _title(path: Path) -> str:
    """`joint seed 3`."""
    try:
        record = store.read(path)
    except RecordError:
        return "damaged"
    return f"{record.scenario} seed {record.seed}"


def _unknown(root: Path, text: str) -> str:
    """What to say of a text that no run answers to: the seeds of its scenario, or near names."""
    name, colon, _ = text.rpartition(":")
    seeds: dict[str, list[int]] = {}
    for folder in folders([root]):
        for record in folder.results.records:
            seeds.setdefault(record.scenario, []).append(record.seed)
    wanted = name if colon else text
    if wanted in seeds:
        listed = ", ".join(map(str, sorted(set(seeds[wanted]))))
        return (
            f"{root}: expected SCENARIO:SEED with a seed of {wanted!r} ({listed}), found {text!r}"
        )
    return (
        f"{root}: no run {text!r}; expected the start of an id, or SCENARIO:SEED"
        f"{did_you_mean(wanted, seeds)}"
    )
