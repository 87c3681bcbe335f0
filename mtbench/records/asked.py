"""What was asked for in a folder of results: its versions, of which the last one is reported.

A version is a question with an answer for each scenario and baseline of the suite. Each command
that runs a suite adds a line to a file beside the records, so that a report speaks of what was last
asked for, also where all of that was done before. Without such a file, as in a folder that was put
together by hand, the run that was started last says which version it is, what is left then says the
one before it, and so on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from pydantic_core import to_json

from mtbench.errors import RecordError, did_you_mean

from .differing import is_origin, leaves, shown
from .record import Answer, Record

FILE = "asked.jsonl"
"""In the folder of the records; a line for each time that something else was asked for."""
LENGTH = 8
"""Of a version's name."""
MOST_NAMED = 5
"""How many versions a line names."""
MOST_TOLD = 2
"""How many options say what is different of a version."""


class Planned(Protocol):
    """What is asked here of a run that has yet to be done."""

    @property
    def scenario(self) -> str:
        """Name of the scenario or baseline."""

    @property
    def question_id(self) -> str:
        """Digest of what is asked."""

    @property
    def answer(self) -> Mapping[str, Any]:
        """What is tried."""


@dataclass(frozen=True)
class Version:
    """A question, and an answer for each scenario and baseline."""

    question_id: str
    answers: Mapping[str, str]
    """Digest of each answer, by `_key`; what is not named has the newest of its answers."""
    when: str
    """When it was last asked for, or else a run of it was started: UTC, ISO 8601."""
    main: str | None = None
    """The task that it is about; None for all of them. It is no part of what runs are."""

    @property
    def name(self) -> str:
        """A short digest, to ask for it by."""
        text = json.dumps([self.question_id, self.answers], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]

    @property
    def minute(self) -> str:
        """`2026-01-31 12:00`."""
        return self.when[:16].replace("T", " ")

    def allows(self, record: Record) -> bool:
        """Whether a record can be of it: of its question, and of the answer where it names one."""
        wanted = self.answers.get(_key(record.scenario, record.answer))
        same = record.question_id == self.question_id
        return same and wanted in (None, record.answer.digest)


def _key(name: str, answer: Answer) -> str:
    return f"baseline {name}" if answer.baseline else f"scenario {name}"


def version_of(runs: Iterable[Planned | Record]) -> Version:
    """The version that runs, or records, of one question are of; there has to be one."""
    answers, question = {}, ""
    for run in runs:
        answer = run.answer
        if not isinstance(answer, Answer):
            answer = Answer.model_validate_json(to_json(answer))
        answers[_key(run.scenario, answer)] = answer.digest
        question = run.question_id
    return Version(question, answers, datetime.now(UTC).isoformat(timespec="seconds"))


def note(folder: Path, version: Version, whole: bool = True) -> None:
    """Write down what is asked for, unless it was the last thing already.

    Args:
        folder: Where the records lie.
        version: What is asked for.
        whole: Whether it is all of the suite; of some scenarios alone, the others stay what they
            were when this question was last asked.

    Raises:
        RecordError: The folder cannot be written to.
    """
    before = noted(folder)
    if not whole:
        same = [old.answers for old in before if old.question_id == version.question_id]
        version = replace(version, answers={**(same[-1] if same else {}), **version.answers})
    if before and (before[-1].name, before[-1].main) == (version.name, version.main):
        return
    line = {"asked": version.when, "question_id": version.question_id, "answers": version.answers}
    if version.main:
        line["main"] = version.main
    try:
        with (folder / FILE).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")
    except OSError as error:
        raise RecordError(f"{folder / FILE}: cannot be written: {error.strerror}") from error


def noted(folder: Path) -> list[Version]:
    """What was asked for, the last at the end; a line that was not written to its end is none."""
    found = []
    path = folder / FILE
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            told = json.loads(line)
            said = (told["question_id"], told["answers"], told["asked"], told.get("main"))
            found.append(Version(*said))
        except (ValueError, KeyError, TypeError):
            continue
    return found


def versions(folder: Path, records: Sequence[Record]) -> list[Version]:
    """The versions that a folder has records of, that which was asked for last at the end.

    Args:
        folder: Where the records lie.
        records: All of them.
    """
    asked: dict[str, Version] = {}
    for version in noted(folder)[::-1]:
        asked.setdefault(version.name, version)  # as it was last asked for
    known = [v for v in asked.values() if any(v.allows(record) for record in records)]
    rest = [record for record in records if not any(v.allows(record) for v in known)]
    return [*known, *_unasked(rest)][::-1]


def _unasked(records: Sequence[Record]) -> Iterator[Version]:
    """The versions of records that nobody is known to have asked for, the newest first."""
    left = sorted(records, key=lambda record: record.started)
    while left:
        last = left[-1]
        same = [record for record in left if record.question_id == last.question_id]
        made = version_of(same)
        version = Version(made.question_id, made.answers, last.started)
        yield version
        left = [record for record in left if not version.allows(record)]


def split(folder: Path) -> tuple[Path, str | None]:
    """Take `results/mine@1a2b3c4d` apart: the folder, and the name of a version of it."""
    path, at, name = str(folder).rpartition("@")
    return (Path(path), name) if at and not folder.exists() else (folder, None)


def chosen(folder: Path, found: Sequence[Version], name: str | None) -> Version:
    """The version of a name, or of the start of one; without a name that last asked for.

    Raises:
        RecordError: There is none of that name, or several.
    """
    if name is None:
        return found[-1]
    fitting = [version for version in found if name and version.name.startswith(name)]
    if len(fitting) != 1:
        names = [version.name for version in found]
        hint = f": {', '.join(names)}" if fitting or not name else did_you_mean(name, names)
        raise RecordError(f"{folder}: expected the name of a version, found {name!r}{hint}")
    return fitting[0]


def told(folder: Path, one: Version, found: Sequence[Version], records: Sequence[Record]) -> str:
    """Name the versions that have records besides those of one, and say what is different of them.

    Returns:
        `results/mine@1a2b3c4d (3 runs: train.epochs 30, 2026-01-01 12:00)`, several joined by
        commas; empty where there is none.
    """
    base = next((record for record in records if one.allows(record)), None)
    rest = [record for record in records if not one.allows(record)]
    others = [
        version
        for version in found[::-1]
        if version is not one and any(version.allows(record) for record in rest)
    ]
    named = [
        f"{folder}@{version.name} ({_different(base, of_it)}, {version.minute})"
        for version in others[:MOST_NAMED]
        for of_it in [[record for record in records if version.allows(record)]]
    ]
    more = [f"{len(others) - MOST_NAMED} more"] if len(others) > MOST_NAMED else []
    return ", ".join([*named, *more])


def _different(base: Record | None, records: Sequence[Record]) -> str:
    """How many runs they are, and the options that differ from those of another record."""
    runs = "1 run" if len(records) == 1 else f"{len(records)} runs"
    if base is None:
        return runs
    near = next((r for r in records if r.scenario == base.scenario), records[0])
    mine, theirs = _options(base), _options(near)
    keys = [key for key in theirs if theirs[key] != mine.get(key, theirs[key])]
    said = [f"{key} {shown(theirs[key])}" for key in keys[:MOST_TOLD]]
    more = f" and {len(keys) - MOST_TOLD} more" if len(keys) > MOST_TOLD else ""
    return f"{runs}: {', '.join(said)}{more}" if said else runs


def _options(record: Record) -> dict[str, Any]:
    """What was asked and tried, by dotted key; where code comes from after all else."""
    question = record.question.model_dump(mode="json", exclude={"tasks"})
    answer = record.answer.model_dump(mode="json", exclude={"trained_tasks"})
    flat = dict(leaves(answer)) | dict(leaves(question))
    return dict(sorted(flat.items(), key=lambda item: is_origin(item[0])))
