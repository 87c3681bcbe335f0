"""The file of a record: its form, its checksum, and records made of it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from mtbench import files
from mtbench.config.messages import message_of
from mtbench.errors import RecordError, in_one_line
from mtbench.text import UNSHOWN_IN_JSON, printable

from .record import SCHEMA_VERSION, Record, needed
from .sound import contradiction
from .upgrade import older_key, upgrade

CHECKSUM = "checksum"
"""Last key of a record's file: SHA-256 of the JSON that the file would be without it."""
_SEAL = re.compile(rb',\n "checksum": "([0-9a-f]{64})"\n\}\n$')


def as_text(record: Record) -> str:
    """A record as its file has it."""
    text = json.dumps(record.plain(), indent=1, allow_nan=False)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f'{text[:-2]},\n "{CHECKSUM}": "{digest}"\n}}\n'


def _is_sealed(text: bytes) -> bool:
    """Whether a file is as it was written, byte for byte."""
    seal = _SEAL.search(text, max(len(text) - 100, 0))
    if seal is None:
        return False
    whole = hashlib.sha256(text[: seal.start()])
    whole.update(b"\n}")
    return whole.hexdigest().encode() == seal[1]


def _is_sound(value: dict[str, Any]) -> bool:
    """Whether a record is what was written, however the file is set; takes its checksum out."""
    expected = value.pop(CHECKSUM, None)
    if expected is None:  # of before there was one, unless that key is the damaged one
        today = value.get("schema_version") == SCHEMA_VERSION
        return not today or value.keys() <= Record.model_fields.keys()
    return bool(expected == hashlib.sha256(json.dumps(value, indent=1).encode()).hexdigest())


def read(path: Path) -> Record:
    """Read a record; one of an older form becomes one of today's.

    Raises:
        RecordError: It is not a record this version of mtbench understands.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise RecordError(f"{path}: {files.reason(error)}") from error
    sealed = _is_sealed(text)
    if sealed and _TODAY.match(text) and not UNSHOWN_IN_JSON.search(text):
        with contextlib.suppress(ValidationError):
            return _whole(path, Record.model_validate_json(text))
    value = _json(path, text, sealed)
    version = value.get("schema_version") if isinstance(value, dict) else None
    if version not in (1, SCHEMA_VERSION):
        raise RecordError(
            f"{path}: expected schema_version {SCHEMA_VERSION}, found {version!r:.40}"
        )
    try:
        value = printable(value)
        return _whole(path, Record.of(value if version == SCHEMA_VERSION else upgrade(value)))
    except ValidationError as error:
        raise RecordError(_refusal(path, _fault(value, error))) from error
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise RecordError(_refusal(path, in_one_line(error))) from error


_TODAY = re.compile(rf'\{{\s*"schema_version":\s*{SCHEMA_VERSION}\b'.encode())
"""How `write` begins."""


def _json(path: Path, text: bytes, sealed: bool) -> Any:
    """Read JSON, which may have halves of surrogate pairs, and hold it to its checksum.

    Raises:
        RecordError: It is none, or another than was written.
    """
    try:
        try:
            value = from_json(text)
        except ValueError:
            value = json.loads(text)
        sound = sealed or not isinstance(value, dict) or _is_sound(value)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{path}: expected JSON, found a damaged file") from error
    if not sound:
        raise RecordError(f"{path}: is damaged: its checksum is of another content")
    return value


def _whole(path: Path, record: Record) -> Record:
    """Hand on a record that has what one of its status has to have, and is sound.

    Raises:
        RecordError: It has not.
    """
    if record.lacking:
        raise RecordError(_refusal(path, f"it lacks {', '.join(record.lacking)}"))
    if fault := contradiction(record):
        raise RecordError(_refusal(path, fault))
    return record


def _refusal(path: Path, fault: str) -> str:
    return f"{path}: is not the record of a run: {fault}"


def _fault(value: Mapping[str, Any], error: ValidationError) -> str:
    """Say what keeps a value from being a record: all keys it lacks, or what is wrong first."""
    older, lacking, wrong = value["schema_version"] != SCHEMA_VERSION, set(), []
    for detail in error.errors(include_url=False):
        key = ".".join(map(str, detail["loc"]))
        key = older_key(key) if older else key
        if detail["type"] == "missing":
            lacking.add(key)
        else:
            wrong.append(f"{key}: {message_of(detail, Record, ())}")
    answer = value.get("answer")
    baseline = isinstance(answer, dict) and answer.get("baseline") is not None
    lacking |= set(needed(str(value.get("status", "failed")), baseline)) - value.keys()
    if "protocol" in lacking:
        lacking = {key for key in lacking if not key.startswith("protocol.")}
    return f"it lacks {', '.join(sorted(lacking))}" if lacking else wrong[0]
